//! A lane that falls over, a call that cannot be built, and what the tests of this room share: a provider that can fall over, a state with calls for it.

use tempfile::TempDir;

use super::*;
use crate::domain::account::Account;
use crate::domain::call::{Operation, Payload};
use crate::domain::clock::Clock;
use crate::domain::customer::Customer;
use crate::domain::event::{Event, LaneState};
use crate::domain::lifecycle::Happening;
use crate::domain::policy::OnNew;
use crate::domain::verdict::Verdict;
use crate::domain::wire::{FieldCode, Projection, ProviderKey, WireField, WireValues};
use crate::providers::codes::CodeTable;
use crate::providers::{Answer, BuildError, CommonSettings, Credentials, ProvidersSettings, Request};
use crate::store::{
    LaneUse, NewCall, PackedAccount, PackedPayload, Settlement, StateFile, StateSettings, ToldFields,
};

/// A fragile provider falls over when it builds a request for this key.
pub(super) const POISON: &str = "1:poison";
/// It can build no request for those that begin so.
pub(super) const UNBUILDABLE: &str = "1:unbuildable";

pub(super) struct Fragile {
    pub(super) provider: Arc<dyn Provider>,
    /// Its lane falls over, too.
    pub(super) falls_in_lane: bool,
    /// Its lane is cut short while it settles a call.
    pub(super) cuts: Option<watch::Sender<Order>>,
}

impl Provider for Fragile {
    fn id(&self) -> ProviderId {
        self.provider.id()
    }

    fn settings(&self) -> &CommonSettings {
        // Of all tasks only lanes ask for them.
        assert!(!self.falls_in_lane || tokio::task::try_id().is_none());
        if let Some(orders) = &self.cuts {
            orders.send_replace(Order::Abort);
        }
        self.provider.settings()
    }

    fn credentials(&self) -> &Credentials {
        self.provider.credentials()
    }

    fn code_table(&self) -> &CodeTable {
        self.provider.code_table()
    }

    fn fields(&self) -> &'static [WireField] {
        self.provider.fields()
    }

    fn project(&self, customer: &Customer) -> Projection {
        self.provider.project(customer)
    }

    fn build(
        &self,
        operation: Operation,
        key: &ProviderKey,
        values: &WireValues,
    ) -> Result<Request, BuildError> {
        assert_ne!(key.0, POISON);
        if key.0.starts_with(UNBUILDABLE) {
            return Err(BuildError::Key);
        }
        self.provider.build(operation, key, values)
    }

    fn read(&self, operation: Operation, key: &ProviderKey, answer: &Answer) -> Verdict {
        self.provider.read(operation, key, answer)
    }

    fn fingerprint(&self) -> [u8; 32] {
        self.provider.fingerprint()
    }
}

/// A provider that nobody answers for.
pub(super) fn fragile(id: ProviderId, falls_in_lane: bool) -> Arc<dyn Provider> {
    Arc::new(Fragile { provider: unanswered(id), falls_in_lane, cuts: None })
}

fn unanswered(id: ProviderId) -> Arc<dyn Provider> {
    // Nobody listens on port 1.
    provider_at(1, id, "concurrency = 1")
}

/// A provider at this port.
pub(super) fn provider_at(port: u16, id: ProviderId, settings: &str) -> Arc<dyn Provider> {
    let text = format!(
        "[{id}]\nbase_url = \"http://127.0.0.1:{port}\"\nusername = {{ env = \"U\" }}\npassword = {{ env = \"P\" }}\n{settings}"
    );
    let settings: ProvidersSettings = toml::from_str(&text).expect("well-formed");
    let credentials = Credentials { username: "u".to_owned().into(), password: "p".to_owned().into() };
    settings.provider(id, credentials).expect("right").expect("there")
}

pub(super) fn opened(folder: &TempDir, run: &str) -> (Store, RunNumber) {
    let path = folder.path().join("state.db");
    let state = StateFile::new(StateSettings { path, clear_values: false, hash_key: None });
    let lock = state.lock().expect("nobody else");
    let mut store = state.open(&lock).expect("a state");
    let run = store.start_run(run, "sync", None, Timestamp(1)).expect("a run");
    (store, run)
}

/// A state with an update for each of these keys, in its first run.
pub(super) fn filled(folder: &TempDir, keys: &[(ProviderId, &str)]) -> (Store, RunNumber) {
    let (mut store, run) = opened(folder, "first");
    let intake = store.intake(run, Timestamp(1)).expect("begun");
    for (number, (provider, key)) in keys.iter().enumerate() {
        let id = CustomerId::new(&format!("c{number}")).expect("valid");
        let customer = intake.add_customer(&id, None, ToldFields::default()).expect("written");
        let key = ProviderKey((*key).into());
        let values = [(FieldCode(21), "name")].into_iter().collect();
        let account = PackedAccount::of(&Account::new(key.clone()), &[]);
        intake.put_account(customer, *provider, account).expect("written");
        let call = NewCall {
            customer,
            provider: *provider,
            operation: Operation::Update,
            payload: PackedPayload::of(&Payload { key, values }),
            hold: None,
            withdrawal: false,
        };
        intake.put_call(call, None).expect("written");
    }
    intake.commit().expect("accepted");
    (store, run)
}

pub(super) fn dispatch_to(providers: Vec<Arc<dyn Provider>>) -> Dispatch {
    Dispatch {
        providers,
        only: Vec::new(),
        limits: Limits::default(),
        outage_patience: Duration::from_mins(1),
        clock: RunClock::start(Clock::system()),
        events: Events::default(),
        random_seed: 1,
    }
}

#[test]
fn a_call_that_cannot_be_built_is_refused_and_counts_as_no_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, run) = filled(&folder, &[(ProviderId::Wsone, UNBUILDABLE)]);
    let dispatch = dispatch_to(vec![fragile(ProviderId::Wsone, false)]);
    let (_, dispatched) =
        super::run(store, run, &dispatch, &mut Signals::silence()).expect("sent what can be");
    let tally = &dispatched.lanes[&ProviderId::Wsone].tally;
    assert_eq!((tally.refused, tally.requests), (1, 0));
    assert!(tally.achieved_per_second.abs() < f64::EPSILON, "{}", tally.achieved_per_second);
}

/// What was tried before, and lost a field since, perhaps.
#[test]
fn a_call_that_cannot_be_built_any_more_counts_as_no_retry() {
    let folder = tempfile::tempdir().expect("a folder");
    let wsone = ProviderId::Wsone;
    let (mut store, run) = filled(&folder, &[(wsone, UNBUILDABLE)]);
    let tried = store.group(run, Timestamp(1), |outbox| {
        let leased = outbox.lease(wsone, 1, &LeaseFilter::default(), &mut 0)?.remove(0);
        outbox.settle(&leased, &not_applied())
    });
    assert_eq!(tried.expect("written").life.attempts, 1);
    let dispatch = dispatch_to(vec![fragile(wsone, false)]);
    let (_, dispatched) =
        super::run(store, run, &dispatch, &mut Signals::silence()).expect("sent what can be");
    let tally = &dispatched.lanes[&wsone].tally;
    assert_eq!((tally.refused, tally.retries), (1, 0));
}

/// What becomes of a call that may go again at once.
fn not_applied() -> Settlement {
    Settlement {
        happening: Happening::NotApplied { spares_try: false },
        class: "test",
        code: String::new(),
        only_fields: None,
        last: false,
        settle_until: Timestamp(1),
        backoff_until: Timestamp(1),
        attempts_max: 99,
        on_new: OnNew::Create,
    }
}

#[test]
fn a_call_that_cannot_be_built_takes_nothing_from_the_budgets() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = [(ProviderId::Wsone, UNBUILDABLE), (ProviderId::Wsone, "1:unbuildable too")];
    let (store, run) = filled(&folder, &keys);
    let provider = provider_at(1, ProviderId::Wsone, "concurrency = 1\ncalls_per_day = 1");
    let fragile = Fragile { provider, falls_in_lane: false, cuts: None };
    let mut dispatch = dispatch_to(vec![Arc::new(fragile)]);
    dispatch.limits.max_calls = Some(1);
    let (_, dispatched) =
        super::run(store, run, &dispatch, &mut Signals::silence()).expect("sent what can be");
    let lane = &dispatched.lanes[&ProviderId::Wsone];
    assert_eq!((lane.tally.refused, lane.stop), (2, None));
}

#[test]
fn a_lane_that_falls_over_is_told_as_such_and_the_others_leave_nothing_in_flight() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = [(ProviderId::Wsone, "1:a"), (ProviderId::Safedebit, "b"), (ProviderId::Safedebit, "c")];
    let (store, run) = filled(&folder, &keys);
    let providers = vec![fragile(ProviderId::Wsone, true), fragile(ProviderId::Safedebit, false)];
    let dispatch = dispatch_to(providers.clone());
    let ended = super::run(store, run, &dispatch, &mut Signals::silence()).map(|(_, dispatched)| dispatched);
    assert!(matches!(ended, Err(DispatchError::LaneDied)), "{ended:?}");
    let (mut store, run) = opened(&folder, "second");
    let recovered = recover(&mut store, &providers, run, &dispatch.clock).expect("recovered");
    assert_eq!(recovered.in_flight, 0);
}

/// A second signal may come at any moment of the draining that a first one began.
#[test]
fn a_lane_that_is_cut_short_while_it_drains_has_what_came_back_written_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let wsone = ProviderId::Wsone;
    let (mut store, run) = filled(&folder, &[(wsone, "1:a")]);
    let leased =
        store.group(run, Timestamp(1), |outbox| outbox.lease(wsone, 1, &LeaseFilter::default(), &mut 0));
    let (orders, _) = watch::channel(Order::Go);
    let provider: Arc<dyn Provider> =
        Arc::new(Fragile { provider: unanswered(wsone), falls_in_lane: false, cuts: Some(orders.clone()) });
    let dispatch = dispatch_to(vec![Arc::clone(&provider)]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (writer, checkpoint, mut records) =
        Writer::start(store, run, dispatch.clock.clone(), [wsone]).expect("started");
    let ways = (checkpoint, records.remove(&wsone).expect("a way back"));
    let past = Past {
        closed: None,
        settles: Duration::ZERO,
        day: DayBudget::resumed(None, &LaneUse::default(), Timestamp(1)),
        total: 1,
    };
    let turns = Arc::new(Semaphore::new(1));
    let budget = CallBudget::new(None);
    let subscribed = (orders.subscribe(), &turns);
    let end = runtime.block_on(async {
        let lane = lane_of(&dispatch, &provider, past, ways, &budget, subscribed).expect("a lane");
        let mut working = lane.begin();
        orders.send_replace(Order::Go);
        working.ready.extend(leased.expect("leased").into_iter().map(Arc::new));
        tokio::time::timeout(Duration::from_mins(1), working.finish(Ok(None))).await
    });
    assert!(end.expect("it ends").failure.is_none());
    assert_eq!(*orders.borrow(), Order::Abort, "cut short");
    drop(runtime);
    let store = writer.finish().expect("the state");
    assert_eq!(store.counts().expect("readable")[&wsone].queued, 1, "given back");
}

/// For as long as a provider may be down nothing is leased to be given back: each time would be written and synced.
#[test]
fn a_lane_whose_provider_is_down_leases_only_what_it_tries() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys: Vec<String> = (0..40).map(|number| format!("ref{number}")).collect();
    let keys: Vec<_> = keys.iter().map(|key| (ProviderId::Safedebit, key.as_str())).collect();
    let (store, run) = filled(&folder, &keys);
    let mut dispatch = dispatch_to(vec![fragile(ProviderId::Safedebit, false)]);
    // The second pause is longer than calls stay leased that may not leave.
    dispatch.outage_patience = Duration::from_millis(2_500);
    let (listener, heard) = std::sync::mpsc::channel();
    dispatch.events = Events::to(listener);
    let (store, dispatched) = super::run(store, run, &dispatch, &mut Signals::silence()).expect("tried");
    let lane = &dispatched.lanes[&ProviderId::Safedebit];
    assert_eq!(lane.stop, Some(StopReason::Unavailable), "{lane:?}");
    assert!((5..20).contains(&lane.tally.requests), "{}", lane.tally.requests);
    drop((store, dispatch));
    // Each block of leases, and each of what is given back, is a commit; each pause is told.
    let is_pause = |event: &Event| matches!(event, Event::Lane { state: LaneState::BreakerOpen { .. }, .. });
    let pauses = heard.iter().flatten().filter(is_pause).count();
    assert!((1..10).contains(&pauses), "{pauses}");
    #[expect(clippy::disallowed_methods, reason = "looks at what the program has written")]
    let state = rusqlite::Connection::open(folder.path().join("state.db")).expect("a state");
    let answers = "SELECT count(*) FROM answer";
    let answers: i64 = state.query_row(answers, [], |row| row.get(0)).expect("readable");
    assert_eq!(answers.unsigned_abs(), lane.tally.requests);
}
