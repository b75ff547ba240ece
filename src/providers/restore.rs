//! The way back from wire values to canonical ones, for files that a person corrects and feeds in again.
//!
//! Data: a wire field made of one canonical field is that field, unless the tables here say otherwise; one made of
//! several cannot be divided again. What cannot be turned back with certainty is left out and named, never guessed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::domain::field::Field;
use crate::domain::policy::Send;
use crate::domain::provider::ProviderId;
use crate::domain::value::TRUNK_ZERO_CODES;
use crate::domain::wire::{FieldCode, ProviderKey, WireField, WireValues};

use super::field_table;

/// What wire values say about a customer.
#[derive(Default, PartialEq, Eq)]
pub struct Restored {
    /// Canonical fields as a file would write them, see [`Restored::with_days`]. Customer values.
    pub values: BTreeMap<Field, String>,
    /// Fields whose wire value cannot be turned back.
    pub left_out: BTreeSet<Field>,
}

/// How all providers write days.
const WIRE_DAY: &str = "%d/%m/%Y";

impl Restored {
    /// The same with days in the form of a file; as providers write them, they are dd/MM/yyyy.
    #[must_use]
    pub fn with_days(mut self, format: &str) -> Self {
        for field in [Field::BirthDate, Field::IdentityDocumentIssuedOn, Field::IdentityDocumentExpiresOn] {
            let Some(text) = self.values.get_mut(&field) else { continue };
            if let Ok(day) = Date::strptime(WIRE_DAY, &*text) {
                *text = day.strftime(format).to_string();
            }
        }
        self
    }
}

impl std::fmt::Debug for Restored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restored").field("fields", &self.values.keys()).finish_non_exhaustive()
    }
}

/// How a wire value becomes a canonical one.
#[derive(Clone, Copy)]
enum Way {
    /// International digits without their plus.
    Digits,
    /// One of these codes; other values say nothing certain.
    Coded(&'static [(&'static str, &'static str)]),
    /// A street line, if no complement was joined to it.
    Line,
    /// A street name that is the whole line, because no number and no type go beside it: where nothing but what changed is
    /// sent, only if these go empty.
    WholeLine(&'static [&'static str]),
    /// A national number, with the name of the field that holds its dialing code.
    National(&'static str),
    /// Said by another field.
    Elsewhere,
    /// It cannot be turned back: coded by the configuration, or shortened.
    Lost,
}

/// Wire fields that are more, or less, than a copy of their one source.
const WAYS: &[(ProviderId, &str, Field, Way)] = &[
    (ProviderId::Wsone, "PersonRequest.title", Field::Title, Way::Lost),
    (ProviderId::Wsone, "ContactsRequest.CellPhoneRequest.dialingCode", Field::MobilePhone, Way::Elsewhere),
    (
        ProviderId::Wsone,
        "ContactsRequest.CellPhoneRequest.number",
        Field::MobilePhone,
        Way::National("ContactsRequest.CellPhoneRequest.dialingCode"),
    ),
    (ProviderId::Wsone, "ContactsRequest.AddressRequest.address3Num", Field::Street, Way::Elsewhere),
    (ProviderId::Wsone, "ContactsRequest.AddressRequest.address3Type", Field::Street, Way::Elsewhere),
    (
        ProviderId::Wsone,
        "ContactsRequest.AddressRequest.address3Name",
        Field::Street,
        Way::WholeLine(&[
            "ContactsRequest.AddressRequest.address3Num",
            "ContactsRequest.AddressRequest.address3Type",
        ]),
    ),
    (ProviderId::Lemonway, "newStreet", Field::Street, Way::Line),
    (ProviderId::Lemonway, "newPhoneNumber", Field::LandlinePhone, Way::Digits),
    (ProviderId::Lemonway, "newMobileNumber", Field::MobilePhone, Way::Digits),
    (ProviderId::Lemonway, "newIsCompany", Field::CustomerType, Way::Coded(&[("0", "person")])),
    (ProviderId::Safedebit, "nationality", Field::Nationalities, Way::Lost),
    (ProviderId::Safedebit, "consumer_address_street_number", Field::Street, Way::Elsewhere),
    (ProviderId::Safedebit, "consumer_address_street_type", Field::Street, Way::Elsewhere),
    (
        ProviderId::Safedebit,
        "consumer_address_street_name",
        Field::Street,
        Way::WholeLine(&["consumer_address_street_number", "consumer_address_street_type"]),
    ),
    (
        ProviderId::Safedebit,
        "consumer_type",
        Field::CustomerType,
        Way::Coded(&[("0", "person"), ("1", "company"), ("2", "association")]),
    ),
];

/// Between a street line and its complements.
const JOINT: &str = ", ";

/// Turns what a call carries back into canonical fields, as far as that is certain; `send` says what calls carry beside
/// what changed.
#[must_use]
pub fn restored(provider: ProviderId, send: Send, key: &ProviderKey, values: &WireValues) -> Restored {
    let mut restored = Restored::default();
    put_key(provider, key, &mut restored);
    let table = field_table(provider);
    for (code, text) in &values.0 {
        if let Some(id) = code.subscription_id() {
            restored.values.insert(Field::Subscription(id), text.to_string());
        } else if let Some(wire) = table.iter().find(|wire| wire.code == *code) {
            put((provider, send), wire, text, values, &mut restored);
        }
    }
    restored
}

fn put_key(provider: ProviderId, key: &ProviderKey, restored: &mut Restored) {
    match provider {
        ProviderId::Wsone => {
            if let Some((kind, value)) = key.0.split_once(':') {
                restored.values.insert(Field::PersonIdentifierType, kind.to_owned());
                restored.values.insert(Field::PersonIdentifier, value.to_owned());
            }
        }
        ProviderId::Lemonway => {
            restored.values.insert(Field::WalletId, key.0.to_string());
        }
        ProviderId::Safedebit => {
            restored.values.insert(Field::SafedebitReference, key.0.to_string());
        }
    }
}

fn put(
    (provider, send): (ProviderId, Send),
    wire: &WireField,
    text: &str,
    values: &WireValues,
    restored: &mut Restored,
) {
    let is_whole = match send {
        Send::All => true,
        Send::Objects => !wire.object.is_empty(),
        Send::Changed => false,
    };
    let other = WAYS.iter().find(|(of, name, ..)| *of == provider && *name == wire.name);
    let (field, value) = match (other, wire.sources) {
        // Sent empty: a cleared value, which a blank cell of that file cannot say.
        _ if text.is_empty() => (wire.sources.first().copied(), None),
        (Some((.., Way::Elsewhere)), _) => return,
        (Some((_, _, field, way)), _) => (Some(*field), turned((provider, is_whole), *way, text, values)),
        (None, [field]) => (Some(*field), Some(text.to_owned())),
        (None, several) => {
            restored.left_out.extend(several);
            return;
        }
    };
    let Some(field) = field else { return };
    match value {
        Some(value) => {
            restored.values.insert(field, value);
        }
        None => {
            restored.left_out.insert(field);
        }
    }
}

fn turned(
    (provider, is_whole): (ProviderId, bool),
    way: Way,
    text: &str,
    values: &WireValues,
) -> Option<String> {
    let named = |name: &str| value_of(provider, name, values);
    match way {
        Way::Digits => Some(format!("+{text}")),
        Way::Coded(codes) => codes.iter().find(|(code, _)| *code == text).map(|(_, word)| (*word).to_owned()),
        Way::Line => (!text.contains(JOINT)).then(|| text.to_owned()),
        Way::WholeLine(parts) => {
            let is_empty = |part: &&str| named(part).map_or(is_whole, str::is_empty);
            parts.iter().all(is_empty).then(|| text.to_owned())
        }
        Way::National(dialing) => {
            let code = named(dialing).filter(|code| TRUNK_ZERO_CODES.contains(code))?;
            text.strip_prefix('0').map(|number| format!("+{code}{number}"))
        }
        Way::Elsewhere | Way::Lost => None,
    }
}

fn value_of<'a>(provider: ProviderId, name: &str, values: &'a WireValues) -> Option<&'a str> {
    let code: FieldCode = field_table(provider).iter().find(|wire| wire.name == name)?.code;
    values.get(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A provider, wire values by name, and the canonical values that they are turned back into.
    type Case = (ProviderId, &'static [(&'static str, &'static str)], &'static [(Field, &'static str)]);
    /// A provider, wire values by name, and the canonical field that cannot be turned back.
    type LeftOut = (ProviderId, &'static [(&'static str, &'static str)], Field);

    fn wire(provider: ProviderId, pairs: &[(&str, &str)]) -> WireValues {
        let code = |name: &str| field_table(provider).iter().find(|wire| wire.name == name).unwrap().code;
        WireValues(pairs.iter().map(|(name, text)| (code(name), (*text).into())).collect())
    }

    #[test]
    fn every_way_names_a_field_of_the_table() {
        for (provider, name, field, way) in WAYS {
            let wire = field_table(*provider).iter().find(|wire| wire.name == *name);
            assert!(wire.is_some_and(|wire| wire.sources.contains(field)), "{provider} {name}");
            let others: &[&str] = match way {
                Way::WholeLine(parts) => parts,
                Way::National(dialing) => &[dialing],
                Way::Digits | Way::Coded(_) | Way::Line | Way::Elsewhere | Way::Lost => &[],
            };
            for other in others {
                assert!(field_table(*provider).iter().any(|wire| wire.name == *other), "{provider} {other}");
            }
        }
    }

    #[test]
    fn wire_values_become_what_a_file_would_write() {
        // Provider, wire values, canonical values.
        let cases: &[Case] = &[
            (
                ProviderId::Wsone,
                &[
                    ("ContactsRequest.CellPhoneRequest.dialingCode", "262"),
                    ("ContactsRequest.CellPhoneRequest.number", "0692123456"),
                ],
                &[(Field::MobilePhone, "+262692123456")],
            ),
            (
                ProviderId::Wsone,
                &[
                    ("ContactsRequest.CellPhoneRequest.dialingCode", "508"),
                    ("ContactsRequest.CellPhoneRequest.number", "0551234"),
                ],
                &[(Field::MobilePhone, "+508551234")],
            ),
            (
                ProviderId::Wsone,
                &[("ContactsRequest.AddressRequest.address3Name", "Le Bourg")],
                &[(Field::Street, "Le Bourg")],
            ),
            (
                ProviderId::Lemonway,
                &[("newMobileNumber", "33612345678")],
                &[(Field::MobilePhone, "+33612345678")],
            ),
            (ProviderId::Lemonway, &[("newIsCompany", "0")], &[(Field::CustomerType, "person")]),
            (ProviderId::Safedebit, &[("consumer_type", "2")], &[(Field::CustomerType, "association")]),
            (
                ProviderId::Safedebit,
                &[("consumer_email", "a@example.org")],
                &[(Field::Email, "a@example.org")],
            ),
        ];
        for (provider, values, expected) in cases {
            let restored =
                restored(*provider, Send::Objects, &ProviderKey("1:K".into()), &wire(*provider, values));
            for (field, text) in *expected {
                assert_eq!(restored.values.get(field).map(String::as_str), Some(*text), "{provider} {field}");
            }
            assert!(restored.left_out.is_empty(), "{provider}");
        }
    }

    #[test]
    fn what_is_not_certain_is_left_out_and_named() {
        let cases: &[LeftOut] = &[
            (ProviderId::Wsone, &[("PersonRequest.title", "1")], Field::Title),
            (
                ProviderId::Wsone,
                &[
                    ("ContactsRequest.CellPhoneRequest.dialingCode", "39"),
                    ("ContactsRequest.CellPhoneRequest.number", "0612345678"),
                ],
                Field::MobilePhone,
            ),
            (
                ProviderId::Safedebit,
                &[("consumer_address_street_type", "ZI"), ("consumer_address_street_name", "DES LILAS")],
                Field::Street,
            ),
            // Number and type may only not have changed.
            (ProviderId::Safedebit, &[("consumer_address_street_name", "Voltaire")], Field::Street),
            (ProviderId::Lemonway, &[("newStreet", "3 rue X, Bât. B")], Field::Street),
            (ProviderId::Lemonway, &[("newIsCompany", "1")], Field::CustomerType),
            (ProviderId::Safedebit, &[("nationality", "FR")], Field::Nationalities),
            (ProviderId::Safedebit, &[("consumer_phone_number", "0612345678")], Field::MobilePhone),
        ];
        for (provider, values, field) in cases {
            let restored =
                restored(*provider, Send::Objects, &ProviderKey("1:K".into()), &wire(*provider, values));
            assert!(restored.left_out.contains(field), "{provider} {field}");
            assert!(!restored.values.contains_key(field), "{provider} {field}");
        }
    }

    #[test]
    fn a_street_is_whole_where_the_call_is_or_says_so() {
        let name = ("consumer_address_street_name", "BP 123");
        let empty = [name, ("consumer_address_street_number", ""), ("consumer_address_street_type", "")];
        for (send, values, is_whole) in [
            (Send::Changed, &[name][..], false),
            (Send::Objects, &[name], false),
            (Send::All, &[name], true),
            (Send::Changed, &empty, true),
        ] {
            let values = wire(ProviderId::Safedebit, values);
            let restored = restored(ProviderId::Safedebit, send, &ProviderKey("R".into()), &values);
            assert_eq!(restored.values.contains_key(&Field::Street), is_whole, "{send:?}");
        }
    }
}
