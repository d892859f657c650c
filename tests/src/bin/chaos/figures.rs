//! What a series showed, as lines `name value unit`.

use crate::arguments::Series;
use crate::round::Ended;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The figures of a series.
#[derive(Debug)]
pub struct Figures {
    name: &'static str,
    wanted: u64,
    seed: u64,
    rounds: u64,
    as_found: u64,
    took: Vec<Duration>,
    turned: BTreeMap<String, u64>,
}

impl Figures {
    /// None yet.
    pub fn new(series: &Series) -> Self {
        Self {
            name: if series.guardian { "chaos_restore" } else { "chaos_kill" },
            wanted: series.rounds,
            seed: series.seed,
            rounds: 0,
            as_found: 0,
            took: Vec::new(),
            turned: BTreeMap::new(),
        }
    }

    /// Adds a round.
    pub fn add(&mut self, ended: Ended) {
        self.rounds += 1;
        self.as_found += u64::from(ended.wrong.is_none());
        self.took.extend(ended.took);
        self.took.sort_unstable();
        for (knob, times) in ended.turned {
            *self.turned.entry(knob).or_default() += times;
        }
    }

    /// Whether all rounds that were wanted were run and left the host as found, and something was turned in them.
    pub fn all_as_found(&self) -> bool {
        self.as_found == self.wanted && !self.turned.is_empty()
    }

    fn p50(&self) -> Option<Duration> {
        self.took.get(self.took.len().checked_sub(1)? / 2).copied()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        let millis =
            |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{:.1}", time.as_secs_f64() * 1e3));
        let (p50, max) = (millis(self.p50()), millis(self.took.last().copied()));
        let (as_found, wanted) = (self.as_found, self.wanted);
        writeln!(
            out,
            "{name}: {as_found} of {wanted} as found, p50 {p50} ms, max {max} ms"
        )?;
        writeln!(out, "{name}_seed {} 1", self.seed)?;
        writeln!(out, "{name}_rounds {} 1", self.rounds)?;
        writeln!(out, "{name}_as_found {as_found} 1")?;
        writeln!(out, "{name}_p50 {p50} ms")?;
        writeln!(out, "{name}_max {max} ms")?;
        for (knob, times) in &self.turned {
            writeln!(out, "{name}_turned_{knob} {times} 1")?;
        }
        if self.turned.is_empty() {
            writeln!(out, "{name}: no knob was turned, so nothing was shown")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(rounds: &[(Option<&str>, u64)]) -> Figures {
        let series = Series {
            rounds: rounds.len() as u64,
            seed: 3,
            guardian: false,
            shared: false,
            within: Duration::from_secs(1),
        };
        let mut figures = Figures::new(&series);
        for (wrong, millis) in rounds {
            figures.add(Ended {
                what: String::new(),
                wrong: wrong.map(str::to_owned),
                took: Some(Duration::from_millis(*millis)),
                turned: [("cpu.idle".to_owned(), 2)].into(),
            });
        }
        figures
    }

    #[test]
    fn one_round_that_went_wrong_is_enough() {
        let good = figures(&[(None, 10), (None, 30), (None, 20)]);
        assert!(good.all_as_found());
        assert!(
            good.to_string()
                .starts_with("chaos_kill: 3 of 3 as found, p50 20.0 ms, max 30.0 ms\n")
        );
        assert!(good.to_string().contains("chaos_kill_turned_cpu.idle 6 1\n"));
        assert!(!figures(&[(None, 10), (Some("a group is left"), 30)]).all_as_found());
    }

    #[test]
    fn a_series_in_which_nothing_was_turned_shows_nothing() {
        let mut idle = figures(&[(None, 10)]);
        idle.turned.clear();
        assert!(!idle.all_as_found());
        assert!(idle.to_string().contains("nothing was shown"));
    }
}
