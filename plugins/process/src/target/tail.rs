//! The last lines that a command wrote to its standard error, read from a pipe without ever waiting.

use rustix::io::{Errno, retry_on_intr};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd};

/// Most bytes kept.
const KEPT: usize = 4096;
/// Most lines told.
const LINES: usize = 5;
/// Most reads a call: what a pipe holds by default (pipe(7)), so that one noisy command does not hold its node.
const READS: usize = 16;

/// The reading end of a pipe and the end of what came out of it.
#[derive(Debug)]
pub struct Tail {
    pipe: Option<OwnedFd>,
    kept: VecDeque<u8>,
}

impl Tail {
    /// Reads from that pipe, or from nothing.
    pub fn new(pipe: Option<OwnedFd>) -> Self {
        let pipe = pipe.filter(|pipe| rustix::io::ioctl_fionbio(pipe, true).is_ok());
        Self {
            pipe,
            kept: VecDeque::new(),
        }
    }

    /// The descriptor that is readable when there is something new.
    pub fn descriptor(&self) -> Option<i32> {
        self.pipe.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// Takes what is there.
    pub fn drain(&mut self) {
        let mut buffer = [0; 4096];
        for _ in 0..READS {
            let Some(pipe) = &self.pipe else { return };
            match retry_on_intr(|| rustix::io::read(pipe, &mut buffer)) {
                Ok(0) => self.pipe = None,
                Ok(length) => self.keep(&buffer[..length]),
                Err(Errno::AGAIN) => return,
                Err(_) => self.pipe = None,
            }
        }
    }

    /// The last lines in one, with ` | ` between them.
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self.kept.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(LINES)..].join(" | ")
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.kept.extend(bytes);
        let too_many = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..too_many);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn only_the_end_is_kept() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut tail = Tail::new(Some(reader.into()));
        for line in 0..2000 {
            writeln!(writer, "line {line}").unwrap();
        }
        writeln!(writer, "last").unwrap();
        tail.drain();
        assert_eq!(tail.text(), "line 1996 | line 1997 | line 1998 | line 1999 | last");
        assert_eq!(tail.kept.len(), KEPT);
    }

    #[test]
    fn an_empty_pipe_does_not_wait_and_a_closed_one_is_no_descriptor_any_more() {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut tail = Tail::new(Some(reader.into()));
        tail.drain();
        assert!(tail.descriptor().is_some());
        drop(writer);
        tail.drain();
        assert_eq!(
            tail.descriptor(),
            None,
            "a descriptor at its end would be ready for ever"
        );
    }
}
