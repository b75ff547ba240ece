//! Walks a parsed configuration along its schema and finds every unknown key and every value of a wrong kind.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::place::{Excerpt, Finding};
use super::schema::{FIELD_FORM, Node, json_schema};

/// A known word is proposed for an unknown one when at least half of its letters are in place.
const LIKENESS_MIN: f64 = 0.5;
/// How many known keys are listed; a table of canonical fields has more than anyone reads.
const KEYS_LISTED_MAX: usize = 24;

/// Everything that the schema does not allow, in the order of the file.
pub(super) fn check(document: &Spanned<DeTable<'_>>) -> Vec<Finding> {
    let mut walk = Walk { path: Vec::new(), secret: false, findings: Vec::new() };
    walk.table(Node::root(json_schema()), document.get_ref(), document.span());
    walk.findings.sort_by_key(|finding| finding.span.start);
    walk.findings
}

struct Walk {
    path: Vec<String>,
    secret: bool,
    findings: Vec<Finding>,
}

impl Walk {
    fn value(&mut self, node: Node<'_>, value: &Spanned<DeValue<'_>>) {
        let was_secret = self.secret;
        let alternatives = node.alternatives();
        self.secret |= node.is_secret() || alternatives.iter().any(|alternative| alternative.is_secret());
        let fitting: Vec<Node<'_>> =
            alternatives.iter().copied().filter(|one| one.allows(json_type(value.get_ref()))).collect();
        match (value.get_ref(), fitting.as_slice()) {
            (_, []) => self.wrong(value.span(), &expected(node, &alternatives)),
            (DeValue::String(text), _) => self.text(&fitting, text, value.span()),
            (DeValue::Integer(number), _) => self.integer(&fitting, number, value.span()),
            (DeValue::Array(items), [one, ..]) => {
                if let Some(node) = one.items() {
                    items.iter().for_each(|item| self.value(node, item));
                }
            }
            (DeValue::Table(table), [one]) => self.table(*one, table, value.span()),
            (DeValue::Table(table), several) => self.one_of(node, several, table, value.span()),
            (DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_), _) => {}
        }
        self.secret = was_secret;
    }

    fn text(&mut self, fitting: &[Node<'_>], text: &str, span: Range<usize>) {
        let words: Vec<&str> = fitting.iter().flat_map(|node| node.words()).collect();
        let free: Vec<&Node<'_>> = fitting.iter().filter(|node| node.words().is_empty()).collect();
        if words.contains(&text) || free.iter().any(|node| node.takes(text)) {
            return;
        }
        if let Some(node) = free.first() {
            return self.wrong(span, &expected(**node, &[**node]));
        }
        let help = nearest(text, &words).map(|word| format!("did you mean \"{word}\"?")).unwrap_or_default();
        self.find(span, format!("{}: expected {}", self.key(), list(&words, '"')), help, Excerpt::Whole);
    }

    fn integer(&mut self, fitting: &[Node<'_>], number: &DeInteger<'_>, span: Range<usize>) {
        let digits = number.as_str().replace('_', "");
        let parsed = i64::from_str_radix(&digits, number.radix());
        let fits = |node: &Node<'_>| {
            let (smallest, largest) = node.range();
            parsed.as_ref().is_ok_and(|number| {
                smallest.is_none_or(|smallest| *number >= smallest)
                    && largest.is_none_or(|largest| *number <= largest)
            })
        };
        if fitting.iter().any(fits) {
            return;
        }
        let (smallest, largest) = fitting.first().map_or((None, None), |node| node.range());
        let range = match (smallest, largest) {
            (Some(smallest), Some(largest)) => format!(" from {smallest} to {largest}"),
            (Some(smallest), None) => format!(" of at least {smallest}"),
            (None, Some(largest)) => format!(" of at most {largest}"),
            (None, None) => String::new(),
        };
        self.wrong(span, &format!("a whole number{range}"));
    }

    fn table(&mut self, node: Node<'_>, table: &DeTable<'_>, span: Range<usize>) {
        for (key, value) in table {
            self.path.push(key.get_ref().to_string());
            match node.property(key.get_ref()) {
                Ok(Some(property)) => self.value(property, value),
                Ok(None) => {}
                Err(_) => self.unknown_key(key.span(), key.get_ref(), &node.known_keys()),
            }
            self.path.pop();
        }
        for key in node.required() {
            if !table.iter().any(|(present, _)| present.get_ref() == key) {
                self.find(
                    span.clone(),
                    format!("{}: `{key}` is missing", self.key()),
                    String::new(),
                    Excerpt::Key,
                );
            }
        }
    }

    /// A table that must be one of several kinds, told apart by the keys they require.
    fn one_of(&mut self, node: Node<'_>, kinds: &[Node<'_>], table: &DeTable<'_>, span: Range<usize>) {
        let has = |key: &str| table.iter().any(|(present, _)| present.get_ref() == key);
        let chosen = kinds.iter().find(|kind| kind.required().into_iter().any(has));
        match chosen {
            Some(kind) => self.table(*kind, table, span),
            None => self.wrong(span, &expected(node, kinds)),
        }
    }

    fn unknown_key(&mut self, span: Range<usize>, key: &str, known: &[&str]) {
        let nearest = nearest(key, known);
        let mut message = format!("unknown key `{}`", self.key());
        if let Some(nearest) = nearest {
            message = format!("{message}; did you mean `{nearest}`?");
        }
        let help = if known.is_empty() {
            "no key is known here".to_owned()
        } else if known.len() > KEYS_LISTED_MAX {
            format!("expected {FIELD_FORM}")
        } else {
            format!("expected {}", list(known, '`'))
        };
        self.find(span, message, help, Excerpt::Key);
    }

    fn wrong(&mut self, span: Range<usize>, expected: &str) {
        self.find(span, format!("{}: expected {expected}", self.key()), String::new(), Excerpt::Whole);
    }

    fn find(&mut self, span: Range<usize>, message: String, help: String, shown: Excerpt) {
        let shown = if self.secret && shown == Excerpt::Whole { Excerpt::Hidden } else { shown };
        self.findings.push(Finding { span, message, help, shown });
    }

    fn key(&self) -> String {
        if self.path.is_empty() { "configuration".to_owned() } else { self.path.join(".") }
    }
}

fn json_type(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "string",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "datetime",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "object",
    }
}

/// What would have been right, in words.
fn expected(node: Node<'_>, alternatives: &[Node<'_>]) -> String {
    if let Some(form) = node.form() {
        return form.to_owned();
    }
    let words: Vec<&str> = alternatives.iter().flat_map(|node| node.words()).collect();
    if !words.is_empty() {
        return list(&words, '"');
    }
    let mut forms: Vec<&str> = Vec::new();
    for node in alternatives {
        match node.form() {
            Some(form) => forms.push(form),
            None => forms.extend(node.type_names()),
        }
    }
    forms.dedup();
    if forms.is_empty() { "something else".to_owned() } else { forms.join(" or ") }
}

fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |known: &&str| strsim::normalized_damerau_levenshtein(word, known);
    let best = known.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&best) >= LIKENESS_MIN).then_some(best)
}

fn list(words: &[&str], quote: char) -> String {
    let quoted: Vec<String> =
        words.iter().map(|word| format!("{quote}{}{quote}", word.escape_default())).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => "nothing".to_owned(),
    }
}
