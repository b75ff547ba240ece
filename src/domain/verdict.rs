//! What an answer, or its absence, means for a call.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wire::FieldCode;

/// What happened to one request, as the provider's contract reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The provider's definite success.
    Accepted,
    /// 429, or 503 with Retry-After: the lane pauses, the call loses nothing.
    Throttled {
        /// How long the provider asked to wait, if it said so.
        retry_after: Option<Duration>,
    },
    /// Not a byte of the request can have been acted upon: connect, DNS or TLS failed.
    NotSent {
        /// What failed, without addresses or values.
        what: &'static str,
    },
    /// The provider says that it did not act, and that another try may succeed.
    Transient {
        /// The provider's code.
        code: AnswerCode,
    },
    /// It may have acted or not: cut, timeout, unreadable answer.
    Unknown {
        /// What makes it unknown.
        what: &'static str,
    },
    /// The provider did not act and will not, as long as the call is the same.
    Refused {
        /// The provider's code.
        code: AnswerCode,
        /// What can still be tried with this call.
        remedy: Remedy,
    },
    /// A create was refused because the account is there already.
    Exists {
        /// The provider's code.
        code: AnswerCode,
    },
    /// The account is not there; as an answer to a probe, half a proof.
    Missing {
        /// The provider's code.
        code: AnswerCode,
    },
    /// Credentials or permissions do not suffice.
    Denied {
        /// The provider's code or HTTP status.
        code: AnswerCode,
        /// A code in a body says so, which can also mean one bad value; a status cannot.
        by_body: bool,
    },
    /// The endpoint is not what the contract says: 3xx, 400, 404, 415.
    Contract {
        /// The HTTP status.
        code: AnswerCode,
        /// The status can also follow upon a request that was acted upon (303, 409).
        perhaps_applied: bool,
    },
}

impl Verdict {
    /// The word for it in events, rejects and histories.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Throttled { .. } => "throttled",
            Self::NotSent { .. } => "not_sent",
            Self::Transient { .. } => "transient",
            Self::Unknown { .. } => "unknown",
            Self::Refused { .. } => "refused",
            Self::Exists { .. } => "exists",
            Self::Missing { .. } => "missing",
            Self::Denied { .. } => "denied",
            Self::Contract { .. } => "contract",
        }
    }

    /// The code that goes with it; what failed, where the provider gave none.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Accepted => "",
            Self::Throttled { .. } => "throttled",
            Self::NotSent { what } | Self::Unknown { what } => what,
            Self::Transient { code }
            | Self::Refused { code, .. }
            | Self::Exists { code }
            | Self::Missing { code }
            | Self::Denied { code, .. }
            | Self::Contract { code, .. } => code.as_str(),
        }
    }

    /// The code that the provider gave.
    pub fn answer_code_mut(&mut self) -> Option<&mut AnswerCode> {
        match self {
            Self::Transient { code }
            | Self::Refused { code, .. }
            | Self::Exists { code }
            | Self::Missing { code }
            | Self::Denied { code, .. }
            | Self::Contract { code, .. } => Some(code),
            Self::Accepted | Self::Throttled { .. } | Self::NotSent { .. } | Self::Unknown { .. } => None,
        }
    }
}

/// What can still be done with a refused call before a person looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: it is parked.
    None,
    /// Once more, after the lane's other calls (Lemonway 204: two customers may swap addresses).
    OnceMoreLast,
    /// Once more with these fields alone; the rest stays refused (Lemonway 146: a verified wallet).
    OnlyFields(&'static [FieldCode]),
}

/// A provider's code as it may be shown: at most 40 letters, digits, `_`, `-` and `.` of ASCII. What is none is no code but
/// perhaps a message, with whatever it tells of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AnswerCode(String);

impl AnswerCode {
    const CHARS_MAX: usize = 40;
    /// What stands in the place of what must not be shown.
    pub const WITHHELD: &'static str = "code_withheld";

    /// Takes a code from an answer; [`WITHHELD`](Self::WITHHELD), where it is none, and empty, where nothing of it is visible.
    #[must_use]
    pub fn new(code: &str) -> Self {
        let visible = Self::visible(code);
        let is_code = visible == code.trim() || visible.is_empty();
        if is_code { Self(visible) } else { Self::withheld() }
    }

    /// The code in the place of one that must not be shown.
    #[must_use]
    pub fn withheld() -> Self {
        Self(Self::WITHHELD.to_owned())
    }

    /// What a code can consist of, and no more than it can be long.
    #[must_use]
    pub fn visible(text: &str) -> String {
        let visible = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        text.chars().filter(visible).take(Self::CHARS_MAX).collect()
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AnswerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The class that a table or the operator gives to a provider's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CodeClass {
    /// Parked until what would be sent changes, or a person releases it.
    Refused,
    /// Tried again later.
    Transient,
    /// Stops the lane: a person must look after credentials or permissions.
    Denied,
    /// The account is there already.
    Exists,
    /// The account is not there.
    Missing,
}

#[cfg(test)]
mod tests {
    use super::AnswerCode;

    #[test]
    fn a_code_lets_nothing_but_a_code_through() {
        assert_eq!(AnswerCode::new(" AUTH_001\n").as_str(), "AUTH_001");
        let long = "9".repeat(99);
        for message in ["jeanne@example.org\n\u{202e}", "BAD NAME Petit", "10/1", &long] {
            assert_eq!(AnswerCode::new(message).as_str(), AnswerCode::WITHHELD, "{message}");
        }
        assert_eq!(AnswerCode::new(" \u{202e} ").as_str(), "");
    }
}
