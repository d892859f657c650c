//! Where the tokens and the groups in brackets of a text stand, roughly: enough to move them about, for any format.

use std::ops::Range;

/// The words, quoted texts and single marks of a text; blanks are left out.
pub fn tokens(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + length(&bytes[at..]);
        if !bytes[at].is_ascii_whitespace() {
            found.push(at..end);
        }
        at = end;
    }
    found
}

/// The groups in `()`, `[]` and `{}`, with their brackets. Those without a partner are left out.
pub fn groups(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    for token in tokens(bytes) {
        match bytes[token.start] {
            b'(' | b'[' | b'{' => open.push(token.start),
            b')' | b']' | b'}' => found.extend(open.pop().map(|start| start..token.end)),
            _ => {}
        }
    }
    found
}

fn length(bytes: &[u8]) -> usize {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(byte) || *byte >= 0x80;
    match bytes[0] {
        b'"' => bytes[1..]
            .iter()
            .position(|byte| *byte == b'"')
            .map_or(1, |end| end + 2),
        byte if is_word(&byte) => bytes.iter().take_while(|byte| is_word(byte)).count(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8], ranges: Vec<Range<usize>>) -> Vec<String> {
        let text = |range: Range<usize>| String::from_utf8_lossy(&bytes[range]).into_owned();
        ranges.into_iter().map(text).collect()
    }

    #[test]
    fn words_quoted_texts_and_marks_are_tokens() {
        let text = b"(a.b: \"c d\", 12)";
        assert_eq!(texts(text, tokens(text)), ["(", "a.b", ":", "\"c d\"", ",", "12", ")"]);
    }

    #[test]
    fn groups_lie_in_each_other_and_a_lone_bracket_is_none() {
        let text = b"(a, [b]) (";
        assert_eq!(texts(text, groups(text)), ["[b]", "(a, [b])"]);
    }

    #[test]
    fn an_open_quote_is_a_mark() {
        assert_eq!(texts(b"\"a", tokens(b"\"a")), ["\"", "a"]);
    }
}
