//! Literals where a secret belongs. A graph file is kept, mailed and recorded; secrets are not.

use crate::spec::{Fault, GraphSpec, NodeSpec, Placed, Value};

/// Words that, as a part of a field's name, say that its value is a secret.
const WORDS: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "token",
    "secret",
    "apikey",
    "credential",
    "credentials",
];

/// Finds secrets written out in a node's config.
pub(super) fn check(spec: &GraphSpec, node: &NodeSpec, faults: &mut Vec<Fault>) {
    if let Some(config) = &node.config {
        search(&Value::part(&spec.text, config.at.clone()), "", faults);
    }
}

/// Text that is no RON is left to the element, which tells it.
fn search(value: &Value<'_>, field: &str, faults: &mut Vec<Fault>) {
    if let Ok(text) = value.parse::<String>() {
        faults.extend(judge(field, &text));
    } else if value.text().starts_with('[') {
        for item in value.items().unwrap_or_default() {
            search(&item, field, faults);
        }
    } else {
        for inner in value.fields().unwrap_or_default() {
            search(&inner.value, &inner.name.value, faults);
        }
    }
}

fn judge(field: &str, text: &Placed<String>) -> Option<Fault> {
    let help = |name: &str| format!("write `Env(\"{name}\")` and set that variable where the pipeline runs");
    if names_secret(field) && !text.value.is_empty() {
        let fault = Fault::error(text.at.clone(), format!("`{field}` is a secret and stands in the file"));
        return Some(fault.secret().help(help(&field.to_uppercase())));
    }
    if has_password(&text.value) {
        let fault = Fault::error(text.at.clone(), format!("the URL in `{field}` has a password in it"));
        let name = field.to_uppercase();
        let name = if name.ends_with("URL") {
            name
        } else {
            format!("{name}_URL")
        };
        return Some(fault.secret().help(help(&name)));
    }
    None
}

fn names_secret(field: &str) -> bool {
    let lower = field.to_lowercase();
    lower.contains("api_key") || lower.split(['_', '-', '.']).any(|word| WORDS.contains(&word))
}

/// Whether a text is a URL of the form `scheme://user:password@host`.
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, _)) = authority.rsplit_once('@') else {
        return false;
    };
    user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(config: &str) -> Vec<String> {
        let mut faults = Vec::new();
        search(&Value::file(config), "", &mut faults);
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
    fn what_only_sounds_like_a_secret_is_left_alone() {
        for config in [
            "(password: Env(\"REDIS_PASSWORD\"))",
            "(tokens_per_second: 5, password: \"\")",
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
}
