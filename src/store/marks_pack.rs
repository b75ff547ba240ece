//! Packing the marks of many customers: what is packed is laid together with what is new, some buckets at once, by all
//! processors, while one thread writes those before.

use rayon::prelude::*;
use rusqlite::Connection;

use crate::domain::mark::{Digest, KeyMark, Mark};

use super::StoreError;
use super::marks::{self, MEANING_BYTES, Marks, RECORD_BYTES};

/// Buckets that are merged together.
const BUCKETS_AT_ONCE: usize = 8;

/// A bucket as it stands, with what is laid over it.
struct Layers {
    bucket: u8,
    records: Vec<u8>,
    meanings: Vec<u8>,
    /// The latest of each key last.
    new: Vec<Mark>,
}

/// A bucket as it should stand.
struct Packed {
    bucket: u8,
    records: Vec<u8>,
    /// Nothing, where they stay what they are: they are not written again.
    meanings: Option<Vec<u8>>,
}

/// Packs what there is together with new marks.
pub(super) fn pack(connection: &Connection, marks: Marks) -> Result<(), StoreError> {
    let mut buckets = (0..=u8::MAX).zip(marks.0);
    let mut merged: Vec<Packed> = Vec::new();
    while buckets.len() > 0 || !merged.is_empty() {
        let mut layers = Vec::with_capacity(BUCKETS_AT_ONCE);
        for (bucket, new) in buckets.by_ref().take(BUCKETS_AT_ONCE) {
            let mut later = marks::changes_of(connection, bucket)?;
            later.extend(new.into_vec());
            if !later.is_empty() {
                let records = marks::packed(connection, marks::RECORDS_SQL, bucket)?;
                let meanings = marks::packed(connection, marks::MEANINGS_SQL, bucket)?;
                layers.push(Layers { bucket, records, meanings, new: later });
            }
        }
        let before = std::mem::take(&mut merged);
        let mut merging = Ok(Vec::new());
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| merging = layers.into_par_iter().map(Layers::merge).collect());
            before.into_iter().try_for_each(|packed| packed.write(connection))
        })?;
        merged = merging?;
    }
    connection.execute("DELETE FROM mark_change", [])?;
    Ok(())
}

/// Writes the marks of a bucket anew, which are in the order of their keys.
pub(super) fn write_bucket(connection: &Connection, bucket: u8, marks: &[Mark]) -> Result<(), StoreError> {
    let mut all = Merged::with_room_for(marks.len());
    marks.iter().for_each(|mark| all.push(mark));
    marks::write(connection, "mark", bucket, &all.records)?;
    marks::write(connection, "mark_meaning", bucket, &all.meanings)
}

impl Packed {
    fn write(self, connection: &Connection) -> Result<(), StoreError> {
        marks::write(connection, "mark", self.bucket, &self.records)?;
        self.meanings.map_or(Ok(()), |all| marks::write(connection, "mark_meaning", self.bucket, &all))
    }
}

impl Layers {
    fn merge(self) -> Result<Packed, StoreError> {
        let Self { bucket, records, meanings, mut new } = self;
        new.sort_by_key(|mark| mark.key);
        let mut old = marks::unpacked(&records, &meanings)?;
        let mut merged = Merged::with_room_for(old.len() + new.len());
        let mut standing = old.next();
        for same_key in new.chunk_by(|one, next| one.key == next.key) {
            let Some(latest) = same_key.last() else { continue };
            while let Some(mark) = standing.filter(|mark| mark.key < latest.key) {
                merged.push(&mark);
                standing = old.next();
            }
            if standing.is_some_and(|mark| mark.key == latest.key) {
                standing = old.next();
            }
            merged.push(latest);
        }
        standing.into_iter().chain(old).for_each(|mark| merged.push(&mark));
        let Merged { records, meanings: all } = merged;
        Ok(Packed { bucket, records, meanings: (all != meanings).then_some(all) })
    }
}

/// The bytes of marks in the order of their keys.
struct Merged {
    records: Vec<u8>,
    meanings: Vec<u8>,
}

impl Merged {
    fn with_room_for(marks: usize) -> Self {
        Self {
            records: Vec::with_capacity(marks * RECORD_BYTES),
            meanings: Vec::with_capacity(marks * MEANING_BYTES),
        }
    }

    fn push(&mut self, mark: &Mark) {
        let Mark { key: KeyMark(key), record, meaning } = mark;
        let both: [&Digest; 2] = [key, record];
        both.into_iter().for_each(|half| self.records.extend_from_slice(half));
        self.meanings.extend_from_slice(meaning);
    }
}
