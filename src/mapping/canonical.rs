//! What a row says, however it is written: the bytes of its clean cells, each under its field.
//!
//! Made of every record that differs from the last accepted one in any byte, so that only those that say something else
//! are mapped. Most cells are clean as they stand, and then nothing is copied but their text.

use crate::domain::field::Field;
use crate::domain::raw_cell::RawCell;

use super::row::breaks;
use super::text::{Clean, clean, is_clean};

/// Stands for a field, the same in every version of the program: a digest of its name, or the subscription's number,
/// which a file may choose.
pub(super) type Label = u64;

const SUBSCRIPTION: Label = 1 << 63;

/// What is said of a cell before its text: label, kind and length.
const HEAD_BYTES: usize = 16;

/// What becomes of a cell.
#[derive(Clone, Copy)]
enum Kind {
    Cleared = 1,
    Invalid = 2,
    Text = 3,
}

/// What stands for a column of this field.
pub(super) fn label(field: Field) -> Label {
    if let Field::Subscription(id) = field {
        return SUBSCRIPTION | Label::from(id);
    }
    label_of(&field.name())
}

/// What stands for the column that orders rows and holds no field; its name is nothing that a row says.
pub(super) fn label_of_order() -> Label {
    label_of("")
}

fn label_of(name: &str) -> Label {
    let digest = blake3::hash(name.as_bytes());
    let first = digest.as_bytes().first_chunk().expect("a digest has 32 bytes");
    Label::from_le_bytes(*first) & !SUBSCRIPTION
}

/// Appends a cell, if it says anything.
pub(super) fn append(into: &mut Vec<u8>, label: Label, field: Field, cell: RawCell<'_>, nulls: &[String]) {
    if let RawCell::Text(text) = &cell
        && is_clean(text)
    {
        let is_null = nulls.iter().any(|null| null == text.as_ref());
        let (kind, said) = if is_null { (Kind::Cleared, "") } else { (Kind::Text, text.as_ref()) };
        put(into, label, kind, said);
        return;
    }
    match clean(cell, nulls, breaks(field)) {
        Ok(Clean::Absent) => {}
        Ok(Clean::Cleared) => put(into, label, Kind::Cleared, ""),
        Err(_) => put(into, label, Kind::Invalid, ""),
        Ok(Clean::Text(text)) => put(into, label, Kind::Text, &text),
    }
}

/// Ends a row.
pub(super) fn end(into: &mut Vec<u8>) {
    into.extend_from_slice(&[0; HEAD_BYTES]);
}

/// One cell, told from every other one by its length.
fn put(into: &mut Vec<u8>, label: Label, kind: Kind, text: &str) {
    let kind_and_length = (text.len() as u64) << 2 | kind as u64;
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&label.to_le_bytes());
    head[8..].copy_from_slice(&kind_and_length.to_le_bytes());
    into.extend_from_slice(&head);
    into.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_field_has_a_label_of_its_own() {
        let named = Field::NAMED.iter().copied().map(label);
        let others = [label(Field::Subscription(0)), label(Field::Subscription(u32::MAX)), label_of_order()];
        let labels: BTreeSet<Label> = named.chain(others).collect();
        assert_eq!(labels.len(), Field::NAMED.len() + 3);
    }
}
