//! What goes over the wire, before it is rendered: coded fields with text values, described by a table.
//!
//! A provider's contract is a static table of [`WireField`]s. The table validates, builds bodies, names columns in
//! plans and documents the provider; the state knows fields by their [`FieldCode`] alone.

use std::fmt;

use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::field::{Field, SUBSCRIPTION_MAX, Sensitivity};

/// The number of a wire field within its provider. Written to the state: never reused, never renumbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FieldCode(pub u32);

impl FieldCode {
    /// Codes from here on are subscriptions: this number plus the subscription's identifier.
    pub const SUBSCRIPTIONS: u32 = 1 << 28;

    /// The code of a subscription; `None` when the identifier is too large to have one.
    #[must_use]
    pub fn subscription(id: u32) -> Option<Self> {
        (id <= SUBSCRIPTION_MAX).then(|| Self(Self::SUBSCRIPTIONS + id))
    }

    /// The identifier of the subscription, if this is the code of one.
    #[must_use]
    pub fn subscription_id(self) -> Option<u32> {
        self.0.checked_sub(Self::SUBSCRIPTIONS)
    }
}

/// How a wire value is written in a body. In the state and in plans a value is always text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A string.
    Text,
    /// A whole number, written without quotes in JSON.
    Integer,
    /// True or false, written without quotes in JSON.
    Boolean,
}

/// One line of a provider's field table.
#[derive(Debug, Clone, Copy)]
pub struct WireField {
    /// Its number in the state.
    pub code: FieldCode,
    /// The name on the wire, with the path of objects before it: `ContactsRequest.EmailRequest.emailValue`.
    pub name: &'static str,
    /// The object that is sent whole with `send = "objects"`; fields of the empty object stand alone.
    pub object: &'static str,
    /// The canonical fields it is made of.
    pub sources: &'static [Field],
    /// How it is written.
    pub form: Form,
    /// Fewest and most characters of the NFC form that the document allows.
    pub chars: (usize, usize),
    /// The form in words, for people: "dd/MM/yyyy", "ISO 3166-1 alpha-3".
    pub format: &'static str,
    /// Whether it is a consent, whose withdrawal leaves first.
    pub consent: bool,
    /// Whether it may be sent empty (`on_cleared = "send_empty"`): strings only, never at Lemonway.
    pub can_be_empty: bool,
    /// The seed document that defines it.
    pub document: &'static str,
}

impl WireField {
    /// The highest sensitivity among its sources.
    #[must_use]
    pub fn sensitivity(&self) -> Sensitivity {
        self.sources.iter().map(|field| field.sensitivity()).max().unwrap_or(Sensitivity::Plain)
    }
}

/// The key of a customer's account at a provider, in the provider's own canonical text
/// (for `WsOne` `<identifierType>:<identifierValue>`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProviderKey(pub SmolStr);

impl ProviderKey {
    /// Whether this is what stands behind the first colon of the key.
    #[must_use]
    pub fn ends_with(&self, part: &str) -> bool {
        self.0.split_once(':').is_some_and(|(_, known)| known == part)
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<key>")
    }
}

/// A part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPart {
    /// What it begins with.
    Beginning(SmolStr),
    /// What it ends with.
    Ending(SmolStr),
}

impl KeyPart {
    /// Whether a key has that part.
    #[must_use]
    pub fn is_of(&self, key: &ProviderKey) -> bool {
        match self {
            Self::Beginning(part) => key.0.starts_with(part.as_str()),
            Self::Ending(part) => key.ends_with(part),
        }
    }
}

/// What the file says about the key of a customer's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyCell {
    /// The file has no such column.
    Absent,
    /// The file lacks this part of it, which the CRM has (for `WsOne` the type of the identifier, or the identifier itself): only
    /// the key that is known already can be meant, if it has what the file says.
    InPart {
        /// The part.
        lacks: FieldCode,
        /// What the file has.
        has: KeyPart,
    },
    /// The column is there and empty: the customer has no account at this provider.
    Cleared,
    /// Something stands there that can be no key: this part of it.
    Invalid(FieldCode),
    /// The key.
    Key(ProviderKey),
}

/// What the file says about one wire field.
#[derive(Clone, PartialEq, Eq)]
pub enum WireCell {
    /// A value that the provider's contract allows.
    Value(SmolStr),
    /// The CRM holds no value (any more).
    Cleared,
    /// What the CRM holds has no such part: a street without a number. An old one must not go on standing before it.
    Vacant,
    /// There is a value, but not one that this provider can take.
    Invalid,
    /// Whatever the CRM holds, it is nothing that this customer has there: a person has no SIREN. Of whoever was another kind of
    /// customer before, it is cleared.
    NotTheirs,
}

impl fmt::Debug for WireCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "Value(<redacted>)",
            Self::Cleared => "Cleared",
            Self::Vacant => "Vacant",
            Self::Invalid => "Invalid",
            Self::NotTheirs => "NotTheirs",
        })
    }
}

/// A customer as one provider should see it. A field that the file says nothing about is not in `cells`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    /// The key of the account.
    pub key: KeyCell,
    /// What should stand in each field.
    pub cells: LiteMap<FieldCode, WireCell>,
    /// What older rows of a complete input have in fields without a cell. It takes the place of nothing that the provider was
    /// given by itself: what is newer, nobody knows.
    pub context: LiteMap<FieldCode, SmolStr>,
    /// Why cells are invalid for this provider although mapping found the value in order: too long, no code
    /// for it … One constant text a field.
    pub defects: Vec<WireDefect>,
    /// Fields that are made of several canonical ones, of which the file lacks some that the CRM has: nothing certain can
    /// be said about them.
    pub in_part: Vec<FieldCode>,
    /// Set, where some cells hold only if the provider holds a certain country.
    pub presumption: Option<WirePresumption>,
}

impl Projection {
    /// Adds what older rows would have where this one has nothing.
    pub fn add_context(&mut self, whole: Self) {
        for (code, cell) in whole.cells {
            if let (WireCell::Value(value), None) = (cell, self.cells.get(&code)) {
                self.context.insert(code, value);
            }
        }
        // What the older rows were read by, all were.
        if whole.presumption.is_some() {
            self.presumption = whole.presumption;
        }
    }
}

/// Cells that were read by a country about which the file says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WirePresumption {
    /// The field of the country.
    pub country: FieldCode,
    /// What the provider holds there, if the presumption is right.
    pub value: SmolStr,
    /// The cells that hold then.
    pub fields: Vec<FieldCode>,
    /// Whether the CRM may have another one, which the row does not tell.
    pub is_doubted: bool,
}

/// A value that is in order, but not for this provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireDefect {
    /// The wire field.
    pub field: FieldCode,
    /// The canonical field that the value came from.
    pub source: Field,
    /// What was expected: a constant, so that no value can slip into it.
    pub reason: &'static str,
}

/// Values of wire fields, in code order. An empty text is sent as such: it clears.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireValues(pub LiteMap<FieldCode, SmolStr>);

impl WireValues {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: FieldCode) -> Option<&str> {
        self.0.get(&field).map(SmolStr::as_str)
    }

    /// No field at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Fields and values in code order.
    pub fn iter(&self) -> impl Iterator<Item = (FieldCode, &str)> {
        self.0.iter().map(|(code, value)| (*code, value.as_str()))
    }

    /// The same values, but only of the fields named.
    #[must_use]
    pub fn only(&self, fields: &[FieldCode]) -> Self {
        Self(self.0.iter().filter(|(code, _)| fields.contains(code)).map(|(c, v)| (*c, v.clone())).collect())
    }
}

/// Sets what belongs to a field. Most come in the order of the table: then nothing is searched.
pub fn put<V>(fields: &mut LiteMap<FieldCode, V>, field: FieldCode, value: V) {
    if let Some((field, value)) = fields.try_append(field, value) {
        fields.insert(field, value);
    }
}

impl<T: Into<SmolStr>> FromIterator<(FieldCode, T)> for WireValues {
    fn from_iter<I: IntoIterator<Item = (FieldCode, T)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(code, value)| (code, value.into())).collect())
    }
}

impl fmt::Debug for WireValues {
    /// Shows which fields there are, not what stands in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
