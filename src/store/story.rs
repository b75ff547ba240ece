//! The story of one customer: accounts, calls and answers, without a value.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension as _, Row};

use crate::domain::account::Acknowledged;
use crate::domain::call::{CallId, HoldReason, State};
use crate::domain::clock::Timestamp;
use crate::domain::customer::{CustomerId, CustomerNumber};
use crate::domain::lifecycle::Life;
use crate::domain::provider::ProviderId;
use crate::domain::standing::TurnedAway;
use crate::domain::wire::{FieldCode, ProviderKey};

use super::open::has_column;
use super::{Store, StoreError, codec, flights, priority};

/// Everything that the state knows of a customer, without a value.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// Whether the customer is known; an unknown one has neither accounts nor calls.
    pub known: bool,
    /// Whether the customer was erased.
    pub forgotten: bool,
    /// What each provider is known to hold.
    pub accounts: BTreeMap<ProviderId, StoryAccount>,
    /// Who gets nothing of the customer, and which part of the key is not valid in the newest record.
    pub turned_away: BTreeMap<ProviderId, TurnedAway>,
    /// All calls, oldest first.
    pub calls: Vec<StoryCall>,
    /// The first of the runs whose settled calls are all kept; none, where nothing was ever deleted.
    pub kept_since: Option<String>,
}

/// What a provider is known to hold.
#[derive(Debug, Clone)]
pub struct StoryAccount {
    /// Whether the provider has ever acknowledged a call, or the account was seeded.
    pub known: bool,
    /// Fields whose value the provider acknowledged.
    pub acknowledged: Vec<FieldCode>,
    /// Fields that may hold an old value or a newer one.
    pub unknown: Vec<FieldCode>,
    /// Fields that were left out, since the file holds no valid value.
    pub skipped: Vec<FieldCode>,
}

/// One call.
#[derive(Debug, Clone)]
pub struct StoryCall {
    /// Its number.
    pub id: CallId,
    /// For whom.
    pub provider: ProviderId,
    /// Where it stands.
    pub life: Life,
    /// The fields it carries or carried; nothing is known of those that were settled by a version 1 of the state.
    pub fields: Option<Vec<FieldCode>>,
    /// The class of its last verdict.
    pub class: Option<String>,
    /// The code of its last verdict.
    pub code: Option<String>,
    /// Not before this time.
    pub due: Option<Timestamp>,
    /// Whether it goes after all others of its lane.
    pub goes_last: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed its state.
    pub changed_at: Timestamp,
    /// The run that created it.
    pub planned_in: Option<String>,
    /// The run that settled or held it.
    pub settled_in: Option<String>,
    /// Every answer that did not settle it well.
    pub answers: Vec<StoryAnswer>,
    /// Who else has the account, of a call that is held for that.
    pub others: Vec<CustomerId>,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct StoryAnswer {
    /// When it came.
    pub at: Timestamp,
    /// The run in which it came.
    pub run: Option<String>,
    /// Whether it was the answer to a probe.
    pub probe: bool,
    /// The class of the verdict.
    pub class: String,
    /// The provider's code, or what failed.
    pub code: String,
}

impl Store {
    /// Whose call that is.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCall`], or when the state cannot be read.
    pub fn customer_of(&self, call: CallId) -> Result<CustomerId, StoreError> {
        let sql = "SELECT customer FROM call WHERE id = ?1";
        let number: Option<CustomerNumber> =
            self.connection.query_row(sql, [call.0], |row| row.get(0)).optional()?;
        self.snapshot().customer_id(number.ok_or(StoreError::NoSuchCall(call))?)
    }

    /// The story of a customer.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn story(&self, id: &CustomerId) -> Result<Story, StoreError> {
        let snapshot = self.snapshot();
        let forgotten = snapshot.is_forgotten(id)?;
        let Some(customer) = snapshot.customer(id)? else {
            return Ok(Story { forgotten, ..Story::default() });
        };
        let mut accounts = BTreeMap::new();
        for provider in ProviderId::ALL {
            let Some(account) = snapshot.account(customer.number, provider)? else { continue };
            let (unknown, acknowledged): (Vec<_>, Vec<_>) =
                account.fields.into_iter().partition(|(_, kept)| *kept == Acknowledged::Unknown);
            let codes = |fields: Vec<(FieldCode, _)>| fields.into_iter().map(|(code, _)| code).collect();
            let skipped = snapshot.skipped(customer.number, provider)?;
            let (acknowledged, unknown) = (codes(acknowledged), codes(unknown));
            accounts.insert(provider, StoryAccount { known: account.known, acknowledged, unknown, skipped });
        }
        let turned_away = snapshot.turned_away(customer.number)?.into_iter().collect();
        let calls = self.story_calls(customer.number)?;
        let kept_since = self.calls_kept_since()?;
        Ok(Story { known: true, forgotten, accounts, turned_away, calls, kept_since })
    }

    fn story_calls(&self, customer: CustomerNumber) -> Result<Vec<StoryCall>, StoreError> {
        let fields = if self.knows_fields()? { "call.fields" } else { "NULL" };
        let (flight, left_at, flights) = if self.flights {
            ("flight.lease", "flight.at", "LEFT JOIN flight ON flight.call = call.id")
        } else {
            ("NULL", "NULL", "")
        };
        let mut statement = self.connection.prepare(&format!(
            "SELECT call.*, planned.id AS planned_run, settled.id AS settled_run, {fields} AS carried,
                 {flight} AS flight, {left_at} AS left_at
             FROM call LEFT JOIN run AS planned ON planned.number = call.planned_in
                 LEFT JOIN run AS settled ON settled.number = call.settled_in {flights}
             WHERE call.customer = ?1 ORDER BY call.id"
        ))?;
        let mut rows = statement.query([customer])?;
        let mut calls = Vec::new();
        while let Some(row) = rows.next()? {
            let mut call = story_call(row)?;
            call.answers = self.story_answers(call.id)?;
            if call.life.hold == Some(HoldReason::DuplicateKey) {
                let payload: Vec<u8> = row.get("payload")?;
                call.others = self.others(customer, call.provider, &codec::unpack_payload(&payload)?.key)?;
            }
            calls.push(call);
        }
        Ok(calls)
    }

    fn others(
        &self,
        customer: CustomerNumber,
        provider: ProviderId,
        key: &ProviderKey,
    ) -> Result<Vec<CustomerId>, StoreError> {
        let snapshot = self.snapshot();
        let owners =
            snapshot.other_owners(provider, key, Some(customer))?.into_iter().map(|(owner, _)| owner);
        let once = snapshot.other_keys(provider, key)?.into_iter().map(|other| other.customer);
        let others: BTreeSet<CustomerNumber> =
            owners.chain(once).filter(|other| *other != customer).collect();
        others.into_iter().map(|other| snapshot.customer_id(other)).collect()
    }

    /// A state of version 1 that is only read has no such column yet.
    fn knows_fields(&self) -> Result<bool, StoreError> {
        has_column(&self.connection, "call", "fields")
    }

    fn story_answers(&self, call: CallId) -> Result<Vec<StoryAnswer>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT at, run.id, probe, class, code FROM answer LEFT JOIN run ON run.number = answer.run
             WHERE call = ?1 ORDER BY answer.rowid",
        )?;
        let answers = statement.query_map([call.0], |row| {
            Ok(StoryAnswer {
                at: Timestamp(row.get(0)?),
                run: row.get(1)?,
                probe: row.get(2)?,
                class: row.get(3)?,
                code: row.get(4)?,
            })
        })?;
        Ok(answers.collect::<Result<_, _>>()?)
    }
}

fn story_call(row: &Row<'_>) -> Result<StoryCall, StoreError> {
    let id = CallId(row.get("id")?);
    let life = flights::life_of(row, id, row.get::<_, Option<i64>>("flight")?.is_some())?;
    let carried: Option<Vec<u8>> = row.get("carried")?;
    let fields = match (carried, row.get::<_, Option<Vec<u8>>>("payload")?) {
        (Some(packed), _) => Some(codec::unpack_codes(Some(&packed))?),
        (None, Some(payload)) => {
            let payload = codec::unpack_payload(&payload)?;
            Some(payload.values.iter().map(|(field, _)| field).collect())
        }
        (None, None) => None,
    };
    let due: i64 = row.get("due")?;
    let waits = matches!(life.state, State::Queued | State::Waiting | State::Probing);
    Ok(StoryCall {
        id,
        provider: ProviderId::from_number(row.get("provider")?)
            .ok_or(StoreError::Damaged { what: "a call is for a provider that does not exist" })?,
        life,
        fields,
        others: Vec::new(),
        class: row.get("class")?,
        code: row.get("code")?,
        due: (waits && due > 0).then_some(Timestamp(due)),
        goes_last: waits && priority::is_last(row.get("priority")?),
        created_at: Timestamp(row.get("created_at")?),
        changed_at: Timestamp(match row.get("left_at")? {
            Some(left_at) => left_at,
            None => row.get("changed_at")?,
        }),
        planned_in: row.get("planned_run")?,
        settled_in: row.get("settled_run")?,
        answers: Vec::new(),
    })
}
