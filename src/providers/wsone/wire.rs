//! The shapes and names of `WsOne`'s bodies. Requests follow the paths of the field table; only what stands around them
//! is named here.

use serde::Deserialize;
use serde_json::Value;

pub(super) const CREATE_PATH: &str = "rest/2.0/personWebService/createPerson";
pub(super) const UPDATE_PATH: &str = "rest/2.0/personWebService/updatePerson";

pub(super) const IDENTIFIER: &str = "IdentifierRequest";
pub(super) const NEW_IDENTIFIER: &str = "NewIdentifierRequest";
/// Spelled so.
pub(super) const PROFILE: &str = "PersonProfilRequest";
pub(super) const SUBSCRIPTIONS: &str = "SubscriptionRequest";
pub(super) const SOURCE: &str = "source";

/// The one `responseCode` that means success.
pub(in crate::providers) const SUCCESS: &str = "000";

/// The part of an answer that decides. `infos` is diagnostics, and `NewIdentifierResponse` says nothing we need.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnswerBody {
    #[serde(default)]
    pub(super) response_code: Value,
}
