//! The closing summary: a run in a few lines, with the command to type next as the last one.
//!
//! Pure: report and context in, text out. Everything of foreign origin goes through [`shown`](super::shown).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::Path;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report_json::{Outcome, Report};
use super::shown::{Shown, shown_lines};
use super::table::aligned;
use crate::domain::provider::ProviderId;
use crate::domain::tally::{InputTally, ProviderTally};

/// How many reasons are listed; the rest is a count, and the whole is in `rejects.csv`.
const REASONS_SHOWN_MAX: usize = 8;

const UNBALANCED: &str = "THE ACCOUNTING DOES NOT BALANCE: this is a fault of the program; \
                          keep report.json and events.jsonl";

/// Why something did not get through, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Whose call; none for rows and fields.
    pub provider: Option<ProviderId>,
    /// What became of it: `refused`, `held`, `deferred` (its tries are used up), `invalid`.
    pub status: String,
    /// The provider's code, the reason of a hold, or what was expected of a value. Never a value.
    pub code: String,
    /// How often.
    pub count: u64,
    /// What the provider means by its code and what to do about it; empty where there is nothing to add.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

/// What the summary needs beyond the counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// Where the files of the run are.
    pub folder: Option<&'a Path>,
    /// Global arguments that the next command needs to find the same state: `--config`, `other.toml` …
    pub arguments: &'a [String],
    /// The flags that the run was limited by, as they were typed. Not in any report: they can name customers.
    pub limits: &'a [String],
    /// Those of them that say to whom calls go.
    pub filters: &'a [String],
    /// Whether the reason why the input was not accepted has been told elsewhere.
    pub failure_is_told: bool,
    /// Whether another run has ended since: what was to be typed after this one was typed, or is not right any more.
    pub is_past: bool,
}

/// The summary of a run, with a line feed at its end.
#[must_use]
pub fn closing(report: &Report, context: &Context<'_>) -> String {
    let mut text = String::new();
    write_closing(&mut text, report, context).expect(INFALLIBLE);
    shown_lines(&text)
}

fn write_closing(text: &mut String, report: &Report, context: &Context<'_>) -> fmt::Result {
    writeln!(text, "{}", headline(report))?;
    if !report.input.files.is_empty() {
        writeln!(text, "{}", input(&report.input))?;
    }
    if !report.changes.is_empty() {
        writeln!(text, "changed: {}", changes(&report.changes))?;
    }
    if let Some(run) = &report.carried_from {
        let calls = report.providers.values().map(|tally| tally.carried_over).sum();
        writeln!(text, "{}", from_earlier(calls, run))?;
    }
    if report.providers.values().any(has_work) {
        writeln!(text, "\n{}", providers(report))?;
    }
    if let Some(stock) = refused_earlier(report) {
        writeln!(text, "\n{stock}")?;
    }
    write_reasons(text, &report.reasons)?;
    let failure = report.failure.iter().filter(|_| !context.failure_is_told);
    for advice in failure.chain(&report.advice) {
        writeln!(text, "\n{advice}")?;
    }
    if !report.balanced {
        writeln!(text, "\n{UNBALANCED}")?;
    }
    if let Some(folder) = context.folder {
        write!(text, "\nfiles: {}", folder.display())?;
    }
    writeln!(text, "\nnext: {}", super::next_step::of(report, context))
}

/// Whether there is anything to tell of a provider.
fn has_work(tally: &ProviderTally) -> bool {
    let came = tally.planned.total() + tally.carried_over + tally.released;
    came + tally.requests + tally.parked > 0
}

/// Changed fields, most frequent first: `email 812 · street 95`.
#[must_use]
pub fn changes(fields: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<(&String, &u64)> = fields.iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(**count));
    let words = counts.iter().map(|(field, count)| format!("{field} {}", grouped(**count)));
    words.collect::<Vec<_>>().join(" · ")
}

/// Calls that are not of this input: `from earlier runs: 6 calls, the oldest of 20261122T211626Z-3f2a`.
#[must_use]
pub fn from_earlier(calls: u64, oldest_run: &str) -> String {
    let unit = if calls == 1 { "call" } else { "calls" };
    format!("from earlier runs: {} {unit}, the oldest of {oldest_run}", grouped(calls))
}

fn headline(report: &Report) -> String {
    let run = &report.run;
    let took = run.started_at.until(run.finished_at);
    let took = SignedDuration::from_secs(i64::try_from(took.as_secs()).unwrap_or(i64::MAX));
    let ending = ending(report);
    format!("{} {}: {ending} ({took:#}, exit code {})", run.command, run.id, run.exit_code)
}

/// How a run ended, as a sentence.
pub(super) fn ending(report: &Report) -> String {
    let stuck: u64 = report.providers.values().map(|tally| tally.held + tally.parked).sum();
    let left: u64 = report.providers.values().map(|tally| tally.deferred).sum();
    let incomplete: u64 = report.providers.values().map(|tally| tally.incomplete).sum();
    let sentence = match report.run.outcome {
        Outcome::Complete if report.run.command == "seed" => {
            "complete: recorded as what the providers hold, nothing was sent"
        }
        Outcome::Complete if left > 0 => {
            let calls = if left == 1 { "call stays" } else { "calls stay" };
            return format!("complete as far as it was asked for; {} other {calls} queued", grouped(left));
        }
        Outcome::Complete if stuck > 0 => {
            let calls = if stuck == 1 { "call" } else { "calls" };
            let stuck = grouped(stuck);
            return format!("complete, but for {stuck} {calls} of earlier runs, held or refused");
        }
        Outcome::Complete if incomplete > 0 => {
            let values = if incomplete == 1 { "value that does" } else { "values that do" };
            return format!(
                "complete, but for {} {values} not go as the rows have them",
                grouped(incomplete)
            );
        }
        Outcome::Complete => "complete: everything that was to be delivered is",
        Outcome::Partial => "finished, but not everything got through",
        Outcome::Guarded if report.is_by_guard() => {
            "stopped by a guard: nothing was queued, nothing was sent"
        }
        Outcome::Guarded => "stopped, since a file cannot be taken: nothing was queued, nothing was sent",
        Outcome::Stopped if left == 0 => "stopped at its limit; nothing stays queued",
        Outcome::Stopped => "stopped at its limit; the rest stays queued",
        // Whoever was down has calls left that were not tried so often.
        Outcome::Unavailable if left > 0 && left == used_up(report) => {
            let calls =
                if left == 1 { "call has used up its tries" } else { "calls have used up their tries" };
            return format!(
                "finished, but {} {calls}; what is left stays queued for the next run",
                grouped(left)
            );
        }
        Outcome::Unavailable => "a provider was not available; its calls stay queued",
        Outcome::Denied => "stopped: a person must act",
        // A run that is ended before its input is accepted has queued nothing either.
        Outcome::Interrupted if report.is_ended_early() => {
            "interrupted while it took its input in; nothing of that was queued"
        }
        Outcome::Interrupted if report.run.command == "rehearse" => {
            "interrupted; what it worked on is thrown away"
        }
        Outcome::Interrupted if left == 0 => "interrupted; nothing stays queued",
        Outcome::Interrupted => "interrupted; the rest stays queued",
        Outcome::Failed => "FAILED",
    };
    sentence.to_owned()
}

fn used_up(report: &Report) -> u64 {
    report.reasons.iter().filter(|reason| reason.status == "deferred").map(|reason| reason.count).sum()
}

fn input(input: &InputTally) -> String {
    let files: Vec<String> = input.files.iter().map(|file| Shown(file).to_string()).collect();
    if input.rows + input.missing == 0 {
        return files.join(", ");
    }
    format!("{}: {}", files.join(", "), read(input))
}

/// What was read, and whom it concerns: `1,007 rows, 1,000 customers: 1,000 new, …`.
#[must_use]
pub fn read(input: &InputTally) -> String {
    let mut parts = vec![
        format!("{} new", grouped(input.new)),
        format!("{} changed", grouped(input.changed)),
        format!("{} unchanged", grouped(input.unchanged)),
    ];
    let rare = [
        (input.stale, "stale"),
        (input.forgotten, "forgotten"),
        (input.missing, "missing from the file"),
        (input.duplicates, "duplicate rows"),
        (input.invalid, "INVALID rows"),
    ];
    parts.extend(
        rare.iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{} {name}", grouped(*count))),
    );
    let rows = grouped(input.rows);
    let customers = grouped(input.customers);
    format!("{rows} rows, {customers} customers: {}", parts.join(", "))
}

fn providers(report: &Report) -> String {
    let header = [
        "provider",
        "to send",
        "acknowledged",
        "refused",
        "held",
        "deferred",
        "superseded",
        "requests",
        "per second",
    ];
    let rows = report.providers.iter().map(|(provider, tally)| provider_row(*provider, tally));
    aligned(&header, rows, &[1, 2, 3, 4, 5, 6, 7, 8])
}

fn provider_row(provider: ProviderId, tally: &ProviderTally) -> Vec<String> {
    let per_second = if tally.requests == 0 {
        "-".to_owned()
    } else {
        format!("{:.1} of {}", tally.achieved_per_second, tally.allowed_per_second)
    };
    vec![
        provider.name().to_owned(),
        grouped(tally.planned.total() + tally.carried_over + tally.released),
        grouped(tally.acknowledged.total()),
        grouped(tally.refused),
        grouped(tally.held),
        grouped(tally.deferred),
        grouped(tally.superseded),
        grouped(tally.requests),
        per_second,
    ]
}

/// The stock that no column tells of: `refused` counts this run. Held calls are counted whichever run held them.
fn refused_earlier(report: &Report) -> Option<String> {
    let earlier = |tally: &ProviderTally| tally.parked.saturating_sub(tally.refused);
    let older = report.providers.iter().map(|(provider, tally)| (provider.name(), earlier(tally)));
    let older: Vec<_> = older.filter(|(_, count)| *count > 0).collect();
    let calls: u64 = older.iter().map(|(_, count)| count).sum();
    let each = older.iter().map(|(provider, count)| format!("{provider} {}", grouped(*count)));
    let each = each.collect::<Vec<_>>().join(" · ");
    let (unit, wait) = if calls == 1 { ("call", "waits") } else { ("calls", "wait") };
    (calls > 0).then(|| {
        format!(
            "refused in earlier runs: {} {unit} still {wait} for a change or a release ({each})",
            grouped(calls)
        )
    })
}

fn write_reasons(text: &mut String, reasons: &[Reason]) -> fmt::Result {
    if reasons.is_empty() {
        return Ok(());
    }
    let rows = reasons.iter().take(REASONS_SHOWN_MAX).map(|reason| {
        let provider = reason.provider.map_or("input", ProviderId::name);
        vec![grouped(reason.count), provider.to_owned(), reason.status.clone(), reason.code.clone()]
    });
    writeln!(text, "\nwhy:\n{}", aligned(&[], rows, &[0]))?;
    let rest: u64 = reasons.iter().skip(REASONS_SHOWN_MAX).map(|reason| reason.count).sum();
    if rest > 0 {
        writeln!(text, " and {} others, in rejects.csv", grouped(rest))?;
    }
    Ok(())
}

/// Why writing into a `String` is expected to succeed.
pub const INFALLIBLE: &str = "writing to a string does not fail";

/// A number with a comma between thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::report_json::tests::sample;

    fn reason(provider: Option<ProviderId>, status: &str, code: &str, count: u64) -> Reason {
        Reason { provider, status: status.to_owned(), code: code.to_owned(), count, ..Reason::default() }
    }

    #[test]
    fn a_partial_run_in_five_seconds() {
        let reasons = [
            reason(Some(ProviderId::Wsone), "refused", "101", 9),
            reason(None, "invalid", "not a phone number \u{1b}[31m", 5),
            reason(Some(ProviderId::Wsone), "held", "key_changed", 1),
        ];
        let arguments = ["--config".to_owned(), "my config.toml".to_owned()];
        let mut report = sample(Outcome::Partial, 3);
        report.reasons = reasons.to_vec();
        report.changes =
            [("email".to_owned(), 1_812), ("city".to_owned(), 3), ("street".to_owned(), 95)].into();
        report.carried_from = Some("20261121T210503Z-9b01".to_owned());
        let context = Context {
            folder: Some(Path::new("state/runs/20261122T211626Z-3f2a")),
            arguments: &arguments,
            failure_is_told: true,
            ..Context::default()
        };
        insta::assert_snapshot!(closing(&report, &context));
    }

    #[test]
    fn a_guarded_run_says_what_the_guard_found() {
        let mut report = sample(Outcome::Guarded, 4);
        report.providers.clear();
        report.input.files.push("b\u{202e} c.csv".to_owned());
        let failure = "guard.max_missing: 31,000 of 100,000 known customers (31%) are missing from the file, 20% are allowed";
        report.failure = Some(failure.to_owned());
        insta::assert_snapshot!(closing(&report, &Context::default()));
    }

    #[test]
    fn accounting_that_does_not_balance_is_shouted() {
        let mut report = sample(Outcome::Failed, 1);
        report.balanced = false;
        assert!(closing(&report, &Context::default()).contains("DOES NOT BALANCE"));
    }

    #[test]
    fn a_provider_that_answered_every_call_was_available() {
        let mut report = sample(Outcome::Unavailable, 5);
        report.providers.values_mut().for_each(|tally| tally.deferred = 0);
        report.providers.entry(ProviderId::Wsone).or_default().deferred = 2;
        report.reasons = vec![reason(Some(ProviderId::Wsone), "deferred", "101", 2)];
        assert!(ending(&report).starts_with("finished, but 2 calls have used up their tries;"));
        report.providers.entry(ProviderId::Wsone).or_default().deferred = 3;
        assert!(ending(&report).starts_with("a provider was not available"));
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
