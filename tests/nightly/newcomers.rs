//! Somebody new whose first call is still to be sent when the operator decides otherwise about newcomers.

use crmsync::domain::provider::ProviderId;
use crmsync::sandbox::Operation;

use crate::persons::creates;
use crate::policies::entries;
use crate::support::{Customer, World, customers};

/// Nobody needs to know that nobody is there, nor has to class a code, for a call that never left.
#[test]
fn an_update_that_waits_for_somebody_new_becomes_the_create_that_is_wanted_by_now() {
    let world = World::new();
    world.configure("", &[("wsone", "on_new = \"update\"")]);
    let people = customers(2);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--max-calls", "0"]).exits(10);
    world.configure("", &[]);
    let plan = world.on("plan", &file, &[]).exits(0).out;
    assert!(plan.contains(" wsone           2       0     0 "), "{plan}");
    world.sync(&file).exits(0);
    let sent = entries(&world, ProviderId::Wsone);
    assert!(sent.iter().all(|entry| entry.operation == Operation::CreatePerson), "{sent:?}");
    assert_eq!((sent.len(), world.duplicates()), (2, 0));
    people.iter().for_each(|person| world.all_hold(person));
}

/// The same where the call was refused because nobody is there, and a newer value has taken its place since.
#[test]
fn that_nobody_is_there_is_not_asked_again_for_a_newer_value() {
    let world = World::new();
    let codes = "response_codes = { \"101\" = \"missing\" }\n";
    world.configure("", &[("wsone", &format!("{codes}on_new = \"update\""))]);
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    people[0].first = "Lise".to_owned();
    let newer = world.csv("crm.csv", &people);
    world.on("sync", &newer, &["--max-calls", "0"]).exits(10);
    world.ledger().reset();
    world.configure("", &[("wsone", codes)]);
    world.sync(&newer).exits(0);
    assert_eq!((entries(&world, ProviderId::Wsone).len(), creates(&world)), (1, 1));
    world.all_hold(&people[0]);
}

/// Who is missing is not sent for again without a new record, which decides whether they are created.
#[test]
fn a_release_of_somebody_who_is_missing_names_the_file_as_what_comes_next() {
    let world = World::new();
    world.configure("", &[("wsone", "response_codes = { \"101\" = \"missing\" }\non_new = \"update\"")]);
    let people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let released = world.run(&["rejects", "release"]).exits(0);
    assert!(released.err.contains("next: crmsync sync FILE"), "{}", released.err);
}

/// A create that found somebody there is an update for good, whatever the next record says.
#[test]
fn who_was_found_there_is_not_created_for_a_newer_value() {
    let world = World::new();
    world.configure("", &[("wsone", "response_codes = { \"103\" = \"exists\" }")]);
    let mut people = customers(1);
    world.populate(&people);
    world.knows(ProviderId::Wsone, &format!("1:{}", people[0].person));
    world.play("[wsone]\nexists_code = \"103\"\n");
    let only_create = ["--provider", "wsone", "--max-calls", "1"];
    world.on("sync", &world.csv("crm.csv", &people), &only_create).exits(10);
    assert_eq!(creates(&world), 1);
    people[0].first = "Lise".to_owned();
    world.ledger().reset();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!((entries(&world, ProviderId::Wsone).len(), creates(&world)), (1, 0));
    world.all_hold(&people[0]);
}

/// Two records of one person: whom a person lets go to the account of the other one is there, whatever is done for newcomers.
#[test]
fn what_was_released_to_an_account_that_is_known_stays_an_update_for_a_newer_value() {
    let world = World::new();
    world.configure("", &[]);
    let mut people = customers(2);
    people[1].person = people[0].person.clone();
    world.populate(&people);
    world.sync(&world.csv("first.csv", &people[..1])).exits(0);
    let delta = |people: &[Customer], more: &[&str], code: i32| {
        let file = world.csv("second.csv", people);
        world.on("sync", &file, &[&["--kind", "delta", "--allow-mass-change"], more].concat()).exits(code);
    };
    delta(&people[1..], &[], 3);
    world.run(&["rejects", "release"]).exits(0);
    people[1].first = "Lise".to_owned();
    world.ledger().reset();
    delta(&people[1..], &["--max-calls", "0"], 10);
    world.run(&["resume"]).exits(0);
    assert!(entries(&world, ProviderId::Wsone).is_empty(), "the person decides again");
    world.run(&["rejects", "release"]).exits(0);
    world.run(&["resume"]).exits(0);
    assert_eq!((entries(&world, ProviderId::Wsone).len(), creates(&world)), (1, 0));
    assert_eq!(world.duplicates(), 0);
}
