//! Every named crash point, for each of the four operations and each kind of answer.

use crmsync::domain::fault::Point;
use crmsync::domain::provider::ProviderId;

use crate::harness::{holds, newer, only_at, rejected, run_with_fault};
use crate::support::{Customer, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    CreatePerson,
    UpdatePerson,
    UpdateWalletDetails,
    EditConsumer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Accepted,
    Refused,
    LostBefore,
    LostAfter,
}

const OPERATIONS: [Operation; 4] = [
    Operation::CreatePerson,
    Operation::UpdatePerson,
    Operation::UpdateWalletDetails,
    Operation::EditConsumer,
];
const ANSWERS: [Answer; 4] = [Answer::Accepted, Answer::Refused, Answer::LostBefore, Answer::LostAfter];

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::CreatePerson => "createPerson",
            Self::UpdatePerson => "updatePerson",
            Self::UpdateWalletDetails => "UpdateWalletDetails",
            Self::EditConsumer => "edit_consumer",
        }
    }

    fn provider(self) -> ProviderId {
        match self {
            Self::CreatePerson | Self::UpdatePerson => ProviderId::Wsone,
            Self::UpdateWalletDetails => ProviderId::Lemonway,
            Self::EditConsumer => ProviderId::Safedebit,
        }
    }

    /// A code that the provider refuses with and nobody has classed.
    fn refusal(self) -> &'static str {
        match self {
            Self::CreatePerson | Self::UpdatePerson => "155",
            Self::UpdateWalletDetails => "234",
            Self::EditConsumer => "DATA_001",
        }
    }

    fn scenario(self, answer: Answer) -> String {
        let effect = match answer {
            Answer::Accepted => return String::new(),
            Answer::Refused => format!("effect = {{ refuse = {{ code = \"{}\" }} }}", self.refusal()),
            Answer::LostBefore => "times = 1\neffect = { lose_reply = \"before\" }".to_owned(),
            Answer::LostAfter => "times = 1\neffect = { lose_reply = \"after\" }".to_owned(),
        };
        format!("[[rule]]\noperation = \"{}\"\n{effect}\n", self.name())
    }
}

/// More tries than a crash, a lost answer and two proofs of absence take.
const SETTINGS: &str =
    "settle = \"40ms\"\ntimeout = \"2s\"\nretry = { attempts = 9, initial = \"5ms\", max = \"20ms\" }\n";

fn world() -> World {
    let world = World::new();
    let wsone = format!("{SETTINGS}response_codes = {{ \"101\" = \"missing\" }}");
    world.configure("", &[("wsone", &wsone), ("lemonway", SETTINGS), ("safedebit", SETTINGS)]);
    world
}

/// Points that are passed only where a state is made.
fn is_first_run_only(point: Point) -> bool {
    matches!(point, Point::MidMigration | Point::AfterMigration)
}

fn crash(point: Point, operation: Operation, answer: Answer) {
    let case = format!("{} × {} × {answer:?}", point.name(), operation.name());
    let world = world();
    let old = only_at(operation.provider(), &Customer::new(1));
    world.populate(std::slice::from_ref(&old));
    let wanted = if operation == Operation::CreatePerson {
        old.clone()
    } else {
        let file = world.csv("old.csv", std::slice::from_ref(&old));
        if is_first_run_only(point) {
            die(&world, point, &file, &case);
        }
        world.sync(&file).exits(0);
        newer(&old, 1)
    };
    world.play(&operation.scenario(answer));
    let file = world.csv("crm.csv", std::slice::from_ref(&wanted));
    if operation == Operation::CreatePerson || !is_first_run_only(point) {
        die(&world, point, &file, &case);
    }
    let ran = world.sync(&file);
    assert!([0, 3].contains(&ran.code), "{case}: {ran:?}");
    assert_eq!(world.report()["balanced"], true, "{case}");
    assert_eq!(world.duplicates(), 0, "{case}");
    if answer == Answer::Refused {
        assert!(!holds(&world, operation.provider(), &wanted), "{case}");
        assert_eq!(rejected(&world).len(), 1, "{case}: a refusal is visible");
    } else {
        assert!(holds(&world, operation.provider(), &wanted), "{case}: {ran:?}");
        assert_eq!(rejected(&world).len(), 0, "{case}");
    }
    let requests = world.requests(operation.provider());
    world.sync(&file).exits(0);
    assert_eq!(world.requests(operation.provider()), requests, "{case}: an unchanged file sends nothing");
}

fn die(world: &World, point: Point, file: &std::path::Path, case: &str) {
    let path = file.to_str().expect("utf-8");
    let ran = run_with_fault(world, point.name(), &["sync", path, "--allow-mass-change"]);
    assert_eq!(ran.code, -1, "{case}: the point was not reached: {ran:?}");
}

/// The cases of one thread of two: all in deep runs, else one answer for each pair of point and operation.
fn cases(half: usize) -> Vec<(Point, Operation, Answer)> {
    let mut cases = Vec::new();
    for (p, point) in Point::ALL.into_iter().enumerate() {
        for (o, operation) in OPERATIONS.into_iter().enumerate() {
            let chosen = |a: &usize| crate::is_deep() || *a == (p + o) % ANSWERS.len();
            cases.extend((0..ANSWERS.len()).filter(chosen).map(|a| (point, operation, ANSWERS[a])));
        }
    }
    cases.into_iter().enumerate().filter(|(at, _)| at % 2 == half).map(|(_, case)| case).collect()
}

#[test]
fn a_crash_at_an_even_case_loses_nothing_and_doubles_nothing() {
    cases(0).into_iter().for_each(|(point, operation, answer)| crash(point, operation, answer));
}

#[test]
fn a_crash_at_an_odd_case_loses_nothing_and_doubles_nothing() {
    cases(1).into_iter().for_each(|(point, operation, answer)| crash(point, operation, answer));
}

#[test]
fn a_fault_that_does_not_exist_is_refused() {
    let world = World::new();
    run_with_fault(&world, "before-sending", &["status"]).exits(2);
}

#[test]
fn a_state_whose_making_was_cut_short_is_still_ours() {
    for point in [Point::MidMigration, Point::AfterMigration] {
        let world = world();
        let file = world.csv("crm.csv", &[]);
        die(&world, point, &file, point.name());
        for look in [&["doctor"][..], &["status"], &["plan", file.to_str().expect("utf-8")]] {
            world.run(look).exits(0);
        }
        world.sync(&file).exits(0);
    }
}
