//! How words are compared: without case, accents and punctuation.

use std::borrow::Cow;

use deunicode::deunicode;
use smol_str::{SmolStr, SmolStrBuilder};

/// The words of a text in capitals without accents, one space between them: "M." is "M", "Pays-Bas" is "PAYS BAS",
/// "l'Inde" is "L INDE".
pub(super) fn words(text: &str) -> SmolStr {
    let plain = plain(text);
    let mut folded = SmolStrBuilder::new();
    let mut gap = false;
    for byte in plain.bytes() {
        if byte.is_ascii_alphanumeric() {
            if std::mem::take(&mut gap) && !folded.is_empty() {
                folded.push(' ');
            }
            folded.push(char::from(byte.to_ascii_uppercase()));
        } else {
            gap = true;
        }
    }
    folded.finish()
}

/// A column's name as headers are compared: without case, accents, spaces, `_` and `-`.
pub(super) fn header(name: &str) -> String {
    plain(name)
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '_' && *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// The text in ASCII letters.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(deunicode(text)) }
}
