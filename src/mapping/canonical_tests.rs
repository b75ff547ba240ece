//! What two rows say, and when it is the same.

use proptest::prelude::*;

use super::tests::{TODAY, mapper};
use super::{Mapper, is_western};
use crate::domain::field::{Field, FieldSet};
use crate::domain::raw_cell::RawCell;

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

/// One cell in two ways of writing it.
fn written_twice() -> impl Strategy<Value = (&'static str, &'static str)> {
    const WAYS: [&[&str]; 8] = [
        &["", " ", "NULL", " NULL"],
        &["a", " a ", "=\"a\"", "a\u{feff}"],
        &["=a", "'=a", " '=a "],
        &["\u{e9}", "e\u{301}", " \u{e9}\t"],
        &["\u{1}", "\u{2}"],
        &["06 12 34 56 78", " 06 12 34 56 78\t"],
        &["FR", "FR ", "\u{200b}FR"],
        &["a b", "a b "],
    ];
    let two =
        |ways: &'static [&'static str]| (proptest::sample::select(ways), proptest::sample::select(ways));
    proptest::sample::select(&WAYS[..]).prop_flat_map(two)
}

fn canonical(mapper: &Mapper, row: &[RawCell<'_>]) -> Vec<u8> {
    let text = |cell: &RawCell<'_>| match cell {
        RawCell::Text(text) => text.clone().into_owned(),
        RawCell::Absent | RawCell::Null | RawCell::Nested(_) => String::new(),
    };
    let says = |is_western| {
        let mut said = Vec::new();
        mapper.canonical(|index| row[index].clone(), [], is_western, &mut said);
        said
    };
    let said = says(false);
    // What is told of the whole row spares work and changes nothing.
    if is_western(&row.iter().map(text).collect::<Vec<_>>().join(";")) {
        assert_eq!(says(true), said);
    }
    said
}

proptest! {
    #[test]
    fn what_is_written_in_two_ways_says_the_same_and_is_the_same_customer(
        cells in proptest::collection::vec(written_twice(), 4),
    ) {
        let mapper = mapper(&["customer_id", "country", "last_name", "street", "mobile_phone"]);
        let key = mapper.columns().iter().position(|column| column.field == Field::CustomerId).expect("a key");
        let row = |cells: Vec<&'static str>| {
            let mut row: Vec<RawCell<'_>> = cells.into_iter().map(|text| RawCell::Text(text.into())).collect();
            row.insert(key, RawCell::Text("1".into()));
            row
        };
        let (one, other) = cells.into_iter().unzip();
        let (one, other) = (row(one), row(other));
        let customer =
            |row: &[RawCell<'_>]| mapper.map(|index| row[index].clone(), [], TODAY, FieldSet::default()).expect("a key").customer;
        prop_assert_eq!(canonical(&mapper, &one), canonical(&mapper, &other));
        prop_assert_eq!(customer(&one), customer(&other));
    }
}
