//! The first pass: every record once, into an index of a few dozen bytes a row.
//!
//! No customer value but the CRM's key stays in memory; the rows themselves are read again, by position, for those
//! customers alone that turn out to be new or changed.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use rayon::prelude::*;

use crate::domain::customer::{CustomerId, Order};
use crate::domain::defect::Place;
use crate::domain::event::Event;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::redacted::Redacted;
use crate::reader::{Row, Scanned, Span};

use super::rejects::{IngestReject, REJECT_CELLS_BYTES_MAX};
use super::sheet::Sheet;
use super::{Ingest, IngestError};

/// Records that are hashed together by all processors.
const BATCH_ROWS: usize = 4_096;
/// How often reading tells of its progress.
const PROGRESS_ROWS: u64 = 50_000;
/// The end of a chain of rows.
const NO_ROW: u32 = u32::MAX;

/// One valid row, 64 bytes.
#[derive(Debug)]
pub(super) struct Entry {
    digest: [u8; 16],
    offset: u64,
    line: u64,
    order: i64,
    id_start: u64,
    bytes: u32,
    /// The next row of the same customer, in the order of the input.
    next: u32,
    id_bytes: u16,
    pub(super) file: u16,
    ordered: bool,
}

impl Entry {
    pub(super) fn span(&self) -> Span {
        Span { offset: self.offset, line: self.line, bytes: self.bytes }
    }

    pub(super) fn order(&self) -> Option<Order> {
        self.ordered.then_some(Order(self.order))
    }
}

/// The rows of one customer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    first: u32,
    last: u32,
    pub(super) rows: u32,
}

/// What the first pass found.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: Vec<Entry>,
    ids: String,
    /// In the order in which customers first appear.
    pub(super) groups: Vec<Group>,
    pub(super) invalid: Vec<IngestReject>,
    pub(super) rows: u64,
    /// Bytes of decoded text.
    pub(super) bytes: u64,
    /// Bytes of raw cells that `invalid` holds.
    pub(super) reject_bytes: usize,
}

/// One record, read on its own.
enum Found {
    Valid { id: CustomerId, order: Option<Order>, digest: [u8; 16], span: Span },
    Invalid { span: Span, column: Option<String>, reason: String, names: Arc<[String]>, cells: Vec<String> },
}

impl Index {
    /// Reads all files, in their order.
    pub(super) fn read(
        ingest: &Ingest<'_>,
        sheets: &[Sheet<'_>],
        fingerprinter: &Fingerprinter,
    ) -> Result<Self, IngestError> {
        let mut index = Self::default();
        let bytes_total = sheets.iter().map(|sheet| sheet.file.bytes()).sum();
        for (number, sheet) in sheets.iter().enumerate() {
            let file = u16::try_from(number)
                .map_err(|_| IngestError::TooMany { what: "files", max: u64::from(u16::MAX) })?;
            let hasher = fingerprinter.record_hasher(&ingest.context(sheet));
            let before = index.bytes;
            let mut scan = sheet.file.scan()?;
            loop {
                let batch: Vec<Scanned> = scan.by_ref().take(BATCH_ROWS).collect::<Result<_, _>>()?;
                if batch.is_empty() {
                    break;
                }
                let found: Vec<Found> =
                    batch.into_par_iter().map(|record| look_at(sheet, &hasher, record)).collect();
                for record in found {
                    index.bytes = before + record.end();
                    index.take(sheet, file, record)?;
                    if index.rows.is_multiple_of(PROGRESS_ROWS) {
                        let (rows, bytes) = (index.rows, index.bytes);
                        ingest.events.emit(Event::Reading { rows, bytes, bytes_total });
                    }
                }
            }
        }
        index.group();
        Ok(index)
    }

    fn take(&mut self, sheet: &Sheet<'_>, file: u16, found: Found) -> Result<(), IngestError> {
        self.rows += 1;
        match found {
            Found::Valid { id, order, digest, span } => self.put(file, &id, order, digest, span),
            Found::Invalid { span, column, reason, names, cells } => {
                let size: usize = cells.iter().map(String::len).sum();
                let fits = self.reject_bytes + size <= REJECT_CELLS_BYTES_MAX;
                self.reject_bytes += if fits { size } else { 0 };
                self.invalid.push(IngestReject {
                    place: sheet.place(span.line),
                    customer_id: None,
                    provider: None,
                    column: column.map(Into::into),
                    reason: reason.into(),
                    names,
                    cells: Redacted::new(if fits { cells } else { Vec::new() }),
                });
                Ok(())
            }
        }
    }

    fn put(
        &mut self,
        file: u16,
        id: &CustomerId,
        order: Option<Order>,
        digest: [u8; 16],
        span: Span,
    ) -> Result<(), IngestError> {
        let row = u32::try_from(self.entries.len()).unwrap_or(NO_ROW);
        if row == NO_ROW {
            return Err(IngestError::TooMany { what: "rows", max: u64::from(NO_ROW) });
        }
        let id = id.as_str();
        self.entries.push(Entry {
            digest,
            offset: span.offset,
            line: span.line,
            order: order.map_or(0, |order| order.0),
            id_start: self.ids.len() as u64,
            bytes: span.bytes,
            next: NO_ROW,
            id_bytes: u16::try_from(id.len()).expect("a key has at most 200 characters"),
            file,
            ordered: order.is_some(),
        });
        self.ids.push_str(id);
        Ok(())
    }

    /// Chains the rows of each customer, in the order of the input.
    fn group(&mut self) {
        let mut groups: Vec<Group> = Vec::new();
        let mut by_id: HashMap<&str, u32> = HashMap::new();
        for row in 0..self.entries.len() {
            let number = u32::try_from(row).expect("the number of rows was checked");
            let fresh = u32::try_from(groups.len()).expect("there are no more customers than rows");
            let group = *by_id.entry(id_of(&self.ids, &self.entries[row])).or_insert(fresh);
            match groups.get_mut(group as usize) {
                None => groups.push(Group { first: number, last: number, rows: 1 }),
                Some(group) => {
                    self.entries[group.last as usize].next = number;
                    group.last = number;
                    group.rows += 1;
                }
            }
        }
        self.groups = groups;
    }

    /// The key of a customer.
    pub(super) fn id(&self, group: &Group) -> CustomerId {
        let id = id_of(&self.ids, &self.entries[group.first as usize]);
        CustomerId::new(id).expect("only valid keys are indexed")
    }

    /// The rows of a customer, oldest first: by their order value, else as they came. A row without an order value
    /// stands before those that have one.
    pub(super) fn rows(&self, group: &Group) -> Vec<&Entry> {
        let mut rows = Vec::with_capacity(group.rows as usize);
        let mut next = group.first;
        while let Some(entry) = self.entries.get(next as usize) {
            rows.push(entry);
            next = entry.next;
        }
        rows.sort_by_key(|entry| entry.order());
        rows
    }

    /// The places of the rows that are dated in the future.
    pub(super) fn future_places(&self, sheets: &[Sheet<'_>]) -> impl Iterator<Item = Place> {
        let of = |entry: &Entry| &sheets[usize::from(entry.file)];
        let rows = self.entries.iter().filter(move |entry| of(entry).is_from_future(entry.order()));
        rows.map(move |entry| of(entry).place(entry.line))
    }

    /// The place of the first row of a customer.
    pub(super) fn place(&self, group: &Group, sheets: &[Sheet<'_>]) -> Place {
        let entry = &self.entries[group.first as usize];
        sheets[usize::from(entry.file)].place(entry.line)
    }
}

/// The digest of a customer: of its rows, in their order.
pub(super) fn digest_of(rows: &[&Entry], hasher: &blake3::Hasher) -> [u8; 16] {
    let mut hasher = hasher.clone();
    for row in rows {
        hasher.update(&row.digest);
    }
    truncated(&hasher)
}

fn id_of<'a>(ids: &'a str, entry: &Entry) -> &'a str {
    let start = usize::try_from(entry.id_start).expect("it was the length of a text");
    ids.get(start..start + usize::from(entry.id_bytes)).expect("keys were written one after the other")
}

fn truncated(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    digest
}

fn look_at(sheet: &Sheet<'_>, hasher: &blake3::Hasher, record: Scanned) -> Found {
    let row = match record {
        Scanned::Row(row) => row,
        Scanned::Bad(bad) => {
            return Found::Invalid {
                span: bad.span,
                column: bad.column,
                reason: bad.reason,
                names: sheet.names(),
                cells: bad.cells,
            };
        }
    };
    let Some((id, order)) = sheet.identify(&row) else {
        return nobodys(sheet, &row);
    };
    let mut hasher = hasher.clone();
    row.digest(&mut hasher);
    Found::Valid { id, order, digest: truncated(&hasher), span: row.span() }
}

/// A row without a usable key or order; mapping says what is wrong with it.
fn nobodys(sheet: &Sheet<'_>, row: &Row) -> Found {
    let defect = sheet.map(row, Date::MAX).err();
    let reason = defect.as_ref().map_or("has no usable key", |defect| defect.reason.0);
    let column = defect.as_ref().map_or(sheet.mapper.customer_id_column(), |defect| &defect.column);
    let (names, cells) = sheet.raw_cells(row);
    Found::Invalid {
        span: row.span(),
        column: Some(column.to_owned()),
        reason: reason.to_owned(),
        names,
        cells,
    }
}

impl Found {
    /// Where the record ends in the decoded text of its file.
    fn end(&self) -> u64 {
        match self {
            Self::Valid { span, .. } | Self::Invalid { span, .. } => span.offset + u64::from(span.bytes),
        }
    }
}
