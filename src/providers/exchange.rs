//! One request and its answer, as bytes: what building makes, sending carries and reading takes apart.
//!
//! Both can hold credentials and customer values, Lemonway's password even in the body, so their `Debug` shows
//! names and sizes only.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::domain::wire::FieldCode;

use super::settings::Credentials;

/// A POST request, ready to be sent.
pub struct Request {
    /// The whole address; holds no value and no secret.
    pub url: String,
    /// Headers; those with a secret are marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("url", &self.url)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// What came back: complete, and not yet believed.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the provider asked to wait.
    pub retry_after: Option<Duration>,
    /// What the provider says the body is.
    pub content_type: Option<String>,
    /// The body, at most `BODY_BYTES_MAX`.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why a request cannot be built: a defect of the program or of its state, never the provider's doing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The state holds a field that this provider's table does not have.
    #[error("field {} is not in the provider's table: the state may be newer than this program", .0.0)]
    UnknownField(FieldCode),
    /// A value does not have the form that the table gives to its field.
    #[error("`{0}` does not have the form that its field needs")]
    Form(&'static str),
    /// The key of the account does not have the provider's form.
    #[error("the key of the account does not have this provider's form")]
    Key,
    /// The provider has no such operation.
    #[error("this provider has no create")]
    Operation,
    /// The credentials cannot stand in a header.
    #[error("user name or password hold characters that an HTTP header cannot carry")]
    Credentials,
}

/// The `Authorization: Basic` header for these credentials, marked sensitive.
pub(super) fn basic(credentials: &Credentials) -> Result<(HeaderName, HeaderValue), BuildError> {
    let mut value = HeaderValue::from_str(&format!("Basic {}", basic_token(credentials)))
        .map_err(|_| BuildError::Credentials)?;
    value.set_sensitive(true);
    Ok((AUTHORIZATION, value))
}

/// The credentials as they stand in that header.
pub(super) fn basic_token(credentials: &Credentials) -> String {
    let pair = format!("{}:{}", credentials.username.expose_secret(), credentials.password.expose_secret());
    STANDARD.encode(pair)
}

impl Answer {
    /// The body as text, without the byte order mark that some servers put before it: UTF-8, or else the character set
    /// that the answer names. `None` when it is neither.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        let text = match std::str::from_utf8(&self.body) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => self.charset()?.decode_without_bom_handling_and_without_replacement(&self.body)?,
        };
        Some(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
            Cow::Owned(text) => {
                Cow::Owned(text.strip_prefix(BYTE_ORDER_MARK).map(str::to_owned).unwrap_or(text))
            }
        })
    }

    /// The body as a JSON object; `None` for everything else, and where an object has a key twice: that would be two claims.
    /// (Serde alone would take an array for a struct.)
    pub(super) fn json_object<T: DeserializeOwned>(&self) -> Option<T> {
        let text = self.text()?;
        let text = text.trim_start();
        if !text.starts_with('{') {
            return None;
        }
        let Unambiguous = serde_json::from_str(text).ok()?;
        serde_json::from_str(text).ok()
    }

    /// What `Content-Type` says, else what an XML declaration says.
    fn charset(&self) -> Option<&'static Encoding> {
        let named = |label: &str| Encoding::for_label(label.trim().trim_matches(['"', '\'']).as_bytes());
        let parameters = self.content_type.as_deref().unwrap_or_default().split(';').skip(1);
        let header = parameters
            .filter_map(|parameter| parameter.split_once('='))
            .find_map(|(name, value)| name.trim().eq_ignore_ascii_case("charset").then(|| named(value)));
        header.unwrap_or_else(|| named(self.xml_encoding()?))
    }

    /// The value of `encoding` in an XML declaration.
    fn xml_encoding(&self) -> Option<&str> {
        let body = self.body.strip_prefix(b"<?xml")?;
        let declaration = body.split(|byte| *byte == b'?').next()?;
        let (_, value) = std::str::from_utf8(declaration).ok()?.split_once("encoding=")?;
        value.split_whitespace().next()
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// JSON in which no object has a key twice; its values are passed over.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON in which no key comes twice")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    /// A number of many digits is a map, too, with a key of its own: the library keeps all of them.
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some((key, Self)) = object.next_entry::<String, _>()? {
            if !keys.insert(key) {
                return Err(A::Error::custom("a key comes twice"));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the server says of the body, the body, and what it is read as.
    #[test]
    fn a_body_is_read_in_utf_8_or_in_the_character_set_that_it_names() {
        let cases: [(Option<&str>, &[u8], Option<&str>); 16] = [
            (None, "é".as_bytes(), Some("é")),
            (None, b"\xef\xbb\xbfx", Some("x")),
            (None, b"", Some("")),
            // Latin-1, as old servers send it.
            (Some("application/json; charset=iso-8859-1"), b"\xe9", Some("é")),
            (Some("text/xml;Charset=\"ISO-8859-1\""), b"\xe9", Some("é")),
            (Some("text/html; charset=windows-1252"), b"\x80", Some("€")),
            (
                Some("text/xml"),
                b"<?xml version=\"1.0\" encoding='iso-8859-15'?>\xa4",
                Some("<?xml version=\"1.0\" encoding='iso-8859-15'?>€"),
            ),
            // What is UTF-8 is UTF-8, whatever the server says.
            (Some("application/json; charset=iso-8859-1"), "é".as_bytes(), Some("é")),
            // Nobody says what it is, or nobody knows, or it is not what it says.
            (None, b"\xe9", None),
            (Some("application/json"), b"\xe9", None),
            (Some("application/json; charset"), b"\xe9", None),
            (Some("application/json; charset=klingon"), b"\xe9", None),
            (Some("application/json; charset=utf-8"), b"\xe9", None),
            (Some("text/xml"), b"<?xml version=\"1.0\"?>\xe9", None),
            (Some("text/xml"), b"<?xml encoding=", Some("<?xml encoding=")),
            (Some("text/xml; charset=euc-jp"), b"\x8f\xff", None),
        ];
        for (content_type, body, expected) in cases {
            let answer = Answer {
                status: 200,
                retry_after: None,
                content_type: content_type.map(str::to_owned),
                body: body.to_vec(),
            };
            assert_eq!(answer.text().as_deref(), expected, "{content_type:?} {body:?}");
        }
    }
}
