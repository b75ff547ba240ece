//! The simulated Safedebit: `edit_consumer`, by its one page.
//!
//! Every failure is HTTP 200 with `result` false. The page leaves the codes to an annex that is not published:
//! `AUTH_001` and `EXIST_002` are known from practice, the `DATA_0xx` are ours. An empty text clears a field where the
//! page asks for free text, e-mail or phone; coded fields cannot be emptied.

use axum::http::header::{ACCEPT, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::checks;
use super::credentials::admits_basic;
use super::desk::Desk;
use super::ledger::Outcome;
use super::reply::{Reply, Served};
use super::request::Call;
use crate::domain::provider::ProviderId;

const DENIED: &str = "AUTH_001";
const UNKNOWN_CONSUMER: &str = "EXIST_002";
const BAD_JSON: &str = "DATA_000";
const UNKNOWN_FIELD: &str = "DATA_001";
const NO_REFERENCE: &str = "DATA_002";
const WRONG_TYPE: &str = "DATA_003";
const TOO_LONG: &str = "DATA_004";
const SUCCESS: &str = "ok";
const REFERENCE: &str = "safedebit_consumer_reference";

/// What may stand under one name, besides its size.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Choice(&'static [&'static str]),
    Date,
    BirthDate,
    Email,
    Phone,
    Ip,
    Iban,
    Siren,
    Rna,
    Digits,
    Country,
}

/// Name, largest size in characters, form.
const FIELDS: &[(&str, usize, Form)] = &[
    (REFERENCE, 35, Form::Text),
    ("consumer_reference", 64, Form::Text),
    ("consumer_gender", 1, Form::Choice(&["M", "F"])),
    ("consumer_first_name", 70, Form::Text),
    ("consumer_use_name", 70, Form::Text),
    ("consumer_pseudonyme", 70, Form::Text),
    ("consumer_last_name", 70, Form::Text),
    ("consumer_other_last_name", 70, Form::Text),
    ("identity_type", 1, Form::Choice(&["1", "2", "3", "4", "5"])),
    ("id_number", 18, Form::Text),
    ("emission_date", 10, Form::Date),
    ("expire_date", 10, Form::Date),
    ("consumer_birth_day", 10, Form::BirthDate),
    ("consumer_birth_city", 35, Form::Text),
    ("nationality", 3, Form::Country),
    ("consumer_address_street_number", 16, Form::Text),
    ("consumer_address_street_type", 16, Form::Text),
    ("consumer_address_street_name", 70, Form::Text),
    ("consumer_address_complement", 70, Form::Text),
    ("consumer_zip_code", 16, Form::Text),
    ("consumer_city", 35, Form::Text),
    ("consumer_country", 35, Form::Country),
    ("consumer_email", 70, Form::Email),
    ("consumer_phone_number", 16, Form::Phone),
    ("consumer_ip", 16, Form::Ip),
    ("consumer_type", 1, Form::Choice(&["0", "1", "2"])),
    ("iban", 34, Form::Iban),
    ("social_reference", 32, Form::Text),
    ("siren", 9, Form::Siren),
    ("nic", 5, Form::Digits),
    ("naf", 32, Form::Text),
    ("tva_interco", 32, Form::Text),
    ("waldec", 16, Form::Rna),
];

/// Serves one request.
pub(super) fn serve(call: &Call, desk: &mut Desk<'_>) -> Served {
    if !admits_basic(desk.accounts.safedebit.as_ref(), &call.headers) {
        return denied(desk.scenario.safedebit.denied_with_401);
    }
    if !accepts_json(&call.headers) {
        let reply = Reply::html(StatusCode::NOT_ACCEPTABLE, "the answer is application/json");
        return Served::status(reply, Outcome::Malformed);
    }
    let content = match &call.content {
        Ok(content) => content,
        Err(malformed) if malformed.status == StatusCode::BAD_REQUEST => {
            return Served::unchanged(refusal(BAD_JSON), Outcome::Malformed, BAD_JSON);
        }
        Err(malformed) => {
            return Served::status(Reply::html(malformed.status, malformed.reason), Outcome::Malformed);
        }
    };
    match edit(content, desk) {
        Ok(()) => {
            let reply = Reply::json(StatusCode::OK, &json!({"result": true}));
            Served::applied(reply, SUCCESS, content.clone())
        }
        Err(code) => Served::unchanged(refusal(code), Outcome::Refused, code),
    }
}

/// A refusal as Safedebit words it.
pub(super) fn refusal(code: &str) -> Reply {
    Reply::json(StatusCode::OK, &json!({"result": false, "code": code}))
}

fn denied(with_401: bool) -> Served {
    if with_401 {
        let reply = Reply::html(StatusCode::UNAUTHORIZED, "Unauthorized");
        return Served::status(
            reply.with_header(WWW_AUTHENTICATE, "Basic realm=\"Safedebit\""),
            Outcome::Denied,
        );
    }
    Served::unchanged(refusal(DENIED), Outcome::Denied, DENIED)
}

/// The page's requests ask for JSON by name. A wildcard is what HTTP libraries add for whoever forgot it.
fn accepts_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = accepted.flat_map(|value| value.split(',')).filter_map(|range| range.split(';').next());
    ranges.any(|range| range.trim() == "application/json")
}

fn edit(content: &Map<String, Value>, desk: &mut Desk<'_>) -> Result<(), &'static str> {
    let reference = content.get(REFERENCE).and_then(Value::as_str).unwrap_or_default();
    if reference.is_empty() {
        return Err(NO_REFERENCE);
    }
    for (name, value) in content {
        check(name, value, desk.today)?;
    }
    if desk.people.get(ProviderId::Safedebit, reference).is_none() && !desk.accept_unknown {
        return Err(UNKNOWN_CONSUMER);
    }
    let consumer = desk.people.enter(ProviderId::Safedebit, reference);
    let changes = content.iter().filter(|(name, _)| *name != REFERENCE);
    consumer.fields.extend(changes.map(|(name, value)| (name.clone(), value.clone())));
    Ok(())
}

fn check(name: &str, value: &Value, today: Date) -> Result<(), &'static str> {
    let field = FIELDS.iter().find(|(known, ..)| *known == name);
    let (_, size, form) = field.ok_or(UNKNOWN_FIELD)?;
    let text = value.as_str().ok_or(WRONG_TYPE)?;
    if checks::length(text) > *size {
        return Err(TOO_LONG);
    }
    check_form(*form, text, today)
}

fn check_form(form: Form, text: &str, today: Date) -> Result<(), &'static str> {
    let (is_right, code) = match form {
        Form::Text => (true, WRONG_TYPE),
        Form::Choice(choices) => (choices.contains(&text), "DATA_005"),
        Form::Date => (checks::date(text).is_some(), "DATA_006"),
        Form::BirthDate => {
            (checks::date(text).is_some_and(|date| checks::is_birth_date(date, today)), "DATA_006")
        }
        Form::Iban => (checks::is_iban(text), "DATA_007"),
        Form::Email => (text.is_empty() || checks::is_email(text), "DATA_008"),
        Form::Phone => (text.is_empty() || is_phone(text), "DATA_009"),
        // No longer address fits.
        Form::Ip => (checks::is_ip4(text), "DATA_010"),
        Form::Siren => (checks::is_siren(text), "DATA_011"),
        Form::Country => (checks::is_alpha2(text), "DATA_012"),
        Form::Rna => (checks::is_rna(text), "DATA_013"),
        Form::Digits => (checks::is_digits(text), "DATA_014"),
    };
    if is_right { Ok(()) } else { Err(code) }
}

/// The French national form with its leading 0; of another country `+` and an international number.
fn is_phone(text: &str) -> bool {
    match text.strip_prefix('+') {
        Some(number) => {
            let is_foreign = !number.starts_with('0') && !number.starts_with("33");
            is_foreign && (7..=15).contains(&number.len()) && checks::is_digits(number)
        }
        None => text.len() == 10 && text.starts_with('0') && checks::is_digits(text),
    }
}
