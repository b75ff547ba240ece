//! Flights: which calls are leased and not settled yet.
//!
//! What is leased together takes off in one row, a block, so that a lease is cheap. Where a call is accepted, its own row
//! says so and the block stays as it is until the last of it is settled. Only dispatch has calls on their way; for everybody
//! else who changes the state [`land`] brings what a crash left back into the calls themselves.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, Row, TransactionBehavior};

use crate::domain::call::CallId;
use crate::domain::clock::Timestamp;
use crate::domain::lifecycle::{Happening, Life};
use crate::domain::provider::ProviderId;

use super::lease::Leased;
use super::outbox::Outbox;
use super::transitions::{CallRecord, one, step};
use super::{StoreError, open, snapshot};

/// The first version of the schema with flights.
const VERSION: i64 = 6;
/// The first one in which they take off in blocks, of which `flight` is a view.
const VERSION_BLOCKS: i64 = 10;

/// What a process has leased and not settled, by the first lease of each block. It is what the state says, in memory: who
/// leases must not take a call twice, and who settles has to know its block.
#[derive(Debug, Clone, Default)]
pub(super) struct Aloft(BTreeMap<i64, Block>);

#[derive(Debug, Clone)]
struct Block {
    provider: ProviderId,
    /// The n-th has the first lease and n more; none where it is settled.
    calls: Vec<Option<CallId>>,
}

impl Aloft {
    /// The calls of a lane, as [`is_among`] takes them.
    pub(super) fn of(&self, provider: ProviderId) -> Vec<u8> {
        let blocks = self.0.values().filter(|block| block.provider == provider);
        let mut calls: Vec<i64> =
            blocks.flat_map(|block| &block.calls).flatten().map(|call| call.0).collect();
        calls.sort_unstable();
        calls.into_iter().flat_map(i64::to_ne_bytes).collect()
    }

    /// Takes out a call that is on its way with this lease: gives the first lease of its block, and the block where
    /// others of it are on their way still.
    fn take(&mut self, call: &Leased) -> Option<(i64, Option<&Block>)> {
        let (&first, block) = self.0.range_mut(..=call.lease).next_back()?;
        let place = block.calls.get_mut(usize::try_from(call.lease - first).ok()?)?;
        if *place != Some(call.id) {
            return None;
        }
        *place = None;
        if block.calls.iter().all(Option::is_none) {
            self.0.remove(&first);
        }
        Some((first, self.0.get(&first)))
    }
}

impl Block {
    fn written(&self) -> String {
        in_json(self.calls.iter().map(|call| call.map_or(NO_CALL, |call| call.0)))
    }
}

/// Whether a call is among those of a lane that are on their way. Asked of each call whose turn it may be, before its row is
/// looked for.
pub(super) fn is_among(call: i64, aloft: &[u8]) -> bool {
    let (aloft, _) = aloft.as_chunks();
    aloft.binary_search_by_key(&call, |&bytes| i64::from_ne_bytes(bytes)).is_ok()
}

/// Stands in a block for a call that is settled.
const NO_CALL: i64 = 0;

fn in_json(calls: impl Iterator<Item = i64>) -> String {
    serde_json::to_string(&calls.collect::<Vec<_>>()).expect("numbers are JSON")
}

impl Outbox<'_> {
    /// Notes that calls of a lane, with leases that follow each other, are on their way.
    pub(super) fn take_off(&mut self, calls: &[Leased]) -> Result<(), StoreError> {
        let Some(first) = calls.first() else { return Ok(()) };
        let block =
            Block { provider: first.provider, calls: calls.iter().map(|call| Some(call.id)).collect() };
        let mut statement = self
            .connection
            .prepare_cached("INSERT INTO flight_block (lease, at, calls) VALUES (?1, ?2, ?3)")?;
        one(statement.execute((first.lease, self.now.0, block.written()))?, first.id)?;
        self.aloft.0.insert(first.lease, block);
        Ok(())
    }

    /// Proves that what is on its way is what this process has leased: that nobody else has landed any of it, whom the lock
    /// should have kept away.
    pub(super) fn prove_flights(&self) -> Result<(), StoreError> {
        let sql = "SELECT count(*), coalesce(sum(lease), 0) FROM flight_block";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found: (i64, i64) = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if found == (self.aloft.0.len().try_into().unwrap_or(i64::MAX), self.aloft.0.keys().sum()) {
            return Ok(());
        }
        Err(StoreError::Damaged { what: "the calls on their way are not those that this run has leased" })
    }

    /// Ends the flight of a call, and fails where it was not leased with this token: so its row is as it was leased. Of an
    /// accepted call the caller takes the payload away in the same transaction, by which a recovery knows that it is done.
    /// The block that the state has of it is looked at when its last call is settled, and by
    /// [`prove_flights`](Self::prove_flights).
    pub(super) fn touch_down(&mut self, call: &Leased, is_accepted: bool) -> Result<(), StoreError> {
        let changed = StoreError::GuardFailed { call: call.id };
        match self.aloft.take(call).ok_or(changed)? {
            (_, Some(_)) if is_accepted => Ok(()),
            (first, Some(block)) => {
                let sql = "UPDATE flight_block SET calls = ?2 WHERE lease = ?1";
                one(self.connection.prepare_cached(sql)?.execute((first, block.written()))?, call.id)
            }
            (first, None) => {
                let sql = "DELETE FROM flight_block WHERE lease = ?1";
                one(self.connection.prepare_cached(sql)?.execute([first])?, call.id)
            }
        }
    }
}

/// Whether the schema has flights.
pub(super) fn are_in_schema(connection: &Connection) -> Result<bool, StoreError> {
    Ok(open::version(connection)? >= VERSION)
}

/// Writes into the calls which of them were on their way, and takes their flights away. To be done in a transaction
/// before calls are changed outside of dispatch; where none is on its way nothing is written.
pub(super) fn land(connection: &Connection) -> Result<(), StoreError> {
    if !any_is_on_its_way(connection)? {
        return Ok(());
    }
    let mut flights = connection.prepare(
        "SELECT flight.call, max(flight.lease), flight.at, state, operation, hold, create_unknown, attempts, unknown_runs,
             unknown_this_run, crashes, missing_seen, remedy_used
         FROM flight CROSS JOIN call ON call.id = flight.call GROUP BY flight.call",
    )?;
    let mut rows = flights.query([])?;
    let mut landed = Vec::new();
    while let Some(row) = rows.next()? {
        let (call, life) = (CallId(row.get(0)?), snapshot::life_of(row)?);
        let after = airborne(call, &life)?;
        landed.push((call, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, life.state, after));
    }
    for (call, lease, at, before, after) in landed {
        CallRecord::of(&after).with("lease", lease).with("replaced", false).update(
            connection,
            call,
            (before, None),
            Timestamp(at),
        )?;
    }
    connection.execute(&format!("DELETE FROM {}", written_in(connection)?), [])?;
    Ok(())
}

/// Whether anything has taken off that was not settled, or not all that took off with it.
fn any_is_on_its_way(connection: &Connection) -> Result<bool, StoreError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", written_in(connection)?);
    Ok(connection.query_row(&sql, [], |row| row.get(0))?)
}

/// The table that flights are written in.
fn written_in(connection: &Connection) -> Result<&'static str, StoreError> {
    Ok(if open::version(connection)? >= VERSION_BLOCKS { "flight_block" } else { "flight" })
}

/// Lands what a killed run left on its way, in one transaction. A crash before it returns leaves it on its way.
pub(super) fn land_all(connection: &mut Connection) -> Result<(), StoreError> {
    if any_is_on_its_way(connection)? {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        land(&transaction)?;
        transaction.commit()?;
    }
    Ok(())
}

/// The life of a call that is on its way, from the one that it stands with.
pub(super) fn airborne(call: CallId, standing: &Life) -> Result<Life, StoreError> {
    Ok(step(call, standing, Happening::Leased)?.life)
}

/// Reads the life of a call row, of which only its flight tells that it is on its way.
pub(super) fn life_of(row: &Row<'_>, call: CallId, is_on_its_way: bool) -> Result<Life, StoreError> {
    let life = snapshot::life_of(row)?;
    if is_on_its_way { airborne(call, &life) } else { Ok(life) }
}

/// All calls that are on their way.
pub(super) fn calls(connection: &Connection) -> Result<HashSet<CallId>, StoreError> {
    let mut flights = connection.prepare("SELECT call FROM flight")?;
    let calls = flights.query_map([], |row| Ok(CallId(row.get(0)?)))?;
    Ok(calls.collect::<Result<_, _>>()?)
}
