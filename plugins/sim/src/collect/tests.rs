//! What is read of a node.

use super::*;
use crate::testing::{Bed, named};
use pipeline_plugin_api::stage::Collects;

fn at(seconds: u64) -> Nanos {
    Nanos::from_secs(seconds)
}

/// A bed with a collector that was ticked each tenth of a second up to that one, and what it said last.
fn read(name: &str, node: &str, config: &str, until: u64) -> (Bed, Batch) {
    let mut bed = Bed::new(name, node);
    let mut collector = bed.node::<Collects<Metrics>>("metrics", config);
    let mut said = Batch::default();
    for tenth in 1..=until * 10 {
        let at = Nanos::from_millis(tenth * 100);
        bed.advance(at);
        bed.tell_targets(&mut collector, at);
        said = collector.tick(at).unwrap();
    }
    (bed, said)
}

const CROWDED: &str = "(scenario: Inline((
    workloads: {
        \"web\": (kind: Service(rate: 6000.0, demand: \"20us\", floor: \"40us\"), cpus: \"0\", class: Latency),
        \"batch\": (cpus: \"0\", threads: 3, during: (from: \"3s\")),
    },
    steal: [(during: (from: \"8s\"), cpus: \"0\", share: 0.25)],
)))";

#[test]
fn a_neighbour_on_the_cpu_shows_in_the_tail_in_waiting_and_in_pressure() {
    let value = |until: u64, target: &str, metric: &str| {
        let (bed, said) = read(&format!("crowded-{until}-{target}-{metric}"), CROWDED, "", until);
        let target = bed.target_named(target);
        named(&bed.host, &said, target, metric).last().unwrap().1.value
    };
    assert!(value(2, "web", "kpi.latency.p99") < 2e5);
    assert!(value(5, "web", "kpi.latency.p99") > 2e6);
    assert!(
        (value(5, "web", "cpu.time") / 1.2e7 - 1.0).abs() < 0.3,
        "12 % of a CPU for 100 ms"
    );
    assert!(value(5, "web", "cpu.run_delay") > 1e7);
    assert!(value(2, "web", "cpu.run_delay") < 1e6);
    assert!(value(5, "batch", "psi.cpu.some") > 9e7);
    assert!(value(2, "web", "cpu.steal") == 0.0 && value(10, "web", "cpu.steal") > 2e7);
}

#[test]
fn every_metric_of_the_families_is_given_in_every_unit_it_says() {
    let (bed, said) = read("every-metric", CROWDED, "(histogram: true)", 5);
    let web = bed.target_named("web");
    let config: MetricsConfig = MetricsConfig::default();
    for metric in Ids::metrics(&config) {
        let found = named(&bed.host, &said, web, metric.name);
        assert!(!found.is_empty() || metric == vocabulary::CPU_CORE, "{}", metric.name);
        assert!(
            found
                .iter()
                .all(|(_, reading)| reading.number().is_none_or(|value| value >= 0.0))
        );
    }
    let occupancy = named(&bed.host, &said, web, "l3.occupancy");
    assert_eq!(
        occupancy.iter().map(|(part, _)| part.as_str()).collect::<Vec<_>>(),
        ["l3/0", ""]
    );
    let buckets: f64 = named(&bed.host, &said, web, "kpi.latency.bucket")
        .iter()
        .map(|(_, reading)| reading.value)
        .sum();
    assert!(
        (buckets - 600.0).abs() < 60.0,
        "{buckets} requests in a tenth of a second"
    );
}

#[test]
fn a_counter_that_ran_part_of_the_time_says_so() {
    let (bed, said) = read("scaled", CROWDED, "(families: [Perf], counted: 0.25)", 2);
    let web = bed.target_named("web");
    let cycles = named(&bed.host, &said, web, "perf.cycles")[0].1;
    assert_eq!((cycles.quality, cycles.detail), (Quality::SCALED, 16_384));
    assert_eq!(
        named(&bed.host, &said, web, "cpu.time").len(),
        0,
        "other families are not read"
    );
}

#[test]
fn the_same_node_read_twice_says_the_same_bytes() {
    let told = |name: &str| format!("{:?}", read(name, CROWDED, "(histogram: true)", 9).1.readings);
    assert_eq!(told("twice-1"), told("twice-2"));
}

#[test]
fn a_target_of_somebody_else_is_refused_with_a_sentence() {
    let host = pipeline_plugin_api::testkit::TestHost::new();
    let mut node = host.node::<Collects<Metrics>>("").unwrap();
    let stranger = host.target(Target {
        name: "stranger".into(),
        provider: "real".into(),
        ..Target::default()
    });
    node.change(at(1), Change::APPEARED, &stranger).unwrap();
    assert!(
        host.world()
            .logs
            .iter()
            .any(|(_, line)| line.contains("does not run on a simulated node"))
    );
}
