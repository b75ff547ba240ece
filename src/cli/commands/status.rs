//! `status`: what the state says without being changed, also while a run goes on.

use std::collections::BTreeMap;
use std::fmt::Write;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::cli::Program;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::clock::Timestamp;
use crate::domain::provider::ProviderId;
use crate::report::next_step;
use crate::report::report_json::Outcome;
use crate::report::table::aligned;
use crate::report::text::{Context, grouped};
use crate::store::{Counts, PastRun};

#[derive(Debug, Serialize, JsonSchema)]
struct Status {
    last_run: Option<Run>,
    providers: BTreeMap<ProviderId, Queue>,
    /// Held and refused calls.
    needs_a_person: u64,
    /// Was the state put back from a backup, and no complete input accepted since: only that may go on.
    restored: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Run {
    id: String,
    command: String,
    started_at: String,
    /// None for a run that was killed or still goes on.
    finished_at: Option<String>,
    outcome: Option<String>,
    exit_code: Option<u8>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Queue {
    queued: u64,
    waiting: u64,
    probing: u64,
    held: u64,
    refused: u64,
    skipped_fields: u64,
    oldest_open: Option<String>,
}

/// The JSON Schema of `status --json`.
pub(super) fn json_schema() -> Schema {
    schema_for!(Status)
}

/// Prints last run, queue and what needs a person.
pub(super) fn status(program: &Program) -> Result<ExitCode, Failure> {
    let config = program.config()?;
    let store = program.state(&config)?.open_read_only()?;
    let last_run = store.runs(1)?.into_iter().next().map(run);
    let providers: BTreeMap<ProviderId, Queue> =
        store.counts()?.into_iter().map(|(provider, counts)| (provider, queue(&counts))).collect();
    let needs_a_person = providers.values().map(|queue| queue.held + queue.refused).sum();
    let status = Status { last_run, providers, needs_a_person, restored: store.is_in_doubt()? };
    if program.console.is_json() {
        program.console.json(&status)?;
    } else {
        program.console.text(&text(&status, &program.repeated_arguments()))?;
    }
    Ok(ExitCode::Complete)
}

fn run(run: PastRun) -> Run {
    Run {
        id: run.id,
        command: run.command,
        started_at: run.started_at.to_string(),
        finished_at: run.finished_at.map(|time| time.to_string()),
        outcome: run.outcome,
        exit_code: run.exit_code,
    }
}

fn queue(counts: &Counts) -> Queue {
    Queue {
        queued: counts.queued,
        waiting: counts.waiting,
        probing: counts.probing,
        held: counts.held,
        refused: counts.refused,
        skipped_fields: counts.skipped_fields,
        oldest_open: counts.oldest.as_ref().map(Timestamp::to_string),
    }
}

fn text(status: &Status, arguments: &[String]) -> String {
    let mut text = match &status.last_run {
        None => "no run yet\n".to_owned(),
        Some(run) => last_run(run),
    };
    if !status.providers.is_empty() {
        let header = [
            "provider",
            "queued",
            "waiting",
            "probing",
            "held",
            "refused",
            "skipped fields",
            "oldest open call",
        ];
        let rows = status.providers.iter().map(|(provider, queue)| cells(*provider, queue));
        writeln!(text, "\n{}", aligned(&header, rows, &[1, 2, 3, 4, 5, 6])).expect(INFALLIBLE);
    }
    if status.needs_a_person > 0 {
        let count = grouped(status.needs_a_person);
        let (calls, need) = if status.needs_a_person == 1 { ("call", "needs") } else { ("calls", "need") };
        writeln!(text, "\n{count} {calls} {need} a person").expect(INFALLIBLE);
    } else {
        text.push('\n');
    }
    if status.restored {
        writeln!(text, "{RESTORED}").expect(INFALLIBLE);
    }
    writeln!(text, "next: {}", next(status, arguments)).expect(INFALLIBLE);
    text
}

/// What to type now: what needs a person comes first, then what waits to be sent. A restored state takes nothing before
/// it has had a complete file.
fn next(status: &Status, arguments: &[String]) -> String {
    let open = status.providers.values().any(|queue| queue.queued + queue.waiting + queue.probing > 0);
    let denied = Some(Outcome::Denied.name());
    let words: &[&str] = match &status.last_run {
        _ if status.restored => &["sync", "FILE", "--kind", "full", "--allow-mass-change"],
        None => &["check"],
        Some(run) if run.outcome.as_deref() == denied => &["check"],
        Some(_) if status.needs_a_person > 0 => &["rejects", "list"],
        Some(_) if open => &["resume"],
        Some(_) => return "nothing to do".to_owned(),
    };
    next_step::command(words, &Context { arguments, ..Context::default() })
}

const RESTORED: &str = "the state was put back from a backup and needs a person: sync the newest complete file before \
                        anything else";

const INFALLIBLE: &str = "writing to a string does not fail";

fn last_run(run: &Run) -> String {
    let Run { id, command, started_at, .. } = run;
    match (&run.finished_at, &run.outcome, run.exit_code) {
        (Some(finished), Some(outcome), Some(code)) => {
            format!(
                "last run: {command} {id}, {outcome} (exit code {code}), from {started_at} to {finished}\n"
            )
        }
        _unfinished => format!("last run: {command} {id}, began {started_at}, not finished\n"),
    }
}

fn cells(provider: ProviderId, queue: &Queue) -> Vec<String> {
    let Queue { queued, waiting, probing, held, refused, skipped_fields, oldest_open } = queue;
    let counts = [queued, waiting, probing, held, refused, skipped_fields].map(|count| grouped(*count));
    let oldest = oldest_open.clone().unwrap_or_else(|| "-".to_owned());
    [provider.name().to_owned()].into_iter().chain(counts).chain([oldest]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_with_work_in_it() {
        let wsone =
            Counts { queued: 1_200, held: 1, refused: 2, oldest: Some(Timestamp(0)), ..Counts::default() };
        let last = PastRun {
            id: "20261122T211626Z-3f2a".to_owned(),
            command: "sync".to_owned(),
            started_at: Timestamp(0),
            finished_at: None,
            exit_code: None,
            outcome: None,
        };
        let providers =
            [(ProviderId::Wsone, queue(&wsone)), (ProviderId::Safedebit, queue(&Counts::default()))];
        let status = Status {
            last_run: Some(run(last)),
            providers: providers.into(),
            needs_a_person: 3,
            restored: false,
        };
        insta::assert_snapshot!(text(&status, &[]));
    }

    #[test]
    fn a_state_that_never_ran() {
        let status =
            Status { last_run: None, providers: BTreeMap::new(), needs_a_person: 0, restored: false };
        assert_eq!(text(&status, &[]), "no run yet\n\nnext: crmsync check\n");
    }

    #[test]
    fn the_next_command_follows_from_the_queue_and_the_last_run() {
        let cases = [
            ("unavailable", 3, 0, "crmsync resume"),
            ("partial", 3, 1, "crmsync rejects list"),
            ("denied", 3, 0, "crmsync check"),
            ("complete", 0, 0, "nothing to do"),
        ];
        for (outcome, queued, needs_a_person, expected) in cases {
            let last = PastRun {
                id: "20261122T211626Z-3f2a".to_owned(),
                command: "sync".to_owned(),
                started_at: Timestamp(0),
                finished_at: Some(Timestamp(0)),
                exit_code: Some(0),
                outcome: Some(outcome.to_owned()),
            };
            let counts = Counts { queued, ..Counts::default() };
            let providers = [(ProviderId::Wsone, queue(&counts))].into();
            let status = Status { last_run: Some(run(last)), providers, needs_a_person, restored: false };
            assert_eq!(next(&status, &[]), expected, "{outcome}");
        }
    }
}
