//! A cell as a record holds it: what the reader gives and the mapping takes.

use std::borrow::Cow;
use std::fmt;

/// Stands between the members of an array that became one text: a character that no value has.
pub const BETWEEN_MEMBERS: char = '\u{1F}';

/// A cell. Its `Debug` tells the kind, not the value.
#[derive(Clone, PartialEq, Eq)]
pub enum RawCell<'a> {
    /// The record does not carry the column (JSONL: the key): that says nothing about the value.
    Absent,
    /// JSON `null`, itself or in an object on the way to it.
    Null,
    /// The text of the cell as it is written. JSON numbers and booleans are text too; the members of an array of
    /// such values are joined by [`BETWEEN_MEMBERS`].
    Text(Cow<'a, str>),
    /// A JSON object, or an array that holds more than plain values: JSON, and no value.
    Nested(Cow<'a, str>),
}

impl fmt::Debug for RawCell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Null => "Null",
            Self::Text(_) => "Text(…)",
            Self::Nested(_) => "Nested(…)",
        })
    }
}
