//! What persons decide, and what the CRM takes back meanwhile: nothing is doubled, nothing is booked that never left.

use crmsync::domain::provider::ProviderId;
use crmsync::sandbox::Operation;

use crate::support::{World, customers};

pub(crate) fn creates(world: &World) -> u64 {
    let summary = world.ledger().summary();
    let operations = &summary.providers[&ProviderId::Wsone].operations;
    operations.get(&Operation::CreatePerson).map_or(0, |tally| tally.requests)
}

#[test]
fn a_create_found_applied_still_brings_the_values_that_came_after_it() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.play(
        "[[rule]]\noperation = \"createPerson\"\ntimes = 1\neffect = { lose_reply = \"after\" }\n\
         [[rule]]\noperation = \"updatePerson\"\ntimes = 1\neffect = { refuse = { code = \"155\" } }\n",
    );
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    people[0].email = "newer@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let listed = world.run(&["rejects", "list", "--json"]).exits(0);
    let calls: serde_json::Value = serde_json::from_str(&listed.out).expect("JSON");
    let call = calls[0]["call"].to_string();
    world.run(&["resolve", &call, "--applied"]).exits(0);
    world.run(&["resume"]).exits(0);
    world.all_hold(&people[0]);
    assert_eq!((creates(&world), world.duplicates()), (1, 0));
}

#[test]
fn a_key_taken_back_together_with_a_change_creates_nobody_again() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let own = std::mem::replace(&mut people[0].person, "8800000001".to_owned());
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    people[0].person = own;
    people[0].email = "back@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.all_hold(&people[0]);
    assert_eq!((creates(&world), world.duplicates()), (1, 0));
}

#[test]
fn a_released_newcomer_under_a_known_key_is_updated_not_created() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    people[1].person = people[0].person.clone();
    world.sync(&world.csv("newcomer.csv", &people[1..])).exits(3);
    world.run(&["rejects", "release", "--provider", "wsone"]).exits(0);
    world.run(&["resume"]).exits(0);
    assert_eq!((creates(&world), world.duplicates()), (1, 0));
}

#[test]
fn a_seed_with_a_shared_key_does_not_forget_its_known_owner() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    let shared = people[0].person.clone();
    let own = std::mem::replace(&mut people[1].person, shared);
    world.on("seed", &world.csv("crm.csv", &people), &[]).exits(3);
    people[1].person = own;
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.duplicates(), 0);
}

#[test]
fn an_excluded_field_is_not_sent_from_the_queue_either() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    world.configure("", &[("safedebit", "exclude = [\"iban\"]")]);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let consumer = world.ledger().person(ProviderId::Safedebit, "REF00001").expect("known");
    assert!(!consumer.fields.contains_key("iban"));
}

/// Whoever was in no file while the field was excluded gets it all the same.
#[test]
fn a_field_that_left_the_queue_goes_once_it_is_let_in_again() {
    for is_new in [false, true] {
        let world = World::new();
        let mut people = customers(2);
        world.populate(&people);
        if !is_new {
            world.sync(&world.csv("crm.csv", &people)).exits(0);
        }
        people[0].mobile = "0698765432".to_owned();
        let file = world.csv("crm.csv", &people);
        world.on("sync", &file, &["--allow-mass-change", "--max-calls", "0"]).exits(10);
        world.configure("", &[("lemonway", "exclude = [\"mobile_phone\"]")]);
        if is_new {
            world.run(&["resume"]).exits(0);
        } else {
            world.on("sync", &world.csv("delta.csv", &people[1..]), &["--kind", "delta"]).exits(0);
        }
        world.configure("", &[]);
        world.on("sync", &file, &["--allow-older"]).exits(0);
        let wallet = world.ledger().person(ProviderId::Lemonway, "W00001").expect("known").fields;
        assert_eq!(wallet["newMobileNumber"], "33698765432", "new: {is_new}");
    }
}

/// From a refused call nobody takes what is excluded; it must not go along with the next change.
#[test]
fn what_is_excluded_does_not_leave_a_refused_call_with_the_next_change() {
    let world = World::new();
    world.populate(&customers(1));
    let file = |name: &str| {
        let head = "customer_id;safedebit_reference;first_name;landline_phone";
        world.file("crm.csv", &format!("{head}\nC00001;REF00001;{name};0140506070\n"))
    };
    world.play("[[rule]]\nprovider = \"safedebit\"\neffect = { refuse = { code = \"X_1\" } }\n");
    world.on("sync", &file("Elise"), &["--allow-mass-change"]).exits(3);
    world.play("");
    world.configure("", &[("safedebit", "exclude = [\"landline_phone\"]")]);
    world.sync(&file("Anne")).exits(0);
    let consumer = world.ledger().person(ProviderId::Safedebit, "REF00001").expect("known").fields;
    assert_eq!(consumer["consumer_first_name"], "Anne");
    assert!(!consumer.contains_key("consumer_phone_number"), "{consumer:?}");
}

#[test]
fn a_plan_takes_out_of_what_waits_what_the_next_run_will() {
    let world = World::new();
    world.populate(&customers(1));
    let text = "customer_id;safedebit_reference;landline_phone\nC00001;REF00001;0140506070\n";
    let file = world.file("crm.csv", text);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    world.configure("", &[("safedebit", "exclude = [\"landline_phone\"]")]);
    world.on("plan", &file, &["--detailed-exitcode"]).exits(20);
    world.sync(&file).exits(0);
    assert_eq!(world.requests(ProviderId::Safedebit), 0);
}

/// What is made of several columns goes on being made of the others.
#[test]
fn what_waits_keeps_what_a_field_has_of_columns_that_are_not_excluded() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let lines =
        [("safedebit", "exclude = [\"landline_phone\"]"), ("lemonway", "exclude = [\"address_building\"]")];
    world.configure("", &lines);
    let head = "customer_id;wallet_id;safedebit_reference;";
    let full = world
        .file("crm.csv", &format!("{head}mobile_phone;street\nC00001;W00001;REF00001;0612345678;2 rue B\n"));
    world.on("sync", &full, &["--max-calls", "0"]).exits(10);
    let delta = world.file("delta.csv", &format!("{head}last_name\nC00001;W00001;REF00001;Petit\n"));
    world.on("sync", &delta, &["--kind", "delta"]).exits(0);
    let held = |provider, key: &str| world.ledger().person(provider, key).expect("known").fields;
    assert_eq!(held(ProviderId::Safedebit, "REF00001")["consumer_phone_number"], "0612345678");
    assert_eq!(held(ProviderId::Lemonway, "W00001")["newStreet"], "2 rue B");
}

/// What was refused for a field goes without it, once that is excluded.
#[test]
fn what_was_refused_for_a_field_that_is_excluded_is_sent_without_it() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.play("[[rule]]\nprovider = \"safedebit\"\neffect = { refuse = { code = \"X_1\" } }\n");
    world.sync(&file).exits(3);
    world.play("");
    world.configure("", &[("safedebit", "exclude = [\"iban\"]")]);
    let plan = crate::care::json(&world.on("plan", &file, &["--json"]).exits(0));
    assert_eq!(plan["providers"][2]["update"], 1, "{plan}");
    world.sync(&file).exits(0);
    let consumer = world.ledger().person(ProviderId::Safedebit, "REF00001").expect("known");
    assert!(!consumer.fields.contains_key("iban") && consumer.fields["consumer_last_name"] == people[0].last);
}

/// What waits of somebody whom the next input lacks, or for a person, has the field no more either.
#[test]
fn an_excluded_field_leaves_what_waits_without_an_input() {
    for how in ["queued", "refused"] {
        let world = World::new();
        let mut people = customers(2);
        world.populate(&people);
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        let iban = "FR1420041010050500013M02606";
        (people[0].iban, people[1].iban) = (iban, iban);
        people[1].last = "Newname".to_owned();
        let file = world.csv("crm.csv", &people);
        if how == "queued" {
            world.on("sync", &file, &["--allow-mass-change", "--max-calls", "0"]).exits(10);
        } else {
            world.play("[[rule]]\nprovider = \"safedebit\"\neffect = { refuse = { code = \"X_1\" } }\n");
            world.sync(&file).exits(3);
            world.play("");
            world.run(&["rejects", "release", "--provider", "safedebit"]).exits(0);
        }
        world.configure("", &[("safedebit", "exclude = [\"iban\"]")]);
        world.run(&["resume"]).exits(0);
        let report = world.report();
        assert_eq!(
            (&report["balanced"], &report["providers"]["safedebit"]["superseded"]),
            (&true.into(), &1.into()),
            "{how}"
        );
        for (reference, last) in [("REF00001", &people[0].last), ("REF00002", &people[1].last)] {
            let consumer = world.ledger().person(ProviderId::Safedebit, reference).expect("known");
            assert_ne!(consumer.fields["iban"], iban, "{how}: {reference}");
            assert_eq!(consumer.fields["consumer_last_name"], **last, "{how}: {reference}");
        }
        // Once it may go again, it does.
        world.configure("", &[]);
        world.sync(&file).exits(0);
        people.iter().for_each(|customer| world.all_hold(customer));
    }
}

#[test]
fn a_denial_that_arrives_while_the_run_drains_is_not_lost() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    world.play(
        "[[rule]]\nprovider = \"wsone\"\neffect = { latency = \"300ms\" }\n\
         [[rule]]\nprovider = \"wsone\"\neffect = { status = { code = 401 } }\n",
    );
    let file = world.csv("crm.csv", &people);
    let arguments = ["--allow-mass-change", "--provider", "wsone", "--max-calls", "1"];
    world.on("sync", &file, &arguments).exits(7);
}

#[test]
fn a_provider_that_is_not_enabled_cannot_be_chosen() {
    let world = World::new();
    world.configure("", &[("lemonway", "enabled = false")]);
    let ran = world.run(&["resume", "--provider", "lemonway"]).exits(2);
    assert!(ran.err.contains("lemonway"), "{}", ran.err);
}

#[test]
fn the_next_step_about_a_held_call_is_typed_as_it_stands_and_never_decides() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    let config = world.path("night one.toml");
    std::fs::rename(world.path("crmsync.toml"), &config).expect("renamed");
    let run = |words: &[&str]| world.run(&[words, &["--config", "night one.toml"]].concat());
    world.play(
        "[[rule]]\noperation = \"createPerson\"\ntimes = 1\neffect = { lose_reply = \"after\" }\n\
         [[rule]]\noperation = \"updatePerson\"\ntimes = 1\neffect = { refuse = { code = \"155\" } }\n",
    );
    world.csv("one.csv", &people[..1]);
    run(&["sync", "one.csv", "--allow-mass-change"]).exits(3);
    world.csv("both.csv", &people);
    run(&["sync", "both.csv", "--allow-mass-change"]).exits(0);
    people[1].person = "8800000002".to_owned();
    world.csv("both.csv", &people);
    run(&["sync", "both.csv", "--allow-mass-change"]).exits(3);

    let next = |customer: &str| {
        let told = run(&["explain", customer, "--json"]).exits(0).out;
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        told["providers"]["wsone"]["next"].as_str().expect("a command").to_owned()
    };
    let typed = |line: &str| {
        let words = shlex::split(line).expect("a command line");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(words[0], "crmsync");
        world.run(&words[1..])
    };
    // A create that nobody knows about: the person has to say what was found out.
    let resolve = next("C00001");
    assert!(
        resolve.starts_with("crmsync resolve ") && resolve.ends_with("--config 'night one.toml'"),
        "{resolve}"
    );
    let asked = typed(&resolve).exits(2);
    assert!(asked.err.contains("--applied|--not-applied|--abandon"), "{}", asked.err);
    assert!(run(&["rejects", "list"]).exits(0).out.contains("C00001"), "nothing was decided");
    // A key that changed: whoever types this learns what there is to find out before anything goes there.
    let asked = typed(&next("C00002")).exits(0).out;
    assert!(
        asked.contains("find out whose account it is; then `crmsync rejects release --customer"),
        "{asked}"
    );
    let released = run(&["rejects", "release", "--customer", "C00002", "--provider", "wsone"]).exits(0);
    assert!(released.err.contains("next: crmsync resume --config 'night one.toml'"), "{}", released.err);
    assert!(!run(&["rejects", "list"]).exits(0).out.contains("C00002"));

    let mut backups = std::fs::read_dir(world.path("state/backups")).expect("backups");
    let backup = backups.next().expect("a backup").expect("an entry").path();
    let restored = run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0).out;
    let sync = "next: crmsync sync FILE --kind full --allow-mass-change --config 'night one.toml'";
    assert!(restored.contains(sync), "{restored}");
}

#[test]
fn a_person_whose_erasure_is_taken_back_is_not_created_again() {
    // Nobody else is in the state, or somebody is.
    for count in [1, 2] {
        let world = World::new();
        let people = customers(count);
        world.populate(&people);
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        world.run(&["forget", "C00001"]).exits(0);
        world.run(&["forget", "C00001", "--undo"]).exits(0);
        // The first file does not have the key yet.
        let mut without_key = people.clone();
        without_key[0].person.clear();
        world.sync(&world.csv("crm.csv", &without_key)).exits(0);
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        assert_eq!((creates(&world), world.duplicates()), (count as u64, 0));
        people.iter().for_each(|customer| world.all_hold(customer));
    }
}

#[test]
fn a_person_whose_erasure_is_taken_back_and_who_is_not_there_is_created() {
    let world = World::new();
    // One try: that nobody is there is told twice, and costs none.
    let lane = "response_codes = { \"101\" = \"missing\" }\nretry = { attempts = 1, initial = \"5ms\", max = \"20ms\" }";
    world.configure("", &[("wsone", lane)]);
    let people = customers(2);
    world.populate(&people);
    world.run(&["forget", "C00001"]).exits(0);
    world.run(&["forget", "C00001", "--undo"]).exits(0);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!((creates(&world), world.duplicates()), (2, 0));
    people.iter().for_each(|customer| world.all_hold(customer));
}

#[test]
fn who_was_looked_for_and_is_not_there_is_created_although_its_erasure_was_taken_back() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.run(&["forget", &people[0].id]).exits(0);
    world.run(&["forget", &people[0].id, "--undo"]).exits(0);
    world.play("[[rule]]\noperation = \"updatePerson\"\neffect = { refuse = { code = \"200\" } }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let listed = world.run(&["rejects", "list", "--json"]).exits(0).out;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed[0]["class"], "probe_refused", "{listed}");
    world.run(&["resolve", &listed[0]["call"].to_string(), "--not-applied"]).exits(0);
    world.run(&["resume"]).exits(0);
    assert_eq!((creates(&world), world.duplicates()), (1, 0));
}

/// That somebody exists says nothing of the values that a probe was refused with.
#[test]
fn who_is_found_to_exist_after_a_refused_probe_gets_the_newest_values() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.run(&["forget", &people[0].id]).exits(0);
    world.run(&["forget", &people[0].id, "--undo"]).exits(0);
    people[0].email = "newer@example.org".to_owned();
    world.play(
        "[[rule]]\noperation = \"updatePerson\"\ntimes = 1\neffect = { refuse = { code = \"155\" } }\n",
    );
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let listed = world.run(&["rejects", "list", "--json"]).exits(0).out;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed[0]["class"], "probe_refused", "{listed}");
    world.run(&["resolve", &listed[0]["call"].to_string(), "--applied"]).exits(0);
    world.run(&["resume"]).exits(0);
    assert_eq!((creates(&world), world.duplicates()), (1, 0));
    world.all_hold(&people[0]);
}

/// Who says that nobody is to be created means the calls that wait, too.
#[test]
fn nobody_is_created_once_the_configuration_says_so() {
    for (on_new, resumed) in [("update", false), ("update", true), ("skip", false), ("skip", true)] {
        for how in ["queued", "refused", "in doubt"] {
            let case = format!("{on_new}, {how}, resumed: {resumed}");
            let codes = "response_codes = { \"101\" = \"missing\" }\n";
            let world = World::new();
            world.configure("", &[("wsone", codes)]);
            let people = customers(1);
            let file = world.csv("crm.csv", &people);
            match how {
                "queued" => drop(world.on("sync", &file, &["--max-calls", "0"]).exits(10)),
                "refused" => {
                    world.play(
                        "[[rule]]\noperation = \"createPerson\"\neffect = { refuse = { code = \"155\" } }\n",
                    );
                    drop(world.sync(&file).exits(3));
                    world.play("");
                }
                _ => {
                    // Lost before it arrived: two probes will not find the person.
                    world.play(
                        "[[rule]]\noperation = \"createPerson\"\neffect = { lose_reply = \"before\" }\n",
                    );
                    drop(world.on("sync", &file, &["--max-calls", "1"]));
                    world.play("");
                }
            }
            world.ledger().reset();
            world.configure("", &[("wsone", &format!("{codes}on_new = \"{on_new}\"\n"))]);
            if how == "refused" {
                world.run(&["rejects", "release", "--provider", "wsone"]).exits(0);
            }
            drop(if resumed { world.run(&["resume"]) } else { world.sync(&file) });
            assert_eq!(world.report()["balanced"], true, "{case}");
            assert_eq!(creates(&world), 0, "{case}");
            let status = world.run(&["status", "--json"]).exits(0).out;
            let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
            let queued = &status["providers"]["wsone"]["queued"];
            assert!(queued.is_null() || *queued == 0, "{case}: {status}");
            // The other way round.
            world.configure("", &[("wsone", codes)]);
            world.populate(&people);
            drop(world.sync(&file));
            let held = world.ledger().person(ProviderId::Wsone, &format!("1:{}", people[0].person));
            assert!(held.is_some() && world.duplicates() == 0, "{case}");
        }
    }
}

/// What is completed from values that are kept in clear is whole, or it is a house that never was.
#[test]
fn an_address_of_which_a_part_is_not_valid_is_not_completed_with_the_old_part() {
    let world = World::accepting();
    world.configure("values = \"clear\"\n", &[]);
    let header = "customer_id;person_identifier;last_name;street;address_apartment;postal_code;city;country";
    let sync = |row: &str| {
        let file = world.file("crm.csv", &format!("{header}\nC1;7700000001;{row}\n"));
        world.on("sync", &file, &["--allow-mass-change"])
    };
    sync("Martin;12 rue X;Apt 1;75001;Paris;FR").exits(0);
    let held = || world.ledger().person(ProviderId::Wsone, "1:7700000001").expect("known").fields;
    let before = held();
    for invalid in [
        "Martin;14 rue Y;Apt 2;5900;Lille;FR",
        "Martin;14 rue Y;Apt 2;1000;Bruxelles;Belgiqe",
        "Martin;14 rue Y;Apt 2;59000;#N/A;FR",
        "Martin;14 rue Y;#N/A;59000;Lille;FR",
    ] {
        let ran = sync(invalid);
        assert!(ran.out.contains("another part of the same address"), "{invalid}: {}", ran.out);
        assert_eq!(held(), before, "{invalid}");
    }
    sync("Martin;14 rue Y;Apt 2;59000;Lille;FR").exits(0);
    assert_ne!(held(), before);
}
