//! Which run the calls come from that earlier runs left open.

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
