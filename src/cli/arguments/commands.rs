//! The flags of each command.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use super::Command;
use super::sending::DispatchArguments;
use crate::cli::config::InputKind;
use crate::cli::error_code::ErrorCode;
use crate::domain::call::CallId;
use crate::domain::provider::ProviderId;
use crate::domain::run_id::RunId;
use crate::domain::threshold::Threshold;

/// The name under which standard input is given as a file.
pub const STANDARD_INPUT: &str = "-";

/// Files and how they are read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Input")]
pub struct InputArguments {
    /// CSV or JSONL files, .gz and .zst too; together they are one input. `-` is standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Format, instead of the configured one
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<InputFormat>,
    /// full: the files hold every customer; delta: only those that changed
    #[arg(long, value_name = "KIND")]
    pub kind: Option<InputKind>,
}

impl InputArguments {
    /// The flags that another command on the same files needs to read them alike.
    #[must_use]
    pub fn repeated(&self) -> Vec<String> {
        let value = |word: Option<PossibleValue>| word.map(|word| word.get_name().to_owned());
        let flags = [
            ("--format", self.format.and_then(|format| value(format.to_possible_value()))),
            ("--kind", self.kind.and_then(|kind| value(kind.to_possible_value()))),
        ];
        flags.into_iter().filter_map(|(flag, word)| Some([flag.to_owned(), word?])).flatten().collect()
    }

    /// What is wrong with the files as they were named, if anything is.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let inputs = self.files.iter().filter(|file| file.as_os_str() == STANDARD_INPUT).count();
        match (inputs, self.format) {
            (0, _) | (1, Some(_)) => None,
            (1, None) => Some("`-` (standard input) needs --format csv or --format jsonl"),
            (_, _) => Some("`-` (standard input) can be read once only"),
        }
    }
}

impl Command {
    /// The files of a command that reads some.
    #[must_use]
    pub fn input(&self) -> Option<&InputArguments> {
        match self {
            Self::Plan(arguments) => Some(&arguments.input),
            Self::Sync(arguments) => Some(&arguments.input),
            Self::Seed(arguments) => Some(&arguments.input),
            Self::Rehearse(arguments) => Some(&arguments.input),
            Self::Init(_)
            | Self::Check(_)
            | Self::Resume(_)
            | Self::Status
            | Self::History(_)
            | Self::Rejects(_)
            | Self::Resolve(_)
            | Self::Explain(_)
            | Self::ExplainCode(_)
            | Self::Fields(_)
            | Self::Forget(_)
            | Self::Doctor(_)
            | Self::Report(_)
            | Self::Sandbox(_)
            | Self::Guide
            | Self::Completions(_)
            | Self::Man => None,
        }
    }
}

/// A format that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// A header and delimited records.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// What is compared, and what may stop it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Comparison and guards")]
pub struct IngestArguments {
    /// Stop when more known customers changed: a count or a share, instead of the configured one; not judged below guard.floor
    #[arg(long, value_name = "N|N%")]
    pub max_changes: Option<Threshold>,
    /// Let no guard stop the run: on changes, new and missing customers, sensitive fields or invalid rows
    #[arg(long)]
    pub allow_mass_change: bool,
    /// Take a file that is older than the last one
    #[arg(long)]
    pub allow_older: bool,
    /// Compare with nothing: send every customer whole
    #[arg(long)]
    pub full_resync: bool,
}

impl IngestArguments {
    /// The same flags as they are typed.
    pub(in crate::cli) fn repeated(&self) -> Vec<String> {
        let limit = self.max_changes.iter().flat_map(|limit| ["--max-changes".to_owned(), limit.to_string()]);
        let mass = self.allow_mass_change.then_some("--allow-mass-change");
        let flags =
            [mass, self.allow_older.then_some("--allow-older"), self.full_resync.then_some("--full-resync")];
        limit.chain(flags.into_iter().flatten().map(str::to_owned)).collect()
    }
}

/// `init`.
#[derive(Debug, Clone, Args)]
pub struct InitArguments {
    /// Look at this file and propose format, encoding, delimiter and columns
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub from: Option<PathBuf>,
}

/// `check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArguments {
    /// Look at the header and the first rows of this file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Format, instead of the configured one, or of what the first bytes look like
    #[arg(long, value_name = "FORMAT", requires = "file")]
    pub format: Option<InputFormat>,
    /// Show the customers' values in the first rows, not only their shape
    #[arg(long, requires = "file")]
    pub include_values: bool,
    /// Print the JSON Schema of the configuration, of a file of a run or of what a command prints with --json, and stop
    #[arg(long, value_name = "WHAT", num_args = 0..=1, default_missing_value = "config", conflicts_with = "file")]
    pub schema: Option<SchemaOf>,
}

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// crmsync.toml
    Config,
    /// report.json
    Report,
    /// One line of events.jsonl
    Events,
    /// `plan --json`
    Plan,
    /// `status --json`
    Status,
    /// `history --json`
    History,
    /// `rejects list --json`
    Rejects,
    /// `explain --json`
    Explain,
}

/// `plan`.
#[derive(Debug, Clone, Args)]
pub struct PlanArguments {
    /// Files.
    #[command(flatten)]
    pub input: InputArguments,
    /// Guards.
    #[command(flatten)]
    pub ingest: IngestArguments,
    /// Exit with 20 when the files bring changes, whatever is queued already
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// `sync`.
#[derive(Debug, Clone, Args)]
pub struct SyncArguments {
    /// Files.
    #[command(flatten)]
    pub input: InputArguments,
    /// Guards.
    #[command(flatten)]
    pub ingest: IngestArguments,
    /// Sending.
    #[command(flatten)]
    pub dispatch: DispatchArguments,
    /// Only show what would be sent, as `plan` does
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// `resume`.
#[derive(Debug, Clone, Args)]
pub struct ResumeArguments {
    /// Sending.
    #[command(flatten)]
    pub dispatch: DispatchArguments,
}

/// `seed`.
#[derive(Debug, Clone, Args)]
pub struct SeedArguments {
    /// Files.
    #[command(flatten)]
    pub input: InputArguments,
    /// Take a file that is older than the last one
    #[arg(long)]
    pub allow_older: bool,
    /// Let no guard on invalid rows stop it
    #[arg(long)]
    pub allow_mass_change: bool,
}

/// `history`.
#[derive(Debug, Clone, Args)]
pub struct HistoryArguments {
    /// Show this run whole
    #[arg(value_name = "RUN", value_parser = run_id)]
    pub run: Option<RunId>,
}

/// `rejects`.
#[derive(Debug, Clone, Args)]
pub struct RejectsArguments {
    /// What to do with them.
    #[command(subcommand)]
    pub action: RejectsAction,
}

/// What to do with rejects.
#[derive(Debug, Clone, Subcommand)]
pub enum RejectsAction {
    /// Show refused and held calls, and fields left out because they are invalid
    List(RejectsFilter),
    /// Write the same as CSV
    Export(ExportArguments),
    /// Queue refused and held calls again; without a filter, all of them
    Release(RejectsFilter),
}

/// Which rejects.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Filter")]
pub struct RejectsFilter {
    /// Of this provider
    #[arg(long, value_name = "NAME")]
    pub provider: Option<ProviderId>,
    /// With this code, held for this reason, or with this field left out
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// Of this customer
    #[arg(long, value_name = "CUSTOMER", allow_hyphen_values = true)]
    pub customer: Option<String>,
}

/// `rejects export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArguments {
    /// The file to write, which must not exist yet; `-` writes to standard output
    #[arg(value_name = "FILE.csv", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Put the customers' values in front, so that the file can be corrected and fed in again
    #[arg(long)]
    pub include_values: bool,
    /// Which ones.
    #[command(flatten)]
    pub filter: RejectsFilter,
}

/// `resolve`.
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("finding").required(true))]
pub struct ResolveArguments {
    /// The number of the call, as `rejects list` shows it
    #[arg(value_name = "CALL", value_parser = call_id)]
    pub call: CallId,
    /// The provider did apply it: take its values as delivered, or the person as created
    #[arg(long, group = "finding")]
    pub applied: bool,
    /// The provider did not apply it: queue it again
    #[arg(long, group = "finding")]
    pub not_applied: bool,
    /// Give it up
    #[arg(long, group = "finding")]
    pub abandon: bool,
}

/// `explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArguments {
    /// The customer, by the CRM's key
    #[arg(value_name = "CUSTOMER", required_unless_present = "call", allow_hyphen_values = true)]
    pub customer: Option<String>,
    /// Whoever has this call, by the number that messages and events.jsonl give it
    #[arg(long, value_name = "N", value_parser = call_id, conflicts_with = "customer")]
    pub call: Option<CallId>,
}

/// Whose code is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeSource {
    /// A provider's, or one of the program's reasons to hold a call for it.
    Provider(ProviderId),
    /// An exit code of this program.
    Exit,
    /// Of an error of this program, which is known by its code alone.
    Error(ErrorCode),
}

/// `explain-code`.
#[derive(Debug, Clone, Args)]
pub struct ExplainCodeArguments {
    /// wsone, lemonway or safedebit; `exit` for an exit code of crmsync; or the code of an error, such as E209, alone.
    /// Without it, all codes of errors are listed
    #[arg(value_name = "PROVIDER", value_parser = code_source)]
    pub source: Option<CodeSource>,
    /// The code as the provider gave it, or as `rejects list` shows it
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
    /// List as a Markdown table
    #[arg(long, conflicts_with = "source")]
    pub markdown: bool,
}

/// `fields`.
#[derive(Debug, Clone, Args)]
pub struct FieldsArguments {
    /// Show this provider's fields
    #[arg(value_name = "PROVIDER")]
    pub provider: Option<ProviderId>,
    /// Print a Markdown table
    #[arg(long)]
    pub markdown: bool,
}

/// `forget`.
#[derive(Debug, Clone, Args)]
pub struct ForgetArguments {
    /// The customer, by the CRM's key
    #[arg(value_name = "CUSTOMER", allow_hyphen_values = true)]
    pub customer: String,
    /// Let later files bring the customer back
    #[arg(long)]
    pub undo: bool,
}

/// `doctor`.
#[derive(Debug, Clone, Args)]
pub struct DoctorArguments {
    /// Put this backup in place of the state; the state is kept beside it
    #[arg(long, value_name = "BACKUP", value_hint = ValueHint::FilePath)]
    pub restore: Option<PathBuf>,
    /// Take the rights of others away, and empty the log that a killed run left
    #[arg(long, conflicts_with = "restore")]
    pub repair: bool,
    /// Create new persons at once again: a state that was put back from a backup probes each of them first
    #[arg(long, conflicts_with_all = ["restore", "repair"])]
    pub end_probing: bool,
    /// Ask no longer for the input of this run, which was not accepted and is not to come again
    #[arg(long, value_name = "RUN", value_parser = run_id, conflicts_with_all = ["restore", "repair", "end_probing"])]
    pub dismiss_input: Option<RunId>,
    /// Warn no longer that providers are at another address than before: they are the same systems
    #[arg(long, conflicts_with_all = ["restore", "repair", "end_probing", "dismiss_input"])]
    pub same_providers: bool,
}

/// `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArguments {
    /// The run; default: the last one
    #[arg(value_name = "RUN", value_parser = run_id)]
    pub run: Option<RunId>,
    /// The page to write; `-` for standard output
    #[arg(long, value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub html: PathBuf,
}

/// `rehearse`.
#[derive(Debug, Clone, Args)]
pub struct RehearseArguments {
    /// Files.
    #[command(flatten)]
    pub input: InputArguments,
    /// Guards.
    #[command(flatten)]
    pub ingest: IngestArguments,
    /// How the simulated providers misbehave
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub scenario: Option<PathBuf>,
    /// Write what the simulated providers received, one JSON object a line, with the customers' values; the file must
    /// not exist yet
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ledger: Option<PathBuf>,
}

/// `sandbox`.
#[derive(Debug, Clone, Args)]
pub struct SandboxArguments {
    /// Port on 127.0.0.1; 0 takes a free one and prints it
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,
    /// How the simulated providers misbehave
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub scenario: Option<PathBuf>,
    /// Customers whose wallets and consumers exist from the start; may be repeated
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = ValueHint::FilePath)]
    pub populate: Vec<PathBuf>,
    /// Take wallets and consumers that nobody populated
    #[arg(long)]
    pub accept_unknown: bool,
}

/// `completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArguments {
    /// The shell
    pub shell: Shell,
}

fn run_id(text: &str) -> Result<RunId, String> {
    RunId::parse(text).ok_or_else(|| {
        "expected a run such as 20261122T211626Z-3f2a; `crmsync history` lists them".to_owned()
    })
}

fn code_source(text: &str) -> Result<CodeSource, String> {
    if let Some(code) = ErrorCode::parse(text) {
        return Ok(CodeSource::Error(code));
    }
    match text {
        "exit" => Ok(CodeSource::Exit),
        name => name.parse().map(CodeSource::Provider).map_err(|_| {
            format!(
                "unknown provider `{name}`, expected wsone, lemonway, safedebit, exit for an exit code, \
                 or the code of an error such as E209"
            )
        }),
    }
}

fn call_id(text: &str) -> Result<CallId, String> {
    text.parse()
        .map(CallId)
        .map_err(|_| "expected the number of a call; `crmsync rejects list` shows them".to_owned())
}
