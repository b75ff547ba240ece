//! Records that a provider does not take, and what is remembered of them.

use super::world::{LEMONWAY, SAFEDEBIT, WSONE, World};
use crate::domain::call::HoldReason;
use crate::domain::lifecycle::Happening;
use crate::domain::provider::ProviderId::{Lemonway, Safedebit, Wsone};
use crate::ingest::Kind;

/// Whoever has no valid key yet, and then one without the flat that a record without a key told.
#[test]
fn part_of_a_street_that_was_turned_away_without_a_key_is_told_of_once_there_is_one() {
    let mut world = World::new(LEMONWAY);
    let no_key = "W".repeat(300);
    let head = "customer_id,wallet_id,last_name,street,address_apartment";
    world.sync(&format!("{head}\nc1,{no_key},Martin,,\nc2,W2,Petit,5 rue Foch,Apt 1\n"));
    world.options.kind = Kind::Delta;
    world.sync("customer_id,address_apartment\nc1,Apt 2\n");
    let taken = world.sync("customer_id,wallet_id,last_name\nc1,W1,Martin\n");
    assert_eq!(taken.providers[&Lemonway].incomplete, 1);
}

/// It names an account of which nothing was taken.
#[test]
fn a_record_that_was_turned_away_gives_its_customer_no_account() {
    let skips = WSONE.replace("\"create\"", "\"skip\"");
    let mut world = World::new(&format!("{skips}on_invalid = \"reject_customer\"\n"));
    world.sync("customer_id,person_identifier,first_name,email\nc1,W1,Jeanne,a@example.org\n");
    world.options.kind = Kind::Delta;
    world.sync("customer_id,person_identifier,email\nc1,W2,none\n");
    let without_key = world.sync("customer_id,first_name\nc1,Anne\n");
    let told: Vec<_> = without_key.rejects.iter().map(|reject| reject.provider).collect();
    assert_eq!(told, [Some(Wsone)]);
}

/// A number that is read by another country than the customer's says nothing of the one that waits.
#[test]
fn an_overtaken_number_does_not_go_beside_one_that_nobody_can_read() {
    let mut world = World::new(&format!("{SAFEDEBIT}on_invalid = \"reject_customer\"\n"));
    let head = "customer_id,safedebit_reference,mobile_phone";
    let file = |phone: &str, email: &str| format!("{head},country,email\nc1,S1,{phone},BE,{email}\n");
    world.sync(&file("0470000001", "a@example.org"));
    world.deliver(Safedebit);
    world.sync(&file("0470000002", "a@example.org"));
    world.sync(&file("0470000003", "none"));
    world.options.kind = Kind::Delta;
    world.sync(&format!("{head},first_name\nc1,S1,0612345678,Anne\n"));
    let held: Vec<_> = world.held().into_iter().map(|call| call.hold).collect();
    assert_eq!((held, world.ready(Safedebit).len()), (vec![Some(HoldReason::Overtaken)], 0));
}

/// It names an account of which nothing was taken, and what was refused goes to another one.
#[test]
fn a_refused_call_is_no_reason_to_take_a_record_without_a_key_for_its_account() {
    let mut world = World::new(&format!("{WSONE}on_invalid = \"reject_customer\"\n"));
    world.sync("customer_id,person_identifier,first_name,email\nc1,W1,Jeanne,a@example.org\n");
    world.answer(Wsone, Happening::Refused);
    world.options.kind = Kind::Delta;
    world.sync("customer_id,person_identifier,email\nc1,W2,none\n");
    world.sync("customer_id,first_name\nc1,Anne\n");
    assert_eq!(world.ready(Wsone).len(), 0);
}
