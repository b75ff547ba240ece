//! A world for one fault: a folder, the simulators, a configuration that can point elsewhere, the built binary.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crmsync::domain::clock::Clock;
use crmsync::domain::provider::ProviderId;
use crmsync::sandbox::{Ledger, Options, Running, Sandbox, Scenario};
use serde_json::Value;
use tempfile::TempDir;

/// Whether this run tries the large variants.
pub(crate) fn is_deep() -> bool {
    std::env::var_os("CRMSYNC_DEEP").is_some()
}

/// A customer of `WsOne` and of Safedebit: one create and one update, so that both kinds of call meet each fault. The
/// second number counts how often its e-mail has changed.
#[derive(Clone, Copy)]
pub(crate) struct Customer(pub(crate) usize, usize);

impl Customer {
    pub(crate) fn person(self) -> String {
        format!("77000{:05}", self.0)
    }

    pub(crate) fn reference(self) -> String {
        format!("REF{:05}", self.0)
    }

    pub(crate) fn email(self) -> String {
        format!("elise.{}.{}@example.org", self.0, self.1)
    }

    fn line(self) -> String {
        format!("C{};{};{};Élise;Martin;{}", self.0, self.person(), self.reference(), self.email())
    }
}

/// What one run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn from(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test with everything the program said, unless it exited with that code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32, what: &str) -> Self {
        assert_eq!(self.code, code, "{what}\nstdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

/// A folder, simulators and a configuration.
pub(crate) struct World {
    folder: TempDir,
    runtime: tokio::runtime::Runtime,
    running: Option<Running>,
    customers: Vec<Customer>,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

impl World {
    /// A file of that many customers, whose consumers are known to Safedebit; `WsOne` knows nobody.
    pub(crate) fn new(count: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let running = runtime.block_on(Sandbox::start(Options::new(), Clock::system())).expect("a free port");
        let customers: Vec<Customer> = (1..=count).map(|number| Customer(number, 0)).collect();
        for customer in &customers {
            running.populate(ProviderId::Safedebit, &customer.reference());
        }
        let folder = tempfile::tempdir().expect("a folder");
        let world = Self { folder, runtime, running: Some(running), customers };
        world.write_customers();
        world.configure(&world.healthy(), "");
        world
    }

    fn write_customers(&self) {
        let mut text =
            "customer_id;person_identifier;safedebit_reference;first_name;last_name;email\n".to_owned();
        for customer in &self.customers {
            writeln!(text, "{}", customer.line()).expect("memory");
        }
        self.file("crm.csv", &text);
    }

    /// Every customer has another e-mail from now on.
    pub(crate) fn change_everybody(&mut self) {
        self.customers.iter_mut().for_each(|customer| customer.1 += 1);
        self.write_customers();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("runs until dropped")
    }

    /// Where the simulators are.
    pub(crate) fn healthy(&self) -> String {
        format!("http://{}", self.running().address())
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.running().ledger()
    }

    pub(crate) fn play(&self, scenario: &str) {
        self.running().play(Scenario::from_toml(scenario).expect("a scenario"));
    }

    /// Points both providers at `base`; `more` are lines for each of them and take the place of the usual ones.
    pub(crate) fn configure(&self, base: &str, more: &str) {
        let mut text = format!(
            "[state]\npath = {:?}\nruns = {:?}\n",
            self.path("state/crmsync.db"),
            self.path("state/runs")
        );
        let usual = [
            "rate_per_second = 2000",
            "burst = 50",
            "timeout = \"1s\"",
            "settle = \"150ms\"",
            "retry = { attempts = 1, initial = \"5ms\", max = \"20ms\" }",
        ];
        for (name, path) in [("wsone", ""), ("safedebit", "/ssp")] {
            write!(text, "\n[providers.{name}]\nbase_url = \"{base}{path}\"\n").expect("memory");
            text.push_str("username = { env = \"T_USER\" }\npassword = { env = \"T_PASSWORD\" }\n");
            if name == "wsone" {
                text.push_str("identifier_type = 1\nresponse_codes = { \"101\" = \"missing\" }\n");
            }
            for line in usual {
                let key = line.split(' ').next().expect("a key");
                if !more.lines().any(|own| own.starts_with(&format!("{key} "))) {
                    writeln!(text, "{line}").expect("memory");
                }
            }
            writeln!(text, "{more}").expect("memory");
        }
        self.file("crmsync.toml", &text);
    }

    /// The program, or a tool that runs it: `wrapper` stands before the program's path.
    pub(crate) fn command(&self, wrapper: &[&str], arguments: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_crmsync");
        let mut words = wrapper.iter().copied().chain([binary]).chain(arguments.iter().copied());
        let mut command = Command::new(words.next().expect("at least the program"));
        command
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("T_USER", "night")
            .env("T_PASSWORD", "planted-secret-Zq81")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(&self.command(&[], arguments).output().expect("the binary runs"))
    }

    pub(crate) fn sync(&self) -> Ran {
        self.run(&["sync", "crm.csv", "--allow-mass-change"])
    }

    /// The folder of the newest run, if there is one.
    pub(crate) fn run_folder(&self) -> Option<PathBuf> {
        let runs = std::fs::read_dir(self.path("state/runs")).ok()?;
        let folders = runs.map(|entry| entry.expect("an entry").path());
        folders.max_by_key(|run| std::fs::metadata(run).and_then(|run| run.modified()).expect("a time"))
    }

    /// What the newest run told of one kind.
    fn events(&self, kind: &str) -> Vec<Value> {
        let path = self.run_folder().expect("a run").join("events.jsonl");
        let text = std::fs::read_to_string(path).expect("events");
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        events.filter(|event| event["type"] == kind).collect()
    }

    /// Class, code and attempt of each call of a provider in the newest run's events.
    pub(crate) fn calls(&self, provider: &str) -> Vec<(String, String, u64)> {
        let calls = self.events("call").into_iter().filter(|event| event["provider"] == provider);
        calls
            .map(|event| {
                let word = |key: &str| event[key].as_str().unwrap_or("").to_owned();
                (word("class"), word("code"), event["attempt"].as_u64().unwrap_or(0))
            })
            .collect()
    }

    /// The states that the lanes of the newest run went through.
    pub(crate) fn lane_states(&self) -> Vec<String> {
        let lanes = self.events("lane").into_iter();
        lanes.map(|event| event["state"].as_str().unwrap_or("").to_owned()).collect()
    }

    /// Requests that were applied at a provider.
    pub(crate) fn applied(&self, provider: ProviderId) -> usize {
        self.ledger().entries().iter().filter(|entry| entry.applied && entry.provider == provider).count()
    }

    /// Both providers hold every customer as the file has it, and no person is there twice.
    #[track_caller]
    pub(crate) fn all_delivered(&self, what: &str) {
        let ledger = self.ledger();
        assert!(!ledger.entries().iter().any(|entry| entry.duplicate), "{what}: a second person was made");
        for customer in &self.customers {
            let person = ledger.person(ProviderId::Wsone, &format!("1:{}", customer.person()));
            let consumer = ledger.person(ProviderId::Safedebit, &customer.reference());
            let email = Value::from(customer.email());
            let held = [
                person.map(|person| person.fields["ContactsRequest"]["EmailRequest"]["emailValue"].clone()),
                consumer.and_then(|consumer| consumer.fields.get("consumer_email").cloned()),
            ];
            assert_eq!(held, [Some(email.clone()), Some(email)], "{what}: customer {}", customer.0);
        }
    }

    /// SQLite finds nothing wrong with the state, and no call is open.
    #[track_caller]
    pub(crate) fn state_is_sound(&self, what: &str) {
        sound(&self.path("state/crmsync.db"), what);
    }
}

/// SQLite finds nothing wrong with the file.
#[track_caller]
pub(crate) fn sound(path: &Path, what: &str) {
    let state = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE);
    let found: String = state
        .and_then(|state| state.query_row("PRAGMA integrity_check", [], |row| row.get(0)))
        .unwrap_or_else(|error| error.to_string());
    assert_eq!(found, "ok", "{what}");
}

/// Waits for a time that a test cannot do without: the one that a provider's window lasts.
pub(crate) fn pause(time: Duration) {
    // A channel nobody writes to is a wait without a clock of its own.
    let (_keep, never) = mpsc::channel::<()>();
    assert!(never.recv_timeout(time).is_err());
}
