//! A street line and its parts: number, kind, name.
//!
//! Nothing is lost: the line is always kept, and the parts of a line that splits hold all its letters and digits
//! (save "N°"). A line that is not clearly one number, one kind and one name does not split.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use super::house_numbers::{Lead, lead};
use crate::domain::fold;
use crate::domain::street_kinds::{BEHIND_NUMBER_ONLY, KINDS_BY_WORD, KnownKind};
use crate::domain::value::{StreetKind, StreetParts};

/// Words that the longest kind has: "zone à urbaniser en priorité".
const KIND_WORDS_MAX: usize = 5;

/// How many words a kind has at most that begins with this word: most lines need a single look-up.
static WORDS_BY_FIRST: LazyLock<FxHashMap<&'static [u8], usize>> = LazyLock::new(|| {
    let mut by_first: FxHashMap<&'static [u8], usize> = FxHashMap::default();
    for word in KINDS_BY_WORD.keys() {
        let words = first_word(word).1 + 1;
        let first = first_word(word).0;
        let most = by_first.entry(first).or_default();
        *most = (*most).max(words);
    }
    by_first
});

/// What begins a post-office box or a distribution code instead of a street.
const POST_BOXES: [&str; 9] =
    ["BP", "B P", "CS", "TSA", "CIDEX", "BOITE POSTALE", "CASE POSTALE", "PO BOX", "P O BOX"];

/// What may stand between a kind and its name when the line is turned round: "Liberté (avenue de la)".
pub(super) const LINKS: [&str; 13] =
    ["DE", "DU", "DES", "D", "LA", "LE", "LES", "L", "AU", "AUX", "A", "D L", "DE L"];

/// Whether two texts may speak of one street: they have a word in common that is neither a kind nor a link.
pub(super) fn may_be_one(one: &str, other: &str) -> bool {
    let words = [one, other].map(fold::words);
    let telling = |words: &'_ SmolStr| -> Vec<SmolStr> {
        let is_telling = |word: &&str| !LINKS.contains(word) && !KINDS_BY_WORD.contains_key(word.as_bytes());
        words.split(' ').filter(|word| !word.is_empty()).filter(is_telling).map(SmolStr::from).collect()
    };
    let [one, other] = [telling(&words[0]), telling(&words[1])];
    one.is_empty() || other.is_empty() || one.iter().any(|word| other.contains(word))
}

/// The numbers of houses in a line: at its beginning, or before a kind of street.
pub(super) fn house_numbers(line: &str) -> Vec<SmolStr> {
    let starts = line.match_indices([' ', ',']).map(|(index, _)| index + 1);
    let numbers = [0].into_iter().chain(starts).filter_map(|start| {
        let behind = line.get(start..)?;
        if start > 0 && !behind.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        match lead(behind) {
            Lead::Number { number, rest } if start == 0 || kind_at(rest, true).is_some() => Some(number),
            Lead::Number { .. } | Lead::PartOfName | Lead::Unclear | Lead::None => None,
        }
    });
    numbers.collect()
}

/// The kind that stands in a column of its own.
pub(super) fn kind_of(written: &str) -> StreetKind {
    let word = fold::words(written);
    match KINDS_BY_WORD.get(word.as_bytes()) {
        Some(known) => kind(known, written),
        None => StreetKind { written: written.into(), standard: word.clone(), short: word },
    }
}

fn kind(known: &KnownKind, written: &str) -> StreetKind {
    StreetKind {
        written: written.into(),
        standard: SmolStr::new_static(known.standard),
        short: SmolStr::new_static(known.short),
    }
}

/// The parts of a line without runs of white space.
pub(super) fn split(line: &str) -> Option<StreetParts> {
    if is_post_box(line) {
        return None;
    }
    match lead(line) {
        Lead::Number { rest, .. } if is_post_box(rest) => None,
        Lead::Number { number, rest } => split_rest(rest, Some(number)),
        Lead::Unclear => None,
        Lead::PartOfName | Lead::None if hides_a_number(line) => None,
        Lead::PartOfName => turned_round(line, None).or_else(|| named(line, None)),
        Lead::None => split_rest(line, None),
    }
}

/// Kind and name, behind the number if there was one.
pub(super) fn split_rest(rest: &str, number: Option<SmolStr>) -> Option<StreetParts> {
    if !rest.starts_with(char::is_alphabetic) {
        return None;
    }
    if let Some(parts) = turned_round(rest, number.clone()) {
        return Some(parts);
    }
    let Some((known, written, after)) = kind_at(rest, number.is_some()) else { return named(rest, number) };
    let name = trim_separators(after);
    // "Grande Rue" is a name, and so is "Lot 12".
    let is_plot = known.standard == "LOTISSEMENT" && name.starts_with(|c: char| c.is_ascii_digit());
    if is_plot || !name.chars().any(char::is_alphanumeric) {
        return named(rest, number);
    }
    Some(StreetParts { number, kind: Some(kind(known, written)), name: name.into() })
}

/// A name without kind: "Le Bourg". A single letter is none.
fn named(name: &str, number: Option<SmolStr>) -> Option<StreetParts> {
    let letters = name.chars().filter(|c| c.is_alphabetic()).count();
    (letters > 1).then(|| StreetParts { number, kind: None, name: name.into() })
}

/// "8 mai 1945 (place du)": the kind stands behind the name.
fn turned_round(text: &str, number: Option<SmolStr>) -> Option<StreetParts> {
    let (head, tail) = text.strip_suffix(')')?.rsplit_once('(')?;
    let head = head.trim_end().trim_end_matches(',');
    let (known, written, links) = kind_at(tail.trim(), true)?;
    let links = links.trim();
    let only_links =
        links.split(' ').all(|word| word.is_empty() || LINKS.contains(&fold::words(word).as_str()));
    if !only_links || !head.chars().any(char::is_alphanumeric) {
        return None;
    }
    let gap = if links.is_empty() || links.ends_with(['\'', '’']) { "" } else { " " };
    Some(StreetParts {
        number,
        kind: Some(kind(known, written)),
        name: format_smolstr!("{links}{gap}{head}"),
    })
}

/// The kind at the beginning of a text: what is known of it, how it is written, and what follows.
pub(super) fn kind_at(text: &str, numbered: bool) -> Option<(&'static KnownKind, &str, &str)> {
    if !text.starts_with(char::is_alphabetic) {
        return None;
    }
    let first = text.split(' ').next().unwrap_or(text);
    let words = fold::folded(first, |first| WORDS_BY_FIRST.get(first_word(first).0).copied())?;
    let mut ends = [text.len(); KIND_WORDS_MAX];
    let mut count = 0;
    for (end, _) in text.match_indices(' ').chain([(text.len(), "")]).take(words.min(KIND_WORDS_MAX)) {
        ends[count] = end;
        count += 1;
    }
    for end in ends.iter().take(count).rev() {
        let (written, after) = text.split_at_checked(*end)?;
        if let Some(known) = known_kind(written, numbered) {
            return Some((known, written.trim_end_matches([',', ';', ':']), after));
        }
    }
    // "av.de la Paix"
    let (written, after) = text.split_at_checked(text.find(['.', ' '])? + 1)?;
    known_kind(written, numbered).map(|known| (known, written, after))
}

fn known_kind(written: &str, numbered: bool) -> Option<&'static KnownKind> {
    fold::folded(written, |word| {
        let known = KINDS_BY_WORD.get(word)?;
        let is_any = numbered || !BEHIND_NUMBER_ONLY.iter().any(|other| other.as_bytes() == word);
        is_any.then_some(*known)
    })
}

/// The first of folded words, and how many more there are.
pub(super) fn first_word(words: &[u8]) -> (&[u8], usize) {
    let mut each = words.split(|byte| *byte == b' ');
    (each.next().unwrap_or(words), each.count())
}

/// Whether a number with its kind stands behind something else: "Résidence Les Pins, 12 rue de la Mer".
fn hides_a_number(line: &str) -> bool {
    line.match_indices([' ', ',']).any(|(index, _)| {
        let Some((_, behind)) = line.split_at_checked(index + 1) else { return false };
        match behind.starts_with(|c: char| c.is_ascii_digit()).then(|| lead(behind)) {
            Some(Lead::Number { rest, .. }) => kind_at(rest, true).is_some(),
            Some(Lead::PartOfName | Lead::Unclear | Lead::None) | None => false,
        }
    })
}

pub(super) fn is_post_box(text: &str) -> bool {
    // Few streets begin with the letters that all of these begin with.
    if text.starts_with(|c: char| c.is_ascii_alphanumeric() && !"BCTP".contains(c.to_ascii_uppercase())) {
        return false;
    }
    let start: String = text.chars().take(16).collect();
    let word = fold::words(&start);
    POST_BOXES.iter().any(|name| {
        word.strip_prefix(name).is_some_and(|rest| {
            rest.trim_start().starts_with(|c: char| c.is_ascii_digit()) || rest.is_empty()
        })
    })
}

/// Without the commas, dots and dashes between parts.
pub(super) fn trim_separators(text: &str) -> &str {
    text.trim_start_matches([' ', ',', ';', ':', '.', '-', '–'])
}
