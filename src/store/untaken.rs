//! What records said that were turned away whole, as far as the provider does not have it: remembered until a later record says
//! it, so that one which only mends what they were turned away for does not make the rest forgotten.

use rusqlite::Connection;

use crate::domain::customer::CustomerNumber;
use crate::domain::provider::ProviderId;
use crate::domain::wire::FieldCode;

use super::rare::has_any;
use super::snapshot::provider_of;
use super::{Intake, StoreError, codec};

impl Intake<'_> {
    /// Remembers these fields as what records said that were turned away whole, instead of those of before.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written.
    pub fn put_untaken(
        &self,
        customer: CustomerNumber,
        provider: ProviderId,
        fields: &[FieldCode],
    ) -> Result<(), StoreError> {
        put(&self.transaction, customer, provider, fields)
    }
}

fn put(
    connection: &Connection,
    customer: CustomerNumber,
    provider: ProviderId,
    fields: &[FieldCode],
) -> Result<(), StoreError> {
    match codec::pack_codes(fields) {
        Some(packed) => {
            let sql = "INSERT OR REPLACE INTO untaken (customer, provider, fields) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute((customer, provider.number(), packed))?;
        }
        None => {
            let sql = "DELETE FROM untaken WHERE customer = ?1 AND provider = ?2";
            connection.prepare_cached(sql)?.execute((customer, provider.number()))?;
        }
    }
    Ok(())
}

/// What is remembered of a customer, by provider.
pub(super) fn of_customer(
    connection: &Connection,
    customer: CustomerNumber,
) -> Result<Vec<(ProviderId, Vec<FieldCode>)>, StoreError> {
    let sql = "SELECT fields, provider FROM untaken WHERE customer = ?1 ORDER BY provider";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([customer])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let packed: Vec<u8> = row.get(0)?;
        found.push((provider_of(row.get(1)?)?, codec::unpack_codes(Some(&packed))?));
    }
    Ok(found)
}

/// Removes what is remembered of a customer who is erased, by its key. A copy of an older version remembers nothing.
pub(super) fn remove(connection: &Connection, customer_id: &str) -> Result<(), StoreError> {
    if has_any(connection, "untaken")? {
        let sql = "DELETE FROM untaken WHERE customer IN (SELECT id FROM customer WHERE customer_id = ?1)";
        connection.execute(sql, [customer_id])?;
    }
    Ok(())
}
