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
    /// The punctuation: letters and digits right of the equals sign are masked.
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
        .expect("writing to a string does not fail");
        if !self.help.is_empty() {
            write!(shown, "\n{margin} = {}", Shown(&self.help)).expect("writing to a string does not fail");
        }
        shown
    }

    /// The line as far as it may be shown; `span` is what the fault marks in it, in bytes.
    fn excerpt(&self, line: &str, span: Range<usize>) -> String {
        let line = line.trim_end();
        let Some(equals) = line.find('=') else { return Shown(line).to_string() };
        let left = line.get(..equals).unwrap_or_default();
        let masked = |(position, c): (usize, char)| {
            let may_be_seen = position < equals
                || !c.is_alphanumeric()
                || (self.shown == Excerpt::Key && span.contains(&position));
            if may_be_seen { c } else { '*' }
        };
        let text = match self.shown {
            Excerpt::Whole => line.to_owned(),
            Excerpt::Key if span.start > equals => line.char_indices().map(masked).collect(),
            Excerpt::Key | Excerpt::Hidden => format!("{left}= …"),
            Excerpt::Masked => line.char_indices().map(masked).collect(),
        };
        Shown(&text).to_string()
    }
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
