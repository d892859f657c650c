//! A graph's text as it may be shown. By letters and not by RON: a text with a syntax error is shown too, and the
//! error may stand in the very line that holds a secret.

use super::words::{has_password, names_secret};
use std::ops::Range;

/// The text with a star for each byte of what may be a secret, so that places stay what they are. A way to write it that
/// holds no secret (`Env("NAME")`, `None`) stays.
pub fn masked(text: &str) -> String {
    let mut shown = text.as_bytes().to_vec();
    for place in values(text).chain(urls(text)) {
        for byte in &mut shown[place] {
            if *byte != b'\n' {
                *byte = b'*';
            }
        }
    }
    // Whole values were replaced, letters of several bytes with all of theirs.
    String::from_utf8_lossy(&shown).into_owned()
}

/// The values of fields that are named like secrets, up to the end of their line at most.
fn values(text: &str) -> impl Iterator<Item = Range<usize>> {
    let colons = text.match_indices(':').map(|(at, _)| at);
    colons.filter_map(|colon| {
        let before = text[..colon].trim_end().trim_end_matches('"');
        let is_word = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
        let name = before.rfind(|letter| !is_word(letter)).map_or(before, |at| {
            let length = before[at..].chars().next().map_or(1, char::len_utf8);
            &before[at + length..]
        });
        if !names_secret(name) {
            return None;
        }
        let rest = &text[colon + 1..];
        let value = rest.trim_start();
        let start = text.len() - value.len();
        let place = start..start + length(value);
        (!is_harmless(&text[place.clone()])).then_some(place)
    })
}

/// How far a value goes: to the comma or the bracket that ends it, or to the end of the line.
fn length(value: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for (at, letter) in value.char_indices() {
        match letter {
            '\n' => return at,
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return at,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => return at,
            _ => {}
        }
    }
    value.len()
}

/// Whether a value holds no secret itself; the fields of a struct are looked at by their own names.
fn is_harmless(value: &str) -> bool {
    let value = value.trim();
    let value = value
        .strip_prefix("Some(")
        .and_then(|inner| inner.strip_suffix(')'))
        .unwrap_or(value);
    let names_variable = value
        .strip_prefix("Env(\"")
        .and_then(|rest| rest.strip_suffix("\")"))
        .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    let is_struct = value.starts_with(['(', '{']) && value.contains(':') || matches!(value, "(" | "{");
    names_variable || is_struct || matches!(value, "" | "None" | "\"\"" | "()" | "true" | "false")
}

/// Texts in quotes, closed or not, that are URLs with a password.
fn urls(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("://").filter_map(|(at, _)| {
        let start = text[..at].rfind(['"', '\n', ' ']).map_or(0, |before| before + 1);
        let end = text[at..].find(['"', '\n']).map_or(text.len(), |length| at + length);
        has_password(&text[start..end]).then_some(start..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_where_the_text_is_broken_too() {
        for text in [
            "(password: \"hunter2\", x: 1)",
            "(\n  password: \"hunter2\n  x: 1)",
            "(password: hunter2! x)",
            "(password: Some(\"hunter2\") x: 1",
            "{\"password\" : \"hunter2\"",
            "(auth: (token: [\"hunter2\", \"hunter2\"], url: 1",
            "(url: \"redis://me:hunter2@h\" \"x\"",
            "(url: \"redis://me:hunter2@h",
            "(password: Env(\"hunter2!\"))",
            "(päss: 1, password: \"hünter2hunter2\")",
        ] {
            let shown = masked(text);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert_eq!(shown.len(), text.len());
            assert_eq!(shown.lines().count(), text.lines().count());
        }
    }

    #[test]
    fn the_rest_stays_as_it_is() {
        for text in [
            "(password: Env(\"PW\"), token: None, secret: Some(Env(\"B\")))",
            "(user: \"me\", url: \"redis://me@h:1/0\", tokens: 5)",
            "(credentials: (\n  user: \"me\",\n), x: 1)",
            "(token: \"\")",
        ] {
            assert_eq!(masked(text), text);
        }
        assert_eq!(masked("(password: \"ab\", x: 1)"), "(password: ****, x: 1)");
    }

    proptest::proptest! {
        #[test]
        fn any_text_keeps_its_places(text in "[a-zé:\"\\\\(){}, \n]{0,40}(password: \"[a-zé]{0,9}\"?)?[ -~\n]{0,40}") {
            proptest::prop_assert_eq!(masked(&text).len(), text.len());
        }
    }
}
