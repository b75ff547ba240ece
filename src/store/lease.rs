//! Leasing: which calls of a lane may leave now, in which order, and the token that their settlement must show.

use rusqlite::types::FromSql;
use rusqlite::{Connection, Row, params_from_iter};

use crate::domain::call::{CallId, HoldReason, Operation, Payload, State};
use crate::domain::clock::Timestamp;
use crate::domain::customer::{CustomerId, CustomerNumber};
use crate::domain::lifecycle::{self, Happening, Life};
use crate::domain::policy::OnNew;
use crate::domain::provider::ProviderId;

use super::outbox::Outbox;
use super::snapshot::{operation_of, provider_of};
use super::transitions::{CallRecord, step};
use super::{StoreError, codec, flights, priority};

/// A call that may be sent now. Nobody changes it in the state before it is settled, so what is written then need not
/// be read again: the guard of its lease proves it.
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
    pub customer_number: CustomerNumber,
    /// What it carries: only the fields that are to be sent now.
    pub payload: Payload,
    /// Whether it is sent with some of its fields only (a remedy).
    pub reduced: bool,
    /// Whether its outcome was ever unknown.
    pub had_unknown: bool,
    pub(super) provider: ProviderId,
    pub(super) due: Timestamp,
    pub(super) priority: i64,
    /// The state that its row has while it is on its way; none, when a recovery found it there and wrote its lease into it.
    pub(super) stood: Option<State>,
    /// What the remedy left out.
    pub(super) unsent: Option<Payload>,
}

impl Leased {
    /// The state that its row must be in when it is settled.
    pub(super) fn standing_state(&self) -> State {
        self.stood.unwrap_or(self.life.state)
    }

    /// The lease that its row must have when it is settled.
    pub(super) fn standing_lease(&self) -> Option<i64> {
        self.stood.is_none().then_some(self.lease)
    }
}

/// How far down the order of its calls a lane leases; each comes when nothing of the one before is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Calls that have their turn.
    Ordinary,
    /// Also those that go after all others of the lane.
    Last,
    /// Also those that were in flight at several crashes ([`lifecycle::CRASHES_SUSPECT`]); they are sent alone.
    Suspects,
}

/// Which calls may be leased.
#[derive(Debug, Clone)]
pub struct LeaseFilter {
    /// Only calls of these customers; all, when empty.
    pub only: Vec<CustomerId>,
    /// Up to which calls.
    pub reach: Reach,
    /// What is done for somebody new now, whatever was when calls were queued.
    pub on_new: OnNew,
}

impl Default for LeaseFilter {
    fn default() -> Self {
        Self { only: Vec::new(), reach: Reach::Ordinary, on_new: OnNew::Create }
    }
}

impl LeaseFilter {
    /// Lets in those that come next when the others are done: the last ones, then the suspects. False when all are in.
    pub fn widen(&mut self) -> bool {
        let wider = match self.reach {
            Reach::Ordinary => Reach::Last,
            Reach::Last => Reach::Suspects,
            Reach::Suspects => return false,
        };
        self.reach = wider;
        true
    }

    fn priority_max(&self) -> i64 {
        priority::highest(self.reach != Reach::Ordinary)
    }

    fn clause(&self, first: usize) -> String {
        let suspects = match self.reach {
            Reach::Ordinary | Reach::Last => format!("AND crashes < {}", lifecycle::CRASHES_SUSPECT),
            Reach::Suspects => String::new(),
        };
        let creates = match self.on_new {
            OnNew::Create | OnNew::Update => "",
            OnNew::Skip => "AND (operation <> 'create' OR create_unknown)",
        };
        if self.only.is_empty() {
            return format!("{suspects} {creates}");
        }
        let marks: Vec<String> =
            (first..first + self.only.len()).map(|number| format!("?{number}")).collect();
        format!(
            "{suspects} {creates} AND customer IN (SELECT id FROM customer WHERE customer_id IN ({}))",
            marks.join(", ")
        )
    }

    fn bind(&self, values: &mut Vec<rusqlite::types::Value>) {
        values.extend(self.only.iter().map(|id| id.as_str().to_owned().into()));
    }
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
        last_lease: &mut i64,
    ) -> Result<Vec<Leased>, StoreError> {
        let mut turns = Vec::new();
        for precedence in [Precedence::Withdrawal, Precedence::Again, Precedence::Fresh] {
            turns.extend(self.turns(precedence, provider, limit, filter)?);
        }
        turns.sort_by_key(CallRow::turn);
        turns.truncate(limit);
        let mut leased = Vec::with_capacity(turns.len());
        for mut call in turns {
            if filter.on_new == OnNew::Update && call.is_create_that_has_not_left() {
                self.make_update(&mut call)?;
            }
            *last_lease += 1;
            leased.push(call.leaving(*last_lease)?);
        }
        self.take_off(&leased)?;
        Ok(leased)
    }

    /// Whether this run would lease anything more of a lane, now or later, when all that may come has its turn.
    pub fn has_more(&mut self, provider: ProviderId, filter: &LeaseFilter) -> Result<bool, StoreError> {
        let filter = LeaseFilter { reach: Reach::Suspects, ..filter.clone() };
        let now = std::mem::replace(&mut self.now, Timestamp(i64::MAX));
        let turns = [Precedence::Withdrawal, Precedence::Again, Precedence::Fresh]
            .map(|precedence| self.turns(precedence, provider, 1, &filter));
        self.now = now;
        for found in turns {
            if !found?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Lets a call that was to create somebody update whoever is there.
    fn make_update(&self, call: &mut CallRow) -> Result<(), StoreError> {
        call.life = step(call.id, &call.life, Happening::NotToBeCreated)?.life;
        let standing = (call.life.state, None);
        CallRecord::of(&call.life).update(self.connection, call.id, standing, self.now)
    }

    /// Up to `limit` calls of one kind whose turn it is, in the order of the index that they are found in, so that their
    /// rows, which are wide, need not be sorted.
    fn turns(
        &self,
        precedence: Precedence,
        provider: ProviderId,
        limit: usize,
        filter: &LeaseFilter,
    ) -> Result<Vec<CallRow>, StoreError> {
        let (states, order) = match precedence {
            Precedence::Withdrawal => {
                (format!("{WAITING} AND priority = {}", priority::WITHDRAWAL), "due, call.id")
            }
            Precedence::Again => {
                (format!("{WAITING} AND priority > {}", priority::WITHDRAWAL), "due, call.id")
            }
            Precedence::Fresh => ("state = 'queued'".to_owned(), "priority, place"),
        };
        let sql = format!(
            "{CALL_ROW} WHERE provider = ?1 AND {states} AND due <= ?4 AND lease IS NULL AND deferred_in <> ?3
                 AND priority <= {priority_max} AND {GROUNDED} {filter}
             ORDER BY {order} LIMIT ?5",
            priority_max = filter.priority_max(),
            filter = filter.clause(6),
        );
        let mut values = vec![
            i64::from(provider.number()).into(),
            self.aloft.of(provider).into(),
            self.run.0.into(),
            self.now.0.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ];
        filter.bind(&mut values);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter::<Vec<rusqlite::types::Value>>(values))?;
        let mut turns = Vec::new();
        while let Some(row) = rows.next()? {
            turns.push(CallRow::read(row)?);
        }
        Ok(turns)
    }

    /// The earliest time at which a call of a lane may be sent that was tried before; none, when none waits. One that was
    /// never tried need not be waited for.
    pub fn next_due(
        &self,
        provider: ProviderId,
        filter: &LeaseFilter,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sql = next_due(filter);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut values =
            vec![i64::from(provider.number()).into(), self.aloft.of(provider).into(), self.run.0.into()];
        filter.bind(&mut values);
        let due: Option<i64> =
            statement.query_row(params_from_iter::<Vec<rusqlite::types::Value>>(values), |row| row.get(0))?;
        Ok(due.map(Timestamp))
    }

    /// What an earlier process had leased and did not settle.
    pub(super) fn leased_before(&self, provider: ProviderId) -> Result<Vec<Leased>, StoreError> {
        let mut statement = self.connection.prepare(&leased_before())?;
        let mut rows = statement.query([provider.number()])?;
        let mut leased = Vec::new();
        while let Some(row) = rows.next()? {
            let lease = row.get(LEASE)?;
            leased.push(CallRow::read(row)?.into_leased(lease));
        }
        Ok(leased)
    }

    /// The calls with a lease of one customer, each with its provider; without what it carries, where that cannot be read.
    pub(super) fn leased_of(
        &self,
        customer: &CustomerId,
    ) -> Result<Vec<(ProviderId, Option<Leased>)>, StoreError> {
        let sql = format!("{CALL_ROW} WHERE customer_id = ?1 AND lease IS NOT NULL AND payload IS NOT NULL");
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([customer.as_str()])?;
        let mut leased = Vec::new();
        while let Some(row) = rows.next()? {
            let lease = row.get(LEASE)?;
            let call = match CallRow::read(row) {
                Ok(call) => Some(call.into_leased(lease)),
                Err(StoreError::Damaged { .. }) => None,
                Err(error) => return Err(error),
            };
            leased.push((provider_of(row.get("provider")?)?, call));
        }
        Ok(leased)
    }

    /// Reads a call that nobody has leased.
    pub(super) fn read_standing(&self, call: CallId) -> Result<CallRow, StoreError> {
        let sql = format!("{CALL_ROW} WHERE call.id = ?1 AND lease IS NULL AND payload IS NOT NULL");
        let mut statement = self.connection.prepare_cached(&sql)?;
        match statement.query([call.0])?.next()? {
            Some(row) => CallRow::read(row),
            None => Err(self.why_not_standing(call)?),
        }
    }

    fn why_not_standing(&self, call: CallId) -> Result<StoreError, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM call WHERE id = ?1 AND payload IS NOT NULL)";
        let is_leased = self.connection.query_row(sql, [call.0], |row| row.get(0))?;
        Ok(if is_leased { StoreError::Leased(call) } else { StoreError::NoSuchCall(call) })
    }
}

/// The earliest time at which calls that were tried before may be sent. The priority has a sign, so that the index of all
/// queued calls does not offer itself for it.
pub(super) fn next_due(filter: &LeaseFilter) -> String {
    let open = format!(
        "lease IS NULL AND deferred_in <> ?3 AND +priority <= {} AND {GROUNDED} {}",
        filter.priority_max(),
        filter.clause(4)
    );
    format!(
        "SELECT min(due) FROM (
             SELECT min(due) AS due FROM call WHERE provider = ?1 AND {WAITING} AND {open}
             UNION ALL SELECT min(due) FROM call WHERE provider = ?1 AND {TRIED} AND {open})"
    )
}

/// Calls with a lease: those in flight, and those that are probed.
pub(super) fn leased_before() -> String {
    format!(
        "{CALL_ROW} WHERE provider = ?1 AND lease IS NOT NULL
             AND (payload IS NOT NULL AND state <> 'queued' AND state <> 'waiting' AND state <> 'probing')
         UNION ALL {CALL_ROW} WHERE provider = ?1 AND {WAITING} AND lease IS NOT NULL"
    )
}

/// The place that the call which replaces this one takes over, and whether it too goes after all others: only where this
/// one was answered. A call that was put last and not tried since has waited long enough.
pub(super) fn turn_of(connection: &Connection, call: CallId) -> Result<(i64, bool), StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT place, priority, code IS NOT NULL FROM call WHERE id = ?1")?;
    Ok(statement.query_row([call.0], |row| {
        let was_answered: bool = row.get(2)?;
        Ok((row.get(0)?, was_answered && priority::is_last(row.get(1)?)))
    })?)
}

/// Calls that are not on their way; what is, is given as [`Aloft::of`](super::flights::Aloft::of) lists it.
const GROUNDED: &str = "NOT is_aloft(call.id, ?2)";
/// Calls that wait, in the words of the index that finds them; with [`TRIED`] all that a run may have to touch, however
/// many others are queued.
pub(super) const WAITING: &str = "state IN ('waiting', 'probing')";
/// Queued calls that were tried before or have to wait, in the words of the index that finds them.
pub(super) const TRIED: &str = "state = 'queued'
    AND (attempts > 0 OR unknown_this_run = 1 OR deferred_in > 0 OR settling = 1 OR due > 0)";

/// Calls that wait for a person, in the words of the index that finds them.
pub(super) const HELD: &str =
    "payload IS NOT NULL AND state <> 'queued' AND state <> 'waiting' AND state <> 'probing'
    AND state = 'held'";

/// Why it may be a call's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precedence {
    /// It has waited long enough, and withdraws a consent.
    Withdrawal,
    /// It has waited long enough.
    Again,
    /// It is queued.
    Fresh,
}

/// The columns of a [`CallRow`] in the order in which it reads them: by number, since SQLite would have to compare the
/// names of all of them for each one that is asked for by name.
const CALL_ROW: &str =
    "SELECT call.lease, call.id, call.customer, customer.customer_id, call.provider, call.state,
    call.operation, call.hold, call.create_unknown, call.attempts, call.unknown_runs, call.unknown_this_run,
    call.crashes, call.missing_seen, call.remedy_used, call.due, call.replaced, call.priority, call.place, call.payload,
    call.only_fields
    FROM call CROSS JOIN customer ON customer.id = call.customer";
/// Where the lease stands, which not every call has.
const LEASE: usize = 0;

/// A call that still has its payload, as it stands in the state.
pub(super) struct CallRow {
    pub(super) id: CallId,
    pub(super) life: Life,
    pub(super) customer: CustomerId,
    pub(super) customer_number: CustomerNumber,
    pub(super) provider: ProviderId,
    due: Timestamp,
    pub(super) priority: i64,
    /// The number of the first of the calls whose place it has.
    place: i64,
    /// Its values were replaced after it last left.
    pub(super) replaced: bool,
    /// What leaves: everything, or the fields that a remedy left over.
    pub(super) payload: Payload,
    /// What the remedy left out.
    pub(super) unsent: Option<Payload>,
}

impl CallRow {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let damaged = |what| StoreError::Damaged { what };
        let mut cells = Cells { row, next: LEASE + 1 };
        let id = CallId(cells.take()?);
        let customer_number = cells.take()?;
        let customer = CustomerId::new(cells.text()?).ok_or(damaged("a customer has no key"))?;
        let provider = ProviderId::from_number(cells.take()?)
            .ok_or(damaged("a call is for a provider that does not exist"))?;
        let life = cells.life()?;
        let (due, replaced) = (Timestamp(cells.take()?), cells.take()?);
        let (priority, place) = (cells.take()?, cells.take()?);
        let mut payload = codec::unpack_payload(cells.bytes()?.unwrap_or_default())?;
        let only_fields = codec::unpack_codes(cells.bytes()?)?;
        let unsent = (!only_fields.is_empty()).then(|| {
            let sent = payload.values.only(&only_fields);
            let mut rest = std::mem::replace(&mut payload.values, sent);
            rest.0.retain(|field, _| !only_fields.contains(field));
            Payload { key: payload.key.clone(), values: rest }
        });
        let unsent = unsent.filter(|rest| !rest.values.is_empty());
        Ok(Self {
            id,
            life,
            customer,
            customer_number,
            provider,
            due,
            priority,
            place,
            replaced,
            payload,
            unsent,
        })
    }

    fn is_create_that_has_not_left(&self) -> bool {
        self.life.operation == Operation::Create && !self.life.create_unknown
    }

    /// Where it stands in the order in which calls leave.
    fn turn(&self) -> (bool, i64, bool, Timestamp, i64) {
        let is_fresh = self.life.state == State::Queued;
        let in_its_turn = priority::in_its_turn(self.priority);
        (priority::is_last(self.priority), in_its_turn, is_fresh, self.due, self.place)
    }

    /// Leased now.
    fn leaving(self, lease: i64) -> Result<Leased, StoreError> {
        let life = flights::airborne(self.id, &self.life)?;
        Ok(Leased { stood: Some(self.life.state), life, ..self.into_leased(lease) })
    }

    /// Leased by an earlier process.
    fn into_leased(self, lease: i64) -> Leased {
        Leased {
            id: self.id,
            lease,
            life: self.life,
            customer: self.customer,
            customer_number: self.customer_number,
            payload: self.payload,
            reduced: self.unsent.is_some(),
            had_unknown: self.life.unknown_runs > 0 || self.life.crashes > 0,
            provider: self.provider,
            due: self.due,
            priority: self.priority,
            stood: None,
            unsent: self.unsent,
        }
    }
}

/// The cells of a row from left to right.
struct Cells<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> Cells<'a> {
    fn index(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    fn take<T: FromSql>(&mut self) -> Result<T, StoreError> {
        Ok(self.row.get(self.index())?)
    }

    fn text(&mut self) -> Result<&'a str, StoreError> {
        self.row
            .get_ref(self.index())?
            .as_str()
            .map_err(|_| StoreError::Damaged { what: "a text of a call is none" })
    }

    fn bytes(&mut self) -> Result<Option<&'a [u8]>, StoreError> {
        self.row
            .get_ref(self.index())?
            .as_blob_or_null()
            .map_err(|_| StoreError::Damaged { what: "the bytes of a call are none" })
    }

    fn life(&mut self) -> Result<Life, StoreError> {
        let damaged = || StoreError::Damaged { what: "a call is in a state that does not exist" };
        Ok(Life {
            state: State::parse(self.text()?).ok_or_else(damaged)?,
            operation: operation_of(self.text()?)?,
            hold: match self.take::<Option<String>>()? {
                Some(name) => Some(HoldReason::parse(&name).ok_or_else(damaged)?),
                None => None,
            },
            create_unknown: self.take()?,
            attempts: self.take()?,
            unknown_runs: self.take()?,
            unknown_this_run: self.take()?,
            crashes: self.take()?,
            missing_seen: self.take()?,
            remedy_used: self.take()?,
        })
    }
}
