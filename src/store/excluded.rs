//! Fields that a provider is not to get any more (`exclude`): they leave the calls that were queued or held before that was said.
//! A refused one keeps them, so that the next input, which says less, has it sent anew; a person may let it go before.
//!
//! Looked for where the setting has changed since the last run, or something was released, and only then: whatever is queued
//! later has none of them.

use rusqlite::Connection;

use crate::domain::call::{CallId, HoldReason, Operation, Payload, State};
use crate::domain::clock::Timestamp;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::lifecycle::{Happening, Life};
use crate::domain::mark::{Mark, Marker};
use crate::domain::provider::ProviderId;
use crate::domain::wire::FieldCode;

use super::marks::{self, Marks};
use super::packed::PackedPayload;
use super::snapshot::{Snapshot, life_of};
use super::transitions::{CallRecord, end};
use super::{RunNumber, StoreError, codec, setting, settling};

/// How the name of the setting begins that says what was excluded in the last run; the number of the provider comes behind.
const EXCLUDED: &str = "excluded:";
/// How many calls are in memory at once.
const CALLS_AT_ONCE: i64 = 1_000;

/// A call with what is left of its payload.
struct Lightened {
    id: CallId,
    customer: String,
    life: Life,
    payload: Payload,
    /// Which of them alone go, after a part was refused; without any, all go.
    only: Vec<FieldCode>,
}

/// Takes fields out of the calls of a provider that are not on their way, and ends those to which nothing is left, unless they
/// may have left or wait for a person; their customers are compared again. Gives how many open ones ended.
pub(super) fn take_out(
    connection: &Connection,
    provider: ProviderId,
    excluded: &[FieldCode],
    (fingerprinter, marker): (&Fingerprinter, &Marker),
    (run, now): (RunNumber, Timestamp),
) -> Result<u64, StoreError> {
    let name = format!("{EXCLUDED}{}", provider.number());
    let packed = codec::pack_codes(excluded).unwrap_or_default();
    if setting::get(connection, &name)?.unwrap_or_default() == packed {
        return Ok(0);
    }
    let (mut ended, mut compared_again) = (0, Marks::default());
    let mut last = i64::MIN;
    while let Some(lightened) = next(connection, provider, excluded, &mut last)? {
        for Lightened { id, customer, life, payload, only } in lightened {
            // Should the fields be let in again, they are sent as if they had never been queued.
            compared_again.push(Mark::unread(marker.key(&customer)));
            if payload.values.is_empty() && may_end(&life) {
                settling::note(connection, fingerprinter, id)?;
                end(connection, (id, &life), Happening::NothingLeft, (run, now))?;
                ended += u64::from(life.state.is_open());
                continue;
            }
            CallRecord::of(&life)
                .carrying(PackedPayload::of(&payload))
                .with("only_fields", codec::pack_codes(&only))
                .with("replaced", true)
                .update(connection, id, (life.state, None), now)?;
        }
    }
    marks::put(connection, compared_again)?;
    setting::put(connection, &name, &packed)?;
    Ok(ended)
}

impl Snapshot<'_> {
    /// Whether no run has yet taken these fields out of the calls of a provider.
    pub fn are_newly_excluded(
        &self,
        provider: ProviderId,
        excluded: &[FieldCode],
    ) -> Result<bool, StoreError> {
        let before = setting::get(self.connection, &format!("{EXCLUDED}{}", provider.number()))?;
        Ok(before.unwrap_or_default() != codec::pack_codes(excluded).unwrap_or_default())
    }
}

/// Has the next run look again: a call was released that was not looked at.
pub(super) fn look_again(connection: &Connection, provider: ProviderId) -> Result<(), StoreError> {
    setting::remove(connection, &format!("{EXCLUDED}{}", provider.number()))
}

/// Those of the next calls that have such fields; none at the end.
fn next(
    connection: &Connection,
    provider: ProviderId,
    excluded: &[FieldCode],
    last: &mut i64,
) -> Result<Option<Vec<Lightened>>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT call.*, customer.customer_id FROM call JOIN customer ON customer.id = call.customer
         WHERE call.id > ?1 AND provider = ?2 AND payload IS NOT NULL AND lease IS NULL AND state <> 'refused'
         ORDER BY call.id LIMIT ?3",
    )?;
    let mut rows = select.query((*last, provider.number(), CALLS_AT_ONCE))?;
    let (before, mut found) = (*last, Vec::new());
    while let Some(row) = rows.next()? {
        *last = row.get("id")?;
        let mut payload = codec::unpack_payload(&row.get::<_, Vec<u8>>("payload")?)?;
        let whole = payload.values.len();
        payload.values.0.retain(|field, _| !excluded.contains(field));
        // What lost all that it had while it waited for a person ends once it is let go.
        let life = life_of(row)?;
        if payload.values.len() < whole || whole == 0 && may_end(&life) {
            let customer = row.get("customer_id")?;
            let mut only = codec::unpack_codes(row.get::<_, Option<Vec<u8>>>("only_fields")?.as_deref())?;
            only.retain(|field| payload.values.get(*field).is_some());
            found.push(Lightened { id: CallId(*last), customer, life, payload, only });
        }
    }
    Ok((*last > before).then_some(found))
}

/// A create is one without values, too.
fn may_end(life: &Life) -> bool {
    let waits = match life.state {
        State::Queued | State::Waiting => true,
        State::Held => life.hold.is_some_and(HoldReason::is_judged_anew),
        State::InFlight | State::Probing | State::Refused => false,
        State::Acknowledged | State::Superseded | State::Abandoned | State::Forgotten => false,
    };
    waits && life.operation == Operation::Update && !life.create_unknown
}
