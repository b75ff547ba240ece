//! E-mail addresses, bank accounts and network addresses.

use std::net::IpAddr;
use std::str::FromStr;

use email_address::{EmailAddress, Options};
use iban::{Iban, ParseIbanError};
use smol_str::{SmolStr, format_smolstr};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark as is_mark;

use super::reason::{self, Parsed};

/// An e-mail address with a dotted domain, without display name and quotes. The domain becomes lower case; the part
/// before the @ stays as it is, because its owner's server may tell cases apart.
pub(super) fn email(text: &str) -> Parsed<SmolStr> {
    let (local, domain) = email_parts(text)?;
    let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
    EmailAddress::parse_with_options(text, options).map_err(|_| reason::EMAIL_FORM)?;
    if !is_domain(domain) {
        return Err(reason::EMAIL_FORM);
    }
    if domain.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Ok(text.into());
    }
    let domain: String = domain.to_lowercase().nfc().collect();
    Ok(format_smolstr!("{local}@{domain}"))
}

/// Whether a domain can be registered: labels of letters, digits and hyphens, the last of which is no number and no single
/// letter. An underscore is in none, but servers take it.
fn is_domain(domain: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || is_mark(c) || matches!(c, '.' | '-' | '_');
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.chars().all(is_part)
        && last.chars().nth(1).is_some()
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// What stands before and behind the @, where nothing is wrong at first sight: there is a reason then that helps more than "not an
/// address".
fn email_parts(text: &str) -> Parsed<(&str, &str)> {
    let (local, domain) = text.rsplit_once('@').ok_or(reason::EMAIL_FORM)?;
    if text.bytes().any(|byte| matches!(byte, b'<' | b'>')) {
        Err(reason::EMAIL_DISPLAY_NAME)
    } else if text.contains('"') {
        Err(reason::EMAIL_QUOTED)
    } else if local.contains('@') {
        Err(reason::EMAIL_SEVERAL)
    } else if !domain.contains('.') {
        Err(reason::EMAIL_DOMAIN)
    } else {
        Ok((local, domain))
    }
}

/// An IBAN whose checksum and national form hold, in capitals without spaces.
pub(super) fn iban(text: &str) -> Parsed<SmolStr> {
    let is_compact = text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let compact: SmolStr = if is_compact {
        text.into()
    } else {
        text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect()
    };
    match Iban::from_str(&compact) {
        Ok(_) => Ok(compact),
        Err(ParseIbanError::InvalidBaseIban { source }) => Err(match source {
            iban::ParseBaseIbanError::InvalidChecksum => reason::IBAN_CHECKSUM,
            iban::ParseBaseIbanError::InvalidFormat => reason::IBAN_FORM,
        }),
        Err(ParseIbanError::InvalidBban(_)) => Err(reason::IBAN_COUNTRY),
        Err(ParseIbanError::UnknownCountry(_)) => Err(reason::IBAN_UNREGISTERED),
    }
}

/// An IPv4 or IPv6 address.
pub(super) fn ip(text: &str) -> Parsed<IpAddr> {
    // An IPv4 address that programs for both write as one of IPv6 is what it is.
    text.parse().map(|address: IpAddr| address.to_canonical()).map_err(|_| reason::IP_FORM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_have_a_dotted_domain_and_nothing_around() {
        let cases = [
            ("jeanne@example.org", Ok("jeanne@example.org")),
            ("Jeanne.Moreau+news@Example.ORG", Ok("Jeanne.Moreau+news@example.org")),
            ("o'hara@example.org", Ok("o'hara@example.org")),
            ("rené@exemple.fr", Ok("rené@exemple.fr")),
            ("jean@Élan.fr", Ok("jean@élan.fr")),
            ("jeanne@localhost", Err(reason::EMAIL_DOMAIN)),
            ("Jeanne <jeanne@example.org>", Err(reason::EMAIL_DISPLAY_NAME)),
            ("<jeanne@example.org>", Err(reason::EMAIL_DISPLAY_NAME)),
            ("\"jeanne moreau\"@example.org", Err(reason::EMAIL_QUOTED)),
            ("a@example.org;b@example.org", Err(reason::EMAIL_SEVERAL)),
            ("jeanne@example..org", Err(reason::EMAIL_FORM)),
            ("jeanne@.org", Err(reason::EMAIL_FORM)),
            ("jeanne@example.org.", Err(reason::EMAIL_FORM)),
            ("jeanne.@example.org", Err(reason::EMAIL_FORM)),
            ("jeanne moreau@example.org", Err(reason::EMAIL_FORM)),
            ("jeanne@[127.0.0.1]", Err(reason::EMAIL_FORM)),
            ("jeanne@127.0.0.1", Err(reason::EMAIL_FORM)),
            ("jeanne@example.123", Err(reason::EMAIL_FORM)),
            ("jeanne@gmail.c", Err(reason::EMAIL_FORM)),
            ("jeanne@example.org?subject=x", Err(reason::EMAIL_FORM)),
            ("jeanne@exam/ple.org", Err(reason::EMAIL_FORM)),
            ("jeanne@example.org|x", Err(reason::EMAIL_FORM)),
            ("jeanne@xn--lan-9la.xn--p1ai", Ok("jeanne@xn--lan-9la.xn--p1ai")),
            ("jeanne@my_shop.example.org", Ok("jeanne@my_shop.example.org")),
            ("jeanne@उदाहरण.भारत", Ok("jeanne@उदाहरण.भारत")),
            ("mailto:jeanne@example.org", Err(reason::EMAIL_FORM)),
            ("@example.org", Err(reason::EMAIL_FORM)),
            ("jeanne", Err(reason::EMAIL_FORM)),
            ("", Err(reason::EMAIL_FORM)),
        ];
        for (text, expected) in cases {
            assert_eq!(email(text).as_deref().map_err(Clone::clone), expected, "{text}");
        }
    }

    #[test]
    fn ibans_are_checked_in_any_spelling() {
        let cases = [
            ("FR7630006000011234567890189", Ok("FR7630006000011234567890189")),
            ("fr76 3000 6000 0112 3456 7890 189", Ok("FR7630006000011234567890189")),
            ("DE44-5001-0517-5407-3249-31", Ok("DE44500105175407324931")),
            ("FR7630006000011234567890188", Err(reason::IBAN_CHECKSUM)),
            ("FRXXXXXXXXX", Err(reason::IBAN_FORM)),
            ("30006000011234567890189", Err(reason::IBAN_FORM)),
            ("", Err(reason::IBAN_FORM)),
        ];
        for (text, expected) in cases {
            assert_eq!(iban(text).as_deref().map_err(Clone::clone), expected, "{text}");
        }
    }

    #[test]
    fn network_addresses_are_real_ones() {
        assert!(ip("91.222.28.32").is_ok());
        assert!(ip("2001:db8::1").is_ok());
        assert_eq!(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
        // The seed document's own example.
        assert_eq!(ip("91.222.286.32"), Err(reason::IP_FORM));
        assert_eq!(ip("127.0.0.1:80"), Err(reason::IP_FORM));
    }
}
