//! What may be typed: global flags and the list of commands.
//!
//! These are the flags as typed. What holds in the end (flag, else environment, else file, else default) is settled
//! in `cli::settings`.

mod commands;
mod sending;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{FalseyValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use commands::*;
pub use sending::DispatchArguments;

use crate::cli::config::DEFAULT_FILE;
use crate::cli::environment::Environment;
use crate::cli::exit;
use crate::domain::provider::ProviderId;

/// Variables whose empty value would be taken for one, with the flags that they stand for: a unit file that sets one to
/// nothing means none.
const NOT_EMPTY: [(&str, &str); 5] = [
    ("config", "CRMSYNC_CONFIG"),
    ("state", "CRMSYNC_STATE"),
    ("log_format", "CRMSYNC_LOG_FORMAT"),
    ("verbose", "CRMSYNC_VERBOSE"),
    ("progress", "CRMSYNC_PROGRESS"),
];

/// Clap reads this one too late for its own messages.
const NO_COLOR: &str = "CRMSYNC_NO_COLOR";

/// Sends customer changes out of a CRM into `WsOne`, Lemonway and Safedebit: only what changed, in order, within the
/// limits, and nothing lost.
#[derive(Debug, Clone, Parser)]
#[command(name = "crmsync", version, about = ABOUT, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true, infer_subcommands = false)]
pub struct Arguments {
    /// Flags of every command.
    #[command(flatten)]
    pub global: GlobalArguments,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const ABOUT: &str = "Sends customer changes out of a CRM into WsOne, Lemonway and Safedebit";

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArguments {
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE", env = "CRMSYNC_CONFIG", hide_env_values = true, default_value = DEFAULT_FILE)]
    pub config: PathBuf,
    /// State file, instead of the configured one
    #[arg(long, global = true, value_name = "FILE", env = "CRMSYNC_STATE", hide_env_values = true)]
    pub state: Option<PathBuf>,
    /// Print data as JSON on standard output
    #[arg(long, global = true, env = "CRMSYNC_JSON", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub json: bool,
    /// Form of the log on standard error
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "CRMSYNC_LOG_FORMAT",
        hide_env_values = true,
        default_value = "text"
    )]
    pub log_format: LogFormat,
    /// Say more: once for what is done, twice for each step
    #[arg(short, long, global = true, action = ArgAction::Count, env = "CRMSYNC_VERBOSE", hide_env_values = true)]
    pub verbose: u8,
    /// Say less: errors only
    #[arg(short, long, global = true, env = "CRMSYNC_QUIET", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub quiet: bool,
    /// Progress on standard error: bars on a terminal, else a line a minute
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        env = "CRMSYNC_PROGRESS",
        hide_env_values = true,
        default_value = "auto"
    )]
    pub progress: ProgressWhen,
    /// No colours
    #[arg(long, global = true, env = "CRMSYNC_NO_COLOR", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub no_color: bool,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One object a line.
    Json,
}

/// When progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressWhen {
    /// Unless `-q` is given.
    Auto,
    /// Even with `-q`.
    Always,
    /// Not at all.
    Never,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Write a commented crmsync.toml
    Init(InitArguments),
    /// Check configuration, secrets, state and, given a file, its header and first rows; no network
    Check(CheckArguments),
    /// Show what `sync` would send and how long that takes; changes nothing, sends nothing
    Plan(PlanArguments),
    /// The main job: read, compare, queue, send, report
    Sync(SyncArguments),
    /// Send what is queued; reads no file
    Resume(ResumeArguments),
    /// Record a file as what the providers already hold; sends nothing
    Seed(SeedArguments),
    /// Last run, queue, oldest waiting call, what needs a person
    Status,
    /// Earlier runs
    History(HistoryArguments),
    /// Refused and held work: list it, export it, queue it again
    Rejects(RejectsArguments),
    /// Settle a held call by what you found out at the provider
    Resolve(ResolveArguments),
    /// One customer's life: what changed when, each call and answer, what would happen now
    Explain(ExplainArguments),
    /// What a code of a provider means to crmsync, and why
    ExplainCode(ExplainCodeArguments),
    /// The canonical fields, or a provider's fields and where they come from
    Fields(FieldsArguments),
    /// Erase one customer from state, backups and run files
    Forget(ForgetArguments),
    /// Examine the state, its backups and permissions
    Doctor(DoctorArguments),
    /// A page of one run that stands alone
    Report(ReportArguments),
    /// The whole job against simulated providers and a throw-away copy of the state
    Rehearse(RehearseArguments),
    /// The simulated providers alone, in the foreground
    Sandbox(SandboxArguments),
    /// What to do in the nights that matter, as Markdown
    Guide,
    /// Completions for a shell
    Completions(CompletionsArguments),
    /// The manual page
    Man,
}

impl Command {
    /// The word that was typed for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Check(_) => "check",
            Self::Plan(_) => "plan",
            Self::Sync(_) => "sync",
            Self::Resume(_) => "resume",
            Self::Seed(_) => "seed",
            Self::Status => "status",
            Self::History(_) => "history",
            Self::Rejects(_) => "rejects",
            Self::Resolve(_) => "resolve",
            Self::Explain(_) => "explain",
            Self::ExplainCode(_) => "explain-code",
            Self::Fields(_) => "fields",
            Self::Forget(_) => "forget",
            Self::Doctor(_) => "doctor",
            Self::Report(_) => "report",
            Self::Rehearse(_) => "rehearse",
            Self::Sandbox(_) => "sandbox",
            Self::Guide => "guide",
            Self::Completions(_) => "completions",
            Self::Man => "man",
        }
    }
}

/// The command line as clap sees it, with the exit codes at the end of its help.
#[must_use]
pub fn command() -> clap::Command {
    // No file can follow there, so that several customers need no flag each.
    let resume = |resume: clap::Command| resume.mut_arg("only", |only| only.num_args(1..));
    Arguments::command().after_help(exit::help()).mut_subcommand("resume", resume)
}

/// Gives each further name behind `--provider` a flag of its own: a file may follow, and one that is called like a provider is
/// typed with its folder.
fn with_flag_for_each_name(words: Vec<OsString>) -> Vec<OsString> {
    const FLAG: &str = "--provider";
    let mut all = Vec::with_capacity(words.len());
    let (mut is_value, mut may_go_on) = (false, false);
    for word in words {
        let text = word.to_str().unwrap_or_default();
        let is_name = text.parse::<ProviderId>().is_ok();
        if may_go_on && is_name {
            all.push(FLAG.into());
        }
        may_go_on = (is_value || may_go_on) && is_name
            || text.strip_prefix(FLAG).is_some_and(|value| value.starts_with('='));
        is_value = text == FLAG;
        all.push(word);
    }
    all
}

/// Reads the words that were typed, the program's name first.
///
/// # Errors
/// With clap's own message: wrong usage, or help and version, which were asked for.
pub fn parse<I, T>(words: I, environment: &Environment) -> Result<Arguments, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let words = with_flag_for_each_name(words.into_iter().map(Into::into).collect());
    let mut command = command();
    for (flag, name) in NOT_EMPTY {
        if environment.variable(name).is_some_and(|value| value.is_empty()) {
            command = command.mut_arg(flag, |flag| flag.env(None::<&str>));
        }
    }
    let without = environment.variable(NO_COLOR).is_some_and(|value| {
        FalseyValueParser::new().parse_ref(&command, None, value.as_ref()).unwrap_or(false)
    });
    if without || words.iter().any(|word| word == "--no-color") {
        command = command.color(clap::ColorChoice::Never);
    }
    let matches = command.try_get_matches_from_mut(words)?;
    let mut arguments = Arguments::from_arg_matches(&matches)?;
    if !settle_talk(&mut arguments.global, &matches) {
        let message = "the argument '--verbose' cannot be used with '--quiet'";
        return Err(command.error(clap::error::ErrorKind::ArgumentConflict, message));
    }
    match arguments.command.input().and_then(InputArguments::fault) {
        Some(fault) => Err(command.error(clap::error::ErrorKind::ValueValidation, fault)),
        None => Ok(arguments),
    }
}

/// Of `-v` and `-q` the typed one wins over the one in the environment. False where both come from one place.
fn settle_talk(global: &mut GlobalArguments, matches: &ArgMatches) -> bool {
    if global.verbose == 0 || !global.quiet {
        return true;
    }
    let is_typed = |flag| matches.value_source(flag) == Some(ValueSource::CommandLine);
    match (is_typed("verbose"), is_typed("quiet")) {
        (true, false) => global.quiet = false,
        (false, true) => global.verbose = 0,
        (true, true) | (false, false) => return false,
    }
    true
}

#[cfg(test)]
mod tests;
