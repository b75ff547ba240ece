//! What is wrong with a row or a value, and where it stands.

use std::sync::Arc;

use super::field::Field;

/// A place in an input.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file as it was named on the command line; `-` for standard input.
    pub file: Arc<str>,
    /// The line on which the record begins, counted from 1.
    pub line: u64,
}

/// One thing that is wrong with one value. Says what was expected, never what stood there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// The canonical field that suffers.
    pub field: Field,
    /// The column of the file, as the file names it.
    pub column: Arc<str>,
    /// What is wrong: a lower-case fragment without any customer value.
    pub reason: DefectReason,
}

/// Why a value was not understood; its text is a constant, so that no value can slip into it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DefectReason(pub &'static str);
