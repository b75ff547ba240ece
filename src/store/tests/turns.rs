//! Whose turn it is among the calls of a lane, and what those keep that were given back.

use super::*;

#[test]
fn a_withdrawn_consent_keeps_its_first_place_when_it_has_to_be_sent_once_more() {
    let mut world = World::new();
    let first = world.queue("c1", Operation::Update, true);
    world.queue("c2", Operation::Update, false);
    let leased = world.lease(1).remove(0);
    world.settle(&leased, Happening::RefusedForNow).expect("settled");
    assert_eq!(world.lease(1).remove(0).id, first);
}

#[test]
fn withdrawn_consents_leave_first_then_what_waited_then_the_oldest() {
    let mut world = World::new();
    let names = ["c1", "c2", "c3"];
    for name in names {
        world.queue(name, Operation::Update, false);
    }
    let first = world.lease(1).remove(0);
    assert_eq!(first.customer.as_str(), "c1");
    world.settle(&first, Happening::NotApplied { spares_try: false }).expect("settled");
    world.queue("c4", Operation::Update, true);
    world.now = world.now.after(Duration::from_secs(2));
    let order: Vec<_> = world.lease(10).iter().map(|call| call.customer.as_str().to_owned()).collect();
    assert_eq!(order, ["c4", "c1", "c2", "c3"]);
}

/// However many other calls that wait are due before it.
#[test]
fn a_withdrawn_consent_that_waits_leaves_before_all_others_that_wait() {
    let mut world = World::new();
    let consents = [("c1", false), ("c2", false), ("c3", true)];
    for (name, withdrawal) in consents {
        world.queue(name, Operation::Update, withdrawal);
    }
    let mut leased = world.lease(3);
    leased.sort_by_key(|call| call.id);
    for call in leased {
        world.now = world.now.after(Duration::from_secs(1));
        world.settle(&call, Happening::NotApplied { spares_try: false }).expect("settled");
    }
    world.now = world.now.after(SETTLE);
    let order: Vec<_> = (0..3).map(|_| world.lease(1).remove(0).customer.as_str().to_owned()).collect();
    assert_eq!(order, ["c3", "c1", "c2"]);
}

/// It keeps its place, and yet is no call that waits like any other.
#[test]
fn a_probe_that_comes_to_withdraw_a_consent_leaves_before_all_others_that_wait() {
    let mut world = World::new();
    for name in ["c1", "c2"] {
        world.queue(name, Operation::Create, false);
    }
    for call in world.lease(2) {
        world.settle(&call, Happening::OutcomeUnknown).expect("settled");
    }
    let probe = world.before("c2").standing.expect("probed");
    let intake = world.store.intake(world.run, world.now).expect("begun");
    let withdrawal = (true, Happening::NewerValue);
    intake.replace_payload(&probe, &payload("withdrawn"), withdrawal).expect("written");
    intake.commit().expect("accepted");
    world.now = world.now.after(SETTLE);
    assert_eq!(world.lease(1).remove(0).id, probe.id);
}

/// What was given back before it left has got no answer: why it stands is what it was told before.
#[test]
fn a_call_that_is_given_back_keeps_its_last_answer() {
    let mut world = World::new();
    let call = world.queue("c1", Operation::Update, false);
    let code = |world: &World| -> (String, String) {
        let sql = "SELECT class, code FROM call WHERE id = ?1";
        let row = world.store.connection.query_row(sql, [call.0], |row| Ok((row.get(0)?, row.get(1)?)));
        row.expect("answered")
    };
    let leased = world.lease(1).remove(0);
    world.settle(&leased, Happening::Missing).expect("settled");
    let told = code(&world);
    world.store.release(&[call], world.now).expect("released");
    let leased = world.lease(1).remove(0);
    let given_back = Settlement {
        class: "not_sent",
        code: "interrupted".to_owned(),
        ..settlement(world.now, Happening::Interrupted, 99)
    };
    world.store.group(world.run, world.now, |outbox| outbox.settle(&leased, &given_back)).expect("written");
    assert_eq!(code(&world), told);
}

/// Queues a newer value, in the place of what stands.
pub(super) fn change(world: &mut World, name: &str) -> CallId {
    let standing = world.before(name).standing;
    let call = NewCall {
        customer: world.number(name),
        provider: WSONE,
        operation: Operation::Update,
        payload: PackedPayload::of(&payload("newer")),
        hold: None,
        withdrawal: false,
    };
    let intake = world.store.intake(world.run, world.now).expect("begun");
    let id = intake.put_call(call, standing.as_ref()).expect("written");
    intake.commit().expect("accepted");
    id
}

/// Whoever changes every night would else be behind those who change too for ever, where not all can be sent.
#[test]
fn a_newer_value_takes_the_older_ones_turn() {
    let mut world = World::new();
    for name in ["c1", "c2", "c3", "c4"] {
        world.queue(name, Operation::Update, false);
    }
    world.now = world.now.after(SETTLE);
    let mut sent = Vec::new();
    for _night in 0..4 {
        // All change again, in the order of the file, and one of them can be sent.
        for name in ["c1", "c2", "c3", "c4"] {
            change(&mut world, name);
        }
        let leased = world.lease(1).remove(0);
        sent.push(leased.customer.as_str().to_owned());
        world.settle(&leased, Happening::Accepted).expect("settled");
    }
    assert_eq!(sent, ["c1", "c2", "c3", "c4"]);
    // And how long something waits is told from the first of them on.
    let mut waiting = World::new();
    waiting.queue("c1", Operation::Update, false);
    waiting.now = waiting.now.after(SETTLE);
    change(&mut waiting, "c1");
    assert_eq!(waiting.store.counts().expect("readable")[&WSONE].oldest, Some(NOON));
}

#[test]
fn a_newer_value_of_a_call_that_goes_last_goes_last() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let leased = world.lease(1).remove(0);
    world.settle(&leased, Happening::RefusedForNow).expect("settled");
    let newer = change(&mut world, "c1");
    let other = world.queue("c2", Operation::Update, false);
    let mut filter = LeaseFilter::default();
    let mut order = Vec::new();
    for _ in 0..2 {
        let leases = &mut world.leases;
        let leased =
            world.store.group(world.run, world.now, |outbox| outbox.lease(WSONE, 9, &filter, leases));
        order.extend(leased.expect("leased").iter().map(|call| call.id));
        filter.widen();
    }
    assert_eq!(order, [other, newer]);
}

/// What goes last is reached at the end of a run, if at all: who was not reached is not put off once more.
#[test]
fn a_newer_value_of_what_was_not_reached_has_its_turn() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let leased = world.lease(1).remove(0);
    world.settle(&leased, Happening::RefusedForNow).expect("settled");
    change(&mut world, "c1");
    let newest = change(&mut world, "c1");
    world.queue("c2", Operation::Update, false);
    assert_eq!(world.lease(1).remove(0).id, newest);
}

/// A refused call has had its turn.
#[test]
fn a_newer_value_of_a_refused_call_goes_behind_what_is_queued() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let leased = world.lease(1).remove(0);
    world.settle(&leased, Happening::Refused).expect("settled");
    let other = world.queue("c2", Operation::Update, false);
    change(&mut world, "c1");
    assert_eq!(world.lease(1).remove(0).id, other);
}

/// Whatever it was answered: an update that may have been done all the same, too.
#[test]
fn a_withdrawn_consent_that_has_stopped_its_lane_does_not_stop_it_first_again() {
    for happening in [Happening::LaneStopped, Happening::OutcomeUnknown, Happening::UnknownInOutage] {
        let mut world = World::new();
        world.queue("c1", Operation::Update, true);
        let leased = world.lease(1).remove(0);
        let stopped = Settlement { last: true, ..settlement(world.now, happening, 99) };
        world.store.group(world.run, world.now, |outbox| outbox.settle(&leased, &stopped)).expect("settled");
        let other = world.queue("c2", Operation::Update, false);
        world.now = world.now.after(SETTLE);
        assert_eq!(world.lease(9).iter().map(|call| call.id).collect::<Vec<_>>(), [other], "{happening:?}");
    }
}
