//! `fields` and `explain-code`: what the tables of the program say, for people who map a CRM.

use serde::Serialize;

use crate::cli::Program;
use crate::cli::arguments::{ExplainCodeArguments, FieldsArguments};
use crate::cli::config::Config;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::field::{Field, Sensitivity};
use crate::domain::provider::ProviderId;
use crate::domain::verdict::CodeClass;
use crate::domain::wire::WireField;
use crate::providers::codes::{self, CodeTable};
use crate::providers::{CHARS_UNLIMITED, field_table};
use crate::report::table::aligned;

#[derive(Debug, Serialize)]
struct Canonical {
    field: String,
    sensitivity: &'static str,
    /// The wire fields that it becomes.
    sent_as: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Wire {
    name: &'static str,
    sources: Vec<String>,
    format: &'static str,
    characters: (usize, Option<usize>),
    sensitivity: &'static str,
    document: &'static str,
}

#[derive(Debug, Serialize)]
struct Code<'a> {
    provider: ProviderId,
    code: &'a str,
    class: CodeClass,
    /// Does the configuration say so.
    configured: bool,
    meaning: &'static str,
    advice: &'static str,
}

/// Prints the canonical fields, or the field table of a provider.
pub(super) fn fields(program: &Program, arguments: &FieldsArguments) -> Result<ExitCode, Failure> {
    match arguments.provider {
        Some(provider) => of_provider(program, provider)?,
        None => canonical(program)?,
    }
    Ok(ExitCode::Complete)
}

/// Prints what a code means and what becomes of a call that gets it. Works without a configuration too.
pub(super) fn explain_code(program: &Program, arguments: &ExplainCodeArguments) -> Result<ExitCode, Failure> {
    let table = if program.global.config.exists() {
        operator_codes(&program.config()?, arguments.provider)
    } else {
        CodeTable::new()
    };
    let info = codes::lookup(arguments.provider, &arguments.code);
    let code = Code {
        provider: arguments.provider,
        code: &arguments.code,
        class: codes::class_of(arguments.provider, &arguments.code, &table),
        configured: table.contains_key(&arguments.code),
        meaning: info.meaning,
        advice: info.advice,
    };
    if program.console.is_json() {
        program.console.json(&code)?;
    } else {
        program.console.text(&code_text(&code))?;
    }
    Ok(ExitCode::Complete)
}

fn operator_codes(config: &Config, provider: ProviderId) -> CodeTable {
    let providers = &config.providers;
    let table = match provider {
        ProviderId::Wsone => providers.wsone.as_ref().map(|section| &section.response_codes),
        ProviderId::Lemonway => providers.lemonway.as_ref().map(|section| &section.error_codes),
        ProviderId::Safedebit => providers.safedebit.as_ref().map(|section| &section.error_codes),
    };
    table.cloned().unwrap_or_default()
}

fn code_text(code: &Code<'_>) -> String {
    let class = match code.class {
        CodeClass::Refused => {
            "refused: the call is parked until what would be sent changes, or a person releases it"
        }
        CodeClass::Transient => "transient: the call is tried again",
        CodeClass::Denied => "denied: the provider's lane stops, and a person must act",
        CodeClass::Exists => "exists: a create goes on as an update",
        CodeClass::Missing => "missing: the provider does not have the account",
    };
    let source = if code.configured { "by your configuration" } else { "by default" };
    let Code { provider, code, meaning, advice, .. } = code;
    format!("{provider} {code}: {meaning}\nclass:  {class} ({source})\nadvice: {advice}\n")
}

fn canonical(program: &Program) -> Result<(), Failure> {
    let named = Field::NAMED.iter().map(|field| Canonical {
        field: field.name().into_owned(),
        sensitivity: word(field.sensitivity()),
        sent_as: sent_as(*field),
    });
    let subscription = Canonical {
        field: "subscription_<id>".to_owned(),
        sensitivity: word(Field::Subscription(0).sensitivity()),
        sent_as: vec!["wsone SubscriptionRequest".to_owned()],
    };
    let lines: Vec<Canonical> = named.chain([subscription]).collect();
    if program.console.is_json() {
        return Ok(program.console.json(&lines)?);
    }
    let rows = lines
        .iter()
        .map(|line| vec![line.field.clone(), line.sensitivity.to_owned(), line.sent_as.join(", ")]);
    Ok(program.console.text(&format!("{}\n", aligned(&["field", "sensitivity", "sent as"], rows, &[])))?)
}

fn sent_as(field: Field) -> Vec<String> {
    let of = |provider: ProviderId| {
        let carries = move |wire: &&WireField| wire.sources.contains(&field);
        field_table(provider).iter().filter(carries).map(move |wire| format!("{provider} {}", wire.name))
    };
    ProviderId::ALL.into_iter().flat_map(of).collect()
}

fn of_provider(program: &Program, provider: ProviderId) -> Result<(), Failure> {
    let lines: Vec<Wire> = field_table(provider).iter().map(wire).collect();
    if program.console.is_json() {
        return Ok(program.console.json(&lines)?);
    }
    let rows = lines.iter().map(|line| {
        let (least, most) = line.characters;
        let most = most.map_or_else(String::new, |most| most.to_string());
        vec![line.name.to_owned(), line.sources.join(", "), line.format.to_owned(), format!("{least}-{most}")]
    });
    Ok(program
        .console
        .text(&format!("{}\n", aligned(&["wire field", "from", "form", "characters"], rows, &[])))?)
}

fn wire(field: &WireField) -> Wire {
    let (least, most) = field.chars;
    Wire {
        name: field.name,
        sources: field.sources.iter().map(|source| source.name().into_owned()).collect(),
        format: field.format,
        characters: (least, (most != CHARS_UNLIMITED).then_some(most)),
        sensitivity: word(field.sensitivity()),
        document: field.document,
    }
}

fn word(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Plain => "plain",
        Sensitivity::Personal => "personal",
        Sensitivity::Secret => "secret",
    }
}
