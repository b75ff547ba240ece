//! Several rows of one customer: each field from the newest row that carries it, before any value is read, since some are
//! read in the light of others: a telephone number in that of the country.

use std::sync::Arc;

use jiff::civil::Date;

use super::header::turn;
use super::mapper::{Mapped, Mapper};
use crate::domain::customer::{CustomerId, Order};
use crate::domain::field::Field;
use crate::domain::raw_cell::RawCell;

/// Rows laid over each other.
#[derive(Debug, Default)]
pub struct Merge<'a> {
    cells: Vec<Laid<'a>>,
    rows: usize,
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
        cell: impl Fn(usize) -> RawCell<'a>,
        extra: impl IntoIterator<Item = (Field, RawCell<'a>)>,
    ) {
        let row = self.rows;
        self.rows += 1;
        let (mut has_line, mut has_name) = (false, false);
        let columns = mapper.own_columns().map(|(index, column)| {
            let stands = cell(index);
            (column.field, Arc::clone(&column.column), stands)
        });
        let extra = extra.into_iter().map(|(field, cell)| (field, field.name().into(), cell));
        for (field, column, cell) in columns.chain(extra) {
            if matches!(cell, RawCell::Absent) {
                continue;
            }
            let heard = mapper.heard(cell);
            let says_something = mapper.says_something(&heard);
            has_line |= field == Field::Street && says_something;
            has_name |= field == Field::StreetName && says_something;
            let laid = Laid { field, column, cell: heard, row };
            match self.cells.iter_mut().find(|known| known.field == field) {
                // A cell that stands there and says nothing hides none.
                Some(_) if matches!(laid.cell, RawCell::Absent) => {}
                Some(known) => *known = laid,
                None => self.cells.push(laid),
            }
        }
        // The whole street is said anew, as a line or in parts: older ones of the other kind are another street's.
        let is_replaced = |field: Field| match field {
            Field::Street => has_name && !has_line,
            part if Field::STREET_PARTS.contains(&part) => has_line && !has_name,
            _ => false,
        };
        self.cells.retain(|laid| laid.row == row || !is_replaced(laid.field));
    }

    /// The customer that the rows make together. The mapper may be that of any of them.
    #[must_use]
    pub fn map(
        &self,
        mapper: &'a Mapper,
        (id, order): (CustomerId, Option<Order>),
        today: Date,
        known: &[Field],
    ) -> Mapped {
        let mut cells: Vec<&Laid<'a>> = self.cells.iter().collect();
        cells.sort_by_key(|laid| turn(laid.field));
        let mut row = mapper.row(today, known);
        for Laid { field, column, cell, .. } in cells {
            row.say(*field, column, cell.clone());
        }
        mapper.mapped(id, order, row, known)
    }

    /// The number of the row, counted from the oldest one as 0, that a defect of a field comes from.
    #[must_use]
    pub fn row_of(&self, field: Field) -> usize {
        let of = |field| self.cells.iter().find(|laid| laid.field == field).map(|laid| laid.row);
        // A NIC may be that of a SIRET.
        let row = of(field).or_else(|| of(Field::Siren).filter(|_| field == Field::Nic));
        row.unwrap_or(self.rows.saturating_sub(1))
    }
}
