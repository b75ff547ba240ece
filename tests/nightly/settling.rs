//! A request of unknown outcome may still land when its call has ended or goes elsewhere: what goes to its account next waits for
//! it, whoever's it is.

use crmsync::domain::provider::ProviderId;

use crate::columns::held;
use crate::support::{World, until};

/// The first request lands when the next run is at work, and is not answered before.
const LATE: &str =
    "[[rule]]\nprovider = \"lemonway\"\nnth = 1\neffect = { late = { after = \"4s\", stall = \"40s\" } }\n";

fn world() -> World {
    world_that_waits("1s")
}

/// So long it waits for an answer.
fn world_that_waits(timeout: &str) -> World {
    let world = World::accepting();
    let section = format!("settle = \"5s\"\ntimeout = \"{timeout}\"\nretry = {{ attempts = 1 }}");
    world.configure("", &[("lemonway", &section)]);
    world.play(LATE);
    world
}

/// The clock on the wall is set forward by an hour while the program is away: what it had shown lies back by so much.
fn clock_jumps(world: &World) {
    let (path, flags) = (world.path("state/crmsync.db"), rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE);
    let state = rusqlite::Connection::open_with_flags(path, flags).expect("a state");
    let past = "CAST(CAST(CAST(CAST(value AS TEXT) AS INTEGER) - 3600000 AS TEXT)";
    let began = "substr(CAST(value AS TEXT), instr(CAST(value AS TEXT), ' '))";
    for change in [
        "UPDATE call SET due = due - 3600000 WHERE due > 0".to_owned(),
        format!(
            "UPDATE setting SET value = {past} AS BLOB) WHERE name GLOB 'settling:*' OR name = 'restored_at'"
        ),
        format!("UPDATE setting SET value = {past} || {began} AS BLOB) WHERE name GLOB 'steady:*'"),
    ] {
        state.execute(&change, []).expect("shifted");
    }
}

/// Which requests a backup does not know of, nobody knows.
#[test]
fn after_a_restore_what_is_sent_lands_on_top_of_what_was_sent_before() {
    after_a_restore(|_| {});
}

#[test]
fn after_a_restore_a_clock_that_is_set_forward_shortens_nothing() {
    after_a_restore(clock_jumps);
}

fn after_a_restore(meanwhile: impl FnOnce(&World)) {
    let world = world();
    world.play(&LATE.replace("nth = 1", "nth = 2"));
    sync(&world, "A;W1;First\n", &[]).exits(0);
    sync(&world, "A;W1;Old\n", &[]).exits(5);
    let backups = std::fs::read_dir(world.path("state/backups")).expect("backups");
    let backup = backups.map(|entry| entry.expect("readable").path()).max().expect("a backup");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    meanwhile(&world);
    sync(&world, "A;W1;New\n", &[]).exits(0);
    assert_eq!(name(&world, "W1"), "New");
    let events = std::fs::read_to_string(world.run_folder().join("events.jsonl")).expect("a log");
    assert!(events.contains("\"settling\""), "{events}");
}

fn sync(world: &World, rows: &str, options: &[&str]) -> crate::support::Ran {
    let file = world.file("crm.csv", &format!("customer_id;wallet_id;last_name\n{rows}"));
    world.on("sync", &file, &[options, &["--allow-mass-change"]].concat())
}

fn name(world: &World, wallet: &str) -> String {
    world.late_ones_landed();
    held(world, ProviderId::Lemonway, wallet)["newLastName"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_an_account_gets_of_its_next_owner_lands_on_top_of_what_the_last_one_sent() {
    let world = world();
    sync(&world, "B;;Durand\nA;W1;Old\n", &[]).exits(5);
    // Each key is another person's, for all that is known.
    sync(&world, "B;W1;Durand\nA;W2;Old\n", &[]).exits(3);
    world.run(&["rejects", "release"]).exits(0);
    world.run(&["resume"]).exits(0);
    assert_eq!(name(&world, "W1"), "Durand");
    assert_eq!(name(&world, "W2"), "Old");
}

#[test]
fn what_follows_a_call_that_was_given_up_lands_on_top_of_it() {
    what_follows_a_call_that_was_given_up(|_| {});
}

#[test]
fn what_follows_a_call_that_was_given_up_waits_as_long_where_the_clock_is_set_forward() {
    what_follows_a_call_that_was_given_up(clock_jumps);
}

fn what_follows_a_call_that_was_given_up(meanwhile: impl FnOnce(&World)) {
    let world = world();
    sync(&world, "A;W1;Old\n", &[]).exits(5);
    sync(&world, "A;W1;Old\nB;W1;Bold\n", &[]).exits(3);
    let listed = world.run(&["rejects", "list", "--json"]).exits(0).out;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    for call in listed.as_array().expect("calls") {
        let id = call["call"].to_string();
        world.run(&["resolve", &id, "--abandon"]).exits(0);
    }
    meanwhile(&world);
    sync(&world, "A;W1;New\n", &[]).exits(0);
    assert_eq!(name(&world, "W1"), "New");
}

#[test]
fn what_follows_a_call_that_exclude_has_ended_lands_on_top_of_it() {
    let world = world();
    sync(&world, "A;W1;Old\n", &[]).exits(5);
    let rest = "settle = \"5s\"\ntimeout = \"1s\"\nretry = { attempts = 1 }";
    world.configure("", &[("lemonway", &format!("{rest}\nexclude = [\"last_name\"]"))]);
    sync(&world, "A;W1;Old\n", &[]).exits(0);
    world.configure("", &[("lemonway", rest)]);
    sync(&world, "A;W1;New\n", &[]).exits(0);
    assert_eq!(name(&world, "W1"), "New");
}

#[test]
fn what_a_customer_gets_who_was_forgotten_and_is_back_lands_on_top_of_what_was_sent_before() {
    let world = world();
    sync(&world, "A;W1;Old\n", &[]).exits(5);
    world.run(&["forget", "A"]).exits(0);
    world.run(&["forget", "--undo", "A"]).exits(0);
    sync(&world, "A;W1;New\n", &[]).exits(0);
    assert_eq!(name(&world, "W1"), "New");
}

/// A killed run leaves nothing that says when its request may have landed at the latest; the next one takes up what waits.
#[test]
fn what_follows_a_customer_who_is_forgotten_after_a_kill_lands_on_top_of_what_was_sent_before() {
    for (next, wallet) in [("A", "back"), ("B", "another one")] {
        let world = world_that_waits("40s");
        let file = world.file("crm.csv", "customer_id;wallet_id;last_name\nA;W1;Old\n");
        let mut killed = world.start(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"]);
        until("the request is there", || world.requests(ProviderId::Lemonway) > 0);
        killed.kill().expect("killed");
        killed.wait().expect("gone");
        world.run(&["forget", "A"]).exits(0);
        world.run(&["forget", "--undo", "A"]).exits(0);
        sync(&world, &format!("{next};W1;New\n"), &[]).exits(0);
        assert_eq!(name(&world, "W1"), "New", "{wallet}");
    }
}

/// What is forgotten counts for the limits all the same.
#[test]
fn a_request_of_a_customer_who_is_forgotten_after_a_kill_counts_for_the_day() {
    let world = World::accepting();
    world.configure("", &[("lemonway", "settle = \"1ms\"\ntimeout = \"40s\"\ncalls_per_day = 1")]);
    world.play(LATE);
    let file = world.file("crm.csv", "customer_id;wallet_id;last_name\nA;W1;Old\n");
    let mut killed = world.start(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"]);
    until("the request is there", || world.requests(ProviderId::Lemonway) > 0);
    killed.kill().expect("killed");
    killed.wait().expect("gone");
    world.run(&["forget", "A"]).exits(0);
    sync(&world, "B;W2;New\n", &[]).exits(10);
    assert_eq!(world.requests(ProviderId::Lemonway), 1);
}

/// Of two who share an account the one whose call a person has to decide about may have sent the last request.
#[test]
fn what_goes_where_a_held_call_of_somebody_else_has_left_waits_for_it() {
    let world = world();
    world.play(&LATE.replace("nth = 1", "nth = 2"));
    sync(&world, "A;W1;Adam\n", &[]).exits(0);
    sync(&world, "A;W1;Adam\nB;W1;Bell\n", &[]).exits(3);
    world.run(&["rejects", "release"]).exits(0);
    world.run(&["resume"]).exits(5);
    sync(&world, "A;W1;Aron\nB;W1;Boyd\n", &[]).exits(3);
    assert_eq!(name(&world, "W1"), "Aron");
}
