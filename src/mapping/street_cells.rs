//! The street of a row, which may stand in a line and in columns for number, kind and name.
//!
//! What stands in two of them goes once, and what contradicts itself is no street: providers that take the line and those that
//! take the parts get the same one.

use smol_str::SmolStr;

use super::house_numbers::{Lead, has_its_digits, lead, number_behind};
use super::reason::{self, Parsed};
use super::streets::{
    LINKS, first_word, house_numbers, is_post_box, kind_at, kind_of, split, split_rest, trim_separators,
};
use super::text::squeeze;
use crate::domain::defect::DefectReason;
use crate::domain::field::Field;
use crate::domain::fold;
use crate::domain::street_kinds::{KINDS_BY_WORD, KnownKind};
use crate::domain::value::{Street, StreetKind, StreetParts};

/// Countries that write the house number behind the name: "Hauptstraße 12", "Rue de la Loi 16". Elsewhere a number there belongs to
/// the name: "Rue de la Fosse 4".
const NUMBERS_BEHIND: [&str; 33] = [
    "AR", "AT", "BE", "BG", "BR", "CH", "CL", "CO", "CZ", "DE", "DK", "EE", "ES", "FI", "GR", "HR", "HU",
    "IT", "LI", "LT", "LV", "MX", "NL", "NO", "PE", "PL", "PT", "RO", "RS", "SE", "SI", "SK", "TR",
];

/// Kinds behind whose name a house number may stand there; names of estates end in numbers of their own: "ZI Nord 2".
const STREETS: &str = "ALLEE AVENUE BOULEVARD CHAUSSEE CHEMIN CLOS COURS ESPLANADE FAUBOURG IMPASSE PASSAGE PLACE PROMENADE QUAI ROUTE RUE RUELLE \
     SENTIER SQUARE VOIE";

/// A word of so many letters may stand for a longer one that begins with it.
const CUT_WORD_CHARS_MIN: usize = 3;

/// What people shorten in names.
const SHORTENED: [(&str, &str); 14] = [
    ("CDT", "COMMANDANT"),
    ("CNE", "CAPITAINE"),
    ("COL", "COLONEL"),
    ("DR", "DOCTEUR"),
    ("FG", "FAUBOURG"),
    ("GAL", "GENERAL"),
    ("LT", "LIEUTENANT"),
    ("MAL", "MARECHAL"),
    ("MGR", "MONSEIGNEUR"),
    ("PDT", "PRESIDENT"),
    ("PR", "PROFESSEUR"),
    ("PROF", "PROFESSEUR"),
    ("ST", "SAINT"),
    ("STE", "SAINTE"),
];

/// The cells of a row that speak of its street; empty ones are `None`.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Cells<'a> {
    pub(super) line: Option<&'a str>,
    pub(super) number: Option<&'a str>,
    pub(super) kind: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    /// Where it is, alpha-2, as far as that is known or presumed.
    pub(super) country: Option<&'a str>,
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
    let behind = cells.country.is_some_and(writes_numbers_behind);
    Ok(Some(match (line, name) {
        (Some(line), Some(name)) => beside_parts(line, name, (number.as_deref(), kind.as_deref()), behind)?,
        (Some(line), None) if number.is_none() && kind.is_none() => {
            let parts = split(&line);
            Street { line, parts }
        }
        (Some(line), None) => completed(line, number.as_deref(), kind, behind)?,
        (None, Some(name)) => {
            let parts = given(number.as_deref(), kind.as_deref(), name, behind)?;
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

/// A line and parts of the same street: who takes the line whole gets the number that only stands beside it, and who takes the
/// parts the one that only the line has.
fn beside_parts(
    line: SmolStr,
    name: SmolStr,
    (number, kind): (Option<&str>, Option<&str>),
    behind: bool,
) -> Result<Street, (Field, DefectReason)> {
    let own = split(&line);
    let known = house_numbers(&line);
    if number.is_some_and(|number| has_other_number(&line, number)) {
        return Err((Field::StreetNumber, reason::STREET_DIFFERS));
    }
    if !speak_of_one(name_of(&line, own.as_ref()), name_of(&name, split(&name).as_ref())) {
        return Err((Field::StreetName, reason::STREET_DIFFERS));
    }
    let own_kind = own.as_ref().and_then(|own| own.kind.as_ref());
    if let (Some(own), Some(kind)) = (own_kind, kind.and_then(known_word))
        && first_word(own.standard.as_bytes()).0 != first_word(kind.standard.as_bytes()).0
    {
        return Err((Field::StreetType, reason::STREET_DIFFERS));
    }
    let missing = match number.filter(|_| known.is_empty()).and_then(alone) {
        Some(number) => missing_number(&line, number, own_kind.is_some(), behind)
            .ok_or((Field::StreetNumber, reason::STREET_DIFFERS))?,
        None => None,
    };
    let of_line = number_of_line(&line, own.as_ref(), &known, behind);
    let is_whole = |of_line: &SmolStr| number.is_none_or(|number| is_in_number(of_line, number));
    let of_line = of_line.filter(is_whole);
    let parts = given(of_line.as_deref().or(number), kind, name, behind)?;
    let line = joined([&missing, &None, &Some(line)]);
    Ok(Street { line, parts: Some(parts) })
}

/// What a text has as the name of the street, where it splits into its parts.
fn name_of<'a>(text: &'a str, parts: Option<&'a StreetParts>) -> &'a str {
    parts.map_or(text, |parts| &parts.name)
}

/// The number of a line that has one and no other.
fn number_of_line(line: &str, own: Option<&StreetParts>, known: &[SmolStr], behind: bool) -> Option<SmolStr> {
    let at_beginning = own.and_then(|own| own.number.clone());
    let before_kind = || if let [number] = known { Some(number.clone()) } else { None };
    let at_end = || number_behind(line).filter(|_| behind && is_of_street(line)).map(|(number, _)| number);
    at_beginning.or_else(before_kind).or_else(at_end)
}

/// Whether a country writes the house number behind the name.
fn writes_numbers_behind(country: &str) -> bool {
    NUMBERS_BEHIND.contains(&country)
}

fn joined(parts: [&Option<SmolStr>; 3]) -> SmolStr {
    parts.into_iter().flatten().map(SmolStr::as_str).collect::<Vec<_>>().join(" ").into()
}

/// The parts as the file has them. What stands for nothing is none; a number before a kind, one behind the name where it is written
/// there, and a kind, that stand in the name as well are not repeated.
fn given(
    number: Option<&str>,
    kind: Option<&str>,
    name: SmolStr,
    behind: bool,
) -> Result<StreetParts, (Field, DefectReason)> {
    let says_something = |part: &&str| part.chars().any(|letter| letter.is_alphanumeric() && letter != '0');
    let number = number.filter(says_something);
    let kind = kind.filter(says_something);
    if number.is_none() && kind.is_none() {
        return Ok(split(&name).unwrap_or(StreetParts { number: None, kind: None, name }));
    }
    let is_street = kind.and_then(known_word).is_none_or(is_street);
    let (number, name) = without_number_before(name, number, kind.is_some())?;
    let (number, name) = match number {
        Some(number) if behind && is_street => {
            without_number_behind(name, number).map_err(|differs| (Field::StreetNumber, differs))?
        }
        number => (number, name),
    };
    // "Grande Rue" in both columns.
    let is_name = |kind: &&str| fold::words(kind) == fold::words(&name);
    let Some(kind) = kind.filter(|kind| !is_name(kind)).map(kind_of) else {
        return Ok(with_kind_of_name(number, name));
    };
    let rest = after(&name, &kind.written).or_else(|| after(&name, &kind.standard)).map(SmolStr::from);
    Ok(StreetParts { number, kind: Some(kind), name: rest.unwrap_or(name) })
}

/// Number and name, where the name begins with the number too. Before a name without a kind, as in "3 Sapins", it is only
/// taken for the house's where it is the same and no column has a kind.
fn without_number_before(
    name: SmolStr,
    number: Option<&str>,
    has_kind: bool,
) -> Result<(Option<SmolStr>, SmolStr), (Field, DefectReason)> {
    if let Lead::Number { number: own, rest } = lead(&name) {
        let is_before_kind = kind_at(rest, true).is_some();
        let is_same = number.is_none_or(|number| is_in_number(&own, number));
        if is_before_kind && !is_same {
            return Err((Field::StreetNumber, reason::STREET_DIFFERS));
        }
        if is_before_kind || (is_same && number.is_some() && !has_kind) {
            return Ok((Some(own), rest.into()));
        }
    }
    Ok((number.map(SmolStr::from), name))
}

/// Number and name, where the name has the number too: it goes from its end, and stays where something follows it.
fn without_number_behind(name: SmolStr, number: SmolStr) -> Parsed<(Option<SmolStr>, SmolStr)> {
    match number_behind(&name) {
        Some((known, before)) if is_in_number(&known, &number) => Ok((Some(known), before.into())),
        _ if has_its_digits(&name, &number) => Ok((None, name)),
        Some(_) if is_of_street(&name) => Err(reason::STREET_DIFFERS),
        Some(_) | None => Ok((Some(number), name)),
    }
}

/// Whether a text begins with a kind behind whose name a house number may stand, or with none.
fn is_of_street(text: &str) -> bool {
    kind_at(text, false).is_none_or(|(kind, ..)| is_street(kind))
}

fn is_street(kind: &KnownKind) -> bool {
    STREETS.split_ascii_whitespace().any(|other| other == kind.standard)
}

/// The kind that a column names, if it is known.
fn known_word(written: &str) -> Option<&'static KnownKind> {
    fold::folded(written, |word| KINDS_BY_WORD.get(word).copied())
}

/// A house number without what a program that knows fractions alone puts behind it: "12.0".
fn without_decimals(number: &str) -> &str {
    let whole = number.trim_end_matches('0').strip_suffix(['.', ',']).unwrap_or(number);
    if whole.bytes().all(|byte| byte.is_ascii_digit()) { whole } else { number }
}

/// What follows a part that a name begins with, word for word; none where nothing does.
fn after<'a>(name: &'a str, part: &str) -> Option<&'a str> {
    let ends = name.match_indices([' ', ',']).map(|(end, _)| end);
    let mut heads = ends.filter_map(|end| name.split_at_checked(end));
    let (_, rest) = heads.find(|(head, _)| fold::words(head) == fold::words(part))?;
    let rest = trim_separators(rest);
    rest.contains(char::is_alphanumeric).then_some(rest)
}

/// Whether a line has another house number at its beginning than stands beside it. A list or a range has each of its numbers.
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

/// Whether a line and a name may be of one street: they have a word or a number in common, in short or cut off perhaps.
fn speak_of_one(line: &str, name: &str) -> bool {
    let words = [line, name].map(fold::words);
    let is_telling = |word: &str| {
        (word.len() > 1 || word.starts_with(|c: char| c.is_ascii_digit())) && !LINKS.contains(&word)
    };
    let long = |word: &'_ str| {
        SHORTENED
            .iter()
            .find(|(short, _)| *short == word)
            .map_or(SmolStr::from(word), |(_, long)| SmolStr::from(*long))
    };
    let [line, name] = words
        .each_ref()
        .map(|words| words.split(' ').filter(|word| is_telling(word)).map(long).collect::<Vec<_>>());
    // "REP" for "REPUBLIQUE", where a line may have only so many characters.
    let begins = |one: &str, other: &str| one.len() >= CUT_WORD_CHARS_MIN && other.starts_with(one);
    let is_one = |one: &str, other: &str| one == other || begins(one, other) || begins(other, one);
    let is_in_name = |word: &SmolStr| name.iter().any(|other| is_one(word, other));
    line.is_empty() || name.is_empty() || line.iter().any(is_in_name)
}

/// A line whose number or kind stands in a column of its own, as in SAP. What the line has too is in it once.
fn completed(
    line: SmolStr,
    number: Option<&str>,
    kind: Option<SmolStr>,
    behind: bool,
) -> Result<Street, (Field, DefectReason)> {
    let parts = split(&line);
    let own = parts.clone().unwrap_or(StreetParts { number: None, kind: None, name: line.clone() });
    let number = match number.and_then(alone) {
        Some(number) => missing_number(&line, number, own.kind.is_some(), behind)
            .ok_or((Field::StreetNumber, reason::STREET_DIFFERS))?,
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
        Lead::Number { number, rest: "rue X" } => Some(number),
        // What stands behind it is not lost.
        Lead::Number { .. } => Some(number.into()),
        Lead::PartOfName | Lead::Unclear | Lead::None if bare.chars().any(char::is_alphanumeric) => {
            Some(number.into())
        }
        Lead::PartOfName | Lead::Unclear | Lead::None => None,
    }
}

/// The number as far as the line lacks it; `None` where the line has another one.
fn missing_number(line: &str, number: SmolStr, has_kind: bool, behind: bool) -> Option<Option<SmolStr>> {
    let known = house_numbers(line);
    let plain = |number: &str| number.chars().take_while(char::is_ascii_digit).collect::<String>();
    if known.iter().any(|known| is_in_number(known, &number)) {
        return Some(None);
    }
    if !known.is_empty() {
        return None;
    }
    if behind && !is_post_box(line) {
        if has_its_digits(line, &number) {
            return Some(None);
        }
        return (!is_of_street(line) || number_behind(line).is_none()).then_some(Some(number));
    }
    // "Hauptstraße 12": behind a name without a kind of street that is known.
    let last = fold::words(line.rsplit(' ').next().unwrap_or_default());
    let is_last = !has_kind && plain(&last) == plain(&number) && !plain(&number).is_empty();
    Some((!is_last).then_some(number))
}

/// Whether a line with this number has the one that stands beside it: written with zeros, with a suffix in short ("12B" for
/// "12 bis"), or with one that the other does not have: then the line says more.
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

/// Whether a line in that country has a house number of its own.
pub(super) fn has_number(line: &str, country: Option<&str>) -> bool {
    let line = squeeze(line);
    let is_behind = || country.is_some_and(writes_numbers_behind) && number_behind(&line).is_some();
    !house_numbers(&line).is_empty() || is_behind()
}

/// Whether a line has these words, next to each other.
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
