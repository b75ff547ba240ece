//! What a provider is known to hold for a customer: the snapshot that each diff starts from.

use std::collections::BTreeMap;

use super::fingerprint::Fingerprint;
use super::redacted::Redacted;
use super::wire::{FieldCode, ProviderKey};

/// What is known of one field at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledged {
    /// The provider acknowledged the value with this fingerprint (`values = "hashed"`).
    Hashed(Fingerprint),
    /// The provider acknowledged this value (`values = "clear"`).
    Clear(Redacted<String>),
    /// A call with this field ended with an unknown outcome: it may hold the old value or the one sent.
    Unknown,
}

/// A customer's account at one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The key under which the provider knows the customer.
    pub key: ProviderKey,
    /// Has the provider ever acknowledged a call for this account, or was it seeded.
    pub known: bool,
    /// What is known of each field. A field that is missing here was never acknowledged.
    pub fields: BTreeMap<FieldCode, Acknowledged>,
}
