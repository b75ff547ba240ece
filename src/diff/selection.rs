//! Which fields an update carries besides those that changed.

use std::collections::BTreeSet;

use crate::domain::account::{Account, Acknowledged, Keeper};
use crate::domain::policy::Send;
use crate::domain::wire::{FieldCode, Projection, WireCell, WireValues};

use super::{Findings, Incomplete, Policy};

/// The values to send for these changes, by `send = objects | changed | all`, with those that always go along.
pub(super) fn select(
    desired: &WireValues,
    changed: &WireValues,
    account: &Account,
    projection: &Projection,
    policy: &Policy<'_>,
    keeper: &mut Keeper<'_>,
    findings: &mut Findings,
) -> WireValues {
    if changed.is_empty() {
        return WireValues::default();
    }
    let mut values = match policy.send {
        Send::Changed => changed.clone(),
        Send::All => objects(desired, desired, account, projection, policy, keeper, findings),
        Send::Objects => objects(desired, changed, account, projection, policy, keeper, findings),
    };
    for code in policy.along {
        if let (false, Some(value)) = (values.is_empty(), desired.0.get(code)) {
            values.0.insert(*code, value.clone());
        }
    }
    values
}

/// Every object that holds one of the `wanted` fields, whole; fields without an object stand alone.
fn objects(
    desired: &WireValues,
    wanted: &WireValues,
    account: &Account,
    projection: &Projection,
    policy: &Policy<'_>,
    keeper: &mut Keeper<'_>,
    findings: &mut Findings,
) -> WireValues {
    let mut values = WireValues::default();
    let mut names = BTreeSet::new();
    for (&code, value) in &wanted.0 {
        match (policy.field)(code) {
            Some(field) if !field.object.is_empty() => {
                names.insert(field.object);
            }
            Some(_) | None => {
                values.0.insert(code, value.clone());
            }
        }
    }
    for object in names {
        match whole_object(object, desired, account, projection, policy, keeper) {
            Some(parts) => {
                findings.unknown_after.extend(parts.left_out);
                values.0.extend(parts.values.0);
            }
            None => {
                let of_it =
                    |code: &FieldCode| (policy.field)(*code).is_some_and(|field| field.object == object);
                let fields = wanted.0.keys().copied().filter(of_it).collect();
                findings.incomplete.push(Incomplete { object, fields });
            }
        }
    }
    values
}

struct Parts {
    values: WireValues,
    /// Acknowledged fields that the CRM cleared or the configuration excludes: the provider may keep or drop them, nobody
    /// has documented which.
    left_out: Vec<FieldCode>,
}

/// The object with every field that the provider is known to hold; `None` when one of them is not known to us.
fn whole_object(
    object: &str,
    desired: &WireValues,
    account: &Account,
    projection: &Projection,
    policy: &Policy<'_>,
    keeper: &mut Keeper<'_>,
) -> Option<Parts> {
    let mut parts = Parts { values: WireValues::default(), left_out: Vec::new() };
    for code in policy.fields.iter().filter(|field| field.object == object).map(|field| field.code) {
        if let Some(value) = desired.0.get(&code) {
            parts.values.0.insert(code, value.clone());
            continue;
        }
        match (account.fields.get(&code), projection.cells.get(&code)) {
            (None, _) => {}
            // What is empty stays empty, kept or dropped.
            (Some(held), _) if keeper.holds(held, code, "") => {}
            (Some(_), Some(WireCell::Cleared | WireCell::Vacant)) => parts.left_out.push(code),
            (Some(_), _) if (policy.excluded)(code) => parts.left_out.push(code),
            (Some(Acknowledged::Clear(held)), _) => {
                parts.values.0.insert(code, held.reveal().into());
            }
            (Some(Acknowledged::Hashed(_) | Acknowledged::Unknown), _) => return None,
        }
    }
    Some(parts)
}

/// Does one of these values withdraw a consent.
pub(super) fn withdraws(values: &WireValues, policy: &Policy<'_>) -> bool {
    values.iter().any(|(code, value)| {
        matches!(value, "0" | "false") && (policy.field)(code).is_some_and(|f| f.consent)
    })
}
