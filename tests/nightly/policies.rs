//! What the configuration and the file say about one customer, through the real program: keys that change, newcomers,
//! values that vanish or are wrong, objects that have to be whole.

use crmsync::domain::provider::ProviderId;
use crmsync::sandbox::{Entry, Operation};
use serde_json::{Value, json};

use crate::support::{Customer, World, customers};

pub(crate) fn entries(world: &World, provider: ProviderId) -> Vec<Entry> {
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
pub(crate) fn settled(extra: &[(&str, &str)]) -> (World, Customer) {
    settled_with("", extra)
}

pub(crate) fn settled_with(general: &str, extra: &[(&str, &str)]) -> (World, Customer) {
    let world = World::new();
    world.configure(general, extra);
    let customer = Customer::new(1);
    world.populate(std::slice::from_ref(&customer));
    world.sync(&world.csv("crm.csv", std::slice::from_ref(&customer))).exits(0);
    world.ledger().reset();
    (world, customer)
}

pub(crate) fn sync_one(world: &World, customer: &Customer, code: i32) {
    world.sync(&world.csv("crm.csv", std::slice::from_ref(customer))).exits(code);
}

/// A delta of one JSON row.
pub(crate) fn sync_row(world: &World, row: &Value, code: i32) {
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
            assert!(explained.contains("turned away whole said it: PersonRequest.lastName"), "{explained}");
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
        // A status stops the lane, unless the configuration says what the provider means by it.
        (["wsone", "http_422"], "denied", false, false),
        (["lemonway", "http_404"], "denied", false, true),
        (["lemonway", "http_429"], "throttled", false, true),
        (["safedebit", "http_501"], "unknown", false, true),
        (["safedebit", "http_600"], "unknown", false, true),
        (["safedebit", "http_303"], "denied", false, false),
        (["safedebit", "http_+12"], "refused", false, false),
        (["safedebit", "code_withheld"], "withheld", false, true),
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
