//! Which names and texts give a secret away. Guesses, by the words that people use; nothing of RON is known here.

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

/// Those of which even a number is one.
const PASSWORDS: [&str; 4] = ["password", "passwd", "passphrase", "secret"];

/// Whether a field of that name holds a secret.
pub fn names_secret(field: &str) -> bool {
    let lower = field.to_lowercase();
    lower.contains("api_key") || lower.split(['_', '-', '.']).any(|word| WORDS.contains(&word))
}

/// Whether a field of that name holds a secret whatever its type is: `password`, and not `password_length`.
pub fn names_password(field: &str) -> bool {
    let lower = field.to_lowercase();
    lower
        .rsplit(['_', '-', '.'])
        .next()
        .is_some_and(|word| PASSWORDS.contains(&word))
}

/// Whether a text is a URL with a password: `scheme://user:password@host`, or `scheme://host?password=…`.
pub fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    has_userinfo(rest) || query(rest).any(|(name, value)| names_secret(name) && !value.is_empty())
}

/// Passwords with a `/`, `?` or `#` that was not escaped count, though no parser takes them.
fn has_userinfo(rest: &str) -> bool {
    let Some((user, password)) = rest.rsplit_once('@').and_then(|(before, _)| before.split_once(':')) else {
        return false;
    };
    let ends: [char; 3] = ['/', '?', '#'];
    // `host:80/a@b` has a port there, and `host/a:b@c` a path.
    let is_port = password
        .split_once(ends)
        .is_some_and(|(port, _)| port.bytes().all(|byte| byte.is_ascii_digit()));
    !user.contains(ends) && !password.is_empty() && !is_port
}

fn query(rest: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    query.split(['&', ';', '#']).filter_map(|pair| pair.split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_judged_by_its_words() {
        for field in [
            "password",
            "redis_password",
            "API_TOKEN",
            "x.secret",
            "apikey",
            "my_api_key",
        ] {
            assert!(names_secret(field), "{field}");
        }
        for field in ["tokens", "tokenizer", "passing", "compass", ""] {
            assert!(!names_secret(field), "{field}");
        }
        assert!(names_password("redis_password") && !names_password("password_length") && !names_password("token"));
    }

    #[test]
    fn a_url_has_a_password_or_only_what_looks_like_one() {
        for text in [
            "redis://me:hunter2@host:6379/0",
            "http://:p@h",
            "redis://me:hun/ter2@host",
            "redis://me:1234@host",
            "postgres://h/db?user=me&password=x",
            "https://h?api_token=x",
        ] {
            assert!(has_password(text), "{text}");
        }
        for text in [
            "redis://me@host:6379/0",
            "redis://me:@host",
            "http://host:80/a@b:c",
            "http://host/a:b@c",
            "http://host?tokens=5&q=a:b",
            "me:hunter2@host",
            "",
        ] {
            assert!(!has_password(text), "{text}");
        }
    }
}
