//! `[providers.safedebit]`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::codes::CodeTable;
use super::super::settings::{CommonSettings, SecretSource};

/// The section of Safedebit. Unknown keys are found by the JSON Schema.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SafedebitSettings {
    /// The keys that all providers have.
    #[serde(flatten)]
    pub common: CommonSettings,
    /// Where the user name is kept.
    pub username: SecretSource,
    /// Where the password is kept.
    pub password: SecretSource,
    /// Classes of error codes; they override the documented ones.
    #[serde(default)]
    pub error_codes: CodeTable,
}
