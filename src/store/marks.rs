//! The marks of customers, packed into buckets: 48 bytes each, read and written by the thousand.
//!
//! Ten thousand scattered changes written in place would rewrite every bucket, so they are kept beside them until
//! there are so many that packing pays. Marks only spare work: a customer without one is compared field by field.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::domain::mark::{Digest, KeyMark, Mark, Marker};
use crate::domain::pages::Pages;

use super::snapshot::Snapshot;
use super::{StoreError, marks_pack, open, setting};

/// What is packed of a bucket.
pub(super) const RECORDS_SQL: &str = "SELECT packed FROM mark WHERE bucket = ?1";
/// The meanings of its marks, in the same order.
pub(super) const MEANINGS_SQL: &str = "SELECT packed FROM mark_meaning WHERE bucket = ?1";
/// Key and record of a packed mark.
pub(super) const RECORD_BYTES: usize = 32;
/// Its meaning, in a row of its own: only changed records ask for it.
pub(super) const MEANING_BYTES: usize = 16;
/// Fewer changes than this are never packed.
const CHANGES_MIN: u64 = 4_096;
/// Changes are packed when they are more than one of so many marks.
const CHANGES_SHARE: u64 = 16;
/// The setting that says that every customer has a mark.
const COMPLETE: &str = "marks";
const DAMAGED: StoreError = StoreError::Damaged { what: "the marks of records are not in order" };

/// The marks of one bucket, for a search in ascending order.
#[derive(Debug, Default)]
pub struct Bucket {
    packed: Vec<u8>,
    changes: Vec<Mark>,
    customers: u64,
}

/// What is remembered of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The digest of the last accepted record.
    pub record: Digest,
    /// What it meant.
    pub meaning: Meaning,
}

/// What a record meant, or where that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The digest.
    Is(Digest),
    /// To be had from [`Snapshot::meanings`].
    At(u32),
}

/// Marks to be written, by bucket; of two for one key the later one counts.
#[derive(Debug)]
pub struct Marks(pub(super) [Pages<Mark>; 256]);

impl Default for Marks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Pages::default()))
    }
}

impl Marks {
    /// Adds a mark.
    pub fn push(&mut self, mark: Mark) {
        self.0[usize::from(mark.key.bucket())].push(mark);
    }
}

impl Bucket {
    /// How many customers it knows.
    #[must_use]
    pub fn customers(&self) -> u64 {
        self.customers
    }

    /// A search for keys that come in ascending order.
    pub fn search(&self) -> impl FnMut(KeyMark) -> Option<Known> + '_ {
        let (packed, _) = self.packed.as_chunks::<RECORD_BYTES>();
        let (mut at, mut changes) = (0, self.changes.iter().peekable());
        move |key| {
            while changes.next_if(|change| change.key < key).is_some() {}
            if let Some(change) = changes.peek().filter(|change| change.key == key) {
                return Some(Known { record: change.record, meaning: Meaning::Is(change.meaning) });
            }
            let wanted = u128::from_be_bytes(key.0);
            while packed.get(at).is_some_and(|mark| key_of(mark) < wanted) {
                at += 1;
            }
            let mark = packed.get(at).filter(|mark| key_of(mark) == wanted)?;
            let meaning = Meaning::At(u32::try_from(at).expect("a bucket is smaller than a blob"));
            Some(Known { record: half(&mark[16..]), meaning })
        }
    }
}

impl Snapshot<'_> {
    /// Whether every customer has a mark. Not so in a state that was put back or comes from an older version, until a run opens
    /// it; then there are none.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read; so for every method of this file.
    pub fn has_marks(&self) -> Result<bool, StoreError> {
        is_complete(self.connection)
    }

    /// The marks of a bucket.
    pub fn bucket(&self, bucket: u8) -> Result<Bucket, StoreError> {
        bucket_of(self.connection, bucket)
    }

    /// The meanings of a bucket that stand at these places of [`Meaning::At`], in the same order.
    pub fn meanings(&self, bucket: u8, wanted: impl Iterator<Item = u32>) -> Result<Vec<Digest>, StoreError> {
        let mut statement = self.connection.prepare_cached(MEANINGS_SQL)?;
        let mut rows = statement.query([bucket])?;
        // They are read where they lie: they are many, and few of them are wanted.
        let packed = rows.next()?.map(|row| row.get_ref(0)?.as_blob().map_err(|_| DAMAGED)).transpose()?;
        let (meanings, rest) = packed.unwrap_or_default().as_chunks::<MEANING_BYTES>();
        if !rest.is_empty() {
            return Err(DAMAGED);
        }
        wanted.map(|at| meanings.get(at as usize).copied().ok_or(DAMAGED)).collect()
    }
}

fn is_complete(connection: &Connection) -> Result<bool, StoreError> {
    setting::is_set(connection, COMPLETE)
}

fn bucket_of(connection: &Connection, bucket: u8) -> Result<Bucket, StoreError> {
    let packed = packed(connection, RECORDS_SQL, bucket)?;
    let changes = changes_of(connection, bucket)?;
    let (marks, rest) = packed.as_chunks::<RECORD_BYTES>();
    if !rest.is_empty() {
        return Err(DAMAGED);
    }
    let is_packed = |change: &&Mark| marks.binary_search_by(|mark| mark[..16].cmp(&change.key.0[..])).is_ok();
    let added = changes.iter().filter(|change| !is_packed(change)).count();
    let customers = (marks.len() + added) as u64;
    Ok(Bucket { packed, changes, customers })
}

/// The bytes that a row holds for a bucket.
pub(super) fn packed(connection: &Connection, sql: &str, bucket: u8) -> Result<Vec<u8>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([bucket], |row| row.get(0)).optional()?.unwrap_or_default())
}

/// Changes that are not packed yet, by their keys.
pub(super) fn changes_of(connection: &Connection, bucket: u8) -> Result<Vec<Mark>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT key, record, meaning FROM mark_change WHERE bucket = ?1 ORDER BY key")?;
    let changes = statement.query_map([bucket], |row| {
        Ok(Mark { key: KeyMark(row.get(0)?), record: row.get(1)?, meaning: row.get(2)? })
    })?;
    Ok(changes.collect::<Result<_, _>>()?)
}

/// Adds marks, or replaces those of the same keys.
pub(super) fn put(connection: &Connection, marks: Marks) -> Result<(), StoreError> {
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
    let packed = count("SELECT coalesce(sum(length(packed)), 0) / 32 FROM mark")?;
    let new: u64 = marks.0.iter().map(|marks| marks.len() as u64).sum();
    let changes = count("SELECT count(*) FROM mark_change")? + new;
    if changes > CHANGES_MIN.max(packed / CHANGES_SHARE) {
        return marks_pack::pack(connection, marks);
    }
    marks.0.iter().flat_map(Pages::iter).try_for_each(|mark| put_one(connection, mark))
}

/// Adds a mark, or replaces that of the same key. Whether to pack is left to the next input.
pub(super) fn put_one(connection: &Connection, mark: &Mark) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO mark_change (bucket, key, record, meaning) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (bucket, key) DO UPDATE SET record = excluded.record, meaning = excluded.meaning",
    )?;
    let Mark { key, record, meaning } = *mark;
    statement.execute((key.bucket(), key.0, record, meaning))?;
    Ok(())
}

fn packed_marks(connection: &Connection, bucket: u8) -> Result<Vec<Mark>, StoreError> {
    let records = packed(connection, RECORDS_SQL, bucket)?;
    let meanings = packed(connection, MEANINGS_SQL, bucket)?;
    Ok(unpacked(&records, &meanings)?.collect())
}

/// The marks of a bucket, one by one.
pub(super) fn unpacked<'b>(
    records: &'b [u8],
    meanings: &'b [u8],
) -> Result<impl ExactSizeIterator<Item = Mark> + 'b, StoreError> {
    let (records, cut_record) = records.as_chunks::<RECORD_BYTES>();
    let (meanings, cut_meaning) = meanings.as_chunks::<MEANING_BYTES>();
    if !cut_record.is_empty() || !cut_meaning.is_empty() || records.len() != meanings.len() {
        return Err(DAMAGED);
    }
    Ok(records.iter().zip(meanings).map(|(mark, meaning)| Mark {
        key: KeyMark(half(&mark[..16])),
        record: half(&mark[16..]),
        meaning: *meaning,
    }))
}

/// Writes what is packed of a bucket.
pub(super) fn write(
    connection: &Connection,
    table: &str,
    bucket: u8,
    packed: &[u8],
) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO {table} (bucket, packed) VALUES (?1, ?2)
         ON CONFLICT (bucket) DO UPDATE SET packed = excluded.packed"
    );
    connection.prepare_cached(&sql)?.execute((bucket, packed))?;
    Ok(())
}

/// Removes the mark of an erased customer. A copy of an older version has none.
pub(super) fn remove(connection: &Connection, key: KeyMark) -> Result<(), StoreError> {
    let there: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'mark_change')",
        [],
        |row| row.get(0),
    )?;
    if !there {
        return Ok(());
    }
    connection.execute("DELETE FROM mark_change WHERE bucket = ?1 AND key = ?2", (key.bucket(), key.0))?;
    let mut marks = packed_marks(connection, key.bucket())?;
    let before = marks.len();
    marks.retain(|mark| mark.key != key);
    if marks.len() < before { marks_pack::write_bucket(connection, key.bucket(), &marks) } else { Ok(()) }
}

/// Takes every mark away: every record is compared again.
pub(super) fn clear(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("DELETE FROM mark_change", [])?;
    connection.execute("DELETE FROM mark_meaning", [])?;
    connection.execute("DELETE FROM mark", [])?;
    setting::remove(connection, COMPLETE)
}

/// Gives every customer of a state without marks an empty one, in one transaction. A crash before it returns leaves
/// none or all of them.
pub(super) fn complete(connection: &mut Connection, marker: &Marker) -> Result<(), StoreError> {
    if is_complete(connection)? {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    clear(&transaction)?;
    let mut marks = Marks::default();
    {
        let mut statement = transaction.prepare("SELECT customer_id FROM customer")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = row
                .get_ref(0)?
                .as_str()
                .map_err(|_| StoreError::Damaged { what: "a customer has no key" })?;
            marks.push(Mark::unread(marker.key(id)));
        }
    }
    put(&transaction, marks)?;
    setting::put(&transaction, COMPLETE, &[1])?;
    Ok(transaction.commit()?)
}

/// What is wrong with the marks of a state with so many customers.
pub(super) fn examine(connection: &Connection, customers: u64) -> Result<Option<&'static str>, StoreError> {
    if open::version(connection)? < 4 || !is_complete(connection)? {
        return Ok(None);
    }
    let mut marks = 0;
    for bucket in 0..=u8::MAX {
        let found = bucket_of(connection, bucket)?;
        let (records, _) = found.packed.as_chunks::<RECORD_BYTES>();
        let sorted = records.iter().try_fold(&[0_u8; 16][..], |before, mark| {
            let own = mark[0] == bucket && mark[..16] >= *before;
            if own { ControlFlow::Continue(&mark[..16]) } else { ControlFlow::Break(()) }
        });
        let meanings = packed(connection, MEANINGS_SQL, bucket)?;
        if sorted.is_break() || meanings.len() != records.len() * MEANING_BYTES {
            return Ok(Some("the marks of records are not in order"));
        }
        marks += found.customers;
    }
    Ok((marks != customers).then_some("there are not as many marks of records as customers"))
}

/// The key of a packed mark as a number, in the order of the keys.
fn key_of(mark: &[u8; RECORD_BYTES]) -> u128 {
    u128::from_be_bytes(half(&mark[..16]))
}

fn half(bytes: &[u8]) -> Digest {
    bytes.try_into().expect("both halves of a mark have 16 bytes")
}
