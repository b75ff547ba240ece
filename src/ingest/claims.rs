//! Who claims which account: two customers with one provider key must not overwrite each other.
//!
//! Collected while customers are compared and judged at the end, so that the order of the input does not matter.

use crate::domain::call::CallId;
use crate::domain::provider::ProviderId;
use crate::domain::wire::ProviderKey;

/// One customer's claim to one account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    account: [u8; 16],
    /// The turn of the customer in the input.
    pub(super) customer: u32,
    pub(super) provider: ProviderId,
    /// Is the account known to be this customer's.
    pub(super) known: bool,
    /// What could leave for it.
    pub(super) call: ClaimedCall,
}

/// A call that could leave under a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClaimedCall {
    /// None, or one that waits for a person or a probe anyway.
    None,
    /// One that a plan would create.
    Planned,
    /// One that is in the outbox.
    Queued(CallId),
    /// None, but the customer of this number was seeded with the account.
    Seeded(i64),
}

impl Claim {
    pub(super) fn new(provider: ProviderId, key: &ProviderKey, customer: u32, call: ClaimedCall) -> Self {
        Self { account: mark(provider, key), customer, provider, known: false, call }
    }
}

/// All claims of the customers that were compared.
#[derive(Debug, Default)]
pub(super) struct Claims(Vec<Claim>);

impl Claims {
    pub(super) fn add(
        &mut self,
        provider: ProviderId,
        key: &ProviderKey,
        customer: u32,
        known: bool,
        call: ClaimedCall,
    ) {
        self.0.push(Claim { known, ..Claim::new(provider, key, customer, call) });
    }

    /// The claims to one account that several customers make, without those of its known owners.
    pub(super) fn disputed(mut self) -> Vec<Claim> {
        self.0.sort_by_key(|claim| (claim.account, claim.customer));
        let several = self.0.chunk_by(|a, b| a.account == b.account).filter(|claims| {
            claims.first().map(|claim| claim.customer) != claims.last().map(|claim| claim.customer)
        });
        several.flatten().filter(|claim| !claim.known).copied().collect()
    }
}

/// 128 bits stand for the key: no two keys of one input share them by chance.
fn mark(provider: ProviderId, key: &ProviderKey) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[provider.number()]);
    hasher.update(key.0.as_bytes());
    let mut mark = [0; 16];
    mark.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    mark
}
