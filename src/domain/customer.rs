//! A customer as the CRM describes it now: canonical fields with parsed values.

use std::fmt;

use smol_str::SmolStr;

use super::cells::Cells;
use super::field::Field;
use super::value::{Country, Value};

/// The CRM's key of a customer: opaque, NFC, trimmed, 1 to 200 characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CustomerId(SmolStr);

impl CustomerId {
    /// Longest key that is accepted, in characters: longer ones are a sign of a shifted column.
    pub const CHARS_MAX: usize = 200;

    /// Takes a key that mapping has normalised; `None` when it is empty or too long.
    #[must_use]
    pub fn new(id: &str) -> Option<Self> {
        let id = id.trim();
        let is_short = id.len() <= Self::CHARS_MAX || id.chars().count() <= Self::CHARS_MAX;
        (!id.is_empty() && is_short).then(|| Self(id.into()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<customer>")
    }
}

/// The number of a customer in the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CustomerNumber(pub i64);

impl fmt::Display for CustomerNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a row says about a field that its file has. A field that the file does not have is not in the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// A valid value.
    Value(Value),
    /// The cell is empty: the CRM holds no value (any more).
    Cleared,
    /// Something stands there that is not valid; a defect tells what.
    Invalid,
}

/// The value of the `order_by` column: microseconds since 1970 for a date, thousandths for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order(pub i64);

/// One customer, from one row or merged from several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// The CRM's key.
    pub id: CustomerId,
    /// Every field that the file carries for this customer.
    pub cells: Cells,
    /// The newest order value among the rows, where the file has one.
    pub order: Option<Order>,
    /// Fields about which the rows say nothing although the CRM has columns for them: what is made of several fields must
    /// not be made without these.
    pub withheld: Vec<Field>,
    /// Fields of which the rows say something that cannot be understood without others, which they do not have and the CRM
    /// does: a street without its name, a postal code without its country. Nothing is made of them.
    pub in_part: Vec<Field>,
    /// What was read by the configured country, because the rows do not tell the customer's.
    pub presumption: Option<Presumption>,
}

/// A country that is only presumed, and the fields that were read by it: a national telephone number is somebody else's in
/// another country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presumption {
    /// The configured country.
    pub country: Country,
    /// Fields with cells.
    pub fields: Vec<Field>,
    /// Whether the CRM may have a country of the customer, which the row does not tell.
    pub is_doubted: bool,
}

impl Customer {
    /// What the file says about `field`; `None` when it says nothing.
    #[must_use]
    #[inline]
    pub fn cell(&self, field: Field) -> Option<&Cell> {
        self.cells.get(field)
    }

    /// The valid value of `field`, if there is one.
    #[must_use]
    pub fn value(&self, field: Field) -> Option<&Value> {
        match self.cells.get(field) {
            Some(Cell::Value(value)) => Some(value),
            Some(Cell::Cleared | Cell::Invalid) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_or_endless_key_is_none() {
        assert!(CustomerId::new("  ").is_none());
        assert!(CustomerId::new(&"x".repeat(201)).is_none());
    }
}
