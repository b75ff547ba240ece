//! One request and its answer, as bytes: what building makes, sending carries and reading takes apart.
//!
//! Both can hold credentials and customer values, Lemonway's password even in the body, so their `Debug` shows
//! names and sizes only.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::ExposeSecret;

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
    let pair = format!("{}:{}", credentials.username.expose_secret(), credentials.password.expose_secret());
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)))
        .map_err(|_| BuildError::Credentials)?;
    value.set_sensitive(true);
    Ok((AUTHORIZATION, value))
}

/// A body without the byte order mark that some servers put before it; `None` when it is no UTF-8.
pub(super) fn text_of(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Reads a body that has to be a JSON object; `None` for everything else. (Serde alone would take an array for a
/// struct.)
pub(super) fn json_object<T: serde::de::DeserializeOwned>(body: &[u8]) -> Option<T> {
    let text = text_of(body)?.trim_start();
    if text.starts_with('{') { serde_json::from_str(text).ok() } else { None }
}
