//! How often knobs were turned, and for how long they were held.
//!
//! A lease that is renewed as it is turns nothing. A knob counts as turned when what is in force becomes another value,
//! and when it goes back to how it was found.

use crate::stretch::Stretch;
use crate::trial::Turn;
use pipeline_plugin_api::abi::{Fate, Nanos};
use std::collections::BTreeMap;

/// What is in force: a number's bits and a text.
type Setting<'a> = (u64, &'a str);

/// How many times knobs were turned at or after an instant.
pub fn changes(turns: &[Turn], since: Nanos) -> u64 {
    let mut count = 0;
    follow(turns, |turn, before, after| {
        count += u64::from(turn.at >= since && before.is_some_and(|(_, setting)| Some(setting) != after));
        count += u64::from(turn.at >= since && before.is_none() && after.is_some());
    });
    count
}

/// From when to when any knob of any target was held, one stretch for each time; those still held at `end` until then.
pub fn holds(turns: &[Turn], end: Nanos) -> Vec<Stretch> {
    let mut held = Vec::new();
    let mut open: BTreeMap<(&str, &str), Nanos> = BTreeMap::new();
    follow(turns, |turn, before, after| {
        let knob = (turn.target.as_str(), turn.knob.as_str());
        match (before, after) {
            (None, Some(_)) => {
                open.insert(knob, turn.at);
            }
            (Some(_), None) => held.extend(open.remove(&knob).map(|from| Stretch::new(from, turn.at))),
            _ => {}
        }
    });
    held.extend(open.into_values().map(|from| Stretch::new(from, end)));
    held.sort_unstable();
    held
}

/// Calls `each` with every turn that says what is in force, what was in force before it (and since when), and after it.
fn follow<'a>(turns: &'a [Turn], mut each: impl FnMut(&'a Turn, Option<(Nanos, Setting<'a>)>, Option<Setting<'a>>)) {
    let mut force: BTreeMap<(&str, &str), (Nanos, Setting<'_>)> = BTreeMap::new();
    for turn in turns {
        let after = match turn.fate {
            Fate::APPLIED | Fate::CLAMPED => Some((turn.value.to_bits(), turn.text.as_str())),
            Fate::LAPSED | Fate::UNDONE | Fate::TAKEN => None,
            // What was refused or only planned leaves what is in force.
            _ => continue,
        };
        let knob = (turn.target.as_str(), turn.knob.as_str());
        let before = force.remove(&knob);
        each(turn, before, after);
        if let Some(setting) = after {
            force.insert(knob, (turn.at, setting));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(at: u64, target: &str, fate: Fate, value: f64) -> Turn {
        Turn {
            at: Nanos(at),
            target: target.to_owned(),
            knob: "cpu.quota".to_owned(),
            fate,
            value,
            text: String::new(),
        }
    }

    #[test]
    fn what_is_renewed_is_not_turned() {
        let turns = [
            turn(1, "a", Fate::APPLIED, 0.5),
            turn(2, "a", Fate::APPLIED, 0.5),
            turn(3, "a", Fate::CLAMPED, 0.2),
            turn(4, "b", Fate::REFUSED, 0.1),
            turn(5, "a", Fate::PLANNED, 0.1),
            turn(6, "a", Fate::UNDONE, 1.0),
            turn(7, "a", Fate::LAPSED, 1.0),
        ];
        assert_eq!(changes(&turns, Nanos(0)), 3);
        assert_eq!(changes(&turns, Nanos(3)), 2);
        assert_eq!(holds(&turns, Nanos(9)), [Stretch::new(Nanos(1), Nanos(6))]);
    }

    #[test]
    fn what_is_never_put_back_is_held_to_the_end() {
        let turns = [
            turn(2, "a", Fate::APPLIED, 0.5),
            turn(1, "b", Fate::APPLIED, 0.5),
            turn(4, "b", Fate::TAKEN, 3.0),
        ];
        assert_eq!(
            holds(&turns, Nanos(9)),
            [Stretch::new(Nanos(1), Nanos(4)), Stretch::new(Nanos(2), Nanos(9))]
        );
    }

    #[test]
    fn nothing_done_is_nothing_turned() {
        assert_eq!(changes(&[], Nanos(0)), 0);
        assert_eq!(holds(&[], Nanos(9)), []);
    }
}
