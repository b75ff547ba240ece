//! The copy of the state that a rehearsal works on: in one private folder beside the state, thrown away at the end.
//!
//! A rehearsal that is killed leaves it there, where `doctor` tells of it, `forget` deletes it and the next rehearsal
//! replaces it.

use std::fs::{remove_dir_all, remove_file};
use std::path::{Path, PathBuf};

use super::backup::{file_error, files_in};
use super::examine::{Finding, Severity};
use super::open::Lock;
use super::place::beside;
use super::{StateFile, StoreError};

/// A copy of the state that goes away when it is dropped.
#[derive(Debug)]
pub struct Rehearsal {
    folder: PathBuf,
    _lock: Lock,
}

impl Rehearsal {
    /// Where the copy lies; nothing does where there is no state yet.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join("rehearsal.db")
    }
}

impl Drop for Rehearsal {
    /// What a disk does not let go is deleted by the next rehearsal.
    fn drop(&mut self) {
        drop(remove_dir_all(&self.folder));
    }
}

impl StateFile {
    /// Copies the state for a rehearsal, in the place of what a killed one left. A crash leaves the copy.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another rehearsal goes on, and as for every copy of a state.
    pub fn rehearsal(&self) -> Result<Rehearsal, StoreError> {
        let folder = self.rehearsal_folder();
        refuse_link(&folder)?;
        let lock = self.lock_rehearsal()?;
        for file in files_in(&folder)?.iter().filter(|file| **file != lock_of(&folder)) {
            remove_file(file).map_err(|source| file_error("delete", file, source))?;
        }
        let rehearsal = Rehearsal { folder, _lock: lock };
        if self.exists() {
            // What is wrong with the state is told of it, and not of its copy.
            self.open_read_only()?;
        }
        self.copy_to(&rehearsal.path())?;
        Ok(rehearsal)
    }

    /// The copy that a killed rehearsal left; none while a rehearsal goes on.
    ///
    /// # Errors
    /// [`StoreError::File`] when it cannot be looked at.
    pub fn left_rehearsal(&self) -> Result<Option<Finding>, StoreError> {
        let folder = self.rehearsal_folder();
        if let Err(error) = refuse_link(&folder) {
            let advice = "delete the link: `rehearse` and `forget` refuse it";
            return Ok(Some(Finding::new(Severity::Broken, &folder, error.to_string(), advice)));
        }
        if !folder.exists() {
            return Ok(None);
        }
        match self.lock_rehearsal() {
            Ok(_) => {}
            Err(StoreError::Locked { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
        let what = "a rehearsal was killed and left its copy of the state";
        let advice = "the next rehearsal replaces it, --repair deletes it";
        Ok(Some(Finding::new(Severity::Note, &folder, what, advice)))
    }

    /// Deletes the copy that a killed rehearsal left; gives its folder. A crash leaves some of it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while a rehearsal goes on, [`StoreError::File`] when it cannot be deleted.
    pub fn delete_rehearsal(&self) -> Result<Option<PathBuf>, StoreError> {
        let folder = self.rehearsal_folder();
        refuse_link(&folder)?;
        if !folder.exists() {
            return Ok(None);
        }
        let _lock = self.lock_rehearsal()?;
        remove_dir_all(&folder).map_err(|source| file_error("delete", &folder, source))?;
        Ok(Some(folder))
    }

    pub(super) fn rehearsal_folder(&self) -> PathBuf {
        beside(self.path(), ".rehearsal")
    }

    fn lock_rehearsal(&self) -> Result<Lock, StoreError> {
        self.at(&self.rehearsal_folder().join("rehearsal")).lock()
    }
}

fn refuse_link(folder: &Path) -> Result<(), StoreError> {
    let link = || std::io::Error::other("it is a link, and what lies behind it is not ours to delete");
    if folder.is_symlink() { Err(file_error("use", folder, link())) } else { Ok(()) }
}

/// Beside the lock of the copy itself, which the run takes that works on it.
fn lock_of(folder: &Path) -> PathBuf {
    folder.join("rehearsal.lock")
}
