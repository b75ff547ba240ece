//! National telephone numbers: read in the light of the country that the customer has, or not at all.

use crmsync::domain::provider::ProviderId;

use crate::columns::held;
use crate::support::{Customer, World};

/// The same digits are somebody else's number in another country.
#[test]
fn a_national_number_goes_without_its_country_only_where_that_is_known_to_be_the_configured_one() {
    let number = |world: &World| held(world, ProviderId::Lemonway, "W00001")["newMobileNumber"].clone();
    for (country, first, expected) in [
        ("France", "33612345678", "33611111111"),
        ("Suisse", "41612345678", "41612345678"),
        ("", "33612345678", "33611111111"),
    ] {
        let world = World::new();
        world.populate(std::slice::from_ref(&Customer::new(1)));
        let header = "customer_id;wallet_id;safedebit_reference;country;mobile_phone;city";
        let row = format!("C00001;W00001;REF00001;{country};06 12 34 56 78;Bern");
        world.sync(&world.file("crm.csv", &format!("{header}\n{row}\n"))).exits(0);
        let held_first = number(&world);
        let delta = |columns: &str, row: &str| {
            let file = world.file("delta.csv", &format!("customer_id;{columns}\nC00001;{row}\n"));
            let ran = world.on("sync", &file, &["--kind", "delta"]);
            assert!([0, 3].contains(&ran.code), "{}", ran.err);
        };
        if country != "Suisse" {
            assert_eq!(held_first, first);
        }
        delta("mobile_phone;city", "06 11 11 11 11;Genf");
        let incomplete = if country == "Suisse" { 1 } else { 0 };
        assert_eq!(world.report()["providers"]["lemonway"]["incomplete"], incomplete, "{country}");
        assert_eq!(held(&world, ProviderId::Lemonway, "W00001")["newCity"], "Genf", "the rest goes");
        if country == "Suisse" {
            assert_eq!(number(&world), held_first);
        } else {
            assert_eq!(number(&world), expected, "{country}");
        }
        // A number that says its country itself, and one beside its country.
        delta("mobile_phone", "+41 79 123 45 67");
        assert_eq!(number(&world), "41791234567");
        delta("mobile_phone;country", "079 123 45 68;Suisse");
        assert_eq!(number(&world), "41791234568");
    }
}

#[test]
fn a_national_number_beside_a_country_that_nobody_understands_is_refused() {
    let world = World::new();
    world.populate(std::slice::from_ref(&Customer::new(1)));
    let header = "customer_id;wallet_id;country;mobile_phone";
    world.sync(&world.file("crm.csv", &format!("{header}\nC00001;W00001;CH;079 123 45 67\n"))).exits(0);
    world.sync(&world.file("crm.csv", &format!("{header}\nC00001;W00001;Suise;079 123 45 67\n"))).exits(3);
    assert_eq!(held(&world, ProviderId::Lemonway, "W00001")["newMobileNumber"], "41791234567");
    assert!(world.rejects().contains("is not an international number"), "{}", world.rejects());
}

/// The number of somebody else, in the country that is configured: a row may leave the country out, a file its customer, and the
/// CRM may have taken it back.
#[test]
fn a_national_number_is_not_read_by_the_configured_country_where_the_provider_holds_another() {
    let belgian = |world: &World| {
        let wallet = held(world, ProviderId::Lemonway, "W00001");
        [&wallet["newCtry"], &wallet["newMobileNumber"]].map(|value| value.as_str().unwrap_or("-").to_owned())
    };
    let world = || {
        let world = World::new();
        world.populate(&[Customer::new(1)]);
        world
    };
    let first = ["BEL", "32470123456"].map(str::to_owned);

    let in_json = world();
    let record = |rest: &str| format!("{{\"customer_id\": \"C00001\", \"wallet_id\": \"W00001\", {rest}}}");
    let row = record("\"country\": \"BE\", \"mobile_phone\": \"0470123456\"");
    in_json.sync(&in_json.file("crm.jsonl", &row)).exits(0);
    assert_eq!(belgian(&in_json), first);
    let row = record("\"mobile_phone\": \"0470999999\"");
    let ran = in_json.sync(&in_json.file("crm.jsonl", &row)).exits(3);
    assert_eq!(belgian(&in_json), first, "{}", ran.out);
    let row = record("\"country\": \"BE\", \"mobile_phone\": \"0470999999\"");
    in_json.sync(&in_json.file("crm.jsonl", &row)).exits(0);
    assert_eq!(belgian(&in_json)[1], "32470999999");

    let in_two = world();
    let phones = |number| {
        in_two.file("p.csv", &format!("customer_id;wallet_id;mobile_phone\nC00001;W00001;{number}\n"))
    };
    let countries =
        |row: &str| in_two.file("a.csv", &format!("customer_id;country;city\nC00002;BE;Gand\n{row}"));
    let both = |number, row: &str| {
        let files = [phones(number), countries(row)].map(|file| file.to_str().expect("utf-8").to_owned());
        in_two.run(&["sync", &files[0], &files[1]])
    };
    both("0470123456", "C00001;BE;Liege\n").exits(0);
    assert_eq!(belgian(&in_two), first);
    both("0470999999", "").exits(3);
    assert_eq!(belgian(&in_two), first);

    let emptied = world();
    let row = |country| {
        emptied.file(
            "crm.csv",
            &format!("customer_id;wallet_id;country;mobile_phone\nC00001;W00001;{country};0470123456\n"),
        )
    };
    emptied.sync(&row("BE")).exits(0);
    emptied.sync(&row("")).exits(3);
    assert_eq!(belgian(&emptied), first);
}

/// That a number was kept back once does not say that its owner has no country.
#[test]
fn a_number_that_was_kept_back_is_kept_back_again_until_a_record_tells_the_country() {
    let world = World::new();
    world.populate(&[Customer::new(1), Customer::new(2)]);
    let key = "\"customer_id\": \"C00002\", \"wallet_id\": \"W00002\"";
    let first = "{\"customer_id\": \"C00001\", \"wallet_id\": \"W00001\", \"country\": \"FR\"}\n";
    let delta = |rest: &str| {
        let record = format!("{{{key}, \"mobile_phone\": \"0470123456\", {rest}}}\n");
        world.on("sync", &world.file("delta.jsonl", &record), &["--kind", "delta"])
    };
    let number = || {
        let wallet = world.ledger().person(ProviderId::Lemonway, "W00002").expect("known").fields;
        wallet.get("newMobileNumber").cloned().unwrap_or_default()
    };
    world.sync(&world.file("crm.jsonl", first)).exits(0);
    let untold = number();
    for last in ["Petit", "Grand", "Grand"] {
        delta(&format!("\"last_name\": \"{last}\""));
        assert_eq!(number(), untold, "{last}");
        assert_ne!(world.report()["providers"]["lemonway"]["incomplete"], 0);
    }
    delta("\"country\": \"BE\"").exits(0);
    assert_eq!(number(), "32470123456");
    delta("\"last_name\": \"Petit\"").exits(3);
    assert_eq!(number(), "32470123456");
}

/// What was wrong about a number says nothing about the country.
#[test]
fn a_number_that_was_not_valid_goes_once_it_is() {
    let world = World::new();
    world.populate(&[Customer::new(1), Customer::new(2)]);
    let full = "customer_id;wallet_id;country;mobile_phone\nC00001;W00001;;0612345678\nC00002;W00002;FR;\n";
    world.sync(&world.file("crm.csv", full)).exits(0);
    let delta = |number: &str| {
        let file = world.file("delta.csv", &format!("customer_id;mobile_phone\nC00001;{number}\n"));
        world.on("sync", &file, &["--kind", "delta", "--allow-mass-change"])
    };
    let number = || held(&world, ProviderId::Lemonway, "W00001")["newMobileNumber"].clone();
    assert_eq!(number(), "33612345678");
    delta("O612").exits(3);
    delta("0698765432").exits(0);
    assert_eq!(number(), "33698765432");
}

/// Where the provider takes the blank, no country is the old one any more.
#[test]
fn a_country_that_is_taken_away_keeps_no_number_back() {
    let world = World::new();
    world.configure("", &[("wsone", "on_cleared = \"send_empty\"\n")]);
    world.knows(ProviderId::Wsone, "1:7700000001");
    let file = |country: &str, mobile: &str| {
        let header = "customer_id;person_identifier;last_name;mobile_phone;country";
        world.file("crm.csv", &format!("{header}\nC00001;7700000001;Martin;{mobile};{country}\n"))
    };
    world.sync(&file("DE", "+4915123456789")).exits(0);
    world.sync(&file("", "0612345678")).exits(0);
    assert_eq!(world.report()["providers"]["wsone"]["incomplete"], 0);
}
