//! What the state remembers under a name: how it is kept and read, where it comes from, what is in doubt.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;

/// What is remembered under a name.
pub(super) fn get(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Whether anything is remembered under a name.
pub(super) fn is_set(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    Ok(get(connection, name)?.is_some())
}

/// Remembers something. What is remembered already is no change.
pub(super) fn put(connection: &Connection, name: &str, value: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO setting (name, value) VALUES (?1, ?2)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value";
    connection.prepare_cached(sql)?.execute((name, value))?;
    Ok(())
}

/// Remembers something no more.
pub(super) fn remove(connection: &Connection, name: &str) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM setting WHERE name = ?1")?.execute([name])?;
    Ok(())
}
