//! What every target used and how it did, span by span, over a window: lines of equal length that end now. Bounded.

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

/// What is kept of a span: the signal, then each use; not a number where absent.
type Row = [f32; 1 + USES.len()];

const ABSENT: Row = [f32::NAN; 1 + USES.len()];

/// See the file.
#[derive(Clone, Debug)]
pub struct Lines {
    depth: usize,
    span: u64,
    rows: BTreeMap<TargetId, (u64, VecDeque<Row>)>,
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

    /// What was seen of a target in the span that is over.
    pub fn keep(&mut self, id: TargetId, signal: Option<f64>, seen: &Seen) {
        let mut row = ABSENT;
        row[0] = signal.map_or(f32::NAN, |signal| signal as f32);
        for (place, used) in row.iter_mut().skip(1).zip(USES) {
            *place = used.of(seen).map_or(f32::NAN, |used| used as f32);
        }
        let (last, rows) = self.rows.entry(id).or_default();
        let missed = if *last > 0 {
            self.span.saturating_sub(*last + 1).min(self.depth as u64)
        } else {
            0
        };
        rows.extend((0..missed).map(|_| ABSENT));
        rows.push_back(row);
        while rows.len() > self.depth {
            rows.pop_front();
        }
        *last = self.span;
    }

    /// A target went.
    pub fn forget(&mut self, id: TargetId) {
        self.rows.remove(&id);
    }

    /// How a victim did, oldest first.
    pub fn signal(&self, id: TargetId) -> Vec<Option<f64>> {
        self.line(id, 0, None)
    }

    /// What a target used. One that was not there used nothing; of one whose use nobody reads nothing is known.
    pub fn used(&self, id: TargetId, used: Use) -> Option<Vec<Option<f64>>> {
        let place = 1 + USES.iter().position(|this| *this == used)?;
        let (_, rows) = self.rows.get(&id)?;
        let read = rows.iter().any(|row| row[place].is_finite());
        read.then(|| self.line(id, place, Some(0.0)))
    }

    fn line(&self, id: TargetId, place: usize, before: Option<f64>) -> Vec<Option<f64>> {
        let length = self.depth.min(self.span as usize);
        let mut line = vec![before; length];
        let Some((last, rows)) = self.rows.get(&id) else {
            return line;
        };
        let late = self.span.saturating_sub(*last) as usize;
        let end = length.saturating_sub(late);
        line[end..].fill(None);
        for (to, row) in line[..end].iter_mut().rev().zip(rows.iter().rev()) {
            *to = row[place].is_finite().then_some(f64::from(row[place]));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_now_and_one_that_was_not_there_used_nothing() {
        let mut lines = Lines::new(4);
        let mut seen = Seen::default();
        seen.set(Signal::Cpu, Some(0.5));
        for span in 1..=6 {
            lines.next();
            lines.keep(TargetId(1), Some(f64::from(span)), &seen);
            if span == 6 {
                lines.keep(TargetId(2), None, &seen);
            }
        }
        assert_eq!(lines.signal(TargetId(1)), [3.0, 4.0, 5.0, 6.0].map(Some));
        assert_eq!(
            lines.used(TargetId(2), Use::Cpu).unwrap(),
            [0.0, 0.0, 0.0, 0.5].map(Some)
        );
        assert_eq!(lines.used(TargetId(2), Use::Memory), None);
        lines.next();
        assert_eq!(lines.signal(TargetId(1))[2..], [Some(6.0), None]);
    }
}
