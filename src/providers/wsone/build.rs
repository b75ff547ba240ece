//! Key and values → the request of `WsOne`. Pure: the same input makes the same bytes.

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use crate::domain::call::Operation;
use crate::domain::wire::{Form, ProviderKey, WireValues};

use super::super::exchange::{BuildError, Request};
use super::super::json::Item;
use super::settings::WsOneSettings;
use super::{fields, wire};

pub(super) fn request(
    settings: &WsOneSettings,
    authorization: (HeaderName, HeaderValue),
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
        url: [settings.common.base_url.trim_end_matches('/'), "/", path].concat(),
        headers: vec![authorization, (CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        body: body.into_body(),
    })
}

fn body<'a>(
    settings: &'a WsOneSettings,
    operation: Operation,
    key: &'a ProviderKey,
    values: &'a WireValues,
) -> Result<Item<'a>, BuildError> {
    let mut profile = Vec::with_capacity(values.len() + 3);
    let mut subscriptions = Vec::new();
    // A person who is made anew has nothing to be emptied: such a value was for one that a lost create may have left.
    let is_left_out = |value: &str| operation == Operation::Create && value.is_empty();
    for (code, value) in values.iter().filter(|&(_, value)| !is_left_out(value)) {
        if let Some(id) = code.subscription_id() {
            let activate = Item::of(value, Form::Boolean, fields::subscription(id).name)?;
            subscriptions.push(Item::Object(vec![("activate", activate), ("id", Item::Integer(id.into()))]));
            continue;
        }
        let field = super::super::find(fields::FIELDS, code)
            .filter(|field| ![fields::IDENTIFIER_TYPE, fields::IDENTIFIER_VALUE].contains(&field.code))
            .ok_or(BuildError::UnknownField(code))?;
        profile.push((field.name, Item::of(value, field.form, field.name)?));
    }
    let (identifier, mut body) = match operation {
        Operation::Update => (wire::IDENTIFIER, profile),
        // Also where nothing stands in it: no document shows a request without it.
        Operation::Create => (wire::NEW_IDENTIFIER, vec![(wire::PROFILE, Item::Object(profile))]),
    };
    body.push((identifier, identifier_object(key)?));
    if !subscriptions.is_empty() {
        body.push((wire::SUBSCRIPTIONS, Item::List(subscriptions)));
    }
    body.push((wire::SOURCE, Item::Text(&settings.source)));
    Ok(Item::Object(body))
}

fn identifier_object(key: &ProviderKey) -> Result<Item<'_>, BuildError> {
    let (number, value) = key.0.split_once(':').ok_or(BuildError::Key)?;
    let number: i64 = number.parse().map_err(|_| BuildError::Key)?;
    if value.is_empty() {
        return Err(BuildError::Key);
    }
    Ok(Item::Object(vec![("identifierType", Item::Integer(number)), ("identifierValue", Item::Text(value))]))
}
