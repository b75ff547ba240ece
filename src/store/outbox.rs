//! The outbox: writing down what became of leased calls, in groups.
//!
//! Leases and settlements come in groups: the caller begins a group, does its work and commits once. What a crash
//! before the commit leaves is what was there before; bytes leave only after the commit of their lease.

use std::cell::OnceCell;

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::domain::account::{Account, Keeper, Keeping};
use crate::domain::call::{CallId, Payload, State};
use crate::domain::clock::Timestamp;
use crate::domain::customer::{CustomerId, CustomerNumber};
use crate::domain::fault;
use crate::domain::lifecycle::{Effect, Happening, Life, Wait};
use crate::domain::mark::{Mark, Marker};
use crate::domain::policy::OnNew;
use crate::domain::provider::ProviderId;
use crate::domain::standing::Named;
use crate::domain::wire::{FieldCode, ProviderKey, WireValues};

use super::flights::Aloft;
use super::lease::{CallRow, Leased};
use super::marks;
use super::shared_keys::{self, OtherKey};
use super::statements::Statements;
use super::transitions::{CallRecord, one, step};
use super::{LaneUse, RunNumber, Store, StoreError, accounts, codec, named_keys, origin, priority, runs};

/// What became of a leased call.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// What happened to it.
    pub happening: Happening,
    /// The class of the verdict.
    pub class: &'static str,
    /// The provider's code or what failed.
    pub code: String,
    /// With a remedy of some fields only: these.
    pub only_fields: Option<&'static [FieldCode]>,
    /// From now on it goes after all others of its lane; of withdrawn consents those alone that have stopped the lane.
    pub last: bool,
    /// The end of `settle`, if it has to wait that long.
    pub settle_until: Timestamp,
    /// The end of the backoff, if it has to wait that long.
    pub backoff_until: Timestamp,
    /// Tries a call has in one run.
    pub attempts_max: u32,
    /// What is done for somebody new now.
    pub on_new: OnNew,
}

/// The life of a call after its settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Its life now.
    pub life: Life,
    /// It has used up its tries and waits for the next run.
    pub deferred: bool,
    /// Not before this time, when it is still to be sent.
    pub due: Timestamp,
}

/// How much of the state stays in memory during dispatch, negative as SQLite wants kibibytes: what one group writes
/// must not have to leave before its commit.
const CACHE_KIB_DISPATCH: i64 = -8_192;
/// After so many groups the write-ahead log is moved into the file; mostly some two thousand pages. A page with several calls
/// is written anew for each group that has one of them: of a longer log fewer copies go into the file. But what is written over
/// is written faster than what is new to the file system: with eight times the pages a call takes 4 % more of the processor.
pub(super) const LOG_GROUPS: u32 = 128;

impl Store {
    /// Prepares for many small transactions, of which the write-ahead log alone will know for a while. A crash leaves a state
    /// that says that a run was at work.
    ///
    /// # Errors
    /// [`StoreError`] when the state refuses.
    pub fn expect_dispatch(&mut self) -> Result<(), StoreError> {
        self.connection.pragma_update(None, "cache_size", CACHE_KIB_DISPATCH)?;
        self.connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        let begun = origin::begin_work(&mut self.connection, &self.path).inspect_err(|_| self.leave_log())?;
        (self.at_work, self.says_at_work) = (Some(begun.0), begun.1);
        self.groups = 0;
        Ok(())
    }

    /// Does several steps of dispatch in one transaction. A crash before it returns leaves the state as it was.
    ///
    /// # Errors
    /// Those of `work`, and [`StoreError`] when the state refuses, or is not the file any more that has its name.
    pub fn group<T>(
        &mut self,
        run: RunNumber,
        now: Timestamp,
        work: impl FnOnce(&mut Outbox<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(at_work) = &self.at_work {
            origin::refuse_other("go on in", &self.path, at_work)?;
        }
        self.tend_log()?;
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let changes_before = transaction.total_changes();
        let mut aloft = self.aloft.clone();
        let keeping = Keeping { fingerprinter: &self.fingerprinter, clear: self.clear_values };
        let mut outbox = Outbox::within(&transaction, keeping, &mut aloft, (run, now));
        let result = work(&mut outbox)?;
        outbox.prove_flights()?;
        drop(outbox);
        if transaction.total_changes() > changes_before {
            self.backups.make_due()?;
        }
        transaction.commit()?;
        self.aloft = aloft;
        self.groups += 1;
        Ok(result)
    }

    /// Moves the log into the file where it is time for that. Comes before a group: what fails behind its commit would be told
    /// as if nothing of it were written.
    fn tend_log(&mut self) -> Result<(), StoreError> {
        if self.at_work.is_some() && (!self.says_at_work || self.groups >= LOG_GROUPS) {
            self.says_at_work |= origin::move_log(&self.connection)?;
            self.groups = 0;
        }
        Ok(())
    }
}

/// The outbox inside one transaction.
#[derive(Debug)]
pub struct Outbox<'a> {
    pub(super) connection: &'a Connection,
    pub(super) statements: Statements<'a>,
    pub(super) keeping: Keeping<'a>,
    /// Whether any record names another account than the state has, once that is asked.
    pub(super) named_keys: OnceCell<bool>,
    /// What will be on its way once the transaction is committed.
    pub(super) aloft: &'a mut Aloft,
    pub(super) run: RunNumber,
    pub(super) now: Timestamp,
}

impl<'a> Outbox<'a> {
    /// The one of a transaction that has begun.
    pub(super) fn within(
        connection: &'a Connection,
        keeping: Keeping<'a>,
        aloft: &'a mut Aloft,
        (run, now): (RunNumber, Timestamp),
    ) -> Self {
        let (statements, named_keys) = (Statements::default(), OnceCell::new());
        Self { connection, statements, keeping, named_keys, aloft, run, now }
    }
}

impl Outbox<'_> {
    /// Notes that requests have left, so that the rate and the daily limit hold across restarts. What a crash keeps from being
    /// noted, the recovery notes.
    pub fn note_sent(&mut self, provider: ProviderId, requests: u64) -> Result<(), StoreError> {
        let used = runs::lane_use(self.connection, provider)?.on(self.now.day());
        let sent = used.sent.saturating_add(requests);
        runs::put_lane_use(self.connection, provider, LaneUse { last_sent: self.now, sent, ..used })
    }

    /// Writes down what became of a leased call, together with what the provider holds now. A crash before the
    /// commit makes the outcome unknown: an update is repeated, a create is probed.
    pub fn settle(&mut self, call: &Leased, settlement: &Settlement) -> Result<Settled, StoreError> {
        let before = &call.life;
        let settled = step(call.id, before, fault::bent(settlement.happening, before.operation))?;
        let mut life = settled.life;
        let is_absent = settled.effect == Effect::Absent;
        // Whoever is proved not to be there is not to be created under a key that was given up meanwhile.
        let names_other = || self.names_other_key(call.customer_number, call.provider, &call.payload.key);
        if is_absent && (settlement.on_new == OnNew::Skip || names_other()?) {
            life = step(call.id, &life, Happening::NothingLeft)?.life;
        }
        let still_to_send = matches!(life.state, State::Waiting | State::Probing | State::Queued);
        // What goes once more in another way is not the same try again.
        let is_remedied = matches!(
            settlement.happening,
            Happening::RefusedForNow | Happening::RefusedAsWhole | Happening::Exists
        );
        let deferred = still_to_send && !is_remedied && life.attempts >= settlement.attempts_max;
        if deferred {
            life = step(call.id, &life, Happening::AttemptsUsedUp)?.life;
        }
        let due = match settled.wait {
            Wait::None => Timestamp(0),
            Wait::Keep => call.due,
            Wait::Settle => settlement.settle_until,
            Wait::Backoff => settlement.backoff_until,
        };
        let written = Written { life, deferred, due, settling: settled.wait == Wait::Settle };
        let is_accepted = written.life.state == State::Acknowledged;
        // First, because its guard is what proves that the call is as it was leased.
        if call.stood.is_some() {
            self.touch_down(call, is_accepted)?;
        }
        if is_accepted {
            self.write_accepted(call, settlement, &written)?;
        } else {
            self.write_settled(call, settlement, &written)?;
        }
        self.apply(settled.effect, &Recipient::of(call))?;
        // What was given back before it left has got no answer.
        if !matches!(settlement.happening, Happening::Accepted | Happening::Interrupted) {
            self.put_answer(call, settlement)?;
        }
        // The next input decides whether an update of somebody new, who is not there, becomes a create.
        let is_refused = settlement.happening == Happening::Missing && life.state == State::Refused;
        if is_refused && !self.is_known(call)? {
            shared_keys::forget_known(
                self.connection,
                self.keeping.fingerprinter,
                call.provider,
                &call.payload.key,
            )?;
            self.compare_again(&call.customer)?;
        }
        Ok(Settled { life, deferred, due })
    }

    fn is_known(&self, call: &Leased) -> Result<bool, StoreError> {
        let account = self.account(&Recipient::of(call))?;
        Ok(account.is_some_and(|account| account.known && account.key == call.payload.key))
    }

    /// Has a customer compared at its next record, whatever that says.
    pub(super) fn compare_again(&self, customer: &CustomerId) -> Result<(), StoreError> {
        let key = Marker::new(self.keeping.fingerprinter).key(customer.as_str());
        marks::put_one(self.connection, &Mark::unread(key))
    }

    pub(super) fn apply(&self, effect: Effect, to: &Recipient<'_>) -> Result<(), StoreError> {
        match effect {
            Effect::None => Ok(()),
            Effect::Acknowledge => self.acknowledge(to),
            Effect::Exists => self.note_existing(to),
            Effect::MarkUnknown => self.note_unknown(to),
            Effect::Absent => self.note_absent(to),
        }
    }

    fn acknowledge(&self, to: &Recipient<'_>) -> Result<(), StoreError> {
        self.doubt_absent(to)?;
        let mut keeper = self.keeping.of(to.customer, to.provider);
        if self.merge_delivered(to, &mut keeper)? {
            return Ok(());
        }
        let mut account = self.account_of(to)?;
        self.remember_other_key(&account, to)?;
        account.acknowledge(&to.sent.key, &to.sent.values, &mut keeper);
        self.put_account(&account, to)
    }

    /// The account is there; what it holds is not known.
    fn note_existing(&self, to: &Recipient<'_>) -> Result<(), StoreError> {
        let mut account = self.account_of(to)?;
        self.remember_other_key(&account, to)?;
        let mut keeper = self.keeping.of(to.customer, to.provider);
        account.acknowledge(&to.sent.key, &WireValues::default(), &mut keeper);
        account.mark_unknown(to.sent.values.iter().map(|(field, _)| field));
        self.put_account(&account, to)
    }

    /// The account may hold what was sent. A call for another account (a key that a person released) tells nothing of this one.
    fn note_unknown(&self, to: &Recipient<'_>) -> Result<(), StoreError> {
        self.doubt_others(to)?;
        let mut account = self.account_of(to)?;
        if account.key != to.sent.key {
            return Ok(());
        }
        account.mark_unknown(to.sent.values.iter().map(|(field, _)| field));
        self.put_account(&account, to)
    }

    /// The lost create was not applied: nothing of what it may have left is there, and what was kept back for its sake is
    /// looked at again.
    fn note_absent(&self, to: &Recipient<'_>) -> Result<(), StoreError> {
        self.compare_again(to.customer)?;
        let mut account = self.account_of(to)?;
        if account.key != to.sent.key || account.known {
            return Ok(());
        }
        account.fields.clear();
        self.put_account(&account, to)
    }

    /// The customer's account at the provider; one of which nothing is known, where there is none.
    fn account_of(&self, to: &Recipient<'_>) -> Result<Account, StoreError> {
        Ok(self.account(to)?.unwrap_or_else(|| Account::new(to.sent.key.clone())))
    }

    /// Where the account is about to become another one: whoever was known under the old key exists under it still.
    fn remember_other_key(&self, account: &Account, to: &Recipient<'_>) -> Result<(), StoreError> {
        if !account.known || account.key == to.sent.key {
            return Ok(());
        }
        let mark = self.keeping.fingerprinter.account_mark(to.provider, &account.key);
        let gave_up = OtherKey { customer: to.customer_number, known: true };
        shared_keys::put(self.connection, &mark, to.provider, gave_up)
    }

    fn put_account(&self, account: &Account, to: &Recipient<'_>) -> Result<(), StoreError> {
        one(accounts::set(self.connection, to.customer_number, to.provider, account)?, to.call)
    }

    /// Whether the newest record of a customer names another account than the one with this key, or none.
    pub(super) fn names_other_key(
        &self,
        customer: CustomerNumber,
        provider: ProviderId,
        key: &ProviderKey,
    ) -> Result<bool, StoreError> {
        Ok(match named_keys::find(self.connection, customer, provider)? {
            None => false,
            Some(Named::Nobody) => true,
            Some(Named::Account(mark)) => mark != self.keeping.fingerprinter.account_mark(provider, key),
        })
    }

    /// Lays what was acknowledged over what the account with this key is known to hold; `false` when its key is another.
    fn merge_delivered(&self, to: &Recipient<'_>, keeper: &mut Keeper<'_>) -> Result<bool, StoreError> {
        let delivered = codec::pack_delivered(&to.sent.values, keeper);
        // The key is compared and not set: its index would be written anew.
        let sql = "UPDATE account SET known = 1, fields = merged_fields(fields, ?4)
             WHERE customer = ?1 AND provider = ?2 AND key = ?3";
        let mut statement = self.statements.acknowledge.get(self.connection, sql)?;
        let key = to.sent.key.0.as_str();
        match statement.execute((to.customer_number, to.provider.number(), key, delivered)) {
            Ok(changed) => Ok(changed == 1),
            // Fields that cannot be read are the likelier cause, and the clearer word.
            Err(error) => self.account(to).and(Err(error.into())),
        }
    }

    fn account(&self, of: &Recipient<'_>) -> Result<Option<Account>, StoreError> {
        accounts::find(self.connection, of.customer_number, of.provider)
    }

    /// An accepted call, which most are: only what its acceptance changes.
    fn write_accepted(
        &self,
        call: &Leased,
        settlement: &Settlement,
        after: &Written,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE call SET state = 'acknowledged', attempts = ?4, only_fields = NULL, due = 0, settling = 0, lease = NULL,
                 settled_in = ?5, class = ?6, code = ?7, changed_at = ?8, payload = NULL
             WHERE id = ?1 AND state = ?2 AND lease IS ?3";
        let mut statement = self.statements.accept.get(self.connection, sql)?;
        let changed = statement.execute((
            call.id.0,
            call.standing_state().name(),
            call.standing_lease(),
            after.life.attempts,
            self.run.0,
            settlement.class,
            settlement.code.as_str(),
            self.now.0,
        ))?;
        one(changed, call.id)
    }

    fn write_settled(
        &self,
        call: &Leased,
        settlement: &Settlement,
        after: &Written,
    ) -> Result<(), StoreError> {
        let life = &after.life;
        let in_part = settlement.happening == Happening::AcceptedInPart;
        let mut record = CallRecord::of(life)
            .resting(life, self.run)
            .with("due", after.due.0)
            .with("settling", after.settling)
            .with("deferred_in", if after.deferred { self.run.0 } else { 0 })
            .with("lease", Value::Null)
            .with("replaced", false);
        if let Some(only) = settlement.only_fields.and_then(codec::pack_codes) {
            record = record.with("only_fields", only);
        }
        if in_part && let Some(rest) = &call.unsent {
            record = record.left_with(rest);
        }
        // A remedy is only tried later; what has stopped the lane would stop it again.
        let stays_first =
            call.priority == priority::WITHDRAWAL && settlement.happening == Happening::RefusedForNow;
        if settlement.last && !stays_first {
            record = record.with("priority", priority::behind_all(call.priority));
        }
        // The rest stays refused for the reason that it was refused for, whatever the part meets on its way. Why a call is
        // held is what a person has to decide about. And what did not leave was told nothing new.
        let goes_on = life.state.is_open() && life.state != State::Held;
        let is_told = settlement.happening != Happening::Interrupted;
        if is_told && !(in_part || (call.reduced && goes_on)) {
            record = record.with("class", settlement.class.to_owned()).with("code", settlement.code.clone());
        }
        record.update(self.connection, call.id, (call.standing_state(), call.standing_lease()), self.now)
    }

    fn put_answer(&self, call: &Leased, settlement: &Settlement) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO answer (call, at, run, probe, class, code) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        statement.execute((
            call.id.0,
            self.now.0,
            self.run.0,
            call.life.state == State::Probing,
            settlement.class,
            &settlement.code,
        ))?;
        Ok(())
    }
}

struct Written {
    life: Life,
    deferred: bool,
    due: Timestamp,
    settling: bool,
}

/// Whose account an effect is for, and what left for it.
pub(super) struct Recipient<'a> {
    call: CallId,
    customer: &'a CustomerId,
    pub(super) customer_number: CustomerNumber,
    pub(super) provider: ProviderId,
    pub(super) sent: &'a Payload,
}

impl<'a> Recipient<'a> {
    fn of(call: &'a Leased) -> Self {
        Self {
            call: call.id,
            customer: &call.customer,
            customer_number: call.customer_number,
            provider: call.provider,
            sent: &call.payload,
        }
    }

    pub(super) fn standing(call: &'a CallRow) -> Self {
        Self {
            call: call.id,
            customer: &call.customer,
            customer_number: call.customer_number,
            provider: call.provider,
            sent: &call.payload,
        }
    }
}
