//! Compact bytes for payloads and acknowledged fields.
//!
//! A payload is followed by a digest that is verified before the payload is used, so that a flipped bit is never
//! sent to a provider. Which fields there are is written as bits (see [`Codes`]), what belongs to them behind. What earlier
//! versions wrote is read as well: that begins with a length, and nothing that has the length 0 was written, but for
//! an account without fields.

use litemap::LiteMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::account::{Acknowledged, Keeper};
use crate::domain::call::Payload;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::redacted::Redacted;
use crate::domain::wire::{self, FieldCode, ProviderKey, WireValues};

use super::StoreError;

const DIGEST_BYTES: usize = 8;
/// What a hashed value takes.
const KEPT_BYTES: usize = 9;
/// What most lists of fields take at most.
const CODES_BYTES: usize = 16;
/// What most payloads take at most.
const PAYLOAD_BYTES: usize = 512;
/// The first byte of what is written with [`Codes`].
const BY_BITS: u8 = 0;
/// How a hashed value begins: by hand, because there are so many of them.
const HASHED: u8 = 0;
/// Lengths below this one are a byte.
const ONE_BYTE: u8 = 0x80;
const NEVER: &str = "numbers, bytes and texts always serialise";

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
            Acknowledged::Clear(text) => Self::Clear(text.into_inner()),
            Acknowledged::Unknown => Self::Unknown,
        }
    }
}

impl From<Kept> for Acknowledged {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Hashed(print) => Self::Hashed(Fingerprint(print)),
            Kept::Clear(text) => Self::Clear(Redacted::new(text)),
            Kept::Unknown => Self::Unknown,
        }
    }
}

/// Fields in ascending order: a bit for each that a table has, a number for each subscription.
#[derive(Serialize, Deserialize)]
struct Codes {
    bits: u64,
    beyond: Vec<u32>,
}

impl Codes {
    fn of(codes: impl Iterator<Item = FieldCode>) -> Self {
        let mut packed = Self { bits: 0, beyond: Vec::new() };
        for FieldCode(code) in codes {
            match 1_u64.checked_shl(code) {
                Some(bit) => packed.bits |= bit,
                // Identifiers of subscriptions are small.
                None => packed.beyond.push(code.wrapping_sub(FieldCode::SUBSCRIPTIONS)),
            }
        }
        packed
    }

    fn iter(&self) -> impl Iterator<Item = FieldCode> + '_ {
        let beyond = self.beyond.iter().map(|id| id.wrapping_add(FieldCode::SUBSCRIPTIONS));
        (0..u64::BITS).filter(|code| self.bits >> code & 1 == 1).chain(beyond).map(FieldCode)
    }

    fn append_to(&self, bytes: Vec<u8>) -> Vec<u8> {
        append(&self.beyond, append(&self.bits, append(&BY_BITS, bytes)))
    }

    /// Reads the codes, where the bytes begin with some; gives what is behind them.
    fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let bytes = bytes.strip_prefix(&[BY_BITS]).filter(|bytes| !bytes.is_empty())?;
        postcard::take_from_bytes(bytes).ok()
    }
}

/// Packs what a provider acknowledged.
pub(super) fn pack_fields(fields: &LiteMap<FieldCode, Acknowledged>) -> Vec<u8> {
    pack_kept(fields.keys().copied(), fields.values().cloned())
}

/// Packs what a provider acknowledged: fields in ascending order, and what is kept of each.
pub(super) fn pack_kept(
    fields: impl Iterator<Item = FieldCode>,
    kept: impl Iterator<Item = Acknowledged>,
) -> Vec<u8> {
    let codes = Codes::of(fields);
    let count = codes.bits.count_ones() as usize + codes.beyond.len();
    if count == 0 {
        return vec![BY_BITS];
    }
    let bytes = codes.append_to(Vec::with_capacity(CODES_BYTES + KEPT_BYTES * count));
    kept.fold(bytes, |mut bytes, kept| match kept {
        Acknowledged::Hashed(print) => {
            bytes.push(HASHED);
            bytes.extend_from_slice(&print.0);
            bytes
        }
        Acknowledged::Clear(_) | Acknowledged::Unknown => append(&Kept::from(kept), bytes),
    })
}

/// Packs what is kept of delivered values.
pub(super) fn pack_delivered(values: &WireValues, keeper: &Keeper<'_>) -> Vec<u8> {
    let kept = values.iter().map(|(field, value)| keeper.keep(field, value));
    pack_kept(values.iter().map(|(field, _)| field), kept)
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
    let damaged = || StoreError::Damaged { what: "the fields of an account are unreadable" };
    let Some((codes, mut rest)) = Codes::take(bytes) else {
        let kept: Vec<(u32, Kept)> = postcard::from_bytes(bytes).map_err(|_| damaged())?;
        return Ok(kept.into_iter().map(|(code, kept)| (FieldCode(code), kept.into())).collect());
    };
    let mut fields = LiteMap::with_capacity(rest.len() / KEPT_BYTES);
    for code in codes.iter() {
        wire::put(&mut fields, code, take::<Kept>(&mut rest).ok_or_else(damaged)?.into());
    }
    Ok(fields)
}

/// Packs a payload, with its digest behind it.
pub(super) fn pack_payload(payload: &Payload) -> Vec<u8> {
    let codes = Codes::of(payload.values.0.keys().copied());
    let mut bytes = append(&payload.key, codes.append_to(Vec::with_capacity(PAYLOAD_BYTES)));
    for value in payload.values.0.values() {
        match u8::try_from(value.len()) {
            Ok(short @ 0..ONE_BYTE) => bytes.push(short),
            Ok(_) | Err(_) => bytes = append(&value.len(), bytes),
        }
        bytes.extend_from_slice(value.as_bytes());
    }
    let digest = digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

/// Unpacks a payload after its digest was verified.
pub(super) fn unpack_payload(bytes: &[u8]) -> Result<Payload, StoreError> {
    let damaged = || StoreError::Damaged { what: "the payload of a call does not match its digest" };
    let length = bytes.len().checked_sub(DIGEST_BYTES).ok_or_else(damaged)?;
    let (body, stored) = bytes.split_at(length);
    if digest(body) != stored {
        return Err(damaged());
    }
    let Some((codes, mut rest)) = Codes::take(body) else {
        return postcard::from_bytes(body).map_err(|_| damaged());
    };
    let key: ProviderKey = take(&mut rest).ok_or_else(damaged)?;
    let mut values = LiteMap::with_capacity(codes.bits.count_ones() as usize + codes.beyond.len());
    for code in codes.iter() {
        wire::put(&mut values, code, take::<SmolStr>(&mut rest).ok_or_else(damaged)?);
    }
    Ok(Payload { key, values: WireValues(values) })
}

fn digest(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut digest = [0; DIGEST_BYTES];
    digest.copy_from_slice(&blake3::hash(bytes).as_bytes()[..DIGEST_BYTES]);
    digest
}

/// Packs a list of fields; an empty list is nothing.
pub(super) fn pack_codes(codes: &[FieldCode]) -> Option<Vec<u8>> {
    let ascends = codes.is_sorted_by(|one, next| one < next);
    let pack = || {
        if ascends {
            Codes::of(codes.iter().copied()).append_to(Vec::with_capacity(CODES_BYTES))
        } else {
            append(codes, Vec::new())
        }
    };
    (!codes.is_empty()).then(pack)
}

/// Unpacks a list of fields.
pub(super) fn unpack_codes(bytes: Option<&[u8]>) -> Result<Vec<FieldCode>, StoreError> {
    let Some(bytes) = bytes else { return Ok(Vec::new()) };
    let damaged = StoreError::Damaged { what: "a list of fields is unreadable" };
    match Codes::take(bytes) {
        Some((codes, [])) => Ok(codes.iter().collect()),
        Some(_) => Err(damaged),
        None => postcard::from_bytes(bytes).map_err(|_| damaged),
    }
}

fn append<T: Serialize + ?Sized>(value: &T, bytes: Vec<u8>) -> Vec<u8> {
    postcard::to_extend(value, bytes).expect(NEVER)
}

fn take<T: DeserializeOwned>(bytes: &mut &[u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    *bytes = rest;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload() -> Payload {
        let [limit, over, long] = [127, 128, 300].map(|length| "x".repeat(length));
        let values = [(7, "a@example.org"), (9, &limit), (63, ""), (64, "é"), (65, &long), (66, &over)];
        let values = values.into_iter().chain([(FieldCode::SUBSCRIPTIONS + 12, "1")]);
        Payload {
            key: ProviderKey("1:42".into()),
            values: values.map(|(code, value)| (FieldCode(code), value.to_owned())).collect(),
        }
    }

    fn fields() -> LiteMap<FieldCode, Acknowledged> {
        LiteMap::from_iter([
            (FieldCode(0), Acknowledged::Hashed(Fingerprint([9; 8]))),
            (FieldCode(2), Acknowledged::Clear(Redacted::new("x".to_owned()))),
            (FieldCode(300), Acknowledged::Unknown),
        ])
    }

    #[test]
    fn a_payload_comes_back_as_it_went() {
        assert_eq!(unpack_payload(&pack_payload(&payload())).expect("intact"), payload());
        let empty = Payload { key: ProviderKey("k".into()), values: WireValues::default() };
        assert_eq!(unpack_payload(&pack_payload(&empty)).expect("intact"), empty);
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
        for fields in [fields(), LiteMap::new()] {
            assert_eq!(unpack_fields(&pack_fields(&fields)).expect("intact"), fields);
        }
        let cut = pack_fields(&fields());
        assert!(unpack_fields(&cut[..cut.len() - 3]).is_err());
    }

    #[test]
    fn lists_of_fields_come_back_in_the_order_they_had() {
        for codes in [&[1, 2, 31][..], &[50, FieldCode::SUBSCRIPTIONS, u32::MAX], &[3, 1], &[1, 1], &[0]] {
            let codes: Vec<FieldCode> = codes.iter().copied().map(FieldCode).collect();
            let packed = pack_codes(&codes).expect("not empty");
            assert_eq!(unpack_codes(Some(&packed)).expect("intact"), codes);
        }
        assert!(pack_codes(&[]).is_none());
    }

    /// Until version 6 of the state everything was a postcard of its parts.
    #[test]
    fn what_earlier_versions_wrote_is_read() {
        let mut old = postcard::to_stdvec(&payload()).expect("serialises");
        old.extend(digest(&old.clone()));
        assert_eq!(unpack_payload(&old).expect("intact"), payload());
        for fields in [fields(), LiteMap::new()] {
            let kept: Vec<(u32, Kept)> =
                fields.iter().map(|(code, kept)| (code.0, kept.clone().into())).collect();
            assert_eq!(
                unpack_fields(&postcard::to_stdvec(&kept).expect("serialises")).expect("intact"),
                fields
            );
        }
        let codes = [FieldCode(1), FieldCode(900)];
        let old = postcard::to_stdvec(&codes[..]).expect("serialises");
        assert_eq!(unpack_codes(Some(&old)).expect("intact"), codes);
    }
}
