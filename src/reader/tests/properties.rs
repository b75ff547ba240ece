//! Laws: what a scan finds, a seeker finds again; what the csv crate reads, this room reads.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::*;

/// Cells with everything that needs quoting, and nothing that a header check would mind.
fn cell() -> impl Strategy<Value = String> {
    "[a-zé€ \";,\r\n0-9-]{0,12}"
}

fn table() -> impl Strategy<Value = Vec<[String; 3]>> {
    prop::collection::vec([cell(), cell(), cell()], 1..40)
}

fn written(rows: &[[String; 3]], terminator: csv::Terminator, quotes: csv::QuoteStyle) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .terminator(terminator)
        .quote_style(quotes)
        .from_writer(Vec::new());
    writer.write_record(["id", "nom", "ville"]).unwrap();
    for row in rows {
        writer.write_record(row).unwrap();
    }
    writer.into_inner().unwrap()
}

fn terminator() -> impl Strategy<Value = csv::Terminator> {
    prop::sample::select(vec![
        csv::Terminator::CRLF,
        csv::Terminator::Any(b'\n'),
        csv::Terminator::Any(b'\r'),
    ])
}

fn quotes() -> impl Strategy<Value = csv::QuoteStyle> {
    prop::sample::select(vec![csv::QuoteStyle::Necessary, csv::QuoteStyle::Always])
}

/// Scans, and reads the rows again: all forwards, all backwards, and some that lie apart; each also in the place of the
/// one before.
fn same_rows_at_their_places(input: &InputFile) -> Vec<Row> {
    let rows: Vec<Row> = input.scan().unwrap().map(|scanned| row(&scanned.unwrap()).clone()).collect();
    let all: Vec<&Row> = rows.iter().collect();
    let backwards = all.iter().rev().copied().collect();
    let apart = [3, 500].map(|step| all.iter().step_by(step).copied().collect());
    for wanted in [all, backwards].into_iter().chain(apart) {
        let spans: Vec<Span> = wanted.iter().map(|row| row.span()).collect();
        let mut bytes = b"before".to_vec();
        let begins = input.reread(&spans, &mut bytes).unwrap();
        assert!(begins.len() == wanted.len() && bytes.starts_with(b"before"));
        let (mut fresh, mut parser) = (input.parser(), input.parser());
        for (row, begin) in wanted.into_iter().zip(begins) {
            let (span, raw) = (row.span(), &bytes[begin..begin + row.span().bytes as usize]);
            assert!(fresh.row(raw, &span).unwrap() == *row, "line {}", span.line);
            let again = parser.row(raw, &span).unwrap();
            assert!(again == *row, "line {}, in the place of the row before", span.line);
            parser.give_back(again);
        }
    }
    rows
}

/// The same pass by blocks: each record with its bytes. A line is taken out on its own and must say there what it says
/// in place.
fn by_blocks(input: &InputFile) -> Result<Vec<(Scanned, Vec<u8>)>, FileError> {
    let mut scan = input.scan()?;
    let mut all = Vec::new();
    loop {
        let mut careful_to = None;
        if let Some(block) = scan.block(Vec::new())? {
            let mut some = Vec::new();
            match block.records(|found| some.push(taken(found, input))) {
                Passed::Whole { lines } => {
                    let (before, count) = (scan.line(), some.len() as u64);
                    all.extend(some.into_iter().map(|(scanned, raw)| (scanned.moved(before), raw)));
                    scan.passed(block, count, lines);
                    continue;
                }
                Passed::Broken => {
                    careful_to = Some(block.end());
                    scan.back_to(&block);
                }
            }
        }
        loop {
            let Some(scanned) = scan.next().transpose()? else { return Ok(all) };
            let span = scanned.span();
            all.push((scanned, scan.content().to_vec()));
            if careful_to.is_none_or(|end| span.offset + u64::from(span.bytes) >= end) {
                break;
            }
        }
    }
}

fn taken(found: Found<'_>, input: &InputFile) -> (Scanned, Vec<u8>) {
    match found {
        Found::Scanned(scanned, raw) => (scanned, raw.to_vec()),
        Found::Line(line) => {
            let row = line.to_row();
            for (name, _) in row.columns() {
                let column = input.resolve(&name);
                assert!(column.is_none_or(|column| line.get(&column) == row.get(&column)), "{name}");
            }
            (Scanned::Row(row), line.content().to_vec())
        }
    }
}

fn assert_blocks_find_the_same(input: &InputFile) {
    let mut scan = input.scan().unwrap();
    let mut one_by_one = Vec::new();
    let refused = loop {
        match scan.next() {
            Some(Ok(scanned)) => one_by_one.push((scanned, scan.content().to_vec())),
            Some(Err(error)) => break Some(error.to_string()),
            None => break None,
        }
    };
    match (refused, by_blocks(input)) {
        (None, Ok(by_blocks)) => assert!(one_by_one == by_blocks),
        (Some(one), Err(other)) => assert_eq!(one, other.to_string()),
        (None, Err(error)) => panic!("only by blocks: {error}"),
        (Some(error), Ok(_)) => panic!("only one by one: {error}"),
    }
}

/// Failures are kept beside this file.
fn config() -> ProptestConfig {
    let kept = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { failure_persistence: Some(Box::new(kept)), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn blocks_hold_what_a_scan_finds(text in "([a-c]{0,3}(;[a-cé\"]{0,3})?(\r\n|\n|\r|;|\"|\n){0,2}){0,40}") {
        let text = format!("a;b\n{text}");
        if let Ok(input) = InputFile::from_reader("-", text.as_bytes(), &ReaderSettings::default()) {
            assert_blocks_find_the_same(&input);
        }
    }

    #[test]
    fn blocks_of_any_bytes_hold_what_a_scan_finds(bytes in prop::collection::vec(any::<u8>(), 0..200), json in any::<bool>()) {
        let settings = ReaderSettings {
            format: if json { FormatSetting::Jsonl } else { FormatSetting::Csv },
            ..ReaderSettings::default()
        };
        if let Ok(input) = InputFile::from_reader("-", bytes.as_slice(), &settings) {
            assert_blocks_find_the_same(&input);
        }
    }

    #[test]
    fn written_cells_are_read_and_found_again(rows in table(), end in terminator(), quotes in quotes()) {
        let delimiter = DelimiterSetting::Byte(b';');
        let settings = ReaderSettings { delimiter, encoding: EncodingSetting::Utf8, ..ReaderSettings::default() };
        let sheet = Sheet::csv(written(&rows, end, quotes));
        assert_blocks_find_the_same(&sheet.with(&settings).unwrap());
        let found = same_rows_at_their_places(&sheet.with(&settings).unwrap());
        // Without quotes, a row of empty cells is none.
        let all_quoted = matches!(quotes, csv::QuoteStyle::Always);
        let is_row = |row: &&[String; 3]| all_quoted || row.iter().any(|cell| !cell.is_empty());
        let rows: Vec<_> = rows.iter().filter(is_row).collect();
        prop_assert_eq!(found.len(), rows.len());
        for (found, row) in found.iter().zip(rows) {
            prop_assert_eq!(cells(found), row.to_vec());
        }
    }

    #[test]
    fn json_lines_are_read_and_found_again(values in prop::collection::vec(".{0,20}", 1..30)) {
        let lines: Vec<String> = values
            .iter()
            .map(|value| serde_json::json!({"id": value, "o": {"v": [value]}}).to_string() + "\n")
            .collect();
        let input = Sheet::jsonl(lines.concat()).open().unwrap();
        assert_blocks_find_the_same(&input);
        let found = same_rows_at_their_places(&input);
        let pointer = input.resolve("/o/v/0").unwrap();
        for (found, value) in found.iter().zip(&values) {
            prop_assert_eq!(&text(&found.get(&pointer)), value);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), json in any::<bool>()) {
        let settings = ReaderSettings {
            format: if json { FormatSetting::Jsonl } else { FormatSetting::Csv },
            ..ReaderSettings::default()
        };
        if let Ok(input) = InputFile::from_reader("-", bytes.as_slice(), &settings) {
            let spans: Vec<Span> = input
                .scan()
                .unwrap()
                .map_while(Result::ok)
                .filter_map(|scanned| match scanned {
                    Scanned::Row(row) => Some(row.span()),
                    Scanned::Bad(_) => None,
                })
                .collect();
            let (mut bytes, mut parser) = (Vec::new(), input.parser());
            let begins = input.reread(&spans, &mut bytes).unwrap();
            let mut all = spans.iter().zip(begins);
            prop_assert!(all.all(|(span, at)| parser.row(&bytes[at..at + span.bytes as usize], span).is_ok()));
        }
    }

    #[test]
    fn csv_like_bytes_make_no_panic(text in "[a;\"\r\n{\\[:,é]{0,60}") {
        if let Ok(input) = InputFile::from_reader("-", format!("a;b\n{text}").as_bytes(), &ReaderSettings::default()) {
            let scanned: Vec<_> = input.scan().unwrap().collect();
            prop_assert!(scanned.iter().rev().skip(1).all(Result::is_ok));
        }
    }
}

#[test]
fn long_file_is_found_again_across_windows() {
    let rows: String = (0..60_000).map(|id| format!("{id};{}\n", "x".repeat(id % 97))).collect();
    let sheet = Sheet::csv(format!("id;nom\n{rows}"));
    assert_eq!(same_rows_at_their_places(&sheet.open().unwrap()).len(), 60_000);
    assert_blocks_find_the_same(&sheet.open().unwrap());
}
