//! The simulators' own pages, as another process uses them.

use serde_json::{Value, json};

use super::super::{Options, Running};
use super::client::{self, Answer};
use super::{playing, post, start};

const EDIT: &str = "/edit_consumer";
const BODY: &str = r#"{"safedebit_consumer_reference": "r", "consumer_city": "Lyon"}"#;

async fn ask(running: &Running, method: &str, path: &str, body: &str) -> Answer {
    client::send(running.address(), method, path, &[], body).await.expect("the simulators answer")
}

#[tokio::test]
async fn ledger_state_and_summary_are_pages() {
    let running = start(Options::new()).await;
    post(running.address(), EDIT, BODY).await;
    let populated = ask(&running, "POST", "/populate", r#"[{"provider": "safedebit", "key": "r"}]"#).await;
    assert_eq!(populated.status, 200);
    post(running.address(), EDIT, BODY).await;
    post(running.address(), "/nowhere", BODY).await;

    let entries = ask(&running, "GET", "/ledger", "").await.json();
    assert_eq!(entries[0]["outcome"], "refused");
    assert_eq!((&entries[0]["code"], &entries[0]["fields"]), (&json!("EXIST_002"), &Value::Null));
    assert_eq!(
        entries[1],
        json!({"seq": 2, "provider": "safedebit", "operation": "edit_consumer", "key": "r", "applied": true,
               "outcome": "accepted", "code": "ok", "answered": true, "duplicate": false, "late_of": null,
               "at_ms": 0, "fields": {"safedebit_consumer_reference": "r", "consumer_city": "Lyon"}})
    );
    let state = ask(&running, "GET", "/ledger/state", "").await.json();
    assert_eq!(state["safedebit"]["r"]["fields"], json!({"consumer_city": "Lyon"}));
    assert_eq!(state["wsone"], json!({}));
    let summary = ask(&running, "GET", "/ledger/summary", "").await.json();
    assert_eq!(
        summary["providers"]["safedebit"],
        json!({"requests": 2, "max_per_second": 2, "operations": {"edit_consumer":
               {"requests": 2, "applied": 1, "refused": 1, "duplicates": 0, "unanswered": 0}}})
    );
    assert_eq!(summary["unrouted"], 1);
}

#[tokio::test]
async fn scenario_is_swapped_and_ledger_forgotten_from_outside() {
    let running = start(playing("[[rule]]\neffect = { status = { code = 500 } }")).await;
    assert_eq!(post(running.address(), EDIT, BODY).await.status, 500);
    let wrong = ask(&running, "POST", "/scenario", "[[rule]]\nevry = 1").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.json()["error"].as_str().expect("text").contains("evry"));
    assert_eq!(post(running.address(), EDIT, BODY).await.status, 500, "a wrong scenario changes nothing");
    assert_eq!(ask(&running, "POST", "/scenario", "seed = 1").await.status, 200);
    assert_eq!(post(running.address(), EDIT, BODY).await.status, 200);
    assert_eq!(ask(&running, "POST", "/reset-ledger", "").await.status, 200);
    assert_eq!(ask(&running, "GET", "/ledger", "").await.json(), json!([]));
}

#[tokio::test]
async fn pages_are_for_loopback_names_only() {
    let running = start(Options::new()).await;
    for (host, status) in [
        ("localhost", 200),
        ("127.0.0.1:80", 200),
        ("evil.example", 403),
        ("127.evil.example", 403),
        ("", 403),
    ] {
        let headers = [("Host", host)];
        let answer = client::send(running.address(), "GET", "/ledger", &headers, "").await;
        assert_eq!(answer.expect("answered").status, status, "{host}");
    }
}

#[tokio::test]
async fn debug_shows_no_customer() {
    let mut options = Options { accept_unknown: true, ..Options::new() };
    options.populate(crate::domain::provider::ProviderId::Safedebit, "r-secret");
    let options_text = format!("{options:?}");
    let running = start(options).await;
    let body = r#"{"safedebit_consumer_reference": "r-secret", "consumer_city": "Lyon-secret"}"#;
    post(running.address(), EDIT, body).await;
    let ledger = running.ledger();
    let texts = [
        options_text,
        format!("{running:?}"),
        format!("{ledger:?}"),
        format!("{:?}", ledger.entries()),
        format!(
            "{:?}",
            ledger
                .state()
                .into_values()
                .flat_map(std::collections::BTreeMap::into_values)
                .collect::<Vec<_>>()
        ),
    ];
    assert!(texts.iter().all(|text| !text.contains("secret")), "{texts:?}");
}

#[tokio::test]
async fn stopped_simulators_keep_their_ledger_and_take_nobody() {
    let running = start(Options { accept_unknown: true, ..Options::new() }).await;
    let address = running.address();
    post(address, EDIT, BODY).await;
    let ledger = running.ledger();
    running.run_until(async {}).await;
    assert_eq!(ledger.entries().len(), 1);
    assert!(std::net::TcpStream::connect(address).is_err());
}
