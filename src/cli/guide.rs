#![doc = include_str!("guide.md")]
//!
//! This file only carries the guide; `tests/nightly/guide.rs` executes its commands.

/// The guide as `crmsync guide` prints it: Markdown, readable as it is.
pub const TEXT: &str = include_str!("guide.md");
