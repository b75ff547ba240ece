//! How a command fails: an error, and the exit code that goes with it.

use std::error::Error;
use std::fmt;
use std::path::Path;

use super::config::ConfigError;
use super::error_code::ErrorCode;
use super::error_codes::Coded;
use super::exit::ExitCode;
use super::secrets::SecretError;
use crate::ingest::{IngestError, IngestErrorKind, Outcome};
use crate::mapping::MappingError;
use crate::providers::SettingsError;
use crate::reader::{FileError as FileRefused, FileErrorKind};
use crate::report::html::PageError;
use crate::report::report_json::ReportError;
use crate::report::run_files::FileError;
use crate::store::StoreError;

/// Why a command failed, and what its caller is told.
#[derive(Debug)]
pub struct Failure {
    /// What the caller is told.
    pub code: ExitCode,
    /// What went wrong, by its stable name.
    pub named: ErrorCode,
    error: Box<dyn Error + Send + Sync>,
}

impl Failure {
    /// A failure in words.
    pub fn told(code: ExitCode, named: ErrorCode, words: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { code, named, error: words.into() }
    }

    /// A failure with the code of that error.
    pub fn new<E: Coded + Error + Send + Sync + 'static>(code: ExitCode, error: E) -> Self {
        Self { code, named: error.coded(), error: error.into() }
    }

    /// Wrong usage or configuration.
    pub fn usage<E: Coded + Error + Send + Sync + 'static>(error: E) -> Self {
        Self::new(ExitCode::Usage, error)
    }
}

impl Failure {
    /// The failure with its stable name behind it, where it is told among other sentences.
    pub fn with_code(&self) -> String {
        format!("{self} [{}]", self.named.name())
    }

    /// What was read of an input that a guard stopped; it is taken out.
    pub fn take_input(&mut self) -> Option<Outcome> {
        match self.error.downcast_mut::<IngestError>() {
            Some(IngestError::Guard { outcome, .. }) => Some(std::mem::take(outcome)),
            Some(_) | None => None,
        }
    }

    /// Whether a signal ended the reading of the input.
    pub fn is_interruption(&self) -> bool {
        matches!(self.error.downcast_ref(), Some(IngestError::Interrupted))
    }

    /// The file of a state that is older than what was sent from it.
    pub fn stale_state(&self) -> Option<&Path> {
        match self.error.downcast_ref() {
            Some(StoreError::Stale { path, .. }) => Some(path),
            Some(_) | None => None,
        }
    }

    /// Whether the state failed, so that nothing more may be written to it.
    pub fn is_of_state(&self) -> bool {
        self.error.is::<StoreError>()
    }
}

impl fmt::Display for Failure {
    /// The error with its causes, outermost first. A cause that says once more what its effect said is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.error.to_string();
        write!(f, "{told}")?;
        let mut cause = self.error.source();
        while let Some(error) = cause {
            let said = error.to_string();
            if !said.ends_with(&told) {
                write!(f, ": {said}")?;
                told = said;
            }
            cause = error.source();
        }
        Ok(())
    }
}

macro_rules! fails_with {
    ($($error:ty => $code:expr;)*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new($code, error)
            }
        }
    )*};
}

fails_with! {
    ConfigError => ExitCode::Usage;
    SettingsError => ExitCode::Usage;
    SecretError => ExitCode::Usage;
    FileError => ExitCode::Failed;
    ReportError => ExitCode::Failed;
    PageError => ExitCode::Failed;
    std::io::Error => ExitCode::Failed;
    csv::Error => ExitCode::Failed;
}

impl From<FileRefused> for Failure {
    fn from(error: FileRefused) -> Self {
        let code = match error.kind() {
            FileErrorKind::File => ExitCode::Guarded,
            FileErrorKind::Machine => ExitCode::Failed,
            FileErrorKind::Setting => ExitCode::Usage,
        };
        Self::new(code, error)
    }
}

impl From<MappingError> for Failure {
    fn from(error: MappingError) -> Self {
        let code = if error.is_about_the_file() { ExitCode::Guarded } else { ExitCode::Usage };
        Self::new(code, error)
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Store(error) => error.into(),
            error => {
                let code = match error.kind() {
                    IngestErrorKind::Usage => ExitCode::Usage,
                    IngestErrorKind::Input => ExitCode::Guarded,
                    IngestErrorKind::Failure => ExitCode::Failed,
                    IngestErrorKind::Person => ExitCode::PersonMustAct,
                };
                Self::new(code, error)
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Locked { .. } => ExitCode::AnotherRun,
            StoreError::NoSuchCall(_) | StoreError::Leased(_) | StoreError::Undecidable { .. } => {
                ExitCode::Usage
            }
            other if other.needs_a_person() => ExitCode::PersonMustAct,
            _other => ExitCode::Failed,
        };
        Self::new(code, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes() {
        let told = |source| {
            let failure = Failure::from(ConfigError::Unreadable { path: "x.toml".into(), source });
            assert_eq!(failure.code, ExitCode::Usage);
            failure.to_string()
        };
        let burning = told(std::io::Error::other("disk on fire"));
        assert_eq!(burning, "cannot read the configuration `x.toml`: disk on fire");
        let missing = told(std::io::ErrorKind::NotFound.into());
        assert!(missing.contains("`x.toml`; `crmsync init` writes one: "), "{missing}");
    }

    #[test]
    fn what_a_cause_says_once_more_is_left_out() {
        let cannot_open = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        let message = Some("unable to open database file".to_owned());
        let told = Failure::from(StoreError::from(rusqlite::Error::SqliteFailure(cannot_open, message)));
        assert_eq!(told.to_string().matches("unable to open database file").count(), 1, "{told}");
    }

    #[test]
    fn a_state_in_use_and_a_damaged_one_have_their_codes() {
        let locked = StoreError::Locked { path: "x.lock".into() };
        assert_eq!(Failure::from(locked).code, ExitCode::AnotherRun);
        let damaged = StoreError::Damaged { what: "a hole" };
        assert_eq!(Failure::from(damaged).code, ExitCode::PersonMustAct);
    }
}
