//! Erasing one customer: from the state, from its backups, with a tombstone that keeps later files from bringing the
//! customer back, and with a look at the bytes of the files afterwards.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::domain::account::{Acknowledged, Keeping};
use crate::domain::call::{CallId, State};
use crate::domain::clock::Timestamp;
use crate::domain::customer::CustomerId;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::lifecycle::{self, Happening, Life};
use crate::domain::mark::Marker;
use crate::domain::provider::ProviderId;
use crate::domain::redacted::Redacted;

use super::backup::{delete_copy, file_error, files_in, is_made_by_run, unfinished};
use super::open::{Lock, connect, has_key_identity};
use super::place::{LOGS, beside};
use super::restore::{REPLACED, RESTORING};
use super::snapshot::{life_of, provider_of};
use super::transitions::keep_last_call;
use super::{
    StateFile, Store, StoreError, codec, doubts, flights, marks, named_keys, orders, origin, recovery, runs,
    shared_keys, turned_away, untaken,
};

/// Shorter texts are in every file by chance and prove nothing.
const NEEDLE_BYTES_MIN: usize = 6;
/// How much of a file is looked at at once.
const CHUNK_BYTES: usize = 1 << 20;

/// How the name of a setting begins that holds the mark of a customer whose erasure was taken back.
const UNDONE: &str = "undone ";

/// What was erased from one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Erased {
    /// Customers: 1, or 0 where the customer was not known.
    pub customers: u64,
    /// Accounts.
    pub accounts: u64,
    /// Calls, settled ones included.
    pub calls: u64,
    /// Those of them that were open or parked, and became `forgotten`.
    pub forgotten: u64,
    /// Answers of providers.
    pub answers: u64,
}

/// Texts of one customer that must not be found in any file afterwards.
#[derive(Debug, Clone, Default)]
pub struct Search {
    needles: Redacted<Vec<String>>,
}

/// A text in letters of ASCII alone, as many writers of JSON leave it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            let units =
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            escaped.push_str(&units);
        }
    }
    escaped
}

impl Search {
    /// Looks for the customer's key and whatever was added.
    #[must_use]
    pub fn of(id: &CustomerId) -> Self {
        let mut search = Self::default();
        search.add_text(id.as_str());
        search
    }

    /// How many texts are looked for; those too short to prove anything are not among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.needles.reveal().len()
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.needles.reveal().is_empty()
    }

    /// The texts that are in the file, each once.
    ///
    /// # Errors
    /// [`StoreError::File`] when it cannot be read.
    pub fn found_in(&self, path: &Path) -> Result<Redacted<Vec<String>>, StoreError> {
        let failed = |source| file_error("look through", path, source);
        self.found_by(&File::open(path).map_err(failed)?, path)
    }

    fn found_by(&self, mut file: &File, path: &Path) -> Result<Redacted<Vec<String>>, StoreError> {
        let failed = |source| file_error("look through", path, source);
        let needles = self.needles.reveal();
        let overlap = needles.iter().map(String::len).max().unwrap_or(0);
        let mut found = vec![false; needles.len()];
        let mut window = Vec::with_capacity(CHUNK_BYTES + overlap);
        loop {
            let keep = window.len().saturating_sub(overlap);
            window.drain(..keep);
            let read = Read::by_ref(&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut window);
            if read.map_err(failed)? == 0 {
                break;
            }
            for (needle, found) in needles.iter().zip(&mut found) {
                *found = *found || Finder::new(needle).find(&window).is_some();
            }
        }
        let hits = needles.iter().zip(found).filter(|(_, found)| *found).map(|(needle, _)| needle.clone());
        Ok(Redacted::new(hits.collect()))
    }

    /// Adds a text as it is, and as it may stand in a line of JSON.
    fn add_text(&mut self, text: &str) {
        if text.len() < NEEDLE_BYTES_MIN {
            return;
        }
        let mut needles = self.needles.reveal().clone();
        let (plain, slashes) = (text.to_owned(), text.replace('/', "\\/"));
        for form in [escaped(&plain), escaped(&slashes), slashes, plain] {
            if !needles.contains(&form) {
                needles.push(form);
            }
        }
        self.needles = Redacted::new(needles);
    }

    /// Adds what a state knows of the customer: keys, open values, delivered values kept in clear.
    fn add(&mut self, connection: &Connection, id: &CustomerId) -> Result<(), StoreError> {
        let mut accounts = connection.prepare(
            "SELECT provider, key, fields FROM account
             WHERE customer = (SELECT id FROM customer WHERE customer_id = ?1)",
        )?;
        let mut rows = accounts.query([id.as_str()])?;
        while let Some(row) = rows.next()? {
            self.add_key(provider_of(row.get(0)?)?, &row.get::<_, String>(1)?);
            for value in codec::unpack_fields(&row.get::<_, Vec<u8>>(2)?)?.values() {
                if let Acknowledged::Clear(text) = value {
                    self.add_text(text.reveal());
                }
            }
        }
        let mut calls = connection.prepare(
            "SELECT provider, payload FROM call WHERE payload IS NOT NULL
             AND customer = (SELECT id FROM customer WHERE customer_id = ?1)",
        )?;
        let mut rows = calls.query([id.as_str()])?;
        while let Some(row) = rows.next()? {
            // An unreadable payload is erased like any other; its values cannot be looked for.
            let Ok(payload) = codec::unpack_payload(&row.get::<_, Vec<u8>>(1)?) else { continue };
            self.add_key(provider_of(row.get(0)?)?, &payload.key.0);
            payload.values.iter().for_each(|(_, value)| self.add_text(value));
        }
        Ok(())
    }

    /// A key with its type in front is looked for without it.
    fn add_key(&mut self, provider: ProviderId, key: &str) {
        let typed = match provider {
            ProviderId::Wsone => key.split_once(':'),
            ProviderId::Lemonway | ProviderId::Safedebit => None,
        };
        self.add_text(typed.map_or(key, |(_, bare)| bare));
    }
}

impl Store {
    /// Adds what this state knows of the customer to what is looked for.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn add_to_search(&self, search: &mut Search, id: &CustomerId) -> Result<(), StoreError> {
        search.add(&self.connection, id)
    }

    /// Erases a customer and leaves a tombstone, in one transaction, and empties the write-ahead log as far as
    /// nobody reads it; [`look_through`](Self::look_through) tells what is left. Open calls become `forgotten`; what a killed
    /// run left in flight counts as sent, and whatever goes to its account next waits for it. A crash before it returns leaves
    /// everything or nothing erased; done again it finishes.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written.
    pub fn forget(&mut self, id: &CustomerId, now: Timestamp) -> Result<Erased, StoreError> {
        self.erase_and_bury(id, now, |transaction, keeping| {
            // The lock is ours, so that nobody sends: what is in flight was left by a crash, and may still land.
            recovery::bring_down_of(transaction, keeping, id, now)
        })
        // An earlier copy would bring the customer back.
        .and_then(|erased| origin::renew(&mut self.connection, &self.path).map(|()| erased))
    }

    /// The same in a [copy](StateFile::open_copy), of which nothing is sent before a restore puts all of it in doubt.
    ///
    /// # Errors
    /// As [`forget`](Self::forget).
    pub fn forget_in_copy(&mut self, id: &CustomerId, now: Timestamp) -> Result<Erased, StoreError> {
        self.erase_and_bury(id, now, |_, _| Ok(()))
    }

    fn erase_and_bury(
        &mut self,
        id: &CustomerId,
        now: Timestamp,
        first: impl FnOnce(&Connection, Keeping<'_>) -> Result<(), StoreError>,
    ) -> Result<Erased, StoreError> {
        let keeping = Keeping { fingerprinter: &self.fingerprinter, clear: self.clear_values };
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        first(&transaction, keeping)?;
        let erased = erase(&transaction, &self.fingerprinter, id)?;
        bury(&transaction, &self.fingerprinter.tombstone(id), now)?;
        transaction.commit()?;
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(erased)
    }

    /// Takes a tombstone away, so that later files bring the customer back; `false` when there was none. What was sent
    /// before the erasure is not known any more, so that a create of the customer is probed before it is ever sent.
    /// A crash before it returns leaves the tombstone.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written.
    pub fn undo_forget(&mut self, id: &CustomerId) -> Result<bool, StoreError> {
        let mark = self.fingerprinter.tombstone(id);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "SELECT EXISTS (SELECT 1 FROM tombstone WHERE mark = ?1)";
        if transaction.query_row(sql, [mark.as_slice()], |row| row.get(0))? {
            put_undone(&transaction, &mark)?;
        }
        let removed = transaction.execute("DELETE FROM tombstone WHERE mark = ?1", [mark.as_slice()])?;
        transaction.commit()?;
        Ok(removed > 0)
    }

    /// Whether the text is a part of what the state holds of any customer.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn holds_text(&self, text: &str) -> Result<bool, StoreError> {
        let held = self.connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM customer WHERE instr(customer_id, ?1))
                 OR EXISTS (SELECT 1 FROM account WHERE instr(key, ?1) OR instr(fields, CAST(?1 AS BLOB)))
                 OR EXISTS (SELECT 1 FROM call WHERE instr(payload, CAST(?1 AS BLOB)))",
            [text],
            |row| row.get(0),
        )?;
        Ok(held)
    }

    /// Looks through a file of this state. It stays open as long as the state: to close it would take away the locks that
    /// SQLite has on it in this process.
    ///
    /// # Errors
    /// [`StoreError::File`] when it cannot be read.
    pub fn look_through(
        &mut self,
        search: &Search,
        path: &Path,
    ) -> Result<Redacted<Vec<String>>, StoreError> {
        let file = File::open(path).map_err(|source| file_error("look through", path, source))?;
        let found = search.found_by(&file, path);
        self.looked_through.push(file);
        found
    }

    /// Writes the whole file anew, without any free space that could hold old bytes. A crash before it returns leaves the file
    /// as it was or written anew.
    ///
    /// # Errors
    /// [`StoreError`] when there is no room for it.
    pub fn rewrite(&mut self) -> Result<(), StoreError> {
        self.connection.execute_batch("VACUUM")?;
        self.empty_log()
    }

    /// Moves all that the log holds into the file. After a crash the next one who opens the state does it.
    ///
    /// # Errors
    /// [`StoreError::File`] while somebody reads the state.
    pub fn empty_log(&self) -> Result<(), StoreError> {
        let is_read = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if is_read { Err(still_read(&self.path)) } else { Ok(()) }
    }
}

impl StateFile {
    /// Opens a backup or a replaced state for erasing, with the key of this state.
    ///
    /// # Errors
    /// [`StoreError`] when the copy is foreign, newer, damaged or of another key.
    pub fn open_copy(&self, path: &Path) -> Result<Store, StoreError> {
        let copy = self.at(path);
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        copy.inspect(&connection)?;
        if !has_key_identity(&connection)? {
            return Err(StoreError::Damaged { what: "a copy was never made whole" });
        }
        let fingerprinter = Fingerprinter::new(&self.key(false)?);
        self.check_key(&connection, &fingerprinter)?;
        if flights::are_in_schema(&connection)? {
            flights::land_all(&mut connection)?;
        }
        copy.store(connection, fingerprinter)
    }

    /// States that a restore replaced; they lie beside the state.
    ///
    /// # Errors
    /// [`StoreError::File`] when the folder cannot be listed.
    pub fn replaced_states(&self) -> Result<Vec<PathBuf>, StoreError> {
        Ok(self.replaced()?.into_iter().filter(|path| !is_log(path)).collect())
    }

    /// What SQLite left beside replaced states, also of those that are gone.
    pub(super) fn replaced_logs(&self) -> Result<Vec<PathBuf>, StoreError> {
        Ok(self.replaced()?.into_iter().filter(|path| is_log(path)).collect())
    }

    /// Copies that were cut short by a crash or a failure, of no use to anybody: as far as they are there.
    pub(super) fn unfinished_copies(&self) -> Vec<PathBuf> {
        let mut copies = vec![unfinished(self.path()), beside(self.path(), RESTORING)];
        // Of one whose file is gone SQLite may have left a journal, with pages of the state.
        copies.retain(|copy| copy.exists() || LOGS.iter().any(|log| beside(copy, log).exists()));
        copies
    }

    /// Deletes copies that were cut short; gives those that there were. The lock proves that nobody is at work on them.
    /// A crash leaves some of them.
    ///
    /// # Errors
    /// [`StoreError::File`] when one cannot be deleted.
    pub fn delete_unfinished(&self, _lock: &Lock) -> Result<Vec<PathBuf>, StoreError> {
        let copies = self.unfinished_copies();
        copies.iter().try_for_each(|copy| delete_copy(copy))?;
        Ok(copies)
    }

    /// Whether a copy of the state was made by a run or a restore. Another one somebody has put among the backups: it is
    /// looked into, but never deleted.
    #[must_use]
    pub fn has_made(&self, copy: &Path) -> bool {
        is_made_by_run(copy) || copy.parent() != Some(&*self.backups_folder())
    }

    fn replaced(&self) -> Result<Vec<PathBuf>, StoreError> {
        let folder = self.path().parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let start = format!("{}{REPLACED}", self.path().file_name().unwrap_or_default().to_string_lossy());
        let mut found = files_in(folder)?;
        found.retain(|path| path.file_name().unwrap_or_default().to_string_lossy().starts_with(&start));
        found.sort();
        Ok(found)
    }
}

/// The marks of all whose erasure was taken back.
pub(super) fn undone(connection: &Connection) -> Result<HashSet<[u8; 16]>, StoreError> {
    let mut select = connection.prepare("SELECT value FROM setting WHERE name GLOB ?1 || '*'")?;
    let marks = select.query_map([UNDONE], |row| row.get(0))?;
    Ok(marks.collect::<Result<_, _>>()?)
}

/// Remembers that the erasure of one was taken back.
pub(super) fn put_undone(connection: &Connection, mark: &[u8; 16]) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO setting (name, value) VALUES (?1 || hex(?2), ?2)";
    connection.execute(sql, (UNDONE, mark.as_slice()))?;
    Ok(())
}

/// What a log cannot be emptied for.
pub(super) fn still_read(path: &Path) -> StoreError {
    let reading =
        std::io::Error::other("somebody reads it; wait until `status` or `plan` has ended, and do it again");
    file_error("empty the log of", path, reading)
}

fn is_log(path: &Path) -> bool {
    LOGS.iter().any(|suffix| path.to_string_lossy().ends_with(suffix))
}

/// The marks of all who were erased.
pub(super) fn buried(connection: &Connection) -> Result<HashSet<[u8; 16]>, StoreError> {
    let mut select = connection.prepare("SELECT mark FROM tombstone")?;
    let marks = select.query_map([], |row| row.get(0))?;
    Ok(marks.collect::<Result<_, _>>()?)
}

/// Whoever was erased from a state stays so in another one that is to take its place, and may know them still.
pub(super) fn carry_over(
    mut erased: HashSet<[u8; 16]>,
    to: &Connection,
    fingerprinter: &Fingerprinter,
    now: Timestamp,
) -> Result<(), StoreError> {
    let known = buried(to)?;
    erased.retain(|mark| !known.contains(mark));
    if erased.is_empty() {
        return Ok(());
    }
    let mut found = Vec::new();
    let mut select = to.prepare("SELECT customer_id FROM customer")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let id = CustomerId::new(&row.get::<_, String>(0)?);
        found.extend(id.filter(|id| erased.contains(&fingerprinter.tombstone(id))));
    }
    for id in found {
        erase(to, fingerprinter, &id)?;
    }
    erased.iter().try_for_each(|mark| bury(to, mark, now))
}

fn bury(connection: &Connection, mark: &[u8; 16], now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO tombstone (mark, at) VALUES (?1, ?2) ON CONFLICT (mark) DO NOTHING";
    connection.prepare_cached(sql)?.execute((mark.as_slice(), now.0))?;
    Ok(())
}

fn erase(
    connection: &Connection,
    fingerprinter: &Fingerprinter,
    id: &CustomerId,
) -> Result<Erased, StoreError> {
    doubts::remember_accounts(connection, fingerprinter, id.as_str())?;
    marks::remove(connection, Marker::new(fingerprinter).key(id.as_str()))?;
    let mut erased = Erased { forgotten: ending(connection, id)?, ..Erased::default() };
    let counted =
        |sql: &str| -> Result<u64, StoreError> { Ok(connection.execute(sql, [id.as_str()])? as u64) };
    erased.answers = counted(
        "DELETE FROM answer WHERE call IN (SELECT call.id FROM call JOIN customer ON customer.id = call.customer
             WHERE customer_id = ?1)",
    )?;
    keep_last_call(connection)?;
    erased.calls =
        counted("DELETE FROM call WHERE customer IN (SELECT id FROM customer WHERE customer_id = ?1)")?;
    erased.accounts =
        counted("DELETE FROM account WHERE customer IN (SELECT id FROM customer WHERE customer_id = ?1)")?;
    orders::remove(connection, id.as_str())?;
    shared_keys::remove(connection, id.as_str())?;
    named_keys::remove(connection, id.as_str())?;
    turned_away::remove(connection, id.as_str())?;
    untaken::remove(connection, id.as_str())?;
    // A shorter text is in any name by chance, and is not looked for either.
    if id.as_str().len() >= NEEDLE_BYTES_MIN {
        runs::forget_names(connection, id.as_str())?;
    }
    erased.customers = counted("DELETE FROM customer WHERE customer_id = ?1")?;
    Ok(erased)
}

/// How many open or parked calls of the customer come to their end, which the lifecycle has to allow.
fn ending(connection: &Connection, id: &CustomerId) -> Result<u64, StoreError> {
    let mut select = connection.prepare(
        "SELECT call.* FROM call JOIN customer ON customer.id = call.customer
         WHERE customer_id = ?1 AND payload IS NOT NULL",
    )?;
    let mut rows = select.query([id.as_str()])?;
    let mut ended = 0;
    while let Some(row) = rows.next()? {
        let (call, life) = (CallId(row.get("id")?), life_of(row)?);
        end(&life).map_err(|source| StoreError::Illegal { call, source })?;
        ended += 1;
    }
    Ok(ended)
}

fn end(life: &Life) -> Result<Life, lifecycle::IllegalEvent> {
    // The lock is ours, so that nobody sends: what is in flight was left by a crash.
    let landed = match life.state {
        State::InFlight => lifecycle::next(life, Happening::Crashed)?.life,
        State::Queued
        | State::Waiting
        | State::Probing
        | State::Held
        | State::Acknowledged
        | State::Refused
        | State::Superseded
        | State::Abandoned
        | State::Forgotten => *life,
    };
    Ok(lifecycle::next(&landed, Happening::Forgotten)?.life)
}
