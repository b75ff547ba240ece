//! Who may exist although nothing here says so, and is probed before it is created: anybody new in a state that was put back
//! from a backup, a customer whose erasure was taken back, and whoever comes under the key of a create that was given up
//! while nobody knew its outcome, or of a customer who was erased.
//!
//! Keys are remembered by a keyed digest, which names nobody without the hash key of the state.

use std::collections::HashSet;

use rusqlite::Connection;

use crate::domain::call::CallId;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::provider::ProviderId;
use crate::domain::wire::ProviderKey;

use super::rare::has_any;
use super::snapshot::provider_of;
use super::{StoreError, codec, erase, restore, settling};

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

/// Of whom it is not known whether they exist.
#[derive(Debug)]
pub(super) struct Doubts {
    /// Anybody new: the state was put back from a backup.
    all: bool,
    /// Customers whose erasure was taken back, by their tombstones.
    customers: HashSet<[u8; 16]>,
    /// Accounts that may exist, by their marks.
    accounts: HashSet<[u8; 16]>,
}

impl Doubts {
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let mut select = connection.prepare("SELECT value FROM setting WHERE name GLOB ?1 || '*'")?;
        let accounts = select.query_map([MAY_EXIST], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let all = restore::may_know_too_little(connection)?;
        Ok(Self { all, customers: erase::undone(connection)?, accounts })
    }

    /// Whether everything is known.
    pub(super) fn are_none(&self) -> bool {
        !self.all && self.customers.is_empty() && self.accounts.is_empty()
    }

    /// Whether one of them concerns an account with that mark or a customer with that tombstone, which are asked for only where
    /// it matters.
    pub(super) fn concern(
        &self,
        account: impl FnOnce() -> Result<[u8; 16], StoreError>,
        customer: impl FnOnce() -> Result<[u8; 16], StoreError>,
    ) -> Result<bool, StoreError> {
        Ok(self.all
            || (!self.accounts.is_empty() && self.accounts.contains(&account()?))
            || (!self.customers.is_empty() && self.customers.contains(&customer()?)))
    }
}

/// Remembers all that another state has doubts about.
pub(super) fn carry_over(from: &Connection, to: &Connection) -> Result<(), StoreError> {
    let mut select = from.prepare("SELECT value FROM setting WHERE name GLOB ?1 || '*'")?;
    let marks = select.query_map([MAY_EXIST], |row| row.get(0))?.collect::<Result<Vec<[u8; 16]>, _>>()?;
    marks.iter().try_for_each(|mark| put_mark(to, mark))?;
    erase::undone(from)?.iter().try_for_each(|mark| erase::put_undone(to, mark))
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
    let mut calls =
        connection.prepare(&format!("SELECT id FROM call WHERE settling = 1 AND {OF_CUSTOMER}"))?;
    let calls =
        calls.query_map([customer_id], |row| Ok(CallId(row.get(0)?)))?.collect::<Result<Vec<_>, _>>()?;
    calls.into_iter().try_for_each(|call| settling::note(connection, fingerprinter, call))?;
    let sql = format!("SELECT provider, payload FROM call WHERE payload IS NOT NULL AND {OF_CUSTOMER}");
    let mut calls = connection.prepare(&sql)?;
    let mut rows = calls.query([customer_id])?;
    while let Some(row) = rows.next()? {
        // Where it cannot be read, the account of the same customer and provider is remembered all the same.
        let Ok(payload) = codec::unpack_payload(&row.get::<_, Vec<u8>>(1)?) else { continue };
        put(connection, fingerprinter, provider_of(row.get(0)?)?, &payload.key)?;
    }
    if has_any(connection, "other_key")? {
        let mut others = connection.prepare(&format!("SELECT mark FROM other_key WHERE {OF_CUSTOMER}"))?;
        let mut rows = others.query([customer_id])?;
        while let Some(row) = rows.next()? {
            put_mark(connection, &row.get(0)?)?;
        }
    }
    Ok(())
}
