//! What an operator may say about an input file, in the words of the configuration.
//!
//! Only words and their parsing: what "auto" finds is decided in `charset` and `sniff`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How to read the files of a run; the default finds everything out by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReaderSettings {
    /// CSV or JSONL.
    pub format: FormatSetting,
    /// The encoding of the text.
    pub encoding: EncodingSetting,
    /// The byte between two cells of a CSV record; without meaning for JSONL.
    pub delimiter: DelimiterSetting,
    /// A regular expression with one group, the number of rows, that the last line of each file must match. That
    /// line is no row; a file without it, or with another number of rows, is refused.
    pub trailer: Option<String>,
}

/// The configured format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FormatSetting {
    /// By content, then by name.
    #[default]
    Auto,
    /// A header and delimited records.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// The configured encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EncodingSetting {
    /// By byte order mark, then by counting over the whole file.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// UTF-8, with or without byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Western European as Windows writes it.
    #[serde(rename = "windows-1252")]
    Windows1252,
    /// Western European as Unix wrote it, with the euro sign.
    #[serde(rename = "iso-8859-15")]
    Iso885915,
    /// UTF-16, low byte first.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
}

/// The configured delimiter of CSV files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DelimiterSetting {
    /// The one that gives the most consistent records.
    #[default]
    Auto,
    /// One of `,` `;` tab `|`; other bytes are refused when the configuration is read.
    Byte(u8),
}

/// The delimiters that are known, in the order in which a tie is settled.
pub(super) const DELIMITERS: [u8; 4] = *b";,\t|";

/// The words a configuration may use, in the order of its documentation.
const DELIMITER_WORDS: [&str; 5] = ["auto", ",", ";", "\t", "|"];

impl Serialize for DelimiterSetting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Byte(byte) => serializer.serialize_char(char::from(byte)),
        }
    }
}

impl<'de> Deserialize<'de> for DelimiterSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Cow::<str>::deserialize(deserializer)?;
        match word.as_bytes() {
            b"auto" => Ok(Self::Auto),
            [byte] if DELIMITERS.contains(byte) => Ok(Self::Byte(*byte)),
            _ => Err(de::Error::unknown_variant(&word, &DELIMITER_WORDS)),
        }
    }
}

impl JsonSchema for DelimiterSetting {
    fn schema_name() -> Cow<'static, str> {
        "DelimiterSetting".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The delimiter of CSV files.",
            "type": "string",
            "enum": DELIMITER_WORDS,
        })
    }
}

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A header and delimited records.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        })
    }
}
