//! Opening the state: the lock, the file, its key, its pragmas and its migrations.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::fault::{self, Point};
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::mark::Marker;

use super::backup::{Backups, make_private_folder, sync_folder};
use super::flights::Aloft;
use super::place::{
    behind_links, beside, has_log, lock_of, open_private, refuse_foreign, refuse_network, refuse_second_name,
};
use super::rare::Rare;
use super::{
    Store, StoreError, flights, kept, known_fields, marks, orders, origin, restore, setting, shared_keys,
    statements,
};

/// "crms" in ASCII: marks a SQLite file as ours.
pub(super) const APPLICATION_ID: i32 = 0x6372_6d73;
/// How long a reader waits for a writer. Writers exclude each other by the lock file, not by waiting.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the lock is tried again, and how long after: whoever asks whether it is taken has it for microseconds.
const LOCK_TRIES: u32 = 5;
const LOCK_AGAIN_AFTER: Duration = Duration::from_millis(2);
/// The page of a new state: two dozen calls or accounts. Those of SQLite, half as long, make a first fill write
/// twice as many. A state keeps the pages that it was made with.
const PAGE_BYTES: u32 = 8_192;
/// Shortest usable hash key: below this a key can be guessed.
const KEY_BYTES_MIN: usize = 16;

const MIGRATIONS: &[&str] = &[
    include_str!("schema/001_state.sql"),
    include_str!("schema/002_call_fields.sql"),
    include_str!("schema/003_replaced.sql"),
    include_str!("schema/004_marks.sql"),
    include_str!("schema/005_call_checks.sql"),
    include_str!("schema/006_flights.sql"),
    include_str!("schema/007_packed.sql"),
    include_str!("schema/008_prints.sql"),
    include_str!("schema/009_newer_orders.sql"),
    include_str!("schema/010_flight_blocks.sql"),
    include_str!("schema/011_other_keys.sql"),
    include_str!("schema/012_named_keys.sql"),
    include_str!("schema/013_turned_away.sql"),
    include_str!("schema/014_named_key_by_mark.sql"),
    include_str!("schema/015_turns.sql"),
    include_str!("schema/016_untaken.sql"),
    include_str!("schema/017_customer_fields.sql"),
    include_str!("schema/018_run_input.sql"),
];

/// What the operator settles about the state.
#[derive(Debug, Clone)]
pub struct StateSettings {
    /// The SQLite file.
    pub path: PathBuf,
    /// Keep delivered values as they are instead of as keyed digests.
    pub clear_values: bool,
    /// The key of the digests; without one a random key is kept beside the state.
    pub hash_key: Option<SecretString>,
}

/// The exclusive right to change one state. Given up when it is dropped, also by a crash.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// A state by its place on disk.
#[derive(Debug, Clone)]
pub struct StateFile {
    settings: StateSettings,
}

impl StateFile {
    /// The state at the place that the settings name; where that is a symbolic link, at the place that it leads to, so
    /// that lock, key and backups lie beside the file itself, whichever way it is named. Touches nothing yet.
    #[must_use]
    pub fn new(settings: StateSettings) -> Self {
        let path = behind_links(&settings.path);
        Self { settings: StateSettings { path, ..settings } }
    }

    /// The same settings at another place: a backup of this state.
    pub(super) fn at(&self, path: &Path) -> Self {
        Self { settings: StateSettings { path: path.to_owned(), ..self.settings.clone() } }
    }

    /// Where the SQLite file lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.settings.path
    }

    /// Where that is, whatever the folder it is named from.
    #[must_use]
    pub fn absolute_path(&self) -> PathBuf {
        std::path::absolute(self.path()).unwrap_or_else(|_| self.path().to_owned())
    }

    /// Whether there is a state yet.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.settings.path.exists()
    }

    /// Takes the exclusive right to change the state. A crash leaves no lock behind.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it; [`StoreError::File`] when the lock file cannot be made.
    pub fn lock(&self) -> Result<Lock, StoreError> {
        refuse_foreign(&self.settings.path)?;
        self.make_folder()?;
        let path = lock_of(&self.settings.path);
        let file = open_private(&path)?;
        let mut tries_left = LOCK_TRIES;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                // Somebody may only be asking whether it is locked.
                Err(TryLockError::WouldBlock) if tries_left > 0 => {
                    tries_left -= 1;
                    std::thread::park_timeout(LOCK_AGAIN_AFTER);
                }
                Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path }),
                Err(TryLockError::Error(source)) => {
                    return Err(StoreError::File { action: "lock", path, source });
                }
            }
        }
    }

    /// Whether another process is at work on the state. Changes nothing; the lock is only looked at.
    ///
    /// # Errors
    /// [`StoreError::File`] when the lock file cannot be looked at.
    pub fn is_locked(&self) -> Result<bool, StoreError> {
        let path = lock_of(&self.settings.path);
        let failed = |source| StoreError::File { action: "look at", path: path.clone(), source };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Opens the state for changes, making or upgrading it where needed. The lock proves that nobody else writes.
    /// A crash leaves either the old schema or the new one, never a half.
    ///
    /// # Errors
    /// [`StoreError`] when the file is lost, foreign, newer, damaged, unreachable or was made with another key.
    pub fn open(&self, _lock: &Lock) -> Result<Store, StoreError> {
        let path = &self.settings.path;
        refuse_network(path)?;
        self.refuse_lost()?;
        self.refuse_bad_key()?;
        let (fresh, has_log) = (!path.exists(), has_log(path));
        drop(open_private(path)?);
        restore::take_back(path)?;
        refuse_second_name(path)?;
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        if fresh {
            connection.pragma_update(None, "page_size", PAGE_BYTES)?;
            sync_folder(path)?;
        } else {
            self.inspect(&connection)?;
            self.refuse_stale(&connection, has_log, true)?;
        }
        if !has_key_identity(&connection)? {
            self.refuse_begun_anew()?;
            self.forget_tokens()?;
        }
        leave_log_on_close(&connection, true)?;
        use_write_ahead_log(&connection)?;
        // The mark comes before the tables: a crash between them must not leave tables that nobody owns.
        if application(&connection)? != APPLICATION_ID {
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        migrate(&mut connection)?;
        fault::pass(Point::AfterMigration);
        let fingerprinter = self.fingerprinter(&connection)?;
        let marker = Marker::new(&fingerprinter);
        marks::complete(&mut connection, &marker)?;
        kept::settle(&mut connection, &fingerprinter, self.settings.clear_values)?;
        shared_keys::compare_again(&mut connection, &fingerprinter)?;
        flights::land_all(&mut connection)?;
        origin::end_killed_work(&connection)?;
        leave_log_on_close(&connection, false)?;
        let mut store = self.store(connection, fingerprinter)?;
        store.rare = Rare::ANY;
        Ok(store)
    }

    pub(super) fn empty(&self) -> Result<Store, StoreError> {
        let mut connection = Connection::open_in_memory()?;
        migrate(&mut connection)?;
        self.store(connection, Fingerprinter::new(b"an empty state has no digests"))
    }

    pub(super) fn store(
        &self,
        connection: Connection,
        fingerprinter: Fingerprinter,
    ) -> Result<Store, StoreError> {
        statements::add_functions(&connection)?;
        Ok(Store {
            flights: flights::are_in_schema(&connection)?,
            newer_orders: orders::are_apart(&connection)?,
            fields_by_customer: known_fields::are_by_customer(&connection)?,
            rare: Rare::read(&connection)?,
            connection,
            path: self.settings.path.clone(),
            looked_through: Vec::new(),
            fingerprinter,
            clear_values: self.settings.clear_values,
            aloft: Aloft::default(),
            at_work: None,
            says_at_work: true,
            groups: 0,
            backups: Backups::default(),
        })
    }

    fn make_folder(&self) -> Result<(), StoreError> {
        let folder = self.settings.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.map_or(Ok(()), make_private_folder)
    }

    /// Refuses a file that is not ours or that we are too old for.
    pub(super) fn inspect(&self, connection: &Connection) -> Result<(), StoreError> {
        let path = || self.settings.path.clone();
        let version = version(connection)?;
        let application = application(connection)?;
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if application != APPLICATION_ID && tables > 0 {
            return Err(StoreError::Foreign { path: path() });
        }
        let known = i64::try_from(MIGRATIONS.len()).expect("a handful of migrations");
        if version > known {
            return Err(StoreError::Newer { path: path(), found: version, known });
        }
        Ok(())
    }

    /// The fingerprinter of this state; its key is made on first use and its identity is written down.
    fn fingerprinter(&self, connection: &Connection) -> Result<Fingerprinter, StoreError> {
        let has_key = has_key_identity(connection)?;
        let fingerprinter = Fingerprinter::new(&self.key(!has_key)?);
        if !has_key {
            setting::put(connection, KEY_IDENTITY, fingerprinter.key_identity().as_slice())?;
        }
        self.check_key(connection, &fingerprinter)?;
        Ok(fingerprinter)
    }

    pub(super) fn check_key(
        &self,
        connection: &Connection,
        fingerprinter: &Fingerprinter,
    ) -> Result<(), StoreError> {
        let stored = setting::get(connection, KEY_IDENTITY)?;
        if stored.as_deref() == Some(fingerprinter.key_identity().as_slice()) {
            return Ok(());
        }
        Err(StoreError::WrongHashKey { path: self.settings.path.clone() })
    }

    /// Whether there is a key that a state was made with.
    pub(super) fn has_key(&self) -> bool {
        let key = self.key(false);
        !matches!(key, Err(StoreError::NoKey { source, .. }) if source.kind() == ErrorKind::NotFound)
    }

    /// Refuses a key that fits no state, before a file is made for it; none yet is made with the state.
    pub(super) fn refuse_bad_key(&self) -> Result<(), StoreError> {
        match self.key(false) {
            Err(StoreError::NoKey { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
            found => found.map(drop),
        }
    }

    /// The configured key, or the one beside the state; a random one is made for a state without digests.
    pub(super) fn key(&self, may_make: bool) -> Result<Vec<u8>, StoreError> {
        let (key, path) = match &self.settings.hash_key {
            Some(key) => (key.expose_secret().as_bytes().to_vec(), None),
            None => {
                let path = beside(&self.settings.path, ".key");
                if may_make && !path.exists() {
                    make_key(&path)?;
                }
                (read_key(&path)?, Some(path))
            }
        };
        if key.len() < KEY_BYTES_MIN { Err(StoreError::BadKey { path }) } else { Ok(key) }
    }
}

/// The version of the schema.
pub(super) fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Whose file it says that it is.
fn application(connection: &Connection) -> Result<i32, StoreError> {
    Ok(connection.pragma_query_value(None, "application_id", |row| row.get(0))?)
}

/// Whether a table has a column: not where a state of an earlier version is only read.
pub(super) fn has_column(connection: &Connection, table: &str, column: &str) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)";
    Ok(connection.query_row(sql, [table, column], |row| row.get(0))?)
}

/// The setting that tells which key the state was made with.
const KEY_IDENTITY: &str = "key_identity";

/// Whether there is the identity of a key: the last thing that is written before anything can be accepted.
pub(super) fn has_key_identity(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'setting'";
    if connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(false);
    }
    setting::is_set(connection, KEY_IDENTITY)
}

fn make_key(path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::File { action: "write the hash key", path: path.to_owned(), source };
    let temporary = beside(path, ".new");
    let mut file = open_private(&temporary)?;
    file.set_len(0).map_err(failed)?;
    file.write_all(&rand::random::<[u8; 32]>()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(&temporary, path).map_err(failed)?;
    sync_folder(path)
}

fn read_key(path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut key = Vec::new();
    File::open(path).and_then(|mut file| file.read_to_end(&mut key)).map_err(|source| {
        match source.kind() {
            // No key is lost where none can be.
            ErrorKind::NotADirectory | ErrorKind::InvalidInput => {
                StoreError::File { action: "look for", path: path.to_owned(), source }
            }
            _ => StoreError::NoKey { path: path.to_owned(), source },
        }
    })?;
    Ok(key)
}

pub(super) fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, StoreError> {
    // `:memory:` is a file like any other.
    let is_address = mode.contains(OpenFlags::SQLITE_OPEN_URI);
    let path =
        if is_address { path.to_owned() } else { std::path::absolute(path).unwrap_or(path.to_owned()) };
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", fault::synchronous())?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.pragma_update(None, "cell_size_check", "ON")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A statement is planned once, not for each new value: the guard of a state looks as if it could choose an index.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Decides whether closing the state moves what its write-ahead log holds into the file. After a failed write or sync
/// it must not: nobody knows what reached the disk, and only the next opening reads it anew.
pub(super) fn leave_log_on_close(connection: &Connection, leave: bool) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave)?;
    Ok(())
}

/// SQLite answers a switch that failed with the mode that it stays in, and with no error.
pub(super) fn use_write_ahead_log(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode == "wal" { Ok(()) } else { Err(StoreError::NoWriteAheadLog) }
}

pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let steps = MIGRATIONS.iter().map(|sql| {
        M::up_with_hook(sql, |_: &rusqlite::Transaction<'_>| {
            fault::pass(Point::MidMigration);
            Ok(())
        })
    });
    Migrations::new(steps.collect()).to_latest(connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => {
            StoreError::Sqlite { action: "upgraded", source: err }
        }
        _ => StoreError::Damaged { what: "its schema version is impossible" },
    })
}
