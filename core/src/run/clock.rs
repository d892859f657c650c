//! The one clock of a run, real or virtual; nothing else in the project asks the system for the time.
//!
//! Real time begins at 0, never steps, and goes on while the machine is suspended (CLOCK_BOOTTIME, clock_gettime(2)),
//! so that a lease which ended meanwhile is over when it wakes up. Virtual time stands still until the loop moves it
//! to the next instant, so that an hour passes as fast as it can be computed.

use pipeline_plugin_api::abi::Nanos;
use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

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
    /// When it began, on the kernel's clock.
    Real(Nanos),
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
            source: Source::Real(read(ClockId::Boottime)),
        }))
    }

    /// A clock that stands at 0 until it is moved. Its zero is that long after the start of 1970.
    pub fn simulated(wall: Nanos) -> Self {
        Self(Arc::new(Inner {
            wall_at_zero: wall.0,
            source: Source::Virtual(AtomicU64::new(0)),
        }))
    }

    /// The time since the run's start.
    pub fn now(&self) -> Nanos {
        match &self.0.source {
            Source::Real(start) => read(ClockId::Boottime) - *start,
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

fn read(clock: ClockId) -> Nanos {
    let time = clock_gettime(clock);
    Nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// A suspension shorter than this is none: the two clocks are not read at once.
const NAP: Nanos = Nanos::from_millis(500);

/// Notices that the machine was suspended: only one of the kernel's two clocks goes on then.
#[derive(Clone, Debug)]
pub struct Asleep {
    before: Nanos,
}

impl Asleep {
    /// From now on.
    pub fn new() -> Self {
        Self { before: Self::gap() }
    }

    /// For how long the machine was suspended since this was last asked, if it was.
    pub fn look(&mut self) -> Option<Nanos> {
        self.seen(Self::gap())
    }

    fn seen(&mut self, gap: Nanos) -> Option<Nanos> {
        let slept = gap - self.before;
        (slept >= NAP).then(|| {
            self.before = gap;
            slept
        })
    }

    fn gap() -> Nanos {
        read(ClockId::Boottime) - read(ClockId::Monotonic)
    }
}

impl Default for Asleep {
    fn default() -> Self {
        Self::new()
    }
}

/// Clock ticks since the boot, as `/proc/PID/stat` counts when processes started (proc_pid_stat(5), `starttime`).
pub fn boot_ticks() -> u64 {
    let ticks = u128::from(read(ClockId::Boottime).0) * u128::from(clock_ticks_per_second()) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
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
    fn a_suspension_is_noticed_once_and_noise_is_none() {
        let mut asleep = Asleep { before: Nanos(5_000) };
        assert_eq!(asleep.seen(Nanos(4_000)), None);
        assert_eq!(asleep.seen(Nanos(9_000)), None);
        let gap = Nanos(5_000) + Nanos::from_secs(60);
        assert_eq!(asleep.seen(gap), Some(Nanos::from_secs(60)));
        assert_eq!(asleep.seen(gap), None);
    }

    #[test]
    fn virtual_time_stands_until_it_is_moved_and_never_goes_back() {
        let clock = Clock::simulated(Nanos(7));
        assert_eq!(clock.wall(), Nanos(7));
        assert_eq!(clock.now(), Nanos::ZERO);
        clock.advance_to(Nanos(50));
        clock.advance_to(Nanos(20));
        assert_eq!(clock.clone().now(), Nanos(50));
    }
}
