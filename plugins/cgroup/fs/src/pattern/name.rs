//! A pattern over one name. It looks at each letter a bounded number of times, whatever the name is.

/// `nginx-*.service` as letters and wildcards.
#[derive(Clone, Debug)]
pub struct NamePattern(Vec<Token>);

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// This letter.
    Letter(char),
    /// Any letter.
    One,
    /// A letter in one of the ranges, or in none of them.
    Class { ranges: Vec<(char, char)>, inside: bool },
    /// Any letters, none included.
    Star,
}

impl NamePattern {
    /// Reads a pattern; `None` where a `[` is not closed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            tokens.push(match letter {
                '*' if tokens.last() == Some(&Token::Star) => continue,
                '*' => Token::Star,
                '?' => Token::One,
                '[' => class(&mut letters)?,
                letter => Token::Letter(letter),
            });
        }
        Some(Self(tokens))
    }

    /// Whether a name fits; what each wildcard stood for is added to `found` if it does.
    pub fn fits(&self, name: &str, found: &mut Vec<String>) -> bool {
        let letters: Vec<char> = name.chars().collect();
        let Some(ends) = self.ends(&letters) else {
            return false;
        };
        let mut from = 0;
        for (token, end) in self.0.iter().zip(ends) {
            if !matches!(token, Token::Letter(_)) {
                found.push(letters[from..end].iter().collect());
            }
            from = end;
        }
        true
    }

    /// Where the text of each token ends. Only the last star met can have to take more letters, since what stands
    /// before it was found as early as it can be.
    fn ends(&self, letters: &[char]) -> Option<Vec<usize>> {
        let mut ends: Vec<usize> = Vec::with_capacity(self.0.len());
        let mut last_star = None;
        loop {
            let (token, at) = (self.0.get(ends.len()), ends.last().copied().unwrap_or(0));
            match token {
                None if at == letters.len() => return Some(ends),
                Some(Token::Star) => {
                    last_star = Some(ends.len());
                    ends.push(at);
                }
                Some(token) if letters.get(at).is_some_and(|letter| token.is(*letter)) => ends.push(at + 1),
                _ => {
                    let star = last_star?;
                    ends.truncate(star + 1);
                    ends[star] += 1;
                    if ends[star] > letters.len() {
                        return None;
                    }
                }
            }
        }
    }
}

impl Token {
    fn is(&self, letter: char) -> bool {
        match self {
            Self::Letter(own) => *own == letter,
            Self::One => true,
            Self::Class { ranges, inside } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter)) == *inside
            }
            Self::Star => false,
        }
    }
}

/// What follows a `[`, up to its `]`, which may be the first letter of the class itself.
fn class(letters: &mut std::str::Chars<'_>) -> Option<Token> {
    let mut rest = letters.as_str();
    let inside = !rest.starts_with('!');
    rest = rest.strip_prefix('!').unwrap_or(rest);
    let first = rest.chars().next()?;
    let end = first.len_utf8() + rest.get(first.len_utf8()..)?.find(']')?;
    let listed: Vec<char> = rest[..end].chars().collect();
    *letters = rest[end + 1..].chars();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(&from) = listed.get(at) {
        match (listed.get(at + 1), listed.get(at + 2)) {
            (Some('-'), Some(&to)) => {
                ranges.push((from, to));
                at += 3;
            }
            _ => {
                ranges.push((from, from));
                at += 1;
            }
        }
    }
    Some(Token::Class { ranges, inside })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(pattern: &str, name: &str) -> Option<Vec<String>> {
        let mut found = Vec::new();
        NamePattern::parse(pattern)
            .unwrap()
            .fits(name, &mut found)
            .then_some(found)
    }

    #[test]
    fn stars_take_as_few_letters_as_will_do() {
        assert_eq!(found("*-*.scope", "a-b-c.scope").unwrap(), ["a", "b-c"]);
        assert_eq!(found("a*b*c", "abbc").unwrap(), ["", "b"]);
        assert_eq!(found("**", "ab").unwrap(), ["ab"]);
        assert_eq!(found("*a", "b"), None);
        assert_eq!(found("", "b"), None);
    }

    #[test]
    fn classes_have_ranges_and_a_bracket_or_a_dash_where_nothing_else_is_meant() {
        assert!(found("[a-c]", "b").is_some() && found("[a-c]", "-").is_none());
        assert!(found("[]x]", "]").is_some() && found("[a-]", "-").is_some());
        assert!(found("[!a-c]", "d").is_some() && found("[!a-c]", "b").is_none());
        assert!(NamePattern::parse("[a").is_none() && NamePattern::parse("[").is_none());
        assert!(NamePattern::parse("[]").is_none() && NamePattern::parse("[!").is_none());
    }

    #[test]
    fn a_pattern_of_many_stars_is_not_slow() {
        let pattern = "a*".repeat(30) + "b";
        let name = "a".repeat(200);
        assert_eq!(found(&pattern, &name), None);
    }

    proptest! {
        #[test]
        fn what_was_found_put_back_is_the_name(name in "[ab-]{0,8}") {
            for pattern in ["*a*", "a*-*b", "?*", "*"] {
                let Some(found) = found(pattern, &name) else { continue };
                let mut found = found.into_iter();
                let back: String = pattern
                    .chars()
                    .map(|letter| if "*?".contains(letter) { found.next().unwrap() } else { letter.to_string() })
                    .collect();
                prop_assert_eq!(back, name.clone());
            }
        }
    }
}
