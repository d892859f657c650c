//! The important negative: scenarios in which nothing is to be done. Real Redis, real load, a real
//! neighbour, the detector and the policy as in the demonstration; and not one action, and not one
//! finding that names the neighbour.
//!
//! Each test also shows that its scenario happened, for a run in which nothing is seen is quiet too.
//! They last `PIPELINE_QUIET_SECONDS` each, 30 by default, and run alone.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use std::path::PathBuf;
use std::time::Duration;
use system_tests::bed::Bed;
use system_tests::built;
use system_tests::need::{Need, have};
use system_tests::record::Record;

/// From when on the baseline must stand, and the period of what changes: as the graphs have them.
const LEARNT: f64 = 18.0;
const PERIOD: f64 = 24.0;
/// From 18 s to 24 s of each period, without the first and the last instants of it.
const CHANGED: std::ops::Range<f64> = 18.5..23.5;

/// What a scenario left behind.
struct Quiet {
    record: Record,
    seconds: f64,
}

/// How often a scenario is run again whose detector could not learn, as when the hypervisor takes the CPUs.
const TRIES: usize = 4;

/// Runs `configs/quiet-NAME.ron` until it was judged; `None` where the machine lacks something. The
/// guarantee holds for every try.
fn run(name: &str) -> Option<Quiet> {
    if !have(&[Need::Redis, Need::Stress, Need::Cgroup, Need::Cpus]) {
        return None;
    }
    let seconds = std::env::var("PIPELINE_QUIET_SECONDS").map_or(30, |text| text.parse().unwrap());
    assert!(
        seconds >= 26,
        "PIPELINE_QUIET_SECONDS is {seconds}; what changes does so from 18 s to 24 s"
    );
    let tries = std::iter::repeat_with(|| once(name, seconds)).take(TRIES);
    let judged = tries.inspect(Quiet::nothing_was_done).find(Quiet::was_judged);
    let quiet = judged.unwrap_or_else(|| panic!("in {TRIES} tries no baseline stood by {LEARNT} s"));
    quiet.had_its_neighbour();
    Some(quiet)
}

fn once(name: &str, seconds: u64) -> Quiet {
    let graph = built::repository().join(format!("configs/quiet-{name}.ron"));
    let bed = Bed::with(&std::fs::read_to_string(graph).unwrap());
    let child = bed.start(&["--for", &format!("{seconds}s")]);
    let said = child.end(Duration::from_secs(seconds + 20)).with(0);
    assert!(said.line("the host is as it was found").contains("INFO"));
    let runs = std::fs::read_dir(bed.path("runs")).unwrap().flatten();
    let records: Vec<PathBuf> = runs.map(|entry| entry.path()).collect();
    assert_eq!(records.len(), 1, "{records:?}");
    Quiet {
        record: Record::read(&records[0]),
        seconds: seconds as f64,
    }
}

impl Quiet {
    /// A baseline stood before anything changed, and the detector judged by it to the end.
    fn was_judged(&self) -> bool {
        let baseline = self.record.values("web", "detect.baseline").next();
        let judged = self.record.values("web", "detect.ratio").count() as f64;
        baseline.is_some_and(|(at, _)| at < LEARNT) && judged > (self.seconds - LEARNT) * 4.0
    }

    /// The neighbour worked as much as it was told to.
    fn had_its_neighbour(&self) {
        let used = self.record.values("neighbour", "cpu.time");
        let share = used.map(|(_, nanos)| nanos / 1e9).sum::<f64>() / self.seconds;
        assert!((0.05..0.2).contains(&share), "the neighbour used {share:.3} CPUs");
    }

    /// The guarantee.
    fn nothing_was_done(&self) {
        let actions: Vec<_> = self
            .record
            .of_kind("action")
            .filter(|line| line["node"] == "guard")
            .collect();
        assert!(actions.is_empty(), "the policy acted: {actions:#?}");
        let names = |line: &&serde_json::Value| line["culprits"].to_string().contains("\"neighbour\"");
        let findings: Vec<_> = self.record.of_kind("finding").filter(names).collect();
        assert!(findings.is_empty(), "the neighbour was blamed: {findings:#?}");
    }

    /// The values of `web` within what changes, and those before the first change.
    fn changed_and_before(&self, metric: &str) -> (Vec<f64>, Vec<f64>) {
        let values: Vec<(f64, f64)> = self.record.values("web", metric).collect();
        let changed = values.iter().filter(|(at, _)| CHANGED.contains(&(at % PERIOD)));
        let before = values.iter().filter(|(at, _)| (2.0..LEARNT).contains(at));
        (
            changed.map(|(_, value)| *value).collect(),
            before.map(|(_, value)| *value).collect(),
        )
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty());
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn about(value: f64, wanted: f64) -> bool {
    (value - wanted).abs() < wanted * 0.1
}

/// A BestEffort neighbour works 10 % of the time on the other CPU and harms nobody: it is left alone.
#[test]
fn an_innocent_neighbour_is_left_alone() {
    let Some(quiet) = run("neighbour") else { return };
    let rate = median(quiet.record.values("web", "kpi.rate").map(|(_, rate)| rate).collect());
    assert!(about(rate, 6000.0), "Redis answered {rate} requests a second");
    quiet.nothing_was_done();
}

/// The clients ask for three times as much for a while: whatever that does to Redis is not the
/// neighbour's doing, and nobody is held back for it.
#[test]
fn a_step_of_the_load_is_nobodys_fault() {
    let Some(quiet) = run("load-step") else { return };
    let (stepped, before) = quiet.changed_and_before("kpi.rate");
    let (stepped, before) = (median(stepped), median(before));
    assert!(
        about(stepped, 9000.0) && about(before, 3000.0),
        "no step: from {before} to {stepped} a second"
    );
    quiet.nothing_was_done();
}

/// Redis runs into a CPU quota of its own and gets much slower: that is seen, and it is its own, so the
/// neighbour is neither named nor held back.
#[test]
fn a_quota_of_its_own_is_nobody_elses_fault() {
    let Some(quiet) = run("own-quota") else { return };
    let (throttled, before) = quiet.changed_and_before("cpu.throttled_periods");
    let (throttled, before): (f64, f64) = (throttled.iter().sum(), before.iter().sum());
    assert!(
        throttled >= 20.0 && before == 0.0,
        "throttled periods: {before}, then {throttled}"
    );
    let (slow, before) = quiet.changed_and_before("kpi.latency.p99");
    let (slow, before) = (median(slow), median(before));
    assert!(
        slow > before * 2.0,
        "it did not get slower: p99 from {before} ns to {slow} ns"
    );
    let own = quiet
        .record
        .of_kind("finding")
        .filter(|line| line["resource"] == "self")
        .count();
    assert!(own > 0, "that Redis suffers by itself was not found");
    quiet.nothing_was_done();
}
