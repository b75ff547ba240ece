//! The last line of a file that counts its rows, where the exporting system writes one.

use regex::Regex;

use super::error::FileError;
use super::source::Source;

/// The longest trailer with the blanks around it, in bytes.
const TAIL_BYTES: usize = 16 * 1024;

/// A trailer that was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trailer {
    /// Where its line begins: the rows end there.
    pub(super) offset: u64,
    /// How many rows it counts.
    pub(super) rows: u64,
}

/// The pattern of a trailer.
///
/// # Errors
/// When it does not compile, or has not one group.
pub fn compile(pattern: &str) -> Result<Regex, FileError> {
    let pattern = Regex::new(pattern).map_err(|error| FileError::TrailerPattern { source: Some(error) })?;
    if pattern.captures_len() == 2 { Ok(pattern) } else { Err(FileError::TrailerPattern { source: None }) }
}

/// Finds the trailer that `pattern` describes in the last line of `source`.
pub(super) fn find(file: &str, source: &Source, pattern: &str) -> Result<Trailer, FileError> {
    let pattern = compile(pattern)?;
    let from = source.end.saturating_sub(TAIL_BYTES as u64).max(source.start);
    let mut tail = vec![0; TAIL_BYTES];
    let read = source.read_at(&mut tail, from).map_err(|error| FileError::reading(file, error))?;
    let tail = tail[..read].trim_ascii_end();
    let begin = tail.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
    let stated = std::str::from_utf8(&tail[begin..])
        .ok()
        .and_then(|line| pattern.captures(line))
        .and_then(|groups| groups.get(1))
        .and_then(|group| group.as_str().trim().parse().ok());
    match stated {
        Some(rows) => Ok(Trailer { offset: from + begin as u64, rows }),
        None => Err(FileError::TrailerMissing { file: file.to_owned() }),
    }
}
