//! A config's JSON Schema as fields for people: type, doc, default, choices.
//!
//! Only what schemars makes of config structs is understood; anything else is shown as `value`.

use pipeline_plugin_api::fields::entries;
use serde_json::Value;

/// How deep structs inside structs are told.
const DEEPEST: usize = 4;

/// A field of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub name: String,
    /// `span of time`, `list of text`, `one of A, B`.
    pub kind: String,
    /// What its author says of it; lines as they were.
    pub doc: String,
    /// As RON; empty where there is none.
    pub default: String,
    /// Words that it takes and what each means, where their author says so.
    pub choices: Vec<(String, String)>,
    /// Its own fields, where it is a struct or a list of structs.
    pub fields: Vec<Field>,
}

/// The fields of a config, with the defaults of its sample.
pub(super) fn fields(schema: &str, sample: &str) -> Vec<Field> {
    let root: Value = serde_json::from_str(schema).unwrap_or_default();
    Schema { root: &root }.fields(&root, sample, 0)
}

struct Schema<'a> {
    root: &'a Value,
}

impl<'a> Schema<'a> {
    fn fields(&self, of: &'a Value, sample: &str, depth: usize) -> Vec<Field> {
        let Some(properties) = of
            .get("properties")
            .and_then(Value::as_object)
            .filter(|_| depth < DEEPEST)
        else {
            return Vec::new();
        };
        let defaults = entries(sample).unwrap_or_default();
        // The sample has the fields in the order of the struct, the schema by name.
        let place = |name: &str| {
            defaults
                .iter()
                .position(|entry| entry.name == name)
                .unwrap_or(usize::MAX)
        };
        let default = |name: &str| {
            let entry = defaults.iter().find(|entry| entry.name == name);
            entry.map_or("", |entry| &sample[entry.value_at.clone()])
        };
        let mut fields: Vec<Field> = properties
            .iter()
            .map(|(name, value)| self.field(name, value, default(name), depth))
            .collect();
        fields.sort_by_key(|field| place(&field.name));
        fields
    }

    fn field(&self, name: &str, written: &'a Value, default: &str, depth: usize) -> Field {
        let value = self.bare(written);
        let inner = value
            .get("items")
            .or_else(|| value.get("additionalProperties"))
            .map_or(value, |inner| self.bare(inner));
        let doc = [written, value].into_iter().find_map(doc).unwrap_or_default();
        Field {
            name: name.to_owned(),
            kind: self.kind(written),
            doc,
            default: default.to_owned(),
            choices: choices(inner),
            fields: self.fields(inner, if std::ptr::eq(inner, value) { default } else { "" }, depth + 1),
        }
    }

    /// What a reference points at, and of a choice with nothing the something.
    fn bare(&self, value: &'a Value) -> &'a Value {
        if let Some(path) = value.get("$ref").and_then(Value::as_str) {
            return self.root.pointer(path.trim_start_matches('#')).unwrap_or(value);
        }
        match self.alternatives(value).as_slice() {
            [only] if is_optional(value) => self.bare(only),
            _ => value,
        }
    }

    fn alternatives(&self, value: &'a Value) -> Vec<&'a Value> {
        let list = value
            .get("anyOf")
            .or_else(|| value.get("oneOf"))
            .and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter(|one| one.get("type").and_then(Value::as_str) != Some("null"))
            .collect()
    }

    fn kind(&self, written: &'a Value) -> String {
        let value = self.bare(written);
        let kind = words(value).map(|words| format!("one of {}", words.join(", ")));
        let kind = kind.or_else(|| self.either(value)).unwrap_or_else(|| self.plain(value));
        if is_optional(written) {
            format!("{kind}, or None")
        } else {
            kind
        }
    }

    fn either(&self, value: &'a Value) -> Option<String> {
        let all = self.alternatives(value);
        (!all.is_empty()).then(|| {
            all.into_iter()
                .map(|one| self.variant(one))
                .collect::<Vec<_>>()
                .join(" or ")
        })
    }

    /// A variant with fields is an object with the one property that is its name.
    fn variant(&self, one: &'a Value) -> String {
        match one
            .get("properties")
            .and_then(Value::as_object)
            .and_then(|all| all.iter().next())
        {
            Some((name, inner)) => format!("{name}({})", self.kind(inner)),
            None => self.kind(one),
        }
    }

    fn plain(&self, value: &'a Value) -> String {
        let format = value.get("format").and_then(Value::as_str).unwrap_or_default();
        match (type_name(value), format) {
            ("string", "") => "text".to_owned(),
            ("string", format) => format.to_owned(),
            ("integer", format) if format.starts_with('u') => "whole number from 0".to_owned(),
            ("integer", _) => "whole number".to_owned(),
            ("number", _) => "number".to_owned(),
            ("boolean", _) => "true or false".to_owned(),
            ("array", _) => format!(
                "list of {}",
                value.get("items").map_or("values".to_owned(), |items| self.kind(items))
            ),
            ("object", _) => match value.get("additionalProperties").filter(|inner| inner.is_object()) {
                Some(inner) => format!("map of names to {}", self.kind(inner)),
                None => "struct".to_owned(),
            },
            _ => "value".to_owned(),
        }
    }
}

fn doc(value: &Value) -> Option<String> {
    value.get("description").and_then(Value::as_str).map(str::to_owned)
}

fn type_name(value: &Value) -> &str {
    match value.get("type") {
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .unwrap_or_default(),
        Some(name) => name.as_str().unwrap_or_default(),
        None => "",
    }
}

fn is_optional(value: &Value) -> bool {
    let is_null = |one: &Value| one.get("type").and_then(Value::as_str) == Some("null");
    let in_types = value
        .get("type")
        .and_then(Value::as_array)
        .is_some_and(|names| names.iter().any(|name| name == "null"));
    in_types
        || value
            .get("anyOf")
            .and_then(Value::as_array)
            .is_some_and(|list| list.iter().any(is_null))
}

/// The words of a plain enum, with or without docs.
fn words(value: &Value) -> Option<Vec<String>> {
    let of_list = |list: &Vec<Value>| list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some(list) = value.get("enum").and_then(Value::as_array) {
        return Some(of_list(list));
    }
    let list = value.get("oneOf").and_then(Value::as_array)?;
    let groups = list.iter().map(|one| match (one.get("const"), one.get("enum")) {
        (Some(Value::String(word)), _) => Some(vec![word.clone()]),
        (_, Some(Value::Array(words))) => Some(of_list(words)),
        _ => None,
    });
    Some(groups.collect::<Option<Vec<_>>>()?.concat())
}

fn choices(value: &Value) -> Vec<(String, String)> {
    let list = value.get("oneOf").and_then(Value::as_array);
    let documented = |one: &Value| Some((one.get("const")?.as_str()?.to_owned(), doc(one)?));
    list.into_iter().flatten().filter_map(documented).collect()
}
