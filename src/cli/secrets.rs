//! Secrets: where the configuration says they are, and how they get from there into memory.
//!
//! A secret is never written in the configuration, never printed and never part of an error: errors name the key
//! of the configuration, the place and what to do.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use secrecy::SecretString;
use wait_timeout::ChildExt;

use super::environment::Environment;
use crate::providers::SecretSource;

/// How long a command may take to give its secret: a vault over a slow network, not a prompt to a person.
const COMMAND_SECONDS_MAX: u64 = 30;
/// How long its output may stay open after its end.
const PIPE_PATIENCE: Duration = Duration::from_secs(1);
/// No secret is longer; a larger file was named by mistake.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// A secret that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("no secret for `{key}`")]
pub struct SecretError {
    key: String,
    #[source]
    fault: Fault,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the environment variable {0} is not set; set it, or name another source in the configuration")]
    NotSet(String),
    #[error("cannot read `{}`; check its path and permissions", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot run `{program}`; check its path and permissions")]
    Command { program: String, source: io::Error },
    #[error("`command` names no program")]
    NoProgram,
    #[error("`{0}` gave nothing within {COMMAND_SECONDS_MAX} s; it must not ask a person")]
    Slow(String),
    #[error(
        "`{0}` ended, and something that it has started keeps its output open; it must not leave anything behind"
    )]
    KeptOpen(String),
    #[error("`{0}` ended with a failure; run it by hand to see why")]
    CommandFailed(String),
    #[error("its source is empty")]
    Empty,
    #[error("its source is longer than {SECRET_BYTES_MAX} bytes")]
    TooLong,
    #[error("its source is not UTF-8 text")]
    NotText,
}

/// Fetches a secret. `key` is where the configuration names its source: `providers.wsone.password`.
///
/// # Errors
/// When the source gives nothing, or nothing that can be a secret.
pub fn resolve(
    source: &SecretSource,
    key: &str,
    environment: &Environment,
) -> Result<SecretString, SecretError> {
    let fetched = match source {
        SecretSource::Env(name) => environment.bytes(name).ok_or_else(|| Fault::NotSet(name.clone())),
        SecretSource::File(path) => read_file(&located(path, environment)),
        SecretSource::Command(words) => run(words, Duration::from_secs(COMMAND_SECONDS_MAX)),
    };
    fetched.and_then(into_secret).map_err(|fault| SecretError { key: key.to_owned(), fault })
}

/// The file of a secret, when others than its owner may read it; `check` warns of that.
#[must_use]
pub fn exposed_file(source: &SecretSource, environment: &Environment) -> Option<PathBuf> {
    let SecretSource::File(path) = source else { return None };
    let path = located(path, environment);
    let mode = std::fs::metadata(&path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then_some(path)
}

/// A relative path is one of systemd's credentials, if there is one of that name.
fn located(path: &Path, environment: &Environment) -> PathBuf {
    let credential = environment.credentials_folder().map(|folder| folder.join(path));
    credential.filter(|found| path.is_relative() && found.exists()).unwrap_or_else(|| path.to_owned())
}

fn read_file(path: &Path) -> Result<Vec<u8>, Fault> {
    File::open(path).and_then(read_limited).map_err(|source| Fault::File { path: path.to_owned(), source })
}

/// Reads one byte more than a secret can have, so that too long is told from just fitting.
fn read_limited(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn run(words: &[String], patience: Duration) -> Result<Vec<u8>, Fault> {
    let (program, arguments) = words.split_first().ok_or(Fault::NoProgram)?;
    let failed = |source| Fault::Command { program: program.clone(), source };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let printed = listen(&mut child).map_err(failed)?;
    let Some(status) = child.wait_timeout(patience).map_err(failed)? else {
        // It may have ended in this very moment; what matters is that it is gone.
        drop(child.kill());
        drop(child.wait());
        return Err(Fault::Slow(program.clone()));
    };
    if !status.success() {
        return Err(Fault::CommandFailed(program.clone()));
    }
    // What it printed is there by now; what it has started may keep the pipe open for ever.
    let printed = printed.recv_timeout(PIPE_PATIENCE).map_err(|_| Fault::KeptOpen(program.clone()))?;
    printed.map_err(failed)
}

/// Reads what a child prints, on a thread, so that a full pipe cannot stop it.
fn listen(child: &mut Child) -> io::Result<mpsc::Receiver<io::Result<Vec<u8>>>> {
    let mut pipe = child.stdout.take().expect("standard output was piped");
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new().name("secret".to_owned()).spawn(move || {
        let printed = read_limited(&mut pipe);
        // What is too long is read to its end: a broken pipe would look like a failure of the command.
        let drained = printed.and_then(|bytes| io::copy(&mut pipe, &mut io::sink()).map(|_| bytes));
        drop(sender.send(drained));
    })?;
    Ok(receiver)
}

fn into_secret(mut bytes: Vec<u8>) -> Result<SecretString, Fault> {
    if bytes.len() as u64 > SECRET_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| Fault::NotText)?;
    // Some editors put a byte order mark before a text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.is_empty() { Err(Fault::Empty) } else { Ok(SecretString::from(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use secrecy::ExposeSecret;

    use super::*;

    const KEY: &str = "providers.wsone.password";

    fn shell(script: &str) -> SecretSource {
        SecretSource::Command(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    fn resolved(source: &SecretSource, environment: &Environment) -> Result<String, String> {
        let text = |error: SecretError| {
            let mut chain = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                chain = format!("{chain}: {error}");
                cause = error.source();
            }
            chain
        };
        resolve(source, KEY, environment).map(|secret| secret.expose_secret().to_owned()).map_err(text)
    }

    #[test]
    fn an_unset_variable_is_named_with_its_key() {
        let source = SecretSource::Env("WSONE_PASSWORD".to_owned());
        let error = resolved(&source, &Environment::with(&[])).unwrap_err();
        assert!(error.contains(KEY) && error.contains("WSONE_PASSWORD is not set"), "{error}");
        let set = Environment::with(&[("WSONE_PASSWORD", "s3cret")]);
        assert_eq!(resolved(&source, &set).unwrap(), "s3cret");
    }

    #[test]
    fn a_file_loses_its_last_line_feed_and_no_more() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("password");
        for (content, secret) in
            [("a b \n", "a b "), ("x\r\n", "x"), ("two\n\n", "two\n"), ("plain", "plain")]
        {
            std::fs::write(&path, content).unwrap();
            let source = SecretSource::File(path.clone());
            assert_eq!(resolved(&source, &Environment::with(&[])).unwrap(), secret);
        }
    }

    #[test]
    fn systemd_credentials_come_before_the_current_folder() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("wsone"), "from systemd").unwrap();
        let environment = Environment::with(&[("CREDENTIALS_DIRECTORY", home.path().to_str().unwrap())]);
        assert_eq!(resolved(&SecretSource::File("wsone".into()), &environment).unwrap(), "from systemd");
    }

    #[test]
    fn a_command_gives_its_standard_output_only() {
        let source = shell("echo noise >&2; printf 's3cret\\n'");
        assert_eq!(resolved(&source, &Environment::with(&[])).unwrap(), "s3cret");
    }

    #[test]
    fn a_command_that_fails_gives_no_secret_away() {
        let error = resolved(&shell("echo s3cret; exit 1"), &Environment::with(&[])).unwrap_err();
        assert!(error.contains("ended with a failure") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let words = ["sleep", "60"].map(str::to_owned);
        assert!(matches!(run(&words, Duration::from_millis(20)), Err(Fault::Slow(_))));
    }

    #[test]
    fn a_command_that_leaves_something_behind_is_told_as_that() {
        let run = |script: &str| run(&["sh", "-c", script].map(str::to_owned), Duration::from_secs(30));
        assert!(matches!(run("echo s3cret; sleep 60 &"), Err(Fault::KeptOpen(_))));
        assert!(matches!(run("sleep 60 & exit 3"), Err(Fault::CommandFailed(_))));
    }

    #[test]
    fn a_file_that_others_may_read_is_found() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("password");
        std::fs::write(&path, "x").unwrap();
        for (mode, exposed) in [(0o600, false), (0o640, true), (0o604, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let found = exposed_file(&SecretSource::File(path.clone()), &Environment::with(&[]));
            assert_eq!(found.is_some(), exposed, "{mode:o}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_secret() {
        let secret = into_secret("\u{feff}hush\r\n".into()).map(|secret| secret.expose_secret().to_owned());
        assert_eq!(secret.ok().as_deref(), Some("hush"));
        assert!(into_secret("\u{feff}\n".into()).is_err());
    }

    #[test]
    fn what_can_be_no_secret_is_refused() {
        for (script, reason) in [
            ("true", "is empty"),
            ("printf '\\n'", "is empty"),
            ("printf '\\377'", "not UTF-8"),
            ("head -c 70000 /dev/zero", "longer than"),
        ] {
            let error = resolved(&shell(script), &Environment::with(&[])).unwrap_err();
            assert!(error.contains(reason), "{script}: {error}");
        }
        let error = resolved(&SecretSource::Command(Vec::new()), &Environment::with(&[])).unwrap_err();
        assert!(error.contains("names no program"), "{error}");
    }
}
