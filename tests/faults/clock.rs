//! The clock is set, while the program is away and while it runs. Between two runs a jump in one direction is the same as
//! times in the state that are shifted in the other, so the tests shift those; within a run a fault that only test
//! builds have shifts what the wall clock says. No luck and no privilege is needed.

use crmsync::domain::clock::{Clock, Steady, Timestamp};
use crmsync::domain::provider::ProviderId;

use crate::table::Row;
use crate::world::{Ran, World};

const DAY_MS: i64 = 86_400_000;
const JUMPS_DAYS: [i64; 6] = [-3_652, -1, 0, 1, 2, 3_652];

impl World {
    /// The clock jumps by so many days between two runs.
    fn clock_jumps(&self, days: i64) {
        let state = rusqlite::Connection::open_with_flags(
            self.path("state/crmsync.db"),
            rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE,
        )
        .expect("a state");
        let back = -days * DAY_MS;
        for change in [
            format!("UPDATE call SET due = max(1, due + {back}) WHERE due > 0"),
            format!("UPDATE lane SET last_sent = max(1, last_sent + {back}), day = day - {days}"),
            format!("UPDATE run SET started_at = started_at + {back}, input_time = input_time + {back}"),
        ] {
            state.execute(&change, []).expect("shifted");
        }
        let mut steady = state
            .prepare("UPDATE setting SET value = CAST(?2 AS BLOB) WHERE name = ?1")
            .expect("a table of settings");
        let mut noted = state
            .prepare("SELECT name, CAST(value AS TEXT) FROM setting WHERE name GLOB 'steady:*'")
            .expect("a table of settings");
        let noted = noted.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("readable");
        for (name, clocks) in noted.collect::<Result<Vec<(String, String)>, _>>().expect("readable") {
            let mut clocks: Steady = clocks.parse().expect("how the clocks stood");
            clocks.began = Timestamp(clocks.began.0 + back);
            steady.execute((name, clocks.to_string())).expect("shifted");
        }
    }
}

#[test]
fn no_jump_of_the_clock_loses_doubles_or_delays_a_call() {
    for days in JUMPS_DAYS {
        let what = format!("a jump by {days} days");
        let world = World::new(3);
        // Every answer is lost: creates wait to be probed, updates to be repeated.
        world.play("[[rule]]\neffect = { lose_reply = \"after\" }\n");
        world.sync().exits(5, &what);
        world.clock_jumps(days);
        world.play("");
        world.configure(&world.healthy(), "retry = { attempts = 4, initial = \"5ms\", max = \"20ms\" }");
        // `settle` is 150 ms and the longest backoff 20 ms: who waits for the old clock does not end in time.
        world.run(&["resume", "--max-duration", "10s"]).exits(0, &what);
        world.all_delivered(&what);
        let sent = world.ledger().entries().len();
        // The file of before is not an older one, and nothing in it has changed.
        world.sync().exits(0, &what);
        assert_eq!(world.ledger().entries().len(), sent, "{what}: something was sent again");
    }
    Row::kept(81, "the clock is set between two runs", JUMPS_DAYS.len()).enter();
}

/// The wait for another try is no longer than the longest backoff, by whichever clock it was begun.
#[test]
fn a_clock_that_is_set_back_does_not_delay_who_waits_for_another_try() {
    let (what, years) = ("a clock that was ahead", -3_652);
    let world = World::new(3);
    // Nobody listens on port 1.
    world.configure("http://127.0.0.1:1", "");
    world.sync().exits(5, what);
    world.clock_jumps(years);
    world.configure(&world.healthy(), "retry = { attempts = 4, initial = \"5ms\", max = \"20ms\" }");
    world.run(&["resume", "--max-duration", "10s"]).exits(0, what);
    world.all_delivered(what);
}

/// When the clock is set, from the start of the program: before anything is read, while calls leave, and while those
/// whose answers were lost wait for `settle`.
const MOMENTS_MS: [u64; 3] = [0, 60, 220];

/// Every first answer is lost, so that every call is repeated or probed after the clock was set.
fn jump_within_a_run(seconds: i64, after_ms: u64) {
    let what = format!("a jump by {seconds} s after {after_ms} ms");
    let mut world = World::new(3);
    world.play("[[rule]]\nfirst = 1\nper_key = true\neffect = { lose_reply = \"after\" }\n");
    let patient = "retry = { attempts = 6, initial = \"5ms\", max = \"20ms\" }";
    world.configure(&world.healthy(), patient);
    let run = |world: &World, arguments: &[&str]| {
        let mut command = world.command(&[], arguments);
        command.env("CRMSYNC_FAULT", format!("clock-step@{after_ms}={seconds}"));
        Ran::from(&command.output().expect("the binary runs"))
    };
    // `settle` is 150 ms and the longest backoff 20 ms: who waits for the new clock does not end in time.
    let limit = ["--max-duration", "10s"];
    run(&world, &[&["sync", "crm.csv", "--allow-mass-change"], &limit[..]].concat()).exits(0, &what);
    world.all_delivered(&what);
    let sent = world.ledger().entries().len();
    // The next run finds the clock where it was, which is a jump back.
    world.sync().exits(0, &what);
    assert_eq!(world.ledger().entries().len(), sent, "{what}: something was sent again");
    // A run that leaves calls to the next one, which reads their times by another clock.
    world.change_everybody();
    world.configure(&world.healthy(), "");
    world.play("[[rule]]\neffect = { lose_reply = \"before\" }\n");
    run(&world, &["sync", "crm.csv", "--allow-mass-change"]).exits(5, &what);
    world.play("");
    world.configure(&world.healthy(), patient);
    world.run(&[&["resume"], &limit[..]].concat()).exits(0, &what);
    world.all_delivered(&what);
}

#[test]
fn no_jump_of_the_clock_within_a_run_loses_doubles_or_delays_a_call() {
    let year = 31_557_600;
    let jumps = [-10 * year, -86_400, 86_400, 10 * year];
    std::thread::scope(|scope| {
        for seconds in jumps {
            scope.spawn(move || MOMENTS_MS.iter().for_each(|after_ms| jump_within_a_run(seconds, *after_ms)));
        }
    });
    Row::kept(82, "the clock is set within a run", jumps.len() * MOMENTS_MS.len()).enter();
}

#[test]
fn a_jump_of_the_clock_between_two_runs_does_not_open_the_rate() {
    for days in JUMPS_DAYS {
        let world = World::new(10);
        world.configure(&world.healthy(), "rate_per_second = 5\nburst = 5");
        let lane = ["--provider", "safedebit"];
        let first = ["sync", "crm.csv", "--allow-mass-change", "--max-calls", "5"];
        world.run(&[&first[..], &lane].concat()).exits(10, "five calls");
        world.clock_jumps(days);
        world.run(&[&["resume"], &lane[..]].concat()).exits(0, "the rest");
        let most = world.ledger().summary().providers[&ProviderId::Safedebit].max_per_second;
        assert!(most <= 5, "a jump by {days} days: {most} in a second");
    }
}

/// Requests that leave on one day of the provider, however the machine's clock stands at each run.
#[test]
fn the_calls_of_a_day_are_given_once_and_withheld_for_a_day_at_most() {
    // The clock's jump after the first run, then what has to pass until the budget is new.
    let cases = [
        // No jump: tomorrow.
        (0, 1),
        // Yesterday once more: the count stands until the day after the one that it was made on.
        (-1, 2),
        // The clock was years ahead: the count is taken for today's.
        (-3_652, 1),
        (-2, 1),
    ];
    for (jump, days) in cases {
        let what = format!("a jump by {jump} days");
        let world = World::new(6);
        world.configure(&world.healthy(), "calls_per_day = 4");
        // A midnight between two runs would give new calls.
        let to_noon = (DAY_MS / 2 - Clock::system().now().0.rem_euclid(DAY_MS)) / 1_000;
        let run = |arguments: &[&str]| {
            let mut command = world.command(&[], arguments);
            command.env("CRMSYNC_FAULT", format!("clock-step@0={to_noon}"));
            Ran::from(&command.output().expect("the binary runs"))
        };
        let lane = ["--provider", "safedebit"];
        let first = ["sync", "crm.csv", "--allow-mass-change", "--max-calls", "2"];
        run(&[&first[..], &lane].concat()).exits(10, &what);
        world.clock_jumps(jump);
        let resume = [&["resume"], &lane[..]].concat();
        run(&[&resume[..], &["--max-calls", "1"]].concat()).exits(10, &what);
        for _again in 0..2 {
            run(&resume).exits(10, &what);
            assert_eq!(world.applied(ProviderId::Safedebit), 4, "{what}");
        }
        world.clock_jumps(days);
        run(&resume).exits(0, &what);
        assert_eq!(world.applied(ProviderId::Safedebit), 6, "{what}");
    }
}
