//! A run from its first event to its report: everything about it that is not the work itself.
//!
//! A command that works on the outbox opens a [`Session`], does its work while events flow, and closes it with the
//! counts; the session names the run, records and shows the events, checks the accounting and tells the result.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use super::Program;
use super::arguments::DispatchArguments;
use super::console::{Console, ProgressStyle, columns};
use super::exit::ExitCode;
use super::failure::Failure;
use super::notify::{Occasion, notify};
use crate::dispatch::RunClock;
use crate::domain::clock::Timestamp;
use crate::domain::event::{Event, Events};
use crate::domain::provider::ProviderId;
use crate::domain::run_id::RunId;
use crate::domain::tally::{InputTally, Tally};
use crate::report::events::EventLog;
use crate::report::listener::Listener;
use crate::report::metrics;
use crate::report::progress::Progress;
use crate::report::report_json::{Report, RunInfo};
use crate::report::run_files::{EVENTS_FILE, FileError, RunFolder, rotate_runs, write_public};
use crate::report::text::{self, Reason};
use crate::store::MissingInput;

/// A run that is going on.
#[derive(Debug)]
pub struct Session {
    id: RunId,
    command: &'static str,
    folder: RunFolder,
    started_at: Timestamp,
    clock: RunClock,
    events: Events,
    listener: JoinHandle<io::Result<()>>,
    /// The log of its events, locked for as long as it goes on.
    at_work: File,
}

/// How a run came out.
#[derive(Debug, Default)]
pub struct Ending {
    /// The counts.
    pub tally: Tally,
    /// Every exit code that applies.
    pub codes: Vec<ExitCode>,
    /// Why things did not get through, most frequent first.
    pub reasons: Vec<Reason>,
    /// Why the input was not accepted, nothing could be sent or the end not be told whole; told on standard error already.
    pub failure: Option<String>,
    /// Sentences for the operator.
    pub advice: Vec<String>,
    /// How the files were to be read, as it was typed.
    pub input_arguments: Vec<String>,
    /// What the run was limited by.
    pub sending: DispatchArguments,
    /// Who else is told.
    pub tell: Tell,
    /// For how many known customers each canonical field changed.
    pub changes: BTreeMap<String, u64>,
    /// The run that the oldest of the calls carried over comes from.
    pub carried_from: Option<String>,
}

/// Who else is told how a run came out, besides the one who reads the terminal.
#[derive(Debug, Clone, Default)]
pub struct Tell {
    /// Where the counts go as Prometheus text.
    pub metrics_file: Option<PathBuf>,
    /// The program and arguments of a notification; nothing when nobody is notified.
    pub notify: Option<Vec<String>>,
    /// Environment variables that hold secrets, of which it has no need.
    pub secrets: Vec<String>,
    /// How the run before ended.
    pub outcome_before: Option<String>,
    /// Whether an input that was not accepted is missing.
    pub missing_input: MissingInput,
}

impl Tell {
    /// Writes the metrics and runs the notification. What fails is said; the run has ended as it has.
    fn perform(&self, program: &Program, report: &Report) {
        let metrics = match &self.metrics_file {
            Some(path) => write_public(path, metrics::prometheus(report).as_bytes()),
            None => Ok(()),
        };
        let occasion = Occasion::of(report.run.outcome, self.missing_input, self.outcome_before.as_deref());
        let notified = match (&self.notify, occasion) {
            (Some(words), Some(occasion)) => notify(words, occasion, &report.to_json(), &self.secrets),
            (Some(_) | None, _) => Ok(()),
        };
        if let Err(error) = metrics {
            let failure = Failure::from(error).with_code();
            program.console.talk(&format!("warning: --metrics-file: {failure}"));
        }
        if let Err(error) = notified {
            program.console.talk(&format!("warning: {}", Failure::usage(error).with_code()));
        }
    }

    /// Tells of a run that failed before it had a state or a folder. Its report has no counts. What cannot be told changes
    /// nothing.
    pub fn failed_early(&self, program: &Program, command: &str, files: Vec<String>, failure: &Failure) {
        let now = program.clock.now();
        let run = RunInfo {
            id: RunId::new(now, rand::random()).to_string(),
            command: command.to_owned(),
            arguments: Vec::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: now,
            finished_at: now,
            outcome: failure.code.outcome(),
            exit_code: failure.code.number(),
        };
        let input = InputTally { files, ..InputTally::default() };
        let mut report = Report::new(run, Tally { input, ..Tally::default() });
        report.failure = Some(failure.with_code());
        self.perform(program, &report);
    }
}

impl Session {
    /// Opens a run: makes its folder and starts to listen. `limits` are the configured rates, for progress.
    ///
    /// # Errors
    /// When the folder or the log cannot be made.
    pub fn open(
        program: &Program,
        command: &'static str,
        runs: &Path,
        limits: BTreeMap<ProviderId, f64>,
    ) -> Result<Self, Failure> {
        let clock = RunClock::start(program.clock.clone());
        let started_at = clock.now();
        let id = RunId::new(started_at, rand::random());
        let folder = RunFolder::create(runs, &id)?;
        let log = folder.create_file(EVENTS_FILE)?;
        // Says that the run is at work; where files cannot be locked, nothing does.
        let _unsaid: Result<(), TryLockError> = log.try_lock();
        let at_work = log.try_clone()?;
        let log = EventLog::new(log);
        let progress = progress(&program.console, limits);
        let (sender, receiver) = mpsc::channel();
        let listener = Listener { log: Some(log), progress, clock: program.clock.clone() }.spawn(receiver)?;
        let events = Events::to(sender);
        events.emit(Event::RunStarted {
            run: id.to_string(),
            command: command.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        });
        Ok(Self { id, command, folder, started_at, clock, events, listener, at_work })
    }

    /// The name of the run.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The command that it does.
    #[must_use]
    pub fn command(&self) -> &'static str {
        self.command
    }

    /// The folder of the run.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// When the run began.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// The time since it began.
    #[must_use]
    pub fn clock(&self) -> &RunClock {
        &self.clock
    }

    /// Where its events go.
    #[must_use]
    pub fn events(&self) -> Events {
        self.events.clone()
    }

    /// Closes the run: all other holders of its events must be gone. Writes `report.json`, prints the summary (or
    /// the report, with `--json`), tells others and deletes the oldest runs, each whatever became of what comes before.
    /// Accounting that does not balance makes the run fail, and so does what cannot be written, which is told.
    pub fn close(self, program: &Program, keep_runs: usize, mut ending: Ending) -> ExitCode {
        if !ending.tally.balances() {
            ending.codes.push(ExitCode::Failed);
        }
        let code = ExitCode::of_run(&ending.codes);
        let outcome = code.outcome();
        self.events.emit(Event::RunFinished { outcome: outcome.name().to_owned(), exit_code: code.number() });
        drop(self.events);
        let logged = self.listener.join().unwrap_or_else(|_| Err(io::Error::other("the listener fell over")));
        let run = RunInfo {
            id: self.id.to_string(),
            command: self.command.to_owned(),
            arguments: ending.input_arguments,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at,
            finished_at: self.clock.now(),
            outcome,
            exit_code: code.number(),
        };
        let mut report = Report::new(run, ending.tally);
        report.changes = ending.changes;
        report.carried_from = ending.carried_from;
        report.reasons = ending.reasons;
        report.failure = ending.failure;
        report.advice = ending.advice;
        let mut codes = ending.codes;
        let told = report.run.exit_code;
        let mut fail = |failure: Failure, report: &mut Report| {
            program.console.fail(&failure);
            codes.push(failure.code);
            // Whoever is told of the run from now on hears of it.
            let code = ExitCode::of_run(&codes);
            (report.run.outcome, report.run.exit_code) = (code.outcome(), code.number());
            report.failure.get_or_insert_with(|| failure.with_code());
        };
        let has_log = logged.is_ok();
        if let Err(error) = logged {
            fail(FileError::writing(&self.folder.file(EVENTS_FILE))(error).into(), &mut report);
        }
        if let Err(error) = report.write(&self.folder) {
            fail(error.into(), &mut report);
        }
        if let Err(error) = show(program, &report, &self.folder, &ending.sending) {
            fail(error.into(), &mut report);
        }
        ending.tell.perform(program, &report);
        if let Some(Err(error)) =
            self.folder.path().parent().map(|runs| rotate_runs(runs, keep_runs, &self.id))
        {
            fail(error.into(), &mut report);
        }
        if report.run.exit_code != told {
            // What failed since they were written counts there too, where they can be written at all.
            drop(report.write(&self.folder));
            if has_log {
                drop(end_anew(&self.at_work, self.clock.now(), &report));
            }
        }
        ExitCode::of_run(&codes)
    }
}

/// Writes another end behind the one that did not stay so: the last one counts.
fn end_anew(log: &File, now: Timestamp, report: &Report) -> io::Result<()> {
    let (outcome, exit_code) = (report.run.outcome.name().to_owned(), report.run.exit_code);
    let mut log = EventLog::new(log);
    log.write(now, &Event::RunFinished { outcome, exit_code })?;
    log.flush()
}

/// Prints the summary, or the report with `--json`.
fn show(
    program: &Program,
    report: &Report,
    folder: &RunFolder,
    sending: &DispatchArguments,
) -> io::Result<()> {
    let arguments = &program.repeated_arguments();
    let closing = |sending: &DispatchArguments| {
        let (limits, filters) = (&sending.repeated(), &sending.repeated_filters());
        let folder = Some(folder.path());
        let context = text::Context {
            folder,
            arguments,
            limits,
            filters,
            failure_is_told: true,
            ..text::Context::default()
        };
        text::closing(report, &context)
    };
    if program.console.is_json() {
        program.console.json(report)?;
        // What is talk goes into the log, which knows no customers.
        program.console.talk(&closing(&sending.without_customers()));
        Ok(())
    } else {
        program.console.text(&closing(sending))
    }
}

fn progress(console: &Console, limits: BTreeMap<ProviderId, f64>) -> Progress {
    match console.progress_style() {
        ProgressStyle::Bars => Progress::bars(console.bars().clone(), columns, limits),
        ProgressStyle::Lines => Progress::lines(console.progress_lines(), limits),
        ProgressStyle::WarningsOnly => Progress::warnings(console.progress_lines()),
        ProgressStyle::Nothing => Progress::warnings(Box::new(io::sink())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::parse;
    use crate::domain::tally::ProviderTally;
    use crate::report::run_files::REJECTS_FILE;

    fn program() -> Program {
        let typed = ["crmsync", "status", "--json", "-q", "--state", "other.db"];
        let arguments = parse(typed, &crate::cli::environment::Environment::with(&[])).unwrap();
        Program {
            console: Console::new(&arguments.global),
            global: arguments.global,
            environment: crate::cli::environment::Environment::with(&[]),
            clock: crate::domain::clock::Clock::set_to(Timestamp(1_795_382_186_123)),
        }
    }

    fn closed(ending: Ending) -> (ExitCode, Report, String) {
        let home = tempfile::tempdir().unwrap();
        let program = program();
        let session = Session::open(&program, "sync", home.path(), BTreeMap::new()).unwrap();
        let (id, folder) = (session.id().clone(), session.folder().clone());
        let code = session.close(&program, 1, ending);
        let events = std::fs::read_to_string(folder.file(EVENTS_FILE)).unwrap();
        assert!(!folder.file(REJECTS_FILE).exists());
        (code, Report::read(home.path(), &id).unwrap(), events)
    }

    #[test]
    fn a_run_leaves_its_report_and_its_events() {
        let (code, report, events) = closed(Ending { codes: vec![ExitCode::Partial], ..Ending::default() });
        assert_eq!(code, ExitCode::Partial);
        assert_eq!((report.run.exit_code, report.balanced), (3, true));
        let types: Vec<serde_json::Value> = events
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].clone())
            .collect();
        assert_eq!(types, ["run_started", "run_finished"]);
    }

    #[test]
    fn accounting_that_does_not_balance_fails_the_run() {
        let lost = ProviderTally { carried_over: 1, ..ProviderTally::default() };
        let tally = Tally { input: InputTally::default(), providers: [(ProviderId::Wsone, lost)].into() };
        let (code, report, _) = closed(Ending { tally, codes: vec![ExitCode::Partial], ..Ending::default() });
        assert_eq!(code, ExitCode::Failed);
        assert_eq!((report.run.exit_code, report.balanced), (1, false));
    }

    #[test]
    fn the_next_command_works_on_the_same_state() {
        assert_eq!(program().repeated_arguments(), ["--state", "other.db"]);
    }
}
