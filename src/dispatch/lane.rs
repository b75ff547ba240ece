//! A lane: the calls of one provider, from lease to checkpoint, within the provider's limits.
//!
//! One task owns everything that the lane knows: pace, breaker, pause, error share. Requests are sent by its crew;
//! their results come back here, where they are decided, and so do the commits of what was decided.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::domain::event::{Event, Events, LaneState};
use crate::domain::provider::ProviderId;
use crate::providers::Connecting;
use crate::store::{LeaseFilter, Leased, Reach};

use super::breaker::{Breaker, BreakerState, Pass};
use super::checkpoint::{CallOutcome, Checkpoint, CheckpointError, Records, UNCOMMITTED_MAX};
use super::crew::Crew;
use super::ending::LaneEnd;
use super::limiter::{DayBudget, Limiter};
use super::meter::Meter;
use super::run_clock::RunClock;
use super::stops::{CallBudget, ErrorMeter, StopReason};
use super::worker::Endpoint;

/// How long calls that may not leave stay leased.
const LEASED_IDLE_MAX: Duration = Duration::from_secs(1);
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
    pub(super) records: Records,
    pub(super) limiter: Limiter,
    /// The connections that its requests wait for.
    pub(super) connections: mpsc::UnboundedReceiver<Connecting>,
    pub(super) breaker: Breaker,
    /// Nothing is sent before; zero, where nothing has to settle.
    pub(super) settles_until: Duration,
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

/// What a lane does next.
enum Step {
    /// At the moment at which it was allowed.
    Send(Arc<Leased>, Duration),
    Wait(Option<Duration>),
    Stop(StopReason),
    Done,
}

/// How much a block of leases brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeaseYield {
    /// More than half of the concurrency: there may be more.
    Full,
    /// No more than that: the next one is asked for when this one is used up.
    Part,
    /// Nothing.
    Empty,
}

pub(super) struct Working {
    pub(super) lane: Lane,
    pub(super) provider: ProviderId,
    pub(super) ready: VecDeque<Arc<Leased>>,
    /// The next block of leases, while the writer commits it: never more than one.
    pub(super) leasing: JoinSet<Result<Vec<Leased>, CheckpointError>>,
    /// What the last block brought.
    last_block: LeaseYield,
    crew: Crew,
    /// What became of calls since the lane last waited: goes to the writer together, since each wakes it.
    pub(super) outcomes: Vec<CallOutcome>,
    /// How many outcomes are not committed yet.
    pub(super) uncommitted: usize,
    pub(super) paused_until: Duration,
    pub(super) denials_in_a_row: u32,
    /// Whether the provider has accepted a call, whether that is committed yet or not: it takes our credentials.
    pub(super) has_accepted: bool,
    state: LaneState,
    pub(super) meter: Meter,
    turn: Option<OwnedSemaphorePermit>,
    pub(super) end: LaneEnd,
}

impl Lane {
    /// Works until nothing is left, an order comes, or something stops the lane.
    pub(super) async fn run(self) -> LaneEnd {
        let mut working = self.begin();
        working.tell(LaneState::Running);
        if !working.paused_until.is_zero() {
            working.show(LaneState::Settling { until: working.lane.clock.at(working.paused_until) });
        }
        let stopped = working.work().await;
        working.finish(stopped).await
    }

    pub(super) fn begin(self) -> Working {
        let provider = self.endpoint.provider.id();
        let end = LaneEnd::before_work(&*self.endpoint.provider);
        let crew = Crew::new(Arc::clone(&self.endpoint), self.clock.clone());
        Working {
            paused_until: self.settles_until,
            lane: self,
            provider,
            ready: VecDeque::new(),
            leasing: JoinSet::new(),
            last_block: LeaseYield::Full,
            crew,
            outcomes: Vec::new(),
            uncommitted: 0,
            denials_in_a_row: 0,
            has_accepted: false,
            state: LaneState::Running,
            meter: Meter::default(),
            turn: None,
            end,
        }
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
                Step::Send(call, now) => self.launch(call, now),
                Step::Wait(limit) => self.wait(limit).await?,
                Step::Stop(reason) => return Ok(Some(reason)),
                Step::Done => return Ok(None),
            }
        }
    }

    async fn next_step(&mut self) -> Result<Step, CheckpointError> {
        let now = self.lane.clock.elapsed();
        if self.crew.flying() >= self.concurrency() || self.uncommitted >= UNCOMMITTED_MAX {
            return Ok(Step::Wait(None));
        }
        if self.lane.breaker.state(now) == BreakerState::GaveUp {
            // Before any pause that the provider asks for. Only an answer that is still on its way can revoke it.
            let nothing_flies = self.crew.flying() == 0;
            return Ok(if nothing_flies { Step::Stop(StopReason::Unavailable) } else { Step::Wait(None) });
        }
        if now < self.paused_until {
            return Ok(match self.out_of_budget() {
                Some(reason) => Step::Stop(reason),
                None => self.rest(self.paused_until.saturating_sub(now)),
            });
        }
        // After a crash what is leased counts as sent, so nothing is leased while nothing may leave.
        if let Some(wait) = self.lane.breaker.holds_back(now) {
            return Ok(self.rest_with_breaker(wait));
        }
        if let Some(wait) = self.lane.limiter.opens_in(now) {
            return Ok(Step::Wait(Some(wait)));
        }
        if self.lane.filter.reach == Reach::Suspects {
            return self.next_suspect().await;
        }
        let used_up = self.ready.is_empty();
        if self.leasing.is_empty() {
            // Where the rate is what holds the lane up, nothing is gained by leasing ahead.
            let busy = self.crew.flying() * 2 >= self.concurrency();
            let running_out =
                busy && self.last_block == LeaseYield::Full && self.ready.len() <= self.concurrency();
            if used_up && self.last_block == LeaseYield::Empty {
                self.last_block = LeaseYield::Part;
                return self.idle().await;
            }
            if used_up || running_out {
                self.lease_ahead()?;
            }
        }
        Ok(if used_up { Step::Wait(None) } else { self.pass_gates() })
    }

    /// Suspected calls are leased one by one.
    async fn next_suspect(&mut self) -> Result<Step, CheckpointError> {
        if self.ready.is_empty() && !self.take_turn() {
            return Ok(Step::Wait((!self.is_busy()).then_some(TURN_WAIT)));
        }
        if self.ready.is_empty() {
            self.hand_over()?;
            let filter = self.lane.filter.clone();
            let leased = self.lane.checkpoint.lease(self.provider, 1, filter).await?;
            self.ready.extend(leased.into_iter().map(Arc::new));
        }
        if self.ready.is_empty() { self.idle().await } else { Ok(self.pass_gates()) }
    }

    /// Has the next block leased while the last one is sent, so that no request waits for a commit: as soon as no more
    /// than one block is left, since to commit the next one takes as long as to send this one where a disk is slow to sync.
    /// What was leased and not sent counts, after a crash, like what was: together never more than three times the
    /// concurrency.
    fn lease_ahead(&mut self) -> Result<(), CheckpointError> {
        // In the same group.
        self.hand_over()?;
        let (checkpoint, filter) = (self.lane.checkpoint.clone(), self.lane.filter.clone());
        let (provider, flying) = (self.provider, self.crew.flying());
        // An open breaker lets a single one through.
        let is_tried = self.lane.breaker.state(self.lane.clock.elapsed()) != BreakerState::Closed;
        let block = match self.concurrency() {
            _ if is_tried => 1,
            all if flying * 2 >= all => all,
            all => all - flying,
        };
        self.leasing.spawn(async move { checkpoint.lease(provider, block, filter).await });
        Ok(())
    }

    /// A block of leases is committed.
    fn leased(
        &mut self,
        joined: Result<Result<Vec<Leased>, CheckpointError>, tokio::task::JoinError>,
    ) -> Result<(), CheckpointError> {
        // The task only waits for the writer; it can end early only when the lane itself is dropped.
        let Ok(leased) = joined else { return Ok(()) };
        let leased = leased?;
        self.last_block = match leased.len() {
            0 => LeaseYield::Empty,
            some if some <= self.concurrency() / 2 => LeaseYield::Part,
            _ => LeaseYield::Full,
        };
        self.ready.extend(leased.into_iter().map(Arc::new));
        Ok(())
    }

    /// The breaker, then what [`Self::pass_budgets`] asks; what they let through is sent at once.
    fn pass_gates(&mut self) -> Step {
        let now = self.lane.clock.elapsed();
        match self.lane.breaker.try_pass(now) {
            Pass::Go => self.pass_budgets(now),
            Pass::Trial => {
                let step = self.pass_budgets(now);
                if !matches!(step, Step::Send(..)) {
                    self.lane.breaker.return_trial(now);
                }
                step
            }
            Pass::Wait(wait) => self.rest_with_breaker(wait),
            Pass::GiveUp => Step::Stop(StopReason::Unavailable),
        }
    }

    fn pass_budgets(&mut self, now: Duration) -> Step {
        if self.ready.is_empty() {
            return Step::Wait(None);
        }
        if let Err(instead) = self.take_permits(now) {
            return instead;
        }
        self.show(LaneState::Running);
        self.ready.pop_front().map_or(Step::Wait(None), |call| Step::Send(call, now))
    }

    /// Counts a call that is to leave now in all budgets, or gives what is to be done instead.
    fn take_permits(&mut self, now: Duration) -> Result<(), Step> {
        if !self.lane.budget.take() {
            return Err(Step::Stop(StopReason::MaxCalls));
        }
        if let Err(wait) = self.lane.limiter.poll(now) {
            self.lane.budget.give_back();
            return Err(Step::Wait(Some(wait)));
        }
        if !self.lane.day.take(self.lane.clock.at(now)) {
            self.lane.budget.give_back();
            return Err(Step::Stop(StopReason::CallsPerDay));
        }
        self.lane.budget.leaves();
        Ok(())
    }

    /// Why nothing that waits could be sent when its time has come, once what is on its way is back.
    fn out_of_budget(&self) -> Option<StopReason> {
        let day = self.lane.day.is_spent(self.lane.clock.now());
        let reason = match self.lane.budget.is_spent() {
            true => Some(StopReason::MaxCalls),
            false => day.then_some(StopReason::CallsPerDay),
        };
        reason.filter(|_| !self.is_busy())
    }

    /// Nothing may be sent now: waits for what is on its way or due later, then lets the last ones go, then the
    /// suspected ones.
    async fn idle(&mut self) -> Result<Step, CheckpointError> {
        self.hand_over()?;
        let due = self.lane.checkpoint.next_due(self.provider, self.lane.filter.clone()).await?;
        let wait = due.map(|due| self.lane.clock.now().until(due).max(Duration::from_millis(1)));
        self.turn = None;
        match wait {
            Some(wait) => Ok(self.out_of_budget().map_or(Step::Wait(Some(wait)), Step::Stop)),
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

    pub(super) fn is_busy(&self) -> bool {
        self.crew.flying() > 0 || self.uncommitted > 0
    }

    fn launch(&mut self, call: Arc<Leased>, now: Duration) {
        self.meter.count_request(now);
        self.end.tally.requests += 1;
        self.end.tally.retries += u64::from(call.life.attempts > 0);
        self.crew.launch(call);
    }

    /// Waits for a result, an order, the last request of the run to be taken, or for `limit` to pass.
    pub(super) async fn wait(&mut self, limit: Option<Duration>) -> Result<(), CheckpointError> {
        let pass = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        self.hand_over()?;
        tokio::select! {
            finished = self.crew.land() => self.landed(finished),
            group = self.lane.records.recv() => self.recorded(group)?,
            Some(leased) = self.leasing.join_next() => self.leased(leased)?,
            Some(connecting) = self.lane.connections.recv() => self.connecting(connecting),
            changed = self.lane.orders.changed() => {
                // The coordinator never goes before its lanes; if it does, the lane drains.
                if changed.is_err() {
                    self.end.stop = Some(StopReason::Interrupted);
                }
            }
            () = self.lane.budget.used_up() => {}
            () = pass => {}
        }
        Ok(())
    }

    fn connecting(&mut self, connecting: Connecting) {
        self.lane.limiter.note(connecting, self.lane.clock.elapsed());
    }

    /// Takes what has come back without waiting.
    fn take_results(&mut self) -> Result<(), CheckpointError> {
        while let Some(finished) = self.crew.try_land() {
            self.landed(finished);
        }
        while let Ok(group) = self.lane.records.try_recv() {
            self.recorded(Some(group))?;
        }
        while let Some(leased) = self.leasing.try_join_next() {
            self.leased(leased)?;
        }
        while let Ok(connecting) = self.lane.connections.try_recv() {
            self.connecting(connecting);
        }
        Ok(())
    }

    fn rest_with_breaker(&mut self, wait: Duration) -> Step {
        if let Some(reason) = self.out_of_budget() {
            return Step::Stop(reason);
        }
        let until = self.lane.clock.now().after(wait);
        self.show(LaneState::BreakerOpen { until });
        self.rest(wait)
    }

    /// Waits while nothing may leave. A crash makes the outcome of every leased call unknown, so before a long wait the
    /// leases are given back; so is the turn for suspected calls, which another lane may be waiting for.
    fn rest(&mut self, wait: Duration) -> Step {
        if wait > LEASED_IDLE_MAX {
            self.give_back();
            if !self.is_busy() {
                self.turn = None;
            }
        }
        Step::Wait(Some(wait))
    }

    pub(super) fn is_aborted(&self) -> bool {
        *self.lane.orders.borrow() == Order::Abort
    }

    fn concurrency(&self) -> usize {
        self.lane.endpoint.provider.settings().concurrency.max(1) as usize
    }

    fn tell(&self, state: LaneState) {
        self.lane.events.emit(Event::Lane { provider: self.provider, state, total: self.lane.total });
    }

    pub(super) fn show(&mut self, state: LaneState) {
        if self.state != state {
            self.state = state;
            self.tell(state);
        }
    }
}
