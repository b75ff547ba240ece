//! Canonical values in the forms that several providers take.

use std::net::Ipv4Addr;

use smol_str::{SmolStr, SmolStrBuilder};

use crate::domain::value::{Street, Title, Value};

/// Free text, e-mail addresses and IBANs as they are.
#[inline]
pub(super) fn text(value: &Value) -> Option<&SmolStr> {
    let (Value::Text(text) | Value::Email(text) | Value::Iban(text)) = value else { return None };
    Some(text)
}

/// The whole line of a street, or free text.
pub(super) fn line(value: &Value) -> Option<&str> {
    match value {
        Value::Street(street) => Some(&street.line),
        Value::Text(text) | Value::Email(text) | Value::Iban(text) => Some(text),
        Value::Flag(_)
        | Value::Integer(_)
        | Value::Title(_)
        | Value::Date(_)
        | Value::Country(_)
        | Value::Nationalities(_)
        | Value::Phone(_)
        | Value::Ip(_)
        | Value::IdentityDocument(_)
        | Value::CustomerType(_)
        | Value::WalletRole(_) => None,
    }
}

/// A street.
pub(super) fn street(value: &Value) -> Option<&Street> {
    if let Value::Street(street) = value { Some(street) } else { None }
}

/// A day as dd/MM/yyyy.
pub(super) fn date(value: &Value) -> Option<SmolStr> {
    let Value::Date(date) = value else { return None };
    let mut text = SmolStrBuilder::new();
    push_number(&mut text, date.day().unsigned_abs().into(), 2);
    text.push('/');
    push_number(&mut text, date.month().unsigned_abs().into(), 2);
    text.push('/');
    push_number(&mut text, date.year().unsigned_abs(), 4);
    Some(text.finish())
}

/// A network address of four numbers.
pub(super) fn ipv4(address: Ipv4Addr) -> SmolStr {
    let mut text = SmolStrBuilder::new();
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        push_number(&mut text, octet.into(), 1);
    }
    text.finish()
}

/// A number with so many digits at least. Each customer has several of them, and `format!` takes more than twice as long.
fn push_number(text: &mut SmolStrBuilder, number: u16, digits_min: usize) {
    let mut written = itoa::Buffer::new();
    let written = written.format(number);
    (written.len()..digits_min).for_each(|_| text.push('0'));
    text.push_str(written);
}

/// Yes as 1, no as 0.
pub(super) fn one_or_zero(value: &Value) -> Option<SmolStr> {
    if let Value::Flag(flag) = value {
        Some(SmolStr::new_static(if *flag { "1" } else { "0" }))
    } else {
        None
    }
}

/// A form of address.
pub(super) fn title(value: &Value) -> Option<Title> {
    if let Value::Title(title) = value { Some(*title) } else { None }
}

/// A country as alpha-3.
pub(super) fn alpha3(value: &Value) -> Option<SmolStr> {
    if let Value::Country(country) = value { Some(SmolStr::new_static(country.alpha3)) } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn days_and_addresses_are_written_as_format_writes_them(
            days in 0i32..3_287_181, address in any::<[u8; 4]>().prop_map(Ipv4Addr::from),
        ) {
            let first = jiff::civil::date(1000, 1, 1);
            let day = first.checked_add(jiff::Span::new().days(days)).expect("before the year 10000");
            let expected = format!("{:02}/{:02}/{:04}", day.day(), day.month(), day.year());
            prop_assert_eq!(date(&Value::Date(day)).expect("a day"), expected);
            prop_assert_eq!(ipv4(address), address.to_string());
        }
    }
}
