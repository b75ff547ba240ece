//! Carries requests and brings answers back; decides nothing but one question: can the bytes have been acted upon?
//!
//! One client for each provider: HTTP/1.1, rustls with the platform's roots, a timeout, no redirects, no proxy, a cap
//! on bodies, and connections that are not reused once a usual server may have closed them.

use std::collections::BTreeMap;
use std::error::Error;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};
use std::{fmt, io, iter};

use reqwest::header::{CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url, redirect};
use rustls::CertificateError;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};
use tower::util::MapFutureLayer;

use crate::domain::clock::Timestamp;

use super::exchange::{Answer, Request};
use super::settings::{CommonSettings, parse_base_url};

/// Longest answer that is read, in bytes. Documented answers are below 1 KiB; more is not an answer of theirs.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// Longest wait that is granted to a Retry-After, in seconds: beyond it a wrong clock or a joke is more likely.
pub const RETRY_AFTER_SECONDS_MAX: u64 = 3_600;
/// Longest time for a connection to be made, in seconds; never more than half of the request's timeout, so that an
/// unreachable host is known as such.
const CONNECT_SECONDS_MAX: u64 = 10;
/// How long an idle connection is reused, in seconds. Common servers close after 5: a request that meets a closing
/// connection has an unknown outcome, and an unknown create costs a probe.
const IDLE_SECONDS_MAX: u64 = 4;
/// The only status whose body is looked at.
const STATUS_WITH_BODY: u16 = 200;
const TIMEOUT: SendError = SendError::Unknown { what: "timeout" };

/// Sends requests to one provider.
pub struct Transport {
    client: Client,
    /// The addresses that requests went to, one or two a provider: parsing one anew costs a twentieth of a call.
    addresses: Mutex<BTreeMap<String, Address>>,
    timeout: Duration,
}

/// Where requests go, and how they name the host, which would be put together anew for each of them.
#[derive(Clone)]
struct Address {
    url: Url,
    host: HeaderValue,
}

/// A timer for requests that are sent one after the other: to set it anew costs less than to make another.
pub struct Patience(Pin<Box<Sleep>>);

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patience")
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

/// What becomes of connections, told to whoever counts when requests leave: one that needs a new connection leaves only when
/// that is made, and its TLS may take a good part of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connecting {
    /// A request waits for a connection that is being made.
    Begun,
    /// The connection is made, and the request leaves; or it never will.
    Ended,
}

/// A connection that is being made.
struct NewConnection<'a>(&'a mpsc::UnboundedSender<Connecting>);

impl<'a> NewConnection<'a> {
    fn begun(told: &'a mpsc::UnboundedSender<Connecting>) -> Self {
        // Who does not listen does not count.
        told.send(Connecting::Begun).ok();
        Self(told)
    }
}

impl Drop for NewConnection<'_> {
    fn drop(&mut self) {
        self.0.send(Connecting::Ended).ok();
    }
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The address is not one that requests may be sent to.
    #[error("`base_url` {0}")]
    BaseUrl(&'static str),
    /// TLS could not be set up, for instance for want of root certificates.
    #[error("the HTTPS client cannot be set up: check the certificates of this machine")]
    Client(#[source] reqwest::Error),
}

/// Why there is no answer, and whether the request can have been acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No byte of the request left: the name, the connection or TLS failed.
    #[error("the request was not sent: {what}")]
    NotSent {
        /// What failed.
        what: &'static str,
    },
    /// Some of it may have arrived.
    #[error("the request may have arrived: {what}")]
    Unknown {
        /// What failed.
        what: &'static str,
    },
}

impl Transport {
    /// A client for the provider with these settings, which tells of the connections that it makes.
    ///
    /// # Errors
    /// [`TransportError`] when the address is no https address (http only for loopback), or TLS cannot be set up.
    pub fn new(
        settings: &CommonSettings,
        connecting: mpsc::UnboundedSender<Connecting>,
    ) -> Result<Self, TransportError> {
        let url = parse_base_url(&settings.base_url).map_err(TransportError::BaseUrl)?;
        install_crypto();
        let connect = Duration::from_secs(CONNECT_SECONDS_MAX).min(settings.timeout / 2);
        let mut builder = Client::builder()
            .user_agent(concat!("crmsync/", env!("CARGO_PKG_VERSION")))
            .https_only(url.scheme() == "https")
            .http1_only()
            .redirect(redirect::Policy::none())
            // Nothing is repeated behind our back, so that nothing need be copied for it either.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .no_proxy()
            .referer(false)
            .connect_timeout(connect)
            .connector_layer(MapFutureLayer::new(move |connection| {
                let connecting = connecting.clone();
                async move {
                    let _told = NewConnection::begun(&connecting);
                    connection.await
                }
            }))
            .pool_idle_timeout(Duration::from_secs(IDLE_SECONDS_MAX));
        if url.scheme() != "https" {
            // Plain http, to this machine, asks for no certificate, and those of the platform are some hundred files.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(TransportError::Client)?;
        Ok(Self { client, addresses: Mutex::default(), timeout: settings.timeout })
    }

    /// What [`send`](Self::send) measures its timeout with. Only within a runtime.
    #[must_use]
    pub fn patience(&self) -> Patience {
        Patience(Box::pin(tokio::time::sleep(self.timeout)))
    }

    /// Sends a request and reads its whole answer, both within the timeout; `now` is only needed to understand a
    /// Retry-After with a date.
    ///
    /// # Errors
    /// [`SendError`], which says whether the request can have been acted upon.
    pub async fn send(
        &self,
        request: Request,
        now: Timestamp,
        patience: &mut Patience,
    ) -> Result<Answer, SendError> {
        let Patience(timer) = patience;
        timer.as_mut().reset(Instant::now() + self.timeout);
        let (mut answer, response) = tokio::select! {
            biased;
            head = self.exchange(request, now) => head?,
            () = timer.as_mut() => return Err(TIMEOUT),
        };
        let body = tokio::select! {
            biased;
            body = body(response) => body,
            () = timer => Err(TIMEOUT),
        };
        match body {
            Ok(body) => answer.body = body,
            Err(error) if answer.status == STATUS_WITH_BODY => return Err(error),
            // Any other status says all there is to say, and how long to wait, before its body.
            Err(_) => {}
        }
        Ok(answer)
    }

    /// Sends a request and reads the head of its answer.
    async fn exchange(&self, request: Request, now: Timestamp) -> Result<(Answer, Response), SendError> {
        let Address { url, host } = self.address(&request.url)?;
        let mut builder = self.client.post(url).header(HOST, host).body(request.body);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        let response = builder.send().await.map_err(|error| classify(&error))?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let answer = Answer {
            status: response.status().as_u16(),
            retry_after: header(RETRY_AFTER).and_then(|value| retry_after(value, now)),
            content_type: header(CONTENT_TYPE).map(str::to_owned),
            body: Vec::new(),
        };
        Ok((answer, response))
    }

    fn address(&self, text: &str) -> Result<Address, SendError> {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = addresses.get(text) {
            return Ok(address.clone());
        }
        let address = Address::parse(text).ok_or(SendError::NotSent { what: "request" })?;
        addresses.insert(text.to_owned(), address.clone());
        Ok(address)
    }
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let host = url.host_str()?;
        // A port that the scheme implies is none.
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let host = HeaderValue::from_str(&host).ok()?;
        Some(Self { url, host })
    }
}

/// How long a Retry-After asks to wait: whole seconds or an HTTP date, at most [`RETRY_AFTER_SECONDS_MAX`]; a date that
/// has passed, by our clock at least, asks for no wait but was asked. Anything else says nothing.
#[must_use]
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    let longest = Duration::from_secs(RETRY_AFTER_SECONDS_MAX);
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit still mean "very long".
        return Some(header.parse().map_or(longest, Duration::from_secs).min(longest));
    }
    let date = httpdate::parse_http_date(header).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let date = Timestamp(i64::try_from(date.as_millis()).ok()?);
    Some(if date > now { now.until(date).min(longest) } else { Duration::ZERO })
}

/// rustls takes its cryptography from the process; whoever comes first installs it, and all of us install the same.
fn install_crypto() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// reqwest marks what fails in the connector (name, TCP, TLS, its timeout) as connect errors: nothing was written.
fn classify(error: &reqwest::Error) -> SendError {
    if error.is_connect() {
        return SendError::NotSent { what: connect_failure(error) };
    }
    if error.is_builder() {
        return SendError::NotSent { what: "request" };
    }
    SendError::Unknown { what: if error.is_timeout() { "timeout" } else { "cut" } }
}

/// Why no connection was made, as far as the types of the causes tell; their words are not ours to read or to show.
fn connect_failure(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        return "connect_timeout";
    }
    if error.is_dns() {
        return "connect_dns";
    }
    iter::successors(error.source(), |&cause| cause.source()).find_map(connect_cause).unwrap_or("connect")
}

fn connect_cause(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return Some(match tls {
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => "connect_host_name",
            rustls::Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => "connect_expired",
            rustls::Error::InvalidCertificate(_) => "connect_certificate",
            _ => "connect_tls",
        });
    }
    let error = cause.downcast_ref::<io::Error>()?;
    if let Some(inner) = error.get_ref() {
        // An error of a library in the clothes of one of the system, which its own `source` steps over.
        return connect_cause(inner);
    }
    (error.kind() == io::ErrorKind::ConnectionRefused).then_some("connect_refused")
}

async fn body(mut response: Response) -> Result<Vec<u8>, SendError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| match classify(&error) {
        // The head of the answer is here: whatever happens to its body, the request was sent.
        SendError::NotSent { what } | SendError::Unknown { what } => SendError::Unknown { what },
    })? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(SendError::Unknown { what: "answer_too_large" });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
