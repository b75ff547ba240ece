//! The start of a run: what a crash left in flight is brought back into the life of its call.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::Connection;

use crate::domain::account::Keeping;
use crate::domain::call::{CallId, State};
use crate::domain::clock::{Steady, Timestamp};
use crate::domain::customer::CustomerId;
use crate::domain::lifecycle::Happening;
use crate::domain::mark::{Mark, Marker};
use crate::domain::policy::OnNew;
use crate::domain::provider::ProviderId;
use crate::domain::wire::FieldCode;

use super::flights::Aloft;
use super::lease::{TRIED, WAITING};
use super::marks::{self, Marks};
use super::outbox::{Outbox, Settlement};
use super::settling::Waited;
use super::snapshot::life_of;
use super::transitions::end;
use super::{RunNumber, Store, StoreError, accounts, excluded, flights, priority, restore, settling};

/// What a provider's settings say of calls that wait.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Which provider.
    pub provider: ProviderId,
    /// How long a call of unknown outcome waits.
    pub settle: Duration,
    /// The longest backoff.
    pub backoff_max: Duration,
    /// What is done for somebody new.
    pub on_new: OnNew,
    /// Fields that it is not to get.
    pub excluded: Vec<FieldCode>,
}

/// What the recovery at the start of a run found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Calls that were in flight when the program died.
    pub in_flight: u64,
    /// Those of them that are held now, since it was not the first time.
    pub held: u64,
    /// Open calls that ended, because nobody is to be created any more, or what they carry is not to be sent.
    pub ended: BTreeMap<ProviderId, u64>,
}

impl Store {
    /// Brings the outbox in order at the start of a run: what was in flight at a crash is repeated or probed after
    /// `settle`, each call gets its tries back, and no wait is longer than `settle` or the longest backoff, nor shorter, however
    /// the clock on the wall has jumped; by `steady` it is known how far it has. One transaction.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written; so for every method here.
    pub fn recover(
        &mut self,
        terms: &[Terms],
        run: RunNumber,
        now: Timestamp,
        steady: Option<&Steady>,
    ) -> Result<Recovered, StoreError> {
        let keeping = Keeping { fingerprinter: &self.fingerprinter, clear: self.clear_values };
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        flights::land(&transaction)?;
        // How the clock stood is the bookkeeping of the run, and no change of the state.
        if steady.is_some() && settling::knows_no_clock(&transaction)? {
            restore::settle_from(&transaction, now)?;
        }
        let waited = terms.iter().map(|terms| settling::waited(&transaction, terms.provider, steady));
        let mut waited = waited.collect::<Result<Vec<_>, _>>()?.into_iter();
        let changes_before = transaction.total_changes();
        let mut recovered = Recovered::default();
        let mut aloft = Aloft::default();
        let (connection, aloft) = (&*transaction, &mut aloft);
        let mut outbox = Outbox::within(connection, keeping, aloft, (run, now));
        let marker = Marker::new(keeping.fingerprinter);
        for &Terms { provider, settle, backoff_max, on_new, ref excluded } in terms {
            if on_new == OnNew::Skip {
                let ended = end_creates(&transaction, provider, &marker, (run, now))?;
                *recovered.ended.entry(provider).or_default() += ended;
            }
            let waited = waited.next().unwrap_or(Waited::Unknown);
            settling::go_on(&transaction, provider, waited, (now, now.after(settle)))?;
            for open in [WAITING, TRIED] {
                let sql = format!(
                    "UPDATE call SET due = ?2 WHERE provider = ?1 AND {open} AND settling = 0 AND due > ?2"
                );
                transaction.execute(&sql, (provider.number(), now.after(backoff_max).0))?;
            }
            recovered.bring_down(&mut outbox, provider, &crash(now.after(settle), now, on_new))?;
            priority::put_back(&transaction, provider, run)?;
            let markers = (keeping.fingerprinter, &marker);
            let ended = excluded::take_out(&transaction, provider, excluded, markers, (run, now))?;
            if ended > 0 {
                *recovered.ended.entry(provider).or_default() += ended;
            }
        }
        // What a provider that is switched off may have got is compared with newer records like all else that waits for it.
        let switched_off = |provider: &ProviderId| terms.iter().all(|terms| terms.provider != *provider);
        for provider in ProviderId::ALL.into_iter().filter(switched_off) {
            recovered.bring_down_for_later(&mut outbox, provider)?;
        }
        settling::hold_back(&transaction, keeping.fingerprinter)?;
        for open in [WAITING, TRIED] {
            transaction.execute(&without_tries(open), [])?;
        }
        drop(outbox);
        if transaction.total_changes() > changes_before {
            self.backups.make_due()?;
        }
        transaction.commit()?;
        self.aloft = Aloft::default();
        Ok(recovered)
    }
}

impl Recovered {
    /// What was in flight to a provider has met a crash.
    fn bring_down(
        &mut self,
        outbox: &mut Outbox<'_>,
        provider: ProviderId,
        crash: &Settlement,
    ) -> Result<(), StoreError> {
        let leased = outbox.leased_before(provider)?;
        if !leased.is_empty() {
            // They may have left at any time up to the crash, so for the rate they count as sent now.
            outbox.note_sent(provider, leased.len() as u64)?;
        }
        for call in leased {
            let settled = outbox.settle(&call, crash)?;
            self.in_flight += 1;
            self.held += u64::from(settled.life.state == State::Held);
        }
        Ok(())
    }

    /// The same, where the next run that has the provider says how long it settles.
    fn bring_down_for_later(
        &mut self,
        outbox: &mut Outbox<'_>,
        provider: ProviderId,
    ) -> Result<(), StoreError> {
        let before = self.in_flight;
        self.bring_down(outbox, provider, &crash(outbox.now, outbox.now, OnNew::Create))?;
        if self.in_flight > before {
            settling::forget_clock(outbox.connection, provider)?;
        }
        Ok(())
    }
}

/// Brings down what a killed run left in flight of a customer who is about to be erased, outside of a run: the next run that has
/// the provider says how long its account settles. Belongs into the transaction that erases.
pub(super) fn bring_down_of(
    connection: &Connection,
    keeping: Keeping<'_>,
    customer: &CustomerId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let run = connection.query_row("SELECT ifnull(max(number), 0) FROM run", [], |row| row.get(0))?;
    let mut aloft = Aloft::default();
    let mut outbox = Outbox::within(connection, keeping, &mut aloft, (RunNumber(run), now));
    for (provider, call) in outbox.leased_of(customer)? {
        outbox.note_sent(provider, 1)?;
        if let Some(call) = call {
            outbox.settle(&call, &crash(settling::NOT_BEGUN, now, OnNew::Create))?;
        } else if let Some(key) = accounts::key_of(connection, customer, provider)? {
            // Where it went cannot be read; most go to the account that is known.
            settling::note_account(connection, keeping.fingerprinter, (provider, &key), settling::NOT_BEGUN)?;
        }
    }
    Ok(())
}

/// What a crash is to a call that may have left.
fn crash(settle_until: Timestamp, now: Timestamp, on_new: OnNew) -> Settlement {
    Settlement {
        happening: Happening::Crashed,
        class: "unknown",
        code: "crash".to_owned(),
        only_fields: None,
        last: false,
        settle_until,
        backoff_until: now,
        attempts_max: u32::MAX,
        on_new,
    }
}

/// Ends the creates of a provider that have not left, because nobody is to be created there any more; should that change, their
/// customers are compared again. Those that wait for a person stay. Gives how many of them were open.
fn end_creates(
    connection: &Connection,
    provider: ProviderId,
    marker: &Marker,
    (run, now): (RunNumber, Timestamp),
) -> Result<u64, StoreError> {
    let mut select = connection.prepare(
        "SELECT call.*, customer.customer_id FROM call JOIN customer ON customer.id = call.customer
         WHERE provider = ?1 AND operation = 'create' AND NOT create_unknown AND lease IS NULL
             AND payload IS NOT NULL AND state <> 'held'",
    )?;
    let mut rows = select.query([provider.number()])?;
    let (mut ended, mut compared_again) = (Vec::new(), Marks::default());
    while let Some(row) = rows.next()? {
        ended.push((CallId(row.get("id")?), life_of(row)?));
        compared_again.push(Mark::unread(marker.key(&row.get::<_, String>("customer_id")?)));
    }
    if ended.is_empty() {
        return Ok(0);
    }
    let open = ended.iter().filter(|(_, life)| life.state.is_open()).count() as u64;
    for (call, before) in ended {
        end(connection, (call, &before), Happening::NothingLeft, (run, now))?;
    }
    marks::put(connection, compared_again)?;
    Ok(open)
}

/// Gives calls their tries back.
pub(super) fn without_tries(open: &str) -> String {
    format!(
        "UPDATE call SET attempts = 0, unknown_this_run = 0, deferred_in = 0
         WHERE {open} AND (attempts > 0 OR unknown_this_run = 1 OR deferred_in > 0)"
    )
}
