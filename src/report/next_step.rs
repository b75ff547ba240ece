//! The last line of a summary: the command to type next, exactly as a shell takes it.
//!
//! Pure: it knows the report and the arguments that find the same state again, nothing else.

use super::report_json::{Outcome, Report};
use super::run_files::REJECTS_FILE;
use super::text::Context;

/// The exit code of a run that `max_errors` stopped: looking comes before going on.
const TOO_MANY_ERRORS: u8 = 6;
/// The exit code of a run that was wrong in itself, a seed over open calls for instance.
const USAGE: u8 = 2;
/// What takes a file for what the providers hold.
const SEED: &str = "seed";
/// Standard input cannot be read twice.
const STANDARD_INPUT: &str = "-";

/// What to type after this run.
#[must_use]
pub fn of(report: &Report, context: &Context<'_>) -> String {
    if context.is_past {
        return command(&["status"], context);
    }
    if report.run.command == "rehearse" {
        return on_the_files("plan", report, context);
    }
    let stock = report.providers.values().any(|tally| tally.held + tally.parked > 0);
    match report.run.outcome {
        // A filter on providers or customers left the rest queued.
        Outcome::Complete if is_open(report) => command(&["resume"], context),
        Outcome::Complete | Outcome::Partial if stock => command(&["rejects", "list"], context),
        Outcome::Complete if report.providers.values().all(|tally| tally.incomplete == 0) => {
            "nothing to do".to_owned()
        }
        Outcome::Complete | Outcome::Partial => look_at_rejects(context),
        // Behind a plan comes a sync, which would create everybody whom a seed was to make known.
        Outcome::Guarded if report.run.command != SEED && (report.is_by_guard() || report.is_older()) => {
            on_the_files("plan", report, context)
        }
        Outcome::Guarded => on_the_files("check", report, context),
        Outcome::Stopped if report.run.exit_code == TOO_MANY_ERRORS => command(&["rejects", "list"], context),
        // What waits may be older than what was not taken in.
        Outcome::Interrupted if report.is_ended_early() => on_the_files(&report.run.command, report, context),
        Outcome::Interrupted if !is_open(report) => command(&["status"], context),
        // What was limited to some is not to be followed by everything.
        Outcome::Stopped | Outcome::Unavailable | Outcome::Interrupted => {
            let words: Vec<&str> =
                ["resume"].into_iter().chain(context.filters.iter().map(String::as_str)).collect();
            command(&words, context)
        }
        // What failed is the state: credentials that a provider refuses fail nothing of the run.
        Outcome::Denied if report.failure.is_some() => command(&["doctor"], context),
        Outcome::Denied => command(&["check"], context),
        Outcome::Failed if report.run.exit_code == USAGE && report.run.command == SEED && is_open(report) => {
            command(&["resume"], context)
        }
        Outcome::Failed if report.run.exit_code == USAGE => command(&["status"], context),
        Outcome::Failed => command(&["doctor"], context),
    }
}

fn is_open(report: &Report) -> bool {
    report.providers.values().any(|tally| tally.deferred > 0)
}

/// A command line of ours as a shell understands it, with the arguments that find the same state.
#[must_use]
pub fn command(words: &[&str], context: &Context<'_>) -> String {
    let arguments = context.arguments.iter().map(String::as_str);
    let all = ["crmsync"].into_iter().chain(words.iter().copied()).chain(arguments);
    // Only a NUL cannot be quoted, and no argument of ours came with one.
    shlex::try_join(all).unwrap_or_else(|_| "crmsync status".to_owned())
}

/// A sentence whose commands, between backquotes, can be typed as they stand: with the arguments that find the same state.
#[must_use]
pub fn typed(sentence: &str, arguments: &[String]) -> String {
    let Ok(arguments) = shlex::try_join(arguments.iter().map(String::as_str)) else {
        return sentence.to_owned();
    };
    if arguments.is_empty() {
        return sentence.to_owned();
    }
    let complete = |(number, part): (usize, &str)| {
        let is_command = number % 2 == 1 && part.starts_with("crmsync ");
        if is_command { format!("{part} {arguments}") } else { part.to_owned() }
    };
    sentence.split('`').enumerate().map(complete).collect::<Vec<_>>().join("`")
}

/// Rows and fields are mended in the CRM; the list of them is a file.
#[must_use]
pub fn look_at_rejects(context: &Context<'_>) -> String {
    let Some(folder) = context.folder else { return command(&["status"], context) };
    let file = folder.join(REJECTS_FILE).display().to_string();
    shlex::try_join(["less", &file]).unwrap_or_else(|_| "crmsync status".to_owned())
}

/// `--format` with its value, among what says how files are read.
#[must_use]
pub fn format_in(arguments: &[String]) -> &[String] {
    arguments.windows(2).find(|pair| pair[0] == "--format").unwrap_or_default()
}

fn on_the_files(word: &str, report: &Report, context: &Context<'_>) -> String {
    let files = &report.input.files;
    if files.is_empty() || files.iter().any(|file| file == STANDARD_INPUT) {
        return command(&["status"], context);
    }
    if word == "check" {
        // It takes one file, however it is meant: the one that the failure names.
        let why = report.failure.as_deref().unwrap_or_default();
        let named = files.iter().filter(|file| why.contains(file.as_str())).max_by_key(|file| file.len());
        let format = format_in(&report.run.arguments).iter().map(String::as_str);
        let words = [word, named.unwrap_or(&files[0])].into_iter().chain(format);
        return command(&words.collect::<Vec<_>>(), context);
    }
    let (word, limits): (&[&str], _) = match word {
        "plan" if !context.limits.is_empty() => (&["sync", "-n"], context.limits),
        "sync" => (&["sync"], context.limits),
        word => (&[word], &[][..]),
    };
    let words = files.iter().chain(&report.run.arguments).chain(limits).map(String::as_str);
    command(&word.iter().copied().chain(words).collect::<Vec<_>>(), context)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::report::report_json::tests::sample;

    #[test]
    fn each_outcome_has_its_next_step() {
        let cases = [
            (Outcome::Complete, 0, "crmsync resume"), // four calls wait: a filter left them
            (Outcome::Partial, 3, "crmsync rejects list"),
            (Outcome::Guarded, 4, "crmsync check clients.csv"), // the file itself: no guard spoke
            (Outcome::Stopped, 10, "crmsync resume"),
            (Outcome::Stopped, 6, "crmsync rejects list"),
            (Outcome::Unavailable, 5, "crmsync resume"),
            (Outcome::Denied, 7, "crmsync check"),
            (Outcome::Interrupted, 130, "crmsync resume"),
            (Outcome::Failed, 1, "crmsync doctor"),
            (Outcome::Failed, 2, "crmsync status"),
        ];
        for (outcome, code, next) in cases {
            assert_eq!(of(&sample(outcome, code), &Context::default()), next, "{outcome:?} {code}");
        }
    }

    #[test]
    fn behind_an_earlier_run_comes_what_is_so_now() {
        let context = Context { is_past: true, ..Context::default() };
        assert_eq!(of(&sample(Outcome::Stopped, 10), &context), "crmsync status");
    }

    #[test]
    fn what_a_guard_stopped_is_planned_and_what_rows_lack_is_read() {
        let mut report = sample(Outcome::Guarded, 4);
        report.failure = Some("guard.max_new: too many".to_owned());
        report.input.files.push("b c.csv".to_owned());
        assert_eq!(of(&report, &Context::default()), "crmsync plan clients.csv 'b c.csv'");
        report.run.arguments = ["--kind", "delta"].map(str::to_owned).into();
        assert_eq!(of(&report, &Context::default()), "crmsync plan clients.csv 'b c.csv' --kind delta");

        report.failure = Some("b c.csv: last modified earlier [E226]".to_owned());
        assert_eq!(of(&report, &Context::default()), "crmsync plan clients.csv 'b c.csv' --kind delta");
        report.failure = Some("b c.csv: no column for the key".to_owned());
        assert_eq!(of(&report, &Context::default()), "crmsync check 'b c.csv'");
        report.run.arguments = ["--kind", "delta", "--format", "csv"].map(str::to_owned).into();
        assert_eq!(of(&report, &Context::default()), "crmsync check 'b c.csv' --format csv");
        report.run.outcome = Outcome::Denied;
        assert_eq!(of(&report, &Context::default()), "crmsync doctor");

        let mut early = sample(Outcome::Interrupted, 143);
        early.failure = Some("interrupted while the input was taken in [E228]".to_owned());
        early.run.arguments = vec!["--allow-mass-change".to_owned()];
        assert_eq!(of(&early, &Context::default()), "crmsync sync clients.csv --allow-mass-change");

        let limits = ["--only", "C1", "--max-calls", "2"].map(str::to_owned);
        let limited = Context { limits: &limits, ..Context::default() };
        assert_eq!(
            of(&early, &limited),
            "crmsync sync clients.csv --allow-mass-change --only C1 --max-calls 2"
        );
        let mut report = sample(Outcome::Guarded, 4);
        report.failure = Some("guard.max_new: too many".to_owned());
        assert_eq!(of(&report, &limited), "crmsync sync -n clients.csv --only C1 --max-calls 2");

        let mut report = sample(Outcome::Partial, 3);
        report.providers.clear();
        let context = Context { folder: Some(Path::new("runs/my run")), ..Context::default() };
        assert_eq!(of(&report, &context), "less 'runs/my run/rejects.csv'");
    }

    #[test]
    fn a_command_in_a_sentence_finds_the_same_state() {
        let sentence = "mend `base_url`, then `crmsync resume`; or `crmsync doctor --restore BACKUP`";
        assert_eq!(typed(sentence, &[]), sentence);
        assert_eq!(
            typed(sentence, &["--config", "my config.toml"].map(str::to_owned)),
            "mend `base_url`, then `crmsync resume --config 'my config.toml'`; or `crmsync doctor --restore BACKUP --config \
             'my config.toml'`"
        );
    }

    #[test]
    fn a_complete_run_points_to_the_stock_of_earlier_ones() {
        let mut report = sample(Outcome::Complete, 0);
        let wsone = report.providers.entry(crate::domain::provider::ProviderId::Wsone).or_default();
        wsone.deferred = 0;
        assert_eq!(of(&report, &Context::default()), "crmsync rejects list");
        report.providers.clear();
        assert_eq!(of(&report, &Context::default()), "nothing to do");
    }

    #[test]
    fn a_rehearsal_ends_with_the_plan_of_the_real_thing() {
        let mut report = sample(Outcome::Complete, 0);
        report.run.command = "rehearse".to_owned();
        assert_eq!(of(&report, &Context::default()), "crmsync plan clients.csv");
        report.input.files = vec!["-".to_owned()];
        assert_eq!(of(&report, &Context::default()), "crmsync status");
    }
}
