//! Texts meant by a pattern. For names of metrics and targets it is the name, or what stands before a `*` at its end, as
//! `cpu.*` ([`matches()`], [`fault`]); for command lines, other free texts and names that policies are told `*` stands for
//! any text and `?` for any one byte ([`fits`]). Linear in practice: no pattern makes it slow or deep.

/// Whether a name is meant by a pattern.
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

/// What keeps a text from being a name or a pattern, and how to mend it: for
/// [`crate::config::Configure::check`].
pub fn fault(pattern: &str) -> Option<(String, &'static str)> {
    let body = pattern.strip_suffix('*').unwrap_or(pattern);
    let good = !pattern.is_empty() && !body.contains('*');
    (!good).then(|| {
        (
            format!("`{pattern}` is no name of a metric and no pattern"),
            "a pattern ends in its only `*`, such as `cpu.*`",
        )
    })
}

/// Whether the whole text fits a pattern in which `*` stands for any text and `?` for any one byte.
pub fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where the last `*` stands, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                at = place + 1;
                from = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// Whether the text fits one of the patterns. No pattern means that every text does.
pub fn fits_any(patterns: &[String], text: &[u8]) -> bool {
    patterns.is_empty() || fits_one(patterns, text)
}

/// Whether the text fits one of the patterns. No pattern means that no text does.
pub fn fits_one(patterns: &[String], text: &[u8]) -> bool {
    patterns.iter().any(|pattern| fits(pattern.as_bytes(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_rest() {
        for (pattern, name, meant) in [
            ("cpu.time", "cpu.time", true),
            ("cpu.time", "cpu.times", false),
            ("cpu.*", "cpu.run_delay", true),
            ("cpu.*", "cpux", false),
            ("*", "anything", true),
        ] {
            assert_eq!(matches(pattern, name), meant, "{pattern} {name}");
        }
    }

    #[test]
    fn one_star_at_the_end_is_all_there_may_be() {
        assert_eq!(fault("cpu.*"), None);
        assert!(["", "*.time", "a**"].iter().all(|pattern| fault(pattern).is_some()));
    }

    #[test]
    fn stars_and_question_marks_stand_for_what_they_say() {
        for (pattern, text, fit) in [
            ("redis-server", "redis-server", true),
            ("redis*", "redis-server", true),
            ("redis", "redis-server", false),
            ("*server", "redis-server", true),
            ("*s*r*", "redis-server", true),
            ("*--port 77?7*", "redis-server --port 7777 --save", true),
            ("*--port 77?7", "redis-server --port 7777 --save", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("", "", true),
            ("", "a", false),
            ("**", "", true),
            ("?", "", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), fit, "{pattern} {text}");
        }
    }

    #[test]
    fn no_patterns_mean_all_texts_or_none_as_asked() {
        assert!(fits_any(&[], b"anything") && !fits_one(&[], b"anything"));
        let some = ["a*".to_owned(), "b".to_owned()];
        for (text, fit) in [(&b"anything"[..], true), (b"b", true), (b"c", false)] {
            assert_eq!((fits_any(&some, text), fits_one(&some, text)), (fit, fit));
        }
    }

    /// What the definition says, read literally.
    fn slowly(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some(b'*'), _) => slowly(&pattern[1..], text) || (!text.is_empty() && slowly(pattern, &text[1..])),
            (Some(b'?'), Some(_)) => slowly(&pattern[1..], &text[1..]),
            (Some(a), Some(b)) => a == b && slowly(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    proptest::proptest! {
        #[test]
        fn it_agrees_with_the_definition(pattern in "[ab*?]{0,7}", text in "[ab]{0,8}") {
            proptest::prop_assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), slowly(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_matched_without_a_panic(pattern: Vec<u8>, text: Vec<u8>) {
            let _ = fits(&pattern, &text);
        }
    }
}
