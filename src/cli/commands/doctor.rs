//! `doctor`: a full look at state, backups and rights; and a backup put in the place of the state.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use crate::cli::Program;
use crate::cli::arguments::DoctorArguments;
use crate::cli::config::Config;
use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::path_text;
use crate::domain::run_id::RunId;
use crate::report::erase::files_of_runs;
use crate::report::next_step;
use crate::report::run_files::{RunFolder, list_runs};
use crate::report::table::aligned;
use crate::report::text::{Context, grouped};
use crate::store::{
    Backup, Examination, Finding, Lock, Restored, Severity, StateFile, StoreError, close_folder,
    is_open_to_others, is_writable_by_all, make_private, missing, nearly_full, unwritable,
};

use super::addresses;
use super::earlier::{find_state, refuse_doubt};

#[derive(Debug, Serialize)]
struct Report {
    /// The state.
    #[serde(serialize_with = "path_text::one")]
    state: PathBuf,
    /// Whether nobody has to do anything.
    healthy: bool,
    #[serde(flatten)]
    examination: Examination,
    /// Backups that could be put in place of the state, oldest first.
    backups: Vec<Line>,
    /// What `--repair` mended.
    #[serde(serialize_with = "path_text::all")]
    repaired: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Line {
    #[serde(serialize_with = "path_text::one")]
    path: PathBuf,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct RestoredReport {
    #[serde(serialize_with = "path_text::one")]
    state: PathBuf,
    #[serde(serialize_with = "path_text::maybe")]
    replaced: Option<PathBuf>,
    creates_in_doubt: u64,
    updates: u64,
    accounts: u64,
    erased_unknown: bool,
}

/// Looks at everything, or restores a backup.
pub(super) fn doctor(program: &Program, typed: &DoctorArguments) -> Result<ExitCode, Failure> {
    let config = program.config()?;
    let state = program.state(&config)?;
    match (&typed.restore, &typed.dismiss_input) {
        (Some(backup), _) => restore(program, &state, backup),
        (None, Some(run)) => dismiss_input(program, &state, run),
        (None, None) if typed.end_probing => end_probing(program, &state),
        (None, None) if typed.same_providers => same_providers(program, &config, &state),
        (None, None) => examine(program, &config, &state, typed.repair),
    }
}

/// Ends what a restore began for new persons; whether nobody can have been created in the time that was lost, a person knows.
fn end_probing(program: &Program, state: &StateFile) -> Result<ExitCode, Failure> {
    let mut since = None;
    if find_state(program, state)? {
        let lock = state.lock()?;
        let mut store = state.open(&lock)?;
        refuse_doubt(&store)?;
        since = store.new_probed_since()?;
        store.end_probing()?;
    }
    let told = match &since {
        Some(_) => "new persons are created at once again",
        None => "new persons are created at once: there is nothing to end",
    };
    program.console.done(&json!({ "new_probed_since": since }), told)?;
    Ok(ExitCode::Complete)
}

/// The providers have, at their addresses of now, what the state says that they have.
fn same_providers(program: &Program, config: &Config, state: &StateFile) -> Result<ExitCode, Failure> {
    if find_state(program, state)? {
        let lock = state.lock()?;
        addresses::accept(config, &mut state.open(&lock)?)?;
    }
    let providers = config.providers.enabled();
    let names: Vec<&str> = providers.iter().map(|id| id.name()).collect();
    let told = format!("taken for the same systems as before: {}", names.join(", "));
    program.console.done(&json!({ "same_providers": names }), &told)?;
    Ok(ExitCode::Complete)
}

/// An input that was not accepted is not to come again.
fn dismiss_input(program: &Program, state: &StateFile, run: &RunId) -> Result<ExitCode, Failure> {
    let mut is_dismissed = false;
    if find_state(program, state)? {
        let lock = state.lock()?;
        is_dismissed = state.open(&lock)?.dismiss_input(run.as_str())?;
    }
    let told = if is_dismissed {
        "nobody is asked for this input any more"
    } else {
        "there is no such run whose input was not accepted; nothing was changed"
    };
    program.console.done(&json!({ "run": run.as_str(), "dismissed": is_dismissed }), told)?;
    Ok(ExitCode::Complete)
}

fn examine(program: &Program, config: &Config, state: &StateFile, repair: bool) -> Result<ExitCode, Failure> {
    // Who only looks keeps no run waiting.
    let lock = if repair && state.exists() { Some(state.lock()?) } else { None };
    let mut examination = state.examine();
    let mut repaired = Vec::new();
    if lock.is_none() && state.is_locked()? {
        let (what, advice) = ("a run goes on at the moment", "ask again when it is over");
        examination.findings.push(Finding::new(Severity::Note, state.path(), what, advice));
    } else if state.exists() {
        look_at_log(state, lock.as_ref(), &mut examination, &mut repaired)?;
    }
    if let Some(left) = state.left_rehearsal()? {
        if repair {
            repaired.extend(state.delete_rehearsal()?);
        } else {
            examination.findings.push(left);
        }
    }
    let (backups, unsound) = state.examine_backups()?;
    examination.findings.extend(unsound);
    examination.findings.extend(state.scarce_disk());
    let (of_state, of_backups, runs) = (state.absolute_path(), state.backups_folder(), &*config.state.runs);
    let temporary = temporary_folder();
    examination.findings.extend(unwritable_places(config, state));
    examination.findings.extend(missing(&temporary));
    examination.findings.extend(nearly_full(&of_state, [&of_backups, runs, &temporary]));
    look_at_rights(config, state, &backups, repair, &mut examination, &mut repaired)?;
    look_at_folders(config, state, repair, &mut examination, &mut repaired)?;
    let arguments = program.repeated_arguments();
    for Finding { what, advice, .. } in &mut examination.findings {
        *what = next_step::typed(what, &arguments);
        *advice = next_step::typed(advice, &arguments);
    }
    let healthy = examination.findings.iter().all(|finding| finding.severity == Severity::Note);
    let backups = backups.into_iter().map(|Backup { path, bytes }| Line { path, bytes }).collect();
    let report = Report { state: state.path().to_owned(), healthy, examination, backups, repaired };
    if program.console.is_json() {
        program.console.json(&report)?;
    } else {
        program.console.text(&text(&report))?;
    }
    Ok(if healthy { ExitCode::Complete } else { ExitCode::PersonMustAct })
}

/// Where a run would have to write and cannot.
pub(super) fn unwritable_places(config: &Config, state: &StateFile) -> Vec<Finding> {
    let (of_state, of_backups, runs) = (state.absolute_path(), state.backups_folder(), &*config.state.runs);
    let (folder, temporary) = (of_state.parent().unwrap_or(&of_state), temporary_folder());
    let (own, in_runs) = (state.written_files(), runs.join("RUN"));
    let places = [&*of_state, folder, &of_backups, runs, &in_runs, &temporary];
    unwritable(places.into_iter().chain(own.iter().map(|file| &**file)))
}

/// Where unpacked files go. An empty name is this folder's.
fn temporary_folder() -> PathBuf {
    let named = std::env::temp_dir();
    if named.as_os_str().is_empty() { PathBuf::from(".") } else { named }
}

/// The log that a killed run left: emptied by whoever has the lock.
fn look_at_log(
    state: &StateFile,
    lock: Option<&Lock>,
    examination: &mut Examination,
    repaired: &mut Vec<PathBuf>,
) -> Result<(), StoreError> {
    let Some(stray) = state.stray_log() else { return Ok(()) };
    let sound = examination.findings.iter().all(|finding| finding.severity != Severity::Broken);
    match lock {
        Some(lock) if sound => {
            state.empty_log(lock)?;
            repaired.push(stray.path);
        }
        Some(_) | None => examination.findings.push(stray),
    }
    Ok(())
}

fn look_at_rights(
    config: &Config,
    state: &StateFile,
    backups: &[Backup],
    repair: bool,
    examination: &mut Examination,
    repaired: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    let runs = &config.state.runs;
    let mut paths = state.own_files()?;
    paths.extend(state.replaced_states()?);
    paths.extend(backups.iter().map(|backup| backup.path.clone()));
    paths.extend(list_runs(runs)?.iter().map(|id| RunFolder::of(runs, id).path().to_owned()));
    match files_of_runs(runs) {
        Ok(files) => paths.extend(files),
        Err(error) => {
            let what = Failure::from(error).to_string();
            let advice = "give it back to the owner of the state: `forget` has to look into it";
            examination.findings.push(Finding::new(Severity::Broken, runs, what, advice));
        }
    }
    for path in paths {
        if !is_open_to_others(&path)? {
            continue;
        }
        if repair {
            make_private(&path)?;
            repaired.push(path);
        } else {
            let what = "others than its owner have rights on it";
            let advice = "`crmsync doctor --repair` takes them away";
            examination.findings.push(Finding::new(Severity::Mendable, &path, what, advice));
        }
    }
    Ok(())
}

fn look_at_folders(
    config: &Config,
    state: &StateFile,
    repair: bool,
    examination: &mut Examination,
    repaired: &mut Vec<PathBuf>,
) -> Result<(), StoreError> {
    let of_state = state.absolute_path();
    for folder in of_state.parent().into_iter().chain([&*config.state.runs]) {
        if !folder.is_dir() || !is_writable_by_all(folder)? {
            continue;
        }
        if repair {
            close_folder(folder)?;
            repaired.push(folder.to_owned());
        } else {
            let what = "anybody may put other files in it";
            let advice = "`crmsync doctor --repair` takes that right away";
            examination.findings.push(Finding::new(Severity::Mendable, folder, what, advice));
        }
    }
    Ok(())
}

fn text(report: &Report) -> String {
    let mut lines = vec![format!("state: {}", report.state.display())];
    let Examination { schema, customers, accounts, calls, payloads, findings } = &report.examination;
    if let Some(schema) = schema {
        let counts = [customers, accounts, calls, payloads].map(|count| grouped(*count));
        let [customers, accounts, calls, payloads] = counts;
        lines.push(format!(
            "schema {schema}; {customers} customers, {accounts} accounts, {calls} calls, {payloads} payloads read"
        ));
    }
    if !report.backups.is_empty() {
        let rows = report
            .backups
            .iter()
            .map(|backup| vec![backup.path.display().to_string(), grouped(backup.bytes)]);
        lines.push(format!("\n{}", aligned(&["sound backup, oldest first", "bytes"], rows, &[1])));
    }
    for path in &report.repaired {
        lines.push(format!("repaired: {}", path.display()));
    }
    for finding in findings {
        let word = match finding.severity {
            Severity::Note => "note",
            Severity::Mendable => "to mend",
            Severity::Broken => "broken",
        };
        let Finding { path, what, advice, .. } = finding;
        lines.push(format!("\n{word}: {}: {what}\n  {advice}", path.display()));
    }
    lines.push(if report.healthy { "\nhealthy\n".to_owned() } else { "\na person must act\n".to_owned() });
    lines.join("\n")
}

fn restore(program: &Program, state: &StateFile, backup: &Path) -> Result<ExitCode, Failure> {
    if !backup.is_file() {
        let words = format!("there is no backup `{}`; `crmsync doctor` lists the backups", backup.display());
        return Err(Failure::told(ExitCode::Usage, ErrorCode::UsageNoBackup, words));
    }
    let lock = state.lock()?;
    let now = program.clock.now();
    let stamp = RunId::new(now, rand::random());
    let restored = state.restore(&lock, backup, stamp.as_str(), now).map_err(|error| {
        let failure = Failure::from(error);
        let words =
            format!("{} was not put in place, and the state is as it was: {failure}", backup.display());
        Failure::told(failure.code, failure.named, words)
    })?;
    let Restored { replaced, creates_in_doubt, updates, accounts, erased_unknown } = restored;
    let state = state.path().to_owned();
    let report = RestoredReport { state, replaced, creates_in_doubt, updates, accounts, erased_unknown };
    if program.console.is_json() {
        program.console.json(&report)?;
        return Ok(ExitCode::Complete);
    }
    program.console.text(&restored_text(&report, backup, &program.repeated_arguments()))?;
    Ok(ExitCode::Complete)
}

/// What a restored state waits for.
pub(super) const AFTER_RESTORE: [&str; 5] = ["sync", "FILE", "--kind", "full", "--allow-mass-change"];

fn restored_text(report: &RestoredReport, backup: &Path, arguments: &[String]) -> String {
    let kept = match &report.replaced {
        Some(path) => format!("the state that it replaces is kept: {}\n", path.display()),
        None => String::new(),
    };
    let erased = if report.erased_unknown {
        "- who was erased since the backup is not known, because there is no state that could be asked: erase them again with \
         `crmsync forget`\n"
    } else {
        ""
    };
    let [creates, updates, accounts] =
        [report.creates_in_doubt, report.updates, report.accounts].map(grouped);
    let context = Context { arguments, ..Context::default() };
    let sync = next_step::command(&AFTER_RESTORE, &context);
    format!(
        "{} is now {}\n{kept}\nWhat was delivered after the backup is not known any more, therefore:\n\
         - {creates} creates are probed before they are ever sent again, and so is every new one\n\
         - {updates} queued updates wait for a complete file, which may hold something newer\n\
         - {accounts} accounts are compared and sent again, since the providers may hold newer values\n\
         {erased}next: {sync}, with the newest complete file\n",
        backup.display(),
        report.state.display(),
    )
}
