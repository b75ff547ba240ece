//! Simulators of the three providers, for rehearsals, tests and demonstrations. Loopback only; memory only.
//!
//! They are written from the providers' documents and share nothing with our client, so that a mistake of the client
//! cannot repeat itself here. They are as harsh as the documents allow: types and sizes are taken at their word, an
//! unknown key is refused, a repeated `createPerson` makes a second person, refusals quote the customer's data.
//! One port serves all three, told apart by path, plus the ledger and the levers of a test (see `control`).
//!
//! # Scenarios
//!
//! A scenario is a TOML file. `seed` makes chance repeatable; `[wsone]`, `[lemonway]` and `[safedebit]` set what differs
//! between installations; each `[[rule]]` spoils some requests.
//!
//! ```toml
//! seed = 7
//!
//! [wsone]
//! update = "replace"        # what an update does to a sent object: replace (default) | patch
//! unknown_code = "101"      # responseCode for an unknown identifier
//! data_code = "102"         # responseCode for a field of a wrong form
//! exists_code = "103"       # responseCode for a repeated create; without it a second person is made
//!
//! [lemonway]
//! foreign_address = false   # true: every request ends in HTTP 403
//! escaped_result = false    # true: directkit answers with the document as escaped text
//! result_element = "UpdateWalletDetailsResult"   # or "UpdateWalletStatusResult"
//! wrapped_json = false      # true: directkitjson answers {"d": …}
//! verified = ["wallet-7"]   # KYC 2: only e-mail and phones can change
//!
//! [safedebit]
//! denied_with_401 = false   # true: HTTP 401 instead of AUTH_001
//!
//! [[rule]]                  # every 50th WsOne request is throttled, four times in all
//! provider = "wsone"
//! every = 50
//! times = 4
//! effect = { status = { code = 429, retry_after = "2" } }
//!
//! [[rule]]                  # each wallet's first update is applied, but its answer is lost
//! operation = "UpdateWalletDetails"
//! first = 1
//! per_key = true
//! effect = { lose_reply = "after" }
//! ```
//!
//! *Which requests*: `provider`, `operation`, `key` (WsOne: `<identifierType>:<identifierValue>`). *When*, counting from 1 the
//! requests that fit (with `per_key = true`: those of one customer): `nth`, `every`, `first`, `from` and `to` (both
//! included), `probability` (0 to 1); all that are given must hold. `times` ends a rule after so many hits. The first
//! rule that hits decides; latency is apart, its first hit is added to whatever else happens.
//!
//! *What*, by `effect`:
//!
//! | effect | does |
//! |---|---|
//! | `latency = "20ms"`, or `{ min, max }` | the answer waits; the request is applied at once |
//! | `status = { code, retry_after, retry_after_date_in, body, apply }` | another HTTP status (401, 403, 429, 5xx …); `retry_after` is the header's text, `retry_after_date_in = "2s"` makes it a date; `apply` (false) applies the request all the same |
//! | `lose_reply = "before"` or `"after"` | the connection closes without an answer, before or after applying |
//! | `late = { after, stall }` | the request is applied so much later; the connection closes after `stall` (at once) |
//! | `refuse = { code, apply }` | a refusal in the provider's own words |
//! | `garbage = { body, apply }` | HTTP 200 with an `html` page, an `empty` or a `truncated` body; `apply` is true |
//! | `redirect = { location, status, apply }` | status 307, or another; `apply` acts before it |

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::domain::clock::Clock;
use crate::domain::provider::ProviderId;

mod checks;
mod control;
mod credentials;
mod desk;
mod ledger;
mod lemonway;
mod line;
mod people;
mod reply;
mod request;
mod route;
mod safedebit;
mod scenario;
mod script;
mod server;
mod world;
mod wsone;

#[cfg(test)]
mod tests;

pub use credentials::{Accounts, Credentials};
pub use ledger::{Entry, Outcome, ProviderSummary, Summary, Tally};
pub use people::{Person, State};
pub use route::Operation;
pub use scenario::{
    LemonwayHabits, ResultElement, SafedebitHabits, Scenario, ScenarioError, UpdateHabit, WsoneHabits,
};
use server::Shared;
use world::World;

/// How long open connections may take to end when the simulators stop.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// How the simulators are to start.
#[derive(Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The expected credentials.
    pub accounts: Accounts,
    /// Whether persons, wallets and consumers that nobody populated are made known by the first request instead of
    /// being refused.
    pub accept_unknown: bool,
    /// What goes wrong.
    pub scenario: Scenario,
    population: Vec<(ProviderId, String)>,
}

impl Options {
    /// A free port, any credentials, nobody populated, nothing goes wrong.
    #[must_use]
    pub fn new() -> Self {
        Self {
            port: 0,
            accounts: Accounts::default(),
            accept_unknown: false,
            scenario: Scenario::default(),
            population: Vec::new(),
        }
    }

    /// Makes a customer known to a provider. The key of WsOne is `<identifierType>:<identifierValue>`.
    pub fn populate(&mut self, provider: ProviderId, key: impl Into<String>) -> &mut Self {
        self.population.push((provider, key.into()));
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows how many customers there are, not who they are.
impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("port", &self.port)
            .field("accept_unknown", &self.accept_unknown)
            .field("population", &self.population.len())
            .finish_non_exhaustive()
    }
}

/// Why the simulators did not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on 127.0.0.1:{port}; choose another port, or 0 for a free one")]
pub struct StartError {
    port: u16,
    source: io::Error,
}

/// The simulators, before they run.
#[derive(Debug)]
pub struct Sandbox;

impl Sandbox {
    /// Starts the simulators on the current tokio runtime and returns once they accept connections. `clock` dates
    /// the ledger and `Retry-After`; latencies are tokio's.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(options: Options, clock: Clock) -> Result<Running, StartError> {
        let fail = |source| StartError { port: options.port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let mut world = World::new(options.scenario, options.accounts, options.accept_unknown);
        for (provider, key) in &options.population {
            world.populate(*provider, key, false);
        }
        let shared = Arc::new(Shared::new(world, clock));
        let service = server::router(Arc::clone(&shared)).into_make_service_with_connect_info::<line::Line>();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(line::Exchange::new(listener), service);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // A dropped sender means the same as a message.
            serving.with_graceful_shutdown(async { stopped.await.unwrap_or(()) }).await
        });
        Ok(Running { address, shared, stop, tasks })
    }
}

/// Simulators that accept connections. When this is dropped they end without waiting for anybody.
pub struct Running {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: oneshot::Sender<()>,
    tasks: JoinSet<io::Result<()>>,
}

/// Shows the address, nothing of the customers.
impl fmt::Debug for Running {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Running").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Running {
    /// The address that is listened on, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What really happened, now and as long as the handle is kept, also after [`stop`](Self::stop).
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger { shared: Arc::clone(&self.shared) }
    }

    /// Makes a customer known to a provider. The key of WsOne is `<identifierType>:<identifierValue>`.
    pub fn populate(&self, provider: ProviderId, key: &str) {
        self.shared.lock().populate(provider, key, false);
    }

    /// Starts another scenario from its first request; people and ledger stay.
    pub fn play(&self, scenario: Scenario) {
        self.shared.swap_scenario(scenario);
    }

    /// Waits until every request that a scenario keeps back has been applied.
    pub async fn late_ones_landed(&self) {
        self.shared.late_ones_landed().await;
    }

    /// Runs until `shutdown` resolves, then stops.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        self.stop().await;
    }

    /// Takes no more connections, lets open requests end within two seconds, and drops what was still to be applied
    /// late.
    pub async fn stop(mut self) {
        // Nobody listens any more when the server has already ended.
        self.stop.send(()).ok();
        tokio::time::timeout(STOP_PATIENCE, self.tasks.join_next()).await.ok();
        self.tasks.shutdown().await;
        self.shared.drop_late_ones();
    }
}

/// A view of what really happened at the simulated providers.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

/// Shows counts only.
impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Ledger").field(&self.summary()).finish()
    }
}

impl Ledger {
    /// All entries so far, in the order in which they were decided.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.shared.lock().ledger.entries().to_vec()
    }

    /// Everybody whom the providers hold, with their fields as last applied.
    #[must_use]
    pub fn state(&self) -> State {
        self.shared.lock().people.state()
    }

    /// One customer of one provider.
    #[must_use]
    pub fn person(&self, provider: ProviderId, key: &str) -> Option<Person> {
        self.shared.lock().people.get(provider, key).cloned()
    }

    /// Counts of requests, applications, refusals, duplicates, and the busiest second of each provider.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.shared.summary()
    }

    /// Forgets all entries, not what they did.
    pub fn reset(&self) {
        self.shared.lock().reset_ledger();
    }
}
