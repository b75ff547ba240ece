//! `check`: configuration, secrets, state and, given a file, its header and first rows. No network.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use clap::ValueEnum as _;
use secrecy::SecretString;
use serde::Serialize;

use crate::cli::Program;
use crate::cli::arguments::{CheckArguments, SchemaOf};
use crate::cli::config::{self, Config};
use crate::cli::environment::Environment;
use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::notify::is_missing;
use crate::cli::secrets;
use crate::domain::field::Field;
use crate::domain::policy::Send;
use crate::domain::provider::ProviderId;
use crate::domain::wire::WireField;
use crate::providers::{CommonSettings, Credentials, Provider, SecretSource};
use crate::reader::compile_trailer;
use crate::report::text::Context;
use crate::report::{events, next_step, report_json};

use super::check_file::{self, FileFindings};
use super::doctor::{AFTER_RESTORE, unwritable_places};
use super::inputs::is_standard_input;
use super::mapped_rows::Showing;
use super::status::{RESTORED, misses_inputs};
use super::{addresses, explain, history, plan, rejects, status};

/// Nothing can be sent: this is worth a word wherever it would else look as if all were well.
pub(super) const NO_PROVIDER: &str =
    "none is on, so that nothing is ever sent; give one its section [providers.NAME] in the configuration";

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    result: Verdict,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Fault,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "WARNING",
            Self::Fault => "FAULT",
        }
    }
}

/// What was found, and the exit codes that follow from it.
#[derive(Debug, Default)]
struct Findings {
    list: Vec<Finding>,
    codes: Vec<ExitCode>,
    /// Whether there are calls that the next run sends.
    has_queued: bool,
    /// The state cannot be used; `doctor` looks into it.
    state_is_faulty: bool,
    /// It was put back from a backup, and no complete file was taken in since.
    is_restored: bool,
    /// Nobody is sent anything.
    lacks_provider: bool,
}

impl Findings {
    fn ok(&mut self, what: impl Into<String>, detail: impl Into<String>) {
        self.list.push(Finding { what: what.into(), result: Verdict::Ok, detail: detail.into() });
    }

    fn warn(&mut self, what: impl Into<String>, detail: impl Into<String>) {
        self.list.push(Finding { what: what.into(), result: Verdict::Warning, detail: detail.into() });
    }

    fn fault(&mut self, what: impl Into<String>, failure: &Failure) {
        self.codes.push(failure.code);
        self.list.push(Finding { what: what.into(), result: Verdict::Fault, detail: failure.to_string() });
    }
}

/// Checks what can be checked without a network, and says all of it at once.
pub(super) fn check(program: &Program, arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    if let Some(what) = arguments.schema {
        match what {
            SchemaOf::Config => program.console.json(config::json_schema())?,
            SchemaOf::Report => program.console.json(&report_json::json_schema())?,
            SchemaOf::Events => program.console.json(&events::json_schema())?,
            SchemaOf::Plan => program.console.json(&plan::json_schema())?,
            SchemaOf::Status => program.console.json(&status::json_schema())?,
            SchemaOf::History => program.console.json(&history::json_schema())?,
            SchemaOf::Rejects => program.console.json(&rejects::json_schema())?,
            SchemaOf::Explain => program.console.json(&explain::json_schema())?,
        }
        return Ok(ExitCode::Complete);
    }
    let config = program.config()?.with_format(arguments.format);
    let mut findings = Findings::default();
    findings.ok("configuration", program.global.config.display().to_string());
    if let Some(Err(error)) = config.input.trailer.as_deref().map(compile_trailer) {
        findings.fault("input.trailer", &error.into());
    }
    check_secrets(program, &config, &mut findings);
    check_state(program, &config, &mut findings);
    check_providers(&config, &mut findings);
    check_notify(&program.environment, &config, &mut findings);
    let mut rows = None;
    if let Some(path) = &arguments.file {
        let showing = if arguments.include_values { Showing::Values } else { Showing::Shapes };
        match check_file::look(&config, path, program.clock.now(), showing) {
            Ok(seen) => {
                tell_file(path, &seen, &mut findings);
                check_keys(&config, &seen, &mut findings);
                rows = Some(seen);
            }
            Err(failure) => findings.fault("file", &failure),
        }
    }
    let code = ExitCode::of_run(&findings.codes);
    show(program, findings, rows, arguments)?;
    Ok(code)
}

/// Whether a run can send anything before it is over: each one first waits as if a request had left just before, and where
/// the machine was started anew, `settle` too begins anew.
fn check_duration(what: String, max_duration: Duration, common: &CommonSettings, findings: &mut Findings) {
    let window =
        Duration::try_from_secs_f64(common.rate_per_second.recip().max(1.0)).unwrap_or(Duration::MAX);
    if max_duration <= window {
        let seconds = window.as_secs_f64();
        findings.warn(
            what,
            format!(
                "a run is over before anything may leave: for the sake of the rate each one waits for {seconds}s first; \
                 make max_duration longer"
            ),
        );
    } else if max_duration <= common.settle {
        let settle = common.settle.as_secs_f64();
        findings.warn(
            what,
            format!(
                "a run is over before settle = {settle}s is: where the machine is started anew before each run, a call whose \
                 outcome is not known would never go again; make max_duration longer"
            ),
        );
    }
}

/// Providers that are off are worth a word: a section that was forgotten sends nothing, silently.
fn check_providers(config: &Config, findings: &mut Findings) {
    for provider in ProviderId::ALL {
        let what = format!("provider {provider}");
        match config.providers.common(provider) {
            Some(common) if common.enabled => {
                let detail = format!("{}, {} requests a second", common.base_url, common.rate_per_second);
                findings.ok(what.clone(), detail);
                if let Some(max_duration) = config.dispatch.max_duration {
                    check_duration(what, max_duration.0, common, findings);
                }
            }
            Some(_) => findings.ok(what, "off: enabled = false"),
            None => findings.ok(what, "off: no section"),
        }
    }
    if config.providers.enabled().is_empty() {
        findings.lacks_provider = true;
        findings.warn("providers", NO_PROVIDER);
    }
    // Sections that cannot work were refused when the file was read.
    for provider in config.providers_without_secrets().into_iter().flatten() {
        check_excluded(&*provider, findings);
    }
}

/// A key that is excluded switches the provider off. Whether one replaces objects or lays them over what it has, nobody documents.
fn check_excluded(provider: &dyn Provider, findings: &mut Findings) {
    let key = Field::key_of(provider.id());
    if provider.settings().exclude.contains(&key) {
        let warning = format!("exclude has {key}, its key: nobody takes part there");
        findings.warn(format!("provider {}", provider.id()), warning);
    }
    let is_partner = |one: &WireField, other: &WireField| {
        !one.object.is_empty() && one.object == other.object && !provider.excludes(other.code)
    };
    let fields = provider.fields();
    let left_out = fields.iter().filter(|field| provider.excludes(field.code));
    let left_out = left_out.filter(|field| fields.iter().any(|other| is_partner(field, other)));
    let names: Vec<&str> = left_out.map(|field| field.name).collect();
    if provider.settings().send_mode() != Send::Changed && !names.is_empty() {
        let warning = format!(
            "exclude leaves {} out of objects that are sent whole: where the provider has it and replaces objects, it is lost; \
             send = \"changed\" sends single fields",
            names.join(", ")
        );
        findings.warn(format!("provider {}", provider.id()), warning);
    }
}

/// A command that cannot start would be missed in the very night that it is for.
fn check_notify(environment: &Environment, config: &Config, findings: &mut Findings) {
    if let Some(program) = config.notify.command.as_ref().and_then(|words| words.first()) {
        if is_missing(program, environment.variable("PATH").as_deref()) {
            let seen_from =
                if program.contains('/') { "seen from this folder" } else { "by the PATH of this shell" };
            findings.warn("notify", format!("`{program}` is not there, or not executable, {seen_from}"));
        } else {
            findings.ok("notify", format!("`{program}`"));
        }
    }
}

/// A provider that takes part for nobody would send nothing, silently.
fn check_keys(config: &Config, seen: &FileFindings, findings: &mut Findings) {
    let has = |field: Field| seen.columns.iter().any(|(name, _)| *name == field.name());
    for provider in config.providers.enabled() {
        let (key, what) = (Field::key_of(provider), format!("provider {provider}"));
        if let Some(lacking) = config.providers.lacks(provider, &has) {
            findings.fault(what, &Failure::told(ExitCode::Usage, ErrorCode::ConfigProvider, lacking));
        } else if !seen.columns.is_empty() && !has(key) {
            let key = key.name();
            findings.warn(
                what,
                format!(
                    "no column gives {key}, so that it takes part for nobody; name the column in [columns]"
                ),
            );
        }
    }
}

fn tell_file(path: &Path, seen: &FileFindings, findings: &mut Findings) {
    findings.ok("file", format!("{}: {}", path.display(), seen.form));
    let columns = seen.columns.iter().map(|(field, column)| format!("{field} = {column}"));
    findings.ok("columns", columns.collect::<Vec<_>>().join(", "));
    if !seen.unused.is_empty() {
        findings.warn("columns", format!("not used: {}", seen.unused.join(", ")));
    }
    for (field, column) in &seen.nowhere {
        findings.warn("columns", format!("{field}: no row looked at has `{column}`"));
    }
    if let Some(warning) = &seen.order_warning {
        findings.warn("order_by", warning.to_string());
    }
    let rows = format!("{} looked at, {} without fault", seen.rows, seen.rows - seen.faulty);
    if seen.faulty == 0 {
        return findings.ok("rows", rows);
    }
    findings.warn("rows", rows);
    for ((column, reason), count) in &seen.defects {
        findings.warn(
            format!("column {column}"),
            format!("{reason} ({count} {})", if *count == 1 { "row" } else { "rows" }),
        );
    }
}

fn check_secrets(program: &Program, config: &Config, findings: &mut Findings) {
    let secrets = config.secrets().into_iter();
    let mut found: BTreeMap<String, SecretString> = secrets
        .filter_map(|(key, source)| Some((check_secret(program, &key, source, findings)?, key)))
        .map(|(secret, key)| (key, secret))
        .collect();
    // Some protocols cannot carry every secret.
    for id in config.providers.enabled() {
        let mut own = config.credentials(id).into_iter().map(|(key, _)| found.remove(&key));
        let (Some(Some(username)), Some(Some(password))) = (own.next(), own.next()) else { continue };
        if let Err(error) = config.providers.provider(id, Credentials { username, password }) {
            findings.fault(format!("provider {id}"), &Failure::from(error));
        }
    }
}

fn check_secret(
    program: &Program,
    key: &str,
    source: &SecretSource,
    findings: &mut Findings,
) -> Option<SecretString> {
    let what = format!("secret {key}");
    match secrets::resolve(source, key, &program.environment) {
        Err(error) => {
            findings.fault(what, &Failure::from(error));
            None
        }
        Ok(secret) => {
            match secrets::exposed_file(source, &program.environment) {
                Some(path) => {
                    findings.warn(what, format!("others may read `{}`; chmod 600 it", path.display()));
                }
                None => findings.ok(what, "found"),
            }
            Some(secret)
        }
    }
}

fn check_state(program: &Program, config: &Config, findings: &mut Findings) {
    let path = config.state.path.display().to_string();
    let Ok(state) = program.state(config) else {
        // The secret of its key is missing, and has been told already.
        return findings.warn("state", format!("{path}: not looked at, its hash_key is missing"));
    };
    let known = state.open_read_only().and_then(|store| {
        let (counts, enabled) = (store.counts()?, config.providers.enabled());
        for provider in &enabled {
            if let Some(since) = store.misses_inputs_since(*provider)? {
                findings.warn(format!("provider {provider}"), misses_inputs(*provider, &since));
            }
        }
        for (provider, told) in addresses::moved(config, &store)? {
            findings.warn(format!("provider {provider}"), told);
        }
        findings.is_restored = store.is_in_doubt()?;
        findings.has_queued = counts.iter().any(|(id, of)| enabled.contains(id) && of.open() > of.held);
        store.snapshot().customers()
    });
    let unwritable = unwritable_places(config, &state);
    let is_writable = unwritable.is_empty();
    for found in unwritable {
        let words = format!("{}: {}; {}", found.path.display(), found.what, found.advice);
        findings.fault("state", &Failure::told(ExitCode::Failed, ErrorCode::StateFile, words));
    }
    match known {
        Ok(_) if !is_writable => {}
        Ok(_) if !state.exists() => findings.ok("state", format!("{path}: none yet, the first run makes it")),
        Ok(customers) => {
            findings.ok("state", format!("{path}: {customers} customers"));
            if findings.is_restored {
                findings.warn("state", RESTORED);
            }
        }
        Err(error) => {
            findings.state_is_faulty = true;
            findings.fault("state", &Failure::from(error));
        }
    }
}

/// What is typed when this is well; before that, what mends it stands behind the faults.
fn next(program: &Program, findings: &Findings, typed: &CheckArguments) -> String {
    let arguments = program.repeated_arguments();
    let context = Context { arguments: &arguments, ..Context::default() };
    let again = typed.file.as_deref().filter(|file| !is_standard_input(file));
    let file = again.map_or_else(|| "FILE".to_owned(), |file| file.display().to_string());
    let format = typed.format.and_then(|format| format.to_possible_value());
    let format = format.iter().flat_map(|format| ["--format", format.get_name()]);
    let on_the_file =
        |word| next_step::command(&[word, &*file].into_iter().chain(format).collect::<Vec<_>>(), &context);
    let is_well = findings.codes.is_empty() && !findings.lacks_provider;
    if findings.state_is_faulty {
        return next_step::command(&["doctor"], &context);
    }
    match (is_well, again) {
        (true, None) if findings.is_restored => next_step::command(&AFTER_RESTORE, &context),
        // What stopped the last run is mended.
        (true, None) if findings.has_queued => next_step::command(&["resume"], &context),
        (true, Some(_)) => on_the_file("plan"),
        (true, None) | (false, _) => on_the_file("check"),
    }
}

fn show(
    program: &Program,
    mut findings: Findings,
    seen: Option<FileFindings>,
    typed: &CheckArguments,
) -> Result<(), Failure> {
    let arguments = program.repeated_arguments();
    for finding in &mut findings.list {
        finding.detail = next_step::typed(&finding.detail, &arguments);
    }
    let (sentences, rows) = seen.map(|seen| (seen.sentences, seen.table)).unwrap_or_default();
    if program.console.is_json() {
        sentences.into_iter().for_each(|(line, cells)| findings.ok(line, cells));
        return Ok(program.console.json(&findings.list)?);
    }
    let list = findings
        .list
        .iter()
        .map(|finding| vec![finding.result.word().to_owned(), finding.what.clone(), finding.detail.clone()]);
    let list = crate::report::table::aligned(&[], list, &[]);
    let rows = rows.map(|rows| format!("{rows}\n\n")).unwrap_or_default();
    Ok(program.console.text(&format!("{list}\n\n{rows}next: {}\n", next(program, &findings, typed)))?)
}
