//! Gives inputs to a target: counts panics, and notices an input that takes too long.

use crate::mutate::input;
use crate::targets::{Ready, Target};
use rustix::time::{ClockId, clock_gettime};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How much of a CPU one input may take. Time of the CPU and not of the wall, for others work on this machine too.
pub const LONGEST: Duration = Duration::from_secs(2);
/// How long one input may take on the wall: a reader that waits for something.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// An input that made a target fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its number.
    pub number: u64,
    /// The input itself.
    pub input: Vec<u8>,
    /// What the panic said.
    pub why: String,
}

/// What came of feeding a target.
#[derive(Clone, Debug, Default)]
pub struct Fed {
    /// Inputs given.
    pub inputs: u64,
    /// Inputs that made it panic.
    pub panics: u64,
    /// The first of those; no more than [`KEPT`].
    pub failures: Vec<Failure>,
    /// How long it took.
    pub took: Duration,
}

/// The most failures of a target that are kept.
pub const KEPT: usize = 5;

/// What the last panic of this process said, with its place.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// Feeds the inputs from one number up to another. `tell` hears of each number before its input is given, and `hung`
/// of one that takes too long, from another thread.
pub fn feed(
    target: &Target,
    seed: u64,
    numbers: std::ops::Range<u64>,
    mut tell: impl FnMut(u64),
    hung: impl Fn(u64) + Send,
) -> Fed {
    let ready = target.ready();
    let begun = Instant::now();
    let mut fed = Fed::default();
    let current = AtomicU64::new(numbers.start);
    let over = AtomicBool::new(false);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        let mut last = LAST_PANIC.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *last = info.to_string();
    }));
    std::thread::scope(|scope| {
        let watched = (&current, &over);
        scope.spawn(move || watch(watched.0, watched.1, hung));
        for number in numbers {
            current.store(number, Ordering::Relaxed);
            tell(number);
            give(&ready, seed, number, &mut fed);
        }
        over.store(true, Ordering::Relaxed);
    });
    std::panic::set_hook(before);
    fed.took = begun.elapsed();
    fed
}

fn give(ready: &Ready, seed: u64, number: u64, fed: &mut Fed) {
    let bytes = input(&ready.material, seed, number);
    fed.inputs += 1;
    if catch_unwind(AssertUnwindSafe(|| (ready.read)(&bytes))).is_ok() {
        return;
    }
    fed.panics += 1;
    if fed.failures.len() < KEPT {
        let why = LAST_PANIC.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        fed.failures.push(Failure {
            number,
            input: bytes,
            why: why.clone(),
        });
    }
}

/// Looks again and again whether the same input still is at work.
fn watch(current: &AtomicU64, over: &AtomicBool, hung: impl Fn(u64)) {
    let mut since = (current.load(Ordering::Relaxed), cpu_time(), Instant::now());
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK_AGAIN);
        let number = current.load(Ordering::Relaxed);
        if number != since.0 {
            since = (number, cpu_time(), Instant::now());
        } else if cpu_time().saturating_sub(since.1) > LONGEST || since.2.elapsed() > LONGEST_WAIT {
            hung(number);
            since = (number, cpu_time(), Instant::now());
        }
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutate::Material;

    const PICKY: Target = Target {
        name: "test",
        about: "a reader to test with",
        material: || Material {
            seeds: vec![b"good".to_vec(), b"bad".to_vec()],
            words: &[],
            longest: 10,
        },
        reader: || Box::new(refuse_bad),
    };

    fn refuse_bad(bytes: &[u8]) {
        assert_ne!(bytes, b"bad", "this is bad");
    }

    #[test]
    fn a_panic_is_counted_and_kept_with_its_input() {
        let mut told = Vec::new();
        let fed = feed(&PICKY, 1, 0..2, |number| told.push(number), |_| ());
        assert_eq!((fed.inputs, fed.panics, told), (2, 1, vec![0, 1]));
        assert_eq!(
            (fed.failures[0].number, fed.failures[0].input.as_slice()),
            (1, &b"bad"[..])
        );
        assert!(fed.failures[0].why.contains("this is bad"), "{}", fed.failures[0].why);
    }
}
