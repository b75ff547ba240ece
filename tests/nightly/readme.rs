//! The tables of README.md that the program itself writes: between `<!-- NAME -->` and `<!-- /NAME -->`.
//!
//! `make docs` rewrites them; here they are compared. A section whose markers are not in the file is nobody's.

use std::path::Path;

use crate::conformance_table;
use crate::support::World;

/// Set to anything, it makes the test write instead of compare.
const REWRITE: &str = "CRMSYNC_REWRITE_README";

fn sections() -> Vec<(&'static str, String)> {
    let world = World::new();
    let printed = |arguments: &[&str]| world.run(arguments).exits(0).out;
    vec![
        ("fields", printed(&["fields", "--markdown"])),
        ("fields:wsone", printed(&["fields", "wsone", "--markdown"])),
        ("fields:lemonway", printed(&["fields", "lemonway", "--markdown"])),
        ("fields:safedebit", printed(&["fields", "safedebit", "--markdown"])),
        ("errors", printed(&["explain-code", "--markdown"])),
        ("conformance", conformance_table::markdown()),
    ]
}

/// The text with the section's content between its markers; `None` when there are none.
fn with_section(text: &str, name: &str, content: &str) -> Option<String> {
    let (open, close) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&open)?;
    let (_, after) = rest.split_once(&close).expect("a section that begins also ends");
    Some(format!("{before}{open}\n\n{}\n\n{close}{after}", content.trim_end()))
}

#[test]
fn the_tables_of_the_readme_are_those_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let written = std::fs::read_to_string(&path).expect("README.md");
    let rewritten = sections()
        .iter()
        .fold(written.clone(), |text, (name, content)| with_section(&text, name, content).unwrap_or(text));
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(&path, rewritten).expect("README.md can be written");
        return;
    }
    for (line, (has, should)) in written.lines().zip(rewritten.lines()).enumerate() {
        assert_eq!(has, should, "README.md, line {}: run `make docs`", line + 1);
    }
    assert_eq!(written.lines().count(), rewritten.lines().count(), "run `make docs`");
}

#[test]
fn a_section_is_replaced_between_its_markers_alone() {
    let text = "a\n<!-- x -->old<!-- /x -->\nb\n";
    let expected = "a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb\n";
    assert_eq!(with_section(text, "x", "new\n").as_deref(), Some(expected));
    assert_eq!(with_section(expected, "x", "new\n").as_deref(), Some(expected));
    assert_eq!(with_section(text, "y", "new\n"), None);
}
