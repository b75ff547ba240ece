//! `completions` and `man`, for packagers.

use clap::Command;

use crate::cli::Program;
use crate::cli::arguments::{CompletionsArguments, command};
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::guide;

/// Prints the completions of a shell.
pub(super) fn completions(program: &Program, arguments: &CompletionsArguments) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command(), "crmsync", &mut script);
    program.console.bytes(&script)?;
    Ok(ExitCode::Complete)
}

/// Prints the manual page: the program, then each command.
pub(super) fn man(program: &Program) -> Result<ExitCode, Failure> {
    let mut page = Vec::new();
    let mut whole = command();
    whole.build();
    clap_mangen::Man::new(whole.clone()).render(&mut page)?;
    parts("crmsync", &whole, &mut page)?;
    program.console.bytes(&page)?;
    Ok(ExitCode::Complete)
}

/// The parts of the page that tell of the commands of a command.
fn parts(of: &str, whole: &Command, page: &mut Vec<u8>) -> Result<(), Failure> {
    for command in whole.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("{of} {}", command.get_name());
        let part = clap_mangen::Man::new(command.clone().display_name(name.clone()));
        part.render_name_section(page)?;
        part.render_synopsis_section(page)?;
        part.render_options_section(page)?;
        parts(&name, command, page)?;
    }
    Ok(())
}

/// Prints the operator's guide.
pub(super) fn guide(program: &Program) -> Result<ExitCode, Failure> {
    program.console.text(guide::TEXT)?;
    Ok(ExitCode::Complete)
}
