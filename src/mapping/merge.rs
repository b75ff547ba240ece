//! Several rows of one customer: each field from the newest row that carries it, before any value is read, since some are
//! read in the light of others: a telephone number in that of the country.

use std::sync::Arc;

use jiff::civil::Date;

use super::header::turn;
use super::mapper::{Mapped, Mapper};
use super::streets;
use crate::domain::cells::Cells;
use crate::domain::customer::{Cell, Customer, CustomerId, Order};
use crate::domain::field::{Field, FieldSet};
use crate::domain::raw_cell::RawCell;

/// Rows laid over each other.
#[derive(Debug, Default)]
pub struct Merge<'a> {
    cells: Vec<Laid<'a>>,
    /// For each row, whether it counts or is only there for what others are read by.
    rows: Vec<Counting>,
    /// Whether the CRM has a column of house numbers that the row with the newest street does not have. Says nothing beside
    /// a number.
    lacks_number: bool,
}

/// Whether what a row says counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// It does.
    Fully,
    /// It is older than what was accepted: others are read in its light, and it says what no provider was ever given.
    AsBackground,
    /// Nobody knows how old it is: others are read in its light, and nothing else.
    AsLight,
}

#[derive(Debug)]
struct Laid<'a> {
    field: Field,
    column: Arc<str>,
    cell: RawCell<'a>,
    /// The number of its row.
    row: usize,
}

impl<'a> Merge<'a> {
    /// Lays a row over those before, which are older. `cell` and `extra` are what [`Mapper::map`] takes.
    pub fn lay(
        &mut self,
        mapper: &Mapper,
        counting: Counting,
        cell: impl Fn(usize) -> RawCell<'a>,
        extra: impl IntoIterator<Item = (Field, RawCell<'a>)>,
    ) {
        let row = self.rows.len();
        self.rows.push(counting);
        let columns = mapper.own_columns().map(|(index, column)| {
            let stands = cell(index);
            (column.field, Arc::clone(&column.column), stands)
        });
        let extra = extra.into_iter().map(|(field, cell)| (field, field.name().into(), cell));
        let older = if row > 0 { self.street_words() } else { String::new() };
        let (mut has_line, mut has_name, mut has_number) = (false, false, false);
        for (field, column, cell) in columns.chain(extra) {
            if matches!(cell, RawCell::Absent) {
                continue;
            }
            let cell = mapper.heard(cell);
            let says_something = mapper.says_something(&cell);
            has_line |= field == Field::Street && says_something;
            has_name |= field == Field::StreetName && says_something;
            has_number |= field == Field::StreetNumber && !matches!(cell, RawCell::Absent);
            let laid = Laid { field, column, cell, row };
            match self.cells.iter_mut().find(|known| known.field == field) {
                // A cell that stands there and says nothing hides none.
                Some(_) if matches!(laid.cell, RawCell::Absent) => {}
                Some(known) => *known = laid,
                None => self.cells.push(laid),
            }
        }
        if has_line && !has_name && self.says_something(mapper, Field::StreetName) {
            // Older parts are those of another street; without a name they belong to this one.
            self.drop_older(row, |field| Field::STREET_PARTS.contains(&field));
        } else if has_name && !has_line {
            self.drop_older(row, |field| field == Field::Street);
        }
        if row > 0
            && (has_line || has_name)
            && !has_number
            && is_other_street(&older, &self.street_words())
            && self.says_something(mapper, Field::StreetNumber)
        {
            // The number is that of another street.
            self.drop_older(row, |field| matches!(field, Field::StreetNumber | Field::StreetType));
            self.lacks_number = true;
        }
    }

    /// What the line and the name of the street say.
    fn street_words(&self) -> String {
        let is_whole = |laid: &&Laid<'_>| matches!(laid.field, Field::Street | Field::StreetName);
        let words = |laid: &Laid<'a>| match &laid.cell {
            RawCell::Text(text) => text.clone().into_owned(),
            RawCell::Nested(_) | RawCell::Absent | RawCell::Null => String::new(),
        };
        self.cells.iter().filter(is_whole).map(words).collect::<Vec<_>>().join(" ")
    }

    fn says_something(&self, mapper: &Mapper, field: Field) -> bool {
        self.cells.iter().any(|laid| laid.field == field && mapper.says_something(&laid.cell))
    }

    fn drop_older(&mut self, row: usize, is_dropped: impl Fn(Field) -> bool) {
        self.cells.retain(|laid| laid.row == row || !is_dropped(laid.field));
    }

    /// The customer that the rows make together. The mapper may be that of any of them. What only rows of the background say is
    /// withheld; where there are some, what all rows say comes along.
    #[must_use]
    pub fn map(
        &self,
        mapper: &'a Mapper,
        (id, order): (CustomerId, Option<Order>),
        today: Date,
        known: FieldSet,
    ) -> (Mapped, Option<Customer>) {
        let mut cells: Vec<&Laid<'a>> = self.cells.iter().collect();
        cells.sort_by_key(|laid| turn(laid.field));
        let number = self.lacks_number.then_some(Field::StreetNumber);
        let known = known | number.into_iter().collect();
        let mut row = mapper.row(today, known);
        for Laid { field, column, cell, .. } in cells {
            row.say(*field, column, cell.clone());
        }
        let mut mapped = mapper.mapped(id, order, row, known);
        if self.rows.iter().all(|counting| *counting == Counting::Fully) {
            return (mapped, None);
        }
        let mut whole = mapped.customer.clone();
        let is_light = |field| self.made_of(field).any(|laid| self.rows[laid.row] == Counting::AsLight);
        let cells = std::mem::replace(&mut whole.cells, Cells::new(Vec::new()));
        whole.cells = Cells::new(cells.into_iter().filter(|(field, _)| !is_light(*field)).collect());
        self.take_background(&mut mapped);
        (mapped, Some(whole))
    }

    fn take_background(&self, Mapped { customer, defects }: &mut Mapped) {
        let counts = |field: Field| self.made_of(field).any(|laid| self.rows[laid.row] == Counting::Fully);
        let cells = std::mem::replace(&mut customer.cells, Cells::new(Vec::new()));
        // What is not valid goes nowhere, however old it is, and keeps back what goes with it.
        let stays = |(field, cell): &(Field, Cell)| counts(*field) || *cell == Cell::Invalid;
        let (kept, withheld): (Vec<_>, Vec<_>) = cells.into_iter().partition(stays);
        customer.cells = Cells::new(kept);
        customer.withheld.extend(withheld.into_iter().map(|(field, _)| field));
        customer.in_part.retain(|field| counts(*field));
        if let Some(presumption) = &mut customer.presumption {
            presumption.fields.retain(|field| counts(*field));
        }
        defects.retain(|defect| counts(defect.field) || customer.cell(defect.field) == Some(&Cell::Invalid));
    }

    /// The cells that a field of a customer is made of.
    fn made_of(&self, field: Field) -> impl Iterator<Item = &Laid<'a>> {
        let is_street = field == Field::Street || Field::STREET_PARTS.contains(&field);
        self.cells.iter().filter(move |laid| match laid.field {
            // A NIC may be that of a SIRET.
            Field::Siren if field == Field::Nic => true,
            of if is_street => of == Field::Street || Field::STREET_PARTS.contains(&of),
            of => of == field,
        })
    }

    /// The number of the row, counted from the oldest one as 0, that says what a field is. None where no row says anything of it.
    #[must_use]
    pub fn row_of(&self, field: Field) -> Option<usize> {
        self.cells.iter().find(|laid| laid.field == field).map(|laid| laid.row)
    }

    /// All fields of which a row says something, with the numbers of these rows.
    pub fn rows_by_field(&self) -> impl Iterator<Item = (Field, usize)> {
        self.cells.iter().map(|laid| (laid.field, laid.row))
    }
}

/// Whether what rows say of a street is something else than what older ones said, if they said anything.
fn is_other_street(older: &str, newer: &str) -> bool {
    !older.trim().is_empty() && !streets::may_be_one(older, newer)
}
