//! The simulators over real sockets: the documents' own examples, every rule of refusal, every effect of a scenario.

mod client;
mod faults;
mod lemonway;
mod pages;
mod safedebit;
mod wsone;

use std::net::SocketAddr;

use serde_json::Value;

use super::{Options, Running, Sandbox, Scenario};
use crate::domain::clock::Clock;
use client::Answer;

/// 2026-11-22T12:00:00Z: birth dates are judged by it.
const NOON: crate::domain::clock::Timestamp = crate::domain::clock::Timestamp(1_795_348_800_000);

async fn start(options: Options) -> Running {
    Sandbox::start(options, Clock::set_to(NOON)).await.expect("a free port can be had")
}

/// Options that play this scenario.
fn playing(toml: &str) -> Options {
    let scenario = Scenario::from_toml(toml).expect("the scenario is right");
    Options { scenario, ..Options::new() }
}

/// Posts JSON with Basic credentials `user:pass`; `None` when the connection was cut.
async fn try_post(address: SocketAddr, path: &str, body: &str) -> Option<Answer> {
    let headers = [
        ("Authorization", "Basic dXNlcjpwYXNz"),
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
    ];
    client::send(address, "POST", path, &headers, body).await
}

async fn post(address: SocketAddr, path: &str, body: &str) -> Answer {
    try_post(address, path, body).await.expect("the simulators answer")
}

/// `base` with one value set by JSON pointer; the last segment may be new.
fn with(base: &Value, pointer: &str, value: Value) -> Value {
    let mut changed = base.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    changed.pointer_mut(parent).expect("the parent exists")[name] = value;
    changed
}
