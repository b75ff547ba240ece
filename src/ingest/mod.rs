//! Files into the outbox: read, compare, guard, queue, in one transaction. Never opens a socket.
//!
//! All files of a run are one input. The first pass takes the digest of every record, in place where it can; customers
//! whose digest is the stored one go no further. The second pass reads the others again; whose record says what it said
//! before goes no further either. The others are mapped and projected, and [`crate::diff::decide`] says what each
//! provider lacks. The guards see complete counts; only then the one transaction commits. A crash before that leaves
//! the state as it was; after it, every call survives.

mod apply;
mod batches;
mod claims;
mod compare;
mod differences;
mod error;
mod fields;
mod guard;
mod index;
mod judge;
mod lacking;
mod late;
mod named;
mod news;
mod notes;
mod outcome;
mod overtaken;
mod partitions;
mod prepare;
mod queue;
mod raw_rows;
mod rejects;
mod relay;
mod report;
mod rivals;
mod seed;
mod sheet;
mod sift;

#[cfg(test)]
mod tests;

pub use differences::Difference;
pub use error::{IngestError, IngestErrorKind};
pub use guard::{Guard, GuardSettings, Tripped};
pub use outcome::Outcome;
pub use rejects::IngestReject;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use jiff::civil::Date;

use crate::domain::clock::{Clock, Timestamp};
use crate::domain::event::{Event, Events};
use crate::domain::field::FieldSet;
use crate::domain::mark::Marker;
use crate::domain::provider::ProviderId;
use crate::domain::settings_digest::SettingsDigest;
use crate::mapping::{self, MappingSettings};
use crate::providers::Provider;
use crate::reader::InputFile;
use crate::store::{Intake, RunNumber, Snapshot, Store, StoreError, ToldFields};

use apply::{Apply, Sources};
use compare::Compared;
use guard::InputCounts;
use index::Index;
use lacking::Lacking;
use late::Late;
use prepare::{Maker, Prepared};
use sheet::Sheet;
use sift::Sieve;

/// Whether the files hold every customer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// Together they hold every customer.
    #[default]
    Full,
    /// Only customers that changed.
    Delta,
}

/// What the operator settles for one input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether the files hold every customer.
    pub kind: Kind,
    /// Compare every customer and send everything, whatever the providers are known to hold.
    pub full_resync: bool,
    /// The guards are off.
    pub allow_mass_change: bool,
    /// An input older than the last accepted one is fine.
    pub allow_older: bool,
}

/// One input: the files of one run, and all that decides what becomes of them.
#[derive(Clone, Copy)]
pub struct Ingest<'a> {
    /// The files, in their order.
    pub files: &'a [InputFile],
    /// How rows become customers.
    pub mapping: &'a MappingSettings,
    /// Every enabled provider: filters restrict dispatch, never ingest.
    pub providers: &'a [Arc<dyn Provider>],
    /// Those that have settings and are switched off: nothing is queued for them.
    pub idle: &'a [Arc<dyn Provider>],
    /// What stops the input.
    pub guard: &'a GuardSettings,
    /// The choices of this run.
    pub options: Options,
    /// The time.
    pub clock: &'a Clock,
    /// Who wants to know how far it is.
    pub events: &'a Events,
    /// Whether somebody has ended the run. It is asked between batches.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
}

impl std::fmt::Debug for Ingest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingest").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

/// What is done with the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Find out what would be sent.
    Plan,
    /// Queue it.
    Sync,
    /// Take it for what the providers hold.
    Seed,
}

impl Ingest<'_> {
    /// Finds out what [`sync`](Self::sync) would send. Writes nothing. What would stop a sync (a guard, an older
    /// input) does not stop a plan: it is in the outcome.
    ///
    /// # Errors
    /// When a file cannot be taken in or the state not be read.
    pub fn plan(&self, store: &Store) -> Result<Outcome, IngestError> {
        let started = self.clock.elapsed();
        let older = self.plan_older(store)?;
        let read = self.read(store)?;
        let still = store.hold_still()?;
        let mut outcome = self.run(Mode::Plan, read, still.snapshot(), None)?;
        outcome.older = older;
        self.finish(&mut outcome, started);
        Ok(outcome)
    }

    /// Accepts the input and puts into the outbox what the providers lack, in one transaction. A crash before it
    /// returns leaves the state as it was, or with the whole input accepted.
    ///
    /// # Errors
    /// [`IngestError`], and then nothing was written.
    pub fn sync(&self, store: &mut Store, run: RunNumber) -> Result<Outcome, IngestError> {
        self.write(Mode::Sync, store, run)
    }

    /// Records the input as what the providers hold. Sends nothing. A crash before it returns leaves the state as it
    /// was, or with the whole input recorded.
    ///
    /// # Errors
    /// [`IngestError::SeedWhileOpen`] while calls to these providers are open, else as [`sync`](Self::sync).
    pub fn seed(&self, store: &mut Store, run: RunNumber) -> Result<Outcome, IngestError> {
        self.write(Mode::Seed, store, run)
    }

    fn write(&self, mode: Mode, store: &mut Store, run: RunNumber) -> Result<Outcome, IngestError> {
        let (started, backups_before) = (self.clock.elapsed(), store.backup_time());
        self.refuse_older(store)?;
        if mode == Mode::Seed {
            // Those of a provider that is switched off nobody can deliver, and nothing is seeded there.
            let open = self.providers.iter().map(|provider| store.open_calls(provider.id()));
            let open = open.sum::<Result<u64, _>>()?;
            if open > 0 {
                return Err(IngestError::SeedWhileOpen { open });
            }
        }
        let read = self.read(store)?;
        let mut intake = store.intake(run, self.clock.now())?;
        let mut outcome = self.run(mode, read, intake.snapshot(), Some(&intake))?;
        outcome.ended = intake.end_given_away()?;
        if self.options.kind == Kind::Full {
            intake.end_doubt()?;
        }
        intake.back_up()?;
        intake.put_known_fields(outcome.told, self.starts_anew())?;
        if self.options.kind == Kind::Full {
            intake.put_layouts(&outcome.layouts, self.starts_anew())?;
        }
        let changes = outcome.input.new + outcome.input.changed > 0;
        intake.note_inputs(&self.enabled(), self.options.kind == Kind::Full, changes)?;
        // A time stamp from the future must not lock out every later input.
        intake.accept(self.newest_file().map(|(_, time)| time.min(self.clock.now())))?;
        if let Some(reading) = self.mapping.order_reading() {
            intake.put_order_reading(&reading)?;
        }
        intake.commit()?;
        self.finish(&mut outcome, started + store.backup_time().saturating_sub(backups_before));
        Ok(outcome)
    }

    /// The providers that are switched on.
    fn enabled(&self) -> Vec<ProviderId> {
        self.providers.iter().map(|provider| provider.id()).collect()
    }

    /// The first pass.
    fn read(&self, store: &Store) -> Result<Read<'_>, IngestError> {
        let mut sheets = Vec::with_capacity(self.files.len());
        for file in self.files {
            let sheet = Sheet::open(file, self.mapping, self.clock.now())?;
            self.check_keys(&sheet)?;
            sheets.push(sheet);
        }
        let index = Index::read(self, &sheets, &store.marker())?;
        Ok(Read { sheets, index })
    }

    /// Whether the input alone says which fields the CRM has.
    fn starts_anew(&self) -> bool {
        self.options.kind == Kind::Full && self.options.full_resync
    }

    /// The fields that a customer's records have told something about, once this one is accepted. A part of the customers or
    /// fields does not tell whether that is all.
    fn told_after(&self, before: ToldFields, prepared: &Prepared) -> ToldFields {
        let is_all = before.is_all || self.options.kind == Kind::Full;
        let told = before.fields | prepared.fields;
        match self.options.kind {
            _ if self.starts_anew() => ToldFields { fields: prepared.fields, is_all },
            Kind::Full => ToldFields { fields: told | prepared.lacking, is_all },
            Kind::Delta => ToldFields { fields: told, is_all },
        }
    }

    /// Whether the order values of earlier inputs say which rows of this one are stale.
    fn orders_count(&self, snapshot: &Snapshot<'_>) -> Result<bool, StoreError> {
        if self.starts_anew() {
            return Ok(false);
        }
        self.mapping.order_reading().map_or(Ok(true), |reading| snapshot.orders_are_read_by(&reading))
    }

    /// A key that nobody can have would send nothing, silently. What a file without a header has, its rows tell.
    fn check_keys(&self, sheet: &Sheet<'_>) -> Result<(), IngestError> {
        let Some(_) = sheet.file.header() else { return Ok(()) };
        let has = |field| sheet.has(field);
        let mut lacking = self.providers.iter().filter_map(|one| Some((one.id(), one.lacks(&has)?)));
        match lacking.next() {
            Some((provider, what)) => {
                Err(IngestError::Provider { file: sheet.file.name().to_owned(), provider, what })
            }
            None => Ok(()),
        }
    }

    /// Everything after the first pass. Without an intake nothing is written.
    fn run(
        &self,
        mode: Mode,
        mut read: Read<'_>,
        snapshot: Snapshot<'_>,
        intake: Option<&Intake<'_>>,
    ) -> Result<Outcome, IngestError> {
        let take_all = mode == Mode::Seed || self.options.full_resync;
        let orders_count = self.orders_count(&snapshot)?;
        if let Some(intake) = intake.filter(|_| !orders_count) {
            intake.forget_orders()?;
        }
        let marker = Marker::new(snapshot.fingerprinter());
        let compared = compare::compare(&mut read, &snapshot, &marker, &self.options, take_all)?;
        let alike = compared.warning(&read.sheets);
        let Compared { candidates, mut counts, tally, .. } = compared;
        let lacking = Lacking::find(self, &read.sheets, &snapshot, &candidates)?;
        let mut outcome = Outcome::of(self, &mut read, tally, &lacking, alike);
        if let Some(sheet) = read.sheets.first().filter(|_| !outcome.rejects.is_empty())
            && snapshot.has_tombstones()?
        {
            let hide = |reject: &mut IngestReject| reject.hide_forgotten(&sheet.mapper, &snapshot);
            outcome.rejects.iter_mut().try_for_each(hide)?;
        }
        let early = self.check_input(mode, &counts);
        if early.is_err() && mode != Mode::Plan {
            // Their turn does not come.
            candidates.iter().for_each(|candidate| candidate.count(true, &mut outcome.input));
        }
        self.trip(mode, early, &mut outcome)?;
        if candidates.len() > 0 {
            rayon::spawn(mapping::load_numbering_plans);
        }
        let maker = Maker::new(self, (&read.sheets, &lacking), &marker, take_all, orders_count);
        let mut late = Late::after(&outcome);
        let (tally, late_rows) = (&mut outcome.input, &mut late);
        let sieve = Sieve { snapshot: &snapshot, tally, late: late_rows };
        let mut sifted = sieve.sift(candidates, &maker)?;
        let sources = Sources { snapshot, intake, sheets: &read.sheets, marker: &marker };
        let mut apply = Apply::new(self, mode, sources, &mut sifted, late, &mut outcome)?;
        apply.all(sifted, &maker)?;
        read.sheets.iter().try_for_each(|sheet| sheet.file.verify_unchanged())?;
        let (changes, late) = apply.finish()?;
        late.settle(&mut outcome, &mut counts);
        if !self.options.allow_mass_change {
            let checked = match mode {
                Mode::Seed => self.guard.check_invalid(&counts),
                Mode::Plan | Mode::Sync => self.guard.check_changes(&counts, &changes),
            };
            self.trip(mode, checked, &mut outcome)?;
        }
        outcome.changed_fields =
            changes.fields.into_iter().map(|(field, measured)| (field, measured.count)).collect();
        Ok(outcome)
    }

    fn check_input(&self, mode: Mode, counts: &InputCounts) -> Result<(), Tripped> {
        if self.options.allow_mass_change {
            return Ok(());
        }
        match mode {
            Mode::Seed => self.guard.check_invalid(counts),
            Mode::Plan | Mode::Sync => self.guard.check_input(counts),
        }
    }

    /// A guard stops a sync; a plan only tells of it.
    fn trip(
        &self,
        mode: Mode,
        checked: Result<(), Tripped>,
        outcome: &mut Outcome,
    ) -> Result<(), IngestError> {
        match (checked, mode) {
            (Ok(()), _) => Ok(()),
            (Err(tripped), Mode::Plan) => {
                outcome.tripped = Some(match outcome.tripped.take() {
                    Some(earlier) => earlier.and(tripped),
                    None => tripped,
                });
                Ok(())
            }
            (Err(tripped), Mode::Sync | Mode::Seed) => {
                Err(IngestError::Guard { tripped, outcome: Box::new(outcome.stopped()) })
            }
        }
    }

    /// Fails once somebody has ended the run.
    fn go_on(&self) -> Result<(), IngestError> {
        if (self.interrupted)() { Err(IngestError::Interrupted) } else { Ok(()) }
    }

    fn finish(&self, outcome: &mut Outcome, started: Duration) {
        outcome.input.seconds = self.clock.elapsed().saturating_sub(started).as_secs_f64();
        let input = &outcome.input;
        let planned = outcome.providers.values().map(|tally| tally.planned.total()).sum();
        let (rows, new, changed) = (input.rows, input.new, input.changed);
        self.events.emit(Event::Ingested { rows, new, changed, planned });
    }

    fn refuse_older(&self, store: &Store) -> Result<(), IngestError> {
        if self.options.allow_older {
            return Ok(());
        }
        match (self.newest_file(), store.newest_input(self.clock.now())?) {
            (Some((file, modified)), Some(accepted)) if modified < accepted => {
                Err(IngestError::OlderInput { file: file.to_owned(), modified, accepted })
            }
            (Some(_) | None, _) => Ok(()),
        }
    }

    /// Why a sync would refuse the input for its age; a plan only tells of it.
    fn plan_older(&self, store: &Store) -> Result<Option<String>, IngestError> {
        match self.refuse_older(store) {
            Ok(()) => Ok(None),
            Err(older @ IngestError::OlderInput { .. }) => Ok(Some(older.to_string())),
            Err(error) => Err(error),
        }
    }

    /// The file that was modified last; pipes have no time. One that no clock can have written is older than all others.
    fn newest_file(&self) -> Option<(&str, Timestamp)> {
        let times = self.files.iter().filter_map(|file| {
            let since = file.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            Some((file.name(), Timestamp(0).after(since)))
        });
        times.max_by_key(|(_, time)| *time)
    }

    /// What makes a record count as changed besides its own bytes: mapping, providers, header.
    fn context(&self, sheet: &Sheet<'_>) -> [u8; 32] {
        let mut digest = SettingsDigest::new("crmsync 2026-11 context of a record");
        digest.add_fixed(&sheet.mapper.fingerprint());
        self.add_providers(&mut digest);
        for name in sheet.file.header().unwrap_or_default() {
            digest.add(name);
        }
        digest.finish()
    }

    /// What makes a record count as changed besides what it says. It is the same for every file of a run.
    fn context_of_meaning(&self, sheets: &[Sheet<'_>]) -> [u8; 32] {
        let mut digest = SettingsDigest::new("crmsync 2026-11 context of a meaning");
        if let Some(sheet) = sheets.first() {
            digest.add_fixed(&sheet.mapper.reading());
        }
        self.add_providers(&mut digest);
        digest.finish()
    }

    fn add_providers(&self, digest: &mut SettingsDigest) {
        for provider in self.providers {
            digest.add_fixed(&[provider.id().number()]).add_fixed(&provider.fingerprint());
        }
    }

    fn today(&self) -> Date {
        self.clock.now().date()
    }
}

/// The input after the first pass.
struct Read<'a> {
    sheets: Vec<Sheet<'a>>,
    index: Index,
}

impl Read<'_> {
    /// The fields for which the files have columns. Of those of a file without a header only its records tell; a file of
    /// rejects has columns that we made.
    fn columns(&self) -> FieldSet {
        let is_crm = |sheet: &&Sheet<'_>| sheet.file.header().is_some() && !sheet.mapper.is_rejects_file();
        let with_header = self.sheets.iter().filter(is_crm);
        with_header.flat_map(|sheet| sheet.mapper.columns()).map(|column| column.field).collect()
    }
}
