//! Lemonway, in its four dialects.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::super::{Accounts, Credentials, Options, Outcome};
use super::client::{self, Answer};
use super::{playing, post, start, with};
use crate::domain::provider::ProviderId::Lemonway;

const JSON2: &str = "/mb/demo/dev/directkitjson2/Service.asmx/UpdateWalletDetails";
const JSON: &str = "/mb/demo/dev/directkitjson/service.asmx/UpdateWalletDetails";
const GET: &str = "/mb/demo/dev/directkitjson2/Service.asmx/GetWalletDetails";
const REGISTER: &str = "/mb/demo/dev/directkitjson2/Service.asmx/RegisterWallet";
const WALLET: &str = "33612345678";

/// The page's example values, and an IP address that is one (the page's is none).
fn example() -> Value {
    json!({
        "wlLogin": "society", "wlPass": "hush", "language": "en", "version": "1.0",
        "walletIp": "127.0.0.1", "walletUa": "crmsync", "wallet": WALLET,
        "newEmail": "pierre@example.org", "newTitle": "M", "newFirstName": "Pierre",
        "newLastName": "Dupont", "newStreet": "26 rue de Paris", "newPostCode": "93100",
        "newCity": "Montreuil", "newCtry": "FRA", "newIp": "91.222.86.32",
        "newPhoneNumber": "33672635263", "newMobileNumber": "33672635263",
        "newBirthDate": "21/03/1985", "newIsCompany": "1", "newCompanyName": "Lemonway SAS",
        "newCompanyDescription": "Ecommerce, vêtements", "newCompanyIdentificationNumber": "123567ABCDEF",
        "newIsDebtor": "1", "newNationality": "FRA", "newBirthcity": "Montreuil",
        "newBirthcountry": "FRA", "newPayerOrBeneficiary": "1",
    })
}

fn session(wallet: &str) -> Value {
    json!({"wlLogin": "society", "wlPass": "hush", "language": "fr", "version": "1.0",
           "walletIp": "127.0.0.1", "walletUa": "crmsync", "wallet": wallet})
}

fn knowing(options: Options) -> Options {
    let mut options = options;
    options.populate(Lemonway, WALLET);
    options
}

async fn json2(address: SocketAddr, parameters: &Value) -> Value {
    let answer = post(address, JSON2, &json!({"p": parameters}).to_string()).await;
    assert_eq!(answer.status, 200);
    answer.json()["d"].clone()
}

/// An envelope with these parameters, in the namespace and to the address of `kit`.
async fn soap(address: SocketAddr, kit: &str, namespace: &str, parameters: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <s:Header><a><b/></a></s:Header><s:Body><UpdateWalletDetails xmlns=\"{namespace}\">{parameters}\
         </UpdateWalletDetails></s:Body></s:Envelope>"
    );
    send_soap(address, kit, &format!("\"{namespace}/UpdateWalletDetails\""), &body).await
}

async fn send_soap(address: SocketAddr, kit: &str, action: &str, body: &str) -> Answer {
    let headers = [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", action)];
    let path = format!("/mb/demo/dev/{kit}/service.asmx");
    client::send(address, "POST", &path, &headers, body).await.expect("answered")
}

fn as_xml(parameters: &Value) -> String {
    let object = parameters.as_object().expect("an object");
    object.iter().map(|(name, value)| format!("<{name}>{}</{name}>", value.as_str().expect("text"))).collect()
}

#[tokio::test]
async fn example_of_the_page_is_applied_in_every_dialect() {
    let running = start(knowing(Options::new())).await;
    let address = running.address();
    let wallet = json!({"ID": WALLET, "LWID": "2343"});

    let d = json2(address, &example()).await;
    assert_eq!((&d["WALLET"], &d["E"]), (&wallet, &Value::Null));
    assert!(d["__type"].is_string());
    assert_eq!(post(address, JSON, &example().to_string()).await.json(), json!({"WALLET": wallet}));

    let expected = "<WALLET><ID>33612345678</ID><LWID>2343</LWID></WALLET>";
    for (kit, namespace) in [("directkitxml", "Service_mb_xml"), ("directkit", "Service_mb")] {
        let answer = soap(address, kit, namespace, &as_xml(&example())).await;
        assert_eq!(answer.status, 200);
        let result = format!(
            "<UpdateWalletDetailsResponse xmlns=\"{namespace}\"><UpdateWalletDetailsResult>{expected}</UpdateWalletDetailsResult>"
        );
        assert!(answer.body.contains(&result), "{}", answer.body);
    }

    let entries = running.ledger().entries();
    let applied: Vec<&str> =
        entries.iter().map(|entry| entry.fields.as_ref().expect("applied").get()).collect();
    assert_eq!(applied.len(), 4);
    assert!(applied.iter().all(|fields| *fields == applied[0]), "one content in four envelopes");
    assert!(!applied[0].contains("hush") && !applied[0].contains("society"));
    let person = running.ledger().person(Lemonway, WALLET).expect("known");
    assert_eq!(person.fields.len(), 21);
}

#[tokio::test]
async fn soap_answers_have_the_peculiarities_that_the_scenario_asks_for() {
    let scenario = "[lemonway]\nescaped_result = true\nresult_element = \"UpdateWalletStatusResult\"";
    let running = start(knowing(playing(scenario))).await;
    let escaped = soap(running.address(), "directkit", "Service_mb", &as_xml(&example())).await;
    assert!(escaped.body.contains("<UpdateWalletStatusResult>&lt;?xml"), "{}", escaped.body);
    let plain = soap(running.address(), "directkitxml", "Service_mb_xml", &as_xml(&example())).await;
    assert!(plain.body.contains("<UpdateWalletStatusResult><WALLET>"), "{}", plain.body);

    let wrapped = start(knowing(playing("[lemonway]\nwrapped_json = true"))).await;
    let answer = post(wrapped.address(), JSON, &example().to_string()).await.json();
    assert_eq!(answer["d"]["WALLET"]["ID"], WALLET);
}

#[tokio::test]
async fn soap_text_is_unescaped_and_refusals_are_escaped() {
    let running = start(knowing(Options::new())).await;
    let street = "<newStreet>1 rue d&apos;&#201;t&#xE9; &amp; <![CDATA[<Fils>]]></newStreet>";
    let parameters = format!("{}{street}", as_xml(&session(WALLET)));
    soap(running.address(), "directkitxml", "Service_mb_xml", &parameters).await;
    let fields = running.ledger().person(Lemonway, WALLET).expect("known").fields;
    assert_eq!(fields["newStreet"], "1 rue d'Été & <Fils>");

    let parameters = format!("{}<newLastName>A &lt; B</newLastName>", as_xml(&session(WALLET)));
    let refused = soap(running.address(), "directkitxml", "Service_mb_xml", &parameters).await;
    assert_eq!(refused.status, 200);
    assert!(refused.body.contains("<E><Code>252</Code>"), "{}", refused.body);
    assert!(refused.body.contains("A &lt; B"), "{}", refused.body);
}

#[tokio::test]
async fn envelopes_that_are_none_get_a_fault() {
    let running = start(knowing(Options::new())).await;
    let envelope = "http://schemas.xmlsoap.org/soap/envelope/";
    let right = "\"Service_mb_xml/UpdateWalletDetails\"";
    let method =
        format!("<UpdateWalletDetails xmlns=\"Service_mb_xml\">{}</UpdateWalletDetails>", as_xml(&example()));
    let wrap = |body: &str| format!("<Envelope xmlns=\"{envelope}\"><Body>{body}</Body></Envelope>");
    let cases = [
        ("the action of another service", "\"Service_mb/UpdateWalletDetails\"", wrap(&method), 500),
        ("no action", "", wrap(&method), 500),
        ("a document type", right, format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{}", wrap(&method)), 400),
        ("an unknown entity", right, wrap(&method.replace("Montreuil", "&eacute;")), 400),
        ("another namespace", right, wrap(&method.replace("Service_mb_xml", "Service_mb")), 500),
        ("no method", right, wrap(""), 500),
        ("two methods", right, wrap(&format!("{method}{method}")), 500),
        ("no envelope", right, method.clone(), 500),
        (
            "a parameter twice",
            right,
            wrap(&method.replace("<newTitle>", "<newCity>x</newCity><newTitle>")),
            500,
        ),
        ("half of the quotes", "\"Service_mb_xml/UpdateWalletDetails", wrap(&method), 500),
        ("no quotes", "Service_mb_xml/UpdateWalletDetails", wrap(&method), 500),
        ("a character that XML forbids", right, wrap(&method.replace("Montreuil", "&#1;")), 400),
        ("an attribute twice", right, wrap(&method.replace("<newTitle>", "<newTitle a=\"1\" a=\"2\">")), 400),
        ("two bodies", right, wrap(&format!("{method}</Body><Body>")), 500),
        ("a header behind the body", right, wrap(&format!("{method}</Body><Header></Header><Body>")), 500),
        ("an open end", right, format!("<Envelope xmlns=\"{envelope}\"><Body>{method}"), 400),
        ("no XML", right, "{}".to_owned(), 500),
    ];
    for (case, action, body, status) in cases {
        let answer = send_soap(running.address(), "directkitxml", action, &body).await;
        assert_eq!(answer.status, status, "{case}");
        assert!(answer.body.contains("<soap:Fault>"), "{case}");
    }
    for media_type in ["application/soap+xml", "text/xml; charset=utf-16", "text/xml;charset=\"iso-8859-1\""]
    {
        let headers = [("Content-Type", media_type), ("SOAPAction", right)];
        let path = "/directkitxml/service.asmx";
        let answer = client::send(running.address(), "POST", path, &headers, &wrap(&method)).await;
        assert_eq!(answer.expect("answered").status, 415, "{media_type}");
    }
    assert!(running.ledger().entries().iter().all(|entry| entry.outcome == Outcome::Malformed));
}

#[tokio::test]
async fn json_without_its_envelope_gets_the_exception_of_the_framework() {
    let running = start(knowing(Options::new())).await;
    for body in [example().to_string(), json!({"p": 1}).to_string(), "{".to_owned()] {
        let answer = post(running.address(), JSON2, &body).await;
        assert_eq!(answer.status, 500);
        let exception = answer.json();
        assert!(["Message", "StackTrace", "ExceptionType"].iter().all(|name| exception[*name].is_string()));
    }
    assert!(running.ledger().entries().iter().all(|entry| !entry.applied));
}

#[tokio::test]
async fn wrong_values_are_refused_with_their_code() {
    let running = start(knowing(Options::new())).await;
    let cases = [
        ("wallet", json!(""), "264"),
        ("wallet", json!("w".repeat(101)), "264"),
        ("wallet", json!("unknown"), "147"),
        ("walletIp", json!("here"), "248"),
        ("language", json!(""), "234"),
        ("newEmail", json!("pierre"), "178"),
        ("newEmail", json!(format!("{}@example.org", "p".repeat(260))), "178"),
        ("newTitle", json!("X"), "234"),
        ("newFirstName", json!("P"), "252"),
        ("newLastName", json!("Dupont & Fils"), "252"),
        ("newStreet", json!("x".repeat(257)), "234"),
        ("newStreet", json!(""), "234"),
        ("newPostCode", json!(93100), "234"),
        ("newPostCode", json!("12345678901"), "234"),
        ("newCtry", json!("FR"), "234"),
        ("newBirthcountry", json!("ZZZ"), "234"),
        ("newNationality", json!("FRA,DEU,ITA,ESP,BEL,LUX"), "234"),
        ("newNationality", json!("FRA, DEU"), "234"),
        ("newIp", json!("91.222.286.32"), "248"),
        ("newPhoneNumber", json!("+33672635263"), "128"),
        ("newMobileNumber", json!("0672635263"), "253"),
        ("newBirthDate", json!("1985-03-21"), "247"),
        ("newBirthDate", json!("31/02/1985"), "247"),
        ("newBirthDate", json!("21/03/2085"), "254"),
        ("newIsCompany", json!("true"), "234"),
        ("newPayerOrBeneficiary", json!("3"), "234"),
        ("newShoeSize", json!("44"), "234"),
    ];
    for (name, value, code) in cases {
        let d = json2(running.address(), &with(&example(), &format!("/{name}"), value.clone())).await;
        assert_eq!(d["E"]["Code"], code, "{name} = {value}");
        assert_eq!(d["WALLET"], Value::Null);
    }
    assert!(running.ledger().person(Lemonway, WALLET).expect("populated").fields.is_empty());
}

#[tokio::test]
async fn refusals_speak_the_callers_language_and_quote_the_customer() {
    let running = start(knowing(Options::new())).await;
    let wrong = with(&session(WALLET), "/newEmail", json!("jeanne-martin"));
    let french = json2(running.address(), &wrong).await["E"].clone();
    let english = json2(running.address(), &with(&wrong, "/language", json!("en"))).await["E"].clone();
    assert_ne!(french["Msg"], english["Msg"]);
    assert!(french["Code"].is_string() && french["Prio"].is_string());
    assert!(french["Error"].as_str().expect("text").contains("jeanne-martin"));
}

#[tokio::test]
async fn email_belongs_to_one_wallet_whatever_its_case() {
    let mut options = knowing(Options::new());
    options.populate(Lemonway, "second");
    let running = start(options).await;
    let address = running.address();
    let give = |wallet: &str, email: &str| with(&session(wallet), "/newEmail", json!(email));
    assert_eq!(json2(address, &give(WALLET, "anne@example.org")).await["E"], Value::Null);
    assert_eq!(json2(address, &give("second", "Anne@Example.org")).await["E"]["Code"], "204");
    assert_eq!(json2(address, &give(WALLET, "ANNE@example.org")).await["E"], Value::Null, "its own");
    assert_eq!(json2(address, &give(WALLET, "new@example.org")).await["E"], Value::Null);
    assert_eq!(json2(address, &give("second", "anne@example.org")).await["E"], Value::Null, "freed");
}

#[tokio::test]
async fn verified_wallet_takes_contact_changes_only() {
    let scenario = format!("[lemonway]\nverified = [\"{WALLET}\"]");
    let running = start(knowing(playing(&scenario))).await;
    assert_eq!(json2(running.address(), &example()).await["E"]["Code"], "146");
    let mut contact = session(WALLET);
    for (name, value) in
        [("newEmail", "a@example.org"), ("newPhoneNumber", "33472635263"), ("newMobileNumber", "33672635263")]
    {
        contact[name] = json!(value);
    }
    assert_eq!(json2(running.address(), &contact).await["E"], Value::Null);
}

#[tokio::test]
async fn callers_are_turned_away_by_login_and_by_address() {
    let mut options = knowing(Options::new());
    options.accounts =
        Accounts { lemonway: Some(Credentials::new("society", "other")), ..Accounts::default() };
    let running = start(options).await;
    assert_eq!(json2(running.address(), &example()).await["E"]["Code"], "105");
    let any = start(knowing(Options::new())).await;
    assert_eq!(json2(any.address(), &with(&example(), "/wlPass", json!(""))).await["E"]["Code"], "105");
    let foreign = start(knowing(playing("[lemonway]\nforeign_address = true"))).await;
    let answer = post(foreign.address(), JSON2, &json!({"p": example()}).to_string()).await;
    assert_eq!(answer.status, 403);
    assert_eq!(foreign.ledger().entries()[0].outcome, Outcome::Denied);
}

#[tokio::test]
async fn registered_wallet_can_be_read_and_updated() {
    let running = start(Options::new()).await;
    let address = running.address();
    let mut wallet = session("w-1");
    for (name, value) in
        [("clientMail", "anne@example.org"), ("clientFirstName", "Anne"), ("clientLastName", "Roy")]
    {
        wallet[name] = json!(value);
    }
    let call = async |path: &str, parameters: &Value| {
        post(address, path, &json!({"p": parameters}).to_string()).await.json()["d"].clone()
    };
    assert_eq!(call(GET, &session("w-1")).await["E"]["Code"], "147");
    assert_eq!(call(REGISTER, &wallet).await["WALLET"]["ID"], "w-1");
    assert_eq!(call(REGISTER, &wallet).await["E"]["Code"], "152");
    let read = call(GET, &session("w-1")).await["WALLET"].clone();
    assert_eq!((&read["NAME"], &read["EMAIL"]), (&json!("Anne Roy"), &json!("anne@example.org")));
    assert_eq!(json2(address, &with(&session("w-1"), "/newCity", json!("Lyon"))).await["E"], Value::Null);
}
