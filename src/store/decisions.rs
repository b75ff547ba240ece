//! What a person decides about refused and held calls.

use std::collections::{BTreeMap, HashSet};

use rusqlite::OptionalExtension;
use rusqlite::types::Value;

use crate::domain::call::{CallId, HoldReason, Operation, Payload, State};
use crate::domain::clock::Timestamp;
use crate::domain::lifecycle::{self, Effect, Happening, Life};
use crate::domain::provider::ProviderId;
use crate::domain::wire::ProviderKey;

use super::doubts::Doubts;
use super::lease::CallRow;
use super::outbox::{Outbox, Recipient};
use super::transitions::{self, CallRecord};
use super::turned_away::TOO_EARLY;
use super::{RunNumber, Store, StoreError, accounts, doubts, excluded, priority, settling, shared_keys};

/// What became of calls that a person released.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Released {
    /// Are sent again.
    pub queued: u64,
    /// How many of these were held.
    pub held: u64,
    /// Stay as they are: the call of another customer for the same account goes first.
    pub behind: u64,
    /// Have ended: the records of their customers name another account by now, and another customer's names this one.
    pub given_away: u64,
}

/// What became of one call that a person released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LetGo {
    /// It is sent again; it was in this state.
    Queued(State),
    /// It stays as it is.
    Behind,
    /// It has ended.
    GivenAway,
}

/// What became of a held call that a person has settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// What was found out is written down, and nothing is left to send.
    Settled,
    /// That too; the next run sends it again, or finds out more.
    GoesAgain,
    /// It has ended, because the CRM has given its account to another customer.
    GivenAway,
    /// That too; it would be sent again, but stays held: the call of another customer for the same account goes first.
    Behind,
}

/// Accounts that a call is released to; another one for the same account waits.
type Accounts = HashSet<(ProviderId, ProviderKey)>;

impl Store {
    /// Queues refused and held calls again. A create whose outcome is unknown goes on being probed. Of several for one
    /// account only one goes, so that no two make the same person. One whose account the CRM has given to another customer
    /// since ends: its values are not that customer's. A crash before it returns leaves all as they were.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCall`], or [`StoreError::Undecidable`] when a call is neither refused nor held.
    pub fn release(&mut self, calls: &[CallId], now: Timestamp) -> Result<Released, StoreError> {
        let run = self.newest_run()?;
        self.group(run, now, |outbox| {
            let (mut released, mut accounts) = (Released::default(), Accounts::new());
            for &call in calls {
                match outbox.release(call, &mut accounts)? {
                    LetGo::Queued(before) => {
                        released.queued += 1;
                        released.held += u64::from(before == State::Held);
                    }
                    LetGo::Behind => released.behind += 1,
                    LetGo::GivenAway => released.given_away += 1,
                }
            }
            settling::hold_back(outbox.connection, outbox.keeping.fingerprinter)?;
            Ok(released)
        })
    }

    /// Settles a held call by what a person found out. What is to be sent after that goes as if it were released; so nothing does
    /// whose account the CRM has given to another customer, whatever became of it before. A crash before it returns leaves the
    /// call as it was.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCall`], or [`StoreError::Undecidable`] when the call is not held.
    pub fn resolve(
        &mut self,
        call: CallId,
        happening: Happening,
        now: Timestamp,
    ) -> Result<Resolved, StoreError> {
        let run = self.newest_run()?;
        self.group(run, now, |outbox| {
            let resolved = outbox.resolve(call, happening)?;
            settling::hold_back(outbox.connection, outbox.keeping.fingerprinter)?;
            Ok(resolved)
        })
    }

    fn newest_run(&self) -> Result<RunNumber, StoreError> {
        let sql = "SELECT coalesce(max(number), 0) FROM run";
        Ok(RunNumber(self.connection.query_row(sql, [], |row| row.get(0))?))
    }
}

impl Outbox<'_> {
    /// Queues a call again, unless another one goes to the same account before it, or has it for good.
    fn release(&mut self, call: CallId, accounts: &mut Accounts) -> Result<LetGo, StoreError> {
        let row = self.read_standing(call)?;
        let after = decided(&row, Happening::Released)?.life;
        if self.is_given_away(&row)? {
            self.end_given_away(&row)?;
            return Ok(LetGo::GivenAway);
        }
        let account = (row.provider, row.payload.key.clone());
        if accounts.contains(&account) {
            return Ok(LetGo::Behind);
        }
        let Some(after) = self.goes_again(&row, after)? else { return Ok(LetGo::Behind) };
        accounts.insert(account);
        self.doubt_missing(&row)?;
        excluded::look_again(self.connection, row.provider)?;
        self.write_decision(&row, &after, None)?;
        Ok(LetGo::Queued(row.life.state))
    }

    /// Where the provider said that nobody is there, and a person does not leave it at that, nobody is known there any more: the
    /// next record of the customer decides anew, and whom it creates is probed first.
    fn doubt_missing(&self, row: &CallRow) -> Result<(), StoreError> {
        let sql = "SELECT coalesce(class = 'missing', 0) FROM call WHERE id = ?1";
        let is_missing: bool = self.connection.query_row(sql, [row.id.0], |row| row.get(0))?;
        if row.life.state != State::Refused || !is_missing {
            return Ok(());
        }
        let (fingerprinter, key) = (self.keeping.fingerprinter, &row.payload.key);
        shared_keys::forget_known(self.connection, fingerprinter, row.provider, key)?;
        doubts::put(self.connection, fingerprinter, row.provider, key)?;
        let account = accounts::find(self.connection, row.customer_number, row.provider)?;
        if let Some(mut account) = account.filter(|account| account.known && account.key == *key) {
            account.known = false;
            let fields: Vec<_> = account.fields.keys().copied().collect();
            account.mark_unknown(fields);
            transitions::one(
                accounts::set(self.connection, row.customer_number, row.provider, &account)?,
                row.id,
            )?;
        }
        self.compare_again(&row.customer)
    }

    /// Ends the calls that would leave by themselves for accounts that the CRM has given to other customers since: what they
    /// carry is not theirs. Gives how many.
    pub(super) fn end_all_given_away(&self) -> Result<BTreeMap<ProviderId, u64>, StoreError> {
        let mut select = self.connection.prepare(&format!(
            "SELECT call.id FROM named_key CROSS JOIN call USING (customer, provider)
             WHERE payload IS NOT NULL AND lease IS NULL AND state <> 'held' AND state <> 'refused'
                 -- What is no key gives nothing away.
                 AND NOT EXISTS (SELECT 1 FROM turned_away
                     WHERE turned_away.customer = call.customer AND turned_away.provider = call.provider
                         AND field < {TOO_EARLY})"
        ))?;
        let calls = select.query_map([], |row| Ok(CallId(row.get(0)?)))?.collect::<Result<Vec<_>, _>>()?;
        let mut ended = BTreeMap::new();
        for call in calls {
            let row = self.read_standing(call)?;
            if self.is_given_away(&row)? {
                self.end_given_away(&row)?;
                *ended.entry(row.provider).or_default() += 1;
            }
        }
        Ok(ended)
    }

    fn end_given_away(&self, row: &CallRow) -> Result<(), StoreError> {
        let after = decided(row, Happening::GivenAway)?.life;
        self.remember_unknown(row)?;
        self.compare_again(&row.customer)?;
        self.write_decision(row, &after, None)
    }

    /// Whoever is to be created under the key of a create that ends while nobody knows its outcome may be there already.
    fn remember_unknown(&self, row: &CallRow) -> Result<(), StoreError> {
        if row.life.create_unknown {
            doubts::put(self.connection, self.keeping.fingerprinter, row.provider, &row.payload.key)?;
        }
        Ok(())
    }

    /// How a released call is sent: a create becomes a probe where the person may exist, and an update where the person is known
    /// to. None where a call of another customer for the same account goes first.
    fn goes_again(&self, row: &CallRow, after: Life) -> Result<Option<Life>, StoreError> {
        if self.another_goes_first(row, after.create_unknown)? {
            return Ok(None);
        }
        let meets_somebody = self.meets_somebody(row)?;
        // A person who was asked about a create of unknown outcome has answered that, but not what others left.
        let is_asked = after.operation == Operation::Create && !row.life.create_unknown;
        if is_asked && self.may_exist(row)? {
            return Ok(Some(Life { state: State::Probing, create_unknown: true, ..after }));
        }
        let is_update = meets_somebody && !after.create_unknown;
        Ok(Some(if is_update { Life { operation: Operation::Update, ..after } } else { after }))
    }

    /// Whether the person whom a call is to create may exist although it was never sent for. What was decided before in the
    /// same command counts.
    fn may_exist(&self, row: &CallRow) -> Result<bool, StoreError> {
        let fingerprinter = self.keeping.fingerprinter;
        Doubts::read(self.connection)?.concern(
            || Ok(fingerprinter.account_mark(row.provider, &row.payload.key)),
            || Ok(fingerprinter.tombstone(&row.customer)),
        )
    }

    fn resolve(&mut self, call: CallId, happening: Happening) -> Result<Resolved, StoreError> {
        let row = self.read_standing(call)?;
        if happening != Happening::Abandoned && self.is_given_away(&row)? {
            decided(&row, happening)?;
            self.end_given_away(&row)?;
            return Ok(Resolved::GivenAway);
        }
        let happening = match happening {
            // What was applied is not what the call carries now, or not known to be: it was probed with other values, perhaps.
            Happening::ResolvedApplied if row.replaced || row.life.create_unknown => {
                Happening::ResolvedAppliedOlder
            }
            Happening::ResolvedApplied if row.unsent.is_some() => Happening::ResolvedAppliedInPart,
            happening => happening,
        };
        let step = decided(&row, happening)?;
        self.apply(step.effect, &Recipient::standing(&row))?;
        if matches!(step.effect, Effect::Acknowledge | Effect::Exists) {
            self.share(row.provider, row.customer_number)?;
        }
        if happening == Happening::Abandoned {
            self.remember_unknown(&row)?;
        }
        let rest = row.unsent.as_ref().filter(|_| happening == Happening::ResolvedAppliedInPart);
        let (mut after, mut resolved) = (step.life, Resolved::Settled);
        let names_other = || self.names_other_key(row.customer_number, row.provider, &row.payload.key);
        if step.effect == Effect::Absent && names_other()? {
            after = transitions::step(call, &after, Happening::NothingLeft)?.life;
        }
        if after.state.is_open() {
            (after, resolved) = match self.goes_again(&row, after)? {
                Some(after) => (after, Resolved::GoesAgain),
                None => {
                    let hold = Some(HoldReason::DuplicateKey);
                    (Life { state: State::Held, hold, ..after }, Resolved::Behind)
                }
            };
        }
        self.write_decision(&row, &after, rest)?;
        Ok(resolved)
    }

    /// How the provider refused a call last: class and code.
    fn last_refusal(&self, call: CallId) -> Result<Option<(String, String)>, StoreError> {
        let sql = "SELECT class, code FROM answer WHERE call = ?1 AND class = 'refused' ORDER BY rowid DESC LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([call.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    fn write_decision(&self, row: &CallRow, after: &Life, rest: Option<&Payload>) -> Result<(), StoreError> {
        // What a person has settled may still land, whatever was found out about it.
        if !after.state.is_open() {
            settling::note(self.connection, self.keeping.fingerprinter, row.id)?;
        }
        let mut record = CallRecord::of(after)
            .resting(after, self.run)
            .with("deferred_in", 0)
            .with("replaced", false)
            .with("priority", priority::in_its_turn(row.priority));
        if after.state.is_open() {
            record = record.with("only_fields", Value::Null);
        }
        if let Some(rest) = rest {
            record = record.left_with(rest);
            // It stays refused for what the whole was refused for, not for what its part met.
            if let Some((class, code)) = self.last_refusal(row.id)? {
                record = record.with("class", class).with("code", code);
            }
        }
        record.update(self.connection, row.id, (row.life.state, None), self.now)
    }
}

fn decided(row: &CallRow, happening: Happening) -> Result<lifecycle::Step, StoreError> {
    lifecycle::next(&row.life, happening)
        .map_err(|illegal| StoreError::Undecidable { call: row.id, state: illegal.state })
}
