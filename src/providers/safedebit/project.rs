//! Customer → the wire cells of Safedebit.

use std::net::IpAddr;

use smol_str::{SmolStr, format_smolstr};

use crate::domain::customer::Customer;
use crate::domain::field::Field;
use crate::domain::value::{CustomerType, IdentityDocument, StreetKind, StreetParts, Title, Value};
use crate::domain::wire::{FieldCode, Projection};

use super::super::forms::{date, ipv4, street, text, title};
use super::super::projector::{Drawn, Projector, Sizes, Source};
use super::fields;
use super::settings::SafedebitSettings;

/// Longest street type in characters.
const STREET_TYPE_CHARS_MAX: usize = 16;
/// The dialing code whose numbers are written in national form.
const FRANCE: &str = "33";

const IPV6: &str = "is an IPv6 address, which does not fit Safedebit's 16 characters";

static SIZES: Sizes = Sizes::of(fields::FIELDS);

const COMPLEMENTS: [Field; 3] = [Field::AddressApartment, Field::AddressBuilding, Field::AddressLocality];
/// What only organisations have.
const ORGANISATION: [(FieldCode, Field); 6] = [
    (fields::SOCIAL_REFERENCE, Field::CompanyName),
    (fields::SIREN, Field::Siren),
    (fields::NIC, Field::Nic),
    (fields::NAF, Field::Naf),
    (fields::VAT_NUMBER, Field::VatNumber),
    (fields::WALDEC, Field::Rna),
];
const PHONES: [Field; 2] = [Field::MobilePhone, Field::LandlinePhone];

pub(super) fn project(settings: &SafedebitSettings, customer: &Customer) -> Projection {
    let mut to = Projector::new(customer, &settings.common.exclude, &SIZES);
    let reference = to.draw(Field::SafedebitReference, |value| text(value).cloned());
    let key = to.key(fields::REFERENCE, Field::SafedebitReference, reference);
    to.copied(fields::CONSUMER_REFERENCE, Field::ConsumerReference, text);
    person(&mut to);
    identity_document(&mut to);
    address(&mut to);
    contact(&mut to);
    to.plain(fields::CONSUMER_TYPE, Field::CustomerType, type_number);
    to.copied(fields::IBAN, Field::Iban, text);
    organisation(&mut to);
    to.finish(key, (fields::COUNTRY, alpha2))
}

fn person(to: &mut Projector<'_>) {
    let gender = to.draw_with(Field::Title, |value| match title(value) {
        Some(Title::M) => Drawn::Text(SmolStr::new_static("M")),
        Some(Title::F) => Drawn::Text(SmolStr::new_static("F")),
        // Safedebit has no word for two people, nor for nobody knows.
        Some(Title::J | Title::U) => Drawn::Absent,
        None => Drawn::Invalid,
    });
    to.put(fields::GENDER, Field::Title, gender);
    to.copied(fields::FIRST_NAME, Field::FirstName, text);
    to.copied(fields::LAST_NAME, Field::LastName, text);
    to.copied(fields::USE_NAME, Field::UsualName, text);
    to.copied(fields::PSEUDONYM, Field::Pseudonym, text);
    to.copied(fields::OTHER_NAMES, Field::OtherFirstNames, text);
    to.plain(fields::BIRTH_DAY, Field::BirthDate, date);
    to.copied(fields::BIRTH_CITY, Field::BirthCity, text);
    to.plain(fields::NATIONALITY, Field::Nationalities, first_nationality);
}

fn identity_document(to: &mut Projector<'_>) {
    to.plain(fields::IDENTITY_TYPE, Field::IdentityDocumentType, document_number);
    to.copied(fields::ID_NUMBER, Field::IdentityDocumentNumber, text);
    to.plain(fields::EMISSION_DATE, Field::IdentityDocumentIssuedOn, date);
    to.plain(fields::EXPIRE_DATE, Field::IdentityDocumentExpiresOn, date);
}

fn address(to: &mut Projector<'_>) {
    street_line(to);
    let complement = to.joined(&COMPLEMENTS);
    to.put(fields::COMPLEMENT, Field::AddressApartment, complement);
    to.copied(fields::ZIP_CODE, Field::PostalCode, text);
    to.copied(fields::CITY, Field::City, text);
    to.plain(fields::COUNTRY, Field::Country, alpha2);
}

fn contact(to: &mut Projector<'_>) {
    to.copied(fields::EMAIL, Field::Email, text);
    let (source, number) = to.first_of(&PHONES, phone);
    to.put(fields::PHONE_NUMBER, source, number);
    let ip = to.draw_with(Field::IpAddress, |value| {
        let Value::Ip(ip) = value else { return Drawn::Invalid };
        match ip {
            IpAddr::V4(ip) => Drawn::Text(ipv4(*ip)),
            IpAddr::V6(_) => Drawn::Unfit(IPV6),
        }
    });
    to.put(fields::IP, Field::IpAddress, ip);
}

/// The parts of a street, or the whole line as its name, also where a part has not the size of its field. The fields that
/// a street leaves empty are vacant, not absent: an old number must not go on standing before a new line.
fn street_line(to: &mut Projector<'_>) {
    let parts = match to.source(Field::Street) {
        Source::Absent => return,
        Source::Cleared => in_fields(Drawn::Cleared, Drawn::Cleared, Drawn::Cleared),
        Source::Invalid => in_fields(Drawn::Invalid, Drawn::Invalid, Drawn::Invalid),
        Source::InPart => return to.put(fields::STREET_NAME, Field::Street, Drawn::InPart),
        Source::Value(value) => {
            let whole = |line: &SmolStr| in_fields(Drawn::Vacant, Drawn::Vacant, Drawn::Text(line.clone()));
            match street(value) {
                None => text(value)
                    .map_or_else(|| in_fields(Drawn::Invalid, Drawn::Invalid, Drawn::Invalid), whole),
                Some(street) => {
                    let parts = street.parts.as_ref().map(three_fields);
                    let fits =
                        |parts: &StreetFields| parts.iter().all(|(code, _, drawn)| to.takes(*code, drawn));
                    parts.filter(fits).unwrap_or_else(|| whole(&street.line))
                }
            }
        }
    };
    to.put_together(parts);
}

type StreetFields = [(FieldCode, Field, Drawn); 3];

fn three_fields(parts: &StreetParts) -> StreetFields {
    let number = parts.number.clone().map_or(Drawn::Vacant, Drawn::Text);
    let kind = parts.kind.as_ref().map_or(Drawn::Vacant, |kind| Drawn::Text(street_type(kind)));
    in_fields(number, kind, Drawn::Text(parts.name.clone()))
}

fn in_fields(number: Drawn, kind: Drawn, name: Drawn) -> StreetFields {
    [
        (fields::STREET_NUMBER, Field::StreetNumber, number),
        (fields::STREET_TYPE, Field::StreetType, kind),
        (fields::STREET_NAME, Field::StreetName, name),
    ]
}

/// As the CRM wrote it, abbreviated as postal norms do when it does not fit.
fn street_type(kind: &StreetKind) -> SmolStr {
    let fits = kind.written.chars().count() <= STREET_TYPE_CHARS_MAX;
    if fits { kind.written.clone() } else { kind.short.clone() }
}

/// What customers are as organisations. Company fields are for companies and `waldec` is for associations; a customer
/// whose type the file does not tell keeps both.
fn organisation(to: &mut Projector<'_>) {
    // Whether or not Safedebit is told.
    let told = to.in_crm(Field::CustomerType);
    let kind = match told {
        Source::Value(Value::CustomerType(kind)) => Some(*kind),
        Source::Value(_) | Source::Absent | Source::Cleared | Source::Invalid | Source::InPart => None,
    };
    if to.is_withheld(Field::CustomerType) || matches!(told, Source::Invalid | Source::InPart) {
        // Of a private person these are not Safedebit's.
        return ORGANISATION.into_iter().for_each(|(code, field)| to.leave_open(code, field));
    }
    for (code, field) in ORGANISATION {
        let whose = if code == fields::WALDEC { CustomerType::Association } else { CustomerType::Company };
        if kind.is_none_or(|kind| kind == whose) {
            to.copied(code, field, text);
        } else {
            to.not_theirs(code, field);
        }
    }
}

fn first_nationality(value: &Value) -> Option<SmolStr> {
    let Value::Nationalities(countries) = value else { return None };
    countries.first().map(|country| SmolStr::new_static(country.alpha2))
}

fn alpha2(value: &Value) -> Option<SmolStr> {
    if let Value::Country(country) = value { Some(SmolStr::new_static(country.alpha2)) } else { None }
}

fn phone(value: &Value) -> Option<SmolStr> {
    let Value::Phone(phone) = value else { return None };
    Some(if phone.dialing_code == FRANCE {
        phone.national.clone()
    } else {
        format_smolstr!("+{}", phone.msisdn)
    })
}

fn document_number(value: &Value) -> Option<SmolStr> {
    let Value::IdentityDocument(kind) = value else { return None };
    Some(match kind {
        IdentityDocument::IdentityCard => SmolStr::new_static("1"),
        IdentityDocument::DrivingLicence => SmolStr::new_static("2"),
        IdentityDocument::Passport => SmolStr::new_static("3"),
        IdentityDocument::ResidenceCard => SmolStr::new_static("4"),
        IdentityDocument::WorkPermit => SmolStr::new_static("5"),
    })
}

fn type_number(value: &Value) -> Option<SmolStr> {
    let Value::CustomerType(kind) = value else { return None };
    Some(match kind {
        CustomerType::Person => SmolStr::new_static("0"),
        CustomerType::Company => SmolStr::new_static("1"),
        CustomerType::Association => SmolStr::new_static("2"),
    })
}
