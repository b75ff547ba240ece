//! Deciding what each provider lacks of a customer: pure, on any thread.

use std::sync::Arc;

use crate::diff::{self, Policy};
use crate::domain::account::Keeping;
use crate::domain::standing::Before;
use crate::providers::Provider;
use crate::store::StandingCall;

use super::apply::Judged;
use super::prepare::Prepared;

/// Decides for all providers.
pub(super) struct Judge<'a> {
    pub(super) providers: &'a [Arc<dyn Provider>],
    pub(super) full_resync: bool,
    pub(super) keeping: Keeping<'a>,
}

impl Judge<'_> {
    /// One decision for each provider, on what is known there; `accounts` is empty for somebody new.
    pub(super) fn all(
        &self,
        prepared: &Prepared,
        accounts: Vec<(Before, Option<StandingCall>)>,
    ) -> Vec<Judged> {
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
        Judged { before, standing, decision }
    }
}
