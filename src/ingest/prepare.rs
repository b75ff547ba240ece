//! The second pass: rows of new and changed customers, read again by position, become customers.
//!
//! Batch by batch: of valid values only those of the batches under way are in memory.

use std::sync::Arc;

use jiff::civil::Date;

use crate::domain::cells::Cells;
use crate::domain::customer::{Customer, Order};
use crate::domain::defect::{Defect, Place};
use crate::domain::field::{Field, FieldSet};
use crate::domain::mark::{Digest, Marker, RecordMarker};
use crate::domain::redacted::Redacted;
use crate::mapping::{Counting, Mapped, Merge, RowDefect};
use crate::reader::{Row, RowParser, Span};
use crate::store::{StoredCustomer, ToldFields};

use super::compare::Candidate;
use super::lacking::Lacking;
use super::late::LateRows;
use super::raw_rows::RawRows;
use super::rejects::IngestReject;
use super::sheet::{RowOrder, Sheet};
use super::{Ingest, IngestError, Kind};

/// Customers of a batch, whose values are in memory together.
pub(super) const BATCH_CUSTOMERS: usize = 128;

/// Fields of which the settings have a value for those who have none.
const REPLACEABLE: [Field; 2] = [Field::StoreId, Field::PersonIdentifierType];

/// A customer, ready to be compared. Its `Debug` shows nothing of it.
pub(super) struct Prepared {
    pub(super) customer: Customer,
    /// What all rows say, where some are older than what was accepted.
    pub(super) whole: Option<Box<Customer>>,
    /// What mapping found wrong, the newest row first.
    pub(super) defects: Vec<(Place, Defect)>,
    /// What all its rows say.
    pub(super) meaning: Digest,
    /// The newest row.
    pub(super) place: Place,
    /// The fields that its rows from files without a header say something about.
    pub(super) told: FieldSet,
    /// The fields that its rows say something about, by their columns or, without a header, by what they have.
    pub(super) fields: FieldSet,
    /// The fields of which the CRM is known to have something, for the customer or for those in its files, while its rows
    /// say nothing.
    pub(super) lacking: FieldSet,
    /// Which of several rows, by their numbers, each field is of; nothing, where there is one row.
    sources: Vec<(Field, usize)>,
    /// The rows, oldest first: by their order value, else as they came. One without an order value stands before those
    /// that have one.
    rows: Vec<OwnRow>,
}

/// How the rows of a customer are read; see the same of [`Prepared`].
struct Reading {
    customer: Customer,
    whole: Option<Box<Customer>>,
    defects: Vec<(Place, Defect)>,
    sources: Vec<(Field, usize)>,
}

/// What the rows of a candidate come to.
pub(super) struct Made {
    pub(super) merged: Merged,
    pub(super) late: LateRows,
}

/// See [`Made`].
pub(super) enum Merged {
    /// They say what was accepted last.
    Alike,
    /// None of them can be taken.
    Nothing,
    /// A customer.
    Customer(Box<Prepared>),
}

/// A row with the number of its file.
struct OwnRow {
    file: u16,
    row: Row,
    order: Option<RowOrder>,
    /// By what it is put in order among the rows of its customer.
    turn: Option<Order>,
    counting: Counting,
}

impl OwnRow {
    fn counts(&self) -> bool {
        self.counting == Counting::Fully
    }
}

/// Reads the rows of customers and makes customers of them, on any thread.
pub(super) struct Maker<'a> {
    sheets: &'a [Sheet<'a>],
    lacking: &'a Lacking,
    marker: &'a Marker,
    meanings: RecordMarker,
    /// Also those that say what was accepted last.
    take_all: bool,
    /// Rows that are older than what was accepted last are stale.
    orders_count: bool,
    /// Whether the input holds all that the CRM has, so that also older rows tell what newer ones are read by. Of a part,
    /// something newer may have been accepted.
    is_complete: bool,
    /// Whether the input alone says what the CRM has.
    starts_anew: bool,
    today: Date,
}

/// What customers are made with, one after another.
pub(super) struct Bench<'a> {
    /// One for each file.
    parsers: Vec<RowParser<'a>>,
    /// What the rows of one customer say.
    said: Vec<u8>,
    /// The rows themselves.
    rows: Vec<OwnRow>,
}

impl<'a> Maker<'a> {
    /// `take_all` also makes those ready that say what was accepted last, and without `orders_count` none is stale.
    pub(super) fn new(
        ingest: &Ingest<'_>,
        (sheets, lacking): (&'a [Sheet<'a>], &'a Lacking),
        marker: &'a Marker,
        take_all: bool,
        orders_count: bool,
    ) -> Self {
        let meanings = marker.meanings(&ingest.context_of_meaning(sheets));
        let (is_complete, today) = (ingest.options.kind == Kind::Full, ingest.today());
        let starts_anew = ingest.starts_anew();
        Self { sheets, lacking, marker, meanings, take_all, orders_count, is_complete, starts_anew, today }
    }

    /// Reads the rows of a batch; of those who are no owner here, none.
    pub(super) fn read<'c>(
        &self,
        owners: impl Iterator<Item = Option<&'c Candidate>>,
    ) -> Result<RawRows, IngestError> {
        RawRows::read(self.sheets, owners)
    }

    /// A bench for one batch.
    pub(super) fn bench(&self) -> Bench<'a> {
        let parsers = self.sheets.iter().map(|sheet| sheet.file.parser()).collect();
        Bench { parsers, said: Vec::new(), rows: Vec::new() }
    }

    /// Maps a candidate whose rows were read.
    pub(super) fn one<'r>(
        &self,
        candidate: &Candidate,
        raw: impl ExactSizeIterator<Item = (u16, Span, &'r [u8])>,
        Bench { parsers, said, rows }: &mut Bench<'_>,
    ) -> Result<Made, IngestError> {
        said.clear();
        rows.clear();
        for (file, span, bytes) in raw {
            let row = parsers[usize::from(file)].row(bytes, &span)?;
            let sheet = &self.sheets[usize::from(file)];
            let key = sheet.key(|column| row.get(column)).map(|key| self.marker.key(&key));
            // Its key was in order when it was read first.
            if key != Some(candidate.key) {
                return Err(IngestError::changed(&sheet.place(span.line)));
            }
            sheet.canonical(&row, said);
            rows.push(OwnRow { file, row, order: None, turn: None, counting: Counting::Fully });
        }
        let meaning = self.meanings.record(said);
        if !self.take_all && candidate.meaning() == Some(meaning) {
            for OwnRow { file, row, .. } in rows.drain(..) {
                parsers[usize::from(file)].give_back(row);
            }
            return Ok(Made { merged: Merged::Alike, late: LateRows::default() });
        }
        self.merge(std::mem::take(rows), meaning, ToldFields::default())
    }

    /// One customer out of its rows: each field from the newest row that carries it. `had` is what earlier records of
    /// the customer told.
    fn merge(&self, rows: Vec<OwnRow>, meaning: Digest, had: ToldFields) -> Result<Made, IngestError> {
        let mut late = LateRows::default();
        let mut ordered = Vec::with_capacity(rows.len());
        let mut highest = None;
        for mut own in rows {
            let sheet = &self.sheets[usize::from(own.file)];
            match sheet.order(&own.row) {
                Ok(order) => {
                    let read = order.map(|order| order.read);
                    own.order = order;
                    highest = highest.max(read);
                    // Where the file has no column for it, the later row wins.
                    own.turn = if sheet.has_order() { read } else { highest };
                    if order.is_some_and(|order| order.remembered != order.read) {
                        late.future.push(self.place(&own));
                    }
                }
                Err(defect) => {
                    late.invalid.push(reject(sheet, &own.row, self.place(&own), &defect));
                    if !self.is_complete {
                        continue;
                    }
                    own.counting = Counting::AsLight;
                }
            }
            ordered.push(own);
        }
        ordered.sort_by_key(|own| own.turn);
        let Some(newest) = ordered.iter().rev().find(|own| own.counts()) else {
            return Ok(Made { merged: Merged::Nothing, late });
        };
        let (place, lacking) = (self.place(newest), self.lacking(&ordered, had));
        let Reading { mut customer, whole, defects, sources } = match &*ordered {
            [own] => self.map_one(own, lacking)?,
            several => self.map_together(several, newest, lacking)?,
        };
        let (mut told, mut fields) = (FieldSet::default(), FieldSet::default());
        for own in &ordered {
            let sheet = &self.sheets[usize::from(own.file)];
            match sheet.fields() {
                Some(columns) if !sheet.mapper.is_rejects_file() => fields |= columns,
                Some(_) => fields |= sheet.told(&own.row, &customer),
                None => told |= sheet.told(&own.row, &customer),
            }
        }
        fields |= told;
        let withheld = lacking.iter().map(Field::whole);
        let withheld = withheld.filter(|field| customer.cell(*field).is_none()).collect::<Vec<_>>();
        customer.withheld.extend(withheld);
        let rows = ordered;
        let prepared =
            Prepared { customer, whole, defects, meaning, place, rows, sources, told, fields, lacking };
        Ok(Made { merged: Merged::Customer(Box::new(prepared)), late })
    }

    /// What earlier records of a customer told; nothing, where the input says alone what the CRM has.
    fn had(&self, stored: Option<&StoredCustomer>) -> ToldFields {
        let stored = stored.filter(|_| !self.starts_anew);
        stored.map(|stored| stored.told).unwrap_or_default()
    }

    fn lacking(&self, rows: &[OwnRow], had: ToldFields) -> FieldSet {
        let lacking = self.lacking.of_customer(had, rows.iter().map(|own| own.file));
        let told = |told: FieldSet, own: &OwnRow| {
            let sheet = &self.sheets[usize::from(own.file)];
            told | sheet.fields().unwrap_or_else(|| sheet.named(&own.row))
        };
        // What the settings put in their place is for those of whom nobody knows another one.
        let replaceable = had.fields & FieldSet::from_iter(REPLACEABLE);
        if replaceable.is_empty() {
            return lacking;
        }
        lacking | (replaceable - rows.iter().fold(FieldSet::default(), told))
    }

    /// The same customer in the light of what earlier records of it had, where it was read in another one.
    pub(super) fn in_light_of(
        &self,
        prepared: Box<Prepared>,
        stored: Option<&StoredCustomer>,
    ) -> Result<Option<Box<Prepared>>, IngestError> {
        let had = self.had(stored);
        let lacking = self.lacking(&prepared.rows, had);
        if lacking - prepared.fields == prepared.lacking - prepared.fields {
            return Ok(Some(prepared));
        }
        self.merge(prepared.rows, prepared.meaning, had).map(Made::customer)
    }

    fn map_one(&self, own: &OwnRow, lacking: FieldSet) -> Result<Reading, IngestError> {
        let (sheet, place) = (&self.sheets[usize::from(own.file)], self.place(own));
        let Mapped { customer, defects } =
            sheet.map(&own.row, self.today, lacking).map_err(|_| IngestError::changed(&place))?;
        let defects = defects.into_iter().map(|defect| (place.clone(), defect)).collect();
        Ok(Reading { customer, whole: None, defects, sources: Vec::new() })
    }

    /// Reads several rows, oldest first.
    fn map_together(
        &self,
        rows: &[OwnRow],
        newest: &OwnRow,
        lacking: FieldSet,
    ) -> Result<Reading, IngestError> {
        let mut merge = Merge::default();
        for own in rows {
            self.sheets[usize::from(own.file)].lay_over(&own.row, own.counting, &mut merge);
        }
        let sheet = &self.sheets[usize::from(newest.file)];
        let id = sheet.identify(&newest.row).ok_or_else(|| IngestError::changed(&self.place(newest)))?;
        let orders = rows.iter().filter(|own| own.counts()).filter_map(|own| own.order);
        let highest = orders.map(|order| order.remembered).max();
        let (Mapped { customer, defects }, whole) =
            merge.map(&sheet.mapper, (id, highest), self.today, lacking);
        let row_of = |field| merge.row_of(field).unwrap_or(rows.len() - 1);
        let mut defects: Vec<_> = defects.into_iter().map(|defect| (row_of(defect.field), defect)).collect();
        defects.sort_by_key(|(row, _)| std::cmp::Reverse(*row));
        let at = |(row, defect): (usize, Defect)| (self.place(&rows[row]), defect);
        let defects = defects.into_iter().map(at).collect();
        let sources = merge.rows_by_field().collect();
        // In a delta somebody else may have said something newer of what the provider lacks.
        let whole = whole.filter(|_| self.is_complete).map(Box::new);
        Ok(Reading { customer, whole, defects, sources })
    }

    fn place(&self, own: &OwnRow) -> Place {
        self.sheets[usize::from(own.file)].place(own.row.span().line)
    }

    /// The same customer without what rows say that are older than what was accepted; `None` where no row is left.
    pub(super) fn without_stale(
        &self,
        mut prepared: Box<Prepared>,
        stored: Option<&StoredCustomer>,
    ) -> Result<Option<Box<Prepared>>, IngestError> {
        let accepted = stored.and_then(|stored| stored.order);
        let is_stale = |own: &OwnRow| own.order.is_some_and(|order| Some(order.read) < accepted);
        // Where the newest of them is what was accepted last, the others of a complete input are what was accepted with it. In a
        // delta they may be: they say by what the newest is read, and nothing else.
        let is_the_same = prepared.customer.order == accepted;
        let counts = self.is_complete && is_the_same;
        if !self.orders_count || counts || !prepared.rows.iter().any(is_stale) {
            return Ok(Some(prepared));
        }
        for own in &mut prepared.rows {
            if is_stale(own) {
                own.counting = Counting::AsBackground;
            }
        }
        prepared.rows.retain(|own| self.is_complete || is_the_same || own.counts());
        if prepared.rows.iter().all(|own| !own.counts()) {
            return Ok(None);
        }
        self.merge(prepared.rows, prepared.meaning, self.had(stored)).map(Made::customer)
    }
}

impl Made {
    fn customer(self) -> Option<Box<Prepared>> {
        match self.merged {
            Merged::Customer(prepared) => Some(prepared),
            Merged::Alike | Merged::Nothing => None,
        }
    }
}

fn reject(sheet: &Sheet<'_>, row: &Row, place: Place, defect: &RowDefect) -> IngestReject {
    let (names, cells) = sheet.raw_cells(row);
    IngestReject {
        place,
        customer_id: sheet.identify(row),
        provider: None,
        column: Some(Arc::clone(&defect.column)),
        reason: defect.reason.0.into(),
        names,
        whole: false,
        cells: Redacted::new(cells),
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<prepared>")
    }
}

impl Prepared {
    /// The row that one of these fields is of, with the number of its file; the newest one that counts, where none is.
    pub(super) fn row_of(&self, fields: &[Field]) -> (u16, &Row) {
        let of_field = fields.iter().find_map(|field| self.sources.iter().find(|(of, _)| of == field));
        let newest = || self.rows.iter().rposition(OwnRow::counts);
        let row = of_field.map(|(_, row)| *row).or_else(newest).expect("a customer has at least one row");
        (self.rows[row].file, &self.rows[row].row)
    }

    /// Lets go of everything but whose they are, for somebody of whom nothing has to be told.
    pub(super) fn forget_values(&mut self) {
        self.customer.cells = Cells::new(Vec::new());
        self.whole = None;
        self.defects = Vec::new();
        self.rows = Vec::new();
    }
}
