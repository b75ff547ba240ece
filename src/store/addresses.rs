//! Where each provider was when the state was worked with: what is known of its accounts, is known from there.

use crate::domain::provider::ProviderId;

use super::{Store, StoreError, setting};

/// How the name of the setting begins that says where a provider was; an address stands on each line.
const ADDRESS_OF: &str = "address_of:";

impl Store {
    /// Where a provider was since a person last decided that it is one system, the first place first; none, where nothing was
    /// sent to it yet.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn addresses_of(&self, provider: ProviderId) -> Result<Vec<String>, StoreError> {
        let damaged = |_| StoreError::Damaged { what: "the address of a provider is no text" };
        let noted = setting::get(&self.connection, &name_of(provider))?.map(String::from_utf8);
        let noted = noted.transpose().map_err(damaged)?.unwrap_or_default();
        Ok(noted.lines().map(str::to_owned).collect())
    }

    /// Notes where a provider was, and is. A crash before it returns leaves what was noted before.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written.
    pub fn note_addresses(&mut self, provider: ProviderId, addresses: &[String]) -> Result<(), StoreError> {
        setting::put(&self.connection, &name_of(provider), addresses.join("\n").as_bytes())
    }
}

fn name_of(provider: ProviderId) -> String {
    format!("{ADDRESS_OF}{provider}")
}
