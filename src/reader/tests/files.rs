//! Files as they lie there: compression, pipes, changes, trailers, sniffing.

use std::io::Write;
use std::os::unix::fs::MetadataExt;

use super::*;

const ROWS: &str = "id;nom\n1;Zoé\n2;Noël\n";

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(content, 0).unwrap()
}

fn trailer(pattern: &str) -> ReaderSettings {
    ReaderSettings { trailer: Some(pattern.to_owned()), ..ReaderSettings::default() }
}

#[test]
fn compressed_files_are_read_by_content() {
    let two_members = [gzip(b"id;nom\n1;Zo\xc3\xa9\n"), gzip("2;Noël\n".as_bytes())].concat();
    let latin = encoding_rs::WINDOWS_1252.encode(ROWS).0.into_owned();
    let cases = [
        ("clients.csv.gz", gzip(ROWS.as_bytes())),
        ("clients.csv", gzip(ROWS.as_bytes())),
        ("clients.csv.gz", ROWS.as_bytes().to_vec()),
        ("clients.csv.gz", two_members),
        ("clients.csv.zst", zstd(ROWS.as_bytes())),
        ("clients.csv.gz", gzip(&latin)),
    ];
    for (name, content) in cases {
        let sheet = Sheet::new(name, &content);
        assert_eq!(sheet.rows(), [["1", "Zoé"], ["2", "Noël"]], "{name}");
        assert_eq!(sheet.open().unwrap().bytes(), content.len() as u64, "{name}: as it lies there");
    }
    let lines = Sheet::new("clients.jsonl.zst", zstd(b"{\"id\":1}\n"));
    assert_eq!(lines.open().unwrap().format(), Format::Jsonl);
}

#[test]
fn cut_compressed_file_is_refused_whole() {
    let long: String = (0..20_000).map(|id| format!("{id};{}\n", id * 7919)).collect();
    let content = format!("id;nom\n{long}");
    for (packed, form) in [(gzip(content.as_bytes()), "gzip"), (zstd(content.as_bytes()), "zstd")] {
        for kept in [packed.len() - 1, packed.len() - 6, packed.len() / 2, 12] {
            let error = Sheet::new("clients.csv.gz", &packed[..kept]).refusal();
            assert!(matches!(error, FileError::Compressed { form: f, .. } if f == form), "{kept}: {error}");
        }
    }
}

#[test]
fn other_kinds_of_file_are_named() {
    let cases: [(&[u8], &str); 4] = [
        (b"PK\x03\x04....", "Excel"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel"),
        (b"\xfd7zXZ\0", "xz"),
        (b"%PDF-1.7\n", "PDF"),
    ];
    for (content, word) in cases {
        let error = Sheet::csv(content).refusal();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn missing_file_and_folder_say_so() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("nothing.csv"), folder.path().to_owned()] {
        let error = InputFile::open(&path, &ReaderSettings::default()).unwrap_err();
        assert!(matches!(error, FileError::Open { .. }), "{error}");
    }
}

#[test]
fn format_follows_content_then_name_then_setting() {
    let cases = [
        ("a.csv", "id;nom\n1;a\n", Format::Csv),
        ("a.txt", "id\tnom\n1\ta\n", Format::Csv),
        ("a", "id;nom\n1;a\n", Format::Csv),
        ("a", "{\"id\":1}\n", Format::Jsonl),
        ("a.csv", "{\"id\":1}\n", Format::Jsonl),
        ("a.csv", "{id};{nom}\n1;a\n", Format::Csv),
        ("a.csv", "[id];[nom]\n1;a\n", Format::Csv),
        ("a.ndjson", "x\n{\"id\":1}\n", Format::Jsonl),
    ];
    for (name, content, expected) in cases {
        assert_eq!(Sheet::new(name, content).open().unwrap().format(), expected, "{name} {content}");
    }
    let forced = ReaderSettings { format: FormatSetting::Jsonl, ..ReaderSettings::default() };
    assert_eq!(Sheet::csv("id;nom\n").with(&forced).unwrap().format(), Format::Jsonl);
}

#[test]
fn pipe_is_spooled_and_read_twice() {
    let settings = ReaderSettings::default();
    let input =
        InputFile::from_reader("standard input", gzip(ROWS.as_bytes()).as_slice(), &settings).unwrap();
    assert_eq!(input.name(), "standard input");
    assert_eq!(input.modified(), None);
    for _ in 0..2 {
        assert_eq!(input.scan().unwrap().count(), 2);
    }
    assert_eq!(input.source.file.metadata().unwrap().mode() & 0o777, 0o600);
    assert_eq!(input.source.file.metadata().unwrap().nlink(), 0, "no name leads to the copy");
}

#[test]
fn failing_pipe_is_a_read_error() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
    let error = InputFile::from_reader("-", Broken, &ReaderSettings::default()).unwrap_err();
    assert_eq!(error.kind(), FileErrorKind::Machine);
}

#[test]
fn file_that_changes_while_it_is_read_is_refused() {
    type Change<'a> = &'a dyn Fn(&Sheet);
    let append = |sheet: &Sheet| {
        let mut file = fs::OpenOptions::new().append(true).open(&sheet.path).unwrap();
        file.write_all(b"3;x\n").unwrap();
    };
    let truncate = |sheet: &Sheet| {
        fs::OpenOptions::new().write(true).open(&sheet.path).unwrap().set_len(9).unwrap();
    };
    let touch = |sheet: &Sheet| {
        let file = fs::OpenOptions::new().write(true).open(&sheet.path).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    };
    let changes: [(&str, Change<'_>); 3] =
        [("grown", &append), ("shortened", &truncate), ("touched", &touch)];
    for (what, change) in changes {
        for content in [ROWS.as_bytes().to_vec(), gzip(ROWS.as_bytes())] {
            let sheet = Sheet::csv(content);
            let input = sheet.open().unwrap();
            let mut scan = input.scan().unwrap();
            assert!(scan.next().unwrap().is_ok());
            change(&sheet);
            let error = scan.find_map(Result::err).expect(what);
            assert!(matches!(error, FileError::Changed { .. }), "{what}: {error}");
            assert!(scan.next().is_none(), "an error ends the pass");
            assert!(matches!(input.scan(), Err(FileError::Changed { .. })), "{what}");
            assert!(matches!(input.verify_unchanged(), Err(FileError::Changed { .. })), "{what}");
        }
    }
}

#[test]
fn trailer_must_be_there_and_count_right() {
    let pattern = trailer(r"^TOTAL;(\d+)$");
    let count = |content: &str| -> Result<usize, FileError> {
        let sheet = Sheet::csv(content);
        let input = sheet.with(&pattern)?;
        input.scan()?.try_fold(0, |rows, record| record.map(|_| rows + 1))
    };
    assert_eq!(count("id;nom\n1;a\n2;b\nTOTAL;2\n").unwrap(), 2);
    assert_eq!(count("id;nom\r\n1;a\r\n2;b;c\r\nTOTAL;2\r\n\r\n").unwrap(), 2, "a bad row counts");
    assert_eq!(count("id;nom\nTOTAL;0").unwrap(), 0);
    assert!(matches!(
        count("id;nom\n1;a\nTOTAL;2\n"),
        Err(FileError::TrailerCount { stated: 2, found: 1, .. })
    ));
    assert!(matches!(count("id;nom\n1;a\n2;b\n"), Err(FileError::TrailerMissing { .. })));
    assert!(matches!(count("id;nom\n1;a\nTOTAL;1\n2;b\n"), Err(FileError::TrailerMissing { .. })));
    let lines = Sheet::jsonl("{\"id\":1}\n# 1 rows\n");
    let input = lines.with(&trailer(r"^# (\d+) rows")).unwrap();
    assert_eq!(input.scan().unwrap().filter(Result::is_ok).count(), 1);
}

#[test]
fn trailer_pattern_without_one_group_is_a_setting_error() {
    for pattern in ["(", "TOTAL", "(a)(b)"] {
        let error = Sheet::csv(ROWS).with(&trailer(pattern)).unwrap_err();
        assert_eq!(error.kind(), FileErrorKind::Setting, "{pattern}");
    }
}

#[test]
fn position_without_row_is_an_error_not_a_panic() {
    let sheet = Sheet::csv(ROWS);
    let input = sheet.open().unwrap();
    let first = input.scan().unwrap().next().unwrap().unwrap().span();
    for (offset, bytes) in [(8, 3), (7, 200), (u64::MAX, 1), (0, 0), (7, u32::MAX)] {
        let span = Span { offset, line: 9, bytes };
        for places in [vec![span], vec![first, span]] {
            let read = input.reread(&places, &mut Vec::new());
            assert!(matches!(read, Err(FileError::Position { line: 9, .. })), "{offset}");
        }
    }
}

#[test]
fn sniffing_shows_header_and_first_rows() {
    let sniffed = sniff(&Sheet::csv(ROWS).open().unwrap()).unwrap();
    assert_eq!((sniffed.format, sniffed.encoding, sniffed.delimiter), (Format::Csv, "utf-8", Some(b';')));
    assert_eq!(sniffed.header, ["id", "nom"]);
    assert_eq!(sniffed.sample.len(), 2);
    let sniffed = sniff(&Sheet::jsonl("{\"id\":1,\"a\":2}\n{\"b\":1,\"id\":2}\n").open().unwrap()).unwrap();
    assert_eq!(sniffed.header, ["id", "a", "b"]);
}
