//! `plan`: what a sync would send, how many calls that is, and how long they take. Writes nothing, sends nothing.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Serialize;

use crate::cli::Program;
use crate::cli::arguments::{IngestArguments, InputArguments, PlanArguments};
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::call::Operation;
use crate::domain::event::Events;
use crate::domain::provider::ProviderId;
use crate::domain::tally::InputTally;
use crate::ingest::{Ingest, Outcome};
use crate::providers::Provider;
use crate::report::table::aligned;
use crate::report::text::grouped;
use crate::store::Store;

use super::inputs;

/// What would be sent, for `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    schema_version: u32,
    input: InputTally,
    providers: Vec<Lane>,
    fields: Vec<FieldCount>,
    warnings: Vec<String>,
    guard: Option<String>,
}

#[derive(Debug, Serialize)]
struct Lane {
    provider: ProviderId,
    create: u64,
    update: u64,
    held: u64,
    queued_before: u64,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct FieldCount {
    provider: ProviderId,
    operation: Operation,
    field: String,
    calls: u64,
}

/// Shows the plan.
pub(super) fn plan(program: &Program, typed: &PlanArguments) -> Result<ExitCode, Failure> {
    show(program, &typed.input, &typed.ingest, typed.detailed_exitcode)
}

/// Shows what a sync of these files would send; 20 when asked to tell that there is something.
pub(super) fn show(
    program: &Program,
    input: &InputArguments,
    typed: &IngestArguments,
    detailed_exitcode: bool,
) -> Result<ExitCode, Failure> {
    let config = program.config()?.with_input(input).with_ingest(typed);
    let providers = config.providers_without_secrets()?;
    let store = program.state(&config)?.open_read_only()?;
    let files = inputs::open(&config, input)?;
    let mapping = config.mapping_settings();
    let ingest = Ingest {
        files: &files,
        mapping: &mapping,
        providers: &providers,
        guard: &config.guard,
        options: inputs::options(&config, typed),
        clock: &program.clock,
        events: &Events::default(),
    };
    let outcome = ingest.plan(&store)?;
    let changes = outcome.has_changes();
    let plan = of(outcome, &providers, &store)?;
    if program.console.is_json() {
        program.console.json(&plan)?;
    } else {
        program.console.text(&text(&plan))?;
    }
    if plan.guard.is_some() {
        return Ok(ExitCode::Guarded);
    }
    Ok(if changes && detailed_exitcode { ExitCode::Changes } else { ExitCode::Complete })
}

fn of(outcome: Outcome, providers: &[Arc<dyn Provider>], store: &Store) -> Result<Plan, Failure> {
    let queued = store.counts()?;
    let lanes = providers.iter().map(|provider| {
        let id = provider.id();
        let tally = outcome.providers.get(&id).cloned().unwrap_or_default();
        let before = queued.get(&id).map_or(0, |counts| counts.open() - counts.held);
        let held = outcome.held.get(&id).copied().unwrap_or(0);
        let calls = (tally.planned.total() + before).saturating_sub(held + tally.superseded);
        let seconds = to_float(calls) / provider.settings().rate_per_second;
        let (create, update) = (tally.planned.create, tally.planned.update);
        Lane { provider: id, create, update, held, queued_before: before, seconds }
    });
    let providers = lanes.collect();
    let fields = outcome
        .fields
        .into_iter()
        .map(|((provider, operation, field), calls)| FieldCount { provider, operation, field, calls })
        .collect();
    Ok(Plan {
        schema_version: 1,
        input: outcome.input,
        providers,
        fields,
        warnings: outcome.warnings,
        guard: outcome.tripped.map(|tripped| tripped.to_string()),
    })
}

fn to_float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn text(plan: &Plan) -> String {
    let mut text = String::new();
    write_text(&mut text, plan).expect("writing to a string does not fail");
    text
}

fn write_text(text: &mut String, plan: &Plan) -> std::fmt::Result {
    let input = &plan.input;
    writeln!(
        text,
        "{} rows, {} customers: {} new, {} changed, {} unchanged, {} invalid rows\n",
        grouped(input.rows),
        grouped(input.customers),
        grouped(input.new),
        grouped(input.changed),
        grouped(input.unchanged),
        grouped(input.invalid),
    )?;
    let header = ["provider", "create", "update", "held", "queued before", "takes"];
    writeln!(text, "{}", aligned(&header, plan.providers.iter().map(lane_cells), &[1, 2, 3, 4, 5]))?;
    if !plan.fields.is_empty() {
        let header = ["provider", "operation", "field", "calls"];
        writeln!(text, "\n{}", aligned(&header, plan.fields.iter().map(field_cells), &[3]))?;
    }
    for warning in &plan.warnings {
        writeln!(text, "\nwarning: {warning}")?;
    }
    match &plan.guard {
        Some(guard) => writeln!(text, "\na sync would be stopped: {guard}"),
        None if plan.providers.iter().all(|lane| lane.create + lane.update + lane.queued_before == 0) => {
            writeln!(text, "\nnothing to send")
        }
        None => writeln!(text, "\nnext: crmsync sync with the same files"),
    }
}

fn lane_cells(lane: &Lane) -> Vec<String> {
    let takes = Duration::try_from_secs_f64(lane.seconds.ceil()).unwrap_or(Duration::MAX);
    let takes = SignedDuration::try_from(takes).unwrap_or(SignedDuration::MAX);
    vec![
        lane.provider.to_string(),
        grouped(lane.create),
        grouped(lane.update),
        grouped(lane.held),
        grouped(lane.queued_before),
        format!("{takes:#}"),
    ]
}

fn field_cells(count: &FieldCount) -> Vec<String> {
    vec![
        count.provider.to_string(),
        count.operation.name().to_owned(),
        count.field.clone(),
        grouped(count.calls),
    ]
}
