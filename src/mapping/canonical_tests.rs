//! What two rows say, and when it is the same.

use proptest::prelude::*;

use super::tests::{TODAY, mapper};
use super::{Mapper, RawCell};
use crate::domain::field::Field;

#[test]
fn a_record_says_which_cell_stands_where() {
    let mapper = mapper(&["customer_id", "first_name", "last_name"]);
    let of = |first: RawCell<'static>, last: RawCell<'static>| {
        let mut cells = vec![RawCell::Absent; mapper.columns().len()];
        for (index, column) in mapper.columns().iter().enumerate() {
            match column.field {
                Field::FirstName => cells[index] = first.clone(),
                Field::LastName => cells[index] = last.clone(),
                _ => {}
            }
        }
        canonical(&mapper, &cells)
    };
    let text = |text: &'static str| RawCell::Text(text.into());
    let different = [
        of(text("a"), text("b")),
        of(text("b"), text("a")),
        of(text("ab"), RawCell::Null),
        of(text("ab"), RawCell::Absent),
        of(RawCell::Null, text("ab")),
        of(text("ab"), text("\u{1}")),
        of(text("a"), text("b\u{301}")),
    ];
    for (position, one) in different.iter().enumerate() {
        assert!(different[..position].iter().all(|other| other != one), "{position}");
    }
    assert_eq!(of(text("ab"), text("NULL")), of(text(" ab "), RawCell::Null));
}

/// Cells that are often written differently and seldom different.
fn written() -> impl Strategy<Value = &'static str> {
    let cells = [
        "",
        " ",
        "NULL",
        "a",
        " a ",
        "'=a",
        "=\"a\"",
        "\u{e9}",
        "e\u{301}",
        "a\nb",
        "a b",
        "\u{1}",
        "06 12 34 56 78",
        "FR",
    ];
    proptest::sample::select(cells.to_vec())
}

fn canonical(mapper: &Mapper, row: &[RawCell<'_>]) -> Vec<u8> {
    let mut said = Vec::new();
    mapper.canonical(|index| row[index].clone(), [], &mut said);
    said
}

proptest! {
    #[test]
    fn rows_that_say_the_same_are_the_same_customer(cells in proptest::collection::vec((written(), written()), 4)) {
        let mapper = mapper(&["customer_id", "country", "last_name", "street", "mobile_phone"]);
        let row = |pick: fn(&(&'static str, &'static str)) -> &'static str| {
            let texts = cells.iter().map(pick);
            let mut row: Vec<RawCell<'_>> = texts.map(|text| RawCell::Text(text.into())).collect();
            row.insert(mapper.columns().iter().position(|c| c.field == Field::CustomerId).expect("a key"), RawCell::Text("1".into()));
            row
        };
        let (one, other) = (row(|cell| cell.0), row(|cell| cell.1));
        let customer = |row: &[RawCell<'_>]| mapper.map(|index| row[index].clone(), [], TODAY).expect("has a key").customer;
        if canonical(&mapper, &one) == canonical(&mapper, &other) {
            prop_assert_eq!(customer(&one), customer(&other));
        }
        let clean: Vec<RawCell<'_>> = one.iter().map(|cell| match cell {
            RawCell::Text(text) => RawCell::Text(format!(" {text}\t").into()),
            RawCell::Absent | RawCell::Null => cell.clone(),
        }).collect();
        prop_assert_eq!(canonical(&mapper, &one), canonical(&mapper, &clean));
    }
}
