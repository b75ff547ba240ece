//! The log on standard error: what the program does, never a customer's value.

use std::io::{self, LineWriter, Write};

use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::arguments::{GlobalArguments, LogFormat};

/// Starts the log for the rest of the process. A second start changes nothing.
pub(super) fn start(global: &GlobalArguments, bars: &MultiProgress) {
    let filter = EnvFilter::new(directives(global.verbose, global.quiet));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(PastBars(bars.clone()));
    let started = match global.log_format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    drop(started);
}

/// What marks the lines that are talk and not log: they are told unless `-q` is given.
const TALK: &str = "crmsync::talk";

/// Says something as an entry of the log.
pub(super) fn tell(text: &str) {
    match text.strip_prefix("warning: ") {
        Some(warning) => tracing::warn!(target: TALK, "{warning}"),
        None => tracing::info!(target: TALK, "{text}"),
    }
}

/// Makes each line that is written to it an entry of the log.
pub(super) fn told_lines() -> impl Write {
    LineWriter::new(Lines)
}

struct Lines;

impl Write for Lines {
    /// Gets whole lines.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        String::from_utf8_lossy(bytes).lines().for_each(tell);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Ours at the level asked for, and talk; of the libraries below, warnings at most: their steps can hold what we redact.
fn directives(verbose: u8, quiet: bool) -> &'static str {
    match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn,crmsync::talk=info",
        (false, 1) => "warn,crmsync=info",
        (false, _) => "warn,crmsync=debug",
    }
}

/// Writes lines past the progress bars without tearing them. Where nobody can be told, the run goes on all the same: an error
/// that is given back here would be told on standard error too, and end the program.
#[derive(Debug, Clone)]
struct PastBars(MultiProgress);

impl Write for PastBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _untold: io::Result<()> = self.0.suspend(|| io::stderr().lock().write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for PastBars {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
