//! One row on its way to a customer: cells as they come in, and those that only make sense together.

use std::borrow::Cow;
use std::sync::Arc;

use smol_str::SmolStr;

use super::companies;
use super::parse::{self, Light};
use super::reason;
use super::street_cells;
use super::text::{Breaks, Clean, clean, is_clean};
use crate::domain::cells::Cells;
use crate::domain::customer::{Cell, Presumption};
use crate::domain::defect::{Defect, DefectReason};
use crate::domain::field::{Field, FieldSet};
use crate::domain::raw_cell::RawCell;
use crate::domain::value::Value;

/// What a row has said so far.
pub(super) struct Row<'a> {
    nulls: &'a [String],
    light: Light<'a>,
    cells: Vec<(Field, Cell)>,
    defects: Vec<Defect>,
    street: StreetCells<'a>,
    /// The NIC of a SIRET in the `siren` column.
    siret_nic: Option<SmolStr>,
    in_part: Vec<Field>,
    /// What was read by the configured country, because the row does not tell its own.
    presumed: Vec<Field>,
}

/// What a whole row says.
pub(super) struct Finished {
    pub(super) cells: Cells,
    pub(super) defects: Vec<Defect>,
    /// See [`Customer::in_part`](crate::domain::customer::Customer::in_part).
    pub(super) in_part: Vec<Field>,
    /// See [`Customer::presumption`](crate::domain::customer::Customer::presumption).
    pub(super) presumption: Option<Presumption>,
}

/// The cells that become one street.
#[derive(Default)]
struct StreetCells<'a> {
    is_present: bool,
    is_invalid: bool,
    /// Which of number, kind and name the row says anything about.
    told: [bool; Field::STREET_PARTS.len()],
    /// Whether the row says anything about line and name, be it that there is none.
    is_line_heard: bool,
    is_name_heard: bool,
    /// Where number, kind and name stand.
    columns: [Option<Arc<str>>; Field::STREET_PARTS.len()],
    line: Option<Cow<'a, str>>,
    number: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
}

impl<'a> Row<'a> {
    pub(super) fn new(nulls: &'a [String], light: Light<'a>, columns: usize) -> Self {
        Self {
            nulls,
            light,
            cells: Vec::with_capacity(columns),
            defects: Vec::new(),
            street: StreetCells::default(),
            siret_nic: None,
            in_part: Vec::new(),
            presumed: Vec::new(),
        }
    }

    /// Takes the next cell of a column that the row has, as far as it says anything: a blank one of a file of rejects does
    /// not, but is no column that is missing in a street. Country and postal code must come before what is read in their light.
    pub(super) fn say(&mut self, field: Field, column: &Arc<str>, heard: RawCell<'a>) {
        let is_heard = !matches!(heard, RawCell::Absent);
        self.light.is_country_told |= field == Field::Country && is_heard;
        if let Some(part) = Field::STREET_PARTS.iter().position(|part| *part == field) {
            self.street.told[part] = true;
        }
        self.street.is_line_heard |= field == Field::Street && is_heard;
        self.street.is_name_heard |= field == Field::StreetName && is_heard;
        self.take(field, column, heard);
    }

    /// Takes a cell.
    pub(super) fn take(&mut self, field: Field, column: &Arc<str>, cell: RawCell<'a>) {
        match cell {
            RawCell::Text(Cow::Borrowed(text)) if is_clean(text) => self.take_clean(field, column, text),
            RawCell::Text(_) | RawCell::Nested(_) | RawCell::Absent | RawCell::Null => {
                self.take_any(field, column, cell);
            }
        }
    }

    /// Takes a text that has nothing to be cleaned of.
    fn take_clean(&mut self, field: Field, column: &Arc<str>, text: &'a str) {
        if self.nulls.iter().any(|null| null == text) {
            self.take_any(field, column, RawCell::Null);
        } else if is_street(field) {
            self.street.take(field, column, text.into());
        } else {
            self.take_text(field, column, text);
        }
    }

    fn take_any(&mut self, field: Field, column: &Arc<str>, cell: RawCell<'a>) {
        match clean(cell, self.nulls, breaks(field)) {
            Ok(Clean::Absent) => {}
            Ok(Clean::Cleared) if is_street(field) => self.street.is_present = true,
            Ok(Clean::Cleared) => self.cells.push((field, Cell::Cleared)),
            Ok(Clean::Text(text)) if is_street(field) => self.street.take(field, column, text),
            Ok(Clean::Text(text)) => self.take_text(field, column, &text),
            Err(reason) => self.refuse(field, column, reason),
        }
    }

    fn take_text(&mut self, field: Field, column: &Arc<str>, text: &str) {
        if field == Field::Siren {
            self.siret_nic = companies::siren(text).ok().and_then(|registration| registration.nic);
        }
        match parse::value(field, text, &self.light) {
            Ok(value) => {
                self.light_up(field, &value);
                if matches!(value, Value::Phone(_)) && self.light.presumes_country_for(field, text) {
                    self.presumed.push(field);
                }
                self.cells.push((field, Cell::Value(value)));
            }
            // It may be in order, in the country that the row does not tell.
            Err(_) if !self.light.is_country_told && self.light.presumes_country_for(field, text) => {
                self.in_part.push(field);
            }
            Err(reason) => self.refuse(field, column, reason),
        }
    }

    /// Remembers what later values of the row are read by.
    fn light_up(&mut self, field: Field, value: &Value) {
        match value {
            Value::Country(country) if field == Field::Country => self.light.country = Some(*country),
            Value::Text(code) if field == Field::PostalCode => self.light.postal_code = Some(code.clone()),
            Value::Text(_)
            | Value::Flag(_)
            | Value::Integer(_)
            | Value::Title(_)
            | Value::Date(_)
            | Value::Country(_)
            | Value::Nationalities(_)
            | Value::Phone(_)
            | Value::Email(_)
            | Value::Iban(_)
            | Value::Ip(_)
            | Value::Street(_)
            | Value::IdentityDocument(_)
            | Value::CustomerType(_)
            | Value::WalletRole(_) => {}
        }
    }

    /// Counts a defect; the cell becomes invalid, and so does the street when one of its parts is.
    pub(super) fn refuse(&mut self, field: Field, column: &Arc<str>, reason: DefectReason) {
        self.defects.push(Defect { field, column: Arc::clone(column), reason });
        self.light.is_country_unclear |= field == Field::Country;
        if is_street(field) {
            (self.street.is_present, self.street.is_invalid) = (true, true);
        } else {
            self.cells.push((field, Cell::Invalid));
        }
    }

    /// The cells and defects of the whole row. `nic_column` names the column to blame when a NIC contradicts a SIRET.
    pub(super) fn finish(mut self, nic_column: &Arc<str>, known: FieldSet) -> Finished {
        self.put_early_cells_in_place();
        let country = Some(self.light.country.unwrap_or(self.light.default_country).alpha2);
        if self.street.lacks_one_of(known, country) {
            self.in_part.push(Field::Street);
        } else if let Some(read) = self.street.cell(country) {
            let cell = read.unwrap_or_else(|defect| {
                self.defects.push(defect);
                Cell::Invalid
            });
            let place = self.cells.partition_point(|(field, _)| *field < Field::Street);
            self.cells.insert(place, (Field::Street, cell));
        }
        if let Some(nic) = self.siret_nic.take() {
            self.add_nic(nic, nic_column);
        }
        let (country, fields) = (self.light.default_country, self.presumed);
        let is_doubted = !self.light.is_country_told;
        Finished {
            cells: Cells::new(self.cells),
            defects: self.defects,
            in_part: self.in_part,
            presumption: (!fields.is_empty()).then_some(Presumption { country, fields, is_doubted }),
        }
    }

    /// Country and postal code were taken before all others, which come in the order of the fields: to sort the whole row
    /// would take twice as long as to put these where they belong.
    fn put_early_cells_in_place(&mut self) {
        let is_early = |(field, _): &&(Field, Cell)| matches!(field, Field::Country | Field::PostalCode);
        let early = self.cells.iter().take_while(is_early).count();
        for from in (0..early).rev() {
            let (field, _) = self.cells[from];
            let behind = &self.cells[from + 1..];
            let to = from + behind.partition_point(|(other, _)| *other < field);
            self.cells[from..=to].rotate_left(1);
        }
    }

    /// A SIRET gives the NIC where the row has none of its own; a different one contradicts it.
    fn add_nic(&mut self, nic: SmolStr, column: &Arc<str>) {
        let known = self.cells.iter().position(|(field, _)| *field == Field::Nic);
        let Some((_, cell)) = known.and_then(|index| self.cells.get_mut(index)) else {
            self.cells.push((Field::Nic, Cell::Value(Value::Text(nic))));
            return;
        };
        match cell {
            Cell::Cleared => *cell = Cell::Value(Value::Text(nic)),
            Cell::Value(value) if *value == Value::Text(nic) => {}
            Cell::Value(_) => {
                *cell = Cell::Invalid;
                let (field, column) = (Field::Nic, Arc::clone(column));
                self.defects.push(Defect { field, column, reason: reason::NIC_DIFFERS });
            }
            Cell::Invalid => {}
        }
    }
}

impl<'a> StreetCells<'a> {
    fn take(&mut self, field: Field, column: &Arc<str>, text: Cow<'a, str>) {
        self.is_present = true;
        if let Some(part) = Field::STREET_PARTS.iter().position(|part| *part == field) {
            self.columns[part] = Some(Arc::clone(column));
        }
        let place = if field == Field::StreetNumber {
            &mut self.number
        } else if field == Field::StreetType {
            &mut self.kind
        } else if field == Field::StreetName {
            &mut self.name
        } else {
            &mut self.line
        };
        *place = Some(text);
    }

    /// Whether there are some parts of a street without one that the CRM is known to have: it would be another street. A
    /// number or a kind alone is none where streets have names or lines, nor is a line without a number where those stand
    /// beside it.
    fn lacks_one_of(&self, known: FieldSet, country: Option<&str>) -> bool {
        let has_whole = self.is_line_heard || self.is_name_heard;
        let is_alone = (self.number.is_some() || self.kind.is_some()) && !has_whole;
        if is_alone && (known.contains(Field::Street) || known.contains(Field::StreetName)) {
            return true;
        }
        let lacks = |(part, told): (&Field, bool)| !told && known.contains(*part);
        if self.told.contains(&true) {
            return Field::STREET_PARTS.iter().zip(self.told).any(lacks);
        }
        let numbers_apart = known.contains(Field::StreetNumber) && !known.contains(Field::StreetName);
        numbers_apart && self.line.as_deref().is_some_and(|line| !street_cells::has_number(line, country))
    }

    /// What the cells say together; `None` when the file has none of them.
    fn cell(&self, country: Option<&str>) -> Option<Result<Cell, Defect>> {
        if !self.is_present {
            return None;
        }
        if self.is_invalid {
            return Some(Ok(Cell::Invalid));
        }
        let street = street_cells::from_cells(street_cells::Cells {
            line: self.line.as_deref(),
            number: self.number.as_deref(),
            kind: self.kind.as_deref(),
            name: self.name.as_deref(),
            country,
        });
        Some(match street {
            Ok(Some(street)) => Ok(Cell::Value(Value::Street(Box::new(street)))),
            Ok(None) => Ok(Cell::Cleared),
            Err((field, reason)) => {
                let part = Field::STREET_PARTS.iter().position(|part| *part == field);
                let column = part.and_then(|part| self.columns[part].clone());
                let column = column.unwrap_or_else(|| field.name().into());
                Err(Defect { field, column, reason })
            }
        })
    }
}

/// An address may stand on several lines, and somebody may have several nationalities and names.
pub(super) fn breaks(field: Field) -> Breaks {
    if matches!(field, Field::Nationalities | Field::OtherFirstNames) {
        Breaks::OfListsAreCommas
    } else if is_street(field) || field.is_within_house() || field == Field::City {
        Breaks::AreSpace
    } else {
        Breaks::Refused
    }
}

/// Whether this is one of the cells that become one street.
fn is_street(field: Field) -> bool {
    matches!(field, Field::Street | Field::StreetNumber | Field::StreetType | Field::StreetName)
}
