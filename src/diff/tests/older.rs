//! What older rows of a complete input say beside the newest one.

use super::*;

#[test]
fn what_waits_to_be_sent_is_newer_than_what_an_older_row_says() {
    let older = [(FieldCode(3), "A".into())].into_iter().collect();
    let now = Projection { context: older, ..says(&[(4, "Do")]) };
    let queued = standing(State::Queued, Operation::Update, &[(3, "B")]);
    let before = Before { standing: queued, ..known(&[(1, "a@b.fr")]) };
    assert_eq!(run(before, &now, &policy()).action, update(&[(3, "B"), (4, "Do")]));
    assert_eq!(run(known(&[(1, "a@b.fr")]), &now, &policy()).action, update(&[(3, "A"), (4, "Do")]));
}
