//! What scenarios do to requests, and what the ledger says about it.

use std::time::Duration;

use serde_json::json;

use super::super::{Entry, Outcome, Running, Scenario};
use super::client::Answer;
use super::{NOON, client, playing, post, start, try_post};
use crate::domain::clock::Clock;
use crate::domain::provider::ProviderId::{self, Lemonway, Safedebit, Wsone};

const EDIT: &str = "/ssp/edit_consumer";
const UPDATE: &str = "/rest/2.0/personWebService/updatePerson";
const WALLET: &str = "/directkitjson2/Service.asmx/UpdateWalletDetails";

fn city(reference: &str, city: &str) -> String {
    json!({"safedebit_consumer_reference": reference, "consumer_city": city}).to_string()
}

/// Simulators with one rule of this effect for Safedebit's first request, and the consumer `r`.
async fn spoiling_once(effect: &str) -> Running {
    let mut options = playing(&format!("[[rule]]\nprovider = \"safedebit\"\nnth = 1\neffect = {effect}"));
    options.populate(Safedebit, "r");
    start(options).await
}

/// The answer to a first request that sets the city to Lyon.
async fn first_answer(running: &Running) -> Option<Answer> {
    try_post(running.address(), EDIT, &city("r", "Lyon")).await
}

fn held_city(running: &Running) -> Option<String> {
    let person = running.ledger().person(Safedebit, "r").expect("populated");
    person.fields.get("consumer_city").map(|city| city.as_str().expect("text").to_owned())
}

fn only_entry(running: &Running) -> Entry {
    let entries = running.ledger().entries();
    assert_eq!(entries.len(), 1);
    entries[0].clone()
}

#[tokio::test]
async fn throttling_carries_seconds_or_a_date_and_applies_nothing() {
    let cases = [
        ("{ status = { code = 429, retry_after = \"2\" } }", 429, "2"),
        ("{ status = { code = 503, retry_after_date_in = \"2s\" } }", 503, "Sun, 22 Nov 2026 12:00:02 GMT"),
    ];
    for (effect, status, retry_after) in cases {
        let running = spoiling_once(effect).await;
        let answer = first_answer(&running).await.expect("answered");
        assert_eq!((answer.status, answer.header("retry-after")), (status, Some(retry_after)));
        assert_eq!(only_entry(&running).outcome, Outcome::Throttled);
        assert_eq!(held_city(&running), None);
        assert_eq!(post(running.address(), EDIT, &city("r", "Nice")).await.json()["result"], true);
    }
}

#[tokio::test]
async fn server_errors_apply_only_when_told_to() {
    let cases = [
        ("{ status = { code = 500 } }", 500, None),
        ("{ status = { code = 504, apply = true } }", 504, Some("Lyon")),
        ("{ status = { code = 403 } }", 403, None),
    ];
    for (effect, status, city) in cases {
        let running = spoiling_once(effect).await;
        assert_eq!(first_answer(&running).await.expect("answered").status, status);
        assert_eq!(held_city(&running).as_deref(), city, "{effect}");
        assert_eq!(only_entry(&running).applied, city.is_some());
    }
}

#[tokio::test]
async fn lost_replies_close_the_connection_on_either_side_of_the_application() {
    for (side, outcome, city) in [("before", Outcome::Lost, None), ("after", Outcome::Accepted, Some("Lyon"))]
    {
        let running = spoiling_once(&format!("{{ lose_reply = \"{side}\" }}")).await;
        assert!(first_answer(&running).await.is_none(), "no answer");
        assert_eq!(held_city(&running).as_deref(), city);
        let entry = only_entry(&running);
        assert_eq!((entry.outcome, entry.answered), (outcome, false));
    }
}

#[tokio::test]
async fn late_request_loses_its_answer_and_lands_by_itself() {
    let running = spoiling_once("{ late = { after = \"20ms\" } }").await;
    assert!(first_answer(&running).await.is_none());
    running.late_ones_landed().await;
    assert_eq!(held_city(&running).as_deref(), Some("Lyon"));
    let entries = running.ledger().entries();
    let course: Vec<_> = entries.iter().map(|entry| (entry.outcome, entry.applied, entry.late_of)).collect();
    assert_eq!(course, [(Outcome::Late, false, None), (Outcome::Accepted, true, Some(1))]);
    let summary = running.ledger().summary().providers[&Safedebit].clone();
    assert_eq!(summary.requests, 1, "a sequel is no request");
}

#[tokio::test]
async fn stopping_drops_what_was_to_land_later() {
    let running = spoiling_once("{ late = { after = \"1h\" } }").await;
    assert!(first_answer(&running).await.is_none());
    let ledger = running.ledger();
    assert_eq!(ledger.summary().pending_late, 1);
    running.stop().await;
    assert_eq!(ledger.summary().pending_late, 0);
    assert_eq!(ledger.entries().len(), 1);
}

#[tokio::test]
async fn refusals_speak_each_providers_words() {
    let rule = |provider: ProviderId, code: &str| {
        format!("[[rule]]\nprovider = \"{provider}\"\neffect = {{ refuse = {{ code = \"{code}\" }} }}\n")
    };
    let toml = [rule(Wsone, "117"), rule(Lemonway, "167"), rule(Safedebit, "EXIST_002")].concat();
    let running = start(playing(&toml)).await;
    let address = running.address();
    assert_eq!(post(address, UPDATE, "{}").await.json()["responseCode"], "117");
    assert_eq!(post(address, WALLET, r#"{"p": {}}"#).await.json()["d"]["E"]["Code"], "167");
    assert_eq!(post(address, EDIT, &city("r", "Lyon")).await.json()["code"], "EXIST_002");
}

#[tokio::test]
async fn garbage_claims_success_says_nothing_and_may_have_applied() {
    let cases = [
        ("{ garbage = { body = \"html\" } }", Some("Lyon")),
        ("{ garbage = { body = \"empty\" } }", Some("Lyon")),
        ("{ garbage = { body = \"truncated\", apply = false } }", None),
    ];
    for (effect, city) in cases {
        let running = spoiling_once(effect).await;
        let answer = first_answer(&running).await.expect("answered");
        assert_eq!(answer.status, 200);
        assert!(serde_json::from_str::<serde_json::Value>(&answer.body).is_err(), "{effect}");
        assert_eq!(held_city(&running).as_deref(), city, "{effect}");
    }
}

#[tokio::test]
async fn redirects_name_their_target() {
    let running = spoiling_once("{ redirect = { location = \"http://127.0.0.1:9/\", status = 302 } }").await;
    let answer = first_answer(&running).await.expect("answered");
    assert_eq!((answer.status, answer.header("location")), (302, Some("http://127.0.0.1:9/")));
    assert_eq!(only_entry(&running).outcome, Outcome::Redirected);
}

#[tokio::test]
async fn request_of_a_vanished_client_is_applied_and_written_down() {
    let running = spoiling_once("{ latency = \"1h\" }").await;
    let headers = [
        ("Authorization", "Basic dXNlcjpwYXNz"),
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
    ];
    client::send_and_vanish(running.address(), EDIT, &headers, &city("r", "Lyon"));
    while running.ledger().entries().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(only_entry(&running).applied);
    assert_eq!(held_city(&running).as_deref(), Some("Lyon"));
}

#[tokio::test]
async fn scenario_can_be_swapped_while_requests_go_on() {
    let running = spoiling_once("{ status = { code = 500 } }").await;
    running.play(Scenario::default());
    assert_eq!(first_answer(&running).await.expect("answered").status, 200);
    running.play(Scenario::from_toml("[[rule]]\neffect = { status = { code = 502 } }").expect("right"));
    assert_eq!(first_answer(&running).await.expect("answered").status, 502);
}

#[tokio::test]
async fn busiest_second_is_told_per_provider() {
    let clock = Clock::set_to(NOON);
    let options = playing("");
    let running = super::Sandbox::start(options, clock.clone()).await.expect("a free port can be had");
    for pause in [0, 400, 400, 400, 2000] {
        clock.advance(Duration::from_millis(pause));
        post(running.address(), EDIT, &city("r", "Lyon")).await;
    }
    let summary = running.ledger().summary();
    assert_eq!(summary.providers[&Safedebit].max_per_second, 3);
    assert_eq!(summary.providers[&Wsone].max_per_second, 0);
    assert_eq!(running.ledger().entries()[3].at_ms, 1200);
}

#[test]
fn sample_scenarios_can_be_read() {
    for text in [
        include_str!("../../../samples/scenario-calm.toml"),
        include_str!("../../../samples/scenario-stormy.toml"),
    ] {
        Scenario::from_toml(text).expect("the sample is right");
    }
}
