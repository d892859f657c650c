//! Kills recorded runs at random moments and says what was lost: `record_chaos [ROUNDS] [SEED]`.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use system_tests::killed::{Kill, kill_one};

const FLUSH: Duration = Duration::from_millis(500);
/// A round is killed within this time.
const WITHIN_MS: u64 = 3000;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().ok());
    let rounds = arguments.next().flatten().unwrap_or(100);
    let mut seed = arguments.next().flatten().unwrap_or(1).max(1);
    let (mut worst, mut readings, mut bad) = (Duration::ZERO, 0, 0);
    for round in 1..=rounds {
        // xorshift64 (G. Marsaglia, "Xorshift RNGs", 2003).
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let after = Duration::from_millis(seed % WITHIN_MS);
        let left = kill_one(&Kill { after, flush: FLUSH });
        worst = worst.max(left.lost);
        readings += left.readings;
        for trouble in left.torn.iter().chain(&left.trouble) {
            bad += 1;
            say(&format!("round {round}, killed after {after:?}: {trouble}"));
        }
    }
    say(&format!(
        "{rounds} kills, {readings} readings left, {bad} troubles; at most {} ms lost with a flush of {} ms",
        worst.as_millis(),
        FLUSH.as_millis()
    ));
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say(text: &str) {
    // Where nobody reads it the exit status is left.
    let _ = writeln!(std::io::stdout(), "{text}");
}
