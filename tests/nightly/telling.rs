//! Who else is told how a run ended: a metrics file, a notification, published schemas.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::{World, customers};

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
    let report = std::fs::read_to_string(world.path("told.json")).expect("the report came on standard input");
    assert_eq!(serde_json::from_str::<Value>(&report).expect("JSON"), world.report());

    people[0].email = good;
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(told(&world), "trouble\nrecovery\n");
}

#[test]
fn a_notification_that_fails_changes_nothing() {
    let world = World::new();
    world.configure("[notify]\ncommand = [\"/no/such/program\"]\n", &[]);
    let mut people = customers(1);
    world.populate(&people);
    "nobody".clone_into(&mut people[0].email);
    let ran = world.sync(&world.csv("crm.csv", &people)).exits(3);
    assert!(ran.err.contains("notify.command: cannot run `/no/such/program`"), "{}", ran.err);
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
