//! Postal codes, and what an overseas one says about the territory.

use smol_str::SmolStr;

use super::mangled::{fraction, mangled};
use super::reason::{self, Parsed};

/// Characters that any country's postal code has at most.
const POSTAL_CODE_CHARS_MAX: usize = 16;

/// Overseas territories with French postal codes: their first three digits and ISO code.
const OVERSEAS: [(&str, &str); 9] = [
    ("971", "GP"),
    ("972", "MQ"),
    ("973", "GF"),
    ("974", "RE"),
    ("975", "PM"),
    ("976", "YT"),
    ("986", "WF"),
    ("987", "PF"),
    ("988", "NC"),
];

/// Saint-Barthélemy and Saint-Martin have codes of Guadeloupe (97133, 97150) or their own (977, 978).
const GUADELOUPE_LIKE: [&str; 2] = ["BL", "MF"];

/// Countries whose postal codes are digits, and how many at least, after the Universal Postal Union.
const ALL_DIGITS: [(&str, usize); 5] = [
    ("AT AU BE BG CH DK HU LI LU NO NZ SI TN", 4),
    ("BA CZ DE DZ EE ES FI GR HR IT KR LT MA ME MX MY PE PL RS SE SK SM TR UA US VA", 5),
    ("CN CO IN RO RU SG", 6),
    ("JP", 7),
    ("BR", 8),
];

/// What stands where a mandatory field was filled without a code. Other codes with two zeros are the army's.
const PLACEHOLDERS: [&str; 2] = ["00000", "99999"];

/// How many digits a postal code of the country has at least; none where it has letters, or nobody knows whose it is.
fn digits_of(alpha2: Option<&str>) -> usize {
    let is_of = |countries: &str, alpha2: &str| countries.split(' ').any(|country| country == alpha2);
    let found = alpha2.and_then(|alpha2| ALL_DIGITS.iter().find(|(countries, _)| is_of(countries, alpha2)));
    found.map_or(0, |(_, digits)| *digits)
}

/// Whether a code has fewer digits than those of its country, behind the letters of the country perhaps. One of the United
/// States may have four more.
fn has_few_digits(text: &str, alpha2: Option<&str>) -> bool {
    let letters =
        text.split('-').next().filter(|letters| letters.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let code = letters.and_then(|letters| text.get(letters.len() + 1..)).unwrap_or(text);
    let digits = code.bytes().filter(u8::is_ascii_digit).count();
    let is_of_digits = code.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b' ');
    is_of_digits && (digits < digits_of(alpha2) || alpha2 == Some("US") && (6..=8).contains(&digits))
}

/// Whether the country writes French postal codes.
pub(super) fn is_french(alpha2: &str) -> bool {
    alpha2 == "FR"
        || alpha2 == "MC"
        || GUADELOUPE_LIKE.contains(&alpha2)
        || OVERSEAS.iter().any(|(_, territory)| *territory == alpha2)
}

/// The overseas territory of a French postal code, if it is one.
pub(super) fn overseas(code: &str) -> Option<&'static str> {
    if code.len() != 5 || !code.starts_with('9') {
        return None;
    }
    OVERSEAS.iter().find(|(prefix, _)| code.starts_with(prefix)).map(|(_, alpha2)| *alpha2)
}

/// A postal code of the country, alpha-2; of any country when it is not known. A French one has five digits; "75 001" and "F-75001" are understood.
pub(super) fn code(text: &str, alpha2: Option<&str>) -> Parsed<SmolStr> {
    // A spreadsheet's sign that digits are text.
    let text =
        text.strip_prefix('\'').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(text);
    if let Some(mangled) = mangled(text).or_else(|| fraction(text)) {
        return Err(mangled);
    }
    if !alpha2.is_some_and(is_french) {
        let is_short = has_few_digits(text, alpha2);
        let is_long = text.chars().count() > POSTAL_CODE_CHARS_MAX;
        return match (is_short, is_long) {
            (true, _) => Err(reason::POSTAL_SHORT),
            (_, true) => Err(reason::POSTAL_LONG),
            (false, false) => Ok(text.into()),
        };
    }
    if PLACEHOLDERS.contains(&text) {
        return Err(reason::POSTAL_FRENCH);
    }
    if text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.into());
    }
    let code = text.strip_prefix("FR-").or_else(|| text.strip_prefix("F-")).unwrap_or(text);
    let code: SmolStr = code.chars().filter(|c| !c.is_whitespace()).collect();
    let is_digits = code.bytes().all(|byte| byte.is_ascii_digit());
    match code.len() {
        5 if is_digits => Ok(code),
        4 if is_digits => Err(reason::POSTAL_LOST_ZERO),
        _ => Err(reason::POSTAL_FRENCH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_codes_have_five_digits() {
        let cases = [
            ("59000", "FR", Ok("59000")),
            ("01000", "FR", Ok("01000")),
            ("75 001", "FR", Ok("75001")),
            ("F-75001", "FR", Ok("75001")),
            ("97410", "RE", Ok("97410")),
            // Bourg-en-Bresse, after a spreadsheet.
            ("1000", "FR", Err(reason::POSTAL_LOST_ZERO)),
            ("2A000", "FR", Err(reason::POSTAL_FRENCH)),
            ("00000", "FR", Err(reason::POSTAL_FRENCH)),
            ("99999", "FR", Err(reason::POSTAL_FRENCH)),
            ("00200", "FR", Ok("00200")),
            ("99999", "DE", Ok("99999")),
            ("59000 CEDEX", "FR", Err(reason::POSTAL_FRENCH)),
            ("75001.0", "FR", Err(reason::DECIMALS)),
            ("'01000", "FR", Ok("01000")),
            // Dresden, Barcelona and Boston.
            ("1067", "DE", Err(reason::POSTAL_SHORT)),
            ("8001", "ES", Err(reason::POSTAL_SHORT)),
            ("2134", "US", Err(reason::POSTAL_SHORT)),
            ("D-1067", "DE", Err(reason::POSTAL_SHORT)),
            ("2134-1000", "US", Err(reason::POSTAL_SHORT)),
            ("1310-100", "BR", Err(reason::POSTAL_SHORT)),
            ("D-01067", "DE", Ok("D-01067")),
            ("110 00", "CZ", Ok("110 00")),
            ("00-950", "PL", Ok("00-950")),
            ("'01067", "DE", Ok("01067")),
            ("02134-1000", "US", Ok("02134-1000")),
            ("1000.00", "BE", Err(reason::DECIMALS)),
            ("187,0", "IT", Err(reason::DECIMALS)),
            // Brussels.
            ("1000", "BE", Ok("1000")),
            ("SW1A 1AA", "GB", Ok("SW1A 1AA")),
            ("12345678901234567", "GB", Err(reason::POSTAL_LONG)),
        ];
        for (text, country, expected) in cases {
            assert_eq!(
                code(text, Some(country)).as_deref().map_err(Clone::clone),
                expected,
                "{text} {country}"
            );
        }
        assert_eq!(code("1000", None).as_deref(), Ok("1000"), "nobody knows whose code it is");
    }

    #[test]
    fn overseas_codes_name_their_territory() {
        assert_eq!(overseas("97410"), Some("RE"));
        assert_eq!(overseas("97600"), Some("YT"));
        assert_eq!(overseas("75001"), None);
        assert_eq!(overseas("974"), None);
    }
}
