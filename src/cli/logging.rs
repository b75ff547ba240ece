//! The log on standard error: what the program does, never a customer's value.

use std::io::{self, Write};

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

/// Ours at the level asked for; of the libraries below, warnings at most: their steps can hold what we redact.
fn directives(verbose: u8, quiet: bool) -> &'static str {
    match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "warn,crmsync=info",
        (false, _) => "warn,crmsync=debug",
    }
}

/// Writes lines past the progress bars without tearing them.
#[derive(Debug, Clone)]
struct PastBars(MultiProgress);

impl Write for PastBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().lock().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl MakeWriter<'_> for PastBars {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
