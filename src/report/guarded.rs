//! Cells that no spreadsheet takes for formulas.

use std::borrow::Cow;

/// What formulas begin with, and what spreadsheets skip before that.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A key: what begins like a formula gets an apostrophe in front, which spreadsheets hide and the reader takes away.
pub(super) fn guarded_key(key: &str) -> Cow<'_, str> {
    if key.starts_with(FORMULA) { Cow::Owned(format!("'{key}")) } else { Cow::Borrowed(key) }
}

/// Any other cell, likewise. Where a comma is a decimal sign, spreadsheets split a line at semicolons, quoted or not: what
/// would begin a cell there gets a blank.
pub(super) fn guarded(cell: &str) -> Cow<'_, str> {
    let begins_inside = |pair: &[u8]| matches!(pair, [b';' | b'\t' | b'\r' | b'\n', next] if FORMULA.contains(&char::from(*next)));
    let mut safe = guarded_key(cell);
    // What is between two ASCII bytes is a place between two characters.
    for at in (1..safe.len()).rev() {
        if begins_inside(&safe.as_bytes()[at - 1..=at]) {
            safe.to_mut().insert(at, ' ');
        }
    }
    safe
}

/// Whether a cell of a file is this text, guarded in one way or the other.
pub(super) fn is_guarded(cell: &[u8], text: &str) -> bool {
    [Cow::Borrowed(text), guarded_key(text), guarded(text)].iter().any(|form| form.as_bytes() == cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_of_a_reader_that_splits_at_semicolons_begins_like_a_formula() {
        for (cell, safe) in [
            ("x;=cmd|' /C calc'!A0;y", "x; =cmd|' /C calc'!A0;y"),
            ("a\n=2+5", "a\n =2+5"),
            ("=a;+b\t@c\r\n-d", "'=a; +b\t @c\r\n -d"),
            ("é;=é", "é; =é"),
            ("12 rue = 3; ok", "12 rue = 3; ok"),
        ] {
            assert_eq!(guarded(cell), safe);
        }
    }

    #[test]
    fn a_text_is_told_by_each_of_its_forms() {
        for (cell, text) in
            [("C1", "C1"), ("'-C1", "-C1"), ("-C1", "-C1"), ("A; -1", "A;-1"), ("'-A; -1", "-A;-1")]
        {
            assert!(is_guarded(cell.as_bytes(), text), "{cell}");
        }
        assert!(!is_guarded(b"'C1", "C1") && !is_guarded(b"A; 1", "A;1"));
    }
}
