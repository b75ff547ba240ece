//! What a call waits for goes over to the one that takes its place.

use super::turns::change;
use super::*;

#[test]
fn a_newer_call_inherits_the_wait_of_the_one_it_replaces() {
    inherits_the_wait(false);
}

/// Another customer turned out to have its key while it waited.
#[test]
fn a_newer_call_inherits_the_wait_also_of_a_disputed_one() {
    inherits_the_wait(true);
}

/// Another customer of an input has its key.
fn hold_disputed(world: &mut World, call: CallId) {
    let intake = world.store.intake(world.run, world.now).expect("begun");
    intake.hold_disputed(call).expect("held");
    intake.commit().expect("accepted");
}

fn inherits_the_wait(disputed: bool) {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let leased = world.lease(1).remove(0);
    world.settle(&leased, Happening::OutcomeUnknown).expect("settled");
    if disputed {
        hold_disputed(&mut world, leased.id);
    }
    let standing = world.before("c1").standing.expect("waits");
    assert_eq!(standing.life.state, if disputed { State::Held } else { State::Waiting });
    change(&mut world, "c1");
    let newer = world.before("c1").standing.expect("waits");
    assert_eq!((newer.life.state, newer.due, newer.settling), (State::Waiting, standing.due, true));
    assert!(world.lease(10).is_empty());
}

/// Nobody knows how long the program was away: what takes the place of a held call waits from the beginning of the run.
#[test]
fn the_wait_of_a_held_call_begins_anew_with_a_run() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let leased = world.lease(1).remove(0);
    world.settle(&leased, Happening::OutcomeUnknown).expect("settled");
    hold_disputed(&mut world, leased.id);
    world.now = world.now.after(SETTLE * 10);
    world.recover();
    change(&mut world, "c1");
    let newer = world.before("c1").standing.expect("waits");
    assert_eq!((newer.life.state, newer.due), (State::Waiting, world.now.after(SETTLE)));
}

/// Whether or not the machine has a clock that cannot be set.
#[test]
fn what_goes_to_the_account_of_somebody_forgotten_after_a_kill_waits_from_the_next_run_on() {
    for began in [None, Some(1_000), Some(3_601_000)] {
        let mut world = World::new();
        world.steady = began.map(|began| Steady { boot: "a".to_owned(), began: Timestamp(began.min(1_000)) });
        world.recover();
        world.queue("c1", Operation::Update, false);
        world.lease(1);
        world.reopen();
        world.store.forget(&customer_id("c1"), world.now).expect("erased");
        world.now = world.now.after(SETTLE * 10);
        world.steady = began.map(|began| Steady { boot: "a".to_owned(), began: Timestamp(began) });
        world.recover();
        world.queue("c2", Operation::Update, false);
        let call = world.before("c2").standing.expect("waits");
        assert_eq!((call.life.state, call.due), (State::Waiting, world.now.after(SETTLE)), "{began:?}");
    }
}

/// A clock that cannot be set tells how long the program was away.
#[test]
fn what_has_settled_while_the_program_was_away_does_not_begin_anew() {
    let boot = |boot: &str, began| Some(Steady { boot: boot.to_owned(), began: Timestamp(began) });
    let hour = Duration::from_secs(3_600);
    // By how much the wall clock is set meanwhile, which start of the machine it is then, and until when is waited.
    for (set, then, expected) in [
        (0, boot("a", 1_000), NOON.after(SETTLE)),
        (3, boot("a", 1_003), NOON.after(SETTLE)),
        (3_600_000, boot("a", 3_601_000), NOON.after(hour + SETTLE)),
        (3_600_000, boot("b", 0), NOON.after(hour + SETTLE / 2 + SETTLE)),
        (-3_600_000, boot("a", -3_599_000), Timestamp(NOON.after(SETTLE).0 - 3_600_000)),
    ] {
        let mut world = World::new();
        world.steady = boot("a", 1_000);
        world.queue("c1", Operation::Update, false);
        world.recover();
        let leased = world.lease(1).remove(0);
        world.settle(&leased, Happening::OutcomeUnknown).expect("settled");
        for _ in 0..2 {
            // Runs that are shorter than that do not lengthen it.
            world.recover();
        }
        world.now = Timestamp(NOON.after(SETTLE / 2).0 + set);
        world.steady = then;
        for _ in 0..2 {
            world.recover();
            assert_eq!(world.before("c1").standing.expect("waits").due, expected, "{set}");
        }
    }
}

/// A crash is the unknown outcome of the run that it ended, not of the one that finds it.
#[test]
fn a_crash_and_two_runs_without_an_answer_are_three_runs() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    world.lease(1);
    for states in [&[State::Waiting, State::Waiting][..], &[State::Held]] {
        world.recover();
        for &state in states {
            world.now = world.now.after(SETTLE);
            let leased = world.lease(1).remove(0);
            world.settle(&leased, Happening::OutcomeUnknown).expect("settled");
            assert_eq!(world.before("c1").standing.expect("open").life.state, state);
        }
    }
}

/// The last of several requests may still be on its way, whatever a person found out about the first.
#[test]
fn what_a_person_says_was_applied_may_still_land_on_top() {
    let mut world = World::new();
    let call = world.queue("c1", Operation::Update, false);
    for _ in 0..3 {
        world.recover();
        world.now = world.now.after(SETTLE);
        let leased = world.lease(1).remove(0);
        world.settle(&leased, Happening::OutcomeUnknown).expect("settled");
    }
    let held = world.before("c1").standing.expect("waits");
    assert_eq!((held.life.state, held.due), (State::Held, world.now.after(SETTLE)));
    world.store.resolve(call, Happening::ResolvedApplied, world.now).expect("resolved");
    assert!(world.before("c1").standing.is_none());
    change(&mut world, "c1");
    let newer = world.before("c1").standing.expect("waits");
    assert_eq!((newer.life.state, newer.due), (State::Waiting, held.due));
}

#[test]
fn a_call_that_a_kill_left_on_its_way_is_no_unknown_one_to_who_decides() {
    let mut world = World::new();
    let call = world.queue("c1", Operation::Update, false);
    world.lease(1);
    world.reopen();
    let refused = world.store.resolve(call, Happening::ResolvedApplied, world.now);
    assert!(matches!(refused, Err(StoreError::Leased(it)) if it == call), "{refused:?}");
    let refused = world.store.resolve(CallId(77), Happening::ResolvedApplied, world.now);
    assert!(matches!(refused, Err(StoreError::NoSuchCall(_))), "{refused:?}");
}

/// Two calls to one account have ended, each with a wait of its own.
#[test]
fn an_account_settles_until_the_longer_wait_is_over() {
    let mut world = World::new();
    let fingerprinter = world.state().open_read_only().expect("readable").fingerprinter;
    let account = payload("").key;
    for until in [2_000, 3_000, 1_000] {
        let until = Timestamp(NOON.0 + until);
        settling::note_account(&world.store.connection, &fingerprinter, (WSONE, &account), until)
            .expect("noted");
    }
    world.queue("c1", Operation::Update, false);
    assert_eq!(world.before("c1").standing.expect("waits").due, Timestamp(NOON.0 + 3_000));
}
