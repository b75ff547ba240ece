//! What a row says, however it is written: the bytes of its clean cells, each under its field.
//!
//! Made of every record that differs from the last accepted one in any byte, so that only those that say something else
//! are mapped. Most cells are clean as they stand, and then nothing is copied but their text.

use std::borrow::Cow;

use crate::domain::field::Field;
use crate::domain::raw_cell::RawCell;

use super::row::breaks;
use super::text::{Clean, clean, is_clean, is_clean_part};

/// Stands for a field, the same in every version of the program, in the upper 40 bits: a digest of its name, or the
/// subscription's number, which a file may choose.
pub(super) type Label = u64;

const SUBSCRIPTION: Label = 1 << 63;
const LABEL_SHIFT: u32 = 24;

/// What is said of a cell before its text: label, kind and length in one number. Texts have some thousand characters at most.
const HEAD_BYTES: usize = size_of::<Label>();

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
        return SUBSCRIPTION | Label::from(id) << LABEL_SHIFT;
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
    (Label::from_le_bytes(*first) & !SUBSCRIPTION) >> LABEL_SHIFT << LABEL_SHIFT
}

/// What the row is that cells are of.
#[derive(Clone, Copy)]
pub(super) struct Tone<'a> {
    /// Whether all of it is surely [western](super::is_western).
    pub(super) is_western: bool,
    /// What stands for no value.
    pub(super) nulls: &'a [String],
    /// How long the longest of these is.
    pub(super) null_bytes_max: usize,
}

impl Tone<'_> {
    /// Most cells are longer than whatever stands for no value.
    fn is_null(self, text: &str) -> bool {
        text.len() <= self.null_bytes_max && self.nulls.iter().any(|null| null == text)
    }
}

/// Appends a cell, if it says anything.
#[inline]
pub(super) fn append(into: &mut Vec<u8>, label: Label, field: Field, cell: RawCell<'_>, tone: Tone<'_>) {
    match cell {
        RawCell::Text(Cow::Borrowed(text)) if is_clean_part(text, tone.is_western) || is_clean(text) => {
            let (kind, said) = if tone.is_null(text) { (Kind::Cleared, "") } else { (Kind::Text, text) };
            put(into, label, kind, said);
        }
        RawCell::Text(text) if text.is_empty() => put(into, label, Kind::Cleared, ""),
        RawCell::Absent => {}
        cell => append_cleaned(into, label, field, cell, tone.nulls),
    }
}

/// The same of a cell that has to be looked at more closely.
#[cold]
fn append_cleaned(into: &mut Vec<u8>, label: Label, field: Field, cell: RawCell<'_>, nulls: &[String]) {
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
    let head = label | (text.len() as u64) << 2 | kind as u64;
    into.extend_from_slice(&head.to_le_bytes());
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
