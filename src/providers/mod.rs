//! (room not furnished yet)
pub mod wsone; pub mod lemonway; pub mod safedebit;
