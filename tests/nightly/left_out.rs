//! What a provider does not get although the CRM has it: it is told of as long as it is so, and nothing else goes in its place.

use crmsync::domain::provider::ProviderId;
use serde_json::{Value, json};

use crate::policies::{entries, settled, settled_with, sync_row};
use crate::support::{Customer, World, customers};

/// A run replaces what the state has in clear before it compares; a plan only looks.
#[test]
fn a_plan_completes_no_object_from_values_that_are_no_longer_kept_in_clear() {
    let (world, _) = settled_with("values = \"clear\"\n", &[]);
    world.configure("", &[]);
    let delta = world.file("delta.csv", "customer_id;first_name\nC00001;Paul\n");
    let plan = crate::care::json(&world.on("plan", &delta, &["--kind", "delta", "--json"]).exits(0));
    world.on("sync", &delta, &["--kind", "delta"]).exits(3);
    assert_eq!(plan["providers"][0]["update"], 0, "{plan}");
    assert_eq!(world.report()["providers"]["wsone"]["planned"]["update"], 0);
}

#[test]
fn a_street_goes_whole_or_not_at_all() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    let mut street = |line: &str| {
        people[0].street = line.to_owned();
        let ran = world.sync(&world.csv("crm.csv", &people));
        assert!([0, 3].contains(&ran.code), "{}", ran.err);
        let consumer = world.ledger().person(ProviderId::Safedebit, "REF00001").expect("known").fields;
        let part = |part: &str| consumer[&format!("consumer_address_street_{part}")].clone();
        (part("number"), part("type"), part("name"))
    };
    let old = street("5 avenue Foch");
    assert_eq!(old, (json!("5"), json!("avenue"), json!("Foch")));
    let long = format!("12 rue {}", "n".repeat(71));
    assert_eq!(street(&long), old, "a new number beside an old name is nobody's address");
    assert_eq!(street("rue de la Paix"), old, "the old number beside a new name is not either");
    // Told of as long as it is so, and not on that night alone.
    let list = || world.run(&["rejects", "list", "--provider", "safedebit"]).exits(0).out;
    assert!(list().contains("consumer_address_street_number"), "{}", list());
    people[0].street = "8 rue de la Paix".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert!(!list().contains("consumer_address_street_number"), "{}", list());
}

/// The number cannot be sent as empty: the address is sent as the documents' examples do without one.
#[test]
fn a_street_that_loses_its_number_alone_goes_to_wsone_without_it_and_once() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let mut night = |street: &str, last: &str| {
        world.ledger().reset();
        (people[0].street, people[0].last) = (street.to_owned(), last.to_owned());
        let ran = world.sync(&world.csv("crm.csv", &people));
        // Safedebit keeps the old number and says so.
        assert!([0, 3].contains(&ran.code), "{}", ran.err);
        let entries = world.ledger().entries();
        let mine = entries.iter().filter(|entry| entry.provider == ProviderId::Wsone);
        let bodies =
            mine.map(|one| serde_json::from_str::<Value>(one.fields.as_ref().expect("applied").get()));
        bodies.collect::<Result<Vec<_>, _>>().expect("JSON")
    };
    night("12 rue de la Paix", "Durand");
    let bodies = night("rue de la Paix", "Durand");
    let [body] = &bodies[..] else { unreachable!("one call: {bodies:?}") };
    let address = &body["ContactsRequest"]["AddressRequest"];
    assert_eq!((&address["address3Num"], &address["address3Name"]), (&Value::Null, &json!("de la Paix")));
    let bodies = night("rue de la Paix", "Dupont");
    assert!(matches!(&bodies[..], [body] if body.get("ContactsRequest").is_none()), "{bodies:?}");
}

#[test]
fn a_plan_shows_old_and_new_values_where_the_state_keeps_them_in_clear_and_nowhere_else() {
    for (values, shown) in [("hashed", false), ("clear", true)] {
        let world = World::new();
        world.configure(&format!("values = \"{values}\""), &[]);
        let mut people = customers(2);
        world.populate(&people);
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        let old = std::mem::replace(&mut people[0].email, "newer@example.org".to_owned());
        people.push(Customer::new(3));
        let file = world.csv("crm.csv", &people);
        let plan = world.on("plan", &file, &["--json"]).exits(0).out;
        let plan: Value = serde_json::from_str(&plan).expect("JSON");
        let lines = plan["values"].as_array().expect("a list").clone();
        let text = world.on("plan", &file, &[]).exits(0).out;
        assert_eq!((lines.len(), text.contains(&old)), (if shown { 3 } else { 0 }, shown), "{text}");
        for line in lines {
            let (customer, was, is) = (&line["customer_id"], &line["old"], &line["new"]);
            assert_eq!(
                (customer, was, is),
                (&"C00001".into(), &old.as_str().into(), &"newer@example.org".into())
            );
        }
        // What everybody may read has none of it.
        let sync = world.sync(&file);
        assert!(!(sync.out + &sync.err).contains(&old));
    }
}

#[test]
fn what_is_left_out_for_good_is_listed_and_exported_as_long_as_it_is() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    let email = std::mem::replace(&mut people[0].email, "no address".to_owned());
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(3);
    // The second night has nothing new to tell.
    world.sync(&file).exits(0);
    let list = |filter: &[&str]| {
        let told = world.run(&[&["rejects", "list", "--json"], filter].concat()).exits(0).out;
        let lines: Vec<Value> = serde_json::from_str(&told).expect("JSON");
        lines
    };
    let all = list(&[]);
    assert_eq!(all.len(), 3, "{all:?}");
    for line in &all {
        let said = (&line["customer_id"], &line["status"], &line["class"], &line["call"]);
        assert_eq!(said, (&"C00001".into(), &"invalid".into(), &"invalid".into(), &Value::Null));
    }
    let filters: [(&[&str], usize); 5] = [
        (&["--provider", "lemonway"], 1),
        (&["--code", "newEmail"], 1),
        (&["--code", "invalid"], 3),
        (&["--code", "178"], 0),
        (&["--customer", "C00002"], 0),
    ];
    for (filter, count) in filters {
        assert_eq!(list(filter).len(), count, "{filter:?}");
    }
    let export = world.path("open.csv");
    world.run(&["rejects", "export", export.to_str().expect("utf-8"), "--include-values"]).exits(0);
    let text = std::fs::read_to_string(export).expect("written");
    assert_eq!(text.lines().filter(|line| line.contains(",lemonway,,invalid,")).count(), 1, "{text}");
    assert!(world.run(&["rejects", "release"]).exits(0).err.contains("nothing is refused or held"));
    people[0].email = email;
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(list(&[]).len(), 0);
}

/// A later record that does not have the field says nothing of it; one that gives up the account says all.
#[test]
fn what_is_left_out_stays_listed_beside_records_without_it() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    people[0].email = "no address".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let listed = || world.run(&["rejects", "list", "--provider", "lemonway"]).exits(0).out;
    assert!(listed().contains("newEmail"), "{}", listed());
    let delta = world.file(
        "delta.jsonl",
        "{\"customer_id\": \"C00001\", \"title\": \"Mme\", \"last_name\": \"Durand\"}\n",
    );
    world.on("sync", &delta, &["--kind", "delta"]).exits(3);
    assert!(listed().contains("newEmail"), "{}", listed());
    people[0].wallet = String::new();
    people[0].email = "right@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert!(listed().contains("nothing is refused"), "{}", listed());
}

/// A row without the key does not go to the account of a record whose key is none.
#[test]
fn a_row_without_the_key_reaches_no_account_after_an_invalid_one() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let wallet = std::mem::replace(&mut people[0].wallet, "W".repeat(101));
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.ledger().reset();
    let delta = |city: &str| {
        let file = world.file("delta.csv", &format!("customer_id;city\nC00001;{city}\n"));
        world.on("sync", &file, &["--kind", "delta"]).exits(3);
        world.requests(ProviderId::Lemonway)
    };
    assert_eq!(delta("Lyon"), 0);
    people[0].wallet = wallet;
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.ledger().reset();
    assert_eq!(delta("Nantes"), 1);
}

#[test]
fn who_has_no_valid_key_is_told_of_until_it_has_one() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    let mut wrong = people.clone();
    // One whom the provider has, and one whom it never had.
    wrong[0].wallet = "W".repeat(101);
    wrong[2].reference = "S".repeat(36);
    let file = |people: &[_], name| world.csv(name, people);
    world.sync(&file(&people[..2], "first.csv")).exits(0);
    for (exit, night) in [(3, "wrong.csv"), (0, "wrong.csv"), (0, "again.csv")] {
        wrong[0].last = night.replace(".csv", "");
        world.sync(&file(&wrong, night)).exits(exit);
    }
    let list = || -> Vec<Value> {
        serde_json::from_str(&world.run(&["rejects", "list", "--json"]).exits(0).out).expect("JSON")
    };
    let said = |line: &Value| ["customer_id", "provider", "status", "code"].map(|key| line[key].clone());
    let told: Vec<_> = list().iter().map(said).collect();
    assert_eq!(
        told,
        [
            ["C00001", "lemonway", "invalid", "wallet"].map(Value::from),
            ["C00003", "safedebit", "invalid", "safedebit_consumer_reference"].map(Value::from),
        ]
    );
    let status: Value = serde_json::from_str(&world.run(&["status", "--json"]).exits(0).out).expect("JSON");
    assert_eq!(status["providers"]["safedebit"]["skipped_fields"], 1, "{status}");
    // Whoever asks what the list means by that.
    let explained = world.run(&["explain-code", "lemonway", "wallet"]).exits(0).out;
    assert!(explained.contains("a field that is left out"), "{explained}");
    let explained = world.run(&["explain", "C00003"]).exits(0).out;
    assert!(explained.contains("safedebit: takes no part: the last record that was compared has no valid safedebit_consumer_reference"), "{explained}");
    world.run(&["forget", "C00001"]).exits(0);
    assert_eq!(list().len(), 1);
    world.sync(&file(&people, "settled.csv")).exits(0);
    assert_eq!(list().len(), 0);
}

#[test]
fn what_has_a_fixed_form_is_never_sent_empty() {
    let empty = [("wsone", "on_cleared = \"send_empty\""), ("safedebit", "on_cleared = \"send_empty\"")];
    let (world, customer) = settled(&empty);
    let row = |column: &str, name: &str| {
        json!({ "customer_id": customer.id, "person_identifier": customer.person, "wallet_id": customer.wallet,
            "safedebit_reference": customer.reference, "first_name": name, column: "" })
    };
    let columns = [
        "birth_date",
        "iban",
        "identity_document_issued_on",
        "identity_document_expires_on",
        "ip_address",
        "siren",
        "nic",
    ];
    for column in columns {
        // The change of the name leaves beside the cleared value; at WsOne a name goes with all of its object, which only the
        // first time is news.
        sync_row(
            &world,
            &row(column, &format!("Without {column}")),
            if column == columns[0] { 3 } else { 0 },
        );
    }
    let names = entries(&world, ProviderId::Safedebit).len();
    assert_eq!(names, columns.len(), "each night a name was taken");
}

/// A customer of Lemonway, and files with changes alone.
fn in_parts(policy: &str) -> World {
    let world = World::new();
    world.knows(ProviderId::Lemonway, "W00001");
    world.configure("[input]\nkind = \"delta\"\n", &[("lemonway", policy)]);
    let header = "customer_id;wallet_id;last_name;mobile_phone;street;address_apartment;city";
    let row = "C00001;W00001;Martin;0612345678;5 rue Victor Hugo;Apt 1;Lille";
    world.sync(&world.file("a.csv", &format!("{header}\n{row}\n"))).exits(0);
    world
}

#[test]
fn a_flat_without_its_street_is_told_of() {
    let world = in_parts("");
    world
        .sync(&world.file("b.csv", "customer_id;wallet_id;address_apartment\nC00001;W00001;Apt 2\n"))
        .exits(3);
    assert_eq!(world.report()["providers"]["lemonway"]["incomplete"], 1);
}

#[test]
fn a_cleared_value_that_was_turned_away_is_told_of_once_a_later_record_is_taken() {
    let world = in_parts("on_cleared = \"reject\"\n");
    let cleared = "customer_id;wallet_id;mobile_phone;city\nC00001;W00001;;Paris\n";
    world.sync(&world.file("b.csv", cleared)).exits(3);
    world.sync(&world.file("c.csv", "customer_id;wallet_id;last_name\nC00001;W00001;Durand\n")).exits(3);
    assert_eq!(world.report()["providers"]["lemonway"]["incomplete"], 2);
}

#[test]
fn a_seed_does_not_make_what_was_turned_away_forgotten() {
    let world = in_parts("on_invalid = \"reject_customer\"\n");
    let invalid = "customer_id;wallet_id;mobile_phone;city\nC00001;W00001;06x;Paris\n";
    world.sync(&world.file("b.csv", invalid)).exits(3);
    let seed = world.file("c.csv", "customer_id;wallet_id;last_name\nC00001;W00001;Durand\n");
    world.on("seed", &seed, &[]).exits(0);
    let explained = world.run(&["explain", "C00001"]).exits(0).out;
    assert!(explained.contains("newCity") && explained.contains("newMobileNumber"), "{explained}");
}
