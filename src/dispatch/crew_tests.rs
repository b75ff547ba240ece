//! A crew at a provider that nobody answers for, and whose requests can make it fall over.

use tempfile::TempDir;

use super::*;
use crate::dispatch::tests::{POISON, filled, fragile};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::provider::ProviderId::Wsone;
use crate::providers::Transport;
use crate::store::LeaseFilter;

/// Leased calls for accounts with these keys.
fn leased(folder: &TempDir, keys: &[&str]) -> Vec<Leased> {
    let keys: Vec<_> = keys.iter().map(|key| (Wsone, *key)).collect();
    let (mut store, run) = filled(folder, &keys);
    let filter = LeaseFilter::default();
    let leased = store.group(run, Timestamp(1), |outbox| outbox.lease(Wsone, keys.len(), &filter, &mut 0));
    leased.expect("leased")
}

/// What becomes of calls that are sent at once, and then one after the other by the same crew: how many fell over.
fn fallen(keys: &[&str]) -> (usize, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let calls: Vec<_> = leased(&folder, keys).into_iter().map(Arc::new).collect();
    let provider = fragile(Wsone, false);
    let transport =
        Transport::new(provider.settings(), mpsc::unbounded_channel().0).expect("the settings are right");
    let endpoint = Arc::new(Endpoint { provider, transport });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut crew = Crew::new(endpoint, RunClock::start(Clock::system()));
        let is_fallen = |finished: &Finished| {
            let fell = matches!(finished.verdict, Verdict::Unknown { what: "panic" });
            assert_eq!(fell, finished.call.payload.key.0 == POISON, "{:?}", finished.verdict);
            fell
        };
        calls.iter().for_each(|call| crew.launch(Arc::clone(call)));
        assert_eq!(crew.flying(), calls.len());
        let mut together = 0;
        while crew.flying() > 0 {
            together += usize::from(is_fallen(&crew.land().await));
        }
        let mut alone = 0;
        for call in calls {
            crew.launch(call);
            alone += usize::from(is_fallen(&crew.land().await));
        }
        assert!(crew.flying() == 0 && crew.try_land().is_none());
        (together, alone)
    })
}

#[test]
fn who_falls_over_gives_its_call_back_as_unknown_and_is_replaced() {
    assert_eq!(fallen(&["1:a", "1:b", "1:c"]), (0, 0));
    assert_eq!(fallen(&["1:a", POISON, "1:b", POISON, POISON, "1:c"]), (3, 3));
}
