//! Projection × what the provider acknowledged → what has to be done: one pure function, [`decide`].
//!
//! The policy of the whole product is here and nothing else is: no I/O, no clock, no SQL. What a provider should
//! hold is compared with what it last acknowledged **and** with the call that is still open for it, so that a revert
//! closes a queued call, a refused field goes along with the next change, and nothing is sent twice.

mod selection;

use std::borrow::Cow;

use litemap::LiteMap;
use smol_str::SmolStr;

use crate::domain::account::{Account, Acknowledged, Keeper};
use crate::domain::call::{HoldReason, Operation, Payload, State};
use crate::domain::policy::{OnCleared, OnInvalid, OnNew, Send};
use crate::domain::standing::{Before, Standing};
use crate::domain::wire::{
    self, FieldCode, KeyCell, Projection, ProviderKey, WireCell, WireField, WirePresumption, WireValues,
};

/// The provider's part of the comparison: its choices and its field table.
#[derive(Clone, Copy)]
pub struct Policy<'a> {
    /// What an update carries.
    pub send: Send,
    /// What is done for somebody the provider is not known to have.
    pub on_new: OnNew,
    /// What is done with a cleared value.
    pub on_cleared: OnCleared,
    /// What is done with an invalid value.
    pub on_invalid: OnInvalid,
    /// Count everything as different (`--full-resync`).
    pub full_resync: bool,
    /// Fields that this provider never gets (`exclude`).
    pub excluded: &'a (dyn Fn(FieldCode) -> bool + Sync),
    /// The field of a code, subscriptions included.
    pub field: &'a (dyn Fn(FieldCode) -> Option<WireField> + Sync),
    /// The fixed part of the table.
    pub fields: &'static [WireField],
    /// Fields that go along with every update, changed or not.
    pub along: &'static [FieldCode],
}

/// What has to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the provider holds it, or the standing call brings it.
    Nothing,
    /// The standing call has nothing left to bring.
    Close,
    /// The standing call keeps its place and gets these values (probing and held calls).
    Replace(Payload),
    /// A new call; it takes the place of the standing one, if there is one.
    Call {
        /// What it does.
        operation: Operation,
        /// What it carries.
        payload: Payload,
        /// Why it must not leave by itself.
        hold: Option<HoldReason>,
        /// A consent is withdrawn: it leaves first.
        withdrawal: bool,
    },
}

/// What the comparison found besides the action.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Fields that differ from what the provider holds.
    pub changed: Vec<FieldCode>,
    /// Fields left out because their value is not valid for this provider.
    pub skipped: Vec<FieldCode>,
    /// Fields that the CRM cleared and the provider still holds.
    pub cleared: Vec<FieldCode>,
    /// Objects that were not sent because a part of them is not known.
    pub incomplete: Vec<Incomplete>,
    /// Fields left out because only some of the columns they are made of are there.
    pub in_part: Vec<FieldCode>,
    /// Parts that the provider holds and that cannot be taken away: nothing of the new value goes.
    pub stuck: Vec<FieldCode>,
    /// Why the customer is not sent to this provider at all.
    pub rejected: Option<Rejection>,
    /// Fields that go missing inside an object that is sent: what the provider then holds is not known.
    pub unknown_after: Vec<FieldCode>,
}

/// An object that was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomplete {
    /// Its name.
    pub object: &'static str,
    /// What of it would have been sent.
    pub fields: Vec<FieldCode>,
}

/// Why a customer is not sent to a provider at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The key of the account is not valid.
    InvalidKey,
    /// A value is not valid and `on_invalid = "reject_customer"`.
    InvalidValue,
    /// A value was cleared and `on_cleared = "reject"`.
    ClearedValue,
    /// The file does not have the key, and the last one that had it named another account, or none.
    OtherKey,
    /// The key changed while it is not yet known whether the create under the old key was applied.
    UnsettledKey,
}

/// The outcome of one comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What has to be done.
    pub action: Action,
    /// The key of the account, when the customer takes part.
    pub key: Option<ProviderKey>,
    /// What else was found.
    pub findings: Findings,
}

impl Findings {
    /// How much was not sent because not all of it is there, or not all of the old can go.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.incomplete.len() + self.in_part.len() + self.stuck.len()
    }

    /// The fields of that.
    pub fn kept_back(&self) -> impl Iterator<Item = FieldCode> {
        let incomplete = self.incomplete.iter().flat_map(|object| &object.fields);
        incomplete.chain(&self.in_part).chain(&self.stuck).copied()
    }
}

impl Decision {
    fn nothing(key: Option<ProviderKey>, findings: Findings) -> Self {
        Self { action: Action::Nothing, key, findings }
    }
}

/// Compares what one provider should hold of a customer with what it holds, and says what has to be done.
#[must_use]
pub fn decide(
    before: &Before,
    projection: &Projection,
    policy: &Policy<'_>,
    keeper: &mut Keeper<'_>,
) -> Decision {
    let mut findings = Findings::default();
    let Some(key) = key_of(before, projection, &mut findings) else {
        let is_taken_back = projection.key == KeyCell::Cleared && ends_with_its_key(before);
        let action = if is_taken_back { Action::Close } else { Action::Nothing };
        return Decision { action, key: None, findings };
    };
    if before.standing.as_ref().is_some_and(|standing| is_bound_to_another_key(standing, &key)) {
        findings.rejected = Some(Rejection::UnsettledKey);
        return Decision::nothing(Some(key), findings);
    }
    findings.in_part.clone_from(&projection.in_part);
    let account = before.account.as_ref().filter(|account| account.key == key);
    let settled = without_presumed(projection, before, keeper, &mut findings);
    let projection = settled.as_ref();
    let moved = before.account.as_ref().is_some_and(|account| account.known && account.key != key);
    let standing = before.standing.as_ref().filter(|standing| standing.payload.key == key);
    let desired = desired_values(standing, account, projection, policy, keeper, &mut findings);
    if findings.rejected.is_some() {
        return Decision::nothing(Some(key), findings);
    }
    let compared = Compared { key: &key, standing, desired: &desired };
    let action = match account {
        Some(account) if account.known => {
            for_known(&compared, account, before, projection, policy, keeper, &mut findings)
        }
        left => for_new(&compared, left, before, moved, policy, &mut findings),
    };
    Decision { action, key: Some(key), findings }
}

/// The key that the file gives; when it has no such column, the last one that an earlier file gave: that of the call that
/// stands, or else of the account, unless a later record named another one.
fn key_of(before: &Before, projection: &Projection, findings: &mut Findings) -> Option<ProviderKey> {
    match &projection.key {
        KeyCell::Key(key) => Some(key.clone()),
        // Of a record that says nothing for this provider nobody need be told.
        KeyCell::Absent | KeyCell::InPart { .. }
            if before.other_key && before.standing.is_none() && !projection.cells.is_empty() =>
        {
            findings.rejected = Some(Rejection::OtherKey);
            None
        }
        KeyCell::Absent => known_key(before).cloned(),
        KeyCell::InPart { ending, .. } => {
            let key = known_key(before).filter(|key| key.ends_with(ending)).cloned();
            findings.rejected = key.is_none().then_some(Rejection::InvalidKey);
            key
        }
        KeyCell::Cleared => None,
        KeyCell::Invalid(_) => {
            findings.rejected = Some(Rejection::InvalidKey);
            None
        }
    }
}

/// Leaves out what was read by a presumed country, where another one is known: what waits to be sent says the newest, then
/// what the provider holds. Of whom no country is known, the configured one is presumed in complete rows too.
fn without_presumed<'a>(
    projection: &'a Projection,
    before: &Before,
    keeper: &mut Keeper<'_>,
    findings: &mut Findings,
) -> Cow<'a, Projection> {
    let Some(WirePresumption { country, value, fields }) = &projection.presumption else {
        return Cow::Borrowed(projection);
    };
    let waiting = before.standing.as_ref().and_then(|standing| standing.payload.values.get(*country));
    let held = before.account.as_ref().and_then(|account| account.fields.get(country));
    let is_right = match (projection.cells.get(country), waiting, held) {
        (Some(WireCell::Value(told)), _, _) => told == value,
        (_, Some(waiting), _) => waiting == value.as_str(),
        (_, None, Some(held)) => keeper.holds(held, *country, value),
        (_, None, None) => before.account.is_some(),
    };
    if is_right {
        return Cow::Borrowed(projection);
    }
    let mut settled = projection.clone();
    for field in fields {
        settled.cells.remove(field);
    }
    findings.in_part.extend(fields);
    Cow::Owned(settled)
}

/// The key of the call that stands, or else of the account.
fn known_key(before: &Before) -> Option<&ProviderKey> {
    let standing = before.standing.as_ref().map(|standing| &standing.payload.key);
    standing.or(before.account.as_ref().map(|account| &account.key))
}

/// What the provider should hold: what the standing call was to bring, with the new cells laid over it. An account that
/// is not known has the fields that calls of unknown outcome may have left there.
fn desired_values(
    standing: Option<&Standing>,
    account: Option<&Account>,
    projection: &Projection,
    policy: &Policy<'_>,
    keeper: &mut Keeper<'_>,
    findings: &mut Findings,
) -> WireValues {
    let mut desired = standing.map(|standing| standing.payload.values.clone()).unwrap_or_default();
    desired.0.retain(|&field, _| !(policy.excluded)(field));
    for (&field, cell) in &projection.cells {
        match cell {
            WireCell::Value(value) => {
                wire::put(&mut desired.0, field, value.clone());
            }
            WireCell::Cleared => {
                desired.0.remove(&field);
                let held = account.and_then(|account| account.fields.get(&field));
                if held.is_some_and(|held| !keeper.holds(held, field, "")) {
                    clear(field, &mut desired, policy, findings);
                }
            }
            WireCell::Vacant => {
                desired.0.remove(&field);
                let held = account.and_then(|account| account.fields.get(&field));
                if held.is_some_and(|held| !keeper.holds(held, field, "")) {
                    vacate(field, &mut desired, policy, findings);
                }
            }
            WireCell::Invalid => {
                desired.0.remove(&field);
                findings.skipped.push(field);
                if policy.on_invalid == OnInvalid::RejectCustomer {
                    findings.rejected = Some(Rejection::InvalidValue);
                }
            }
        }
    }
    for &field in &findings.stuck {
        let of_it = |other: &FieldCode| same_value(policy, field, *other);
        desired.0.retain(|other, _| !of_it(other));
    }
    desired
}

/// Takes away what the provider holds of a part that the new value does not have. Where that cannot be, nothing of the
/// value goes: the provider would take old and new parts for one. An object that goes whole goes without it.
fn vacate(field: FieldCode, desired: &mut WireValues, policy: &Policy<'_>, findings: &mut Findings) {
    let Some(part) = (policy.field)(field) else { return };
    if part.can_be_empty && policy.on_cleared == OnCleared::SendEmpty {
        desired.0.insert(field, SmolStr::default());
    } else if part.object.is_empty() || policy.send == Send::Changed {
        findings.stuck.push(field);
    }
}

/// Are two fields made of one canonical value.
fn same_value(policy: &Policy<'_>, one: FieldCode, other: FieldCode) -> bool {
    let source = |code| (policy.field)(code).and_then(|field| field.sources.first());
    source(one).is_some() && source(one) == source(other)
}

fn clear(field: FieldCode, desired: &mut WireValues, policy: &Policy<'_>, findings: &mut Findings) {
    let can_be_empty = (policy.field)(field).is_some_and(|field| field.can_be_empty);
    match policy.on_cleared {
        OnCleared::SendEmpty if can_be_empty => {
            desired.0.insert(field, SmolStr::default());
        }
        OnCleared::Ignore | OnCleared::SendEmpty => findings.cleared.push(field),
        OnCleared::Reject => {
            findings.cleared.push(field);
            findings.rejected = Some(Rejection::ClearedValue);
        }
    }
}

/// What `decide` has worked out before it looks at the account.
struct Compared<'a> {
    key: &'a ProviderKey,
    standing: Option<&'a Standing>,
    desired: &'a WireValues,
}

impl Compared<'_> {
    fn payload(&self, values: WireValues) -> Payload {
        Payload { key: self.key.clone(), values }
    }
}

/// For somebody of whom no call was acknowledged; `left` has the fields that one of unknown outcome may have left.
fn for_new(
    compared: &Compared<'_>,
    left: Option<&Account>,
    before: &Before,
    moved: bool,
    policy: &Policy<'_>,
    findings: &mut Findings,
) -> Action {
    let mut values = compared.desired.clone();
    let may_be_there = |field: &FieldCode| left.is_some_and(|account| account.fields.contains_key(field));
    values.0.retain(|field, value| !value.is_empty() || may_be_there(field));
    findings.changed = values.0.keys().copied().collect();
    if let Some(standing) = &before.standing
        && keeps_its_place(standing)
    {
        let payload = compared.payload(values);
        return if standing.payload == payload { Action::Nothing } else { Action::Replace(payload) };
    }
    let operation = match (compared.standing, policy.on_new) {
        // A create that has not left is not wanted any more.
        (Some(standing), OnNew::Skip) if standing.operation == Operation::Create && !moved => {
            findings.changed.clear();
            return Action::Close;
        }
        (Some(standing), OnNew::Update | OnNew::Skip) if !standing.create_unknown => Operation::Update,
        (Some(standing), OnNew::Create) if standing.missing && standing.hold.is_none() => Operation::Create,
        // Parked and queued calls know best: a create that found somebody there goes on as an update.
        (Some(standing), _) => standing.operation,
        (None, OnNew::Create) => Operation::Create,
        // Somebody whom the provider has under another key is not new.
        (None, OnNew::Skip) if moved => Operation::Update,
        (None, OnNew::Update) => Operation::Update,
        (None, OnNew::Skip) => {
            findings.changed.clear();
            return Action::Nothing;
        }
    };
    if operation == Operation::Update && values.is_empty() {
        return if before.standing.is_some() { Action::Close } else { Action::Nothing };
    }
    // Of somebody new no consent is withdrawn.
    let left: Vec<FieldCode> = values.0.keys().copied().filter(may_be_there).collect();
    let withdrawal = selection::withdraws(&values.only(&left), policy);
    // Who released a call under the new key has decided about the key.
    let released = compared.standing.is_some_and(|standing| standing.hold.is_none());
    let hold = (moved && !released).then_some(HoldReason::KeyChanged);
    call_unless_standing(compared, before, operation, values, hold, withdrawal)
}

fn for_known(
    compared: &Compared<'_>,
    account: &Account,
    before: &Before,
    projection: &Projection,
    policy: &Policy<'_>,
    keeper: &mut Keeper<'_>,
    findings: &mut Findings,
) -> Action {
    let changed = differing(compared.desired, &account.fields, policy, keeper);
    findings.changed = changed.0.keys().copied().collect();
    let values = selection::select(compared.desired, &changed, account, projection, policy, keeper, findings);
    if let Some(standing) = &before.standing
        && keeps_its_place(standing)
    {
        let payload = compared.payload(values);
        let same = standing.payload == payload || payload.values.is_empty();
        return if same { Action::Nothing } else { Action::Replace(payload) };
    }
    if values.is_empty() {
        return if before.standing.is_some() { Action::Close } else { Action::Nothing };
    }
    let withdrawal = selection::withdraws(&changed, policy);
    call_unless_standing(compared, before, Operation::Update, values, None, withdrawal)
}

/// A call that may have left, and waits for a probe or a person, keeps its place; a newer value only changes what it
/// carries.
fn keeps_its_place(standing: &Standing) -> bool {
    standing.state == State::Probing || (standing.state == State::Held && !may_vanish(standing))
}

/// A call that may have left under one key cannot go on under another one.
fn is_bound_to_another_key(standing: &Standing, key: &ProviderKey) -> bool {
    keeps_its_place(standing) && standing.payload.key != *key
}

/// What waits under a key that the file has taken back has nowhere to go: it would reach an account that the CRM does
/// not call the customer's. Should the key come back, everything is compared again. What may have left, or has to be
/// decided by a person, stays.
fn ends_with_its_key(before: &Before) -> bool {
    before.standing.as_ref().is_some_and(|standing| {
        let waits = matches!(standing.state, State::Queued | State::Waiting | State::Refused);
        (waits || may_vanish(standing)) && !may_have_left(standing, before.account.as_ref())
    })
}

fn may_have_left(standing: &Standing, account: Option<&Account>) -> bool {
    let unknown = |field| account.is_some_and(|it| it.fields.get(field) == Some(&Acknowledged::Unknown));
    standing.create_unknown || standing.payload.values.0.keys().any(unknown)
}

/// A held call that cannot have left is judged anew each time: the reason of its hold may be gone.
fn may_vanish(standing: &Standing) -> bool {
    !standing.create_unknown
        && matches!(standing.hold, Some(HoldReason::KeyChanged | HoldReason::DuplicateKey))
}

fn call_unless_standing(
    compared: &Compared<'_>,
    before: &Before,
    operation: Operation,
    values: WireValues,
    hold: Option<HoldReason>,
    withdrawal: bool,
) -> Action {
    let payload = compared.payload(values);
    // Whether a shared key is still shared is not known here: such a call stays held until its values change.
    let same = before.standing.as_ref().is_some_and(|standing| {
        standing.payload == payload
            && standing.operation == operation
            && (standing.hold == hold || standing.hold == Some(HoldReason::DuplicateKey))
    });
    if same { Action::Nothing } else { Action::Call { operation, payload, hold, withdrawal } }
}

/// The desired values that the provider is not known to hold.
fn differing(
    desired: &WireValues,
    held: &LiteMap<FieldCode, Acknowledged>,
    policy: &Policy<'_>,
    keeper: &mut Keeper<'_>,
) -> WireValues {
    // Both are in the order of the fields: one walk over both takes a fraction of a search for each value.
    let mut held = held.iter().peekable();
    let mut differs = |field: FieldCode, value: &SmolStr| {
        while held.next_if(|&(&earlier, _)| earlier < field).is_some() {}
        let held = held.next_if(|&(&same, _)| same == field);
        policy.full_resync || !held.is_some_and(|(_, held)| keeper.holds(held, field, value))
    };
    desired
        .0
        .iter()
        .filter(|&(&field, value)| differs(field, value))
        .map(|(&field, value)| (field, value.clone()))
        .collect()
}

#[cfg(test)]
mod tests;
