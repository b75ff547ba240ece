//! Row to customer: each value parsed once into its type, defects collected and never thrown.
//!
//! Knows the canonical catalogue and how people write its values. It reads no files (the reader hands it cells, see
//! [`RawCell`](crate::domain::raw_cell::RawCell)), knows no provider, reads no clock, and never repeats a customer's
//! value in a defect or an error.
//!
//! A [`Mapper`] is built once for a header and then shared by threads; [`Mapper::map`] is pure.

mod alias_names;
pub mod aliases;
mod canonical;
#[cfg(test)]
mod canonical_tests;
mod choices;
mod companies;
mod contacts;
mod countries;
mod country_names;
mod dates;
mod error;
mod header;
mod house_numbers;
mod mangled;
mod mapper;
mod merge;
mod parse;
mod phones;
mod postal;
mod reason;
mod row;
mod settings;
mod street_cells;
mod streets;
#[cfg(test)]
mod tests;
mod text;

pub use dates::propose_forms;
pub use error::{MappingError, OrderWarning, RowDefect};
pub use header::MappedColumn;
pub use mapper::{Mapped, Mapper, customer_id};
pub use merge::{Counting, Merge};
pub use phones::load_numbering_plans;
pub use settings::MappingSettings;
pub use text::is_western;

/// Why a row without the customer's key is invalid.
pub const NO_KEY: &str = reason::KEY_EMPTY.0;
