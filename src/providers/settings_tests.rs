//! Sections as people write them, with their defaults and their mistakes.

use super::super::ProvidersSettings;
use super::super::tests::try_provider;
use super::*;
use crate::domain::policy::OnNew;

const SECTIONS: &str = r#"
[wsone]
base_url = "https://wsone.example"
username = { env = "WSONE_USERNAME" }
password = { file = "/run/secrets/wsone" }
rate_per_second = 10
burst = 1
calls_per_day = 100000
concurrency = 8
timeout = "30s"
settle = "60s"
retry = { attempts = 6, initial = "500ms", max = "60s" }
on_new = "create"
send = "objects"
on_cleared = "ignore"
on_invalid = "skip_field"
exclude = ["iban", "subscription_3"]
identifier_type = 1
entity = "123456"
source = "CRM"
titles = { M = 1 }
street_types = { "allée" = 5 }
response_codes = { "101" = "missing" }

[lemonway]
base_url = "https://lemonway.example/mb/demo/dev"
protocol = "directkitjson2"
login = { env = "LEMONWAY_LOGIN" }
password = { command = ["pass", "show", "lemonway"] }
language = "fr"
version = "1.0"
wallet_ip = "127.0.0.1"
wallet_ua = "crmsync"
send = "changed"
error_codes = { "147" = "refused" }

[safedebit]
base_url = "https://safedebit.example/ssp"
username = { env = "SAFEDEBIT_USERNAME" }
password = { env = "SAFEDEBIT_PASSWORD" }
enabled = false
"#;

fn sections() -> ProvidersSettings {
    toml::from_str(SECTIONS).expect("well-formed")
}

#[test]
fn documented_sections_are_read_in_full() {
    let sections = sections();
    assert_eq!(sections.enabled(), [ProviderId::Wsone, ProviderId::Lemonway]);
    let wsone = sections.wsone.as_ref().expect("there");
    assert_eq!(wsone.common.exclude, [Field::Iban, Field::Subscription(3)]);
    assert_eq!(wsone.common.calls_per_day, Some(100_000));
    assert_eq!(wsone.on_new, OnNew::Create);
    let secrets = sections.secrets(ProviderId::Lemonway).expect("there");
    assert_eq!(*secrets.username, SecretSource::Env("LEMONWAY_LOGIN".to_owned()));
    assert_eq!(format!("{:?}", secrets.password), "command pass");
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let sections = sections();
    let common = sections.common(ProviderId::Lemonway).expect("there");
    assert!(common.enabled && common.calls_per_day.is_none() && common.exclude.is_empty());
    assert!((common.rate_per_second - 10.0).abs() < f64::EPSILON);
    assert_eq!((common.burst, common.concurrency), (1, 8));
    assert_eq!((common.timeout, common.settle), (Duration::from_secs(30), Duration::from_mins(1)));
    assert_eq!(
        common.retry,
        Retry { attempts: 6, initial: Duration::from_millis(500), max: Duration::from_mins(1) }
    );
    assert_eq!((common.on_cleared, common.on_invalid), (OnCleared::Ignore, OnInvalid::SkipField));
    let send = |id| try_provider(id, "").expect("right").settings().send_mode();
    assert_eq!(send(ProviderId::Wsone), Send::Objects);
    assert_eq!(send(ProviderId::Lemonway), Send::Changed);
    assert_eq!(send(ProviderId::Safedebit), Send::Changed);
}

/// Provider, a line of its section, and the key that the error names.
#[test]
fn impossible_settings_are_named() {
    use ProviderId::{Lemonway, Safedebit, Wsone};
    let cases = [
        (Wsone, "rate_per_second = 0", "rate_per_second"),
        (Wsone, "rate_per_second = -1.5", "rate_per_second"),
        (Wsone, "rate_per_second = nan", "rate_per_second"),
        (Safedebit, "burst = 0", "burst"),
        (Safedebit, "concurrency = 0", "concurrency"),
        (Safedebit, "calls_per_day = 0", "calls_per_day"),
        (Lemonway, "retry = { attempts = 0 }", "retry.attempts"),
        (Lemonway, "retry = { initial = \"2m\" }", "retry.max"),
        // Nobody has documented what an empty value does there.
        (Lemonway, "on_cleared = \"send_empty\"", "on_cleared"),
        (Lemonway, "wallet_ip = \"here\"", "wallet_ip"),
        (Wsone, "titles = { X = 1 }", "titles"),
        (Wsone, "entity = \" \"", "entity"),
        (Wsone, "response_codes = { \"000\" = \"refused\" }", "response_codes"),
        // What they mean nobody can choose.
        (Wsone, "response_codes = { http_401 = \"refused\" }", "response_codes"),
        (Lemonway, "error_codes = { http_503 = \"refused\" }", "error_codes"),
        (Safedebit, "error_codes = { timeout = \"refused\" }", "error_codes"),
        (Wsone, "street_types = { \"ALLÉE\" = 1, \"allee\" = 2 }", "street_types"),
    ];
    for (id, line, key) in cases {
        let error = try_provider(id, line).err().unwrap_or_else(|| panic!("{line}"));
        assert_eq!((error.provider, error.key), (id, key), "{line}");
    }
}

/// A line that cannot be read at all, and a word of the message.
#[test]
fn unreadable_settings_say_what_is_expected() {
    let cases = [
        ("timeout = \"0s\"", "`0s` is no duration above zero"),
        ("timeout = \"-5s\"", "above zero"),
        ("settle = \"soon\"", "`soon` is no duration"),
        ("retry = { atempts = 3 }", "atempts"),
        ("exclude = [\"prenom\"]", "`prenom` is no canonical field"),
        ("send = \"some\"", "unknown variant `some`"),
        ("error_codes = { X = \"maybe\" }", "unknown variant `maybe`"),
    ];
    for (line, word) in cases {
        let text = format!(
            "[safedebit]\nbase_url = \"https://x.example\"\nusername = {{ env = \"U\" }}\npassword = {{ env = \"P\" }}\n{line}"
        );
        let error = toml::from_str::<ProvidersSettings>(&text).expect_err(line).to_string();
        assert!(error.contains(word), "{line}: {error}");
    }
}

#[test]
fn secret_has_exactly_one_source() {
    for source in ["{}", "{ env = \"A\", file = \"b\" }", "{ vault = \"x\" }", "\"hunter2\""] {
        let text = format!(
            "[safedebit]\nbase_url = \"https://x.example\"\nusername = {source}\npassword = {{ env = \"P\" }}"
        );
        assert!(toml::from_str::<ProvidersSettings>(&text).is_err(), "{source}");
    }
}

/// Addresses, and whether requests may go there.
#[test]
fn plain_http_is_for_loopback_only() {
    let cases = [
        ("https://wsone.example", true),
        ("https://wsone.example:8443/base/", true),
        ("http://127.0.0.1:8080", true),
        ("http://127.9.9.9", true),
        ("http://[::1]:8080/x", true),
        ("http://localhost:1", true),
        // Not a loopback address, however close it looks.
        ("http://wsone.example", false),
        ("http://localhost.example", false),
        ("http://127.0.0.1.example", false),
        ("http://10.0.0.1", false),
        ("http://[::2]", false),
        // Not an address that a path can follow, or one with a secret in it.
        ("ftp://127.0.0.1", false),
        ("wsone.example", false),
        ("", false),
        ("https://user:pw@wsone.example", false),
        ("https://wsone.example/?a=b", false),
        ("https://wsone.example/#x", false),
    ];
    for (url, good) in cases {
        assert_eq!(parse_base_url(url).is_ok(), good, "{url}");
    }
}

#[test]
fn schema_knows_every_key_and_forbids_others() {
    let schema = serde_json::to_value(schemars::schema_for!(ProvidersSettings)).expect("a schema is JSON");
    for (name, key) in
        [("WsOneSettings", "titles"), ("LemonwaySettings", "protocol"), ("SafedebitSettings", "error_codes")]
    {
        let section = &schema["$defs"][name];
        for key in [key, "enabled", "base_url", "timeout", "retry", "send", "exclude", "on_invalid"] {
            assert!(section["properties"].get(key).is_some(), "{name} {key}: {section}");
        }
        let closed = [&section["additionalProperties"], &section["unevaluatedProperties"]];
        assert!(closed.contains(&&serde_json::Value::Bool(false)), "{section}");
        let required = section["required"].as_array().expect("some are").len();
        assert_eq!(required, 3, "{name}: {section}");
    }
}
