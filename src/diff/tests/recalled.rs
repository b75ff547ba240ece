//! Calls that stand for customers of whom nothing is sent now.

use super::*;

/// Records that contradict a call with values B and Do.
fn rejected() -> Vec<(Projection, Policy<'static>)> {
    let reject_invalid = Policy { on_invalid: OnInvalid::RejectCustomer, ..policy() };
    let reject_cleared = Policy { on_cleared: OnCleared::Reject, ..policy() };
    let mut no_key = says(&[(3, "C"), (4, "Do")]);
    no_key.key = KeyCell::Invalid(FieldCode(9));
    vec![
        (says(&[(1, "?"), (3, "C"), (4, "Do")]), reject_invalid),
        (says(&[(3, "?"), (4, "Do")]), reject_invalid),
        (says(&[(3, ""), (4, "Do")]), reject_cleared),
        (no_key, reject_invalid),
    ]
}

/// What would leave is recalled; about what is refused or held a person decides.
#[test]
fn an_older_value_does_not_leave_for_a_customer_who_is_not_sent_at_all() {
    for (now, policy) in &rejected() {
        for (state, recalled) in [
            (State::Queued, true),
            (State::Waiting, true),
            (State::Probing, true),
            (State::Held, false),
            (State::Refused, false),
        ] {
            let standing = standing(state, Operation::Update, &[(3, "B"), (4, "Do")]);
            let before = Before { standing: standing.clone(), ..known(&[(3, "A"), (4, "Do")]) };
            let decision = run(before, now, policy);
            assert_eq!(decision.action, Action::Nothing, "{state:?}");
            let standing = standing.expect("there");
            assert_eq!(is_recalled(&standing, now, &decision), recalled, "{state:?} {now:?}");
        }
    }
}

#[test]
fn what_the_record_says_too_goes_all_the_same() {
    let policy = Policy { on_invalid: OnInvalid::RejectCustomer, ..policy() };
    let queued = standing(State::Queued, Operation::Update, &[(3, "B")]);
    let before = Before { standing: queued.clone(), ..known(&[(3, "A"), (4, "Do")]) };
    let now = says(&[(3, "B"), (4, "?")]);
    let decision = run(before, &now, &policy);
    assert_eq!(decision.action, Action::Nothing);
    assert!(!is_recalled(&queued.expect("there"), &now, &decision));
}

/// The outcome of a create has to be found out, with the newest values.
#[test]
fn a_recalled_create_goes_on_with_the_next_record_that_can_be_sent() {
    for now in ["B", "C"] {
        let held = standing(State::Held, Operation::Create, &[(3, "B")]).expect("there");
        let hold = Some(HoldReason::Overtaken);
        let standing = Standing { life: Life { hold, create_unknown: true, ..held.life }, ..held };
        let before = Before { standing: Some(standing), ..Before::default() };
        let decision = run(before, &says(&[(3, now)]), &policy());
        let expected = Action::Replace { payload: payload(&[(3, now)]), withdrawal: false };
        assert_eq!(decision.action, expected);
    }
}

#[test]
fn a_blank_of_a_record_with_an_invalid_key_is_nothing_that_its_account_lacks() {
    let policy = Policy { on_cleared: OnCleared::SendEmpty, ..policy() };
    let mut now = says(&[(3, ""), (4, "Doe")]);
    now.key = KeyCell::Invalid(FieldCode(9));
    let findings = run(known(&[(4, "Do")]), &now, &policy).findings;
    assert_eq!((findings.rejected, findings.untaken), (Some(Rejection::InvalidKey), vec![FieldCode(4)]));
}
