//! Compact bytes for payloads and acknowledged fields.
//!
//! A payload is followed by a digest that is verified before the payload is used, so that a flipped bit is never
//! sent to a provider. Which fields there are is written as bits (see [`Codes`]), what belongs to them behind. What earlier
//! versions wrote is read as well: that begins with a length, and nothing that has the length 0 was written, but for
//! an account without fields. Until version 8 of the state the digest of a payload was BLAKE3, and of a value too.

use std::iter;

use highway::{HighwayHash, HighwayHasher, Key};
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
/// How many fields most accounts have at most.
const FIELDS: usize = 32;
/// What most lists of fields take at most.
const CODES_BYTES: usize = 16;
/// What most payloads take at most.
const PAYLOAD_BYTES: usize = 512;
/// The first byte of what is written with [`Codes`].
const BY_BITS: u8 = 0;
/// Stands in the place of the first kept value, where all of them are fingerprints of today: nothing but these is behind.
const ALL_PRINTS: u8 = 0xff;
/// Lengths below this one are a byte.
const ONE_BYTE: u8 = 0x80;
const NEVER: &str = "numbers, bytes and texts always serialise";

/// Every kind has kept its number since the first version.
#[derive(Serialize, Deserialize)]
enum Kept {
    Blake([u8; 8]),
    Clear(String),
    Unknown,
    Sip([u8; 8]),
}

impl From<Acknowledged> for Kept {
    fn from(value: Acknowledged) -> Self {
        match value {
            Acknowledged::Hashed(Fingerprint::Sip(print)) => Self::Sip(print.to_le_bytes()),
            Acknowledged::Hashed(Fingerprint::Blake(print)) => Self::Blake(print.to_le_bytes()),
            Acknowledged::Clear(text) => Self::Clear(text.into_inner()),
            Acknowledged::Unknown => Self::Unknown,
        }
    }
}

impl From<Kept> for Acknowledged {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Sip(print) => Self::Hashed(Fingerprint::Sip(u64::from_le_bytes(print))),
            Kept::Blake(print) => Self::Hashed(Fingerprint::Blake(u64::from_le_bytes(print))),
            Kept::Clear(text) => Self::Clear(Redacted::new(text)),
            Kept::Unknown => Self::Unknown,
        }
    }
}

/// Fields in ascending order: a bit for each that a table has, a number for each subscription.
#[derive(Default, Serialize, Deserialize)]
struct Codes {
    bits: u64,
    beyond: Vec<u32>,
}

impl Codes {
    fn of(codes: impl Iterator<Item = FieldCode>) -> Self {
        let mut packed = Self::default();
        codes.for_each(|code| packed.add(code));
        packed
    }

    fn add(&mut self, FieldCode(code): FieldCode) {
        match 1_u64.checked_shl(code) {
            Some(bit) => self.bits |= bit,
            // Identifiers of subscriptions are small.
            None => self.beyond.push(code.wrapping_sub(FieldCode::SUBSCRIPTIONS)),
        }
    }

    fn iter(&self) -> impl Iterator<Item = FieldCode> + '_ {
        let mut bits = self.bits;
        let bits = iter::from_fn(move || {
            let code = (bits != 0).then(|| bits.trailing_zeros())?;
            bits &= bits - 1;
            Some(code)
        });
        let beyond = self.beyond.iter().map(|id| id.wrapping_add(FieldCode::SUBSCRIPTIONS));
        bits.chain(beyond).map(FieldCode)
    }

    fn count(&self) -> usize {
        self.bits.count_ones() as usize + self.beyond.len()
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
    pack_kept(fields.iter().map(|(&field, kept)| (field, kept.clone())))
}

/// Packs what a provider acknowledged: fields in ascending order, each with what is kept of it.
pub(super) fn pack_kept(all: impl Iterator<Item = (FieldCode, Acknowledged)>) -> Vec<u8> {
    let mut codes = Codes::default();
    let (mut prints, mut kinds) = (Vec::with_capacity(FIELDS), Vec::new());
    for (field, one) in all {
        codes.add(field);
        match one {
            Acknowledged::Hashed(Fingerprint::Sip(print)) if kinds.is_empty() => {
                prints.push(print.to_le_bytes());
            }
            one => {
                kinds.extend(prints.drain(..).map(Kept::Sip));
                kinds.push(Kept::from(one));
            }
        }
    }
    if codes.count() == 0 {
        return vec![BY_BITS];
    }
    let prints = prints.as_flattened();
    let mut bytes = codes.append_to(Vec::with_capacity(CODES_BYTES + prints.len()));
    if kinds.is_empty() {
        bytes.push(ALL_PRINTS);
        bytes.extend_from_slice(prints);
        return bytes;
    }
    kinds.iter().fold(bytes, |bytes, kept| append(kept, bytes))
}

/// Packs what is kept of delivered values.
pub(super) fn pack_delivered(values: &WireValues, keeper: &mut Keeper<'_>) -> Vec<u8> {
    pack_kept(values.iter().map(|(field, value)| (field, keeper.keep(field, value))))
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
    let Some(prints) = rest.strip_prefix(&[ALL_PRINTS]) else {
        let mut fields = LiteMap::with_capacity(codes.count());
        for code in codes.iter() {
            wire::put(&mut fields, code, take::<Kept>(&mut rest).ok_or_else(damaged)?.into());
        }
        return Ok(fields);
    };
    let (prints, cut) = prints.as_chunks();
    let mut fields = Vec::with_capacity(codes.count());
    let kept = prints.iter().map(|&print| Acknowledged::Hashed(Fingerprint::Sip(u64::from_le_bytes(print))));
    fields.extend(codes.iter().zip(kept));
    let ascend = fields.is_sorted_by(|(one, _), (next, _)| one < next);
    if prints.len() != codes.count() || !cut.is_empty() || !ascend {
        return Err(damaged());
    }
    Ok(LiteMap::from_sorted_store_unchecked(fields))
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
    if digest(body) != stored && blake_digest(body) != stored {
        return Err(damaged());
    }
    let Some((codes, mut rest)) = Codes::take(body) else {
        return postcard::from_bytes(body).map_err(|_| damaged());
    };
    let key: ProviderKey = take(&mut rest).ok_or_else(damaged)?;
    let mut values = LiteMap::with_capacity(codes.count());
    for code in codes.iter() {
        wire::put(&mut values, code, SmolStr::new(take_text(&mut rest).ok_or_else(damaged)?));
    }
    Ok(Payload { key, values: WireValues(values) })
}

/// Against bits that flip, not against people: its key is no secret.
fn digest(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    HighwayHasher::new(Key::default()).hash64(bytes).to_le_bytes()
}

/// The digest that payloads had before version 8.
fn blake_digest(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
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

/// Takes a text: by hand, because there are so many of them.
fn take_text<'b>(bytes: &mut &'b [u8]) -> Option<&'b str> {
    let (length, rest) = match bytes.split_first()? {
        (short @ 0..ONE_BYTE, rest) => (usize::from(*short), rest),
        _ => postcard::take_from_bytes(bytes).ok()?,
    };
    let (text, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
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

    /// Fields of every kind, of fingerprints of today alone, of one before another kind, and none.
    fn all_fields() -> [LiteMap<FieldCode, Acknowledged>; 4] {
        let sip = |byte| Acknowledged::Hashed(Fingerprint::Sip(u64::from_le_bytes([byte; 8])));
        let blake = Acknowledged::Hashed(Fingerprint::Blake(u64::from_le_bytes([9; 8])));
        let clear = Acknowledged::Clear(Redacted::new("x".to_owned()));
        let fields = |fields: Vec<(u32, Acknowledged)>| {
            fields.into_iter().map(|(code, kept)| (FieldCode(code), kept)).collect()
        };
        [
            fields(vec![(0, blake), (2, clear), (3, sip(7)), (300, Acknowledged::Unknown)]),
            fields(vec![(1, sip(0)), (5, sip(0xff)), (FieldCode::SUBSCRIPTIONS + 3, sip(3))]),
            fields(vec![(1, sip(1)), (2, sip(2)), (4, Acknowledged::Unknown), (6, sip(3))]),
            fields(vec![]),
        ]
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
        for fields in all_fields() {
            assert_eq!(unpack_fields(&pack_fields(&fields)).expect("intact"), fields);
        }
        let [many_kinds, prints, ..] = all_fields().map(|fields| pack_fields(&fields));
        assert!(unpack_fields(&many_kinds[..many_kinds.len() - 1]).is_err());
        for cut in 1..=prints.len() - 4 {
            assert!(unpack_fields(&prints[..prints.len() - cut]).is_err(), "{cut}");
        }
    }

    /// What reads them relies on their order.
    #[test]
    fn acknowledged_fields_out_of_their_order_are_damage() {
        let packed = |beyond: &[u32]| {
            let codes = Codes { bits: 0b10, beyond: beyond.to_vec() };
            let mut bytes = codes.append_to(Vec::new());
            bytes.push(ALL_PRINTS);
            bytes.extend([7; 3 * 8]);
            bytes
        };
        assert!(unpack_fields(&packed(&[1, 3])).is_ok());
        assert!(unpack_fields(&packed(&[3, 1])).is_err());
        assert!(unpack_fields(&packed(&[3, 3])).is_err());
    }

    #[test]
    fn fingerprints_alone_take_eight_bytes_each() {
        let fields: LiteMap<_, _> =
            (1..11).map(|code| (FieldCode(code), Acknowledged::Hashed(Fingerprint::Sip(5)))).collect();
        assert_eq!(pack_fields(&fields).len(), 1 + 2 + 1 + 1 + 10 * 8);
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

    /// Until version 6 of the state everything was a postcard of its parts, and until version 7 every digest BLAKE3.
    #[test]
    fn what_earlier_versions_wrote_is_read() {
        let mut old = postcard::to_stdvec(&payload()).expect("serialises");
        old.extend(blake_digest(&old.clone()));
        assert_eq!(unpack_payload(&old).expect("intact"), payload());
        let mut packed = pack_payload(&payload());
        packed.truncate(packed.len() - DIGEST_BYTES);
        packed.extend(blake_digest(&packed.clone()));
        assert_eq!(unpack_payload(&packed).expect("intact"), payload());
        for fields in all_fields() {
            let kept: Vec<(u32, Kept)> =
                fields.iter().map(|(code, kept)| (code.0, kept.clone().into())).collect();
            assert_eq!(
                unpack_fields(&postcard::to_stdvec(&kept).expect("serialises")).expect("intact"),
                fields
            );
        }
        // Version 7: a bit for field 2 of 64, and its digest of BLAKE3.
        let seven = unpack_fields(&[0, 0b100, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]).expect("intact");
        let blake = Acknowledged::Hashed(Fingerprint::Blake(u64::from_le_bytes([1, 2, 3, 4, 5, 6, 7, 8])));
        assert_eq!(seven, LiteMap::from_iter([(FieldCode(2), blake)]));
        let codes = [FieldCode(1), FieldCode(900)];
        let old = postcard::to_stdvec(&codes[..]).expect("serialises");
        assert_eq!(unpack_codes(Some(&old)).expect("intact"), codes);
    }

    /// Payloads stand in states.
    #[test]
    fn the_digest_of_a_payload_is_the_same_in_every_version() {
        assert_eq!(digest(b"a payload"), [167, 67, 111, 44, 28, 247, 33, 32]);
    }
}
