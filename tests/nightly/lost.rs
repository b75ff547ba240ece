//! A state that was lost while its backups are still there, and keys that do not fit: what is missing is brought back, and
//! nothing is begun anew or deleted.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::care::{backups, delivered};
use crate::support::{Customer, World, customers, files_below};

/// Something that happens to a file between two runs.
type Damage = fn(&Path);

/// Takes a state away: its file, or what is in it, or puts one in its place in which nothing is.
const LOSSES: [Damage; 4] = [
    |state| fs::remove_file(state).expect("there"),
    |state| fs::write(state, "").expect("written"),
    |state| fs::write(state, "S").expect("written"),
    |state| {
        fs::remove_file(state).expect("there");
        let other = Connection::open_with_flags(state, OpenFlags::default()).expect("made");
        other.pragma_update(None, "journal_mode", "wal").expect("a file");
    },
];

#[test]
fn a_lost_state_is_put_back_from_a_backup_and_never_begun_anew() {
    for lose in LOSSES {
        let people = customers(2);
        let world = delivered(&people);
        let file = world.csv("crm.csv", &people);
        let path = file.to_str().expect("utf-8");
        let (state, sent) = (world.path("state/crmsync.db"), world.ledger().entries().len());
        lose(&state);
        let left = fs::read(&state).ok();
        let commands: [&[&str]; 9] = [
            &["sync", path, "--allow-mass-change"],
            &["seed", path],
            &["resume"],
            &["rehearse", path],
            &["plan", path],
            &["status"],
            &["forget", "C00001"],
            &["check"],
            &["doctor"],
        ];
        for command in commands {
            let ran = world.run(command).exits(7);
            let said = ran.out + &ran.err;
            assert!(said.contains("`crmsync doctor --restore BACKUP`"), "{command:?}: {said}");
        }
        assert!(world.run(&["status"]).err.contains("error[E415]"));
        assert!(fs::read(&state).ok() == left, "none was made");
        assert_eq!(world.ledger().entries().len(), sent);

        let backup = backups(&world).pop().expect("a backup");
        world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
        world.sync(&file).exits(0);
        assert_eq!(world.duplicates(), 0);
    }
}

#[test]
fn a_state_that_was_lost_with_its_key_is_not_begun_anew_either() {
    let people = customers(2);
    let world = delivered(&people);
    let file = world.csv("crm.csv", &people);
    let (state, key) = (world.path("state/crmsync.db"), world.path("state/crmsync.db.key"));
    let kept = fs::read(&key).expect("a key");
    fs::remove_file(&state).expect("there");
    fs::remove_file(&key).expect("there");
    for command in
        [&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"][..], &["resume"], &["doctor"]]
    {
        let ran = world.run(command).exits(7);
        let said = ran.out + &ran.err;
        assert!(said.contains("which needs the hash key that it was made with"), "{command:?}: {said}");
    }
    assert!(!state.exists() && !key.exists(), "none was made");
    fs::write(&key, kept).expect("brought back");
    let backup = backups(&world).pop().expect("a backup");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    world.sync(&file).exits(0);
    assert_eq!(world.duplicates(), 0);
}

#[test]
fn a_second_state_in_the_same_folder_has_a_first_night() {
    let people = customers(1);
    let world = delivered(&people);
    let file = world.csv("crm.csv", &people);
    assert!(!backups(&world).is_empty());
    world.on("seed", &file, &["--state", "state/second.db"]).exits(0);
    world.run(&["status", "--state", "state/second.db"]).exits(0);
}

/// A world with a second state in the folder of the first, each with one customer and a backup. Gives the backup of the
/// second one.
fn two_states(people: &[Customer]) -> (World, PathBuf) {
    let world = delivered(&people[..1]);
    let of_first = backups(&world);
    world.on("seed", &world.csv("other.csv", &people[1..]), &SECOND).exits(0);
    let changed = people[1].clone().email("new@example.org");
    world.on("seed", &world.csv("other.csv", &[changed]), &SECOND).exits(0);
    let newest = backups(&world).into_iter().rfind(|backup| !of_first.contains(backup));
    (world, newest.expect("a backup of the second state"))
}

const SECOND: [&str; 2] = ["--state", "state/second.db"];

#[test]
fn a_state_rotates_lists_and_erases_from_its_own_backups_alone() {
    let mut people = customers(2);
    let (world, of_second) = two_states(&people);
    let before = fs::read(&of_second).expect("a backup");
    world.configure("backups = 1", &[]);
    people[0].email = "changed@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    let all = backups(&world);
    let own: Vec<_> = all.iter().filter(|path| path.display().to_string().contains("/crmsync.db.")).collect();
    assert_eq!((own.len(), all.contains(&of_second)), (1, true), "{all:?}");
    let doctor = world.run(&["doctor"]).exits(0).out;
    assert!(doctor.contains("crmsync.db.2") && !doctor.contains("second.db"), "{doctor}");
    // Who is in the other state alone is nobody here.
    let told = world.run(&["forget", &people[1].id]).exits(0);
    assert!(!told.out.contains("second.db"), "{}", told.out);
    assert!(fs::read(&of_second).expect("a backup") == before);
}

#[test]
fn backups_that_name_no_state_take_their_turn_by_age() {
    let mut people = customers(1);
    let world = delivered(&people);
    let first = backups(&world).pop().expect("a backup");
    for name in ["20200101T000000Z-0000.db", "99990101T000000Z-0000.db"] {
        fs::copy(&first, world.path("state/backups").join(name)).expect("copied");
    }
    world.configure("backups = 2", &[]);
    people[0].email = "changed@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let names: Vec<_> =
        backups(&world).iter().filter_map(|path| path.file_name()).map(OsString::from).collect();
    // One of a time to come was made by a clock that was ahead.
    assert!(names.len() == 2 && first.exists(), "{names:?}");

    // Whatever the clock says, the one that was just made stays.
    world.configure("backups = 1", &[]);
    people[0].email = "again@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let last: Vec<_> = backups(&world);
    assert!(last.len() == 1 && !last[0].ends_with("99990101T000000Z-0000.db"), "{last:?}");
}

/// What somebody else has put there is neither counted nor deleted.
#[test]
fn another_programs_database_among_the_backups_stays() {
    let mut people = customers(2);
    let world = delivered(&people);
    let other = world.path("state/backups/grafana.db");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let made = Connection::open_with_flags(&other, flags).expect("made");
    made.execute("CREATE TABLE t (x)", []).expect("written");
    drop(made);
    let before = fs::read(&other).expect("a database");
    world.configure("backups = 1", &[]);
    for email in ["one@example.org", "two@example.org"] {
        people[0].email = email.to_owned();
        world.sync(&world.csv("crm.csv", &people)).exits(0);
    }
    assert_eq!(backups(&world).len(), 2, "the other one and a backup");
    world.run(&["forget", &people[0].id]).exits(0);
    assert_eq!(fs::read(&other).expect("still there"), before);
}

/// Its log can be emptied once nobody reads it; until then nothing is said of files that could be deleted.
#[test]
fn forget_beside_a_reader_says_that_somebody_reads() {
    let people = customers(2);
    let world = delivered(&people);
    let state = world.path("state/crmsync.db");
    let reader = Connection::open_with_flags(&state, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a state");
    let reading = reader.unchecked_transaction().expect("begun");
    let calls: i64 = reading.query_row("SELECT count(*) FROM call", [], |row| row.get(0)).expect("readable");
    let told = world.run(&["forget", &people[0].id]).exits(1);
    assert!(calls > 0 && told.err.contains("somebody reads it"), "{}{}", told.out, told.err);
    assert!(!told.out.contains("delete it"), "{}", told.out);
    drop(reading);
    drop(reader);
    world.run(&["forget", &people[0].id]).exits(0);
}

#[test]
fn forget_leaves_backups_of_another_key_alone_where_they_do_not_name_their_state_and_looks_into_them() {
    let people = customers(2);
    let (world, of_second) = two_states(&people);
    // As earlier versions named it.
    fs::rename(of_second, world.path("state/backups/20261122T211626Z-3f2a.db")).expect("renamed");
    let before = backups(&world);
    world.run(&["forget", &people[0].id]).exits(0);
    assert_eq!(backups(&world), before);
    // The other state's person is in its backups still, whoever erases it here.
    let told = world.run(&["forget", &people[1].id]);
    assert!(told.out.contains("backups/20261122T211626Z-3f2a.db"), "{}", told.out);
}

#[test]
fn a_first_night_that_was_killed_before_anything_was_made_begins_anew() {
    let people = customers(2);
    let world = World::new();
    world.populate(&people);
    fs::create_dir(world.path("state")).expect("made");
    world.file("state/crmsync.db", "");
    world.run(&["check"]).exits(0);
    assert!(world.run(&["doctor"]).out.contains("nothing was accepted yet"));
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.applied(), 6);
}

#[test]
fn a_new_beginning_is_made_once_the_backups_are_moved_away() {
    let people = customers(1);
    let world = delivered(&people);
    fs::remove_file(world.path("state/crmsync.db")).expect("there");
    fs::rename(world.path("state/backups"), world.path("away")).expect("moved");
    fs::rename(world.path("state/crmsync.db.key"), world.path("away/key")).expect("moved");
    world.run(&["check"]).exits(0);
    world.on("seed", &world.csv("crm.csv", &people), &[]).exits(0);
}

#[test]
fn a_wrong_or_missing_key_is_asked_back_and_no_backup_is_called_broken() {
    let people = customers(1);
    let spoil: [(Damage, &str); 3] = [
        (|key| fs::remove_file(key).expect("there"), "E416"),
        (|key| fs::write(key, [7; 32]).expect("written"), "E404"),
        (|key| fs::write(key, "short").expect("written"), "E405"),
    ];
    for (spoil, code) in spoil {
        let world = delivered(&people);
        spoil(&world.path("state/crmsync.db.key"));
        let refused = world.run(&["resume"]).exits(7);
        assert!(refused.err.contains(&format!("error[{code}]")), "{}", refused.err);
        let found = world.run(&["doctor"]).exits(7).out;
        assert!(found.contains("need another hash key than there is: 1"), "{found}");
        assert!(found.contains("bring the key file or `state.hash_key` back"), "{found}");
        assert!(!found.contains("delete") && !found.contains("of no use"), "{found}");
    }
}

#[test]
fn a_key_that_is_too_short_is_told_before_a_file_is_made_for_it() {
    let people = customers(1);
    let world = World::new();
    world.configure("hash_key = { env = \"T_USER\" }", &[]);
    let file = world.csv("crm.csv", &people);
    let path = file.to_str().expect("utf-8");
    for command in [&["check"][..], &["doctor"], &["plan", path], &["sync", path], &["rehearse", path]] {
        let ran = world.run(command).exits(7);
        let said = ran.out + &ran.err;
        assert!(said.contains("`state.hash_key` is too short"), "{command:?}: {said}");
    }
    let files = files_below(&world.path("state"));
    let names: Vec<_> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
    assert_eq!(names, ["crmsync.db.lock"]);
}
