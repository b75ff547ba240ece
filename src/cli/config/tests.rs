//! Configurations in order and out of it, as users see the faults.

use super::*;
use crate::domain::field::Field;
use crate::domain::threshold::Threshold;

fn fault(text: &str) -> String {
    Config::parse(text, "crmsync.toml").expect_err("has a fault").to_string()
}

#[test]
fn an_empty_file_gives_the_documented_defaults() {
    let config = Config::parse("", "crmsync.toml").unwrap();
    assert_eq!(config.state.path, PathBuf::from("state/crmsync.db"));
    assert_eq!(config.guard.max_changes, Threshold::Percent(30.0));
    assert_eq!(config.guard.sensitive[&Field::Email], Threshold::Percent(20.0));
    assert_eq!(config.input.null_values, ["", "NULL", "\\N"]);
    assert_eq!(config.dispatch.max_duration, None);
}

#[test]
fn counts_and_shares_durations_and_columns_are_understood() {
    let text = r#"
        [columns]
        first_name = "PRENOM"
        subscription_12 = "NEWS"
        [guard]
        max_changes = 1000
        max_new = "250"
        sensitive = { iban = "2.5%" }
        [dispatch]
        max_duration = "6h"
        [state]
        hash_key = { command = ["pass", "crmsync"] }
    "#;
    let config = Config::parse(text, "crmsync.toml").unwrap();
    assert_eq!(config.columns.0[&Field::Subscription(12)], "NEWS");
    assert_eq!(config.guard.max_changes, Threshold::Count(1000));
    assert_eq!(config.guard.max_new, Threshold::Count(250));
    assert_eq!(config.dispatch.max_duration.unwrap().0.as_secs(), 21_600);
}

#[test]
fn an_unknown_key_has_its_place_and_the_nearest_known_one() {
    insta::assert_snapshot!(fault("[input]\nformat = \"csv\"\n  dilimiter = \";\"\n"));
}

#[test]
fn a_misspelt_canonical_field_is_found() {
    insta::assert_snapshot!(fault("[columns]\nfrist_name = \"PRÉNOM\"\n"));
}

#[test]
fn what_names_nothing_or_one_thing_twice_is_a_fault_with_its_place() {
    for (text, place, word) in [
        ("[state]\nruns = \"\"\n", "crmsync.toml:2:8", "empty path"),
        ("[state]\n  path = \"\"\n", "crmsync.toml:2:10", "empty path"),
        ("[columns]\nsubscription_012 = \"A\"\nsubscription_12 = \"B\"\n", "crmsync.toml:1:1", "twice"),
    ] {
        let fault = fault(text);
        assert!(fault.starts_with(place) && fault.contains(word), "{fault}");
    }
}

#[test]
fn every_fault_is_shown_at_once_in_the_order_of_the_file() {
    insta::assert_snapshot!(fault(
        "[input]\nformat = \"cvs\"\nnull_values = \"NULL\"\nencoding = \"latin1\"\n[guard]\nfloor = -1\nmax_new = \"200%\"\n\
         [dispatch]\nmax_duration = \"6 hoers\"\noutage_patience = 10\n[stat]\nkeep_runs = 3\n"
    ));
}

#[test]
fn a_secret_written_into_the_file_is_not_repeated() {
    for text in [
        "[state]\nhash_key = \"hunter2\"\n",
        "[state]\nhash_key = { envv = \"hunter2\" }\n",
        "[state]\nhash_key = { env = [\"hunter2\"] }\n",
        "[state]\nhash_kye = \"hunter2\"\n",
        "[state]\nhash_key = hunter2\n",
        "[state]\nhash_key = \"hunter2\nruns = \"x\"\n",
        "[state]\nhash_key = { env = \"A\", file = \"hunter2\" }\n",
        "[nostate]\nhash_key = \"hunter2\"\n",
    ] {
        let fault = fault(text);
        assert!(!fault.contains("hunter2"), "{fault}");
        assert!(fault.starts_with("crmsync.toml:"), "{fault}");
    }
}

#[test]
fn a_wrong_source_of_a_secret_says_what_a_right_one_is() {
    insta::assert_snapshot!(fault("[state]\nhash_key = \"hunter2\"\n"));
}

#[test]
fn broken_syntax_has_its_place() {
    insta::assert_snapshot!(fault("[input]\nformat = csv\n"));
}

#[test]
fn a_secret_beside_broken_syntax_is_not_shown() {
    let broken = [
        "password: hunter2",
        "password hunter2",
        "password = \"x\"\nhunter2",
        "command = [\n  \"--token\" \"hunter2\"\n]",
        "command = [\n  \"--token=x\" \"hunter2=\"\n]",
        "command = [\n  \"hunter2=\" 5\n]",
        "password = \"\"\"\nhunter2 = \\q\n\"\"\"",
        "hunter2 = = 1",
    ];
    for text in broken {
        let fault = fault(&format!("[providers.wsone]\n{text}\n"));
        assert!(!fault.contains("hunter2") && fault.contains("crmsync.toml:"), "{fault}");
    }
    assert!(fault("[providers.wsone]\npassword: hunter2\n").contains("password: *******"));
}

#[test]
fn a_missing_file_says_how_to_get_one() {
    let error = Config::read(Path::new("/nonexistent/crmsync.toml")).unwrap_err();
    assert!(error.to_string().contains("crmsync init"), "{error}");
}

#[test]
fn no_text_makes_the_parser_fall_over() {
    use proptest::prelude::*;
    proptest!(|(text in "(\\[[a-z.]{0,9}\\]\n)?([a-z_]{1,9} ?= ?[\"'\\[{]?[^\n]{0,12}\n){0,4}")| {
        if let Err(error) = Config::parse(&text, "x.toml") {
            prop_assert!(error.to_string().starts_with("x.toml:"));
        }
    });
}

const WSONE: &str = "[providers.wsone]\nbase_url = \"https://wsone.example\"\nusername = { env = \"U\" }\npassword = { env = \"P\" }\n";

#[test]
fn a_provider_section_is_checked_key_by_key() {
    insta::assert_snapshot!(fault(&format!(
        "{WSONE}rate_per_secnd = 5\ntimeout = \"30 parsecs\"\nretry = {{ attempts = 3, maximum = \"1m\" }}\n\
         on_new = \"maybe\"\n[providers.lemonway]\nlogin = {{ env = \"L\" }}\n"
    )));
}

#[test]
fn a_value_that_cannot_work_has_the_place_of_its_key() {
    let cases = [
        ("timeout = \"0s\"", "providers.wsone.timeout: expected a duration above zero"),
        ("settle = \"-5s\"", "providers.wsone.settle: expected a duration above zero"),
        ("exclude = [\"foo\"]", "providers.wsone.exclude: expected a canonical field"),
        ("burst = 5000000000", "providers.wsone.burst: expected a whole number from 1 to 4294967295"),
        ("concurrency = 0", "providers.wsone.concurrency: expected a whole number from 1 to"),
        ("calls_per_day = 0", "providers.wsone.calls_per_day: expected a whole number of at least 1"),
        ("retry = { attempts = 0 }", "providers.wsone.retry.attempts: expected a whole number from 1 to"),
        ("retry = { max = \"0ms\" }", "providers.wsone.retry.max: expected a duration above zero"),
    ];
    for (line, told) in cases {
        let fault = fault(&format!("{WSONE}{line}\n"));
        assert!(fault.starts_with("crmsync.toml:5:") && fault.contains(told), "{line}: {fault}");
    }
}

/// Every default of a schema, by its key.
fn defaults<'a>(
    node: &'a serde_json::Value,
    key: &'a str,
    found: &mut Vec<(&'a str, &'a serde_json::Value)>,
) {
    let Some(object) = node.as_object() else { return };
    for (name, inner) in object {
        match (name.as_str(), object.get("type")) {
            ("default", Some(kind)) if kind == "string" => found.push((key, inner)),
            _ => defaults(inner, name, found),
        }
    }
}

#[test]
fn the_schema_says_what_may_be_written_and_what_holds_otherwise() {
    let schema = json_schema();
    let mut found = Vec::new();
    defaults(schema, "", &mut found);
    assert!(found.iter().all(|(_, default)| default.is_string()), "{found:?}");
    for known in [("timeout", "30s"), ("settle", "1m"), ("initial", "500ms"), ("max", "1m")] {
        let holds = |(key, default): &&(&str, &serde_json::Value)| *key == known.0 && **default == known.1;
        assert!(found.iter().any(|one| holds(&one)), "{known:?}: {found:?}");
    }
    let lemonway = &schema["$defs"]["LemonwaySettings"]["properties"];
    assert_eq!(lemonway["protocol"]["default"], "directkitjson2");
    assert_eq!(lemonway["exclude"]["default"], serde_json::json!([]));
    let text = schema.to_string();
    assert!(!text.contains("\"duration\""), "that is ISO 8601, which nobody writes");
    assert!(
        !text.contains("[`") && !text.contains("Self::"),
        "no link of the source leads anywhere from there"
    );
}

#[test]
fn what_only_a_provider_knows_has_its_place_too() {
    insta::assert_snapshot!(fault(&format!("{WSONE}[providers.wsone.titles]\nX = 1\n")));
    insta::assert_snapshot!(fault(&WSONE.replace("https", "http")));
}

#[test]
fn a_password_in_a_provider_section_is_not_repeated() {
    for line in
        ["password = \"hunter2\"", "pasword = \"hunter2\"", "base_url = \"https://u:hunter2@wsone.example\""]
    {
        let name = line.split(' ').next().unwrap();
        let mut text: String = WSONE
            .lines()
            .filter(|known| !known.starts_with(name))
            .map(|known| format!("{known}\n"))
            .collect();
        text.push_str(line);
        let fault = fault(&text);
        assert!(!fault.contains("hunter2"), "{fault}");
    }
}

#[test]
fn the_secrets_of_enabled_providers_are_named_by_their_keys() {
    let config = Config::parse(WSONE, "crmsync.toml").unwrap();
    let keys: Vec<String> = config.secrets().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["providers.wsone.username", "providers.wsone.password"]);
    let off = Config::parse(&format!("{WSONE}enabled = false\n"), "crmsync.toml").unwrap();
    assert!(off.secrets().is_empty());
}

#[test]
fn a_date_format_or_a_country_that_cannot_be_has_its_place() {
    insta::assert_snapshot!(fault("[input]\ndate_formats = [\"%d/%m/%y\"]\n"));
    insta::assert_snapshot!(fault("[input]\ndefault_country = \"Atlantis\"\n"));
}

/// What is started in the run's environment needs none of them, not those of a provider that is switched off either.
#[test]
fn every_variable_of_a_secret_is_known() {
    let text = r#"
        [state]
        hash_key = { env = "KEY" }
        [providers.lemonway]
        enabled = false
        base_url = "https://lemonway.example"
        login = { env = "LOGIN" }
        password = { env = "WORD" }
    "#;
    let config = Config::parse(text, "crmsync.toml").unwrap();
    assert_eq!(config.secret_variables(), ["KEY", "LOGIN", "WORD"]);
    assert_eq!(config.secrets().len(), 1);
}
