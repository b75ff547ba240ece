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
    world.settle(&first, Happening::NotApplied { breaker_open: false }).expect("settled");
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
        world.settle(&call, Happening::NotApplied { breaker_open: false }).expect("settled");
    }
    world.now = world.now.after(SETTLE);
    let order: Vec<_> = (0..3).map(|_| world.lease(1).remove(0).customer.as_str().to_owned()).collect();
    assert_eq!(order, ["c3", "c1", "c2"]);
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
