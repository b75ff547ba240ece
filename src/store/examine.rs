//! A full look at a state: every page, every reference, every payload, and who may read its files.
//!
//! Looking changes nothing. What is found is told in words that name the file and what a person can do.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use crate::domain::fingerprint::Fingerprinter;
use crate::domain::path_text;
use crate::domain::provider::ProviderId;

use super::backup::{file_error, of_copy, verify};
use super::marks;
use super::open::connect;
use super::place::{LOGS, beside, has_log, lock_of, refuse_foreign};
use super::rare::has_any;
use super::snapshot::life_of;
use super::{StateFile, StoreError, codec};

/// How many complaints of SQLite are told; a broken file has thousands.
const COMPLAINTS_MAX: u32 = 10;

/// In a folder with this bit only owners rename and delete what is theirs.
const STICKY: u32 = 0o1000;

/// Told of a file that no table was made in yet.
const UNFINISHED: &str = "a run was killed while it made the state; nothing was accepted yet";

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// `doctor --repair` mends it.
    Mendable,
    /// A person must act.
    Broken,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    #[serde(serialize_with = "path_text::one")]
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl Finding {
    /// A finding about a file.
    pub fn new(severity: Severity, path: &Path, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity, path: path.to_owned(), what: what.into(), advice: advice.into() }
    }
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// The version of the schema; none when the file could not be read that far.
    pub schema: Option<i64>,
    /// Customers.
    pub customers: u64,
    /// Accounts whose fields are readable.
    pub accounts: u64,
    /// Calls whose life is readable.
    pub calls: u64,
    /// Payloads that match their digest.
    pub payloads: u64,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl StateFile {
    /// Looks at the whole state. A state that does not exist yet is sound, unless there are backups of it.
    #[must_use]
    pub fn examine(&self) -> Examination {
        let mut examination = Examination::default();
        if let Err(error) = self.refuse_lost().and_then(|()| self.refuse_bad_key()) {
            examination.findings.push(broken(self.path(), &error));
            return examination;
        }
        if !self.exists() {
            let what = "there is no state yet";
            let advice = "the first run makes it; if there was one, look at folder, --config and --state";
            examination.findings.push(Finding::new(Severity::Note, &self.absolute_path(), what, advice));
            return examination;
        }
        if let Err(error) = self.examine_file(&mut examination) {
            examination.findings.push(broken(self.path(), &error));
        }
        examination
    }

    fn examine_file(&self, examination: &mut Examination) -> Result<(), StoreError> {
        let path = self.path();
        let has_log = has_log(path);
        let Some(connection) = self.connect_to_read()? else {
            let finding = Finding::new(Severity::Note, path, UNFINISHED, "the next run makes it whole");
            examination.findings.push(finding);
            return Ok(());
        };
        // What is compared has to be of one moment, whatever a run writes meanwhile.
        let connection = connection.unchecked_transaction()?;
        examination.schema = Some(connection.pragma_query_value(None, "user_version", |row| row.get(0))?);
        for complaint in complaints(&connection)? {
            let advice = "put a backup in its place: `crmsync doctor --restore BACKUP`";
            examination.findings.push(Finding::new(Severity::Broken, path, complaint, advice));
        }
        match self.key(false).map(|key| Fingerprinter::new(&key)) {
            Ok(fingerprinter) => self.check_key(&connection, &fingerprinter)?,
            Err(error) => examination.findings.push(broken(path, &error)),
        }
        if let Err(error) = self.refuse_stale(&connection, has_log, false) {
            examination.findings.push(broken(path, &error));
        }
        examine_customers(&connection, path, examination)?;
        examine_accounts(&connection, path, examination)?;
        examine_calls(&connection, path, examination)?;
        examine_words(&connection, path, examination)
    }

    /// Looks at every backup; gives those that are sound, oldest first, and what is wrong with the others.
    ///
    /// # Errors
    /// [`StoreError::File`] when their folder cannot be listed.
    pub fn examine_backups(&self) -> Result<(Vec<super::Backup>, Vec<Finding>), StoreError> {
        let (mut sound, mut findings, mut locked) = (Vec::new(), Vec::new(), 0);
        for backup in self.backups()? {
            match self.examine_backup(&backup.path) {
                Ok(()) => sound.push(backup),
                Err(error) if error.is_of_key() => locked += 1,
                // A run has made another in its place.
                Err(_) if !backup.path.exists() => {}
                Err(error) => findings.push(unsound(&backup.path, &error)),
            }
        }
        if locked > 0 {
            let what = format!("backups that need another hash key than there is: {locked}");
            let advice = "keep them, and bring the key file or `state.hash_key` back";
            findings.push(Finding::new(Severity::Note, &self.backups_folder(), what, advice));
        }
        Ok((sound, findings))
    }

    fn examine_backup(&self, path: &Path) -> Result<(), StoreError> {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        self.at(path).inspect(&connection)?;
        verify(path)?;
        self.at(path).check_key(&connection, &Fingerprinter::new(&self.key(false)?)).map_err(of_copy)?;
        // What a restore would stumble over.
        let mut inside = Examination::default();
        examine_accounts(&connection, path, &mut inside)?;
        examine_calls(&connection, path, &mut inside)?;
        match inside.findings.is_empty() {
            true => Ok(()),
            false => Err(StoreError::Damaged { what: "accounts or calls in it are unreadable" }),
        }
    }

    /// A write-ahead log with something in it, although nobody holds the state: an earlier run was killed.
    #[must_use]
    pub fn stray_log(&self) -> Option<Finding> {
        let log = beside(self.path(), "-wal");
        let what = "a run was killed before it emptied its write-ahead log; nothing is lost";
        let stray = std::fs::metadata(&log).is_ok_and(|log| log.len() > 0);
        stray.then(|| Finding::new(Severity::Note, &log, what, "the next run or --repair empties it"))
    }

    /// Empties the write-ahead log into the file. The lock proves that nobody else writes. After a crash the log is still there.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be opened or written, or somebody reads it.
    pub fn empty_log(&self, lock: &super::Lock) -> Result<(), StoreError> {
        self.open(lock)?.empty_log()
    }

    /// The state's own files and the folders of its backups and rehearsal, as far as they are there. Backups and replaced
    /// states, which can be opened, are not among them; what SQLite left beside those and copies that were cut short are.
    ///
    /// # Errors
    /// [`StoreError::File`] when the folder cannot be listed.
    pub fn own_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let suffixes = ["", ".key", ".lock"].iter().chain(&LOGS);
        let mut files: Vec<PathBuf> = suffixes.map(|suffix| beside(self.path(), suffix)).collect();
        files.extend(self.unfinished_copies());
        files.extend(self.replaced_logs()?);
        files.extend([self.backups_folder(), self.rehearsal_folder()]);
        // What was never a state is nobody's to change.
        let is_foreign = matches!(refuse_foreign(self.path()), Err(StoreError::Foreign { .. }));
        files.retain(|file| file.exists() && !(is_foreign && file == self.path()));
        Ok(files)
    }
}

impl StateFile {
    /// The files beside the state that runs write to, as far as they are there.
    #[must_use]
    pub fn written_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = LOGS.iter().map(|suffix| beside(self.path(), suffix)).collect();
        files.push(lock_of(self.path()));
        files.retain(|file| file.exists());
        files
    }
}

/// Whether a file or folder is open to others than its owner. One that a run has taken away since it was found is not.
///
/// # Errors
/// [`StoreError::File`] when it cannot be looked at.
pub fn is_open_to_others(path: &Path) -> Result<bool, StoreError> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(file_error("look at", path, source)),
    };
    Ok(!metadata.is_symlink() && metadata.permissions().mode() & 0o077 != 0)
}

/// Whether anybody may put other files in the place of those of a folder.
///
/// # Errors
/// [`StoreError::File`] when it cannot be looked at.
pub fn is_writable_by_all(folder: &Path) -> Result<bool, StoreError> {
    let metadata = std::fs::metadata(folder).map_err(|source| file_error("look at", folder, source))?;
    Ok(metadata.permissions().mode() & (STICKY | 0o002) == 0o002)
}

/// Takes from everybody but the owner and the group the right to put other files in a folder. A crash leaves the rights old or
/// new.
///
/// # Errors
/// [`StoreError::File`] when that is not allowed.
pub fn close_folder(folder: &Path) -> Result<(), StoreError> {
    let failed = |source| file_error("close", folder, source);
    let mut rights = std::fs::metadata(folder).map_err(failed)?.permissions();
    rights.set_mode(rights.mode() & !0o002);
    std::fs::set_permissions(folder, rights).map_err(failed)
}

/// Takes the rights of everybody but the owner away. A crash leaves them old or new.
///
/// # Errors
/// [`StoreError::File`] when that is not allowed.
pub fn make_private(path: &Path) -> Result<(), StoreError> {
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|source| file_error("make private", path, source))
}

fn complaints(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut complaints = Vec::new();
    let sql = format!("PRAGMA integrity_check({COMPLAINTS_MAX})");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let said: String = row.get(0)?;
        // SQLite can name pages, tables and indexes here, never a value.
        complaints.extend((said != "ok").then(|| format!("SQLite says: {said}")));
    }
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    let mut dangling = 0_u64;
    while rows.next()?.is_some() {
        dangling += 1;
    }
    complaints.extend((dangling > 0).then(|| format!("{dangling} rows refer to rows that are not there")));
    Ok(complaints)
}

fn examine_customers(
    connection: &Connection,
    path: &Path,
    examination: &mut Examination,
) -> Result<(), StoreError> {
    let count: i64 = connection.query_row("SELECT count(*) FROM customer", [], |row| row.get(0))?;
    examination.customers = count.unsigned_abs();
    if let Some(complaint) = marks::examine(connection, examination.customers)? {
        let advice = "put a backup in its place: `crmsync doctor --restore BACKUP`";
        examination.findings.push(Finding::new(Severity::Broken, path, complaint.to_owned(), advice));
    }
    Ok(())
}

fn examine_accounts(
    connection: &Connection,
    path: &Path,
    examination: &mut Examination,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT provider, fields, skipped FROM account")?;
    let mut rows = statement.query([])?;
    let mut wrong = 0;
    while let Some(row) = rows.next()? {
        let readable = row.get(0).is_ok_and(|number| ProviderId::from_number(number).is_some())
            && codec::unpack_fields(&row.get::<_, Vec<u8>>(1)?).is_ok()
            && codec::unpack_codes(row.get::<_, Option<Vec<u8>>>(2)?.as_deref()).is_ok();
        examination.accounts += u64::from(readable);
        wrong += u64::from(!readable);
    }
    examination.findings.extend(count_broken(path, wrong, "accounts are unreadable"));
    if has_any(connection, "untaken")? {
        let mut statement = connection.prepare("SELECT provider, fields FROM untaken")?;
        let (mut rows, mut wrong) = (statement.query([])?, 0);
        while let Some(row) = rows.next()? {
            let readable = row.get(0).is_ok_and(|number| ProviderId::from_number(number).is_some())
                && codec::unpack_codes(Some(&row.get::<_, Vec<u8>>(1)?)).is_ok();
            wrong += u64::from(!readable);
        }
        examination.findings.extend(count_broken(
            path,
            wrong,
            "lists of what was turned away are unreadable",
        ));
    }
    Ok(())
}

fn examine_calls(
    connection: &Connection,
    path: &Path,
    examination: &mut Examination,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT * FROM call")?;
    let mut rows = statement.query([])?;
    let (mut lives, mut payloads) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        let is_text = |column| row.get::<_, Option<String>>(column).is_ok();
        let readable = row.get("provider").is_ok_and(|number| ProviderId::from_number(number).is_some())
            && life_of(row).is_ok()
            && is_text("class")
            && is_text("code");
        examination.calls += u64::from(readable);
        lives += u64::from(!readable);
        if let Some(payload) = row.get::<_, Option<Vec<u8>>>("payload")? {
            match codec::unpack_payload(&payload) {
                Ok(_) => examination.payloads += 1,
                Err(_) => payloads.push(row.get::<_, i64>("id")?),
            }
        }
    }
    examination.findings.extend(count_broken(path, lives, "calls cannot be read"));
    if let Some(first) = payloads.first() {
        let what =
            format!("{} payloads do not match their digest, the first of call {first}", payloads.len());
        let advice = "put a backup in its place: `crmsync doctor --restore BACKUP`";
        examination.findings.push(Finding::new(Severity::Broken, path, what, advice));
    }
    Ok(())
}

/// The texts of customers, accounts, runs and answers.
fn examine_words(
    connection: &Connection,
    path: &Path,
    examination: &mut Examination,
) -> Result<(), StoreError> {
    let tables = [
        ("SELECT id, command, outcome FROM run", "runs"),
        ("SELECT class, code FROM answer", "answers"),
        ("SELECT customer_id FROM customer", "keys of customers"),
        ("SELECT key FROM account", "keys of accounts"),
    ];
    for (sql, name) in tables {
        let mut statement = connection.prepare(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        let mut wrong = 0;
        while let Some(row) = rows.next()? {
            let is_read = |column| match row.get_ref(column) {
                Ok(ValueRef::Text(text)) => std::str::from_utf8(text).is_ok(),
                Ok(ValueRef::Null) => true,
                Ok(ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_)) | Err(_) => false,
            };
            wrong += u64::from(!(0..columns).all(is_read));
        }
        examination.findings.extend(count_broken(path, wrong, &format!("{name} cannot be read")));
    }
    Ok(())
}

/// What is wrong with a backup. One that cannot be read here and now may be sound.
fn unsound(path: &Path, error: &StoreError) -> Finding {
    let (what, advice) = match error {
        StoreError::Newer { .. } => ("the backup is for a newer crmsync", "keep it, and update the program"),
        StoreError::File { .. } => ("the backup cannot be looked at", "mend its owner and rights"),
        StoreError::Sqlite { .. } if !error.needs_a_person() => (
            "the backup cannot be looked at",
            "mend its owner and rights, or the disk, then `crmsync doctor` again",
        ),
        _ => ("the backup is of no use", "delete it; the next run that changes something makes another"),
    };
    Finding::new(Severity::Broken, path, format!("{what}: {}", told(error)), advice)
}

fn count_broken(path: &Path, count: u64, what: &str) -> Option<Finding> {
    let advice = "put a backup in its place: `crmsync doctor --restore BACKUP`";
    (count > 0).then(|| Finding::new(Severity::Broken, path, format!("{count} {what}"), advice))
}

fn broken(path: &Path, error: &StoreError) -> Finding {
    let advice = match error {
        StoreError::Foreign { .. }
        | StoreError::Lost { .. }
        | StoreError::Newer { .. }
        | StoreError::Stale { .. } => "nothing was touched; do what the message says",
        StoreError::ManyNames { .. } => "delete the names that runs do not use",
        StoreError::WrongHashKey { .. } | StoreError::NoKey { .. } | StoreError::BadKey { .. } => {
            "bring the key file or `state.hash_key` back; a new key would send everything again"
        }
        StoreError::File { .. } => "check the file and its rights",
        StoreError::Sqlite { .. } if !error.needs_a_person() => {
            "nothing is known against the file: mend the disk or the rights there, then `crmsync doctor` again"
        }
        StoreError::Locked { .. }
        | StoreError::NetworkFileSystem { .. }
        | StoreError::NoWriteAheadLog
        | StoreError::Damaged { .. }
        | StoreError::GuardFailed { .. }
        | StoreError::Illegal { .. }
        | StoreError::Undecidable { .. }
        | StoreError::Leased(_)
        | StoreError::NoSuchCall(_)
        | StoreError::Sqlite { .. } => "put a backup in its place: `crmsync doctor --restore BACKUP`",
    };
    Finding::new(Severity::Broken, path, told(error), advice)
}

/// The error with its causes.
fn told(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_advised_where_the_file_is_damaged_and_not_where_it_cannot_be_reached() {
        let cases = [
            (rusqlite::ffi::SQLITE_CANTOPEN, false),
            (rusqlite::ffi::SQLITE_FULL, false),
            (rusqlite::ffi::SQLITE_CORRUPT, true),
        ];
        for (code, is_damaged) in cases {
            let failed = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            let finding = broken(Path::new("state"), &StoreError::from(failed));
            assert_eq!(finding.advice.contains("--restore BACKUP"), is_damaged, "{code}");
        }
    }
}
