//! Bytes to rows: CSV and JSONL files as a CRM writes them, dirty, compressed or in an old encoding.
//!
//! [`InputFile::open`] settles what a file is (compression, encoding, format, delimiter, header);
//! [`InputFile::scan`] reads every record once, in memory that does not grow with the file, one by one or in blocks;
//! [`InputFile::reread`] reads single records again by their [`Span`].
//!
//! A record that cannot be read is one [`BadRow`] and the file goes on. Whatever puts the *rest* of a file in
//! doubt (cut, changed while it was read, a quote that never closes) is a [`FileError`], and the file is refused.
//!
//! The room knows nothing of customers and canonical fields: a cell is text, and its meaning is `mapping`'s.

mod block;
mod charset;
mod csv_scan;
mod error;
mod header;
mod input;
mod json_record;
mod json_scan;
mod json_walk;
mod machine;
mod reread;
mod row;
mod scan;
mod settings;
mod sniff;
mod source;
mod trailer;
mod window;

#[cfg(test)]
mod tests;

pub use block::{Block, Found, Line, Passed};
pub use error::{FileError, FileErrorKind};
pub use input::{InputFile, Sniffed, sniff};
pub use reread::RowParser;
pub use row::{BadRow, Column, Row, Scanned, Span};
pub use scan::Scan;
pub use settings::{DelimiterSetting, EncodingSetting, Format, FormatSetting, ReaderSettings};
pub use trailer::compile as compile_trailer;
