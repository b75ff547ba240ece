//! A row: where it is, and its cells by column.
//!
//! Cells are text exactly as written: numbers of JSON keep every digit, nothing is trimmed. No `Debug` of this file
//! shows a customer's value.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::json_record::JsonRecord;
use crate::domain::raw_cell::RawCell;

/// Where a record is in the decoded text of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Of its first byte, counted from the beginning of the decoded text.
    pub offset: u64,
    /// Of its first line, counted from 1; the header of a CSV file is line 1.
    pub line: u64,
    /// Its length with what ends it.
    pub bytes: u32,
}

impl Span {
    /// Where it ends, counted as its beginning is.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes.into())
    }
}

/// A column of one file, as [`super::InputFile::resolve`] found it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Column(pub(super) Place);

/// Where a column's cells are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Index(usize),
    Key(String),
    Pointer(Vec<String>),
}

/// One record. Its `Debug` shows the position only.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    pub(super) span: Span,
    pub(super) cells: Cells,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Cells {
    Delimited { header: Arc<[String]>, cells: Delimited },
    Json(JsonRecord),
}

/// The cells of a delimited record in one text.
#[derive(Clone, Default)]
pub(super) struct Delimited {
    pub(super) text: String,
    /// Where each of them ends.
    pub(super) ends: Vec<u32>,
    /// How much stands between two of them: the delimiter, where the record lies in the text as it was written.
    pub(super) gap: u32,
}

impl Delimited {
    fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] + self.gap);
        self.text.get(start as usize..end as usize)
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|index| self.get(index).unwrap_or_default())
    }
}

/// In a function of its own, so that the way to the cells of delimited rows stays short.
#[inline(never)]
fn member<'r>(record: &'r JsonRecord, place: &Place) -> RawCell<'r> {
    match place {
        Place::Key(key) => record.get(key),
        Place::Pointer(path) => record.at(path),
        Place::Index(_) => RawCell::Absent,
    }
}

/// The same cells, whatever stands between them.
impl PartialEq for Delimited {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Delimited {}

impl Row {
    /// Where the record is.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// The cell of `column`.
    #[must_use]
    #[inline]
    pub fn get(&self, column: &Column) -> RawCell<'_> {
        match (&self.cells, &column.0) {
            (Cells::Delimited { cells, .. }, Place::Index(index)) => {
                cells.get(*index).map_or(RawCell::Absent, |cell| RawCell::Text(cell.into()))
            }
            (Cells::Json(record), place) => member(record, place),
            (Cells::Delimited { .. }, Place::Key(_) | Place::Pointer(_)) => RawCell::Absent,
        }
    }

    /// All cells of a delimited record in one text, perhaps with the delimiters between them; of another one nothing.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.cells {
            Cells::Delimited { cells, .. } => Some(&cells.text),
            Cells::Json(_) => None,
        }
    }

    /// Every cell with its name: the header's, or the record's own keys; in the order of the record.
    pub fn columns(&self) -> impl Iterator<Item = (Cow<'_, str>, RawCell<'_>)> {
        let (delimited_row, json) = match &self.cells {
            Cells::Delimited { header, cells } => (Some((header, cells)), None),
            Cells::Json(record) => (None, Some(record)),
        };
        let delimited_cells = delimited_row.into_iter().flat_map(|(header, cells)| {
            header.iter().enumerate().map(move |(index, name)| {
                let cell = cells.get(index).unwrap_or_default();
                (Cow::Borrowed(name.as_str()), RawCell::Text(cell.into()))
            })
        });
        delimited_cells.chain(json.into_iter().flat_map(JsonRecord::members))
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("span", &self.span).finish_non_exhaustive()
    }
}

/// A record that cannot be read as a row. Its `Debug` does not show the cells.
#[derive(Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Where it is.
    pub span: Span,
    /// The column at fault, where one is.
    pub column: Option<String>,
    /// What is wrong, without any value of it.
    pub reason: String,
    /// The cells as well as they can be told, for the file of rejects; the whole record as it stands, where nobody can tell which
    /// cell is which: of another number of fields than the header has, or of a quote too many, and in JSONL. Customer values.
    pub cells: Vec<String>,
}

impl BadRow {
    /// A record that is told as it stands, and how many lines it has: a quote that is not closed takes whole customers into it.
    pub(super) fn whole(span: Span, column: Option<String>, mut reason: String, raw: &[u8]) -> Self {
        let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        let ended = raw.strip_suffix(b"\r").unwrap_or(raw);
        let ends_of = |end| ended.iter().filter(|byte| **byte == end).count() as u64;
        let lines = Some(ends_of(b'\n')).filter(|lines| *lines > 0).unwrap_or_else(|| ends_of(b'\r'));
        if lines > 0 {
            reason.push_str(&format!("; the record goes over {} lines", lines + 1));
        }
        let record = String::from_utf8_lossy(ended).into_owned();
        Self { span, column, reason, cells: vec![record] }
    }
}

impl fmt::Debug for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BadRow")
            .field("span", &self.span)
            .field("column", &self.column)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// What the first pass finds at a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// A row.
    Row(Row),
    /// A record that spoils itself and nothing else.
    Bad(BadRow),
}

impl Scanned {
    /// Where the record is.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Row(row) => row.span,
            Self::Bad(bad) => bad.span,
        }
    }

    /// The same record so many lines further down.
    #[must_use]
    pub fn moved(mut self, lines: u64) -> Self {
        match &mut self {
            Self::Row(row) => row.span.line += lines,
            Self::Bad(bad) => bad.span.line += lines,
        }
        self
    }
}
