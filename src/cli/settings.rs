//! What holds in the end: the flag, else the environment, else the file, else the default.
//!
//! Clap has settled flag against environment already; here typed flags are laid over the configuration.

use secrecy::SecretString;

use super::arguments::{DispatchArguments, GlobalArguments, IngestArguments, InputArguments, InputFormat};
use super::config::{Config, ConfigError, StoredValues};
use super::environment::Environment;
use super::secrets::{self, SecretError};
use crate::mapping::MappingSettings;
use crate::reader::{FormatSetting, ReaderSettings};
use crate::store::StateSettings;

impl Config {
    /// The configuration that the global flags ask for.
    ///
    /// # Errors
    /// When its file cannot be read, or with everything that is wrong in it.
    pub fn resolve(global: &GlobalArguments) -> Result<Self, ConfigError> {
        let mut config = Self::read(&global.config)?;
        if let Some(path) = &global.state {
            config.state.path.clone_from(path);
        }
        Ok(config)
    }

    /// Lays the input flags over the file's `[input]`.
    #[must_use]
    pub fn with_input(mut self, typed: &InputArguments) -> Self {
        self.input.kind = typed.kind.unwrap_or(self.input.kind);
        self.with_format(typed.format)
    }

    /// Lays the format of the command line, if one was given, over the file's.
    #[must_use]
    pub fn with_format(mut self, typed: Option<InputFormat>) -> Self {
        self.input.format = match typed {
            Some(InputFormat::Csv) => FormatSetting::Csv,
            Some(InputFormat::Jsonl) => FormatSetting::Jsonl,
            None => self.input.format,
        };
        self
    }

    /// Lays the guard flags over the file's `[guard]`; what is allowed past the guards stays with the flags.
    #[must_use]
    pub fn with_ingest(mut self, typed: &IngestArguments) -> Self {
        self.guard.max_changes = typed.max_changes.unwrap_or(self.guard.max_changes);
        self
    }

    /// Lays the sending flags over the file's `[dispatch]`; what is chosen for one run stays with the flags.
    #[must_use]
    pub fn with_dispatch(mut self, typed: &DispatchArguments) -> Self {
        self.dispatch.max_duration = typed.max_duration.or(self.dispatch.max_duration);
        self.dispatch.max_errors = typed.max_errors.unwrap_or(self.dispatch.max_errors);
        self
    }

    /// How files are read.
    #[must_use]
    pub fn reader_settings(&self) -> ReaderSettings {
        let input = &self.input;
        ReaderSettings {
            format: input.format,
            encoding: input.encoding,
            delimiter: input.delimiter,
            trailer: input.trailer.clone(),
        }
    }

    /// How rows become customers.
    #[must_use]
    pub fn mapping_settings(&self) -> MappingSettings {
        let input = self.input.clone();
        let columns =
            self.columns.0.iter().map(|(field, column)| (field.name().into_owned(), column.clone()));
        MappingSettings {
            columns: columns.collect(),
            null_values: input.null_values,
            date_formats: input.date_formats,
            default_country: input.default_country,
            order_by: input.order_by,
        }
    }

    /// Where the state is and how it is keyed, with the key fetched from its source.
    ///
    /// # Errors
    /// When the source of the key gives none.
    pub fn state_settings(&self, environment: &Environment) -> Result<StateSettings, SecretError> {
        let fetch = |source| secrets::resolve(source, "state.hash_key", environment);
        let hash_key: Option<SecretString> = self.state.hash_key.as_ref().map(fetch).transpose()?;
        let clear_values = match self.state.values {
            StoredValues::Hashed => false,
            StoredValues::Clear => true,
        };
        Ok(StateSettings { path: self.state.path.clone(), clear_values, hash_key })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::amounts::Time;
    use crate::cli::arguments::{Command, parse};
    use crate::cli::config::InputKind;
    use crate::domain::threshold::Threshold;

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = "[input]\nkind = \"delta\"\nformat = \"csv\"\n[guard]\nmax_changes = 7\n\
                    [dispatch]\nmax_duration = \"6h\"\nmax_errors = \"3%\"\n";
        let config = Config::parse(file, "crmsync.toml").unwrap();
        let line = "crmsync sync a --format jsonl --max-changes 9% --max-duration 2h";
        let Command::Sync(typed) = parse(line.split(' '), &Environment::with(&[])).unwrap().command else {
            unreachable!("is a sync")
        };
        let config =
            config.with_input(&typed.input).with_ingest(&typed.ingest).with_dispatch(&typed.dispatch);
        assert_eq!(config.input.format, FormatSetting::Jsonl);
        assert_eq!(config.input.kind, InputKind::Delta);
        assert_eq!(config.guard.max_changes, Threshold::Percent(9.0));
        assert_eq!(config.guard.max_new, Threshold::Percent(5.0));
        assert_eq!(config.dispatch.max_duration, Some(Time(Duration::from_secs(7_200))));
        assert_eq!(config.dispatch.max_errors, Threshold::Percent(3.0));
    }

    #[test]
    fn the_key_of_the_state_is_fetched_from_its_source() {
        let config = Config::parse("[state]\nhash_key = { env = \"KEY\" }\n", "crmsync.toml").unwrap();
        assert!(
            config
                .state_settings(&Environment::with(&[("KEY", "0123456789abcdef")]))
                .unwrap()
                .hash_key
                .is_some()
        );
        let error = config.state_settings(&Environment::with(&[])).unwrap_err();
        assert!(error.to_string().contains("state.hash_key"), "{error}");
    }
}
