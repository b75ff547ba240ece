//! `history` and `report`: earlier runs, out of their folders.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::cli::Program;
use crate::cli::arguments::{HistoryArguments, ReportArguments};
use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::run_id::RunId;
use crate::report::html;
use crate::report::next_step;
use crate::report::report_json::{Report, RunInfo};
use crate::report::run_files::{EVENTS_FILE, REPORT_FILE, RunFolder, list_runs, write_named};
use crate::report::table::aligned;
use crate::report::text::{self, Context, grouped};

/// One line of the history.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Line {
    id: String,
    /// None for a run that crashed or still goes on; so are the counts.
    run: Option<RunInfo>,
    rows: Option<u64>,
    acknowledged: Option<u64>,
    refused: Option<u64>,
    held: Option<u64>,
    deferred: Option<u64>,
}

/// The JSON Schema of `history --json`.
pub(super) fn json_schema() -> Schema {
    schema_for!(Vec<Line>)
}

/// Prints the earlier runs, newest first, or one of them whole.
pub(super) fn history(program: &Program, arguments: &HistoryArguments) -> Result<ExitCode, Failure> {
    let runs = program.config()?.state.runs;
    match &arguments.run {
        Some(id) => one(program, &runs, id)?,
        None => all(program, &runs)?,
    }
    Ok(ExitCode::Complete)
}

/// Writes the page of a run.
pub(super) fn report(program: &Program, arguments: &ReportArguments) -> Result<ExitCode, Failure> {
    let runs = program.config()?.state.runs;
    let id = match &arguments.run {
        Some(id) => id.clone(),
        None => last_with_report(&runs)?,
    };
    let report = read(&runs, &id)?;
    let folder = RunFolder::of(&runs, &id);
    let repeated = program.repeated_arguments();
    let is_past = last_with_report(&runs)? != id;
    let context =
        Context { folder: Some(folder.path()), arguments: &repeated, is_past, ..Context::default() };
    let next = next_step::of(&report, &context);
    let page = html::page(&report, &timeline(&folder)?, &next)?;
    if arguments.html == Path::new("-") {
        program.console.bytes(page.as_bytes())?;
        return Ok(ExitCode::Complete);
    }
    write_named(&arguments.html, page.as_bytes())?;
    let done = serde_json::json!({ "run": id.as_str(), "file": arguments.html.display().to_string() });
    program.console.done(&done, &format!("wrote {}", arguments.html.display()))?;
    Ok(ExitCode::Complete)
}

/// The events of a run, as far as they are still there.
fn timeline(folder: &RunFolder) -> io::Result<html::Timeline> {
    match File::open(folder.file(EVENTS_FILE)) {
        Ok(log) => html::Timeline::read(BufReader::new(log)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(html::Timeline::default()),
        Err(error) => Err(error),
    }
}

fn one(program: &Program, runs: &Path, id: &RunId) -> Result<(), Failure> {
    let report = read(runs, id)?;
    if program.console.is_json() {
        return Ok(program.console.json(&report)?);
    }
    let folder = RunFolder::of(runs, id);
    let arguments = program.repeated_arguments();
    let is_past = last_with_report(runs)? != *id;
    let context =
        Context { folder: Some(folder.path()), arguments: &arguments, is_past, ..Context::default() };
    Ok(program.console.text(&text::closing(&report, &context))?)
}

/// The last run that has come to its end.
fn last_with_report(runs: &Path) -> Result<RunId, Failure> {
    let has_report = |id: &RunId| RunFolder::of(runs, id).file(REPORT_FILE).is_file();
    list_runs(runs)?.into_iter().rfind(has_report).ok_or_else(|| {
        Failure::told(ExitCode::Usage, ErrorCode::UsageNoRun, "there is no run yet that has come to its end")
    })
}

/// The report of a run that was named. A run that is not there was mistyped.
fn read(runs: &Path, id: &RunId) -> Result<Report, Failure> {
    if !RunFolder::of(runs, id).path().is_dir() {
        let words = format!("there is no run {id}; `crmsync history` lists the runs");
        return Err(Failure::told(ExitCode::Usage, ErrorCode::UsageNoSuchRun, words));
    }
    if !RunFolder::of(runs, id).file(REPORT_FILE).exists() {
        let words = format!("the run {id} has no report: it goes on still, or was killed");
        return Err(Failure::told(ExitCode::Usage, ErrorCode::UsageNoRun, words));
    }
    Ok(Report::read(runs, id)?)
}

fn all(program: &Program, runs: &Path) -> Result<(), Failure> {
    let mut ids = list_runs(runs)?;
    ids.reverse();
    // A run without a readable report crashed or still goes on; the history says so instead of failing.
    let lines: Vec<Line> = ids.iter().map(|id| line(id, Report::read(runs, id).ok())).collect();
    if program.console.is_json() {
        return Ok(program.console.json(&lines)?);
    }
    if lines.is_empty() {
        return Ok(program.console.text("no runs yet\n")?);
    }
    let header = ["run", "command", "outcome", "exit", "rows", "acknowledged", "refused", "held", "deferred"];
    let table = aligned(&header, lines.iter().map(cells), &[3, 4, 5, 6, 7, 8]);
    Ok(program.console.text(&format!("{table}\n"))?)
}

fn line(id: &RunId, report: Option<Report>) -> Line {
    let id = id.to_string();
    let Some(report) = report else {
        return Line { id, ..Line::default() };
    };
    let sum = |count: fn(&crate::domain::tally::ProviderTally) -> u64| {
        Some(report.providers.values().map(count).sum())
    };
    Line {
        id,
        rows: Some(report.input.rows),
        acknowledged: sum(|tally| tally.acknowledged.total()),
        refused: sum(|tally| tally.refused),
        held: sum(|tally| tally.held),
        deferred: sum(|tally| tally.deferred),
        run: Some(report.run),
    }
}

fn cells(line: &Line) -> Vec<String> {
    let (command, outcome, exit) = match &line.run {
        Some(run) => (run.command.clone(), run.outcome.name().to_owned(), run.exit_code.to_string()),
        None => ("?".to_owned(), "no report".to_owned(), "?".to_owned()),
    };
    let counts = [line.rows, line.acknowledged, line.refused, line.held, line.deferred];
    let counts = counts.map(|count| count.map_or_else(|| "?".to_owned(), grouped));
    [line.id.clone(), command, outcome, exit].into_iter().chain(counts).collect()
}
