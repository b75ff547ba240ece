//! Known customers whose record is another one and yet nothing has to be decided: it means the same (a changed setting,
//! other quotes, a column that no provider gets), and only its mark is written anew; or all of it is older than what was
//! accepted.
//!
//! Comes before any decision, because of everybody who remains it is then certain that the accounts that stand in their
//! record count, and no longer those in the state.

use crate::domain::mark::Mark;
use crate::domain::tally::InputTally;
use crate::store::{Snapshot, StoredCustomer};

use super::IngestError;
use super::compare::Candidate;
use super::prepare::{BATCH_CUSTOMERS, Prepared, Preparer};

/// So many customers that differ are kept ready; the others are read once more when their turn comes.
const KEPT_CUSTOMERS_MAX: usize = 16_384;

/// What remains of the candidates.
#[derive(Default)]
pub(super) struct Sifted {
    /// Those about whom something has to be decided, in their order.
    pub(super) remaining: Vec<Remaining>,
    /// The new marks of those whose record means the same.
    pub(super) marks: Vec<Mark>,
}

/// A candidate about whom something has to be decided.
pub(super) struct Remaining {
    pub(super) candidate: Candidate,
    /// What the state knows of the customer; nothing of somebody new.
    pub(super) stored: Option<StoredCustomer>,
    /// Set, where it was made ready already.
    prepared: Option<Box<Prepared>>,
}

/// Takes out whoever is stale or means the same as before, and counts them; with `take_all` only the stale ones.
pub(super) fn sift(
    candidates: Vec<Candidate>,
    preparer: &mut Preparer<'_>,
    snapshot: &Snapshot<'_>,
    take_all: bool,
    tally: &mut InputTally,
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
        let known: Vec<&Candidate> = batch.iter().filter(|candidate| candidate.known).collect();
        let mut ready = preparer.prepare(&known)?.into_iter();
        for candidate in batch {
            let Some(prepared) = candidate.known.then(|| ready.next()).flatten() else {
                sifted.remaining.push(Remaining { candidate, stored: None, prepared: None });
                continue;
            };
            let Candidate { key, record, meaning, same, .. } = candidate;
            if let Some(meaning) = meaning.filter(|meaning| *meaning == prepared.meaning && !take_all) {
                sifted.marks.push(Mark { key, record, meaning });
                tally.unchanged += 1;
                continue;
            }
            let stored = snapshot.customer(&prepared.customer.id)?;
            let accepted = stored.as_ref().and_then(|stored| stored.order);
            let Some(prepared) = maker.without_stale(prepared, accepted)? else {
                *(if same { &mut tally.unchanged } else { &mut tally.stale }) += 1;
                continue;
            };
            let prepared = (kept < KEPT_CUSTOMERS_MAX).then(|| Box::new(prepared));
            kept += 1;
            sifted.remaining.push(Remaining { candidate, stored, prepared });
        }
    }
}

/// Makes the customers of a batch ready that are not yet.
pub(super) fn ready<'b>(
    batch: &'b mut [Remaining],
    preparer: &mut Preparer<'_>,
) -> Result<Vec<Ready<'b>>, IngestError> {
    let unready: Vec<&Candidate> =
        batch.iter().filter(|one| one.prepared.is_none()).map(|one| &one.candidate).collect();
    let mut prepared = preparer.prepare(&unready)?.into_iter();
    let maker = preparer.maker();
    let ready = batch.iter_mut().map(|Remaining { candidate, stored, prepared: early }| {
        let prepared = match early.take() {
            Some(early) => Some(*early),
            None => {
                let accepted = stored.as_ref().and_then(|stored| stored.order);
                let again = prepared.next().expect("whoever was not ready is now");
                maker.without_stale(again, accepted)?
            }
        };
        let prepared = prepared.expect("whose rows were all stale remained not");
        Ok(Ready { candidate, stored: stored.as_ref(), prepared })
    });
    ready.collect()
}

/// A candidate that can be decided about.
pub(super) struct Ready<'b> {
    pub(super) candidate: &'b Candidate,
    pub(super) stored: Option<&'b StoredCustomer>,
    pub(super) prepared: Prepared,
}
