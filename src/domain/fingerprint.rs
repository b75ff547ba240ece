//! Keyed digests: what the state keeps instead of values.
//!
//! A plain hash of an e-mail address can be guessed by trying addresses; a keyed one cannot without the key, which
//! is kept apart from the state. BLAKE3 in keyed mode.

use std::fmt;

use super::customer::CustomerId;
use super::provider::ProviderId;
use super::wire::FieldCode;

/// The digest of one delivered value: 64 bits of keyed BLAKE3 over customer, provider, field and value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 8]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<fingerprint>")
    }
}

/// What is hashed for most values takes no more, and so no allocation.
const MESSAGE_BYTES: usize = 192;

/// Makes fingerprints with one secret key.
#[derive(Clone)]
pub struct Fingerprinter {
    key: [u8; 32],
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
        Self { key: blake3::derive_key("crmsync 2026-11 delivered values", secret) }
    }

    /// Names the key without giving it away, so that a state can refuse another one.
    #[must_use]
    pub fn key_identity(&self) -> [u8; 16] {
        let mut identity = [0; 16];
        identity.copy_from_slice(&blake3::keyed_hash(&self.key, b"key identity").as_bytes()[..16]);
        identity
    }

    /// The digest of a value as this provider holds it for this customer.
    #[must_use]
    pub fn value(
        &self,
        customer: &CustomerId,
        provider: ProviderId,
        field: FieldCode,
        value: &str,
    ) -> Fingerprint {
        let id = customer.as_str().as_bytes();
        let (number, code) = ([provider.number()], field.0.to_le_bytes());
        let id_length = (id.len() as u64).to_le_bytes();
        let parts: [&[u8]; 5] = [&number, &code, &id_length, id, value.as_bytes()];
        let length = parts.iter().map(|part| part.len()).sum();
        // In one piece: a hasher that takes it piece by piece costs more than the hashing of a value does.
        let mut place = [0; MESSAGE_BYTES];
        let hash = match place.get_mut(..length) {
            Some(message) => {
                let mut rest = &mut *message;
                for part in parts {
                    let (place, behind) = rest.split_at_mut(part.len());
                    place.copy_from_slice(part);
                    rest = behind;
                }
                blake3::keyed_hash(&self.key, message)
            }
            None => blake3::keyed_hash(&self.key, &parts.concat()),
        };
        let mut digest = [0; 8];
        digest.copy_from_slice(&hash.as_bytes()[..8]);
        Fingerprint(digest)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_of_two_customers_do_not_look_alike() {
        let maker = Fingerprinter::new(b"key");
        let print = |id: &str, field| {
            let id = CustomerId::new(id).expect("valid");
            maker.value(&id, ProviderId::Lemonway, FieldCode(field), "same")
        };
        assert_eq!(print("1", 1), print("1", 1));
        assert_ne!(print("1", 1), print("2", 1));
        assert_ne!(print("1", 1), print("1", 2));
    }

    /// Fingerprints stand in states of earlier versions.
    #[test]
    fn a_fingerprint_is_the_same_in_every_version() {
        let id = CustomerId::new("C1").expect("valid");
        let print = Fingerprinter::new(b"key").value(&id, ProviderId::Wsone, FieldCode(7), "a@example.org");
        let mut hasher =
            blake3::Hasher::new_keyed(&blake3::derive_key("crmsync 2026-11 delivered values", b"key"));
        hasher.update(&[ProviderId::Wsone.number()]).update(&[7, 0, 0, 0]).update(&[2, 0, 0, 0, 0, 0, 0, 0]);
        hasher.update(b"C1").update(b"a@example.org");
        assert_eq!(print.0, hasher.finalize().as_bytes()[..8]);
    }

    #[test]
    fn values_of_all_lengths_are_hashed_whole() {
        let (maker, id) = (Fingerprinter::new(b"key"), CustomerId::new("C1").expect("valid"));
        let value = "é".repeat(300);
        for length in (0..value.len()).filter(|length| value.is_char_boundary(*length)) {
            let (value, _) = value.split_at(length);
            let mut message = vec![ProviderId::Wsone.number(), 7, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
            message.extend_from_slice(b"C1");
            message.extend_from_slice(value.as_bytes());
            let print = maker.value(&id, ProviderId::Wsone, FieldCode(7), value);
            assert_eq!(print.0, blake3::keyed_hash(&maker.key, &message).as_bytes()[..8], "{length}");
        }
    }

    #[test]
    fn another_key_has_another_identity() {
        let identity = |secret| Fingerprinter::new(secret).key_identity();
        assert_ne!(identity(b"a"), identity(b"b"));
        assert_eq!(identity(b"a"), identity(b"a"));
    }
}
