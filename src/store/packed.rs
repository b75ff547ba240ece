//! Accounts and payloads as they are written, packed before it is their turn to be.
//!
//! One thread writes, and it is what an input with many changes waits for; packing needs nothing of the state and is done
//! on the others.

use crate::domain::account::{Account, Keeper};
use crate::domain::call::Payload;
use crate::domain::wire::{FieldCode, ProviderKey};

use super::codec;

/// An account with the fields that were skipped for it. Its `Debug` shows nothing of it.
pub struct PackedAccount {
    pub(super) key: ProviderKey,
    pub(super) known: bool,
    pub(super) fields: Vec<u8>,
    pub(super) skipped: Option<Vec<u8>>,
}

/// What a call carries, with the list of its fields, which outlives it. Its `Debug` shows nothing of it.
pub struct PackedPayload {
    pub(super) bytes: Vec<u8>,
    pub(super) fields: Option<Vec<u8>>,
}

impl PackedAccount {
    /// Packs an account.
    #[must_use]
    pub fn of(account: &Account, skipped: &[FieldCode]) -> Self {
        Self {
            key: account.key.clone(),
            known: account.known,
            fields: codec::pack_fields(&account.fields),
            skipped: codec::pack_codes(skipped),
        }
    }
}

impl PackedAccount {
    /// Packs an account of which a provider has just acknowledged these values, in the order of their fields, and
    /// nothing before.
    #[must_use]
    pub fn acknowledged<'v>(
        key: ProviderKey,
        values: impl Iterator<Item = (FieldCode, &'v str)>,
        keeper: &mut Keeper<'_>,
        skipped: &[FieldCode],
    ) -> Self {
        let kept = values.map(|(field, value)| (field, keeper.keep(field, value)));
        Self { key, known: true, fields: codec::pack_kept(kept), skipped: codec::pack_codes(skipped) }
    }
}

impl PackedPayload {
    /// Packs a payload.
    #[must_use]
    pub fn of(payload: &Payload) -> Self {
        let fields: Vec<FieldCode> = payload.values.0.keys().copied().collect();
        Self { bytes: codec::pack_payload(payload), fields: codec::pack_codes(&fields) }
    }
}

impl std::fmt::Debug for PackedAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<account>")
    }
}

impl std::fmt::Debug for PackedPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<payload>")
    }
}
