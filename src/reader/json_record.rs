//! One line of JSONL: checked once, its members kept as places in the text.
//!
//! `serde_json` reads everything; this file adds what it leaves open: duplicate keys at every depth, a limit on the
//! depth, escapes of strings that nobody asked for yet. Numbers are never converted.

use crate::domain::raw_cell::{BETWEEN_MEMBERS, RawCell};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

/// Objects and arrays in each other; a customer has two or three.
pub(super) const DEPTH_MAX: usize = 32;

/// Up to here looking at each pair of keys is cheaper than a set.
const FEW_KEYS: usize = 16;

/// Why a line is no record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JsonDefect {
    /// Bytes that are no UTF-8.
    NotText,
    /// It ends too early.
    Cut,
    /// It does not parse; the place, in bytes from 1.
    Syntax(usize),
    NotAnObject,
    DuplicateKey(String),
    TooDeep,
}

impl JsonDefect {
    /// The reason in words, without any value.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::NotText => "bytes that are no text in the file's encoding".to_owned(),
            Self::Cut => "the JSON object is not complete on its line".to_owned(),
            Self::Syntax(at) => format!("not valid JSON at byte {at} of the line"),
            Self::NotAnObject => "valid lines hold one JSON object each, this one does not".to_owned(),
            Self::DuplicateKey(_) => "a key occurs twice".to_owned(),
            Self::TooDeep => format!("nested deeper than {DEPTH_MAX} levels"),
        }
    }

    /// The key at fault.
    pub(super) fn key(self) -> Option<String> {
        match self {
            Self::DuplicateKey(key) => Some(key),
            Self::NotText | Self::Cut | Self::Syntax(_) | Self::NotAnObject | Self::TooDeep => None,
        }
    }
}

/// A checked object and its text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct JsonRecord {
    text: String,
    members: Box<[Member]>,
}

#[derive(Clone, PartialEq, Eq)]
struct Member {
    key: Key,
    value: Range<usize>,
}

/// A key lies in the text as it is, unless it is written with escapes.
#[derive(Clone, PartialEq, Eq)]
enum Key {
    Plain(Range<usize>),
    Escaped(String),
}

impl JsonRecord {
    /// Checks `text`, one line without its end.
    pub(super) fn parse(text: &str) -> Result<Self, JsonDefect> {
        let text = text.trim_ascii();
        let object: Object<'_> = serde_json::from_str(text).map_err(|error| defect(&error))?;
        check_object(text, &object, 1)?;
        let members = object.0.iter().map(|(key, value)| Member {
            key: match key {
                Cow::Borrowed(key) => Key::Plain(place_in(text, key)),
                Cow::Owned(key) => Key::Escaped(key.clone()),
            },
            value: place_in(text, value.get()),
        });
        Ok(Self { members: members.collect(), text: text.to_owned() })
    }

    /// The cell of a top-level key.
    pub(super) fn get(&self, key: &str) -> RawCell<'_> {
        self.raw(key).map_or(RawCell::Absent, cell)
    }

    /// The cell at the end of a path; a `null` on the way makes everything below it null.
    pub(super) fn at(&self, path: &[String]) -> RawCell<'_> {
        cell_at(path, |key| self.raw(key))
    }

    /// Every top-level key with its cell.
    pub(super) fn members(&self) -> impl Iterator<Item = (Cow<'_, str>, RawCell<'_>)> {
        self.members
            .iter()
            .map(|member| (Cow::Borrowed(self.key(&member.key)), cell(self.part(&member.value))))
    }

    fn raw(&self, key: &str) -> Option<&str> {
        self.members.iter().find(|member| self.key(&member.key) == key).map(|member| self.part(&member.value))
    }

    fn key<'a>(&'a self, key: &'a Key) -> &'a str {
        match key {
            Key::Plain(place) => self.part(place),
            Key::Escaped(key) => key,
        }
    }

    fn part(&self, place: &Range<usize>) -> &str {
        self.text.get(place.clone()).expect("places were taken from this text")
    }
}

/// Where `part`, a slice of `whole`, lies in it.
fn place_in(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

/// The cell at the end of a path, with what gives the values of top-level keys.
pub(super) fn cell_at<'t>(path: &[String], member: impl FnOnce(&str) -> Option<&'t str>) -> RawCell<'t> {
    let Some((first, rest)) = path.split_first() else { return RawCell::Absent };
    let mut value = member(first);
    for step in rest {
        value = match value {
            Some("null") => return RawCell::Null,
            Some(raw) => child(raw, step),
            None => return RawCell::Absent,
        };
    }
    value.map_or(RawCell::Absent, cell)
}

/// The cell that a value makes.
pub(super) fn cell(raw: &str) -> RawCell<'_> {
    RawCell::Text(match raw.as_bytes().first() {
        Some(b'n') => return RawCell::Null,
        Some(b'"') => string(raw),
        Some(b'[') => match list(raw) {
            Some(joined) => Cow::Owned(joined),
            None => return RawCell::Nested(raw.into()),
        },
        Some(b'{') => return RawCell::Nested(raw.into()),
        Some(b'-' | b'0'..=b'9') => number(raw),
        Some(_) | None => Cow::Borrowed(raw),
    })
}

/// The text of a number. A whole one is written as such, also where a program that knows fractions alone has written it; one
/// that has lost its digits to an exponent is written as spreadsheets do it, so that it is known for that.
fn number(raw: &str) -> Cow<'_, str> {
    match raw.find(['.', 'e', 'E']) {
        None => Cow::Borrowed(raw),
        Some(end) => match raw.split_at(end) {
            (whole, fraction) if fraction.bytes().skip(1).all(|byte| byte == b'0') => Cow::Borrowed(whole),
            _ => match raw.split_once(['e', 'E']) {
                Some((mantissa, exponent)) if !exponent.starts_with(['+', '-']) => {
                    Cow::Owned(format!("{mantissa}E+{exponent}"))
                }
                Some(_) | None => Cow::Borrowed(raw),
            },
        },
    }
}

/// The text of a string; escapes were checked when the record was.
fn string(raw: &str) -> Cow<'_, str> {
    if raw.contains('\\') {
        return Cow::Owned(serde_json::from_str(raw).expect("escapes were checked"));
    }
    Cow::Borrowed(raw.get(1..raw.len() - 1).unwrap_or_default())
}

/// The members of an array as one text, if all of them are plain values.
fn list(raw: &str) -> Option<String> {
    let values: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    let mut joined = String::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            joined.push(BETWEEN_MEMBERS);
        }
        match value.get().as_bytes().first() {
            Some(b'n' | b'[' | b'{') | None => return None,
            Some(b'"') => joined.push_str(&string(value.get())),
            Some(b'-' | b'0'..=b'9') => joined.push_str(&number(value.get())),
            Some(_) => joined.push_str(value.get()),
        }
    }
    Some(joined)
}

/// One step of a JSON pointer.
fn child<'a>(raw: &'a str, step: &str) -> Option<&'a str> {
    match raw.as_bytes().first() {
        Some(b'{') => {
            let object: Object<'a> = serde_json::from_str(raw).ok()?;
            object.0.into_iter().find(|(key, _)| key == step).map(|(_, value)| value.get())
        }
        Some(b'[') => {
            let values: Vec<&'a RawValue> = serde_json::from_str(raw).ok()?;
            let index: usize = step.parse().ok()?;
            values.get(index).map(|value| value.get())
        }
        Some(_) | None => None,
    }
}

fn defect(error: &serde_json::Error) -> JsonDefect {
    match error.classify() {
        Category::Eof => JsonDefect::Cut,
        Category::Data => JsonDefect::NotAnObject,
        Category::Syntax | Category::Io => JsonDefect::Syntax(error.column()),
    }
}

fn check_object(line: &str, object: &Object<'_>, depth: usize) -> Result<(), JsonDefect> {
    if let Some(key) = object.duplicate() {
        return Err(JsonDefect::DuplicateKey(key.to_owned()));
    }
    object.0.iter().try_for_each(|(_, value)| check(line, value.get(), depth + 1))
}

/// Looks at what `serde_json` skipped when it took the value, a part of the line, as it is.
fn check(line: &str, raw: &str, depth: usize) -> Result<(), JsonDefect> {
    let in_line = |error: serde_json::Error| match defect(&error) {
        JsonDefect::Syntax(at) => JsonDefect::Syntax(place_in(line, raw).start + at),
        other => other,
    };
    let nested = matches!(raw.as_bytes().first(), Some(b'{' | b'['));
    if nested && depth > DEPTH_MAX {
        return Err(JsonDefect::TooDeep);
    }
    match raw.as_bytes().first() {
        Some(b'{') => {
            let object: Object<'_> = serde_json::from_str(raw).map_err(in_line)?;
            check_object(line, &object, depth)
        }
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(raw).map_err(in_line)?;
            values.iter().try_for_each(|value| check(line, value.get(), depth + 1))
        }
        Some(b'"') if raw.contains('\\') => serde_json::from_str::<String>(raw).map(drop).map_err(in_line),
        Some(_) | None => Ok(()),
    }
}

/// The members of an object in their order, duplicates included.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl Object<'_> {
    fn duplicate(&self) -> Option<&str> {
        if self.0.len() <= FEW_KEYS {
            let before = |index: usize| self.0.iter().take(index).map(|(key, _)| key);
            let twice = |(index, (key, _)): &(usize, &(Cow<'_, str>, _))| before(*index).any(|k| k == key);
            return self.0.iter().enumerate().find(twice).map(|(_, (key, _))| key.as_ref());
        }
        let mut seen = HashSet::with_capacity(self.0.len());
        self.0.iter().map(|(key, _)| key.as_ref()).find(|key| !seen.insert(*key))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(FEW_KEYS);
                while let Some(BorrowedKey(key)) = map.next_key()? {
                    members.push((key, map.next_value()?));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A key, borrowed where it is written without escapes.
struct BorrowedKey<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for BorrowedKey<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = BorrowedKey<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(BorrowedKey(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
                Ok(BorrowedKey(Cow::Owned(key.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}
