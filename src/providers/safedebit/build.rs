//! Key and values → the request of Safedebit. Pure: the same input makes the same bytes.

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};

use crate::domain::wire::{ProviderKey, WireValues};

use super::super::exchange::{BuildError, Request};
use super::super::json::Item;
use super::settings::SafedebitSettings;
use super::{fields, wire};

pub(super) fn request(
    settings: &SafedebitSettings,
    authorization: (HeaderName, HeaderValue),
    key: &ProviderKey,
    values: &WireValues,
) -> Result<Request, BuildError> {
    Ok(Request {
        url: [settings.common.base_url.trim_end_matches('/'), "/", wire::PATH].concat(),
        headers: vec![
            authorization,
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ],
        body: body(key, values)?.into_body(),
    })
}

fn body<'a>(key: &'a ProviderKey, values: &'a WireValues) -> Result<Item<'a>, BuildError> {
    if key.0.is_empty() {
        return Err(BuildError::Key);
    }
    let mut object = vec![(wire::REFERENCE, Item::Text(&key.0))];
    for (code, value) in values.iter() {
        let field = super::super::find(fields::FIELDS, code)
            .filter(|field| field.code != fields::REFERENCE)
            .ok_or(BuildError::UnknownField(code))?;
        object.push((field.name, Item::Text(value)));
    }
    Ok(Item::Object(object))
}
