//! JSONL records, one a line.
//!
//! Finds lines and bounds their length; `json_record` reads what is on them.

use memchr::memchr;

use super::error::FileError;
use super::json_record::{JsonDefect, JsonRecord};
use super::row::{BadRow, Cells, Row, Scanned, Span};
use super::scan::{RECORD_BYTES_MAX, record_bytes};
use super::window::{Cut, Window};

/// How much of a line that is too long is kept for the file of rejects, in bytes.
const KEPT_BYTES: usize = 1024;

/// Reads line after line.
#[derive(Debug)]
pub(super) struct JsonScan<'a> {
    file: &'a str,
    window: Window<'a>,
    line: u64,
}

/// A line whose end was found, or not.
struct Line {
    /// With its line end.
    bytes: usize,
    terminated: bool,
}

impl<'a> JsonScan<'a> {
    pub(super) fn new(file: &'a str, window: Window<'a>) -> Self {
        Self { file, window, line: 1 }
    }

    /// The next record, and its bytes into `content`; `None` at the end of the text.
    pub(super) fn next(&mut self, content: &mut Vec<u8>) -> Result<Option<Scanned>, FileError> {
        loop {
            let Some(line) = self.find()? else { return self.overlong() };
            if line.bytes == 0 {
                return Ok(None);
            }
            let raw = &self.window.bytes()[..line.bytes];
            let span =
                Span { offset: self.window.offset(), line: self.line, bytes: record_bytes(line.bytes) };
            let scanned = if raw.trim_ascii().is_empty() {
                None
            } else {
                content.clear();
                content.extend_from_slice(raw.trim_ascii());
                Some(judged(self.file, raw, span, line.terminated)?)
            };
            self.window.advance(line.bytes);
            self.line += 1;
            if scanned.is_some() {
                return Ok(scanned);
            }
        }
    }

    /// Bytes from here on that end with a line; none, where [`JsonScan::next`] has to look.
    /// How many lines they are, the caller tells by [`JsonScan::count_lines`].
    pub(super) fn block(&mut self, spare: Vec<u8>) -> Result<Option<Cut>, FileError> {
        self.window.cut_lines(spare)
    }

    /// The line at which the scan stands.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Counts the lines of a block that was gone through.
    pub(super) fn count_lines(&mut self, lines: u64) {
        self.line += lines;
    }

    /// Goes back to where a record begins.
    pub(super) fn back_to(&mut self, offset: u64) {
        self.window.move_to(offset);
    }

    /// Finds the end of the next line; `None` when it is too long, no bytes at the end of the text.
    fn find(&mut self) -> Result<Option<Line>, FileError> {
        let mut seen = 0;
        loop {
            let bytes = self.window.bytes();
            if let Some(ahead) = memchr(b'\n', &bytes[seen..]) {
                let bytes = seen + ahead + 1;
                return Ok((bytes <= RECORD_BYTES_MAX).then_some(Line { bytes, terminated: true }));
            }
            seen = bytes.len();
            if seen > RECORD_BYTES_MAX {
                return Ok(None);
            }
            if !self.window.extend()? {
                return Ok(Some(Line { bytes: seen, terminated: false }));
            }
        }
    }

    /// Skips a line that is too long, without holding it.
    fn overlong(&mut self) -> Result<Option<Scanned>, FileError> {
        let offset = self.window.offset();
        let kept = self.window.bytes().iter().take(KEPT_BYTES).copied().collect::<Vec<u8>>();
        loop {
            let bytes = self.window.bytes();
            if let Some(ahead) = memchr(b'\n', bytes) {
                self.window.advance(ahead + 1);
                break;
            }
            self.window.advance(self.window.bytes().len());
            if !self.window.extend()? {
                let what = "it is longer than any record and has no line end";
                return Err(FileError::Cut { file: self.file.to_owned(), line: self.line, what });
            }
        }
        let bytes = u32::try_from(self.window.offset() - offset).unwrap_or(u32::MAX);
        let span = Span { offset, line: self.line, bytes };
        self.line += 1;
        let reason = format!("the line is longer than {RECORD_BYTES_MAX} bytes");
        Ok(Some(Scanned::Bad(BadRow::whole(span, None, reason, &kept))))
    }
}

/// A line that is not blank, as a row or what is wrong with it.
pub(super) fn judged(file: &str, raw: &[u8], span: Span, terminated: bool) -> Result<Scanned, FileError> {
    let cut = |what| Err(FileError::Cut { file: file.to_owned(), line: span.line, what });
    match record(raw) {
        Ok(record) => Ok(Scanned::Row(Row { span, cells: Cells::Json(record) })),
        Err(JsonDefect::Cut) if raw.trim_ascii() == b"{" && terminated => {
            Err(FileError::JsonSpread { file: file.to_owned(), line: span.line })
        }
        Err(JsonDefect::Cut | JsonDefect::Syntax(_)) if !terminated => cut("its JSON is not complete"),
        Err(JsonDefect::NotText) if !terminated => cut("it is no text to its end"),
        Err(defect) => {
            let reason = defect.reason();
            Ok(Scanned::Bad(BadRow::whole(span, defect.key(), reason, raw)))
        }
    }
}

/// The line as a row.
pub(super) fn row(raw: &[u8], span: Span) -> Option<Row> {
    record(raw).ok().map(|record| Row { span, cells: Cells::Json(record) })
}

fn record(raw: &[u8]) -> Result<JsonRecord, JsonDefect> {
    JsonRecord::parse(std::str::from_utf8(raw).map_err(|_| JsonDefect::NotText)?)
}
