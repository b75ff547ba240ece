//! The first pass: every record once, into marks of 48 bytes.
//!
//! No value of a valid row stays in memory, not even the CRM's key; the rows themselves are read again, by position, for
//! those customers alone that turn out to be new or changed. Blocks are looked at by all processors while the next ones are
//! read.

use std::sync::Arc;

use jiff::civil::Date;
use rayon::prelude::*;

use crate::domain::customer::CustomerId;
use crate::domain::event::Event;
use crate::domain::field::FieldSet;
use crate::domain::mark::{KeyMark, Marker, RecordMarker};
use crate::domain::redacted::Redacted;
use crate::mapping::{self, MappingError};
use crate::reader::{Block, FileError, Found, InputFile, Passed, Row, Scan, Scanned, Span};

use super::partitions::{Parted, Partitions, RowMark, RowPlace};
use super::rejects::{CellsRoom, IngestReject};
use super::sheet::Sheet;
use super::{Ingest, IngestError};

/// How many blocks for each processor are looked at together, between which none waits for another: with half of them an
/// unchanged file takes 8 % longer.
const PROCESSOR_BLOCKS: usize = 6;
/// However many processors there are, no more blocks are in memory at once than twice these.
const BATCH_BLOCKS_MAX: usize = 48;
/// How many bytes of a block for each row that room is made for; a customer's row is mostly longer.
const ROW_BYTES: usize = 200;
/// How often reading tells of its progress.
const PROGRESS_BYTES: u64 = 16 * 1024 * 1024;
/// More lines than a place in a file can count.
const TOO_FAR: IngestError = IngestError::TooMany { what: "lines of one file", max: u32::MAX as u64 };

/// What the first pass found.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) partitions: Partitions,
    pub(super) invalid: Vec<IngestReject>,
    pub(super) rows: u64,
    /// Bytes of decoded text.
    pub(super) bytes: u64,
    /// What the raw cells in `invalid` take.
    pub(super) room: CellsRoom,
}

/// Looks at the records of one file, on any thread.
struct Looker<'a> {
    sheet: &'a Sheet<'a>,
    file: u16,
    marker: &'a Marker,
    records: RecordMarker,
}

/// What was found in one block, its lines counted from the block's first.
#[derive(Default)]
struct BlockRows {
    rows: Vec<RowMark>,
    /// The rows of a whole block, instead.
    parted: Option<Parted>,
    invalid: Vec<Invalid>,
    /// Whether a record is not in the encoding that was presumed.
    foreign: bool,
    /// Lines of the block; `None`, when its records have to be read one by one.
    lines: Option<u64>,
}

struct Invalid {
    span: Span,
    customer_id: Option<CustomerId>,
    column: Option<String>,
    reason: String,
    names: Arc<[String]>,
    cells: Vec<String>,
    whole: bool,
}

impl Index {
    /// Reads all files, in their order.
    pub(super) fn read(
        ingest: &Ingest<'_>,
        sheets: &[Sheet<'_>],
        marker: &Marker,
    ) -> Result<Self, IngestError> {
        let partitions = Partitions::default();
        let mut index =
            Self { partitions, invalid: Vec::new(), rows: 0, bytes: 0, room: CellsRoom::default() };
        for (number, sheet) in sheets.iter().enumerate() {
            let file = u16::try_from(number)
                .map_err(|_| IngestError::TooMany { what: "files", max: u64::from(u16::MAX) })?;
            let records = marker.records(&ingest.context(sheet));
            let before = (index.rows, index.invalid.len());
            index.read_file(ingest, &Looker { sheet, file, marker, records })?;
            index.refuse_keyless(sheet, before)?;
        }
        Ok(index)
    }

    /// Refuses a file without a header none of whose lines is a record, or none of whose rows has the customer's key: it is of
    /// another format, or lacks its key column.
    fn refuse_keyless(&self, sheet: &Sheet<'_>, (rows, invalid): (u64, usize)) -> Result<(), IngestError> {
        let (rows, invalid) = (self.rows - rows, &self.invalid[invalid..]);
        if sheet.file.header().is_some() || rows == 0 || (invalid.len() as u64) < rows {
            return Ok(());
        }
        let column = sheet.mapper.customer_id_column();
        let is_keyless = |reject: &IngestReject| {
            reject.column.as_deref() == Some(column) && *reject.reason == *mapping::NO_KEY
        };
        let file = sheet.file.name().to_owned();
        if invalid.iter().all(is_keyless) {
            return Err(IngestError::Header { file, source: MappingError::NoCustomerId { nearest: None } });
        }
        // A record that is one has a column that is at fault.
        match invalid.first() {
            Some(first) if invalid.iter().all(|reject| reject.column.is_none()) => {
                Err(FileError::NoJson { file, line: first.place.line, lines: rows }.into())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn read_file(&mut self, ingest: &Ingest<'_>, looker: &Looker<'_>) -> Result<(), IngestError> {
        let before = self.bytes;
        let mut scan = looker.sheet.file.scan()?;
        let mut spare = Vec::new();
        let mut looking = read_on(&mut scan, &mut spare)?;
        let mut seen = Vec::new();
        loop {
            ingest.go_on()?;
            if looking.is_empty() && seen.is_empty() {
                match self.next_record(looker, &mut scan)? {
                    Some(end) => self.bytes = before + end,
                    None => return Ok(()),
                }
                looking = read_on(&mut scan, &mut spare)?;
                continue;
            }
            let take = || -> Result<_, IngestError> {
                let whole = self.take_all(looker, &mut scan, std::mem::take(&mut seen), &mut spare)?;
                self.tell(ingest, before + scan.passed_to());
                Ok((whole, read_on(&mut scan, &mut spare)?))
            };
            let look =
                || looking.par_iter().with_max_len(1).map(|block| looker.block(block)).collect::<Vec<_>>();
            let (taken, found) = rayon::join(take, look);
            let (whole, ahead) = taken?;
            // Where records were read one by one, reading went on behind them.
            seen = if whole { looking.into_iter().zip(found).collect() } else { Vec::new() };
            looking = ahead;
        }
    }

    /// Takes what was found in blocks; false, where one of them had to be read record by record and the rest counts
    /// for nothing.
    fn take_all<'b>(
        &mut self,
        looker: &Looker<'_>,
        scan: &mut Scan<'b>,
        seen: Vec<(Block<'b>, BlockRows)>,
        spare: &mut Vec<Vec<u8>>,
    ) -> Result<bool, IngestError> {
        for (block, looked) in seen {
            let Some(lines) = looked.lines else {
                scan.back_to(&block);
                self.record_by_record(looker, scan, block.end())?;
                return Ok(false);
            };
            let found = looked.found();
            self.take(looker, looked, scan.line())?;
            spare.push(scan.passed(block, found, lines));
        }
        Ok(true)
    }

    fn tell(&mut self, ingest: &Ingest<'_>, bytes: u64) {
        let told = self.bytes / PROGRESS_BYTES;
        self.bytes = bytes;
        if bytes / PROGRESS_BYTES > told {
            let bytes_total = ingest.files.iter().map(InputFile::bytes).sum();
            ingest.events.emit(Event::Reading { rows: self.rows, bytes, bytes_total });
        }
    }

    /// Reads the records up to `end` one by one.
    fn record_by_record(
        &mut self,
        looker: &Looker<'_>,
        scan: &mut Scan<'_>,
        end: u64,
    ) -> Result<(), IngestError> {
        while let Some(at) = self.next_record(looker, scan)? {
            if at >= end {
                break;
            }
        }
        Ok(())
    }

    /// Reads one record by itself; gives where it ends, or nothing behind the last one.
    fn next_record(&mut self, looker: &Looker<'_>, scan: &mut Scan<'_>) -> Result<Option<u64>, IngestError> {
        let Some(scanned) = scan.next().transpose()? else { return Ok(None) };
        let span = scanned.span();
        let mut looked = BlockRows::default();
        looker.scanned(scanned, scan.content(), &mut looked).ok_or(TOO_FAR)?;
        self.take(looker, looked, 0)?;
        Ok(Some(span.offset + u64::from(span.bytes)))
    }

    fn take(&mut self, looker: &Looker<'_>, looked: BlockRows, line: u64) -> Result<(), IngestError> {
        if looked.foreign {
            return Err(looker.sheet.file.refuted().into());
        }
        self.rows += looked.found();
        for row in looked.rows {
            self.partitions.push(row).map_err(IngestError::Spill)?;
        }
        if let Some(rows) = looked.parted {
            let last = line + looked.lines.unwrap_or_default();
            let lines = u32::try_from(last).and(u32::try_from(line)).map_err(|_| TOO_FAR)?;
            self.partitions.add(rows, lines).map_err(IngestError::Spill)?;
        }
        for Invalid { span, customer_id, column, reason, names, cells, whole } in looked.invalid {
            let reject = IngestReject {
                place: looker.sheet.place(span.line + line),
                customer_id,
                provider: None,
                column: column.map(Into::into),
                reason: reason.into(),
                names,
                cells: Redacted::new(cells),
                whole,
            };
            self.invalid.push(reject.within(&mut self.room));
        }
        Ok(())
    }
}

/// The next blocks that can be looked at together; none where the next record has to be read by itself.
pub(super) fn read_on<'a>(
    scan: &mut Scan<'a>,
    spare: &mut Vec<Vec<u8>>,
) -> Result<Vec<Block<'a>>, IngestError> {
    let batch = (PROCESSOR_BLOCKS * rayon::current_num_threads()).min(BATCH_BLOCKS_MAX);
    let mut blocks = Vec::with_capacity(batch);
    while blocks.len() < batch
        && let Some(block) = scan.block(spare.pop().unwrap_or_default())?
    {
        blocks.push(block);
    }
    Ok(blocks)
}

impl BlockRows {
    /// Rows and bad rows.
    fn found(&self) -> u64 {
        (self.rows.len() + self.parted.as_ref().map_or(0, Parted::len) + self.invalid.len()) as u64
    }
}

impl Looker<'_> {
    fn block(&self, block: &Block<'_>) -> BlockRows {
        let rows = Vec::with_capacity(usize::try_from(block.end() - block.start()).unwrap_or(0) / ROW_BYTES);
        let mut looked = BlockRows { rows, ..BlockRows::default() };
        let mut fits = true;
        let passed = block.records(|found| {
            fits &= match found {
                Found::Scanned(scanned, content) => self.scanned(scanned, content, &mut looked).is_some(),
                Found::Line(line) => {
                    let valid = self.sheet.key(|column| line.get(column));
                    match valid.map(|key| self.marker.key(&key)) {
                        Some(key) => self.valid(key, line.content(), line.span(), &mut looked).is_some(),
                        None => {
                            looked.invalid.push(nobodys(self.sheet, &line.to_row()));
                            true
                        }
                    }
                }
            };
        });
        looked.lines = match passed {
            Passed::Whole { lines } if fits => Some(lines),
            Passed::Whole { .. } | Passed::Broken => None,
        };
        looked.parted = Some(Parted::of(&std::mem::take(&mut looked.rows)));
        looked
    }

    /// Takes a record in; `None`, when it lies too far behind.
    fn scanned(&self, scanned: Scanned, content: &[u8], looked: &mut BlockRows) -> Option<()> {
        match scanned {
            Scanned::Row(row) => {
                let key = self.sheet.key(|column| row.get(column)).map(|key| self.marker.key(&key));
                match key {
                    Some(key) => return self.valid(key, content, row.span(), looked),
                    None => looked.invalid.push(nobodys(self.sheet, &row)),
                }
            }
            Scanned::Bad(bad) => {
                looked.foreign |= self.sheet.file.is_refuted_by(content);
                looked.invalid.push(Invalid {
                    span: bad.span,
                    customer_id: self.sheet.identify_bad(&bad),
                    whole: bad.column.is_none() || self.sheet.file.header().is_none(),
                    column: bad.column,
                    reason: bad.reason,
                    names: self.sheet.names(),
                    cells: bad.cells,
                });
            }
        }
        Some(())
    }

    fn valid(&self, key: KeyMark, content: &[u8], span: Span, looked: &mut BlockRows) -> Option<()> {
        let place = RowPlace::new(self.file, span)?;
        looked.rows.push(RowMark { key, record: self.records.record(content), place });
        Some(())
    }
}

/// A row without a usable key; mapping says what is wrong with it.
fn nobodys(sheet: &Sheet<'_>, row: &Row) -> Invalid {
    let defect = sheet.map(row, Date::MAX, FieldSet::default()).err();
    let reason = defect.as_ref().map_or("has no usable key", |defect| defect.reason.0);
    let (names, cells) = sheet.raw_cells(row);
    Invalid {
        span: row.span(),
        customer_id: None,
        column: Some(sheet.mapper.customer_id_column().to_owned()),
        reason: reason.to_owned(),
        names,
        cells,
        whole: false,
    }
}
