//! Accounts that may exist although nobody knows: who comes under their key is probed, and nobody is created twice.

use crmsync::domain::provider::ProviderId;
use crmsync::sandbox::Operation;

use crate::care::{self, backups};
use crate::keys::{json, resolve_all_as_not_applied};
use crate::support::{World, customers};

#[test]
fn who_takes_the_key_of_a_create_that_is_probed_waits_also_when_found_not_applied() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    // The create of the second one is applied and its answer lost; probes are not answered either.
    world.play(
        "[[rule]]\noperation = \"createPerson\"\neffect = { lose_reply = \"after\" }\n\
         [[rule]]\noperation = \"updatePerson\"\neffect = { status = { code = 503 } }\n",
    );
    let newcomer = people[1].person.clone();
    let lost = world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change"]);
    assert_eq!(lost.code, 5, "{}", lost.out);
    let former = std::mem::replace(&mut people[0].person, newcomer);
    let shared = world.on("sync", &world.csv("crm.csv", &people), &["--max-calls", "0"]);
    assert_eq!(shared.code, 10, "{}", shared.out);
    let told = resolve_all_as_not_applied(&world);
    assert!(told.iter().any(|told| told.contains("stays held, because another")), "{told:?}");
    world.play("");
    people[1].person = former;
    let file = world.csv("crm.csv", &people);
    for _ in 0..3 {
        let ran = world.sync(&file);
        assert!([0, 3].contains(&ran.code), "{}", ran.err);
        world.run(&["rejects", "release"]).exits(0);
    }
    world.run(&["resume"]).exits(0);
    assert_eq!(world.duplicates(), 0);
    people.iter().for_each(|person| world.all_hold(person));
}

#[test]
fn who_was_given_up_while_nobody_knew_whether_it_exists_is_probed_before_it_is_created() {
    for case in ["a value changes", "all is compared again", "another one has the key"] {
        let world = World::new();
        let mut people = customers(2);
        world.populate(&people);
        world.play(
            "[[rule]]\noperation = \"createPerson\"\neffect = { lose_reply = \"after\" }\n\
             [[rule]]\noperation = \"updatePerson\"\neffect = { refuse = { code = \"200\" } }\n",
        );
        world.sync(&world.csv("crm.csv", &people[..1])).exits(3);
        let listed = json(&world.run(&["rejects", "list", "--json"]).exits(0).out);
        assert_eq!(listed[0]["class"], "probe_refused", "{listed}");
        world.run(&["resolve", &listed[0]["call"].to_string(), "--abandon"]).exits(0);
        world.play("");
        let mut more = vec!["--allow-mass-change"];
        match case {
            "a value changes" => people[0].email = "newer@example.org".to_owned(),
            "all is compared again" => more.push("--full-resync"),
            _ => people[1].person = std::mem::take(&mut people[0].person),
        }
        world.on("sync", &world.csv("crm.csv", &people), &more).exits(0);
        assert_eq!(world.duplicates(), 0, "{case}");
        world.all_hold(&people[1]);
    }
}

/// What ends in a release counts for what is let go behind it.
#[test]
fn who_is_released_together_with_a_create_in_doubt_for_the_same_key_is_probed_first() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    world.play(
        "[[rule]]\noperation = \"createPerson\"\neffect = { lose_reply = \"after\" }\n\
         [[rule]]\noperation = \"updatePerson\"\neffect = { refuse = { code = \"200\" } }\n",
    );
    world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change"]).exits(3);
    world.play("");
    // The first one takes the key of the second one, who has a new one. The older call comes first.
    people[0].person = std::mem::replace(&mut people[1].person, "7799999999".to_owned());
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(3);
    let told = json(&world.run(&["rejects", "release", "--json"]).exits(0).out);
    assert_eq!((&told["queued"], &told["ended"]), (&1.into(), &1.into()), "{told}");
    world.run(&["resume"]).exits(0);
    world.sync(&file).exits(0);
    assert_eq!(world.duplicates(), 0);
    people.iter().for_each(|person| world.all_hold(person));
}

#[test]
fn whoever_comes_under_a_key_of_somebody_who_was_erased_is_probed_first() {
    for is_undone in [false, true] {
        let world = World::new();
        let mut people = customers(2);
        world.populate(&people);
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        world.run(&["forget", &people[0].id]).exits(0);
        if is_undone {
            world.run(&["forget", &people[0].id, "--undo"]).exits(0);
        }
        // The same person under another number of the CRM.
        people[0].id = "C90000".to_owned();
        world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change"]).exits(0);
        assert_eq!(world.duplicates(), 0);
        people.iter().for_each(|person| world.all_hold(person));
    }
}

#[test]
fn who_is_held_beside_somebody_who_may_exist_is_probed_when_it_is_released() {
    for is_forgotten in [false, true] {
        let world = World::new();
        let mut people = customers(2);
        world.populate(&people);
        world.play(
            "[[rule]]\noperation = \"createPerson\"\neffect = { lose_reply = \"after\" }\n\
             [[rule]]\noperation = \"updatePerson\"\neffect = { refuse = { code = \"200\" } }\n",
        );
        world.sync(&world.csv("crm.csv", &people[..1])).exits(3);
        let call = json(&world.run(&["rejects", "list", "--json"]).exits(0).out)[0]["call"].to_string();
        people[1].person = people[0].person.clone();
        world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change"]).exits(3);
        if is_forgotten {
            world.run(&["forget", &people[0].id]).exits(0);
        } else {
            world.run(&["resolve", &call, "--abandon"]).exits(0);
        }
        world.play("");
        world.run(&["rejects", "release", "--customer", &people[1].id]).exits(0);
        world.run(&["resume"]).exits(0);
        assert_eq!(world.duplicates(), 0);
        world.all_hold(&people[1]);
    }
}

#[test]
fn two_newcomers_under_the_key_of_somebody_erased_are_delivered_once_the_crm_has_it_right() {
    let world = World::new();
    let mut people = customers(3);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    let erased = people[0].person.clone();
    world.run(&["forget", &people[0].id]).exits(0);
    let own = std::mem::replace(&mut people[2].person, erased.clone());
    people[1].person = erased;
    world.on("sync", &world.csv("crm.csv", &people[1..]), &["--allow-mass-change"]).exits(3);
    people[2].person = own;
    world.on("sync", &world.csv("crm.csv", &people[1..]), &["--allow-mass-change"]).exits(0);
    world.run(&["rejects", "release"]).exits(0);
    world.run(&["resume"]).exits(0);
    assert_eq!(world.duplicates(), 0);
    people[1..].iter().for_each(|person| world.all_hold(person));
    assert!(world.run(&["rejects", "list"]).exits(0).out.contains("nothing is refused or held"));
}

/// Who is proved not to be there under a key that the CRM has corrected meanwhile is created under the new one alone.
#[test]
fn nobody_is_created_under_a_key_that_was_corrected_while_its_create_was_in_doubt() {
    for (second, decided) in [("7700099999", false), ("", false), ("7700099999", true)] {
        let world = World::new();
        world.configure("", &[("wsone", "response_codes = { \"101\" = \"missing\" }")]);
        let mut people = customers(2);
        world.populate(&people[1..]);
        world.sync(&world.csv("crm.csv", &people[1..])).exits(0);
        world.play("[[rule]]\noperation = \"createPerson\"\neffect = { lose_reply = \"before\" }\n");
        let old = format!("1:{}", people[0].person);
        world
            .on("sync", &world.csv("crm.csv", &people), &["--max-calls", "1", "--provider", "wsone"])
            .exits(10);
        world.play(if decided {
            "[[rule]]\noperation = \"updatePerson\"\ntimes = 1\neffect = { refuse = { code = \"155\" } }\n"
        } else {
            ""
        });
        people[0].person = second.to_owned();
        let file = world.csv("crm.csv", &people);
        world.sync(&file).exits(3);
        assert_eq!(world.report()["balanced"], true, "{second:?} {decided}");
        if decided {
            let listed = world.run(&["rejects", "list", "--json", "--provider", "wsone"]).exits(0).out;
            let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
            world.run(&["resolve", &listed[0]["call"].to_string(), "--not-applied"]).exits(0);
        }
        world.run(&["resume"]).exits(0);
        assert!(world.ledger().person(ProviderId::Wsone, &old).is_none(), "{second:?} {decided}");
        assert_eq!(world.report()["balanced"], true);
        world.sync(&file).exits(0);
        let new = world.ledger().person(ProviderId::Wsone, &format!("1:{second}"));
        assert_eq!(new.is_some(), !second.is_empty(), "{second:?} {decided}");
        assert!(world.ledger().person(ProviderId::Wsone, &old).is_none(), "{second:?} {decided}");
        assert_eq!(world.duplicates(), 0);
    }
}

/// Whom the provider has lost, or never had: what is released is refused once more, and then the CRM's record creates it.
#[test]
fn who_is_missing_at_the_provider_and_is_released_is_created_by_the_next_file() {
    for has_resumed in [true, false] {
        let mut people = customers(2);
        let (world, other) = (World::new(), World::new());
        let missing = [("wsone", "response_codes = { \"101\" = \"missing\" }")];
        world.configure("", &missing);
        world.populate(&people);
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        // Another system, which has the second one alone.
        other.populate(&people);
        other.populate_persons(&people[1..]);
        let text = std::fs::read_to_string(world.path("crmsync.toml")).expect("a configuration");
        world.file("crmsync.toml", &text.replace(&world.url(), &other.url()));
        people[0].email = "new@example.org".to_owned();
        let file = world.csv("crm.csv", &people);
        world.sync(&file).exits(3);
        world.run(&["rejects", "release", "--customer", "C00001", "--provider", "wsone"]).exits(0);
        if has_resumed {
            world.run(&["resume"]).exits(3);
        }
        world.sync(&file).exits(0);
        other.all_hold(&people[0]);
        assert_eq!(other.duplicates(), 0);
        let created =
            &other.ledger().summary().providers[&ProviderId::Wsone].operations[&Operation::CreatePerson];
        assert_eq!((created.requests, created.applied), (1, 1));
        world.sync(&file).exits(0);
    }
}

/// A delta does not bring it again: that it is missing is told of until some record does.
#[test]
fn a_key_that_changed_too_early_is_told_of_until_it_is_taken() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.configure("", &[("wsone", "response_codes = { \"101\" = \"missing\" }")]);
    world.play(
        "[[rule]]\noperation = \"createPerson\"\neffect = { lose_reply = \"before\" }\n\
         [[rule]]\noperation = \"updatePerson\"\neffect = { status = { code = 503 } }\n",
    );
    assert_eq!(world.sync(&world.csv("crm.csv", &people)).code, 5);
    people[0].person = "P-NEW".to_owned();
    let delta = world.csv("delta.csv", &people);
    assert_ne!(world.on("sync", &delta, &["--kind", "delta"]).code, 0);
    world.play("");
    world.run(&["resume"]).exits(0);
    let explained = world.run(&["explain", &people[0].id]).exits(0).out;
    assert!(explained.contains("came while a call under another one was not settled"), "{explained}");
    let listed = json(&world.run(&["rejects", "list", "--json"]).exits(0).out);
    assert_eq!(listed[0]["customer_id"], people[0].id.as_str(), "{listed}");
    world.on("sync", &world.csv("delta.csv", &people), &["--kind", "delta", "--allow-mass-change"]).exits(0);
    world.all_hold(&people[0]);
    assert_eq!(world.duplicates(), 0);
    assert_eq!(json(&world.run(&["rejects", "list", "--json"]).exits(0).out), json("[]"));
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
    let listed = care::json(&world.run(&["rejects", "list", "--provider", "wsone", "--json"]).exits(0));
    assert_eq!(listed[0]["class"], "restored", "{listed:#}");
}
