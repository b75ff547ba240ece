//! The vendor's examples, the projection rules and every kind of answer of `WsOne`.

use serde_json::Value as Json;

use super::super::tests::{FRANCE, code, customer, ok, phone, provider, said, street, text, try_provider};
use super::*;
use crate::domain::customer::Cell;
use crate::domain::field::Field;
use crate::domain::value::{Title, Value};
use crate::domain::verdict::{AnswerCode, Remedy};
use crate::domain::wire::{KeyCell, WireCell};

const UPDATE: &str = include_str!("golden/update_person.json");
const CREATE: &str = include_str!("golden/create_person.json");

/// The values of the vendor's example, by wire name.
const EXAMPLE: &[(&str, &str)] = &[
    ("ContactsRequest.AddressRequest.allowCompanySolicitation", "1"),
    ("ContactsRequest.AddressRequest.allowTrustedSolicitation", "0"),
    ("ContactsRequest.AddressRequest.address1", "ADDR 2"),
    ("ContactsRequest.AddressRequest.address2", "ADDR 3"),
    ("ContactsRequest.AddressRequest.address3Name", "DE LA LIBERTE"),
    ("ContactsRequest.AddressRequest.address3Num", "13"),
    ("ContactsRequest.AddressRequest.address3Type", "5"),
    ("ContactsRequest.AddressRequest.address4", "ADDR 4"),
    ("ContactsRequest.AddressRequest.city", "LILLE"),
    ("ContactsRequest.AddressRequest.country", "FRANCE"),
    ("ContactsRequest.AddressRequest.zipCode", "59000"),
    ("ContactsRequest.EmailRequest.allowCompanySolicitation", "1"),
    ("ContactsRequest.EmailRequest.allowTrustedSolicitation", "0"),
    ("ContactsRequest.EmailRequest.emailValue", "email-test@email.fr"),
    ("ContactsRequest.CellPhoneRequest.allowCompanySolicitation", "1"),
    ("ContactsRequest.CellPhoneRequest.allowTrustedSolicitation", "0"),
    ("ContactsRequest.CellPhoneRequest.model", "S24"),
    ("ContactsRequest.CellPhoneRequest.brand", "Samsung"),
    ("ContactsRequest.CellPhoneRequest.dialingCode", "33"),
    ("ContactsRequest.CellPhoneRequest.number", "0612345678"),
    ("EntityRequest.entityIdentifier", "123456"),
    ("PersonRequest.birthDate", "01/01/2000"),
    ("PersonRequest.firstName", "JEAN"),
    ("PersonRequest.lastName", "DUPOND"),
    ("PersonRequest.title", "1"),
];

fn wsone() -> std::sync::Arc<dyn Provider> {
    provider(ProviderId::Wsone, SETTINGS)
}

const SETTINGS: &str = "source = \"API-DOG\"\nidentifier_type = 1\ntitles = { M = 1, F = 2 }\nstreet_types = { RUE = 5 }\n\
     response_codes = { \"101\" = \"missing\", \"102\" = \"exists\", \"103\" = \"denied\", \"104\" = \"transient\" }";

fn example() -> WireValues {
    let provider = wsone();
    let subscription = |id| (FieldCode::subscription(id).expect("small"), "true".to_owned());
    EXAMPLE
        .iter()
        .map(|(name, value)| (code(&*provider, name), (*value).to_owned()))
        .chain([subscription(1), subscription(2)])
        .collect()
}

fn built(operation: Operation, key: &str, values: &WireValues) -> (String, Json) {
    let request = wsone().build(operation, &ProviderKey(key.into()), values).expect("fits");
    (request.url, serde_json::from_slice(&request.body).expect("JSON"))
}

#[test]
fn example_of_update_person_is_built_as_documented() {
    let (url, body) = built(Operation::Update, "1:1234567891011", &example());
    assert_eq!(url, "https://wsone.example/base/rest/2.0/personWebService/updatePerson");
    assert_eq!(body, serde_json::from_str::<Json>(UPDATE).expect("JSON"));
}

#[test]
fn example_of_create_person_is_built_as_documented() {
    let (url, body) = built(Operation::Create, "1:1110987654321", &example());
    assert_eq!(url, "https://wsone.example/base/rest/2.0/personWebService/createPerson");
    assert_eq!(body, serde_json::from_str::<Json>(CREATE).expect("JSON"));
}

#[test]
fn example_is_what_a_customer_projects_to() {
    let flag = |flag| Cell::Value(Value::Flag(flag));
    let customer = customer(vec![
        (Field::PersonIdentifier, text("1234567891011")),
        (Field::StoreId, text("123456")),
        (Field::Title, Cell::Value(Value::Title(Title::M))),
        (Field::FirstName, text("JEAN")),
        (Field::LastName, text("DUPOND")),
        (Field::BirthDate, Cell::Value(Value::Date(jiff::civil::date(2000, 1, 1)))),
        (Field::Email, Cell::Value(Value::Email("email-test@email.fr".into()))),
        (Field::EmailOptIn, flag(true)),
        (Field::EmailPartnerOptIn, flag(false)),
        (Field::MobilePhone, phone("33", "0612345678", "33612345678")),
        (Field::MobileModel, text("S24")),
        (Field::MobileBrand, text("Samsung")),
        (Field::SmsOptIn, flag(true)),
        (Field::SmsPartnerOptIn, flag(false)),
        (Field::AddressApartment, text("ADDR 2")),
        (Field::AddressBuilding, text("ADDR 3")),
        (Field::AddressLocality, text("ADDR 4")),
        (Field::Street, street("13 RUE DE LA LIBERTE", Some((Some("13"), Some("RUE"), "DE LA LIBERTE")))),
        (Field::City, text("LILLE")),
        (Field::PostalCode, text("59000")),
        (Field::Country, Cell::Value(Value::Country(FRANCE))),
        (Field::MailOptIn, flag(true)),
        (Field::MailPartnerOptIn, flag(false)),
        (Field::Subscription(1), flag(true)),
        (Field::Subscription(2), flag(true)),
    ]);
    let projection = wsone().project(&customer);
    assert_eq!(projection.key, KeyCell::Key(ProviderKey("1:1234567891011".into())));
    assert!(projection.defects.is_empty(), "{:?}", projection.defects);
    let expected: Vec<_> =
        example().0.into_iter().map(|(code, value)| (code, WireCell::Value(value))).collect();
    assert_eq!(projection.cells.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn absent_objects_are_left_out() {
    let values = WireValues::from_iter([(code(&*wsone(), "PersonRequest.firstName"), "Jeanne".to_owned())]);
    let (_, body) = built(Operation::Update, "7:a:b", &values);
    let expected = serde_json::json!({
        "IdentifierRequest": { "identifierType": 7, "identifierValue": "a:b" },
        "PersonRequest": { "firstName": "Jeanne" },
        "source": "API-DOG",
    });
    assert_eq!(body, expected);
    let (_, body) = built(Operation::Create, "7:x", &WireValues::default());
    assert_eq!(body["PersonProfilRequest"], serde_json::json!({}), "no document shows a request without it");
    assert!(body.get("SubscriptionRequest").is_none());
}

/// An empty value was for a person whom a lost create may have left.
#[test]
fn nobody_is_created_with_an_empty_value() {
    let name = |name, value: &str| (code(&*wsone(), name), value.to_owned());
    let values =
        WireValues::from_iter([name("PersonRequest.firstName", ""), name("PersonRequest.lastName", "Roy")]);
    let (_, body) = built(Operation::Create, "7:x", &values);
    let expected = serde_json::json!({ "PersonRequest": { "lastName": "Roy" } });
    assert_eq!(body["PersonProfilRequest"], expected);
    let (_, body) = built(Operation::Update, "7:x", &values);
    assert_eq!(body["PersonRequest"]["firstName"], "");
}

#[test]
fn credentials_travel_in_the_header_alone() {
    let request = wsone().build(Operation::Update, &ProviderKey("1:x".into()), &example()).expect("fits");
    let (name, value) = &request.headers[0];
    assert_eq!(
        (name.as_str(), value.to_str().expect("text")),
        ("authorization", "Basic dGhlLXVzZXI6dGhlLXBhc3N3b3Jk")
    );
    assert!(value.is_sensitive());
    assert!(!String::from_utf8_lossy(&request.body).contains("the-password"));
}

#[test]
fn value_that_is_no_number_is_a_build_error() {
    for (name, value) in [("PersonRequest.title", "M"), ("PersonRequest.title", "")] {
        let values = WireValues::from_iter([(code(&*wsone(), name), value.to_owned())]);
        let error = wsone().build(Operation::Update, &ProviderKey("1:x".into()), &values);
        assert_eq!(error.expect_err(value), BuildError::Form("PersonRequest.title"));
    }
    for key in ["x", "x:1", "1:", ""] {
        let error = wsone().build(Operation::Update, &ProviderKey(key.into()), &WireValues::default());
        assert_eq!(error.expect_err(key), BuildError::Key);
    }
}

/// A street, and what stands in address3Num, address3Type and address3Name.
#[test]
fn street_takes_three_fields_or_one() {
    let cases = [
        (street("13 rue X", Some((Some("13"), Some("RUE"), "X"))), ["=13", "=5", "=X"]),
        (street("rue X", Some((None, Some("RUE"), "X"))), ["vacant", "=5", "=X"]),
        (street("Le Bourg", Some((None, None, "Le Bourg"))), ["vacant", "vacant", "=Le Bourg"]),
        (street("4 Le Bourg", Some((Some("4"), None, "Le Bourg"))), ["=4", "vacant", "=Le Bourg"]),
        // A number that is no plain integer, and a type that has no code: the whole line, nothing lost.
        (
            street("12 bis rue X", Some((Some("12 bis"), Some("RUE"), "X"))),
            ["vacant", "vacant", "=12 bis rue X"],
        ),
        (street("007 rue X", Some((Some("007"), Some("RUE"), "X"))), ["vacant", "vacant", "=007 rue X"]),
        (street("2 quai X", Some((Some("2"), Some("QUAI"), "X"))), ["vacant", "vacant", "=2 quai X"]),
        (street("8 mai 1945 (place du)", None), ["vacant", "vacant", "=8 mai 1945 (place du)"]),
        (Cell::Cleared, ["cleared", "cleared", "cleared"]),
        (Cell::Invalid, ["invalid", "invalid", "invalid"]),
    ];
    for (cell, expected) in cases {
        let provider = wsone();
        let projection = provider.project(&customer(vec![(Field::Street, cell)]));
        let fields = ["address3Num", "address3Type", "address3Name"];
        let found = fields
            .map(|name| said(&*provider, &projection, &format!("ContactsRequest.AddressRequest.{name}")));
        assert_eq!(found, expected.map(str::to_owned));
    }
}

#[test]
fn street_types_are_found_however_the_configuration_writes_them() {
    let lines = "street_types = { ROND-POINT = 9, \"zone d'activités\" = 3, bd = 4, AV = 7, R = 8, ZI = 11, VAL = 12 }";
    for (kind, number) in [
        ("ROND POINT", "=9"),
        ("ZONE D ACTIVITES", "=3"),
        ("BOULEVARD", "=4"),
        ("AVENUE", "=7"),
        ("RUE", "=8"),
        ("ZONE INDUSTRIELLE", "=11"),
        ("VAL", "=12"),
        // Whose abbreviation is another word.
        ("VALLON", "vacant"),
    ] {
        let provider = provider(ProviderId::Wsone, lines);
        let cell = street("4 X", Some((Some("4"), Some(kind), "X")));
        let projection = provider.project(&customer(vec![(Field::Street, cell)]));
        assert_eq!(said(&*provider, &projection, "ContactsRequest.AddressRequest.address3Type"), number);
    }
    for twice in ["ROND-POINT = 9, \"rond point\" = 3", "BOULEVARD = 9, BLD = 3"] {
        let twice = try_provider(ProviderId::Wsone, &format!("street_types = {{ {twice} }}"));
        assert_eq!(twice.err().map(|error| error.key), Some("street_types"));
    }
}

/// Type of the identifier in the settings, in the file, and the key that comes of it.
#[test]
fn key_needs_a_type_from_the_file_or_the_settings() {
    let number = |number| Some(Cell::Value(Value::Integer(number)));
    let key = |key: &str| KeyCell::Key(ProviderKey(key.into()));
    let invalid = KeyCell::Invalid(fields::IDENTIFIER_TYPE);
    let cases = [
        ("identifier_type = 3", None, key("3:A")),
        ("identifier_type = 3", number(8), key("8:A")),
        ("identifier_type = 3", Some(Cell::Cleared), key("3:A")),
        ("identifier_type = 3", Some(Cell::Invalid), invalid.clone()),
        ("", number(8), key("8:A")),
        ("", Some(Cell::Cleared), invalid.clone()),
        ("", None, invalid),
    ];
    for (lines, kind, expected) in cases {
        let mut cells = vec![(Field::PersonIdentifier, text("A"))];
        cells.extend(kind.map(|kind| (Field::PersonIdentifierType, kind)));
        let projection = provider(ProviderId::Wsone, lines).project(&customer(cells));
        assert_eq!(projection.key, expected);
    }
    let projection =
        provider(ProviderId::Wsone, "").project(&customer(vec![(Field::PersonIdentifier, text("A"))]));
    assert_eq!(projection.defects[0].source, Field::PersonIdentifierType);
    let cleared = customer(vec![(Field::PersonIdentifier, Cell::Cleared)]);
    assert_eq!(wsone().project(&cleared).key, KeyCell::Cleared);
}

#[test]
fn title_without_a_number_is_reported() {
    let customer = customer(vec![(Field::Title, Cell::Value(Value::Title(Title::J)))]);
    let projection = wsone().project(&customer);
    assert_eq!(said(&*wsone(), &projection, "PersonRequest.title"), "invalid");
    assert_eq!(projection.defects.len(), 1);
    assert_eq!(projection.defects[0].source, Field::Title);
}

#[test]
fn store_comes_from_the_file_and_else_from_the_settings() {
    let fixed = provider(ProviderId::Wsone, "entity = \"42\"");
    let said = |provider: &dyn Provider, cells| {
        said(provider, &provider.project(&customer(cells)), "EntityRequest.entityIdentifier")
    };
    assert_eq!(said(&*fixed, vec![]), "=42");
    assert_eq!(said(&*fixed, vec![(Field::StoreId, Cell::Cleared)]), "=42");
    assert_eq!(said(&*fixed, vec![(Field::StoreId, text("7"))]), "=7");
    assert_eq!(said(&*wsone(), vec![]), "absent");
}

#[test]
fn unknown_consent_is_never_a_refusal() {
    let cells = vec![(Field::EmailOptIn, Cell::Cleared), (Field::Subscription(4), Cell::Cleared)];
    let projection = wsone().project(&customer(cells));
    assert!(projection.cells.values().all(|cell| *cell == WireCell::Cleared));
    for code in projection.cells.keys() {
        let field = wsone().field(*code).expect("known");
        assert!(field.consent && !field.can_be_empty);
    }
}

#[test]
fn subscription_has_a_row_of_its_own() {
    let field = wsone().field(FieldCode::subscription(12).expect("small")).expect("always");
    assert_eq!((field.name, field.object, field.consent), ("SubscriptionRequest.12", "", true));
    assert_eq!(field.sources, [Field::Subscription(12)]);
}

/// Bodies of HTTP 200 and what they mean.
#[test]
fn answers_are_read_as_documented_or_not_at_all() {
    let refused = |code: &str| Verdict::Refused { code: AnswerCode::new(code), remedy: Remedy::None };
    let unreadable = || Verdict::Unknown { what: "unreadable_answer" };
    let cases = [
        // The two documented answers.
        (
            "{\"responseCode\": \"000\", \"infos\": \"Request successfully processed\\nserver.instance.name=x\\n\", \"NewIdentifierResponse\": null}",
            Verdict::Accepted,
        ),
        (
            "{\"responseCode\": \"000\", \"infos\": \"Request successfully processed\", \"NewIdentifierResponse\": null}",
            Verdict::Accepted,
        ),
        // More or less than documented, and a byte order mark.
        (
            "{\"responseCode\": \"000\", \"NewIdentifierResponse\": {\"a\": 1}, \"more\": []}",
            Verdict::Accepted,
        ),
        ("\u{feff}{\"responseCode\":\"000\"}", Verdict::Accepted),
        // Any other code is a refusal until the operator classes it.
        ("{\"responseCode\": \"001\"}", refused("001")),
        ("{\"responseCode\": \"0000\"}", refused("0000")),
        // What is a classed code only when characters are dropped proves nothing.
        ("{\"responseCode\": \"10/1\"}", refused("code_withheld")),
        ("{\"responseCode\": \"101 \"}", Verdict::Missing { code: AnswerCode::new("101") }),
        // Nearly the success is none.
        ("{\"responseCode\": \" 000\"}", unreadable()),
        ("{\"responseCode\": \"101\"}", Verdict::Missing { code: AnswerCode::new("101") }),
        ("{\"responseCode\": \"102\"}", Verdict::Exists { code: AnswerCode::new("102") }),
        ("{\"responseCode\": \"103\"}", Verdict::Denied { code: AnswerCode::new("103"), by_body: true }),
        ("{\"responseCode\": \"104\"}", Verdict::Transient { code: AnswerCode::new("104") }),
        // Wrong types, missing keys, other shapes: nobody knows what happened.
        ("{\"responseCode\": 0}", unreadable()),
        ("{\"responseCode\": 101}", Verdict::Missing { code: AnswerCode::new("101") }),
        ("{\"responseCode\": 101.5}", unreadable()),
        ("{\"responseCode\": -1}", unreadable()),
        ("{\"responseCode\": null}", unreadable()),
        ("{\"responseCode\": \"\"}", unreadable()),
        ("{\"responseCode\": \"000 \"}", unreadable()),
        ("{\"responseCode\": \" \"}", unreadable()),
        ("{\"responseCode\": [\"000\"]}", unreadable()),
        ("{\"infos\": \"Request successfully processed\"}", unreadable()),
        ("{\"ResponseCode\": \"000\"}", unreadable()),
        ("{\"responseCode\": true}", unreadable()),
        ("{\"responseCode\": {\"code\": \"000\"}}", unreadable()),
        ("{\"responseCode\": \"  \"}", unreadable()),
        ("{\"d\": {\"responseCode\": \"000\"}}", unreadable()),
        ("<PersonResponse><responseCode>000</responseCode></PersonResponse>", unreadable()),
        ("{}", unreadable()),
        ("null", unreadable()),
        ("[\"000\"]", unreadable()),
        ("\"000\"", unreadable()),
        ("{\"responseCode\": \"000\"", unreadable()),
        ("{\"responseCode\": \"000\"} {}", unreadable()),
        ("{\"responseCode\": \"000\", \"responseCode\": \"101\"}", unreadable()),
        ("<html><body>000</body></html>", unreadable()),
        ("", unreadable()),
    ];
    for (body, expected) in cases {
        let key = ProviderKey("1:x".into());
        for operation in [Operation::Create, Operation::Update] {
            assert_eq!(wsone().read(operation, &key, &ok(body)), expected, "{body}");
        }
    }
}
