//! Two customers with one account, and accounts that move.

use super::world::{SAFEDEBIT, WSONE, World, planned};
use crate::domain::call::{HoldReason, Operation};
use crate::domain::lifecycle::Happening;
use crate::domain::provider::ProviderId::{Safedebit, Wsone};
use crate::ingest::Kind;
use crate::store::{RejectFilter, Released, RunNumber};

const HEAD: &str = "customer_id,safedebit_reference,last_name\n";

fn file(rows: &str) -> String {
    format!("{HEAD}{rows}")
}

/// Who waits for a person, and why.
fn held(world: &World) -> Vec<(String, HoldReason)> {
    let held = world.held().into_iter();
    held.map(|call| (call.customer_id, call.hold.expect("held calls say why"))).collect()
}

fn duplicates(customers: &[&str]) -> Vec<(String, HoldReason)> {
    customers.iter().map(|id| ((*id).to_owned(), HoldReason::DuplicateKey)).collect()
}

/// A person lets all go that waits for one.
fn release(world: &mut World) -> Released {
    let rejects = world.store.rejects(&RejectFilter::default()).expect("readable");
    let calls: Vec<_> = rejects.into_iter().map(|reject| reject.call).collect();
    world.store.release(&calls, world.clock.now()).expect("released")
}

fn persons(rows: &str) -> String {
    format!("customer_id,person_identifier,first_name\n{rows}")
}

/// A person who was known as W1, and moved to W2 by decision.
fn moved() -> World {
    let mut world = World::new(WSONE);
    for key in ["W1", "W2"] {
        world.sync(&persons(&format!("c1,{key},Jeanne\n")));
        release(&mut world);
        world.deliver(Wsone);
    }
    world
}

#[test]
fn two_new_customers_with_one_key_are_both_held() {
    let mut world = World::new(SAFEDEBIT);
    let text = file("c1,S1,Martin\nc2,S2,Durand\nc3,S1,Petit\n");
    let plan = world.plan(&text);
    let outcome = world.sync(&text);
    assert_eq!(held(&world), duplicates(&["c1", "c3"]));
    assert_eq!((planned(&outcome, Safedebit), outcome.held.get(&Safedebit)), ((0, 3), Some(&2)));
    assert_eq!(plan.held, outcome.held);
    assert_eq!(world.ready(Safedebit).len(), 1);
}

#[test]
fn a_known_owner_goes_on_and_the_newcomer_is_held() {
    for newcomer_first in [false, true] {
        let mut world = World::new(SAFEDEBIT);
        world.sync(&file("c1,S1,Martin\n"));
        world.deliver(Safedebit);
        let mut rows = ["c1,S1,Dupont\n", "c2,S1,Petit\n"];
        if newcomer_first {
            rows.reverse();
        }
        world.sync(&file(&rows.concat()));
        assert_eq!(held(&world), duplicates(&["c2"]));
        assert_eq!(world.queue(Safedebit)[0].0, "c1");
    }
}

#[test]
fn a_key_that_somebody_absent_from_the_input_has_is_held() {
    let mut world = World::new(SAFEDEBIT);
    world.options.kind = Kind::Delta;
    world.sync(&file("c1,S1,Martin\n"));
    world.deliver(Safedebit);
    let text = file("c2,S1,Petit\n");
    assert_eq!(world.plan(&text).held.get(&Safedebit), Some(&1));
    world.sync(&text);
    assert_eq!(held(&world), duplicates(&["c2"]));
}

#[test]
fn a_call_queued_by_an_earlier_input_is_held_with_the_newcomers() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(&file("c1,S1,Martin\n"));
    // c1 is unchanged and goes no further; its call is still in the outbox.
    let outcome = world.sync(&file("c1,S1,Martin\nc2,S1,Petit\n"));
    assert_eq!(held(&world), duplicates(&["c1", "c2"]));
    assert_eq!((planned(&outcome, Safedebit), outcome.held.get(&Safedebit)), ((0, 1), Some(&2)));
}

#[test]
fn customers_who_swap_keys_that_no_provider_has_seen_are_not_in_dispute() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(&file("c1,S1,Martin\nc2,S2,Petit\n"));
    let outcome = world.sync(&file("c1,S2,Martin\nc2,S1,Petit\n"));
    assert_eq!(held(&world), []);
    assert_eq!((planned(&outcome, Safedebit), outcome.providers[&Safedebit].superseded), ((0, 2), 2));
}

#[test]
fn a_changed_key_of_a_known_account_is_held() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(&file("c1,S1,Martin\n"));
    world.deliver(Safedebit);
    world.sync(&file("c1,S9,Martin\n"));
    assert_eq!(held(&world), [("c1".to_owned(), HoldReason::KeyChanged)]);
    // The CRM takes it back: nothing is left to decide.
    world.sync(&file("c1,S1,Martin\n"));
    assert_eq!(held(&world), []);
}

#[test]
fn a_newcomer_under_a_key_that_a_held_customer_gives_up_in_the_same_input_is_not_held() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(&file("c1,S1,Martin\n"));
    world.deliver(Safedebit);
    world.sync(&file("c1,S9,Martin\n"));
    assert_eq!(held(&world), [("c1".to_owned(), HoldReason::KeyChanged)]);
    // Its turn comes while the call of the other one still stands.
    world.sync(&file("c2,S9,Petit\nc1,S1,Martin\n"));
    assert_eq!(held(&world), []);
    assert_eq!(world.queue(Safedebit)[0].0, "c2");
}

#[test]
fn the_owner_of_an_account_goes_on_while_who_moves_to_it_is_held() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(&file("c1,S1,Martin\nc2,S2,Petit\n"));
    world.deliver(Safedebit);
    world.sync(&file("c1,S1,Martin\nc2,S1,Petit\n"));
    world.options.kind = Kind::Delta;
    world.sync(&file("c1,S1,Dupont\n"));
    assert_eq!(held(&world), duplicates(&["c2"]));
    assert_eq!(world.queue(Safedebit)[0].0, "c1");
}

#[test]
fn a_key_that_changes_to_another_customers_is_held_as_a_duplicate() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(&file("c1,S1,Martin\nc2,S2,Petit\n"));
    world.deliver(Safedebit);
    let text = file("c1,S2,Martin\nc2,S2,Petit\n");
    assert_eq!(world.plan(&text).held.get(&Safedebit), Some(&1));
    world.sync(&text);
    assert_eq!(held(&world), duplicates(&["c1"]));
}

#[test]
fn a_customer_whose_key_cannot_change_yet_is_compared_again_next_time() {
    let mut world = World::new(WSONE);
    let text = "customer_id,person_identifier,first_name\nc1,W1,Jeanne\n";
    let moved = text.replace("W1", "W2");
    world.sync(text);
    world.answer(Wsone, Happening::OutcomeUnknown);

    let outcome = world.sync(&moved);
    assert_eq!((outcome.became_invalid, outcome.rejects.len()), (1, 1));
    assert_eq!(planned(&outcome, Wsone), (0, 0));

    world.clock.advance(std::time::Duration::from_secs(61));
    world.deliver(Wsone);
    let again = world.sync(&moved);
    assert_eq!((again.input.changed, planned(&again, Wsone).0), (1, 1));
    assert_eq!(held(&world), [("c1".to_owned(), HoldReason::KeyChanged)]);
}

#[test]
fn a_call_that_may_have_left_outlives_the_key_of_its_customer_and_disputes_the_account() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(&file("c1,S1,Martin\n"));
    world.answer(Safedebit, Happening::OutcomeUnknown);
    // c1 gave the key up, but its call is not done with.
    world.sync(&file("c1,,Martin\nc2,S1,Petit\n"));
    assert_eq!(held(&world), duplicates(&["c1", "c2"]));
}

#[test]
fn a_call_that_never_left_ends_with_the_key_of_its_customer() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(&file("c1,S1,Martin\n"));
    world.sync(&file("c1,,Martin\nc2,S1,Petit\n"));
    assert_eq!(held(&world), duplicates(&[]));
    assert_eq!(world.ready(Safedebit).len(), 1);
}

#[test]
fn an_account_that_is_known_stays_its_owners_until_the_provider_says_otherwise() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(&file("c1,S1,Martin\n"));
    world.deliver(Safedebit);
    world.sync(&file("c1,S2,Martin\nc2,S1,Petit\n"));
    let expected = [("c1", HoldReason::KeyChanged), ("c2", HoldReason::DuplicateKey)];
    assert_eq!(held(&world), expected.map(|(id, reason)| (id.to_owned(), reason)));
}

#[test]
fn a_held_call_belongs_to_the_run_that_held_it() {
    let mut world = World::new(SAFEDEBIT);
    world.sync(&file("c1,S1,Martin\n"));
    world.sync(&file("c1,S1,Martin\nc2,S1,Petit\n"));
    let filter = RejectFilter { run: Some(RunNumber(2)), ..RejectFilter::default() };
    assert_eq!(world.store.rejects(&filter).expect("readable").len(), 2);
}

/// Whoever had the key is not there any more either, where the provider has nobody under it.
#[test]
fn whoever_is_missing_under_a_key_that_was_given_up_is_created_by_the_next_input() {
    let mut world = moved();
    let text = persons("c1,W2,Jeanne\nc2,W1,Anne\n");
    assert_eq!(planned(&world.sync(&text), Wsone), (0, 1), "somebody is known under it");
    world.answer(Wsone, Happening::Missing);
    assert_eq!(planned(&world.sync(&text), Wsone), (1, 0));
}

#[test]
fn what_is_released_does_not_wait_for_a_call_of_somebody_who_has_given_the_account_up() {
    let mut world = moved();
    let text = persons("c1,W2,Jeanne\nc2,W1,Anne\n");
    world.sync(&text);
    world.answer(Wsone, Happening::Refused);
    world.sync(&text.replace("Jeanne", "Jeannette"));
    let released = release(&mut world);
    assert_eq!((released.queued, released.behind), (1, 0));
}

/// Who had it is not there to be asked: the account is another one by now.
#[test]
fn a_create_that_is_released_under_a_key_that_was_given_up_meanwhile_is_an_update() {
    let mut world = World::new(WSONE);
    world.options.kind = Kind::Delta;
    world.sync(&persons("c1,W1,Jeanne\nc2,W1,Anne\n"));
    for (row, left) in [("c1,W1,Jeanne\n", 1), ("c1,W2,Jeanne\n", 1)] {
        world.sync(&persons(row));
        let first = world.held().into_iter().find(|call| call.customer_id == "c1").expect("held").call;
        world.store.release(&[first], world.clock.now()).expect("released");
        assert_eq!(world.deliver(Wsone), left);
    }
    assert_eq!(held(&world), duplicates(&["c2"]));
    release(&mut world);
    let calls = world.queue(Wsone);
    assert_eq!(calls.iter().map(|call| (&*call.0, call.1)).collect::<Vec<_>>(), [("c2", Operation::Update)]);
}
