//! The second pass: rows of new and changed customers, read again by position, become what each provider should see.
//!
//! In batches, by all processors; the only room of ingest where values are in memory, and only those of one batch.

use std::sync::Arc;

use jiff::civil::Date;
use litemap::LiteMap;
use rayon::prelude::*;

use crate::domain::customer::{Customer, Order};
use crate::domain::defect::{Defect, Place};
use crate::domain::mark::{Digest, Marker};
use crate::domain::redacted::Redacted;
use crate::domain::wire::Projection;
use crate::mapping::RowDefect;
use crate::reader::{Row, RowParser, Seeker, Span};

use super::compare::Candidate;
use super::late::LateRows;
use super::rejects::IngestReject;
use super::sheet::Sheet;
use super::{Ingest, IngestError, Read};

/// Customers whose values are in memory together.
pub(super) const BATCH_CUSTOMERS: usize = 256;

/// A customer, ready to be compared. Its `Debug` shows nothing of it.
pub(super) struct Prepared {
    pub(super) customer: Customer,
    /// What mapping found wrong, the newest row first.
    pub(super) defects: Vec<(Place, Defect)>,
    /// One for each provider, in the order of the providers.
    pub(super) projections: Vec<Projection>,
    /// What all this means to the providers.
    pub(super) meaning: Digest,
    /// The newest row.
    pub(super) place: Place,
    /// The rows, oldest first: by their order value, else as they came. One without an order value stands before those
    /// that have one.
    rows: Vec<OwnRow>,
}

/// What became of the rows of a candidate.
pub(super) struct Made {
    /// None, when no row can be taken.
    pub(super) prepared: Option<Prepared>,
    pub(super) late: LateRows,
}

/// A row with the number of its file.
struct OwnRow {
    file: u16,
    row: Row,
    order: Option<Order>,
}

/// Reads the rows of customers and makes them ready.
pub(super) struct Preparer<'a> {
    seekers: Vec<Seeker<'a>>,
    maker: Maker<'a>,
}

/// Makes customers out of rows, on any thread.
#[derive(Clone)]
pub(super) struct Maker<'a> {
    ingest: &'a Ingest<'a>,
    sheets: &'a [Sheet<'a>],
    marker: &'a Marker,
    settings: Arc<[[u8; 32]]>,
    today: Date,
}

/// A row as it was read, not looked at yet.
struct RawRow {
    file: u16,
    span: Span,
    bytes: Vec<u8>,
}

impl<'a> Preparer<'a> {
    /// For about so many rows.
    pub(super) fn new(
        ingest: &'a Ingest<'a>,
        read: &'a Read<'a>,
        marker: &'a Marker,
        rows: usize,
    ) -> Result<Self, IngestError> {
        let settings = ingest.providers.iter().map(|provider| provider.fingerprint()).collect();
        let (seekers, today) = (read.seekers(rows)?, ingest.today());
        Ok(Self { seekers, maker: Maker { ingest, sheets: &read.sheets, marker, settings, today } })
    }

    /// What makes customers out of rows.
    pub(super) fn maker(&self) -> Maker<'a> {
        self.maker.clone()
    }

    /// Reads, maps and projects a batch.
    pub(super) fn prepare(&mut self, batch: &[&Candidate]) -> Result<Vec<Made>, IngestError> {
        let rows = self.read(batch.len(), batch.iter().copied().enumerate())?;
        let maker = &self.maker;
        let prepared = batch
            .par_iter()
            .zip(rows)
            .map_init(|| maker.parsers(), |parsers, (candidate, raw)| maker.one(candidate, raw, parsers));
        prepared.collect()
    }

    /// Reads, maps and projects those of a batch that are `unready`, and does at once what is done `then`, while the
    /// values of a customer are at hand.
    pub(super) fn prepare_each<T: Send>(
        &mut self,
        batch: Vec<Candidate>,
        unready: impl Fn(&Candidate) -> bool + Sync,
        then: impl Fn(Candidate, Option<Made>, &Maker<'_>) -> Result<T, IngestError> + Sync,
    ) -> Result<Vec<T>, IngestError> {
        let rows = self.read(batch.len(), batch.iter().enumerate().filter(|(_, one)| unready(one)))?;
        let maker = &self.maker;
        let done = batch.into_par_iter().zip(rows).map_init(
            || maker.parsers(),
            |parsers, (candidate, raw)| {
                let made = unready(&candidate).then(|| maker.one(&candidate, raw, parsers));
                then(candidate, made.transpose()?, maker)
            },
        );
        done.collect()
    }

    /// Reads the rows of a batch in the order of their positions, which is fastest, and sorts them back to their owners.
    fn read<'c>(
        &mut self,
        owners: usize,
        batch: impl Iterator<Item = (usize, &'c Candidate)>,
    ) -> Result<Vec<Vec<RawRow>>, IngestError> {
        let mut wanted = Vec::with_capacity(owners);
        for (owner, candidate) in batch {
            wanted.extend(candidate.rows().map(|place| (place, owner)));
        }
        wanted.sort_unstable_by_key(|(place, _)| *place);
        let mut rows: Vec<Vec<RawRow>> = std::iter::repeat_with(Vec::new).take(owners).collect();
        for (place, owner) in wanted {
            let (file, span) = (place.file(), place.span());
            let bytes = self.seekers[usize::from(file)].bytes(&span)?.to_vec();
            rows[owner].push(RawRow { file, span, bytes });
        }
        Ok(rows)
    }
}

impl<'a> Maker<'a> {
    fn parsers(&self) -> Vec<RowParser<'a>> {
        self.sheets.iter().map(|sheet| sheet.file.parser()).collect()
    }
}

impl Maker<'_> {
    fn one(
        &self,
        candidate: &Candidate,
        raw: Vec<RawRow>,
        parsers: &mut [RowParser<'_>],
    ) -> Result<Made, IngestError> {
        let mut rows = Vec::with_capacity(raw.len());
        for RawRow { file, span, bytes } in raw {
            let row = parsers[usize::from(file)].row(&bytes, &span)?;
            rows.push(OwnRow { file, row, order: None });
        }
        let made = self.merge(rows)?;
        match &made.prepared {
            Some(prepared) if self.marker.key(prepared.customer.id.as_str()) != candidate.key => {
                Err(IngestError::changed(&prepared.place))
            }
            Some(_) | None => Ok(made),
        }
    }

    /// One customer out of its rows: each field from the newest row that carries it.
    fn merge(&self, rows: Vec<OwnRow>) -> Result<Made, IngestError> {
        let mut mapped = Vec::with_capacity(rows.len());
        let mut late = LateRows::default();
        for mut own in rows {
            let sheet = &self.sheets[usize::from(own.file)];
            let place = sheet.place(own.row.span().line);
            match sheet.map(&own.row, self.today) {
                Ok(found) => {
                    own.order = found.customer.order;
                    if sheet.is_from_future(own.order) {
                        late.future.push(place.clone());
                    }
                    mapped.push((own, found, place));
                }
                // Its key was in order when it was read first.
                Err(defect) if *defect.column == *sheet.mapper.customer_id_column() => {
                    return Err(IngestError::changed(&place));
                }
                Err(defect) => late.invalid.push(reject(sheet, &own.row, place, &defect)),
            }
        }
        mapped.sort_by_key(|(own, ..)| own.order);
        let mut merged: Option<Prepared> = None;
        for (own, found, place) in mapped {
            let defects = found.defects.into_iter().map(|defect| (place.clone(), defect)).collect();
            merged = Some(match merged {
                None => Prepared {
                    customer: found.customer,
                    defects,
                    projections: Vec::new(),
                    meaning: Digest::default(),
                    place,
                    rows: vec![own],
                },
                Some(older) => older.with_newer(found.customer, defects, place, own),
            });
        }
        let Some(mut prepared) = merged else { return Ok(Made { prepared: None, late }) };
        prepared.projections = self.ingest.providers.iter().map(|p| p.project(&prepared.customer)).collect();
        prepared.meaning =
            self.marker.meaning(&self.settings, &prepared.projections, prepared.customer.order);
        Ok(Made { prepared: Some(prepared), late })
    }

    /// The same customer without the rows that are older than what was accepted; `None` where no row is left.
    pub(super) fn without_stale(
        &self,
        mut prepared: Prepared,
        accepted: Option<Order>,
    ) -> Result<Option<Prepared>, IngestError> {
        let is_stale = |own: &OwnRow| own.order.is_some_and(|order| Some(order) < accepted);
        if !prepared.rows.iter().any(is_stale) {
            return Ok(Some(prepared));
        }
        prepared.rows.retain(|own| !is_stale(own));
        Ok(self.merge(prepared.rows)?.prepared)
    }
}

fn reject(sheet: &Sheet<'_>, row: &Row, place: Place, defect: &RowDefect) -> IngestReject {
    let (names, cells) = sheet.raw_cells(row);
    IngestReject {
        place,
        customer_id: None,
        provider: None,
        column: Some(Arc::clone(&defect.column)),
        reason: defect.reason.0.into(),
        names,
        cells: Redacted::new(cells),
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<prepared>")
    }
}

impl Prepared {
    /// The newest row, with the number of its file.
    pub(super) fn row(&self) -> (u16, &Row) {
        let own = self.rows.last().expect("a customer has at least one row");
        (own.file, &own.row)
    }

    /// Lets go of everything but whose they are, for somebody of whom nothing has to be told.
    pub(super) fn forget_values(&mut self) {
        self.customer.cells = LiteMap::new();
        self.defects = Vec::new();
        self.projections = Vec::new();
        self.rows = Vec::new();
    }

    fn with_newer(
        mut self,
        customer: Customer,
        mut defects: Vec<(Place, Defect)>,
        place: Place,
        row: OwnRow,
    ) -> Self {
        self.customer.merge_newer(customer);
        defects.append(&mut self.defects);
        self.rows.push(row);
        Self { defects, place, ..self }
    }
}
