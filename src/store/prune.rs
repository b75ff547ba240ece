//! How long what is settled is kept: for as many runs as folders are kept. A rehearsal has a folder and no number here, so
//! that calls stay longer than folders where there are rehearsals. Nothing that is open or refused goes.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::transitions::keep_last_call;
use super::{RunNumber, Store, StoreError, setting};

/// How many calls are deleted in one run. Where more have grown old at once, the next runs go on.
const CALLS_AT_ONCE: u32 = 100_000;
/// The setting that names the first of the runs whose settled calls are all kept.
const KEPT_SINCE: &str = "calls_kept_since";

/// What has to go: calls up to that number that were settled before that run.
struct Old {
    last: i64,
    before: i64,
}

impl Store {
    /// Deletes calls that were settled more than so many runs before this one, with their answers; gives how many. A run
    /// that has changed nothing must not ask for it: it makes a backup where none was made yet. One transaction.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read or, so for every method of this file, written.
    pub fn prune(&mut self, run: RunNumber, keep_runs: usize) -> Result<u64, StoreError> {
        let before = run.0.saturating_sub(i64::try_from(keep_runs).unwrap_or(i64::MAX));
        let Some(old) = old(&self.connection, before)? else { return Ok(0) };
        self.backups.make_due()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        keep_last_call(&transaction)?;
        let is_old = "id <= ?1 AND payload IS NULL AND planned_in < ?2 AND settled_in < ?2";
        let numbers = (old.last, old.before);
        transaction.execute(
            &format!("DELETE FROM answer WHERE call IN (SELECT id FROM call WHERE {is_old})"),
            numbers,
        )?;
        let deleted = transaction.execute(&format!("DELETE FROM call WHERE {is_old}"), numbers)?;
        let first_kept: Option<String> = transaction
            .query_row("SELECT id FROM run WHERE number >= ?1 ORDER BY number LIMIT 1", [old.before], |row| {
                row.get(0)
            })
            .optional()?;
        if let Some(first) = first_kept {
            setting::put(&transaction, KEPT_SINCE, first.as_bytes())?;
        }
        transaction.commit()?;
        Ok(deleted as u64)
    }

    /// The first of the runs whose settled calls are all kept; none, where nothing was ever deleted.
    pub fn calls_kept_since(&self) -> Result<Option<String>, StoreError> {
        let since = setting::get(&self.connection, KEPT_SINCE)?.map(String::from_utf8).transpose();
        since.map_err(|_| StoreError::Damaged { what: "the name of a run is no text" })
    }
}

/// Calls are numbered in the order of the runs that made them: the old ones come first, among those that are still open or
/// parked, however many these are.
fn old(connection: &Connection, before: i64) -> Result<Option<Old>, StoreError> {
    let mut select = connection.prepare(
        "SELECT id, planned_in, payload IS NULL AND coalesce(settled_in < ?1, 0) FROM call ORDER BY id",
    )?;
    let mut rows = select.query([before])?;
    let (mut last, mut found) = (None, 0);
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? >= before || found == CALLS_AT_ONCE {
            break;
        }
        if row.get(2)? {
            last = Some(row.get(0)?);
            found += 1;
        }
    }
    Ok(last.map(|last| Old { last, before }))
}
