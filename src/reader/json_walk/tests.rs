//! The walk over lines of JSONL against the full parse.

use proptest::prelude::*;

use super::super::json_record::{JsonRecord, cell};
use super::*;

/// Members that are right, and some that are nearly so; keys that come back now and then.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "id",
        "a",
        "bb",
        "",
        "né",
        "a long key of three words",
        "\\u0061",
        "a\\n",
        "\u{1}",
    ]);
    let value = prop_oneof![
        4 => prop::sample::select(vec![
            "1", "-0", "0.50", "1e5", "2E-3", "01", "1.", "-", ".5", "+1", "1e", "true", "null", "falsch", "nul", "",
            r#""""#, r#""text""#, r#""a long text with a \" in it""#, r#""\u00e9\/\b""#, r#""\uD83D\uDE00""#,
            r#""\ud83d""#, r#""\u12g4""#, r#""\x""#, "\"\t\"", "\"\u{7f}é\"", r#""open"#, "[]", "{}", "[1, [2 ,\"3\"]]",
            "[1,]", "[,1]", "[1", r#"{"a":1,"b":{"a":2}}"#, r#"{"a":1,"a":2}"#, r#"{"a":{"b":[{}]}}"#, r#"{"a"}"#, "{,}",
        ]).prop_map(str::to_owned),
        1 => ".{0,20}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    let space = || prop::sample::select(vec!["", "", " ", "\t", "  ", "\u{c}", "\u{a0}"]);
    let member = (space(), key, space(), value, space())
        .prop_map(|(a, key, b, value, c)| format!("{a}\"{key}\"{b}:{value}{c}"));
    let brackets = prop::sample::select(vec![
        ("{", "}"),
        ("{", "}"),
        ("{", "}"),
        ("", "}"),
        ("{", ""),
        ("{", "}}"),
        ("[", "]"),
    ]);
    (prop::collection::vec(member, 0..6), brackets, prop::sample::select(vec![",", ",", ",", ";", ",,"]))
        .prop_map(|(members, (open, close), comma)| format!("{open}{}{close}", members.join(comma)))
}

/// What the walk lets through is a record of the full parse, with the same cells, whatever line was before it.
fn assert_agree(before: &str, line: &str) {
    let line = line.trim_ascii();
    let mut walker = Walker::default();
    let lets_through = walker.is_record(line);
    for before in [before.trim_ascii(), line] {
        walker.is_record(before);
        assert!(walker.is_record(line) == lets_through, "{line} after {before}");
    }
    if !lets_through {
        return;
    }
    let Ok(record) = JsonRecord::parse(line) else { panic!("let through: {line}") };
    for (key, found) in record.members() {
        assert!(member(line, &key).map(cell) == Some(found), "{key} of {line}");
    }
    assert!(member(line, "no key of it").is_none());
    assert!(names(line).eq(record.members().map(|(key, _)| key)), "{line}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_let_through_is_a_record(before in line(), line in line()) {
        assert_agree(&before, &line);
    }

    #[test]
    fn any_text_is_walked_over(line in "\\{?[\"a\\\\u0:,\\[\\]{}e. -]{0,24}\\}?") {
        assert_agree("{\"a\":0}", &line);
    }

    #[test]
    fn a_record_with_one_character_changed_is_judged_rightly(
        values in prop::collection::vec("[a-zé\"\\\\\n]{0,40}", 1..5),
        at: prop::sample::Index,
        new in "[\"\\\\{}:,a0\t\u{1f} ]",
    ) {
        let members = values.iter().enumerate();
        let members = members.map(|(number, value)| (format!("key {number}"), value.as_str().into()));
        let record = serde_json::Value::Object(members.collect()).to_string();
        let old: Vec<char> = record.chars().collect();
        let (front, back) = old.split_at(at.index(old.len()));
        let changed = |new: &str, back: &[char]| front.iter().copied().chain(new.chars()).chain(back.iter().copied()).collect::<String>();
        for line in [changed("", &back[1..]), changed(&new, &back[1..]), changed(&new, back)] {
            assert_agree(&record, &line);
        }
    }

    #[test]
    fn bytes_looked_at_together_are_as_one_by_one(plain in 0..50_usize, bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        let text = [vec![b'a'; plain], bytes].concat();
        let is_special = |byte: &u8| matches!(byte, 0..0x20 | b'"' | b'\\');
        let special = text.iter().position(is_special).unwrap_or(text.len());
        prop_assert_eq!(behind_plain(&text), &text[special..]);
        for at in 0..text.len() {
            let mut other = text.clone();
            prop_assert!(is_same(&text, &other));
            other[at] ^= 1;
            prop_assert!(!is_same(&text, &other));
        }
    }

    #[test]
    fn every_usual_record_is_let_through(values in prop::collection::vec("[^\u{10000}-\u{10ffff}]{0,20}", 0..40)) {
        let members = values.iter().enumerate();
        let members = members.map(|(number, value)| (format!("a key {number}"), serde_json::json!([value, {"v": number}])));
        let object = serde_json::Value::Object(members.collect());
        for line in [object.to_string(), serde_json::to_string_pretty(&object).unwrap()] {
            prop_assert!(Walker::default().is_record(&line), "{}", line);
            assert_agree(r#"{"a key 0":0}"#, &line);
        }
    }
}

#[test]
fn doubtful_lines_are_left_to_the_full_parse() {
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(Walker::default().is_record(&deep(DEPTH_MAX - 1)));
    let doubtful = [
        r#"{"a":1,"a":2}"#,
        r#"{"b":{"a":1,"a":2}}"#,
        r#"{"\u0061":1}"#,
        r#"{"a":"\ud83d\ude00"}"#,
        r#"{"a":1}{}"#,
        r#"{"a":1"#,
        "[]",
        "1",
        "",
        "{\"a\":\"\u{1f}\"}",
    ];
    for line in doubtful.map(str::to_owned).into_iter().chain([deep(DEPTH_MAX)]) {
        assert!(!Walker::default().is_record(&line), "{line}");
    }
    // What comes after the shape of a record is no part of it.
    let mut walker = Walker::default();
    assert!(walker.is_record(r#"{"a":1, "b":"c"}"#) && walker.is_record(r#"{"a":[2], "b":""}"#));
    for line in
        [r#"{"a":1, "b":"c"}}"#, r#"{"a":1, "b":"c""#, r#"{"a":1, "b":c}"#, r#"{"a":{"b":1,"b":2}, "b":"c"}"#]
    {
        assert!(!walker.is_record(line), "{line}");
    }
    // The same key on another level is another one.
    assert!(Walker::default().is_record(r#"{"a":{"a":1},"b":[{"a":1},{"a":1}]}"#));
    let with_keys = |count: usize| {
        format!("{{{}}}", (0..count).map(|key| format!("\"k{key}\":1")).collect::<Vec<_>>().join(","))
    };
    assert!(
        Walker::default().is_record(&with_keys(KEYS_MAX))
            && !Walker::default().is_record(&with_keys(KEYS_MAX + 1))
    );
}
