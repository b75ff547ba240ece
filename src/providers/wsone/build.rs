//! Key and values → the request of `WsOne`. Pure: the same input makes the same bytes.

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value, json};

use crate::domain::call::Operation;
use crate::domain::wire::{Form, ProviderKey, WireValues};

use super::super::exchange::{BuildError, Request, basic};
use super::super::settings::Credentials;
use super::settings::WsOneSettings;
use super::{fields, wire};

pub(super) fn request(
    settings: &WsOneSettings,
    credentials: &Credentials,
    operation: Operation,
    key: &ProviderKey,
    values: &WireValues,
) -> Result<Request, BuildError> {
    let path = match operation {
        Operation::Create => wire::CREATE_PATH,
        Operation::Update => wire::UPDATE_PATH,
    };
    let body = body(settings, operation, key, values)?;
    Ok(Request {
        url: format!("{}/{path}", settings.common.base_url.trim_end_matches('/')),
        headers: vec![
            basic(credentials)?,
            (CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
        ],
        body: body.to_string().into_bytes(),
    })
}

fn body(
    settings: &WsOneSettings,
    operation: Operation,
    key: &ProviderKey,
    values: &WireValues,
) -> Result<Value, BuildError> {
    let mut profile = Map::new();
    let mut subscriptions = Vec::new();
    for (code, value) in values.iter() {
        if let Some(id) = code.subscription_id() {
            let activate = boolean(value, fields::subscription(id).name)?;
            subscriptions.push(json!({ "activate": activate, "id": id }));
            continue;
        }
        let field = super::super::find(fields::FIELDS, code)
            .filter(|field| ![fields::IDENTIFIER_TYPE, fields::IDENTIFIER_VALUE].contains(&field.code))
            .ok_or(BuildError::UnknownField(code))?;
        let value = match field.form {
            Form::Text => Value::from(value),
            Form::Integer => Value::from(integer(value, field.name)?),
            Form::Boolean => Value::from(boolean(value, field.name)?),
        };
        put(&mut profile, field.name, value);
    }
    let (identifier, mut body) = match operation {
        Operation::Update => (wire::IDENTIFIER, profile),
        Operation::Create if profile.is_empty() => (wire::NEW_IDENTIFIER, profile),
        Operation::Create => {
            (wire::NEW_IDENTIFIER, Map::from_iter([(wire::PROFILE.to_owned(), Value::Object(profile))]))
        }
    };
    body.insert(identifier.to_owned(), identifier_object(key)?);
    if !subscriptions.is_empty() {
        body.insert(wire::SUBSCRIPTIONS.to_owned(), Value::Array(subscriptions));
    }
    body.insert(wire::SOURCE.to_owned(), Value::from(settings.source.as_str()));
    Ok(Value::Object(body))
}

fn identifier_object(key: &ProviderKey) -> Result<Value, BuildError> {
    let (number, value) = key.0.split_once(':').ok_or(BuildError::Key)?;
    let number: i64 = number.parse().map_err(|_| BuildError::Key)?;
    if value.is_empty() {
        return Err(BuildError::Key);
    }
    Ok(json!({ "identifierType": number, "identifierValue": value }))
}

/// Puts a value at a path like `ContactsRequest.EmailRequest.emailValue`, making the objects on its way.
fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((name, rest)) = path.split_once('.') else {
        object.insert(path.to_owned(), value);
        return;
    };
    let inner = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
    let inner = inner.as_object_mut().expect("no path of the table goes through a value");
    put(inner, rest, value);
}

fn integer(value: &str, name: &'static str) -> Result<i64, BuildError> {
    value.parse().map_err(|_| BuildError::Form(name))
}

fn boolean(value: &str, name: &'static str) -> Result<bool, BuildError> {
    value.parse().map_err(|_| BuildError::Form(name))
}
