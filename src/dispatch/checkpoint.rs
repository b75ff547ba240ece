//! The one writer: a thread that owns the state and commits what the lanes ask for, in groups.
//!
//! Whatever has arrived while the last commit was written becomes the next group, so that one sync to disk serves
//! many calls. Nothing is answered before its group is committed. The first failure ends the writer: later requests
//! fail with it, so that sending stops as soon as the state cannot follow.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::domain::clock::Timestamp;
use crate::domain::fault::{self, Point};
use crate::domain::provider::ProviderId;
use crate::store::{LeaseFilter, Leased, Outbox, RunNumber, Settled, Settlement, Store, StoreError};

use super::run_clock::RunClock;

/// Most requests in one group: bounds what a crash before the commit makes unknown, and how long a lease waits.
pub(super) const GROUP_REQUESTS_MAX: usize = 256;

/// Why the state cannot follow; shared by everybody who waits for it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("sending stopped")]
pub struct CheckpointError(#[source] pub Arc<StoreError>);

enum Request {
    Lease { provider: ProviderId, limit: usize, filter: LeaseFilter, reply: Reply<Vec<Leased>> },
    Settle { provider: ProviderId, sent: u64, settlement: Box<Settlement>, reply: Reply<Settled> },
    NextDue { provider: ProviderId, filter: LeaseFilter, reply: Reply<Option<Timestamp>> },
}

type Reply<T> = oneshot::Sender<Result<T, CheckpointError>>;

/// How lanes reach the writer.
#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    requests: mpsc::Sender<Request>,
}

/// The writer's thread; gives the state back when all [`Checkpoint`]s are gone.
pub(super) struct Writer {
    thread: std::thread::JoinHandle<Store>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        store: Store,
        run: RunNumber,
        clock: RunClock,
    ) -> std::io::Result<(Self, Checkpoint)> {
        let (requests, inbox) = mpsc::channel(GROUP_REQUESTS_MAX * 4);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || write_groups(store, run, &clock, inbox))?;
        Ok((Self { thread }, Checkpoint { requests }))
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

    /// Commits what became of a call; `sent` requests have left for it.
    pub(super) async fn settle(
        &self,
        provider: ProviderId,
        sent: u64,
        settlement: Settlement,
    ) -> Result<Settled, CheckpointError> {
        let settlement = Box::new(settlement);
        self.ask(|reply| Request::Settle { provider, sent, settlement, reply }).await
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
        let (reply, answer) = oneshot::channel();
        if self.requests.send(request(reply)).await.is_err() {
            return Err(gone());
        }
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn gone() -> CheckpointError {
    CheckpointError(Arc::new(StoreError::Damaged { what: "the writer of the state has stopped" }))
}

fn write_groups(
    mut store: Store,
    run: RunNumber,
    clock: &RunClock,
    mut inbox: mpsc::Receiver<Request>,
) -> Store {
    let mut next_lease = store.first_lease();
    let mut group = Vec::new();
    let mut failure: Option<CheckpointError> = None;
    while let Some(first) = inbox.blocking_recv() {
        group.push(first);
        while group.len() < GROUP_REQUESTS_MAX
            && let Ok(request) = inbox.try_recv()
        {
            group.push(request);
        }
        if let Some(failure) = &failure {
            group.drain(..).for_each(|request| refuse(request, failure));
            continue;
        }
        failure = write_group(&mut store, run, clock.now(), &mut next_lease, &mut group).err();
    }
    store
}

/// How many requests have left for the settlements of a group.
fn sent_in(group: &[Request]) -> BTreeMap<ProviderId, u64> {
    let mut all = BTreeMap::new();
    for request in group {
        match request {
            Request::Settle { provider, sent, .. } if *sent > 0 => *all.entry(*provider).or_default() += sent,
            Request::Settle { .. } | Request::Lease { .. } | Request::NextDue { .. } => {}
        }
    }
    all
}

/// Answers that may be given once the group is committed.
enum Done {
    Leased(Reply<Vec<Leased>>, Vec<Leased>),
    Settled(Reply<Settled>, Settled),
    NextDue(Reply<Option<Timestamp>>, Option<Timestamp>),
}

fn write_group(
    store: &mut Store,
    run: RunNumber,
    now: Timestamp,
    next_lease: &mut i64,
    group: &mut Vec<Request>,
) -> Result<(), CheckpointError> {
    let mut done = Vec::with_capacity(group.len());
    let mut failed = None;
    let sent = sent_in(group);
    let mut waiting = group.drain(..);
    let result = store.group(run, now, |outbox| {
        for request in waiting.by_ref() {
            match perform(outbox, next_lease, request) {
                Ok(step) => done.push(step),
                Err((request, error)) => {
                    failed = Some(request);
                    return Err(error);
                }
            }
        }
        for (provider, requests) in sent {
            outbox.note_sent(provider, requests)?;
        }
        pass_commit(&done, Point::BeforeLeaseCommit, Point::BeforeSettleCommit);
        Ok(())
    });
    match result {
        Ok(()) => {
            pass_commit(&done, Point::AfterLeaseCommit, Point::AfterSettleCommit);
            done.into_iter().for_each(answer);
            Ok(())
        }
        Err(error) => {
            let failure = CheckpointError(Arc::new(error));
            done.into_iter().for_each(|step| refuse_done(step, &failure));
            failed.into_iter().chain(waiting).for_each(|request| refuse(request, &failure));
            Err(failure)
        }
    }
}

fn pass_commit(done: &[Done], lease: Point, settle: Point) {
    for step in done {
        match step {
            Done::Leased(_, leased) => {
                leased.iter().for_each(|call| fault::pass_with(lease, call.customer.as_str()));
            }
            Done::Settled(..) => fault::pass(settle),
            Done::NextDue(..) => {}
        }
    }
}

#[expect(clippy::result_large_err, reason = "the request goes back to be answered with the failure")]
fn perform(
    outbox: &mut Outbox<'_>,
    next_lease: &mut i64,
    request: Request,
) -> Result<Done, (Request, StoreError)> {
    match request {
        Request::Lease { provider, limit, filter, reply } => {
            match outbox.lease(provider, limit, &filter, next_lease) {
                Ok(leased) => Ok(Done::Leased(reply, leased)),
                Err(error) => Err((Request::Lease { provider, limit, filter, reply }, error)),
            }
        }
        Request::Settle { provider, sent, settlement, reply } => match outbox.settle(&settlement) {
            Ok(settled) => Ok(Done::Settled(reply, settled)),
            Err(error) => Err((Request::Settle { provider, sent, settlement, reply }, error)),
        },
        Request::NextDue { provider, filter, reply } => match outbox.next_due(provider, &filter) {
            Ok(due) => Ok(Done::NextDue(reply, due)),
            Err(error) => Err((Request::NextDue { provider, filter, reply }, error)),
        },
    }
}

/// A lane that has gone does not need its answer: the next run recovers what it had leased.
fn answer(done: Done) {
    match done {
        Done::Leased(reply, leased) => drop(reply.send(Ok(leased))),
        Done::Settled(reply, settled) => drop(reply.send(Ok(settled))),
        Done::NextDue(reply, due) => drop(reply.send(Ok(due))),
    }
}

fn refuse_done(done: Done, failure: &CheckpointError) {
    match done {
        Done::Leased(reply, _) => drop(reply.send(Err(failure.clone()))),
        Done::Settled(reply, _) => drop(reply.send(Err(failure.clone()))),
        Done::NextDue(reply, _) => drop(reply.send(Err(failure.clone()))),
    }
}

fn refuse(request: Request, failure: &CheckpointError) {
    match request {
        Request::Lease { reply, .. } => drop(reply.send(Err(failure.clone()))),
        Request::Settle { reply, .. } => drop(reply.send(Err(failure.clone()))),
        Request::NextDue { reply, .. } => drop(reply.send(Err(failure.clone()))),
    }
}
