//! `plan`: what a sync would send, how many calls that is, and how long they take. Writes nothing, sends nothing.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use super::addresses;
use super::check::NO_PROVIDER;
use super::earlier;
use crate::cli::Program;
use crate::cli::amounts::Time;
use crate::cli::arguments::{DispatchArguments, IngestArguments, InputArguments, PlanArguments};
use crate::cli::config::InputKind;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::call::Operation;
use crate::domain::clock::Timestamp;
use crate::domain::event::Events;
use crate::domain::provider::ProviderId;
use crate::domain::redacted::Redacted;
use crate::domain::tally::{InputTally, ProviderTally};
use crate::ingest::{Difference, Ingest, Outcome};
use crate::providers::Provider;
use crate::report::next_step;
use crate::report::table::aligned;
use crate::report::text::{Context, INFALLIBLE, changes, from_earlier, grouped, read};
use crate::store::Store;

use super::inputs;

/// How many changed values are printed.
const VALUES_SHOWN_MAX: usize = 50;
/// What a sync takes in and what it sends are two things.
const RESTRICTED: &str = "--provider and --only restrict what is sent: all that is counted here is queued, and the rest waits for \
     `crmsync resume`";

/// What was typed: the input, how it is taken in, and how it would be sent.
type Typed<'a> = (&'a InputArguments, &'a IngestArguments, &'a DispatchArguments);

/// What would be sent, for `--json`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "What `plan --json` prints")]
struct Plan {
    /// Goes up when a key changes its meaning or goes away.
    schema_version: u32,
    /// What was read.
    input: InputTally,
    /// What each enabled provider would get.
    providers: Vec<Lane>,
    /// How many calls that are, and how long they take.
    cost: Cost,
    /// For how many known customers each canonical field changed or was cleared.
    changes: BTreeMap<String, u64>,
    /// The run that the oldest call queued before comes from; none when nothing is queued.
    carried_from: Option<String>,
    /// In how many calls each field of a provider is.
    fields: Vec<FieldCount>,
    /// Values that would change, at most a thousand of them; empty, unless the state keeps values in clear.
    values: Vec<Value>,
    /// How many others would change.
    values_left_out: u64,
    /// What the operator should know.
    warnings: Vec<String>,
    /// The guard that would stop a sync; none when it would go through.
    guard: Option<String>,
    /// Why a sync would refuse the input as older than one accepted before; none when it is not.
    older: Option<String>,
    /// The command to type next; none when there is nothing to send.
    next: Option<String>,
}

/// What sending takes: the lanes send side by side, so the slowest one counts.
#[derive(Debug, Serialize, JsonSchema)]
struct Cost {
    /// Of all providers together.
    calls: u64,
    /// At the configured rates.
    seconds: f64,
    /// How long a run may take; none when nothing is set.
    max_duration_seconds: Option<f64>,
    /// Whether it fits into that.
    fits: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Lane {
    provider: ProviderId,
    /// Creates that the sync would plan.
    create: u64,
    /// Updates that the sync would plan.
    update: u64,
    /// Calls that would be held for a person instead of being sent.
    held: u64,
    /// Calls that earlier runs left in the queue.
    queued_before: u64,
    /// Calls to send in all.
    calls: u64,
    /// How long they take at the configured rate.
    seconds: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FieldCount {
    provider: ProviderId,
    #[schemars(with = "String")]
    operation: Operation,
    /// Its name on the wire.
    field: String,
    calls: u64,
}

/// A value that the sync would change.
#[derive(Debug, Serialize, JsonSchema)]
struct Value {
    customer_id: String,
    provider: ProviderId,
    /// Its name on the wire.
    field: String,
    /// What the provider acknowledged last; none, where it has no value or an unknown one.
    old: Option<String>,
    /// What would be sent; empty, where it would be cleared.
    new: String,
}

impl From<Difference> for Value {
    fn from(one: Difference) -> Self {
        Self {
            customer_id: one.customer.as_str().to_owned(),
            provider: one.provider,
            field: one.field.to_owned(),
            old: one.old.map(Redacted::into_inner),
            new: one.new.into_inner(),
        }
    }
}

/// The JSON Schema of `plan --json`.
pub(super) fn json_schema() -> Schema {
    schema_for!(Plan)
}

/// Shows the plan.
pub(super) fn plan(program: &Program, typed: &PlanArguments) -> Result<ExitCode, Failure> {
    let sending = DispatchArguments::default();
    show(program, (&typed.input, &typed.ingest, &sending), typed.detailed_exitcode)
}

/// Shows what a sync of these files would send; 20 when asked to tell that there is something.
pub(super) fn show(
    program: &Program,
    (input, typed, sending): Typed<'_>,
    detailed_exitcode: bool,
) -> Result<ExitCode, Failure> {
    let config = program.config()?.with_input(input).with_ingest(typed).with_dispatch(sending);
    let providers = config.providers_without_secrets()?;
    let store = program.state(&config)?.open_read_only()?;
    if config.input.kind != InputKind::Full {
        earlier::refuse_doubt(&store)?;
    }
    let (mapping, idle) = (config.mapping_settings(), config.idle_providers());
    let outcome = inputs::with_files(&config, input, |files| {
        let ingest = Ingest {
            files,
            mapping: &mapping,
            providers: &providers,
            idle: &idle,
            guard: &config.guard,
            options: inputs::options(&config, typed),
            clock: &program.clock,
            events: &Events::default(),
            // A plan is ended by the system.
            interrupted: &|| false,
        };
        ingest.plan(&store)
    })?;
    let InputTally { rows, new, changed, .. } = outcome.input;
    tracing::info!(rows, new, changed, "input read");
    let changes = outcome.has_changes();
    let not_sent: Vec<String> = outcome.providers.iter().filter_map(not_sent).collect();
    let mut plan = of(outcome, &providers, &store, config.dispatch.max_duration)?;
    plan.warnings.extend(not_sent);
    plan.warnings.extend(addresses::moved(&config, &store)?.into_iter().map(|(_, told)| told));
    plan.warnings.extend(beyond_the_day(&plan, &providers, &store, program.clock.now())?);
    if providers.is_empty() {
        plan.warnings.push(format!("providers: {NO_PROVIDER}"));
    }
    if !(sending.providers.is_empty() && sending.only.is_empty()) {
        plan.warnings.push(RESTRICTED.to_owned());
    }
    let arguments = program.repeated_arguments();
    let Plan { warnings, guard, older, .. } = &mut plan;
    for sentence in warnings.iter_mut().chain(guard).chain(older) {
        *sentence = next_step::typed(sentence, &arguments);
    }
    plan.next = next(program, &plan, (input, typed, sending));
    if program.console.is_json() {
        program.console.json(&plan)?;
    } else {
        program.console.text(&text(&plan))?;
    }
    if plan.stops().next().is_some() {
        return Ok(ExitCode::Guarded);
    }
    Ok(if changes && detailed_exitcode { ExitCode::Changes } else { ExitCode::Complete })
}

fn of(
    outcome: Outcome,
    providers: &[Arc<dyn Provider>],
    store: &Store,
    max_duration: Option<Time>,
) -> Result<Plan, Failure> {
    let queued = store.counts()?;
    let lanes = providers.iter().map(|provider| {
        let id = provider.id();
        let tally = outcome.providers.get(&id).cloned().unwrap_or_default();
        let before = queued.get(&id).map_or(0, |counts| counts.open() - counts.held);
        let of = |counts: &BTreeMap<_, u64>| counts.get(&id).copied().unwrap_or(0);
        let held = of(&outcome.held);
        // What was held is not among the calls of before either.
        let superseded = tally.superseded - of(&outcome.superseded_held);
        let calls = (tally.planned.total() + before).saturating_sub(held + superseded);
        let seconds = to_float(calls) / provider.settings().rate_per_second;
        let (create, update) = (tally.planned.create, tally.planned.update);
        Lane { provider: id, create, update, held, queued_before: before, calls, seconds }
    });
    let providers: Vec<Lane> = lanes.collect();
    let cost = cost(&providers, max_duration);
    let changes = outcome.changes_by_name();
    let queued_before = providers.iter().filter(|lane| lane.queued_before > 0);
    let queued_before = queued_before.filter_map(|lane| queued.get(&lane.provider));
    let carried_from = earlier::oldest_run(store, queued_before)?;
    let fields = outcome
        .fields
        .into_iter()
        .map(|((provider, operation, field), calls)| FieldCount { provider, operation, field, calls })
        .collect();
    Ok(Plan {
        schema_version: 1,
        input: outcome.input,
        providers,
        cost,
        changes,
        carried_from,
        fields,
        values: outcome.differences.into_iter().map(Value::from).collect(),
        values_left_out: outcome.differences_left_out,
        warnings: outcome.warnings,
        guard: outcome.tripped.map(|tripped| tripped.to_string()),
        older: outcome.older,
        next: None,
    })
}

/// What of the input goes to nobody although it is valid.
fn not_sent((provider, tally): (&ProviderId, &ProviderTally)) -> Option<String> {
    let values = match tally.incomplete {
        0 => return None,
        1 => "1 value does".to_owned(),
        count => format!("{} values do", grouped(count)),
    };
    Some(format!(
        "{provider}: {values} not go as the rows have them; `sync` writes which, and why, into rejects.csv"
    ))
}

/// What of a plan is more than `calls_per_day` leaves for today.
fn beyond_the_day(
    plan: &Plan,
    providers: &[Arc<dyn Provider>],
    store: &Store,
    now: Timestamp,
) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    for (lane, provider) in plan.providers.iter().zip(providers) {
        let Some(limit) = provider.settings().calls_per_day else { continue };
        let left = limit.saturating_sub(store.lane_use(lane.provider)?.on(now.day()).sent);
        if lane.calls > left {
            let (calls, left, name) = (grouped(lane.calls), grouped(left), lane.provider);
            warnings.push(format!(
                "{name}: calls_per_day leaves {left} of {calls} calls for today; the rest goes later"
            ));
        }
    }
    Ok(warnings)
}

fn cost(lanes: &[Lane], max_duration: Option<Time>) -> Cost {
    let seconds = lanes.iter().map(|lane| lane.seconds).fold(0.0, f64::max);
    let limit = max_duration.map(|time| time.0.as_secs_f64());
    Cost {
        calls: lanes.iter().map(|lane| lane.calls).sum(),
        seconds,
        max_duration_seconds: limit,
        fits: limit.is_none_or(|limit| seconds <= limit),
    }
}

impl Plan {
    /// What would stop a sync, with exit code 4 as here.
    fn stops(&self) -> impl Iterator<Item = &String> {
        self.older.iter().chain(&self.guard)
    }
}

/// The sync of the same input, word for word; past what would stop it only if that was meant.
fn next(program: &Program, plan: &Plan, (input, typed, sending): Typed<'_>) -> Option<String> {
    if plan.stops().next().is_none() && plan.cost.calls == 0 {
        return None;
    }
    let mut words = vec!["sync".to_owned()];
    words.extend(input.files.iter().map(|file| file.display().to_string()));
    words.extend(input.repeated());
    let meant = IngestArguments {
        allow_mass_change: typed.allow_mass_change || plan.guard.is_some(),
        allow_older: typed.allow_older || plan.older.is_some(),
        ..typed.clone()
    };
    words.extend(meant.repeated());
    words.extend(sending.repeated());
    let arguments = program.repeated_arguments();
    let context = Context { arguments: &arguments, ..Context::default() };
    Some(next_step::command(&words.iter().map(String::as_str).collect::<Vec<_>>(), &context))
}

fn to_float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn text(plan: &Plan) -> String {
    let mut text = String::new();
    write_text(&mut text, plan).expect(INFALLIBLE);
    text
}

fn write_text(text: &mut String, plan: &Plan) -> std::fmt::Result {
    writeln!(text, "{}\n", read(&plan.input))?;
    if !plan.changes.is_empty() {
        writeln!(text, "changed: {}\n", changes(&plan.changes))?;
    }
    if let Some(run) = &plan.carried_from {
        let calls = plan.providers.iter().map(|lane| lane.queued_before).sum();
        writeln!(text, "{}\n", from_earlier(calls, run))?;
    }
    let header = ["provider", "create", "update", "held", "queued before", "calls", "takes"];
    writeln!(text, "{}", aligned(&header, plan.providers.iter().map(lane_cells), &[1, 2, 3, 4, 5, 6]))?;
    writeln!(text, "\n{}", cost_text(&plan.cost))?;
    if !plan.fields.is_empty() {
        let header = ["provider", "operation", "field", "calls"];
        writeln!(text, "\n{}", aligned(&header, plan.fields.iter().map(field_cells), &[3]))?;
    }
    if !plan.values.is_empty() {
        writeln!(text, "\n{}", values_text(plan))?;
    }
    for warning in &plan.warnings {
        writeln!(text, "\nwarning: {warning}")?;
    }
    let mut lead = "\nnext";
    for stop in plan.stops() {
        writeln!(text, "\na sync would be stopped: {stop}")?;
        lead = "next, if this is meant";
    }
    match &plan.next {
        Some(next) => writeln!(text, "{lead}: {next}"),
        None => writeln!(text, "\nnothing to send"),
    }
}

fn cost_text(cost: &Cost) -> String {
    let calls = grouped(cost.calls);
    let takes = spoken(cost.seconds);
    let fits = match (cost.max_duration_seconds, cost.fits) {
        (None, _) => "no max_duration is set".to_owned(),
        (Some(limit), true) => format!("fits into max_duration = {}", spoken(limit)),
        (Some(limit), false) => {
            format!("DOES NOT FIT into max_duration = {}; the rest waits for `crmsync resume`", spoken(limit))
        }
    };
    format!("cost: {calls} calls, {takes} at the configured rates; {fits}")
}

/// Seconds as people say them.
fn spoken(seconds: f64) -> String {
    let time = Duration::try_from_secs_f64(seconds.ceil()).unwrap_or(Duration::MAX);
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    format!("{time:#}")
}

fn lane_cells(lane: &Lane) -> Vec<String> {
    vec![
        lane.provider.to_string(),
        grouped(lane.create),
        grouped(lane.update),
        grouped(lane.held),
        grouped(lane.queued_before),
        grouped(lane.calls),
        spoken(lane.seconds),
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

/// The first values that would change, old and new.
fn values_text(plan: &Plan) -> String {
    let rows = plan.values.iter().take(VALUES_SHOWN_MAX).map(value_cells);
    let mut text = aligned(&["customer", "provider", "field", "old", "new"], rows, &[]);
    let others = plan.values_left_out + plan.values.len().saturating_sub(VALUES_SHOWN_MAX) as u64;
    if others > 0 {
        let others = grouped(others);
        write!(text, "\n… and {others} other values; `plan --json` has more of them").expect(INFALLIBLE);
    }
    text
}

fn value_cells(value: &Value) -> Vec<String> {
    let Value { customer_id, provider, field, old, new } = value;
    let old = old.clone().unwrap_or_else(|| "-".to_owned());
    vec![customer_id.clone(), provider.to_string(), field.clone(), old, new.clone()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(provider: ProviderId, calls: u64, seconds: f64) -> Lane {
        Lane { provider, create: 0, update: calls, held: 0, queued_before: calls / 6, calls, seconds }
    }

    fn planned(max_duration: Option<Time>, guard: Option<&str>) -> Plan {
        let providers = vec![
            lane(ProviderId::Wsone, 36_000, 3_600.0),
            lane(ProviderId::Lemonway, 812, 162.4),
            lane(ProviderId::Safedebit, 0, 0.0),
        ];
        let field = |field: &str, calls| FieldCount {
            provider: ProviderId::Lemonway,
            operation: Operation::Update,
            field: field.to_owned(),
            calls,
        };
        Plan {
            schema_version: 1,
            input: InputTally { rows: 40_000, customers: 40_000, changed: 36_100, ..InputTally::default() },
            cost: cost(&providers, max_duration),
            providers,
            changes: [("email".to_owned(), 812), ("mobile_phone".to_owned(), 95)].into(),
            carried_from: guard.is_none().then(|| "20261121T210503Z-9b01".to_owned()),
            fields: vec![field("newEmail", 812)],
            values: Vec::new(),
            values_left_out: 0,
            warnings: vec!["order_by: the file has no such column".to_owned()],
            guard: guard.map(str::to_owned),
            older: None,
            next: Some("crmsync sync crm.csv".to_owned()),
        }
    }

    #[test]
    fn what_a_plan_says_of_cost_and_next_step() {
        insta::assert_snapshot!(text(&planned(Some(Time(Duration::from_secs(7_200))), None)));
    }

    #[test]
    fn a_plan_that_takes_too_long_or_is_guarded_says_so() {
        insta::assert_snapshot!(text(&planned(
            Some(Time(Duration::from_secs(600))),
            Some("guard.max_changes: 36100")
        )));
    }
}
