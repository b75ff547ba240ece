//! `forget`: erases one customer from the state, its backups and the files of runs, and proves it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::Program;
use crate::cli::arguments::ForgetArguments;
use crate::cli::config::Config;
use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::clock::Timestamp;
use crate::domain::customer::CustomerId;
use crate::domain::path_text;
use crate::mapping::{self, Mapper};
use crate::report::erase::{Keys, erase_customer, files_of_runs, in_lines_of_nobody};
use crate::report::run_files::{REJECTS_FILE, delete_unfinished};
use crate::report::text::grouped;
use crate::store::{Erased, Lock, Search, StateFile, Store, StoreError, delete_copy};

use super::earlier::find_state;

#[derive(Debug, Default, Serialize)]
struct Proof {
    /// Whether the customer was in any of the files.
    known: bool,
    /// Whether the customer was erased by an earlier command.
    erased_before: bool,
    /// What was erased from the state, its backups and replaced states.
    erased: Vec<FromState>,
    /// Copies of the state that a killed rehearsal left, or that were cut short, damaged, foreign or newer, and were
    /// deleted.
    #[serde(serialize_with = "path_text::all")]
    deleted: Vec<PathBuf>,
    /// Lines erased from files of runs.
    lines: Vec<FromRun>,
    /// How many texts of the customer (keys and values) were looked for afterwards, byte by byte. Where there are none,
    /// nothing is proved.
    texts: usize,
    /// The CRM's key is not among them: so short a text is in any file by chance.
    key_too_short: bool,
    /// In how many files.
    files: u64,
    /// Files in which some were found, although other customers share such texts.
    #[serde(serialize_with = "path_text::all")]
    shared: Vec<PathBuf>,
    /// Files in which some were found that nobody else has: the erasure failed there.
    #[serde(serialize_with = "path_text::all")]
    left: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
struct FromState {
    #[serde(serialize_with = "path_text::one")]
    file: PathBuf,
    #[serde(flatten)]
    erased: Erased,
}

#[derive(Debug, Serialize)]
struct FromRun {
    #[serde(serialize_with = "path_text::one")]
    file: PathBuf,
    lines: u64,
}

/// Erases a customer, or lets later files bring one back.
pub(super) fn forget(program: &Program, typed: &ForgetArguments) -> Result<ExitCode, Failure> {
    let id = mapping::customer_id(&typed.customer).ok_or_else(|| {
        Failure::told(
            ExitCode::Usage,
            ErrorCode::UsageCustomer,
            "expected a customer's key, 1 to 200 characters",
        )
    })?;
    let config = program.config()?;
    let state = program.state(&config)?;
    if typed.undo && !find_state(program, &state)? {
        return undone(program, &id, false);
    }
    let lock = state.lock()?;
    let mut store = state.open(&lock)?;
    if typed.undo {
        return undo(program, &state, &mut store, &id);
    }
    let proof = erase(&config, (&state, &lock), &mut store, &id, program.clock.now())?;
    if program.console.is_json() {
        program.console.json(&proof)?;
    } else {
        program.console.text(&text(&proof))?;
    }
    Ok(if proof.left.is_empty() { ExitCode::Complete } else { ExitCode::Failed })
}

fn undo(
    program: &Program,
    state: &StateFile,
    store: &mut Store,
    id: &CustomerId,
) -> Result<ExitCode, Failure> {
    let mut removed = store.undo_forget(id)?;
    for path in copies(state)? {
        match state.open_copy(&path).and_then(|mut copy| copy.undo_forget(id)) {
            Ok(was_there) => removed |= was_there,
            // A copy that is of no use holds no tombstone that anybody could read.
            Err(error) if error.needs_a_person() => {}
            Err(error) => return Err(of_copy(&path, error)),
        }
    }
    undone(program, id, removed)
}

fn undone(program: &Program, id: &CustomerId, removed: bool) -> Result<ExitCode, Failure> {
    let said = if removed {
        "the tombstone is gone: the next file that holds the customer brings it back as a new one; whether WsOne has \
         the person still is probed before it is created"
    } else {
        "there is no such tombstone; nothing was changed"
    };
    program.console.done(&serde_json::json!({ "customer_id": id.as_str(), "removed": removed }), said)?;
    Ok(ExitCode::Complete)
}

/// Backups, and states that a restore replaced.
fn copies(state: &StateFile) -> Result<Vec<PathBuf>, StoreError> {
    let backups = state.backups()?.into_iter().map(|backup| backup.path);
    Ok(backups.chain(state.replaced_states()?).collect())
}

fn erase(
    config: &Config,
    (state, lock): (&StateFile, &Lock),
    store: &mut Store,
    id: &CustomerId,
    now: Timestamp,
) -> Result<Proof, Failure> {
    let mapper = Mapper::new(&config.mapping_settings(), None)?;
    let keys = Keys { column: mapper.customer_id_column(), normal: &|cell| mapper.customer_id(cell) };
    let mut proof = Proof { deleted: state.delete_unfinished(lock)?, ..Proof::default() };
    proof.deleted.extend(state.delete_rehearsal()?);
    proof.deleted.extend(delete_unfinished(&config.state.runs)?);
    proof.erased_before = store.snapshot().is_forgotten(id)?;
    let mut search = Search::of(id);
    proof.key_too_short = search.is_empty();
    store.add_to_search(&mut search, id)?;
    // Copies first: when something fails half-way, the state still knows the customer, and it can be done again.
    for path in copies(state)? {
        match from_copy(state, &path, id, now, &mut search) {
            Ok(erased) => proof.erased.push(FromState { file: path, erased }),
            // Of another state in the same folder, perhaps: what it holds of the person, the proof tells.
            Err(StoreError::WrongHashKey { .. }) => {}
            Err(error) if error.needs_a_person() && !state.has_made(&path) => {}
            Err(error) if error.needs_a_person() => {
                delete_copy(&path)?;
                proof.deleted.push(path);
            }
            // A full disk, for instance, says nothing against the copy.
            Err(error) => return Err(of_copy(&path, error)),
        }
    }
    for path in files_of_runs(&config.state.runs)? {
        if path.file_name().is_some_and(|name| name == REJECTS_FILE) {
            let lines = erase_customer(&path, id, keys)?;
            proof.lines.extend((lines > 0).then_some(FromRun { file: path, lines }));
        }
    }
    let erased = store.forget(id, now)?;
    proof.erased.insert(0, FromState { file: state.path().to_owned(), erased });
    proof.known = !proof.lines.is_empty() || proof.erased.iter().any(|from| from.erased.customers > 0);
    proof.texts = search.len();
    prove(config, state, store, (&search, keys), &mut proof)?;
    Ok(proof)
}

fn from_copy(
    state: &StateFile,
    path: &Path,
    id: &CustomerId,
    now: Timestamp,
    search: &mut Search,
) -> Result<Erased, StoreError> {
    let mut copy = state.open_copy(path)?;
    copy.add_to_search(search, id)?;
    copy.forget_in_copy(id, now)
}

/// A failure that names the copy: the errors of SQLite do not.
fn of_copy(path: &Path, error: StoreError) -> Failure {
    let failure = Failure::from(error);
    Failure::told(failure.code, failure.named, format!("{}: {failure}", path.display()))
}

/// Looks through the bytes of every file that could hold something of the customer.
fn prove(
    config: &Config,
    state: &StateFile,
    store: &mut Store,
    (search, keys): (&Search, Keys<'_>),
    proof: &mut Proof,
) -> Result<(), Failure> {
    store.empty_log()?;
    judge(state.path(), store, search, proof)?;
    for path in copies(state)? {
        match state.open_copy(&path) {
            Ok(mut copy) => judge(&path, &mut copy, search, proof)?,
            Err(error) if error.needs_a_person() => {
                proof.files += 1;
                file_away(&path, search.found_in(&path)?.reveal(), store, proof)?;
            }
            Err(error) => return Err(of_copy(&path, error)),
        }
    }
    for path in state.own_files()?.into_iter().filter(|path| path.is_file() && path != state.path()) {
        proof.files += 1;
        let found = store.look_through(search, &path)?;
        file_away(&path, found.reveal(), store, proof)?;
    }
    for path in files_of_runs(&config.state.runs)? {
        proof.files += 1;
        let found = search.found_in(&path)?;
        let of_nobody = match path.file_name() {
            Some(name) if name == REJECTS_FILE => in_lines_of_nobody(&path, found.reveal(), keys)?,
            Some(_) | None => found.reveal().clone(),
        };
        if of_nobody.is_empty() && !found.reveal().is_empty() {
            proof.shared.push(path);
        } else {
            file_away(&path, &of_nobody, store, proof)?;
        }
    }
    Ok(())
}

/// Old bytes can be left in the free space of a database, delivered values among them, which nobody can look for: it is
/// written anew.
fn judge(path: &Path, store: &mut Store, search: &Search, proof: &mut Proof) -> Result<(), Failure> {
    proof.files += 1;
    if proof.known || proof.erased_before {
        store.rewrite()?;
    }
    let found = store.look_through(search, path)?;
    file_away(path, found.reveal(), store, proof)
}

fn file_away(path: &Path, found: &[String], store: &Store, proof: &mut Proof) -> Result<(), Failure> {
    if found.is_empty() {
        return Ok(());
    }
    let mut shared = true;
    for text in found {
        shared &= store.holds_text(text)?;
    }
    let list = if shared { &mut proof.shared } else { &mut proof.left };
    list.push(path.to_owned());
    Ok(())
}

fn text(proof: &Proof) -> String {
    let mut lines = Vec::new();
    if !proof.known && proof.erased_before {
        lines.push("nothing was left to erase: the customer was erased before".to_owned());
    } else if !proof.known {
        lines.push(
            "NOTHING WAS ERASED: neither a state nor a rejects.csv names the customer; is the key right?"
                .to_owned(),
        );
    }
    for FromState { file, erased } in &proof.erased {
        let Erased { customers, accounts, calls, forgotten, answers } = erased;
        lines.push(format!(
            "erased from {}: {customers} customer, {accounts} accounts, {calls} calls ({forgotten} of them open), {answers} answers",
            file.display()
        ));
    }
    for path in &proof.deleted {
        lines.push(format!("deleted, since it is of no use: {}", path.display()));
    }
    for FromRun { file, lines: count } in &proof.lines {
        lines.push(format!("erased from {}: {count} lines", file.display()));
    }
    lines.extend(proved(proof));
    lines.push(
        "a tombstone keeps later files from bringing the customer back (forget --undo)\n\
         not touched: the CRM's own files, what was exported elsewhere, and what the providers hold\n"
            .to_owned(),
    );
    lines.join("\n")
}

/// What was looked for, and what that says: nothing, where there was nothing to look for.
fn proved(proof: &Proof) -> Vec<String> {
    if proof.texts == 0 {
        return vec![
            "no proof: neither the key nor anything else that is known of the customer is long enough to be looked for\n  \
             look through the rejects.csv of earlier runs yourself"
                .to_owned(),
        ];
    }
    let (texts, files) = (proof.texts, grouped(proof.files));
    let mut lines =
        vec![format!("proof: {texts} texts of the customer were looked for in the bytes of {files} files")];
    if proof.key_too_short {
        lines.push("  the key is not among them: it is too short to be looked for".to_owned());
    }
    for path in &proof.shared {
        lines.push(format!("  {}: only what other customers share", path.display()));
    }
    for path in &proof.left {
        lines.push(format!("  {}: STILL HOLDS SOME; look at it, and delete it if need be", path.display()));
    }
    if proof.left.is_empty() {
        let claim = if proof.key_too_short {
            "none of them is left that is this customer's alone"
        } else {
            "nothing of this customer alone is left"
        };
        lines.push(format!("  {claim}"));
    }
    lines
}
