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
