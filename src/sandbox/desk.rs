//! Where a provider serves a request: the people it may change, and the circumstances it must respect.

use jiff::civil::Date;

use super::credentials::Accounts;
use super::people::People;
use super::scenario::Scenario;

/// Everything that serving one request depends on besides the request itself.
pub(super) struct Desk<'a> {
    pub(super) people: &'a mut People,
    pub(super) scenario: &'a Scenario,
    pub(super) accounts: &'a Accounts,
    /// Whether a customer whom nobody populated is made known by the first request.
    pub(super) accept_unknown: bool,
    pub(super) today: Date,
}
