//! What is held to the documents, in one place: operation × protocol × situation, and the test that ticks each cell.
//!
//! The cell of row `directkit_escaped` and situation `refusal` is ticked by the test
//! `conformance::directkit_escaped::refusal`; the bytes of a row's request also by the named test of the library, which
//! compares them with the document's own example.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crmsync::domain::provider::ProviderId;
use crmsync::sandbox::Operation;

/// One operation in one protocol.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// The module of its tests.
    pub(crate) name: &'static str,
    pub(crate) operation: Operation,
    /// How it is spoken, for people.
    pub(crate) protocol: &'static str,
    /// Lines of the provider's section that make the program speak it.
    pub(crate) settings: &'static str,
    /// How a simulator has to behave: the beginning of a scenario.
    pub(crate) habits: &'static str,
    /// The refusals that are tried, as codes.
    pub(crate) refusals: &'static [&'static str],
    /// The denial that wrong credentials bring.
    pub(crate) denial: &'static str,
    /// The test of the library that compares the request with the document's example.
    pub(crate) example: &'static str,
}

impl Row {
    pub(crate) fn provider(&self) -> ProviderId {
        self.operation.provider()
    }
}

/// The columns: names of tests.
pub(crate) const SITUATIONS: [&str; 6] =
    ["request", "success", "refusal", "denial", "unreadable", "lost_reply"];

const WALLET_JSON: &str = "providers::lemonway::tests::example_is_built_as_documented_in_json";
const WALLET_XML: &str =
    "providers::lemonway::tests::example_is_built_as_documented_in_xml_in_the_same_order";

const fn wallet(name: &'static str, protocol: &'static str, settings: &'static str) -> Row {
    Row {
        name,
        operation: Operation::UpdateWalletDetails,
        protocol,
        settings,
        habits: "",
        refusals: &["147", "204"],
        denial: "105",
        example: WALLET_JSON,
    }
}

const SOAP: &str = "protocol = \"directkit\"";
const SOAP_XML: &str = "protocol = \"directkitxml\"";
const BARE_JSON: &str = "protocol = \"directkitjson\"";

/// The rows.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "create_person",
        operation: Operation::CreatePerson,
        protocol: "JSON",
        settings: "response_codes = { \"101\" = \"missing\" }",
        habits: "",
        // No code is documented: any will do.
        refusals: &["155"],
        denial: "401",
        example: "providers::wsone::tests::example_of_create_person_is_built_as_documented",
    },
    Row {
        name: "update_person",
        operation: Operation::UpdatePerson,
        protocol: "JSON",
        settings: "on_new = \"update\"",
        habits: "",
        refusals: &["101"],
        denial: "401",
        example: "providers::wsone::tests::example_of_update_person_is_built_as_documented",
    },
    wallet("directkitjson2", "`directkitjson2`", "protocol = \"directkitjson2\""),
    wallet("directkitjson", "`directkitjson`, bare answer", BARE_JSON),
    Row {
        habits: "[lemonway]\nwrapped_json = true\n",
        ..wallet("directkitjson_wrapped", "`directkitjson`, answer under `d`", BARE_JSON)
    },
    Row { example: WALLET_XML, ..wallet("directkitxml", "`directkitxml`", SOAP_XML) },
    Row {
        habits: "[lemonway]\nresult_element = \"UpdateWalletStatusResult\"\n",
        example: WALLET_XML,
        ..wallet("directkitxml_other_result", "`directkitxml`, `UpdateWalletStatusResult`", SOAP_XML)
    },
    Row { example: WALLET_XML, ..wallet("directkit", "`directkit`", SOAP) },
    Row {
        habits: "[lemonway]\nescaped_result = true\n",
        example: WALLET_XML,
        ..wallet("directkit_escaped", "`directkit`, answer as escaped text", SOAP)
    },
    Row {
        habits: "[lemonway]\nescaped_result = true\nresult_element = \"UpdateWalletStatusResult\"\n",
        example: WALLET_XML,
        ..wallet("directkit_escaped_other_result", "`directkit`, both", SOAP)
    },
    Row {
        name: "edit_consumer",
        operation: Operation::EditConsumer,
        protocol: "JSON",
        settings: "",
        habits: "",
        refusals: &["EXIST_002"],
        denial: "AUTH_001",
        example: "providers::safedebit::tests::example_is_built_as_documented",
    },
    Row {
        name: "edit_consumer_401",
        operation: Operation::EditConsumer,
        protocol: "JSON, denial by HTTP",
        settings: "",
        habits: "[safedebit]\ndenied_with_401 = true\n",
        refusals: &["EXIST_002"],
        denial: "401",
        example: "providers::safedebit::tests::example_is_built_as_documented",
    },
];

/// The row of a module.
pub(crate) fn row(name: &str) -> Row {
    *ROWS.iter().find(|row| row.name == name).expect("a row of the table")
}

/// The table for README.md.
pub(crate) fn markdown() -> String {
    let mut text =
        "| operation | protocol | request | success | refusal | denial | unreadable | lost reply | tests |\n\
                    |---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for row in ROWS {
        let (operation, refusals) = (row.operation.name(), row.refusals.join(", "));
        let Row { name, protocol, denial, .. } = row;
        writeln!(
            text,
            "| `{operation}` | {protocol} | ✓ | ✓ | {refusals} | {denial} | ✓ | ✓ | `conformance::{name}` |"
        )
        .expect("memory");
    }
    text
}

/// The names of this program's own tests.
fn tests_here() -> Vec<String> {
    let program = std::env::current_exe().expect("this program");
    let listed = Command::new(program).arg("--list").output().expect("it runs");
    let listed = String::from_utf8(listed.stdout).expect("utf-8");
    listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

#[test]
fn every_cell_of_the_table_has_its_test_and_no_test_is_without_a_cell() {
    let mut cells: Vec<String> = ROWS
        .iter()
        .flat_map(|row| SITUATIONS.map(|situation| format!("conformance::{}::{situation}", row.name)))
        .collect();
    let mut tests: Vec<String> =
        tests_here().into_iter().filter(|name| name.starts_with("conformance::")).collect();
    cells.sort_unstable();
    tests.sort_unstable();
    assert_eq!(cells, tests);
}

#[test]
fn every_example_of_the_table_has_its_test() {
    for row in ROWS {
        let (module, name) = row.example.rsplit_once("::").expect("a path");
        let file = format!("src/{}.rs", module.replace("::", "/"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
        let source = std::fs::read_to_string(source).expect("a file of tests");
        assert!(source.contains(&format!("#[test]\nfn {name}()")), "{file} has no test {name}");
    }
}
