//! What the configuration and the file say about one customer, through the real program: keys that change, newcomers,
//! values that vanish or are wrong, objects that have to be whole.

use crmsync::domain::provider::ProviderId;
use crmsync::sandbox::{Entry, Operation};
use serde_json::{Value, json};

use crate::support::{Customer, World, customers};

fn entries(world: &World, provider: ProviderId) -> Vec<Entry> {
    world.ledger().entries().into_iter().filter(|entry| entry.provider == provider).collect()
}

/// The body of the one applied call that a provider got.
#[track_caller]
fn body(world: &World, provider: ProviderId) -> Value {
    let entries = entries(world, provider);
    assert_eq!(entries.len(), 1, "{entries:?}");
    let fields = entries[0].fields.as_ref().expect("applied");
    serde_json::from_str(fields.get()).expect("JSON")
}

/// A world with one customer whom every provider holds.
fn settled(extra: &[(&str, &str)]) -> (World, Customer) {
    settled_with("", extra)
}

fn settled_with(general: &str, extra: &[(&str, &str)]) -> (World, Customer) {
    let world = World::new();
    world.configure(general, extra);
    let customer = Customer::new(1);
    world.populate(std::slice::from_ref(&customer));
    world.sync(&world.csv("crm.csv", std::slice::from_ref(&customer))).exits(0);
    world.ledger().reset();
    (world, customer)
}

fn sync_one(world: &World, customer: &Customer, code: i32) {
    world.sync(&world.csv("crm.csv", std::slice::from_ref(customer))).exits(code);
}

/// A delta of one JSON row.
fn sync_row(world: &World, row: &Value, code: i32) {
    world.on("sync", &world.file("delta.jsonl", &format!("{row}\n")), &["--kind", "delta"]).exits(code);
}

#[test]
fn a_replaced_wallet_is_held_and_gets_everything_once_released() {
    let (world, mut customer) = settled(&[]);
    let old = customer.wallet.clone();
    customer.wallet = "W90001".to_owned();
    customer.email = "new@example.org".to_owned();
    world.knows(ProviderId::Lemonway, &customer.wallet);
    sync_one(&world, &customer, 3);
    assert!(entries(&world, ProviderId::Lemonway).is_empty(), "nothing is sent silently");
    assert_eq!(world.report()["providers"]["lemonway"]["held"], 1);
    world.run(&["rejects", "release", "--provider", "lemonway"]).exits(0);
    world.run(&["resume"]).exits(0);
    assert_eq!(
        body(&world, ProviderId::Lemonway),
        json!({
            "wallet": "W90001", "newEmail": "new@example.org", "newTitle": "M", "newFirstName": "Élise",
            "newLastName": "Martinb", "newStreet": "2 rue de la Liberté", "newPostCode": "59000",
            "newCity": "Lille", "newCtry": "FRA", "newMobileNumber": "33612340001",
            "newBirthDate": "01/02/1980",
        })
    );
    world.all_hold(&customer);
    let left = world.ledger().person(ProviderId::Lemonway, &old).expect("known");
    assert_eq!(left.fields["newEmail"], "elise.1@example.org", "the old wallet is left alone");
    world.ledger().reset();
    sync_one(&world, &customer, 0);
    assert!(world.ledger().entries().is_empty());
}

#[test]
fn a_replaced_wallet_that_comes_back_needs_nobody() {
    let (world, customer) = settled(&[]);
    let mut moved = customer.clone();
    moved.wallet = "W90001".to_owned();
    sync_one(&world, &moved, 3);
    sync_one(&world, &customer, 0);
    assert!(world.ledger().entries().is_empty());
    assert!(!world.run(&["rejects", "list"]).exits(0).out.contains("key_changed"));
}

/// Who is not to be created is known all the same: what changes under another key waits for a person.
#[test]
fn a_changed_identifier_is_held_also_where_nobody_is_created() {
    let (world, mut customer) = settled(&[("wsone", "on_new = \"skip\"")]);
    world
        .run(&["seed", world.csv("crm.csv", std::slice::from_ref(&customer)).to_str().expect("utf-8")])
        .exits(0);
    customer.person = "9900000001".to_owned();
    customer.first = "Lise".to_owned();
    sync_one(&world, &customer, 3);
    assert!(world.run(&["rejects", "list"]).exits(0).out.contains("key_changed"));
    assert!(entries(&world, ProviderId::Wsone).is_empty());
}

#[test]
fn a_changed_identifier_that_is_released_makes_a_whole_new_person() {
    let (world, mut customer) = settled(&[]);
    customer.person = "9900000001".to_owned();
    sync_one(&world, &customer, 3);
    world.run(&["rejects", "release", "--provider", "wsone"]).exits(0);
    world.run(&["resume"]).exits(0);
    let sent = body(&world, ProviderId::Wsone);
    assert_eq!(sent["NewIdentifierRequest"]["identifierValue"], "9900000001");
    assert_eq!(sent["PersonProfilRequest"]["PersonRequest"]["lastName"], "Martinb");
    assert_eq!(world.duplicates(), 0);
    world.all_hold(&customer);
}

/// While nobody was to be created, the new key could only be updated: nobody is there.
#[test]
fn who_has_moved_is_created_under_the_new_key_once_newcomers_are_again() {
    let codes = "response_codes = { \"101\" = \"missing\" }\n";
    let (world, mut customer) = settled(&[("wsone", &format!("{codes}on_new = \"skip\""))]);
    let seeded = world.csv("crm.csv", std::slice::from_ref(&customer));
    world.run(&["seed", seeded.to_str().expect("utf-8")]).exits(0);
    customer.person = "9900000001".to_owned();
    sync_one(&world, &customer, 3);
    world.configure("", &[("wsone", codes)]);
    sync_one(&world, &customer, 0);
    world.run(&["rejects", "release", "--provider", "wsone"]).exits(0);
    world.run(&["resume"]).exits(3);
    sync_one(&world, &customer, 0);
    assert_eq!(world.duplicates(), 0);
    world.all_hold(&customer);
}

#[test]
fn values_that_were_kept_in_clear_are_hashed_once_that_is_said_no_more() {
    let (world, mut customer) = settled_with("values = \"clear\"\n", &[]);
    let state = || std::fs::read(world.path("state/crmsync.db")).expect("a state");
    let holds = |text: &str| memchr::memmem::find(&state(), text.as_bytes()).is_some();
    assert!(holds(&customer.last) && holds(&customer.email));
    world.configure("", &[]);
    sync_one(&world, &customer, 0);
    assert!(!holds(&customer.last) && !holds(&customer.email));
    assert!(world.ledger().entries().is_empty(), "what is known stays known");
    customer.email = "new@example.org".to_owned();
    sync_one(&world, &customer, 0);
    world.all_hold(&customer);
}

#[test]
fn newcomers_are_updated_or_skipped_as_configured() {
    for (on_new, requests) in [("update", 1), ("skip", 0)] {
        let world = World::new();
        world.configure("", &[("wsone", &format!("on_new = \"{on_new}\""))]);
        let people = customers(1);
        world.populate(&people);
        world.knows(ProviderId::Wsone, &format!("1:{}", people[0].person));
        sync_one(&world, &people[0], 0);
        let sent = entries(&world, ProviderId::Wsone);
        assert_eq!(sent.len(), requests, "{on_new}");
        assert!(sent.iter().all(|entry| entry.operation == Operation::UpdatePerson && entry.applied));
        assert_eq!(world.requests(ProviderId::Lemonway), 1);
        world.ledger().reset();
        sync_one(&world, &people[0], 0);
        assert!(world.ledger().entries().is_empty(), "{on_new}");
    }
}

#[test]
fn an_excluded_field_never_leaves_and_its_change_sends_nothing() {
    let (world, mut customer) = settled(&[("safedebit", "exclude = [\"iban\"]")]);
    let held = world.ledger().person(ProviderId::Safedebit, &customer.reference).expect("known");
    assert!(held.fields.contains_key("consumer_email") && !held.fields.contains_key("iban"));
    customer.iban = "FR1420041010050500013M02606";
    sync_one(&world, &customer, 0);
    assert!(world.ledger().entries().is_empty());
}

#[test]
fn a_cleared_value_is_ignored_sent_empty_or_refused_as_configured() {
    // Lemonway's document does not say what an empty value means: it is never sent one.
    for (on_cleared, exit, safedebit) in
        [("ignore", 0, None), ("send_empty", 0, Some("")), ("reject", 3, None)]
    {
        let line = format!("on_cleared = \"{on_cleared}\"");
        let (world, mut customer) = settled(&[("wsone", &line), ("safedebit", &line)]);
        customer.mobile.clear();
        sync_one(&world, &customer, exit);
        assert!(entries(&world, ProviderId::Lemonway).is_empty(), "{on_cleared}");
        let sent = entries(&world, ProviderId::Safedebit);
        assert_eq!(sent.len(), usize::from(safedebit.is_some()), "{on_cleared}");
        if let Some(empty) = safedebit {
            assert_eq!(body(&world, ProviderId::Safedebit)["consumer_phone_number"], empty);
            world.all_hold(&customer);
        } else {
            let report = world.report();
            assert!(report["providers"]["safedebit"]["cleared_fields"].as_u64() > Some(0), "{report}");
        }
    }
}

#[test]
fn an_invalid_value_rejects_the_customer_where_that_is_configured() {
    let world = World::new();
    world.configure("", &[("safedebit", "on_invalid = \"reject_customer\"")]);
    let mut people = customers(2);
    world.populate(&people);
    people[0].mobile = "O612345678".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let sent: Vec<_> =
        entries(&world, ProviderId::Safedebit).into_iter().filter_map(|entry| entry.key).collect();
    assert_eq!(sent, [people[1].reference.as_str()]);
    assert_eq!(entries(&world, ProviderId::Lemonway).len(), 2, "the others get what is right");
    assert!(world.rejects().lines().any(|line| line.contains("safedebit") && line.contains("C00001")));
    people[0].mobile = "0612345678".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people.iter().for_each(|customer| world.all_hold(customer));
}

#[test]
fn an_object_that_a_delta_leaves_incomplete_is_completed_only_from_values_in_clear() {
    for (values, complete) in [("hashed", false), ("clear", true)] {
        let world = World::new();
        world.configure("", &[]);
        let config = std::fs::read_to_string(world.path("crmsync.toml")).expect("a configuration");
        world.file(
            "crmsync.toml",
            &config.replacen("[state]\n", &format!("[state]\nvalues = \"{values}\"\n"), 1),
        );
        let customer = Customer::new(1);
        world.populate(std::slice::from_ref(&customer));
        sync_one(&world, &customer, 0);
        world.ledger().reset();
        let row =
            json!({"customer_id": customer.id, "person_identifier": customer.person, "last_name": "Dupont"});
        sync_row(&world, &row, if complete { 0 } else { 3 });
        let report = world.report();
        if complete {
            let expected =
                json!({"title": 1, "firstName": "Élise", "lastName": "Dupont", "birthDate": "01/02/1980"});
            assert_eq!(body(&world, ProviderId::Wsone)["PersonRequest"], expected);
            assert_eq!(report["providers"]["wsone"]["incomplete"], 0);
        } else {
            assert!(entries(&world, ProviderId::Wsone).is_empty());
            assert_eq!(report["providers"]["wsone"]["incomplete"], 1);
            let plan = world.on("plan", &world.path("delta.jsonl"), &["--kind", "delta"]).exits(0).out;
            assert!(plan.contains("warning: wsone: 1 value does not go"), "{plan}");
            let again = world.on("sync", &world.path("delta.jsonl"), &["--kind", "delta"]).exits(0).out;
            assert!(again.contains("complete, but for 1 value") && again.contains("next: less "), "{again}");
            let list = || world.run(&["rejects", "list"]).exits(0).out;
            assert!(list().contains("PersonRequest.lastName"), "{}", list());
            let explained = world.run(&["explain", &customer.id]).exits(0).out;
            assert!(
                explained.contains("not all of what goes with it: PersonRequest.lastName"),
                "{explained}"
            );
            let mut whole = customer.clone();
            whole.last = "Dupont".to_owned();
            sync_one(&world, &whole, 0);
            assert!(list().contains("nothing is refused"), "{}", list());
        }
        let held = world.ledger().person(ProviderId::Wsone, "1:7700000001").expect("known");
        assert_eq!(held.fields["PersonRequest"]["firstName"], "Élise", "never half an object");
    }
}

#[test]
fn a_store_and_subscriptions_travel_alone_when_they_alone_change() {
    let world = World::new();
    let row = |store: &str, second: bool| {
        json!({
            "customer_id": "1", "person_identifier": "7", "store_id": store, "first_name": "Anne",
            "subscription_1": true, "subscription_22": second,
        })
    };
    sync_row(&world, &row("000420", false), 0);
    assert_eq!(
        body(&world, ProviderId::Wsone),
        json!({
            "NewIdentifierRequest": {"identifierType": 1, "identifierValue": "7"},
            "PersonProfilRequest": {
                "EntityRequest": {"entityIdentifier": "000420"}, "PersonRequest": {"firstName": "Anne"},
            },
            "SubscriptionRequest": [{"activate": true, "id": 1}, {"activate": false, "id": 22}],
            "source": "CRM",
        })
    );
    let identifier = json!({"identifierType": 1, "identifierValue": "7"});
    world.ledger().reset();
    sync_row(&world, &row("000420", true), 0);
    assert_eq!(
        body(&world, ProviderId::Wsone),
        json!({
            "IdentifierRequest": identifier, "SubscriptionRequest": [{"activate": true, "id": 22}], "source": "CRM",
        })
    );
    world.ledger().reset();
    sync_row(&world, &row("000421", true), 0);
    assert_eq!(
        body(&world, ProviderId::Wsone),
        json!({
            "IdentifierRequest": identifier, "EntityRequest": {"entityIdentifier": "000421"}, "source": "CRM",
        })
    );
    let held = world.ledger().person(ProviderId::Wsone, "1:7").expect("known");
    assert_eq!(
        held.fields["SubscriptionRequest"],
        json!([{"activate": true, "id": 1}, {"activate": true, "id": 22}])
    );
}

#[test]
fn a_code_that_nobody_documents_is_shown_counted_refused_and_explained() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    world.play(
        "[[rule]]\nprovider = \"lemonway\"\nkey = \"W00001\"\neffect = { refuse = { code = \"4711\" } }\n",
    );
    let ran = world.sync(&world.csv("crm.csv", &people)).exits(3);
    let line = ran.out.lines().find(|line| line.ends_with("  4711")).expect("surfaced");
    assert!(line.contains("lemonway") && line.contains("refused"), "{line}");
    assert_eq!(world.report()["providers"]["lemonway"]["refused"], 1);
    assert_eq!(world.rejected(), [["C00001", "lemonway", "4711"]]);
    let explained = world.run(&["explain-code", "lemonway", "4711"]).exits(0).out;
    assert!(explained.contains("not documented") && explained.contains("error_codes"), "{explained}");
}

#[test]
fn explained_codes_follow_the_operators_configuration() {
    let world = World::new();
    world.configure(
        "",
        &[
            ("wsone", "response_codes = { \"101\" = \"missing\" }"),
            ("lemonway", "error_codes = { \"147\" = \"transient\" }"),
        ],
    );
    let cases = [
        (["wsone", "101"], "missing", true, false),
        (["wsone", "102"], "refused", false, false),
        (["lemonway", "147"], "transient", true, true),
        (["lemonway", "105"], "denied", false, true),
        (["lemonway", "key_changed"], "held", false, true),
        // What the program says of a request is no code of the provider's.
        (["wsone", "connect"], "not_sent", false, true),
        (["safedebit", "unreadable_answer"], "unknown", false, true),
        (["lemonway", "throttled"], "throttled", false, true),
        (["safedebit", "AUTH_9"], "denied", false, true),
        (["exit", "7"], "exit", false, true),
    ];
    for ([source, code], class, configured, documented) in cases {
        let out = world.run(&["explain-code", source, code, "--json"]).exits(0).out;
        let found: Value = serde_json::from_str(&out).expect("JSON");
        let expected = (json!(class), json!(configured), json!(documented));
        let said = (found["class"].clone(), found["configured"].clone(), found["documented"].clone());
        assert_eq!(said, expected, "{source} {code}");
        assert!(
            ["meaning", "advice"].iter().all(|key| found[*key].as_str().is_some_and(|text| !text.is_empty()))
        );
        // Nobody has to class what is classed.
        let advises_to_class = found["advice"].as_str().is_some_and(|text| text.contains("class the code"));
        assert_eq!(advises_to_class, !configured && !documented, "{source} {code}");
    }
    let wrong: [&[&str]; 6] =
        [&["wsone", "000"], &["exit", "9"], &["paypal", "1"], &["E999"], &["E209", "1"], &["lemonway"]];
    for words in wrong {
        world.run(&[&["explain-code"], words].concat()).exits(2);
    }
}

/// Left out means unchanged at Safedebit: of an old street nothing may stand beside parts of the new one.
#[test]
fn a_street_without_a_number_does_not_go_while_an_old_number_stands() {
    for (on_cleared, number, name, incomplete) in
        [("ignore", "7", "Pasteur", 2), ("reject", "7", "Pasteur", 2), ("send_empty", "", "BP 123", 0)]
    {
        let setting = format!("on_cleared = \"{on_cleared}\"");
        let world = World::new();
        world.configure("", &[("safedebit", &setting)]);
        let mut customer = Customer::new(1);
        world.populate(std::slice::from_ref(&customer));
        customer.street = "7 rue Pasteur".to_owned();
        sync_one(&world, &customer, 0);
        customer.street = "BP 123".to_owned();
        customer.email = "new@example.org".to_owned();
        sync_one(&world, &customer, if incomplete > 0 { 3 } else { 0 });
        let held = world.ledger().person(ProviderId::Safedebit, &customer.reference).expect("known").fields;
        assert_eq!(held["consumer_address_street_number"], number, "{on_cleared}");
        assert_eq!(held["consumer_address_street_name"], name, "{on_cleared}");
        assert_eq!(held["consumer_email"], "new@example.org", "the rest goes");
        let told = &world.report()["providers"]["safedebit"];
        assert_eq!((&told["incomplete"], &told["cleared_fields"]), (&json!(incomplete), &json!(0)));
    }
}

/// Nor does it beside the old number where only what has changed is sent of an object.
#[test]
fn a_street_without_a_number_does_not_go_in_parts_where_only_changes_are_sent() {
    let (world, mut customer) = settled(&[("wsone", "send = \"changed\"")]);
    let key = format!("1:{}", customer.person);
    let held = || world.ledger().person(ProviderId::Wsone, &key).expect("known").fields;
    let before = held();
    customer.street = "BP 123".to_owned();
    sync_one(&world, &customer, 3);
    assert_eq!(held(), before);
    assert!(world.report()["providers"]["wsone"]["incomplete"].as_u64() > Some(0));
}

/// A lane for which nobody can have a key would be empty, night after night.
#[test]
fn an_identifier_without_a_type_is_refused_before_anything_is_taken_in() {
    let world = World::new();
    world.configure("", &[]);
    let path = world.path("crmsync.toml");
    let text = std::fs::read_to_string(&path).expect("a configuration").replace("identifier_type = 1\n", "");
    std::fs::write(&path, text).expect("written");
    let customer = Customer::new(1);
    world.populate(std::slice::from_ref(&customer));
    let file = world.csv("crm.csv", std::slice::from_ref(&customer));
    for command in ["check", "plan", "sync"] {
        let ran = world.on(command, &file, &[]).exits(2);
        let told = format!("{}{}", ran.out, ran.err);
        assert!(told.contains("identifier_type is needed"), "{command}: {told}");
    }
    assert!(world.ledger().entries().is_empty());
    // A row without a header can bring its type along; of one that does not, the reason is told.
    let row = json!({"customer_id": "C00001", "person_identifier": customer.person, "last_name": "Martin"});
    sync_row(&world, &row, 3);
    assert!(world.rejects().contains("identifier_type"), "{}", world.rejects());
}

/// As in each example of the provider's documents.
#[test]
fn a_fixed_store_goes_along_with_every_update_and_makes_none() {
    let (world, mut customer) = settled(&[("wsone", "entity = \"123456\"")]);
    sync_one(&world, &customer, 0);
    assert!(world.ledger().entries().is_empty());
    customer.last = "Durand".to_owned();
    sync_one(&world, &customer, 0);
    let sent = body(&world, ProviderId::Wsone);
    assert_eq!(sent["EntityRequest"], json!({"entityIdentifier": "123456"}));
    assert!(sent.get("ContactsRequest").is_none(), "{sent}");
}

#[test]
fn explain_tells_what_keeps_a_customer_away() {
    let (world, mut customer) = settled(&[("lemonway", "on_cleared = \"reject\"")]);
    customer.email = String::new();
    customer.last = "Durand".to_owned();
    sync_one(&world, &customer, 3);
    let told = world.run(&["explain", &customer.id]).exits(0).out;
    assert!(told.contains("lemonway: nothing is queued; left out"), "{told}");
    assert!(told.contains("newEmail; where it was cleared, nothing else goes either"), "{told}");

    let mut stranger = Customer::new(2);
    stranger.wallet = "9".repeat(101);
    sync_one(&world, &stranger, 3);
    let told = world.run(&["explain", &stranger.id]).exits(0).out;
    assert!(told.contains("lemonway: takes no part"), "{told}");
}

#[test]
fn what_waits_for_a_provider_that_is_switched_off_is_told_and_not_proposed_to_be_sent() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--provider", "wsone"]).exits(0);
    world.configure("", &[("lemonway", "enabled = false"), ("safedebit", "enabled = false")]);
    let told = world.run(&["status"]).exits(0).out;
    let off =
        "nothing is sent to lemonway and safedebit: switched off in the configuration\nnext: nothing to do\n";
    assert!(told.ends_with(off), "{told}");
    assert!(world.run(&["check"]).exits(0).out.ends_with("next: crmsync check FILE\n"));
    let explained = world.run(&["explain", "C00001"]).exits(0).out;
    assert!(explained.contains("while the configuration has lemonway switched off"), "{explained}");
    assert!(!explained.contains("crmsync resume"), "{explained}");
    world.sync(&file).exits(0);
    assert_eq!(world.report().get("carried_from"), None, "nothing of it is this run's to send");
}

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
        world.sync(&world.csv("crm.csv", &people));
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
    world.on("sync", &delta, &["--kind", "delta"]);
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
        world.on("sync", &file, &["--kind", "delta"]);
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
