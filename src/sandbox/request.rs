//! A request as it came in: its address, its headers, and its body read by the rules of its dialect.
//!
//! Reading is the same for all operations of a dialect; what the content means is each provider's own.

use std::fmt;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::lemonway::soap;
use super::route::{Dialect, Operation, Target};

/// One request to one provider.
pub(super) struct Call {
    pub(super) target: Target,
    pub(super) headers: HeaderMap,
    /// The parameters, or why there are none.
    pub(super) content: Result<Map<String, Value>, Malformed>,
    /// When it arrived, since the start of the simulators.
    pub(super) at: Duration,
}

/// A request that is none, in HTTP's terms and a developer's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
}

impl Malformed {
    pub(super) const fn new(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason }
    }
}

const NOT_POST: Malformed =
    Malformed::new(StatusCode::METHOD_NOT_ALLOWED, "the operation is called with the method POST");
const TOO_LONG: Malformed = Malformed::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long");
const NOT_JSON_TYPE: Malformed =
    Malformed::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type must be application/json, in UTF-8");
const NOT_JSON: Malformed = Malformed::new(StatusCode::BAD_REQUEST, "the body is not one JSON object");
const NOT_P: Malformed =
    Malformed::new(StatusCode::BAD_REQUEST, "Invalid web service call, missing value for parameter: 'p'.");

impl Call {
    /// Reads a request. `body` is `None` when it was longer than anybody may send.
    pub(super) fn read(
        target: Target,
        is_post: bool,
        headers: HeaderMap,
        body: Option<&[u8]>,
        at: Duration,
    ) -> Self {
        let content = match body {
            _ if !is_post => Err(NOT_POST),
            None => Err(TOO_LONG),
            Some(body) => content(target.dialect, &headers, body),
        };
        Self { target, headers, content, at }
    }

    pub(super) fn operation(&self) -> Operation {
        self.target.operation
    }

    /// The customer's key, as far as the request can be read.
    pub(super) fn key(&self) -> Option<String> {
        let content = self.content.as_ref().ok()?;
        match self.operation() {
            Operation::UpdatePerson | Operation::GetPerson => identifier(content.get("IdentifierRequest")?),
            Operation::CreatePerson => identifier(content.get("NewIdentifierRequest")?),
            Operation::UpdateWalletDetails | Operation::GetWalletDetails | Operation::RegisterWallet => {
                content.get("wallet")?.as_str().map(str::to_owned)
            }
            Operation::EditConsumer => {
                content.get("safedebit_consumer_reference")?.as_str().map(str::to_owned)
            }
        }
    }
}

fn identifier(request: &Value) -> Option<String> {
    let kind = request.get("identifierType")?.as_i64()?;
    let value = request.get("identifierValue")?.as_str()?;
    Some(format!("{kind}:{value}"))
}

fn content(dialect: Dialect, headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, Malformed> {
    match dialect {
        Dialect::Json | Dialect::BareJson => json_object(headers, body),
        Dialect::Json2 => {
            let mut object = json_object(headers, body)?;
            match (object.remove("p"), object.is_empty()) {
                (Some(Value::Object(parameters)), true) => Ok(parameters),
                _ => Err(NOT_P),
            }
        }
        Dialect::SoapXml | Dialect::Soap => soap::read(dialect, headers, body),
    }
}

fn json_object(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, Malformed> {
    if !is_utf8_of(headers, "application/json") {
        return Err(NOT_JSON_TYPE);
    }
    match serde_json::from_slice(body) {
        Ok(Distinct(Value::Object(object))) => Ok(object),
        Ok(Distinct(_)) | Err(_) => Err(NOT_JSON),
    }
}

/// Whether the body is said to be of that media type and, if of any, of the encoding UTF-8.
pub(super) fn is_utf8_of(headers: &HeaderMap, wanted: &str) -> bool {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let is_wanted = parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case(wanted));
    let mut charsets = parts.filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    is_wanted && charsets.all(|charset| charset.eq_ignore_ascii_case("utf-8"))
}

/// JSON in which no object has a key twice: which of the two a service takes, nobody can know.
struct Distinct(Value);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk).map(Self)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Distinct(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some((name, Distinct(value))) = object.next_entry::<String, _>()? {
            if values.insert(name, value).is_some() {
                return Err(A::Error::custom("a key stands there twice"));
            }
        }
        Ok(values.into())
    }
}
