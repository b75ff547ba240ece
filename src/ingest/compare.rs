//! Records against records: which customers are new, changed, unchanged, forgotten or missing.
//!
//! Works on marks alone, part by part. Who is unchanged goes no further. Of the others only the marks tell so far
//! whether they are known; what else was accepted of them is looked up when their turn comes.

use std::ops::RangeInclusive;

use rayon::prelude::*;

use crate::domain::defect::Place;
use crate::domain::mark::{Digest, KeyMark, Mark, Marker, NO_RECORD, RecordMarker};
use crate::domain::tally::InputTally;
use crate::store::{Bucket, Known, KnownAt, Meaning, Snapshot, StoreError, StoredCustomer};

use super::guard::{EXAMPLES_MAX, InputCounts};
use super::partitions::{PARTS, Partitions, RowMark, RowPlace, sorted};
use super::prepare::{BATCH_CUSTOMERS, Prepared};
use super::queue::{Candidates, Sorted};
use super::raw_rows::RawRows;
use super::sheet::Sheet;
use super::{IngestError, Kind, Options, Read};

/// The context of the digests of several rows; that of rows carries settings and headers.
const ROWS_CONTEXT: &[u8; 32] = b"crmsync rows of one customer 002";
/// How many parts are compared together, while the marks of the next ones are read.
const PARTS_AT_ONCE: RangeInclusive<usize> = 2..=8;
/// And no more than have so many rows, but for the second: what is in memory must not grow with the file.
const ROWS_AT_ONCE: usize = 24 * 1024;
/// How many pairs of keys that look alike are shown by their lines.
const PAIRS_SHOWN_MAX: usize = 5;

/// A customer that has to be looked at field by field.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) key: KeyMark,
    /// The digest of its record: of the row, or of the digests of its rows.
    pub(super) record: Digest,
    /// Whether the record is the one that was accepted last.
    pub(super) same: bool,
    /// Whether one of its rows is no row that can be taken: it is looked at each time, so that it is told each time.
    pub(super) spoilt: bool,
    /// Whether the customer was accepted before.
    known: bool,
    /// What the last accepted record said; of no record, where that is not known.
    meaning: Digest,
    /// What else is known of the customer, once it was looked up.
    pub(super) earlier: Option<Box<Earlier>>,
    first: RowPlace,
    more: Box<[RowPlace]>,
}

/// What is known of a customer who was accepted before.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    /// What the state knows.
    pub(super) stored: Option<StoredCustomer>,
    /// What is known at each provider, once the customer's batch comes.
    pub(super) accounts: Vec<KnownAt>,
    /// Set, where the customer was made ready and is kept.
    pub(super) prepared: Option<Box<Prepared>>,
}

impl Candidate {
    /// Whether the customer was accepted before.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// Counts the customer: new, changed or unchanged. Where nobody remembers the last record, what is news decides.
    pub(super) fn count(&self, is_news: bool, tally: &mut InputTally) {
        let is_unchanged = self.same || self.meaning().is_none() && !is_news;
        match (self.is_known(), is_unchanged) {
            (false, _) => tally.new += 1,
            (true, true) => tally.unchanged += 1,
            (true, false) => tally.changed += 1,
        }
    }

    /// What the last accepted record meant, if that is known.
    pub(super) fn meaning(&self) -> Option<Digest> {
        (self.meaning != NO_RECORD).then_some(self.meaning)
    }

    /// The mark of its record.
    pub(super) fn mark(&self, meaning: Digest) -> Mark {
        let (record, meaning) = if self.spoilt { (NO_RECORD, NO_RECORD) } else { (self.record, meaning) };
        Mark { key: self.key, record, meaning }
    }

    /// What the state knows, once it was looked up.
    pub(super) fn stored(&self) -> Option<&StoredCustomer> {
        self.earlier.as_ref()?.stored.as_ref()
    }

    /// Where its rows stand, in the order of the input.
    pub(super) fn rows(&self) -> impl Iterator<Item = RowPlace> + '_ {
        std::iter::once(self.first).chain(self.more.iter().copied())
    }

    /// How long its rows are together.
    pub(super) fn bytes(&self) -> u64 {
        self.rows().map(|row| u64::from(row.span().bytes)).sum()
    }

    /// Where its first row stands.
    pub(super) fn first(&self) -> RowPlace {
        self.first
    }

    /// The place of its first row.
    pub(super) fn place(&self, sheets: &[Sheet<'_>]) -> Place {
        place_of(self.first, sheets)
    }
}

#[cfg(test)]
impl Candidate {
    /// Somebody new whose only row stands there.
    pub(super) fn new_at(first: RowPlace) -> Self {
        let (key, record) = (KeyMark(NO_RECORD), NO_RECORD);
        Self {
            key,
            record,
            same: false,
            spoilt: false,
            known: false,
            meaning: NO_RECORD,
            earlier: None,
            first,
            more: Box::default(),
        }
    }
}

/// The place of a row, for people.
pub(super) fn place_of(row: RowPlace, sheets: &[Sheet<'_>]) -> Place {
    sheets[usize::from(row.file())].place(row.span().line)
}

/// What the comparison of records found.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// In the order in which they first appear in the input.
    pub(super) candidates: Candidates,
    /// What is certain; the candidates are counted when their turn comes.
    pub(super) tally: InputTally,
    pub(super) counts: InputCounts,
    alike: Alike,
}

/// Pairs of keys that look alike.
#[derive(Debug, Default)]
struct Alike {
    count: u64,
    pairs: Vec<(RowPlace, RowPlace)>,
}

/// What became of one part.
#[derive(Debug, Default)]
struct Part {
    candidates: Vec<Candidate>,
    /// Where the meaning of a candidate stands, by its number.
    meanings: Vec<(usize, u32)>,
    customers: u64,
    duplicates: u64,
    unchanged: u64,
    seen_known: u64,
    known: u64,
    alike: Alike,
}

/// Compares every customer of the input with what was accepted before. The rows go out of `read`.
pub(super) fn compare(
    read: &mut Read<'_>,
    snapshot: &Snapshot<'_>,
    marker: &Marker,
    options: &Options,
    take_all: bool,
) -> Result<Compared, IngestError> {
    let rows_marker = marker.records(ROWS_CONTEXT);
    let has_marks = snapshot.has_marks()?;
    let mut compared = Compared::default();
    let (mut known, mut seen_known) = (0, 0);
    let mut left = 0..=u8::MAX;
    // While some parts are joined and those before them sorted, what the state has for the next ones and for those
    // between is read.
    let partitions = std::mem::take(&mut read.index.partitions);
    let read = &*read;
    let at_once = ROWS_AT_ONCE / partitions.rows_each().max(1);
    let at_once = at_once.clamp(*PARTS_AT_ONCE.start(), *PARTS_AT_ONCE.end());
    let mut load = || -> Result<Vec<Load>, IngestError> {
        let bucket = |part| if has_marks { snapshot.bucket(part) } else { Ok(Bucket::default()) };
        left.by_ref().take(at_once).map(|part| Ok((part, bucket(part)?))).collect()
    };
    let mut loaded = load()?;
    let (mut joined, mut meant) = (Vec::new(), Vec::new());
    while !(loaded.is_empty() && joined.is_empty() && meant.is_empty()) {
        let (to_join, to_ask_for, to_sort) = (loaded, joined, meant);
        let (mut joined_next, mut sorted) = (Ok(Vec::new()), Vec::new());
        let (asked_for, loaded_next) = rayon::in_place_scope(|scope| {
            let (joined, sorted) = (&mut joined_next, &mut sorted);
            let (partitions, rows_marker) = (&partitions, &rows_marker);
            scope.spawn(move |_| *joined = join_all(to_join, partitions, rows_marker, take_all));
            scope.spawn(move |_| *sorted = sort_all(to_sort));
            (with_meanings(to_ask_for, snapshot), load())
        });
        for (part, sorted) in sorted {
            known += part.known;
            seen_known += part.seen_known;
            compared.add(part, sorted);
        }
        (joined, meant, loaded) = (joined_next?, asked_for?, loaded_next?);
    }
    compared.tally.bytes = read.index.bytes;
    if !has_marks {
        known = snapshot.customers()?;
    }
    if !has_marks && known > 0 || snapshot.has_tombstones()? {
        seen_known += compared.ask_names(read, snapshot)?;
    }
    compared.count(read, known, seen_known, options);
    Ok(compared)
}

/// The number of a part and the marks of its bucket.
type Load = (u8, Bucket);

fn join_all(
    loads: Vec<Load>,
    partitions: &Partitions,
    rows_marker: &RecordMarker,
    take_all: bool,
) -> Result<Vec<(u8, Part)>, IngestError> {
    let joined = loads.into_par_iter().map(|(number, marks)| {
        let rows = sorted(&partitions.part(number).map_err(IngestError::Spill)?);
        Ok((number, join(&rows, &marks, rows_marker, take_all)))
    });
    joined.collect()
}

/// The parts with what the last records of their candidates meant.
fn with_meanings(parts: Vec<(u8, Part)>, snapshot: &Snapshot<'_>) -> Result<Vec<Part>, IngestError> {
    let with_meanings = parts.into_iter().map(|(bucket, mut part)| {
        part.look_up_meanings(bucket, snapshot)?;
        Ok(part)
    });
    with_meanings.collect()
}

/// Puts the candidates of parts in order.
fn sort_all(parts: Vec<Part>) -> Vec<(Part, Sorted)> {
    let sorted = parts.into_par_iter().map(|mut part| {
        let sorted = Sorted::of(std::mem::take(&mut part.candidates));
        (part, sorted)
    });
    sorted.collect()
}

/// Compares the rows of a part with the marks of the same bucket.
fn join(rows: &[RowMark], marks: &Bucket, rows_marker: &RecordMarker, take_all: bool) -> Part {
    let mut part = Part { known: marks.customers(), ..Part::default() };
    let mut search = marks.search();
    let mut alike_from: Option<(KeyMark, RowPlace)> = None;
    for group in rows.chunk_by(|a, b| a.key == b.key) {
        let Some((first, more)) = group.split_first() else { continue };
        part.customers += 1;
        part.duplicates += more.len() as u64;
        match alike_from {
            Some((key, place)) if key.looks_like(first.key) => part.alike.add(place, first.place),
            Some(_) | None => alike_from = Some((first.key, first.place)),
        }
        let found = search(first.key);
        part.seen_known += u64::from(found.is_some());
        let record = digest_of(group, rows_marker);
        let same = found.is_some_and(|found| found.record == record);
        if same && !take_all {
            part.unchanged += 1;
            continue;
        }
        part.push(first, more, record, found);
    }
    part
}

/// The digest of a customer's record: of its row, or of all its rows in their order. Rows that are the same say what one of
/// them says, however often it stands there.
fn digest_of(group: &[RowMark], rows_marker: &RecordMarker) -> Digest {
    match group {
        [row] => row.record,
        [first, more @ ..] if more.iter().all(|row| row.record == first.record) => first.record,
        rows => rows_marker.record(&rows.iter().flat_map(|row| row.record).collect::<Vec<u8>>()),
    }
}

impl Part {
    fn push(&mut self, first: &RowMark, more: &[RowMark], record: Digest, found: Option<Known>) {
        let meaning = match found.map(|found| found.meaning) {
            Some(Meaning::Is(meaning)) => meaning,
            Some(Meaning::At(at)) => {
                self.meanings.push((self.candidates.len(), at));
                NO_RECORD
            }
            None => NO_RECORD,
        };
        self.candidates.push(Candidate {
            key: first.key,
            record,
            same: found.is_some_and(|found| found.record == record),
            spoilt: false,
            known: found.is_some(),
            meaning,
            earlier: None,
            first: first.place,
            more: more.iter().map(|row| row.place).collect(),
        });
    }

    fn look_up_meanings(&mut self, bucket: u8, snapshot: &Snapshot<'_>) -> Result<(), StoreError> {
        if self.meanings.is_empty() {
            return Ok(());
        }
        let meanings = snapshot.meanings(bucket, self.meanings.iter().map(|(_, at)| *at))?;
        for (&(candidate, _), meaning) in self.meanings.iter().zip(meanings) {
            self.candidates[candidate].meaning = meaning;
        }
        Ok(())
    }
}

impl Alike {
    fn add(&mut self, one: RowPlace, two: RowPlace) {
        self.count += 1;
        self.pairs.push((one.min(two), one.max(two)));
        self.keep_first();
    }

    fn keep_first(&mut self) {
        self.pairs.sort_unstable();
        self.pairs.truncate(PAIRS_SHOWN_MAX);
    }
}

impl Compared {
    fn add(&mut self, part: Part, candidates: Sorted) {
        self.candidates.add(candidates);
        self.tally.customers += part.customers;
        self.tally.duplicates += part.duplicates;
        self.tally.unchanged += part.unchanged;
        self.alike.count += part.alike.count;
        self.alike.pairs.extend(part.alike.pairs);
        self.alike.keep_first();
    }

    /// Reads the keys of customers without a mark, where one may be known all the same, or forgotten: forgotten ones
    /// are candidates no more. Gives how many are known.
    fn ask_names(&mut self, read: &Read<'_>, snapshot: &Snapshot<'_>) -> Result<u64, IngestError> {
        let mut parsers: Vec<_> = read.sheets.iter().map(|sheet| sheet.file.parser()).collect();
        let mut known = 0;
        let mut kept: Vec<Vec<Candidate>> = std::iter::repeat_with(Vec::new).take(PARTS).collect();
        loop {
            let batch = self.candidates.take(BATCH_CUSTOMERS);
            if batch.is_empty() {
                break;
            }
            let rows = RawRows::read(&read.sheets, batch.iter().map(|one| (!one.is_known()).then_some(one)))?;
            for (owner, mut candidate) in batch.into_iter().enumerate() {
                if let Some((file, span, bytes)) = rows.of(owner).next() {
                    let row = parsers[usize::from(file)].row(bytes, &span)?;
                    let changed = || IngestError::changed(&candidate.place(&read.sheets));
                    let id = read.sheets[usize::from(file)].identify(&row).ok_or_else(changed)?;
                    if snapshot.is_forgotten(&id)? {
                        self.tally.forgotten += 1;
                        continue;
                    }
                    candidate.known = snapshot.customer(&id)?.is_some();
                    known += u64::from(candidate.is_known());
                }
                kept[usize::from(candidate.key.bucket())].push(candidate);
            }
        }
        kept.into_iter().for_each(|part| self.candidates.add(Sorted::of(part)));
        Ok(known)
    }

    fn count(&mut self, read: &Read<'_>, known: u64, seen_known: u64, options: &Options) {
        let Read { sheets, index, .. } = read;
        let tally = &mut self.tally;
        tally.files = sheets.iter().map(|sheet| sheet.file.name().to_owned()).collect();
        tally.rows = index.rows;
        tally.invalid = index.invalid.len() as u64;
        self.counts.rows = index.rows;
        self.counts.known = known;
        for reject in &index.invalid {
            self.counts.invalid.add(|| reject.place.clone());
        }
        let is_new = |candidate: &Candidate| !candidate.is_known();
        for place in self.candidates.first_places(EXAMPLES_MAX, is_new) {
            self.counts.new.add(|| place_of(place, sheets));
        }
        self.counts.new.count = self.candidates.iter().filter(|candidate| is_new(candidate)).count() as u64;
        if options.kind == Kind::Full {
            tally.missing = known.saturating_sub(seen_known);
            self.counts.missing = Some(tally.missing);
        }
    }

    /// Keys of different customers that look like one customer's: they differ in case, spaces or Unicode form alone.
    /// Such customers stay two, for keys are opaque; the operator is told, by number and lines, never by key.
    pub(super) fn warning(&self, sheets: &[Sheet<'_>]) -> Option<String> {
        let Alike { count, pairs } = &self.alike;
        let shown = pairs.iter().map(|&(one, two)| {
            let (one, two) = (place_of(one, sheets), place_of(two, sheets));
            format!("{}:{} and {}:{}", one.file, one.line, two.file, two.line)
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        let more = if *count > pairs.len() as u64 { ", …" } else { "" };
        (*count > 0).then(|| {
            format!(
                "{count} keys differ from another customer's only in case, spaces or Unicode form ({shown}{more}); \
                 they are taken for different customers: mend the CRM if they are not",
            )
        })
    }
}
