//! What is queued for a change, and what is not.

use super::world::{LEMONWAY, SAFEDEBIT, WSONE, World, planned};
use crate::domain::call::Operation;
use crate::domain::field::Field;
use crate::domain::lifecycle::Happening;
use crate::domain::provider::ProviderId::{Lemonway, Safedebit, Wsone};
use crate::ingest::{Kind, Mode};

const ONE: &str = "customer_id,safedebit_reference,last_name,email\nc1,S1,Martin,a@example.org\n";
const ONE_MOVED: &str = "customer_id,safedebit_reference,last_name,email\nc1,S1,Martin,b@example.org\n";

fn email(value: &str) -> Vec<(String, String)> {
    vec![("consumer_email".to_owned(), value.to_owned())]
}

#[test]
fn an_unchanged_file_makes_no_call_and_a_change_carries_the_changed_field() {
    let mut world = World::new(SAFEDEBIT);
    assert_eq!(planned(&world.sync(ONE), Safedebit), (0, 1));
    assert_eq!(world.deliver(Safedebit), 1);

    let same = world.sync(ONE);
    assert_eq!(planned(&same, Safedebit), (0, 0));
    assert_eq!((same.input.unchanged, same.input.changed), (1, 0));

    let moved = world.sync(ONE_MOVED);
    assert_eq!((moved.input.changed, planned(&moved, Safedebit)), (1, (0, 1)));
    assert_eq!(moved.changed_fields.get(&Field::Email), Some(&1));
    let fields: Vec<_> = moved.fields.into_iter().collect();
    assert_eq!(fields, [((Safedebit, Operation::Update, "consumer_email".to_owned()), 1)]);
    assert_eq!(world.queue(Safedebit), [("c1".to_owned(), Operation::Update, email("b@example.org"))]);
}

#[test]
fn a_revert_closes_the_queued_call() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(ONE);
    world.deliver(Safedebit);
    world.sync(ONE_MOVED);

    let reverted = world.sync(ONE);
    assert_eq!(reverted.providers[&Safedebit].superseded, 1);
    assert_eq!(planned(&reverted, Safedebit), (0, 0));
    assert!(world.ready(Safedebit).is_empty());
}

#[test]
fn a_newer_value_takes_the_place_of_the_queued_one() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(ONE);
    world.deliver(Safedebit);
    world.sync(ONE_MOVED);
    let newer = world.sync(&ONE_MOVED.replace("b@", "c@"));
    assert_eq!((newer.providers[&Safedebit].superseded, planned(&newer, Safedebit)), (1, (0, 1)));
    assert_eq!(world.queue(Safedebit), [("c1".to_owned(), Operation::Update, email("c@example.org"))]);
}

#[test]
fn a_refused_call_stays_parked_until_its_customer_changes() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(ONE);
    world.deliver(Safedebit);
    world.sync(ONE_MOVED);
    world.answer(Safedebit, Happening::Refused);

    assert_eq!(planned(&world.sync(ONE_MOVED), Safedebit), (0, 0));
    assert_eq!(world.parked(), 1);

    let corrected = world.sync(&ONE_MOVED.replace("b@", "c@"));
    // A parked call is no open one: replacing it is not counted as superseded.
    assert_eq!((planned(&corrected, Safedebit), corrected.providers[&Safedebit].superseded), ((0, 1), 0));
    assert_eq!(world.parked(), 0);
    assert_eq!(world.queue(Safedebit), [("c1".to_owned(), Operation::Update, email("c@example.org"))]);
}

#[test]
fn somebody_new_is_created_and_then_updated() {
    let mut world = World::new(WSONE);
    let text = "customer_id,person_identifier,first_name\nc1,W1,Jeanne\n";
    assert_eq!(planned(&world.sync(text), Wsone), (1, 0));
    // Still queued: the newer value goes along with the create.
    let renamed = world.sync(&text.replace("Jeanne", "Anne"));
    assert_eq!((planned(&renamed, Wsone), renamed.providers[&Wsone].superseded), ((1, 0), 1));
    world.deliver(Wsone);
    assert_eq!(planned(&world.sync(&text.replace("Jeanne", "Marie")), Wsone), (0, 1));
}

#[test]
fn a_create_with_an_unknown_outcome_gets_the_newest_values_and_keeps_its_place() {
    let mut world = World::new(WSONE);
    let text = "customer_id,person_identifier,first_name\nc1,W1,Jeanne\n";
    world.sync(text);
    world.answer(Wsone, Happening::OutcomeUnknown);
    let renamed = world.sync(&text.replace("Jeanne", "Anne"));
    assert_eq!((planned(&renamed, Wsone), renamed.providers[&Wsone].superseded), ((0, 0), 0));
    world.clock.advance(std::time::Duration::from_secs(61));
    let probe = world.queue(Wsone);
    assert!(probe[0].2.iter().any(|(_, value)| value == "Anne"), "{probe:?}");
}

#[test]
fn a_customer_without_a_key_takes_no_part() {
    let mut world = World::new(&format!("{SAFEDEBIT}{LEMONWAY}"));
    let text = "customer_id,safedebit_reference,wallet_id,last_name\nc1,S1,,Martin\nc2,,L2,Durand\n";
    let outcome = world.sync(text);
    assert_eq!((planned(&outcome, Safedebit), planned(&outcome, Lemonway)), ((0, 1), (0, 1)));
}

#[test]
fn a_changed_setting_compares_everything_once_and_sends_only_differences() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(ONE);
    world.deliver(Safedebit);
    world.configure(&format!("{SAFEDEBIT}exclude = [\"email\"]\n"));
    let outcome = world.sync(ONE);
    assert_eq!((outcome.input.changed, planned(&outcome, Safedebit)), (1, (0, 0)));
    assert_eq!(world.sync(ONE).input.unchanged, 1);
}

#[test]
fn a_field_that_is_excluded_lacks_nothing_any_more() {
    let mut world = World::new(SAFEDEBIT);
    let text = ONE.replace("a@example.org", "none");
    let skipped = |world: &World| {
        let counts = world.store.counts().expect("readable");
        counts.get(&Safedebit).map_or(0, |counts| counts.skipped_fields)
    };
    world.sync(&text);
    world.deliver(Safedebit);
    assert_eq!(skipped(&world), 1);
    world.configure(&format!("{SAFEDEBIT}exclude = [\"email\"]\n"));
    world.sync(&text);
    assert_eq!(skipped(&world), 0);
}

#[test]
fn a_full_resync_sends_what_the_provider_is_known_to_hold() {
    let mut world = World::new(SAFEDEBIT);
    world.guard.floor = 0;
    world.options.allow_mass_change = true;
    world.sync(ONE);
    world.deliver(Safedebit);
    world.options.allow_mass_change = false;
    world.options.full_resync = true;
    let outcome = world.sync(ONE);
    assert_eq!((outcome.input.unchanged, planned(&outcome, Safedebit)), (1, (0, 1)));
    assert!(outcome.changed_fields.is_empty(), "nothing changed: no guard may count it");
}

#[test]
fn a_plan_tells_what_a_sync_does_and_leaves_the_state_as_it_was() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(ONE);
    world.deliver(Safedebit);
    let run = world.run();
    world.store.finish_run(run, "complete", 0, world.clock.now()).expect("finished");
    let file = world.write("crm.csv", ONE_MOVED);
    let before = world.state_bytes();
    let plan = world.plan_reading_only(&[file]);
    assert_eq!(world.state_bytes(), before);
    let sync = world.sync(ONE_MOVED);
    assert_eq!((plan.providers, plan.fields), (sync.providers, sync.fields));
    assert_eq!((plan.input.changed, plan.changed_fields), (1, sync.changed_fields));
}

#[test]
fn a_cleared_value_is_counted_and_not_sent() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(ONE);
    world.deliver(Safedebit);
    let cleared = world.sync("customer_id,safedebit_reference,last_name,email\nc1,S1,Martin,\n");
    assert_eq!((cleared.providers[&Safedebit].cleared_fields, planned(&cleared, Safedebit)), (1, (0, 0)));
    assert_eq!(cleared.changed_fields.get(&Field::Email), Some(&1));
}

#[test]
fn a_delta_row_says_nothing_about_columns_it_does_not_have() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(ONE);
    world.deliver(Safedebit);
    world.options.kind = Kind::Delta;
    let file = world.write("delta.jsonl", "{\"customer_id\":\"c1\",\"email\":\"b@example.org\"}\n");
    let outcome = world.take(Mode::Sync, &[file]).expect("accepted");
    assert_eq!((outcome.input.changed, outcome.input.missing), (1, 0));
    assert_eq!(world.queue(Safedebit), [("c1".to_owned(), Operation::Update, email("b@example.org"))]);
}

#[test]
fn a_setting_that_changes_no_value_leaves_everybody_unchanged() {
    let mut world = World::new(&format!("{SAFEDEBIT}{LEMONWAY}"));
    let file = "customer_id,safedebit_reference,wallet_id,last_name,email\n\
                c1,S1,W1,Martin,a@example.org\nc2,S2,W2,Petit,b@example.org\n";
    world.sync(file);
    world.deliver(Safedebit);
    world.deliver(Lemonway);
    let unchanged = |outcome: crate::ingest::Outcome| {
        assert_eq!((outcome.input.unchanged, outcome.input.changed), (2, 0));
        assert_eq!((planned(&outcome, Safedebit), planned(&outcome, Lemonway)), ((0, 0), (0, 0)));
    };
    world.mapping.null_values.push("n/a".to_owned());
    unchanged(world.sync(file));
    // The same values in other clothes: quotes, columns in another order, one that nobody gets.
    unchanged(world.sync(&file.replace("Martin", "\"Martin\"")));
    unchanged(world.sync(
        "email,customer_id,wallet_id,safedebit_reference,last_name,shoe_size\n\
         a@example.org,c1,W1,S1,Martin,41\nb@example.org,c2,W2,S2,Petit,39\n",
    ));
    // As JSONL, and with another word where nothing stands.
    let records = [1, 2].map(|n| {
        let (name, email) = [("Martin", "a"), ("Petit", "b")][n - 1];
        format!(
            "{{\"wallet_id\":\"W{n}\",\"email\":\"{email}@example.org\",\"customer_id\":\"c{n}\",\
             \"last_name\":\" {name}\",\"safedebit_reference\":\"S{n}\"}}\n"
        )
    });
    unchanged(world.sync(&records.concat()));
    // And a real change among them is still one.
    let moved = world.sync(&file.replace("b@", "c@"));
    assert_eq!((moved.input.unchanged, moved.input.changed), (1, 1));
    assert_eq!((planned(&moved, Safedebit), planned(&moved, Lemonway)), ((0, 1), (0, 1)));
}

#[test]
fn a_setting_that_reads_values_anew_compares_everybody() {
    let mut world = World::new(SAFEDEBIT);
    let file = "customer_id,safedebit_reference,birth_date\nc1,S1,03/04/1980\n";
    world.sync(file);
    world.deliver(Safedebit);
    world.mapping.date_formats = vec!["%m/%d/%Y".to_owned()];
    let read_anew = world.sync(file);
    assert_eq!((read_anew.input.unchanged, read_anew.input.changed), (0, 1));
    world.mapping.default_country = "BE".to_owned();
    assert_eq!(world.sync(file).input.changed, 1);
}

#[test]
fn rows_in_another_order_are_unchanged_and_a_line_in_quotes_is_one_row() {
    let mut world = World::new(SAFEDEBIT);
    let row = |n: u32| format!("c{n},S{n},\"Name{n}\",\"line one {n}\nline two\"\n");
    let head = "customer_id,safedebit_reference,last_name,address_building\n";
    // Far more than one block, with line ends inside quotes, so that blocks end in the middle of records.
    let rows: Vec<String> = (0..12_000).map(row).collect();
    world.options.allow_mass_change = true;
    let first = world.sync(&format!("{head}{}", rows.concat()));
    assert_eq!((first.input.rows, first.input.new, first.input.invalid), (12_000, 12_000, 0));
    let turned: String = rows.iter().rev().map(String::as_str).collect();
    let again = world.sync(&format!("{head}{turned}"));
    assert_eq!((again.input.unchanged, again.input.duplicates, again.input.missing), (12_000, 0, 0));
}

/// A column that the CRM has no more leaves nothing out.
#[test]
fn what_was_left_out_of_a_column_that_is_gone_ends_with_a_full_resync() {
    let mut world = World::new(SAFEDEBIT);
    let left_out = |world: &World| {
        let counts = world.store.counts().expect("readable");
        counts.get(&Safedebit).map_or(0, |counts| counts.skipped_fields)
    };
    world.sync("customer_id,safedebit_reference,last_name,email\nc1,S1,Martin,none\n");
    let narrow = "customer_id,safedebit_reference,last_name\nc1,S1,Martin\n";
    world.sync(narrow);
    assert_eq!(left_out(&world), 1, "the column may come back");
    world.options.full_resync = true;
    world.sync(narrow);
    assert_eq!(left_out(&world), 0);
}

#[test]
fn what_a_company_had_is_nothing_of_a_person_s() {
    let head = "customer_id,safedebit_reference,customer_type,siren\n";
    for siren in ["732829320", "12"] {
        let mut world = World::new(SAFEDEBIT);
        world.sync(&format!("{head}c1,S1,company,{siren}\n"));
        world.sync(&format!("{head}c1,S1,person,{siren}\n"));
        let values = world.queue(Safedebit).remove(0).2;
        assert_eq!(values, [("consumer_type".to_owned(), "0".to_owned())], "{siren}");
        let counts = world.store.counts().expect("readable");
        assert_eq!(counts[&Safedebit].skipped_fields, 0, "{siren}");
    }
}
