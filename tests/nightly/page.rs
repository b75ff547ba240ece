//! The page of a run in a real browser. Where there is no Chromium that works, the test says so and looks at nothing.

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
/// where there is no browser that works: some systems put a stub in its place that only says how to get one.
fn browse(page: &Path, flags: &[&str]) -> Option<Output> {
    let profile = tempfile::tempdir().expect("a folder");
    NAMES.iter().find_map(|name| {
        Command::new(name)
            .args(FLAGS)
            .args(flags)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("--dump-dom")
            .arg(format!("file://{}", page.display()))
            .output()
            .ok()
            .filter(|seen| seen.status.success() && !seen.stdout.is_empty())
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

fn skipped() {
    writeln!(
        std::io::stderr(),
        "SKIPPED: no Chromium that works on this machine, the page was not looked at"
    )
    .expect("told");
}

#[test]
fn a_browser_shows_the_counts_of_the_report_and_complains_of_nothing() {
    let world = World::new();
    let mut people = customers(40);
    people[3].email = "nobody".to_owned();
    world.populate(&people[..30]);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["report", "--html", "run.html"]).exits(0);
    let Some(seen) = browse(&world.path("run.html"), &[]) else {
        return skipped();
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

/// The widths of a telephone and of a desk.
const WIDTHS: [u32; 2] = [400, 1400];
/// The flag of Chromium that makes a page be seen in the dark, and the one for daylight.
const SCHEMES: [(&str, bool); 2] =
    [("--blink-settings=preferredColorScheme=0", true), ("--blink-settings=preferredColorScheme=1", false)];
/// Looks into each frame once all are loaded: its name, its width, the width of what it shows, how many tables
/// have to be scrolled, whether it is dark.
const LOOK: &str = "onload = () => { document.body.dataset.seen = [...document.querySelectorAll('iframe')].map(frame => {
    const page = frame.contentDocument.documentElement;
    const scrolled = [...page.querySelectorAll('.scroll')].filter(table => table.scrollWidth > table.clientWidth);
    const dark = frame.contentWindow.matchMedia('(prefers-color-scheme: dark)').matches;
    return [frame.name, page.clientWidth, page.scrollWidth, scrolled.length, dark].join(' ');
}).join(';'); };";

/// One document that shows each page at each width in a frame of its own; the pages are as they were written.
fn frames(pages: &[(&str, String)]) -> String {
    let mut text = format!("<!doctype html><meta charset=utf-8><script>{LOOK}</script><body>");
    for (name, page) in pages {
        let escaped = page.replace('&', "&amp;").replace('"', "&quot;");
        for width in WIDTHS {
            text.push_str(&format!(
                "<iframe name={name} srcdoc=\"{escaped}\" style=\"width:{width}px;height:9000px;border:0\"></iframe>"
            ));
        }
    }
    text
}

/// A night in which one provider is down, one refuses the credentials and one refuses and is given keys that
/// cannot be told apart.
fn a_bad_night() -> String {
    let world = World::new();
    let mut people = customers(60);
    people[3].email = "nobody".to_owned();
    people[8].wallet = people[7].wallet.clone();
    world.populate(&people[..30]);
    world.configure("[dispatch]\noutage_patience = \"300ms\"\n", &[]);
    world.play(
        "[[rule]]\nprovider = \"wsone\"\nnth = 2\neffect = { status = { code = 429, retry_after = \"1\" } }\n\
         [[rule]]\nprovider = \"wsone\"\nfrom = 20\neffect = { status = { code = 503 } }\n\
         [[rule]]\nprovider = \"safedebit\"\nfrom = 10\neffect = { status = { code = 401 } }\n",
    );
    world.sync(&world.csv("crm.csv", &people)).exits(7);
    let page = page_of(&world);
    assert!(
        page.contains("duplicate_key") && page.contains("two customers have this key"),
        "why calls are held"
    );
    page
}

fn page_of(world: &World) -> String {
    world.run(&["report", "--html", "run.html"]).exits(0);
    std::fs::read_to_string(world.path("run.html")).expect("a page")
}

#[test]
fn a_good_a_bad_and_an_empty_run_fit_a_telephone_and_a_desk_by_day_and_by_night() {
    let world = World::new();
    let people = customers(40);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.sync(&file).exits(0);
    let good = page_of(&world);
    world.sync(&file).exits(0);
    let empty = page_of(&world);
    assert!(empty.contains("nothing was to be sent") && empty.contains("no request was made"));
    let pages = [("good", good), ("bad", a_bad_night()), ("empty", empty)];
    let frames = frames(&pages);
    let document = world.path("frames.html");
    std::fs::write(&document, frames).expect("written");
    if let Some(kept) = std::env::var_os("CRMSYNC_KEEP_PAGES") {
        for (name, page) in &pages {
            std::fs::write(Path::new(&kept).join(format!("{name}.html")), page).expect("written");
        }
    }
    for (flag, dark) in SCHEMES {
        let Some(seen) = browse(&document, &[flag]) else { return skipped() };
        let said = String::from_utf8_lossy(&seen.stderr);
        assert!(!said.contains("CONSOLE"), "{said}");
        let dom = String::from_utf8(seen.stdout).expect("UTF-8");
        let found =
            dom.split_once("data-seen=\"").and_then(|(_, rest)| rest.split_once('"')).expect("looked").0;
        let fitting = |name: &str| WIDTHS.map(|width| format!("{name} {width} {width} 0 {dark}")).join(";");
        let expected: Vec<String> = pages.iter().map(|(name, _)| fitting(name)).collect();
        assert_eq!(found, expected.join(";"));
    }
}
