//! Keys that several customers have or had, and what a released call does to another customer whose account it reaches.
//!
//! A customer's account has one key. A call can go to another one, when the key changed and a person released it; and the
//! key that was given up still names somebody who exists. Both are remembered by a keyed digest.
//!
//! A person may let a call go to an account that is known to be another customer's. When it has left, both are compared
//! again: whoever has moved lacks nothing, and what either of two lacks is held as long as their records name one key. That
//! they share it is remembered, for nights on which only one of them changes.

use rusqlite::{Connection, TransactionBehavior};

use crate::domain::call::{CallId, State};
use crate::domain::customer::{CustomerId, CustomerNumber};
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::mark::{Mark, Marker};
use crate::domain::provider::ProviderId;
use crate::domain::wire::ProviderKey;

use super::lease::CallRow;
use super::marks::{self, Marks};
use super::outbox::{Outbox, Recipient};
use super::rare::has_any;
use super::snapshot::{Snapshot, provider_of};
use super::{StoreError, accounts, codec, named_keys, setting};

/// How the name of a setting begins that says that a call was released to another one's account; provider and customer
/// come behind.
const RELEASED: &str = "released:";

/// A customer that a key belongs or belonged to, although its account may have another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherKey {
    /// The number of the customer.
    pub customer: CustomerNumber,
    /// Whether the provider knows the customer under this key, or ever did.
    pub known: bool,
}

/// A call of another customer for the same account.
pub(super) struct Rival {
    pub(super) call: CallId,
    pub(super) due: i64,
    state: State,
    create_unknown: bool,
}

/// Remembers a key beside that of the account.
pub(super) fn put(
    connection: &Connection,
    mark: &[u8; 16],
    provider: ProviderId,
    other: OtherKey,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO other_key (provider, mark, customer, known) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (provider, mark, customer) DO UPDATE SET known = max(known, excluded.known)",
    )?;
    statement.execute((provider.number(), mark.as_slice(), other.customer, other.known))?;
    Ok(())
}

/// Forgets a key of a customer again.
pub(super) fn take_away(
    connection: &Connection,
    mark: &[u8; 16],
    provider: ProviderId,
    customer: CustomerNumber,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM other_key WHERE provider = ?1 AND mark = ?2 AND customer = ?3";
    connection.prepare_cached(sql)?.execute((provider.number(), mark.as_slice(), customer))?;
    Ok(())
}

/// Nobody is known under a key any more: the provider says that nobody is there.
pub(super) fn forget_known(
    connection: &Connection,
    fingerprinter: &Fingerprinter,
    provider: ProviderId,
    key: &ProviderKey,
) -> Result<(), StoreError> {
    let mark = fingerprinter.account_mark(provider, key);
    let sql = "UPDATE other_key SET known = 0 WHERE provider = ?1 AND mark = ?2";
    connection.prepare_cached(sql)?.execute((provider.number(), mark.as_slice()))?;
    Ok(())
}

/// Removes those of a customer who is erased, by its key. A copy of an older version has none.
pub(super) fn remove(connection: &Connection, customer_id: &str) -> Result<(), StoreError> {
    if has_any(connection, "other_key")? {
        let sql = "DELETE FROM other_key WHERE customer IN (SELECT id FROM customer WHERE customer_id = ?1)";
        connection.execute(sql, [customer_id])?;
    }
    Ok(())
}

fn find(
    connection: &Connection,
    fingerprinter: &Fingerprinter,
    provider: ProviderId,
    key: &ProviderKey,
) -> Result<Vec<OtherKey>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT customer, known FROM other_key WHERE provider = ?1 AND mark = ?2")?;
    let mark = fingerprinter.account_mark(provider, key);
    let found = statement.query_map((provider.number(), mark.as_slice()), |row| {
        Ok(OtherKey { customer: row.get(0)?, known: row.get(1)? })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

impl Snapshot<'_> {
    /// Customers that have a call for this key or had it before, whatever the keys of their accounts.
    pub fn other_keys(&self, provider: ProviderId, key: &ProviderKey) -> Result<Vec<OtherKey>, StoreError> {
        if !self.rare.other_keys {
            return Ok(Vec::new());
        }
        find(self.connection, self.fingerprinter(), provider, key)
    }
}

impl Outbox<'_> {
    /// Whether a call of another customer for the same account may leave before this one, or have left without an answer.
    /// What is probed finds out itself about those that have left and are held.
    pub(super) fn another_goes_first(&self, released: &CallRow, is_probed: bool) -> Result<bool, StoreError> {
        let (account, fingerprinter) =
            ((released.provider, &released.payload.key), self.keeping.fingerprinter);
        let rivals = rivals(self.connection, fingerprinter, account, released.customer_number)?;
        Ok(rivals.iter().any(|rival| match rival.state {
            State::Refused => false,
            State::Held => rival.create_unknown && !is_probed,
            State::Queued | State::Waiting | State::InFlight | State::Probing => true,
            // They carry nothing.
            State::Acknowledged | State::Superseded | State::Abandoned | State::Forgotten => false,
        }))
    }

    /// Marks the fields of a call as unknown at every other customer who is known under the same key, and has these customers
    /// compared again: the call of one of them may end here, and its own account be another.
    pub(super) fn doubt_others(&self, to: &Recipient<'_>) -> Result<(), StoreError> {
        for mut other in accounts::known_under(self.connection, to.provider, &to.sent.key)? {
            if other.customer != to.customer_number {
                other.account.mark_unknown(to.sent.values.iter().map(|(field, _)| field));
                other.put_fields(self.connection)?;
                self.compare_again(&other.customer_id)?;
            }
        }
        Ok(())
    }

    /// Takes what was delivered to an account for unknown of those who have it too, but whose records name another one, or none,
    /// by now: should they name it again, it is theirs no more.
    pub(super) fn doubt_absent(&self, to: &Recipient<'_>) -> Result<(), StoreError> {
        if !self.has_named_keys()? {
            return Ok(());
        }
        let key = &to.sent.key;
        for mut other in accounts::known_under(self.connection, to.provider, key)? {
            if other.customer != to.customer_number
                && self.names_other_key(other.customer, to.provider, key)?
            {
                other.account.mark_unknown(to.sent.values.iter().map(|(field, _)| field));
                other.put_fields(self.connection)?;
            }
        }
        Ok(())
    }

    /// Whether the record of anybody names another account than the state has. It is asked once for a group.
    fn has_named_keys(&self) -> Result<bool, StoreError> {
        if let Some(known) = self.named_keys.get() {
            return Ok(*known);
        }
        let found = has_any(self.connection, "named_key")?;
        Ok(*self.named_keys.get_or_init(|| found))
    }

    /// Where others are known to have the account that is a customer's by now, all of them are compared again.
    pub(super) fn share(&self, provider: ProviderId, customer: CustomerNumber) -> Result<(), StoreError> {
        let fingerprinter = self.keeping.fingerprinter;
        for id in doubt_owners(self.connection, fingerprinter, provider, customer)? {
            self.compare_again(&id)?;
        }
        Ok(())
    }

    /// Whether the CRM has given the account of a call to another customer: its own record names another one by now, or none.
    pub(super) fn is_given_away(&self, call: &CallRow) -> Result<bool, StoreError> {
        let (provider, key) = (call.provider, &call.payload.key);
        if !self.names_other_key(call.customer_number, provider, key)? {
            return Ok(false);
        }
        let mark = self.keeping.fingerprinter.account_mark(provider, key);
        if named_keys::is_named_by_another(self.connection, provider, &mark, call.customer_number)? {
            return Ok(true);
        }
        let mut select = self.connection.prepare_cached(
            "SELECT customer FROM account WHERE provider = ?1 AND key = ?2 AND customer <> ?3",
        )?;
        let place = (provider.number(), key.0.as_str(), call.customer_number);
        // Where no more than a call goes to it, the record names it too, as was asked above, or another one by now.
        let owners =
            select.query_map(place, |row| row.get(0))?.collect::<Result<Vec<CustomerNumber>, _>>()?;
        for other in owners {
            if !self.names_other_key(other, provider, key)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether somebody is known, or once was, under the key of a released call. Another customer who is has to be compared
    /// again when the call has left.
    pub(super) fn meets_somebody(&self, released: &CallRow) -> Result<bool, StoreError> {
        let (provider, key) = (released.provider, &released.payload.key);
        let has_owner: bool = self.connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM account WHERE provider = ?1 AND key = ?2 AND customer <> ?3 AND known)",
            (provider.number(), key.0.as_str(), released.customer_number),
            |row| row.get(0),
        )?;
        if has_owner {
            let name = format!("{RELEASED}{}:{}", provider.number(), released.customer_number);
            let value = note(released.customer_number, released.id.0);
            setting::put(self.connection, &name, value.as_bytes())?;
            return Ok(true);
        }
        let others = find(self.connection, self.keeping.fingerprinter, provider, key)?;
        Ok(others.iter().any(|other| other.known))
    }
}

/// The calls of all customers but this one for an account.
pub(super) fn rivals(
    connection: &Connection,
    fingerprinter: &Fingerprinter,
    (provider, key): (ProviderId, &ProviderKey),
    customer: CustomerNumber,
) -> Result<Vec<Rival>, StoreError> {
    let mut select = connection.prepare_cached(
        "WITH claimant (customer) AS (
             SELECT customer FROM account WHERE provider = ?1 AND key = ?2
             UNION SELECT customer FROM other_key WHERE provider = ?1 AND mark = ?3)
         SELECT state, create_unknown, call.payload, call.id, due FROM claimant JOIN call USING (customer)
         WHERE call.provider = ?1 AND customer <> ?4 AND call.payload IS NOT NULL",
    )?;
    let mark = fingerprinter.account_mark(provider, key);
    let parameters = (provider.number(), key.0.as_str(), mark.as_slice(), customer);
    let (mut rows, mut rivals) = (select.query(parameters)?, Vec::new());
    while let Some(row) = rows.next()? {
        if codec::unpack_payload(&row.get::<_, Vec<u8>>(2)?)?.key == *key {
            let state = State::parse(&row.get::<_, String>(0)?);
            let state =
                state.ok_or(StoreError::Damaged { what: "a call is in a state that does not exist" })?;
            let (call, due) = (CallId(row.get(3)?), row.get(4)?);
            rivals.push(Rival { call, due, state, create_unknown: row.get(1)? });
        }
    }
    Ok(rivals)
}

/// Has those compared again who are known under one key since a call was released to it and has left. A crash before it
/// returns leaves that to the next opening.
pub(super) fn compare_again(
    connection: &mut Connection,
    fingerprinter: &Fingerprinter,
) -> Result<(), StoreError> {
    let mut settled = settled(connection)?;
    // Of what was refused the others have heard.
    settled.retain(|released| released.refused.is_none_or(|refused| released.call <= refused));
    if settled.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (mut compared_again, marker) = (Marks::default(), Marker::new(fingerprinter));
    for Released { name, provider, customer, call, refused } in settled {
        if has_left(&transaction, (provider, customer), call)? {
            for id in doubt_owners(&transaction, fingerprinter, provider_of(provider)?, customer)? {
                compared_again.push(Mark::unread(marker.key(id.as_str())));
            }
        }
        match refused {
            // What takes its place goes where it was released to.
            Some(refused) => setting::put(&transaction, &name, note(customer, refused + 1).as_bytes())?,
            None => setting::remove(&transaction, &name)?,
        }
    }
    marks::put(&transaction, compared_again)?;
    Ok(transaction.commit()?)
}

/// A call that was released to another one's account.
struct Released {
    /// The setting that says so.
    name: String,
    provider: u8,
    customer: CustomerNumber,
    /// The number of the call, or of the first that took its place; zero where an earlier version has not noted it.
    call: i64,
    /// The number of what was refused, and waits.
    refused: Option<i64>,
}

/// How such a call is noted.
fn note(customer: CustomerNumber, call: i64) -> String {
    format!("{customer} {call}")
}

/// Released calls that are settled, or wait for a person again.
fn settled(connection: &Connection) -> Result<Vec<Released>, StoreError> {
    let mut select = connection.prepare(
        "WITH noted AS (
             SELECT name, CAST(substr(name, length(?1) + 1) AS INTEGER) AS provider, CAST(value AS TEXT) AS value
             FROM setting WHERE substr(name, 1, length(?1)) = ?1),
         released AS (
             SELECT name, provider, CAST(value AS INTEGER) AS customer,
                 CASE instr(value, ' ') WHEN 0 THEN 0 ELSE CAST(substr(value, instr(value, ' ')) AS INTEGER) END AS first
             FROM noted)
         SELECT name, provider, customer, first, (
             SELECT id FROM call WHERE call.customer = released.customer AND call.provider = released.provider
                 AND call.payload IS NOT NULL AND call.state = 'refused')
         FROM released WHERE NOT EXISTS (
             SELECT 1 FROM call WHERE call.customer = released.customer AND call.provider = released.provider
                 AND call.payload IS NOT NULL AND call.state <> 'held' AND call.state <> 'refused')",
    )?;
    let settled = select.query_map([RELEASED], |row| {
        let (name, provider, customer) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Released { name, provider, customer, call: row.get(3)?, refused: row.get(4)? })
    })?;
    Ok(settled.collect::<Result<_, _>>()?)
}

/// Whether a call of a customer, from that one on, may have reached the provider.
fn has_left(
    connection: &Connection,
    (provider, customer): (u8, CustomerNumber),
    first: i64,
) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM call WHERE customer = ?1 AND provider = ?2 AND id >= ?3
                   AND (state = 'acknowledged' OR attempts > 0 OR unknown_runs > 0 OR unknown_this_run OR crashes > 0))";
    Ok(connection.query_row(sql, (customer, provider, first), |row| row.get(0))?)
}

/// Takes what the other owners of a customer's account are known to have there for unknown, remembers that they share it,
/// and names all of them; nobody where there is no other.
fn doubt_owners(
    connection: &Connection,
    fingerprinter: &Fingerprinter,
    provider: ProviderId,
    customer: CustomerNumber,
) -> Result<Vec<CustomerId>, StoreError> {
    let own = accounts::find(connection, customer, provider)?;
    let Some(own) = own.filter(|account| account.known) else { return Ok(Vec::new()) };
    let mark = fingerprinter.account_mark(provider, &own.key);
    let (mut owners, known) = (Vec::new(), accounts::known_under(connection, provider, &own.key)?);
    if known.len() == 1 {
        return Ok(owners);
    }
    for mut owner in known {
        if owner.customer != customer {
            owner.doubt(own.fields.keys().copied());
            owner.put_fields(connection)?;
        }
        put(connection, &mark, provider, OtherKey { customer: owner.customer, known: true })?;
        owners.push(owner.customer_id);
    }
    Ok(owners)
}
