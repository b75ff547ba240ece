//! CSV records, one after the other, by `csv-core`, the machine inside the `csv` crate.
//!
//! What this file adds is what a person's data needs beyond it: the line and the bytes of each record, a limit on
//! its length, quotes that do not close, and the field count. Values are not touched.

use std::sync::Arc;

use csv_core::ReadRecordResult;
use memchr::{memchr, memchr_iter, memchr2, memchr3};

use super::block;
use super::error::FileError;
use super::machine::Machine;
use super::row::{BadRow, Cells, Delimited, Row, Scanned, Span};
use super::scan::{RECORD_BYTES_MAX, record_bytes};
use super::window::{Cut, Window};

/// A malformed record over more lines than this is no longer one customer's: letters have fewer lines.
pub(super) const SWALLOWED_LINES_MAX: u64 = 50;

/// A place between two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) offset: u64,
    pub(super) line: u64,
    /// A carriage return was read: a line feed that follows belongs to it.
    pub(super) after_return: bool,
}

/// Splits bytes into the fields of one record.
#[derive(Debug)]
pub(super) struct Splitter {
    reader: Machine,
    delimiter: u8,
    text: Vec<u8>,
    text_bytes: usize,
    ends: Vec<usize>,
    fields: usize,
}

impl Splitter {
    pub(super) fn new(delimiter: u8) -> Self {
        let mut splitter = Self {
            reader: Machine::new(delimiter),
            delimiter,
            text: vec![0; 1024],
            text_bytes: 0,
            ends: vec![0; 64],
            fields: 0,
        };
        splitter.restart();
        splitter
    }

    /// Forgets the record before.
    fn begin(&mut self) {
        self.text_bytes = 0;
        self.fields = 0;
    }

    /// Forgets everything before.
    fn restart(&mut self) {
        self.reader.reset();
        // A line end is no record, but `csv-core` takes a byte order mark off the first bytes only.
        self.reader.read_record(b"\n", &mut [0], &mut [0]);
        self.begin();
    }

    /// Reads on; true when the record is complete, and how many bytes were used. An empty input is its end.
    fn feed(&mut self, input: &[u8]) -> (bool, usize) {
        let mut used = 0;
        loop {
            let (result, read, wrote, ended) = self.reader.read_record(
                &input[used..],
                &mut self.text[self.text_bytes..],
                &mut self.ends[self.fields..],
            );
            used += read;
            self.text_bytes += wrote;
            self.fields += ended;
            match result {
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty => return (false, used),
                ReadRecordResult::Record | ReadRecordResult::End => return (true, used),
            }
        }
    }

    /// The fields of the record as bytes.
    pub(super) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let ends = &self.ends[..self.fields];
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(ends).map(|(start, end)| &self.text[start..*end])
    }

    /// The fields as well as they can be told.
    fn lossy(&self) -> Vec<String> {
        self.fields().map(|field| String::from_utf8_lossy(field).into_owned()).collect()
    }

    /// The whole of `raw`, one record, as a row. It may take the place of `spare`, a row of the same file.
    pub(super) fn row(
        &mut self,
        raw: &[u8],
        header: &Arc<[String]>,
        span: Span,
        spare: Option<Row>,
    ) -> Option<Row> {
        if let Some(row) = unquoted(raw, self.delimiter, header, span, spare) {
            return Some(row);
        }
        self.restart();
        let (complete, used) = self.feed(raw);
        let complete = complete || self.feed(&[]).0;
        let whole = complete && raw[used..].iter().all(|byte| *byte == b'\n');
        if whole { self.judged(raw, header, span).ok() } else { None }
    }

    /// The first record of `input`, with its line end; `None` where it does not end there. The splitter then holds its
    /// fields.
    pub(super) fn record<'r>(&mut self, input: &'r [u8]) -> Option<&'r [u8]> {
        self.restart();
        let (complete, used) = self.feed(input);
        complete.then(|| &input[..used])
    }

    /// The record that the splitter holds, as a pass over a file gives it.
    pub(super) fn scanned(&self, raw: &[u8], header: &Arc<[String]>, span: Span) -> Scanned {
        self.judged(raw, header, span).map_or_else(Scanned::Bad, Scanned::Row)
    }

    /// The record as a row, or what is wrong with it.
    fn judged(&self, raw: &[u8], header: &Arc<[String]>, span: Span) -> Result<Row, BadRow> {
        let no_record = |reason: String| BadRow::whole(span, None, reason, raw);
        if self.fields != header.len() {
            let reason = format!("{} fields where the header has {}", self.fields, header.len());
            return Err(no_record(reason));
        }
        if self.has_quotes(raw) && Quoting::of(raw, self.delimiter).malformed {
            return Err(no_record("a quote inside a quoted value is not doubled".to_owned()));
        }
        let ends: Vec<u32> = self.ends[..self.fields].iter().map(|end| record_bytes(*end)).collect();
        match String::from_utf8(self.text[..self.text_bytes].to_vec()) {
            // A sequence that two fields share is no sequence.
            Ok(text) if ends.iter().all(|end| text.is_char_boundary(*end as usize)) => {
                let cells = Delimited { text, ends, gap: 0 };
                Ok(Row { span, cells: Cells::Delimited { header: Arc::clone(header), cells } })
            }
            Ok(_) | Err(_) => {
                let broken = self.fields().position(|field| std::str::from_utf8(field).is_err());
                let column = broken.and_then(|index| header.get(index)).cloned();
                let reason = "bytes that are no text in the file's encoding".to_owned();
                Err(BadRow { span, column, reason, cells: self.lossy() })
            }
        }
    }

    /// Fields and delimiters make up the whole record, unless quotes were taken off.
    fn has_quotes(&self, raw: &[u8]) -> bool {
        let ended = usize::from(matches!(raw.last(), Some(b'\n' | b'\r')));
        raw.len() - ended != self.text_bytes + self.fields - 1
    }
}

/// A valid record without quotes as a row. In most there are none, and then its cells need not be taken apart byte by
/// byte; of any other nothing is said. Most rows are given back soon, and what they took is used again.
fn unquoted(
    raw: &[u8],
    delimiter: u8,
    header: &Arc<[String]>,
    span: Span,
    spare: Option<Row>,
) -> Option<Row> {
    let content = block::content(raw);
    if content.is_empty() || memchr3(b'"', b'\n', b'\r', content).is_some() {
        return None;
    }
    let text = simdutf8::basic::from_utf8(content).ok()?;
    let (header, mut cells) = match spare.map(|row| row.cells) {
        Some(Cells::Delimited { header, cells }) => (header, cells),
        Some(Cells::Json(_)) | None => (Arc::clone(header), Delimited::default()),
    };
    cells.gap = 1;
    cells.text.clear();
    cells.text.push_str(text);
    cells.ends.clear();
    cells.ends.reserve(header.len());
    find_all(delimiter, content, &mut cells.ends);
    cells.ends.push(record_bytes(content.len()));
    (cells.ends.len() == header.len()).then_some(Row { span, cells: Cells::Delimited { header, cells } })
}

/// Appends where the delimiters are. They stand so close that a search for each of them takes twice as long as this, which
/// looks at 32 bytes at once.
fn find_all(delimiter: u8, content: &[u8], into: &mut Vec<u32>) {
    let (blocks, rest) = content.as_chunks::<32>();
    let mut last = [!delimiter; 32];
    last[..rest.len()].copy_from_slice(rest);
    let mut at = 0;
    for block in blocks.iter().chain([&last]) {
        let one = |found, (place, byte): (usize, &u8)| found | u32::from(*byte == delimiter) << place;
        let mut found = block.iter().enumerate().fold(0_u32, one);
        while found != 0 {
            into.push(at + found.trailing_zeros());
            found &= found - 1;
        }
        at += u32::BITS;
    }
}

/// What the quotes of a record look like, read as `csv-core` reads them.
#[derive(Debug, Default)]
struct Quoting {
    /// Something else than blanks follows a closing quote.
    malformed: bool,
    /// Where a quote opens that never closes.
    open_at: Option<usize>,
    /// Where the first quote opens that spans lines.
    spans_at: Option<usize>,
}

impl Quoting {
    fn of(raw: &[u8], delimiter: u8) -> Self {
        let mut quoting = Self::default();
        let mut from = 0;
        while let Some(ahead) = memchr(b'"', &raw[from..]) {
            let open = from + ahead;
            from = open + 1;
            // Only at the beginning of a field a quote is more than a character.
            if open.checked_sub(1).is_some_and(|before| raw[before] != delimiter) {
                continue;
            }
            let Some(close) = closing_quote(raw, open + 1) else {
                quoting.open_at = Some(open);
                quoting.spans_at.get_or_insert(open);
                return quoting;
            };
            if memchr2(b'\n', b'\r', &raw[open..close]).is_some() {
                quoting.spans_at.get_or_insert(open);
            }
            from = field_end(raw, close + 1, delimiter);
            quoting.malformed |= raw[close + 1..from].iter().any(|byte| !matches!(byte, b' ' | b'\t'));
        }
        quoting
    }
}

/// The quote that closes, behind any doubled ones.
fn closing_quote(raw: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr(b'"', raw.get(at..)?)?;
        if raw.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// Where an unquoted stretch ends.
fn field_end(raw: &[u8], from: usize, delimiter: u8) -> usize {
    memchr3(delimiter, b'\n', b'\r', &raw[from..]).map_or(raw.len(), |ahead| from + ahead)
}

/// Whether the record is nothing but delimiters. So spreadsheets write the empty rows below a table; they say nothing of
/// anybody and are no records, as blank lines are none.
pub(super) fn is_blank(raw: &[u8], delimiter: u8) -> bool {
    raw.first() == Some(&delimiter) && block::content(raw).iter().all(|byte| *byte == delimiter)
}

/// How many lines end in `raw`: CRLF, LF and CR count once each.
pub(super) fn line_ends(raw: &[u8]) -> u64 {
    let feeds = memchr_iter(b'\n', raw).count();
    let lone_returns = memchr_iter(b'\r', raw).filter(|at| raw.get(at + 1) != Some(&b'\n')).count();
    (feeds + lone_returns) as u64
}

/// The first record of a file, not looked at yet.
pub(super) struct RawHeader {
    pub(super) fields: Vec<Vec<u8>>,
    pub(super) line: u64,
}

/// A record whose end was found.
struct Found {
    span: Span,
    /// How many lines it goes over, the first one not counted.
    spanned: u64,
    /// A line end stands behind it.
    terminated: bool,
}

/// Reads record after record.
#[derive(Debug)]
pub(super) struct CsvScan<'a> {
    file: &'a str,
    window: Window<'a>,
    splitter: Splitter,
    line: u64,
    after_return: bool,
}

impl<'a> CsvScan<'a> {
    /// Reads on from `position`, where the window must stand.
    pub(super) fn new(file: &'a str, window: Window<'a>, delimiter: u8, position: Position) -> Self {
        let Position { line, after_return, .. } = position;
        Self { file, window, splitter: Splitter::new(delimiter), line, after_return }
    }

    /// The first record, whatever it is.
    pub(super) fn header(&mut self) -> Result<Option<RawHeader>, FileError> {
        let Some(mut found) = self.find()? else { return Ok(None) };
        // A line of blanks before it is none; one of delimiters may have been meant to be it.
        while self.window.bytes()[..found.span.bytes as usize].trim_ascii().is_empty() {
            self.pass(&found);
            let Some(next) = self.find()? else { return Ok(None) };
            found = next;
        }
        let fields = self.splitter.fields().map(<[u8]>::to_vec).collect();
        self.pass(&found);
        Ok(Some(RawHeader { fields, line: found.span.line }))
    }

    /// Where the next record is looked for.
    pub(super) fn position(&self) -> Position {
        Position { offset: self.window.offset(), line: self.line, after_return: self.after_return }
    }

    /// The next record with its bytes; `None` at the end of the text.
    pub(super) fn next(
        &mut self,
        header: &Arc<[String]>,
        content: &mut Vec<u8>,
    ) -> Result<Option<Scanned>, FileError> {
        let Some(mut found) = self.find()? else { return Ok(None) };
        while self.is_blank(&found, header) {
            self.pass(&found);
            let Some(next) = self.find()? else { return Ok(None) };
            found = next;
        }
        let raw = &self.window.bytes()[..found.span.bytes as usize];
        if !found.terminated {
            self.refuse_cut(raw, header, &found)?;
        }
        let scanned = match self.splitter.judged(raw, header, found.span) {
            Ok(row) => Scanned::Row(row),
            Err(_) if found.spanned > SWALLOWED_LINES_MAX => {
                let at = Quoting::of(raw, self.splitter.delimiter).spans_at.unwrap_or(0);
                let line = self.line + line_ends(&raw[..at]);
                return Err(FileError::QuoteSwallows {
                    file: self.file.to_owned(),
                    line,
                    lines: found.spanned,
                });
            }
            Err(bad) => Scanned::Bad(bad),
        };
        content.clear();
        content.extend_from_slice(block::content(raw));
        self.pass(&found);
        Ok(Some(scanned))
    }

    /// A record of nothing but delimiters, unless it is the end of a file that was cut.
    fn is_blank(&self, found: &Found, header: &[String]) -> bool {
        let raw = &self.window.bytes()[..found.span.bytes as usize];
        let is_whole = found.terminated || self.splitter.fields >= header.len();
        is_whole && is_blank(raw, self.splitter.delimiter)
    }

    /// Bytes from here on that end with a line; none, where [`CsvScan::next`] has to look.
    /// How many lines they are, the caller tells by [`CsvScan::count_lines`].
    pub(super) fn block(&mut self, spare: Vec<u8>) -> Result<Option<Cut>, FileError> {
        if self.after_return {
            if self.window.bytes().is_empty() {
                self.window.extend()?;
            }
            self.window.advance(usize::from(self.window.bytes().first() == Some(&b'\n')));
            self.after_return = false;
        }
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
        self.splitter.restart();
        self.after_return = false;
        self.window.move_to(offset);
    }

    /// The last record without a line end behind it has to be complete.
    fn refuse_cut(&self, raw: &[u8], header: &[String], found: &Found) -> Result<(), FileError> {
        let cut_character = std::str::from_utf8(raw).is_err_and(|error| error.error_len().is_none());
        let what = if self.splitter.fields < header.len() {
            "it has fewer fields than the header and no line end"
        } else if cut_character {
            "half a character"
        } else {
            return Ok(());
        };
        Err(FileError::Cut { file: self.file.to_owned(), line: found.span.line, what })
    }

    /// Finds the end of the next record; the splitter then holds its fields.
    fn find(&mut self) -> Result<Option<Found>, FileError> {
        if !self.skip_line_ends()? {
            return Ok(None);
        }
        self.splitter.begin();
        let mut fed = 0;
        let terminated = loop {
            let (complete, used) = self.splitter.feed(&self.window.bytes()[fed..]);
            fed += used;
            if fed > RECORD_BYTES_MAX {
                return Err(self.too_long(fed));
            }
            if complete {
                break true;
            }
            if !self.window.extend()? {
                self.refuse_open_quote()?;
                self.splitter.feed(&[]);
                break false;
            }
        };
        let raw = &self.window.bytes()[..fed];
        let spanned = line_ends(raw) - u64::from(terminated);
        let span = Span { offset: self.window.offset(), line: self.line, bytes: record_bytes(fed) };
        Ok(Some(Found { span, spanned, terminated }))
    }

    /// Leaves the record behind.
    fn pass(&mut self, found: &Found) {
        let bytes = found.span.bytes as usize;
        self.after_return = self.window.bytes()[..bytes].last() == Some(&b'\r');
        self.line += found.spanned + u64::from(found.terminated);
        self.window.advance(bytes);
    }

    /// Blank lines are no records. False at the end of the text.
    fn skip_line_ends(&mut self) -> Result<bool, FileError> {
        loop {
            match self.window.bytes().first().copied() {
                Some(b'\n') => {
                    self.line += u64::from(!self.after_return);
                    self.after_return = false;
                }
                Some(b'\r') => {
                    self.line += 1;
                    self.after_return = true;
                }
                Some(_) => {
                    self.after_return = false;
                    return Ok(true);
                }
                None => {
                    if self.window.extend()? {
                        continue;
                    }
                    return Ok(false);
                }
            }
            self.window.advance(1);
        }
    }

    fn refuse_open_quote(&self) -> Result<(), FileError> {
        let raw = self.window.bytes();
        match Quoting::of(raw, self.splitter.delimiter).open_at {
            Some(at) => {
                let line = self.line + line_ends(&raw[..at]);
                Err(FileError::OpenQuote { file: self.file.to_owned(), line })
            }
            None => Ok(()),
        }
    }

    fn too_long(&self, fed: usize) -> FileError {
        let raw = &self.window.bytes()[..fed];
        let (file, bytes_max) = (self.file.to_owned(), RECORD_BYTES_MAX);
        match Quoting::of(raw, self.splitter.delimiter).spans_at {
            Some(at) => FileError::QuoteTooLong { file, line: self.line + line_ends(&raw[..at]), bytes_max },
            None => FileError::LineTooLong { file, line: self.line, bytes_max },
        }
    }
}
