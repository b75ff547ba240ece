//! One opened input: what it is, its header, and the ways to read it.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::charset::{self, Charset, Decoded, Untold};
use super::csv_scan::{CsvScan, Position};
use super::error::FileError;
use super::header;
use super::row::{Column, Row, Scanned};
use super::scan::Scan;
use super::settings::{Format, ReaderSettings};
use super::sniff::{self as sniffing, Declaration, Sample};
use super::source::{CHUNK_BYTES, Source, Stamp, decompressed, spool};
use super::trailer::{self, Trailer};
use super::window::Window;
use crate::domain::raw_cell::RawCell;

/// How many rows [`sniff`] shows: enough to meet a day behind the twelfth, which tells days from months.
const SAMPLE_ROWS: usize = 200;

/// One input, decoded to UTF-8 where it was something else.
///
/// A plain UTF-8 file is read in place. What is compressed, piped or in another encoding is decoded once into an
/// unlinked temporary file with mode 0600. Nothing grows in memory with the file.
#[derive(Debug)]
pub struct InputFile {
    pub(super) name: String,
    pub(super) source: Source,
    /// CSV only.
    pub(super) table: Option<Table>,
    charset: Charset,
    is_presumed: bool,
    trailer: Option<Trailer>,
    stamp: Stamp,
    /// The file as it lies there, to see whether it changes; a pipe has none.
    origin: Option<File>,
}

/// What a CSV file has and a JSONL file has not.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) delimiter: u8,
    pub(super) names: Arc<[String]>,
    /// Where the first row is.
    pub(super) rows: Position,
}

impl InputFile {
    /// Opens the file at `path` and settles what it is.
    ///
    /// # Errors
    ///
    /// A [`FileError`] when it cannot be read, is empty, cut, in an unknown form or without a usable header.
    pub fn open(path: &Path, settings: &ReaderSettings) -> Result<Self, FileError> {
        Self::open_untold(path, settings, Untold::Count)
    }

    /// As [`InputFile::open`], but where nothing tells the encoding and the beginning is UTF-8, the rest is presumed to
    /// be. Whoever meets a record that is not must begin again with the file [settled](Self::settled).
    ///
    /// # Errors
    ///
    /// As [`InputFile::open`].
    pub fn open_presuming(path: &Path, settings: &ReaderSettings) -> Result<Self, FileError> {
        Self::open_untold(path, settings, Untold::Presume)
    }

    /// The same file with its encoding settled.
    ///
    /// # Errors
    ///
    /// As [`InputFile::open`].
    pub fn settled(self, settings: &ReaderSettings) -> Result<Self, FileError> {
        match self.origin {
            Some(origin) if self.is_presumed => {
                let file = origin.try_clone().map_err(|error| FileError::reading(&self.name, error))?;
                let source = Source { file, start: 0, end: self.stamp.bytes };
                Self::settle(self.name, source, self.stamp, Some(origin), (settings, Untold::Count))
            }
            origin => Ok(Self { origin, ..self }),
        }
    }

    /// Whether its encoding is only presumed.
    #[must_use]
    pub fn is_presumed(&self) -> bool {
        self.is_presumed
    }

    /// Whether a record of these bytes refutes what was presumed of the encoding.
    #[must_use]
    pub fn is_refuted_by(&self, record: &[u8]) -> bool {
        self.is_presumed && std::str::from_utf8(record).is_err()
    }

    /// The error of whoever met a record that refutes it.
    #[must_use]
    pub fn refuted(&self) -> FileError {
        let (file, found) = (self.name.clone(), "begins as UTF-8 and is not UTF-8 to its end");
        FileError::Encoding { file, found, expected: Charset::Windows1252.name() }
    }

    fn open_untold(path: &Path, settings: &ReaderSettings, untold: Untold) -> Result<Self, FileError> {
        let name = path.display().to_string();
        let unopened = |source| FileError::Open { file: name.clone(), source };
        let file = File::open(path).map_err(unopened)?;
        let metadata = file.metadata().map_err(unopened)?;
        if metadata.is_dir() {
            return Err(unopened(std::io::ErrorKind::IsADirectory.into()));
        }
        if !metadata.is_file() {
            return Self::from_reader(&name, file, settings);
        }
        let stamp = Stamp::of(&metadata);
        let origin = file.try_clone().map_err(unopened)?;
        let source = Source { file, start: 0, end: stamp.bytes };
        Self::settle(name, source, stamp, Some(origin), (settings, untold))
    }

    /// Takes in a pipe (standard input) under `name`, by way of a temporary file.
    ///
    /// # Errors
    ///
    /// As [`InputFile::open`], and [`FileError::Spool`] when the temporary file cannot be written.
    pub fn from_reader(name: &str, reader: impl Read, settings: &ReaderSettings) -> Result<Self, FileError> {
        let source = spool(name, reader, |source| FileError::Read { file: name.to_owned(), source })?;
        let stamp = Stamp { bytes: source.end, modified: None };
        Self::settle(name.to_owned(), source, stamp, None, (settings, Untold::Count))
    }

    fn settle(
        name: String,
        source: Source,
        stamp: Stamp,
        origin: Option<File>,
        (settings, untold): (&ReaderSettings, Untold),
    ) -> Result<Self, FileError> {
        let source = decompressed(&name, source)?;
        let Decoded { mut source, charset, is_presumed } =
            charset::decoded(&name, source, settings.encoding, untold)?;
        let mut sample = Sample::of(&name, &source, 1)?;
        let format = sniffing::format(&name, settings.format, &sample)?;
        let declaration = sample.declaration().filter(|_| format == Format::Csv);
        if let Some(Declaration { bytes, next_line, .. }) = declaration {
            source.start += bytes;
            sample = Sample::of(&name, &source, next_line)?;
        }
        let trailer = settings.trailer.as_deref().map(|p| trailer::find(&name, &source, p)).transpose()?;
        let mut input = Self { name, source, table: None, charset, is_presumed, trailer, stamp, origin };
        if format == Format::Csv {
            let declared = declaration.map(|declaration| declaration.delimiter);
            let delimiter = sniffing::delimiter(&input.name, settings.delimiter, declared, &sample)?;
            let line = declaration.map_or(1, |declaration| declaration.next_line);
            input.table = Some(input.read_header(delimiter, line)?);
        }
        input.verify_unchanged()?;
        Ok(input)
    }

    fn read_header(&self, delimiter: u8, line: u64) -> Result<Table, FileError> {
        let start = Position { offset: self.source.start, line, after_return: false };
        let window = self.window(CHUNK_BYTES, start.offset);
        let mut records = CsvScan::new(&self.name, window, delimiter, start);
        let empty = || FileError::Empty { file: self.name.clone() };
        let names = header::names(&self.name, &records.header()?.ok_or_else(empty)?)?;
        Ok(Table { delimiter, names: names.into(), rows: records.position() })
    }

    /// The path as it was given, or the name of the pipe.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The size of the file as it lies there (compressed, in its own encoding), in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.stamp.bytes
    }

    /// When the file was last modified; a pipe was never.
    #[must_use]
    pub fn modified(&self) -> Option<SystemTime> {
        self.stamp.modified
    }

    /// CSV or JSONL.
    #[must_use]
    pub fn format(&self) -> Format {
        if self.table.is_some() { Format::Csv } else { Format::Jsonl }
    }

    /// The encoding, in the words of the configuration.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        self.charset.name()
    }

    /// The delimiter; JSONL has none.
    #[must_use]
    pub fn delimiter(&self) -> Option<u8> {
        self.table.as_ref().map(|table| table.delimiter)
    }

    /// The column names of a CSV file as written, trimmed; some may be empty. JSONL has no header.
    #[must_use]
    pub fn header(&self) -> Option<&[String]> {
        self.table.as_ref().map(|table| &*table.names)
    }

    /// The column called `name`.
    ///
    /// CSV: the one of exactly that name, as [`header`](Self::header) has it; what is nearly that name is found by
    /// mapping. JSONL: always a column, the key, or the JSON pointer when `name` begins with a slash.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Option<Column> {
        match &self.table {
            Some(table) => header::resolve(&table.names, name),
            None => Some(header::json_column(name)),
        }
    }

    /// Starts a pass over every record. A file can be scanned more than once.
    ///
    /// # Errors
    ///
    /// [`FileError::Changed`] when the file is no longer the one that was opened.
    pub fn scan(&self) -> Result<Scan<'_>, FileError> {
        self.verify_unchanged()?;
        Ok(Scan::new(self))
    }

    /// Whether the last value may be cut, without anybody being able to tell: the last line of a table has no end, and no
    /// trailer counts the rows.
    #[must_use]
    pub fn may_be_cut(&self) -> bool {
        let (Some(table), None, end) = (&self.table, self.trailer, self.source.end) else { return false };
        let mut last = [0];
        let is_read = end > table.rows.offset && matches!(self.source.read_at(&mut last, end - 1), Ok(1));
        is_read && !matches!(last, [b'\n' | b'\r' | b'"'])
    }

    /// A view of the rows from `offset` to where they end and a trailer, if any, begins.
    pub(super) fn window(&self, ahead: usize, offset: u64) -> Window<'_> {
        Window::new(&self.name, &self.source, ahead, offset..self.rows_end())
    }

    /// Where the rows end, counted in the decoded text.
    pub(super) fn rows_end(&self) -> u64 {
        self.trailer.map_or(self.source.end, |trailer| trailer.offset)
    }

    /// At the end of a pass: the file is still the same and has as many rows as it says.
    pub(super) fn verify(&self, found: u64) -> Result<(), FileError> {
        self.verify_unchanged()?;
        match self.trailer {
            Some(Trailer { rows: stated, .. }) if stated != found => {
                Err(FileError::TrailerCount { file: self.name.clone(), stated, found })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the file is still the one that was opened. To be asked again when all is read: what is read by its position
    /// would else be something that nobody has checked.
    ///
    /// # Errors
    ///
    /// [`FileError::Changed`] when it is not.
    pub fn verify_unchanged(&self) -> Result<(), FileError> {
        let Some(origin) = &self.origin else { return Ok(()) };
        let metadata = origin.metadata().map_err(|error| FileError::reading(&self.name, error))?;
        if Stamp::of(&metadata) == self.stamp {
            return Ok(());
        }
        Err(FileError::Changed { file: self.name.clone() })
    }
}

/// What a file looks like, for someone who is about to write its configuration.
#[derive(Debug)]
pub struct Sniffed {
    /// CSV or JSONL.
    pub format: Format,
    /// The encoding, in the words of the configuration.
    pub encoding: &'static str,
    /// The delimiter of a CSV file.
    pub delimiter: Option<u8>,
    /// The names of the header; for JSONL the keys of the sample in the order in which they appear.
    pub header: Vec<String>,
    /// The first rows, up to 200.
    pub sample: Vec<Row>,
}

/// Tells what was found out about an input, and its first rows.
///
/// # Errors
///
/// A [`FileError`] when it cannot be read.
pub fn sniff(input: &InputFile) -> Result<Sniffed, FileError> {
    let mut sample = Vec::with_capacity(SAMPLE_ROWS);
    for scanned in input.scan()?.take(SAMPLE_ROWS) {
        match scanned? {
            Scanned::Row(row) => sample.push(row),
            Scanned::Bad(_) => {}
        }
    }
    let header = input.header().map_or_else(|| keys(&sample), <[String]>::to_vec);
    let (format, encoding, delimiter) = (input.format(), input.encoding(), input.delimiter());
    Ok(Sniffed { format, encoding, delimiter, header, sample })
}

fn keys(sample: &[Row]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    let names = |row: &Row| row.columns().map(|(name, _): (_, RawCell<'_>)| name.into_owned()).collect();
    for name in sample.iter().flat_map(|row| -> Vec<String> { names(row) }) {
        if !keys.contains(&name) {
            keys.push(name);
        }
    }
    keys
}
