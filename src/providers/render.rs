//! Values as the wire writes them: days, addresses, numbers and lines of several parts.
//!
//! Every customer has them for every provider, so they are put together in place, without the machinery of formats.

use std::net::Ipv4Addr;

use jiff::civil::Date;
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

/// Lines up to here are joined in place.
const LINE_BYTES_MAX: usize = 256;

/// A day as dd/MM/yyyy.
pub(super) fn day_month_year(date: Date) -> SmolStr {
    let (Ok(year), Ok(month), Ok(day)) =
        (u16::try_from(date.year()), u8::try_from(date.month()), u8::try_from(date.day()))
    else {
        return format_smolstr!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year());
    };
    let century = pair((year / 100 % 100) as u8);
    let [[a, b], [c, d], [e, f], [g, h]] = [pair(day), pair(month), century, pair((year % 100) as u8)];
    written(&[a, b, b'/', c, d, b'/', e, f, g, h])
}

/// The two digits of a number below 100.
fn pair(number: u8) -> [u8; 2] {
    [b'0' + number / 10, b'0' + number % 10]
}

/// An IPv4 address.
pub(super) fn ipv4(address: Ipv4Addr) -> SmolStr {
    let mut text = [0; 15];
    let mut length = 0;
    let mut append = |byte: u8| {
        text[length] = byte;
        length += 1;
    };
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            append(b'.');
        }
        let [tens, ones] = pair(octet % 100);
        if octet >= 100 {
            append(b'0' + octet / 100);
        }
        if octet >= 10 {
            append(tens);
        }
        append(ones);
    }
    written(&text[..length])
}

/// A whole number.
pub(super) fn integer(number: i64) -> SmolStr {
    const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let digit = usize::try_from(number).ok().and_then(|number| DIGITS.get(number));
    digit.map_or_else(|| number.to_smolstr(), |digit| SmolStr::new_static(digit))
}

/// Several texts with something between them.
pub(super) fn joined(parts: &[&str], between: &str) -> SmolStr {
    if let [part] = parts {
        return SmolStr::new(part);
    }
    let bytes =
        parts.iter().map(|part| part.len()).sum::<usize>() + between.len() * parts.len().saturating_sub(1);
    let mut line = [0; LINE_BYTES_MAX];
    let Some(mut rest) = line.get_mut(..bytes) else { return parts.join(between).into() };
    for (index, part) in parts.iter().enumerate() {
        for text in [between].into_iter().filter(|_| index > 0).chain([*part]) {
            let (place, after) = rest.split_at_mut(text.len());
            place.copy_from_slice(text.as_bytes());
            rest = after;
        }
    }
    written(&line[..bytes])
}

fn written(text: &[u8]) -> SmolStr {
    simdutf8::basic::from_utf8(text).map(SmolStr::new).expect("it was put together from text")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn days_are_written_as_a_format_writes_them(year in -9_999i16..=9_999, month in 1i8..=12, day in 1i8..=28) {
            let date = jiff::civil::date(year, month, day);
            prop_assert_eq!(day_month_year(date), format!("{day:02}/{month:02}/{year:04}"));
        }

        #[test]
        fn addresses_and_numbers_are_written_as_they_show_themselves(address in any::<Ipv4Addr>(), number in any::<i64>()) {
            prop_assert_eq!(ipv4(address), address.to_string());
            for number in [number, number % 12] {
                prop_assert_eq!(integer(number), number.to_string());
            }
        }

        #[test]
        fn parts_are_joined_as_the_library_joins_them(
            parts in proptest::collection::vec("\\PC{0,60}", 0..6), between in "[,; ]{0,2}",
        ) {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            prop_assert_eq!(joined(&parts, &between), parts.join(&between));
        }
    }
}
