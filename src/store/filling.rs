//! The first fill of a state, written straight into its file.
//!
//! A write-ahead log is made for changes beside readers. Through it each page of a first fill is written twice and read
//! twice: once more for the sums of the log, because pages change after they were written, and once to be moved into the
//! file. A rollback journal holds what stood in the file before, which is next to nothing in a state without customers,
//! and the new pages are written where they stay.
//!
//! A crash leaves the journal beside the file; the next opening for changes puts back what it holds. Until then, and
//! while the fill goes on, the state reads as the empty one that it was.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::StoreError;
use super::open::{BUSY_TIMEOUT, use_write_ahead_log};
use super::place::beside;

/// As long as it lives, the state has a rollback journal in the place of its write-ahead log.
#[derive(Debug)]
pub(super) struct Filling<'a>(&'a Connection);

impl<'a> Filling<'a> {
    /// Takes the write-ahead log away and begins to write alone. `None` where somebody reads at this moment, who must not
    /// be kept waiting. A crash leaves the state with its log or without, and the next opening gives it one.
    pub(super) fn begin(connection: &'a Connection) -> Result<Option<(Self, Transaction<'a>)>, StoreError> {
        connection.busy_timeout(Duration::ZERO)?;
        let begun = Self::try_begin(connection);
        connection.busy_timeout(BUSY_TIMEOUT)?;
        match begun {
            Ok(begun) => Ok(Some(begun)),
            Err(error) if is_busy(&error) => {
                use_write_ahead_log(connection)?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn try_begin(connection: &'a Connection) -> rusqlite::Result<(Self, Transaction<'a>)> {
        // The journal is emptied and synced at the end, where a deleted one could come back after a loss of power.
        connection
            .pragma_update_and_check(None, "journal_mode", "TRUNCATE", |row| row.get::<_, String>(0))?;
        let filling = Self(connection);
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Exclusive)?;
        Ok((filling, transaction))
    }
}

impl Drop for Filling<'_> {
    /// Where a disk refuses this, the next opening does it; until then the state is as safe, but slower.
    fn drop(&mut self) {
        drop(self.0.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0)));
    }
}

/// Whether a journal lies beside the file, so that a fill goes on or was cut short.
pub(super) fn has_journal(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-journal")).is_ok_and(|journal| journal.len() > 0)
}

/// Whether the state could not be read because it is being filled for the first time, or because that was cut short. There is
/// nothing to read then.
pub(super) fn explains(error: &StoreError, path: &Path) -> bool {
    let StoreError::Sqlite { source, .. } = error else { return false };
    is_rollback_due(source) || is_busy(source) && has_journal(path)
}

/// Whether the state could not be read because of a journal that holds its first page alone: the fill was accepted, and the
/// file was about to get its write-ahead log back; or nothing of it was written yet. Either way the file is as it has to
/// be.
pub(super) fn is_kept_whole(error: &StoreError, path: &Path) -> bool {
    let StoreError::Sqlite { source, .. } = error else { return false };
    is_rollback_due(source) && holds_first_page_alone(path).unwrap_or(false)
}

/// Reads the journal by <https://www.sqlite.org/fileformat.html#the_rollback_journal>: a header of one sector, then records, each of
/// the number of a page, the page, and a sum.
fn holds_first_page_alone(path: &Path) -> std::io::Result<bool> {
    let journal = std::fs::read(beside(path, "-journal"))?;
    let number =
        |at: usize| journal.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let (Some(sector), Some(page)) = (number(20), number(24)) else { return Ok(false) };
    let record = u64::from(page) + 8;
    let is_single = journal.len() as u64 == u64::from(sector) + record;
    Ok(is_single && usize::try_from(sector).is_ok_and(|sector| number(sector) == Some(1)))
}

/// A rollback journal lies beside the file, and only a writer could roll it back.
fn is_rollback_due(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_READONLY_ROLLBACK)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Foreign keys are not checked as long as it lives. Only for a state without customers, where each row belongs to a customer
/// of the same transaction: a statement whose rows are checked keeps all that it changes a second time. `doctor` checks
/// them all the same.
#[derive(Debug)]
pub(super) struct Unasked<'a>(&'a Connection);

impl<'a> Unasked<'a> {
    pub(super) fn new(connection: &'a Connection) -> Result<Self, StoreError> {
        connection.pragma_update(None, "foreign_keys", "OFF")?;
        Ok(Self(connection))
    }
}

impl Drop for Unasked<'_> {
    /// The setting is kept in memory, so that no disk can refuse it.
    fn drop(&mut self) {
        drop(self.0.pragma_update(None, "foreign_keys", "ON"));
    }
}

/// Whether nobody is known. The lock of the state sees to it that nobody else writes before a transaction begins.
pub(super) fn is_empty(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM customer)";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}
