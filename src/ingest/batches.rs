//! The remaining customers, batch by batch: while one batch is written and the accounts of the one after the next are
//! looked up, the next one is read, mapped and decided about.

use std::sync::Arc;

use rayon::prelude::*;

use crate::domain::standing::Before;
use crate::providers::Provider;
use crate::store::{StandingCall, StoreError, StoredCustomer};

use super::apply::Apply;
use super::compare::Candidate;
use super::judge::{Decided, Judge};
use super::late::LateRows;
use super::prepare::Preparer;
use super::sift::{ReadyBatch, Sifted, ready};
use super::{IngestError, Mode};

/// From so many batches on an input is a backfill.
const MANY_BATCHES: usize = 200;

/// A batch about which everything is decided.
struct DecidedBatch {
    decided: Vec<Decided>,
    late: Vec<(LateRows, bool)>,
}

fn decided(
    batch: Vec<Candidate>,
    preparer: &mut Preparer<'_>,
    judge: &Judge<'_>,
) -> Result<DecidedBatch, IngestError> {
    let ReadyBatch { ready, late } = ready(batch, preparer)?;
    let decided = ready.into_par_iter().map(|ready| judge.decide(ready)).collect();
    Ok(DecidedBatch { decided, late })
}

impl Apply<'_> {
    /// Takes the customers that were sifted, in their order. While a batch is written the next one is made ready and
    /// decided about, and the accounts of the one after are looked up.
    pub(super) fn all(&mut self, sifted: Sifted, preparer: &mut Preparer<'_>) -> Result<(), IngestError> {
        let Sifted { batches, marks } = sifted;
        self.marks = marks;
        self.had_accounts = self.snapshot.has_accounts()?;
        if self.had_accounts {
            self.keys = batches.iter().flatten().map(|candidate| candidate.key).collect();
        }
        if let Some(intake) = self.intake.filter(|_| batches.len() > MANY_BATCHES) {
            intake.expect_many()?;
        }
        if let Some(intake) = self.intake.filter(|_| !self.had_accounts) {
            intake.gather_blocks()?;
        }
        let judge = Judge {
            mode: self.mode,
            providers: self.ingest.providers,
            full_resync: self.ingest.options.full_resync,
            keeping: self.snapshot.keeping(),
        };
        let mut batches = batches.into_iter();
        let mut looked_up = self.look_up(batches.next())?;
        let mut done: Option<DecidedBatch> = None;
        while looked_up.is_some() || done.is_some() {
            let (mut ahead, mut written, mut after) = (Ok(None), Ok(()), Ok(None));
            // What is known of later ones does not change by what is written of these: nobody is in two batches.
            rayon::in_place_scope(|scope| {
                let (ahead, preparer, judge) = (&mut ahead, &mut *preparer, &judge);
                let batch = looked_up.take();
                scope.spawn(move |_| {
                    *ahead = batch.map(|batch| decided(batch, preparer, judge)).transpose();
                });
                written = done.as_ref().map_or(Ok(()), |batch| self.write(batch));
                after = self.look_up(batches.next());
            });
            written?;
            rayon::spawn(move || drop(done));
            (done, looked_up) = (ahead?, after?);
        }
        Ok(())
    }

    /// Looks up what is known of the accounts of a batch.
    fn look_up(&self, batch: Option<Vec<Candidate>>) -> Result<Option<Vec<Candidate>>, StoreError> {
        let Some(mut batch) = batch else { return Ok(None) };
        for earlier in batch.iter_mut().filter_map(|candidate| candidate.earlier.as_mut()) {
            earlier.accounts = self.known(earlier.stored.as_ref())?;
        }
        Ok(Some(batch))
    }

    fn write(&mut self, batch: &DecidedBatch) -> Result<(), IngestError> {
        for (rows, nothing_left) in &batch.late {
            self.late.take(rows, *nothing_left);
        }
        batch.decided.iter().try_for_each(|decided| match self.mode {
            Mode::Seed => self.seed(decided),
            Mode::Plan | Mode::Sync => self.customer(decided),
        })
    }

    /// What the state knows of a customer's accounts; nothing of somebody new.
    fn known(
        &self,
        stored: Option<&StoredCustomer>,
    ) -> Result<Vec<(Before, Option<StandingCall>)>, StoreError> {
        let Some(stored) = stored else { return Ok(Vec::new()) };
        let before = |provider: &Arc<dyn Provider>| self.snapshot.before(stored.number, provider.id());
        self.ingest.providers.iter().map(before).collect()
    }
}
