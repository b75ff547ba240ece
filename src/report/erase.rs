//! Erasing one customer from the `rejects.csv` of earlier runs. No other file of a run names a customer.

use std::io;
use std::path::Path;

use memchr::memmem::Finder;

use super::run_files::{FileError, RunFolder, list_runs, write_private};

/// The columns that can hold the key of a customer: ours, and the canonical one of `--include-values`.
const ID_COLUMNS: [&[u8]; 2] = [b"_customer_id", b"customer_id"];

/// Deletes the lines of a customer from a `rejects.csv`; gives how many there were. A file without one is not
/// touched. A crash leaves the old file or the new one.
///
/// # Errors
/// When the file cannot be read as CSV or not be written.
pub fn erase_customer(path: &Path, customer_id: &str) -> Result<u64, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(path)?;
    let mut kept = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let mut columns: Vec<usize> = Vec::new();
    let mut erased = 0;
    for (number, record) in reader.byte_records().enumerate() {
        let record = record?;
        if number == 0 {
            columns = id_columns(&record);
        }
        let is_theirs = |cell: &[u8]| cell.strip_prefix(b"'").unwrap_or(cell) == customer_id.as_bytes();
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
pub fn in_lines_of_nobody(path: &Path, texts: &[String]) -> Result<Vec<String>, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(path)?;
    let mut columns: Vec<usize> = Vec::new();
    let mut found = vec![false; texts.len()];
    for (number, record) in reader.byte_records().enumerate() {
        let record = record?;
        if number == 0 {
            columns = id_columns(&record);
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

fn id_columns(header: &csv::ByteRecord) -> Vec<usize> {
    let is_id = |(_, name): &(usize, &[u8])| ID_COLUMNS.contains(name);
    header.iter().enumerate().filter(is_id).map(|(column, _)| column).collect()
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
        assert_eq!(erase_customer(&path, "C1").unwrap(), 2);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "email,_row,_customer_id\nb@x,2,C10\ne@x,4,'-C1\n"
        );
        assert_eq!(erase_customer(&path, "-C1").unwrap(), 1);
        assert_eq!(erase_customer(&path, "C1").unwrap(), 0);
    }

    #[test]
    fn what_stands_in_the_line_of_another_customer_is_that_ones() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("rejects.csv");
        std::fs::write(&path, "country,email,_row,_customer_id\nFRANCE,a@x,1,C1\nFRANCE,nobody@x,2,\n")
            .unwrap();
        let texts = ["FRANCE", "a@x", "nobody@x"].map(str::to_owned);
        assert_eq!(in_lines_of_nobody(&path, &texts).unwrap(), ["FRANCE", "nobody@x"]);
        assert_eq!(in_lines_of_nobody(&path, &texts[1..2]).unwrap(), [] as [&str; 0]);
    }
}
