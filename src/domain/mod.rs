//! The words of the field: customers, fields, values, changes, calls and what may happen to them.
//!
//! Rank 0: this room imports nothing of ours, and every other room speaks its language. It holds no I/O; the one
//! exception is [`clock`], which reads the time so that nobody else has to.

pub mod account;
pub mod call;
pub mod clock;
pub mod customer;
pub mod defect;
pub mod event;
pub mod field;
pub mod fingerprint;
pub mod lifecycle;
pub mod policy;
pub mod provider;
pub mod redacted;
pub mod standing;
pub mod tally;
pub mod threshold;
pub mod value;
pub mod verdict;
pub mod wire;
