//! Files of the program are for its owner alone, whatever the shell allows and whatever lies in their place.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::support::{Ran, World, all_below, customers};

/// Runs the program under a shell that lets everybody in.
fn with_open_umask(world: &World, arguments: &[&str]) -> Ran {
    let plain = world.command(arguments);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "umask 000 && exec \"$0\" \"$@\""]).arg(plain.get_program()).args(plain.get_args());
    command.current_dir(plain.get_current_dir().expect("the world's folder")).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::from(command.output().expect("a shell"))
}

#[test]
fn nobody_else_may_read_anything_under_an_open_umask() {
    let world = World::new();
    let mut people = customers(3);
    world.populate(&people[1..]);
    let csv = world.csv("crm.csv", &people);
    let csv = csv.to_str().expect("utf-8");
    // One customer is refused, and a run is cut short, so that rejects, a log and a backup are there too.
    with_open_umask(&world, &["sync", csv, "--allow-mass-change", "--include-values"]).exits(3);
    with_open_umask(&world, &["rejects", "export", "rejected.csv"]).exits(0);
    with_open_umask(&world, &["report", "--html", "page.html"]).exits(0);
    people[1].email = "changed@example.org".to_owned();
    world.csv("crm.csv", &people);
    let mut killed = world.command(&["sync", csv]);
    killed.env("CRMSYNC_FAULT", "after-answer").output().expect("the binary runs");

    let mut all = all_below(&world.path("state"));
    all.extend([world.path("rejected.csv"), world.path("page.html"), world.path("state")]);
    for name in
        ["crmsync.db-wal", "crmsync.db.key", "crmsync.db.lock", "backups", "rejects.csv", "events.jsonl"]
    {
        assert!(all.iter().any(|path| path.ends_with(name)), "{name} is not there to be looked at");
    }
    for path in all {
        let mode = fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} is {mode:o}", path.display());
    }
}

#[test]
fn a_link_in_the_place_of_a_file_is_not_written_through() {
    for name in ["crmsync.db.lock", "crmsync.db.key.new"] {
        let world = World::new();
        let people = customers(1);
        world.populate(&people);
        let csv = world.csv("crm.csv", &people);
        let victim = world.file("victim", "not ours");
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o644)).expect("set");
        fs::create_dir(world.path("state")).expect("made");
        symlink(&victim, world.path("state").join(name)).expect("linked");
        let refused = world.sync(&csv).exits(1);
        assert!(refused.err.contains(name), "{name}: {}", refused.err);
        assert_eq!(fs::read_to_string(&victim).expect("there"), "not ours", "{name}");
        assert_eq!(fs::metadata(&victim).expect("there").permissions().mode() & 0o777, 0o644, "{name}");
        assert_eq!(world.ledger().entries().len(), 0, "{name}");
    }
}

/// Rights do not bind root: as root, everything is given to somebody else, as whom the program runs.
#[test]
fn doctor_names_what_its_user_may_not_write_to_and_others_look_all_the_same() {
    const NOBODY: u32 = 65_534;
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let is_root = fs::metadata("/proc/self").expect("a process").uid() == 0;
    let folder = world.path("");
    if is_root {
        for path in all_below(&folder).iter().chain([&folder]) {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("given away");
        }
    }
    let as_owner = |arguments: &[&str], temporary: &str| {
        let mut command = world.command(arguments);
        command.env("TMPDIR", world.path(temporary));
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output()
    };
    if as_owner(&["--version"], "state").is_err() {
        eprintln!(
            "NOT TESTED: the program lies where nobody but root may run it; doctor was not asked about rights"
        );
        return;
    }
    let doctor_with = |temporary: &str| Ran::from(as_owner(&["doctor"], temporary).expect("the binary runs"));
    let doctor = || doctor_with("state");
    assert!(doctor().exits(0).out.ends_with("healthy\n"));
    assert!(doctor_with("nowhere").exits(7).out.contains("nowhere: there is no such folder"));
    for (name, closed, open) in [
        ("state/runs", 0o500, 0o700),
        ("state/backups", 0o500, 0o700),
        ("state/crmsync.db", 0o400, 0o600),
        ("state/crmsync.db.lock", 0o400, 0o600),
    ] {
        let path = world.path(name);
        if !path.exists() {
            fs::create_dir(&path).expect("made");
            chown(&path, is_root.then_some(NOBODY), None).expect("given away");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(closed)).expect("closed");
        let told = doctor().exits(7).out;
        assert!(told.contains(&format!("{name}: whoever asks may not write to it")), "{name}: {told}");
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).expect("open");
    }
    assert!(doctor().exits(0).out.ends_with("healthy\n"));
    // Where no run can begin one can look all the same.
    fs::set_permissions(world.path("state"), fs::Permissions::from_mode(0o500)).expect("closed");
    for looks in [&["status"][..], &["explain", "C00001"], &["rejects", "list"], &["plan", "crm.csv"]] {
        Ran::from(as_owner(looks, "state").expect("the binary runs")).exits(0);
    }
    fs::set_permissions(world.path("state"), fs::Permissions::from_mode(0o700)).expect("open");
    fs::remove_dir_all(world.path("state/runs")).expect("removed");
    symlink(world.path("nowhere"), world.path("state/runs")).expect("a link");
    assert!(doctor().exits(7).out.contains("state/runs: it is a link that leads to nothing"));
}

/// A webhook has its token in the address that a program is given.
#[test]
fn a_faulty_command_of_notifications_is_not_shown() {
    let world = World::new();
    for command in ["[\"curl\", \"https://hooks.example/T0KEN\", 10]", "\"curl https://hooks.example/T0KEN\""]
    {
        world.configure(&format!("[notify]\ncommand = {command}\n"), &[]);
        let ran = world.run(&["check"]).exits(2);
        assert!(!(ran.out.clone() + &ran.err).contains("T0KEN"), "{}{}", ran.out, ran.err);
    }
}
