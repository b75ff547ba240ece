//! A backup in the place of the state: what still counts, what is in doubt, and what a failure or a crash leaves.

use std::path::PathBuf;

use super::*;
use crate::store::open::connect;

const LEMONWAY: ProviderId = ProviderId::Lemonway;

impl World {
    fn note_sent(&mut self, provider: ProviderId, requests: u64) {
        let note = |outbox: &mut Outbox<'_>| outbox.note_sent(provider, requests);
        self.store.group(self.run, self.now, note).expect("noted");
    }

    fn back_up(&self, name: &str) -> PathBuf {
        let backup = self.folder.path().join(name);
        self.state().copy_to(&backup).expect("copied");
        backup
    }

    fn restore(&mut self, backup: &Path) {
        let files = std::fs::read_dir(self.state().path().parent().expect("a folder")).expect("readable");
        let stamp = files.count().to_string();
        self.state().restore(&self._lock, backup, &stamp, self.now).expect("restored");
        self.reopen();
    }

    fn used(&self, provider: ProviderId) -> LaneUse {
        self.store.lane_use(provider).expect("readable")
    }
}

#[test]
fn a_restore_keeps_the_requests_of_the_day_and_counts_every_provider_as_called_just_now() {
    let mut world = World::new();
    let before_any = world.back_up("before-any.db");
    world.note_sent(WSONE, 12);
    let after_some = world.back_up("after-some.db");
    world.now = world.now.after(Duration::from_secs(1));
    world.restore(&before_any);
    let called_now = |sent| LaneUse { last_sent: world.now, day: world.now.day(), sent };
    assert_eq!([WSONE, LEMONWAY].map(|id| world.used(id)), [12, 0].map(called_now));

    // What the backup knows counts where it is more, and where the state cannot be read.
    world.store.connection.execute("UPDATE lane SET sent = 3", []).expect("written");
    world.restore(&after_some);
    assert_eq!(world.used(WSONE).sent, 12);
    std::fs::write(world.state().path(), "no state at all").expect("written");
    world.restore(&after_some);
    assert_eq!(world.used(WSONE).sent, 12);
}

/// Whether the next run has its provider is not known here.
#[test]
fn what_a_kill_left_in_flight_waits_after_a_restore_and_counts_as_sent() {
    let mut world = World::new();
    let update = world.queue("c1", Operation::Update, false);
    let create = world.queue("c2", Operation::Create, false);
    world.lease(2);
    let backup = world.back_up("backup.db");
    world.restore(&backup);
    for (call, expected) in [(update, State::Waiting), (create, State::Probing)] {
        let sql = "SELECT state, lease IS NULL AND settling = 1 FROM call WHERE id = ?1";
        let found = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?));
        let found = world.store.connection.query_row(sql, [call.0], found).expect("readable");
        assert_eq!(found, (expected.name().to_owned(), true));
    }
    assert_eq!(world.used(WSONE).sent, 2);
    assert_eq!(world.store.snapshot().doubtful_calls().expect("readable").map(|calls| calls.len()), Some(2));
}

/// The key of its customer changed: what the call was to bring to another account says nothing of the one that is known.
#[test]
fn a_restore_takes_what_waits_for_another_account_for_nothing_that_the_known_one_has() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let leased = world.lease(1).remove(0);
    world.settle(&leased, Happening::Accepted).expect("settled");
    let elsewhere = Payload {
        key: ProviderKey("1:other".into()),
        values: [(FieldCode(3), "elsewhere".to_owned())].into_iter().collect(),
    };
    let call = NewCall {
        customer: world.number("c1"),
        provider: WSONE,
        operation: Operation::Update,
        payload: PackedPayload::of(&elsewhere),
        hold: Some(HoldReason::KeyChanged),
        withdrawal: false,
    };
    let intake = world.store.intake(world.run, world.now).expect("begun");
    intake.put_call(call, None).expect("written");
    intake.commit().expect("accepted");
    let backup = world.back_up("backup.db");
    world.restore(&backup);
    let fields = world.before("c1").account.expect("put").fields;
    let unknown = |code| (FieldCode(code), Acknowledged::Unknown);
    assert_eq!(fields, [unknown(1), unknown(2)].into_iter().collect());
}

#[test]
fn a_restore_on_another_day_begins_it_at_zero() {
    let mut world = World::new();
    let backup = world.back_up("backup.db");
    world.note_sent(WSONE, 12);
    world.now = world.now.after(Duration::from_secs(86_400));
    world.restore(&backup);
    assert_eq!(world.used(WSONE), LaneUse { last_sent: world.now, day: world.now.day(), sent: 0 });
}

/// What such a run wrote is lost with the file; to end as if nothing had happened would hide it.
#[test]
fn a_run_whose_state_was_replaced_or_deleted_says_so() {
    for is_replaced in [true, false] {
        let mut world = World::new();
        world.store.expect_dispatch().expect("ready");
        world.note_sent(WSONE, 7);
        let path = world.state().path().to_owned();
        let gone = path.with_extension("gone");
        std::fs::rename(&path, &gone).expect("moved");
        if is_replaced {
            std::fs::copy(&gone, &path).expect("copied");
        }
        let ended = world.store.finish_run(world.run, "complete", 0, world.now);
        assert!(matches!(ended, Err(StoreError::File { .. })), "{ended:?}");
        std::fs::rename(&gone, &path).expect("moved back");
        world.store.finish_run(world.run, "complete", 0, world.now).expect("ended");
    }
}

/// A folder that is put back from a copy of itself has the token that the run began with, and a log beside the file.
#[test]
fn a_run_whose_state_was_replaced_goes_no_further_and_what_is_there_is_refused() {
    let mut world = World::new();
    world.store.expect_dispatch().expect("ready");
    let path = world.state().path().to_owned();
    let names =
        ["crmsync.db", "crmsync.db-wal"].map(|name| (path.with_file_name(name), path.with_extension(name)));
    for (name, copy) in &names {
        std::fs::copy(name, copy).expect("copied");
    }
    world.note_sent(WSONE, 7);
    for (name, copy) in &names {
        std::fs::rename(copy, name).expect("put in place");
    }
    let note = |outbox: &mut Outbox<'_>| outbox.note_sent(WSONE, 1);
    let went_on = world.store.group(world.run, world.now, note);
    assert!(matches!(went_on, Err(StoreError::File { .. })), "{went_on:?}");
    let ended = world.store.finish_run(world.run, "failed", 1, world.now);
    assert!(matches!(ended, Err(StoreError::File { .. })), "{ended:?}");
    let opened = world.state().open(&world._lock).map(drop);
    assert!(matches!(opened, Err(StoreError::Stale { how: Stale::Other, .. })), "{opened:?}");
}

/// Where a process dies between the two names of a restore, the state is as it was for the next one.
#[test]
fn a_restore_that_was_cut_short_is_taken_back() {
    let mut world = World::new();
    world.note_sent(WSONE, 7);
    let path = world.state().path().to_owned();
    let kept = path.with_file_name("crmsync.db.replaced-20261129T000000Z");
    std::fs::hard_link(&path, &kept).expect("linked");
    world.state().open_read_only().expect("whoever only looks need not wait for that");
    world.reopen();
    assert!(!kept.exists());
    assert_eq!(world.used(WSONE).sent, 7);
    // Also by another restore.
    let backup = world.back_up("backup.db");
    std::fs::hard_link(&path, &kept).expect("linked");
    world.restore(&backup);
    assert!(!kept.exists());
    // Another name is somebody else's.
    std::fs::hard_link(&path, path.with_file_name("other.db")).expect("linked");
    assert!(matches!(world.state().open(&world._lock), Err(StoreError::ManyNames { names: 2, .. })));
}

#[test]
fn only_a_damaged_state_is_replaced_without_being_asked_who_was_erased() {
    use rusqlite::ffi;
    let asked = |code| {
        let source = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        super::super::restore::unless_damaged::<()>(Err(StoreError::Sqlite { action: "read", source }))
    };
    for passing in [ffi::SQLITE_IOERR_READ, ffi::SQLITE_BUSY, ffi::SQLITE_CANTOPEN, ffi::SQLITE_NOMEM] {
        assert!(asked(passing).is_err(), "{passing}");
    }
    for lasting in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB, ffi::SQLITE_ERROR] {
        assert!(matches!(asked(lasting), Ok(None)), "{lasting}");
    }
}

/// The state that is replaced knows of somebody who was created after the backup, and erased.
#[test]
fn who_may_exist_by_the_state_that_is_replaced_is_probed_also_once_probing_has_ended() {
    let mut world = World::new();
    let backup = world.back_up("before-any.db");
    world.queue("c1", Operation::Create, false);
    let leased = world.lease(1).remove(0);
    world.settle(&leased, Happening::Accepted).expect("settled");
    world.store.forget(&customer_id("c1"), world.now).expect("erased");
    world.restore(&backup);
    world
        .store
        .connection
        .execute("DELETE FROM setting WHERE name IN ('in_doubt_since', 'probe_new_since')", [])
        .expect("ended");
    world.queue("c2", Operation::Create, false);
    let standing = world.before("c2").standing.expect("queued");
    assert_eq!((standing.life.state, standing.life.create_unknown), (State::Probing, true));
}

/// Whoever takes one for sound finds out on the day that it is needed.
#[test]
fn a_backup_that_would_not_be_restored_is_not_called_sound() {
    type Spoil = fn(&Path);
    let spoil: [(&str, Spoil); 3] = [
        ("a payload", |path| {
            let backup = connect(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a backup");
            backup
                .execute("UPDATE call SET payload = x'0102' WHERE payload IS NOT NULL", [])
                .expect("written");
        }),
        ("an end", |path| {
            let file = std::fs::OpenOptions::new().write(true).open(path).expect("a backup");
            file.set_len(file.metadata().expect("readable").len() - 100).expect("cut");
        }),
        ("everything", |path| std::fs::write(path, "").expect("emptied")),
    ];
    for (what, spoil) in spoil {
        let mut world = World::new();
        world.queue("c1", Operation::Update, false);
        let folder = world.state().backups_folder();
        std::fs::create_dir_all(&folder).expect("made");
        let backup = folder.join("crmsync.db.20261122T211626Z-3f2a.db");
        world.state().copy_to(&backup).expect("copied");
        let (sound, findings) = world.state().examine_backups().expect("listed");
        assert_eq!((sound.len(), findings.len()), (1, 0), "{what}: {findings:?}");
        spoil(&backup);
        let (sound, findings) = world.state().examine_backups().expect("listed");
        assert_eq!((sound.len(), findings.len()), (0, 1), "{what}: {findings:?}");
        let refused = world.state().restore(&world._lock, &backup, "1", world.now).expect_err(what);
        assert!(refused.needs_a_person(), "{what}: {refused}");
    }
}

/// A kill at the right moment leaves the journal of a copy without the copy.
#[test]
fn the_journal_of_a_copy_that_is_gone_is_taken_away() {
    let mut world = World::new();
    let backup = world.back_up("backup.db");
    let journal = world.state().path().with_extension("db.restoring-journal");
    std::fs::write(&journal, "pages").expect("written");
    assert!(!world.state().delete_unfinished(&world._lock).expect("deleted").is_empty());
    assert!(!journal.exists());
    std::fs::write(&journal, "pages").expect("written");
    world.restore(&backup);
    assert!(!journal.exists());
}
