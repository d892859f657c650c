//! What an element says of itself, as JSON.

use super::element::About;
use super::plugins::stage;
use super::schema::Field;
use pipeline_plugin_api::abi::Port;
use serde_json::{Value, json};

/// The whole of it.
pub(super) fn about(about: &About) -> Value {
    let ports = |ports: &[Port]| ports.iter().map(port).collect::<Vec<_>>();
    let needs = about.needs.iter().map(|need| {
        json!({
            "what": need.what.as_str(),
            "present": need.present != 0,
            "required": need.required != 0,
            "detail": need.detail.as_str(),
            "mend": need.mend.as_str(),
        })
    });
    json!({
        "element": about.available.element,
        "stage": stage(&about.available),
        "summary": about.summary,
        "plugin": about.available.plugin,
        "version": about.available.version,
        "file": about.available.path,
        "blocking": about.blocking,
        "every_ns": about.every.0,
        "takes": ports(&about.ports.takes),
        "gives": ports(&about.ports.gives),
        "config": about.fields.iter().map(field).collect::<Vec<_>>(),
        "needs": needs.collect::<Vec<_>>(),
    })
}

fn port(port: &Port) -> Value {
    json!({
        "kind": port.kind.to_string(),
        "name": port.name.as_str(),
        "unit": port.unit.as_str(),
        "required": port.required != 0,
        "doc": port.doc.as_str(),
    })
}

fn field(field: &Field) -> Value {
    let choices = field
        .choices
        .iter()
        .map(|(word, doc)| json!({ "word": word, "doc": doc }));
    json!({
        "name": field.name,
        "type": field.kind,
        "doc": field.doc,
        "default": field.default,
        "choices": choices.collect::<Vec<_>>(),
        "fields": field.fields.iter().map(self::field).collect::<Vec<_>>(),
    })
}
