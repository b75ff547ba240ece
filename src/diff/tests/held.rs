//! Calls that wait for a person or a probe.

use super::*;

#[test]
fn probing_and_held_calls_keep_their_place_and_get_the_newest_values() {
    for state in [State::Probing, State::Held] {
        let before = Before {
            account: None,
            standing: standing(state, Operation::Create, &[(3, "A"), (4, "Do")]),
            ..Before::default()
        };
        let decision = run(before, &says(&[(3, "B")]), &policy());
        let expected = Action::Replace { payload: payload(&[(3, "B"), (4, "Do")]), withdrawal: false };
        assert_eq!(decision.action, expected, "{state:?}");
    }
}

/// One that crashed may have left what it carries; whether a key is still shared is not known here.
#[test]
fn a_held_call_stays_as_it_is_where_the_same_is_left_to_bring_or_nothing() {
    for (hold, now) in [(HoldReason::Crashed, "A"), (HoldReason::DuplicateKey, "B")] {
        let held = standing(State::Held, Operation::Update, &[(3, "B")]);
        let held = held.map(|call| Standing { life: Life { hold: Some(hold), ..call.life }, ..call });
        let before = Before { standing: held, ..known(&[(3, "A")]) };
        assert_eq!(run(before, &says(&[(3, now)]), &policy()).action, Action::Nothing, "{hold:?}");
    }
}

#[test]
fn a_changed_key_is_held_and_closes_when_it_changes_back() {
    let mut now = says(&[(3, "A")]);
    now.key = KeyCell::Key(key("k2"));
    let Action::Call { hold, payload: sent, .. } = run(known(&[(3, "A")]), &now, &policy()).action else {
        unreachable!("a call")
    };
    assert_eq!((hold, sent.key), (Some(HoldReason::KeyChanged), key("k2")));
    let held = held_under("k2", &[(3, "A")]);
    let before = Before { standing: Some(held), ..known(&[(3, "A")]) };
    assert_eq!(run(before, &says(&[(3, "A")]), &policy()).action, Action::Close);
}

#[test]
fn a_released_call_under_a_changed_key_is_not_held_again() {
    let mut now = says(&[(3, "B")]);
    now.key = KeyCell::Key(key("k2"));
    let values = values(&[(3, "A")]);
    for (state, hold) in [(State::Queued, None), (State::Held, Some(HoldReason::KeyChanged))] {
        let payload = Payload { key: key("k2"), values: values.clone() };
        let call = standing_with(Life { state, ..Life::new(Operation::Create, hold) }, payload);
        let decision = run(Before { standing: Some(call), ..known(&[(3, "A")]) }, &now, &policy());
        assert!(matches!(decision.action, Action::Call { hold: now, .. } if now == hold), "{decision:?}");
    }
}

#[test]
fn a_consent_that_is_withdrawn_in_a_call_that_keeps_its_place_goes_first() {
    let held = standing(State::Held, Operation::Update, &[(2, "1"), (3, "B")]);
    let before = Before { standing: held, ..known(&[(2, "1"), (3, "A")]) };
    let decision = run(before, &says(&[(2, "0")]), &policy());
    assert!(matches!(decision.action, Action::Replace { withdrawal: true, .. }), "{decision:?}");
}
