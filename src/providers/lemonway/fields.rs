//! The field table of Lemonway, in the order of the vendor's page, which is also the order of XML elements. The numbers
//! stand in state files: they are never reused and never renumbered.

use crate::domain::field::Field;
use crate::domain::wire::{FieldCode, Form, WireField};

pub(super) const WALLET: FieldCode = FieldCode(1);
pub(super) const EMAIL: FieldCode = FieldCode(2);
pub(super) const TITLE: FieldCode = FieldCode(3);
pub(super) const FIRST_NAME: FieldCode = FieldCode(4);
pub(super) const LAST_NAME: FieldCode = FieldCode(5);
pub(super) const STREET: FieldCode = FieldCode(6);
pub(super) const POST_CODE: FieldCode = FieldCode(7);
pub(super) const CITY: FieldCode = FieldCode(8);
pub(super) const COUNTRY: FieldCode = FieldCode(9);
pub(super) const IP: FieldCode = FieldCode(10);
pub(super) const PHONE_NUMBER: FieldCode = FieldCode(11);
pub(super) const MOBILE_NUMBER: FieldCode = FieldCode(12);
pub(super) const BIRTH_DATE: FieldCode = FieldCode(13);
pub(super) const IS_COMPANY: FieldCode = FieldCode(14);
pub(super) const COMPANY_NAME: FieldCode = FieldCode(15);
pub(super) const COMPANY_WEBSITE: FieldCode = FieldCode(16);
pub(super) const COMPANY_DESCRIPTION: FieldCode = FieldCode(17);
pub(super) const COMPANY_IDENTIFICATION: FieldCode = FieldCode(18);
pub(super) const IS_DEBTOR: FieldCode = FieldCode(19);
pub(super) const NATIONALITY: FieldCode = FieldCode(20);
pub(super) const BIRTH_CITY: FieldCode = FieldCode(21);
pub(super) const BIRTH_COUNTRY: FieldCode = FieldCode(22);
pub(super) const PAYER_OR_BENEFICIARY: FieldCode = FieldCode(23);

/// What a verified wallet still takes (after a 146).
pub(super) const VERIFIED_WALLET: &[FieldCode] = &[EMAIL, PHONE_NUMBER, MOBILE_NUMBER];

/// An element. The page allows some to be empty, but not what that means: the fewest characters are 1 at least.
const fn row(
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
        can_be_empty: false,
        document: "UpdateWalletDetails",
    }
}

/// The longest text of an IP address, as `INET6_ADDRSTRLEN` has it; the page gives no size.
const IP_CHARS_MAX: usize = 45;

/// The table, in code order.
#[rustfmt::skip]
pub(in crate::providers) const FIELDS: &[WireField] = &[
    row(WALLET, "wallet", &[Field::WalletId], (1, 100), "text"),
    row(EMAIL, "newEmail", &[Field::Email], (6, 256), "e-mail address, unique in the white brand"),
    row(TITLE, "newTitle", &[Field::Title], (1, 1), "M, F, J or U"),
    row(FIRST_NAME, "newFirstName", &[Field::FirstName], (2, 256), "text without * & # = < >"),
    row(LAST_NAME, "newLastName", &[Field::LastName], (2, 256), "text without * & # = < >"),
    row(STREET, "newStreet", &[Field::Street, Field::AddressApartment, Field::AddressBuilding, Field::AddressLocality], (1, 256), "street line and complements"),
    row(POST_CODE, "newPostCode", &[Field::PostalCode], (1, 10), "text"),
    row(CITY, "newCity", &[Field::City], (1, 140), "text"),
    row(COUNTRY, "newCtry", &[Field::Country], (3, 3), "ISO 3166-1 alpha-3"),
    row(IP, "newIp", &[Field::IpAddress], (2, IP_CHARS_MAX), "IP address of the customer"),
    row(PHONE_NUMBER, "newPhoneNumber", &[Field::LandlinePhone], (6, 30), "MSISDN"),
    row(MOBILE_NUMBER, "newMobileNumber", &[Field::MobilePhone], (6, 30), "MSISDN"),
    row(BIRTH_DATE, "newBirthDate", &[Field::BirthDate], (10, 10), "dd/MM/yyyy"),
    row(IS_COMPANY, "newIsCompany", &[Field::CustomerType], (1, 1), "1 or 0"),
    row(COMPANY_NAME, "newCompanyName", &[Field::CompanyName], (1, 256), "text"),
    row(COMPANY_WEBSITE, "newCompanyWebsite", &[Field::CompanyWebsite], (1, 256), "URL"),
    row(COMPANY_DESCRIPTION, "newCompanyDescription", &[Field::CompanyDescription], (1, 256), "text"),
    row(COMPANY_IDENTIFICATION, "newCompanyIdentificationNumber", &[Field::CompanyRegistration, Field::Siren, Field::Rna], (1, 256), "register number, SIREN or RNA"),
    row(IS_DEBTOR, "newIsDebtor", &[Field::IsDebtor], (1, 1), "1 or 0"),
    row(NATIONALITY, "newNationality", &[Field::Nationalities], (3, 19), "ISO 3166-1 alpha-3, comma list"),
    row(BIRTH_CITY, "newBirthcity", &[Field::BirthCity], (1, 140), "text"),
    row(BIRTH_COUNTRY, "newBirthcountry", &[Field::BirthCountry], (3, 3), "ISO 3166-1 alpha-3"),
    row(PAYER_OR_BENEFICIARY, "newPayerOrBeneficiary", &[Field::PayerOrBeneficiary], (1, 1), "1 payer, 2 beneficiary"),
];
