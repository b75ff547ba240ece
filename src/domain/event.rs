//! What a run tells while it goes: the only thing that passes from ingest and dispatch to those who show or record it.

use std::sync::mpsc::Sender;

use schemars::JsonSchema;
use serde::Serialize;

use super::call::{CallId, Operation};
use super::clock::{Timestamp, rfc3339};
use super::provider::ProviderId;

/// Something that happened. Carries names, counts and codes, never a customer's value.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The run began.
    RunStarted {
        /// Its identifier.
        run: String,
        /// The command that was typed.
        command: String,
        /// The version of the program.
        version: String,
    },
    /// Reading goes on.
    #[serde(rename = "progress")]
    Reading {
        /// Records so far.
        rows: u64,
        /// Bytes so far.
        bytes: u64,
        /// Bytes in all.
        bytes_total: u64,
    },
    /// The input was accepted; its calls are in the outbox.
    Ingested {
        /// Records.
        rows: u64,
        /// New customers.
        new: u64,
        /// Changed customers.
        changed: u64,
        /// Calls created.
        planned: u64,
    },
    /// The state was backed up before the first change of the run.
    BackedUp {
        /// The size of the backup in bytes.
        bytes: u64,
        /// How long it took, verification included; not part of the time of ingest.
        milliseconds: u64,
    },
    /// A lane changed its state.
    Lane {
        /// Whose lane.
        provider: ProviderId,
        /// What it does now.
        #[serde(flatten)]
        state: LaneState,
        /// Calls that it has to deliver in this run.
        total: u64,
    },
    /// A request was answered, or was not.
    Call {
        /// Whose.
        provider: ProviderId,
        /// Which.
        #[schemars(with = "i64")]
        call: CallId,
        /// What it did.
        #[schemars(with = "String")]
        operation: Operation,
        /// Whether it was a probe for the outcome of a create.
        probe: bool,
        /// The class of the verdict.
        class: &'static str,
        /// The provider's code, or what failed.
        code: String,
        /// From the making of the request, a new connection for it included, to the last byte read.
        milliseconds: u64,
        /// Which try of this run it was, from 1.
        attempt: u32,
        /// Whether the call is settled by it.
        settled: bool,
    },
    /// Something the operator should know; an advice, no value.
    Warning {
        /// The sentence.
        message: String,
    },
    /// The run ended. Where its report or summary could not be written, another one follows, which counts.
    RunFinished {
        /// `complete`, `partial` … as in `report.json`.
        outcome: String,
        /// The exit code.
        exit_code: u8,
    },
}

/// What a lane does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LaneState {
    /// Sends.
    Running,
    /// Waits because the provider asked for it.
    Throttled {
        /// Until when.
        #[serde(with = "rfc3339")]
        #[schemars(with = "String")]
        until: Timestamp,
    },
    /// Waits because what was sent before the state was put back from a backup may still be applied.
    Settling {
        /// Until when.
        #[serde(with = "rfc3339")]
        #[schemars(with = "String")]
        until: Timestamp,
    },
    /// Waits because the provider is down.
    BreakerOpen {
        /// When the next try is made.
        #[serde(with = "rfc3339")]
        #[schemars(with = "String")]
        until: Timestamp,
    },
    /// Stopped: credentials or contract.
    Denied,
    /// Stopped: down, or throttling every call, for longer than `outage_patience`.
    Unavailable,
    /// Stopped: too many errors.
    TooManyErrors,
    /// Stopped: budget of calls or time used up.
    BudgetUsed,
    /// Stopped: by a signal, or because another lane could not go on.
    Interrupted,
    /// Stopped: the state could not be written.
    Failed,
    /// Has nothing left to send in this run.
    Drained,
}

/// Where events go. Dropping all of them is fine: nothing depends on being heard.
///
/// They travel in groups: waking a listener for each one costs more than to write it down.
#[derive(Debug, Clone, Default)]
pub struct Events(Option<Sender<Vec<Event>>>);

impl Events {
    /// Events to whoever listens at the other end.
    #[must_use]
    pub fn to(listener: Sender<Vec<Event>>) -> Self {
        Self(Some(listener))
    }

    /// Tells an event. A listener that has gone is no reason to stop a run.
    pub fn emit(&self, event: Event) {
        self.emit_all(|| vec![event]);
    }

    /// Tells several events in their order; they are made only if there is a listener.
    pub fn emit_all(&self, events: impl FnOnce() -> Vec<Event>) {
        if let Some(listener) = &self.0 {
            drop(listener.send(events()));
        }
    }
}
