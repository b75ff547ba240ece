//! Lemonway, the payment institution: `UpdateWalletDetails` 1.0 of its `DirectKit`.
//!
//! Sources: the vendor's page of the method, public clients and recorded exchanges. Four protocols say the same thing:
//! `directkitjson2` is what is in use, `directkitjson` and `directkit` are those of the page, `directkitxml` is the
//! SOAP twin of the first.
//!
//! Quirks:
//! - The credentials travel in the **body**, so bodies are as secret as passwords.
//! - Failure is HTTP 200 with an error object `E`; its `Msg` depends on the language and its `Error` can hold the
//!   customer's data, so neither is read. Codes arrive as strings although documented as integers.
//! - HTTP 500 with `{"Message","ExceptionType"}` means that the service is not available; since nobody documents how
//!   far it had got, the outcome counts as unknown, which costs an idempotent call a repetition.
//! - Left out means unchanged; what an empty text means is not documented, so none is ever sent.
//! - 288 and 297 can come after the change was applied: unknown, not transient, unless the operator classes them.
//! - 204 can be two customers who swap addresses: once more, last. 146 is a verified wallet, which takes e-mail and
//!   phones only: once more with those.
//! - The result of the SOAP answer has been named after another method, and may be a document in escaped text.

mod build;
pub(super) mod fields;
mod project;
mod read;
mod settings;
mod wire;
mod xml;

pub use settings::{LemonwaySettings, Protocol};

use crate::domain::call::Operation;
use crate::domain::customer::Customer;
use crate::domain::provider::ProviderId;
use crate::domain::verdict::Verdict;
use crate::domain::wire::{Projection, ProviderKey, WireField, WireValues};

use super::codes::CodeTable;
use super::exchange::{Answer, BuildError, Request};
use super::settings::{CommonSettings, Credentials, SettingsError, default_send};
use super::{Provider, projection_digest};

/// Lemonway with its settings and credentials.
#[derive(Debug)]
pub struct Lemonway {
    settings: LemonwaySettings,
    credentials: Credentials,
}

impl Lemonway {
    /// Takes the section of the configuration and the credentials that it named.
    ///
    /// # Errors
    /// [`SettingsError`] for the first setting that cannot work.
    pub fn new(mut settings: LemonwaySettings, credentials: Credentials) -> Result<Self, SettingsError> {
        settings.common.validate(ProviderId::Lemonway)?;
        settings.check()?;
        settings.check_credentials(&credentials)?;
        settings.common.send.get_or_insert(default_send(ProviderId::Lemonway));
        Ok(Self { settings, credentials })
    }
}

impl Provider for Lemonway {
    fn id(&self) -> ProviderId {
        ProviderId::Lemonway
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
            Operation::Update => build::request(&self.settings, &self.credentials, key, values),
        }
    }

    fn read(&self, _operation: Operation, key: &ProviderKey, answer: &Answer) -> Verdict {
        read::read(self.settings.protocol, answer, key, &self.settings.error_codes)
    }

    fn fingerprint(&self) -> [u8; 32] {
        projection_digest(ProviderId::Lemonway, &self.settings.common).finish()
    }
}

#[cfg(test)]
mod tests;
