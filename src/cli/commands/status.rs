//! `status`: what the state says without being changed, also while a run goes on.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::cli::Program;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::clock::Timestamp;
use crate::domain::provider::ProviderId;
use crate::domain::run_id::RunId;
use crate::report::next_step;
use crate::report::rejects::has_invalid;
use crate::report::report_json::{Outcome, Report};
use crate::report::run_files::{REJECTS_FILE, RunFolder};
use crate::report::table::aligned;
use crate::report::text::{Context, INFALLIBLE, grouped};
use crate::store::{Counts, PastRun, Store, StoreError};

use super::addresses;
use super::doctor::AFTER_RESTORE;

#[derive(Debug, Default, Serialize, JsonSchema)]
struct Status {
    last_run: Option<Run>,
    /// Whether a run is at work now.
    running: bool,
    providers: BTreeMap<ProviderId, Queue>,
    /// Held and refused calls.
    needs_a_person: u64,
    /// Whether the state was put back from a backup, and no complete input accepted since: only that may go on.
    restored: bool,
    /// When the state was put back from a backup, where new persons are probed before they are created ever since.
    new_probed_since: Option<String>,
    /// Providers that are switched on and were not when inputs were accepted, and since when they miss what those changed.
    misses_inputs_since: BTreeMap<ProviderId, String>,
    /// Providers that are or were elsewhere than before, and what has to be decided about that.
    moved_providers: BTreeMap<ProviderId, String>,
    /// The first run whose input was not accepted, where neither that came again nor a complete one did: `resume` sends nothing
    /// of it.
    input_not_accepted: Option<String>,
    /// All such runs, oldest first.
    #[serde(skip)]
    unaccepted: Vec<Run>,
    /// The folder of the last run, where that tells of rows and fields that did not go.
    #[serde(skip)]
    unread: Option<RunFolder>,
    /// Those that the configuration has switched on.
    #[serde(skip)]
    enabled: Vec<ProviderId>,
    /// Where a state was looked for and is not.
    #[serde(skip)]
    missing: Option<PathBuf>,
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
    /// The files that it was to read; none where nobody knows.
    #[serde(skip)]
    files: Vec<String>,
    /// How those were to be read, as it was typed; none where nobody knows.
    #[serde(skip)]
    arguments: Option<Vec<String>>,
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
    let state = program.state(&config)?;
    let store = state.open_read_only()?;
    // A run that works meanwhile would have calls counted where they were and where they are.
    let still = store.hold_still()?;
    let last_run = store.runs(1)?.pop().map(run);
    let running = match &last_run {
        None => state.is_locked()?,
        Some(run) => {
            run.finished_at.is_none() && state.is_locked()? && may_be_at_work(&config.state.runs, run)?
        }
    };
    let unread = last_run.as_ref().and_then(|run| with_rejects(&config.state.runs, run));
    let providers: BTreeMap<ProviderId, Queue> =
        store.counts()?.into_iter().map(|(provider, counts)| (provider, queue(&counts))).collect();
    let needs_a_person = providers.values().map(|queue| queue.held + queue.refused).sum();
    let restored = store.is_in_doubt()?;
    // A restored state waits for another input.
    let unaccepted = if restored {
        Vec::new()
    } else {
        let at_work = last_run.as_ref().filter(|_| running).map(|run| run.id.as_str());
        store.unaccepted(at_work)?.into_iter().map(|past| with_arguments(&config.state.runs, past)).collect()
    };
    let new_probed_since = store.new_probed_since()?;
    let enabled = config.providers.enabled();
    let misses_inputs_since = misses_inputs_since(&store, enabled.iter().copied())?;
    drop(still);
    let moved_providers = addresses::moved(&config, &store)?.into_iter().collect();
    let missing = (!state.exists()).then(|| state.absolute_path());
    let status = Status {
        last_run,
        input_not_accepted: unaccepted.first().map(|run| run.id.clone()),
        unaccepted,
        unread,
        running,
        providers,
        needs_a_person,
        restored,
        new_probed_since,
        misses_inputs_since,
        moved_providers,
        enabled,
        missing,
    };
    if program.console.is_json() {
        program.console.json(&status)?;
    } else {
        program.console.text(&text(&status, &program.repeated_arguments()))?;
    }
    Ok(ExitCode::Complete)
}

impl Status {
    /// Whether there is anything that `resume` would send.
    fn has_sendable_calls(&self) -> bool {
        self.providers.iter().any(|(id, queue)| queue.has_open_calls() && self.enabled.contains(id))
    }

    fn is_last(&self, run: &Run) -> bool {
        self.last_run.as_ref().is_some_and(|last| last.id == run.id)
    }

    /// Providers with open calls that nothing is sent to.
    fn switched_off(&self) -> Vec<&'static str> {
        let idle = |(id, queue): &(&ProviderId, &Queue)| queue.has_open_calls() && !self.enabled.contains(id);
        self.providers.iter().filter(idle).map(|(id, _)| id.name()).collect()
    }
}

impl Run {
    /// Whether it was stopped by a guard, or by what its file is.
    fn was_guarded(&self) -> bool {
        self.exit_code == Some(ExitCode::Guarded.number())
    }
}

impl Queue {
    fn has_open_calls(&self) -> bool {
        self.queued + self.waiting + self.probing > 0
    }
}

fn run(run: PastRun) -> Run {
    Run {
        id: run.id,
        command: run.command,
        started_at: run.started_at.to_string(),
        finished_at: run.finished_at.map(|time| time.to_string()),
        outcome: run.outcome,
        exit_code: run.exit_code,
        files: run.input.as_ref().map(|input| input.files.clone()).unwrap_or_default(),
        arguments: run.input.map(|input| input.arguments),
    }
}

/// Of a run of an earlier version only its report, if it has one, tells how it was typed.
fn with_arguments(runs: &Path, past: PastRun) -> Run {
    let mut run = run(past);
    run.arguments = run.arguments.take().or_else(|| arguments_of(runs, &run));
    run
}

/// Another command may have the lock of the state after a run was killed. Where the run itself cannot say, it is believed to be
/// the one.
fn may_be_at_work(runs: &Path, run: &Run) -> Result<bool, Failure> {
    let folder = RunId::parse(&run.id).map(|id| RunFolder::of(runs, &id));
    let is_at_work = folder.map(|folder| folder.is_at_work()).transpose()?.flatten();
    Ok(is_at_work.unwrap_or(true))
}

/// The folder of a run, if its list tells of rows or fields that were not taken: no other command shows where they stand.
fn with_rejects(runs: &Path, run: &Run) -> Option<RunFolder> {
    let folder = RunFolder::of(runs, &RunId::parse(&run.id)?);
    has_invalid(&folder.file(REJECTS_FILE)).then_some(folder)
}

/// The flags that the report of a run repeats.
fn arguments_of(runs: &Path, run: &Run) -> Option<Vec<String>> {
    Report::read(runs, &RunId::parse(&run.id)?).ok().map(|report| report.run.arguments)
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
        None if status.running => "the first run is at work\n".to_owned(),
        None => match &status.missing {
            Some(path) => format!("no run yet: there is no state at {}\n", path.display()),
            None => "no run yet\n".to_owned(),
        },
        Some(run) => last_run(run, status.running),
    };
    for run in &status.unaccepted {
        let its =
            if status.is_last(run) { "its input".to_owned() } else { format!("the input of {}", run.id) };
        let files = if run.files.is_empty() { String::new() } else { format!(" ({})", run.files.join(", ")) };
        let advice = if run.was_guarded() { "look at it before it is sent" } else { "run the file again" };
        writeln!(text, "{its} was not accepted by `{}`: {advice}{files}", run.command).expect(INFALLIBLE);
    }
    if let Some(run) = status.unaccepted.iter().find(|run| !status.is_last(run)) {
        let told = format!("what is not to come again: `crmsync doctor --dismiss-input {}`", run.id);
        writeln!(text, "{}", next_step::typed(&told, arguments)).expect(INFALLIBLE);
    }
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
    let switched_off = status.switched_off();
    if !switched_off.is_empty() {
        let names = switched_off.join(" and ");
        writeln!(text, "nothing is sent to {names}: switched off in the configuration").expect(INFALLIBLE);
    }
    if status.restored {
        writeln!(text, "{RESTORED}").expect(INFALLIBLE);
    }
    for (provider, since) in &status.misses_inputs_since {
        writeln!(text, "{}", next_step::typed(&misses_inputs(*provider, since), arguments))
            .expect(INFALLIBLE);
    }
    for told in status.moved_providers.values() {
        writeln!(text, "{}", next_step::typed(told, arguments)).expect(INFALLIBLE);
    }
    if let Some(since) = &status.new_probed_since {
        let told = format!(
            "since a backup was put back at {since} every new person is probed before it is created: \
             `crmsync doctor --end-probing` ends that"
        );
        writeln!(text, "{}", next_step::typed(&told, arguments)).expect(INFALLIBLE);
    }
    writeln!(text, "next: {}", next(status, arguments)).expect(INFALLIBLE);
    text
}

/// Which of these providers miss changes of accepted inputs, and since when.
pub(super) fn misses_inputs_since(
    store: &Store,
    providers: impl IntoIterator<Item = ProviderId>,
) -> Result<BTreeMap<ProviderId, String>, StoreError> {
    let misses = providers.into_iter().map(|id| Ok(store.misses_inputs_since(id)?.map(|since| (id, since))));
    misses.filter_map(Result::transpose).collect()
}

/// What to do about a provider that was switched off when inputs were accepted.
pub(super) fn misses_inputs(provider: ProviderId, since: &str) -> String {
    format!(
        "{provider} was off when inputs were accepted, since {since}: `crmsync sync FILE --kind full` with the newest \
         complete file brings what it misses"
    )
}

/// What to type now: what waits to be sent comes first, then what needs a person, which is counted above. A restored state
/// takes nothing before it has had a complete file.
fn next(status: &Status, arguments: &[String]) -> String {
    let denied = Some(Outcome::Denied.name());
    if status.running {
        return "wait until the run has ended".to_owned();
    }
    let is_denied = status.last_run.as_ref().is_some_and(|run| run.outcome.as_deref() == denied);
    // What is left of later runs comes before an input that is missing for longer.
    let has_more = status.has_sendable_calls() || status.needs_a_person > 0;
    if let Some(run) =
        status.unaccepted.first().filter(|run| !is_denied && (status.is_last(run) || !has_more))
    {
        // Of a part nobody is missing, of a complete file whoever is not in it is.
        let none = Vec::new();
        let Some(flags) = run.arguments.as_ref().or(run.was_guarded().then_some(&none)) else {
            return format!("the command of {} again, word for word", run.id);
        };
        let words: Vec<&str> = match run.command.as_str() {
            // It would take for delivered what a sync has to find out.
            "seed" if status.has_sendable_calls() => vec!["resume"],
            // What stopped it would stop it again.
            // Not a plan, behind which a sync comes that would create everybody.
            "seed" => vec!["check", "FILE"],
            _ if run.was_guarded() => vec!["plan", "FILE"],
            command => vec![command, "FILE"],
        };
        let flags = match words[0] {
            "resume" => &[],
            "check" => next_step::format_in(flags),
            _ => &flags[..],
        };
        let words: Vec<&str> = words.iter().copied().chain(flags.iter().map(String::as_str)).collect();
        return next_step::command(&words, &Context { arguments, ..Context::default() });
    }
    let words: &[&str] = match &status.last_run {
        _ if status.restored => &AFTER_RESTORE,
        None => &["check"],
        Some(_) if is_denied => &["check"],
        // After too many errors, looking comes before going on.
        Some(run) if run.exit_code == Some(ExitCode::TooManyErrors.number()) => &["rejects", "list"],
        Some(_) if status.has_sendable_calls() => &["resume"],
        Some(_) if status.needs_a_person > 0 => &["rejects", "list"],
        Some(_) if !status.misses_inputs_since.is_empty() => &["sync", "FILE", "--kind", "full"],
        Some(_) if status.unread.is_some() => {
            let folder = status.unread.as_ref().map(RunFolder::path);
            return next_step::look_at_rejects(&Context { folder, arguments, ..Context::default() });
        }
        Some(_) => return "nothing to do".to_owned(),
    };
    next_step::command(words, &Context { arguments, ..Context::default() })
}

/// What a state needs first that was put back.
pub(super) const RESTORED: &str = "the state was put back from a backup and needs a person: sync the newest complete file before \
                        anything else";

fn last_run(run: &Run, running: bool) -> String {
    let Run { id, command, started_at, .. } = run;
    match (&run.finished_at, &run.outcome, run.exit_code) {
        (Some(finished), Some(outcome), Some(code)) => {
            format!(
                "last run: {command} {id}, {outcome} (exit code {code}), from {started_at} to {finished}\n"
            )
        }
        _unfinished if running => format!("{command} {id} is at work since {started_at}\n"),
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
    use crate::store::RunInput;

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
            accepted: true,
            input: None,
        };
        let providers =
            [(ProviderId::Wsone, queue(&wsone)), (ProviderId::Safedebit, queue(&Counts::default()))];
        let status = Status {
            last_run: Some(run(last)),
            providers: providers.into(),
            needs_a_person: 3,
            enabled: vec![ProviderId::Wsone],
            ..Status::default()
        };
        insta::assert_snapshot!(text(&status, &[]));
    }

    #[test]
    fn a_state_that_never_ran() {
        let status = Status { missing: Some("/var/crmsync.db".into()), ..Status::default() };
        let expected = "no run yet: there is no state at /var/crmsync.db\n\nnext: crmsync check\n";
        assert_eq!(text(&status, &[]), expected);
    }

    #[test]
    fn the_next_command_follows_from_the_queue_and_the_last_run() {
        let cases = [
            ("unavailable", 5, true, 3, 0, "crmsync resume"),
            ("interrupted", 130, true, 3, 1, "crmsync resume"),
            ("partial", 3, true, 0, 1, "crmsync rejects list"),
            ("stopped", 6, true, 3, 1, "crmsync rejects list"),
            ("denied", 7, true, 3, 0, "crmsync check"),
            ("complete", 0, true, 0, 0, "nothing to do"),
            ("failed", 1, true, 3, 0, "crmsync resume"),
            // Nothing of the input is in the state.
            ("failed", 1, false, 0, 0, "crmsync sync FILE"),
            ("failed", 2, false, 3, 1, "crmsync sync FILE"),
            ("guarded", 4, false, 0, 0, "crmsync plan FILE"),
        ];
        for (outcome, exit_code, accepted, queued, needs_a_person, expected) in cases {
            let last = PastRun {
                id: "20261122T211626Z-3f2a".to_owned(),
                command: "sync".to_owned(),
                started_at: Timestamp(0),
                finished_at: Some(Timestamp(0)),
                exit_code: Some(exit_code),
                outcome: Some(outcome.to_owned()),
                accepted,
                input: Some(RunInput {
                    files: Vec::new(),
                    arguments: Vec::new(),
                    is_complete: true,
                    is_dismissed: false,
                }),
            };
            let counts = Counts { queued, ..Counts::default() };
            let providers = [(ProviderId::Wsone, queue(&counts))].into();
            let unaccepted = if accepted { Vec::new() } else { vec![run(last.clone())] };
            let last_run = Some(run(last));
            let enabled = vec![ProviderId::Wsone];
            let (running, restored, missing) = (false, false, None);
            let status = Status {
                last_run,
                unaccepted,
                running,
                providers,
                needs_a_person,
                restored,
                enabled,
                missing,
                ..Status::default()
            };
            assert_eq!(next(&status, &[]), expected, "{outcome}");
        }
    }
}
