//! The samples hold what their generator says: the same bytes, and exactly the defects that were planted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crmsync::domain::customer::{Cell, Customer};
use crmsync::domain::field::{Field, FieldSet};
use crmsync::domain::provider::ProviderId;
use crmsync::domain::value::Value;
use crmsync::mapping::{Mapper, MappingSettings};
use crmsync::providers::{Credentials, ProvidersSettings};
use crmsync::reader::{Column, InputFile, ReaderSettings, Scanned};
use jiff::civil::date;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

/// A section of samples/crmsync.toml.
fn section(name: &str) -> toml::Table {
    let text = fs::read_to_string(sample("crmsync.toml")).expect("the sample configuration");
    let mut all: toml::Table = toml::from_str(&text).expect("valid TOML");
    all.remove(name).expect("a section of that name").try_into().expect("a table")
}

fn mapping() -> MappingSettings {
    let mut input = section("input");
    input.retain(|key, _| matches!(key, "order_by" | "date_formats" | "default_country"));
    input.insert("columns".to_owned(), toml::Value::Table(section("columns")));
    input.try_into().expect("mapping settings")
}

fn providers() -> ProvidersSettings {
    toml::Value::Table(section("providers")).try_into().expect("provider settings")
}

/// What a sample holds, read and mapped.
#[derive(Default)]
struct Contents {
    customers: Vec<Customer>,
    /// How often each field is invalid.
    defects: BTreeMap<String, usize>,
    /// Rows that are nobody's: the lines of those with a wrong field count, the number of those without key.
    bad_lines: Vec<u64>,
    keyless: usize,
}

fn read(name: &str) -> Contents {
    let input = InputFile::open(&sample(name), &ReaderSettings::default()).expect("a sample");
    let mapper = Mapper::new(&mapping(), input.header()).expect("the header fits");
    assert!(mapper.unused_columns().is_empty(), "{:?}", mapper.unused_columns());
    let columns: Vec<Column> = mapper
        .columns()
        .iter()
        .map(|column| input.resolve(&column.column).expect("a column of the header"))
        .collect();
    let mut contents = Contents::default();
    for scanned in input.scan().expect("unchanged") {
        let row = match scanned.expect("a whole file") {
            Scanned::Row(row) => row,
            Scanned::Bad(bad) => {
                contents.bad_lines.push(bad.span.line);
                continue;
            }
        };
        match mapper.map(|index| row.get(&columns[index]), [], date(2026, 6, 1), FieldSet::default()) {
            Ok(mapped) => {
                for defect in mapped.defects {
                    *contents.defects.entry(defect.field.name().into_owned()).or_default() += 1;
                }
                contents.customers.push(mapped.customer);
            }
            Err(_) => contents.keyless += 1,
        }
    }
    contents
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(field, count)| ((*field).to_owned(), *count)).collect()
}

#[test]
fn generator_reproduces_the_committed_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut python = Command::new("python3");
    let status = match python.arg(sample("generate.py")).arg(folder.path()).status() {
        // The program does not need Python; only who changes the samples does.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Past the harness, which would swallow what a passing test prints.
            let told = "NOT TESTED: python3 is missing; the generator of the samples was not run";
            return writeln!(std::io::stderr(), "{told}").expect("told");
        }
        status => status.expect("python3 starts"),
    };
    assert!(status.success());
    for name in ["customers.csv", "changes.jsonl", "salesforce.csv", "hubspot.csv", "excel.csv"] {
        let written = fs::read(folder.path().join(name)).expect("a generated file");
        assert!(
            written == fs::read(sample(name)).expect("a sample"),
            "{name} differs: run samples/generate.py"
        );
    }
}

#[test]
fn customers_hold_the_planted_defects_and_no_others() {
    let contents = read("customers.csv");
    let ids: BTreeSet<_> = contents.customers.iter().map(|customer| &customer.id).collect();
    assert_eq!((contents.customers.len(), ids.len()), (1_003, 1_000), "three customers have an older row");
    assert_eq!((contents.bad_lines.len(), contents.keyless), (2, 2));
    // Three of the national numbers stand beside the two countries that nobody understands.
    let expected = [
        ("mobile_phone", 9),
        ("landline_phone", 1),
        ("birth_date", 6),
        ("email", 6),
        ("iban", 4),
        ("postal_code", 3),
        ("country", 2),
        ("title", 2),
        ("email_opt_in", 2),
        ("ip_address", 2),
        ("siren", 2),
    ];
    assert_eq!(contents.defects, counts(&expected));
    assert!(contents.customers.iter().all(|customer| customer.order.is_some()), "every row can be ordered");
}

#[test]
fn changes_are_of_known_customers_but_for_a_few_new_ones() {
    let known: BTreeSet<_> =
        read("customers.csv").customers.into_iter().map(|customer| customer.id).collect();
    let contents = read("changes.jsonl");
    let (old, new): (Vec<_>, Vec<_>) =
        contents.customers.iter().partition(|customer| known.contains(&customer.id));
    assert_eq!((old.len(), new.len()), (60, 4));
    assert!(old.iter().all(|customer| customer.cells.len() <= 9), "only some keys a line");
    assert_eq!(contents.defects, counts(&[("mobile_phone", 1), ("email", 1)]));
    assert_eq!((contents.bad_lines.len(), contents.keyless), (0, 0));
}

#[test]
fn provider_keys_are_unique_and_nearly_everybody_has_three() {
    let contents = read("customers.csv");
    let mut owners: BTreeMap<(Field, String), BTreeSet<String>> = BTreeMap::new();
    let mut keys_of: BTreeMap<String, usize> = BTreeMap::new();
    for customer in &contents.customers {
        let mut keys = 0;
        for field in [Field::PersonIdentifier, Field::WalletId, Field::SafedebitReference, Field::Email] {
            let Some(Cell::Value(value)) = customer.cells.get(field) else { continue };
            let id = customer.id.as_str().to_owned();
            keys += usize::from(field != Field::Email);
            owners
                .entry((field, text(value).expect("a key or an e-mail address").to_owned()))
                .or_default()
                .insert(id);
        }
        keys_of.insert(customer.id.as_str().to_owned(), keys);
    }
    assert!(owners.values().all(|ids| ids.len() == 1), "a key or an e-mail address of two customers");
    let with = |count: usize| keys_of.values().filter(|keys| **keys == count).count();
    assert!((930..=970).contains(&with(3)), "{} with three keys", with(3));
    assert!(with(2) >= 20 && with(1) >= 5 && with(0) == 0, "{} with two, {} with one", with(2), with(1));
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) | Value::Email(text) => Some(text),
        _ => None,
    }
}

#[test]
fn providers_take_everything_but_the_planted_defects() {
    let settings = providers();
    let contents = read("customers.csv");
    for id in ProviderId::ALL {
        let credentials = Credentials { username: "user".into(), password: "password".into() };
        let provider = settings.provider(id, credentials).expect("settings that work").expect("a section");
        let projections = contents.customers.iter().map(|customer| provider.project(customer));
        let defects: Vec<_> = projections.flat_map(|projection| projection.defects).collect();
        // IPv6 addresses are longer than what Safedebit takes, and never cut.
        let expected = if id == ProviderId::Safedebit { 3 } else { 0 };
        assert_eq!(defects.len(), expected, "{id}: {defects:?}");
        assert!(defects.iter().all(|defect| defect.source == Field::IpAddress));
    }
}
