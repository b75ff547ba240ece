//! How words are compared: without case, accents and punctuation.

use std::borrow::Cow;

use deunicode::deunicode;
use smol_str::{SmolStr, SmolStrBuilder};

/// Texts of ASCII up to here are folded in place.
const ASCII_BYTES_MAX: usize = 64;

/// The words of a text in capitals without accents, one space between them: "M." is "M", "Pays-Bas" is "PAYS BAS",
/// "l'Inde" is "L INDE".
#[must_use]
pub fn words(text: &str) -> SmolStr {
    folded(text, |words| std::str::from_utf8(words).map(SmolStr::new).unwrap_or_default())
}

/// The same for a look at their bytes: short texts of ASCII, which is most of them, are folded in place.
pub fn folded<T>(text: &str, look: impl FnOnce(&[u8]) -> T) -> T {
    let mut folded = [0; ASCII_BYTES_MAX];
    if text.len() > folded.len() || !text.is_ascii() {
        return look(words_of_any(text).as_bytes());
    }
    let (mut length, mut gap) = (0, false);
    for byte in text.bytes() {
        if !byte.is_ascii_alphanumeric() {
            gap = length > 0;
            continue;
        }
        if std::mem::take(&mut gap) {
            folded[length] = b' ';
            length += 1;
        }
        // No longer than the text: each gap was a byte of it.
        folded[length] = byte.to_ascii_uppercase();
        length += 1;
    }
    look(&folded[..length])
}

fn words_of_any(text: &str) -> SmolStr {
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
#[must_use]
pub fn header(name: &str) -> String {
    plain(name)
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '_' && *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// The text in ASCII letters.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(deunicode(text)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn short_ascii_is_folded_as_any_text_is(text in "[ -~]{0,70}|[\\x00-\\x7F]{0,64}|[a-zé .'-]{0,9}") {
            prop_assert_eq!(words(&text), words_of_any(&text));
        }
    }
}
