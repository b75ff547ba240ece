//! The house number at the beginning of a street line, and what only looks like one.

use smol_str::{SmolStr, StrExt, format_smolstr};

use super::streets::{kind_at, trim_separators};
use crate::domain::fold;
use crate::domain::street_kinds::KINDS_BY_WORD;

/// Digits that a house number has at most; five are a postal code.
const NUMBER_DIGITS_MAX: usize = 4;

/// Numbers that one line may list: "12-14-16 rue".
const NUMBERS_MAX: usize = 4;

/// Months in names of streets: "rue du 8 mai 1945".
const MONTHS: [&str; 12] = [
    "JANVIER",
    "FEVRIER",
    "MARS",
    "AVRIL",
    "MAI",
    "JUIN",
    "JUILLET",
    "AOUT",
    "SEPTEMBRE",
    "OCTOBRE",
    "NOVEMBRE",
    "DECEMBRE",
];

/// The same in short, before a dot.
const SHORT_MONTHS: [&str; 9] = ["JANV", "FEV", "FEVR", "AVR", "JUIL", "SEPT", "OCT", "NOV", "DEC"];

/// What places are counted by when they stand alone: "4 Chemins" is a name.
const COUNTED: [&str; 9] =
    ["CHEMINS", "ROUTES", "VENTS", "MOULINS", "FONTAINES", "CANTONS", "PIGNONS", "PONTS", "TOURS"];

/// What stands before a number that is not the house's, but of a flat, a floor, a road or a box.
const OTHERS_NUMBERED: &str = "AP APP APPARTEMENT APPT APT AUTOROUTE BAL BAT BATIMENT BL BLOC BLOCK BOITE BOX BP BTE BUREAU BUS CAGE \
    CASE CD CHAMBRE COMMUNAL COMMUNALE CP CS D DEPARTEMENTAL DEPARTEMENTALE ENTREE ESC ESCALIER ETAGE FLAT FLOOR HALL HIGHWAY ILOT IMM \
    IMMEUBLE INT KM LGH LGT LOGEMENT LOK LOT M MAISON N NATIONALE NO NR NUMERO PARCELLE PHASE PISO PK PORTE RD RESIDENCE RN ROUTE RURAL \
    SECTEUR STUDIO SUITE TOUR UNIT VICINAL VILLA WHG";

/// The house number at the end of a line, where numbers stand behind names, and what stands before it. A year is none.
pub(super) fn number_behind(line: &str) -> Option<(SmolStr, &str)> {
    let line = line.trim_end_matches(['.', ',']);
    let ends = |from: usize| line.get(..from)?.rfind([' ', ',']).map(|at| at + 1);
    let last = ends(line.len())?;
    // "12 a", "12 bis".
    let is_suffix =
        |word: &str| word.len() == 1 && word.starts_with(char::is_alphabetic) || counted(word).is_some();
    let start = if is_suffix(line.get(last..)?) { ends(last - 1)? } else { last };
    let (before, number) = line.split_at_checked(start)?;
    let (digits, rest) = digits(number)?;
    let is_year = digits.len() == NUMBER_DIGITS_MAX && (digits.starts_with("19") || digits.starts_with("20"));
    let before = before.trim_end_matches([' ', ',', '-', '–']);
    let word = fold::words(before.rsplit([' ', ',']).next().unwrap_or_default());
    let is_other = OTHERS_NUMBERED.split_ascii_whitespace().any(|other| other == word);
    // "Rue 12", "Calle 5".
    let is_name = !before.contains([' ', ',']) && is_word_for_street(&word);
    let is_number = digits.len() <= NUMBER_DIGITS_MAX
        && !is_year
        && !rest.contains(|c: char| c.is_alphabetic() && !c.is_ascii());
    (is_number && !is_other && !is_name && before.contains(char::is_alphabetic))
        .then(|| (number.into(), before))
}

fn is_word_for_street(word: &str) -> bool {
    KINDS_BY_WORD.contains_key(word.as_bytes())
        || ["CALLE", "RUA", "VIA", "STRASSE", "STREET"].contains(&word)
}

/// Whether a line has the digits of a house number anywhere: where numbers stand behind names, it has the number then.
pub(super) fn has_its_digits(line: &str, number: &str) -> bool {
    let Some((digits, _)) = digits(number.trim_start_matches('0')) else { return false };
    line.split(|c: char| !c.is_ascii_digit()).any(|run| run == digits)
}

/// What a line begins with.
pub(super) enum Lead<'a> {
    /// A house number in its normal form ("12", "12 bis", "12 B", "12-14") and what follows it.
    Number { number: SmolStr, rest: &'a str },
    /// Digits that belong to a name: "8 mai 1945", "1er Régiment".
    PartOfName,
    /// Digits of which nobody can tell.
    Unclear,
    /// No digits.
    None,
}

/// Reads the beginning of a line without runs of white space.
pub(super) fn lead(line: &str) -> Lead<'_> {
    let Some((digits, after)) = digits(without_numero(line)) else { return Lead::None };
    if digits.len() > NUMBER_DIGITS_MAX {
        return Lead::Unclear;
    }
    let (suffix, after) = match suffix(after) {
        Suffix::Found(suffix, after) => (Some(suffix), after),
        Suffix::Absent => (None, after),
        Suffix::Ordinal => return Lead::PartOfName,
        Suffix::Unclear => return Lead::Unclear,
    };
    let plain = suffix.is_none();
    let mut number = with_suffix(digits, suffix);
    let mut rest = after;
    let mut count = 1;
    while let Some((separator, next, after)) = range(rest)
        && count < NUMBERS_MAX
    {
        number = format_smolstr!("{number}{separator}{next}");
        rest = after;
        count += 1;
    }
    if !is_boundary(rest) && kind_at(rest, true).is_none() {
        return Lead::Unclear;
    }
    let rest = trim_separators(rest);
    if rest.is_empty() {
        Lead::Unclear
    } else if plain && count == 1 && is_part_of_name(rest) {
        Lead::PartOfName
    } else {
        Lead::Number { number, rest }
    }
}

/// "N° 5", "no 5", "numéro 5": what stands before the number, taken away.
fn without_numero(line: &str) -> &str {
    if !line.starts_with(['N', 'n']) {
        return line;
    }
    ["N°", "n°", "Nº", "nº", "No.", "no.", "NO.", "No ", "no ", "NO ", "Numéro ", "numéro ", "NUMERO "]
        .iter()
        .find_map(|word| line.strip_prefix(word))
        .map(str::trim_start)
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or(line)
}

/// The ASCII digits at the beginning, if there are any.
fn digits(text: &str) -> Option<(&str, &str)> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 { None } else { text.split_at_checked(count) }
}

enum Suffix<'a> {
    Found(SmolStr, &'a str),
    Absent,
    Ordinal,
    Unclear,
}

/// "bis", "ter", "quater" or a letter behind the digits, attached or not.
fn suffix(after: &str) -> Suffix<'_> {
    let found = first_suffix(after);
    // "12 bis ter", "12 bis A", "5 A bis": nobody can tell which of them is the number's.
    let has_another = match &found {
        Suffix::Found(_, rest) => matches!(first_suffix(rest), Suffix::Found(..)),
        Suffix::Absent => {
            let (letter, rest) = letters(after.trim_start_matches([' ', '-']));
            letter.len() == 1 && counted(rest).is_some()
        }
        Suffix::Ordinal | Suffix::Unclear => false,
    };
    if has_another { Suffix::Unclear } else { found }
}

/// "bis" and the like behind blanks and marks, and what follows it.
fn counted(after: &str) -> Option<(SmolStr, &str)> {
    let (word, rest) = letters(after.trim_start_matches([' ', '-', ',', '.']));
    let folded = fold::words(word);
    let is_counted = matches!(folded.as_str(), "BIS" | "TER" | "QUATER" | "QUINQUIES");
    (is_counted && is_boundary(rest)).then(|| (folded.to_lowercase_smolstr(), rest))
}

fn first_suffix(after: &str) -> Suffix<'_> {
    let spaced = after.trim_start_matches([' ', '-']);
    let (word, rest) = letters(spaced);
    let attached = spaced.len() == after.len();
    // The usual case: a space, and a word that is too long or too plain to belong to the number.
    let may_count = word.starts_with(['b', 'B', 't', 'T', 'q', 'Q', 'e', 'E', 'i', 'I']);
    if !attached && word.len() > 1 && !may_count && word.is_ascii() {
        return Suffix::Absent;
    }
    if let Some((suffix, rest)) = counted(after) {
        return Suffix::Found(suffix, rest);
    }
    let folded = fold::words(word);
    if !attached {
        if matches!(folded.as_str(), "ER" | "ERE" | "EME" | "IEME") && is_boundary(rest) {
            return Suffix::Ordinal;
        }
        // "12 C.R. 5" has a short word there.
        let is_short = rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
        let one = folded.len() == 1 && word.len() == 1 && is_boundary(rest) && !is_short;
        let is_suffix = one && (rest.starts_with(',') || kind_at(trim_separators(rest), true).is_some());
        return if is_suffix { Suffix::Found(folded, rest) } else { Suffix::Absent };
    }
    match folded.as_str() {
        "" => Suffix::Absent,
        "ER" | "ERE" | "RE" | "ND" | "NDE" | "EME" | "IEME" | "ME" if is_boundary(rest) => Suffix::Ordinal,
        // "3e avenue" counts avenues; so does "3E AVENUE" when no name follows.
        "E" if word == "e" || is_bare_kind(rest) => Suffix::Ordinal,
        letter if letter.len() == 1 && word.len() == 1 && is_boundary(rest) => Suffix::Found(folded, rest),
        _ if kind_at(after, true).is_some() => Suffix::Absent,
        _ => Suffix::Unclear,
    }
}

fn with_suffix(digits: &str, suffix: Option<SmolStr>) -> SmolStr {
    suffix.map_or_else(|| digits.into(), |suffix| format_smolstr!("{digits} {suffix}"))
}

/// A further number of a range or list: "-14", "/ 14", ", 14 bis", "à 14", "et 14".
fn range(rest: &str) -> Option<(&'static str, SmolStr, &str)> {
    let spaced = rest.trim_start();
    if spaced.starts_with(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'a' | 'A' | 'e' | 'E')) {
        return None;
    }
    let separators = [
        ("-", "-"),
        ("–", "-"),
        ("/", "/"),
        (",", ", "),
        ("&", " & "),
        ("à ", " à "),
        ("À ", " à "),
        ("et ", " et "),
        ("ET ", " et "),
        ("a ", " a "),
        ("A ", " a "),
    ];
    let (separator, behind) =
        separators.iter().find_map(|(sign, written)| Some((*written, spaced.strip_prefix(sign)?)))?;
    let (digits, after) = digits(behind.trim_start())?;
    if digits.len() > NUMBER_DIGITS_MAX {
        return None;
    }
    let (number, after) = match suffix(after) {
        Suffix::Found(suffix, after) => (with_suffix(digits, Some(suffix)), after),
        Suffix::Absent => (digits.into(), after),
        Suffix::Ordinal | Suffix::Unclear => return None,
    };
    (is_boundary(after) && !is_part_of_name(trim_separators(after))).then_some((separator, number, after))
}

fn letters(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn is_boundary(text: &str) -> bool {
    text.is_empty() || text.starts_with([' ', ',', ';', ':', '.', '-', '–', '/', '&'])
}

fn is_bare_kind(rest: &str) -> bool {
    kind_at(trim_separators(rest), true).is_some_and(|(_, _, name)| trim_separators(name).is_empty())
}

/// Whether the digits before this belong to a date or a count. What is counted stands alone, or before a kind behind it: "4 Vents
/// (rue des)".
fn is_part_of_name(rest: &str) -> bool {
    let (word, after) = letters(rest);
    // No month is shorter than MAI.
    if word.len() < 3 {
        return false;
    }
    fold::folded(word, |word| {
        let is_any = |words: &[&str]| words.iter().any(|other| other.as_bytes() == word);
        let is_alone = after.is_empty() || after.starts_with(" (");
        is_any(&MONTHS) || (is_alone && is_any(&COUNTED)) || (after.starts_with('.') && is_any(&SHORT_MONTHS))
    })
}
