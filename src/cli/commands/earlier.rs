//! What earlier runs left: which one the open calls come from, and whether they may be sent at all.

use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::store::{Counts, Store};

/// So many runs are looked through: more nights than any call is left to wait.
const RUNS_SEARCHED_MAX: u32 = 1_000;

/// The run that the oldest of the open calls comes from: the one that went on when it was created, since no two runs
/// ever do. None where nothing is open, or the run is forgotten. `but` is the run that asks.
pub(super) fn oldest_run<'a>(
    store: &Store,
    counts: impl IntoIterator<Item = &'a Counts>,
    but: Option<&str>,
) -> Result<Option<String>, Failure> {
    let Some(oldest) = counts.into_iter().filter_map(|counts| counts.oldest).min() else { return Ok(None) };
    let runs = store.runs(RUNS_SEARCHED_MAX)?;
    let mut earlier = runs.into_iter().filter(|run| Some(run.id.as_str()) != but);
    Ok(earlier.find(|run| run.started_at <= oldest).map(|run| run.id))
}

/// After a restore only an input that holds every customer may go on: a queued value may be older than one that was
/// delivered after the backup.
pub(super) fn refuse_doubt(store: &Store) -> Result<(), Failure> {
    if !store.is_in_doubt()? {
        return Ok(());
    }
    let advice = "the state was put back from a backup, so that its queued values may be older than what was \
                  delivered since; run `crmsync sync` with the newest complete file and --kind full first";
    Err(Failure::told(ExitCode::PersonMustAct, ErrorCode::StateRestored, advice))
}
