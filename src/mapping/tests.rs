//! Rows through the whole mapper, the table of streets, and laws that hold for any text.

mod damaged;
mod house_numbers;

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use smol_str::SmolStr;

use super::header::subscription_field;
use super::{Mapped, Mapper, MappingError, MappingSettings, RowDefect};
use super::{reason, street_cells};
use crate::domain::customer::{Cell, Customer, Order};
use crate::domain::field::{Field, FieldSet};
use crate::domain::raw_cell::RawCell;
use crate::domain::value::{Street, StreetParts, Title, Value};

pub(super) const TODAY: Date = date(2026, 11, 22);

fn names(header: &[&str]) -> Vec<String> {
    header.iter().map(|&name| name.to_owned()).collect()
}

pub(super) fn mapper(header: &[&str]) -> Mapper {
    Mapper::new(&MappingSettings::default(), Some(&names(header))).expect("maps")
}

fn settings(columns: &[(&str, &str)]) -> MappingSettings {
    let columns = columns.iter().map(|&(field, column)| (field.to_owned(), column.to_owned())).collect();
    MappingSettings { columns, ..MappingSettings::default() }
}

/// Maps a row given by column; columns that it does not name are absent.
fn map(mapper: &Mapper, row: &[(&str, &str)]) -> Result<Mapped, RowDefect> {
    let row: BTreeMap<&str, &str> = row.iter().copied().collect();
    let cells: Vec<RawCell<'_>> = mapper
        .columns()
        .iter()
        .map(|column| row.get(&*column.column).map_or(RawCell::Absent, |text| RawCell::Text((*text).into())))
        .collect();
    mapper.map(|index| cells[index].clone(), [], TODAY, FieldSet::default())
}

/// One row in the columns that it names itself.
fn one(row: &[(&str, &str)]) -> Mapped {
    let mut header = vec!["customer_id"];
    header.extend(row.iter().map(|(column, _)| *column));
    let mut cells = vec![("customer_id", "1")];
    cells.extend(row);
    map(&mapper(&header), &cells).expect("has a key")
}

fn text(customer: &Customer, field: Field) -> Option<&str> {
    match customer.value(field) {
        Some(Value::Text(text)) => Some(text),
        Some(_) | None => None,
    }
}

fn street(customer: &Customer) -> Option<&Street> {
    match customer.value(Field::Street) {
        Some(Value::Street(street)) => Some(street),
        Some(_) | None => None,
    }
}

fn reasons(mapped: &Mapped) -> Vec<(String, &'static str)> {
    mapped.defects.iter().map(|defect| (defect.column.to_string(), defect.reason.0)).collect()
}

#[test]
fn absent_cleared_invalid_and_valid_are_four_things() {
    let mapped = one(&[("first_name", "Jeanne"), ("last_name", ""), ("email", "none"), ("city", "\\N")]);
    let customer = &mapped.customer;
    assert_eq!(text(customer, Field::FirstName), Some("Jeanne"));
    assert_eq!(customer.cell(Field::LastName), Some(&Cell::Cleared));
    assert_eq!(customer.cell(Field::City), Some(&Cell::Cleared));
    assert_eq!(customer.cell(Field::Email), Some(&Cell::Invalid));
    assert_eq!(customer.cell(Field::Title), None);
    assert_eq!(customer.cell(Field::CustomerId), None);
    assert_eq!(reasons(&mapped), [("email".to_owned(), "is not an e-mail address")]);
}

#[test]
fn json_null_is_a_cleared_value() {
    let mapper = Mapper::new(&MappingSettings::default(), None).expect("maps");
    let cell = |index: usize| {
        let field = mapper.columns()[index].field;
        let key = (field == Field::CustomerId).then(|| RawCell::Text("7".into()));
        key.or((field == Field::City).then_some(RawCell::Null)).unwrap_or(RawCell::Absent)
    };
    let extra = [(Field::Subscription(12), RawCell::Text("true".into()))];
    let mapped = mapper.map(cell, extra, TODAY, FieldSet::default()).expect("has a key");
    let cells: Vec<_> = mapped.customer.cells.into_iter().collect();
    let expected = [(Field::City, Cell::Cleared), (Field::Subscription(12), Cell::Value(Value::Flag(true)))];
    assert_eq!(cells, expected);
}

#[test]
fn headers_match_up_to_case_accents_and_separators() {
    let mapper = mapper(&["Customer ID", "FIRST-NAME", "Émail", "_email", "subscription_3", "couleur"]);
    let fields: Vec<_> = mapper.columns().iter().map(|column| (column.field, &*column.column)).collect();
    assert_eq!(
        fields,
        [
            (Field::CustomerId, "Customer ID"),
            (Field::FirstName, "FIRST-NAME"),
            (Field::Email, "Émail"),
            (Field::Subscription(3), "subscription_3"),
        ]
    );
    assert_eq!(mapper.customer_id_column(), "Customer ID");
    assert_eq!(mapper.unused_columns(), ["couleur"]);
}

#[test]
fn an_exact_column_wins_over_a_similar_one() {
    let mapper = mapper(&["customer_id", "EMAIL", "email"]);
    assert!(mapper.columns().iter().any(|column| &*column.column == "email"));
    let similar = Mapper::new(&MappingSettings::default(), Some(&names(&["customer_id", "EMAIL", "e-mail"])));
    assert!(matches!(similar, Err(MappingError::AmbiguousColumn { field: Field::Email, .. })));
}

#[test]
fn mistakes_in_the_settings_name_the_nearest_thing() {
    let header = names(&["CODE", "PRENOM", "NOM"]);
    let build = |columns: &[(&str, &str)]| {
        Mapper::new(&settings(columns), Some(&header)).expect_err("is wrong").to_string()
    };
    assert_eq!(
        build(&[("frist_name", "PRENOM")]),
        "[columns] names `frist_name`, which is no canonical field; did you mean `first_name`?"
    );
    assert_eq!(
        build(&[("customer_id", "CODE"), ("first_name", "PRENON")]),
        "[columns] maps first_name to column `PRENON`, which the file does not have; did you mean `PRENOM`?"
    );
    assert!(build(&[]).starts_with("the file has no column for customer_id"));
    // Nothing that is known: the first line may be a customer.
    assert_eq!(
        build(&[("customer_id", "PRENON"), ("city", "VILLE")]),
        "[columns] maps customer_id to column `PRENON`, which the file does not have; did you mean column 2?"
    );
}

#[test]
fn only_a_missing_key_column_is_the_files_fault() {
    let header = names(&["CODE"]);
    let fault = |settings: &MappingSettings| {
        Mapper::new(settings, Some(&header)).expect_err("is wrong").is_about_the_file()
    };
    assert!(fault(&MappingSettings::default()));
    assert!(fault(&settings(&[("customer_id", "ID")])));
    assert!(!fault(&settings(&[("customer_id", "CODE"), ("email", "MAIL")])));
    assert!(!fault(&MappingSettings { default_country: "Atlantis".to_owned(), ..settings(&[]) }));
}

#[test]
fn one_column_may_hold_two_fields() {
    let settings = settings(&[("customer_id", "ID"), ("person_identifier", "ID")]);
    let mapper = Mapper::new(&settings, Some(&names(&["ID"]))).expect("maps");
    let mapped = map(&mapper, &[("ID", " 42 ")]).expect("has a key");
    assert_eq!(mapped.customer.id.as_str(), "42");
    assert_eq!(text(&mapped.customer, Field::PersonIdentifier), Some("42"));
}

#[test]
fn a_row_without_usable_key_belongs_to_nobody() {
    let mapper = mapper(&["customer_id"]);
    let reason = |key: &str| map(&mapper, &[("customer_id", key)]).err().map(|defect| defect.reason.0);
    assert_eq!(reason("1"), None);
    assert_eq!(reason(""), Some("the customer's key is empty"));
    assert_eq!(reason(" NULL "), Some("the customer's key is empty"));
    for key in ["x".repeat(201), "a\u{FFFD}".to_owned(), "a\nb".to_owned(), "#N/A".to_owned()] {
        assert!(reason(&key).is_some_and(|reason| reason.contains("too long")), "{key}");
    }
    assert_eq!(
        mapper.customer_id("Ren\u{65}\u{301}e").map(|id| id.as_str().to_owned()),
        Some("Renée".to_owned())
    );
}

#[test]
fn rows_are_ordered_by_the_configured_column() {
    let settings = MappingSettings { order_by: Some("MAJ".to_owned()), ..MappingSettings::default() };
    let mapper = Mapper::new(&settings, Some(&names(&["customer_id", "maj"]))).expect("maps");
    assert_eq!(mapper.order_column(), Some("maj"));
    let order = |value: &str| map(&mapper, &[("customer_id", "1"), ("maj", value)]).expect("has a key");
    assert_eq!(order("1970-01-01T00:00:01Z").customer.order, Some(Order(1_000_000)));
    assert_eq!(order("").customer.order, None);
    assert!(order("").defects.is_empty());
    let refused = map(&mapper, &[("customer_id", "1"), ("maj", "hier")]).expect_err("cannot be ordered");
    assert_eq!((&*refused.column, refused.reason), ("maj", reason::ORDER_FORM));
    // The column serves the order alone: it says nothing about the field `updated_at`.
    assert!(order("12").customer.cells.is_empty());

    let lacking = Mapper::new(&settings, Some(&names(&["customer_id"]))).expect("maps");
    assert!(lacking.order_warning().is_some_and(|warning| warning.to_string().contains("`MAJ`")));
    assert_eq!(mapper.order_warning(), None);
}

#[test]
fn order_by_may_name_the_canonical_field() {
    let settings = MappingSettings {
        order_by: Some("updated_at".to_owned()),
        ..settings(&[("updated_at", "DATE_MAJ")])
    };
    let mapper = Mapper::new(&settings, Some(&names(&["customer_id", "DATE_MAJ"]))).expect("maps");
    let mapped = map(&mapper, &[("customer_id", "1"), ("DATE_MAJ", "5")]).expect("has a key");
    assert_eq!(mapped.customer.order, Some(Order(5_000)));
    assert_eq!(text(&mapped.customer, Field::UpdatedAt), Some("5"));
}

#[test]
fn a_siret_gives_siren_and_nic() {
    let numbers = |row: &[(&str, &str)]| {
        let mapped = one(row);
        let [siren, nic] = [Field::Siren, Field::Nic].map(|field| mapped.customer.cell(field).cloned());
        (siren, nic, mapped.defects.len())
    };
    let value = |text: &str| Some(Cell::Value(Value::Text(text.into())));
    let siret = "732 829 320 00074";
    assert_eq!(numbers(&[("siren", siret)]), (value("732829320"), value("00074"), 0));
    assert_eq!(numbers(&[("siren", siret), ("nic", "")]), (value("732829320"), value("00074"), 0));
    assert_eq!(numbers(&[("siren", siret), ("nic", "00074")]), (value("732829320"), value("00074"), 0));
    assert_eq!(numbers(&[("siren", siret), ("nic", "00075")]), (value("732829320"), Some(Cell::Invalid), 1));
    assert_eq!(numbers(&[("siren", "732829320")]), (value("732829320"), None, 0));
    assert_eq!(numbers(&[("siren", ""), ("nic", "00074")]), (Some(Cell::Cleared), value("00074"), 0));
    assert_eq!(numbers(&[("siren", "")]), (Some(Cell::Cleared), None, 0));
    assert_eq!(numbers(&[("siren", "1")]), (Some(Cell::Invalid), None, 1));
}

#[test]
fn values_are_read_in_the_light_of_the_row() {
    let mapped = one(&[("mobile_phone", "0692123456"), ("postal_code", "97410"), ("country", "FR")]);
    let Some(Value::Phone(phone)) = mapped.customer.value(Field::MobilePhone) else { panic!("a phone") };
    assert_eq!(phone.dialing_code, "262");
    // A Belgian code has four digits, a French one may have lost its zero.
    assert!(one(&[("postal_code", "1000"), ("country", "Belgique")]).defects.is_empty());
    assert_eq!(reasons(&one(&[("postal_code", "1000"), ("country", "")])).len(), 1);
    // Where the country is not understood, only the country is to blame.
    assert_eq!(reasons(&one(&[("postal_code", "1000"), ("country", "Belgiqe")])).len(), 1);
}

#[test]
fn numbers_flags_and_titles_have_their_types() {
    let mapped = one(&[
        ("person_identifier_type", "1"),
        ("email_opt_in", "Oui"),
        ("subscription_12", "non"),
        ("title", "Mme"),
    ]);
    let value = |field: Field| mapped.customer.value(field).cloned();
    assert_eq!(value(Field::PersonIdentifierType), Some(Value::Integer(1)));
    assert_eq!(value(Field::EmailOptIn), Some(Value::Flag(true)));
    assert_eq!(value(Field::Subscription(12)), Some(Value::Flag(false)));
    assert_eq!(value(Field::Title), Some(Value::Title(Title::F)));
    for number in ["-1", "1.0", "2147483648", "+1"] {
        assert_eq!(one(&[("person_identifier_type", number)]).defects.len(), 1, "{number}");
    }
    for (field, value) in
        [("wallet_id", "3,36E+10"), ("wallet_id", "true"), ("city", "false"), ("first_name", "true")]
    {
        assert_eq!(reasons(&one(&[(field, value)])).len(), 1, "{field} {value}");
    }
}

#[test]
fn street_columns_become_one_street() {
    let read = |row: &[(&str, &str)]| street(&one(row).customer).cloned();
    let parts = |street: &Street| {
        let StreetParts { number, kind, name } = street.parts.clone().expect("splits");
        (street.line.clone(), number, kind.map(|kind| kind.standard), name)
    };
    let owned = |line: &str, number: &str, kind: &str, name: &str| {
        (SmolStr::from(line), Some(number.into()), Some(kind.into()), SmolStr::from(name))
    };
    let three = read(&[("street_number", "12 bis"), ("street_type", "av."), ("street_name", "Foch")]);
    assert_eq!(three.as_ref().map(parts), Some(owned("12 bis av. Foch", "12 bis", "AVENUE", "Foch")));
    let two = read(&[("street_number", "12"), ("street_name", "rue du Port")]);
    assert_eq!(two.as_ref().map(parts), Some(owned("12 rue du Port", "12", "RUE", "du Port")));
    let both =
        read(&[("street", "12, rue du Port"), ("street_number", "12"), ("street_name", "rue du Port")]);
    assert_eq!(both.as_ref().map(parts), Some(owned("12, rue du Port", "12", "RUE", "du Port")));
    let unknown = read(&[("street_type", "Drève"), ("street_name", "du Parc"), ("street_number", "1")]);
    assert_eq!(unknown.as_ref().map(parts), Some(owned("1 Drève du Parc", "1", "DREVE", "du Parc")));
    let broken = read(&[("street", "12 rue du Port\r\nBât B")]);
    assert_eq!(broken.as_ref().map(parts), Some(owned("12 rue du Port Bât B", "12", "RUE", "du Port Bât B")));
    let lonely = read(&[("street_number", "12"), ("street_name", "")]);
    assert_eq!(lonely, Some(Street { line: "12".into(), parts: None }));
    // A line whose number or kind stands beside it, as in SAP.
    let beside = |line, more: &[(&'static str, &'static str)]| read(&[&[("street", line)], more].concat());
    let whole = Some(owned("12 rue de la Paix", "12", "RUE", "de la Paix"));
    for (line, more) in [
        ("rue de la Paix", &[("street_number", "12")][..]),
        ("12 rue de la Paix", &[("street_number", "12")]),
        ("12 rue de la Paix", &[("street_type", "RUE")]),
        ("de la Paix", &[("street_number", "12"), ("street_type", "rue")]),
        ("12 de la Paix", &[("street_type", "rue")]),
    ] {
        assert_eq!(beside(line, more).as_ref().map(parts), whole, "{line} {more:?}");
    }
    for (line, number, expected) in [
        ("rue du 8 mai 1945", "8", "8 rue du 8 mai 1945"),
        ("Place du 11 novembre", "11", "11 Place du 11 novembre"),
        ("route nationale 12", "12", "12 route nationale 12"),
        ("Résidence 12", "12", "12 Résidence 12"),
        ("rue X Apt 4", "4", "4 rue X Apt 4"),
        ("Appartement 3, 12 rue Foch", "12", "Appartement 3, 12 rue Foch"),
        ("Hauptstraße 12a", "12", "Hauptstraße 12a"),
        ("12 bis rue Foch", "12bis", "12 bis rue Foch"),
        ("12bis rue Foch", "12", "12bis rue Foch"),
        ("12 rue Foch", "N° 12", "12 rue Foch"),
        ("12 rue Foch", "012", "12 rue Foch"),
        ("12 rue Foch", "0", "12 rue Foch"),
        ("rue Foch", "-", "rue Foch"),
        ("rue Foch", "12bis", "12 bis rue Foch"),
    ] {
        let read = beside(line, &[("street_number", number)]).map(|street| street.line);
        assert_eq!(read.as_deref(), Some(expected), "{line} and {number}");
    }
    for line in ["Appartement 3, 12 rue X", "Grande Rue", "rue de la Paix"] {
        assert_eq!(beside(line, &[("street_type", "rue")]).map(|street| street.line).as_deref(), Some(line));
    }
    let box_number = beside("BP 45", &[("street_number", "12")]);
    assert_eq!(box_number, Some(Street { line: "12 BP 45".into(), parts: None }));
}

#[test]
fn a_street_is_cleared_or_invalid_as_a_whole() {
    let cell = |row: &[(&str, &str)]| one(row).customer.cell(Field::Street).cloned();
    assert_eq!(cell(&[("street", "")]), Some(Cell::Cleared));
    assert_eq!(cell(&[("street_number", ""), ("street_name", "")]), Some(Cell::Cleared));
    assert_eq!(cell(&[("street_number", "1"), ("street_name", "RenÃ©e")]), Some(Cell::Invalid));
    assert_eq!(cell(&[("city", "Lille")]), None);
    for (line, more) in [
        ("12 rue du Port", ("street_number", "14")),
        ("12 rue du Port", ("street_type", "avenue")),
        ("Appartement 3, 12 rue X", ("street_number", "14")),
        ("Appartement 3, 12 rue X", ("street_type", "avenue")),
    ] {
        let row = [("street", line), more];
        assert_eq!(cell(&row), Some(Cell::Invalid), "nobody can tell which one it is");
        let told: Vec<_> = one(&row).defects.into_iter().map(|defect| defect.column).collect();
        assert_eq!(told, [more.0.into()]);
    }
}

#[test]
fn a_subscription_key_is_recognised() {
    assert_eq!(subscription_field("subscription_12"), Some(Field::Subscription(12)));
    assert_eq!(subscription_field("Subscription 12"), Some(Field::Subscription(12)));
    assert_eq!(subscription_field("Subscription-12"), Some(Field::Subscription(12)));
    for key in [
        "subscription_",
        "subscription_x",
        "subscription_+1",
        "subscription_-1",
        "_subscription_1",
        "subscription_4294967295",
    ] {
        assert_eq!(subscription_field(key), None, "{key}");
    }
}

#[test]
fn the_fingerprint_changes_with_settings_and_header() {
    let print = |settings: &MappingSettings, header: Option<&[&str]>| {
        let header = header.map(names);
        Mapper::new(settings, header.as_deref()).expect("maps").fingerprint()
    };
    let plain = MappingSettings::default();
    let header: &[&str] = &["customer_id", "email"];
    let base = print(&plain, Some(header));
    assert_eq!(base, print(&plain, Some(header)));
    assert_ne!(base, print(&plain, Some(&["customer_id", "city"])));
    assert_ne!(base, print(&plain, None));
    assert_ne!(base, print(&settings(&[("city", "email")]), Some(header)));
    assert_ne!(
        base,
        print(&MappingSettings { default_country: "BE".to_owned(), ..plain.clone() }, Some(header))
    );
    assert_ne!(base, print(&MappingSettings { null_values: vec![], ..plain.clone() }, Some(header)));
    assert_ne!(base, print(&MappingSettings { order_by: Some("email".to_owned()), ..plain }, Some(header)));
}

/// The table of cases in `tests/data/streets.csv`.
#[test]
fn streets_split_as_the_table_says() {
    let table = include_str!("../../tests/data/streets.csv");
    let mut wrong = Vec::new();
    let mut cases = 0;
    for row in table.lines().filter(|row| !row.starts_with('#')) {
        let [line, number, kind, short, name] = row.split(';').collect::<Vec<_>>()[..] else {
            panic!("five cells: {row}")
        };
        let parts = split(line).parts;
        let read = parts.map_or_else(
            || ";;;=".to_owned(),
            |parts| {
                let (kind, short) = parts.kind.map(|kind| (kind.standard, kind.short)).unwrap_or_default();
                format!("{};{kind};{short};{}", parts.number.unwrap_or_default(), parts.name)
            },
        );
        if read != format!("{number};{kind};{short};{name}") {
            wrong.push(format!("{row}\n   -> {read}"));
        }
        cases += 1;
    }
    assert!(cases >= 200, "only {cases} cases");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn split(line: &str) -> Street {
    street_cells::from_cells(street_cells::Cells { line: Some(line), ..street_cells::Cells::default() })
        .expect("nothing beside it")
        .expect("not empty")
}

/// Letters and digits in any order, without what a normal form changes: case, and the "N°" before a number.
fn letters(text: &str) -> Vec<char> {
    let mut letters: Vec<char> =
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
    letters.sort_unstable();
    letters
}

/// Texts as they stand in street columns, put together at random.
fn street_line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[0-9]{1,6}",
        "[a-zA-Zéèç']{1,8}",
        Just("rue".to_owned()),
        Just("av.".to_owned()),
        Just("bis".to_owned()),
        Just("B".to_owned()),
        Just("mai".to_owned()),
        Just("(place du)".to_owned()),
        Just("à".to_owned()),
        Just("-".to_owned()),
        Just(",".to_owned()),
        Just("ZI".to_owned()),
        Just("Grande Rue".to_owned()),
    ];
    proptest::collection::vec(word, 1..7).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn splitting_loses_no_letter_and_no_digit(line in street_line()) {
        let street = split(&line);
        prop_assert_eq!(&street.line, &line);
        if let Some(StreetParts { number, kind, name }) = street.parts {
            let whole = [number, kind.map(|kind| kind.written), Some(name)];
            prop_assert_eq!(letters(&whole.into_iter().flatten().collect::<Vec<_>>().concat()), letters(&line));
        }
    }

    #[test]
    fn no_text_in_any_column_panics(texts in proptest::collection::vec(any::<String>(), 64)) {
        let mapper = Mapper::new(&MappingSettings::default(), None).expect("maps");
        let key = mapper.columns().iter().position(|column| column.field == Field::CustomerId);
        let cell = |index: usize| {
            let text = texts[index % texts.len()].as_str();
            RawCell::Text(Cow::Borrowed(if Some(index) == key { "1" } else { text }))
        };
        let mapped = mapper.map(cell, [], TODAY, FieldSet::default()).expect("has a key");
        prop_assert!(mapped.customer.cells.len() + 3 >= mapper.columns().len() - 1);
        let _order = mapper.order(&texts[0]);
        let _id = mapper.customer_id(&texts[0]);
    }

    #[test]
    fn mapping_the_mapped_text_again_changes_nothing(
        name in "\\PC{0,20}", email in "[a-zA-Z]{1,8}@[a-zA-ZéÉ]{1,8}\\.[a-zA-Z]{2,3}", line in street_line(),
        postal in "(F-)?[0-9]{2} ?[0-9]{3}", naf in "[0-9]{2}\\.?[0-9]{2}[a-zA-Z]", rna in "[wW][0-9]{9}",
    ) {
        let columns = ["last_name", "email", "street", "postal_code", "naf", "rna"];
        let row = |cells: [&str; 6]| one(&columns.into_iter().zip(cells).collect::<Vec<_>>()).customer;
        let once = row([&name, &email, &line, &postal, &naf, &rna]);
        let again = |field: Field, raw: &str| match once.cell(field) {
            Some(Cell::Value(Value::Text(text) | Value::Email(text))) => text.clone(),
            Some(Cell::Value(Value::Street(street))) => street.line.clone(),
            Some(Cell::Value(_) | Cell::Cleared | Cell::Invalid) | None => raw.into(),
        };
        let twice = row([
            &again(Field::LastName, &name),
            &again(Field::Email, &email),
            &again(Field::Street, &line),
            &again(Field::PostalCode, &postal),
            &again(Field::Naf, &naf),
            &again(Field::Rna, &rna),
        ]);
        prop_assert_eq!(once, twice);
    }
}
