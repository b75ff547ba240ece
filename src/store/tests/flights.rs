//! Calls on their way: who sees them, and what a crash leaves of them.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rusqlite::Connection;

use super::*;
use crate::store::flights;
use crate::store::lease::{HELD, TRIED, WAITING, leased_before, next_due};
use crate::store::outbox::LOG_GROUPS;
use crate::store::overview::{OPEN_CALLS_SQL, QUEUED_FLIGHTS, rejects_sql, used_up_sql};
use crate::store::recovery::without_tries;
use crate::store::{missed, named_keys};

impl World {
    pub(super) fn state(&self) -> StateFile {
        StateFile::new(settings(self.folder.path()))
    }

    fn read_only(&self) -> Store {
        self.state().open_read_only().expect("readable")
    }

    /// The process dies and another one opens the state.
    pub(super) fn reopen(&mut self) {
        self.store = self.state().open(&self._lock).expect("a state");
    }

    fn flights(&self) -> i64 {
        let sql = "SELECT count(*) FROM flight";
        self.store.connection.query_row(sql, [], |row| row.get(0)).expect("readable")
    }

    fn flights_with_leases(&self) -> Vec<(i64, i64)> {
        let sql = "SELECT call, lease FROM flight ORDER BY call";
        let mut rows = self.store.connection.prepare(sql).expect("a query");
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.collect::<Result<_, _>>().expect("readable")
    }

    /// Whether a query finds calls and named keys by these indices alone.
    fn looks_only_at(&self, query: &str, few: &[&str]) {
        let sql = format!("EXPLAIN QUERY PLAN {query}");
        let mut plan = self.store.connection.prepare(&sql).expect("a query");
        let empty = vec![rusqlite::types::Value::Null; plan.parameter_count()];
        let steps = plan.query_map(rusqlite::params_from_iter(empty), |row| row.get::<_, String>(3));
        for step in steps.expect("a plan").map(|step| step.expect("a step")) {
            let is_of_many =
                ["SCAN call", "SEARCH call", "SCAN named_key"].iter().any(|of| step.starts_with(of));
            assert!(!is_of_many || few.iter().any(|index| step.contains(index)), "{query}: {step}");
        }
    }

    /// States and leases as they stand in the calls.
    fn rows(&self) -> Vec<(String, Option<i64>)> {
        let mut rows =
            self.store.connection.prepare("SELECT state, lease FROM call ORDER BY id").expect("a query");
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.collect::<Result<_, _>>().expect("readable")
    }
}

#[test]
fn a_call_on_its_way_is_seen_as_such_by_who_only_reads() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    world.queue("c2", Operation::Update, false);
    world.now = world.now.after(Duration::from_secs(7));
    assert_eq!(world.lease(1).len(), 1);

    let reader = world.read_only();
    let counts = reader.counts().expect("readable")[&WSONE].clone();
    assert_eq!((counts.queued, counts.waiting, counts.open()), (1, 1, 2));
    let standing = |name: &str| {
        let number = world.number(name);
        reader.snapshot().standing(number, WSONE).expect("readable").expect("open").life.state
    };
    assert_eq!([standing("c1"), standing("c2")], [State::InFlight, State::Queued]);
    let story = |name: &str| reader.story(&customer_id(name)).expect("readable").calls.remove(0);
    assert_eq!((story("c1").life.state, story("c1").changed_at), (State::InFlight, world.now));
    assert_eq!((story("c2").life.state, story("c2").changed_at), (State::Queued, NOON));
}

#[test]
fn a_settlement_needs_the_flight_of_its_lease() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let leased = world.lease(1).remove(0);
    let stranger = Leased { lease: leased.lease + 1, ..leased.clone() };
    let error = world.settle(&stranger, Happening::Accepted).expect_err("another lease");
    assert!(matches!(error, StoreError::GuardFailed { .. }), "{error}");
    assert_eq!((world.flights(), world.rows()), (1, vec![("queued".to_owned(), None)]));
    world.settle(&leased, Happening::Accepted).expect("settled");
    assert_eq!((world.flights(), world.rows()), (0, vec![("acknowledged".to_owned(), None)]));
}

#[test]
fn what_a_crash_leaves_on_its_way_lands_at_the_next_opening() {
    let mut world = World::new();
    world.queue("c1", Operation::Create, false);
    world.queue("c2", Operation::Update, false);
    world.queue("c3", Operation::Update, false);
    // One that is probed, one that waits, one that was never tried.
    let leased = world.lease(2);
    for call in &leased {
        world.settle(call, Happening::OutcomeUnknown).expect("settled");
    }
    world.now = world.now.after(SETTLE);
    let leases: Vec<_> = world.lease(3).iter().map(|call| (call.id, call.lease)).collect();
    assert_eq!((leases.len(), world.flights()), (3, 3));

    world.reopen();
    assert_eq!(world.flights(), 0);
    let found = world.rows();
    for (at, state) in ["probing", "in_flight", "in_flight"].into_iter().enumerate() {
        let lease = leases.iter().find(|(id, _)| id.0 == i64::try_from(at).expect("few") + 1);
        assert_eq!(found[at], (state.to_owned(), lease.map(|(_, lease)| *lease)));
    }
    assert!(world.lease(9).is_empty(), "nothing of it may leave before the recovery");
    assert_eq!(world.recover(), Recovered { in_flight: 3, held: 0, ..Recovered::default() });
    assert!(world.rows().iter().all(|(_, lease)| lease.is_none()));
}

#[test]
fn what_is_settled_beside_a_call_that_a_crash_leaves_does_not_land_with_it() {
    let mut world = World::new();
    for name in ["c1", "c2", "c3", "c4"] {
        world.queue(name, Operation::Update, false);
    }
    let leased = world.lease(4);
    world.settle(&leased[0], Happening::Accepted).expect("settled");
    assert_eq!(world.flights(), 3, "who only reads sees that it has landed");
    world.settle(&leased[1], Happening::NotApplied { spares_try: false }).expect("settled");
    world.settle(&leased[2], Happening::Accepted).expect("settled");
    assert_eq!(world.flights(), 1);
    world.now = world.now.after(Duration::from_secs(1));
    let again: Vec<_> = world.lease(9).iter().map(|call| call.id).collect();
    assert_eq!(again, [leased[1].id], "who waited is due, and who is on its way is not leased again");
    assert_eq!(world.flights(), 2);

    world.reopen();
    let states = world.rows().into_iter().map(|(state, lease)| (state, lease.is_some()));
    let expected =
        [("acknowledged", false), ("in_flight", true), ("acknowledged", false), ("in_flight", true)];
    assert!(states.eq(expected.map(|(state, leased)| (state.to_owned(), leased))));
    assert_eq!(world.recover(), Recovered { in_flight: 2, held: 0, ..Recovered::default() });
}

#[test]
fn a_block_goes_with_the_last_of_its_calls() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    world.queue("c2", Operation::Update, false);
    let blocks = |world: &World| {
        let sql = "SELECT coalesce(group_concat(calls), '') FROM flight_block";
        world.store.connection.query_row(sql, [], |row| row.get::<_, String>(0)).expect("readable")
    };
    let leased = world.lease(2);
    assert_eq!(blocks(&world), "[1,2]");
    world.settle(&leased[1], Happening::NotApplied { spares_try: false }).expect("settled");
    assert_eq!(blocks(&world), "[1,0]");
    world.settle(&leased[0], Happening::Accepted).expect("settled");
    assert_eq!(blocks(&world), "");
}

#[test]
fn what_a_group_that_failed_had_done_is_not_done() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let (run, now, mut lease) = (world.run, world.now, 40);
    let fail = |outbox: &mut Outbox<'_>| {
        outbox.lease(WSONE, 9, &LeaseFilter::default(), &mut lease)?;
        Err::<(), _>(StoreError::Damaged { what: "a test wants it so" })
    };
    world.store.group(run, now, fail).expect_err("it failed");
    let leased = world.lease(9);
    assert_eq!((leased.len(), world.flights()), (1, 1));
}

#[test]
fn an_input_that_is_not_accepted_lands_nothing() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let leased = world.lease(1).remove(0);
    drop(world.store.intake(world.run, world.now).expect("begun"));
    assert!(world.lease(9).is_empty(), "it is on its way as before");
    world.settle(&leased, Happening::Accepted).expect("settled");

    world.queue("c2", Operation::Update, false);
    let leased = world.lease(1).remove(0);
    world.store.intake(world.run, world.now).expect("begun").commit().expect("accepted");
    assert_eq!(world.flights(), 0);
    let error = world.settle(&leased, Happening::Accepted).expect_err("it has landed");
    assert!(matches!(error, StoreError::GuardFailed { .. }), "{error}");
}

#[test]
fn what_somebody_else_has_landed_is_not_settled() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    world.queue("c2", Operation::Update, false);
    let leased = world.lease(2);
    // As a second process would that got past the lock, up to what brings the call back into the state it stood in.
    world.store.connection.execute("DELETE FROM flight_block", []).expect("written");
    let error = world.settle(&leased[0], Happening::Accepted).expect_err("its flight is over");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert_eq!(world.rows(), vec![("queued".to_owned(), None); 2]);
}

#[test]
fn a_call_that_took_off_twice_lands_once() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let lease = world.lease(1)[0].lease;
    let sql = "INSERT INTO flight_block SELECT lease + 9, at, calls FROM flight_block";
    world.store.connection.execute(sql, []).expect("written");
    world.reopen();
    assert_eq!((world.flights(), world.rows()), (0, vec![("in_flight".to_owned(), Some(lease + 9))]));
}

/// What is leased, settled, given up in failed groups and left by crashes, at random, in three lanes.
#[test]
fn the_state_has_on_its_way_what_was_leased_and_not_settled() {
    let happenings = [
        Happening::Accepted,
        Happening::NotApplied { spares_try: false },
        Happening::Throttled,
        Happening::OutcomeUnknown,
        Happening::Interrupted,
        Happening::Refused,
    ];
    for seed in 0..24 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut world = World::new();
        for number in 0..12 {
            world.queue_at(&ProviderId::ALL, &format!("c{number}"), Operation::Update, number % 5 == 0);
        }
        let mut on_their_way: Vec<Leased> = Vec::new();
        for step in 0..60 {
            world.now = world.now.after(Duration::from_secs(random.random_range(0..40)));
            let (mut left, mut leases, now) = (on_their_way.clone(), world.leases, world.now);
            let fails = random.random_ratio(1, 6);
            let grouped = world.store.group(world.run, now, |outbox| {
                for _ in 0..random.random_range(1..6) {
                    if left.is_empty() || random.random_ratio(1, 3) {
                        let lane = ProviderId::ALL[random.random_range(0..3)];
                        let limit = random.random_range(1..6);
                        left.extend(outbox.lease(lane, limit, &LeaseFilter::default(), &mut leases)?);
                    } else {
                        let call = left.swap_remove(random.random_range(0..left.len()));
                        // Accepted as often as not.
                        let happening = happenings[random.random_range(0..11_usize).saturating_sub(5)];
                        outbox.settle(&call, &settlement(now, happening, 99))?;
                    }
                }
                if fails { Err(StoreError::Damaged { what: "a test wants it so" }) } else { Ok(()) }
            });
            assert_eq!(grouped.is_err(), fails, "{seed} {step}: {grouped:?}");
            if !fails {
                (on_their_way, world.leases) = (left, leases);
            }
            on_their_way.sort_by_key(|call| call.id);
            let expected: Vec<_> = on_their_way.iter().map(|call| (call.id.0, call.lease)).collect();
            assert_eq!(world.flights_with_leases(), expected, "{seed} {step}");
            if random.random_ratio(1, 15) {
                world.reopen();
                assert_eq!(world.recover().in_flight, on_their_way.len() as u64, "{seed} {step}");
                on_their_way.clear();
            }
        }
    }
}

/// Puts the schema of flights back to what versions 6 to 9 had, with what is on its way.
fn with_flights_of_version_9(connection: &Connection) {
    let sql = "CREATE TABLE kept AS SELECT * FROM flight; DROP VIEW flight; DROP TABLE flight_block;
         CREATE TABLE flight (call INTEGER PRIMARY KEY, lease INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
         INSERT INTO flight SELECT * FROM kept; DROP TABLE kept; DROP TABLE other_key; DROP TABLE named_key; DROP TABLE turned_away; DROP TABLE untaken; ALTER TABLE customer DROP COLUMN told_fields; ALTER TABLE run DROP COLUMN input;
         DROP INDEX call_withdrawal; DROP INDEX call_ready; ALTER TABLE call DROP COLUMN place;\n         CREATE INDEX call_ready ON call (provider, priority, id) WHERE state = 'queued'; PRAGMA user_version = 9";
    connection.execute_batch(sql).expect("written");
}

#[test]
fn what_an_earlier_version_had_on_its_way_is_seen_and_lands() {
    let mut world = World::new();
    for name in ["c1", "c2", "c3", "c4"] {
        world.queue(name, Operation::Update, false);
    }
    world.lease(3);
    with_flights_of_version_9(&world.store.connection);
    let sql = "UPDATE flight SET lease = call * 10, at = call * 100";
    world.store.connection.execute(sql, []).expect("written");
    let counts = world.read_only().counts().expect("readable")[&WSONE].clone();
    assert_eq!((counts.queued, counts.waiting), (1, 3));

    let backup = world.folder.path().join("backup.db");
    world.state().copy_to(&backup).expect("copied");
    let copy = world.state().open_copy(&backup).expect("a copy");
    let left: i64 =
        copy.connection.query_row("SELECT count(*) FROM flight", [], |row| row.get(0)).expect("readable");
    assert_eq!(left, 0, "it has landed in the copy");

    world.reopen();
    let mut expected = [10, 20, 30].map(|lease| ("in_flight".to_owned(), Some(lease))).to_vec();
    expected.push(("queued".to_owned(), None));
    assert_eq!((world.flights(), world.rows()), (0, expected));
    let left_at = |name: &str| world.store.story(&customer_id(name)).expect("readable").calls[0].changed_at;
    assert_eq!(["c1", "c2", "c3"].map(left_at), [100, 200, 300].map(Timestamp));
    assert_eq!(world.recover(), Recovered { in_flight: 3, held: 0, ..Recovered::default() });
}

#[test]
fn a_backup_with_calls_on_their_way_is_restored_and_a_copy_of_it_forgotten_in() {
    let mut world = World::new();
    world.queue("c1", Operation::Create, false);
    world.queue("c2", Operation::Create, false);
    world.lease(1);
    let backup = world.folder.path().join("backup.db");
    world.state().copy_to(&backup).expect("copied");

    let mut copy = world.state().open_copy(&backup).expect("a copy");
    let erased = copy.forget(&customer_id("c1"), world.now).expect("erased");
    assert_eq!((erased.calls, erased.forgotten), (1, 1));
    drop(copy);
    std::fs::remove_file(&backup).expect("there");
    world.state().copy_to(&backup).expect("copied");

    let restored = world.state().restore(&world._lock, &backup, "now", world.now).expect("restored");
    assert_eq!(restored.creates_in_doubt, 2, "what was on its way is in doubt, too");
    world.reopen();
    let states: Vec<_> = world.rows().into_iter().map(|(state, _)| state).collect();
    assert_eq!(states, ["probing", "probing"]);
}

#[test]
fn a_customer_on_its_way_is_forgotten() {
    let mut world = World::new();
    world.queue("c1", Operation::Create, false);
    world.lease(1);
    world.reopen();
    assert_eq!(world.store.forget(&customer_id("c1"), world.now).expect("erased").forgotten, 1);
    assert_eq!((world.flights(), world.rows().len()), (0, 0));
}

/// Of what else was on its way the next run tells, and a payload that nobody can read keeps nobody from being erased.
#[test]
fn a_customer_on_its_way_is_forgotten_alone_and_whatever_can_be_read() {
    for damaged in ["c1", "c2"] {
        let mut world = World::new();
        world.queue("c1", Operation::Update, false);
        world.queue("c2", Operation::Update, false);
        world.lease(2);
        world.reopen();
        let sql = "UPDATE call SET payload = x'00ff'
                   WHERE customer = (SELECT id FROM customer WHERE customer_id = ?1)";
        world.store.connection.execute(sql, [damaged]).expect("damaged");
        world.store.forget(&customer_id("c1"), world.now).expect("erased");
        let states: Vec<_> = world.rows().into_iter().map(|(state, _)| state).collect();
        assert_eq!(states, ["in_flight"], "{damaged}");
        let sql = "SELECT count(*) FROM setting WHERE name GLOB 'settling:*'";
        let waits: i64 = world.store.connection.query_row(sql, [], |row| row.get(0)).expect("readable");
        assert_eq!(waits, 1, "its account waits for what may still land");
    }
}

#[test]
fn nothing_on_its_way_is_nothing_to_land() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let before = world.store.connection.total_changes();
    flights::land_all(&mut world.store.connection).expect("landed");
    assert_eq!(world.store.connection.total_changes(), before);
}

/// The log is moved into the file between groups: what fails there must not be told as a group of which nothing is written.
#[test]
fn a_group_that_failed_is_not_written() {
    let mut world = World::new();
    for number in 0..LOG_GROUPS + 2 {
        world.queue(&format!("c{number}"), Operation::Update, false);
    }
    world.store.expect_dispatch().expect("prepared");
    let leased = world.lease(LOG_GROUPS as usize + 2);
    let refuses =
        "CREATE TEMP TRIGGER refuses BEFORE DELETE ON main.setting BEGIN SELECT RAISE(ABORT, 'full'); END";
    world.store.connection.execute_batch(refuses).expect("made");
    let settled = leased.iter().filter(|call| world.settle(call, Happening::Accepted).is_ok()).count();
    let acknowledged = world.rows().iter().filter(|(state, _)| state == "acknowledged").count();
    assert!(settled < leased.len(), "nothing failed");
    assert_eq!(settled, acknowledged);
}

#[test]
fn a_new_run_and_the_ends_of_a_lane_and_a_run_look_only_at_the_few() {
    let world = World::new();
    let mut filter = LeaseFilter::default();
    let mut queries = vec![leased_before(), without_tries(TRIED), without_tries(WAITING), next_due(&filter)];
    queries.extend([QUEUED_FLIGHTS.to_owned(), rejects_sql(), used_up_sql()]);
    queries.push(named_keys::BY_ANOTHER_SQL.to_owned());
    queries.push(format!("UPDATE call SET due = ?2 WHERE provider = ?1 AND {HELD} AND settling = 1"));
    queries.extend(settling::OPEN.map(settling::settling_calls));
    while filter.widen() {
        queries.push(next_due(&filter));
    }
    let few = ["call_tried", "call_due", "call_stuck", "PRIMARY KEY"];
    queries.iter().for_each(|query| world.looks_only_at(query, &few));
    // As many as there are for one provider.
    let few = ["call_ready", "call_due", "call_stuck"];
    [OPEN_CALLS_SQL, missed::WAITING_SQL].iter().for_each(|query| world.looks_only_at(query, &few));
}

#[test]
fn who_was_never_tried_is_not_waited_for_and_who_was_tried_is() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    world.queue("c2", Operation::Update, false);
    let due = |world: &mut World| {
        let (run, now) = (world.run, world.now);
        let due = world.store.group(run, now, |outbox| outbox.next_due(WSONE, &LeaseFilter::default()));
        due.expect("readable")
    };
    assert_eq!(due(&mut world), None);
    let leased = world.lease(2);
    assert_eq!(due(&mut world), None, "both are on their way");
    world.settle(&leased[0], Happening::NotApplied { spares_try: false }).expect("settled");
    let later = Some(world.now.after(Duration::from_secs(1)));
    assert_eq!(due(&mut world), later);
    world.settle(&leased[1], Happening::RefusedForNow).expect("settled");
    assert_eq!(due(&mut world), later, "a remedy leaves when all others are done");
}

#[test]
fn what_is_acknowledged_is_laid_over_what_was_known_of_the_same_account_only() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let mut leased = world.lease(1).remove(0);
    let number = leased.customer_number;
    let known = |world: &World| {
        let account = world.store.snapshot().account(number, WSONE).expect("readable").expect("put");
        let fields = account.fields.iter().map(|(field, kept)| match kept {
            Acknowledged::Clear(value) => (field.0, value.reveal().clone()),
            Acknowledged::Hashed(_) | Acknowledged::Unknown => (field.0, "?".to_owned()),
        });
        (account.key.0.to_string(), account.known, fields.collect::<Vec<_>>())
    };
    let mut before = Account::new(payload("").key);
    before.mark_unknown([FieldCode(0), FieldCode(1), FieldCode(9)]);
    let put = |world: &World, account: &Account| {
        let sql = "UPDATE account SET fields = ?1, key = ?2";
        let fields = codec::pack_fields(&account.fields);
        world.store.connection.execute(sql, (fields, account.key.0.as_str())).expect("written");
    };
    put(&world, &before);
    world.settle(&leased, Happening::Accepted).expect("settled");
    let values =
        [(0, "?"), (1, "new"), (2, "fixed"), (9, "?")].map(|(field, value)| (field, value.to_owned()));
    assert_eq!(known(&world), ("1:key".to_owned(), true, values.to_vec()));

    world.store.connection.execute("DELETE FROM call", []).expect("erased");
    world.queue("c2", Operation::Update, false);
    leased = Leased { customer_number: number, ..world.lease(1).remove(0) };
    put(&world, &Account::new(ProviderKey("1:other".into())));
    world.settle(&leased, Happening::Accepted).expect("settled");
    assert_eq!(known(&world), ("1:key".to_owned(), true, values[1..3].to_vec()));
}
