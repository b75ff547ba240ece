//! Many whole records at once, for those who look at them on all processors.
//!
//! A block ends at a line end, and each record of it is found where the one before ended, so that nothing is guessed
//! but this: that the last line end of the block also ends a record. Whoever goes through a block learns whether it
//! did; where it did not (a line end inside quotes), or where anything would refuse the file, the records are read
//! one by one instead ([`super::Scan::back_to`]). A CSV line without a quote is a record wherever it stands, and is left
//! where it lies: counted by callgrind, it costs a fifth of what `csv-core` and a [`Row`] cost. So is a line of JSON that
//! `json_walk` is sure of.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2};

use super::csv_scan::{SWALLOWED_LINES_MAX, Splitter, is_blank, line_ends};
use super::input::{InputFile, Table};
use super::json_record::{cell, cell_at};
use super::json_scan;
use super::json_walk::{Walker, member, names};
use super::row::{Column, Place, Row, Scanned, Span};
use super::scan::{RECORD_BYTES_MAX, record_bytes};
use crate::domain::raw_cell::RawCell;

/// Bytes that begin a record and end a line.
#[derive(Debug)]
pub struct Block<'a> {
    pub(super) input: &'a InputFile,
    /// Where it begins, counted in the decoded text.
    pub(super) offset: u64,
    pub(super) buffer: Vec<u8>,
    /// The part of the buffer that it is.
    pub(super) part: Range<usize>,
}

/// A record of a [`Block`].
#[derive(Debug)]
pub enum Found<'a> {
    /// A valid one, in place.
    Line(Line<'a>),
    /// One that had to be copied, or is no row, with its bytes.
    Scanned(Scanned, &'a [u8]),
}

/// A valid CSV record without quotes, or JSONL record, where it lies. Its `Debug` shows the position only.
pub struct Line<'a> {
    span: Span,
    raw: &'a [u8],
    text: &'a str,
    /// CSV only.
    table: Option<&'a Table>,
}

impl std::fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("span", &self.span).finish_non_exhaustive()
    }
}

/// How a pass over a block went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// Every record was given; so many lines end in it.
    Whole {
        /// Line ends.
        lines: u64,
    },
    /// What was given counts for nothing: read the records one by one.
    Broken,
}

impl<'a> Block<'a> {
    /// Where the block begins, counted in the decoded text.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.offset
    }

    /// Where the block ends, counted in the decoded text.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset + self.part.len() as u64
    }

    /// Gives each record to `take`, in order; blank lines are none. Lines are counted from the beginning of the block,
    /// its first one as 0.
    pub fn records(&self, take: impl FnMut(Found<'_>)) -> Passed {
        let bytes = &self.buffer[self.part.clone()];
        let text = simdutf8::basic::from_utf8(bytes).ok();
        let has_quotes = memchr(b'"', bytes).is_some();
        let pass = Pass { input: self.input, offset: self.offset, bytes, text, has_quotes };
        match &self.input.table {
            Some(table) => pass.delimited(table, take),
            None => pass.jsonl(take),
        }
    }
}

/// A pass over the bytes of a block.
struct Pass<'b> {
    input: &'b InputFile,
    offset: u64,
    bytes: &'b [u8],
    /// All of it, where it is text.
    text: Option<&'b str>,
    has_quotes: bool,
}

impl<'b> Pass<'b> {
    fn delimited(&self, table: &'b Table, mut take: impl FnMut(Found<'b>)) -> Passed {
        let mut splitter = None;
        let (mut at, mut line, mut after_return) = (0, 0, false);
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            // A block ends with a line feed.
            let Some(end) = memchr2(b'\n', b'\r', rest) else { return Passed::Broken };
            if end == 0 {
                line += u64::from(!(after_return && rest[0] == b'\n'));
                after_return = rest[0] == b'\r';
                at += 1;
                continue;
            }
            let mut raw = &rest[..=end];
            let mut lines = 1;
            if self.has_quotes && memchr(b'"', raw).is_some() {
                let splitter = splitter.get_or_insert_with(|| Splitter::new(table.delimiter));
                let Some(whole) = splitter.record(rest) else { return Passed::Broken };
                raw = whole;
                lines = line_ends(raw);
                let scanned = splitter.scanned(raw, &table.names, self.span(at, line, raw));
                let is_swallowed = matches!(scanned, Scanned::Bad(_)) && lines > SWALLOWED_LINES_MAX;
                if is_swallowed || raw.len() > RECORD_BYTES_MAX {
                    return Passed::Broken;
                }
                take(Found::Scanned(scanned, content(raw)));
            } else if raw.len() > RECORD_BYTES_MAX {
                return Passed::Broken;
            } else if !is_blank(raw, table.delimiter) {
                take(self.line(table, at, line, raw));
            }
            at += raw.len();
            line += lines;
            after_return = raw.last() == Some(&b'\r');
        }
        Passed::Whole { lines: line }
    }

    /// A line without quotes.
    fn line(&self, table: &'b Table, at: usize, line: u64, raw: &'b [u8]) -> Found<'b> {
        let span = self.span(at, line, raw);
        let content = content(raw);
        let text = self.text(at, content);
        let fields = count(table.delimiter, content) + 1;
        match text {
            Some(text) if fields == table.names.len() => {
                Found::Line(Line { span, raw, text, table: Some(table) })
            }
            Some(_) | None => {
                let mut splitter = Splitter::new(table.delimiter);
                splitter.record(raw);
                Found::Scanned(splitter.scanned(raw, &table.names, span), content)
            }
        }
    }

    fn jsonl(&self, mut take: impl FnMut(Found<'b>)) -> Passed {
        let (mut at, mut line) = (0, 0);
        let mut walker = Walker::default();
        while let Some(end) = memchr(b'\n', &self.bytes[at..]) {
            let raw = &self.bytes[at..=at + end];
            if raw.len() > RECORD_BYTES_MAX {
                return Passed::Broken;
            }
            let content = raw.trim_ascii();
            if !content.is_empty() {
                let span = self.span(at, line, raw);
                let start = at + raw.len() - raw.trim_ascii_start().len();
                if let Some(text) = self.text(start, content).filter(|text| walker.is_record(text)) {
                    take(Found::Line(Line { span, raw, text, table: None }));
                } else {
                    let Ok(scanned) = json_scan::judged(&self.input.name, raw, span, true) else {
                        return Passed::Broken;
                    };
                    take(Found::Scanned(scanned, content));
                }
            }
            at += raw.len();
            line += 1;
        }
        if at == self.bytes.len() { Passed::Whole { lines: line } } else { Passed::Broken }
    }

    /// The bytes at `at`, if they are text.
    fn text(&self, at: usize, bytes: &'b [u8]) -> Option<&'b str> {
        match self.text {
            Some(text) => text.get(at..at + bytes.len()),
            None => std::str::from_utf8(bytes).ok(),
        }
    }

    fn span(&self, at: usize, line: u64, raw: &[u8]) -> Span {
        Span { offset: self.offset + at as u64, line, bytes: record_bytes(raw.len()) }
    }
}

/// How often `byte` occurs. Compilers make it look at 16 bytes together; on lines of 300 bytes it is twice as fast as the
/// counting of `memchr`.
fn count(byte: u8, bytes: &[u8]) -> usize {
    /// A sum of as many fits into a byte.
    const TOGETHER: usize = 240;
    let some = |chunk: &[u8]| chunk.iter().fold(0_u8, |sum, b| sum.wrapping_add(u8::from(*b == byte)));
    bytes.chunks(TOGETHER).map(|chunk| usize::from(some(chunk))).sum()
}

/// A record without its line end: what its digest is made of.
pub(super) fn content(raw: &[u8]) -> &[u8] {
    match raw {
        [content @ .., b'\r', b'\n'] | [content @ .., b'\n' | b'\r'] => content,
        content => content,
    }
}

impl<'a> Line<'a> {
    /// Where the record is.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// The record without its line end.
    #[must_use]
    pub fn content(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// The cell of `column`.
    #[must_use]
    pub fn get(&self, column: &Column) -> RawCell<'a> {
        let text = self.text;
        match (self.table, &column.0) {
            (Some(table), Place::Index(index)) => delimited(text, table.delimiter, *index)
                .map_or(RawCell::Absent, |cell| RawCell::Text(cell.into())),
            (None, Place::Key(key)) => member(text, key).map_or(RawCell::Absent, cell),
            (None, Place::Pointer(path)) => cell_at(path, |key| member(text, key)),
            (Some(_), Place::Key(_) | Place::Pointer(_)) | (None, Place::Index(_)) => RawCell::Absent,
        }
    }

    /// The names of the members of a JSONL record, in their order; of a CSV record, none.
    pub fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let record = self.table.is_none().then_some(self.text);
        record.into_iter().flat_map(names)
    }

    /// The record on its own, as a [`super::Scan`] gives it.
    #[must_use]
    pub fn to_row(&self) -> Row {
        let row = match self.table {
            Some(table) => Splitter::new(table.delimiter).row(self.raw, &table.names, self.span, None),
            None => json_scan::row(self.raw, self.span),
        };
        row.expect("the line was checked")
    }
}

/// The cell `index` of a record without quotes.
fn delimited(text: &str, delimiter: u8, index: usize) -> Option<&str> {
    let mut ends = memchr_iter(delimiter, text.as_bytes()).chain([text.len()]);
    let start = match index.checked_sub(1) {
        None => 0,
        Some(before) => ends.nth(before).map_or(text.len(), |end| end + 1),
    };
    text.get(start..ends.next()?)
}
