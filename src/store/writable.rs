//! Whether a run could write where it has to: rights, file systems, and room on the disks.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::StateFile;
use super::examine::{Finding, Severity};

/// With less room on its disk no run gets far, in bytes.
const ROOM_MIN: u64 = 16_000_000;

/// Which of these places this user cannot write to, so that every run would fail. Of one that is not there yet, the folder counts
/// in which it would be made.
pub fn unwritable<'a>(places: impl IntoIterator<Item = &'a Path>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for place in places {
        let (place, fault) = match existing(place) {
            _ if leads_to_nothing(place) => (place.to_owned(), Some(LEADS_TO_NOTHING)),
            Some(there) if there != place && !there.is_dir() => (there.to_owned(), Some(IS_NO_FOLDER)),
            Some(there) => (there.canonicalize().unwrap_or_else(|_| there.to_owned()), fault_of(there)),
            None => continue,
        };
        if let Some((what, advice)) = fault.filter(|_| found.iter().all(|finding| finding.path != place)) {
            found.push(Finding::new(Severity::Broken, &place, what, advice));
        }
    }
    found
}

const LEADS_TO_NOTHING: (&str, &str) =
    ("it is a link that leads to nothing", "make the folder that it leads to, or take the link away");

const IS_NO_FOLDER: (&str, &str) = (
    "it is a file, where a folder is needed",
    "name another place in the configuration, or move the file away",
);

/// What keeps this user from writing there, and what helps.
fn fault_of(place: &Path) -> Option<(&'static str, &'static str)> {
    let rights = if place.is_dir() { Access::WRITE_OK | Access::EXEC_OK } else { Access::WRITE_OK };
    match access(place, rights) {
        Err(Errno::ROFS) => Some((
            "its file system is read-only",
            "mount its file system for writing: it may have been taken away after a fault of the disk",
        )),
        Err(Errno::ACCESS | Errno::PERM) => Some((
            "whoever asks may not write to it",
            "run crmsync as its owner, or give it back to the user who runs crmsync: `ls -ld` names owner and rights",
        )),
        Ok(()) | Err(_) => None,
    }
}

/// A folder that nobody makes, and is not there.
pub fn missing(folder: &Path) -> Option<Finding> {
    let advice = "make it, or let TMPDIR name one that is there: what is unpacked of files goes there";
    (!folder.is_dir()).then(|| Finding::new(Severity::Broken, folder, "there is no such folder", advice))
}

fn leads_to_nothing(place: &Path) -> bool {
    place.is_symlink() && !place.exists()
}

/// Which of these folders are on a disk that is nearly full, but for that of the state, of which [`StateFile::scarce_disk`] tells.
pub fn nearly_full<'a>(state: &Path, folders: impl IntoIterator<Item = &'a Path>) -> Vec<Finding> {
    let disk_of = |place: &Path| std::fs::metadata(existing(place)?).ok().map(|found| found.dev());
    let mut disks = vec![disk_of(state)];
    let mut found = Vec::new();
    for folder in folders {
        let (disk, free) = (disk_of(folder), existing(folder).and_then(free_bytes));
        if disks.contains(&disk) {
            continue;
        }
        disks.push(disk);
        if let Some(free) = free.filter(|free| *free < ROOM_MIN) {
            let what = format!("the disk has {} MB left", free / 1_000_000);
            let advice = "free some: a run writes what it tells there, or what it unpacks of its files";
            found.push(Finding::new(Severity::Broken, folder, what, advice));
        }
    }
    found
}

impl StateFile {
    /// Too little room on the disk of the state: none for the next run, or none for its backup.
    #[must_use]
    pub fn scarce_disk(&self) -> Option<Finding> {
        let (free, state) = (free_bytes(self.path())?, std::fs::metadata(self.path()).ok()?.len());
        let severity = match free {
            ..ROOM_MIN => Severity::Broken,
            _ if free < state.saturating_add(ROOM_MIN) => Severity::Note,
            _ => return None,
        };
        let what = format!("the disk has {} MB left", free / 1_000_000);
        let advice =
            format!("free some: a backup of the state takes {} MB, and a run its log", state / 1_000_000);
        Some(Finding::new(severity, self.path(), what, advice))
    }
}

/// A place, or the nearest folder above it that is there.
fn existing(place: &Path) -> Option<&Path> {
    let above = |folder: &&Path| folder.as_os_str().is_empty() || folder.exists();
    place
        .ancestors()
        .find(above)
        .map(|found| if found.as_os_str().is_empty() { Path::new(".") } else { found })
}

fn free_bytes(place: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(place).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
