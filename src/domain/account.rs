//! What a provider is known to hold for a customer: the snapshot that each diff starts from.

use litemap::LiteMap;

use super::customer::CustomerId;
use super::fingerprint::{Fingerprint, Fingerprinter, Fingerprints};
use super::provider::ProviderId;
use super::redacted::Redacted;
use super::wire::{self, FieldCode, ProviderKey, WireValues};

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
    /// Whether the provider has ever acknowledged a call for this account, or it was seeded.
    pub known: bool,
    /// What is known of each field. A field that is missing here was never acknowledged.
    pub fields: LiteMap<FieldCode, Acknowledged>,
}

/// How a state keeps delivered values.
#[derive(Debug, Clone, Copy)]
pub struct Keeping<'a> {
    /// Makes the fingerprints.
    pub fingerprinter: &'a Fingerprinter,
    /// Whether values are kept as they are (`values = "clear"`), not as fingerprints.
    pub clear: bool,
}

impl<'a> Keeping<'a> {
    /// For one customer and provider.
    #[must_use]
    pub fn of(&self, customer: &CustomerId, provider: ProviderId) -> Keeper<'a> {
        Keeper { fingerprints: self.fingerprinter.of(customer, provider), clear: self.clear }
    }
}

/// Makes and compares what the state keeps of delivered values, for one customer and provider.
#[derive(Debug)]
pub struct Keeper<'a> {
    fingerprints: Fingerprints<'a>,
    clear: bool,
}

impl Keeper<'_> {
    /// What is kept of a value that was delivered.
    #[must_use]
    pub fn keep(&mut self, field: FieldCode, value: &str) -> Acknowledged {
        if self.clear {
            return Acknowledged::Clear(Redacted::new(value.to_owned()));
        }
        Acknowledged::Hashed(self.fingerprints.value(field, value))
    }

    /// Whether the state keeps values as they are. What it still has of an earlier setting is replaced by its next run.
    #[must_use]
    pub fn keeps_clear(&self) -> bool {
        self.clear
    }

    /// Whether the provider holds exactly this value.
    #[must_use]
    pub fn holds(&mut self, kept: &Acknowledged, field: FieldCode, value: &str) -> bool {
        match kept {
            Acknowledged::Hashed(print) => self.fingerprints.is_of(*print, field, value),
            Acknowledged::Clear(held) => held.reveal() == value,
            Acknowledged::Unknown => false,
        }
    }
}

impl Account {
    /// An account that no call has reached yet.
    #[must_use]
    pub fn new(key: ProviderKey) -> Self {
        Self { key, known: false, fields: LiteMap::new() }
    }

    /// Whether the provider may have anything of the customer there: it has acknowledged a call, or one of unknown outcome
    /// has left.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        self.known || self.fields.values().any(|field| *field == Acknowledged::Unknown)
    }

    /// Takes over what a provider acknowledged. Another key is another account: what was known of the old one goes.
    pub fn acknowledge(&mut self, key: &ProviderKey, values: &WireValues, keeper: &mut Keeper<'_>) {
        self.fields.reserve(values.len());
        self.acknowledge_each(key, values.iter(), keeper);
    }

    /// The same, value by value.
    pub fn acknowledge_each<'v>(
        &mut self,
        key: &ProviderKey,
        values: impl Iterator<Item = (FieldCode, &'v str)>,
        keeper: &mut Keeper<'_>,
    ) {
        if self.key != *key {
            *self = Self::new(key.clone());
        }
        self.known = true;
        for (field, value) in values {
            wire::put(&mut self.fields, field, keeper.keep(field, value));
        }
    }

    /// Notes that these fields may hold the old value or another one.
    pub fn mark_unknown(&mut self, fields: impl IntoIterator<Item = FieldCode>) {
        for field in fields {
            self.fields.insert(field, Acknowledged::Unknown);
        }
    }
}
