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

/// As people write it in Belgium, Germany, Italy, Portugal and Spain, with the number in a column of its own too.
#[test]
fn a_number_behind_the_name_is_the_one_beside_the_line() {
    let cases = [
        ("Rue de la Loi 16", "16"),
        ("Avenue Louise 54", "54"),
        ("Av. da Liberdade 110", "110"),
        ("Chemin du Lac 3", "3"),
        ("Grande Rue 12", "12"),
        ("Hauptstraße 12", "12"),
        ("Hauptstraße 12 a", "12a"),
        ("Hauptstr. 12-14", "12"),
        ("Kerkstraat 12 bus 3", "12"),
        ("Prinsengracht 263 hs", "263"),
        ("Calle Mayor, 12, 3º Izq.", "12"),
        ("Place du 14 Juillet 12", "12"),
    ];
    for (line, number) in cases {
        let street = street_of(&[("street", line), ("street_number", number)]);
        assert_eq!(street.line, line, "{number}");
        let defects = one(&[("street", line), ("street_number", "999")]).defects;
        assert_eq!(defects.len(), 1, "{line} beside 999");
    }
    let whole = [
        ("rue du 8 mai 1945", "8"),
        ("Route nationale 7", "12"),
        ("ZI Nord 2", "12"),
        ("Résidence du Parc 3", "3"),
        ("rue Pasteur Bat 3", "12"),
        ("Rue 12", "5"),
        ("Les 3 Moulins", "3"),
    ];
    for (line, number) in whole {
        let street = street_of(&[("street", line), ("street_number", number)]);
        assert_eq!(street.line, format!("{number} {line}"));
    }
}

#[test]
fn a_number_behind_the_name_alone_stands_once() {
    let street = street_of(&[("street_name", "Via Roma 12"), ("street_number", "12")]);
    assert_eq!(parts(&street), Some(["12", "", "Via Roma"].map(str::to_owned)));
    assert_eq!(street.line, "12 Via Roma");
    let street = street_of(&[("street_name", "Kerkstraat 12 bus 3"), ("street_number", "12")]);
    assert_eq!(street.line, "Kerkstraat 12 bus 3");
    let defects = one(&[("street_name", "Via Roma 12"), ("street_number", "14")]).defects;
    assert_eq!(defects.len(), 1);
}

/// One provider takes the line, others the parts: all get the same street.
#[test]
fn a_line_and_parts_are_one_street_or_none() {
    let all = [("street_number", "12"), ("street_type", "rue"), ("street_name", "Hugo")];
    let with = |line| one(&[&[("street", line)][..], &all].concat());
    for line in ["rue Hugo", "12 rue Hugo", "Hugo"] {
        let mapped = with(line);
        assert_eq!(street(&mapped.customer).expect("a street").line, "12 rue Hugo", "{line}");
    }
    for line in ["rue Zola", "BP 12", "12 avenue Hugo", "14 rue Hugo"] {
        let mapped = with(line);
        assert_eq!((street(&mapped.customer), mapped.defects.len()), (None, 1), "{line}");
    }
}
