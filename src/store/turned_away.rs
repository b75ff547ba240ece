//! Customers who are kept from a provider because the key that their newest record has for it was not taken: told of as long as
//! they are.

use rusqlite::{Connection, Row};

use crate::domain::customer::CustomerNumber;
use crate::domain::provider::ProviderId;
use crate::domain::standing::TurnedAway;
use crate::domain::wire::FieldCode;

use super::overview::{LeftOut, RejectFilter};
use super::rare::has_any;
use super::snapshot::provider_of;
use super::{Intake, StoreError};

/// Is added to the code of a part whose key came too early. No part of a key is a subscription, whose codes are as high.
pub(super) const TOO_EARLY: u32 = 1 << 31;

impl Intake<'_> {
    /// Remembers why a customer's key was not taken, or that nothing is wrong with it any more.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written.
    pub fn put_turned_away(
        &self,
        customer: CustomerNumber,
        provider: ProviderId,
        turned_away: Option<TurnedAway>,
    ) -> Result<(), StoreError> {
        put(&self.transaction, customer, provider, turned_away)
    }
}

fn put(
    connection: &Connection,
    customer: CustomerNumber,
    provider: ProviderId,
    turned_away: Option<TurnedAway>,
) -> Result<(), StoreError> {
    match turned_away {
        Some(turned_away) => {
            let code = match turned_away {
                TurnedAway::Invalid(FieldCode(code)) => code,
                TurnedAway::TooEarly(FieldCode(code)) => code | TOO_EARLY,
            };
            let sql = "INSERT OR REPLACE INTO turned_away (customer, provider, field) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute((customer, provider.number(), code))?;
        }
        None => {
            let sql = "DELETE FROM turned_away WHERE customer = ?1 AND provider = ?2";
            connection.prepare_cached(sql)?.execute((customer, provider.number()))?;
        }
    }
    Ok(())
}

/// Who turns a customer away, in their order, and why.
pub(super) fn of_customer(
    connection: &Connection,
    customer: CustomerNumber,
) -> Result<Vec<(ProviderId, TurnedAway)>, StoreError> {
    let sql = "SELECT field, provider FROM turned_away WHERE customer = ?1 ORDER BY provider";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([customer])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((provider_of(row.get(1)?)?, read(row, 0)?));
    }
    Ok(found)
}

/// How many there are, by provider.
pub(super) fn count(connection: &Connection) -> Result<Vec<(ProviderId, u64)>, StoreError> {
    let mut found = Vec::new();
    if has_any(connection, "turned_away")? {
        let mut statement =
            connection.prepare("SELECT provider, count(*) FROM turned_away GROUP BY provider")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let count: i64 = row.get(1)?;
            found.push((provider_of(row.get(0)?)?, count.unsigned_abs()));
        }
    }
    Ok(found)
}

/// Who is turned away, customer by customer. Of the filter, provider and customer count.
pub(super) fn list(connection: &Connection, filter: &RejectFilter) -> Result<Vec<LeftOut>, StoreError> {
    let mut found = Vec::new();
    if has_any(connection, "turned_away")? {
        let mut statement = connection.prepare(
            "SELECT customer.customer_id, provider, field
             FROM turned_away JOIN customer ON customer.id = turned_away.customer
             WHERE (?1 IS NULL OR provider = ?1) AND (?2 IS NULL OR customer.customer_id = ?2)
             ORDER BY turned_away.customer, provider",
        )?;
        let mut rows = statement.query((filter.provider.map(ProviderId::number), &filter.customer))?;
        while let Some(row) = rows.next()? {
            let provider = provider_of(row.get(1)?)?;
            found.push(LeftOut { customer_id: row.get(0)?, provider, fields: vec![read(row, 2)?.part()] });
        }
    }
    Ok(found)
}

/// Removes what is said of a customer who is erased, by its key. A copy of an older version says nothing.
pub(super) fn remove(connection: &Connection, customer_id: &str) -> Result<(), StoreError> {
    if has_any(connection, "turned_away")? {
        let sql =
            "DELETE FROM turned_away WHERE customer IN (SELECT id FROM customer WHERE customer_id = ?1)";
        connection.execute(sql, [customer_id])?;
    }
    Ok(())
}

fn read(row: &Row<'_>, column: usize) -> rusqlite::Result<TurnedAway> {
    let code: u32 = row.get(column)?;
    let part = FieldCode(code & !TOO_EARLY);
    Ok(if code & TOO_EARLY == 0 { TurnedAway::Invalid(part) } else { TurnedAway::TooEarly(part) })
}
