//! Fields that leave calls because their provider is not to get them any more.

use super::*;

/// A call that was refused for one field, and of which the other one alone has left, until this became of it.
fn sent_in_part(world: &mut World, happening: Happening) -> CallId {
    let call = world.queue("c1", Operation::Update, false);
    let refused = Settlement {
        only_fields: Some(&[FieldCode(1)]),
        ..settlement(world.now, Happening::RefusedAsWhole, 99)
    };
    let leased = world.lease(1).remove(0);
    world.store.group(world.run, world.now, |outbox| outbox.settle(&leased, &refused)).expect("settled");
    let part = world.lease(1).remove(0);
    world.settle(&part, happening).expect("settled");
    call
}

/// What is left of it was never taken, whatever became of what has left.
#[test]
fn what_is_left_of_a_call_whose_sent_part_is_excluded_goes_also_where_that_was_applied() {
    let mut world = World::new();
    let call = sent_in_part(&mut world, Happening::DeniedByCode);
    world.recover_without(&[FieldCode(1)]);
    let resolved = world.store.resolve(call, Happening::ResolvedApplied, world.now).expect("settled");
    assert_eq!(resolved, Resolved::GoesAgain);
    let values = world.lease(1).remove(0).payload.values;
    assert_eq!(values, [(FieldCode(2), "fixed".to_owned())].into_iter().collect());
}
