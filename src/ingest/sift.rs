//! Known customers whose record is another one and yet nothing has to be decided: it says the same (another header,
//! other quotes, another word for an empty cell), and only its mark is written anew; or all of it is older than what
//! was accepted.
//!
//! Comes before any decision: for everybody who is left then, the account keys of the record take the place of those in
//! the state.

use std::collections::VecDeque;

use crate::domain::tally::InputTally;
use crate::store::{Marks, Snapshot};

use super::IngestError;
use super::compare::{Candidate, Earlier};
use super::late::{Late, LateRows};
use super::prepare::{BATCH_CUSTOMERS, Made, Maker, Merged, Prepared};
use super::queue::{BYTES_AT_ONCE_MAX, Candidates};
use super::relay::relay;

/// Known customers who are decided about together: what is made of them all is then still near the processor when it is
/// written. With as many as are read together, a night takes a tenth more processor time.
const DECIDED_TOGETHER: usize = 32;

/// How many customers that differ are kept ready; the others are read once more when their turn comes.
const KEPT_CUSTOMERS_MAX: usize = 16_384;

/// What remains of the candidates: those about whom something has to be decided, in their order.
#[derive(Default)]
pub(super) struct Sifted {
    /// By batches, where there were known ones.
    batches: VecDeque<Vec<Candidate>>,
    /// How long the rows of the last of these are.
    bytes: u64,
    /// All, where everybody is new.
    new: Candidates,
    /// The new marks of those whose record says the same.
    pub(super) marks: Marks,
}

impl Sifted {
    /// How many they are.
    pub(super) fn len(&self) -> usize {
        self.batches.iter().map(Vec::len).sum::<usize>() + self.new.len()
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Candidate> {
        self.batches.iter().flatten().chain(self.new.iter())
    }

    fn push(&mut self, candidate: Candidate) {
        let bytes = candidate.bytes();
        match self.batches.back_mut() {
            Some(batch) if batch.len() < DECIDED_TOGETHER && self.bytes < BYTES_AT_ONCE_MAX => {
                self.bytes += bytes;
                batch.push(candidate);
            }
            Some(_) | None => {
                let mut batch = Vec::with_capacity(DECIDED_TOGETHER);
                self.bytes = bytes;
                batch.push(candidate);
                self.batches.push_back(batch);
            }
        }
    }

    /// The next ones.
    pub(super) fn next_batch(&mut self) -> Option<Vec<Candidate>> {
        let new = || Some(self.new.take(BATCH_CUSTOMERS)).filter(|batch| !batch.is_empty());
        self.batches.pop_front().or_else(new)
    }
}

/// A batch whose known customers were made ready.
type MadeBatch = (Vec<Candidate>, Vec<Made>);

/// Takes out whoever is stale or says the same as before.
pub(super) struct Sieve<'a> {
    pub(super) snapshot: &'a Snapshot<'a>,
    pub(super) tally: &'a mut InputTally,
    pub(super) late: &'a mut Late,
}

impl Sieve<'_> {
    /// Sifts, and counts whom it takes out. While the state is asked about one batch, the next ones are made ready.
    pub(super) fn sift(self, mut candidates: Candidates, maker: &Maker<'_>) -> Result<Sifted, IngestError> {
        if !candidates.iter().any(Candidate::is_known) {
            return Ok(Sifted { new: candidates, ..Sifted::default() });
        }
        let (mut sifted, mut kept) = (Sifted::default(), 0);
        relay(
            self,
            |_| Ok(Some(candidates.take(BATCH_CUSTOMERS)).filter(|batch| !batch.is_empty())),
            |batch| {
                let (rows, mut bench) = (maker.read(known(&batch).map(Some))?, maker.bench());
                let made = known(&batch).enumerate();
                let made = made.map(|(owner, candidate)| maker.one(candidate, rows.of(owner), &mut bench));
                let made = made.collect::<Result<Vec<_>, _>>()?;
                Ok((batch, made))
            },
            |sieve, batch| sieve.take(batch, maker, &mut sifted, &mut kept),
        )?;
        Ok(sifted)
    }

    fn take(
        &mut self,
        (batch, made): MadeBatch,
        maker: &Maker<'_>,
        sifted: &mut Sifted,
        kept: &mut usize,
    ) -> Result<(), IngestError> {
        let mut ready = made.into_iter();
        for mut candidate in batch {
            let meaning = candidate.meaning();
            if !candidate.is_known() {
                sifted.push(candidate);
                continue;
            }
            let Made { merged, late: rows } = ready.next().expect("every known customer was made ready");
            candidate.spoilt = !rows.invalid.is_empty();
            self.late.take(rows, matches!(merged, Merged::Nothing));
            let prepared = match (merged, meaning) {
                (Merged::Customer(prepared), _) => prepared,
                (Merged::Alike, Some(meaning)) => {
                    sifted.marks.push(candidate.mark(meaning));
                    self.tally.unchanged += 1;
                    continue;
                }
                (Merged::Alike, None) | (Merged::Nothing, _) => continue,
            };
            let stored = self.snapshot.customer(&prepared.customer.id)?;
            let Some(prepared) = maker.without_stale(prepared, stored.as_ref())? else {
                *(if candidate.same { &mut self.tally.unchanged } else { &mut self.tally.stale }) += 1;
                continue;
            };
            let prepared = (*kept < KEPT_CUSTOMERS_MAX).then_some(prepared);
            candidate.earlier = Some(Box::new(Earlier { stored, prepared, ..Earlier::default() }));
            *kept += 1;
            sifted.push(candidate);
        }
        Ok(())
    }
}

/// Those of a batch who are made ready.
fn known(batch: &[Candidate]) -> impl Iterator<Item = &Candidate> {
    batch.iter().filter(|candidate| candidate.is_known())
}

/// A candidate that can be decided about.
pub(super) struct Ready {
    pub(super) candidate: Candidate,
    pub(super) prepared: Box<Prepared>,
}

impl Candidate {
    /// Whether the customer was not kept when it was made ready.
    pub(super) fn is_unready(&self) -> bool {
        self.earlier.as_ref().is_none_or(|earlier| earlier.prepared.is_none())
    }
}

/// What turned out late about the rows of a customer, and whether none of them is left.
pub(super) type LateCustomer = (LateRows, bool);

/// Takes a customer as it was kept, or as it was made now; what turned out about the rows of a new one goes along.
pub(super) fn ready(
    mut candidate: Candidate,
    made: Option<Made>,
    maker: &Maker<'_>,
) -> Result<(Option<Ready>, Option<LateCustomer>), IngestError> {
    let Some(Made { merged, late }) = made else {
        let kept = candidate.earlier.as_mut().and_then(|earlier| earlier.prepared.take());
        let kept = kept.map(|kept| maker.in_light_of(kept, candidate.stored())).transpose()?.flatten();
        return Ok((kept.map(|prepared| Ready { candidate, prepared }), None));
    };
    // Of known customers that was counted before.
    let late = (!candidate.is_known()).then(|| {
        candidate.spoilt = !late.invalid.is_empty();
        (late, matches!(merged, Merged::Nothing))
    });
    let prepared = match merged {
        Merged::Customer(prepared) => maker.without_stale(prepared, candidate.stored())?,
        Merged::Alike | Merged::Nothing => None,
    };
    let prepared = prepared.map(|prepared| maker.in_light_of(prepared, candidate.stored()));
    let prepared = prepared.transpose()?.flatten();
    Ok((prepared.map(|prepared| Ready { candidate, prepared }), late))
}

#[cfg(test)]
mod tests {
    use super::super::partitions::RowPlace;
    use super::*;
    use crate::reader::Span;

    #[test]
    fn of_customers_with_long_rows_fewer_are_in_a_batch() {
        let sizes = |bytes: u32, count: u64| {
            let mut sifted = Sifted::default();
            for line in 0..count {
                let place = RowPlace::new(0, Span { offset: line * u64::from(bytes), line: line + 2, bytes });
                sifted.push(Candidate::new_at(place.expect("near enough")));
            }
            std::iter::from_fn(|| sifted.next_batch()).map(|batch| batch.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(300, 80), [DECIDED_TOGETHER, DECIDED_TOGETHER, 80 - 2 * DECIDED_TOGETHER]);
        assert_eq!(sizes(1 << 20, 10), [4, 4, 2]);
    }
}
