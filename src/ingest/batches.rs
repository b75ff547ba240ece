//! The remaining customers, batch by batch: while one batch is written and the accounts of later ones are looked up, the
//! next ones are read, mapped and decided about.
//!
//! The thread that writes and those that decide do not go in step: a few batches stand between them, so that neither
//! waits where one batch takes the one or the other longer.

use std::sync::{Arc, mpsc};

use crate::providers::Provider;
use crate::store::{KnownAt, StoreError, StoredCustomer};

use super::apply::Apply;
use super::compare::Candidate;
use super::fields::FieldCounts;
use super::judge::{Decided, Judge};
use super::prepare::Preparer;
use super::sift::{LateCustomer, Sifted, ready};
use super::{IngestError, Mode};

/// So many batches are looked up, decided about or ready to be written.
const BATCHES_AHEAD: usize = 4;
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

fn decided(
    batch: Vec<Candidate>,
    preparer: &mut Preparer<'_>,
    judge: &Judge<'_>,
) -> Result<DecidedBatch, IngestError> {
    let each = preparer.prepare_each(batch, Candidate::is_unready, |candidate, made, maker| {
        let (ready, late) = ready(candidate, made, maker)?;
        Ok((ready.map(|ready| judge.decide(ready)), late))
    })?;
    let mut batch = DecidedBatch::default();
    for (decided, late) in each {
        batch.decided.extend(decided);
        batch.late.extend(late);
    }
    batch.fields = judge.count_fields(&batch.decided);
    Ok(batch)
}

impl Apply<'_> {
    /// Takes the customers that were sifted, in their order.
    pub(super) fn all(&mut self, mut sifted: Sifted, preparer: &mut Preparer<'_>) -> Result<(), IngestError> {
        self.marks = std::mem::take(&mut sifted.marks);
        self.had_accounts = self.snapshot.has_accounts()?;
        if self.had_accounts {
            self.keys = sifted.iter().map(|candidate| candidate.key).collect();
        }
        if let Some(intake) = self.intake.filter(|_| sifted.len() > MANY_CUSTOMERS) {
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
        // What is known of later ones does not change by what is written of these: nobody is in two batches.
        std::thread::scope(|scope| {
            let (looked_up, batches) = mpsc::sync_channel(BATCHES_AHEAD);
            let (decisions, next_decided) = mpsc::sync_channel(BATCHES_AHEAD);
            scope.spawn(move || {
                // Whoever gives up, gives up the channel.
                for batch in batches {
                    if decisions.send(decided(batch, preparer, &judge)).is_err() {
                        break;
                    }
                }
            });
            let mut ahead = 0;
            loop {
                while ahead < BATCHES_AHEAD
                    && let Some(batch) = sifted.next_batch()
                {
                    looked_up.send(self.look_up(batch)?).expect("batches are taken until there are no more");
                    ahead += 1;
                }
                if ahead == 0 {
                    return Ok(());
                }
                let batch = next_decided.recv().expect("each batch that goes there comes back");
                self.write(batch?)?;
                ahead -= 1;
            }
        })
    }

    /// Looks up what is known of the accounts of a batch.
    fn look_up(&self, mut batch: Vec<Candidate>) -> Result<Vec<Candidate>, StoreError> {
        for earlier in batch.iter_mut().filter_map(|candidate| candidate.earlier.as_mut()) {
            earlier.accounts = self.known(earlier.stored.as_ref())?;
        }
        Ok(batch)
    }

    fn write(&mut self, batch: DecidedBatch) -> Result<(), IngestError> {
        for (rows, nothing_left) in &batch.late {
            self.late.take(rows, *nothing_left);
        }
        self.count_fields(batch.fields);
        batch.decided.into_iter().try_for_each(|decided| match self.mode {
            Mode::Seed => self.seed(decided),
            Mode::Plan | Mode::Sync => self.customer(decided),
        })
    }

    /// What the state knows of a customer's accounts; nothing of somebody new.
    fn known(&self, stored: Option<&StoredCustomer>) -> Result<Vec<KnownAt>, StoreError> {
        let Some(stored) = stored else { return Ok(Vec::new()) };
        let mut everywhere = self.snapshot.known(stored.number)?;
        let at = |provider: &Arc<dyn Provider>| {
            let known = everywhere.iter_mut().find(|(known, _)| *known == provider.id());
            known.map(|(_, at)| std::mem::take(at)).unwrap_or_default()
        };
        Ok(self.ingest.providers.iter().map(at).collect())
    }
}
