//! Which account a record is for, and what may become of a call that goes to another one.

use crate::domain::account::{Account, Acknowledged};
use crate::domain::call::{HoldReason, State};
use crate::domain::standing::{Before, Standing};
use crate::domain::wire::{KeyCell, KeyPart, Projection, ProviderKey};

use super::Rejection;

/// The key that the file gives; when it has no such column, the last one that an earlier file gave: that of the call that
/// stands, or else of the account, unless a later record named another one. None for whom the provider has no account.
///
/// # Errors
/// [`Rejection::InvalidKey`], or [`Rejection::OtherKey`] where nobody can tell whose account it would be.
pub fn key_of(before: &Before, projection: &Projection) -> Result<Option<ProviderKey>, Rejection> {
    match &projection.key {
        KeyCell::Key(key) => Ok(Some(key.clone())),
        // Of a record that says nothing for this provider nobody need be told.
        KeyCell::Absent | KeyCell::InPart { .. } if before.other_key && !projection.cells.is_empty() => {
            Err(Rejection::OtherKey)
        }
        KeyCell::Absent => Ok(known_key(before).cloned()),
        KeyCell::InPart { has, .. } => match known_key(before) {
            Some(key) if has.is_of(key) => Ok(Some(key.clone())),
            // Without the identifier nobody new is named.
            None if matches!(has, KeyPart::Beginning(_)) => Ok(None),
            Some(_) | None => Err(Rejection::InvalidKey),
        },
        KeyCell::Cleared => Ok(None),
        KeyCell::Invalid(_) => Err(Rejection::InvalidKey),
    }
}

/// The key of the call that stands, or else of the account.
fn known_key(before: &Before) -> Option<&ProviderKey> {
    let standing = before.standing.as_ref().map(|standing| &standing.payload.key);
    standing.or(before.account.as_ref().map(|account| &account.key))
}

/// A call that may have left, and waits for a probe or a person, keeps its place; a newer value only changes what it
/// carries.
pub(super) fn keeps_its_place(standing: &Standing) -> bool {
    standing.life.state == State::Probing || (standing.life.state == State::Held && !may_vanish(standing))
}

/// A call that may have left under one key cannot go on under another one.
pub(super) fn is_bound_to_another_key(standing: &Standing, key: &ProviderKey) -> bool {
    keeps_its_place(standing) && standing.payload.key != *key
}

/// What waits under a key that the file has taken back has nowhere to go: it would reach an account that the CRM does
/// not call the customer's. Should the key come back, everything is compared again. What may have left, or has to be
/// decided by a person, stays.
pub(super) fn ends_with_its_key(before: &Before) -> bool {
    before.standing.as_ref().is_some_and(|standing| {
        let waits = matches!(standing.life.state, State::Queued | State::Waiting | State::Refused);
        (waits || may_vanish(standing)) && !may_have_left(standing, before.account.as_ref())
    })
}

fn may_have_left(standing: &Standing, account: Option<&Account>) -> bool {
    let unknown = |field| account.is_some_and(|it| it.fields.get(field) == Some(&Acknowledged::Unknown));
    standing.life.create_unknown || standing.payload.values.0.keys().any(unknown)
}

/// Some held calls are judged anew each time, since the reason may be gone, unless one is a create that may have been applied.
/// One that left as an update has left the fields unknown in which it may have been.
fn may_vanish(standing: &Standing) -> bool {
    !standing.life.create_unknown && standing.life.hold.is_some_and(HoldReason::is_judged_anew)
}
