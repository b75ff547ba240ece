//! Lines that were to be JSON and are none, or say something twice: what they name can be looked at all the same.

/// The texts and numbers of such a line, in their order and without their escapes: names and values alike.
#[must_use]
pub fn words(line: &str) -> Vec<String> {
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
    use super::words;

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
            assert_eq!(words(line), expected, "{line}");
        }
    }
}
