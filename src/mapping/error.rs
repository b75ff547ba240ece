//! What can be wrong with the mapping as a whole, or with a whole row. None of it holds a customer's value.

use std::fmt;
use std::sync::Arc;

use crate::domain::defect::DefectReason;
use crate::domain::field::Field;

/// The settings or the header do not allow this file to be mapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// `[columns]` names something that is no canonical field.
    #[error("[columns] names `{name}`, which is no canonical field{}", hint(nearest.as_ref()))]
    UnknownField {
        /// The name in the configuration.
        name: String,
        /// The canonical field that looks most like it.
        nearest: Option<Nearest>,
    },
    /// `[columns]` maps a field to a column that the file does not have.
    #[error("[columns] maps {field} to column `{column}`, which the file does not have{}", hint(nearest.as_ref()))]
    UnknownColumn {
        /// The canonical field.
        field: Field,
        /// The column in the configuration.
        column: String,
        /// The column of the file that looks most like it.
        nearest: Option<Nearest>,
    },
    /// Two columns of the file could be meant.
    #[error(
        "both `{first}` and `{second}` could be the column of {field}; rename one, or name one exactly in [columns]"
    )]
    AmbiguousColumn {
        /// The canonical field.
        field: Field,
        /// One column.
        first: String,
        /// The other one.
        second: String,
    },
    /// The file has no column for `customer_id`.
    #[error(
        "the file has no column for customer_id; name it in [columns] as `customer_id = \"…\"`{}",
        hint(nearest.as_ref())
    )]
    NoCustomerId {
        /// The column of the file that looks most like it.
        nearest: Option<Nearest>,
    },
    /// A form in `date_formats` cannot read a day.
    #[error("date format `{format}` in date_formats is not usable: {why}")]
    DateFormat {
        /// The form in the configuration.
        format: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// `default_country` is no country.
    #[error("default_country `{name}` is no country of ISO 3166-1; write two letters such as \"FR\"")]
    DefaultCountry {
        /// The name in the configuration.
        name: String,
    },
}

impl MappingError {
    /// Whether the file is at fault (it lacks its key column), rather than the configuration.
    #[must_use]
    pub fn is_about_the_file(&self) -> bool {
        match self {
            Self::NoCustomerId { .. } => true,
            Self::UnknownColumn { field, .. } | Self::AmbiguousColumn { field, .. } => {
                *field == Field::CustomerId
            }
            Self::UnknownField { .. } | Self::DateFormat { .. } | Self::DefaultCountry { .. } => false,
        }
    }
}

fn hint(nearest: Option<&Nearest>) -> String {
    nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}

/// What looks most like a name that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nearest {
    /// A name.
    Name(String),
    /// The column with this number, counted from 1, of a first line that has none of the names that are known: it may be
    /// no header but a customer.
    Column(usize),
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "`{name}`"),
            Self::Column(number) => write!(f, "column {number}"),
        }
    }
}

/// `order_by` is configured, but the file lacks its column: the later row of a customer wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderWarning {
    /// The column in the configuration.
    pub column: String,
}

impl fmt::Display for OrderWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the file has no column `{}` to order rows by (order_by); the later row of a customer wins",
            self.column
        )
    }
}

/// A row that is not taken: its key is missing or unusable, so that it belongs to nobody, or what orders it is no date,
/// time or number, so that nobody knows whether it is older than what the provider holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}`: {}", reason.0)]
pub struct RowDefect {
    /// The column of the key or of the order, as the file names it.
    pub column: Arc<str>,
    /// What is wrong there.
    pub reason: DefectReason,
}
