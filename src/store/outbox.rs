//! The outbox: leasing calls, and writing down what became of them.
//!
//! Leases and settlements come in groups: the caller begins a group, does its work and commits once. What a crash
//! before the commit leaves is what was there before; bytes leave only after the commit of their lease.

use rusqlite::{Connection, params_from_iter};

use crate::domain::account::{Account, Keeper};
use crate::domain::call::{CallId, Payload, State};
use crate::domain::clock::Timestamp;
use crate::domain::customer::CustomerId;
use crate::domain::fault;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::lifecycle::{self, Effect, Happening, Life, Wait};
use crate::domain::provider::ProviderId;
use crate::domain::wire::{FieldCode, WireValues};

use super::intake::one;
use super::snapshot::{Snapshot, life_of};
use super::{RunNumber, Store, StoreError, codec, runs};

/// A call that was refused and may be tried once more goes behind all others of its lane.
const PRIORITY_LAST: i64 = 9;

/// A call that may be sent now.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Its number.
    pub id: CallId,
    /// The token that its settlement must show.
    pub lease: i64,
    /// Its life, leased.
    pub life: Life,
    /// Whose.
    pub customer: CustomerId,
    /// The number of the customer in the state.
    pub customer_number: i64,
    /// What it carries: only the fields that are to be sent now.
    pub payload: Payload,
    /// Is it sent with some of its fields only (a remedy).
    pub reduced: bool,
    /// Was its outcome ever unknown.
    pub had_unknown: bool,
}

/// Which calls may be leased.
#[derive(Debug, Clone, Default)]
pub struct LeaseFilter {
    /// Only calls of these customers; all, when empty.
    pub only: Vec<CustomerId>,
    /// Also those that go after all others of the lane.
    pub with_last: bool,
    /// Also those that were in flight at several crashes ([`lifecycle::CRASHES_SUSPECT`]); they are sent alone.
    pub with_suspects: bool,
}

/// What became of a leased call.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// Which call.
    pub id: CallId,
    /// The token of its lease.
    pub lease: i64,
    /// What happened to it.
    pub happening: Happening,
    /// The class of the verdict.
    pub class: &'static str,
    /// The provider's code or what failed.
    pub code: String,
    /// With a remedy of some fields only: these.
    pub only_fields: Option<&'static [FieldCode]>,
    /// The end of `settle`, if it has to wait that long.
    pub settle_until: Timestamp,
    /// The end of the backoff, if it has to wait that long.
    pub backoff_until: Timestamp,
    /// Tries a call has in one run.
    pub attempts_max: u32,
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

impl Store {
    /// Does several steps of dispatch in one transaction. A crash before it returns leaves the state as it was.
    pub fn group<T>(
        &mut self,
        run: RunNumber,
        now: Timestamp,
        work: impl FnOnce(&mut Outbox<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut outbox = Outbox {
            connection: &transaction,
            fingerprinter: &self.fingerprinter,
            clear_values: self.clear_values,
            run,
            now,
        };
        let changes_before = transaction.total_changes();
        let result = work(&mut outbox)?;
        if transaction.total_changes() > changes_before {
            self.backups.make_due()?;
        }
        transaction.commit()?;
        Ok(result)
    }
}

impl LeaseFilter {
    /// Lets in those that come next when the others are done: the last ones, then the suspects. False when all are in.
    pub fn widen(&mut self) -> bool {
        let widened = !self.with_suspects;
        self.with_suspects = self.with_last;
        self.with_last = true;
        widened
    }

    fn priority_max(&self) -> i64 {
        if self.with_last { PRIORITY_LAST } else { PRIORITY_LAST - 1 }
    }

    fn clause(&self, first: usize) -> String {
        let suspects = if self.with_suspects {
            String::new()
        } else {
            format!("AND crashes < {}", lifecycle::CRASHES_SUSPECT)
        };
        if self.only.is_empty() {
            return suspects;
        }
        let marks: Vec<String> =
            (first..first + self.only.len()).map(|number| format!("?{number}")).collect();
        format!(
            "{suspects} AND customer IN (SELECT id FROM customer WHERE customer_id IN ({}))",
            marks.join(", ")
        )
    }

    fn bind(&self, values: &mut Vec<rusqlite::types::Value>) {
        values.extend(self.only.iter().map(|id| id.as_str().to_owned().into()));
    }
}

/// The outbox inside one transaction.
#[derive(Debug)]
pub struct Outbox<'a> {
    pub(super) connection: &'a Connection,
    pub(super) fingerprinter: &'a Fingerprinter,
    pub(super) clear_values: bool,
    pub(super) run: RunNumber,
    pub(super) now: Timestamp,
}

impl Outbox<'_> {
    /// Leases up to `limit` calls of a lane: withdrawn consents first, then waiting calls that are due, then fresh
    /// ones, oldest first. Their bytes may leave once the group is committed; a crash after that makes their outcome
    /// unknown.
    pub fn lease(
        &mut self,
        provider: ProviderId,
        limit: usize,
        filter: &LeaseFilter,
        next_lease: &mut i64,
    ) -> Result<Vec<Leased>, StoreError> {
        let sql = format!(
            "SELECT call.*, customer.customer_id AS customer_id FROM call JOIN customer ON customer.id = call.customer
             WHERE call.id IN (
                 SELECT id FROM (SELECT id, priority, 0 AS fresh, due AS turn FROM call
                     WHERE provider = ?1 AND state IN ('waiting', 'probing') AND due <= ?2 AND lease IS NULL
                         AND deferred_in <> ?3 {filter} ORDER BY due, id LIMIT ?4)
                 UNION ALL
                 SELECT id FROM (SELECT id, priority, 1 AS fresh, id AS turn FROM call
                     WHERE provider = ?1 AND state = 'queued' AND deferred_in <> ?3 AND due <= ?2 AND priority <= {priority_max} {filter}
                     ORDER BY priority, id LIMIT ?4))
             ORDER BY call.priority = {PRIORITY_LAST}, call.priority > 0, call.state = 'queued', call.due, call.id LIMIT ?4",
            priority_max = filter.priority_max(),
            filter = filter.clause(5),
        );
        let mut values = vec![
            i64::from(provider.number()).into(),
            self.now.0.into(),
            self.run.0.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ];
        filter.bind(&mut values);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter::<Vec<rusqlite::types::Value>>(values))?;
        let mut leased = Vec::new();
        while let Some(row) = rows.next()? {
            *next_lease += 1;
            leased.push(leased_call(row, *next_lease)?);
        }
        for call in &mut leased {
            self.mark_leased(call)?;
        }
        Ok(leased)
    }

    /// The earliest time at which a waiting or probing call of a lane may be sent; none, when nothing waits.
    pub fn next_due(
        &self,
        provider: ProviderId,
        filter: &LeaseFilter,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sql = format!(
            "SELECT min(due) FROM call WHERE provider = ?1 AND state IN ('queued', 'waiting', 'probing') AND lease IS NULL
             AND deferred_in <> ?2 AND priority <= {} {}",
            filter.priority_max(),
            filter.clause(3)
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut values = vec![i64::from(provider.number()).into(), self.run.0.into()];
        filter.bind(&mut values);
        let due: Option<i64> =
            statement.query_row(params_from_iter::<Vec<rusqlite::types::Value>>(values), |row| row.get(0))?;
        Ok(due.map(Timestamp))
    }

    fn mark_leased(&self, call: &mut Leased) -> Result<(), StoreError> {
        let before = call.life.state.name();
        call.life = self.next(call.id, &call.life, Happening::Leased)?;
        let mut statement = self.connection.prepare_cached(
            "UPDATE call SET state = ?3, lease = ?4, changed_at = ?5, replaced = 0
             WHERE id = ?1 AND state = ?2 AND lease IS NULL",
        )?;
        let after = call.life.state.name();
        one(statement.execute((call.id.0, before, after, call.lease, self.now.0))?, call.id)
    }

    /// Notes that requests are about to leave, so that the rate and the daily limit hold across restarts.
    pub fn note_sent(&mut self, provider: ProviderId, requests: u64) -> Result<(), StoreError> {
        let used = runs::lane_use(self.connection, provider)?.on(self.now.day());
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO lane (provider, last_sent, day, sent) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let sent = i64::try_from(used.sent.saturating_add(requests)).unwrap_or(i64::MAX);
        statement.execute((provider.number(), self.now.0, used.day, sent))?;
        Ok(())
    }

    /// Writes down what became of a leased call, together with what the provider holds now. A crash before the
    /// commit makes the outcome unknown: an update is repeated, a create is probed.
    pub fn settle(&mut self, settlement: &Settlement) -> Result<Settled, StoreError> {
        let (before, row) = self.read_leased(settlement)?;
        let step = lifecycle::next(&before, fault::bent(settlement.happening, before.operation))
            .map_err(|source| StoreError::Illegal { call: settlement.id, source })?;
        let mut life = step.life;
        let still_to_send = matches!(life.state, State::Waiting | State::Probing | State::Queued);
        let deferred = still_to_send && life.attempts >= settlement.attempts_max;
        if deferred {
            life = self.next(settlement.id, &life, Happening::AttemptsUsedUp)?;
        }
        self.apply(step.effect, &row)?;
        let due = match step.wait {
            Wait::None => Timestamp(0),
            Wait::Keep => Timestamp(row.due),
            Wait::Settle => settlement.settle_until,
            Wait::Backoff => settlement.backoff_until,
        };
        let written = Written { life, deferred, due, settling: step.wait == Wait::Settle };
        self.write_settled(settlement, &before, &row, &written)?;
        if settlement.happening != Happening::Accepted {
            self.put_answer(settlement, before.state == State::Probing)?;
        }
        Ok(Settled { life, deferred, due })
    }

    pub(super) fn apply(&self, effect: Effect, row: &LeasedRow) -> Result<(), StoreError> {
        if effect == Effect::None {
            return Ok(());
        }
        let customer =
            CustomerId::new(&row.customer_id).ok_or(StoreError::Damaged { what: "a customer has no key" })?;
        let keeper = Keeper {
            fingerprinter: self.fingerprinter,
            clear: self.clear_values,
            customer: &customer,
            provider: row.provider,
        };
        let mut account = self
            .snapshot()
            .account(row.customer, row.provider)?
            .unwrap_or_else(|| Account::new(row.payload.key.clone()));
        let sent = row.sent();
        match effect {
            Effect::Acknowledge => account.acknowledge(&sent.key, &sent.values, &keeper),
            Effect::Exists => {
                account.acknowledge(&sent.key, &WireValues::default(), &keeper);
                account.mark_unknown(sent.values.iter().map(|(field, _)| field));
            }
            Effect::MarkUnknown if account.key == sent.key => {
                account.mark_unknown(sent.values.iter().map(|(field, _)| field));
            }
            // The call was for another account (a key that a person released): nothing is known of the old one.
            Effect::MarkUnknown | Effect::None => return Ok(()),
        }
        let mut statement = self.connection.prepare_cached(
            "UPDATE account SET key = ?3, known = ?4, fields = ?5 WHERE customer = ?1 AND provider = ?2",
        )?;
        let fields = codec::pack_fields(&account.fields);
        let changed = statement.execute((
            row.customer,
            row.provider.number(),
            account.key.0.as_str(),
            account.known,
            fields,
        ))?;
        one(changed, row.id)
    }

    fn write_settled(
        &self,
        settlement: &Settlement,
        before: &Life,
        row: &LeasedRow,
        after: &Written,
    ) -> Result<(), StoreError> {
        let life = &after.life;
        let payload = match life.state {
            State::Refused if settlement.happening == Happening::AcceptedInPart => Some(row.unsent()),
            State::Acknowledged | State::Superseded | State::Abandoned | State::Forgotten => None,
            State::Queued
            | State::Waiting
            | State::InFlight
            | State::Probing
            | State::Held
            | State::Refused => Some(row.payload.clone()),
        };
        let only_fields = settlement.only_fields.and_then(codec::pack_codes);
        let last = settlement.happening == Happening::RefusedWithRemedy && only_fields.is_none();
        let settled_in = (!life.state.is_open() || life.state == State::Held).then_some(self.run.0);
        let mut statement = self.connection.prepare_cached(
            "UPDATE call SET state = ?3, operation = ?4, hold = ?5, create_unknown = ?6, attempts = ?7,
                 unknown_runs = ?8, unknown_this_run = ?9, crashes = ?10, missing_seen = ?11, remedy_used = ?12,
                 only_fields = coalesce(?13, CASE WHEN ?25 THEN only_fields END), priority = CASE WHEN ?14 THEN ?15 ELSE priority END, due = ?16, settling = ?17,
                 deferred_in = ?18, lease = NULL, settled_in = ?19, class = CASE WHEN ?26 THEN class ELSE ?20 END,
                 code = CASE WHEN ?26 THEN code ELSE ?21 END, changed_at = ?22,
                 payload = ?23
             WHERE id = ?1 AND state = ?2 AND lease = ?24",
        )?;
        let changed = statement.execute(rusqlite::params![
            settlement.id.0,
            before.state.name(),
            life.state.name(),
            life.operation.name(),
            life.hold.map(crate::domain::call::HoldReason::name),
            life.create_unknown,
            life.attempts,
            life.unknown_runs,
            life.unknown_this_run,
            life.crashes,
            life.missing_seen,
            life.remedy_used,
            only_fields,
            last,
            PRIORITY_LAST,
            after.due.0,
            after.settling,
            if after.deferred { self.run.0 } else { 0 },
            settled_in,
            settlement.class,
            settlement.code,
            self.now.0,
            payload.as_ref().map(codec::pack_payload),
            settlement.lease,
            life.state.is_open(),
            // The rest stays refused for the reason that it was refused for.
            settlement.happening == Happening::AcceptedInPart,
        ])?;
        one(changed, settlement.id)
    }

    fn put_answer(&self, settlement: &Settlement, probe: bool) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO answer (call, at, run, probe, class, code) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        statement.execute((
            settlement.id.0,
            self.now.0,
            self.run.0,
            probe,
            settlement.class,
            &settlement.code,
        ))?;
        Ok(())
    }

    fn read_leased(&self, settlement: &Settlement) -> Result<(Life, LeasedRow), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT call.*, customer.customer_id AS customer_id FROM call JOIN customer ON customer.id = call.customer
             WHERE call.id = ?1 AND lease = ?2",
        )?;
        let mut rows = statement.query((settlement.id.0, settlement.lease))?;
        let Some(row) = rows.next()? else { return Err(StoreError::Overtaken { call: settlement.id }) };
        Ok((life_of(row)?, leased_row(row)?))
    }

    /// Reads a call that nobody has leased.
    pub(super) fn read_standing(&self, call: CallId) -> Result<(Life, LeasedRow), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT call.*, customer.customer_id AS customer_id FROM call JOIN customer ON customer.id = call.customer
             WHERE call.id = ?1 AND lease IS NULL AND payload IS NOT NULL",
        )?;
        let mut rows = statement.query([call.0])?;
        let Some(row) = rows.next()? else { return Err(StoreError::NoSuchCall(call)) };
        Ok((life_of(row)?, leased_row(row)?))
    }

    fn next(&self, call: CallId, life: &Life, happening: Happening) -> Result<Life, StoreError> {
        lifecycle::next(life, happening)
            .map(|step| step.life)
            .map_err(|source| StoreError::Illegal { call, source })
    }

    fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            connection: self.connection,
            fingerprinter: self.fingerprinter,
            clear_values: self.clear_values,
        }
    }
}

struct Written {
    life: Life,
    deferred: bool,
    due: Timestamp,
    settling: bool,
}

pub(super) struct LeasedRow {
    id: CallId,
    customer: i64,
    customer_id: String,
    provider: ProviderId,
    pub(super) payload: Payload,
    pub(super) only_fields: Vec<FieldCode>,
    due: i64,
    /// Its values were replaced after it last left.
    pub(super) replaced: bool,
}

impl LeasedRow {
    /// What left: everything, or the fields that a remedy left over.
    fn sent(&self) -> Payload {
        if self.only_fields.is_empty() {
            return self.payload.clone();
        }
        Payload { key: self.payload.key.clone(), values: self.payload.values.only(&self.only_fields) }
    }

    /// What a remedy left out.
    pub(super) fn unsent(&self) -> Payload {
        let mut rest = self.payload.clone();
        rest.values.0.retain(|field, _| !self.only_fields.contains(field));
        rest
    }
}

fn leased_row(row: &rusqlite::Row<'_>) -> Result<LeasedRow, StoreError> {
    let damaged = StoreError::Damaged { what: "a call is for a provider that does not exist" };
    Ok(LeasedRow {
        id: CallId(row.get("id")?),
        customer: row.get("customer")?,
        customer_id: row.get("customer_id")?,
        provider: ProviderId::from_number(row.get("provider")?).ok_or(damaged)?,
        payload: codec::unpack_payload(&row.get::<_, Vec<u8>>("payload")?)?,
        only_fields: codec::unpack_codes(row.get::<_, Option<Vec<u8>>>("only_fields")?.as_deref())?,
        due: row.get("due")?,
        replaced: row.get("replaced")?,
    })
}

fn leased_call(row: &rusqlite::Row<'_>, lease: i64) -> Result<Leased, StoreError> {
    let life = life_of(row)?;
    let whole = leased_row(row)?;
    Ok(Leased {
        id: whole.id,
        lease,
        life,
        customer: CustomerId::new(&whole.customer_id)
            .ok_or(StoreError::Damaged { what: "a customer has no key" })?,
        customer_number: whole.customer,
        payload: whole.sent(),
        reduced: !whole.only_fields.is_empty(),
        had_unknown: life.unknown_runs > 0 || life.crashes > 0,
    })
}
