//! Flights: which calls are leased and not settled yet.
//!
//! A flight is a row of three numbers beside its call, so that a lease is cheap. Only dispatch has calls on their way; for
//! everybody else who changes the state [`land`] brings what a crash left back into the calls themselves.

use rusqlite::{Connection, Row, TransactionBehavior};

use crate::domain::call::CallId;
use crate::domain::lifecycle::{self, Happening, Life};

use super::intake::one;
use super::lease::Leased;
use super::outbox::Outbox;
use super::{StoreError, open, snapshot};

/// The first version of the schema with flights.
const VERSION: i64 = 6;

impl Outbox<'_> {
    /// Notes that a call is on its way.
    pub(super) fn take_off(&self, call: &Leased) -> Result<(), StoreError> {
        let sql = "INSERT INTO flight (call, lease, at) VALUES (?1, ?2, ?3)";
        let mut statement = self.statements.take_off.get(self.connection, sql)?;
        one(statement.execute((call.id.0, call.lease, self.now.0))?, call.id)
    }

    /// Ends the flight of a call; that there was one, with this lease, proves that the call is as it was leased.
    pub(super) fn touch_down(&self, call: &Leased) -> Result<(), StoreError> {
        let sql = "DELETE FROM flight WHERE call = ?1 AND lease = ?2";
        let mut statement = self.statements.touch_down.get(self.connection, sql)?;
        one(statement.execute((call.id.0, call.lease))?, call.id)
    }
}

/// Has the schema flights.
pub(super) fn are_in(connection: &Connection) -> Result<bool, StoreError> {
    Ok(open::version(connection)? >= VERSION)
}

/// Writes into the calls which of them were on their way, and takes their flights away. To be done in a transaction
/// before calls are changed outside of dispatch; where none is on its way nothing is written.
pub(super) fn land(connection: &Connection) -> Result<(), StoreError> {
    let mut flights = connection.prepare(
        "SELECT flight.call, flight.lease, flight.at, state, operation, hold, create_unknown, attempts, unknown_runs,
             unknown_this_run, crashes, missing_seen, remedy_used
         FROM flight CROSS JOIN call ON call.id = flight.call",
    )?;
    let mut rows = flights.query([])?;
    let mut landed = Vec::new();
    while let Some(row) = rows.next()? {
        let (call, life) = (CallId(row.get(0)?), snapshot::life_of(row)?);
        let after = airborne(call, &life)?;
        landed.push((call, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, life.state, after.state));
    }
    if landed.is_empty() {
        return Ok(());
    }
    let mut update = connection.prepare(
        "UPDATE call SET state = ?3, lease = ?4, changed_at = ?5, replaced = 0
         WHERE id = ?1 AND state = ?2 AND lease IS NULL",
    )?;
    for (call, lease, at, before, after) in landed {
        one(update.execute((call.0, before.name(), after.name(), lease, at))?, call)?;
    }
    connection.execute("DELETE FROM flight", [])?;
    Ok(())
}

/// Lands what a killed run left on its way, in one transaction. A crash before it returns leaves it on its way.
pub(super) fn land_all(connection: &mut Connection) -> Result<(), StoreError> {
    let are_there = connection.query_row("SELECT EXISTS (SELECT 1 FROM flight)", [], |row| row.get(0))?;
    if are_there {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        land(&transaction)?;
        transaction.commit()?;
    }
    Ok(())
}

/// The life of a call that is on its way, from the one that it stands with.
pub(super) fn airborne(call: CallId, standing: &Life) -> Result<Life, StoreError> {
    let step = lifecycle::next(standing, Happening::Leased);
    Ok(step.map_err(|source| StoreError::Illegal { call, source })?.life)
}

/// Reads the life of a call row with its flight, if it is on its way.
pub(super) fn life_of(row: &Row<'_>, call: CallId) -> Result<Life, StoreError> {
    let life = snapshot::life_of(row)?;
    let flight: Option<i64> = row.get("flight")?;
    if flight.is_some() { airborne(call, &life) } else { Ok(life) }
}
