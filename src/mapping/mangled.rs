//! What spreadsheets, and programs that know fractions alone, make of digits that are no number: keys, codes, telephones.

use super::reason;
use crate::domain::defect::DefectReason;

/// Digits that a number has at least which is taken for one of a program that knows fractions alone.
const WHOLE_DIGITS_MIN: usize = 4;
/// And one that was written by a spreadsheet with more decimals, or with a comma; a shorter one may be a number and a part of it.
const LONG_DIGITS_MIN: usize = 9;

/// What a spreadsheet, or a program that knows fractions alone, made of a long number: "3.36123E+10", "3.36123E10",
/// "33612345678.0", "33612345678,00". Shorter ones with a zero behind the point may be meant so.
pub(super) fn mangled(text: &str) -> Option<DefectReason> {
    // Hardly any key is one, and each is asked about: most do not even begin like it.
    if !text.starts_with(|first: char| first.is_ascii_digit())
        || !text.bytes().any(|byte| matches!(byte, b'+' | b'.' | b','))
    {
        return None;
    }
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        let (whole, fraction) = text.split_once(['.', ','])?;
        let is_one_zero = fraction == "0" && text.ends_with(".0");
        let digits_min = if is_one_zero { WHOLE_DIGITS_MIN } else { LONG_DIGITS_MIN };
        let has_decimals = whole.len() >= digits_min && fraction.bytes().all(|byte| byte == b'0');
        return (is_digits(whole) && has_decimals).then_some(reason::DECIMALS);
    };
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    // Without a sign it may be a code of three parts, unless it has as many digits as such a number.
    let is_number = exponent.starts_with('+') || (whole.len() == 1 && fraction.len() >= WHOLE_DIGITS_MIN);
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    (is_number && is_digits(exponent) && is_digits(whole) && is_digits(fraction))
        .then_some(reason::SCIENTIFIC)
}

/// A number with nothing but zeros behind its point: however many, they are not its own.
pub(super) fn fraction(text: &str) -> Option<DefectReason> {
    let (whole, zeros) = text.split_once(['.', ','])?;
    let is_fraction = whole.bytes().all(|byte| byte.is_ascii_digit())
        && !zeros.is_empty()
        && zeros.bytes().all(|byte| byte == b'0');
    (is_fraction && !whole.is_empty()).then_some(reason::DECIMALS)
}
