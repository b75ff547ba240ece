//! Lines that were to be records and are none, or say something twice: what they name can be looked at all the same.

/// What may separate the cells of a table.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// What such a line may name, names and values alike, read as JSON and as the cells of a table with any delimiter.
#[must_use]
pub fn words(line: &str) -> Vec<String> {
    let mut words = words_of_json(line);
    for delimiter in DELIMITERS.into_iter().filter(|delimiter| line.contains(*delimiter)) {
        words.extend(line.split(delimiter).map(bare_cell).filter(|cell| !cell.is_empty()));
    }
    words
}

/// A cell without the quotes around and in it.
fn bare_cell(cell: &str) -> String {
    cell.trim().trim_matches('"').replace("\"\"", "\"")
}

/// The texts and numbers of a line, in their order and without their escapes.
fn words_of_json(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line;
    while let Some((before, text)) = rest.split_once('"') {
        bare(before, &mut words);
        let (text, behind) = text.split_at(end_of_text(text));
        words.push(unescaped(text));
        rest = behind.strip_prefix('"').unwrap_or_default();
    }
    bare(rest, &mut words);
    words
}

/// Where a text ends: at its closing quote, or with the line.
fn end_of_text(text: &str) -> usize {
    let mut escaped = false;
    let closes = |c: char| {
        let quote = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        quote
    };
    text.find(closes).unwrap_or(text.len())
}

/// A text whose escapes are none stays as it is.
fn unescaped(text: &str) -> String {
    serde_json::from_str(&format!("\"{text}\"")).unwrap_or_else(|_| text.to_owned())
}

fn bare(between: &str, words: &mut Vec<String>) {
    let is_sign = |c: char| c.is_whitespace() || ",:;|{}[]'\\“”‘’«»".contains(c);
    words.extend(between.split(is_sign).filter(|word| !word.is_empty()).map(str::to_owned));
}

#[cfg(test)]
mod tests {
    use super::{words, words_of_json};

    #[test]
    fn texts_and_numbers_are_found_in_what_is_nearly_json() {
        let cases: [(&str, &[&str]); 8] = [
            ("{'id': 'C1'}; C2|C3", &["id", "C1", "C2", "C3"]),
            ("{“id”:“C1”}", &["id", "C1"]),
            (r#"{"customer_id":"FR\/2024\/1","a":42}"#, &["customer_id", "FR/2024/1", "a", "42"]),
            (r#"{"customer_id": "\u00c9va", "b": [1, null]}"#, &["customer_id", "Éva", "b", "1", "null"]),
            (r#"{"a":"say \"C1\"","a":"C2"#, &["a", "say \"C1\"", "a", "C2"]),
            (r#"{"a":"\x"} C3"#, &["a", "\\x", "C3"]),
            (r#""\"#, &["\\"]),
            ("", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(words_of_json(line), expected, "{line}");
            let words = words(line);
            assert!(expected.iter().all(|word| words.iter().any(|found| found == word)), "{line}");
        }
    }

    #[test]
    fn cells_of_tables_are_found_whole_whatever_separates_them() {
        for line in [
            "x;FR/2024:1;Ann",
            "x,\"FR/2024:1\",\"An\"n\"",
            "\"FR/2024:1\"\tx",
            "a|\"say \"\"b\"\"\"| FR/2024:1 ",
        ] {
            assert!(words(line).iter().any(|word| word == "FR/2024:1"), "{line}");
        }
    }
}
