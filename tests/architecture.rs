//! The structure of the house, held by a test: imports point down, files and functions stay small.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms by rank; rooms of one rank do not import each other.
const RANKS: [&[&str]; 5] = [
    &["domain"],
    &["reader", "diff", "store", "providers", "report", "sandbox"],
    &["mapping"],
    &["ingest", "dispatch"],
    &["cli"],
];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

fn rank(room: &str) -> Option<usize> {
    RANKS.iter().position(|rooms| rooms.contains(&room))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn all() -> Vec<(PathBuf, String)> {
    below("src")
}

/// Every file below a folder of the project, by its path in there, with its text.
fn below(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    sources(&root)
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("UTF-8");
            (path.strip_prefix(&root).expect("below the folder").to_owned(), text)
        })
        .collect()
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        name == "tests" || name == "tests.rs" || name.ends_with("_tests.rs")
    })
}

/// A file without what is compiled for tests alone: what an attribute stands above, to its semicolon or to the brace that
/// ends it.
fn code(text: &str) -> Vec<&str> {
    let (mut code, mut lines) = (Vec::new(), text.lines());
    while let Some(line) = lines.next() {
        if !line.trim_start().starts_with("#[cfg(test)]") {
            code.push(line);
            continue;
        }
        let indent = line.strip_suffix(line.trim_start()).unwrap_or_default();
        let is_end = |line: &str| {
            line.strip_prefix(indent)
                .is_some_and(|rest| rest == "}" || (!rest.starts_with(' ') && rest.ends_with(';')))
        };
        lines.by_ref().find(|line| is_end(line));
    }
    code
}

#[test]
fn what_is_for_tests_alone_is_left_out_and_nothing_else() {
    let text = "use a;\n#[cfg(test)]\nmod b;\nuse c;\n    #[cfg(test)]\n    fn d() {\n        e;\n    }\nf\n#[cfg(test)]\nmod g {\n    h;\n}\ni";
    assert_eq!(code(text), ["use a;", "use c;", "f", "i"]);
}

/// The rooms that a file names as `crate::room`.
fn rooms_named(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut rooms = Vec::new();
    let mut before = "";
    for part in text.split("crate::") {
        if !before.is_empty() && !before.ends_with(is_word) {
            let room = part.split(|c: char| !is_word(c)).next().unwrap_or_default();
            assert!(!room.is_empty(), "no room is named behind `crate::`: {part:.40}");
            rooms.push(room);
        }
        before = part;
    }
    rooms
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for (path, text) in all() {
        let room = path.components().next().expect("a room").as_os_str().to_string_lossy().into_owned();
        let Some(own) = rank(&room) else { continue };
        let code: Vec<&str> =
            code(&text).into_iter().filter(|line| !line.trim_start().starts_with("//")).collect();
        for named in rooms_named(&code.join("\n")) {
            if rank(named).is_some_and(|other| named != room && other >= own) {
                wrong.push(format!("{} imports {named}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files there may be of whoever works with it, a configuration for instance.
#[test]
fn the_folders_at_the_top_are_those_that_are_to_be_there() {
    const ALLOWED: [&str; 6] = ["benches", "samples", "src", "state", "target", "tests"];
    let entries =
        fs::read_dir(env!("CARGO_MANIFEST_DIR")).expect("a folder").map(|entry| entry.expect("readable"));
    let folders = entries.filter(|entry| entry.file_type().expect("known").is_dir());
    let names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let strange: Vec<_> =
        names.filter(|name| !name.starts_with('.') && !ALLOWED.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn every_room_has_its_rank() {
    for (path, _) in all() {
        let mut parts = path.components();
        let room = parts.next().expect("a room").as_os_str().to_string_lossy().into_owned();
        assert!(parts.next().is_none() || rank(&room).is_some(), "{room} has no rank");
    }
}

#[test]
fn every_file_tells_its_duty_and_stays_small() {
    let mut wrong = Vec::new();
    for (path, text) in ["src", "tests", "benches"].into_iter().flat_map(below) {
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not open with //!", path.display()));
        }
        let lines = if is_test(&path) { text.lines().count() } else { code(&text).len() };
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{} has {lines} lines", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_stays_small() {
    let mut wrong = Vec::new();
    for (path, text) in all() {
        let mut open: Option<(usize, String, &str)> = None;
        for (number, line) in code(&text).into_iter().enumerate() {
            let indent = line.strip_suffix(line.trim_start()).unwrap_or_default();
            match &open {
                None if is_function(line.trim_start()) && !line.ends_with(';') && !line.ends_with('}') => {
                    open = Some((number, indent.to_owned(), line.trim()));
                }
                Some((start, depth, name)) if line == format!("{depth}}}") => {
                    if number - start + 1 > FUNCTION_LINES_MAX {
                        wrong.push(format!("{}: {name} has {} lines", path.display(), number - start + 1));
                    }
                    open = None;
                }
                // A signature without a body, in a trait.
                Some((_, depth, _)) if line.starts_with(&format!("{depth})")) && line.ends_with(';') => {
                    open = None;
                }
                Some(_) | None => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_function(line: &str) -> bool {
    let mut words = line.split([' ', '(']).filter(|word| !word.is_empty());
    let qualifiers = ["pub", "super)", "crate)", "async", "const", "pub(super)", "pub(crate)"];
    words.by_ref().find(|word| !qualifiers.contains(word)).is_some_and(|word| word == "fn")
}

#[test]
fn the_simulators_share_nothing_with_the_client() {
    for (path, text) in all().iter().filter(|(path, _)| path.starts_with("sandbox")) {
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        assert!(!code.join("\n").contains("providers::"), "{}", path.display());
    }
}
