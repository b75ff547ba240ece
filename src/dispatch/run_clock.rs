//! The time of one run: starts with the machine's clock and goes on evenly, however that clock is set meanwhile.

use std::time::Duration;

use crate::domain::clock::{Clock, Steady, Timestamp};

/// Wall-clock time that cannot jump during a run.
#[derive(Debug, Clone)]
pub struct RunClock {
    clock: Clock,
    started: Timestamp,
    offset: Duration,
    steady: Option<Steady>,
}

impl RunClock {
    /// Starts now.
    #[must_use]
    pub fn start(clock: Clock) -> Self {
        let (started, offset, steady) = (clock.now(), clock.elapsed(), clock.steady());
        Self { clock, started, offset, steady }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.started.after(self.elapsed())
    }

    /// The time at a moment that [`elapsed`](Self::elapsed) told.
    #[must_use]
    pub fn at(&self, elapsed: Duration) -> Timestamp {
        self.started.after(elapsed)
    }

    /// The clock that cannot be set, as it was at the start.
    #[must_use]
    pub fn steady(&self) -> Option<&Steady> {
        self.steady.as_ref()
    }

    /// Time since the start of the run.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.offset)
    }
}
