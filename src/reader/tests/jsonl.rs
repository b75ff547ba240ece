//! JSONL: lines, pointers, numbers as written, bad lines, cut files.

use super::*;

#[test]
fn values_are_text_exactly_as_written() {
    let sheet = Sheet::jsonl(concat!(
        r#"{"big": 9007199254740993, "zeros": "007", "e": 1.50E+2, "yes": true, "none": null, "empty": "","#,
        r#" "accent": "Zo\u00e9", "plain": "Zoé \"z\"", "esc\u0061ped": 1, "list": ["FR", 1, "IT"], "no": [],"#,
        r#" "deep": [[1]], "object": {"a": 1}}"#,
        "\n"
    ));
    let input = sheet.open().unwrap();
    assert_eq!((input.format(), input.header(), input.delimiter()), (Format::Jsonl, None, None));
    let records = sheet.read().unwrap();
    let row = row(&records[0]);
    let cases = [
        ("big", "9007199254740993"),
        ("zeros", "007"),
        ("e", "1.50E+2"),
        ("yes", "true"),
        ("none", "<null>"),
        ("empty", ""),
        ("accent", "Zoé"),
        ("plain", "Zoé \"z\""),
        ("escaped", "1"),
        ("list", "FR\u{1F}1\u{1F}IT"),
        ("no", ""),
        ("deep", "<nested> [[1]]"),
        ("object", r#"<nested> {"a": 1}"#),
        ("other", "<absent>"),
        ("BIG", "<absent>"),
    ];
    for (key, expected) in cases {
        assert_eq!(text(&row.get(&input.resolve(key).unwrap())), expected, "{key}");
    }
    let names: Vec<_> = row.columns().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names[8..10], ["escaped", "list"]);
}

#[test]
fn a_whole_number_is_written_as_one_and_one_without_its_digits_as_such() {
    let cases = [
        ("1234567891011.0", "1234567891011"),
        ("7.00", "7"),
        ("-3.0", "-3"),
        ("1E0", "1"),
        ("1.5", "1.5"),
        ("1.05", "1.05"),
        ("1.234567891012e12", "1.234567891012E+12"),
        ("1e12", "1E+12"),
        ("1.50E+2", "1.50E+2"),
        ("12e-1", "12e-1"),
        ("[1.0, 2]", "1\u{1F}2"),
        ("\"1.0\"", "1.0"),
    ];
    for (raw, expected) in cases {
        let sheet = Sheet::jsonl(format!("{{\"a\": {raw}}}\n"));
        let input = sheet.open().unwrap();
        let records = sheet.read().unwrap();
        assert_eq!(text(&row(&records[0]).get(&input.resolve("a").unwrap())), expected, "{raw}");
    }
}

#[test]
fn nested_values_are_reached_by_pointer() {
    let line =
        r#"{"a": {"b": {"c": "x"}, "d/e": 1, "f~g": 2, "": 3}, "l": [{"m": "y"}], "n": null, "s": "t"}"#;
    let sheet = Sheet::jsonl(format!("{line}\n"));
    let input = sheet.open().unwrap();
    let records = sheet.read().unwrap();
    let cases = [
        ("/a/b/c", "x"),
        ("/a/d~1e", "1"),
        ("/a/f~0g", "2"),
        ("/a/", "3"),
        ("/l/0/m", "y"),
        ("/l/1/m", "<absent>"),
        ("/a/x", "<absent>"),
        ("/x/y", "<absent>"),
        // What is below a null is cleared, what is below a text is not there.
        ("/n/o", "<null>"),
        ("/s/o", "<absent>"),
        ("/s", "t"),
    ];
    for (pointer, expected) in cases {
        let column = input.resolve(pointer).unwrap();
        assert_eq!(text(&row(&records[0]).get(&column)), expected, "{pointer}");
    }
}

#[test]
fn blank_lines_marks_and_returns_are_skipped() {
    let sheet = Sheet::jsonl("\u{feff}\n{\"id\":1}\r\n\r\n  \n {\"id\":2} \n\n{\"id\":3}");
    assert_eq!(sheet.rows(), [["1"], ["2"], ["3"]]);
    assert_eq!(lines(&sheet.read().unwrap()), [2, 5, 7]);
}

#[test]
fn bad_line_spoils_itself_only() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    let bottomless = format!("{{\"a\":{}", "[".repeat(500_000));
    let cases = [
        ("{\"a\":1", "not complete"),
        ("{\"a\":tru}", "byte 9"),
        ("Durand", "byte 1"),
        ("[1,2]", "one JSON object each"),
        ("17", "one JSON object each"),
        ("\"Durand\"", "one JSON object each"),
        ("null", "one JSON object each"),
        ("{\"a\":1}{\"a\":2}", "byte 8"),
        ("{\"a\":1,\"b\":2,\"a\":3}", "twice"),
        ("{\"a\":1,\"\\u0061\":3}", "twice"),
        ("{\"o\":{\"a\":1,\"a\":3}}", "twice"),
        ("{\"o\":[{\"a\":1,\"a\":3}]}", "twice"),
        ("{\"a\":\"\\ud800\"}", "byte"),
        ("{\"a\":007}", "byte"),
        (&deep, "deeper than 32"),
        (&bottomless, "not complete"),
    ];
    for (line, reason) in cases {
        let records = Sheet::jsonl(format!("{{\"id\":1}}\n{line}\n{{\"id\":2}}\n")).read().unwrap();
        let bad = bad(&records[1]);
        let shown: String = line.chars().take(40).collect();
        assert!(bad.reason.contains(reason), "{shown}: {}", bad.reason);
        assert!(!format!("{bad:?}").contains("Durand"));
        assert_eq!((bad.span.line, records.len()), (2, 3));
        assert_eq!(bad.cells, [line]);
        assert_eq!(cells(row(&records[2])), ["2"]);
    }
}

#[test]
fn duplicate_key_is_found_among_many() {
    let keys: Vec<String> = (0..100).map(|key| format!("\"k{key}\":1")).collect();
    let line = format!("{{{},\"k50\":2}}\n", keys.join(","));
    assert_eq!(bad(&Sheet::jsonl(line).read().unwrap()[0]).column.as_deref(), Some("k50"));
}

#[test]
fn depth_up_to_the_limit_is_read() {
    let nested = |levels: usize| format!("{{\"a\":{}1{}}}\n", "[".repeat(levels), "]".repeat(levels));
    assert!(matches!(Sheet::jsonl(nested(31)).read().unwrap()[0], Scanned::Row(_)));
    assert!(matches!(Sheet::jsonl(nested(32)).read().unwrap()[0], Scanned::Bad(_)));
}

#[test]
fn invalid_utf8_spoils_its_line() {
    let mut content = "{\"a\":\"é\"}\n{\"a\":\"è\"}\n".as_bytes().to_vec();
    content.extend_from_slice(b"{\"a\":\"\xe9\"}\n{\"a\":\"b\"}\n");
    let records = Sheet::jsonl(content).read().unwrap();
    assert!(bad(&records[2]).reason.contains("no text"));
    assert_eq!(cells(row(&records[3])), ["b"]);
}

#[test]
fn last_line_that_is_cut_refuses_the_file() {
    let cases: [&[u8]; 5] = [
        b"{\"a\":1}\n{\"a\":\"b",
        b"{\"a\":1}\n{\"a\":tr",
        b"{\"a\":1}\n{",
        b"{\"a\":\"\xc3\xa9\"}\n{\"a\":\"\xc3\xa9\"}\n{\"a\":\"\xc3",
        b"{\"a\":1}\n{\"a\":1}\n{\"a\":1}x",
    ];
    for content in cases {
        assert!(matches!(Sheet::jsonl(content).refusal(), FileError::Cut { .. }), "{content:?}");
    }
}

#[test]
fn line_that_is_too_long_is_bad_and_not_held() {
    let long = "x".repeat(3 << 20);
    let sheet = Sheet::jsonl(format!("{{\"id\":1}}\n{{\"a\":\"{long}\"}}\n{{\"id\":2}}\n"));
    let records = sheet.read().unwrap();
    assert!(bad(&records[1]).reason.contains("longer than 1048576 bytes"));
    assert!(bad(&records[1]).cells[0].len() <= 1024);
    assert_eq!(lines(&records), [1, 2, 3]);
    let endless = Sheet::jsonl(format!("{{\"id\":1}}\n{{\"a\":\"{long}"));
    assert!(matches!(endless.refusal(), FileError::Cut { line: 2, .. }));
}

#[test]
fn array_and_spread_objects_are_recognised_and_explained() {
    for content in ["[{\"id\":1},\n{\"id\":2}]\n", "[\n  {\n", "\u{feff}\n[ {\"id\":1} ]"] {
        let error = Sheet::jsonl(content).refusal();
        assert!(matches!(error, FileError::JsonArray { .. }), "{error}");
        assert!(error.to_string().contains("jq -c '.[]'"), "{error}");
    }
    let error = Sheet::jsonl("{\n  \"id\": 1\n}\n").refusal();
    assert!(matches!(error, FileError::JsonSpread { line: 1, .. }), "{error}");
}

#[test]
fn what_is_wrong_within_a_value_is_named_by_its_place_in_the_line() {
    for (line, at) in [
        ("{\"customer_id\":\"1\",\"first_name\":\"a\\ud83d\"}", 41),
        ("{\"customer_id\":\"1\",\"a\":{\"b\":\"c\\ud83d\"}}", 37),
    ] {
        let defect = json_record::JsonRecord::parse(line).err().expect("half a letter");
        assert_eq!(defect.reason(), format!("not valid JSON at byte {at} of the line"), "{line}");
    }
}
