//! Key and values → the request of Lemonway, in any of its protocols. Pure: the same input makes the same bytes.

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use secrecy::ExposeSecret;

use crate::domain::wire::{ProviderKey, WireValues};

use super::super::exchange::{BuildError, Request};
use super::super::json::Item;
use super::super::settings::Credentials;
use super::settings::LemonwaySettings;
use super::wire::Envelope;
use super::{fields, xml};

pub(super) fn request(
    settings: &LemonwaySettings,
    credentials: &Credentials,
    key: &ProviderKey,
    values: &WireValues,
) -> Result<Request, BuildError> {
    let elements = elements(settings, credentials, key, values)?;
    let endpoint = settings.protocol.endpoint();
    let url = [settings.common.base_url.trim_end_matches('/'), "/", endpoint.path].concat();
    let (headers, body) = match endpoint.envelope {
        Envelope::Json(envelope) => (json_headers(), json(envelope, &elements)),
        Envelope::Soap { namespace, action } => (soap_headers(action), xml::soap(namespace, &elements)?),
    };
    Ok(Request { url, headers, body })
}

fn json_headers() -> Vec<(HeaderName, HeaderValue)> {
    vec![
        (CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
        (ACCEPT, HeaderValue::from_static("application/json")),
    ]
}

fn soap_headers(action: &'static str) -> Vec<(HeaderName, HeaderValue)> {
    vec![
        (CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8")),
        (HeaderName::from_static("soapaction"), HeaderValue::from_static(action)),
    ]
}

/// Names and texts in the order of the vendor's page: constants, wallet, changed values.
fn elements<'a>(
    settings: &'a LemonwaySettings,
    credentials: &'a Credentials,
    key: &'a ProviderKey,
    values: &'a WireValues,
) -> Result<Vec<(&'static str, &'a str)>, BuildError> {
    if key.0.is_empty() {
        return Err(BuildError::Key);
    }
    let mut elements = vec![
        ("wlLogin", credentials.username.expose_secret()),
        ("wlPass", credentials.password.expose_secret()),
        ("language", settings.language.as_str()),
        ("version", settings.version.as_str()),
        ("walletIp", settings.wallet_ip.as_str()),
        ("walletUa", settings.wallet_ua.as_str()),
        ("wallet", key.0.as_str()),
    ];
    for (code, value) in values.iter() {
        let field = super::super::find(fields::FIELDS, code)
            .filter(|field| field.code != fields::WALLET)
            .ok_or(BuildError::UnknownField(code))?;
        if value.is_empty() {
            return Err(BuildError::Form(field.name));
        }
        elements.push((field.name, value));
    }
    Ok(elements)
}

fn json(envelope: Option<&'static str>, elements: &[(&'static str, &str)]) -> Vec<u8> {
    let object = Item::Object(elements.iter().map(|(name, text)| (*name, Item::Text(text))).collect());
    match envelope {
        Some(name) => Item::Object(vec![(name, object)]).into_body(),
        None => object.into_body(),
    }
}
