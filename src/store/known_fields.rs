//! Of which fields the CRM is known to have values, and which of them a file with certain columns never brought.

use std::collections::VecDeque;

use crate::domain::field::{Field, FieldSet};

use super::{Intake, Snapshot, StoreError, setting};

/// The setting that names the fields of which any input has said something.
const KNOWN_FIELDS: &str = "full_columns";
/// The setting that has the layouts of files.
const LAYOUTS: &str = "layouts";
/// So many layouts are remembered, the newest ones.
const LAYOUTS_MAX: usize = 64;

/// A file of a complete input, by its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The fields for which it has columns.
    pub fields: FieldSet,
    /// What its customers were known to have by other files, when it was accepted for the first time.
    pub lacking: FieldSet,
}

impl Snapshot<'_> {
    /// The fields of which any input has said something.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read; so for every method of this type.
    pub fn known_fields(&self) -> Result<FieldSet, StoreError> {
        Ok(fields_of(&text_of(setting::get(self.connection, KNOWN_FIELDS)?)?))
    }

    /// The layouts of the files of complete inputs that were accepted, oldest first.
    pub fn layouts(&self) -> Result<Vec<Layout>, StoreError> {
        let text = text_of(setting::get(self.connection, LAYOUTS)?)?;
        let layouts = text.lines().filter_map(|line| line.split_once('|'));
        let layout = |(fields, lacking)| Layout { fields: fields_of(fields), lacking: fields_of(lacking) };
        Ok(layouts.map(layout).collect())
    }
}

impl Intake<'_> {
    /// Remembers the fields of which this input says something, beside those of earlier ones or `alone`.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written; so for every method of this type.
    pub fn put_known_fields(&self, told: FieldSet, alone: bool) -> Result<(), StoreError> {
        let before = self.snapshot().known_fields()?;
        let known = if alone { told } else { before | told };
        if known != before {
            setting::put(&self.transaction, KNOWN_FIELDS, names_of(known).as_bytes())?;
        }
        Ok(())
    }

    /// Remembers the layouts of the files of this input, beside those of earlier ones or `alone`.
    pub fn put_layouts(&self, layouts: &[Layout], alone: bool) -> Result<(), StoreError> {
        let before = if alone { Vec::new() } else { self.snapshot().layouts()? };
        let mut all = VecDeque::from(before);
        for layout in layouts {
            if !all.contains(layout) {
                all.retain(|earlier| earlier.fields != layout.fields);
                all.push_back(*layout);
            }
        }
        all.drain(..all.len().saturating_sub(LAYOUTS_MAX));
        let line = |one: &Layout| format!("{}|{}\n", names_of(one.fields), names_of(one.lacking));
        setting::put(&self.transaction, LAYOUTS, all.iter().map(line).collect::<String>().as_bytes())
    }
}

fn text_of(value: Option<Vec<u8>>) -> Result<String, StoreError> {
    let damaged = StoreError::Damaged { what: "the fields of earlier inputs are unreadable" };
    String::from_utf8(value.unwrap_or_default()).map_err(|_| damaged)
}

fn fields_of(names: &str) -> FieldSet {
    names.split(',').filter_map(Field::parse).collect()
}

fn names_of(fields: FieldSet) -> String {
    fields.iter().map(|field| field.name().into_owned()).collect::<Vec<_>>().join(",")
}
