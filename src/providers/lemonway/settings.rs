//! `[providers.lemonway]`.

use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::domain::policy::OnCleared;
use crate::domain::provider::ProviderId;

use super::super::codes::{self, CodeTable};
use super::super::settings::{CommonSettings, Credentials, SecretSource, SettingsError};
use super::xml;

/// The section of Lemonway. Unknown keys are found by the JSON Schema.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LemonwaySettings {
    /// The keys that all providers have.
    #[serde(flatten)]
    pub common: CommonSettings,
    /// How requests are written.
    #[serde(default)]
    pub protocol: Protocol,
    /// Where the login is kept.
    pub login: SecretSource,
    /// Where the password is kept.
    pub password: SecretSource,
    /// The language of messages, which nobody reads: `fr`, `en` …
    #[serde(default = "language")]
    pub language: String,
    /// The version of the method.
    #[serde(default = "version")]
    pub version: String,
    /// The address that calls come from.
    #[serde(default = "wallet_ip")]
    pub wallet_ip: String,
    /// The user agent that calls come from.
    #[serde(default = "wallet_ua")]
    pub wallet_ua: String,
    /// Classes of error codes; they override the documented ones.
    #[serde(default)]
    pub error_codes: CodeTable,
}

/// The ways to write the same call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// JSON in an envelope `p`, answered in an envelope `d`.
    #[default]
    DirectKitJson2,
    /// Bare JSON.
    DirectKitJson,
    /// SOAP 1.1 in the namespace `Service_mb_xml`.
    DirectKitXml,
    /// SOAP 1.1 in the namespace `Service_mb`.
    DirectKit,
}

impl LemonwaySettings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let fail = |key, what| Err(SettingsError { provider: ProviderId::Lemonway, key, what });
        if self.common.on_cleared == OnCleared::SendEmpty {
            return fail("on_cleared", "must be ignore or reject: Lemonway does not document empty values");
        }
        if self.wallet_ip.parse::<std::net::IpAddr>().is_err() {
            return fail("wallet_ip", "must be an IP address");
        }
        // They go with every call: one that cannot be built, or is refused for them, would be each customer's.
        for (key, text) in
            [("language", &self.language), ("version", &self.version), ("wallet_ua", &self.wallet_ua)]
        {
            if text.trim().is_empty() || text.chars().any(char::is_control) {
                return fail(key, "must be a text without control characters, and not empty");
            }
        }
        if let Some(what) = codes::defect(&self.error_codes) {
            return fail("error_codes", what);
        }
        Ok(())
    }

    /// They stand in the body of every call: one that XML cannot hold would make each customer's call one that cannot be built.
    pub(super) fn check_credentials(&self, credentials: &Credentials) -> Result<(), SettingsError> {
        let is_xml = matches!(self.protocol, Protocol::DirectKitXml | Protocol::DirectKit);
        for (key, secret) in [("login", &credentials.username), ("password", &credentials.password)] {
            if is_xml && !xml::can_hold(secret.expose_secret()) {
                let what = "has a character that XML, and so this protocol, cannot hold";
                return Err(SettingsError { provider: ProviderId::Lemonway, key, what });
            }
        }
        Ok(())
    }
}

fn language() -> String {
    "fr".to_owned()
}

fn version() -> String {
    "1.0".to_owned()
}

fn wallet_ip() -> String {
    "127.0.0.1".to_owned()
}

fn wallet_ua() -> String {
    "crmsync".to_owned()
}
