//! What every provider's section of the configuration has: address, pace, patience and choices.
//!
//! The types here only describe and check; `cli` reads the file, finds unknown keys with the JSON Schema and resolves
//! the secrets. Nothing here holds a secret: a [`SecretSource`] says where one is, [`Credentials`] carry it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Url;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serializer, de};

use crate::domain::field::Field;
use crate::domain::policy::{OnCleared, OnInvalid, Send};
use crate::domain::provider::ProviderId;

/// The keys that exist for all three providers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct CommonSettings {
    /// Whether the provider takes part. A provider without its section is off.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// The address before the provider's own paths; https, or http for loopback addresses.
    pub base_url: String,
    /// Requests a second, above zero.
    #[serde(default = "rate_per_second")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub rate_per_second: f64,
    /// How many requests may leave back to back, at least 1.
    #[serde(default = "burst")]
    #[schemars(range(min = 1, max = u32::MAX))]
    pub burst: u32,
    /// Requests a day, if they are limited.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub calls_per_day: Option<u64>,
    /// Requests in flight at one time, at least 1.
    #[serde(default = "concurrency")]
    #[schemars(range(min = 1, max = u32::MAX))]
    pub concurrency: u32,
    /// How long one request may take from its first byte to the last byte of its answer.
    #[serde(default = "timeout", deserialize_with = "positive_duration", serialize_with = "written")]
    #[schemars(with = "String", extend("format" = "duration-above-zero"))]
    pub timeout: Duration,
    /// How late the provider may still apply a request whose answer was lost.
    #[serde(default = "settle", deserialize_with = "positive_duration", serialize_with = "written")]
    #[schemars(with = "String", extend("format" = "duration-above-zero"))]
    pub settle: Duration,
    /// How often and how patiently a call is tried.
    #[serde(default)]
    pub retry: Retry,
    /// What an update carries; without it `objects` for `WsOne`, `changed` for the others.
    #[serde(default)]
    pub send: Option<Send>,
    /// What is done with a value that became empty in the CRM.
    #[serde(default = "on_cleared")]
    pub on_cleared: OnCleared,
    /// What is done with a value that is not valid.
    #[serde(default = "on_invalid")]
    pub on_invalid: OnInvalid,
    /// Canonical fields that this provider never gets.
    #[serde(default, deserialize_with = "canonical_fields")]
    #[schemars(schema_with = "canonical_names")]
    pub exclude: Vec<Field>,
}

/// How often and how patiently a call is tried within one run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Tries in one run, at least 1.
    #[serde(default = "retry_attempts")]
    #[schemars(range(min = 1, max = u32::MAX))]
    pub attempts: u32,
    /// The upper end of the first backoff.
    #[serde(default = "retry_initial", deserialize_with = "positive_duration", serialize_with = "written")]
    #[schemars(with = "String", extend("format" = "duration-above-zero"))]
    pub initial: Duration,
    /// The upper end of the longest backoff.
    #[serde(default = "retry_max", deserialize_with = "positive_duration", serialize_with = "written")]
    #[schemars(with = "String", extend("format" = "duration-above-zero"))]
    pub max: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: retry_attempts(), initial: retry_initial(), max: retry_max() }
    }
}

/// What an update of a provider carries where the configuration says nothing. Whether `WsOne` patches or replaces an object,
/// nobody has documented: it gets whole ones.
pub(super) const fn default_send(provider: ProviderId) -> Send {
    match provider {
        ProviderId::Wsone => Send::Objects,
        ProviderId::Lemonway | ProviderId::Safedebit => Send::Changed,
    }
}

impl CommonSettings {
    /// What an update carries: the configured choice, or the default of the provider, which fills it in when it is made.
    #[must_use]
    pub fn send_mode(&self) -> Send {
        self.send.unwrap_or(Send::Changed)
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// [`SettingsError`] for the first key whose value cannot work.
    pub fn validate(&self, provider: ProviderId) -> Result<(), SettingsError> {
        let fail = |key, what| Err(SettingsError { provider, key, what });
        if let Err(what) = parse_base_url(&self.base_url) {
            return fail("base_url", what);
        }
        if !(self.rate_per_second.is_finite() && self.rate_per_second > 0.0) {
            return fail("rate_per_second", "must be a number above zero");
        }
        if self.burst == 0 {
            return fail("burst", "must be at least 1");
        }
        if self.concurrency == 0 {
            return fail("concurrency", "must be at least 1");
        }
        if self.calls_per_day == Some(0) {
            return fail("calls_per_day", "must be at least 1; leave it out for no limit");
        }
        if self.retry.attempts == 0 {
            return fail("retry.attempts", "must be at least 1");
        }
        if self.retry.max < self.retry.initial {
            return fail("retry.max", "must not be shorter than retry.initial");
        }
        Ok(())
    }
}

/// A value of a provider's section that cannot work. Says which one and what to do; exit code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` in [providers.{provider}] {what}")]
pub struct SettingsError {
    /// The section.
    pub provider: ProviderId,
    /// The key within it.
    pub key: &'static str,
    /// What is wrong and what would be right.
    pub what: &'static str,
}

/// Where a secret is kept: exactly one of `{ env = "…" }`, `{ file = "…" }`, `{ command = ["…"] }`.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// An environment variable of that name.
    Env(String),
    /// A file that holds the secret alone.
    File(PathBuf),
    /// A program and its arguments; the secret is what it prints.
    Command(Vec<String>),
}

impl fmt::Debug for SecretSource {
    /// Shows the place, without the arguments of a command: somebody may have put the secret there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Command(words) => write!(f, "command {}", words.first().map_or("", String::as_str)),
        }
    }
}

/// What a provider knows us by. `Debug` shows nothing of it.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// User name (`WsOne`, Safedebit) or login (Lemonway).
    pub username: SecretString,
    /// Password.
    pub password: SecretString,
}

/// Refuses a user name that HTTP Basic cannot carry: it ends at the first colon (RFC 7617).
pub(super) fn check_basic(provider: ProviderId, credentials: &Credentials) -> Result<(), SettingsError> {
    if credentials.username.expose_secret().contains(':') {
        return Err(SettingsError {
            provider,
            key: "username",
            what: "must not hold a colon: HTTP Basic ends a user name there",
        });
    }
    Ok(())
}

/// Takes a base URL apart, or says in a constant what is wrong with it.
pub(super) fn parse_base_url(text: &str) -> Result<Url, &'static str> {
    if text.contains(char::is_whitespace) {
        return Err("has a space or another blank in it");
    }
    let url = Url::parse(text).map_err(|_| "is not a URL, expected https://host/path")?;
    let Some(host) = url.host_str() else {
        return Err("names no host, expected https://host/path");
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(host) => {}
        "http" => return Err("must use https: plain http is for loopback addresses only"),
        _ => return Err("must begin with https://"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold credentials: name their source in `username` or `login` and `password`");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or a fragment");
    }
    Ok(url)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Longer than anybody waits, and short enough for every clock.
const DURATION_MAX: Duration = Duration::from_secs(366 * 86_400);

/// A flattened section loses the place of its values, so the message has to quote the value.
fn positive_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero() && *duration <= DURATION_MAX)
        .ok_or_else(|| {
            de::Error::custom(format!(
                "`{text}` is no duration above zero and up to a year, expected for instance 30s, 500ms or 6h"
            ))
        })
}

/// A duration as people write it, for the defaults of the schema.
fn written<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let duration = SignedDuration::try_from(*duration).unwrap_or(SignedDuration::MAX);
    serializer.collect_str(&format_args!("{duration:#}"))
}

/// A list of canonical fields, empty where nobody writes one.
fn canonical_names(_: &mut SchemaGenerator) -> Schema {
    let name = json_schema!({ "type": "string", "format": "canonical-field" });
    json_schema!({ "type": "array", "items": name, "default": [] })
}

fn canonical_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Field>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|name| {
            Field::parse(name).ok_or_else(|| de::Error::custom(format!("`{name}` is no canonical field")))
        })
        .collect()
}

fn enabled() -> bool {
    true
}

fn rate_per_second() -> f64 {
    10.0
}

fn burst() -> u32 {
    1
}

fn concurrency() -> u32 {
    8
}

fn timeout() -> Duration {
    Duration::from_secs(30)
}

fn settle() -> Duration {
    Duration::from_mins(1)
}

fn retry_attempts() -> u32 {
    6
}

fn retry_initial() -> Duration {
    Duration::from_millis(500)
}

fn retry_max() -> Duration {
    Duration::from_mins(1)
}

fn on_cleared() -> OnCleared {
    OnCleared::Ignore
}

fn on_invalid() -> OnInvalid {
    OnInvalid::SkipField
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
