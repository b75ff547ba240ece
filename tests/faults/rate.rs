//! The rate across restarts: kills and normal ends in quick succession never add up to more than a second may hold.

use std::time::Duration;

use crmsync::domain::provider::ProviderId;

use crate::world::{World, is_deep, pause};

const RATE: u64 = 20;

#[test]
fn restarts_never_add_up_to_more_than_a_second_may_hold() {
    let restarts = if is_deep() { 50 } else { 8 };
    let world = World::new(300);
    world.configure(&world.healthy(), &format!("rate_per_second = {RATE}\nburst = {RATE}"));
    world.run(&["sync", "crm.csv", "--allow-mass-change", "--max-calls", "0"]).exits(10, "queued");
    for turn in 0..restarts {
        if turn % 2 == 0 {
            let mut child = world.command(&[], &["resume"]).spawn().expect("the binary runs");
            // Some die before they may send, some in the middle of a burst, some after it.
            pause(Duration::from_millis(100 + 170 * (turn % 11)));
            child.kill().expect("killed");
            child.wait().expect("gone");
        } else {
            world.run(&["resume", "--max-calls", "13"]);
        }
    }
    let summary = world.ledger().summary();
    for provider in [ProviderId::Wsone, ProviderId::Safedebit] {
        let lane = &summary.providers[&provider];
        assert!(lane.requests > 0, "nothing was sent");
        assert!(lane.max_per_second <= RATE, "{provider}: {} in a second", lane.max_per_second);
    }
}
