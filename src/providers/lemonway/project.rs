//! Customer → the wire cells of Lemonway.

use std::net::IpAddr;

use smol_str::{SmolStr, ToSmolStr};

use crate::domain::customer::Customer;
use crate::domain::field::Field;
use crate::domain::value::{CustomerType, Value, WalletRole};
use crate::domain::wire::{FieldCode, Projection};

use super::super::forms::{alpha3, date, ipv4, one_or_zero, text, title};
use super::super::projector::{Drawn, Projector, Sizes, Source};
use super::fields;
use super::settings::LemonwaySettings;

const REFUSED_CHARACTER: &str = "holds one of * & # = < >, which Lemonway refuses in names";

const TOO_MANY_NATIONALITIES: &str =
    "has more than five nationalities, which are the most that Lemonway takes";
/// Countries that Lemonway takes at most.
const NATIONALITIES_MAX: usize = 5;

static SIZES: Sizes = Sizes::of(fields::FIELDS);

const STREET: [Field; 4] =
    [Field::Street, Field::AddressApartment, Field::AddressBuilding, Field::AddressLocality];
const IDENTIFICATION: [Field; 3] = [Field::CompanyRegistration, Field::Siren, Field::Rna];

pub(super) fn project(settings: &LemonwaySettings, customer: &Customer) -> Projection {
    let mut to = Projector::new(customer, &settings.common.exclude, &SIZES);
    let wallet = to.draw(Field::WalletId, |value| text(value).cloned());
    let key = to.key(fields::WALLET, Field::WalletId, wallet);
    to.copied(fields::EMAIL, Field::Email, text);
    names(&mut to);
    address(&mut to);
    to.plain(fields::IP, Field::IpAddress, ip);
    to.copied(fields::PHONE_NUMBER, Field::LandlinePhone, msisdn);
    to.copied(fields::MOBILE_NUMBER, Field::MobilePhone, msisdn);
    to.plain(fields::BIRTH_DATE, Field::BirthDate, date);
    company(&mut to);
    to.plain(fields::IS_DEBTOR, Field::IsDebtor, one_or_zero);
    origin(&mut to);
    to.plain(fields::PAYER_OR_BENEFICIARY, Field::PayerOrBeneficiary, role);
    to.finish(key, (fields::COUNTRY, alpha3))
}

fn names(to: &mut Projector<'_>) {
    to.plain(fields::TITLE, Field::Title, |value| {
        title(value).map(|title| SmolStr::new_static(title.letter()))
    });
    name(to, fields::FIRST_NAME, Field::FirstName);
    name(to, fields::LAST_NAME, Field::LastName);
}

fn origin(to: &mut Projector<'_>) {
    let nationality = to.draw_with(Field::Nationalities, |value| match value {
        Value::Nationalities(countries) if countries.len() > NATIONALITIES_MAX => {
            Drawn::Unfit(TOO_MANY_NATIONALITIES)
        }
        value => nationalities(value).map_or(Drawn::Invalid, Drawn::Text),
    });
    to.put(fields::NATIONALITY, Field::Nationalities, nationality);
    to.copied(fields::BIRTH_CITY, Field::BirthCity, text);
    to.plain(fields::BIRTH_COUNTRY, Field::BirthCountry, alpha3);
}

fn address(to: &mut Projector<'_>) {
    let street = match (to.source(Field::Street), to.joined(&STREET)) {
        // Complements without the street would take the place of the street.
        (Source::Absent, Drawn::Absent) => Drawn::Absent,
        (Source::Absent, _) if to.withholds(Field::Street) => Drawn::InPart,
        (Source::Absent, _) => Drawn::Absent,
        (_, joined) => joined,
    };
    to.put(fields::STREET, Field::Street, street);
    to.copied(fields::POST_CODE, Field::PostalCode, text);
    to.copied(fields::CITY, Field::City, text);
    to.plain(fields::COUNTRY, Field::Country, alpha3);
}

fn company(to: &mut Projector<'_>) {
    to.plain(fields::IS_COMPANY, Field::CustomerType, is_company);
    to.copied(fields::COMPANY_NAME, Field::CompanyName, text);
    to.copied(fields::COMPANY_WEBSITE, Field::CompanyWebsite, text);
    to.copied(fields::COMPANY_DESCRIPTION, Field::CompanyDescription, text);
    let (source, number) = to.first_of(&IDENTIFICATION, |value| text(value).cloned());
    to.put(fields::COMPANY_IDENTIFICATION, source, number);
}

fn name(to: &mut Projector<'_>, code: FieldCode, field: Field) {
    let drawn = match to.draw(field, |value| text(value).cloned()) {
        Drawn::Text(name) if name.bytes().any(is_refused_in_names) => Drawn::Unfit(REFUSED_CHARACTER),
        drawn => drawn,
    };
    to.put(code, field, drawn);
}

/// The vendor refuses names with these; what they would have to be instead, only the customer knows.
fn is_refused_in_names(byte: u8) -> bool {
    matches!(byte, b'*' | b'&' | b'#' | b'=' | b'<' | b'>')
}

fn msisdn(value: &Value) -> Option<&SmolStr> {
    if let Value::Phone(phone) = value { Some(&phone.msisdn) } else { None }
}

fn ip(value: &Value) -> Option<SmolStr> {
    let Value::Ip(ip) = value else { return None };
    Some(match ip {
        IpAddr::V4(ip) => ipv4(*ip),
        IpAddr::V6(ip) => ip.to_smolstr(),
    })
}

fn nationalities(value: &Value) -> Option<SmolStr> {
    let Value::Nationalities(countries) = value else { return None };
    if let [country] = countries[..] {
        return Some(SmolStr::new_static(country.alpha3));
    }
    Some(countries.iter().map(|country| country.alpha3).collect::<Vec<_>>().join(",").into())
}

fn role(value: &Value) -> Option<SmolStr> {
    let Value::WalletRole(role) = value else { return None };
    Some(match role {
        WalletRole::Payer => SmolStr::new_static("1"),
        WalletRole::Beneficiary => SmolStr::new_static("2"),
    })
}

/// An association is a legal person, as a company is.
fn is_company(value: &Value) -> Option<SmolStr> {
    let Value::CustomerType(kind) = value else { return None };
    Some(match kind {
        CustomerType::Person => SmolStr::new_static("0"),
        CustomerType::Company | CustomerType::Association => SmolStr::new_static("1"),
    })
}
