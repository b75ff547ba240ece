//! The providers: what each is sent and what each answers, as tables and pure functions, and one transport for all.
//!
//! A provider is a folder with the same files each time: `mod` (versions, sources, quirks), `settings`, `fields` (the
//! table), `project` (customer → wire cells), `wire` (shapes of bodies), `build` and `read`. Building never sends,
//! sending never decides content, and HTTP 200 is a claim that `read` has to confirm. This room knows neither the
//! state nor the schedule: whether and when something is sent is decided elsewhere.

pub mod codes;
mod echo;
pub mod exchange;
mod forms;
mod json;
pub mod lemonway;
pub mod own_codes;
mod projector;
pub mod restore;
pub mod safedebit;
pub mod sections;
pub mod settings;
mod status;
pub mod transport;
pub mod wsone;

use crate::domain::call::Operation;
use crate::domain::customer::Customer;
use crate::domain::field::Field;
use crate::domain::policy::{OnCleared, OnInvalid, OnNew, Send as SendMode};
use crate::domain::provider::ProviderId;
use crate::domain::settings_digest::SettingsDigest;
use crate::domain::verdict::Verdict;
use crate::domain::wire::{FieldCode, Projection, ProviderKey, WireField, WireValues};

pub use echo::without_echo;
pub use exchange::{Answer, BuildError, Request};
pub use projector::CHARS_UNLIMITED;
pub use sections::ProvidersSettings;
pub use settings::{CommonSettings, Credentials, SecretSource, SettingsError};
pub use status::verdict_of;
pub use transport::{Connecting, Patience, SendError, Transport, TransportError};

use codes::CodeTable;

/// What the rest of the program knows of a provider.
pub trait Provider: Send + Sync {
    /// Which one it is.
    fn id(&self) -> ProviderId;

    /// The settings that all providers have.
    fn settings(&self) -> &CommonSettings;

    /// What the provider knows us by.
    fn credentials(&self) -> &Credentials;

    /// The operator's classes for codes.
    fn code_table(&self) -> &CodeTable;

    /// The fixed part of the field table, in code order; the key's fields are in it, but never in a projection.
    fn fields(&self) -> &'static [WireField];

    /// The field of that code, subscriptions included.
    fn field(&self, code: FieldCode) -> Option<WireField> {
        find(self.fields(), code).copied()
    }

    /// The customer as this provider should see it, without the excluded fields. Constants (source, credentials)
    /// are not part of it.
    fn project(&self, customer: &Customer) -> Projection;

    /// What the configuration lacks for a file that has columns for these fields, if nobody in it could have a key.
    fn lacks(&self, _has: &dyn Fn(Field) -> bool) -> Option<&'static str> {
        None
    }

    /// Whether the operator keeps all that the field is made of from this provider (`exclude`).
    fn excludes(&self, code: FieldCode) -> bool {
        let is_out = |source| is_excluded(source, &self.settings().exclude);
        match code.subscription_id() {
            Some(id) => is_out(Field::Subscription(id)),
            None => self.field(code).is_some_and(|field| sources_of(&field).all(is_out)),
        }
    }

    /// Whether the field is made of anything that the operator keeps from this provider: what was queued before that was
    /// said may hold it.
    fn touched_by_exclude(&self, code: FieldCode) -> bool {
        let is_out = |source| is_excluded(source, &self.settings().exclude);
        match code.subscription_id() {
            Some(id) => is_out(Field::Subscription(id)),
            None => self.field(code).is_some_and(|field| sources_of(&field).any(is_out)),
        }
    }

    /// All fields that are [touched by it](Self::touched_by_exclude).
    fn fields_touched_by_exclude(&self) -> Vec<FieldCode> {
        let subscriptions = self.settings().exclude.iter().filter_map(|field| {
            if let Field::Subscription(id) = field { FieldCode::subscription(*id) } else { None }
        });
        let fixed =
            self.fields().iter().map(|field| field.code).filter(|code| self.touched_by_exclude(*code));
        let mut excluded: Vec<FieldCode> = fixed.chain(subscriptions).collect();
        excluded.sort_unstable();
        excluded.dedup();
        excluded
    }

    /// Fields that go along with every update, as the provider's documents show it.
    fn along(&self) -> &'static [FieldCode] {
        &[]
    }

    /// What is done for a customer whom the provider is not known to have.
    fn on_new(&self) -> OnNew {
        OnNew::Update
    }

    /// The request that sends these values for that account.
    ///
    /// # Errors
    /// [`BuildError`] when the values do not fit the table: a defect of the program or of its state.
    fn build(
        &self,
        operation: Operation,
        key: &ProviderKey,
        values: &WireValues,
    ) -> Result<Request, BuildError>;

    /// What the body of an answer with HTTP 200 means. Never success for anything but the documented success.
    fn read(&self, operation: Operation, key: &ProviderKey, answer: &Answer) -> Verdict;

    /// A digest of every setting that changes which values a customer has here, so that a changed setting makes each record
    /// be compared once. What goes along with every call (`source`, `language`, `wallet_ip` …), pace, patience, credentials
    /// and addresses are not in it: nobody is sent anew for them.
    fn fingerprint(&self) -> [u8; 32];
}

/// The fixed part of a provider's field table, in code order, without a provider having to be made.
#[must_use]
pub fn field_table(provider: ProviderId) -> &'static [WireField] {
    match provider {
        ProviderId::Wsone => wsone::fields::FIELDS,
        ProviderId::Lemonway => lemonway::fields::FIELDS,
        ProviderId::Safedebit => safedebit::fields::FIELDS,
    }
}

/// How a provider calls a field; a subscription has its number behind it.
#[must_use]
pub fn field_name(provider: ProviderId, code: FieldCode) -> String {
    match (find(field_table(provider), code), code.subscription_id()) {
        (Some(field), _) => field.name.to_owned(),
        (None, Some(id)) => format!("SubscriptionRequest.{id}"),
        (None, None) => format!("field {}", code.0),
    }
}

/// Changes whenever projections of the same customer change with a new version of this program.
const PROJECTION_VERSION: u32 = 3;

/// Whether the operator keeps a canonical field from a provider. A street is one value: who excludes a part of it excludes all.
fn is_excluded(field: Field, exclude: &[Field]) -> bool {
    let is_part = |excluded: &Field| Field::STREET_PARTS.contains(excluded);
    exclude.contains(&field) || (field == Field::Street && exclude.iter().any(is_part))
}

/// What a field is made of: a street as a whole, whatever columns it comes from.
fn sources_of(field: &WireField) -> impl Iterator<Item = Field> + '_ {
    let has_street = field.sources.contains(&Field::Street);
    field.sources.iter().copied().filter(move |source| !has_street || !Field::STREET_PARTS.contains(source))
}

/// The row of that code in a table that is sorted by code.
fn find(fields: &'static [WireField], code: FieldCode) -> Option<&'static WireField> {
    let index = fields.binary_search_by_key(&code, |field| field.code).ok()?;
    fields.get(index)
}

/// A digest of the settings of projections that all providers have.
fn projection_digest(provider: ProviderId, common: &CommonSettings) -> SettingsDigest {
    let mut digest = SettingsDigest::new("crmsync 2026-11 projection settings");
    digest.add(&PROJECTION_VERSION.to_string()).add(provider.name());
    digest.add(match common.send_mode() {
        SendMode::Objects => "objects",
        SendMode::Changed => "changed",
        SendMode::All => "all",
    });
    digest.add(match common.on_cleared {
        OnCleared::Ignore => "ignore",
        OnCleared::SendEmpty => "send_empty",
        OnCleared::Reject => "reject",
    });
    digest.add(match common.on_invalid {
        OnInvalid::SkipField => "skip_field",
        OnInvalid::RejectCustomer => "reject_customer",
    });
    let mut excluded = common.exclude.clone();
    excluded.sort_unstable();
    excluded.dedup();
    digest.add(&excluded.len().to_string());
    for field in excluded {
        digest.add(&field.name());
    }
    digest
}

#[cfg(test)]
mod tests;
