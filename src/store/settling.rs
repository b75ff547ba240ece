//! Accounts that a late request may still reach although the call that made it has ended, or goes to another account by now: what
//! is sent to them next waits as that call would have, whoever's it is. Else the late request lands on top of it.
//!
//! Accounts are remembered by keyed digests, which name nobody without the hash key of the state, for as long as that wait lasts.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use crate::domain::call::CallId;
use crate::domain::clock::Timestamp;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::provider::ProviderId;

use super::snapshot::provider_of;
use super::{StoreError, codec};

/// How the name of the setting begins that remembers one; the provider's number and the mark come behind.
const SETTLING: &str = "settling:";

/// Remembers the account of a call that is about to end or to be taken from it, if its outcome is unknown.
pub(super) fn note(
    connection: &Connection,
    fingerprinter: &Fingerprinter,
    call: CallId,
) -> Result<(), StoreError> {
    let sql = "SELECT provider, payload, due FROM call
               WHERE id = ?1 AND settling = 1 AND due > 0 AND payload IS NOT NULL";
    let mut select = connection.prepare_cached(sql)?;
    let found = select.query_row([call.0], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.get(2)?)));
    let Some((provider, payload, until)) = found.optional()? else { return Ok(()) };
    let until: i64 = until;
    let provider = provider_of(provider)?;
    let mark = fingerprinter.account_mark(provider, &codec::unpack_payload(&payload)?.key);
    let sql = "INSERT INTO setting (name, value) VALUES (?1 || ?2 || ':' || hex(?3), CAST(CAST(?4 AS TEXT) AS BLOB))
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.prepare_cached(sql)?.execute((SETTLING, provider.number(), mark.as_slice(), until))?;
    Ok(())
}

/// At the start of a run nobody knows how long the program was away: what has not come to its end waits from now on. What has is
/// forgotten.
pub(super) fn begin_anew(
    connection: &Connection,
    provider: ProviderId,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), StoreError> {
    let of_provider = "name GLOB ?1 || ?2 || ':*'";
    let sql =
        format!("DELETE FROM setting WHERE {of_provider} AND CAST(CAST(value AS TEXT) AS INTEGER) <= ?3");
    connection.execute(&sql, (SETTLING, provider.number(), now.0))?;
    let sql = format!("UPDATE setting SET value = CAST(CAST(?3 AS TEXT) AS BLOB) WHERE {of_provider}");
    connection.execute(&sql, (SETTLING, provider.number(), until.0))?;
    Ok(())
}

/// Has whatever is about to go to such accounts wait. There are few of them, and only where there is one, every call that may leave
/// is looked at.
pub(super) fn hold_back(connection: &Connection, fingerprinter: &Fingerprinter) -> Result<(), StoreError> {
    let sql = "SELECT substr(name, length(?1) + 3), CAST(CAST(value AS TEXT) AS INTEGER) FROM setting WHERE name GLOB ?1 || '*'";
    let mut select = connection.prepare_cached(sql)?;
    let until = select.query_map([SETTLING], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let until: HashMap<String, i64> = until.collect::<Result<_, _>>()?;
    if until.is_empty() {
        return Ok(());
    }
    let sql = "SELECT id, provider, payload, due FROM call
               WHERE payload IS NOT NULL AND lease IS NULL AND state IN ('queued', 'waiting', 'probing')";
    let (mut select, mut waiting) = (connection.prepare_cached(sql)?, Vec::new());
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (call, due): (i64, i64) = (row.get(0)?, row.get(3)?);
        let provider = provider_of(row.get(1)?)?;
        let key = codec::unpack_payload(&row.get::<_, Vec<u8>>(2)?)?.key;
        let mark = fingerprinter.account_mark(provider, &key);
        let mark: String = mark.iter().map(|byte| format!("{byte:02X}")).collect();
        waiting.extend(until.get(&mark).filter(|until| **until > due).map(|until| (call, *until)));
    }
    let sql = "UPDATE call SET due = ?2, settling = 1, state = CASE state WHEN 'queued' THEN 'waiting' ELSE state END
               WHERE id = ?1 AND lease IS NULL";
    let mut update = connection.prepare_cached(sql)?;
    waiting.into_iter().try_for_each(|both| update.execute(both).map(drop))?;
    Ok(())
}
