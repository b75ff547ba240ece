//! Standard output and standard error. Data goes to the one, talk to the other, and nothing that a terminal would
//! obey goes to either.

use std::io::{self, ErrorKind, IsTerminal, Write};

use indicatif::MultiProgress;
use serde::Serialize;

use super::arguments::{GlobalArguments, LogFormat, ProgressWhen};
use super::failure::Failure;
use super::{logging, terminal};
use crate::report::next_step;
use crate::report::shown::shown_lines;

/// Where the program prints.
#[derive(Debug, Clone)]
pub struct Console {
    /// The bars of a run; what is written past them goes through here, so that they are not torn.
    bars: MultiProgress,
    json: bool,
    quiet: bool,
    log_format: LogFormat,
    progress: ProgressWhen,
    /// What other commands need to work on the same configuration and state.
    arguments: Vec<String>,
}

/// How progress is shown in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressStyle {
    /// Bars.
    Bars,
    /// A line a minute.
    Lines,
    /// Warnings only.
    WarningsOnly,
    /// Nothing.
    Nothing,
}

impl Console {
    /// The console that these flags ask for.
    #[must_use]
    pub fn new(global: &GlobalArguments) -> Self {
        Self {
            bars: MultiProgress::with_draw_target(terminal::draw_target()),
            json: global.json,
            quiet: global.quiet,
            log_format: global.log_format,
            progress: global.progress,
            arguments: super::repeated(global),
        }
    }

    /// Whether `--json` was asked for.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// The bars of a run.
    #[must_use]
    pub fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// How progress is to be shown.
    #[must_use]
    pub fn progress_style(&self) -> ProgressStyle {
        // Between entries of a log nothing is drawn.
        let draws = self.log_format == LogFormat::Text && io::stderr().is_terminal();
        progress_style(self.progress, self.quiet, draws)
    }

    /// Prints text for people on standard output, with control characters made harmless.
    ///
    /// # Errors
    /// When it cannot be written; a reader that has gone away is no error.
    pub fn text(&self, text: &str) -> io::Result<()> {
        self.bytes(shown_lines(text).as_bytes())
    }

    /// Prints one JSON document on standard output.
    ///
    /// # Errors
    /// When it cannot be written; a reader that has gone away is no error.
    pub fn json<T: Serialize>(&self, data: &T) -> io::Result<()> {
        let mut json = serde_json::to_vec_pretty(data)?;
        json.push(b'\n');
        self.bytes(&json)
    }

    /// Tells what was done: in words on standard error, or with `--json` as one JSON document on standard output.
    ///
    /// # Errors
    /// When it cannot be written; a reader that has gone away is no error.
    pub fn done<T: Serialize>(&self, data: &T, words: &str) -> io::Result<()> {
        if self.json {
            return self.json(data);
        }
        self.talk(words);
        Ok(())
    }

    /// Puts bytes on standard output as they are: scripts, manual pages, JSON.
    ///
    /// # Errors
    /// When they cannot be written; a reader that has gone away is no error.
    pub fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => {
                Err(io::Error::new(error.kind(), format!("cannot write to standard output: {error}")))
            }
        }
    }

    /// Says something on standard error, unless `-q` was asked for. Where nobody can be told, what is done is done all the same.
    pub fn talk(&self, text: &str) {
        match (self.quiet, self.log_format) {
            (true, _) => {}
            (false, LogFormat::Text) => drop(self.stderr(text)),
            (false, LogFormat::Json) => logging::tell(text),
        }
    }

    /// Where the lines of progress go.
    #[must_use]
    pub fn progress_lines(&self) -> Box<dyn Write + Send> {
        match self.log_format {
            LogFormat::Text => Box::new(io::stderr()),
            LogFormat::Json => Box::new(logging::told_lines()),
        }
    }

    /// Tells a failure on standard error. Where nobody can be told, the exit code still can.
    pub fn fail(&self, failure: &Failure) {
        let (sentence, code) =
            (next_step::typed(&failure.to_string(), &self.arguments), failure.named.name());
        let told = match self.log_format {
            LogFormat::Text => self.stderr(&format!("error[{code}]: {sentence}")),
            LogFormat::Json => {
                tracing::error!(exit_code = failure.code.number(), code, "{sentence}");
                Ok(())
            }
        };
        drop(told);
    }

    fn stderr(&self, text: &str) -> io::Result<()> {
        self.bars.suspend(|| writeln!(io::stderr().lock(), "{}", shown_lines(text)))
    }
}

/// How wide the terminal behind standard error is now.
pub(super) fn columns() -> usize {
    usize::from(console::Term::stderr().size().1)
}

fn progress_style(when: ProgressWhen, quiet: bool, terminal: bool) -> ProgressStyle {
    match (when, quiet, terminal) {
        (ProgressWhen::Auto, false, true) | (ProgressWhen::Always, _, true) => ProgressStyle::Bars,
        (ProgressWhen::Auto, false, false) | (ProgressWhen::Always, _, false) => ProgressStyle::Lines,
        (ProgressWhen::Never, false, _) => ProgressStyle::WarningsOnly,
        (ProgressWhen::Auto | ProgressWhen::Never, true, _) => ProgressStyle::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_for_terminals_and_quiet_is_quiet() {
        use ProgressStyle::{Bars, Lines, Nothing, WarningsOnly};
        use ProgressWhen::{Always, Auto, Never};
        let cases = [
            (Auto, false, true, Bars),
            (Auto, false, false, Lines),
            (Auto, true, true, Nothing),
            (Always, true, true, Bars),
            (Always, false, false, Lines),
            (Never, false, true, WarningsOnly),
            (Never, true, false, Nothing),
        ];
        for (when, quiet, terminal, style) in cases {
            assert_eq!(progress_style(when, quiet, terminal), style, "{when:?} {quiet} {terminal}");
        }
    }
}
