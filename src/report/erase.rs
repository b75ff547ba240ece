//! Erasing one customer from the `rejects.csv` of earlier runs. No other file of a run names a customer.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use memchr::memmem::Finder;

use super::guarded::is_guarded;
use super::rejects::LINE;
use super::run_files::{FileError, RunFolder, list_runs, write_private};
use crate::domain::broken_line;
use crate::domain::customer::CustomerId;
use crate::domain::field::Field;
use crate::domain::fold;

/// Our own column of the customer's key; blank where a row has none that could be told.
const OWN_COLUMN: &str = "_customer_id";

/// How the CRM's rows name their customers: `--include-values` writes them as they came.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The column that the configuration reads the key from.
    pub column: &'a str,
    /// The normal form of a cell; `None` when it is no usable key.
    pub normal: &'a dyn Fn(&str) -> Option<CustomerId>,
}

impl std::fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("column", &self.column).finish_non_exhaustive()
    }
}

/// Where a `rejects.csv` names customers.
#[derive(Default)]
struct Columns {
    own: Option<usize>,
    of_crm: Vec<usize>,
    /// Which word of a record that is no record is a key nobody knows.
    line: Option<usize>,
}

/// Whose a line is that names a customer.
enum Whose {
    /// The customer's own.
    Theirs,
    /// Anybody's: a word in the column of that number, a record that is no record, is the key.
    Perhaps(usize),
}

/// Deletes the lines of a customer from a `rejects.csv`, and what records say that are no records and name the customer; gives how
/// many there were. A file without one is not touched. A crash leaves the old file or the new one.
///
/// # Errors
/// When the file cannot be read as CSV or not be written.
pub fn erase_customer(path: &Path, id: &CustomerId, keys: Keys<'_>) -> Result<u64, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(path)?;
    let mut kept = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let mut columns = Columns::default();
    let mut erased = 0;
    for (number, record) in reader.byte_records().enumerate() {
        let record = record?;
        if number == 0 {
            columns = keys.columns(&record);
        }
        match columns.name(&record, id, keys) {
            Some(_) if number == 0 => kept.write_byte_record(&record)?,
            Some(Whose::Theirs) => erased += 1,
            Some(Whose::Perhaps(line)) => {
                erased += 1;
                let cells =
                    record.iter().enumerate().map(|(at, cell)| if at == line { &[][..] } else { cell });
                kept.write_record(cells)?;
            }
            None => kept.write_byte_record(&record)?,
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
pub fn in_lines_of_nobody(path: &Path, texts: &[String], keys: Keys<'_>) -> Result<Vec<String>, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(path)?;
    let mut columns = Columns::default();
    let mut found = vec![false; texts.len()];
    for (number, record) in reader.byte_records().enumerate() {
        let record = record?;
        if number == 0 {
            columns = keys.columns(&record);
        } else if columns.name_anybody(&record, keys) {
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

impl Keys<'_> {
    fn columns(self, header: &csv::ByteRecord) -> Columns {
        let mut columns = Columns::default();
        for (at, name) in header.iter().enumerate() {
            let name = text(name);
            if name == OWN_COLUMN {
                columns.own = Some(at);
            } else if name == LINE {
                columns.line = Some(at);
            } else if self.is_read_from(&name) {
                columns.of_crm.push(at);
            }
        }
        columns
    }

    /// Whether a column is the one of the configuration, as headers are compared, or the canonical one, which another
    /// configuration may have read.
    fn is_read_from(self, name: &str) -> bool {
        let is_alike = || !name.starts_with('_') && fold::header(name) == fold::header(self.column);
        name == self.column || name == Field::CustomerId.name() || is_alike()
    }

    fn of(self, cell: &[u8]) -> Option<CustomerId> {
        (self.normal)(std::str::from_utf8(cell).ok()?)
    }
}

impl Columns {
    /// Whether they name this customer. The CRM's columns are asked only where our own says nothing.
    fn name(&self, record: &csv::ByteRecord, id: &CustomerId, keys: Keys<'_>) -> Option<Whose> {
        let is_theirs = |cell: &[u8]| is_guarded(cell, id.as_str()) || keys.of(cell).as_ref() == Some(id);
        if let Some(cell) = self.own(record) {
            return is_guarded(cell, id.as_str()).then_some(Whose::Theirs);
        }
        if self.of_crm.iter().filter_map(|column| record.get(*column)).any(is_theirs) {
            return Some(Whose::Theirs);
        }
        let is_named = self.words(record).iter().any(|word| is_theirs(word.as_bytes()));
        self.line.filter(|_| is_named).map(Whose::Perhaps)
    }

    /// What a record that is no record names.
    fn words(&self, record: &csv::ByteRecord) -> Vec<String> {
        let line = self.line.and_then(|column| record.get(column)).unwrap_or_default();
        broken_line::words(&text(line))
    }

    /// Whether they name anybody at all.
    fn name_anybody(&self, record: &csv::ByteRecord, keys: Keys<'_>) -> bool {
        let is_key = |cell: &[u8]| keys.of(cell).is_some();
        self.own(record).is_some() || self.of_crm.iter().filter_map(|column| record.get(*column)).any(is_key)
    }

    /// Our own column, where it says whose the line is.
    fn own<'r>(&self, record: &'r csv::ByteRecord) -> Option<&'r [u8]> {
        record.get(self.own?).filter(|cell| !cell.is_empty())
    }
}

/// A cell without the apostrophe before what would be a formula.
fn text(cell: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(cell.strip_prefix(b"'").unwrap_or(cell))
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

    /// Keys in capitals, of a column that the CRM calls so; `NULL` is none.
    fn keys(column: &str) -> Keys<'_> {
        let normal = &|cell: &str| CustomerId::new(&cell.to_uppercase()).filter(|id| id.as_str() != "NULL");
        Keys { column, normal }
    }

    fn id(text: &str) -> CustomerId {
        CustomerId::new(text).unwrap()
    }

    #[test]
    fn the_lines_of_one_customer_go_and_all_others_stay() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("rejects.csv");
        let text = "email,_row,_customer_id\na@x,1,C1\nb@x,2,C10\n\"c\nd\",3,C1\ne@x,4,'-C1\n";
        std::fs::write(&path, text).unwrap();
        assert_eq!(erase_customer(&path, &id("C1"), keys("customer_id")).unwrap(), 2);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "email,_row,_customer_id\nb@x,2,C10\ne@x,4,'-C1\n"
        );
        assert_eq!(erase_customer(&path, &id("-C1"), keys("customer_id")).unwrap(), 1);
        assert_eq!(erase_customer(&path, &id("C1"), keys("customer_id")).unwrap(), 0);
    }

    #[test]
    fn what_a_record_says_that_is_none_goes_with_whomever_it_names_and_its_place_stays() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("rejects.csv");
        let line = |json: &str| format!("\"{}\",1,\n", json.replace('"', "\"\""));
        let theirs =
            [r#"{"id":"FR\/1","id":"x"}"#, r#"{"id":"\u0046R/1","mail":"a@x"#, r#"'{"a":FR/1}"#].map(line);
        let other = line(r#"{"id":"FR/10","id":"y"}"#);
        std::fs::write(&path, format!("_line,_row,_customer_id\n{}{other}", theirs.concat())).unwrap();
        assert_eq!(erase_customer(&path, &id("FR/1"), keys("id")).unwrap(), 3);
        let left = std::fs::read_to_string(&path).unwrap();
        assert_eq!(left, format!("_line,_row,_customer_id\n,1,\n,1,\n,1,\n{other}"));
    }

    #[test]
    fn the_column_that_the_configuration_names_tells_whose_a_line_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("rejects.csv");
        let cases = [
            // As the configuration writes it, and as headers are compared.
            ("ID_CLIENT,email,_row,_customer_id\n c1 ,a@x,1,\nC2,b@x,2,\n", 1),
            ("id client,email,_row,_customer_id\nC1,a@x,1,\n", 1),
            ("'-ID_CLIENT,_row,_customer_id\nC1,1,\n", 1),
            // Our own columns are ours, whatever they are called; and another column says nothing of keys.
            ("_id_client,_row,_customer_id\nC1,1,\n", 0),
            ("agent,_row,_customer_id\nC1,1,\n", 0),
            // Written when the column had its canonical name.
            ("customer_id,_row,_customer_id\nC1,1,\n", 1),
            // Another one's line, whose row has a column of that name besides.
            ("customer_id,_row,_customer_id\nC1,1,C2\n", 0),
        ];
        for (text, lines) in cases {
            std::fs::write(&path, text).unwrap();
            assert_eq!(erase_customer(&path, &id("C1"), keys("ID_CLIENT")).unwrap(), lines, "{text}");
        }
    }

    #[test]
    fn what_stands_in_the_line_of_another_customer_is_that_ones() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("rejects.csv");
        std::fs::write(&path, "country,email,_row,_customer_id\nFRANCE,a@x,1,C1\nFRANCE,nobody@x,2,\n")
            .unwrap();
        let texts = ["FRANCE", "a@x", "nobody@x"].map(str::to_owned);
        let of_nobody = |texts: &[String]| in_lines_of_nobody(&path, texts, keys("ID_CLIENT")).unwrap();
        assert_eq!(of_nobody(&texts), ["FRANCE", "nobody@x"]);
        assert_eq!(of_nobody(&texts[1..2]), [] as [&str; 0]);

        // What is no key makes a line nobody's.
        let rows = "ID_CLIENT,email,_customer_id\nC1,a@x,\nNULL,nobody@x,\n";
        std::fs::write(&path, rows).unwrap();
        assert_eq!(of_nobody(&texts), ["nobody@x"]);
    }
}
