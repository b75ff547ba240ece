//! The rows of an input, parted by the first byte of their customer's mark, so that one part after the other can be
//! compared with what is stored, in whatever order the rows came.
//!
//! What is beyond a bound goes into an unlinked temporary file; it holds places and keyed hashes, no value.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::domain::mark::{Digest, KeyMark};
use crate::reader::Span;

/// One row, packed.
const ROW_BYTES: usize = 48;
/// Rows that are written together.
const PAGE_BYTES: usize = 256 * ROW_BYTES;
/// How much of all parts stays in memory: a million rows do.
const MEMORY_BYTES_MAX: usize = 56 * 1024 * 1024;
/// An offset has 48 bits, above them stands the number of the file.
const OFFSET_BITS: u32 = 48;
const PARTS: usize = 256;

/// Where a row stands: first by file, then by place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowPlace {
    at: u64,
    line: u32,
    bytes: u32,
}

impl RowPlace {
    /// The place of a row in the file of that number; `None` where it lies too far behind to be told.
    pub(super) fn new(file: u16, span: Span) -> Option<Self> {
        let at = (u64::from(file) << OFFSET_BITS) | span.offset;
        let fits = span.offset < 1 << OFFSET_BITS;
        fits.then_some(Self { at, line: u32::try_from(span.line).ok()?, bytes: span.bytes })
    }

    pub(super) fn file(self) -> u16 {
        u16::try_from(self.at >> OFFSET_BITS).expect("16 bits are left")
    }

    pub(super) fn span(self) -> Span {
        let offset = self.at & ((1 << OFFSET_BITS) - 1);
        Span { offset, line: self.line.into(), bytes: self.bytes }
    }

    /// The same row so many lines further down; `None` where that is too far.
    pub(super) fn moved(self, lines: u64) -> Option<Self> {
        let line = u32::try_from(u64::from(self.line) + lines).ok()?;
        Some(Self { line, ..self })
    }
}

/// A valid row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowMark {
    pub(super) key: KeyMark,
    pub(super) record: Digest,
    pub(super) place: RowPlace,
}

impl RowMark {
    fn pack(&self) -> [u8; ROW_BYTES] {
        let mut bytes = [0; ROW_BYTES];
        bytes[..16].copy_from_slice(&self.key.0);
        bytes[16..32].copy_from_slice(&self.record);
        bytes[32..40].copy_from_slice(&self.place.at.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.place.line.to_le_bytes());
        bytes[44..].copy_from_slice(&self.place.bytes.to_le_bytes());
        bytes
    }

    fn unpack(bytes: &[u8; ROW_BYTES]) -> Self {
        let part = |from: usize| -> [u8; 4] { bytes[from..from + 4].try_into().expect("four bytes") };
        let half = |from: usize| -> Digest { bytes[from..from + 16].try_into().expect("sixteen bytes") };
        let at = u64::from_le_bytes(bytes[32..40].try_into().expect("eight bytes"));
        let (line, bytes) = (u32::from_le_bytes(part(40)), u32::from_le_bytes(part(44)));
        Self { key: KeyMark(half(0)), record: half(16), place: RowPlace { at, line, bytes } }
    }
}

/// All rows, by part.
#[derive(Debug)]
pub(super) struct Partitions {
    parts: Vec<Part>,
    memory: usize,
    spill: Option<File>,
    spilled: u64,
}

#[derive(Debug, Default)]
struct Part {
    open: Vec<u8>,
    full: Vec<Page>,
}

#[derive(Debug)]
enum Page {
    Memory(Vec<u8>),
    Spilled(u64),
}

impl Partitions {
    pub(super) fn new() -> Self {
        let parts = std::iter::repeat_with(Part::default).take(PARTS).collect();
        Self { parts, memory: 0, spill: None, spilled: 0 }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: &RowMark) -> io::Result<()> {
        let part = &mut self.parts[usize::from(row.key.bucket())];
        part.open.extend_from_slice(&row.pack());
        if part.open.len() < PAGE_BYTES {
            return Ok(());
        }
        if self.memory < MEMORY_BYTES_MAX {
            self.memory += PAGE_BYTES;
            part.full.push(Page::Memory(std::mem::take(&mut part.open)));
            return Ok(());
        }
        let spill = match &self.spill {
            Some(spill) => spill,
            None => self.spill.insert(tempfile::tempfile()?),
        };
        spill.write_all_at(&part.open, self.spilled)?;
        part.full.push(Page::Spilled(self.spilled));
        self.spilled += PAGE_BYTES as u64;
        part.open.clear();
        Ok(())
    }

    /// Takes a part out, in the order of its keys and, of one key, in the order of the input.
    pub(super) fn take(&mut self, part: u8) -> io::Result<Vec<RowMark>> {
        let Part { open, full } = std::mem::take(&mut self.parts[usize::from(part)]);
        let mut rows = Vec::with_capacity((full.len() * PAGE_BYTES + open.len()) / ROW_BYTES);
        let mut read = Vec::new();
        for page in full {
            let bytes = match (&page, &self.spill) {
                (Page::Memory(bytes), _) => bytes,
                (Page::Spilled(at), Some(spill)) => {
                    read.resize(PAGE_BYTES, 0);
                    spill.read_exact_at(&mut read, *at)?;
                    &read
                }
                (Page::Spilled(_), None) => return Err(io::ErrorKind::NotFound.into()),
            };
            rows.extend(bytes.as_chunks().0.iter().map(RowMark::unpack));
        }
        rows.extend(open.as_chunks().0.iter().map(RowMark::unpack));
        Ok(rows)
    }
}

/// Sorts the rows of a part by key and, of one key, in the order of the input.
pub(super) fn sort(rows: &mut [RowMark]) {
    rows.sort_unstable_by_key(|row| (u128::from_be_bytes(row.key.0), row.place));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u32) -> RowMark {
        let digest = |salt: u8| {
            let mut digest = [salt; 16];
            digest[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
            digest
        };
        let span = Span { offset: u64::from(number) << 12, line: number.into(), bytes: number };
        let place = RowPlace::new(3, span).unwrap();
        assert_eq!((place.file(), place.span()), (3, span));
        RowMark { key: KeyMark(digest(1)), record: digest(2), place }
    }

    #[test]
    fn what_goes_in_comes_out_whether_it_was_spilled_or_not() {
        for memory in [0, MEMORY_BYTES_MAX - PAGE_BYTES, MEMORY_BYTES_MAX] {
            let mut partitions = Partitions::new();
            partitions.memory = memory;
            let rows: Vec<RowMark> = (0..200_000).map(row).collect();
            for row in &rows {
                partitions.push(row).unwrap();
            }
            let mut found = Vec::new();
            for part in 0..=u8::MAX {
                let some = partitions.take(part).unwrap();
                assert!(some.iter().all(|row| row.key.bucket() == part));
                found.extend(some);
            }
            found.sort_by_key(|row| row.place);
            assert!(found == rows);
            assert_eq!(partitions.spill.is_some(), memory != 0);
        }
    }

    #[test]
    fn a_place_too_far_behind_is_none() {
        let span = |offset, line| Span { offset, line, bytes: 1 };
        assert!(RowPlace::new(0, span(1 << 48, 1)).is_none());
        assert!(RowPlace::new(0, span(0, 1 << 32)).is_none());
        assert!(RowPlace::new(0, span(0, u32::MAX.into())).unwrap().moved(1).is_none());
    }
}
