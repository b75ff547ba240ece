//! The operator's guide, as `crmsync guide` prints it; `tests/nightly/guide.rs` executes its commands.
#![doc = include_str!("guide.md")]

/// The guide as `crmsync guide` prints it: Markdown, readable as it is.
pub const TEXT: &str = include_str!("guide.md");
