//! The documented form of WsOne's requests, as a tree of names and forms, and the walk that checks a body by it.
//!
//! Complaints quote the offending value on purpose, as real services do: what a client prints of `infos` shows.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::super::checks;
use super::super::route::Operation;

/// What may stand under one name.
enum Form {
    /// Any string.
    Text,
    /// A string that is not empty.
    Key,
    /// An integer.
    Integer,
    /// The integer 0 or 1.
    Consent,
    /// A birth date, `dd/MM/yyyy`.
    BirthDate,
    /// One e-mail address, or empty.
    Email,
    /// The French name of a country in capitals, or empty.
    Country,
    /// An object with these names and no others, all optional but the required ones.
    Object(&'static [Field]),
    /// A phone: an object like [`Form::Object`] whose two parts fit each other.
    Phone(&'static [Field]),
    /// A list of `{"activate": bool, "id": int}`.
    Subscriptions,
}

struct Field {
    name: &'static str,
    form: Form,
    required: bool,
}

const fn optional(name: &'static str, form: Form) -> Field {
    Field { name, form, required: false }
}

const fn required(name: &'static str, form: Form) -> Field {
    Field { name, form, required: true }
}

const IDENTIFIER: &[Field] =
    &[required("identifierType", Form::Integer), required("identifierValue", Form::Key)];
const ENTITY: &[Field] = &[required("entityIdentifier", Form::Text)];
const PERSON: &[Field] = &[
    optional("birthDate", Form::BirthDate),
    optional("firstName", Form::Text),
    optional("lastName", Form::Text),
    optional("title", Form::Integer),
];
const ADDRESS: &[Field] = &[
    optional("allowCompanySolicitation", Form::Consent),
    optional("allowTrustedSolicitation", Form::Consent),
    optional("address1", Form::Text),
    optional("address2", Form::Text),
    optional("address3Name", Form::Text),
    optional("address3Num", Form::Integer),
    optional("address3Type", Form::Integer),
    optional("address4", Form::Text),
    optional("city", Form::Text),
    optional("country", Form::Country),
    optional("zipCode", Form::Text),
];
const EMAIL: &[Field] = &[
    optional("allowCompanySolicitation", Form::Consent),
    optional("allowTrustedSolicitation", Form::Consent),
    optional("emailValue", Form::Email),
];
const CELL_PHONE: &[Field] = &[
    optional("allowCompanySolicitation", Form::Consent),
    optional("allowTrustedSolicitation", Form::Consent),
    optional("model", Form::Text),
    optional("brand", Form::Text),
    optional("dialingCode", Form::Text),
    optional("number", Form::Text),
];
const CONTACTS: &[Field] = &[
    optional("AddressRequest", Form::Object(ADDRESS)),
    optional("EmailRequest", Form::Object(EMAIL)),
    optional("CellPhoneRequest", Form::Phone(CELL_PHONE)),
];
const PROFILE: &[Field] = &[
    optional("ContactsRequest", Form::Object(CONTACTS)),
    optional("EntityRequest", Form::Object(ENTITY)),
    optional("PersonRequest", Form::Object(PERSON)),
];
const UPDATE: &[Field] = &[
    required("IdentifierRequest", Form::Object(IDENTIFIER)),
    optional("ContactsRequest", Form::Object(CONTACTS)),
    optional("EntityRequest", Form::Object(ENTITY)),
    optional("PersonRequest", Form::Object(PERSON)),
    optional("SubscriptionRequest", Form::Subscriptions),
    optional("source", Form::Text),
];
const CREATE: &[Field] = &[
    required("NewIdentifierRequest", Form::Object(IDENTIFIER)),
    required("PersonProfilRequest", Form::Object(PROFILE)),
    optional("SubscriptionRequest", Form::Subscriptions),
    optional("source", Form::Text),
];
const GET: &[Field] = &[
    required("IdentifierRequest", Form::Object(IDENTIFIER)),
    optional("EntityRequest", Form::Object(ENTITY)),
    optional("source", Form::Text),
];
const SUBSCRIPTION_KEYS: usize = 2;

/// Countries whose national numbers are ten digits with a leading 0: France and its overseas departments.
const FRENCH_DIALING_CODES: [&str; 5] = ["33", "262", "590", "594", "596"];

/// Checks the body of a request; the complaint names the first field that is wrong.
pub(super) fn check(operation: Operation, body: &Map<String, Value>, today: Date) -> Result<(), String> {
    let fields = match operation {
        Operation::CreatePerson => CREATE,
        Operation::GetPerson => GET,
        Operation::UpdatePerson
        | Operation::UpdateWalletDetails
        | Operation::GetWalletDetails
        | Operation::RegisterWallet
        | Operation::EditConsumer => UPDATE,
    };
    check_object(fields, body, today)
}

fn check_object(fields: &[Field], object: &Map<String, Value>, today: Date) -> Result<(), String> {
    if let Some(missing) = fields.iter().find(|field| field.required && !object.contains_key(field.name)) {
        return Err(format!("{} is missing", missing.name));
    }
    for (name, value) in object {
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            return Err(format!("unknown field {name}"));
        };
        check_value(field, value, today)?;
    }
    Ok(())
}

fn check_value(field: &Field, value: &Value, today: Date) -> Result<(), String> {
    let is_right = match (&field.form, value) {
        (Form::Object(fields), Value::Object(object)) => return check_object(fields, object, today),
        (Form::Phone(fields), Value::Object(object)) => {
            check_object(fields, object, today)?;
            is_phone(object)
        }
        (Form::Text, Value::String(_)) => true,
        (Form::Key, Value::String(text)) => !text.is_empty(),
        (Form::Integer, Value::Number(number)) => number.as_i64().is_some(),
        (Form::Consent, Value::Number(number)) => matches!(number.as_i64(), Some(0 | 1)),
        (Form::BirthDate, Value::String(text)) => {
            checks::date(text).is_some_and(|date| checks::is_birth_date(date, today))
        }
        (Form::Email, Value::String(text)) => text.is_empty() || checks::is_email(text),
        (Form::Country, Value::String(text)) => text.is_empty() || is_country(text),
        (Form::Subscriptions, Value::Array(list)) => list.iter().all(is_subscription),
        _ => false,
    };
    if is_right { Ok(()) } else { Err(format!("{} has a wrong value: {value}", field.name)) }
}

/// A name in capitals, of letters and what may stand between them; the shortest French names of countries have four letters.
fn is_country(text: &str) -> bool {
    let is_in_name = |c: char| c.is_alphabetic() && !c.is_lowercase() || " -'’().,".contains(c);
    checks::length(text) >= 4 && text.chars().all(is_in_name)
}

fn is_subscription(value: &Value) -> bool {
    value["activate"].is_boolean()
        && value["id"].as_i64().is_some()
        && value.as_object().is_some_and(|object| object.len() == SUBSCRIPTION_KEYS)
}

/// Dialing code and number are digits, both or none, and French numbers keep their leading 0. Where the request has only
/// one of them, the other stays what it was.
fn is_phone(object: &Map<String, Value>) -> bool {
    let text = |name| object.get(name).and_then(Value::as_str);
    let is_code =
        |code: &str| (1..=3).contains(&code.len()) && checks::is_digits(code) && !code.starts_with('0');
    let is_number = |number: &str| (4..=15).contains(&number.len()) && checks::is_digits(number);
    match (text("dialingCode"), text("number")) {
        (None | Some(""), None | Some("")) => true,
        (Some(code), None) => is_code(code),
        (None, Some(number)) => is_number(number),
        (Some(code), Some(number)) if FRENCH_DIALING_CODES.contains(&code) => {
            is_number(number) && number.len() == 10 && number.starts_with('0')
        }
        (Some(code), Some(number)) => is_code(code) && is_number(number),
    }
}
