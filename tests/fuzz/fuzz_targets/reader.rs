//! Any bytes as an input file: the first byte chooses the settings, the rest is the file. What a scan finds, a
//! seeker must find again.

#![no_main]

use crmsync::reader::{
    DelimiterSetting, EncodingSetting, FormatSetting, InputFile, ReaderSettings, Row, Scanned,
};
use libfuzzer_sys::fuzz_target;

const ENCODINGS: [EncodingSetting; 4] =
    [EncodingSetting::Auto, EncodingSetting::Utf8, EncodingSetting::Windows1252, EncodingSetting::Utf16Le];
const DELIMITERS: [DelimiterSetting; 2] = [DelimiterSetting::Auto, DelimiterSetting::Byte(b';')];
const FORMATS: [FormatSetting; 3] = [FormatSetting::Auto, FormatSetting::Csv, FormatSetting::Jsonl];

fuzz_target!(|data: &[u8]| {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let choice = usize::from(choice);
    let settings = ReaderSettings {
        encoding: ENCODINGS[choice % 4],
        delimiter: DELIMITERS[choice / 4 % 2],
        format: FORMATS[choice / 8 % 3],
        trailer: (choice / 24 % 4 == 3).then(|| "^TOTAL;([0-9]+)$".to_owned()),
    };
    let Ok(input) = InputFile::from_reader("fuzz", bytes, &settings) else { return };
    let mut rows: Vec<Row> = Vec::new();
    for scanned in input.scan().expect("a pipe never changes") {
        match scanned {
            Ok(Scanned::Row(row)) => rows.push(row),
            Ok(Scanned::Bad(bad)) => assert!(!bad.reason.is_empty()),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    }
    let mut seeker = input.rows_at().expect("a pipe never changes");
    for row in rows.iter().rev() {
        let again = seeker.row(&row.span()).expect("it was read before");
        assert!(again == *row, "another row at the same place");
        for (name, cell) in again.columns() {
            std::hint::black_box((name, cell));
        }
    }
});
