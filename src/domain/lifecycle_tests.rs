//! The table of the design, line by line, and its laws over random lives.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::*;

const HAPPENINGS: &[Happening] = &[
    Happening::Leased,
    Happening::Accepted,
    Happening::AcceptedInPart,
    Happening::Throttled,
    Happening::NotApplied { spares_try: false },
    Happening::NotApplied { spares_try: true },
    Happening::OutcomeUnknown,
    Happening::UnknownInOutage,
    Happening::Crashed,
    Happening::Refused,
    Happening::RefusedAfterUnknown,
    Happening::RefusedForNow,
    Happening::RefusedAsWhole,
    Happening::Exists,
    Happening::Missing,
    Happening::LaneStopped,
    Happening::DeniedByCode,
    Happening::Interrupted,
    Happening::AttemptsUsedUp,
    Happening::NewerValue,
    Happening::NothingLeft,
    Happening::KeyDisputed,
    Happening::GivenAway,
    Happening::LeftBehind,
    Happening::Restored,
    Happening::Released,
    Happening::ResolvedApplied,
    Happening::ResolvedAppliedOlder,
    Happening::ResolvedAppliedInPart,
    Happening::ResolvedNotApplied,
    Happening::Abandoned,
    Happening::Forgotten,
];

fn life(state: State, operation: Operation) -> Life {
    Life { state, create_unknown: state == State::Probing, ..Life::new(operation, None) }
}

fn after(life: &Life, happening: Happening) -> Step {
    next(life, happening).expect("a legal event")
}

#[test]
fn throttled_call_keeps_its_attempt() {
    let step = after(&life(State::InFlight, Operation::Update), Happening::Throttled);
    assert_eq!((step.life.state, step.life.attempts), (State::Waiting, 0));
}

#[test]
fn a_failure_before_sending_spends_an_attempt_unless_the_breaker_is_open() {
    let call = life(State::InFlight, Operation::Update);
    assert_eq!(after(&call, Happening::NotApplied { spares_try: false }).life.attempts, 1);
    assert_eq!(after(&call, Happening::NotApplied { spares_try: true }).life.attempts, 0);
}

#[test]
fn an_update_with_unknown_outcome_waits_settle_and_its_fields_become_unknown() {
    let step = after(&life(State::InFlight, Operation::Update), Happening::OutcomeUnknown);
    assert_eq!(
        (step.life.state, step.wait, step.effect),
        (State::Waiting, Wait::Settle, Effect::MarkUnknown)
    );
}

#[test]
fn a_create_with_unknown_outcome_is_probed_after_settle() {
    for happening in [Happening::OutcomeUnknown, Happening::Crashed] {
        let step = after(&life(State::InFlight, Operation::Create), happening);
        assert_eq!((step.life.state, step.wait), (State::Probing, Wait::Settle));
        assert!(step.life.create_unknown);
    }
}

#[test]
fn only_two_missing_answers_bring_a_create_back() {
    let first = after(&life(State::Probing, Operation::Create), Happening::Missing);
    assert_eq!((first.life.state, first.wait), (State::Probing, Wait::Settle));
    let second = after(&first.life, Happening::Missing);
    assert_eq!((second.life.state, second.life.create_unknown), (State::Queued, false));
}

#[test]
fn a_probe_refused_for_anything_else_proves_nothing() {
    let refusals = [Happening::Refused, Happening::RefusedForNow, Happening::RefusedAsWhole];
    for happening in refusals.into_iter().chain([Happening::Exists]) {
        let step = after(&life(State::Probing, Operation::Create), happening);
        assert_eq!(step.life.hold, Some(HoldReason::ProbeRefused));
    }
}

#[test]
fn a_released_create_with_unknown_outcome_is_probed_not_sent() {
    let held = after(&life(State::Probing, Operation::Create), Happening::Refused).life;
    assert_eq!(after(&held, Happening::Released).life.state, State::Probing);
    assert_eq!(after(&held, Happening::ResolvedNotApplied).life.state, State::Queued);
}

#[test]
fn a_create_of_somebody_who_exists_becomes_an_update() {
    let step = after(&life(State::InFlight, Operation::Create), Happening::Exists);
    assert_eq!((step.life.state, step.life.operation), (State::Queued, Operation::Update));
    assert_eq!(step.effect, Effect::Exists);
}

#[test]
fn the_third_crash_holds_the_call() {
    let mut call = life(State::InFlight, Operation::Update);
    for _ in 1..CRASHES_MAX {
        call = Life { unknown_runs: 0, ..after(&call, Happening::Crashed).life };
        assert_eq!(call.state, State::Waiting);
        call = after(&call, Happening::Leased).life;
    }
    let held = after(&call, Happening::Crashed);
    // What takes its place waits as long as it would have.
    assert_eq!((held.life.hold, held.wait), (Some(HoldReason::Crashed), Wait::Settle));
}

#[test]
fn unknown_in_three_runs_holds_the_call_but_thrice_in_one_run_does_not() {
    let mut call = life(State::InFlight, Operation::Update);
    for run in 1..=UNKNOWN_RUNS_MAX {
        for _ in 0..3 {
            call = Life { state: State::InFlight, ..call };
            let step = after(&call, Happening::OutcomeUnknown);
            assert_eq!(step.wait, Wait::Settle, "also for what takes the place of a held one");
            call = step.life;
        }
        assert_eq!(call.state == State::Held, run == UNKNOWN_RUNS_MAX, "run {run}");
        call.unknown_this_run = false;
    }
}

#[test]
fn an_outage_holds_no_call_however_many_runs_it_lasts() {
    for operation in [Operation::Update, Operation::Create] {
        let mut call = life(State::InFlight, operation);
        for _ in 0..2 * UNKNOWN_RUNS_MAX {
            call = after(&call, Happening::UnknownInOutage).life;
            assert!(matches!(call.state, State::Waiting | State::Probing), "{:?}", call.state);
            call = Life { unknown_this_run: false, ..after(&call, Happening::Leased).life };
        }
        assert_eq!(call.unknown_runs, 1, "it may have been applied, which stays known");
    }
}

#[test]
fn a_lane_that_stops_gives_the_call_back_unspent() {
    for happening in [Happening::LaneStopped, Happening::Interrupted] {
        let step = after(&life(State::InFlight, Operation::Update), happening);
        assert_eq!((step.life.state, step.life.attempts), (State::Queued, 0));
    }
}

#[test]
fn a_call_goes_after_the_others_once_whatever_else_becomes_of_it() {
    let once = after(&life(State::InFlight, Operation::Update), Happening::RefusedForNow).life;
    assert_eq!(once.state, State::Queued);
    let in_part = after(&after(&once, Happening::Leased).life, Happening::RefusedAsWhole).life;
    assert_eq!(in_part.state, State::Queued);
    let again = after(&in_part, Happening::Leased).life;
    assert!(next(&again, Happening::RefusedForNow).is_err());
    assert_eq!(after(&again, Happening::Refused).life.state, State::Refused);
}

#[test]
fn a_part_accepted_leaves_the_rest_refused() {
    let step = after(&life(State::InFlight, Operation::Update), Happening::AcceptedInPart);
    assert_eq!((step.life.state, step.effect), (State::Refused, Effect::Acknowledge));
}

#[test]
fn a_held_call_whose_bytes_may_have_left_does_not_vanish() {
    let sent = Life { hold: Some(HoldReason::Unknown), ..life(State::Held, Operation::Update) };
    assert!(next(&sent, Happening::NothingLeft).is_err());
    let unsent = Life { hold: Some(HoldReason::KeyChanged), ..sent };
    assert_eq!(after(&unsent, Happening::NothingLeft).life.state, State::Superseded);
}

#[test]
fn an_illegal_event_names_both() {
    let error = next(&life(State::Acknowledged, Operation::Update), Happening::Leased).expect_err("settled");
    assert_eq!(error.to_string(), "Leased cannot happen to a call that is acknowledged");
}

/// Failures are kept beside this file.
fn config() -> ProptestConfig {
    let kept = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { failure_persistence: Some(Box::new(kept)), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn settled_states_are_left_only_by_a_newer_value_or_a_person(picks in prop::collection::vec(0..HAPPENINGS.len(), 1..60), create: bool) {
        let operation = if create { Operation::Create } else { Operation::Update };
        let mut call = Life::new(operation, None);
        for pick in picks {
            let happening = HAPPENINGS[pick];
            let before = call;
            let Ok(step) = next(&call, happening) else { continue };
            call = step.life;
            if !before.state.is_open() {
                prop_assert_eq!(before.state, State::Refused);
                let allowed = [
                    Happening::NewerValue,
                    Happening::GivenAway,
                    Happening::NothingLeft,
                    Happening::Released,
                    Happening::Restored,
                    Happening::Forgotten,
                ];
                prop_assert!(allowed.contains(&happening));
            }
        }
    }

    #[test]
    fn a_create_of_unknown_outcome_is_never_ready_to_be_sent_again(picks in prop::collection::vec(0..HAPPENINGS.len(), 1..80)) {
        let mut call = Life::new(Operation::Create, None);
        for pick in picks {
            let Ok(step) = next(&call, HAPPENINGS[pick]) else { continue };
            call = step.life;
            let sendable_as_create = matches!(call.state, State::Queued | State::Waiting | State::InFlight);
            prop_assert!(!(call.create_unknown && sendable_as_create), "{call:?}");
            prop_assert_eq!(call.hold.is_some(), call.state == State::Held);
        }
    }
}

#[test]
fn a_disputed_key_holds_what_has_not_left_and_nothing_else() {
    for state in [State::Queued, State::Waiting, State::Probing] {
        let step = after(&life(state, Operation::Update), Happening::KeyDisputed);
        assert_eq!((step.life.state, step.life.hold), (State::Held, Some(HoldReason::DuplicateKey)));
    }
    for state in [State::InFlight, State::Held, State::Refused] {
        assert!(next(&life(state, Operation::Update), Happening::KeyDisputed).is_err(), "{state:?}");
    }
}

#[test]
fn a_call_whose_account_is_another_customer_s_ends_unless_it_is_on_its_way() {
    let ends = [
        (State::Queued, State::Superseded),
        (State::Waiting, State::Superseded),
        (State::Probing, State::Superseded),
        (State::Refused, State::Superseded),
        (State::Held, State::Abandoned),
    ];
    for (before, expected) in ends {
        assert_eq!(after(&life(before, Operation::Create), Happening::GivenAway).life.state, expected);
    }
    assert!(next(&life(State::InFlight, Operation::Create), Happening::GivenAway).is_err());
}

#[test]
fn after_a_restore_a_create_is_probed_and_never_sent_again_without_proof() {
    let cases = [
        // What might have left is probed; what waits for a person or a change waits on, and is probed when released.
        (State::Queued, State::Probing),
        (State::Waiting, State::Probing),
        (State::Probing, State::Probing),
        (State::Refused, State::Refused),
    ];
    for (before, expected) in cases {
        let step = after(&life(before, Operation::Create), Happening::Restored);
        assert_eq!((step.life.state, step.life.create_unknown), (expected, true), "{before:?}");
        assert_eq!(step.effect, Effect::MarkUnknown);
        if expected == State::Refused {
            assert_eq!(after(&step.life, Happening::Released).life.state, State::Probing);
        }
    }
    let update = after(&life(State::Queued, Operation::Update), Happening::Restored);
    assert_eq!((update.life.state, update.life.create_unknown), (State::Queued, false));
}
