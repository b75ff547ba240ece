//! The customers' values in front of `rejects.csv`, so that a person can correct the file and feed it in again.
//!
//! Columns bear the names that the configuration reads. A value of a customer stands once, in the first line that
//! has it, so that there is one place to correct it; a blank cell of such a file says nothing.

use std::collections::{BTreeMap, HashSet};

use crate::cli::config::Config;
use crate::domain::field::Field;
use crate::domain::policy::Send;
use crate::domain::provider::ProviderId;
use crate::ingest::IngestReject;
use crate::mapping::{Mapper, MappingSettings};
use crate::providers::restore::{Restored, restored};
use crate::report::rejects::{COLUMNS, LINE};
use crate::store::RejectRow;

/// The columns in front, and what has been written into them.
#[derive(Debug, Default)]
pub(super) struct Values {
    names: Vec<String>,
    of_field: BTreeMap<Field, usize>,
    customer_id: Option<usize>,
    written: HashSet<(String, usize)>,
    /// What calls carry beside what changed.
    send: BTreeMap<ProviderId, Send>,
    /// How the configuration writes days first.
    date_format: Option<String>,
}

impl Values {
    /// The columns for these rejects.
    pub(super) fn of<'a>(
        config: &Config,
        rejects: impl Iterator<Item = &'a IngestReject>,
        calls: &[RejectRow],
    ) -> Self {
        let settings = &config.mapping_settings();
        let send = ProviderId::ALL.map(|id| (id, config.providers.send_mode(id))).into();
        let mut values =
            Self { send, date_format: settings.date_formats.first().cloned(), ..Self::default() };
        for reject in rejects {
            for name in reject.names.iter().filter(|name| !COLUMNS.contains(&name.as_str())) {
                values.column(name);
            }
            if reject.whole && !reject.cells.reveal().is_empty() {
                values.column(LINE);
            }
        }
        // A configured column that the file lacks would be refused when the file comes back.
        for column in settings.columns.values() {
            values.column(column);
        }
        values.resolve(settings);
        for row in calls {
            let fields = values.restored(row).values;
            for field in fields.into_keys() {
                values.place(field);
            }
        }
        values
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The cells of a rejected row of the input. Of an invalid row nothing was taken: it is shown whole, whatever other
    /// lines say of its customer.
    pub(super) fn of_row(&mut self, reject: &IngestReject) -> Vec<String> {
        let customer = reject.customer_id.as_ref().filter(|_| reject.provider.is_some());
        let customer = customer.map(|id| id.as_str().to_owned());
        let mut cells = self.blank(customer.as_deref());
        let raw = reject.cells.reveal();
        if reject.whole {
            if let (Some(at), Some(line)) = (self.names.iter().position(|name| name == LINE), raw.first()) {
                line.clone_into(&mut cells[at]);
            }
            return cells;
        }
        for (name, text) in reject.names.iter().zip(raw) {
            if let Some(at) = self.names.iter().position(|known| known == name) {
                self.write(&mut cells, customer.as_deref(), at, text);
            }
        }
        cells
    }

    /// The cells of a refused or held call, and the fields that could not be turned back.
    pub(super) fn of_call(&mut self, row: &RejectRow) -> (Vec<String>, Vec<Field>) {
        let customer = Some(row.customer_id.as_str());
        let mut cells = self.blank(customer);
        let restored = self.restored(row);
        for (field, text) in &restored.values {
            if let Some(at) = self.of_field.get(field).copied() {
                self.write(&mut cells, customer, at, text);
            }
        }
        (cells, restored.left_out.into_iter().collect())
    }

    /// The cells of a customer of whom there is nothing to show, but the key, so that what is filled in has an owner.
    pub(super) fn of_customer(&self, customer: &str) -> Vec<String> {
        self.blank(Some(customer))
    }

    /// What a call says, days as the configuration writes them.
    fn restored(&self, row: &RejectRow) -> Restored {
        let send = self.send.get(&row.provider).copied().unwrap_or(Send::Changed);
        let restored = restored(row.provider, send, &row.payload.key, &row.payload.values);
        match &self.date_format {
            Some(format) => restored.with_days(format),
            None => restored,
        }
    }

    /// Blank cells, but for the customer's key.
    fn blank(&self, customer: Option<&str>) -> Vec<String> {
        let mut cells = vec![String::new(); self.names.len()];
        if let (Some(at), Some(id)) = (self.customer_id, customer) {
            id.clone_into(&mut cells[at]);
        }
        cells
    }

    fn write(&mut self, cells: &mut [String], customer: Option<&str>, at: usize, text: &str) {
        let again = customer.is_some_and(|id| !text.is_empty() && !self.written.insert((id.to_owned(), at)));
        if !again && Some(at) != self.customer_id || customer.is_none() {
            text.clone_into(&mut cells[at]);
        }
    }

    fn column(&mut self, name: &str) -> usize {
        let known = self.names.iter().position(|known| known == name);
        known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }

    /// Finds which column a file with these names would be read by for each field.
    fn resolve(&mut self, settings: &MappingSettings) {
        let mapper = Mapper::new(settings, Some(&self.names)).or_else(|_| {
            self.column(&Field::CustomerId.name());
            Mapper::new(settings, Some(&self.names))
        });
        if let Ok(mapper) = mapper {
            for column in mapper.columns() {
                let at = self.column(&column.column);
                self.of_field.entry(column.field).or_insert(at);
            }
            if mapper.order_warning().is_some()
                && let Some(order_by) = &settings.order_by
            {
                self.column(order_by);
            }
        }
        self.customer_id = Some(self.place(Field::CustomerId));
    }

    fn place(&mut self, field: Field) -> usize {
        if let Some(at) = self.of_field.get(&field) {
            return *at;
        }
        let at = self.column(&field.name());
        self.of_field.insert(field, at);
        at
    }
}

/// What a reason says besides when fields could not be turned back.
pub(super) fn with_left_out(reason: &str, left_out: &[Field]) -> String {
    if left_out.is_empty() {
        return reason.to_owned();
    }
    let names: Vec<_> = left_out.iter().map(|field| field.name()).collect();
    format!("{reason}; not shown, for the provider's form cannot be turned back: {}", names.join(", "))
}
