//! From the raw cell to clean text: trimmed, NFC, without control characters and without traces of a wrong encoding.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::reason::{self, Parsed};
use crate::domain::raw_cell::{BETWEEN_MEMBERS, RawCell};

/// Longest text of any cell, in characters: a longer one is a sign of shifted quotes.
const TEXT_CHARS_MAX: usize = 4_000;

/// A cell after the first look.
pub(super) enum Clean<'a> {
    Absent,
    Cleared,
    Text(Cow<'a, str>),
}

/// Whether line breaks and tabs in a text are an error or only space, and what several values in it are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Breaks {
    Refused,
    AreSpace,
    /// The text may be of several values, which commas stand between.
    OfListsAreCommas,
}

/// Looks at a cell for the first time.
pub(super) fn clean<'a>(cell: RawCell<'a>, nulls: &[String], breaks: Breaks) -> Parsed<Clean<'a>> {
    let text = match cell {
        RawCell::Absent => return Ok(Clean::Absent),
        RawCell::Null => return Ok(Clean::Cleared),
        RawCell::Nested(_) => return Err(reason::NESTED),
        RawCell::Text(text) => text,
    };
    if is_clean(&text) {
        return Ok(if nulls.iter().any(|null| null.as_str() == text.as_ref()) {
            Clean::Cleared
        } else {
            Clean::Text(text)
        });
    }
    let trimmed = bare(&text);
    if trimmed.is_empty() || nulls.iter().any(|null| null == trimmed) {
        return Ok(Clean::Cleared);
    }
    if is_error(trimmed) {
        return Err(reason::SPREADSHEET_ERROR);
    }
    if has_quotes_behind_blank(&text) {
        return Err(reason::QUOTE_BEHIND_BLANK);
    }
    let untouched = trimmed.len() == text.len();
    if is_plain(trimmed) {
        if trimmed.len() > TEXT_CHARS_MAX {
            return Err(reason::TOO_LONG);
        }
        return Ok(Clean::Text(if untouched { text } else { Cow::Owned(trimmed.to_owned()) }));
    }
    if is_mojibake(&text) {
        return Err(reason::BROKEN_ENCODING);
    }
    normalise(trimmed, breaks).map(|text| Clean::Text(Cow::Owned(text)))
}

/// The text in NFC and trimmed. `None` when it is damaged or has control characters.
pub(super) fn key(raw: &str) -> Option<Cow<'_, str>> {
    if is_bare(raw) && is_plain(raw) {
        return Some(Cow::Borrowed(raw));
    }
    let trimmed = unguarded(trim(raw));
    if is_error(trimmed) || has_quotes_behind_blank(raw) {
        return None;
    }
    if is_plain(trimmed) {
        return Some(Cow::Borrowed(trimmed));
    }
    if trimmed.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    normalise(trimmed, Breaks::Refused).ok().map(Cow::Owned)
}

/// Without the blanks around it, invisible ones included.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// The value itself, without blanks and guards around it.
pub(super) fn bare(text: &str) -> &str {
    if is_bare(text) && is_plain(text) { text } else { unguarded(trim(text)) }
}

/// Without what is put around a value so that a spreadsheet leaves it alone, and that stays in the file: the apostrophe
/// before what would be a formula or a number, and the formula `="0123"` that keeps leading zeros. No value of any field looks
/// so.
fn unguarded(text: &str) -> &str {
    let bare = match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) || is_number(rest) => trim(rest),
        Some(_) | None => text,
    };
    let quoted = bare.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    quoted.filter(|value| !value.contains('"')).map_or(bare, trim)
}

/// Digits, and what stands between digits.
fn is_number(text: &str) -> bool {
    let is_of_it = |byte: u8| byte.is_ascii_digit() || b" .,/()-".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_digit()) && text.bytes().all(is_of_it)
}

/// What stands in a cell of a spreadsheet whose formula has no value, in the languages of Western Europe.
const ERRORS: [&str; 35] = [
    "#BEZUG!",
    "#BLOCKED!",
    "#CALC!",
    "#CALCUL!",
    "#DIV/0!",
    "#FIELD!",
    "#GETTING_DATA",
    "#N/A",
    "#N/D",
    "#NAME?",
    "#NOM?",
    "#NOMBRE!",
    "#NOME?",
    "#NUL!",
    "#NULL!",
    "#NUM!",
    "#NV",
    "#PROPAGATION!",
    "#REF!",
    "#RIF!",
    "#SPILL!",
    "#VALEUR!",
    "#VALOR!",
    "#VALORE!",
    "#VALUE!",
    "#WERT!",
    "#ZAHL!",
    "#ÜBERLAUF!",
    "#¡DIV/0!",
    "#¡NULO!",
    "#¡NUM!",
    "#¡REF!",
    "#¡VALOR!",
    "#¿NOMBRE?",
    "#¡DESBORDAMIENTO!",
];

/// Whether it is one of these, or what is shown where a column is too narrow ("####").
fn is_error(text: &str) -> bool {
    text.starts_with('#')
        && (ERRORS.contains(&text) || (text.len() > 1 && text.bytes().all(|byte| byte == b'#')))
}

/// Whether there are quotes around a value and a blank before them, which makes them a part of it: `"C1", "Durand"`.
fn has_quotes_behind_blank(raw: &str) -> bool {
    let quoted = raw.trim_start();
    let inner = quoted.trim_end().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    quoted.len() < raw.len() && inner.is_some_and(|inner| !inner.contains('"'))
}

/// One space for each run of white space.
pub(super) fn squeeze(text: &str) -> Cow<'_, str> {
    if is_squeezed(text) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    Cow::Owned(line)
}

/// Whether the text has no white space but one space between words.
fn is_squeezed(text: &str) -> bool {
    let (mut before, mut is_squeezed) = (b' ', true);
    for byte in text.bytes() {
        is_squeezed &= byte != b' ' || before != b' ';
        before = byte;
    }
    let is_one_space = |letter: char| letter == ' ' || !letter.is_whitespace();
    is_squeezed && before != b' ' && (is_plain(text) || text.chars().all(is_one_space))
}

/// Whether cleaning would certainly leave the text as it is: not empty, nothing around it, no traces of a wrong encoding, and in its
/// normal form. True of most cells.
pub(super) fn is_clean(text: &str) -> bool {
    is_clean_part(text, is_plain(text) || is_western(text))
}

/// The same of a cell whose row is known to be [western](is_western), or not.
pub(super) fn is_clean_part(text: &str, is_western: bool) -> bool {
    text.len() <= TEXT_CHARS_MAX && is_bare(text) && is_western
}

/// Whether there is surely nothing around the value. One of ASCII is meant; of others only the ends are told.
fn is_bare(text: &str) -> bool {
    match text.as_bytes() {
        [b' ' | b'\'' | b'=' | b'#', ..] | [] | [.., b' '] => false,
        [..] => true,
    }
}

/// ASCII without control characters, and letters from À to ÿ, which are the byte C3 and another one in UTF-8: no other byte
/// begins a letter. What makes one of them a trace of a wrong encoding is never among them. Every byte is looked at, so that
/// many are at once: for a whole row it takes less than for each of its cells.
#[must_use]
pub fn is_western(text: &str) -> bool {
    text.bytes().fold(true, |all, byte| {
        let (is_plain, goes_on) = (byte.wrapping_sub(0x20) < 0x5F, byte & 0xC0 == 0x80);
        all & (is_plain | goes_on | (byte == 0xC3))
    })
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_unseen(c)
}

/// What takes no room and changes no letter beside it: left over from web pages and word processors. Two keys that differ in
/// nothing else are one key to whoever reads them.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// ASCII without control characters: nothing can be wrong with it, and it is in NFC.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Most cells are short. The last bytes of a word may be those of the one before once more.
    let found = match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>(), bytes.last_chunk::<8>()) {
        (_, _, Some(last)) => {
            let (words, _) = bytes.as_chunks();
            let found = words.iter().fold(0, |found, word| found | unprintable(u64::from_le_bytes(*word)));
            found | unprintable(u64::from_le_bytes(*last))
        }
        (Some(first), Some(last), None) => {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            unprintable(u64::from(first) << 32 | u64::from(last))
        }
        (_, _, None) => return bytes.iter().all(|byte| (0x20..0x7F).contains(byte)),
    };
    found == 0
}

/// Not 0 if one of eight bytes is no printable ASCII: if it has its highest bit, or has it once the space is taken off
/// or 1 is added.
fn unprintable(bytes: u64) -> u64 {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    (bytes | bytes.wrapping_sub(EACH * 0x20) | bytes.wrapping_add(EACH)) & (EACH * 0x80)
}

/// Unicode's last two places, which no XML may hold (XML 1.0, 2.2 Characters), and its separators of lines and paragraphs.
fn is_no_character(letter: char) -> bool {
    matches!(letter, '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}')
}

fn normalise(trimmed: &str, breaks: Breaks) -> Parsed<String> {
    let text = match breaks {
        Breaks::Refused if trimmed.contains(BETWEEN_MEMBERS) => return Err(reason::LIST),
        Breaks::Refused => Cow::Borrowed(trimmed),
        Breaks::AreSpace if trimmed.contains(BETWEEN_MEMBERS) => return Err(reason::LIST),
        Breaks::AreSpace => squeeze(trimmed),
        Breaks::OfListsAreCommas => trimmed.replace(BETWEEN_MEMBERS, ", ").into(),
    };
    let text = if text.contains(is_unseen) { Cow::Owned(text.replace(is_unseen, "")) } else { text };
    if text.chars().any(|letter| letter.is_control() || is_no_character(letter)) {
        return Err(reason::CONTROL_CHARACTER);
    }
    // Below U+0300 every letter is its own normal form.
    let is_plain = text.chars().all(|letter| letter < '\u{300}');
    let text = match if is_plain { IsNormalized::Yes } else { is_nfc_quick(text.chars()) } {
        IsNormalized::Yes => text.into_owned(),
        IsNormalized::No | IsNormalized::Maybe => trim(&text.nfc().collect::<String>()).to_owned(),
    };
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(reason::TOO_LONG);
    }
    Ok(text)
}

/// Whether UTF-8 was read as a one-byte encoding ("Ã©" or "√©" for "é"), one of MS-DOS or the Macintosh as that of Windows
/// (`AmŽlie`), or something unreadable replaced (U+FFFD).
///
/// Only what no language writes counts: "SÃO" and "Âge" are words.
fn is_mojibake(text: &str) -> bool {
    let (mut two_before, mut before) = ('\0', '\0');
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let after = rest.clone().next();
        if is_stranger(before, c, after) {
            return true;
        }
        let is_followed = after.is_some_and(char::is_alphabetic);
        // Of words in capitals that end there: "«A MANHÃ»", "PERCHÈ…", "CAFFÈ–BAR".
        let goes_on_in_capitals = after.is_some_and(char::is_uppercase) && c != '\u{201C}';
        let ends_capitals = two_before.is_uppercase() && (!is_followed || goes_on_in_capitals);
        let damaged = match before {
            'Ã' | 'Ă' => {
                is_continuation(c)
                    && (c.is_alphabetic() || !(ends_capitals && (!is_followed || c == '\u{A0}')))
            }
            'Â' => matches!(c, '\u{80}'..='\u{BF}'),
            // Letters of Poland, Bohemia, Hungary, Turkey and Romania, œ among them.
            'Ä' | 'Å' | 'È' if is_continuation(c) => match c.is_alphabetic() {
                true => {
                    let is_in_small = two_before.is_lowercase() || after.is_some_and(char::is_lowercase);
                    is_in_small || (c.is_lowercase() && is_followed) || (before == 'Ä' && c == 'Œ')
                }
                false => two_before.is_lowercase() || (is_followed && !ends_capitals),
            },
            'â' => matches!(c, '€' | '\u{80}'),
            // Of Vietnam; and the sign of what was unreadable before, or that of the beginning of a file.
            'á' => matches!(c, 'º' | '»') && after.is_some_and(is_continuation) && !text.contains('«'),
            'ï' => (c, after) == ('¿', Some('½')) || (c, after) == ('»', Some('¿')),
            // On the Macintosh and in MS-DOS, where À to ÿ, and Ā to ſ, begin with these.
            '√' | '≈' | '├' | '┬' | '┼' => !c.is_ascii() && !c.is_whitespace(),
            '─' | '╚' | '╗' => !c.is_ascii() && c.is_alphabetic(),
            _ => false,
        };
        if damaged || c == char::REPLACEMENT_CHARACTER {
            return true;
        }
        (two_before, before) = (before, c);
    }
    false
}

/// Whether a sign, or a capital, stands where only a small letter can be: it is a letter of another encoding. Capitals
/// begin words that are joined ("eŠola"), commas may be low quotes, and signs stand between capitals in names of companies.
fn is_stranger(before: char, c: char, after: Option<char>) -> bool {
    let is_letter = |other: char| other.is_alphabetic();
    let in_word = is_letter(before) && after.is_some_and(is_letter);
    let ends_word = before.is_lowercase() && after.is_none_or(|after| !is_letter(after) && after != ' ');
    let is_consonant = |other: char| other.is_lowercase() && !"aeiouyáéíóúäëïöü".contains(other);
    match c {
        '‚' | '„' | 'ˆ' | '˜' => in_word || ends_word,
        '†' | '‡' => in_word,
        'ƒ' => before.is_uppercase() && after.is_some_and(char::is_uppercase),
        'Ž' => ends_word || (before.is_lowercase() && after.is_some_and(is_consonant)),
        _ => false,
    }
}

/// A second byte of UTF-8 as ISO 8859-1 or Windows-1252 shows it, letters that follow a letter in words excepted.
fn is_continuation(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{BF}') || "€‚ƒ„…†‡ˆ‰Š‹ŒŽ\u{2018}\u{2019}\u{201C}\u{201D}•–—˜™š›œžŸ".contains(c)
}

#[cfg(test)]
mod tests;
