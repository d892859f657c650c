//! The figures of a run, from its windows, and how they are printed.

use crate::record::{At, Finding, Record};
use crate::windows::{Counts, KINDS, Kind, Window, quantile_ms};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A run in which the disturbance is less than this many times what it disturbs shows nothing: the machine was
/// disturbed by others all the time.
const VALID: f64 = 5.0;

/// Pooled windows of one kind.
#[derive(Debug, Default)]
struct Pool {
    windows: usize,
    invalid: usize,
    counts: Counts,
    batch_cpus: f64,
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
}

impl Figures {
    /// Pools the valid windows of a run.
    pub fn of(record: &Record, windows: &[Window]) -> Self {
        let pools = KINDS.iter().map(|kind| (*kind, pool(windows, *kind))).collect();
        let disturbed = windows.iter().filter(|window| window.kind == Kind::Disturbed);
        let detections = disturbed.map(|window| detection(record, window)).collect();
        Self {
            pools,
            detections,
            actions: actions(record),
        }
    }

    /// Whether there is a valid window of each kind.
    pub fn is_whole(&self) -> bool {
        self.pools.values().all(|pool| pool.windows > 0)
    }

    /// The table and the lines.
    pub fn text(&self) -> String {
        let mut text = String::from("\nwindow      valid  left out  requests   p50 ms   p99 ms  batch CPUs\n");
        for (kind, pool) in &self.pools {
            let requests: u64 = pool.counts.values().sum();
            let name = format!("{kind:?}").to_lowercase();
            let (p50, p99) = (ms(pool.quantile(0.5)), ms(pool.quantile(0.99)));
            let (valid, invalid, cpus) = (pool.windows, pool.invalid, pool.batch_cpus);
            let _ = writeln!(
                text,
                "{name:10} {valid:6} {invalid:9} {requests:9} {p50:>8} {p99:>8} {cpus:11.3}"
            );
        }
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

    fn lines(&self) -> Vec<(&'static str, String)> {
        let p99 = |kind| {
            self.pools
                .get(&kind)
                .and_then(|pool| pool.quantile(0.99))
                .unwrap_or(f64::NAN)
        };
        let cpus = |kind| self.pools.get(&kind).map_or(f64::NAN, |pool| pool.batch_cpus);
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
        ]
    }

    fn median_detection(&self) -> Option<f64> {
        let mut after: Vec<f64> = self.detections.iter().filter_map(|found| found.after_ms).collect();
        after.sort_by(f64::total_cmp);
        after.get(after.len() / 2).copied()
    }
}

impl Pool {
    fn quantile(&self, share: f64) -> Option<f64> {
        quantile_ms(&self.counts, share)
    }
}

fn pool(windows: &[Window], kind: Kind) -> Pool {
    let mut pool = Pool::default();
    for window in windows.iter().filter(|window| window.kind == kind) {
        if !window.is_valid() {
            pool.invalid += 1;
            continue;
        }
        pool.windows += 1;
        pool.batch_cpus += window.batch_cpus;
        window
            .counts
            .iter()
            .for_each(|(bucket, count)| *pool.counts.entry(*bucket).or_default() += count);
    }
    pool.batch_cpus /= pool.windows.max(1) as f64;
    pool
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

fn ms(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.3}"))
}
