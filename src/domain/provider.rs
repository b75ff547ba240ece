//! The three providers, by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A system that holds accounts of our customers and receives calls.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ProviderId {
    /// The loyalty platform: createPerson and updatePerson.
    Wsone,
    /// The payment institution: `UpdateWalletDetails`.
    Lemonway,
    /// Direct debits: `edit_consumer`.
    Safedebit,
}

impl ProviderId {
    /// All providers, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Wsone, Self::Lemonway, Self::Safedebit];

    /// The name used in configuration, reports, logs and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wsone => "wsone",
            Self::Lemonway => "lemonway",
            Self::Safedebit => "safedebit",
        }
    }

    /// The number under which the state file knows this provider. Never reused.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Wsone => 1,
            Self::Lemonway => 2,
            Self::Safedebit => 3,
        }
    }

    /// The provider with that [`number`](Self::number), if there is one.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.number() == number)
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no provider's.
#[derive(Debug, thiserror::Error)]
#[error("unknown provider `{0}`, expected wsone, lemonway or safedebit")]
pub struct UnknownProvider(String);

impl FromStr for ProviderId {
    type Err = UnknownProvider;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.name() == name)
            .ok_or_else(|| UnknownProvider(name.to_owned()))
    }
}
