//! What stops a lane, or slows it down: no call does so night after night, nobody is created twice, no other lane waits.

use std::process::Command;

use crmsync::domain::provider::ProviderId;

use crate::care::state;
use crate::support::{Ran, World, customers, until};

/// Somebody was created, or nobody was: the answer can follow upon both.
#[test]
fn a_create_is_not_sent_again_after_a_status_that_can_follow_upon_one_that_was_done() {
    let redirect = r#"redirect = { location = "/done", status = 303, apply = true }"#;
    let conflict = |apply| format!("status = {{ code = 409, apply = {apply} }}");
    for effect in [redirect.to_owned(), conflict(true), conflict(false)] {
        let world = World::new();
        let people = customers(1);
        world.populate(&people);
        world.configure("", &[("wsone", "response_codes = { \"101\" = \"missing\" }")]);
        world.play(&format!("[[rule]]\noperation = \"createPerson\"\ntimes = 1\neffect = {{ {effect} }}\n"));
        world.sync(&world.csv("crm.csv", &people)).exits(7);
        assert_eq!(world.report()["balanced"], true);
        world.run(&["resume"]).exits(0);
        assert_eq!(world.duplicates(), 0, "{effect}");
        world.all_hold(&people[0]);
    }
}

/// A firewall that does not like what one customer is called, say.
#[test]
fn a_customer_whose_call_is_not_let_through_goes_last_in_the_next_night() {
    for status in [401, 403] {
        let world = World::new();
        let people = customers(4);
        world.populate(&people);
        world.configure("", &[("safedebit", "concurrency = 1")]);
        let key = &people[0].reference;
        world.play(&format!(
            "[[rule]]\nprovider = \"safedebit\"\nkey = \"{key}\"\neffect = {{ status = {{ code = {status} }} }}\n"
        ));
        world.sync(&world.csv("crm.csv", &people)).exits(7);
        assert_eq!(world.requests(ProviderId::Safedebit), 1);
        world.run(&["resume"]).exits(7);
        people[1..].iter().for_each(|person| world.all_hold(person));
    }
}

/// A maintenance that is told by a code: a few requests find out when it is over, and the others stay queued.
#[test]
fn a_provider_that_has_nothing_but_a_transient_code_is_not_asked_for_every_call() {
    let world = World::new();
    let people = customers(60);
    world.populate(&people);
    world.configure("[dispatch]\noutage_patience = \"300ms\"\n", &[("lemonway", "concurrency = 4")]);
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"179\" } }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(5);
    // Five in a row and those beside the fifth; then, a second later, one that shows that nothing has changed, and those beside it.
    let asked = world.requests(ProviderId::Lemonway);
    assert!((6..=16).contains(&asked), "{asked}");
    let report = world.report();
    assert_eq!(
        (&report["providers"]["lemonway"]["deferred"], &report["balanced"]),
        (&60.into(), &true.into())
    );
    world.play("");
    world.run(&["resume"]).exits(0);
    people.iter().for_each(|person| world.all_hold(person));
}

/// Who has the turn of the suspected calls, and may send nothing for an hour, gives it to the other lane.
#[test]
fn a_lane_that_pauses_keeps_no_suspected_call_of_another_one_back() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let changed: Vec<_> = people.iter().map(|person| person.clone().email("new@example.org")).collect();
    let file = world.csv("crm.csv", &changed[..1]);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "0", "--kind", "delta"]).exits(10);
    assert_eq!(state(&world).execute("UPDATE call SET crashes = 2 WHERE payload IS NOT NULL", []), Ok(3));
    // A call that nobody suspects keeps the other lanes busy until this one has the turn.
    world.play(
        "[[rule]]\nprovider = \"wsone\"\neffect = { status = { code = 429, retry_after = \"3600\" } }\n\
         [[rule]]\nprovider = \"lemonway\"\ntimes = 1\neffect = { latency = \"400ms\" }\n\
         [[rule]]\nprovider = \"safedebit\"\ntimes = 1\neffect = { latency = \"400ms\" }\n",
    );
    let mut other = changed[1].clone();
    other.person.clear();
    let file = world.csv("crm.csv", &[other]);
    world.ledger().reset();
    let child =
        world.start(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change", "--kind", "delta"]);
    until("the others' calls have gone", || {
        [ProviderId::Lemonway, ProviderId::Safedebit].iter().all(|lane| world.requests(*lane) == 2)
    });
    assert_eq!(world.requests(ProviderId::Wsone), 1);
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    Ran::from(child.wait_with_output().expect("gone")).exits(143);
}

/// Who is at fault changes in the CRM too, and so does everybody behind.
#[test]
fn a_customer_whose_call_stops_its_lane_goes_last_also_with_a_newer_value() {
    let world = World::new();
    let mut people = customers(4);
    world.populate(&people);
    world.configure("", &[("lemonway", "concurrency = 1")]);
    let key = people[0].wallet.clone();
    world.play(&format!(
        "[[rule]]\nprovider = \"lemonway\"\nkey = \"{key}\"\neffect = {{ status = {{ code = 400 }} }}\n"
    ));
    for night in 0..3 {
        people.iter_mut().for_each(|person| person.email = format!("{}-{night}@example.org", person.id));
        let file = world.csv("crm.csv", &people);
        world.on("sync", &file, &["--allow-mass-change"]).exits(7);
        if night > 0 {
            people[1..].iter().for_each(|person| world.all_hold(person));
        }
    }
}

/// What all can have in one night is less than what changes: nobody is behind the same others for ever.
#[test]
fn nobody_waits_for_ever_behind_those_who_change_too() {
    let world = World::new();
    let mut people = customers(6);
    world.populate(&people);
    world.configure("", &[("wsone", "enabled = false"), ("safedebit", "enabled = false")]);
    let mut seen = std::collections::BTreeSet::new();
    for night in 0..3 {
        people.iter_mut().for_each(|person| person.email = format!("{}-{night}@example.org", person.id));
        let file = world.csv("crm.csv", &people);
        world.on("sync", &file, &["--allow-mass-change", "--max-calls", "2"]).exits(10);
        let current = people.iter().filter(|person| world.emails(person)[1] == person.email);
        seen.extend(current.map(|person| person.id.clone()));
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

/// An update may have been done too: a value that the CRM takes back is sent, though nothing else is due.
#[test]
fn a_value_that_is_taken_back_after_a_status_that_can_follow_upon_success_is_sent() {
    for effect in [
        "redirect = { location = \"/done\", status = 303, apply = true }",
        "status = { code = 409, apply = true }",
    ] {
        let world = World::new();
        let people = customers(1);
        world.populate(&people);
        let file = world.csv("crm.csv", &people);
        world.sync(&file).exits(0);
        world.play(&format!("[[rule]]\nprovider = \"lemonway\"\neffect = {{ {effect} }}\n"));
        let newer = people[0].clone().email("newer@example.org");
        world.on("sync", &world.csv("crm.csv", &[newer]), &["--provider", "lemonway"]).exits(7);
        world.play("");
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        world.all_hold(&people[0]);
    }
}

/// What is on its way when the time is over is waited for.
#[test]
fn a_run_whose_last_call_is_answered_behind_its_deadline_is_complete() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let off = "enabled = false";
    world.configure("", &[("wsone", off), ("safedebit", off)]);
    world.play("[[rule]]\neffect = { latency = \"3s\" }\n");
    let file = world.csv("crm.csv", &people);
    let ran = world.on("sync", &file, &["--allow-mass-change", "--max-duration", "1s"]).exits(0);
    assert!(ran.out.contains("next: nothing to do"), "{}", ran.out);
    assert_eq!(world.report()["run"]["outcome"], "complete");
}

/// What stays queued would have stayed without a limit of time too.
#[test]
fn a_deadline_is_not_why_what_nobody_asked_for_or_used_up_its_tries_stays_queued() {
    let off = "enabled = false";
    let refusal = "[[rule]]\nnth = 1\neffect = { refuse = { code = '179' } }\n";
    let once = "retry = { attempts = 1, initial = '1ms', max = '1ms' }";
    let nobody_else = &["--only", "C00001"][..];
    for (only, retry, rule, code) in [(nobody_else, "", "", 0), (&[], once, refusal, 5)] {
        let world = World::new();
        let people = customers(2);
        world.populate(&people);
        world.configure("", &[("wsone", off), ("safedebit", off), ("lemonway", retry)]);
        world.play(&format!("{rule}[[rule]]\neffect = {{ latency = \"3s\" }}\n"));
        let file = world.csv("crm.csv", &people);
        let limits = [&["--allow-mass-change", "--max-duration", "1s"][..], only].concat();
        let ran = world.on("sync", &file, &limits).exits(code);
        assert_eq!(world.report()["providers"]["lemonway"]["deferred"], 1, "{}", ran.out);
    }
}

#[test]
fn a_run_that_its_last_call_stops_leaves_nothing_queued_and_says_so() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let off = "enabled = false";
    world.configure("", &[("wsone", off), ("safedebit", off)]);
    world.play("[[rule]]\neffect = { refuse = { code = \"178\" } }\n");
    let file = world.csv("crm.csv", &people);
    let ran = world.on("sync", &file, &["--allow-mass-change", "--max-errors", "1"]).exits(6);
    assert!(ran.out.contains("stopped at its limit; nothing stays queued"), "{}", ran.out);
}
