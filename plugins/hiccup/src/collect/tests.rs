//! The element with real threads in real time. How late they are is the machine's; what is told of it is not.

use super::*;
use pipeline_plugin_api::stage::Collects;
use pipeline_plugin_api::testkit::{RealHost, TestHost, TestNode};

struct Node {
    host: RealHost,
    node: TestNode,
}

impl Node {
    fn start(config: &str) -> Self {
        let host = RealHost::new();
        let mut node = host.node::<Collects<Cpus>>(config).unwrap();
        node.start().unwrap();
        Self { host, node }
    }

    fn tell(&mut self, change: Change, target: &Target) {
        self.node.change(self.host.elapsed(), change, target).unwrap();
    }

    fn appear(&mut self, name: &str, cpus: &[u32]) -> Target {
        let target = self.host.kit().target(Target {
            name: name.into(),
            cpus: cpus.to_vec().into(),
            ..Target::default()
        });
        self.tell(Change::APPEARED, &target);
        target
    }

    fn after(&mut self, millis: u64) -> Vec<Reading> {
        self.host.pass(millis);
        self.node.tick(self.host.elapsed()).unwrap().readings.into()
    }

    fn times(&mut self, millis: u64) -> Vec<Reading> {
        let time = self.host.kit().metric(&vocabulary::HICCUP_TIME);
        let all = self.after(millis);
        all.into_iter().filter(|reading| reading.metric == time).collect()
    }

    /// Waits, in vain for ten seconds, until the status says so.
    fn until(&mut self, status: &str) {
        for _ in 0..1000 {
            self.after(10);
            if self.node.status().starts_with(status) {
                return;
            }
        }
        panic!("{}", self.node.status());
    }
}

/// Whether threads may go ahead here; told where they may not.
fn may() -> bool {
    let may = place::may_go_ahead();
    if !may {
        let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
        assert!(
            !required.split(',').any(|word| word == "fifo"),
            "SCHED_FIFO is required"
        );
        println!("SKIP: no right to SCHED_FIFO");
    }
    may
}

#[test]
fn each_cpu_and_the_whole_are_told_of_a_target() {
    if !may() {
        return;
    }
    let cpu = place::allowed()[0];
    let mut node = Node::start("(period: \"500us\")");
    let web = node.appear("web", &[cpu]);
    node.after(50);
    let told = node.times(200);
    let parts: Vec<_> = told.iter().map(|reading| (reading.target, reading.part)).collect();
    assert_eq!(parts, [(web.id, Part::cpu(cpu)), (web.id, Part::WHOLE)]);
    for reading in told {
        assert!(reading.number().is_some_and(|time| time >= 0.0), "{reading:?}");
        assert!(reading.span >= Nanos::from_millis(200), "{reading:?}");
    }
}

#[test]
fn no_wake_up_takes_no_time() {
    if !may() {
        return;
    }
    let mut node = Node::start("");
    node.appear("web", &[place::allowed()[0]]);
    let longest = node.host.kit().metric(&vocabulary::HICCUP_MAX);
    node.after(50);
    let told = node.after(100);
    let longest = told.iter().filter(|reading| reading.metric == longest);
    let longest: Vec<f64> = longest.filter_map(Reading::number).collect();
    assert!(longest.len() == 2 && longest.iter().all(|late| *late > 0.0), "{told:?}");
}

#[test]
fn targets_share_the_thread_of_a_cpu_and_the_last_ends_it() {
    let cpu = place::allowed()[0];
    let mut node = Node::start("");
    let (web, batch) = (node.appear("web", &[cpu]), node.appear("batch", &[cpu]));
    node.until("1 CPUs");
    node.tell(Change::GONE, &web);
    node.until("1 CPUs");
    node.tell(Change::GONE, &batch);
    node.until("0 CPUs");
    assert_eq!(node.after(1), []);
}

#[test]
fn the_cpus_of_the_config_go_before_those_of_a_target() {
    let cpu = place::allowed()[0];
    let mut node = Node::start(&format!("(cpus: [{cpu}, {cpu}])"));
    node.appear("web", &[cpu + 1]);
    let parts: Vec<Part> = node.times(1).iter().map(|reading| reading.part).collect();
    assert_eq!(parts, [Part::cpu(cpu), Part::WHOLE]);
}

#[test]
fn a_target_without_bounds_has_all_cpus_that_there_are() {
    let mut node = Node::start("");
    node.appear("web", &[]);
    let parts: Vec<Part> = node.times(1).iter().map(|reading| reading.part).collect();
    let cpus = place::allowed().into_iter().map(Part::cpu);
    assert_eq!(parts, cpus.chain([Part::WHOLE]).collect::<Vec<_>>());
}

#[test]
fn a_cpu_that_cannot_be_measured_is_unavailable_and_told_once() {
    let mut node = Node::start("(cpus: [1000])");
    node.appear("web", &[]);
    let told = |node: &mut Node| {
        node.times(10)
            .iter()
            .map(|r| (r.number(), Reason(r.detail)))
            .collect::<Vec<_>>()
    };
    let reason = if place::may_go_ahead() {
        Reason::UNSUPPORTED
    } else {
        Reason::FORBIDDEN
    };
    for _ in 0..1000 {
        if told(&mut node) == [(None, reason); 2] {
            break;
        }
    }
    assert_eq!(told(&mut node), [(None, reason); 2]);
    let logs = node.host.kit().world().logs.clone();
    assert_eq!(logs.len(), 1, "{logs:?}");
    assert_eq!(logs[0].0, Level::WARN);
}

#[test]
fn a_stopped_node_has_no_threads() {
    let mut node = Node::start("");
    node.appear("web", &[place::allowed()[0]]);
    node.until("1 CPUs");
    let stopped = node.node.raw().stop().into_result();
    assert!(stopped.is_ok(), "a thread is left: {stopped:?}");
}

#[test]
fn threads_end_with_the_run_and_then_nothing_is_known() {
    if !may() {
        return;
    }
    let mut node = Node::start("");
    node.appear("web", &[place::allowed()[0]]);
    node.until("1 CPUs, at most");
    node.host.end();
    for _ in 0..1000 {
        if node
            .times(10)
            .iter()
            .all(|reading| Reason(reading.detail) == Reason::EMPTY)
        {
            return;
        }
    }
    panic!("the thread goes on: {}", node.node.status());
}

#[test]
fn in_virtual_time_there_are_no_threads_and_no_numbers() {
    let host = TestHost::new();
    let mut node = host.node::<Collects<Cpus>>("(cpus: [0])").unwrap();
    node.start().unwrap();
    let web = host.target(Target {
        name: "web".into(),
        ..Target::default()
    });
    node.change(Nanos::ZERO, Change::APPEARED, &web).unwrap();
    let told = node.tick(Nanos::from_secs(1)).unwrap().readings;
    assert_eq!(told.len(), 4);
    assert!(
        told.iter()
            .all(|reading| reading.number().is_none() && Reason(reading.detail) == Reason::UNSUPPORTED)
    );
    assert_eq!(host.world().now, Nanos::from_secs(1), "nobody moved the clock");
    node.finish().unwrap();
}
