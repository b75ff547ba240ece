//! The two ways through a file: every record once, and single records again by their position.

use std::sync::Arc;

use super::csv_scan::{CsvScan, Splitter};
use super::error::FileError;
use super::input::InputFile;
use super::json_scan::{self, JsonScan};
use super::row::{Row, Scanned, Span};
use super::source::CHUNK_BYTES;
use super::window::Window;

/// The longest record, in bytes with its line end: a customer has a few hundred, and a stray quote swallows no more.
pub(super) const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// How much is read for one row, in bytes: a few neighbours, because changed rows lie far apart.
const SEEK_BYTES: usize = 16 * 1024;

/// The length of a record that was found.
pub(super) fn record_bytes(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("records are bounded by RECORD_BYTES_MAX")
}

/// One pass over every record of a file, in order.
///
/// An error ends it, and then the whole file is refused. The pass is complete, and the file known to be whole and
/// unchanged, only when the iterator has returned `None` without one.
#[derive(Debug)]
pub struct Scan<'a> {
    input: &'a InputFile,
    records: Records<'a>,
    /// Rows and bad rows so far.
    found: u64,
    ended: bool,
}

#[derive(Debug)]
enum Records<'a> {
    Csv(Box<CsvScan<'a>>, Arc<[String]>),
    Jsonl(JsonScan<'a>),
}

impl<'a> Scan<'a> {
    pub(super) fn new(input: &'a InputFile) -> Self {
        let window = |offset| input.window(CHUNK_BYTES, offset);
        let records = match &input.table {
            Some(table) => {
                let rows = CsvScan::new(&input.name, window(table.rows.offset), table.delimiter, table.rows);
                Records::Csv(Box::new(rows), Arc::clone(&table.names))
            }
            None => Records::Jsonl(JsonScan::new(&input.name, window(input.source.start))),
        };
        Self { input, records, found: 0, ended: false }
    }

    fn record(&mut self) -> Result<Option<Scanned>, FileError> {
        let record = match &mut self.records {
            Records::Csv(records, header) => records.next(header)?,
            Records::Jsonl(records) => records.next()?,
        };
        match &record {
            Some(_) => self.found += 1,
            None => self.input.verify(self.found)?,
        }
        Ok(record)
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Scanned, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.record().transpose();
        self.ended = matches!(item, None | Some(Err(_)));
        item
    }
}

/// Reads single rows by the positions that a [`Scan`] gave; fast when they ascend, because it reads ahead.
#[derive(Debug)]
pub struct Seeker<'a> {
    file: &'a str,
    window: Window<'a>,
    parser: Parser,
}

#[derive(Debug)]
enum Parser {
    Csv(Box<Splitter>, Arc<[String]>),
    Jsonl,
}

impl<'a> Seeker<'a> {
    pub(super) fn new(input: &'a InputFile) -> Self {
        let parser = match &input.table {
            Some(table) => Parser::Csv(Box::new(Splitter::new(table.delimiter)), Arc::clone(&table.names)),
            None => Parser::Jsonl,
        };
        let window = input.window(SEEK_BYTES, input.source.start);
        Self { file: &input.name, window, parser }
    }

    /// The row at `span`.
    ///
    /// # Errors
    ///
    /// [`FileError::Position`] where no row is, [`FileError::Read`] and [`FileError::Changed`] when reading fails.
    pub fn row(&mut self, span: &Span) -> Result<Row, FileError> {
        let last = self.window.ends_at(span.offset.saturating_add(span.bytes.into()));
        // A record ends with its line, unless the text does.
        let whole = |raw: &&[u8]| last || matches!(raw.last(), Some(b'\n' | b'\r'));
        let bytes = (span.bytes as usize).min(RECORD_BYTES_MAX);
        let raw = self.window.seek(span.offset, bytes)?.filter(whole);
        let row = match (&mut self.parser, raw) {
            (Parser::Csv(splitter, header), Some(raw)) => splitter.row(raw, header, *span),
            (Parser::Jsonl, Some(raw)) => json_scan::row(raw, *span),
            (Parser::Csv(..) | Parser::Jsonl, None) => None,
        };
        row.ok_or_else(|| FileError::Position { file: self.file.to_owned(), line: span.line })
    }
}
