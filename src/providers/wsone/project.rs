//! Customer → the wire cells of `WsOne`.

use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use crate::domain::customer::Customer;
use crate::domain::field::Field;
use crate::domain::value::{StreetParts, Value};
use crate::domain::wire::{FieldCode, KeyCell, KeyPart, Projection};

use super::super::forms::{date, one_or_zero, street, text, title};
use super::super::projector::{Drawn, Projector, Sizes, Source};
use super::fields;
use super::settings::WsOneSettings;

const NO_TYPE: &str = "is needed: add the column, or identifier_type to [providers.wsone]";
const TYPE_LACKS: &str =
    "is needed for somebody new, and where the identifier is another one: an earlier file has the column";
const VALUE_LACKS: &str = "is needed where its type is another one than that of the account";
const NO_TITLE_CODE: &str = "has no number in titles of [providers.wsone]";

static SIZES: Sizes = Sizes::of(fields::FIELDS);

pub(super) fn project(settings: &WsOneSettings, customer: &Customer) -> Projection {
    let mut to = Projector::new(customer, &settings.common.exclude, &SIZES);
    let key = key(settings, &mut to);
    person(settings, &mut to);
    contacts(&mut to);
    address(settings, &mut to);
    for id in to.subscriptions() {
        if let Some(code) = FieldCode::subscription(id) {
            let drawn = to.draw(Field::Subscription(id), true_or_false);
            to.put(code, Field::Subscription(id), drawn);
        }
    }
    to.finish(key, (fields::COUNTRY, french_name))
}

/// `<type>:<value>`. The type is the file's, else the configured one; without any there is no key.
fn key(settings: &WsOneSettings, to: &mut Projector<'_>) -> KeyCell {
    let value = to.draw(Field::PersonIdentifier, |value| text(value).cloned());
    let key = match to.key(fields::IDENTIFIER_VALUE, Field::PersonIdentifier, value) {
        KeyCell::Absent => return key_by_type(to),
        key => key,
    };
    let KeyCell::Key(mut key) = key else { return key };
    let number = match to.draw(Field::PersonIdentifierType, integer) {
        Drawn::Text(number) => Some(number),
        Drawn::Absent if to.withholds(Field::PersonIdentifierType) => {
            to.key(fields::IDENTIFIER_TYPE, Field::PersonIdentifierType, Drawn::Unfit(TYPE_LACKS));
            return KeyCell::InPart { lacks: fields::IDENTIFIER_TYPE, has: KeyPart::Ending(key.0) };
        }
        Drawn::Absent | Drawn::Cleared | Drawn::Vacant => {
            settings.identifier_type.map(|number| number.to_smolstr())
        }
        Drawn::Invalid => return KeyCell::Invalid(fields::IDENTIFIER_TYPE),
        Drawn::Unfit(_) | Drawn::InPart => None,
    };
    match number {
        Some(number) => {
            key.0 = format_smolstr!("{number}:{}", key.0);
            KeyCell::Key(key)
        }
        None => to.key(fields::IDENTIFIER_TYPE, Field::PersonIdentifierType, Drawn::Unfit(NO_TYPE)),
    }
}

/// What a type without an identifier says: an account of another type is another person's.
fn key_by_type(to: &mut Projector<'_>) -> KeyCell {
    match to.draw(Field::PersonIdentifierType, integer) {
        Drawn::Text(number) => {
            to.key(fields::IDENTIFIER_VALUE, Field::PersonIdentifier, Drawn::Unfit(VALUE_LACKS));
            let has = KeyPart::Beginning(format_smolstr!("{number}:"));
            KeyCell::InPart { lacks: fields::IDENTIFIER_VALUE, has }
        }
        Drawn::Invalid => KeyCell::Invalid(fields::IDENTIFIER_TYPE),
        Drawn::Absent | Drawn::Cleared | Drawn::Vacant | Drawn::Unfit(_) | Drawn::InPart => KeyCell::Absent,
    }
}

fn person(settings: &WsOneSettings, to: &mut Projector<'_>) {
    let entity = match (to.draw(Field::StoreId, |value| text(value).cloned()), &settings.entity) {
        (Drawn::Absent, Some(_)) if to.withholds(Field::StoreId) => Drawn::Absent,
        (Drawn::Absent | Drawn::Cleared, Some(entity)) => Drawn::Text(entity.into()),
        (drawn, _) => drawn,
    };
    to.put(fields::ENTITY, Field::StoreId, entity);
    let number = to.draw_with(Field::Title, |value| {
        let number = title(value).and_then(|title| settings.titles.get(title.letter()));
        number.map_or(Drawn::Unfit(NO_TITLE_CODE), |number| Drawn::Text(number.to_smolstr()))
    });
    to.put(fields::TITLE, Field::Title, number);
    to.copied(fields::FIRST_NAME, Field::FirstName, text);
    to.copied(fields::LAST_NAME, Field::LastName, text);
    to.plain(fields::BIRTH_DATE, Field::BirthDate, date);
}

fn contacts(to: &mut Projector<'_>) {
    to.copied(fields::EMAIL, Field::Email, text);
    to.plain(fields::EMAIL_COMPANY, Field::EmailOptIn, one_or_zero);
    to.plain(fields::EMAIL_TRUSTED, Field::EmailPartnerOptIn, one_or_zero);
    to.copied(fields::DIALING_CODE, Field::MobilePhone, dialing_code);
    to.copied(fields::NUMBER, Field::MobilePhone, national);
    to.copied(fields::MODEL, Field::MobileModel, text);
    to.copied(fields::BRAND, Field::MobileBrand, text);
    to.plain(fields::PHONE_COMPANY, Field::SmsOptIn, one_or_zero);
    to.plain(fields::PHONE_TRUSTED, Field::SmsPartnerOptIn, one_or_zero);
}

fn address(settings: &WsOneSettings, to: &mut Projector<'_>) {
    to.copied(fields::ADDRESS_1, Field::AddressApartment, text);
    to.copied(fields::ADDRESS_2, Field::AddressBuilding, text);
    street_line(settings, to);
    to.copied(fields::ADDRESS_4, Field::AddressLocality, text);
    to.copied(fields::CITY, Field::City, text);
    to.copied(fields::ZIP_CODE, Field::PostalCode, text);
    to.plain(fields::COUNTRY, Field::Country, french_name);
    to.plain(fields::ADDRESS_COMPANY, Field::MailOptIn, one_or_zero);
    to.plain(fields::ADDRESS_TRUSTED, Field::MailPartnerOptIn, one_or_zero);
}

/// The street in three fields when all of its parts have a form for them, else the whole line as the name. The fields
/// that a street leaves empty are vacant, not absent: an old number must not go on standing before a new line.
fn street_line(settings: &WsOneSettings, to: &mut Projector<'_>) {
    let (number, kind, name) = match to.source(Field::Street) {
        Source::Absent => return,
        Source::Cleared => (Drawn::Cleared, Drawn::Cleared, Drawn::Cleared),
        Source::Invalid => (Drawn::Invalid, Drawn::Invalid, Drawn::Invalid),
        Source::InPart => return to.put(fields::ADDRESS_3_NAME, Field::Street, Drawn::InPart),
        Source::Value(value) => match street(value) {
            None => (
                Drawn::Vacant,
                Drawn::Vacant,
                text(value).map_or(Drawn::Invalid, |text| Drawn::Text(text.clone())),
            ),
            Some(street) => match street.parts.as_ref().and_then(|parts| three_fields(settings, parts)) {
                Some(fields) => fields,
                None => (Drawn::Vacant, Drawn::Vacant, Drawn::Text(street.line.clone())),
            },
        },
    };
    to.put_together([
        (fields::ADDRESS_3_NUM, Field::StreetNumber, number),
        (fields::ADDRESS_3_TYPE, Field::StreetType, kind),
        (fields::ADDRESS_3_NAME, Field::StreetName, name),
    ]);
}

/// `None` for a number that is no plain integer, and for a type without a number in the configuration.
fn three_fields(settings: &WsOneSettings, parts: &StreetParts) -> Option<(Drawn, Drawn, Drawn)> {
    let number = match &parts.number {
        None => Drawn::Vacant,
        // A number that does not come back as it was, "007", is more than an integer.
        Some(number) => Drawn::Text(Some(number).filter(|number| is_plain_integer(number))?.clone()),
    };
    let kind = match &parts.kind {
        None => Drawn::Vacant,
        Some(kind) => Drawn::Text(settings.street_types.get(kind.standard.as_str())?.to_smolstr()),
    };
    Some((number, kind, Drawn::Text(parts.name.clone())))
}

/// Digits without a sign or a zero before them, which 32 bits hold.
fn is_plain_integer(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_plain && text.parse::<i32>().is_ok()
}

fn integer(value: &Value) -> Option<SmolStr> {
    if let Value::Integer(number) = value { Some(number.to_smolstr()) } else { None }
}

fn true_or_false(value: &Value) -> Option<SmolStr> {
    if let Value::Flag(flag) = value {
        Some(SmolStr::new_static(if *flag { "true" } else { "false" }))
    } else {
        None
    }
}

fn dialing_code(value: &Value) -> Option<&SmolStr> {
    if let Value::Phone(phone) = value { Some(&phone.dialing_code) } else { None }
}

fn national(value: &Value) -> Option<&SmolStr> {
    if let Value::Phone(phone) = value { Some(&phone.national) } else { None }
}

fn french_name(value: &Value) -> Option<SmolStr> {
    if let Value::Country(country) = value { Some(SmolStr::new_static(country.french)) } else { None }
}
