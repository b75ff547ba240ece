//! The place of a state on disk: what may lie there and beside it, looked at as files.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::StoreError;

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
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    }
    Ok(file)
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

/// A file with two names would have two locks and two write-ahead logs, of which each name sees only one.
pub(super) fn refuse_second_name(path: &Path) -> Result<(), StoreError> {
    let metadata = std::fs::metadata(path).map_err(|source| StoreError::File {
        action: "look at",
        path: path.to_owned(),
        source,
    })?;
    match metadata.nlink() {
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

/// Does a log or journal beside a file hold anything.
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
