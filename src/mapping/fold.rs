//! How words are compared: without case, accents and punctuation.

use std::borrow::Cow;

use deunicode::deunicode;

/// The words of a text in capitals without accents, one space between them: "M." is "M", "Pays-Bas" is "PAYS BAS",
/// "l'Inde" is "L INDE".
pub(super) fn words(text: &str) -> String {
    let plain = plain(text);
    let mut folded = String::with_capacity(plain.len());
    for byte in plain.bytes() {
        if byte.is_ascii_alphanumeric() {
            folded.push(char::from(byte.to_ascii_uppercase()));
        } else if !folded.is_empty() && !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
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
