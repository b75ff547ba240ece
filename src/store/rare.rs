//! What few customers have, in tables of their own: where a table is empty, nobody is looked up in it.

use rusqlite::Connection;

use super::StoreError;

/// Which of these tables have anything in them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rare {
    /// Keys beside those of the accounts.
    pub(super) other_keys: bool,
    /// Records that name another key than account and call have.
    pub(super) named_keys: bool,
    /// Customers who are turned away.
    pub(super) turned_away: bool,
    /// What records said that were turned away.
    pub(super) untaken: bool,
}

impl Rare {
    /// Where there is nothing yet, something may come.
    pub(super) const ANY: Self =
        Self { other_keys: true, named_keys: true, turned_away: true, untaken: true };

    /// Looks into the tables.
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let has = |table| has_any(connection, table);
        let (other_keys, named_keys) = (has("other_key")?, has("named_key")?);
        Ok(Self { other_keys, named_keys, turned_away: has("turned_away")?, untaken: has("untaken")? })
    }
}

/// Whether a table has a row. A state of an earlier version that is only read may have no such table.
pub(super) fn has_any(connection: &Connection, table: &'static str) -> Result<bool, StoreError> {
    let asked = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, bool>(0));
    Ok(asked(&format!("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '{table}')"))?
        && asked(&format!("SELECT EXISTS (SELECT 1 FROM {table})"))?)
}
