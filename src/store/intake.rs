//! Accepting an input: one transaction from the first customer to the last call.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, HashSet};

use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::domain::account::Keeping;
use crate::domain::call::{CallId, HoldReason, Operation, Payload, State};
use crate::domain::clock::Timestamp;
use crate::domain::customer::{CustomerId, CustomerNumber, Order};
use crate::domain::fault::{self, Point};
use crate::domain::lifecycle::{Happening, Life};
use crate::domain::provider::ProviderId;
use crate::domain::standing::{Named, Standing};
use crate::domain::wire::ProviderKey;

use super::backup::Backups;
use super::blocks::Blocks;
use super::doubts::Doubts;
use super::filling::{self, Filling, Unasked};
use super::flights::Aloft;
use super::known_fields::{FieldNumbers, ToldFields};
use super::lease;
use super::marks::{self, Marks};
use super::outbox::Outbox;
use super::packed::{PackedAccount, PackedPayload};
use super::rare::Rare;
use super::shared_keys::{self, OtherKey};
use super::snapshot::{Snapshot, life_of};
use super::transitions::{CallRecord, InsertText, end, next_call, step};
use super::{
    RunNumber, Store, StoreError, accounts, codec, flights, missed, named_keys, orders, priority, restore,
    runs, settling,
};

/// How much of the state stays in memory while many customers are written, negative as SQLite wants kibibytes.
const CACHE_KIB_MANY: i64 = -24_576;

/// The transaction that accepts an input. Dropped without [`Intake::commit`] it leaves no trace: a file is accepted
/// whole or not at all.
#[derive(Debug)]
pub struct Intake<'a> {
    pub(super) transaction: Transaction<'a>,
    /// Behind the transaction, and so until after its end.
    _filling: Option<Filling<'a>>,
    _unasked: Option<Unasked<'a>>,
    backups: &'a mut Backups,
    aloft: &'a mut Aloft,
    changes_before: u64,
    /// Changes that no backup is made for.
    bookkeeping: Cell<u64>,
    /// What few customers had when the transaction began.
    rare: Rare,
    /// Of whom it is not known whether they exist.
    doubts: Doubts,
    /// Creates of this input that took the place of one that may have been applied.
    may_have_left: RefCell<HashSet<CallId>>,
    /// Whether many customers are new or changed.
    many: Cell<bool>,
    /// Rows that wait to be written together; none, where each is written at once.
    pub(super) blocks: RefCell<Option<Blocks>>,
    /// The number of the next call; none before the first one.
    next_call: Cell<Option<CallId>>,
    insert: RefCell<InsertText>,
    /// How the fields of customers are kept.
    pub(super) field_numbers: RefCell<FieldNumbers>,
    keeping: Keeping<'a>,
    pub(super) run: RunNumber,
    pub(super) now: Timestamp,
}

/// A call to be put into the outbox.
#[derive(Debug)]
pub struct NewCall {
    /// The number of the customer in the state.
    pub customer: CustomerNumber,
    /// For whom.
    pub provider: ProviderId,
    /// What it does.
    pub operation: Operation,
    /// What it carries.
    pub payload: PackedPayload,
    /// Why it must not leave by itself.
    pub hold: Option<HoldReason>,
    /// Whether it withdraws a consent.
    pub withdrawal: bool,
}

impl Store {
    /// Begins to accept an input; a first one is written straight into the file of the state. Until [`Intake::commit`] a
    /// crash leaves the state as it was.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written; so for every method of [`Intake`].
    pub fn intake(&mut self, run: RunNumber, now: Timestamp) -> Result<Intake<'_>, StoreError> {
        let Self { connection, backups, fingerprinter, clear_values, aloft, .. } = self;
        let connection: &Connection = connection;
        let is_empty = filling::is_empty(connection)?;
        let unasked = is_empty.then(|| Unasked::new(connection)).transpose()?;
        let filling = if is_empty {
            // Nobody else can read the state while it is filled.
            backups.write_due()?;
            Filling::begin(connection)?
        } else {
            None
        };
        let (filling, transaction) = match filling {
            Some((filling, transaction)) => (Some(filling), transaction),
            None => (None, Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?),
        };
        flights::land(&transaction)?;
        let rare = Rare::read(&transaction)?;
        let doubts = Doubts::read(&transaction)?;
        let field_numbers = RefCell::new(FieldNumbers::read(&transaction)?);
        Ok(Intake {
            changes_before: transaction.total_changes(),
            bookkeeping: Cell::new(0),
            transaction,
            _filling: filling,
            _unasked: unasked,
            backups,
            aloft,
            rare,
            doubts,
            may_have_left: RefCell::default(),
            many: Cell::new(false),
            blocks: RefCell::new(None),
            next_call: Cell::new(None),
            insert: RefCell::default(),
            field_numbers,
            keeping: Keeping { fingerprinter, clear: *clear_values },
            run,
            now,
        })
    }
}

impl Intake<'_> {
    /// The view for comparisons, inside this transaction.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_> {
        let connection: &Connection = &self.transaction;
        Snapshot {
            connection,
            keeping: self.keeping,
            // They have landed.
            flights: None,
            newer_orders: true,
            field_numbers: Some(OnceCell::new()),
            rare: self.rare,
        }
    }

    /// Writes down a customer who is not known yet, with the fields of which its records tell something; gives its number.
    pub fn add_customer(
        &self,
        id: &CustomerId,
        order: Option<Order>,
        told: ToldFields,
    ) -> Result<CustomerNumber, StoreError> {
        let told = self.packed_told(told)?;
        if let Some(blocks) = self.blocks.borrow_mut().as_mut().filter(|blocks| blocks.take_customers()) {
            let number = blocks.customer(id, order, told);
            self.write_if_full(blocks)?;
            return Ok(number);
        }
        let sql = "INSERT INTO customer (customer_id, order_value, told_fields) VALUES (?1, ?2, ?3)";
        self.transaction.prepare_cached(sql)?.execute((id.as_str(), order.map(|order| order.0), told))?;
        Ok(CustomerNumber(self.transaction.last_insert_rowid()))
    }

    /// Writes down the newest order value of a known customer.
    pub fn put_order(&self, customer: CustomerNumber, order: Order) -> Result<(), StoreError> {
        if self.many.get() {
            return orders::put_in_place(&self.transaction, customer, order);
        }
        if let Some(blocks) = &mut *self.blocks.borrow_mut() {
            blocks.order(customer, order);
            return self.write_if_full(blocks);
        }
        orders::put(&self.transaction, &[(customer, order)])
    }

    /// Lets many pages stay in memory until they are written, for an input with many new or changed customers.
    pub fn expect_many(&self) -> Result<(), StoreError> {
        self.many.set(true);
        Ok(self.transaction.pragma_update(None, "cache_size", CACHE_KIB_MANY)?)
    }

    /// Writes down what is remembered of the records of this input. No change that a backup would be made for: without
    /// them the records are only compared again.
    pub fn put_marks(&self, marks: Marks) -> Result<(), StoreError> {
        let before = self.transaction.total_changes();
        marks::put(&self.transaction, marks)?;
        self.bookkeeping.set(self.bookkeeping.get() + self.transaction.total_changes() - before);
        Ok(())
    }

    /// Writes down an account.
    pub fn put_account(
        &self,
        customer: CustomerNumber,
        provider: ProviderId,
        account: PackedAccount,
    ) -> Result<(), StoreError> {
        if let Some(blocks) = self.blocks.borrow_mut().as_mut().filter(|blocks| blocks.take_customers()) {
            blocks.account(customer, provider, account);
            return self.write_if_full(blocks);
        }
        accounts::put(&self.transaction, customer, provider, &account)
    }

    /// Puts a call into the outbox in the place of the standing one, whose wait and turn it inherits.
    pub fn put_call(&self, call: NewCall, replaced: Option<&Standing>) -> Result<CallId, StoreError> {
        let id = self.number_call()?;
        if let Some(blocks) = &mut *self.blocks.borrow_mut() {
            if replaced.is_none() && call.hold.is_none() && self.doubts.are_none() {
                fault::pass(Point::MidIngest);
                blocks.call(id, call);
                self.write_if_full(blocks)?;
                return Ok(id);
            }
            if blocks.take_customers() {
                blocks.write(&self.transaction, self.run, self.now)?;
            }
        }
        self.insert_call(id, call, replaced)?;
        Ok(id)
    }

    /// The number of one more call.
    fn number_call(&self) -> Result<CallId, StoreError> {
        let id = self.next_call.get().map_or_else(|| next_call(&self.transaction), Ok)?;
        self.next_call.set(Some(CallId(id.0 + 1)));
        Ok(id)
    }

    fn insert_call(&self, id: CallId, call: NewCall, replaced: Option<&Standing>) -> Result<(), StoreError> {
        if let Some(replaced) = replaced {
            // A held call vanishes; every other one is replaced by the newer value.
            let held = replaced.life.state == State::Held;
            let happening = if held { Happening::NothingLeft } else { Happening::NewerValue };
            // What goes to the same account waits in its place.
            let is_moved =
                replaced.settling && codec::unpack_payload(&call.payload.bytes)?.key != replaced.payload.key;
            self.settle_standing(replaced, happening, is_moved)?;
        }
        let inherited = replaced.filter(|replaced| {
            matches!(replaced.life.state, State::Waiting | State::Queued | State::Held)
                && replaced.due > Timestamp::default()
        });
        // What is held has not left, and is asked about when a person lets it go.
        let is_doubted = || if call.hold.is_none() { self.may_exist(&call) } else { Ok(false) };
        let is_inherited = call.operation == Operation::Create
            && replaced.is_some_and(|replaced| replaced.life.create_unknown);
        let doubtful = is_inherited || (call.operation == Operation::Create && is_doubted()?);
        let mut life =
            if doubtful { Life::new_in_doubt(call.hold) } else { Life::new(call.operation, call.hold) };
        if life.state == State::Queued && inherited.is_some() {
            life.state = State::Waiting;
        }
        // What was unknown of an update stays so, however the wait for it ended.
        life.unknown_runs = replaced.map_or(0, |replaced| replaced.life.unknown_runs);
        // What is refused or held has had its turn.
        let waits = |replaced: &&Standing| !matches!(replaced.life.state, State::Refused | State::Held);
        let turn = replaced.filter(waits).map(|replaced| lease::turn_of(&self.transaction, replaced.id));
        let (place, is_last) = turn.transpose()?.unwrap_or((id.0, false));
        let own = priority::of(call.withdrawal);
        CallRecord::of(&life)
            .with("customer", call.customer.0)
            .with("provider", call.provider.number())
            .with("priority", if is_last && !call.withdrawal { priority::behind_all(own) } else { own })
            .with("place", place)
            .with("due", inherited.map_or(0, |replaced| replaced.due.0))
            .with("settling", inherited.is_some_and(|replaced| replaced.settling))
            .with("planned_in", self.run.0)
            .carrying(call.payload)
            .insert(&self.transaction, &mut self.insert.borrow_mut(), id, self.now)?;
        fault::pass(Point::MidIngest);
        if is_inherited {
            self.may_have_left.borrow_mut().insert(id);
        }
        Ok(())
    }

    /// Whether the person whom a call is to create may have been created before, of which nothing is known.
    fn may_exist(&self, call: &NewCall) -> Result<bool, StoreError> {
        let fingerprinter = self.keeping.fingerprinter;
        self.doubts.concern(
            || {
                let key = codec::unpack_payload(&call.payload.bytes)?.key;
                Ok(fingerprinter.account_mark(call.provider, &key))
            },
            || Ok(fingerprinter.tombstone(&self.snapshot().customer_id(call.customer)?)),
        )
    }

    /// Remembers a key of the customer beside that of its account: a call goes to it, or it is known under it.
    pub fn put_other_key(
        &self,
        other: OtherKey,
        provider: ProviderId,
        key: &ProviderKey,
    ) -> Result<(), StoreError> {
        let mark = self.keeping.fingerprinter.account_mark(provider, key);
        shared_keys::put(&self.transaction, &mark, provider, other)
    }

    /// Remembers which account the newest record of a customer names, where that is not what account and call have.
    pub fn put_named(
        &self,
        customer: CustomerNumber,
        provider: ProviderId,
        named: Option<Named>,
    ) -> Result<(), StoreError> {
        named_keys::put(&self.transaction, customer, provider, named)
    }

    /// Forgets that a customer shares the account with that key, which its record no longer names. That the account is
    /// known to be the customer's stays as it is.
    pub fn end_sharing(
        &self,
        customer: CustomerNumber,
        provider: ProviderId,
        key: &ProviderKey,
    ) -> Result<(), StoreError> {
        if !self.rare.other_keys {
            return Ok(());
        }
        let mark = self.keeping.fingerprinter.account_mark(provider, key);
        shared_keys::take_away(&self.transaction, &mark, provider, customer)
    }

    /// Closes a standing call that has nothing left to bring.
    pub fn close_call(&self, call: &Standing) -> Result<(), StoreError> {
        self.settle_standing(call, Happening::NothingLeft, call.settling)
    }

    /// Gives a probing or held call the newest values. It keeps its place, or goes first if it withdraws a consent; one that was
    /// held as overtaken is let go if it is decided anew.
    pub fn replace_payload(
        &self,
        call: &Standing,
        payload: &Payload,
        (withdrawal, happening): (bool, Happening),
    ) -> Result<(), StoreError> {
        let after = step(call.id, &call.life, happening)?.life;
        let record = CallRecord::of(&after).carrying(PackedPayload::of(payload)).with("replaced", true);
        let record = if withdrawal { record.with("priority", priority::WITHDRAWAL) } else { record };
        let record = if after.state == call.life.state { record } else { record.resting(&after, self.run) };
        record.update(&self.transaction, call.id, (call.life.state, None), self.now)
    }

    /// Holds a call that has not left yet, of this input or an earlier one, because another customer turned out to
    /// have the same key.
    pub fn hold_disputed(&self, call: CallId) -> Result<(), StoreError> {
        self.hold(call, Happening::KeyDisputed)
    }

    /// Holds a call of [`Snapshot::doubtful_calls`] that this input does not say too.
    pub fn hold_left_behind(&self, call: CallId) -> Result<(), StoreError> {
        self.hold(call, Happening::LeftBehind)
    }

    /// Holds a call that the record of its customer contradicts, where nothing takes its place.
    pub fn hold_overtaken(&self, call: CallId) -> Result<(), StoreError> {
        self.hold(call, Happening::Overtaken)
    }

    fn hold(&self, call: CallId, happening: Happening) -> Result<(), StoreError> {
        let (before, is_new) = {
            let mut statement =
                self.transaction.prepare_cached("SELECT * FROM call WHERE id = ?1 AND lease IS NULL")?;
            let mut rows = statement.query([call.0])?;
            let Some(row) = rows.next()? else { return Err(StoreError::GuardFailed { call }) };
            (life_of(row)?, row.get::<_, i64>("planned_in")? == self.run.0)
        };
        // A call of this input has not left, unless it took the place of one that may have.
        let has_not_left = is_new && !self.may_have_left.borrow().contains(&call);
        let mut after = step(call, &before, happening)?.life;
        after.create_unknown &= !has_not_left;
        // Whatever it was answered before is not why it is held.
        CallRecord::of(&after)
            .resting(&after, self.run)
            .with("class", Value::Null)
            .with("code", Value::Null)
            .update(&self.transaction, call, (before.state, None), self.now)
    }

    /// Ends the calls for accounts that this input, or an earlier one, has given to other customers; gives how many. Where it
    /// changes nothing, it gives nothing away.
    pub fn end_given_away(&mut self) -> Result<BTreeMap<ProviderId, u64>, StoreError> {
        if !self.has_changes() {
            return Ok(BTreeMap::new());
        }
        let outbox = Outbox::within(&self.transaction, self.keeping, self.aloft, (self.run, self.now));
        outbox.end_all_given_away()
    }

    /// Ends the doubt that a restored backup left about what is queued: this input holds every customer. Whoever is new
    /// later may have been created since the backup all the same, and is probed.
    pub fn end_doubt(&self) -> Result<(), StoreError> {
        restore::end_doubt(&self.transaction)
    }

    /// Notes that the run has accepted its input, with the time stamp of that, if it has one. After [`Self::back_up`], like all that
    /// follows: it is no change that a backup would be made for.
    pub fn accept(&self, time: Option<Timestamp>) -> Result<(), StoreError> {
        let time = time.map_or(runs::NO_TIME, |time| time.0);
        self.transaction.execute("UPDATE run SET input_time = ?2 WHERE number = ?1", (self.run.0, time))?;
        Ok(())
    }

    /// Notes which providers have this input, and which miss what it changes. After [`Self::back_up`].
    pub fn note_inputs(
        &self,
        enabled: &[ProviderId],
        is_complete: bool,
        changes: bool,
    ) -> Result<(), StoreError> {
        missed::note(&self.transaction, enabled, is_complete, changes, self.now)
    }

    /// Forgets the order values of all customers: they were read in another way than this input, or it begins anew.
    pub fn forget_orders(&self) -> Result<(), StoreError> {
        orders::forget(&self.transaction)
    }

    /// Notes how order values are read from now on. After [`Self::back_up`].
    pub fn put_order_reading(&self, reading: &[u8; 32]) -> Result<(), StoreError> {
        orders::put_reading(&self.transaction, reading)
    }

    /// Whether this input has changed anything so far.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.transaction.total_changes() > self.changes_before + self.bookkeeping.get()
    }

    /// Backs up the state as it was before this input, if that is wanted, due and something has changed.
    pub fn back_up(&mut self) -> Result<(), StoreError> {
        if self.has_changes() { self.backups.make_due() } else { Ok(()) }
    }

    /// Accepts the input. After this returns, its calls survive every crash.
    pub fn commit(self) -> Result<(), StoreError> {
        self.write_blocks()?;
        settling::hold_back(&self.transaction, self.keeping.fingerprinter)?;
        orders::settle(&self.transaction)?;
        fault::pass(Point::BeforeIngestCommit);
        self.transaction.commit()?;
        // They have landed.
        *self.aloft = Aloft::default();
        fault::pass(Point::AfterIngestCommit);
        Ok(())
    }

    /// Ends a call; `leaves_settling` where it was sent, nobody knows to what end, and no other takes its place.
    fn settle_standing(
        &self,
        call: &Standing,
        happening: Happening,
        leaves_settling: bool,
    ) -> Result<(), StoreError> {
        if leaves_settling {
            settling::note(&self.transaction, self.keeping.fingerprinter, call.id)?;
        }
        end(&self.transaction, (call.id, &call.life), happening, (self.run, self.now))
    }
}
