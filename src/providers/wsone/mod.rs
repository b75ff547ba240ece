//! `WsOne`, the loyalty platform: createPerson and updatePerson of its REST API 2.0.
//!
//! Sources: the vendor's pages of the two calls (documents of 2025-09-30), `POST
//! {base_url}/rest/2.0/personWebService/{createPerson,updatePerson}`, Basic authorization, JSON.
//!
//! Quirks:
//! - Success is HTTP 200 with the **string** `"000"` as `responseCode`. No other code is documented, so every other one
//!   is a refusal until the operator classes it.
//! - createPerson calls its profile `PersonProfilRequest` and its key `NewIdentifierRequest`; subscriptions and source
//!   stay outside of the profile.
//! - createPerson is not idempotent: its outcome, when unknown, has to be probed by an updatePerson.
//! - Whether updatePerson patches or replaces an object is not documented: objects are sent whole.
//! - Street types and titles are integers that nobody has documented: they come from the configuration alone.

mod build;
pub(super) mod fields;
mod project;
mod read;
mod settings;
mod wire;

pub use settings::WsOneSettings;
pub(super) use wire::SUCCESS;

use reqwest::header::{HeaderName, HeaderValue};

use crate::domain::call::Operation;
use crate::domain::customer::Customer;
use crate::domain::field::Field;
use crate::domain::policy::OnNew;
use crate::domain::provider::ProviderId;
use crate::domain::verdict::Verdict;
use crate::domain::wire::{FieldCode, Projection, ProviderKey, WireField, WireValues};

use super::codes::CodeTable;
use super::exchange::{Answer, BuildError, Request, basic};
use super::settings::{CommonSettings, Credentials, SettingsError, check_basic, default_send};
use super::{Provider, projection_digest};

/// `WsOne` with its settings and credentials.
#[derive(Debug)]
pub struct WsOne {
    settings: WsOneSettings,
    credentials: Credentials,
    authorization: Result<(HeaderName, HeaderValue), BuildError>,
}

impl WsOne {
    /// Takes the section of the configuration and the credentials that it named.
    ///
    /// # Errors
    /// [`SettingsError`] for the first setting that cannot work.
    pub fn new(mut settings: WsOneSettings, credentials: Credentials) -> Result<Self, SettingsError> {
        settings.common.validate(ProviderId::Wsone)?;
        settings.normalise()?;
        settings.common.send.get_or_insert(default_send(ProviderId::Wsone));
        check_basic(ProviderId::Wsone, &credentials)?;
        let authorization = basic(&credentials);
        Ok(Self { settings, credentials, authorization })
    }
}

impl Provider for WsOne {
    fn id(&self) -> ProviderId {
        ProviderId::Wsone
    }

    fn settings(&self) -> &CommonSettings {
        &self.settings.common
    }

    fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    fn code_table(&self) -> &CodeTable {
        &self.settings.response_codes
    }

    fn fields(&self) -> &'static [WireField] {
        fields::FIELDS
    }

    fn field(&self, code: FieldCode) -> Option<WireField> {
        match code.subscription_id() {
            Some(id) => Some(fields::subscription(id)),
            None => super::find(fields::FIELDS, code).copied(),
        }
    }

    fn project(&self, customer: &Customer) -> Projection {
        project::project(&self.settings, customer)
    }

    fn along(&self) -> &'static [FieldCode] {
        // Each example names the store; where none is fixed, only those whose store changes are sent one.
        if self.settings.entity.is_some() { &[fields::ENTITY] } else { &[] }
    }

    fn lacks(&self, has: &dyn Fn(Field) -> bool) -> Option<&'static str> {
        self.settings.lacks(has)
    }

    fn on_new(&self) -> OnNew {
        self.settings.on_new
    }

    fn build(
        &self,
        operation: Operation,
        key: &ProviderKey,
        values: &WireValues,
    ) -> Result<Request, BuildError> {
        build::request(&self.settings, self.authorization.clone()?, operation, key, values)
    }

    fn read(&self, _operation: Operation, _key: &ProviderKey, answer: &Answer) -> Verdict {
        read::read(answer, &self.settings.response_codes)
    }

    fn fingerprint(&self) -> [u8; 32] {
        let settings = &self.settings;
        let mut digest = projection_digest(ProviderId::Wsone, &settings.common);
        digest.add(match settings.on_new {
            OnNew::Create => "create",
            OnNew::Update => "update",
            OnNew::Skip => "skip",
        });
        digest.add(&settings.identifier_type.map(|number| number.to_string()).unwrap_or_default());
        digest.add(settings.entity.as_deref().unwrap_or_default());
        for table in [&settings.titles, &settings.street_types] {
            digest.add(&table.len().to_string());
            for (word, number) in table {
                digest.add(word).add(&number.to_string());
            }
        }
        digest.finish()
    }
}

#[cfg(test)]
mod tests;
