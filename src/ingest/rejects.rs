//! What of an input did not get through, for `rejects.csv`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::domain::customer::CustomerId;
use crate::domain::defect::Place;
use crate::domain::provider::ProviderId;
use crate::domain::redacted::Redacted;

/// An invalid row, a field that was left out, or a customer that was not sent to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestReject {
    /// Where the row stands.
    pub place: Place,
    /// Whose row it is, if that is known.
    pub customer_id: Option<CustomerId>,
    /// The provider that does not get it; none for an invalid row.
    pub provider: Option<ProviderId>,
    /// The column of the file that is to be corrected, where there is one.
    pub column: Option<Arc<str>>,
    /// What is wrong, without any value.
    pub reason: Cow<'static, str>,
    /// The raw cells of an invalid row, in the order of the file. Customer values: for 0600 files alone. Empty where
    /// the row is valid, and beyond a limit of 64 MiB for the whole input.
    pub cells: Redacted<Vec<String>>,
}
