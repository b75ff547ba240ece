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
    /// Of the rows that count.
    pub(super) digest: [u8; 16],
    /// How many of its rows are older than what was accepted before, and do not count.
    stale: usize,
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
        without_stale(index.rows(&self.group), self.stale)
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
        let (stale, digest) = what_counts(&rows, stored.as_ref(), &hasher);
        let order = rows.iter().filter_map(|row| row.order()).max();
        let candidate = Candidate { group: *group, stored, digest, stale, order };
        let is_looked_at = compared.sort(&candidate, rows.len(), || index.place(group, sheets));
        if is_looked_at || take_all_of(&candidate, take_all) {
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
        rows: usize,
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
        if candidate.stale == rows {
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

/// How many of the rows do not count because they are older than what was accepted before, and the digest of the rest.
///
/// Where the rest is the record that was accepted last, the rows are those that counted then. So a file that is read
/// again is the same record still, and its stale rows stay out when everybody is looked at.
fn what_counts(
    rows: &[&Entry],
    stored: Option<&StoredCustomer>,
    hasher: &blake3::Hasher,
) -> (usize, [u8; 16]) {
    let accepted = stored.and_then(|stored| stored.order);
    let is_stale = |row: &&&Entry| row.order().is_some_and(|order| Some(order) < accepted);
    let stale = rows.iter().filter(is_stale).count();
    let digest = |stale| digest_of(&without_stale(rows.to_vec(), stale), hasher);
    let last = stored.map(|stored| stored.digest);
    let mut tails = (0..=stale).filter(|stale| *stale < rows.len()).map(|stale| (stale, digest(stale)));
    let same = tails.find(|(_, digest)| Some(*digest) == last);
    same.unwrap_or_else(|| (stale, digest(stale)))
}

/// The rows without the `stale` oldest ones. Rows without an order value stand first and are not stale.
fn without_stale(mut rows: Vec<&Entry>, stale: usize) -> Vec<&Entry> {
    let unordered = rows.iter().take_while(|row| row.order().is_none()).count();
    rows.drain(unordered..unordered + stale);
    rows
}
