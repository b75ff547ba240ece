//! Reading what is known of customers: for the comparison, by runs and by plans alike.

use std::cell::OnceCell;
use std::collections::HashSet;

use rusqlite::{Connection, Row, Transaction};

use crate::domain::account::{Account, Keeping};
use crate::domain::call::{CallId, HoldReason, Operation, State};
use crate::domain::clock::Timestamp;
use crate::domain::customer::{CustomerId, CustomerNumber, Order};
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::lifecycle::{Happening, Life};
use crate::domain::provider::ProviderId;
use crate::domain::standing::{Before, Named, Standing, TurnedAway};
use crate::domain::wire::{FieldCode, ProviderKey};

use super::known_fields::{FieldNumbers, ToldFields};
use super::rare::Rare;
use super::transitions::step;
use super::{Store, StoreError, accounts, codec, flights, named_keys, orders, turned_away, untaken};

/// A view of the state for comparisons. It never writes.
#[derive(Debug)]
pub struct Snapshot<'a> {
    pub(super) connection: &'a Connection,
    pub(super) keeping: Keeping<'a>,
    /// The calls on their way, of a run that goes on or was killed, once they are asked for; none, where none can be. They
    /// are few, and to look for one of them in the state is to read all of them.
    pub(super) flights: Option<OnceCell<HashSet<CallId>>>,
    /// Whether order values may stand beside the rows of the customers.
    pub(super) newer_orders: bool,
    /// How the fields of customers are kept, once they are asked for; none, where they are not.
    pub(super) field_numbers: Option<OnceCell<FieldNumbers>>,
    /// What few customers have.
    pub(super) rare: Rare,
}

/// No customer has this number.
const NOBODY: CustomerNumber = CustomerNumber(-1);

/// A customer as an earlier input left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCustomer {
    /// The number of the customer in the state.
    pub number: CustomerNumber,
    /// The newest accepted order value.
    pub order: Option<Order>,
    /// The fields that its records have told something about.
    pub told: ToldFields,
}

/// A state that does not change while it is looked at, whatever a run writes meanwhile.
#[derive(Debug)]
pub struct Still<'a> {
    transaction: Transaction<'a>,
    store: &'a Store,
}

impl Still<'_> {
    /// A view for comparisons.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { connection: &self.transaction, ..self.store.snapshot() }
    }
}

impl Store {
    /// Holds what is seen still, for many look-ups: each by itself would take and give back the locks of the file.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn hold_still(&self) -> Result<Still<'_>, StoreError> {
        Ok(Still { transaction: self.connection.unchecked_transaction()?, store: self })
    }

    /// A view for comparisons.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            connection: &self.connection,
            keeping: Keeping { fingerprinter: &self.fingerprinter, clear: self.clear_values },
            flights: self.flights.then(OnceCell::new),
            newer_orders: self.newer_orders,
            field_numbers: self.fields_by_customer.then(OnceCell::new),
            rare: self.rare,
        }
    }
}

/// What is known of a customer at one provider.
#[derive(Debug, Clone, Default)]
pub struct KnownAt {
    /// What the comparison needs.
    pub before: Before,
    /// The fields whose value was invalid at the last comparison.
    pub skipped: Vec<FieldCode>,
    /// Which account the newest record names, where that is not what account and call have.
    pub named: Option<Named>,
    /// Why the key of the newest record that has one was not taken.
    pub turned_away: Option<TurnedAway>,
    /// What records said that were turned away whole, and nothing else remembers.
    pub untaken: Vec<FieldCode>,
}

impl KnownAt {
    /// Takes the call that stands. What is on its way, of a run that was killed or goes on, is seen as the next run will
    /// find it, so that a plan says what that one does.
    fn stands(&mut self, mut call: Standing) -> Result<(), StoreError> {
        if call.life.state == State::InFlight {
            call.life = step(call.id, &call.life, Happening::Crashed)?.life;
            let sent = &call.payload;
            if let Some(account) = self.before.account.as_mut().filter(|account| account.key == sent.key) {
                account.mark_unknown(sent.values.iter().map(|(field, _)| field));
            }
        }
        self.before.standing = Some(call);
        Ok(())
    }
}

impl<'a> Snapshot<'a> {
    /// The fingerprinter of this state.
    #[must_use]
    pub fn fingerprinter(&self) -> &'a Fingerprinter {
        self.keeping.fingerprinter
    }

    /// How this state keeps delivered values.
    #[must_use]
    pub fn keeping(&self) -> Keeping<'a> {
        self.keeping
    }

    /// How many customers are known.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read; so for every method of this type.
    pub fn customers(&self) -> Result<u64, StoreError> {
        let count: i64 = self.connection.query_row("SELECT count(*) FROM customer", [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Whether there is any account at all.
    pub fn has_accounts(&self) -> Result<bool, StoreError> {
        Ok(self.connection.query_row("SELECT EXISTS (SELECT 1 FROM account)", [], |row| row.get(0))?)
    }

    /// Whether any call is open or parked.
    pub fn has_standing(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM call WHERE payload IS NOT NULL)";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// The customer of that key.
    pub fn customer(&self, id: &CustomerId) -> Result<Option<StoredCustomer>, StoreError> {
        let sql = match self.field_numbers {
            Some(_) => "SELECT id, order_value, told_fields FROM customer WHERE customer_id = ?1",
            None => "SELECT id, order_value, NULL FROM customer WHERE customer_id = ?1",
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([id.as_str()])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let (number, order) = (row.get(0)?, order_of(row.get(1)?));
        let told = self.told_of(row)?;
        let newer = if self.newer_orders { orders::newer(self.connection, number)? } else { None };
        Ok(Some(StoredCustomer { number, order: order.max(newer), told }))
    }

    /// What stands in the third column of a customer's row.
    fn told_of(&self, row: &Row<'_>) -> Result<ToldFields, StoreError> {
        let damaged = |_| StoreError::Damaged { what: "the fields of a customer are unreadable" };
        let bytes = row.get_ref(2)?.as_blob_or_null().map_err(damaged)?;
        let (Some(bytes), Some(numbers)) = (bytes, &self.field_numbers) else {
            return Ok(ToldFields::default());
        };
        let numbers = match numbers.get() {
            Some(numbers) => numbers,
            None => {
                let read = FieldNumbers::read(self.connection)?;
                numbers.get_or_init(|| read)
            }
        };
        Ok(numbers.unpack(bytes))
    }

    /// The key of the customer of that number.
    pub fn customer_id(&self, number: CustomerNumber) -> Result<CustomerId, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT customer_id FROM customer WHERE id = ?1")?;
        let id: String = statement.query_row([number], |row| row.get(0))?;
        CustomerId::new(&id).ok_or(StoreError::Damaged { what: "a customer has no key" })
    }

    /// Whether that customer was erased.
    pub fn is_forgotten(&self, id: &CustomerId) -> Result<bool, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM tombstone WHERE mark = ?1)")?;
        Ok(statement.query_row([self.fingerprinter().tombstone(id).as_slice()], |row| row.get(0))?)
    }

    /// Whether there are any tombstones at all; without, no customer needs to be looked up among them.
    pub fn has_tombstones(&self) -> Result<bool, StoreError> {
        Ok(self.connection.query_row("SELECT EXISTS (SELECT 1 FROM tombstone)", [], |row| row.get(0))?)
    }

    /// What is known of a customer at each provider at which anything is known, in their order; calls are looked for
    /// only where the customer may have some.
    pub fn known(
        &self,
        customer: CustomerNumber,
        has_calls: bool,
    ) -> Result<Vec<(ProviderId, KnownAt)>, StoreError> {
        let mut found: Vec<(ProviderId, KnownAt)> = Vec::new();
        let mut statement = self.connection.prepare_cached(
            "SELECT key, known, fields, provider, skipped FROM account WHERE customer = ?1 ORDER BY provider",
        )?;
        let mut rows = statement.query([customer])?;
        while let Some(row) = rows.next()? {
            let before = Before { account: Some(accounts::read_from(row, 0)?), ..Before::default() };
            let known = KnownAt { before, skipped: skipped_of(row, 4)?, ..KnownAt::default() };
            found.push((provider_of(row.get(3)?)?, known));
        }
        if self.rare.named_keys && !found.is_empty() {
            self.add_named(customer, &mut found)?;
        }
        for (provider, turned_away) in self.turned_away(customer)? {
            at(&mut found, provider).turned_away = Some(turned_away);
        }
        if self.rare.untaken {
            for (provider, fields) in untaken::of_customer(self.connection, customer)? {
                at(&mut found, provider).untaken = fields;
            }
        }
        if !has_calls {
            return Ok(found);
        }
        let sql = "SELECT * FROM call WHERE customer = ?1 AND payload IS NOT NULL";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([customer])?;
        while let Some(row) = rows.next()? {
            let (provider, call) = (provider_of(row.get("provider")?)?, self.standing_call(row)?);
            let known = at(&mut found, provider);
            if let Some(named) = known.named {
                let goes_to = self.fingerprinter().account_mark(provider, &call.payload.key);
                known.before.other_key = named != Named::Account(goes_to);
            }
            known.stands(call)?;
        }
        Ok(found)
    }

    fn add_named(
        &self,
        customer: CustomerNumber,
        found: &mut [(ProviderId, KnownAt)],
    ) -> Result<(), StoreError> {
        for (provider, named) in named_keys::of_customer(self.connection, customer)? {
            for (_, known) in found.iter_mut().filter(|(at, _)| *at == provider) {
                let own = known.before.account.as_ref().map(|account| &account.key);
                let own = own.map(|key| Named::Account(self.fingerprinter().account_mark(provider, key)));
                known.before.other_key = own != Some(named);
                known.named = Some(named);
            }
        }
        Ok(())
    }

    /// What a provider is known to hold of a customer.
    pub fn account(
        &self,
        customer: CustomerNumber,
        provider: ProviderId,
    ) -> Result<Option<Account>, StoreError> {
        accounts::find(self.connection, customer, provider)
    }

    /// The fields whose value was invalid at the last comparison.
    pub fn skipped(
        &self,
        customer: CustomerNumber,
        provider: ProviderId,
    ) -> Result<Vec<FieldCode>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT skipped FROM account WHERE customer = ?1 AND provider = ?2")?;
        let mut rows = statement.query((customer, provider.number()))?;
        rows.next()?.map_or_else(|| Ok(Vec::new()), |row| skipped_of(row, 0))
    }

    /// Who turns a customer away, and why.
    pub fn turned_away(&self, customer: CustomerNumber) -> Result<Vec<(ProviderId, TurnedAway)>, StoreError> {
        if !self.rare.turned_away {
            return Ok(Vec::new());
        }
        turned_away::of_customer(self.connection, customer)
    }

    /// The other customers that already have this key at the provider, and whether their accounts are known there.
    pub fn other_owners(
        &self,
        provider: ProviderId,
        key: &ProviderKey,
        customer: Option<CustomerNumber>,
    ) -> Result<Vec<(CustomerNumber, bool)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT customer, known FROM account WHERE provider = ?1 AND key = ?2 AND customer <> ?3",
        )?;
        let owners = statement
            .query_map((provider.number(), key.0.as_str(), customer.unwrap_or(NOBODY)), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        Ok(owners.collect::<Result<_, _>>()?)
    }

    /// The keys of a provider's accounts, for a rehearsal: all, or those that the provider is known to have.
    pub fn keys(&self, provider: ProviderId, known_only: bool) -> Result<Vec<ProviderKey>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT key FROM account WHERE provider = ?1 AND known >= ?2")?;
        let keys = statement.query_map((provider.number(), known_only), |row| {
            Ok(ProviderKey(row.get_ref(0)?.as_str()?.into()))
        })?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    /// The open or parked call of a customer at a provider.
    pub fn standing(
        &self,
        customer: CustomerNumber,
        provider: ProviderId,
    ) -> Result<Option<Standing>, StoreError> {
        let sql = "SELECT * FROM call WHERE customer = ?1 AND payload IS NOT NULL AND provider = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query((customer, provider.number()))?;
        match rows.next()? {
            Some(row) => self.standing_call(row).map(Some),
            None => Ok(None),
        }
    }

    /// Reads a call row that still has its payload.
    fn standing_call(&self, row: &Row<'_>) -> Result<Standing, StoreError> {
        let id = CallId(row.get("id")?);
        let life = flights::life_of(row, id, self.is_on_its_way(id)?)?;
        let payload: Vec<u8> = row.get("payload")?;
        Ok(Standing {
            id,
            life,
            due: Timestamp(row.get("due")?),
            settling: row.get("settling")?,
            missing: row.get::<_, Option<String>>("class")?.as_deref() == Some("missing"),
            payload: codec::unpack_payload(&payload)?,
        })
    }

    fn is_on_its_way(&self, call: CallId) -> Result<bool, StoreError> {
        let Some(flights) = &self.flights else { return Ok(false) };
        let flights = match flights.get() {
            Some(flights) => flights,
            None => {
                let found = flights::calls(self.connection)?;
                flights.get_or_init(|| found)
            }
        };
        Ok(flights.contains(&call))
    }
}

pub(super) fn provider_of(number: u8) -> Result<ProviderId, StoreError> {
    let damaged = StoreError::Damaged { what: "an account or a call is for a provider that does not exist" };
    ProviderId::from_number(number).ok_or(damaged)
}

pub(super) fn order_of(stored: Option<i64>) -> Option<Order> {
    stored.map(Order)
}

/// What is known at a provider, among what is known in their order.
fn at(found: &mut Vec<(ProviderId, KnownAt)>, provider: ProviderId) -> &mut KnownAt {
    let place = match found.binary_search_by_key(&provider.number(), |(known, _)| known.number()) {
        Ok(place) => place,
        Err(place) => {
            found.insert(place, (provider, KnownAt::default()));
            place
        }
    };
    &mut found[place].1
}

/// Reads the skipped fields of an account, from the column of that number.
fn skipped_of(row: &Row<'_>, column: usize) -> Result<Vec<FieldCode>, StoreError> {
    let damaged = |_| StoreError::Damaged { what: "a list of fields is unreadable" };
    codec::unpack_codes(row.get_ref(column)?.as_blob_or_null().map_err(damaged)?)
}

/// Reads the life of a call row.
pub(super) fn life_of(row: &Row<'_>) -> Result<Life, StoreError> {
    let damaged = || StoreError::Damaged { what: "a call is in a state that does not exist" };
    let hold = match row.get::<_, Option<String>>("hold")? {
        Some(name) => Some(HoldReason::parse(&name).ok_or_else(damaged)?),
        None => None,
    };
    Ok(Life {
        state: State::parse(&row.get::<_, String>("state")?).ok_or_else(damaged)?,
        operation: operation_of(&row.get::<_, String>("operation")?)?,
        create_unknown: row.get("create_unknown")?,
        attempts: row.get("attempts")?,
        unknown_runs: row.get("unknown_runs")?,
        unknown_this_run: row.get("unknown_this_run")?,
        crashes: row.get("crashes")?,
        missing_seen: row.get("missing_seen")?,
        remedy_used: row.get("remedy_used")?,
        hold,
    })
}

pub(super) fn operation_of(name: &str) -> Result<Operation, StoreError> {
    [Operation::Create, Operation::Update]
        .into_iter()
        .find(|operation| operation.name() == name)
        .ok_or(StoreError::Damaged { what: "a call has an operation that does not exist" })
}
