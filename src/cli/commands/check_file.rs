//! A look at a file before it is used: what it is, which columns are understood, and what the first rows suffer
//! from. Counts and names only, no value.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::cli::config::Config;
use crate::cli::failure::Failure;
use crate::domain::clock::Timestamp;
use crate::mapping::{Mapper, OrderWarning, RawCell};
use crate::reader::{Column, InputFile, Row, RowCell, Scanned};

/// So many rows are looked at: enough to meet the usual faults, few enough to answer at once.
const ROWS_LOOKED_AT_MAX: usize = 1_000;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Format, encoding and delimiter.
    pub(super) form: String,
    /// Canonical field and column.
    pub(super) columns: Vec<(String, String)>,
    /// Columns that mean nothing to us.
    pub(super) unused: Vec<String>,
    /// Set when the file lacks the column of `order_by`.
    pub(super) order_warning: Option<OrderWarning>,
    /// Rows looked at.
    pub(super) rows: u64,
    /// Rows with a fault.
    pub(super) faulty: u64,
    /// How often each column suffers from what.
    pub(super) defects: BTreeMap<(String, String), u64>,
}

/// Looks at header and first rows. `now` bounds dates of birth.
pub(super) fn look(config: &Config, path: &Path, now: Timestamp) -> Result<Looked, Failure> {
    let input = InputFile::open(path, &config.reader_settings())?;
    let mapper = Mapper::new(&config.mapping_settings(), input.header())?;
    let columns: Vec<Option<Column>> =
        mapper.columns().iter().map(|column| input.resolve(&column.column)).collect();
    let mut looked = Looked {
        form: form(&input),
        columns: named_columns(&input, &mapper),
        unused: mapper.unused_columns().to_vec(),
        order_warning: mapper.order_warning(),
        ..Looked::default()
    };
    let today = day(now);
    for scanned in input.scan()?.take(ROWS_LOOKED_AT_MAX) {
        looked.rows += 1;
        match scanned? {
            Scanned::Bad(bad) => looked.note([(bad.column.unwrap_or_else(|| "-".to_owned()), bad.reason)]),
            Scanned::Row(row) => looked.note(defects(&mapper, &columns, &row, today)),
        }
    }
    Ok(looked)
}

impl Looked {
    fn note(&mut self, defects: impl IntoIterator<Item = (String, String)>) {
        let mut defects = defects.into_iter().peekable();
        self.faulty += u64::from(defects.peek().is_some());
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

fn defects(mapper: &Mapper, columns: &[Option<Column>], row: &Row, today: Date) -> Vec<(String, String)> {
    let cell = |index: usize| match columns.get(index).and_then(Option::as_ref).map(|column| row.get(column))
    {
        None | Some(RowCell::Absent) => RawCell::Absent,
        Some(RowCell::Null) => RawCell::Null,
        Some(RowCell::Text(text)) => RawCell::Text(text),
    };
    match mapper.map(cell, [], today) {
        Err(defect) => vec![(defect.column.to_string(), defect.reason.0.to_owned())],
        Ok(mapped) => {
            let defect = |defect: crate::domain::defect::Defect| {
                (defect.column.to_string(), defect.reason.0.to_owned())
            };
            mapped.defects.into_iter().map(defect).collect()
        }
    }
}

fn day(now: Timestamp) -> Date {
    let time = jiff::Timestamp::from_millisecond(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.to_zoned(TimeZone::UTC).date()
}
