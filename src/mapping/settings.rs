//! What the configuration says about reading values: `[columns]` and the part of `[input]` that concerns them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dates::writes_numbers;
use crate::domain::settings_digest::SettingsDigest;

/// Settings of the mapping. The defaults are those of the configuration's documentation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MappingSettings {
    /// Canonical field = column of the file (JSONL: a key or a JSON pointer). What is not listed is looked up under
    /// its canonical name.
    pub columns: BTreeMap<String, String>,
    /// Texts that stand for an empty cell, compared after trimming. A cell of blanks is always empty.
    pub null_values: Vec<String>,
    /// How dates are written, in strftime notation with a four-digit year, tried in order.
    pub date_formats: Vec<String>,
    /// Country of addresses and phones that name none: ISO 3166-1 code or name.
    pub default_country: String,
    /// Column that orders two rows of one customer; without it the later row wins.
    pub order_by: Option<String>,
}

impl MappingSettings {
    /// A digest of all that decides how order values are read; none, where rows are not ordered.
    #[must_use]
    pub fn order_reading(&self) -> Option<[u8; 32]> {
        let mut digest = SettingsDigest::new("crmsync 2026-11 reading of order values");
        for text in self.order_by.iter().chain(&self.date_formats) {
            digest.add(text);
        }
        if self.date_formats.iter().any(|format| writes_numbers(format)) {
            // Before, such days were read as the numbers that they look like.
            digest.add_fixed(b"days before numbers");
        }
        self.order_by.as_ref().map(|_| digest.finish())
    }
}

impl Default for MappingSettings {
    fn default() -> Self {
        Self {
            columns: BTreeMap::new(),
            null_values: ["", "NULL", "\\N"].map(str::to_owned).to_vec(),
            date_formats: ["%d/%m/%Y", "%Y-%m-%d"].map(str::to_owned).to_vec(),
            default_country: "FR".to_owned(),
            order_by: None,
        }
    }
}
