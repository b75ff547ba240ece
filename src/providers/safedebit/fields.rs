//! The field table of Safedebit. The numbers stand in state files: they are never reused and never renumbered.

use crate::domain::field::Field;
use crate::domain::wire::{FieldCode, Form, WireField};

pub(super) const REFERENCE: FieldCode = FieldCode(1);
pub(super) const CONSUMER_REFERENCE: FieldCode = FieldCode(2);
pub(super) const GENDER: FieldCode = FieldCode(3);
pub(super) const FIRST_NAME: FieldCode = FieldCode(4);
pub(super) const LAST_NAME: FieldCode = FieldCode(5);
pub(super) const USE_NAME: FieldCode = FieldCode(6);
pub(super) const PSEUDONYM: FieldCode = FieldCode(7);
pub(super) const OTHER_NAMES: FieldCode = FieldCode(8);
pub(super) const IDENTITY_TYPE: FieldCode = FieldCode(9);
pub(super) const ID_NUMBER: FieldCode = FieldCode(10);
pub(super) const EMISSION_DATE: FieldCode = FieldCode(11);
pub(super) const EXPIRE_DATE: FieldCode = FieldCode(12);
pub(super) const BIRTH_DAY: FieldCode = FieldCode(13);
pub(super) const BIRTH_CITY: FieldCode = FieldCode(14);
pub(super) const NATIONALITY: FieldCode = FieldCode(15);
pub(super) const STREET_NUMBER: FieldCode = FieldCode(16);
pub(super) const STREET_TYPE: FieldCode = FieldCode(17);
pub(super) const STREET_NAME: FieldCode = FieldCode(18);
pub(super) const COMPLEMENT: FieldCode = FieldCode(19);
pub(super) const ZIP_CODE: FieldCode = FieldCode(20);
pub(super) const CITY: FieldCode = FieldCode(21);
pub(super) const COUNTRY: FieldCode = FieldCode(22);
pub(super) const EMAIL: FieldCode = FieldCode(23);
pub(super) const PHONE_NUMBER: FieldCode = FieldCode(24);
pub(super) const IP: FieldCode = FieldCode(25);
pub(super) const CONSUMER_TYPE: FieldCode = FieldCode(26);
pub(super) const IBAN: FieldCode = FieldCode(27);
pub(super) const SOCIAL_REFERENCE: FieldCode = FieldCode(28);
pub(super) const SIREN: FieldCode = FieldCode(29);
pub(super) const NIC: FieldCode = FieldCode(30);
pub(super) const NAF: FieldCode = FieldCode(31);
pub(super) const VAT_NUMBER: FieldCode = FieldCode(32);
pub(super) const WALDEC: FieldCode = FieldCode(33);

/// A parameter of the page's type "String".
const fn string(
    code: FieldCode,
    name: &'static str,
    sources: &'static [Field],
    chars: (usize, usize),
    format: &'static str,
) -> WireField {
    WireField {
        code,
        name,
        object: "",
        sources,
        form: Form::Text,
        chars,
        format,
        consent: false,
        can_be_empty: true,
        document: "edit_consumer",
    }
}

/// A parameter of a fixed form: one of a few codes, a day, a number with check digits, the key. Never empty: what an empty
/// one means is not documented, and no form has it.
const fn coded(
    code: FieldCode,
    name: &'static str,
    sources: &'static [Field],
    chars: (usize, usize),
    format: &'static str,
) -> WireField {
    WireField { can_be_empty: false, ..string(code, name, sources, chars, format) }
}

/// The table, in code order.
#[rustfmt::skip]
pub(in crate::providers) const FIELDS: &[WireField] = &[
    coded(REFERENCE, "safedebit_consumer_reference", &[Field::SafedebitReference], (1, 35), "text"),
    string(CONSUMER_REFERENCE, "consumer_reference", &[Field::ConsumerReference], (1, 64), "text"),
    coded(GENDER, "consumer_gender", &[Field::Title], (1, 1), "M or F"),
    string(FIRST_NAME, "consumer_first_name", &[Field::FirstName], (1, 70), "text"),
    string(LAST_NAME, "consumer_last_name", &[Field::LastName], (1, 70), "text"),
    string(USE_NAME, "consumer_use_name", &[Field::UsualName], (1, 70), "text"),
    string(PSEUDONYM, "consumer_pseudonyme", &[Field::Pseudonym], (1, 70), "text"),
    string(OTHER_NAMES, "consumer_other_last_name", &[Field::OtherFirstNames], (1, 70), "text"),
    coded(IDENTITY_TYPE, "identity_type", &[Field::IdentityDocumentType], (1, 1), "1 ID card, 2 driving licence, 3 passport, 4 residence card, 5 work permit"),
    string(ID_NUMBER, "id_number", &[Field::IdentityDocumentNumber], (1, 18), "text"),
    coded(EMISSION_DATE, "emission_date", &[Field::IdentityDocumentIssuedOn], (10, 10), "dd/MM/yyyy"),
    coded(EXPIRE_DATE, "expire_date", &[Field::IdentityDocumentExpiresOn], (10, 10), "dd/MM/yyyy"),
    coded(BIRTH_DAY, "consumer_birth_day", &[Field::BirthDate], (10, 10), "dd/MM/yyyy"),
    string(BIRTH_CITY, "consumer_birth_city", &[Field::BirthCity], (1, 35), "text"),
    coded(NATIONALITY, "nationality", &[Field::Nationalities], (2, 3), "ISO 3166-1 alpha-2, the first one"),
    string(STREET_NUMBER, "consumer_address_street_number", &[Field::Street, Field::StreetNumber], (1, 16), "text"),
    string(STREET_TYPE, "consumer_address_street_type", &[Field::Street, Field::StreetType], (1, 16), "text, or its postal abbreviation"),
    string(STREET_NAME, "consumer_address_street_name", &[Field::Street, Field::StreetName], (1, 70), "name of the street, or the whole line"),
    string(COMPLEMENT, "consumer_address_complement", &[Field::AddressApartment, Field::AddressBuilding, Field::AddressLocality], (1, 70), "the complements, joined"),
    string(ZIP_CODE, "consumer_zip_code", &[Field::PostalCode], (1, 16), "text"),
    string(CITY, "consumer_city", &[Field::City], (1, 35), "text"),
    string(COUNTRY, "consumer_country", &[Field::Country], (2, 35), "ISO 3166-1 alpha-2"),
    string(EMAIL, "consumer_email", &[Field::Email], (1, 70), "e-mail address"),
    string(PHONE_NUMBER, "consumer_phone_number", &[Field::MobilePhone, Field::LandlinePhone], (1, 16), "national form for France, else + and digits"),
    coded(IP, "consumer_ip", &[Field::IpAddress], (7, 16), "IPv4 address"),
    coded(CONSUMER_TYPE, "consumer_type", &[Field::CustomerType], (1, 1), "0 person, 1 company, 2 association"),
    coded(IBAN, "iban", &[Field::Iban], (1, 34), "IBAN without spaces"),
    string(SOCIAL_REFERENCE, "social_reference", &[Field::CompanyName], (1, 32), "text, for companies"),
    coded(SIREN, "siren", &[Field::Siren], (9, 9), "nine digits, for companies"),
    coded(NIC, "nic", &[Field::Nic], (5, 5), "five digits, for companies"),
    string(NAF, "naf", &[Field::Naf], (1, 32), "text, for companies"),
    string(VAT_NUMBER, "tva_interco", &[Field::VatNumber], (1, 32), "text, for companies"),
    string(WALDEC, "waldec", &[Field::Rna], (1, 16), "RNA number, for associations"),
];
