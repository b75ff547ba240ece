//! JSON bodies from paths and borrowed values, written in one go: no tree of values is made for them.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::domain::wire::Form;

use super::exchange::BuildError;

/// What stands in a body.
pub(super) enum Item<'a> {
    /// A string.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// Items by their paths, `ContactsRequest.EmailRequest.emailValue`: what stands before a point is an object. No
    /// path is the beginning of another one.
    Object(Vec<(&'static str, Self)>),
    /// One after the other.
    List(Vec<Self>),
}

impl<'a> Item<'a> {
    /// A value of the state in the form that the table gives to its field.
    pub(super) fn of(value: &'a str, form: Form, name: &'static str) -> Result<Self, BuildError> {
        Ok(match form {
            Form::Text => Self::Text(value),
            Form::Integer => Self::Integer(value.parse().map_err(|_| BuildError::Form(name))?),
            Form::Boolean => Self::Boolean(value.parse().map_err(|_| BuildError::Form(name))?),
        })
    }

    /// The bytes of the body; the order in which items were added does not matter.
    pub(super) fn into_body(mut self) -> Vec<u8> {
        self.sort();
        serde_json::to_vec(&self).expect("texts, numbers and objects with text keys always serialise")
    }

    fn sort(&mut self) {
        match self {
            Self::Object(items) => {
                items.sort_unstable_by_key(|(path, _)| *path);
                items.iter_mut().for_each(|(_, item)| item.sort());
            }
            Self::List(items) => items.iter_mut().for_each(Self::sort),
            Self::Text(_) | Self::Integer(_) | Self::Boolean(_) => {}
        }
    }
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Boolean(truth) => serializer.serialize_bool(*truth),
            Self::Object(items) => Level { items, depth: 0 }.serialize(serializer),
            Self::List(items) => serializer.collect_seq(items),
        }
    }
}

/// Sorted items whose paths are equal in their first `depth` bytes, which have been written.
struct Level<'a> {
    items: &'a [(&'static str, Item<'a>)],
    depth: usize,
}

impl Serialize for Level<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut rest = self.items;
        while let Some((path, item)) = rest.first() {
            let left = path.get(self.depth..).unwrap_or_default();
            let Some((name, _)) = left.split_once('.') else {
                map.serialize_entry(left, item)?;
                rest = rest.get(1..).unwrap_or_default();
                continue;
            };
            let depth = self.depth + name.len() + 1;
            let beginning = path.get(..depth);
            let inner = rest.iter().take_while(|(path, _)| path.get(..depth) == beginning).count();
            let (items, others) = rest.split_at(inner);
            map.serialize_entry(name, &Level { items, depth })?;
            rest = others;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_objects_in_whatever_order_they_come() {
        let body = Item::Object(vec![
            ("b.y.q", Item::Integer(-3)),
            ("source", Item::Text("a \"quoted\" é")),
            ("b.x", Item::Boolean(true)),
            ("bb", Item::List(vec![Item::Object(vec![("id", Item::Integer(1))]), Item::Text("")])),
            ("b.y.p", Item::Text("1")),
        ]);
        let text = String::from_utf8(body.into_body()).expect("UTF-8");
        let expected =
            r#"{"b":{"x":true,"y":{"p":"1","q":-3}},"bb":[{"id":1},""],"source":"a \"quoted\" é"}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn an_object_without_items_is_empty() {
        assert_eq!(Item::Object(Vec::new()).into_body(), b"{}");
    }

    #[test]
    fn a_value_that_has_not_the_form_of_its_field_is_an_error() {
        for (value, form) in [("x", Form::Integer), ("1.5", Form::Integer), ("ja", Form::Boolean)] {
            assert!(matches!(Item::of(value, form, "field"), Err(BuildError::Form("field"))), "{value}");
        }
    }
}
