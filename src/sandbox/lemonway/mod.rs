//! The simulated Lemonway: wallets, in the four dialects that its services speak.
//!
//! Whatever the dialect, a request becomes the same parameters and a decision the same answer: `details` knows the
//! forms of the fields, `json` and `soap` the envelopes, this file who may change which wallet. A refusal is HTTP 200
//! with an `E`, whose `Error` quotes the customer's data on purpose: a client that logs it is found out.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::credentials::admits;
use super::desk::Desk;
use super::ledger::Outcome;
use super::people::Person;
use super::reply::{Reply, Served};
use super::request::Call;
use super::route::{Dialect, Operation};
use super::scenario::LemonwayHabits;
use crate::domain::provider::ProviderId;

mod details;
mod json;
mod messages;
pub(super) mod soap;

pub(super) use json::exception;

/// The code that the ledger notes for success; Lemonway itself has none.
const SUCCESS: &str = "ok";
const DENIED: &str = "105";
const WALLET_STATUS: &str = "146";
const NO_SUCH_WALLET: &str = "147";
const WALLET_EXISTS: &str = "152";
const EMAIL_USED: &str = "204";
/// All that a verified wallet lets change.
const OPEN_WHEN_VERIFIED: [&str; 3] = ["newEmail", "newPhoneNumber", "newMobileNumber"];
/// The parameters that say who calls, not what changes.
const SESSION: [&str; 6] = ["wlLogin", "wlPass", "language", "version", "walletIp", "walletUa"];

/// Why a request is refused: the code, and the sentence for `Error`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    code: String,
    detail: String,
}

impl Failure {
    fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { code: code.to_owned(), detail: detail.into() }
    }
}

/// Serves one request.
pub(super) fn serve(call: &Call, desk: &mut Desk<'_>) -> Served {
    if desk.scenario.lemonway.foreign_address {
        return Served::status(Reply::html(StatusCode::FORBIDDEN, "Forbidden"), Outcome::Denied);
    }
    let content = match &call.content {
        Ok(content) => content,
        Err(malformed) => {
            let reply = match call.target.dialect {
                Dialect::Soap | Dialect::SoapXml => soap::fault(*malformed),
                Dialect::Json | Dialect::Json2 | Dialect::BareJson => exception(malformed.reason),
            };
            return Served::status(reply, Outcome::Malformed);
        }
    };
    match decide(call.operation(), content, desk) {
        Ok((wallet, applied)) => {
            let reply = answer(call, &Ok(wallet), &desk.scenario.lemonway);
            match applied {
                Some(fields) => Served::applied(reply, SUCCESS, fields),
                None => Served::unchanged(reply, Outcome::Accepted, SUCCESS),
            }
        }
        Err(failure) => {
            let outcome = if failure.code == DENIED { Outcome::Denied } else { Outcome::Refused };
            let code = failure.code.clone();
            Served::unchanged(answer(call, &Err(failure), &desk.scenario.lemonway), outcome, &code)
        }
    }
}

/// A refusal as Lemonway words it, in the dialect and language of the request.
pub(super) fn refusal(call: &Call, code: &str, habits: &LemonwayHabits) -> Reply {
    answer(call, &Err(Failure::new(code, "refused by the scenario")), habits)
}

/// An answer about a wallet in the dialect of the request.
fn answer(call: &Call, decision: &Result<Value, Failure>, habits: &LemonwayHabits) -> Reply {
    let language = call.content.as_ref().map_or("", |content| text(content, "language"));
    let decision = match decision {
        Ok(wallet) => Ok(wallet),
        Err(failure) => Err(messages::error(&failure.code, &failure.detail, language)),
    };
    match call.target.dialect {
        Dialect::Json | Dialect::Json2 => json::wrapped(call.operation(), decision),
        Dialect::BareJson if habits.wrapped_json => json::wrapped(call.operation(), decision),
        Dialect::BareJson => json::bare(decision),
        Dialect::SoapXml => soap::answer("Service_mb_xml", habits.result_element, false, &decision),
        Dialect::Soap => soap::answer("Service_mb", habits.result_element, habits.escaped_result, &decision),
    }
}

/// What is answered about the wallet, and the fields that were applied to it.
type Decision = Result<(Value, Option<Map<String, Value>>), Failure>;

fn decide(operation: Operation, content: &Map<String, Value>, desk: &mut Desk<'_>) -> Decision {
    if !admits(desk.accounts.lemonway.as_ref(), text(content, "wlLogin"), text(content, "wlPass")) {
        return Err(Failure::new(DENIED, "authentication failed"));
    }
    match operation {
        Operation::GetWalletDetails => get(content, desk),
        Operation::RegisterWallet => register(content, desk),
        Operation::UpdateWalletDetails
        | Operation::UpdatePerson
        | Operation::CreatePerson
        | Operation::GetPerson
        | Operation::EditConsumer => update(content, desk),
    }
}

fn update(content: &Map<String, Value>, desk: &mut Desk<'_>) -> Decision {
    details::check_wallet(content)?;
    details::check_session(content)?;
    let wallet = text(content, "wallet");
    let known = desk.people.get(ProviderId::Lemonway, wallet);
    if known.is_none() && !desk.accept_unknown {
        return Err(Failure::new(NO_SUCH_WALLET, format!("wallet {wallet} does not exist")));
    }
    let changes = changes(content);
    details::check_changes(&changes, desk.today)?;
    let is_verified = known.is_some_and(|person| person.verified)
        || desk.scenario.lemonway.verified.iter().any(|verified| verified == wallet);
    let closed = changes.keys().find(|name| !OPEN_WHEN_VERIFIED.contains(&name.as_str()));
    if let (true, Some(name)) = (is_verified, closed) {
        let detail = format!("wallet {wallet} is verified: {name} cannot become {}", changes[name]);
        return Err(Failure::new(WALLET_STATUS, detail));
    }
    check_email_is_free(wallet, &changes, desk)?;
    Ok((apply(wallet, &changes, desk), Some(without_session(content))))
}

fn register(content: &Map<String, Value>, desk: &mut Desk<'_>) -> Decision {
    details::check_wallet(content)?;
    details::check_session(content)?;
    let wallet = text(content, "wallet");
    if desk.people.get(ProviderId::Lemonway, wallet).is_some() {
        return Err(Failure::new(WALLET_EXISTS, format!("wallet {wallet} exists")));
    }
    let fields = details::registered(&changes(content))?;
    details::check_changes(&fields, desk.today)?;
    check_email_is_free(wallet, &fields, desk)?;
    Ok((apply(wallet, &fields, desk), Some(without_session(content))))
}

/// Reads a wallet by its identifier, or, where none is given, by its e-mail address.
fn get(content: &Map<String, Value>, desk: &Desk<'_>) -> Decision {
    details::check_session(content)?;
    let (wallet, email) = (text(content, "wallet"), text(content, "email"));
    let wallet = if wallet.is_empty() && !email.is_empty() {
        desk.people.wallet_of_email(email).unwrap_or_default()
    } else {
        details::check_wallet(content)?;
        wallet
    };
    match desk.people.get(ProviderId::Lemonway, wallet) {
        Some(person) => Ok((portrait(wallet, person), None)),
        None => Err(Failure::new(NO_SUCH_WALLET, format!("@code={wallet}, @email={email}"))),
    }
}

/// What a wallet is shown as: every key that recorded answers have, null where nothing is known.
fn portrait(wallet: &str, person: &Person) -> Value {
    let field = |name: &str| person.fields.get(name).cloned().unwrap_or_default();
    let name = [text(&person.fields, "newFirstName"), text(&person.fields, "newLastName")].join(" ");
    json!({
        "ID": wallet,
        "BAL": "0.00",
        "NAME": name.trim(),
        "EMAIL": text(&person.fields, "newEmail"),
        "DOCS": null,
        "IBANS": null,
        "STATUS": if person.verified { "6" } else { "5" },
        "BLOCKED": null,
        "SDDMANDATES": null,
        "LWID": person.number.to_string(),
        "CARDS": null,
        "FirstName": field("newFirstName"),
        "LastName": field("newLastName"),
        "CompanyName": field("newCompanyName"),
        "CompanyDescription": field("newCompanyDescription"),
        "CompanyWebsite": field("newCompanyWebsite"),
        "isDebtor": field("newIsDebtor"),
        "payerOrBeneficiary": field("newPayerOrBeneficiary"),
    })
}

/// What is left of the parameters when who calls and which wallet are taken away.
fn changes(content: &Map<String, Value>) -> Map<String, Value> {
    let mut changes = without_session(content);
    changes.remove("wallet");
    changes
}

fn without_session(content: &Map<String, Value>) -> Map<String, Value> {
    let mut rest = content.clone();
    rest.retain(|name, _| !SESSION.contains(&name.as_str()));
    rest
}

fn check_email_is_free(wallet: &str, changes: &Map<String, Value>, desk: &Desk<'_>) -> Result<(), Failure> {
    let email = text(changes, "newEmail");
    match desk.people.wallet_of_email(email) {
        Some(owner) if owner != wallet => {
            Err(Failure::new(EMAIL_USED, format!("{email} is used by wallet {owner}")))
        }
        Some(_) | None => Ok(()),
    }
}

fn apply(wallet: &str, changes: &Map<String, Value>, desk: &mut Desk<'_>) -> Value {
    let person = desk.people.enter(ProviderId::Lemonway, wallet);
    let old_email = person.fields.get("newEmail").and_then(Value::as_str).map(str::to_owned);
    person.fields.extend(changes.clone());
    let answer = identity(wallet, person);
    if let Some(new_email) = changes.get("newEmail").and_then(Value::as_str) {
        desk.people.move_email(wallet, old_email.as_deref(), new_email);
    }
    answer
}

fn identity(wallet: &str, person: &Person) -> Value {
    json!({"ID": wallet, "LWID": person.number.to_string()})
}

fn text<'a>(content: &'a Map<String, Value>, name: &str) -> &'a str {
    content.get(name).and_then(Value::as_str).unwrap_or_default()
}
