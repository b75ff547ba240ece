//! A lane: the calls of one provider, from lease to checkpoint, within the provider's limits.
//!
//! One task owns everything that the lane knows: pace, breaker, pause, error share. Requests and checkpoints run as
//! tasks of its own sets; their results come back here, where they are decided.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::domain::call::State;
use crate::domain::event::{Event, Events, LaneState};
use crate::domain::lifecycle::Happening;
use crate::domain::provider::ProviderId;
use crate::domain::tally::ProviderTally;
use crate::domain::verdict::{Remedy, Verdict};
use crate::store::{LeaseFilter, Leased, Settled, Settlement};

use super::breaker::{Breaker, BreakerState, Pass};
use super::checkpoint::{Checkpoint, CheckpointError, GROUP_REQUESTS_MAX};
use super::limiter::{DayBudget, Limiter};
use super::meter::Meter;
use super::retry::{self, Context, Decided, LaneEffect};
use super::run_clock::RunClock;
use super::stops::{CallBudget, ErrorMeter, StopReason};
use super::worker::{self, Endpoint, Finished};

/// How long a lane pauses when the provider asks to wait without saying how long.
const PAUSE_DEFAULT: Duration = Duration::from_secs(1);

/// How long a lane waits before it asks again for the turn that another lane has.
const TURN_WAIT: Duration = Duration::from_millis(20);

/// What the coordinator tells all lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Work.
    Go,
    /// Send nothing more, finish what is on its way, checkpoint.
    Drain(StopReason),
    /// Leave everything as it is: the next run recovers it.
    Abort,
}

/// Everything a lane needs.
pub(super) struct Lane {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) checkpoint: Checkpoint,
    pub(super) limiter: Limiter,
    pub(super) breaker: Breaker,
    pub(super) day: DayBudget,
    pub(super) budget: CallBudget,
    pub(super) errors: ErrorMeter,
    pub(super) filter: LeaseFilter,
    /// One turn for all lanes: who has it may send a suspected call, alone.
    pub(super) turns: Arc<Semaphore>,
    pub(super) orders: watch::Receiver<Order>,
    pub(super) clock: RunClock,
    pub(super) events: Events,
    pub(super) random: StdRng,
    /// Calls that wait for this lane at its start.
    pub(super) total: u64,
}

/// How a lane ended.
#[derive(Debug)]
pub struct LaneEnd {
    /// Whose.
    pub provider: ProviderId,
    /// What it counted; stocks and sums over the state are added by the caller.
    pub tally: ProviderTally,
    /// Why it ended before its work was done.
    pub stop: Option<StopReason>,
    /// Calls whose tries were used up.
    pub used_up: u64,
    /// Calls that were held in this run.
    pub held: u64,
    /// Why the state could not follow.
    pub failure: Option<CheckpointError>,
}

/// What a lane does next.
enum Step {
    Send(Box<Leased>),
    Wait(Option<Duration>),
    Stop(StopReason),
    Done,
}

struct Working {
    lane: Lane,
    provider: ProviderId,
    ready: VecDeque<Leased>,
    in_flight: JoinSet<Finished>,
    flying: HashMap<tokio::task::Id, Leased>,
    settling: JoinSet<(Finished, Happening, Result<Settled, CheckpointError>)>,
    paused_until: Duration,
    denials_in_a_row: u32,
    state: LaneState,
    meter: Meter,
    turn: Option<OwnedSemaphorePermit>,
    end: LaneEnd,
}

impl Lane {
    /// Works until nothing is left, an order comes, or something stops the lane.
    pub(super) async fn run(self) -> LaneEnd {
        let provider = self.endpoint.provider.id();
        let settings = self.endpoint.provider.settings();
        let tally =
            ProviderTally { allowed_per_second: settings.rate_per_second, ..ProviderTally::default() };
        let mut working = Working {
            lane: self,
            provider,
            ready: VecDeque::new(),
            in_flight: JoinSet::new(),
            flying: HashMap::new(),
            settling: JoinSet::new(),
            paused_until: Duration::ZERO,
            denials_in_a_row: 0,
            state: LaneState::Running,
            meter: Meter::default(),
            turn: None,
            end: LaneEnd { provider, tally, stop: None, used_up: 0, held: 0, failure: None },
        };
        working.tell(LaneState::Running);
        let stopped = working.work().await;
        working.finish(stopped).await
    }
}

impl Working {
    async fn work(&mut self) -> Result<Option<StopReason>, CheckpointError> {
        loop {
            self.take_results()?;
            if let Some(stop) = self.end.stop {
                return Ok(Some(stop));
            }
            match *self.lane.orders.borrow() {
                Order::Go => {}
                Order::Drain(reason) => return Ok(Some(reason)),
                Order::Abort => return Ok(Some(StopReason::Interrupted)),
            }
            match self.next_step().await? {
                Step::Send(call) => self.launch(*call),
                Step::Wait(limit) => self.wait(limit).await?,
                Step::Stop(reason) => return Ok(Some(reason)),
                Step::Done => return Ok(None),
            }
        }
    }

    async fn next_step(&mut self) -> Result<Step, CheckpointError> {
        let now = self.lane.clock.elapsed();
        if self.in_flight.len() >= self.concurrency() || self.settling.len() >= GROUP_REQUESTS_MAX {
            return Ok(Step::Wait(None));
        }
        if now < self.paused_until {
            return Ok(Step::Wait(Some(self.paused_until.saturating_sub(now))));
        }
        if self.ready.is_empty() && self.lane.filter.with_suspects && !self.take_turn() {
            return Ok(Step::Wait((!self.is_busy()).then_some(TURN_WAIT)));
        }
        if self.ready.is_empty() && !self.lease().await? {
            return self.idle().await;
        }
        Ok(self.pass_gates())
    }

    /// Breaker, budgets and rate, in this order; what they let through is sent at once.
    fn pass_gates(&mut self) -> Step {
        let now = self.lane.clock.elapsed();
        match self.lane.breaker.try_pass(now) {
            Pass::Go => self.pass_budgets(now),
            Pass::Trial => {
                let step = self.pass_budgets(now);
                if !matches!(step, Step::Send(_)) {
                    self.lane.breaker.return_trial(now);
                }
                step
            }
            Pass::Wait(wait) => {
                let until = self.lane.clock.now().after(wait);
                self.show(LaneState::BreakerOpen { until });
                Step::Wait(Some(wait))
            }
            Pass::GiveUp => Step::Stop(StopReason::Unavailable),
        }
    }

    fn pass_budgets(&mut self, now: Duration) -> Step {
        if !self.lane.budget.take() {
            return Step::Stop(StopReason::MaxCalls);
        }
        if let Err(wait) = self.lane.limiter.poll(now) {
            self.lane.budget.give_back();
            return Step::Wait(Some(wait));
        }
        if !self.lane.day.take(self.lane.clock.now()) {
            self.lane.budget.give_back();
            return Step::Stop(StopReason::CallsPerDay);
        }
        match self.ready.pop_front() {
            Some(call) => {
                self.show(LaneState::Running);
                Step::Send(Box::new(call))
            }
            None => Step::Wait(None),
        }
    }

    async fn lease(&mut self) -> Result<bool, CheckpointError> {
        let free = if self.turn.is_some() { 1 } else { self.concurrency() - self.in_flight.len() };
        let leased = self.lane.checkpoint.lease(self.provider, free, self.lane.filter.clone()).await?;
        self.ready.extend(leased);
        Ok(!self.ready.is_empty())
    }

    /// Nothing may be sent now: waits for what is on its way or due later, then lets the last ones go, then the
    /// suspected ones.
    async fn idle(&mut self) -> Result<Step, CheckpointError> {
        let due = self.lane.checkpoint.next_due(self.provider, self.lane.filter.clone()).await?;
        let wait = due.map(|due| self.lane.clock.now().until(due).max(Duration::from_millis(1)));
        self.turn = None;
        match wait {
            Some(wait) => Ok(Step::Wait(Some(wait))),
            None if self.is_busy() => Ok(Step::Wait(None)),
            None if self.lane.filter.widen() => Ok(Step::Wait(Some(Duration::ZERO))),
            None => Ok(Step::Done),
        }
    }

    /// Suspected calls leave one by one, all lanes together, so that the next crash shows which one it is.
    fn take_turn(&mut self) -> bool {
        if self.turn.is_none() && !self.is_busy() {
            self.turn = Arc::clone(&self.lane.turns).try_acquire_owned().ok();
        }
        self.turn.is_some() && !self.is_busy()
    }

    fn is_busy(&self) -> bool {
        !self.in_flight.is_empty() || !self.settling.is_empty()
    }

    fn launch(&mut self, call: Leased) {
        self.meter.count_request(self.lane.clock.elapsed());
        self.end.tally.requests += 1;
        self.end.tally.retries += u64::from(call.life.attempts > 0);
        let endpoint = Arc::clone(&self.lane.endpoint);
        let task = self.in_flight.spawn(worker::deliver(endpoint, call.clone(), self.lane.clock.clone()));
        self.flying.insert(task.id(), call);
    }

    /// Waits for a result, an order, or for `limit` to pass.
    async fn wait(&mut self, limit: Option<Duration>) -> Result<(), CheckpointError> {
        let sleep = tokio::time::sleep(limit.unwrap_or(Duration::MAX));
        tokio::select! {
            Some(joined) = self.in_flight.join_next_with_id() => self.landed(joined),
            Some(settled) = self.settling.join_next() => self.settled(settled)?,
            changed = self.lane.orders.changed() => {
                // The coordinator never goes before its lanes; if it does, the lane drains.
                if changed.is_err() {
                    self.end.stop = Some(StopReason::Interrupted);
                }
            }
            () = sleep => {}
        }
        Ok(())
    }

    /// Takes what has come back without waiting.
    fn take_results(&mut self) -> Result<(), CheckpointError> {
        while let Some(joined) = self.in_flight.try_join_next_with_id() {
            self.landed(joined);
        }
        while let Some(settled) = self.settling.try_join_next() {
            self.settled(settled)?;
        }
        Ok(())
    }

    /// A request has come back: decides what it means and has it written down.
    fn landed(&mut self, joined: Result<(tokio::task::Id, Finished), tokio::task::JoinError>) {
        let finished = match joined {
            Ok((id, finished)) => {
                self.flying.remove(&id);
                finished
            }
            Err(error) => {
                let Some(call) = self.flying.remove(&error.id()) else { return };
                let verdict = Verdict::Unknown { what: "panic" };
                let left = self.lane.clock.elapsed();
                Finished { call, verdict, sent: true, left, took: Duration::ZERO }
            }
        };
        self.meter.count_answer(finished.took);
        let finished = finished.without_empty_remedy();
        let now = self.lane.clock.elapsed();
        self.lane.breaker.on_answer(finished.left, now, &finished.verdict);
        let breaker_open = self.lane.breaker.state(now) != BreakerState::Closed;
        let context = Context {
            life: finished.call.life,
            breaker_open,
            lane_acknowledged: self.end.tally.acknowledged.total() > 0,
            denials_in_a_row: self.denials_in_a_row,
            had_unknown: finished.call.had_unknown,
            reduced: finished.call.reduced,
        };
        let decided = retry::happening(&finished.verdict, &context);
        self.note_denial(&finished.verdict);
        self.follow(decided.lane);
        self.settle(finished, &decided);
    }

    /// Denials by a body code in a row; no answer at all does not end the row.
    fn note_denial(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Denied { .. } => self.denials_in_a_row += 1,
            Verdict::Accepted
            | Verdict::Transient { .. }
            | Verdict::Refused { .. }
            | Verdict::Exists { .. }
            | Verdict::Missing { .. }
            | Verdict::Contract { .. } => self.denials_in_a_row = 0,
            Verdict::Throttled { .. } | Verdict::NotSent { .. } | Verdict::Unknown { .. } => {}
        }
    }

    fn follow(&mut self, effect: LaneEffect) {
        match effect {
            LaneEffect::None => {}
            LaneEffect::Pause(asked) => {
                self.end.tally.throttled += 1;
                let pause = asked.unwrap_or(PAUSE_DEFAULT);
                self.paused_until = self.paused_until.max(self.lane.clock.elapsed() + pause);
                self.show(LaneState::Throttled { until: self.lane.clock.now().after(pause) });
            }
            LaneEffect::Stop(reason) => self.end.stop = Some(reason),
        }
    }

    fn settle(&mut self, finished: Finished, decided: &Decided) {
        let settings = self.lane.endpoint.provider.settings();
        let now = self.lane.clock.now();
        let random: f64 = self.lane.random.random();
        let attempt = finished.call.life.attempts + 1;
        let backoff = retry::backoff(attempt, settings.retry.initial, settings.retry.max, random);
        let settlement = Settlement {
            id: finished.call.id,
            lease: finished.call.lease,
            happening: decided.happening,
            class: finished.verdict.class(),
            code: finished.verdict.code().to_owned(),
            only_fields: match decided.remedy {
                Remedy::OnlyFields(fields) => Some(fields),
                Remedy::None | Remedy::OnceMoreLast => None,
            },
            settle_until: now.after(settings.settle),
            backoff_until: now.after(backoff),
            attempts_max: settings.retry.attempts,
        };
        let (checkpoint, provider) = (self.lane.checkpoint.clone(), self.provider);
        let happening = decided.happening;
        self.settling.spawn(async move {
            let sent = u64::from(finished.sent);
            let settled = checkpoint.settle(provider, sent, settlement).await;
            (finished, happening, settled)
        });
    }

    /// A call's new state is committed: counts it.
    fn settled(
        &mut self,
        joined: Result<(Finished, Happening, Result<Settled, CheckpointError>), tokio::task::JoinError>,
    ) -> Result<(), CheckpointError> {
        // The task only waits for the writer; it can end early only when the lane itself is dropped.
        let Ok((finished, happening, settled)) = joined else { return Ok(()) };
        let settled = settled?;
        self.count(&finished, &settled);
        let done = !settled.life.state.is_open();
        if happening == Happening::Interrupted {
            return Ok(());
        }
        self.lane.events.emit(Event::Call {
            provider: self.provider,
            call: finished.call.id,
            operation: finished.call.life.operation,
            probe: worker::is_probe(&finished.call),
            class: finished.verdict.class(),
            code: finished.verdict.code().to_owned(),
            milliseconds: u64::try_from(finished.took.as_millis()).unwrap_or(u64::MAX),
            attempt: finished.call.life.attempts + 1,
            settled: done,
        });
        Ok(())
    }

    fn count(&mut self, finished: &Finished, settled: &Settled) {
        let good = match settled.life.state {
            State::Acknowledged => {
                self.end.tally.acknowledged.add(finished.call.life.operation);
                true
            }
            State::Refused => {
                self.end.tally.refused += 1;
                false
            }
            State::Held => {
                self.end.held += 1;
                false
            }
            State::Queued
            | State::Waiting
            | State::InFlight
            | State::Probing
            | State::Superseded
            | State::Abandoned
            | State::Forgotten => {
                self.end.used_up += u64::from(settled.deferred);
                return;
            }
        };
        if self.lane.errors.settled(good) && self.end.stop.is_none() {
            self.end.stop = Some(StopReason::MaxErrors);
        }
    }

    /// Gives back what was not sent, waits for what was, and writes both down.
    async fn finish(mut self, stopped: Result<Option<StopReason>, CheckpointError>) -> LaneEnd {
        let mut result = stopped;
        if !self.is_aborted() && result.is_ok() {
            self.give_back();
            let drained = self.drain().await;
            result = result.and_then(|stop| drained.map(|()| stop));
        }
        match result {
            // What came in while the lane was draining weighs more than why it was told to drain.
            Ok(stop) => {
                self.end.stop = self.end.stop.filter(|noted| noted.is_grave()).or(stop);
            }
            Err(failure) => self.end.failure = Some(failure),
        }
        self.show(self.end.stop.map_or(LaneState::Drained, StopReason::lane_state));
        self.meter.write_to(&mut self.end.tally);
        self.end
    }

    fn give_back(&mut self) {
        while let Some(call) = self.ready.pop_front() {
            let verdict = Verdict::NotSent { what: "interrupted" };
            let left = self.lane.clock.elapsed();
            let finished = Finished { call, verdict, sent: false, left, took: Duration::ZERO };
            let decided =
                Decided { happening: Happening::Interrupted, lane: LaneEffect::None, remedy: Remedy::None };
            self.settle(finished, &decided);
        }
    }

    async fn drain(&mut self) -> Result<(), CheckpointError> {
        while self.is_busy() {
            if self.is_aborted() {
                return Ok(());
            }
            self.wait(None).await?;
        }
        Ok(())
    }

    fn is_aborted(&self) -> bool {
        *self.lane.orders.borrow() == Order::Abort
    }

    fn concurrency(&self) -> usize {
        self.lane.endpoint.provider.settings().concurrency.max(1) as usize
    }

    fn tell(&self, state: LaneState) {
        self.lane.events.emit(Event::Lane { provider: self.provider, state, total: self.lane.total });
    }

    fn show(&mut self, state: LaneState) {
        if self.state != state {
            self.state = state;
            self.tell(state);
        }
    }
}
