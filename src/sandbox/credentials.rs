//! Who may call: user names and passwords, and how they come in.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// A user name and a password that a simulator expects.
#[derive(Clone, Debug)]
pub struct Credentials {
    username: SecretString,
    password: SecretString,
}

impl Credentials {
    /// Expects exactly these two.
    pub fn new(username: &str, password: &str) -> Self {
        Self { username: username.into(), password: password.into() }
    }
}

/// What each provider expects; `None` takes any user name and password that are not empty.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// Basic authentication.
    pub wsone: Option<Credentials>,
    /// `wlLogin` and `wlPass`.
    pub lemonway: Option<Credentials>,
    /// Basic authentication.
    pub safedebit: Option<Credentials>,
}

/// Whether a user name and a password are the expected ones.
pub(super) fn admits(expected: Option<&Credentials>, username: &str, password: &str) -> bool {
    match expected {
        Some(expected) => {
            expected.username.expose_secret() == username && expected.password.expose_secret() == password
        }
        None => !username.is_empty() && !password.is_empty(),
    }
}

/// The same for the `Authorization` header of Basic authentication.
pub(super) fn admits_basic(expected: Option<&Credentials>, headers: &HeaderMap) -> bool {
    basic(headers).is_some_and(|(username, password)| admits(expected, &username, &password))
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}
