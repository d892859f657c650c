//! The one clock of a run, real or virtual; nothing else in the project asks the system for the time.
//!
//! Real time is monotonic and begins at 0. Virtual time stands still until the loop moves it to the
//! next instant, so that an hour passes as fast as it can be computed.

use pipeline_plugin_api::abi::Nanos;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A run's clock. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    wall_at_zero: u64,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Real(Instant),
    Virtual(AtomicU64),
}

impl Clock {
    /// A clock that starts now.
    pub fn real() -> Self {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos() as u64);
        Self(Arc::new(Inner {
            wall_at_zero: wall,
            source: Source::Real(Instant::now()),
        }))
    }

    /// A clock that stands at 0 until it is moved. Its zero is the start of 1970.
    pub fn simulated() -> Self {
        Self(Arc::new(Inner {
            wall_at_zero: 0,
            source: Source::Virtual(AtomicU64::new(0)),
        }))
    }

    /// The time since the run's start.
    pub fn now(&self) -> Nanos {
        match &self.0.source {
            Source::Real(start) => Nanos(start.elapsed().as_nanos() as u64),
            Source::Virtual(now) => Nanos(now.load(Ordering::Acquire)),
        }
    }

    /// Nanoseconds since 1970. Steps of the system's clock during the run do not show in it.
    pub fn wall(&self) -> Nanos {
        Nanos(self.0.wall_at_zero) + self.now()
    }

    /// Whether time must be moved by hand.
    pub fn is_virtual(&self) -> bool {
        matches!(self.0.source, Source::Virtual(_))
    }

    /// Moves virtual time on to that instant; never back. Does nothing to real time.
    pub fn advance_to(&self, at: Nanos) {
        if let Source::Virtual(now) = &self.0.source {
            now.fetch_max(at.0, Ordering::AcqRel);
        }
    }

    /// Sleeps until that instant; in virtual time, moves it there.
    pub fn sleep_until(&self, at: Nanos) {
        match &self.0.source {
            Source::Real(_) => std::thread::sleep((at - self.now()).into()),
            Source::Virtual(_) => self.advance_to(at),
        }
    }
}

/// Waits for the system, whatever the run's clock: between tries of something that is busy.
pub fn pause(span: std::time::Duration) {
    std::thread::sleep(span);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_time_passes() {
        let clock = Clock::real();
        let before = clock.now();
        clock.sleep_until(before + Nanos::from_millis(2));
        assert!(clock.now() >= before + Nanos::from_millis(2));
        assert!(clock.wall().0 > 1_600_000_000_000_000_000);
    }

    #[test]
    fn virtual_time_stands_until_it_is_moved_and_never_goes_back() {
        let clock = Clock::simulated();
        assert_eq!(clock.now(), Nanos::ZERO);
        clock.advance_to(Nanos(50));
        clock.advance_to(Nanos(20));
        assert_eq!(clock.clone().now(), Nanos(50));
    }
}
