//! Finds standing calls that a newer record contradicts without replacing them: the provider is switched off, or the customer is
//! not sent at all.

use crate::domain::call::{Payload, State};
use crate::domain::standing::Standing;
use crate::domain::wire::{KeyCell, Projection, WireCell};

use super::{Decision, Rejection};

/// Whether the record says something else than the call would bring, be that valid or not, or goes to another account. What the
/// record does not say, it does not contradict.
#[must_use]
pub fn is_overtaken(payload: &Payload, projection: &Projection) -> bool {
    let contradicted = |(field, value)| contradicts(projection.cells.get(&field), value);
    goes_elsewhere(payload, projection) || payload.values.iter().any(contradicted)
}

/// Would a call leave for a customer who is not sent at all, although the record says something else. About what is refused or
/// held a person decides.
#[must_use]
pub fn is_recalled(standing: &Standing, projection: &Projection, decision: &Decision) -> bool {
    let is_rejected = match decision.findings.rejected {
        Some(Rejection::InvalidKey | Rejection::InvalidValue | Rejection::ClearedValue) => true,
        // A call under another key has to find out first what became of it.
        Some(Rejection::OtherKey | Rejection::UnsettledKey) | None => false,
    };
    let leaves = matches!(standing.life.state, State::Queued | State::Waiting | State::Probing);
    is_rejected && leaves && is_overtaken(&standing.payload, projection)
}

fn goes_elsewhere(payload: &Payload, projection: &Projection) -> bool {
    match &projection.key {
        KeyCell::Key(key) => *key != payload.key,
        KeyCell::Cleared => true,
        KeyCell::InPart { has, .. } => !has.is_of(&payload.key),
        KeyCell::Absent | KeyCell::Invalid(_) => false,
    }
}

fn contradicts(cell: Option<&WireCell>, value: &str) -> bool {
    match cell {
        Some(WireCell::Value(now)) => now != value,
        // What is another kind of customer's is not this one's.
        Some(WireCell::Cleared | WireCell::Vacant | WireCell::Invalid | WireCell::NotTheirs) => {
            !value.is_empty()
        }
        None => false,
    }
}
