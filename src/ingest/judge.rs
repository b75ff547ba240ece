//! Deciding what each provider lacks of a customer: pure, on any thread.

use std::sync::Arc;

use crate::diff::{self, Action, Policy};
use crate::domain::account::Keeping;
use crate::domain::standing::Before;
use crate::providers::Provider;
use crate::store::{PackedPayload, StandingCall};

use super::Mode;
use super::apply::Judged;
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

impl Judge<'_> {
    /// Decides about a customer, on what is known of the accounts; of somebody new that is nothing.
    pub(super) fn decide(&self, mut ready: Ready) -> Decided {
        let earlier = ready.candidate.earlier.as_mut();
        let accounts = earlier.map(|earlier| std::mem::take(&mut earlier.accounts)).unwrap_or_default();
        let (judged, seeds) = match self.mode {
            Mode::Seed => (Vec::new(), self.seeds(&ready.prepared, accounts)),
            Mode::Plan | Mode::Sync => (self.all(&ready.prepared, accounts), Vec::new()),
        };
        Decided { ready, judged, seeds }
    }

    fn all(&self, prepared: &Prepared, accounts: Vec<(Before, Option<StandingCall>)>) -> Vec<Judged> {
        let mut accounts = accounts.into_iter();
        let judged = self.providers.iter().enumerate().map(|(position, provider)| {
            let (before, standing) = accounts.next().unwrap_or_default();
            self.one(prepared, position, &**provider, before, standing)
        });
        judged.collect()
    }

    fn one(
        &self,
        prepared: &Prepared,
        position: usize,
        provider: &dyn Provider,
        before: Before,
        standing: Option<StandingCall>,
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
        let keeper = self.keeping.of(&prepared.customer.id, provider.id());
        let decision = diff::decide(&before, &prepared.projections[position], &policy, &keeper);
        let packed = match &decision.action {
            Action::Call { payload, .. } => Some(PackedPayload::of(payload)),
            Action::Nothing | Action::Close | Action::Replace(_) => None,
        };
        Judged { before, standing, decision, packed }
    }
}
