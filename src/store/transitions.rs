//! What every transition of a call has to pass: the lifecycle allows it, and the row is as it was decided for.

use rusqlite::Connection;

use crate::domain::call::CallId;
use crate::domain::clock::Timestamp;
use crate::domain::lifecycle::{self, Happening, Life, Step};

use super::{RunNumber, StoreError};

/// What an event does to a call.
pub(super) fn step(call: CallId, life: &Life, happening: Happening) -> Result<Step, StoreError> {
    lifecycle::next(life, happening).map_err(|source| StoreError::Illegal { call, source })
}

/// A guarded UPDATE must have touched exactly one row.
pub(super) fn one(changed: usize, call: CallId) -> Result<(), StoreError> {
    if changed == 1 { Ok(()) } else { Err(StoreError::Overtaken { call }) }
}

/// Ends a call that stands and brings nothing any more.
pub(super) fn end(
    connection: &Connection,
    (call, before): (CallId, &Life),
    happening: Happening,
    (run, now): (RunNumber, Timestamp),
) -> Result<(), StoreError> {
    let after = step(call, before, happening)?.life;
    let mut statement = connection.prepare_cached(
        "UPDATE call SET state = ?3, hold = NULL, payload = NULL, settled_in = ?4, changed_at = ?5
         WHERE id = ?1 AND state = ?2 AND lease IS NULL",
    )?;
    let (before, after) = (before.state.name(), after.state.name());
    one(statement.execute((call.0, before, after, run.0, now.0))?, call)
}
