//! Candidates in the order of the input, given out by batches.
//!
//! They come by parts, as their keys are spread, and lie about evenly in all of them: each part is sorted by itself and
//! gives its memory back while it empties, because what is made of the candidates needs room. The next few thousand are taken
//! out of all parts together: one by one, each would be waited for in another corner of the memory.

use std::cmp::Reverse;

use crate::domain::pages::Pages;

use super::compare::Candidate;
use super::partitions::RowPlace;

/// Rows can be long: those of candidates that are taken together have hardly more bytes than these.
pub(super) const BYTES_AT_ONCE_MAX: u64 = 4 << 20;

/// Candidates that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// Each with its first one last.
    parts: Vec<Pages<Candidate>>,
    /// Who comes before all in the parts, the first one last.
    front: Vec<Candidate>,
    len: usize,
}

/// How many of a part come to the front together, at most.
const AT_ONCE: usize = 64;

/// The candidates of a part, with the first one last.
#[derive(Debug)]
pub(super) struct Sorted(Pages<Candidate>);

impl Sorted {
    /// Sorts candidates that are in any order.
    pub(super) fn of(mut part: Vec<Candidate>) -> Self {
        part.sort_unstable_by_key(|one| Reverse(one.first()));
        let mut pages = Pages::default();
        pages.extend(part);
        Self(pages)
    }
}

impl Candidates {
    /// Adds a part.
    pub(super) fn add(&mut self, Sorted(part): Sorted) {
        self.len += part.len();
        self.parts.push(part);
    }

    /// How many are left.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All that are left, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Candidate> {
        self.front.iter().chain(self.parts.iter().flat_map(Pages::iter))
    }

    /// Where the first rows stand of the first so many that are left and wanted.
    pub(super) fn first_places(&self, count: usize, wanted: impl Fn(&Candidate) -> bool) -> Vec<RowPlace> {
        let wanted = |one: &&Candidate| wanted(one);
        let mut places: Vec<RowPlace> = Vec::new();
        places.extend(self.front.iter().rev().filter(wanted).take(count).map(Candidate::first));
        for part in &self.parts {
            places.extend(part.iter().rev().filter(wanted).take(count).map(Candidate::first));
        }
        places.sort_unstable();
        places.truncate(count);
        places
    }

    /// The next so many; fewer, where no more are left or their rows already have [`BYTES_AT_ONCE_MAX`].
    pub(super) fn take(&mut self, count: usize) -> Vec<Candidate> {
        let (mut taken, mut bytes) = (Vec::with_capacity(count.min(self.len)), 0);
        while taken.len() < count && bytes < BYTES_AT_ONCE_MAX {
            if self.front.is_empty() {
                self.come_forward();
            }
            let Some(candidate) = self.front.pop() else { break };
            bytes += candidate.bytes();
            taken.push(candidate);
        }
        self.len -= taken.len();
        taken
    }

    /// Brings those of the parts to the front who come before the [`AT_ONCE`]-th of each.
    fn come_forward(&mut self) {
        let last_of = |part: &Pages<Candidate>| Some(part[part.len().checked_sub(AT_ONCE)?].first());
        let last = self.parts.iter().filter_map(last_of).min();
        for part in &mut self.parts {
            while let Some(next) = part.pop_if(|next| last.is_none_or(|last| next.first() <= last)) {
                self.front.push(next);
            }
        }
        self.front.sort_unstable_by_key(|one| Reverse(one.first()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::Span;

    fn candidate(line: u64) -> Candidate {
        candidate_of(line, 290)
    }

    fn candidate_of(line: u64, bytes: u32) -> Candidate {
        let place = RowPlace::new(0, Span { offset: line * u64::from(bytes + 10), line, bytes });
        Candidate::new_at(place.expect("near enough"))
    }

    fn lines(candidates: &[Candidate]) -> Vec<u64> {
        candidates.iter().map(|one| one.first().span().line).collect()
    }

    #[test]
    fn candidates_of_all_parts_come_in_the_order_of_the_input() {
        let mut candidates = Candidates::default();
        for part in 0..7_u64 {
            // Seven parts with every seventh line each, from 3 on, shuffled; the fifth is empty.
            let of_part = (0..500).map(|at| 3 + 7 * (at * 211 % 500) + part).filter(|_| part != 5);
            candidates.add(Sorted::of(of_part.map(candidate).collect()));
        }
        let expected: Vec<u64> = (3..3_503).filter(|line| (line - 3) % 7 != 5).collect();
        assert_eq!(candidates.len(), expected.len());
        assert_eq!(candidates.iter().count(), expected.len());
        let firsts = candidates.first_places(9, |one| one.first().span().line > 100);
        assert_eq!(firsts[0].span().line, 101);
        assert!(firsts.is_sorted() && firsts.len() == 9);
        let mut taken = lines(&candidates.take(1_000));
        assert_eq!(candidates.len(), expected.len() - 1_000);
        taken.extend(lines(&candidates.take(10_000)));
        assert_eq!(taken, expected);
        assert!(candidates.take(1).is_empty() && candidates.len() == 0);
    }

    #[test]
    fn of_candidates_with_long_rows_fewer_are_taken_at_once() {
        let mut candidates = Candidates::default();
        candidates.add(Sorted::of((2..12).map(|line| candidate_of(line, 1 << 20)).collect()));
        assert_eq!(lines(&candidates.take(100)), [2, 3, 4, 5]);
        assert_eq!(lines(&candidates.take(3)), [6, 7, 8]);
        assert_eq!(candidates.len(), 3);
    }
}
