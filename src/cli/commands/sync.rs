//! `sync`, `resume` and `seed`: a run from its lock to its report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Program;
use crate::cli::arguments::{
    DispatchArguments, IngestArguments, InputArguments, ResumeArguments, SeedArguments, SyncArguments,
};
use crate::cli::config::{Config, InputKind};
use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::session::{Session, Tell};
use crate::dispatch::{self, Dispatch, Limits, Phase, RunClock, Signals};
use crate::domain::customer::CustomerId;
use crate::domain::event::Event;
use crate::domain::provider::ProviderId;
use crate::domain::run_id::RunId;
use crate::ingest::{Ingest, Outcome};
use crate::mapping;
use crate::providers::Provider;
use crate::report::run_files::{REJECTS_FILE, REPORT_FILE, RunFolder};
use crate::store::{BackupPlan, Lock, RunInput, RunNumber, StateFile, Store};

use super::addresses;
use super::earlier;
use super::finish::{self, Run};
use super::inputs;
use super::plan;
use super::rehearse;

/// How many earlier runs are asked whether they were killed.
const KILLED_RUNS_MAX: u32 = 20;
/// How long a run that does not send has to come to its end by itself once somebody ends it: longer than a notification may take.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(15);

/// Reads, compares, queues, sends and reports.
pub(super) fn sync(program: &Program, typed: &SyncArguments) -> Result<ExitCode, Failure> {
    if typed.dry_run {
        return plan::show(program, (&typed.input, &typed.ingest, &typed.dispatch), false);
    }
    let config =
        program.config()?.with_input(&typed.input).with_ingest(&typed.ingest).with_dispatch(&typed.dispatch);
    run(program, &config, "sync", Work::Sync(&typed.input, &typed.ingest), Some(&typed.dispatch))
}

/// Sends what is queued.
pub(super) fn resume(program: &Program, typed: &ResumeArguments) -> Result<ExitCode, Failure> {
    let config = program.config()?.with_dispatch(&typed.dispatch);
    run(program, &config, "resume", Work::Resume, Some(&typed.dispatch))
}

/// Records a file as what the providers hold.
pub(super) fn seed(program: &Program, typed: &SeedArguments) -> Result<ExitCode, Failure> {
    let config = program.config()?.with_input(&typed.input);
    let allowed = IngestArguments {
        allow_older: typed.allow_older,
        allow_mass_change: typed.allow_mass_change,
        ..IngestArguments::default()
    };
    run(program, &config, "seed", Work::Seed(&typed.input, &allowed), None)
}

/// What a run does before it sends.
#[derive(Clone, Copy)]
pub(super) enum Work<'a> {
    /// Takes an input in.
    Sync(&'a InputArguments, &'a IngestArguments),
    /// The same, and then makes the accounts known to simulators.
    Rehearse(&'a InputArguments, &'a IngestArguments, &'a dyn Fn(&Store) -> Result<(), Failure>),
    /// Takes an input for what the providers hold.
    Seed(&'a InputArguments, &'a IngestArguments),
    /// Nothing.
    Resume,
}

/// A run from its lock to its report; without `sending` nothing is sent.
pub(super) fn run(
    program: &Program,
    config: &Config,
    command: &'static str,
    work: Work<'_>,
    sending: Option<&DispatchArguments>,
) -> Result<ExitCode, Failure> {
    let tell = Tell {
        metrics_file: sending.and_then(|typed| typed.metrics_file.clone()),
        notify: match work {
            Work::Rehearse(..) => None,
            Work::Sync(..) | Work::Seed(..) | Work::Resume => config.notify.command.clone(),
        },
        secrets: config.secret_variables(),
        ..Tell::default()
    };
    let signals = Signals::listen(PATIENCE_AT_THE_END, |interruption| {
        finish::code_of_interruption(interruption).leave();
    });
    match begin(program, config, command, work, sending) {
        Ok(begun) => Ok(begun.go_on(program, config, work, sending, (tell, signals))),
        Err(mut failure) => {
            // What a signal reached first, a command that fetches a secret for instance, has failed because of it.
            if let Some(interruption) = signals.first() {
                failure.code = finish::code_of_interruption(interruption);
            }
            // The run that holds the state tells its own end.
            if failure.code != ExitCode::AnotherRun {
                tell.failed_early(program, command, typed_files(work), &failure);
            }
            Err(failure)
        }
    }
}

/// A run that has its state and its folder.
struct Begun {
    only: Vec<CustomerId>,
    providers: Vec<Arc<dyn Provider>>,
    state: StateFile,
    lock: Lock,
    store: Store,
    session: Session,
    number: RunNumber,
    run: Run,
}

fn begin(
    program: &Program,
    config: &Config,
    command: &'static str,
    work: Work<'_>,
    sending: Option<&DispatchArguments>,
) -> Result<Begun, Failure> {
    let only = only(sending)?;
    let providers = match work {
        Work::Rehearse(..) => rehearse::providers(config)?,
        // It talks to nobody.
        Work::Seed(..) => config.providers_without_secrets()?,
        Work::Sync(..) | Work::Resume => {
            program.providers(config, sending.map_or(&[], |typed| &typed.providers))?
        }
    };
    if let Some(named) = sending.and_then(|typed| {
        typed.providers.iter().find(|named| providers.iter().all(|provider| provider.id() != **named))
    }) {
        return Err(Failure::told(
            ExitCode::Usage,
            ErrorCode::UsageProvider,
            format!("--provider {named}: this provider is not enabled in the configuration"),
        ));
    }
    let state = program.state(config)?;
    if matches!(work, Work::Resume) {
        earlier::find_state(program, &state)?;
    }
    let lock = state.lock()?;
    let mut store = state.open(&lock)?;
    if work.lacks_customers(config) {
        earlier::refuse_doubt(&store)?;
    }
    let session = Session::open(program, command, &config.state.runs, rates(&providers))?;
    let input = work.to_read(config);
    let number = store.start_run(session.id().as_str(), command, input.as_ref(), session.started_at())?;
    if !matches!(work, Work::Rehearse(..)) {
        let name = session.id().to_string();
        let keep = config.state.backups;
        store.back_up_first(&state, BackupPlan { name, keep, clock: program.clock.clone() });
    }
    let run = Run::begin(&providers, number, &store)?;
    Ok(Begun { only, providers, state, lock, store, session, number, run })
}

impl Begun {
    /// From the recovery to the report.
    fn go_on(
        self,
        program: &Program,
        config: &Config,
        work: Work<'_>,
        sending: Option<&DispatchArguments>,
        (tell, mut signals): (Tell, Signals),
    ) -> ExitCode {
        let Self { only, providers, state, lock, mut store, session, number, mut run } = self;
        run.files = typed_files(work);
        run.input_arguments = work.repeated();
        run.sending = sending.cloned().unwrap_or_default();
        run.tell = tell;
        let clock = session.clock().clone();
        let worked = recover(&session, &mut store, (number, &clock, &providers), work)
            .and_then(|ended| {
                run.ended = ended;
                prepare(program, config, (&session, &signals), &mut store, (number, &providers), work)
            })
            .and_then(|outcome| warn_of_strangers(outcome, &store, &only))
            .and_then(|outcome| warn_of_moves(outcome, &mut store, config, work))
            .and_then(|outcome| warn_of_killed(outcome, &store, config, (&session, work)))
            .and_then(|outcome| {
                run.ingested = Some(outcome);
                run.rejects(&session, config).write_those_of_input()
            });
        let store = match worked {
            Ok(()) => match sending {
                None => Some(store),
                Some(typed) => {
                    let dispatch = dispatch(config, typed, only, &providers, &clock, &session);
                    run.sent(dispatch::run(store, number, &dispatch, &mut signals))
                }
            },
            Err(mut failure) => {
                if let Some(interruption) = signals.first().filter(|_| failure.is_interruption()) {
                    failure.code = finish::code_of_interruption(interruption);
                }
                // What was accepted before it failed stays counted.
                run.ingested = failure.take_input().or(run.ingested);
                run.failure = Some(failure);
                Some(store)
            }
        };
        finish::finish(program, config, session, (&state, &lock), store, run)
    }
}

impl<'a> Work<'a> {
    /// Whether it has no input that says what every customer has, or takes for delivered what that says.
    fn lacks_customers(self, config: &Config) -> bool {
        match self {
            Self::Sync(..) | Self::Rehearse(..) => config.input.kind != InputKind::Full,
            Self::Seed(..) | Self::Resume => true,
        }
    }

    /// The flags that take the same input in again as it was typed.
    fn repeated(self) -> Vec<String> {
        match self {
            Self::Resume => Vec::new(),
            Self::Seed(input, typed) | Self::Sync(input, typed) | Self::Rehearse(input, typed, _) => {
                [input.repeated(), typed.repeated()].concat()
            }
        }
    }

    /// What the run is to read.
    fn to_read(self, config: &Config) -> Option<RunInput> {
        let is_complete = config.input.kind == InputKind::Full;
        let (files, arguments) = (typed_files(self), self.repeated());
        self.input().map(|_| RunInput { files, arguments, is_complete, is_dismissed: false })
    }

    fn input(self) -> Option<&'a InputArguments> {
        match self {
            Self::Resume => None,
            Self::Seed(input, _) | Self::Sync(input, _) | Self::Rehearse(input, ..) => Some(input),
        }
    }
}

fn typed_files(work: Work<'_>) -> Vec<String> {
    let files = work.input().into_iter().flat_map(|input| &input.files);
    files.map(|file| file.display().to_string()).collect()
}

/// A customer whom nobody knows has no calls: not everything that was meant can be delivered.
fn warn_of_strangers(mut outcome: Outcome, store: &Store, only: &[CustomerId]) -> Result<Outcome, Failure> {
    let mut strangers = 0_usize;
    for id in only {
        strangers += usize::from(store.snapshot().customer(id)?.is_none());
    }
    if strangers > 0 {
        let are = if strangers == 1 { "is" } else { "are" };
        let warning = format!("--only: {strangers} of {} customers {are} not known", only.len());
        outcome.warnings.push(warning);
    }
    Ok(outcome)
}

/// Runs that were killed told nobody what they could not take, until one has come to its end that tells it. A rehearsal goes on
/// beside other runs and cannot tell.
fn warn_of_killed(
    mut outcome: Outcome,
    store: &Store,
    config: &Config,
    (session, work): (&Session, Work<'_>),
) -> Result<Outcome, Failure> {
    if matches!(work, Work::Rehearse(..)) {
        return Ok(outcome);
    }
    // Those that ended before they could say anything.
    let silent = [ExitCode::Failed, ExitCode::Usage, ExitCode::Guarded].map(ExitCode::number);
    let runs = store.runs(KILLED_RUNS_MAX)?.into_iter().filter(|past| past.id != session.id().as_str());
    let untold = runs.take_while(|past| past.exit_code.is_none_or(|code| silent.contains(&code)));
    for id in untold.filter(|past| past.exit_code.is_none()).filter_map(|past| RunId::parse(&past.id)) {
        let folder = RunFolder::of(&config.state.runs, &id);
        // What was put back from a backup knows no end of the run that made it, whose report is there.
        if folder.file(REJECTS_FILE).is_file() && !folder.file(REPORT_FILE).is_file() {
            let file = folder.file(REJECTS_FILE);
            let told = format!(
                "the run {id} was killed: what of its input could not be taken is in {}",
                file.display()
            );
            outcome.warnings.push(told);
        }
    }
    Ok(outcome)
}

/// What the state knows to be delivered was delivered elsewhere, perhaps. A rehearsal sends to simulators; who sends everything
/// anew, or says what the providers hold, has decided.
fn warn_of_moves(
    mut outcome: Outcome,
    store: &mut Store,
    config: &Config,
    work: Work<'_>,
) -> Result<Outcome, Failure> {
    if !matches!(work, Work::Rehearse(..)) {
        match work {
            Work::Sync(_, ingest) if ingest.full_resync => addresses::accept(config, store)?,
            Work::Seed(..) => addresses::accept(config, store)?,
            Work::Sync(..) | Work::Rehearse(..) | Work::Resume => addresses::note(config, store)?,
        }
        outcome.warnings.extend(addresses::moved(config, store)?.into_iter().map(|(_, told)| told));
    }
    Ok(outcome)
}

/// Brings the outbox in order; gives how many open calls that ended.
fn recover(
    session: &Session,
    store: &mut Store,
    (number, clock, providers): (RunNumber, &RunClock, &[Arc<dyn Provider>]),
    work: Work<'_>,
) -> Result<BTreeMap<ProviderId, u64>, Failure> {
    let recovered = dispatch::recover(store, providers, number, clock)?;
    // The run whose state was copied for a rehearsal may well be at work.
    if recovered.in_flight > 0 && !matches!(work, Work::Rehearse(..)) {
        let message = format!(
            "an earlier run ended without the answers of up to {} calls; they are repeated or probed after `settle`",
            recovered.in_flight
        );
        session.events().emit(Event::Warning { message });
    }
    Ok(recovered.ended)
}

/// Takes the input in, if there is one.
fn prepare(
    program: &Program,
    config: &Config,
    (session, signals): (&Session, &Signals),
    store: &mut Store,
    (number, providers): (RunNumber, &[Arc<dyn Provider>]),
    work: Work<'_>,
) -> Result<Outcome, Failure> {
    let (input, typed) = match work {
        Work::Resume => return Ok(Outcome::default()),
        Work::Seed(input, typed) => (input, typed),
        Work::Sync(input, typed) | Work::Rehearse(input, typed, _) => (input, typed),
    };
    let (mapping, idle) = (config.mapping_settings(), config.idle_providers());
    let events = session.events();
    let interrupted = &|| signals.first().is_some();
    if input.files.iter().any(|file| inputs::is_written_meanwhile(file)) {
        signals.enter(Phase::Waits);
    }
    let accepted = inputs::with_files(config, input, |files| {
        signals.enter(Phase::Asks);
        let ingest = Ingest {
            files,
            mapping: &mapping,
            providers,
            idle: &idle,
            guard: &config.guard,
            options: inputs::options(config, typed),
            clock: &program.clock,
            events: &events,
            interrupted,
        };
        match work {
            Work::Seed(..) => ingest.seed(store, number),
            Work::Sync(..) | Work::Rehearse(..) | Work::Resume => ingest.sync(store, number),
        }
    });
    signals.enter(Phase::Asks);
    let accepted = accepted?;
    match work {
        Work::Rehearse(_, _, populate) => populate(store)?,
        Work::Seed(..) => store.note_seed()?,
        Work::Sync(..) | Work::Resume => {}
    }
    Ok(accepted)
}

fn dispatch(
    config: &Config,
    typed: &DispatchArguments,
    only: Vec<CustomerId>,
    providers: &[Arc<dyn Provider>],
    clock: &RunClock,
    session: &Session,
) -> Dispatch {
    let chosen = |provider: &&Arc<dyn Provider>| {
        typed.providers.is_empty() || typed.providers.contains(&provider.id())
    };
    Dispatch {
        providers: providers.iter().filter(chosen).cloned().collect(),
        only,
        limits: Limits {
            max_calls: typed.max_calls,
            max_errors: Some(config.dispatch.max_errors),
            max_duration: config.dispatch.max_duration.map(|time| time.0),
        },
        outage_patience: config.dispatch.outage_patience.0,
        clock: clock.clone(),
        events: session.events(),
        random_seed: rand::random(),
    }
}

fn only(sending: Option<&DispatchArguments>) -> Result<Vec<CustomerId>, Failure> {
    let ids = sending.map_or(&[][..], |typed| &typed.only);
    ids.iter()
        .map(|id| {
            mapping::customer_id(id).ok_or_else(|| {
                Failure::told(
                    ExitCode::Usage,
                    ErrorCode::UsageCustomer,
                    "--only needs a customer's key, 1 to 200 characters",
                )
            })
        })
        .collect()
}

fn rates(providers: &[Arc<dyn Provider>]) -> BTreeMap<ProviderId, f64> {
    providers.iter().map(|provider| (provider.id(), provider.settings().rate_per_second)).collect()
}
