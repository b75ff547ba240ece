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
/// How much of all parts stays in memory: a million rows do.
const MEMORY_BYTES_MAX: usize = 48 * 1024 * 1024;
/// At least so much is spilled together, so that what a part has of it is read again in pieces of 64 KiB.
const SPILL_BYTES_MIN: usize = 16 * 1024 * 1024;
/// Rows that were read by themselves are parted together.
const SINGLE_ROWS_MAX: usize = 1_024;
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

    /// The same row so many lines further down, of which no more are than can be told.
    fn moved(self, lines: u32) -> Self {
        Self { line: self.line.saturating_add(lines), ..self }
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

/// The rows of one block of a file by part, parted by whoever looked at them, so that nobody else has to until their part
/// is compared: to read what another processor has just written costs as much as looking at it.
#[derive(Debug)]
pub(super) struct Parted {
    /// Their lines are counted from the first one of the block.
    rows: Vec<RowMark>,
    /// Where each part ends.
    ends: Vec<usize>,
    /// The lines before the block.
    lines: u32,
}

impl Parted {
    /// Parts rows.
    pub(super) fn of(rows: &[RowMark]) -> Self {
        let (rows, ends) = placed(rows, PARTS, |row| row.key.bucket().into());
        Self { rows, ends, lines: 0 }
    }

    /// How many rows they are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    fn part(&self, part: u8) -> impl Iterator<Item = RowMark> + '_ {
        let part = usize::from(part);
        let start = if part == 0 { 0 } else { self.ends[part - 1] };
        let rows = self.rows[start..self.ends[part]].iter();
        rows.map(|row| RowMark { place: row.place.moved(self.lines), ..*row })
    }
}

/// All rows, by part.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    blocks: Vec<Parted>,
    /// Rows that were read by themselves.
    single: Vec<RowMark>,
    /// How many blocks stay in memory, with so many bytes of rows.
    kept: (usize, usize),
    /// Bytes of all rows in blocks.
    memory: usize,
    spill: Option<Spill>,
}

/// What is no longer in memory.
#[derive(Debug)]
struct Spill {
    file: File,
    /// Where the parts that were spilled together begin and, at last, where they end.
    borders: Vec<Vec<u64>>,
}

impl Partitions {
    /// Adds a row that was read by itself.
    pub(super) fn push(&mut self, row: RowMark) -> io::Result<()> {
        self.single.push(row);
        if self.single.len() < SINGLE_ROWS_MAX {
            return Ok(());
        }
        let single = std::mem::take(&mut self.single);
        self.add(Parted::of(&single), 0)
    }

    /// Adds the rows of a block, before which there are so many lines.
    pub(super) fn add(&mut self, block: Parted, lines: u32) -> io::Result<()> {
        self.memory += block.len() * ROW_BYTES;
        self.blocks.push(Parted { lines, ..block });
        if self.memory <= MEMORY_BYTES_MAX - SPILL_BYTES_MIN {
            self.kept = (self.blocks.len(), self.memory);
        } else if self.memory > MEMORY_BYTES_MAX {
            self.spill()?;
        }
        Ok(())
    }

    /// Moves what came last out of memory.
    fn spill(&mut self) -> io::Result<()> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            None => self.spill.insert(Spill { file: tempfile::tempfile()?, borders: Vec::new() }),
        };
        let (blocks, memory) = self.kept;
        let blocks = self.blocks.split_off(blocks);
        let mut at = spill.borders.last().and_then(|borders| borders.last()).copied().unwrap_or(0);
        let (mut borders, mut packed) = (vec![at], Vec::new());
        for part in 0..=u8::MAX {
            packed.clear();
            for row in blocks.iter().flat_map(|block| block.part(part)) {
                packed.extend_from_slice(&row.pack());
            }
            spill.file.write_all_at(&packed, at)?;
            at += packed.len() as u64;
            borders.push(at);
        }
        spill.borders.push(borders);
        self.memory = memory;
        Ok(())
    }

    /// How many rows a part has on average.
    pub(super) fn rows_each(&self) -> usize {
        let spilled = self.spill.iter().flat_map(|spill| spill.borders.last()?.last()).sum::<u64>();
        (usize::try_from(spilled).unwrap_or(usize::MAX) + self.memory) / ROW_BYTES / PARTS
    }

    /// The rows of a part, in no order.
    pub(super) fn part(&self, part: u8) -> io::Result<Vec<RowMark>> {
        let single = self.single.iter().filter(|row| row.key.bucket() == part).copied();
        // A few more than the others have.
        let mut rows = Vec::with_capacity(self.rows_each() * 9 / 8);
        rows.extend(single);
        if let Some(Spill { file, borders }) = &self.spill {
            for borders in borders {
                let (start, end) = (borders[usize::from(part)], borders[usize::from(part) + 1]);
                let mut packed = vec![0; usize::try_from(end - start).unwrap_or(usize::MAX)];
                file.read_exact_at(&mut packed, start)?;
                rows.extend(packed.as_chunks().0.iter().map(RowMark::unpack));
            }
        }
        self.blocks.iter().for_each(|block| rows.extend(block.part(part)));
        Ok(rows)
    }
}

/// The rows of a part by key and, of one key, in the order of the input.
///
/// Marks are spread evenly, so that each row is put at once where it belongs, give or take a few neighbours: a fifth
/// of the time that sorting takes.
pub(super) fn sorted(rows: &[RowMark]) -> Vec<RowMark> {
    let count = rows.len();
    let (mut sorted, ends) = placed(rows, count, |row| {
        let slot = (u64::from(row.key.spread()) * count as u64) >> u32::BITS;
        usize::try_from(slot).expect("a slot for each row")
    });
    let mut start = 0;
    for end in ends {
        if end - start > 1 {
            sorted[start..end].sort_unstable_by_key(|row| (u128::from_be_bytes(row.key.0), row.place));
        }
        start = end;
    }
    sorted
}

/// The rows by their slots, and where each slot ends.
fn placed(rows: &[RowMark], slots: usize, slot: impl Fn(&RowMark) -> usize) -> (Vec<RowMark>, Vec<usize>) {
    let mut ends = vec![0; slots];
    for row in rows {
        ends[slot(row)] += 1;
    }
    let mut next = 0;
    for end in &mut ends {
        next += std::mem::replace(end, next);
    }
    let mut placed = rows.to_vec();
    for row in rows {
        let end = &mut ends[slot(row)];
        placed[*end] = *row;
        *end += 1;
    }
    (placed, ends)
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
        let rows: Vec<RowMark> = (0..200_000).map(row).collect();
        for memory in [0, MEMORY_BYTES_MAX - 100_000 * ROW_BYTES, MEMORY_BYTES_MAX] {
            let mut partitions = Partitions { memory, ..Partitions::default() };
            for (number, block) in rows.chunks(1_000).enumerate() {
                // By turns as a block, whose lines are counted from its own first one, and row by row.
                if number % 2 == 0 {
                    let lines = block[0].place.line;
                    let own = |row: &RowMark| RowMark {
                        place: RowPlace { line: row.place.line - lines, ..row.place },
                        ..*row
                    };
                    let block: Vec<RowMark> = block.iter().map(own).collect();
                    partitions.add(Parted::of(&block), lines).unwrap();
                } else {
                    block.iter().for_each(|row| partitions.push(*row).unwrap());
                }
            }
            let mut found = Vec::new();
            for part in 0..=u8::MAX {
                let some = partitions.part(part).unwrap();
                assert!(some.iter().all(|row| row.key.bucket() == part));
                found.extend(some);
            }
            found.sort_by_key(|row| row.place);
            assert!(found == rows);
            assert_eq!(partitions.spill.is_some(), memory != 0);
        }
    }

    #[test]
    fn what_is_in_memory_is_bounded_and_what_is_spilled_comes_in_large_pieces() {
        let mut partitions = Partitions::default();
        let rows: Vec<RowMark> = (0..50_000).map(row).collect();
        for _ in 0..60 {
            partitions.add(Parted::of(&rows), 0).unwrap();
            let in_blocks: usize = partitions.blocks.iter().map(Parted::len).sum();
            assert!(in_blocks * ROW_BYTES == partitions.memory && partitions.memory <= MEMORY_BYTES_MAX);
        }
        assert_eq!(partitions.rows_each(), 60 * 50_000 / PARTS);
        let spilled = partitions.spill.expect("3,000,000 rows do not stay in memory").borders;
        assert!(spilled.iter().all(|borders| borders[PARTS] - borders[0] >= SPILL_BYTES_MIN as u64));
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
            assert!(sorted(&rows) == expected);
        }
    }

    #[test]
    fn a_place_too_far_behind_is_none() {
        let span = |offset, line| Span { offset, line, bytes: 1 };
        assert!(RowPlace::new(0, span(1 << 48, 1)).is_none());
        assert!(RowPlace::new(0, span(0, 1 << 32)).is_none());
    }
}
