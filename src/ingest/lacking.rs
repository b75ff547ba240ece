//! Fields that a file does not have although the CRM is known, by earlier inputs, to have them: its rows say nothing about
//! them, nor about anything that is made of them.
//!
//! The files of a complete input may differ in their columns: their customers are of different kinds, one export was split,
//! or a column was lost. The layout tells which. A file whose columns were accepted before lacks what it lacked then. A
//! file with new columns lacks what the most similar accepted layout had or lacked, unless every customer found only in it is new.

use crate::domain::field::{Field, FieldSet};
use crate::store::{Layout, Snapshot, ToldFields};

use super::compare::Candidate;
use super::named::told_by_records;
use super::queue::Candidates;
use super::sheet::Sheet;
use super::{Ingest, IngestError, Kind};

/// What the files of an input lack.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    /// By file, for those of whom nobody knows what their own records had.
    fields: Vec<FieldSet>,
    /// By file, the fields that at least one of its records says something about: they count as present for all its
    /// customers. Empty in a delta, where each record speaks for itself, and for a file of rejects.
    told: Vec<FieldSet>,
    /// What no file of a complete input has.
    pub(super) lost: FieldSet,
    /// The layouts of the files of a complete input.
    pub(super) layouts: Vec<Layout>,
    /// By file, whether anybody is compared who is in this file alone.
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
            let (fields, told) = (vec![known; sheets.len()], vec![FieldSet::default(); sheets.len()]);
            return Ok(Self { fields, told, alone: vec![false; sheets.len()], ..Self::default() });
        }
        // Without the type of an identifier the configured one counts: nobody new is to be left out.
        let unneeded = FieldSet::from_iter([Field::PersonIdentifierType]);
        let wanted = known | snapshot.told_fields()?;
        let mut told = told_by_files(ingest, sheets, wanted, candidates.len() > 0)?;
        let known = known - unneeded;
        let lost = told.iter().fold(known, |lost, told| lost - with_nic(*told));
        // In a file of rejects each record speaks for itself.
        for (told, _) in told.iter_mut().zip(sheets).filter(|(_, sheet)| sheet.mapper.is_rejects_file()) {
            *told = FieldSet::default();
        }
        let before = if ingest.starts_anew() { Vec::new() } else { snapshot.layouts()? };
        let layouts: Vec<_> = sheets.iter().map(|sheet| sheet.fields().map(with_nic)).collect();
        let is_alone = |one: &Candidate, file: u16| one.rows().all(|row| row.file() == file);
        let files = || layouts.iter().zip(0_u16..);
        let alone = files().map(|(_, file)| candidates.iter().any(|one| is_alone(one, file)));
        let mut found = Self { told, lost, alone: alone.collect(), ..Self::default() };
        // Whether any file with these columns has somebody who was known and is in no other one.
        let has_known = |fields: FieldSet| {
            let known = |file| candidates.iter().any(|one| one.is_known() && is_alone(one, file));
            files().any(|(layout, file)| *layout == Some(fields) && known(file))
        };
        for ((sheet, fields), alone) in sheets.iter().zip(&layouts).zip(&found.alone) {
            let mut lacking = lost;
            if let Some(fields) = *fields {
                let own = match before.iter().find(|layout| layout.fields == fields) {
                    Some(accepted) => accepted.lacking,
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

    /// What all of these files lack of what earlier records of one customer told, and where nobody knows whether that is all, of
    /// what others did.
    pub(super) fn of_customer(&self, had: ToldFields, files: impl Iterator<Item = u16> + Clone) -> FieldSet {
        let of_files = if had.is_all { FieldSet::default() } else { self.of_all(files.clone()) };
        let told = files.filter_map(|file| self.told.get(usize::from(file)));
        told.fold(had.fields, |lacking, told| lacking - *told) | of_files
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

/// Fields with the NIC, which a SIRET in the place of the SIREN has: whether it does, each record tells.
fn with_nic(fields: FieldSet) -> FieldSet {
    let nic = fields.contains(Field::Siren).then_some(Field::Nic);
    fields | nic.into_iter().collect()
}

/// The fields that each file says something about. Which of the `known` ones a file without a header has, its records tell,
/// where anybody is compared. Whether what they have for a SIREN are SIRETs with a NIC, each of them tells for itself.
fn told_by_files(
    ingest: &Ingest<'_>,
    sheets: &[Sheet<'_>],
    known: FieldSet,
    is_compared: bool,
) -> Result<Vec<FieldSet>, IngestError> {
    let nic = known.contains(Field::Siren).then_some(Field::Nic);
    let wanted = known - nic.into_iter().collect();
    let told_by = |sheet: &Sheet<'_>| match sheet.fields() {
        Some(fields) => Ok(fields),
        None if is_compared => told_by_records(ingest, sheet, wanted),
        None => Ok(known),
    };
    sheets.iter().map(told_by).collect()
}
