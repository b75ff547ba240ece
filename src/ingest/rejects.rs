//! What of an input did not get through, for `rejects.csv`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::domain::customer::CustomerId;
use crate::domain::defect::Place;
use crate::domain::provider::ProviderId;
use crate::domain::redacted::Redacted;

/// Raw cells of rejected rows are kept up to here, in bytes, for the file of rejects; beyond, only place and reason are.
pub(super) const REJECT_CELLS_BYTES_MAX: usize = 64 * 1024 * 1024;

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
    /// The names of `cells`: the header, or the keys of the record. A record that is no record has none.
    pub names: Arc<[String]>,
    /// The raw cells of the row, in the order of the file. Customer values: for 0600 files alone. Empty where no row
    /// is at fault, and beyond a limit of 64 MiB for the whole input.
    pub cells: Redacted<Vec<String>>,
}
