//! Kills recorded runs at random moments and says what was lost: `record_chaos [ROUNDS [SEED [FLUSH_MS]]]`. It fails where
//! a segment is torn, or where more than a flush interval was lost.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use system_tests::killed::{Kill, kill_one};

const ROUNDS: u64 = 100;
/// The recorder's `flush`, in milliseconds.
const FLUSH_MS: u64 = 500;
/// A round is killed within so many intervals.
const INTERVALS: u64 = 6;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().ok());
    let mut next = |default| arguments.next().flatten().unwrap_or(default);
    let (rounds, mut seed, flush_ms) = (next(ROUNDS), next(1).max(1), next(FLUSH_MS).max(100));
    let flush = Duration::from_millis(flush_ms);
    let (mut losses, mut readings, mut bad) = (Vec::new(), 0, 0);
    for round in 1..=rounds {
        // xorshift64 (G. Marsaglia, "Xorshift RNGs", 2003).
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let after = Duration::from_millis(seed % (INTERVALS * flush_ms));
        let left = kill_one(&Kill { after, flush });
        readings += left.readings;
        let late = (left.lost > flush).then(|| format!("{} ms are lost", left.lost.as_millis()));
        for trouble in left.torn.iter().chain(&left.trouble).chain(&late) {
            bad += 1;
            say(&format!("round {round}, killed after {after:?}: {trouble}"));
        }
        losses.push(left.lost);
    }
    losses.sort();
    let of = |place: usize| losses.get(place).map_or(0, Duration::as_millis);
    say(&format!(
        "{rounds} kills, {readings} readings left, {bad} troubles; {} ms lost in half of them, at most {} ms, with a flush of {flush_ms} ms",
        of(losses.len() / 2),
        of(losses.len().saturating_sub(1)),
    ));
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say(text: &str) {
    // Where nobody reads it the exit status is left.
    let _ = writeln!(std::io::stdout(), "{text}");
}
