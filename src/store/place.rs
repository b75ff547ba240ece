//! The place of a state on disk: what may lie there and beside it, looked at as files.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::StoreError;
use super::open::APPLICATION_ID;

/// What a SQLite file begins with, how long its header is, and where in it stands whose file it is.
const MAGIC: &[u8] = b"SQLite format 3\0";
const HEADER_BYTES: usize = 100;
const APPLICATION_AT: usize = 68;

/// Opens or makes a file that only its owner may read, from its first byte on. A link in its place is not followed:
/// the one that the operator may have made for the state is known by now.
pub(super) fn open_private(path: &Path) -> Result<File, StoreError> {
    let failed = |source| StoreError::File { action: "open", path: path.to_owned(), source };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(no_file(path));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    }
    Ok(file)
}

/// A folder, a pipe, a device.
fn no_file(path: &Path) -> StoreError {
    let source = io::Error::new(ErrorKind::InvalidInput, "it is no regular file, as a state is");
    StoreError::File { action: "open", path: path.to_owned(), source }
}

/// Refuses what is no state and has never been one, before anything is made beside it or done to its rights. What a lock
/// lies beside was a state, whatever became of it.
pub(super) fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if !metadata.is_file() {
        return Err(no_file(path));
    }
    if metadata.len() == 0 || lock_of(path).exists() {
        return Ok(());
    }
    let failed = |source| StoreError::File { action: "open", path: path.to_owned(), source };
    let mut header = Vec::new();
    File::open(path)
        .and_then(|file| file.take(HEADER_BYTES as u64).read_to_end(&mut header))
        .map_err(failed)?;
    let application = header.get(APPLICATION_AT..APPLICATION_AT + 4);
    let is_ours = header.starts_with(MAGIC) && application == Some(&APPLICATION_ID.to_be_bytes());
    if is_ours { Ok(()) } else { Err(StoreError::Foreign { path: path.to_owned() }) }
}

/// Most symbolic links that lead to a state one after the other; as many as Linux follows.
const LINKS_MAX: usize = 40;

/// Where a path leads to. A link in one of its folders needs no care: whatever lies beside the file lies there too.
pub(super) fn behind_links(path: &Path) -> PathBuf {
    let mut place = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(target) = std::fs::read_link(&place) else { break };
        place = place.parent().unwrap_or(Path::new("")).join(target);
    }
    place
}

/// A file with two names would have two locks and two write-ahead logs, of which each name sees only one. A folder has
/// several by nature, and a pipe would be waited for.
pub(super) fn refuse_second_name(path: &Path) -> Result<(), StoreError> {
    let metadata = std::fs::metadata(path).map_err(|source| StoreError::File {
        action: "look at",
        path: path.to_owned(),
        source,
    })?;
    match metadata.nlink() {
        _ if !metadata.is_file() => Err(no_file(path)),
        0 | 1 => Ok(()),
        names => Err(StoreError::ManyNames { path: path.to_owned(), names }),
    }
}

/// Kinds of file systems, as `/proc/self/mounts` names them, where locks and syncs cannot be trusted.
const NETWORK_KINDS: [&str; 13] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ceph",
    "fuse.ceph-fuse",
    "fuse.sshfs",
    "afs",
    "lustre",
    "gpfs",
    "glusterfs",
    "fuse.glusterfs",
];

pub(super) fn refuse_network(path: &Path) -> Result<(), StoreError> {
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mounts") else { return Ok(()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(folder) = folder.canonicalize() else { return Ok(()) };
    let nearest = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((unescaped(words.next()?), words.next()?))
        })
        .filter(|(point, _)| folder.starts_with(point))
        .max_by_key(|(point, _)| point.len());
    match nearest {
        Some((_, kind)) if NETWORK_KINDS.contains(&kind) => {
            Err(StoreError::NetworkFileSystem { path: path.to_owned(), kind: kind.to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}

/// A mount point as it is: the kernel writes what would part its words as octal numbers.
fn unescaped(point: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(point.to_owned(), |point, (escaped, plain)| point.replace(escaped, plain))
}

/// What SQLite may leave beside a file: a log and its index, or a rollback journal.
pub(super) const LOGS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The file that is locked, and tells which state was used here last.
pub(super) fn lock_of(state: &Path) -> PathBuf {
    beside(state, ".lock")
}

/// Whether a log or journal beside a file holds anything.
pub(super) fn has_log(path: &Path) -> bool {
    let holds = |suffix| std::fs::metadata(beside(path, suffix)).is_ok_and(|log| log.len() > 0);
    holds("-wal") || holds("-journal")
}

/// The path with something added to its file name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{StateFile, StateSettings};

    fn state(path: PathBuf) -> StateFile {
        StateFile::new(StateSettings { path, clear_values: false, hash_key: None })
    }

    /// A slip of the finger names another file: it stays as it is, its rights too.
    #[test]
    fn what_was_never_a_state_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (text, database) = (folder.path().join("notes.txt"), folder.path().join("other.db"));
        std::fs::write(&text, "hello\n").expect("written");
        let other = rusqlite::Connection::open_with_flags(&database, rusqlite::OpenFlags::default());
        other.expect("made").execute_batch("CREATE TABLE a (b)").expect("a table");
        for path in [text, database] {
            std::fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("its owner");
            let before = std::fs::read(&path).expect("readable");
            assert!(matches!(state(path.clone()).lock(), Err(StoreError::Foreign { .. })));
            assert!(matches!(state(path.clone()).open_read_only(), Err(StoreError::Foreign { .. })));
            assert!(!state(path.clone()).own_files().expect("readable").contains(&path));
            assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o644);
            assert_eq!(std::fs::read(&path).expect("readable"), before);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 2, "something lies beside");
        let is_no_file = |error| matches!(error, StoreError::File { action: "open", .. });
        let folder = state(folder.path().to_owned());
        assert!(folder.lock().is_err_and(is_no_file) && folder.open_read_only().is_err_and(is_no_file));
    }

    /// Its first page may be what was lost.
    #[test]
    fn a_damaged_state_is_no_file_of_somebody_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("crmsync.db");
        let damaged = state(path.clone());
        let lock = damaged.lock().expect("nobody else");
        drop(damaged.open(&lock).expect("made"));
        std::fs::write(&path, "nothing of a database").expect("written");
        assert!(matches!(damaged.open(&lock), Err(StoreError::Sqlite { .. } | StoreError::Damaged { .. })));
    }

    /// SQLite would take it for none, and open a state in memory.
    #[test]
    fn every_name_is_that_of_a_file() {
        let only_to_read = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        for name in [":memory:", "file:x.db?mode=memory"] {
            assert!(crate::store::open::connect(Path::new(name), only_to_read).is_err(), "{name}");
        }
    }
}
