//! Encodings: every one that is promised, found by mark or by counting.

use encoding_rs::{Encoding, ISO_8859_15, WINDOWS_1252};

use super::*;

const TEXT: &str = "id;nom;ville\n1;Zoé;Orléans\n2;Noël;Nîmes\n";

fn single_byte(encoding: &'static Encoding, text: &str) -> Vec<u8> {
    let (bytes, _, unmappable) = encoding.encode(text);
    assert!(!unmappable);
    bytes.into_owned()
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

fn setting(encoding: EncodingSetting) -> ReaderSettings {
    ReaderSettings { encoding, ..ReaderSettings::default() }
}

#[test]
fn encodings_are_found_and_decoded() {
    let marked = format!("\u{feff}{TEXT}");
    let euro = format!("{TEXT}3;œuvre €;Œuilly\n");
    let oe = format!("{TEXT}3;Lecœur;Bœuf\n");
    let cases = [
        ("utf-8", TEXT.as_bytes().to_vec(), TEXT),
        ("utf-8", marked.as_bytes().to_vec(), TEXT),
        ("utf-8", b"id;nom;ville\n1;a;b\n".to_vec(), "id;nom;ville\n1;a;b\n"),
        ("windows-1252", single_byte(WINDOWS_1252, TEXT), TEXT),
        ("windows-1252", single_byte(WINDOWS_1252, &euro), &euro),
        ("iso-8859-15", single_byte(ISO_8859_15, &euro), &euro),
        ("iso-8859-15", single_byte(ISO_8859_15, &oe), &oe),
        ("utf-16le", utf16(&marked, u16::to_le_bytes), TEXT),
        ("utf-16be", utf16(&marked, u16::to_be_bytes), TEXT),
    ];
    for (name, bytes, expected) in cases {
        let sheet = Sheet::csv(&bytes);
        assert_eq!(sheet.open().unwrap().encoding(), name, "{expected}");
        assert_eq!(sheet.open().unwrap().bytes(), bytes.len() as u64);
        assert_eq!(sheet.rows(), Sheet::csv(expected).rows(), "{name}: {expected}");
    }
}

#[test]
fn one_bad_row_does_not_turn_a_utf8_file_into_mojibake() {
    let mut content = TEXT.as_bytes().to_vec();
    content.extend_from_slice(b"3;Andr\xe9;\n");
    let records = Sheet::csv(&content).read().unwrap();
    assert_eq!(Sheet::csv(&content).open().unwrap().encoding(), "utf-8");
    assert!(matches!(records[2], Scanned::Bad(_)));
    assert_eq!(cells(row(&records[0])), ["1", "Zoé", "Orléans"]);
}

#[test]
fn whole_file_is_counted_not_its_beginning() {
    // A mebibyte of ASCII, then the first accent.
    let plain = format!("id;nom;ville\n{}", "1;abcdefgh;ijklmnop\n".repeat(60_000));
    let latin = single_byte(WINDOWS_1252, &format!("{plain}2;Zoé;Orléans\n"));
    assert_eq!(Sheet::csv(latin).open().unwrap().encoding(), "windows-1252");
    assert_eq!(Sheet::csv(format!("{plain}2;Zoé;Orléans\n")).open().unwrap().encoding(), "utf-8");
}

#[test]
fn characters_across_chunks_are_counted_once() {
    // Characters of 2, 3 and 4 bytes at every place around the border of two chunks.
    for letter in ["é", "€", "𝄞"] {
        for shift in 0..5 {
            let text = format!("id;nom\n1;{}{}\n", "a".repeat(256 * 1024 - 11 + shift), letter.repeat(3));
            assert_eq!(Sheet::csv(text).open().unwrap().encoding(), "utf-8", "{letter} {shift}");
        }
    }
}

#[test]
fn configured_encoding_decides_unless_a_mark_contradicts() {
    let euro = single_byte(ISO_8859_15, "id;nom\n1;€\n");
    let sheet = Sheet::csv(euro);
    let text = |setting: EncodingSetting| {
        let input = sheet.with(&self::setting(setting)).unwrap();
        cells(row(&input.scan().unwrap().next().unwrap().unwrap()))[1].clone()
    };
    assert_eq!(text(EncodingSetting::Iso885915), "€");
    assert_eq!(text(EncodingSetting::Windows1252), "¤");
    let unmarked = Sheet::csv(utf16("id;nom\n1;é\n", u16::to_be_bytes));
    let input = unmarked.with(&setting(EncodingSetting::Utf16Be)).unwrap();
    assert_eq!(cells(row(&input.scan().unwrap().next().unwrap().unwrap())), ["1", "é"]);
    let marked = Sheet::csv("\u{feff}id;nom\n");
    let error = marked.with(&setting(EncodingSetting::Windows1252)).unwrap_err();
    assert!(error.to_string().contains("set input.encoding to \"utf-8\""), "{error}");
}

#[test]
fn utf16_without_mark_is_explained() {
    for (unit, expected) in
        [(u16::to_le_bytes as fn(u16) -> [u8; 2], "utf-16le"), (u16::to_be_bytes, "utf-16be")]
    {
        let error = Sheet::csv(utf16(TEXT, unit)).refusal();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn broken_utf16_spoils_its_row_and_half_a_unit_the_file() {
    let mut units: Vec<u16> = "\u{feff}id;nom\n1;".encode_utf16().collect();
    units.push(0xd800);
    units.extend("x\n2;é\n".encode_utf16());
    let mut bytes: Vec<u8> = units.into_iter().flat_map(u16::to_le_bytes).collect();
    let records = Sheet::csv(&bytes).read().unwrap();
    assert_eq!(bad(&records[0]).column.as_deref(), Some("nom"));
    assert_eq!(cells(row(&records[1])), ["2", "é"]);
    bytes.pop();
    assert!(matches!(Sheet::csv(&bytes).refusal(), FileError::Cut { .. }));
}

#[test]
fn settings_use_the_words_of_the_configuration() {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Input {
        format: FormatSetting,
        encoding: EncodingSetting,
        delimiter: DelimiterSetting,
    }
    let words = [
        ("auto", "auto", "auto"),
        ("csv", "utf-8", ","),
        ("jsonl", "windows-1252", ";"),
        ("csv", "iso-8859-15", "\\t"),
        ("csv", "utf-16le", "|"),
        ("csv", "utf-16be", "|"),
    ];
    for (format, encoding, delimiter) in words {
        let written =
            format!("format = \"{format}\"\nencoding = \"{encoding}\"\ndelimiter = \"{delimiter}\"\n");
        let input: Input = toml::from_str(&written).unwrap();
        assert_eq!(toml::to_string(&input).unwrap(), written);
    }
    assert!(serde_json::from_str::<DelimiterSetting>("\":\"").is_err());
    let schema = serde_json::to_string(&schemars::schema_for!(EncodingSetting)).unwrap();
    assert!(schema.contains("iso-8859-15"), "{schema}");
}

#[test]
fn characters_cut_by_any_chunk_are_read_whole() {
    for lead in 0..4 {
        let text = format!("id;nom\n{}1;{}\n", "x".repeat(lead), "aé€😀".repeat(60_000));
        let input = Sheet::csv(&text).open().unwrap();
        assert_eq!(input.encoding(), "utf-8", "{lead}");
        // One broken sequence is one bad row, and the file stays UTF-8.
        let mut broken = text.into_bytes();
        broken.extend(b"2;\xc3(\n3;\x80\n");
        assert_eq!(Sheet::csv(&broken).open().unwrap().encoding(), "utf-8", "{lead}");
    }
}

/// As spreadsheets write it that are told "CSV (MS-DOS)" or "CSV (Macintosh)".
#[test]
fn letters_of_other_encodings_are_not_taken_for_those_of_windows() {
    let names = |letters: [u8; 3]| {
        let [acute, grave, circumflex] = letters;
        let mut bytes = b"id;nom\n1;Ren".to_vec();
        bytes.extend([acute, b';', b'\n']);
        bytes.extend(*b"2;B");
        bytes.push(acute);
        bytes.extend(*b"ranger\n3;Th");
        bytes.push(grave);
        bytes.extend(*b"rese\n4;Beno");
        bytes.push(circumflex);
        bytes.extend(*b"t\n");
        bytes
    };
    // é, è and î.
    for (letters, name) in [([0x82, 0x8A, 0x8C], "MS-DOS"), ([0x8E, 0x8F, 0x94], "Macintosh")] {
        let error = Sheet::csv(names(letters)).open().expect_err(name);
        assert!(error.to_string().contains("export it as UTF-8"), "{error}");
        // Whoever says what it is has the last word.
        assert!(Sheet::csv(names(letters)).with(&setting(EncodingSetting::Windows1252)).is_ok(), "{name}");
    }
    // HÉLÈNE, FRANÇOIS, ANDRÉE; André, José.
    let of_macintosh: [&[u8]; 2] =
        [b"id;nom\n1;H\x83L\xe9NE\n2;FRAN\x82OIS\n3;ANDR\x83E\n", b"id;nom\n1;Andr\x8e\n2;\"Jos\x8e\"\n"];
    let of_ms_dos: [&[u8]; 2] =
        [b"id;nom\n1;H\x90L\xd4NE\n2;FRAN\x80OIS\n3;ANDR\x90E\n", b"id;nom\n1;Andr\x82\n2;\"Jos\x82\"\n"];
    for bytes in of_macintosh.into_iter().chain(of_ms_dos) {
        assert!(Sheet::csv(bytes).open().is_err(), "{}", bytes.escape_ascii());
    }
    let windows = single_byte(
        WINDOWS_1252,
        "id;nom\n1;d’Alésia\n2;Béranger – Lille…\n3;Š. Žižka\n4;“Zoé”\n5;cœur\n6;DUŠAN TOMAŠ ŽIŽEK\n7;Dupont†\n8;HÉLÈNE ÎLE\n9;‹Lulu›\n10;5 €\n",
    );
    assert_eq!(Sheet::csv(windows).open().unwrap().encoding(), "windows-1252");
}

#[test]
fn a_capital_oe_tells_its_encoding() {
    for (encoding, name) in [(ISO_8859_15, "iso-8859-15"), (WINDOWS_1252, "windows-1252")] {
        let sheet = Sheet::csv(single_byte(encoding, "id;nom\n1;Œuvrard\n2;René\n"));
        assert_eq!(sheet.open().unwrap().encoding(), name);
    }
}
