//! The forms of single values that more than one provider documents: dates, e-mails, countries, numbers.
//! Pure, and strict: what the documents do not allow is refused.

use std::net::{IpAddr, Ipv4Addr};

use iban::Iban;
use jiff::civil::Date;

/// The number of characters, as the documents count sizes.
pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}

/// Whether the text is one or more ASCII digits.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The date of a `dd/MM/yyyy`, `None` when it has another form or does not exist.
pub(super) fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let has_form = parts.next().is_none()
        && [(day, 2), (month, 2), (year, 4)]
            .iter()
            .all(|(part, size)| part.len() == *size && is_digits(part));
    if !has_form {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Whether a person can be born that day.
pub(super) fn is_birth_date(date: Date, today: Date) -> bool {
    date.year() >= 1900 && date <= today
}

/// Whether the text is one bare e-mail address whose domain has a dot.
pub(super) fn is_email(text: &str) -> bool {
    let options =
        email_address::Options::default().with_required_tld().without_display_text().without_domain_literal();
    email_address::EmailAddress::parse_with_options(text, options).is_ok()
}

/// Whether the text is an address of IP version 4 or 6.
pub(super) fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Whether the text is an address of IP version 4.
pub(super) fn is_ip4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// Whether the text is the number of an association: a W and nine digits.
pub(super) fn is_rna(text: &str) -> bool {
    text.strip_prefix('W').is_some_and(|digits| digits.len() == 9 && is_digits(digits))
}

/// Whether the text is a country code of two capitals.
pub(super) fn is_alpha2(text: &str) -> bool {
    is_capitals(text) && rust_iso3166::from_alpha2(text).is_some()
}

/// Whether the text is a country code of three capitals.
pub(super) fn is_alpha3(text: &str) -> bool {
    is_capitals(text) && rust_iso3166::from_alpha3(text).is_some()
}

fn is_capitals(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Whether the text is an IBAN in capitals without spaces, its checksum right.
pub(super) fn is_iban(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && text.parse::<Iban>().is_ok()
}

/// Whether the text is nine digits with the check digit of a SIREN.
pub(super) fn is_siren(text: &str) -> bool {
    text.len() == 9 && is_digits(text) && luhn_sum(text).is_multiple_of(10)
}

fn luhn_sum(digits: &str) -> u32 {
    let values = digits.chars().rev().filter_map(|digit| digit.to_digit(10)).enumerate();
    values.map(|(place, value)| if place % 2 == 1 { value * 2 / 10 + value * 2 % 10 } else { value }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_one_form_and_exist() {
        assert_eq!(date("29/02/2024"), Some(jiff::civil::date(2024, 2, 29)));
        for wrong in [
            "29/02/2023",
            "31/04/2000",
            "1/01/2000",
            "01/01/85",
            "2000-01-01",
            "01/01/2000 ",
            "+1/01/2000",
            "",
        ] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn emails_are_bare_and_have_a_dotted_domain() {
        assert!(is_email("email-test@email.fr"));
        for wrong in ["jean", "jean@localhost", "Jean <jean@example.org>", "a@[127.0.0.1]", "a@b@c.fr", ""] {
            assert!(!is_email(wrong), "{wrong}");
        }
    }

    #[test]
    fn codes_and_numbers_are_checked() {
        assert!(is_alpha3("FRA") && !is_alpha3("fra") && !is_alpha3("FR") && !is_alpha3("XXX"));
        assert!(is_alpha2("FR") && !is_alpha2("fr") && !is_alpha2("UK") && !is_alpha2(""));
        assert!(is_ip("127.0.0.1") && is_ip("2001:db8::1") && !is_ip("91.222.286.32"));
        assert!(is_ip4("127.0.0.1") && !is_ip4("2001:db8::1") && !is_ip4("::1"));
        assert!(
            is_rna("W751234567") && !is_rna("W75123456") && !is_rna("751234567") && !is_rna("w751234567")
        );
        assert!(is_siren("732829320") && !is_siren("732829321") && !is_siren("73282932"));
        assert!(is_iban("FR1420041010050500013M02606"));
        assert!(!is_iban("FR1420041010050500013M02607") && !is_iban("FR14 2004 1010 0505 0001 3M02 606"));
    }
}
