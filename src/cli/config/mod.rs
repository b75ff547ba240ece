//! `crmsync.toml`: found, parsed, checked against its schema, and turned into settings.
//!
//! One truth: the schema is derived from the settings' types; `check --schema` prints it, and the same schema finds
//! unknown keys and wrong values with their place. Relative paths are relative to the current directory.

mod check;
mod place;
mod schema;
mod sections;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;
use toml::de::DeTable;

pub use schema::json_schema;
pub use sections::{
    ColumnSettings, Config, DispatchSettings, InputKind, InputSettings, NotifySettings, StateSettings,
    StoredValues,
};

use place::{Finding, Spans};

use crate::domain::provider::ProviderId;
use crate::mapping::Mapper;
use crate::providers::{Credentials, Provider, SettingsError};

/// The file that is read when nobody names another one.
pub const DEFAULT_FILE: &str = "crmsync.toml";

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not readable.
    #[error("cannot read the configuration `{}`{}", .path.display(), one_is_written(.source))]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something that is not allowed. Each fault is shown with its line and column.
    #[error("{}", .faults.join("\n\n"))]
    Invalid {
        /// What is wrong, and where: ready to be shown, without any secret.
        faults: Vec<String>,
    },
}

/// What is offered where there is no configuration. What cannot be read is not written over.
fn one_is_written(why: &std::io::Error) -> &'static str {
    if why.kind() == std::io::ErrorKind::NotFound { "; `crmsync init` writes one" } else { "" }
}

impl Config {
    /// The enabled providers as they project and build, unable to send: for commands that only look.
    ///
    /// # Errors
    /// When a section has been changed since it was read, and cannot work.
    pub fn providers_without_secrets(&self) -> Result<Vec<Arc<dyn Provider>>, SettingsError> {
        let made =
            self.providers.enabled().into_iter().map(|provider| self.provider_without_secrets(provider));
        Ok(made.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// The providers that have a section and are switched off, as they project. One whose section cannot work, which nobody
    /// has to mend before it is switched on, is not among them.
    #[must_use]
    pub fn idle_providers(&self) -> Vec<Arc<dyn Provider>> {
        let enabled = self.providers.enabled();
        let idle = ProviderId::ALL.into_iter().filter(|id| !enabled.contains(id));
        idle.filter_map(|id| self.provider_without_secrets(id).ok().flatten()).collect()
    }

    /// A provider that is sent nothing in this run.
    ///
    /// # Errors
    /// For a setting that cannot work.
    pub fn provider_without_secrets(
        &self,
        provider: ProviderId,
    ) -> Result<Option<Arc<dyn Provider>>, SettingsError> {
        let nobody = Credentials { username: SecretString::default(), password: SecretString::default() };
        self.providers.provider(provider, nobody)
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// When it cannot be read, or with everything that is wrong in it.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads a configuration from its text; `name` is how its file is called in errors.
    ///
    /// # Errors
    /// With everything that is wrong in it.
    pub fn parse(text: &str, name: &str) -> Result<Self, ConfigError> {
        let findings = match parse(text) {
            Ok(config) => return Ok(config),
            Err(findings) => findings,
        };
        Err(ConfigError::Invalid {
            faults: findings.iter().map(|finding| finding.show(text, name)).collect(),
        })
    }
}

/// Syntax first, then keys and types against the schema, then what only the settings' own parsers know.
fn parse(text: &str) -> Result<Config, Vec<Finding>> {
    let document = DeTable::parse(text).map_err(|error| vec![Finding::syntax(&error)])?;
    let findings = check::check(&document);
    if !findings.is_empty() {
        return Err(findings);
    }
    let spans = Spans::of(&document);
    let config = Config::deserialize(toml::Deserializer::from(document))
        .map_err(|error| vec![Finding::value(&error)])?;
    // Without a header, only settings can be wrong.
    if let Err(error) = Mapper::new(&config.mapping_settings(), None) {
        return Err(vec![Finding::mapping(&error, &spans)]);
    }
    match check_providers(&config) {
        Ok(()) => Ok(config),
        Err(error) => Err(vec![Finding::provider(&error, &spans)]),
    }
}

/// Lets each provider check what only it knows, by making it without its secrets.
fn check_providers(config: &Config) -> Result<(), SettingsError> {
    ProviderId::ALL.into_iter().try_for_each(|provider| config.provider_without_secrets(provider).map(drop))
}

#[cfg(test)]
mod tests;
