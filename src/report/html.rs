//! One run as a page that stands alone: no script, no font, no image, nothing fetched from anywhere.

use std::fmt::{self, Display, Write};

use super::report_json::Report;
use super::shown::Shown;
use super::text::{Reason, grouped};
use crate::domain::provider::ProviderId;
use crate::domain::tally::ProviderTally;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}\
    table{border-collapse:collapse;margin:1rem 0}th,td{border-bottom:1px solid #ccc;padding:.3rem .8rem;text-align:right}\
    th:first-child,td:first-child{text-align:left}.alarm{color:#a00;font-weight:bold}";

/// The page of a run.
#[must_use]
pub fn page(report: &Report, reasons: &[Reason]) -> String {
    let mut html = String::new();
    write_page(&mut html, report, reasons).expect("writing to a string does not fail");
    html
}

fn write_page(html: &mut String, report: &Report, reasons: &[Reason]) -> fmt::Result {
    let run = &report.run;
    write!(
        html,
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>crmsync {id}</title><style>{STYLE}</style>\n<h1>{command} {id}</h1>\n",
        id = Escaped(&run.id),
        command = Escaped(&run.command),
    )?;
    writeln!(
        html,
        "<p><b>{}</b>, exit code {}. From {} to {}, crmsync {}.</p>",
        run.outcome.name(),
        run.exit_code,
        run.started_at,
        run.finished_at,
        Escaped(&run.version)
    )?;
    if !report.balanced {
        html.push_str("<p class=\"alarm\">The accounting does not balance.</p>\n");
    }
    write_input(html, report)?;
    write_providers(html, report)?;
    write_reasons(html, reasons)?;
    html.push_str("</html>\n");
    Ok(())
}

fn write_input(html: &mut String, report: &Report) -> fmt::Result {
    let input = &report.input;
    let files: Vec<String> = input.files.iter().map(|file| Escaped(file).to_string()).collect();
    writeln!(html, "<h2>Input</h2><p>{}</p>", files.join("<br>"))?;
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
    ];
    html.push_str("<table>");
    for (name, count) in counts {
        write!(html, "<tr><td>{name}<td>{}", grouped(count))?;
    }
    html.push_str("</table>\n");
    Ok(())
}

fn write_providers(html: &mut String, report: &Report) -> fmt::Result {
    html.push_str("<h2>Providers</h2><table><tr><th>");
    for provider in report.providers.keys() {
        write!(html, "<th>{provider}")?;
    }
    type Count = (&'static str, fn(&ProviderTally) -> u64);
    let counts: [Count; 19] = [
        ("planned: create", |tally| tally.planned.create),
        ("planned: update", |tally| tally.planned.update),
        ("carried over", |tally| tally.carried_over),
        ("released", |tally| tally.released),
        ("acknowledged: create", |tally| tally.acknowledged.create),
        ("acknowledged: update", |tally| tally.acknowledged.update),
        ("refused", |tally| tally.refused),
        ("held", |tally| tally.held),
        ("deferred", |tally| tally.deferred),
        ("superseded", |tally| tally.superseded),
        ("abandoned", |tally| tally.abandoned),
        ("forgotten", |tally| tally.forgotten),
        ("parked (stock)", |tally| tally.parked),
        ("skipped fields (stock)", |tally| tally.skipped_fields),
        ("incomplete objects", |tally| tally.incomplete),
        ("requests", |tally| tally.requests),
        ("throttled", |tally| tally.throttled),
        ("latency p95, ms", |tally| tally.latency_ms.p95),
        ("latency max, ms", |tally| tally.latency_ms.max),
    ];
    for (name, count) in counts {
        write!(html, "<tr><td>{name}")?;
        for tally in report.providers.values() {
            write!(html, "<td>{}", grouped(count(tally)))?;
        }
    }
    html.push_str("<tr><td>requests a second");
    for tally in report.providers.values() {
        write!(html, "<td>{:.1} of {}", tally.achieved_per_second, tally.allowed_per_second)?;
    }
    html.push_str("</table>\n");
    Ok(())
}

fn write_reasons(html: &mut String, reasons: &[Reason]) -> fmt::Result {
    if reasons.is_empty() {
        return Ok(());
    }
    html.push_str("<h2>What did not get through</h2><table><tr><th>provider<th>status<th>code<th>count");
    for reason in reasons {
        let provider = reason.provider.map_or("input", ProviderId::name);
        let (status, code) = (Escaped(&reason.status), Escaped(&reason.code));
        write!(html, "<tr><td>{provider}<td>{status}<td>{code}<td>{}", grouped(reason.count))?;
    }
    html.push_str("</table>\n");
    Ok(())
}

/// Text that a page shows as it is.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in Shown(self.0).to_string().chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::report_json::Outcome;
    use crate::report::report_json::tests::sample;

    #[test]
    fn the_page_of_a_run() {
        insta::assert_snapshot!(page(&sample(Outcome::Partial, 3), &[]));
    }

    #[test]
    fn a_file_name_is_no_markup() {
        let mut report = sample(Outcome::Complete, 0);
        report.input.files = vec!["<script>alert(1)</script>\u{202e}".to_owned()];
        let html = page(&report, &[]);
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;") && html.contains("\\u{202e}"));
    }
}
