//! When a command is to run: its window, its restarts and their delays. Pure: instants in, decisions out.

use crate::config::{Restart, RunConfig};
use pipeline_plugin_api::prelude::*;

/// The longest wait before a restart.
const LONGEST_BACKOFF: Nanos = Nanos::from_secs(10);
/// A life this long shows that the command works, so that the next failure is the first of its row.
const LONG_LIFE: Nanos = Nanos::from_secs(10);

/// What follows an end that nobody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It starts again then.
    Restart(Nanos),
    /// It has done what it had to.
    Done,
    /// It stays down until its window begins again: it failed, and is not to be restarted.
    Down,
    /// It stays down until its window begins again: it was restarted as often as allowed.
    GivenUp,
}

/// Whether a command is to run.
#[derive(Clone, Debug)]
pub struct Course {
    window: Window,
    restart: Restart,
    backoff: Nanos,
    most: u32,
    in_a_row: u32,
    not_before: Nanos,
}

impl Course {
    /// The course that a config describes.
    pub fn of(config: &RunConfig) -> Self {
        Self {
            window: config.window(),
            restart: config.restart,
            backoff: config.backoff.nanos(),
            most: config.restarts,
            in_a_row: 0,
            not_before: Nanos::ZERO,
        }
    }

    /// Whether it is to run at that instant.
    pub fn wants(&self, at: Nanos) -> bool {
        self.window.holds(at) && at >= self.not_before
    }

    /// Whether it may start as far as its earlier ends are concerned, whatever its window.
    pub fn is_rested(&self, at: Nanos) -> bool {
        at >= self.not_before
    }

    /// Earlier ends count no more.
    pub fn begin_anew(&mut self) {
        self.in_a_row = 0;
        self.not_before = Nanos::ZERO;
    }

    /// Whether its window ends at some time.
    pub fn is_bounded(&self) -> bool {
        self.window.to.is_some()
    }

    /// The next instant at which [`Course::wants`] may say something else.
    pub fn next_edge(&self, at: Nanos) -> Option<Nanos> {
        let restart = (at < self.not_before && self.not_before < Nanos::FOREVER).then_some(self.not_before);
        [self.window.next_edge(at), restart].into_iter().flatten().min()
    }

    /// It ended at `at` by itself, after that long a life, well or not.
    pub fn ended(&mut self, at: Nanos, lived: Nanos, well: bool) -> Next {
        let again = match self.restart {
            Restart::Never => false,
            Restart::OnFailure => !well,
            Restart::Always => true,
        };
        if !again {
            self.rest(at);
            return if well { Next::Done } else { Next::Down };
        }
        if lived >= LONG_LIFE {
            self.in_a_row = 0;
        }
        if self.in_a_row >= self.most {
            self.rest(at);
            return Next::GivenUp;
        }
        self.not_before = at + self.delay();
        self.in_a_row += 1;
        Next::Restart(self.not_before)
    }

    /// Twice as long for each restart in a row, up to the longest.
    fn delay(&self) -> Nanos {
        let factor = 1_u64.checked_shl(self.in_a_row).unwrap_or(u64::MAX);
        Nanos(self.backoff.0.saturating_mul(factor)).min(LONGEST_BACKOFF)
    }

    /// Not again in this window.
    fn rest(&mut self, at: Nanos) {
        self.in_a_row = 0;
        self.not_before = self.window.next_edge(at).unwrap_or(Nanos::FOREVER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(restart: Restart, start: u64, stop: u64, every: u64) -> Course {
        let span = |seconds: u64| (seconds > 0).then(|| Span::secs(seconds));
        Course::of(&RunConfig {
            restart,
            start: Span::secs(start),
            stop: span(stop),
            every: span(every),
            ..RunConfig::default()
        })
    }

    const fn s(seconds: u64) -> Nanos {
        Nanos::from_secs(seconds)
    }

    #[test]
    fn it_runs_in_its_windows() {
        let course = course(Restart::Never, 12, 24, 48);
        let running: Vec<u64> = (0..100).filter(|second| course.wants(s(*second))).collect();
        assert_eq!(running, (12..24).chain(60..72).collect::<Vec<_>>());
        assert_eq!(course.next_edge(s(0)), Some(s(12)));
    }

    #[test]
    fn one_that_ended_well_waits_for_its_next_window() {
        let mut course = course(Restart::OnFailure, 12, 24, 48);
        assert_eq!(course.ended(s(15), s(3), true), Next::Done);
        let running: Vec<u64> = (15..100).filter(|second| course.wants(s(*second))).collect();
        assert_eq!(running, (60..72).collect::<Vec<_>>());
    }

    #[test]
    fn one_that_never_restarts_and_has_one_window_stays_down() {
        let mut course = course(Restart::Never, 0, 0, 0);
        assert_eq!(course.ended(s(1), s(1), false), Next::Down);
        assert!(!course.wants(s(1_000_000)));
        assert_eq!(course.next_edge(s(2)), None);
    }

    #[test]
    fn delays_double_up_to_the_longest_and_then_it_gives_up() {
        let mut course = course(Restart::Always, 0, 0, 0);
        let mut delays = Vec::new();
        let mut at = s(0);
        while let Next::Restart(then) = course.ended(at, s(0), false) {
            delays.push((then - at).0 / 1_000_000);
            at = then;
        }
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
        assert!(!course.wants(s(1_000_000)));
    }

    #[test]
    fn a_long_life_begins_the_row_anew() {
        let mut course = course(Restart::OnFailure, 0, 0, 0);
        for _ in 0..5 {
            course.ended(s(0), s(0), false);
        }
        assert_eq!(
            course.ended(s(100), s(10), false),
            Next::Restart(s(100) + Nanos::from_millis(100))
        );
    }

    #[test]
    fn a_backoff_holds_the_restart_back() {
        let mut course = course(Restart::Always, 0, 0, 0);
        course.ended(s(1), s(1), true);
        assert!(!course.wants(s(1)));
        assert_eq!(course.next_edge(s(1)), Some(Nanos::from_millis(1100)));
        assert!(course.wants(Nanos::from_millis(1100)));
    }
}
