//! The rows of some customers, read again by their position, on any thread.

use crate::reader::Span;

use super::IngestError;
use super::compare::Candidate;
use super::sheet::Sheet;

/// Rows as they were read, not looked at yet.
pub(super) struct RawRows {
    bytes: Vec<u8>,
    /// By their owners, in the order of the input.
    rows: Vec<RawRow>,
    /// Where those of each owner end.
    ends: Vec<usize>,
}

struct RawRow {
    file: u16,
    span: Span,
    /// Where it begins in the bytes of all.
    at: usize,
}

impl RawRows {
    /// Reads the rows of these owners in the order of their positions, which is fastest; of those who are none here,
    /// nothing.
    pub(super) fn read<'c>(
        sheets: &[Sheet<'_>],
        owners: impl Iterator<Item = Option<&'c Candidate>>,
    ) -> Result<Self, IngestError> {
        let (mut rows, mut ends) = (Vec::new(), Vec::new());
        for owner in owners {
            let places = owner.into_iter().flat_map(Candidate::rows);
            rows.extend(places.map(|place| RawRow { file: place.file(), span: place.span(), at: 0 }));
            ends.push(rows.len());
        }
        let mut order: Vec<&mut RawRow> = rows.iter_mut().collect();
        order.sort_unstable_by_key(|row| (row.file, row.span.offset));
        let mut bytes = Vec::new();
        for of_file in order.chunk_by_mut(|one, next| one.file == next.file) {
            let spans: Vec<Span> = of_file.iter().map(|row| row.span).collect();
            let begins = sheets[usize::from(of_file[0].file)].file.reread(&spans, &mut bytes)?;
            of_file.iter_mut().zip(begins).for_each(|(row, begin)| row.at = begin);
        }
        Ok(Self { bytes, rows, ends })
    }

    /// The rows of one owner: number of the file, place and bytes.
    pub(super) fn of(&self, owner: usize) -> impl ExactSizeIterator<Item = (u16, Span, &[u8])> {
        let start = owner.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.rows[start..self.ends[owner]]
            .iter()
            .map(|row| (row.file, row.span, &self.bytes[row.at..row.at + row.span.bytes as usize]))
    }
}
