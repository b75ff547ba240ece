//! Accounts that a late request may still reach although its call has ended, or goes to another account by now: the next
//! call to the account waits as that call would have, whichever customer it is of. Else the late request would land on top.
//!
//! Accounts are remembered, for as long as that wait lasts, by keyed digests that name nobody without the hash key of the
//! state.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use crate::domain::call::CallId;
use crate::domain::clock::{Steady, Timestamp};
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::provider::ProviderId;
use crate::domain::wire::ProviderKey;

use super::lease::{HELD, TRIED, WAITING};
use super::snapshot::provider_of;
use super::{StoreError, codec, setting, shared_keys};

/// How the name of the setting begins that remembers one; the provider's number and the mark come behind.
const SETTLING: &str = "settling:";
/// How the name of the setting begins that says how the clocks stood when a run last took up what waits; the provider's number
/// comes behind.
const STEADY: &str = "steady:";
/// Stands for the end of a wait that the next run begins, which knows how long it lasts: the end of the year 9999.
pub(super) const NOT_BEGUN: Timestamp = Timestamp(253_402_300_799_000);
/// Until when such an account settles.
const UNTIL: &str = "CAST(CAST(value AS TEXT) AS INTEGER)";
/// The calls that may wait to settle, in the words of the indexes that find them.
pub(super) const OPEN: [&str; 3] = [WAITING, TRIED, HELD];
/// The wall clock that is set by less counts as not set.
const UNSET_MS: i64 = 50;

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
    let account = (provider_of(provider)?, &codec::unpack_payload(&payload)?.key);
    note_account(connection, fingerprinter, account, Timestamp(until))
}

/// The same of an account by its key.
pub(super) fn note_account(
    connection: &Connection,
    fingerprinter: &Fingerprinter,
    (provider, key): (ProviderId, &ProviderKey),
    until: Timestamp,
) -> Result<(), StoreError> {
    let mark = fingerprinter.account_mark(provider, key);
    // The longer one of two waits is over last.
    let sql = format!(
        "INSERT INTO setting (name, value) VALUES (?1 || ?2 || ':' || hex(?3), CAST(CAST(?4 AS TEXT) AS BLOB))
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE {UNTIL} < ?4"
    );
    connection.prepare_cached(&sql)?.execute((SETTLING, provider.number(), mark.as_slice(), until.0))?;
    Ok(())
}

/// How much of what had to settle has been waited for since the last run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Waited {
    /// All the time since then; the wall clock was set forward by so many milliseconds meanwhile.
    ByClock(i64),
    /// Nobody knows: the machine was started anew.
    Unknown,
    /// Nobody can know: the machine has no clock but the one on the wall.
    ByWall,
}

/// Whether it is noted for no provider how the clocks stood, as in a state that was put back.
pub(super) fn knows_no_clock(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM setting WHERE name GLOB ?1 || '*')";
    Ok(connection.query_row(sql, [STEADY], |row| row.get(0))?)
}

/// Tells that at the start of a run, and notes how the clocks stand now.
pub(super) fn waited(
    connection: &Connection,
    provider: ProviderId,
    steady: Option<&Steady>,
) -> Result<Waited, StoreError> {
    let Some(steady) = steady else { return Ok(Waited::ByWall) };
    let name = format!("{STEADY}{}", provider.number());
    let noted = setting::get(connection, &name)?.and_then(|noted| String::from_utf8(noted).ok());
    let before = noted.as_ref().and_then(|noted| noted.parse::<Steady>().ok());
    let set = before.and_then(|before| steady.set_since(&before));
    // Both clocks are not looked at in the same moment.
    if set.is_some_and(|set| set.abs() < UNSET_MS) {
        return Ok(Waited::ByClock(0));
    }
    setting::put(connection, &name, steady.to_string().as_bytes())?;
    Ok(set.map_or(Waited::Unknown, Waited::ByClock))
}

/// Forgets how the clocks stood: what waits for a provider begins anew with the next run that has it.
pub(super) fn forget_clock(connection: &Connection, provider: ProviderId) -> Result<(), StoreError> {
    setting::remove(connection, &format!("{STEADY}{}", provider.number()))
}

/// At the start of a run: shifts each wait to settle by how far the clock was set, or begins it anew where that is not known;
/// none lasts longer than to `until`. Calls wait, held ones too for what takes their place, and accounts whose call has
/// ended. Accounts that have settled are forgotten.
pub(super) fn go_on(
    connection: &Connection,
    provider: ProviderId,
    waited: Waited,
    (now, until): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    let anew = || until.0.to_string();
    let by_then = |waits: &str, set: i64| format!("min({waits} + {set}, {})", until.0);
    let (call_waits, account_waits, ended) = match waited {
        Waited::ByClock(set) => (by_then("due", set), by_then(UNTIL, set), Some(now.0.saturating_sub(set))),
        Waited::Unknown => (anew(), anew(), None),
        Waited::ByWall => (anew(), anew(), Some(now.0)),
    };
    // Nothing is to be known any more of the wait of a held call that is over.
    let sql = format!(
        "UPDATE call SET due = 0, settling = 0 WHERE provider = ?1 AND {HELD} AND settling = 1 AND due <= ?2"
    );
    let is_known = matches!(waited, Waited::ByClock(_));
    connection.execute(&sql, (provider.number(), ended.filter(|_| is_known)))?;
    for open in OPEN {
        let sql = format!(
            "UPDATE call SET due = {call_waits}
             WHERE provider = ?1 AND {open} AND settling = 1 AND due <> {call_waits}"
        );
        connection.execute(&sql, [provider.number()])?;
    }
    let of_provider = "name GLOB ?1 || ?2 || ':*'";
    let sql = format!("DELETE FROM setting WHERE {of_provider} AND {UNTIL} <= ?3");
    connection.execute(&sql, (SETTLING, provider.number(), ended))?;
    let sql = format!(
        "UPDATE setting SET value = CAST(CAST({account_waits} AS TEXT) AS BLOB)
         WHERE {of_provider} AND {UNTIL} <> {account_waits}"
    );
    connection.execute(&sql, (SETTLING, provider.number()))?;
    Ok(())
}

/// Has whatever is about to go to such accounts wait, and what is about to go where the call of another customer settles.
pub(super) fn hold_back(connection: &Connection, fingerprinter: &Fingerprinter) -> Result<(), StoreError> {
    let mut waiting = behind_ended(connection, fingerprinter)?;
    waiting.extend(behind_others(connection, fingerprinter)?);
    let sql = "UPDATE call SET due = max(due, ?2), settling = 1,
                   state = CASE state WHEN 'queued' THEN 'waiting' ELSE state END
               WHERE id = ?1 AND lease IS NULL AND state IN ('queued', 'waiting', 'probing')";
    let mut update = connection.prepare_cached(sql)?;
    waiting.into_iter().try_for_each(|(call, until)| update.execute((call.0, until)).map(drop))?;
    Ok(())
}

/// What goes to accounts whose call has ended. There are few of them, and only where there is one, every call that may leave is
/// looked at.
fn behind_ended(
    connection: &Connection,
    fingerprinter: &Fingerprinter,
) -> Result<Vec<(CallId, i64)>, StoreError> {
    let sql = "SELECT substr(name, length(?1) + 3), CAST(CAST(value AS TEXT) AS INTEGER) FROM setting WHERE name GLOB ?1 || '*'";
    let mut select = connection.prepare_cached(sql)?;
    let until = select.query_map([SETTLING], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let until: HashMap<String, i64> = until.collect::<Result<_, _>>()?;
    if until.is_empty() {
        return Ok(Vec::new());
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
        waiting.extend(until.get(&mark).filter(|until| **until > due).map(|until| (CallId(call), *until)));
    }
    Ok(waiting)
}

/// The query for what settles at a provider. Without the provider it would look through all that is queued.
pub(super) fn settling_calls(open: &str) -> String {
    format!(
        "SELECT customer, payload, due FROM call
         WHERE provider = ?1 AND payload IS NOT NULL AND settling = 1 AND due > 0 AND {open}"
    )
}

/// What goes where the call of another customer settles, which a person may have to decide about first.
fn behind_others(
    connection: &Connection,
    fingerprinter: &Fingerprinter,
) -> Result<Vec<(CallId, i64)>, StoreError> {
    let mut waiting = Vec::new();
    for (provider, open) in ProviderId::ALL.into_iter().flat_map(|one| OPEN.map(|open| (one, open))) {
        let mut select = connection.prepare_cached(&settling_calls(open))?;
        let mut rows = select.query([provider.number()])?;
        while let Some(row) = rows.next()? {
            let (customer, until) = (row.get(0)?, row.get(2)?);
            let key = codec::unpack_payload(&row.get::<_, Vec<u8>>(1)?)?.key;
            let rivals = shared_keys::rivals(connection, fingerprinter, (provider, &key), customer)?;
            waiting.extend(rivals.iter().filter(|rival| rival.due < until).map(|rival| (rival.call, until)));
        }
    }
    Ok(waiting)
}
