//! Who else has an account: what the state knows of customers whom this input does not compare. What several customers of
//! the input itself claim is compared at the end, see [`super::claims`].

use crate::domain::call::{HoldReason, State};
use crate::domain::customer::CustomerNumber;
use crate::domain::provider::ProviderId;
use crate::domain::wire::ProviderKey;
use crate::store::{OtherKey, StoreError};

use super::apply::{Apply, Turn};
use super::claims::ClaimedCall;
use super::judge::{Judged, leaving};

impl Apply<'_> {
    /// Why a call has to wait for a person, once it is known who else has its key; `hold` is what the comparison says.
    /// And whether somebody is known to exist under that key, where that is asked.
    pub(super) fn weigh(
        &mut self,
        turn: &Turn<'_>,
        provider: ProviderId,
        judged: &Judged,
        key: &ProviderKey,
        hold: Option<HoldReason>,
    ) -> Result<(Option<HoldReason>, bool), StoreError> {
        match hold {
            // A person has said whose account it is.
            None if judged.is_moved() => Ok((None, false)),
            None if judged.known => Ok((self.sharer(turn, provider, key)?, false)),
            None => self.rival(turn, provider, key),
            // Whose account the new key is weighs more than that it is new.
            Some(HoldReason::KeyChanged) => {
                let (rival, exists) = self.rival(turn, provider, key)?;
                Ok((rival.or(hold), exists))
            }
            hold => Ok((hold, false)),
        }
    }

    /// Whether the account is already somebody's who is not compared in this input: known to be, or with a call for it. Such
    /// a call is held as well. (What other customers of this input claim is compared at the end.) The second value says whether
    /// anybody is known to exist under this key.
    fn rival(
        &mut self,
        turn: &Turn<'_>,
        provider: ProviderId,
        key: &ProviderKey,
    ) -> Result<(Option<HoldReason>, bool), StoreError> {
        let (mut hold, mut exists) = (None, false);
        for (other, known) in self.other_owners(provider, key, turn.number)? {
            exists |= known;
            if self.is_candidate(other)? {
                continue;
            }
            let waiting = self.snapshot.standing(other, provider)?;
            // Its call may go elsewhere by now, behind one of unknown outcome that was for this account.
            let reached = !known && waiting.is_some() && self.may_have_reached(other, provider)?;
            let standing = waiting.filter(|standing| standing.payload.key == *key);
            if known || reached || standing.is_some() {
                hold = Some(HoldReason::DuplicateKey);
            }
            if !known
                && let Some(ClaimedCall::Queued(call)) = standing.as_ref().map(leaving)
                && self.held.insert(call)
            {
                self.count_held(provider);
                self.intake.map_or(Ok(()), |intake| intake.hold_disputed(call))?;
            }
        }
        for OtherKey { customer: other, known } in self.snapshot.other_keys(provider, key)? {
            exists |= known;
            if Some(other) != turn.number && !self.is_candidate(other)? {
                let standing = self.snapshot.standing(other, provider)?;
                if standing.is_some_and(|standing| standing.payload.key == *key) {
                    hold = Some(HoldReason::DuplicateKey);
                }
            }
        }
        Ok((hold, exists))
    }

    fn may_have_reached(&self, customer: CustomerNumber, provider: ProviderId) -> Result<bool, StoreError> {
        Ok(self.snapshot.account(customer, provider)?.is_some_and(|account| account.may_exist()))
    }

    /// Whether the known owner of an account has to share it, since a person released a call to it, with somebody who is
    /// not compared in this input: who is known to have it too, or whose call is about to reach it.
    fn sharer(
        &self,
        turn: &Turn<'_>,
        provider: ProviderId,
        key: &ProviderKey,
    ) -> Result<Option<HoldReason>, StoreError> {
        for OtherKey { customer: other, .. } in self.snapshot.other_keys(provider, key)? {
            if Some(other) == turn.number || self.is_candidate(other)? {
                continue;
            }
            let account = self.snapshot.account(other, provider)?;
            let standing = self.snapshot.standing(other, provider)?;
            let is_known = account.is_some_and(|account| account.known && account.key == *key);
            let reaches = standing.is_some_and(|call| {
                let is_parked = matches!(call.life.state, State::Held | State::Refused);
                call.payload.key == *key && !is_parked
            });
            if is_known || reaches {
                return Ok(Some(HoldReason::DuplicateKey));
            }
        }
        Ok(None)
    }

    /// The other customers that had this key before the input, or have it by now.
    pub(super) fn other_owners(
        &self,
        provider: ProviderId,
        key: &ProviderKey,
        customer: Option<CustomerNumber>,
    ) -> Result<Vec<(CustomerNumber, bool)>, StoreError> {
        // Where nobody had an account, whoever has one by now is of this input.
        if !self.had_accounts {
            return Ok(Vec::new());
        }
        self.snapshot.other_owners(provider, key, customer)
    }

    /// Whether a customer of that number is compared in this input.
    pub(super) fn is_candidate(&self, number: CustomerNumber) -> Result<bool, StoreError> {
        let id = self.snapshot.customer_id(number)?;
        Ok(self.keys.contains(&self.marker.key(id.as_str())))
    }
}
