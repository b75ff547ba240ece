//! The process environment: the one file that reads it.
//!
//! `CRMSYNC_…` variables that stand for global flags are read by clap, next to their flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Environment variables: those of the process, or a test's own.
#[derive(Clone)]
pub struct Environment(Option<BTreeMap<String, String>>);

impl std::fmt::Debug for Environment {
    /// Shows nothing: secrets live here.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment(<redacted>)")
    }
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(None)
    }

    /// An environment with these variables and no others.
    #[must_use]
    pub fn with(variables: &[(&str, &str)]) -> Self {
        let pairs = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Self(Some(pairs.collect()))
    }

    /// The value of a variable; `None` when it is not set or no text.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the file that may read the environment")]
    pub fn variable(&self, name: &str) -> Option<String> {
        match &self.0 {
            Some(variables) => variables.get(name).cloned(),
            None => std::env::var(name).ok(),
        }
    }

    /// The bytes of a variable, be they text or not; `None` when it is not set.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        match &self.0 {
            Some(variables) => variables.get(name).map(|value| value.clone().into_bytes()),
            None => std::env::var_os(name).map(OsString::into_vec),
        }
    }

    /// Where systemd puts the credentials of a unit, when it does.
    #[must_use]
    pub fn credentials_folder(&self) -> Option<PathBuf> {
        self.variable("CREDENTIALS_DIRECTORY").filter(|path| !path.is_empty()).map(PathBuf::from)
    }
}
