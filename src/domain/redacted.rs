//! A wrapper that keeps personal data out of every `Debug` and log line.

use std::fmt;

/// Holds a value that must not be printed. `Debug` shows only that something is there.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Uncovers the value, for the places that are meant to have it: requests, 0600 files, the state.
    pub fn reveal(&self) -> &T {
        &self.0
    }

    /// Takes the value out, for the same places.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

#[cfg(test)]
mod tests {
    use super::Redacted;

    #[test]
    fn debug_shows_nothing_of_the_value() {
        assert_eq!(format!("{:?}", Redacted::new("jeanne@example.org")), "<redacted>");
    }
}
