//! How long memory takes to answer, by how much is asked of it.
//!
//! The curve is flat up to most of the bandwidth and then steep, as measured on real controllers (Esmaili-Dokht et al.: "A
//! Mess of memory system benchmarking, simulation and application profiling", MICRO 2024; Intel's Memory Latency Checker
//! prints the same shape): latency = idle · (1 + A · u² / (1 − u)), the waiting time of a queue with one server
//! (Pollaczek and Khinchine) with a factor for the many banks that share the work. Beyond `KNEE` it goes on as a
//! straight line, so that what asks for more than there is gets slower until it fits.

/// A, such that a controller used at 90 % takes half as long again, and at 95 % twice as long.
const FACTOR: f64 = 0.06;
/// The utilisation beyond which the curve is a straight line.
const KNEE: f64 = 0.97;
/// Steps of the search; the bracket then is a 4096th.
const STEPS: usize = 12;
/// Nothing is slower than so many times the idle latency.
const MOST: f64 = 400.0;

/// How many times the idle latency memory takes at that share of its bandwidth.
pub fn slowdown(used: f64) -> f64 {
    let curve = |u: f64| 1.0 + FACTOR * u * u / (1.0 - u);
    match used {
        used if used <= KNEE => curve(used.max(0.0)),
        used => curve(KNEE) + (used - KNEE) * 200.0,
    }
}

/// The latency at which what is asked of memory is what it answers at that latency, as a multiple of the idle one:
/// `used` gives the share of the bandwidth that is asked for at a latency, and falls with it.
pub fn settle(used: impl Fn(f64) -> f64) -> f64 {
    let fast = slowdown(used(1.0));
    // Nobody who waits asks for less than those who need not wait at all.
    if fast < 1.02 {
        return fast;
    }
    let (mut low, mut high) = (1.0_f64, fast.min(MOST));
    for _ in 0..STEPS {
        // Latencies are searched by their ratios.
        let middle = (low * high).sqrt();
        match slowdown(used(middle)) > middle {
            true => low = middle,
            false => high = middle,
        }
    }
    (low * high).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_fast_until_most_of_it_is_used() {
        assert!(slowdown(0.5) < 1.04 && slowdown(0.9) > 1.45 && slowdown(0.95) > 2.0);
        assert!(slowdown(1.2) > slowdown(1.1));
    }

    #[test]
    fn who_waits_for_memory_asks_for_what_there_is() {
        // Eight cores that would each take a quarter, and half of whose time is waiting.
        let used = |latency: f64| 2.0 / (0.5 + 0.5 * latency);
        let latency = settle(used);
        assert!((slowdown(used(latency)) / latency - 1.0).abs() < 0.05, "{latency}");
        assert!(used(latency) < 1.05);
    }

    #[test]
    fn an_idle_controller_takes_no_search() {
        assert_eq!(settle(|_| 0.0), 1.0);
    }
}
