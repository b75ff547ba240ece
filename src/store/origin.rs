//! Where the file of a state comes from: whether it is the newest that there is of it.
//!
//! A state that is older than what was sent from it takes for undelivered what is delivered, and creates people a second
//! time. Three traces tell such a file. Whenever a run begins to send, and when it has ended, it draws a token, writes it into
//! the state and into the lock file beside it: whatever was put in the place of the state has another one. A backup says of
//! itself that it is one. And while a run sends, the database file says so, and its write-ahead log says that there is a
//! log: a file that says a run is at work but has no log, be it a copy or the state itself, has lost the newest answers.
//! [`restore`](super::restore) makes a state of any of them.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::domain::fault::{self, Point};

use super::backup::file_error;
use super::open::{connect, has_key_identity};
use super::place::{lock_of, open_private};
use super::{StateFile, StoreError, setting};

/// The setting of a file that is a backup.
const BACKUP: &str = "is_backup";
/// The setting that a run leaves while it sends: which file it works on, as [`identity`] tells.
const AT_WORK: &str = "at_work_in";
/// The setting that never stands in the file of a state while a run sends from it, but in its log.
const LOGGED: &str = "logged";
/// The setting that has the token of the last run that sent.
const TOKEN: &str = "token";
/// Stands in the lock file for a state that has no token yet.
const NO_TOKEN: &str = "none";
/// Stands in the lock file from before a run says that it sends until nothing can be lost with the log but what it has sent.
const BEGINS: &str = "begins";
/// What the lock file begins with.
const TOKENS: &str = "tokens:";

/// How a state came to be older than what was sent from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stale {
    /// A backup was put in its place.
    Backup,
    /// Another state was put in its place, an earlier one perhaps.
    Other,
    /// It was copied without its log, or has lost it.
    WithoutLog,
}

/// Says in a copy that it is a backup.
pub(super) fn mark_backup(connection: &Connection) -> Result<(), StoreError> {
    setting::put(connection, BACKUP, b"")
}

/// Says that a run is about to send, before anything leaves, and gives the file that it works on; false where the file
/// itself does not say so yet, because somebody reads what was before, and does so for longer than a writer waits.
pub(super) fn begin_work(connection: &mut Connection, path: &Path) -> Result<([u8; 16], bool), StoreError> {
    let identity = identity(path)?;
    let new = draw(connection, path, Some(BEGINS), |connection| {
        setting::remove(connection, LOGGED)?;
        setting::put(connection, AT_WORK, &identity)
    })?;
    let is_said = move_into_file(connection, "PRAGMA wal_checkpoint(FULL)")?;
    fault::pass(Point::BeginsToSend);
    setting::put(connection, LOGGED, b"")?;
    write_tokens(path, &[new])?;
    Ok((identity, is_said))
}

/// Moves what the log holds into the file, unless somebody still reads what was before; the file then says that a run is at
/// work, and not that there is a log. Waits for nobody.
pub(super) fn move_log(connection: &Connection) -> Result<bool, StoreError> {
    setting::remove(connection, LOGGED)?;
    let is_moved = move_into_file(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
    setting::put(connection, LOGGED, b"")?;
    Ok(is_moved)
}

fn move_into_file(connection: &Connection, checkpoint: &str) -> Result<bool, StoreError> {
    let moved = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (all, moved) = connection.query_row(checkpoint, [], moved)?;
    Ok(all == moved)
}

/// Does something at the end of a run, in one transaction with the news that nothing is at work any more. Where another file,
/// or none, has the name of the state by now, what the run wrote is in the one that is gone.
pub(super) fn end_work(
    connection: &mut Connection,
    path: &Path,
    last: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let Some(at_work) = setting::get(connection, AT_WORK)? else { return last(connection) };
    refuse_other("end the run in", path, &at_work)?;
    rotate(connection, path, |connection| {
        last(connection)?;
        end_killed_work(connection)
    })
}

/// Refuses to go on with a file that has lost its name to another one, or to none. The file now at this path lacks what was
/// acknowledged since, and may carry the token of the run, so the lock file gets a token that no file has.
pub(super) fn refuse_other(doing: &'static str, path: &Path, at_work: &[u8]) -> Result<(), StoreError> {
    if identity(path).is_ok_and(|found| at_work == found) {
        return Ok(());
    }
    // Where the lock file is gone too, nothing is left to say it in.
    drop(write_tokens(path, &[drawn()]));
    let gone = std::io::Error::other(
        "it was deleted or replaced while the run was at work; what the providers acknowledged since is not in it",
    );
    Err(file_error(doing, path, gone))
}

/// Takes back that a run is at work: it was killed, and what it left is there.
pub(super) fn end_killed_work(connection: &Connection) -> Result<(), StoreError> {
    setting::remove(connection, AT_WORK)?;
    setting::remove(connection, LOGGED)
}

/// Makes a copy a state of its own, whatever it was copied from.
pub(super) fn begin_anew(connection: &Connection) -> Result<(), StoreError> {
    setting::remove(connection, BACKUP)?;
    end_killed_work(connection)
}

/// Writes a new token with a change. A crash leaves the old one or the new one, and the lock file knows both as long as it
/// may be either.
fn rotate(
    connection: &mut Connection,
    path: &Path,
    change: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let new = draw(connection, path, None, change)?;
    write_tokens(path, &[new])
}

/// The same, up to when the lock file knows the old one no more; what it says beside them meanwhile.
fn draw(
    connection: &mut Connection,
    path: &Path,
    word: Option<&str>,
    change: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<String, StoreError> {
    let (old, new) = (token(connection)?, drawn());
    let words = [old, new.clone()].into_iter().chain(word.map(str::to_owned));
    write_tokens(path, &words.collect::<Vec<_>>())?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    change(&transaction)?;
    setting::put(&transaction, TOKEN, new.as_bytes())?;
    transaction.commit()?;
    Ok(new)
}

/// Draws a new token where what the providers hold was learnt in another way than by sending.
pub(super) fn renew(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    rotate(connection, path, |_| Ok(()))
}

impl StateFile {
    /// Gives a state that is about to take this one's place a token of its own. The one that is replaced stays good until the
    /// next run that sends, so that it can be put back.
    pub(super) fn change_token(&self, connection: &Connection) -> Result<(), StoreError> {
        let new = drawn();
        let mut tokens = read_tokens(self.path())?;
        if tokens.is_empty() && self.exists() {
            // One that cannot be read is of no use to anybody.
            let own = connect(self.path(), OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|own| token(&own));
            tokens.extend(own);
        }
        tokens.push(new.clone());
        setting::put(connection, TOKEN, new.as_bytes())?;
        write_tokens(self.path(), &tokens)
    }

    /// Whether the lock file tells that there was a state from which something was sent.
    pub(super) fn was_used(&self) -> Result<bool, StoreError> {
        Ok(read_tokens(self.path())?.iter().any(|token| token != NO_TOKEN))
    }

    /// A state that is begun anew has no token.
    pub(super) fn forget_tokens(&self) -> Result<(), StoreError> {
        if read_tokens(self.path())?.is_empty() { Ok(()) } else { write_tokens(self.path(), &[]) }
    }

    /// Refuses a state that is older than what was sent from it. Whether a log with something in it lay beside the file has to
    /// be asked before it is opened; `is_ours` says that this process has the lock.
    pub(super) fn refuse_stale(
        &self,
        connection: &Connection,
        has_log: bool,
        is_ours: bool,
    ) -> Result<(), StoreError> {
        if !has_key_identity(connection)? {
            // Nothing was ever accepted.
            return Ok(());
        }
        let stale = |how| Err(StoreError::Stale { path: self.path().to_owned(), how });
        if setting::get(connection, BACKUP)?.is_some() {
            return stale(Stale::Backup);
        }
        if !self.has_good_token(connection)? {
            // A run that begins or ends at this moment has looked itself, and changes both tokens one after the other.
            if is_ours || !self.is_locked()? && !self.has_good_token(connection)? {
                return stale(Stale::Other);
            }
        }
        let Some(at_work) = setting::get(connection, AT_WORK)?.filter(|_| !has_log) else { return Ok(()) };
        // Somebody else who opened the file may have emptied its log; before a run sends, nothing is lost with it.
        let has_sent = !read_tokens(self.path())?.iter().any(|word| word == BEGINS);
        let is_whole =
            at_work == identity(self.path())? && (!has_sent || setting::is_set(connection, LOGGED)?);
        if is_whole { Ok(()) } else { stale(Stale::WithoutLog) }
    }

    fn has_good_token(&self, connection: &Connection) -> Result<bool, StoreError> {
        let good = read_tokens(self.path())?;
        Ok(good.is_empty() || good.contains(&token(connection)?))
    }
}

/// What tells a file from its copies: its inode, and when that was made, because a number is given out again.
fn identity(path: &Path) -> Result<[u8; 16], StoreError> {
    let metadata = fs::metadata(path).map_err(|source| file_error("look at", path, source))?;
    // Where a file system does not say when, the number is all there is.
    let made = metadata.created().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
    let made = made.and_then(|made| u64::try_from(made.as_nanos()).ok()).unwrap_or_default();
    let mut identity = [0; 16];
    identity[..8].copy_from_slice(&metadata.ino().to_be_bytes());
    identity[8..].copy_from_slice(&made.to_be_bytes());
    Ok(identity)
}

fn drawn() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The token of a state, as the lock file writes it.
fn token(connection: &Connection) -> Result<String, StoreError> {
    let token = setting::get(connection, TOKEN)?.and_then(|token| String::from_utf8(token).ok());
    Ok(token.unwrap_or_else(|| NO_TOKEN.to_owned()))
}

/// The tokens that a state may have, of which the lock file knows; none where it knows nothing. They are its first line: behind
/// it the rest of a longer one may stand, which a crash kept from being cut off.
fn read_tokens(state: &Path) -> Result<Vec<String>, StoreError> {
    let path = lock_of(state);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(file_error("read", &path, source)),
    };
    let text = std::str::from_utf8(&text).unwrap_or_default();
    let line = text.split_once('\n').map_or("", |(line, _)| line);
    let words = line.strip_prefix(TOKENS).unwrap_or_default().split_ascii_whitespace();
    Ok(words.map(str::to_owned).collect())
}

/// The file stays the same, because it is locked, and is never empty meanwhile: without tokens every state is good.
fn write_tokens(state: &Path, tokens: &[String]) -> Result<(), StoreError> {
    let path = lock_of(state);
    let line = format!("{TOKENS} {}\n", tokens.join(" "));
    let mut file = open_private(&path)?;
    let written = file
        .write_all(line.as_bytes())
        .and_then(|()| file.set_len(line.len() as u64))
        .and_then(|()| file.sync_all());
    written.map_err(|source| file_error("write", &path, source))
}
