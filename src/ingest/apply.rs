//! Customer by customer, in the order of the input: decide what each provider lacks, and write it into the intake.
//!
//! A plan goes the same way without an intake; then nothing is written. What several customers dispute is settled
//! by [`Apply::finish`], when all of them are known.

use std::collections::HashSet;

use crate::diff::{Action, Rejection};
use crate::domain::call::{CallId, HoldReason, Operation, Payload, State};
use crate::domain::customer::{CustomerId, CustomerNumber};
use crate::domain::lifecycle::Happening;
use crate::domain::mark::{KeyMark, Mark, Marker};
use crate::domain::pages::Pages;
use crate::domain::provider::ProviderId;
use crate::domain::standing::Standing;
use crate::domain::wire::Projection;
use crate::providers::Provider;
use crate::store::{Intake, Marks, NewCall, OtherKey, Snapshot, StoreError, WaitingCall};

use super::claims::{Claim, ClaimedCall, Claims, Right};
use super::compare::Candidate;
use super::fields::FieldCounts;
use super::guard::ChangeCounts;
use super::judge::{Decided, Judged, KeptClaim, leaving};
use super::late::Late;
use super::news::News;
use super::outcome::Outcome;
use super::overtaken::Elsewhere;
use super::prepare::Prepared;
use super::sheet::Sheet;
use super::sift::{Ready, Sifted};
use super::{Ingest, IngestError, Kind, Mode};

/// The hand that carries out decisions.
pub(super) struct Apply<'a> {
    pub(super) ingest: &'a Ingest<'a>,
    pub(super) mode: Mode,
    pub(super) snapshot: Snapshot<'a>,
    pub(super) intake: Option<&'a Intake<'a>>,
    pub(super) sheets: &'a [Sheet<'a>],
    pub(super) marker: &'a Marker,
    /// Whether anybody had an account before.
    pub(super) had_accounts: bool,
    /// Whether any call stood before.
    pub(super) had_calls: bool,
    /// The candidates: what the state says of their accounts' keys is out of date.
    pub(super) keys: HashSet<KeyMark>,
    /// Calls of earlier inputs that this one has held.
    pub(super) held: HashSet<CallId>,
    /// What waits since before the state was put back from a backup; none, where it was not.
    pub(super) doubtful: Option<Vec<WaitingCall>>,
    pub(super) elsewhere: Elsewhere,
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
    pub(super) projections: &'a [Projection],
    /// The number in the state; none in a plan for somebody new.
    pub(super) number: Option<CustomerNumber>,
}

/// What an input is compared with, and where it is written.
pub(super) struct Sources<'a> {
    pub(super) snapshot: Snapshot<'a>,
    /// None, where nothing is written.
    pub(super) intake: Option<&'a Intake<'a>>,
    pub(super) sheets: &'a [Sheet<'a>],
    pub(super) marker: &'a Marker,
}

impl<'a> Apply<'a> {
    /// For the customers that were sifted, whose marks it takes over.
    pub(super) fn new(
        ingest: &'a Ingest<'a>,
        mode: Mode,
        sources: Sources<'a>,
        sifted: &mut Sifted,
        late: Late,
        outcome: &'a mut Outcome,
    ) -> Result<Self, StoreError> {
        let Sources { snapshot, intake, sheets, marker } = sources;
        let (had_accounts, had_calls) = (snapshot.has_accounts()?, snapshot.has_standing()?);
        let is_asked_for = had_accounts || had_calls;
        let asked_for = is_asked_for.then(|| sifted.iter()).into_iter().flatten();
        let keys = asked_for.map(|candidate| candidate.key).collect();
        Ok(Self {
            doubtful: snapshot.doubtful_calls()?,
            elsewhere: Elsewhere::read(ingest, &snapshot)?,
            ingest,
            mode,
            snapshot,
            intake,
            sheets,
            marker,
            had_accounts,
            had_calls,
            keys,
            held: HashSet::new(),
            late,
            outcome,
            claims: Claims::default(),
            changes: ChangeCounts::default(),
            fields: FieldCounts::new(),
            marks: std::mem::take(&mut sifted.marks),
            seeded: Pages::default(),
            turn: 0,
        })
    }

    /// Counts the customer whose turn comes.
    pub(super) fn next_turn<'r>(
        &mut self,
        ready: &'r Ready,
        projections: &'r [Projection],
        is_news: bool,
    ) -> Turn<'r> {
        let Ready { candidate, prepared } = ready;
        candidate.count(is_news, &mut self.outcome.input);
        self.outcome.told |= prepared.told;
        let number = candidate.stored().map(|stored| stored.number);
        let turn = Turn { turn: self.turn, candidate, prepared, projections, number };
        self.turn += 1;
        turn
    }

    pub(super) fn customer(&mut self, decided: &mut Decided) -> Result<(), IngestError> {
        let Decided { ready, projections, judged, news, .. } = decided;
        let is_news = news.is_change || !news.fields.is_empty();
        let mut turn = self.next_turn(ready, projections, is_news);
        self.count_changes(&turn, news);
        turn.number = self.put_customer(&turn)?;
        self.hold_overtaken(&turn, is_news)?;
        // Neither this record nor the last one is what all providers hold: the next one is compared, whatever it is.
        // What a part of the customers or fields left open, a complete input may settle with the very same record.
        let is_part = self.ingest.options.kind == Kind::Delta;
        let is_open = |judged: &Judged| {
            let findings = &judged.decision.findings;
            findings.rejected == Some(Rejection::UnsettledKey) || is_part && findings.unsent() > 0
        };
        let unsettled = judged.iter().any(is_open);
        self.put_mark(&turn, unsettled);
        for (position, judged) in judged.iter_mut().enumerate() {
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
        self.hold_left_behind()?;
        self.name_fields();
        if let Some(intake) = self.intake {
            intake.put_marks(self.marks)?;
        }
        Ok((self.changes, self.late))
    }

    /// After a restore a queued value may be older than one that was delivered since: it leaves only where this input says
    /// it too.
    fn hold_left_behind(&mut self) -> Result<(), StoreError> {
        let is_complete = self.ingest.options.kind == Kind::Full;
        let is_compared = |provider| self.ingest.providers.iter().any(|one| one.id() == provider);
        for call in self.doubtful.take().filter(|_| is_complete).unwrap_or_default() {
            if !is_compared(call.provider) || !self.is_candidate(call.customer)? {
                self.leave_behind(call.id, call.provider)?;
            }
        }
        Ok(())
    }

    fn leave_behind(&mut self, call: CallId, provider: ProviderId) -> Result<(), StoreError> {
        if self.held.insert(call) {
            self.intake.map_or(Ok(()), |intake| intake.hold_left_behind(call))?;
            self.count_held(provider);
        }
        Ok(())
    }

    fn hold_disputed(&mut self, claim: &Claim) -> Result<(), StoreError> {
        match claim.call {
            ClaimedCall::None | ClaimedCall::Released => return Ok(()),
            ClaimedCall::Seeded(number) => return self.withdraw_seed(claim, number),
            ClaimedCall::Planned => {}
            // One call can be claimed under two keys; it is held once.
            ClaimedCall::Queued(call) if !self.held.insert(call) => return Ok(()),
            ClaimedCall::Queued(call) => {
                if let Some(intake) = self.intake {
                    intake.hold_disputed(call)?;
                }
            }
        }
        self.count_held(claim.provider);
        Ok(())
    }

    pub(super) fn put_customer(&self, turn: &Turn<'_>) -> Result<Option<CustomerNumber>, StoreError> {
        let Some(intake) = self.intake else { return Ok(turn.number) };
        let Turn { candidate, prepared, .. } = turn;
        let (order, stored) = (prepared.customer.order, candidate.stored());
        let told_before = stored.map(|stored| stored.told).unwrap_or_default();
        let told = self.ingest.told_after(told_before, prepared);
        let Some(stored) = stored else {
            return intake.add_customer(&prepared.customer.id, order, told).map(Some);
        };
        if told != told_before {
            intake.put_told(stored.number, told)?;
        }
        // Rows without an order value must not turn the clock back.
        if let Some(order) = order.filter(|_| stored.order < order) {
            intake.put_order(stored.number, order)?;
        }
        Ok(Some(stored.number))
    }

    /// Remembers the record; of an unsettled one nothing, so that it is compared again.
    pub(super) fn put_mark(&mut self, turn: &Turn<'_>, unsettled: bool) {
        let Turn { candidate, prepared, .. } = turn;
        let mark = if unsettled { Mark::unread(candidate.key) } else { candidate.mark(prepared.meaning) };
        let stands = candidate.same && !candidate.spoilt && candidate.meaning() == Some(mark.meaning);
        if self.intake.is_some() && (unsettled || !stands) {
            self.marks.push(mark);
        }
    }

    /// Forgets the record of a customer again.
    pub(super) fn forget_record(&mut self, customer: &CustomerId) {
        let key = self.marker.key(customer.as_str());
        self.marks.push(Mark::unread(key));
    }

    fn carry_out(&mut self, turn: &Turn<'_>, position: usize, judged: &mut Judged) -> Result<(), StoreError> {
        let ingest = self.ingest;
        let provider = &*ingest.providers[position];
        let findings = &judged.decision.findings;
        let tally = self.outcome.tally(provider.id());
        tally.cleared_fields += findings.cleared.len() as u64;
        tally.incomplete += findings.unsent() as u64;
        self.report(turn, position, findings)?;
        self.outcome.show(std::mem::take(&mut judged.differences));
        let is_turned_away = findings.rejected.is_some() || judged.decision.key.is_none();
        let is_unconfirmed = is_turned_away || judged.brings_earlier;
        let stays = is_unconfirmed && judged.decision.action == Action::Nothing;
        if let Some(standing) = judged.standing.as_ref().filter(|_| stays) {
            self.hold_unconfirmed(provider.id(), standing)?;
            self.hold_recalled(turn, position, standing, &judged.decision)?;
        }
        if let (Some(intake), Some(number), Some(key)) = (self.intake, turn.number, &judged.given_up) {
            intake.end_sharing(number, provider.id(), key)?;
        }
        for &KeptClaim { account, call, known } in &judged.kept {
            let right = if known { Right::Kept } else { Right::Claimed };
            self.claims.add(Claim { customer: turn.turn, provider: provider.id(), call }, account, right);
        }
        if let (Some(intake), Some(number), Some(notes)) = (self.intake, turn.number, judged.to_note.take()) {
            notes.write(intake, number, provider.id())?;
        }
        let call = self.act(turn, provider, judged)?;
        if let Some(claimed) = judged.claim {
            let right = if judged.known { Right::Owned } else { Right::Claimed };
            self.claims.add(Claim { customer: turn.turn, provider: provider.id(), call }, claimed, right);
        }
        Ok(())
    }

    /// After a restore, a record that is turned away, has no key, or lacks some of what was queued, does not say that it is
    /// still so.
    fn hold_unconfirmed(&mut self, provider: ProviderId, standing: &Standing) -> Result<(), StoreError> {
        let leaves = matches!(standing.life.state, State::Queued | State::Waiting | State::Probing);
        if leaves && self.doubtful.is_some() { self.leave_behind(standing.id, provider) } else { Ok(()) }
    }

    /// Performs the action; gives the call that leaves by itself.
    fn act(
        &mut self,
        turn: &Turn<'_>,
        provider: &dyn Provider,
        judged: &mut Judged,
    ) -> Result<ClaimedCall, StoreError> {
        let standing = judged.standing.as_ref();
        match (&judged.decision.action, standing) {
            (Action::Nothing, standing) => match standing.map_or(ClaimedCall::None, leaving) {
                ClaimedCall::Queued(_) if judged.is_moved() => Ok(ClaimedCall::Released),
                call => Ok(call),
            },
            (Action::Close, Some(standing)) => {
                self.count_superseded(provider.id(), standing);
                self.intake.map_or(Ok(()), |intake| intake.close_call(standing))?;
                Ok(ClaimedCall::None)
            }
            (Action::Replace { payload, withdrawal }, Some(standing)) => {
                self.replace(standing, (payload, *withdrawal), judged.brings_earlier)?;
                if judged.brings_earlier {
                    self.hold_unconfirmed(provider.id(), standing)?;
                }
                Ok(ClaimedCall::None)
            }
            // The comparison only closes and replaces what stands.
            (Action::Close | Action::Replace { .. }, None) => Ok(ClaimedCall::None),
            (Action::Call { operation, payload, hold, withdrawal }, standing) => {
                let (hold, exists) = self.weigh(turn, provider.id(), judged, &payload.key, *hold)?;
                let is_doubted = judged.brings_earlier && self.doubtful.is_some();
                let hold = hold.or(is_doubted.then_some(HoldReason::Restored));
                // Of what was held the record has to say all, or nobody knows what of it is so.
                let is_old = judged.brings_earlier && standing.is_some_and(Standing::is_overtaken);
                let hold = hold.or(is_old.then_some(HoldReason::Overtaken));
                // Whoever is known under this key exists: a person who releases the call must not make another one.
                let operation = match operation {
                    Operation::Create if exists => {
                        self.count_as_update(provider.id(), &judged.codes);
                        Operation::Update
                    }
                    Operation::Create | Operation::Update => *operation,
                };
                self.outcome.tally(provider.id()).planned.add(operation);
                if let Some(standing) = standing {
                    self.count_superseded(provider.id(), standing);
                }
                let mut call = ClaimedCall::Planned;
                if let Some(intake) = self.intake {
                    let key = &payload.key;
                    let payload = judged.packed.take().expect("a call that is written was packed");
                    let customer = turn.number.expect("who is written has a number");
                    let provider = provider.id();
                    if judged.is_moved() {
                        intake.put_other_key(OtherKey { customer, known: false }, provider, key)?;
                    }
                    let new =
                        NewCall { customer, provider, operation, payload, hold, withdrawal: *withdrawal };
                    call = ClaimedCall::Queued(intake.put_call(new, standing)?);
                }
                if hold.is_some() {
                    self.count_held(provider.id());
                    call = ClaimedCall::None;
                } else if judged.is_moved() {
                    call = ClaimedCall::Released;
                }
                Ok(call)
            }
        }
    }

    /// Gives a call that keeps its place the newest values; it goes on, where it was overtaken and nothing of it is earlier.
    fn replace(
        &mut self,
        standing: &Standing,
        (payload, withdrawal): (&Payload, bool),
        brings_earlier: bool,
    ) -> Result<(), StoreError> {
        self.outcome.replaced += 1;
        let is_anew = standing.is_overtaken() && !brings_earlier;
        let happening = if is_anew { Happening::DecidedAnew } else { Happening::NewerValue };
        let Some(intake) = self.intake else { return Ok(()) };
        intake.replace_payload(standing, payload, (withdrawal, happening))
    }

    /// Counts what is new about a known customer.
    fn count_changes(&mut self, turn: &Turn<'_>, news: &News) {
        let place = || turn.prepared.place.clone();
        if news.is_change {
            self.changes.changed.add(place);
        }
        for &field in &news.fields {
            self.changes.fields.entry(field).or_default().add(place);
        }
    }

    /// A parked call was counted in the run that refused it.
    fn count_superseded(&mut self, provider: ProviderId, standing: &Standing) {
        self.outcome.tally(provider).superseded += u64::from(standing.life.state.is_open());
        if standing.life.state == State::Held {
            *self.outcome.superseded_held.entry(provider).or_default() += 1;
        }
    }

    pub(super) fn count_held(&mut self, provider: ProviderId) {
        *self.outcome.held.entry(provider).or_default() += 1;
    }
}
