//! Crashes: at every named point and at random, against simulators that lose, delay and refuse. The ledger of the
//! simulators is the oracle. `make test` runs a share of it, `make deep` (`CRMSYNC_DEEP=1`) all of it.
#![cfg(debug_assertions)]

mod balance;
mod crash_points;
mod harness;
mod kills;
mod poison;
mod power;
#[expect(dead_code, reason = "the nightly tests use more of it")]
#[path = "../nightly/support.rs"]
mod support;
mod table;

/// Whether the whole product of faults is asked for.
#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
fn is_deep() -> bool {
    std::env::var("CRMSYNC_DEEP").is_ok()
}
