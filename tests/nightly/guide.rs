//! The operator's guide, executed: each command of each chapter through the real binary, in the order of the text.

use std::fmt::Write as _;

use regex::Regex;

use crate::support::{World, customers};

const GUIDE: &str = include_str!("../../src/cli/guide.md");

/// Runs the commands of a chapter; what they print is the chapter's snapshot. When `resume` is typed, the
/// providers are well again.
fn follow(world: &World, chapter: &str) -> String {
    let text = GUIDE.split("\n## ").find(|text| text.starts_with(chapter)).expect("a chapter of that name");
    let blocks = text.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    let mut told = String::new();
    for line in blocks.flat_map(str::lines) {
        let words = shlex::split(line).expect("a command line");
        assert_eq!(words[0], "crmsync", "{line}");
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        if words[0] == "resume" {
            world.play("");
        }
        let backup = newest_backup(world);
        let words: Vec<&str> =
            words.into_iter().map(|word| if word == "BACKUP" { backup.as_str() } else { word }).collect();
        let ran = world.run(&words);
        let failed =
            ran.err.split_inclusive('\n').filter(|line| line.starts_with("error[")).collect::<String>();
        let said = same_each_time(world, &format!("{}{failed}", ran.out));
        writeln!(told, "$ {line}\n{said}exit {}\n", ran.code).expect("memory");
    }
    told
}

/// What an operator finds by a look into the folder of the backups; empty where there is none yet.
fn newest_backup(world: &World) -> String {
    let entries = std::fs::read_dir(world.path("state/backups")).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("an entry").path().display().to_string());
    paths.max().unwrap_or_default()
}

/// Takes out what differs from run to run: names of runs, times, ports, folders, rates.
fn same_each_time(world: &World, text: &str) -> String {
    let folder = world.path("").display().to_string();
    let text = text.replace(folder.trim_end_matches('/'), "/work");
    let rules = [
        (r"\d{8}T\d{6}Z-[0-9a-f]{4}", "RUN"),
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"/tmp/\.tmp\w+", "/tmp/FOLDER"),
        (r"\((?:\d+m ?)?(?:\d+s)?, exit", "(0s, exit"),
        (r"(?:\d+\.\d|-)( of \d+)", "RATE$1"),
        (r"(?m) {2,}", "  "),
    ];
    rules.iter().fold(text, |text, (pattern, word)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, *word).into_owned()
    })
}

fn world(scenario: &str) -> World {
    world_with(3, &[], scenario)
}

/// A world with so many customers, and with further lines for single providers in its configuration.
fn world_with(count: usize, extra: &[(&str, &str)], scenario: &str) -> World {
    let world = World::new();
    let mut people = customers(count);
    world.populate(&people);
    world.csv("crm.csv", &people);
    people[0].email = "new@example.org".to_owned();
    world.csv("changed.csv", &people);
    world.configure("[dispatch]\noutage_patience = \"300ms\"\n", extra);
    world.play(scenario);
    world
}

#[test]
fn a_call_is_held() {
    let world = world("");
    let mut people = customers(2);
    people[1].wallet = people[0].wallet.clone();
    world.csv("crm.csv", &people);
    insta::assert_snapshot!(follow(&world, "A call is held"));
}

#[test]
fn the_first_night() {
    insta::assert_snapshot!(follow(&world(""), "The first night"));
}

#[test]
fn migration() {
    let world = world("");
    world.populate_persons(&customers(3));
    insta::assert_snapshot!(follow(&world, "Migration"));
}

#[test]
fn something_was_refused() {
    let refusal = "[[rule]]\nprovider = \"lemonway\"\nkey = \"W00001\"\ntimes = 1\neffect = { refuse = { code = \"178\" } }\n";
    insta::assert_snapshot!(follow(&world(refusal), "Something was refused"));
}

#[test]
fn a_provider_is_down() {
    let outage = "[[rule]]\nprovider = \"lemonway\"\neffect = { status = { code = 503 } }\n";
    // One call at a time and one try each: the fifth one in a row opens the breaker, the sixth never leaves.
    let one_by_one = "concurrency = 1\nretry = { attempts = 1, initial = \"5ms\", max = \"20ms\" }\n";
    let world = world_with(6, &[("lemonway", one_by_one)], outage);
    insta::assert_snapshot!(follow(&world, "A provider is down"));
}

#[test]
fn credentials_were_rotated() {
    let refused = "[[rule]]\nprovider = \"safedebit\"\neffect = { status = { code = 401 } }\n";
    // One call at a time: the first refusal is the only one.
    let world = world_with(3, &[("safedebit", "concurrency = 1\n")], refused);
    insta::assert_snapshot!(follow(&world, "Credentials were rotated"));
}

#[test]
fn a_backup_is_restored() {
    let world = world("");
    world.sync(&world.path("crm.csv")).exits(0);
    world.sync(&world.path("changed.csv")).exits(0);
    insta::assert_snapshot!(follow(&world, "Restoring a backup"));
}

#[test]
fn a_person_is_erased() {
    let world = world("");
    world.sync(&world.path("crm.csv")).exits(0);
    let told = follow(&world, "Erasing a person");
    // Three providers answer in any order.
    let mut lines: Vec<&str> = told.lines().collect();
    let both_are_moments =
        |one: &&str, other: &&str| [one, other].iter().all(|line| line.starts_with(" TIME"));
    lines.chunk_by_mut(both_are_moments).for_each(<[&str]>::sort_unstable);
    insta::assert_snapshot!(lines.join("\n"));
}
