//! Any bytes as an input file: the first byte chooses the settings and whether it is a file or a pipe, the rest is
//! the content. What a scan finds, a seeker must find again.
//!
//! The file lies in memory and is the same for all tries: making one for each takes longer than reading it.

#![no_main]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use crmsync::reader::{
    DelimiterSetting, EncodingSetting, FileError, FormatSetting, Found, InputFile, Passed, ReaderSettings,
    Row, Scanned, Span,
};
use libfuzzer_sys::fuzz_target;
use rustix::fs::{MemfdFlags, memfd_create};

const ENCODINGS: [EncodingSetting; 4] =
    [EncodingSetting::Auto, EncodingSetting::Utf8, EncodingSetting::Windows1252, EncodingSetting::Utf16Le];
const DELIMITERS: [DelimiterSetting; 2] = [DelimiterSetting::Auto, DelimiterSetting::Byte(b';')];
const FORMATS: [FormatSetting; 3] = [FormatSetting::Auto, FormatSetting::Csv, FormatSetting::Jsonl];
/// From this choice on, the content comes through a pipe.
const PIPES: usize = 224;

static FILE: LazyLock<(File, PathBuf)> = LazyLock::new(|| {
    let file = File::from(memfd_create("input", MemfdFlags::CLOEXEC).expect("Linux has files in memory"));
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    (file, path)
});

fn input(choice: usize, bytes: &[u8], settings: &ReaderSettings) -> Result<InputFile, FileError> {
    if choice >= PIPES {
        return InputFile::from_reader("fuzz", bytes, settings);
    }
    let (file, path) = &*FILE;
    file.set_len(bytes.len() as u64).expect("memory");
    file.write_all_at(bytes, 0).expect("memory");
    InputFile::open(path, settings)
}

/// The rows as blocks give them; `None`, where a block has to be read record by record.
fn by_blocks(input: &InputFile) -> Option<Vec<Row>> {
    let mut scan = input.scan().expect("a pipe never changes");
    let mut rows = Vec::new();
    while let Some(block) = scan.block(Vec::new()).expect("it was read before") {
        let (mut some, before) = (Vec::new(), scan.line());
        let passed = block.records(|found| {
            some.push(match found {
                Found::Line(line) => Scanned::Row(line.to_row()),
                Found::Scanned(scanned, _) => scanned,
            });
        });
        let Passed::Whole { lines } = passed else { return None };
        scan.passed(block, some.len() as u64, lines);
        rows.extend(some.into_iter().map(|scanned| scanned.moved(before)));
    }
    rows.extend(scan.map(|scanned| scanned.expect("it was read before")));
    Some(
        rows.into_iter()
            .filter_map(|scanned| if let Scanned::Row(row) = scanned { Some(row) } else { None })
            .collect(),
    )
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let choice = usize::from(choice);
    let settings = ReaderSettings {
        encoding: ENCODINGS[choice % 4],
        delimiter: DELIMITERS[choice / 4 % 2],
        format: FORMATS[choice / 8 % 3],
        trailer: (choice / 24 % 4 == 3).then(|| "^TOTAL;([0-9]+)$".to_owned()),
    };
    let Ok(input) = input(choice, bytes, &settings) else { return };
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
    assert!(by_blocks(&input).is_none_or(|found| found == rows), "blocks hold other rows");
    let spans: Vec<Span> = rows.iter().map(Row::span).collect();
    let mut bytes = Vec::new();
    let begins = input.reread(&spans, &mut bytes).expect("it was read before");
    let mut parser = input.parser();
    for (row, begin) in rows.iter().zip(begins) {
        let span = row.span();
        let again = parser.row(&bytes[begin..begin + span.bytes as usize], &span).expect("it was a row before");
        assert!(again == *row, "another row at the same place");
        for (name, cell) in again.columns() {
            std::hint::black_box((name, cell));
        }
    }
});
