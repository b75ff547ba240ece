//! A world of its own for each test: folder, state, providers, and hands that play the dispatcher.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::domain::call::{Operation, State};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::event::Events;
use crate::domain::lifecycle::Happening;
use crate::domain::policy::OnNew;
use crate::domain::provider::ProviderId;
use crate::ingest::{GuardSettings, Ingest, IngestError, Mode, Options, Outcome};
use crate::mapping::MappingSettings;
use crate::providers::{Credentials, Provider, ProvidersSettings};
use crate::reader::{InputFile, ReaderSettings};
use crate::store::{
    LeaseFilter, Leased, Lock, RejectFilter, RejectRow, RunNumber, Settlement, StateFile, StateSettings,
    Store, StoreError,
};

pub(super) const SAFEDEBIT: &str = "[safedebit]\nbase_url = \"https://s.example\"\nusername = { env = \"U\" }\n\
                                    password = { env = \"P\" }\nsend = \"changed\"\n";
pub(super) const LEMONWAY: &str = "[lemonway]\nbase_url = \"https://l.example\"\nlogin = { env = \"U\" }\n\
                                   password = { env = \"P\" }\nprotocol = \"directkitjson2\"\nlanguage = \"fr\"\n\
                                   version = \"1.0\"\nwallet_ip = \"127.0.0.1\"\nwallet_ua = \"crmsync\"\n";
pub(super) const WSONE: &str = "[wsone]\nbase_url = \"https://w.example\"\nusername = { env = \"U\" }\n\
                                password = { env = \"P\" }\nidentifier_type = 1\nsource = \"CRM\"\n\
                                on_new = \"create\"\n";

/// A call in words: whose, what, and the text of each wire field.
pub(super) type Described = (String, Operation, Vec<(String, String)>);

pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) store: Store,
    pub(super) mapping: MappingSettings,
    pub(super) guard: GuardSettings,
    pub(super) options: Options,
    pub(super) clock: Clock,
    pub(super) providers: Vec<Arc<dyn Provider>>,
    runs: u32,
    _lock: Lock,
}

impl World {
    /// A world whose providers are configured by this text.
    pub(super) fn new(providers: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let state = state(&folder);
        let lock = state.lock().expect("nobody else");
        let store = state.open(&lock).expect("a new state");
        let mut world = Self {
            folder,
            store,
            mapping: MappingSettings::default(),
            guard: GuardSettings::default(),
            options: Options::default(),
            clock: Clock::set_to(Timestamp(1_795_000_000_000)),
            providers: Vec::new(),
            runs: 0,
            _lock: lock,
        };
        world.configure(providers);
        world
    }

    pub(super) fn configure(&mut self, providers: &str) {
        let settings: ProvidersSettings = toml::from_str(providers).expect("valid settings");
        let credentials = Credentials { username: "u".into(), password: "p".into() };
        let made = settings.enabled().into_iter().map(|id| settings.provider(id, credentials.clone()));
        self.providers = made.map(|made| made.expect("valid").expect("enabled")).collect();
    }

    pub(super) fn write(&self, name: &str, text: &str) -> InputFile {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        // Tests run faster than the clock of the file system: every file has the same age unless a test says so.
        self.touch(name, 1_000_000);
        InputFile::open(&path, &ReaderSettings::default()).expect("readable")
    }

    pub(super) fn touch(&self, name: &str, seconds: i64) {
        let file = File::options().write(true).open(self.folder.path().join(name)).expect("there");
        let (epoch, away) = (SystemTime::UNIX_EPOCH, Duration::from_secs(seconds.unsigned_abs()));
        file.set_modified(if seconds < 0 { epoch - away } else { epoch + away }).expect("set");
    }

    pub(super) fn open(&self, name: &str) -> InputFile {
        InputFile::open(&self.folder.path().join(name), &ReaderSettings::default()).expect("readable")
    }

    pub(super) fn run(&mut self) -> RunNumber {
        self.runs += 1;
        self.store.start_run(&format!("run-{}", self.runs), "sync", None, self.clock.now()).expect("a run")
    }

    /// One run over several files.
    pub(super) fn take(&mut self, mode: Mode, files: &[InputFile]) -> Result<Outcome, IngestError> {
        let run = self.run();
        let ingest = Ingest {
            files,
            mapping: &self.mapping,
            providers: &self.providers,
            idle: &[],
            guard: &self.guard,
            options: self.options,
            clock: &self.clock,
            events: &Events::default(),
            interrupted: &|| false,
        };
        match mode {
            Mode::Plan => ingest.plan(&self.store),
            Mode::Sync => ingest.sync(&mut self.store, run),
            Mode::Seed => ingest.seed(&mut self.store, run),
        }
    }

    pub(super) fn try_sync(&mut self, text: &str) -> Result<Outcome, IngestError> {
        let file = self.write("crm.csv", text);
        self.take(Mode::Sync, &[file])
    }

    pub(super) fn sync(&mut self, text: &str) -> Outcome {
        let outcome = self.try_sync(text).expect("accepted");
        assert!(outcome.input.balances(), "{:?}", outcome.input);
        outcome
    }

    pub(super) fn plan(&mut self, text: &str) -> Outcome {
        let file = self.write("crm.csv", text);
        self.take(Mode::Plan, &[file]).expect("planned")
    }

    /// A plan by a process that may only read.
    pub(super) fn plan_reading_only(&self, files: &[InputFile]) -> Outcome {
        let store = state(&self.folder).open_read_only().expect("readable");
        let ingest = Ingest {
            files,
            mapping: &self.mapping,
            providers: &self.providers,
            idle: &[],
            guard: &self.guard,
            options: self.options,
            clock: &self.clock,
            events: &Events::default(),
            interrupted: &|| false,
        };
        ingest.plan(&store).expect("planned")
    }

    pub(super) fn seed(&mut self, text: &str) -> Result<Outcome, IngestError> {
        let file = self.write("crm.csv", text);
        self.take(Mode::Seed, &[file])
    }

    /// What could leave now, without letting it.
    pub(super) fn ready(&mut self, provider: ProviderId) -> Vec<Leased> {
        let run = self.run();
        let mut ready = Vec::new();
        let rolled_back = self.store.group(run, self.clock.now(), |outbox| -> Result<(), StoreError> {
            ready = outbox.lease(provider, 1_000, &LeaseFilter::default(), &mut 0)?;
            Err(StoreError::Damaged { what: "rolled back by the test" })
        });
        assert!(rolled_back.is_err());
        ready
    }

    /// The calls that could leave.
    pub(super) fn queue(&mut self, provider: ProviderId) -> Vec<Described> {
        let described = Arc::clone(self.providers.iter().find(|p| p.id() == provider).expect("configured"));
        let name = |code| described.field(code).expect("in the table").name.to_owned();
        let ready = self.ready(provider).into_iter().map(|call| {
            let values = call.payload.values.iter().map(|(code, value)| (name(code), value.to_owned()));
            (call.customer.as_str().to_owned(), call.life.operation, values.collect())
        });
        ready.collect()
    }

    /// Lets everything leave that can, and makes this of it.
    pub(super) fn answer(&mut self, provider: ProviderId, happening: Happening) -> usize {
        let run = self.run();
        let now = self.clock.now();
        let settled = self.store.group(run, now, |outbox| {
            let mut lease = run.0 << 32;
            let leased = outbox.lease(provider, 1_000, &LeaseFilter::default(), &mut lease)?;
            for call in &leased {
                outbox.settle(
                    call,
                    &Settlement {
                        happening,
                        class: if happening == Happening::Missing { "missing" } else { "test" },
                        code: String::new(),
                        only_fields: None,
                        last: false,
                        settle_until: now.after(Duration::from_secs(60)),
                        backoff_until: now,
                        attempts_max: 99,
                        on_new: OnNew::Create,
                    },
                )?;
            }
            Ok(leased.len())
        });
        settled.expect("settled")
    }

    pub(super) fn deliver(&mut self, provider: ProviderId) -> usize {
        self.answer(provider, Happening::Accepted)
    }

    pub(super) fn held(&self) -> Vec<RejectRow> {
        let rejects = self.store.rejects(&RejectFilter::default()).expect("readable");
        rejects.into_iter().filter(|reject| reject.state == State::Held).collect()
    }

    pub(super) fn parked(&self) -> usize {
        let rejects = self.store.rejects(&RejectFilter::default()).expect("readable");
        rejects.into_iter().filter(|reject| reject.state == State::Refused).count()
    }

    /// Every byte of the state, the write-ahead log included.
    pub(super) fn state_bytes(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(self.folder.path().join("state"))
            .expect("there")
            .map(|entry| entry.expect("readable"))
            .filter(|entry| !entry.file_name().to_string_lossy().ends_with("-shm"))
            .map(|entry| {
                let bytes = std::fs::read(entry.path()).expect("readable");
                (entry.file_name().to_string_lossy().into_owned(), bytes)
            })
            .collect();
        files.sort();
        files
    }
}

fn state(folder: &TempDir) -> StateFile {
    StateFile::new(StateSettings {
        path: folder.path().join("state").join("crmsync.db"),
        clear_values: false,
        hash_key: None,
    })
}

/// The planned calls of a provider.
pub(super) fn planned(outcome: &Outcome, provider: ProviderId) -> (u64, u64) {
    let planned = outcome.providers[&provider].planned;
    (planned.create, planned.update)
}
