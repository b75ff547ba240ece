//! The JSON Schema of the configuration, and how the check reads it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema, schema_for};
use serde_json::{Map, Value};

use super::sections::Config;
use crate::cli::amounts::{TIME_ABOVE_ZERO_FORM, TIME_FORM, Time};
use crate::domain::field::{Field, SUBSCRIPTION_PREFIX};
use crate::domain::threshold::{THRESHOLD_FORM, Threshold};

/// The keyword that marks values which may hold a secret by mistake.
const SECRET_MARK: &str = "x-secret";
const SECRET_FORM: &str =
    "{ env = \"NAME\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", \"ARGUMENT\"] }";

/// How a canonical field is written.
pub(super) const FIELD_FORM: &str = "a canonical field; `crmsync fields` lists them";

/// The schema, made once: it follows from the types alone.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schema_for!(Config).to_value();
    close_tables(&mut schema);
    mark_secrets(&mut schema);
    schema
});

/// Every key that a configuration may have, wherever it stands.
static KEYS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let mut keys = BTreeSet::new();
    add_keys(&SCHEMA, &mut keys);
    keys
});

fn add_keys<'a>(node: &'a Value, keys: &mut BTreeSet<&'a str>) {
    match node {
        Value::Object(object) => {
            let properties = object.get("properties").and_then(Value::as_object);
            keys.extend(properties.into_iter().flat_map(Map::keys).map(String::as_str));
            object.values().for_each(|node| add_keys(node, keys));
        }
        Value::Array(items) => items.iter().for_each(|node| add_keys(node, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a word is a key that a configuration may have.
pub(super) fn is_key(word: &str) -> bool {
    KEYS.contains(word)
}

/// The JSON Schema of `crmsync.toml`, as `check --schema` prints it.
#[must_use]
pub fn json_schema() -> &'static Value {
    &SCHEMA
}

/// Says of the one type that points to secrets that it does, and how it is written.
fn mark_secrets(schema: &mut Value) {
    if let Some(Value::Object(source)) = schema.pointer_mut("/$defs/SecretSource") {
        source.insert(SECRET_MARK.to_owned(), Value::Bool(true));
        source.insert("title".to_owned(), Value::from(SECRET_FORM));
    }
    // A webhook has its token among the arguments.
    if let Some(Value::Object(command)) = schema.pointer_mut("/$defs/NotifySettings/properties/command") {
        command.insert(SECRET_MARK.to_owned(), Value::Bool(true));
    }
}

/// A table with named keys has no others. Types cannot always say so: serde does not allow `flatten` together with
/// `deny_unknown_fields`.
fn close_tables(node: &mut Value) {
    match node {
        Value::Object(object) => {
            object.values_mut().for_each(close_tables);
            if object.get("properties").is_some_and(Value::is_object)
                && object.get("type").is_some_and(|kind| kind == "object")
            {
                object.entry("additionalProperties").or_insert(Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close_tables),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The schema of a table whose keys are canonical fields.
pub(super) fn fields_schema<V: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let value = generator.subschema_for::<V>();
    let named = Field::NAMED.iter().map(|field| (field.name().into_owned(), value.clone().to_value()));
    let properties: Map<String, Value> = named.collect();
    json_schema!({
        "type": "object",
        "properties": properties,
        "patternProperties": { (format!("^{SUBSCRIPTION_PREFIX}[0-9]+$")): value },
        "additionalProperties": false,
    })
}

/// A node of a schema, with what its references point to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    root: &'a Value,
    node: &'a Value,
    secret: bool,
    form: Option<&'a str>,
}

impl<'a> Node<'a> {
    pub(super) fn root(root: &'a Value) -> Self {
        Self { root, node: root, secret: false, form: None }
    }

    /// Another node of the same schema, behind its references; our schemas have no circles.
    fn at(self, node: &'a Value) -> Self {
        let target = node.get("$ref").and_then(Value::as_str);
        let target = target.and_then(|path| self.root.pointer(path.strip_prefix('#')?));
        let Some(target) = target else {
            let secret = node.get(SECRET_MARK).and_then(Value::as_bool).unwrap_or(false);
            let form = node.get("title").and_then(Value::as_str);
            return Self { root: self.root, node, secret, form };
        };
        self.at(target)
    }

    fn get(self, keyword: &str) -> Option<&'a Value> {
        self.node.get(keyword)
    }

    /// The alternatives that a value may choose from; the node itself when it offers none.
    pub(super) fn alternatives(self) -> Vec<Self> {
        let offered = ["anyOf", "oneOf"].into_iter().find_map(|keyword| self.get(keyword)?.as_array());
        match offered {
            Some(nodes) => nodes.iter().flat_map(|node| self.alternative(node).alternatives()).collect(),
            None => vec![self],
        }
    }

    /// An alternative keeps what is said of the whole.
    fn alternative(self, node: &'a Value) -> Self {
        let one = self.at(node);
        Self { secret: one.secret || self.secret, form: one.form.or(self.form), ..one }
    }

    /// Whether the value may have this JSON type. Nothing said about types allows all.
    pub(super) fn allows(self, json_type: &str) -> bool {
        let fits = |allowed: &Value| {
            let allowed = allowed.as_str().unwrap_or_default();
            allowed == json_type || (allowed == "number" && json_type == "integer")
        };
        match self.get("type") {
            None => self.get("const").is_none_or(|constant| constant.is_string() == (json_type == "string")),
            Some(Value::Array(types)) => types.iter().any(fits),
            Some(one) => fits(one),
        }
    }

    /// The JSON types it allows, for people.
    pub(super) fn type_names(self) -> Vec<&'a str> {
        let types = match self.get("type") {
            Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
            Some(one) => one.as_str().into_iter().collect(),
            None => Vec::new(),
        };
        types.into_iter().filter(|name| *name != "null").map(spoken).collect()
    }

    /// The words that a text may be; empty when it is free.
    pub(super) fn words(self) -> Vec<&'a str> {
        let constant = self.get("const").into_iter();
        let listed = self.get("enum").and_then(Value::as_array).into_iter().flatten();
        constant.chain(listed).filter_map(Value::as_str).collect()
    }

    /// The form of the value in words, where the schema has some.
    pub(super) fn form(self) -> Option<&'a str> {
        self.form.or_else(|| match self.format()? {
            "duration-in-words" => Some(TIME_FORM),
            "duration-above-zero" => Some(TIME_ABOVE_ZERO_FORM),
            "canonical-field" => Some(FIELD_FORM),
            "threshold" => Some(THRESHOLD_FORM),
            _other => None,
        })
    }

    fn format(self) -> Option<&'a str> {
        self.get("format").and_then(Value::as_str)
    }

    /// The smallest and the largest integer allowed.
    pub(super) fn range(self) -> (Option<i64>, Option<i64>) {
        let bound = |keyword| self.get(keyword).and_then(Value::as_i64);
        (bound("minimum"), bound("maximum"))
    }

    /// The schema of the elements of an array.
    pub(super) fn items(self) -> Option<Self> {
        self.get("items").map(|node| self.at(node))
    }

    /// The keys that a table must have.
    pub(super) fn required(self) -> Vec<&'a str> {
        let keys = self.get("required").and_then(Value::as_array);
        keys.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The keys that a table may have by name.
    pub(super) fn known_keys(self) -> Vec<&'a str> {
        let properties = self.get("properties").and_then(Value::as_object);
        properties.into_iter().flat_map(Map::keys).map(String::as_str).collect()
    }

    /// The schema of the value under a key; `Err` when a table may not have such a key.
    pub(super) fn property(self, key: &str) -> Result<Option<Self>, UnknownKey> {
        if let Some(node) = self.get("properties").and_then(|properties| properties.get(key)) {
            return Ok(Some(self.at(node)));
        }
        // The only pattern is that of subscriptions; see `fields_schema`.
        let subscription = self.get("patternProperties").and_then(Value::as_object);
        if let Some(node) = subscription.and_then(|patterns| patterns.values().next()) {
            return Field::parse(key).map(|_| Some(self.at(node))).ok_or(UnknownKey);
        }
        match self.get("additionalProperties") {
            None | Some(Value::Bool(true)) => Ok(None),
            Some(Value::Bool(false)) => Err(UnknownKey),
            Some(node) => Ok(Some(self.at(node))),
        }
    }

    /// Whether a free text has the form that the schema asks for.
    pub(super) fn takes(self, text: &str) -> bool {
        match self.format() {
            Some("duration-in-words") => text.parse::<Time>().is_ok(),
            Some("duration-above-zero") => text.parse::<Time>().is_ok_and(|time| !time.0.is_zero()),
            Some("canonical-field") => Field::parse(text).is_some(),
            Some("threshold") => text.parse::<Threshold>().is_ok(),
            Some(_) | None => true,
        }
    }

    /// Whether it describes where a secret is.
    pub(super) fn is_secret(self) -> bool {
        self.secret
    }
}

/// A table may not have that key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnknownKey;

fn spoken(json_type: &str) -> &str {
    match json_type {
        "object" => "a table",
        "array" => "a list",
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}
