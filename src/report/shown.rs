//! The last door before a terminal or a page: text of foreign origin is made harmless here.
//!
//! File names, columns and provider codes can hold escape sequences that repaint a terminal, or bidirectional
//! controls that show one thing and mean another.

use std::fmt::{self, Write};

/// Text as it may be shown: control and bidirectional characters are written as `\u{…}`.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_harmful(c) { write!(f, "\\u{{{:x}}}", u32::from(c))? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

/// Text of several lines as it may be shown: line feeds stay, every other control character is escaped.
#[must_use]
pub fn shown_lines(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            lines.push('\n');
        }
        lines.push_str(&Shown(line).to_string());
    }
    lines
}

/// C0, DEL and C1 controls; line and paragraph separators; bidirectional marks, embeddings, overrides and
/// isolates; invisible characters that make two different names look alike.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_cannot_be_repainted() {
        assert_eq!(Shown("a\u{1b}[2Jb\r\n\u{9b}").to_string(), "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{9b}");
    }

    #[test]
    fn a_name_cannot_be_turned_around() {
        assert_eq!(Shown("clients\u{202e}vsc.exe\u{2066}").to_string(), "clients\\u{202e}vsc.exe\\u{2066}");
    }

    #[test]
    fn accents_and_line_feeds_of_lines_stay() {
        assert_eq!(Shown("Prénom Ł 客").to_string(), "Prénom Ł 客");
        assert_eq!(shown_lines("a\nb\u{7}\n"), "a\nb\\u{7}\n");
    }
}
