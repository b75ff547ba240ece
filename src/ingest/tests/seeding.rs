//! Seeding: what the providers are said to hold, and nothing sent.

use super::world::{SAFEDEBIT, WSONE, World, planned};
use crate::domain::call::HoldReason;
use crate::domain::lifecycle::Happening;
use crate::domain::provider::ProviderId::{Safedebit, Wsone};
use crate::ingest::{IngestError, IngestErrorKind, Kind};

const TEXT: &str = "customer_id,safedebit_reference,last_name\nc1,S1,Martin\nc2,S2,Durand\n";

#[test]
fn a_seeded_file_is_unchanged_and_only_differences_are_sent() {
    let mut world = World::new(SAFEDEBIT);
    let seeded = world.seed(TEXT).expect("seeded");
    assert_eq!((seeded.input.new, planned(&seeded, Safedebit)), (2, (0, 0)));
    assert!(seeded.input.balances());
    let same = world.sync(TEXT);
    assert_eq!((same.input.unchanged, planned(&same, Safedebit)), (2, (0, 0)));
    assert_eq!(planned(&world.sync(&TEXT.replace("Durand", "Petit")), Safedebit), (0, 1));
}

#[test]
fn a_seeded_person_is_updated_and_not_created() {
    let mut world = World::new(WSONE);
    let text = "customer_id,person_identifier,first_name\nc1,W1,Jeanne\n";
    world.seed(text).expect("seeded");
    assert_eq!(planned(&world.sync(&text.replace("Jeanne", "Anne")), Wsone), (0, 1));
}

#[test]
fn a_seed_waits_for_open_calls() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(TEXT);
    let error = world.seed(TEXT).expect_err("two calls are open");
    assert!(matches!(error, IngestError::SeedWhileOpen { open: 2 }));
    assert_eq!(error.kind(), IngestErrorKind::Usage);
}

/// Nobody can deliver them, and nothing is seeded there; when the provider is switched on again, they go.
#[test]
fn a_seed_does_not_wait_for_calls_to_a_provider_that_is_switched_off() {
    let mut world = World::new(&format!("{SAFEDEBIT}{WSONE}"));
    let text = "customer_id,safedebit_reference,person_identifier,first_name\nc1,S1,W1,Jeanne\n";
    world.sync(text);
    world.deliver(Safedebit);
    world.configure(SAFEDEBIT);
    world.seed(&text.replace("Jeanne", "Anne")).expect("nothing of Safedebit is open");
    world.configure(&format!("{SAFEDEBIT}{WSONE}"));
    assert_eq!(planned(&world.sync(&text.replace("Jeanne", "Anne")), Safedebit), (0, 0));
    let queued = world.queue(Wsone);
    assert!(queued[0].2.iter().any(|(_, value)| value == "Anne"), "{queued:?}");
}

#[test]
fn a_seed_puts_an_end_to_parked_calls() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(TEXT);
    world.answer(Safedebit, Happening::Refused);
    assert_eq!(world.parked(), 2);
    world.seed(TEXT).expect("seeded");
    assert_eq!(world.parked(), 0);
    assert_eq!(planned(&world.sync(TEXT), Safedebit), (0, 0));
}

#[test]
fn an_account_with_two_owners_is_seeded_for_neither_and_held_by_the_next_sync() {
    let mut world = World::new(SAFEDEBIT);
    let text = TEXT.replace("S2", "S1");
    let seeded = world.seed(&text).expect("seeded");
    assert_eq!((seeded.became_invalid, seeded.rejects.len()), (2, 2));
    world.sync(&text);
    let held: Vec<_> = world.held().into_iter().map(|call| call.hold).collect();
    assert_eq!(held, [Some(HoldReason::DuplicateKey); 2]);
}

#[test]
fn no_guard_but_that_of_invalid_rows_stops_a_seed() {
    let mut world = World::new(SAFEDEBIT);
    world.guard.floor = 1;
    world.seed(TEXT).expect("more new ones than the floor, and still seeded");
    let broken = "customer_id,safedebit_reference,last_name\n,S1,Martin\nc2,S2,Durand\n";
    let stopped = world.seed(broken).expect_err("half of it is nobody's");
    assert!(matches!(stopped, IngestError::Guard { .. }), "{stopped}");
}

#[test]
fn a_seed_remembers_that_a_key_was_taken_back_or_is_none() {
    let too_long = "S".repeat(200);
    for key in ["", too_long.as_str()] {
        let mut world = World::new(SAFEDEBIT);
        world.seed(TEXT).expect("seeded");
        let moved = format!("customer_id,safedebit_reference,last_name\nc1,{key},Martin\nc2,S1,Durand\n");
        world.seed(&moved).expect("seeded");
        world.options.kind = Kind::Delta;
        let told = world.sync("customer_id,last_name\nc1,Petit\n");
        assert_eq!(planned(&told, Safedebit), (0, 0), "the account is the other one's by now");
        assert_eq!(told.rejects.len(), 1);
        let seeded = world.seed("customer_id,last_name\nc1,Petit\n").expect("seeded");
        assert_eq!(seeded.rejects.len(), 1, "nobody can tell whose account it would be");
    }
}

#[test]
fn a_seed_with_a_key_ends_what_an_earlier_record_named() {
    // The correction was right, or a mistake.
    for key in ["S9", "S1"] {
        let mut world = World::new(SAFEDEBIT);
        world.sync(TEXT);
        world.deliver(Safedebit);
        world.sync(&TEXT.replace("S1", "S9"));
        let held = world.held()[0].call;
        world.store.resolve(held, Happening::Abandoned, world.clock.now()).expect("held");
        world.seed(&TEXT.replace("S1", key)).expect("seeded");
        world.options.kind = Kind::Delta;
        let told = world.sync("customer_id,last_name\nc1,Petit\n");
        assert_eq!((planned(&told, Safedebit), told.rejects.len()), ((0, 1), 0), "{key}");
    }
}

#[test]
fn a_seed_takes_an_account_that_its_former_customer_was_never_known_to_have() {
    let mut world = World::new(&WSONE.replace("create", "skip"));
    let text = "customer_id,person_identifier,first_name\nc1,W1,Jeanne\n";
    world.sync(text);
    let other = text.replace("c1", "c2");
    let seeded = world.seed(&other).expect("seeded");
    assert_eq!((seeded.became_invalid, seeded.rejects.len()), (0, 0));
    world.options.kind = Kind::Delta;
    assert_eq!(planned(&world.sync(&other.replace("Jeanne", "Anne")), Wsone), (0, 1));
}

#[test]
fn what_a_seed_has_empty_is_not_held_any_more() {
    let mut world = World::new(SAFEDEBIT);
    let text = "customer_id,safedebit_reference,last_name,mobile_phone\nc1,S1,Martin,0612345678\n";
    world.sync(text);
    world.deliver(Safedebit);
    let emptied = text.replace("0612345678", "");
    world.seed(&emptied).expect("seeded");
    world.configure(&format!("{SAFEDEBIT}on_cleared = \"send_empty\"\n"));
    let same = world.sync(&emptied);
    assert_eq!((same.input.changed, planned(&same, Safedebit)), (1, (0, 0)));
}

#[test]
fn a_seed_leaves_what_it_says_nothing_of() {
    let mut world = World::new(SAFEDEBIT);
    let text = "customer_id,safedebit_reference,last_name,email\nc1,S1,Martin,none\n";
    let skipped = |world: &World| {
        let counts = world.store.counts().expect("readable");
        counts.get(&Safedebit).map_or(0, |counts| counts.skipped_fields)
    };
    world.sync(text);
    world.deliver(Safedebit);
    assert_eq!(skipped(&world), 1);
    world.seed("customer_id,safedebit_reference,last_name\nc1,S1,Martin\n").expect("seeded");
    assert_eq!(skipped(&world), 1, "without the column nothing is mended");
    world.seed("customer_id,safedebit_reference,last_name,email\nc1,,Martin,none\n").expect("seeded");
    assert_eq!(skipped(&world), 0, "whoever has no account lacks nothing there");
}
