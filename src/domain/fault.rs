//! Faults that tests switch on: points at which the process dies as by SIGKILL, deliberate mistakes, and a clock that is
//! set in the middle of a run.
//!
//! Only builds with `debug_assertions` contain them: `cargo test` does, a release binary cannot. The choice is made
//! once, by [`arm`], before any work; `cli` hands it down. Where nothing is armed nothing happens.

use std::fmt;

/// A boundary in the life of a call or of an input. A crash there must lose nothing and double nothing.
///
/// To add one: a variant, its line in [`Point::ALL`] and [`Point::name`], and `fault::pass(Point::…)` where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A migration has changed the schema and is not committed.
    MidMigration,
    /// The schema is there, the state has no key yet.
    AfterMigration,
    /// A call of the input is written, the input is not committed.
    MidIngest,
    /// The copy of the state is written and not in its place; what the run has changed is not committed.
    MidBackup,
    /// The whole input is written and not committed.
    BeforeIngestCommit,
    /// The input is accepted, nothing is sent.
    AfterIngestCommit,
    /// The state says that the run sends, and not yet that its log has to be there.
    BeginsToSend,
    /// A lease is written and not committed.
    BeforeLeaseCommit,
    /// A lease is committed, nothing has left.
    AfterLeaseCommit,
    /// The request is built and has not left.
    BeforeSend,
    /// The answer, or its absence, is known and not yet decided.
    AfterAnswer,
    /// What became of the call is written and not committed.
    BeforeSettleCommit,
    /// What became of the call is committed and nobody knows it yet.
    AfterSettleCommit,
    /// Everything is sent, the run has no end yet.
    BeforeRunEnd,
    /// The end of the run is committed, its report is not written.
    AfterRunEnd,
}

impl Point {
    /// Every point, in the order in which a run passes them.
    pub const ALL: [Self; 15] = [
        Self::MidMigration,
        Self::AfterMigration,
        Self::MidIngest,
        Self::MidBackup,
        Self::BeforeIngestCommit,
        Self::AfterIngestCommit,
        Self::BeginsToSend,
        Self::BeforeLeaseCommit,
        Self::AfterLeaseCommit,
        Self::BeforeSend,
        Self::AfterAnswer,
        Self::BeforeSettleCommit,
        Self::AfterSettleCommit,
        Self::BeforeRunEnd,
        Self::AfterRunEnd,
    ];

    /// The name by which it is armed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MidMigration => "mid-migration",
            Self::AfterMigration => "after-migration",
            Self::MidIngest => "mid-ingest",
            Self::BeforeIngestCommit => "before-ingest-commit",
            Self::MidBackup => "mid-backup",
            Self::AfterIngestCommit => "after-ingest-commit",
            Self::BeginsToSend => "begins-to-send",
            Self::BeforeLeaseCommit => "before-lease-commit",
            Self::AfterLeaseCommit => "after-lease-commit",
            Self::BeforeSend => "before-send",
            Self::AfterAnswer => "after-answer",
            Self::BeforeSettleCommit => "before-settle-commit",
            Self::AfterSettleCommit => "after-settle-commit",
            Self::BeforeRunEnd => "before-run-end",
            Self::AfterRunEnd => "after-run-end",
        }
    }
}

/// A text that names no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchFault;

impl fmt::Display for NoSuchFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected POINT, POINT@CUSTOMER, blind-create, lazy-sync or clock-step@MILLISECONDS=SECONDS",
        )
    }
}

impl std::error::Error for NoSuchFault {}

pub use switch::{arm, bent, clock_step_ms, pass, pass_with, synchronous};

#[cfg(debug_assertions)]
mod switch {
    use std::sync::OnceLock;
    use std::time::Duration;

    use super::{NoSuchFault, Point};
    use crate::domain::call::Operation;
    use crate::domain::lifecycle::Happening;

    static ARMED: OnceLock<Fault> = OnceLock::new();

    #[derive(PartialEq, Eq, Debug)]
    pub(super) enum Fault {
        Crash { point: Point, customer: Option<String> },
        BlindCreate,
        LazySync,
        ClockStep { after: Duration, seconds: i64 },
    }

    pub(super) fn read(text: &str) -> Result<Fault, NoSuchFault> {
        if text == "blind-create" {
            return Ok(Fault::BlindCreate);
        }
        if text == "lazy-sync" {
            return Ok(Fault::LazySync);
        }
        if let Some(step) = text.strip_prefix("clock-step@") {
            let (after, seconds) = step.split_once('=').ok_or(NoSuchFault)?;
            let after = Duration::from_millis(after.parse().map_err(|_| NoSuchFault)?);
            return Ok(Fault::ClockStep { after, seconds: seconds.parse().map_err(|_| NoSuchFault)? });
        }
        let (name, customer) = match text.split_once('@') {
            Some((name, customer)) => (name, Some(customer.to_owned())),
            None => (text, None),
        };
        let point = Point::ALL.into_iter().find(|point| point.name() == name).ok_or(NoSuchFault)?;
        Ok(Fault::Crash { point, customer })
    }

    /// Switches a fault on for the rest of the process: `before-send`, `before-send@C00007` (for one customer only),
    /// `blind-create`, `lazy-sync`, or `clock-step@300=-86400` (after 300 ms the machine is set back by a day). The first
    /// choice stays.
    ///
    /// # Errors
    /// [`NoSuchFault`] for any other text.
    pub fn arm(text: &str) -> Result<(), NoSuchFault> {
        let fault = read(text)?;
        ARMED.get_or_init(|| fault);
        Ok(())
    }

    /// Dies here, as by SIGKILL, when this point is armed.
    pub fn pass(point: Point) {
        pass_with(point, "");
    }

    /// Dies here, as by SIGKILL, when this point is armed for everybody or for this customer.
    pub fn pass_with(point: Point, passing: &str) {
        if let Some(Fault::Crash { point: armed, customer }) = ARMED.get()
            && *armed == point
            && customer.as_ref().is_none_or(|customer| customer == passing)
        {
            // Nothing is flushed, dropped or unwound; `abort` is for the case that the signal is late.
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).ok();
            std::process::abort();
        }
    }

    /// What happened to a call; with `blind-create`, the deliberate mistake: a create whose outcome is unknown is taken
    /// for one that was not applied, and so sent again.
    #[must_use]
    pub fn bent(happening: Happening, operation: Operation) -> Happening {
        let is_unknown =
            matches!(happening, Happening::OutcomeUnknown | Happening::UnknownInOutage | Happening::Crashed);
        if is_unknown && operation == Operation::Create && ARMED.get() == Some(&Fault::BlindCreate) {
            return Happening::NotApplied { spares_try: false };
        }
        happening
    }

    /// How carefully SQLite syncs; with `lazy-sync`, the deliberate mistake: a commit is not synced before it counts.
    #[must_use]
    pub fn synchronous() -> &'static str {
        if ARMED.get() == Some(&Fault::LazySync) { "NORMAL" } else { "FULL" }
    }

    /// By how much the wall clock was set since the program started, which was `elapsed` ago.
    #[must_use]
    pub fn clock_step_ms(elapsed: Duration) -> i64 {
        match ARMED.get() {
            Some(Fault::ClockStep { after, seconds }) if elapsed >= *after => seconds.saturating_mul(1_000),
            Some(_) | None => 0,
        }
    }
}

#[cfg(not(debug_assertions))]
mod switch {
    use std::time::Duration;

    use super::{NoSuchFault, Point};
    use crate::domain::call::Operation;
    use crate::domain::lifecycle::Happening;

    /// This build contains no faults.
    ///
    /// # Errors
    /// Always.
    pub const fn arm(_text: &str) -> Result<(), NoSuchFault> {
        Err(NoSuchFault)
    }

    /// Does nothing in this build.
    pub const fn pass(_point: Point) {}

    /// Does nothing in this build.
    pub const fn pass_with(_point: Point, _passing: &str) {}

    /// What happened, in this build.
    #[must_use]
    pub const fn bent(happening: Happening, _operation: Operation) -> Happening {
        happening
    }

    /// How carefully SQLite syncs.
    #[must_use]
    pub const fn synchronous() -> &'static str {
        "FULL"
    }

    /// By how much the wall clock was set: nothing, in this build.
    #[must_use]
    pub const fn clock_step_ms(_elapsed: Duration) -> i64 {
        0
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use std::time::Duration;

    use super::switch::{Fault, read};
    use super::*;

    #[test]
    fn every_point_is_armed_by_its_name_and_other_texts_by_none() {
        for point in Point::ALL {
            assert_eq!(read(point.name()), Ok(Fault::Crash { point, customer: None }));
        }
        let one = Fault::Crash { point: Point::BeforeSend, customer: Some("C7".to_owned()) };
        assert_eq!(read("before-send@C7"), Ok(one));
        assert_eq!(read("blind-create"), Ok(Fault::BlindCreate));
        assert_eq!(read("lazy-sync"), Ok(Fault::LazySync));
        let step = Fault::ClockStep { after: Duration::from_millis(300), seconds: -86_400 };
        assert_eq!(read("clock-step@300=-86400"), Ok(step));
        for text in ["before-sending", "clock-step@300", "clock-step@soon=1", "clock-step@1=later"] {
            assert_eq!(read(text), Err(NoSuchFault), "{text}");
        }
    }
}
