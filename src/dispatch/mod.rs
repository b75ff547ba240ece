//! The outbox to the providers: asynchronous, I/O-bound, and never opening an input.
//!
//! [`run`] is the coordinator: it starts the writer of the state and one lane for each provider, watches time and
//! signals, and gathers how the lanes ended. Pace, breaker, retries and stops are pure parts with tests of their own.

mod breaker;
mod checkpoint;
mod crew;
mod ending;
mod landing;
mod lane;
mod limiter;
mod meter;
mod retry;
mod run_clock;
mod signals;
mod stops;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::domain::clock::Timestamp;
use crate::domain::customer::CustomerId;
use crate::domain::event::Events;
use crate::domain::provider::ProviderId;
use crate::providers::{Provider, Transport, TransportError};
use crate::store::{LeaseFilter, Recovered, RunNumber, Store, StoreError, Terms};

pub use checkpoint::CheckpointError;
pub use ending::LaneEnd;
pub use run_clock::RunClock;
pub use signals::{Interruption, Phase, Signals, survive_limits_of_files};
pub use stops::{Limits, StopReason};

use breaker::Breaker;
use checkpoint::{Checkpoint, Records, Writer};
use lane::{Lane, Order};
use limiter::{DayBudget, Limiter};
use stops::{CallBudget, ErrorMeter};
use worker::Endpoint;

/// What a run of the dispatcher needs besides the state.
pub struct Dispatch {
    /// The providers whose lanes run; others keep their calls.
    pub providers: Vec<Arc<dyn Provider>>,
    /// Only calls of these customers; all, when empty.
    pub only: Vec<CustomerId>,
    /// What ends the run early.
    pub limits: Limits,
    /// How long a lane waits for a provider that is down, or that throttles every call.
    pub outage_patience: Duration,
    /// The time of the run.
    pub clock: RunClock,
    /// Where events go.
    pub events: Events,
    /// Seeds the jitter of backoffs.
    pub random_seed: u64,
}

/// How a run of the dispatcher ended.
#[derive(Debug)]
pub struct Dispatched {
    /// How each lane ended.
    pub lanes: BTreeMap<ProviderId, LaneEnd>,
    /// The signal that interrupted the run.
    pub interrupted: Option<Interruption>,
    /// A second signal cut the run short: what was on its way is recovered by the next run.
    pub aborted: bool,
}

impl Dispatch {
    /// The calls of a provider that it sends.
    fn filter(&self, provider: &dyn Provider) -> LeaseFilter {
        LeaseFilter { only: self.only.clone(), on_new: provider.on_new(), ..LeaseFilter::default() }
    }
}

impl Dispatched {
    /// A deadline that passed while the last calls were on their way has kept nothing from leaving: whatever is left, this run
    /// would not have sent. Where that cannot be read, lanes stay as they ended.
    fn forgive_deadline(&mut self, store: &mut Store, run: RunNumber, dispatch: &Dispatch) {
        for provider in &dispatch.providers {
            let Some(lane) = self.lanes.get_mut(&provider.id()) else { continue };
            let filter = dispatch.filter(provider.as_ref());
            let is_done = |store: &mut Store| {
                let has_more =
                    store.group(run, dispatch.clock.now(), |outbox| outbox.has_more(provider.id(), &filter));
                has_more.is_ok_and(|has_more| !has_more)
            };
            if lane.stop == Some(StopReason::MaxDuration) && is_done(store) {
                lane.stop = None;
            }
        }
    }
}

/// Why dispatch could not start or not give the state back.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The HTTP client of a provider could not be made.
    #[error("no connection to {provider} can be made")]
    Transport {
        /// Which provider.
        provider: ProviderId,
        /// Why not.
        source: TransportError,
    },
    /// The state failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Threads or timers are not to be had.
    #[error("the dispatcher could not start")]
    Start(#[source] std::io::Error),
    /// The writer of the state panicked: a defect of the program. The next run recovers.
    #[error("the writer of the state died; run `crmsync resume`, and report this")]
    WriterDied,
    /// A lane panicked: a defect of the program. The others were drained; the next run recovers what it had leased.
    #[error("a lane of the dispatcher died; run `crmsync resume`, and report this")]
    LaneDied,
}

/// What every lane must know of a provider's past before it starts.
#[derive(Clone, Copy)]
struct Past {
    closed: Option<Duration>,
    /// How long what it may still apply of a state that was replaced keeps everything back.
    settles: Duration,
    day: DayBudget,
    total: u64,
}

/// Brings the outbox in order at the start of a run: see [`Store::recover`].
///
/// # Errors
/// [`StoreError`] when the state cannot be written.
pub fn recover(
    store: &mut Store,
    providers: &[Arc<dyn Provider>],
    run: RunNumber,
    clock: &RunClock,
) -> Result<Recovered, StoreError> {
    let terms: Vec<_> = providers
        .iter()
        .map(|provider| Terms {
            provider: provider.id(),
            settle: provider.settings().settle,
            backoff_max: provider.settings().retry.max,
            on_new: provider.on_new(),
            excluded: provider.fields_touched_by_exclude(),
        })
        .collect();
    store.recover(&terms, run, clock.now(), clock.steady())
}

/// Dispatches until the outbox is empty, a limit is reached, or a signal comes. Gives the state back.
///
/// A provider for which nothing waits gets no lane: reading the certificates for its connections would take longer than
/// everything else that a night without changes does after it has read its file.
///
/// # Errors
/// [`DispatchError`] when it cannot start; what happens to single calls and lanes is in [`Dispatched`].
pub fn run(
    mut store: Store,
    run: RunNumber,
    dispatch: &Dispatch,
    signals: &mut Signals,
) -> Result<(Store, Dispatched), DispatchError> {
    let waiting = store.counts()?;
    let (mut busy, mut idle) = (Vec::new(), BTreeMap::new());
    for provider in &dispatch.providers {
        match waiting.get(&provider.id()).map_or(0, |counts| counts.open() - counts.held) {
            0 => {
                let end = LaneEnd::idle(provider.as_ref(), &dispatch.events);
                idle.insert(provider.id(), end);
            }
            total => {
                let past = past_of(&store, provider.as_ref(), total, &dispatch.clock)?;
                busy.push((provider, past));
            }
        }
    }
    if busy.is_empty() {
        return Ok((store, Dispatched { lanes: idle, interrupted: None, aborted: false }));
    }
    store.expect_dispatch()?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DispatchError::Start)?;
    let lanes = busy.iter().map(|(provider, _)| provider.id());
    let (writer, checkpoint, records) =
        Writer::start(store, run, dispatch.clock.clone(), lanes).map_err(DispatchError::Start)?;
    signals.enter(Phase::Sends);
    let dispatched = runtime.block_on(coordinate(dispatch, busy, checkpoint, records, signals));
    signals.enter(Phase::Asks);
    // This ends every task, so that the writer sees the last of its callers go. A name service that does not answer is not
    // waited for: whoever asked it has given up.
    runtime.shutdown_background();
    let mut store = writer.finish().ok_or(DispatchError::WriterDied)?;
    let mut dispatched = dispatched?;
    dispatched.forgive_deadline(&mut store, run, dispatch);
    dispatched.lanes.append(&mut idle);
    Ok((store, dispatched))
}

fn past_of(store: &Store, provider: &dyn Provider, total: u64, clock: &RunClock) -> Result<Past, StoreError> {
    let used = store.lane_use(provider.id())?;
    // How long ago that was nobody knows, since the clock may have been set meanwhile: the whole window is waited.
    let closed = (used.last_sent != Timestamp::default()).then_some(Duration::ZERO);
    let day = DayBudget::resumed(provider.settings().calls_per_day, &used, clock.now());
    let (settle, now) = (provider.settings().settle, clock.now());
    let settles = match store.restored_at()? {
        Some(restored) => now.until(restored.after(settle)).min(settle),
        None => Duration::ZERO,
    };
    Ok(Past { closed, settles, day, total })
}

async fn coordinate(
    dispatch: &Dispatch,
    busy: Vec<(&Arc<dyn Provider>, Past)>,
    checkpoint: Checkpoint,
    mut records: BTreeMap<ProviderId, Records>,
    signals: &mut Signals,
) -> Result<Dispatched, DispatchError> {
    let (orders, _) = watch::channel(Order::Go);
    let budget = CallBudget::new(dispatch.limits.max_calls);
    let turns = Arc::new(Semaphore::new(1));
    let mut lanes = JoinSet::new();
    for (provider, past) in busy {
        let records = records.remove(&provider.id()).expect("the writer has a way back for each lane");
        let ways = (checkpoint.clone(), records);
        let lane = lane_of(dispatch, provider, past, ways, &budget, (orders.subscribe(), &turns))?;
        lanes.spawn(lane.run());
    }
    drop(checkpoint);
    watch_over(dispatch, &orders, lanes, signals).await
}

fn lane_of(
    dispatch: &Dispatch,
    provider: &Arc<dyn Provider>,
    past: Past,
    (checkpoint, records): (Checkpoint, Records),
    budget: &CallBudget,
    (orders, turns): (watch::Receiver<Order>, &Arc<Semaphore>),
) -> Result<Lane, DispatchError> {
    let settings = provider.settings();
    let (connecting, connections) = mpsc::unbounded_channel();
    let transport = Transport::new(settings, connecting)
        .map_err(|source| DispatchError::Transport { provider: provider.id(), source })?;
    let now = dispatch.clock.elapsed();
    Ok(Lane {
        endpoint: Arc::new(Endpoint { provider: Arc::clone(provider), transport }),
        checkpoint,
        records,
        connections,
        limiter: Limiter::new(settings.rate_per_second, settings.burst, now, past.closed),
        breaker: Breaker::new(dispatch.outage_patience),
        settles_until: if past.settles.is_zero() { past.settles } else { now + past.settles },
        day: past.day,
        budget: budget.clone(),
        errors: ErrorMeter::new(dispatch.limits.max_errors),
        filter: dispatch.filter(provider.as_ref()),
        turns: Arc::clone(turns),
        orders,
        clock: dispatch.clock.clone(),
        events: dispatch.events.clone(),
        random: StdRng::seed_from_u64(dispatch.random_seed ^ u64::from(provider.id().number())),
        total: past.total,
    })
}

/// Waits for the lanes; passes on the deadline and signals.
async fn watch_over(
    dispatch: &Dispatch,
    orders: &watch::Sender<Order>,
    mut lanes: JoinSet<LaneEnd>,
    signals: &mut Signals,
) -> Result<Dispatched, DispatchError> {
    let left = dispatch.limits.max_duration.map(|limit| limit.saturating_sub(dispatch.clock.elapsed()));
    let deadline = tokio::time::sleep(left.unwrap_or(Duration::MAX));
    tokio::pin!(deadline);
    let mut ended = Dispatched { lanes: BTreeMap::new(), interrupted: None, aborted: false };
    let mut lane_died = false;
    loop {
        tokio::select! {
            joined = lanes.join_next() => match joined {
                Some(Ok(end)) => {
                    // A state that cannot follow stops every lane.
                    if end.failure.is_some() {
                        drain(orders);
                    }
                    ended.lanes.insert(end.provider, end);
                }
                Some(Err(_)) => {
                    lane_died = true;
                    drain(orders);
                }
                None if lane_died => return Err(DispatchError::LaneDied),
                None => return Ok(ended),
            },
            () = &mut deadline, if left.is_some() && ended.interrupted.is_none() && *orders.borrow() == Order::Go => {
                orders.send_replace(Order::Drain(StopReason::MaxDuration));
            }
            interruption = signals.next() => {
                if ended.interrupted.is_some() {
                    ended.aborted = true;
                    orders.send_replace(Order::Abort);
                } else {
                    ended.interrupted = Some(interruption);
                    orders.send_replace(Order::Drain(StopReason::Interrupted));
                }
            }
        }
    }
}

/// Stops the lanes that still work. An order that stops them already stays as it is.
fn drain(orders: &watch::Sender<Order>) {
    orders.send_if_modified(|order| {
        let works = *order == Order::Go;
        if works {
            *order = Order::Drain(StopReason::Interrupted);
        }
        works
    });
}

#[cfg(test)]
mod outage_tests;
#[cfg(test)]
mod tests;
