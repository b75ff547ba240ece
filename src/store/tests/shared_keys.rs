//! Customers who are known under one key.

use super::*;

/// A refused rest waits for a person, or for a newer value, for as long as that may take.
#[test]
fn who_has_the_account_too_is_doubted_once_a_released_call_has_left_in_part() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let owner = world.lease(1).remove(0);
    world.settle(&owner, Happening::Accepted).expect("settled");
    let released = world.queue("c2", Operation::Update, false);
    let intake = world.store.intake(world.run, world.now).expect("begun");
    intake.hold_disputed(released).expect("held");
    intake.commit().expect("accepted");
    world.store.release(&[released], world.now).expect("released");
    let refused = Settlement {
        only_fields: Some(&[FieldCode(1)]),
        ..settlement(world.now, Happening::RefusedAsWhole, 99)
    };
    let leased = world.lease(1).remove(0);
    world.store.group(world.run, world.now, |outbox| outbox.settle(&leased, &refused)).expect("settled");
    let part = world.lease(1).remove(0);
    let rest = world.settle(&part, Happening::AcceptedInPart).expect("settled");
    assert_eq!(rest.life.state, State::Refused);
    world.reopen();
    let account = world.before("c1").account.expect("put");
    assert_eq!(account.fields[&FieldCode(1)], Acknowledged::Unknown);
}
