//! Keyed digests: what the state keeps instead of values.
//!
//! A plain hash of an e-mail address can be guessed by trying addresses; a keyed one cannot without the key, which
//! is kept apart from the state. SipHash-2-4 with a key of 128 bits: made for short messages, of which each customer has
//! three dozen, and given 64 bits, which is what is kept. What versions before 8 of the state kept is BLAKE3 in keyed
//! mode; it is compared, and no longer made. Everything else that needs the secret takes BLAKE3 too.

use std::fmt;

use siphasher::sip::SipHasher24;

use super::customer::CustomerId;
use super::provider::ProviderId;
use super::wire::{FieldCode, ProviderKey};

/// The digest of one delivered value: 64 bits over customer, provider, field and value. Each customer has dozens of them: as
/// numbers they go through registers, while bytes would be written and waited for each time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fingerprint {
    /// SipHash-2-4.
    Sip(u64),
    /// Keyed BLAKE3: from a state that was made before version 8. Its first bytes are the lowest.
    Blake(u64),
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<fingerprint>")
    }
}

/// Where the number of the field stands in a message, behind the provider's.
const FIELD: std::ops::Range<usize> = 1..5;
/// What most values with what stands before them fit into.
const MESSAGE_BYTES: usize = 128;

/// Makes fingerprints with one secret key.
#[derive(Clone)]
pub struct Fingerprinter {
    key: [u8; 32],
    values: SipHasher24,
}

impl fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprinter(<key>)")
    }
}

impl Fingerprinter {
    /// A fingerprinter with that key; the secret may have any length and is stretched to 256 bits.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let values = blake3::derive_key("crmsync 2026-11 delivered values, SipHash", secret);
        let (values, _) = values.split_first_chunk().expect("half of the key is 128 bits");
        Self {
            key: blake3::derive_key("crmsync 2026-11 delivered values", secret),
            values: SipHasher24::new_with_key(values),
        }
    }

    /// Names the key without giving it away, so that a state can refuse another one.
    #[must_use]
    pub fn key_identity(&self) -> [u8; 16] {
        let mut identity = [0; 16];
        identity.copy_from_slice(&blake3::keyed_hash(&self.key, b"key identity").as_bytes()[..16]);
        identity
    }

    /// For the values of one customer at one provider.
    #[must_use]
    pub fn of(&self, customer: &CustomerId, provider: ProviderId) -> Fingerprints<'_> {
        let id = customer.as_str().as_bytes();
        let mut message = Vec::with_capacity(MESSAGE_BYTES);
        message.extend([provider.number(); FIELD.end]);
        message.extend((id.len() as u64).to_le_bytes());
        message.extend(id);
        Fingerprints { maker: self, start: message.len(), message }
    }

    fn blake(&self, message: &[u8]) -> u64 {
        let digest = blake3::keyed_hash(&self.key, message);
        u64::from_le_bytes(*digest.as_bytes().first_chunk().expect("a digest has 32 bytes"))
    }

    /// Another secret, made from this one for one purpose and context.
    #[must_use]
    pub(super) fn derived(&self, purpose: &[u8], context: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(purpose.len() as u64).to_le_bytes());
        hasher.update(purpose);
        hasher.update(context);
        *hasher.finalize().as_bytes()
    }

    /// How the key of an account is recognised without keeping it.
    #[must_use]
    pub fn account_mark(&self, provider: ProviderId, key: &ProviderKey) -> [u8; 16] {
        let context = [&[provider.number()], key.0.as_bytes()].concat();
        let mut mark = [0; 16];
        mark.copy_from_slice(&self.derived(b"account: key", &context)[..16]);
        mark
    }

    /// How an erased customer is recognised without keeping the key.
    #[must_use]
    pub fn tombstone(&self, customer: &CustomerId) -> [u8; 16] {
        let mut key = blake3::Hasher::new_keyed(&self.key);
        key.update(b"record");
        key.update(b"crmsync tombstone of a customer.");
        let mut mark = [0; 16];
        let digest = blake3::keyed_hash(key.finalize().as_bytes(), customer.as_str().as_bytes());
        mark.copy_from_slice(&digest.as_bytes()[..16]);
        mark
    }
}

/// Makes the fingerprints of one customer's values at one provider.
pub struct Fingerprints<'a> {
    maker: &'a Fingerprinter,
    /// What is hashed: provider, field, length of the customer's key, the key, and from `start` on the value. It is laid
    /// out once, because that costs as much as the hashing of a value does.
    message: Vec<u8>,
    start: usize,
}

impl fmt::Debug for Fingerprints<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprints(<customer>)")
    }
}

impl Fingerprints<'_> {
    /// The digest of a value.
    #[must_use]
    pub fn value(&mut self, field: FieldCode, value: &str) -> Fingerprint {
        self.write(field, value);
        Fingerprint::Sip(self.maker.values.hash(&self.message))
    }

    /// Whether it is the digest of this value, however it was made.
    #[must_use]
    pub fn is_of(&mut self, print: Fingerprint, field: FieldCode, value: &str) -> bool {
        match print {
            Fingerprint::Sip(_) => print == self.value(field, value),
            Fingerprint::Blake(kept) => {
                self.write(field, value);
                kept == self.maker.blake(&self.message)
            }
        }
    }

    fn write(&mut self, FieldCode(field): FieldCode, value: &str) {
        self.message.truncate(self.start);
        self.message[FIELD].copy_from_slice(&field.to_le_bytes());
        self.message.extend_from_slice(value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_of_two_customers_do_not_look_alike() {
        let maker = Fingerprinter::new(b"key");
        let print = |id: &str, field| {
            let id = CustomerId::new(id).expect("valid");
            maker.of(&id, ProviderId::Lemonway).value(FieldCode(field), "same")
        };
        assert_eq!(print("1", 1), print("1", 1));
        assert_ne!(print("1", 1), print("2", 1));
        assert_ne!(print("1", 1), print("1", 2));
    }

    /// The message of a value of the customer "C1", written down once more.
    fn message_of_c1(provider: ProviderId, field: u8, value: &str) -> Vec<u8> {
        let start = [provider.number(), field, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
        [&start[..], b"C1", value.as_bytes()].concat()
    }

    /// Fingerprints stand in states.
    #[test]
    fn a_fingerprint_is_the_same_in_every_version() {
        let id = CustomerId::new("C1").expect("valid");
        let maker = Fingerprinter::new(b"key");
        let mut prints = maker.of(&id, ProviderId::Wsone);
        let print = prints.value(FieldCode(7), "a@example.org");
        let message = message_of_c1(ProviderId::Wsone, 7, "a@example.org");
        let sip = maker.values.hash(&message);
        assert_eq!((sip, print), (2_201_885_967_895_021_480, Fingerprint::Sip(sip)));
        let key = blake3::derive_key("crmsync 2026-11 delivered values", b"key");
        let old = u64::from_le_bytes(*blake3::keyed_hash(&key, &message).as_bytes().first_chunk().unwrap());
        let mut is = |print, value| prints.is_of(print, FieldCode(7), value);
        for print in [print, Fingerprint::Blake(old)] {
            assert!(is(print, "a@example.org") && !is(print, "b@example.org"));
        }
        assert!(!is(Fingerprint::Sip(old), "a@example.org"), "a digest counts only as what it is");
    }

    #[test]
    fn a_value_is_hashed_alike_whatever_was_hashed_before_it() {
        let id = CustomerId::new("C1").expect("valid");
        let maker = Fingerprinter::new(b"key");
        let mut prints = maker.of(&id, ProviderId::Lemonway);
        for length in [0, 1, 112, 113, 114, 5_000, 0, 7] {
            let value = "é".repeat(length / 2) + &"e".repeat(length % 2);
            let message = message_of_c1(ProviderId::Lemonway, 9, &value);
            let print = prints.value(FieldCode(9), &value);
            assert_eq!(print, Fingerprint::Sip(maker.values.hash(&message)), "{length}");
            let old = Fingerprint::Blake(maker.blake(&message));
            assert!(prints.is_of(old, FieldCode(9), &value), "{length}");
        }
    }

    #[test]
    fn another_key_has_another_identity() {
        let identity = |secret| Fingerprinter::new(secret).key_identity();
        assert_ne!(identity(b"a"), identity(b"b"));
        assert_eq!(identity(b"a"), identity(b"a"));
    }
}
