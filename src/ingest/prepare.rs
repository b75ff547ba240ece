//! The second pass: rows of new and changed customers, read again by position, become what each provider should see.
//!
//! In batches, by all processors; the only room of ingest where values are in memory, and only those of one batch.

use jiff::civil::Date;
use rayon::prelude::*;

use crate::domain::customer::Customer;
use crate::domain::defect::{Defect, Place};
use crate::domain::wire::Projection;
use crate::reader::{Row, Seeker};

use super::compare::Candidate;
use super::index::{Entry, Index};
use super::sheet::Sheet;
use super::{Ingest, IngestError};

/// Customers whose values are in memory together.
pub(super) const BATCH_CUSTOMERS: usize = 2_048;

/// A customer, ready to be compared.
pub(super) struct Prepared {
    pub(super) customer: Customer,
    /// What mapping found wrong, the newest row first.
    pub(super) defects: Vec<(Place, Defect)>,
    /// One for each provider, in the order of the providers.
    pub(super) projections: Vec<Projection>,
    /// The newest row.
    pub(super) place: Place,
    /// That row itself, with the number of its file.
    pub(super) row: (u16, Row),
}

/// Reads, maps and projects a batch.
pub(super) fn prepare(
    ingest: &Ingest<'_>,
    sheets: &[Sheet<'_>],
    seekers: &mut [Seeker<'_>],
    index: &Index,
    batch: &[Candidate],
    today: Date,
) -> Result<Vec<Prepared>, IngestError> {
    let rows = read(seekers, index, batch)?;
    let prepared = batch.par_iter().zip(rows).map(|(candidate, rows)| {
        let mut prepared = merge(sheets, rows, today)?;
        let Prepared { customer, place, .. } = &prepared;
        if customer.id != index.id(&candidate.group) {
            return Err(IngestError::RowChanged { file: place.file.to_string(), line: place.line });
        }
        prepared.projections = ingest.providers.iter().map(|p| p.project(&prepared.customer)).collect();
        Ok(prepared)
    });
    prepared.collect()
}

/// The rows of each customer, oldest first, each with the number of its file.
type Rows = Vec<(u16, Row)>;

/// Reads the rows of a batch in the order of their positions, which is fastest, and sorts them back to their owners.
fn read(seekers: &mut [Seeker<'_>], index: &Index, batch: &[Candidate]) -> Result<Vec<Rows>, IngestError> {
    let mut wanted: Vec<(usize, usize, &Entry)> = Vec::with_capacity(batch.len());
    for (owner, candidate) in batch.iter().enumerate() {
        wanted
            .extend(candidate.rows(index).into_iter().enumerate().map(|(turn, entry)| (owner, turn, entry)));
    }
    wanted.sort_by_key(|(_, _, entry)| (entry.file, entry.span().offset));
    let mut read: Vec<(usize, usize, u16, Row)> = Vec::with_capacity(wanted.len());
    for (owner, turn, entry) in wanted {
        let row = seekers[usize::from(entry.file)].row(&entry.span())?;
        read.push((owner, turn, entry.file, row));
    }
    read.sort_by_key(|(owner, turn, ..)| (*owner, *turn));
    let mut rows: Vec<Rows> = batch.iter().map(|_| Vec::new()).collect();
    for (owner, _, file, row) in read {
        rows[owner].push((file, row));
    }
    Ok(rows)
}

/// One customer out of its rows: each field from the newest row that carries it.
fn merge(sheets: &[Sheet<'_>], rows: Rows, today: Date) -> Result<Prepared, IngestError> {
    let mut merged: Option<Prepared> = None;
    for (file, row) in rows {
        let sheet = &sheets[usize::from(file)];
        let place = sheet.place(row.span().line);
        let changed = |_| IngestError::RowChanged { file: place.file.to_string(), line: place.line };
        let mapped = sheet.map(&row, today).map_err(changed)?;
        let defects = mapped.defects.into_iter().map(|defect| (place.clone(), defect)).collect();
        merged = Some(match merged {
            None => {
                let (customer, row) = (mapped.customer, (file, row));
                Prepared { customer, defects, projections: Vec::new(), place, row }
            }
            Some(older) => Prepared { row: (file, row), ..older.with_newer(mapped.customer, defects, place) },
        });
    }
    Ok(merged.expect("a candidate has at least one row that counts"))
}

impl Prepared {
    fn with_newer(mut self, customer: Customer, mut defects: Vec<(Place, Defect)>, place: Place) -> Self {
        self.customer.merge_newer(customer);
        defects.append(&mut self.defects);
        Self { defects, place, ..self }
    }
}
