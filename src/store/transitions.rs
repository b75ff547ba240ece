//! What every transition of a call has to pass: the lifecycle allows it, and the row is as it was decided for.

use crate::domain::call::CallId;
use crate::domain::lifecycle::{self, Happening, Life, Step};

use super::StoreError;

/// What an event does to a call.
pub(super) fn step(call: CallId, life: &Life, happening: Happening) -> Result<Step, StoreError> {
    lifecycle::next(life, happening).map_err(|source| StoreError::Illegal { call, source })
}

/// A guarded UPDATE must have touched exactly one row.
pub(super) fn one(changed: usize, call: CallId) -> Result<(), StoreError> {
    if changed == 1 { Ok(()) } else { Err(StoreError::Overtaken { call }) }
}
