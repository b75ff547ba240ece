//! What one request is answered with, before HTTP: status, headers, body. Pure data, and its turn into a response.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value};

use super::ledger::Outcome;

/// An answer that is ready to be sent.
pub(super) struct Reply {
    status: StatusCode,
    content_type: &'static str,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: String,
}

impl Reply {
    /// A JSON answer.
    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    /// A page such as gateways write it.
    pub(super) fn html(status: StatusCode, text: &str) -> Self {
        let body =
            format!("<!DOCTYPE html><html><head><title>{text}</title></head><body>{text}</body></html>");
        Self::new(status, "text/html; charset=utf-8", body)
    }

    /// An XML answer.
    pub(super) fn xml(status: StatusCode, body: String) -> Self {
        Self::new(status, "text/xml; charset=utf-8", body)
    }

    /// Any answer.
    pub(super) fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        Self { status, content_type, headers: Vec::new(), body }
    }

    /// The same answer with one header more; a value that HTTP cannot carry is left out.
    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response.headers_mut().extend(self.headers);
        response
    }
}

/// What a provider made of one request.
pub(super) struct Served {
    pub(super) reply: Reply,
    pub(super) outcome: Outcome,
    /// The provider's own code, or the HTTP status where it has none.
    pub(super) code: String,
    /// The fields that were applied, as they came over the wire; `None` when nothing was.
    pub(super) applied: Option<Map<String, Value>>,
    /// Whether a create made a second person of one identifier.
    pub(super) duplicate: bool,
}

impl Served {
    /// A request that changed something.
    pub(super) fn applied(reply: Reply, code: &str, fields: Map<String, Value>) -> Self {
        let outcome = Outcome::Accepted;
        Self { reply, outcome, code: code.to_owned(), applied: Some(fields), duplicate: false }
    }

    /// A request that was answered and changed nothing.
    pub(super) fn unchanged(reply: Reply, outcome: Outcome, code: &str) -> Self {
        Self { reply, outcome, code: code.to_owned(), applied: None, duplicate: false }
    }

    /// A request that was turned away with an HTTP status of its own.
    pub(super) fn status(reply: Reply, outcome: Outcome) -> Self {
        let code = reply.status().as_str().to_owned();
        Self { reply, outcome, code, applied: None, duplicate: false }
    }
}
