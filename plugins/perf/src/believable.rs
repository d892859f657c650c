//! Whether the CPU's counters can be believed: a known loop is counted, and judged. Some virtual machines have counters
//! that answer, and count a few thousand instructions a second.

use crate::code::Code;
use crate::group::{Group, Place, Rules};
use std::hint::black_box;
use std::io;

/// What a known loop did, as the counters say.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Spin {
    /// Turns of the loop; each is one instruction at least.
    pub turns: u64,
    /// Time on the CPU, in ns, as the kernel counts it.
    pub nanos: u64,
    /// CPU cycles.
    pub cycles: u64,
    /// Instructions.
    pub instructions: u64,
    /// Share of the time in which the counters ran.
    pub share: f64,
}

/// What is to be thought of the counters.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// What they count is plausible.
    Believable(Spin),
    /// It is not, and why.
    Nonsense(String),
    /// They were taken by others all the time.
    Busy,
}

/// Turns between looks at the time.
const TURNS: u64 = 200_000;
/// How long the loop runs, in ns on the CPU.
const LONG_ENOUGH: u64 = 3_000_000;
/// Bounds the loop where even the time is nonsense.
const LOOKS: u32 = 200;

/// Counts a known loop and judges that; up to three times, as a hypervisor that takes the CPU away meanwhile makes any
/// count look wrong.
///
/// # Errors
/// There are no counters (`ENOENT`), or they may not be used.
pub fn tried() -> io::Result<Verdict> {
    const TRIES: usize = 3;
    let mut verdict = judge(spin()?);
    for _ in 1..TRIES {
        if matches!(verdict, Verdict::Believable(_)) {
            break;
        }
        verdict = judge(spin()?);
    }
    Ok(verdict)
}

/// Runs the loop and counts it on the calling thread.
fn spin() -> io::Result<Spin> {
    let rules = Rules {
        user_only: true,
        pinned: false,
    };
    let clock = Group::open(&[Code::software(1)], Place::Own, rules)?;
    let counters = Group::open(&[Code::hardware(0), Code::hardware(1)], Place::Own, rules)?;
    let nanos = || {
        Ok::<u64, io::Error>(
            clock
                .read()?
                .and_then(|counts| counts.values().first().copied())
                .unwrap_or(0),
        )
    };
    let (began, first) = (nanos()?, counters.read()?);
    let (mut turns, mut looks) = (0, 0);
    while looks < LOOKS && nanos()? - began < LONG_ENOUGH {
        for turn in 0..TURNS {
            black_box(turn);
        }
        turns += TURNS;
        looks += 1;
    }
    let (nanos, last) = (nanos()? - began, counters.read()?);
    let (Some(first), Some(last)) = (first, last) else {
        return Err(io::Error::other("the counters are in error"));
    };
    let added = |index: usize| last.values()[index].saturating_sub(first.values()[index]);
    let enabled = last.enabled.saturating_sub(first.enabled).max(1);
    Ok(Spin {
        turns,
        nanos,
        cycles: added(0),
        instructions: added(1),
        share: last.running.saturating_sub(first.running) as f64 / enabled as f64,
    })
}

/// Judges what was counted: instructions per cycle between 0.05 and 8, cycles between 0.1 and 10 a nanosecond, and no
/// fewer instructions than the loop has.
fn judge(spin: Spin) -> Verdict {
    if spin.share <= 0.0 {
        return Verdict::Busy;
    }
    let seconds = spin.nanos as f64 / 1e9;
    let scaled = |count: u64| count as f64 / spin.share.min(1.0);
    let (cycles, instructions) = (scaled(spin.cycles), scaled(spin.instructions));
    let (ipc, gigahertz) = (instructions / cycles, cycles / spin.nanos as f64);
    let is_enough = instructions >= 0.9 * spin.turns as f64;
    if is_enough && (0.05..=8.0).contains(&ipc) && (0.1..=10.0).contains(&gigahertz) {
        return Verdict::Believable(spin);
    }
    Verdict::Nonsense(format!(
        "a loop of {} turns took {seconds:.4} s and was counted as {} instructions and {} cycles",
        spin.turns, spin.instructions, spin.cycles
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: Spin = Spin {
        turns: 4_000_000,
        nanos: 3_000_000,
        cycles: 9_000_000,
        instructions: 8_000_000,
        share: 1.0,
    };

    #[test]
    fn a_plausible_count_is_believed_multiplexed_or_not() {
        assert_eq!(judge(FINE), Verdict::Believable(FINE));
        let half = Spin {
            cycles: FINE.cycles / 2,
            instructions: FINE.instructions / 2,
            share: 0.5,
            ..FINE
        };
        assert_eq!(judge(half), Verdict::Believable(half));
    }

    #[test]
    fn a_machine_that_counts_a_few_thousand_instructions_a_second_is_not_believed() {
        let judged = judge(Spin {
            cycles: 10,
            instructions: 8,
            ..FINE
        });
        assert!(
            matches!(&judged, Verdict::Nonsense(why) if why.contains("8 instructions")),
            "{judged:?}"
        );
    }

    #[test]
    fn zeros_and_impossible_rates_are_not_believed() {
        let zero = Spin {
            cycles: 0,
            instructions: 0,
            ..FINE
        };
        let fast = Spin {
            cycles: FINE.cycles * 100,
            instructions: FINE.instructions * 100,
            ..FINE
        };
        for spin in [zero, fast] {
            assert!(matches!(judge(spin), Verdict::Nonsense(_)), "{spin:?}");
        }
        assert_eq!(judge(Spin { share: 0.0, ..FINE }), Verdict::Busy);
    }

    #[test]
    fn what_was_tried_is_judged() {
        let judged = tried().map(|verdict| verdict == Verdict::Busy);
        assert_eq!(judged.is_err(), spin().is_err());
    }

    #[test]
    fn here_the_loop_is_counted_or_the_kernel_says_why_not() {
        match spin() {
            Ok(spin) => assert!(spin.turns > 0 && spin.nanos > 0, "{spin:?}"),
            Err(error) => assert!(error.raw_os_error().is_some(), "{error}"),
        }
    }
}
