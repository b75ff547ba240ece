//! `explain-code`: what a provider's code, a reason why a call is held, an error's code or an exit code means, and what to do about it.

use serde::Serialize;

use super::rejects;
use crate::cli::Program;
use crate::cli::arguments::{CodeSource, ExplainCodeArguments};
use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::call::HoldReason;
use crate::domain::provider::ProviderId;
use crate::domain::verdict::CodeClass;
use crate::domain::wire::FieldCode;
use crate::providers::codes::{self, CodeTable};
use crate::providers::own_codes::{self, OwnCode};
use crate::providers::{ProvidersSettings, field_name, field_table};

#[derive(Debug, Serialize)]
struct Explanation<'a> {
    /// The provider, `exit` or `error`.
    source: &'static str,
    code: &'a str,
    /// refused, transient, denied, exists, missing; held for the program's own reasons; `not_sent`, throttled, unknown
    /// for what the program says of a request; exit for exit codes, error for errors.
    class: &'static str,
    /// Whether the configuration says so.
    configured: bool,
    /// Whether anybody has documented it.
    documented: bool,
    meaning: &'static str,
    advice: &'static str,
    /// What happens to a call that gets it.
    #[serde(skip)]
    consequence: &'static str,
    /// Who says so.
    #[serde(skip)]
    origin: &'static str,
}

/// Prints what a code means. Works without a configuration too.
pub(super) fn explain_code(program: &Program, arguments: &ExplainCodeArguments) -> Result<ExitCode, Failure> {
    let Some(source) = arguments.source else {
        list(program, arguments.markdown)?;
        return Ok(ExitCode::Complete);
    };
    let found = match (source, arguments.code.as_deref()) {
        (CodeSource::Error(error), None) => of_error(error),
        (CodeSource::Error(_), Some(_)) => return Err(unclear("the code of an error stands alone")),
        (CodeSource::Exit | CodeSource::Provider(_), None) => {
            return Err(unclear("name the code too, for instance `crmsync explain-code lemonway 147`"));
        }
        (CodeSource::Exit, Some(code)) => of_exit(code)?,
        (CodeSource::Provider(provider), Some(code)) => {
            match (HoldReason::parse(code), own_codes::lookup(code)) {
                (Some(reason), _) => of_hold(provider, code, reason),
                (None, Some(own)) => of_request(provider, own),
                (None, None) if is_field(provider, code) => of_field(provider, code),
                (None, None) => of_provider(program, provider, code)?,
            }
        }
    };
    if program.console.is_json() {
        program.console.json(&found)?;
    } else {
        program.console.text(&text(&found, source))?;
    }
    Ok(ExitCode::Complete)
}

fn unclear(words: &'static str) -> Failure {
    Failure::told(ExitCode::Usage, ErrorCode::UsageCode, words)
}

/// All codes of errors.
fn list(program: &Program, as_markdown: bool) -> Result<(), Failure> {
    let all: Vec<Explanation<'_>> = ErrorCode::ALL.iter().map(|code| of_error(*code)).collect();
    if program.console.is_json() {
        return Ok(program.console.json(&all)?);
    }
    let line = |found: &Explanation<'_>| {
        [found.code, found.meaning, found.advice].map(|text| text.replace('|', "\\|").replace('*', "\\*"))
    };
    let text = if as_markdown {
        let rows = all.iter().map(|found| format!("| {} |\n", line(found).join(" | ")));
        format!("| code | cause | cure |\n|---|---|---|\n{}", rows.collect::<String>())
    } else {
        let rows =
            all.iter().map(|found| format!("{}  {}\n      {}\n", found.code, found.meaning, found.advice));
        rows.collect()
    };
    Ok(program.console.text(&text)?)
}

fn of_error(error: ErrorCode) -> Explanation<'static> {
    Explanation {
        source: "error",
        code: error.name(),
        class: "error",
        configured: false,
        documented: true,
        meaning: error.cause(),
        advice: error.cure(),
        consequence: "",
        origin: "",
    }
}

fn of_provider<'a>(
    program: &Program,
    provider: ProviderId,
    code: &'a str,
) -> Result<Explanation<'a>, Failure> {
    if codes::is_success(provider, code) {
        return Err(Failure::told(
            ExitCode::Usage,
            ErrorCode::UsageCode,
            format!("{code} is {provider}'s success; nothing is to be done about it"),
        ));
    }
    let table = if program.global.config.exists() {
        operator_codes(&program.config()?.providers, provider)
    } else {
        CodeTable::new()
    };
    let info = codes::lookup(provider, code);
    let (class, consequence) = words(codes::class_of(provider, code, &table));
    let configured = table.contains_key(code);
    Ok(Explanation {
        source: provider.name(),
        code,
        class,
        configured,
        documented: info.is_documented(),
        meaning: info.meaning,
        advice: advice(provider, code, &table),
        consequence,
        origin: if configured { " (by your configuration)" } else { " (by default)" },
    })
}

/// What a code of a refused call means, and what to do about it; also one that the program gave in place of a provider's.
pub(super) fn meaning_and_advice(
    provider: ProviderId,
    code: &str,
    table: &CodeTable,
) -> (&'static str, &'static str) {
    match own_codes::lookup(code) {
        Some(own) => (own.meaning, own.advice),
        None => (codes::lookup(provider, code).meaning, advice(provider, code, table)),
    }
}

/// What to do about a provider's code: nobody has to class one that the configuration has classed.
fn advice(provider: ProviderId, code: &str, table: &CodeTable) -> &'static str {
    let info = codes::lookup(provider, code);
    match table.get(code) {
        Some(class) if !info.is_documented() => match class {
            CodeClass::Refused => {
                "ask the provider what is wrong with the values, or correct them in the CRM"
            }
            CodeClass::Transient | CodeClass::Exists => "nothing: the program goes on by itself",
            CodeClass::Denied => "have the rights mended at the provider, then `crmsync resume`",
            CodeClass::Missing => {
                "correct the key in the CRM; or have the account made at the provider, then \
                 `crmsync rejects release --customer CUSTOMER`"
            }
        },
        Some(_) | None => info.advice,
    }
}

/// The codes that the operator has classed.
pub(super) fn operator_codes(providers: &ProvidersSettings, provider: ProviderId) -> CodeTable {
    let table = match provider {
        ProviderId::Wsone => providers.wsone.as_ref().map(|section| &section.response_codes),
        ProviderId::Lemonway => providers.lemonway.as_ref().map(|section| &section.error_codes),
        ProviderId::Safedebit => providers.safedebit.as_ref().map(|section| &section.error_codes),
    };
    table.cloned().unwrap_or_default()
}

fn words(class: CodeClass) -> (&'static str, &'static str) {
    match class {
        CodeClass::Refused => {
            ("refused", "the call is parked until what would be sent changes, or a person releases it")
        }
        CodeClass::Transient => ("transient", "the call is tried again"),
        CodeClass::Denied => ("denied", "the provider's lane stops, and a person must act"),
        CodeClass::Exists => ("exists", "a create goes on as an update"),
        CodeClass::Missing => (
            "missing",
            "the provider does not have the account; once the call is released, the next file with the customer decides anew: \
             on_new = \"create\" creates it, probed first",
        ),
    }
}

fn of_hold(provider: ProviderId, code: &str, reason: HoldReason) -> Explanation<'_> {
    Explanation {
        source: provider.name(),
        code,
        class: "held",
        configured: false,
        documented: true,
        meaning: rejects::reason(reason),
        advice: hold_advice(reason),
        consequence: "the call waits for a person",
        origin: "",
    }
}

/// Whether `rejects list` shows it where a field is left out.
fn is_field(provider: ProviderId, code: &str) -> bool {
    // Of a subscription, which no table has, the number stands behind its name.
    let id = code.rsplit_once('.').and_then(|(_, id)| id.parse().ok());
    let subscription = id.and_then(FieldCode::subscription).filter(|_| provider == ProviderId::Wsone);
    field_table(provider).iter().any(|field| field.name == code)
        || subscription.is_some_and(|subscription| field_name(provider, subscription) == code)
}

/// A field that is left out.
fn of_field(provider: ProviderId, code: &str) -> Explanation<'_> {
    Explanation {
        source: provider.name(),
        code,
        class: "invalid",
        configured: false,
        documented: true,
        meaning: "a field that is left out: the last record has no valid value for it, or not all of what goes with it, or only one \
             that was turned away whole said it; rejects.csv of the run that found it tells which",
        advice: "correct it in the CRM, or send a row that says it; `crmsync fields` tells which columns it is made of",
        consequence: "the rest of the customer goes; where it is a part of the key, nothing does",
        origin: " (by crmsync)",
    }
}

/// A code that the program gave to a request, in place of one of the provider's.
fn of_request(provider: ProviderId, own: OwnCode) -> Explanation<'static> {
    Explanation {
        source: provider.name(),
        code: own.code,
        class: own.class,
        configured: false,
        documented: true,
        meaning: own.meaning,
        advice: own.advice,
        consequence: own.consequence(),
        origin: " (by crmsync)",
    }
}

/// What to do about a call that is held.
pub(super) fn hold_advice(reason: HoldReason) -> &'static str {
    match reason {
        HoldReason::KeyChanged | HoldReason::DuplicateKey => {
            "find out whose account it is; then `crmsync rejects release --customer CUSTOMER`, or correct the CRM: what is released \
             overwrites what the account has"
        }
        HoldReason::Restored => {
            "look the account up at the provider; then `crmsync resolve CALL --abandon`, or `crmsync rejects release \
             --customer CUSTOMER` to send it"
        }
        HoldReason::Overtaken => {
            "switch the provider on, or correct the customer in the CRM, and sync the newest complete file, which says what is due; \
             without one look the account up at the provider, then `crmsync resolve CALL --abandon`, or `crmsync rejects \
             release --customer CUSTOMER` to send it"
        }
        HoldReason::Crashed
        | HoldReason::Unknown
        | HoldReason::ProbeRefused
        | HoldReason::RefusedAfterUnknown => {
            "look the account up at the provider; then `crmsync resolve CALL --applied` or `--not-applied`"
        }
        HoldReason::DeniedByCode => {
            "look at the customer's values; then correct them in the CRM, or `crmsync rejects release --customer CUSTOMER`"
        }
    }
}

fn of_exit(code: &str) -> Result<Explanation<'_>, Failure> {
    let found = ExitCode::ALL.into_iter().find(|exit| exit.number().to_string() == code);
    let Some(exit) = found else {
        let all = ExitCode::ALL.map(|exit| exit.number().to_string()).join(", ");
        return Err(Failure::told(
            ExitCode::Usage,
            ErrorCode::UsageCode,
            format!("`{code}` is no exit code of crmsync; there are {all}"),
        ));
    };
    Ok(Explanation {
        source: "exit",
        code,
        class: "exit",
        configured: false,
        documented: true,
        meaning: exit.meaning(),
        advice: exit.advice(),
        consequence: "",
        origin: "",
    })
}

fn text(found: &Explanation<'_>, source: CodeSource) -> String {
    let Explanation { source: name, code, class, meaning, advice, consequence, origin, .. } = found;
    let CodeSource::Provider(provider) = source else {
        return format!("{name} {code}: {meaning}\nadvice: {advice}\n");
    };
    let mut text =
        format!("{name} {code}: {meaning}\nclass:  {class}: {consequence}{origin}\nadvice: {advice}\n");
    if !found.documented && !found.configured {
        let table = match provider {
            ProviderId::Wsone => "response_codes",
            ProviderId::Lemonway | ProviderId::Safedebit => "error_codes",
        };
        text.push_str(&format!(
            "        [providers.{name}] {table} = {{ \"{code}\" = \"refused | transient | denied | exists | missing\" }}\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_explained_and_no_other_number() {
        for exit in ExitCode::ALL {
            let number = exit.number().to_string();
            assert_eq!(of_exit(&number).unwrap().meaning, exit.meaning());
        }
        assert!(of_exit("8").is_err() && of_exit("07").is_err());
    }

    #[test]
    fn every_reason_to_hold_says_what_to_do() {
        for reason in HoldReason::ALL {
            assert!(hold_advice(*reason).contains("crmsync "), "{reason:?}");
        }
    }
}
