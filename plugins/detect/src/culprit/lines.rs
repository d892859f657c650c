//! What every target used and how it did, span by span, over a window: lines of equal length that end at the same span.
//! Bounded. Somewhat more than the window is kept, so that a look that takes a while sees the same lines to its end.

use crate::seen::Seen;
use crate::signal::Signal;
use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// What neighbours are seen to use.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// CPU time.
    Cpu,
    /// Last-level cache.
    Cache,
    /// Memory traffic.
    Memory,
    /// Device traffic.
    Io,
}

/// All of them.
pub const USES: [Use; 4] = [Use::Cpu, Use::Cache, Use::Memory, Use::Io];

impl Use {
    fn of(self, seen: &Seen) -> Option<f64> {
        match self {
            Self::Cpu => seen.get(Signal::Cpu),
            Self::Cache => seen.get(Signal::Occupancy),
            Self::Memory => seen.get(Signal::Bandwidth),
            Self::Io => seen.io(),
        }
    }
}

/// Spans that are kept beside the window: for how long a look may take.
pub const SLACK: usize = 64;

/// The signal, then each use.
const COLUMNS: usize = 1 + USES.len();

/// What is kept of a target, a column each; not a number where absent.
#[derive(Clone, Debug, Default)]
struct Rows {
    last: u64,
    columns: [VecDeque<f32>; COLUMNS],
    /// The last span in which each was read; 0 for never.
    read: [u64; COLUMNS],
}

/// See the file.
#[derive(Clone, Debug)]
pub struct Lines {
    depth: usize,
    span: u64,
    rows: BTreeMap<TargetId, Rows>,
}

impl Lines {
    /// Empty lines of at most so many spans.
    pub fn new(depth: usize) -> Self {
        Self {
            depth,
            span: 0,
            rows: BTreeMap::new(),
        }
    }

    /// A span is over.
    pub fn next(&mut self) {
        self.span += 1;
    }

    /// The number of the span that was over last.
    pub fn span(&self) -> u64 {
        self.span
    }

    /// Whether lines that end at that span can still be told.
    pub fn reaches(&self, upto: u64) -> bool {
        self.span.saturating_sub(upto) <= SLACK as u64
    }

    /// How long the lines are that end at a span.
    pub fn length(&self, upto: u64) -> usize {
        self.depth.min(upto as usize)
    }

    /// What was seen of a target in the span that is over.
    pub fn keep(&mut self, id: TargetId, signal: Option<f64>, seen: &Seen) {
        let rows = self.rows.entry(id).or_default();
        let most = self.depth + SLACK;
        let missed = if rows.last > 0 {
            self.span.saturating_sub(rows.last + 1).min(most as u64) as usize
        } else {
            0
        };
        let uses = USES.iter().map(|used| used.of(seen));
        let columns = rows.columns.iter_mut().zip(&mut rows.read);
        for ((column, read), value) in columns.zip(std::iter::once(signal).chain(uses)) {
            column.extend(std::iter::repeat_n(f32::NAN, missed));
            let value = value.map(|value| value as f32).filter(|value| value.is_finite());
            column.push_back(value.unwrap_or(f32::NAN));
            *read = if value.is_some() { self.span } else { *read };
            while column.len() > most {
                column.pop_front();
            }
        }
        rows.last = self.span;
    }

    /// A target went.
    pub fn forget(&mut self, id: TargetId) {
        self.rows.remove(&id);
    }

    /// How a victim did until that span, oldest first; not a number where absent.
    pub fn signal(&self, id: TargetId, upto: u64, line: &mut Vec<f64>) {
        line.clear();
        match self.rows.get(&id) {
            Some(rows) => rows.write(0, f64::NAN, self.length(upto), upto, line),
            None => line.resize(self.length(upto), f64::NAN),
        }
    }

    /// What a target used. One that was not there used nothing; of one whose use nobody reads nothing is known, and false
    /// is said.
    pub fn used(&self, id: TargetId, used: Use, upto: u64, line: &mut Vec<f64>) -> bool {
        line.clear();
        let (place, length) = (1 + used as usize, self.length(upto));
        let is_read = |rows: &&Rows| {
            rows.read
                .get(place)
                .is_some_and(|read| read + length as u64 > upto.max(length as u64))
        };
        let Some(rows) = self.rows.get(&id).filter(is_read) else {
            return false;
        };
        rows.write(place, 0.0, length, upto, line);
        true
    }
}

impl Rows {
    /// A line of a column: `before` where the target was not there yet, then what is kept, then nothing where it is late.
    fn write(&self, place: usize, before: f64, length: usize, upto: u64, line: &mut Vec<f64>) {
        let Some(column) = self.columns.get(place) else { return };
        // Spans are numbered from 1; both are those that come first.
        let first = upto + 1 - length as u64;
        let kept = self.last + 1 - column.len() as u64;
        line.resize((kept.max(first) - first).min(length as u64) as usize, before);
        let from = first.saturating_sub(kept).min(column.len() as u64) as usize;
        let to = (upto + 1).saturating_sub(kept).min(column.len() as u64) as usize;
        let (older, newer) = column.as_slices();
        let split = older.len();
        for part in [
            &older[from.min(split)..to.min(split)],
            &newer[from.max(split) - split..to.max(split) - split],
        ] {
            line.extend(part.iter().map(|value| f64::from(*value)));
        }
        line.resize(length, f64::NAN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(value: f64) -> Seen {
        let mut seen = Seen::default();
        seen.set(Signal::Cpu, Some(value));
        seen
    }

    fn signal(lines: &Lines, id: u32, upto: u64) -> Vec<f64> {
        let mut line = Vec::new();
        lines.signal(TargetId(id), upto, &mut line);
        line
    }

    #[test]
    fn lines_end_now_and_one_that_was_not_there_used_nothing() {
        let mut lines = Lines::new(4);
        let seen = cpu(0.5);
        for span in 1..=6 {
            lines.next();
            lines.keep(TargetId(1), Some(f64::from(span)), &seen);
            if span == 6 {
                lines.keep(TargetId(2), None, &seen);
            }
        }
        let mut line = Vec::new();
        assert_eq!(signal(&lines, 1, 6), [3.0, 4.0, 5.0, 6.0]);
        assert!(lines.used(TargetId(2), Use::Cpu, 6, &mut line));
        assert_eq!(line, [0.0, 0.0, 0.0, 0.5]);
        assert!(!lines.used(TargetId(2), Use::Memory, 6, &mut line));
        lines.next();
        let late = signal(&lines, 1, 7);
        assert_eq!(late[..3], [4.0, 5.0, 6.0]);
        assert!(late[3].is_nan());
    }

    #[test]
    fn a_line_stays_as_it_was_for_a_while_and_no_more_is_kept() {
        let mut lines = Lines::new(8);
        let keep = |lines: &mut Lines| {
            lines.next();
            lines.keep(TargetId(1), Some(lines.span() as f64), &cpu(0.5));
        };
        (0..20).for_each(|_| keep(&mut lines));
        let before = signal(&lines, 1, 20);
        for _ in 0..SLACK {
            keep(&mut lines);
            assert!(lines.reaches(20));
            assert_eq!(signal(&lines, 1, 20), before);
        }
        keep(&mut lines);
        assert!(!lines.reaches(20));
        assert_eq!(lines.rows[&TargetId(1)].columns[0].len(), 8 + SLACK);
    }
}
