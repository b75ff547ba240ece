//! A street line and its parts: number, kind, name.
//!
//! Nothing is lost: the line is always kept, and the parts of a line that splits hold all its letters and digits
//! (save "N°"). A line that is not clearly one number, one kind and one name does not split.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use super::house_numbers::{Behind, Lead, lead, numbers_behind};
use super::reason::{self, Parsed};
use super::text::squeeze;
use crate::domain::defect::DefectReason;
use crate::domain::field::Field;
use crate::domain::fold;
use crate::domain::street_kinds::{BEHIND_NUMBER_ONLY, KINDS_BY_WORD, KnownKind};
use crate::domain::value::{Street, StreetKind, StreetParts};

/// Kinds behind whose name a house number may stand, as in Belgium and Switzerland: "Rue de la Loi 16". Names of estates end in
/// numbers of their own: "ZI Nord 2".
const STREETS: [&str; 18] = [
    "ALLEE",
    "AVENUE",
    "BOULEVARD",
    "CHAUSSEE",
    "CHEMIN",
    "COURS",
    "ESPLANADE",
    "GRANDE RUE",
    "IMPASSE",
    "PASSAGE",
    "PLACE",
    "PROMENADE",
    "QUAI",
    "ROUTE",
    "RUE",
    "RUELLE",
    "SENTIER",
    "SQUARE",
];

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
const LINKS: [&str; 13] = ["DE", "DU", "DES", "D", "LA", "LE", "LES", "L", "AU", "AUX", "A", "D L", "DE L"];

/// The cells of a row that speak of its street; empty ones are `None`.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Cells<'a> {
    pub(super) line: Option<&'a str>,
    pub(super) number: Option<&'a str>,
    pub(super) kind: Option<&'a str>,
    pub(super) name: Option<&'a str>,
}

/// The street of a row. Parts that the file gives are taken as they are, but for what stands in two of them; the line, where
/// it is missing, is joined from them. `None` when all cells are empty.
///
/// # Errors
/// The part that stands beside a line which has another one.
pub(super) fn from_cells(cells: Cells<'_>) -> Result<Option<Street>, (Field, DefectReason)> {
    let [line, number, kind, name] = [cells.line, cells.number, cells.kind, cells.name]
        .map(|cell| cell.map(|text| SmolStr::from(squeeze(text))));
    let stands_for_nothing = |number: &str| !number.contains(|c: char| c.is_alphanumeric() && c != '0');
    let number = number.map(|number| SmolStr::from(without_decimals(&number)));
    let number = number.filter(|number| !stands_for_nothing(number));
    Ok(Some(match (line, name) {
        (Some(line), Some(name)) => {
            if number.as_deref().is_some_and(|number| has_other_number(&line, number)) {
                return Err((Field::StreetNumber, reason::STREET_DIFFERS));
            }
            if !may_be_one(&line, &name) {
                return Err((Field::StreetName, reason::STREET_DIFFERS));
            }
            // Who takes the line whole gets what the others get.
            let missing = number.as_deref().filter(|_| house_numbers(&line).is_empty());
            let Street { line, .. } = completed(line, missing, kind.clone())?;
            Street { line, parts: Some(given(number.as_deref(), kind.as_deref(), name)?) }
        }
        (Some(line), None) if number.is_none() && kind.is_none() => {
            let parts = split(&line);
            Street { line, parts }
        }
        (Some(line), None) => completed(line, number.as_deref(), kind)?,
        (None, Some(name)) => {
            let parts = given(number.as_deref(), kind.as_deref(), name)?;
            let written = parts.kind.as_ref().map(|kind| kind.written.clone());
            let line = joined([&parts.number, &written, &Some(parts.name.clone())]);
            Street { line, parts: Some(parts) }
        }
        (None, None) if number.is_none() && kind.is_none() => return Ok(None),
        (None, None) => {
            let line = joined([&number, &kind, &None]);
            let parts = split(&line);
            Street { line, parts }
        }
    }))
}

fn joined(parts: [&Option<SmolStr>; 3]) -> SmolStr {
    parts.into_iter().flatten().map(SmolStr::as_str).collect::<Vec<_>>().join(" ").into()
}

/// The parts as the file has them. What stands for nothing is none; a number before a kind, one behind the name, and a kind, that
/// stand in the name as well, word for word, are not repeated.
fn given(
    number: Option<&str>,
    kind: Option<&str>,
    name: SmolStr,
) -> Result<StreetParts, (Field, DefectReason)> {
    let says_something = |part: &&str| part.chars().any(|letter| letter.is_alphanumeric() && letter != '0');
    let number = number.filter(says_something);
    let kind = kind.filter(says_something);
    if number.is_none() && kind.is_none() {
        return Ok(split(&name).unwrap_or(StreetParts { number: None, kind: None, name }));
    }
    let (number, name) = match number.map(|number| without_number_behind(&name, number)) {
        Some(Err(differs)) => return Err((Field::StreetNumber, differs)),
        Some(Ok((rest, is_apart))) => (number.filter(|_| is_apart), rest),
        None => (None, name),
    };
    let name = number
        .and_then(|number| behind(&name, number))
        .filter(|rest| kind_at(rest, true).is_some())
        .map_or(name.clone(), SmolStr::from);
    let number = number.map(SmolStr::from);
    let Some(kind) = kind.map(kind_of) else { return Ok(with_kind_of_name(number, name)) };
    let rest = behind(&name, &kind.written).or_else(|| behind(&name, &kind.standard)).map(SmolStr::from);
    Ok(StreetParts { number, kind: Some(kind), name: rest.unwrap_or(name) })
}

/// A name without the number that ends it, if that stands beside it too, and whether what stands beside it is a part of its own: not
/// where the number is followed by something.
fn without_number_behind(name: &SmolStr, number: &str) -> Parsed<(SmolStr, bool)> {
    let known = behind_name(name);
    let Some(same) = known.iter().find(|known| is_in_number(&known.number, number)) else {
        return if known.is_empty() { Ok((name.clone(), true)) } else { Err(reason::STREET_DIFFERS) };
    };
    Ok(same.before.map_or_else(|| (name.clone(), false), |before| (trim_end(before).into(), true)))
}

/// A house number without what a program that knows fractions alone puts behind it: "12.0".
fn without_decimals(number: &str) -> &str {
    let whole = number.trim_end_matches('0').strip_suffix(['.', ',']).unwrap_or(number);
    if whole.bytes().all(|byte| byte.is_ascii_digit()) { whole } else { number }
}

/// What follows a part that a name begins with, word for word; none where nothing does.
fn behind<'a>(name: &'a str, part: &str) -> Option<&'a str> {
    let ends = name.match_indices([' ', ',']).map(|(end, _)| end);
    let mut heads = ends.filter_map(|end| name.split_at_checked(end));
    let (_, rest) = heads.find(|(head, _)| fold::words(head) == fold::words(part))?;
    let rest = trim_separators(rest);
    rest.contains(char::is_alphanumeric).then_some(rest)
}

/// Has a line another house number at its beginning than stands beside it. A list or a range has each of its numbers.
fn has_other_number(line: &str, number: &str) -> bool {
    let Lead::Number { number: own, .. } = lead(line.trim_start_matches('0')) else { return false };
    let digits = |text: &str| -> Vec<String> {
        let runs = text
            .split(|letter: char| !letter.is_ascii_digit())
            .map(|run| run.trim_start_matches('0').to_owned());
        runs.filter(|run| !run.is_empty()).collect()
    };
    let (own, beside) = (digits(&own), digits(number));
    !own.is_empty() && !beside.is_empty() && !own.iter().any(|run| beside.contains(run))
}

/// May two texts speak of one street: they have a word in common, in short perhaps, that is no number, no kind and no link.
pub(super) fn may_be_one(one: &str, other: &str) -> bool {
    let words = [one, other].map(fold::words);
    let telling = |words: &'_ SmolStr| -> Vec<SmolStr> {
        let is_telling = |word: &&str| {
            let is_number =
                word.starts_with(|c: char| c.is_ascii_digit()) || ["BIS", "TER", "QUATER"].contains(word);
            !is_number && !LINKS.contains(word) && !KINDS_BY_WORD.contains_key(word.as_bytes())
        };
        words.split(' ').filter(|word| !word.is_empty()).filter(is_telling).map(SmolStr::from).collect()
    };
    let [one, other] = [telling(&words[0]), telling(&words[1])];
    let is_in_other =
        |word: &SmolStr| other.iter().any(|other| is_short_for(word, other) || is_short_for(other, word));
    one.is_empty() || other.is_empty() || one.iter().any(is_in_other)
}

/// Is a word another one, or what people shorten it to by leaving letters out: "GAL" for "GENERAL", "ST" for "SAINT".
fn is_short_for(short: &str, long: &str) -> bool {
    let mut rest = long.chars();
    let begins_alike = short.chars().next() == long.chars().next();
    begins_alike
        && (short.len() > 1 || short == long)
        && short.chars().all(|letter| rest.any(|other| other == letter))
}

/// A line whose number or kind stands in a column of its own, as in SAP. What the line has too is in it once.
fn completed(
    line: SmolStr,
    number: Option<&str>,
    kind: Option<SmolStr>,
) -> Result<Street, (Field, DefectReason)> {
    let parts = split(&line);
    let own = parts.clone().unwrap_or(StreetParts { number: None, kind: None, name: line.clone() });
    let number = match number.and_then(alone) {
        Some(number) => missing_number(&line, number).ok_or((Field::StreetNumber, reason::STREET_DIFFERS))?,
        None => None,
    };
    let kind = kind.filter(|kind| kind.chars().any(char::is_alphanumeric)).map(|kind| kind_of(&kind));
    let is_there = |kind: &StreetKind| {
        own.kind.as_ref().is_some_and(|own| own.standard == kind.standard) || has_words(&line, &kind.written)
    };
    let kind = kind.filter(|kind| !is_there(kind));
    // A line that does not split has its kind anywhere, or none, as a post-office box.
    if kind.is_some() && (own.kind.is_some() || parts.is_none()) {
        return Err((Field::StreetType, reason::STREET_DIFFERS));
    }
    if number.is_none() && kind.is_none() {
        return Ok(Street { line, parts });
    }
    let whole = StreetParts { number: number.or(own.number), kind: kind.or(own.kind), name: own.name };
    let written = whole.kind.as_ref().map(|kind| kind.written.clone());
    let line = joined([&whole.number, &written, &Some(whole.name.clone())]);
    let parts = if parts.is_some() { Some(whole) } else { split(&line) };
    Ok(Street { line, parts })
}

/// A number from a column of its own, in the form that it has in a line; none where it stands for nothing.
fn alone(number: &str) -> Option<SmolStr> {
    let bare = number.trim_start_matches('0');
    let probe = format!("{bare} rue X");
    match lead(&probe) {
        Lead::Number { number, .. } => Some(number),
        Lead::PartOfName | Lead::Unclear | Lead::None if bare.chars().any(char::is_alphanumeric) => {
            Some(number.into())
        }
        Lead::PartOfName | Lead::Unclear | Lead::None => None,
    }
}

/// The number as far as the line lacks it; `None` where the line has another one.
fn missing_number(line: &str, number: SmolStr) -> Option<Option<SmolStr>> {
    let mut known = house_numbers(line);
    if known.is_empty() {
        known.extend(behind_name(line).into_iter().map(|behind| behind.number));
    }
    if known.iter().any(|known| is_in_number(known, &number)) {
        return Some(None);
    }
    known.is_empty().then_some(Some(number))
}

/// The house numbers behind a name: "Hauptstraße 12", "Rue de la Loi 16".
fn behind_name(line: &str) -> Vec<Behind<'_>> {
    let is_street = kind_at(line, false).is_none_or(|(known, ..)| STREETS.contains(&known.standard));
    if is_street && !is_post_box(line) { numbers_behind(line) } else { Vec::new() }
}

/// Has a line with this number the one that stands beside it: written with zeros, with a suffix in short ("12B" for "12 bis"), or
/// with one that the other does not have: then the line says more.
fn is_in_number(known: &str, beside: &str) -> bool {
    let parts = |number: &str| {
        let bare = number.trim_start_matches('0');
        let end = bare.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(bare.len());
        let (digits, suffix) = bare.split_at_checked(end).unwrap_or((bare, ""));
        let suffix = fold::words(suffix);
        (digits.to_owned(), suffix.trim_start().to_owned())
    };
    let ((digits, suffix), (beside_digits, beside_suffix)) = (parts(known), parts(beside));
    let is_short = |short: &str, long: &str| {
        short.len() == 1 && ["BIS", "TER", "QUATER"].contains(&long) && long.starts_with(short)
    };
    let is_same =
        suffix == beside_suffix || is_short(&suffix, &beside_suffix) || is_short(&beside_suffix, &suffix);
    known == beside
        || (digits == beside_digits && !digits.is_empty() && (beside_suffix.is_empty() || is_same))
}

/// The numbers of houses in a line: at its beginning, or before a kind of street.
fn house_numbers(line: &str) -> Vec<SmolStr> {
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

/// Has a line a house number of its own.
pub(super) fn has_number(line: &str) -> bool {
    let line = squeeze(line);
    !house_numbers(&line).is_empty() || !behind_name(&line).is_empty()
}

/// Does a line have these words, next to each other?
fn has_words(line: &str, words: &str) -> bool {
    let spaced = |text: &str| format!(" {} ", fold::words(text));
    spaced(line).contains(&spaced(words))
}

/// A number in its own column and a name that may begin with the kind.
fn with_kind_of_name(number: Option<SmolStr>, name: SmolStr) -> StreetParts {
    match split_rest(&name, None) {
        Some(parts) => StreetParts { number, ..parts },
        None => StreetParts { number, kind: None, name },
    }
}

/// The kind that stands in a column of its own.
fn kind_of(written: &str) -> StreetKind {
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
fn split(line: &str) -> Option<StreetParts> {
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
fn split_rest(rest: &str, number: Option<SmolStr>) -> Option<StreetParts> {
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
fn first_word(words: &[u8]) -> (&[u8], usize) {
    let mut each = words.split(|byte| *byte == b' ');
    (each.next().unwrap_or(words), each.count())
}

/// Does a number with its kind stand behind something else: "Résidence Les Pins, 12 rue de la Mer"?
fn hides_a_number(line: &str) -> bool {
    line.match_indices([' ', ',']).any(|(index, _)| {
        let Some((_, behind)) = line.split_at_checked(index + 1) else { return false };
        match behind.starts_with(|c: char| c.is_ascii_digit()).then(|| lead(behind)) {
            Some(Lead::Number { rest, .. }) => kind_at(rest, true).is_some(),
            Some(Lead::PartOfName | Lead::Unclear | Lead::None) | None => false,
        }
    })
}

fn is_post_box(text: &str) -> bool {
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

fn trim_end(text: &str) -> &str {
    text.trim_end_matches([' ', ',', ';', ':', '-', '–'])
}

/// Without the commas, dots and dashes between parts.
pub(super) fn trim_separators(text: &str) -> &str {
    text.trim_start_matches([' ', ',', ';', ':', '.', '-', '–'])
}
