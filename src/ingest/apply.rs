//! Customer by customer, in the order of the input: decide what each provider lacks, and write it into the intake.
//!
//! A plan goes the same way without an intake; then nothing is written. What several customers dispute is settled
//! by [`Apply::finish`], when all of them are known.

use std::collections::{BTreeSet, HashSet};

use crate::diff::{Action, Decision, Rejection};
use crate::domain::account::Account;
use crate::domain::call::{CallId, HoldReason, Operation, State};
use crate::domain::customer::CustomerId;
use crate::domain::field::Field;
use crate::domain::mark::{KeyMark, Mark, Marker, NO_RECORD};
use crate::domain::pages::Pages;
use crate::domain::provider::ProviderId;
use crate::domain::standing::Before;
use crate::domain::wire::{FieldCode, ProviderKey, WireCell};
use crate::providers::Provider;
use crate::store::{Intake, Marks, NewCall, PackedAccount, Snapshot, StandingCall, StoreError};

use super::claims::{AccountMark, Claim, ClaimedCall, Claims};
use super::compare::Candidate;
use super::fields::FieldCounts;
use super::guard::ChangeCounts;
use super::judge::{Decided, Judged};
use super::late::Late;
use super::outcome::Outcome;
use super::prepare::Prepared;
use super::sheet::Sheet;
use super::sift::Ready;
use super::{Ingest, IngestError, Mode};

/// The hand that carries out decisions.
pub(super) struct Apply<'a> {
    pub(super) ingest: &'a Ingest<'a>,
    pub(super) mode: Mode,
    pub(super) snapshot: Snapshot<'a>,
    pub(super) intake: Option<&'a Intake<'a>>,
    pub(super) sheets: &'a [Sheet<'a>],
    marker: &'a Marker,
    /// Did anybody have an account before.
    pub(super) had_accounts: bool,
    /// Did any call stand before.
    pub(super) had_calls: bool,
    /// The candidates: what the state says of their accounts' keys is out of date.
    pub(super) keys: HashSet<KeyMark>,
    /// Calls of others that were held because of a customer of this input.
    held_rivals: HashSet<CallId>,
    pub(super) outcome: &'a mut Outcome,
    pub(super) claims: Claims,
    changes: ChangeCounts,
    /// In how many of the calls created each wire field is.
    pub(super) fields: FieldCounts,
    pub(super) marks: Marks,
    pub(super) late: Late,
    /// File and line of the first rows of those who were seeded, by turn.
    pub(super) seeded: Pages<(u16, u32)>,
    turn: u32,
}

/// A customer whose turn it is.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) turn: u32,
    pub(super) candidate: &'a Candidate,
    pub(super) prepared: &'a Prepared,
    /// The number in the state; none in a plan for somebody new.
    pub(super) number: Option<i64>,
}

impl<'a> Apply<'a> {
    pub(super) fn new(
        ingest: &'a Ingest<'a>,
        mode: Mode,
        access: (Snapshot<'a>, Option<&'a Intake<'a>>),
        sheets: &'a [Sheet<'a>],
        marker: &'a Marker,
        outcome: &'a mut Outcome,
    ) -> Self {
        Self {
            ingest,
            mode,
            snapshot: access.0,
            intake: access.1,
            sheets,
            marker,
            had_accounts: true,
            had_calls: true,
            keys: HashSet::new(),
            held_rivals: HashSet::new(),
            outcome,
            claims: Claims::default(),
            changes: ChangeCounts::default(),
            fields: FieldCounts::new(),
            marks: Marks::default(),
            late: Late::default(),
            seeded: Pages::default(),
            turn: 0,
        }
    }

    /// Counts the customer whose turn comes.
    pub(super) fn next_turn<'r>(&mut self, ready: &'r Ready) -> Turn<'r> {
        let Ready { candidate, prepared } = ready;
        let tally = &mut self.outcome.input;
        match (candidate.is_known(), candidate.same) {
            (false, _) => tally.new += 1,
            (true, true) => tally.unchanged += 1,
            (true, false) => tally.changed += 1,
        }
        let number = candidate.stored().map(|stored| stored.number);
        let turn = Turn { turn: self.turn, candidate, prepared, number };
        self.turn += 1;
        turn
    }

    pub(super) fn customer(&mut self, Decided { ready, judged, .. }: Decided) -> Result<(), IngestError> {
        let mut turn = self.next_turn(&ready);
        self.count_changes(&turn, &judged);
        turn.number = self.put_customer(&turn)?;
        // Neither this record nor the last one is what all providers hold: the next one is compared, whatever it is.
        let unsettled = judged.iter().any(|j| j.decision.findings.rejected == Some(Rejection::UnsettledKey));
        self.put_mark(&turn, unsettled);
        for (position, judged) in judged.into_iter().enumerate() {
            self.carry_out(&turn, position, judged)?;
        }
        Ok(())
    }

    /// Settles what several customers dispute. Gives the counts that the last guards need.
    pub(super) fn finish(mut self) -> Result<(ChangeCounts, Late), IngestError> {
        if let Some(intake) = self.intake {
            intake.write_blocks()?;
        }
        for claim in std::mem::take(&mut self.claims).disputed() {
            self.hold_disputed(&claim)?;
        }
        self.name_fields();
        if let Some(intake) = self.intake {
            intake.put_marks(self.marks)?;
        }
        Ok((self.changes, self.late))
    }

    fn hold_disputed(&mut self, claim: &Claim) -> Result<(), StoreError> {
        match claim.call {
            ClaimedCall::None => return Ok(()),
            ClaimedCall::Seeded(number) => return self.withdraw_seed(claim, number),
            ClaimedCall::Planned => {}
            // One call can be claimed under two keys; it is held once.
            ClaimedCall::Queued(call) if !self.held_rivals.insert(call) => return Ok(()),
            ClaimedCall::Queued(call) => {
                if let Some(intake) = self.intake {
                    intake.hold_disputed(call)?;
                }
            }
        }
        self.count_held(claim.provider);
        Ok(())
    }

    pub(super) fn put_customer(&self, turn: &Turn<'_>) -> Result<Option<i64>, StoreError> {
        let Some(intake) = self.intake else { return Ok(turn.number) };
        let order = turn.prepared.customer.order;
        // Rows without an order value must not turn the clock back.
        match (turn.candidate.stored(), order) {
            (None, _) => intake.add_customer(&turn.prepared.customer.id, order).map(Some),
            (Some(stored), Some(order)) if stored.order < Some(order) => {
                intake.put_order(stored.number, order)?;
                Ok(Some(stored.number))
            }
            (Some(stored), _) => Ok(Some(stored.number)),
        }
    }

    /// Remembers the record; of an unsettled one nothing, so that it is compared again.
    pub(super) fn put_mark(&mut self, turn: &Turn<'_>, unsettled: bool) {
        let Turn { candidate, prepared, .. } = turn;
        let mark = if unsettled {
            Mark { key: candidate.key, record: NO_RECORD, meaning: NO_RECORD }
        } else {
            candidate.mark(prepared.meaning)
        };
        let stands = candidate.same && !candidate.spoilt && candidate.meaning() == Some(mark.meaning);
        if self.intake.is_some() && (unsettled || !stands) {
            self.marks.push(mark);
        }
    }

    /// Forgets the record of a customer again.
    pub(super) fn forget_record(&mut self, customer: &CustomerId) {
        let key = self.marker.key(customer.as_str());
        self.marks.push(Mark { key, record: NO_RECORD, meaning: NO_RECORD });
    }

    fn carry_out(&mut self, turn: &Turn<'_>, position: usize, mut judged: Judged) -> Result<(), StoreError> {
        let ingest = self.ingest;
        let provider = &*ingest.providers[position];
        let findings = &judged.decision.findings;
        let tally = self.outcome.tally(provider.id());
        tally.cleared_fields += findings.cleared.len() as u64;
        tally.incomplete += findings.incomplete.len() as u64;
        self.report(turn, position, findings)?;
        self.claim_what_stays(turn, provider.id(), &judged);
        let (Some(key), Some(account)) = (&judged.decision.key, judged.claim) else { return Ok(()) };
        let known = is_known(&judged.before, key);
        match (&judged.before.account, judged.account.take()) {
            (Some(before), _) => {
                let (after, skipped) = (account_after(before, key, &judged.decision), &findings.skipped);
                let stands = *before == after && judged.skipped == *skipped;
                if let (Some(intake), Some(number), false) = (self.intake, turn.number, stands) {
                    intake.put_account(number, provider.id(), PackedAccount::of(&after, skipped))?;
                }
            }
            (None, Some(new)) => {
                if let (Some(intake), Some(number)) = (self.intake, turn.number) {
                    intake.put_account(number, provider.id(), new)?;
                }
            }
            (None, None) => {}
        }
        let call = self.act(turn, provider, judged, known)?;
        self.claims.add(Claim { customer: turn.turn, provider: provider.id(), call }, account, known);
        Ok(())
    }

    /// A customer whose record names another key, or none, still has the account that is known to be its own, and
    /// the call that stands.
    fn claim_what_stays(&mut self, turn: &Turn<'_>, provider: ProviderId, judged: &Judged) {
        let Judged { before, standing, decision, .. } = judged;
        let other = |key: &ProviderKey| decision.key.as_ref() != Some(key);
        let known = before.account.as_ref().filter(|account| account.known && other(&account.key));
        if let Some(account) = known {
            let claim = Claim { customer: turn.turn, provider, call: ClaimedCall::None };
            self.claims.add(claim, AccountMark::of(provider, &account.key), true);
        }
        if let Some(standing) = standing
            && decision.action == Action::Nothing
            && other(&standing.standing.payload.key)
        {
            let key = &standing.standing.payload.key;
            let claim = Claim { customer: turn.turn, provider, call: leaving(standing) };
            self.claims.add(claim, AccountMark::of(provider, key), is_known(before, key));
        }
    }

    /// Performs the action; gives the call that could leave by itself.
    fn act(
        &mut self,
        turn: &Turn<'_>,
        provider: &dyn Provider,
        judged: Judged,
        known: bool,
    ) -> Result<ClaimedCall, StoreError> {
        let standing = judged.standing.as_ref();
        match (&judged.decision.action, standing) {
            (Action::Nothing, standing) => Ok(standing.map_or(ClaimedCall::None, leaving)),
            (Action::Close, Some(standing)) => {
                self.count_superseded(provider.id(), standing);
                self.intake.map_or(Ok(()), |intake| intake.close_call(standing))?;
                Ok(ClaimedCall::None)
            }
            (Action::Replace(payload), Some(standing)) => {
                self.intake.map_or(Ok(()), |intake| intake.replace_payload(standing, payload))?;
                Ok(ClaimedCall::None)
            }
            // The comparison only closes and replaces what stands.
            (Action::Close | Action::Replace(_), None) => Ok(ClaimedCall::None),
            (Action::Call { operation, payload, hold, withdrawal }, standing) => {
                let (hold, exists) = match hold {
                    None if !known => self.rival(turn, provider.id(), &payload.key)?,
                    hold => (*hold, false),
                };
                // Whoever is known under this key exists: a person who releases the call must not make another one.
                let operation = match operation {
                    Operation::Create if exists => {
                        self.count_as_update(provider.id(), &judged.codes);
                        Operation::Update
                    }
                    Operation::Create | Operation::Update => *operation,
                };
                let call = NewCall {
                    customer: turn.number.unwrap_or_default(),
                    provider: provider.id(),
                    operation,
                    payload: judged.packed.expect("what a call carries was packed with the decision"),
                    hold,
                    withdrawal: *withdrawal,
                };
                self.create(call, standing)
            }
        }
    }

    fn create(&mut self, call: NewCall, standing: Option<&StandingCall>) -> Result<ClaimedCall, StoreError> {
        let (provider, is_held) = (call.provider, call.hold.is_some());
        self.outcome.tally(provider).planned.add(call.operation);
        if let Some(standing) = standing {
            self.count_superseded(provider, standing);
        }
        let id = self.intake.map(|intake| intake.put_call(call, standing)).transpose()?;
        if is_held {
            self.count_held(provider);
            return Ok(ClaimedCall::None);
        }
        Ok(id.map_or(ClaimedCall::Planned, ClaimedCall::Queued))
    }

    /// Is the account already somebody's who is not compared in this input: known to be, or with a call for it. Such
    /// a call is held as well. (What other customers of this input claim is compared at the end.)
    fn rival(
        &mut self,
        turn: &Turn<'_>,
        provider: ProviderId,
        key: &ProviderKey,
    ) -> Result<(Option<HoldReason>, bool), StoreError> {
        let (mut hold, mut exists) = (None, false);
        for (other, known) in self.other_owners(provider, key, turn.number)? {
            if self.is_candidate(other)? {
                continue;
            }
            let standing = self.snapshot.standing(other, provider)?;
            let standing = standing.filter(|standing| standing.standing.payload.key == *key);
            if known || standing.is_some() {
                hold = Some(HoldReason::DuplicateKey);
            }
            exists |= known;
            if !known
                && let Some(ClaimedCall::Queued(call)) = standing.as_ref().map(leaving)
                && self.held_rivals.insert(call)
            {
                self.count_held(provider);
                self.intake.map_or(Ok(()), |intake| intake.hold_disputed(call))?;
            }
        }
        Ok((hold, exists))
    }

    /// The other customers that had this key before the input, or have it by now.
    pub(super) fn other_owners(
        &self,
        provider: ProviderId,
        key: &ProviderKey,
        customer: Option<i64>,
    ) -> Result<Vec<(i64, bool)>, StoreError> {
        // Where nobody had an account, whoever has one by now is of this input.
        if !self.had_accounts {
            return Ok(Vec::new());
        }
        self.snapshot.other_owners(provider, key, customer)
    }

    /// Is a customer of that number compared in this input.
    pub(super) fn is_candidate(&self, number: i64) -> Result<bool, StoreError> {
        let id = self.snapshot.customer_id(number)?;
        Ok(self.keys.contains(&self.marker.key(id.as_str())))
    }

    /// Counts a known customer's changes beyond what the provider holds and what is on its way already.
    fn count_changes(&mut self, turn: &Turn<'_>, judged: &[Judged]) {
        if turn.candidate.stored().is_none() {
            return;
        }
        let mut touched = BTreeSet::new();
        let mut changed = false;
        for (position, judged) in judged.iter().enumerate() {
            let provider = &*self.ingest.providers[position];
            for &code in &judged.decision.findings.changed {
                if self.is_news(turn, position, judged, code) {
                    changed = true;
                    touched.extend(sources(provider, code));
                }
            }
            touched.extend(judged.decision.findings.cleared.iter().flat_map(|&code| sources(provider, code)));
        }
        let place = || turn.prepared.place.clone();
        if changed {
            self.changes.changed.add(place);
        }
        for field in touched {
            self.changes.fields.entry(field).or_default().add(place);
        }
    }

    fn is_news(&self, turn: &Turn<'_>, position: usize, judged: &Judged, code: FieldCode) -> bool {
        let provider = self.ingest.providers[position].id();
        let value = match turn.prepared.projections[position].cells.get(&code) {
            Some(WireCell::Value(value)) => value.as_str(),
            Some(WireCell::Cleared) => "",
            Some(WireCell::Invalid) | None => return false,
        };
        let Some(key) = &judged.decision.key else { return false };
        let before = &judged.before;
        let on_its_way = before.standing.as_ref().is_some_and(|standing| {
            standing.payload.key == *key && standing.payload.values.get(code) == Some(value)
        });
        let mut keeper = self.snapshot.keeper(&turn.prepared.customer.id, provider);
        let held = before
            .account
            .as_ref()
            .filter(|account| account.known && account.key == *key)
            .and_then(|account| account.fields.get(&code))
            .is_some_and(|held| keeper.holds(held, code, value));
        !on_its_way && !held
    }

    /// A parked call was counted in the run that refused it.
    fn count_superseded(&mut self, provider: ProviderId, standing: &StandingCall) {
        self.outcome.tally(provider).superseded += u64::from(standing.life.state.is_open());
    }

    fn count_held(&mut self, provider: ProviderId) {
        *self.outcome.held.entry(provider).or_default() += 1;
    }
}

/// The account after the comparison. One that is known under another key stays as it is: until the provider
/// acknowledges the new key, the old one is what it knows. So does one whose customer is turned away.
fn account_after(before: &Account, key: &ProviderKey, decision: &Decision) -> Account {
    if before.key == *key {
        let mut account = before.clone();
        if matches!(decision.action, Action::Call { .. } | Action::Replace(_)) {
            account.mark_unknown(decision.findings.unknown_after.iter().copied());
        }
        account
    } else if before.known || decision.findings.rejected.is_some() {
        before.clone()
    } else {
        Account::new(key.clone())
    }
}

fn is_known(before: &Before, key: &ProviderKey) -> bool {
    before.account.as_ref().is_some_and(|account| account.known && account.key == *key)
}

/// The call, if it could leave by itself.
fn leaving(standing: &StandingCall) -> ClaimedCall {
    match standing.life.state {
        State::Queued | State::Waiting => ClaimedCall::Queued(standing.id),
        State::InFlight
        | State::Probing
        | State::Held
        | State::Acknowledged
        | State::Refused
        | State::Superseded
        | State::Abandoned
        | State::Forgotten => ClaimedCall::None,
    }
}

/// The canonical fields that a wire field is made of.
pub(super) fn sources(provider: &dyn Provider, code: FieldCode) -> Vec<Field> {
    match code.subscription_id() {
        Some(id) => vec![Field::Subscription(id)],
        None => provider.field(code).map(|field| field.sources.to_vec()).unwrap_or_default(),
    }
}
