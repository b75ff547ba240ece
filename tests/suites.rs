//! Published suites of difficult CSV and JSON, each case with the verdict that this program gives.
//!
//! The data are others' (see `SOURCE` beside them); the verdicts are ours: where a suite leaves a case open, the
//! tables here close it.

use std::fs;
use std::path::{Path, PathBuf};

use crmsync::domain::raw_cell::RawCell;
use crmsync::reader::{DelimiterSetting, FileError, FormatSetting, InputFile, ReaderSettings, Row, Scanned};
use serde::Deserialize;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(data(name)).expect("a file of the suite")
}

/// What a file comes to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdict {
    rows: usize,
    bad: usize,
    refused: bool,
}

const ONE_ROW: Verdict = Verdict { rows: 1, bad: 0, refused: false };

fn scan(input: Result<InputFile, FileError>) -> (Verdict, Vec<Row>) {
    let (mut verdict, mut rows) = (Verdict::default(), Vec::new());
    match input {
        Err(_) => verdict.refused = true,
        Ok(input) => {
            for scanned in input.scan().expect("nobody changes it") {
                match scanned {
                    Ok(Scanned::Row(row)) => {
                        verdict.rows += 1;
                        rows.push(row);
                    }
                    Ok(Scanned::Bad(_)) => verdict.bad += 1,
                    Err(_) => verdict.refused = true,
                }
            }
        }
    }
    (verdict, rows)
}

/// A name and a value for every cell.
fn cells(row: &Row) -> Vec<(String, String)> {
    row.columns()
        .map(|(name, cell)| match cell {
            RawCell::Text(text) | RawCell::Nested(text) => (name.into_owned(), text.into_owned()),
            RawCell::Absent | RawCell::Null => (name.into_owned(), "<null>".to_owned()),
        })
        .collect()
}

// --- csv-spectrum ----------------------------------------------------------------------------------------------------

#[test]
fn csv_spectrum_is_read_as_its_authors_read_it() {
    let names = [
        "comma_in_quotes",
        "empty",
        "empty_crlf",
        "escaped_quotes",
        "json",
        "newlines",
        "newlines_crlf",
        "quotes_and_newlines",
        "simple",
        "simple_crlf",
        "utf8",
    ];
    for name in names {
        let expected: Vec<serde_json::Map<String, serde_json::Value>> =
            serde_json::from_str(&read(&format!("csv-spectrum/{name}.json"))).expect("JSON");
        let path = data(&format!("csv-spectrum/{name}.csv"));
        let input = InputFile::open(&path, &ReaderSettings::default()).expect(name);
        assert_eq!(input.delimiter(), Some(b','), "{name}");
        let (verdict, rows) = scan(Ok(input));
        assert_eq!(verdict, Verdict { rows: expected.len(), ..Verdict::default() }, "{name}");
        for (row, expected) in rows.iter().zip(expected) {
            let mut found = cells(row);
            found.sort();
            let text = |value: serde_json::Value| value.as_str().expect("a text").to_owned();
            let expected: Vec<_> = expected.into_iter().map(|(key, value)| (key, text(value))).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}

#[test]
fn quotes_inside_unquoted_cells_are_characters() {
    // The JSON that the suite gives for this case is another customer's, so the cells stand here.
    let path = data("csv-spectrum/location_coordinates.csv");
    let (verdict, rows) = scan(InputFile::open(&path, &ReaderSettings::default()));
    assert_eq!(verdict, ONE_ROW);
    let found: Vec<_> = cells(&rows[0]).into_iter().map(|(_, value)| value).collect();
    let coordinates = "37\u{fffd}36'37.8\"N 121\u{fffd}2'17.9\"W";
    assert_eq!(found, ["2095257564", coordinates, "Modesto", "Stanislaus"]);
}

// --- JSONTestSuite ---------------------------------------------------------------------------------------------------

/// Valid JSON that is refused all the same: of two values for one key one would be lost.
const TWO_VALUES: [&str; 2] = ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"];

#[derive(Deserialize)]
struct Case {
    name: String,
    input: String,
}

impl Case {
    /// The package lost the bytes that made the case.
    fn is_lost(&self) -> bool {
        self.input.contains('\u{fffd}')
    }

    /// Whether it is read, where it is the value of a key.
    fn is_value(&self) -> bool {
        let valid = self.name.starts_with("y_") && !TWO_VALUES.contains(&self.name.as_str());
        // Of what the suite leaves open: a number keeps its digits, whatever its size; half a surrogate pair is no
        // text, 500 levels are too deep, and a byte order mark has no place inside.
        valid || self.name.starts_with("i_number_")
    }

    /// The case as the value of a key on one line. Outside of strings, valid JSON may have a blank for a line end.
    fn line(&self) -> String {
        let value = if self.is_value() { self.input.replace('\n', " ") } else { self.input.clone() };
        format!("{{\"customer_id\":\"1\",\"value\":{value}}}\n")
    }
}

fn cases(file: &str) -> Vec<Case> {
    serde_json::from_str(&read(&format!("json-test-suite/{file}"))).expect("JSON")
}

fn jsonl(content: &str) -> (Verdict, Vec<Row>) {
    let settings = ReaderSettings { format: FormatSetting::Jsonl, ..ReaderSettings::default() };
    scan(InputFile::from_reader("case.jsonl", content.as_bytes(), &settings))
}

#[test]
fn json_values_are_read_or_refused_as_the_suite_says() {
    let cases = cases("parsing.json");
    assert_eq!((cases.len(), cases.iter().filter(|case| case.is_lost()).count()), (316, 25));
    for case in cases.iter().filter(|case| !case.is_lost()) {
        let (verdict, _) = jsonl(&case.line());
        if case.is_value() {
            assert_eq!(verdict, ONE_ROW, "{}", case.name);
        } else {
            assert_eq!(verdict.rows, 0, "{}: {verdict:?}", case.name);
            assert!(verdict.bad > 0 || verdict.refused, "{}", case.name);
        }
    }
}

#[test]
fn json_files_hold_rows_only_where_they_hold_objects() {
    for case in cases("parsing.json").iter().filter(|case| !case.is_lost()) {
        let (verdict, _) = jsonl(&case.input);
        // A byte order mark belongs before the first line, and nowhere else.
        let is_object = case.is_value() && case.input.starts_with('{') && !case.input.contains('\n');
        let marked = case.name == "i_structure_UTF-8_BOM_empty_object.json";
        assert_eq!(verdict.rows, usize::from(is_object || marked), "{}: {verdict:?}", case.name);
    }
}

#[test]
fn bottomless_json_is_refused_without_a_deep_stack() {
    for brackets in ["[".repeat(100_000), "[{\"\":".repeat(50_000)] {
        let (verdict, _) = jsonl(&format!("{{\"value\":{brackets}}}\n{{\"value\":1}}\n"));
        assert_eq!(verdict, Verdict { rows: 1, bad: 1, refused: false });
    }
}

#[test]
fn json_numbers_and_strings_keep_what_they_say() {
    for case in cases("transform.json").iter().filter(|case| !case.is_lost()) {
        let name = case.name.trim_end_matches(".json");
        let expected = match name {
            // Equal to the eye, but other characters: two keys.
            "object_key_nfc_nfd" | "object_key_nfd_nfc" => case.input.as_str(),
            "object_same_key_different_values"
            | "object_same_key_same_value"
            | "object_same_key_unclear_values"
            | "string_1_escaped_invalid_codepoint"
            | "string_2_escaped_invalid_codepoints"
            | "string_3_escaped_invalid_codepoints" => "refused",
            "string_with_escaped_NULL" => "A\0B",
            // A whole number is written as one, and one that has lost its digits as such.
            "number_1.0" => "1",
            "number_1e6" => "1E+6",
            number => {
                assert!(number.starts_with("number_"), "{number} has no verdict");
                case.input.trim().trim_matches(['[', ']'])
            }
        };
        let (verdict, rows) = jsonl(&case.line().replace("\n}", "}"));
        match rows.first() {
            None => assert_eq!(("refused", 1), (expected, verdict.bad), "{name}"),
            Some(row) => assert_eq!(cells(row)[1].1, expected, "{name}"),
        }
    }
}

// --- Big List of Naughty Strings -------------------------------------------------------------------------------------

fn naughty() -> Vec<String> {
    serde_json::from_str(&read("blns/blns.json")).expect("JSON")
}

fn csv_of(strings: &[String], delimiter: u8) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    writer.write_record(["customer_id", "last_name"]).expect("memory");
    for (index, string) in strings.iter().enumerate() {
        writer.write_record([&index.to_string(), string]).expect("memory");
    }
    writer.into_inner().expect("memory")
}

#[test]
fn naughty_strings_come_out_of_csv_as_they_went_in() {
    let strings = naughty();
    for delimiter in *b",;\t|" {
        let settings =
            ReaderSettings { delimiter: DelimiterSetting::Byte(delimiter), ..ReaderSettings::default() };
        for quiet in [ReaderSettings::default(), settings] {
            let content = csv_of(&strings, delimiter);
            let input =
                InputFile::from_reader("names.csv", content.as_slice(), &quiet).expect("a whole file");
            assert_eq!((input.delimiter(), input.encoding()), (Some(delimiter), "utf-8"));
            let (verdict, rows) = scan(Ok(input));
            assert_eq!(verdict, Verdict { rows: strings.len(), ..Verdict::default() });
            for (row, string) in rows.iter().zip(&strings) {
                assert_eq!(&cells(row)[1].1, string);
            }
        }
    }
}

#[test]
fn naughty_strings_come_out_of_jsonl_as_they_went_in() {
    let strings = naughty();
    let lines: String = strings
        .iter()
        .map(|string| serde_json::json!({ "last_name": string, string: "key" }).to_string() + "\n")
        .collect();
    let (verdict, rows) = jsonl(&lines);
    assert_eq!(verdict, Verdict { rows: strings.len(), ..Verdict::default() });
    for (row, string) in rows.iter().zip(&strings) {
        let found = cells(row);
        assert!(found.contains(&("last_name".to_owned(), string.clone())), "{string}");
        assert!(found.contains(&(string.clone(), "key".to_owned())), "{string}");
    }
}
