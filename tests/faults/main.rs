//! Faults of network, clock and disk, each brought about by a test around the built binary.

mod clock;
mod disk;
mod network;
mod rate;
mod server;
#[path = "../deep/table.rs"]
mod table;
mod tls;
mod world;
