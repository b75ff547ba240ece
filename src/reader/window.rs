//! A moving view of the bytes around the record that is being read.
//!
//! It grows only with the record it holds, never with the file; the readers bound a record's length.

use std::ops::Range;

use memchr::memrchr;

use super::error::FileError;
use super::source::Source;

/// Whole lines that were cut off a window.
#[derive(Debug)]
pub(super) struct Cut {
    /// Where they begin in the source.
    pub(super) offset: u64,
    /// The buffer that they lie in.
    pub(super) buffer: Vec<u8>,
    /// Where they lie in it.
    pub(super) part: Range<usize>,
}

/// Bytes of a source from a place the reader chose onwards.
#[derive(Debug)]
pub(super) struct Window<'a> {
    file: &'a str,
    source: &'a Source,
    buffer: Vec<u8>,
    /// The part of `buffer` that was read and not dropped.
    start: usize,
    filled: usize,
    /// Where `buffer[start]` is in the source.
    offset: u64,
    end: u64,
}

impl<'a> Window<'a> {
    /// A view from `offset` up to `end` that reads `ahead` bytes at a time.
    pub(super) fn new(file: &'a str, source: &'a Source, ahead: usize, range: Range<u64>) -> Self {
        let Range { start: offset, end } = range;
        let whole = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let buffer = vec![0; ahead.min(whole).max(1)];
        Self { file, source, buffer, start: 0, filled: 0, offset, end }
    }

    /// What can be seen.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.filled]
    }

    /// Where the first byte that can be seen is, counted in the decoded text.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Drops the first `count` bytes.
    pub(super) fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.filled - self.start, "only what is seen can be dropped");
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads on; false at the end of the text.
    pub(super) fn extend(&mut self) -> Result<bool, FileError> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        let at = self.offset + self.filled as u64;
        let left = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX);
        let room = (self.buffer.len() - self.filled).min(left);
        let read = self
            .source
            .read_at(&mut self.buffer[self.filled..self.filled + room], at)
            .map_err(|error| FileError::reading(self.file, error))?;
        self.filled += read;
        Ok(read > 0)
    }

    /// Cuts off as many whole lines as can be seen, reading on when less than half of what fits can be. `spare` takes
    /// the place of the buffer. None, when no line ends in what can be seen.
    pub(super) fn cut_lines(&mut self, mut spare: Vec<u8>) -> Result<Option<Cut>, FileError> {
        if self.bytes().len() < self.buffer.len() / 2 {
            self.extend()?;
        }
        let Some(last) = memrchr(b'\n', self.bytes()) else { return Ok(None) };
        let part = self.start..self.start + last + 1;
        let rest = &self.buffer[part.end..self.filled];
        spare.resize(self.buffer.len(), 0);
        spare[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
        self.start = 0;
        let offset = self.offset;
        self.offset += part.len() as u64;
        Ok(Some(Cut { offset, buffer: std::mem::replace(&mut self.buffer, spare), part }))
    }

    /// Moves to `offset`; what lies outside the view has to be read again.
    pub(super) fn move_to(&mut self, offset: u64) {
        let ahead = offset.checked_sub(self.offset).and_then(|ahead| usize::try_from(ahead).ok());
        match ahead {
            Some(ahead) if ahead <= self.bytes().len() => self.advance(ahead),
            Some(_) | None => {
                self.start = 0;
                self.filled = 0;
                self.offset = offset;
            }
        }
    }
}
