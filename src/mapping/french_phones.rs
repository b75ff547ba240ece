//! The usual phone number without the cost of the general one: a zero and nine digits in France.
//!
//! Which numbers are allowed, libphonenumber's plan of France says. Of such a number no more than the first five digits
//! behind the zero decide, so that each beginning is looked up once.

use std::sync::atomic::{AtomicU8, Ordering};

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, Region};
use smol_str::SmolStr;

use crate::domain::value::Phone;

const FRANCE: &str = "33";

/// How many beginnings of five digits there are.
const BEGINNINGS: usize = 100_000;

/// What is known of each beginning.
static KNOWN: [AtomicU8; BEGINNINGS] = [const { AtomicU8::new(UNKNOWN) }; BEGINNINGS];
const UNKNOWN: u8 = 0;
const ALLOWED: u8 = 1;
const NOT_ALLOWED: u8 = 2;

/// The number, if it is one of France and the plan allows it; what is not goes the long way.
pub(super) fn plain(digits: &str) -> Option<Phone> {
    let [b'0', significant @ ..] = digits.as_bytes() else { return None };
    let significant: &[u8; 9] = significant.try_into().ok()?;
    if significant[0] == b'0' || !significant.iter().all(u8::is_ascii_digit) || !is_allowed(significant) {
        return None;
    }
    let mut msisdn = [b'3'; 11];
    msisdn[2..].copy_from_slice(significant);
    let msisdn = SmolStr::new(std::str::from_utf8(&msisdn).ok()?);
    Some(Phone { dialing_code: SmolStr::new_static(FRANCE), national: digits.into(), msisdn })
}

fn is_allowed(significant: &[u8; 9]) -> bool {
    let number = |digits: &[u8]| digits.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    let Some(known) = usize::try_from(number(&significant[..5])).ok().and_then(|place| KNOWN.get(place))
    else {
        return false;
    };
    match known.load(Ordering::Relaxed) {
        UNKNOWN => {
            let is_allowed = is_in_plan(number(significant));
            // Whoever comes first: each thread finds the same.
            known.store(if is_allowed { ALLOWED } else { NOT_ALLOWED }, Ordering::Relaxed);
            is_allowed
        }
        found => found == ALLOWED,
    }
}

fn is_in_plan(national_number: u64) -> bool {
    let number = PhoneNumber { country_code: 33, national_number, ..PhoneNumber::default() };
    PHONE_NUMBER_UTIL.is_valid_number_for_region(&number, Region::FR)
}
