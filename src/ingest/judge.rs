//! Deciding what each provider should see and lacks of a customer: pure, on any thread.
//!
//! Whatever can be made ready for the one thread that writes is made here: packed, hashed, and without what nobody will
//! look at any more.

use std::sync::Arc;

use crate::diff::{self, Action, Decision, Policy};
use crate::domain::account::Keeping;
use crate::domain::call::State;
use crate::domain::customer::Customer;
use crate::domain::provider::ProviderId;
use crate::domain::standing::{Before, Named, Standing};
use crate::domain::wire::{FieldCode, Projection, ProviderKey, WireValues};
use crate::providers::Provider;
use crate::store::{KnownAt, PackedPayload};

use super::Mode;
use super::claims::{ClaimKey, ClaimedCall};
use super::differences::Difference;
use super::news::News;
use super::notes::{Compared, Noted, Notes};
use super::seed::Seed;
use super::sift::Ready;

/// Decides for all providers.
pub(super) struct Judge<'a> {
    pub(super) mode: Mode,
    pub(super) providers: &'a [Arc<dyn Provider>],
    pub(super) full_resync: bool,
    /// Whether the input alone says what the CRM has.
    pub(super) starts_anew: bool,
    /// Providers whose exclusions no run has carried out yet.
    pub(super) newly_excluded: Vec<ProviderId>,
    pub(super) keeping: Keeping<'a>,
}

/// A customer about whom everything is decided.
pub(super) struct Decided {
    pub(super) ready: Ready,
    /// What each provider should see of it, in their order.
    pub(super) projections: Vec<Projection>,
    /// What each provider lacks; nothing, when the input is a seed.
    pub(super) judged: Vec<Judged>,
    /// What is new about somebody who was known.
    pub(super) news: News,
    /// What each provider is taken to hold; nothing, unless the input is a seed.
    pub(super) seeds: Vec<Seed>,
}

/// A decision with what is to be written and claimed for it.
pub(super) struct Judged {
    pub(super) standing: Option<Standing>,
    pub(super) decision: Decision,
    /// What the call carries that the decision creates; nothing in a plan.
    pub(super) packed: Option<PackedPayload>,
    /// The fields that it carries.
    pub(super) codes: Box<[FieldCode]>,
    /// The values that it would change, where a plan may show them.
    pub(super) differences: Vec<Difference>,
    /// What else is to be written down; nothing in a plan.
    pub(super) to_note: Option<Notes>,
    /// Stands for the key, where the customer takes part.
    pub(super) claim: Option<ClaimKey>,
    /// Whether the account of that key is known to be the customer's.
    pub(super) known: bool,
    /// The key of the account that is the customer's, or may have been reached, where the record names another one, or none.
    pub(super) given_up: Option<ProviderKey>,
    /// What else the customer has a claim to.
    pub(super) kept: Vec<KeptClaim>,
    /// Whether what stands, or takes its place, brings anything that the record does not say but an earlier one did.
    pub(super) brings_earlier: bool,
}

/// A claim to what a customer keeps although the record names another key, or none.
pub(super) struct KeptClaim {
    pub(super) account: ClaimKey,
    pub(super) call: ClaimedCall,
    /// Whether the account is known to be the customer's.
    pub(super) known: bool,
}

impl Judge<'_> {
    /// Decides about a customer, on what is known of the accounts; of somebody new that is nothing.
    pub(super) fn decide(&self, mut ready: Ready) -> Decided {
        let is_known = ready.candidate.is_known();
        let earlier = ready.candidate.earlier.as_mut();
        let accounts = earlier.map(|earlier| std::mem::take(&mut earlier.accounts)).unwrap_or_default();
        let mut news = News::default();
        let customer = &ready.prepared.customer;
        // Not before: customers are kept by the thousand until it is their turn, and nobody else looks at them.
        let mut projections: Vec<_> = self.providers.iter().map(|one| one.project(customer)).collect();
        if let Some(whole) = &ready.prepared.whole {
            let each = self.providers.iter().zip(&mut projections);
            each.for_each(|(one, projection)| projection.add_context(one.project(whole)));
        }
        let (mut judged, seeds) = match self.mode {
            Mode::Seed => (Vec::new(), self.seeds(&customer.id, &projections, accounts)),
            Mode::Plan | Mode::Sync => {
                let news = ready.candidate.stored().map(|_| &mut news);
                (self.all(customer, &projections, accounts, news), Vec::new())
            }
        };
        let is_told = judged.iter().any(Judged::is_told) || seeds.iter().any(Seed::is_told);
        if !is_known && !is_told {
            ready.prepared.forget_values();
            projections = Vec::new();
            judged.iter_mut().for_each(Judged::forget_values);
        }
        news.name_each_field_once();
        Decided { ready, projections, judged, news, seeds }
    }

    fn all(
        &self,
        customer: &Customer,
        projections: &[Projection],
        accounts: Vec<KnownAt>,
        mut news: Option<&mut News>,
    ) -> Vec<Judged> {
        let mut accounts = accounts.into_iter();
        let judged = self.providers.iter().zip(projections).map(|(provider, projection)| {
            let known = accounts.next().unwrap_or_default();
            self.one(customer, &**provider, projection, known, news.as_deref_mut())
        });
        judged.collect()
    }

    fn one(
        &self,
        customer: &Customer,
        provider: &dyn Provider,
        projection: &Projection,
        known: KnownAt,
        news: Option<&mut News>,
    ) -> Judged {
        let KnownAt { mut before, skipped, named, turned_away, untaken } = known;
        let noted = Noted { skipped, named, turned_away, untaken };
        let settings = provider.settings();
        let is_asked = projection.presumption.is_some() || !projection.context.is_empty();
        before.left_out = if is_asked { noted.left_out() } else { Vec::new() };
        if self.newly_excluded.contains(&provider.id()) {
            take_excluded(&mut before, projection, provider);
        }
        let field = |code| provider.field(code);
        let excluded = |code| provider.excludes(code);
        let touched = |code| provider.touched_by_exclude(code);
        let policy = Policy {
            send: settings.send_mode(),
            on_new: provider.on_new(),
            on_cleared: settings.on_cleared,
            on_invalid: settings.on_invalid,
            full_resync: self.full_resync,
            excluded: &excluded,
            touched: &touched,
            field: &field,
            fields: provider.fields(),
            along: provider.along(),
        };
        let mut keeper = self.keeping.of(&customer.id, provider.id());
        let mut decision = diff::decide(&before, projection, &policy, &mut keeper);
        let compared = Compared { provider, before: &before, projection, starts_anew: self.starts_anew };
        decision.findings.left_behind = compared.left_behind(&noted, &decision);
        if let Some(news) = news {
            news.take(provider, customer, projection, &before, &decision, &mut keeper);
        }
        let is_written = self.mode == Mode::Sync;
        let (packed, codes) = new_payload(&decision.action, is_written);
        let differences = self.differences(&customer.id, provider, &before, &decision);
        let key = decision.key.as_ref();
        let mark =
            |key: &ProviderKey| Named::Account(self.keeping.fingerprinter.account_mark(provider.id(), key));
        let to_note = is_written.then(|| compared.notes(&noted, &decision, mark));
        let claim = key.map(|key| ClaimKey::of(provider.id(), key));
        let known = key.is_some_and(|key| is_known(&before, key));
        let given_up = before.account_elsewhere(key).map(|account| account.key.clone());
        let kept = kept_claims(provider.id(), &before, given_up.as_ref(), &decision);
        Judged {
            brings_earlier: brings_earlier(before.standing.as_ref(), projection, &decision),
            standing: before.standing,
            decision,
            packed,
            codes,
            differences,
            to_note,
            claim,
            known,
            given_up,
            kept,
        }
    }
}

/// What a new call carries, packed where it is written, and its fields.
fn new_payload(action: &Action, is_written: bool) -> (Option<PackedPayload>, Box<[FieldCode]>) {
    let Action::Call { payload, .. } = action else { return (None, Box::default()) };
    let packed = is_written.then(|| PackedPayload::of(payload));
    (packed, payload.values.0.keys().copied().collect())
}

/// Takes excluded fields out of the standing call, unless the record says them anew. A run does this when it begins; a plan has to
/// do it here.
fn take_excluded(before: &mut Before, projection: &Projection, provider: &dyn Provider) {
    if let Some(waiting) = before.standing.as_mut().filter(|waiting| waiting.life.state != State::Refused) {
        let stays =
            |code: &FieldCode| projection.cells.contains_key(code) || !provider.touched_by_exclude(*code);
        waiting.payload.values.0.retain(|code, _| stays(code));
    }
}

/// A customer whose record names another key, or none, still has the account that is known to be its own, and the call
/// that stands.
fn kept_claims(
    provider: ProviderId,
    before: &Before,
    given_up: Option<&ProviderKey>,
    decision: &Decision,
) -> Vec<KeptClaim> {
    let other = |key: &ProviderKey| decision.key.as_ref() != Some(key);
    let mut kept = Vec::new();
    if let Some(key) = given_up {
        let account = ClaimKey::of(provider, key);
        kept.push(KeptClaim { account, call: ClaimedCall::None, known: true });
    }
    if let Some(standing) = &before.standing
        && decision.action == Action::Nothing
        && other(&standing.payload.key)
    {
        let key = &standing.payload.key;
        let (account, call) = (ClaimKey::of(provider, key), leaving(standing));
        kept.push(KeptClaim { account, call, known: is_known(before, key) });
    }
    kept
}

/// Whether what is left after an action brings anything of a standing payload that the record does not say.
fn brings_earlier(standing: Option<&Standing>, projection: &Projection, decision: &Decision) -> bool {
    let Some(standing) = standing.map(|standing| &standing.payload) else { return false };
    let left = match &decision.action {
        Action::Nothing => standing,
        Action::Close => return false,
        Action::Replace { payload, .. } | Action::Call { payload, .. } => payload,
    };
    // What the record says and nobody can read without what it lacks is not said.
    let is_said = |field: &FieldCode| {
        projection.cells.contains_key(field) && !decision.findings.in_part.contains(field)
    };
    let is_earlier = |field: &FieldCode| !is_said(field) && standing.values.0.contains_key(field);
    left.values.0.keys().any(is_earlier)
}

fn is_known(before: &Before, key: &ProviderKey) -> bool {
    before.account.as_ref().is_some_and(|account| account.known && account.key == *key)
}

/// The call, if it could leave by itself.
pub(super) fn leaving(standing: &Standing) -> ClaimedCall {
    match standing.life.state {
        State::Queued | State::Waiting => ClaimedCall::Queued(standing.id),
        State::InFlight
        | State::Probing
        | State::Held
        | State::Acknowledged
        | State::Refused
        | State::Superseded
        | State::Abandoned
        | State::Forgotten => ClaimedCall::None,
    }
}

impl Judged {
    /// Whether the customer has an account that is known under another key than the record's. What goes to this one was held
    /// until a person released it, whoever else has the key.
    pub(super) fn is_moved(&self) -> bool {
        self.given_up.is_some()
    }

    /// Whether anybody has to be told of what the provider does not get.
    fn is_told(&self) -> bool {
        let findings = &self.decision.findings;
        findings.rejected.is_some() || !findings.skipped.is_empty() || findings.unsent() > 0
    }

    /// Lets go of values that nobody needs any more.
    fn forget_values(&mut self) {
        if let Action::Call { payload, .. } = &mut self.decision.action {
            payload.values = WireValues::default();
        }
    }
}
