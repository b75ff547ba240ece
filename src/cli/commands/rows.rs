//! A file as mapped rows, for commands that only look: `check` and `sandbox --populate`.

use std::path::Path;

use jiff::civil::Date;

use crate::cli::config::Config;
use crate::cli::failure::Failure;
use crate::domain::clock::Timestamp;
use crate::domain::field::FieldSet;
use crate::domain::raw_cell::RawCell;
use crate::mapping::{Mapped, Mapper, RowDefect};
use crate::reader::{BadRow, Column, InputFile, Row, Scanned};

use super::inputs::look_into;

/// A file, and how its rows become customers.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) input: InputFile,
    pub(super) mapper: Mapper,
    columns: Vec<Option<Column>>,
    today: Date,
}

/// What became of a row.
#[derive(Debug)]
pub(super) enum MappedRow {
    /// No row: the record cannot be read.
    Bad(BadRow),
    /// A row that belongs to nobody.
    Nobody(RowDefect),
    /// A customer.
    Customer(Mapped),
}

impl Rows {
    /// Opens a file with the settings of the configuration. `now` bounds dates of birth.
    pub(super) fn open(config: &Config, path: &Path, now: Timestamp) -> Result<Self, Failure> {
        let input = look_into(path, &config.reader_settings())?;
        let mapper = Mapper::new(&config.mapping_settings(), input.header())?;
        let columns = mapper.columns().iter().map(|column| input.resolve(&column.column)).collect();
        Ok(Self { input, mapper, columns, today: now.date() })
    }

    /// Hands each of the first `limit` rows to `visit`, with the line on which it begins.
    pub(super) fn each(&self, limit: usize, mut visit: impl FnMut(u64, MappedRow)) -> Result<(), Failure> {
        for scanned in self.input.scan()?.take(limit) {
            let scanned = scanned?;
            let line = scanned.span().line;
            let looked = match scanned {
                Scanned::Bad(bad) => MappedRow::Bad(bad),
                Scanned::Row(row) => self.map(&row).map_or_else(MappedRow::Nobody, MappedRow::Customer),
            };
            visit(line, looked);
        }
        Ok(())
    }

    fn map(&self, row: &Row) -> Result<Mapped, RowDefect> {
        let cell = |index: usize| {
            let column = self.columns.get(index).and_then(Option::as_ref);
            column.map_or(RawCell::Absent, |column| row.get(column))
        };
        let further = match self.input.header() {
            Some(_) => Vec::new(),
            None => self.mapper.further_cells(row.columns()),
        };
        self.mapper.map(cell, further, self.today, FieldSet::default())
    }
}
