//! Loss of power: two nights of the real program are recorded, system call by system call, and the disk is put together
//! as it could be found after each of many moments. What the program had shown to the world by then has to be in it.
//!
//! The oracle is the order of the recording: when bytes leave for a provider, the input is accepted and the call is
//! leased; what the log of events tells as settled, and everything once the program has ended, is settled. A control
//! syncs as SQLite does with `synchronous=NORMAL`, and has to lose some of it.

mod disk;
mod trace;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crmsync::domain::provider::ProviderId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::harness::newer;
use crate::support::{Customer, World, customers};
use crate::table::Row;
use disk::{Disk, Fate, Loss};
use trace::{Act, Step, may_trace, record};

const PEOPLE: usize = 20;
const EXAMPLES_MAX: usize = 4;
/// Disks that are looked at at the same time.
const THREADS: usize = 4;
/// The file, its journal, its switch to a write-ahead log, its mark and its first table are made by then.
const MAKING_STEPS: usize = 50;
/// More tries than the faults take: a call whose tries are used up is queued for the next run.
const LANE: &str =
    "settle = \"40ms\"\ntimeout = \"2s\"\nretry = { attempts = 12, initial = \"5ms\", max = \"20ms\" }\n";
/// Nothing among it that puts a call back into the queue: whoever is applied is never proved missing, so that who has left
/// is never queued again.
const FAULTS: &str = "seed = 5\n[[rule]]\nprobability = 0.1\neffect = { lose_reply = \"after\" }\n\
    [[rule]]\nprobability = 0.05\neffect = { status = { code = 503, apply = true } }\n\
    [[rule]]\noperation = \"edit_consumer\"\nkey = \"REF00003\"\neffect = { refuse = { code = \"DATA_001\" } }\n";

/// What the world was shown, and must therefore be found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// The input of a run is accepted.
    Accepted { run: i64 },
    /// A request has left for a call of a run.
    Left { run: i64, provider: ProviderId, customer: String },
    /// A call has its end.
    Settled { call: i64 },
}

/// A call as the state has it.
struct Call {
    id: i64,
    run: i64,
    provider: i64,
    customer: String,
    state: String,
}

struct Recording {
    root: PathBuf,
    steps: Vec<Step>,
    claims: Vec<(usize, Claim)>,
    calls: Vec<Call>,
    people: Vec<Customer>,
    end: usize,
}

/// What was found, with the first example of each kind.
#[derive(Debug, Default)]
struct Found {
    states: usize,
    resumed: usize,
    lost: usize,
    doubled: usize,
    wrong: usize,
    examples: Vec<String>,
}

impl Found {
    fn add(&mut self, lost: usize, wrong: usize, example: impl FnOnce() -> String) {
        if lost + wrong > 0 && self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example());
        }
        self.lost += lost;
        self.wrong += wrong;
    }

    fn merged(mut self, other: Self) -> Self {
        self.states += other.states;
        self.resumed += other.resumed;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.wrong += other.wrong;
        self.examples.extend(other.examples);
        self
    }
}

fn world() -> World {
    let world = World::new();
    let wsone = format!("{LANE}response_codes = {{ \"101\" = \"missing\" }}");
    world.configure("", &[("wsone", &wsone), ("lemonway", LANE), ("safedebit", LANE)]);
    world
}

/// Two nights, of which the first makes the state.
fn record_two_nights(fault: Option<&str>) -> Recording {
    let world = world();
    let people = customers(PEOPLE);
    world.populate(&people);
    world.play(FAULTS);
    let mut recording = Recording {
        root: world.path(""),
        steps: Vec::new(),
        claims: Vec::new(),
        calls: Vec::new(),
        people,
        end: 0,
    };
    for run in 1..=2 {
        let file = world.csv("crm.csv", &recording.people);
        let arguments = ["sync", file.to_str().expect("utf-8"), "--allow-mass-change"];
        let steps = record(&world, fault, &arguments, recording.end);
        recording.calls = calls(&world.path("state/crmsync.db")).expect("a state");
        recording.claim(run, &steps);
        recording.end = steps.last().expect("something was done").at + 1;
        recording.steps.extend(steps);
        recording.people =
            recording.people.iter().map(|one| newer(one, usize::try_from(run).expect("few"))).collect();
    }
    recording
}

impl Recording {
    /// What the world is shown by the steps of a run.
    fn claim(&mut self, run: i64, steps: &[Step]) {
        let mut told = Vec::new();
        for Step { at, act } in steps {
            match act {
                Act::Left { bytes } => {
                    self.claims.push((*at, Claim::Accepted { run }));
                    let left = self.people.iter().flat_map(|one| left_for(one, bytes).map(|to| (one, to)));
                    let left = left.map(|(one, provider)| {
                        (*at, Claim::Left { run, provider, customer: one.id.clone() })
                    });
                    self.claims.extend(left);
                }
                Act::Write { path, bytes, .. } if path.ends_with("events.jsonl") => {
                    told.extend_from_slice(bytes);
                    while let Some(end) = told.iter().position(|byte| *byte == b'\n') {
                        let line: Vec<u8> = told.drain(..=end).collect();
                        self.claims.extend(claim_of(&line, run).map(|claim| (*at, claim)));
                    }
                }
                Act::Ended => {
                    let settled = self.calls.iter().filter(|call| call.run == run);
                    self.claims.extend(settled.map(|call| (*at, Claim::Settled { call: call.id })));
                }
                _ => {}
            }
        }
    }

    /// What a state lacks of what was shown before `cut`.
    fn missing(&self, cut: usize, found: &[Call]) -> Vec<String> {
        let claims: BTreeSet<&Claim> =
            self.claims.iter().filter(|(at, _)| *at < cut).map(|(_, claim)| claim).collect();
        claims
            .into_iter()
            .filter(|claim| !self.is_kept(claim, found))
            .map(|claim| format!("{claim:?}"))
            .collect()
    }

    fn is_kept(&self, claim: &Claim, found: &[Call]) -> bool {
        match claim {
            Claim::Accepted { run } => {
                let mut planned = self.calls.iter().filter(|call| call.run == *run);
                planned.all(|call| found.iter().any(|other| other.id == call.id))
            }
            Claim::Left { run, provider, customer } => found.iter().any(|call| {
                let is_it = (call.run, call.provider) == (*run, i64::from(provider.number()));
                is_it && call.customer == *customer && call.state != "queued"
            }),
            Claim::Settled { call } => found.iter().any(|other| {
                let is_open = ["queued", "waiting", "in_flight", "probing"].contains(&other.state.as_str());
                other.id == *call && !is_open
            }),
        }
    }

    /// A moment: any, or one just after something was shown.
    fn cut(&self, random: &mut StdRng) -> usize {
        if random.random_bool(0.5) {
            return random.random_range(1..=self.end);
        }
        let (at, _) = &self.claims[random.random_range(0..self.claims.len())];
        at + random.random_range(1..4)
    }

    /// Loses power `states` times, on several threads; see [`Recording::play_some`].
    fn play(&self, states: usize, resumed_every: usize, seed: u64) -> Found {
        std::thread::scope(|scope| {
            let seeds = (0..THREADS as u64).map(|thread| seed * 100 + thread);
            let threads: Vec<_> = seeds
                .map(|seed| scope.spawn(move || self.play_some(states / THREADS, resumed_every, seed)))
                .collect();
            let all = threads.into_iter().map(|thread| thread.join().expect("played to the end"));
            all.fold(Found::default(), Found::merged)
        })
    }

    /// Loses power `states` times; each `resumed_every`-th state is then worked on until everything is delivered.
    fn play_some(&self, states: usize, resumed_every: usize, seed: u64) -> Found {
        let mut random = StdRng::seed_from_u64(seed);
        let mut found = Found { states, ..Found::default() };
        for number in 0..states {
            let cut = self.cut(&mut random);
            let loss = Loss::draw(&mut random, cut);
            let what = format!("state {number}, power lost at {cut} of {}, {loss:?}", self.end);
            let disk = Disk::after(&self.root, &self.steps, cut);
            let world = world();
            disk.fail_into(&world.path(""), loss, &mut random);
            self.look(&world, cut, &what, &mut found);
            if number % resumed_every == 0 {
                self.resume(&world, cut, &what, &mut found);
            }
        }
        found
    }

    /// Opens what was found, by the program and by SQLite.
    fn look(&self, world: &World, cut: usize, what: &str, found: &mut Found) {
        let doctor = world.run(&["doctor"]);
        found.add(0, usize::from(doctor.code != 0), || format!("{what}: {}{}", doctor.out, doctor.err));
        match calls(&world.path("state/crmsync.db")) {
            Ok(calls) => {
                let missing = self.missing(cut, &calls);
                found.add(missing.len(), 0, || {
                    format!("{what}: {} claims, for instance {:?}", missing.len(), missing.last())
                });
            }
            Err(complaint) => found.add(0, 1, || format!("{what}: {complaint}")),
        }
    }

    /// The next night, at providers that hold exactly the persons whose creation had left.
    fn resume(&self, world: &World, cut: usize, what: &str, found: &mut Found) {
        found.resumed += 1;
        world.populate(&self.people);
        let shown: BTreeSet<&Claim> =
            self.claims.iter().filter(|(at, _)| *at < cut).map(|(_, claim)| claim).collect();
        for one in &self.people {
            let created = Claim::Left { run: 1, provider: ProviderId::Wsone, customer: one.id.clone() };
            if shown.contains(&created) {
                world.knows(ProviderId::Wsone, &format!("1:{}", one.person));
            }
        }
        let ran = world.sync(&world.csv("crm.csv", &self.people));
        found.doubled += world.duplicates();
        found.add(0, usize::from(ran.code != 0), || format!("{what}: {ran:?}"));
        let is_there = |one: &&Customer| world.emails(one).iter().all(|email| *email == one.email);
        let right = self.people.iter().filter(is_there).count();
        found.add(0, PEOPLE - right, || format!("{what}: {right} of {PEOPLE} customers are as the CRM says"));
    }
}

/// The provider that these bytes tell about this customer, by the key that it has there.
fn left_for(customer: &Customer, bytes: &[u8]) -> Option<ProviderId> {
    let keys = [
        (ProviderId::Wsone, &customer.person),
        (ProviderId::Lemonway, &customer.wallet),
        (ProviderId::Safedebit, &customer.reference),
    ];
    let is_in = |key: &str| bytes.windows(key.len()).any(|window| window == key.as_bytes());
    keys.into_iter().find_map(|(provider, key)| is_in(key).then_some(provider))
}

/// What a line of the log of events claims.
fn claim_of(line: &[u8], run: i64) -> Option<Claim> {
    let event: Value = serde_json::from_slice(line).expect("JSON");
    match event["type"].as_str().expect("a type") {
        "ingested" => Some(Claim::Accepted { run }),
        "call" if event["settled"] == true => {
            Some(Claim::Settled { call: event["call"].as_i64().expect("a number") })
        }
        _ => None,
    }
}

/// The calls of a state that SQLite finds nothing wrong with; none where there is no state yet. Looked at in a copy: SQLite
/// would empty the log of a file that has changed its place, which the program takes for one that was copied without.
fn calls(path: &Path) -> Result<Vec<Call>, String> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let copy = folder.path().join("copy.db");
    for suffix in ["", "-wal", "-journal"] {
        let beside = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if beside(path).exists() {
            std::fs::copy(beside(path), beside(&copy)).map_err(|error| error.to_string())?;
        }
    }
    let state = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let state = state.map_err(|error| error.to_string())?;
    let sound = state.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    match sound.as_deref() {
        Ok("ok") => calls_of(&state).map_err(|error| error.to_string()),
        Ok(complaint) => Err(complaint.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn calls_of(state: &Connection) -> rusqlite::Result<Vec<Call>> {
    let tables: i64 =
        state.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'flight'", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(Vec::new());
    }
    let mut select = state.prepare(
        "SELECT call.id, planned_in, provider, customer_id, iif(flight.call IS NULL, state, 'in_flight')
         FROM call JOIN customer ON customer.id = customer LEFT JOIN flight ON flight.call = call.id",
    )?;
    let calls = select.query_map([], |row| {
        Ok(Call {
            id: row.get(0)?,
            run: row.get(1)?,
            provider: row.get(2)?,
            customer: row.get(3)?,
            state: row.get(4)?,
        })
    })?;
    calls.collect()
}

fn row(place: usize, fault: &'static str, found: &Found) -> Row {
    let Found { states, lost, doubled, wrong, .. } = *found;
    Row { place, fault, tries: states, lost, doubled, wrong, is_control: false }
}

#[test]
fn no_loss_of_power_loses_doubles_or_spoils_what_was_shown_to_the_world() {
    if !may_trace() {
        return;
    }
    let recording = record_two_nights(None);
    let found = recording.play(if crate::is_deep() { 600 } else { 60 }, 8, 11);
    row(40, "loss of power", &found).enter();
    assert_eq!((found.lost, found.doubled, found.wrong), (0, 0, 0), "{found:#?}");
}

#[test]
fn a_state_can_be_looked_at_whenever_its_making_was_cut_short() {
    if !may_trace() {
        return;
    }
    let recording = record_two_nights(None);
    let (first_claim, _) = recording.claims.first().expect("something was shown");
    let mut found = Found::default();
    for cut in 1..*first_claim.min(&MAKING_STEPS) {
        let loss = Loss { fate: Fate::Kept, sector_bytes: 4096 };
        let world = world();
        let mut random = StdRng::seed_from_u64(13);
        Disk::after(&recording.root, &recording.steps, cut).fail_into(&world.path(""), loss, &mut random);
        let status = world.run(&["status"]);
        found.add(0, usize::from(status.code != 0), || format!("cut at {cut}: {status:?}"));
        recording.look(&world, cut, &format!("cut at {cut}"), &mut found);
    }
    assert_eq!((found.lost, found.wrong), (0, 0), "{found:#?}");
}

#[test]
fn control_without_synced_commits_loses_what_was_shown_to_the_world() {
    if !may_trace() {
        return;
    }
    let recording = record_two_nights(Some("lazy-sync"));
    let found = recording.play(if crate::is_deep() { 120 } else { 24 }, 4, 12);
    Row { is_control: true, ..row(41, "loss of power, commits not synced", &found) }.enter();
    assert!(found.lost > 0, "the harness sees nothing: {found:#?}");
}
