//! A crew at a provider that nobody answers for, and whose requests can make it fall over.

use tempfile::TempDir;

use super::*;
use crate::domain::account::Account;
use crate::domain::call::{Operation, Payload};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::customer::{Customer, CustomerId};
use crate::domain::provider::ProviderId;
use crate::domain::wire::{FieldCode, Projection, ProviderKey, WireField, WireValues};
use crate::providers::codes::CodeTable;
use crate::providers::{
    Answer, BuildError, CommonSettings, Credentials, Provider, ProvidersSettings, Request, Transport,
};
use crate::store::{LeaseFilter, NewCall, PackedAccount, PackedPayload, StateFile, StateSettings};

/// Falls over when it builds a request for this key.
const POISON: &str = "1:poison";

struct Fragile(Arc<dyn Provider>);

impl Provider for Fragile {
    fn id(&self) -> ProviderId {
        self.0.id()
    }

    fn settings(&self) -> &CommonSettings {
        self.0.settings()
    }

    fn code_table(&self) -> &CodeTable {
        self.0.code_table()
    }

    fn fields(&self) -> &'static [WireField] {
        self.0.fields()
    }

    fn project(&self, customer: &Customer) -> Projection {
        self.0.project(customer)
    }

    fn build(
        &self,
        operation: Operation,
        key: &ProviderKey,
        values: &WireValues,
    ) -> Result<Request, BuildError> {
        assert_ne!(key.0, POISON);
        self.0.build(operation, key, values)
    }

    fn read(&self, operation: Operation, key: &ProviderKey, answer: &Answer) -> Verdict {
        self.0.read(operation, key, answer)
    }

    fn fingerprint(&self) -> [u8; 32] {
        self.0.fingerprint()
    }
}

fn fragile() -> Arc<dyn Provider> {
    // Nobody listens on port 1.
    let text =
        "[wsone]\nbase_url = \"http://127.0.0.1:1\"\nusername = { env = \"U\" }\npassword = { env = \"P\" }";
    let settings: ProvidersSettings = toml::from_str(text).expect("well-formed");
    let credentials = Credentials { username: "u".to_owned().into(), password: "p".to_owned().into() };
    let provider = settings.provider(ProviderId::Wsone, credentials).expect("right").expect("there");
    Arc::new(Fragile(provider))
}

/// Leased calls for accounts with these keys.
fn leased(folder: &TempDir, keys: &[&str]) -> Vec<Leased> {
    let path = folder.path().join("state.db");
    let state = StateFile::new(StateSettings { path, clear_values: false, hash_key: None });
    let lock = state.lock().expect("nobody else");
    let mut store = state.open(&lock).expect("a new state");
    let now = Timestamp(1);
    let run = store.start_run("run", "sync", now).expect("a run");
    let intake = store.intake(run, now).expect("begun");
    for (number, key) in keys.iter().enumerate() {
        let id = CustomerId::new(&format!("c{number}")).expect("valid");
        let customer = intake.add_customer(&id, None).expect("written");
        let key = ProviderKey((*key).into());
        let values = [(FieldCode(21), "name")].into_iter().collect();
        let account = PackedAccount::of(&Account::new(key.clone()), &[]);
        intake.put_account(customer, ProviderId::Wsone, account).expect("written");
        let call = NewCall {
            customer,
            provider: ProviderId::Wsone,
            operation: Operation::Update,
            payload: PackedPayload::of(&Payload { key, values }),
            hold: None,
            withdrawal: false,
        };
        intake.put_call(call, None).expect("written");
    }
    intake.commit().expect("accepted");
    let filter = LeaseFilter::default();
    let leased = store.group(run, now, |outbox| outbox.lease(ProviderId::Wsone, keys.len(), &filter, &mut 0));
    leased.expect("leased")
}

/// What becomes of calls that are sent at once, and then one after the other by the same crew: how many fell over.
fn fallen(keys: &[&str]) -> (usize, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let calls: Vec<_> = leased(&folder, keys).into_iter().map(Arc::new).collect();
    let provider = fragile();
    let transport = Transport::new(provider.settings()).expect("the settings are right");
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
