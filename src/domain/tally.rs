//! The counts of a run, with the names that `report.json` gives them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::Operation;
use super::provider::ProviderId;

/// What was read. `rows = customers + duplicates + invalid`;
/// `customers = new + changed + unchanged + stale + forgotten`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputTally {
    /// The files as they were named.
    pub files: Vec<String>,
    /// Bytes read, after decompression and decoding.
    pub bytes: u64,
    /// Records, invalid ones included.
    pub rows: u64,
    /// Different customers among the valid rows.
    pub customers: u64,
    /// Customers that no earlier input had.
    pub new: u64,
    /// Known customers whose record differs from the last one accepted.
    pub changed: u64,
    /// Known customers whose record is the same.
    pub unchanged: u64,
    /// Rows merged into another row of their customer.
    pub duplicates: u64,
    /// Rows that could not be used at all.
    pub invalid: u64,
    /// Customers whose rows are older than what was accepted before.
    pub stale: u64,
    /// Customers that were erased and must not come back.
    pub forgotten: u64,
    /// Known customers that a full input does not have.
    pub missing: u64,
    /// Time spent from the first byte to the commit, in seconds.
    pub seconds: f64,
}

impl InputTally {
    /// Whether the two sums of the contract hold.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.rows == self.customers + self.duplicates + self.invalid
            && self.customers == self.new + self.changed + self.unchanged + self.stale + self.forgotten
    }
}

/// A count for each operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ByOperation {
    /// createPerson.
    pub create: u64,
    /// Everything else.
    pub update: u64,
}

impl ByOperation {
    /// Counts one.
    pub fn add(&mut self, operation: Operation) {
        match operation {
            Operation::Create => self.create += 1,
            Operation::Update => self.update += 1,
        }
    }

    /// Both together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.create + self.update
    }
}

/// Response times in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Half of the answers came within this time.
    pub p50: u64,
    /// 95 of 100.
    pub p95: u64,
    /// 99 of 100.
    pub p99: u64,
    /// The slowest.
    pub max: u64,
}

/// What happened to the calls of one provider.
/// `planned + carried_over + released = acknowledged + refused + held + deferred + superseded + abandoned + forgotten`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderTally {
    /// Calls created by this run, held ones too.
    pub planned: ByOperation,
    /// Calls that were open when the run started.
    pub carried_over: u64,
    /// Parked calls that this run queued again: 0, as long as people alone do so, between runs.
    pub released: u64,
    /// Calls whose success is committed.
    pub acknowledged: ByOperation,
    /// Calls refused in this run.
    pub refused: u64,
    /// Calls that wait for a person at the end.
    pub held: u64,
    /// Calls that are open at the end and not held.
    pub deferred: u64,
    /// Calls that a newer value replaced.
    pub superseded: u64,
    /// Calls that a person gave up: 0, as for `released`.
    pub abandoned: u64,
    /// Calls of erased customers: 0, as for `released`.
    pub forgotten: u64,
    /// Stock of refused calls that wait for a change or a release.
    pub parked: u64,
    /// Stock of fields left out: the value is invalid, the object that they belong to is not known whole, or the CRM cleared them
    /// and they are left as they are.
    pub skipped_fields: u64,
    /// Fields that the CRM cleared and that are left as they are: `on_cleared` is not `send_empty`, or they cannot be empty.
    pub cleared_fields: u64,
    /// What was not sent as the rows have it: objects and fields of several columns of which a part is not known, and what only an
    /// earlier record had, which was turned away whole.
    pub incomplete: u64,
    /// Requests that left, probes and repeats included.
    pub requests: u64,
    /// Requests for calls that had spent a try in this run before; an answer that asks to wait spends none.
    pub retries: u64,
    /// Answers that asked to wait.
    pub throttled: u64,
    /// The configured rate, requests a second.
    pub allowed_per_second: f64,
    /// Requests a second between the first and the last one, which count as a second apart at least.
    pub achieved_per_second: f64,
    /// Response times.
    pub latency_ms: Latency,
}

impl ProviderTally {
    /// Whether what came in equals what went out.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.planned.total() + self.carried_over + self.released
            == self.acknowledged.total()
                + self.refused
                + self.held
                + self.deferred
                + self.superseded
                + self.abandoned
                + self.forgotten
    }
}

/// All counts of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// What was read.
    pub input: InputTally,
    /// What was sent, for each enabled provider.
    pub providers: BTreeMap<ProviderId, ProviderTally>,
}

impl Tally {
    /// Whether the accounting holds everywhere.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.input.balances() && self.providers.values().all(ProviderTally::balances)
    }
}
