//! What was seen of one target over one span: a number for each signal, or none. Absent is never zero.

use crate::signal::{COUNT, Signal};
use pipeline_plugin_api::prelude::*;

/// See the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    numbers: [Option<f64>; COUNT],
    /// Numbers by part, for signals that have parts, in the order of parts.
    pub parts: Vec<(Signal, Part, f64)>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            numbers: [None; COUNT],
            parts: Vec::new(),
        }
    }
}

impl Seen {
    /// The number of a signal.
    pub fn get(&self, signal: Signal) -> Option<f64> {
        self.numbers.get(signal as usize).copied().flatten()
    }

    /// Sets the number of a signal.
    pub fn set(&mut self, signal: Signal, number: Option<f64>) {
        if let Some(place) = self.numbers.get_mut(signal as usize) {
            *place = number;
        }
    }

    /// The numbers of a signal by part.
    pub fn of_parts(&self, signal: Signal) -> impl Iterator<Item = (Part, f64)> {
        let of = self.parts.iter().filter(move |(this, ..)| *this == signal);
        of.map(|(_, part, number)| (*part, *number))
    }

    /// Cycles per instruction, from the counts where there are counts.
    pub fn cpi(&self) -> Option<f64> {
        let counted = self.ratio(Signal::Cycles, Signal::Instructions);
        let inverse = || self.get(Signal::Ipc).filter(|ipc| *ipc > 0.0).map(|ipc| 1.0 / ipc);
        counted.or_else(|| self.get(Signal::Cpi)).or_else(inverse)
    }

    /// Instructions per cycle.
    pub fn ipc(&self) -> Option<f64> {
        self.cpi().filter(|cpi| *cpi > 0.0).map(|cpi| 1.0 / cpi)
    }

    /// Misses of the last-level cache per instruction.
    pub fn misses(&self) -> Option<f64> {
        let thousandth = |signal| self.get(signal).map(|mpki| mpki / 1000.0);
        self.ratio(Signal::LoadMisses, Signal::Instructions)
            .or_else(|| self.ratio(Signal::Misses, Signal::Instructions))
            .or_else(|| thousandth(Signal::LoadMpki))
            .or_else(|| thousandth(Signal::Mpki))
    }

    /// References of the last-level cache per instruction.
    pub fn references(&self) -> Option<f64> {
        self.ratio(Signal::Loads, Signal::Instructions)
            .or_else(|| self.ratio(Signal::References, Signal::Instructions))
    }

    /// The share of cache references that missed.
    pub fn miss_rate(&self) -> Option<f64> {
        self.ratio(Signal::Misses, Signal::References)
            .or_else(|| self.get(Signal::MissRate))
            .or_else(|| self.ratio(Signal::LoadMisses, Signal::Loads))
    }

    /// Cycles per instruction that were stalled on a miss of the L3.
    pub fn stalls(&self) -> Option<f64> {
        let share = || Some(self.get(Signal::StalledL3)? * self.cpi()?);
        self.ratio(Signal::StallsL3, Signal::Instructions).or_else(share)
    }

    /// Bytes a second to and from devices.
    pub fn io(&self) -> Option<f64> {
        match (self.get(Signal::Read), self.get(Signal::Written)) {
            (None, None) => None,
            (read, written) => Some(read.unwrap_or(0.0) + written.unwrap_or(0.0)),
        }
    }

    /// Requests a second that it is asked for, or that it answered where that is not told.
    pub fn load(&self) -> Option<f64> {
        self.get(Signal::Offered).or_else(|| self.get(Signal::Answered))
    }

    fn ratio(&self, over: Signal, under: Signal) -> Option<f64> {
        let (over, under) = (self.get(over)?, self.get(under)?);
        (under > 0.0).then(|| over / under)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(numbers: &[(Signal, f64)]) -> Seen {
        let mut seen = Seen::default();
        for (signal, number) in numbers {
            seen.set(*signal, Some(*number));
        }
        seen
    }

    #[test]
    fn counts_go_before_what_a_collector_computed() {
        let both = seen(&[
            (Signal::Cycles, 300.0),
            (Signal::Instructions, 100.0),
            (Signal::Cpi, 9.0),
        ]);
        assert_eq!(both.cpi(), Some(3.0));
        assert_eq!(seen(&[(Signal::Ipc, 0.5)]).cpi(), Some(2.0));
    }

    #[test]
    fn what_was_not_seen_is_absent_and_nothing_is_divided_by_nothing() {
        assert_eq!(Seen::default().cpi(), None);
        assert_eq!(Seen::default().io(), None);
        assert_eq!(seen(&[(Signal::Cycles, 0.0), (Signal::Instructions, 0.0)]).cpi(), None);
        assert_eq!(seen(&[(Signal::Ipc, 0.0)]).cpi(), None);
    }

    #[test]
    fn misses_are_per_instruction_whoever_counted_them() {
        assert_eq!(seen(&[(Signal::LoadMpki, 5.0)]).misses(), Some(0.005));
        let counted = seen(&[(Signal::Misses, 5.0), (Signal::Instructions, 1000.0)]);
        assert_eq!(counted.misses(), Some(0.005));
        let rate = seen(&[(Signal::Misses, 5.0), (Signal::References, 20.0)]);
        assert_eq!(rate.miss_rate(), Some(0.25));
    }
}
