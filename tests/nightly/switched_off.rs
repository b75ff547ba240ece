//! A provider that is switched off for some nights: nothing that waits for it leaves over what it missed, and what it missed is
//! told of. One that is somewhere else than before.

use crmsync::domain::provider::ProviderId;

use serde_json::json;

use crate::care::{delivered, json};
use crate::support::{Customer, World, customers};

const OFF: (&str, &str) = ("lemonway", "enabled = false");

/// Customers 1 and 2 have a change that waits for Lemonway, which is then switched off, and 1 and 3 change again.
fn switched_off(people: &mut [Customer]) -> World {
    let world = delivered(people);
    people[..2].iter_mut().for_each(|person| person.email = format!("older-{}@example.org", person.id));
    world.configure("[dispatch]\noutage_patience = \"300ms\"\n", &[]);
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { status = { code = 503 } }\n");
    world.on("sync", &world.csv("crm.csv", people), &["--allow-mass-change"]).exits(5);
    world.play("");
    world.configure("", &[OFF]);
    for who in [0, 2] {
        people[who].email = format!("newer-{}@example.org", people[who].id);
    }
    world
}

fn wallet_email(world: &World, person: &Customer) -> String {
    world.emails(person)[1].clone()
}

#[test]
fn in_deltas_an_overtaken_value_waits_for_a_person() {
    let mut people = customers(3);
    let world = switched_off(&mut people);
    let delta = world.csv("delta.csv", &[people[0].clone(), people[2].clone()]);
    let delta_flags = ["--kind", "delta", "--allow-mass-change"];
    world.on("sync", &delta, &delta_flags).exits(3);
    assert_eq!(world.report()["balanced"], true);
    world.configure("", &[]);
    let told = world.run(&["status"]).exits(0).out;
    assert!(told.contains("lemonway was off when inputs were accepted, since "), "{told}");
    assert!(json(&world.run(&["status", "--json"]))["misses_inputs_since"]["lemonway"].is_string());
    let told = world.run(&["check"]).exits(0).out;
    assert!(told.contains("`crmsync sync FILE --kind full` with the newest complete file"), "{told}");
    // What was not overtaken goes; the other call is shown, with its reason.
    world.run(&["resume"]).exits(0);
    assert_eq!(wallet_email(&world, &people[1]), people[1].email);
    assert_eq!(wallet_email(&world, &people[0]), "elise.1@example.org");
    let listed = json(&world.run(&["rejects", "list", "--json"]).exits(0));
    assert_eq!((&listed[0]["customer_id"], &listed[0]["class"]), (&"C00001".into(), &"overtaken".into()));
    // The next record decides anew.
    people[0].email = "newest@example.org".to_owned();
    world.on("sync", &world.csv("delta.csv", &people[..1]), &delta_flags).exits(0);
    assert_eq!(wallet_email(&world, &people[0]), "newest@example.org");
    // That the third one's change was missed is told of until a complete file came.
    assert!(world.run(&["status"]).exits(0).out.contains("was off when inputs were accepted"));
    world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change"]).exits(0);
    people.iter().for_each(|person| world.all_hold(person));
    assert!(!world.run(&["status"]).exits(0).out.contains("was off when inputs were accepted"));
}

/// What a killed run had on its way waits like all else.
#[test]
fn a_value_that_was_on_its_way_at_a_kill_does_not_leave_over_a_newer_one() {
    let mut people = customers(1);
    let world = delivered(&people);
    people[0].email = "older@example.org".to_owned();
    let file = world.csv("crm.csv", &people);
    let arguments = ["sync", file.to_str().expect("utf-8"), "--allow-mass-change", "--provider", "lemonway"];
    let mut killed = world.command(&arguments);
    killed.env("CRMSYNC_FAULT", "before-send").output().expect("the binary runs");
    world.configure("", &[OFF]);
    people[0].email = "newer@example.org".to_owned();
    world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change"]).exits(3);
    world.configure("", &[]);
    world.run(&["resume"]).exits(0);
    assert_eq!(wallet_email(&world, &people[0]), "elise.1@example.org", "the older value has left");
    let listed = json(&world.run(&["rejects", "list", "--json"]).exits(0));
    assert_eq!(listed[0]["class"], "overtaken", "{listed}");
}

/// What was refused before may be older than what the CRM says by now.
#[test]
fn who_releases_what_was_refused_before_is_told_that_newer_inputs_were_missed() {
    let mut people = customers(1);
    let world = delivered(&people);
    people[0].email = "refused@example.org".to_owned();
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"178\" } }\n");
    world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change"]).exits(3);
    world.play("");
    world.configure("", &[OFF]);
    people[0].email = "newer@example.org".to_owned();
    let newest = world.csv("crm.csv", &people);
    world.on("sync", &newest, &["--allow-mass-change"]).exits(0);
    world.configure("", &[]);
    let told = world.run(&["rejects", "release"]).exits(0).err;
    assert!(told.contains("lemonway was off when inputs were accepted, since "), "{told}");
    assert!(told.contains("next: crmsync sync FILE --kind full"), "{told}");
    world.on("sync", &newest, &["--allow-mass-change"]).exits(0);
    world.all_hold(&people[0]);
    // Nothing is missed any more.
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"178\" } }\n");
    people[0].email = "refused@example.org".to_owned();
    world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change"]).exits(3);
    assert!(world.run(&["rejects", "release"]).exits(0).err.contains("next: crmsync resume"));
}

/// Who has taken the section out has switched the provider off too, and nobody can say what its calls would be.
#[test]
fn what_waits_for_a_provider_without_a_section_does_not_leave_over_a_newer_value() {
    let mut people = customers(3);
    let world = switched_off(&mut people);
    let with_section = std::fs::read_to_string(world.path("crmsync.toml")).expect("readable");
    let sections = with_section.split("\n[providers.").filter(|section| !section.starts_with("lemonway"));
    world.file("crmsync.toml", &sections.collect::<Vec<_>>().join("\n[providers."));
    let delta = world.csv("delta.csv", &people[..1]);
    world.on("sync", &delta, &["--kind", "delta", "--allow-mass-change"]).exits(3);
    world.configure("", &[]);
    world.run(&["resume"]).exits(0);
    assert_eq!(wallet_email(&world, &people[1]), people[1].email);
    assert_eq!(wallet_email(&world, &people[0]), "elise.1@example.org", "the older value has left");
    let listed = json(&world.run(&["rejects", "list", "--json"]).exits(0));
    assert_eq!(listed[0]["class"], "overtaken", "{listed}");
}

/// A night that says nothing else leaves them as they are, whatever else it changes.
#[test]
fn what_the_record_says_too_goes_when_the_provider_is_switched_on() {
    let mut people = customers(3);
    let world = switched_off(&mut people);
    people[0].email = format!("older-{}@example.org", people[0].id);
    people[1].iban = "";
    world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change"]).exits(0);
    world.configure("", &[]);
    world.run(&["resume"]).exits(0);
    people[..2].iter().for_each(|person| assert_eq!(wallet_email(&world, person), person.email));
}

#[test]
fn a_complete_file_says_what_is_due_and_nobody_has_to_decide() {
    let mut people = customers(3);
    let world = switched_off(&mut people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change"]).exits(3);
    world.configure("", &[]);
    let before = world.requests(ProviderId::Lemonway);
    world.on("sync", &file, &["--allow-mass-change"]).exits(0);
    people.iter().for_each(|person| world.all_hold(person));
    assert_eq!(world.requests(ProviderId::Lemonway) - before, 3);
    assert_eq!(json(&world.run(&["rejects", "list", "--json"]).exits(0)), json!([]));
}

/// Perhaps it is another system, which holds nothing of what the state says was delivered.
#[test]
fn another_address_of_a_provider_is_told_of_until_a_person_has_decided() {
    let world = World::new();
    world.configure("", &[("lemonway", "enabled = false"), ("safedebit", "enabled = false")]);
    let http = world.url();
    let move_to = |address: &str| {
        let text = std::fs::read_to_string(world.path("crmsync.toml")).expect("a configuration");
        let lines = text.lines().map(|line| {
            match line.starts_with("base_url") && !line.contains(&format!("{http}/")) {
                true => format!("base_url = \"{address}\"\n"),
                false => format!("{line}\n"),
            }
        });
        world.file("crmsync.toml", &lines.collect::<String>());
    };
    let file = world.csv("crm.csv", &customers(1));
    let run = || world.on("sync", &file, &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    let all = |ran: crate::support::Ran| ran.out + &ran.err;
    move_to("https://test.example");
    let warning =
        "wsone was at https://test.example and is at https://live.example: if that is another system";
    assert!(!all(run()).contains("wsone was at"));
    move_to("https://test.example/");
    assert!(!all(run()).contains("wsone was at"));
    move_to("https://live.example");
    assert!(all(world.run(&["check"]).exits(0)).contains(warning));
    assert!(all(world.on("plan", &file, &["--allow-mass-change"]).exits(0)).contains(warning));
    for _ in 0..2 {
        assert!(all(run()).contains(warning));
        assert!(all(world.run(&["status"]).exits(0)).contains(warning));
    }
    world.run(&["doctor", "--same-providers"]).exits(0);
    assert!(!all(run()).contains("wsone was at"));
    assert!(!all(world.run(&["status"]).exits(0)).contains("wsone was at"));
    // What a simulator has got, the provider has not; whichever port it listens at.
    for (address, told) in [
        ("http://127.0.0.1:1", Some("wsone was at https://live.example and is at a place on this machine")),
        ("http://localhost:2", Some("wsone was at https://live.example and is at a place on this machine")),
        ("https://live.example", Some("wsone was at a place on this machine and is at https://live.example")),
    ] {
        move_to(address);
        let said = all(run());
        assert_eq!(said.contains("wsone was at"), told.is_some(), "{address}: {said}");
        assert!(told.is_none_or(|told| said.contains(told)), "{address}: {said}");
    }
    let resync = ["--allow-mass-change", "--max-calls", "0", "--full-resync"];
    assert!(!all(world.on("sync", &file, &resync).exits(10)).contains("wsone was at"), "it gets everything");
    assert!(!all(run()).contains("wsone was at"));
}

/// Of what was held, nothing may be left to go.
#[test]
fn a_held_call_that_lost_all_that_it_had_does_not_go() {
    for held in ["overtaken", "refused_after_unknown"] {
        let mut people = customers(1);
        let world = delivered(&people);
        people[0].email = "older@example.org".to_owned();
        let others = [("wsone", "enabled = false"), ("safedebit", "enabled = false")];
        let file = |email: &str| {
            let head = "customer_id;wallet_id;email";
            world.file("crm.csv", &format!("{head}\nC00001;W00001;{email}\n"))
        };
        if held == "overtaken" {
            world.configure("", &others);
            world.on("sync", &file("older@example.org"), &["--max-calls", "0"]).exits(10);
            world.configure("", &[OFF]);
            world.sync(&file("newer@example.org")).exits(3);
        } else {
            world.configure("", &others);
            world.play(
                "[[rule]]\nnth = 1\neffect = { lose_reply = \"after\" }\n\
                 [[rule]]\neffect = { refuse = { code = \"204\" } }\n",
            );
            world.sync(&file("older@example.org")).exits(3);
            world.play("");
        }
        let listed = json(&world.run(&["rejects", "list", "--provider", "lemonway", "--json"]).exits(0));
        assert_eq!(listed[0]["class"], held, "{listed}");
        let without = ("lemonway", "exclude = [\"email\"]");
        world.configure("", &[others[0], others[1], without]);
        let before = world.requests(ProviderId::Lemonway);
        world.run(&["resume"]).exits(0);
        if held != "overtaken" {
            world.run(&["rejects", "release", "--customer", "C00001"]).exits(0);
            world.run(&["resume"]).exits(0);
        }
        assert_eq!(world.requests(ProviderId::Lemonway), before, "{held}");
        let listed = world.run(&["rejects", "list", "--provider", "lemonway", "--json"]).exits(0).out;
        assert_eq!(listed.trim(), "[]", "{held}");
    }
}

#[test]
fn what_waits_under_another_identifier_does_not_leave_once_its_provider_is_on_again() {
    let world = World::new();
    world.knows(ProviderId::Wsone, "1:7700000001");
    let configure = |more: &str| {
        let more = format!("on_new = \"update\"\n{more}");
        world.configure("[input]\nkind = \"delta\"\n", &[("wsone", &more)]);
    };
    configure("");
    world.play(
        "[[rule]]\nprovider = \"wsone\"\neffect = { status = { code = 429, retry_after = \"3600\" } }\n",
    );
    let header = "customer_id;person_identifier;person_identifier_type;last_name";
    let file = world.file("a.csv", &format!("{header}\nC00001;7700000001;1;Martin\n"));
    world.on("sync", &file, &["--allow-mass-change", "--max-duration", "1s"]).exits(10);
    configure("enabled = false\n");
    world.sync(&world.file("b.csv", "customer_id;person_identifier\nC00001;7700000002\n")).exits(3);
    configure("");
    world.play("");
    let before = world.requests(ProviderId::Wsone);
    let told = world.run(&["resume"]).exits(0).out;
    assert_eq!(world.requests(ProviderId::Wsone), before, "{told}");
}
