//! Phone numbers, by the numbering plans that libphonenumber knows.
//!
//! Its regular expressions are built once, at the latest when first needed, and shared by threads.

use std::str::FromStr;
use std::sync::LazyLock;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, Region};
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use super::mangled::mangled;
use super::postal;
use super::reason::{self, Parsed};
use crate::domain::value::{Phone, TRUNK_ZERO_CODES};

/// Territories that share the national numbering plan with France: a number such as 0692… belongs to one of them
/// only, wherever its owner lives.
static FRENCH_PLAN: LazyLock<Vec<Region>> =
    LazyLock::new(|| ["FR", "GP", "MQ", "GF", "RE", "YT"].into_iter().filter_map(region).collect());

/// What the numbers of these territories begin with behind the zero, which nobody in France has: under its code they would be
/// those of somebody else, or of nobody.
const OVERSEAS_PREFIXES: [&str; 16] = [
    "262", "263", "269", "590", "594", "596", "639", "690", "691", "692", "693", "694", "696", "697", "709",
    "976",
];
/// What a number of Saint-Pierre-et-Miquelon begins with in France; the rest is all that it has there.
const SAINT_PIERRE_PREFIX: &str = "0508";

/// Countries where a number can be so long that one with the code of another country, or their own, before it looks like one of
/// theirs.
const OPEN_PLANS: [&str; 4] = ["AT", "DE", "IT", "LU"];
/// From so many digits on it is not clear there what a number without a zero is.
const OPEN_DIGITS_MIN: usize = 11;
/// No number begins with this code in Europe, where the zero of a national one may be lost.
const NORTH_AMERICA: i32 = 1;

/// The region of a country, if it has a numbering plan.
pub(super) fn region(alpha2: &str) -> Option<Region> {
    Region::from_str(alpha2).ok()
}

/// Loads the numbering plans of all countries, which the first number would have to wait for as long as it takes to map a
/// thousand customers, and so would everybody else who maps one.
pub fn load_numbering_plans() {
    LazyLock::force(&PHONE_NUMBER_UTIL);
}

/// Where a number without country code may belong: the overseas territory of the postal code, else the row's country,
/// else the configured one. A country that the row names is not second-guessed, for a wrong number of one country can
/// be somebody's number in another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Home<'a> {
    /// The row's postal code, if it has a valid one.
    pub(super) postal_code: Option<&'a str>,
    /// The row's country, alpha-2, if it has a valid one.
    pub(super) country: Option<&'a str>,
    /// The configured country, alpha-2.
    pub(super) default_country: &'a str,
    /// The row names a country that nobody understands.
    pub(super) is_unclear: bool,
}

/// A number that a numbering plan allows. Whether it is mobile or fixed does not matter.
pub(super) fn parse(text: &str, home: Home<'_>) -> Parsed<Phone> {
    let digits = dialable(text)?;
    if home.is_unclear && !digits.starts_with('+') {
        // The number of somebody else, in the country that is presumed.
        return Err(reason::PHONE_COUNTRY);
    }
    let country = home.country.unwrap_or(home.default_country);
    // Mobile numbers of Monaco look like French ones, which many who live there have.
    if country == "MC" && digits.len() == 10 && (digits.starts_with("06") || digits.starts_with("07")) {
        return Err(reason::PHONE_AMBIGUOUS);
    }
    // Whoever writes such a number with the code of France means what is dialled there.
    let (digits, country) = match overseas_with_code_of_france(&digits, country) {
        Some(national) => (national, "FR"),
        None => (digits, country),
    };
    // 97123 is in Oregon too: a code is French only where the country is.
    let overseas = home.postal_code.filter(|_| postal::is_french(country)).and_then(postal::overseas);
    if overseas.is_none()
        && country == "FR"
        && !is_overseas(&digits)
        && let Some(phone) = plain_french(&digits)
    {
        return Ok(phone);
    }
    let is_overseas = postal::is_french(country) && is_overseas(&digits);
    if let Some(number) = international_in_open_plan(&digits, country)? {
        return Ok(phone(&number));
    }
    let saint_pierre = digits.strip_prefix(SAINT_PIERRE_PREFIX).filter(|_| postal::is_french(country));
    if let Some(rest) = saint_pierre
        && let Some(Tried::Allowed(number)) = region("PM").map(|region| try_region(rest, region))
    {
        return Ok(phone(&number));
    }
    let mut is_number = is_overseas;
    for alpha2 in overseas.into_iter().chain([country]) {
        let region = region(alpha2).filter(|_| !(alpha2 == "FR" && is_overseas));
        let tried = region.map(|region| try_region(&digits, region));
        match tried {
            Some(Tried::Allowed(number)) => return Ok(phone(&number)),
            Some(Tried::NotAllowed) => is_number = true,
            Some(Tried::NoNumber) | None => {}
        }
    }
    let french = postal::is_french(country) && digits.starts_with('0');
    let elsewhere = FRENCH_PLAN.iter().filter(|_| french).skip(usize::from(is_overseas)).find_map(|region| {
        match try_region(&digits, *region) {
            Tried::Allowed(number) => Some(number),
            Tried::NotAllowed | Tried::NoNumber => None,
        }
    });
    match elsewhere {
        Some(number) => Ok(phone(&number)),
        None if is_number => Err(reason::PHONE_NOT_ASSIGNED),
        None => Err(reason::PHONE_FORM),
    }
}

/// Whether a number itself says in which country it is.
pub(super) fn is_international(text: &str) -> bool {
    dialable(text).is_ok_and(|digits| digits.starts_with('+'))
}

/// Whether a number is one of a territory, as it is dialled in France; its zero may be lost.
fn is_overseas(digits: &str) -> bool {
    let significant = digits.strip_prefix('0').unwrap_or(digits);
    let has_prefix = OVERSEAS_PREFIXES.iter().any(|prefix| significant.starts_with(prefix));
    (has_prefix && significant.len() == 9) || digits.starts_with(SAINT_PIERRE_PREFIX)
}

fn overseas_with_code_of_france(digits: &str, country: &str) -> Option<String> {
    let without_plus = digits.strip_prefix("33").filter(|_| postal::is_french(country));
    let behind = digits.strip_prefix("+33").or(without_plus)?;
    // The zero of "+33 (0)" is the national one.
    let national = format!("0{}", behind.strip_prefix('0').unwrap_or(behind));
    is_overseas(&national).then_some(national)
}

/// A number whose plus a spreadsheet took away, where it would pass for a national one.
///
/// # Errors
/// Where it may be either.
fn international_in_open_plan(digits: &str, country: &str) -> Parsed<Option<PhoneNumber>> {
    let may_be = OPEN_PLANS.contains(&country)
        && digits.len() >= OPEN_DIGITS_MIN
        && digits.starts_with(|first: char| matches!(first, '1'..='9'));
    let Some(home) = region(country).filter(|_| may_be) else { return Ok(None) };
    let (Tried::Allowed(abroad), Tried::Allowed(national)) =
        (try_region(&format!("+{digits}"), home), try_region(digits, home))
    else {
        return Ok(None);
    };
    if abroad == national || abroad.country_code == NORTH_AMERICA {
        Ok(None)
    } else if abroad.country_code == national.country_code {
        Ok(Some(abroad))
    } else {
        Err(reason::PHONE_AMBIGUOUS)
    }
}

/// The usual case without the cost of the general one: a zero and nine digits in France. What is not allowed goes
/// the long way.
fn plain_french(digits: &str) -> Option<Phone> {
    let significant = digits.strip_prefix('0').filter(|rest| rest.len() == 9 && !rest.starts_with('0'))?;
    let number = PhoneNumber {
        country_code: 33,
        national_number: significant.parse().ok()?,
        ..PhoneNumber::default()
    };
    PHONE_NUMBER_UTIL.is_valid_number_for_region(&number, region("FR")?).then(|| Phone {
        dialing_code: SmolStr::new_static("33"),
        national: digits.to_smolstr(),
        msisdn: SmolStr::from_iter(["33", significant]),
    })
}

enum Tried {
    Allowed(PhoneNumber),
    NotAllowed,
    NoNumber,
}

fn try_region(digits: &str, region: Region) -> Tried {
    match PHONE_NUMBER_UTIL.parse(digits, Some(region)) {
        Ok(number) if PHONE_NUMBER_UTIL.is_valid_number(&number) => Tried::Allowed(number),
        Ok(_) => Tried::NotAllowed,
        Err(_) => Tried::NoNumber,
    }
}

/// The digits of the text, with the + of an international number. Letters are refused first: libphonenumber would
/// dial them ("O612…" would be another number).
fn dialable(text: &str) -> Parsed<String> {
    let is_bare = text.bytes().all(|byte| byte.is_ascii_digit());
    let digits = if is_bare { text.to_owned() } else { without_signs(text)? };
    Ok(match digits.strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => digits,
    })
}

fn without_signs(text: &str) -> Parsed<String> {
    if text.chars().any(char::is_alphabetic) {
        return Err(mangled(text).unwrap_or(reason::PHONE_LETTERS));
    }
    if let Some(mangled) = mangled(text.trim_end_matches('.')) {
        return Err(mangled);
    }
    let mut digits = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if digits.is_empty() => digits.push(c),
            ' ' | '\u{A0}' | '\u{202F}' | '\u{2009}' | '.' | '-' | '/' | '(' | ')' | '_' => {}
            '\u{2010}'..='\u{2014}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' => {}
            _ => return Err(reason::PHONE_CHARACTERS),
        }
    }
    Ok(digits)
}

fn phone(number: &PhoneNumber) -> Phone {
    let significant = rlibphonenumber::get_national_significant_number_owned(number);
    let dialing_code = number.country_code.to_smolstr();
    let national = if TRUNK_ZERO_CODES.contains(&dialing_code.as_str()) {
        format_smolstr!("0{significant}")
    } else {
        let written = PHONE_NUMBER_UTIL.format(number, PhoneNumberFormat::National);
        written.chars().filter(char::is_ascii_digit).collect()
    };
    let msisdn = format_smolstr!("{dialing_code}{significant}");
    Phone { dialing_code, national, msisdn }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, postal_code: &str, country: &str) -> Result<String, &'static str> {
        let home = Home {
            postal_code: Some(postal_code).filter(|code| !code.is_empty()),
            country: Some(country).filter(|code| !code.is_empty()),
            default_country: "FR",
            is_unclear: false,
        };
        parse(text, home)
            .map(|phone| format!("{} {} {}", phone.dialing_code, phone.national, phone.msisdn))
            .map_err(|reason| reason.0)
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let mobile = "33 0612345678 33612345678";
        let cases = [
            ("0612345678", "", "", mobile),
            ("06 12 34 56 78", "", "", mobile),
            ("06.12.34.56.78", "", "", mobile),
            ("06-12-34-56-78", "", "", mobile),
            ("06\u{A0}12\u{A0}34\u{A0}56\u{A0}78", "", "", mobile),
            ("+33612345678", "", "", mobile),
            ("0033612345678", "", "", mobile),
            ("33612345678", "", "", mobile),
            ("+33 (0)6 12 34 56 78", "", "", mobile),
            ("0033 (0) 6 12 34 56 78", "", "", mobile),
            ("+377 6 12 34 56 78", "", "MC", "377 0612345678 377612345678"),
            // A spreadsheet removed the zero.
            ("612345678", "", "", mobile),
            // A landline in any column is a number.
            ("0320123456", "59000", "FR", "33 0320123456 33320123456"),
            // The overseas postal code names the territory before France is tried.
            ("0692123456", "97410", "FR", "262 0692123456 262692123456"),
            ("0262123456", "97410", "", "262 0262123456 262262123456"),
            ("0690123456", "97110", "", "590 0690123456 590690123456"),
            ("0696123456", "97200", "FR", "596 0696123456 596696123456"),
            ("0694123456", "97300", "FR", "594 0694123456 594694123456"),
            ("0639203456", "97600", "FR", "262 0639203456 262639203456"),
            // Somebody from Lille who moved to Saint-Denis, and the reverse.
            ("0612345678", "97410", "FR", mobile),
            ("0692123456", "59000", "FR", "262 0692123456 262692123456"),
            // Behind 0508 stands all that a number of Saint-Pierre has.
            ("0508 41 23 45", "97500", "FR", "508 0412345 508412345"),
            ("0508412345", "59000", "", "508 0412345 508412345"),
            ("0596 71 23 45", "", "FR", "596 0596712345 596596712345"),
            ("+33 5 96 71 23 45", "", "DE", "596 0596712345 596596712345"),
            ("+33508412345", "", "", "508 0412345 508412345"),
            ("+33 (0)5 96 71 23 45", "", "", "596 0596712345 596596712345"),
            ("330596712345", "", "FR", "596 0596712345 596596712345"),
            ("+33 (0)508412345", "", "", "508 0412345 508412345"),
            ("+33 (0)690 12 34 56", "", "FR", "590 0690123456 590690123456"),
            ("33690123456", "", "", "590 0690123456 590690123456"),
            ("0612345678.", "", "", mobile),
            // A spreadsheet removed the plus where numbers may be as long as it likes.
            ("4915112345678", "", "DE", "49 015112345678 4915112345678"),
            ("17012345678", "", "DE", "49 017012345678 4917012345678"),
            ("3912345678", "", "IT", "39 3912345678 393912345678"),
            // Other countries.
            ("+32 470 12 34 56", "", "", "32 0470123456 32470123456"),
            ("0470 12 34 56", "", "BE", "32 0470123456 32470123456"),
            ("+1 201 555 0123", "", "", "1 2015550123 12015550123"),
            ("+39 06 698 12345", "", "", "39 0669812345 390669812345"),
            // 97123 is Hillsboro in Oregon.
            ("503 555 0123", "97123", "US", "1 5035550123 15035550123"),
        ];
        for (text, postal_code, country, expected) in cases {
            assert_eq!(
                read(text, postal_code, country).as_deref(),
                Ok(expected),
                "{text} {postal_code} {country}"
            );
        }
    }

    #[test]
    fn the_short_way_gives_what_the_long_way_gives() {
        let france = region("FR").expect("has a plan");
        for start in 100..=999 {
            let digits = format!("0{start:03}203456");
            let long = match try_region(&digits, france) {
                Tried::Allowed(number) => Some(number),
                Tried::NotAllowed | Tried::NoNumber => None,
            };
            assert_eq!(plain_french(&digits), long.map(|number| phone(&number)), "{digits}");
        }
    }

    #[test]
    fn what_a_spreadsheet_made_of_a_key_is_known() {
        for text in ["1234567891011.0", "1234567891011,00", "1234567891011.", "1234.0", "3.36E+10"] {
            assert!(mangled(text).is_some(), "{text}");
        }
        for text in [
            "1234567891011",
            "12.0",
            "123,0",
            "1234.5",
            "10023.00",
            "1234.01",
            "1.234.567",
            "12,34",
            "1,234",
            "A1234.0",
            "1234,567,890",
            "001,234,567",
        ] {
            assert!(mangled(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_reason() {
        let cases = [
            ("O612345678", reason::PHONE_LETTERS),
            ("0612345678 (bureau)", reason::PHONE_LETTERS),
            ("3.36123E+10", reason::SCIENTIFIC),
            ("33612345678.0", reason::DECIMALS),
            ("33612345678,00", reason::DECIMALS),
            // Those of an overseas department that nobody there has are nobody's in France either.
            ("0263991234", reason::PHONE_NOT_ASSIGNED),
            ("0269991234", reason::PHONE_NOT_ASSIGNED),
            ("596991234", reason::PHONE_NOT_ASSIGNED),
            ("06123456*8", reason::PHONE_CHARACTERS),
            ("0612345678;0712345678", reason::PHONE_CHARACTERS),
            ("0612345678/0712345678", reason::PHONE_FORM),
            ("061234567", reason::PHONE_NOT_ASSIGNED),
            ("0000000000", reason::PHONE_FORM),
            ("0512", reason::PHONE_NOT_ASSIGNED),
            ("12", reason::PHONE_NOT_ASSIGNED),
            ("-", reason::PHONE_FORM),
            ("+", reason::PHONE_FORM),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text, "", ""), Err(expected.0), "{text}");
        }
        // Somebody who works across the border, or a long number without its zero.
        for (number, country) in [
            ("33612345678", "LU"),
            ("32470123456", "LU"),
            ("33612345678", "DE"),
            ("33612345678", "AT"),
            ("06 12 34 56 78", "MC"),
        ] {
            assert_eq!(read(number, "", country), Err(reason::PHONE_AMBIGUOUS.0), "{number} {country}");
        }
        // A British number that lost a digit is not taken for a French mobile.
        for number in ["0712345678", "0612345678"] {
            assert!(read(number, "", "GB").is_err(), "{number}");
        }
    }
}
