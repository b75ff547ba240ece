//! A fault in a configuration, and how it is shown: file, line, column, the line itself and a caret under it.
//!
//! What stands right of an equals sign may be a secret that someone wrote there by mistake, so a value is shown
//! only where a schema says that it is none.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

use crate::mapping::MappingError;
use crate::providers::SettingsError;
use crate::report::shown::Shown;
use crate::report::text::INFALLIBLE;

use super::schema::is_key;

/// Something wrong in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// Where it stands, in bytes; the whole file when that is not known.
    pub(super) span: Range<usize>,
    /// What is wrong.
    pub(super) message: String,
    /// What can be done about it; empty when the message says it all.
    pub(super) help: String,
    /// How much of the line may be shown.
    pub(super) shown: Excerpt,
}

/// Where each key of a document stands, by its dotted path.
#[derive(Debug, Default)]
pub(super) struct Spans(BTreeMap<String, Range<usize>>);

impl Spans {
    pub(super) fn of(document: &Spanned<DeTable<'_>>) -> Self {
        let mut spans = Self::default();
        spans.add("", document.get_ref());
        spans
    }

    fn add(&mut self, above: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = if above.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{above}.{}", key.get_ref())
            };
            if let Some(table) = value.get_ref().as_table() {
                self.add(&path, table);
            }
            self.0.insert(path, key.span());
        }
    }

    /// Where that key stands, or the table that should have it.
    fn nearest(&self, path: &str) -> Range<usize> {
        let above = || path.rsplit_once('.').map(|(above, _)| self.nearest(above));
        self.0.get(path).cloned().or_else(above).unwrap_or(0..0)
    }
}

/// How much of a faulty line may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excerpt {
    /// All of it: the value is known to be no secret.
    Whole,
    /// The faulty key; values are left out or masked.
    Key,
    /// What stands left of the equals sign: the faulty value is a secret, or may be one.
    Hidden,
    /// The punctuation, and words that are keys of the configuration; all other letters and digits are masked.
    Masked,
}

impl Finding {
    /// A fault of TOML's syntax.
    pub(super) fn syntax(error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        Self { span, message: error.message().to_owned(), help: String::new(), shown: Excerpt::Masked }
    }

    /// A value of the right type that its own parser refuses.
    pub(super) fn value(error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        Self { span, message: error.message().to_owned(), help: String::new(), shown: Excerpt::Masked }
    }

    /// A setting that its provider refuses.
    pub(super) fn provider(error: &SettingsError, spans: &Spans) -> Self {
        let span = spans.nearest(&format!("providers.{}.{}", error.provider, error.key));
        Self { span, message: error.to_string(), help: String::new(), shown: Excerpt::Masked }
    }

    /// A setting that the mapping refuses.
    pub(super) fn mapping(error: &MappingError, spans: &Spans) -> Self {
        let key = match error {
            MappingError::DateFormat { .. } => "input.date_formats",
            MappingError::DefaultCountry { .. } => "input.default_country",
            MappingError::UnknownField { .. }
            | MappingError::UnknownColumn { .. }
            | MappingError::AmbiguousColumn { .. }
            | MappingError::NoCustomerId { .. } => "columns",
        };
        let span = spans.nearest(key);
        Self { span, message: error.to_string(), help: String::new(), shown: Excerpt::Whole }
    }

    /// The fault as it is shown.
    pub(super) fn show(&self, text: &str, name: &str) -> String {
        let place = Place::of(text, self.span.start);
        let marked = text.get(self.span.clone()).unwrap_or_default().lines().next().unwrap_or_default();
        let line = self.excerpt(place.line_text, place.column_bytes..place.column_bytes + marked.len());
        let width = line.chars().count();
        let before = visible_width(place.line_text.get(..place.column_bytes).unwrap_or_default());
        let before = before.min(width.saturating_sub(1));
        let carets = "^".repeat(visible_width(marked).clamp(1, (width - before).max(1)));
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        let mut shown = String::new();
        let (column, message, path) = (place.column, Shown(&self.message), Shown(name));
        let indent = " ".repeat(before);
        write!(
            shown,
            "{path}:{number}:{column}: {message}\n{margin} |\n{number} | {line}\n{margin} | {indent}{carets}"
        )
        .expect(INFALLIBLE);
        if !self.help.is_empty() {
            write!(shown, "\n{margin} = {}", Shown(&self.help)).expect(INFALLIBLE);
        }
        shown
    }

    /// The line as far as it may be shown; `span` is what the fault marks in it, in bytes.
    fn excerpt(&self, line: &str, span: Range<usize>) -> String {
        let line = line.trim_end();
        let text = match (self.shown, line.split_once('=')) {
            (Excerpt::Whole, _) => line.to_owned(),
            (Excerpt::Key, Some((left, _))) if span.start <= left.len() => format!("{left}= …"),
            (Excerpt::Hidden, Some((left, _))) => format!("{left}= …"),
            (Excerpt::Key, _) => masked(line, &span),
            (Excerpt::Hidden | Excerpt::Masked, _) => masked(line, &(0..0)),
        };
        Shown(&text).to_string()
    }
}

/// A line without what may be a secret: which side of an equals sign that is on, or whether it stands in a text of several
/// lines, broken syntax does not tell. `visible` is what is seen in any case, in bytes.
fn masked(line: &str, visible: &Range<usize>) -> String {
    let mut text = String::with_capacity(line.len());
    let (mut at, mut is_quoted) = (0, false);
    for word in line.split_inclusive(|c: char| !is_of_word(c)) {
        let letters = word.strip_suffix(|c: char| !is_of_word(c)).unwrap_or(word);
        let may_be_seen =
            (is_key(letters) && !is_quoted) || (visible.start <= at && at + letters.len() <= visible.end);
        match may_be_seen {
            true => text.push_str(letters),
            false => text.extend(letters.chars().map(|_| '*')),
        }
        text.push_str(word.strip_prefix(letters).unwrap_or_default());
        at += word.len();
        is_quoted ^= word.ends_with(['"', '\'']);
    }
    text
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn visible_width(text: &str) -> usize {
    Shown(text).to_string().chars().count()
}

/// A byte position as people count it.
struct Place<'a> {
    line: usize,
    column: usize,
    column_bytes: usize,
    line_text: &'a str,
}

impl<'a> Place<'a> {
    fn of(text: &'a str, position: usize) -> Self {
        let before = text.get(..position).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |feed| feed + 1);
        let column_bytes = before.len() - line_start;
        let line_text = text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            column_bytes,
            line_text,
        }
    }
}
