//! The shapes and names of Safedebit's bodies. Requests are flat objects with the names of the field table.

use serde::Deserialize;
use serde_json::Value;

pub(super) const PATH: &str = "edit_consumer";
pub(super) const REFERENCE: &str = "safedebit_consumer_reference";

/// The whole of an answer, as far as it is documented.
#[derive(Deserialize)]
pub(super) struct AnswerBody {
    #[serde(default)]
    pub(super) result: Value,
    #[serde(default)]
    pub(super) code: Value,
}
