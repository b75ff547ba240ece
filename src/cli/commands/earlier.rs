//! What earlier runs left: which one the open calls come from, and whether they may be sent at all.

use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::store::{Counts, Store};

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
                  delivered since; run `crmsync sync` with the newest complete file and --kind full first";
    Err(Failure::told(ExitCode::PersonMustAct, ErrorCode::StateRestored, advice))
}
