//! A state that is older than what was sent from it: it is refused however it came to be there, and put in order by a
//! restore.

use std::fs;
use std::path::PathBuf;

use rusqlite::{Connection, OpenFlags};

use crate::care::{backups, delivered};
use crate::support::{Customer, Ran, World, customers};

/// A state before the second person was created; gives a copy of it that was made by hand.
fn before_the_second_person(people: &[Customer]) -> (World, PathBuf) {
    let world = delivered(&people[..1]);
    let copy = world.path("copy.db");
    fs::copy(world.path("state/crmsync.db"), &copy).expect("copied");
    world.populate(people);
    world.on("sync", &world.csv("crm.csv", people), &["--allow-mass-change"]).exits(0);
    (world, copy)
}

/// Every command but `doctor --restore` refuses the state, nothing is sent; gives what `sync` says.
fn refused(world: &World, arguments: &[&str]) -> String {
    let sent = world.ledger().entries().len();
    let file = world.path("crm.csv");
    let path = file.to_str().expect("utf-8");
    let commands: [&[&str]; 11] = [
        &["sync", path, "--allow-mass-change"],
        &["seed", path],
        &["resume"],
        &["rehearse", path],
        &["plan", path],
        &["status"],
        &["explain", "C00001"],
        &["rejects", "list"],
        &["forget", "C00001"],
        &["check"],
        &["doctor"],
    ];
    for command in commands {
        let ran = world.run(&[command, arguments].concat()).exits(7);
        let said = ran.out + &ran.err;
        assert!(said.contains("`doctor --restore` with this very file"), "{command:?}: {said}");
    }
    assert_eq!(world.ledger().entries().len(), sent);
    let said = world.run(&[&["resume"], arguments].concat()).err;
    assert!(said.contains("error[E417]"), "{said}");
    said
}

/// Types what a message advises, then brings the newest complete file.
fn mended(world: &World, said: &str, arguments: &[&str], people: &[Customer]) {
    let advice = said.split("to go on with this file: crmsync ").nth(1).expect("an advice");
    let words: Vec<String> = shlex::split(advice.lines().next().expect("a line")).expect("words");
    world.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).exits(0);
    let all = world.csv("crm.csv", people);
    let newest = [&["--kind", "full", "--allow-mass-change"], arguments].concat();
    world.on("sync", &all, &newest).exits(0);
    assert_eq!(world.duplicates(), 0);
    people.iter().for_each(|person| world.all_hold(person));
    world.on("sync", &all, arguments).exits(0);
    world.run(&[&["doctor"], arguments].concat()).exits(0);
}

#[test]
fn a_backup_that_is_put_in_place_as_it_is_is_refused() {
    let people = customers(2);
    for place in [0, 1] {
        let (world, _) = before_the_second_person(&people);
        let all = backups(&world);
        assert_eq!(all.len(), 2);
        fs::copy(&all[place], world.path("state/crmsync.db")).expect("copied");
        let said = refused(&world, &[]);
        assert!(said.contains("is a backup that was put in place as it is"), "{said}");
        mended(&world, &said, &[], &people);
    }
}

#[test]
fn an_earlier_state_that_is_put_back_is_refused_whatever_is_left_of_its_backups() {
    let people = customers(2);
    for has_backups in [true, false] {
        let (world, copy) = before_the_second_person(&people);
        if !has_backups {
            fs::remove_dir_all(world.path("state/backups")).expect("there");
        }
        fs::remove_file(world.path("state/crmsync.db")).expect("there");
        fs::copy(copy, world.path("state/crmsync.db")).expect("copied");
        let said = refused(&world, &[]);
        assert!(said.contains("is not the state that the last run here left"), "{said}");
        mended(&world, &said, &[], &people);
    }
}

/// Copies a state to another folder, as somebody would who moves it.
fn copied(world: &World, suffixes: &[&str]) -> [String; 2] {
    fs::create_dir_all(world.path("moved")).expect("made");
    for suffix in suffixes {
        let name = format!("crmsync.db{suffix}");
        fs::copy(world.path("state").join(&name), world.path("moved").join(&name)).expect("copied");
    }
    ["--state".to_owned(), world.path("moved/crmsync.db").to_str().expect("utf-8").to_owned()]
}

/// A world whose second night was killed after its first answers.
fn killed(people: &mut [Customer]) -> World {
    killed_at("after-answer", people)
}

fn killed_at(point: &str, people: &mut [Customer]) -> World {
    let world = delivered(&people[..1]);
    world.populate(people);
    people[0].email = "changed@example.org".to_owned();
    let file = world.csv("crm.csv", people);
    let mut killed =
        world.command(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change", "--provider", "wsone"]);
    killed.env("CRMSYNC_FAULT", point).output().expect("the binary runs");
    world
}

#[test]
fn a_state_that_is_copied_without_its_log_after_a_kill_is_refused() {
    let mut people = customers(3);
    let world = killed(&mut people);
    let moved = copied(&world, &["", ".key"]);
    let moved = moved.each_ref().map(String::as_str);
    let said = refused(&world, &moved);
    assert!(said.contains("was copied without it, while a run was sending"), "{said}");
    mended(&world, &said, &moved, &people);
}

#[test]
fn a_state_whose_log_was_deleted_after_a_kill_is_refused() {
    let mut people = customers(3);
    let world = killed(&mut people);
    fs::remove_file(world.path("state/crmsync.db-wal")).expect("a log");
    let said = refused(&world, &[]);
    assert!(said.contains("has lost its write-ahead log"), "{said}");
    mended(&world, &said, &[], &people);
}

/// Whoever opens a database and closes it moves its log into the file; also before a run has sent anything.
#[test]
fn a_log_that_another_program_has_moved_into_the_file_is_not_missed() {
    for point in ["begins-to-send", "after-answer"] {
        not_missed(point);
    }
}

fn not_missed(point: &str) {
    let mut people = customers(3);
    let world = killed_at(point, &mut people);
    let state =
        Connection::open_with_flags(world.path("state/crmsync.db"), OpenFlags::SQLITE_OPEN_READ_WRITE)
            .expect("a database");
    state.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("moved");
    state.close().expect("closed");
    assert!(!world.path("state/crmsync.db-wal").exists());
    world.run(&["resume"]).exits(0);
    world.sync(&world.path("crm.csv")).exits(0);
    assert_eq!(world.duplicates(), 0);
}

#[test]
fn what_was_copied_while_a_run_was_sending_is_refused_once_that_has_ended() {
    let mut people = customers(3);
    for suffixes in [&[""][..], &["", "-wal"]] {
        let world = killed(&mut people);
        copied(&world, suffixes);
        world.run(&["resume"]).exits(0);
        for suffix in suffixes {
            let name = format!("crmsync.db{suffix}");
            fs::copy(world.path("moved").join(&name), world.path("state").join(&name)).expect("put back");
        }
        let said = refused(&world, &[]);
        assert!(said.contains("is not the state that the last run here left"), "{said}");
        mended(&world, &said, &[], &people);
    }
}

#[test]
fn a_log_that_is_brought_later_is_enough() {
    let mut people = customers(3);
    let world = killed(&mut people);
    let moved = copied(&world, &["", ".key"]);
    let moved = moved.each_ref().map(String::as_str);
    refused(&world, &moved);
    copied(&world, &["-wal"]);
    world.on("sync", &world.path("crm.csv"), &moved).exits(0);
    assert_eq!(world.duplicates(), 0);
    people.iter().for_each(|person| world.all_hold(person));
}

#[test]
fn a_state_that_was_in_order_may_be_copied_anywhere() {
    let people = customers(2);
    let copy_and_send = |world: &World, people: &[Customer], suffixes: &[&str]| -> Ran {
        let moved = copied(world, suffixes);
        let moved = moved.each_ref().map(String::as_str);
        world.populate(people);
        world.on("sync", &world.csv("crm.csv", people), &[&["--allow-mass-change"], &moved[..]].concat())
    };
    // After a run that ended.
    let world = delivered(&people[..1]);
    copy_and_send(&world, &people, &["", ".key"]).exits(0);
    // After a kill, once another command has emptied the log; the log was there in the place where it was left.
    let mut three = customers(3);
    let world = killed(&mut three);
    world.run(&["status"]).exits(0);
    world.run(&["doctor", "--repair"]).exits(0);
    copy_and_send(&world, &three, &["", ".key"]).exits(0);
    assert_eq!(world.duplicates(), 0);
}

#[test]
fn the_backups_that_a_restore_passed_over_are_no_reason_to_refuse() {
    let people = customers(2);
    let (world, _) = before_the_second_person(&people);
    let oldest = backups(&world).swap_remove(0);
    fs::copy(&oldest, world.path("state/backups/crmsync.db.mine.db")).expect("an own copy");
    world.run(&["doctor", "--restore", oldest.to_str().expect("utf-8")]).exits(0);
    world.run(&["status"]).exits(0);
    let newest = ["--kind", "full", "--allow-mass-change"];
    world.on("sync", &world.csv("crm.csv", &people), &newest).exits(0);
    assert_eq!(world.duplicates(), 0);
    let changed: Vec<_> =
        people.iter().map(|person| person.clone().email(&format!("{}@new.example", person.id))).collect();
    world.on("sync", &world.csv("crm.csv", &changed), &["--allow-mass-change"]).exits(0);
}

#[test]
fn a_state_that_a_restore_replaced_may_be_put_back_until_something_was_sent() {
    let people = customers(2);
    let (world, _) = before_the_second_person(&people);
    let restored = || {
        let oldest = backups(&world).swap_remove(0);
        let told =
            world.run(&["doctor", "--restore", oldest.to_str().expect("utf-8"), "--json"]).exits(0).out;
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        world.path(told["replaced"].as_str().expect("a replaced state"))
    };
    fs::rename(restored(), world.path("state/crmsync.db")).expect("put back");
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let replaced = restored();
    let newest = ["--kind", "full", "--allow-mass-change"];
    world.on("sync", &world.csv("crm.csv", &people), &newest).exits(0);
    fs::rename(replaced, world.path("state/crmsync.db")).expect("put back");
    let said = refused(&world, &[]);
    mended(&world, &said, &[], &people);
}

#[test]
fn a_new_beginning_beside_an_old_lock_is_none_of_an_older_state() {
    let people = customers(1);
    let world = delivered(&people);
    for name in ["crmsync.db", "backups", "crmsync.db.key"] {
        fs::rename(world.path("state").join(name), world.path(name)).expect("moved away");
    }
    world.on("seed", &world.csv("crm.csv", &people), &[]).exits(0);
    world.run(&["status"]).exits(0);
    world.sync(&world.csv("crm.csv", &[people[0].clone().email("new@example.org")])).exits(0);
}

#[test]
fn a_state_whose_lock_file_is_gone_stays_good_when_a_restore_is_given_up() {
    let people = customers(2);
    let (world, _) = before_the_second_person(&people);
    fs::remove_file(world.path("state/crmsync.db.lock")).expect("there");
    let oldest = backups(&world).swap_remove(0);
    let told = world.run(&["doctor", "--restore", oldest.to_str().expect("utf-8"), "--json"]).exits(0).out;
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let replaced = world.path(told["replaced"].as_str().expect("a replaced state"));
    fs::rename(replaced, world.path("state/crmsync.db")).expect("put back");
    world.run(&["status"]).exits(0);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
}

#[test]
fn a_state_from_before_a_seed_is_refused() {
    let people = customers(2);
    let world = delivered(&people[..1]);
    let copy = world.path("copy.db");
    fs::copy(world.path("state/crmsync.db"), &copy).expect("copied");
    world.on("seed", &world.csv("crm.csv", &people), &[]).exits(0);
    fs::copy(copy, world.path("state/crmsync.db")).expect("put back");
    refused(&world, &[]);
}

#[test]
fn a_state_that_is_gone_with_its_backups_is_not_begun_anew_beside_its_key_and_lock() {
    let people = customers(1);
    let world = delivered(&people);
    fs::remove_file(world.path("state/crmsync.db")).expect("there");
    fs::remove_dir_all(world.path("state/backups")).expect("there");
    let refused = world.on("sync", &world.path("crm.csv"), &["--allow-mass-change"]).exits(7);
    assert!(
        refused.err.contains("error[E415]") && refused.err.contains("crmsync.db.lock"),
        "{}",
        refused.err
    );
}

#[test]
fn a_folder_whose_name_is_no_text_is_sent_from_like_any_other() {
    use std::os::unix::ffi::OsStrExt;
    let people = customers(2);
    let world = delivered(&people[..1]);
    world.populate(&people);
    let folder = world.path("").join(std::ffi::OsStr::from_bytes(b"donn\xe9es"));
    fs::create_dir(&folder).expect("made");
    for name in ["crmsync.toml", "state"] {
        fs::rename(world.path(name), folder.join(name)).expect("moved");
    }
    let file = world.csv("crm.csv", &people);
    let state = ["--state", "state/crmsync.db"];
    let mut sync = world
        .command(&[&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"], &state[..]].concat());
    let ran = Ran::from(sync.current_dir(&folder).output().expect("the binary runs")).exits(0);
    assert!(ran.out.contains("acknowledged"), "{}", ran.out);
    assert_eq!(world.duplicates(), 0);
}
