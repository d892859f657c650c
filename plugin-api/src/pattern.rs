//! Names meant by a pattern: the same text, or the text before a `*` at its end, as `cpu.*`.

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
}
