//! Customers whose key moves to another account while a call for that one is in doubt, and what the CRM says meanwhile.

use std::path::PathBuf;

use crmsync::domain::provider::ProviderId;
use serde_json::Value;

use crate::care::json;
use crate::support::{Customer, World, customers};

const CODES: &str = "response_codes = { \"101\" = \"missing\" }\n";
const NEW_KEY: &str = "9900000001";
const LOST_BEFORE: &str = "[[rule]]\noperation = \"createPerson\"\neffect = { lose_reply = \"before\" }\n";
const LOST_AFTER: &str = "[[rule]]\noperation = \"createPerson\"\neffect = { lose_reply = \"after\" }\n";
const PROBE_LOST: &str = "[[rule]]\noperation = \"updatePerson\"\neffect = { lose_reply = \"before\" }\n";
const PROBE_REFUSED: &str =
    "[[rule]]\noperation = \"updatePerson\"\neffect = { refuse = { code = \"155\" } }\n";

fn wsone(world: &World, more: &str) {
    world.configure("", &[("wsone", &format!("{CODES}{more}"))]);
}

fn file(world: &World, people: &[Customer]) -> PathBuf {
    world.csv("crm.csv", people)
}

/// The first of two persons is known at WsOne, its record has another key by now, and a person has released that; what comes
/// next goes by these rules. The second one is new, and not yet in the file.
fn moved(rules: &str) -> (World, Vec<Customer>) {
    let world = World::new();
    wsone(&world, "");
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&file(&world, &people[..1])).exits(0);
    people[0].person = NEW_KEY.to_owned();
    world.sync(&file(&world, &people[..1])).exits(3);
    world.run(&["rejects", "release", "--provider", "wsone"]).exits(0);
    world.play(rules);
    drop(world.run(&["resume", "--max-calls", "2"]));
    world.play("");
    (world, people)
}

fn person(world: &World, key: &str) -> Option<Value> {
    let held = world.ledger().person(ProviderId::Wsone, &format!("1:{key}"))?;
    Some(serde_json::to_value(&held.fields).expect("JSON"))
}

fn held_call(world: &World) -> String {
    let listed = json(&world.run(&["rejects", "list", "--provider", "wsone", "--json"]).exits(0));
    listed[0]["call"].to_string()
}

#[test]
fn nobody_is_created_under_a_key_that_was_corrected_back_or_taken_back() {
    for key in ["corrected", "taken back", "another"] {
        let (world, mut people) = moved(LOST_BEFORE);
        people[0].person = match key {
            "corrected" => customers(1)[0].person.clone(),
            "taken back" => String::new(),
            _ => "9900000002".to_owned(),
        };
        let crm = file(&world, &people[..1]);
        drop(world.sync(&crm));
        drop(world.sync(&crm));
        assert_eq!(person(&world, NEW_KEY), None, "{key}");
        assert_eq!((world.duplicates(), &world.report()["balanced"]), (0, &Value::Bool(true)), "{key}");
    }
}

#[test]
fn a_held_probe_that_is_released_does_not_write_to_who_has_the_key_now() {
    for create in [LOST_BEFORE, LOST_AFTER] {
        let (world, mut people) = moved(&format!("{create}{PROBE_REFUSED}"));
        people[0].person = customers(1)[0].person.clone();
        people[1].person = NEW_KEY.to_owned();
        world.sync(&file(&world, &people)).exits(3);
        let of = ["--provider", "wsone", "--customer", &people[0].id, "--json"];
        let told = json(&world.run(&[&["rejects", "release"], &of[..]].concat()).exits(0));
        assert_eq!((&told["ended"], &told["queued"]), (&Value::from(1), &Value::from(0)));
        drop(world.run(&["resume"]));
        world.run(&["rejects", "release", "--provider", "wsone"]).exits(0);
        drop(world.run(&["resume"]));
        world.sync(&file(&world, &people)).exits(0);
        people.iter().for_each(|customer| world.all_hold(customer));
        assert_eq!(world.duplicates(), 0, "{create}");
    }
}

/// The probe would tell the account of somebody else who its former customer is.
#[test]
fn a_probe_ends_when_the_crm_gives_its_key_to_somebody_else() {
    for create in [LOST_BEFORE, LOST_AFTER] {
        let rules = format!("{create}{PROBE_LOST}");
        let (world, mut people) = moved(&rules);
        let old_key = customers(1)[0].person.clone();
        let before = world.ledger().entries().len();
        people[0].person = old_key;
        people[1].person = NEW_KEY.to_owned();
        world.sync(&file(&world, &people)).exits(3);
        assert_eq!(world.report()["providers"]["wsone"]["superseded"], 1, "{rules}");
        let probed = format!("1:{NEW_KEY}");
        let sent = world.ledger().entries().split_off(before);
        assert!(sent.iter().all(|entry| entry.key.as_ref() != Some(&probed)), "{rules}: {sent:?}");
        world.run(&["rejects", "release", "--provider", "wsone"]).exits(0);
        drop(world.run(&["resume"]));
        world.sync(&file(&world, &people)).exits(0);
        people.iter().for_each(|customer| world.all_hold(customer));
        assert_eq!(world.duplicates(), 0, "{rules}");
    }
}

/// What a probe carries is replaced without a new call, and is a change all the same.
#[test]
fn a_plan_counts_newer_values_of_a_probe_among_the_changes() {
    let world = World::new();
    wsone(&world, "");
    let named = |name: &str| {
        world
            .file("crm.csv", &format!("customer_id;person_identifier;first_name\nC00001;7700000001;{name}\n"))
    };
    world.play(&format!("{LOST_BEFORE}{PROBE_LOST}"));
    drop(world.on("sync", &named("Elise"), &["--allow-mass-change"]));
    world.on("plan", &named("Elise"), &["--detailed-exitcode"]).exits(0);
    world.on("plan", &named("Anne"), &["--detailed-exitcode"]).exits(20);
}

/// Two whose calls are in doubt under the keys that they swap meanwhile: neither is probed under the other one's key.
#[test]
fn two_who_swap_keys_while_their_calls_are_in_doubt_do_not_write_to_each_other() {
    let world = World::new();
    wsone(&world, "");
    let mut people = customers(2);
    world.populate(&people);
    world.play(LOST_BEFORE);
    drop(world.on(
        "sync",
        &file(&world, &people),
        &["--max-calls", "2", "--provider", "wsone", "--allow-mass-change"],
    ));
    world.play(PROBE_REFUSED);
    drop(world.sync(&file(&world, &people)));
    world.play("");
    let first = people[0].person.clone();
    people[0].person = std::mem::replace(&mut people[1].person, first);
    drop(world.sync(&file(&world, &people)));
    let told = json(&world.run(&["rejects", "release", "--provider", "wsone", "--json"]).exits(0));
    assert_eq!((&told["ended"], &told["queued"]), (&Value::from(2), &Value::from(0)));
    drop(world.sync(&file(&world, &people)));
    assert_eq!(world.duplicates(), 0);
    people.iter().for_each(|customer| world.all_hold(customer));
    for person in &people {
        let key = Some(format!("1:{}", person.person));
        let stranger = people.iter().find(|other| other.id != person.id).expect("two");
        for entry in world.ledger().entries().iter().filter(|entry| entry.key == key) {
            let body = entry.fields.as_ref().map_or("", |fields| fields.get());
            assert!(!body.contains(&stranger.email), "{body}");
        }
    }
}

#[test]
fn a_create_found_absent_is_not_made_after_all_where_the_key_was_corrected() {
    let (world, mut people) = moved(&format!("{LOST_BEFORE}{PROBE_REFUSED}"));
    people[0].person = customers(1)[0].person.clone();
    people[0].email = "newest@example.org".to_owned();
    drop(world.sync(&file(&world, &people[..1])));
    world.run(&["resolve", &held_call(&world), "--not-applied"]).exits(0);
    drop(world.run(&["resume"]));
    world.sync(&file(&world, &people[..1])).exits(0);
    assert_eq!(person(&world, NEW_KEY), None);
    world.all_hold(&people[0]);
}

#[test]
fn the_key_that_an_account_was_moved_from_by_a_decision_or_a_seed_is_remembered() {
    for by in ["decision", "seed"] {
        let (world, mut people) = moved(&format!("{LOST_AFTER}{PROBE_REFUSED}"));
        match by {
            "decision" => drop(world.run(&["resolve", &held_call(&world), "--applied"]).exits(0)),
            _ => {
                world.run(&["resolve", &held_call(&world), "--abandon"]).exits(0);
                drop(world.on("seed", &file(&world, &people[..1]), &[]).exits(0));
            }
        }
        world.run(&["resume"]).exits(0);
        people[1].person = customers(1)[0].person.clone();
        drop(world.sync(&file(&world, &people)));
        assert_eq!(world.duplicates(), 0, "{by}");
    }
}

#[test]
fn a_change_of_key_that_waits_for_a_person_waits_also_where_nobody_is_created_any_more() {
    let world = World::new();
    wsone(&world, "");
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&file(&world, &people)).exits(0);
    people[0].person = NEW_KEY.to_owned();
    world.sync(&file(&world, &people)).exits(3);
    wsone(&world, "on_new = \"skip\"\n");
    // A run that only sends does not make it anew.
    world.run(&["resume"]).exits(0);
    assert!(world.run(&["rejects", "list"]).exits(0).out.contains("key_changed"));
    world.sync(&file(&world, &people)).exits(3);
    assert!(world.run(&["rejects", "list"]).exits(0).out.contains("key_changed"));
}

/// Somebody exists under it still, which only its mark says once the customer is erased.
#[test]
fn nobody_is_created_under_a_key_that_a_customer_had_who_was_erased() {
    let (world, mut people) = moved("");
    let old_key = customers(1)[0].person.clone();
    assert!(person(&world, &old_key).is_some() && person(&world, NEW_KEY).is_some());
    world.run(&["forget", &people[0].id]).exits(0);
    people[1].person = old_key;
    world.sync(&file(&world, &people[1..])).exits(0);
    world.all_hold(&people[1]);
    assert_eq!(world.duplicates(), 0);
}

/// A probe may carry other values than the create that was applied.
#[test]
fn a_create_found_applied_brings_the_newest_values_whatever_its_probe_was_held_for() {
    let world = World::new();
    wsone(&world, "");
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&file(&world, &people[1..])).exits(0);
    world.play(LOST_AFTER);
    drop(world.on("sync", &file(&world, &people), &["--max-calls", "1"]));
    people[0].email = "newer@example.org".to_owned();
    world.play(PROBE_REFUSED);
    world.sync(&file(&world, &people)).exits(3);
    world.play("");
    world.run(&["resolve", &held_call(&world), "--applied"]).exits(0);
    world.run(&["resume"]).exits(0);
    world.all_hold(&people[0]);
    assert_eq!(world.duplicates(), 0);
}

/// A provider that contradicts itself is asked once a change, not every night.
#[test]
fn who_exists_and_is_missing_is_not_asked_for_every_night() {
    let world = World::new();
    world.configure("", &[("wsone", "response_codes = { \"101\" = \"missing\", \"104\" = \"exists\" }\n")]);
    let people = customers(1);
    world.populate(&people);
    world.play(
        "[[rule]]\noperation = \"createPerson\"\neffect = { refuse = { code = \"104\" } }\n\
         [[rule]]\noperation = \"updatePerson\"\neffect = { refuse = { code = \"101\" } }\n",
    );
    world.sync(&file(&world, &people)).exits(3);
    let requests = world.ledger().entries().len();
    for _ in 0..2 {
        world.sync(&file(&world, &people)).exits(0);
    }
    assert_eq!(world.ledger().entries().len(), requests);
}
