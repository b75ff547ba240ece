//! The state: one SQLite file that survives every crash. The only room that knows SQL.
//!
//! Every change is one transaction; each transition of a call is one guarded UPDATE that must touch exactly one row. The
//! decisions are made elsewhere: [`crate::domain::lifecycle`] says what an event does, [`crate::diff`] says what has to
//! be sent; this room writes it down. No type of the database leaves the room but as the source of a [`StoreError`], so that a
//! second engine can take its place.

mod accounts;
mod addresses;
mod backup;
mod blocks;
mod codec;
mod decisions;
mod doubts;
mod erase;
mod error;
mod examine;
mod excluded;
mod filling;
mod flights;
mod intake;
mod kept;
mod known_fields;
mod lease;
mod marks;
mod marks_pack;
mod missed;
mod named_keys;
mod open;
mod orders;
mod origin;
mod outbox;
mod overview;
mod packed;
mod place;
mod priority;
mod prune;
mod rare;
mod reading;
mod recovery;
mod rehearsal;
mod restore;
mod runs;
mod setting;
mod settling;
mod shared_keys;
mod snapshot;
mod statements;
mod story;
mod transitions;
mod turned_away;
mod unaccepted;
mod untaken;
mod writable;

pub use backup::{Backup, BackupPlan, MadeBackup, delete_copy};
pub use decisions::{Released, Resolved};
pub use erase::{Erased, Search};
pub use error::StoreError;
pub use examine::{
    Examination, Finding, Severity, close_folder, is_open_to_others, is_writable_by_all, make_private,
};
pub use intake::{Intake, NewCall};
pub use known_fields::{Layout, ToldFields};
pub use lease::{LeaseFilter, Leased, Reach};
pub use marks::{Bucket, Known, Marks, Meaning};
pub use missed::WaitingCall;
pub use open::{Lock, StateFile, StateSettings};
pub use origin::Stale;
pub use outbox::{Outbox, Settled, Settlement};
pub use overview::{Counts, LeftOut, RejectFilter, RejectRow};
pub use packed::{PackedAccount, PackedPayload};
pub use recovery::{Recovered, Terms};
pub use rehearsal::Rehearsal;
pub use restore::Restored;
pub use runs::{LaneUse, PastRun, RunInput, RunNumber};
pub use shared_keys::OtherKey;
pub use snapshot::{KnownAt, Snapshot, Still, StoredCustomer};
pub use story::{Story, StoryAccount, StoryAnswer, StoryCall};
pub use unaccepted::MissingInput;
pub use writable::{missing, nearly_full, unwritable};

use crate::domain::fingerprint::Fingerprinter;
use crate::domain::mark::Marker;

/// An open state. Reading goes through [`Store::snapshot`], accepting an input through [`Store::intake`],
/// dispatch through the methods of the outbox.
#[derive(Debug)]
pub struct Store {
    connection: rusqlite::Connection,
    /// The file, as it is named; an empty state that is only read has none there.
    path: std::path::PathBuf,
    /// Its own files, see [`Store::look_through`]; closed after the connection.
    looked_through: Vec<std::fs::File>,
    fingerprinter: Fingerprinter,
    clear_values: bool,
    /// Whether the schema has flights: not where a state of an earlier version is only read.
    flights: bool,
    /// Whether it has newer order values; likewise.
    newer_orders: bool,
    /// Whether it has the fields of each customer; likewise.
    fields_by_customer: bool,
    /// What few customers have.
    rare: rare::Rare,
    /// What this process has leased and not settled.
    aloft: flights::Aloft,
    /// The file that a run sends from, as long as it does.
    at_work: Option<[u8; 16]>,
    /// Whether the file itself says so, where a run is at work on it.
    says_at_work: bool,
    /// How many transactions of it were committed.
    groups: u32,
    backups: backup::Backups,
}

impl Store {
    /// Makes marks of records for this state.
    #[must_use]
    pub fn marker(&self) -> Marker {
        Marker::new(&self.fingerprinter)
    }

    /// Closes a state that could not be written, and writes nothing more through it: what reached the disk is found
    /// out by the next opening.
    pub fn abandon(self) {
        self.leave_log();
    }

    /// See [`open::leave_log_on_close`]. The setting is kept in memory, so that no disk can refuse it.
    fn leave_log(&self) {
        drop(open::leave_log_on_close(&self.connection, true));
    }
}

#[cfg(test)]
mod tests;
