//! A call: one change of one customer for one provider, from the outbox to its end.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::wire::{ProviderKey, WireValues};

/// The number of a call in the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId(pub i64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a call does at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// createPerson: not idempotent.
    Create,
    /// updatePerson, `UpdateWalletDetails`, `edit_consumer`: idempotent.
    Update,
}

impl Operation {
    /// The word for it in reports, events and the state.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All of them, in the order of their life.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it in the state, in reports and on the screen.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The one with that [`name`](Self::name).
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|item| item.name() == name)
            }
        }
    };
}

named! {
    /// Where a call stands.
    State {
        /// Ready to be sent.
        Queued = "queued",
        /// To be sent again, not before its time.
        Waiting = "waiting",
        /// Leased: its bytes may be on their way.
        InFlight = "in_flight",
        /// A create with an unknown outcome, which a probe will find out.
        Probing = "probing",
        /// Waits for a person.
        Held = "held",
        /// The provider's success is committed.
        Acknowledged = "acknowledged",
        /// Parked until what would be sent changes, or a person releases it.
        Refused = "refused",
        /// A newer value took its place.
        Superseded = "superseded",
        /// A person gave it up.
        Abandoned = "abandoned",
        /// Its customer was erased.
        Forgotten = "forgotten",
    }
}

impl State {
    /// Open calls still have something to do; there is at most one for a customer and provider.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Queued | Self::Waiting | Self::InFlight | Self::Probing | Self::Held => true,
            Self::Acknowledged | Self::Refused | Self::Superseded | Self::Abandoned | Self::Forgotten => {
                false
            }
        }
    }
}

named! {
    /// Why a call waits for a person.
    HoldReason {
        /// The key of a known customer's account changed: another person, perhaps.
        KeyChanged = "key_changed",
        /// Two customers have one key.
        DuplicateKey = "duplicate_key",
        /// It was queued when the state was put back from a backup, and the complete input since does not say it too.
        Restored = "restored",
        /// The record of its customer says something else by now, and nothing of that took its place: the provider is switched off,
        /// or the customer is not sent at all.
        Overtaken = "overtaken",
        /// It was in flight at three crashes.
        Crashed = "crashed",
        /// Its outcome was unknown in three runs.
        Unknown = "unknown",
        /// A probe was refused for something that proves nothing about the create.
        ProbeRefused = "probe_refused",
        /// A body code claims a denial although the lane works: one bad value, perhaps.
        DeniedByCode = "denied_by_code",
        /// Refused after an unknown outcome: the refusal may be the echo of its own success.
        RefusedAfterUnknown = "refused_after_unknown",
    }
}

impl HoldReason {
    /// Whether the next record of the customer decides anew, because the reason lies in what the CRM says.
    #[must_use]
    pub fn is_judged_anew(self) -> bool {
        matches!(self, Self::KeyChanged | Self::DuplicateKey | Self::Overtaken)
    }
}

/// What a call carries while it is open or parked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The account it is for.
    pub key: ProviderKey,
    /// The values to be sent.
    pub values: WireValues,
}
