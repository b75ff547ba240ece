//! The ledger: what each request really did, in the order in which it was decided. The oracle of end-to-end tests.
//!
//! Append-only and in memory. An entry is written in the same step that applies the request, before any byte of
//! the answer leaves, so that a client which dies cannot make one vanish.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use super::route::Operation;
use crate::domain::provider::ProviderId;

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The provider said yes.
    Accepted,
    /// The provider said no, with one of its codes.
    Refused,
    /// The credentials or the caller were turned away.
    Denied,
    /// The request was no proper one: bad JSON, bad XML, wrong method or media type.
    Malformed,
    /// A scenario answered 429, or 503 with `Retry-After`.
    Throttled,
    /// A scenario answered another status.
    Status,
    /// A scenario lost the request: nothing was applied and nothing answered.
    Lost,
    /// A scenario keeps the request, to apply it later; a second entry tells what came of it.
    Late,
    /// A scenario answered something unreadable.
    Garbage,
    /// A scenario sent the client elsewhere.
    Redirected,
}

/// One line of the ledger.
#[derive(Clone, Serialize)]
pub struct Entry {
    /// Position in the ledger, from 1, without gaps.
    pub seq: u64,
    /// The provider that was called.
    pub provider: ProviderId,
    /// What was called.
    pub operation: Operation,
    /// The customer's key at that provider: WsOne `<identifierType>:<identifierValue>`, Lemonway the wallet,
    /// Safedebit its consumer reference; `None` when the request had none.
    pub key: Option<String>,
    /// Whether the request changed the provider's state.
    pub applied: bool,
    /// What became of it.
    pub outcome: Outcome,
    /// The provider's code (`"000"`, `"147"`, `"EXIST_002"`, `"ok"` for Safedebit's success), or the HTTP status.
    pub code: String,
    /// Whether an answer was sent; false means that the client had to guess.
    pub answered: bool,
    /// Whether this create made a second person of one identifier.
    pub duplicate: bool,
    /// For the second entry of a late request: the `seq` of the first. Such an entry is no request of its own.
    pub late_of: Option<u64>,
    /// When the request arrived, or a late one was applied: milliseconds since the start, monotonic.
    pub at_ms: u64,
    /// The wire body that was applied, without credentials and session constants; `None` when nothing was.
    pub fields: Option<Box<RawValue>>,
    #[serde(skip)]
    at: Duration,
}

/// Shows the course of things, never the customer.
impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Entry")
            .field("seq", &self.seq)
            .field("operation", &self.operation)
            .field("applied", &self.applied)
            .field("outcome", &self.outcome)
            .field("code", &self.code)
            .field("answered", &self.answered)
            .field("duplicate", &self.duplicate)
            .field("late_of", &self.late_of)
            .field("at_ms", &self.at_ms)
            .finish_non_exhaustive()
    }
}

/// What is to be written down of one request.
pub(super) struct Note {
    pub(super) operation: Operation,
    pub(super) key: Option<String>,
    pub(super) outcome: Outcome,
    pub(super) code: String,
    pub(super) answered: bool,
    pub(super) duplicate: bool,
    pub(super) late_of: Option<u64>,
    pub(super) at: Duration,
    pub(super) fields: Option<Box<RawValue>>,
}

/// Counts of one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Requests received.
    pub requests: u64,
    /// Requests that changed something, late ones included.
    pub applied: u64,
    /// Requests that were refused, denied or malformed, late ones included.
    pub refused: u64,
    /// Creates that made a second person of one identifier.
    pub duplicates: u64,
    /// Requests that got no answer.
    pub unanswered: u64,
}

/// Counts of one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProviderSummary {
    /// Requests received, all operations.
    pub requests: u64,
    /// The largest number of requests that arrived within any second, the second's end excluded.
    pub max_per_second: u64,
    /// By operation; only operations that were called.
    pub operations: BTreeMap<Operation, Tally>,
}

/// Counts of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// By provider, each present.
    pub providers: BTreeMap<ProviderId, ProviderSummary>,
    /// Requests to paths that no provider has.
    pub unrouted: u64,
    /// Requests that are still to be applied late.
    pub pending_late: u64,
}

/// The window of [`ProviderSummary::max_per_second`].
const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    unrouted: u64,
}

impl Ledger {
    /// Appends one entry and returns its number.
    pub(super) fn append(&mut self, note: Note) -> u64 {
        let seq = self.entries.last().map_or(1, |entry| entry.seq + 1);
        self.entries.push(Entry {
            seq,
            provider: note.operation.provider(),
            operation: note.operation,
            key: note.key,
            applied: note.fields.is_some(),
            outcome: note.outcome,
            code: note.code,
            answered: note.answered,
            duplicate: note.duplicate,
            late_of: note.late_of,
            at_ms: u64::try_from(note.at.as_millis()).unwrap_or(u64::MAX),
            fields: note.fields,
            at: note.at,
        });
        seq
    }

    pub(super) fn count_unrouted(&mut self) {
        self.unrouted += 1;
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn summary(&self, pending_late: u64) -> Summary {
        let providers = ProviderId::ALL.into_iter().map(|api| (api, self.provider_summary(api))).collect();
        Summary { providers, unrouted: self.unrouted, pending_late }
    }

    fn provider_summary(&self, api: ProviderId) -> ProviderSummary {
        let mut summary = ProviderSummary::default();
        let mut arrivals = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.provider == api) {
            if entry.late_of.is_none() {
                arrivals.push(entry.at);
            }
            count(summary.operations.entry(entry.operation).or_default(), entry);
        }
        summary.requests = arrivals.len() as u64;
        summary.max_per_second = busiest_second(arrivals);
        summary
    }
}

fn count(tally: &mut Tally, entry: &Entry) {
    let is_request = entry.late_of.is_none();
    let is_refusal = matches!(entry.outcome, Outcome::Refused | Outcome::Denied | Outcome::Malformed);
    tally.requests += u64::from(is_request);
    tally.applied += u64::from(entry.applied);
    tally.refused += u64::from(is_refusal);
    tally.duplicates += u64::from(entry.duplicate);
    tally.unanswered += u64::from(is_request && !entry.answered);
}

/// The largest number of arrivals in any half-open second.
fn busiest_second(mut arrivals: Vec<Duration>) -> u64 {
    arrivals.sort_unstable();
    let mut first = 0;
    let mut largest = 0;
    for (last, arrival) in arrivals.iter().enumerate() {
        while *arrival >= arrivals[first] + SECOND {
            first += 1;
        }
        largest = largest.max(last + 1 - first);
    }
    largest as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busiest_second_slides_and_excludes_its_end() {
        let ms = |list: &[u64]| list.iter().map(|at| Duration::from_millis(*at)).collect();
        assert_eq!(busiest_second(ms(&[])), 0);
        assert_eq!(busiest_second(ms(&[0, 1000, 2000])), 1);
        assert_eq!(busiest_second(ms(&[0, 999])), 2);
        assert_eq!(busiest_second(ms(&[1500, 0, 900, 1400, 1899, 1900])), 4);
    }
}
