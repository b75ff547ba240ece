//! Budgets, guards, the lock, signals: each exit code of the contract by the built binary.

use std::fmt::Write as _;

use crmsync::domain::provider::ProviderId;

use crate::support::{HEADER, Ran, World, customers, until};

#[test]
fn max_calls_stops_all_lanes_together_and_the_rest_stays_queued() {
    let world = World::new();
    let people = customers(20);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "7"]).exits(10);
    assert_eq!(world.ledger().entries().len(), 7);
    assert_eq!(world.report()["balanced"], true);
    world.run(&["resume"]).exits(0);
    people.iter().for_each(|customer| world.all_hold(customer));
}

#[test]
fn max_duration_ends_the_run_and_the_rest_stays_queued() {
    let world = World::new();
    let people = customers(30);
    world.populate(&people);
    world.configure("", &[("wsone", "rate_per_second = 5\nburst = 1")]);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-duration", "1s"]).exits(10);
    let report = world.report();
    assert!(report["providers"]["wsone"]["deferred"].as_u64().expect("a count") > 10);
    assert_eq!(report["balanced"], true);
}

#[test]
fn calls_per_day_holds_across_runs() {
    let world = World::new();
    let people = customers(6);
    world.populate(&people);
    world.configure("", &[("wsone", "calls_per_day = 4")]);
    let file = world.csv("crm.csv", &people);
    let plan = || world.run(&["plan", file.to_str().expect("utf-8")]).exits(0).out;
    let told = plan();
    assert!(told.contains("wsone: calls_per_day leaves 4 of 6 calls for today"), "{told}");
    world.sync(&file).exits(10);
    let told = plan();
    assert!(told.contains("wsone: calls_per_day leaves 0 of 2 calls for today"), "{told}");
    world.run(&["resume"]).exits(10);
    assert_eq!(world.requests(ProviderId::Wsone), 4);
}

/// What was on its way at a kill may have arrived.
#[test]
fn what_a_kill_left_on_its_way_counts_for_the_day() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let off = "enabled = false";
    world.configure("", &[("wsone", off), ("safedebit", off), ("lemonway", "calls_per_day = 1")]);
    let file = world.csv("crm.csv", &people);
    let mut killed = world.command(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"]);
    killed.env("CRMSYNC_FAULT", "after-answer").output().expect("the binary runs");
    assert_eq!(world.requests(ProviderId::Lemonway), 1);
    world.run(&["resume"]).exits(10);
    assert_eq!(world.requests(ProviderId::Lemonway), 1);
}

#[test]
fn a_lane_that_has_used_up_its_day_leaves_the_calls_of_the_run_to_the_others() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let one_by_one = "concurrency = 1";
    let providers = [("wsone", one_by_one), ("lemonway", "calls_per_day = 1"), ("safedebit", one_by_one)];
    world.configure("", &providers);
    // The others still have one to send when the day of Lemonway is used up.
    world.play(
        "[[rule]]\nprovider = \"wsone\"\neffect = { latency = \"300ms\" }\n\
         [[rule]]\nprovider = \"safedebit\"\neffect = { latency = \"300ms\" }\n",
    );
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "5"]).exits(10);
    assert_eq!(world.ledger().entries().len(), 5);
}

#[test]
fn calls_that_come_to_be_held_count_as_errors() {
    let world = World::new();
    world.configure("", &[("wsone", "concurrency = 1")]);
    world.play(
        "[[rule]]\noperation = \"createPerson\"\neffect = { lose_reply = \"before\" }\n\
         [[rule]]\noperation = \"updatePerson\"\neffect = { refuse = { code = \"200\" } }\n",
    );
    let file = world.csv("crm.csv", &customers(4));
    let only = ["--provider", "wsone"];
    world.on("sync", &file, &[&["--allow-mass-change", "--max-errors", "2"], &only[..]].concat()).exits(6);
    assert!(world.report()["providers"]["wsone"]["held"].as_u64() >= Some(2));
}

#[test]
fn max_errors_stops_the_lane() {
    let world = World::new();
    let people = customers(20);
    world.populate(&people);
    world.configure("", &[("lemonway", "concurrency = 1")]);
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"178\" } }\n");
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-errors", "3"]).exits(6);
    assert!(world.requests(ProviderId::Lemonway) <= 4);
}

#[test]
fn refused_credentials_stop_their_lane_with_exit_7() {
    let world = World::new();
    let people = customers(10);
    world.populate(&people);
    world.play("[[rule]]\nprovider = \"wsone\"\neffect = { status = { code = 401 } }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(7);
    let report = world.report();
    assert_eq!(report["run"]["outcome"], "denied");
    assert_eq!(report["providers"]["wsone"]["deferred"], 10);
    assert_eq!(report["providers"]["lemonway"]["acknowledged"]["update"], 10);
}

#[test]
fn a_denial_by_a_body_code_stops_a_lane_that_never_worked() {
    let world = World::new();
    let people = customers(10);
    world.populate(&people);
    world.configure("", &[("lemonway", "concurrency = 1")]);
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"105\" } }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(7);
    assert_eq!(world.requests(ProviderId::Lemonway), 1);
}

/// Whatever stops a lane may lie in one call: the next run sends the others first.
#[test]
fn no_call_that_stops_its_lane_keeps_the_others_waiting_night_after_night() {
    let cases = [
        ("wsone", "status = { code = 400 }", ProviderId::Wsone),
        ("lemonway", "refuse = { code = \"120\" }", ProviderId::Lemonway),
    ];
    for (provider, effect, id) in cases {
        let world = World::new();
        let mut people = customers(4);
        world.populate(&people);
        world.configure("", &[(provider, "concurrency = 1")]);
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        people.iter_mut().for_each(|person| person.email = format!("new.{}", person.email));
        // A withdrawn consent leaves before all others.
        people[0].opt_in = "0";
        let key =
            if provider == "wsone" { format!("1:{}", people[0].person) } else { people[0].wallet.clone() };
        world.play(&format!(
            "[[rule]]\nprovider = \"{provider}\"\nkey = \"{key}\"\neffect = {{ {effect} }}\n"
        ));
        let ran = world.sync(&world.csv("crm.csv", &people)).exits(7);
        assert!(ran.out.contains("after all others from now on"), "{provider}: {}", ran.out);
        world.ledger().reset();
        // A code that claims a denial is of one call, where others were accepted before: it is held.
        world.run(&["resume"]).exits(if provider == "wsone" { 7 } else { 3 });
        assert_eq!(world.requests(id), 4, "{provider}");
        assert_eq!(world.report()["providers"][provider]["acknowledged"]["update"], 3, "{provider}");
    }
}

/// Of somebody who was unknown no consent is withdrawn.
#[test]
fn a_newcomer_without_consent_waits_for_its_turn() {
    let world = World::new();
    world.configure("", &[("wsone", "concurrency = 1")]);
    let mut people = customers(3);
    people[2].opt_in = "0";
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let entries = world.ledger().entries();
    let keys: Vec<String> = entries
        .iter()
        .filter(|entry| entry.provider == ProviderId::Wsone)
        .filter_map(|entry| entry.key.clone())
        .collect();
    let expected: Vec<String> = people.iter().map(|person| format!("1:{}", person.person)).collect();
    assert_eq!(keys, expected);
}

#[test]
fn one_denial_by_a_body_code_holds_the_call_of_a_lane_that_works() {
    let world = World::new();
    let people = customers(10);
    world.populate(&people);
    world.configure("", &[("lemonway", "concurrency = 1")]);
    world.play("[[rule]]\nprovider = \"lemonway\"\nnth = 5\neffect = { refuse = { code = \"120\" } }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    assert_eq!(world.report()["providers"]["lemonway"]["held"], 1);
    assert_eq!(world.requests(ProviderId::Lemonway), 10);
}

#[test]
fn guards_stop_a_mass_change_before_anything_is_queued() {
    let world = World::new();
    let mut people = customers(600);
    let file = world.csv("crm.csv", &people);
    world.on("seed", &file, &[]).exits(0);
    for customer in people.iter_mut().take(240) {
        customer.last = "Dupont".to_owned();
    }
    let file = world.csv("crm.csv", &people);
    let ran = world.on("sync", &file, &[]).exits(4);
    assert!(ran.err.contains("max_changes"), "{}", ran.err);
    // Half of the customers are gone from a full file.
    let ran = world.on("sync", &world.csv("crm.csv", &customers(300)), &[]).exits(4);
    assert!(ran.err.contains("max_missing"), "{}", ran.err);
    // A tenth of all IBANs changed.
    let mut people = customers(600);
    for customer in people.iter_mut().take(60) {
        customer.iban = "FR1420041010050500013M02606";
    }
    let ran = world.on("sync", &world.csv("crm.csv", &people), &[]).exits(4);
    assert!(ran.err.contains("iban"), "{}", ran.err);
    // New ones by the hundred.
    let ran = world.on("sync", &world.csv("crm.csv", &customers(700)), &[]).exits(4);
    assert!(ran.err.contains("max_new"), "{}", ran.err);
    assert_eq!(world.ledger().entries().len(), 0);
    let status = world.run(&["status", "--json"]).exits(0);
    let status: serde_json::Value = serde_json::from_str(&status.out).expect("JSON");
    assert_eq!(status["providers"], serde_json::json!({}), "no provider has a queue");
}

#[test]
fn a_file_full_of_bad_rows_is_stopped() {
    let world = World::new();
    let mut text = format!("{HEADER}\n");
    for customer in customers(600) {
        writeln!(text, "{}", customer.line()).expect("memory");
    }
    for _ in 0..100 {
        text.push_str("only;three;cells\n");
    }
    let ran = world.on("sync", &world.file("crm.csv", &text), &[]).exits(4);
    assert!(ran.err.contains("max_invalid"), "{}", ran.err);
    // What was read is told all the same, row by row.
    let report = world.report();
    let input = &report["input"];
    assert_eq!((&input["rows"], &input["new"], &input["invalid"]), (&700.into(), &600.into(), &100.into()));
    assert!(input["bytes"].as_u64() > Some(0) && report["balanced"] == true, "{report}");
    assert_eq!(report["providers"]["wsone"]["planned"]["create"], 0);
    assert_eq!(world.rejects().lines().count(), 101);
    assert!(ran.out.contains("600 new") && ran.out.contains("100 INVALID rows"), "{}", ran.out);
    // Whoever looks at the run later reads what to type as it was told then.
    let ran = world.on("sync", &world.path("crm.csv"), &["--kind", "delta"]).exits(4);
    let next = ran.out.lines().find(|line| line.starts_with("next: ")).expect("a next step").to_owned();
    assert!(next.ends_with("crm.csv --kind delta"), "{next}");
    let run = world.report()["run"]["id"].as_str().expect("a name").to_owned();
    let told = world.run(&["history", &run]).exits(0).out;
    assert!(told.contains(&next), "{told}");
}

#[test]
fn a_broken_file_is_refused_whole() {
    let world = World::new();
    let cut = format!("{HEADER}\n{}\nC2;\"open quote", customers(1)[0].line());
    let cases = [
        ("cut.csv", cut.as_str()),
        ("keyless.csv", "name;email\nA;a@example.org\n"),
        ("empty.csv", ""),
        ("cut.jsonl", "{\"customer_id\": \"1\"}\n{\"customer_id\": \"2\", \"em"),
        ("table.jsonl", "customer_id;email\n1;a@example.org\n2;b@example.org\n"),
        (
            "keyless.jsonl",
            "{\"email\": \"a@example.org\"}\n{\"email\": \"b@example.org\", \"customer_id\": null}\n",
        ),
    ];
    for (name, text) in cases {
        let ran = world.sync(&world.file(name, text)).exits(4);
        assert!(ran.err.contains(name), "{name}: {}", ran.err);
        let status = world.run(&["status"]).exits(0).out;
        assert!(
            status.contains("its input was not accepted by `sync`: look at it before"),
            "{name}: {status}"
        );
        // The same again would stop again.
        assert!(status.ends_with("next: crmsync plan FILE --allow-mass-change\n"), "{name}: {status}");
    }
    // Also behind a run that reads no file.
    world.run(&["resume"]).exits(0);
    let status = world.run(&["status"]).exits(0).out;
    assert!(
        status.contains("the input of ") && status.ends_with("next: crmsync plan FILE --allow-mass-change\n"),
        "{status}"
    );
    world.sync(&world.path("nowhere.csv")).exits(4);
    assert_eq!(world.ledger().entries().len(), 0);
    world.sync(&world.csv("crm.csv", &customers(1))).exits(3);
    world.run(&["resume"]).exits(0);
    assert!(!world.run(&["status"]).exits(0).out.contains("not accepted"));
}

#[test]
fn usage_and_configuration_errors_exit_2() {
    let world = World::new();
    world.run(&["sync"]).exits(2);
    world.run(&["frobnicate"]).exits(2);
    world.file("crmsync.toml", "[guard]\nmax_chnges = \"30%\"\n");
    let ran = world.sync(&world.csv("crm.csv", &customers(1))).exits(2);
    assert!(ran.err.contains("max_changes"), "the nearest key is named: {}", ran.err);
}

#[test]
fn a_state_that_cannot_be_written_is_an_unexpected_failure() {
    let world = World::new();
    let file = world.csv("crm.csv", &customers(1));
    world.file("plain", "a file where a folder should be");
    let ran = world.on("sync", &file, &["--state", "plain/crmsync.db"]).exits(1);
    assert!(ran.err.contains("plain"), "{}", ran.err);
    assert_eq!(world.ledger().entries().len(), 0);
}

#[test]
fn a_seed_waits_until_no_call_is_open() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "1"]).exits(10);
    let ran = world.on("seed", &file, &[]).exits(2);
    let again = format!(
        "nothing of the input was accepted; when the cause is mended, run `crmsync seed {}` again",
        file.display()
    );
    assert!(ran.out.contains(&again), "{}", ran.out);
}

#[test]
fn a_customer_that_nobody_knows_is_told() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    let ran = world.run(&["resume", "--only", "C00001", "--only", "C99999"]).exits(0);
    assert!(ran.out.contains("--only: 1 of 2 customers is not known"), "{}", ran.out);
    let ran = world.run(&["resume", "--only", "C00001"]).exits(0);
    assert!(!ran.out.contains("--only"), "{}", ran.out);
    let ending = "complete as far as it was asked for; 3 other calls stay queued";
    assert!(ran.out.contains(ending), "{}", ran.out);
}

#[test]
fn a_full_standard_output_is_named() {
    let world = World::new();
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
    let output = world.command(&["guide"]).stdout(full).output().expect("the binary runs");
    let ran = Ran::from(output).exits(1);
    assert!(
        ran.err.starts_with("error[E604]: cannot write to standard output: No space left"),
        "{}",
        ran.err
    );
}

#[test]
fn where_nobody_listens_to_progress_the_run_ends_as_it_would() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("a device");
    let words = ["sync", file.to_str().expect("utf-8"), "--allow-mass-change", "--json"];
    let ran = Ran::from(world.command(&words).stderr(full()).output().expect("the binary runs")).exits(0);
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(
        (&report["run"]["outcome"], &world.report()["run"]["exit_code"]),
        (&"complete".into(), &0.into())
    );
    // What is done is done, told or not.
    let page = world.path("page.html").display().to_string();
    let words_of_page = ["report", "--html", &page];
    let output = world.command(&words_of_page).stderr(full()).output().expect("the binary runs");
    Ran::from(output).exits(0);
    assert!(world.path("page.html").exists());
    // Nor to the log, however much it says.
    for talk in [&["--log-format", "json"][..], &["-vv"]] {
        let words = [&words[..], talk].concat();
        Ran::from(world.command(&words).stderr(full()).output().expect("the binary runs")).exits(0);
        assert_eq!(world.report()["run"]["outcome"], "complete", "{talk:?}");
        let wrong = [&["sync", "nofile"], talk].concat();
        Ran::from(world.command(&wrong).stderr(full()).output().expect("the binary runs")).exits(4);
    }
    // Data that nobody gets is another thing, and the report of the run says so too.
    let output = world.command(&["resume", "--json"]).stdout(full()).output().expect("the binary runs");
    assert!(Ran::from(output).exits(1).err.contains("error[E604]"));
    assert_eq!(world.report()["run"]["exit_code"], 1);
}

/// Somebody else may be at work on the state of a run that was killed.
#[test]
fn a_killed_run_is_not_at_work_while_another_command_is() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    let mut sync = world.command(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"]);
    sync.env("CRMSYNC_FAULT", "after-ingest-commit").output().expect("the binary runs");
    let held = std::fs::File::open(world.path("state/crmsync.db.lock")).expect("there");
    held.lock().expect("nobody else");
    let told = world.run(&["status"]).exits(0).out;
    assert!(told.contains(", not finished\n") && told.contains("next: crmsync resume"), "{told}");
    drop(held);
    world.run(&["resume"]).exits(0);
}

#[test]
fn a_second_run_exits_11_and_changes_nothing() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    world.play("[[rule]]\nprovider = \"wsone\"\neffect = { latency = \"2s\" }\n");
    let file = world.csv("crm.csv", &people);
    let mut first = world.start(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"]);
    until("the first run sends", || world.requests(ProviderId::Wsone) > 0);
    world.sync(&file).exits(11);
    world.run(&["resume"]).exits(11);
    let status = world.run(&["status"]).exits(0).out;
    assert!(
        status.contains(" is at work since ") && status.ends_with("next: wait until the run has ended\n"),
        "{status}"
    );
    world.on("plan", &file, &[]).exits(0);
    assert!(first.wait().expect("gone").success());
    assert_eq!(world.applied(), 6);
}

/// What may not be sent any more is not waited for.
#[test]
fn a_run_without_requests_left_ends_before_what_waits_is_due() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    world.play("[[rule]]\nprovider = \"wsone\"\ntimes = 1\neffect = { status = { code = 429, retry_after = \"3600\" } }\n");
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "1", "--provider", "wsone"]).exits(10);
    assert_eq!(world.report()["providers"]["wsone"]["requests"], 1);
    // Nor is what an earlier run left.
    world.run(&["resume", "--max-calls", "0", "--provider", "wsone"]).exits(10);
    world.play("");
}

#[test]
fn the_rate_holds_in_every_sliding_second_also_across_runs() {
    let world = World::new();
    let people = customers(60);
    world.populate(&people);
    world.configure("", &[("safedebit", "rate_per_second = 20\nburst = 20\nconcurrency = 4")]);
    let file = world.csv("crm.csv", &people);
    let only = ["--provider", "safedebit"];
    world.on("sync", &file, &[&["--allow-mass-change", "--max-calls", "20"], &only[..]].concat()).exits(10);
    world.run(&[&["resume"], &only[..]].concat()).exits(0);
    let summary = world.ledger().summary();
    // The simulator counts arrivals. However busy the machine is, no more slip into a second from before it than are under
    // way at once. A second burst after the restart would show as twice the rate.
    assert!(summary.providers[&ProviderId::Safedebit].max_per_second <= 20 + 4, "{summary:?}");
}

#[test]
fn the_command_after_a_guard_reads_the_file_as_it_was_meant() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.configure("[guard]\nfloor = 0", &[]);
    let changed = people[0].clone().email("new@example.org");
    let told = world.on("sync", &world.csv("delta.csv", &[changed]), &["--kind", "delta"]).exits(4).out;
    let next = told.lines().find(|line| line.starts_with("next: crmsync plan ")).expect("a next step");
    assert!(next.contains(" --kind delta"), "{next}");
}

/// What is tried dry is typed again as it was.
#[test]
fn a_dry_run_knows_the_flags_of_the_sync_that_it_is_for() {
    let world = World::new();
    let file = world.csv("crm.csv", &customers(2));
    let flags =
        ["-n", "--only", "C00001", "--provider", "lemonway", "--max-duration", "90m", "--allow-mass-change"];
    let told = world.on("sync", &file, &flags).exits(0).out;
    assert!(told.contains("fits into max_duration = 1h 30m"), "{told}");
    assert!(told.contains("--provider and --only restrict what is sent"), "{told}");
    let next = "--allow-mass-change --provider lemonway --only C00001 --max-duration '1h 30m'";
    assert!(
        told.lines().any(|line| line.starts_with("next: crmsync sync ") && line.contains(next)),
        "{told}"
    );
    let told = world.on("sync", &file, &["-n", "--allow-mass-change"]).exits(0).out;
    assert!(!told.contains("--provider"), "{told}");
}
