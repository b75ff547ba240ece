//! The policy as cases: a small provider with one object, two lone fields and a consent.

mod held;
mod newcomers;
mod older;
mod presumed;
mod recalled;
mod vacated;

use proptest::prelude::*;

use super::*;
use crate::domain::account::Keeping;
use crate::domain::call::{CallId, State};
use crate::domain::clock::Timestamp;
use crate::domain::customer::CustomerId;
use crate::domain::field::Field;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::lifecycle::Life;
use crate::domain::provider::ProviderId;
use crate::domain::wire::{Form, WireCell};

const fn field(code: u32, name: &'static str, object: &'static str, consent: bool) -> WireField {
    WireField {
        code: FieldCode(code),
        name,
        object,
        sources: &[Field::Email],
        form: Form::Text,
        chars: (0, 50),
        format: "",
        consent,
        can_be_empty: code == 3,
        document: "test",
    }
}

static TABLE: [WireField; 4] = [
    field(1, "mail.address", "mail", false),
    field(2, "mail.allowed", "mail", true),
    field(3, "first", "", false),
    field(4, "last", "", false),
];

fn lookup(code: FieldCode) -> Option<WireField> {
    TABLE.iter().copied().find(|field| field.code == code)
}

fn nothing_excluded(_: FieldCode) -> bool {
    false
}

fn policy() -> Policy<'static> {
    Policy {
        send: Send::Objects,
        on_new: OnNew::Create,
        on_cleared: OnCleared::Ignore,
        on_invalid: OnInvalid::SkipField,
        full_resync: false,
        excluded: &nothing_excluded,
        touched: &nothing_excluded,
        field: &lookup,
        fields: &TABLE,
        along: &[],
    }
}

struct World {
    fingerprinter: Fingerprinter,
    customer: CustomerId,
}

impl World {
    fn new() -> Self {
        Self { fingerprinter: Fingerprinter::new(b"k"), customer: CustomerId::new("c1").expect("valid") }
    }

    fn keeper(&self, clear: bool) -> Keeper<'_> {
        Keeping { fingerprinter: &self.fingerprinter, clear }.of(&self.customer, ProviderId::Wsone)
    }

    fn account(&self, held: &[(u32, &str)]) -> Account {
        let mut account = Account::new(key("k1"));
        account.acknowledge(&key("k1"), &values(held), &mut self.keeper(false));
        account
    }
}

fn key(text: &str) -> ProviderKey {
    ProviderKey(text.into())
}

fn values(pairs: &[(u32, &str)]) -> WireValues {
    pairs.iter().map(|(code, value)| (FieldCode(*code), (*value).to_owned())).collect()
}

fn payload(pairs: &[(u32, &str)]) -> Payload {
    Payload { key: key("k1"), values: values(pairs) }
}

fn says(cells: &[(u32, &str)]) -> Projection {
    let cell = |text: &str| match text {
        "" => WireCell::Cleared,
        "?" => WireCell::Invalid,
        value => WireCell::Value(value.into()),
    };
    Projection {
        key: KeyCell::Key(key("k1")),
        cells: cells.iter().map(|(code, text)| (FieldCode(*code), cell(text))).collect(),
        context: LiteMap::new(),
        defects: Vec::new(),
        in_part: Vec::new(),
        presumption: None,
    }
}

fn standing(state: State, operation: Operation, pairs: &[(u32, &str)]) -> Option<Standing> {
    let hold = (state == State::Held).then_some(HoldReason::ProbeRefused);
    let life = Life { state, ..Life::new(operation, hold) };
    Some(standing_with(life, payload(pairs)))
}

fn standing_with(life: Life, payload: Payload) -> Standing {
    Standing { id: CallId(1), life, due: Timestamp(0), settling: false, missing: false, payload }
}

/// A create under another key, held because that is another one.
fn held_under(other: &str, pairs: &[(u32, &str)]) -> Standing {
    let life = Life::new(Operation::Create, Some(HoldReason::KeyChanged));
    standing_with(life, Payload { key: key(other), values: values(pairs) })
}

fn update(pairs: &[(u32, &str)]) -> Action {
    Action::Call {
        operation: Operation::Update,
        payload: payload(pairs),
        hold: None,
        withdrawal: values(pairs).get(FieldCode(2)) == Some("0"),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a case states its world where it is judged")]
fn run(before: Before, projection: &Projection, policy: &Policy<'_>) -> Decision {
    let world = World::new();
    decide(&before, projection, policy, &mut world.keeper(false))
}

fn known(held: &[(u32, &str)]) -> Before {
    Before { account: Some(World::new().account(held)), standing: None, ..Before::default() }
}

#[test]
fn what_is_held_already_is_not_sent() {
    let decision = run(known(&[(1, "a@b.fr"), (3, "Jo")]), &says(&[(1, "a@b.fr"), (3, "Jo")]), &policy());
    assert_eq!(decision.action, Action::Nothing);
}

#[test]
fn an_object_goes_whole_and_a_lone_field_alone() {
    let before = known(&[(1, "old@b.fr"), (2, "1"), (3, "Jo"), (4, "Do")]);
    let now = says(&[(1, "new@b.fr"), (2, "1"), (3, "Jo"), (4, "Doe")]);
    let cases = [
        (Send::Objects, update(&[(1, "new@b.fr"), (2, "1"), (4, "Doe")])),
        (Send::Changed, update(&[(1, "new@b.fr"), (4, "Doe")])),
        (Send::All, update(&[(1, "new@b.fr"), (2, "1"), (3, "Jo"), (4, "Doe")])),
    ];
    for (send, expected) in cases {
        assert_eq!(run(before.clone(), &now, &Policy { send, ..policy() }).action, expected, "{send:?}");
    }
}

#[test]
fn an_object_with_an_unknown_part_is_reported_and_the_rest_goes() {
    // The consent's column is absent, then invalid: both leave us without the value that the provider holds.
    for now in [says(&[(1, "new@b.fr"), (4, "Doe")]), says(&[(1, "new@b.fr"), (2, "?"), (4, "Doe")])] {
        let decision = run(known(&[(1, "old@b.fr"), (2, "1"), (4, "Do")]), &now, &policy());
        assert_eq!(decision.action, update(&[(4, "Doe")]));
        assert_eq!(decision.findings.incomplete.iter().map(|one| one.object).collect::<Vec<_>>(), ["mail"]);
    }
}

#[test]
fn clear_values_complete_an_object() {
    let world = World::new();
    let mut account = Account::new(key("k1"));
    account.acknowledge(&key("k1"), &values(&[(1, "old@b.fr"), (2, "1")]), &mut world.keeper(true));
    let before = Before { account: Some(account), standing: None, ..Before::default() };
    let decision = decide(&before, &says(&[(1, "new@b.fr")]), &policy(), &mut world.keeper(true));
    assert_eq!(decision.action, update(&[(1, "new@b.fr"), (2, "1")]));
}

#[test]
fn a_cleared_value_is_ignored_sent_empty_or_rejected() {
    let before = known(&[(3, "Jo"), (4, "Do")]);
    let now = says(&[(3, ""), (4, "")]);
    let ignored = run(before.clone(), &now, &policy());
    assert_eq!((ignored.action, ignored.findings.cleared.len()), (Action::Nothing, 2));
    // Field 3 may be empty by contract, field 4 may not.
    let sent = run(before.clone(), &now, &Policy { on_cleared: OnCleared::SendEmpty, ..policy() });
    assert_eq!((sent.action, sent.findings.cleared), (update(&[(3, "")]), vec![FieldCode(4)]));
    let rejected = run(before, &now, &Policy { on_cleared: OnCleared::Reject, ..policy() });
    assert_eq!(rejected.findings.rejected, Some(Rejection::ClearedValue));
    assert_eq!(rejected.action, Action::Nothing);
}

/// What waits goes without it all the same.
#[test]
fn a_blank_beside_what_is_excluded_clears_nothing() {
    let before = Before {
        standing: standing(State::Queued, Operation::Update, &[(3, "Joe"), (4, "Doe")]),
        ..known(&[(3, "Jo"), (4, "Do")])
    };
    for on_cleared in [OnCleared::Ignore, OnCleared::SendEmpty, OnCleared::Reject] {
        let policy = Policy { on_cleared, touched: &|code| code == FieldCode(3), ..policy() };
        let decision = run(before.clone(), &says(&[(3, "")]), &policy);
        assert_eq!(decision.action, update(&[(4, "Doe")]), "{on_cleared:?}");
        assert_eq!((decision.findings.cleared.len(), decision.findings.rejected), (0, None));
    }
}

/// A company that is a person by now has nothing that could be corrected.
#[test]
fn what_is_another_kind_of_customers_rejects_nobody() {
    let mut now = says(&[(4, "Doe")]);
    now.cells.insert(FieldCode(3), WireCell::NotTheirs);
    let policy = Policy { on_cleared: OnCleared::Reject, ..policy() };
    let decision = run(known(&[(3, "Jo"), (4, "Do")]), &now, &policy);
    assert_eq!((decision.action, decision.findings.rejected), (update(&[(4, "Doe")]), None));
    assert_eq!(decision.findings.cleared, [FieldCode(3)]);
}

#[test]
fn a_field_that_vanishes_inside_a_sent_object_counts_as_unknown() {
    let decision = run(known(&[(1, "old@b.fr"), (2, "1")]), &says(&[(1, "new@b.fr"), (2, "")]), &policy());
    assert_eq!(decision.findings.unknown_after, [FieldCode(2)]);
}

#[test]
fn an_invalid_value_is_skipped_or_spoils_the_customer() {
    let before = known(&[(3, "Jo"), (4, "Do")]);
    let now = says(&[(3, "?"), (4, "Doe")]);
    let skipped = run(before.clone(), &now, &policy());
    assert_eq!((skipped.action, skipped.findings.skipped), (update(&[(4, "Doe")]), vec![FieldCode(3)]));
    let rejected = run(before, &now, &Policy { on_invalid: OnInvalid::RejectCustomer, ..policy() });
    assert_eq!(rejected.findings.rejected, Some(Rejection::InvalidValue));
}

#[test]
fn several_changes_of_one_customer_become_one_call() {
    let before = Before {
        standing: standing(State::Queued, Operation::Update, &[(3, "Joe")]),
        ..known(&[(3, "Jo"), (4, "Do")])
    };
    // A delta that says nothing about field 3 keeps what the queued call was to bring.
    assert_eq!(run(before, &says(&[(4, "Doe")]), &policy()).action, update(&[(3, "Joe"), (4, "Doe")]));
}

#[test]
fn a_revert_closes_the_queued_call() {
    let before =
        Before { standing: standing(State::Queued, Operation::Update, &[(3, "B")]), ..known(&[(3, "A")]) };
    assert_eq!(run(before, &says(&[(3, "A")]), &policy()).action, Action::Close);
}

#[test]
fn a_revert_after_a_lost_answer_is_sent() {
    let mut before =
        Before { standing: standing(State::Waiting, Operation::Update, &[(3, "B")]), ..known(&[(3, "A")]) };
    before.account.as_mut().expect("known").mark_unknown([FieldCode(3)]);
    assert_eq!(run(before, &says(&[(3, "A")]), &policy()).action, update(&[(3, "A")]));
}

#[test]
fn what_a_lost_first_call_may_have_left_is_cleared_like_what_is_known() {
    let lost = standing(State::Waiting, Operation::Update, &[(3, "Jo"), (4, "Do")]);
    let mut account = Account::new(key("k1"));
    account.mark_unknown([FieldCode(3), FieldCode(4)]);
    let before = Before { account: Some(account), standing: lost, ..Before::default() };
    let now = says(&[(3, ""), (4, "Doe")]);
    let sent = run(before.clone(), &now, &Policy { on_cleared: OnCleared::SendEmpty, ..policy() });
    assert_eq!(sent.action, update(&[(3, ""), (4, "Doe")]));
    let ignored = run(before, &now, &policy());
    assert_eq!((ignored.action, ignored.findings.cleared), (update(&[(4, "Doe")]), vec![FieldCode(3)]));
}

#[test]
fn a_refused_call_stays_parked_until_something_changes_then_all_goes() {
    let refused = || Before {
        standing: standing(State::Refused, Operation::Update, &[(3, "bad")]),
        ..known(&[(3, "A"), (4, "Do")])
    };
    assert_eq!(run(refused(), &says(&[(3, "bad"), (4, "Do")]), &policy()).action, Action::Nothing);
    assert_eq!(
        run(refused(), &says(&[(3, "bad"), (4, "Doe")]), &policy()).action,
        update(&[(3, "bad"), (4, "Doe")])
    );
    assert_eq!(run(refused(), &says(&[(3, "A"), (4, "Do")]), &policy()).action, Action::Close);
}

#[test]
fn a_key_that_changes_while_its_create_is_probed_is_reported_not_followed() {
    let before = Before {
        account: None,
        standing: standing(State::Probing, Operation::Create, &[(3, "A")]),
        ..Before::default()
    };
    let mut now = says(&[(3, "A")]);
    now.key = KeyCell::Key(key("k2"));
    let decision = run(before, &now, &policy());
    assert_eq!(
        (decision.action, decision.findings.rejected),
        (Action::Nothing, Some(Rejection::UnsettledKey))
    );
}

#[test]
fn a_key_that_is_taken_back_ends_what_waits_under_it() {
    let held = |hold, create_unknown| {
        let held = standing(State::Held, Operation::Create, &[(3, "A")]);
        held.map(|held| Standing { life: Life { hold: Some(hold), create_unknown, ..held.life }, ..held })
    };
    let mut now = says(&[(3, "A")]);
    now.key = KeyCell::Cleared;
    let cases = [
        (HoldReason::DuplicateKey, false, Action::Close),
        (HoldReason::DuplicateKey, true, Action::Nothing),
        (HoldReason::Unknown, false, Action::Nothing),
    ];
    for (hold, create_unknown, expected) in cases {
        let before = Before { account: None, standing: held(hold, create_unknown), ..Before::default() };
        assert_eq!(run(before, &now, &policy()).action, expected, "{hold:?} {create_unknown}");
    }
    let states = [
        (State::Queued, Action::Close),
        (State::Waiting, Action::Close),
        (State::Refused, Action::Close),
        (State::Probing, Action::Nothing),
    ];
    for (state, expected) in states {
        let before = Before {
            account: None,
            standing: standing(state, Operation::Update, &[(3, "A")]),
            ..Before::default()
        };
        assert_eq!(run(before, &now, &policy()).action, expected, "{state:?}");
    }
    let mut account = Account::new(key("k1"));
    account.mark_unknown([FieldCode(3)]);
    let lost = standing(State::Waiting, Operation::Update, &[(3, "A")]);
    let before = Before { account: Some(account), standing: lost, ..Before::default() };
    assert_eq!(run(before, &now, &policy()).action, Action::Nothing, "its bytes may be on their way");
}

#[test]
fn a_part_that_is_held_empty_is_not_lost_when_its_object_goes_without_it() {
    let before = known(&[(1, "old@b.fr"), (2, "")]);
    let decision = run(before, &says(&[(1, "new@b.fr"), (2, "")]), &policy());
    assert_eq!(decision.action, update(&[(1, "new@b.fr")]));
    assert!(decision.findings.unknown_after.is_empty());
}

#[test]
fn a_key_that_changes_back_together_with_a_value_becomes_a_plain_update() {
    let held = held_under("k2", &[(3, "A")]);
    let before = Before { standing: Some(held), ..known(&[(3, "A")]) };
    assert_eq!(run(before, &says(&[(3, "B")]), &policy()).action, update(&[(3, "B")]));
}

#[test]
fn an_excluded_field_leaves_the_queue_and_does_not_make_its_object_incomplete() {
    let excluded = |code: FieldCode| code == FieldCode(2);
    let policy = Policy { excluded: &excluded, ..policy() };
    let before = Before {
        standing: standing(State::Queued, Operation::Update, &[(1, "b@b.fr"), (2, "1")]),
        ..known(&[(1, "a@b.fr"), (2, "0")])
    };
    let decision = run(before, &says(&[(1, "c@b.fr")]), &policy);
    assert_eq!((decision.action, decision.findings.incomplete.len()), (update(&[(1, "c@b.fr")]), 0));
    // A provider that replaces whole objects has lost it: once it is no longer excluded it goes out again.
    assert_eq!(decision.findings.unknown_after, [FieldCode(2)]);
}

#[test]
fn what_goes_along_with_every_update_makes_none() {
    let policy = Policy { along: &[FieldCode(4)], ..policy() };
    let before = known(&[(3, "A"), (4, "Z")]);
    let decision = run(before.clone(), &says(&[(3, "B"), (4, "Z")]), &policy);
    assert_eq!(decision.action, update(&[(3, "B"), (4, "Z")]));
    assert_eq!(run(before.clone(), &says(&[(3, "A"), (4, "Z")]), &policy).action, Action::Nothing);
    assert_eq!(run(before, &says(&[(3, "B")]), &policy).action, update(&[(3, "B")]), "nobody knows it");
    // Nor where all that changed is kept back.
    let before = known(&[(1, "old@b.fr"), (2, "1"), (4, "Z")]);
    let decision = run(before, &says(&[(1, "new@b.fr"), (4, "Z")]), &policy);
    assert_eq!((decision.action, decision.findings.incomplete.len()), (Action::Nothing, 1));
}

#[test]
fn a_row_without_the_key_column_uses_the_key_that_is_known() {
    let mut now = says(&[(3, "B")]);
    now.key = KeyCell::Absent;
    assert_eq!(run(known(&[(3, "A")]), &now, &policy()).action, update(&[(3, "B")]));
    assert_eq!(run(Before::default(), &now, &policy()).action, Action::Nothing);
    now.key = KeyCell::Cleared;
    assert_eq!(run(known(&[(3, "A")]), &now, &policy()).action, Action::Nothing);
}

#[test]
fn a_withdrawn_consent_is_marked() {
    let decision = run(known(&[(1, "a@b.fr"), (2, "1")]), &says(&[(1, "a@b.fr"), (2, "0")]), &policy());
    assert!(matches!(decision.action, Action::Call { withdrawal: true, .. }));
}

#[test]
fn a_consent_that_a_lost_first_call_may_have_left_is_withdrawn() {
    let mut account = Account::new(key("k1"));
    account.mark_unknown([FieldCode(2)]);
    let before = Before { account: Some(account), standing: None, ..Before::default() };
    let withdrawn = |before| {
        let decision = run(before, &says(&[(1, "a@b.fr"), (2, "0")]), &policy());
        matches!(decision.action, Action::Call { withdrawal: true, .. })
    };
    assert!(withdrawn(before) && !withdrawn(Before::default()));
}

#[test]
fn a_full_resync_sends_what_is_held_too() {
    let decision = run(known(&[(3, "A")]), &says(&[(3, "A")]), &Policy { full_resync: true, ..policy() });
    assert_eq!(decision.action, update(&[(3, "A")]));
}

fn any_values() -> impl Strategy<Value = Vec<(u32, String)>> {
    prop::collection::btree_map(1u32..=4, "[a-c0-1]{1,2}", 0..=4).prop_map(|map| map.into_iter().collect())
}

fn borrowed(pairs: &[(u32, String)]) -> Vec<(u32, &str)> {
    pairs.iter().map(|(code, value)| (*code, value.as_str())).collect()
}

proptest! {
    #[test]
    fn applying_the_difference_leaves_no_difference(held in any_values(), wanted in any_values(), all: bool) {
        let world = World::new();
        let policy = Policy { send: if all { Send::Changed } else { Send::Objects }, ..policy() };
        let mut before = Before { account: Some(world.account(&borrowed(&held))), standing: None, ..Before::default() };
        let now = says(&borrowed(&wanted));
        let first = decide(&before, &now, &policy, &mut world.keeper(false));
        let account = before.account.as_mut().expect("known");
        if let Action::Call { payload, .. } = &first.action {
            account.acknowledge(&payload.key, &payload.values, &mut world.keeper(false));
        }
        let second = decide(&before, &now, &policy, &mut world.keeper(false));
        prop_assert_eq!(second.action, Action::Nothing);
        prop_assert_eq!(second.findings.incomplete, first.findings.incomplete);
    }
}
