//! Projection × what the provider acknowledged → what has to be done: one pure function, [`decide`].
//!
//! The policy of the whole product is here and nothing else is: no I/O, no clock, no SQL. What a provider should
//! hold is compared with what it last acknowledged **and** with the call that is still open for it, so that a revert
//! closes a queued call, a refused field goes along with the next change, and nothing is sent twice.

mod desired;
mod keys;
mod overtaken;
mod selection;

pub use keys::key_of;
pub use overtaken::{is_overtaken, is_recalled};

use litemap::LiteMap;
use smol_str::SmolStr;

use crate::domain::account::{Account, Acknowledged, Keeper};
use crate::domain::call::{HoldReason, Operation, Payload, State};
use crate::domain::policy::{OnCleared, OnInvalid, OnNew, Send};
use crate::domain::standing::{Before, Standing};
use crate::domain::wire::{FieldCode, KeyCell, Projection, ProviderKey, WireField, WireValues};

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
    /// Fields that are made of something that it never gets, among others.
    pub touched: &'a (dyn Fn(FieldCode) -> bool + Sync),
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
    Replace {
        /// What it carries from now on.
        payload: Payload,
        /// A consent is withdrawn: it leaves first.
        withdrawal: bool,
    },
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
    /// Fields left out because another part of the same thing cannot go: the provider would hold old and new parts of it.
    pub torn: Vec<FieldCode>,
    /// Why the customer is not sent to this provider at all.
    pub rejected: Option<Rejection>,
    /// Fields that go missing inside an object that is sent: what the provider then holds is not known.
    pub unknown_after: Vec<FieldCode>,
    /// Where the customer is not sent at all: fields of which the provider does not have what the record says.
    pub untaken: Vec<FieldCode>,
    /// Fields of earlier records that were not sent at all, about which this one, which is, says nothing.
    pub left_behind: Vec<FieldCode>,
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
        self.incomplete.len()
            + self.in_part.len()
            + self.stuck.len()
            + self.torn.len()
            + self.left_behind.len()
    }

    /// The fields of that.
    pub fn kept_back(&self) -> impl Iterator<Item = FieldCode> {
        let incomplete = self.incomplete.iter().flat_map(|object| &object.fields);
        let parts = self.in_part.iter().chain(&self.stuck).chain(&self.torn);
        incomplete.chain(parts).chain(&self.left_behind).copied()
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
    let key = match key_of(before, projection) {
        Ok(Some(key)) => key,
        Ok(None) => {
            let is_taken_back = projection.key == KeyCell::Cleared && keys::ends_with_its_key(before);
            let action = if is_taken_back { Action::Close } else { Action::Nothing };
            return Decision { action, key: None, findings };
        }
        Err(rejection) => {
            findings.rejected = Some(rejection);
            findings.untaken = untaken(before, projection, policy, keeper);
            return Decision { action: Action::Nothing, key: None, findings };
        }
    };
    if before.standing.as_ref().is_some_and(|standing| keys::is_bound_to_another_key(standing, &key)) {
        findings.rejected = Some(Rejection::UnsettledKey);
        findings.untaken = untaken(before, projection, policy, keeper);
        return Decision { action: Action::Nothing, key: Some(key), findings };
    }
    let account = before.account.as_ref().filter(|account| account.key == key);
    let standing = before.standing.as_ref().filter(|standing| standing.payload.key == key);
    let completed = desired::completed(projection, before, (account, standing), policy.field);
    findings.in_part.clone_from(&completed.in_part);
    let settled = desired::without_presumed(&completed, before, policy, keeper, &mut findings);
    let (projection, vacated) = (&*settled, Vec::new());
    let mut comparison =
        Comparison { key: &key, before, standing, account, projection, policy, keeper, findings, vacated };
    let action = comparison.action();
    let findings = comparison.findings;
    Decision { action, key: Some(key), findings }
}

/// What a provider does not have of a record that is turned away for its key, if it is meant for the account that is known.
fn untaken(
    before: &Before,
    projection: &Projection,
    policy: &Policy<'_>,
    keeper: &mut Keeper<'_>,
) -> Vec<FieldCode> {
    let account = before.account.as_ref();
    let key = account.map_or_else(|| ProviderKey(SmolStr::default()), |account| account.key.clone());
    let is_of_it = |standing: &&Standing| account.is_some_and(|account| account.key == standing.payload.key);
    let standing = before.standing.as_ref().filter(is_of_it);
    let findings = Findings { in_part: projection.in_part.clone(), ..Findings::default() };
    let vacated = Vec::new();
    let mut comparison =
        Comparison { key: &key, before, standing, account, projection, policy, keeper, findings, vacated };
    let desired = comparison.desired_values();
    comparison.untaken(&desired)
}

/// What becomes of somebody of whom no call was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WayOfNew {
    /// A call brings the values.
    Sent(Operation),
    /// The call that stands is not wanted any more.
    Ends,
    /// Nothing.
    Stays,
}

/// The comparison for one account, under way.
struct Comparison<'a, 'k> {
    key: &'a ProviderKey,
    before: &'a Before,
    /// The standing call, if it goes to this account.
    standing: Option<&'a Standing>,
    /// What is known of this account.
    account: Option<&'a Account>,
    projection: &'a Projection,
    policy: &'a Policy<'a>,
    keeper: &'a mut Keeper<'k>,
    findings: Findings,
    /// Parts that the provider has and the new value has not, and that cannot be sent as empty: their object goes without them.
    vacated: Vec<FieldCode>,
}

impl Comparison<'_, '_> {
    fn action(&mut self) -> Action {
        let desired = self.desired_values();
        if self.findings.rejected.is_some() {
            self.findings.untaken = self.untaken(&desired);
            return Action::Nothing;
        }
        match self.account {
            Some(account) if account.known => self.for_known(&desired, account),
            Some(_) | None => self.for_new(&desired),
        }
    }

    /// For somebody of whom no call was acknowledged; the account has the fields that one of unknown outcome may have left.
    fn for_new(&mut self, desired: &WireValues) -> Action {
        let (way, moved) = (self.way_of_new(), self.is_moved());
        let is_updated = way == WayOfNew::Sent(Operation::Update);
        let mut values = desired.clone();
        let account = self.account;
        let may_be_there =
            |field: &FieldCode| account.is_some_and(|account| account.fields.contains_key(field));
        let is_taken_away =
            |field: &FieldCode| may_be_there(field) || is_updated && self.may_hold_of_others(*field);
        values.0.retain(|field, value| !value.is_empty() || is_taken_away(field));
        self.findings.changed = values.0.keys().copied().collect();
        // Of somebody new no consent is withdrawn.
        let left: Vec<FieldCode> = values.0.keys().copied().filter(may_be_there).collect();
        let withdrawal = selection::withdraws(&values.only(&left), self.policy);
        if let Some(standing) = &self.before.standing
            && keys::keeps_its_place(standing)
        {
            let payload = self.payload(values);
            let stays = standing.payload == payload && !standing.is_overtaken();
            return if stays { Action::Nothing } else { Action::Replace { payload, withdrawal } };
        }
        let operation = match way {
            WayOfNew::Sent(operation) => operation,
            WayOfNew::Ends | WayOfNew::Stays => {
                self.findings.changed.clear();
                return if way == WayOfNew::Ends { Action::Close } else { Action::Nothing };
            }
        };
        if operation == Operation::Update && values.is_empty() {
            return self.nothing_left();
        }
        // Who released a call under the new key has decided about the key.
        let released = self.standing.is_some_and(|standing| standing.life.hold.is_none());
        let hold = (moved && !released).then_some(HoldReason::KeyChanged);
        self.call_unless_standing(operation, values, hold, withdrawal)
    }

    /// A call that cannot have reached anybody is as if it were not there: what the setting says now is what becomes of somebody
    /// new, not what it said when the call was made.
    fn way_of_new(&self) -> WayOfNew {
        let moved = self.is_moved();
        match (self.standing.filter(|standing| !self.has_not_left(standing)), self.policy.on_new) {
            // A create that was refused is not wanted any more.
            (Some(standing), OnNew::Skip) if standing.life.operation == Operation::Create && !moved => {
                WayOfNew::Ends
            }
            (Some(standing), OnNew::Update | OnNew::Skip) if !standing.life.create_unknown => {
                WayOfNew::Sent(Operation::Update)
            }
            (Some(standing), OnNew::Create) if self.is_proved_absent(standing) => {
                WayOfNew::Sent(Operation::Create)
            }
            // Whoever got an update that may have arrived, or was refused for another reason, may be there.
            (Some(standing), _) => WayOfNew::Sent(standing.life.operation),
            (None, OnNew::Create) => WayOfNew::Sent(Operation::Create),
            // Somebody whom the provider has under another key is not new.
            (None, OnNew::Skip) if moved => WayOfNew::Sent(Operation::Update),
            (None, OnNew::Update) => WayOfNew::Sent(Operation::Update),
            (None, OnNew::Skip) if self.standing.is_some() => WayOfNew::Ends,
            (None, OnNew::Skip) => WayOfNew::Stays,
        }
    }

    /// The provider said of the account that nobody is there.
    fn is_proved_absent(&self, standing: &Standing) -> bool {
        standing.missing && standing.life.hold.is_none()
    }

    /// Nothing of the call can have reached anybody.
    fn has_not_left(&self, standing: &Standing) -> bool {
        let was_answered = standing.life.state == State::Refused || standing.settling;
        let may_be_there = standing.life.create_unknown || self.account.is_some_and(Account::may_exist);
        !was_answered && !may_be_there && !self.is_moved()
    }

    fn for_known(&mut self, desired: &WireValues, account: &Account) -> Action {
        let changed = self.differing(desired, &account.fields);
        self.findings.changed = changed.0.keys().copied().chain(self.vacated.iter().copied()).collect();
        let values = self.select(desired, &changed, account);
        let withdrawal = selection::withdraws(&changed, self.policy);
        if let Some(standing) = &self.before.standing
            && keys::keeps_its_place(standing)
        {
            let payload = self.payload(values);
            let same = standing.payload == payload || payload.values.is_empty();
            return if same { Action::Nothing } else { Action::Replace { payload, withdrawal } };
        }
        if values.is_empty() {
            return self.nothing_left();
        }
        self.call_unless_standing(Operation::Update, values, None, withdrawal)
    }

    fn payload(&self, values: WireValues) -> Payload {
        Payload { key: self.key.clone(), values }
    }

    fn nothing_left(&self) -> Action {
        if self.before.standing.is_some() { Action::Close } else { Action::Nothing }
    }

    fn call_unless_standing(
        &self,
        operation: Operation,
        values: WireValues,
        hold: Option<HoldReason>,
        withdrawal: bool,
    ) -> Action {
        let payload = self.payload(values);
        // Whether a shared key is still shared is not known here: such a call stays held until its values change.
        let same = self.before.standing.as_ref().is_some_and(|standing| {
            standing.payload == payload
                && standing.life.operation == operation
                && (standing.life.hold == hold || standing.life.hold == Some(HoldReason::DuplicateKey))
        });
        if same { Action::Nothing } else { Action::Call { operation, payload, hold, withdrawal } }
    }

    /// The desired values that the provider is not known to hold.
    fn differing(&mut self, desired: &WireValues, held: &LiteMap<FieldCode, Acknowledged>) -> WireValues {
        // Both are in the order of the fields: one walk over both takes a fraction of a search for each value.
        let mut held = held.iter().peekable();
        let mut differs = |field: FieldCode, value: &SmolStr| {
            while held.next_if(|&(&earlier, _)| earlier < field).is_some() {}
            let held = held.next_if(|&(&same, _)| same == field);
            self.policy.full_resync || !held.is_some_and(|(_, held)| self.keeper.holds(held, field, value))
        };
        desired
            .0
            .iter()
            .filter(|&(&field, value)| differs(field, value))
            .map(|(&field, value)| (field, value.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests;
