//! Compact bytes for payloads and acknowledged fields.
//!
//! A payload is followed by a digest that is verified before the payload is used, so that a flipped bit is never
//! sent to a provider.

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use crate::domain::account::{Acknowledged, Keeper};
use crate::domain::call::Payload;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::redacted::Redacted;
use crate::domain::wire::{FieldCode, WireValues};

use super::StoreError;

const DIGEST_BYTES: usize = 8;
/// What a hashed value takes with the number of its field.
const KEPT_BYTES: usize = 11;
/// What most payloads take at most.
const PAYLOAD_BYTES: usize = 512;

#[derive(Serialize, Deserialize)]
enum Kept {
    Hashed([u8; 8]),
    Clear(String),
    Unknown,
}

impl From<Acknowledged> for Kept {
    fn from(value: Acknowledged) -> Self {
        match value {
            Acknowledged::Hashed(print) => Self::Hashed(print.0),
            Acknowledged::Clear(text) => Self::Clear(text.reveal().clone()),
            Acknowledged::Unknown => Self::Unknown,
        }
    }
}

/// Packs what a provider acknowledged.
pub(super) fn pack_fields(fields: &LiteMap<FieldCode, Acknowledged>) -> Vec<u8> {
    pack_kept(fields.iter().map(|(code, value)| (code.0, value.clone().into())).collect())
}

/// Packs what is kept of delivered values, which come in the order of their fields.
pub(super) fn pack_delivered(values: &WireValues, keeper: &Keeper<'_>) -> Vec<u8> {
    pack_kept(values.iter().map(|(code, value)| (code.0, keeper.keep(code, value).into())).collect())
}

fn pack_kept(kept: Vec<(u32, Kept)>) -> Vec<u8> {
    let bytes = Vec::with_capacity(KEPT_BYTES * kept.len() + 2);
    postcard::to_extend(&kept, bytes).expect("numbers, bytes and texts always serialise")
}

/// Lays newer packed fields over those that were known.
pub(super) fn merge_fields(known: &[u8], newer: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut fields = unpack_fields(known)?;
    if fields.is_empty() {
        return Ok(newer.to_vec());
    }
    for (field, kept) in unpack_fields(newer)? {
        fields.insert(field, kept);
    }
    Ok(pack_fields(&fields))
}

/// Unpacks what a provider acknowledged.
pub(super) fn unpack_fields(bytes: &[u8]) -> Result<LiteMap<FieldCode, Acknowledged>, StoreError> {
    let kept: Vec<(u32, Kept)> = postcard::from_bytes(bytes)
        .map_err(|_| StoreError::Damaged { what: "the fields of an account are unreadable" })?;
    let fields = kept.into_iter().map(|(code, kept)| {
        let value = match kept {
            Kept::Hashed(print) => Acknowledged::Hashed(Fingerprint(print)),
            Kept::Clear(text) => Acknowledged::Clear(Redacted::new(text)),
            Kept::Unknown => Acknowledged::Unknown,
        };
        (FieldCode(code), value)
    });
    Ok(fields.collect())
}

/// Packs a payload, with its digest behind it.
pub(super) fn pack_payload(payload: &Payload) -> Vec<u8> {
    let bytes = Vec::with_capacity(PAYLOAD_BYTES);
    let mut bytes = postcard::to_extend(payload, bytes).expect("numbers and texts always serialise");
    let digest = digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

/// Unpacks a payload after its digest was verified.
pub(super) fn unpack_payload(bytes: &[u8]) -> Result<Payload, StoreError> {
    let damaged = StoreError::Damaged { what: "the payload of a call does not match its digest" };
    let Some(length) = bytes.len().checked_sub(DIGEST_BYTES) else { return Err(damaged) };
    let (body, stored) = bytes.split_at(length);
    if digest(body) != stored {
        return Err(damaged);
    }
    postcard::from_bytes(body).map_err(|_| damaged)
}

fn digest(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut digest = [0; DIGEST_BYTES];
    digest.copy_from_slice(&blake3::hash(bytes).as_bytes()[..DIGEST_BYTES]);
    digest
}

/// Packs a list of fields; an empty list is nothing.
pub(super) fn pack_codes(codes: &[FieldCode]) -> Option<Vec<u8>> {
    (!codes.is_empty()).then(|| postcard::to_stdvec(codes).expect("numbers always serialise"))
}

/// Unpacks a list of fields.
pub(super) fn unpack_codes(bytes: Option<&[u8]>) -> Result<Vec<FieldCode>, StoreError> {
    match bytes {
        None => Ok(Vec::new()),
        Some(bytes) => postcard::from_bytes(bytes)
            .map_err(|_| StoreError::Damaged { what: "a list of fields is unreadable" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::wire::ProviderKey;

    fn payload() -> Payload {
        Payload {
            key: ProviderKey("1:42".into()),
            values: [(FieldCode(7), "a@example.org".to_owned())].into_iter().collect(),
        }
    }

    #[test]
    fn a_payload_comes_back_as_it_went() {
        assert_eq!(unpack_payload(&pack_payload(&payload())).expect("intact"), payload());
    }

    #[test]
    fn every_flipped_bit_of_a_payload_is_found() {
        let bytes = pack_payload(&payload());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unpack_payload(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn acknowledged_fields_come_back_as_they_went() {
        let fields = LiteMap::from_iter([
            (FieldCode(1), Acknowledged::Hashed(Fingerprint([9; 8]))),
            (FieldCode(2), Acknowledged::Clear(Redacted::new("x".to_owned()))),
            (FieldCode(3), Acknowledged::Unknown),
        ]);
        assert_eq!(unpack_fields(&pack_fields(&fields)).expect("intact"), fields);
    }
}
