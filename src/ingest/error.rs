//! Why an input is not accepted, in words for the operator. Nothing of it was queued.

use crate::domain::clock::Timestamp;
use crate::domain::defect::Place;
use crate::domain::provider::ProviderId;
use crate::mapping::MappingError;
use crate::reader::{FileError, FileErrorKind};
use crate::store::StoreError;

use super::guard::Tripped;
use super::outcome::Outcome;

/// An input that was not accepted. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// A file cannot be taken in.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file's header and the settings do not fit together.
    #[error("{file}")]
    Header {
        /// The file as it was named.
        file: String,
        /// What does not fit; told behind the file, as the cause.
        source: MappingError,
    },
    /// A provider's section does not fit the file: nobody in it could have a key.
    #[error("{file}: [providers.{provider}] {what}")]
    Provider {
        /// The file as it was named.
        file: String,
        /// Whose section.
        provider: ProviderId,
        /// What is lacking.
        what: &'static str,
    },
    /// A guard stopped the input.
    #[error("{tripped}")]
    Guard {
        /// Which guard, and what it found.
        tripped: Tripped,
        /// What was read of the input.
        outcome: Box<Outcome>,
    },
    /// A seed would overtake calls that are still on their way.
    #[error(
        "{open} calls are still open; let `crmsync resume` deliver them or settle them before `crmsync seed`"
    )]
    SeedWhileOpen {
        /// How many.
        open: u64,
    },
    /// The newest file is older than an input that was accepted before.
    #[error(
        "{file}: last modified {modified}, but an input of {accepted} was accepted before; an older export would \
         undo newer changes; run again with --allow-older if this is meant"
    )]
    OlderInput {
        /// The newest of the files.
        file: String,
        /// When it was last modified.
        modified: Timestamp,
        /// The newest input that was accepted.
        accepted: Timestamp,
    },
    /// More files or rows than one run can index.
    #[error("one run takes at most {max} {what}; split the input")]
    TooMany {
        /// Files, or rows.
        what: &'static str,
        /// The limit.
        max: u64,
    },
    /// A row read for the second time is another one.
    #[error("{file}: line {line}: the row changed while the file was read; run again")]
    RowChanged {
        /// The file as it was named.
        file: String,
        /// The line of the row.
        line: u64,
    },
    /// The temporary file that an input of many rows needs failed.
    #[error("the temporary file for the rows of the input failed: {0}; see that there is room in TMPDIR")]
    Spill(#[source] std::io::Error),
    /// Somebody has ended the run.
    #[error("interrupted while the input was taken in; nothing of it was queued")]
    Interrupted,
    /// The state failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who has to act on an [`IngestError`], and so which exit code it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngestErrorKind {
    /// Usage or configuration: exit 2.
    Usage,
    /// A guard, or the input itself: exit 4.
    Input,
    /// The machine or the state failed: exit 1.
    Failure,
    /// A person must look after the state: exit 7.
    Person,
}

impl IngestError {
    /// Who has to act.
    #[must_use]
    pub fn kind(&self) -> IngestErrorKind {
        match self {
            Self::File(error) => match error.kind() {
                FileErrorKind::File => IngestErrorKind::Input,
                FileErrorKind::Machine => IngestErrorKind::Failure,
                FileErrorKind::Setting => IngestErrorKind::Usage,
            },
            Self::Header { source, .. } if !source.is_about_the_file() => IngestErrorKind::Usage,
            Self::Header { .. }
            | Self::Guard { .. }
            | Self::OlderInput { .. }
            | Self::TooMany { .. }
            | Self::RowChanged { .. } => IngestErrorKind::Input,
            Self::Provider { .. } | Self::SeedWhileOpen { .. } => IngestErrorKind::Usage,
            Self::Spill(_) | Self::Interrupted => IngestErrorKind::Failure,
            Self::Store(error) if error.needs_a_person() => IngestErrorKind::Person,
            Self::Store(_) => IngestErrorKind::Failure,
        }
    }

    /// A row that is another one when it is read again.
    pub(super) fn changed(place: &Place) -> Self {
        Self::RowChanged { file: place.file.to_string(), line: place.line }
    }
}
