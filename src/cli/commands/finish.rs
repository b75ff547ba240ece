//! The end of a run: counts, rejects, exit code, report.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::advice;
use super::earlier;
use super::run_rejects::RunRejects;
use crate::cli::Program;
use crate::cli::arguments::DispatchArguments;
use crate::cli::config::Config;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::session::{Ending, Session, Tell};
use crate::dispatch::{DispatchError, Dispatched, Interruption, LaneEnd, StopReason};
use crate::domain::event::Event;
use crate::domain::provider::ProviderId;
use crate::domain::tally::{InputTally, ProviderTally, Tally};
use crate::ingest::Outcome;
use crate::providers::Provider;
use crate::report::text::Reason;
use crate::store::{Counts, Lock, MissingInput, RejectFilter, RunNumber, StateFile, Store, StoreError};

/// What a run has gathered when it comes to its end.
pub(super) struct Run {
    number: RunNumber,
    rates: BTreeMap<ProviderId, f64>,
    before: BTreeMap<ProviderId, Counts>,
    /// Open calls that ended at the start of the run.
    pub(super) ended: BTreeMap<ProviderId, u64>,
    /// What became of the input; nothing for a resume. Of one that a guard stopped, what was read.
    pub(super) ingested: Option<Outcome>,
    /// What became of the calls.
    pub(super) dispatched: Option<Dispatched>,
    /// The files as they were typed; none for a resume.
    pub(super) files: Vec<String>,
    /// How they were to be read, as it was typed.
    pub(super) input_arguments: Vec<String>,
    /// What the run is limited by.
    pub(super) sending: DispatchArguments,
    /// Who else is told; nobody of a rehearsal.
    pub(super) tell: Tell,
    /// Why the input was not accepted, or why nothing could be sent.
    pub(super) failure: Option<Failure>,
}

impl Run {
    /// A run that begins now: remembers what was open.
    pub(super) fn begin(
        providers: &[Arc<dyn Provider>],
        number: RunNumber,
        store: &Store,
    ) -> Result<Self, Failure> {
        let rates =
            providers.iter().map(|provider| (provider.id(), provider.settings().rate_per_second)).collect();
        Ok(Self {
            number,
            rates,
            before: store.counts()?,
            ended: BTreeMap::new(),
            ingested: None,
            dispatched: None,
            files: Vec::new(),
            input_arguments: Vec::new(),
            sending: DispatchArguments::default(),
            tell: Tell::default(),
            failure: None,
        })
    }

    /// Remembers how the sending went. Gives the state back, unless the dispatcher failed and took it along.
    pub(super) fn sent(&mut self, sent: Result<(Store, Dispatched), DispatchError>) -> Option<Store> {
        match sent {
            Ok((store, dispatched)) => {
                self.dispatched = Some(dispatched);
                Some(store)
            }
            Err(error) => {
                self.failure = Some(dispatch_failure(error));
                None
            }
        }
    }

    /// What of it did not get through.
    pub(super) fn rejects<'a>(&'a self, session: &'a Session, config: &'a Config) -> RunRejects<'a> {
        let (ingested, include_values) = (self.ingested.as_ref(), self.sending.include_values);
        RunRejects { session, config, ingested, include_values }
    }

    /// Whether the state could not be written: then it is left as it is, and the next run finds out what it holds.
    fn lost_the_state(&self) -> bool {
        let lanes = self.dispatched.iter().flat_map(|dispatched| dispatched.lanes.values());
        self.failure.as_ref().is_some_and(Failure::is_of_state)
            || lanes.into_iter().any(|lane| lane.failure.is_some())
    }

    fn lane(&self, provider: ProviderId) -> Option<&LaneEnd> {
        self.dispatched.as_ref().and_then(|dispatched| dispatched.lanes.get(&provider))
    }
}

/// A dispatcher that could not start or lost its state.
fn dispatch_failure(error: DispatchError) -> Failure {
    match error {
        DispatchError::Store(error) => error.into(),
        error @ DispatchError::Transport { .. } => Failure::usage(error),
        error @ (DispatchError::Start(_) | DispatchError::WriterDied | DispatchError::LaneDied) => {
            Failure::new(ExitCode::Failed, error)
        }
    }
}

/// Counts, writes rejects and report, prints the summary, and says how it went. Without a store the state is opened
/// anew: the lock is still held.
pub(super) fn finish(
    program: &Program,
    config: &Config,
    session: Session,
    place: (&StateFile, &Lock),
    store: Option<Store>,
    mut run: Run,
) -> ExitCode {
    if let Some(backup) = store.as_ref().and_then(Store::made_backup) {
        let milliseconds = u64::try_from(backup.took.as_millis()).unwrap_or(u64::MAX);
        session.events().emit(Event::BackedUp { bytes: backup.bytes, milliseconds });
    }
    let lost = run.lost_the_state();
    let mut found = Found::nothing(&run);
    let (store, gathered) = match usable(store, lost, place) {
        Ok(store) => {
            let gathered = found.gather(&store, config, &session, &run);
            (Some(store), gathered)
        }
        Err(error) => (None, Err(error.into())),
    };
    let unusable = lost || gathered.as_ref().is_err_and(Failure::is_of_state);
    let mut codes = codes(&run, found.is_partial);
    let changes = run.ingested.as_ref().map(Outcome::changes_by_name).unwrap_or_default();
    let advice = advice::of(program, config, &session, &run);
    let mut failure = None;
    let mut fail = |failed: Failure, codes: &mut Vec<ExitCode>| {
        codes.push(failed.code);
        program.console.fail(&failed);
        failure.get_or_insert(failed.with_code());
    };
    run.failure.take().into_iter().chain(gathered.err()).for_each(|failed| fail(failed, &mut codes));
    let balanced = found.tally.balances();
    let code =
        ExitCode::of_run(&if balanced { codes.clone() } else { [&codes[..], &[ExitCode::Failed]].concat() });
    let mut booked = None;
    match store {
        Some(store) if unusable => store.abandon(),
        Some(store) => match book(store, program, config, &run, (code, &found.tally)) {
            Ok(()) => booked = Some(code),
            Err(error) => fail(error.into(), &mut codes),
        },
        None => {}
    }
    let Found { tally, reasons, carried_from, outcome_before, missing_input, .. } = found;
    let tell = Tell { outcome_before, missing_input, ..run.tell };
    let (input_arguments, sending) = (run.input_arguments, run.sending);
    let ending = Ending {
        tally,
        codes,
        reasons,
        failure,
        advice,
        input_arguments,
        sending,
        tell,
        changes,
        carried_from,
    };
    let number = run.number;
    let code = session.close(program, config.state.keep_runs, ending);
    if booked.is_some_and(|booked| booked != code)
        && let Err(error) = book_anew(program, place, number, code)
    {
        program.console.fail(&error.into());
    }
    code
}

/// Writes into the state how a run ends.
fn book(
    mut store: Store,
    program: &Program,
    config: &Config,
    run: &Run,
    (code, tally): (ExitCode, &Tally),
) -> Result<(), StoreError> {
    // A run that has sent nothing leaves alone what is old.
    let has_sent = tally.providers.values().any(|lane| lane.requests > 0);
    let pruned = if has_sent { store.prune(run.number, config.state.keep_runs).map(drop) } else { Ok(()) };
    let ended = pruned.and_then(|()| {
        store.finish_run(run.number, code.outcome().name(), code.number(), program.clock.now())
    });
    if ended.is_err() {
        store.abandon();
    }
    ended
}

/// Corrects the recorded end of a run whose report or summary failed; otherwise `status` and the next run would take it for a good
/// one.
fn book_anew(
    program: &Program,
    (state, lock): (&StateFile, &Lock),
    run: RunNumber,
    code: ExitCode,
) -> Result<(), StoreError> {
    state.open(lock)?.finish_run(run, code.outcome().name(), code.number(), program.clock.now())
}

/// The state at the end of a run: one that could not be written is only read from now on.
fn usable(
    store: Option<Store>,
    is_lost: bool,
    (state, lock): (&StateFile, &Lock),
) -> Result<Store, StoreError> {
    match store {
        Some(store) if !is_lost => Ok(store),
        Some(store) => {
            store.abandon();
            state.open_read_only()
        }
        None if is_lost => state.open_read_only(),
        None => state.open(lock),
    }
}

/// What is found out at the end of a run, as far as state and disk allow it: the run is told of in any case.
struct Found {
    tally: Tally,
    /// Calls were refused or held in this run.
    is_partial: bool,
    reasons: Vec<Reason>,
    carried_from: Option<String>,
    outcome_before: Option<String>,
    missing_input: MissingInput,
}

impl Found {
    /// What is known without the state.
    fn nothing(run: &Run) -> Self {
        Self {
            tally: tally(run, &BTreeMap::new()),
            is_partial: false,
            reasons: Vec::new(),
            carried_from: None,
            outcome_before: None,
            missing_input: MissingInput::default(),
        }
    }

    /// Asks the state, and writes `rejects.csv`. What comes after something that fails stays unknown.
    fn gather(
        &mut self,
        store: &Store,
        config: &Config,
        session: &Session,
        run: &Run,
    ) -> Result<(), Failure> {
        self.outcome_before = outcome_before(store, session)?;
        self.missing_input = store.missing_input(session.id().as_str())?;
        self.tally = tally(run, &store.counts()?);
        let open_before = run.before.iter().filter(|(provider, _)| run.rates.contains_key(provider));
        let open_before = open_before.map(|(_, counts)| counts);
        self.carried_from = earlier::oldest_run(store, open_before)?;
        let mut rows = store.rejects(&RejectFilter { run: Some(run.number), ..RejectFilter::default() })?;
        self.is_partial = !rows.is_empty();
        rows.extend(store.used_up(run.number)?);
        self.reasons = run.rejects(session, config).write(&rows)?;
        Ok(())
    }
}

/// How the run before this one ended; nothing for the first one, or for one that was killed.
fn outcome_before(store: &Store, session: &Session) -> Result<Option<String>, Failure> {
    let runs = store.runs(2)?;
    Ok(runs.into_iter().find(|past| past.id != session.id().as_str()).and_then(|past| past.outcome))
}

fn tally(run: &Run, after: &BTreeMap<ProviderId, Counts>) -> Tally {
    let unread = || InputTally { files: run.files.clone(), ..InputTally::default() };
    let mut tally = Tally {
        input: run.ingested.as_ref().map_or_else(unread, |outcome| outcome.input.clone()),
        ..Tally::default()
    };
    for (&provider, &rate) in &run.rates {
        let planned = run
            .ingested
            .as_ref()
            .and_then(|outcome| outcome.providers.get(&provider))
            .cloned()
            .unwrap_or_default();
        let sent = run.lane(provider).map(|lane| lane.tally.clone()).unwrap_or_default();
        let now = after.get(&provider).cloned().unwrap_or_default();
        let given_away = run.ingested.as_ref().and_then(|outcome| outcome.ended.get(&provider));
        let ended =
            [run.ended.get(&provider), given_away].into_iter().flatten().sum::<u64>() + sent.superseded;
        tally.providers.insert(
            provider,
            ProviderTally {
                planned: planned.planned,
                carried_over: run.before.get(&provider).map_or(0, Counts::open),
                superseded: planned.superseded + ended,
                cleared_fields: planned.cleared_fields,
                incomplete: planned.incomplete,
                held: now.held,
                deferred: now.open() - now.held,
                parked: now.refused,
                skipped_fields: now.skipped_fields,
                allowed_per_second: rate,
                ..sent
            },
        );
    }
    tally
}

/// Every exit code that applies.
fn codes(run: &Run, is_partial: bool) -> Vec<ExitCode> {
    let mut codes = Vec::new();
    let invalid = run.ingested.as_ref().is_some_and(|outcome| outcome.became_invalid > 0);
    if invalid || is_partial {
        codes.push(ExitCode::Partial);
    }
    let Some(dispatched) = &run.dispatched else { return codes };
    for lane in dispatched.lanes.values() {
        codes.extend(lane.stop.and_then(code_of_stop));
        if lane.used_up > 0 {
            codes.push(ExitCode::Unavailable);
        }
        if let Some(failure) = &lane.failure {
            codes.push(if failure.needs_a_person() { ExitCode::PersonMustAct } else { ExitCode::Failed });
        }
    }
    codes.extend(dispatched.interrupted.map(code_of_interruption));
    codes
}

/// The exit code of a run that a signal has ended.
pub(super) fn code_of_interruption(interruption: Interruption) -> ExitCode {
    match interruption {
        Interruption::HangUp => ExitCode::HungUp,
        Interruption::Interrupt => ExitCode::Interrupted,
        Interruption::Terminate => ExitCode::Terminated,
    }
}

fn code_of_stop(stop: StopReason) -> Option<ExitCode> {
    match stop {
        StopReason::Denied | StopReason::Contract => Some(ExitCode::PersonMustAct),
        StopReason::Unavailable => Some(ExitCode::Unavailable),
        StopReason::MaxErrors => Some(ExitCode::TooManyErrors),
        StopReason::MaxCalls | StopReason::CallsPerDay | StopReason::MaxDuration => {
            Some(ExitCode::BudgetUsed)
        }
        StopReason::Interrupted => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_to_stop_has_the_exit_code_of_the_contract() {
        let cases = [
            (StopReason::Denied, Some(7)),
            (StopReason::Contract, Some(7)),
            (StopReason::Unavailable, Some(5)),
            (StopReason::MaxErrors, Some(6)),
            (StopReason::MaxCalls, Some(10)),
            (StopReason::CallsPerDay, Some(10)),
            (StopReason::MaxDuration, Some(10)),
            // 129, 130 or 143, by the signal.
            (StopReason::Interrupted, None),
        ];
        for (reason, number) in cases {
            assert_eq!(code_of_stop(reason).map(ExitCode::number), number, "{reason:?}");
        }
    }
}
