//! The HTTP side: takes requests off the connections, lets the world decide them, and sends or withholds answers.
//!
//! The world decides before anything waits, so that a dropped connection can lose an answer and nothing else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::control;
use super::ledger::Summary;
use super::line::Line;
use super::reply::Reply;
use super::request::Call;
use super::route;
use super::scenario::Scenario;
use super::world::{Course, Ending, World};
use crate::domain::clock::Clock;

/// The longest body of a provider request; the documented ones stay below 10 KiB.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What all connections share.
pub(super) struct Shared {
    world: Mutex<World>,
    clock: Clock,
    /// When the simulators started, by `clock`.
    started: Duration,
    late: Mutex<JoinSet<()>>,
    pending_late: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(world: World, clock: Clock) -> Self {
        let started = clock.elapsed();
        let late = Mutex::new(JoinSet::new());
        Self { world: Mutex::new(world), clock, started, late, pending_late: watch::Sender::new(0) }
    }

    /// The world, held until the guard is dropped; never across a wait.
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn summary(&self) -> Summary {
        let pending_late = *self.pending_late.borrow();
        self.lock().ledger.summary(pending_late)
    }

    pub(super) fn swap_scenario(&self, scenario: Scenario) {
        self.lock().swap_scenario(scenario);
    }

    /// Waits until no request is left to be applied late.
    pub(super) async fn late_ones_landed(&self) {
        let mut pending = self.pending_late.subscribe();
        // The sender lives in `self`, so the wait can only end by reaching zero.
        pending.wait_for(|pending| *pending == 0).await.ok();
    }

    /// Forgets the requests that are still to be applied late.
    pub(super) fn drop_late_ones(&self) {
        self.late.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        self.pending_late.send_replace(0);
    }

    fn at(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.started)
    }

    fn apply_later(self: &Arc<Self>, call: Call, after: Duration, seq: u64) {
        self.pending_late.send_modify(|pending| *pending += 1);
        let shared = Arc::clone(self);
        let mut tasks = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            tokio::time::sleep(after).await;
            let (now, at) = (shared.clock.now(), shared.at());
            shared.lock().apply_late(&call, seq, now, at);
            shared.pending_late.send_modify(|pending| *pending = pending.saturating_sub(1));
        });
    }
}

/// All pages: the providers' and the simulators' own.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    control::routes().fallback(receive).with_state(shared)
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let at = shared.at();
    let Some(target) = route::find(request.uri().path()) else {
        shared.lock().ledger.count_unrouted();
        return Reply::html(StatusCode::NOT_FOUND, "Not Found").into_response();
    };
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.ok();
    let call = Call::read(target, head.method == Method::POST, head.headers, body.as_deref(), at);
    let now = shared.clock.now();
    let Course { delay, ending } = shared.lock().receive(&call, now);
    match ending {
        Ending::Answer(reply) => {
            tokio::time::sleep(delay).await;
            reply.into_response()
        }
        Ending::Cut => cut(&line, delay).await,
        Ending::CutAndApply { after, seq } => {
            shared.apply_later(call, after, seq);
            cut(&line, delay).await
        }
    }
}

/// Waits and cuts the connection; the answer that is returned never gets through.
async fn cut(line: &Line, delay: Duration) -> Response {
    tokio::time::sleep(delay).await;
    line.cut();
    Reply::html(StatusCode::INTERNAL_SERVER_ERROR, "cut").into_response()
}
