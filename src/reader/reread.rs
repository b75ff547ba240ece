//! Single records again, by the positions that a scan gave, on any thread.

use std::sync::Arc;

use super::csv_scan::Splitter;
use super::error::FileError;
use super::input::InputFile;
use super::json_scan;
use super::row::{Row, Span};
use super::scan::RECORD_BYTES_MAX;

/// How many bytes between two records are read along with them: to ask the kernel once more takes longer.
const GAP_BYTES_MAX: u64 = 4 * 1024;

impl InputFile {
    /// Appends the records at these places to `bytes`, each with its line end; gives where each of them begins there. Neighbours are
    /// read together, some with what lies between them, so that places that ascend are read fastest.
    ///
    /// # Errors
    ///
    /// [`FileError::Position`] where no record is, [`FileError::Read`] and [`FileError::Changed`] when reading fails.
    pub fn reread(&self, places: &[Span], bytes: &mut Vec<u8>) -> Result<Vec<usize>, FileError> {
        let mut begins = Vec::with_capacity(places.len());
        for near in places.chunk_by(is_near) {
            let (Some(first), Some(last)) = (near.first(), near.last()) else { continue };
            let length =
                usize::try_from(last.end() - first.offset).ok().filter(|_| last.end() <= self.rows_end());
            let (at, length) = (bytes.len(), length.ok_or_else(|| self.nothing_at(last))?);
            bytes.resize(at + length, 0);
            self.source
                .read_at(&mut bytes[at..], first.offset)
                .map_err(|error| FileError::reading(&self.name, error))?;
            for place in near {
                let begin =
                    at + usize::try_from(place.offset - first.offset).expect("what was read has room");
                if !self.is_record(&bytes[begin..begin + place.bytes as usize], place) {
                    return Err(self.nothing_at(place));
                }
                begins.push(begin);
            }
        }
        Ok(begins)
    }

    /// Makes rows out of records that were read by their position.
    #[must_use]
    pub fn parser(&self) -> RowParser<'_> {
        RowParser::new(self)
    }

    /// A record ends with its line, unless the text does.
    fn is_record(&self, raw: &[u8], place: &Span) -> bool {
        let is_last = place.end() == self.rows_end();
        raw.len() <= RECORD_BYTES_MAX && (is_last || matches!(raw.last(), Some(b'\n' | b'\r')))
    }

    fn nothing_at(&self, place: &Span) -> FileError {
        FileError::Position { file: self.name.clone(), line: place.line }
    }
}

/// Whether the next record is read with this one.
fn is_near(one: &Span, next: &Span) -> bool {
    next.offset.checked_sub(one.end()).is_some_and(|gap| gap <= GAP_BYTES_MAX)
}

/// Makes rows out of the bytes of single records, on any thread.
#[derive(Debug)]
pub struct RowParser<'a> {
    file: &'a str,
    form: Form,
    /// A row that is no longer needed.
    spare: Option<Row>,
}

#[derive(Debug)]
enum Form {
    Csv(Box<Splitter>, Arc<[String]>),
    Jsonl,
}

impl<'a> RowParser<'a> {
    fn new(input: &'a InputFile) -> Self {
        let form = match &input.table {
            Some(table) => Form::Csv(Box::new(Splitter::new(table.delimiter)), Arc::clone(&table.names)),
            None => Form::Jsonl,
        };
        Self { file: &input.name, form, spare: None }
    }

    /// The row that these bytes, read at `span`, are.
    ///
    /// # Errors
    ///
    /// [`FileError::Position`] where they are none.
    pub fn row(&mut self, bytes: &[u8], span: &Span) -> Result<Row, FileError> {
        let row = match &mut self.form {
            Form::Csv(splitter, header) => splitter.row(bytes, header, *span, self.spare.take()),
            Form::Jsonl => json_scan::row(bytes, *span),
        };
        row.ok_or_else(|| FileError::Position { file: self.file.to_owned(), line: span.line })
    }

    /// Takes a row back that it made and nobody needs any more: the next one takes its place.
    pub fn give_back(&mut self, row: Row) {
        self.spare = Some(row);
    }
}
