//! The page of a run in a real browser. Where there is no Chromium the test says so and looks at nothing.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{World, customers};

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
];

/// What the browser makes of a page: the document as it is after loading, and what it said meanwhile. `None`
/// where there is no browser.
fn browse(page: &Path) -> Option<Output> {
    let profile = tempfile::tempdir().expect("a folder");
    NAMES.iter().find_map(|name| {
        Command::new(name)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("--dump-dom")
            .arg(format!("file://{}", page.display()))
            .output()
            .ok()
    })
}

/// The cells of a row of the document: texts between tags.
fn texts(row: &str) -> Vec<String> {
    row.split('>')
        .filter_map(|piece| piece.split('<').next())
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect()
}

fn number(text: &str) -> u64 {
    text.replace(',', "").parse().unwrap_or_else(|_| unreachable!("`{text}` is a number"))
}

#[test]
fn a_browser_shows_the_counts_of_the_report_and_complains_of_nothing() {
    let world = World::new();
    let mut people = customers(40);
    people[3].email = "nobody".to_owned();
    world.populate(&people[..30]);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["report", "--html", "run.html"]).exits(0);
    let Some(seen) = browse(&world.path("run.html")) else {
        writeln!(std::io::stderr(), "SKIPPED: no Chromium on this machine, the page was not looked at")
            .expect("told");
        return;
    };
    let said = String::from_utf8_lossy(&seen.stderr);
    assert!(!said.contains("CONSOLE"), "{said}");
    let document = String::from_utf8(seen.stdout).expect("UTF-8");
    let report = world.report();
    let mut compared = 0;
    for cell in document.split("data-key=\"").skip(1) {
        let (key, rest) = cell.split_once('"').expect("a key");
        let shown = rest.split(['>', '<']).nth(1).expect("a text");
        let pointer = format!("/{}", key.replace('.', "/"));
        assert_eq!(report.pointer(&pointer).and_then(Value::as_u64), Some(number(shown)), "{key}");
        compared += 1;
    }
    assert_eq!(compared, 3 * 23 + 11, "every count is on the page");

    // The heads of the columns say whose the counts are.
    let table = document.split("id=\"providers\"").nth(1).expect("the table of the providers");
    let rows: Vec<Vec<String>> = table.split("<tr>").skip(1).map(texts).collect();
    assert_eq!(rows[0], ["count", "wsone", "lemonway", "safedebit"]);
    let refused = rows.iter().find(|row| row[0] == "refused").expect("a row");
    for (name, shown) in rows[0].iter().zip(refused).skip(1) {
        assert_eq!(report["providers"][name]["refused"], number(shown), "{name}");
    }
    assert_eq!(report["providers"]["lemonway"]["refused"], 10);
}
