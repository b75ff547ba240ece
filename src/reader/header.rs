//! The header of a CSV file: usable names, and finding a column by a name that is nearly right.

use super::csv_scan::RawHeader;
use super::error::FileError;
use super::row::{Column, Place};

/// The names of a header record, trimmed, or why it is none.
pub(super) fn names(file: &str, header: &RawHeader) -> Result<Vec<String>, FileError> {
    let RawHeader { fields, line } = header;
    let line = *line;
    let refused = |found| FileError::Header { file: file.to_owned(), line, found };
    let text = |field: &Vec<u8>| std::str::from_utf8(field).map(|name| name.trim().to_owned());
    let names: Vec<String> = fields
        .iter()
        .map(text)
        .collect::<Result<_, _>>()
        .map_err(|_| refused("bytes that are no text in the file's encoding"))?;
    if names.iter().all(String::is_empty) {
        return Err(refused("nothing but empty names"));
    }
    if looks_like_data(&names) {
        return Err(refused("a row of data"));
    }
    match duplicate(&names) {
        Some((first, second)) => {
            let (first, second) = (first + 1, second + 1);
            Err(FileError::DuplicateColumn { file: file.to_owned(), line, first, second })
        }
        None => Ok(names),
    }
}

/// No column is named like an e-mail address, and few are named by nothing but digits.
fn looks_like_data(names: &[String]) -> bool {
    let address = |name: &String| name.split_once('@').is_some_and(|(_, domain)| domain.contains('.'));
    let number = |name: &&String| name.starts_with(|first: char| first.is_ascii_digit());
    names.iter().any(address) || names.iter().filter(number).count() * 2 > names.len()
}

/// Two places with one name; empty names are nobody's.
fn duplicate(names: &[String]) -> Option<(usize, usize)> {
    let earlier = |second: usize| names.iter().take(second).position(|name| *name == names[second]);
    (0..names.len())
        .filter(|second| !names[*second].is_empty())
        .find_map(|second| earlier(second).map(|first| (first, second)))
}

/// The column called `name`: exactly, else the only one that is equal when folded.
pub(super) fn resolve(names: &[String], name: &str) -> Option<Column> {
    let wanted = name.trim();
    if wanted.is_empty() {
        return None;
    }
    let exact = names.iter().position(|candidate| candidate == wanted);
    let folded = || {
        let wanted = fold(wanted);
        let mut equal = (0..names.len()).filter(|index| !wanted.is_empty() && fold(&names[*index]) == wanted);
        equal.next().filter(|_| equal.next().is_none())
    };
    exact.or_else(folded).map(|index| Column(Place::Index(index)))
}

/// A name without case, accents, spaces, underscores and hyphens.
fn fold(name: &str) -> String {
    let separator = |letter: &char| letter.is_whitespace() || matches!(letter, '_' | '-');
    deunicode::deunicode(name).chars().filter(|letter| !separator(letter)).collect::<String>().to_lowercase()
}

/// A key of JSONL, or a JSON pointer when it begins with a slash.
pub(super) fn json_column(name: &str) -> Column {
    let unescape = |step: &str| step.replace("~1", "/").replace("~0", "~");
    Column(match name.strip_prefix('/') {
        Some(path) => Place::Pointer(path.split('/').map(unescape).collect()),
        None => Place::Key(name.to_owned()),
    })
}
