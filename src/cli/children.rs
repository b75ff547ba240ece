//! Commands that the operator has named: each in a group of its own, so that one that takes too long is ended together with
//! whatever it has started.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use wait_timeout::ChildExt;

/// A command with the group that [`wait`] ends.
pub(super) fn command(program: &str, arguments: &[String]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).process_group(0);
    command
}

/// Waits until a child ends, at most so long; `None` where it did not, and was ended with its group.
///
/// # Errors
/// When it cannot be waited for.
pub(super) fn wait(child: &mut Child, patience: Duration) -> io::Result<Option<ExitStatus>> {
    let status = child.wait_timeout(patience)?;
    if status.is_none() {
        // It may have ended in this very moment; what matters is that it is gone.
        kill_process_group(Pid::from_child(child), Signal::KILL).ok();
        drop(child.wait());
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_is_ended_with_what_it_has_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "sleep 600 & echo $! >child; wait".to_owned();
        let mut command = command("/bin/sh", &["-c".to_owned(), script]);
        let mut child = command.current_dir(folder.path()).spawn().expect("started");
        let started = || std::fs::read_to_string(folder.path().join("child")).unwrap_or_default();
        while !started().ends_with('\n') {
            std::thread::yield_now();
        }
        assert!(wait(&mut child, Duration::ZERO).expect("waited").is_none());
        let stat = format!("/proc/{}/stat", started().trim());
        // Whose parent has gone is left to the first process, which may take its time.
        let lives = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        while lives() {
            std::thread::yield_now();
        }
    }
}
