//! Known customers whose record is another one and yet nothing has to be decided: it says the same (another header,
//! other quotes, another word for an empty cell), and only its mark is written anew; or all of it is older than what
//! was accepted.
//!
//! Comes before any decision, because of everybody who remains it is then certain that the accounts that stand in their
//! record count, and no longer those in the state.

use crate::domain::tally::InputTally;
use crate::store::{Marks, Snapshot};

use super::IngestError;
use super::compare::Candidate;
use super::late::{Late, LateRows};
use super::prepare::{BATCH_CUSTOMERS, Made, Maker, Outcome, Prepared, Preparer};

/// So many customers that differ are kept ready; the others are read once more when their turn comes.
const KEPT_CUSTOMERS_MAX: usize = 16_384;

/// What remains of the candidates.
#[derive(Default)]
pub(super) struct Sifted {
    /// Those about whom something has to be decided, in their order, by batches.
    pub(super) batches: Vec<Vec<Candidate>>,
    /// The new marks of those whose record says the same.
    pub(super) marks: Marks,
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
    /// Sifts, and counts whom it takes out. While the state is asked about one batch, the next one is made ready.
    pub(super) fn sift(
        mut self,
        candidates: Vec<Candidate>,
        preparer: &mut Preparer<'_>,
    ) -> Result<Sifted, IngestError> {
        let maker = preparer.maker();
        let (mut sifted, mut kept) = (Sifted::default(), 0);
        let mut candidates = candidates.into_iter();
        let mut batch = move || candidates.by_ref().take(BATCH_CUSTOMERS).collect::<Vec<_>>();
        let mut next = made(batch(), preparer)?;
        while let Some(made_batch) = next {
            let (mut ahead, mut taken, after) = (Ok(None), Ok(()), batch());
            rayon::in_place_scope(|scope| {
                let (ahead, preparer) = (&mut ahead, &mut *preparer);
                scope.spawn(move |_| *ahead = made(after, preparer));
                taken = self.take(made_batch, &maker, &mut sifted, &mut kept);
            });
            taken?;
            next = ahead?;
        }
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
        let mut remaining = Vec::with_capacity(batch.len());
        for mut candidate in batch {
            let meaning = candidate.meaning();
            let Some(earlier) = &mut candidate.earlier else {
                remaining.push(candidate);
                continue;
            };
            let Made { outcome, late: rows } = ready.next().expect("every known customer was made ready");
            candidate.spoilt = !rows.invalid.is_empty();
            self.late.take(&rows, matches!(outcome, Outcome::Nothing));
            let prepared = match (outcome, meaning) {
                (Outcome::Customer(prepared), _) => prepared,
                (Outcome::Alike, Some(meaning)) => {
                    sifted.marks.push(candidate.mark(meaning));
                    self.tally.unchanged += 1;
                    continue;
                }
                (Outcome::Alike, None) | (Outcome::Nothing, _) => continue,
            };
            earlier.stored = self.snapshot.customer(&prepared.customer.id)?;
            let accepted = earlier.stored.as_ref().and_then(|stored| stored.order);
            let Some(prepared) = maker.without_stale(prepared, accepted)? else {
                *(if candidate.same { &mut self.tally.unchanged } else { &mut self.tally.stale }) += 1;
                continue;
            };
            earlier.prepared = (*kept < KEPT_CUSTOMERS_MAX).then_some(prepared);
            *kept += 1;
            remaining.push(candidate);
        }
        sifted.batches.push(remaining);
        Ok(())
    }
}

/// Makes the known customers of a batch ready; nothing is left to do without one.
fn made(batch: Vec<Candidate>, preparer: &mut Preparer<'_>) -> Result<Option<MadeBatch>, IngestError> {
    if batch.is_empty() {
        return Ok(None);
    }
    let known: Vec<&Candidate> = batch.iter().filter(|candidate| candidate.is_known()).collect();
    let made = preparer.prepare(&known)?;
    Ok(Some((batch, made)))
}

/// A candidate that can be decided about.
pub(super) struct Ready {
    pub(super) candidate: Candidate,
    pub(super) prepared: Box<Prepared>,
}

/// Makes the customers of a batch ready that are not yet; what turns out about the rows of new ones goes into `late`.
pub(super) fn ready(
    mut batch: Vec<Candidate>,
    preparer: &mut Preparer<'_>,
) -> Result<ReadyBatch, IngestError> {
    let mut kept: Vec<Option<Box<Prepared>>> =
        batch.iter_mut().map(|candidate| candidate.earlier.as_mut()?.prepared.take()).collect();
    let unready: Vec<&Candidate> =
        batch.iter().zip(&kept).filter(|(_, kept)| kept.is_none()).map(|(candidate, _)| candidate).collect();
    let mut again = preparer.prepare(&unready)?.into_iter();
    let maker = preparer.maker();
    let mut found = ReadyBatch::default();
    for (mut candidate, kept) in batch.into_iter().zip(&mut kept) {
        let prepared = match kept.take() {
            Some(kept) => Some(kept),
            None => {
                let Made { outcome, late } = again.next().expect("whoever was not ready is now");
                // Of known customers that was counted before.
                if !candidate.is_known() {
                    candidate.spoilt = !late.invalid.is_empty();
                    found.late.push((late, matches!(outcome, Outcome::Nothing)));
                }
                let accepted = candidate.stored().and_then(|stored| stored.order);
                match outcome {
                    Outcome::Customer(prepared) => maker.without_stale(prepared, accepted)?,
                    Outcome::Alike | Outcome::Nothing => None,
                }
            }
        };
        found.ready.extend(prepared.map(|prepared| Ready { candidate, prepared }));
    }
    Ok(found)
}

/// A batch of which every customer can be decided about.
#[derive(Default)]
pub(super) struct ReadyBatch {
    pub(super) ready: Vec<Ready>,
    /// What turned out about the rows of new customers, and whether none of a customer's is left.
    pub(super) late: Vec<(LateRows, bool)>,
}
