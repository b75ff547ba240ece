//! The care of the state: backups, doctor, forget, explain, old schemas, many processes at once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crmsync::domain::provider::ProviderId;
use rusqlite::{Connection, OpenFlags};

use crate::support::{Customer, Ran, World, customers, files_below, until};
use crate::table::Row;

pub(crate) fn backups(world: &World) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(world.path("state/backups")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

pub(crate) fn state(world: &World) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    Connection::open_with_flags(world.path("state/crmsync.db"), flags).expect("a state")
}

/// Something that happens to a state between two runs.
type Damage = fn(&World);

pub(crate) fn json(ran: &Ran) -> serde_json::Value {
    serde_json::from_str(&ran.out).expect("JSON")
}

fn holds(file: &Path, text: &str) -> bool {
    let bytes = fs::read(file).expect("readable");
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A world in which these customers were delivered.
pub(crate) fn delivered(people: &[Customer]) -> World {
    let world = World::new();
    world.populate(people);
    world.sync(&world.csv("crm.csv", people)).exits(0);
    world
}

#[test]
fn a_backup_is_made_before_the_first_change_and_none_for_an_unchanged_file() {
    let mut people = customers(2);
    let world = delivered(&people);
    assert_eq!(backups(&world).len(), 1);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.run(&["resume"]).exits(0);
    assert_eq!(backups(&world).len(), 1, "nothing was changed");

    people[0].email = "changed@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let made = backups(&world);
    assert_eq!(made.len(), 2);
    let events = fs::read_to_string(world.run_folder().join("events.jsonl")).expect("events");
    assert!(events.contains("\"type\":\"backed_up\""), "{events}");
    for backup in &made {
        assert_eq!(fs::metadata(backup).expect("there").permissions().mode() & 0o777, 0o600);
    }
    let folder = fs::metadata(world.path("state/backups")).expect("there");
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
}

#[test]
fn backups_are_rotated_and_none_are_made_when_none_are_wanted() {
    let mut people = customers(1);
    for (keep, expected) in [("backups = 2", 2), ("backups = 0", 0)] {
        let world = World::new();
        world.populate(&people);
        world.configure(keep, &[]);
        for round in 0..3 {
            people[0].email = format!("round{round}@example.org");
            world.sync(&world.csv("crm.csv", &people)).exits(0);
        }
        assert_eq!(backups(&world).len(), expected, "{keep}");
        let Some(newest) = backups(&world).pop() else { continue };
        // Made by a clock that was ahead.
        let name =
            newest.file_name().and_then(|name| name.to_str()).expect("utf-8").replace("db.20", "db.29");
        let later = newest.with_file_name(name);
        fs::rename(&newest, &later).expect("renamed");
        people[0].email = "another@example.org".to_owned();
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        assert!(!later.exists() && backups(&world).len() == expected, "{:?}", backups(&world));
    }
}

/// What is open, or refused, stays however old it is.
#[test]
fn settled_calls_are_kept_as_long_as_the_folders_of_their_runs() {
    let mut people = customers(3);
    let world = World::new();
    world.populate(&people);
    world.configure("keep_runs = 2\n", &[]);
    world.play(
        "[[rule]]\nprovider = \"lemonway\"\nkey = \"W00003\"\neffect = { refuse = { code = \"178\" } }\n",
    );
    let calls = || -> Vec<(i64, String)> {
        let state = state(&world);
        let mut rows = state.prepare("SELECT id, state FROM call ORDER BY id").expect("a query");
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.collect::<Result<_, _>>().expect("readable")
    };
    for night in 0..4 {
        people[0].email = format!("night-{night}@example.org");
        let ran = world.sync(&world.csv("crm.csv", &people));
        assert!([0, 3].contains(&ran.code), "{}", ran.err);
        assert_eq!(world.report()["balanced"], true);
    }
    // Nine calls of the first night, eight of them settled by it; three of each other one.
    let kept = calls();
    assert_eq!(kept.len(), 1 + 3 + 3 + 3, "{kept:?}");
    assert_eq!(kept.iter().filter(|(_, state)| state == "refused").count(), 1);
    let told = world.run(&["explain", "C00001"]).exits(0).out;
    assert!(told.contains("settled are not kept (state.keep_runs)"), "{told}");
    // A night without a change changes nothing.
    let last = kept[kept.len() - 1].0;
    for _ in 0..3 {
        world.sync(&world.csv("crm.csv", &people)).exits(0);
    }
    assert_eq!(calls(), kept);
    // Nor is a number given out twice, or anything else lost.
    people[1].email = "last@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(calls().len(), 1 + 3);
    assert!(calls().iter().skip(1).all(|(call, _)| *call > last));
    world.run(&["doctor", "--repair"]).exits(0);
    people[..2].iter().for_each(|person| world.all_hold(person));
}

#[test]
fn doctor_finds_rights_that_are_too_wide_and_takes_them_away() {
    let people = customers(1);
    let world = delivered(&people);
    let healthy = world.run(&["doctor", "--json"]).exits(0);
    let report = json(&healthy);
    assert_eq!(
        (report["healthy"].as_bool(), report["backups"].as_array().map(Vec::len)),
        (Some(true), Some(1))
    );
    for file in ["state/crmsync.db", "state/crmsync.db.key"] {
        fs::set_permissions(world.path(file), fs::Permissions::from_mode(0o644)).expect("set");
    }
    let report_file = world.run_folder().join("report.json");
    fs::set_permissions(&report_file, fs::Permissions::from_mode(0o604)).expect("set");
    let found = world.run(&["doctor"]).exits(7);
    assert!(found.out.contains("doctor --repair"), "{}", found.out);
    world.run(&["doctor", "--repair"]).exits(0);
    assert_eq!(fs::metadata(report_file).expect("there").permissions().mode() & 0o777, 0o600);
    world.run(&["doctor"]).exits(0);
    for folder in ["state", "state/runs"] {
        fs::set_permissions(world.path(folder), fs::Permissions::from_mode(0o777)).expect("set");
        let found = world.run(&["doctor"]).exits(7);
        assert!(found.out.contains(&format!("{folder}: anybody may put other files in it")), "{}", found.out);
        world.run(&["doctor", "--repair"]).exits(0);
        assert_eq!(fs::metadata(world.path(folder)).expect("there").permissions().mode() & 0o777, 0o775);
        world.run(&["doctor"]).exits(0);
    }
}

#[test]
fn doctor_looks_at_a_state_that_a_run_holds_and_repairs_only_what_nobody_holds() {
    let world = delivered(&customers(1));
    let lock_file = || fs::File::open(world.path("state/crmsync.db.lock")).expect("a lock file");
    let run = lock_file();
    run.lock().expect("nobody else");
    let looked = world.run(&["doctor"]).exits(0).out;
    assert!(looked.contains("a run goes on at the moment"), "{looked}");
    world.run(&["doctor", "--repair"]).exits(11);
    drop(run);
    // As whoever only asks does: it takes no lock that a run could meet.
    let asking = lock_file();
    asking.lock_shared().expect("nobody else");
    assert!(!world.run(&["doctor"]).exits(0).out.contains("goes on"));
}

#[test]
fn doctor_advises_to_keep_a_backup_that_may_be_sound() {
    let world = delivered(&customers(1));
    let backup = backups(&world).pop().expect("a backup");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(&backup, flags).expect("SQLite");
    connection.pragma_update(None, "user_version", 99).expect("set");
    let found = world.run(&["doctor"]).exits(7).out;
    assert!(found.contains("keep it, and update the program") && !found.contains("delete it"), "{found}");
    connection.pragma_update(None, "application_id", 7).expect("set");
    let found = world.run(&["doctor"]).exits(7).out;
    assert!(found.contains("of no use") && found.contains("delete it"), "{found}");
}

#[test]
fn doctor_finds_what_is_damaged_foreign_or_newer() {
    let people = customers(2);
    let cases: [(&str, Damage); 5] = [
        ("digest", |world| {
            let flip = "UPDATE call SET payload = zeroblob(length(payload)) WHERE payload IS NOT NULL";
            assert!(state(world).execute(flip, []).expect("damaged") > 0);
        }),
        ("malformed", |world| {
            let path = world.path("state/crmsync.db");
            let mut bytes = fs::read(&path).expect("a state");
            // The header of every page but the first.
            for page in bytes.chunks_mut(8_192).skip(1) {
                page[3] ^= 0xff;
            }
            fs::write(&path, bytes).expect("damaged");
        }),
        ("newer", |world| state(world).pragma_update(None, "user_version", 99).expect("set")),
        ("something else", |world| state(world).pragma_update(None, "application_id", 7).expect("set")),
        ("another hash key", |world| {
            fs::write(world.path("state/crmsync.db.key"), [7; 32]).expect("another key");
        }),
    ];
    for (word, damage) in cases {
        let world = World::new();
        world.populate(&people);
        let file = world.csv("crm.csv", &people);
        world.on("sync", &file, &["--allow-mass-change", "--max-calls", "1"]).exits(10);
        damage(&world);
        let found = world.run(&["doctor"]).exits(7);
        assert!(found.out.contains(word), "{word}: {}", found.out);
        world.run(&["resume"]).exits(7);
    }
}

/// A flipped bit in a text is no fault of the disk that goes away.
#[test]
fn a_text_of_the_state_that_is_none_is_damage() {
    let people = customers(1);
    let cases = [
        ("call SET code", "calls cannot be read", &["rejects", "list"][..]),
        ("run SET id", "runs cannot be read", &["status"]),
        ("answer SET class", "answers cannot be read", &["explain", "C00001"]),
    ];
    for (text, word, command) in cases {
        let world = World::new();
        world.populate(&people);
        world.play("[[rule]]\noperation = \"updatePerson\"\neffect = { refuse = { code = \"155\" } }\n");
        let lines = "on_new = \"update\"\n";
        world.configure("", &[("wsone", lines)]);
        world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change"]).exits(3);
        let damage = format!("UPDATE {text} = CAST(x'4141ff' AS TEXT)");
        assert!(state(&world).execute(&damage, []).expect("damaged") > 0);
        let told = world.run(command).exits(7).err;
        assert!(told.contains("error[E407]") && told.contains("crmsync doctor"), "{told}");
        let found = world.run(&["doctor"]).exits(7).out;
        assert!(found.contains(word), "{found}");
    }
}

#[test]
fn a_key_that_is_too_short_is_named_by_where_it_comes_from() {
    let people = customers(1);
    for (general, name) in [
        ("hash_key = { file = \"state/key\" }", "`state.hash_key` is too short"),
        ("", "crmsync.db.key is too short"),
    ] {
        let world = World::new();
        world.populate(&people);
        world.configure(general, &[]);
        fs::create_dir(world.path("state")).expect("made");
        let write = |key: &str| {
            for file in ["state/key", "state/crmsync.db.key"] {
                fs::set_permissions(world.file(file, key), fs::Permissions::from_mode(0o600)).expect("set");
            }
        };
        write("a key that is long enough");
        let file = world.csv("crm.csv", &people);
        world.sync(&file).exits(0);
        write("a short one");
        let ran = world.sync(&file).exits(7);
        assert!(ran.err.contains(name), "{name}: {}", ran.err);
        let found = world.run(&["doctor"]).exits(7);
        assert!(found.out.contains(name), "{name}: {}", found.out);
        assert!(found.out.contains("bring the key file or `state.hash_key` back"), "{}", found.out);
    }
}

#[test]
fn a_forgotten_customer_is_in_no_file_and_stays_away_until_undone() {
    let mut people = customers(3);
    let world = World::new();
    world.populate(&people);
    world.play(
        "[[rule]]\nprovider = \"lemonway\"\nkey = \"W00001\"\neffect = { refuse = { code = \"178\" } }\n",
    );
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    people[1].email = "changed@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert!(files_below(&world.path("state")).iter().any(|file| holds(file, "C00001")));

    let forgot = world.run(&["forget", "C00001", "--json"]).exits(0);
    let proof = json(&forgot);
    assert_eq!((proof["known"].as_bool(), proof["erased"][0]["forgotten"].as_u64()), (Some(true), Some(1)));
    assert!(!forgot.out.contains("elise.1@"), "no value is told");
    for file in files_below(&world.path("state")) {
        for text in ["C00001", "W00001", "REF00001", "7700000001", "elise.1@example.org"] {
            assert!(!holds(&file, text), "{text} in {}", file.display());
        }
    }

    let requests = world.ledger().entries().len();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let input = &world.report()["input"];
    assert_eq!((input["forgotten"].as_u64(), input["unchanged"].as_u64()), (Some(1), Some(2)));
    assert_eq!(world.ledger().entries().len(), requests);
    assert!(world.run(&["explain", "C00001"]).exits(0).out.contains("was erased"));

    world.play("");
    world.run(&["forget", "C00001", "--undo"]).exits(0);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let input = &world.report()["input"];
    assert_eq!((input["forgotten"].as_u64(), input["new"].as_u64()), (Some(0), Some(1)));
}

#[test]
fn a_run_that_was_moved_to_another_disk_is_looked_through_behind_its_link() {
    let people = customers(1);
    let world = World::new();
    world.populate(&people);
    world.play("[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"178\" } }\n");
    world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change", "--include-values"]).exits(3);
    let (run, moved) = (world.run_folder(), world.path("another disk"));
    fs::rename(&run, &moved).expect("moved");
    std::os::unix::fs::symlink(&moved, &run).expect("linked");
    assert!(holds(&moved.join("rejects.csv"), "elise.1@example.org"));
    let listed = json(&world.run(&["history", "--json"]).exits(0));
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    world.run(&["forget", "C00001"]).exits(0);
    assert!(!holds(&moved.join("rejects.csv"), "elise.1@example.org"));
}

#[test]
fn a_backup_that_cannot_be_written_stops_the_erasure_and_stays_and_a_damaged_one_goes() {
    let mut people = customers(2);
    let world = delivered(&people);
    people[0].email = "changed@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let sound = backups(&world).pop().expect("a backup");
    let torn =
        world.file("state/backups/20200101T000000Z-0000.db", "this is no database at all, and never was one");
    // SQLite can make no journal where a folder has its name.
    let journal = PathBuf::from(format!("{}-journal", sound.display()));
    fs::create_dir(&journal).expect("made");
    let before = fs::read(&sound).expect("a backup");
    let failed = world.run(&["forget", "C00001"]).exits(1);
    assert!(failed.err.contains(&format!("{}: the state could not be", sound.display())), "{}", failed.err);
    assert!(fs::read(&sound).expect("still there") == before);
    world.run(&["forget", "C00001", "--undo"]).exits(1);

    fs::remove_dir(journal).expect("removed");
    let forgot = json(&world.run(&["forget", "C00001", "--json"]).exits(0));
    assert_eq!(forgot["known"], true, "the state still knew the customer");
    assert!(sound.exists() && !torn.exists() && !holds(&sound, "C00001"));
}

#[test]
fn a_backup_that_was_cut_short_is_replaced_by_the_next_one_and_deleted_by_an_erasure() {
    let mut people = customers(2);
    let world = delivered(&people);
    let mut cut_short = |email: &str| {
        people[0].email = email.to_owned();
        let file = world.csv("crm.csv", &people);
        let mut sync = world.command(&["sync", file.to_str().expect("utf-8")]);
        sync.env("CRMSYNC_FAULT", "mid-backup").output().expect("the binary runs");
        file
    };
    let is_unfinished = |path: &PathBuf| path.extension().is_none_or(|ending| ending != "db");
    let unfinished = || backups(&world).into_iter().filter(is_unfinished).count();
    cut_short("first@example.org");
    assert_eq!(unfinished(), 1);
    let file = cut_short("second@example.org");
    assert_eq!(unfinished(), 1, "the other one is replaced");
    world.sync(&file).exits(0);
    assert_eq!((unfinished(), backups(&world).len()), (0, 2));

    cut_short("third@example.org");
    let forgot = json(&world.run(&["forget", "C00001", "--json"]).exits(0));
    assert_eq!(forgot["deleted"].as_array().map(Vec::len), Some(1));
    for file in files_below(&world.path("state")) {
        assert!(!holds(&file, "C00001"), "{}", file.display());
    }
}

#[test]
fn an_erasure_looks_at_every_file_once_and_at_what_failures_left() {
    let world = delivered(&customers(2));
    let backup = backups(&world).pop().expect("a backup");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    let restoring = world.file("state/crmsync.db.restoring", "a restore that failed: C00001");
    let torn = world.file("state/crmsync.db.replaced-0", "this is no database at all, and never was one");
    let of_torn = world.file("state/crmsync.db.replaced-0-wal", "and this no log of one: C00001");
    let alone = world.file("state/crmsync.db.replaced-1-wal", "the log of a state that is gone: C00001");
    let forgot = json(&world.run(&["forget", "C00001", "--json"]).exits(1));
    assert_eq!(forgot["left"], serde_json::json!([alone]));
    for deleted in [restoring, torn, of_torn] {
        assert!(!deleted.exists(), "{}", deleted.display());
    }

    fs::remove_file(alone).expect("removed");
    let forgot = json(&world.run(&["forget", "C00001", "--json"]).exits(0));
    // The open state has a log and its index besides.
    assert_eq!(forgot["files"], files_below(&world.path("state")).len() + 2);
}

#[test]
fn explain_tells_each_call_with_its_answer_and_no_value() {
    let mut people = customers(2);
    let world = World::new();
    world.populate(&people);
    world.play(
        "[[rule]]\nprovider = \"lemonway\"\nkey = \"W00001\"\neffect = { refuse = { code = \"178\" } }\n",
    );
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    people[0].mobile = "0612399999".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let told = world.run(&["explain", "C00001"]).exits(0);
    for word in ["178", "e-mail address has no valid form", "newEmail", "rejects release --customer C00001"] {
        assert!(told.out.contains(word), "{word}: {}", told.out);
    }
    let explained = json(&world.run(&["explain", "C00001", "--json"]).exits(0));
    let timeline = explained["timeline"].as_array().expect("a list");
    let runs: std::collections::BTreeSet<&str> =
        timeline.iter().filter_map(|moment| moment["run"].as_str()).collect();
    assert_eq!(runs.len(), 2, "{explained:#}");
    let text = explained.to_string() + &told.out;
    for value in ["elise.1@", "0612399999", "612399999", "FR7630006", "Martin", "Lille"] {
        assert!(!text.contains(value), "{value}");
    }
    assert!(world.run(&["explain", "nobody"]).exits(0).out.contains("not known"));
}

#[test]
fn of_twenty_processes_at_once_exactly_one_works() {
    let rounds = if std::env::var_os("CRMSYNC_DEEP").is_some() { 50 } else { 5 };
    let mut people = customers(1);
    let world = delivered(&people);
    for round in 0..rounds {
        people[0].email = format!("round{round}@example.org");
        let file = world.csv("crm.csv", &people);
        world.play("[[rule]]\neffect = { latency = \"700ms\" }\n");
        let before = world.applied();
        let arguments = ["sync", file.to_str().expect("utf-8"), "--allow-mass-change"];
        let mut first: Vec<_> = (0..20).map(|_| world.start(&arguments)).collect();
        until("all have ended", || {
            first.iter_mut().all(|child| child.try_wait().expect("a child").is_some())
        });
        let codes: Vec<i32> =
            first.iter_mut().map(|child| child.wait().expect("ended").code().unwrap_or(-1)).collect();
        let count = |code| codes.iter().filter(|&&found| found == code).count();
        // One that starts when the first is through finds nothing left to do.
        assert_eq!(count(0) + count(11), 20, "{codes:?}");
        assert!(count(0) >= 1, "{codes:?}");
        assert_eq!(world.applied() - before, 3, "each provider was told once, by one of them");
        world.all_hold(&people[0]);
    }
    Row::kept(90, "twenty processes at once", rounds).enter();
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    world.play(
        "[[rule]]\nprovider = \"safedebit\"\neffect = { refuse = { code = \"X\\u001B[2J\\u202Eevil\" } }\n",
    );
    let name = "clients\u{1b}[2J\u{202e}vsc.csv";
    let file = world.csv(name, &people);
    let path = file.to_str().expect("utf-8");
    let said = [
        world.run(&["plan", path]),
        world.sync(&file),
        world.run(&["status"]),
        world.run(&["history"]),
        world.run(&["rejects", "list"]),
        world.run(&["explain", "C00001"]),
        world.run(&["explain", "C\u{1b}[2J"]),
        world.run(&["forget", "C\u{1b}[2J\u{202e}"]),
        world.run(&["doctor"]),
        world.run(&["check", path]),
        world.run(&["doctor", "--restore", name]),
    ];
    for ran in said {
        for text in [&ran.out, &ran.err] {
            assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
        }
    }
    assert!(world.requests(ProviderId::Safedebit) > 0);
    let page = world.path("page.html");
    world.run(&["report", "--html", page.to_str().expect("utf-8")]).exits(0);
    let html = fs::read_to_string(page).expect("a page");
    assert!(!html.contains('\u{1b}') && !html.contains('\u{202e}'));
}
