//! `rejects` and `resolve`: what a person decides about refused and held calls.

use std::fmt::Write as _;
use std::path::Path;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::cli::Program;
use crate::cli::arguments::{
    ExportArguments, RejectsAction, RejectsArguments, RejectsFilter, ResolveArguments,
};
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::call::CallId;
use crate::domain::lifecycle::Happening;
use crate::domain::redacted::Redacted;
use crate::report::next_step;
use crate::report::rejects::{Reject, RejectsWriter, RowForm, Status};
use crate::report::run_files::create_new_private;
use crate::report::table::aligned;
use crate::report::text::{Context, grouped};
use crate::store::{RejectFilter, RejectRow, Released};

use super::values::{Values, with_left_out};

const NOTHING_FOUND: &str = "nothing is refused or held";
const INFALLIBLE: &str = "writing to a string does not fail";

#[derive(Debug, Serialize, JsonSchema)]
struct Line<'a> {
    call: i64,
    customer_id: &'a str,
    provider: &'static str,
    operation: &'static str,
    status: &'static str,
    class: &'a str,
    code: &'a str,
    attempts: u32,
    run: &'a str,
}

/// The JSON Schema of `rejects list --json`.
pub(super) fn json_schema() -> Schema {
    schema_for!(Vec<Line<'_>>)
}

/// Lists, exports or releases refused and held calls.
pub(super) fn rejects(program: &Program, arguments: &RejectsArguments) -> Result<ExitCode, Failure> {
    match &arguments.action {
        RejectsAction::List(filter) => list(program, filter)?,
        RejectsAction::Export(arguments) => export(program, arguments)?,
        RejectsAction::Release(filter) => release(program, filter)?,
    }
    Ok(ExitCode::Complete)
}

/// Settles a held call.
pub(super) fn resolve(program: &Program, arguments: &ResolveArguments) -> Result<ExitCode, Failure> {
    let happening = match (arguments.applied, arguments.not_applied) {
        (true, _) => Happening::ResolvedApplied,
        (false, true) => Happening::ResolvedNotApplied,
        (false, false) => Happening::Abandoned,
    };
    let config = program.config()?;
    let state = program.state(&config)?;
    let lock = state.lock()?;
    state.open(&lock)?.resolve(arguments.call, happening, program.clock.now())?;
    program.console.talk(&format!("call {} is settled", arguments.call))?;
    Ok(ExitCode::Complete)
}

fn list(program: &Program, filter: &RejectsFilter) -> Result<(), Failure> {
    let rows = find(program, filter)?;
    let lines: Vec<Line<'_>> = rows.iter().map(line).collect();
    if program.console.is_json() {
        return Ok(program.console.json(&lines)?);
    }
    if lines.is_empty() {
        return Ok(program.console.text(&format!("{NOTHING_FOUND}\n"))?);
    }
    let header = ["call", "customer", "provider", "operation", "status", "class", "code", "attempts", "run"];
    let table = aligned(&header, lines.iter().map(cells), &[0, 7]);
    Ok(program.console.text(&format!("{table}\n"))?)
}

fn export(program: &Program, arguments: &ExportArguments) -> Result<(), Failure> {
    let rows = find(program, &arguments.filter)?;
    let config = program.config()?;
    let values =
        if arguments.include_values { Values::of(&config, [].iter(), &rows) } else { Values::default() };
    let count = write(&arguments.file, &rows, values)?;
    Ok(program.console.talk(&format!("wrote {} lines into {}", grouped(count), arguments.file.display()))?)
}

fn write(path: &Path, rows: &[RejectRow], mut values: Values) -> Result<u64, Failure> {
    let mut writer = RejectsWriter::new(create_new_private(path)?, values.names(), RowForm::Line)?;
    for row in rows {
        writer.write(&reject(row, &mut values))?;
    }
    writer.finish()?.sync_all()?;
    Ok(rows.len() as u64)
}

fn release(program: &Program, filter: &RejectsFilter) -> Result<(), Failure> {
    let config = program.config()?;
    let state = program.state(&config)?;
    let lock = state.lock()?;
    let mut store = state.open(&lock)?;
    let rows = store.rejects(&store_filter(filter))?;
    if rows.is_empty() {
        return Ok(program.console.talk(NOTHING_FOUND)?);
    }
    let calls: Vec<CallId> = rows.iter().map(|row| row.call).collect();
    let Released { queued, held, behind } = store.release(&calls, program.clock.now())?;
    let mut told = match queued {
        1 => "1 call is queued again".to_owned(),
        _ => format!("{} calls are queued again", grouped(queued)),
    };
    if held > 0 && held < queued {
        write!(told, ", {} of which waited for a decision", grouped(held)).expect(INFALLIBLE);
    }
    if behind > 0 {
        let stay = if behind == 1 { "stays" } else { "stay" };
        write!(told, "; {} {stay} held until another one for the same account is delivered", grouped(behind))
            .expect(INFALLIBLE);
    }
    let arguments = program.repeated_arguments();
    let context = Context { arguments: &arguments, ..Context::default() };
    let resume = next_step::command(&["resume"], &context);
    Ok(program.console.talk(&format!("{told}\nnext: {resume}"))?)
}

fn find(program: &Program, filter: &RejectsFilter) -> Result<Vec<RejectRow>, Failure> {
    let config = program.config()?;
    Ok(program.state(&config)?.open_read_only()?.rejects(&store_filter(filter))?)
}

fn store_filter(filter: &RejectsFilter) -> RejectFilter {
    RejectFilter {
        provider: filter.provider,
        code: filter.code.clone(),
        customer: filter.customer.clone(),
        run: None,
    }
}

/// A refused or held call as a line of `rejects.csv`.
pub(super) fn reject(row: &RejectRow, values: &mut Values) -> Reject {
    let line = line(row);
    let (cells, left_out) =
        if values.names().is_empty() { (Vec::new(), Vec::new()) } else { values.of_call(row) };
    let why = row.hold.map_or("refused by the provider", reason);
    Reject {
        row: None,
        customer_id: Redacted::new(row.customer_id.clone()),
        provider: Some(row.provider),
        operation: Some(row.operation),
        status: Status::Call(row.state),
        class: line.class.to_owned(),
        code: line.code.to_owned(),
        column: String::new(),
        reason: with_left_out(why, &left_out),
        attempts: row.attempts,
        run: line.run.to_owned(),
        values: Redacted::new(cells),
    }
}

fn line(row: &RejectRow) -> Line<'_> {
    let hold = row.hold.map(crate::domain::call::HoldReason::name);
    Line {
        call: row.call.0,
        customer_id: &row.customer_id,
        provider: row.provider.name(),
        operation: row.operation.name(),
        status: row.state.name(),
        class: hold.or(row.class.as_deref()).unwrap_or_default(),
        code: row.code.as_deref().unwrap_or_default(),
        attempts: row.attempts,
        run: row.run.as_deref().unwrap_or_default(),
    }
}

fn cells(line: &Line<'_>) -> Vec<String> {
    let call = line.call.to_string();
    let attempts = line.attempts.to_string();
    let cells = [
        call.as_str(),
        line.customer_id,
        line.provider,
        line.operation,
        line.status,
        line.class,
        line.code,
        attempts.as_str(),
        line.run,
    ];
    cells.map(str::to_owned).to_vec()
}

/// Why a call waits for a person, in words that say what to look at.
pub(super) fn reason(hold: crate::domain::call::HoldReason) -> &'static str {
    use crate::domain::call::HoldReason;
    match hold {
        HoldReason::KeyChanged => "the customer's key at the provider changed: another person, perhaps",
        HoldReason::DuplicateKey => "two customers have this key at the provider",
        HoldReason::Restored => {
            "queued in the backup that the state was put back from, and the complete file since lacks the customer"
        }
        HoldReason::Crashed => "the program crashed three times while it was sent",
        HoldReason::Unknown => "its outcome was unknown in three runs: look it up at the provider",
        HoldReason::ProbeRefused => "the probe was refused, so the create is neither proven nor disproven",
        HoldReason::DeniedByCode => {
            "the provider claims a denial, while other calls pass: one bad value, perhaps"
        }
        HoldReason::RefusedAfterUnknown => {
            "refused after an unknown outcome: the refusal may be the echo of its own success"
        }
    }
}
