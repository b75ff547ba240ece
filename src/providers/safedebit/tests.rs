//! The vendor's example, the projection rules and every kind of answer of Safedebit.

use serde_json::Value as Json;

use super::super::tests::{FRANCE, NETHERLANDS, customer, ok, phone, provider, said, street, text};
use super::*;
use crate::domain::customer::Cell;
use crate::domain::field::Field;
use crate::domain::value::{CustomerType, IdentityDocument, Title, Value};
use crate::domain::verdict::{AnswerCode, Remedy};
use crate::domain::wire::{KeyCell, WireCell};

const EXAMPLE: &str = include_str!("golden/edit_consumer.json");

fn safedebit() -> std::sync::Arc<dyn Provider> {
    provider(ProviderId::Safedebit, "")
}

fn reference() -> ProviderKey {
    ProviderKey("REF_XXX".into())
}

#[test]
fn example_is_built_as_documented() {
    let example: Json = serde_json::from_str(EXAMPLE).expect("JSON");
    let values: WireValues = example
        .as_object()
        .expect("object")
        .iter()
        .filter(|(name, _)| *name != "safedebit_consumer_reference")
        .map(|(name, value)| {
            let field = fields::FIELDS.iter().find(|field| field.name == name);
            let field = field.unwrap_or_else(|| panic!("{name} is in the table"));
            (field.code, value.as_str().expect("text").to_owned())
        })
        .collect();
    let request = safedebit().build(Operation::Update, &reference(), &values).expect("fits");
    assert_eq!(request.url, "https://safedebit.example/base/edit_consumer");
    assert_eq!(serde_json::from_slice::<Json>(&request.body).expect("JSON"), example);
    let headers: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("text"))).collect();
    assert_eq!(headers[0], ("authorization", "Basic dGhlLXVzZXI6dGhlLXBhc3N3b3Jk"));
    assert_eq!(headers[1..], [("content-type", "application/json"), ("accept", "application/json")]);
}

#[test]
fn reference_is_always_sent_and_an_empty_text_clears() {
    let values = WireValues::from_iter([(fields::PSEUDONYM, String::new())]);
    let request = safedebit().build(Operation::Update, &reference(), &values).expect("fits");
    let body: Json = serde_json::from_slice(&request.body).expect("JSON");
    let expected =
        serde_json::json!({ "safedebit_consumer_reference": "REF_XXX", "consumer_pseudonyme": "" });
    assert_eq!(body, expected);
}

#[test]
fn customer_is_projected_in_the_forms_of_the_page() {
    let provider = safedebit();
    let projection = provider.project(&customer(vec![
        (Field::SafedebitReference, text("REF_XXX")),
        (Field::Title, Cell::Value(Value::Title(Title::F))),
        // The page's descriptions of these two are swapped; the names are right.
        (Field::FirstName, text("claude")),
        (Field::LastName, text("famille")),
        (Field::OtherFirstNames, text("Jean, Michel")),
        (Field::IdentityDocumentType, Cell::Value(Value::IdentityDocument(IdentityDocument::Passport))),
        (Field::BirthDate, Cell::Value(Value::Date(jiff::civil::date(1996, 5, 30)))),
        (Field::Nationalities, Cell::Value(Value::Nationalities(vec![NETHERLANDS, FRANCE].into()))),
        (Field::Street, street("7 rue laurent vibert", Some((Some("7"), Some("RUE"), "laurent vibert")))),
        (Field::AddressApartment, text("5ème étage")),
        (Field::AddressBuilding, text("Bât. B")),
        (Field::Country, Cell::Value(Value::Country(FRANCE))),
        (Field::IpAddress, Cell::Value(Value::Ip("127.0.0.1".parse().expect("an address")))),
        (Field::Iban, Cell::Value(Value::Iban("FR7630006000011234567890189".into()))),
    ]));
    assert_eq!(projection.key, KeyCell::Key(reference()));
    let expected = [
        ("consumer_gender", "=F"),
        ("consumer_first_name", "=claude"),
        ("consumer_last_name", "=famille"),
        ("consumer_other_last_name", "=Jean, Michel"),
        ("identity_type", "=3"),
        ("consumer_birth_day", "=30/05/1996"),
        ("nationality", "=NL"),
        ("consumer_address_street_number", "=7"),
        ("consumer_address_street_type", "=rue"),
        ("consumer_address_street_name", "=laurent vibert"),
        ("consumer_address_complement", "=5ème étage, Bât. B"),
        ("consumer_country", "=FR"),
        ("consumer_ip", "=127.0.0.1"),
        ("iban", "=FR7630006000011234567890189"),
    ];
    for (name, value) in expected {
        assert_eq!(said(&*provider, &projection, name), value, "{name}");
    }
    assert!(projection.defects.is_empty());
}

/// One cell, a wire field, and what it says.
#[test]
fn values_that_do_not_fit_are_reported_and_never_cut() {
    let cases = [
        (Field::Title, Cell::Value(Value::Title(Title::J)), "consumer_gender", "absent", 0),
        (Field::Title, Cell::Value(Value::Title(Title::U)), "consumer_gender", "absent", 0),
        (Field::Title, Cell::Cleared, "consumer_gender", "cleared", 0),
        (Field::Email, Cell::Invalid, "consumer_email", "invalid", 0),
        (Field::City, text(&"é".repeat(35)), "consumer_city", &format!("={}", "é".repeat(35)), 0),
        (Field::City, text(&"é".repeat(36)), "consumer_city", "invalid", 1),
        // Lengths count the composed form.
        (
            Field::City,
            text(&"e\u{301}".repeat(35)),
            "consumer_city",
            &format!("={}", "e\u{301}".repeat(35)),
            0,
        ),
        (Field::Siren, text("12345678"), "siren", "invalid", 1),
        (
            Field::IpAddress,
            Cell::Value(Value::Ip("2001:db8::1".parse().expect("valid"))),
            "consumer_ip",
            "invalid",
            1,
        ),
        (
            Field::IpAddress,
            Cell::Value(Value::Ip("::1".parse().expect("valid"))),
            "consumer_ip",
            "invalid",
            1,
        ),
    ];
    for (field, cell, name, expected, defects) in cases {
        let provider = safedebit();
        let projection = provider.project(&customer(vec![(field, cell)]));
        assert_eq!(said(&*provider, &projection, name), expected, "{field}");
        assert_eq!(projection.defects.len(), defects, "{field}");
        assert!(projection.defects.iter().all(|defect| defect.source == field));
    }
}

/// A street, and what stands in number, type and name.
#[test]
fn street_type_is_abbreviated_only_when_it_must_be() {
    let long = "n".repeat(71);
    let cases = [
        (
            street("4 zone industrielle Nord", Some((Some("4"), Some("ZONE INDUSTRIELLE"), "Nord"))),
            ["=4", "=ZI", "=Nord"],
        ),
        (street("12 bis rue X", Some((Some("12 bis"), Some("RUE"), "X"))), ["=12 bis", "=rue", "=X"]),
        (street("Le Bourg", Some((None, None, "Le Bourg"))), ["vacant", "vacant", "=Le Bourg"]),
        (street("BP 123", None), ["vacant", "vacant", "=BP 123"]),
        // A part that does not fit: the whole line, nothing lost.
        (
            street("1 x Y", Some((Some("1"), Some("LONGUE SORTE DE RUE"), "Y"))),
            ["vacant", "vacant", "=1 x Y"],
        ),
        // Where that does not fit either, no part goes: a new number would stand beside an old name.
        (
            street(&format!("1 rue {long}"), Some((Some("1"), Some("RUE"), &long))),
            ["invalid", "invalid", "invalid"],
        ),
        (Cell::Cleared, ["cleared", "cleared", "cleared"]),
    ];
    for (cell, expected) in cases {
        let provider = safedebit();
        let projection = provider.project(&customer(vec![(Field::Street, cell)]));
        let found = ["number", "type", "name"]
            .map(|part| said(&*provider, &projection, &format!("consumer_address_street_{part}")));
        assert_eq!(found, expected.map(str::to_owned));
    }
}

/// Cells of mobile and landline, and the one number that Safedebit has room for.
#[test]
fn mobile_goes_before_landline() {
    let mobile = || (Field::MobilePhone, phone("33", "0600000000", "33600000000"));
    let landline = || (Field::LandlinePhone, phone("32", "022345678", "3222345678"));
    let cases = [
        (vec![mobile(), landline()], "=0600000000"),
        (vec![landline()], "=+3222345678"),
        (vec![(Field::MobilePhone, Cell::Cleared), landline()], "=+3222345678"),
        // The true mobile number is not known: the landline must not take its place.
        (vec![(Field::MobilePhone, Cell::Invalid), landline()], "invalid"),
        (vec![(Field::MobilePhone, Cell::Cleared), (Field::LandlinePhone, Cell::Cleared)], "cleared"),
        (vec![(Field::MobilePhone, phone("262", "0692123456", "262692123456"))], "=+262692123456"),
        (vec![], "absent"),
    ];
    for (cells, expected) in cases {
        let provider = safedebit();
        let projection = provider.project(&customer(cells));
        assert_eq!(said(&*provider, &projection, "consumer_phone_number"), expected);
    }
}

/// The type of a customer, and what stands in `consumer_type`, `siren` and `waldec`.
/// Of a private person these are not Safedebit's; a type that cannot be read may be a person's, and one that is excluded is known
/// all the same.
#[test]
fn organisation_fields_do_not_go_for_who_may_be_a_person() {
    let siren = |kind, lines| {
        let customer = customer(vec![(Field::Siren, text("732829320")), (Field::CustomerType, kind)]);
        let projection = provider(ProviderId::Safedebit, lines).project(&customer);
        (projection.cells.get(&fields::SIREN).cloned(), projection.in_part.contains(&fields::SIREN))
    };
    let kind = |kind| Cell::Value(Value::CustomerType(kind));
    let excluded = "exclude = [\"customer_type\"]";
    let goes = Some(WireCell::Value("732829320".into()));
    assert_eq!(siren(Cell::Invalid, ""), (None, true));
    assert_eq!(siren(kind(CustomerType::Person), excluded), (Some(WireCell::NotTheirs), false));
    assert_eq!(siren(kind(CustomerType::Company), excluded), (goes.clone(), false));
    assert_eq!(siren(Cell::Cleared, ""), (goes, false), "nobody says that it is one");
}

#[test]
fn organisation_fields_follow_the_type() {
    let kind = |kind| Some(Cell::Value(Value::CustomerType(kind)));
    let cases = [
        (kind(CustomerType::Person), ["=0", "not theirs", "not theirs"]),
        (kind(CustomerType::Company), ["=1", "=732829320", "not theirs"]),
        (kind(CustomerType::Association), ["=2", "not theirs", "=W784000090"]),
        // Nobody knows what the customer is: both go.
        (Some(Cell::Cleared), ["cleared", "=732829320", "=W784000090"]),
        (None, ["absent", "=732829320", "=W784000090"]),
    ];
    for (kind, expected) in cases {
        let mut cells = vec![(Field::Siren, text("732829320")), (Field::Rna, text("W784000090"))];
        cells.extend(kind.map(|kind| (Field::CustomerType, kind)));
        let provider = safedebit();
        let projection = provider.project(&customer(cells));
        let found = ["consumer_type", "siren", "waldec"].map(|name| said(&*provider, &projection, name));
        assert_eq!(found, expected.map(str::to_owned));
    }
}

/// Bodies of HTTP 200 and what they mean.
#[test]
fn answers_are_read_as_documented_or_not_at_all() {
    let refused = |code: &str| Verdict::Refused { code: AnswerCode::new(code), remedy: Remedy::None };
    let unreadable = || Verdict::Unknown { what: "unreadable_answer" };
    let cases = [
        ("{\n\"result\" : true\n}", Verdict::Accepted),
        ("\u{feff}{\"result\":true,\"more\":{}}", Verdict::Accepted),
        ("{\"result\":false,\"code\":\"XXXX\"}", refused("XXXX")),
        ("{\"result\":false,\"code\":\"EXIST_002\"}", refused("EXIST_002")),
        (
            "{\"result\":false,\"code\":\"AUTH_001\"}",
            Verdict::Denied { code: AnswerCode::new("AUTH_001"), by_body: true },
        ),
        ("{\"result\":false,\"code\":12}", refused("12")),
        (
            "{\"result\":false,\"code\":\"AUTH_\"}",
            Verdict::Denied { code: AnswerCode::new("AUTH_"), by_body: true },
        ),
        ("{\"result\":false,\"code\":\"auth_001\"}", refused("auth_001")),
        ("{\"result\":false,\"code\":\"XAUTH_001\"}", refused("XAUTH_001")),
        ("{\"result\":false,\"code\":\"DATA_007\",\"message\":\"iban\"}", refused("DATA_007")),
        // Success beside a code is what `result` says.
        ("{\"result\":true,\"code\":\"EXIST_002\"}", Verdict::Accepted),
        // It says that nothing was done, if not why.
        ("{\"result\":false,\"code\":\" \"}", refused("no_code")),
        ("{\"result\":false,\"code\":[\"EXIST_002\"]}", refused("no_code")),
        ("{\"result\":false,\"code\":\"***\"}", refused("no_code")),
        ("{\"result\":false}", refused("no_code")),
        ("{\"result\":true,\"result\":false}", Verdict::Unknown { what: "unreadable_answer" }),
        ("{\"result\":false,\"code\":null}", refused("no_code")),
        // Only the JSON value true is success, and only false is failure.
        ("{\"result\":\"true\"}", unreadable()),
        ("{\"result\":1}", unreadable()),
        ("{\"result\":\"false\",\"code\":\"X\"}", unreadable()),
        ("{\"result\":null}", unreadable()),
        ("{\"code\":\"X\"}", unreadable()),
        ("{\"Result\":true}", unreadable()),
        ("{\"result\":[true]}", unreadable()),
        ("{\"result\":{}}", unreadable()),
        ("{\"d\":{\"result\":true}}", unreadable()),
        ("{}", unreadable()),
        ("<result>true</result>", unreadable()),
        ("{\"result\":true,\"result\":false}", unreadable()),
        ("[true]", unreadable()),
        ("true", unreadable()),
        ("{\"result\":true", unreadable()),
        ("<html>true</html>", unreadable()),
        ("", unreadable()),
    ];
    for (body, expected) in cases {
        assert_eq!(safedebit().read(Operation::Update, &reference(), &ok(body)), expected, "{body}");
    }
}

#[test]
fn operators_class_wins() {
    let provider = provider(ProviderId::Safedebit, "error_codes = { EXIST_002 = \"missing\" }");
    let verdict =
        provider.read(Operation::Update, &reference(), &ok("{\"result\":false,\"code\":\"EXIST_002\"}"));
    assert_eq!(verdict.class(), "missing");
}
