//! E-mail addresses, bank accounts and network addresses.

use std::net::IpAddr;
use std::str::FromStr;

use email_address::{EmailAddress, Options};
use iban::{Iban, IbanLike, ParseIbanError};
use smol_str::{SmolStr, format_smolstr};
use unicode_normalization::UnicodeNormalization;

use super::french_ibans;
use super::reason::{self, Parsed};

/// An e-mail address with a dotted domain, without display name and quotes. The domain becomes lower case; the part
/// before the @ stays as it is, because its owner's server may tell cases apart.
pub(super) fn email(text: &str) -> Parsed<SmolStr> {
    if is_plain_email(text.as_bytes()) {
        return Ok(text.into());
    }
    email_of_any(text)
}

/// The usual address, which is one beyond doubt and already in its form: letters, digits and a few signs that stand
/// neither at the ends of a part nor together, the domain in small letters.
fn is_plain_email(text: &[u8]) -> bool {
    /// Far below what any limit allows.
    const BYTES_MAX: usize = 64;
    if text.len() > BYTES_MAX {
        return false;
    }
    let (mut after_sign, mut in_domain, mut dots) = (true, false, 0);
    for byte in text {
        let is_sign = match byte {
            b'a'..=b'z' | b'0'..=b'9' => false,
            b'A'..=b'Z' if !in_domain => false,
            b'.' | b'-' => true,
            b'_' | b'+' if !in_domain => true,
            b'@' if !in_domain => {
                in_domain = true;
                dots = 0;
                true
            }
            _ => return false,
        };
        if is_sign && after_sign {
            return false;
        }
        dots += usize::from(*byte == b'.');
        after_sign = is_sign;
    }
    in_domain && dots > 0 && !after_sign
}

fn email_of_any(text: &str) -> Parsed<SmolStr> {
    if let Some(defect) = email_shape(text) {
        return Err(defect);
    }
    let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
    let address = EmailAddress::parse_with_options(text, options).map_err(|_| reason::EMAIL_FORM)?;
    let (local, domain) = (address.local_part(), address.domain());
    if domain.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Ok(text.into());
    }
    let domain: String = domain.to_lowercase().nfc().collect();
    Ok(format_smolstr!("{local}@{domain}"))
}

/// What is wrong at first sight, with a reason that helps more than "not an address".
fn email_shape(text: &str) -> Option<crate::domain::defect::DefectReason> {
    let Some((local, domain)) = text.rsplit_once('@') else { return Some(reason::EMAIL_FORM) };
    if text.contains(['<', '>']) {
        Some(reason::EMAIL_DISPLAY_NAME)
    } else if text.contains('"') {
        Some(reason::EMAIL_QUOTED)
    } else if local.contains('@') {
        Some(reason::EMAIL_SEVERAL)
    } else if !domain.contains('.') {
        Some(reason::EMAIL_DOMAIN)
    } else {
        None
    }
}

/// An IBAN whose checksum and national form hold, in capitals without spaces.
pub(super) fn iban(text: &str) -> Parsed<SmolStr> {
    if french_ibans::is_plain(text) { Ok(text.into()) } else { iban_of_any(text) }
}

fn iban_of_any(text: &str) -> Parsed<SmolStr> {
    let compact: SmolStr =
        text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect();
    match Iban::from_str(&compact) {
        Ok(iban) => Ok(iban.electronic_str().into()),
        Err(ParseIbanError::InvalidBaseIban { source }) => Err(match source {
            iban::ParseBaseIbanError::InvalidChecksum => reason::IBAN_CHECKSUM,
            iban::ParseBaseIbanError::InvalidFormat => reason::IBAN_FORM,
        }),
        Err(ParseIbanError::InvalidBban(_)) => Err(reason::IBAN_COUNTRY),
        Err(ParseIbanError::UnknownCountry(_)) => Err(reason::IBAN_FORM),
    }
}

/// An IPv4 or IPv6 address.
pub(super) fn ip(text: &str) -> Parsed<IpAddr> {
    text.parse().map_err(|_| reason::IP_FORM)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plain_address_is_one_beyond_doubt(
            text in "[a-cA-C0-1]{0,3}[-+_.@<\"é ]?[a-cA-C0-1]{0,3}([-+_.@][a-cA-C0]{0,2}){0,3}@[a-c0]{0,3}([-._A@é][a-c0]{0,2}){0,3}",
            any in "\\PC{0,80}",
        ) {
            for text in [text, any] {
                if is_plain_email(text.as_bytes()) {
                    prop_assert_eq!(email_of_any(&text).ok(), Some(SmolStr::from(&text)), "{}", text);
                }
            }
        }

        #[test]
        fn a_plain_iban_is_one_beyond_doubt(
            bban in "[0-9]{23}|[0-9]{10}[0-9A-Z]{11}[0-9]{2}", check in 0u32..100, form in 0usize..6,
        ) {
            // Of each account one key holds, and others that differ by 97 would be the same.
            let rest = format!("{bban}FR00").chars().fold(0, |rest, c| match c.to_digit(36) {
                Some(digit @ 0..=9) => (rest * 10 + digit) % 97,
                Some(letter) => (rest * 100 + letter) % 97,
                None => rest,
            });
            let key = 98 - rest;
            let texts = [
                format!("FR{key:02}{bban}"),
                format!("FR{:02}{bban}", (key + 97) % 194 % 100),
                format!("FR{check:02}{bban}"),
                format!("DE{key:02}{bban}"),
                format!("fr{key:02} {bban}"),
                format!("FR{key:02}0{bban}"),
            ];
            let text = &texts[form];
            let long = iban_of_any(text);
            prop_assert!(!french_ibans::is_plain(text) || long == Ok(text.into()));
            let is_usual = form < 3 && bban.bytes().all(|byte| byte.is_ascii_digit());
            prop_assert!(!is_usual || french_ibans::is_plain(text) == long.is_ok());
        }
    }

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
        // The seed document's own example.
        assert_eq!(ip("91.222.286.32"), Err(reason::IP_FORM));
        assert_eq!(ip("127.0.0.1:80"), Err(reason::IP_FORM));
    }
}
