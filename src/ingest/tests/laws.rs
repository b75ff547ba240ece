//! Laws that hold for every input.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::world::{LEMONWAY, SAFEDEBIT, WSONE, World};
use crate::domain::lifecycle::Happening;
use crate::domain::provider::ProviderId;
use crate::store::Counts;

/// One row: customer, keys, name, order. Few different values, so that they meet.
fn row() -> impl Strategy<Value = String> {
    let id = prop_oneof![Just(String::new()), (0..6_u8).prop_map(|n| format!("c{n}"))];
    let key = prop_oneof![Just(String::new()), (0..4_u8).prop_map(|n| format!("key{n}"))];
    let name = prop::sample::select(vec!["Martin", "Durand", ""]);
    let email = prop::sample::select(vec!["a@example.org", "b@example.org", "nonsense", ""]);
    let order = prop_oneof![Just(String::new()), (1..4_u8).prop_map(|n| n.to_string())];
    (id, key.clone(), key.clone(), key, name, email, order)
        .prop_map(|(id, s, l, w, name, email, order)| format!("{id},{s},{l},{w},{name},{email},{order}\n"))
}

fn input() -> impl Strategy<Value = String> {
    let head = "customer_id,safedebit_reference,wallet_id,person_identifier,last_name,email,updated_at\n";
    prop::collection::vec(row(), 0..12).prop_map(move |rows| head.to_owned() + &rows.concat())
}

/// What a provider does with everything in its queue.
fn answer() -> impl Strategy<Value = Option<Happening>> {
    prop::sample::select(vec![
        None,
        Some(Happening::Accepted),
        Some(Happening::Refused),
        Some(Happening::OutcomeUnknown),
    ])
}

fn world() -> World {
    let mut world = World::new(&format!("{SAFEDEBIT}{LEMONWAY}{WSONE}"));
    world.mapping.order_by = Some("updated_at".to_owned());
    world.options.allow_mass_change = true;
    world
}

/// Calls of each provider that are open, and how many of them are held.
fn open(world: &World) -> Vec<(ProviderId, u64)> {
    let counts = world.store.counts().expect("readable");
    ProviderId::ALL.into_iter().map(|id| (id, counts.get(&id).map_or(0, Counts::open))).collect()
}

/// Failures are kept beside this file.
fn config() -> ProptestConfig {
    let kept = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases: 32, failure_persistence: Some(Box::new(kept)), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_accounting_balances_and_a_repetition_plans_nothing(
        inputs in prop::collection::vec((input(), answer()), 1..4)
    ) {
        let mut world = world();
        for (text, answer) in inputs {
            let before = open(&world);
            let plan = world.plan(&text);
            let outcome = world.sync(&text);
            prop_assert!(plan.input.balances());
            prop_assert_eq!(&plan.fields, &outcome.fields);
            for ((id, before), (_, after)) in before.into_iter().zip(open(&world)) {
                let tally = &outcome.providers[&id];
                let ended = tally.superseded + outcome.ended.get(&id).copied().unwrap_or(0);
                prop_assert_eq!(before + tally.planned.total(), after + ended, "{}", id);
                prop_assert_eq!(&plan.providers[&id], tally);
            }
            prop_assert_eq!(&plan.held, &outcome.held);
            for id in ProviderId::ALL {
                let mut keys: Vec<_> = world.ready(id).into_iter().map(|call| call.payload.key).collect();
                keys.sort();
                prop_assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "two calls to one account of {}", id);
            }
            if outcome.ended.values().sum::<u64>() > 0 {
                // What could not go beside a call that this input has ended goes with the next one.
                world.sync(&text);
            }
            let again = world.sync(&text);
            let planned: u64 = again.providers.values().map(|t| t.planned.total() + t.superseded).sum();
            prop_assert_eq!(planned, 0, "the same file once more");
            if let Some(happening) = answer {
                for id in ProviderId::ALL {
                    world.answer(id, happening);
                }
            }
            world.clock.advance(std::time::Duration::from_secs(3_600));
        }
    }
}
