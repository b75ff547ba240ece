//! One request: build, send, read. Decides nothing about what comes next.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::call::{Operation, State};
use crate::domain::fault::{self, Point};
use crate::domain::lifecycle::Life;
use crate::domain::verdict::{AnswerCode, Remedy, Verdict};
use crate::providers::{Patience, Provider, Transport, verdict_of, without_echo};
use crate::store::Leased;

use super::run_clock::RunClock;

/// Where the calls of a lane go.
pub(super) struct Endpoint {
    /// Builds requests and reads answers.
    pub(super) provider: Arc<dyn Provider>,
    /// Carries them.
    pub(super) transport: Transport,
}

/// A request and what became of it.
pub(super) struct Finished {
    /// The call it was for.
    pub(super) call: Arc<Leased>,
    /// What the answer, or its absence, means.
    pub(super) verdict: Verdict,
    /// Whether a request left.
    pub(super) sent: bool,
    /// When it left, from the start of the run.
    pub(super) left: Duration,
    /// From then to the verdict.
    pub(super) took: Duration,
}

/// Whether what is sent for a leased call is a probe: an update that finds out whether a create was applied.
pub(super) fn is_probe(leased: &Life) -> bool {
    leased.state == State::Probing
}

/// Sends one call. Never panics and never fails: whatever happens is a verdict.
pub(super) async fn deliver(
    endpoint: &Endpoint,
    call: Arc<Leased>,
    clock: &RunClock,
    patience: &mut Patience,
) -> Finished {
    let operation = if is_probe(&call.life) { Operation::Update } else { call.life.operation };
    let provider = endpoint.provider.as_ref();
    let Ok(request) = provider.build(operation, &call.payload.key, &call.payload.values) else {
        return unbuildable(call, clock.elapsed());
    };
    fault::pass_with(Point::BeforeSend, call.customer.as_str());
    let left = clock.elapsed();
    let answer = endpoint.transport.send(request, clock.at(left), patience).await;
    fault::pass_with(Point::AfterAnswer, call.customer.as_str());
    let verdict = verdict_of(provider, operation, &call.payload.key, answer);
    let verdict = without_echo(verdict, provider, &call.payload);
    let took = clock.elapsed().saturating_sub(left);
    Finished { call, verdict, sent: true, left, took }
}

/// The values do not fit the provider's table (a state written by another version): a person must see it.
fn unbuildable(call: Arc<Leased>, left: Duration) -> Finished {
    let verdict = Verdict::Refused { code: AnswerCode::new("unbuildable"), remedy: Remedy::None };
    Finished { call, verdict, sent: false, left, took: Duration::ZERO }
}

impl Finished {
    /// A remedy that would leave nothing to send, or nothing out, is none.
    pub(super) fn without_empty_remedy(mut self) -> Self {
        if let Verdict::Refused { remedy, .. } = &mut self.verdict
            && let Remedy::OnlyFields(fields) = remedy
        {
            let (all, part) = (&self.call.payload.values, self.call.payload.values.only(fields));
            if part.is_empty() || part.len() == all.len() {
                *remedy = Remedy::None;
            }
        }
        self
    }
}
