//! The counts of a run as Prometheus text, for the textfile collector of a node exporter.
//!
//! Gauges of the last run, not counters: each run writes the file anew. Counts, names and times only.

use std::fmt::{self, Write};

use super::report_json::Report;
use super::text::INFALLIBLE;
use crate::domain::clock::Timestamp;
use crate::domain::provider::ProviderId;
use crate::domain::tally::ProviderTally;

/// What is counted of a provider under one name, told apart by a label.
type Count = (&'static str, fn(&ProviderTally) -> u64);

const CALLS: [Count; 9] = [
    ("acknowledged", |tally| tally.acknowledged.total()),
    ("refused", |tally| tally.refused),
    ("held", |tally| tally.held),
    ("deferred", |tally| tally.deferred),
    ("superseded", |tally| tally.superseded),
    ("abandoned", |tally| tally.abandoned),
    ("forgotten", |tally| tally.forgotten),
    ("parked", |tally| tally.parked),
    ("skipped_fields", |tally| tally.skipped_fields),
];
const REQUESTS: [Count; 3] = [
    ("sent", |tally| tally.requests),
    ("repeated", |tally| tally.retries),
    ("throttled", |tally| tally.throttled),
];
const LATENCY: [Count; 4] = [
    ("0.5", |tally| tally.latency_ms.p50),
    ("0.95", |tally| tally.latency_ms.p95),
    ("0.99", |tally| tally.latency_ms.p99),
    ("1", |tally| tally.latency_ms.max),
];

/// The text of the file.
#[must_use]
pub fn prometheus(report: &Report) -> String {
    let mut text = String::new();
    write_all(&mut text, report).expect(INFALLIBLE);
    text
}

fn write_all(text: &mut String, report: &Report) -> fmt::Result {
    let run = &report.run;
    head(text, "crmsync_run_info", "The last run that wrote this file.")?;
    let (command, version, outcome) = (Label(&run.command), Label(&run.version), run.outcome.name());
    writeln!(
        text,
        "crmsync_run_info{{command=\"{command}\",version=\"{version}\",outcome=\"{outcome}\"}} 1"
    )?;
    head(text, "crmsync_run_exit_code", "What the program returned to its caller.")?;
    writeln!(text, "crmsync_run_exit_code {}", run.exit_code)?;
    head(text, "crmsync_run_balanced", "1 when the accounting of the run holds.")?;
    writeln!(text, "crmsync_run_balanced {}", u8::from(report.balanced))?;
    head(text, "crmsync_run_started_timestamp_seconds", "When the run began.")?;
    writeln!(text, "crmsync_run_started_timestamp_seconds {}", Seconds(run.started_at))?;
    head(text, "crmsync_run_finished_timestamp_seconds", "When the run ended.")?;
    writeln!(text, "crmsync_run_finished_timestamp_seconds {}", Seconds(run.finished_at))?;
    write_input(text, report)?;
    family(
        text,
        report,
        ("crmsync_calls", "Calls of the run by what became of them, and stocks.", "state"),
        &CALLS,
    )?;
    family(text, report, ("crmsync_requests", "Requests of the run.", "kind"), &REQUESTS)?;
    let latency = ("crmsync_latency_milliseconds", "Response times of the run.", "quantile");
    family(text, report, latency, &LATENCY)
}

fn write_input(text: &mut String, report: &Report) -> fmt::Result {
    let input = &report.input;
    head(text, "crmsync_input", "Rows and customers of the input.")?;
    for (kind, count) in [
        ("rows", input.rows),
        ("customers", input.customers),
        ("new", input.new),
        ("changed", input.changed),
        ("unchanged", input.unchanged),
        ("stale", input.stale),
        ("forgotten", input.forgotten),
        ("duplicates", input.duplicates),
        ("invalid", input.invalid),
        ("missing", input.missing),
    ] {
        writeln!(text, "crmsync_input{{kind=\"{kind}\"}} {count}")?;
    }
    Ok(())
}

fn family(
    text: &mut String,
    report: &Report,
    (name, help, label): (&str, &str, &str),
    counts: &[Count],
) -> fmt::Result {
    head(text, name, help)?;
    for (provider, tally) in &report.providers {
        let provider = ProviderId::name(*provider);
        for (value, count) in counts {
            writeln!(text, "{name}{{provider=\"{provider}\",{label}=\"{value}\"}} {}", count(tally))?;
        }
    }
    Ok(())
}

fn head(text: &mut String, name: &str, help: &str) -> fmt::Result {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge")
}

/// A label's value with what would end it escaped.
struct Label<'a>(&'a str);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' | '"' => write!(f, "\\{c}"),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}

/// Seconds since 1970 with their milliseconds.
struct Seconds(Timestamp);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.0;
        write!(f, "{}.{:03}", millis.div_euclid(1_000), millis.rem_euclid(1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::report_json::Outcome;
    use crate::report::report_json::tests::sample;

    #[test]
    fn the_metrics_of_a_run() {
        insta::assert_snapshot!(prometheus(&sample(Outcome::Partial, 3)));
    }

    #[test]
    fn a_label_cannot_be_left() {
        assert_eq!(Label("a\"b\\\n").to_string(), "a\\\"b\\\\\\n");
    }
}
