//! A look at a file before it is used: what it is, which columns are understood, what the first rows suffer from, and
//! what three of them are read as. What they suffer from is counts and names only, no value.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::mapped_rows::{MappedRows, Showing};
use super::rows::{self, Rows};
use crate::cli::config::Config;
use crate::cli::failure::Failure;
use crate::domain::clock::Timestamp;
use crate::domain::defect::Defect;
use crate::domain::field::Field;
use crate::ingest::IngestError;
use crate::mapping::{Mapper, MappingError, NO_KEY, OrderWarning};
use crate::reader::{FileError, InputFile};

/// How many rows are looked at: enough to meet the usual faults, few enough to answer at once.
const ROWS_LOOKED_AT_MAX: usize = 10_000;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct FileFindings {
    /// Format, encoding and delimiter.
    pub(super) form: String,
    /// Canonical field and column.
    pub(super) columns: Vec<(String, String)>,
    /// Columns that mean nothing to us.
    pub(super) unused: Vec<String>,
    /// Fields and columns of the configuration that no row has, in a file without a header that would say so.
    pub(super) nowhere: Vec<(String, String)>,
    /// The fields that the rows say something about.
    told: BTreeSet<Field>,
    /// Set when the file lacks the column of `order_by`.
    pub(super) order_warning: Option<OrderWarning>,
    /// Rows looked at.
    pub(super) rows: u64,
    /// Rows with a fault.
    pub(super) faulty: u64,
    /// Lines that are no record at all.
    broken: u64,
    /// Records without the customer's key.
    keyless: u64,
    /// Where the first row begins.
    first_line: u64,
    /// How often each column suffers from what.
    pub(super) defects: BTreeMap<(String, String), u64>,
    /// The first customers as a table, for people; none without a row.
    pub(super) table: Option<String>,
    /// The same, one line each, for programs.
    pub(super) sentences: Vec<(String, String)>,
}

/// Looks at header and first rows. `now` bounds dates of birth.
pub(super) fn look(
    config: &Config,
    path: &Path,
    now: Timestamp,
    showing: Showing,
) -> Result<FileFindings, Failure> {
    let rows = Rows::open(config, path, now)?;
    let mut looked = FileFindings {
        form: form(&rows.input),
        columns: named_columns(&rows.input, &rows.mapper),
        unused: rows.mapper.unused_columns().to_vec(),
        order_warning: rows.mapper.order_warning(),
        ..FileFindings::default()
    };
    let mut first = MappedRows::default();
    rows.each(ROWS_LOOKED_AT_MAX, |line, row| {
        if let rows::MappedRow::Customer(mapped) = &row {
            first.note(line, &mapped.customer);
            looked.told.extend(mapped.customer.cells.fields().chain(mapped.customer.in_part.iter().copied()));
        }
        looked.first_line = if looked.rows == 0 { line } else { looked.first_line };
        looked.note(row);
    })?;
    let is_whole = looked.rows < ROWS_LOOKED_AT_MAX as u64;
    if rows.input.header().is_none() && is_whole && looked.rows > 0 {
        // As a sync refuses it.
        let (file, line) = (rows.input.name().to_owned(), looked.first_line);
        if looked.broken == looked.rows {
            return Err(FileError::NoJson { file, line, lines: looked.rows }.into());
        }
        if looked.keyless == looked.rows {
            let source = MappingError::NoCustomerId { nearest: None };
            return Err(IngestError::Header { file, source }.into());
        }
    }
    if rows.input.header().is_none() && looked.rows > looked.faulty {
        let is_told = |field: &Field| *field == Field::CustomerId || looked.told.contains(&field.whole());
        let nowhere = config.columns.0.iter().filter(|(field, _)| !is_told(field));
        looked.nowhere = nowhere.map(|(field, column)| (field.name().into_owned(), column.clone())).collect();
    }
    looked.table = first.table(&rows.mapper, showing);
    looked.sentences = first.sentences(showing);
    Ok(looked)
}

impl FileFindings {
    fn note(&mut self, row: rows::MappedRow) {
        let defects: Vec<(String, String)> = match row {
            rows::MappedRow::Bad(bad) => {
                // A record that is one has a column that is at fault.
                self.broken += u64::from(bad.column.is_none());
                vec![(bad.column.unwrap_or_else(|| "-".to_owned()), bad.reason)]
            }
            rows::MappedRow::Nobody(defect) => {
                self.keyless += u64::from(*defect.reason.0 == *NO_KEY);
                vec![(defect.column.to_string(), defect.reason.0.to_owned())]
            }
            rows::MappedRow::Customer(mapped) => {
                let named = |defect: Defect| (defect.column.to_string(), defect.reason.0.to_owned());
                mapped.defects.into_iter().map(named).collect()
            }
        };
        self.rows += 1;
        self.faulty += u64::from(!defects.is_empty());
        for defect in defects {
            *self.defects.entry(defect).or_default() += 1;
        }
    }
}

fn form(input: &InputFile) -> String {
    let delimiter = input.delimiter().map(|byte| format!(", delimiter {:?}", char::from(byte)));
    format!("{}, {}{}", input.format(), input.encoding(), delimiter.unwrap_or_default())
}

/// A JSONL file has no header: any key may appear, so that every field has its column.
fn named_columns(input: &InputFile, mapper: &Mapper) -> Vec<(String, String)> {
    let columns = mapper.columns().iter().filter(|_| input.header().is_some());
    columns.map(|column| (column.field.name().into_owned(), column.column.to_string())).collect()
}
