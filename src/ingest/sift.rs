//! Known customers whose record is another one and yet nothing has to be decided: it means the same (a changed setting,
//! other quotes, a column that no provider gets), and only its mark is written anew; or all of it is older than what was
//! accepted.
//!
//! Comes before any decision, because of everybody who remains it is then certain that the accounts that stand in their
//! record count, and no longer those in the state.

use crate::domain::tally::InputTally;
use crate::store::{Marks, Snapshot};

use super::IngestError;
use super::compare::Candidate;
use super::late::{Late, LateRows};
use super::prepare::{BATCH_CUSTOMERS, Made, Prepared, Preparer};

/// So many customers that differ are kept ready; the others are read once more when their turn comes.
const KEPT_CUSTOMERS_MAX: usize = 16_384;

/// What remains of the candidates.
#[derive(Default)]
pub(super) struct Sifted {
    /// Those about whom something has to be decided, in their order, by batches.
    pub(super) batches: Vec<Vec<Candidate>>,
    /// The new marks of those whose record means the same.
    pub(super) marks: Marks,
}

/// Takes out whoever is stale or means the same as before, and counts them; with `take_all` only the stale ones.
pub(super) fn sift(
    candidates: Vec<Candidate>,
    preparer: &mut Preparer<'_>,
    snapshot: &Snapshot<'_>,
    take_all: bool,
    tally: &mut InputTally,
    late: &mut Late,
) -> Result<Sifted, IngestError> {
    let maker = preparer.maker();
    let mut sifted = Sifted::default();
    let mut kept = 0;
    let mut candidates = candidates.into_iter();
    loop {
        let batch: Vec<Candidate> = candidates.by_ref().take(BATCH_CUSTOMERS).collect();
        if batch.is_empty() {
            return Ok(sifted);
        }
        let known: Vec<&Candidate> = batch.iter().filter(|candidate| candidate.is_known()).collect();
        let mut ready = preparer.prepare(&known)?.into_iter();
        let mut remaining = Vec::with_capacity(batch.len());
        for mut candidate in batch {
            let meaning = candidate.meaning();
            let Some(earlier) = &mut candidate.earlier else {
                remaining.push(candidate);
                continue;
            };
            let Made { prepared, late: rows } = ready.next().expect("every known customer was made ready");
            candidate.spoilt = !rows.invalid.is_empty();
            late.take(&rows, prepared.is_none());
            let Some(prepared) = prepared else { continue };
            if let Some(meaning) = meaning.filter(|meaning| *meaning == prepared.meaning && !take_all) {
                sifted.marks.push(candidate.mark(meaning));
                tally.unchanged += 1;
                continue;
            }
            earlier.stored = snapshot.customer(&prepared.customer.id)?;
            let accepted = earlier.stored.as_ref().and_then(|stored| stored.order);
            let Some(prepared) = maker.without_stale(prepared, accepted)? else {
                *(if candidate.same { &mut tally.unchanged } else { &mut tally.stale }) += 1;
                continue;
            };
            earlier.prepared = (kept < KEPT_CUSTOMERS_MAX).then(|| Box::new(prepared));
            kept += 1;
            remaining.push(candidate);
        }
        sifted.batches.push(remaining);
    }
}

/// A candidate that can be decided about.
pub(super) struct Ready {
    pub(super) candidate: Candidate,
    pub(super) prepared: Prepared,
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
            Some(kept) => Some(*kept),
            None => {
                let Made { prepared, late } = again.next().expect("whoever was not ready is now");
                // Of known customers that was counted before.
                if !candidate.is_known() {
                    candidate.spoilt = !late.invalid.is_empty();
                    found.late.push((late, prepared.is_none()));
                }
                let accepted = candidate.stored().and_then(|stored| stored.order);
                match prepared {
                    Some(prepared) => maker.without_stale(prepared, accepted)?,
                    None => None,
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
