//! Faults of network, clock and disk, each brought about by a test around the built binary.

mod disk;
mod network;
mod server;
mod tls;
mod world;
