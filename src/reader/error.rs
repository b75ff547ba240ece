//! Why a whole file is refused: the file, the line, what was expected and what to do.
//!
//! Never a value of a customer: not even a header's names, because a file without header has a customer there.

use std::io;

use thiserror::Error;

/// Who has to act on a [`FileError`], and so which exit code it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileErrorKind {
    /// The file itself: cut, unreadable, of an unknown form.
    File,
    /// The machine: a read failed, the temporary folder is full.
    Machine,
    /// The configuration: an impossible setting.
    Setting,
}

/// A file that cannot be taken in.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file does not exist or may not be read.
    #[error("{file}: cannot be opened; check the path and its permissions")]
    Open {
        /// The file as it was named.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// Reading broke off.
    #[error("{file}: reading failed; check the disk or the network share")]
    Read {
        /// The file as it was named.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The temporary copy of a compressed, piped or recoded file could not be written.
    #[error("{file}: no temporary copy could be written into the temporary folder (TMPDIR)")]
    Spool {
        /// The file as it was named.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is not a single record or header in it.
    #[error("{file}: is empty; a full export of the CRM with its header was expected")]
    Empty {
        /// The file as it was named.
        file: String,
    },
    /// Size or modification time moved while it was read.
    #[error("{file}: changed while it was read; wait until the export has finished, then run again")]
    Changed {
        /// The file as it was named.
        file: String,
    },
    /// A compressed file that ends early or is damaged.
    #[error("{file}: the {form} data is cut or damaged; transfer the file again")]
    Compressed {
        /// The file as it was named.
        file: String,
        /// `gzip` or `zstd`.
        form: &'static str,
        /// What the decompressor said.
        source: io::Error,
    },
    /// The decoded text would fill the disk.
    #[error("{file}: is larger than {bytes_max} bytes when decoded; split it")]
    TooLarge {
        /// The file as it was named.
        file: String,
        /// The limit, in bytes.
        bytes_max: u64,
    },
    /// Something else than text.
    #[error("{file}: is {what}; export it as CSV or JSONL, plain, .gz or .zst")]
    NotText {
        /// The file as it was named.
        file: String,
        /// What its first bytes say.
        what: &'static str,
    },
    /// The encoding contradicts the setting or cannot be told.
    #[error("{file}: {found}; set input.encoding to \"{expected}\"")]
    Encoding {
        /// The file as it was named.
        file: String,
        /// What the bytes show.
        found: &'static str,
        /// The word that fits.
        expected: &'static str,
    },
    /// The letters are of an encoding that is not read.
    #[error(
        "{file}: its letters are neither UTF-8 nor Windows-1252, but perhaps of MS-DOS or of a Macintosh; export it as UTF-8, or \
         set input.encoding where it is right all the same"
    )]
    ForeignEncoding {
        /// The file as it was named.
        file: String,
    },
    /// The last record has no end.
    #[error("{file}: line {line}: the file ends inside a record ({what}); transfer the whole file again")]
    Cut {
        /// The file as it was named.
        file: String,
        /// Where the record begins.
        line: u64,
        /// What is missing.
        what: &'static str,
    },
    /// A quote is never closed.
    #[error(
        "{file}: line {line}: a quote opens here and is still open at the end of the file; transfer the file \
         again, or double the quotes inside values"
    )]
    OpenQuote {
        /// The file as it was named.
        file: String,
        /// Where the quote opens.
        line: u64,
    },
    /// A record, most often by a stray quote, is longer than any record.
    #[error(
        "{file}: line {line}: a record with a quote that opens here is longer than {bytes_max} bytes; close the \
         quote, or double the quotes inside values"
    )]
    QuoteTooLong {
        /// The file as it was named.
        file: String,
        /// Where the quote opens.
        line: u64,
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// A line without quotes is longer than any record.
    #[error("{file}: line {line}: longer than {bytes_max} bytes; check the line ends of the file")]
    LineTooLong {
        /// The file as it was named.
        file: String,
        /// The line.
        line: u64,
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// A stray quote swallowed whole customers: taking the record as one bad row would lose them silently.
    #[error(
        "{file}: line {line}: a quote that opens here swallowed {lines} lines into one malformed record; close \
         the quote, or double the quotes inside values"
    )]
    QuoteSwallows {
        /// The file as it was named.
        file: String,
        /// Where the quote opens.
        line: u64,
        /// How many lines it swallowed.
        lines: u64,
    },
    /// No delimiter that is known divides the header.
    #[error("{file}: line {line}: no known delimiter divides the header; export with one of , ; tab |")]
    Delimiter {
        /// The file as it was named.
        file: String,
        /// The line of the header.
        line: u64,
    },
    /// The configured delimiter does not divide the header, another one does.
    #[error(
        "{file}: line {line}: the configured delimiter does not divide the header; set input.delimiter to \"auto\""
    )]
    OtherDelimiter {
        /// The file as it was named.
        file: String,
        /// The line of the header.
        line: u64,
    },
    /// The first record is no header.
    #[error("{file}: line {line}: {found} where a header was expected; export with the column names")]
    Header {
        /// The file as it was named.
        file: String,
        /// The line of the header.
        line: u64,
        /// What is there instead.
        found: &'static str,
    },
    /// Two columns bear one name.
    #[error(
        "{file}: line {line}: columns {first} and {second} of the header have one name; rename one of them"
    )]
    DuplicateColumn {
        /// The file as it was named.
        file: String,
        /// The line of the header.
        line: u64,
        /// The first of the two, counted from 1.
        first: usize,
        /// The second of the two, counted from 1.
        second: usize,
    },
    /// A JSON array instead of lines.
    #[error(
        "{file}: line {line}: a JSON array begins where one object a line was expected; convert it with \
         `jq -c '.[]'`"
    )]
    JsonArray {
        /// The file as it was named.
        file: String,
        /// Where it begins.
        line: u64,
    },
    /// A JSON object over several lines.
    #[error(
        "{file}: line {line}: a JSON object spreads over several lines where one object a line was expected; \
         convert it with `jq -c .`"
    )]
    JsonSpread {
        /// The file as it was named.
        file: String,
        /// Where it begins.
        line: u64,
    },
    /// No line is a JSON object.
    #[error(
        "{file}: line {line}: none of {lines} lines is a JSON object; name the right format with --format or input.format, \
         or export JSON lines"
    )]
    NoJson {
        /// The file as it was named.
        file: String,
        /// The first of them.
        line: u64,
        /// How many were looked at.
        lines: u64,
    },
    /// The pattern of the trailer does not compile or has no group.
    #[error("the trailer must be a regular expression with one group, the number of rows")]
    TrailerPattern {
        /// What the compiler said, if it was asked.
        source: Option<regex::Error>,
    },
    /// The file has no trailer.
    #[error("{file}: the last line is not the configured trailer; transfer the whole file again")]
    TrailerMissing {
        /// The file as it was named.
        file: String,
    },
    /// The trailer counts otherwise.
    #[error("{file}: the trailer counts {stated} rows, {found} were read; transfer the whole file again")]
    TrailerCount {
        /// The file as it was named.
        file: String,
        /// What the trailer says.
        stated: u64,
        /// What was read.
        found: u64,
    },
    /// A position that holds no row (any more).
    #[error("{file}: line {line}: no row can be read at its position; the file changed, run again")]
    Position {
        /// The file as it was named.
        file: String,
        /// The line that the position claims.
        line: u64,
    },
}

impl FileError {
    /// A failed read by position: an early end means that somebody shortened the file.
    pub(super) fn reading(file: &str, source: io::Error) -> Self {
        let file = file.to_owned();
        if source.kind() == io::ErrorKind::UnexpectedEof {
            Self::Changed { file }
        } else {
            Self::Read { file, source }
        }
    }

    /// Who has to act.
    #[must_use]
    pub fn kind(&self) -> FileErrorKind {
        match self {
            Self::Read { .. } | Self::Spool { .. } => FileErrorKind::Machine,
            Self::TrailerPattern { .. } => FileErrorKind::Setting,
            Self::Open { .. }
            | Self::Empty { .. }
            | Self::Changed { .. }
            | Self::Compressed { .. }
            | Self::TooLarge { .. }
            | Self::NotText { .. }
            | Self::Encoding { .. }
            | Self::ForeignEncoding { .. }
            | Self::Cut { .. }
            | Self::OpenQuote { .. }
            | Self::QuoteTooLong { .. }
            | Self::LineTooLong { .. }
            | Self::QuoteSwallows { .. }
            | Self::Delimiter { .. }
            | Self::OtherDelimiter { .. }
            | Self::Header { .. }
            | Self::DuplicateColumn { .. }
            | Self::JsonArray { .. }
            | Self::JsonSpread { .. }
            | Self::NoJson { .. }
            | Self::TrailerMissing { .. }
            | Self::TrailerCount { .. }
            | Self::Position { .. } => FileErrorKind::File,
        }
    }
}
