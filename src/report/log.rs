//! The events of a run as lines of the program's log: `-v` shows what is done, `-vv` each answer.
//!
//! Events carry names, counts and codes, never a customer's value, and so does the log.

use crate::domain::event::{Event, LaneState};

/// Writes an event into the log, at the level of its weight.
pub(super) fn write(event: &Event) {
    match event {
        Event::RunStarted { run, command, .. } => tracing::info!(run, command, "run begins"),
        // Progress shows how far the reading is.
        Event::Reading { .. } => {}
        Event::Ingested { rows, new, changed, planned } => {
            tracing::info!(rows, new, changed, planned, "input read and accepted");
        }
        Event::BackedUp { bytes, milliseconds } => tracing::info!(bytes, milliseconds, "backup made"),
        Event::Lane { provider, state, total } => lane(provider.name(), *state, *total),
        Event::Call { provider, call, operation, probe, class, code, milliseconds, attempt, settled } => {
            let (provider, call, operation) = (provider.name(), call.0, operation.name());
            tracing::debug!(
                provider,
                call,
                operation,
                probe,
                class,
                code,
                milliseconds,
                attempt,
                settled,
                "answer"
            );
        }
        Event::Warning { message } => tracing::info!("{message}"),
        Event::RunFinished { outcome, exit_code } => tracing::info!(outcome, exit_code, "run ends"),
    }
}

fn lane(provider: &str, state: LaneState, total: u64) {
    match state {
        LaneState::Running => tracing::info!(provider, total, "lane sends"),
        LaneState::Throttled { until } => {
            tracing::info!(provider, %until, "lane pauses: the provider asked for it");
        }
        LaneState::Settling { until } => {
            tracing::info!(provider, %until, "lane pauses: what was sent before the restore may still be applied");
        }
        LaneState::BreakerOpen { until } => {
            tracing::info!(provider, %until, "lane pauses: the provider is down");
        }
        LaneState::Denied => tracing::info!(provider, "lane ends: credentials or contract"),
        LaneState::Unavailable => tracing::info!(provider, "lane ends: down for longer than outage_patience"),
        LaneState::TooManyErrors => tracing::info!(provider, "lane ends: too many errors"),
        LaneState::BudgetUsed => tracing::info!(provider, "lane ends: budget of calls or time used up"),
        LaneState::Interrupted => tracing::info!(provider, "lane ends: interrupted"),
        LaneState::Failed => tracing::info!(provider, "lane ends: the state could not be written"),
        LaneState::Drained => tracing::info!(provider, "lane ends: nothing left to send in this run"),
    }
}
