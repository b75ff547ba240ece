//! In which order calls leave: by the column `priority`, the lowest first. What has stopped its lane, or is tried once more
//! later, goes after all others.

use rusqlite::Connection;

use crate::domain::provider::ProviderId;

use super::lease::WAITING;
use super::{RunNumber, StoreError};

/// Withdrawn consents leave first.
pub(super) const WITHDRAWAL: i64 = 0;
/// Everything else, oldest first.
const NORMAL: i64 = 1;
/// A withdrawn consent that goes after all others.
const LAST_WITHDRAWAL: i64 = 8;
/// Everything else that does.
const LAST: i64 = 9;

/// That of a new call.
pub(super) fn of(is_withdrawal: bool) -> i64 {
    if is_withdrawal { WITHDRAWAL } else { NORMAL }
}

/// That of a call which goes after all others from now on.
pub(super) fn behind_all(priority: i64) -> i64 {
    if in_its_turn(priority) == WITHDRAWAL { LAST_WITHDRAWAL } else { LAST }
}

/// That of a call which does not any more.
pub(super) fn in_its_turn(priority: i64) -> i64 {
    match priority {
        WITHDRAWAL | LAST_WITHDRAWAL => WITHDRAWAL,
        _ => NORMAL,
    }
}

/// Whether a call of that priority goes after all others.
pub(super) fn is_last(priority: i64) -> bool {
    priority >= LAST_WITHDRAWAL
}

/// The highest one that may leave, with those that go after all others or without them.
pub(super) fn highest(with_last: bool) -> i64 {
    if with_last { LAST } else { LAST_WITHDRAWAL - 1 }
}

/// At the start of a run: a withdrawn consent that went after all others and was not reached, although the lane did its work in
/// the whole run before, takes its turn again. Else it would never leave where every night brings more calls than may be sent.
/// Everything else waits: it may stop the lane once more.
pub(super) fn put_back(
    connection: &Connection,
    provider: ProviderId,
    run: RunNumber,
) -> Result<(), StoreError> {
    for open in ["state = 'queued'", WAITING] {
        let sql = format!(
            "WITH earlier (run) AS (SELECT coalesce(max(number), 0) FROM run WHERE number < ?2)
             UPDATE call SET priority = {WITHDRAWAL}
             WHERE provider = ?1 AND {open} AND priority = {LAST_WITHDRAWAL}
                 AND NOT EXISTS (SELECT 1 FROM answer, earlier WHERE answer.call = call.id AND answer.run >= earlier.run)
                 AND NOT EXISTS (SELECT 1 FROM answer JOIN call AS other ON other.id = answer.call, earlier
                     WHERE answer.run = earlier.run AND other.provider = ?1 AND answer.class IN ('denied', 'contract'))
                 AND EXISTS (SELECT 1 FROM call AS other, earlier
                     WHERE other.provider = ?1 AND other.settled_in = earlier.run AND other.state = 'acknowledged')"
        );
        connection.execute(&sql, (provider.number(), run.0))?;
    }
    Ok(())
}
