//! The fields of which the CRM is known to have values: at all, by the files with certain columns, and by the records of each
//! customer.

use std::collections::VecDeque;

use rusqlite::Connection;

use crate::domain::customer::CustomerNumber;
use crate::domain::field::{Field, FieldSet};

use super::open::has_column;
use super::{Intake, Snapshot, StoreError, setting};

/// The setting that names the fields of which any input has said something.
const KNOWN_FIELDS: &str = "full_columns";
/// The setting that has the layouts of files.
const LAYOUTS: &str = "layouts";
/// The setting that says which bit stands for which field in what is remembered of each customer.
const FIELD_NUMBERS: &str = "field_numbers";
/// How many layouts are remembered, the newest ones.
const LAYOUTS_MAX: usize = 64;

/// A file of a complete input, by its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The fields for which it has columns.
    pub fields: FieldSet,
    /// What its customers were known to have by other files, when it was accepted for the first time.
    pub lacking: FieldSet,
}

/// The fields that the records of a customer have told something about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToldFields {
    /// The fields.
    pub fields: FieldSet,
    /// Whether a complete input was among what told it: else the CRM may have more.
    pub is_all: bool,
}

/// Which field each bit stands for, in the sets that are kept of customers. A state gives the bits out as it comes to know fields,
/// so that the order of the catalogue may change.
#[derive(Debug, Clone, Default)]
pub(super) struct FieldNumbers {
    names: Vec<String>,
    /// None for a name that this version does not know.
    fields: Vec<Option<Field>>,
    /// What was packed last: most customers have told the same.
    last: Option<(ToldFields, Vec<u8>)>,
}

impl FieldNumbers {
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let text = text_of(setting::get(connection, FIELD_NUMBERS)?)?;
        let names: Vec<String> = text.lines().map(str::to_owned).collect();
        let fields = names.iter().map(|name| Field::parse(name)).collect();
        Ok(Self { names, fields, last: None })
    }

    /// What is kept in these bytes: the lowest bit says whether it is all.
    pub(super) fn unpack(&self, bytes: &[u8]) -> ToldFields {
        let is_set = |bit: usize| bytes.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1);
        let set = (1..).zip(&self.fields).filter(|(bit, _)| is_set(*bit));
        ToldFields { fields: set.filter_map(|(_, field)| *field).collect(), is_all: is_set(0) }
    }

    /// The bytes in which it is kept. Fields without a number get one.
    pub(super) fn pack(&mut self, connection: &Connection, told: ToldFields) -> Result<Vec<u8>, StoreError> {
        if let Some((_, bytes)) = self.last.as_ref().filter(|(last, _)| *last == told) {
            return Ok(bytes.clone());
        }
        let set = told.fields;
        let new = set - self.fields.iter().flatten().copied().collect();
        if !new.is_empty() {
            self.names.extend(new.iter().map(|field| field.name().into_owned()));
            self.fields.extend(new.iter().map(Some));
            setting::put(connection, FIELD_NUMBERS, self.names.join("\n").as_bytes())?;
        }
        let mut bytes = vec![0; (self.fields.len() + 1).div_ceil(8)];
        bytes[0] = u8::from(told.is_all);
        for (bit, field) in (1..).zip(&self.fields) {
            let is_in = field.is_some_and(|field| set.contains(field));
            bytes[bit / 8] |= u8::from(is_in) << (bit % 8);
        }
        self.last = Some((told, bytes.clone()));
        Ok(bytes)
    }
}

/// Whether what the records of each customer have said is remembered: not where a state of an earlier version is only read.
pub(super) fn are_by_customer(connection: &Connection) -> Result<bool, StoreError> {
    has_column(connection, "customer", "told_fields")
}

impl Snapshot<'_> {
    /// The fields of which any input has said something.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read; so for every method of this type.
    pub fn known_fields(&self) -> Result<FieldSet, StoreError> {
        Ok(fields_of(&text_of(setting::get(self.connection, KNOWN_FIELDS)?)?))
    }

    /// All fields that may be remembered of any customer.
    pub fn told_fields(&self) -> Result<FieldSet, StoreError> {
        Ok(FieldNumbers::read(self.connection)?.fields.into_iter().flatten().collect())
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

    /// Remembers the fields that the records of a known customer have told something about.
    pub fn put_told(&self, customer: CustomerNumber, told: ToldFields) -> Result<(), StoreError> {
        let sql = "UPDATE customer SET told_fields = ?2 WHERE id = ?1";
        let packed = self.packed_told(told)?;
        self.transaction.prepare_cached(sql)?.execute((customer, packed))?;
        Ok(())
    }

    /// As it is kept with a customer.
    pub(super) fn packed_told(&self, told: ToldFields) -> Result<Vec<u8>, StoreError> {
        self.field_numbers.borrow_mut().pack(&self.transaction, told)
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
