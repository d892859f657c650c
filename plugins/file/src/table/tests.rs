//! What people see of a run.

use super::*;
use pipeline_plugin_api::stage::Sinks;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use pipeline_plugin_api::vocabulary::{CPU_IDLE, CPU_TIME, KPI_LATENCY_P99, MEMORY_CURRENT};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

struct Fixture {
    host: TestHost,
    node: TestNode,
    path: PathBuf,
    web: TargetId,
    batch: TargetId,
    _folder: TempDir,
}

fn fixture(more: &str) -> Fixture {
    let (host, folder) = (TestHost::new(), TempDir::new().unwrap());
    let path = folder.path().join("out.txt");
    let mut node = host.node::<Sinks<Table>>(&format!("(path: {path:?}, {more})")).unwrap();
    node.start().unwrap();
    let target = |name: &str| {
        host.target(Target {
            name: name.into(),
            ..Target::default()
        })
        .id
    };
    let (web, batch) = (target("web"), target("batch"));
    Fixture {
        host,
        node,
        path,
        web,
        batch,
        _folder: folder,
    }
}

impl Fixture {
    fn feed(&mut self, at: Nanos, batch: &Batch) {
        self.node.feed(at, batch).unwrap();
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }

    /// Readings of a second's work, at that second.
    fn work(&self, second: u64) -> Batch {
        let (at, span) = (Nanos::from_secs(second), Nanos::from_millis(500));
        let id = |metric| self.host.metric(metric);
        let mut batch = Batch::default();
        batch.readings.extend([
            Reading::delta(at, span, self.web, id(&CPU_TIME), 256e6),
            Reading::delta(at, span, self.web, id(&CPU_TIME), 100e6).of_part(Part::cpu(1)),
            Reading::delta(at, span, self.batch, id(&CPU_TIME), 494e6).scaled(0.5),
            Reading::gauge(at, self.web, id(&KPI_LATENCY_P99), 2.612e6),
            Reading::gauge(at, self.batch, id(&MEMORY_CURRENT), 3.2 * 1024.0 * 1024.0),
            Reading::unavailable(at, self.web, id(&MEMORY_CURRENT), Reason::VANISHED),
        ]);
        batch
    }
}

#[test]
fn the_latest_values_stand_in_a_table() {
    let mut fixture = fixture("");
    let work = fixture.work(1);
    fixture.feed(Nanos::from_secs(1), &work);
    insta::assert_snapshot!(fixture.text(), @"
    1.0s   cpu.time  kpi.latency.p99  memory.current
    batch  ~988ms/s                -         3.20MiB
    web     512ms/s           2.61ms      (vanished)
    ");
}

#[test]
fn columns_and_parts_may_be_chosen() {
    let mut fixture = fixture("columns: [\"kpi.*\", \"cpu.time\"], parts: true");
    let work = fixture.work(1);
    fixture.feed(Nanos::from_secs(1), &work);
    insta::assert_snapshot!(fixture.text(), @"
    1.0s       kpi.latency.p99  cpu.time
    batch                    -  ~988ms/s
    web                 2.61ms   512ms/s
    web cpu/1                -   200ms/s
    ");
}

#[test]
fn a_table_comes_once_an_interval_and_only_with_news() {
    let mut fixture = fixture("every: \"2s\"");
    for second in [1, 2, 3] {
        let work = fixture.work(second);
        fixture.feed(Nanos::from_secs(second), &work);
    }
    assert_eq!(fixture.text().matches("kpi.latency.p99").count(), 1);
    for second in [4, 6, 8] {
        fixture.feed(Nanos::from_secs(second), &Batch::default());
    }
    assert_eq!(
        fixture.text().matches("kpi.latency.p99").count(),
        2,
        "{}",
        fixture.text()
    );
}

#[test]
fn an_old_value_and_a_target_that_went_are_not_shown() {
    let mut fixture = fixture("columns: [\"kpi.*\", \"memory.*\"], age: \"5s\"");
    let work = fixture.work(1);
    fixture.feed(Nanos(1), &work);
    let mut late = Batch::default();
    late.readings.push(Reading::gauge(
        Nanos::from_secs(9),
        fixture.web,
        fixture.host.metric(&MEMORY_CURRENT),
        1024.0,
    ));
    let gone = Target {
        id: fixture.batch,
        name: "batch".into(),
        ..Target::default()
    };
    late.changes.push(TargetChange {
        at: Nanos::from_secs(9),
        change: Change::GONE,
        target: gone,
    });
    fixture.feed(Nanos::from_secs(9), &late);
    insta::assert_snapshot!(fixture.text(), @"
    9.0s target `batch` went
    9.0s  kpi.latency.p99  memory.current
    web                 -            1KiB
    ");
}

#[test]
fn what_happens_is_told_in_sentences() {
    let mut fixture = fixture("");
    let at = Nanos::from_millis(12_400);
    let mut batch = Batch::default();
    let target = Target {
        name: "we\u{1b}[1mb".into(),
        class: Class::LATENCY,
        cpus: vec![0, 2].into(),
        ..Target::default()
    };
    batch.changes.push(TargetChange {
        at,
        change: Change::APPEARED,
        target,
    });
    let finding = Finding {
        at,
        victim: fixture.web,
        resource: Resource::CPU_TIME,
        severity: 12.34,
        culprits: vec![Culprit {
            target: fixture.batch,
            score: 0.97,
        }]
        .into(),
        ..Finding::default()
    };
    batch.findings.extend([
        finding.clone(),
        Finding {
            phase: Phase::LASTS,
            ..finding.clone()
        },
        Finding {
            phase: Phase::ENDS,
            ..finding.clone()
        },
        Finding {
            resource: Resource::SELF,
            culprits: Vec::new().into(),
            why: "its own quota".into(),
            ..finding
        },
    ]);
    let knob = fixture.host.knob(&CPU_IDLE);
    let action = Action {
        at,
        target: fixture.batch,
        knob,
        value: 1.0,
        until: Nanos::FOREVER,
        why: "it helps".into(),
        ..Action::default()
    };
    let outcome = Outcome {
        at,
        target: fixture.batch,
        knob,
        fate: Fate::APPLIED,
        value: 1.0,
        ..Outcome::default()
    };
    batch.actions.extend([action.clone(), Action { until: at, ..action }]);
    batch.outcomes.extend([
        outcome.clone(),
        Outcome {
            fate: Fate::REFUSED,
            why: "no such file".into(),
            ..outcome.clone()
        },
        Outcome {
            fate: Fate::CLAMPED,
            text: "0-3".into(),
            ..outcome
        },
    ]);
    fixture.feed(at, &batch);
    insta::assert_snapshot!(fixture.text(), @r"
    12.4s target `we\u{1b}[1mb` appeared (Latency) on cpus 0,2
    12.4s finding begins: `web` is slowed 12.3x by `batch` (0.97) through cpu time
    12.4s finding ends: `web` is no longer slowed by `batch` (0.97)
    12.4s finding begins: `web` is slowed 12.3x through self: its own quota
    12.4s action: `cpu.idle` of `batch` to 1: it helps
    12.4s action: put back `cpu.idle` of `batch`: it helps
    12.4s outcome: `cpu.idle` of `batch` applied at 1
    12.4s outcome: `cpu.idle` of `batch` refused: no such file
    12.4s outcome: `cpu.idle` of `batch` clamped at 0-3
    ");
}

#[test]
fn a_lease_that_is_renewed_is_told_once() {
    let mut fixture = fixture("");
    let knob = fixture.host.knob(&CPU_IDLE);
    let acts = |second, fate| {
        let at = Nanos::from_secs(second);
        let mut batch = Batch::default();
        let until = at + Nanos::from_secs(5);
        batch.actions.push(Action {
            at,
            target: fixture.batch,
            knob,
            value: 1.0,
            until,
            ..Action::default()
        });
        batch.outcomes.push(Outcome {
            at,
            target: fixture.batch,
            knob,
            value: 1.0,
            fate,
            ..Outcome::default()
        });
        batch
    };
    let instants = [
        (1, Fate::APPLIED),
        (2, Fate::APPLIED),
        (3, Fate::LAPSED),
        (4, Fate::APPLIED),
    ];
    for (second, batch) in instants.map(|(second, fate)| (second, acts(second, fate))) {
        fixture.node.feed(Nanos::from_secs(second), &batch).unwrap();
    }
    let told: Vec<String> = fixture
        .text()
        .lines()
        .map(|line| line.replace("`cpu.idle` of `batch`", "it"))
        .collect();
    let expected = [
        "1.0s action: it to 1",
        "1.0s outcome: it applied at 1",
        "3.0s outcome: it lapsed",
        "4.0s action: it to 1",
        "4.0s outcome: it applied at 1",
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_end_of_a_run_is_shown_too() {
    let mut fixture = fixture("");
    let work = fixture.work(1);
    fixture.feed(Nanos::from_millis(300), &work);
    assert_eq!(fixture.text(), "");
    fixture.node.finish().unwrap();
    assert!(fixture.text().starts_with("0.3s "), "{}", fixture.text());
}

#[test]
fn it_asks_to_be_called_for_the_next_table() {
    let config = TableConfig {
        every: Span::secs(2),
        ..TableConfig::default()
    };
    let mut table = Table::create(config, &Host::new(TestHost::new().handle())).unwrap();
    let mut ask = |second| table.write(&Input::new(Nanos::from_secs(second), &[])).unwrap();
    assert_eq!(ask(1), Wish::At(Nanos::from_secs(2)));
    assert_eq!(ask(2), Wish::At(Nanos::from_secs(4)));
}
