//! New accounts and calls of a first fill: many rows with one statement.
//!
//! A statement for a single row finds its way from the root of the table and of every index; one for many rows finds it
//! once, and goes on at the end, where whoever is new stands.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use crate::domain::call::CallId;
use crate::domain::clock::Timestamp;
use crate::domain::provider::ProviderId;

use super::intake::{NewCall, priority};
use super::packed::PackedAccount;
use super::{RunNumber, StoreError};

/// So many rows go with one statement: beyond, little is saved.
const ROWS: usize = 32;

/// Rows that wait for their statement.
#[derive(Debug)]
pub(super) struct Blocks {
    accounts: Vec<[ToSqlOutput<'static>; ACCOUNT_COLUMNS]>,
    calls: Vec<[ToSqlOutput<'static>; CALL_COLUMNS]>,
    next_call: i64,
}

const ACCOUNT_COLUMNS: usize = 6;
const CALL_COLUMNS: usize = 7;

impl Blocks {
    /// For a state in which nobody has an account.
    pub(super) fn new(connection: &Connection) -> Result<Self, StoreError> {
        Ok(Self { accounts: Vec::new(), calls: Vec::new(), next_call: next_call(connection)? })
    }

    /// Takes an account.
    pub(super) fn account(&mut self, customer: i64, provider: ProviderId, account: &PackedAccount) {
        self.accounts.push([
            customer.into(),
            provider.number().into(),
            text(account.key.0.as_str()),
            account.known.into(),
            blob(Some(&account.fields)),
            blob(account.skipped.as_deref()),
        ]);
    }

    /// Takes a call that is queued and nothing else; gives the number that it will have.
    pub(super) fn call(&mut self, call: &NewCall<'_>) -> CallId {
        let id = self.next_call;
        self.next_call += 1;
        self.calls.push([
            id.into(),
            call.customer.into(),
            call.provider.number().into(),
            ToSqlOutput::Borrowed(ValueRef::Text(call.operation.name().as_bytes())),
            priority(call).into(),
            blob(Some(&call.payload.bytes)),
            blob(call.payload.fields.as_deref()),
        ]);
        CallId(id)
    }

    /// Is there enough for a statement.
    pub(super) fn is_full(&self) -> bool {
        self.accounts.len().max(self.calls.len()) >= ROWS
    }

    /// Writes down what waits. What comes behind may be written row by row.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        run: RunNumber,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for rows in self.accounts.chunks(ROWS) {
            let sql = "INSERT INTO account (customer, provider, key, known, fields, skipped) VALUES";
            let values = rows.iter().flatten();
            insert(connection, &rows_of(sql, "(?,?,?,?,?,?)", rows.len()), values)?;
        }
        for rows in self.calls.chunks(ROWS) {
            let sql = "INSERT INTO call (planned_in, created_at, changed_at, state, id, customer, provider, operation,
                           priority, payload, fields) VALUES";
            let (run, now) = (ToSqlOutput::from(run.0), ToSqlOutput::from(now.0));
            let values = [&run, &now].into_iter().chain(rows.iter().flatten());
            // What all rows share has a number; each other "?" counts on from the one before.
            let sql = rows_of(sql, "(?1,?2,?2,'queued',?,?,?,?,?,?,?)", rows.len());
            insert(connection, &sql, values)?;
        }
        self.accounts.clear();
        self.calls.clear();
        Ok(())
    }

    /// Goes on behind what was written row by row.
    pub(super) fn resume(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.next_call = next_call(connection)?;
        Ok(())
    }
}

fn insert<'a>(
    connection: &Connection,
    sql: &str,
    values: impl Iterator<Item = &'a ToSqlOutput<'static>>,
) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute(params_from_iter(values))?;
    Ok(())
}

fn rows_of(sql: &str, row: &str, count: usize) -> String {
    let mut sql = String::from(sql);
    for number in 0..count {
        sql.push_str(if number == 0 { " " } else { "," });
        sql.push_str(row);
    }
    sql
}

fn next_call(connection: &Connection) -> Result<i64, StoreError> {
    let last: Option<i64> = connection.query_row("SELECT max(id) FROM call", [], |row| row.get(0))?;
    Ok(last.unwrap_or(0) + 1)
}

fn text(text: &str) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Text(text.to_owned()))
}

fn blob(bytes: Option<&[u8]>) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(bytes.map_or(Value::Null, |bytes| Value::Blob(bytes.to_vec())))
}
