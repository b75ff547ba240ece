//! JSON bodies from paths and borrowed values, written in one go: no tree of values is made for them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::domain::wire::Form;

use super::exchange::BuildError;

/// What most bodies take at most.
const BODY_BYTES: usize = 1_536;

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
    pub(super) fn into_body(self) -> Vec<u8> {
        let mut body = Vec::with_capacity(BODY_BYTES);
        self.write(&mut body);
        body
    }

    fn write(&self, body: &mut Vec<u8>) {
        match self {
            Self::Text(text) => write_text(text, body),
            Self::Integer(number) => serde_json::to_writer(body, number).expect("a number always serialises"),
            Self::Boolean(truth) => body.extend_from_slice(if *truth { b"true" } else { b"false" }),
            Self::Object(items) => write_object(items, body),
            Self::List(items) => {
                body.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        body.push(b',');
                    }
                    item.write(body);
                }
                body.push(b']');
            }
        }
    }
}

fn write_object(items: &[(&'static str, Item<'_>)], body: &mut Vec<u8>) {
    let shape = Shape::of(items);
    for (at, before) in &shape.parts {
        body.extend_from_slice(before);
        if let Some((_, item)) = items.get(*at) {
            item.write(body);
        }
    }
    body.extend_from_slice(&shape.end);
}

thread_local! {
    /// Shapes of objects that were written before.
    static SHAPES: RefCell<VecDeque<Rc<Shape>>> = const { RefCell::new(VecDeque::new()) };
}

/// How many shapes are remembered: most calls of a run carry the same fields.
const SHAPES_MAX: usize = 8;

/// All of an object but its values, which depends on its paths alone.
struct Shape {
    paths: Vec<&'static str>,
    /// Items by their places, in the order in which they are written, with what is written before each.
    parts: Vec<(usize, Vec<u8>)>,
    end: Vec<u8>,
}

impl Shape {
    fn of(items: &[(&'static str, Item<'_>)]) -> Rc<Self> {
        SHAPES.with_borrow_mut(|shapes| {
            if let Some(known) = shapes.iter().find(|shape| shape.fits(items)) {
                return Rc::clone(known);
            }
            let shape = Rc::new(Self::new(items.iter().map(|(path, _)| *path).collect()));
            shapes.truncate(SHAPES_MAX - 1);
            shapes.push_front(Rc::clone(&shape));
            shape
        })
    }

    /// Paths are constants: a path that lies elsewhere but reads the same costs another shape, no more.
    fn fits(&self, items: &[(&'static str, Item<'_>)]) -> bool {
        self.paths.len() == items.len()
            && self.paths.iter().zip(items).all(|(known, (path, _))| std::ptr::eq(*known, *path))
    }

    /// Each path, in their order, opens and closes the objects in which it differs from the one before.
    fn new(paths: Vec<&'static str>) -> Self {
        let mut places: Vec<usize> = (0..paths.len()).collect();
        places.sort_by_key(|place| paths[*place]);
        let mut parts = Vec::with_capacity(places.len());
        let mut before = vec![b'{'];
        // The objects that are open, each with its point.
        let mut open = "";
        let mut is_first = true;
        for place in places {
            let path = paths[place];
            let (objects, name) = path.split_at(path.rfind('.').map_or(0, |point| point + 1));
            let shared = shared_objects(open, objects);
            close(open.get(shared..).unwrap_or_default(), &mut before);
            for object in objects.get(shared..).unwrap_or_default().split_terminator('.') {
                write_name(object, is_first, &mut before);
                before.push(b'{');
                is_first = true;
            }
            write_name(name, is_first, &mut before);
            parts.push((place, std::mem::take(&mut before)));
            (open, is_first) = (objects, false);
        }
        close(open, &mut before);
        before.push(b'}');
        Self { paths, parts, end: before }
    }
}

/// How many bytes of two paths of objects name the same ones.
fn shared_objects(one: &str, other: &str) -> usize {
    let same = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other);
    let mut shared = 0;
    for (at, (byte, _)) in same.enumerate() {
        if byte == b'.' {
            shared = at + 1;
        }
    }
    shared
}

fn close(objects: &str, body: &mut Vec<u8>) {
    objects.bytes().filter(|byte| *byte == b'.').for_each(|_| body.push(b'}'));
}

/// Names of fields are letters and digits, which stand for themselves.
fn write_name(name: &str, is_first: bool, body: &mut Vec<u8>) {
    body.extend_from_slice(if is_first { b"\"" } else { b",\"" });
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(b"\":");
}

fn write_text(text: &str, body: &mut Vec<u8>) {
    let stands_for_itself = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().fold(true, |plain, byte| plain & stands_for_itself(byte)) {
        body.push(b'"');
        body.extend_from_slice(text.as_bytes());
        body.push(b'"');
    } else {
        serde_json::to_writer(body, text).expect("a text always serialises");
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
    fn objects_close_and_open_where_paths_part() {
        let paths = ["a.b.c", "a.b.d.e", "a.bc.d", "b", "b1.c.d.e", "b1.d", "c.d.e"];
        let body = Item::Object(paths.iter().rev().map(|path| (*path, Item::Text(path))).collect());
        let text = String::from_utf8(body.into_body()).expect("UTF-8");
        let expected = concat!(
            r#"{"a":{"b":{"c":"a.b.c","d":{"e":"a.b.d.e"}},"bc":{"d":"a.bc.d"}},"b":"b","#,
            r#""b1":{"c":{"d":{"e":"b1.c.d.e"}},"d":"b1.d"},"c":{"d":{"e":"c.d.e"}}}"#
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_shape_that_was_written_before_serves_again() {
        let paths = ["b.x", "a", "b.y", "c.d.e", "c.d.f"];
        for round in 0..3 {
            // Every choice of paths: more shapes than are remembered.
            for chosen in 0..1_u32 << paths.len() {
                let item = |at: usize| (paths[at], Item::Integer(i64::from(chosen) + round));
                let items: Vec<_> = (0..paths.len()).filter(|at| chosen >> at & 1 == 1).map(item).collect();
                for items in [items, Vec::new()] {
                    let expected: Vec<_> = items.iter().map(|(path, _)| *path).collect();
                    let body = Item::Object(items).into_body();
                    let read: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
                    let found = expected.iter().filter(|path| {
                        let pointer = format!("/{}", path.replace('.', "/"));
                        read.pointer(&pointer).and_then(serde_json::Value::as_i64)
                            == Some(i64::from(chosen) + round)
                    });
                    assert_eq!(found.count(), expected.len());
                    let text = read.to_string();
                    assert_eq!(text.len(), body.len(), "nothing else: {text}");
                }
            }
        }
    }

    #[test]
    fn every_text_is_read_as_it_was_written() {
        let mut texts: Vec<String> = (0..=0x2ff).filter_map(char::from_u32).map(String::from).collect();
        texts.extend(["", "plain", "a\"b\\c\n", "\u{2028}\u{1f600}\u{7f}"].map(str::to_owned));
        for text in texts {
            let body = Item::Text(&text).into_body();
            assert_eq!(body, serde_json::to_vec(&text).expect("a text"));
        }
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
