//! `[providers.wsone]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::field::Field;
use crate::domain::fold;
use crate::domain::policy::OnNew;
use crate::domain::provider::ProviderId;
use crate::domain::street_kinds::KINDS_BY_WORD;

use super::super::codes::{self, CodeTable};
use super::super::settings::{CommonSettings, SecretSource, SettingsError};

/// The section of `WsOne`. Unknown keys are found by the JSON Schema.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct WsOneSettings {
    /// The keys that all providers have.
    #[serde(flatten)]
    pub common: CommonSettings,
    /// Where the user name is kept.
    pub username: SecretSource,
    /// Where the password is kept.
    pub password: SecretSource,
    /// What is done for a customer whom `WsOne` is not known to have.
    #[serde(default = "on_new")]
    pub on_new: OnNew,
    /// The type of every identifier; not needed when the file has `person_identifier_type`.
    #[serde(default)]
    pub identifier_type: Option<i64>,
    /// The store of customers for whom the file names none.
    #[serde(default)]
    pub entity: Option<String>,
    /// What `source` says in every request.
    #[serde(default = "source")]
    pub source: String,
    /// The numbers of the titles M, F, J and U.
    #[serde(default)]
    pub titles: BTreeMap<String, i64>,
    /// The numbers of street types: full words, for instance `RUE`.
    #[serde(default)]
    pub street_types: BTreeMap<String, i64>,
    /// Classes of response codes; a code that is not here is a refusal.
    #[serde(default)]
    pub response_codes: CodeTable,
}

impl WsOneSettings {
    /// What is lacking for a file that has columns for these fields: without a type no identifier is a key.
    #[must_use]
    pub fn lacks(&self, has: &dyn Fn(Field) -> bool) -> Option<&'static str> {
        let lacks_type = self.identifier_type.is_none() && !has(Field::PersonIdentifierType);
        (lacks_type && has(Field::PersonIdentifier))
            .then_some("identifier_type is needed, because the file has no column for person_identifier_type")
    }

    /// Checks the tables and brings the words of street types, abbreviated or not, into the form that mapping uses.
    pub(super) fn normalise(&mut self) -> Result<(), SettingsError> {
        let fail = |key, what| Err(SettingsError { provider: ProviderId::Wsone, key, what });
        if self.titles.keys().any(|letter| !["M", "F", "J", "U"].contains(&letter.as_str())) {
            return fail("titles", "has an unknown title, expected M, F, J or U");
        }
        if self.entity.as_deref().is_some_and(|entity| entity.trim().is_empty()) {
            return fail("entity", "is empty; leave it out when there is no fixed store");
        }
        if self.response_codes.contains_key("000") {
            return fail("response_codes", "classes 000, which is success and nothing else");
        }
        if let Some(what) = codes::defect(&self.response_codes) {
            return fail("response_codes", what);
        }
        let is_int = |number: &i64| (0..=i64::from(i32::MAX)).contains(number);
        const NO_INT: &str = "has a number that is not one from 0 to 2147483647";
        if !self.identifier_type.iter().all(is_int) {
            return fail("identifier_type", NO_INT);
        }
        if !self.titles.values().all(is_int) {
            return fail("titles", NO_INT);
        }
        if !self.street_types.values().all(is_int) {
            return fail("street_types", NO_INT);
        }
        let words = std::mem::take(&mut self.street_types);
        let count = words.len();
        self.street_types = words.into_iter().map(|(kind, number)| (standard_word(&kind), number)).collect();
        if self.street_types.len() < count {
            return fail(
                "street_types",
                "names one street type twice, once abbreviated or with accents, small letters or hyphens",
            );
        }
        Ok(())
    }
}

/// The full word of a street type, however it is written; a word that nobody knows is its own.
fn standard_word(written: &str) -> String {
    let word = fold::words(written);
    KINDS_BY_WORD.get(word.as_bytes()).map_or_else(|| word.to_string(), |known| known.standard.to_owned())
}

fn on_new() -> OnNew {
    OnNew::Create
}

fn source() -> String {
    "CRM".to_owned()
}
