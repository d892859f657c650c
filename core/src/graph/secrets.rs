//! Literals where a secret belongs, and the variables that hold the secrets. A graph file is kept, mailed and recorded;
//! secrets are not.
//!
//! What an element does with a secret is not known here: a field is judged by its name.

mod mask;
mod words;

pub use mask::masked;

use crate::spec::{Fault, GraphSpec, NodeSpec, Placed, Value};
use pipeline_plugin_api::fields;
use pipeline_plugin_api::secret::Secret;
use words::{has_password, names_password, names_secret};

/// An environment variable that holds a secret of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// The node whose config names it.
    pub node: String,
}

/// The variables that a graph names with `Env("NAME")`.
pub fn variables(spec: &GraphSpec) -> Vec<Variable> {
    let mut found = Vec::new();
    for node in &spec.nodes {
        let mut names = Vec::new();
        if let Some(config) = &node.config {
            walk(&Value::part(&spec.text, config.at.clone()), "", &mut |_, leaf| {
                if let Leaf::Secret(secret) = leaf {
                    names.push(secret.variable().to_owned());
                }
            });
        }
        let node = node.name.value.as_str();
        found.extend(names.into_iter().map(|name| Variable {
            name,
            node: node.to_owned(),
        }));
    }
    found
}

/// Finds secrets written out in a node's config.
pub(super) fn check(spec: &GraphSpec, node: &NodeSpec, faults: &mut Vec<Fault>) {
    if let Some(config) = &node.config {
        search(&Value::part(&spec.text, config.at.clone()), faults);
    }
}

/// Drops what elements say of a secret that stands in the file: it was said, and without showing it.
pub(super) fn tell_once(faults: &mut Vec<Fault>) {
    let places: Vec<_> = faults
        .iter()
        .filter(|fault| fault.secret)
        .map(|fault| fault.at.clone())
        .collect();
    faults.retain(|fault| fault.secret || !places.iter().any(|place| place.contains(&fault.at.start)));
}

/// A value that has no fields or items of its own.
enum Leaf<'v> {
    Text(&'v Placed<String>),
    Secret(Secret),
    Other(&'v Value<'v>),
}

/// Text that is no RON is left to the element, which tells it.
fn walk(value: &Value<'_>, field: &str, tell: &mut impl FnMut(&str, Leaf<'_>)) {
    let text = value.text();
    if let Ok(text) = value.parse::<String>() {
        return tell(field, Leaf::Text(&text));
    }
    if let Ok(secret) = fields::parse::<Option<Secret>>(text) {
        return secret.map_or((), |secret| tell(field, Leaf::Secret(secret)));
    }
    if text.starts_with('[') {
        let items = value.items().unwrap_or_default();
        return items.iter().for_each(|item| walk(item, field, tell));
    }
    match value.fields().unwrap_or_default().as_slice() {
        [] => tell(field, Leaf::Other(value)),
        inner => inner
            .iter()
            .for_each(|inner| walk(&inner.value, &inner.name.value, tell)),
    }
}

fn search(value: &Value<'_>, faults: &mut Vec<Fault>) {
    walk(value, "", &mut |field, leaf| match leaf {
        Leaf::Text(text) => faults.extend(judge(field, text)),
        Leaf::Other(value) if is_literal(field, value.text()) => faults.push(written_out(field, value.at.clone())),
        Leaf::Other(_) | Leaf::Secret(_) => {}
    });
}

fn judge(field: &str, text: &Placed<String>) -> Option<Fault> {
    if names_secret(field) && !text.value.is_empty() {
        return Some(written_out(field, text.at.clone()));
    }
    has_password(&text.value).then(|| {
        let fault = Fault::error(text.at.clone(), format!("the URL in `{field}` has a password in it"));
        fault.secret().help(
            "take it out, and give it in the element's own field as `password: Env(\"NAME\")`, with that variable set where the pipeline runs",
        )
    })
}

fn written_out(field: &str, at: std::ops::Range<usize>) -> Fault {
    let fault = Fault::error(at, format!("`{field}` is a secret and stands in the file"));
    let name = field.to_uppercase().replace(['-', '.'], "_");
    fault.secret().help(format!(
        "write `Env(\"{name}\")` and set that variable where the pipeline runs"
    ))
}

/// Whether what is no text may be a secret all the same: `Some("x")`, a number, a word that lacks its quotes.
fn is_literal(field: &str, text: &str) -> bool {
    let says_nothing = matches!(text.trim(), "" | "()" | "{}" | "true" | "false");
    !says_nothing && (names_password(field) || names_secret(field) && text.contains('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn messages(config: &str) -> Vec<String> {
        let mut faults = Vec::new();
        search(&Value::file(config), &mut faults);
        faults.into_iter().map(|fault| fault.message).collect()
    }

    #[test]
    fn secrets_written_out_are_found_at_any_depth() {
        let config = "(host: \"h\", auth: (password: \"hunter2\"), many: [(api_token: \"t\")])";
        assert_eq!(
            messages(config),
            [
                "`password` is a secret and stands in the file",
                "`api_token` is a secret and stands in the file"
            ]
        );
    }

    #[test]
    fn a_secret_need_not_be_a_text() {
        for value in [
            "20022",
            "hunter2",
            "Some(\"hunter2\")",
            "Plain(\"h\")",
            "Env(hunter2)",
            "[\"a\"]",
        ] {
            let told = messages(&format!("(password: {value})"));
            assert_eq!(told, ["`password` is a secret and stands in the file"], "{value}");
        }
        assert_eq!(
            messages("(token: Some(\"t\"))"),
            ["`token` is a secret and stands in the file"]
        );
    }

    #[test]
    fn what_only_sounds_like_a_secret_is_left_alone() {
        for config in [
            "(password: Env(\"REDIS_PASSWORD\"))",
            "(password: Some(Env(\"REDIS_PASSWORD\")), token: None, secret: false)",
            "(tokens_per_second: 5, password: \"\")",
            "(token_kind: Bearer, token_bucket: (rate: 5))",
            "(tokenizer: \"words\", url: \"http://host:80/a@b:c\")",
            "(url: \"redis://user@host\")",
            "not RON (",
        ] {
            assert_eq!(messages(config), Vec::<String>::new(), "{config}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_found() {
        assert_eq!(
            messages("(url: \"redis://me:hunter2@host:6379/0\", list: [\"http://:p@h\"])"),
            [
                "the URL in `url` has a password in it",
                "the URL in `list` has a password in it"
            ]
        );
    }

    #[test]
    fn what_an_element_says_of_the_same_place_is_not_told_again() {
        let mut faults = vec![
            written_out("password", 10..19),
            Fault::error(18..19, "`password`: hunter2 is none"),
            Fault::error(30..31, "something else"),
        ];
        tell_once(&mut faults);
        let told: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(
            told,
            ["`password` is a secret and stands in the file", "something else"]
        );
    }

    #[test]
    fn variables_are_told_with_their_nodes() {
        let text = "(version: 1, collectors: { \"users\": (plugin: \"a.b\", config: (\
                    password: Env(\"PW\"), more: [(token: Some(Env(\"TOKEN\")))], note: \"Env(\\\"NO\\\")\")) })";
        let found = variables(&GraphSpec::parse(Path::new("g.ron"), text));
        let found: Vec<_> = found.iter().map(|one| (one.node.as_str(), one.name.as_str())).collect();
        assert_eq!(found, [("users", "PW"), ("users", "TOKEN")]);
    }
}
