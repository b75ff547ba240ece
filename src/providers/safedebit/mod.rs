//! Safedebit, direct debits: `edit_consumer`.
//!
//! Sources: the vendor's page of the call (`POST {base_url}/edit_consumer`, Basic authorization, JSON), its French page
//! and public clients for what the first leaves out.
//!
//! Quirks:
//! - Failure is HTTP 200 with `{"result": false, "code": "…"}`; only the JSON value `true` is success.
//! - The page's descriptions of first and last name are swapped; the parameter names and the example are right.
//! - `consumer_reference` and `consumer_type` stand in the example only; `consumer_other_last_name` takes further first
//!   names.
//! - Sizes are small: an IPv6 address does not fit, and long street types have to be abbreviated.
//! - There is no create: consumers are made elsewhere.

mod build;
pub(super) mod fields;
mod project;
mod read;
mod settings;
mod wire;

pub use settings::SafedebitSettings;

use reqwest::header::{HeaderName, HeaderValue};

use crate::domain::call::Operation;
use crate::domain::customer::Customer;
use crate::domain::provider::ProviderId;
use crate::domain::verdict::Verdict;
use crate::domain::wire::{Projection, ProviderKey, WireField, WireValues};

use super::codes::{self, CodeTable};
use super::exchange::{Answer, BuildError, Request, basic};
use super::settings::{CommonSettings, Credentials, SettingsError, check_basic, default_send};
use super::{Provider, projection_digest};

/// Safedebit with its settings and credentials.
#[derive(Debug)]
pub struct Safedebit {
    settings: SafedebitSettings,
    credentials: Credentials,
    authorization: Result<(HeaderName, HeaderValue), BuildError>,
}

impl Safedebit {
    /// Takes the section of the configuration and the credentials that it named.
    ///
    /// # Errors
    /// [`SettingsError`] for the first setting that cannot work.
    pub fn new(mut settings: SafedebitSettings, credentials: Credentials) -> Result<Self, SettingsError> {
        settings.common.validate(ProviderId::Safedebit)?;
        settings.common.send.get_or_insert(default_send(ProviderId::Safedebit));
        check_basic(ProviderId::Safedebit, &credentials)?;
        if let Some(what) = codes::defect(&settings.error_codes) {
            return Err(SettingsError { provider: ProviderId::Safedebit, key: "error_codes", what });
        }
        let authorization = basic(&credentials);
        Ok(Self { settings, credentials, authorization })
    }
}

impl Provider for Safedebit {
    fn id(&self) -> ProviderId {
        ProviderId::Safedebit
    }

    fn settings(&self) -> &CommonSettings {
        &self.settings.common
    }

    fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    fn code_table(&self) -> &CodeTable {
        &self.settings.error_codes
    }

    fn fields(&self) -> &'static [WireField] {
        fields::FIELDS
    }

    fn project(&self, customer: &Customer) -> Projection {
        project::project(&self.settings, customer)
    }

    fn build(
        &self,
        operation: Operation,
        key: &ProviderKey,
        values: &WireValues,
    ) -> Result<Request, BuildError> {
        match operation {
            Operation::Create => Err(BuildError::Operation),
            Operation::Update => build::request(&self.settings, self.authorization.clone()?, key, values),
        }
    }

    fn read(&self, _operation: Operation, _key: &ProviderKey, answer: &Answer) -> Verdict {
        read::read(answer, &self.settings.error_codes)
    }

    fn fingerprint(&self) -> [u8; 32] {
        projection_digest(ProviderId::Safedebit, &self.settings.common).finish()
    }
}

#[cfg(test)]
mod tests;
