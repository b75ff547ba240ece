//! The words of the field: customers, fields, values, changes, calls and what may happen to them.
//!
//! Rank 0: this room imports nothing of ours, and every other room speaks its language. It holds no I/O; the
//! exceptions are [`clock`], which reads the time so that nobody else has to, and [`fault`], by which tests kill.

pub mod account;
pub mod broken_line;
pub mod call;
pub mod cells;
pub mod clock;
pub mod customer;
pub mod defect;
pub mod event;
pub mod fault;
pub mod field;
pub mod fingerprint;
pub mod fold;
pub mod happening;
pub mod lifecycle;
pub mod mark;
pub mod pages;
pub mod path_text;
pub mod policy;
pub mod provider;
pub mod raw_cell;
pub mod redacted;
pub mod run_id;
pub mod settings_digest;
pub mod standing;
pub mod street_kinds;
pub mod tally;
pub mod threshold;
pub mod value;
pub mod verdict;
pub mod wire;
