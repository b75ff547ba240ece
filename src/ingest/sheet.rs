//! One file of the input together with the reading of its header: the seam between reader, mapping and ingest.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::civil::Date;

use crate::domain::clock::Timestamp;
use crate::domain::customer::{Customer, CustomerId, Order};
use crate::domain::defect::Place;
use crate::domain::field::{Field, FieldSet};
use crate::domain::raw_cell::{BETWEEN_MEMBERS, RawCell};
use crate::mapping::{Counting, Mapped, Mapper, MappingSettings, Merge, RowDefect, is_western};
use crate::reader::{BadRow, Column, InputFile, Row};

use super::IngestError;

/// How far ahead an order value may be, in microseconds: local times are read as UTC, and clocks differ.
const AHEAD_MICROSECONDS_MAX: i64 = 24 * 60 * 60 * 1_000_000;

/// A file, its mapper, and where in the file the mapper's columns are.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    pub(super) file: &'a InputFile,
    pub(super) mapper: Mapper,
    name: Arc<str>,
    names: Arc<[String]>,
    columns: Vec<Option<Column>>,
    /// Which of them are parts of a street.
    street_parts: Vec<(usize, Field)>,
    customer_id: Option<Column>,
    order: Option<Column>,
    /// The fields of which it says something, where it has a header.
    fields: Option<FieldSet>,
    now: Order,
}

/// The order value of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowOrder {
    /// As it stands there: rows are compared by it.
    pub(super) read: Order,
    /// What is remembered of it.
    pub(super) remembered: Order,
}

impl<'a> Sheet<'a> {
    /// Resolves the header. `now` is what is remembered of a row that is dated in the future.
    pub(super) fn open(
        file: &'a InputFile,
        settings: &MappingSettings,
        now: Timestamp,
    ) -> Result<Self, IngestError> {
        let mapper = Mapper::new(settings, file.header())
            .map_err(|source| IngestError::Header { file: file.name().to_owned(), source })?;
        let columns = mapper.columns().iter().map(|column| file.resolve(&column.column)).collect();
        let fields = mapper.columns().iter().map(|column| column.field).enumerate();
        let street_parts = fields.filter(|(_, field)| Field::STREET_PARTS.contains(field)).collect();
        let customer_id = file.resolve(mapper.customer_id_column());
        let order = mapper.order_column().and_then(|column| file.resolve(column));
        let names = file.header().unwrap_or_default().into();
        let now = Order(now.0.saturating_mul(1_000));
        let own = mapper.columns().iter().map(|column| column.field);
        let fields = file.header().map(|_| with_street(own.collect()));
        Ok(Self {
            file,
            mapper,
            name: file.name().into(),
            names,
            columns,
            street_parts,
            customer_id,
            order,
            fields,
            now,
        })
    }

    /// What the operator should know about its header, beside the fields that it lacks of those that are known.
    pub(super) fn warnings(&self, known: FieldSet) -> impl Iterator<Item = String> + '_ {
        let order = self.mapper.order_warning().map(|warning| warning.to_string());
        let parts = Field::STREET_PARTS.into_iter();
        let in_parts = self.file.header().is_some() && parts.clone().any(|part| self.has(part));
        let lacks = |part: &Field| known.contains(*part) && !self.has(*part);
        let line = Some(Field::Street).filter(|line| lacks(line) && !self.has(Field::StreetName));
        let lacking = parts.clone().find(lacks).or(line);
        let street = lacking.filter(|_| in_parts).map(|field| {
            format!("it has parts of streets, but not {field}, which an earlier file has: its streets are left out")
        });
        let cut = self.file.may_be_cut().then(|| {
            "its last line has no end; an export that was cut inside its last value looks like that: let it end each line, \
             or count its rows in a trailer (input.trailer)"
                .to_owned()
        });
        let unread = self.mapper.unread_subscriptions().next().map(|column| {
            format!("its column `{column}` is no subscription: it takes a number, as in subscription_12; consent in it is not read")
        });
        order
            .into_iter()
            .chain(street)
            .chain(unread)
            .chain(cut)
            .map(|warning| format!("{}: {warning}", self.file.name()))
    }

    /// Whether it has a column of that field. A file without a header may have any.
    pub(super) fn has(&self, field: Field) -> bool {
        self.mapper.columns().iter().any(|column| column.field == field)
    }

    /// The fields of which a file with a header says something.
    pub(super) fn fields(&self) -> Option<FieldSet> {
        self.fields
    }

    /// Whether cells are fetched from inside of objects.
    pub(super) fn has_paths(&self) -> bool {
        self.file.header().is_none() && self.mapper.columns().iter().any(|column| is_path(&column.column))
    }

    /// The same of one record, whether its cells can be read or not.
    pub(super) fn named(&self, row: &Row) -> FieldSet {
        let columns = self.mapper.columns().iter().enumerate();
        let has = |(index, _): &(usize, _)| !matches!(self.cell(row, *index), RawCell::Absent);
        let own = columns.filter(has).map(|(_, column)| column.field);
        let further = self.further_cells(row).into_iter().map(|(field, _)| field);
        with_street(own.chain(further).collect())
    }

    /// A customer's key in its normal form, out of the cell that `cell` finds; `None` when it is unusable.
    pub(super) fn key<'r>(&self, cell: impl FnOnce(&Column) -> RawCell<'r>) -> Option<Cow<'r, str>> {
        match cell(self.customer_id.as_ref()?) {
            RawCell::Text(Cow::Borrowed(raw)) => self.mapper.key(raw),
            RawCell::Text(Cow::Owned(raw)) => self.mapper.key(&raw).map(|key| Cow::Owned(key.into_owned())),
            RawCell::Nested(_) | RawCell::Absent | RawCell::Null => None,
        }
    }

    /// Whose row it is.
    pub(super) fn identify(&self, row: &Row) -> Option<CustomerId> {
        CustomerId::new(&self.key(|column| row.get(column))?)
    }

    /// Whose record it is, though it cannot be read as a row: told where one column alone is at fault, since elsewhere
    /// nobody knows which cell is which.
    pub(super) fn identify_bad(&self, bad: &BadRow) -> Option<CustomerId> {
        bad.column.as_ref()?;
        let key = self.mapper.customer_id_column();
        let at = self.names.iter().position(|name| name == key)?;
        self.mapper.customer_id(bad.cells.get(at)?)
    }

    /// The row as a customer. `known` are fields that the CRM is known to have, where it matters.
    pub(super) fn map(&self, row: &Row, today: Date, known: FieldSet) -> Result<Mapped, RowDefect> {
        let cell = |index| self.cell(row, index);
        let mut mapped = self.mapper.map(cell, self.further_cells(row), today, known)?;
        mapped.customer.order = match mapped.customer.order {
            Some(order) => Some(self.not_in_future(order, row)),
            None if self.file.header().is_some() => None,
            None => self.order(row)?.map(|order| order.remembered),
        };
        Ok(mapped)
    }

    /// Whether the file has a column of order values.
    pub(super) fn has_order(&self) -> bool {
        self.order.is_some()
    }

    /// The order value of a row.
    pub(super) fn order(&self, row: &Row) -> Result<Option<RowOrder>, RowDefect> {
        let Some(cell) = self.order_cell(row) else { return Ok(None) };
        let order = self.mapper.order_of(&cell)?;
        Ok(order.map(|read| RowOrder { read, remembered: self.not_in_future(read, row) }))
    }

    /// What orders the row. A record may have it under a name that is the same as headers are compared.
    fn order_cell<'r>(&self, row: &'r Row) -> Option<RawCell<'r>> {
        let cell = row.get(self.order.as_ref()?);
        if self.file.header().is_some() || !matches!(cell, RawCell::Absent) {
            return Some(cell);
        }
        let alike = row.columns().find(|(name, _)| self.mapper.is_like_order_column(name));
        Some(alike.map_or(cell, |(_, alike)| alike))
    }

    /// Lays the row over older ones of its customer.
    pub(super) fn lay_over<'r>(&self, row: &'r Row, counting: Counting, merge: &mut Merge<'r>) {
        let cell = |index| self.cell(row, index);
        merge.lay(&self.mapper, counting, cell, self.further_cells(row));
    }

    /// The fields that a row says something about; `customer` is what it was mapped to.
    pub(super) fn told(&self, row: &Row, customer: &Customer) -> FieldSet {
        let whole = customer.cells.fields().chain(customer.in_part.iter().copied()).collect::<FieldSet>();
        let heard = |index| self.mapper.heard(self.cell(row, index));
        let is_told = |(index, _): &&(usize, Field)| !matches!(heard(*index), RawCell::Absent);
        let parts: FieldSet = self.street_parts.iter().filter(is_told).map(|(_, part)| *part).collect();
        let further = self.further_cells(row).into_iter().map(|(field, _)| field);
        whole | parts | further.filter(|field| Field::STREET_PARTS.contains(field)).collect()
    }

    /// Appends what the row says, see [`Mapper::canonical`].
    pub(super) fn canonical(&self, row: &Row, into: &mut Vec<u8>) {
        let cell = |index| self.cell(row, index);
        let is_western = row.text().is_some_and(is_western);
        self.mapper.canonical(cell, self.further_cells(row), is_western, into);
    }

    fn cell<'r>(&self, row: &'r Row, index: usize) -> RawCell<'r> {
        let column = self.columns.get(index).and_then(Option::as_ref);
        column.map_or(RawCell::Absent, |column| row.get(column))
    }

    /// A time from the future would make every later row of its customer stale, for ever: it is remembered as now.
    fn not_in_future(&self, order: Order, row: &Row) -> Order {
        let is_time = || match self.order_cell(row) {
            Some(RawCell::Text(raw)) => self.mapper.is_time(&raw),
            Some(RawCell::Nested(_) | RawCell::Absent | RawCell::Null) | None => false,
        };
        let latest = self.now.0.saturating_add(AHEAD_MICROSECONDS_MAX);
        if order.0 > latest && is_time() { self.now } else { order }
    }

    /// The cells of a JSONL record that are not under the names of the columns.
    fn further_cells<'r>(&self, row: &'r Row) -> Vec<(Field, RawCell<'r>)> {
        if self.file.header().is_some() {
            return Vec::new();
        }
        self.mapper.further_cells(row.columns())
    }

    /// The file's own name for the column of a canonical field.
    pub(super) fn column(&self, field: Field) -> Option<Arc<str>> {
        let column = self.mapper.columns().iter().find(|column| column.field == field)?;
        Some(Arc::clone(&column.column))
    }

    /// The names of the header; JSONL has none.
    pub(super) fn names(&self) -> Arc<[String]> {
        Arc::clone(&self.names)
    }

    /// The cells of a row as they stand in the file, with their names. An object is no value, and would be taken for one where
    /// it stands as text: what is read out of one stands under the path to it.
    pub(super) fn raw_cells(&self, row: &Row) -> (Arc<[String]>, Vec<String>) {
        let text = |cell| match cell {
            RawCell::Text(text) => text.replace(BETWEEN_MEMBERS, ","),
            RawCell::Nested(_) | RawCell::Absent | RawCell::Null => String::new(),
        };
        if self.file.header().is_some() {
            return (self.names(), row.columns().map(|(_, cell)| text(cell)).collect());
        }
        let mapped = self.mapper.columns().iter().zip(0..);
        let paths = mapped.filter(|(column, _)| is_path(&column.column));
        let inside = paths.map(|(column, at)| (Cow::Borrowed(&*column.column), self.cell(row, at)));
        let members = row.columns().filter(|(_, cell)| !matches!(cell, RawCell::Nested(_)));
        let (names, cells): (Vec<String>, Vec<String>) =
            members.chain(inside).map(|(name, cell)| (name.into_owned(), text(cell))).unzip();
        (names.into(), cells)
    }

    /// A place in this file.
    pub(super) fn place(&self, line: u64) -> Place {
        Place { file: Arc::clone(&self.name), line }
    }
}

/// Whether the name of a column is the way to a cell inside of objects.
fn is_path(name: &str) -> bool {
    name.starts_with('/')
}

/// Fields with the street, where they have its name: a number or a kind alone is none.
fn with_street(fields: FieldSet) -> FieldSet {
    let street = fields.contains(Field::StreetName).then_some(Field::Street);
    fields | street.into_iter().collect()
}
