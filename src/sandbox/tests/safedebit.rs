//! Safedebit, by its one page.

use serde_json::{Value, json};

use super::super::{Accounts, Credentials, Options, Outcome};
use super::{client, playing, post, start, with};
use crate::domain::provider::ProviderId::Safedebit;

const EDIT: &str = "/ssp/edit_consumer";
/// The example of the page, word for word. Its IBAN, SIREN and VAT number are placeholders.
const PAGE_EXAMPLE: &str = include_str!("examples/edit_consumer.json");

fn knowing() -> Options {
    let mut options = Options::new();
    options.populate(Safedebit, "REF_XXX");
    options
}

/// The page's example with an IBAN and a SIREN that exist.
fn example() -> Value {
    let page: Value = serde_json::from_str(PAGE_EXAMPLE).expect("the example is JSON");
    let page = with(&page, "/iban", json!("FR1420041010050500013M02606"));
    with(&page, "/siren", json!("732829320"))
}

#[tokio::test]
async fn example_of_the_page_is_applied_once_its_placeholders_are_filled() {
    let running = start(knowing()).await;
    let page = post(running.address(), EDIT, PAGE_EXAMPLE).await;
    assert_eq!(page.json()["result"], false, "FRXXXXXXXXX is no IBAN");
    let answer = post(running.address(), EDIT, &example().to_string()).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"result": true})));
    let fields = running.ledger().person(Safedebit, "REF_XXX").expect("known").fields;
    assert_eq!(fields["consumer_other_last_name"], "Jean, Michel");
    assert!(!fields.contains_key("safedebit_consumer_reference"));
}

#[tokio::test]
async fn partial_edit_keeps_the_other_fields() {
    let running = start(knowing()).await;
    post(running.address(), EDIT, &example().to_string()).await;
    let partial = json!({"safedebit_consumer_reference": "REF_XXX", "consumer_city": "Paris"});
    post(running.address(), "/edit_consumer", &partial.to_string()).await;
    let fields = running.ledger().person(Safedebit, "REF_XXX").expect("known").fields;
    assert_eq!((&fields["consumer_city"], &fields["consumer_gender"]), (&json!("Paris"), &json!("M")));
}

#[tokio::test]
async fn wrong_values_are_refused_with_their_code_and_http_200() {
    let running = start(knowing()).await;
    let cases = [
        ("consumer_title", json!("M"), "DATA_001"),
        ("safedebit_consumer_reference", json!(""), "DATA_002"),
        ("safedebit_consumer_reference", json!(7), "DATA_002"),
        ("consumer_zip_code", json!(69006), "DATA_003"),
        ("consumer_city", json!(null), "DATA_003"),
        ("consumer_last_name", json!("é".repeat(71)), "DATA_004"),
        ("consumer_ip", json!("2001:db8::ff00:42:8329"), "DATA_004"),
        ("consumer_gender", json!("J"), "DATA_005"),
        ("consumer_gender", json!(""), "DATA_005"),
        ("identity_type", json!("6"), "DATA_005"),
        ("consumer_type", json!("3"), "DATA_005"),
        ("emission_date", json!("30/02/2020"), "DATA_006"),
        ("consumer_birth_day", json!("30/05/1896"), "DATA_006"),
        ("iban", json!("FR1420041010050500013M02607"), "DATA_007"),
        ("consumer_email", json!("email@boite"), "DATA_008"),
        ("consumer_phone_number", json!("33600000000"), "DATA_009"),
        ("consumer_ip", json!("91.222.286.32"), "DATA_010"),
        ("consumer_phone_number", json!("+33600000000"), "DATA_009"),
        ("consumer_phone_number", json!("+000000000"), "DATA_009"),
        ("consumer_ip", json!("::1"), "DATA_010"),
        ("siren", json!("732829321"), "DATA_011"),
        ("nationality", json!("FRA"), "DATA_012"),
        ("consumer_country", json!("FRANCE"), "DATA_012"),
        ("waldec", json!("751234567"), "DATA_013"),
        ("nic", json!("ABC"), "DATA_014"),
    ];
    for (name, value, code) in cases {
        let body = with(&example(), &format!("/{name}"), value.clone());
        let answer = post(running.address(), EDIT, &body.to_string()).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"result": false, "code": code})),
            "{name} = {value}"
        );
    }
    assert!(running.ledger().person(Safedebit, "REF_XXX").expect("populated").fields.is_empty());
    let twice = r#"{"safedebit_consumer_reference": "REF_XXX", "iban": "", "iban": ""}"#;
    for body in ["{", "[]", twice] {
        assert_eq!(post(running.address(), EDIT, body).await.json()["code"], "DATA_000", "{body}");
    }
}

#[tokio::test]
async fn sizes_count_characters_and_their_limit_is_included() {
    let running = start(knowing()).await;
    for (name, value) in [
        ("consumer_last_name", "é".repeat(70)),
        ("consumer_email", String::new()),
        ("consumer_phone_number", "+4915112345678".to_owned()),
        ("consumer_birth_day", "22/11/2026".to_owned()),
    ] {
        let body = with(&example(), &format!("/{name}"), json!(value));
        assert_eq!(post(running.address(), EDIT, &body.to_string()).await.json()["result"], true, "{name}");
    }
}

#[tokio::test]
async fn unknown_consumer_is_refused_unless_accepted() {
    let strict = start(Options::new()).await;
    let answer = post(strict.address(), EDIT, &example().to_string()).await;
    assert_eq!(answer.json(), json!({"result": false, "code": "EXIST_002"}));
    let open = start(Options { accept_unknown: true, ..Options::new() }).await;
    assert_eq!(post(open.address(), EDIT, &example().to_string()).await.json()["result"], true);
}

#[tokio::test]
async fn wrong_credentials_are_denied_with_200_or_401() {
    for (scenario, status) in [("", 200), ("[safedebit]\ndenied_with_401 = true", 401)] {
        let mut options = playing(scenario);
        options.accounts =
            Accounts { safedebit: Some(Credentials::new("user", "other")), ..Accounts::default() };
        let running = start(options).await;
        let answer = post(running.address(), EDIT, &example().to_string()).await;
        assert_eq!(answer.status, status);
        if status == 200 {
            assert_eq!(answer.json(), json!({"result": false, "code": "AUTH_001"}));
        }
        assert_eq!(running.ledger().entries()[0].outcome, Outcome::Denied);
    }
}

#[tokio::test]
async fn client_that_does_not_ask_for_json_is_not_served() {
    let running = start(knowing()).await;
    let base = [("Authorization", "Basic dXNlcjpwYXNz"), ("Content-Type", "application/json")];
    let accepted = [
        (None, 406),
        (Some("text/html"), 406),
        (Some("text/html, */*;q=0.5"), 406),
        (Some("application/json;q=0.9, text/html"), 200),
    ];
    for (accept, status) in accepted {
        let mut headers = base.to_vec();
        headers.extend(accept.map(|accept| ("Accept", accept)));
        let answer = client::send(running.address(), "POST", EDIT, &headers, &example().to_string()).await;
        assert_eq!(answer.expect("answered").status, status, "{accept:?}");
    }
}
