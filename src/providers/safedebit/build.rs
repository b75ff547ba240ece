//! Key and values → the request of Safedebit. Pure: the same input makes the same bytes.

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value};

use crate::domain::wire::{ProviderKey, WireValues};

use super::super::exchange::{BuildError, Request, basic};
use super::super::settings::Credentials;
use super::settings::SafedebitSettings;
use super::{fields, wire};

pub(super) fn request(
    settings: &SafedebitSettings,
    credentials: &Credentials,
    key: &ProviderKey,
    values: &WireValues,
) -> Result<Request, BuildError> {
    Ok(Request {
        url: format!("{}/{}", settings.common.base_url.trim_end_matches('/'), wire::PATH),
        headers: vec![
            basic(credentials)?,
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ],
        body: body(key, values)?.to_string().into_bytes(),
    })
}

fn body(key: &ProviderKey, values: &WireValues) -> Result<Value, BuildError> {
    if key.0.is_empty() {
        return Err(BuildError::Key);
    }
    let mut object = Map::new();
    object.insert(wire::REFERENCE.to_owned(), Value::from(key.0.as_str()));
    for (code, value) in values.iter() {
        let field = super::super::find(fields::FIELDS, code)
            .filter(|field| field.code != fields::REFERENCE)
            .ok_or(BuildError::UnknownField(code))?;
        object.insert(field.name.to_owned(), Value::from(value));
    }
    Ok(Value::Object(object))
}
