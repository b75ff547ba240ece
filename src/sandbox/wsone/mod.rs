//! The simulated WsOne: `updatePerson`, `createPerson` and `getPerson` of its person web service.
//!
//! Written from its two pages. Types and names are taken at their word: an integer in quotes, a missing key or an
//! unknown one is refused. Nothing is documented about refusals, so their codes come from the scenario. A create is
//! not idempotent. The shape of `getPerson`'s answer is ours.

use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use serde_json::{Map, Value, json};

use super::credentials::admits_basic;
use super::desk::Desk;
use super::ledger::Outcome;
use super::people::Person;
use super::reply::{Reply, Served};
use super::request::Call;
use super::route::Operation;
use super::scenario::UpdateHabit;
use crate::domain::provider::ProviderId;

mod fields;

/// The `responseCode` of success: a string.
const SUCCESS: &str = "000";
const CREATED: &str = "Request successfully processed";
const UPDATED: &str =
    "Request successfully processed\nserver.instance.name=API-DOG preprod serveur 1 instance 1\n";

/// Serves one request.
pub(super) fn serve(call: &Call, desk: &mut Desk<'_>) -> Served {
    if !admits_basic(desk.accounts.wsone.as_ref(), &call.headers) {
        let reply = Reply::html(StatusCode::UNAUTHORIZED, "Unauthorized");
        return Served::status(reply.with_header(WWW_AUTHENTICATE, "Basic realm=\"WsOne\""), Outcome::Denied);
    }
    let content = match &call.content {
        Ok(content) => content,
        Err(malformed) => {
            return Served::status(Reply::html(malformed.status, malformed.reason), Outcome::Malformed);
        }
    };
    if let Err(defect) = fields::check(call.operation(), content, desk.today) {
        return refused(&desk.scenario.wsone.data_code, &defect);
    }
    let Some(key) = call.key() else {
        return refused(&desk.scenario.wsone.data_code, "the identifier is missing");
    };
    match call.operation() {
        Operation::CreatePerson => create(&key, content, desk),
        Operation::GetPerson => get(&key, desk),
        Operation::UpdatePerson
        | Operation::UpdateWalletDetails
        | Operation::GetWalletDetails
        | Operation::RegisterWallet
        | Operation::EditConsumer => update(&key, content, desk),
    }
}

/// A refusal as WsOne words it.
pub(super) fn refusal(code: &str, infos: &str) -> Reply {
    answer(code, infos)
}

fn refused(code: &str, infos: &str) -> Served {
    Served::unchanged(refusal(code, infos), Outcome::Refused, code)
}

fn answer(code: &str, infos: &str) -> Reply {
    let body = json!({"responseCode": code, "infos": infos, "NewIdentifierResponse": null});
    Reply::json(StatusCode::OK, &body)
}

fn update(key: &str, content: &Map<String, Value>, desk: &mut Desk<'_>) -> Served {
    let habits = &desk.scenario.wsone;
    if desk.people.get(ProviderId::Wsone, key).is_none() && !desk.accept_unknown {
        return refused(&habits.unknown_code, &format!("no person has the identifier {key}"));
    }
    let person = desk.people.enter(ProviderId::Wsone, key);
    merge(person, content, habits.update);
    Served::applied(answer(SUCCESS, UPDATED), SUCCESS, content.clone())
}

fn create(key: &str, content: &Map<String, Value>, desk: &mut Desk<'_>) -> Served {
    let is_known = desk.people.get(ProviderId::Wsone, key).is_some();
    if let (true, Some(code)) = (is_known, &desk.scenario.wsone.exists_code) {
        return refused(code, &format!("a person has the identifier {key}"));
    }
    let person = desk.people.enter(ProviderId::Wsone, key);
    if is_known {
        person.persons += 1;
        person.fields.clear();
    }
    let mut flat = content.clone();
    if let Some(Value::Object(profile)) = flat.remove("PersonProfilRequest") {
        flat.extend(profile);
    }
    merge(person, &flat, UpdateHabit::Replace);
    let mut served = Served::applied(answer(SUCCESS, CREATED), SUCCESS, content.clone());
    served.duplicate = is_known;
    served
}

fn get(key: &str, desk: &Desk<'_>) -> Served {
    let Some(person) = desk.people.get(ProviderId::Wsone, key) else {
        return refused(&desk.scenario.wsone.unknown_code, &format!("no person has the identifier {key}"));
    };
    let mut body = json!({"responseCode": SUCCESS, "infos": CREATED});
    for (name, value) in &person.fields {
        body[name.replace("Request", "Response")] = value.clone();
    }
    Served::unchanged(Reply::json(StatusCode::OK, &body), Outcome::Accepted, SUCCESS)
}

/// Brings what was sent into what is held. The contacts are a folder of three objects, subscriptions a set by `id`.
fn merge(person: &mut Person, sent: &Map<String, Value>, habit: UpdateHabit) {
    for (name, value) in sent {
        match (name.as_str(), value) {
            ("IdentifierRequest" | "NewIdentifierRequest", _) => {}
            ("ContactsRequest", Value::Object(contacts)) => {
                let held = object(&mut person.fields, name);
                for (contact, value) in contacts {
                    put(held, contact, value, habit);
                }
            }
            ("SubscriptionRequest", Value::Array(sent)) => subscribe(&mut person.fields, sent),
            _ => put(&mut person.fields, name, value, habit),
        }
    }
}

fn put(held: &mut Map<String, Value>, name: &str, value: &Value, habit: UpdateHabit) {
    match (habit, value) {
        (UpdateHabit::Patch, Value::Object(fields)) => object(held, name).extend(fields.clone()),
        (UpdateHabit::Patch | UpdateHabit::Replace, _) => {
            held.insert(name.to_owned(), value.clone());
        }
    }
}

/// The object of that name, made empty when it is not there.
fn object<'a>(held: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let entry = held.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    entry.as_object_mut().expect("it was just made an object")
}

fn subscribe(held: &mut Map<String, Value>, sent: &[Value]) {
    let entry = held.entry("SubscriptionRequest").or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(known) = entry else { return };
    for subscription in sent {
        match known.iter_mut().find(|known| known["id"] == subscription["id"]) {
            Some(known) => *known = subscription.clone(),
            None => known.push(subscription.clone()),
        }
    }
    known.sort_by_key(|subscription| subscription["id"].as_i64());
}
