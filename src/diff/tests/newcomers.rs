//! Customers of whom no call was acknowledged.

use super::*;

#[test]
fn somebody_new_is_created_with_everything() {
    let decision = run(Before::default(), &says(&[(1, "a@b.fr"), (3, "Jo"), (4, "")]), &policy());
    let Action::Call { operation, payload: sent, hold: None, .. } = decision.action else {
        unreachable!("{decision:?}")
    };
    assert_eq!((operation, sent), (Operation::Create, payload(&[(1, "a@b.fr"), (3, "Jo")])));
}

#[test]
fn somebody_new_is_updated_or_skipped_as_configured() {
    let says = says(&[(3, "Jo")]);
    let updated = run(Before::default(), &says, &Policy { on_new: OnNew::Update, ..policy() });
    assert_eq!(updated.action, update(&[(3, "Jo")]));
    let skipped = run(Before::default(), &says, &Policy { on_new: OnNew::Skip, ..policy() });
    assert_eq!(skipped.action, Action::Nothing);
}

#[test]
fn a_queued_create_is_closed_when_new_customers_are_to_be_skipped() {
    let before = Before {
        account: None,
        standing: standing(State::Queued, Operation::Create, &[(3, "A")]),
        ..Before::default()
    };
    let decision = run(before, &says(&[(3, "A")]), &Policy { on_new: OnNew::Skip, ..policy() });
    assert_eq!(decision.action, Action::Close);
}

/// What the setting said when the call was made does not bind: only what may have arrived, or was refused, does.
#[test]
fn a_call_that_has_not_left_becomes_what_is_done_for_somebody_new_by_now() {
    let queued = |operation| standing(State::Queued, operation, &[(3, "A")]);
    let decided = |standing: Option<Standing>, unknown: &[u32], on_new| {
        let account = (!unknown.is_empty()).then(|| {
            let mut account = Account::new(key("k1"));
            account.mark_unknown(unknown.iter().map(|code| FieldCode(*code)));
            account
        });
        let before = Before { account, standing, ..Before::default() };
        match run(before, &says(&[(3, "A")]), &Policy { on_new, ..policy() }).action {
            Action::Call { operation, hold: None, .. } => operation.name(),
            Action::Nothing => "as it is",
            Action::Close => "ends",
            action => unreachable!("{action:?}"),
        }
    };
    let (create, update) = (Operation::Create, Operation::Update);
    assert_eq!(decided(queued(update), &[], OnNew::Create), create.name());
    assert_eq!(decided(queued(update), &[], OnNew::Skip), "ends");
    assert_eq!(decided(queued(create), &[], OnNew::Update), update.name());
    assert_eq!(decided(queued(update), &[3], OnNew::Create), "as it is");
    assert_eq!(decided(queued(update), &[3], OnNew::Skip), "as it is");
    let settling = queued(update).map(|call| Standing { settling: true, ..call });
    assert_eq!(decided(settling, &[], OnNew::Create), "as it is");
    let refused = || standing(State::Refused, update, &[(3, "A")]);
    assert_eq!(decided(refused(), &[], OnNew::Create), "as it is");
    let missing = refused().map(|call| Standing { missing: true, ..call });
    assert_eq!(decided(missing, &[], OnNew::Create), create.name());
}
