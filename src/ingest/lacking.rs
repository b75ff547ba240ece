//! Fields that the CRM is known to have, by earlier inputs, and that a file does not have: of them, and of what is made of them
//! among others, its rows say nothing.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::domain::field::{Field, FieldSet};
use crate::reader::{Row, Scanned};

use super::sheet::Sheet;
use super::{Ingest, IngestError, Kind};

/// So many records of a file without a header are looked at together.
const ROWS_AT_ONCE: usize = 4_096;

/// What the files of an input lack.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    /// By file.
    fields: Vec<Vec<Field>>,
}

impl Lacking {
    /// Finds what each file lacks of the `known` fields. A part of the customers or fields lacks whatever a row does not say.
    /// Which fields a file without a header has, its records tell: they are asked where anybody has to be `compared`.
    pub(super) fn find(
        ingest: &Ingest<'_>,
        sheets: &[Sheet<'_>],
        known: &[Field],
        compared: bool,
    ) -> Result<Self, IngestError> {
        let of_sheet = |sheet: &Sheet<'_>| match ingest.options.kind {
            Kind::Delta => Ok(known.to_vec()),
            Kind::Full => {
                let told = if compared && sheet.file.header().is_none() {
                    Some(told_by_records(ingest, sheet, known)?)
                } else {
                    None
                };
                let has = |field: Field| told.map_or_else(|| sheet.has(field), |told| told.contains(field));
                // Without the type of an identifier the configured one counts: nobody new is to be left out.
                let lacks = |field: &Field| *field != Field::PersonIdentifierType && !has(*field);
                Ok(known.iter().copied().filter(lacks).collect())
            }
        };
        Ok(Self { fields: sheets.iter().map(of_sheet).collect::<Result<_, IngestError>>()? })
    }

    /// What one file lacks.
    pub(super) fn of(&self, file: u16) -> &[Field] {
        self.fields.get(usize::from(file)).map_or(&[], Vec::as_slice)
    }

    /// What all of these files lack, of which there is at least one.
    pub(super) fn of_all(&self, mut files: impl Iterator<Item = u16> + Clone) -> Cow<'_, [Field]> {
        let first = files.next().unwrap_or_default();
        if files.clone().all(|file| file == first) {
            return Cow::Borrowed(self.of(first));
        }
        let everywhere = |field: &Field| files.clone().all(|file| self.of(file).contains(field));
        Cow::Owned(self.of(first).iter().copied().filter(everywhere).collect())
    }

    /// What no file of the input has.
    pub(super) fn everywhere(&self) -> Cow<'_, [Field]> {
        self.of_all((0..self.fields.len()).map(|file| u16::try_from(file).unwrap_or(u16::MAX)))
    }
}

/// Of which of these fields any record of a file says something. As a rule its first ones have all of them.
fn told_by_records(ingest: &Ingest<'_>, sheet: &Sheet<'_>, known: &[Field]) -> Result<FieldSet, IngestError> {
    let (mut told, today) = (FieldSet::default(), ingest.today());
    let told_by = |row: &Row| {
        let mapped = sheet.map(row, today, &[]).ok();
        mapped.map_or_else(FieldSet::default, |mapped| sheet.told(row, &mapped.customer))
    };
    let mut rows = sheet.file.scan()?.filter_map(|scanned| match scanned {
        Ok(Scanned::Row(row)) => Some(Ok(row)),
        Ok(Scanned::Bad(_)) => None,
        Err(error) => Some(Err(error)),
    });
    while !known.iter().all(|field| told.contains(*field)) {
        let some: Vec<Row> = rows.by_ref().take(ROWS_AT_ONCE).collect::<Result<_, _>>()?;
        if some.is_empty() {
            break;
        }
        ingest.go_on()?;
        told |= some.par_iter().map(told_by).reduce(FieldSet::default, |one, other| one | other);
    }
    Ok(told)
}
