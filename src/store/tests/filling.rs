//! A first fill goes straight into the file of the state, alone, and leaves no trace before its commit.

use std::fs;

use super::*;
use crate::domain::clock::Clock;
use crate::domain::redacted::Redacted;

/// More than SQLite keeps in memory, so that the file is written long before the commit.
const CUSTOMERS: usize = 2_000;
const VALUE_BYTES: usize = 4_000;

fn fill(intake: &Intake<'_>) {
    let value = Acknowledged::Clear(Redacted::new("x".repeat(VALUE_BYTES)));
    for number in 0..CUSTOMERS {
        let customer = intake
            .add_customer(&customer_id(&format!("c{number}")), None, ToldFields::default())
            .expect("written");
        let mut account = Account::new(ProviderKey(format!("{number}").into()));
        account.fields.insert(FieldCode(1), value.clone());
        intake.put_account(customer, WSONE, PackedAccount::of(&account, &[])).expect("written");
    }
}

fn state_in(folder: &Path) -> StateFile {
    StateFile::new(settings(folder))
}

fn customers_read(folder: &Path) -> u64 {
    state_in(folder).open_read_only().expect("readable").snapshot().customers().expect("readable")
}

fn mode(world: &World) -> String {
    world.store.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).expect("readable")
}

#[test]
fn a_fill_that_is_cut_short_leaves_an_empty_state() {
    let mut world = World::new();
    let folder = world.folder.path().to_owned();
    let intake = world.store.intake(world.run, world.now).expect("begun");
    fill(&intake);
    let file = |folder: &Path, suffix: &str| folder.join("state").join(format!("crmsync.db{suffix}"));
    let bytes = |path: &Path| fs::metadata(path).expect("a file").len();
    assert!(bytes(&file(&folder, "")) > (CUSTOMERS * VALUE_BYTES / 2) as u64, "the file is written");
    assert!(!file(&folder, "-wal").exists() && bytes(&file(&folder, "-journal")) > 0);
    assert_eq!(customers_read(&folder), 0, "while it goes on");
    drop(intake);
    assert_eq!((customers_read(&folder), mode(&world)), (0, "wal".to_owned()), "after it was given up");

    let intake = world.store.intake(world.run, world.now).expect("begun");
    fill(&intake);
    // What a kill at this moment leaves.
    let image = tempfile::tempdir().expect("a folder");
    fs::create_dir(image.path().join("state")).expect("made");
    for suffix in ["", "-journal", ".key"] {
        fs::copy(file(&folder, suffix), file(image.path(), suffix)).expect("copied");
    }
    intake.commit().expect("accepted");
    assert_eq!((customers_read(&folder), mode(&world)), (CUSTOMERS as u64, "wal".to_owned()));

    let before = fs::read(file(image.path(), "")).expect("a state");
    assert_eq!(customers_read(image.path()), 0, "before anybody puts it back");
    assert!(fs::read(file(image.path(), "")).expect("a state") == before, "looking changes nothing");
    let state = state_in(image.path());
    let mut store = state.open(&state.lock().expect("nobody else")).expect("put back");
    assert_eq!(store.snapshot().customers().expect("readable"), 0);
    let found: String =
        store.connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("readable");
    assert_eq!(found, "ok");
    let run = store.start_run("run-2", "sync", None, NOON).expect("a run");
    let intake = store.intake(run, NOON).expect("begun");
    fill(&intake);
    intake.commit().expect("accepted");
    assert_eq!(customers_read(image.path()), CUSTOMERS as u64, "done again it is done");
}

#[test]
fn whoever_reads_while_a_fill_begins_is_not_disturbed() {
    let mut world = World::new();
    let folder = world.folder.path().to_owned();
    let reader = state_in(&folder).open_read_only().expect("readable");
    let still = reader.hold_still().expect("readable");
    assert_eq!(still.snapshot().customers().expect("readable"), 0);
    let intake = world.store.intake(world.run, world.now).expect("begun");
    fill(&intake);
    assert_eq!(still.snapshot().customers().expect("readable"), 0);
    intake.commit().expect("accepted");
    assert_eq!(still.snapshot().customers().expect("readable"), 0, "as it was when the look began");
    assert_eq!((customers_read(&folder), mode(&world)), (CUSTOMERS as u64, "wal".to_owned()));
}

#[test]
fn only_a_fill_that_is_accepted_leaves_a_backup() {
    let mut world = World::new();
    let state = state_in(world.folder.path());
    let plan = BackupPlan { name: "run-1".to_owned(), keep: 3, clock: Clock::set_to(NOON) };
    world.store.back_up_first(&state, plan);
    let files = || fs::read_dir(state.backups_folder()).map_or(0, Iterator::count);
    drop(world.store.intake(world.run, world.now).expect("begun"));
    assert!(state.backups().expect("listed").is_empty() && world.store.made_backup().is_none());
    let mut intake = world.store.intake(world.run, world.now).expect("begun");
    intake.add_customer(&customer_id("c1"), None, ToldFields::default()).expect("written");
    intake.back_up().expect("backed up");
    intake.commit().expect("accepted");
    let backup = world.store.made_backup().expect("made").path.clone();
    assert_eq!(files(), 1);
    let backup = StateFile::new(StateSettings { path: backup, ..settings(world.folder.path()) });
    let found = backup.connect_to_read().expect("readable").expect("a state");
    let customers: i64 =
        found.query_row("SELECT count(*) FROM customer", [], |row| row.get(0)).expect("readable");
    assert_eq!(customers, 0, "as it was before the run");
}

/// A kill while the file gets its write-ahead log back, after the commit: a journal with the first page.
#[test]
fn what_was_accepted_is_read_although_the_log_did_not_come_back() {
    let mut world = World::new();
    let folder = world.folder.path().to_owned();
    world.queue("c1", Operation::Create, false);
    drop(world.store.connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())));
    let path = folder.join("state/crmsync.db");
    let state = fs::read(&path).expect("a state");
    let page_bytes = 8_192_u32;
    let pages = u32::try_from(state.len()).expect("small") / page_bytes;
    // Header: magic, one record, nonce, pages of the file, sector, page.
    let mut journal = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7".to_vec();
    for word in [1, 7, pages, 512, page_bytes] {
        journal.extend_from_slice(&u32::to_be_bytes(word));
    }
    journal.resize(512, 0);
    journal.extend_from_slice(&1_u32.to_be_bytes());
    journal.extend_from_slice(&state[..page_bytes as usize]);
    journal.extend_from_slice(&[0; 4]);
    let image = tempfile::tempdir().expect("a folder");
    fs::create_dir(image.path().join("state")).expect("made");
    for suffix in ["", ".key"] {
        let name = format!("state/crmsync.db{suffix}");
        fs::copy(folder.join(&name), image.path().join(&name)).expect("copied");
    }
    fs::write(image.path().join("state/crmsync.db-journal"), journal).expect("written");
    assert_eq!(customers_read(image.path()), 1);
}
