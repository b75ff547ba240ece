//! Numbers of companies and associations: SIREN, SIRET, NIC, NAF, VAT, RNA.

use smol_str::SmolStr;

use super::mangled::{fraction, mangled};
use super::reason::{self, Parsed};

/// La Poste, whose establishments outgrew the checksum of the SIRET.
const LA_POSTE: &str = "356000000";

/// A SIREN, and the NIC when the cell held a whole SIRET.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Registration {
    pub(super) siren: SmolStr,
    pub(super) nic: Option<SmolStr>,
}

/// A SIREN of 9 digits or a SIRET of 14; spaces, dots and hyphens do not count.
pub(super) fn siren(text: &str) -> Parsed<Registration> {
    if let Some(mangled) = mangled(text).or_else(|| fraction(text)) {
        return Err(mangled);
    }
    let digits = compact(text);
    if !is_digits(&digits) {
        return Err(reason::SIREN_FORM);
    }
    match digits.len() {
        9 if is_siren(&digits) => Ok(Registration { siren: digits, nic: None }),
        9 => Err(reason::SIREN_CHECKSUM),
        14 if is_siret(&digits) => {
            let (siren, nic) = digits.split_at_checked(9).ok_or(reason::SIREN_FORM)?;
            Ok(Registration { siren: siren.into(), nic: Some(nic.into()) })
        }
        14 => Err(reason::SIRET_CHECKSUM),
        _ => Err(reason::SIREN_FORM),
    }
}

/// Five digits.
pub(super) fn nic(text: &str) -> Parsed<SmolStr> {
    if let Some(mangled) = mangled(text).or_else(|| fraction(text)) {
        return Err(mangled);
    }
    let digits = compact(text);
    if digits.len() == 5 && is_digits(&digits) { Ok(digits) } else { Err(reason::NIC_FORM) }
}

/// Four digits and a letter: "62.01Z" is "6201Z".
pub(super) fn naf(text: &str) -> Parsed<SmolStr> {
    let code = compact(text);
    match code.as_bytes() {
        [digits @ .., letter] if digits.len() == 4 && letter.is_ascii_uppercase() => {
            if digits.iter().all(u8::is_ascii_digit) { Ok(code) } else { Err(reason::NAF_FORM) }
        }
        _ => Err(reason::NAF_FORM),
    }
}

/// A VAT number: a country's two letters, then 2 to 13 letters or digits, of Switzerland, which adds the name of the tax, 14; a
/// French one with a key that fits.
pub(super) fn vat(text: &str) -> Parsed<SmolStr> {
    let number = compact(text);
    let Some((country, rest)) = number.split_at_checked(2) else { return Err(reason::VAT_FORM) };
    let chars_max = if country == "CH" { 14 } else { 13 };
    let form = country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (2..=chars_max).contains(&rest.len())
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'*')
        && rest.bytes().any(|byte| byte.is_ascii_digit());
    if !form {
        return Err(reason::VAT_FORM);
    }
    if country == "FR" {
        french_vat(rest)?;
    }
    Ok(number)
}

/// Two characters and a SIREN. A key of digits is computed from it; one with letters is only checked for form. The
/// numbers of Monaco are French in form, but their SIREN begins with 000 and has no checksum.
fn french_vat(rest: &str) -> Parsed<()> {
    let (key, siren) = rest.split_at_checked(2).ok_or(reason::VAT_FORM)?;
    let key_form = key.bytes().all(|byte| byte.is_ascii_alphanumeric() && byte != b'O' && byte != b'I');
    if siren.len() != 9 || !is_digits(siren) || !key_form {
        return Err(reason::VAT_FORM);
    }
    let siren_holds = siren.starts_with("000") || luhn(siren);
    let number: u64 = siren.parse().map_err(|_| reason::VAT_FORM)?;
    let key_holds = key.parse::<u64>().map_or(true, |key| key == (12 + 3 * (number % 97)) % 97);
    if siren_holds && key_holds { Ok(()) } else { Err(reason::VAT_CHECKSUM) }
}

/// W and nine digits.
pub(super) fn rna(text: &str) -> Parsed<SmolStr> {
    let number = compact(text);
    let holds = number.strip_prefix('W').is_some_and(|digits| digits.len() == 9 && is_digits(digits));
    if holds { Ok(number) } else { Err(reason::RNA_FORM) }
}

/// In capitals, without spaces, dots and hyphens.
fn compact(text: &str) -> SmolStr {
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != '.' && *c != '-')
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_siren(digits: &str) -> bool {
    luhn(digits) && digits.bytes().any(|byte| byte != b'0')
}

/// Its first nine digits are a SIREN.
fn is_siret(digits: &str) -> bool {
    if !digits.get(..9).is_some_and(is_siren) {
        return false;
    }
    let sum: u32 = digits.bytes().map(|byte| u32::from(byte - b'0')).sum();
    luhn(digits) || (digits.starts_with(LA_POSTE) && sum.is_multiple_of(5))
}

/// The checksum of Luhn over ASCII digits.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, byte)| {
            let digit = u32::from(byte - b'0');
            if index % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_siren_or_a_siret_is_checked() {
        let cases = [
            ("732829320", Ok(("732829320", None))),
            ("732 829 320", Ok(("732829320", None))),
            ("73282932000074", Ok(("732829320", Some("00074")))),
            ("732 829 320 00074", Ok(("732829320", Some("00074")))),
            // La Poste: its seat has a Luhn checksum, a branch only a sum that 5 divides.
            ("35600000000048", Ok(("356000000", Some("00048")))),
            ("35600000049837", Ok(("356000000", Some("49837")))),
            ("35600000049838", Err(reason::SIRET_CHECKSUM)),
            ("732829321", Err(reason::SIREN_CHECKSUM)),
            // The whole holds, and its SIREN does not.
            ("73282932100007", Err(reason::SIRET_CHECKSUM)),
            ("00000000000000", Err(reason::SIRET_CHECKSUM)),
            ("73282932000075", Err(reason::SIRET_CHECKSUM)),
            ("73282932", Err(reason::SIREN_FORM)),
            ("000000000", Err(reason::SIREN_CHECKSUM)),
            // 010000354 without its zero, as a fraction: 100003540 is another company.
            ("10000354.0", Err(reason::DECIMALS)),
            ("5880596.00", Err(reason::DECIMALS)),
            ("RCS 732829320", Err(reason::SIREN_FORM)),
            ("", Err(reason::SIREN_FORM)),
        ];
        for (text, expected) in cases {
            let read = siren(text);
            let read = read.as_ref().map(|r| (r.siren.as_str(), r.nic.as_deref())).map_err(Clone::clone);
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn small_codes_have_one_form() {
        assert_eq!(nic("00074").as_deref(), Ok("00074"));
        assert_eq!(nic("044"), Err(reason::NIC_FORM));
        for text in ["1234.0", "740.00", "74.000"] {
            assert_eq!(nic(text), Err(reason::DECIMALS), "{text}");
        }
        assert_eq!(naf("62.01z").as_deref(), Ok("6201Z"));
        assert_eq!(naf("6201Z").as_deref(), Ok("6201Z"));
        for text in ["6201", "620Z", "62O1Z", "é201Z", "Z"] {
            assert_eq!(naf(text), Err(reason::NAF_FORM), "{text}");
        }
        assert_eq!(rna("w784000090").as_deref(), Ok("W784000090"));
        for text in ["784000090", "W78400009", "W78400009X", ""] {
            assert_eq!(rna(text), Err(reason::RNA_FORM), "{text}");
        }
    }

    #[test]
    fn vat_numbers_are_checked_as_far_as_their_country_is_known() {
        let cases = [
            ("FR44732829320", Ok("FR44732829320")),
            ("fr 44 732 829 320", Ok("FR44732829320")),
            ("FR45732829320", Err(reason::VAT_CHECKSUM)),
            ("FR44732829321", Err(reason::VAT_CHECKSUM)),
            // A key with letters cannot be computed; I and O are never used.
            ("FRAB732829320", Ok("FRAB732829320")),
            ("FRIO732829320", Err(reason::VAT_FORM)),
            // Monaco.
            ("FR25000031012", Ok("FR25000031012")),
            ("FR4473282932", Err(reason::VAT_FORM)),
            ("BE0123456749", Ok("BE0123456749")),
            ("ATU12345675", Ok("ATU12345675")),
            ("NL123456789B01", Ok("NL123456789B01")),
            ("ESX1234567L", Ok("ESX1234567L")),
            ("CHE-123.456.788 MWST", Ok("CHE123456788MWST")),
            ("DE123456789012MWST", Err(reason::VAT_FORM)),
            ("12345678901", Err(reason::VAT_FORM)),
            ("FR", Err(reason::VAT_FORM)),
            ("É", Err(reason::VAT_FORM)),
            ("DEABCDEFGHI", Err(reason::VAT_FORM)),
        ];
        for (text, expected) in cases {
            assert_eq!(vat(text).as_deref().map_err(Clone::clone), expected, "{text}");
        }
    }
}
