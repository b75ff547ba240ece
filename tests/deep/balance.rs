//! Whatever goes wrong at the providers: what came into a run equals what went out of it.

use crmsync::domain::fault::Point;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::{newer, run_with_fault};
use crate::support::{World, customers};
use crate::table::Row;

/// Scripts that are tried at the same time: most of each is waiting.
const THREADS: usize = 4;

/// A rule of a scenario: which requests, and what happens to them.
fn rule() -> impl Strategy<Value = String> {
    let operation =
        prop::sample::select(vec!["createPerson", "updatePerson", "UpdateWalletDetails", "edit_consumer"]);
    let when = prop_oneof![
        (1..6_u32).prop_map(|n| format!("nth = {n}")),
        (1..4_u32).prop_map(|n| format!("every = {n}")),
        (1..4_u32).prop_map(|n| format!("first = {n}\nper_key = true")),
        (1..=9_u32).prop_map(|tenths| format!("probability = 0.{tenths}")),
    ];
    let effect = prop::sample::select(vec![
        "lose_reply = \"before\"",
        "lose_reply = \"after\"",
        "late = { after = \"30ms\" }",
        "late = { after = \"70ms\", stall = \"5s\" }",
        "status = { code = 503 }",
        "status = { code = 500, apply = true }",
        "status = { code = 429, retry_after = \"0\" }",
        "status = { code = 401 }",
        "status = { code = 404 }",
        "refuse = { code = \"155\" }",
        "refuse = { code = \"204\" }",
        "refuse = { code = \"146\" }",
        "refuse = { code = \"120\" }",
        "refuse = { code = \"101\" }",
        "refuse = { code = \"EXIST_002\", apply = true }",
        "garbage = { body = \"html\" }",
        "garbage = { body = \"truncated\", apply = false }",
        "latency = { min = \"1ms\", max = \"8ms\" }",
    ]);
    (operation, when, 1..12_u32, effect).prop_map(|(operation, when, times, effect)| {
        format!("[[rule]]\noperation = \"{operation}\"\n{when}\ntimes = {times}\neffect = {{ {effect} }}\n")
    })
}

/// What is done to the same state, one after the other.
#[derive(Clone, Copy, Debug)]
enum Step {
    Newer,
    Revert,
    Same,
    Resume,
    FewCalls,
    Release,
    Kill(Point),
    SetClock { days: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Newer),
        1 => prop::sample::select(vec![Step::Revert, Step::Same, Step::Resume, Step::FewCalls, Step::Release]),
        1 => prop::sample::select(Point::ALL.to_vec()).prop_map(Step::Kill),
        1 => prop::sample::select(vec![-3_652, -1, 1, 3_652]).prop_map(|days| Step::SetClock { days }),
    ]
}

#[test]
fn the_accounting_balances_after_every_run_whatever_goes_wrong() {
    let cases = if crate::is_deep() { 15 } else { 1 };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| try_scripts(cases));
        }
    });
    Row::kept(50, "random scripts of faults, accounting", cases as usize * THREADS).enter();
}

fn try_scripts(cases: u32) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let scripts = (prop::collection::vec(rule(), 1..6), prop::collection::vec(step(), 2..5), any::<u16>());
    let tried = runner.run(&scripts, |(rules, steps, seed)| {
        balances(&format!("seed = {seed}\n{}", rules.concat()), &steps)
    });
    tried.unwrap_or_else(|failure| unreachable!("{failure}"));
}

fn balances(scenario: &str, steps: &[Step]) -> Result<(), TestCaseError> {
    let world = World::new();
    let lane = "settle = \"20ms\"\ntimeout = \"60ms\"\n";
    let wsone = format!("{lane}response_codes = {{ \"101\" = \"missing\" }}");
    world.configure(
        "[dispatch]\noutage_patience = \"100ms\"\n",
        &[("wsone", &wsone), ("lemonway", lane), ("safedebit", lane)],
    );
    let people = customers(8);
    world.populate(&people);
    world.play(scenario);
    let first = world.csv("crm.csv", &people);
    let mut newest = first.clone();
    drop(world.sync(&first));
    check(&world, "the first sync")?;
    for (number, step) in (1..).zip(steps) {
        let path = newest.to_str().expect("utf-8").to_owned();
        match step {
            Step::Newer => {
                let changed: Vec<_> = people.iter().map(|customer| newer(customer, number)).collect();
                newest = world.csv(&format!("crm-{number}.csv"), &changed);
                drop(world.sync(&newest));
            }
            Step::Revert => {
                newest = first.clone();
                drop(world.on("sync", &first, &["--allow-mass-change", "--allow-older"]));
            }
            Step::Same => drop(world.sync(&newest)),
            Step::Resume => drop(world.run(&["resume"])),
            Step::FewCalls => {
                drop(world.on(
                    "sync",
                    &newest,
                    &["--allow-mass-change", "--allow-older", "--max-calls", "3"],
                ));
            }
            Step::Release => {
                drop(world.run(&["rejects", "release"]));
                drop(world.run(&["resume"]));
            }
            Step::Kill(point) => {
                run_with_fault(&world, point.name(), &["sync", &path, "--allow-mass-change"]);
                drop(world.run(&["resume"]));
            }
            Step::SetClock { days } => {
                let changed: Vec<_> = people.iter().map(|customer| newer(customer, number)).collect();
                newest = world.csv(&format!("crm-{number}.csv"), &changed);
                let path = newest.to_str().expect("utf-8");
                let fault = format!("clock-step@40={}", days * 86_400);
                run_with_fault(&world, &fault, &["sync", path, "--allow-mass-change"]);
            }
        }
        check(&world, &format!("{step:?}, step {number}"))?;
    }
    Ok(())
}

fn check(world: &World, what: &str) -> Result<(), TestCaseError> {
    let report = world.report();
    prop_assert_eq!(&report["balanced"], true, "{}: {}", what, report["providers"]);
    prop_assert_ne!(&report["run"]["exit_code"], 1, "{}", what);
    Ok(())
}
