//! Where the file of a state comes from: whether it is the newest that there is of it.
//!
//! A state that is older than what was sent from it takes for undelivered what is delivered, and creates people a second
//! time. Three ways of putting such a file in place leave a trace, and are refused: a backup says of itself that it is
//! one; the run that made a backup stands in every later state; and a file that was copied while a run was at work says so,
//! where its write-ahead log, which alone holds the newest answers, was not copied with it. [`restore`](super::restore)
//! makes a state of any of them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use super::backup::{file_error, name_of_state, run_of};
use super::open::has_key_identity;
use super::restore::may_know_too_little;
use super::{StateFile, StoreError};

/// The setting of a file that is a backup.
const BACKUP: &str = "is_backup";
/// The setting that a run leaves while it sends: the inode of the file that it works on, which a copy does not have.
const AT_WORK: &str = "at_work_in";
/// The setting that names the newest backup that there was when the state was restored: of later ones the runs are known.
const RESTORED_AFTER: &str = "restored_after";

/// How a state came to be older than what was sent from it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stale {
    /// A backup was put in its place.
    Backup,
    /// An earlier state was put in its place: it does not know the run that made this backup.
    Earlier {
        /// The newest one.
        backup: PathBuf,
    },
    /// It was copied without its log.
    WithoutLog,
}

/// Says in a copy that it is a backup.
pub(super) fn mark_backup(connection: &Connection) -> Result<(), StoreError> {
    put(connection, BACKUP, b"")
}

/// Says in the file that a run is about to send, so that a copy without the log tells it too.
pub(super) fn begin_work(connection: &Connection) -> Result<(), StoreError> {
    let path = Path::new(connection.path().unwrap_or_default());
    put(connection, AT_WORK, &inode(path)?.to_be_bytes())?;
    // Readers need not be waited for: who looks at the state now still sees it without.
    Ok(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
}

/// Takes that back: all that was written is in the file, or will be when it is closed.
pub(super) fn end_work(connection: &Connection) -> Result<(), StoreError> {
    take(connection, AT_WORK)
}

/// Makes a copy a state of its own, whatever it was copied from.
pub(super) fn begin_anew(connection: &Connection) -> Result<(), StoreError> {
    take(connection, BACKUP)?;
    take(connection, AT_WORK)
}

impl StateFile {
    /// Says in a state that is about to take this one's place which backups it need not know.
    pub(super) fn excuse_backups(&self, connection: &Connection) -> Result<(), StoreError> {
        let newest = self.backups()?.pop().map(|backup| backup.path);
        let name = newest.as_deref().and_then(run_of).unwrap_or_default();
        put(connection, RESTORED_AFTER, name.as_encoded_bytes())
    }

    /// Refuses a state that is older than what was sent from it. Whether a log with something in it lay beside the file has to
    /// be asked before it is opened.
    pub(super) fn refuse_stale(&self, connection: &Connection, has_log: bool) -> Result<(), StoreError> {
        if !has_key_identity(connection)? {
            // Nothing was ever accepted.
            return Ok(());
        }
        let stale = |how| Err(StoreError::Stale { path: self.path().to_owned(), how });
        let restored_after = setting(connection, RESTORED_AFTER)?;
        if restored_after.is_none() && may_know_too_little(connection)? {
            // An earlier version restored it, and left what a backup says of itself.
            return Ok(());
        }
        if setting(connection, BACKUP)?.is_some() {
            return stale(Stale::Backup);
        }
        if let Some(backup) = self.unknown_backup(connection, &restored_after.unwrap_or_default())? {
            return stale(Stale::Earlier { backup });
        }
        match setting(connection, AT_WORK)? {
            Some(at_work) if !has_log && at_work != inode(self.path())?.to_be_bytes() => {
                stale(Stale::WithoutLog)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The newest backup, where the state does not know the run that made it.
    fn unknown_backup(
        &self,
        connection: &Connection,
        restored_after: &[u8],
    ) -> Result<Option<PathBuf>, StoreError> {
        let mut select = connection.prepare("SELECT EXISTS (SELECT 1 FROM run WHERE id = ?1)")?;
        for backup in self.backups()?.into_iter().rev() {
            let Some(run) = run_of(&backup.path).filter(|_| name_of_state(&backup.path).is_some()) else {
                continue;
            };
            if run.as_encoded_bytes() <= restored_after {
                break;
            }
            let is_known: bool = select.query_row([run.to_string_lossy()], |row| row.get(0))?;
            if !is_known {
                return Ok(Some(backup.path));
            }
        }
        Ok(None)
    }
}

fn inode(path: &Path) -> Result<u64, StoreError> {
    let found = std::fs::metadata(path).map_err(|source| file_error("look at", path, source))?;
    Ok(found.ino())
}

fn setting(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT value FROM setting WHERE name = ?1";
    Ok(connection.query_row(sql, [name], |row| row.get(0)).optional()?)
}

fn put(connection: &Connection, name: &str, value: &[u8]) -> Result<(), StoreError> {
    connection.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)", (name, value))?;
    Ok(())
}

/// Writes nothing where there is nothing to take.
fn take(connection: &Connection, name: &str) -> Result<(), StoreError> {
    connection.execute("DELETE FROM setting WHERE name = ?1", [name])?;
    Ok(())
}
