//! The way through a file: every record once, one by one or in blocks.

use std::sync::Arc;

use super::block::Block;
use super::csv_scan::CsvScan;
use super::error::FileError;
use super::input::InputFile;
use super::json_scan::JsonScan;
use super::row::Scanned;
use super::source::CHUNK_BYTES;
use super::window::Cut;

/// The longest record, in bytes with its line end: a customer has a few hundred, and a stray quote swallows no more.
pub(super) const RECORD_BYTES_MAX: usize = 1024 * 1024;

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
    /// The record that was read last, without its line end.
    content: Vec<u8>,
    /// Where the last block ends that was accounted for.
    passed_to: u64,
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
        Self { input, records, content: Vec::new(), passed_to: 0, found: 0, ended: false }
    }

    /// The next records together, as many as fit; `None`, where the next one has to be read by itself. `spare` is a
    /// buffer that is no longer needed.
    ///
    /// Blocks may be taken ahead; before a record is read by itself, each block has to be accounted for, by
    /// [`Scan::passed`] or [`Scan::back_to`].
    ///
    /// # Errors
    /// When reading fails.
    pub fn block(&mut self, spare: Vec<u8>) -> Result<Option<Block<'a>>, FileError> {
        let cut = match &mut self.records {
            Records::Csv(records, _) => records.block(spare)?,
            Records::Jsonl(records) => records.block(spare)?,
        };
        let input = self.input;
        Ok(cut.map(|Cut { offset, buffer, part }| Block { input, offset, buffer, part }))
    }

    /// The line on which the first block begins that was not accounted for.
    #[must_use]
    pub fn line(&self) -> u64 {
        match &self.records {
            Records::Csv(records, _) => records.line(),
            Records::Jsonl(records) => records.line(),
        }
    }

    /// Where the last block ends that was accounted for, counted in the decoded text.
    #[must_use]
    pub fn passed_to(&self) -> u64 {
        self.passed_to
    }

    /// Accounts for a block: so many rows and bad rows and so many line ends were found in it. Gives its buffer back.
    pub fn passed(&mut self, block: Block<'_>, found: u64, lines: u64) -> Vec<u8> {
        self.found += found;
        self.passed_to = block.end();
        match &mut self.records {
            Records::Csv(records, _) => records.count_lines(lines),
            Records::Jsonl(records) => records.count_lines(lines),
        }
        block.buffer
    }

    /// Goes back to the beginning of a block, whose records are then read by themselves. All blocks before it were
    /// accounted for, those behind it count for nothing.
    pub fn back_to(&mut self, block: &Block<'_>) {
        match &mut self.records {
            Records::Csv(records, _) => records.back_to(block.offset),
            Records::Jsonl(records) => records.back_to(block.offset),
        }
    }

    /// The bytes of the record that was read last by itself, without its line end.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    fn record(&mut self) -> Result<Option<Scanned>, FileError> {
        let content = &mut self.content;
        let record = match &mut self.records {
            Records::Csv(records, header) => records.next(header, content)?,
            Records::Jsonl(records) => records.next(content)?,
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
