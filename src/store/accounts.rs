//! Accounts: what a provider is known to hold of a customer, a row for each of both.

use rusqlite::{Connection, OptionalExtension, Row};

use crate::domain::account::{Account, Acknowledged};
use crate::domain::customer::{CustomerId, CustomerNumber};
use crate::domain::provider::ProviderId;
use crate::domain::wire::{FieldCode, ProviderKey};

use super::packed::PackedAccount;
use super::snapshot::provider_of;
use super::{StoreError, codec};

/// How many accounts are in memory at once.
const ACCOUNTS_AT_ONCE: i64 = 1_000;

/// An account, and whose it is.
pub(super) struct Owned {
    /// The number of the customer in the state.
    pub(super) customer: CustomerNumber,
    pub(super) customer_id: CustomerId,
    pub(super) provider: ProviderId,
    pub(super) account: Account,
}

impl Owned {
    /// Takes all that is known of its fields, and these, for unknown.
    pub(super) fn doubt(&mut self, fields: impl IntoIterator<Item = FieldCode>) {
        self.account.fields.iter_mut().for_each(|(_, kept)| *kept = Acknowledged::Unknown);
        self.account.mark_unknown(fields);
    }

    /// Writes down what is known of its fields.
    pub(super) fn put_fields(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "UPDATE account SET fields = ?3 WHERE customer = ?1 AND provider = ?2";
        let fields = codec::pack_fields(&self.account.fields);
        connection.prepare_cached(sql)?.execute((self.customer, self.provider.number(), fields))?;
        Ok(())
    }

    /// Reads the columns customer, `customer_id`, provider, key, known and fields.
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let id = CustomerId::new(&row.get::<_, String>(1)?);
        Ok(Self {
            customer: row.get(0)?,
            customer_id: id.ok_or(StoreError::Damaged { what: "a customer has no key" })?,
            provider: provider_of(row.get(2)?)?,
            account: read_from(row, 3)?,
        })
    }
}

/// Reads key, knowledge and fields of an account, from the column of that number on.
pub(super) fn read_from(row: &Row<'_>, first: usize) -> Result<Account, StoreError> {
    let damaged = |_| StoreError::Damaged { what: "an account is unreadable" };
    let key = ProviderKey(row.get_ref(first)?.as_str().map_err(damaged)?.into());
    let fields = codec::unpack_fields(row.get_ref(first + 2)?.as_blob().map_err(damaged)?)?;
    Ok(Account { key, known: row.get(first + 1)?, fields })
}

/// The key under which a customer's account is known, or may be.
pub(super) fn key_of(
    connection: &Connection,
    customer: &CustomerId,
    provider: ProviderId,
) -> Result<Option<ProviderKey>, StoreError> {
    let sql = "SELECT key FROM account JOIN customer ON customer.id = account.customer
               WHERE customer_id = ?1 AND provider = ?2";
    let key =
        connection.query_row(sql, (customer.as_str(), provider.number()), |row| row.get::<_, String>(0));
    Ok(key.optional()?.map(|key| ProviderKey(key.into())))
}

/// Writes down an account, a new one or in the place of what was known.
pub(super) fn put(
    connection: &Connection,
    customer: CustomerNumber,
    provider: ProviderId,
    account: &PackedAccount,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO account (customer, provider, key, known, fields, skipped) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (customer, provider) DO UPDATE SET key = excluded.key, known = excluded.known,
             fields = excluded.fields, skipped = excluded.skipped",
    )?;
    statement.execute((
        customer,
        provider.number(),
        account.key.0.as_str(),
        account.known,
        account.fields.as_slice(),
        account.skipped.as_deref(),
    ))?;
    Ok(())
}

/// Writes over what is known of an account, but for what was left out; gives how many there were.
pub(super) fn set(
    connection: &Connection,
    customer: CustomerNumber,
    provider: ProviderId,
    account: &Account,
) -> Result<usize, StoreError> {
    let sql = "UPDATE account SET key = ?3, known = ?4, fields = ?5 WHERE customer = ?1 AND provider = ?2";
    let fields = codec::pack_fields(&account.fields);
    let cells = (customer, provider.number(), account.key.0.as_str(), account.known, fields);
    Ok(connection.prepare_cached(sql)?.execute(cells)?)
}

/// The account of a customer at a provider.
pub(super) fn find(
    connection: &Connection,
    customer: CustomerNumber,
    provider: ProviderId,
) -> Result<Option<Account>, StoreError> {
    let sql = "SELECT key, known, fields FROM account WHERE customer = ?1 AND provider = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((customer, provider.number()))?;
    rows.next()?.map(|row| read_from(row, 0)).transpose()
}

/// All whom a provider is known to have under a key.
pub(super) fn known_under(
    connection: &Connection,
    provider: ProviderId,
    key: &ProviderKey,
) -> Result<Vec<Owned>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT customer, customer_id, provider, key, known, fields
         FROM account JOIN customer ON customer.id = account.customer
         WHERE provider = ?1 AND key = ?2 AND known",
    )?;
    let (mut rows, mut found) = (select.query((provider.number(), key.0.as_str()))?, Vec::new());
    while let Some(row) = rows.next()? {
        found.push(Owned::read(row)?);
    }
    Ok(found)
}

/// Goes through all accounts and writes down the fields of those that `change` says it has changed; gives their number.
pub(super) fn rewrite(
    connection: &Connection,
    mut change: impl FnMut(&mut Owned) -> Result<bool, StoreError>,
) -> Result<u64, StoreError> {
    let mut select = connection.prepare(
        "SELECT customer, customer_id, provider, key, known, fields
         FROM account JOIN customer ON customer.id = account.customer
         WHERE (customer, provider) > (?1, ?2) ORDER BY customer, provider LIMIT ?3",
    )?;
    let (mut last, mut changed) = ((CustomerNumber(i64::MIN), 0), 0);
    loop {
        let mut page = Vec::new();
        let mut rows = select.query((last.0, last.1, ACCOUNTS_AT_ONCE))?;
        while let Some(row) = rows.next()? {
            page.push(Owned::read(row)?);
        }
        let Some(end) = page.last() else { return Ok(changed) };
        last = (end.customer, end.provider.number());
        for mut owned in page {
            if change(&mut owned)? {
                owned.put_fields(connection)?;
                changed += 1;
            }
        }
    }
}
