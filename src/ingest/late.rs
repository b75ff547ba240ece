//! Rows about which only mapping tells that they cannot be taken, or that something is odd about them: what orders them
//! is no date, time or number, or lies in the future.
//!
//! The first pass counted them as valid, because it does not look into fields; here is what has to be counted anew.

use crate::domain::defect::Place;
use crate::domain::tally::InputTally;

use super::guard::InputCounts;
use super::outcome::Outcome;
use super::rejects::{CellsRoom, IngestReject};

/// How many rows of the future are shown by their lines.
const PLACES_SHOWN_MAX: usize = 3;

/// What turned out late.
#[derive(Debug, Default)]
pub(super) struct Late {
    invalid: Vec<IngestReject>,
    /// Customers without any row that can be taken.
    customers: u64,
    /// Bytes of raw cells that all rejects hold.
    room: CellsRoom,
    future: u64,
    future_places: Vec<Place>,
}

/// What turned out late about the rows of one customer.
#[derive(Debug, Default)]
pub(super) struct LateRows {
    pub(super) invalid: Vec<IngestReject>,
    pub(super) future: Vec<Place>,
}

impl Late {
    /// Starts with what the rejects of the first pass hold.
    pub(super) fn after(outcome: &Outcome) -> Self {
        Self { room: outcome.room, ..Self::default() }
    }

    /// Takes what turned out about a customer; `nothing_left` says that no row of it can be taken.
    pub(super) fn take(&mut self, rows: LateRows, nothing_left: bool) {
        self.customers += u64::from(nothing_left);
        for reject in rows.invalid {
            self.invalid.push(reject.within(&mut self.room));
        }
        self.future += rows.future.len() as u64;
        self.future_places.extend(rows.future);
        self.future_places.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        self.future_places.truncate(PLACES_SHOWN_MAX);
    }

    /// Counts everything where it belongs.
    pub(super) fn settle(self, outcome: &mut Outcome, counts: &mut InputCounts) {
        let InputTally { customers, duplicates, invalid, .. } = &mut outcome.input;
        let rows = self.invalid.len() as u64;
        *customers -= self.customers;
        *duplicates -= rows - self.customers;
        *invalid += rows;
        outcome.became_invalid += rows;
        outcome.room = self.room;
        for reject in &self.invalid {
            counts.invalid.add(|| reject.place.clone());
        }
        if self.future > 0 {
            let shown = self.future_places.iter().map(|place| format!("{}:{}", place.file, place.line));
            let shown = shown.collect::<Vec<_>>().join(", ");
            let dots = if self.future > self.future_places.len() as u64 { ", …" } else { "" };
            outcome.warnings.push(format!(
                "{} rows are dated more than a day in the future ({shown}{dots}); they are remembered as of now, so that \
                 later rows are not taken for stale: mend the order_by column in the CRM",
                self.future
            ));
        }
        let InputTally { new, changed, stale, .. } = outcome.input;
        if stale > 0 && new == 0 && changed == 0 {
            outcome.warnings.push(format!(
                "none of the rows that differ is newer than what was accepted before ({stale} stale), so that they change \
                 nothing; if the order_by column counts otherwise by now, --full-resync takes a complete file as it is"
            ));
        }
        outcome.rejects.extend(self.invalid);
    }
}
