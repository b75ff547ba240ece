//! House numbers as programs and people write them.

use super::*;

fn street_of(row: &[(&str, &str)]) -> Street {
    street(&one(row).customer).cloned().expect("a street")
}

/// Number, kind and name; nothing where the line is sent whole.
fn parts(street: &Street) -> Option<[String; 3]> {
    let StreetParts { number, kind, name } = street.parts.as_ref()?;
    let kind = kind.as_ref().map(|kind| kind.standard.to_string());
    Some([number.as_deref().unwrap_or_default().to_owned(), kind.unwrap_or_default(), name.to_string()])
}

#[test]
fn a_number_with_decimals_is_the_number() {
    for number in ["12.0", "12,00", "12."] {
        let street = street_of(&[("street_number", number), ("street_name", "rue du Port")]);
        assert_eq!(street.line, "12 rue du Port", "{number}");
        assert_eq!(parts(&street), Some(["12", "RUE", "du Port"].map(str::to_owned)), "{number}");
    }
}

#[test]
fn a_suffix_may_stand_behind_a_mark() {
    for line in ["12, bis rue du Port", "12 ,bis rue du Port", "12. bis rue du Port", "12-bis, rue du Port"] {
        let street = street_of(&[("street", line)]);
        assert_eq!(parts(&street), Some(["12 bis", "RUE", "du Port"].map(str::to_owned)), "{line}");
    }
}

#[test]
fn of_two_suffixes_nobody_can_tell_which_is_the_numbers() {
    for line in ["12 bis-ter rue du Port", "5 A bis rue du Port", "5 bis A rue du Port"] {
        assert_eq!(parts(&street_of(&[("street", line)])), None, "{line}");
    }
}
