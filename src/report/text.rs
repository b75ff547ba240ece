//! The closing summary: a run in a few lines, with the command to type next as the last one.
//!
//! Pure: report and context in, text out. Everything of foreign origin goes through [`shown`](super::shown).

use std::fmt::{self, Write};
use std::path::Path;

use jiff::SignedDuration;

use super::report_json::{Outcome, Report};
use super::shown::{Shown, shown_lines};
use super::table::aligned;
use crate::domain::provider::ProviderId;
use crate::domain::tally::{InputTally, ProviderTally};

/// So many reasons are listed; the rest is a count, and the whole is in `rejects.csv`.
const REASONS_SHOWN_MAX: usize = 8;

const UNBALANCED: &str = "THE ACCOUNTING DOES NOT BALANCE: this is a fault of the program; \
                          keep report.json and events.jsonl";

/// Why something did not get through, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Whose call; none for rows and fields.
    pub provider: Option<ProviderId>,
    /// What became of it: `refused`, `held`, `invalid` …
    pub status: String,
    /// The provider's code, the reason of a hold, or what was expected of a value. Never a value.
    pub code: String,
    /// How often.
    pub count: u64,
}

/// What the summary needs beyond the counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// Why things did not get through, most frequent first.
    pub reasons: &'a [Reason],
    /// Sentences for the operator: what a guard found, which setting a provider complained about.
    pub advice: &'a [String],
    /// Where the files of the run are.
    pub folder: Option<&'a Path>,
    /// Global arguments that the next command needs to find the same state: `--config`, `other.toml` …
    pub arguments: &'a [String],
}

/// The summary of a run, with a line feed at its end.
#[must_use]
pub fn closing(report: &Report, context: &Context<'_>) -> String {
    let mut text = String::new();
    write_closing(&mut text, report, context).expect("writing to a string does not fail");
    shown_lines(&text)
}

fn write_closing(text: &mut String, report: &Report, context: &Context<'_>) -> fmt::Result {
    writeln!(text, "{}", headline(report))?;
    if !report.input.files.is_empty() {
        writeln!(text, "{}", input(&report.input))?;
    }
    if !report.providers.is_empty() {
        writeln!(text, "\n{}", providers(report))?;
    }
    write_reasons(text, context.reasons)?;
    for advice in context.advice {
        writeln!(text, "\n{advice}")?;
    }
    if !report.balanced {
        writeln!(text, "\n{UNBALANCED}")?;
    }
    if let Some(folder) = context.folder {
        write!(text, "\nfiles: {}", folder.display())?;
    }
    writeln!(text, "\nnext: {}", next_step(report, context))
}

fn headline(report: &Report) -> String {
    let run = &report.run;
    let took = run.started_at.until(run.finished_at);
    let took = SignedDuration::from_secs(i64::try_from(took.as_secs()).unwrap_or(i64::MAX));
    let ending = match run.outcome {
        Outcome::Complete => "complete: everything that was to be delivered is",
        Outcome::Partial => "finished, but not everything got through",
        Outcome::Guarded => "stopped by a guard: nothing was queued, nothing was sent",
        Outcome::Stopped => "stopped at its limit; the rest stays queued",
        Outcome::Unavailable => "a provider was not available; its calls stay queued",
        Outcome::Denied => "stopped: a person must act",
        Outcome::Interrupted => "interrupted; the rest stays queued",
        Outcome::Failed => "FAILED",
    };
    format!("{} {}: {ending} ({took:#}, exit code {})", run.command, run.id, run.exit_code)
}

fn input(input: &InputTally) -> String {
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
    let files: Vec<String> = input.files.iter().map(|file| Shown(file).to_string()).collect();
    let rows = grouped(input.rows);
    let customers = grouped(input.customers);
    format!("{}: {rows} rows, {customers} customers: {}", files.join(", "), parts.join(", "))
}

fn providers(report: &Report) -> String {
    let header = [
        "provider",
        "to send",
        "delivered",
        "refused",
        "held",
        "waiting",
        "replaced",
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
        grouped(tally.superseded + tally.abandoned + tally.forgotten),
        grouped(tally.requests),
        per_second,
    ]
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

fn next_step(report: &Report, context: &Context<'_>) -> String {
    let stock = report.providers.values().any(|tally| tally.held + tally.parked > 0);
    match report.run.outcome {
        Outcome::Complete if stock => command(&["rejects", "list"], context),
        Outcome::Complete => "nothing to do".to_owned(),
        Outcome::Partial => command(&["rejects", "list"], context),
        Outcome::Guarded => {
            let files = report.input.files.iter().map(String::as_str);
            command(&["plan"].into_iter().chain(files).collect::<Vec<_>>(), context)
        }
        Outcome::Stopped | Outcome::Unavailable | Outcome::Interrupted => command(&["resume"], context),
        Outcome::Denied => command(&["check"], context),
        Outcome::Failed => command(&["doctor"], context),
    }
}

/// A command line as a shell understands it.
fn command(words: &[&str], context: &Context<'_>) -> String {
    let arguments = context.arguments.iter().map(String::as_str);
    let all = ["crmsync"].into_iter().chain(words.iter().copied()).chain(arguments);
    // Only a NUL cannot be quoted, and no argument of ours came with one.
    shlex::try_join(all).unwrap_or_else(|_| "crmsync status".to_owned())
}

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
        Reason { provider, status: status.to_owned(), code: code.to_owned(), count }
    }

    #[test]
    fn a_partial_run_in_five_seconds() {
        let reasons = [
            reason(Some(ProviderId::Wsone), "refused", "101", 9),
            reason(None, "invalid", "not a phone number \u{1b}[31m", 5),
            reason(Some(ProviderId::Wsone), "held", "key_changed", 1),
        ];
        let arguments = ["--config".to_owned(), "my config.toml".to_owned()];
        let context = Context {
            reasons: &reasons,
            folder: Some(Path::new("state/runs/20261122T211626Z-3f2a")),
            arguments: &arguments,
            ..Context::default()
        };
        insta::assert_snapshot!(closing(&sample(Outcome::Partial, 3), &context));
    }

    #[test]
    fn a_guarded_run_says_what_the_guard_found() {
        let mut report = sample(Outcome::Guarded, 4);
        report.providers.clear();
        report.input.files.push("b\u{202e} c.csv".to_owned());
        let advice = ["guard max_missing: 31,000 of 100,000 known customers (31%) are missing from the file, 20% are allowed".to_owned()];
        insta::assert_snapshot!(closing(&report, &Context { advice: &advice, ..Context::default() }));
    }

    #[test]
    fn accounting_that_does_not_balance_is_shouted() {
        let mut report = sample(Outcome::Failed, 1);
        report.balanced = false;
        assert!(closing(&report, &Context::default()).contains("DOES NOT BALANCE"));
    }

    #[test]
    fn each_outcome_has_its_next_step() {
        let cases = [
            (Outcome::Complete, "crmsync rejects list"), // 21 parked calls are left from before
            (Outcome::Partial, "crmsync rejects list"),
            (Outcome::Guarded, "crmsync plan clients.csv"),
            (Outcome::Stopped, "crmsync resume"),
            (Outcome::Unavailable, "crmsync resume"),
            (Outcome::Denied, "crmsync check"),
            (Outcome::Interrupted, "crmsync resume"),
            (Outcome::Failed, "crmsync doctor"),
        ];
        for (outcome, next) in cases {
            let text = closing(&sample(outcome, 0), &Context::default());
            assert_eq!(text.lines().last(), Some(format!("next: {next}").as_str()));
        }
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
