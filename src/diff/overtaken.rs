//! Standing calls, held against what a newer record says that does not take their place: of a provider that is switched off, or
//! of a customer who is not sent at all.

use crate::domain::call::Payload;
use crate::domain::standing::Before;
use crate::domain::wire::{FieldCode, KeyCell, Projection, WireCell, WireValues};

use super::{Action, keys};

/// Does the record say something else than the call would bring, or go to another account. What the record does not say, it
/// does not contradict.
#[must_use]
pub fn is_overtaken(payload: &Payload, projection: &Projection) -> bool {
    let contradicts = |(field, value)| contradicts(projection.cells.get(&field), value);
    goes_elsewhere(payload, projection) || payload.values.iter().any(contradicts)
}

fn goes_elsewhere(payload: &Payload, projection: &Projection) -> bool {
    match &projection.key {
        KeyCell::Key(key) => *key != payload.key,
        KeyCell::Cleared => true,
        KeyCell::Absent | KeyCell::Invalid(_) | KeyCell::InPart { .. } => false,
    }
}

fn contradicts(cell: Option<&WireCell>, value: &str) -> bool {
    match cell {
        Some(WireCell::Value(now)) => now != value,
        Some(WireCell::Cleared | WireCell::Vacant) => !value.is_empty(),
        Some(WireCell::Invalid | WireCell::NotTheirs) | None => false,
    }
}

/// Calls back what stands of a customer of whom nothing is sent now, where the record says something else, be that valid or
/// not: a call that has not left ends, and the next record that can be sent brings all that is due; one that may have left
/// goes on without it.
pub(super) fn recall(before: &Before, projection: &Projection) -> Action {
    let Some(standing) = &before.standing else { return Action::Nothing };
    let payload = &standing.payload;
    let is_said = |field: &FieldCode, value: &str| match projection.cells.get(field) {
        Some(WireCell::Invalid | WireCell::NotTheirs) => value.is_empty(),
        cell => !contradicts(cell, value),
    };
    let rest = payload.values.0.iter().filter(|(field, value)| is_said(field, value));
    let rest: WireValues = rest.map(|(field, value)| (*field, value.clone())).collect();
    if rest == payload.values && !goes_elsewhere(payload, projection) {
        Action::Nothing
    } else if keys::keeps_its_place(standing) {
        let payload = Payload { key: payload.key.clone(), values: rest };
        Action::Replace { payload, withdrawal: false }
    } else {
        Action::Close
    }
}
