//! Tells someone that a run went wrong, or that it went well again: runs the operator's command with `report.json` on
//! its standard input.
//!
//! Never decides how a run ends: a command that fails or hangs is a warning, and the exit waits for it at most
//! `PATIENCE`.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use wait_timeout::ChildExt;

use crate::report::report_json::Outcome;
use crate::store::MissingInput;

/// How long the exit of the program waits for the command.
const PATIENCE: Duration = Duration::from_secs(10);
/// The variable that tells the command why it runs.
const VARIABLE: &str = "CRMSYNC_NOTIFY";

/// Why someone is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The run did not do its work: told each time.
    Failure,
    /// The run was finished, but not everything got through, and the one before was fine.
    FirstTrouble,
    /// Everything got through, no input is missing, and before this run that was not so.
    Recovery,
}

impl Occasion {
    /// Whether there is anything to tell after a run that ended so; `before` is the outcome of the run before it. While an
    /// input is missing, nothing is well again.
    #[must_use]
    pub fn of(now: Outcome, missing: MissingInput, before: Option<&str>) -> Option<Self> {
        let was_fine = before.is_none_or(|before| before == Outcome::Complete.name());
        match now {
            Outcome::Complete if missing.now => None,
            Outcome::Complete => (!was_fine || missing.before).then_some(Self::Recovery),
            Outcome::Partial => was_fine.then_some(Self::FirstTrouble),
            Outcome::Guarded
            | Outcome::Stopped
            | Outcome::Unavailable
            | Outcome::Denied
            | Outcome::Interrupted
            | Outcome::Failed => Some(Self::Failure),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::FirstTrouble => "trouble",
            Self::Recovery => "recovery",
        }
    }
}

/// A notification that did not go out.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// There is no program in the list.
    #[error("notify.command is empty")]
    Empty,
    /// It could not be started.
    #[error("notify.command: cannot run `{program}`")]
    Start {
        /// What was to be run.
        program: String,
        /// Why it could not.
        source: io::Error,
    },
    /// It ended badly.
    #[error("notify.command: `{program}` failed")]
    Failed {
        /// What was run.
        program: String,
    },
    /// It did not end in time, and was ended.
    #[error("notify.command: `{program}` took longer than {} seconds and was ended", PATIENCE.as_secs())]
    Slow {
        /// What was run.
        program: String,
    },
}

/// Runs the command with the report as its standard input, for at most ten seconds, without the variables that hold secrets.
///
/// # Errors
/// [`NotifyError`]; whatever it is, the run has ended as it has.
pub fn notify(
    words: &[String],
    occasion: Occasion,
    report: &str,
    secrets: &[String],
) -> Result<(), NotifyError> {
    let (program, arguments) = words.split_first().ok_or(NotifyError::Empty)?;
    let start = |source| NotifyError::Start { program: program.clone(), source };
    let mut command = Command::new(program);
    command.args(arguments);
    for name in secrets {
        command.env_remove(name);
    }
    let mut child = command
        .env(VARIABLE, occasion.name())
        .process_group(0)
        // On a full disk the command is told why it runs, and no more.
        .stdin(unnamed(report).map_or_else(|_| Stdio::null(), Stdio::from))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(start)?;
    match child.wait_timeout(PATIENCE).map_err(start)? {
        Some(status) if status.success() => Ok(()),
        Some(_) => Err(NotifyError::Failed { program: program.clone() }),
        None => {
            // It may have ended in this very moment; what matters is that it is gone, with what it started.
            let group = Pid::from_raw(child.id().cast_signed());
            let _: Option<Result<(), Errno>> = group.map(|group| kill_process_group(group, Signal::KILL));
            drop(child.wait());
            Err(NotifyError::Slow { program: program.clone() })
        }
    }
}

/// Whether a program is not there, or not executable: under its path, or in the folders of `PATH` where it is named without one.
pub fn is_missing(program: &str, folders: Option<&str>) -> bool {
    let is_executable = |path: &Path| {
        std::fs::metadata(path)
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return !is_executable(Path::new(program));
    }
    // Where there is no PATH, the system has one of its own.
    folders.is_some_and(|folders| {
        !std::env::split_paths(folders).any(|folder| is_executable(&folder.join(program)))
    })
}

/// A file of its own, since that of the run may be what could not be written; and not a pipe, so that a command that does
/// not read holds nobody up.
fn unnamed(report: &str) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(report.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_trouble_each_failure_and_the_recovery_are_told() {
        use Occasion::{Failure, FirstTrouble, Recovery};
        let cases = [
            (Outcome::Complete, None, None),
            (Outcome::Complete, Some("complete"), None),
            (Outcome::Complete, Some("partial"), Some(Recovery)),
            (Outcome::Complete, Some("denied"), Some(Recovery)),
            (Outcome::Partial, None, Some(FirstTrouble)),
            (Outcome::Partial, Some("complete"), Some(FirstTrouble)),
            // The second partial night is no news.
            (Outcome::Partial, Some("partial"), None),
            (Outcome::Unavailable, Some("unavailable"), Some(Failure)),
            (Outcome::Guarded, Some("complete"), Some(Failure)),
        ];
        for (now, before, told) in cases {
            assert_eq!(Occasion::of(now, MissingInput::default(), before), told, "{now:?} after {before:?}");
        }
    }
}
