//! The mapper of one input: settings and header resolved once, then rows to customers, without side effects.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::civil::Date;

use super::canonical::{self, Label, Tone};
use super::countries;
use super::dates::{DateForms, OrderKind};
use super::error::{MappingError, OrderWarning, RowDefect};
use super::header::{Found, Header, MappedColumn, Names, is_ignored, resolve, turn};
use super::mangled::mangled;
use super::parse::Light;
use super::reason;
use super::row::{Finished, Row};
use super::settings::MappingSettings;
use super::text;
use crate::domain::customer::{Customer, CustomerId, Order};
use crate::domain::defect::Defect;
use crate::domain::field::{Field, FieldSet, SUBSCRIPTION_PREFIX};
use crate::domain::fold;
use crate::domain::raw_cell::RawCell;
use crate::domain::settings_digest::SettingsDigest;
use crate::domain::value::Country;

/// Raised whenever the same cell is read as another value than before, so that every record is compared again.
const MAPPING_VERSION: u32 = 13;

/// Columns by which a file of rejects is known, see [`Mapper::is_rejects_file`].
const REJECTS_COLUMNS: [&str; 3] = ["_row", "_customer_id", "_reason"];

/// A customer out of one row, and what was wrong with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// The customer. The key is not among its cells; streets are one cell, whatever columns they came from.
    pub customer: Customer,
    /// One defect for each invalid value.
    pub defects: Vec<Defect>,
}

/// Maps rows with one header to customers. Cheap to share between threads.
#[derive(Debug, Clone)]
pub struct Mapper {
    columns: Vec<MappedColumn>,
    key: usize,
    order: OrderColumn,
    nic_column: Arc<str>,
    unused: Vec<String>,
    has_header: bool,
    /// The names of the columns, where no header has told which are there.
    names: Names,
    is_rejects_file: bool,
    nulls: Vec<String>,
    forms: DateForms,
    default_country: Country,
    fingerprint: [u8; 32],
    reading: [u8; 32],
    /// What stands for each of the columns in a canonical record.
    labels: Vec<Label>,
}

/// Where the value that orders rows stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum OrderColumn {
    NotConfigured,
    Missing(String),
    /// A column that also holds a field.
    Shared(usize),
    /// The last column, fetched for this alone.
    Own(usize),
}

/// A customer's key that somebody typed, in the form in which it is read from files; `None` when it can be none.
#[must_use]
pub fn customer_id(typed: &str) -> Option<CustomerId> {
    text::key(typed).and_then(|key| CustomerId::new(&key))
}

impl Mapper {
    /// Resolves the settings against a header. `available` are the columns of a CSV header; `None` stands for JSONL,
    /// where any key may appear in any record.
    ///
    /// # Errors
    ///
    /// When `[columns]` names an unknown field or a column that the file lacks, when two columns could be meant, when
    /// there is no column for the customer's key, and when a date form or the default country cannot be used.
    pub fn new(settings: &MappingSettings, available: Option<&[String]>) -> Result<Self, MappingError> {
        let header = available.map(Header::new);
        let forms = DateForms::new(&settings.date_formats)?;
        let default_country = countries::parse(text::trim(&settings.default_country))
            .map_err(|_| MappingError::DefaultCountry { name: settings.default_country.clone() })?;
        let mut columns = resolve(settings, header.as_ref())?;
        let order = order_column(settings, header.as_ref(), &mut columns)?;
        // Another column than that of a field can order the rows.
        let label = |(index, column): (usize, &MappedColumn)| match order.own() {
            Some(own) if own == index => canonical::label_of_order(),
            Some(_) | None => canonical::label(column.field),
        };
        let labels = columns.iter().enumerate().map(label).collect();
        let key = columns.iter().position(|column| column.field == Field::CustomerId);
        let key = key.ok_or(MappingError::NoCustomerId { nearest: None })?;
        let named = |field: Field| columns.iter().find(|column| column.field == field);
        let nic_column = named(Field::Nic).or_else(|| named(Field::Siren));
        let nic_column = nic_column.map_or_else(|| Arc::from("nic"), |column| Arc::clone(&column.column));
        let names = if available.is_some() { Names::default() } else { Names::of(&columns) };
        let unused = unused(available.unwrap_or_default(), &columns);
        let fingerprint = fingerprint(settings, available);
        let nulls = settings.null_values.clone();
        let is_rejects_file = available
            .is_some_and(|names| REJECTS_COLUMNS.iter().all(|own| names.iter().any(|name| name == own)));
        Ok(Self {
            columns,
            key,
            order,
            nic_column,
            unused,
            has_header: available.is_some(),
            names,
            is_rejects_file,
            nulls,
            forms,
            default_country,
            fingerprint,
            reading: reading(settings),
            labels,
        })
    }

    /// What to fetch from each record, in a fixed order.
    #[must_use]
    pub fn columns(&self) -> &[MappedColumn] {
        &self.columns
    }

    /// The column of the customer's key.
    #[must_use]
    pub fn customer_id_column(&self) -> &str {
        self.columns.get(self.key).map_or("customer_id", |column| &column.column)
    }

    /// The column that orders rows, where one is configured and the file may have it.
    #[must_use]
    pub fn order_column(&self) -> Option<&str> {
        self.columns.get(self.order.index()?).map(|column| column.column.as_ref())
    }

    /// Whether a name is that of the column that orders rows, as headers are compared.
    #[must_use]
    pub fn is_like_order_column(&self, name: &str) -> bool {
        let column = self.order_column().filter(|_| !is_ignored(name));
        column.is_some_and(|column| fold::header(column) == fold::header(name))
    }

    /// Set when `order_by` is configured, but the file lacks its column.
    #[must_use]
    pub fn order_warning(&self) -> Option<OrderWarning> {
        match &self.order {
            OrderColumn::Missing(column) => Some(OrderWarning { column: column.clone() }),
            OrderColumn::NotConfigured | OrderColumn::Shared(_) | OrderColumn::Own(_) => None,
        }
    }

    /// Columns of the header that no field uses, those without a name and those that begin with `_` left out.
    #[must_use]
    pub fn unused_columns(&self) -> &[String] {
        &self.unused
    }

    /// Those of them that are called like subscriptions and are none.
    pub fn unread_subscriptions(&self) -> impl Iterator<Item = &str> {
        let is_alike = |name: &&str| name.to_lowercase().starts_with(SUBSCRIPTION_PREFIX);
        self.unused.iter().map(String::as_str).filter(is_alike)
    }

    /// Whether it is a file that this program wrote for correction (`rejects.csv` with values). Its rows hold only some fields
    /// of a customer, so that a blank cell says nothing there, instead of clearing the value.
    #[must_use]
    pub fn is_rejects_file(&self) -> bool {
        self.is_rejects_file
    }

    /// A digest of settings, header and version of the mapping: where it differs, records must be compared again
    /// although their bytes have not changed.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// The customer's key in its normal form (NFC, trimmed, 1 to 200 characters); `None` when it is empty or unusable.
    #[must_use]
    pub fn key<'r>(&self, raw: &'r str) -> Option<Cow<'r, str>> {
        let key = text::key(raw)?;
        let length = if key.is_ascii() { key.len() } else { key.chars().count() };
        let is_null = self.nulls.iter().any(|null| *null == key);
        let is_usable = (1..=CustomerId::CHARS_MAX).contains(&length) && !is_null;
        (is_usable && !self.is_header(&key) && mangled(&key).is_none()).then_some(key)
    }

    /// Whether a key is the name of its column, where the file has a header: it stands there once more.
    fn is_header(&self, key: &str) -> bool {
        self.has_header && key == self.customer_id_column()
    }

    /// The same as a customer's key.
    #[must_use]
    pub fn customer_id(&self, raw: &str) -> Option<CustomerId> {
        CustomerId::new(&self.key(raw)?)
    }

    /// The value that orders rows: a number, a time (local times count as UTC) or a day in a configured form; `None`
    /// where the cell is empty.
    ///
    /// # Errors
    ///
    /// When there is a value that cannot be read: nobody can tell whether such a row is older than what is known.
    pub fn order(&self, raw: &str) -> Result<Option<Order>, RowDefect> {
        let bare = text::bare(raw);
        if self.stands_for_nothing(bare) {
            return Ok(None);
        }
        let column = || self.order_column().unwrap_or("updated_at").into();
        let order = self.forms.order(bare);
        order
            .map(|(order, _)| Some(order))
            .ok_or_else(|| RowDefect { column: column(), reason: reason::ORDER_FORM })
    }

    /// Whether an order value is a time, so that the clock says whether it lies in the future.
    #[must_use]
    pub fn is_time(&self, raw: &str) -> bool {
        self.forms.order(text::bare(raw)).is_some_and(|(_, kind)| kind == OrderKind::Time)
    }

    /// A digest of all that decides how a clean cell is read, see [`canonical`](Self::canonical).
    #[must_use]
    pub fn reading(&self) -> [u8; 32] {
        self.reading
    }

    /// Appends what a row says: each cell that says anything, clean, under its field. Rows of which this is the same, in
    /// files with the same [`reading`](Self::reading), are read as the same customer, however they are written: with
    /// other columns between them or in another order, with other quotes or blanks, as CSV or as JSONL. Costs a small
    /// part of [`map`](Self::map), whose `cell` and `extra` it takes. Of a row of which all text is known to be
    /// [western](super::is_western) no cell need be looked through.
    pub fn canonical<'a>(
        &'a self,
        cell: impl Fn(usize) -> RawCell<'a>,
        extra: impl IntoIterator<Item = (Field, RawCell<'a>)>,
        is_western: bool,
        into: &mut Vec<u8>,
    ) {
        let null_bytes_max = self.nulls.iter().map(String::len).max().unwrap_or(0);
        let tone = Tone { is_western, nulls: &self.nulls, null_bytes_max };
        for (index, column) in self.columns.iter().enumerate() {
            if index != self.key {
                let cell = self.heard(cell(index));
                canonical::append(into, self.labels[index], column.field, cell, tone);
            }
        }
        for (field, cell) in extra {
            canonical::append(into, canonical::label(field), field, cell, tone);
        }
        canonical::end(into);
    }

    /// The cells of a JSONL record, by all its names, that are not under those of the [`columns`](Self::columns): subscriptions,
    /// which no header announces, and what is under a name that is the same as headers are compared, where the record does
    /// not have the name itself.
    pub fn further_cells<'a>(
        &self,
        record: impl Iterator<Item = (Cow<'a, str>, RawCell<'a>)>,
    ) -> Vec<(Field, RawCell<'a>)> {
        self.names.further(record, |cell| self.says_something(cell))
    }

    /// Maps one row. `cell` gives the cell of [`columns`](Self::columns) at an index; `extra` are the
    /// [further cells](Self::further_cells) of a JSONL record; `today` bounds births. Of
    /// `known` fields the CRM is known to have a value somewhere: what has to be read together with one of them, about which
    /// the row says nothing, is left open (see [`Customer::in_part`]).
    ///
    /// # Errors
    ///
    /// When the row has no usable key: then it belongs to nobody; and when it cannot be ordered.
    pub fn map<'a>(
        &'a self,
        cell: impl Fn(usize) -> RawCell<'a>,
        extra: impl IntoIterator<Item = (Field, RawCell<'a>)>,
        today: Date,
        known: FieldSet,
    ) -> Result<Mapped, RowDefect> {
        let id = self.key_of(&cell(self.key))?;
        let mut row = self.row(today, known);
        let mut extra: Vec<(Field, RawCell<'a>)> = extra.into_iter().collect();
        extra.sort_by_key(|(field, _)| turn(*field));
        let mut extra = extra.into_iter().peekable();
        for (index, column) in self.own_columns() {
            while let Some((field, cell)) = extra.next_if(|(field, _)| turn(*field) < turn(column.field)) {
                row.say(field, &field.name().into(), cell);
            }
            let raw = cell(index);
            if !matches!(raw, RawCell::Absent) {
                row.say(column.field, &column.column, self.heard(raw));
            }
        }
        for (field, cell) in extra {
            row.say(field, &field.name().into(), cell);
        }
        let order = match self.order.index() {
            Some(index) => self.order_of(&cell(index))?,
            None => None,
        };
        Ok(self.mapped(id, order, row, known))
    }

    /// The columns of fields, with their numbers, in the order in which their cells are read.
    pub(super) fn own_columns(&self) -> impl Iterator<Item = (usize, &MappedColumn)> {
        let own = self.order.own();
        let columns = self.columns.iter().enumerate();
        columns.filter(move |(index, _)| *index != self.key && Some(*index) != own)
    }

    /// A row that has said nothing yet.
    pub(super) fn row(&self, today: Date, known: FieldSet) -> Row<'_> {
        let light = Light {
            forms: &self.forms,
            today,
            default_country: self.default_country,
            country: None,
            is_country_unclear: false,
            is_country_told: !known.contains(Field::Country),
            postal_code: None,
        };
        Row::new(&self.nulls, light, self.columns.len())
    }

    /// The customer that a row makes which has said everything.
    pub(super) fn mapped(
        &self,
        id: CustomerId,
        order: Option<Order>,
        row: Row<'_>,
        known: FieldSet,
    ) -> Mapped {
        let Finished { cells, defects, in_part, presumption } = row.finish(&self.nic_column, known);
        let customer = Customer { id, cells, order, withheld: Vec::new(), in_part, presumption };
        Mapped { customer, defects }
    }

    /// The order value in a cell.
    ///
    /// # Errors
    /// As for [`order`](Self::order).
    pub fn order_of(&self, cell: &RawCell<'_>) -> Result<Option<Order>, RowDefect> {
        match cell {
            RawCell::Text(raw) | RawCell::Nested(raw) => self.order(raw),
            RawCell::Absent | RawCell::Null => Ok(None),
        }
    }

    /// Whether a cell holds more than what stands for nothing.
    pub(super) fn says_something(&self, cell: &RawCell<'_>) -> bool {
        match cell {
            RawCell::Text(text) => !self.stands_for_nothing(text::bare(text)),
            RawCell::Nested(_) => true,
            RawCell::Absent | RawCell::Null => false,
        }
    }

    /// A cell as far as it says anything: in a file of rejects a blank one does not.
    pub fn heard<'a>(&self, cell: RawCell<'a>) -> RawCell<'a> {
        let is_blank =
            |cell: &RawCell<'_>| matches!(cell, RawCell::Text(text) if text::trim(text).is_empty());
        if self.is_rejects_file && is_blank(&cell) { RawCell::Absent } else { cell }
    }

    fn key_of(&self, cell: &RawCell<'_>) -> Result<CustomerId, RowDefect> {
        let raw = match cell {
            RawCell::Text(raw) => raw.as_ref(),
            RawCell::Absent | RawCell::Null => "",
            RawCell::Nested(_) => {
                let column = self.customer_id_column().into();
                return Err(RowDefect { column, reason: reason::NESTED });
            }
        };
        self.customer_id(raw).ok_or_else(|| RowDefect {
            column: self.customer_id_column().into(),
            reason: match text::bare(raw) {
                bare if self.stands_for_nothing(bare) => reason::KEY_EMPTY,
                bare if self.is_header(bare) => reason::KEY_IS_HEADER,
                bare => mangled(bare).unwrap_or(reason::KEY_UNUSABLE),
            },
        })
    }

    fn stands_for_nothing(&self, bare: &str) -> bool {
        bare.is_empty() || self.nulls.iter().any(|null| null == bare)
    }
}

impl OrderColumn {
    fn index(&self) -> Option<usize> {
        match self {
            Self::Shared(index) | Self::Own(index) => Some(*index),
            Self::NotConfigured | Self::Missing(_) => None,
        }
    }

    fn own(&self) -> Option<usize> {
        match self {
            Self::Own(index) => Some(*index),
            Self::Shared(_) | Self::NotConfigured | Self::Missing(_) => None,
        }
    }
}

/// Finds the column of `order_by`, which may be named as the file does or by its canonical field; adds it to those
/// that are fetched when no field uses it.
fn order_column(
    settings: &MappingSettings,
    header: Option<&Header<'_>>,
    columns: &mut Vec<MappedColumn>,
) -> Result<OrderColumn, MappingError> {
    let Some(wanted) = &settings.order_by else { return Ok(OrderColumn::NotConfigured) };
    let wanted = settings.columns.get(wanted).unwrap_or(wanted);
    let column = match header.map(|header| header.find(wanted)) {
        None => wanted.as_str(),
        Some(Found::At(column)) => column,
        Some(Found::Nowhere) => return Ok(OrderColumn::Missing(wanted.clone())),
        Some(Found::Twice(first, second)) => {
            let (first, second) = (first.to_owned(), second.to_owned());
            return Err(MappingError::AmbiguousColumn { field: Field::UpdatedAt, first, second });
        }
    };
    if let Some(index) = columns.iter().position(|known| *known.column == *column) {
        return Ok(OrderColumn::Shared(index));
    }
    columns.push(MappedColumn { field: Field::UpdatedAt, column: column.into() });
    Ok(OrderColumn::Own(columns.len() - 1))
}

fn unused(available: &[String], columns: &[MappedColumn]) -> Vec<String> {
    let is_used = |name: &String| columns.iter().any(|column| *column.column == **name);
    available.iter().filter(|name| !name.is_empty() && !is_ignored(name) && !is_used(name)).cloned().collect()
}

fn reading(settings: &MappingSettings) -> [u8; 32] {
    let MappingSettings { columns: _, null_values: _, date_formats, default_country, order_by } = settings;
    let mut digest = SettingsDigest::new("crmsync 2026-11 reading of clean cells");
    digest.add(&MAPPING_VERSION.to_string()).add(default_country);
    for text in order_by.iter().chain(date_formats) {
        digest.add(text);
    }
    digest.finish()
}

fn fingerprint(settings: &MappingSettings, available: Option<&[String]>) -> [u8; 32] {
    let MappingSettings { columns, null_values, date_formats, default_country, order_by } = settings;
    let pairs: Vec<&str> =
        columns.iter().flat_map(|(field, column)| [field.as_str(), column.as_str()]).collect();
    let order: Vec<&str> = order_by.iter().map(String::as_str).collect();
    let lists = [null_values, date_formats].map(|list| list.iter().map(String::as_str).collect::<Vec<_>>());
    let names: Option<Vec<&str>> = available.map(|names| names.iter().map(String::as_str).collect());
    let mut digest = SettingsDigest::new("crmsync 2026-11 mapping");
    digest.add(&MAPPING_VERSION.to_string()).add(default_country);
    digest.add(if names.is_some() { "header" } else { "records" });
    for list in [pairs, order].into_iter().chain(lists).chain(names) {
        digest.add(&list.len().to_string());
        for text in list {
            digest.add(text);
        }
    }
    digest.finish()
}
