//! Outcomes that wait for each other on their way to the writer: handed over one by one, each would wake it for itself
//! and become a commit of its own.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::checkpoint::Outcome;

/// How long an outcome waits for others at most: a crash meanwhile makes it unknown, like one that is in flight.
const WAIT_MAX: Duration = Duration::from_millis(5);
/// So many go on at once.
const OUTCOMES_MAX: usize = 64;

/// The outcomes of a lane that the writer does not have yet.
pub(super) struct Gathering {
    outcomes: Vec<Outcome>,
    timer: Pin<Box<Sleep>>,
}

impl Gathering {
    /// Nothing yet. Only within a runtime.
    pub(super) fn new() -> Self {
        Self { outcomes: Vec::new(), timer: Box::pin(tokio::time::sleep(WAIT_MAX)) }
    }

    /// Takes one more; the first one starts the wait.
    pub(super) fn add(&mut self, outcome: Outcome) {
        if self.outcomes.is_empty() {
            self.timer.as_mut().reset(Instant::now() + WAIT_MAX);
        }
        self.outcomes.push(outcome);
    }

    /// Is there nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// Are there so many that they go on.
    pub(super) fn is_full(&self) -> bool {
        self.outcomes.len() >= OUTCOMES_MAX
    }

    /// Gives all of them.
    pub(super) fn take(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.outcomes)
    }

    /// Returns when the first one has waited long enough.
    pub(super) async fn ripe(&mut self) {
        self.timer.as_mut().await;
    }
}
