//! Every named crash point, for each of the four operations and each kind of answer.

use crmsync::domain::fault::Point;
use crmsync::domain::provider::ProviderId;

use crate::harness::{holds, newer, only_at, rejected, run_with_fault};
use crate::support::{Customer, World};
use crate::table::Row;

/// Cases that are tried at the same time: most of each is waiting.
const THREADS: usize = 4;

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

/// What the cases of a thread left behind.
#[derive(Default)]
struct Found {
    tries: usize,
    lost: usize,
    doubled: usize,
    wrong: usize,
    examples: Vec<String>,
}

impl Found {
    fn note(&mut self, what: &str, lost: bool, doubled: usize, wrong: bool) {
        self.lost += usize::from(lost);
        self.doubled += doubled;
        self.wrong += usize::from(wrong);
        if lost || doubled > 0 || wrong {
            self.examples.push(what.to_owned());
        }
    }

    fn merged(mut self, other: Self) -> Self {
        self.tries += other.tries;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.wrong += other.wrong;
        self.examples.extend(other.examples);
        self
    }
}

fn crash(point: Point, operation: Operation, answer: Answer, found: &mut Found) {
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
    let is_balanced = [0, 3].contains(&ran.code) && world.report()["balanced"] == true;
    found.note(&format!("{case}: {ran:?}"), false, world.duplicates(), !is_balanced);
    let holds = holds(&world, operation.provider(), &wanted);
    let visible = rejected(&world).len();
    if answer == Answer::Refused {
        // A refusal is visible, and nothing else is.
        found.note(&format!("{case}: refused"), visible == 0, 0, holds || visible > 1);
    } else {
        found.note(&format!("{case}: {ran:?}"), !holds, 0, visible > 0);
    }
    let requests = world.requests(operation.provider());
    world.sync(&file).exits(0);
    let again = world.requests(operation.provider()) - requests;
    found.note(&format!("{case}: an unchanged file sends {again} calls"), false, 0, again > 0);
    found.tries += 1;
}

fn die(world: &World, point: Point, file: &std::path::Path, case: &str) {
    let path = file.to_str().expect("utf-8");
    let ran = run_with_fault(world, point.name(), &["sync", path, "--allow-mass-change"]);
    assert_eq!(ran.code, -1, "{case}: the point was not reached: {ran:?}");
}

/// All cases in deep runs, else one answer for each pair of point and operation.
fn cases() -> Vec<(Point, Operation, Answer)> {
    let mut cases = Vec::new();
    for (p, point) in Point::ALL.into_iter().enumerate() {
        for (o, operation) in OPERATIONS.into_iter().enumerate() {
            let chosen = |a: &usize| crate::is_deep() || *a == (p + o) % ANSWERS.len();
            cases.extend((0..ANSWERS.len()).filter(chosen).map(|a| (point, operation, ANSWERS[a])));
        }
    }
    cases
}

#[test]
fn a_crash_at_any_point_of_any_call_loses_nothing_and_doubles_nothing() {
    let cases = cases();
    let found = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let own = cases.iter().skip(thread).step_by(THREADS);
                scope.spawn(|| {
                    let mut found = Found::default();
                    own.for_each(|(point, operation, answer)| crash(*point, *operation, *answer, &mut found));
                    found
                })
            })
            .collect();
        let all = threads.into_iter().map(|thread| thread.join().expect("a case that ran to its end"));
        all.fold(Found::default(), Found::merged)
    });
    let Found { tries, lost, doubled, wrong, examples } = found;
    let fault = "crash points x operations x answers";
    Row { place: 10, fault, tries, lost, doubled, wrong, is_control: false }.enter();
    assert_eq!((lost, doubled, wrong), (0, 0, 0), "{examples:#?}");
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
