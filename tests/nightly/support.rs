//! A world for one test: a folder, the simulators on a port of their own, and the built binary as a process.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;

use crmsync::domain::clock::Clock;
use crmsync::domain::provider::ProviderId;
use crmsync::sandbox::{Accounts, Credentials, Ledger, Options, Running, Sandbox, Scenario};
use serde_json::Value;
use tempfile::TempDir;

/// Columns of the tests' files, in this order; the names are the canonical ones.
pub(crate) const HEADER: &str = "customer_id;person_identifier;wallet_id;safedebit_reference;title;first_name;last_name;\
email;mobile_phone;street;postal_code;city;country;birth_date;email_opt_in;iban";

/// A secret that must never be seen anywhere but in requests.
pub(crate) const PASSWORD: &str = "planted-secret-Zq81";

/// The name that goes with it.
const USER: &str = "night";

/// One customer as a CRM row.
#[derive(Clone)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) person: String,
    pub(crate) wallet: String,
    pub(crate) reference: String,
    pub(crate) title: &'static str,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) email: String,
    pub(crate) mobile: String,
    pub(crate) street: String,
    pub(crate) opt_in: &'static str,
    pub(crate) iban: &'static str,
}

impl Customer {
    /// Customer number `n`, valid everywhere, known to all three providers by key.
    pub(crate) fn new(n: usize) -> Self {
        Self {
            id: format!("C{n:05}"),
            person: format!("77000{n:05}"),
            wallet: format!("W{n:05}"),
            reference: format!("REF{n:05}"),
            title: "M",
            first: "Élise".to_owned(),
            last: format!("Martin{}", letters(n)),
            email: format!("elise.{n}@example.org"),
            mobile: format!("06123{:05}", 40_000 + n),
            street: format!("{} rue de la Liberté", n % 90 + 1),
            opt_in: "1",
            iban: "FR7630006000011234567890189",
        }
    }

    pub(crate) fn email(mut self, email: &str) -> Self {
        email.clone_into(&mut self.email);
        self
    }

    pub(crate) fn line(&self) -> String {
        let Self { id, person, wallet, reference, title, first, last, email, mobile, street, opt_in, iban } =
            self;
        format!(
            "{id};{person};{wallet};{reference};{title};{first};{last};{email};{mobile};{street};59000;Lille;FR;\
             01/02/1980;{opt_in};{iban}"
        )
    }
}

/// Customers 1 to `count`.
pub(crate) fn customers(count: usize) -> Vec<Customer> {
    (1..=count).map(Customer::new).collect()
}

/// Names hold no digits.
fn letters(n: usize) -> String {
    n.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect()
}

/// What one run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("utf-8"),
            err: String::from_utf8(output.stderr).expect("utf-8"),
        }
    }

    /// Fails the test with everything the program said, unless it exited with that code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

/// Simulators on a thread of their own.
struct Simulators {
    running: Option<Running>,
    runtime: tokio::runtime::Runtime,
}

impl Simulators {
    fn start(accept_unknown: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let mut options = Options::new();
        options.accept_unknown = accept_unknown;
        let account = || Some(Credentials::new(USER, PASSWORD));
        options.accounts = Accounts { wsone: account(), lemonway: account(), safedebit: account() };
        let running = runtime.block_on(Sandbox::start(options, Clock::system())).expect("a free port");
        Self { running: Some(running), runtime }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("runs until dropped")
    }
}

impl Drop for Simulators {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

/// A folder, simulators and a configuration.
pub(crate) struct World {
    folder: TempDir,
    simulators: Simulators,
}

impl World {
    /// Simulators that know nobody.
    pub(crate) fn new() -> Self {
        Self::with(false)
    }

    /// Simulators that make everybody known who is asked for.
    pub(crate) fn accepting() -> Self {
        Self::with(true)
    }

    fn with(accept_unknown: bool) -> Self {
        let world = Self {
            folder: tempfile::tempdir().expect("a folder"),
            simulators: Simulators::start(accept_unknown),
        };
        world.configure("", &[]);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the simulators listen.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.simulators.running().address())
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.simulators.running().ledger()
    }

    pub(crate) fn play(&self, scenario: &str) {
        self.simulators.running().play(Scenario::from_toml(scenario).expect("a scenario"));
    }

    pub(crate) fn late_ones_landed(&self) {
        self.simulators.runtime.block_on(self.simulators.running().late_ones_landed());
    }

    /// Makes wallets and consumers of these customers known; persons are created by the program.
    pub(crate) fn populate(&self, customers: &[Customer]) {
        for customer in customers {
            self.simulators.running().populate(ProviderId::Lemonway, &customer.wallet);
            self.simulators.running().populate(ProviderId::Safedebit, &customer.reference);
        }
    }

    /// Makes one account known.
    pub(crate) fn knows(&self, provider: ProviderId, key: &str) {
        self.simulators.running().populate(provider, key);
    }

    /// Makes the persons of these customers known too, as after an earlier migration.
    pub(crate) fn populate_persons(&self, customers: &[Customer]) {
        for customer in customers {
            self.simulators.running().populate(ProviderId::Wsone, &format!("1:{}", customer.person));
        }
    }

    /// Writes the configuration: `general` stands before the providers, `extra` are lines of single providers.
    pub(crate) fn configure(&self, general: &str, extra: &[(&str, &str)]) {
        let base = format!("http://{}", self.simulators.running().address());
        let urls = [
            ("wsone", String::new()),
            ("lemonway", "/mb/demo/dev".to_owned()),
            ("safedebit", "/ssp".to_owned()),
        ];
        let mut text = format!(
            "[state]\npath = {:?}\nruns = {:?}\n{general}\n",
            self.path("state/crmsync.db"),
            self.path("state/runs")
        );
        for (name, path) in urls {
            let more: String = extra.iter().filter(|(of, _)| *of == name).map(|(_, lines)| *lines).collect();
            // A line of the test takes the place of the usual one.
            let usual = [
                "rate_per_second = 2000",
                "burst = 50",
                "timeout = \"5s\"",
                "settle = \"300ms\"",
                "retry = { attempts = 4, initial = \"5ms\", max = \"20ms\" }",
            ];
            let usual = usual.iter().filter(|line| {
                let key = line.split(' ').next().expect("a key");
                !more.lines().any(|own| own.trim_start().starts_with(&format!("{key} ")))
            });
            write!(text, "\n[providers.{name}]\nbase_url = \"{base}{path}\"\n").expect("memory");
            usual.for_each(|line| writeln!(text, "{line}").expect("memory"));
            let login = if name == "lemonway" { "login" } else { "username" };
            write!(text, "{login} = {{ env = \"T_USER\" }}\npassword = {{ env = \"T_PASSWORD\" }}\n")
                .expect("memory");
            if name == "wsone" {
                text.push_str("identifier_type = 1\ntitles = { M = 1, F = 2 }\nstreet_types = { RUE = 5 }\n");
            }
            writeln!(text, "{more}").expect("memory");
        }
        std::fs::write(self.path("crmsync.toml"), text).expect("written");
    }

    pub(crate) fn csv(&self, name: &str, customers: &[Customer]) -> PathBuf {
        let mut text = format!("{HEADER}\n");
        customers.iter().for_each(|customer| writeln!(text, "{}", customer.line()).expect("memory"));
        self.file(name, &text)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    /// The program with these arguments, not started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crmsync"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("T_USER", USER)
            .env("T_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    #[must_use = "how it ended is part of what it did"]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().expect("the binary runs"))
    }

    /// Runs a command on a file.
    #[must_use = "how it ended is part of what it did"]
    pub(crate) fn on(&self, command: &str, file: &Path, more: &[&str]) -> Ran {
        let mut arguments = vec![command, file.to_str().expect("utf-8")];
        arguments.extend(more);
        self.run(&arguments)
    }

    #[must_use = "how it ended is part of what it did"]
    pub(crate) fn sync(&self, file: &Path) -> Ran {
        self.on("sync", file, &["--allow-mass-change"])
    }

    /// Starts the program and does not wait.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the binary runs")
    }

    /// Starts the program with a pipe for its standard input.
    pub(crate) fn start_piped(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdin(Stdio::piped()).spawn().expect("the binary runs")
    }

    /// The report of the newest run.
    pub(crate) fn report(&self) -> Value {
        let text = std::fs::read_to_string(self.run_folder().join("report.json")).expect("a report");
        serde_json::from_str(&text).expect("JSON")
    }

    /// The folder of the newest run.
    pub(crate) fn run_folder(&self) -> PathBuf {
        let mut runs: Vec<PathBuf> = std::fs::read_dir(self.path("state/runs"))
            .expect("runs")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        runs.sort_by_key(|run| std::fs::metadata(run).and_then(|run| run.modified()).expect("a time"));
        runs.pop().expect("a run")
    }

    pub(crate) fn rejects(&self) -> String {
        std::fs::read_to_string(self.run_folder().join("rejects.csv")).expect("rejects")
    }

    /// What `rejects.csv` lists: customer, provider and code. A code looked for in the text may be found in the time of
    /// the run.
    pub(crate) fn rejected(&self) -> Vec<[String; 3]> {
        let text = self.rejects();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().expect("a header").clone();
        let columns = ["_customer_id", "_provider", "_code"]
            .map(|name| header.iter().position(|column| column == name).expect("a column"));
        let listed = reader.records().map(|record| record.expect("a record"));
        listed.map(|record| columns.map(|column| record[column].to_owned())).collect()
    }

    /// Requests that the ledger shows for a provider.
    pub(crate) fn requests(&self, provider: ProviderId) -> u64 {
        self.ledger().summary().providers[&provider].requests
    }

    /// Applied calls of all providers.
    pub(crate) fn applied(&self) -> usize {
        self.ledger().entries().iter().filter(|entry| entry.applied).count()
    }

    /// Creates that made a second person.
    pub(crate) fn duplicates(&self) -> usize {
        self.ledger().entries().iter().filter(|entry| entry.duplicate).count()
    }

    /// The e-mail that each provider holds for a customer.
    pub(crate) fn emails(&self, customer: &Customer) -> [String; 3] {
        let ledger = self.ledger();
        let get = |provider, key: &str, path: &[&str]| {
            let person = ledger.person(provider, key).unwrap_or_default();
            let mut value = &Value::Object(person.fields);
            for step in path {
                value = value.get(step).unwrap_or(&Value::Null);
            }
            value.as_str().unwrap_or("").to_owned()
        };
        [
            get(
                ProviderId::Wsone,
                &format!("1:{}", customer.person),
                &["ContactsRequest", "EmailRequest", "emailValue"],
            ),
            get(ProviderId::Lemonway, &customer.wallet, &["newEmail"]),
            get(ProviderId::Safedebit, &customer.reference, &["consumer_email"]),
        ]
    }

    #[track_caller]
    pub(crate) fn all_hold(&self, customer: &Customer) {
        let email = &customer.email;
        assert_eq!(self.emails(customer), [email.clone(), email.clone(), email.clone()]);
    }
}

/// Files and folders below a folder.
pub(crate) fn all_below(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(all_below(&path));
        }
        all.push(path);
    }
    all
}

/// Files below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    all_below(folder).into_iter().filter(|path| path.is_file()).collect()
}

/// Waits for a condition that another process brings about; fails after half a minute.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    // A channel nobody writes to is a wait without a clock of its own.
    let (_keep, never) = mpsc::channel::<()>();
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        let waited = never.recv_timeout(std::time::Duration::from_millis(5));
        assert!(waited.is_err());
    }
    unreachable!("waited in vain: {what}");
}
