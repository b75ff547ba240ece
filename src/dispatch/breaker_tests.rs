//! What each answer does to a breaker, and when.

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
        (Verdict::Refused { code: code(), remedy: Remedy::None }, false),
        (Verdict::Exists { code: code() }, false),
        (Verdict::Missing { code: code() }, false),
        (Verdict::Denied { code: code(), by_body: true }, false),
        (Verdict::Contract { code: code(), perhaps_applied: false }, false),
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

fn transient() -> Verdict {
    Verdict::Transient { code: AnswerCode::new("179") }
}

#[test]
fn five_transient_codes_in_a_row_let_nothing_pass_and_then_all() {
    let mut breaker = Breaker::new(PATIENCE);
    for _ in 1..FAILURES_TO_OPEN {
        breaker.on_answer(ms(0), ms(100), &transient());
    }
    assert_eq!(breaker.try_pass(ms(100)), Pass::Go);
    let mut now = ms(100);
    for pause_seconds in [1, 2, 4, 8, 16, 30, 30] {
        breaker.on_answer(now, now, &transient());
        let until = now + Duration::from_secs(pause_seconds);
        assert_eq!(breaker.try_pass(now), Pass::Wait(until - now));
        // It left before: one row, not several.
        breaker.on_answer(now, until - ms(1), &transient());
        assert_eq!(breaker.try_pass(until - ms(1)), Pass::Wait(ms(1)));
        assert!(!breaker.spares_tries(until - ms(1)));
        assert_eq!([breaker.try_pass(until), breaker.try_pass(until)], [Pass::Go; 2]);
        now = until;
    }
    breaker.on_answer(now, now, &Verdict::Accepted);
    for _ in 1..FAILURES_TO_OPEN {
        breaker.on_answer(now, now, &transient());
    }
    assert_eq!(breaker.state(now), BreakerState::Closed);
}

/// A call that is never taken must not keep the others back.
#[test]
fn transient_codes_between_other_answers_stop_nothing() {
    let mut breaker = Breaker::new(ms(2_500));
    for second in 0..60 {
        let now = Duration::from_secs(second);
        breaker.on_answer(now, now, &transient());
        breaker.on_answer(now, now, &Verdict::Accepted);
        assert_eq!(breaker.try_pass(now), Pass::Go);
    }
}

#[test]
fn what_is_silent_behind_transient_codes_opens_it() {
    let mut breaker = Breaker::new(PATIENCE);
    for _ in 0..FAILURES_TO_OPEN {
        breaker.on_answer(ms(0), ms(100), &transient());
    }
    for _ in 0..FAILURES_TO_OPEN {
        breaker.on_answer(ms(1_100), ms(1_200), &down());
    }
    assert!(breaker.spares_tries(ms(1_200)));
    let Pass::Wait(wait) = breaker.try_pass(ms(1_200)) else { panic!("it passes") };
    let passes = [breaker.try_pass(ms(1_200) + wait), breaker.try_pass(ms(1_200) + wait)];
    assert!(matches!(passes, [Pass::Trial, Pass::Wait(_)]), "{passes:?}");
}

#[test]
fn a_provider_that_has_nothing_but_transient_codes_is_given_up_after_the_patience() {
    let mut breaker = Breaker::new(ms(2_500));
    for second in 0..=2 {
        breaker.on_answer(ms(second * 1_000), ms(second * 1_000 + 100), &transient());
    }
    breaker.on_answer(ms(3_000), ms(3_100), &THROTTLED);
    assert_eq!(breaker.try_pass(ms(3_100)), Pass::GiveUp);
    breaker.on_answer(ms(3_000), ms(3_200), &Verdict::Accepted);
    assert_eq!(breaker.try_pass(ms(3_200)), Pass::Go);
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
