//! Cells that a spreadsheet, another program or the joining of files has damaged, and parts of a street that stand twice or
//! contradict each other.

use super::*;
use crate::domain::raw_cell::BETWEEN_MEMBERS;

fn key_reason(key: &str) -> Option<&'static str> {
    let mapper = mapper(&["customer_id"]);
    map(&mapper, &[("customer_id", key)]).err().map(|defect| defect.reason.0)
}

#[test]
fn a_number_that_lost_its_form_is_no_key() {
    for key in ["1.23457E+12", "1.234567891011E12", "1,2E+9", "1234567891011.0", "4711.0", "1234567891011,00"]
    {
        assert!(key_reason(key).is_some_and(|reason| reason.contains("by a spreadsheet")), "{key}");
        let identifier = one(&[("person_identifier", key)]);
        assert_eq!(identifier.customer.cell(Field::PersonIdentifier), Some(&Cell::Invalid), "{key}");
    }
    for key in ["12E5", "75.12E3", "1.0", "2024.1", "A1234.0", "1.2.3", "10023.00", "12345,00"] {
        assert_eq!(key_reason(key), None, "{key}");
    }
}

/// "4930123456.0" would be dialled with the zero at its end.
#[test]
fn a_number_that_lost_its_form_is_no_telephone_number_and_no_postal_code() {
    for (country, field, text) in [
        ("DE", "landline_phone", "4930123456.0"),
        ("FR", "mobile_phone", "612345678.0"),
        ("BE", "postal_code", "1000.0"),
    ] {
        let mapped = one(&[("country", country), (field, text)]);
        assert_eq!(reasons(&mapped), [(field.to_owned(), reason::DECIMALS.0)], "{text}");
    }
    let dotted = one(&[("country", "FR"), ("mobile_phone", "06.12.34.56.00")]);
    assert!(dotted.defects.is_empty());
}

#[test]
fn the_header_again_is_nobodys_row() {
    assert_eq!(key_reason("customer_id"), Some(reason::KEY_IS_HEADER.0));
    assert_eq!(key_reason(" \u{FEFF}customer_id"), Some(reason::KEY_IS_HEADER.0));
    // A record has none.
    let record = Mapper::new(&settings(&[]), None).expect("maps");
    assert!(record.customer_id("customer_id").is_some());
}

#[test]
fn the_errors_of_a_spreadsheet_are_no_values() {
    for error in ["#REF!", "#N/A", "#NAME?", "#NOM?", "#VALEUR!", "#DIV/0!", "#¡REF!", "########", " #NV"] {
        let mapped = one(&[("city", error), ("street", error)]);
        let said = ["street", "city"].map(|column| (column.to_owned(), reason::SPREADSHEET_ERROR.0));
        assert_eq!(reasons(&mapped), said, "{error}");
        assert_eq!(key_reason(error), Some(reason::KEY_UNUSABLE.0), "{error}");
    }
    for kept in ["#12 Main Street", "#1", "#Lille", "# !", "#BOOM!", "#METOO?"] {
        assert_eq!(text(&one(&[("city", kept)]).customer, Field::City), Some(kept));
    }
}

#[test]
fn quotes_behind_a_blank_are_told() {
    let mapped = one(&[("last_name", " \"Durand\""), ("company_name", "\"La Maison\"")]);
    assert_eq!(reasons(&mapped), [("last_name".to_owned(), reason::QUOTE_BEHIND_BLANK.0)]);
    assert_eq!(text(&mapped.customer, Field::CompanyName), Some("\"La Maison\""));
    assert_eq!(key_reason(" \"C1\""), Some(reason::KEY_UNUSABLE.0));
}

/// As a list of JSON comes.
#[test]
fn a_list_is_one_value_only_where_there_may_be_several() {
    let list = |members: [&str; 2]| members.join(&BETWEEN_MEMBERS.to_string());
    let mapped = one(&[
        ("first_name", &list(["Jean", "Michel"])),
        ("nationalities", &list(["FR", "DE"])),
        ("other_first_names", &list(["Anne", "Marie"])),
    ]);
    assert_eq!(reasons(&mapped), [("first_name".to_owned(), reason::LIST.0)]);
    assert_eq!(text(&mapped.customer, Field::OtherFirstNames), Some("Anne, Marie"));
    assert!(mapped.customer.value(Field::Nationalities).is_some());
    assert_eq!(key_reason(&list(["C1", "C2"])), Some(reason::KEY_UNUSABLE.0));
}

fn line(row: &[(&str, &str)]) -> Result<String, Vec<(String, &'static str)>> {
    let mapped = one(row);
    street(&mapped.customer).map(|street| street.line.to_string()).ok_or_else(|| reasons(&mapped))
}

#[test]
fn what_stands_in_two_parts_of_a_street_is_in_it_once() {
    let cases = [
        (["12", "rue", "rue de la Paix"], "12 rue de la Paix"),
        (["12", "", "12 rue de la Paix"], "12 rue de la Paix"),
        (["12", "av.", "Avenue Foch"], "12 av. Foch"),
        (["12", "PLACE", "PLACE D ARMES"], "12 PLACE D ARMES"),
        (["", "", "12 rue de la Paix"], "12 rue de la Paix"),
        (["0", "", "rue Haute"], "rue Haute"),
        (["-", "-", "rue Haute"], "rue Haute"),
        // Everything else is as the file has it.
        (["12 bte 5", "rue", "Haute"], "12 bte 5 rue Haute"),
        (["12 bis A", "rue", "Haute"], "12 bis A rue Haute"),
        (["007", "rue", "Haute"], "007 rue Haute"),
        (["12bis", "rue", "12 bis rue de la Paix"], "12 bis rue de la Paix"),
        (["", "RUE", "12 RUE DE LA PAIX"], "12 RUE DE LA PAIX"),
        (["12", "", "12 Grande Rue"], "12 Grande Rue"),
        (["12", "Grande Rue", "Grande Rue"], "12 Grande Rue"),
        (["4", "COURS", "COURS"], "4 COURS"),
        (["3", "", "5 Sapins"], "3 5 Sapins"),
        (["", "RUE", "3 FRERES"], "RUE 3 FRERES"),
        (["3", "RUE", "3 FRERES"], "3 RUE 3 FRERES"),
        (["", "AVENUE", "2E DB"], "AVENUE 2E DB"),
        (["5", "RUE", "R. ROLLAND"], "5 RUE R. ROLLAND"),
        (["5", "PASSAGE", "PAS DE CALAIS"], "5 PASSAGE PAS DE CALAIS"),
        (["", "LOTISSEMENT", "LOT 7"], "LOTISSEMENT LOT 7"),
        (["3", "place", "du 8 mai 1945"], "3 place du 8 mai 1945"),
        (["4", "rue", "Chemin Vert"], "4 rue Chemin Vert"),
    ];
    for ([number, kind, name], expected) in cases {
        let row = [("street_number", number), ("street_type", kind), ("street_name", name)];
        assert_eq!(line(&row).as_deref(), Ok(expected), "{row:?}");
    }
}

#[test]
fn a_cell_of_an_address_may_have_several_lines() {
    let mapped = one(&[
        ("address_apartment", "Apt 3\nÉtage 2"),
        ("city", "Saint\tÉtienne"),
        ("last_name", "Du\nPont"),
    ]);
    assert_eq!(text(&mapped.customer, Field::AddressApartment), Some("Apt 3 Étage 2"));
    assert_eq!(text(&mapped.customer, Field::City), Some("Saint Étienne"));
    assert_eq!(reasons(&mapped).len(), 1, "a name has one");
}

/// Of the overseas departments people write "DOM".
#[test]
fn a_department_overseas_is_not_the_dominican_republic() {
    assert_eq!(reasons(&one(&[("country", "DOM")])), [("country".to_owned(), reason::NOT_A_COUNTRY.0)]);
    assert!(one(&[("country", "DO")]).defects.is_empty());
}

#[test]
fn a_number_that_contradicts_its_line_makes_no_street() {
    let row = |line, number, name| [("street", line), ("street_number", number), ("street_name", name)];
    let differs = Err(vec![("street_number".to_owned(), reason::STREET_DIFFERS.0)]);
    assert_eq!(line(&row("12 rue de Lille", "5", "avenue Foch")), differs);
    assert_eq!(line(&row("", "5", "12 rue Haute")), differs);
    assert_eq!(line(&row("12-14 rue de Lille", "5 bis", "")), differs);
    assert_eq!(line(&row("12 RUE DE LILLE", "12 BIS", "")), differs, "the line would lose it");
    assert_eq!(line(&row("12A RUE DE LILLE", "12 BIS", "")), differs);
    for (whole, number, name) in [
        ("12 rue de Lille", "12", "rue de Lille"),
        ("0012 RUE DE LILLE", "12", "DE LILLE"),
        ("12B RUE DE LILLE", "12 BIS", "DE LILLE"),
        ("12/14 RUE DE LILLE", "14", "DE LILLE"),
        ("BAT 2 AVENUE FOCH", "12", "FOCH"),
        ("12 BIS RUE DU GAL", "12", "DU GENERAL DE GAULLE"),
        ("Résidence les Pins, 12 rue de la Mer", "12", "rue de la Mer"),
        ("12 rue de Lille", "0", "LILLE"),
        ("0012 RUE DE LILLE", "0012", ""),
        ("12B RUE DE LILLE", "12 BIS", ""),
        ("12 TER RUE DE LILLE", "12T", ""),
        ("12 BIS RUE DE LILLE", "12", ""),
    ] {
        assert_eq!(line(&row(whole, number, name)).as_deref(), Ok(whole), "{number} {name}");
    }
}

#[test]
fn a_subscription_has_one_number() {
    let id = |name: &str| subscription_field(name);
    assert_eq!(id("subscription_1_2"), None);
    assert_eq!(id("subscription 1-2"), None);
    for name in ["Subscription_012", "subscription_12_", "subscription-12\u{200B}"] {
        assert_eq!(id(name), Some(Field::Subscription(12)), "{name}");
    }
}

/// The names of a record are compared as those of a header.
#[test]
fn the_names_of_a_record_may_be_written_in_another_way() {
    let settings = settings(&[("email", "EMAIL"), ("city", "/address/city")]);
    let mapper = Mapper::new(&settings, None).expect("maps");
    let further = |names: &[&str]| {
        let cells = names.iter().map(|name| (Cow::Owned((*name).to_owned()), RawCell::Text("x".into())));
        mapper.further_cells(cells).into_iter().map(|(field, _)| field).collect::<Vec<_>>()
    };
    assert_eq!(further(&["customer_id", "Email", "Email_Opt_In"]), [Field::Email, Field::EmailOptIn]);
    assert_eq!(further(&["EMAIL", "Email"]), [], "the name itself counts");
    let twice = [
        ("subscription_1", "false"),
        ("Subscription-1", "true"),
        ("subscription_2", "1"),
        ("Subscription 2", "1"),
    ];
    let twice = twice.map(|(name, text)| (Cow::Borrowed(name), RawCell::Text(text.into())));
    let key = |index: usize| {
        let is_key = mapper.columns()[index].field == Field::CustomerId;
        if is_key { RawCell::Text("7".into()) } else { RawCell::Absent }
    };
    let mapped = mapper
        .map(key, mapper.further_cells(twice.into_iter()), TODAY, FieldSet::default())
        .expect("has a key");
    assert_eq!(reasons(&mapped), [("subscription_1".to_owned(), reason::LIST.0)], "two say two things");
    assert_eq!(mapped.customer.cell(Field::Subscription(2)), Some(&Cell::Value(Value::Flag(true))));
    assert_eq!(further(&["Customer_ID", "_email", "/Address/City", "e mail address"]), []);
    let row = |index: usize| match mapper.columns()[index].field {
        Field::CustomerId => RawCell::Text("7".into()),
        Field::MobilePhone => RawCell::Text("0470123456".into()),
        _ => RawCell::Absent,
    };
    // Though it comes under another name, the country is read before what is read in its light.
    let extra = [(Field::Country, RawCell::Text("BE".into()))];
    let mapped = mapper.map(row, extra, TODAY, FieldSet::default()).expect("has a key");
    let Some(Value::Phone(phone)) = mapped.customer.value(Field::MobilePhone) else { panic!("{mapped:?}") };
    assert_eq!(phone.msisdn, "32470123456");
}
