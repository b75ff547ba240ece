//! `report.json`: the counts of a run under the names that scripts rely on, and back again for `history` and
//! `status`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};

use super::run_files::{FileError, REPORT_FILE, RunFolder};
use super::text::Reason;
use crate::domain::clock::{Timestamp, rfc3339};
use crate::domain::provider::ProviderId;
use crate::domain::run_id::RunId;
use crate::domain::tally::{InputTally, ProviderTally, Tally};

/// The shape of the file. Goes up when a key changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// How the sentence of a guard begins.
const GUARD: &str = "guard.";
/// How the failure of an input that is older than another one ends.
const OLDER: &str = "[E226]";
/// How that of a run ends that a signal ended before its input was accepted.
const ENDED_EARLY: &str = "[E228]";

/// How a run ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything that was to be delivered is.
    Complete,
    /// Finished, with rows, fields or calls that did not get through.
    Partial,
    /// A guard or the file itself stopped it before anything was queued.
    Guarded,
    /// A budget of time, calls or errors was used up.
    Stopped,
    /// A provider was not available.
    Unavailable,
    /// A person must act first.
    Denied,
    /// A signal ended it.
    Interrupted,
    /// It failed.
    Failed,
}

impl Outcome {
    /// The word for it in reports and events.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Guarded => "guarded",
            Self::Stopped => "stopped",
            Self::Unavailable => "unavailable",
            Self::Denied => "denied",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// Which run it was and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// Its name.
    pub id: String,
    /// The command that was typed: `sync`, `resume` …
    pub command: String,
    /// What was typed besides the files and says how they are read: `--kind`, `delta` …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// The version of the program.
    pub version: String,
    /// When it began.
    #[serde(with = "rfc3339")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(with = "rfc3339")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub finished_at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// What the program returned to its caller.
    pub exit_code: u8,
}

/// A run in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// Which run.
    pub run: RunInfo,
    /// What was read.
    pub input: InputTally,
    /// What was sent, for each enabled provider.
    pub providers: BTreeMap<ProviderId, ProviderTally>,
    /// For how many known customers each canonical field changed or was cleared.
    #[serde(default)]
    pub changes: BTreeMap<String, u64>,
    /// The run that the oldest of the calls carried over comes from; left out when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_from: Option<String>,
    /// Why things did not get through, most frequent first.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// Why the input was not accepted, or what went wrong with the run as a whole after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Sentences for the operator: what a provider complained about. No value of a customer.
    #[serde(default)]
    pub advice: Vec<String>,
    /// Whether the accounting held everywhere.
    pub balanced: bool,
}

/// A report that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file is not there or not readable.
    #[error("cannot read `{}`", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a report.
    #[error("`{}` is no report that this program understands", .path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl Report {
    /// The report of a run with these counts, without any words yet; checks the accounting itself.
    #[must_use]
    pub fn new(run: RunInfo, tally: Tally) -> Self {
        let balanced = tally.balances();
        let Tally { mut input, mut providers } = tally;
        make_finite(&mut input.seconds);
        for provider in providers.values_mut() {
            make_finite(&mut provider.allowed_per_second);
            make_finite(&mut provider.achieved_per_second);
        }
        Self {
            schema_version: SCHEMA_VERSION,
            run,
            input,
            providers,
            changes: BTreeMap::new(),
            carried_from: None,
            reasons: Vec::new(),
            failure: None,
            advice: Vec::new(),
            balanced,
        }
    }

    /// The file's text, with a line feed at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json =
            serde_json::to_string_pretty(self).expect("a report holds text keys and finite numbers only");
        json.push('\n');
        json
    }

    /// Whether it was a guard that stopped the run, and not what its file is.
    pub(super) fn is_by_guard(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.starts_with(GUARD))
    }

    /// Whether the input was older than one accepted before: `plan` looks at it all the same, and names the flag.
    pub(super) fn is_older(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.ends_with(OLDER))
    }

    /// Whether the run was ended while it took its input in.
    pub(super) fn is_ended_early(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.ends_with(ENDED_EARLY))
    }

    /// Writes `report.json` into the folder of its run. A crash leaves none or a whole one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, folder: &RunFolder) -> Result<(), FileError> {
        folder.write(REPORT_FILE, self.to_json().as_bytes())
    }

    /// Reads the report of an earlier run.
    ///
    /// # Errors
    /// When there is none (the run crashed, or is still going on), or it is not one.
    pub fn read(runs: &Path, id: &RunId) -> Result<Self, ReportError> {
        let path = RunFolder::of(runs, id).file(REPORT_FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(source) => return Err(ReportError::Unreadable { path, source }),
        };
        serde_json::from_slice(&text).map_err(|source| ReportError::Malformed { path, source })
    }
}

/// The JSON Schema of `report.json`.
#[must_use]
pub fn json_schema() -> Schema {
    schema_for!(Report)
}

/// JSON has no word for infinite or undefined; nothing measured is zero.
fn make_finite(number: &mut f64) {
    if !number.is_finite() {
        *number = 0.0;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::tally::{ByOperation, Latency};

    /// A run with something of everything in it.
    pub(crate) fn sample(outcome: Outcome, exit_code: u8) -> Report {
        let wsone = ProviderTally {
            planned: ByOperation { create: 12, update: 500 },
            carried_over: 3,
            acknowledged: ByOperation { create: 11, update: 490 },
            refused: 9,
            held: 1,
            deferred: 4,
            parked: 21,
            requests: 530,
            retries: 15,
            throttled: 2,
            allowed_per_second: 10.0,
            achieved_per_second: 9.97,
            latency_ms: Latency { p50: 41, p95: 90, p99: 210, max: 1_204 },
            ..ProviderTally::default()
        };
        let lemonway = ProviderTally { allowed_per_second: 5.0, ..ProviderTally::default() };
        let input = InputTally {
            files: vec!["clients.csv".to_owned()],
            bytes: 52_428_800,
            rows: 100_010,
            customers: 100_000,
            new: 12,
            changed: 512,
            unchanged: 99_476,
            duplicates: 5,
            invalid: 5,
            seconds: 3.25,
            ..InputTally::default()
        };
        let run = RunInfo {
            id: "20261122T211626Z-3f2a".to_owned(),
            command: "sync".to_owned(),
            arguments: Vec::new(),
            version: "0.1.0".to_owned(),
            started_at: Timestamp(1_795_382_186_123),
            finished_at: Timestamp(1_795_382_246_123),
            outcome,
            exit_code,
        };
        let providers = [(ProviderId::Wsone, wsone), (ProviderId::Lemonway, lemonway)].into();
        Report::new(run, Tally { input, providers })
    }

    #[test]
    fn the_file_has_exactly_the_keys_of_the_contract() {
        insta::assert_snapshot!(sample(Outcome::Partial, 3).to_json());
    }

    #[test]
    fn a_report_survives_its_file() {
        let home = tempfile::tempdir().unwrap();
        let report = sample(Outcome::Partial, 3);
        let id = RunId::parse(&report.run.id).unwrap();
        report.write(&RunFolder::create(home.path(), &id).unwrap()).unwrap();
        assert_eq!(Report::read(home.path(), &id).unwrap(), report);
    }

    #[test]
    fn a_report_that_does_not_add_up_says_so() {
        let Report { run, input, mut providers, balanced, .. } = sample(Outcome::Complete, 0);
        assert!(balanced);
        providers.entry(ProviderId::Wsone).or_default().deferred -= 1;
        assert!(!Report::new(run, Tally { input, providers }).balanced);
    }

    #[test]
    fn an_undefined_rate_is_written_as_zero() {
        let Report { run, mut input, providers, .. } = sample(Outcome::Complete, 0);
        input.seconds = f64::NAN;
        let json = Report::new(run, Tally { input, providers }).to_json();
        assert!(serde_json::from_str::<Report>(&json).is_ok());
    }
}
