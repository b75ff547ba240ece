//! (room not furnished yet)
pub mod lemonway;
pub mod safedebit;
pub mod wsone;
