//! What is printed to be typed next: it works as it stands, on the state that it is about, and asks for nothing that would do harm.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::care::{backups, json};
use crate::support::{World, customers};

/// Of two states in one folder the other one must not be replaced, repaired or filled.
#[test]
fn commands_within_findings_name_the_state_that_they_are_about() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--state", "b/b.db", "--allow-mass-change"]).exits(0);
    world.on("sync", &file, &["--state", "b/b.db", "--full-resync"]).exits(0);
    std::fs::remove_file(world.path("b/b.db")).expect("removed");
    let restore = "`crmsync doctor --restore BACKUP --state b/b.db`";
    for command in ["check", "doctor"] {
        for format in [&[][..], &["--json"]] {
            let ran = world.run(&[&[command, "--state", "b/b.db"], format].concat()).exits(7);
            assert!(ran.out.contains(restore), "{command}: {}", ran.out);
        }
    }
    let logged = world.run(&["resolve", "9", "--applied", "--state", "c.db", "--log-format", "json"]);
    assert!(logged.err.contains("--state c.db`"), "{}", logged.err);
}

/// A delta that is taken for a complete file says that everybody else is gone.
#[test]
fn an_input_that_failed_is_taken_again_as_it_was_meant() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let cut = world.file("delta.csv", "customer_id;last_name\nC00001;\"Mar");
    world.on("sync", &cut, &["--kind", "delta"]).exits(4);
    let status = world.run(&["status"]).exits(0);
    assert!(status.out.contains("next: crmsync plan FILE --kind delta\n"), "{}", status.out);
}

/// What a seed would take for delivered, a sync finds out.
#[test]
fn a_seed_that_was_refused_is_not_proposed() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--provider", "wsone", "--allow-mass-change"]).exits(0);
    world.on("seed", &file, &[]).exits(2);
    let next = |expected: &str| {
        let status = world.run(&["status"]).exits(0);
        assert!(status.out.contains(&format!("next: {expected}\n")), "{}", status.out);
    };
    next("crmsync resume");
    world.run(&["resume"]).exits(0);
    next("crmsync check FILE");
}

/// Behind a plan comes a sync: it would create everybody whom the seed was to make known.
#[test]
fn a_seed_that_a_guard_stopped_does_not_lead_to_a_sync() {
    let world = World::new();
    world.configure("[guard]\nfloor = 2\n", &[]);
    let file = world.csv("crm.csv", &customers(3));
    let rows = std::fs::read_to_string(&file).expect("readable");
    std::fs::write(&file, rows + "only;three;cells\n").expect("written");
    let seeded = world.on("seed", &file, &[]).exits(4);
    let next = format!("next: crmsync check {}\n", file.display());
    assert!(seeded.out.contains(&next), "{}", seeded.out);
    let status = world.run(&["status"]).exits(0).out;
    assert!(status.ends_with("next: crmsync check FILE\n"), "{status}");
    // Whoever plans all the same reads that the providers may hold them, whatever else stops it.
    let planned = world.on("plan", &file, &[]).exits(4);
    for told in ["guard.max_invalid", "also guard.floor: 3 customers are new", "run `crmsync seed FILE"] {
        assert!(planned.out.contains(told), "{told}: {}", planned.out);
    }
}

/// A part of the customers says nothing of what another part said.
#[test]
fn a_delta_that_was_refused_is_missing_until_it_comes_again() {
    let world = World::new();
    let people = customers(4);
    world.populate(&people);
    let notified = world.path("notified");
    let command = format!("printf '%s ' \"$CRMSYNC_NOTIFY\" >> {}", notified.display());
    let guard = "[guard]\nfloor = 2\nmax_changes = 1\nsensitive = {}\n";
    world.configure(&format!("{guard}[notify]\ncommand = [\"sh\", \"-c\", {command:?}]\n"), &[]);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let changed = |name, numbers: std::ops::Range<usize>| {
        let newer = people[numbers].iter().map(|one| one.clone().email(&format!("n.{}@example.org", one.id)));
        world.csv(name, &newer.collect::<Vec<_>>())
    };
    let (first, second) = (changed("d1.csv", 0..2), changed("d2.csv", 2..3));
    world.on("sync", &first, &["--kind", "delta"]).exits(4);
    world.on("sync", &second, &["--kind", "delta"]).exits(0);
    let status = world.run(&["status"]).exits(0).out;
    let told = format!("was not accepted by `sync`: look at it before it is sent ({})", first.display());
    assert!(status.contains(&told) && status.ends_with("next: crmsync plan FILE --kind delta\n"), "{status}");
    assert_eq!(std::fs::read_to_string(&notified).expect("told"), "failure ", "nothing is well again");
    // What goes wrong since is told as ever, and comes before what is missing for longer.
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"178\" } }\n");
    world.on("sync", &changed("d4.csv", 3..4), &["--kind", "delta"]).exits(3);
    assert_eq!(std::fs::read_to_string(&notified).expect("told"), "failure trouble ");
    let status = world.run(&["status"]).exits(0).out;
    assert!(status.contains(&told) && status.ends_with("next: crmsync rejects list\n"), "{status}");
    world.play("");
    world.run(&["rejects", "release"]).exits(0);
    for _ in 0..51 {
        world.run(&["resume"]).exits(0);
    }
    world.on("sync", &first, &["--kind", "delta", "--allow-mass-change", "--allow-older"]).exits(0);
    let status = world.run(&["status"]).exits(0).out;
    assert!(!status.contains("was not accepted"), "{status}");
    assert_eq!(std::fs::read_to_string(&notified).expect("told"), "failure trouble recovery ");
    // A name that was mistyped will never be accepted.
    world.on("sync", &world.path("d3.csv"), &["--kind", "delta"]).exits(4);
    let run = world.report()["run"]["id"].as_str().expect("a name").to_owned();
    world.on("sync", &second, &["--kind", "delta", "--allow-older"]).exits(0);
    let status = world.run(&["status"]).exits(0).out;
    let dismiss = format!("what is not to come again: `crmsync doctor --dismiss-input {run}`\n");
    assert!(status.contains(&dismiss), "{status}");
    let told = json(&world.run(&["doctor", "--dismiss-input", &run, "--json"]).exits(0));
    assert_eq!(told["dismissed"], true);
    assert!(world.run(&["status"]).exits(0).out.ends_with("next: nothing to do\n"));
    let told = world.run(&["doctor", "--dismiss-input", "20200101T000000Z-0000"]).exits(0).err;
    assert!(told.starts_with("there is no such run"), "{told}");
}

#[test]
fn a_file_may_have_a_name_that_is_no_text() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let name = |end: &[u8]| OsString::from_vec([b"caf\xe9", end].concat());
    let run = |arguments: &[&str], file: OsString| {
        let output = world.command(arguments).arg(file).output().expect("the binary runs");
        crate::support::Ran::from(output)
    };
    run(&["report", "--html"], name(b".html")).exits(0);
    run(&["rejects", "export"], name(b".csv")).exits(0);
    run(&["init", "--config"], name(b".toml")).exits(0);
    std::fs::rename(world.path("state"), world.path("").join(name(b""))).expect("moved");
    let state = name(b"/crmsync.db");
    run(&["doctor", "--json", "--state"], state.clone()).exits(0);
    let forgotten = run(&["forget", "C00001", "--json", "--state"], state).exits(0);
    assert_eq!(json(&forgotten)["known"], true);
}

#[test]
fn places_where_no_state_can_be_are_told_before_the_night() {
    let world = World::new();
    world.file("a_file", "");
    for state in ["a_file/x.db", "a_file/b/x.db"] {
        let checked = world.run(&["check", "--state", state]).exits(1);
        assert!(checked.out.contains("where a folder is needed"), "{}", checked.out);
        for command in ["status", "check"] {
            let ran = world.run(&[command, "--state", state]).exits(1);
            assert!(!(ran.out + &ran.err).contains("hash key"), "no key is lost");
        }
    }
    let config = std::fs::read_to_string(world.path("crmsync.toml")).expect("a configuration");
    let other = |line: &str| if line.starts_with("runs = ") { "runs = \"a_file\"" } else { line }.to_owned();
    let config: Vec<String> = config.lines().map(other).collect();
    world.file("other.toml", &config.join("\n"));
    let checked = world.run(&["check", "--config", "other.toml"]).exits(1);
    assert!(checked.out.contains("where a folder is needed"), "{}", checked.out);
}

/// One vault that does not answer stops its own provider, if the others are asked for by name.
#[test]
fn a_run_for_one_provider_needs_its_secrets_alone() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let config = std::fs::read_to_string(world.path("crmsync.toml")).expect("a configuration");
    let (head, lemonway) = config.split_once("[providers.lemonway]").expect("a section");
    let broken = lemonway.replacen("T_PASSWORD", "NOT_SET", 1);
    world.file("crmsync.toml", &format!("{head}[providers.lemonway]{broken}"));
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(2);
    let named = ["--provider", "wsone", "--provider", "safedebit", "--allow-mass-change"];
    world.on("sync", &file, &named).exits(0);
    assert_eq!(world.applied(), 2);
    world.run(&["resume", "--provider", "lemonway"]).exits(2);
}

/// What was queued before says nothing of the file that a killed run read.
#[test]
fn a_file_that_a_killed_run_did_not_accept_is_asked_for_until_it_is_read() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    let delta = world.file("delta.csv", "customer_id;email\nC00001;newer@example.org\n");
    let mut killed = world.command(&["sync", delta.to_str().expect("utf-8"), "--kind", "delta"]);
    killed.env("CRMSYNC_FAULT", "before-ingest-commit");
    assert!(!killed.output().expect("the binary runs").status.success());
    let asks = || {
        let status = world.run(&["status"]).exits(0).out;
        assert!(status.contains("was not accepted by `sync`: run the file again"), "{status}");
        // As a complete file it would say that everybody else is gone.
        assert!(status.ends_with("next: crmsync sync FILE --kind delta\n"), "{status}");
    };
    asks();
    world.run(&["resume"]).exits(0);
    asks();
    // WsOne does not get half of an object.
    world.on("sync", &delta, &["--kind", "delta"]).exits(3);
    let status = world.run(&["status"]).exits(0).out;
    assert!(!status.contains("was not accepted"), "{status}");
}

/// What is queued for a provider that is off does not leave by `resume`.
#[test]
fn a_release_for_a_provider_that_is_off_says_so() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"204\" } }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.configure("", &[("lemonway", "enabled = false")]);
    let released = world.run(&["rejects", "release"]).exits(0);
    for told in ["nothing is sent to lemonway: switched off", "next, once it is switched on: crmsync "] {
        assert!(released.err.contains(told), "{}", released.err);
    }
}

/// Nothing else may leave before, so nothing else is proposed.
#[test]
fn check_says_what_a_state_needs_that_was_put_back() {
    let mut people = customers(2);
    let before = people.clone();
    let world = crate::restored::restored_with_an_older_value_queued(&mut people, &before);
    let told = world.run(&["check"]).exits(0).out;
    let next = "next: crmsync sync FILE --kind full --allow-mass-change";
    assert!(told.contains("the state was put back from a backup") && told.contains(next), "{told}");
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert!(!world.run(&["check"]).exits(0).out.contains("put back"));
}

/// A restored state sends nothing before it has had a complete file.
#[test]
fn explain_does_not_advise_what_a_restored_state_refuses() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    world.configure("", &[]);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "1"]).exits(10);
    assert!(world.run(&["explain", "C00002"]).exits(0).out.contains("crmsync resume"));
    world.run(&["resume", "--max-calls", "1"]).exits(10);
    let backup = backups(&world).pop().expect("a backup");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    let told = world.run(&["explain", "C00002"]).exits(0).out;
    assert!(told.contains("crmsync sync FILE --kind full") && !told.contains("crmsync resume"), "{told}");
    // What was acknowledged goes again although its record may be the same.
    let told = world.run(&["explain", "C00001"]).exits(0).out;
    assert!(told.contains("the next complete file is compared"), "{told}");
    assert!(!told.contains("when the customer's record changes"), "{told}");
}
