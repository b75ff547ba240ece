//! Counting and listing what is in the state, for reports, `status` and `rejects`.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row};

use crate::domain::call::{CallId, HoldReason, Operation, Payload, State};
use crate::domain::clock::Timestamp;
use crate::domain::provider::ProviderId;
use crate::domain::wire::FieldCode;

use super::lease::{TRIED, WAITING};
use super::snapshot::{life_of, provider_of};
use super::{RunNumber, Store, StoreError, codec, open, turned_away};

/// How many calls of a provider stand where.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Ready to be sent.
    pub queued: u64,
    /// To be sent again later, those that a crash left in flight included.
    pub waiting: u64,
    /// Creates whose outcome is being found out.
    pub probing: u64,
    /// Wait for a person.
    pub held: u64,
    /// Parked after a refusal.
    pub refused: u64,
    /// Fields left out because their value is invalid; where it is a part of the key, nothing of the customer goes.
    pub skipped_fields: u64,
    /// When the oldest open call was created.
    pub oldest: Option<Timestamp>,
    /// The run that created it.
    #[serde(skip)]
    pub oldest_of: Option<RunNumber>,
}

impl Counts {
    /// Takes in an open call that was created then, in that run.
    fn note_age(&mut self, (created, run): (Timestamp, RunNumber)) {
        if self.oldest.is_none_or(|known| created < known) {
            (self.oldest, self.oldest_of) = (Some(created), Some(run));
        }
    }

    /// Open calls, held ones included.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.queued + self.waiting + self.probing + self.held
    }
}

/// Which refused and held calls.
#[derive(Debug, Clone, Default)]
pub struct RejectFilter {
    /// Of this provider.
    pub provider: Option<ProviderId>,
    /// With this code.
    pub code: Option<String>,
    /// Of this customer.
    pub customer: Option<String>,
    /// Settled, held or created in this run only.
    pub run: Option<RunNumber>,
}

/// A call that did not get through: refused, held, or with its tries used up.
#[derive(Debug, Clone)]
pub struct RejectRow {
    /// Its number.
    pub call: CallId,
    /// Whose.
    pub customer_id: String,
    /// For whom.
    pub provider: ProviderId,
    /// What it does.
    pub operation: Operation,
    /// Refused or held; in any other state its tries are used up.
    pub state: State,
    /// Why it is held.
    pub hold: Option<HoldReason>,
    /// The class of the last verdict.
    pub class: Option<String>,
    /// The provider's code.
    pub code: Option<String>,
    /// Tries in its last run.
    pub attempts: u32,
    /// The identifier of the run that created it.
    pub run: Option<String>,
    /// What it carries.
    pub payload: Payload,
}

/// What a provider does not get of a customer, because the last record has no valid value for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Whose.
    pub customer_id: String,
    /// For whom.
    pub provider: ProviderId,
    /// Which fields.
    pub fields: Vec<FieldCode>,
}

/// The first version of the schema in which calls have places.
const VERSION_PLACES: i64 = 15;

/// Crossed, so that the few are looked up among the many and not the other way round.
pub(super) const QUEUED_FLIGHTS: &str = "SELECT count(*) FROM flight CROSS JOIN call ON call.id = flight.call
    WHERE provider = ?1 AND state = 'queued'";

/// Each state is counted in its own index.
pub(super) const OPEN_CALLS_SQL: &str = "
    SELECT (SELECT count(*) FROM call WHERE provider = ?1 AND state = 'queued')
         + (SELECT count(*) FROM call WHERE provider = ?1 AND state IN ('waiting', 'probing'))
         + (SELECT count(*) FROM call WHERE provider = ?1 AND payload IS NOT NULL
                AND state <> 'queued' AND state <> 'waiting' AND state <> 'probing' AND state <> 'refused')";

/// The few are found in their own index (`call_stuck`), and only then looked at: the history of calls grows, and the order
/// asked for would else lead through all of it.
pub(super) fn rejects_sql() -> String {
    let [one, two, three] = ProviderId::ALL.map(ProviderId::number);
    format!(
        "SELECT call.*, customer.customer_id AS customer_id, run.id AS run_id
         FROM call JOIN customer ON customer.id = call.customer LEFT JOIN run ON run.number = call.planned_in
         WHERE call.id IN (SELECT id FROM call WHERE provider IN ({one}, {two}, {three}) AND payload IS NOT NULL
                 AND state <> 'queued' AND state <> 'waiting' AND state <> 'probing')
           AND call.state IN ('refused', 'held')
           AND (?1 IS NULL OR call.provider = ?1) AND (?2 IS NULL OR call.code = ?2 OR call.hold = ?2)
           AND (?3 IS NULL OR customer.customer_id = ?3)
           AND (?4 IS NULL OR call.settled_in = ?4 OR call.planned_in = ?4)
         ORDER BY call.id"
    )
}

/// Calls whose tries a run has used up, found in the indices of what was tried and of what waits. Why, their last answer
/// tells: a call of which a part is sent has another reason too.
pub(super) fn used_up_sql() -> String {
    let [one, two, three] = ProviderId::ALL.map(ProviderId::number);
    let deferred = |open| {
        format!(
            "SELECT id FROM call WHERE provider IN ({one}, {two}, {three}) AND {open} AND deferred_in = ?1"
        )
    };
    let last = "FROM answer WHERE answer.call = call.id ORDER BY answer.rowid DESC LIMIT 1";
    // Of two columns with one name the first is read.
    format!(
        "SELECT (SELECT class {last}) AS class, (SELECT code {last}) AS code,
             call.*, customer.customer_id AS customer_id, run.id AS run_id
         FROM call JOIN customer ON customer.id = call.customer LEFT JOIN run ON run.number = call.planned_in
         WHERE call.id IN ({} UNION ALL {}) ORDER BY call.id",
        deferred(WAITING),
        deferred(TRIED)
    )
}

impl Store {
    /// How many calls of a provider are open; a seed must not overtake them.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn open_calls(&self, provider: ProviderId) -> Result<u64, StoreError> {
        let count: i64 = self.connection.query_row(OPEN_CALLS_SQL, [provider.number()], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The counts of each provider that has anything in the state.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read; so for every method here.
    pub fn counts(&self) -> Result<BTreeMap<ProviderId, Counts>, StoreError> {
        let mut counts: BTreeMap<ProviderId, Counts> = BTreeMap::new();
        for provider in ProviderId::ALL {
            let mut of = Counts::default();
            self.count_queued(provider, &mut of)?;
            self.count_others(provider, &mut of)?;
            self.count_flights(provider, &mut of)?;
            if of.oldest.is_some() || of.refused > 0 {
                counts.insert(provider, of);
            }
        }
        self.count_skipped(&mut counts)?;
        Ok(counts)
    }

    /// The many: counted in the index that they are leased by, of which the oldest one is the first of a priority.
    fn count_queued(&self, provider: ProviderId, of: &mut Counts) -> Result<(), StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT count(*) FROM call WHERE provider = ?1 AND state = 'queued'")?;
        let count: i64 = statement.query_row([provider.number()], |row| row.get(0))?;
        of.queued = count.unsigned_abs();
        // A state of an earlier version is looked at as it is.
        let place = if open::version(&self.connection)? >= VERSION_PLACES { "place" } else { "id" };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT priority, {place}, id FROM call WHERE provider = ?1 AND state = 'queued' AND priority > ?2
             ORDER BY priority, {place} LIMIT 1"
        ))?;
        let (mut first, mut priority): (Option<(i64, i64)>, i64) = (None, i64::MIN);
        let of_next = |row: &Row<'_>| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)));
        while let Some((next, call)) =
            statement.query_row((provider.number(), priority), of_next).optional()?
        {
            first = Some(first.map_or(call, |known| known.min(call)));
            priority = next;
        }
        if let Some((place, id)) = first {
            // What was there first, unless that is so long ago that it is gone.
            let sql = "SELECT created_at, planned_in FROM call WHERE id IN (?1, ?2) ORDER BY id LIMIT 1";
            let created = |row: &Row<'_>| Ok((Timestamp(row.get(0)?), RunNumber(row.get(1)?)));
            of.note_age(self.connection.query_row(sql, (place, id), created)?);
        }
        Ok(())
    }

    /// Those of the queued ones that are on their way.
    fn count_flights(&self, provider: ProviderId, of: &mut Counts) -> Result<(), StoreError> {
        if !self.flights {
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(QUEUED_FLIGHTS)?;
        let flights: i64 = statement.query_row([provider.number()], |row| row.get(0))?;
        let flights = flights.unsigned_abs().min(of.queued);
        of.queued -= flights;
        of.waiting += flights;
        Ok(())
    }

    /// The few.
    fn count_others(&self, provider: ProviderId, of: &mut Counts) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            // Beside a smallest value SQLite gives what stands in its row.
            "SELECT state, count(*), min(created_at), planned_in FROM call
                 WHERE provider = ?1 AND state IN ('waiting', 'probing') GROUP BY state
             UNION ALL SELECT state, count(*), min(created_at), planned_in FROM call WHERE provider = ?1
                 AND payload IS NOT NULL AND state <> 'queued' AND state <> 'waiting' AND state <> 'probing'
                 GROUP BY state",
        )?;
        let mut rows = statement.query([provider.number()])?;
        while let Some(row) = rows.next()? {
            let state = State::parse(&row.get::<_, String>(0)?);
            let count = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
            let oldest = (Timestamp(row.get(2)?), RunNumber(row.get(3)?));
            match state {
                Some(State::Waiting | State::InFlight) => of.waiting += count,
                Some(State::Probing) => of.probing += count,
                Some(State::Held) => of.held += count,
                Some(State::Refused) => of.refused += count,
                Some(
                    State::Queued
                    | State::Acknowledged
                    | State::Superseded
                    | State::Abandoned
                    | State::Forgotten,
                )
                | None => {}
            }
            if state.is_some_and(State::is_open) {
                of.note_age(oldest);
            }
        }
        Ok(())
    }

    fn count_skipped(&self, counts: &mut BTreeMap<ProviderId, Counts>) -> Result<(), StoreError> {
        let mut statement =
            self.connection.prepare("SELECT provider, skipped FROM account WHERE skipped IS NOT NULL")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Some(provider) = ProviderId::from_number(row.get(0)?) else { continue };
            let skipped = codec::unpack_codes(row.get::<_, Option<Vec<u8>>>(1)?.as_deref())?;
            counts.entry(provider).or_default().skipped_fields += skipped.len() as u64;
        }
        for (provider, count) in turned_away::count(&self.connection)? {
            counts.entry(provider).or_default().skipped_fields += count;
        }
        Ok(())
    }

    /// Refused and held calls, oldest first.
    pub fn rejects(&self, filter: &RejectFilter) -> Result<Vec<RejectRow>, StoreError> {
        let mut statement = self.connection.prepare(&rejects_sql())?;
        let mut rows = statement.query((
            filter.provider.map(ProviderId::number),
            &filter.code,
            &filter.customer,
            filter.run.map(|run| run.0),
        ))?;
        let mut rejects = Vec::new();
        while let Some(row) = rows.next()? {
            rejects.push(reject_row(row)?);
        }
        Ok(rejects)
    }

    /// Calls whose tries a run has used up, oldest first: they stay queued for the next one.
    pub fn used_up(&self, run: RunNumber) -> Result<Vec<RejectRow>, StoreError> {
        let mut statement = self.connection.prepare(&used_up_sql())?;
        let mut rows = statement.query([run.0])?;
        let mut used_up = Vec::new();
        while let Some(row) = rows.next()? {
            used_up.push(reject_row(row)?);
        }
        Ok(used_up)
    }

    /// Fields that were left out at the last comparison, customer by customer, and then who is turned away. Of the filter,
    /// provider and customer count.
    pub fn left_out(&self, filter: &RejectFilter) -> Result<Vec<LeftOut>, StoreError> {
        let [one, two, three] = ProviderId::ALL.map(ProviderId::number);
        // The few are found in their own index.
        let mut statement = self.connection.prepare(&format!(
            "SELECT customer.customer_id, account.provider, account.skipped
             FROM account CROSS JOIN customer ON customer.id = account.customer
             WHERE account.provider IN ({one}, {two}, {three}) AND account.skipped IS NOT NULL
                 AND (?1 IS NULL OR account.provider = ?1) AND (?2 IS NULL OR customer.customer_id = ?2)
             ORDER BY account.customer, account.provider"
        ))?;
        let mut rows = statement.query((filter.provider.map(ProviderId::number), &filter.customer))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let packed: Vec<u8> = row.get(2)?;
            let fields = codec::unpack_codes(Some(&packed))?;
            found.push(LeftOut { customer_id: row.get(0)?, provider: provider_of(row.get(1)?)?, fields });
        }
        found.extend(turned_away::list(&self.connection, filter)?);
        Ok(found)
    }
}

fn reject_row(row: &Row<'_>) -> Result<RejectRow, StoreError> {
    let life = life_of(row)?;
    Ok(RejectRow {
        call: CallId(row.get("id")?),
        customer_id: row.get("customer_id")?,
        provider: provider_of(row.get("provider")?)?,
        operation: life.operation,
        state: life.state,
        hold: life.hold,
        class: row.get("class")?,
        code: row.get("code")?,
        attempts: life.attempts,
        run: row.get("run_id")?,
        payload: codec::unpack_payload(&row.get::<_, Vec<u8>>("payload")?)?,
    })
}
