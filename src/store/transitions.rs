//! The one way in which the row of a call is written, and what every transition of it has to pass: the lifecycle allows it,
//! and the row is as it was decided for.
//!
//! The life of a call is always written whole, so that nobody can write half of what the lifecycle decided. Three places know
//! better for the sake of speed: a call that is accepted, many new ones at once ([`super::blocks`]), and all that wait at the
//! start of a run ([`super::recovery`]).

use std::fmt::Write as _;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::domain::call::{CallId, HoldReason, Payload, State};
use crate::domain::clock::Timestamp;
use crate::domain::lifecycle::{self, Happening, Life, Step};

use super::packed::PackedPayload;
use super::{RunNumber, StoreError, codec};

/// What an event does to a call.
pub(super) fn step(call: CallId, life: &Life, happening: Happening) -> Result<Step, StoreError> {
    lifecycle::next(life, happening).map_err(|source| StoreError::Illegal { call, source })
}

/// A guarded UPDATE must have touched exactly one row.
pub(super) fn one(changed: usize, call: CallId) -> Result<(), StoreError> {
    if changed == 1 { Ok(()) } else { Err(StoreError::GuardFailed { call }) }
}

/// The highest number that a call ever had: one that was erased with its customer is not given to another one, whom a person
/// would take for it.
const LAST_CALL: &str = "max(coalesce((SELECT max(id) FROM call), 0),
    coalesce((SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM setting WHERE name = 'last_call'), 0))";

/// The number of the next call.
pub(super) fn next_call(connection: &Connection) -> Result<CallId, StoreError> {
    let last: i64 = connection.query_row(&format!("SELECT {LAST_CALL}"), [], |row| row.get(0))?;
    Ok(CallId(last + 1))
}

/// Remembers that number, before calls are deleted.
pub(super) fn keep_last_call(connection: &Connection) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT OR REPLACE INTO setting (name, value) SELECT 'last_call', CAST(CAST({LAST_CALL} AS TEXT) AS BLOB)"
    );
    connection.execute(&sql, [])?;
    Ok(())
}

/// What is written to the row of a call.
#[derive(Debug)]
pub(super) struct CallRecord {
    columns: Vec<&'static str>,
    values: Vec<Value>,
}

impl CallRecord {
    /// The whole life. A call that has come to its end carries nothing any more; one that is refused is so with all of it.
    pub(super) fn of(life: &Life) -> Self {
        let record = Self { columns: Vec::with_capacity(16), values: Vec::with_capacity(20) }
            .with("state", life.state.name().to_owned())
            .with("operation", life.operation.name().to_owned())
            .with("hold", life.hold.map(|hold| HoldReason::name(hold).to_owned()))
            .with("create_unknown", life.create_unknown)
            .with("attempts", life.attempts)
            .with("unknown_runs", life.unknown_runs)
            .with("unknown_this_run", life.unknown_this_run)
            .with("crashes", life.crashes)
            .with("missing_seen", life.missing_seen)
            .with("remedy_used", life.remedy_used);
        match life.state {
            State::Queued | State::Waiting | State::InFlight | State::Probing | State::Held => record,
            State::Refused => record.with("only_fields", Value::Null),
            State::Acknowledged | State::Superseded | State::Abandoned | State::Forgotten => {
                record.with("only_fields", Value::Null).with("payload", Value::Null)
            }
        }
    }

    /// A cell beside its life.
    pub(super) fn with(mut self, column: &'static str, value: impl Into<Value>) -> Self {
        debug_assert!(!self.columns.contains(&column), "{column} is written twice");
        self.columns.push(column);
        self.values.push(value.into());
        self
    }

    /// What it carries from now on.
    pub(super) fn carrying(self, payload: PackedPayload) -> Self {
        self.with("payload", payload.bytes).with("fields", payload.fields)
    }

    /// What it carries from now on of that which it was made for.
    pub(super) fn left_with(self, rest: &Payload) -> Self {
        self.with("payload", codec::pack_payload(rest))
    }

    /// In which run it came to rest: at its end, or before a person.
    pub(super) fn resting(self, life: &Life, run: RunNumber) -> Self {
        let rests = !life.state.is_open() || life.state == State::Held;
        self.with("settled_in", rests.then_some(run.0))
    }

    /// Writes a call that is not there yet, with the number that [`next_call`] gave.
    pub(super) fn insert(
        self,
        connection: &Connection,
        text: &mut InsertText,
        call: CallId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let record = self.with("id", call.0).with("created_at", now.0).with("changed_at", now.0);
        let sql = text.of(&record.columns);
        connection.prepare_cached(sql)?.execute(params_from_iter(record.values))?;
        Ok(())
    }

    /// Writes over a call, if it is in this state and has this lease still.
    pub(super) fn update(
        self,
        connection: &Connection,
        call: CallId,
        (state, lease): (State, Option<i64>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut record = self.with("changed_at", now.0);
        let mut sql = String::from("UPDATE call SET ");
        for column in &record.columns {
            write!(sql, "{column} = ?, ").expect("a text takes what is written");
        }
        sql.truncate(sql.len() - ", ".len());
        sql.push_str(" WHERE id = ? AND state = ? AND lease IS ?");
        record.values.extend([call.0.into(), state.name().to_owned().into(), lease.into()]);
        one(connection.prepare_cached(&sql)?.execute(params_from_iter(record.values))?, call)
    }
}

/// The text of the last INSERT with its columns: thousands of calls are written one after the other.
#[derive(Debug, Default)]
pub(super) struct InsertText {
    columns: Vec<&'static str>,
    sql: String,
}

impl InsertText {
    fn of(&mut self, columns: &[&'static str]) -> &str {
        if self.columns != columns {
            let places = vec!["?"; columns.len()].join(", ");
            self.sql = format!("INSERT INTO call ({}) VALUES ({places})", columns.join(", "));
            self.columns = columns.to_vec();
        }
        &self.sql
    }
}

/// Ends a call that stands and brings nothing any more.
pub(super) fn end(
    connection: &Connection,
    (call, before): (CallId, &Life),
    happening: Happening,
    (run, now): (RunNumber, Timestamp),
) -> Result<(), StoreError> {
    let after = step(call, before, happening)?.life;
    CallRecord::of(&after).resting(&after, run).update(connection, call, (before.state, None), now)
}
