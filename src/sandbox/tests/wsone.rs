//! WsOne, by its two pages.

use serde_json::{Value, json};

use super::super::{Accounts, Credentials, Operation, Options};
use super::{client, playing, post, start, with};
use crate::domain::provider::ProviderId::Wsone;

const UPDATE: &str = "/rest/2.0/personWebService/updatePerson";
const CREATE: &str = "/rest/2.0/personWebService/createPerson";
const GET: &str = "/rest/2.0/personWebService/getPerson";
const KNOWN: &str = "1:1234567891011";

/// The example of the updatePerson page, word for word.
const UPDATE_EXAMPLE: &str = include_str!("examples/updatePerson.json");
/// The example of the createPerson page, word for word.
const CREATE_EXAMPLE: &str = include_str!("examples/createPerson.json");

fn knowing(key: &str) -> Options {
    let mut options = Options::new();
    options.populate(Wsone, key);
    options
}

fn example(text: &str) -> Value {
    serde_json::from_str(text).expect("the example is JSON")
}

#[tokio::test]
async fn example_of_the_update_page_is_answered_as_the_page_says() {
    let running = start(knowing(KNOWN)).await;
    let answer = post(running.address(), UPDATE, UPDATE_EXAMPLE).await;
    assert_eq!(answer.status, 200);
    let infos = "Request successfully processed\nserver.instance.name=API-DOG preprod serveur 1 instance 1\n";
    assert_eq!(answer.json(), json!({"responseCode": "000", "infos": infos, "NewIdentifierResponse": null}));
    let person = running.ledger().person(Wsone, KNOWN).expect("the person is known");
    assert_eq!(person.fields["PersonRequest"]["lastName"], "DUPOND");
    assert_eq!(person.fields["ContactsRequest"]["CellPhoneRequest"]["number"], "0612345678");
}

#[tokio::test]
async fn example_of_the_create_page_makes_the_same_person_as_an_update() {
    let running = start(knowing(KNOWN)).await;
    let answer = post(running.address(), CREATE, CREATE_EXAMPLE).await;
    assert_eq!(
        answer.json(),
        json!({"responseCode": "000", "infos": "Request successfully processed", "NewIdentifierResponse": null})
    );
    post(running.address(), UPDATE, UPDATE_EXAMPLE).await;
    let state = running.ledger().state();
    assert_eq!(state[&Wsone]["1:1110987654321"].fields, state[&Wsone][KNOWN].fields);
    assert_eq!(state[&Wsone]["1:1110987654321"].persons, 1);
}

#[tokio::test]
async fn repeated_create_makes_a_second_person() {
    let running = start(Options::new()).await;
    for _ in 0..3 {
        let answer = post(running.address(), CREATE, CREATE_EXAMPLE).await;
        assert_eq!(answer.json()["responseCode"], "000");
    }
    let ledger = running.ledger();
    assert_eq!(ledger.person(Wsone, "1:1110987654321").expect("made").persons, 3);
    let tally = &ledger.summary().providers[&Wsone].operations[&Operation::CreatePerson];
    assert_eq!((tally.requests, tally.applied, tally.duplicates), (3, 3, 2));
}

#[tokio::test]
async fn repeated_create_is_refused_when_the_scenario_knows_a_code_for_it() {
    let running = start(playing("[wsone]\nexists_code = \"103\"")).await;
    post(running.address(), CREATE, CREATE_EXAMPLE).await;
    let again = post(running.address(), CREATE, CREATE_EXAMPLE).await;
    assert_eq!(again.json()["responseCode"], "103");
    assert_eq!(running.ledger().person(Wsone, "1:1110987654321").expect("made").persons, 1);
}

#[tokio::test]
async fn unknown_identifier_is_refused_unless_accepted() {
    let strict = start(Options::new()).await;
    let answer = post(strict.address(), UPDATE, UPDATE_EXAMPLE).await;
    assert_eq!((answer.status, &answer.json()["responseCode"]), (200, &json!("101")));
    assert!(strict.ledger().person(Wsone, KNOWN).is_none());

    let open = start(Options { accept_unknown: true, ..Options::new() }).await;
    assert_eq!(post(open.address(), UPDATE, UPDATE_EXAMPLE).await.json()["responseCode"], "000");
    assert!(open.ledger().person(Wsone, KNOWN).is_some());
}

#[tokio::test]
async fn credentials_are_required_and_compared() {
    let mut options = knowing(KNOWN);
    options.accounts = Accounts { wsone: Some(Credentials::new("user", "pass")), ..Accounts::default() };
    let running = start(options).await;
    let cases = [
        (Some("Basic dXNlcjpwYXNz"), 200, "user:pass"),
        (Some("Basic dXNlcjpvdGhlcg=="), 401, "user:other"),
        (Some("Bearer dXNlcjpwYXNz"), 401, "another scheme"),
        (Some("Basic !"), 401, "no base64"),
        (None, 401, "nothing"),
    ];
    for (authorization, status, case) in cases {
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        let answer = client::send(running.address(), "POST", UPDATE, &headers, UPDATE_EXAMPLE).await;
        assert_eq!(answer.expect("answered").status, status, "{case}");
    }
    let any = start(knowing(KNOWN)).await;
    let headers = [("Content-Type", "application/json"), ("Authorization", "Basic Og==")];
    let answer = client::send(any.address(), "POST", UPDATE, &headers, UPDATE_EXAMPLE).await;
    assert_eq!(answer.expect("answered").status, 401, "an empty user name and password");
}

#[tokio::test]
async fn values_of_a_wrong_form_are_refused_and_change_nothing() {
    let running = start(knowing(KNOWN)).await;
    let base = example(UPDATE_EXAMPLE);
    let address = "/ContactsRequest/AddressRequest";
    let phone = "/ContactsRequest/CellPhoneRequest";
    let cases = [
        ("/IdentifierRequest/identifierType".to_owned(), json!("1")),
        ("/IdentifierRequest/identifierValue".to_owned(), json!(1_234_567_891_011_u64)),
        ("/PersonRequest/title".to_owned(), json!("1")),
        ("/PersonRequest/title".to_owned(), json!(1.5)),
        ("/PersonRequest/birthDate".to_owned(), json!("2000-01-01")),
        ("/PersonRequest/birthDate".to_owned(), json!("31/02/2000")),
        ("/PersonRequest/birthDate".to_owned(), json!("23/11/2026")),
        ("/PersonRequest/birthDate".to_owned(), json!(null)),
        ("/PersonRequest/firstname".to_owned(), json!("JEAN")),
        ("/EntityRequest/entityIdentifier".to_owned(), json!(123_456)),
        ("/ContactsRequest/EmailRequest/emailValue".to_owned(), json!("jean")),
        ("/ContactsRequest/EmailRequest/allowCompanySolicitation".to_owned(), json!(true)),
        ("/ContactsRequest/EmailRequest/allowCompanySolicitation".to_owned(), json!(2)),
        ("/ContactsRequest/EmailRequest".to_owned(), json!([])),
        (format!("{address}/address3Num"), json!("13")),
        (format!("{address}/address3Type"), json!("RUE")),
        (format!("{address}/zipCode"), json!(59_000)),
        (format!("{address}/country"), json!("FR")),
        (format!("{address}/country"), json!("France")),
        (format!("{address}/country"), json!("1234")),
        (format!("{phone}/dialingCode"), json!(33)),
        (format!("{phone}/dialingCode"), json!("+33")),
        (format!("{phone}/dialingCode"), json!("")),
        (format!("{phone}/number"), json!("612345678")),
        (format!("{phone}/number"), json!("06 12 34 56 78")),
        ("/SubscriptionRequest".to_owned(), json!({"activate": true, "id": 1})),
        ("/SubscriptionRequest".to_owned(), json!([{"activate": 1, "id": 1}])),
        ("/SubscriptionRequest".to_owned(), json!([{"activate": true, "id": "1"}])),
        ("/SubscriptionRequest".to_owned(), json!([{"activate": true, "id": 1, "more": 1}])),
        ("/PersonProfilRequest".to_owned(), json!({})),
    ];
    for (pointer, value) in cases {
        let body = with(&base, &pointer, value.clone()).to_string();
        let answer = post(running.address(), UPDATE, &body).await;
        assert_eq!(answer.json()["responseCode"], "102", "{pointer} = {value}");
    }
    assert!(running.ledger().entries().iter().all(|entry| !entry.applied));
    assert!(running.ledger().person(Wsone, KNOWN).expect("populated").fields.is_empty());
}

#[tokio::test]
async fn requests_that_are_no_json_get_an_http_status() {
    let running = start(knowing(KNOWN)).await;
    assert_eq!(post(running.address(), UPDATE, "{").await.status, 400);
    assert_eq!(post(running.address(), UPDATE, "[]").await.status, 400);
    let text = [("Authorization", "Basic dXNlcjpwYXNz"), ("Content-Type", "text/plain")];
    let answer = client::send(running.address(), "POST", UPDATE, &text, UPDATE_EXAMPLE).await;
    assert_eq!(answer.expect("answered").status, 415);
    let json = [("Authorization", "Basic dXNlcjpwYXNz"), ("Content-Type", "application/json")];
    let answer = client::send(running.address(), "PUT", UPDATE, &json, UPDATE_EXAMPLE).await;
    assert_eq!(answer.expect("answered").status, 405);
}

#[tokio::test]
async fn half_a_phone_leaves_the_other_half_as_it_was() {
    let mut options = playing("[wsone]\nupdate = \"patch\"");
    options.populate(Wsone, KNOWN);
    let running = start(options).await;
    post(running.address(), UPDATE, UPDATE_EXAMPLE).await;
    for (phone, code) in [
        (json!({"number": "0698765432"}), "000"),
        (json!({"dialingCode": "262"}), "000"),
        (json!({"number": "06 98"}), "102"),
        (json!({"dialingCode": "0"}), "102"),
    ] {
        let body = json!({
            "IdentifierRequest": {"identifierType": 1, "identifierValue": "1234567891011"},
            "ContactsRequest": {"CellPhoneRequest": phone},
        });
        assert_eq!(post(running.address(), UPDATE, &body.to_string()).await.json()["responseCode"], code);
    }
    let phone =
        &running.ledger().person(Wsone, KNOWN).expect("known").fields["ContactsRequest"]["CellPhoneRequest"];
    assert_eq!((&phone["dialingCode"], &phone["number"]), (&json!("262"), &json!("0698765432")));
}

#[tokio::test]
async fn update_replaces_sent_objects_and_keeps_the_others() {
    let partial = json!({
        "IdentifierRequest": {"identifierType": 1, "identifierValue": "1234567891011"},
        "ContactsRequest": {"EmailRequest": {"emailValue": "new@example.org"}},
        "SubscriptionRequest": [{"activate": false, "id": 2}],
    })
    .to_string();
    for (scenario, expected_email) in [
        ("", json!({"emailValue": "new@example.org"})),
        (
            "[wsone]\nupdate = \"patch\"",
            json!({"allowCompanySolicitation": 1, "allowTrustedSolicitation": 0, "emailValue": "new@example.org"}),
        ),
    ] {
        let mut options = playing(scenario);
        options.populate(Wsone, KNOWN);
        let running = start(options).await;
        post(running.address(), UPDATE, UPDATE_EXAMPLE).await;
        post(running.address(), UPDATE, &partial).await;
        let fields = running.ledger().person(Wsone, KNOWN).expect("known").fields;
        assert_eq!(fields["ContactsRequest"]["EmailRequest"], expected_email);
        assert_eq!(fields["ContactsRequest"]["AddressRequest"]["city"], "LILLE");
        assert_eq!(fields["PersonRequest"]["firstName"], "JEAN");
        assert_eq!(
            fields["SubscriptionRequest"],
            json!([{"activate": true, "id": 1}, {"activate": false, "id": 2}])
        );
    }
}

#[tokio::test]
async fn person_is_read_as_it_was_applied() {
    let running = start(knowing(KNOWN)).await;
    post(running.address(), UPDATE, UPDATE_EXAMPLE).await;
    let request = json!({"IdentifierRequest": {"identifierType": 1, "identifierValue": "1234567891011"}});
    let answer = post(running.address(), GET, &request.to_string()).await.json();
    assert_eq!(answer["responseCode"], "000");
    assert_eq!(answer["PersonResponse"]["lastName"], "DUPOND");
    let unknown = with(&request, "/IdentifierRequest/identifierValue", json!("0"));
    assert_eq!(post(running.address(), GET, &unknown.to_string()).await.json()["responseCode"], "101");
}
