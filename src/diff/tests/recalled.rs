//! Standing calls of customers of whom nothing is sent now.

use super::*;

/// Of each state: what becomes of a call that the record contradicts.
fn recalled(state: State) -> Action {
    if matches!(state, State::Probing | State::Held) {
        Action::Replace { payload: payload(&[(4, "Do")]), withdrawal: false }
    } else {
        Action::Close
    }
}

#[test]
fn an_older_value_does_not_leave_for_a_customer_who_is_not_sent_at_all() {
    let reject_invalid = Policy { on_invalid: OnInvalid::RejectCustomer, ..policy() };
    let reject_cleared = Policy { on_cleared: OnCleared::Reject, ..policy() };
    let mut no_key = says(&[(3, "C"), (4, "Do")]);
    no_key.key = KeyCell::Invalid(FieldCode(9));
    let cases = [
        (says(&[(1, "?"), (3, "C"), (4, "Do")]), &reject_invalid),
        (says(&[(3, "?"), (4, "Do")]), &reject_invalid),
        (says(&[(3, ""), (4, "Do")]), &reject_cleared),
        (no_key, &reject_invalid),
    ];
    for (now, policy) in &cases {
        for state in [State::Queued, State::Waiting, State::Refused, State::Probing, State::Held] {
            let standing = standing(state, Operation::Update, &[(3, "B"), (4, "Do")]);
            let before = Before { standing, ..known(&[(3, "A"), (4, "Do")]) };
            let decision = run(before, now, policy);
            assert!(decision.findings.rejected.is_some());
            assert_eq!(decision.action, recalled(state), "{state:?} {now:?}");
        }
    }
}

#[test]
fn what_the_record_says_too_goes_all_the_same() {
    let policy = Policy { on_invalid: OnInvalid::RejectCustomer, ..policy() };
    let before = Before {
        standing: standing(State::Queued, Operation::Update, &[(3, "B")]),
        ..known(&[(3, "A"), (4, "Do")])
    };
    assert_eq!(run(before, &says(&[(3, "B"), (4, "?")]), &policy).action, Action::Nothing);
}

/// The object of fields 1 and 2 is incomplete, so that nothing of the newer value can go.
#[test]
fn a_held_call_does_not_keep_an_older_value_where_the_newer_one_cannot_go() {
    let held = standing(State::Held, Operation::Update, &[(1, "b@b.fr"), (2, "1")]);
    let before = Before { standing: held, ..known(&[(1, "a@b.fr"), (2, "0")]) };
    let decision = run(before, &says(&[(1, "c@b.fr"), (2, "?")]), &policy());
    assert_eq!(decision.action, Action::Replace { payload: payload(&[]), withdrawal: false });
}
