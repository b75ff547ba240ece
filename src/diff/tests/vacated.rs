//! What a new value does not have: an address without a number beside which the old one would go on standing.

use super::*;

const ADDRESS: [WireField; 3] = [
    field(1, "address.number", "address", false),
    field(2, "address.name", "address", false),
    field(4, "last", "", false),
];

fn find(code: FieldCode) -> Option<WireField> {
    ADDRESS.iter().copied().find(|field| field.code == code)
}

fn policy_of(send: Send) -> Policy<'static> {
    Policy { send, field: &find, fields: &ADDRESS, ..policy() }
}

/// A street without a number.
fn without_number(name: &str) -> Projection {
    let mut now = says(&[(2, name), (4, "Do")]);
    now.cells.insert(FieldCode(1), WireCell::Vacant);
    now
}

#[test]
fn a_street_that_loses_its_number_alone_goes_without_it_once() {
    for send in [Send::Objects, Send::All] {
        let (policy, now) = (policy_of(send), without_number("rue de la Paix"));
        let mut before = known(&[(1, "12"), (2, "rue de la Paix"), (4, "Do")]);
        let decision = run(before.clone(), &now, &policy);
        let Action::Call { payload: sent, .. } = &decision.action else { unreachable!("{decision:?}") };
        assert_eq!(
            (sent.values.get(FieldCode(1)), sent.values.get(FieldCode(2))),
            (None, Some("rue de la Paix"))
        );
        assert_eq!(decision.findings.changed, [FieldCode(1)]);
        assert_eq!(decision.findings.unknown_after, [FieldCode(1)]);
        // While it waits it is the same call, and stays.
        before.account.as_mut().expect("known").mark_unknown([FieldCode(1)]);
        let sent: Vec<_> = sent.values.iter().map(|(code, value)| (code.0, value)).collect();
        let waiting =
            Before { standing: standing(State::Queued, Operation::Update, &sent), ..before.clone() };
        assert_eq!(run(waiting, &now, &policy).action, Action::Nothing);
        // Once it is acknowledged, nobody knows what the provider has there, and it is not sent every night.
        assert_eq!(run(before, &now, &policy).action, Action::Nothing);
    }
}

#[test]
fn a_queued_street_without_its_number_outlives_the_revert_of_its_name() {
    let mut before = known(&[(1, "12"), (2, "rue Foch"), (4, "Do")]);
    before.account.as_mut().expect("known").mark_unknown([FieldCode(1)]);
    before.standing = standing(State::Queued, Operation::Update, &[(2, "rue Hugo")]);
    let decision = run(before, &without_number("rue Foch"), &policy_of(Send::Objects));
    assert_eq!(decision.action, update(&[(2, "rue Foch")]));
}

#[test]
fn a_number_that_cannot_go_because_its_object_is_incomplete_is_told_of() {
    let mut now = without_number("rue Foch");
    now.cells.remove(&FieldCode(2));
    let decision = run(known(&[(1, "12"), (2, "rue Foch")]), &now, &policy_of(Send::Objects));
    assert_eq!(decision.action, update(&[(4, "Do")]));
    let told: Vec<_> = decision.findings.incomplete.iter().flat_map(|one| one.fields.clone()).collect();
    assert_eq!(told, [FieldCode(1)]);
}
