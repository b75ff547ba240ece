//! Business refusals inside HTTP 200, held calls, and what a person does with them.

use crmsync::domain::provider::ProviderId;
use serde_json::{Value, json};

use crate::support::{Customer, World, customers};

/// A denial is of one call, where another was accepted before.
const SECOND_DENIED: &str = "[[rule]]\nprovider = \"lemonway\"\nkey = \"W00002\"\ntimes = 1\neffect = { refuse = { code = \"120\" } }\n";

const REFUSALS: &str = r#"
[[rule]]
provider = "lemonway"
key = "W00001"
times = 1
effect = { refuse = { code = "178" } }
[[rule]]
provider = "safedebit"
key = "REF00001"
times = 1
effect = { refuse = { code = "DATA_001" } }
[[rule]]
provider = "wsone"
key = "1:7700000001"
times = 1
effect = { refuse = { code = "199" } }
"#;

/// The number of the one call that waits for a person.
fn call_to_decide(world: &World) -> String {
    let listed = world.run(&["rejects", "list", "--json"]).exits(0).out;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    listed[0]["call"].to_string()
}

#[test]
fn a_refused_customer_is_reported_not_repeated_and_healed_by_a_change() {
    let world = World::new();
    let mut people = customers(3);
    world.populate(&people);
    world.play(REFUSALS);
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(3);
    let mut rejected = world.rejected();
    rejected.sort();
    let all =
        [["C00001", "lemonway", "178"], ["C00001", "safedebit", "DATA_001"], ["C00001", "wsone", "199"]];
    assert_eq!(rejected, all);
    assert_eq!(world.report()["providers"]["lemonway"]["parked"], 1);

    world.ledger().reset();
    let ran = world.sync(&file).exits(0);
    assert_eq!(world.ledger().entries().len(), 0, "an unchanged row must not be sent again");
    let stock = "refused in earlier runs: 3 calls still wait for a change or a release (wsone 1 · lemonway 1 · safedebit 1)";
    assert!(ran.out.contains(stock), "{}", ran.out);

    people[0].last = "Dupont".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.applied(), 3);
    // Everything that the providers lacked went along, not the name alone.
    world.all_hold(&people[0]);
    assert_eq!(world.report()["providers"]["lemonway"]["parked"], 0);
}

#[test]
fn released_work_is_sent_again() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.play(REFUSALS);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let listed = world.run(&["rejects", "list"]).exits(0);
    assert!(listed.out.contains(" 178 ") && listed.out.contains("lemonway"), "{}", listed.out);
    let state = ["--state", "state/crmsync.db"];
    let released =
        world.run(&[&["rejects", "release", "--provider", "lemonway"][..], &state].concat()).exits(0);
    assert!(released.err.ends_with("next: crmsync resume --state state/crmsync.db\n"), "{}", released.err);
    let again = world.run(&["rejects", "release", "--provider", "lemonway"]).exits(0).err;
    assert_eq!(again, "nothing is refused or held that these filters let through\n");
    world.ledger().reset();
    world.run(&["resume"]).exits(0);
    assert_eq!((world.applied(), world.requests(ProviderId::Lemonway)), (1, 1));
}

#[test]
fn nobody_is_told_to_class_a_code_that_is_classed() {
    let classed =
        ["response_codes = { \"199\" = \"refused\" }", "error_codes = { \"DATA_001\" = \"refused\" }"];
    for ([wsone, safedebit], is_told) in [([""; 2], true), (classed, false)] {
        let world = World::new();
        world.configure("", &[("wsone", wsone), ("safedebit", safedebit)]);
        let people = customers(1);
        world.populate(&people);
        world.play(REFUSALS);
        world.sync(&world.csv("crm.csv", &people)).exits(3);
        let reasons = world.report()["reasons"].as_array().cloned().unwrap_or_default();
        let of_wsone = reasons.iter().find(|reason| reason["code"] == "199").expect("a reason");
        let told = "class the code";
        assert_eq!(of_wsone["advice"].as_str().is_some_and(|advice| advice.contains(told)), is_told);
        let explained = world.run(&["explain", "C00001"]).exits(0).out;
        assert_eq!(explained.contains(told), is_told, "{explained}");
    }
}

#[test]
fn rejects_are_exported_with_their_codes() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.play(REFUSALS);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["rejects", "export", "out.csv", "--provider", "safedebit"]).exits(0);
    let exported = std::fs::read_to_string(world.path("out.csv")).expect("exported");
    assert_eq!(exported.lines().count(), 2, "{exported}");
    assert!(exported.contains(",DATA_001,"), "{exported}");
    let printed = world.run(&["rejects", "export", "-", "--provider", "safedebit"]).exits(0).out;
    assert_eq!(printed, exported);
    assert!(!world.path("-").exists());
}

#[test]
fn a_changed_identifier_is_held_and_never_sent_silently() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.ledger().reset();
    people[0].person = "9900000001".to_owned();
    let file = world.csv("crm.csv", &people);
    let ran = world.sync(&file).exits(3);
    assert_eq!(world.requests(ProviderId::Wsone), 0, "{}", ran.out);
    assert!(world.rejects().contains("key_changed"), "{}", world.rejects());
    assert_eq!(world.report()["providers"]["wsone"]["held"], 1);
    // The same file again: still held, nothing new to complain about.
    let again = world.sync(&file).exits(0).out;
    assert!(again.contains(": complete, but for 1 call of earlier runs, held or refused ("), "{again}");
    assert_eq!(world.requests(ProviderId::Wsone), 0);
}

#[test]
fn two_customers_with_one_key_are_both_held() {
    let world = World::new();
    let mut people = customers(3);
    world.populate(&people);
    people[1].wallet = people[0].wallet.clone();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    assert_eq!(world.requests(ProviderId::Lemonway), 1);
    let explained = world.run(&["explain", "C00002"]).exits(0).out;
    assert!(explained.contains("two customers have this key at the provider; so has C00001"), "{explained}");
    assert_eq!(world.report()["providers"]["lemonway"]["held"], 2);
    assert_eq!(world.rejects().matches("duplicate_key").count(), 2, "{}", world.rejects());
}

/// What a person lets go of is what the CRM says then, whatever was held.
#[test]
fn what_the_crm_takes_back_or_changes_again_while_its_call_is_held_is_never_sent() {
    let decisions = ["release", "not-applied", "applied"];
    let cases =
        decisions.into_iter().flat_map(|decision| [(decision, None), (decision, Some("third@example.org"))]);
    for (decision, newest) in cases {
        let world = World::new();
        world.configure("", &[("lemonway", "concurrency = 1")]);
        let mut people = customers(2);
        world.populate(&people);
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        let before = people[1].clone();
        people[0].email = "first@example.org".to_owned();
        people[1].email = "second@example.org".to_owned();
        world.play(SECOND_DENIED);
        world.sync(&world.csv("crm.csv", &people)).exits(3);
        let call = call_to_decide(&world);
        newest.unwrap_or(&before.email).clone_into(&mut people[1].email);
        let file = world.csv("crm.csv", &people);
        world.sync(&file).exits(0);
        world.ledger().reset();
        match decision {
            "release" => world.run(&["rejects", "release", "--provider", "lemonway"]).exits(0),
            decision => world.run(&["resolve", &call, &format!("--{decision}")]).exits(0),
        };
        world.run(&["resume"]).exits(0);
        world.sync(&file).exits(0);
        let held = world.ledger().person(ProviderId::Lemonway, "W00002").expect("known").fields;
        assert_eq!(held["newEmail"], people[1].email, "{decision}");
        assert_eq!(world.run(&["rejects", "list", "--json"]).exits(0).out.trim(), "[]", "{decision}");
    }
}

#[test]
fn a_call_that_lost_an_excluded_field_before_it_left_is_settled_as_it_was_sent() {
    let world = World::new();
    world.configure("", &[("lemonway", "concurrency = 1")]);
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    for person in &mut people {
        person.email = format!("new-{}@example.org", person.id);
        person.title = "F";
    }
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    world.configure("", &[("lemonway", "concurrency = 1\nexclude = [\"email\"]\n")]);
    world.play(SECOND_DENIED);
    world.run(&["resume"]).exits(3);
    let told = world.run(&["resolve", &call_to_decide(&world), "--applied"]).exits(0);
    world.ledger().reset();
    world.run(&["resume"]).exits(0);
    assert_eq!(world.requests(ProviderId::Lemonway), 0, "{}", told.err);
}

#[test]
fn a_plan_counts_calls_that_take_the_place_of_held_ones() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    people[1].wallet = people[0].wallet.clone();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let sent = world.requests(ProviderId::Lemonway);
    let file = world.csv("crm.csv", &customers(2));
    let planned = world.run(&["plan", file.to_str().expect("utf-8"), "--json"]).exits(0).out;
    let planned: Value = serde_json::from_str(&planned).expect("JSON");
    let lane = planned["providers"]
        .as_array()
        .and_then(|lanes| lanes.iter().find(|lane| lane["provider"] == "lemonway"));
    let calls = lane.expect("a lane")["calls"].as_u64();
    world.sync(&file).exits(0);
    assert_eq!(calls, Some(world.requests(ProviderId::Lemonway) - sent));
    assert!(calls > Some(0), "{planned}");
}

#[test]
fn a_newcomer_with_the_key_of_a_known_customer_is_held_alone() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    world.ledger().reset();
    people[0] = Customer::new(1).email("changed@example.org");
    people[1].wallet = people[0].wallet.clone();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    assert_eq!(world.report()["providers"]["lemonway"]["held"], 1);
    world.all_hold(&people[0]);
}

/// What goes in another way is no second try: one try is enough for it.
#[test]
fn a_verified_wallet_takes_its_contact_and_the_rest_stays_refused() {
    for attempts in [1, 4] {
        let world = World::new();
        let retry = format!("retry = {{ attempts = {attempts}, initial = \"5ms\", max = \"20ms\" }}");
        world.configure("", &[("lemonway", &retry)]);
        let people = customers(1);
        world.populate(&people);
        world.play("[lemonway]\nverified = [\"W00001\"]\n");
        world.sync(&world.csv("crm.csv", &people)).exits(3);
        let wallet = world.ledger().person(ProviderId::Lemonway, "W00001").expect("known");
        assert_eq!(wallet.fields["newEmail"], people[0].email);
        assert!(!wallet.fields.contains_key("newLastName"));
        assert_eq!(world.rejected(), [["C00001", "lemonway", "146"]]);
        assert_eq!(world.requests(ProviderId::Lemonway), 2);
    }
}

/// Where what was to go alone is excluded, no empty call goes.
#[test]
fn what_goes_alone_goes_not_at_all_once_it_is_excluded() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[0].email = "new@example.org".to_owned();
    people[0].last = "Durand".to_owned();
    world.play("[lemonway]\nverified = [\"W00001\"]\n");
    let off = [("wsone", "enabled = false"), ("safedebit", "enabled = false")];
    world.configure("", &off);
    world.on("sync", &world.csv("crm.csv", &people), &["--max-calls", "1"]).exits(10);
    world.configure("", &[off[0], off[1], ("lemonway", "exclude = [\"email\"]")]);
    world.ledger().reset();
    world.run(&["resume"]).exits(3);
    assert_eq!(world.applied(), 0);
    assert_eq!(world.rejected(), [["C00001", "lemonway", "146"]]);
}

#[test]
fn what_the_rest_was_refused_for_is_not_forgotten_over_what_its_part_meets() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let verified = "[lemonway]\nverified = [\"W00001\"]\n";
    // As a whole, then its contact until the tries of the run are used up.
    world.play(&format!(
        "{verified}[[rule]]\nprovider = \"lemonway\"\nfrom = 2\neffect = {{ refuse = {{ code = \"310\" }} }}\n"
    ));
    world.sync(&world.csv("crm.csv", &people)).exits(5);
    assert_eq!(world.rejected(), [["C00001", "lemonway", "310"]], "why it has to wait");
    world.play(&format!(
        "{verified}[[rule]]\nprovider = \"lemonway\"\nfirst = 1\neffect = {{ refuse = {{ code = \"310\" }} }}\n"
    ));
    world.run(&["resume"]).exits(3);
    assert_eq!(world.rejected(), [["C00001", "lemonway", "146"]]);
    let listed = world.run(&["rejects", "list", "--code", "146"]).exits(0).out;
    assert!(listed.contains("C00001"), "{listed}");
}

/// Why it is held is what a person has to decide about, whatever the rest was refused for.
#[test]
fn a_part_that_is_held_says_why_and_goes_as_a_whole_once_it_is_released() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    world.configure("", &[("lemonway", "concurrency = 1")]);
    // The first one shows that the lane works. The second one is refused as a whole, then denied its contact.
    world.play(
        "[lemonway]\nverified = [\"W00002\"]\n[[rule]]\nprovider = \"lemonway\"\nkey = \"W00002\"\nfrom = 2\n\
         effect = { refuse = { code = \"120\" } }\n",
    );
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let listed = world.run(&["rejects", "list", "--json"]).exits(0).out;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!((&listed[0]["status"], &listed[0]["code"]), (&json!("held"), &json!("120")), "{listed}");
    world.play("");
    world.run(&["rejects", "release"]).exits(0);
    world.ledger().reset();
    world.run(&["resume"]).exits(0);
    assert_eq!(world.requests(ProviderId::Lemonway), 1);
    let wallet = world.ledger().person(ProviderId::Lemonway, "W00002").expect("known").fields;
    assert_eq!(wallet["newLastName"], people[1].last);
}

#[test]
fn what_was_sent_last_goes_in_its_turn_again_once_it_is_released() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.configure("", &[("wsone", "enabled = false"), ("safedebit", "enabled = false")]);
    // The address is taken: refused once, and again after all others.
    world.play(
        "[[rule]]\nprovider = \"lemonway\"\nkey = \"W00001\"\neffect = { refuse = { code = \"204\" } }\n",
    );
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.play("");
    world.run(&["rejects", "release"]).exits(0);
    people[1].email = "newer@example.org".to_owned();
    world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    world.ledger().reset();
    world.run(&["resume", "--max-calls", "1"]).exits(10);
    let sent: Vec<_> = world.ledger().entries().into_iter().filter_map(|entry| entry.key).collect();
    assert_eq!(sent, ["W00001"]);
}

#[test]
fn the_rest_stays_refused_where_a_person_has_found_its_part_applied() {
    let world = World::new();
    world.configure("", &[("lemonway", "concurrency = 1")]);
    let people = customers(2);
    world.populate(&people);
    // As a whole by its status, then its contact by a denial.
    world.play("[lemonway]\nverified = [\"W00002\"]\n[[rule]]\nprovider = \"lemonway\"\nkey = \"W00002\"\nfrom = 2\neffect = { refuse = { code = \"120\" } }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let call = call_to_decide(&world);
    world.run(&["resolve", &call, "--applied"]).exits(0);
    assert_eq!(call_to_decide(&world), call);
    let listed = world.run(&["rejects", "list", "--json"]).exits(0).out;
    assert!(listed.contains("\"refused\"") && listed.contains("\"146\""), "{listed}");
}

#[test]
fn a_refused_call_that_is_released_goes_without_what_was_excluded_meanwhile() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[0].email = "new@example.org".to_owned();
    people[0].last = "Durand".to_owned();
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"178\" } }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.play("");
    world.configure("", &[("lemonway", "exclude = [\"email\"]")]);
    world.run(&["resume"]).exits(0);
    world.run(&["rejects", "release"]).exits(0);
    world.run(&["resume"]).exits(0);
    let wallet = world.ledger().person(ProviderId::Lemonway, "W00001").expect("known").fields;
    assert_eq!(
        (&wallet["newLastName"], &wallet["newEmail"]),
        (&json!("Durand"), &json!("elise.1@example.org"))
    );
}

#[test]
fn an_address_that_another_wallet_gives_up_in_the_same_run_gets_through() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    // The first takes the address of the second, who gets a new one: refused once, then sent after the other.
    people[0].email = people[1].email.clone();
    people[1].email = "moved@example.org".to_owned();
    world.configure("", &[("lemonway", "concurrency = 1")]);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people.iter().for_each(|customer| world.all_hold(customer));
}

#[test]
fn a_verified_wallet_gets_an_address_that_another_one_gives_up_in_the_same_run() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.ledger().reset();
    people[0].email = people[1].email.clone();
    people[0].last = "Renamed".to_owned();
    people[1].email = "moved@example.org".to_owned();
    world.play("[lemonway]\nverified = [\"W00001\"]\n");
    world.configure("", &[("lemonway", "concurrency = 1")]);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    // As a whole, then its contact, then that after the other one.
    assert_eq!(world.requests(ProviderId::Lemonway), 4);
    let wallet = world.ledger().person(ProviderId::Lemonway, "W00001").expect("known");
    assert_eq!(wallet.fields["newEmail"], people[0].email);
    assert_eq!(world.rejected(), [["C00001", "lemonway", "146"]]);
}

#[test]
fn an_invalid_value_is_left_out_reported_once_and_the_rest_goes() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    people[0].mobile = "O612345678".to_owned();
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(3);
    assert_eq!(world.applied(), 6);
    assert!(world.rejects().contains("mobile_phone"), "{}", world.rejects());
    assert!(!world.rejects().contains("O612345678"));
    world.sync(&file).exits(0);
}

#[test]
fn a_decision_on_a_call_that_is_not_held_is_a_usage_error() {
    let world = World::new();
    let people = customers(1);
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"178\" } }\n");
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let call = call_to_decide(&world);
    let told = world.run(&["resolve", &call, "--abandon"]).exits(2).err;
    assert!(told.contains(&format!("error[E105]: call {call} is refused: ")), "{told}");
}

#[test]
fn whoever_releases_everything_is_told_how_much_of_it_waited_for_a_decision() {
    let world = World::new();
    let mut people = customers(3);
    world.populate(&people);
    people[2].wallet = people[1].wallet.clone();
    world.play(REFUSALS);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let told = world.run(&["rejects", "release"]).exits(0).err;
    let expected = "4 calls are queued again, 1 of which waited for a decision; 1 waits, because";
    assert!(told.starts_with(expected), "{told}");
}

#[test]
fn what_was_done_is_told_as_json_to_who_asks_for_it() {
    let world = World::new();
    let mut people = customers(3);
    world.populate(&people);
    people[2].wallet = people[1].wallet.clone();
    world.play(REFUSALS);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let done = |words: &[&str]| -> Value {
        let ran = world.run(&[words, &["--json"]].concat()).exits(0);
        assert_eq!(ran.err, "", "{words:?}");
        serde_json::from_str(&ran.out).expect("JSON")
    };
    assert_eq!(done(&["rejects", "export", "out.csv"]), json!({ "file": "out.csv", "lines": 5 }));
    let listed = done(&["rejects", "list"]);
    let held =
        listed.as_array().expect("a list").iter().find(|line| line["status"] == "held").expect("a held call");
    let abandoned = done(&["resolve", &held["call"].to_string(), "--abandon"]);
    let expected = json!({ "call": held["call"], "decision": "abandoned", "goes_again": false, "stays_held": false, "given_away": false });
    assert_eq!(abandoned, expected);
    world.run(&["rejects", "export", "-", "--json"]).exits(2);
    let released = json!({ "queued": 4, "waited_for_a_decision": 1, "not_released": 0, "ended": 0, "misses_inputs_since": {}, "switched_off": [] });
    assert_eq!(done(&["rejects", "release"]), released);
    let nothing = json!({ "queued": 0, "waited_for_a_decision": 0, "not_released": 0, "ended": 0, "misses_inputs_since": {}, "switched_off": [] });
    assert_eq!(done(&["rejects", "release"]), nothing);
    assert_eq!(done(&["report", "--html", "run.html"])["file"], "run.html");
    assert_eq!(done(&["forget", "nobody", "--undo"]), json!({ "customer_id": "nobody", "removed": false }));
    assert_eq!(done(&["init", "--config", "other.toml"]), json!({ "file": "other.toml" }));
}
