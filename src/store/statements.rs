//! Statements that a group of settlements needs for each call: looked up once a group, since to find one by its text costs
//! as much as a short one takes.

use std::cell::{RefCell, RefMut};
use std::fmt;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

use crate::domain::customer::CustomerNumber;

use super::{StoreError, codec, flights};

impl ToSql for CustomerNumber {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for CustomerNumber {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

/// A statement that is kept as soon as it was asked for.
#[derive(Default)]
pub(super) struct Kept<'a>(RefCell<Option<CachedStatement<'a>>>);

impl<'a> Kept<'a> {
    /// The statement. Its text must be the same each time.
    pub(super) fn get(
        &self,
        connection: &'a Connection,
        sql: &str,
    ) -> Result<RefMut<'_, CachedStatement<'a>>, StoreError> {
        let mut kept = self.0.borrow_mut();
        if kept.is_none() {
            *kept = Some(connection.prepare_cached(sql)?);
        }
        Ok(RefMut::map(kept, |kept| kept.as_mut().expect("it was just prepared")))
    }
}

/// Lets statements lay newer fields over those of an account by `merged_fields(known, newer)`, where to read the account
/// first would be to look for it twice, and leave out what is on its way by `is_aloft(call, aloft)`.
pub(super) fn add_functions(connection: &Connection) -> Result<(), StoreError> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("merged_fields", 2, flags, |context| {
        codec::merge_fields(bytes(context, 0)?, bytes(context, 1)?)
            .map_err(|error| rusqlite::Error::UserFunctionError(error.into()))
    })?;
    connection.create_scalar_function("is_aloft", 2, flags, |context| {
        Ok(flights::is_among(context.get(0)?, bytes(context, 1)?))
    })?;
    Ok(())
}

fn bytes<'a>(context: &'a Context<'_>, at: usize) -> rusqlite::Result<&'a [u8]> {
    context.get_raw(at).as_blob().map_err(|error| rusqlite::Error::UserFunctionError(error.into()))
}

/// The statements of a call that is accepted.
#[derive(Default)]
pub(super) struct Statements<'a> {
    pub(super) accept: Kept<'a>,
    pub(super) acknowledge: Kept<'a>,
}

impl fmt::Debug for Statements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Statements")
    }
}
