//! The documented fields of a wallet: sizes, forms, and the code that a wrong one is refused with.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::super::checks;
use super::Failure;

const BAD_DATA: &str = "234";
const BAD_EMAIL: &str = "178";
const BAD_DATE: &str = "247";
const BAD_BIRTH_DATE: &str = "254";
const BAD_IP: &str = "248";
const BAD_NAME: &str = "252";
const BAD_WALLET: &str = "264";
const BAD_PHONE: &str = "128";
const BAD_MOBILE: &str = "253";

/// What may stand in one field, besides its size.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Name,
    Email,
    Choice(&'static [&'static str]),
    Country,
    Countries,
    Ip,
    Phone,
    BirthDate,
}

/// Name, smallest and largest size in characters, form, code of a wrong value. An empty value is never right: the
/// document allows sizes of 0 and does not say what they mean.
type Field = (&'static str, usize, usize, Form, &'static str);

const FIELDS: &[Field] = &[
    ("newEmail", 6, 256, Form::Email, BAD_EMAIL),
    ("newTitle", 1, 1, Form::Choice(&["M", "F", "J", "U"]), BAD_DATA),
    ("newFirstName", 2, 256, Form::Name, BAD_NAME),
    ("newLastName", 2, 256, Form::Name, BAD_NAME),
    ("newStreet", 1, 256, Form::Text, BAD_DATA),
    ("newPostCode", 1, 10, Form::Text, BAD_DATA),
    ("newCity", 1, 140, Form::Text, BAD_DATA),
    ("newCtry", 3, 3, Form::Country, BAD_DATA),
    ("newIp", 1, 45, Form::Ip, BAD_IP),
    ("newPhoneNumber", 6, 30, Form::Phone, BAD_PHONE),
    ("newMobileNumber", 6, 30, Form::Phone, BAD_MOBILE),
    ("newBirthDate", 10, 10, Form::BirthDate, BAD_DATE),
    ("newIsCompany", 1, 1, Form::Choice(&["0", "1"]), BAD_DATA),
    ("newCompanyName", 1, 256, Form::Text, BAD_DATA),
    ("newCompanyWebsite", 1, 256, Form::Text, BAD_DATA),
    ("newCompanyDescription", 1, 256, Form::Text, BAD_DATA),
    ("newCompanyIdentificationNumber", 1, 256, Form::Text, BAD_DATA),
    ("newIsDebtor", 1, 1, Form::Choice(&["0", "1"]), BAD_DATA),
    ("newNationality", 1, 19, Form::Countries, BAD_DATA),
    ("newBirthcity", 1, 140, Form::Text, BAD_DATA),
    ("newBirthcountry", 3, 3, Form::Country, BAD_DATA),
    ("newPayerOrBeneficiary", 1, 1, Form::Choice(&["1", "2"]), BAD_DATA),
];

/// How `RegisterWallet` calls the fields; the first three are required.
const REGISTERED: &[(&str, &str)] = &[
    ("clientMail", "newEmail"),
    ("clientFirstName", "newFirstName"),
    ("clientLastName", "newLastName"),
    ("clientTitle", "newTitle"),
    ("street", "newStreet"),
    ("postCode", "newPostCode"),
    ("city", "newCity"),
    ("ctry", "newCtry"),
    ("phoneNumber", "newPhoneNumber"),
    ("mobileNumber", "newMobileNumber"),
    ("birthdate", "newBirthDate"),
    ("isCompany", "newIsCompany"),
    ("companyName", "newCompanyName"),
    ("companyWebsite", "newCompanyWebsite"),
    ("companyDescription", "newCompanyDescription"),
    ("companyIdentificationNumber", "newCompanyIdentificationNumber"),
    ("isDebtor", "newIsDebtor"),
    ("nationality", "newNationality"),
    ("birthcity", "newBirthcity"),
    ("birthcountry", "newBirthcountry"),
    ("payerOrBeneficiary", "newPayerOrBeneficiary"),
];
const REGISTERED_REQUIRED: usize = 3;
/// Characters that names must not have.
const NOT_IN_NAMES: [char; 6] = ['*', '&', '#', '=', '<', '>'];
const NATIONALITIES_MAX: usize = 5;
const WALLET_LENGTH_MAX: usize = 100;

/// Checks the wallet that a call names.
pub(super) fn check_wallet(content: &Map<String, Value>) -> Result<(), Failure> {
    let wallet = content.get("wallet").and_then(Value::as_str).unwrap_or_default();
    if wallet.is_empty() || checks::length(wallet) > WALLET_LENGTH_MAX {
        return Err(Failure::new(BAD_WALLET, format!("wallet {wallet:?} has a wrong size")));
    }
    Ok(())
}

/// Checks what every call carries besides its login: language, version, the caller's address and program.
pub(super) fn check_session(content: &Map<String, Value>) -> Result<(), Failure> {
    let text = |name: &str| content.get(name).and_then(Value::as_str).unwrap_or_default();
    if let Some(name) = ["language", "version", "walletUa"].into_iter().find(|name| text(name).is_empty()) {
        return Err(Failure::new(BAD_DATA, format!("{name} is missing")));
    }
    if !checks::is_ip(text("walletIp")) {
        return Err(Failure::new(BAD_IP, format!("walletIp {:?} is no address", text("walletIp"))));
    }
    Ok(())
}

/// Checks the fields that a call changes; the failure quotes the first wrong one.
pub(super) fn check_changes(changes: &Map<String, Value>, today: Date) -> Result<(), Failure> {
    for (name, value) in changes {
        let Some((_, min, max, form, code)) = FIELDS.iter().find(|(known, ..)| known == name) else {
            return Err(Failure::new(BAD_DATA, format!("unknown parameter {name}")));
        };
        let wrong = |code: &str| Failure::new(code, format!("{name} cannot be {value}"));
        let text = value.as_str().filter(|text| !text.is_empty()).ok_or_else(|| wrong(BAD_DATA))?;
        let is_sized = (*min..=*max).contains(&checks::length(text));
        if !is_sized || !has_form(*form, text) {
            return Err(wrong(code));
        }
        let is_unborn = |date| !checks::is_birth_date(date, today);
        if matches!(form, Form::BirthDate) && checks::date(text).is_some_and(is_unborn) {
            return Err(wrong(BAD_BIRTH_DATE));
        }
    }
    Ok(())
}

/// The parameters of `RegisterWallet` under the names of the fields that they fill.
pub(super) fn registered(parameters: &Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let missing =
        REGISTERED.iter().take(REGISTERED_REQUIRED).find(|(name, _)| !parameters.contains_key(*name));
    if let Some((name, _)) = missing {
        return Err(Failure::new(BAD_DATA, format!("{name} is missing")));
    }
    let mut fields = Map::new();
    for (name, value) in parameters {
        let Some((_, field)) = REGISTERED.iter().find(|(known, _)| known == name) else {
            return Err(Failure::new(BAD_DATA, format!("unknown parameter {name}")));
        };
        fields.insert((*field).to_owned(), value.clone());
    }
    Ok(fields)
}

fn has_form(form: Form, text: &str) -> bool {
    match form {
        Form::Text => true,
        Form::Name => !text.contains(NOT_IN_NAMES),
        Form::Email => checks::is_email(text),
        Form::Choice(choices) => choices.contains(&text),
        Form::Country => checks::is_alpha3(text),
        Form::Countries => {
            text.split(',').count() <= NATIONALITIES_MAX && text.split(',').all(checks::is_alpha3)
        }
        Form::Ip => checks::is_ip(text),
        Form::Phone => checks::is_digits(text) && !text.starts_with('0'),
        Form::BirthDate => checks::date(text).is_some(),
    }
}
