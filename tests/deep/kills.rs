//! Random kills over the real binary, one campaign for each kind of fault, and three controls that must go wrong:
//! they prove that the oracle can see.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use crmsync::domain::provider::ProviderId;
use crmsync::sandbox::Outcome;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::harness::{PROVIDERS, held_by, holds, key, newer, rejected, start_silently, values};
use crate::support::{Customer, World};
use crate::table::Row;

/// Calls of one provider that a kill may find leased: three times those that may be on their way, of which the default is 8.
const LEASED_MAX: u64 = 3 * 8;
/// Runs that a campaign may take to come to rest after its last kill.
const RESTS_MAX: usize = 20;

/// One campaign: a fault, and how the program is set up against it. One that lives long counts its runs as kills.
#[derive(Clone, Copy)]
struct Campaign {
    name: &'static str,
    kills: u64,
    rules: &'static str,
    settle: &'static str,
    missing: &'static str,
    fault: Option<&'static str>,
    /// Runs are killed late or not at all, so that much can go wrong in each.
    lives_long: bool,
    seed: u64,
}

/// What a campaign left behind, by the ledger.
#[derive(Clone, Debug, Default)]
struct Found {
    runs: u64,
    kills: u64,
    tries: u64,
    held: u64,
    lost: usize,
    doubled: usize,
    wrong: usize,
    older_on_top: usize,
    repeats: u64,
    unbalanced: usize,
    restless: bool,
}

const LATENCY: &str = "[[rule]]\neffect = { latency = { min = \"1ms\", max = \"25ms\" } }\n";
const LOST_BEFORE: &str = "[[rule]]\nprobability = 0.08\neffect = { lose_reply = \"before\" }\n";
const LOST_AFTER: &str = "[[rule]]\nprobability = 0.08\neffect = { lose_reply = \"after\" }\n";
/// Applied after the client has given up at 120 ms, or after the connection was cut.
const LATE: &str = "[[rule]]\nprobability = 0.05\neffect = { late = { after = \"170ms\", stall = \"20s\" } }\n\
                    [[rule]]\nprobability = 0.04\neffect = { late = { after = \"170ms\" } }\n";
const UNAVAILABLE: &str = "[[rule]]\nprobability = 0.06\neffect = { status = { code = 503 } }\n\
                           [[rule]]\nprobability = 0.04\neffect = { status = { code = 503, apply = true } }\n";
const GARBAGE: &str = "[[rule]]\nprobability = 0.05\neffect = { garbage = { body = \"html\" } }\n\
                       [[rule]]\nprobability = 0.05\neffect = { garbage = { body = \"truncated\", apply = false } }\n";
const MOST_LATE: &str =
    "[[rule]]\nprobability = 0.5\neffect = { late = { after = \"12s\", stall = \"20s\" } }\n";
const CREATES_LOST: &str =
    "[[rule]]\noperation = \"createPerson\"\nprobability = 0.5\neffect = { lose_reply = \"after\" }\n";
const PROBES_REFUSED: &str = "[[rule]]\noperation = \"createPerson\"\nprobability = 0.5\neffect = { lose_reply = \"after\" }\n\
     [[rule]]\noperation = \"updatePerson\"\nprobability = 0.9\neffect = { refuse = { code = \"155\" } }\n";

/// What nobody may break. `kills` for each of them.
fn campaigns(kills: u64) -> Vec<Campaign> {
    let faults: [(&str, &str); 7] = [
        ("random kills", ""),
        ("kills, answers lost before applying", LOST_BEFORE),
        ("kills, answers lost after applying", LOST_AFTER),
        ("kills, applied after the timeout", LATE),
        ("kills, 503 applied or not", UNAVAILABLE),
        ("kills, garbage applied or not", GARBAGE),
        ("kills, all of these", ALL),
    ];
    (7..)
        .zip(faults)
        .map(|(seed, (name, rules))| Campaign { name, rules, kills, seed, ..Campaign::SOUND })
        .collect()
}

const ALL: &str = "[[rule]]\nprobability = 0.03\neffect = { lose_reply = \"before\" }\n\
    [[rule]]\nprobability = 0.03\neffect = { lose_reply = \"after\" }\n\
    [[rule]]\nprobability = 0.03\neffect = { late = { after = \"170ms\", stall = \"20s\" } }\n\
    [[rule]]\nprobability = 0.03\neffect = { status = { code = 503 } }\n\
    [[rule]]\nprobability = 0.03\neffect = { status = { code = 500, apply = true } }\n\
    [[rule]]\nprobability = 0.03\neffect = { garbage = { body = \"empty\" } }\n";

impl Campaign {
    const SOUND: Self = Self {
        name: "",
        kills: 0,
        rules: "",
        settle: "450ms",
        missing: "\"101\" = \"missing\"",
        fault: None,
        lives_long: false,
        seed: 0,
    };
    /// No wait after an unknown outcome: late requests land on newer values.
    const NO_SETTLE: Self = Self {
        name: "settle = 1ms",
        rules: MOST_LATE,
        settle: "1ms",
        seed: 101,
        lives_long: true,
        ..Self::SOUND
    };
    /// An unknown create is simply sent again.
    const BLIND: Self = Self {
        name: "blind re-create",
        rules: CREATES_LOST,
        fault: Some("blind-create"),
        lives_long: true,
        seed: 102,
        ..Self::SOUND
    };
    /// A probe that was refused for a bad value is taken as proof that nobody is there.
    const FALSE_PROOF: Self = Self {
        name: "bad value taken as missing",
        rules: PROBES_REFUSED,
        missing: "\"101\" = \"missing\", \"155\" = \"missing\"",
        seed: 103,
        lives_long: true,
        ..Self::SOUND
    };

    fn fight(&self) -> Found {
        let world = World::new();
        self.configure(&world);
        world.play(&format!("seed = {}\n{LATENCY}{}", self.seed, self.rules));
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut crm = Crm::default();
        let mut found = Found::default();
        while if self.lives_long { found.runs } else { found.kills } < self.kills {
            if random.random_bool(0.7) {
                crm.live_on(&world, &mut random);
            }
            let file = world.csv("crm.csv", &crm.people);
            let path = file.to_str().expect("utf-8");
            let arguments = ["sync", path, "--allow-mass-change"];
            let mut child = start_silently(&world, self.fault, &arguments);
            let ended = live_a_while(&world, &mut child, &mut random, self.lives_long);
            child.kill().ok();
            child.wait().expect("gone");
            found.runs += 1;
            found.kills += u64::from(!ended);
            found.unbalanced += usize::from(ended && world.report()["balanced"] != true);
            if random.random_bool(0.08) {
                found.held += resolve(&world, &crm);
            }
        }
        come_to_rest(&world, &crm, &mut found);
        judge(&world, &crm, &mut found);
        found
    }

    fn configure(&self, world: &World) {
        let lane = format!("settle = \"{}\"\ntimeout = \"120ms\"\n", self.settle);
        let wsone = format!("{lane}response_codes = {{ {} }}\n", self.missing);
        world.configure(
            "[dispatch]\nmax_errors = \"100%\"\n",
            &[("wsone", &wsone), ("lemonway", &lane), ("safedebit", &lane)],
        );
    }
}

/// The CRM: who is in it, and the generation of each one's values.
#[derive(Default)]
struct Crm {
    people: Vec<Customer>,
    generation: usize,
}

impl Crm {
    /// A few customers are new, a few have changed.
    fn live_on(&mut self, world: &World, random: &mut StdRng) {
        self.generation += 1;
        for _ in 0..6.min(self.people.len()) {
            let one = random.random_range(0..self.people.len());
            self.people[one] = newer(&self.people[one], self.generation);
        }
        let first = self.people.len() + 1;
        let new: Vec<Customer> =
            (first..first + 3).map(|n| newer(&Customer::new(n), self.generation)).collect();
        world.populate(&new);
        self.people.extend(new);
    }

    fn find(&self, id: &Value) -> &Customer {
        self.people.iter().find(|customer| *id == customer.id.as_str()).expect("a customer of ours")
    }
}

/// Lets the program live until some requests have left, or for some time. Has it ended by itself?
fn live_a_while(world: &World, child: &mut Child, random: &mut StdRng, long: bool) -> bool {
    let requests = || PROVIDERS.map(|provider| world.requests(provider)).iter().sum::<u64>();
    let target = requests() + if long { 150 } else { random.random_range(1..30) };
    let patience = match long {
        true => 1_000,
        false if random.random_bool(0.3) => random.random_range(1..40),
        false => 250,
    };
    for _ in 0..patience {
        wait(8);
        if child.try_wait().expect("a child").is_some() {
            return true;
        }
        if requests() >= target {
            break;
        }
    }
    wait(random.random_range(1..60));
    child.try_wait().expect("a child").is_some()
}

fn wait(milliseconds: u64) {
    // A channel nobody writes to is a wait without a clock of its own.
    let (_keep, never) = mpsc::channel::<()>();
    never.recv_timeout(Duration::from_millis(milliseconds)).expect_err("nobody writes");
}

/// Settles held calls as a person would: looks them up at the provider. Gives how many there were.
fn resolve(world: &World, crm: &Crm) -> u64 {
    wait(30);
    world.late_ones_landed();
    let mut count = 0;
    for reject in rejected(world) {
        let provider = PROVIDERS.into_iter().find(|one| reject["provider"] == one.name()).expect("known");
        let customer = crm.find(&reject["customer_id"]);
        let call = reject["call"].to_string();
        let release = ["rejects", "release", "--provider", provider.name(), "--customer", &customer.id];
        if reject["status"] == "refused" {
            world.run(&release).exits(0);
            continue;
        }
        count += 1;
        let there = held_by(world, provider, customer).is_some();
        if holds(world, provider, customer) {
            world.run(&["resolve", &call, "--applied"]).exits(0);
        } else if reject["operation"] == "create" && there {
            // The person exists with other values: let the program go on asking by updates.
            world.run(&release).exits(0);
        } else {
            world.run(&["resolve", &call, "--not-applied"]).exits(0);
        }
    }
    count
}

/// No more faults and no more kills: everything that is open finds its end.
fn come_to_rest(world: &World, crm: &Crm, found: &mut Found) {
    world.play("");
    let file = world.csv("crm.csv", &crm.people);
    for _ in 0..RESTS_MAX {
        let code = world.sync(&file).code;
        found.unbalanced += usize::from(world.report()["balanced"] != true);
        found.held += resolve(world, crm);
        if code == 0 && rejected(world).is_empty() && world.sync(&file).code == 0 {
            return;
        }
    }
    found.restless = true;
}

fn judge(world: &World, crm: &Crm, found: &mut Found) {
    for customer in &crm.people {
        for provider in PROVIDERS {
            match held_by(world, provider, customer) {
                None => found.lost += 1,
                Some(_) if !holds(world, provider, customer) => found.wrong += 1,
                Some(_) => {}
            }
        }
    }
    found.doubled = world.duplicates();
    let ours: BTreeSet<(ProviderId, String)> = crm
        .people
        .iter()
        .flat_map(|customer| PROVIDERS.map(|provider| (provider, key(provider, customer))))
        .collect();
    let mut newest: BTreeMap<(ProviderId, String), usize> = BTreeMap::new();
    let mut answered: BTreeSet<(ProviderId, String, usize)> = BTreeSet::new();
    for entry in world.ledger().entries() {
        found.tries += u64::from(entry.late_of.is_none());
        let (Some(key), Some(fields)) = (&entry.key, &entry.fields) else { continue };
        let account = (entry.provider, key.clone());
        assert!(ours.contains(&account), "a call for nobody");
        let fields: Value = serde_json::from_str(fields.get()).expect("JSON");
        let Some(generation) = values(entry.provider, &fields).0.and_then(generation_of) else { continue };
        let known = newest.entry(account).or_default();
        found.older_on_top += usize::from(generation < *known);
        *known = generation.max(*known);
        if entry.outcome == Outcome::Accepted && entry.answered {
            found.repeats += u64::from(!answered.insert((entry.provider, key.clone(), generation)));
        }
    }
}

fn generation_of(email: &str) -> Option<usize> {
    email.strip_prefix('g')?.split_once("-of-")?.0.parse().ok()
}

/// Fights all campaigns, a few at a time.
fn fight_all(campaigns: &[Campaign]) -> Vec<(Campaign, Found)> {
    let next = Mutex::new(campaigns.iter().copied().enumerate());
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some((at, campaign)) = next.lock().expect("unpoisoned").next() else { return };
                    let found = campaign.fight();
                    done.lock().expect("unpoisoned").insert(at, (campaign, found));
                }
            });
        }
    });
    done.into_inner().expect("unpoisoned").into_values().collect()
}

/// Enters the rows; what the table has no column for is told beside it.
#[expect(clippy::print_stdout, reason = "figures are what a deep run is for")]
fn enter(place: usize, is_control: bool, results: &[(Campaign, Found)]) {
    for (place, (campaign, found)) in (place..).zip(results) {
        let Found { lost, doubled, wrong, older_on_top, tries, .. } = *found;
        let tries = usize::try_from(tries).expect("few");
        Row { place, fault: campaign.name, tries, lost, doubled, wrong: wrong + older_on_top, is_control }
            .enter();
        println!("{}: {found:?}", campaign.name);
    }
}

#[test]
fn random_kills_lose_nothing_double_nothing_and_leave_no_older_value() {
    let kills = if crate::is_deep() { 72 } else { 6 };
    let results = fight_all(&campaigns(kills));
    enter(20, false, &results);
    for (campaign, found) in &results {
        let is_sound = (found.lost, found.doubled, found.wrong, found.older_on_top) == (0, 0, 0, 0);
        assert!(is_sound, "{}: {found:?}", campaign.name);
        assert!(!found.restless, "{}: {found:?}", campaign.name);
        assert_eq!(found.unbalanced, 0, "{}", campaign.name);
        let allowed = found.kills * PROVIDERS.len() as u64 * LEASED_MAX;
        assert!(found.repeats <= allowed, "{}: {found:?}", campaign.name);
    }
}

#[test]
fn controls_go_wrong_where_they_must() {
    let kills = if crate::is_deep() { 20 } else { 8 };
    let controls = [Campaign::NO_SETTLE, Campaign::BLIND, Campaign::FALSE_PROOF];
    let results = fight_all(&controls.map(|control| Campaign { kills, ..control }));
    enter(30, true, &results);
    let [(_, no_settle), (_, blind), (_, false_proof)] = &results[..] else { unreachable!("three controls") };
    assert!(no_settle.wrong + no_settle.older_on_top > 0, "{no_settle:?}");
    assert!(blind.doubled > 0, "{blind:?}");
    assert!(false_proof.doubled > 0, "{false_proof:?}");
}
