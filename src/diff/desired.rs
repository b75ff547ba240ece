//! What a provider should hold of a customer: the record, laid over what the standing call was to bring.

use std::borrow::Cow;

use smol_str::SmolStr;

use crate::domain::account::{Account, Acknowledged, Keeper};
use crate::domain::call::State;
use crate::domain::field::{Compound, Field};
use crate::domain::policy::{OnCleared, OnInvalid, Send};
use crate::domain::standing::{Before, Standing};
use crate::domain::wire::{self, FieldCode, Projection, WireCell, WireField, WirePresumption, WireValues};

use super::{Comparison, Findings, Policy, Rejection};

/// Adds what older rows of a complete input have, where the provider was never given a value of the field, and where they
/// complete one that the newest row says a part of.
pub(super) fn completed<'a>(
    projection: &'a Projection,
    before: &Before,
    (account, standing): (Option<&Account>, Option<&Standing>),
    field: &dyn Fn(FieldCode) -> Option<WireField>,
) -> Cow<'a, Projection> {
    if projection.context.is_empty() {
        return Cow::Borrowed(projection);
    }
    let is_given = |code: &FieldCode| {
        account.is_some_and(|account| account.fields.contains_key(code))
            || standing.is_some_and(|standing| standing.payload.values.get(*code).is_some())
    };
    let mut completed = projection.clone();
    completed.in_part.retain(|code| !projection.context.contains_key(code));
    for (code, value) in &projection.context {
        // Whether a consent still holds an older row does not tell; nor a value that a newer record has said something else of.
        let is_consent = || field(*code).is_some_and(|field| field.consent);
        let is_open = || !is_given(code) && !is_consent() && !before.left_out.contains(code);
        if projection.in_part.contains(code) || is_open() {
            completed.cells.insert(*code, WireCell::Value(value.clone()));
        }
    }
    Cow::Owned(completed)
}

/// Leaves out values that were read by a presumed country, where another one is known: by the record, else by the call that
/// waits, else by what the provider holds. Where none is known the presumed one stands, unless the CRM may have one.
pub(super) fn without_presumed<'a>(
    projection: &'a Projection,
    before: &Before,
    policy: &Policy<'_>,
    keeper: &mut Keeper<'_>,
    findings: &mut Findings,
) -> Cow<'a, Projection> {
    let Some(WirePresumption { country, value, fields, is_doubted }) = &projection.presumption else {
        return Cow::Borrowed(projection);
    };
    // What the provider never got, or did not get, it does not hold although the customer has one.
    let is_withheld = (policy.touched)(*country) || before.left_out.contains(country);
    let waiting = before.standing.as_ref().and_then(|standing| standing.payload.values.get(*country));
    let held = before.account.as_ref().and_then(|account| account.fields.get(country));
    let can_be_empty = (policy.field)(*country).is_some_and(|field| field.can_be_empty);
    let is_right = match (projection.cells.get(country), waiting, held) {
        (Some(WireCell::Value(told)), _, _) => told == value,
        // No country takes the place of the old one.
        (Some(WireCell::Cleared), _, _) if can_be_empty && policy.on_cleared == OnCleared::SendEmpty => true,
        (_, Some(waiting), _) => waiting == value.as_str(),
        (_, None, Some(held)) => keeper.holds(held, *country, value),
        (_, None, None) => !is_doubted || (before.account.is_some() && !is_withheld),
    };
    if is_right {
        return Cow::Borrowed(projection);
    }
    let mut settled = projection.clone();
    for field in fields {
        settled.cells.remove(field);
    }
    findings.in_part.extend(fields);
    if !is_withheld && waiting.is_none() && held.is_none() && !projection.cells.contains_key(country) {
        // That an account is there says nothing next time either, until a record tells the country.
        findings.in_part.push(*country);
    }
    Cow::Owned(settled)
}

impl Comparison<'_, '_> {
    /// What the provider should hold. An account that is not known has the fields that calls of unknown outcome may have
    /// left there. What waits was to bring values of the customer, whichever key its record has by now.
    pub(super) fn desired_values(&mut self) -> WireValues {
        let waits = self.before.standing.as_ref();
        let mut desired = waits.map(|standing| standing.payload.values.clone()).unwrap_or_default();
        // From what is refused nobody has taken what is excluded since: what may hold it does not go.
        let is_refused = waits.is_some_and(|standing| standing.life.state == State::Refused);
        let is_out = if is_refused { self.policy.touched } else { self.policy.excluded };
        desired.0.retain(|&field, _| !is_out(field));
        let projection = self.projection;
        desired.0.reserve(projection.cells.len());
        for (&field, cell) in &projection.cells {
            match cell {
                WireCell::Value(value) => {
                    wire::put(&mut desired.0, field, value.clone());
                }
                WireCell::Cleared => {
                    desired.0.remove(&field);
                    // A blank beside what is excluded does not say that the CRM has nothing, nor what the provider has got of it.
                    let may_hold = self.holds_something(field) || self.may_hold_of_others(field);
                    if !(self.policy.touched)(field) && may_hold {
                        self.clear(field, &mut desired);
                        if self.policy.on_cleared == OnCleared::Reject {
                            self.findings.rejected = Some(Rejection::ClearedValue);
                        }
                    }
                }
                // What belongs to another kind of customer is none of this one's; in the CRM nobody has cleared it.
                WireCell::NotTheirs => {
                    desired.0.remove(&field);
                    if self.holds_something(field) {
                        self.clear(field, &mut desired);
                    }
                }
                WireCell::Vacant => {
                    desired.0.remove(&field);
                    if self.holds_something(field) {
                        self.vacate(field, &mut desired);
                    }
                }
                WireCell::Invalid => {
                    desired.0.remove(&field);
                    self.findings.skipped.push(field);
                    if self.policy.on_invalid == OnInvalid::RejectCustomer {
                        self.findings.rejected = Some(Rejection::InvalidValue);
                    }
                }
            }
        }
        self.vacate_old_nic(&mut desired);
        for &field in &self.findings.stuck {
            desired.0.retain(|&other, _| !self.is_same_value(field, other));
        }
        self.keep_together(&mut desired);
        desired
    }

    /// Fields of the record that the provider does not hold with this value and that no standing call brings, and those that
    /// are not valid or kept back.
    pub(super) fn untaken(&mut self, desired: &WireValues) -> Vec<FieldCode> {
        let (account, standing) = (self.account, self.standing);
        let mut untaken = Vec::new();
        for (code, value) in desired.iter().filter(|(code, _)| self.projection.cells.contains_key(code)) {
            let waits = standing.is_some_and(|standing| standing.payload.values.get(code) == Some(value));
            let held = account.and_then(|account| account.fields.get(&code));
            if !waits && !held.is_some_and(|held| self.keeper.holds(held, code, value)) {
                untaken.push(code);
            }
        }
        untaken.extend(&self.vacated);
        let findings = &self.findings;
        untaken.extend(findings.skipped.iter().copied().chain(findings.kept_back()));
        if self.policy.on_cleared == OnCleared::Reject {
            untaken.extend(&findings.cleared);
        }
        untaken.sort_unstable();
        untaken.dedup();
        untaken
    }

    /// Keeps back what is new of an address, a document or a number of which another part cannot go, while the provider holds
    /// an old one. With `send = "objects"` [`Comparison::select`] does so for whole objects.
    fn keep_together(&mut self, desired: &mut WireValues) {
        // A part that was cleared and cannot be sent as empty stays at the provider, so that new parts beside it wait. Not for a
        // flat or a country: an old flat at the new house does less harm than the old address, and many files leave the country
        // blank that all customers live in.
        let cleared = self.findings.cleared.iter().filter(|code| !self.is_dispensable(**code));
        let spoilt: Vec<FieldCode> = self.findings.stuck.iter().chain(cleared).copied().collect();
        let spoilt = spoilt.into_iter().map(|part| (part, self.compound(part)));
        // Of what is kept in clear an object is completed with the old part, which the new ones do not go beside either.
        let is_completed = self.keeper.keeps_clear();
        let invalid = self
            .findings
            .skipped
            .iter()
            .map(|&part| (part, if is_completed { self.compound_of(part) } else { self.compound(part) }));
        for (part, compound) in invalid.chain(spoilt).collect::<Vec<_>>() {
            let Some(compound) = compound.filter(|_| self.holds_something(part)) else { continue };
            let is_of_it = |code: &&FieldCode| self.compound_of(**code) == Some(compound);
            let of_it: Vec<FieldCode> = desired.0.keys().filter(is_of_it).copied().collect();
            for code in of_it {
                let value = desired.0.remove(&code).unwrap_or_default();
                let held = self.account.and_then(|account| account.fields.get(&code));
                if !held.is_some_and(|held| self.keeper.holds(held, code, &value)) {
                    self.findings.torn.push(code);
                }
            }
        }
    }

    fn is_dispensable(&self, code: FieldCode) -> bool {
        let is_so = |source: &Field| source.is_within_house() || *source == Field::Country;
        (self.policy.field)(code).is_some_and(|field| field.sources.iter().all(is_so))
    }

    /// What a field is a part of, if it goes by itself.
    fn compound(&self, code: FieldCode) -> Option<Compound> {
        let field = (self.policy.field)(code)?;
        let goes_alone = field.object.is_empty() || self.policy.send == Send::Changed;
        self.compound_of(code).filter(|_| goes_alone)
    }

    /// What a field is a part of.
    fn compound_of(&self, code: FieldCode) -> Option<Compound> {
        (self.policy.field)(code)?.sources.first()?.compound()
    }

    fn holds_something(&mut self, field: FieldCode) -> bool {
        let held = self.account.and_then(|account| account.fields.get(&field));
        held.is_some_and(|held| !self.keeper.holds(held, field, ""))
    }

    /// Another key is another account, in which may stand what somebody else was given: a blank is sent, where blanks are.
    pub(super) fn may_hold_of_others(&self, field: FieldCode) -> bool {
        let is_sent = |field: WireField| field.can_be_empty && self.policy.on_cleared == OnCleared::SendEmpty;
        self.is_moved() && (self.policy.field)(field).is_some_and(is_sent)
    }

    /// Whether the customer has an account that is known under another key.
    pub(super) fn is_moved(&self) -> bool {
        self.before.account_elsewhere(Some(self.key)).is_some()
    }

    fn clear(&mut self, field: FieldCode, desired: &mut WireValues) {
        let can_be_empty = (self.policy.field)(field).is_some_and(|field| field.can_be_empty);
        match self.policy.on_cleared {
            OnCleared::SendEmpty if can_be_empty => {
                desired.0.insert(field, SmolStr::default());
            }
            OnCleared::Ignore | OnCleared::SendEmpty | OnCleared::Reject => self.findings.cleared.push(field),
        }
    }

    /// Takes away what the provider holds of a part that the new value does not have. Where that cannot be, nothing of the
    /// value goes: the provider would take old and new parts for one. An object that goes whole goes without it, once, although
    /// nothing else of it may have changed.
    fn vacate(&mut self, field: FieldCode, desired: &mut WireValues) {
        let Some(part) = (self.policy.field)(field) else { return };
        if part.can_be_empty && self.policy.on_cleared == OnCleared::SendEmpty {
            desired.0.insert(field, SmolStr::default());
        } else if part.object.is_empty() || self.policy.send == Send::Changed {
            self.findings.stuck.push(field);
        } else if self.is_known_to_hold(field) || self.is_on_its_way_without(field, part.object) {
            self.vacated.push(field);
        }
    }

    /// Whether what the provider has in a field is not what an object that went without it may have left.
    fn is_known_to_hold(&self, field: FieldCode) -> bool {
        let held = self.account.and_then(|account| account.fields.get(&field));
        held.is_some_and(|held| *held != Acknowledged::Unknown)
    }

    /// Whether the call that stands brings an object without one of its fields.
    fn is_on_its_way_without(&self, field: FieldCode, object: &str) -> bool {
        let Some(standing) = self.standing else { return false };
        let is_of_it = |code: &FieldCode| (self.policy.field)(*code).is_some_and(|one| one.object == object);
        let brought = &standing.payload.values.0;
        !brought.contains_key(&field) && brought.keys().any(is_of_it)
    }

    /// The NIC of an earlier SIRET is not that of another company, whose record has a SIREN alone.
    fn vacate_old_nic(&mut self, desired: &mut WireValues) {
        let Some(account) = self.account else { return };
        let of = |source| move |field: &&WireField| field.sources.first() == Some(&source);
        let code = |source| self.policy.fields.iter().find(of(source)).map(|field| field.code);
        let (Some(siren), Some(nic)) = (code(Field::Siren), code(Field::Nic)) else { return };
        let Some(value) = desired.0.get(&siren) else { return };
        let held = account.fields.get(&siren);
        let is_same = held.is_none_or(|held| self.keeper.holds(held, siren, value));
        if !is_same && !self.projection.cells.contains_key(&nic) && self.holds_something(nic) {
            self.vacate(nic, desired);
        }
    }

    /// Whether two fields are made of one canonical value.
    fn is_same_value(&self, one: FieldCode, other: FieldCode) -> bool {
        let source = |code| (self.policy.field)(code).and_then(|field| field.sources.first());
        source(one).is_some() && source(one) == source(other)
    }
}
