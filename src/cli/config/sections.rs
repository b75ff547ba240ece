//! The sections of the configuration that belong to no other room, with their defaults.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::schema::fields_schema;
use crate::cli::amounts::Time;
use crate::domain::field::Field;
use crate::domain::provider::ProviderId;
use crate::domain::threshold::Threshold;
use crate::ingest::GuardSettings;
use crate::providers::{ProvidersSettings, SecretSource};
use crate::reader::{DelimiterSetting, EncodingSetting, FormatSetting};

/// Everything that `crmsync.toml` says, defaults filled in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "crmsync.toml")]
pub struct Config {
    /// How files are read.
    pub input: InputSettings,
    /// Canonical field = column of the file.
    pub columns: ColumnSettings,
    /// Where the state and the runs are.
    pub state: StateSettings,
    /// What stops a run before anything is queued.
    pub guard: GuardSettings,
    /// How long a run may take and how much it may suffer.
    pub dispatch: DispatchSettings,
    /// Who is told how a run ended.
    pub notify: NotifySettings,
    /// The providers; one without its section is off.
    pub providers: ProvidersSettings,
}

/// `[input]`: how files are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InputSettings {
    /// CSV or JSONL; by name and content when it is `auto`.
    pub format: FormatSetting,
    /// Whether the files hold every customer, or only those that changed.
    pub kind: InputKind,
    /// The encoding of the text.
    pub encoding: EncodingSetting,
    /// What stands between two cells of a CSV record.
    pub delimiter: DelimiterSetting,
    /// A regular expression with one group, the number of rows, that the last line of each file must match.
    pub trailer: Option<String>,
    /// The column that orders two rows of one customer; without it the later row wins.
    pub order_by: Option<String>,
    /// Cells that mean that there is no value.
    pub null_values: Vec<String>,
    /// How dates are written, tried in this order.
    pub date_formats: Vec<String>,
    /// The country of addresses and phones that name none, ISO 3166-1 alpha-2.
    pub default_country: String,
}

impl Default for InputSettings {
    fn default() -> Self {
        let texts = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect();
        Self {
            format: FormatSetting::default(),
            kind: InputKind::default(),
            encoding: EncodingSetting::default(),
            delimiter: DelimiterSetting::default(),
            trailer: None,
            order_by: None,
            null_values: texts(&["", "NULL", "\\N"]),
            date_formats: texts(&["%d/%m/%Y", "%Y-%m-%d"]),
            default_country: "FR".to_owned(),
        }
    }
}

impl Config {
    /// Every secret that is needed, by its key in the configuration.
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, &SecretSource)> {
        let state = self.state.hash_key.iter().map(|source| ("state.hash_key".to_owned(), source));
        let providers = self.providers.enabled().into_iter().flat_map(|provider| self.credentials(provider));
        state.chain(providers).collect()
    }

    /// The environment variables that hold secrets, also those of providers that are switched off.
    #[must_use]
    pub fn secret_variables(&self) -> Vec<String> {
        let variable = |(_, source): (String, &SecretSource)| match source {
            SecretSource::Env(name) => Some(name.clone()),
            SecretSource::File(_) | SecretSource::Command(_) => None,
        };
        let state = self.state.hash_key.iter().map(|source| ("state.hash_key".to_owned(), source));
        let providers = ProviderId::ALL.into_iter().flat_map(|provider| self.credentials(provider));
        state.chain(providers).filter_map(variable).collect()
    }

    /// The secrets of one provider, user name or login first; none when it has no section.
    #[must_use]
    pub fn credentials(&self, provider: ProviderId) -> Vec<(String, &SecretSource)> {
        let username = match provider {
            ProviderId::Wsone | ProviderId::Safedebit => "username",
            ProviderId::Lemonway => "login",
        };
        let Some(secrets) = self.providers.secrets(provider) else { return Vec::new() };
        let key = |name| format!("providers.{provider}.{name}");
        vec![(key(username), secrets.username), (key("password"), secrets.password)]
    }
}

/// Whether the files hold every customer, or only those that changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// The files of one run together hold every customer.
    #[default]
    Full,
    /// Only customers that changed.
    Delta,
}

/// `[columns]`: canonical field = column of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ColumnSettings(
    #[serde(with = "by_field")]
    #[schemars(schema_with = "fields_schema::<String>")]
    pub BTreeMap<Field, String>,
);

/// `[state]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StateSettings {
    /// The state file.
    #[serde(deserialize_with = "some_path")]
    pub path: PathBuf,
    /// The folder of runs, one folder each.
    #[serde(deserialize_with = "some_path")]
    pub runs: PathBuf,
    /// How many runs are kept, with the calls that they settled; the oldest go first.
    pub keep_runs: usize,
    /// How delivered values are kept.
    pub values: StoredValues,
    /// The key of the hashes; default: a random key kept beside the state, mode 0600.
    pub hash_key: Option<SecretSource>,
    /// How many backups are kept.
    pub backups: usize,
}

impl Default for StateSettings {
    fn default() -> Self {
        Self {
            path: PathBuf::from("state/crmsync.db"),
            runs: PathBuf::from("state/runs"),
            keep_runs: 90,
            values: StoredValues::default(),
            hash_key: None,
            backups: 7,
        }
    }
}

/// How delivered values are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoredValues {
    /// As keyed hashes.
    #[default]
    Hashed,
    /// As they are, so that plans show old and new.
    Clear,
}

/// `[dispatch]`: how long a run may take and how much it may suffer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DispatchSettings {
    /// How long a run may take; without it, as long as there is work.
    pub max_duration: Option<Time>,
    /// How many refused and held calls end a lane; a share is judged from 100 settled calls on.
    pub max_errors: Threshold,
    /// How long a lane waits for a provider that is down, or takes no call.
    pub outage_patience: Time,
}

impl Default for DispatchSettings {
    fn default() -> Self {
        Self {
            max_duration: None,
            max_errors: Threshold::Percent(20.0),
            outage_patience: Time(std::time::Duration::from_secs(600)),
        }
    }
}

/// `[notify]`: who is told how a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NotifySettings {
    /// Program and arguments, run on failure, on the first trouble and on recovery with report.json on its standard
    /// input; it has ten seconds.
    pub command: Option<Vec<String>>,
}

/// A path that names something: an empty one would be joined to nothing here and listed as nothing there.
fn some_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    if path.as_os_str().is_empty() {
        return Err(D::Error::custom("an empty path; write \".\" for the current folder"));
    }
    Ok(path)
}

/// Tables whose keys are canonical fields, under their names.
mod by_field {
    use std::collections::BTreeMap;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    use crate::domain::field::Field;

    pub(super) fn serialize<S: Serializer, V: Serialize>(
        map: &BTreeMap<Field, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(map.iter().map(|(field, value)| (field.name(), value)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Field, V>, D::Error> {
        let known = |name: &str| {
            Field::parse(name).ok_or_else(|| D::Error::custom(format!("`{name}` is no canonical field")))
        };
        let mut map = BTreeMap::new();
        for (name, value) in BTreeMap::<String, V>::deserialize(deserializer)? {
            if map.insert(known(&name)?, value).is_some() {
                return Err(D::Error::custom(format!(
                    "`{name}` is there twice, under another name of the same field"
                )));
            }
        }
        Ok(map)
    }
}
