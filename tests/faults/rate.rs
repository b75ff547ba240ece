//! The rate across restarts: kills and normal ends in quick succession never add up to more than a second may hold.

use std::time::Duration;

use crmsync::domain::provider::ProviderId;

use crate::table::Row;
use crate::world::{World, is_deep, pause};

const RATE: u64 = 20;
/// The simulators count arrivals: on a busy machine a part of a burst arrives late enough to meet the next one. A restart
/// that does not wait shows as a whole second burst, or several.
const SLIPPED_MAX: u64 = RATE / 2;

/// Many calls in the queue of a provider that takes few a second.
fn queued(customers: usize) -> World {
    let world = World::new(customers);
    world.configure(&world.healthy(), &format!("rate_per_second = {RATE}\nburst = {RATE}"));
    world.run(&["sync", "crm.csv", "--allow-mass-change", "--max-calls", "0"]).exits(10, "queued");
    world
}

fn live_and_die(world: &World, milliseconds: u64) {
    let mut child = world.command(&[], &["resume"]).spawn().expect("the binary runs");
    pause(Duration::from_millis(milliseconds));
    child.kill().expect("killed");
    child.wait().expect("gone");
}

/// How many requests more than a second may hold were seen in one.
fn excess(world: &World) -> u64 {
    let summary = world.ledger().summary();
    let lanes =
        [ProviderId::Wsone, ProviderId::Safedebit].map(|provider| summary.providers[&provider].clone());
    assert!(lanes.iter().all(|lane| lane.requests > RATE), "nothing was sent: {summary:?}");
    lanes.iter().map(|lane| lane.max_per_second.saturating_sub(RATE + SLIPPED_MAX)).sum()
}

#[test]
fn restarts_never_add_up_to_more_than_a_second_may_hold() {
    let world = queued(300);
    for turn in 0..8 {
        if turn % 2 == 0 {
            // Some die before they may send, some in the middle of a burst, some after it.
            live_and_die(&world, 100 + 340 * turn);
        } else {
            world.run(&["resume", "--max-calls", "13"]);
        }
    }
    assert_eq!(excess(&world), 0);
}

/// Fifty in ten seconds: most die before their window is over, every tenth lives to send.
#[test]
fn fifty_restarts_in_ten_seconds_never_exceed_the_limit_in_any_sliding_second() {
    let restarts = if is_deep() { 50 } else { 20 };
    let world = queued(70);
    for turn in 1..=restarts {
        live_and_die(&world, if turn % 10 == 0 { 1_150 } else { turn * 37 % 140 });
    }
    // Bursts of a machine that is busy can drift together by some milliseconds; the rest leaves one by one.
    world.configure(
        &world.healthy(),
        &format!("rate_per_second = {RATE}\nburst = 1\nretry = {{ attempts = 9, initial = \"5ms\", max = \"20ms\" }}"),
    );
    world.run(&["resume"]);
    // Where the machine is slow, a call can be on its way at three of the kills: then a person lets it go on.
    world.run(&["rejects", "release"]).exits(0, "released, if anybody was held");
    world.run(&["resume"]).exits(0, "the rest");
    world.all_delivered("after all the restarts");
    let wrong = usize::try_from(excess(&world)).expect("few");
    let tries = usize::try_from(restarts).expect("few");
    Row { wrong, ..Row::kept(80, "restarts in ten seconds, rate", tries) }.enter();
    assert_eq!(wrong, 0);
}

/// Who is leased counts as sent after a crash, and is held at the third one: so nobody is, before anything may leave.
#[test]
fn nothing_is_leased_while_the_second_of_an_earlier_run_is_not_over() {
    let world = World::new(3);
    world.configure(&world.healthy(), "rate_per_second = 0.01");
    world.run(&["sync", "crm.csv", "--allow-mass-change", "--max-calls", "0"]).exits(10, "queued");
    world.run(&["resume", "--provider", "wsone", "--max-calls", "1"]).exits(10, "one call");
    let mut command = world.command(&[], &["resume", "--provider", "wsone", "--max-duration", "1s"]);
    // Whoever leases dies.
    let waited = command.env("CRMSYNC_FAULT", "before-lease-commit").output().expect("the binary runs");
    assert_eq!(waited.status.code(), Some(10), "{}", String::from_utf8_lossy(&waited.stderr));
    world.configure(&world.healthy(), "");
    world.run(&["resume"]).exits(0, "the rest");
    world.all_delivered("after all");
}
