//! Rows of one customer, rows that are older, rows that are nobody's.

use std::time::Duration;

use super::world::{SAFEDEBIT, World, planned};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::customer::CustomerId;
use crate::domain::provider::ProviderId::Safedebit;
use crate::ingest::{Kind, Mode};
use crate::reader::{InputFile, ReaderSettings};

const HEAD: &str = "customer_id,safedebit_reference,last_name,email,updated_at\n";

pub(super) fn ordered() -> World {
    let mut world = World::new(SAFEDEBIT);
    world.mapping.order_by = Some("updated_at".to_owned());
    world
}

fn file(rows: &str) -> String {
    format!("{HEAD}{rows}")
}

fn names(world: &mut World) -> Vec<String> {
    let calls = world.queue(Safedebit).into_iter();
    let values = calls.flat_map(|(_, _, values)| values);
    values.filter(|(name, _)| name == "consumer_last_name").map(|(_, value)| value).collect()
}

#[test]
fn of_two_rows_the_later_one_wins_unless_an_order_says_otherwise() {
    let text = file("c1,S1,Newer,,2026-11-02\nc1,S1,Older,,2026-11-01\n");
    let mut plain = World::new(SAFEDEBIT);
    let outcome = plain.sync(&text);
    assert_eq!((outcome.input.customers, outcome.input.duplicates), (1, 1));
    assert_eq!(names(&mut plain), ["Older"]);

    let mut by_date = ordered();
    by_date.sync(&text);
    assert_eq!(names(&mut by_date), ["Newer"]);
    assert_eq!(by_date.sync(&text).input.unchanged, 1);
}

#[test]
fn rows_of_one_customer_in_two_files_are_merged_field_by_field() {
    let mut world = World::new(SAFEDEBIT);
    let files = [
        world.write("a.csv", "customer_id,safedebit_reference,last_name\nc1,S1,Martin\n"),
        world.write("b.csv", "customer_id,email\nc1,a@example.org\n"),
    ];
    let outcome = world.take(Mode::Sync, &files).expect("accepted");
    assert!(outcome.input.balances());
    assert_eq!((outcome.input.rows, outcome.input.duplicates, outcome.input.files.len()), (2, 1, 2));
    let values = world.queue(Safedebit).remove(0).2;
    assert!(values.iter().any(|(_, value)| value == "a@example.org"), "{values:?}");
    assert!(values.iter().any(|(_, value)| value == "Martin"), "{values:?}");
}

/// What is read in the light of another field is read once all rows are laid together.
#[test]
fn values_are_read_in_the_light_of_what_other_rows_of_their_customer_say() {
    let head = "customer_id,safedebit_reference";
    type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);
    let cases: [Case; 7] = [
        ("country\nc1,S1,BE\n", "mobile_phone\nc1,S1,0470123456\n", &[("phone_number", "+32470123456")]),
        ("country\nc1,S1,BE\n", "postal_code\nc1,S1,1000\n", &[("zip_code", "1000")]),
        (
            "street_number\nc1,S1,13\n",
            "street_type,street_name\nc1,S1,rue,de la Paix\n",
            &[("street_number", "13"), ("street_name", "de la Paix")],
        ),
        (
            "street_number\nc1,S1,12\n",
            "street\nc1,S1,rue Foch\n",
            &[("street_number", "12"), ("street_name", "Foch")],
        ),
        (
            "street\nc1,S1,13 rue A\n",
            "street\nc1,S1,5 rue B\n",
            &[("street_number", "5"), ("street_name", "B")],
        ),
        ("siren\nc1,S1,73282932000074\n", "siren\nc1,S1,356000000\n", &[("siren", "356000000"), ("nic", "")]),
        ("email\nc1,S1,none\n", "email\nc1,S1,a@example.org\n", &[("email", "a@example.org")]),
    ];
    for (one, other, expected) in cases {
        // Two files may come in any order, unless both say something of one field.
        let orders: &[[&str; 2]] = if one.lines().next() == other.lines().next() {
            &[[one, other]]
        } else {
            &[[one, other], [other, one]]
        };
        for [first, second] in orders {
            let mut world = World::new(SAFEDEBIT);
            let files = [
                world.write("a.csv", &format!("{head},{first}")),
                world.write("b.csv", &format!("{head},{second}")),
            ];
            let outcome = world.take(Mode::Sync, &files).expect("accepted");
            assert!(outcome.rejects.is_empty(), "{first} {second}: {:?}", outcome.rejects);
            let values = world.queue(Safedebit).remove(0).2;
            for (name, value) in expected {
                let found = values.iter().find(|(known, _)| known.ends_with(name)).map(|(_, value)| &**value);
                assert_eq!(found.unwrap_or_default(), *value, "{name} of {first} {second}");
            }
        }
    }
}

#[test]
fn a_defect_is_told_of_the_row_whose_cell_counts() {
    let mut world = World::new(SAFEDEBIT);
    let outcome = world
        .sync("customer_id,safedebit_reference,last_name,email\nc1,S1,Martin,none\nc1,S1,Petit,nobody\n");
    let places: Vec<_> = outcome.rejects.iter().map(|reject| reject.place.line).collect();
    assert!(!places.is_empty() && places.iter().all(|line| *line == 3), "{places:?}");
}

#[test]
fn an_older_row_of_a_later_file_changes_nothing() {
    let mut world = ordered();
    world.sync(&file("c1,S1,Newer,,2026-11-02\n"));
    world.deliver(Safedebit);
    let stale = world.sync(&file("c1,S1,Older,,2026-11-01\n"));
    assert_eq!((stale.input.stale, planned(&stale, Safedebit)), (1, (0, 0)));
    // Of an older and a newer row only the newer one counts.
    world.sync(&file("c1,S1,Older,old@example.org,2026-11-01\nc1,S1,Newest,,2026-11-03\n"));
    assert_eq!(names(&mut world), ["Newest"]);
    let fields: usize = world.queue(Safedebit).iter().map(|(.., values)| values.len()).sum();
    assert_eq!(fields, 1, "the address of the older row must not be taken");
}

#[test]
fn rows_that_were_stale_stay_out_of_a_full_resync() {
    let mut world = ordered();
    world.sync(&file("c1,S1,Newer,new@example.org,2026-11-02\n"));
    world.deliver(Safedebit);
    let text = file("c1,S1,Older,old@example.org,2026-11-01\nc1,S1,Newest,,2026-11-03\n");
    assert_eq!(world.sync(&text).input.changed, 1);
    world.deliver(Safedebit);
    world.options.full_resync = true;
    let again = world.sync(&text);
    assert_eq!((again.input.unchanged, planned(&again, Safedebit)), (1, (0, 1)));
    let values = world.queue(Safedebit).remove(0).2;
    assert!(values.iter().any(|(_, value)| value == "Newest"), "{values:?}");
    assert!(values.iter().all(|(_, value)| value != "old@example.org"), "{values:?}");
}

#[test]
fn rows_that_counted_when_they_came_count_in_a_full_resync() {
    let mut world = ordered();
    let text = file("c1,S1,,old@example.org,2026-11-01\nc1,S1,Newest,,2026-11-03\n");
    world.sync(&text);
    world.deliver(Safedebit);
    assert_eq!(world.sync(&text).input.unchanged, 1);
    world.options.full_resync = true;
    assert_eq!(planned(&world.sync(&text), Safedebit), (0, 1));
    assert_eq!(names(&mut world), ["Newest"]);
}

#[test]
fn a_row_from_the_future_is_told_and_keeps_nobody_stale() {
    let mut world = ordered();
    let first = world.sync(&file("c1,S1,Strange,,2999-01-01\nc2,S2,Petit,,2026-11-01\n"));
    assert_eq!(first.warnings.len(), 1, "{:?}", first.warnings);
    assert!(first.warnings[0].starts_with("1 rows are dated") && first.warnings[0].contains("crm.csv:2"));
    world.deliver(Safedebit);
    world.clock = Clock::set_to(world.clock.now().after(Duration::from_secs(2 * 86_400)));
    let day = "2026-11-19";
    let mended = world.sync(&file(&format!("c1,S1,Mended,,{day}\nc2,S2,Petit,,2026-11-01\n")));
    assert_eq!((mended.input.stale, mended.input.changed, mended.warnings.len()), (0, 1, 0));
    assert_eq!(names(&mut world), ["Mended"]);

    // Among each other they have their order, and before what was accepted by a clock that was right.
    let mut world = ordered();
    let behind = || Clock::set_to(Timestamp(1_793_491_200_000));
    world.clock = behind();
    world.sync(&file("c1,S1,Newest,,2999-01-02\nc1,S1,Older,,2999-01-01\n"));
    assert_eq!(names(&mut world), ["Newest"]);
    let mut world = ordered();
    world.sync(&file("c1,S1,First,,2026-11-10\n"));
    world.deliver(Safedebit);
    world.clock = behind();
    let second = world.sync(&file("c1,S1,Second,,2026-11-11\n"));
    assert_eq!((second.input.stale, second.input.changed), (0, 1));
    let older = world.sync(&file("c1,S1,Third,,2026-11-09\n"));
    assert_eq!((older.input.stale, older.input.changed), (1, 0));

    // Numbers have no clock: these may be anything.
    let mut numbered = ordered();
    assert!(numbered.sync(&file("c1,S1,Martin,,20261124120000\n")).warnings.is_empty());
}

#[test]
fn a_row_that_cannot_be_ordered_is_invalid_and_overwrites_nothing() {
    let mut world = ordered();
    world.sync(&file("c1,S1,Newer,,2026-11-02\n"));
    world.deliver(Safedebit);
    let outcome = world.sync(&file("c1,S1,Older,,last week\nc2,S2,Petit,,2026-11-02\nc3,S3,Durand,,\n"));
    assert_eq!((outcome.input.invalid, outcome.input.new, outcome.became_invalid), (1, 2, 1));
    let reject = &outcome.rejects[0];
    assert_eq!((reject.place.line, reject.column.as_deref()), (2, Some("updated_at")));
    assert_eq!(reject.customer_id.as_ref().map(CustomerId::as_str), Some("c1"));
    assert!(reject.reason.contains("cannot be ordered"), "{}", reject.reason);
    assert_eq!(reject.cells.reveal()[2], "Older");
    assert_eq!(planned(&outcome, Safedebit), (0, 2));
}

#[test]
fn an_order_column_that_the_file_lacks_is_a_warning() {
    let mut world = ordered();
    let outcome = world.sync("customer_id,safedebit_reference,last_name\nc1,S1,Martin\n");
    assert!(outcome.warnings[0].starts_with(&world.folder.path().display().to_string()));
    assert!(outcome.warnings[0].contains("updated_at"), "{:?}", outcome.warnings);
}

#[test]
fn a_row_that_is_nobodys_is_reported_with_its_cells_and_the_others_go_on() {
    let mut world = World::new(SAFEDEBIT);
    let outcome = world.sync(&file("c1,S1,Martin,,\n,S2,Durand,,\nc3,S3,Petit,,\n"));
    assert_eq!((outcome.input.rows, outcome.input.invalid, outcome.became_invalid), (3, 1, 1));
    assert_eq!(planned(&outcome, Safedebit), (0, 2));
    let reject = &outcome.rejects[0];
    assert_eq!((reject.place.line, reject.column.as_deref()), (3, Some("customer_id")));
    assert_eq!(reject.customer_id, None);
    assert_eq!(reject.cells.reveal()[2], "Durand");
    assert!(!format!("{reject:?}").contains("Durand"));
}

#[test]
fn a_record_that_cannot_be_read_is_its_customers_where_one_column_alone_is_at_fault() {
    let mut world = World::new(SAFEDEBIT);
    let path = world.folder.path().join("crm.csv");
    // Of the last two nobody knows which cell is which, or the key itself is no text.
    let rows = b"\xef\xbb\xbfcustomer_id,safedebit_reference,last_name\n\
                 c1,S1,Mart\xffn\nc2,S2,Petit,too,many\nc\xff3,S3,Durand\n";
    std::fs::write(&path, rows).expect("written");
    let file = InputFile::open(&path, &ReaderSettings::default()).expect("readable");
    let outcome = world.take(Mode::Sync, &[file]).expect("accepted");
    let ids = outcome.rejects.iter().map(|reject| reject.customer_id.as_ref().map(CustomerId::as_str));
    assert_eq!(ids.collect::<Vec<_>>(), [Some("c1"), None, None]);
}

#[test]
fn an_invalid_field_is_left_out_and_counted_once() {
    let mut world = World::new(SAFEDEBIT);
    let text = file("c1,S1,Martin,not an address,\n");
    let first = world.sync(&text);
    assert_eq!((first.became_invalid, planned(&first, Safedebit)), (1, (0, 1)));
    let reject = &first.rejects[0];
    assert_eq!((reject.place.line, reject.column.as_deref()), (2, Some("email")));
    assert_eq!(reject.provider, Some(Safedebit));
    world.deliver(Safedebit);

    // The record changes, the field is as bad as before: no news for an exit code, but still in the rejects.
    let again = world.sync(&text.replace("Martin", "Dupont"));
    assert_eq!((again.became_invalid, again.rejects.len()), (0, 1));
    assert_eq!(world.store.counts().expect("readable")[&Safedebit].skipped_fields, 1);

    world.sync(&text.replace("not an address", "a@example.org"));
    assert_eq!(world.store.counts().expect("readable")[&Safedebit].skipped_fields, 0);
}

#[test]
fn a_rejected_customer_is_reported_and_not_sent() {
    let mut world = World::new(&format!("{SAFEDEBIT}on_invalid = \"reject_customer\"\n"));
    let outcome = world.sync(&file("c1,S1,Martin,not an address,\n"));
    assert_eq!((planned(&outcome, Safedebit), outcome.became_invalid), ((0, 0), 1));
    assert_eq!(outcome.rejects.len(), 2);
}

#[test]
fn a_key_that_can_be_none_is_reported() {
    let mut world = World::new(SAFEDEBIT);
    let text = file(&format!("c1,{},Martin,,\n", "S".repeat(36)));
    let outcome = world.sync(&text);
    assert_eq!((planned(&outcome, Safedebit), outcome.became_invalid), ((0, 0), 1));
    assert_eq!(outcome.rejects[0].column.as_deref(), Some("safedebit_reference"));
    assert_eq!(world.store.counts().expect("readable")[&Safedebit].skipped_fields, 1);

    // The record changes, the key is as bad as before: no news for an exit code, but still in the rejects.
    let again = world.sync(&text.replace("Martin", "Dupont"));
    assert_eq!((again.became_invalid, again.rejects.len()), (0, 1));
    world.sync(&file("c1,S1,Martin,,\n"));
    assert_eq!(world.store.counts().expect("readable")[&Safedebit].skipped_fields, 0);
}

#[test]
fn values_appear_in_no_error_and_no_debug() {
    let mut world = World::new(SAFEDEBIT);
    let outcome = world.sync(&file("c1-secret,S1,Martin,not an address,\n,S2,Durand,,\n"));
    let shown = format!("{outcome:?}");
    for value in ["c1-secret", "S1", "Martin", "not an address", "Durand"] {
        assert!(!shown.contains(value), "{value} in {shown}");
    }
}

/// What was accepted is not older than itself: a row that has not changed still says by what others are read.
#[test]
fn rows_that_are_older_than_what_was_accepted_tell_what_newer_ones_are_read_by_and_nothing_else() {
    let mut world = ordered();
    let head = "customer_id,safedebit_reference,updated_at";
    let run = |world: &mut World, country: &str, phone: &str, date: &str| {
        let files = [
            world.write("a.csv", &format!("{head},country,city\nc1,S1,2026-01-01,{country},Liege\n")),
            world.write("b.csv", &format!("{head},mobile_phone\nc1,S1,{date},{phone}\n")),
        ];
        world.take(Mode::Sync, &files).expect("accepted")
    };
    run(&mut world, "BE", "0470123456", "2026-01-20");
    world.deliver(Safedebit);
    let outcome = run(&mut world, "BE", "0470999999", "2026-01-21");
    assert!(outcome.rejects.is_empty(), "{:?}", outcome.rejects);
    let values = world.queue(Safedebit).remove(0).2;
    assert_eq!(values, [("consumer_phone_number".to_owned(), "+32470999999".to_owned())]);
    // One whose date nobody can read counts as little.
    let files = [
        world.write("a.csv", &format!("{head},country\nc1,S1,some day,BE\n")),
        world.write("b.csv", &format!("{head},mobile_phone\nc1,S1,2026-01-22,0470888888\n")),
    ];
    let outcome = world.take(Mode::Sync, &files).expect("accepted");
    assert_eq!(outcome.input.invalid, 1);
    let values = world.queue(Safedebit).remove(0).2;
    assert_eq!(values, [("consumer_phone_number".to_owned(), "+32470888888".to_owned())]);
}

#[test]
fn a_reject_shows_the_row_whose_cell_it_blames() {
    let mut world = World::new(SAFEDEBIT);
    let head = "customer_id,safedebit_reference";
    let long = "x".repeat(40);
    let files = [
        world.write("a.csv", &format!("{head},email,company_name\nc1,S1,none,{long}\n")),
        world.write("b.csv", &format!("{head},city\nc1,S1,Lille\n")),
    ];
    let outcome = world.take(Mode::Sync, &files).expect("accepted");
    assert_eq!(outcome.rejects.len(), 2);
    for reject in outcome.rejects {
        let column = reject.column.expect("named");
        assert!(reject.place.file.ends_with("a.csv"), "{:?}", reject.place);
        assert!(reject.names.iter().any(|name| **name == *column), "{column} of {:?}", reject.names);
    }
}

/// In a file of rejects a blank cell says nothing, also of a street.
#[test]
fn a_corrected_number_does_not_take_the_place_of_a_street_beside_a_blank_line() {
    let mut world = World::new(SAFEDEBIT);
    world.sync("customer_id,safedebit_reference,street,street_number\nc1,S1,rue Foch,12\n");
    world.deliver(Safedebit);
    world.options.kind = Kind::Delta;
    let head = "_row,_customer_id,_reason,customer_id,safedebit_reference,street,street_number";
    let outcome = world.sync(&format!("{head}\n2,c1,x,c1,S1,,16\n"));
    assert_eq!(planned(&outcome, Safedebit), (0, 0));
    assert!(outcome.rejects.iter().any(|reject| reject.reason.contains("several columns")));
    // Nor does a line without its number.
    let outcome = world.sync("customer_id,safedebit_reference,street\nc1,S1,rue Pasteur\n");
    assert_eq!(planned(&outcome, Safedebit), (0, 0));
    assert_eq!(
        planned(&world.sync("customer_id,safedebit_reference,street\nc1,S1,5 rue Pasteur\n"), Safedebit),
        (0, 1)
    );
}

/// As all other names of a record.
#[test]
fn what_orders_the_records_of_jsonl_may_be_written_in_another_way() {
    let mut world = ordered();
    let record = |name: &str, date: &str| {
        format!(
            "{{\"customer_id\":\"c1\",\"safedebit_reference\":\"S1\",\"last_name\":\"{name}\",\"Updated_At\":\"{date}\"}}\n"
        )
    };
    let text = record("Newer", "2026-11-02") + &record("Older", "2026-11-01");
    let file = world.write("crm.jsonl", &text);
    world.take(Mode::Sync, &[file]).expect("accepted");
    assert_eq!(names(&mut world), ["Newer"]);
    let file = world.write("crm.jsonl", &record("Oldest", "2026-10-01"));
    assert_eq!(world.take(Mode::Sync, &[file]).expect("accepted").input.stale, 1);
    // But for what is ignored.
    let file =
        world.write("crm.jsonl", &record("Undated", "2026-10-01").replace("Updated_At", "_updated_at"));
    assert_eq!(world.take(Mode::Sync, &[file]).expect("accepted").input.stale, 0);
    assert_eq!(names(&mut world), ["Undated"]);
}
