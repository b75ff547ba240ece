//! Lost answers, lost creates, kills and outages: what is unknown stays unknown until it is found out.

use std::process::Command;

use crmsync::domain::provider::ProviderId;
use crmsync::sandbox::{Entry, Operation};

use crate::care::{delivered, json};
use crate::support::{Customer, Ran, World, customers, until};

#[test]
fn a_create_whose_answer_was_lost_is_probed_not_repeated() {
    for lose in ["before", "after"] {
        let world = World::new();
        let people = customers(1);
        world.populate(&people);
        // 101 is classed as missing, so that a create which did not arrive can be told from one which did.
        world.configure("", &[("wsone", "response_codes = { \"101\" = \"missing\" }")]);
        world.play(&format!(
            "[[rule]]\noperation = \"createPerson\"\ntimes = 1\neffect = {{ lose_reply = \"{lose}\" }}\n"
        ));
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        assert_eq!(world.duplicates(), 0, "lost {lose}");
        world.all_hold(&people[0]);
    }
}

#[test]
fn a_lost_create_that_is_killed_and_gets_a_newer_address_ends_with_one_person() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.play("[[rule]]\noperation = \"createPerson\"\ntimes = 1\neffect = { late = { after = \"50ms\", stall = \"20s\" } }\n");
    let file = world.csv("crm.csv", &people);
    let mut child = world.start(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"]);
    until("the create is on its way", || world.requests(ProviderId::Wsone) == 1);
    child.kill().expect("killed");
    child.wait().expect("gone");
    world.late_ones_landed();
    let newer = people[0].clone().email("newer@example.org");
    let file = world.csv("crm.csv", std::slice::from_ref(&newer));
    let planned = world.on("plan", &file, &["--json", "--allow-mass-change"]).exits(0).out;
    let planned: serde_json::Value = serde_json::from_str(&planned).expect("JSON");
    world.sync(&file).exits(0);
    let done = &world.report()["providers"]["wsone"]["planned"];
    let of_wsone = &planned["providers"][0];
    assert_eq!((&of_wsone["create"], &of_wsone["update"]), (&done["create"], &done["update"]), "{planned:#}");
    assert_eq!(world.duplicates(), 0);
    world.all_hold(&newer);
    let summary = world.ledger().summary();
    assert_eq!(summary.providers[&ProviderId::Wsone].operations[&Operation::CreatePerson].requests, 1);
}

#[test]
fn a_probe_refused_for_a_bad_value_proves_nothing_and_is_held() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.play(
        "[[rule]]\noperation = \"createPerson\"\ntimes = 1\neffect = { lose_reply = \"after\" }\n\
         [[rule]]\noperation = \"updatePerson\"\neffect = { refuse = { code = \"155\" } }\n",
    );
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    assert_eq!(world.report()["providers"]["wsone"]["held"], 1);
    assert!(world.rejects().contains("probe_refused"), "{}", world.rejects());
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.duplicates(), 0);
}

#[test]
fn a_revert_after_a_lost_answer_is_sent() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let original = world.csv("crm.csv", &people);
    world.sync(&original).exits(0);
    let changed = world.csv("changed.csv", &[people[0].clone().email("b@example.org")]);
    // The change is applied, but every answer is lost: the run ends with the outcome unknown.
    world.play("[[rule]]\nprovider = \"safedebit\"\neffect = { lose_reply = \"after\" }\n");
    world.sync(&changed).exits(5);
    assert_eq!(world.emails(&people[0])[2], "b@example.org");
    world.play("");
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.all_hold(&people[0]);
}

#[test]
fn parts_that_a_lost_first_call_may_have_left_do_not_stay_beside_a_new_street() {
    for (policy, number, kind, street) in
        [("ignore", "2", "RUE", "DE LA LIBERTÉ"), ("send_empty", "", "", "LE BOURG")]
    {
        let world = World::new();
        let mut people = customers(1);
        world.populate(&people);
        world.configure("", &[("safedebit", &format!("on_cleared = \"{policy}\""))]);
        world.play("[[rule]]\nprovider = \"safedebit\"\neffect = { lose_reply = \"after\" }\n");
        world.sync(&world.csv("crm.csv", &people)).exits(5);
        world.play("");
        people[0].street = "Le Bourg".to_owned();
        world.sync(&world.csv("crm.csv", &people)).exits(if policy == "ignore" { 3 } else { 0 });
        let consumer = world.ledger().person(ProviderId::Safedebit, "REF00001").expect("known").fields;
        let held = ["number", "type", "name"].map(|part| {
            let value = &consumer[&format!("consumer_address_street_{part}")];
            value.as_str().unwrap_or_default().to_uppercase()
        });
        assert_eq!(held, [number, kind, street], "{policy}");
    }
}

#[test]
fn what_a_create_that_never_arrived_carried_is_not_taken_for_what_is_there() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    let settings = "send = \"changed\"\nresponse_codes = { \"101\" = \"missing\" }";
    world.configure("[dispatch]\noutage_patience = \"300ms\"\n", &[("wsone", settings)]);
    world.play(
        "[[rule]]\noperation = \"createPerson\"\neffect = { lose_reply = \"before\" }\n\
         [[rule]]\noperation = \"updatePerson\"\neffect = { status = { code = 500 } }\n",
    );
    world.sync(&world.csv("crm.csv", &people)).exits(5);
    world.play("");
    people[0].street = "Le Bourg".to_owned();
    let file = world.csv("crm.csv", &people);
    // The first night creates, without what was kept back for the lost create; the next one brings that.
    world.sync(&file).exits(3);
    world.sync(&file).exits(0);
    let person = world.ledger().person(ProviderId::Wsone, "1:7700000001").expect("created").fields;
    assert_eq!(person["ContactsRequest"]["AddressRequest"]["address3Name"], "Le Bourg", "{person:?}");
}

#[test]
fn a_provider_that_fails_for_many_nights_leaves_nothing_to_a_person() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    let missing = ("wsone", "response_codes = { \"101\" = \"missing\" }");
    world.configure("[dispatch]\noutage_patience = \"300ms\"\n", &[missing]);
    world.play("[[rule]]\neffect = { status = { code = 500 } }\n");
    let file = world.csv("crm.csv", &people);
    for _ in 0..4 {
        world.sync(&file).exits(5);
        assert_eq!(world.report()["providers"]["lemonway"]["held"], 0);
    }
    world.play("");
    world.run(&["resume"]).exits(0);
    people.iter().for_each(|customer| world.all_hold(customer));
    assert_eq!(world.duplicates(), 0);
}

#[test]
fn a_revert_while_queued_sends_nothing() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.ledger().reset();
    let changed = world.csv("changed.csv", &[people[0].clone().email("b@example.org")]);
    // No call may be made: everything stays queued.
    world.on("sync", &changed, &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.ledger().entries().len(), 0);
    assert_eq!(world.report()["providers"]["wsone"]["superseded"], 1);
}

#[test]
fn one_provider_down_all_night_does_not_stop_the_others() {
    let world = World::new();
    let people = customers(20);
    world.populate(&people);
    world.configure("[dispatch]\noutage_patience = \"300ms\"\n", &[]);
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { status = { code = 503 } }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(5);
    let report = world.report();
    assert_eq!(report["providers"]["wsone"]["acknowledged"]["create"], 20);
    assert_eq!(report["providers"]["lemonway"]["deferred"], 20);
    assert_eq!(report["balanced"], true);
    world.play("");
    world.run(&["resume"]).exits(0);
    people.iter().for_each(|customer| world.all_hold(customer));
}

#[test]
fn an_unreadable_200_is_never_success() {
    for body in ["html", "empty", "truncated"] {
        let world = World::new();
        let people = customers(1);
        world.populate(&people);
        world.play(&format!(
            "[[rule]]\nprovider = \"lemonway\"\ntimes = 1\neffect = {{ garbage = {{ body = \"{body}\", apply = false }} }}\n"
        ));
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        assert_eq!(world.requests(ProviderId::Lemonway), 2, "{body}");
        world.all_hold(&people[0]);
    }
}

#[test]
fn a_killed_sync_loses_nothing_and_doubles_no_create() {
    let world = World::new();
    let people = customers(200);
    world.populate(&people);
    world.configure("", &[("wsone", "response_codes = { \"101\" = \"missing\" }")]);
    let file = world.csv("crm.csv", &people);
    let path = file.to_str().expect("utf-8");
    for round in 1..=2 {
        let mut child = world.start(&["sync", path, "--allow-mass-change"]);
        let target = world.applied() + 60;
        until("some calls are applied, or all", || {
            world.applied() >= target || child.try_wait().expect("a child").is_some()
        });
        child.kill().ok();
        child.wait().expect("gone");
        assert_eq!(world.duplicates(), 0, "round {round}");
    }
    let newest: Vec<Customer> =
        people.iter().map(|customer| customer.clone().email(&format!("z.{}", customer.email))).collect();
    world.sync(&world.csv("crm.csv", &newest)).exits(0);
    assert_eq!(world.duplicates(), 0);
    newest.iter().for_each(|customer| world.all_hold(customer));
}

#[test]
fn throttling_pauses_the_lane_and_spends_nothing() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    let lines = "concurrency = 1\nretry = { attempts = 1, initial = \"5ms\", max = \"20ms\" }";
    world.configure("", &[("safedebit", lines)]);
    // Who asks to wait for no time at all is not asked again at once either.
    world.play(&format!("{}{}", throttle("REF00001", "1"), throttle("REF00002", "0")));
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.report()["providers"]["safedebit"]["throttled"], 2);
    people.iter().for_each(|customer| world.all_hold(customer));
    let sent = sent_to(&world, ProviderId::Safedebit);
    for (at, throttled) in sent.iter().enumerate().filter(|(_, entry)| !entry.applied) {
        assert!(sent[at + 1].at_ms >= throttled.at_ms + 1_000, "{sent:?}");
    }
}

/// The first request for this account is answered by 429.
fn throttle(key: &str, seconds: &str) -> String {
    format!(
        "[[rule]]\nprovider = \"safedebit\"\nkey = \"{key}\"\ntimes = 1\neffect = {{ status = {{ code = 429, retry_after = \"{seconds}\" }} }}\n"
    )
}

fn sent_to(world: &World, provider: ProviderId) -> Vec<Entry> {
    world.ledger().entries().into_iter().filter(|entry| entry.provider == provider).collect()
}

#[test]
fn of_two_pauses_that_a_provider_asks_for_the_longer_one_is_kept() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    world.configure("", &[("safedebit", "concurrency = 2")]);
    let later = "[[rule]]\nprovider = \"safedebit\"\nkey = \"REF00002\"\neffect = { latency = \"300ms\" }\n";
    world.play(&format!("{later}{}{}", throttle("REF00001", "3"), throttle("REF00002", "1")));
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let sent = sent_to(&world, ProviderId::Safedebit);
    assert_eq!(sent.iter().filter(|entry| entry.applied).count(), 3);
    assert!(sent[2].at_ms >= sent[0].at_ms + 3_000, "{sent:?}");
}

/// The provider may hold it, though nobody has written that down yet.
#[test]
fn a_change_that_was_on_its_way_at_a_kill_is_taken_back_as_planned() {
    let mut people = customers(1);
    let world = delivered(&people);
    people[0].email = "lost@example.org".to_owned();
    let file = world.csv("crm.csv", &people);
    let arguments = ["sync", file.to_str().expect("utf-8"), "--allow-mass-change", "--provider", "lemonway"];
    let mut killed = world.command(&arguments);
    killed.env("CRMSYNC_FAULT", "after-answer").output().expect("the binary runs");
    assert_eq!(world.emails(&people[0])[1], "lost@example.org");
    // Written now: an older file would be refused.
    let before = world.csv("before.csv", &customers(1));
    let plan = json(&world.on("plan", &before, &["--json"]).exits(0));
    let lanes = plan["providers"].as_array().expect("lanes");
    let lane = lanes.iter().find(|lane| lane["provider"] == "lemonway").expect("a lane");
    assert_eq!(lane["update"], 1, "{plan}");
    world.sync(&before).exits(0);
    world.all_hold(&customers(1)[0]);
}

#[test]
fn calls_that_use_up_their_tries_are_told_with_their_customers_and_why() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    world.configure("", &[("safedebit", "retry = { attempts = 2, initial = \"5ms\", max = \"20ms\" }")]);
    // The others' answers keep the breaker closed.
    world.play(&format!(
        "[[rule]]\nprovider = \"safedebit\"\nkey = \"{}\"\neffect = {{ status = {{ code = 503 }} }}\n",
        people[1].reference
    ));
    let ran = world.on("sync", &world.csv("crm.csv", &people), &["--include-values"]).exits(5);
    assert!(ran.out.contains("why:\n 1  safedebit  deferred  http_503"), "{}", ran.out);
    assert_eq!(world.rejected(), [["C00002", "safedebit", "http_503"].map(str::to_owned)]);
    assert!(world.rejects().contains("every try of this run failed"), "{}", world.rejects());
    assert!(
        world.rejects().contains(&people[1].email),
        "what waits is there to be looked at: {}",
        world.rejects()
    );
    assert_eq!(world.report()["reasons"][0]["status"], "deferred");
    // It is no reject: nobody has to decide about it.
    assert!(world.run(&["rejects", "list"]).exits(0).out.contains("nothing is refused or held"));
    world.play("");
    world.run(&["resume"]).exits(0);
    assert_eq!(world.rejected(), [] as [[String; 3]; 0]);
    people.iter().for_each(|customer| world.all_hold(customer));
}

#[test]
fn a_provider_that_only_throttles_ends_its_lane_and_the_others_go_on() {
    for status in ["code = 429", "code = 429, retry_after = \"1\"", "code = 503, retry_after = \"1\""] {
        let world = World::new();
        let people = customers(20);
        world.populate(&people);
        world.configure("[dispatch]\noutage_patience = \"300ms\"\n", &[]);
        world.play(&format!("[[rule]]\nprovider = \"lemonway\"\neffect = {{ status = {{ {status} }} }}\n"));
        world.sync(&world.csv("crm.csv", &people)).exits(5);
        let report = world.report();
        assert_eq!(report["run"]["outcome"], "unavailable", "{status}");
        assert_eq!(report["providers"]["safedebit"]["acknowledged"]["update"], 20);
        assert_eq!(report["providers"]["lemonway"]["deferred"], 20);
        assert_eq!(report["balanced"], true);
        world.play("");
        world.run(&["resume"]).exits(0);
        people.iter().for_each(|customer| world.all_hold(customer));
    }
}

#[test]
fn a_redirect_is_not_followed_and_stops_the_lane() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    other.set_nonblocking(true).expect("set");
    let address = other.local_addr().expect("bound");
    world.play(&format!(
        "[[rule]]\nprovider = \"safedebit\"\neffect = {{ redirect = {{ location = \"http://{address}/\" }} }}\n"
    ));
    world.sync(&world.csv("crm.csv", &people)).exits(7);
    assert!(other.accept().is_err(), "somebody followed the redirect");
}

#[test]
fn calls_of_earlier_runs_are_told_with_the_run_of_the_oldest() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    let mut runs = Vec::new();
    for count in [1, 2] {
        let file = world.csv("some.csv", &people[..count]);
        world.on("sync", &file, &["--provider", "wsone"]).exits(0);
        runs.push(world.report()["run"]["id"].as_str().expect("a name").to_owned());
    }
    let all = world.csv("crm.csv", &people);
    // The clock was set back before the second one.
    let set_back = "UPDATE run SET started_at = started_at - 3600000 WHERE number = 2";
    crate::care::state(&world).execute(set_back, []).expect("written");
    let told = format!("from earlier runs: 4 calls, the oldest of {}", runs[0]);
    let planned = world.run(&["plan", "crm.csv"]).exits(0);
    assert!(planned.out.contains(&told), "{}", planned.out);
    let synced = world.sync(&all).exits(0);
    assert!(synced.out.contains(&told), "{}", synced.out);
    assert_eq!(world.report()["carried_from"], runs[0]);
    world.sync(&all).exits(0);
    assert_eq!(world.report().get("carried_from"), None, "nothing is left of them");
}

#[test]
fn a_call_that_breaks_the_contract_lets_all_others_of_its_lane_through_in_the_next_run() {
    let world = World::new();
    let people = customers(5);
    world.populate(&people);
    world.play("[[rule]]\nprovider = \"lemonway\"\nkey = \"W00002\"\neffect = { status = { code = 400 } }\n");
    world.configure("", &[("lemonway", "concurrency = 1")]);
    let told = world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change"]).exits(7).out;
    let by = told.split("lemonway: an answer is none that the contract knows (http_400 for call ").nth(1);
    assert!(by.is_some_and(|by| by.contains("); if each call gets it, ") && by.contains("[E511]")), "{told}");
    let call = by.and_then(|by| by.split(')').next()).expect("a number");
    assert!(told.contains(&format!(", whom `crmsync explain --call {call}` names")), "{told}");
    assert!(world.run(&["explain", "--call", call]).exits(0).out.starts_with("customer C00002\n"));
    assert!(world.run(&["explain", "--call", "4711"]).exits(2).err.contains("error[E105]"));
    assert_eq!(world.report()["providers"]["lemonway"]["acknowledged"]["update"], 1);

    world.run(&["resume"]).exits(7);
    let lane = &world.report()["providers"]["lemonway"];
    assert_eq!((&lane["acknowledged"]["update"], &lane["deferred"]), (&3.into(), &1.into()), "{lane:#}");
    world.play("");
    world.run(&["resume"]).exits(0);
    people.iter().for_each(|customer| world.all_hold(customer));
}

/// What waits for a pause to end has not left, and is not taken for it after a kill.
#[test]
fn nothing_stays_leased_while_a_provider_asks_to_wait() {
    let world = World::new();
    let people = customers(20);
    world.populate(&people);
    world.configure("", &[("lemonway", "enabled = false"), ("safedebit", "enabled = false")]);
    world.play("[[rule]]\neffect = { status = { code = 429, retry_after = \"3600\" } }\n");
    let file = world.csv("crm.csv", &people);
    let words = ["sync", file.to_str().expect("utf-8"), "--allow-mass-change"];
    let mut sync =
        world.command(&words).stdout(std::process::Stdio::null()).spawn().expect("the binary runs");
    until("a request", || world.requests(ProviderId::Wsone) > 0);
    let aloft = || -> i64 {
        let state = rusqlite::Connection::open_with_flags(
            world.path("state/crmsync.db"),
            rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
        );
        let sql = "SELECT count(*) FROM flight";
        state.expect("a state").query_row(sql, [], |row| row.get(0)).expect("readable")
    };
    until("the leases are given back", || aloft() == 0);
    sync.kill().expect("killed");
    sync.wait().expect("ended");
    world.play("");
    world.run(&["resume"]).exits(0);
    let created = &world.report()["providers"]["wsone"]["acknowledged"]["create"];
    assert_eq!((created, world.duplicates()), (&20.into(), 0));
}

/// An outcome that nobody knows stays unknown to a newer value, whatever the provider asked for in between.
#[test]
fn a_refusal_after_an_unknown_outcome_is_told_as_such_beside_a_pause() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[0].email = "first@example.org".to_owned();
    world.play(
        "[[rule]]\nprovider = \"lemonway\"\nnth = 1\neffect = { lose_reply = \"after\" }\n\
         [[rule]]\nprovider = \"lemonway\"\nnth = 2\neffect = { status = { code = 429, retry_after = \"3600\" } }\n",
    );
    let file = world.csv("crm.csv", &people);
    let child = world.start(&["sync", file.to_str().expect("utf-8")]);
    until("it was asked to wait", || world.requests(ProviderId::Lemonway) == 3);
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    Ran::from(child.wait_with_output().expect("gone")).exits(143);
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"204\" } }\n");
    people[0].last = "Durand".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let listed = world.run(&["rejects", "list", "--provider", "lemonway"]).exits(0).out;
    assert!(listed.contains("refused_after_unknown"), "{listed}");
}

#[test]
fn a_lane_that_was_only_asked_to_wait_says_so_when_its_time_is_over() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.play(
        "[[rule]]\nprovider = \"lemonway\"\neffect = { status = { code = 429, retry_after = \"3600\" } }\n",
    );
    let words = ["--allow-mass-change", "--max-duration", "5s"];
    let told = world.on("sync", &world.csv("crm.csv", &people), &words).exits(10).out;
    assert!(told.contains("lemonway: took no call before max_duration had passed: "), "{told}");
    assert!(told.contains("(throttled)"), "{told}");
}

/// What the program makes of a status itself repeats nobody's value.
#[test]
fn a_status_is_told_whatever_the_customer_is_called() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    people[0].last = "Http".to_owned();
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { status = { code = 422 } }\n");
    let ran = world.sync(&world.csv("crm.csv", &people)).exits(7);
    assert!(ran.out.contains("http_422") && !ran.out.contains("code_withheld"), "{}", ran.out);
}
