//! Digests of what decides how records are read and sent: where one is another than before, records count as changed.

/// A BLAKE3 digest of texts, each with its length before it, so that no two lists of texts look alike.
#[derive(Debug, Clone)]
pub struct SettingsDigest(blake3::Hasher);

impl SettingsDigest {
    /// A digest of nothing yet. The purpose, with date and program, keeps digests of different kinds apart.
    #[must_use]
    pub fn new(purpose: &'static str) -> Self {
        Self(blake3::Hasher::new_derive_key(purpose))
    }

    /// Adds a text.
    pub fn add(&mut self, text: &str) -> &mut Self {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }

    /// Adds bytes that are always as many in this place, which need no length.
    pub fn add_fixed(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// The digest of all that was added.
    #[must_use]
    pub fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(texts: &[&str]) -> [u8; 32] {
        let mut digest = SettingsDigest::new("crmsync test");
        texts.iter().for_each(|text| _ = digest.add(text));
        digest.finish()
    }

    #[test]
    fn lists_of_texts_that_read_alike_when_joined_have_different_digests() {
        let lists = [&["ab", "c"][..], &["a", "bc"], &["abc"], &["abc", ""], &["", "abc"]];
        for (index, list) in lists.iter().enumerate() {
            assert!(lists[..index].iter().all(|other| digest(other) != digest(list)), "{list:?}");
        }
    }

    /// It stands in states.
    #[test]
    fn a_digest_is_the_same_in_every_version() {
        let mut expected = blake3::Hasher::new_derive_key("crmsync test");
        expected.update(b"\x02\0\0\0\0\0\0\0ab\x07");
        let mut digest = SettingsDigest::new("crmsync test");
        assert_eq!(digest.add("ab").add_fixed(&[7]).finish(), *expected.finalize().as_bytes());
    }
}
