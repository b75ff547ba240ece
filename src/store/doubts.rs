//! Accounts that may exist although no customer here is known to have them: a create whose outcome nobody knows was given
//! up, or its customer was erased. Whoever is to be created under such a key is probed first.
//!
//! They are remembered by a keyed digest of the key, which names nobody without the hash key of the state.

use std::collections::HashSet;

use rusqlite::Connection;

use crate::domain::fingerprint::Fingerprinter;
use crate::domain::provider::ProviderId;
use crate::domain::wire::ProviderKey;

use super::snapshot::provider_of;
use super::{StoreError, codec, shared_keys};

/// How the name of the setting begins that remembers one; its mark comes behind, in hexadecimal digits.
const MAY_EXIST: &str = "may_exist:";

/// Remembers that an account may exist.
pub(super) fn put(
    connection: &Connection,
    fingerprinter: &Fingerprinter,
    provider: ProviderId,
    key: &ProviderKey,
) -> Result<(), StoreError> {
    put_mark(connection, &fingerprinter.account_mark(provider, key))
}

fn put_mark(connection: &Connection, mark: &[u8; 16]) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO setting (name, value) VALUES (?1 || hex(?2), ?2)";
    connection.prepare_cached(sql)?.execute((MAY_EXIST, mark.as_slice()))?;
    Ok(())
}

/// The marks of all of them.
pub(super) fn all(connection: &Connection) -> Result<HashSet<[u8; 16]>, StoreError> {
    let mut select = connection.prepare("SELECT value FROM setting WHERE name GLOB ?1 || '*'")?;
    let marks = select.query_map([MAY_EXIST], |row| row.get(0))?;
    Ok(marks.collect::<Result<_, _>>()?)
}

/// Remembers the accounts of a customer who is about to be erased: those it has or had, and those that its open calls go
/// to.
pub(super) fn remember_accounts(
    connection: &Connection,
    fingerprinter: &Fingerprinter,
    customer_id: &str,
) -> Result<(), StoreError> {
    const OF_CUSTOMER: &str = "customer IN (SELECT id FROM customer WHERE customer_id = ?1)";
    let mut accounts =
        connection.prepare(&format!("SELECT provider, key FROM account WHERE {OF_CUSTOMER}"))?;
    let mut rows = accounts.query([customer_id])?;
    while let Some(row) = rows.next()? {
        let key = ProviderKey(row.get::<_, String>(1)?.into());
        put(connection, fingerprinter, provider_of(row.get(0)?)?, &key)?;
    }
    let sql = format!("SELECT provider, payload FROM call WHERE payload IS NOT NULL AND {OF_CUSTOMER}");
    let mut calls = connection.prepare(&sql)?;
    let mut rows = calls.query([customer_id])?;
    while let Some(row) = rows.next()? {
        // Where it cannot be read, the account of the same customer and provider is remembered all the same.
        let Ok(payload) = codec::unpack_payload(&row.get::<_, Vec<u8>>(1)?) else { continue };
        put(connection, fingerprinter, provider_of(row.get(0)?)?, &payload.key)?;
    }
    if shared_keys::are_there(connection)? {
        let mut others = connection.prepare(&format!("SELECT mark FROM other_key WHERE {OF_CUSTOMER}"))?;
        let mut rows = others.query([customer_id])?;
        while let Some(row) = rows.next()? {
            put_mark(connection, &row.get(0)?)?;
        }
    }
    Ok(())
}
