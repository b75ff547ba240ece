//! CSV: delimiters, quotes, line ends, headers, bad rows, cut files.

use super::*;

#[test]
fn every_delimiter_is_found_even_inside_quotes_and_decimals() {
    let cases = [
        (b';', "id;montant;nom\n1;1,5;\"a;b\"\n2;2,5;c\n"),
        (b',', "id,montant,nom\n1,1;5,\"a,b\"\n2,2;5,c\n"),
        (b'\t', "id\tmontant\tnom\n1\t1,5\t\"a\tb\"\n2\t2,5\tc\n"),
        (b'|', "id|montant|nom\n1|1,5|\"a|b\"\n2|2,5|c\n"),
        // A comma in a header name does not make a comma file.
        (b';', "id;\"nom, prénom\"\n1;\"Durand, Zoé\"\n2;Petit\n"),
        (b';', "id;nom, prénom\n1;Durand, Zoé, née Blanc\n2;Petit\n"),
        // A header alone.
        (b'|', "id|nom|prenom\n"),
    ];
    for (delimiter, content) in cases {
        let input = Sheet::csv(content).open().unwrap();
        assert_eq!(input.delimiter(), Some(delimiter), "{content}");
        assert_eq!(input.format(), Format::Csv);
        assert!(input.scan().unwrap().all(|row| matches!(row, Ok(Scanned::Row(_)))), "{content}");
    }
}

/// Commas in the header, and in the only value that has as many.
#[test]
fn one_bad_row_does_not_make_a_sign_the_delimiter_that_divides_less() {
    let rows = "C1;S1;Durand;1,50\n".repeat(30);
    let content =
        format!("customer_id;reference;last_name;Solde (en euros, TTC)\n{rows}C2;S2;Durand;x;1,50\n");
    assert_eq!(Sheet::csv(&content).open().unwrap().delimiter(), Some(b';'));
}

#[test]
fn unknown_delimiter_is_refused_with_advice() {
    for content in ["id:nom:ville\n1:a:b\n", "id^nom\n1^a\n", "id~nom~prénom\n"] {
        let error = Sheet::csv(content).refusal();
        assert!(matches!(error, FileError::Delimiter { line: 1, .. }), "{error}");
        assert!(error.to_string().contains("export with one of"), "{error}");
        assert_eq!(error.kind(), FileErrorKind::File);
    }
}

#[test]
fn configured_delimiter_is_taken_unless_it_cannot_be() {
    let sheet = Sheet::csv("a;b,c;d\n1;2,3;4\n");
    let comma = ReaderSettings { delimiter: DelimiterSetting::Byte(b','), ..ReaderSettings::default() };
    assert_eq!(sheet.with(&comma).unwrap().header().unwrap(), ["a;b", "c;d"]);
    let tab = ReaderSettings { delimiter: DelimiterSetting::Byte(b'\t'), ..ReaderSettings::default() };
    assert!(matches!(sheet.with(&tab), Err(FileError::OtherDelimiter { line: 1, .. })));
}

#[test]
fn line_that_tells_a_spreadsheet_the_delimiter_is_no_header() {
    for first in ["sep=;\r\n", "SEP=;\n", "\u{feff}sep=;\r", "\"sep=;\"\n", "\n"] {
        let input = Sheet::csv(format!("{first}id;nom\n1;a\n")).open().unwrap();
        assert_eq!(input.header().unwrap(), ["id", "nom"], "{first:?}");
        let rows: Vec<_> = input.scan().unwrap().map(|scanned| scanned.unwrap().span().line).collect();
        assert_eq!(rows, [3], "{first:?}");
    }
    // It decides between two that divide the header, and is not believed where it does not.
    let declared = |text: &str| Sheet::csv(text).open().unwrap().delimiter();
    assert_eq!(declared("sep=,\na;b,c;d\n1;2,3;4\n"), Some(b','));
    assert_eq!(declared("a;b,c;d\n1;2,3;4\n"), Some(b';'));
    assert_eq!(declared("sep=|\na;b\n1;2\n"), Some(b';'));
    assert_eq!(declared("sep=\t\nid\n1\n"), Some(b';'));
    assert!(matches!(Sheet::csv("sep=;\n").refusal(), FileError::Empty { .. }));
    assert!(matches!(Sheet::csv("sep=;\na;a\n").refusal(), FileError::DuplicateColumn { line: 2, .. }));
}

#[test]
fn empty_rows_of_a_spreadsheet_are_no_records() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["id;nom;", "1;a;", ";;", "2;;", ";", ";;;;;", ";;", ""].join(end);
        assert_eq!(Sheet::csv(&text).rows(), [["1", "a", ""], ["2", "", ""]], "{end:?}");
    }
    // A last line that may be the beginning of a row is not overlooked.
    assert!(matches!(Sheet::csv("id;nom;ville\n1;a;b\n;").refusal(), FileError::Cut { line: 3, .. }));
}

#[test]
fn header_quoted_as_a_whole_is_named() {
    for text in ["\"id;nom\"\n\"1;a\"\n", "\"id,\"\"nom\"\"\"\r\n\"1,\"\"a\"\"\"\r\n"] {
        let error = Sheet::csv(text).refusal();
        assert!(error.to_string().contains("line 1: a line that is quoted as a whole"), "{error}");
    }
}

#[test]
fn page_that_is_called_a_workbook_is_refused_by_name() {
    for text in ["<html><table>", "<?xml version=\"1.0\"?>", "\u{feff}<!DOCTYPE html>"] {
        let error = Sheet::new("clients.xls", text).refusal();
        assert!(error.to_string().contains("is an HTML or XML document; export it as CSV"), "{error}");
    }
}

#[test]
fn file_of_one_column_needs_no_delimiter() {
    assert_eq!(Sheet::csv("customer_id\n17\n18\n").rows(), [["17"], ["18"]]);
}

#[test]
fn quotes_and_line_ends_of_every_kind_give_the_same_cells() {
    let cases = [
        "id;nom\n1;a\n2;b\n",
        "id;nom\r\n1;a\r\n2;b\r\n",
        "id;nom\r1;a\r2;b\r",
        "id;nom\n1;a\n2;b",
        "id;nom\n\n\n1;a\n\n2;b\n\n",
        "\"id\";\"nom\"\n\"1\";\"a\"\n\"2\";\"b\"\n",
        "\"id\";\"nom\"\r\n\"1\";\"a\"\r\n\"2\";\"b\"",
        "\u{feff}id;nom\n1;a\n2;b\n",
        // Blanks between a closing quote and the delimiter belong to the value, as the csv crate reads them.
        "id;nom\n1;a\n2;b\n\r\n",
    ];
    for content in cases {
        assert_eq!(Sheet::csv(content).rows(), [["1", "a"], ["2", "b"]], "{content:?}");
    }
}

#[test]
fn cells_keep_what_is_written() {
    let sheet =
        Sheet::csv("id;nom\n 007 ;\"O\"\"Neil\"\n9007199254740993;\"ligne 1\r\nligne 2\"\n;5\" pipe\n");
    let expected = [[" 007 ", "O\"Neil"], ["9007199254740993", "ligne 1\r\nligne 2"], ["", "5\" pipe"]];
    assert_eq!(sheet.rows(), expected);
}

#[test]
fn lines_count_from_the_header_over_blanks_and_newlines_in_quotes() {
    let cases = [
        ("id;nom\n1;a\n2;b\n", vec![2, 3]),
        ("id;nom\r\n1;a\r\n\r\n2;b\r\n", vec![2, 4]),
        ("id;nom\r1;a\r\r2;b\r", vec![2, 4]),
        ("\n\nid;nom\n1;\"a\nb\n\nc\"\n2;b\n", vec![4, 8]),
        ("  \n \t\nid;nom\n1;a\n", vec![4]),
        ("id;nom\r\n1;\"a\r\nb\"\r\n2;b\r\n3;c", vec![2, 4, 5]),
        ("id;nom\n1;a;x\n2;b\n", vec![2, 3]),
    ];
    for (content, expected) in cases {
        assert_eq!(lines(&Sheet::csv(content).read().unwrap()), expected, "{content:?}");
    }
}

#[test]
fn wrong_field_count_spoils_its_row_only() {
    let records = Sheet::csv("id;nom;ville\n1;a;Lyon\n2;secret\n3;c;Nice;x\n4;d;Metz\n").read().unwrap();
    let short = bad(&records[1]);
    assert_eq!((short.span.line, short.reason.as_str()), (3, "2 fields where the header has 3"));
    assert_eq!(short.cells, ["2;secret"], "nobody can tell which cell is missing");
    let long = bad(&records[2]);
    assert_eq!(
        (long.reason.as_str(), &*long.cells),
        ("4 fields where the header has 3", &["3;c;Nice;x".to_owned()][..])
    );
    assert_eq!(cells(row(&records[3])), ["4", "d", "Metz"]);
    assert!(!format!("{short:?}").contains("secret"), "no value in any Debug");
}

#[test]
fn quote_inside_a_quoted_value_spoils_its_row() {
    let records = Sheet::csv("id;nom\n1;\"Le \"Bon\" Coin\"\n2;\"b\" \n3;\"c\"\"\"\n").read().unwrap();
    let undoubled = bad(&records[0]);
    assert!(undoubled.reason.contains("not doubled"));
    assert_eq!(undoubled.cells, ["1;\"Le \"Bon\" Coin\""]);
    assert_eq!(cells(row(&records[1])), ["2", "b "]);
    assert_eq!(cells(row(&records[2])), ["3", "c\""]);
}

#[test]
fn a_bad_row_that_takes_others_into_it_says_how_far_it_goes() {
    for end in ["\n", "\r\n", "\r"] {
        let content = "id;nom\n1;a\n2;\"Chez Paul;\n3;c\n4;\"Bistrot\" Paris;\n5;e\n".replace('\n', end);
        let records = Sheet::csv(&content).read().unwrap();
        let reason = &bad(&records[1]).reason;
        assert!(reason.ends_with("header has 2; the record goes over 3 lines"), "{reason} {end:?}");
        assert_eq!(cells(row(&records[2])), ["5", "e"]);
    }
}

#[test]
fn invalid_utf8_spoils_its_row_and_names_the_column() {
    let mut content = "id;nom;ville\n1;Zoé;Orléans\n2;Léa;".as_bytes().to_vec();
    content.extend_from_slice(b"Orl\xe9ans\n3;No");
    content.extend_from_slice("ël;Nîmes\n".as_bytes());
    let records = Sheet::csv(content).read().unwrap();
    assert_eq!(records.len(), 3);
    let broken = bad(&records[1]);
    assert_eq!((broken.span.line, broken.column.as_deref()), (3, Some("ville")));
    assert_eq!(broken.cells, ["2", "Léa", "Orl\u{fffd}ans"]);
    assert_eq!(cells(row(&records[2])), ["3", "Noël", "Nîmes"]);
}

#[test]
fn character_split_by_a_delimiter_is_no_character() {
    let utf8 = ReaderSettings { encoding: EncodingSetting::Utf8, ..ReaderSettings::default() };
    let records: Vec<_> =
        Sheet::csv(b"id;a;b\n1;\xc3;\xa9\n2;x;y\n").with(&utf8).unwrap().scan().unwrap().collect();
    let first = records[0].as_ref().unwrap();
    assert_eq!(bad(first).column.as_deref(), Some("a"));
}

#[test]
fn file_that_ends_inside_a_record_is_refused_whole() {
    // An open quote, told at the line where it opens.
    let cases = [
        ("id;nom\n1;a\n2;\"b", 3),
        ("id;nom\n1;a\n2;\"b\n3;c\n", 3),
        ("id;nom;x\n1;\"a\nb\";\"c\n", 3),
        ("id;nom\n1;\"a\"\"\n", 2),
        ("id;\"nom\n1;a\n", 1),
    ];
    for (content, expected) in cases {
        match Sheet::csv(content).refusal() {
            FileError::OpenQuote { line, .. } => assert_eq!(line, expected, "{content:?}"),
            error => panic!("{content:?}: {error}"),
        }
    }
    // Too few fields and no line end; half a character.
    let cut: [&[u8]; 2] = [b"id;nom;x\n1;a;x\n2;b", b"id;nom\n1;\xc3\xa9\n2;\xc3\xa9\n3;\xc3"];
    for content in cut {
        assert!(matches!(Sheet::csv(content).refusal(), FileError::Cut { .. }), "{content:?}");
    }
    // Complete without line end, or short with one: no reason to doubt the rest.
    for content in ["id;nom\n1;a", "id;nom\n1;a\n2\n", "id;nom\n1;a\n2;b;c", "id;nom\n1;\"a\""] {
        assert!(Sheet::csv(content).read().is_ok(), "{content:?}");
    }
}

#[test]
fn quote_that_swallows_a_mebibyte_is_refused_where_it_opens() {
    let mut content = "id;nom\n1;a\n2;\"b\n".to_owned();
    content.push_str(&"3;ccccccccccccc\n".repeat(100_000));
    content.push_str("4;\"d\"\n");
    match Sheet::csv(content).refusal() {
        FileError::QuoteTooLong { line, .. } => assert_eq!(line, 3),
        error => panic!("{error}"),
    }
    let endless = format!("id;nom\n1;{}\n", "a".repeat(1 << 21));
    assert!(matches!(Sheet::csv(endless).refusal(), FileError::LineTooLong { line: 2, .. }));
}

#[test]
fn quote_that_swallows_customers_into_a_bad_row_is_refused() {
    let rows = |count| format!("id;nom\n1;\"a\n{}9;\"z\"\n", "2;b\n".repeat(count));
    assert!(bad(&Sheet::csv(rows(10)).read().unwrap()[0]).reason.contains("not doubled"));
    match Sheet::csv(rows(60)).refusal() {
        FileError::QuoteSwallows { line, lines, .. } => assert_eq!((line, lines), (2, 61)),
        error => panic!("{error}"),
    }
}

#[test]
fn unusable_header_is_refused() {
    type Expected = fn(&FileError) -> bool;
    let empty = |error: &FileError| matches!(error, FileError::Empty { .. });
    let header = |error: &FileError| matches!(error, FileError::Header { line: 1, .. });
    let cases: [(&str, Expected); 8] = [
        ("", empty),
        ("\n\r\n  \n", empty),
        ("\u{feff}", empty),
        (";;\n1;2;3\n", header),
        // A file without header has a customer where the names should be.
        ("17;Durand;zoe@example.com\n18;Petit;luc@example.com\n", header),
        ("17;0639981234;75011;Durand\n", header),
        ("id;nom;nom\n", |error| {
            matches!(error, FileError::DuplicateColumn { first: 2, second: 3, line: 1, .. })
        }),
        ("id; nom ;x;nom\n", |error| matches!(error, FileError::DuplicateColumn { first: 2, second: 4, .. })),
    ];
    for (content, expected) in cases {
        let error = Sheet::csv(content).refusal();
        assert!(expected(&error), "{content:?}: {error}");
        assert!(!error.to_string().contains("Durand"), "no value in any error");
    }
}

#[test]
fn names_are_resolved_exactly() {
    let sheet = Sheet::csv("ID_CLIENT;Prénom;E-Mail;EMAIL;Code postal;;\n1;a;b;c;d;e;f\n");
    let input = sheet.open().unwrap();
    assert_eq!(input.header().unwrap()[5], "", "an empty name does not matter until somebody uses it");
    let records = sheet.read().unwrap();
    let row = row(&records[0]);
    let found = |name: &str| input.resolve(name).map(|column| text(&row.get(&column)));
    let cases = [
        ("ID_CLIENT", Some("1")),
        ("Prénom", Some("a")),
        ("PRENOM", None),
        ("E-Mail", Some("b")),
        ("EMAIL", Some("c")),
        ("", None),
        ("TELEPHONE", None),
    ];
    for (name, expected) in cases {
        assert_eq!(found(name).as_deref(), expected, "{name:?}");
    }
}

#[test]
fn no_debug_shows_a_value() {
    let records = Sheet::csv("id;a;b\n1;xy;z\n").read().unwrap();
    assert!(!format!("{:?}", row(&records[0])).contains("xy"));
}
