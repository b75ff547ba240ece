//! The state on a real disk: what survives, what is refused, what leaves when.

mod excluded;
mod fields;
mod fill;
mod filling;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;

use super::*;
use crate::domain::account::{Account, Acknowledged};
use crate::domain::call::{CallId, HoldReason, Operation, Payload, State};
use crate::domain::clock::{Steady, Timestamp};
use crate::domain::customer::{CustomerId, CustomerNumber, Order};
use crate::domain::lifecycle::Happening;
use crate::domain::mark::{Mark, NO_RECORD};
use crate::domain::policy::OnNew;
use crate::domain::provider::ProviderId;
use crate::domain::wire::{FieldCode, ProviderKey};

mod flights;
mod inputs;
mod looks;
mod missed;
mod orders;
mod restore;
mod shared_keys;
mod turns;
mod waits;

const WSONE: ProviderId = ProviderId::Wsone;
const NOON: Timestamp = Timestamp(1_795_000_000_000);
const SETTLE: Duration = Duration::from_secs(60);

struct World {
    folder: TempDir,
    store: Store,
    run: RunNumber,
    leases: i64,
    now: Timestamp,
    steady: Option<Steady>,
    _lock: Lock,
}

fn settings(folder: &Path) -> StateSettings {
    StateSettings { path: folder.join("state").join("crmsync.db"), clear_values: true, hash_key: None }
}

fn customer_id(name: &str) -> CustomerId {
    CustomerId::new(name).expect("valid")
}

fn payload(value: &str) -> Payload {
    let values = [(FieldCode(1), value.to_owned()), (FieldCode(2), "fixed".to_owned())];
    Payload { key: ProviderKey("1:key".into()), values: values.into_iter().collect() }
}

fn settlement(now: Timestamp, happening: Happening, attempts_max: u32) -> Settlement {
    Settlement {
        happening,
        class: "test",
        code: "42".to_owned(),
        only_fields: None,
        last: happening == Happening::RefusedForNow,
        settle_until: now.after(SETTLE),
        backoff_until: now.after(Duration::from_secs(1)),
        attempts_max,
        on_new: OnNew::Create,
    }
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateFile::new(settings(folder.path()));
        let lock = state.lock().expect("nobody else");
        let mut store = state.open(&lock).expect("a new state");
        let run = store.start_run("run-1", "sync", None, NOON).expect("a run");
        let leases = run.first_lease();
        Self { folder, store, run, leases, now: NOON, steady: None, _lock: lock }
    }

    /// Puts a call of a new customer into the outbox.
    fn queue(&mut self, name: &str, operation: Operation, withdrawal: bool) -> CallId {
        self.queue_at(&[WSONE], name, operation, withdrawal)
    }

    /// The same for several providers; gives the last call.
    fn queue_at(
        &mut self,
        providers: &[ProviderId],
        name: &str,
        operation: Operation,
        withdrawal: bool,
    ) -> CallId {
        let intake = self.store.intake(self.run, self.now).expect("begun");
        let customer = intake.add_customer(&customer_id(name), None, ToldFields::default()).expect("written");
        let mut id = CallId(0);
        for &provider in providers {
            let account = Account::new(payload("").key);
            intake.put_account(customer, provider, PackedAccount::of(&account, &[])).expect("written");
            let payload = PackedPayload::of(&payload("new"));
            let call = NewCall { customer, provider, operation, payload, hold: None, withdrawal };
            id = intake.put_call(call, None).expect("written");
        }
        intake.commit().expect("accepted");
        id
    }

    fn lease(&mut self, limit: usize) -> Vec<Leased> {
        let leases = &mut self.leases;
        let leased = self
            .store
            .group(self.run, self.now, |outbox| outbox.lease(WSONE, limit, &LeaseFilter::default(), leases));
        leased.expect("leased")
    }

    fn settle(&mut self, call: &Leased, happening: Happening) -> Result<Settled, StoreError> {
        self.settle_within(call, happening, 99)
    }

    fn settle_within(
        &mut self,
        call: &Leased,
        happening: Happening,
        attempts_max: u32,
    ) -> Result<Settled, StoreError> {
        let settlement = settlement(self.now, happening, attempts_max);
        self.store.group(self.run, self.now, |outbox| outbox.settle(call, &settlement))
    }

    fn number(&self, name: &str) -> CustomerNumber {
        self.store.snapshot().customer(&customer_id(name)).expect("readable").expect("known").number
    }

    fn before(&self, name: &str) -> crate::domain::standing::Before {
        let (number, snapshot) = (self.number(name), self.store.snapshot());
        let mut everywhere = snapshot.known(number, true).expect("readable");
        let Some((WSONE, KnownAt { before, .. })) = everywhere.pop() else { panic!("{everywhere:?}") };
        assert!(everywhere.is_empty());
        // Whichever way it is looked up.
        assert_eq!(before.account, snapshot.account(number, WSONE).expect("readable"));
        assert_eq!(before.standing, snapshot.standing(number, WSONE).expect("readable"));
        before
    }

    fn recover(&mut self) -> Recovered {
        self.recover_without(&[])
    }

    /// The next run, whose providers are not to get these fields.
    fn recover_without(&mut self, excluded: &[FieldCode]) -> Recovered {
        self.run = self
            .store
            .start_run(&format!("run-{}", self.run.0 + 1), "resume", None, self.now)
            .expect("a run");
        self.leases = self.run.first_lease();
        let (settle, backoff_max, on_new) = (SETTLE, Duration::from_secs(5), OnNew::Create);
        let terms = ProviderId::ALL.map(|provider| Terms {
            provider,
            settle,
            backoff_max,
            on_new,
            excluded: excluded.to_vec(),
        });
        self.store.recover(&terms, self.run, self.now, self.steady.as_ref()).expect("recovered")
    }
}

#[test]
fn only_one_process_holds_a_state_and_its_files_are_private() {
    let world = World::new();
    let state = StateFile::new(settings(world.folder.path()));
    assert!(matches!(state.lock(), Err(StoreError::Locked { .. })));
    for entry in std::fs::read_dir(world.folder.path().join("state")).expect("there") {
        let entry = entry.expect("readable");
        let mode = entry.metadata().expect("readable").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[test]
fn foreign_newer_and_otherwise_keyed_files_are_refused() {
    let world = World::new();
    let mut other_key = settings(world.folder.path());
    other_key.hash_key = Some(SecretString::from("another key of sixteen bytes"));
    let refused = StateFile::new(other_key).open_read_only().expect_err("another key");
    assert!(matches!(refused, StoreError::WrongHashKey { .. }) && refused.needs_a_person());

    world.store.connection.pragma_update(None, "user_version", 99).expect("set");
    let newer = StateFile::new(settings(world.folder.path())).open_read_only().expect_err("newer");
    assert!(matches!(newer, StoreError::Newer { found: 99, .. }));

    world.store.connection.pragma_update(None, "application_id", 7).expect("set");
    let foreign = StateFile::new(settings(world.folder.path())).open_read_only().expect_err("foreign");
    assert!(matches!(foreign, StoreError::Foreign { .. }));
}

#[test]
fn a_state_that_is_opened_once_more_is_not_written_to() {
    let World { folder, mut store, run, now, _lock: lock, .. } = World::new();
    let state = StateFile::new(settings(folder.path()));
    store.finish_run(run, "complete", 0, now).expect("finished");
    drop(store);
    let again = state.open(&lock).expect("the same state");
    let log = state.path().with_extension("db-wal");
    assert_eq!(std::fs::metadata(log).expect("a log").len(), 0);
    drop(again);
}

#[test]
fn a_state_that_does_not_exist_reads_as_an_empty_one_and_is_not_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = StateFile::new(settings(folder.path()));
    let store = state.open_read_only().expect("empty");
    assert_eq!(store.snapshot().customers().expect("readable"), 0);
    assert!(!state.exists());
}

#[test]
fn an_intake_that_is_not_committed_leaves_no_trace() {
    let mut world = World::new();
    let intake = world.store.intake(world.run, world.now).expect("begun");
    intake.add_customer(&customer_id("c1"), Some(Order(3)), ToldFields::default()).expect("written");
    drop(intake);
    assert_eq!(world.store.snapshot().customers().expect("readable"), 0);
}

#[test]
fn an_accepted_call_is_acknowledged_together_with_its_account() {
    let mut world = World::new();
    world.queue("c1", Operation::Create, false);
    let leased = world.lease(10).remove(0);
    assert_eq!(world.settle(&leased, Happening::Accepted).expect("settled").life.state, State::Acknowledged);
    let before = world.before("c1");
    let account = before.account.expect("put");
    assert!(account.known && before.standing.is_none());
    assert!(matches!(&account.fields[&FieldCode(1)], Acknowledged::Clear(value) if value.reveal() == "new"));
    // What was delivered is erased from the call.
    let left: i64 = world
        .store
        .connection
        .query_row("SELECT count(*) FROM call WHERE payload IS NOT NULL", [], |row| row.get(0))
        .expect("readable");
    assert_eq!(left, 0);
}

#[test]
fn a_lease_settles_once() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let leased = world.lease(10).remove(0);
    assert!(world.lease(10).is_empty(), "what is in flight cannot be leased again");
    world.settle(&leased, Happening::Throttled).expect("settled");
    let error = world.settle(&leased, Happening::Accepted).expect_err("the lease is over");
    assert!(matches!(error, StoreError::GuardFailed { .. }), "{error}");
}

#[test]
fn the_oldest_queued_call_is_told_whatever_its_priority() {
    for withdrawals in [[false, true], [true, false]] {
        let mut world = World::new();
        for (name, withdrawal) in ["c1", "c2"].into_iter().zip(withdrawals) {
            world.queue(name, Operation::Update, withdrawal);
            world.now = world.now.after(SETTLE);
        }
        let counts = world.store.counts().expect("readable");
        assert_eq!((counts[&WSONE].queued, counts[&WSONE].oldest), (2, Some(NOON)));
    }
}

#[test]
fn a_call_without_attempts_left_waits_for_the_next_run() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let leased = world.lease(1).remove(0);
    let happening = Happening::NotApplied { spares_try: false };
    assert!(world.settle_within(&leased, happening, 1).expect("settled").deferred);
    world.now = world.now.after(SETTLE);
    assert!(world.lease(10).is_empty());
    world.recover();
    world.now = world.now.after(SETTLE);
    assert_eq!(world.lease(10).len(), 1);
}

#[test]
fn after_a_crash_an_update_waits_for_settle_and_a_create_is_probed() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    world.queue("c2", Operation::Create, false);
    assert_eq!(world.lease(10).len(), 2);

    assert_eq!(world.recover(), Recovered { in_flight: 2, held: 0, ..Recovered::default() });
    assert!(world.lease(10).is_empty(), "a late request may still land");
    let states = ["c1", "c2"].map(|name| world.before(name).standing.expect("open").life.state);
    assert_eq!(states, [State::Waiting, State::Probing]);
    assert_eq!(world.before("c1").account.expect("put").fields[&FieldCode(1)], Acknowledged::Unknown);

    world.now = world.now.after(SETTLE);
    assert_eq!(world.lease(10).len(), 2);
}

#[test]
fn the_number_of_an_erased_call_is_not_given_to_another_one() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let erased = world.queue("c2", Operation::Update, false);
    world.store.forget(&customer_id("c2"), world.now).expect("erased");
    assert!(world.queue("c3", Operation::Update, false) > erased);
}

#[test]
fn there_is_one_open_call_for_a_customer_and_provider() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let customer = world.number("c1");
    let call = NewCall {
        customer,
        provider: WSONE,
        operation: Operation::Update,
        payload: PackedPayload::of(&payload("second")),
        hold: None,
        withdrawal: false,
    };
    let intake = world.store.intake(world.run, world.now).expect("begun");
    assert!(intake.put_call(call, None).is_err());
}

#[test]
fn a_call_of_an_earlier_input_is_held_but_none_that_is_in_flight() {
    let mut world = World::new();
    let queued = world.queue("c1", Operation::Update, false);
    world.recover();
    let hold = |world: &mut World| {
        let intake = world.store.intake(world.run, world.now).expect("begun");
        intake.hold_disputed(queued)?;
        intake.commit()
    };
    world.lease(1);
    assert!(matches!(hold(&mut world), Err(StoreError::GuardFailed { .. })));
    world.recover();
    hold(&mut world).expect("waits, so it can be held");
    let filter = RejectFilter { run: Some(world.run), ..RejectFilter::default() };
    let held = world.store.rejects(&filter).expect("readable");
    assert_eq!((held.len(), held[0].hold), (1, Some(HoldReason::DuplicateKey)));

    world.store.release(&[queued], world.now).expect("released");
    assert_eq!(world.before("c1").standing.expect("open").life.state, State::Queued);
}

#[test]
fn a_person_settles_a_held_call_in_three_ways() {
    let cases = [
        (Happening::ResolvedApplied, State::Acknowledged, true),
        (Happening::ResolvedNotApplied, State::Queued, false),
        (Happening::Abandoned, State::Abandoned, false),
    ];
    for (happening, state, known) in cases {
        let mut world = World::new();
        let call = world.queue("c1", Operation::Update, false);
        let leased = world.lease(1).remove(0);
        world.settle(&leased, Happening::DeniedByCode).expect("held");
        world.store.resolve(call, happening, world.now).expect("settled");
        let before = world.before("c1");
        assert_eq!(before.account.expect("put").known, known, "{happening:?}");
        assert_eq!(
            before.standing.map(|call| call.life.state).filter(|_| state.is_open()),
            Some(state).filter(|s| s.is_open())
        );
        assert!(world.store.resolve(call, Happening::Abandoned, world.now).is_err(), "it is held no more");
    }
}

#[test]
fn requests_of_a_day_add_up_and_a_new_day_begins_at_zero() {
    let mut world = World::new();
    for _ in 0..2 {
        let note = |outbox: &mut Outbox<'_>| outbox.note_sent(WSONE, 3);
        world.store.group(world.run, world.now, note).expect("noted");
    }
    assert_eq!(world.store.lane_use(WSONE).expect("readable").sent, 6);
    world.now = world.now.after(Duration::from_secs(86_400));
    world.store.group(world.run, world.now, |outbox| outbox.note_sent(WSONE, 1)).expect("noted");
    let used = world.store.lane_use(WSONE).expect("readable");
    assert_eq!((used.sent, used.last_sent, used.day), (1, world.now, world.now.day()));
}

#[test]
fn a_copy_holds_what_the_state_held_and_opens_with_its_own_key() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let target = world.folder.path().join("copy.db");
    StateFile::new(settings(world.folder.path())).copy_to(&target).expect("copied");
    let copy = StateFile::new(StateSettings { path: target, clear_values: true, hash_key: None });
    let copy = copy.open_read_only().expect("readable");
    assert_eq!(copy.snapshot().customers().expect("readable"), 1);
}

#[test]
fn a_damaged_payload_is_never_leased() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let damage = "UPDATE call SET payload = zeroblob(length(payload))";
    world.store.connection.execute(damage, []).expect("damaged");
    let mut lease = 0;
    let result = world
        .store
        .group(world.run, world.now, |outbox| outbox.lease(WSONE, 1, &LeaseFilter::default(), &mut lease));
    assert!(matches!(result, Err(StoreError::Damaged { .. })));
}

fn mark(marker: &Marker, number: u32, record: u8) -> Mark {
    let key = marker.key(&format!("customer {number}"));
    Mark { key, record: [record; 16], meaning: [record + 1; 16] }
}

/// Writes these marks; gives what is then known of every customer, in the order of their numbers.
fn marked(world: &mut World, marks: impl Iterator<Item = Mark>, customers: u32) -> Vec<Option<(u8, u8)>> {
    let intake = world.store.intake(world.run, world.now).expect("begun");
    let mut all = Marks::default();
    marks.for_each(|mark| all.push(mark));
    intake.put_marks(all).expect("written");
    assert!(!intake.has_changes(), "marks are bookkeeping");
    intake.commit().expect("committed");
    let (marker, snapshot) = (world.store.marker(), world.store.snapshot());
    let known = |number: u32| {
        let key = mark(&marker, number, 0).key;
        let bucket = snapshot.bucket(key.bucket()).expect("readable");
        let known = bucket.search()(key)?;
        let meaning = match known.meaning {
            Meaning::Is(meaning) => meaning,
            Meaning::At(at) => snapshot.meanings(key.bucket(), std::iter::once(at)).expect("readable")[0],
        };
        Some((known.record[0], meaning[0]))
    };
    (0..customers).map(known).collect()
}

#[test]
fn marks_are_found_again_packed_changed_and_repacked() {
    let mut world = World::new();
    let marker = world.store.marker();
    // A few stand as changes, many are packed, a few lie over what is packed, many are packed anew.
    let few = marked(&mut world, (0..100).map(|n| mark(&marker, n, 1)), 100);
    assert!(few.iter().all(|known| *known == Some((1, 2))));
    let many = marked(&mut world, (100..9_000).map(|n| mark(&marker, n, 3)), 9_000);
    assert!(many[..100].iter().all(|known| *known == Some((1, 2))));
    assert!(many[100..].iter().all(|known| *known == Some((3, 4))));
    let over = marked(&mut world, (50..150).map(|n| mark(&marker, n, 5)), 9_001);
    assert!(over[50..150].iter().all(|known| *known == Some((5, 6))));
    assert_eq!((over[0], over[150], over[9_000]), (Some((1, 2)), Some((3, 4)), None));
    let twice = (0..5_000).flat_map(|n| [mark(&marker, n, 7), mark(&marker, n, 9)]);
    let anew = marked(&mut world, twice, 9_000);
    assert!(anew[..5_000].iter().all(|known| *known == Some((9, 10))), "the later one counts");
    let snapshot = world.store.snapshot();
    let customers: u64 = (0..=u8::MAX).map(|b| snapshot.bucket(b).expect("readable").customers()).sum();
    assert_eq!(customers, 9_000);
}

#[test]
fn a_state_without_marks_gets_empty_ones_and_forgetting_takes_one_away() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    world.queue("c2", Operation::Update, false);
    marks::clear(&world.store.connection).expect("cleared");
    assert!(!world.store.snapshot().has_marks().expect("readable"));
    let marker = world.store.marker();
    marks::complete(&mut world.store.connection, &marker).expect("made");
    let known = |store: &Store, id: &str| {
        let key = store.marker().key(id);
        store.snapshot().bucket(key.bucket()).expect("readable").search()(key)
    };
    assert_eq!(known(&world.store, "c1").map(|known| known.record), Some(NO_RECORD));
    world.store.forget(&customer_id("c1"), NOON).expect("forgotten");
    assert_eq!(known(&world.store, "c1"), None);
    assert!(known(&world.store, "c2").is_some());
    assert_eq!(marks::examine(&world.store.connection, 1).expect("readable"), None);
    assert!(marks::examine(&world.store.connection, 2).expect("readable").is_some(), "one is missing");
}
