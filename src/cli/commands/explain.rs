//! `explain`: one customer's life, without a value.
//!
//! The JSON: `known`, `forgotten`, `calls_kept_since` (settled calls of earlier runs are gone; or null); `providers`, for each one that is on or has an account or a call: `account` (`known`, and
//! the names of fields that are `acknowledged`, `unknown` or `skipped`), `now` (why something is or is not sent) and
//! `next` (a command, or null); `timeline`, oldest first: `time`, `run`, `provider`, `call`, `operation`, `event`
//! (`planned`, `answer`, `probe_answer` or the state that the call is in since then), `fields` (planned only; null
//! where they were not kept), `class`, `code`, `meaning`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::cli::Program;
use crate::cli::arguments::ExplainArguments;
use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::call::{CallId, HoldReason, Operation, State};
use crate::domain::clock::{Timestamp, rfc3339};
use crate::domain::customer::CustomerId;
use crate::domain::policy::{OnCleared, OnInvalid};
use crate::domain::provider::ProviderId;
use crate::domain::standing::TurnedAway;
use crate::domain::wire::FieldCode;
use crate::mapping;
use crate::providers::{CommonSettings, ProvidersSettings, field_name};
use crate::report::next_step;
use crate::report::shown::Shown;
use crate::report::table::aligned;
use crate::report::text::{Context, INFALLIBLE};
use crate::store::{Story, StoryCall};

use super::doctor::AFTER_RESTORE;
use super::earlier;
use super::explain_code::{meaning_and_advice, operator_codes};
use super::rejects::reason;

#[derive(Debug, Serialize, JsonSchema)]
struct Explained {
    known: bool,
    forgotten: bool,
    providers: BTreeMap<ProviderId, AtProvider>,
    timeline: Vec<Moment>,
    /// The first of the runs whose settled calls are all kept; none, where nothing was ever deleted.
    calls_kept_since: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AtProvider {
    account: Option<Account>,
    now: String,
    next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Account {
    known: bool,
    acknowledged: Vec<String>,
    unknown: Vec<String>,
    skipped: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Moment {
    #[serde(serialize_with = "rfc3339::serialize")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    time: Timestamp,
    run: Option<String>,
    provider: ProviderId,
    #[schemars(with = "i64")]
    call: CallId,
    #[schemars(with = "String")]
    operation: Operation,
    event: &'static str,
    fields: Option<Vec<String>>,
    class: Option<String>,
    code: Option<String>,
    meaning: Option<&'static str>,
}

/// The JSON Schema of `explain --json`.
pub(super) fn json_schema() -> Schema {
    schema_for!(Explained)
}

/// Tells the life of a customer.
pub(super) fn explain(program: &Program, typed: &ExplainArguments) -> Result<ExitCode, Failure> {
    let config = program.config()?;
    let state = program.state(&config)?;
    earlier::find_state(program, &state)?;
    let store = state.open_read_only()?;
    let named = match typed.call {
        Some(call) => Some(store.customer_of(call)?),
        None => typed.customer.as_deref().and_then(mapping::customer_id),
    };
    let id = named.ok_or_else(|| {
        Failure::told(
            ExitCode::Usage,
            ErrorCode::UsageCustomer,
            "expected a customer's key, 1 to 200 characters",
        )
    })?;
    let story = store.story(&id)?;
    let arguments = program.repeated_arguments();
    let context = Context { arguments: &arguments, ..Context::default() };
    let is_restored = store.is_in_doubt()?;
    let about = About { id: &id, settings: &config.providers, context: &context, is_restored };
    let explained = explained(&story, &about);
    if program.console.is_json() {
        program.console.json(&explained)?;
    } else {
        if typed.call.is_some() {
            program.console.text(&format!("customer {}\n", Shown(id.as_str())))?;
        }
        program.console.text(&text(&explained, &id, &context))?;
    }
    Ok(ExitCode::Complete)
}

/// Whom is told about, and what is needed to say what to type.
struct About<'a> {
    id: &'a CustomerId,
    settings: &'a ProvidersSettings,
    context: &'a Context<'a>,
    /// Whether the state was put back from a backup and has had no complete input since.
    is_restored: bool,
}

impl About<'_> {
    /// The command that sends what is to be sent.
    fn send(&self) -> String {
        let words: &[&str] = if self.is_restored { &AFTER_RESTORE } else { &["resume"] };
        next_step::command(words, self.context)
    }
}

fn explained(story: &Story, about: &About<'_>) -> Explained {
    let settings = about.settings;
    let mut timeline: Vec<Moment> = story.calls.iter().flat_map(|call| moments(call, settings)).collect();
    timeline.sort_by_key(|moment| moment.time);
    let of_calls = story.calls.iter().map(|call| call.provider);
    let ids: BTreeSet<ProviderId> =
        story.accounts.keys().copied().chain(of_calls).chain(settings.enabled()).collect();
    let at_provider = |provider| (provider, at_provider(story, provider, about));
    let providers = ids.into_iter().map(at_provider).collect();
    let calls_kept_since = story.kept_since.clone();
    Explained { known: story.known, forgotten: story.forgotten, providers, timeline, calls_kept_since }
}

fn at_provider(story: &Story, provider: ProviderId, about: &About<'_>) -> AtProvider {
    let settings = about.settings;
    let account = story.accounts.get(&provider).map(|account| Account {
        known: account.known,
        acknowledged: names(provider, &account.acknowledged),
        unknown: names(provider, &account.unknown),
        skipped: names(provider, &account.skipped),
    });
    let mut calls = story.calls.iter().rev().filter(|call| call.provider == provider);
    let last = calls.clone().next();
    let standing = calls.find(|call| call.life.state.is_open() || call.life.state == State::Refused);
    let (now, next) = match standing {
        Some(call) if call.life.state.is_open() && !settings.enabled().contains(&provider) => {
            let (now, _) = stands(call, about);
            (format!("{now}; nothing is sent while the configuration has {provider} switched off"), None)
        }
        Some(call) => stands(call, about),
        None if about.is_restored && account.as_ref().is_some_and(|account| !account.unknown.is_empty()) => {
            let now = "nothing is queued; what the provider got since the backup is not known: the next complete file \
                       is compared, and what it says goes again";
            (now.to_owned(), Some(about.send()))
        }
        None => (idle(account.as_ref(), last, settings.common(provider)), None),
    };
    let why = story.turned_away.get(&provider).map(|turned_away| {
        let part = field_name(provider, turned_away.part());
        match turned_away {
            TurnedAway::Invalid(_) => format!("the last record that was compared has no valid {part}"),
            TurnedAway::TooEarly(_) => format!(
                "the {part} of the last record that was compared came while a call under another one was not settled; the next \
                 record that has it is compared again"
            ),
        }
    });
    let now = match why {
        Some(why) if standing.is_none() => format!("takes no part: {why}"),
        Some(why) => format!("{now}; {why}"),
        None => now,
    };
    AtProvider { account, now, next }
}

fn stands(call: &StoryCall, about: &About<'_>) -> (String, Option<String>) {
    let send = Some(about.send());
    let mut due = call.due.map_or_else(String::new, |due| format!(", not before {due}"));
    if call.goes_last {
        due.push_str(", after all others of its lane");
    }
    match call.life.state {
        State::Queued => (format!("ready: the next run sends it{due}"), send),
        State::Waiting => (format!("to be sent again{due}"), send),
        State::InFlight => {
            ("on its way, or it was when a run was killed; the next run finds out".to_owned(), send)
        }
        State::Probing => {
            (format!("a create of unknown outcome: an update with its values finds out{due}"), send)
        }
        State::Held => {
            let why = call.life.hold.map_or("waits for a person", reason);
            let others: Vec<&str> = call.others.iter().map(CustomerId::as_str).collect();
            let whose =
                if others.is_empty() { String::new() } else { format!("; so has {}", others.join(", ")) };
            (format!("held: {why}{whose}"), Some(decision(call, about)))
        }
        State::Refused => {
            let code = call.code.as_deref().unwrap_or_default();
            let table = operator_codes(about.settings, call.provider);
            let (meaning, advice) = meaning_and_advice(call.provider, code, &table);
            let why = format!(
                "refused with code {code} ({meaning}): parked until what would be sent changes, or a person releases it; {advice}"
            );
            (why, Some(release(call, about)))
        }
        State::Acknowledged | State::Superseded | State::Abandoned | State::Forgotten => {
            ("nothing is queued".to_owned(), None)
        }
    }
}

/// What a person types about a held call. Typed as it stands, it sends nothing to an account whose owner has to be found out
/// first, and `resolve` settles nothing: it asks what was found out.
fn decision(call: &StoryCall, about: &About<'_>) -> String {
    match call.life.hold {
        Some(hold @ (HoldReason::KeyChanged | HoldReason::DuplicateKey)) => {
            next_step::command(&["explain-code", call.provider.name(), hold.name()], about.context)
        }
        Some(HoldReason::Restored | HoldReason::Overtaken | HoldReason::DeniedByCode) => release(call, about),
        Some(
            HoldReason::Crashed
            | HoldReason::Unknown
            | HoldReason::ProbeRefused
            | HoldReason::RefusedAfterUnknown,
        )
        | None => next_step::command(&["resolve", &call.id.to_string()], about.context),
    }
}

fn release(call: &StoryCall, about: &About<'_>) -> String {
    let (id, provider) = (about.id.as_str(), call.provider.name());
    next_step::command(&["rejects", "release", "--customer", id, "--provider", provider], about.context)
}

/// Why nothing goes although no call stands. What the file said is not in the state; so this tells what the last comparison
/// of the customer's record came to, and never that a provider holds it all.
fn idle(account: Option<&Account>, last: Option<&StoryCall>, settings: Option<&CommonSettings>) -> String {
    match (account, last) {
        (None, None) => "takes no part: no record that was compared gave it a valid key".to_owned(),
        (Some(account), _) if !account.skipped.is_empty() => {
            let fields = account.skipped.join(", ");
            format!("nothing is queued; left out, since the last record has no valid value, or not all of what goes with it, or only one that was turned away \
                 whole said it: {fields}{}", away(settings))
        }
        (_, Some(last)) if last.life.state == State::Abandoned => {
            "nothing is queued: the last call was abandoned; what it carried goes when the customer's record changes"
                .to_owned()
        }
        (Some(account), _) if !account.unknown.is_empty() => format!(
            "nothing is queued; what the provider may have kept or lost goes again when the customer's record changes: {}",
            account.unknown.join(", ")
        ),
        (Some(_), _) => "nothing to send: the last record that was compared asked for nothing more".to_owned(),
        (None, Some(_)) => "nothing is queued, and nothing was ever acknowledged".to_owned(),
    }
}

/// What a value that is not valid, or was cleared, keeps back besides itself.
fn away(settings: Option<&CommonSettings>) -> &'static str {
    let invalid = settings.is_some_and(|common| common.on_invalid == OnInvalid::RejectCustomer);
    let cleared = settings.is_some_and(|common| common.on_cleared == OnCleared::Reject);
    match (invalid, cleared) {
        (true, _) => {
            "; as long as one is not valid, nothing else goes either (on_invalid = \"reject_customer\")"
        }
        (false, true) => "; where it was cleared, nothing else goes either (on_cleared = \"reject\")",
        (false, false) => "",
    }
}

fn moments(call: &StoryCall, settings: &ProvidersSettings) -> Vec<Moment> {
    let moment = |time, run: &Option<String>, event| Moment {
        time,
        run: run.clone(),
        provider: call.provider,
        call: call.id,
        operation: call.life.operation,
        event,
        fields: None,
        class: None,
        code: None,
        meaning: None,
    };
    let table = operator_codes(settings, call.provider);
    // What was accepted has no code.
    let meaning = |code: &str| (!code.is_empty()).then(|| meaning_and_advice(call.provider, code, &table).0);
    let fields = call.fields.as_ref().map(|fields| names(call.provider, fields));
    let mut moments = vec![Moment { fields, ..moment(call.created_at, &call.planned_in, "planned") }];
    for answer in &call.answers {
        moments.push(Moment {
            class: Some(answer.class.clone()),
            code: Some(answer.code.clone()),
            meaning: meaning(&answer.code),
            ..moment(answer.at, &answer.run, if answer.probe { "probe_answer" } else { "answer" })
        });
    }
    if call.life.state != State::Queued || call.changed_at != call.created_at {
        let run = call.settled_in.as_ref().or(call.answers.last().and_then(|answer| answer.run.as_ref()));
        let accepted = call.life.state == State::Acknowledged;
        moments.push(Moment {
            class: call.class.clone(),
            code: call.code.clone(),
            meaning: call.code.as_deref().filter(|_| !accepted).and_then(meaning),
            ..moment(call.changed_at, &run.cloned(), call.life.state.name())
        });
    }
    moments
}

fn names(provider: ProviderId, fields: &[FieldCode]) -> Vec<String> {
    fields.iter().map(|field| field_name(provider, *field)).collect()
}

fn text(explained: &Explained, id: &CustomerId, context: &Context<'_>) -> String {
    if explained.forgotten {
        let undo = next_step::command(&["forget", id.as_str(), "--undo"], context);
        return format!(
            "the customer was erased; later files that hold it are skipped\nnext, to let it come back: {undo}\n"
        );
    }
    if !explained.known {
        return "the customer is not known: no file that was accepted held it\n".to_owned();
    }
    let mut text = String::new();
    let header = ["time", "provider", "call", "operation", "event", "run", "what"];
    // The last one may be long.
    let rows = explained.timeline.iter().map(cells);
    writeln!(text, "{}", aligned(&header, rows, &[2])).expect(INFALLIBLE);
    if let Some(run) = &explained.calls_kept_since {
        writeln!(text, "calls that runs before {run} settled are not kept (state.keep_runs)")
            .expect(INFALLIBLE);
    }
    for (provider, at) in &explained.providers {
        writeln!(text, "\n{provider}: {}", at.now).expect(INFALLIBLE);
        if let Some(next) = &at.next {
            writeln!(text, "  next: {next}").expect(INFALLIBLE);
        }
    }
    text
}

fn cells(moment: &Moment) -> Vec<String> {
    let what = match (&moment.fields, &moment.code) {
        (Some(fields), _) => fields.join(", "),
        (None, Some(code)) => {
            let class = moment.class.as_deref().unwrap_or_default();
            let meaning = moment.meaning.map(|meaning| format!(": {meaning}")).unwrap_or_default();
            format!("{class} {code}{meaning}")
        }
        (None, None) => String::new(),
    };
    vec![
        moment.time.to_string(),
        moment.provider.name().to_owned(),
        moment.call.to_string(),
        moment.operation.name().to_owned(),
        moment.event.to_owned(),
        moment.run.clone().unwrap_or_default(),
        what,
    ]
}
