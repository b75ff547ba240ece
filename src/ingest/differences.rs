//! Old values beside new ones, which a plan shows where the state keeps values in clear.

use crate::diff::{Action, Decision};
use crate::domain::account::{Account, Acknowledged};
use crate::domain::customer::CustomerId;
use crate::domain::provider::ProviderId;
use crate::domain::redacted::Redacted;
use crate::domain::standing::Before;
use crate::domain::wire::WireValues;
use crate::providers::Provider;

use super::Mode;
use super::judge::Judge;
use super::outcome::Outcome;

/// How many are kept to be shown; the others are counted.
const SHOWN_MAX: usize = 1_000;

/// A value that a sync would change at a provider. Its `Debug` shows nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose.
    pub customer: CustomerId,
    /// Where.
    pub provider: ProviderId,
    /// The name of the field on the wire.
    pub field: &'static str,
    /// What the provider acknowledged last; none, where it has no value or an unknown one.
    pub old: Option<Redacted<String>>,
    /// What would be sent; empty, where it would be cleared.
    pub new: Redacted<String>,
}

impl Judge<'_> {
    /// What a call would change at an account that is known; nothing, unless a plan may show it.
    pub(super) fn differences(
        &self,
        customer: &CustomerId,
        provider: &dyn Provider,
        before: &Before,
        decision: &Decision,
    ) -> Vec<Difference> {
        let is_it = |account: &&Account| account.known && decision.key.as_ref() == Some(&account.key);
        let account = before.account.as_ref().filter(is_it);
        let (Some(account), Some(sent)) = (account, leaves(decision)) else { return Vec::new() };
        if self.mode != Mode::Plan || !self.keeping.clear {
            return Vec::new();
        }
        let difference = |&code| {
            let old = match account.fields.get(&code) {
                Some(Acknowledged::Clear(old)) => Some(old.clone()),
                Some(Acknowledged::Hashed(_) | Acknowledged::Unknown) | None => None,
            };
            Some(Difference {
                customer: customer.clone(),
                provider: provider.id(),
                field: provider.field(code)?.name,
                old,
                new: Redacted::new(sent.get(code)?.to_owned()),
            })
        };
        decision.findings.changed.iter().filter_map(difference).collect()
    }
}

/// What would be sent.
fn leaves(decision: &Decision) -> Option<&WireValues> {
    match &decision.action {
        Action::Call { payload, .. } | Action::Replace { payload, .. } => Some(&payload.values),
        Action::Nothing | Action::Close => None,
    }
}

impl Outcome {
    /// Keeps what may be shown, as far as there is room for it.
    pub(super) fn show(&mut self, differences: Vec<Difference>) {
        let room = SHOWN_MAX - self.differences.len();
        self.differences_left_out += differences.len().saturating_sub(room) as u64;
        self.differences.extend(differences.into_iter().take(room));
    }
}
