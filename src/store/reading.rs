//! Reading a state that another process may be writing, or that nobody can write at all.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use rustix::fs::StatVfsMountFlags;

use crate::domain::fingerprint::Fingerprinter;

use super::backup::vacuum_into;
use super::open::{BUSY_TIMEOUT, connect, has_key_identity, version};
use super::place::{beside, has_log, open_private, refuse_foreign, refuse_second_name};
use super::{StateFile, Store, StoreError, filling, origin, restore};

impl StateFile {
    /// Opens the state for reading only, also while another process writes; a state that does not exist yet, whose making
    /// was cut short, or that is being filled for the first time reads as an empty one. The file is not changed by a byte.
    ///
    /// # Errors
    /// As [`StateFile::open`].
    pub fn open_read_only(&self) -> Result<Store, StoreError> {
        self.refuse_lost()?;
        self.refuse_bad_key()?;
        if !self.exists() {
            return self.empty();
        }
        let has_log = has_log(self.path());
        let Some(connection) = self.connect_to_read()? else { return self.empty() };
        let secret = self.key(false)?;
        let fingerprinter = Fingerprinter::new(&secret);
        self.check_key(&connection, &fingerprinter)?;
        self.refuse_stale(&connection, has_log, false)?;
        self.store(connection, fingerprinter)
    }

    /// Copies the state, consistent and whole, to a place where nothing stands yet, with its key beside it where
    /// the key is kept in a file.
    ///
    /// # Errors
    /// [`StoreError`] when the state is lost or cannot be read, or the copy cannot be written.
    pub(super) fn copy_to(&self, target: &Path) -> Result<(), StoreError> {
        self.refuse_lost()?;
        if !self.exists() {
            return Ok(());
        }
        let has_log = has_log(self.path());
        let Some(connection) = self.connect_to_read()? else { return Ok(()) };
        self.refuse_stale(&connection, has_log, false)?;
        drop(open_private(target)?);
        vacuum_into(&connection, target)?;
        origin::begin_anew(&connect(target, OpenFlags::SQLITE_OPEN_READ_WRITE)?)?;
        let key = beside(self.path(), ".key");
        if key.exists() {
            let target_key = beside(target, ".key");
            std::fs::copy(&key, &target_key).map_err(|source| StoreError::File {
                action: "copy",
                path: key,
                source,
            })?;
        }
        Ok(())
    }

    /// A connection for reading; none to a file whose making or first fill goes on or was cut short, in which nothing
    /// can be yet.
    pub(super) fn connect_to_read(&self) -> Result<Option<Connection>, StoreError> {
        refuse_foreign(self.path())?;
        if !restore::is_cut_short(self.path())? {
            refuse_second_name(self.path())?;
        }
        match self.look_in() {
            Err(error) if filling::is_kept_whole(&error, self.path()) => {
                self.connect_unchanging(error).map(Some)
            }
            Err(error) if filling::explains(&error, self.path()) => Ok(None),
            found => found,
        }
    }

    fn look_in(&self) -> Result<Option<Connection>, StoreError> {
        let connection = self.connect_to_look()?;
        if filling::has_journal(self.path()) {
            // Whoever fills the state keeps it longer than anybody waits.
            connection.busy_timeout(Duration::ZERO)?;
        }
        self.inspect(&connection)?;
        let has_key = has_key_identity(&connection)?;
        if !has_key {
            self.refuse_begun_anew()?;
        }
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Each cell that is read is checked anyway. To check its whole page keeps damage from spreading, which it cannot where
        // nothing is written, and takes a twentieth of what a plan does for a customer.
        connection.pragma_update(None, "cell_size_check", "OFF")?;
        Ok(has_key.then_some(connection))
    }

    /// Whoever reads keeps an index of the log beside the file. A folder that cannot be written has no place for it, nor has a
    /// full file system; where no log is there either, and nobody at work who could make one, the file is all there is, and
    /// stays as it is.
    fn connect_to_look(&self) -> Result<Connection, StoreError> {
        let path = self.path();
        let found = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .and_then(|connection| version(&connection).map(|_| connection));
        match found {
            Err(error)
                if !has_log(path)
                    && (has_no_place(&error) && is_read_only(path)
                        || (is_shut(&error) || has_no_room(&error)) && !self.is_locked()?) =>
            {
                self.connect_unchanging(error)
            }
            found => found,
        }
    }

    /// Reads the file alone, whatever lies beside it; fails as before where its name is no text.
    fn connect_unchanging(&self, error: StoreError) -> Result<Connection, StoreError> {
        let uri = unchanging(self.path()).ok_or(error)?;
        connect(Path::new(&uri), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
    }
}

fn has_no_place(error: &StoreError) -> bool {
    let StoreError::Sqlite { source, .. } = error else { return false };
    source.sqlite_error_code() == Some(ErrorCode::CannotOpen)
}

/// Whether the folder of the file lets nobody make another one in it, who may read the file.
fn is_shut(error: &StoreError) -> bool {
    let StoreError::Sqlite { source, .. } = error else { return false };
    let shut = [ffi::SQLITE_READONLY_DIRECTORY, ffi::SQLITE_READONLY_CANTINIT];
    source.sqlite_error().is_some_and(|error| shut.contains(&error.extended_code))
}

/// Whether the index of the log could not be made as long as it has to be.
fn has_no_room(error: &StoreError) -> bool {
    let StoreError::Sqlite { source, .. } = error else { return false };
    let of_index = [ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR_SHMOPEN, ffi::SQLITE_IOERR_SHMMAP];
    source.sqlite_error().is_some_and(|error| of_index.contains(&error.extended_code))
}

/// Whether the file system is mounted so that nobody writes to it from here.
fn is_read_only(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// The address by which SQLite takes a file for one that does not change; none where its name is no text.
fn unchanging(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let name = path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Some(format!("file:{name}?immutable=1"))
}
