//! The folder of a run, and files that nobody else may read.
//!
//! Folders are 0700 and files 0600 from their first byte. A file is created new and never through a link
//! (`O_CREAT | O_EXCL` does not follow one), and a file that replaces another is written beside it, synced and
//! renamed, so that a reader sees the old one or the new one whole.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::domain::run_id::RunId;

/// The report of a run, written when it ends.
pub const REPORT_FILE: &str = "report.json";
/// What happened in a run, one object a line.
pub const EVENTS_FILE: &str = "events.jsonl";
/// What did not get through in a run.
pub const REJECTS_FILE: &str = "rejects.csv";

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const PUBLIC_MODE: u32 = 0o644;

/// Something that could not be done with a file of a run.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// A file that was being written piece by piece, and could not be.
    pub fn writing<E: Into<io::Error>>(path: &Path) -> impl Fn(E) -> Self + '_ {
        move |source| Self { action: "write", path: path.to_owned(), source: source.into() }
    }

    fn on<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self { action, path: path.to_owned(), source }
    }
}

/// The folder of one run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run below `runs`, which is made too if need be.
    ///
    /// # Errors
    /// When a folder cannot be made, or when the run has one already.
    pub fn create(runs: &Path, id: &RunId) -> Result<Self, FileError> {
        create_private_folders(runs)?;
        let path = runs.join(id.as_str());
        DirBuilder::new()
            .mode(FOLDER_MODE)
            .create(&path)
            .map_err(FileError::on("create the folder", &path))?;
        Ok(Self { path })
    }

    /// The folder that an earlier run left; its files may be missing.
    #[must_use]
    pub fn of(runs: &Path, id: &RunId) -> Self {
        Self { path: runs.join(id.as_str()) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file of the run is, or would be.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Its files, links not followed.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn files(&self) -> Result<Vec<PathBuf>, FileError> {
        let failed = |error| FileError::on("list", &self.path)(error);
        let mut files = Vec::new();
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            files.extend(entry.file_type().map_err(failed)?.is_file().then(|| entry.path()));
        }
        Ok(files)
    }

    /// Whether the run is at work: until it ends, however it does, it alone has the lock of its log. None where its log is
    /// not there, or files cannot be locked.
    ///
    /// # Errors
    /// When the log cannot be opened.
    pub fn is_at_work(&self) -> Result<Option<bool>, FileError> {
        let path = self.file(EVENTS_FILE);
        match File::open(&path).map(|log| log.try_lock_shared()) {
            Ok(Ok(())) => Ok(Some(false)),
            Ok(Err(TryLockError::WouldBlock)) => Ok(Some(true)),
            Ok(Err(TryLockError::Error(_))) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::on("look at", &path)(error)),
        }
    }

    /// Creates a file of the run, to be written piece by piece.
    ///
    /// # Errors
    /// When the file exists or cannot be created.
    pub fn create_file(&self, name: &str) -> Result<File, FileError> {
        create_new_private(&self.file(name))
    }

    /// Writes a file of the run piece by piece, in place of the one that is there. A crash leaves the old file or the new one,
    /// and perhaps a temporary file.
    ///
    /// # Errors
    /// When the file cannot be created, synced or renamed, or what `write` says.
    pub fn replace_file<T, E: From<FileError>>(
        &self,
        name: &str,
        write: impl FnOnce(&File) -> Result<T, E>,
    ) -> Result<T, E> {
        let path = self.file(name);
        let file = beside(&path)?;
        let written = write(file.as_file())?;
        put_in_place(file, &path)?;
        Ok(written)
    }

    /// Writes a whole file of the run. A crash leaves the old file or the new one, and perhaps a temporary file.
    ///
    /// # Errors
    /// When the file cannot be written, synced or renamed.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        write_private(&self.file(name), bytes)
    }
}

/// Makes a folder and its parents, 0700 where they are new.
///
/// # Errors
/// When one cannot be made.
pub fn create_private_folders(path: &Path) -> Result<(), FileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
        .map_err(FileError::on("create the folder", path))
}

/// Writes a whole file, 0600, in place of the one that is there. A crash leaves the old file or the new one, and
/// perhaps a temporary file beside it.
///
/// # Errors
/// When the file cannot be written, synced or renamed.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, bytes, FILE_MODE)
}

/// Writes a whole file, 0600, that a person has named. A link is followed, and what is no file (a pipe, a device) stays what
/// it is and gets the bytes. A crash leaves the old file or the new one.
///
/// # Errors
/// When the file cannot be written, synced or renamed.
pub fn write_named(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_to(path, bytes, FILE_MODE)
}

/// The same so that everybody may read it: for counts that another service collects.
///
/// # Errors
/// As [`write_named`].
pub fn write_public(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_to(path, bytes, PUBLIC_MODE)
}

fn write_to(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => {
            let opened = OpenOptions::new().write(true).open(path);
            opened.and_then(|mut file| file.write_all(bytes)).map_err(FileError::on("write", path))
        }
        Ok(_) => replace(&fs::canonicalize(path).map_err(FileError::on("find", path))?, bytes, mode),
        Err(_) => replace(path, bytes, mode),
    }
}

/// How the name of a file begins that is not in its place yet.
const UNFINISHED: &str = ".crmsync-";

/// A temporary file: `tempfile` creates it with `O_EXCL` and 0600, under a name that nobody can guess.
fn beside(path: &Path) -> Result<NamedTempFile, FileError> {
    let made = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder_of(path));
    made.map_err(FileError::on("create a file beside", path))
}

fn put_in_place(file: NamedTempFile, path: &Path) -> Result<(), FileError> {
    file.as_file().sync_all().map_err(FileError::on("write", path))?;
    file.persist(path).map_err(|error| FileError::on("put in place", path)(error.error))?;
    sync_folder(folder_of(path)).map_err(FileError::on("sync the folder of", path))
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let mut file = beside(path)?;
    file.write_all(bytes).map_err(FileError::on("write", path))?;
    if mode != FILE_MODE {
        file.as_file()
            .set_permissions(Permissions::from_mode(mode))
            .map_err(FileError::on("open up", path))?;
    }
    put_in_place(file, path)
}

/// Creates a file, 0600, that must not be there yet, to be written piece by piece.
///
/// # Errors
/// When there is something under that name, or the file cannot be created.
fn create_new_private(path: &Path) -> Result<File, FileError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(FileError::on("create", path))
}

/// Writes a file, 0600, that must not be there yet. One that cannot be written whole is not left.
///
/// # Errors
/// When there is something under that name, or what `write` says.
pub fn write_new_private<T, E: From<FileError>>(
    path: &Path,
    write: impl FnOnce(File) -> Result<T, E>,
) -> Result<T, E> {
    let file = create_new_private(path)?;
    write(file).inspect_err(|_| {
        // Half a file is of no use, and in the way of the next try.
        drop(fs::remove_file(path));
    })
}

/// The runs that have a folder, oldest first; none when there is no folder of runs yet.
///
/// # Errors
/// When the folder cannot be listed.
pub fn list_runs(runs: &Path) -> Result<Vec<RunId>, FileError> {
    let entries = match fs::read_dir(runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::on("list", runs)(error)),
    };
    let mut ids = Vec::new();
    for entry in entries {
        let entry = entry.map_err(FileError::on("list", runs))?;
        // One that was moved to another disk may be a link here.
        let is_folder = fs::metadata(entry.path()).is_ok_and(|found| found.is_dir());
        let id = entry.file_name().to_str().and_then(RunId::parse);
        ids.extend(id.filter(|_| is_folder));
    }
    ids.sort();
    Ok(ids)
}

/// Deletes what runs that were killed have written of their files and not put in place; gives what that was. To be done while
/// no run goes on.
///
/// # Errors
/// When a folder cannot be listed or a file not be deleted.
pub fn delete_unfinished(runs: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut deleted = Vec::new();
    for id in list_runs(runs)? {
        for file in RunFolder::of(runs, &id).files()? {
            let name = file.file_name().unwrap_or_default();
            if name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
                remove_file(&file)?;
                deleted.push(file);
            }
        }
    }
    Ok(deleted)
}

/// Deletes the oldest runs until `keep` are left; `current`, the run that goes on, stays, whatever time its name tells. Those that
/// tell a later one go first: they are of a clock that was ahead, and would stay until it is right.
/// Folders that are not runs are left alone, and so are runs at work on other states. Returns how many were deleted.
///
/// # Errors
/// When a folder cannot be deleted; the runs deleted before it are gone.
pub fn rotate_runs(runs: &Path, keep: usize, current: &RunId) -> Result<usize, FileError> {
    let mut ids = list_runs(runs)?;
    let surplus = ids.len().saturating_sub(keep.max(1));
    ids.retain(|id| id != current);
    ids.sort_by_key(|id| id <= current);
    let mut deleted = 0;
    for id in ids.iter().take(surplus) {
        let folder = RunFolder::of(runs, id);
        if folder.is_at_work()? == Some(true) {
            continue;
        }
        deleted += 1;
        if folder.path.is_symlink() {
            // Behind the link alone: its files would lie on where nobody looks for them. What else lies there is not ours.
            for name in [REPORT_FILE, EVENTS_FILE, REJECTS_FILE] {
                remove_file(&folder.file(name))?;
            }
            remove_file(&folder.path)?;
        } else {
            fs::remove_dir_all(&folder.path).map_err(FileError::on("delete", &folder.path))?;
        }
    }
    Ok(deleted)
}

fn remove_file(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::on("delete", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::domain::clock::Timestamp;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folder_and_files_are_private_from_the_start() {
        let home = tempfile::tempdir().unwrap();
        let runs = home.path().join("state/runs");
        let folder = RunFolder::create(&runs, &RunId::new(Timestamp(0), 1)).unwrap();
        folder.write(REPORT_FILE, b"{}").unwrap();
        drop(folder.create_file(EVENTS_FILE).unwrap());
        assert_eq!(mode(&runs), 0o700);
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(mode(&folder.file(REPORT_FILE)), 0o600);
        assert_eq!(mode(&folder.file(EVENTS_FILE)), 0o600);
    }

    #[test]
    fn what_a_person_names_is_followed_where_it_is_a_link_and_stays_where_it_is_no_file() {
        let home = tempfile::tempdir().unwrap();
        let (file, link) = (home.path().join("file"), home.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_named(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"new".to_vec(), 0o600));
        write_public(&link, b"newer").unwrap();
        assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"newer".to_vec(), 0o644));
        let null = Path::new("/dev/null");
        std::os::unix::fs::symlink(null, home.path().join("null")).unwrap();
        write_named(&home.path().join("null"), b"gone").unwrap();
        assert!(!fs::metadata(null).unwrap().is_file());
        // A folder is neither.
        assert!(write_named(home.path(), b"").is_err());
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(home.path(), &RunId::new(Timestamp(0), 1)).unwrap();
        let target = home.path().join("precious");
        fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, folder.file(EVENTS_FILE)).unwrap();
        std::os::unix::fs::symlink(&target, folder.file(REPORT_FILE)).unwrap();
        assert!(folder.create_file(EVENTS_FILE).is_err());
        folder.write(REPORT_FILE, b"{}").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
        assert_eq!(fs::read_to_string(folder.file(REPORT_FILE)).unwrap(), "{}");
    }

    #[test]
    fn rotation_keeps_the_newest_and_what_is_no_run() {
        let home = tempfile::tempdir().unwrap();
        let ids: Vec<RunId> = (0..4).map(|n| RunId::new(Timestamp(n * 1_000), 7)).collect();
        for id in &ids {
            RunFolder::create(home.path(), id).unwrap();
        }
        fs::create_dir(home.path().join("notes")).unwrap();
        assert_eq!(rotate_runs(home.path(), 2, &ids[3]).unwrap(), 2);
        assert_eq!(list_runs(home.path()).unwrap(), ids[2..]);
        assert!(home.path().join("notes").exists());
        assert_eq!(rotate_runs(home.path(), 0, &ids[2]).unwrap(), 1);
        assert_eq!(
            list_runs(home.path()).unwrap(),
            [ids[2].clone()],
            "the run that goes on stays, whatever its name"
        );
        for id in [&ids[0], &ids[1], &ids[3]] {
            RunFolder::create(home.path(), id).unwrap();
        }
        assert_eq!(rotate_runs(home.path(), 3, &ids[2]).unwrap(), 1);
        assert_eq!(list_runs(home.path()).unwrap(), ids[..3], "of a clock that was ahead");
        let log = RunFolder::of(home.path(), &ids[0]).create_file(EVENTS_FILE).unwrap();
        log.lock().unwrap();
        assert_eq!(rotate_runs(home.path(), 1, &ids[2]).unwrap(), 1);
        assert_eq!(list_runs(home.path()).unwrap(), [&ids[0], &ids[2]].map(Clone::clone), "is at work");
    }

    /// A folder that was moved to another disk and is a link since.
    #[test]
    fn rotation_takes_the_files_of_a_run_that_are_elsewhere_and_nothing_else_there() {
        let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let [old, new] = [0, 1_000].map(|time| RunId::new(Timestamp(time), 7));
        for name in [REPORT_FILE, EVENTS_FILE, REJECTS_FILE, "notes.txt"] {
            fs::write(elsewhere.path().join(name), "written").unwrap();
        }
        std::os::unix::fs::symlink(elsewhere.path(), home.path().join(old.as_str())).unwrap();
        RunFolder::create(home.path(), &new).unwrap();
        assert_eq!(rotate_runs(home.path(), 1, &new).unwrap(), 1);
        assert!(!home.path().join(old.as_str()).is_symlink());
        let left: Vec<_> =
            fs::read_dir(elsewhere.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"]);
    }

    #[test]
    fn a_file_that_could_not_be_written_is_not_in_the_way_of_the_next_try() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new");
        let full = |_| Err::<(), _>(FileError::writing(&path)(io::Error::from(io::ErrorKind::StorageFull)));
        assert!(write_new_private(&path, full).is_err());
        assert!(!path.exists());
        write_new_private(&path, |_| Ok::<_, FileError>(())).unwrap();
        assert_eq!(mode(&path), 0o600);
        let again = write_new_private(&path, |_| Ok::<_, FileError>(()));
        assert!(again.is_err() && path.exists(), "what is there already stays");
    }

    #[test]
    fn what_a_killed_run_has_not_put_in_place_is_deleted() {
        let home = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(home.path(), &RunId::new(Timestamp(0), 1)).unwrap();
        let unfinished = folder.file(".crmsync-Ab12");
        for file in [&unfinished, &folder.file(REJECTS_FILE)] {
            fs::write(file, "values").unwrap();
        }
        assert_eq!(delete_unfinished(home.path()).unwrap(), std::slice::from_ref(&unfinished));
        assert_eq!(folder.files().unwrap(), [folder.file(REJECTS_FILE)]);
    }

    #[test]
    fn a_folder_that_is_gone_has_no_files() {
        let home = tempfile::tempdir().unwrap();
        let gone = RunFolder::of(home.path(), &RunId::new(Timestamp(0), 1));
        assert_eq!(gone.files().unwrap(), Vec::<PathBuf>::new());
    }
}
