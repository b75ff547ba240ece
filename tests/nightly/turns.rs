//! In which order calls leave, night after night.

use crmsync::domain::provider::ProviderId;

use crate::support::{World, customers};

/// What a password that was refused for a night met first would go after all others for ever.
#[test]
fn a_consent_that_met_a_refused_password_is_withdrawn_although_every_night_has_more_than_may_be_sent() {
    let world = World::new();
    let mut people = customers(12);
    world.populate(&people);
    let others = [("lemonway", "enabled = false"), ("safedebit", "enabled = false")];
    world.configure("", &[("wsone", "concurrency = 1"), others[0], others[1]]);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[6].opt_in = "0";
    people.iter_mut().for_each(|person| person.email = format!("new.{}", person.email));
    world.play("[[rule]]\neffect = { status = { code = 401 } }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(7);
    world.play("");
    world.ledger().reset();
    let explained = world.run(&["explain", &people[6].id]).exits(0).out;
    assert!(explained.contains("after all others"), "{explained}");
    let withdrawn = || {
        let key = format!("1:{}", people[6].person);
        world.ledger().entries().iter().position(|entry| entry.key.as_deref() == Some(&key))
    };
    // Four of twelve may leave each night: those who came first, then whoever went after them.
    world.run(&["resume", "--max-calls", "4"]).exits(10);
    assert_eq!(withdrawn(), None);
    world.run(&["resume", "--max-calls", "4"]).exits(10);
    assert_eq!(withdrawn(), Some(4));
    assert_eq!(world.requests(ProviderId::Wsone), 8);
}

/// Nor do two calls that stop their lane keep everybody else waiting in turns.
#[test]
fn two_calls_that_stop_their_lane_do_not_take_turns_before_the_others() {
    let world = World::new();
    let mut people = customers(6);
    world.populate(&people);
    let others = [("lemonway", "enabled = false"), ("safedebit", "enabled = false")];
    world.configure("", &[("wsone", "concurrency = 1"), others[0], others[1]]);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people.iter_mut().for_each(|person| person.email = format!("new.{}", person.email));
    people[..2].iter_mut().for_each(|person| person.opt_in = "0");
    let rule = |n: usize| {
        format!("[[rule]]\nkey = \"1:{}\"\neffect = {{ status = {{ code = 415 }} }}\n", people[n].person)
    };
    world.play(&(rule(0) + &rule(1)));
    world.sync(&world.csv("crm.csv", &people)).exits(7);
    world.ledger().reset();
    for _ in 0..3 {
        world.run(&["resume"]).exits(7);
    }
    assert_eq!(world.report()["providers"]["wsone"]["deferred"], 2);
    assert_eq!(world.applied(), 4);
}
