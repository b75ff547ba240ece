//! What is noted of a customer at a provider, besides the calls: the account, which fields it lacks, which key the record names,
//! why it is turned away, and what is remembered of it meanwhile.

use std::borrow::Cow;

use crate::diff::{Action, Decision, Rejection};
use crate::domain::account::Account;
use crate::domain::customer::CustomerNumber;
use crate::domain::field::Field;
use crate::domain::policy::OnNew;
use crate::domain::provider::ProviderId;
use crate::domain::standing::{Before, Named, TurnedAway};
use crate::domain::wire::{FieldCode, KeyCell, Projection, ProviderKey, WireCell};
use crate::providers::Provider;
use crate::store::{Intake, PackedAccount, StoreError};

/// What earlier inputs noted.
pub(super) struct Noted {
    /// Fields that are left out.
    pub(super) skipped: Vec<FieldCode>,
    /// Which account the newest record names, where that is not what account and call have.
    pub(super) named: Option<Named>,
    /// Why the key is not taken.
    pub(super) turned_away: Option<TurnedAway>,
    /// What records said that were turned away whole.
    pub(super) untaken: Vec<FieldCode>,
}

/// What is to be written down, each where it is not what stands in the state.
pub(super) struct Notes {
    account: Option<PackedAccount>,
    named: Option<Option<Named>>,
    turned_away: Option<Option<TurnedAway>>,
    untaken: Option<Vec<FieldCode>>,
}

/// A record that was compared.
pub(super) struct Compared<'a> {
    pub(super) provider: &'a dyn Provider,
    pub(super) before: &'a Before,
    pub(super) projection: &'a Projection,
    /// Whether its input alone says what the CRM has: then nothing of before is left out any more.
    pub(super) starts_anew: bool,
}

impl Noted {
    /// What the provider did not get, although the customer has it.
    pub(super) fn left_out(&self) -> Vec<FieldCode> {
        self.skipped.iter().chain(&self.untaken).copied().collect()
    }
}

impl Compared<'_> {
    /// Fields of earlier records that were turned away whole, about which this one, which is not, says nothing.
    pub(super) fn left_behind(&self, noted: &Noted, decision: &Decision) -> Vec<FieldCode> {
        let is_taken = self.is_taken(decision);
        noted.untaken.iter().copied().filter(|code| is_taken && self.stays(*code)).collect()
    }

    /// What is to be written down after the comparison. `mark` stands for a key.
    pub(super) fn notes(
        &self,
        noted: &Noted,
        decision: &Decision,
        mark: impl Fn(&ProviderKey) -> Named,
    ) -> Notes {
        let named = named_by(self.before, &self.projection.key, noted.named, mark);
        let turned_away = self.turned_away(noted, decision);
        let untaken = self.untaken(noted, decision, turned_away.is_some());
        Notes {
            account: account_to_write(self.before, &noted.skipped, &self.skipped(noted, decision), decision),
            named: (named != noted.named).then_some(named),
            turned_away: (turned_away != noted.turned_away).then_some(turned_away),
            untaken: (*untaken != noted.untaken).then(|| untaken.into_owned()),
        }
    }

    /// Whether the record is sent, or would be, if the provider lacked anything of it.
    fn is_taken(&self, decision: &Decision) -> bool {
        // Of whom a provider has nobody, and is to get nobody, nothing is lacking.
        let is_known = self.before.standing.is_some()
            || self.before.account.as_ref().is_some_and(|account| account.known);
        let takes_part = is_known || self.provider.on_new() != OnNew::Skip;
        decision.key.is_some() && decision.findings.rejected.is_none() && self.is_for_provider() && takes_part
    }

    /// Whether the record says anything for this provider.
    fn is_for_provider(&self) -> bool {
        let says_something = !self.projection.cells.is_empty() || !self.projection.in_part.is_empty();
        self.projection.key != KeyCell::Absent || says_something
    }

    /// Whether a field that was left out still is, because the record says nothing about it.
    fn stays(&self, code: FieldCode) -> bool {
        !self.starts_anew && !self.projection.cells.contains_key(&code) && !self.provider.excludes(code)
    }

    /// What is left out after the comparison: what was found now, and of before what this record says nothing about.
    fn skipped<'n>(&self, noted: &'n Noted, decision: &Decision) -> Cow<'n, [FieldCode]> {
        let findings = &decision.findings;
        if decision.key.is_none() || findings.rejected == Some(Rejection::UnsettledKey) {
            // Nothing was compared. Whoever has no account any more lacks nothing there.
            let lacks_nothing = self.projection.key == KeyCell::Cleared || self.starts_anew;
            return Cow::Borrowed(if lacks_nothing { &[] } else { &noted.skipped });
        }
        // What was cleared keeps everything back, what cannot be taken away, or is not whole, itself: told of as long as it does.
        let keeps_back = findings.rejected == Some(Rejection::ClearedValue);
        let cleared = if keeps_back { &*findings.cleared } else { &[] };
        let mut now: Vec<FieldCode> = findings.skipped.clone();
        now.extend(noted.skipped.iter().copied().filter(|code| self.stays(*code)));
        now.extend(cleared.iter().copied().chain(findings.kept_back()));
        Cow::Owned(ordered(now))
    }

    /// Fields of records that were turned away whole. While the record stays turned away, its reason is told; once a later record
    /// is sent without these fields, each of them is.
    fn untaken<'n>(&self, noted: &'n Noted, decision: &Decision, has_no_key: bool) -> Cow<'n, [FieldCode]> {
        let findings = &decision.findings;
        if self.is_taken(decision) || self.projection.key == KeyCell::Cleared {
            return Cow::Borrowed(&[]);
        }
        // Where an earlier key was not taken, a record without one is turned away like that.
        let says_nothing = decision.key.is_none() && findings.rejected.is_none() && has_no_key;
        if !self.is_for_provider() || (findings.rejected.is_none() && !says_nothing) {
            return Cow::Borrowed(&noted.untaken);
        }
        let mut now: Vec<FieldCode> = findings.untaken.clone();
        now.extend(noted.untaken.iter().copied().filter(|code| self.stays(*code)));
        if says_nothing {
            let is_said = |cell: &WireCell| matches!(cell, WireCell::Value(_) | WireCell::Invalid);
            now.extend(self.projection.cells.iter().filter(|(_, cell)| is_said(cell)).map(|(code, _)| *code));
            now.extend(&self.projection.in_part);
        }
        Cow::Owned(ordered(now))
    }

    /// Why the key is not taken, if it is not.
    fn turned_away(&self, noted: &Noted, decision: &Decision) -> Option<TurnedAway> {
        if decision.findings.rejected != Some(Rejection::UnsettledKey) {
            let is_refused = decision.key.is_none() && decision.findings.rejected.is_some();
            return invalid_key(&self.projection.key, is_refused, noted.turned_away);
        }
        // No call brings it, and a file with changes alone does not bring it again: it is told of until a record does.
        let key = Field::key_of(self.provider.id());
        let part = self.provider.fields().iter().find(|field| field.sources.contains(&key));
        part.map(|field| TurnedAway::TooEarly(field.code))
    }
}

impl Notes {
    /// Writes them down.
    pub(super) fn write(
        self,
        intake: &Intake<'_>,
        customer: CustomerNumber,
        provider: ProviderId,
    ) -> Result<(), StoreError> {
        if let Some(account) = self.account {
            intake.put_account(customer, provider, account)?;
        }
        if let Some(named) = self.named {
            intake.put_named(customer, provider, named)?;
        }
        if let Some(why) = self.turned_away {
            intake.put_turned_away(customer, provider, why)?;
        }
        self.untaken.map_or(Ok(()), |fields| intake.put_untaken(customer, provider, &fields))
    }
}

fn ordered(mut fields: Vec<FieldCode>) -> Vec<FieldCode> {
    fields.sort_unstable();
    fields.dedup();
    fields
}

/// The account after the comparison together with the fields skipped now, where what stands in the state is not that.
fn account_to_write(
    before: &Before,
    skipped: &[FieldCode],
    skipped_now: &[FieldCode],
    decision: &Decision,
) -> Option<PackedAccount> {
    match (before.account.as_ref(), &decision.key) {
        (None, None) => None,
        (None, Some(key)) => Some(PackedAccount::of(&Account::new(key.clone()), skipped_now)),
        (Some(account), key) => {
            let after = key
                .as_ref()
                .map_or(Cow::Borrowed(account), |key| account_after(before, account, key, decision));
            let stands = *account == *after && skipped == skipped_now;
            (!stands).then(|| PackedAccount::of(&after, skipped_now))
        }
    }
}

/// Which account the newest record that has the key names, where that is not what the account and the call that stands have.
fn named_by(
    before: &Before,
    key: &KeyCell,
    named: Option<Named>,
    mark: impl Fn(&ProviderKey) -> Named,
) -> Option<Named> {
    let account = before.account.as_ref()?;
    match key {
        // What is no key names nobody's account.
        KeyCell::Cleared | KeyCell::Invalid(_) => Some(Named::Nobody),
        KeyCell::Key(key) => {
            let standing = before.standing.as_ref().map_or(key, |standing| &standing.payload.key);
            (*key != account.key || standing != key).then(|| mark(key))
        }
        KeyCell::Absent | KeyCell::InPart { .. } => named,
    }
}

/// Which part of the key the newest record that has the key lacks a valid value for. What lacks a part is refused only where it
/// cannot be for the account that is known.
pub(super) fn invalid_key(key: &KeyCell, is_refused: bool, before: Option<TurnedAway>) -> Option<TurnedAway> {
    match key {
        KeyCell::Invalid(part) => Some(TurnedAway::Invalid(*part)),
        KeyCell::InPart { lacks, .. } => is_refused.then_some(TurnedAway::Invalid(*lacks)),
        KeyCell::Key(_) | KeyCell::Cleared => None,
        KeyCell::Absent => before,
    }
}

/// The account after the comparison. One that is the customer's under another key stays as it is: until the provider
/// acknowledges the new key, the old one is what it knows, or may have. So does one whose customer is turned away.
fn account_after<'a>(
    before: &Before,
    account: &'a Account,
    key: &ProviderKey,
    decision: &Decision,
) -> Cow<'a, Account> {
    if account.key == *key {
        let unknown = &decision.findings.unknown_after;
        let leaves = matches!(decision.action, Action::Call { .. } | Action::Replace { .. });
        if !leaves || unknown.is_empty() {
            return Cow::Borrowed(account);
        }
        let mut account = account.clone();
        account.mark_unknown(unknown.iter().copied());
        Cow::Owned(account)
    } else if before.account_elsewhere(Some(key)).is_some() || decision.findings.rejected.is_some() {
        Cow::Borrowed(account)
    } else {
        Cow::Owned(Account::new(key.clone()))
    }
}
