//! The newest accepted order value of each customer: in its row, or beside it for as long as there are few newer ones.
//!
//! Ten thousand scattered changes in place write every page of the customers anew.

use rusqlite::{Connection, OptionalExtension, params_from_iter};

use crate::domain::customer::{CustomerNumber, Order};

use super::blocks::rows_of;
use super::snapshot::Snapshot;
use super::{StoreError, setting};

/// Fewer newer ones than this are never put in place.
const NEWER_MIN: i64 = 4_096;
/// Newer ones are put in place when they are more than one of so many customers.
const NEWER_SHARE: i64 = 16;

/// Whether the schema has newer ones: not where a state of an earlier version is only read.
pub(super) fn are_apart(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'newer_order')";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// What stands beside a customer's row.
pub(super) fn newer(connection: &Connection, customer: CustomerNumber) -> Result<Option<Order>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT order_value FROM newer_order WHERE customer = ?1")?;
    Ok(statement.query_row([customer], |row| row.get(0)).optional()?.map(Order))
}

/// Writes newer ones beside the rows of the customers.
pub(super) fn put(connection: &Connection, newer: &[(CustomerNumber, Order)]) -> Result<(), StoreError> {
    let mut sql = rows_of("INSERT INTO newer_order (customer, order_value) VALUES", "(?,?)", newer.len());
    sql.push_str(
        " ON CONFLICT (customer) DO UPDATE SET order_value = max(order_value, excluded.order_value)",
    );
    let values = newer.iter().flat_map(|(customer, order)| [customer.0, order.0]);
    connection.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}

/// Writes a newer one into the customer's row: for those who have many of them.
pub(super) fn put_in_place(
    connection: &Connection,
    customer: CustomerNumber,
    order: Order,
) -> Result<(), StoreError> {
    let sql = "UPDATE customer SET order_value = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute((customer, order.0))?;
    Ok(())
}

/// Puts all of them in place, once there are many.
pub(super) fn settle(connection: &Connection) -> Result<(), StoreError> {
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
    let newer = count("SELECT count(*) FROM newer_order")?.unwrap_or(0);
    // Numbers are given out in order.
    let customers = count("SELECT max(id) FROM customer")?.unwrap_or(0);
    if newer <= NEWER_MIN.max(customers / NEWER_SHARE) {
        return Ok(());
    }
    connection.execute(
        "UPDATE customer SET order_value = newer.order_value FROM newer_order AS newer
         WHERE newer.customer = customer.id
             AND (customer.order_value IS NULL OR customer.order_value < newer.order_value)",
        [],
    )?;
    connection.execute("DELETE FROM newer_order", [])?;
    Ok(())
}

/// The setting that says how the order values were read.
const READING: &str = "order_reading";

impl Snapshot<'_> {
    /// Whether the order values of earlier inputs are to be compared with those that are read in this way. What was read in
    /// another one (by another column, or dates in other forms) says nothing.
    pub fn orders_are_read_by(&self, reading: &[u8; 32]) -> Result<bool, StoreError> {
        let before = setting::get(self.connection, READING)?;
        Ok(before.is_none_or(|before| before == reading))
    }
}

/// Forgets all order values.
pub(super) fn forget(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("UPDATE customer SET order_value = NULL WHERE order_value IS NOT NULL", [])?;
    connection.execute("DELETE FROM newer_order", [])?;
    Ok(())
}

/// Notes how order values are read from now on.
pub(super) fn put_reading(connection: &Connection, reading: &[u8; 32]) -> Result<(), StoreError> {
    setting::put(connection, READING, reading)
}

/// Removes the one of a customer who is erased, by its key. A copy of an older version has none.
pub(super) fn remove(connection: &Connection, customer_id: &str) -> Result<(), StoreError> {
    if are_apart(connection)? {
        let sql =
            "DELETE FROM newer_order WHERE customer IN (SELECT id FROM customer WHERE customer_id = ?1)";
        connection.execute(sql, [customer_id])?;
    }
    Ok(())
}
