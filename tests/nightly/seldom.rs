//! What seldom happens: second proofs, pauses at the end of a budget, kinds of customers that change, records of which a part
//! was turned away.

use crmsync::domain::provider::ProviderId;

use crate::care::{backups, json};
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

/// What was proved before a person looked is no proof any more.
#[test]
fn a_released_probe_needs_two_proofs_anew() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.configure("", &[("wsone", "response_codes = { \"101\" = \"missing\" }")]);
    world.play(
        "[[rule]]\noperation = \"createPerson\"\ntimes = 1\neffect = { lose_reply = \"before\" }\n\
         [[rule]]\noperation = \"updatePerson\"\nnth = 2\neffect = { refuse = { code = \"155\" } }\n",
    );
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    assert_eq!(world.requests(ProviderId::Wsone), 3);
    world.play("");
    world.run(&["rejects", "release", "--provider", "wsone"]).exits(0);
    world.run(&["resume"]).exits(0);
    assert_eq!(world.requests(ProviderId::Wsone), 3 + 3, "two probes and a create");
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

/// Where the provider takes the blank, no country is the old one any more.
#[test]
fn a_country_that_is_taken_away_keeps_no_number_back() {
    let world = World::new();
    world.configure("", &[("wsone", "on_cleared = \"send_empty\"\n")]);
    world.knows(ProviderId::Wsone, "1:7700000001");
    let file = |country: &str, mobile: &str| {
        let header = "customer_id;person_identifier;last_name;mobile_phone;country";
        world.file("crm.csv", &format!("{header}\nC00001;7700000001;Martin;{mobile};{country}\n"))
    };
    world.sync(&file("DE", "+4915123456789")).exits(0);
    world.sync(&file("", "0612345678")).exits(0);
    assert_eq!(world.report()["providers"]["wsone"]["incomplete"], 0);
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

/// The complete file since the restore says less than what the backup has in its queue.
#[test]
fn a_probe_of_a_backup_waits_where_the_file_lacks_what_it_carries() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.configure("", &[("wsone", "response_codes = { \"101\" = \"missing\" }")]);
    world.play(
        "[[rule]]\noperation = \"createPerson\"\neffect = { lose_reply = \"after\" }\n\
         [[rule]]\noperation = \"updatePerson\"\neffect = { status = { code = 429, retry_after = \"3600\" } }\n",
    );
    let limits = ["--allow-mass-change", "--max-duration", "2s"];
    world.on("sync", &world.csv("crm.csv", &people), &limits).exits(10);
    people[0].iban = "";
    world.on("sync", &world.csv("crm.csv", &people), &limits).exits(10);
    let backup = backups(&world).pop().expect("a backup");
    world.play("");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    let before = world.requests(ProviderId::Wsone);
    let header = "customer_id;person_identifier;last_name;wallet_id;safedebit_reference";
    let part = world.file("part.csv", &format!("{header}\nC00001;7700000001;Durand;W00001;REF00001\n"));
    world.on("sync", &part, &["--kind", "full", "--allow-mass-change"]).exits(3);
    assert_eq!(world.requests(ProviderId::Wsone), before);
    let listed = json(&world.run(&["rejects", "list", "--provider", "wsone", "--json"]).exits(0));
    assert_eq!(listed[0]["class"], "restored", "{listed:#}");
}

/// A customer of Lemonway, and files with changes alone.
fn in_parts(policy: &str) -> World {
    let world = World::new();
    world.knows(ProviderId::Lemonway, "W00001");
    world.configure("[input]\nkind = \"delta\"\n", &[("lemonway", policy)]);
    let header = "customer_id;wallet_id;last_name;mobile_phone;street;address_apartment;city";
    let row = "C00001;W00001;Martin;0612345678;5 rue Victor Hugo;Apt 1;Lille";
    world.sync(&world.file("a.csv", &format!("{header}\n{row}\n"))).exits(0);
    world
}

#[test]
fn a_flat_without_its_street_is_told_of() {
    let world = in_parts("");
    world
        .sync(&world.file("b.csv", "customer_id;wallet_id;address_apartment\nC00001;W00001;Apt 2\n"))
        .exits(3);
    assert_eq!(world.report()["providers"]["lemonway"]["incomplete"], 1);
}

#[test]
fn a_cleared_value_that_was_turned_away_is_told_of_once_a_later_record_is_taken() {
    let world = in_parts("on_cleared = \"reject\"\n");
    let cleared = "customer_id;wallet_id;mobile_phone;city\nC00001;W00001;;Paris\n";
    world.sync(&world.file("b.csv", cleared)).exits(3);
    world.sync(&world.file("c.csv", "customer_id;wallet_id;last_name\nC00001;W00001;Durand\n")).exits(3);
    assert_eq!(world.report()["providers"]["lemonway"]["incomplete"], 2);
}

#[test]
fn a_seed_does_not_make_what_was_turned_away_forgotten() {
    let world = in_parts("on_invalid = \"reject_customer\"\n");
    let invalid = "customer_id;wallet_id;mobile_phone;city\nC00001;W00001;06x;Paris\n";
    world.sync(&world.file("b.csv", invalid)).exits(3);
    let seed = world.file("c.csv", "customer_id;wallet_id;last_name\nC00001;W00001;Durand\n");
    world.on("seed", &seed, &[]).exits(0);
    let explained = world.run(&["explain", "C00001"]).exits(0).out;
    assert!(explained.contains("newCity") && explained.contains("newMobileNumber"), "{explained}");
}
