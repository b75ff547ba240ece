//! The key that the newest record of a customer names at a provider, where its account or its call has another one: it was
//! corrected, given to somebody else or taken back, while a call under the other one may have left, or waits for a person.
//!
//! Remembered by a keyed digest. Of whom nothing is remembered, the record names what the call that stands goes to, or else
//! what the account has.

use rusqlite::{Connection, OptionalExtension, Row};

use crate::domain::customer::CustomerNumber;
use crate::domain::provider::ProviderId;
use crate::domain::standing::Named;

use super::StoreError;
use super::rare::has_any;
use super::snapshot::provider_of;

/// Remembers what a record names, or that it is nothing special any more.
pub(super) fn put(
    connection: &Connection,
    customer: CustomerNumber,
    provider: ProviderId,
    named: Option<Named>,
) -> Result<(), StoreError> {
    let Some(named) = named else {
        let sql = "DELETE FROM named_key WHERE customer = ?1 AND provider = ?2";
        connection.prepare_cached(sql)?.execute((customer, provider.number()))?;
        return Ok(());
    };
    let mark: &[u8] = match &named {
        Named::Nobody => &[],
        Named::Account(mark) => mark,
    };
    let sql = "INSERT OR REPLACE INTO named_key (customer, provider, mark) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute((customer, provider.number(), mark))?;
    Ok(())
}

/// What is remembered of a customer at a provider.
pub(super) fn find(
    connection: &Connection,
    customer: CustomerNumber,
    provider: ProviderId,
) -> Result<Option<Named>, StoreError> {
    let sql = "SELECT mark FROM named_key WHERE customer = ?1 AND provider = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row((customer, provider.number()), named).optional()?)
}

/// What is remembered of a customer at all providers.
pub(super) fn of_customer(
    connection: &Connection,
    customer: CustomerNumber,
) -> Result<Vec<(ProviderId, Named)>, StoreError> {
    let sql = "SELECT mark, provider FROM named_key WHERE customer = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([customer])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((provider_of(row.get(1)?)?, named(row)?));
    }
    Ok(found)
}

/// The last condition is what its index asks for.
pub(super) const BY_ANOTHER_SQL: &str = "SELECT EXISTS (SELECT 1 FROM named_key
    WHERE provider = ?1 AND mark = ?2 AND customer <> ?3 AND mark <> x'')";

/// Whether the record of another customer names this account, whatever its own account and call are.
pub(super) fn is_named_by_another(
    connection: &Connection,
    provider: ProviderId,
    mark: &[u8; 16],
    customer: CustomerNumber,
) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(BY_ANOTHER_SQL)?;
    Ok(statement.query_row((provider.number(), mark.as_slice(), customer), |row| row.get(0))?)
}

/// Removes those of a customer who is erased, by its key. A copy of an older version has none.
pub(super) fn remove(connection: &Connection, customer_id: &str) -> Result<(), StoreError> {
    if has_any(connection, "named_key")? {
        let sql = "DELETE FROM named_key WHERE customer IN (SELECT id FROM customer WHERE customer_id = ?1)";
        connection.execute(sql, [customer_id])?;
    }
    Ok(())
}

fn named(row: &Row<'_>) -> rusqlite::Result<Named> {
    let mark = row.get_ref(0)?.as_blob()?;
    Ok(mark.try_into().map_or(Named::Nobody, Named::Account))
}
