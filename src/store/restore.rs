//! Putting a backup in the place of the state, and the doubt that it leaves.
//!
//! Whatever happened after the backup is not known any more: its open calls may have been delivered, providers may
//! hold newer values than its accounts say, and persons that it has never heard of may have been created. Therefore
//! every open or parked create is probed before it is ever sent again, every acknowledged field counts as unknown,
//! every record is compared again, every new create is probed first from then on, and until an input that holds all
//! customers was accepted nothing is sent: a queued value may be older than one delivered since. What that input does not
//! say too is held.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use crate::domain::call::{CallId, State};
use crate::domain::clock::Timestamp;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::lifecycle::Happening;
use crate::domain::provider::ProviderId;

use super::backup::{file_error, make_empty, of_copy, sync_folder, vacuum_into, verify};
use super::erase::still_read;
use super::open::{Lock, connect, migrate};
use super::place::{LOGS, beside};
use super::snapshot::{Snapshot, life_of};
use super::transitions::{CallRecord, step};
use super::{
    LaneUse, StateFile, Store, StoreError, WaitingCall, accounts, codec, doubts, erase, flights, marks,
    missed, origin, runs, setting, settling,
};

/// The setting that says since when a restored state is in doubt.
const DOUBT: &str = "in_doubt_since";
/// What the doubt becomes with the next complete input. That input may lack somebody who was created after the backup,
/// whom the CRM may have again later: so from then on everybody new is probed before a create.
const PROBE_NEW: &str = "probe_new_since";

/// The setting that says when the state was put back: what was sent before may be applied for as long as it takes to settle.
const RESTORED: &str = "restored_at";

/// Added to the name of a state that was replaced, with the time.
pub(super) const REPLACED: &str = ".replaced-";
/// Added to the name of the state: what is to take its place, until it is whole.
pub(super) const RESTORING: &str = ".restoring";

/// What a restore did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// Where the state that was replaced lies now.
    pub replaced: Option<PathBuf>,
    /// Creates that are probed before they are ever sent again.
    pub creates_in_doubt: u64,
    /// Open updates that wait for the next complete input.
    pub updates: u64,
    /// Accounts whose fields count as unknown.
    pub accounts: u64,
    /// There was no state that could be asked who was erased since the backup.
    pub erased_unknown: bool,
}

impl Store {
    /// Whether the state was put back from a backup, and no input with all customers accepted since.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn is_in_doubt(&self) -> Result<bool, StoreError> {
        is_in_doubt(&self.connection)
    }

    /// When the state was put back from a backup, where a complete input was accepted since and yet every new person is probed
    /// before it is created.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn new_probed_since(&self) -> Result<Option<String>, StoreError> {
        let since = setting::get(&self.connection, PROBE_NEW)?.map(String::from_utf8).transpose();
        since.map_err(|_| StoreError::Damaged { what: "the time of a restore is none" })
    }

    /// When the state was put back from a backup last: what was sent before and is forgotten may be applied as long after that as the
    /// provider is given to settle.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn restored_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let since = setting::get(&self.connection, RESTORED)?;
        let damaged = StoreError::Damaged { what: "the time of a restore is none" };
        let read = |since: Vec<u8>| std::str::from_utf8(&since).ok()?.parse().ok();
        since.map(|since| read(since).ok_or(damaged)).transpose()
    }

    /// Has new persons be created at once again. What is being probed goes on.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written.
    pub fn end_probing(&mut self) -> Result<(), StoreError> {
        setting::remove(&self.connection, PROBE_NEW)
    }
}

impl Snapshot<'_> {
    /// What waits since before the state was put back from a backup; none, where it was not, or has had a complete input since.
    pub fn doubtful_calls(&self) -> Result<Option<Vec<WaitingCall>>, StoreError> {
        if !is_in_doubt(self.connection)? {
            return Ok(None);
        }
        let mut calls = Vec::new();
        for provider in ProviderId::ALL {
            calls.extend(missed::waiting(self.connection, provider)?);
        }
        Ok(Some(calls))
    }
}

impl StateFile {
    /// Puts a backup in the place of the state, which is kept beside it under a name that ends in `stamp`. A crash
    /// leaves the old state in place or the restored one whole, and perhaps a file that the next restore replaces.
    ///
    /// # Errors
    /// [`StoreError`] when the backup is foreign, newer, damaged or of another key, or when a file cannot be written;
    /// then the state is as it was.
    pub fn restore(
        &self,
        _lock: &Lock,
        backup: &Path,
        stamp: &str,
        now: Timestamp,
    ) -> Result<Restored, StoreError> {
        if !backup.is_file() {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(file_error("read the backup", backup, missing));
        }
        let as_state = self.at(backup);
        let source = connect(backup, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        as_state.inspect(&source)?;
        self.check_key(&source, &Fingerprinter::new(&self.key(false)?)).map_err(of_copy)?;
        verify(backup)?;
        let fresh = beside(self.path(), RESTORING);
        make_empty(&fresh)?;
        vacuum_into(&source, &fresh)?;
        let mut restored = self.put_in_doubt(&fresh, now)?;
        verify(&fresh)?;
        sync_file(&fresh)?;
        restored.replaced = self.set_aside(stamp)?;
        if let Err(error) = std::fs::rename(&fresh, self.path()) {
            // Where this fails too, whoever opens the state does it.
            drop(take_back(self.path()));
            return Err(file_error("put in place", &fresh, error));
        }
        sync_folder(self.path())?;
        Ok(restored)
    }

    fn put_in_doubt(&self, fresh: &Path, now: Timestamp) -> Result<Restored, StoreError> {
        let mut connection = connect(fresh, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        migrate(&mut connection)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        flights::land(&transaction)?;
        let replaced = self.exists().then(|| connect(self.path(), OpenFlags::SQLITE_OPEN_READ_ONLY));
        let replaced = replaced.and_then(|state| unless_damaged(state).transpose()).transpose()?;
        let erased = replaced.as_ref().and_then(|state| unless_damaged(erase::buried(state)).transpose());
        let erased = erased.transpose()?;
        let erased_unknown = erased.is_none();
        let fingerprinter = Fingerprinter::new(&self.key(false)?);
        erase::carry_over(erased.unwrap_or_default(), &transaction, &fingerprinter, now)?;
        if let Some(state) = &replaced {
            unless_damaged(doubts::carry_over(state, &transaction))?;
        }
        let restored = Restored { erased_unknown, ..put_in_doubt(&transaction, now)? };
        count_calls(&transaction, replaced.as_ref(), now)?;
        origin::begin_anew(&transaction)?;
        self.change_token(&transaction)?;
        transaction.commit()?;
        Ok(restored)
    }

    /// Keeps the state, if there is one, under another name too, and takes its log or journal out of the way: it must never be
    /// laid over the restored file. What fails leaves all as it was; what a crash leaves, [`take_back`] mends.
    fn set_aside(&self, stamp: &str) -> Result<Option<PathBuf>, StoreError> {
        let kept = beside(self.path(), &format!("{REPLACED}{stamp}"));
        let is_there = self.exists();
        if is_there {
            take_back(self.path())?;
            self.empty_log_if_sound()?;
            std::fs::hard_link(self.path(), &kept).map_err(|error| file_error("keep", self.path(), error))?;
        }
        // What a state that is gone has left is in nobody's way beside its last name.
        for suffix in LOGS {
            let (log, aside) = (beside(self.path(), suffix), beside(&kept, suffix));
            if !log.exists() {
                continue;
            }
            if let Err(error) = std::fs::rename(&log, &aside) {
                // Nothing is known against the state: where this fails too, whoever opens it does it.
                drop(is_there.then(|| take_back(self.path())));
                return Err(file_error("set aside", &log, error));
            }
        }
        sync_folder(self.path())?;
        Ok(is_there.then_some(kept))
    }

    /// Moves what the log holds into the file, unless the file is damaged: then its log is kept beside it.
    fn empty_log_if_sound(&self) -> Result<(), StoreError> {
        let emptied = connect(self.path(), OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|connection| {
            Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?)
        });
        match emptied {
            Ok(is_busy) if is_busy => Err(still_read(self.path())),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// Whether the state has one other name, which a restore gave it and did not take away: whoever runs next does.
pub(super) fn is_cut_short(path: &Path) -> Result<bool, StoreError> {
    Ok(names_of_restores(path)?.len() == 1 && std::fs::metadata(path).is_ok_and(|own| own.nlink() == 2))
}

/// The second names that restores gave a state.
fn names_of_restores(path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |error| file_error("take a restore back of", path, error);
    let own = std::fs::metadata(path).map_err(failed)?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(Vec::new()) };
    if own.nlink() < 2 {
        return Ok(Vec::new());
    }
    let begins = format!("{}{REPLACED}", name.to_string_lossy());
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let other = entry.metadata().map_err(failed)?;
        let is_own = (other.dev(), other.ino()) == (own.dev(), own.ino());
        if is_own && entry.file_name().to_string_lossy().starts_with(&begins) {
            names.push(entry.path());
        }
    }
    Ok(names)
}

/// Takes back what a restore began and did not end: the second name that it gave the state, and the place of its log. For who
/// holds the lock.
pub(super) fn take_back(path: &Path) -> Result<(), StoreError> {
    let failed = |error| file_error("take a restore back of", path, error);
    for kept in names_of_restores(path)? {
        for suffix in ["-wal", "-journal"] {
            let (log, aside) = (beside(path, suffix), beside(&kept, suffix));
            if aside.exists() && !log.exists() {
                std::fs::rename(&aside, &log).map_err(failed)?;
            }
        }
        std::fs::remove_file(&kept).map_err(failed)?;
        sync_folder(path)?;
    }
    Ok(())
}

/// Nobody knows when a provider was called last: as if it were just now. Of what was sent today the state that is replaced
/// may know more than the backup; where it cannot be read, what the backup says counts.
fn count_calls(fresh: &Connection, replaced: Option<&Connection>, now: Timestamp) -> Result<(), StoreError> {
    for provider in ProviderId::ALL {
        let by_backup = runs::lane_use(fresh, provider)?.on(now.day());
        let by_replaced = replaced.and_then(|state| used(state, provider, now.day()).ok());
        let by_replaced = by_replaced.unwrap_or_default().on(now.day());
        let (day, sent) = (by_backup.day, by_backup.sent).max((by_replaced.day, by_replaced.sent));
        runs::put_lane_use(fresh, provider, LaneUse { last_sent: now, day, sent })?;
    }
    Ok(())
}

/// What was read of the state that is replaced; nothing, where it is damaged, which may be why it is replaced. Any other failure
/// (a disk, a permission, somebody who has it) may pass, and what is not carried over is lost for good.
pub(super) fn unless_damaged<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.needs_a_person() || error.lacks_a_table() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a state says was sent, with what a kill left on its way: that is counted when it comes back.
fn used(state: &Connection, provider: ProviderId, today: i64) -> Result<LaneUse, StoreError> {
    let sql = "SELECT (SELECT count(*) FROM call WHERE provider = ?1 AND lease IS NOT NULL)
         + (SELECT count(*) FROM flight CROSS JOIN call ON call.id = flight.call WHERE provider = ?1)";
    // A state of an older version has none.
    let aloft: i64 = state.query_row(sql, [provider.number()], |row| row.get(0)).unwrap_or_default();
    let noted = runs::lane_use(state, provider)?.on(today);
    Ok(LaneUse { sent: noted.sent.saturating_add(aloft.unsigned_abs()), ..noted })
}

pub(super) fn is_in_doubt(connection: &Connection) -> Result<bool, StoreError> {
    setting::is_set(connection, DOUBT)
}

/// Whether a person of whom the state knows nothing may have been created by a run that it has forgotten.
pub(super) fn may_know_too_little(connection: &Connection) -> Result<bool, StoreError> {
    Ok(setting::is_set(connection, DOUBT)? || setting::is_set(connection, PROBE_NEW)?)
}

pub(super) fn end_doubt(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("UPDATE OR REPLACE setting SET name = ?2 WHERE name = ?1", [DOUBT, PROBE_NEW])?;
    Ok(())
}

fn put_in_doubt(connection: &Connection, now: Timestamp) -> Result<Restored, StoreError> {
    let mut restored = Restored::default();
    doubt_calls(connection, now, &mut restored)?;
    restored.accounts = doubt_accounts(connection)?;
    marks::clear(connection)?;
    setting::put(connection, DOUBT, now.to_string().as_bytes())?;
    setting::put(connection, RESTORED, now.to_string().as_bytes())?;
    ProviderId::ALL.into_iter().try_for_each(|provider| settling::forget_clock(connection, provider))?;
    Ok(restored)
}

/// What was sent before a restore, if there was one, settles from now on: nobody knows how long ago that was.
pub(super) fn settle_from(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    if setting::is_set(connection, RESTORED)? {
        setting::put(connection, RESTORED, now.to_string().as_bytes())?;
    }
    Ok(())
}

/// What was in flight is as after a crash. How long `settle` is, the next run knows, which has it begin anew.
fn doubt_calls(connection: &Connection, now: Timestamp, restored: &mut Restored) -> Result<(), StoreError> {
    let mut select = connection.prepare("SELECT * FROM call WHERE payload IS NOT NULL")?;
    let mut rows = select.query([])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        let (call, before) = (CallId(row.get("id")?), life_of(row)?);
        let lease: Option<i64> = row.get("lease")?;
        let landed = match lease {
            Some(_) => step(call, &before, Happening::Crashed)?.life,
            None => before,
        };
        let after = step(call, &landed, Happening::Restored)?.life;
        if after.create_unknown {
            restored.creates_in_doubt += 1;
        } else if !matches!(after.state, State::Refused | State::Held) {
            restored.updates += 1;
        }
        steps.push((call, (before.state, lease), after));
    }
    for (call, guard, after) in steps {
        let record = CallRecord::of(&after);
        let record = match guard.1 {
            Some(_) => record.with("lease", Value::Null).with("settling", true).with("due", now.0),
            None => record,
        };
        record.update(connection, call, guard, now)?;
    }
    Ok(())
}

/// What a provider acknowledged may have been overwritten since, and what waits in the backup delivered: both count as
/// unknown.
fn doubt_accounts(connection: &Connection) -> Result<u64, StoreError> {
    let mut select = connection
        .prepare("SELECT payload FROM call WHERE customer = ?1 AND provider = ?2 AND payload IS NOT NULL")?;
    accounts::rewrite(connection, |owned| {
        let place = (owned.customer, owned.provider.number());
        let packed: Option<Vec<u8>> = select.query_row(place, |row| row.get(0)).optional()?;
        let waiting = packed.map(|packed| codec::unpack_payload(&packed)).transpose()?;
        let waiting = waiting.filter(|payload| payload.key == owned.account.key);
        owned.doubt(waiting.iter().flat_map(|payload| payload.values.iter()).map(|(field, _)| field));
        Ok(true)
    })
}

fn sync_file(path: &Path) -> Result<(), StoreError> {
    let synced = std::fs::File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| file_error("sync", path, source))
}
