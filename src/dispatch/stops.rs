//! What ends a lane or a run before its work is done, and the meters that notice it.
//!
//! Limits of this file: it counts and compares. Who stops, and what happens to the calls in flight, is decided by the
//! coordinator; calls that are left stay queued for the next run, whatever the reason.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::domain::event::LaneState;
use crate::domain::threshold::Threshold;

/// A share of the settled calls means little while they are few: it is not judged below this count.
pub(super) const SETTLED_MIN: u64 = 100;

/// Why a lane or a run ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// The provider refuses our credentials or our address.
    Denied,
    /// The endpoint does not answer as its contract says.
    Contract,
    /// The provider was down, or throttled every call, for longer than `outage_patience`.
    Unavailable,
    /// `max_errors` was reached.
    MaxErrors,
    /// `max_calls` was reached.
    MaxCalls,
    /// `calls_per_day` was reached.
    CallsPerDay,
    /// `max_duration` was reached.
    MaxDuration,
    /// A signal asked the program to end.
    Interrupted,
}

impl StopReason {
    /// Whether it weighs more than a limit or a signal that came first: somebody must act.
    pub(super) fn is_grave(self) -> bool {
        match self {
            Self::Denied | Self::Contract | Self::MaxErrors => true,
            Self::Unavailable
            | Self::MaxCalls
            | Self::CallsPerDay
            | Self::MaxDuration
            | Self::Interrupted => false,
        }
    }

    /// What a lane that ended for this reason shows.
    pub(super) fn lane_state(self) -> LaneState {
        match self {
            Self::Denied | Self::Contract => LaneState::Denied,
            Self::Unavailable => LaneState::Unavailable,
            Self::MaxErrors => LaneState::TooManyErrors,
            Self::MaxCalls | Self::CallsPerDay | Self::MaxDuration => LaneState::BudgetUsed,
            Self::Interrupted => LaneState::Interrupted,
        }
    }
}

/// The limits of one run. What is not set does not limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Requests, of all lanes together, probes and repeats included.
    pub max_calls: Option<u64>,
    /// Settled calls of one lane that may go wrong.
    pub max_errors: Option<Threshold>,
    /// How long calls may be sent, from the start of the run.
    pub max_duration: Option<Duration>,
}

/// Counts how the calls of one lane end, and notices when too many go wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct ErrorMeter {
    limit: Option<Threshold>,
    settled: u64,
    errors: u64,
    reached: bool,
}

impl ErrorMeter {
    /// A meter that has seen nothing yet.
    pub(super) fn new(limit: Option<Threshold>) -> Self {
        Self { limit, settled: 0, errors: 0, reached: false }
    }

    /// Counts one call that ended, well or not, and tells whether the limit is reached. Once reached it stays so,
    /// though calls still in flight may end well.
    pub(super) fn settled(&mut self, ok: bool) -> bool {
        self.settled += 1;
        self.errors += u64::from(!ok);
        self.reached |= self.errors > 0 && self.limit.is_some_and(|limit| self.reaches(limit));
        self.reached
    }

    fn reaches(&self, limit: Threshold) -> bool {
        match limit {
            Threshold::Count(count) => self.errors >= count,
            Threshold::Percent(percent) => {
                self.settled >= SETTLED_MIN && self.errors as f64 * 100.0 >= percent * self.settled as f64
            }
        }
    }
}

/// The requests that a run may still make, shared by its lanes. Clones share one count.
#[derive(Debug, Clone)]
pub(super) struct CallBudget {
    max: Option<u64>,
    used: Arc<AtomicU64>,
    used_up: Arc<Notify>,
}

impl CallBudget {
    /// A budget of which nothing is used; without `max` there is no limit.
    pub(super) fn new(max: Option<u64>) -> Self {
        Self { max, used: Arc::default(), used_up: Arc::default() }
    }

    /// Takes one request out of the budget; `false` when there is none left. Ask before the limiter, so that a lane
    /// which may send nothing does not wait for its turn.
    pub(super) fn take(&self) -> bool {
        let next = |used| self.max.is_none_or(|max| used < max).then_some(used + 1);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    /// What was taken leaves: if it was the last, whoever waits for a time to come need not wait for it any more.
    pub(super) fn leaves(&self) {
        if self.is_spent() {
            self.used_up.notify_waiters();
        }
    }

    /// Comes back when the last request leaves.
    pub(super) async fn used_up(&self) {
        self.used_up.notified().await;
    }

    /// Whether there is none left.
    pub(super) fn is_spent(&self) -> bool {
        self.max.is_some_and(|max| self.used.load(Ordering::Relaxed) >= max)
    }

    /// Gives back a request that was taken and did not leave.
    pub(super) fn give_back(&self) {
        let next = |used: u64| Some(used.saturating_sub(1));
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).expect("always some");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many calls are settled when the meter first says that the limit is reached.
    fn reached_after(limit: Option<Threshold>, calls: &[bool]) -> Option<usize> {
        let mut meter = ErrorMeter::new(limit);
        calls.iter().position(|ok| meter.settled(*ok)).map(|index| index + 1)
    }

    /// `bad` calls that went wrong, then `good` ones that did not.
    fn row(bad: usize, good: usize) -> Vec<bool> {
        let mut calls = vec![false; bad];
        calls.resize(bad + good, true);
        calls
    }

    #[test]
    fn the_error_limit_is_reached_when_the_table_says() {
        let cases = [
            // No limit: errors without end.
            (None, row(1_000, 0), None),
            // A count is judged from the first call on.
            (Some(Threshold::Count(3)), row(3, 0), Some(3)),
            (Some(Threshold::Count(3)), row(2, 1_000), None),
            // None tolerated: the first error ends it, no error does not.
            (Some(Threshold::Count(0)), row(1, 0), Some(1)),
            (Some(Threshold::Count(0)), row(0, 1_000), None),
            // A share waits for a hundred settled calls, then the hundredth may be a good one.
            (Some(Threshold::Percent(20.0)), row(99, 0), None),
            (Some(Threshold::Percent(20.0)), row(100, 0), Some(100)),
            (Some(Threshold::Percent(20.0)), row(20, 80), Some(100)),
            (Some(Threshold::Percent(20.0)), row(19, 1_000), None),
            (Some(Threshold::Percent(0.0)), row(0, 1_000), None),
            (Some(Threshold::Percent(0.0)), row(1, 1_000), Some(100)),
            (Some(Threshold::Percent(100.0)), row(100, 0), Some(100)),
            (Some(Threshold::Percent(100.0)), row(99, 1), None),
        ];
        for (limit, calls, expected) in cases {
            assert_eq!(reached_after(limit, &calls), expected, "{limit:?} over {} calls", calls.len());
        }
    }

    #[test]
    fn late_errors_count_as_much_as_early_ones() {
        let mut calls = row(0, 400);
        calls.extend(row(200, 0));
        // 100 of 500 are a fifth.
        assert_eq!(reached_after(Some(Threshold::Percent(20.0)), &calls), Some(500));
    }

    #[test]
    fn a_reached_error_limit_stays_reached_when_calls_in_flight_end_well() {
        let mut meter = ErrorMeter::new(Some(Threshold::Percent(20.0)));
        for ok in row(20, 80) {
            meter.settled(ok);
        }
        assert!(meter.settled(true));
    }

    #[test]
    fn lanes_share_one_budget_of_calls_and_it_is_never_exceeded() {
        let one = CallBudget::new(Some(5));
        let other = one.clone();
        let taken = (0..10).filter(|turn| if turn % 2 == 0 { one.take() } else { other.take() }).count();
        assert_eq!(taken, 5);
        other.give_back();
        assert!(one.take());
        assert!(!other.take());
    }

    #[test]
    fn a_budget_of_nothing_gives_nothing_and_no_budget_gives_everything() {
        assert!(!CallBudget::new(Some(0)).take());
        let free = CallBudget::new(None);
        assert!((0..1_000).all(|_| free.take()));
    }
}
