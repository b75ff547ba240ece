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
fn where_numbers_stand_behind_names_the_one_beside_the_line_stands_once() {
    let cases = [
        ("BE", "Rue de la Loi 16", "16"),
        ("BE", "Rue de la Loi 16 - 18", "16-18"),
        ("PT", "Av. da Liberdade 110", "110"),
        ("CH", "Chemin du Lac 3", "3"),
        ("CH", "Clos du Soleil 12", "12"),
        ("DE", "Hauptstraße 12 a", "12a"),
        ("DE", "Hauptstr. 12-14a", "12-14a"),
        ("DE", "Hauptstr. 12.", "12"),
        ("IT", "Via Roma 12/A", "12/A"),
        ("IT", "Via Roma 12 int. 3", "12"),
        ("NL", "Kerkstraat 12 bus 3", "12"),
        ("NL", "Prinsengracht 263 hs", "263"),
        ("ES", "Calle Mayor, 12, 3º Izq.", "12"),
    ];
    for (country, line, number) in cases {
        let street = street_of(&[("street", line), ("street_number", number), ("country", country)]);
        assert_eq!(street.line, line, "{number}");
    }
    for (country, line) in [("BE", "Rue de la Loi 16"), ("DE", "Hauptstraße 12"), ("IT", "Via Roma 12 bis")]
    {
        let mapped = one(&[("street", line), ("street_number", "99"), ("country", country)]);
        assert_eq!((street(&mapped.customer), mapped.defects.len()), (None, 1), "{line}");
    }
    for (country, line) in
        [("DE", "Platz des 17. Juni"), ("NL", "Plein 1944"), ("ES", "Calle 5"), ("CH", "ZI Nord 2")]
    {
        let street = street_of(&[("street", line), ("street_number", "12"), ("country", country)]);
        assert_eq!(street.line, format!("12 {line}"));
    }
}

/// In France what ends a name belongs to it, whatever number the house has.
#[test]
fn where_numbers_stand_before_names_a_name_may_end_in_one() {
    for (line, number) in [
        ("Rue de la Fosse 4", "4"),
        ("Rue de la Fosse 4", "12"),
        ("rue du 8 mai 1945", "8"),
        ("Route nationale 7", "12"),
        ("ZI Nord 2", "12"),
        ("Résidence du Parc 3", "3"),
        ("rue Hugo Bureau 12", "12"),
        ("Rue 12", "5"),
        ("Les 3 Moulins", "3"),
    ] {
        let street = street_of(&[("street", line), ("street_number", number)]);
        assert_eq!(street.line, format!("{number} {line}"));
        let street = street_of(&[("street_name", line), ("street_number", number)]);
        assert_eq!(street.line, format!("{number} {line}"));
    }
    let street = street_of(&[("street", "Rue de la Loi"), ("street_number", "16 bte 4")]);
    assert_eq!(street.line, "16 bte 4 Rue de la Loi");
}

#[test]
fn where_numbers_stand_behind_names_one_in_the_name_stands_once() {
    let of = |name, number| one(&[("street_name", name), ("street_number", number), ("country", "IT")]);
    for (name, number, parted) in [
        ("Via Roma 12", "12", ["12", "", "Via Roma"]),
        ("Via Roma 12 bis", "12", ["12 bis", "", "Via Roma"]),
        ("Via Roma 12-14", "12", ["12-14", "", "Via Roma"]),
    ] {
        let mapped = of(name, number);
        assert_eq!(
            parts(street(&mapped.customer).expect("a street")),
            Some(parted.map(str::to_owned)),
            "{name}"
        );
    }
    let mapped = of("Via Roma 12 int. 3", "12");
    assert_eq!(street(&mapped.customer).expect("a street").line, "Via Roma 12 int. 3");
    assert_eq!(of("Via Roma 12", "14").defects.len(), 1);
}

/// One provider takes the line, others the parts: all get the same street.
#[test]
fn a_line_and_parts_are_one_street_or_none() {
    let with = |line, [number, kind, name]: [&'static str; 3]| {
        one(&[("street", line), ("street_number", number), ("street_type", kind), ("street_name", name)])
    };
    for (line, parts, whole) in [
        ("rue Hugo", ["12", "rue", "Hugo"], "12 rue Hugo"),
        ("12 rue Hugo", ["12", "rue", "Hugo"], "12 rue Hugo"),
        ("R HUGO", ["12", "RUE", "HUGO"], "12 R HUGO"),
        ("12 GRANDE RUE", ["12", "GR", "GRANDE RUE"], "12 GRANDE RUE"),
        ("Bât A, 12 avenue Foch", ["12", "AV", "FOCH"], "Bât A, 12 avenue Foch"),
        ("12 Zone d'Activités Nord", ["12", "ZA", "Nord"], "12 Zone d'Activités Nord"),
        ("12 rue de la Fosse 4", ["12", "rue", "de la Fosse 4"], "12 rue de la Fosse 4"),
        ("12 Route Nationale 7", ["12", "", "RN 7"], "12 Route Nationale 7"),
        ("RN 7", ["", "ROUTE", "NATIONALE 7"], "RN 7"),
        ("rue St Jean", ["12", "rue", "Saint Jean"], "12 rue St Jean"),
        ("12 R DE LA REP", ["12", "RUE", "DE LA REPUBLIQUE"], "12 R DE LA REP"),
    ] {
        let mapped = with(line, parts);
        assert_eq!(street(&mapped.customer).map(|street| street.line.as_str()), Some(whole), "{line}");
    }
    for (line, parts) in [
        ("rue Zola", ["12", "rue", "Hugo"]),
        ("BP 12", ["12", "rue", "Hugo"]),
        ("12 rue Hugo", ["12", "avenue", "Hugo"]),
        ("14 rue Hugo", ["12", "rue", "Hugo"]),
        ("rue St Jean", ["12", "rue", "Sébastopol"]),
        ("12 rue de la Paix", ["", "", "rue Victor Hugo"]),
        ("12 avenue Foch", ["12", "avenue", "Victor Hugo"]),
        ("12 rue Foch", ["", "", "14 rue Foch"]),
    ] {
        let mapped = with(line, parts);
        assert_eq!((street(&mapped.customer), mapped.defects.len()), (None, 1), "{line}");
    }
}

#[test]
fn a_number_that_only_the_line_has_goes_with_the_parts() {
    for (row, expected) in [
        (["FR", "12 rue de la Paix", "", "rue", "de la Paix"], ["12", "RUE", "de la Paix"]),
        (["FR", "12 rue de la Paix", "", "", "rue de la Paix"], ["12", "RUE", "de la Paix"]),
        (["FR", "12 bis avenue Foch", "12", "avenue", "Foch"], ["12 bis", "AVENUE", "Foch"]),
        (["FR", "Bât A, 12 avenue Foch", "", "avenue", "Foch"], ["12", "AVENUE", "Foch"]),
        (["FR", "rue du 8 mai 1945", "", "rue", "du 8 mai 1945"], ["", "RUE", "du 8 mai 1945"]),
        (["DE", "Hauptstraße 12", "", "", "Hauptstraße"], ["12", "", "Hauptstraße"]),
    ] {
        let names = ["country", "street", "street_number", "street_type", "street_name"];
        let cells: Vec<_> = names.into_iter().zip(row).collect();
        assert_eq!(parts(&street_of(&cells)), Some(expected.map(str::to_owned)), "{row:?}");
    }
}

/// Whole files are written in capitals.
#[test]
fn two_numbers_in_capitals_are_read_as_in_small_letters() {
    for (capitals, small) in [
        ("5 ET 7 RUE PASTEUR", "5 et 7 RUE PASTEUR"),
        ("5 À 7 RUE PASTEUR", "5 à 7 RUE PASTEUR"),
        ("5 BIS ET 7 RUE PASTEUR", "5 bis et 7 RUE PASTEUR"),
        ("5 A 7 RUE PASTEUR", "5 a 7 RUE PASTEUR"),
    ] {
        let (one, other) = (street_of(&[("street", capitals)]), street_of(&[("street", small)]));
        assert_eq!(parts(&one), parts(&other), "{capitals}");
        assert!(
            parts(&one).is_some_and(|[number, ..]| number.contains('7')),
            "{capitals}: {:?}",
            parts(&one)
        );
    }
}
