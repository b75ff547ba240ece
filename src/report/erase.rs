//! Erasing one customer from the `rejects.csv` of earlier runs. No other file of a run names a customer.

use std::io;
use std::path::Path;

use memchr::memmem::Finder;
use unicode_normalization::UnicodeNormalization;

use crate::domain::fold;

use super::run_files::{FileError, RunFolder, list_runs, write_private};

/// Our own column of customers' keys. With `--include-values` there are the columns of the CRM too.
const OWN_COLUMN: &str = "_customer_id";
/// The canonical name of the CRM's.
const CANONICAL_COLUMN: &str = "customer_id";

/// Deletes the lines of a customer from a `rejects.csv`; gives how many there were. `key_column` is what the CRM calls its key
/// (in JSONL a key or a JSON pointer). A file without such a line is not touched. A crash leaves the old file or the new one.
///
/// # Errors
/// When the file cannot be read as CSV or not be written.
pub fn erase_customer(path: &Path, customer_id: &str, key_column: &str) -> Result<u64, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(path)?;
    let mut kept = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let mut columns: Vec<usize> = Vec::new();
    let mut erased = 0;
    for (number, record) in reader.byte_records().enumerate() {
        let record = record?;
        if number == 0 {
            columns = id_columns(&record, key_column);
        }
        let is_theirs = |cell: &[u8]| key_in(cell) == customer_id;
        if number > 0 && columns.iter().any(|column| record.get(*column).is_some_and(is_theirs)) {
            erased += 1;
        } else {
            kept.write_byte_record(&record)?;
        }
    }
    if erased > 0 {
        let bytes = kept.into_inner().map_err(csv::IntoInnerError::into_error)?;
        write_private(path, &bytes).map_err(io::Error::other)?;
    }
    Ok(erased)
}

/// Of texts that were found in a `rejects.csv`, those that stand in a line which belongs to no customer. What stands in
/// the line of another one is that one's, though it be the same.
///
/// # Errors
/// When the file cannot be read as CSV.
pub fn in_lines_of_nobody(
    path: &Path,
    texts: &[String],
    key_column: &str,
) -> Result<Vec<String>, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(path)?;
    let mut columns: Vec<usize> = Vec::new();
    let mut found = vec![false; texts.len()];
    for (number, record) in reader.byte_records().enumerate() {
        let record = record?;
        if number == 0 {
            columns = id_columns(&record, key_column);
        } else if columns.iter().any(|column| record.get(*column).is_some_and(|cell| !cell.is_empty())) {
            continue;
        }
        for (text, found) in texts.iter().zip(&mut found) {
            let finder = Finder::new(text);
            *found |= record.iter().any(|cell| finder.find(cell).is_some());
        }
    }
    let found = texts.iter().zip(found).filter(|(_, found)| *found);
    Ok(found.map(|(text, _)| text.clone()).collect())
}

fn id_columns(header: &csv::ByteRecord, key_column: &str) -> Vec<usize> {
    let keys = [key_column.trim_start_matches('/'), CANONICAL_COLUMN].map(fold::header);
    let is_id = |(_, name): &(usize, &[u8])| {
        let name = String::from_utf8_lossy(name);
        name == OWN_COLUMN || (!name.starts_with('_') && keys.contains(&fold::header(&name)))
    };
    header.iter().enumerate().filter(is_id).map(|(column, _)| column).collect()
}

/// The key in a cell, in the normal form of keys. An apostrophe before it protects against formulas.
fn key_in(cell: &[u8]) -> String {
    let cell = String::from_utf8_lossy(cell.strip_prefix(b"'").unwrap_or(cell));
    cell.trim().nfc().collect()
}

/// The files of all runs, links not followed.
///
/// # Errors
/// When a folder cannot be listed.
pub fn files_of_runs(runs: &Path) -> Result<Vec<std::path::PathBuf>, FileError> {
    let mut files = Vec::new();
    for id in list_runs(runs)? {
        files.extend(RunFolder::of(runs, &id).files()?);
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_one_customer_go_and_all_others_stay() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("rejects.csv");
        let text = "email,_row,_customer_id\na@x,1,C1\nb@x,2,C10\n\"c\nd\",3,C1\ne@x,4,'-C1\n";
        std::fs::write(&path, text).unwrap();
        assert_eq!(erase_customer(&path, "C1", "customer_id").unwrap(), 2);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "email,_row,_customer_id\nb@x,2,C10\ne@x,4,'-C1\n"
        );
        assert_eq!(erase_customer(&path, "-C1", "customer_id").unwrap(), 1);
        assert_eq!(erase_customer(&path, "C1", "customer_id").unwrap(), 0);
    }

    /// A row that was refused before anybody knew whose it is.
    #[test]
    fn the_key_is_found_in_the_column_of_the_crm_too() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("rejects.csv");
        for (name, configured) in [("ID_CLIENT", "id client"), ("id", "/id"), ("Customer ID", "elsewhere")] {
            std::fs::write(&path, format!("{name},email,_row,_customer_id\n C1 ,a@x,1,\nC2,b@x,2,\n"))
                .unwrap();
            let texts = ["a@x".to_owned()];
            assert_eq!(in_lines_of_nobody(&path, &texts, configured).unwrap(), [] as [&str; 0]);
            assert_eq!(erase_customer(&path, "C1", configured).unwrap(), 1, "{name}");
        }
    }

    #[test]
    fn what_stands_in_the_line_of_another_customer_is_that_ones() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("rejects.csv");
        std::fs::write(&path, "country,email,_row,_customer_id\nFRANCE,a@x,1,C1\nFRANCE,nobody@x,2,\n")
            .unwrap();
        let texts = ["FRANCE", "a@x", "nobody@x"].map(str::to_owned);
        assert_eq!(in_lines_of_nobody(&path, &texts, "customer_id").unwrap(), ["FRANCE", "nobody@x"]);
        assert_eq!(in_lines_of_nobody(&path, &texts[1..2], "customer_id").unwrap(), [] as [&str; 0]);
    }
}
