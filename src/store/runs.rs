//! Runs: their numbers, their ends, and the limits that must hold from one to the next.

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::fault::{self, Point};
use crate::domain::provider::ProviderId;

use super::open::has_column;
use super::{Store, StoreError, origin, shared_keys};

/// The number of a run, counting up. Written into everything that the run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunNumber(pub i64);

impl RunNumber {
    /// The number that the leases of this run count up from; no earlier run has used any above it.
    #[must_use]
    pub fn first_lease(self) -> i64 {
        self.0 << 32
    }
}

/// Stands for the time stamp of an accepted input that has none: it came by standard input.
pub(super) const NO_TIME: i64 = 0;

/// An earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    /// Its identifier, also the name of its folder.
    pub id: String,
    /// The command.
    pub command: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended; none for a run that was killed or still goes on.
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub exit_code: Option<u8>,
    /// `complete`, `partial` …
    pub outcome: Option<String>,
    /// Whether its input was accepted.
    pub accepted: bool,
    /// What it was to read; none, where it read nothing or is of an earlier version.
    pub input: Option<RunInput>,
}

/// What a run is to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInput {
    /// The files, as they were typed.
    pub files: Vec<String>,
    /// What was typed besides them and says how they are read: `--kind`, `delta` …
    pub arguments: Vec<String>,
    /// Whether they hold every customer.
    pub is_complete: bool,
    /// Whether a person has said that it is not to come again.
    #[serde(default)]
    pub is_dismissed: bool,
}

/// When a provider was last called, and how often on that day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneUse {
    /// When it was last noted that requests had left.
    pub last_sent: Timestamp,
    /// Days since 1970.
    pub day: i64,
    /// Requests on that day.
    pub sent: u64,
}

/// A count of a day further ahead than this was made under a clock that was wrong, in days.
const DAYS_AHEAD_MAX: i64 = 1;

impl LaneUse {
    /// What of this use counts when the clock says that it is `today`, so that no jump of the clock gives a day's
    /// requests twice by going back, or withholds them for longer than a day by having been ahead.
    #[must_use]
    pub fn on(&self, today: i64) -> Self {
        if self.day < today {
            return Self { day: today, sent: 0, ..*self };
        }
        let day = if self.day - today > DAYS_AHEAD_MAX { today } else { self.day };
        Self { day, ..*self }
    }
}

/// Forgets what runs were to read whose files are called after a customer who is erased. A copy of an older version has none.
pub(super) fn forget_names(connection: &Connection, customer_id: &str) -> Result<(), StoreError> {
    if has_column(connection, "run", "input")? {
        let sql = "UPDATE run SET input = NULL WHERE instr(input, ?1) > 0";
        connection.execute(sql, [customer_id])?;
    }
    Ok(())
}

impl Store {
    /// Starts a run. A crash leaves it without an end; nothing else depends on it.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written; so for every method here.
    pub fn start_run(
        &mut self,
        id: &str,
        command: &str,
        input: Option<&RunInput>,
        now: Timestamp,
    ) -> Result<RunNumber, StoreError> {
        let input = input.map(|input| serde_json::to_string(input).expect("lists of text"));
        let sql = "INSERT INTO run (id, command, input, started_at) VALUES (?1, ?2, ?3, ?4)";
        self.connection.execute(sql, (id, command, input, now.0)).inspect_err(|_| self.leave_log())?;
        let number = self.connection.last_insert_rowid();
        Ok(RunNumber(number))
    }

    /// Notes that what the providers hold was learnt from a seed: an earlier state does not know it.
    pub fn note_seed(&mut self) -> Result<(), StoreError> {
        origin::renew(&mut self.connection, &self.path)
    }

    /// Notes how a run ended, and empties the write-ahead log into the file.
    pub fn finish_run(
        &mut self,
        run: RunNumber,
        outcome: &str,
        exit_code: u8,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        fault::pass(Point::BeforeRunEnd);
        origin::end_work(&mut self.connection, &self.path, |connection| {
            connection.execute(
                "UPDATE run SET finished_at = ?2, outcome = ?3, exit_code = ?4 WHERE number = ?1",
                (run.0, now.0, outcome, exit_code),
            )?;
            Ok(())
        })?;
        self.at_work = None;
        shared_keys::compare_again(&mut self.connection, &self.fingerprinter)?;
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        fault::pass(Point::AfterRunEnd);
        Ok(())
    }

    /// The latest runs, newest first.
    pub fn runs(&self, limit: u32) -> Result<Vec<PastRun>, StoreError> {
        self.runs_that("TRUE", limit)
    }

    /// The runs that took an input in, or were to, newest first: back to the last complete one that was accepted, which all
    /// before it do not matter for.
    pub(super) fn runs_of_inputs(&self) -> Result<Vec<PastRun>, StoreError> {
        let of_inputs = "command IN ('sync', 'seed')";
        if !has_column(&self.connection, "run", "input")? {
            // What an earlier version ran counts as complete.
            return self.runs_that(of_inputs, 1);
        }
        let since = format!(
            "SELECT coalesce(max(number), 0) FROM run WHERE {of_inputs} AND input_time IS NOT NULL
             AND coalesce(json_extract(input, '$.is_complete'), 1)"
        );
        self.runs_that(&format!("{of_inputs} AND number >= ({since})"), u32::MAX)
    }

    fn runs_that(&self, are: &str, limit: u32) -> Result<Vec<PastRun>, StoreError> {
        // A state of an earlier version is read as it is.
        let input = if has_column(&self.connection, "run", "input")? { "input" } else { "NULL" };
        let mut statement = self.connection.prepare(&format!(
            "SELECT id, command, started_at, finished_at, exit_code, outcome, input_time IS NOT NULL, {input}
             FROM run WHERE {are} ORDER BY number DESC LIMIT ?1"
        ))?;
        let runs = statement.query_map([limit], |row| {
            Ok(PastRun {
                id: row.get(0)?,
                command: row.get(1)?,
                started_at: Timestamp(row.get(2)?),
                finished_at: row.get::<_, Option<i64>>(3)?.map(Timestamp),
                exit_code: row.get(4)?,
                outcome: row.get(5)?,
                accepted: row.get(6)?,
                // What this version cannot read, a later one wrote.
                input: row.get::<_, Option<String>>(7)?.and_then(|json| serde_json::from_str(&json).ok()),
            })
        })?;
        Ok(runs.collect::<Result<_, _>>()?)
    }

    /// The name of a run; none, where it is forgotten.
    pub fn run_name(&self, run: RunNumber) -> Result<Option<String>, StoreError> {
        let sql = "SELECT id FROM run WHERE number = ?1";
        Ok(self.connection.query_row(sql, [run.0], |row| row.get(0)).optional()?)
    }

    /// The time stamp of the newest input that was accepted, for the warning about an older one.
    /// One from after `now` was stamped by a clock that was wrong, and is passed over.
    pub fn newest_input(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let newest: Option<i64> = self.connection.query_row(
            "SELECT max(input_time) FROM run WHERE input_time <= ?1 AND input_time <> ?2",
            [now.0, NO_TIME],
            |row| row.get(0),
        )?;
        Ok(newest.map(Timestamp))
    }

    /// When a provider was last called. Unknown providers were never called.
    pub fn lane_use(&self, provider: ProviderId) -> Result<LaneUse, StoreError> {
        lane_use(&self.connection, provider)
    }
}

pub(super) fn lane_use(connection: &Connection, provider: ProviderId) -> Result<LaneUse, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT last_sent, day, sent FROM lane WHERE provider = ?1")?;
    let found = statement
        .query_row([provider.number()], |row| {
            Ok(LaneUse {
                last_sent: Timestamp(row.get(0)?),
                day: row.get(1)?,
                sent: row.get::<_, i64>(2).map(|sent| u64::try_from(sent).unwrap_or(0))?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

pub(super) fn put_lane_use(
    connection: &Connection,
    provider: ProviderId,
    used: LaneUse,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO lane (provider, last_sent, day, sent) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let sent = i64::try_from(used.sent).unwrap_or(i64::MAX);
    statement.execute((provider.number(), used.last_sent.0, used.day, sent))?;
    Ok(())
}
