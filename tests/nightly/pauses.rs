//! What a run waits for, and what not: `settle`, and pauses that a provider asks for.

use crmsync::domain::provider::ProviderId;

use crate::support::{Ran, World, customers, until};

/// Nobody knows what became of it until `settle` is over, whichever run began to wait.
#[test]
fn a_run_waits_for_what_used_up_its_tries_in_the_last_one() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    let patient = "settle = \"2s\"\nretry = { attempts = 1, initial = \"5ms\", max = \"20ms\" }\n";
    world.configure("", &[("lemonway", patient)]);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[0].email = "first@example.org".to_owned();
    world.play("[[rule]]\nprovider = \"lemonway\"\ntimes = 1\neffect = { lose_reply = \"before\" }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(5);
    let before = world.requests(ProviderId::Lemonway);
    world.run(&["resume"]).exits(0);
    assert_eq!(world.requests(ProviderId::Lemonway), before + 1);
    world.all_hold(&people[0]);
}

#[test]
fn a_pause_is_not_waited_for_by_who_has_no_calls_left() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.play(
        "[[rule]]\nprovider = \"lemonway\"\neffect = { status = { code = 429, retry_after = \"3600\" } }\n",
    );
    let file = world.csv("crm.csv", &people).display().to_string();
    let mut run = world.start(&["sync", &file, "--allow-mass-change", "--max-calls", "3"]);
    until("the run is over long before the pause is", || run.try_wait().expect("a process").is_some());
    Ran::from(run.wait_with_output().expect("ended")).exits(10);
}

#[test]
fn a_503_that_asks_for_no_wait_is_a_pause_all_the_same() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.play(
        "[[rule]]\noperation = \"createPerson\"\ntimes = 1\neffect = { status = { code = 503, retry_after = \"0\" } }\n",
    );
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.report()["providers"]["wsone"]["throttled"], 1);
}

/// Whichever lane takes the last request, nothing that waits for its time can be sent any more.
#[test]
fn a_lane_that_waits_ends_when_another_one_takes_the_last_request() {
    let world = World::new();
    let people = customers(5);
    world.populate(&people);
    let one_by_one = "concurrency = 1";
    let off = ("wsone", "enabled = false");
    world.configure("", &[off, ("lemonway", one_by_one), ("safedebit", one_by_one)]);
    world.play(
        "[[rule]]\nprovider = \"lemonway\"\neffect = { status = { code = 429, retry_after = \"600\" } }\n\
         [[rule]]\nprovider = \"safedebit\"\neffect = { latency = \"200ms\" }\n",
    );
    let file = world.csv("crm.csv", &people);
    let mut sync = world.start(&[
        "sync",
        file.to_str().expect("utf-8"),
        "--allow-mass-change",
        "--max-calls",
        "6",
        "--progress",
        "never",
    ]);
    until("the run ends", || sync.try_wait().expect("there").is_some());
    assert_eq!(sync.wait().expect("ended").code(), Some(10));
}

/// Runs that are over before an unknown outcome has settled, as a timer starts them every minute.
#[test]
fn a_call_of_unknown_outcome_leaves_although_every_run_is_shorter_than_settle() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    let off = [("wsone", "enabled = false"), ("safedebit", "enabled = false")];
    world.configure("", &[("lemonway", "settle = \"4s\""), off[0], off[1]]);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[0].email = "new@example.org".to_owned();
    world.play("[[rule]]\ntimes = 1\neffect = { lose_reply = \"before\" }\n");
    world.on("sync", &world.csv("crm.csv", &people), &["--max-duration", "1500ms"]).exits(10);
    let short = || world.run(&["resume", "--max-duration", "1500ms"]).code;
    assert!((0..20).map(|_| short()).any(|code| code == 0));
    let wallet = world.ledger().person(ProviderId::Lemonway, &people[0].wallet).expect("known");
    assert_eq!(wallet.fields["newEmail"], people[0].email);
}
