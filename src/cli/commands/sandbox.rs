//! `sandbox`: the simulated providers alone, until somebody ends them.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Program;
use crate::cli::arguments::SandboxArguments;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::sandbox::{Options, Running, Sandbox, Scenario};

/// Runs the simulators in the foreground. The first line on standard output ends with their address.
pub(super) fn sandbox(program: &Program, arguments: &SandboxArguments) -> Result<ExitCode, Failure> {
    let mut options = Options::new();
    options.port = arguments.port;
    options.accept_unknown = arguments.accept_unknown;
    if let Some(path) = &arguments.scenario {
        options.scenario = read_scenario(path)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let running = Sandbox::start(options, program.clock.clone()).await.map_err(Failure::usage)?;
        serve(program, running).await
    })
}

/// Reads how the simulators are to misbehave.
pub(super) fn read_scenario(path: &std::path::Path) -> Result<Scenario, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read the scenario `{}`: {error}", path.display())))?;
    Scenario::from_toml(&text).map_err(Failure::usage)
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
    program.console.talk(&summary)?;
    Ok(ExitCode::Complete)
}
