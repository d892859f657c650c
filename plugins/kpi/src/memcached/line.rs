//! One line of a memcached server's answer, as `doc/protocol.txt` of memcached has them. Pure.

use crate::protocol::Answer;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// So many bytes of a value follow, and a line's end; then more lines of the same answer.
    Item(usize),
    /// The answer is whole.
    Last(Answer),
}

/// The largest item that a server can be told to keep (`memcached -I 1024m`).
const LARGEST_ITEM: usize = 1 << 30;

/// Reads a line without its end; `None` where a memcached server would not say that.
pub fn parse(line: &[u8]) -> Option<Line> {
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.split(' ');
    match words.next()? {
        "VALUE" => item(words),
        "END" | "STORED" | "DELETED" | "NOT_FOUND" if words.next().is_none() => Some(Line::Last(Answer::Good)),
        "VERSION" => Some(Line::Last(Answer::Good)),
        "ERROR" | "CLIENT_ERROR" | "SERVER_ERROR" | "NOT_STORED" => Some(Line::Last(Answer::Refused(text.to_owned()))),
        _ => None,
    }
}

/// `VALUE key flags bytes`, and a number for compare-and-swap where it was asked for.
fn item<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Line> {
    let size: usize = words.nth(2)?.parse().ok()?;
    (size <= LARGEST_ITEM).then_some(Line::Item(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_protocol_are_read() {
        let good = Some(Line::Last(Answer::Good));
        for text in ["END", "STORED", "DELETED", "NOT_FOUND", "VERSION 1.6.18"] {
            assert_eq!(parse(text.as_bytes()), good, "{text}");
        }
        assert_eq!(parse(b"VALUE pipeline:kpi:7 0 64"), Some(Line::Item(64)));
        let text = "SERVER_ERROR out of memory storing object";
        assert_eq!(
            parse(text.as_bytes()),
            Some(Line::Last(Answer::Refused(text.to_owned())))
        );
    }

    #[test]
    fn what_no_memcached_says_is_no_line() {
        let foreign = [
            "",
            "+OK",
            "-ERR unknown command",
            "$-1",
            "HTTP/1.1 400 Bad Request",
            "ENDE",
            "END 1",
        ];
        for text in foreign
            .into_iter()
            .chain(["VALUE k 0", "VALUE k 0 -1", "VALUE k 0 1073741825"])
        {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"\xff\xfe"), None);
    }
}
