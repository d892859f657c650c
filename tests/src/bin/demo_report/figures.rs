//! The figures of a run, from its windows, and how they are printed.

use std::collections::BTreeMap;
use std::fmt::Write;
use system_tests::measured::detection::{Detection, blamed, detection, median_ms};
use system_tests::measured::pool::{Pool, share_left_out};
use system_tests::measured::record::Record;
use system_tests::measured::windows::{Kind, Window};

/// A run in which the disturbance is less than this many times what it disturbs shows nothing: the machine was
/// disturbed by others all the time.
const VALID: f64 = 5.0;

/// What a window of the demo shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// The victim without the batch work.
    Alone,
    /// Both, and nobody acts.
    Disturbed,
    /// Both, and the policy acts.
    Protected,
    /// Both, and the batch work has `cpu.idle` without any policy: what the remedy alone gives.
    Reference,
}

/// All of them, in the order in which they follow each other.
pub const KINDS: [Shown; 4] = [Shown::Alone, Shown::Disturbed, Shown::Protected, Shown::Reference];

impl Shown {
    /// Who acts in it, by the names of `configs/quickstart.ron`.
    pub fn kind(self) -> Kind {
        match self {
            Self::Alone => Kind::Alone,
            Self::Disturbed => Kind::Disturbed,
            Self::Protected => Kind::under("guard"),
            Self::Reference => Kind::under("bare"),
        }
    }
}

/// The figures of a run.
#[derive(Debug)]
pub struct Figures {
    pools: BTreeMap<Shown, Pool>,
    detections: Vec<Detection>,
    actions: Vec<String>,
    /// Whether stops were measured.
    measured: bool,
}

impl Figures {
    /// Pools the windows of a run.
    pub fn of(record: &Record, windows: &[Window]) -> Self {
        let pools = KINDS.map(|shown| (shown, Pool::of(windows, &shown.kind()))).into();
        let disturbed = windows.iter().filter(|window| window.kind == Kind::Disturbed);
        let detections = disturbed.map(|window| detection(record, window)).collect();
        Self {
            pools,
            detections,
            actions: actions(record),
            measured: !record.hiccups.is_empty(),
        }
    }

    /// Whether a second of each kind counts.
    pub fn is_whole(&self) -> bool {
        self.pools.values().all(|pool| pool.kept > 0)
    }

    /// The table and the lines.
    pub fn text(&self) -> String {
        let mut text = self.table();
        text.push_str("\ndisturbed at   noticed after   blamed after   blamed (through)\n");
        for found in &self.detections {
            let after = |ms: Option<f64>| ms.map_or("not".to_owned(), |ms| format!("{ms:.0} ms"));
            let (noticed, blamed) = (after(found.after_ms), after(found.blamed_ms));
            let culprit = found.culprit.as_deref().unwrap_or("nobody");
            let began = found.began as f64 / 1e9;
            let _ = writeln!(
                text,
                "{began:10.1} s {noticed:>15} {blamed:>14}   {culprit} ({})",
                found.resource
            );
        }
        text.push_str("\nactions\n");
        for action in &self.actions {
            let _ = writeln!(text, "{action}");
        }
        text.push('\n');
        for (name, value) in self.lines() {
            let _ = writeln!(text, "{name}: {value}");
        }
        text
    }

    fn table(&self) -> String {
        let head = "\nwindow      windows  seconds  left out  stopped  requests   p50 ms   p99 ms  batch CPUs\n";
        let mut text = String::from(head);
        for (kind, pool) in &self.pools {
            let requests: u64 = pool.counts.values().sum();
            let name = format!("{kind:?}").to_lowercase();
            let (p50, p99) = (figure(pool.quantile_ms(0.5), 3), figure(pool.quantile_ms(0.99), 3));
            let (stopped, cpus) = (figure(pool.stopped, 4), figure(pool.batch_cpus, 3));
            let (windows, kept, left_out) = (pool.windows, pool.kept, pool.left_out);
            let _ = writeln!(
                text,
                "{name:10} {windows:8} {kept:8} {left_out:9} {stopped:>8} {requests:9} {p50:>8} {p99:>8} {cpus:>11}"
            );
        }
        if !self.measured {
            text.push_str("(stops of CPUs were not measured: seconds are left out by steal alone)\n");
        }
        text
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let p99 = |kind| {
            self.pools
                .get(&kind)
                .and_then(|pool| pool.quantile_ms(0.99))
                .unwrap_or(f64::NAN)
        };
        let cpus = |kind| {
            self.pools
                .get(&kind)
                .and_then(|pool| pool.batch_cpus)
                .unwrap_or(f64::NAN)
        };
        let (alone, disturbed, protected) = (p99(Shown::Alone), p99(Shown::Disturbed), p99(Shown::Protected));
        let valid = disturbed >= VALID * alone;
        vec![
            (
                "valid",
                if valid {
                    "yes".to_owned()
                } else {
                    format!("no, disturbed is not {VALID} times alone")
                },
            ),
            (
                "recovered",
                format!("{:.3}", ((disturbed - protected) / (disturbed - alone)).clamp(0.0, 1.0)),
            ),
            ("protected_over_alone", format!("{:.2}", protected / alone)),
            ("disturbed_over_alone", format!("{:.2}", disturbed / alone)),
            (
                "detected_ms",
                median_ms(&self.detections).map_or("none".to_owned(), |after| format!("{after:.0}")),
            ),
            (
                "culprit",
                self.detections
                    .iter()
                    .find_map(|found| found.culprit.clone())
                    .unwrap_or("none".to_owned()),
            ),
            (
                "culprit_right",
                format!("{} of {}", blamed(&self.detections, "batch"), self.detections.len()),
            ),
            (
                "batch_kept",
                format!("{:.3}", cpus(Shown::Protected) / cpus(Shown::Disturbed)),
            ),
            (
                "batch_kept_of_idle",
                format!("{:.3}", cpus(Shown::Protected) / cpus(Shown::Reference)),
            ),
            (
                "seconds_left_out",
                format!("{:.3}", share_left_out(self.pools.values())),
            ),
        ]
    }
}

/// Outcomes of the policy's own actions, renewals left out.
fn actions(record: &Record) -> Vec<String> {
    let mut last = String::new();
    let mut lines = Vec::new();
    for outcome in record.outcomes.iter().filter(|outcome| outcome.node == "limit") {
        let what = format!("{} {} of {}", outcome.fate, outcome.knob, outcome.target);
        if what != last {
            lines.push(format!("{:10.1} s   {what}", outcome.at as f64 / 1e9));
        }
        last = what;
    }
    lines
}

fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::histogram::bucket;
    use system_tests::measured::seconds::{Counts, Second};

    /// A second in which all requests took as long.
    fn second(settled: bool, left_out: bool, nanos: u64, batch_cpus: f64) -> Second {
        Second {
            settled,
            left_out,
            counts: Counts::from([(bucket(nanos), 6000)]),
            batch_cpus,
            stopped: Some(0.001),
        }
    }

    /// A window that reacts for a second, is disturbed by the hypervisor for one, and counts for one.
    fn window(shown: Shown, nanos: u64) -> Window {
        Window {
            kind: shown.kind(),
            began: 0,
            to: 3_000_000_000,
            seconds: vec![
                second(false, false, 90_000_000, 1.0),
                second(true, true, 90_000_000, 0.0),
                second(true, false, nanos, 0.5),
            ],
        }
    }

    fn figures() -> Figures {
        let alike = [(Shown::Alone, 300_000), (Shown::Disturbed, 2_300_000)];
        let helped = [(Shown::Protected, 400_000), (Shown::Reference, 400_000)];
        let windows = alike
            .into_iter()
            .chain(helped)
            .map(|(shown, nanos)| window(shown, nanos));
        Figures::of(&Record::default(), &windows.collect::<Vec<_>>())
    }

    fn line(figures: &Figures, name: &str) -> String {
        let found = figures.lines().into_iter().find(|(this, _)| *this == name);
        found.unwrap().1
    }

    #[test]
    fn a_second_that_is_left_out_is_in_no_tail() {
        let figures = figures();
        let p99 = figures.pools[&Shown::Disturbed].quantile_ms(0.99).unwrap();
        assert!((2.3..2.32).contains(&p99), "{p99}");
        assert_eq!(line(&figures, "seconds_left_out"), "0.500");
        assert_eq!(line(&figures, "recovered"), "0.950");
        assert!(figures.is_whole());
    }

    #[test]
    fn the_time_in_which_a_policy_reacts_is_in_what_the_batch_work_used() {
        assert_eq!(figures().pools[&Shown::Protected].batch_cpus, Some(0.75));
    }

    #[test]
    fn a_kind_of_which_nothing_is_left_has_no_figures_and_is_told() {
        let figures = Figures::of(&Record::default(), &[window(Shown::Alone, 300_000)]);
        assert!(!figures.is_whole());
        assert_eq!(line(&figures, "recovered"), "NaN");
        let text = figures.text();
        assert!(
            text.contains("protected         0        0         0        -"),
            "{text}"
        );
    }
}
