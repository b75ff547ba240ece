//! What earlier runs left: which one the open calls come from, and whether they may be sent at all.

use crate::cli::Program;
use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::store::{Counts, StateFile, Store};

/// The run that created the oldest of the open calls. None where nothing is open, or the run is forgotten.
pub(super) fn oldest_run<'a>(
    store: &Store,
    counts: impl IntoIterator<Item = &'a Counts>,
) -> Result<Option<String>, Failure> {
    let oldest =
        counts.into_iter().filter(|counts| counts.oldest.is_some()).min_by_key(|counts| counts.oldest);
    let Some(run) = oldest.and_then(|counts| counts.oldest_of) else { return Ok(None) };
    Ok(store.run_name(run)?)
}

/// After a restore only an input that holds every customer may go on: a queued value may be older than one that was
/// delivered after the backup.
pub(super) fn refuse_doubt(store: &Store) -> Result<(), Failure> {
    if !store.is_in_doubt()? {
        return Ok(());
    }
    let advice = "the state was put back from a backup, so that its queued values may be older than what was \
                  delivered since; run `crmsync sync FILE --kind full --allow-mass-change` with the newest complete file first";
    Err(Failure::told(ExitCode::PersonMustAct, ErrorCode::StateRestored, advice))
}

/// Whether there is a state, or somebody is making one. Warns where there is none: in the wrong folder all would seem to be
/// well.
///
/// # Errors
/// When there was one.
pub(super) fn find_state(program: &Program, state: &StateFile) -> Result<bool, Failure> {
    if state.exists() || state.is_locked()? {
        return Ok(true);
    }
    state.open_read_only()?;
    let place = state.absolute_path();
    let text = format!(
        "warning: there is no state at {} yet, so nothing is known there; if there was one, look at folder, --config and --state",
        place.display()
    );
    program.console.talk(&text);
    Ok(false)
}
