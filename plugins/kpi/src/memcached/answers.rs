//! Answers out of what a memcached server sends, which comes in pieces of any length. Values are thrown away as they
//! come, so that what is held is bounded by [`CHUNK`] and [`LONGEST_LINE`].

use super::line::{Line, parse};
use crate::error::ConnectionError;
use crate::protocol::Answer;
use std::io::{self, Read};

/// What was read and not used yet.
#[derive(Debug, Default)]
pub struct Answers {
    bytes: Vec<u8>,
    /// Where in `bytes` what is not used begins.
    used: usize,
}

/// How much is read at a time.
const CHUNK: usize = 16 << 10;
/// A key has 250 bytes at most; errors have words.
const LONGEST_LINE: usize = 2048;
/// So much of a foreign answer is repeated.
const REPEATED: usize = 60;
/// How a line, and a value, ends.
const END: &[u8] = b"\r\n";

impl Answers {
    /// Waits for the next answer.
    ///
    /// # Errors
    /// The connection ended, or what came is no answer of a memcached server.
    pub fn next(&mut self, from: &mut impl Read) -> Result<Answer, ConnectionError> {
        loop {
            match self.line(from)? {
                Line::Last(answer) => return Ok(answer),
                Line::Item(size) => self.skip_value(size, from)?,
            }
        }
    }

    fn line(&mut self, from: &mut impl Read) -> Result<Line, ConnectionError> {
        let mut looked_at = 0;
        loop {
            let unused = self.unused();
            let found = unused[looked_at..].windows(END.len()).position(|pair| pair == END);
            if let Some(length) = found.map(|at| looked_at + at) {
                let line = parse(&unused[..length]).ok_or_else(|| foreign(unused));
                self.used += length + END.len();
                return line;
            }
            if unused.len() > LONGEST_LINE {
                return Err(foreign(unused));
            }
            // The first half of an end may be there already.
            looked_at = unused.len().saturating_sub(1);
            self.read(from)?;
        }
    }

    fn skip_value(&mut self, size: usize, from: &mut impl Read) -> Result<(), ConnectionError> {
        let mut left = size;
        while left > 0 {
            let there = left.min(self.unused().len());
            self.used += there;
            left -= there;
            if left > 0 {
                self.read(from)?;
            }
        }
        while self.unused().len() < END.len() {
            self.read(from)?;
        }
        if !self.unused().starts_with(END) {
            return Err(foreign(self.unused()));
        }
        self.used += END.len();
        Ok(())
    }

    fn unused(&self) -> &[u8] {
        self.bytes.get(self.used..).unwrap_or_default()
    }

    fn read(&mut self, from: &mut impl Read) -> Result<(), ConnectionError> {
        self.bytes.drain(..self.used);
        self.used = 0;
        let held = self.bytes.len();
        self.bytes.resize(held + CHUNK, 0);
        let read = from.read(&mut self.bytes[held..]);
        self.bytes.truncate(held + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(ConnectionError::Closed),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(ConnectionError::Silent),
            Err(error) => Err(error.into()),
        }
    }
}

fn foreign(bytes: &[u8]) -> ConnectionError {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words = String::from_utf8_lossy(line.get(..REPEATED).unwrap_or(line));
    ConnectionError::Foreign {
        kind: "memcached",
        words: words.escape_debug().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer that sends its words in pieces of that length.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    /// All answers in what a peer sends, and why there are no more.
    fn answers(words: &[u8], piece: usize) -> (Vec<Answer>, ConnectionError) {
        let (mut reader, mut peer, mut all) = (Answers::default(), Pieces(words, piece), Vec::new());
        loop {
            match reader.next(&mut peer) {
                Ok(answer) => all.push(answer),
                Err(why) => return (all, why),
            }
        }
    }

    #[test]
    fn answers_are_the_same_in_whatever_pieces_they_come() {
        let value = "a value with\r\nEND\r\n in it";
        let text = format!(
            "VALUE k 0 {}\r\n{value}\r\nEND\r\nEND\r\nSTORED\r\nSERVER_ERROR no\r\nDELETED\r\n",
            value.len()
        );
        let refused = Answer::Refused("SERVER_ERROR no".to_owned());
        let expected = [Answer::Good, Answer::Good, Answer::Good, refused, Answer::Good];
        for piece in 1..text.len() + 1 {
            let (found, why) = answers(text.as_bytes(), piece);
            assert_eq!(found, expected, "in pieces of {piece}");
            assert!(matches!(why, ConnectionError::Closed), "{why}");
        }
    }

    #[test]
    fn a_value_larger_than_what_is_read_at_a_time_is_skipped_and_not_held() {
        let size = CHUNK * 5 + 3;
        let text = [
            format!("VALUE k 0 {size}\r\n").into_bytes(),
            vec![b'x'; size],
            b"\r\nEND\r\n".to_vec(),
        ]
        .concat();
        let (mut reader, mut peer) = (Answers::default(), Pieces(&text, usize::MAX));
        assert_eq!(reader.next(&mut peer).unwrap(), Answer::Good);
        assert!(reader.bytes.capacity() <= 4 * CHUNK, "{}", reader.bytes.capacity());
    }

    #[test]
    fn another_kind_of_server_is_told_with_its_words() {
        let (found, why) = answers(b"-ERR unknown command 'version'\r\n", 7);
        assert_eq!(found, []);
        insta::assert_snapshot!(why, @"what came is no answer of a memcached server: `-ERR unknown command \\'version\\'`; does one listen at `address`?");
    }

    #[test]
    fn a_line_without_end_is_not_gathered_for_ever() {
        let (found, why) = answers(&vec![b'x'; 1 << 20], 1000);
        assert!(
            found.is_empty() && matches!(why, ConnectionError::Foreign { .. }),
            "{why}"
        );
    }

    #[test]
    fn a_value_of_another_length_than_was_said_is_no_answer() {
        let (found, why) = answers(b"VALUE k 0 3\r\nabcd\r\nEND\r\n", 100);
        assert!(
            found.is_empty() && matches!(why, ConnectionError::Foreign { .. }),
            "{why}"
        );
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_ends(words in proptest::collection::vec(0u8.., 0..400), piece in 1usize..50) {
            answers(&words, piece);
        }

        #[test]
        fn as_many_answers_as_were_sent_are_read(sizes in proptest::collection::vec(proptest::option::of(0usize..40_000), 0..20), piece in 1usize..20_000) {
            let mut text = Vec::new();
            for size in &sizes {
                if let Some(size) = size {
                    text.extend(format!("VALUE k 0 {size}\r\n").bytes().chain(vec![b'\r'; *size]).chain(*b"\r\n"));
                }
                text.extend(b"END\r\n");
            }
            proptest::prop_assert_eq!(answers(&text, piece).0.len(), sizes.len());
        }
    }
}
