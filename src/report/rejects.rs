//! `rejects.csv`: one line for each customer and provider that did not get through, and for each invalid row.
//!
//! The file is opened in spreadsheets, so no cell may begin like a formula. It can be corrected and fed to
//! `sync --kind delta` again: columns that begin with `_` are ours and are ignored on input.

use std::io::Write;
use std::path::Path;

use crate::domain::call::{Operation, State};
use crate::domain::defect::Place;
use crate::domain::provider::ProviderId;
use crate::domain::redacted::Redacted;

use super::guarded::{guarded, guarded_key};

/// The column in front that has the whole line of a record that is no record. It begins with `_`, so it is ignored on input.
pub const LINE: &str = "_line";
/// The column that says what became of the row or the call.
const STATUS: &str = "_status";
/// The columns that are always there, in their order.
pub const COLUMNS: [&str; 11] = [
    "_row",
    "_customer_id",
    "_provider",
    "_operation",
    STATUS,
    "_class",
    "_code",
    "_column",
    "_reason",
    "_attempts",
    "_run",
];

/// What became of the row or the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The row, or the field that `_column` names, could not be used.
    Invalid,
    /// The call used up its tries in this run and stays queued.
    Deferred,
    /// The call stands where its state says: refused or held.
    Call(State),
}

impl Status {
    /// As the file names it, and the reasons of a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Deferred => "deferred",
            Self::Call(state) => state.name(),
        }
    }
}

/// One line of the file.
#[derive(Debug, Clone)]
pub struct Reject {
    /// Where the row stands, if the line is about one.
    pub row: Option<Place>,
    /// The CRM's key; empty when the row has none.
    pub customer_id: Redacted<String>,
    /// Whose call it is; none for an invalid row.
    pub provider: Option<ProviderId>,
    /// What the call does.
    pub operation: Option<Operation>,
    /// What became of it.
    pub status: Status,
    /// The class of the last verdict, or the reason of a hold.
    pub class: String,
    /// The provider's code.
    pub code: String,
    /// The column of the file that is to be corrected, as far as that is known.
    pub column: String,
    /// What is wrong, without any value.
    pub reason: String,
    /// Tries spent.
    pub attempts: u32,
    /// The run in which it happened.
    pub run: String,
    /// Values for the columns in front, in their order; shorter is filled up with empty cells.
    pub values: Redacted<Vec<String>>,
}

/// Writes rejects as CSV.
pub struct RejectsWriter<W: Write> {
    csv: csv::Writer<W>,
    value_columns: usize,
    rows: RowForm,
}

/// How `_row` names a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowForm {
    /// `1234`: the input was one file.
    Line,
    /// `clients.csv:1234`: the input was several files.
    FileAndLine,
}

impl<W: Write> std::fmt::Debug for RejectsWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RejectsWriter").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<W: Write> RejectsWriter<W> {
    /// Begins a file: writes the header, with the names of `value_columns` in front (`--include-values`).
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(file: W, value_columns: &[String], rows: RowForm) -> Result<Self, csv::Error> {
        let mut csv = csv::Writer::from_writer(file);
        let names = value_columns.iter().map(String::as_str).chain(COLUMNS);
        csv.write_record(names.map(|name| guarded(name).into_owned()))?;
        Ok(Self { csv, value_columns: value_columns.len(), rows })
    }

    /// Writes one line.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, reject: &Reject) -> Result<(), csv::Error> {
        let values = reject.values.reveal();
        let id = reject.customer_id.reveal().as_str();
        // A key has to come back as it is.
        let guard = |cell| if cell == id { guarded_key(cell) } else { guarded(cell) };
        for position in 0..self.value_columns {
            self.csv.write_field(guard(values.get(position).map_or("", String::as_str)).as_bytes())?;
        }
        let row = reject.row.as_ref().map(|place| self.row(place)).unwrap_or_default();
        let attempts = reject.attempts.to_string();
        let cells: [&str; COLUMNS.len()] = [
            &row,
            id,
            reject.provider.map_or("", ProviderId::name),
            reject.operation.map_or("", Operation::name),
            reject.status.name(),
            &reject.class,
            &reject.code,
            &reject.column,
            &reject.reason,
            &attempts,
            &reject.run,
        ];
        for cell in cells {
            self.csv.write_field(guard(cell).as_bytes())?;
        }
        self.csv.write_record(None::<&[u8]>)
    }

    /// Puts everything into the file and gives it back, to be synced.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(self) -> Result<W, std::io::Error> {
        self.csv.into_inner().map_err(csv::IntoInnerError::into_error)
    }

    fn row(&self, place: &Place) -> String {
        match self.rows {
            RowForm::Line => place.line.to_string(),
            RowForm::FileAndLine => format!("{}:{}", place.file, place.line),
        }
    }
}

/// Whether a list of a run has rows or fields that could not be taken. One that is not there, or cannot be read, has none.
#[must_use]
pub fn has_invalid(path: &Path) -> bool {
    let Ok(mut list) = csv::Reader::from_path(path) else { return false };
    let Ok(names) = list.headers() else { return false };
    let Some(status) = names.iter().position(|name| name == STATUS) else { return false };
    list.records().filter_map(Result::ok).any(|row| row.get(status) == Some(Status::Invalid.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(reason: &str) -> Reject {
        Reject {
            row: Some(Place { file: "clients.csv".into(), line: 12 }),
            customer_id: Redacted::new("=1+1".to_owned()),
            provider: Some(ProviderId::Wsone),
            operation: Some(Operation::Update),
            status: Status::Call(State::Refused),
            class: "refused".to_owned(),
            code: "101".to_owned(),
            column: "EMAIL".to_owned(),
            reason: reason.to_owned(),
            attempts: 1,
            run: "20261122T211626Z-3f2a".to_owned(),
            values: Redacted::new(vec!["+33612345678".to_owned()]),
        }
    }

    fn written(columns: &[&str], rows: RowForm, rejects: &[Reject]) -> String {
        let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        let mut writer = RejectsWriter::new(Vec::new(), &columns, rows).unwrap();
        for reject in rejects {
            writer.write(reject).unwrap();
        }
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    #[test]
    fn a_file_without_rejects_has_its_header() {
        assert_eq!(
            written(&[], RowForm::Line, &[]),
            "_row,_customer_id,_provider,_operation,_status,_class,_code,_column,_reason,_attempts,_run\n"
        );
    }

    #[test]
    fn no_cell_begins_like_a_formula() {
        for start in ["=", "+", "-", "@", "\t", "\r"] {
            let text = written(&[], RowForm::Line, &[reject(&format!("{start}cmd"))]);
            let mut rows = csv::Reader::from_reader(text.as_bytes());
            let row = rows.records().next().unwrap().unwrap();
            assert_eq!(&row[1], "'=1+1");
            assert_eq!(row[8], format!("'{start}cmd"));
        }
    }

    #[test]
    fn values_stand_in_front_and_are_filled_up() {
        let text = written(&["mobile_phone", "email"], RowForm::FileAndLine, &[reject("no such person")]);
        assert_eq!(
            text.lines().nth(1).unwrap(),
            "'+33612345678,,clients.csv:12,'=1+1,wsone,update,refused,refused,101,EMAIL,no such person,1,20261122T211626Z-3f2a"
        );
    }

    #[test]
    fn debug_shows_no_customer() {
        let shown = format!("{:?}", reject("no such person"));
        assert!(!shown.contains("33612345678") && !shown.contains("1+1"), "{shown}");
    }
}
