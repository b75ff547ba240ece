//! One run as a page that stands alone: no script, no font, no image, nothing fetched from anywhere.
//!
//! Here the report becomes what the template shows; `page.html` has words and form, `chart` the drawings. Text of
//! foreign origin passes [`Shown`] here and is escaped by the template engine.

mod chart;
mod timeline;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, HtmlEscape, UndefinedBehavior, Value};
use serde::Serialize;

pub use timeline::Timeline;

use super::rejects::Status;
use super::report_json::{Outcome, Report};
use super::shown::Shown;
use super::text::{Reason, ending, grouped};
use crate::domain::clock::Timestamp;
use crate::domain::provider::ProviderId;
use crate::domain::tally::{InputTally, ProviderTally};

use chart::{Curve, Part};

const TEMPLATE: &str = include_str!("page.html");
/// The name tells the engine to escape for HTML.
const NAME: &str = "page.html";

/// A page that could not be made; a fault of the program.
#[derive(Debug, thiserror::Error)]
#[error("the page of the run cannot be made")]
pub struct PageError(#[from] minijinja::Error);

/// What the template shows.
#[derive(Serialize)]
struct Page<'a> {
    report: &'a Report,
    id: String,
    command: String,
    version: String,
    files: Vec<String>,
    verdict: String,
    tone: &'static str,
    took: String,
    began: String,
    ended: String,
    seconds: String,
    failure: Option<String>,
    advice: Vec<String>,
    next: String,
    stages: Vec<Stage>,
    /// Calls that were refused or held.
    calls: Vec<Reason>,
    /// Values and rows that could not be used, by whose they are.
    faults: Vec<Fault>,
    whose: Vec<&'static str>,
    changes: Vec<Bar>,
    lanes: Vec<Lane<'a>>,
    /// The heads of the columns of `rows`, in the same order.
    providers: Vec<&'static str>,
    rows: Vec<Row>,
    input: Vec<Cell>,
}

/// One stage of the accounting.
#[derive(Serialize)]
struct Stage {
    name: &'static str,
    total: u64,
    parts: Vec<Part>,
    note: String,
}

/// What is wrong with values or rows, counted for each column of its table.
#[derive(Serialize)]
struct Fault {
    reason: String,
    counts: Vec<u64>,
}

/// A count with a length.
#[derive(Serialize)]
struct Bar {
    name: String,
    count: u64,
    length: String,
}

/// What is drawn of one provider.
#[derive(Serialize)]
struct Lane<'a> {
    name: &'static str,
    tally: &'a ProviderTally,
    achieved: String,
    curve: Option<Curve>,
    p50: String,
    p95: String,
    p99: String,
}

/// A line of the table of all counts.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    cells: Vec<Cell>,
}

/// A count with the key that it has in `report.json`.
#[derive(Serialize)]
struct Cell {
    key: String,
    count: u64,
}

/// The page of a run; `next` is the command to type next.
///
/// # Errors
/// [`PageError`] when the template and this program do not fit together.
pub fn page(report: &Report, timeline: &Timeline, next: &str) -> Result<String, PageError> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    engine.add_filter("grouped", grouped);
    engine.add_filter("prose", prose);
    engine.add_template(NAME, TEMPLATE)?;
    Ok(engine.get_template(NAME)?.render(Serde(view(report, timeline, next)))?)
}

fn view<'a>(report: &'a Report, timeline: &Timeline, next: &str) -> Page<'a> {
    let run = &report.run;
    let shown = |text: &String| Shown(text).to_string();
    let took = run.started_at.until(run.finished_at);
    let took = SignedDuration::from_secs(i64::try_from(took.as_secs()).unwrap_or(i64::MAX));
    Page {
        report,
        id: shown(&run.id),
        command: shown(&run.command),
        version: shown(&run.version),
        files: report.input.files.iter().map(shown).collect(),
        verdict: ending(report),
        tone: tone(run.outcome),
        took: format!("{took:#}"),
        began: moment(run.started_at),
        ended: moment(run.finished_at),
        seconds: format!("{:.1}", report.input.seconds),
        failure: report.failure.as_ref().map(shown),
        advice: report.advice.iter().map(shown).collect(),
        next: Shown(next).to_string(),
        stages: stages(report),
        calls: report.reasons.iter().filter(|reason| !is_fault(reason)).map(shown_reason).collect(),
        faults: faults(report),
        whose: whose(report).map(|whose| whose.map_or("rows", ProviderId::name)).collect(),
        changes: changes(&report.changes),
        lanes: lanes(report, timeline),
        providers: report.providers.keys().map(|provider| provider.name()).collect(),
        rows: rows(report),
        input: input(&report.input),
    }
}

/// A time as people read it, to the second.
fn moment(time: Timestamp) -> String {
    let text = time.to_string();
    let whole = text.split_once('.').map_or(text.as_str(), |(whole, _)| whole).trim_end_matches('Z');
    format!("{} UTC", whole.replace('T', " "))
}

/// A sentence with what stands between backticks set as code.
fn prose(sentence: &str) -> Value {
    let pieces = sentence.split('`').enumerate();
    Value::from_safe_string(
        pieces
            .map(|(place, piece)| match place % 2 {
                0 => HtmlEscape(piece).to_string(),
                _ => format!("<code>{}</code>", HtmlEscape(piece)),
            })
            .collect(),
    )
}

fn tone(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "good",
        Outcome::Partial | Outcome::Stopped | Outcome::Unavailable | Outcome::Interrupted => "warn",
        Outcome::Guarded | Outcome::Denied | Outcome::Failed => "bad",
    }
}

/// Whether it is about a value or a row, and not about a call.
fn is_fault(reason: &Reason) -> bool {
    reason.status == Status::Invalid.name()
}

/// The columns of the table of faults: whole rows first, then each provider.
fn whose(report: &Report) -> impl Iterator<Item = Option<ProviderId>> {
    [None].into_iter().chain(report.providers.keys().copied().map(Some))
}

fn faults(report: &Report) -> Vec<Fault> {
    let mut by_reason: BTreeMap<&str, BTreeMap<Option<ProviderId>, u64>> = BTreeMap::new();
    for reason in report.reasons.iter().filter(|reason| is_fault(reason)) {
        *by_reason.entry(&reason.code).or_default().entry(reason.provider).or_default() += reason.count;
    }
    let fault = |(reason, counts): (&str, BTreeMap<Option<ProviderId>, u64>)| Fault {
        reason: Shown(reason).to_string(),
        counts: whose(report).map(|whose| counts.get(&whose).copied().unwrap_or(0)).collect(),
    };
    let mut faults: Vec<Fault> = by_reason.into_iter().map(fault).collect();
    faults.sort_by_key(|fault| std::cmp::Reverse(fault.counts.iter().copied().max()));
    faults
}

fn shown_reason(reason: &Reason) -> Reason {
    let Reason { provider, status, code, count, advice } = reason;
    let shown = |text: &String| Shown(text).to_string();
    Reason {
        provider: *provider,
        status: shown(status),
        code: shown(code),
        count: *count,
        advice: shown(advice),
    }
}

fn stages(report: &Report) -> Vec<Stage> {
    let InputTally {
        rows, customers, new, changed, unchanged, duplicates, invalid, stale, forgotten, ..
    } = report.input;
    let sum = |count: fn(&ProviderTally) -> u64| report.providers.values().map(count).sum::<u64>();
    let calls = sum(|tally| tally.planned.total() + tally.carried_over + tally.released);
    let missing = match report.input.missing {
        0 => String::new(),
        missing => format!("{} known customers are not in the file", grouped(missing)),
    };
    let nothing = if calls == 0 { "nothing was to be sent" } else { "" };
    let requests = match sum(|tally| tally.requests) {
        0 => "no request was made".to_owned(),
        requests => format!("{} requests, repeats included", grouped(requests)),
    };
    let input =
        [("customers", customers, "good"), ("duplicates", duplicates, "calm"), ("invalid", invalid, "bad")];
    let people = [
        ("new", new, "fresh"),
        ("changed", changed, "good"),
        ("unchanged", unchanged, "calm"),
        ("stale", stale, "warn"),
        ("forgotten", forgotten, "calm"),
    ];
    let planned = [
        ("new: create", sum(|tally| tally.planned.create), "fresh"),
        ("new: update", sum(|tally| tally.planned.update), "good"),
        ("carried over", sum(|tally| tally.carried_over), "warn"),
        ("released", sum(|tally| tally.released), "calm"),
    ];
    let answers = [
        ("acknowledged", sum(|tally| tally.acknowledged.total()), "good"),
        ("refused", sum(|tally| tally.refused), "bad"),
        ("held", sum(|tally| tally.held), "bad"),
        ("deferred", sum(|tally| tally.deferred), "warn"),
        ("superseded", sum(|tally| tally.superseded), "calm"),
        ("abandoned", sum(|tally| tally.abandoned), "calm"),
        ("forgotten", sum(|tally| tally.forgotten), "calm"),
    ];
    let stage = |name, total, parts: &[_], note| Stage { name, total, parts: chart::stacked(parts), note };
    vec![
        stage("rows", rows, &input, String::new()),
        stage("customers", customers, &people, missing),
        stage("calls", calls, &planned, nothing.to_owned()),
        stage("outcomes", calls, &answers, requests),
    ]
}

fn changes(fields: &BTreeMap<String, u64>) -> Vec<Bar> {
    let largest = fields.values().copied().max().unwrap_or(0);
    let bar = |(name, count): (&String, &u64)| Bar {
        name: Shown(name).to_string(),
        count: *count,
        length: chart::length(*count, largest),
    };
    let mut bars: Vec<Bar> = fields.iter().map(bar).collect();
    bars.sort_by_key(|bar| std::cmp::Reverse(bar.count));
    bars
}

fn lanes<'a>(report: &'a Report, timeline: &Timeline) -> Vec<Lane<'a>> {
    let slowest = report.providers.values().map(|tally| tally.latency_ms.p99).max().unwrap_or(0);
    let lane = |(provider, tally): (&ProviderId, &'a ProviderTally)| {
        let rates = timeline.rates(*provider);
        let drawn = !rates.is_empty();
        let latency = tally.latency_ms;
        Lane {
            name: provider.name(),
            tally,
            achieved: format!("{:.1}", tally.achieved_per_second),
            curve: drawn.then(|| {
                chart::curve(&rates, timeline.width(), timeline.seconds(), tally.allowed_per_second)
            }),
            p50: chart::length(latency.p50, slowest),
            p95: chart::length(latency.p95, slowest),
            p99: chart::length(latency.p99, slowest),
        }
    };
    report.providers.iter().map(lane).filter(|lane| lane.tally.requests > 0).collect()
}

fn input(input: &InputTally) -> Vec<Cell> {
    let counts = [
        ("rows", input.rows),
        ("customers", input.customers),
        ("new", input.new),
        ("changed", input.changed),
        ("unchanged", input.unchanged),
        ("duplicates", input.duplicates),
        ("invalid", input.invalid),
        ("stale", input.stale),
        ("forgotten", input.forgotten),
        ("missing", input.missing),
        ("bytes", input.bytes),
    ];
    counts.into_iter().map(|(key, count)| Cell { key: key.to_owned(), count }).collect()
}

/// What a line is called, its key, and its count.
type Count = (&'static str, &'static str, fn(&ProviderTally) -> u64);

const COUNTS: [Count; 24] = [
    ("planned: create", "planned.create", |tally| tally.planned.create),
    ("planned: update", "planned.update", |tally| tally.planned.update),
    ("carried over", "carried_over", |tally| tally.carried_over),
    ("released", "released", |tally| tally.released),
    ("acknowledged: create", "acknowledged.create", |tally| tally.acknowledged.create),
    ("acknowledged: update", "acknowledged.update", |tally| tally.acknowledged.update),
    ("refused", "refused", |tally| tally.refused),
    ("held", "held", |tally| tally.held),
    ("deferred: waiting", "deferred", |tally| tally.deferred),
    ("superseded", "superseded", |tally| tally.superseded),
    ("abandoned", "abandoned", |tally| tally.abandoned),
    ("forgotten", "forgotten", |tally| tally.forgotten),
    ("stock of refused calls", "parked", |tally| tally.parked),
    ("stock of skipped fields", "skipped_fields", |tally| tally.skipped_fields),
    ("cleared fields, left as they are", "cleared_fields", |tally| tally.cleared_fields),
    ("not sent as the rows have it", "incomplete", |tally| tally.incomplete),
    ("requests", "requests", |tally| tally.requests),
    ("of them repeats", "retries", |tally| tally.retries),
    ("answers that asked to wait", "throttled", |tally| tally.throttled),
    ("latency, median, ms", "latency_ms.p50", |tally| tally.latency_ms.p50),
    ("latency, p95, ms", "latency_ms.p95", |tally| tally.latency_ms.p95),
    ("latency, p99, ms", "latency_ms.p99", |tally| tally.latency_ms.p99),
    ("latency, slowest, ms", "latency_ms.max", |tally| tally.latency_ms.max),
    ("open at the end", "", |tally| tally.held + tally.deferred),
];

fn rows(report: &Report) -> Vec<Row> {
    let row = |(name, key, count): Count| {
        let cell = |(provider, tally): (&ProviderId, &ProviderTally)| {
            let key = if key.is_empty() { String::new() } else { format!("{provider}.{key}") };
            Cell { key, count: count(tally) }
        };
        Row { name, cells: report.providers.iter().map(cell).collect() }
    };
    COUNTS.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::report_json::tests::sample;

    fn of(report: &Report) -> String {
        page(report, &Timeline::default(), "crmsync status").unwrap()
    }

    #[test]
    fn the_page_of_a_run() {
        let html = of(&sample(Outcome::Partial, 3));
        // The style is for eyes; the browser's test and screenshots look at it.
        let body = html.split("</head>").nth(1).unwrap();
        insta::assert_snapshot!(body);
    }

    #[test]
    fn nothing_is_fetched_and_nothing_runs() {
        let html = of(&sample(Outcome::Failed, 1));
        for forbidden in ["http:", "https:", "<script", "<link", "<img", "url(", "@import"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
        let handler = regex::Regex::new(r#"<[^>]*\son\w+\s*="#).unwrap();
        assert!(handler.is_match("<a class=x onload=y>"));
        assert!(!handler.is_match(&html));
        assert!(html.contains("default-src 'none'"));
    }

    #[test]
    fn a_file_name_is_no_markup() {
        let mut report = sample(Outcome::Complete, 0);
        report.input.files = vec!["<script>alert(1)</script>\u{202e}".to_owned()];
        report.reasons = vec![Reason { code: "<b>\u{1b}".to_owned(), ..Reason::default() }];
        let html = of(&report);
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;") && html.contains("\\u{202e}"));
        assert!(!html.contains("<b>") && html.contains("&lt;b&gt;\\u{1b}"));
    }
}
