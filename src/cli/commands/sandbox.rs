//! `sandbox`: the simulated providers alone, until somebody ends them.

use std::io;
use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::rows::{MappedRow, Rows};
use crate::cli::Program;
use crate::cli::arguments::SandboxArguments;
use crate::cli::config::Config;
use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::clock::Timestamp;
use crate::domain::policy::OnNew;
use crate::domain::provider::ProviderId;
use crate::domain::wire::KeyCell;
use crate::sandbox::{Options, Running, Sandbox, Scenario};

/// Runs the simulators in the foreground. The first line on standard output ends with their address.
pub(super) fn sandbox(program: &Program, arguments: &SandboxArguments) -> Result<ExitCode, Failure> {
    let mut options = Options::new();
    options.port = arguments.port;
    options.accept_unknown = arguments.accept_unknown;
    if let Some(path) = &arguments.scenario {
        options.scenario = read_scenario(path)?;
    }
    if !arguments.populate.is_empty() {
        let config = program.config()?;
        let keys = population(&config, &arguments.populate, program.clock.now())?;
        if keys.is_empty() {
            program.console.talk(
                "warning: nobody was populated: no row has the key of a provider that the configuration switches on and that \
                 knows its customers before the first sync",
            );
        }
        for (provider, key) in keys {
            options.populate(provider, key);
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let running = Sandbox::start(options, program.clock.clone()).await.map_err(Failure::usage)?;
        serve(program, running).await
    })
}

/// Reads how the simulators are to misbehave.
pub(super) fn read_scenario(path: &std::path::Path) -> Result<Scenario, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::told(
            ExitCode::Usage,
            ErrorCode::ScenarioInvalid,
            format!("cannot read the scenario `{}`: {error}", path.display()),
        )
    })?;
    Scenario::from_toml(&text).map_err(Failure::usage)
}

/// The keys of all accounts that these files know, at the enabled providers; without persons that a sync creates.
pub(super) fn population(
    config: &Config,
    files: &[PathBuf],
    now: Timestamp,
) -> Result<Vec<(ProviderId, String)>, Failure> {
    let mut keys = Vec::new();
    let mut providers = config.providers_without_secrets()?;
    providers.retain(|provider| provider.on_new() != OnNew::Create);
    for file in files {
        Rows::open(config, file, now)?.each(usize::MAX, |_, row| {
            let MappedRow::Customer(mapped) = row else { return };
            for provider in &providers {
                if let KeyCell::Key(key) = provider.project(&mapped.customer).key {
                    keys.push((provider.id(), key.0.into()));
                }
            }
        })?;
    }
    Ok(keys)
}

async fn serve(program: &Program, running: Running) -> Result<ExitCode, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let address = running.address();
    if program.console.is_json() {
        program.console.json(&serde_json::json!({ "address": format!("http://{address}") }))?;
    } else {
        program.console.text(&format!("simulators listen on http://{address}\n"))?;
    }
    let ledger = running.ledger();
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    running.run_until(stop).await;
    let summary = serde_json::to_string_pretty(&ledger.summary()).map_err(io::Error::other)?;
    program.console.talk(&summary);
    Ok(ExitCode::Complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_each_provider_its_keys() {
        let config = "[providers.lemonway]\nbase_url = \"https://l.example\"\nlogin = { env = \"L\" }\npassword = { env = \"P\" }\n";
        let config = Config::parse(config, "crmsync.toml").unwrap();
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("a.csv");
        std::fs::write(&file, "customer_id;wallet_id\n1;w1\n2;\n;w3\n4;w4\n").unwrap();
        let keys = population(&config, &[file], Timestamp(0)).unwrap();
        let lemonway = |key: &str| (ProviderId::Lemonway, key.to_owned());
        assert_eq!(keys, [lemonway("w1"), lemonway("w4")]);
    }
}
