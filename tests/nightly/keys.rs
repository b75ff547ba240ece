//! Keys that are swapped, shared, decided upon or taken back: nobody is made twice, and nobody's values reach another.

use crmsync::domain::provider::ProviderId;

use crate::support::{World, customers};

pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn two_who_swap_their_keys_and_are_released_are_updated_not_created() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let first = people[0].person.clone();
    people[0].person = std::mem::replace(&mut people[1].person, first);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    assert_eq!(world.report()["providers"]["wsone"]["held"], 2);
    world.run(&["rejects", "release"]).exits(0);
    // What a person has decided stays decided, although a change of settings has both compared again.
    world.configure("", &[("wsone", "entity = \"42\"")]);
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(0);
    assert_eq!(world.duplicates(), 0);
    people.iter().for_each(|customer| world.all_hold(customer));
    world.ledger().reset();
    world.sync(&file).exits(0);
    assert_eq!(world.ledger().entries().len(), 0);
}

#[test]
fn of_two_newcomers_with_one_key_who_are_released_the_second_is_updated() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    people[1].person = people[0].person.clone();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let release = || world.run(&["rejects", "release"]).exits(0).err;
    let told = release();
    let first = "1 call is queued again; 1 waits, because another one for the same account goes first: release it when";
    assert!(told.starts_with(first), "{told}");
    assert!(release().starts_with("0 calls are queued again; 1 waits"), "not before it is delivered");
    world.run(&["resume"]).exits(0);
    assert!(release().starts_with("1 call is queued again\n"));
    world.run(&["resume"]).exits(0);
    assert_eq!(world.duplicates(), 0);
    world.all_hold(&people[1]);
}

/// What is refused goes nowhere by itself, so that nobody has to wait for it.
#[test]
fn who_is_held_beside_a_refused_call_for_the_same_account_goes_once_it_is_released() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.play("[[rule]]\nprovider = \"lemonway\"\nfirst = 1\neffect = { refuse = { code = \"178\" } }\n");
    world.sync(&world.csv("crm.csv", &people[..1])).exits(3);
    people[1].wallet = people[0].wallet.clone();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let told = json(&world.run(&["rejects", "release", "--customer", "C00002", "--json"]).exits(0).out);
    assert_eq!((&told["queued"], &told["not_released"]), (&1.into(), &0.into()), "{told}");
    world.run(&["resume"]).exits(0);
    world.all_hold(&people[1]);
}

#[test]
fn who_released_a_changed_key_is_not_asked_again_when_a_value_changes() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[0].wallet = "W90001".to_owned();
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["rejects", "release"]).exits(0);
    people[0].email = "newer@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.all_hold(&people[0]);
}

#[test]
fn who_shares_a_key_is_compared_again_when_the_other_is_released() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    let shared = people[0].wallet.clone();
    let own = std::mem::replace(&mut people[1].wallet, shared);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["rejects", "release"]).exits(0);
    world.run(&["resume"]).exits(0);
    let wallet = || world.ledger().person(ProviderId::Lemonway, "W00001").expect("known").fields;
    assert_eq!(wallet()["newEmail"], people[1].email.as_str());
    // What the first one lacks now is told, and goes no further while two have the key.
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(3);
    assert_eq!(world.rejected(), [["C00001", "lemonway", ""]]);
    assert!(world.rejects().contains(",duplicate_key,"), "{}", world.rejects());
    assert_eq!(wallet()["newEmail"], people[1].email.as_str());
    world.sync(&file).exits(0);
    // The key was a mistake: with it mended, everybody has what is his.
    people[1].wallet = own;
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["rejects", "release"]).exits(0);
    world.run(&["resume"]).exits(0);
    people.iter().for_each(|customer| world.all_hold(customer));
    world.ledger().reset();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.ledger().entries().len(), 0);
}

#[test]
fn what_waits_under_a_key_that_the_file_takes_back_does_not_leave() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[0].email = "queued@example.org".to_owned();
    world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    world.ledger().reset();
    let own = std::mem::take(&mut people[0].wallet);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.requests(ProviderId::Lemonway), 0);
    assert_eq!(world.report()["providers"]["lemonway"]["superseded"], 1);
    // Nothing of it is lost: it goes when the key is there again.
    people[0].wallet = own;
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.all_hold(&people[0]);
}

#[test]
fn two_who_move_to_one_key_make_one_person() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    for person in &mut people {
        person.person = "7790000009".to_owned();
    }
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let release = |customer| world.run(&["rejects", "release", "--customer", customer]).exits(0).err;
    assert!(release("C00001").starts_with("1 call is queued again\n"));
    assert!(release("C00002").starts_with("0 calls are queued again; 1 waits"));
    world.run(&["resume"]).exits(0);
    assert!(release("C00002").starts_with("1 call is queued again\n"));
    world.run(&["resume"]).exits(0);
    assert_eq!(world.duplicates(), 0);
}

#[test]
fn a_newcomer_under_the_key_of_a_released_call_waits_for_a_person() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    people[0].person = "7790000009".to_owned();
    people[1].person = "7790000009".to_owned();
    world.sync(&world.csv("crm.csv", &people[..1])).exits(3);
    world.run(&["rejects", "release"]).exits(0);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    assert!(world.rejects().contains(",duplicate_key,"), "{}", world.rejects());
    world.run(&["rejects", "release"]).exits(0);
    world.run(&["resume"]).exits(0);
    assert_eq!(world.duplicates(), 0);
}

#[test]
fn whoever_comes_under_a_key_that_was_given_up_is_updated_not_created() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    let own = people[0].person.clone();
    // A typing error, released; then the right key again.
    for key in ["7790000009", &own, "7790000009"] {
        people[0].person = key.to_owned();
        people[0].email = format!("{key}@example.org");
        world.sync(&world.csv("crm.csv", &people[..1])).exits(3);
        world.run(&["rejects", "release"]).exits(0);
        world.run(&["resume"]).exits(0);
        world.all_hold(&people[0]);
    }
    people[1].person = own;
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.all_hold(&people[1]);
    assert_eq!(world.duplicates(), 0);
}

#[test]
fn a_delta_without_keys_means_the_last_key_that_was_given() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let first = people[0].reference.clone();
    people[0].reference = std::mem::replace(&mut people[1].reference, first);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["rejects", "release", "--customer", "C00002"]).exits(0);
    world.run(&["resume"]).exits(0);
    let delta = world.file("delta.csv", "customer_id;email\nC00001;newer@example.org\n");
    world.on("sync", &delta, &["--kind", "delta"]).exits(3);
    let held = |key: &str| world.ledger().person(ProviderId::Safedebit, key).expect("known").fields;
    assert_eq!(held("REF00001")["consumer_email"], people[1].email.as_str(), "it is the second one's by now");
    world.run(&["rejects", "release"]).exits(0);
    world.run(&["resume"]).exits(0);
    assert_eq!(held("REF00002")["consumer_email"], "newer@example.org");
}

#[test]
fn the_new_owner_of_an_account_that_was_given_up_is_not_held_for_the_old_one() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    people[1].wallet = std::mem::take(&mut people[0].wallet);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["rejects", "release"]).exits(0);
    world.run(&["resume"]).exits(0);
    for night in ["one", "two"] {
        people[1].email = format!("{night}@example.org");
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        world.all_hold(&people[1]);
    }
}

/// Why a call is held is not what it was answered before.
#[test]
fn a_call_that_is_held_for_its_key_does_not_answer_to_the_code_of_an_earlier_refusal() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"179\" } }\n");
    drop(world.sync(&world.csv("crm.csv", &people[..1])));
    world.play("");
    people[1].wallet = people[0].wallet.clone();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let of = ["--provider", "lemonway", "--code"];
    let listed =
        |code| json(&world.run(&[&["--json", "rejects", "list"], &of[..], &[code]].concat()).exits(0).out);
    assert_eq!(listed("179").as_array().map(Vec::len), Some(0));
    assert_eq!(listed("duplicate_key").as_array().map(Vec::len), Some(2));
}

/// What is no key gives no account away.
#[test]
fn a_call_that_was_released_outlives_a_spoilt_key() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    people[1].wallet = people[0].wallet.clone();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["rejects", "release"]).exits(0);
    drop(world.run(&["resume"]));
    people[0].email = "newer@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["rejects", "release", "--customer", "C00001"]).exits(0);
    let spoilt = world.file("delta.csv", &format!("customer_id;wallet_id\nC00001;{}\n", "W".repeat(300)));
    drop(world.on("sync", &spoilt, &["--kind", "delta", "--max-calls", "0"]));
    assert_eq!(world.report()["providers"]["lemonway"]["superseded"], 0);
}

/// What somebody found applied has made the account his, and it is another one's still.
#[test]
fn who_shares_a_key_since_a_call_was_found_applied_is_held_on_whichever_night_one_of_them_changes() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[0].wallet = people[1].wallet.clone();
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(3);
    let held = json(&world.run(&["--json", "rejects", "list"]).exits(0).out);
    world.run(&["resolve", &held[0]["call"].to_string(), "--applied"]).exits(0);
    drop(world.sync(&file));
    world.ledger().reset();
    for changed in [1, 0] {
        people[changed].email = format!("newer{changed}@example.org");
        world.sync(&world.csv("crm.csv", &people)).exits(3);
        let told = [people[changed].id.as_str(), "lemonway", ""];
        assert!(world.rejected().iter().any(|row| *row == told), "{:?}", world.rejected());
        assert_eq!(world.requests(ProviderId::Lemonway), 0);
    }
}

#[test]
fn two_who_share_a_key_by_decision_are_told_of_on_whichever_night_one_of_them_changes() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    people[1].wallet = people[0].wallet.clone();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["rejects", "release"]).exits(0);
    world.run(&["resume"]).exits(0);
    // The first one lacks what the second one brought; somebody decides that it shall.
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let held = json(&world.run(&["--json", "rejects", "list"]).exits(0).out);
    world.run(&["resolve", &held[0]["call"].to_string(), "--abandon"]).exits(0);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    for changed in [1, 0] {
        world.ledger().reset();
        people[changed].email = format!("newer{changed}@example.org");
        let file = world.csv("crm.csv", &people);
        let told = [people[changed].id.as_str(), "lemonway", ""];
        let plan = json(&world.on("plan", &file, &["--json", "--allow-mass-change"]).exits(0).out);
        let lemonway =
            plan["providers"].as_array().expect("a list").iter().find(|p| p["provider"] == "lemonway");
        assert_eq!(lemonway.expect("it is on")["held"], 1, "{plan}");
        world.sync(&file).exits(3);
        assert_eq!(world.rejected(), [told]);
        assert_eq!(world.requests(ProviderId::Lemonway), 0);
    }
}

#[test]
fn what_goes_to_somebody_elses_account_by_decision_goes_alone() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[0].wallet = people[1].wallet.clone();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["rejects", "release"]).exits(0);
    let wallet = || world.ledger().person(ProviderId::Lemonway, "W00002").expect("known").fields;
    // The owner's change waits for the decision whether the other one changes as well, or not, or for another provider.
    for round in 1..=3 {
        people[1].email = format!("owner{round}@example.org");
        match round {
            2 => people[0].email = format!("other{round}@example.org"),
            3 => people[0].iban = "FR1420041010050500013M02606",
            _ => {}
        }
        world
            .on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change", "--max-calls", "0"])
            .exits(10);
        assert_eq!(world.report()["providers"]["lemonway"]["held"], 1, "{round}");
        assert!(world.rejected().contains(&["C00002", "lemonway", ""].map(str::to_owned)));
    }
    world.run(&["resume"]).exits(0);
    assert_eq!(wallet()["newEmail"], "other2@example.org");
}

/// Says of each held call that it was not applied.
pub(crate) fn resolve_all_as_not_applied(world: &World) -> Vec<String> {
    let listed = json(&world.run(&["rejects", "list", "--json"]).exits(0).out);
    let held = listed.as_array().expect("a list").iter().filter(|line| line["status"] == "held");
    held.map(|line| world.run(&["resolve", &line["call"].to_string(), "--not-applied"]).exits(0).err)
        .collect()
}

#[test]
fn of_two_newcomers_with_one_key_who_are_found_not_applied_one_is_made_and_the_other_updates_it() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    people[1].person = people[0].person.clone();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let told = resolve_all_as_not_applied(&world);
    assert!(
        told[0].ends_with("the next run sends it\n") && told[1].contains("stays held, because another"),
        "{told:?}"
    );
    world.run(&["resume"]).exits(0);
    let told = resolve_all_as_not_applied(&world);
    assert!(told.len() == 1 && told[0].ends_with("the next run sends it\n"), "{told:?}");
    world.run(&["resume"]).exits(0);
    assert_eq!(world.duplicates(), 0);
    world.all_hold(&people[1]);
}

/// What a call that was released to somebody else's account may have left there does not stay, though the call itself ends.
#[test]
fn what_an_unanswered_call_may_have_left_in_somebody_elses_account_is_put_right() {
    for provider in ["wsone", "lemonway", "safedebit"] {
        let world = World::new();
        let mut people = customers(2);
        world.populate(&people);
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        let right = people.clone();
        let [one, two] = &mut people[..] else { unreachable!() };
        match provider {
            "wsone" => std::mem::swap(&mut one.person, &mut two.person),
            "lemonway" => std::mem::swap(&mut one.wallet, &mut two.wallet),
            _ => std::mem::swap(&mut one.reference, &mut two.reference),
        }
        world.sync(&world.csv("crm.csv", &people)).exits(3);
        world.run(&["rejects", "release", "--customer", "C00001"]).exits(0);
        world.play(&format!("[[rule]]\nprovider = \"{provider}\"\neffect = {{ lose_reply = \"after\" }}\n"));
        world.run(&["resume"]).exits(5);
        world.play("");
        world.sync(&world.csv("crm.csv", &right)).exits(0);
        right.iter().for_each(|customer| world.all_hold(customer));
    }
}

/// Whatever became of a call before: its account is another customer's by now.
#[test]
fn what_is_resolved_does_not_reach_an_account_that_was_given_away() {
    for found_out in ["--applied", "--not-applied"] {
        let world = World::new();
        world.configure("", &[("lemonway", "concurrency = 1")]);
        let mut people = customers(3);
        world.populate(&people);
        world.play("[[rule]]\nprovider = \"lemonway\"\nkey = \"W00002\"\ntimes = 1\neffect = { refuse = { code = \"120\" } }\n");
        world.sync(&world.csv("crm.csv", &people[..2])).exits(3);
        let listed = json(&world.run(&["rejects", "list", "--json"]).exits(0).out);
        assert_eq!(listed[0]["class"], "denied_by_code", "{listed}");
        people[2].wallet = std::mem::take(&mut people[1].wallet);
        world.sync(&world.csv("crm.csv", &people)).exits(3);
        world.run(&["rejects", "release", "--customer", "C00003"]).exits(0);
        world.run(&["resume"]).exits(0);
        world.ledger().reset();
        let told = world.run(&["resolve", &listed[0]["call"].to_string(), found_out, "--json"]).exits(0).out;
        assert_eq!(json(&told)["given_away"], true, "{told}");
        world.run(&["resume"]).exits(0);
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        assert_eq!(world.requests(ProviderId::Lemonway), 0, "{found_out}");
        let wallet = world.ledger().person(ProviderId::Lemonway, "W00002").expect("known").fields;
        assert_eq!(wallet["newEmail"], people[2].email.as_str());
    }
}
