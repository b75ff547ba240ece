//! The start of a run: what a crash left in flight is brought back into the life of its call.

use std::time::Duration;

use crate::domain::account::Keeping;
use crate::domain::call::State;
use crate::domain::clock::Timestamp;
use crate::domain::lifecycle::Happening;
use crate::domain::provider::ProviderId;

use super::flights::Aloft;
use super::lease::{TRIED, WAITING};
use super::outbox::{Outbox, Settlement};
use super::statements::Statements;
use super::{RunNumber, Store, StoreError, flights};

/// What the recovery at the start of a run found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Calls that were in flight when the program died.
    pub in_flight: u64,
    /// Those of them that are held now, since it was not the first time.
    pub held: u64,
}

impl Store {
    /// Brings the outbox in order at the start of a run: what was in flight at a crash is repeated or probed after
    /// `settle`, each call gets its tries back, and no wait is longer than `settle` or the longest backoff, however
    /// the clock has jumped. One transaction.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written; so for every method here.
    pub fn recover(
        &mut self,
        waits: &[(ProviderId, Duration, Duration)],
        run: RunNumber,
        now: Timestamp,
    ) -> Result<Recovered, StoreError> {
        let keeping = Keeping { fingerprinter: &self.fingerprinter, clear: self.clear_values };
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        flights::land(&transaction)?;
        let changes_before = transaction.total_changes();
        for open in [WAITING, TRIED] {
            transaction.execute(&without_tries(open), [])?;
        }
        let mut recovered = Recovered::default();
        for &(provider, settle, backoff_max) in waits {
            // Nobody knows how long the program was away, since the clock may have been set: settle starts again.
            for open in [WAITING, TRIED] {
                let sql = format!("UPDATE call SET due = ?2 WHERE provider = ?1 AND {open} AND settling = 1");
                transaction.execute(&sql, (provider.number(), now.after(settle).0))?;
                let sql = format!(
                    "UPDATE call SET due = ?2 WHERE provider = ?1 AND {open} AND settling = 0 AND due > ?2"
                );
                transaction.execute(&sql, (provider.number(), now.after(backoff_max).0))?;
            }
            let mut outbox = Outbox {
                connection: &transaction,
                statements: Statements::default(),
                keeping,
                aloft: &mut Aloft::default(),
                run,
                now,
            };
            let leased = outbox.leased_before(provider)?;
            if !leased.is_empty() {
                // They may have left at any time up to the crash, so for the rate they count as sent now.
                outbox.note_sent(provider, leased.len() as u64)?;
            }
            for call in leased {
                let settlement = Settlement {
                    happening: Happening::Crashed,
                    class: "unknown",
                    code: "crash".to_owned(),
                    only_fields: None,
                    last: false,
                    settle_until: now.after(settle),
                    backoff_until: now,
                    attempts_max: u32::MAX,
                };
                let settled = outbox.settle(&call, &settlement)?;
                recovered.in_flight += 1;
                recovered.held += u64::from(settled.life.state == State::Held);
            }
        }
        for open in [WAITING, TRIED] {
            transaction
                .execute(&format!("UPDATE call SET attempts = 0 WHERE {open} AND attempts > 0"), [])?;
        }
        if transaction.total_changes() > changes_before {
            self.backups.make_due()?;
        }
        transaction.commit()?;
        self.aloft = Aloft::default();
        Ok(recovered)
    }
}

/// Gives calls their tries back.
pub(super) fn without_tries(open: &str) -> String {
    format!(
        "UPDATE call SET attempts = 0, unknown_this_run = 0, deferred_in = 0
         WHERE {open} AND (attempts > 0 OR unknown_this_run = 1 OR deferred_in > 0)"
    )
}
