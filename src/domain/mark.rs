//! Marks: what is remembered of a customer's last accepted record, so that an unchanged one goes no further.
//!
//! A mark says whose record it was, what its bytes were, and what it meant, in keyed hashes of 128 bits each. Whoever
//! writes the CRM's file can choose records but not the key, and so cannot make two of them look alike; and the marks of
//! a stolen state cannot be guessed by trying keys of customers. The hash is `HighwayHash`, frozen and the same on every
//! machine: of a record of 290 bytes it takes a fifth of the time of keyed BLAKE3.

use std::borrow::Cow;
use std::fmt;

use highway::{HighwayHash, HighwayHasher, Key};
use unicode_normalization::UnicodeNormalization;

use super::fingerprint::Fingerprinter;

/// Up to so many characters a word holds which of them are capitals.
const MASK_BITS: usize = 64;

/// A digest of 128 bits.
pub type Digest = [u8; 16];

/// The digest of no record: whoever has it is compared again at the next input.
pub const NO_RECORD: Digest = [0; 16];

/// Stands for a customer's key. The first half is of the key without case, spaces and Unicode form, so that keys that
/// look alike stand side by side when they are sorted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyMark(pub Digest);

impl KeyMark {
    /// The bucket that it belongs to.
    #[must_use]
    pub fn bucket(self) -> u8 {
        self.0[0]
    }

    /// What comes behind the bucket: spread evenly, in the order of the marks.
    #[must_use]
    pub fn spread(self) -> u32 {
        let [_, a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }

    /// Whether the two keys differ only in case, spaces or Unicode form, if at all.
    #[must_use]
    pub fn looks_like(self, other: Self) -> bool {
        self.0[..8] == other.0[..8]
    }
}

impl fmt::Debug for KeyMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<mark>")
    }
}

/// What is remembered of one customer's last accepted record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Whose.
    pub key: KeyMark,
    /// The record as it was written, with the settings it was read with.
    pub record: Digest,
    /// What it said, however it was written, with the settings that decide what becomes of that.
    pub meaning: Digest,
}

impl Mark {
    /// Of a customer whose next record is compared, whatever it is.
    #[must_use]
    pub fn unread(key: KeyMark) -> Self {
        Self { key, record: NO_RECORD, meaning: NO_RECORD }
    }
}

/// Makes marks with the secret of one state.
#[derive(Clone)]
pub struct Marker {
    exact: Key,
    folded: Key,
    fingerprinter: Fingerprinter,
}

impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marker(<key>)")
    }
}

impl Marker {
    /// The marker of the state that has this fingerprinter.
    #[must_use]
    pub fn new(fingerprinter: &Fingerprinter) -> Self {
        let key = |what: &[u8]| words(fingerprinter.derived(what, &[]));
        Self {
            exact: key(b"mark: key"),
            folded: key(b"mark: key, folded"),
            fingerprinter: fingerprinter.clone(),
        }
    }

    /// The mark of a customer's key in its normal form.
    #[must_use]
    pub fn key(&self, id: &str) -> KeyMark {
        if let Some((folded, capitals)) = folded_in_place(id, &mut [0; MASK_BITS]) {
            // One hash instead of two: among keys that look alike the capitals alone tell them apart, exactly.
            let [folded, exact] = HighwayHasher::new(self.folded).hash128(folded);
            return KeyMark(digest([folded, exact ^ capitals]));
        }
        let folded = HighwayHasher::new(self.folded).hash128(folded(id).as_bytes())[0];
        let exact = HighwayHasher::new(self.exact).hash64(id.as_bytes());
        KeyMark(digest([folded, exact]))
    }

    /// Makes the digests of records that are read in one context (settings and header); another context changes every
    /// one of them.
    #[must_use]
    pub fn records(&self, context: &[u8; 32]) -> RecordMarker {
        RecordMarker(words(self.fingerprinter.derived(b"mark: record", context)))
    }

    /// Makes the digests of what records mean, read and sent under one context (the settings that decide about it).
    #[must_use]
    pub fn meanings(&self, context: &[u8; 32]) -> RecordMarker {
        RecordMarker(words(self.fingerprinter.derived(b"mark: meaning", context)))
    }
}

/// Makes digests of records that are read in one context.
#[derive(Clone)]
pub struct RecordMarker(Key);

impl fmt::Debug for RecordMarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordMarker(<key>)")
    }
}

impl RecordMarker {
    /// The digest of a record's bytes without its line end.
    #[must_use]
    pub fn record(&self, bytes: &[u8]) -> Digest {
        digest(HighwayHasher::new(self.0).hash128(bytes))
    }
}

fn digest(halves: [u64; 2]) -> Digest {
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&halves[0].to_be_bytes());
    digest[8..].copy_from_slice(&halves[1].to_be_bytes());
    digest
}

fn words(key: [u8; 32]) -> Key {
    let (words, _) = key.as_chunks::<8>();
    let mut four = [0; 4];
    for (word, bytes) in four.iter_mut().zip(words) {
        *word = u64::from_le_bytes(*bytes);
    }
    Key(four)
}

/// Short keys of ASCII without spaces: in small letters, and a bit for each that was a capital, the last one in the
/// lowest.
fn folded_in_place<'b>(id: &str, buffer: &'b mut [u8; MASK_BITS]) -> Option<(&'b [u8], u64)> {
    // What stands behind the key is a letter, so that it can be looked at with it, and a small one.
    *buffer = [b'a'; MASK_BITS];
    buffer.get_mut(..id.len())?.copy_from_slice(id.as_bytes());
    let (words, _) = buffer.as_chunks_mut::<8>();
    let mut capitals: u64 = 0;
    for (word, shift) in words.iter_mut().take(id.len().div_ceil(8)).zip((0..MASK_BITS - 7).rev().step_by(8))
    {
        let letters = u64::from_be_bytes(*word);
        let graphic = at_least(letters, b'!') & !at_least(letters, b'~' + 1);
        if (letters | !graphic) & HIGHEST != 0 {
            return None;
        }
        let upper = at_least(letters, b'A') & !at_least(letters, b'Z' + 1) & HIGHEST;
        *word = (letters | upper >> 2).to_be_bytes();
        capitals |= gathered(upper) << shift;
    }
    let behind = u32::try_from(MASK_BITS - id.len()).ok()?;
    Some((&buffer[..id.len()], capitals.checked_shr(behind)?))
}

/// The highest bit of each of eight bytes.
const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);

/// Sets the highest bit of each of eight bytes of ASCII that is not less than `least`; the other bits say nothing.
fn at_least(bytes: u64, least: u8) -> u64 {
    bytes.wrapping_add(u64::from_ne_bytes([0x80 - least; 8]))
}

/// The highest bits of eight bytes side by side, in their order.
fn gathered(highest: u64) -> u64 {
    (highest >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// A key without what people do not see: case, spaces, the Unicode form.
fn folded(key: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
    if key.bytes().all(is_plain) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(key.nfkc().flat_map(char::to_lowercase).filter(|letter| !letter.is_whitespace()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker() -> Marker {
        Marker::new(&Fingerprinter::new(b"a secret of a test"))
    }

    #[test]
    fn case_spaces_and_unicode_forms_look_alike() {
        let marker = marker();
        for (one, two) in [("C 12", "c12"), ("É1", "é1"), ("ﬁ", "FI"), ("Ａ1", "a1"), ("a\u{a0}b", "ab")]
        {
            let (one, two) = (marker.key(one), marker.key(two));
            assert!(one.looks_like(two) && one != two);
        }
        for (one, two) in [("c12", "c-12"), ("e1", "é1"), ("01", "1")] {
            assert!(!marker.key(one).looks_like(marker.key(two)));
        }
    }

    #[test]
    fn marks_stay_the_same_over_time() {
        // They stand in states: whoever changes them makes every record of every state count as changed.
        let marker = marker();
        assert_eq!(hex(&marker.key("C00000001").0), "01edc1f02d7f971a7a5c5dc24e166213");
        assert_eq!(hex(&marker.records(&[7; 32]).record(b"C1;a;b")), "80e55f70ae43f096c21d1038db48dc44");
    }

    #[test]
    fn a_key_is_folded_eight_letters_at_once_as_it_would_be_letter_by_letter() {
        let by_letter = |id: &str| {
            let is_short = id.len() <= MASK_BITS && id.bytes().all(|byte| byte.is_ascii_graphic());
            let capital = |mask, byte: u8| mask << 1 | u64::from(byte.is_ascii_uppercase());
            is_short.then(|| (id.to_ascii_lowercase().into_bytes(), id.bytes().fold(0, capital)))
        };
        let folded = |id: &str| {
            folded_in_place(id, &mut [0; MASK_BITS]).map(|(folded, capitals)| (folded.to_vec(), capitals))
        };
        let letters: Vec<char> = ('\0'..='\u{ff}').collect();
        for length in 1..=MASK_BITS + 1 {
            // Every letter at every place, beside capitals and beside small ones.
            for (number, letter) in letters.iter().enumerate() {
                let mut id: Vec<char> = (0..length).map(|at| if at % 3 == 0 { 'Z' } else { 'm' }).collect();
                id[number % length] = *letter;
                let id: String = id.into_iter().collect();
                assert_eq!(folded(&id), by_letter(&id), "{id:?}");
            }
        }
        assert_eq!(folded(&"Ab".repeat(32)).map(|(_, capitals)| capitals), Some(0xaaaa_aaaa_aaaa_aaaa));
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn another_context_secret_or_byte_is_another_record() {
        let digest = |secret: &[u8], context, bytes: &[u8]| {
            Marker::new(&Fingerprinter::new(secret)).records(&[context; 32]).record(bytes)
        };
        let one = digest(b"s", 1, b"a;b");
        assert_eq!(one, digest(b"s", 1, b"a;b"));
        for other in [digest(b"t", 1, b"a;b"), digest(b"s", 2, b"a;b"), digest(b"s", 1, b"a;;b")] {
            assert_ne!(one, other);
        }
    }
}
