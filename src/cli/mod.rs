//! What a person types: commands, settings, printing, exit codes.
//!
//! Rank 4, and the only room that prints, exits or reads the environment. Everything else is handed down as
//! arguments.

pub mod amounts;
pub mod arguments;
mod commands;
pub mod config;
pub mod console;
pub mod environment;
pub mod error_code;
mod error_codes;
pub mod exit;
pub mod failure;
pub mod guide;
mod logging;
pub mod notify;
pub mod secrets;
pub mod session;
mod settings;
mod terminal;

use std::io::{self, Write as _};
use std::sync::Arc;

use clap::error::ErrorKind;

use arguments::{Arguments, GlobalArguments};
use config::Config;
use console::Console;
use environment::Environment;
use error_code::ErrorCode;
use exit::ExitCode;
use failure::Failure;

use crate::domain::clock::Clock;
use crate::domain::provider::ProviderId;
use crate::providers::{Credentials, Provider};
use crate::report::next_step;
use crate::report::text::Context;
use crate::store::StateFile;

/// The whole program.
#[must_use]
pub fn run() -> std::process::ExitCode {
    // Whatever is created without a mode of its own is private too.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    crate::dispatch::survive_limits_of_files();
    let environment = Environment::of_process();
    match arguments::parse(std::env::args_os(), &environment) {
        Ok(arguments) => {
            let program = Program::new(&arguments, environment);
            #[cfg(debug_assertions)]
            if let Err(failure) = program.arm_fault() {
                program.console.fail(&failure);
                return failure.code.into();
            }
            program.perform(&arguments).into()
        }
        Err(message) => refuse(&message).into(),
    }
}

/// Wrong usage, or help and version, which were asked for.
fn refuse(message: &clap::Error) -> ExitCode {
    // Where nobody can be told, the exit code still can. Who has closed the output has seen enough.
    let failed = |error: io::Error| error.kind() != io::ErrorKind::BrokenPipe;
    let is_lost = message.print().is_err_and(failed);
    if message.use_stderr() && message.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        drop(writeln!(io::stderr(), "code: {}", ErrorCode::UsageArguments.name()));
    }
    match message.use_stderr() {
        true => ExitCode::Usage,
        false if is_lost => ExitCode::Failed,
        false => ExitCode::Complete,
    }
}

/// What every command needs.
#[derive(Debug)]
pub struct Program {
    /// The global flags.
    pub global: GlobalArguments,
    /// The environment, for secrets.
    pub environment: Environment,
    /// Time.
    pub clock: Clock,
    /// Where it prints.
    pub console: Console,
}

impl Program {
    fn new(arguments: &Arguments, environment: Environment) -> Self {
        let console = Console::new(&arguments.global);
        logging::start(&arguments.global, console.bars());
        Self { global: arguments.global.clone(), environment, clock: Clock::system(), console }
    }

    /// A fault that a test asked for; release builds have none.
    #[cfg(debug_assertions)]
    fn arm_fault(&self) -> Result<(), Failure> {
        let Some(text) = self.environment.variable("CRMSYNC_FAULT") else { return Ok(()) };
        crate::domain::fault::arm(&text).map_err(Failure::usage)
    }

    fn perform(&self, arguments: &Arguments) -> ExitCode {
        commands::perform(self, &arguments.command).unwrap_or_else(|failure| {
            self.console.fail(&failure);
            if let Some(state) = failure.stale_state() {
                let arguments = self.repeated_arguments();
                let context = Context { arguments: &arguments, ..Context::default() };
                let restore =
                    next_step::command(&["doctor", "--restore", &state.display().to_string()], &context);
                // The failure is told; where nobody listens any more, nothing is lost.
                self.console.talk(&format!("to go on with this file: {restore}"));
            }
            failure.code
        })
    }

    /// The configuration, with the global flags laid over it.
    ///
    /// # Errors
    /// When it cannot be read or is wrong.
    pub fn config(&self) -> Result<Config, Failure> {
        Ok(Config::resolve(&self.global)?)
    }

    /// The enabled providers, with the credentials of those that are called: all of them, where none is named.
    ///
    /// # Errors
    /// For a secret that is not to be had, or a setting that cannot work.
    pub fn providers(
        &self,
        config: &Config,
        called: &[ProviderId],
    ) -> Result<Vec<Arc<dyn Provider>>, Failure> {
        let mut providers = Vec::new();
        for id in config.providers.enabled() {
            if !(called.is_empty() || called.contains(&id)) {
                providers.extend(config.provider_without_secrets(id)?);
                continue;
            }
            let fetch = |(key, source): (String, &_)| secrets::resolve(source, &key, &self.environment);
            let mut fetched = config.credentials(id).into_iter().map(fetch);
            let (Some(username), Some(password)) = (fetched.next(), fetched.next()) else { continue };
            let credentials = Credentials { username: username?, password: password? };
            providers.extend(config.providers.provider(id, credentials)?);
        }
        Ok(providers)
    }

    /// The state that the configuration names, not opened yet.
    ///
    /// # Errors
    /// When the source of its key gives none.
    pub fn state(&self, config: &Config) -> Result<StateFile, Failure> {
        let settings = config.state_settings(&self.environment)?;
        tracing::info!(path = %settings.path.display(), "state");
        Ok(StateFile::new(settings))
    }

    /// The global arguments that another command needs to work on the same configuration and state.
    #[must_use]
    pub fn repeated_arguments(&self) -> Vec<String> {
        repeated(&self.global)
    }
}

fn repeated(global: &GlobalArguments) -> Vec<String> {
    let text = |path: &std::path::Path| path.display().to_string();
    let mut words = Vec::new();
    if global.config.as_os_str() != config::DEFAULT_FILE {
        words.extend(["--config".to_owned(), text(&global.config)]);
    }
    if let Some(state) = &global.state {
        words.extend(["--state".to_owned(), text(state)]);
    }
    words
}
