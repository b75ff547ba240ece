//! Who claims which account: two customers with one provider key must not overwrite each other.
//!
//! Collected while customers are compared and judged at the end, so that the order of the input does not matter.

use rayon::prelude::*;

use crate::domain::call::CallId;
use crate::domain::customer::CustomerNumber;
use crate::domain::pages::Pages;
use crate::domain::provider::ProviderId;
use crate::domain::wire::ProviderKey;

/// One customer's claim to one account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// The turn of the customer in the input.
    pub(super) customer: u32,
    pub(super) provider: ProviderId,
    /// What could leave for it.
    pub(super) call: ClaimedCall,
}

/// Stands for one provider's key: no two of one input share by chance the 88 bits that
/// are the key's. Made wherever there is time for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClaimKey([u8; 12]);

/// A call that could leave under a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClaimedCall {
    /// None, or one that waits for a person or a probe anyway.
    None,
    /// One that a person has released to an account that is not the customer's own: it leaves, whoever else has the key.
    Released,
    /// One that a plan would create.
    Planned,
    /// One that is in the outbox.
    Queued(CallId),
    /// None, but the customer of this number was seeded with the account.
    Seeded(CustomerNumber),
}

/// What a customer's right to an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// None but that the record names it, or that a call goes there.
    Claimed,
    /// It is known to be the customer's, whose record names another one now, or none.
    Kept,
    /// It is known to be the customer's, and the record names it.
    Owned,
}

/// All claims of the customers that were compared, by the first byte of their account.
#[derive(Debug)]
pub(super) struct Claims([Pages<Packed>; 256]);

/// A claim in 20 bytes: a backfill makes three for each customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Packed {
    /// Without its first byte, which all of them share.
    account: [u8; 11],
    customer: [u8; 4],
    /// Kind of the call, the right to the account, and the number.
    call: [u8; CALL_BYTES],
}

/// Numbers of 35 bits: counted up one by one, none comes that far.
const CALL_BYTES: usize = 5;
const NUMBER_SHIFT: u32 = 5;
const KIND: u64 = 0b111;
const RELEASED: u64 = 4;
const KEPT: u64 = 0b1000;
const OWNED: u64 = 0b1_0000;

impl Default for Claims {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Pages::default()))
    }
}

impl Claims {
    /// Adds a claim.
    pub(super) fn add(&mut self, claim: Claim, ClaimKey(account): ClaimKey, right: Right) {
        let Claim { customer, call, .. } = claim;
        let (kind, number) = match call {
            ClaimedCall::None => (0, 0),
            ClaimedCall::Planned => (1, 0),
            ClaimedCall::Queued(call) => (2, call.0),
            ClaimedCall::Seeded(number) => (3, number.0),
            ClaimedCall::Released => (RELEASED, 0),
        };
        let right = match right {
            Right::Claimed => 0,
            Right::Kept => KEPT,
            Right::Owned => OWNED,
        };
        let call = number.cast_unsigned() << NUMBER_SHIFT | right | kind;
        let mut packed = Packed { account: [0; 11], customer: customer.to_be_bytes(), call: [0; CALL_BYTES] };
        packed.account.copy_from_slice(&account[1..]);
        packed.call.copy_from_slice(&call.to_be_bytes()[size_of::<u64>() - CALL_BYTES..]);
        self.0[usize::from(account[0])].push(packed);
    }

    /// The claims to one account that several customers make, without those of its known owner. Of two known owners whose
    /// records both name it, because a person released a call, none has the right of way; nor has a known owner beside a
    /// released call of somebody else.
    pub(super) fn disputed(self) -> Vec<Claim> {
        self.0.into_par_iter().flat_map_iter(disputed).collect()
    }
}

/// The disputed ones of those that share a first byte.
fn disputed(claims: Pages<Packed>) -> Vec<Claim> {
    let (mut claims, mut disputed) = (claims.into_vec(), Vec::new());
    claims.sort_unstable();
    for one in claims.chunk_by(|a, b| a.account == b.account) {
        if one.iter().any(|claim| claim.customer != one[0].customer) {
            let is = |claim: &Packed, right| claim.number() & right != 0;
            let mut owners = one.iter().filter(|claim| is(claim, OWNED)).map(|claim| claim.customer);
            let has_one_owner = owners.next().is_none_or(|first| owners.all(|other| other == first));
            let has_way = has_one_owner && one.iter().all(|claim| claim.number() & KIND != RELEASED);
            let in_dispute = one.iter().filter(|claim| !(is(claim, KEPT) || has_way && is(claim, OWNED)));
            disputed.extend(in_dispute.filter_map(Packed::claim));
        }
    }
    disputed
}

impl Packed {
    /// Kind and number of the call.
    fn number(&self) -> u64 {
        let mut packed = [0; size_of::<u64>()];
        packed[size_of::<u64>() - CALL_BYTES..].copy_from_slice(&self.call);
        u64::from_be_bytes(packed)
    }

    fn claim(&self) -> Option<Claim> {
        let packed = self.number();
        let number = (packed >> NUMBER_SHIFT).cast_signed();
        let call = match packed & KIND {
            0 => ClaimedCall::None,
            1 => ClaimedCall::Planned,
            2 => ClaimedCall::Queued(CallId(number)),
            RELEASED => ClaimedCall::Released,
            _ => ClaimedCall::Seeded(CustomerNumber(number)),
        };
        let provider = ProviderId::from_number(self.account[0])?;
        let customer = u32::from_be_bytes(self.customer);
        Some(Claim { customer, provider, call })
    }
}

impl ClaimKey {
    /// The provider stands in the second byte.
    pub(super) fn of(provider: ProviderId, key: &ProviderKey) -> Self {
        let mut mark = [0; 12];
        mark.copy_from_slice(&blake3::hash(key.0.as_bytes()).as_bytes()[..12]);
        mark[1] = provider.number();
        Self(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_comes_out_as_it_went_in_when_two_customers_make_it() {
        let key = ProviderKey("k".into());
        let calls = [ClaimedCall::None, ClaimedCall::Planned, ClaimedCall::Queued(CallId((1 << 35) - 1))];
        for call in calls.into_iter().chain([ClaimedCall::Seeded(CustomerNumber(7))]) {
            let mut claims = Claims::default();
            for provider in ProviderId::ALL {
                let account = ClaimKey::of(provider, &key);
                claims.add(Claim { customer: 1, provider, call }, account, Right::Claimed);
                claims.add(Claim { customer: 1, provider, call: ClaimedCall::None }, account, Right::Claimed);
            }
            let provider = ProviderId::Lemonway;
            claims.add(Claim { customer: 2, provider, call }, ClaimKey::of(provider, &key), Right::Owned);
            let disputed: Vec<_> =
                claims.disputed().into_iter().map(|claim| (claim.customer, claim.provider)).collect();
            assert_eq!(disputed, [(1, provider), (1, provider)], "the known owner is left alone");
        }
    }

    #[test]
    fn of_two_known_owners_none_has_the_right_of_way() {
        let account = ClaimKey::of(ProviderId::Lemonway, &ProviderKey("k".into()));
        let claim = |customer, call| Claim { customer, provider: ProviderId::Lemonway, call };
        let mut claims = Claims::default();
        claims.add(claim(1, ClaimedCall::Planned), account, Right::Owned);
        claims.add(claim(1, ClaimedCall::None), account, Right::Owned);
        assert!(claims.disputed().is_empty(), "one owner disputes nothing with itself");
        let mut claims = Claims::default();
        claims.add(claim(1, ClaimedCall::Planned), account, Right::Owned);
        claims.add(claim(2, ClaimedCall::None), account, Right::Owned);
        let calls: Vec<_> = claims.disputed().into_iter().map(|claim| (claim.customer, claim.call)).collect();
        assert_eq!(calls, [(1, ClaimedCall::Planned), (2, ClaimedCall::None)]);
        let mut claims = Claims::default();
        claims.add(claim(1, ClaimedCall::Planned), account, Right::Owned);
        claims.add(claim(2, ClaimedCall::None), account, Right::Kept);
        assert!(claims.disputed().is_empty(), "the second one's record names another one now");
        let mut claims = Claims::default();
        claims.add(claim(1, ClaimedCall::Planned), account, Right::Owned);
        claims.add(claim(2, ClaimedCall::Released), account, Right::Claimed);
        let calls: Vec<_> = claims.disputed().into_iter().map(|claim| (claim.customer, claim.call)).collect();
        assert_eq!(calls, [(1, ClaimedCall::Planned), (2, ClaimedCall::Released)]);
    }
}
