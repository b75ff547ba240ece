//! The circuit breaker of one provider: when it is down, its lane stops knocking and asks once in a while.
//!
//! Closed, it counts failures in a row; the fifth opens it. Open, nothing passes for a second, then one trial does; each
//! trial that fails doubles the pause, up to thirty seconds; the first answer of any kind closes it. A row of
//! failures that lasts as long as the operator's patience ends the lane, and so does a row of throttled answers: a
//! provider that takes no call is as good as down. Pure: time comes in, a decision comes out.

use std::time::Duration;

use crate::domain::verdict::Verdict;

/// So many failures in a row open the breaker: fewer can be chance, more are load on a provider that is down.
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

/// May a call go now.
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
    /// Throttled for too long. An answer of another kind that is still on its way closes it again.
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
    /// The first of the throttled answers that nothing but failures came between.
    first_throttled: Option<Duration>,
    /// A failure of a call sent before this moment says nothing new: since then the provider has answered, or a
    /// trial has been sent to find out.
    fresh_since: Duration,
}

impl Breaker {
    /// A closed breaker that gives up when failures in a row, or throttled answers, last for `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            phase: Phase::Closed,
            pause: PAUSE_MIN,
            failures: 0,
            first_failure: None,
            first_throttled: None,
            fresh_since: Duration::ZERO,
        }
    }

    /// Takes note of what became, at `now`, of a call that was `sent` at that time.
    pub(super) fn on_answer(&mut self, sent: Duration, now: Duration, verdict: &Verdict) {
        match Sign::of(verdict) {
            Sign::Works => *self = Self { fresh_since: now, ..Self::new(self.patience) },
            Sign::Throttles => self.on_throttled(sent, now),
            Sign::Silent => self.on_failure(sent, now),
        }
    }

    /// The provider is there, which ends an outage, but it took nothing. Judged by calls that left after the first one
    /// was throttled: a wait that the provider asked for is always waited to its end.
    fn on_throttled(&mut self, sent: Duration, now: Duration) {
        let first = *self.first_throttled.get_or_insert(now);
        let too_long = sent >= first && now.saturating_sub(first) >= self.patience;
        *self = Self {
            phase: if too_long { Phase::TurnedAway } else { Phase::Closed },
            first_throttled: self.first_throttled,
            fresh_since: now,
            ..Self::new(self.patience)
        };
    }

    fn on_failure(&mut self, sent: Duration, now: Duration) {
        if sent < self.fresh_since {
            return;
        }
        self.first_failure.get_or_insert(now);
        self.failures = self.failures.saturating_add(1);
        match self.phase {
            Phase::Closed if self.failures >= FAILURES_TO_OPEN => self.open(now),
            // Calls that left before it opened come in late: one outage, not several.
            Phase::Closed | Phase::Open { .. } | Phase::TurnedAway => {}
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
            Phase::Open { until } if now < until => BreakerState::Open { until },
            Phase::Open { .. } | Phase::Trying => BreakerState::HalfOpen,
        }
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
            Phase::Closed | Phase::Open { .. } | Phase::TurnedAway => {}
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
    /// It answered; a refusal or a transient code proves that as well.
    Works,
    /// It answered that it takes nothing for now.
    Throttles,
    /// No answer came.
    Silent,
}

impl Sign {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::NotSent { .. } | Verdict::Unknown { .. } => Self::Silent,
            Verdict::Throttled { .. } => Self::Throttles,
            Verdict::Accepted
            | Verdict::Transient { .. }
            | Verdict::Refused { .. }
            | Verdict::Exists { .. }
            | Verdict::Missing { .. }
            | Verdict::Denied { .. }
            | Verdict::Contract { .. } => Self::Works,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::{AnswerCode, Remedy};

    const PATIENCE: Duration = Duration::from_secs(600);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn down() -> Verdict {
        Verdict::NotSent { what: "connect" }
    }

    const THROTTLED: Verdict = Verdict::Throttled { retry_after: None };

    /// A breaker that five failures opened at 100 ms: its first trial is due at 1,100 ms.
    fn opened() -> Breaker {
        let mut breaker = Breaker::new(PATIENCE);
        for _ in 0..FAILURES_TO_OPEN {
            breaker.on_answer(ms(50), ms(100), &down());
        }
        breaker
    }

    /// Asks for the trial at `now` and lets it fail at the same moment.
    fn fail_trial(breaker: &mut Breaker, now: Duration) {
        assert_eq!(breaker.try_pass(now), Pass::Trial);
        breaker.on_answer(now, now, &down());
    }

    #[test]
    fn only_a_missing_answer_is_a_failure() {
        let code = || AnswerCode::new("7");
        let cases = [
            (down(), true),
            (Verdict::Unknown { what: "timeout" }, true),
            // Everything below was said by the provider, so it is there.
            (Verdict::Accepted, false),
            (Verdict::Throttled { retry_after: None }, false),
            (Verdict::Transient { code: code() }, false),
            (Verdict::Refused { code: code(), remedy: Remedy::None }, false),
            (Verdict::Exists { code: code() }, false),
            (Verdict::Missing { code: code() }, false),
            (Verdict::Denied { code: code(), by_body: true }, false),
            (Verdict::Contract { code: code() }, false),
        ];
        for (verdict, fails) in cases {
            let mut breaker = Breaker::new(PATIENCE);
            for _ in 0..FAILURES_TO_OPEN {
                breaker.on_answer(ms(50), ms(100), &verdict);
            }
            let opened = breaker.state(ms(100)) == BreakerState::Open { until: ms(1_100) };
            assert_eq!(opened, fails, "{verdict:?}");
            // Whatever is no failure also closes a breaker that was open.
            let mut breaker = self::opened();
            breaker.on_answer(ms(50), ms(200), &verdict);
            assert_eq!(breaker.state(ms(200)) == BreakerState::Closed, !fails, "{verdict:?}");
        }
    }

    #[test]
    fn four_failures_in_a_row_leave_it_closed_and_an_answer_starts_the_row_anew() {
        let mut breaker = Breaker::new(PATIENCE);
        for _ in 0..3 {
            for _ in 1..FAILURES_TO_OPEN {
                breaker.on_answer(ms(100), ms(100), &down());
                assert_eq!(breaker.try_pass(ms(100)), Pass::Go);
            }
            breaker.on_answer(ms(100), ms(100), &Verdict::Accepted);
        }
        assert_eq!(breaker.state(ms(100)), BreakerState::Closed);
    }

    #[test]
    fn an_open_breaker_lets_exactly_one_trial_through_when_its_time_has_come() {
        let mut breaker = opened();
        assert_eq!(breaker.try_pass(ms(100)), Pass::Wait(ms(1_000)));
        assert_eq!(breaker.try_pass(ms(1_099)), Pass::Wait(ms(1)));
        assert_eq!(breaker.state(ms(1_100)), BreakerState::HalfOpen);
        assert_eq!(breaker.try_pass(ms(1_100)), Pass::Trial);
        assert_eq!(breaker.try_pass(ms(1_100)), Pass::Wait(PAUSE_MIN));
        assert_eq!(breaker.state(ms(1_100)), BreakerState::HalfOpen);
    }

    #[test]
    fn a_trial_that_succeeds_closes_it_and_the_next_outage_starts_with_the_short_pause() {
        let mut breaker = opened();
        fail_trial(&mut breaker, ms(1_100));
        assert_eq!(breaker.try_pass(ms(3_100)), Pass::Trial);
        breaker.on_answer(ms(3_100), ms(3_200), &Verdict::Accepted);
        assert_eq!(breaker.try_pass(ms(3_200)), Pass::Go);
        for _ in 0..FAILURES_TO_OPEN {
            breaker.on_answer(ms(3_200), ms(3_300), &down());
        }
        assert_eq!(breaker.state(ms(3_300)), BreakerState::Open { until: ms(4_300) });
    }

    #[test]
    fn each_failed_trial_doubles_the_pause_up_to_thirty_seconds() {
        let mut breaker = opened();
        let mut now = ms(1_100);
        for pause_seconds in [2, 4, 8, 16, 30, 30, 30] {
            fail_trial(&mut breaker, now);
            let until = now + Duration::from_secs(pause_seconds);
            assert_eq!(breaker.state(now), BreakerState::Open { until });
            now = until;
        }
    }

    #[test]
    fn failures_of_calls_that_left_before_it_opened_change_nothing() {
        let mut breaker = opened();
        // While it is open.
        breaker.on_answer(ms(60), ms(900), &down());
        assert_eq!(breaker.state(ms(900)), BreakerState::Open { until: ms(1_100) });
        // While the trial is under way: the trial alone decides.
        assert_eq!(breaker.try_pass(ms(1_100)), Pass::Trial);
        breaker.on_answer(ms(70), ms(1_200), &Verdict::Unknown { what: "timeout" });
        assert_eq!(breaker.state(ms(1_200)), BreakerState::HalfOpen);
        breaker.on_answer(ms(1_100), ms(1_300), &down());
        assert_eq!(breaker.state(ms(1_300)), BreakerState::Open { until: ms(3_300) });
        // After the provider has come back.
        assert_eq!(breaker.try_pass(ms(3_300)), Pass::Trial);
        breaker.on_answer(ms(3_300), ms(3_400), &Verdict::Accepted);
        for _ in 0..FAILURES_TO_OPEN {
            breaker.on_answer(ms(80), ms(3_500), &Verdict::Unknown { what: "timeout" });
        }
        assert_eq!(breaker.state(ms(3_500)), BreakerState::Closed);
    }

    #[test]
    fn a_trial_that_was_not_sent_goes_to_the_next_one_who_asks() {
        let mut breaker = opened();
        assert_eq!(breaker.try_pass(ms(1_100)), Pass::Trial);
        breaker.return_trial(ms(1_150));
        assert_eq!(breaker.try_pass(ms(1_150)), Pass::Trial);
        breaker.on_answer(ms(1_150), ms(1_200), &Verdict::Accepted);
        breaker.return_trial(ms(1_250));
        assert_eq!(breaker.state(ms(1_250)), BreakerState::Closed);
    }

    #[test]
    fn patience_counts_from_the_first_failure_of_the_row_and_no_wait_outlasts_it() {
        let mut breaker = Breaker::new(ms(2_500));
        breaker.on_answer(ms(0), ms(100), &down());
        for _ in 1..FAILURES_TO_OPEN {
            breaker.on_answer(ms(0), ms(1_000), &down());
        }
        fail_trial(&mut breaker, ms(2_000));
        // Two seconds of pause would follow, but patience ends at 2,600 ms.
        assert_eq!(breaker.try_pass(ms(2_000)), Pass::Wait(ms(600)));
        assert_eq!(breaker.state(ms(2_600)), BreakerState::GaveUp);
        assert_eq!(breaker.try_pass(ms(2_600)), Pass::GiveUp);
    }

    #[test]
    fn an_answer_in_between_renews_the_patience() {
        let mut breaker = Breaker::new(ms(2_500));
        breaker.on_answer(ms(0), ms(100), &down());
        breaker.on_answer(ms(100), ms(2_000), &Verdict::Accepted);
        for _ in 0..FAILURES_TO_OPEN {
            breaker.on_answer(ms(2_000), ms(2_400), &down());
        }
        assert_eq!(breaker.state(ms(2_700)), BreakerState::Open { until: ms(3_400) });
        assert_eq!(breaker.state(ms(4_900)), BreakerState::GaveUp);
    }

    #[test]
    fn a_few_failures_long_ago_are_no_outage() {
        let mut breaker = Breaker::new(ms(2_500));
        breaker.on_answer(ms(0), ms(100), &down());
        assert_eq!(breaker.try_pass(ms(60_000)), Pass::Go);
    }

    #[test]
    fn a_lost_trial_cannot_hang_the_lane() {
        let mut breaker = opened();
        assert_eq!(breaker.try_pass(ms(1_100)), Pass::Trial);
        let mut now = ms(1_100);
        while let Pass::Wait(wait) = breaker.try_pass(now) {
            assert!(!wait.is_zero());
            now += wait;
        }
        assert_eq!((breaker.try_pass(now), now), (Pass::GiveUp, ms(100) + PATIENCE));
    }

    #[test]
    fn a_provider_that_only_throttles_is_given_up_after_the_patience() {
        let mut breaker = Breaker::new(ms(2_500));
        for second in 0..=2 {
            breaker.on_answer(ms(second * 1_000), ms(second * 1_000 + 100), &THROTTLED);
            assert_eq!(breaker.try_pass(ms(second * 1_000 + 100)), Pass::Go);
        }
        // What got no answer at all is no other answer.
        breaker.on_answer(ms(2_100), ms(2_200), &down());
        breaker.on_answer(ms(3_000), ms(3_100), &THROTTLED);
        assert_eq!(breaker.state(ms(3_100)), BreakerState::GaveUp);
        assert_eq!(breaker.try_pass(ms(3_100)), Pass::GiveUp);
    }

    #[test]
    fn a_provider_that_takes_a_call_now_and_then_is_never_given_up() {
        let mut breaker = Breaker::new(ms(2_500));
        for second in (0..60).step_by(2) {
            breaker.on_answer(ms(second * 1_000), ms(second * 1_000), &THROTTLED);
            breaker.on_answer(ms(second * 1_000 + 900), ms(second * 1_000 + 1_000), &Verdict::Accepted);
            assert_eq!(breaker.try_pass(ms(second * 1_000 + 1_000)), Pass::Go);
        }
    }

    #[test]
    fn a_wait_that_the_provider_asked_for_is_waited_and_the_next_throttled_call_ends_it() {
        let hour = Duration::from_hours(1);
        let mut breaker = Breaker::new(PATIENCE);
        breaker.on_answer(ms(0), ms(100), &THROTTLED);
        // This one left before the first was throttled, and took its time.
        breaker.on_answer(ms(50), PATIENCE + ms(100), &THROTTLED);
        assert_eq!(breaker.try_pass(hour), Pass::Go);
        breaker.on_answer(hour, hour + ms(100), &THROTTLED);
        assert_eq!(breaker.state(hour + ms(100)), BreakerState::GaveUp);
    }

    #[test]
    fn a_call_taken_beside_the_last_throttled_one_revokes_the_giving_up() {
        let mut breaker = Breaker::new(ms(2_500));
        breaker.on_answer(ms(0), ms(100), &THROTTLED);
        breaker.on_answer(ms(3_000), ms(3_050), &THROTTLED);
        assert_eq!(breaker.state(ms(3_050)), BreakerState::GaveUp);
        breaker.on_answer(ms(3_000), ms(3_200), &Verdict::Accepted);
        assert_eq!(breaker.try_pass(ms(3_200)), Pass::Go);
    }
}
