//! `rejects` and `resolve`: what a person decides about refused and held calls; and what no provider gets because it is
//! invalid, of which there is nothing to decide: it goes when the CRM has it right.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::Path;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde_json::json;

use crate::cli::Program;
use crate::cli::arguments::{
    ExportArguments, RejectsAction, RejectsArguments, RejectsFilter, ResolveArguments,
};
use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::call::{CallId, State};
use crate::domain::lifecycle::Happening;
use crate::domain::provider::ProviderId;
use crate::domain::redacted::Redacted;
use crate::domain::wire::FieldCode;
use crate::mapping;
use crate::providers::field_name;
use crate::report::next_step;
use crate::report::rejects::{Reject, RejectsWriter, RowForm, Status};
use crate::report::run_files::write_new_private;
use crate::report::table::aligned;
use crate::report::text::{Context, INFALLIBLE, grouped};
use crate::store::{LeftOut, RejectFilter, RejectRow, Released, Resolved, StoreError};

use super::doctor::AFTER_RESTORE;
use super::earlier::find_state;
use super::status::{misses_inputs, misses_inputs_since};
use super::values::{Values, with_left_out};

/// What is said where a list is empty: with a filter, others may be there.
fn nothing_found(filter: &RejectsFilter) -> &'static str {
    match filter {
        RejectsFilter { provider: None, code: None, customer: None } => "nothing is refused or held",
        _ => "nothing is refused or held that these filters let through",
    }
}

/// What the class of fields is that are left out.
const INVALID: &str = Status::Invalid.name();
const LEFT_OUT: &str = "left out: the last record that was compared has no valid value, or not all of what goes with it, or only one that was \
     turned away whole said it";

#[derive(Debug, Serialize, JsonSchema)]
struct Line<'a> {
    /// None for fields that are left out because they are invalid.
    call: Option<i64>,
    customer_id: &'a str,
    provider: &'static str,
    /// None where there is no call.
    operation: Option<&'static str>,
    /// refused, held or invalid.
    status: &'static str,
    class: &'a str,
    /// The provider's code; for fields that are left out, their names.
    code: Cow<'a, str>,
    attempts: u32,
    run: &'a str,
}

/// The JSON Schema of `rejects list --json`.
pub(super) fn json_schema() -> Schema {
    schema_for!(Vec<Line<'_>>)
}

/// Lists or exports what is refused, held or invalid; releases what is refused or held.
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
    let (decision, happening) = match (arguments.applied, arguments.not_applied) {
        (true, _) => ("applied", Happening::ResolvedApplied),
        (false, true) => ("not_applied", Happening::ResolvedNotApplied),
        (false, false) => ("abandoned", Happening::Abandoned),
    };
    let config = program.config()?;
    let state = program.state(&config)?;
    if !find_state(program, &state)? {
        return Err(StoreError::NoSuchCall(arguments.call).into());
    }
    let lock = state.lock()?;
    let resolved = state.open(&lock)?.resolve(arguments.call, happening, program.clock.now())?;
    let done = json!({
        "call": arguments.call.0,
        "decision": decision,
        "goes_again": resolved == Resolved::GoesAgain,
        "stays_held": resolved == Resolved::Behind,
        "given_away": resolved == Resolved::GivenAway,
    });
    let told = match resolved {
        Resolved::Settled => format!("call {} is settled", arguments.call),
        Resolved::GoesAgain => {
            if arguments.applied {
                format!(
                    "noted; what is not known to be there goes as an update: call {} is queued",
                    arguments.call
                )
            } else {
                format!("noted; call {} is queued again: the next run sends it", arguments.call)
            }
        }
        Resolved::GivenAway => format!(
            "call {} has ended, because the account is another customer's by now: the next sync of its customer sends what is due",
            arguments.call
        ),
        Resolved::Behind => format!(
            "noted; call {} stays held, because another one for the same account goes first: release it when that one is delivered",
            arguments.call
        ),
    };
    program.console.done(&done, &told)?;
    Ok(ExitCode::Complete)
}

fn list(program: &Program, filter: &RejectsFilter) -> Result<(), Failure> {
    let Found { rows, left_out } = find(program, filter)?;
    let lines: Vec<Line<'_>> = rows.iter().map(line).chain(left_out.iter().map(line_of_fields)).collect();
    if program.console.is_json() {
        return Ok(program.console.json(&lines)?);
    }
    if lines.is_empty() {
        return Ok(program.console.text(&format!("{}\n", nothing_found(filter)))?);
    }
    let header = ["call", "customer", "provider", "operation", "status", "class", "code", "attempts", "run"];
    let table = aligned(&header, lines.iter().map(cells), &[0, 7]);
    Ok(program.console.text(&format!("{table}\n"))?)
}

fn export(program: &Program, arguments: &ExportArguments) -> Result<(), Failure> {
    let found = find(program, &arguments.filter)?;
    let config = program.config()?;
    let values = if arguments.include_values {
        Values::of(&config, [].iter(), &found.rows)
    } else {
        Values::default()
    };
    if arguments.file == Path::new("-") {
        if program.console.is_json() {
            let words = "`--json` and the lines of the export cannot both go to standard output: name a file, or leave `--json` out";
            return Err(Failure::told(ExitCode::Usage, ErrorCode::UsageArguments, words));
        }
        let (csv, _) = write(Vec::new(), &found, values)?;
        return Ok(program.console.bytes(&csv)?);
    }
    let count = write_new_private(&arguments.file, |file| {
        let synced = |(file, count): (File, u64)| file.sync_all().map(|()| count).map_err(Failure::from);
        write(file, &found, values).and_then(synced).map_err(|failure| {
            Failure::told(failure.code, failure.named, format!("{}: {failure}", arguments.file.display()))
        })
    })?;
    let words = format!("wrote {} lines into {}", grouped(count), arguments.file.display());
    Ok(program
        .console
        .done(&json!({ "file": arguments.file.display().to_string(), "lines": count }), &words)?)
}

/// Writes the lines; gives how many they are.
fn write<W: io::Write>(
    file: W,
    Found { rows, left_out }: &Found,
    mut values: Values,
) -> Result<(W, u64), Failure> {
    let mut writer = RejectsWriter::new(file, values.names(), RowForm::Line)?;
    for row in rows {
        writer.write(&reject(row, &mut values))?;
    }
    let cells = |one: &LeftOut| values.of_customer(&one.customer_id);
    let fields =
        left_out.iter().flat_map(|one| one.fields.iter().map(|field| invalid(one, *field, cells(one))));
    let mut count = rows.len() as u64;
    for field in fields {
        writer.write(&field)?;
        count += 1;
    }
    Ok((writer.finish()?, count))
}

fn release(program: &Program, filter: &RejectsFilter) -> Result<(), Failure> {
    let config = program.config()?;
    let state = program.state(&config)?;
    let nothing = || {
        let released = released_json(&Released::default(), &BTreeMap::new(), &[]);
        Ok(program.console.done(&released, nothing_found(filter))?)
    };
    if !find_state(program, &state)? {
        return nothing();
    }
    let lock = state.lock()?;
    let mut store = state.open(&lock)?;
    let rows = store.rejects(&store_filter(filter))?;
    if rows.is_empty() {
        return nothing();
    }
    let providers: BTreeSet<ProviderId> = rows.iter().map(|row| row.provider).collect();
    let enabled = config.providers.enabled();
    let off: Vec<&str> = providers.iter().filter(|id| !enabled.contains(id)).map(|id| id.name()).collect();
    let misses = misses_inputs_since(&store, providers)?;
    let calls: Vec<CallId> = rows.iter().map(|row| row.call).collect();
    let is_restored = store.is_in_doubt()?;
    let released = store.release(&calls, program.clock.now())?;
    let Released { queued, held, behind, given_away } = released;
    let mut told = match queued {
        1 => "1 call is queued again".to_owned(),
        _ => format!("{} calls are queued again", grouped(queued)),
    };
    if held > 0 && held < queued {
        write!(told, ", {} of which waited for a decision", grouped(held)).expect(INFALLIBLE);
    }
    if behind > 0 {
        let (waits, them) = if behind == 1 { ("waits", "it") } else { ("wait", "them") };
        write!(
            told,
            "; {} {waits}, because another one for the same account goes first: release {them} when that one is delivered",
            grouped(behind)
        )
        .expect(INFALLIBLE);
    }
    if given_away > 0 {
        let (has, its) = if given_away == 1 { ("has", "its customer") } else { ("have", "their customers") };
        write!(
            told,
            "; {} {has} ended, because the account is another customer's by now: the next sync of {its} sends what is due",
            grouped(given_away)
        )
        .expect(INFALLIBLE);
    }
    let arguments = program.repeated_arguments();
    let context = Context { arguments: &arguments, ..Context::default() };
    // What the CRM says by now may be newer than what was refused before the provider was switched off.
    for (provider, since) in &misses {
        write!(told, "\n{}", next_step::typed(&misses_inputs(*provider, since), &arguments))
            .expect(INFALLIBLE);
    }
    if !off.is_empty() {
        let names = off.join(" and ");
        write!(told, "\nnothing is sent to {names}: switched off in the configuration").expect(INFALLIBLE);
    }
    let next: &[&str] = match misses.is_empty() {
        _ if is_restored => &AFTER_RESTORE,
        true if rows.iter().any(is_missing) => &["sync", "FILE"],
        true => &["resume"],
        false => &["sync", "FILE", "--kind", "full"],
    };
    let lead = if off.is_empty() { "next" } else { "next, once it is switched on" };
    let next = next_step::command(next, &context);
    Ok(program.console.done(&released_json(&released, &misses, &off), &format!("{told}\n{lead}: {next}"))?)
}

/// Whether nobody was there. The next record decides whether somebody is created; what is sent without one is refused once more.
fn is_missing(row: &RejectRow) -> bool {
    row.state == State::Refused && row.class.as_deref() == Some("missing")
}

fn released_json(
    released: &Released,
    misses: &BTreeMap<ProviderId, String>,
    off: &[&str],
) -> serde_json::Value {
    let Released { queued, held, behind, given_away } = released;
    json!({
        "queued": queued,
        "waited_for_a_decision": held,
        "not_released": behind,
        "ended": given_away,
        "misses_inputs_since": misses,
        "switched_off": off,
    })
}

/// What is refused, held or left out.
struct Found {
    rows: Vec<RejectRow>,
    left_out: Vec<LeftOut>,
}

fn find(program: &Program, filter: &RejectsFilter) -> Result<Found, Failure> {
    let config = program.config()?;
    let state = program.state(&config)?;
    find_state(program, &state)?;
    let store = state.open_read_only()?;
    let asked = store_filter(filter);
    let mut left_out = store.left_out(&asked)?;
    if let Some(code) = asked.code.as_deref().filter(|code| *code != INVALID) {
        left_out
            .iter_mut()
            .for_each(|one| one.fields.retain(|field| field_name(one.provider, *field) == code));
        left_out.retain(|one| !one.fields.is_empty());
    }
    Ok(Found { rows: store.rejects(&asked)?, left_out })
}

fn store_filter(filter: &RejectsFilter) -> RejectFilter {
    RejectFilter {
        provider: filter.provider,
        code: filter.code.clone(),
        // What can be no key is found nowhere.
        customer: filter.customer.as_ref().map(|typed| {
            mapping::customer_id(typed).map_or_else(|| typed.clone(), |id| id.as_str().to_owned())
        }),
        run: None,
    }
}

/// A refused or held call, or one that used up its tries, as a line of `rejects.csv`.
pub(super) fn reject(row: &RejectRow, values: &mut Values) -> Reject {
    let line = line(row);
    let (cells, left_out) =
        if values.names().is_empty() { (Vec::new(), Vec::new()) } else { values.of_call(row) };
    let (status, why) = match (row.state, row.hold) {
        (state @ State::Held, Some(hold)) => (Status::Call(state), reason(hold)),
        (state @ (State::Held | State::Refused), _) => (Status::Call(state), "refused by the provider"),
        (
            State::Queued
            | State::Waiting
            | State::InFlight
            | State::Probing
            | State::Acknowledged
            | State::Superseded
            | State::Abandoned
            | State::Forgotten,
            _,
        ) => (Status::Deferred, "every try of this run failed: it stays queued, run again"),
    };
    Reject {
        row: None,
        customer_id: Redacted::new(row.customer_id.clone()),
        provider: Some(row.provider),
        operation: Some(row.operation),
        status,
        class: line.class.to_owned(),
        code: line.code.into_owned(),
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
        call: Some(row.call.0),
        customer_id: &row.customer_id,
        provider: row.provider.name(),
        operation: Some(row.operation.name()),
        status: row.state.name(),
        class: hold.or(row.class.as_deref()).unwrap_or_default(),
        code: row.code.as_deref().unwrap_or_default().into(),
        attempts: row.attempts,
        run: row.run.as_deref().unwrap_or_default(),
    }
}

/// Fields that are left out, as a line of the list.
fn line_of_fields(one: &LeftOut) -> Line<'_> {
    let names: Vec<String> = one.fields.iter().map(|field| field_name(one.provider, *field)).collect();
    Line {
        call: None,
        customer_id: &one.customer_id,
        provider: one.provider.name(),
        operation: None,
        status: INVALID,
        class: INVALID,
        code: names.join(", ").into(),
        attempts: 0,
        run: "",
    }
}

/// A field that is left out, as a line of the export.
fn invalid(of: &LeftOut, field: FieldCode, cells: Vec<String>) -> Reject {
    Reject {
        row: None,
        customer_id: Redacted::new(of.customer_id.clone()),
        provider: Some(of.provider),
        operation: None,
        status: Status::Invalid,
        class: INVALID.to_owned(),
        code: String::new(),
        column: field_name(of.provider, field),
        reason: LEFT_OUT.to_owned(),
        attempts: 0,
        run: String::new(),
        values: Redacted::new(cells),
    }
}

fn cells(line: &Line<'_>) -> Vec<String> {
    let call = line.call.map_or_else(|| "-".to_owned(), |call| call.to_string());
    let attempts = line.attempts.to_string();
    let cells = [
        call.as_str(),
        line.customer_id,
        line.provider,
        line.operation.unwrap_or("-"),
        line.status,
        line.class,
        &line.code,
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
            "queued in the backup that the state was put back from, and the complete file since does not say it too"
        }
        HoldReason::Overtaken => {
            "its customer's record says something else by now, which did not take its place: the provider was switched off, or \
             nothing of the customer is sent"
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
