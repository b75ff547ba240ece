//! What a released call does to another customer whose account it writes over.
//!
//! A person may let a call go to an account that is known to be another customer's: a key that moved, or one that two have.
//! What that one has there is not known from then on. When the call has left, both are compared again: whoever has moved
//! lacks nothing, and what either of two lacks is held as long as they share the key.

use rusqlite::{Connection, TransactionBehavior};

use crate::domain::account::Acknowledged;
use crate::domain::mark::{Mark, Marker, NO_RECORD};

use super::lease::CallRow;
use super::marks::{self, Marks};
use super::outbox::Outbox;
use super::{StoreError, codec};

/// How the name of a setting begins that says whose account a call was released to; its number comes behind.
const RELEASED: &str = "released_to_owner_of:";

impl Outbox<'_> {
    /// Is a call of another customer for the same account on its way, or about to be.
    pub(super) fn another_goes_first(&self, released: &CallRow) -> Result<bool, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT call.payload FROM account JOIN call USING (customer, provider)
             WHERE provider = ?1 AND account.key = ?2 AND customer <> ?3
                 AND call.payload IS NOT NULL AND call.state <> 'held' AND call.state <> 'refused'",
        )?;
        let key = &released.payload.key;
        let mut rows =
            select.query((released.provider.number(), key.0.as_str(), released.customer_number))?;
        while let Some(row) = rows.next()? {
            if codec::unpack_payload(&row.get::<_, Vec<u8>>(0)?)?.key == *key {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes what other customers are known to have in the account of a released call for unknown; are there any.
    pub(super) fn doubt_other_owners(&self, released: &CallRow) -> Result<bool, StoreError> {
        let (provider, key) = (released.provider.number(), &released.payload.key);
        let mut select = self.connection.prepare_cached(
            "SELECT customer, fields FROM account WHERE provider = ?1 AND key = ?2 AND customer <> ?3 AND known",
        )?;
        let mut update = self
            .connection
            .prepare_cached("UPDATE account SET fields = ?3 WHERE customer = ?1 AND provider = ?2")?;
        let mut note =
            self.connection.prepare_cached("INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)")?;
        let mut rows = select.query((provider, key.0.as_str(), released.customer_number))?;
        let mut has_owner = false;
        while let Some(row) = rows.next()? {
            has_owner = true;
            let owner: i64 = row.get(0)?;
            let mut fields = codec::unpack_fields(&row.get::<_, Vec<u8>>(1)?)?;
            for (field, _) in released.payload.values.iter() {
                fields.insert(field, Acknowledged::Unknown);
            }
            update.execute((owner, provider, codec::pack_fields(&fields)))?;
            note.execute((format!("{RELEASED}{}:{owner}", released.id), owner.to_string().into_bytes()))?;
        }
        Ok(has_owner)
    }
}

/// Has those compared again to whose accounts a call was released that is settled by now, and whose call it was. A crash
/// before it returns leaves that to the next opening.
pub(super) fn compare_again(connection: &mut Connection, marker: &Marker) -> Result<(), StoreError> {
    let (names, compared_again) = settled(connection, marker)?;
    if names.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    marks::put(&transaction, compared_again)?;
    for name in names {
        transaction.execute("DELETE FROM setting WHERE name = ?1", [name])?;
    }
    Ok(transaction.commit()?)
}

/// The settings whose calls are settled, and the marks of the customers, without their records.
fn settled(connection: &Connection, marker: &Marker) -> Result<(Vec<String>, Marks), StoreError> {
    let noted = "SELECT name, CAST(substr(name, length(?1) + 1) AS INTEGER) AS call, CAST(CAST(value AS TEXT) AS INTEGER)
         AS owner FROM setting WHERE substr(name, 1, length(?1)) = ?1";
    let settled = format!(
        "WITH noted AS ({noted}), settled AS (
             SELECT name, owner, call.customer FROM noted LEFT JOIN call ON call.id = noted.call
             WHERE call.payload IS NULL)
         SELECT name, customer_id FROM settled
         LEFT JOIN customer ON customer.id = settled.owner OR customer.id = settled.customer"
    );
    let mut select = connection.prepare(&settled)?;
    let mut rows = select.query([RELEASED])?;
    let (mut names, mut compared_again) = (Vec::new(), Marks::default());
    while let Some(row) = rows.next()? {
        names.push(row.get::<_, String>(0)?);
        if let Some(id) = row.get::<_, Option<String>>(1)? {
            compared_again.push(Mark { key: marker.key(&id), record: NO_RECORD, meaning: NO_RECORD });
        }
    }
    Ok((names, compared_again))
}
