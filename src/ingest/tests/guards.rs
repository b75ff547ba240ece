//! Inputs that are stopped: by a guard, by their age, by themselves. Nothing of them is written.

use super::world::{SAFEDEBIT, World, planned};
use crate::domain::field::Field;
use crate::domain::provider::ProviderId::Safedebit;
use crate::domain::threshold::Threshold;
use crate::ingest::{Guard, IngestError, IngestErrorKind, Kind, Mode};

const PEOPLE: u32 = 20;

fn row(number: u32, name: &str, email: &str) -> String {
    format!("c{number},S{number},{name},{email}{number}@example.org\n")
}

fn file(rows: impl IntoIterator<Item = String>) -> String {
    let head = "customer_id,safedebit_reference,last_name,email\n".to_owned();
    rows.into_iter().fold(head, |text, row| text + &row)
}

/// Twenty people whom the provider knows.
fn everybody() -> String {
    file((0..PEOPLE).map(|number| row(number, "Martin", "a")))
}

/// A world that knows everybody, with guards that watch from ten customers on.
fn guarded() -> World {
    let mut world = World::new(SAFEDEBIT);
    world.seed(&everybody()).expect("seeded");
    world.guard.floor = 10;
    world
}

fn stopped_by(world: &mut World, text: &str) -> Option<Guard> {
    let before = world.store.counts().expect("readable");
    let customers = world.store.snapshot().customers().expect("readable");
    let planned = world.plan(text).tripped.map(|tripped| tripped.guard);
    let stopped = match world.try_sync(text) {
        Ok(_) => None,
        Err(error) => {
            assert_eq!(error.kind(), IngestErrorKind::Input, "{error}");
            let IngestError::Guard { tripped, outcome } = error else {
                unreachable!("no other error is expected")
            };
            assert_eq!(world.store.counts().expect("readable"), before, "nothing may be queued");
            let lines = text.lines().count() as u64 - 1;
            assert_eq!((outcome.input.rows, outcome.input.invalid), (lines, outcome.rejects.len() as u64));
            assert!(outcome.input.balances() && outcome.providers.is_empty(), "{outcome:?}");
            assert_eq!(world.store.snapshot().customers().expect("readable"), customers);
            Some(tripped.guard)
        }
    };
    assert_eq!(planned, stopped, "a plan tells what would stop a sync");
    stopped
}

#[test]
fn each_guard_stops_its_kind_of_accident() {
    let changed = |count, name: &'static str, email: &'static str| {
        file((0..PEOPLE).map(move |number| match number < count {
            true => row(number, name, email),
            false => row(number, "Martin", "a"),
        }))
    };
    let with_new = |count| file((0..PEOPLE + count).map(|number| row(number, "Martin", "a")));
    let broken = |count| everybody() + &(0..count).map(|_| ",S,nobody,\n".to_owned()).collect::<String>();
    let cases = [
        // 30% of 20 may change, 5% may be new, 20% may be missing, 5% of the rows may be invalid.
        (changed(6, "Petit", "a"), None),
        (changed(7, "Petit", "a"), Some(Guard::Changes)),
        (changed(4, "Martin", "b"), None),
        (changed(5, "Martin", "b"), Some(Guard::Sensitive(Field::Email))),
        (with_new(1), None),
        (with_new(2), Some(Guard::New)),
        (file((0..16).map(|number| row(number, "Martin", "a"))), None),
        (file((0..15).map(|number| row(number, "Martin", "a"))), Some(Guard::Missing)),
        (file([]), Some(Guard::Missing)),
        (broken(1), None),
        (broken(2), Some(Guard::Invalid)),
    ];
    for (position, (text, expected)) in cases.into_iter().enumerate() {
        let mut world = guarded();
        assert_eq!(stopped_by(&mut world, &text), expected, "case {position}");
    }
}

#[test]
fn emptied_cells_of_a_sensitive_column_count_as_changes() {
    let mut world = guarded();
    let emptied = everybody().replace("@example.org", "").lines().fold(String::new(), |text, line| {
        let cells: Vec<&str> = line.split(',').collect();
        let email = if cells[3] == "email" { "email" } else { "" };
        text + &format!("{},{},{},{email}\n", cells[0], cells[1], cells[2])
    });
    assert_eq!(stopped_by(&mut world, &emptied), Some(Guard::Sensitive(Field::Email)));
}

#[test]
fn the_operator_can_switch_the_guards_off() {
    let mut world = guarded();
    world.options.allow_mass_change = true;
    let text = file((0..PEOPLE).map(|number| row(number, "Petit", "b")));
    assert_eq!(planned(&world.sync(&text), Safedebit), (0, 20));
}

#[test]
fn a_first_input_beyond_the_floor_needs_a_word() {
    let mut world = World::new(SAFEDEBIT);
    world.guard.floor = 19;
    let error = world.try_sync(&everybody()).expect_err("twenty are more than nineteen");
    assert!(error.to_string().contains("crmsync seed"), "{error}");
    world.guard.floor = 20;
    world.sync(&everybody());
}

#[test]
fn limits_can_be_counts() {
    let mut world = guarded();
    world.guard.max_changes = Threshold::Count(1);
    let text = file((0..PEOPLE).map(|number| row(number, if number < 2 { "Petit" } else { "Martin" }, "a")));
    assert_eq!(stopped_by(&mut world, &text), Some(Guard::Changes));
}

#[test]
fn a_delta_misses_nobody() {
    let mut world = guarded();
    world.options.kind = Kind::Delta;
    let outcome = world.sync(&file([row(3, "Petit", "a")]));
    assert_eq!((outcome.input.missing, planned(&outcome, Safedebit)), (0, (0, 1)));
}

#[test]
fn a_header_alone_is_no_complete_file_however_few_are_known() {
    let mut world = guarded();
    world.guard.floor = 1_000;
    assert_eq!(stopped_by(&mut world, &file([])), Some(Guard::Missing));
    assert_eq!(stopped_by(&mut world, &file([row(1, "Martin", "a")])), None);
    world.options.kind = Kind::Delta;
    assert_eq!(stopped_by(&mut world, &file([])), None);
}

#[test]
fn what_is_on_its_way_already_is_no_new_change() {
    let mut world = guarded();
    let six = |name: &'static str| {
        file((0..PEOPLE).map(move |number| row(number, if number < 6 { name } else { "Martin" }, "a")))
    };
    world.sync(&six("Petit"));
    // One more changes his name; the six of before have their calls still in the outbox.
    world.guard.max_changes = Threshold::Count(1);
    let text = six("Petit").replace("c9,S9,Martin", "c9,S9,Petit");
    assert_eq!(stopped_by(&mut world, &text), None);
    // Nor is it one when a setting has everybody compared again.
    world.configure(&format!("{SAFEDEBIT}exclude = [\"iban\"]\n"));
    assert_eq!(stopped_by(&mut world, &text), None);
}

#[test]
fn an_older_file_than_the_last_one_is_refused() {
    let mut world = guarded();
    world.write("old.csv", &everybody());
    // A file without a day has 1970 in some places, and the evening before in others.
    world.touch("old.csv", -3_600);
    let error = world.take(Mode::Sync, &[world.open("old.csv")]).expect_err("older");
    assert!(matches!(error, IngestError::OlderInput { .. }), "{error}");
    world.touch("old.csv", 999_999);
    let files = [world.open("old.csv")];
    let error = world.take(Mode::Sync, &files).expect_err("older");
    assert!(matches!(error, IngestError::OlderInput { .. }), "{error}");
    assert_eq!(error.kind(), IngestErrorKind::Input);
    let plan = world.take(Mode::Plan, &files).expect("a plan only tells of it");
    assert_eq!(plan.older, Some(error.to_string()));
    world.options.allow_older = true;
    world.take(Mode::Sync, &files).expect("allowed");
}

/// A clock that was a little ahead where the file was written.
#[test]
fn a_file_from_the_future_counts_as_of_its_run() {
    let mut world = guarded();
    let now = world.clock.now().0 / 1_000;
    for (name, seconds) in [("ahead.csv", now + 2), ("next.csv", now + 1)] {
        world.write(name, &everybody());
        world.touch(name, seconds);
        let files = [world.open(name)];
        world.take(Mode::Sync, &files).expect("not older than the last run");
        world.clock.advance(std::time::Duration::from_secs(60));
    }
}

#[test]
fn a_file_without_its_key_column_is_refused() {
    let mut world = guarded();
    let error = world.try_sync("id,last_name\n1,Martin\n").expect_err("no customer_id");
    assert_eq!(error.kind(), IngestErrorKind::Input, "{error}");
    world.mapping.columns.insert("last_name".to_owned(), "NOM".to_owned());
    let error = world.try_sync(&everybody()).expect_err("no column NOM");
    assert_eq!(error.kind(), IngestErrorKind::Usage, "{error}");
}

#[test]
fn a_cut_file_is_refused_whole() {
    let mut world = guarded();
    let text = file((0..PEOPLE).map(|number| row(number, "Petit", "a"))) + "c99,\"S99";
    let stopped = world.try_sync(&text).expect_err("the last record has no end");
    assert_eq!(stopped.kind(), IngestErrorKind::Input, "{stopped}");
    assert!(world.ready(Safedebit).is_empty());
}

#[test]
fn rows_that_only_mapping_finds_invalid_trip_the_guard_too() {
    let mut world = World::new(SAFEDEBIT);
    world.mapping.order_by = Some("updated_at".to_owned());
    world.guard.floor = 10;
    let file = |date: &str| {
        let rows: String = (0..20).map(|n| format!("c{n},S{n},Name{n},{date}\n")).collect();
        format!("customer_id,safedebit_reference,last_name,updated_at\n{rows}")
    };
    world.options.allow_mass_change = true;
    world.sync(&file("2026-11-01"));
    world.options.allow_mass_change = false;
    let error = world.try_sync(&file("first of November")).expect_err("stopped");
    assert!(error.to_string().starts_with("guard.max_invalid: 20 rows are invalid"), "{error}");
    assert!(
        error.to_string().contains("crm.csv:2, ") && error.to_string().contains("crm.csv:3, "),
        "{error}"
    );
    let planned = world.plan(&file("first of November"));
    assert!(planned.tripped.is_some());
    assert!(planned.input.balances(), "{:?}", planned.input);
    assert_eq!((planned.input.invalid, planned.input.customers), (20, 0));
}
