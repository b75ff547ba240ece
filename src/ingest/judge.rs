//! Deciding what each provider lacks of a customer: pure, on any thread.
//!
//! Whatever can be made ready for the one thread that writes is made here: packed, hashed, and without what nobody will
//! look at any more.

use std::sync::Arc;

use crate::diff::{self, Action, Decision, Policy};
use crate::domain::account::{Account, Keeping};
use crate::domain::standing::Before;
use crate::domain::wire::{FieldCode, WireValues};
use crate::providers::Provider;
use crate::store::{KnownAt, PackedAccount, PackedPayload, StandingCall};

use super::Mode;
use super::claims::AccountMark;
use super::prepare::Prepared;
use super::seed::Seed;
use super::sift::Ready;

/// Decides for all providers.
pub(super) struct Judge<'a> {
    pub(super) mode: Mode,
    pub(super) providers: &'a [Arc<dyn Provider>],
    pub(super) full_resync: bool,
    pub(super) keeping: Keeping<'a>,
}

/// A customer about whom everything is decided.
pub(super) struct Decided {
    pub(super) ready: Ready,
    /// What each provider lacks; nothing, when the input is a seed.
    pub(super) judged: Vec<Judged>,
    /// What each provider is taken to hold; nothing, unless the input is a seed.
    pub(super) seeds: Vec<Seed>,
}

/// A decision with what it was made on.
pub(super) struct Judged {
    pub(super) before: Before,
    pub(super) standing: Option<StandingCall>,
    /// The fields whose value was invalid at the last comparison.
    pub(super) skipped: Vec<FieldCode>,
    pub(super) decision: Decision,
    /// What the call carries that the decision creates.
    pub(super) packed: Option<PackedPayload>,
    /// The fields that it carries.
    pub(super) codes: Box<[FieldCode]>,
    /// The account of somebody who had none.
    pub(super) account: Option<PackedAccount>,
    /// Stands for the key, where the customer takes part.
    pub(super) claim: Option<AccountMark>,
}

impl Judge<'_> {
    /// Decides about a customer, on what is known of the accounts; of somebody new that is nothing.
    pub(super) fn decide(&self, mut ready: Ready) -> Decided {
        let is_known = ready.candidate.is_known();
        let earlier = ready.candidate.earlier.as_mut();
        let accounts = earlier.map(|earlier| std::mem::take(&mut earlier.accounts)).unwrap_or_default();
        let (mut judged, seeds) = match self.mode {
            Mode::Seed => (Vec::new(), self.seeds(&ready.prepared, accounts)),
            Mode::Plan | Mode::Sync => (self.all(&ready.prepared, accounts), Vec::new()),
        };
        let is_told = judged.iter().any(Judged::is_told) || seeds.iter().any(Seed::is_told);
        if !is_known && !is_told {
            ready.prepared.forget_values();
            judged.iter_mut().for_each(Judged::forget_values);
        }
        Decided { ready, judged, seeds }
    }

    fn all(&self, prepared: &Prepared, accounts: Vec<KnownAt>) -> Vec<Judged> {
        let mut accounts = accounts.into_iter();
        let judged = self.providers.iter().enumerate().map(|(position, provider)| {
            self.one(prepared, position, &**provider, accounts.next().unwrap_or_default())
        });
        judged.collect()
    }

    fn one(
        &self,
        prepared: &Prepared,
        position: usize,
        provider: &dyn Provider,
        KnownAt { before, call: standing, skipped }: KnownAt,
    ) -> Judged {
        let settings = provider.settings();
        let field = |code| provider.field(code);
        let excluded = |code| provider.excludes(code);
        let policy = Policy {
            send: settings.send_mode(),
            on_new: provider.on_new(),
            on_cleared: settings.on_cleared,
            on_invalid: settings.on_invalid,
            full_resync: self.full_resync,
            excluded: &excluded,
            field: &field,
            fields: provider.fields(),
        };
        let mut keeper = self.keeping.of(&prepared.customer.id, provider.id());
        let decision = diff::decide(&before, &prepared.projections[position], &policy, &mut keeper);
        let (packed, codes) = match &decision.action {
            Action::Call { payload, .. } => {
                (Some(PackedPayload::of(payload)), payload.values.0.keys().copied().collect())
            }
            Action::Nothing | Action::Close | Action::Replace(_) => (None, Box::default()),
        };
        let key = decision.key.as_ref();
        let new = key.filter(|_| before.account.is_none());
        let account =
            new.map(|key| PackedAccount::of(&Account::new(key.clone()), &decision.findings.skipped));
        let claim = key.map(|key| AccountMark::of(provider.id(), key));
        Judged { before, standing, skipped, decision, packed, codes, account, claim }
    }
}

impl Judged {
    /// Does anybody have to be told of what the provider does not get.
    fn is_told(&self) -> bool {
        let findings = &self.decision.findings;
        findings.rejected.is_some() || !findings.skipped.is_empty() || !findings.incomplete.is_empty()
    }

    /// Lets go of values that are packed.
    fn forget_values(&mut self) {
        if let Action::Call { payload, .. } = &mut self.decision.action {
            payload.values = WireValues::default();
        }
    }
}
