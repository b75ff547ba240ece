//! The one writer: a thread that owns the state and commits what the lanes ask for, in groups.
//!
//! Outcomes are written as they arrive and committed with the next lease, or after a few milliseconds, so that one sync
//! to disk serves many calls. Nothing is answered before its group is committed. The first failure ends the writer: later
//! requests fail with it, so that sending stops as soon as the state cannot follow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::domain::call::CallId;
use crate::domain::clock::Timestamp;
use crate::domain::fault::{self, Point};
use crate::domain::lifecycle::{Happening, Life};
use crate::domain::provider::ProviderId;
use crate::store::{LeaseFilter, Leased, Outbox, RunNumber, Settled, Settlement, Store, StoreError};

use super::run_clock::RunClock;

/// Most outcomes of a lane that may wait for their commit, besides those of what is in flight already: bounds what a crash
/// before the commit makes unknown, and how long a lease waits.
pub(super) const UNCOMMITTED_MAX: usize = 256;
/// A group with so many outcomes is committed, however many others wait.
const GROUP_OUTCOMES_MAX: usize = 256;
/// How long outcomes wait for others to be committed with, if nobody waits for an answer: a crash meanwhile makes them
/// unknown, like what is in flight.
const GROUP_WAIT_MAX: Duration = Duration::from_millis(5);

/// Why the state cannot follow; shared by everybody who waits for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CheckpointError {
    /// The state failed.
    #[error("sending stopped")]
    Store(#[source] Arc<StoreError>),
    /// The writer is gone without a word: it panicked, which says nothing about the state.
    #[error("sending stopped: the writer of the state is gone")]
    WriterGone,
}

impl CheckpointError {
    /// Whether a person must look after the state before another run can use it.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        match self {
            Self::Store(error) => error.needs_a_person(),
            Self::WriterGone => false,
        }
    }
}

enum Request {
    Lease { provider: ProviderId, limit: usize, filter: LeaseFilter, reply: Reply<Vec<Leased>> },
    Settle { provider: ProviderId, outcomes: Vec<CallOutcome>, settled: Vec<Settled> },
    NextDue { provider: ProviderId, filter: LeaseFilter, reply: Reply<Option<Timestamp>> },
}

/// Where an answer goes, and the answer, which is given when its group is committed.
struct Reply<T> {
    to: oneshot::Sender<Result<T, CheckpointError>>,
    answer: Option<T>,
}

/// What became of a call, to be written down.
#[derive(Debug)]
pub(super) struct CallOutcome {
    /// Which call. It is dropped by the writer, on the thread that allocated its values.
    pub(super) call: Arc<Leased>,
    /// What is written.
    pub(super) settlement: Settlement,
    /// Whether a request left for it.
    pub(super) sent: bool,
    /// From the sending to the verdict.
    pub(super) took: Duration,
}

/// An outcome that is committed.
#[derive(Debug)]
pub(super) struct Recorded {
    /// Which call.
    pub(super) call: CallId,
    /// Its life while it was leased.
    pub(super) before: Life,
    /// What happened to it.
    pub(super) happening: Happening,
    /// The class of the verdict.
    pub(super) class: &'static str,
    /// The provider's code or what failed.
    pub(super) code: String,
    /// From the sending to the verdict.
    pub(super) took: Duration,
    /// What it is now.
    pub(super) settled: Settled,
}

/// The outcomes of one lane in the order of their commits, a group at a time. Ends with the writer.
pub(super) type Records = mpsc::UnboundedReceiver<Result<Vec<Recorded>, CheckpointError>>;

type Recorders = BTreeMap<ProviderId, mpsc::UnboundedSender<Result<Vec<Recorded>, CheckpointError>>>;

/// How lanes reach the writer. What waits for it is bounded by the lanes: one lease or question each, and no more than
/// [`UNCOMMITTED_MAX`] outcomes and what is leased.
#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    requests: Sender<Request>,
}

/// The writer's thread; gives the state back when all [`Checkpoint`]s are gone.
pub(super) struct Writer {
    thread: std::thread::JoinHandle<Store>,
}

impl Writer {
    /// Starts the thread, with one way back for each lane.
    pub(super) fn start(
        store: Store,
        run: RunNumber,
        clock: RunClock,
        lanes: impl IntoIterator<Item = ProviderId>,
    ) -> std::io::Result<(Self, Checkpoint, BTreeMap<ProviderId, Records>)> {
        let (requests, inbox) = std::sync::mpsc::channel();
        let (mut recorders, mut all_records) = (Recorders::new(), BTreeMap::new());
        for lane in lanes {
            let (recorder, records) = mpsc::unbounded_channel();
            recorders.insert(lane, recorder);
            all_records.insert(lane, records);
        }
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || write_groups(store, run, &clock, &inbox, &recorders))?;
        Ok((Self { thread }, Checkpoint { requests }, all_records))
    }

    /// Waits for the last group and gives the state back; none, when the writer panicked.
    pub(super) fn finish(self) -> Option<Store> {
        self.thread.join().ok()
    }
}

impl Checkpoint {
    /// Leases up to `limit` calls; their bytes may leave when this returns.
    pub(super) async fn lease(
        &self,
        provider: ProviderId,
        limit: usize,
        filter: LeaseFilter,
    ) -> Result<Vec<Leased>, CheckpointError> {
        self.ask(|reply| Request::Lease { provider, limit, filter, reply }).await
    }

    /// Has the outcomes of calls committed; that they are, the lane's [`Records`] tell.
    pub(super) fn settle(
        &self,
        provider: ProviderId,
        outcomes: Vec<CallOutcome>,
    ) -> Result<(), CheckpointError> {
        let request = Request::Settle { provider, outcomes, settled: Vec::new() };
        self.requests.send(request).map_err(|_| CheckpointError::WriterGone)
    }

    /// When the next waiting call may be sent.
    pub(super) async fn next_due(
        &self,
        provider: ProviderId,
        filter: LeaseFilter,
    ) -> Result<Option<Timestamp>, CheckpointError> {
        self.ask(|reply| Request::NextDue { provider, filter, reply }).await
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, CheckpointError> {
        let (to, answer) = oneshot::channel();
        if self.requests.send(request(Reply { to, answer: None })).is_err() {
            return Err(CheckpointError::WriterGone);
        }
        answer.await.unwrap_or(Err(CheckpointError::WriterGone))
    }
}

fn write_groups(
    mut store: Store,
    run: RunNumber,
    clock: &RunClock,
    inbox: &Receiver<Request>,
    recorders: &Recorders,
) -> Store {
    // The last one before those of this run.
    let mut last_lease = run.first_lease();
    let mut failure: Option<CheckpointError> = None;
    while let Ok(first) = inbox.recv() {
        let mut group = vec![first];
        if failure.is_none() {
            failure = write_group(&mut store, run, clock, inbox, (&mut last_lease, &mut group)).err();
        }
        match &failure {
            None => answer(group, recorders),
            Some(failure) => refuse(group, failure, recorders),
        }
    }
    store
}

fn write_group(
    store: &mut Store,
    run: RunNumber,
    clock: &RunClock,
    inbox: &Receiver<Request>,
    (last_lease, group): (&mut i64, &mut Vec<Request>),
) -> Result<(), CheckpointError> {
    let until = clock.elapsed() + GROUP_WAIT_MAX;
    let written = store.group(run, clock.now(), |outbox| {
        let (mut performed, mut outcomes, mut is_urgent) = (0, 0, false);
        loop {
            while let Some(request) = group.get_mut(performed) {
                request.perform(outbox, last_lease)?;
                outcomes += request.outcomes();
                is_urgent |= request.is_urgent();
                performed += 1;
            }
            if outcomes >= GROUP_OUTCOMES_MAX {
                break;
            }
            let wait = if is_urgent { Duration::ZERO } else { until.saturating_sub(clock.elapsed()) };
            match inbox.recv_timeout(wait) {
                Ok(request) => group.push(request),
                Err(_) => break,
            }
        }
        for (provider, requests) in sent_in(group) {
            outbox.note_sent(provider, requests)?;
        }
        pass_commit(group, Point::BeforeLeaseCommit, Point::BeforeSettleCommit);
        Ok(())
    });
    written.map_err(|error| CheckpointError::Store(Arc::new(error)))?;
    pass_commit(group, Point::AfterLeaseCommit, Point::AfterSettleCommit);
    Ok(())
}

/// How many requests have left for the outcomes of a group.
fn sent_in(group: &[Request]) -> BTreeMap<ProviderId, u64> {
    let mut all: BTreeMap<ProviderId, u64> = BTreeMap::new();
    for request in group {
        match request {
            Request::Settle { provider, outcomes, .. } => {
                *all.entry(*provider).or_default() +=
                    outcomes.iter().filter(|outcome| outcome.sent).count() as u64;
            }
            Request::Lease { .. } | Request::NextDue { .. } => {}
        }
    }
    all.retain(|_, sent| *sent > 0);
    all
}

fn pass_commit(group: &[Request], lease: Point, settle: Point) {
    for request in group {
        match request {
            Request::Lease { reply, .. } => {
                let leased = reply.answer.iter().flatten();
                leased.for_each(|call| fault::pass_with(lease, call.customer.as_str()));
            }
            Request::Settle { .. } => fault::pass(settle),
            Request::NextDue { .. } => {}
        }
    }
}

impl Request {
    fn outcomes(&self) -> usize {
        match self {
            Self::Settle { outcomes, .. } => outcomes.len(),
            Self::Lease { .. } | Self::NextDue { .. } => 0,
        }
    }

    /// Whether a lane waits for the answer.
    fn is_urgent(&self) -> bool {
        match self {
            Self::Settle { .. } => false,
            Self::Lease { .. } | Self::NextDue { .. } => true,
        }
    }

    /// Does what is asked, in the transaction of its group; the answer waits for the commit.
    fn perform(&mut self, outbox: &mut Outbox<'_>, last_lease: &mut i64) -> Result<(), StoreError> {
        match self {
            Self::Lease { provider, limit, filter, reply } => {
                reply.answer = Some(outbox.lease(*provider, *limit, filter, last_lease)?);
            }
            Self::Settle { outcomes, settled, .. } => {
                settled.reserve(outcomes.len());
                for outcome in outcomes {
                    settled.push(outbox.settle(&outcome.call, &outcome.settlement)?);
                }
            }
            Self::NextDue { provider, filter, reply } => {
                reply.answer = Some(outbox.next_due(*provider, filter)?);
            }
        }
        Ok(())
    }
}

/// Tells that a group is committed. A lane that has gone does not need it: the next run recovers what it had leased.
fn answer(group: Vec<Request>, recorders: &Recorders) {
    let mut recorded: BTreeMap<ProviderId, Vec<Recorded>> = BTreeMap::new();
    for request in group {
        match request {
            Request::Lease { reply, .. } => reply.give(),
            Request::NextDue { reply, .. } => reply.give(),
            Request::Settle { provider, outcomes, settled } => {
                let records =
                    outcomes.into_iter().zip(settled).map(|(outcome, settled)| outcome.recorded(settled));
                recorded.entry(provider).or_default().extend(records);
            }
        }
    }
    for (provider, records) in recorded {
        tell(provider, Ok(records), recorders);
    }
}

/// Tells that nothing of a group is written.
fn refuse(group: Vec<Request>, failure: &CheckpointError, recorders: &Recorders) {
    for request in group {
        match request {
            Request::Lease { reply, .. } => reply.refuse(failure),
            Request::NextDue { reply, .. } => reply.refuse(failure),
            Request::Settle { provider, .. } => tell(provider, Err(failure.clone()), recorders),
        }
    }
}

fn tell(provider: ProviderId, records: Result<Vec<Recorded>, CheckpointError>, recorders: &Recorders) {
    if let Some(recorder) = recorders.get(&provider) {
        drop(recorder.send(records));
    }
}

impl<T> Reply<T> {
    fn give(self) {
        let answer = self.answer.expect("a group is committed when all of it is performed");
        drop(self.to.send(Ok(answer)));
    }

    fn refuse(self, failure: &CheckpointError) {
        drop(self.to.send(Err(failure.clone())));
    }
}

impl CallOutcome {
    fn recorded(self, settled: Settled) -> Recorded {
        let Settlement { happening, class, code, .. } = self.settlement;
        let (call, before, took) = (self.call.id, self.call.life, self.took);
        Recorded { call, before, happening, class, code, took, settled }
    }
}
