//! Which fields an update carries besides those that changed.

use std::collections::BTreeSet;

use crate::domain::account::{Account, Acknowledged};
use crate::domain::policy::Send;
use crate::domain::wire::{self, FieldCode, WireCell, WireValues};

use super::{Comparison, Incomplete, Policy};

impl Comparison<'_, '_> {
    /// The values to send for these changes, by `send = objects | changed | all`, with those that always go along.
    pub(super) fn select(
        &mut self,
        desired: &WireValues,
        changed: &WireValues,
        account: &Account,
    ) -> WireValues {
        if changed.is_empty() && self.vacated.is_empty() {
            return WireValues::default();
        }
        let mut values = match self.policy.send {
            Send::Changed => changed.clone(),
            Send::All => self.objects(desired, desired, account),
            Send::Objects => self.objects(desired, changed, account),
        };
        for code in self.policy.along {
            if let (false, Some(value)) = (values.is_empty(), desired.0.get(code)) {
                values.0.insert(*code, value.clone());
            }
        }
        values
    }

    /// Every object that holds one of the `wanted` fields, or has to go without one, whole; fields without an object stand
    /// alone.
    fn objects(&mut self, desired: &WireValues, wanted: &WireValues, account: &Account) -> WireValues {
        let mut values = WireValues::default();
        let mut names = BTreeSet::new();
        let vacated = self.vacated.iter().filter_map(|code| (self.policy.field)(*code));
        names.extend(vacated.map(|field| field.object));
        for (&code, value) in &wanted.0 {
            match (self.policy.field)(code) {
                Some(field) if !field.object.is_empty() => {
                    names.insert(field.object);
                }
                Some(_) | None => {
                    values.0.insert(code, value.clone());
                }
            }
        }
        for object in names {
            if let Some(parts) = self.whole_object(object, desired, account) {
                self.findings.unknown_after.extend(parts.left_out);
                values.0.extend(parts.values.0);
            } else {
                let of_it =
                    |code: &FieldCode| (self.policy.field)(*code).is_some_and(|field| field.object == object);
                let fields = wanted.0.keys().chain(&self.vacated).copied().filter(of_it).collect();
                self.findings.incomplete.push(Incomplete { object, fields });
            }
        }
        values
    }

    /// The object with every field that the provider is known to hold; `None` when one of them is not known to us.
    fn whole_object(&mut self, object: &str, desired: &WireValues, account: &Account) -> Option<Parts> {
        let mut parts = Parts { values: WireValues::default(), left_out: Vec::new() };
        parts.values.0.reserve(desired.len());
        for code in self.policy.fields.iter().filter(|field| field.object == object).map(|field| field.code) {
            if let Some(value) = desired.0.get(&code) {
                wire::put(&mut parts.values.0, code, value.clone());
                continue;
            }
            match (account.fields.get(&code), self.projection.cells.get(&code)) {
                (None, _) => {}
                // What is empty stays empty, kept or dropped.
                (Some(held), _) if self.keeper.holds(held, code, "") => {}
                (Some(_), Some(WireCell::Cleared | WireCell::Vacant | WireCell::NotTheirs)) => {
                    parts.left_out.push(code);
                }
                (Some(_), _) if (self.policy.excluded)(code) => parts.left_out.push(code),
                (Some(held), None)
                    if self
                        .projection
                        .context
                        .get(&code)
                        .is_some_and(|value| self.keeper.holds(held, code, value)) =>
                {
                    parts.values.0.insert(code, self.projection.context[&code].clone());
                }
                (Some(Acknowledged::Clear(held)), _) if self.keeper.keeps_clear() => {
                    parts.values.0.insert(code, held.reveal().into());
                }
                (Some(Acknowledged::Clear(_) | Acknowledged::Hashed(_) | Acknowledged::Unknown), _) => {
                    return None;
                }
            }
        }
        Some(parts)
    }
}

struct Parts {
    values: WireValues,
    /// Acknowledged fields that the CRM cleared or the configuration excludes: the provider may keep or drop them, nobody
    /// has documented which.
    left_out: Vec<FieldCode>,
}

/// Whether one of these values withdraws a consent.
pub(super) fn withdraws(values: &WireValues, policy: &Policy<'_>) -> bool {
    values.iter().any(|(code, value)| {
        matches!(value, "0" | "false") && (policy.field)(code).is_some_and(|f| f.consent)
    })
}
