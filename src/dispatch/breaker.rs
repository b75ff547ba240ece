//! The circuit breaker of one provider: when it is down, its lane stops knocking and asks once in a while.
//!
//! Closed, it counts failures in a row; the fifth opens it. Open, nothing passes for a second, then one trial does; each
//! trial that fails doubles the pause, up to thirty seconds; the first answer of any kind closes it.
//!
//! After five transient codes in a row the lane rests for one such pause and then sends freely; each further transient
//! code begins the next pause, twice as long. So a call that always gets such a code does not block those behind it.
//!
//! A row of failures that lasts as long as the operator's patience ends the lane, and so does a row of throttled answers
//! and transient codes: a provider that takes no call is as good as down. Pure: time comes in, a decision comes out.

use std::time::Duration;

use crate::domain::verdict::Verdict;

/// How many failures in a row open the breaker: fewer can be chance, more are load on a provider that is down.
pub(super) const FAILURES_TO_OPEN: u32 = 5;
/// The pause before the first trial.
pub(super) const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause between two trials: a provider that came back is found within it.
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What the breaker does at a moment, to be shown and to be told to [`super::retry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BreakerState {
    /// Everything passes.
    Closed,
    /// Nothing passes.
    Open {
        /// When the next trial may go, on the clock of the lane.
        until: Duration,
    },
    /// One trial may go, or is under way.
    HalfOpen,
    /// The outage, or the throttling, lasted longer than the operator waits.
    GaveUp,
}

/// Whether a call may go now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// It may.
    Go,
    /// It may, as the one that finds out whether the provider is back. Its answer is told by
    /// [`Breaker::on_answer`]; a trial that is not sent after all goes back by [`Breaker::return_trial`].
    Trial,
    /// Not for so long, or until the answer of the trial is in, whichever is sooner. Never zero.
    Wait(Duration),
    /// Never in this run: the lane ends as unavailable.
    GiveUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed,
    Open {
        until: Duration,
    },
    Trying,
    /// Rests after transient codes in a row; behind it everything passes.
    Resting {
        until: Duration,
    },
    /// Throttled, or put off by transient codes, for too long. An answer of another kind that is still on its way closes it again.
    TurnedAway,
}

/// The breaker of one lane. All times are readings of one monotonic clock.
#[derive(Debug)]
pub(super) struct Breaker {
    patience: Duration,
    phase: Phase,
    pause: Duration,
    failures: u32,
    first_failure: Option<Duration>,
    /// Transient codes in a row; failures and throttled answers in between do not end it.
    transients: u32,
    /// When the present row of throttled answers and transient codes began. Any other answer ends it; no answer does not.
    first_put_off: Option<Duration>,
    /// A failure of a call sent before this moment says nothing new: since then the provider has answered, or a
    /// trial has been sent to find out.
    fresh_since: Duration,
}

impl Breaker {
    /// A closed breaker that gives up when failures in a row, or answers that take nothing, last for `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            phase: Phase::Closed,
            pause: PAUSE_MIN,
            failures: 0,
            first_failure: None,
            transients: 0,
            first_put_off: None,
            fresh_since: Duration::ZERO,
        }
    }

    /// Takes note of what became, at `now`, of a call that was `sent` at that time.
    pub(super) fn on_answer(&mut self, sent: Duration, now: Duration, verdict: &Verdict) {
        match Sign::of(verdict) {
            Sign::Works => *self = Self { fresh_since: now, ..Self::new(self.patience) },
            Sign::Throttles => self.on_put_off(sent, now),
            Sign::PutsOff => self.on_transient(sent, now),
            Sign::Silent => self.on_failure(sent, now),
        }
    }

    /// The provider is there, which ends an outage, but it took nothing. Judged by calls that left after the first one
    /// was put off: a wait that the provider asked for is always waited to its end.
    fn on_put_off(&mut self, sent: Duration, now: Duration) {
        let first = *self.first_put_off.get_or_insert(now);
        let too_long = sent >= first && now.saturating_sub(first) >= self.patience;
        *self = Self {
            phase: if too_long { Phase::TurnedAway } else { Phase::Closed },
            first_put_off: self.first_put_off,
            transients: self.transients,
            pause: if self.transients > 0 { self.pause } else { PAUSE_MIN },
            fresh_since: now,
            ..Self::new(self.patience)
        };
    }

    /// One code can be the call's; of a row of them it is the provider that can do nothing at the moment.
    fn on_transient(&mut self, sent: Duration, now: Duration) {
        let rest = match self.phase {
            Phase::Resting { until } => Some(until),
            Phase::Closed | Phase::Open { .. } | Phase::Trying | Phase::TurnedAway => None,
        };
        self.on_put_off(sent, now);
        self.transients = self.transients.saturating_add(1);
        match (self.phase, rest) {
            (Phase::TurnedAway, _) => {}
            // It left before the rest began: one row, not several.
            (_, Some(until)) if sent < until => self.phase = Phase::Resting { until },
            _ if self.transients >= FAILURES_TO_OPEN => {
                self.phase = Phase::Resting { until: now + self.pause };
                self.pause = self.pause.saturating_mul(2).min(PAUSE_MAX);
            }
            _ => {}
        }
    }

    fn on_failure(&mut self, sent: Duration, now: Duration) {
        if sent < self.fresh_since {
            return;
        }
        self.first_failure.get_or_insert(now);
        self.failures = self.failures.saturating_add(1);
        match self.phase {
            Phase::Closed | Phase::Resting { .. } if self.failures >= FAILURES_TO_OPEN => self.open(now),
            // Calls that left before it opened come in late: one outage, not several.
            Phase::Closed | Phase::Resting { .. } | Phase::Open { .. } | Phase::TurnedAway => {}
            Phase::Trying => {
                self.pause = self.pause.saturating_mul(2).min(PAUSE_MAX);
                self.open(now);
            }
        }
    }

    /// What it does at `now`.
    pub(super) fn state(&self, now: Duration) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::TurnedAway => BreakerState::GaveUp,
            Phase::Open { .. } | Phase::Trying if self.patience_left(now).is_zero() => BreakerState::GaveUp,
            Phase::Open { until } | Phase::Resting { until } if now < until => BreakerState::Open { until },
            Phase::Resting { .. } => BreakerState::Closed,
            Phase::Open { .. } | Phase::Trying => BreakerState::HalfOpen,
        }
    }

    /// Whether a call that failed now keeps its try, because the provider is to blame. Not while the lane rests after
    /// transient codes: they cost a try each, or a call that gets nothing else would be tried for ever.
    pub(super) fn spares_tries(&self, now: Duration) -> bool {
        !matches!(self.phase, Phase::Resting { .. }) && self.state(now) != BreakerState::Closed
    }

    /// How long nothing may leave, as far as is known; nothing, where a call may or the lane gives up.
    pub(super) fn holds_back(&self, now: Duration) -> Option<Duration> {
        let wait = match self.state(now) {
            BreakerState::Open { until } => until - now,
            BreakerState::HalfOpen if self.phase == Phase::Trying => self.pause,
            BreakerState::Closed | BreakerState::HalfOpen | BreakerState::GaveUp => return None,
        };
        Some(wait.min(self.patience_left(now)))
    }

    /// Asks for one call. A [`Pass::Trial`] is given once until its answer is in.
    pub(super) fn try_pass(&mut self, now: Duration) -> Pass {
        if let Some(wait) = self.holds_back(now) {
            return Pass::Wait(wait);
        }
        match self.state(now) {
            BreakerState::Closed => Pass::Go,
            BreakerState::GaveUp => Pass::GiveUp,
            BreakerState::Open { .. } | BreakerState::HalfOpen => {
                self.phase = Phase::Trying;
                self.fresh_since = now;
                Pass::Trial
            }
        }
    }

    /// The trial was not sent (nothing to send, interrupted): the next one who asks gets it.
    pub(super) fn return_trial(&mut self, now: Duration) {
        match self.phase {
            Phase::Trying => self.phase = Phase::Open { until: now },
            Phase::Closed | Phase::Resting { .. } | Phase::Open { .. } | Phase::TurnedAway => {}
        }
    }

    fn open(&mut self, now: Duration) {
        self.phase = Phase::Open { until: now + self.pause };
    }

    /// How much longer the operator waits, counted from the first failure of the row.
    fn patience_left(&self, now: Duration) -> Duration {
        let down_for = self.first_failure.map_or(Duration::ZERO, |first| now.saturating_sub(first));
        self.patience.saturating_sub(down_for)
    }
}

/// What a verdict tells of the provider itself.
enum Sign {
    /// It answered; a refusal proves that as well.
    Works,
    /// It answered that it takes nothing for now.
    Throttles,
    /// It answered with a transient code, which says so of one call.
    PutsOff,
    /// No answer came.
    Silent,
}

impl Sign {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::NotSent { .. } | Verdict::Unknown { .. } => Self::Silent,
            Verdict::Throttled { .. } => Self::Throttles,
            Verdict::Transient { .. } => Self::PutsOff,
            Verdict::Accepted
            | Verdict::Refused { .. }
            | Verdict::Exists { .. }
            | Verdict::Missing { .. }
            | Verdict::Denied { .. }
            | Verdict::Contract { .. } => Self::Works,
        }
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
