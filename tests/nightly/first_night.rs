//! First nights, unchanged nights, changed nights.

use crmsync::domain::provider::ProviderId;

use crate::support::{Customer, Ran, World, customers};

#[test]
fn three_hundred_customers_make_nine_hundred_calls_and_an_unchanged_file_none() {
    let world = World::new();
    let mut people = customers(300);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(0);
    assert_eq!(world.applied(), 900);
    let summary = world.ledger().summary();
    let creates = &summary.providers[&ProviderId::Wsone].operations;
    assert_eq!(creates[&crmsync::sandbox::Operation::CreatePerson].applied, 300);
    let report = world.report();
    assert_eq!(report["balanced"], true);
    assert_eq!(report["providers"]["wsone"]["acknowledged"]["create"], 300);

    world.ledger().reset();
    world.on("sync", &file, &[]).exits(0);
    assert_eq!(world.ledger().entries().len(), 0);

    for customer in people.iter_mut().take(10) {
        customer.email = format!("new.{}", customer.email);
    }
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &[]).exits(0);
    let entries = world.ledger().entries();
    assert_eq!(entries.iter().filter(|entry| entry.applied).count(), 30);
    for entry in entries.iter().filter(|entry| entry.provider == ProviderId::Lemonway) {
        let body = entry.fields.as_ref().expect("applied").get();
        let sent: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body).expect("JSON");
        let fields: Vec<&String> = sent.keys().filter(|key| key.starts_with("new")).collect();
        assert_eq!(fields, ["newEmail"]);
    }
    people.iter().for_each(|customer| world.all_hold(customer));
}

#[test]
fn a_night_with_nothing_to_send_prepares_no_connections() {
    let world = World::new();
    let mut people = customers(3);
    let without_certificates = |file: &std::path::Path| {
        let mut sync = world.command(&["sync", &file.display().to_string()]);
        sync.env("SSL_CERT_FILE", world.path("no-such-file"))
            .env("SSL_CERT_DIR", world.path("no-such-folder"));
        Ran::from(sync.output().expect("the program runs"))
    };
    let plain = std::fs::read_to_string(world.path("crmsync.toml")).expect("configured");
    world.file("crmsync.toml", &plain.replace("http://", "https://"));
    let file = world.csv("crm.csv", &people);
    world.on("seed", &file, &[]).exits(0);
    without_certificates(&file).exits(0);
    let lanes = world.report()["providers"].as_object().expect("an object").len();
    assert_eq!(lanes, 3, "a provider for which nothing waits is told of all the same");

    people[0] = Customer::new(1).email("changed@example.org");
    let file = world.csv("crm.csv", &people);
    let refused = without_certificates(&file).exits(2);
    assert!(refused.err.contains("check the certificates"), "{}", refused.err);
    let (report, status) = (world.report(), world.run(&["status", "--json"]).exits(0).out);
    assert!(report["failure"].as_str().is_some_and(|why| why.contains("certificates")), "{report:#}");
    assert_eq!((&report["input"]["changed"], &report["balanced"]), (&1.into(), &true.into()));
    assert_eq!(report["providers"]["wsone"]["deferred"], 1, "it was accepted and waits");
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["last_run"]["exit_code"], 2, "the run has its end");

    // Plain http, which only goes to this machine, needs none.
    world.populate(&people);
    world.populate_persons(&people);
    world.file("crmsync.toml", &plain);
    without_certificates(&file).exits(0);
    assert_eq!(world.applied(), 3);
}

#[test]
fn a_first_night_with_an_empty_snapshot_is_guarded_and_a_seed_opens_it() {
    let world = World::new();
    let mut people = customers(600);
    let file = world.csv("crm.csv", &people);
    let guarded = world.on("sync", &file, &[]).exits(4);
    assert!(guarded.err.contains("--allow-mass-change") && guarded.err.contains("seed"), "{}", guarded.err);
    assert_eq!(world.ledger().entries().len(), 0);
    world.on("seed", &file, &[]).exits(0);
    world.on("sync", &file, &[]).exits(0);
    assert_eq!(world.ledger().entries().len(), 0);

    // What was seeded is taken as what the providers hold: only the change goes.
    world.populate(&people);
    people[0] = Customer::new(1).email("changed@example.org");
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--provider", "lemonway", "--provider", "safedebit"]).exits(0);
    assert_eq!(world.applied(), 2);
}

#[test]
fn a_plan_changes_nothing_and_says_that_there_are_changes() {
    let world = World::new();
    let mut people = customers(5);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(0);
    world.ledger().reset();
    let before = std::fs::read(world.path("state/crmsync.db")).expect("a state");
    world.on("plan", &file, &["--detailed-exitcode"]).exits(0);
    people[2] = Customer::new(3).email("changed@example.org");
    let file = world.csv("crm.csv", &people);
    world.on("plan", &file, &["--detailed-exitcode"]).exits(20);
    assert_eq!(std::fs::read(world.path("state/crmsync.db")).expect("a state"), before);
    assert_eq!(world.ledger().entries().len(), 0);
}

#[test]
fn a_plan_before_the_first_run_needs_no_state() {
    let world = World::new();
    let file = world.csv("crm.csv", &customers(3));
    world.on("plan", &file, &["--detailed-exitcode"]).exits(20);
    assert!(!world.path("state/crmsync.db").exists());
}

#[test]
fn a_wallet_that_appears_later_is_brought_up_to_date_alone() {
    let world = World::new();
    let mut people = customers(3);
    world.populate(&people);
    let wallet = std::mem::take(&mut people[1].wallet);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.requests(ProviderId::Lemonway), 2);
    world.ledger().reset();
    people[1].wallet = wallet;
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!((world.applied(), world.requests(ProviderId::Lemonway)), (1, 1));
    world.all_hold(&people[1]);
}

#[test]
fn delta_rows_with_partial_keys_change_only_what_they_say() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.ledger().reset();
    // The first row names no provider at all and reaches all that know the customer; the second names one.
    let delta = world.file(
        "delta.jsonl",
        "{\"customer_id\": \"C00001\", \"email\": \"delta@example.org\", \"email_opt_in\": true}\n\
         {\"customer_id\": \"C00002\", \"wallet_id\": \"W00002\", \"last_name\": \"Durand\"}\n",
    );
    world.on("sync", &delta, &["--kind", "delta"]).exits(3);
    world.all_hold(&people[0].clone().email("delta@example.org"));
    let lemonway = world.ledger().person(ProviderId::Lemonway, "W00002").expect("known");
    assert_eq!(lemonway.fields["newLastName"], "Durand");
    assert_eq!(world.report()["input"]["missing"], 0);
}

#[test]
fn one_customer_twice_in_a_file_and_two_files_at_once_make_one_call_each() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let newest = people[0].clone().email("newest@example.org");
    let first = world.csv("a.csv", &[people[0].clone(), newest.clone()]);
    let second = world.csv("b.csv", &[people[1].clone()]);
    let (first, second) = (first.to_str().expect("utf-8"), second.to_str().expect("utf-8"));
    world.run(&["sync", first, second, "--allow-mass-change"]).exits(0);
    assert_eq!(world.applied(), 6);
    world.all_hold(&newest);
    let input = &world.report()["input"];
    assert_eq!(
        (&input["rows"], &input["customers"], &input["duplicates"]),
        (&3.into(), &2.into(), &1.into())
    );
}

#[test]
fn one_customer_in_two_files_is_one_customer_and_the_later_file_wins_what_it_carries() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let whole = world.csv("a.csv", &people);
    let later = world.file("b.csv", "customer_id;email\nC00001;later@example.org\n");
    let (whole, later) = (whole.to_str().expect("utf-8"), later.to_str().expect("utf-8"));
    world.run(&["sync", whole, later, "--allow-mass-change"]).exits(0);
    assert_eq!(world.applied(), 3);
    world.all_hold(&people[0].clone().email("later@example.org"));
    let person = world.ledger().person(ProviderId::Lemonway, "W00001").expect("known");
    assert_eq!(person.fields["newCity"], "Lille", "what the later file does not carry stays");
}

#[test]
fn a_changed_titles_table_sends_real_differences_only_with_a_full_and_with_a_delta_file() {
    let world = World::new();
    let mut people = customers(4);
    people[0].title = "F";
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(0);
    world.ledger().reset();
    // Only women get another code, so only the first customer differs, and only at WsOne.
    let configuration = std::fs::read_to_string(world.path("crmsync.toml")).expect("a configuration");
    let changed = configuration.replace("F = 2", "F = 3");
    world.file("crmsync.toml", &changed);
    let delta = world.csv("delta.csv", &people[1..2]);
    world.on("sync", &delta, &["--kind", "delta"]).exits(0);
    assert_eq!(world.ledger().entries().len(), 0);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let entries = world.ledger().entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].provider, ProviderId::Wsone);
}

#[test]
fn a_rehearsal_predicts_the_calls_and_leaves_everything_as_it_was() {
    let world = World::new();
    let people = customers(6);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("rehearse", &file, &["--allow-mass-change"]).exits(0);
    assert_eq!(world.ledger().entries().len(), 0);
    assert!(!world.path("state/crmsync.db").exists());
    world.sync(&file).exits(0);
    assert_eq!(world.applied(), 18);
}

#[test]
fn a_plan_counts_whom_the_file_says_nothing_new_about() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let plan = world.on("plan", &world.csv("crm.csv", &people[..2]), &[]).exits(0).out;
    assert!(
        plan.starts_with("2 rows, 2 customers: 0 new, 0 changed, 2 unchanged, 1 missing from the file\n"),
        "{plan}"
    );
    let told = world.on("sync", &world.csv("crm.csv", &[]), &["--allow-mass-change"]).exits(0).out;
    assert!(
        told.contains("crm.csv: 0 rows, 0 customers: 0 new, 0 changed, 0 unchanged, 3 missing"),
        "{told}"
    );
}
