//! New customers, accounts and calls of a first fill, new calls and newer order values of every input: many rows with one
//! statement.
//!
//! A statement for a single row is bound, begun and ended by itself, and finds its way from the root of the table and of
//! every index; one for many rows does so once, and goes on at the end, where whoever is new stands.
//!
//! A row that is refused ends the whole transaction: else each statement would have to keep every page as it was before
//! its first row.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use crate::domain::call::CallId;
use crate::domain::clock::Timestamp;
use crate::domain::customer::{CustomerId, CustomerNumber, Order};
use crate::domain::provider::ProviderId;

use super::intake::{Intake, NewCall};
use super::packed::PackedAccount;
use super::{RunNumber, StoreError, orders, priority};

/// How many rows go with one statement: beyond, little is saved.
const ROWS: usize = 384;

/// Accounts, calls and order values that wait at most, where there are few new customers among theirs.
const ROWS_MAX: usize = 8 * ROWS;

/// Rows that wait for their statement.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    customers: Vec<NewCustomer>,
    accounts: Vec<(CustomerNumber, ProviderId, PackedAccount)>,
    calls: Vec<(CallId, NewCall)>,
    orders: Vec<(CustomerNumber, Order)>,
    /// The number of the next customer; none, where customers and accounts do not wait.
    next_customer: Option<CustomerNumber>,
}

/// A customer with its number.
#[derive(Debug)]
struct NewCustomer {
    number: CustomerNumber,
    id: CustomerId,
    order: Option<Order>,
    told: Vec<u8>,
}

/// The columns of a row as they are bound.
type Bound<'a, const COLUMNS: usize> = [ToSqlOutput<'a>; COLUMNS];

impl Blocks {
    /// For a state in which nobody has an account.
    pub(super) fn of_first_fill(connection: &Connection) -> Result<Self, StoreError> {
        let next_customer = Some(CustomerNumber(next(connection, "SELECT max(id) FROM customer")?));
        Ok(Self { next_customer, ..Self::default() })
    }

    /// Whether new customers and their accounts wait too.
    pub(super) fn take_customers(&self) -> bool {
        self.next_customer.is_some()
    }

    /// Takes a customer of a first fill; gives the number that it will have.
    pub(super) fn customer(
        &mut self,
        id: &CustomerId,
        order: Option<Order>,
        told: Vec<u8>,
    ) -> CustomerNumber {
        let number = self.next_customer.expect("customers wait in a first fill");
        self.next_customer = Some(CustomerNumber(number.0 + 1));
        self.customers.push(NewCustomer { number, id: id.clone(), order, told });
        number
    }

    /// Takes an account.
    pub(super) fn account(&mut self, customer: CustomerNumber, provider: ProviderId, account: PackedAccount) {
        self.accounts.push((customer, provider, account));
    }

    /// Takes a call that is queued and nothing else.
    pub(super) fn call(&mut self, id: CallId, call: NewCall) {
        self.calls.push((id, call));
    }

    /// Takes the newest order value of a known customer.
    pub(super) fn order(&mut self, customer: CustomerNumber, order: Order) {
        self.orders.push((customer, order));
    }

    /// Whether there is enough for a statement.
    pub(super) fn is_full(&self) -> bool {
        let others = self.accounts.len().max(self.calls.len()).max(self.orders.len());
        self.customers.len() >= ROWS || others >= ROWS_MAX
    }

    /// Writes down what fills whole statements; what does not waits for more. Customers come first, so that nothing is
    /// written of somebody who is not.
    pub(super) fn write_full(
        &mut self,
        connection: &Connection,
        run: RunNumber,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let whole = |rows: usize| rows - rows % ROWS;
        let counts = [whole(self.accounts.len()), whole(self.calls.len()), whole(self.orders.len())];
        self.write_first(connection, (run, now), counts)
    }

    /// Writes down what waits. What comes behind may be written row by row.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        run: RunNumber,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write_first(connection, (run, now), [self.accounts.len(), self.calls.len(), self.orders.len()])
    }

    /// Writes down all customers, and so many accounts, calls and order values.
    fn write_first(
        &mut self,
        connection: &Connection,
        (run, now): (RunNumber, Timestamp),
        [accounts, calls, orders]: [usize; 3],
    ) -> Result<(), StoreError> {
        for rows in self.customers.chunks(ROWS) {
            let sql = "INSERT OR ROLLBACK INTO customer (id, customer_id, order_value, told_fields) VALUES";
            insert(connection, &rows_of(sql, "(?,?,?,?)", rows.len()), rows.iter().flat_map(bound_customer))?;
        }
        self.customers.clear();
        for rows in self.accounts[..accounts].chunks(ROWS) {
            let sql =
                "INSERT OR ROLLBACK INTO account (customer, provider, key, known, fields, skipped) VALUES";
            let values = rows.iter().flat_map(bound_account);
            insert(connection, &rows_of(sql, "(?,?,?,?,?,?)", rows.len()), values)?;
        }
        self.accounts.drain(..accounts);
        for rows in self.calls[..calls].chunks(ROWS) {
            let sql = "INSERT OR ROLLBACK INTO call (planned_in, created_at, changed_at, state, id, place, customer, provider, operation,
                           priority, payload, fields) VALUES";
            let shared = [run.0.into(), now.0.into()];
            let values = shared.into_iter().chain(rows.iter().flat_map(bound_call));
            // What all rows share has a number; each other "?" counts on from the one before.
            let sql = rows_of(sql, "(?1,?2,?2,'queued',?,?,?,?,?,?,?,?)", rows.len());
            insert(connection, &sql, values)?;
        }
        self.calls.drain(..calls);
        for rows in self.orders[..orders].chunks(ROWS) {
            orders::put(connection, rows)?;
        }
        self.orders.drain(..orders);
        Ok(())
    }
}

impl Intake<'_> {
    /// Lets new calls and newer order values wait for each other and be written together, until [`Intake::write_blocks`]: while
    /// nobody reads what is new. Of a `first_fill`, of a state in which nobody has an account yet, new customers and accounts too.
    pub fn gather_blocks(&self, first_fill: bool) -> Result<(), StoreError> {
        let blocks = if first_fill { Blocks::of_first_fill(&self.transaction)? } else { Blocks::default() };
        *self.blocks.borrow_mut() = Some(blocks);
        Ok(())
    }

    /// Writes down what still waits; from then on each row is written at once.
    pub fn write_blocks(&self) -> Result<(), StoreError> {
        match self.blocks.take() {
            Some(mut blocks) => blocks.write(&self.transaction, self.run, self.now),
            None => Ok(()),
        }
    }

    pub(super) fn write_if_full(&self, blocks: &mut Blocks) -> Result<(), StoreError> {
        if blocks.is_full() { blocks.write_full(&self.transaction, self.run, self.now) } else { Ok(()) }
    }
}

fn bound_customer(NewCustomer { number, id, order, told }: &NewCustomer) -> Bound<'_, 4> {
    let order = order.map_or(NULL, |order| order.0.into());
    [number.0.into(), text(id.as_str()), order, blob(Some(told))]
}

fn bound_account(
    (customer, provider, account): &(CustomerNumber, ProviderId, PackedAccount),
) -> Bound<'_, 6> {
    [
        customer.0.into(),
        provider.number().into(),
        text(account.key.0.as_str()),
        account.known.into(),
        blob(Some(&account.fields)),
        blob(account.skipped.as_deref()),
    ]
}

fn bound_call((id, call): &(CallId, NewCall)) -> Bound<'_, 8> {
    [
        id.0.into(),
        id.0.into(),
        call.customer.0.into(),
        call.provider.number().into(),
        text(call.operation.name()),
        priority::of(call.withdrawal).into(),
        blob(Some(&call.payload.bytes)),
        blob(call.payload.fields.as_deref()),
    ]
}

fn insert<'a>(
    connection: &Connection,
    sql: &str,
    values: impl Iterator<Item = ToSqlOutput<'a>>,
) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute(params_from_iter(values))?;
    Ok(())
}

/// A statement for so many rows.
pub(super) fn rows_of(sql: &str, row: &str, count: usize) -> String {
    let mut sql = String::from(sql);
    for number in 0..count {
        sql.push_str(if number == 0 { " " } else { "," });
        sql.push_str(row);
    }
    sql
}

fn next(connection: &Connection, last: &str) -> Result<i64, StoreError> {
    let last: Option<i64> = connection.query_row(last, [], |row| row.get(0))?;
    Ok(last.unwrap_or(0) + 1)
}

const NULL: ToSqlOutput<'static> = ToSqlOutput::Owned(Value::Null);

fn text(text: &str) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
}

fn blob(bytes: Option<&[u8]>) -> ToSqlOutput<'_> {
    bytes.map_or(NULL, |bytes| ToSqlOutput::Borrowed(ValueRef::Blob(bytes)))
}
