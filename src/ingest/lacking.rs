//! Fields that the CRM is known to have, by earlier inputs, and that a file does not have: of them, and of what is made of them
//! among others, its rows say nothing.
//!
//! Files of a complete input may have different columns because their customers are of different kinds, or because one export
//! was split, or has lost something. The layout tells: a file with columns that were accepted before lacks what it lacked then;
//! one whose columns are new lacks what the layout had that is nearest to it, unless all who are in it alone are new too.

use rayon::prelude::*;

use crate::domain::field::{Field, FieldSet};
use crate::reader::{Row, Scanned};
use crate::store::{Layout, Snapshot};

use super::compare::Candidate;
use super::queue::Candidates;
use super::sheet::Sheet;
use super::{Ingest, IngestError, Kind};

/// So many records of a file without a header are looked at together.
const ROWS_AT_ONCE: usize = 4_096;

/// What the files of an input lack.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    /// By file.
    fields: Vec<FieldSet>,
    /// What no file of a complete input has.
    pub(super) lost: FieldSet,
    /// The layouts of the files of a complete input.
    pub(super) layouts: Vec<Layout>,
    /// By file, is anybody compared who is in this file alone.
    alone: Vec<bool>,
}

impl Lacking {
    /// Finds what each file lacks. A part of the customers or fields lacks whatever a row does not say.
    pub(super) fn find(
        ingest: &Ingest<'_>,
        sheets: &[Sheet<'_>],
        snapshot: &Snapshot<'_>,
        candidates: &Candidates,
    ) -> Result<Self, IngestError> {
        let known = if ingest.starts_anew() { FieldSet::default() } else { snapshot.known_fields()? };
        if ingest.options.kind == Kind::Delta {
            let fields = vec![known; sheets.len()];
            return Ok(Self { fields, alone: vec![false; sheets.len()], ..Self::default() });
        }
        // Without the type of an identifier the configured one counts: nobody new is to be left out.
        let known = known - FieldSet::from_iter([Field::PersonIdentifierType]);
        let lost = known - all_fields(ingest, sheets, known, candidates.len() > 0)?;
        let before = if ingest.starts_anew() { Vec::new() } else { snapshot.layouts()? };
        let layouts: Vec<Option<FieldSet>> = sheets.iter().map(Sheet::fields).collect();
        let is_alone = |one: &Candidate, file: u16| one.rows().all(|row| row.file() == file);
        let files = || layouts.iter().zip(0_u16..);
        let alone = files().map(|(_, file)| candidates.iter().any(|one| is_alone(one, file)));
        let mut found = Self { lost, alone: alone.collect(), ..Self::default() };
        // Has any file with these columns somebody who was known and is in no other one.
        let has_known = |fields: FieldSet| {
            let known = |file| candidates.iter().any(|one| one.is_known() && is_alone(one, file));
            files().any(|(layout, file)| *layout == Some(fields) && known(file))
        };
        for ((sheet, fields), alone) in sheets.iter().zip(&layouts).zip(&found.alone) {
            let mut lacking = lost;
            if let Some(fields) = *fields {
                let accepted = before.iter().find(|layout| layout.fields == fields);
                let own = match accepted {
                    Some(layout) => layout.lacking,
                    None if before.is_empty() => lost,
                    None if has_known(fields) => lost_since(&before, fields),
                    None => FieldSet::default(),
                };
                lacking |= (own & known) - fields;
                // Where nobody is in it alone, nobody was accepted by its columns.
                if *alone && !sheet.mapper.is_rejects_file() {
                    found.layouts.push(Layout { fields, lacking: own });
                }
            }
            found.fields.push(lacking);
        }
        Ok(found)
    }

    /// What one file lacks.
    pub(super) fn of(&self, file: u16) -> FieldSet {
        self.fields.get(usize::from(file)).copied().unwrap_or_default()
    }

    /// What all of these files lack, of which there is at least one.
    pub(super) fn of_all(&self, files: impl Iterator<Item = u16>) -> FieldSet {
        files.map(|file| self.of(file)).reduce(|one, other| one & other).unwrap_or_default()
    }

    /// What a file lacks that others have, where it matters to anybody.
    pub(super) fn beside_others(&self, file: u16) -> impl Iterator<Item = Field> + use<> {
        let matters = self.alone.get(usize::from(file)).copied().unwrap_or_default();
        let of_others = if matters { self.of(file) - self.lost } else { FieldSet::default() };
        of_others.iter()
    }
}

/// What the layout had or lacked that is nearest to these fields, the newest of several, and they do not have.
fn lost_since(before: &[Layout], fields: FieldSet) -> FieldSet {
    let distance = |layout: &&Layout| ((layout.fields - fields) | (fields - layout.fields)).iter().count();
    let nearest = before.iter().rev().min_by_key(distance);
    nearest.map_or_else(FieldSet::default, |layout| (layout.fields | layout.lacking) - fields)
}

/// The fields that the files have together. Which of the `known` ones a file without a header has, its records tell, where anybody
/// is compared.
fn all_fields(
    ingest: &Ingest<'_>,
    sheets: &[Sheet<'_>],
    known: FieldSet,
    is_compared: bool,
) -> Result<FieldSet, IngestError> {
    let of_headers = sheets.iter().filter_map(Sheet::fields);
    let mut all = of_headers.fold(FieldSet::default(), |all, fields| all | fields);
    for sheet in sheets.iter().filter(|sheet| sheet.fields().is_none()) {
        let missing = known - all;
        all |= if is_compared { told_by_records(ingest, sheet, missing)? } else { missing };
    }
    Ok(all)
}

/// Of which of these fields any record of a file says something. As a rule its first ones have all of them.
fn told_by_records(
    ingest: &Ingest<'_>,
    sheet: &Sheet<'_>,
    missing: FieldSet,
) -> Result<FieldSet, IngestError> {
    // Without a key there is no row.
    let (mut told, today) = (FieldSet::from_iter([Field::CustomerId]), ingest.today());
    let told_by = |row: &Row| {
        let mapped = sheet.map(row, today, FieldSet::default()).ok();
        mapped.map_or_else(FieldSet::default, |mapped| sheet.told(row, &mapped.customer))
    };
    let mut rows = sheet.file.scan()?.filter_map(|scanned| match scanned {
        Ok(Scanned::Row(row)) => Some(Ok(row)),
        Ok(Scanned::Bad(_)) => None,
        Err(error) => Some(Err(error)),
    });
    while missing - told != FieldSet::default() {
        let some: Vec<Row> = rows.by_ref().take(ROWS_AT_ONCE).collect::<Result<_, _>>()?;
        if some.is_empty() {
            break;
        }
        ingest.go_on()?;
        told |= some.par_iter().map(told_by).reduce(FieldSet::default, |one, other| one | other);
    }
    Ok(told)
}
