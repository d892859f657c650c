//! What was told and is not yet written: bytes, and where each value ends in them. Bounded, so that a
//! disk that fails for hours costs values and not memory. No I/O: that is `fs`.

use std::collections::VecDeque;

/// Bytes that wait to be written, with the ends of the values in them.
#[derive(Debug)]
pub struct Spool {
    bytes: Vec<u8>,
    /// Where each value ends, counted from the first byte that ever was in the spool.
    ends: VecDeque<u64>,
    taken: u64,
    most_bytes: usize,
}

impl Spool {
    /// An empty spool that holds at most so many bytes.
    pub fn new(most_bytes: usize) -> Self {
        Self {
            bytes: Vec::new(),
            ends: VecDeque::new(),
            taken: 0,
            most_bytes,
        }
    }

    /// Takes in one value's text; `false` if there is no room for it.
    pub fn push(&mut self, text: &[u8]) -> bool {
        if self.bytes.len() + text.len() > self.most_bytes {
            return false;
        }
        self.bytes.extend_from_slice(text);
        self.ends.push_back(self.taken + self.bytes.len() as u64);
        true
    }

    /// What waits.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many values wait, the one that is written in part included.
    pub fn values(&self) -> usize {
        self.ends.len()
    }

    /// That many of the bytes are written.
    pub fn take(&mut self, bytes: usize) {
        self.bytes.drain(..bytes);
        self.taken += bytes as u64;
        while self.ends.front().is_some_and(|end| *end <= self.taken) {
            self.ends.pop_front();
        }
    }

    /// Gives up on what waits; says how many values that were.
    pub fn give_up(&mut self) -> usize {
        let values = self.values();
        self.take(self.bytes.len());
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_waits_until_its_last_byte_is_written() {
        let mut spool = Spool::new(100);
        assert!(spool.push(b"one\n") && spool.push(b"two\n"));
        spool.take(3);
        assert_eq!((spool.values(), spool.bytes()), (2, &b"\ntwo\n"[..]));
        spool.take(1);
        assert_eq!(spool.values(), 1);
        spool.take(4);
        assert_eq!((spool.values(), spool.bytes().len()), (0, 0));
    }

    #[test]
    fn a_full_spool_takes_no_more() {
        let mut spool = Spool::new(10);
        assert!(spool.push(b"12345") && spool.push(b"67890"));
        assert!(!spool.push(b"1"));
        spool.take(5);
        assert!(spool.push(b"1"));
        assert_eq!(spool.give_up(), 2);
        assert_eq!((spool.values(), spool.bytes().len()), (0, 0));
    }
}
