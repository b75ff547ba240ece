//! One function a command, and the list of them.

mod addresses;
mod advice;
mod check;
mod check_file;
mod doctor;
mod earlier;
mod explain;
mod explain_code;
mod fields;
mod finish;
mod forget;
mod history;
mod init;
mod inputs;
mod mapped_rows;
mod packaging;
mod plan;
mod rehearse;
mod rejects;
mod rows;
mod run_rejects;
mod sandbox;
mod status;
mod sync;
mod values;

use super::Program;
use super::arguments::Command;
use super::exit::ExitCode;
use super::failure::Failure;

/// Does what was typed.
///
/// # Errors
/// When the command fails; the failure carries the exit code.
pub(super) fn perform(program: &Program, command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Init(arguments) => init::init(program, arguments),
        Command::Check(arguments) => check::check(program, arguments),
        Command::Plan(arguments) => plan::plan(program, arguments),
        Command::Sync(arguments) => sync::sync(program, arguments),
        Command::Resume(arguments) => sync::resume(program, arguments),
        Command::Seed(arguments) => sync::seed(program, arguments),
        Command::Rehearse(arguments) => rehearse::rehearse(program, arguments),
        Command::Explain(arguments) => explain::explain(program, arguments),
        Command::Forget(arguments) => forget::forget(program, arguments),
        Command::Doctor(arguments) => doctor::doctor(program, arguments),
        Command::Sandbox(arguments) => sandbox::sandbox(program, arguments),
        Command::Status => status::status(program),
        Command::History(arguments) => history::history(program, arguments),
        Command::Rejects(arguments) => rejects::rejects(program, arguments),
        Command::Resolve(arguments) => rejects::resolve(program, arguments),
        Command::Fields(arguments) => fields::fields(program, arguments),
        Command::ExplainCode(arguments) => explain_code::explain_code(program, arguments),
        Command::Report(arguments) => history::report(program, arguments),
        Command::Guide => packaging::guide(program),
        Command::Completions(arguments) => packaging::completions(program, arguments),
        Command::Man => packaging::man(program),
    }
}
