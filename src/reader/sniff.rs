//! Finding out by content, then by name, what a file is: CSV or JSONL, and which delimiter.

use csv_core::ReadRecordResult;
use memchr::{memchr, memchr2};

use super::error::FileError;
use super::machine::Machine;
use super::settings::{DELIMITERS, DelimiterSetting, Format, FormatSetting};
use super::source::Source;

/// How much of a file is looked at, in bytes.
const SAMPLE_BYTES: usize = 64 * 1024;

/// How many records are compared.
const SAMPLE_RECORDS: usize = 50;

/// The beginning of a file, without leading blank lines.
#[derive(Debug)]
pub(super) struct Sample {
    bytes: Vec<u8>,
    /// Of the first line that is not blank.
    line: u64,
    /// It is the whole file.
    whole: bool,
}

impl Sample {
    /// Reads the beginning of `source`, on line `first_line` of the file; nothing but blanks is refused.
    pub(super) fn of(file: &str, source: &Source, first_line: u64) -> Result<Self, FileError> {
        let mut bytes = vec![0; source.at_most(SAMPLE_BYTES)];
        source.read_at(&mut bytes, source.start).map_err(|error| FileError::reading(file, error))?;
        let text = bytes.trim_ascii_start();
        if text.is_empty() {
            return Err(FileError::Empty { file: file.to_owned() });
        }
        let blank = &bytes[..bytes.len() - text.len()];
        let line = first_line + blank.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(Self { line, whole: bytes.len() < SAMPLE_BYTES, bytes })
    }

    fn text(&self) -> &[u8] {
        self.bytes.trim_ascii_start()
    }

    /// The line before the header that Excel writes and reads to tell the delimiter, if there is one.
    pub(super) fn declaration(&self) -> Option<Declaration> {
        let text = self.text();
        let end = memchr2(b'\n', b'\r', text)?;
        let line =
            text[..end].strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(&text[..end]);
        let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] = *line else { return None };
        let line_end = if text[end..].starts_with(b"\r\n") { 2 } else { 1 };
        let bytes = (self.bytes.len() - text.len() + end + line_end) as u64;
        DELIMITERS.contains(&delimiter).then_some(Declaration { delimiter, bytes, next_line: self.line + 1 })
    }
}

/// A line that is no record: `sep=;`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declaration {
    /// What it says.
    pub(super) delimiter: u8,
    /// How far it reaches, in bytes, with its line end and what stands before it.
    pub(super) bytes: u64,
    /// The number of the line behind it.
    pub(super) next_line: u64,
}

/// The format of `file`: a JSON object or array at its beginning decides, else its name, else it is CSV.
pub(super) fn format(file: &str, setting: FormatSetting, sample: &Sample) -> Result<Format, FileError> {
    let text = sample.text();
    // What some programs call an export to Excel.
    if let [b'<', b'?' | b'!' | b'a'..=b'z' | b'A'..=b'Z', ..] = text {
        return Err(FileError::NotText { file: file.to_owned(), what: "an HTML or XML document" });
    }
    let named = named_format(file);
    let behind = |first: u8| text.strip_prefix(&[first]).map(<[u8]>::trim_ascii_start);
    let object = behind(b'{').is_some_and(|rest| matches!(rest.first(), Some(b'"' | b'}') | None));
    let array = behind(b'[').is_some_and(|rest| matches!(rest.first(), Some(b'{' | b']') | None));
    let json_expected = match setting {
        FormatSetting::Csv => return Ok(Format::Csv),
        FormatSetting::Jsonl => true,
        FormatSetting::Auto => named != Some(Format::Csv),
    };
    // An array of objects that begins the file; a line of a JSONL file that is an array is only a bad row.
    if array && (json_expected || named.is_none()) {
        return Err(FileError::JsonArray { file: file.to_owned(), line: sample.line });
    }
    match setting {
        FormatSetting::Jsonl => Ok(Format::Jsonl),
        FormatSetting::Auto if object => Ok(Format::Jsonl),
        FormatSetting::Auto | FormatSetting::Csv => Ok(named.unwrap_or(Format::Csv)),
    }
}

fn named_format(file: &str) -> Option<Format> {
    let name = file.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "csv" | "tsv" | "txt" => Some(Format::Csv),
        "jsonl" | "ndjson" | "json" => Some(Format::Jsonl),
        _ => None,
    }
}

/// The delimiter: the configured one if it divides the header, else the declared one if it does, or the one that gives
/// the most fields in consistent records.
pub(super) fn delimiter(
    file: &str,
    setting: DelimiterSetting,
    declared: Option<u8>,
    sample: &Sample,
) -> Result<u8, FileError> {
    let scores = DELIMITERS.map(|delimiter| (score(delimiter, sample), delimiter));
    let dividing = || scores.iter().filter(|(score, _)| score.fields > 1);
    let divides = |byte: &u8| dividing().any(|(_, delimiter)| delimiter == byte);
    let best = dividing()
        .rev()
        .max_by_key(|(score, _)| (score.consistent_per_mille * score.fields, score.fields))
        .map(|(_, delimiter)| *delimiter);
    let best = declared.filter(divides).or(best);
    match (setting, best) {
        (DelimiterSetting::Byte(byte), None) => Ok(byte),
        (DelimiterSetting::Byte(byte), Some(_)) if divides(&byte) => Ok(byte),
        (DelimiterSetting::Byte(_), Some(_)) => {
            Err(FileError::OtherDelimiter { file: file.to_owned(), line: sample.line })
        }
        (DelimiterSetting::Auto, Some(delimiter)) => Ok(delimiter),
        (DelimiterSetting::Auto, None) if one_name(sample.text()) => Ok(b';'),
        (DelimiterSetting::Auto, None) if quoted_whole(sample.text()) => {
            let found = "a line that is quoted as a whole";
            Err(FileError::Header { file: file.to_owned(), line: sample.line, found })
        }
        (DelimiterSetting::Auto, None) => {
            Err(FileError::Delimiter { file: file.to_owned(), line: sample.line })
        }
    }
}

/// Whether the whole header is in one pair of quotes, delimiters included: so a spreadsheet saves a file that it opened as one
/// column.
fn quoted_whole(text: &[u8]) -> bool {
    let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    line.starts_with(b"\"") && line.ends_with(b"\"") && line.iter().any(|byte| DELIMITERS.contains(byte))
}

/// A header that no delimiter divides is that of a file with one column, if it reads like one name.
fn one_name(text: &[u8]) -> bool {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(text.len());
    String::from_utf8_lossy(&text[..end])
        .chars()
        .all(|letter| letter.is_alphanumeric() || letter.is_whitespace() || matches!(letter, '_' | '-' | '"'))
}

struct Score {
    /// How many of 1,000 records have as many fields as the header.
    consistent_per_mille: usize,
    /// Of the header.
    fields: usize,
}

fn score(delimiter: u8, sample: &Sample) -> Score {
    let none = Score { consistent_per_mille: 0, fields: 0 };
    // What does not occur divides nothing.
    if memchr(delimiter, sample.text()).is_none() {
        return none;
    }
    let counts = field_counts(delimiter, sample);
    let Some((&fields, rows)) = counts.split_first() else { return none };
    let equal = rows.iter().filter(|count| **count == fields).count();
    let consistent_per_mille = if rows.is_empty() { 1000 } else { equal * 1000 / rows.len() };
    Score { consistent_per_mille, fields }
}

/// The number of fields of each of the first records; a record that the sample cuts is left out.
fn field_counts(delimiter: u8, sample: &Sample) -> Vec<usize> {
    let mut reader = Machine::new(delimiter);
    let mut input = sample.text();
    let mut counts = Vec::new();
    let (mut text, mut ends) = ([0; 1024], [0; 256]);
    let mut fields = 0;
    while counts.len() <= SAMPLE_RECORDS {
        let (result, read, _, ended) = reader.read_record(input, &mut text, &mut ends);
        input = &input[read..];
        fields += ended;
        match result {
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
            ReadRecordResult::InputEmpty if sample.whole || counts.is_empty() => {}
            ReadRecordResult::InputEmpty | ReadRecordResult::End => break,
            ReadRecordResult::Record => counts.push(std::mem::take(&mut fields)),
        }
    }
    counts
}
