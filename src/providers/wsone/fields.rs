//! The field table of `WsOne`. The numbers stand in state files: they are never reused and never renumbered.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::field::Field;
use crate::domain::wire::{FieldCode, Form, WireField};

use super::super::CHARS_UNLIMITED;

pub(super) const IDENTIFIER_TYPE: FieldCode = FieldCode(1);
pub(super) const IDENTIFIER_VALUE: FieldCode = FieldCode(2);
pub(super) const ENTITY: FieldCode = FieldCode(3);
pub(super) const TITLE: FieldCode = FieldCode(10);
pub(super) const FIRST_NAME: FieldCode = FieldCode(11);
pub(super) const LAST_NAME: FieldCode = FieldCode(12);
pub(super) const BIRTH_DATE: FieldCode = FieldCode(13);
pub(super) const EMAIL: FieldCode = FieldCode(20);
pub(super) const EMAIL_COMPANY: FieldCode = FieldCode(21);
pub(super) const EMAIL_TRUSTED: FieldCode = FieldCode(22);
pub(super) const DIALING_CODE: FieldCode = FieldCode(30);
pub(super) const NUMBER: FieldCode = FieldCode(31);
pub(super) const MODEL: FieldCode = FieldCode(32);
pub(super) const BRAND: FieldCode = FieldCode(33);
pub(super) const PHONE_COMPANY: FieldCode = FieldCode(34);
pub(super) const PHONE_TRUSTED: FieldCode = FieldCode(35);
pub(super) const ADDRESS_1: FieldCode = FieldCode(40);
pub(super) const ADDRESS_2: FieldCode = FieldCode(41);
pub(super) const ADDRESS_3_NUM: FieldCode = FieldCode(42);
pub(super) const ADDRESS_3_TYPE: FieldCode = FieldCode(43);
pub(super) const ADDRESS_3_NAME: FieldCode = FieldCode(44);
pub(super) const ADDRESS_4: FieldCode = FieldCode(45);
pub(super) const CITY: FieldCode = FieldCode(46);
pub(super) const ZIP_CODE: FieldCode = FieldCode(47);
pub(super) const COUNTRY: FieldCode = FieldCode(48);
pub(super) const ADDRESS_COMPANY: FieldCode = FieldCode(49);
pub(super) const ADDRESS_TRUSTED: FieldCode = FieldCode(50);

const DOCUMENT: &str = "updatePerson, createPerson";
const PERSON: &str = "PersonRequest";
const MAIL: &str = "ContactsRequest.EmailRequest";
const PHONE: &str = "ContactsRequest.CellPhoneRequest";
const ADDRESS: &str = "ContactsRequest.AddressRequest";

/// A string without documented size.
const fn string(
    code: FieldCode,
    name: &'static str,
    object: &'static str,
    sources: &'static [Field],
    format: &'static str,
) -> WireField {
    WireField {
        code,
        name,
        object,
        sources,
        form: Form::Text,
        chars: (1, CHARS_UNLIMITED),
        format,
        consent: false,
        can_be_empty: true,
        document: DOCUMENT,
    }
}

/// A number, which can never be sent empty.
const fn number(
    code: FieldCode,
    name: &'static str,
    object: &'static str,
    sources: &'static [Field],
    format: &'static str,
) -> WireField {
    let digits_max = 20;
    let row = string(code, name, object, sources, format);
    WireField { form: Form::Integer, chars: (1, digits_max), can_be_empty: false, ..row }
}

/// A consent as 0 or 1. One that is unknown is left out, never sent as 0.
const fn consent(
    code: FieldCode,
    name: &'static str,
    object: &'static str,
    sources: &'static [Field],
) -> WireField {
    WireField { chars: (1, 1), consent: true, ..number(code, name, object, sources, "0 or 1") }
}

/// A part of a key, or a day: never empty.
const fn never_empty(row: WireField) -> WireField {
    WireField { can_be_empty: false, ..row }
}

/// The table, in code order. createPerson calls the first two `NewIdentifierRequest.…` and puts the rest into its
/// `PersonProfilRequest`.
#[rustfmt::skip]
pub(in crate::providers) const FIELDS: &[WireField] = &[
    never_empty(number(IDENTIFIER_TYPE, "IdentifierRequest.identifierType", "IdentifierRequest", &[Field::PersonIdentifierType], "integer, or identifier_type of the configuration")),
    never_empty(string(IDENTIFIER_VALUE, "IdentifierRequest.identifierValue", "IdentifierRequest", &[Field::PersonIdentifier], "text")),
    never_empty(string(ENTITY, "EntityRequest.entityIdentifier", "EntityRequest", &[Field::StoreId], "text, or entity of the configuration")),
    number(TITLE, "PersonRequest.title", PERSON, &[Field::Title], "integer by titles of the configuration"),
    string(FIRST_NAME, "PersonRequest.firstName", PERSON, &[Field::FirstName], "text"),
    string(LAST_NAME, "PersonRequest.lastName", PERSON, &[Field::LastName], "text"),
    never_empty(string(BIRTH_DATE, "PersonRequest.birthDate", PERSON, &[Field::BirthDate], "dd/MM/yyyy")),
    string(EMAIL, "ContactsRequest.EmailRequest.emailValue", MAIL, &[Field::Email], "e-mail address"),
    consent(EMAIL_COMPANY, "ContactsRequest.EmailRequest.allowCompanySolicitation", MAIL, &[Field::EmailOptIn]),
    consent(EMAIL_TRUSTED, "ContactsRequest.EmailRequest.allowTrustedSolicitation", MAIL, &[Field::EmailPartnerOptIn]),
    string(DIALING_CODE, "ContactsRequest.CellPhoneRequest.dialingCode", PHONE, &[Field::MobilePhone], "country code without +"),
    string(NUMBER, "ContactsRequest.CellPhoneRequest.number", PHONE, &[Field::MobilePhone], "national number with its trunk 0"),
    string(MODEL, "ContactsRequest.CellPhoneRequest.model", PHONE, &[Field::MobileModel], "text"),
    string(BRAND, "ContactsRequest.CellPhoneRequest.brand", PHONE, &[Field::MobileBrand], "text"),
    consent(PHONE_COMPANY, "ContactsRequest.CellPhoneRequest.allowCompanySolicitation", PHONE, &[Field::SmsOptIn]),
    consent(PHONE_TRUSTED, "ContactsRequest.CellPhoneRequest.allowTrustedSolicitation", PHONE, &[Field::SmsPartnerOptIn]),
    string(ADDRESS_1, "ContactsRequest.AddressRequest.address1", ADDRESS, &[Field::AddressApartment], "postal line 2"),
    string(ADDRESS_2, "ContactsRequest.AddressRequest.address2", ADDRESS, &[Field::AddressBuilding], "postal line 3"),
    number(ADDRESS_3_NUM, "ContactsRequest.AddressRequest.address3Num", ADDRESS, &[Field::Street, Field::StreetNumber], "integer"),
    number(ADDRESS_3_TYPE, "ContactsRequest.AddressRequest.address3Type", ADDRESS, &[Field::Street, Field::StreetType], "integer by street_types of the configuration"),
    string(ADDRESS_3_NAME, "ContactsRequest.AddressRequest.address3Name", ADDRESS, &[Field::Street, Field::StreetName], "name of the street, or the whole line"),
    string(ADDRESS_4, "ContactsRequest.AddressRequest.address4", ADDRESS, &[Field::AddressLocality], "postal line 5"),
    string(CITY, "ContactsRequest.AddressRequest.city", ADDRESS, &[Field::City], "text"),
    string(ZIP_CODE, "ContactsRequest.AddressRequest.zipCode", ADDRESS, &[Field::PostalCode], "text"),
    string(COUNTRY, "ContactsRequest.AddressRequest.country", ADDRESS, &[Field::Country], "French name in capitals"),
    consent(ADDRESS_COMPANY, "ContactsRequest.AddressRequest.allowCompanySolicitation", ADDRESS, &[Field::MailOptIn]),
    consent(ADDRESS_TRUSTED, "ContactsRequest.AddressRequest.allowTrustedSolicitation", ADDRESS, &[Field::MailPartnerOptIn]),
];

/// The row of a subscription. Each is its own field and stands alone: only those that changed are sent.
pub(super) fn subscription(id: u32) -> WireField {
    // Rows hold static text. There are as many subscriptions as columns, so their few rows may live for ever.
    static ROWS: Mutex<BTreeMap<u32, WireField>> = Mutex::new(BTreeMap::new());
    let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    *rows.entry(id).or_insert_with(|| WireField {
        code: FieldCode(FieldCode::SUBSCRIPTIONS + id),
        name: Box::leak(format!("SubscriptionRequest.{id}").into_boxed_str()),
        object: "",
        sources: Box::leak(Box::new([Field::Subscription(id)])),
        form: Form::Boolean,
        chars: (4, 5),
        format: "true or false",
        consent: true,
        can_be_empty: false,
        document: DOCUMENT,
    })
}
