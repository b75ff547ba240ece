//! What holds for every provider: the tables, the statuses, the fingerprints, and that nothing panics or shows a value.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use smol_str::SmolStr;

use super::*;
use crate::domain::customer::{Cell, CustomerId};
use crate::domain::field::Field;
use crate::domain::value::{
    Country, CountryNames, CustomerType, IdentityDocument, Phone, Street, StreetKind, StreetParts, Title,
    Value, WalletRole,
};
use crate::domain::verdict::AnswerCode;
use crate::domain::wire::{Form, KeyCell, WireCell};

pub(super) const FRANCE: Country =
    Country::new(&CountryNames { alpha2: "FR", alpha3: "FRA", french: "FRANCE" });
pub(super) const NETHERLANDS: Country =
    Country::new(&CountryNames { alpha2: "NL", alpha3: "NLD", french: "PAYS-BAS" });

pub(super) fn credentials() -> Credentials {
    Credentials { username: "the-user".to_owned().into(), password: "the-password".to_owned().into() }
}

/// The provider that a section with these further lines makes.
pub(super) fn provider(id: ProviderId, lines: &str) -> Arc<dyn Provider> {
    try_provider(id, lines).expect("the settings are right")
}

pub(super) fn try_provider(id: ProviderId, lines: &str) -> Result<Arc<dyn Provider>, SettingsError> {
    try_provider_with(id, lines, credentials())
}

fn try_provider_with(
    id: ProviderId,
    lines: &str,
    credentials: Credentials,
) -> Result<Arc<dyn Provider>, SettingsError> {
    let login = if id == ProviderId::Lemonway { "login" } else { "username" };
    let text = format!(
        "[{id}]\nbase_url = \"https://{id}.example/base/\"\n{login} = {{ env = \"U\" }}\npassword = {{ env = \"P\" }}\n{lines}"
    );
    let settings: ProvidersSettings = toml::from_str(&text).expect("the section is well-formed");
    Ok(settings.provider(id, credentials)?.expect("the section is there"))
}

pub(super) fn customer(cells: Vec<(Field, Cell)>) -> Customer {
    let id = CustomerId::new("1").expect("valid");
    Customer {
        id,
        cells: cells.into_iter().collect(),
        order: None,
        withheld: Vec::new(),
        in_part: Vec::new(),
        presumption: None,
    }
}

pub(super) fn text(value: &str) -> Cell {
    Cell::Value(Value::Text(value.into()))
}

pub(super) fn street(line: &str, parts: Option<(Option<&str>, Option<&str>, &str)>) -> Cell {
    let kind = |word: &str| StreetKind {
        written: word.to_lowercase().into(),
        standard: word.into(),
        short: if word == "ZONE INDUSTRIELLE" { "ZI".into() } else { word.into() },
    };
    Cell::Value(Value::Street(Box::new(Street {
        line: line.into(),
        parts: parts.map(|(number, word, name)| StreetParts {
            number: number.map(SmolStr::from),
            kind: word.map(kind),
            name: name.into(),
        }),
    })))
}

pub(super) fn phone(dialing_code: &str, national: &str, msisdn: &str) -> Cell {
    Cell::Value(Value::Phone(Box::new(Phone {
        dialing_code: dialing_code.into(),
        national: national.into(),
        msisdn: msisdn.into(),
    })))
}

/// The code of the field with that wire name.
pub(super) fn code(provider: &dyn Provider, name: &str) -> FieldCode {
    provider.fields().iter().find(|field| field.name == name).unwrap_or_else(|| panic!("no {name}")).code
}

/// What the projection says about the field with that wire name, in short: absent, cleared, invalid or the value.
pub(super) fn said(provider: &dyn Provider, projection: &Projection, name: &str) -> String {
    match projection.cells.get(&code(provider, name)) {
        None => "absent".to_owned(),
        Some(WireCell::Cleared) => "cleared".to_owned(),
        Some(WireCell::Vacant) => "vacant".to_owned(),
        Some(WireCell::NotTheirs) => "not theirs".to_owned(),
        Some(WireCell::Invalid) => "invalid".to_owned(),
        Some(WireCell::Value(value)) => format!("={value}"),
    }
}

pub(super) fn ok(body: &str) -> Answer {
    answer(200, body.as_bytes())
}

pub(super) fn answer(status: u16, body: &[u8]) -> Answer {
    Answer { status, retry_after: None, content_type: None, body: body.to_vec() }
}

fn all() -> Vec<Arc<dyn Provider>> {
    ProviderId::ALL.into_iter().map(|id| provider(id, "")).collect()
}

#[test]
fn each_table_is_sorted_by_code_and_names_no_field_twice() {
    for provider in all() {
        let fields = provider.fields();
        assert!(fields.windows(2).all(|pair| pair[0].code < pair[1].code), "{}", provider.id());
        let names: std::collections::BTreeSet<&str> = fields.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), fields.len());
        for field in fields {
            assert_eq!(provider.field(field.code).expect("found").name, field.name);
            assert!(field.chars.0 >= 1 && field.chars.0 <= field.chars.1, "{}", field.name);
            assert!(field.name.starts_with(field.object), "{}", field.name);
            assert!(!field.sources.is_empty() && !field.format.is_empty());
            assert!(!(field.can_be_empty && field.form != Form::Text), "{}", field.name);
        }
        assert!(provider.field(FieldCode(9_999)).is_none());
    }
}

#[test]
fn lemonway_has_no_field_that_may_be_empty() {
    assert!(provider(ProviderId::Lemonway, "").fields().iter().all(|field| !field.can_be_empty));
}

#[test]
fn codes_stand_in_state_files_and_never_change() {
    let table: String = all()
        .iter()
        .flat_map(|provider| {
            let id = provider.id();
            provider.fields().iter().map(move |field| format!("{id} {} {}\n", field.code.0, field.name))
        })
        .collect();
    insta::assert_snapshot!(table);
}

/// Status, Retry-After and the class of the verdict that follows, the same at every provider.
#[test]
fn statuses_follow_the_life_of_a_call() {
    let cases: &[(u16, Option<u64>, &str)] = &[
        // The lane pauses; with 503 only when the provider says how long.
        (429, None, "throttled"),
        (429, Some(7), "throttled"),
        (503, Some(7), "throttled"),
        (503, None, "unknown"),
        // The request may have been acted upon.
        (408, None, "unknown"),
        (500, None, "unknown"),
        (502, None, "unknown"),
        (504, Some(7), "unknown"),
        (520, None, "unknown"),
        // A person must look after credentials or rights.
        (401, None, "denied"),
        (403, None, "denied"),
        // The endpoint is not what the contract says.
        (301, None, "contract"),
        (302, None, "contract"),
        (400, None, "contract"),
        (404, None, "contract"),
        (415, None, "contract"),
        (422, None, "contract"),
        // Success is 200 and nothing else, whatever the body claims.
        (201, None, "unknown"),
        (204, None, "unknown"),
        (101, None, "unknown"),
        (999, None, "unknown"),
    ];
    let bodies: [&[u8]; 3] =
        [br#"{"responseCode":"000"}"#, br#"{"d":{"WALLET":{"ID":"W1"}}}"#, br#"{"result":true}"#];
    for (provider, body) in all().iter().zip(bodies) {
        for &(status, seconds, class) in cases {
            let mut answer = answer(status, body);
            answer.retry_after = seconds.map(Duration::from_secs);
            let key = ProviderKey("W1".into());
            let verdict = verdict_of(&**provider, Operation::Update, &key, Ok(answer));
            assert_eq!(verdict.class(), class, "{} {status}", provider.id());
        }
        let key = ProviderKey("W1".into());
        let good = verdict_of(&**provider, Operation::Update, &key, Ok(answer(200, body)));
        assert_eq!(good, Verdict::Accepted);
    }
}

#[test]
fn denial_by_status_is_not_by_body() {
    let key = ProviderKey("1".into());
    let verdict = verdict_of(&*all()[0], Operation::Update, &key, Ok(answer(403, b"")));
    assert_eq!(verdict, Verdict::Denied { code: AnswerCode::new("http_403"), by_body: false });
}

#[test]
fn missing_answer_keeps_what_is_known_about_its_sending() {
    let key = ProviderKey("1".into());
    let verdict = |error| verdict_of(&*all()[0], Operation::Create, &key, Err(error));
    assert_eq!(verdict(SendError::NotSent { what: "connect" }), Verdict::NotSent { what: "connect" });
    assert_eq!(verdict(SendError::Unknown { what: "timeout" }), Verdict::Unknown { what: "timeout" });
}

#[test]
fn operator_can_class_an_undocumented_status() {
    let provider = provider(ProviderId::Safedebit, "error_codes = { http_422 = \"refused\" }");
    let key = ProviderKey("1".into());
    let verdict = verdict_of(&*provider, Operation::Update, &key, Ok(answer(422, b"")));
    assert_eq!(verdict.class(), "refused");
}

#[test]
fn fingerprint_changes_with_what_is_sent_and_with_nothing_else() {
    for id in ProviderId::ALL {
        let of = |lines| provider(id, lines).fingerprint();
        let base = of("");
        for same in ["rate_per_second = 3", "settle = \"5s\"", "retry = { attempts = 2 }", "concurrency = 1"]
        {
            assert_eq!(of(same), base, "{id} {same}");
        }
        let mut lines = vec![
            "",
            "exclude = [\"email\"]",
            "send = \"all\"",
            "on_cleared = \"reject\"",
            "on_invalid = \"reject_customer\"",
        ];
        // What is not the default, and what the provider takes.
        lines.push(if id == ProviderId::Wsone { "send = \"changed\"" } else { "send = \"objects\"" });
        if id != ProviderId::Lemonway {
            lines.push("on_cleared = \"send_empty\"");
        }
        let prints: std::collections::BTreeSet<[u8; 32]> = lines.iter().copied().map(of).collect();
        assert_eq!(prints.len(), lines.len(), "{id}");
    }
    let wsone = |lines| provider(ProviderId::Wsone, lines).fingerprint();
    let lines = [
        "",
        "titles = { M = 1 }",
        "titles = { M = 2 }",
        "street_types = { RUE = 5 }",
        "entity = \"1\"",
        "identifier_type = 1",
        "on_new = \"skip\"",
    ];
    let prints: std::collections::BTreeSet<[u8; 32]> = lines.into_iter().map(wsone).collect();
    assert_eq!(prints.len(), lines.len());
    assert_eq!(wsone("response_codes = { \"101\" = \"missing\" }"), wsone(""));
}

#[test]
fn requests_answers_and_providers_show_nothing_of_their_content() {
    for provider in all() {
        let email =
            provider.fields().iter().find(|f| f.sources == [Field::Email]).expect("all have one").code;
        let values = WireValues::from_iter([(email, "jeanne@example.org".to_owned())]);
        let key = ProviderKey("1:secret-key".into());
        let request = provider.build(Operation::Update, &key, &values).expect("fits");
        let shown = format!("{request:?} {:?} {:?}", ok("jeanne@example.org"), credentials());
        for secret in ["jeanne", "secret-key", "the-password", "the-user", "dGhlLX"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(request.body.windows(6).any(|bytes| bytes == b"jeanne"));
    }
}

#[test]
fn unknown_field_and_strange_key_are_build_errors() {
    for provider in all() {
        let stray = WireValues::from_iter([(FieldCode(9_999), "x".to_owned())]);
        let key = ProviderKey("1:x".into());
        let error = provider.build(Operation::Update, &key, &stray).expect_err("no such field");
        assert_eq!(error, BuildError::UnknownField(FieldCode(9_999)));
        let none = WireValues::default();
        let error = provider.build(Operation::Update, &ProviderKey(SmolStr::default()), &none);
        assert_eq!(error.expect_err("no key"), BuildError::Key);
    }
}

#[test]
fn only_wsone_creates() {
    for id in [ProviderId::Lemonway, ProviderId::Safedebit] {
        let provider = provider(id, "");
        let built = provider.build(Operation::Create, &ProviderKey("1".into()), &WireValues::default());
        assert_eq!(built.expect_err("no create"), BuildError::Operation);
        assert_eq!(provider.on_new(), OnNew::Update);
    }
}

#[test]
fn excluded_fields_are_absent_and_so_is_a_street_when_a_part_of_it_is() {
    let address = street("12 rue de la Paix", Some((Some("12"), Some("RUE"), "de la Paix")));
    let customer = customer(vec![
        (Field::Street, address),
        (Field::FirstName, text("Jeanne")),
        (Field::City, text("Lille")),
    ]);
    for id in ProviderId::ALL {
        let provider = provider(id, "exclude = [\"street_number\", \"first_name\"]");
        let projection = provider.project(&customer);
        assert_eq!(projection.cells.len(), 1, "{id}");
        assert!(projection.cells.values().all(|cell| *cell == WireCell::Value("Lille".into())));
    }
}

#[test]
fn customer_without_any_column_says_nothing() {
    for provider in all() {
        let projection = provider.project(&customer(vec![]));
        assert_eq!(projection.key, KeyCell::Absent);
        assert!(projection.cells.is_empty() && projection.defects.is_empty());
    }
}

/// Any value of any kind in any field: mapping would not do that, but projection must survive it.
fn any_cell() -> impl Strategy<Value = Cell> {
    let word = "\\PC{1,300}";
    let value = prop_oneof![
        word.prop_map(|text| Value::Text(text.into())),
        any::<bool>().prop_map(Value::Flag),
        any::<i64>().prop_map(Value::Integer),
        prop_oneof![Just(Title::M), Just(Title::F), Just(Title::J), Just(Title::U)].prop_map(Value::Title),
        (1i16..=9_999, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| Value::Date(jiff::civil::date(y, m, d))),
        Just(Value::Country(FRANCE)),
        (1usize..=5).prop_map(|n| Value::Nationalities(vec![NETHERLANDS; n].into())),
        ("[0-9]{1,3}", "[0-9]{1,20}", "[0-9]{1,40}").prop_map(|(code, national, msisdn)| {
            let [dialing_code, national, msisdn] = [code, national, msisdn].map(SmolStr::from);
            Value::Phone(Box::new(Phone { dialing_code, national, msisdn }))
        }),
        any::<std::net::IpAddr>().prop_map(Value::Ip),
        (word, proptest::option::of(("[0-9]{1,12}( bis)?", word, word))).prop_map(|(line, parts)| {
            let parts = parts.map(|(number, kind, name)| {
                let kind = SmolStr::from(kind);
                let kind = StreetKind { written: kind.clone(), standard: kind.clone(), short: kind };
                StreetParts { number: Some(number.into()), kind: Some(kind), name: name.into() }
            });
            Value::Street(Box::new(Street { line: line.into(), parts }))
        }),
        Just(Value::IdentityDocument(IdentityDocument::Passport)),
        Just(Value::CustomerType(CustomerType::Association)),
        Just(Value::WalletRole(WalletRole::Payer)),
    ];
    prop_oneof![6 => value.prop_map(Cell::Value), 1 => Just(Cell::Cleared), 1 => Just(Cell::Invalid)]
}

fn any_customer() -> impl Strategy<Value = Customer> {
    let fields: Vec<Field> =
        Field::NAMED.iter().copied().chain([Field::Subscription(1), Field::Subscription(u32::MAX)]).collect();
    let some = proptest::sample::subsequence(fields.clone(), 0..=fields.len());
    some.prop_flat_map(|fields| {
        let cells = proptest::collection::vec(any_cell(), fields.len());
        cells.prop_map(move |cells| customer(fields.iter().copied().zip(cells).collect()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_projected_value_fits_its_row_and_can_be_built(customer in any_customer()) {
        for id in ProviderId::ALL {
            let provider = provider(id, "");
            let projection = provider.project(&customer);
            let mut values = WireValues::default();
            prop_assert!(projection.cells.keys().is_sorted_by(|one, next| one < next), "each field once, in order");
            for (code, cell) in &projection.cells {
                let field = provider.field(*code).expect("only fields of the table");
                if let WireCell::Value(value) = cell {
                    let chars = unicode_normalization::UnicodeNormalization::nfc(value.as_str()).count();
                    prop_assert!(field.chars.0 <= chars && chars <= field.chars.1, "{}", field.name);
                    values.0.insert(*code, value.clone());
                }
            }
            for defect in &projection.defects {
                let cell = projection.cells.get(&defect.field);
                let of_key = matches!(projection.key, KeyCell::Invalid(_) | KeyCell::InPart { .. });
                prop_assert!(cell == Some(&WireCell::Invalid) || of_key);
            }
            if let KeyCell::Key(key) = &projection.key {
                provider.build(Operation::Update, key, &values).expect("a projection can be built");
            }
        }
    }

    #[test]
    fn no_body_makes_a_reader_panic_or_succeed(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let key = ProviderKey("W1".into());
        for protocol in ["directkitjson2", "directkitjson", "directkitxml", "directkit"] {
            let provider = provider(ProviderId::Lemonway, &format!("protocol = \"{protocol}\""));
            prop_assert_ne!(provider.read(Operation::Update, &key, &answer(200, &body)), Verdict::Accepted);
        }
        for id in [ProviderId::Wsone, ProviderId::Safedebit] {
            let verdict = provider(id, "").read(Operation::Update, &key, &answer(200, &body));
            prop_assert_ne!(verdict, Verdict::Accepted);
        }
    }

    #[test]
    fn no_almost_json_or_xml_makes_a_reader_panic(
        body in "[{}\\[\\]<>/\"=:,&;#!ED0-9 ]{0,40}(<!DOCTYPE|<E>|<WALLET>|\"E\":|\"result\":)?[{}\\[\\]<>/\":,&;#trueCod ]{0,60}",
    ) {
        let key = ProviderKey("W1".into());
        for protocol in ["directkitjson2", "directkit"] {
            let provider = provider(ProviderId::Lemonway, &format!("protocol = \"{protocol}\""));
            prop_assert_ne!(provider.read(Operation::Update, &key, &ok(&body)), Verdict::Accepted);
        }
        for id in [ProviderId::Wsone, ProviderId::Safedebit] {
            prop_assert_ne!(provider(id, "").read(Operation::Update, &key, &ok(&body)).class(), "contract");
        }
    }
}

#[test]
fn settings_that_no_call_can_be_built_with_are_refused() {
    use ProviderId::{Lemonway, Safedebit, Wsone};
    let session = |key: &'static str, value: &str| {
        (Lemonway, format!("wallet_ip = \"127.0.0.1\"\n{key} = \"{value}\""), key)
    };
    let of = |id, lines: &str, key| (id, lines.to_owned(), key);
    let cases = [
        session("version", ""),
        session("language", " "),
        session("wallet_ua", "a\\u0001b"),
        of(Lemonway, "wallet_ip = \"127.0.0.1\"\nerror_codes = { \"E:12\" = \"transient\" }", "error_codes"),
        of(Safedebit, "error_codes = { \"\" = \"refused\" }", "error_codes"),
        of(Wsone, &format!("response_codes = {{ \"{}\" = \"missing\" }}", "1".repeat(41)), "response_codes"),
        of(Wsone, "identifier_type = 99999999999", "identifier_type"),
        of(Wsone, "titles = { M = -1 }", "titles"),
        of(Wsone, "street_types = { RUE = 2147483648 }", "street_types"),
    ];
    for (id, lines, key) in cases {
        assert_eq!(try_provider(id, &lines).err().map(|error| error.key), Some(key), "{lines}");
    }
    try_provider(Wsone, "identifier_type = 2147483647\nresponse_codes = { \"http-1.x_Y\" = \"missing\" }")
        .expect("right");
    let colon = Credentials { username: "us:er".to_owned().into(), ..credentials() };
    assert_eq!(settings::check_basic(Wsone, &colon).err().map(|error| error.key), Some("username"));
    let control = Credentials { password: "a\u{1}b".to_owned().into(), ..credentials() };
    for (protocol, key) in
        [("directkitxml", Some("password")), ("directkit", Some("password")), ("directkitjson2", None)]
    {
        let made = try_provider_with(Lemonway, &format!("protocol = \"{protocol}\""), control.clone());
        assert_eq!(made.err().map(|error| error.key), key, "{protocol}");
    }
    for url in ["https://a.example/ ", " https://a.example", "https://a.example/\t"] {
        assert!(settings::parse_base_url(url).is_err(), "{url:?}");
    }
}
