//! A scenario at work: counts the requests of each rule and decides the fate of the next one.
//!
//! Chance depends on seed, rule, customer and the customer's own count alone, never on how the requests of
//! different customers interleave; a run can be repeated.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::route::Operation;
use super::scenario::{Effect, Latency, Rule, Scenario};

/// What is to happen to one request.
#[derive(Debug, Default)]
pub(super) struct Fate {
    /// How long the answer waits.
    pub(super) delay: Duration,
    /// What goes wrong, if anything.
    pub(super) effect: Option<Effect>,
}

#[derive(Default)]
struct Counter {
    seen: u64,
    fired: u64,
    seen_by_key: HashMap<String, u64>,
}

/// A scenario and how far it has come.
pub(super) struct Script {
    scenario: Arc<Scenario>,
    counters: Vec<Counter>,
}

impl Script {
    pub(super) fn new(scenario: Scenario) -> Self {
        let counters = scenario.rules.iter().map(|_| Counter::default()).collect();
        Self { scenario: Arc::new(scenario), counters }
    }

    pub(super) fn scenario(&self) -> Arc<Scenario> {
        Arc::clone(&self.scenario)
    }

    /// Counts one request and decides its fate: the first latency that hits and the first other effect that hits.
    pub(super) fn next(&mut self, operation: Operation, key: Option<&str>) -> Fate {
        let mut latency = None;
        let mut effect = None;
        let scenario = Arc::clone(&self.scenario);
        for (index, (rule, counter)) in scenario.rules.iter().zip(&mut self.counters).enumerate() {
            if !fits(rule, operation, key) {
                continue;
            }
            let mut rng = counter.count(scenario.seed, index, key);
            let number = if rule.per_key { counter.of_key(key) } else { counter.seen };
            let is_open = match rule.effect {
                Effect::Latency(_) => latency.is_none(),
                Effect::Status(_)
                | Effect::LoseReply(_)
                | Effect::Late(_)
                | Effect::Refuse(_)
                | Effect::Garbage(_)
                | Effect::Redirect(_) => effect.is_none(),
            };
            if !is_open || !hits(rule, number, counter.fired, &mut rng) {
                continue;
            }
            counter.fired += 1;
            match &rule.effect {
                Effect::Latency(spread) => latency = Some(draw(*spread, &mut rng)),
                other => effect = Some(other.clone()),
            }
        }
        Fate { delay: latency.unwrap_or_default(), effect }
    }
}

impl Counter {
    /// Counts one request, and gives the source of chance for it.
    fn count(&mut self, seed: u64, rule: usize, key: Option<&str>) -> StdRng {
        self.seen += 1;
        let key = key.unwrap_or_default();
        if !self.seen_by_key.contains_key(key) {
            self.seen_by_key.insert(key.to_owned(), 0);
        }
        let number = self.seen_by_key.entry(key.to_owned()).or_default();
        *number += 1;
        let mut hasher = blake3::Hasher::new();
        for part in [&seed.to_le_bytes()[..], &rule.to_le_bytes(), &number.to_le_bytes(), key.as_bytes()] {
            hasher.update(part);
        }
        StdRng::from_seed(*hasher.finalize().as_bytes())
    }

    fn of_key(&self, key: Option<&str>) -> u64 {
        self.seen_by_key.get(key.unwrap_or_default()).copied().unwrap_or_default()
    }
}

fn fits(rule: &Rule, operation: Operation, key: Option<&str>) -> bool {
    rule.provider.is_none_or(|wanted| wanted == operation.provider())
        && rule.operation.is_none_or(|wanted| wanted == operation)
        && rule.key.as_deref().is_none_or(|wanted| key == Some(wanted))
}

/// Whether the rule hits its `number`-th request, all conditions together.
fn hits(rule: &Rule, number: u64, fired: u64, rng: &mut StdRng) -> bool {
    rule.times.is_none_or(|times| fired < times)
        && rule.nth.is_none_or(|nth| number == nth)
        && rule.every.is_none_or(|every| number.is_multiple_of(every))
        && rule.first.is_none_or(|first| number <= first)
        && rule.from.is_none_or(|from| number >= from)
        && rule.to.is_none_or(|to| number <= to)
        && rule.probability.is_none_or(|share| rng.random_bool(share))
}

fn draw(latency: Latency, rng: &mut StdRng) -> Duration {
    rng.random_range(latency.min..=latency.max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSE: &str = "effect = { lose_reply = \"before\" }";

    fn hit_numbers(conditions: &str, keys: &[&str]) -> Vec<usize> {
        let text = format!("seed = 3\n[[rule]]\n{conditions}\n{LOSE}");
        let mut script = Script::new(Scenario::from_toml(&text).expect("the scenario is right"));
        let fates = keys.iter().map(|key| script.next(Operation::EditConsumer, Some(key)));
        let hit = fates.enumerate().filter(|(_, fate)| fate.effect.is_some());
        hit.map(|(index, _)| index + 1).collect()
    }

    #[test]
    fn conditions_choose_their_requests() {
        let ten = ["k"; 10];
        let pair = ["a", "a", "b", "a", "b"];
        assert_eq!(hit_numbers("nth = 3", &ten), [3]);
        assert_eq!(hit_numbers("every = 4", &ten), [4, 8]);
        assert_eq!(hit_numbers("first = 2", &ten), [1, 2]);
        assert_eq!(hit_numbers("from = 4\nto = 6", &ten), [4, 5, 6]);
        assert_eq!(hit_numbers("every = 2\ntimes = 3", &ten), [2, 4, 6]);
        assert_eq!(hit_numbers("key = \"b\"\nnth = 2", &pair), [5], "numbers count the requests that fit");
        assert_eq!(hit_numbers("first = 1\nper_key = true", &pair), [1, 3]);
        assert_eq!(hit_numbers("provider = \"wsone\"", &ten), [] as [usize; 0]);
        assert_eq!(hit_numbers("operation = \"edit_consumer\"\nnth = 1", &ten), [1]);
        assert_eq!(hit_numbers("probability = 0.0", &ten), [] as [usize; 0]);
        assert_eq!(hit_numbers("probability = 1.0", &ten).len(), 10);
    }

    #[test]
    fn chance_does_not_depend_on_the_order_of_customers() {
        let forward: Vec<String> = (0..64).map(|number| format!("c{number}")).collect();
        let keys: Vec<&str> = forward.iter().map(String::as_str).collect();
        let backward: Vec<&str> = keys.iter().rev().copied().collect();
        let hit = hit_numbers("probability = 0.5", &keys);
        let mut mirrored: Vec<usize> =
            hit_numbers("probability = 0.5", &backward).iter().map(|n| 65 - n).collect();
        mirrored.sort_unstable();
        assert!(hit.len() > 10 && hit.len() < 54, "{}", hit.len());
        assert_eq!(hit, mirrored);
    }

    #[test]
    fn latency_joins_the_effect_that_hits_with_it() {
        let text = format!(
            "[[rule]]\neffect = {{ latency = \"20ms\" }}\n[[rule]]\neffect = {{ latency = \"90ms\" }}\n[[rule]]\n{LOSE}"
        );
        let mut script = Script::new(Scenario::from_toml(&text).expect("the scenario is right"));
        let fate = script.next(Operation::UpdatePerson, None);
        assert_eq!(fate.delay, Duration::from_millis(20));
        assert!(fate.effect.is_some());
    }
}
