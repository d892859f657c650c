//! The lines that `file.jsonl` writes, for values of every kind.

use super::*;
use pipeline_plugin_api::abi::PortKind;
use pipeline_plugin_api::stage::Sinks;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use pipeline_plugin_api::vocabulary::{CPU_IDLE, CPU_QUOTA, CPU_TIME, KPI_LATENCY_P99};
use proptest::prelude::*;
use serde_json::Value;
use std::fs;
use tempfile::TempDir;

const AT: Nanos = Nanos::from_secs(3);
const SPAN: Nanos = Nanos::from_secs(1);

struct Fixture {
    host: TestHost,
    node: TestNode,
    folder: TempDir,
}

fn fixture(more: &str) -> Fixture {
    let (host, folder) = (TestHost::new(), TempDir::new().unwrap());
    host.world().node_names = ["record", "lat", "guard"].map(str::to_owned).to_vec();
    let path = folder.path().join("{run}.jsonl");
    let mut node = host.node::<Sinks<Jsonl>>(&format!("(path: {path:?}, {more})")).unwrap();
    node.start().unwrap();
    Fixture { host, node, folder }
}

impl Fixture {
    fn target(&self, name: &str) -> Target {
        self.host.target(Target {
            name: name.into(),
            generation: 1,
            ..Target::default()
        })
    }

    /// The lines of the file after that batch came from the first source, without that of the run.
    fn lines(mut self, batch: &Batch) -> String {
        self.node.feed(AT, batch).unwrap();
        self.node.finish().unwrap();
        let text = fs::read_to_string(self.folder.path().join("test.jsonl")).unwrap();
        let (run, lines) = text.split_once('\n').unwrap();
        assert_eq!(
            run,
            r#"{"kind":"run","run_id":"test","wall_ns":0,"sources":["lat","guard"],"version":1}"#
        );
        lines.to_owned()
    }
}

#[test]
fn readings_of_every_quality() {
    let fixture = fixture("");
    let (web, metric) = (fixture.target("web").id, fixture.host.metric(&KPI_LATENCY_P99));
    let delta = Reading::delta(AT, SPAN, web, metric, 2.5e6);
    let mut batch = Batch::default();
    batch.readings.extend([
        delta,
        delta.of_part(Part::cpu(3)).scaled(0.4),
        delta.estimated(),
        Reading::unavailable(AT, web, metric, Reason::NEVER_RAN),
        Reading {
            value: f64::NEG_INFINITY,
            ..delta
        },
        Reading {
            quality: Quality(9),
            target: TargetId::NONE,
            ..delta
        },
        Reading {
            metric: MetricId(99),
            target: TargetId(99),
            value: f64::NAN,
            ..delta
        },
    ]);
    insta::assert_snapshot!(fixture.lines(&batch), @r#"
    {"kind":"reading","at":3000000000,"span":1000000000,"node":"lat","target":"web","metric":"kpi.latency.p99","part":"","value":2500000.0,"unit":"ns","quality":"exact"}
    {"kind":"reading","at":3000000000,"span":1000000000,"node":"lat","target":"web","metric":"kpi.latency.p99","part":"cpu/3","value":2500000.0,"unit":"ns","quality":"scaled","share":0.4}
    {"kind":"reading","at":3000000000,"span":1000000000,"node":"lat","target":"web","metric":"kpi.latency.p99","part":"","value":2500000.0,"unit":"ns","quality":"estimated"}
    {"kind":"reading","at":3000000000,"span":0,"node":"lat","target":"web","metric":"kpi.latency.p99","part":"","value":null,"unit":"ns","quality":"unavailable","reason":"never ran"}
    {"kind":"reading","at":3000000000,"span":1000000000,"node":"lat","target":"web","metric":"kpi.latency.p99","part":"","value":null,"unit":"ns","quality":"exact","reason":"negative infinite"}
    {"kind":"reading","at":3000000000,"span":1000000000,"node":"lat","target":"","metric":"kpi.latency.p99","part":"","value":2500000.0,"unit":"ns","quality":"unknown(9)"}
    {"kind":"reading","at":3000000000,"span":1000000000,"node":"lat","target":"unknown(99)","metric":"unknown(99)","part":"","value":null,"unit":"","quality":"exact","reason":"not a number"}
    "#);
}

#[test]
fn a_target_with_all_that_is_known_of_it() {
    let fixture = fixture("");
    let pods = fixture.target("pods").id;
    let goal = Goal {
        metric: fixture.host.metric(&KPI_LATENCY_P99),
        comparison: Comparison::AT_MOST,
        value: 5e6,
    };
    let target = Target {
        parent: pods,
        provider: "apps".into(),
        class: Class::LATENCY,
        priority: 7,
        goals: vec![goal].into(),
        labels: vec![Label {
            name: "tier".into(),
            value: "front".into(),
        }]
        .into(),
        cgroups: vec![CgroupDir {
            controller: "cpu".into(),
            path: "/sys/fs/cgroup/cpu/web".into(),
            inode: 42,
        }]
        .into(),
        processes: vec![Process {
            pid: 17,
            start_time: 99,
        }]
        .into(),
        cpus: vec![0, 1].into(),
        ..fixture.target("web")
    };
    let mut batch = Batch::default();
    batch.changes.push(TargetChange {
        at: AT,
        change: Change::APPEARED,
        target,
    });
    insta::assert_snapshot!(fixture.lines(&batch), @r#"{"kind":"target","at":3000000000,"change":"appeared","name":"web","id":2,"generation":1,"provider":"apps","parent":"pods","class":"Latency","priority":7,"cpus":[0,1],"goals":[{"metric":"kpi.latency.p99","comparison":"at most","value":5000000.0}],"labels":{"tier":"front"},"cgroups":[{"controller":"cpu","path":"/sys/fs/cgroup/cpu/web","inode":42}],"processes":[{"pid":17,"start_time":99}]}"#);
}

#[test]
fn a_finding_with_its_evidence() {
    let fixture = fixture("");
    let (web, batch_work) = (fixture.target("web").id, fixture.target("batch").id);
    let mut batch = Batch::default();
    batch.findings.push(Finding {
        at: AT,
        id: 7,
        phase: Phase::BEGINS,
        victim: web,
        resource: Resource::CPU_TIME,
        severity: 12.34,
        confidence: 0.9,
        culprits: vec![Culprit {
            target: batch_work,
            score: 0.97,
        }]
        .into(),
        evidence: vec![Reading::gauge(AT, web, fixture.host.metric(&KPI_LATENCY_P99), 2.6e6)].into(),
        why: "p99 is 12 times its \"baseline\"".into(),
        ..Finding::default()
    });
    insta::assert_snapshot!(fixture.lines(&batch), @r#"{"kind":"finding","at":3000000000,"node":"lat","id":7,"phase":"begins","victim":"web","resource":"cpu time","severity":12.34,"confidence":0.9,"culprits":[{"target":"batch","score":0.97}],"why":"p99 is 12 times its \"baseline\"","evidence":[{"at":3000000000,"metric":"kpi.latency.p99","part":"","quality":"exact","span":0,"target":"web","unit":"ns","value":2600000.0}]}"#);
}

#[test]
fn controls_actions_and_outcomes() {
    let fixture = fixture("");
    let target = fixture.target("batch").id;
    let (idle, quota) = (fixture.host.knob(&CPU_IDLE), fixture.host.knob(&CPU_QUOTA));
    let mut batch = Batch::default();
    batch.controls.push(Control {
        at: AT,
        target,
        knob: quota,
        resource: Resource::CPU_TIME,
        least: 0.01,
        most: f64::INFINITY,
        value: f64::NAN,
        stricter: -1,
        cost: 0.5,
        ..Control::default()
    });
    let action = Action {
        at: AT,
        id: 3,
        target,
        knob: idle,
        value: 1.0,
        until: AT + SPAN,
        why: "why".into(),
        ..Action::default()
    };
    let release = Action {
        knob: quota,
        value: f64::INFINITY,
        until: AT,
        ..action.clone()
    };
    let forever = Action {
        until: Nanos::FOREVER,
        text: "0-3".into(),
        ..action.clone()
    };
    batch.actions.extend([action, release, forever]);
    batch.outcomes.push(Outcome {
        at: AT,
        action: 3,
        target,
        knob: idle,
        fate: Fate::CLAMPED,
        value: 1.0,
        why: "no".into(),
        ..Outcome::default()
    });
    insta::assert_snapshot!(fixture.lines(&batch), @r#"
    {"kind":"control","at":3000000000,"node":"lat","target":"batch","knob":"cpu.quota","unit":"cpus","resource":"cpu time","least":0.01,"most":null,"step":0.0,"value":null,"stricter":-1,"cost":0.5}
    {"kind":"action","at":3000000000,"node":"lat","id":3,"target":"batch","knob":"cpu.idle","value":1.0,"text":"","unit":"1","until":4000000000,"release":false,"set":0,"why":"why"}
    {"kind":"action","at":3000000000,"node":"lat","id":3,"target":"batch","knob":"cpu.quota","value":null,"reason":"infinite","text":"","unit":"cpus","until":3000000000,"release":true,"set":0,"why":"why"}
    {"kind":"action","at":3000000000,"node":"lat","id":3,"target":"batch","knob":"cpu.idle","value":1.0,"text":"0-3","unit":"1","until":null,"release":false,"set":0,"why":"why"}
    {"kind":"outcome","at":3000000000,"node":"lat","action":3,"target":"batch","knob":"cpu.idle","fate":"clamped","value":1.0,"text":"","unit":"1","why":"no"}
    "#);
}

#[test]
fn only_what_is_wanted_is_written() {
    let fixture = fixture("kinds: [Reading], metrics: [\"kpi.*\"]");
    let web = fixture.target("web");
    let mut batch = Batch::default();
    for metric in [CPU_TIME, KPI_LATENCY_P99] {
        batch
            .readings
            .push(Reading::gauge(AT, web.id, fixture.host.metric(&metric), 1.0));
    }
    batch.findings.push(Finding::default());
    batch.changes.push(TargetChange {
        target: web,
        ..TargetChange::default()
    });
    let lines = fixture.lines(&batch);
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.contains("kpi.latency.p99"), "{lines}");
}

#[test]
fn each_value_has_the_name_of_its_node() {
    let mut fixture = fixture("");
    let mut batch = Batch::default();
    batch.readings.push(Reading::default());
    let ports = [
        (0, &batch),
        (1, &batch),
        (pipeline_plugin_api::abi::TARGETS_PORT, &batch),
    ];
    fixture.node.feed_ports(AT, &ports).unwrap();
    let lines = fixture.lines(&Batch::default());
    let nodes = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["node"].clone());
    assert_eq!(nodes.collect::<Vec<_>>(), ["lat", "guard", ""]);
}

#[test]
fn it_takes_values_of_every_kind() {
    let takes = Jsonl::ports(&JsonlConfig::default()).into_abi().takes;
    let kinds: Vec<PortKind> = takes.iter().map(|port| port.kind).collect();
    assert_eq!(kinds, PortKind::KNOWN);
}

/// Whether both are the same; serde_json reads the last digit of a number only roughly.
fn alike(read: Option<f64>, told: Option<f64>) -> bool {
    read.zip(told)
        .map_or(read == told, |(read, told)| (read - told).abs() <= told.abs() * 1e-15)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_and_any_number_is_one_line_of_json(
        text in "\\PC*|[\\x00-\\x1f\"\\\\]{0,20}", value in proptest::num::f64::ANY, quality in 0u16..6, detail: u16,
    ) {
        let fixture = fixture("");
        let target = Target { provider: text.as_str().into(), ..fixture.target(&text) };
        let metric = fixture.host.world().names.metric(&text, &text, Kind::GAUGE).unwrap();
        let part = fixture.host.world().names.part(&text);
        let reading = Reading { value, part, quality: Quality(quality), detail, ..Reading::gauge(AT, target.id, metric, 0.0) };
        let mut batch = Batch::default();
        batch.readings.push(reading);
        batch.findings.push(Finding {
            victim: target.id, severity: value, why: text.as_str().into(), evidence: vec![reading].into(), ..Finding::default()
        });
        batch.actions.push(Action { value, text: text.as_str().into(), why: text.as_str().into(), ..Action::default() });
        batch.changes.push(TargetChange { target, ..TargetChange::default() });
        let lines = fixture.lines(&batch);
        let values: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(values.len(), 4);
        prop_assert_eq!(&values[1]["metric"], &Value::from(text.as_str()));
        prop_assert!(alike(values[1]["value"].as_f64(), reading.number()), "{}", lines);
        prop_assert_eq!(&values[2]["why"], &Value::from(text.as_str()));
    }
}
