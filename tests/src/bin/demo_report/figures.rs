//! The figures of a run, from its windows, and how they are printed.

use crate::record::{At, Finding, Record};
use crate::seconds::{Counts, Second};
use crate::windows::{KINDS, Kind, Window};
use pipeline_plugin_api::histogram::quantile;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A run in which the disturbance is less than this many times what it disturbs shows nothing: the machine was
/// disturbed by others all the time.
const VALID: f64 = 5.0;

/// Pooled windows of one kind.
#[derive(Debug, Default)]
struct Pool {
    /// Of which some second counts.
    windows: usize,
    /// Seconds whose requests count.
    kept: usize,
    /// Seconds whose requests would count, had the CPUs not stopped.
    left_out: usize,
    counts: Counts,
    /// CPUs that the batch work used, from the window's very beginning: the time in which a policy reacts is its own.
    batch_cpus: Option<f64>,
    /// The share of the kept seconds for which CPUs stopped all the same.
    stopped: Option<f64>,
}

/// What became of one disturbance: when it was noticed, and who was blamed.
#[derive(Debug)]
struct Detection {
    began: At,
    /// Until a finding about the victim began.
    after_ms: Option<f64>,
    /// Until somebody was blamed, who, and through what.
    blamed_ms: Option<f64>,
    culprit: Option<String>,
    resource: String,
}

/// The figures of a run.
#[derive(Debug)]
pub struct Figures {
    pools: BTreeMap<Kind, Pool>,
    detections: Vec<Detection>,
    actions: Vec<String>,
    /// Whether stops were measured.
    measured: bool,
}

impl Figures {
    /// Pools the windows of a run.
    pub fn of(record: &Record, windows: &[Window]) -> Self {
        let pools = KINDS.iter().map(|kind| (*kind, pool(windows, *kind))).collect();
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

    fn seconds_left_out(&self) -> f64 {
        let left_out: usize = self.pools.values().map(|pool| pool.left_out).sum();
        let kept: usize = self.pools.values().map(|pool| pool.kept).sum();
        left_out as f64 / (left_out + kept) as f64
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
        let (alone, disturbed, protected) = (p99(Kind::Alone), p99(Kind::Disturbed), p99(Kind::Protected));
        let blamed = |name: &str| {
            self.detections
                .iter()
                .filter(|found| found.culprit.as_deref() == Some(name))
                .count()
        };
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
                self.median_detection()
                    .map_or("none".to_owned(), |after| format!("{after:.0}")),
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
                format!("{} of {}", blamed("batch"), self.detections.len()),
            ),
            (
                "batch_kept",
                format!("{:.3}", cpus(Kind::Protected) / cpus(Kind::Disturbed)),
            ),
            (
                "batch_kept_of_idle",
                format!("{:.3}", cpus(Kind::Protected) / cpus(Kind::Reference)),
            ),
            ("seconds_left_out", format!("{:.3}", self.seconds_left_out())),
        ]
    }

    fn median_detection(&self) -> Option<f64> {
        let mut after: Vec<f64> = self.detections.iter().filter_map(|found| found.after_ms).collect();
        after.sort_by(f64::total_cmp);
        after.get(after.len() / 2).copied()
    }
}

impl Pool {
    /// The quantile of the pooled requests, in milliseconds.
    fn quantile_ms(&self, share: f64) -> Option<f64> {
        let pairs: Vec<(u32, u64)> = self.counts.iter().map(|(bucket, count)| (*bucket, *count)).collect();
        quantile(&pairs, share).map(|nanos| nanos as f64 / 1e6)
    }
}

fn pool(windows: &[Window], kind: Kind) -> Pool {
    let windows = || windows.iter().filter(|window| window.kind == kind);
    let all = || windows().flat_map(|window| &window.seconds);
    let kept: Vec<&Second> = windows().flat_map(Window::kept).collect();
    let mut counts = Counts::new();
    for (bucket, count) in kept.iter().flat_map(|second| &second.counts) {
        *counts.entry(*bucket).or_default() += count;
    }
    Pool {
        windows: windows().filter(|window| window.counts()).count(),
        kept: kept.len(),
        left_out: all().filter(|second| second.settled && second.left_out).count(),
        counts,
        batch_cpus: mean(all().filter(|second| !second.left_out).map(|second| second.batch_cpus)),
        stopped: mean(kept.iter().filter_map(|second| second.stopped)),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// What was said about the victim between the disturbance's beginning and its window's end.
fn detection(record: &Record, window: &Window) -> Detection {
    let during = |finding: &&Finding| (window.began..window.to).contains(&finding.at) && finding.victim == "web";
    let mut noticed = record
        .findings
        .iter()
        .filter(during)
        .filter(|finding| finding.phase != "ends");
    let after = |finding: &Finding| (finding.at - window.began) as f64 / 1e6;
    let first = noticed.clone().next();
    let blaming = noticed.find(|finding| !finding.culprits.is_empty());
    Detection {
        began: window.began,
        after_ms: first.map(after),
        blamed_ms: blaming.map(after),
        culprit: blaming.and_then(|finding| finding.culprits.first().cloned()),
        resource: blaming
            .or(first)
            .map_or("-".to_owned(), |finding| finding.resource.clone()),
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
    fn window(kind: Kind, nanos: u64) -> Window {
        Window {
            kind,
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
        let alike = [(Kind::Alone, 300_000), (Kind::Disturbed, 2_300_000)];
        let helped = [(Kind::Protected, 400_000), (Kind::Reference, 400_000)];
        let windows = alike.into_iter().chain(helped).map(|(kind, nanos)| window(kind, nanos));
        Figures::of(&Record::default(), &windows.collect::<Vec<_>>())
    }

    fn line(figures: &Figures, name: &str) -> String {
        let found = figures.lines().into_iter().find(|(this, _)| *this == name);
        found.unwrap().1
    }

    #[test]
    fn a_second_that_is_left_out_is_in_no_tail() {
        let figures = figures();
        let p99 = figures.pools[&Kind::Disturbed].quantile_ms(0.99).unwrap();
        assert!((2.3..2.32).contains(&p99), "{p99}");
        assert_eq!(line(&figures, "seconds_left_out"), "0.500");
        assert_eq!(line(&figures, "recovered"), "0.950");
        assert!(figures.is_whole());
    }

    #[test]
    fn the_time_in_which_a_policy_reacts_is_in_what_the_batch_work_used() {
        assert_eq!(figures().pools[&Kind::Protected].batch_cpus, Some(0.75));
    }

    #[test]
    fn a_kind_of_which_nothing_is_left_has_no_figures_and_is_told() {
        let figures = Figures::of(&Record::default(), &[window(Kind::Alone, 300_000)]);
        assert!(!figures.is_whole());
        assert_eq!(line(&figures, "recovered"), "NaN");
        let text = figures.text();
        assert!(
            text.contains("protected         0        0         0        -"),
            "{text}"
        );
    }
}
