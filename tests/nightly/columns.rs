//! Files that do not have every column: what they say nothing about stays, and nothing is made or read without it.

use crmsync::domain::provider::ProviderId;
use serde_json::{Value, json};

use crate::support::{Customer, World, customers};

pub(crate) fn held(world: &World, provider: ProviderId, key: &str) -> Value {
    Value::Object(world.ledger().person(provider, key).expect("known").fields)
}

/// What is made of several columns is not made of some of them.
#[test]
fn a_delta_without_all_columns_of_a_field_leaves_it_as_it_is() {
    let world = World::new();
    let customer = Customer::new(1);
    world.populate(std::slice::from_ref(&customer));
    let header = "customer_id;wallet_id;safedebit_reference;last_name;street;address_apartment;address_building;\
                  mobile_phone;landline_phone;company_registration;siren";
    let row =
        "C00001;W00001;REF00001;Martin;7 rue Pasteur;Apt 4;Bat B;0612345678;0320123456;HRB 123;732829320";
    world.sync(&world.file("crm.csv", &format!("{header}\n{row}\n"))).exits(0);
    let held = |provider, key: &str| held(&world, provider, key);
    let wallet = held(ProviderId::Lemonway, "W00001");
    assert_eq!(wallet["newStreet"], "7 rue Pasteur, Apt 4, Bat B");
    let consumer = held(ProviderId::Safedebit, "REF00001");

    let header = "customer_id;last_name;street;address_building;landline_phone;siren";
    let row = "C00001;Martinez;7 rue Pasteur;Bat B;0320123456;732829320";
    world.on("sync", &world.file("delta.csv", &format!("{header}\n{row}\n")), &["--kind", "delta"]).exits(3);
    let mut expected = wallet;
    expected["newLastName"] = json!("Martinez");
    assert_eq!(held(ProviderId::Lemonway, "W00001"), expected);
    let mut expected = consumer;
    expected["consumer_last_name"] = json!("Martinez");
    assert_eq!(held(ProviderId::Safedebit, "REF00001"), expected);
    assert_eq!(world.report()["providers"]["lemonway"]["incomplete"], 2);
    assert_eq!(world.report()["providers"]["safedebit"]["incomplete"], 2);
    let rejects = world.rejects();
    for field in [
        "newStreet",
        "newCompanyIdentificationNumber",
        "consumer_address_complement",
        "consumer_phone_number",
    ] {
        assert!(rejects.contains(field), "{field}: {rejects}");
    }

    // Nor of those that a complete file has lost, unless somebody says that the CRM has them no more.
    let header = "customer_id;wallet_id;safedebit_reference;last_name;street;address_building";
    let row = "C00001;W00001;REF00001;Martinez;7 rue Pasteur;Bat C";
    let file = world.file("crm.csv", &format!("{header}\n{row}\n"));
    let ran = world.sync(&file).exits(0);
    let gone = "no file has a column for mobile_phone, landline_phone, address_apartment,";
    assert!(ran.out.contains(gone), "{}", ran.out);
    assert_eq!(held(ProviderId::Lemonway, "W00001")["newStreet"], "7 rue Pasteur, Apt 4, Bat B");
    world.on("sync", &file, &["--full-resync", "--allow-mass-change"]).exits(0);
    assert_eq!(held(ProviderId::Lemonway, "W00001")["newStreet"], "7 rue Pasteur, Bat C");
    let row = row.replace("Bat C", "Bat D");
    world.sync(&world.file("crm.csv", &format!("{header}\n{row}\n"))).exits(0);
    assert_eq!(held(ProviderId::Lemonway, "W00001")["newStreet"], "7 rue Pasteur, Bat D");
}

#[test]
fn a_delta_with_a_number_alone_does_not_take_the_place_of_a_whole_line() {
    let world = World::new();
    let customer = Customer::new(1);
    world.populate(std::slice::from_ref(&customer));
    let row = "C00001;W00001;REF00001;7 rue Pasteur;Lille";
    let text = format!("customer_id;wallet_id;safedebit_reference;street;city\n{row}\n");
    world.sync(&world.file("crm.csv", &text)).exits(0);
    for (parts, cells) in [("street_number", "5"), ("street_number;street_type", "5;rue")] {
        let file = world.file("delta.csv", &format!("customer_id;{parts}\nC00001;{cells}\n"));
        let ran = world.on("sync", &file, &["--kind", "delta"]);
        assert!(ran.out.contains("it has parts of streets, but not street,"), "{}", ran.out);
        assert_eq!(held(&world, ProviderId::Lemonway, "W00001")["newStreet"], "7 rue Pasteur", "{parts}");
    }
    let whole =
        world.file("delta.csv", "customer_id;street_number;street_type;street_name\nC00001;5;rue;Foch\n");
    world.on("sync", &whole, &["--kind", "delta"]).exits(0);
    assert_eq!(held(&world, ProviderId::Lemonway, "W00001")["newStreet"], "5 rue Foch");
}

#[test]
fn a_delta_with_some_parts_of_a_street_leaves_the_street_as_it_is() {
    let world = World::new();
    let customer = Customer::new(1);
    world.populate(std::slice::from_ref(&customer));
    let header = "customer_id;wallet_id;safedebit_reference;street_number;street_type;street_name;city";
    let row = "C00001;W00001;REF00001;7;rue;Pasteur;Lille";
    world.sync(&world.file("crm.csv", &format!("{header}\n{row}\n"))).exits(0);
    let file = world.file("delta.csv", "customer_id;street_name;city\nC00001;Voltaire;Lyon\n");
    let ran = world.on("sync", &file, &["--kind", "delta"]).exits(3);
    assert!(ran.out.contains("delta.csv: it has parts of streets, but not street_number"), "{}", ran.out);
    let wallet = held(&world, ProviderId::Lemonway, "W00001");
    assert_eq!((&wallet["newStreet"], &wallet["newCity"]), (&json!("7 rue Pasteur"), &json!("Lyon")));
    // Those for whom nothing else changed are told of, too.
    for delta in [
        "customer_id;street_name\nC00001;Voltaire\n",
        "customer_id;street_number;street_type\nC00001;9;rue\n",
    ] {
        world.on("sync", &world.file("delta.csv", delta), &["--kind", "delta"]).exits(0);
        for provider in ["lemonway", "safedebit"] {
            assert_eq!(world.report()["providers"][provider]["incomplete"], 1, "{provider}: {delta}");
        }
    }
    let record = r#"{"customer_id": "C00001", "street_number": "9", "city": "Metz"}"#;
    world.on("sync", &world.file("delta.jsonl", record), &["--kind", "delta"]).exits(0);
    let wallet = held(&world, ProviderId::Lemonway, "W00001");
    assert_eq!((&wallet["newStreet"], &wallet["newCity"]), (&json!("7 rue Pasteur"), &json!("Metz")));
    let whole = "customer_id;street_number;street_type;street_name;city\nC00001;9;rue;Voltaire;Metz\n";
    world.on("sync", &world.file("delta.csv", whole), &["--kind", "delta"]).exits(0);
    let wallet = held(&world, ProviderId::Lemonway, "W00001");
    assert_eq!((&wallet["newStreet"], &wallet["newCity"]), (&json!("9 rue Voltaire"), &json!("Metz")));
}

/// Left out means unchanged there: half of a new address beside half of the old one is a house that never was.
#[test]
fn a_new_address_or_document_of_which_a_part_cannot_go_stays_out_as_a_whole() {
    let world = World::new();
    let customer = Customer::new(1);
    world.populate(std::slice::from_ref(&customer));
    let header = "customer_id;wallet_id;safedebit_reference;email;street;postal_code;city;identity_document_type;\
                  identity_document_number;identity_document_issued_on";
    let sync = |email: &str, rest: &str, code| {
        let row = format!("C00001;W00001;REF00001;{email};{rest}");
        world.sync(&world.file("crm.csv", &format!("{header}\n{row}\n"))).exits(code);
        let of = |provider, key, names: [&str; 4]| {
            let fields = held(&world, provider, key);
            names.map(|name| fields[name].as_str().unwrap_or("-").to_owned())
        };
        let lemonway =
            of(ProviderId::Lemonway, "W00001", ["newEmail", "newStreet", "newPostCode", "newCity"]);
        let address =
            ["consumer_email", "consumer_address_street_number", "consumer_zip_code", "consumer_city"];
        let document = ["consumer_email", "identity_type", "id_number", "emission_date"];
        [
            lemonway,
            of(ProviderId::Safedebit, "REF00001", address),
            of(ProviderId::Safedebit, "REF00001", document),
        ]
    };
    let all = |texts: [[&str; 4]; 3]| texts.map(|of_one| of_one.map(str::to_owned));
    let first = sync("a@example.org", "12 rue Foch;59000;Lille;passport;12AB34567;2020-01-02", 0);
    let email = ["a@example.org"; 3];
    let lille = |email: [&'static str; 3]| {
        all([
            [email[0], "12 rue Foch", "59000", "Lille"],
            [email[1], "12", "59000", "Lille"],
            [email[2], "3", "12AB34567", "02/01/2020"],
        ])
    };
    assert_eq!(first, lille(email));
    // No number takes the place of the old one at Safedebit; nothing keeps the address from Lemonway.
    let moved = sync("b@example.org", "Le Bourg;23000;Gueret;passport;12AB34567;2020-01-02", 3);
    let mut expected = lille(["b@example.org"; 3]);
    expected[0] = ["b@example.org", "Le Bourg", "23000", "Gueret"].map(str::to_owned);
    assert_eq!(moved, expected);
    // A street that is too long for both, and a number of a document that is too long.
    let long =
        format!("{} Bourg;75001;Paris;identity_card;{};2025-01-02", "Tres long ".repeat(30), "9".repeat(40));
    let moved = sync("c@example.org", &long, 3);
    expected.iter_mut().for_each(|of_one| of_one[0] = "c@example.org".to_owned());
    assert_eq!(moved, expected);
    let moved = sync("c@example.org", "3 rue Basse;75001;Paris;identity_card;123456789;2025-01-02", 0);
    let paris = [
        ["c@example.org", "3 rue Basse", "75001", "Paris"],
        ["c@example.org", "3", "75001", "Paris"],
        ["c@example.org", "1", "123456789", "02/01/2025"],
    ];
    assert_eq!(moved, all(paris));
}

/// Records of JSONL name what the CRM has, as a header does; so does a delta.
#[test]
fn fields_of_records_and_of_deltas_are_known_as_those_of_a_header() {
    let full = json!({"customer_id": "C00001", "wallet_id": "W00001", "safedebit_reference": "REF00001", "street": "1 rue A",
        "address_apartment": "A4", "mobile_phone": "0612345678", "landline_phone": "0320123456"});
    let first = [
        ("crm.jsonl", format!("{full}\n"), "full"),
        ("some.jsonl", format!("{full}\n"), "delta"),
        (
            "some.csv",
            "customer_id;wallet_id;safedebit_reference;street;address_apartment;mobile_phone;landline_phone\n\
             C00001;W00001;REF00001;1 rue A;A4;0612345678;0320123456\n"
                .to_owned(),
            "delta",
        ),
    ];
    let record = json!({"customer_id": "C00001", "street": "2 rue A", "landline_phone": "0320123457"});
    let deltas = [
        ("delta.jsonl", format!("{record}\n")),
        ("delta.csv", "customer_id;street;landline_phone\nC00001;2 rue A;0320123457\n".to_owned()),
    ];
    for (name, text, kind) in &first {
        for (delta, changes) in &deltas {
            let world = World::new();
            world.populate(std::slice::from_ref(&Customer::new(1)));
            world.on("sync", &world.file(name, text), &["--kind", kind]).exits(0);
            world.on("sync", &world.file(delta, changes), &["--kind", "delta"]).exits(3);
            let wallet = held(&world, ProviderId::Lemonway, "W00001");
            assert_eq!(wallet["newStreet"], "1 rue A, A4", "{name} {delta}");
            assert_eq!(wallet["newPhoneNumber"], "33320123457", "{name} {delta}");
            let consumer = held(&world, ProviderId::Safedebit, "REF00001");
            assert_eq!(consumer["consumer_phone_number"], "0612345678", "{name} {delta}");
            assert_eq!(world.report()["providers"]["safedebit"]["incomplete"], 1, "{name} {delta}");
        }
    }
}

/// A record of a complete file leaves out what the CRM has not: it is no column that was lost, unless it is in no record.
#[test]
fn records_of_a_complete_file_may_leave_out_what_is_empty() {
    let world = World::new();
    world.populate(&customers(2));
    let file = |street: &str, more: [&str; 2]| {
        let record = |(n, more): (usize, &&str)| {
            format!(
                "{{\"customer_id\": \"C0000{n}\", \"wallet_id\": \"W0000{n}\", \"street\": \"{street}\"{more}}}\n"
            )
        };
        world.file("crm.jsonl", &(1..).zip(&more).map(record).collect::<String>())
    };
    let apartment = r#", "address_apartment": "A4""#;
    let street = || held(&world, ProviderId::Lemonway, "W00001")["newStreet"].clone();
    world.sync(&file("1 rue A", [apartment, apartment])).exits(0);
    world.sync(&file("2 rue A", ["", apartment])).exits(0);
    assert_eq!(street(), "2 rue A");
    let ran = world.sync(&file("3 rue A", [""; 2])).exits(3);
    assert!(ran.out.contains("no file has a column for address_apartment, which earlier"), "{}", ran.out);
    assert_eq!(street(), "2 rue A");
    world.on("sync", &file("3 rue A", [""; 2]), &["--full-resync", "--allow-mass-change"]).exits(0);
    assert_eq!(street(), "3 rue A");
}

/// A key that the CRM has renamed says nothing any more, which somebody has to be told.
#[test]
fn a_key_that_is_in_no_record_any_more_is_told_of() {
    let world = World::new();
    world.populate(&customers(2));
    let file = |key: &str, email: &str| {
        let record = |n| json!({"customer_id": format!("C0000{n}"), "wallet_id": format!("W0000{n}"), key: format!("{email}.{n}@example.org")});
        world.file("crm.jsonl", &format!("{}\n{}\n", record(1), record(2)))
    };
    world.configure("[columns]\nemail = \"EMAIL\"\n", &[]);
    world.sync(&file("EMAIL", "a")).exits(0);
    for command in ["plan", "sync"] {
        let ran = world.on(command, &file("MAILADR", "b"), &["--allow-mass-change"]).exits(0);
        assert!(ran.out.contains("no file has a column for email, which earlier files have"), "{}", ran.out);
    }
    let unchanged = world.sync(&file("MAILADR", "b")).exits(0);
    assert!(!unchanged.out.contains("no file has"), "nobody was compared: {}", unchanged.out);
}

/// What only organisations have is not sent for somebody who may be a private person.
#[test]
fn company_numbers_do_not_go_where_the_file_lacks_what_the_customer_is() {
    let world = World::new();
    world.populate(std::slice::from_ref(&Customer::new(1)));
    let row = "C00001;REF00001;person;;Martin";
    let header = "customer_id;safedebit_reference;customer_type;siren;last_name";
    world.sync(&world.file("crm.csv", &format!("{header}\n{row}\n"))).exits(0);
    let delta = "customer_id;siren;last_name\nC00001;732829320;Martinez\n";
    world.on("sync", &world.file("delta.csv", delta), &["--kind", "delta"]).exits(3);
    let consumer = held(&world, ProviderId::Safedebit, "REF00001");
    assert_eq!(consumer["consumer_last_name"], "Martinez");
    assert!(consumer.get("siren").is_none_or(Value::is_null), "{consumer}");
    assert_eq!(world.report()["providers"]["safedebit"]["incomplete"], 1);
}

/// Somebody new without the type of the identifier would be nobody's, silently.
#[test]
fn somebody_new_without_the_type_of_the_identifier_is_told_of() {
    let world = World::new();
    world.populate(std::slice::from_ref(&Customer::new(1)));
    let header = "customer_id;person_identifier_type;person_identifier;last_name";
    world.sync(&world.file("crm.csv", &format!("{header}\nC00001;1;1000001;Martin\n"))).exits(0);
    let delta = "customer_id;person_identifier;last_name\nC00001;1000001;Martinez\nC00002;1000002;Petit\n";
    world.on("sync", &world.file("delta.csv", delta), &["--kind", "delta"]).exits(3);
    assert!(world.rejects().contains("an earlier file has the column"), "{}", world.rejects());
    assert_eq!(world.report()["providers"]["wsone"]["acknowledged"]["update"], 1);
}

/// Whose type it is, a delta without that column does not say.
#[test]
fn another_identifier_without_its_type_reaches_no_account() {
    let world = World::new();
    world.populate(&customers(2));
    let header = "customer_id;person_identifier_type;person_identifier;last_name";
    let file = |name: &str| format!("{header}\nC00001;1;7700000001;{name}\nC00002;1;7700000002;Petit\n");
    world.sync(&world.file("crm.csv", &file("Martin"))).exits(0);
    let swapped = [("C00001", "7700000002", "Annabel"), ("C00002", "7700000001", "Bertrand")];
    let csv = swapped.map(|(id, key, name)| format!("{id};{key};{name}a\n")).concat();
    let csv = world.file("delta.csv", &format!("customer_id;person_identifier;last_name\n{csv}"));
    let record = |(id, key, name): (&str, &str, &str)| {
        format!("{}\n", json!({"customer_id": id, "person_identifier": key, "last_name": name}))
    };
    let jsonl = world.file("delta.jsonl", &swapped.map(record).concat());
    world.ledger().reset();
    // The second one is no news.
    for (delta, exit) in [(csv, 3), (jsonl, 0)] {
        world.on("sync", &delta, &["--kind", "delta"]).exits(exit);
        assert!(world.rejects().contains("where the identifier is another one"), "{}", world.rejects());
        assert_eq!(world.requests(ProviderId::Wsone), 0);
        let listed =
            world.run(&["rejects", "list", "--code", "IdentifierRequest.identifierType"]).exits(0).out;
        assert_eq!(listed.lines().count(), 3, "{listed}");
    }
    world.sync(&world.file("crm.csv", &file("Martinez"))).exits(0);
    assert_eq!(world.requests(ProviderId::Wsone), 1);
    assert!(world.run(&["rejects", "list"]).exits(0).out.contains("nothing is refused"));
}

/// Of another type it is another person's account; an identifier that is not there does not make it the known one.
#[test]
fn another_type_without_its_identifier_reaches_no_account() {
    let world = World::new();
    world.populate(&customers(1));
    let header = "customer_id;person_identifier_type;person_identifier;last_name";
    world
        .sync(&world.file("crm.csv", &format!("{header}\nC00001;1;7700000001;Martin\nC00002;;;Petit\n")))
        .exits(0);
    let delta = |kind: &str, name: &str| {
        let record = |id| json!({"customer_id": id, "person_identifier_type": kind, "last_name": name});
        world.file("delta.jsonl", &format!("{}\n{}\n", record("C00001"), record("C00002")))
    };
    world.ledger().reset();
    let sync = |kind: &str, name: &str| world.on("sync", &delta(kind, name), &["--kind", "delta"]);
    for (kind, told) in [("2", "its type is another one"), ("zz", "is not a whole number")] {
        sync("1", if kind == "2" { "Martinez" } else { "Martinet" }).exits(0);
        assert_eq!(world.requests(ProviderId::Wsone), 1, "the known account, of that type");
        world.ledger().reset();
        sync(kind, "Annabel").exits(3);
        assert!(world.rejects().contains(told), "{kind}: {}", world.rejects());
        assert_eq!(world.requests(ProviderId::Wsone), 0);
    }
}

/// Without the column of keys a row is for the account that the customer has, not for one that it once had.
#[test]
fn a_row_without_the_key_reaches_no_account_that_the_crm_has_taken_back() {
    let header = "customer_id;wallet_id;city";
    for (second, settled) in [
        ("C00001;;Lille\nC00002;W00001;Metz", false),
        ("C00001;;Lille", false),
        ("C00001;W00003;Lille", true),
    ] {
        let world = World::new();
        world.populate(&customers(3));
        world.sync(&world.file("crm.csv", &format!("{header}\nC00001;W00001;Lille\n"))).exits(0);
        let wallet = |key: &str| held(&world, ProviderId::Lemonway, key)["newCity"].clone();
        let ran = world.sync(&world.file("crm.csv", &format!("{header}\n{second}\n")));
        assert!([0, 3].contains(&ran.code), "{}", ran.err);
        let listed = world.run(&["rejects", "list", "--json"]).exits(0).out;
        if settled {
            let listed: Value = serde_json::from_str(&listed).expect("JSON");
            world.run(&["resolve", &listed[0]["call"].to_string(), "--abandon"]).exits(0);
        }
        let delta = |city: &str| {
            let file = world.file("delta.csv", &format!("customer_id;city\nC00001;{city}\n"));
            world.on("sync", &file, &["--kind", "delta"])
        };
        delta("Lyon").exits(3);
        assert_eq!(wallet("W00001"), "Lille", "{second}");
        assert!(world.rejects().contains("send the key along"), "{}", world.rejects());
        // Of what is no matter of that provider nothing is told.
        let other = world.file("other.csv", "customer_id;iban\nC00001;FR7630006000011234567890189\n");
        world.on("sync", &other, &["--kind", "delta"]).exits(0);
        // A file that names the account again.
        let back = world.file("crm.csv", &format!("{header}\nC00001;W00001;Nice\n"));
        world.on("sync", &back, &["--allow-mass-change"]).exits(0);
        delta("Brest").exits(0);
        assert_eq!(wallet("W00001"), "Brest", "{second}");
    }
}

#[test]
fn a_row_without_the_key_reaches_the_account_that_was_released() {
    let world = World::new();
    world.populate(&customers(3));
    let header = "customer_id;wallet_id;city";
    world.sync(&world.file("crm.csv", &format!("{header}\nC00001;W00001;Lille\n"))).exits(0);
    world.sync(&world.file("crm.csv", &format!("{header}\nC00001;W00003;Lille\n"))).exits(3);
    world.run(&["rejects", "release", "--provider", "lemonway"]).exits(0);
    world.run(&["resume"]).exits(0);
    let delta = world.file("delta.csv", "customer_id;city\nC00001;Lyon\n");
    world.on("sync", &delta, &["--kind", "delta"]).exits(0);
    assert_eq!(held(&world, ProviderId::Lemonway, "W00003")["newCity"], "Lyon");
    assert_eq!(held(&world, ProviderId::Lemonway, "W00001")["newCity"], "Lille");
}

/// A complete file without the type of the identifier means the configured one, for newcomers too.
#[test]
fn a_newcomer_of_a_complete_file_without_the_type_of_the_identifier_is_created() {
    let world = World::new();
    let types = world.file(
        "crm.csv",
        "customer_id;person_identifier_type;person_identifier;last_name\nC00001;1;1000001;Martin\n",
    );
    world.sync(&types).exits(0);
    let header = "customer_id;person_identifier;last_name";
    let file = world.file("crm.csv", &format!("{header}\nC00001;1000001;Martin\nC00002;1000002;Petit\n"));
    world.on("sync", &file, &["--allow-mass-change"]).exits(0);
    assert!(world.ledger().person(ProviderId::Wsone, "1:1000002").is_some());
}

/// What a file of rejects has for columns says nothing of the CRM.
#[test]
fn a_file_of_rejects_teaches_no_fields() {
    let world = World::new();
    world.populate(std::slice::from_ref(&Customer::new(1)));
    let header = "customer_id;wallet_id;street";
    world.sync(&world.file("crm.csv", &format!("{header}\nC00001;W00001;1 rue A\n"))).exits(0);
    let rejects = "_row,_customer_id,_reason,customer_id,address_building\n2,C00001,,C00001,\n";
    world.on("sync", &world.file("corrected.csv", rejects), &["--kind", "delta"]).exits(0);
    let delta = world.file("delta.csv", "customer_id;street\nC00001;2 rue A\n");
    world.on("sync", &delta, &["--kind", "delta"]).exits(0);
    assert_eq!(held(&world, ProviderId::Lemonway, "W00001")["newStreet"], "2 rue A");
}

/// A complete export that leaves out what is empty says with the same record what the delta had left open.
#[test]
fn what_a_delta_left_open_goes_with_the_next_complete_file() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let record = |number: usize, rest: Value| {
        let mut record = json!({
            "customer_id": format!("C0000{number}"), "wallet_id": format!("W0000{number}"), "last_name": "Martin",
        });
        record.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
        format!("{record}\n")
    };
    let first = record(1, json!({ "street": "7 rue Pasteur", "address_locality": "Le Bourg" }));
    let before = record(2, json!({ "street": "8 rue Pasteur", "address_locality": "Le Bourg" }));
    let after = record(2, json!({ "street": "9 rue Pasteur" }));
    let street = || held(&world, ProviderId::Lemonway, "W00002")["newStreet"].clone();
    world.sync(&world.file("crm.jsonl", &format!("{first}{before}"))).exits(0);
    assert_eq!(street(), "8 rue Pasteur, Le Bourg");
    world.on("sync", &world.file("delta.jsonl", &after), &["--kind", "delta"]).exits(3);
    assert_eq!(street(), "8 rue Pasteur, Le Bourg");
    let complete = world.file("crm.jsonl", &format!("{first}{after}"));
    world.sync(&complete).exits(0);
    assert_eq!(street(), "9 rue Pasteur");
    world.ledger().reset();
    world.sync(&complete).exits(0);
    assert!(world.ledger().entries().is_empty());
}

#[test]
fn a_column_that_is_gone_is_told_of_whatever_it_is() {
    let world = World::new();
    world.populate(&[Customer::new(1)]);
    let row = "C00001;W00001;a@example.org;non";
    let head = "customer_id;wallet_id;email;email_opt_in";
    world.sync(&world.file("crm.csv", &format!("{head}\n{row}\n"))).exits(0);
    let renamed = format!("{}\nC00001;W00001;b@example.org;oui\n", head.replace(";email;", ";mail_client;"));
    let ran = world.sync(&world.file("crm.csv", &renamed)).exits(0);
    assert!(ran.out.contains("no file has a column for email, which earlier files have"), "{}", ran.out);
    let ran = world.run(&[
        "plan",
        world.file("crm.csv", "customer_id;email\nC00001;b@example.org\n").to_str().expect("utf-8"),
    ]);
    assert!(ran.out.contains("no file has a column for wallet_id, email_opt_in,"), "{}{}", ran.out, ran.err);
}

/// A consent in a column that nobody reads is a consent that nobody honours.
#[test]
fn a_column_that_is_called_like_a_subscription_and_is_none_is_told_of() {
    let world = World::new();
    let head = "customer_id;wallet_id;subscription_12";
    let told = |column: &str| {
        let file = world.file("crm.csv", &format!("{head};{column}\nC1;W00001;1;1\n"));
        world.on("plan", &file, &[]).exits(0).out
    };
    assert!(told("subscription_abc").contains("its column `subscription_abc` is no subscription"));
    assert!(!told("Subscriptions").contains("is no subscription"));
}
