//! What stands before a comparison: the account, and the call that is still to reach it.

use super::account::Account;
use super::call::{CallId, HoldReason, Payload};
use super::clock::Timestamp;
use super::lifecycle::Life;
use super::wire::{FieldCode, ProviderKey};

/// The call that stands between the account and the new values: the open one, or the parked one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its number.
    pub id: CallId,
    /// Where it stands. Never `in_flight` where it is compared: recovery has run.
    pub life: Life,
    /// Not before this time.
    pub due: Timestamp,
    /// Whether it waits for a late request to land.
    pub settling: bool,
    /// The last answer to it was that nobody is there.
    pub missing: bool,
    /// What it carries.
    pub payload: Payload,
}

impl Standing {
    /// Whether it is held because a record says something else that did not take its place.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        self.life.hold == Some(HoldReason::Overtaken)
    }
}

/// Why a provider gets nothing of a customer: the key that the newest record has for it was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnedAway {
    /// This part of it is not valid.
    Invalid(FieldCode),
    /// It is valid, and came while a call under another one was not settled.
    TooEarly(FieldCode),
}

impl TurnedAway {
    /// The part of the key.
    #[must_use]
    pub fn part(self) -> FieldCode {
        match self {
            Self::Invalid(part) | Self::TooEarly(part) => part,
        }
    }
}

/// Which account the newest record of a customer names, by a keyed digest of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// None: the CRM has taken the key back.
    Nobody,
    /// This one.
    Account([u8; 16]),
}

/// What is known before the comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// The account, once the customer took part at this provider.
    pub account: Option<Account>,
    /// The open or parked call.
    pub standing: Option<Standing>,
    /// The newest record that has the key names another account than that of the call that stands, or else than the known one,
    /// or none.
    pub other_key: bool,
    /// Fields that were left out at the last comparison; only where it matters.
    pub left_out: Vec<FieldCode>,
}

impl Before {
    /// The customer's account under another key than this one: a call there was acknowledged, or one of unknown outcome may
    /// have reached it and a call still stands. Not where a person ended that call.
    #[must_use]
    pub fn account_elsewhere(&self, key: Option<&ProviderKey>) -> Option<&Account> {
        let account = self.account.as_ref().filter(|account| key != Some(&account.key));
        account.filter(|account| account.known || self.standing.is_some() && account.may_exist())
    }
}
