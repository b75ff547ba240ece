//! One value of one field: which parser reads it.

use jiff::civil::Date;
use smol_str::SmolStr;

use super::choices;
use super::companies;
use super::contacts;
use super::countries;
use super::dates::DateForms;
use super::mangled::mangled;
use super::phones;
use super::phones::Home;
use super::postal;
use super::reason::{self, Parsed};
use crate::domain::field::Field;
use crate::domain::value::{Country, Value};

/// What the values of one row are read in the light of.
pub(super) struct Light<'a> {
    pub(super) forms: &'a DateForms,
    pub(super) today: Date,
    pub(super) default_country: Country,
    /// The row's country, once it is read.
    pub(super) country: Option<Country>,
    /// The row names a country that nobody understands.
    pub(super) is_country_unclear: bool,
    /// The row says what its country is, or may have none.
    pub(super) is_country_told: bool,
    /// The row's postal code, once it is read.
    pub(super) postal_code: Option<SmolStr>,
}

/// The value of a clean, non-empty text. Streets and company numbers, which take several cells, are read by the row.
pub(super) fn value(field: Field, text: &str, light: &Light<'_>) -> Parsed<Value> {
    match field {
        Field::CustomerId
        | Field::PersonIdentifier
        | Field::StoreId
        | Field::WalletId
        | Field::SafedebitReference
        | Field::ConsumerReference
        | Field::IdentityDocumentNumber
        | Field::CompanyRegistration => identifier(text).map(Value::Text),
        Field::FirstName
        | Field::LastName
        | Field::UsualName
        | Field::Pseudonym
        | Field::OtherFirstNames
        | Field::BirthCity
        | Field::MobileBrand
        | Field::MobileModel
        | Field::Street
        | Field::StreetNumber
        | Field::StreetType
        | Field::StreetName
        | Field::AddressApartment
        | Field::AddressBuilding
        | Field::AddressLocality
        | Field::City
        | Field::CompanyName
        | Field::CompanyWebsite
        | Field::CompanyDescription
        | Field::UpdatedAt => not_a_flag(text).map(Value::Text),
        Field::PersonIdentifierType => integer(text).map(Value::Integer),
        Field::Title => choices::title(text).map(Value::Title),
        Field::BirthDate => light.forms.birth(text, light.today).map(Value::Date),
        Field::IdentityDocumentIssuedOn | Field::IdentityDocumentExpiresOn => {
            light.forms.date(text).map(Value::Date)
        }
        // In French files it means the overseas departments, and not the Dominican Republic.
        Field::BirthCountry | Field::Country
            if text.eq_ignore_ascii_case("DOM") && light.default_country.alpha2 == "FR" =>
        {
            Err(reason::NOT_A_COUNTRY)
        }
        Field::BirthCountry | Field::Country => countries::parse(text).map(Value::Country),
        Field::Nationalities => countries::nationalities(text).map(Value::Nationalities),
        Field::Email => contacts::email(text).map(Value::Email),
        Field::MobilePhone | Field::LandlinePhone => {
            phones::parse(text, light.home()).map(|phone| Value::Phone(Box::new(phone)))
        }
        Field::PostalCode => postal::code(text, light.country()).map(Value::Text),
        Field::EmailOptIn
        | Field::EmailPartnerOptIn
        | Field::SmsOptIn
        | Field::SmsPartnerOptIn
        | Field::MailOptIn
        | Field::MailPartnerOptIn
        | Field::IsDebtor
        | Field::Subscription(_) => choices::flag(text).map(Value::Flag),
        Field::IdentityDocumentType => choices::identity_document(text).map(Value::IdentityDocument),
        Field::Iban => contacts::iban(text).map(Value::Iban),
        Field::IpAddress => contacts::ip(text).map(Value::Ip),
        Field::CustomerType => choices::customer_type(text).map(Value::CustomerType),
        Field::PayerOrBeneficiary => choices::wallet_role(text).map(Value::WalletRole),
        Field::Siren => companies::siren(text).map(|registration| Value::Text(registration.siren)),
        Field::Nic => companies::nic(text).map(Value::Text),
        Field::Naf => companies::naf(text).map(Value::Text),
        Field::VatNumber => companies::vat(text).map(Value::Text),
        Field::Rna => companies::rna(text).map(Value::Text),
    }
}

impl Light<'_> {
    /// The row's country, else the configured one; none when the row names one that nobody understands.
    fn country(&self) -> Option<&'static str> {
        let default = (!self.is_country_unclear).then_some(self.default_country);
        self.country.or(default).map(|country| country.alpha2)
    }

    fn home(&self) -> Home<'_> {
        Home {
            postal_code: self.postal_code.as_deref(),
            country: self.country.map(|country| country.alpha2),
            default_country: self.default_country.alpha2,
            is_unclear: self.is_country_unclear,
        }
    }

    /// Whether a field is read by the country that is configured, because the row has none.
    pub(super) fn presumes_country_for(&self, field: Field, text: &str) -> bool {
        let is_phone = matches!(field, Field::MobilePhone | Field::LandlinePhone);
        self.country.is_none()
            && (field == Field::PostalCode || (is_phone && !phones::is_international(text)))
    }
}

/// A key of some system: taken as it is, unless a spreadsheet destroyed it.
fn identifier(text: &str) -> Parsed<SmolStr> {
    mangled(text).map_or_else(|| not_a_flag(text), Err)
}

/// Any text but what a program writes for yes, no, and some for nothing.
fn not_a_flag(text: &str) -> Parsed<SmolStr> {
    if matches!(text, "true" | "false") { Err(reason::NOT_A_TEXT) } else { Ok(text.into()) }
}

/// A number from 0 to 2147483647, which any consumer of JSON can hold.
fn integer(text: &str) -> Parsed<i64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse::<i32>().ok() } else { None };
    number.map(i64::from).ok_or(reason::NOT_AN_INTEGER)
}
