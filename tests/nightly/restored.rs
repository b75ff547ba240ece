//! A backup in the place of the state: nothing is created twice, no older value overwrites a newer one, nobody is stopped.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crmsync::domain::provider::ProviderId;
use crmsync::sandbox::Operation;
use rusqlite::{Connection, OpenFlags};

use crate::care::{backups, delivered, json};
use crate::support::{Customer, Ran, World, customers};

/// Plans and syncs a complete file; what the plan said is what the sync queues and holds.
fn sync_as_planned(world: &World, file: &Path) -> Ran {
    let flags = ["--kind", "full", "--allow-mass-change"];
    let plan = json(&world.on("plan", file, &[&flags[..], &["--json"]].concat()).exits(0));
    let ran = world.on("sync", file, &flags);
    let report = world.report();
    for lane in plan["providers"].as_array().expect("lanes") {
        let name = lane["provider"].as_str().expect("a name");
        let tally = &report["providers"][name];
        let [create, update] = ["create", "update"].map(|operation| &tally["planned"][operation]);
        assert_eq!(
            [&lane["create"], &lane["update"], &lane["held"]],
            [create, update, &tally["held"]],
            "{name}"
        );
    }
    ran
}

#[test]
fn after_a_restore_a_queued_value_leaves_only_where_the_complete_file_says_it_too() {
    let mut people = customers(3);
    let world = delivered(&people);
    let mut change = |name: &str| {
        people.iter_mut().for_each(|person| person.email = format!("{name}-{}@example.org", person.id));
        (world.csv("crm.csv", &people), people.clone())
    };
    let (older, _) = change("older");
    world.on("sync", &older, &["--max-calls", "1"]).exits(10);
    let (newer, people) = change("newer");
    world.sync(&newer).exits(0);
    // The last backup has the older values in its queue.
    let backup = backups(&world).pop().expect("a backup");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    let file = world.csv("crm.csv", &people[..2]);
    // Of a part of the customers neither is said what it would send.
    for command in ["plan", "sync"] {
        let refused = world.on(command, &file, &["--kind", "delta"]).exits(7);
        assert!(refused.err.contains("complete file"), "{command}: {}", refused.err);
    }
    let ran = sync_as_planned(&world, &file);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    people.iter().for_each(|customer| world.all_hold(customer));
    assert!(world.rejects().matches(",restored,").count() >= 2, "{}", world.rejects());
    assert_eq!(world.report()["balanced"], true);
}

/// A world put back from a backup that has an older value of the first person in its queue than what was delivered since.
/// Those of `before` were delivered before either.
pub(crate) fn restored_with_an_older_value_queued(people: &mut [Customer], before: &[Customer]) -> World {
    let world = delivered(before);
    world.populate(people);
    people[0].email = "older@example.org".to_owned();
    world.on("sync", &world.csv("crm.csv", people), &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    people[0].email = "newer@example.org".to_owned();
    world.sync(&world.csv("crm.csv", people)).exits(0);
    let backup = backups(&world).pop().expect("a backup");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    world
}

#[test]
fn after_a_restore_a_row_that_is_turned_away_does_not_let_an_older_value_leave() {
    // An update that is queued, and a create that would be probed.
    for (provider, operation, new) in [("safedebit", "update", 0), ("wsone", "create", 1)] {
        let mut people = customers(2);
        let before = people[new..].to_vec();
        let world = restored_with_an_older_value_queued(&mut people, &before);
        world.configure("", &[(provider, "on_invalid = \"reject_customer\"")]);
        people[0].mobile = "O612345678".to_owned();
        sync_as_planned(&world, &world.csv("crm.csv", &people)).exits(3);
        world.all_hold(&people[0]);
        let held = format!(",C00001,{provider},{operation},held,restored,");
        assert!(world.rejects().contains(&held), "{held}: {}", world.rejects());
        assert_eq!(world.report()["balanced"], true, "{provider}");
    }
}

#[test]
fn after_a_restore_what_is_queued_for_a_provider_that_is_off_waits_for_a_person() {
    let mut people = customers(1);
    let before = people.clone();
    let world = restored_with_an_older_value_queued(&mut people, &before);
    world.configure("", &[("lemonway", "enabled = false")]);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--kind", "full", "--allow-mass-change"]).exits(3);
    world.configure("", &[]);
    world.run(&["resume"]).exits(0);
    world.all_hold(&people[0]);
    let listed = world.run(&["rejects", "list", "--provider", "lemonway"]).exits(0).out;
    assert!(listed.contains(" restored "), "{listed}");
}

/// Whether it was applied is not known any more, also while another customer has its key.
#[test]
fn after_a_restore_a_create_that_was_refused_and_is_found_applied_brings_the_newest_values() {
    let mut people = customers(2);
    let world = World::new();
    world.populate(&people);
    world.play("[[rule]]\noperation = \"createPerson\"\neffect = { refuse = { code = \"155\" } }\n");
    world.sync(&world.csv("crm.csv", &people[..1])).exits(3);
    world.play("");
    people[0].email = "newer@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    let backup = backups(&world).pop().expect("a backup");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    people[0].email = "newest@example.org".to_owned();
    people[1].person = people[0].person.clone();
    world.on("sync", &world.csv("crm.csv", &people), &["--kind", "full", "--allow-mass-change"]).exits(3);
    let listed = json(&world.run(&["rejects", "list", "--customer", "C00001", "--json"]).exits(0));
    assert_eq!(listed[0]["class"], "duplicate_key", "{listed}");
    world.run(&["resolve", &listed[0]["call"].to_string(), "--applied"]).exits(0);
    world.run(&["resume"]).exits(0);
    world.all_hold(&people[0]);
    assert_eq!(world.duplicates(), 0);
}

/// A column that the complete file lacks confirms nothing.
#[test]
fn after_a_restore_a_queued_value_that_the_complete_file_has_no_column_for_is_held() {
    for more in ["", "Newname"] {
        let mut people = customers(1);
        let world = delivered(&people);
        people[0].email = "older@example.org".to_owned();
        world.on("sync", &world.csv("crm.csv", &people), &["--max-calls", "0"]).exits(10);
        people[0].email = "newer@example.org".to_owned();
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        let backup = backups(&world).pop().expect("a backup");
        world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
        let last = if more.is_empty() { people[0].last.clone() } else { more.to_owned() };
        let text = format!("customer_id;wallet_id;last_name\nC00001;W00001;{last}\n");
        world.sync(&world.file("narrow.csv", &text)).exits(3);
        assert!(world.rejects().contains("C00001,lemonway,update,held,restored"), "{}", world.rejects());
        let wallet = world.ledger().person(ProviderId::Lemonway, "W00001").expect("known").fields;
        assert_eq!(wallet["newEmail"], "newer@example.org");
    }
}

/// A national number says nothing where the country that it is read by is in doubt.
#[test]
fn after_a_restore_a_queued_number_is_held_where_the_complete_file_lacks_its_country() {
    let world = World::new();
    world.populate(&customers(1));
    let file = |phone: &str, with_country: bool| {
        let (head, cell) = if with_country { (";country", ";BE") } else { ("", "") };
        world.file(
            "crm.csv",
            &format!("customer_id;wallet_id;mobile_phone{head}\nC00001;W00001;{phone}{cell}\n"),
        )
    };
    world.on("sync", &file("0470000000", true), &["--allow-mass-change"]).exits(0);
    world.on("sync", &file("0470000002", true), &["--max-calls", "0"]).exits(10);
    world.run(&["resume"]).exits(0);
    world.sync(&file("0470000003", true)).exits(0);
    let backup = backups(&world).pop().expect("a backup");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    drop(world.sync(&file("0470000003", false)));
    let wallet = world.ledger().person(ProviderId::Lemonway, "W00001").expect("known").fields;
    assert_eq!(wallet["newMobileNumber"], "32470000003");
}

/// An erasure goes through the backups beside the state; one that lies elsewhere knows the person still.
#[test]
fn whoever_was_erased_stays_so_after_a_restore_of_a_backup_from_elsewhere() {
    let mut people = customers(2);
    let world = delivered(&people);
    people[0].email = "changed@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let elsewhere = world.path("elsewhere.db");
    fs::copy(backups(&world).pop().expect("a backup"), &elsewhere).expect("copied");
    world.run(&["forget", "C00001"]).exits(0);
    world.run(&["doctor", "--restore", elsewhere.to_str().expect("utf-8")]).exits(0);
    let sent = world.ledger().entries().len();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.report()["input"]["forgotten"], 1);
    let sent = world.ledger().entries().split_off(sent);
    assert!(sent.iter().all(|entry| entry.key.as_deref() != Some("W00001")), "{sent:?}");
    let state = fs::read(world.path("state/crmsync.db")).expect("a state");
    assert!(!state.windows(6).any(|bytes| bytes == b"W00001"));
}

/// What a restored state does not know of may never have been sent.
#[test]
fn a_restored_state_is_not_seeded() {
    let people = customers(2);
    let world = delivered(&people);
    let mut changed = people.clone();
    changed[0].email = "changed@example.org".to_owned();
    let file = world.csv("crm.csv", &changed);
    world.sync(&file).exits(0);
    let backup = backups(&world).pop().expect("a backup");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    let ran = world.on("seed", &file, &["--kind", "full"]).exits(7);
    assert!(ran.err.contains("run `crmsync sync FILE --kind full "), "{}", ran.err);
    world.on("sync", &file, &["--kind", "full", "--allow-mass-change"]).exits(0);
    world.all_hold(&changed[0]);
}

#[test]
fn a_restore_tells_where_no_state_could_say_who_was_erased() {
    let people = customers(1);
    let world = delivered(&people);
    let mut people = people;
    people[0].email = "changed@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let backup = backups(&world).pop().expect("a backup");
    let restore = || world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0).out;
    let unknown = "who was erased since the backup is not known";
    assert!(!restore().contains(unknown));
    fs::write(world.path("state/crmsync.db"), "no database").expect("damaged");
    assert!(restore().contains(unknown));
    fs::remove_file(world.path("state/crmsync.db")).expect("lost");
    assert!(restore().contains(unknown));
}

#[test]
fn after_a_restore_what_waits_under_a_key_that_is_gone_ends() {
    let mut people = customers(2);
    let world = delivered(&people[1..]);
    world.populate(&people);
    world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    people[1].email = "newer@example.org".to_owned();
    world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change", "--max-calls", "0"]).exits(10);
    world.run(&["resume"]).exits(0);
    let backup = backups(&world).pop().expect("a backup");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    people[0].wallet = String::new();
    let ran = world.on("sync", &world.csv("crm.csv", &people), &["--kind", "full", "--allow-mass-change"]);
    assert!([0, 3].contains(&ran.code), "{}{}", ran.out, ran.err);
    assert_eq!(world.report()["balanced"], true);
    world.all_hold(&people[1]);
}

/// A world with two persons, put back from a backup that knows the first one alone.
fn restored_before_the_second_person(people: &[Customer]) -> World {
    let world = World::new();
    world.configure("", &[("wsone", "response_codes = { \"101\" = \"missing\" }")]);
    world.populate(people);
    world.sync(&world.csv("crm.csv", &people[..1])).exits(0);
    world.sync(&world.csv("crm.csv", people)).exits(0);
    let backup = backups(&world).pop().expect("a backup");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    world
}

#[test]
fn after_a_restore_a_person_whom_the_complete_file_lacks_is_not_created_twice_either() {
    let mut people = customers(2);
    let world = restored_before_the_second_person(&people);
    world.on("sync", &world.csv("crm.csv", &people[..1]), &["--allow-mass-change"]).exits(0);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.duplicates(), 0);
    // Who is new is created all the same.
    people.push(Customer::new(3));
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.all_hold(&people[2]);
}

/// That new persons are probed can be seen, and a person ends it; not before a complete file was accepted.
#[test]
fn new_persons_are_probed_until_a_person_ends_it() {
    let mut people = customers(4);
    let world = restored_before_the_second_person(&people[..2]);
    world.configure("", &[]);
    let refused = world.run(&["doctor", "--end-probing"]).exits(7);
    assert!(refused.err.contains("newest complete file"), "{}", refused.err);
    world.on("sync", &world.csv("crm.csv", &people[..2]), &["--allow-mass-change"]).exits(0);
    world.populate(&people);
    let since = json(&world.run(&["status", "--json"]))["new_probed_since"].as_str().map(str::to_owned);
    let told = world.run(&["status"]).exits(0).out;
    let expected = format!("since a backup was put back at {} every new", since.expect("a time"));
    assert!(told.contains(&expected) && told.contains("`crmsync doctor --end-probing` ends that"), "{told}");
    // No code says that a person is missing.
    world.sync(&world.csv("crm.csv", &people[..3])).exits(3);
    let creates = || {
        world.ledger().summary().providers[&ProviderId::Wsone].operations[&Operation::CreatePerson].requests
    };
    let before = creates();
    world.run(&["doctor", "--end-probing"]).exits(0);
    assert!(!world.run(&["status"]).exits(0).out.contains("probed"));
    world.run(&["doctor", "--end-probing"]).exits(0);
    people[0].email = "changed@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!((creates() - before, world.duplicates()), (1, 0));
    [0, 1, 3].iter().for_each(|who| world.all_hold(&people[*who]));
}

#[test]
fn a_key_that_changes_and_comes_back_after_a_restore_stops_nobody() {
    let mut people = customers(2);
    let world = restored_before_the_second_person(&people);
    world.on("sync", &world.csv("crm.csv", &people), &["--allow-mass-change"]).exits(0);
    let key = people[1].person.clone();
    people[1].person = "77099999".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    people[1].person = key;
    people[0].email = "changed@example.org".to_owned();
    let ran = world.sync(&world.csv("crm.csv", &people));
    assert!([0, 3].contains(&ran.code), "{}{}", ran.out, ran.err);
    assert_eq!(world.duplicates(), 0);
    world.all_hold(&people[0]);
}

#[test]
fn after_a_restore_nothing_is_created_twice_and_the_newest_value_wins() {
    let mut people = customers(2);
    let world = delivered(&people);
    people.push(Customer::new(3));
    people[0].email = "second@example.org".to_owned();
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    // The backup of the second run does not know of customer 3, nor of the second e-mail.
    let backup = backups(&world).pop().expect("a backup");
    let restored = world.run(&["doctor", "--restore", backup.to_str().expect("utf-8"), "--json"]).exits(0);
    let replaced = json(&restored)["replaced"].as_str().expect("kept").to_owned();
    let status = world.run(&["status"]).exits(0).out;
    assert!(status.contains("put back from a backup and needs a person"), "{status}");
    let next = "next: crmsync sync FILE --kind full --allow-mass-change\n";
    assert!(
        status.ends_with(next) && json(&world.run(&["status", "--json"]))["restored"] == true,
        "{status}"
    );
    assert!(Path::new(&replaced).exists());

    let refused = world.run(&["resume"]).exits(7);
    assert!(refused.err.contains("newest complete file"), "{}", refused.err);
    // The CRM takes the change back: without the restore's doubt nothing would be sent.
    people[0].email = "elise.1@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.duplicates(), 0);
    people.iter().for_each(|customer| world.all_hold(customer));
    world.run(&["resume"]).exits(0);
}

#[test]
fn an_open_create_of_a_backup_is_probed_after_a_restore() {
    let people = customers(2);
    let world = World::new();
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "1"]).exits(10);
    world.run(&["resume"]).exits(0);
    // The backup of the resume holds a create that the resume has delivered.
    let backup = backups(&world).pop().expect("a backup");
    let restored = world.run(&["doctor", "--restore", backup.to_str().expect("utf-8"), "--json"]).exits(0);
    assert!(json(&restored)["creates_in_doubt"].as_u64().expect("a count") >= 1);
    world.sync(&file).exits(0);
    assert_eq!(world.duplicates(), 0);
    people.iter().for_each(|customer| world.all_hold(customer));
}

#[test]
fn a_backup_of_another_program_or_a_damaged_one_is_not_restored() {
    let people = customers(1);
    let world = delivered(&people);
    let foreign = world.path("foreign.db");
    Connection::open_with_flags(&foreign, OpenFlags::default())
        .and_then(|connection| connection.execute_batch("CREATE TABLE t (x)"))
        .expect("made");
    let before = fs::read(world.path("state/crmsync.db")).expect("a state");
    world.run(&["doctor", "--restore", foreign.to_str().expect("utf-8")]).exits(7);
    let torn = world.file("torn.db", "this is no database at all, and never was one");
    world.run(&["doctor", "--restore", torn.to_str().expect("utf-8")]).exits(7);
    assert!(fs::read(world.path("state/crmsync.db")).expect("a state") == before);
}

/// A log that is laid over another file than its own damages it.
#[test]
fn a_restore_takes_out_of_the_way_what_a_state_that_is_gone_has_left() {
    let people = customers(2);
    let world = delivered(&people);
    let path = |ending: &str| world.path(&format!("state/crmsync.db{ending}"));
    let state = Connection::open_with_flags(path(""), OpenFlags::default()).expect("a state");
    state.pragma_update(None, "wal_autocheckpoint", 0).expect("set");
    state.execute("UPDATE call SET changed_at = changed_at + 1", []).expect("changed");
    let log = fs::read(path("-wal")).expect("a log");
    drop(state);
    for ending in ["-wal", "-journal"] {
        fs::remove_file(path("")).expect("a state");
        for left in ["-wal", "-shm", "-journal"] {
            drop(fs::remove_file(path(left)));
        }
        fs::write(path(ending), &log).expect("written");
        fs::set_permissions(path(ending), fs::Permissions::from_mode(0o600)).expect("set");
        let backup = backups(&world).pop().expect("a backup");
        world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
        assert!(!path(ending).exists(), "{ending}");
        world.run(&["doctor"]).exits(0);
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        assert_eq!(world.duplicates(), 0);
    }
    let kept = fs::read_dir(world.path("state")).expect("listed").filter_map(Result::ok);
    let kept: Vec<_> = kept.filter(|entry| fs::read(entry.path()).is_ok_and(|bytes| bytes == log)).collect();
    assert_eq!(kept.len(), 2, "nothing is deleted: {kept:?}");
}

#[test]
fn a_restore_beside_a_reader_changes_nothing_and_is_done_when_the_reader_has_gone() {
    let people = customers(2);
    let world = delivered(&people);
    let state = world.path("state/crmsync.db");
    let mut killed = world.command(&["resume"]);
    world.csv("crm.csv", &[people[0].clone().email("new@example.org"), people[1].clone()]);
    world.on("sync", &world.path("crm.csv"), &["--max-calls", "0"]).exits(10);
    killed.env("CRMSYNC_FAULT", "after-answer").output().expect("the binary runs");
    let backup = backups(&world).pop().expect("a backup");
    let restore = ["doctor", "--restore", backup.to_str().expect("utf-8")];

    let reader = Connection::open_with_flags(&state, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a state");
    let reading = reader.unchecked_transaction().expect("begun");
    let calls: i64 = reading.query_row("SELECT count(*) FROM call", [], |row| row.get(0)).expect("readable");
    let log = fs::read(world.path("state/crmsync.db-wal")).expect("a log");
    let refused = world.run(&restore).exits(1);
    assert!(calls > 0 && refused.err.contains("somebody reads it"), "{}", refused.err);
    assert!(!log.is_empty() && fs::read(world.path("state/crmsync.db-wal")).expect("a log") == log);
    drop(reading);
    drop(reader);
    world.run(&["status"]).exits(0);
    world.run(&restore).exits(0);
}

/// File names are bytes; what they hold is the state all the same.
#[test]
fn a_state_whose_name_is_no_text_is_restored() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut people = customers(1);
    let world = World::new();
    world.populate(&people);
    let name = std::ffi::OsStr::from_bytes(b"st\xff.db");
    let run = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.arg("--state").arg(name).output().expect("the binary runs")
    };
    for email in ["one@example.org", "two@example.org"] {
        people[0].email = email.to_owned();
        let file = world.csv("crm.csv", &people);
        let synced = run(&["sync", file.to_str().expect("utf-8"), "--allow-mass-change"]);
        assert!(synced.status.success(), "{synced:?}");
    }
    let all = fs::read_dir(world.path("backups")).expect("backups");
    let backup = all.map(|entry| entry.expect("readable").path()).max().expect("a backup");
    let mut restore = world.command(&["doctor", "--restore"]);
    let restored = restore.arg(&backup).arg("--state").arg(name).output().expect("the binary runs");
    assert!(restored.status.success(), "{restored:?}");
    let status = String::from_utf8(run(&["status", "--json"]).stdout).expect("JSON");
    assert!(status.contains("\"restored\": true") || status.contains("\"restored\":true"), "{status}");
}

/// Each of them may have been created before the restore: the one that a person lets go is looked for first.
#[test]
fn after_a_restore_one_of_two_newcomers_with_one_key_can_be_released() {
    let mut people = customers(3);
    people[1].person = people[0].person.clone();
    let world = World::new();
    world.configure("", &[("wsone", "response_codes = { \"101\" = \"missing\" }")]);
    world.populate(&people[2..]);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    people[2].email = "changed@example.org".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let backup = backups(&world).pop().expect("a backup");
    world.run(&["doctor", "--restore", backup.to_str().expect("utf-8")]).exits(0);
    people[1].person = "7700099999".to_owned();
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change"]).exits(3);
    // The second one waits under the old key, whose account is the first one's: that call ends, and another one is made.
    for (id, ended) in [("C00001", 0), ("C00002", 1)] {
        let of = ["--provider", "wsone", "--customer", id, "--json"];
        let told = json(&world.run(&[&["rejects", "release"], of.as_slice()].concat()).exits(0));
        assert_eq!(told["ended"], ended, "{id}");
        world.run(&["resume"]).exits(0);
        assert!([0, 3].contains(&world.sync(&file).code));
    }
    let listed = world.run(&["rejects", "list", "--provider", "wsone"]).exits(0).out;
    assert!(!listed.contains("duplicate_key"), "{listed}");
    for person in &people[..2] {
        let key = format!("1:{}", person.person);
        let held = world.ledger().person(ProviderId::Wsone, &key);
        assert!(held.is_some(), "{key}: {listed}");
    }
    assert_eq!(world.duplicates(), 0);
    let key = Some(format!("1:{}", people[0].person));
    for entry in world.ledger().entries().iter().filter(|entry| entry.key == key) {
        let body = entry.fields.as_ref().map_or("", |fields| fields.get());
        assert!(!body.contains(&people[1].email), "the second one's values reached the first one's account");
    }
}
