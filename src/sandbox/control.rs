//! The simulators' own pages: the ledger as JSON, and the levers of a test that runs in another process.
//!
//! `GET /ledger`, `GET /ledger/state`, `GET /ledger/summary`, `POST /scenario`, `POST /populate`, `POST /reset-ledger`. They answer only
//! requests that were sent to a loopback name, so that no web page in a browser can read or move them.

use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::reply::Reply;
use super::scenario::Scenario;
use super::server::Shared;
use crate::domain::provider::ProviderId;

/// Room for a million keys, which is what the largest rehearsals populate.
const BODY_BYTES_MAX: usize = 128 * 1024 * 1024;

/// One customer to be made known by `POST /populate`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Newcomer {
    provider: ProviderId,
    key: String,
    /// Lemonway: whether the wallet is verified (KYC 2).
    #[serde(default)]
    verified: bool,
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/ledger", get(entries))
        .route("/ledger/state", get(state))
        .route("/ledger/summary", get(summary))
        .route("/scenario", post(scenario))
        .route("/populate", post(populate))
        .route("/reset-ledger", post(reset))
        .layer(middleware::from_fn(loopback_only))
}

async fn loopback_only(request: Request, next: Next) -> Response {
    if is_for_loopback(request.headers()) {
        next.run(request).await
    } else {
        problem(StatusCode::FORBIDDEN, "call the simulators as 127.0.0.1 or localhost")
    }
}

fn is_for_loopback(headers: &HeaderMap) -> bool {
    let text = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let host = authority.host();
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

async fn entries(State(shared): State<Arc<Shared>>) -> Response {
    page(shared.lock().ledger.entries())
}

async fn state(State(shared): State<Arc<Shared>>) -> Response {
    page(&shared.lock().people.state())
}

async fn summary(State(shared): State<Arc<Shared>>) -> Response {
    page(&shared.summary())
}

async fn scenario(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(bytes) = read(request).await else { return too_long() };
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return problem(StatusCode::BAD_REQUEST, "the scenario is not UTF-8");
    };
    match Scenario::from_toml(text) {
        Ok(scenario) => {
            shared.swap_scenario(scenario);
            done()
        }
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            problem(StatusCode::BAD_REQUEST, &format!("{error}{cause}"))
        }
    }
}

async fn populate(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(bytes) = read(request).await else { return too_long() };
    let newcomers: Vec<Newcomer> = match serde_json::from_slice(&bytes) {
        Ok(newcomers) => newcomers,
        Err(error) => {
            return problem(
                StatusCode::BAD_REQUEST,
                &format!("the list of customers cannot be read: {error}"),
            );
        }
    };
    let mut world = shared.lock();
    for newcomer in &newcomers {
        world.populate(newcomer.provider, &newcomer.key, newcomer.verified);
    }
    done()
}

async fn reset(State(shared): State<Arc<Shared>>) -> Response {
    shared.lock().reset_ledger();
    done()
}

async fn read(request: Request) -> Option<Bytes> {
    to_bytes(request.into_body(), BODY_BYTES_MAX).await.ok()
}

fn page<T: Serialize + ?Sized>(content: &T) -> Response {
    match serde_json::to_string(content) {
        Ok(text) => Reply::new(StatusCode::OK, "application/json; charset=utf-8", text).into_response(),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the ledger cannot be written as JSON"),
    }
}

fn done() -> Response {
    Reply::json(StatusCode::OK, &json!({"done": true})).into_response()
}

fn too_long() -> Response {
    problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long or broke off")
}

fn problem(status: StatusCode, text: &str) -> Response {
    Reply::json(status, &json!({"error": text})).into_response()
}
