//! `rehearse`: the whole job against simulated providers, with a copy of the state that is thrown away.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use secrecy::SecretString;

use crate::cli::Program;
use crate::cli::arguments::{DispatchArguments, RehearseArguments};
use crate::cli::config::Config;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::policy::OnNew;
use crate::domain::provider::ProviderId;
use crate::providers::{Credentials, Provider};
use crate::report::run_files::write_new_private;
use crate::sandbox::{Options, Running, Sandbox, Scenario};
use crate::store::Store;

use super::sandbox::read_scenario;
use super::sync::{self, Work};

/// A rehearsal is not slowed down by the providers' rates: requests a second.
const REHEARSAL_RATE: f64 = 100_000.0;

/// The whole job against the simulators, with a copy of the state that is thrown away.
pub(super) fn rehearse(program: &Program, typed: &RehearseArguments) -> Result<ExitCode, Failure> {
    let config = program.config()?.with_input(&typed.input).with_ingest(&typed.ingest);
    // The ledger is made before the work, so that a rehearsal of hours does not end with a file that cannot be written.
    match &typed.ledger {
        Some(path) => write_new_private(path, |file| rehearse_into(program, typed, config, Some(file))),
        None => rehearse_into(program, typed, config, None),
    }
}

fn rehearse_into(
    program: &Program,
    typed: &RehearseArguments,
    mut config: Config,
    ledger: Option<File>,
) -> Result<ExitCode, Failure> {
    let copy = program.state(&config)?.rehearsal()?;
    config.state.path = copy.path();
    // Old runs are left to the real ones: one of them may be at work meanwhile.
    config.state.keep_runs = usize::MAX;
    let scenario = typed.scenario.as_deref().map(read_scenario).transpose()?.unwrap_or_default();
    let simulators = Simulators::start(program, scenario)?;
    redirect(&mut config, &simulators);
    let providers = providers(&config)?;
    let populate = |store: &Store| simulators.populate(store, &providers);
    let work = Work::Rehearse(&typed.input, &typed.ingest, &populate);
    let code = sync::run(program, &config, "rehearse", work, Some(&DispatchArguments::default()))?;
    if let Some(file) = ledger {
        simulators.write_ledger(file)?;
    }
    simulators.stop();
    Ok(code)
}

/// The enabled providers, with credentials that the simulators take; the real ones stay where they are.
pub(super) fn providers(config: &Config) -> Result<Vec<Arc<dyn Provider>>, Failure> {
    let word = || SecretString::from("rehearsal");
    let mut providers = Vec::new();
    for id in config.providers.enabled() {
        let credentials = Credentials { username: word(), password: word() };
        providers.extend(config.providers.provider(id, credentials)?);
    }
    Ok(providers)
}

/// Points every provider at the simulators, without the limits that a rehearsal need not keep.
fn redirect(config: &mut Config, simulators: &Simulators) {
    for id in ProviderId::ALL {
        let Some(common) = config.providers.common_mut(id) else { continue };
        common.base_url = match id {
            ProviderId::Wsone => simulators.url(),
            ProviderId::Lemonway => format!("{}/mb/rehearsal/run", simulators.url()),
            ProviderId::Safedebit => format!("{}/ssp", simulators.url()),
        };
        common.rate_per_second = REHEARSAL_RATE;
        common.calls_per_day = None;
    }
}

/// Simulators with the runtime that drives them.
struct Simulators {
    running: Running,
    runtime: tokio::runtime::Runtime,
}

impl Simulators {
    fn start(program: &Program, scenario: Scenario) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let mut options = Options::new();
        options.scenario = scenario;
        let running =
            runtime.block_on(Sandbox::start(options, program.clock.clone())).map_err(Failure::usage)?;
        Ok(Self { running, runtime })
    }

    fn url(&self) -> String {
        format!("http://{}", self.running.address())
    }

    /// Makes known whom the providers must know: everybody with an account, but persons only if they are known
    /// already, or would not be created.
    fn populate(&self, store: &Store, providers: &[Arc<dyn Provider>]) -> Result<(), Failure> {
        for provider in providers {
            let created = provider.on_new() == OnNew::Create;
            for key in store.snapshot().keys(provider.id(), created)? {
                self.running.populate(provider.id(), &key.0);
            }
        }
        Ok(())
    }

    /// One request a line. Not a file of the run: it holds the customers' values, so only who asks for it has it.
    fn write_ledger(&self, file: File) -> io::Result<()> {
        let mut out = BufWriter::new(file);
        for entry in self.running.ledger().entries() {
            serde_json::to_writer(&mut out, &entry)?;
            out.write_all(b"\n")?;
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }

    fn stop(self) {
        self.runtime.block_on(self.running.stop());
    }
}
