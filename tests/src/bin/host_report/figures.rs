//! The figures of a run, policy by policy, and how they are printed.

use pipeline_score_measure::Share;
use std::fmt::Write;
use system_tests::measured::detection::{Detection, blamed, detection, findings, median_ms};
use system_tests::measured::pool::{Pool, share_left_out};
use system_tests::measured::record::Record;
use system_tests::measured::seconds::SETTLE;
use system_tests::measured::windows::{Kind, Window};

/// Below this many times its p99 alone the victim has not been slowed, and there is nothing to recover: as an episode
/// is one with a slowdown of 10 % at least.
const SLOWED: f64 = 1.1;

/// The figures of a run.
#[derive(Debug)]
pub struct Figures {
    pools: Vec<(Kind, Pool)>,
    detections: Vec<Detection>,
    /// Windows without batch work in which somebody was blamed.
    false_alarms: Share,
    /// Windows of any kind in which the neighbour was blamed that harms nobody.
    neighbour_blamed: Share,
    /// Changes of knobs a minute, by policy.
    changes: Vec<(Kind, f64)>,
}

impl Figures {
    /// Pools the windows of a run.
    pub fn of(record: &Record, windows: &[Window], kinds: &[Kind]) -> Self {
        let disturbed = windows.iter().filter(|window| window.kind == Kind::Disturbed);
        let alone: Vec<&Window> = windows.iter().filter(|window| window.kind == Kind::Alone).collect();
        // What was found just before is still said while queues run empty.
        let accused = |window: &&&Window| {
            findings(record, window.began + SETTLE, window.to).any(|finding| !finding.culprits.is_empty())
        };
        let names = |window: &&Window| {
            let mut found = findings(record, window.began, window.to);
            found.any(|finding| finding.culprits.iter().any(|culprit| culprit == "neighbour"))
        };
        Self {
            pools: kinds
                .iter()
                .map(|kind| (kind.clone(), Pool::of(windows, kind)))
                .collect(),
            detections: disturbed.map(|window| detection(record, window)).collect(),
            false_alarms: share(alone.iter().filter(accused).count(), alone.len()),
            neighbour_blamed: share(windows.iter().filter(names).count(), windows.len()),
            changes: kinds
                .iter()
                .map(|kind| (kind.clone(), changes(record, windows, kind)))
                .collect(),
        }
    }

    /// Whether a second of each kind counts.
    pub fn is_whole(&self) -> bool {
        self.pools.iter().all(|(_, pool)| pool.kept > 0)
    }

    /// The table and the lines.
    pub fn text(&self, suite: &str) -> String {
        let mut text = self.table();
        text.push('\n');
        for (policy, measure, value) in self.lines() {
            let _ = writeln!(text, "{suite} {policy} {measure} {value}");
        }
        text
    }

    /// Rows for people.
    fn table(&self) -> String {
        let mut text = String::from(
            "\npolicy      windows  seconds  left out  requests   p50 ms   p99 ms  of each window      batch CPUs\n",
        );
        for (kind, pool) in &self.pools {
            let requests: u64 = pool.counts.values().sum();
            let (p50, p99) = (figure(pool.quantile_ms(0.5), 3), figure(pool.quantile_ms(0.99), 3));
            let least = pool.each_p99_ms.iter().copied().reduce(f64::min);
            let most = pool.each_p99_ms.iter().copied().reduce(f64::max);
            let each = format!("{} to {}", figure(least, 3), figure(most, 3));
            let cpus = figure(pool.batch_cpus, 3);
            let (windows, kept, left_out) = (pool.windows, pool.kept, pool.left_out);
            let _ = writeln!(
                text,
                "{:10} {windows:8} {kept:8} {left_out:9} {requests:9} {p50:>8} {p99:>8}  {each:18}  {cpus:>10}",
                name(kind)
            );
        }
        text
    }

    fn lines(&self) -> Vec<(&str, &'static str, String)> {
        let mut lines = Vec::new();
        for (kind, pool) in &self.pools {
            lines.extend(
                self.of_policy(kind, pool)
                    .map(|(measure, value)| (name(kind), measure, value)),
            );
        }
        let median = median_ms(&self.detections);
        let culprit = share(blamed(&self.detections, "batch"), self.detections.len());
        let left_out = share_left_out(self.pools.iter().map(|(_, pool)| pool));
        lines.push(("detector", "detect_seconds_p50", figure(median.map(|ms| ms / 1e3), 3)));
        for (found, names) in [
            (culprit, ["culprit", "culprit_low", "culprit_high"]),
            (
                self.false_alarms,
                ["false_alarms", "false_alarms_low", "false_alarms_high"],
            ),
            (
                self.neighbour_blamed,
                ["neighbour_blamed", "neighbour_blamed_low", "neighbour_blamed_high"],
            ),
        ] {
            let values = found.value().zip(found.wilson());
            let values = values.map(|(value, interval)| [value, interval.low, interval.high]);
            let of = |index: usize| figure(values.map(|values| values[index]), 3);
            lines.extend(
                names
                    .into_iter()
                    .enumerate()
                    .map(|(index, name)| ("detector", name, of(index))),
            );
        }
        lines.push(("run", "seconds_left_out", format!("{left_out:.3}")));
        lines
    }

    fn of_policy(&self, kind: &Kind, pool: &Pool) -> impl Iterator<Item = (&'static str, String)> {
        let p99 = |kind: &Kind| {
            self.pool(kind)
                .and_then(|pool| pool.quantile_ms(0.99))
                .unwrap_or(f64::NAN)
        };
        let (alone, disturbed, own) = (p99(&Kind::Alone), p99(&Kind::Disturbed), p99(kind));
        let batch = |kind: &Kind| self.pool(kind).and_then(|pool| pool.batch_cpus).unwrap_or(f64::NAN);
        let kept = batch(kind) / batch(&Kind::Disturbed);
        let acts = matches!(kind, Kind::Under(_));
        let recovered = if disturbed < alone * SLOWED {
            "-".to_owned()
        } else {
            format!("{:.3}", ((disturbed - own) / (disturbed - alone)).clamp(0.0, 1.0))
        };
        let changes = self
            .changes
            .iter()
            .find(|(this, _)| this == kind)
            .map_or(0.0, |(_, changes)| *changes);
        [
            Some(("p50_ms", figure(pool.quantile_ms(0.5), 3))),
            Some(("p99_ms", figure(pool.quantile_ms(0.99), 3))),
            (*kind != Kind::Alone).then(|| ("p99_over_alone", format!("{:.2}", own / alone))),
            acts.then_some(("recovered", recovered)),
            acts.then(|| ("batch_kept", format!("{kept:.3}"))),
            acts.then(|| ("batch_paid", format!("{:.3}", (1.0 - kept).max(0.0)))),
            acts.then(|| ("changes_per_minute", format!("{changes:.1}"))),
        ]
        .into_iter()
        .flatten()
    }

    fn pool(&self, kind: &Kind) -> Option<&Pool> {
        self.pools.iter().find(|(this, _)| this == kind).map(|(_, pool)| pool)
    }
}

fn share(hits: usize, of: usize) -> Share {
    Share {
        hits: hits as u64,
        of: of as u64,
    }
}

/// What a kind of windows is called: who can act in them.
fn name(kind: &Kind) -> &str {
    match kind {
        Kind::Alone => "alone",
        Kind::Disturbed => "none",
        Kind::Under(policy) => policy,
    }
}

/// Knobs that a policy's actuator turned, a minute of its windows: renewals, of which nothing comes, are none. The
/// actuator of a policy is `POLICY_limit`.
fn changes(record: &Record, windows: &[Window], kind: &Kind) -> f64 {
    let Kind::Under(policy) = kind else { return 0.0 };
    let actuator = format!("{policy}_limit");
    let own = || windows.iter().filter(|window| window.kind == *kind);
    let minutes = own()
        .map(|window| (window.to - window.began) as f64 / 60e9)
        .sum::<f64>();
    let mut count = 0;
    for window in own() {
        let mut last = String::new();
        let outcomes = record.outcomes.iter().filter(|outcome| outcome.node == actuator);
        for outcome in outcomes.filter(|outcome| (window.began..window.to).contains(&outcome.at)) {
            let what = format!("{} {} {}", outcome.fate, outcome.knob, outcome.target);
            count += usize::from(what != last);
            last = what;
        }
    }
    count as f64 / minutes
}

fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::histogram::bucket;
    use system_tests::measured::record::{Finding, Outcome};
    use system_tests::measured::seconds::{Counts, Second};

    const S: u64 = 1_000_000_000;

    /// A window of ten seconds at that instant, in which all requests took as long.
    fn window(kind: Kind, began: u64, nanos: u64, batch_cpus: f64) -> Window {
        let second = Second {
            settled: true,
            left_out: false,
            counts: Counts::from([(bucket(nanos), 6000)]),
            batch_cpus,
            stopped: Some(0.0),
        };
        Window {
            kind,
            began,
            to: began + 10 * S,
            seconds: vec![second; 10],
        }
    }

    fn finding(at: u64, culprit: &str) -> Finding {
        Finding {
            at,
            phase: "goes on".to_owned(),
            victim: "web".to_owned(),
            resource: "cpu".to_owned(),
            culprits: vec![culprit.to_owned()],
        }
    }

    fn outcome(at: u64, fate: &str) -> Outcome {
        Outcome {
            at,
            node: "cap_limit".to_owned(),
            target: "batch".to_owned(),
            knob: "cpu.quota".to_owned(),
            fate: fate.to_owned(),
        }
    }

    /// Alone at 0 s, disturbed at 10 s, and under `cap` at 20 s.
    fn figures(record: &Record, disturbed_nanos: u64) -> Figures {
        let cap = Kind::under("cap");
        let windows = [
            window(Kind::Alone, 0, 300_000, 0.0),
            window(Kind::Disturbed, 10 * S, disturbed_nanos, 0.8),
            window(cap.clone(), 20 * S, 400_000, 0.2),
        ];
        Figures::of(record, &windows, &[Kind::Alone, Kind::Disturbed, cap])
    }

    fn line(figures: &Figures, policy: &str, measure: &str) -> Option<String> {
        let lines = figures.lines();
        let found = lines.into_iter().find(|line| (line.0, line.1) == (policy, measure));
        found.map(|line| line.2)
    }

    #[test]
    fn each_policy_is_measured_by_what_it_recovers_and_what_it_costs() {
        let figures = figures(&Record::default(), 2_300_000);
        assert_eq!(line(&figures, "cap", "recovered").as_deref(), Some("0.950"));
        assert_eq!(line(&figures, "cap", "batch_kept").as_deref(), Some("0.250"));
        assert_eq!(line(&figures, "none", "p99_over_alone").as_deref(), Some("7.67"));
        assert_eq!(line(&figures, "alone", "p99_over_alone"), None);
        assert!(figures.is_whole());
    }

    #[test]
    fn where_nothing_was_slowed_nothing_is_recovered() {
        let figures = figures(&Record::default(), 310_000);
        let found = line(&figures, "cap", "recovered").unwrap();
        assert_eq!(found, "-");
    }

    #[test]
    fn who_is_blamed_while_nobody_disturbs_is_a_false_alarm() {
        let mut record = Record {
            findings: vec![finding(S, "batch"), finding(12 * S, "batch")],
            ..Record::default()
        };
        let right = |record: &Record| {
            let figures = figures(record, 2_300_000);
            (
                figures.false_alarms.hits,
                figures.neighbour_blamed.hits,
                blamed(&figures.detections, "batch"),
            )
        };
        assert_eq!(right(&record), (0, 0, 1), "at 1 s it is what was before");
        record.findings.push(finding(5 * S, "neighbour"));
        assert_eq!(right(&record), (1, 1, 1));
    }

    #[test]
    fn renewals_are_no_changes() {
        let turned = [(21, "applied"), (23, "applied"), (25, "undone"), (35, "applied")];
        let record = Record {
            outcomes: turned.map(|(second, fate)| outcome(second * S, fate)).to_vec(),
            ..Record::default()
        };
        let found = line(&figures(&record, 2_300_000), "cap", "changes_per_minute");
        assert_eq!(found.as_deref(), Some("12.0"), "two in ten seconds");
    }

    #[test]
    fn the_lines_name_suite_policy_measure_and_value() {
        let text = figures(&Record::default(), 2_300_000).text("redis-same");
        assert!(text.contains("\nredis-same cap recovered 0.950\n"), "{text}");
        assert!(text.contains("\nredis-same detector detect_seconds_p50 -\n"), "{text}");
        assert!(text.contains("\nredis-same detector culprit_high 0.793\n"), "{text}");
    }
}
