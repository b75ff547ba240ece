//! Calls that wait for a provider that is switched off, held against what a newer record says.

use crate::domain::call::Payload;
use crate::domain::wire::{KeyCell, Projection, WireCell};

/// Does the record say something else than the call would bring, or go to another account. What the record does not say, it
/// does not contradict.
#[must_use]
pub fn is_overtaken(payload: &Payload, projection: &Projection) -> bool {
    let is_elsewhere = match &projection.key {
        KeyCell::Key(key) => *key != payload.key,
        KeyCell::Cleared => true,
        KeyCell::Absent | KeyCell::Invalid(_) | KeyCell::InPart { .. } => false,
    };
    let mut values = payload.values.0.iter();
    is_elsewhere
        || values.any(|(field, value)| match projection.cells.get(field) {
            Some(WireCell::Value(now)) => now != value,
            Some(WireCell::Cleared | WireCell::Vacant) => !value.is_empty(),
            Some(WireCell::Invalid | WireCell::NotTheirs) | None => false,
        })
}
