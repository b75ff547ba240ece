//! Backups: whole, verified copies of the state, made before the first change of a run and none for a run that
//! changes nothing.
//!
//! A backup is made by a second connection while the first change waits for its commit, so that it holds the state as
//! it was before the run (of an empty state just before: nobody else can read it while it is filled); the bookkeeping of
//! the run itself (its row, the age of its input) is no change. The hash key is not in a backup: it stays beside the
//! state.
//!
//! States in one folder share the folder `backups`; a backup of `crmsync.db` is `crmsync.db.RUN.db` there. Earlier versions
//! left the name of the state out: such a backup may be of any state beside it.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup as PageCopy, StepResult};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};

use crate::domain::clock::Clock;
use crate::domain::fault::{self, Point};
use crate::domain::run_id::RunId;

use super::open::connect;
use super::place::{LOGS, beside};
use super::{StateFile, Store, StoreError, origin};

/// What the name of a backup ends with.
const ENDING: &str = "db";
/// What SQLite takes for all pages of a file, in one step.
const ALL_PAGES: i32 = -1;

/// How a run backs up the state before it changes it.
#[derive(Debug, Clone)]
pub struct BackupPlan {
    /// What tells it from other backups of the state, for instance the identifier of the run; without a point, and sorted
    /// by age.
    pub name: String,
    /// How many backups are kept; 0 makes none.
    pub keep: usize,
    /// Measures how long it takes.
    pub clock: Clock,
}

/// A backup that this run made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeBackup {
    /// Where it is.
    pub path: PathBuf,
    /// How large it is.
    pub bytes: u64,
    /// How long it took, verification included.
    pub took: Duration,
}

/// A backup as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Where it is.
    pub path: PathBuf,
    /// How large it is.
    pub bytes: u64,
}

/// What a store has to back up, and has backed up.
#[derive(Debug, Default)]
pub(super) struct Backups {
    due: Option<(PathBuf, BackupPlan)>,
    unplaced: Option<Unplaced>,
    made: Option<MadeBackup>,
}

/// A backup that is not in its place yet. Dropped there, it leaves nothing, so that a disk that it has filled is not full for
/// what comes next.
#[derive(Debug)]
struct Unplaced {
    temporary: PathBuf,
    bytes: u64,
    took: Duration,
}

impl Drop for Unplaced {
    fn drop(&mut self) {
        // Put in its place, or of no use to anybody; the state itself is not concerned.
        drop(delete_copy(&self.temporary));
    }
}

impl Backups {
    /// Writes the backup that is due, if one is, before the state is as it should not be in it. It counts when it is
    /// [made](Self::make_due). A crash leaves a temporary file.
    pub(super) fn write_due(&mut self) -> Result<(), StoreError> {
        let Some((state, plan)) = self.due.as_ref().filter(|_| self.unplaced.is_none()) else {
            return Ok(());
        };
        let started = plan.clock.elapsed();
        let folder = folder_of(state);
        make_private_folder(&folder)?;
        let connection = connect(state, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut written = Unplaced { temporary: unfinished(state), bytes: 0, took: Duration::ZERO };
        written.bytes = write_temporary(&connection, &written.temporary)?;
        written.took = plan.clock.elapsed().saturating_sub(started);
        self.unplaced = Some(written);
        Ok(())
    }

    /// Makes the backup that is due, if one is. A crash leaves a temporary file that the next backup replaces.
    pub(super) fn make_due(&mut self) -> Result<(), StoreError> {
        self.write_due()?;
        let (Some((state, plan)), Some(written)) = (self.due.take(), self.unplaced.take()) else {
            return Ok(());
        };
        let started = plan.clock.elapsed();
        let path = path_of(&state, &plan);
        put_in_place(&written.temporary, &path)?;
        rotate(&state, plan.keep, &path)?;
        let took = written.took + plan.clock.elapsed().saturating_sub(started);
        self.made = Some(MadeBackup { path, bytes: written.bytes, took });
        Ok(())
    }
}

impl Store {
    /// From now on the first change makes a backup first.
    pub fn back_up_first(&mut self, state: &StateFile, plan: BackupPlan) {
        if plan.keep > 0 {
            self.backups.due = Some((state.path().to_owned(), plan));
        }
    }

    /// The backup that was made since the state was opened.
    #[must_use]
    pub fn made_backup(&self) -> Option<&MadeBackup> {
        self.backups.made.as_ref()
    }

    /// How long backups took since the state was opened.
    #[must_use]
    pub fn backup_time(&self) -> Duration {
        self.backups.made.as_ref().map_or(Duration::ZERO, |made| made.took)
    }
}

impl StateFile {
    /// The folder of the backups, beside the state.
    #[must_use]
    pub fn backups_folder(&self) -> PathBuf {
        folder_of(self.path())
    }

    /// Refuses to begin anew where backups prove that there was a state: its persons would be created a second time.
    /// A run that is killed while it makes the state has not come to its first backup. Where the key is gone too, backups that
    /// do not name their state are of another one in the same folder.
    pub(super) fn refuse_lost(&self) -> Result<(), StoreError> {
        let is_nothing = match std::fs::metadata(self.path()) {
            Ok(state) => state.len() == 0,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if is_nothing { self.refuse_begun_anew() } else { Ok(()) }
    }

    /// The same for a file in which nothing was ever accepted: an empty one that somebody, or another program, has made.
    pub(super) fn refuse_begun_anew(&self) -> Result<(), StoreError> {
        let proves = |backup: &Backup| self.has_key() || name_of_state(&backup.path).is_some();
        let was_there = self.backups()?.iter().any(proves) || (self.has_key() && self.was_used()?);
        if !was_there {
            return Ok(());
        }
        Err(StoreError::Lost { path: self.path().to_owned(), backups: self.backups_folder() })
    }

    /// The backups of the state, oldest first; none when there is no folder of backups. Links are not followed.
    ///
    /// # Errors
    /// [`StoreError::File`] when the folder cannot be listed.
    pub fn backups(&self) -> Result<Vec<Backup>, StoreError> {
        backups_of(self.path())
    }
}

fn backups_of(state: &Path) -> Result<Vec<Backup>, StoreError> {
    let folder = folder_of(state);
    let mut backups = Vec::new();
    for path in files_in(&folder)? {
        let metadata = match std::fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            // A run has rotated it away meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(file_error("list", &folder, source)),
        };
        if metadata.is_file() && may_be_of(&path, state) {
            backups.push(Backup { path, bytes: metadata.len() });
        }
    }
    backups.sort_by(|a, b| run_of(&a.path).cmp(&run_of(&b.path)));
    Ok(backups)
}

/// Whether a file is by its name a backup of this state, or of one that it does not name.
fn may_be_of(path: &Path, state: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == ENDING)
        && name_of_state(path).is_none_or(|name| Some(name) == state.file_name())
}

/// The state that a backup names.
fn name_of_state(backup: &Path) -> Option<&OsStr> {
    backup.file_stem().map(Path::new).filter(|stem| stem.extension().is_some())?.file_stem()
}

/// What a backup is named after: the run that made it.
fn run_of(backup: &Path) -> Option<&OsStr> {
    let stem = backup.file_stem()?;
    Path::new(stem).extension().or(Some(stem))
}

/// Whether a file is named after a run, as a run names the backups that it makes.
pub(super) fn is_made_by_run(backup: &Path) -> bool {
    run_of(backup).and_then(OsStr::to_str).and_then(RunId::parse).is_some()
}

/// What lies in a folder; nothing when there is no such folder.
pub(super) fn files_in(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source| file_error("list", folder, source);
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry.map_err(failed)?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

/// Deletes a copy of the state with what SQLite may have left beside it. A crash leaves the copy without its log.
///
/// # Errors
/// [`StoreError::File`] when it cannot be deleted.
pub fn delete_copy(path: &Path) -> Result<(), StoreError> {
    LOGS.iter().try_for_each(|suffix| make_way(&beside(path, suffix), "delete"))?;
    make_way(path, "delete")
}

/// Copies a database, consistent and whole, under another name, verified and synced. Gives its size. A crash leaves
/// perhaps a file that is of no use.
fn write_temporary(connection: &Connection, temporary: &Path) -> Result<u64, StoreError> {
    make_empty(temporary)?;
    copy(connection, temporary)?;
    fault::pass(Point::MidBackup);
    verify(temporary)?;
    let failed = |source| file_error("sync", temporary, source);
    let file = File::open(temporary).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    Ok(file.metadata().map_err(failed)?.len())
}

/// A crash leaves what was there before, or the new file.
fn put_in_place(temporary: &Path, path: &Path) -> Result<(), StoreError> {
    std::fs::rename(temporary, path).map_err(|source| file_error("put in place", path, source))?;
    sync_folder(path)
}

fn path_of(state: &Path, plan: &BackupPlan) -> PathBuf {
    let name = state.file_name().unwrap_or_default();
    folder_of(state).join(beside(Path::new(name), &format!(".{}.{ENDING}", plan.name)))
}

/// Where a backup lies until it is whole. There is one such place for each state, and not one for each run: so the next
/// backup replaces what a crash left there.
pub(super) fn unfinished(state: &Path) -> PathBuf {
    let name = state.file_name().unwrap_or_default();
    folder_of(state).join(beside(Path::new(name), ".unfinished"))
}

/// Copies all pages as they stand at one moment: a fifth of the time that `VACUUM INTO` takes, which makes every index
/// anew. What was deleted is not in them (`secure_delete`).
fn copy(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let mut target = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // It is synced when it is whole, and of no use before.
    target.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
    target.pragma_update(None, "synchronous", "OFF")?;
    let copied = PageCopy::new(connection, &mut target)?.step(ALL_PAGES)?;
    if copied != StepResult::Done {
        return Err(StoreError::Damaged { what: "a copy could not be made whole" });
    }
    // Without a write-ahead log of its own it is one file.
    target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    origin::mark_backup(&target)?;
    target.close().map_err(|(_, error)| error.into())
}

/// Copies what is in use into a file that is empty. Its name need not be text.
pub(super) fn vacuum_into(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let name = ToSqlOutput::Borrowed(ValueRef::Text(path.as_os_str().as_bytes()));
    connection.execute("VACUUM INTO ?1", [name])?;
    Ok(())
}

/// Whether every page of a copy is sound.
pub(super) fn verify(path: &Path) -> Result<(), StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(StoreError::Damaged { what: "a copy is not sound" });
    }
    // Of a last page that holds nothing SQLite does not miss what was cut off.
    let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let bytes = std::fs::metadata(path).map_err(|error| file_error("look at", path, error))?.len();
    if !bytes.is_multiple_of(page.into()) {
        return Err(StoreError::Damaged { what: "a copy ends within a page" });
    }
    Ok(())
}

/// A copy without the tables of a state was cut short when it was made.
pub(super) fn of_copy(error: StoreError) -> StoreError {
    if error.lacks_a_table() { StoreError::Damaged { what: "a copy was never made whole" } } else { error }
}

/// Makes an empty file, 0600, in the place of whatever an earlier crash left there; a link is replaced, not followed.
pub(super) fn make_empty(path: &Path) -> Result<(), StoreError> {
    LOGS.iter().try_for_each(|suffix| make_way(&beside(path, suffix), "replace"))?;
    make_way(path, "replace")?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|source| file_error("create", path, source))
}

/// Removes a file, if it is there.
fn make_way(path: &Path, action: &'static str) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(action, path, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| file_error("sync the folder of", path, source))
}

pub(super) fn file_error(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::File { action, path: path.to_owned(), source }
}

fn folder_of(state: &Path) -> PathBuf {
    state.with_file_name("backups")
}

/// Makes a folder and its parents, 0700 where they are new. Their names are synced too: else a power cut could take a
/// new folder away with everything that was synced inside it.
pub(super) fn make_private_folder(folder: &Path) -> Result<(), StoreError> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| file_error("make the folder", folder, source))?;
    missing.into_iter().rev().try_for_each(sync_folder)
}

/// The one that was just made stays, whatever time its name tells. Those that tell a later one go first: they are of a clock that
/// was ahead, and would stay until it is right.
fn rotate(state: &Path, keep: usize, made: &Path) -> Result<(), StoreError> {
    let mut backups = backups_of(state)?;
    backups.retain(|backup| is_made_by_run(&backup.path));
    let surplus = backups.len().saturating_sub(keep);
    backups.retain(|backup| backup.path != made);
    backups.sort_by_key(|backup| run_of(&backup.path) <= run_of(made));
    backups.iter().take(surplus).try_for_each(|backup| delete_copy(&backup.path))
}
