//! The rules of the room, each held against a real file.

mod delimited;
mod encodings;
mod files;
mod jsonl;
mod properties;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::domain::raw_cell::RawCell;

/// A folder with one file in it.
struct Sheet {
    _folder: TempDir,
    path: PathBuf,
}

impl Sheet {
    fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        Self { _folder: folder, path }
    }

    fn csv(content: impl AsRef<[u8]>) -> Self {
        Self::new("clients.csv", content)
    }

    fn jsonl(content: impl AsRef<[u8]>) -> Self {
        Self::new("clients.jsonl", content)
    }

    fn open(&self) -> Result<InputFile, FileError> {
        InputFile::open(&self.path, &ReaderSettings::default())
    }

    fn with(&self, settings: &ReaderSettings) -> Result<InputFile, FileError> {
        InputFile::open(&self.path, settings)
    }

    /// Every record, or why the file is refused.
    fn read(&self) -> Result<Vec<Scanned>, FileError> {
        self.open()?.scan()?.collect()
    }

    /// The cells of all rows, which all must be good.
    fn rows(&self) -> Vec<Vec<String>> {
        self.read().unwrap().iter().map(|scanned| cells(row(scanned))).collect()
    }

    /// The refusal, which must come.
    fn refusal(&self) -> FileError {
        self.read().unwrap_err()
    }
}

fn row(scanned: &Scanned) -> &Row {
    match scanned {
        Scanned::Row(row) => row,
        Scanned::Bad(bad) => panic!("{bad:?}"),
    }
}

fn bad(scanned: &Scanned) -> &BadRow {
    match scanned {
        Scanned::Row(row) => panic!("{row:?}"),
        Scanned::Bad(bad) => bad,
    }
}

/// `<absent>` and `<null>` stand for what is no text.
fn text(cell: &RawCell<'_>) -> String {
    match cell {
        RawCell::Absent => "<absent>".to_owned(),
        RawCell::Null => "<null>".to_owned(),
        RawCell::Text(text) => text.to_string(),
        RawCell::Nested(json) => format!("<nested> {json}"),
    }
}

fn cells(row: &Row) -> Vec<String> {
    row.columns().map(|(_, cell)| text(&cell)).collect()
}

fn lines(scanned: &[Scanned]) -> Vec<u64> {
    scanned.iter().map(|scanned| scanned.span().line).collect()
}
