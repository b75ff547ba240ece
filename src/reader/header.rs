//! The header of a CSV file: usable names, and finding a column by its name.

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

/// The column of exactly that name; an empty name is no column's.
pub(super) fn resolve(names: &[String], name: &str) -> Option<Column> {
    let index = names.iter().position(|candidate| candidate == name && !name.is_empty())?;
    Some(Column(Place::Index(index)))
}

/// A key of JSONL, or a JSON pointer when it begins with a slash.
pub(super) fn json_column(name: &str) -> Column {
    let unescape = |step: &str| step.replace("~1", "/").replace("~0", "~");
    Column(match name.strip_prefix('/') {
        Some(path) => Place::Pointer(path.split('/').map(unescape).collect()),
        None => Place::Key(name.to_owned()),
    })
}
