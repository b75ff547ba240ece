//! Who else is told how a run ended: a metrics file, a notification, published schemas.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::support::{Customer, PASSWORD, Ran, World, customers, until};

const NOTIFY: &str =
    "[notify]\ncommand = [\"/bin/sh\", \"-c\", \"echo $CRMSYNC_NOTIFY >>told; cat >told.json\"]\n";

fn told(world: &World) -> String {
    std::fs::read_to_string(world.path("told")).unwrap_or_default()
}

#[test]
fn trouble_is_told_once_and_recovery_too() {
    let world = World::new();
    world.configure(NOTIFY, &[]);
    let mut people = customers(2);
    world.populate(&people);
    let good = people[0].email.clone();
    "nobody".clone_into(&mut people[0].email);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    assert_eq!(told(&world), "trouble\n");
    assert_eq!(told_report(&world), world.report(), "it came on standard input");

    people[0].email = good;
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(told(&world), "trouble\nrecovery\n");
}

/// A command that hangs holds nobody up who wants the program gone; and it is told no secret.
#[test]
fn a_run_that_waits_at_its_end_can_be_ended() {
    let world = World::new();
    let words = "env >of_command; sleep 600 & echo $! >child; wait";
    world.configure(&format!("[notify]\ncommand = [\"/bin/sh\", \"-c\", \"{words}\"]\n"), &[]);
    let mut people = customers(1);
    world.populate(&people);
    "nobody".clone_into(&mut people[0].email);
    let file = world.csv("crm.csv", &people);
    let mut running = world.start(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"]);
    let child = || std::fs::read_to_string(world.path("child")).unwrap_or_default();
    until("the command has begun", || child().ends_with('\n'));
    let signal =
        |name: &str, pid: &str| Command::new("kill").args([name, pid]).status().expect("kill runs").success();
    let pid = running.id().to_string();
    // Two that come at once are one to whoever gets them.
    until("the run is gone", || {
        signal("-TERM", &pid);
        running.try_wait().expect("a child").is_some()
    });
    Ran::from(running.wait_with_output().expect("gone")).exits(143);
    assert!(signal("-KILL", child().trim()), "the program does not wait for the child of its child");
    let variables = std::fs::read_to_string(world.path("of_command")).expect("written");
    assert!(variables.contains("CRMSYNC_NOTIFY=") && !variables.contains(PASSWORD));
    world.run(&["resume"]).exits(0);
}

#[test]
fn a_notification_that_fails_changes_nothing() {
    let world = World::new();
    world.configure("[notify]\ncommand = [\"/no/such/program\"]\n", &[]);
    let mut people = customers(1);
    world.populate(&people);
    "nobody".clone_into(&mut people[0].email);
    let file = world.csv("crm.csv", &people);
    let words = ["--allow-mass-change", "--metrics-file", "no/such/folder/crmsync.prom"];
    // It is known before the night.
    let check = world.run(&["check"]).exits(0).out;
    assert!(check.contains("`/no/such/program` is not there, or not executable"), "{check}");
    for (program, is_found) in [("no-such-program", false), ("sh", true)] {
        world.configure(&format!("[notify]\ncommand = [\"{program}\"]\n"), &[]);
        let ran = world.command(&["check"]).env("PATH", "/usr/bin:/bin").output().expect("runs");
        let check = Ran::from(ran).exits(0).out;
        assert_eq!(!check.contains(&format!("`{program}` is not there")), is_found, "{check}");
    }
    world.configure("[notify]\ncommand = [\"/no/such/program\"]\n", &[]);
    let ran = world.on("sync", &file, &words).exits(3);
    let warned = |begin: &str, end: &str| {
        assert!(ran.err.lines().any(|line| line.starts_with(begin) && line.ends_with(end)), "{}", ran.err);
    };
    warned("warning: notify.command: cannot run `/no/such/program`", "[E610]");
    warned("warning: --metrics-file: cannot create a file beside `no/such/folder/crmsync.prom`", "[E600]");
}

/// A run that was delivering while something lay in the place of a file of its folder.
fn run_with_in_the_way(world: &World, name: &str) -> Ran {
    run_of_with_in_the_way(world, &customers(2), name)
}

fn run_of_with_in_the_way(world: &World, people: &[Customer], name: &str) -> Ran {
    world.configure(NOTIFY, &[]);
    world.populate(people);
    let text = std::fs::read(world.csv("crm.csv", people)).expect("written");
    // The run begins and waits for its input.
    let words = ["sync", "-", "--format", "csv", "--allow-mass-change", "--metrics-file", "crmsync.prom"];
    let mut child = world.start_piped(&words);
    let runs = world.path("state/runs");
    until("the run has a folder", || std::fs::read_dir(&runs).is_ok_and(|mut runs| runs.next().is_some()));
    std::fs::create_dir(world.run_folder().join(name)).expect("made");
    child.stdin.take().expect("a pipe").write_all(&text).expect("read to its end");
    Ran::from(child.wait_with_output().expect("ends")).exits(1)
}

/// The report that the notification was given.
fn told_report(world: &World) -> Value {
    serde_json::from_str(&std::fs::read_to_string(world.path("told.json")).expect("told")).expect("JSON")
}

#[test]
fn rejects_that_cannot_be_written_fail_a_run_that_is_told_like_any_other() {
    let world = World::new();
    let ran = run_with_in_the_way(&world, "rejects.csv");
    assert!(ran.err.contains("error[E600]") && ran.err.contains("rejects.csv"), "{}", ran.err);

    let report = world.report();
    assert!(report["failure"].as_str().is_some_and(|why| why.contains("rejects.csv")), "{report:#}");
    assert_eq!(report["providers"]["lemonway"]["acknowledged"]["update"], 2, "what was sent is counted");
    assert_eq!((told(&world).as_str(), world.path("crmsync.prom").exists()), ("failure\n", true));
    let status: Value = serde_json::from_str(&world.run(&["status", "--json"]).exits(0).out).expect("JSON");
    assert_eq!(status["last_run"]["exit_code"], 1, "the run has its end");
}

/// What is told before the sending fails before it, too; what was accepted stays counted, and is sent by the next run.
#[test]
fn what_was_accepted_is_counted_although_nothing_of_it_could_be_told() {
    let world = World::new();
    let mut people = customers(2);
    "nobody".clone_into(&mut people[0].email);
    run_of_with_in_the_way(&world, &people, "rejects.csv");
    let report = world.report();
    assert_eq!(report["balanced"], true, "{report:#}");
    assert_eq!(report["providers"]["lemonway"]["planned"]["update"], 2, "{report:#}");
    assert_eq!(world.requests(crmsync::domain::provider::ProviderId::Lemonway), 0);
    world.run(&["resume"]).exits(0);
    world.all_hold(&people[1]);
}

#[test]
fn a_report_that_cannot_be_written_is_told_all_the_same() {
    let world = World::new();
    let ran = run_with_in_the_way(&world, "report.json");
    assert!(ran.err.contains("error[E600]") && ran.err.contains("report.json"), "{}", ran.err);
    assert!(ran.out.contains("lemonway"), "the summary: {}", ran.out);
    assert_eq!(told(&world), "failure\n");
    let report = told_report(&world);
    assert_eq!((&report["run"]["exit_code"], &report["run"]["outcome"]), (&1.into(), &"failed".into()));
    assert!(report["failure"].as_str().is_some_and(|why| why.contains("report.json")), "{report:#}");
    let metrics = std::fs::read_to_string(world.path("crmsync.prom")).expect("metrics");
    assert!(metrics.contains("crmsync_run_exit_code 1\n"), "{metrics}");
    assert_failed_everywhere(&world);
}

#[test]
fn a_summary_that_cannot_be_printed_is_told_all_the_same() {
    let world = World::new();
    world.configure(NOTIFY, &[]);
    let people = customers(2);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
    let mut sync = world.command(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"]);
    let ran = Ran::from(sync.stdout(full).output().expect("the binary runs")).exits(1);
    assert!(ran.err.contains("error[E604]: cannot write to standard output"), "{}", ran.err);
    assert_eq!(told(&world), "failure\n");
    assert!(told_report(&world)["failure"].as_str().is_some_and(|why| why.contains("E604")));
    assert_eq!(world.applied(), 6);
    assert_failed_everywhere(&world);
    world.sync(&file).exits(0);
    assert_eq!(told(&world), "failure\nrecovery\n");
}

/// Report, state and events say alike that the last run failed with exit code 1.
fn assert_failed_everywhere(world: &World) {
    let status: Value = serde_json::from_str(&world.run(&["status", "--json"]).exits(0).out).expect("JSON");
    let events = std::fs::read_to_string(world.run_folder().join("events.jsonl")).expect("events");
    let end = events.lines().rfind(|line| line.contains("run_finished")).expect("an end");
    let end: Value = serde_json::from_str(end).expect("JSON");
    for (what, said) in [("status", &status["last_run"]), ("events", &end)] {
        assert_eq!((&said["outcome"], &said["exit_code"]), (&"failed".into(), &1.into()), "{what}: {said:#}");
    }
}

#[test]
fn a_failure_before_the_run_has_a_folder_is_told_too() {
    type Break = fn(&World);
    let cases: [(&str, i32, &str, Break); 4] = [
        ("a missing secret", 2, "E120", |world| {
            let text = std::fs::read_to_string(world.path("crmsync.toml")).expect("a configuration");
            std::fs::write(world.path("crmsync.toml"), text.replace("T_USER", "T_NOT_SET")).expect("written");
        }),
        ("a hash key that is too short", 7, "E405", |world| {
            std::fs::write(world.path("state/crmsync.db.key"), "short").expect("written");
        }),
        ("a damaged state", 7, "E407", |world| {
            std::fs::write(world.path("state/crmsync.db"), vec![7; 8192]).expect("written");
        }),
        ("runs that cannot be written", 1, "E600", |world| {
            std::fs::remove_dir_all(world.path("state/runs")).expect("removed");
            std::fs::write(world.path("state/runs"), "in the way").expect("written");
        }),
    ];
    for (what, exit, code, break_it) in cases {
        let world = World::new();
        world.configure(NOTIFY, &[]);
        let people = customers(1);
        world.populate(&people);
        let file = world.csv("crm.csv", &people);
        world.sync(&file).exits(0);
        break_it(&world);
        // What talks to no provider needs none of their secrets.
        let commands = ["sync", "resume", "seed"].into_iter().filter(|one| *one != "seed" || code != "E120");
        for command in commands {
            std::fs::remove_file(world.path("told")).ok();
            let metrics: &[&str] = if command == "seed" { &[] } else { &["--metrics-file", "m.prom"] };
            let path = file.to_str().expect("utf-8");
            let files: &[&str] = if command == "resume" { &[] } else { &[path] };
            let ran = world.run(&[&[command], files, metrics].concat()).exits(exit);
            assert!(ran.err.contains(&format!("error[{code}]")), "{what}: {}", ran.err);
            assert_eq!(told(&world), "failure\n", "{what}: {command}");
            let report = told_report(&world);
            let run = &report["run"];
            assert_eq!((&run["command"], &run["exit_code"]), (&command.into(), &exit.into()), "{what}");
            assert!(run["id"].is_string() && run["outcome"].is_string(), "{report:#}");
            assert!(report["failure"].as_str().is_some_and(|why| why.contains(code)), "{report:#}");
            assert_eq!(report["input"]["rows"], 0);
        }
        let metrics = std::fs::read_to_string(world.path("m.prom")).expect("metrics");
        assert!(metrics.contains(&format!("crmsync_run_exit_code {exit}\n")), "{what}: {metrics}");
    }
}

#[test]
fn metrics_are_there_for_others_to_read() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--metrics-file", "crmsync.prom"]).exits(0);
    let path = world.path("crmsync.prom");
    let text = std::fs::read_to_string(&path).expect("metrics");
    for line in [
        "crmsync_run_exit_code 0",
        "crmsync_calls{provider=\"lemonway\",state=\"acknowledged\"} 2",
        "crmsync_input{kind=\"rows\"} 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let mode = std::fs::metadata(&path).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "the collector is another user");
}

#[test]
fn schemas_are_published() {
    let world = World::new();
    for what in ["config", "report", "events"] {
        let printed = world.run(&["check", "--schema", what]).exits(0).out;
        let schema: Value = serde_json::from_str(&printed).expect("JSON");
        assert!(schema["$schema"].is_string(), "{what}");
    }
    let printed = world.run(&["check", "--schema", "events"]).exits(0).out;
    assert!(printed.contains("\"progress\"") && printed.contains("\"until\""), "{printed}");
}

/// Whether it is of a kind that the schema names; a schema that names none takes any.
fn is_of_kind(schema: &Value, printed: &Value) -> bool {
    let kind = |name: &Value| match name.as_str().expect("a name") {
        "object" => printed.is_object(),
        "array" => printed.is_array(),
        "string" => printed.is_string(),
        "integer" => printed.is_u64() || printed.is_i64(),
        "number" => printed.is_number(),
        "boolean" => printed.is_boolean(),
        "null" => printed.is_null(),
        other => unreachable!("no kind of JSON: {other}"),
    };
    match &schema["type"] {
        Value::Null => true,
        Value::Array(names) => names.iter().any(kind),
        name => kind(name),
    }
}

/// The keys of a printed value are those of its schema, all the way down: none is unknown, none that must be there
/// is missing, and each value is of the kind that the schema names.
fn fits(schema: &Value, root: &Value, printed: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.strip_prefix('#').expect("a schema of its own");
        return fits(root.pointer(pointer).expect(name), root, printed, place);
    }
    if let Some(choices) = schema["anyOf"].as_array().filter(|_| !printed.is_null()) {
        return fits(&choices[0], root, printed, place);
    }
    assert!(is_of_kind(schema, printed), "{place}: {printed} is none of {schema}");
    for (at, item) in printed.as_array().into_iter().flatten().enumerate() {
        fits(&schema["items"], root, item, &format!("{place}/{at}"));
    }
    let Some(object) = printed.as_object() else { return };
    for (key, value) in object {
        let known = schema["properties"].get(key).or_else(|| schema.get("additionalProperties"));
        let inner = known.unwrap_or_else(|| unreachable!("{place}/{key} is not in the schema {schema}"));
        fits(inner, root, value, &format!("{place}/{key}"));
    }
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(object.contains_key(key), "{place}/{key} is missing");
    }
}

#[test]
fn what_json_prints_has_the_keys_of_its_schema() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people[..2]);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let mut changed = people;
    changed[0].email = "new@example.org".to_owned();
    world.csv("changed.csv", &changed);
    let commands: [(&str, &[&str]); 6] = [
        ("plan", &["plan", "changed.csv"]),
        ("status", &["status"]),
        ("history", &["history"]),
        ("rejects", &["rejects", "list"]),
        ("explain", &["explain", "C00003"]),
        ("explain", &["explain", "nobody"]),
    ];
    for (what, words) in commands {
        let printed = |words: &[&str]| serde_json::from_str(&world.run(words).exits(0).out).expect("JSON");
        let schema: Value = printed(&["check", "--schema", what]);
        let shown: Value = printed(&[words, &["--json"]].concat());
        assert_ne!(shown, serde_json::json!([]), "{what} shows something");
        fits(&schema, &schema, &shown, what);
    }
}

/// A delta does not say again what could not be taken of it.
#[test]
fn what_a_killed_run_could_not_take_is_told_all_the_same() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let file = world.csv("delta.csv", &people);
    let mut text = std::fs::read_to_string(&file).expect("readable");
    let blank = ";".repeat(text.lines().next().expect("a header").matches(';').count() - 1);
    writeln!(text, ";P9{blank}").expect("memory");
    std::fs::write(&file, text).expect("written");
    world.play("[[rule]]\neffect = { latency = \"20s\" }\n");
    let name = file.to_str().expect("utf-8");
    let mut child = world.start(&["sync", name, "--kind", "delta", "--allow-mass-change"]);
    until("a call is on its way", || world.requests(crmsync::domain::provider::ProviderId::Safedebit) == 1);
    child.kill().expect("killed");
    child.wait().expect("gone");
    world.play("");
    let said = world.run(&["resume"]).exits(0);
    let said = format!("{}{}", said.out, said.err);
    let told = said.split("could not be taken is in ").nth(1).expect("the file is named");
    let path = told.lines().next().expect("a path").trim();
    let rejects = std::fs::read_to_string(path).expect("it is there");
    assert!(rejects.contains("the customer's key is empty"), "{rejects}");
    // And it is not told of for ever.
    let said = world.run(&["resume"]).exits(0);
    assert!(!format!("{}{}", said.out, said.err).contains("could not be taken"));
}

#[test]
fn a_report_without_a_name_is_that_of_the_last_run_that_has_one() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let killed = world.path("state/runs/20990101T000000Z-0000");
    std::fs::create_dir(&killed).expect("made");
    let page = world.path("page.html");
    world.run(&["report", "--html", page.to_str().expect("utf-8")]).exits(0);
    assert!(page.is_file());
    for words in
        [&["history", "20990101T000000Z-0000"][..], &["report", "20990101T000000Z-0000", "--html", "x.html"]]
    {
        let ran = world.run(words).exits(2);
        assert!(ran.err.contains("has no report: it goes on still, or was killed"), "{}", ran.err);
    }
}

#[test]
fn what_cannot_work_is_told_by_check_without_a_file() {
    let world = World::new();
    world.configure("[input]\ntrailer = \"(\"\n", &[("lemonway", "exclude = [\"wallet_id\"]")]);
    let told = world.run(&["check"]).exits(2).out;
    assert!(told.contains("the trailer must be a regular expression"), "{told}");
    assert!(told.contains("exclude has wallet_id, its key: nobody takes part there"), "{told}");
}

#[test]
fn what_is_no_backup_is_named_and_the_state_said_to_be_as_it_was() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let ran = world.run(&["doctor", "--restore", "crm.csv"]).exits(7);
    assert!(ran.err.contains("crm.csv was not put in place, and the state is as it was"), "{}", ran.err);
    world.run(&["doctor"]).exits(0);
}

#[test]
fn a_seed_that_waits_for_calls_says_what_delivers_them() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    let ran = world.on("seed", &file, &["--allow-mass-change"]).exits(2);
    assert!(ran.out.contains("next: crmsync resume"), "{}", ran.out);
}

/// What a call is held for is what there is to do about it, whatever the provider's code would ask for elsewhere.
#[test]
fn a_held_call_with_a_code_is_told_of_by_its_hold() {
    let world = World::new();
    world.configure("", &[("lemonway", "concurrency = 1")]);
    let people = customers(2);
    world.populate(&people);
    world.play(
        "[[rule]]\nprovider = \"lemonway\"\nkey = \"W00002\"\neffect = { refuse = { code = \"120\" } }\n",
    );
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let reasons = world.report()["reasons"].as_array().cloned().unwrap_or_default();
    let [reason] = &reasons[..] else { panic!("one reason: {reasons:?}") };
    assert_eq!((&reason["status"], &reason["code"]), (&"held".into(), &"120".into()));
    let advice = reason["advice"].as_str().expect("an advice");
    assert!(advice.contains("one bad value") && !advice.contains("password"), "{advice}");
}
