//! Where each provider was when the state was last worked with: what is known of its accounts, is known from there.

use crate::domain::provider::ProviderId;

use super::{Store, StoreError, setting};

/// How the name of the setting begins that says where a provider was.
const ADDRESS_OF: &str = "address_of:";

impl Store {
    /// Where a provider was; none, where nothing was sent to it yet.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn address_of(&self, provider: ProviderId) -> Result<Option<String>, StoreError> {
        let address = setting::get(&self.connection, &name_of(provider))?.map(String::from_utf8).transpose();
        address.map_err(|_| StoreError::Damaged { what: "the address of a provider is no text" })
    }

    /// Notes where a provider is. A crash before it returns leaves the address noted before.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written.
    pub fn note_address(&mut self, provider: ProviderId, address: &str) -> Result<(), StoreError> {
        setting::put(&self.connection, &name_of(provider), address.as_bytes())
    }
}

fn name_of(provider: ProviderId) -> String {
    format!("{ADDRESS_OF}{provider}")
}
