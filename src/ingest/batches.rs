//! The remaining customers, batch by batch: while one batch is written, or a later one looked up, others are read, mapped
//! and decided about.

use std::sync::Arc;

use crate::domain::provider::ProviderId;
use crate::providers::Provider;
use crate::store::{KnownAt, StoreError, StoredCustomer};

use super::apply::Apply;
use super::compare::Candidate;
use super::fields::FieldCounts;
use super::judge::{Decided, Judge};
use super::prepare::Maker;
use super::relay::relay;
use super::sift::{LateCustomer, Sifted, ready};
use super::{IngestError, Mode};

/// From so many customers on an input is a backfill.
const MANY_CUSTOMERS: usize = 50_000;

/// A batch about which everything is decided.
#[derive(Default)]
struct DecidedBatch {
    decided: Vec<Decided>,
    late: Vec<LateCustomer>,
    /// In how many of its calls each field is.
    fields: FieldCounts,
}

fn decided(batch: Vec<Candidate>, maker: &Maker<'_>, judge: &Judge<'_>) -> Result<DecidedBatch, IngestError> {
    let rows = maker.read(batch.iter().map(|one| one.is_unready().then_some(one)))?;
    let (mut decided, mut bench) = (DecidedBatch::default(), maker.bench());
    for (owner, candidate) in batch.into_iter().enumerate() {
        let unready = candidate.is_unready();
        let made = unready.then(|| maker.one(&candidate, rows.of(owner), &mut bench)).transpose()?;
        let (ready, late) = ready(candidate, made, maker)?;
        decided.decided.extend(ready.map(|ready| judge.decide(ready)));
        decided.late.extend(late);
    }
    decided.fields = judge.count_fields(&decided.decided);
    Ok(decided)
}

impl Apply<'_> {
    /// Providers whose exclusions no run has carried out yet: a plan comes before that.
    fn newly_excluded(&self) -> Result<Vec<ProviderId>, StoreError> {
        let mut newly = Vec::new();
        for provider in self.ingest.providers {
            if self.snapshot.are_newly_excluded(provider.id(), &provider.fields_touched_by_exclude())? {
                newly.push(provider.id());
            }
        }
        Ok(newly)
    }

    /// Takes the customers that were sifted, in their order.
    pub(super) fn all(&mut self, sifted: Sifted, maker: &Maker<'_>) -> Result<(), IngestError> {
        if let Some(intake) = self.intake.filter(|_| sifted.len() > MANY_CUSTOMERS) {
            intake.expect_many()?;
        }
        if let Some(intake) = self.intake {
            intake.gather_blocks(!self.had_accounts)?;
        }
        let judge = Judge {
            mode: self.mode,
            providers: self.ingest.providers,
            full_resync: self.ingest.options.full_resync,
            starts_anew: self.ingest.starts_anew(),
            newly_excluded: self.newly_excluded()?,
            keeping: self.snapshot.keeping(),
        };
        // What is known of later ones does not change by what is written of these: nobody is in two batches.
        relay(
            (self, sifted),
            |(apply, sifted)| Ok(sifted.next_batch().map(|batch| apply.look_up(batch)).transpose()?),
            |batch| decided(batch, maker, &judge),
            |(apply, _), batch| {
                apply.ingest.go_on()?;
                apply.write(batch)
            },
        )
    }

    /// Looks up what is known of the accounts of a batch.
    fn look_up(&self, mut batch: Vec<Candidate>) -> Result<Vec<Candidate>, StoreError> {
        for earlier in batch.iter_mut().filter_map(|candidate| candidate.earlier.as_mut()) {
            earlier.accounts = self.known(earlier.stored.as_ref())?;
        }
        Ok(batch)
    }

    fn write(&mut self, mut batch: DecidedBatch) -> Result<(), IngestError> {
        for (rows, nothing_left) in std::mem::take(&mut batch.late) {
            self.late.take(rows, nothing_left);
        }
        self.count_fields(batch.fields);
        batch.decided.iter_mut().try_for_each(|decided| match self.mode {
            Mode::Seed => self.seed(decided),
            Mode::Plan | Mode::Sync => self.customer(decided),
        })?;
        // To free what is left takes a tenth of this thread's time, which the others wait for.
        rayon::spawn(move || drop(batch.decided));
        Ok(())
    }

    /// What the state knows of a customer's accounts; nothing of somebody new.
    fn known(&self, stored: Option<&StoredCustomer>) -> Result<Vec<KnownAt>, StoreError> {
        let Some(stored) = stored else { return Ok(Vec::new()) };
        let mut everywhere = self.snapshot.known(stored.number, self.had_calls)?;
        let at = |provider: &Arc<dyn Provider>| {
            let known = everywhere.iter_mut().find(|(known, _)| *known == provider.id());
            known.map(|(_, at)| std::mem::take(at)).unwrap_or_default()
        };
        Ok(self.ingest.providers.iter().map(at).collect())
    }
}
