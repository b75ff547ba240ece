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
/// Rows that are kept or written together: just less than 16 KiB, because what an allocator puts to a page would
/// otherwise make it take a sixth more of memory.
const PAGE_ROWS: usize = 341;
const PAGE_BYTES: usize = PAGE_ROWS * ROW_BYTES;
/// How much of all parts stays in memory: a million rows do.
const MEMORY_BYTES_MAX: usize = 56 * 1024 * 1024;
/// An offset has 48 bits, above them stands the number of the file.
const OFFSET_BITS: u32 = 48;
/// One for each first byte.
pub(super) const PARTS: usize = 256;

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

    /// The number of its file and its line, for people.
    pub(super) fn file_and_line(self) -> (u16, u32) {
        (self.file(), self.line)
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
    open: Vec<RowMark>,
    full: Vec<Page>,
}

#[derive(Debug)]
enum Page {
    Memory(Vec<RowMark>),
    Spilled(u64),
}

impl Partitions {
    pub(super) fn new() -> Self {
        let parts = std::iter::repeat_with(Part::default).take(PARTS).collect();
        Self { parts, memory: 0, spill: None, spilled: 0 }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: RowMark) -> io::Result<()> {
        let part = &mut self.parts[usize::from(row.key.bucket())];
        if part.open.capacity() == 0 {
            part.open.reserve_exact(PAGE_ROWS);
        }
        part.open.push(row);
        if part.open.len() < PAGE_ROWS {
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
        let packed: Vec<u8> = part.open.iter().flat_map(RowMark::pack).collect();
        spill.write_all_at(&packed, self.spilled)?;
        part.full.push(Page::Spilled(self.spilled));
        self.spilled += PAGE_BYTES as u64;
        part.open.clear();
        Ok(())
    }

    /// Takes a part out, by pages, in the order of the input.
    pub(super) fn take(&mut self, part: u8) -> io::Result<Vec<Vec<RowMark>>> {
        let Part { open, full } = std::mem::take(&mut self.parts[usize::from(part)]);
        let mut pages = Vec::with_capacity(full.len() + 1);
        for page in full {
            pages.push(match (page, &self.spill) {
                (Page::Memory(rows), _) => rows,
                (Page::Spilled(at), Some(spill)) => {
                    let mut read = [0; PAGE_BYTES];
                    spill.read_exact_at(&mut read, at)?;
                    read.as_chunks().0.iter().map(RowMark::unpack).collect()
                }
                (Page::Spilled(_), None) => return Err(io::ErrorKind::NotFound.into()),
            });
        }
        pages.push(open);
        Ok(pages)
    }
}

/// The rows of a part by key and, of one key, in the order of the input.
///
/// Marks are spread evenly, so that each row is put at once where it belongs, give or take a few neighbours: a fifth
/// of the time that sorting takes.
pub(super) fn sorted(pages: &[Vec<RowMark>]) -> Vec<RowMark> {
    let rows = || pages.iter().flatten();
    let mut sorted: Vec<RowMark> = Vec::with_capacity(pages.iter().map(Vec::len).sum());
    pages.iter().for_each(|page| sorted.extend_from_slice(page));
    let count = sorted.len();
    let slot = |row: &RowMark| {
        let slot = (u64::from(row.key.spread()) * count as u64) >> u32::BITS;
        usize::try_from(slot).expect("a slot for each row")
    };
    let mut ends = vec![0; count];
    for row in rows() {
        ends[slot(row)] += 1;
    }
    let mut next = 0;
    for end in &mut ends {
        next += std::mem::replace(end, next);
    }
    for row in rows() {
        let end = &mut ends[slot(row)];
        sorted[*end] = *row;
        *end += 1;
    }
    let mut start = 0;
    for end in ends {
        if end - start > 1 {
            sorted[start..end].sort_unstable_by_key(|row| (u128::from_be_bytes(row.key.0), row.place));
        }
        start = end;
    }
    sorted
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
                partitions.push(*row).unwrap();
            }
            let mut found = Vec::new();
            for part in 0..=u8::MAX {
                let some = partitions.take(part).unwrap();
                assert!(some.iter().flatten().all(|row| row.key.bucket() == part));
                found.extend(some.into_iter().flatten());
            }
            found.sort_by_key(|row| row.place);
            assert!(found == rows);
            assert_eq!(partitions.spill.is_some(), memory != 0);
        }
    }

    #[test]
    fn rows_are_sorted_however_their_marks_are_spread() {
        let rows = |count: u32, key: fn(u32) -> [u8; 16]| -> Vec<RowMark> {
            let shuffled = (0..count).map(|number| row(number.wrapping_mul(0x9e37_79b1) % count));
            shuffled.map(|row| RowMark { key: KeyMark(key(row.place.line)), ..row }).collect()
        };
        let even = |number: u32| {
            let mut key = row(number).key.0;
            key.rotate_right(1);
            key
        };
        let alike = |_: u32| [7; 16];
        let ends = |number: u32| {
            let mut key = [if number.is_multiple_of(2) { 0 } else { u8::MAX }; 16];
            key[0] = 7;
            key[15] = (number % 5).to_le_bytes()[0];
            key
        };
        for rows in [rows(0, even), rows(1, even), rows(5_000, even), rows(5_000, alike), rows(5_000, ends)] {
            let mut expected = rows.clone();
            expected.sort_by_key(|row| (row.key, row.place));
            assert!(sorted(&[rows, Vec::new()]) == expected);
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
