//! A rehearsal predicts: `plan` counts, `rehearse` makes and `sync` makes the same calls.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::care::delivered;
use crate::elsewhere::{Elsewhere, calls, written_ledger};
use crate::support::{World, all_below, customers};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

/// The configuration of the samples, with its simulators elsewhere, no waiting for rates, and the test's secrets.
fn configure(world: &World, simulators: &Elsewhere) {
    let text = std::fs::read_to_string(sample("crmsync.toml")).expect("the sample configuration");
    let address = "http://127.0.0.1:8787";
    assert!(text.contains(address) && text.contains("rate_per_second = 50"));
    let mut text =
        text.replace(address, &simulators.url()).replace("rate_per_second = 50", "rate_per_second = 5000");
    for provider in ["WSONE", "LEMONWAY", "SAFEDEBIT"] {
        for user in ["USERNAME", "LOGIN"] {
            text = text.replace(&format!("\"{provider}_{user}\""), "\"T_USER\"");
        }
        text = text.replace(&format!("\"{provider}_PASSWORD\""), "\"T_PASSWORD\"");
    }
    world.file("crmsync.toml", &text);
}

/// Requests by operation, as `plan` words them, from a ledger.
fn counted(ledger: &[Value]) -> BTreeMap<(String, &'static str), u64> {
    let mut counts = BTreeMap::new();
    for entry in ledger {
        let provider = entry["provider"].as_str().expect("a name").to_owned();
        let operation = if entry["operation"] == "createPerson" { "create" } else { "update" };
        *counts.entry((provider, operation)).or_default() += 1;
    }
    counts
}

fn planned(plan: &Value) -> BTreeMap<(String, &'static str), u64> {
    let lanes = plan["providers"].as_array().expect("lanes");
    let counts = lanes.iter().flat_map(|lane| {
        assert_eq!((&lane["held"], &lane["queued_before"]), (&json!(0), &json!(0)));
        let provider = lane["provider"].as_str().expect("a name");
        ["create", "update"].map(|word| ((provider.to_owned(), word), lane[word].as_u64().expect("a count")))
    });
    counts.filter(|(_, count)| *count > 0).collect()
}

/// Plans, rehearses and synchronises one input, and compares the three.
fn all_agree(world: &World, simulators: &Elsewhere, file: &Path, kind: &[&str]) -> usize {
    let with = |more: &[&'static str]| [kind, &["--allow-mass-change", "--allow-older"], more].concat();
    let plan = world.on("plan", file, &with(&["--json"])).exits(0);
    let plan: Value = serde_json::from_str(&plan.out).expect("JSON");
    std::fs::remove_file(world.path("ledger.jsonl")).ok();
    world.on("rehearse", file, &with(&["--ledger", "ledger.jsonl"])).exits(3);
    assert!(simulators.ledger().is_empty(), "a rehearsal must not call the configured providers");
    let rehearsed = written_ledger(&world.path("ledger.jsonl"));
    world.on("sync", file, &with(&[])).exits(3);
    let performed = simulators.ledger();
    assert_eq!(counted(&rehearsed), planned(&plan));
    assert_eq!(counted(&performed), planned(&plan));
    let (rehearsed, performed) = (calls(&rehearsed), calls(&performed));
    let different = rehearsed.iter().zip(&performed).find(|(one, other)| one != other);
    assert_eq!(different, None);
    assert_eq!(rehearsed.len(), performed.len());
    simulators.reset();
    performed.len()
}

#[test]
fn plan_rehearsal_and_sync_agree_on_the_samples() {
    let world = World::new();
    let (config, file, changes) = (sample("crmsync.toml"), sample("customers.csv"), sample("changes.jsonl"));
    let text = |path: &PathBuf| path.to_str().expect("utf-8").to_owned();
    let arguments = ["--config", &text(&config), "--populate", &text(&file), &text(&changes)];
    let simulators = Elsewhere::start(&arguments);
    configure(&world, &simulators);
    let first = all_agree(&world, &simulators, &file, &[]);
    let second = all_agree(&world, &simulators, &changes, &["--kind", "delta"]);
    assert!(first > 2_800 && (20..250).contains(&second), "{first} calls, then {second}");
}

#[test]
fn the_ledger_of_a_rehearsal_is_private_and_replaces_no_file() {
    let world = World::new();
    let people = customers(2);
    let file = world.csv("crm.csv", &people);
    let more = ["--allow-mass-change", "--ledger", "ledger.jsonl"];
    world.on("rehearse", &file, &more).exits(0);
    let path = world.path("ledger.jsonl");
    let mode = std::fs::metadata(&path).expect("written").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(&path).expect("written");
    assert_eq!(written_ledger(&path).len(), 6);
    let again = world.on("rehearse", &file, &more).exits(1);
    assert!(again.err.contains("ledger.jsonl"), "{}", again.err);
    assert_eq!(std::fs::read(&path).expect("still there"), before);
}

/// A run may be at work beside it.
#[test]
fn a_rehearsal_leaves_the_folders_of_runs_alone() {
    let people = customers(2);
    let world = delivered(&people);
    world.configure("keep_runs = 1\n", &[]);
    let of_the_run = world.run_folder();
    world.on("rehearse", &world.csv("crm.csv", &people), &[]).exits(0);
    assert!(of_the_run.join("report.json").exists());
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert!(!of_the_run.exists(), "a run deletes it");
}

/// A folder that is called as ours once was is somebody's, and what lies behind a link is, too.
#[test]
fn a_rehearsal_deletes_nothing_that_it_has_not_made() {
    let people = customers(1);
    let world = delivered(&people);
    let input = world.path("state/rehearsal/tonight.csv");
    std::fs::create_dir(world.path("state/rehearsal")).expect("made");
    std::fs::copy(world.csv("crm.csv", &people), &input).expect("copied");
    world.on("rehearse", &input, &[]).exits(0);
    assert!(input.exists());
    let link = world.path("state/crmsync.db.rehearsal");
    std::os::unix::fs::symlink(world.path("state/rehearsal"), &link).expect("made");
    let refused = world.on("rehearse", &input, &[]).exits(1);
    assert!(refused.err.contains("it is a link") && input.exists(), "{}", refused.err);
    let refused = world.run(&["forget", "C00001"]).exits(1);
    assert!(refused.err.contains("it is a link"), "{}", refused.err);
    assert!(world.run(&["doctor"]).out.contains("delete the link"));
    assert_eq!(all_below(&world.path("state/rehearsal")), [input]);
}

#[test]
fn the_copy_of_a_killed_rehearsal_is_told_of_replaced_and_deleted() {
    let people = customers(2);
    let world = delivered(&people);
    let file = world.csv("crm.csv", &[people[0].clone().email("changed@example.org")]);
    let rehearsal = world.path("state/crmsync.db.rehearsal");
    let kill = || {
        let arguments = ["rehearse", file.to_str().expect("utf-8"), "--kind", "delta"];
        let mut rehearse = world.command(&arguments);
        rehearse.env("CRMSYNC_FAULT", "after-ingest-commit").env("TMPDIR", world.path("tmp"));
        assert!(!rehearse.output().expect("the binary runs").status.success());
        let mode = std::fs::metadata(&rehearsal).expect("left").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(rehearsal.join("rehearsal.db").exists());
        assert_eq!(all_below(&world.path("tmp")), Vec::<PathBuf>::new());
    };
    std::fs::create_dir(world.path("tmp")).expect("made");
    kill();
    assert!(world.run(&["doctor"]).exits(0).out.contains("a rehearsal was killed"));
    world.run(&["doctor", "--repair"]).exits(0);
    assert!(!rehearsal.exists());
    kill();
    world.on("rehearse", &file, &["--kind", "delta"]).exits(0);
    assert!(!rehearsal.exists(), "replaced, and thrown away at the end");
    kill();
    let forgot = world.run(&["forget", "C00001"]).exits(0);
    assert!(forgot.out.contains("state/crmsync.db.rehearsal") && !rehearsal.exists(), "{}", forgot.out);
}

/// The copy is gone before anybody could look at it.
#[test]
fn what_is_wrong_with_the_state_is_told_of_the_state() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(0);
    std::fs::remove_file(world.path("state/crmsync.db.key")).expect("removed");
    let ran = world.on("rehearse", &file, &[]).exits(7);
    assert!(ran.err.contains("state/crmsync.db.key") && !ran.err.contains("rehearsal.db"), "{}", ran.err);
}
