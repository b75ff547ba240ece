//! A row: where it is, its cells by column, its digest.
//!
//! Cells are text exactly as written: numbers of JSON keep every digit, nothing is trimmed. No `Debug` of this file
//! shows a customer's value.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::json_record::JsonRecord;

/// How many ends of cells are digested at a time.
const ENDS_AT_ONCE: usize = 64;

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

/// A cell. Its `Debug` tells the kind, not the value.
#[derive(Clone, PartialEq, Eq)]
pub enum RowCell<'a> {
    /// The record does not carry the column: that says nothing about the value.
    Absent,
    /// JSON `null`, itself or in an object on the way to it.
    Null,
    /// The text of the cell as it is written. JSON numbers and booleans are text too; the members of an array of
    /// such values are joined by commas, anything deeper stays JSON.
    Text(Cow<'a, str>),
}

impl fmt::Debug for RowCell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Null => "Null",
            Self::Text(_) => "Text(…)",
        })
    }
}

/// One record. Its `Debug` shows the position only.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    pub(super) span: Span,
    pub(super) cells: Cells,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Cells {
    Delimited { header: Arc<[String]>, text: String, ends: Box<[u32]> },
    Json(JsonRecord),
}

impl Row {
    /// Where the record is.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// The cell of `column`.
    #[must_use]
    pub fn get(&self, column: &Column) -> RowCell<'_> {
        match (&self.cells, &column.0) {
            (Cells::Delimited { text, ends, .. }, Place::Index(index)) => {
                delimited(text, ends, *index).map_or(RowCell::Absent, |cell| RowCell::Text(cell.into()))
            }
            (Cells::Json(record), Place::Key(key)) => record.get(key),
            (Cells::Json(record), Place::Pointer(path)) => record.at(path),
            (Cells::Delimited { .. }, Place::Key(_) | Place::Pointer(_))
            | (Cells::Json(_), Place::Index(_)) => RowCell::Absent,
        }
    }

    /// Every cell with its name: the header's, or the record's own keys; in the order of the record.
    pub fn columns(&self) -> impl Iterator<Item = (Cow<'_, str>, RowCell<'_>)> {
        let (delimited_row, json) = match &self.cells {
            Cells::Delimited { header, text, ends } => (Some((header, text, ends)), None),
            Cells::Json(record) => (None, Some(record)),
        };
        let delimited_cells = delimited_row.into_iter().flat_map(|(header, text, ends)| {
            header.iter().enumerate().map(move |(index, name)| {
                let cell = delimited(text, ends, index).unwrap_or_default();
                (Cow::Borrowed(name.as_str()), RowCell::Text(cell.into()))
            })
        });
        delimited_cells.chain(json.into_iter().flat_map(JsonRecord::members))
    }

    /// Feeds the record's content to `hasher`: two records give the same bytes only when they are the same.
    ///
    /// CSV: the number of cells, where each one ends, then their text, so that neither quoting nor line ends
    /// count. JSONL: the length and the raw bytes of the line.
    pub fn digest(&self, hasher: &mut blake3::Hasher) {
        match &self.cells {
            Cells::Delimited { text, ends, .. } => {
                hasher.update(&(ends.len() as u64).to_le_bytes());
                // Few large updates cost less than one for each cell.
                for some in ends.chunks(ENDS_AT_ONCE) {
                    let mut bytes = [0; ENDS_AT_ONCE * 4];
                    for (place, end) in bytes.chunks_exact_mut(4).zip(some) {
                        place.copy_from_slice(&end.to_le_bytes());
                    }
                    hasher.update(&bytes[..some.len() * 4]);
                }
                hasher.update(text.as_bytes());
            }
            Cells::Json(record) => {
                hasher.update(&(record.text().len() as u64).to_le_bytes());
                hasher.update(record.text().as_bytes());
            }
        }
    }
}

/// The cell `index` of a record whose cells end at `ends`.
fn delimited<'a>(text: &'a str, ends: &[u32], index: usize) -> Option<&'a str> {
    let end = *ends.get(index)?;
    let start = index.checked_sub(1).map_or(0, |before| ends[before]);
    text.get(start as usize..end as usize)
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
    /// Of its first line, as in `span`.
    pub line: u64,
    /// The column at fault, where one is.
    pub column: Option<String>,
    /// What is wrong, without any value of it.
    pub reason: String,
    /// The cells as well as they can be told (JSONL: the line), for the file of rejects. Customer values.
    pub cells: Vec<String>,
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
