//! What can go wrong with the state, in words for the operator.

use std::path::{Path, PathBuf};

use crate::domain::call::{CallId, State};
use crate::domain::lifecycle::IllegalEvent;

use super::origin::Stale;

/// A failure of the state. Whether a person must act is told by [`StoreError::needs_a_person`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder or the file could not be made, opened or secured.
    #[error("cannot {action} {path}")]
    File {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Another process holds the state.
    #[error(
        "another run holds {path}; wait until it ends, or see `crmsync status`; without that file two runs would send at once"
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The file is no state of crmsync.
    #[error("{path} is a file of something else and no state; name the right one with --state")]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// There is no state, or nothing in its file, although there are backups of it.
    #[error(
        "{path} is missing or empty, although there was one: backups of it lie in {backups}, or {path}.lock tells that something was sent; put a backup in its place with `crmsync doctor --restore BACKUP`, which needs the hash key that it was made with; or, if a new beginning is meant, move the backups, the key and the lock file away"
    )]
    Lost {
        /// Which file.
        path: PathBuf,
        /// The folder of the backups.
        backups: PathBuf,
    },
    /// The file is older than what was sent from it.
    #[error("{}", stale(path, *how))]
    Stale {
        /// Which file.
        path: PathBuf,
        /// How that came to be.
        how: Stale,
    },
    /// The file was written by a newer version.
    #[error(
        "{path} was written by a newer crmsync (schema {found}, this program knows {known}); update the program"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest schema version of this program.
        known: i64,
    },
    /// The state was made with another hash key.
    #[error(
        "{path} was made with another hash key; restore the key file or `state.hash_key`, since a new key would send everything again"
    )]
    WrongHashKey {
        /// Which file.
        path: PathBuf,
    },
    /// The file of the key is gone or cannot be read.
    #[error(
        "the hash key {path} cannot be read; bring it or `state.hash_key` back, since a new key would send everything again"
    )]
    NoKey {
        /// The key file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The key is too short.
    #[error("{} is too short: expected at least 16 bytes", key_name(path.as_deref()))]
    BadKey {
        /// The key file; none where the key comes from the configuration.
        path: Option<PathBuf>,
    },
    /// The file system is shared over a network, where locks and syncs cannot be trusted.
    #[error(
        "{path} lies on a network file system ({kind}), where SQLite's locks cannot be trusted; use a local disk"
    )]
    NetworkFileSystem {
        /// Which file.
        path: PathBuf,
        /// Its kind.
        kind: String,
    },
    /// The file has several names, each with a lock and a write-ahead log of its own.
    #[error(
        "{path} has {names} names (hard links), each with a lock and a log of its own; keep the one that runs used last and delete the others"
    )]
    ManyNames {
        /// The name that was used.
        path: PathBuf,
        /// How many there are.
        names: u64,
    },
    /// Stored bytes do not make sense.
    #[error("the state is damaged: {what}; run `crmsync doctor`")]
    Damaged {
        /// What was found.
        what: &'static str,
    },
    /// A transition found its call in another state than the one it was decided for.
    #[error("call {call} is not in the state that this step was decided for; nothing was written")]
    GuardFailed {
        /// Which call.
        call: CallId,
    },
    /// The lifecycle does not know the event: a defect of the program.
    #[error("call {call}: {source}")]
    Illegal {
        /// Which call.
        call: CallId,
        /// What happened to it.
        source: IllegalEvent,
    },
    /// A person decides on a call that is not one to decide on.
    #[error(
        "call {call} is {}: `crmsync resolve` settles held calls alone, `crmsync rejects release` queues held and refused ones again",
        state.name()
    )]
    Undecidable {
        /// Which call.
        call: CallId,
        /// What it is.
        state: State,
    },
    /// No call has that number.
    #[error("there is no call {0}; `crmsync rejects list` shows the numbers")]
    NoSuchCall(CallId),
    /// A run is sending it, or was killed while it did.
    #[error(
        "call {0} is on its way, or it was when a run was killed: wait until the run has ended, or find out with `crmsync resume`"
    )]
    Leased(CallId),
    /// The file cannot be switched to a write-ahead log, without which a power cut is not survived.
    #[error("the state cannot keep a write-ahead log; free the disk or mend it, then run again")]
    NoWriteAheadLog,
    /// SQLite failed.
    #[error("the state could not be {action}{}", advice(source))]
    Sqlite {
        /// Read or written.
        action: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// Whether a table was asked for that is not there: the file is a database, and no state.
    pub(super) fn lacks_a_table(&self) -> bool {
        let Self::Sqlite { source, .. } = self else { return false };
        matches!(source.sqlite_error_code(), Some(rusqlite::ErrorCode::Unknown))
    }

    /// Whether a person must act before any run can work (exit 7): the state is lost, corrupt, foreign, newer or under another
    /// key.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        match self {
            Self::Foreign { .. }
            | Self::Lost { .. }
            | Self::Stale { .. }
            | Self::Newer { .. }
            | Self::WrongHashKey { .. }
            | Self::NoKey { .. }
            | Self::BadKey { .. }
            | Self::ManyNames { .. }
            | Self::Damaged { .. } => true,
            Self::Sqlite { source, .. } => is_damage(source),
            Self::File { .. }
            | Self::NoWriteAheadLog
            | Self::Locked { .. }
            | Self::NetworkFileSystem { .. }
            | Self::GuardFailed { .. }
            | Self::Illegal { .. }
            | Self::Undecidable { .. }
            | Self::Leased(_)
            | Self::NoSuchCall(_) => false,
        }
    }

    /// Whether it is the key that is wrong, so that nothing is known against the file.
    pub(super) fn is_of_key(&self) -> bool {
        matches!(self, Self::WrongHashKey { .. } | Self::NoKey { .. } | Self::BadKey { .. })
    }
}

/// How a state came to be older than what was sent from it, and what to do about it.
fn stale(path: &Path, how: Stale) -> String {
    let path = path.display();
    let unknown = "what was delivered since is not known, and people would be created twice";
    let restore = "`doctor --restore` with this very file makes a state of it that probes before it creates";
    match how {
        Stale::Backup => format!("{path} is a backup that was put in place as it is: {unknown}; {restore}"),
        Stale::Other => format!(
            "{path} is not the state that the last run here left, but perhaps an earlier copy: {unknown}; put the right one back; if this one is the newest and comes from elsewhere, bring {path}.lock along; else {restore}"
        ),
        Stale::WithoutLog => format!(
            "{path} has lost its write-ahead log, or was copied without it, while a run was sending or after one was killed: {unknown}; bring {path}-wal back, or copy the two again together; where it is gone, {restore}"
        ),
    }
}

/// Where the key comes from.
fn key_name(file: Option<&Path>) -> String {
    file.map_or_else(|| "`state.hash_key`".to_owned(), |path| format!("the hash key in {}", path.display()))
}

/// Whether it tells that what is stored is not what was written: pages, or a cell that cannot be what its column holds.
fn is_damage(source: &rusqlite::Error) -> bool {
    use rusqlite::{Error, ErrorCode};
    match source {
        Error::FromSqlConversionFailure(..)
        | Error::InvalidColumnType(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::Utf8Error(..) => true,
        source => {
            matches!(source.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        }
    }
}

/// What the operator can do about it, where that is known.
fn advice(source: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode;
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => {
            "; free the disk or mend it, then run the same command again"
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "; mend the rights on its file and folder, or the disk, then run the same command again"
        }
        _ if is_damage(source) => "; run `crmsync doctor`",
        _ => "",
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite { action: "read or written", source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether anything of an input was accepted before is not known here.
    #[test]
    fn a_full_disk_asks_for_the_same_command_again() {
        let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
        let told = StoreError::from(rusqlite::Error::SqliteFailure(full, None)).to_string();
        assert!(told.ends_with("free the disk or mend it, then run the same command again"), "{told}");
    }
}
