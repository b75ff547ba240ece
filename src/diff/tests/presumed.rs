//! Values that were read by a country which the record does not tell.

use super::*;
use crate::domain::wire::WirePresumption;

/// A record whose number, field 4, was read by the country of field 3.
fn presumed(country: &str) -> Projection {
    let presumption = WirePresumption {
        country: FieldCode(3),
        value: country.into(),
        fields: vec![FieldCode(4)],
        is_doubted: true,
    };
    Projection { presumption: Some(presumption), ..says(&[(1, "a@b.fr"), (4, "0470")]) }
}

#[test]
fn the_country_that_waits_to_be_sent_says_whether_a_presumed_one_is_right() {
    let waits = |country| Before {
        standing: standing(State::Queued, Operation::Update, &[(3, country), (4, "0499")]),
        ..known(&[(1, "a@b.fr"), (3, "FR")])
    };
    let right = run(waits("FR"), &presumed("FR"), &policy());
    assert_eq!((right.action, right.findings.in_part), (update(&[(4, "0470")]), vec![]));
    let wrong = run(waits("BE"), &presumed("FR"), &policy());
    let kept = wrong.findings.in_part;
    assert_eq!((wrong.action, kept), (Action::Nothing, vec![FieldCode(4)]));
}

/// Where the provider has no country because it was kept from it, the configured one is not the customer's.
#[test]
fn a_country_that_the_provider_did_not_get_says_nothing() {
    let touched = |code: FieldCode| code == FieldCode(3);
    let excluded = Policy { touched: &touched, ..policy() };
    let before = || known(&[(1, "a@b.fr"), (4, "0499")]);
    assert_eq!(run(before(), &presumed("FR"), &policy()).action, update(&[(4, "0470")]));
    assert_eq!(run(before(), &presumed("FR"), &excluded).findings.in_part, [FieldCode(4)]);
    let left_out = Before { left_out: vec![FieldCode(3)], ..before() };
    assert_eq!(run(left_out, &presumed("FR"), &policy()).findings.in_part, [FieldCode(4)]);
}
