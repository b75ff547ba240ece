//! Compact bytes for payloads and acknowledged fields.
//!
//! A payload is followed by a digest that is verified before the payload is used, so that a flipped bit is never
//! sent to a provider.

use litemap::LiteMap;
use serde::Deserialize;
#[cfg(test)]
use serde::Serialize;

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

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
enum Kept {
    Hashed([u8; 8]),
    Clear(String),
    Unknown,
}

/// Packs what a provider acknowledged.
pub(super) fn pack_fields(fields: &LiteMap<FieldCode, Acknowledged>) -> Vec<u8> {
    pack_kept(fields.len(), fields.iter().map(|(field, kept)| (*field, kept.clone())))
}

/// Packs what is kept of delivered values, which come in the order of their fields.
pub(super) fn pack_delivered(values: &WireValues, keeper: &Keeper<'_>) -> Vec<u8> {
    pack_kept(values.len(), values.iter().map(|(field, value)| (field, keeper.keep(field, value))))
}

/// What postcard makes of a list of [`Kept`] with their fields, without a call for each byte.
fn pack_kept(count: usize, all: impl Iterator<Item = (FieldCode, Acknowledged)>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(KEPT_BYTES * count + 2);
    push_number(&mut bytes, count);
    for (field, kept) in all {
        push_number(&mut bytes, field.0 as usize);
        match kept {
            Acknowledged::Hashed(print) => {
                bytes.push(0);
                bytes.extend_from_slice(&print.0);
            }
            Acknowledged::Clear(text) => {
                bytes.push(1);
                push_number(&mut bytes, text.reveal().len());
                bytes.extend_from_slice(text.reveal().as_bytes());
            }
            Acknowledged::Unknown => bytes.push(2),
        }
    }
    bytes
}

/// Seven bits in each byte, the lowest first; the highest bit says that more follow.
fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
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
    fn fields_are_packed_as_postcard_packs_them() {
        let codes = [0, 1, 127, 128, 16_383, 16_384, (1 << 28) + 12, u32::MAX];
        for count in [0, 1, 3, codes.len(), 127, 128, 300] {
            let mut kept: Vec<(u32, Kept)> = Vec::new();
            let mut fields = Vec::new();
            for at in 0..count {
                let code = codes.get(at).copied().unwrap_or(0);
                let (text, byte) = ("x".repeat(at), at.to_le_bytes()[0]);
                let (one, other) = match at % 3 {
                    0 => (Kept::Hashed([byte; 8]), Acknowledged::Hashed(Fingerprint([byte; 8]))),
                    1 => (Kept::Clear(text.clone()), Acknowledged::Clear(Redacted::new(text))),
                    _ => (Kept::Unknown, Acknowledged::Unknown),
                };
                kept.push((code, one));
                fields.push((FieldCode(code), other));
            }
            assert_eq!(pack_kept(count, fields.into_iter()), postcard::to_stdvec(&kept).expect("packed"));
        }
    }

    #[test]
    fn newer_fields_are_laid_over_known_ones() {
        let packed = |fields: &[(u32, u8)]| {
            let fields = fields
                .iter()
                .map(|(code, print)| (FieldCode(*code), Acknowledged::Hashed(Fingerprint([*print; 8]))));
            pack_fields(&fields.collect())
        };
        let (known, newer) = (packed(&[(1, 1), (3, 1), (5, 1)]), packed(&[(2, 2), (3, 2), (9, 2)]));
        let merged = packed(&[(1, 1), (2, 2), (3, 2), (5, 1), (9, 2)]);
        assert_eq!(merge_fields(&known, &newer).expect("intact"), merged);
        assert_eq!(merge_fields(&packed(&[]), &newer).expect("intact"), newer);
        assert_eq!(merge_fields(&known, &packed(&[])).expect("intact"), known);
        assert!(merge_fields(&[1], &newer).is_err());
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
