//! Records against records: which customers are new, changed, unchanged, stale, forgotten or missing.
//!
//! Works on digests and order values alone. Who is unchanged goes no further.

use crate::domain::customer::Order;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::tally::InputTally;
use crate::store::{Snapshot, StoreError, StoredCustomer};

use super::guard::InputCounts;
use super::index::{Entry, Group, Index, digest_of};
use super::sheet::Sheet;
use super::{Kind, Options, Read};

/// The context of the digests of customers; that of their rows carries settings and headers.
const CUSTOMER_CONTEXT: &[u8; 32] = b"crmsync rows of one customer 001";

/// A customer that has to be looked at field by field.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) group: Group,
    pub(super) stored: Option<StoredCustomer>,
    pub(super) digest: [u8; 16],
    /// The newest order value among its rows.
    pub(super) order: Option<Order>,
}

impl Candidate {
    /// Does the record differ from the last one accepted, or is there none.
    pub(super) fn is_other_record(&self) -> bool {
        self.stored.as_ref().is_none_or(|stored| stored.digest != self.digest)
    }

    /// The rows that count, oldest first: none that is older than what was accepted before.
    pub(super) fn rows<'a>(&self, index: &'a Index) -> Vec<&'a Entry> {
        let rows = index.rows(&self.group);
        if self.is_other_record() { without_stale(rows, self.stored.as_ref()) } else { rows }
    }
}

/// What the comparison of records found.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) candidates: Vec<Candidate>,
    pub(super) tally: InputTally,
    pub(super) counts: InputCounts,
}

/// Compares every customer of the input with what was accepted before.
pub(super) fn compare(
    read: &Read<'_>,
    snapshot: &Snapshot<'_>,
    fingerprinter: &Fingerprinter,
    options: &Options,
    take_all: bool,
) -> Result<Compared, StoreError> {
    let Read { sheets, index } = read;
    let hasher = fingerprinter.record_hasher(CUSTOMER_CONTEXT);
    let any_forgotten = snapshot.has_tombstones()?;
    let mut compared = Compared::default();
    let mut seen_known = 0;
    for group in &index.groups {
        compared.tally.customers += 1;
        compared.tally.duplicates += u64::from(group.rows) - 1;
        let id = index.id(group);
        if any_forgotten && snapshot.is_forgotten(&id)? {
            compared.tally.forgotten += 1;
            continue;
        }
        let stored = snapshot.customer(&id)?;
        seen_known += u64::from(stored.is_some());
        let rows = index.rows(group);
        let digest = digest_of(&rows, &hasher);
        let order = rows.iter().filter_map(|row| row.order()).max();
        let candidate = Candidate { group: *group, stored, digest, order };
        if compared.sort(&candidate, rows, || index.place(group, sheets)) || take_all_of(&candidate, take_all)
        {
            compared.candidates.push(candidate);
        }
    }
    compared.count(index, sheets, snapshot.customers()?, seen_known, options);
    Ok(compared)
}

/// A full resync and a seed also take those whose record is the same.
fn take_all_of(candidate: &Candidate, take_all: bool) -> bool {
    take_all && !candidate.is_other_record()
}

impl Compared {
    /// Counts a customer where it belongs, and says whether it has to be looked at.
    fn sort(
        &mut self,
        candidate: &Candidate,
        rows: Vec<&Entry>,
        place: impl FnOnce() -> crate::domain::defect::Place,
    ) -> bool {
        if candidate.stored.is_none() {
            self.tally.new += 1;
            self.counts.new.add(place);
            return true;
        }
        if !candidate.is_other_record() {
            self.tally.unchanged += 1;
            return false;
        }
        if without_stale(rows, candidate.stored.as_ref()).is_empty() {
            self.tally.stale += 1;
            return false;
        }
        self.tally.changed += 1;
        true
    }

    fn count(&mut self, index: &Index, sheets: &[Sheet<'_>], known: u64, seen_known: u64, options: &Options) {
        let tally = &mut self.tally;
        tally.files = sheets.iter().map(|sheet| sheet.file.name().to_owned()).collect();
        tally.bytes = index.bytes;
        tally.rows = index.rows;
        tally.invalid = index.invalid.len() as u64;
        self.counts.rows = index.rows;
        self.counts.known = known;
        for reject in &index.invalid {
            self.counts.invalid.add(|| reject.place.clone());
        }
        if options.kind == Kind::Full {
            tally.missing = known.saturating_sub(seen_known);
            self.counts.missing = Some(tally.missing);
        }
    }
}

fn without_stale<'a>(mut rows: Vec<&'a Entry>, stored: Option<&StoredCustomer>) -> Vec<&'a Entry> {
    if let Some(accepted) = stored.and_then(|stored| stored.order) {
        rows.retain(|row| row.order().is_none_or(|order| order >= accepted));
    }
    rows
}
