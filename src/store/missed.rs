//! Inputs that were accepted while a provider was switched off: what they changed, and which waiting calls may be older than
//! that.

use rusqlite::Connection;

use crate::domain::call::CallId;
use crate::domain::clock::Timestamp;
use crate::domain::customer::CustomerNumber;
use crate::domain::provider::ProviderId;

use super::snapshot::Snapshot;
use super::{Store, StoreError, setting};

/// How the name of the setting begins that says of a provider what it has had of the inputs.
const INPUTS_OF: &str = "inputs_of:";
/// It was switched on whenever an input was accepted that changed something, or has had a complete one since.
const ALL: &[u8] = b"all";

/// A call that has not left, or whose outcome is being found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingCall {
    /// Its number.
    pub id: CallId,
    /// The number of the customer.
    pub customer: CustomerNumber,
    /// Where it goes.
    pub provider: ProviderId,
}

/// In two parts, so that each is looked up in its own index.
pub(super) const WAITING_SQL: &str = "
    SELECT id, customer FROM call WHERE provider = ?1 AND payload IS NOT NULL AND lease IS NULL AND state = 'queued'
    UNION ALL SELECT id, customer FROM call
        WHERE provider = ?1 AND payload IS NOT NULL AND lease IS NULL AND state IN ('waiting', 'probing')";

/// The calls that wait for a provider.
pub(super) fn waiting(connection: &Connection, provider: ProviderId) -> Result<Vec<WaitingCall>, StoreError> {
    let mut statement = connection.prepare_cached(WAITING_SQL)?;
    let calls = statement.query_map([provider.number()], |row| {
        Ok(WaitingCall { id: CallId(row.get(0)?), customer: row.get(1)?, provider })
    })?;
    Ok(calls.collect::<Result<_, _>>()?)
}

impl Snapshot<'_> {
    /// What waits for providers that are not among these, by the numbers of the customers.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read; so for every method of this file.
    pub fn waiting_elsewhere(&self, enabled: &[ProviderId]) -> Result<Vec<WaitingCall>, StoreError> {
        let mut calls = Vec::new();
        for provider in ProviderId::ALL.into_iter().filter(|provider| !enabled.contains(provider)) {
            calls.extend(waiting(self.connection, provider)?);
        }
        calls.sort_unstable_by_key(|call| (call.customer, call.provider));
        Ok(calls)
    }
}

/// Notes at `now` which providers have an input, and which miss what it changes.
pub(super) fn note(
    connection: &Connection,
    enabled: &[ProviderId],
    is_complete: bool,
    changes: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    for provider in ProviderId::ALL {
        let name = name_of(provider);
        let noted = setting::get(connection, &name)?;
        let is_on = enabled.contains(&provider);
        if is_on && (is_complete || noted.is_none()) {
            setting::put(connection, &name, ALL)?;
        } else if !is_on && changes && noted.as_deref() == Some(ALL) {
            setting::put(connection, &name, now.to_string().as_bytes())?;
        }
    }
    Ok(())
}

impl Store {
    /// Since when a provider misses changes of accepted inputs, because it was switched off when they came, and has had no
    /// complete input since.
    pub fn misses_inputs_since(&self, provider: ProviderId) -> Result<Option<String>, StoreError> {
        let since = setting::get(&self.connection, &name_of(provider))?.filter(|since| since != ALL);
        let since = since.map(String::from_utf8).transpose();
        since
            .map_err(|_| StoreError::Damaged { what: "the time since when a provider misses inputs is none" })
    }
}

fn name_of(provider: ProviderId) -> String {
    format!("{INPUTS_OF}{provider}")
}
