//! Half of something new beside half of the old one is something that never was: addresses, documents, companies.

use super::world::{SAFEDEBIT, World, planned};
use crate::domain::provider::ProviderId::Safedebit;
use crate::ingest::Mode;

/// What the second file brings of a customer whom the first one has brought, by the names of the wire.
fn brought(settings: &str, first: &str, second: &str) -> (Vec<(String, String)>, usize) {
    let mut world = World::new(&format!("{SAFEDEBIT}{settings}"));
    world.sync(first);
    assert_eq!(world.deliver(Safedebit), 1);
    let outcome = world.sync(second);
    let calls = world.queue(Safedebit).into_iter().flat_map(|(_, _, values)| values);
    (calls.collect(), outcome.rejects.len())
}

const ADDRESS: &str =
    "customer_id,safedebit_reference,street,address_apartment,postal_code,city,country,email\n";
const DOCUMENT: &str = "customer_id,safedebit_reference,identity_document_type,identity_document_number,identity_document_issued_on,identity_document_expires_on\n";
const COMPANY: &str = "customer_id,safedebit_reference,customer_type,company_name,siren,nic\n";

/// A value that the CRM cleared stays there, where nothing empty is sent: what is new does not go beside it.
#[test]
fn nothing_new_goes_beside_a_part_that_was_cleared_and_stays() {
    let cases = [
        (ADDRESS, "12 rue de Lille,Apt 4,59000,Lille,FR,a@x.fr", "5 rue Main,,,Dublin,IE,a@x.fr"),
        (DOCUMENT, "CNI,123456789,30/05/2020,30/05/2025", "passeport,18AB12345,01/02/2026,"),
        (COMPANY, "company,ACME,732829320,00074", "company,ACME,552100554,"),
    ];
    for (head, before, after) in cases {
        let file = |row: &str| format!("{head}C1,S1,{row}\n");
        let (values, told) = brought("", &file(before), &file(after));
        assert_eq!(values, [], "{after}");
        assert!(told > 0, "{after}");
    }
}

/// Files of one country often leave it blank.
#[test]
fn a_country_that_was_cleared_does_not_keep_a_new_house_back() {
    let file = |row: &str| format!("{ADDRESS}C1,S1,{row}\n");
    let before = file("12 rue de Lille,,59000,Lille,FR,a@x.fr");
    let (values, told) = brought("", &before, &file("5 rue Haute,,75001,Paris,,a@x.fr"));
    assert!(values.iter().any(|(_, value)| value == "75001"), "{values:?}");
    assert_eq!(told, 0);
}

/// Of whoever moves out of a flat, the house is the new one.
#[test]
fn a_flat_that_was_cleared_does_not_keep_the_new_house_back() {
    let file = |row: &str| format!("{ADDRESS}C1,S1,{row}\n");
    let before = file("12 rue de Lille,Apt 4,59000,Lille,FR,a@x.fr");
    let (values, told) = brought("", &before, &file("5 rue Haute,,75001,Paris,FR,a@x.fr"));
    let has = |wanted: &str| values.iter().any(|(_, value)| value == wanted);
    assert!(has("75001") && has("Paris") && has("5"), "{values:?}");
    assert_eq!(told, 0);
}

#[test]
fn what_was_cleared_alone_keeps_nothing_else_back() {
    let file = |row: &str| format!("{ADDRESS}C1,S1,{row}\n");
    let before = file("12 rue de Lille,Apt 4,59000,Lille,FR,a@x.fr");
    let (values, told) = brought("", &before, &file("12 rue de Lille,,59000,Lille,FR,b@x.fr"));
    let names: Vec<&str> = values.iter().map(|(name, _)| &**name).collect();
    assert_eq!((names, told), (vec!["consumer_email"], 0));
}

/// A column may hold SIRETs and SIRENs.
#[test]
fn the_nic_of_an_earlier_siret_does_not_stay_beside_another_siren() {
    let file =
        |siren: &str| format!("customer_id,safedebit_reference,customer_type,siren\nC1,S1,company,{siren}\n");
    let (values, told) = brought("", &file("73282932000074"), &file("552100554"));
    assert_eq!(values, []);
    assert!(told > 0);
    // The same company without its establishment is the same company.
    let (values, told) = brought("", &file("73282932000074"), &file("732829320"));
    assert_eq!((values, told), (vec![], 0));
}

#[test]
fn who_was_a_company_and_is_a_person_has_nothing_of_the_company_any_more() {
    let file = |row: &str| format!("{COMPANY}C1,S1,{row}\n");
    let company = file("company,ACME,732829320,");
    let mut world = World::new(SAFEDEBIT);
    world.sync(&company);
    world.deliver(Safedebit);
    let outcome = world.sync(&file("person,,,"));
    assert_eq!(planned(&outcome, Safedebit), (0, 1));
    assert!(outcome.providers[&Safedebit].cleared_fields >= 2, "{outcome:?}");
    let (values, _) = brought("on_cleared = \"send_empty\"\n", &company, &file("person,,,"));
    let left = [("consumer_type", "0"), ("social_reference", "")];
    assert_eq!(values, left.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

/// A house number that an older row says beside another street.
#[test]
fn the_number_of_another_street_does_not_go_along() {
    let head = "customer_id,safedebit_reference";
    let first = format!("{head},street_number,street_name\nC1,S1,12,rue de Lille\n");
    for (second, is_whole) in [
        ("street_name\nC1,S1,avenue Foch\n", false),
        ("street_name\nC1,S1,RUE DE LILLE\n", true),
        ("street_name\nC1,S1,R. de LILLE\n", true),
        ("street_number,street_name\nC1,S1,5,avenue Foch\n", true),
    ] {
        let mut world = World::new(SAFEDEBIT);
        let files = [world.write("a.csv", &first), world.write("b.csv", &format!("{head},{second}"))];
        world.take(Mode::Sync, &files).expect("accepted");
        let calls = world.queue(Safedebit).into_iter().flat_map(|(_, _, values)| values);
        let has_street = calls.filter(|(name, _)| name.contains("street")).count() > 0;
        assert_eq!(has_street, is_whole, "{second}");
    }
}

/// However many rows say something of a street, each says it of its own.
#[test]
fn of_three_rows_the_number_is_that_of_the_newest_street() {
    let head = "customer_id,safedebit_reference";
    let rows = ["12,rue de Lille", "5,avenue Foch"];
    let [one, two] = rows.map(|row| format!("{head},street_number,street_name\nC1,S1,{row}\n"));
    for (third, number) in [
        ("street_name\nC1,S1,quai Voltaire\n", None),
        ("street_name\nC1,S1,av. Foch\n", Some("5")),
        ("street_number\nC1,S1,7\n", Some("7")),
        ("street_number,street\nC1,S1,9,quai Voltaire\n", Some("9")),
    ] {
        let mut world = World::new(SAFEDEBIT);
        let third_file = format!("{head},{third}");
        let files = [("a.csv", &one), ("b.csv", &two), ("c.csv", &third_file)];
        let files = files.map(|(name, text)| world.write(name, text));
        world.take(Mode::Sync, &files).expect("accepted");
        let mut values = world.queue(Safedebit).into_iter().flat_map(|(_, _, values)| values);
        let sent = values.find(|(name, _)| name.ends_with("street_number")).map(|(_, value)| value);
        assert_eq!(sent.as_deref(), number, "{third}");
    }
}
