//! Signals: a run drains and checkpoints, or is cut short and its books balance, or outlives its terminal.

use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use crmsync::domain::provider::ProviderId;
use rustix::pty::{self, OpenptFlags};

use crate::support::{Ran, World, customers, until};

/// Whether this test itself was started as under `nohup`: what it starts ignores a hang-up too, as it should.
fn ignores_hang_ups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("a process");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("signals");
    u64::from_str_radix(ignored.trim(), 16).expect("a mask") & 1 == 1
}

#[test]
fn a_signal_drains_and_checkpoints() {
    let hang_up = (!ignores_hang_ups()).then_some(("-HUP", 129));
    for (signal, code) in [("-INT", 130), ("-TERM", 143)].into_iter().chain(hang_up) {
        let world = World::new();
        let people = customers(50);
        world.populate(&people);
        world.configure("", &[("wsone", "rate_per_second = 20\nburst = 1")]);
        world.play("[[rule]]\nprovider = \"wsone\"\neffect = { latency = \"100ms\" }\n");
        let file = world.csv("crm.csv", &people);
        let child = world.start(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"]);
        until("some requests are made", || world.requests(ProviderId::Wsone) >= 3);
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let ran = Ran::from(child.wait_with_output().expect("gone")).exits(code);
        assert!(ran.err.contains("stopped: interrupted"), "{}", ran.err);
        let events = std::fs::read_to_string(world.run_folder().join("events.jsonl")).expect("events");
        assert!(events.contains(r#""provider":"wsone","state":"interrupted""#), "{events}");
        let report = world.report();
        assert_eq!(report["run"]["outcome"], "interrupted");
        assert_eq!(report["balanced"], true);
        // Nothing was left in the air: every request that was made is acknowledged.
        let acknowledged = report["providers"]["wsone"]["acknowledged"]["create"].as_u64().expect("a count");
        assert_eq!(acknowledged, world.requests(ProviderId::Wsone));
    }
}

/// What was answered when the second one came is committed all the same, and counted.
#[test]
fn a_second_signal_cuts_a_run_short_and_its_books_balance() {
    let world = World::new();
    let people = customers(80);
    world.populate(&people);
    world.configure("", &[("wsone", "rate_per_second = 40\nburst = 4")]);
    let file = world.csv("crm.csv", &people);
    let child = world.start(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"]);
    until("some requests are made", || world.requests(ProviderId::Wsone) >= 3);
    // Somebody has the state, so that nothing is committed for a while.
    let state = world.path("state/crmsync.db");
    let other = rusqlite::Connection::open_with_flags(state, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE);
    let other = other.expect("a state");
    other.busy_timeout(std::time::Duration::from_secs(5)).expect("set");
    other.execute_batch("BEGIN IMMEDIATE").expect("begun");
    let before = world.requests(ProviderId::Wsone);
    until("more is answered", || world.requests(ProviderId::Wsone) > before + 2);
    // Two of one kind that come at once count as one.
    let twice = format!("kill -INT {0}; kill -TERM {0}", child.id());
    assert!(Command::new("/bin/sh").args(["-c", &twice]).status().expect("a shell").success());
    let mut looks = 0;
    until("both are heard", || {
        looks += 1;
        looks > 60
    });
    other.execute_batch("ROLLBACK").expect("given back");
    let ran = Ran::from(child.wait_with_output().expect("gone"));
    assert!([130, 143].contains(&ran.code) && ran.out.contains("cut short"), "{}{}", ran.out, ran.err);
    assert_eq!(world.report()["balanced"], true, "{}{}", ran.out, ran.err);
    let ran = world.run(&["resume"]);
    assert!([0, 3].contains(&ran.code), "{}", ran.err);
    assert_eq!(world.duplicates(), 0);
}

#[test]
fn a_run_that_was_started_to_outlive_its_terminal_does() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    world.play("[[rule]]\nprovider = \"wsone\"\neffect = { latency = \"300ms\" }\n");
    let file = world.csv("crm.csv", &people);
    let script = format!("trap '' HUP; exec {} sync {file:?}", env!("CARGO_BIN_EXE_crmsync"));
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script]).current_dir(world.path("")).stdout(Stdio::null()).stderr(Stdio::null());
    let program = world.command(&[]);
    shell.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = shell.spawn().expect("a shell");
    until("some requests are made", || world.requests(ProviderId::Wsone) > 0);
    let sent = Command::new("kill").args(["-HUP", &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    assert!(child.wait().expect("gone").success());
    assert_eq!(world.applied(), 9);
}

/// Nothing was queued, and whoever looks later is told of a run that was ended and not of one that vanished.
#[test]
fn a_run_that_is_ended_while_it_takes_its_input_in_tells_so() {
    let world = World::new();
    let told = world.path("told");
    world
        .configure(&format!("[notify]\ncommand = [\"/bin/sh\", \"-c\", \"cat >{}\"]\n", told.display()), &[]);
    let file = world.csv("crm.csv", &customers(40_000));
    for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
        std::fs::remove_dir_all(world.path("state/runs")).ok();
        let child = world.start(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"]);
        until("the run has begun", || {
            std::fs::read_dir(world.path("state/runs")).is_ok_and(|mut runs| runs.next().is_some())
        });
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let ran = Ran::from(child.wait_with_output().expect("gone")).exits(code);
        let report = world.report();
        assert_eq!(report["run"]["outcome"], "interrupted", "{report}");
        assert!(report["failure"].as_str().is_some_and(|told| told.contains("[E228]")), "{report}");
        assert!(ran.out.contains("run `crmsync sync "), "{}", ran.out);
        let status = world.run(&["status", "--json"]).exits(0).out;
        let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
        assert_eq!((&status["providers"], &status["running"]), (&serde_json::json!({}), &false.into()));
        assert!(std::fs::read_to_string(&told).is_ok_and(|told| told.contains("interrupted")));
    }
    assert_eq!(world.applied(), 0);
}

/// Nobody can say how long somebody else will be silent.
#[test]
fn a_run_that_waits_for_its_standard_input_is_ended_at_once() {
    for name in ["-", "pipe"] {
        let world = World::new();
        // Nobody writes into the pipe.
        let made = Command::new("mkfifo").arg(world.path("pipe")).status();
        assert!(made.expect("mkfifo runs").success());
        let mut child = world.start_piped(&["sync", name, "--format", "csv"]);
        until("the run has begun", || {
            std::fs::read_dir(world.path("state/runs")).is_ok_and(|mut runs| runs.next().is_some())
        });
        let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let mut looks = 0;
        until("it is gone", || {
            looks += 1;
            child.try_wait().expect("a child").is_some()
        });
        assert_eq!(child.wait().expect("gone").code(), Some(143), "{name}");
        // Ten seconds: less than the patience with a run that can come to its end by itself.
        assert!(looks < 2_000, "{name}: {looks}");
        assert_eq!(world.run(&["resume"]).exits(0).code, 0);
    }
}

/// A terminal of its own, and the end of it that a program has.
fn terminal() -> (OwnedFd, OwnedFd) {
    let ours =
        pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    pty::grantpt(&ours).expect("granted");
    pty::unlockpt(&ours).expect("unlocked");
    let name = pty::ptsname(&ours, Vec::new()).expect("a name").into_string().expect("utf-8");
    let theirs = std::fs::OpenOptions::new().read(true).write(true).open(name).expect("the other end");
    (ours, theirs.into())
}

/// As when a connection breaks under a program that ignores the hang-up: nothing can be drawn any more.
#[test]
fn a_run_whose_terminal_goes_away_is_completed() {
    for flags in [&[][..], &["-v"]] {
        let world = World::new();
        let people = customers(40);
        world.populate(&people);
        world.configure("", &[("wsone", "rate_per_second = 20\nburst = 1")]);
        let file = world.csv("crm.csv", &people);
        let (ours, theirs) = terminal();
        let arguments =
            ["sync", file.to_str().expect("utf-8"), "--allow-mass-change", "--progress", "always"];
        let mut command = world.command(&[&arguments[..], flags].concat());
        let mut child =
            command.env("TERM", "xterm").stdout(Stdio::null()).stderr(theirs).spawn().expect("started");
        // It keeps the program's end open.
        drop(command);
        until("some requests are made", || world.requests(ProviderId::Wsone) >= 3);
        drop(ours);
        let code = child.wait().expect("gone").code();
        assert_eq!((code, &world.report()["run"]["outcome"]), (Some(0), &"complete".into()), "{flags:?}");
    }
}
