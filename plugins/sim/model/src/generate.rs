//! Scenarios by the hundred: each kind of trouble on machines, loads and neighbours that a seed draws. What is wrong in
//! them is not noted here: [`crate::Simulation::truth`] computes it.
//!
//! Each begins with 45 s at least in which nothing is wrong, and but for [`Kind::Crowd`] lasts three minutes.

mod cast;
mod draw;

use crate::scenario::{Phase, Scenario, Steal, Workload};
use cast::Cast;
use draw::Draw;
use pipeline_plugin_api::abi::Nanos;
use pipeline_plugin_api::prelude::{Bytes, Span, Window};
use std::collections::BTreeMap;

/// What goes wrong.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Nothing: neighbours come, go and vary, and disturb nobody.
    Quiet,
    /// A neighbour on the victim's CPU.
    CpuTime,
    /// A neighbour that fills the last-level cache.
    Cache,
    /// Neighbours that use up the memory bandwidth.
    Bandwidth,
    /// A neighbour on the other thread of the victim's core.
    Smt,
    /// A neighbour that keeps the block device busy.
    Io,
    /// The hypervisor takes CPUs away.
    Hypervisor,
    /// The victim is asked for much more.
    OwnLoad,
    /// The victim runs into a quota of its own.
    OwnQuota,
    /// Several neighbours disturb through several resources at once.
    Rivals,
    /// Neighbours come and go all the time, some of which disturb.
    Churn,
    /// Two victims with different troubles at different times.
    Mixed,
    /// Thirty-two workloads for an hour, with trouble now and then.
    Crowd,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Quiet,
        Self::CpuTime,
        Self::Cache,
        Self::Bandwidth,
        Self::Smt,
        Self::Io,
        Self::Hypervisor,
        Self::OwnLoad,
        Self::OwnQuota,
        Self::Rivals,
        Self::Churn,
        Self::Mixed,
        Self::Crowd,
    ];

    /// Its name in configs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::CpuTime => "cpu-time",
            Self::Cache => "l3",
            Self::Bandwidth => "bandwidth",
            Self::Smt => "smt",
            Self::Io => "io",
            Self::Hypervisor => "hypervisor",
            Self::OwnLoad => "own-load",
            Self::OwnQuota => "own-quota",
            Self::Rivals => "rivals",
            Self::Churn => "churn",
            Self::Mixed => "mixed",
            Self::Crowd => "crowd",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The scenario of that kind and seed: the same for the same two.
pub fn generate(kind: Kind, seed: u64) -> Scenario {
    let draw = Draw::new(seed, kind as u64);
    let mut cast = Cast::new(draw, kind == Kind::Crowd);
    match kind {
        Kind::Quiet => quiet(&mut cast),
        Kind::CpuTime | Kind::Cache | Kind::Bandwidth | Kind::Smt | Kind::Io => {
            let when = cast.incident();
            neighbour(&mut cast, kind, "web", when);
        }
        Kind::Hypervisor => hypervisor(&mut cast),
        Kind::OwnLoad => own_load(&mut cast),
        Kind::OwnQuota => own_quota(&mut cast),
        Kind::Rivals => rivals(&mut cast),
        Kind::Churn => churn(&mut cast),
        Kind::Mixed => mixed(&mut cast),
        Kind::Crowd => crowd(&mut cast),
    }
    if kind != Kind::Crowd {
        cast.bystanders();
    }
    Scenario {
        version: crate::scenario::VERSION,
        about: format!("{}, seed {seed}", kind.name()),
        seed: cast.draw.bits(),
        span: if kind == Kind::Crowd {
            Span::secs(3600)
        } else {
            Span::secs(180)
        },
        machine: cast.machine,
        workloads: cast.workloads,
        steal: cast.steal,
        takers: Vec::new(),
    }
}

/// Neighbours on cores of their own that vary a little.
fn quiet(cast: &mut Cast) {
    let web = cast.victim("web", Kind::Quiet);
    let swing = Phase {
        during: cast.incident(),
        load: cast.draw.within(0.85, 1.15),
        ..Phase::default()
    };
    cast.change(&web, |workload| workload.phases.push(swing));
    for i in 0..2 {
        let when = cast.incident();
        let cpu = cast.core();
        let mut calm = cast.calm(cpu);
        calm.during = when;
        cast.add(format!("guest-{i}"), calm);
    }
}

/// A victim and somebody who disturbs it, for a while.
fn neighbour(cast: &mut Cast, kind: Kind, name: &str, when: Window) {
    let victim = cast.victim(name, kind);
    let rivals = match kind {
        Kind::Bandwidth => 3,
        _ => 1,
    };
    for i in 0..rivals {
        let rival = cast.rival(kind, &victim, when);
        let name = if rivals == 1 {
            format!("{}-{name}", kind.name())
        } else {
            format!("{}-{name}-{i}", kind.name())
        };
        cast.add(name, rival);
    }
}

fn hypervisor(cast: &mut Cast) {
    cast.victim("web", Kind::Hypervisor);
    let during = cast.incident();
    cast.steal.push(Steal {
        during,
        cpus: None,
        share: cast.draw.within(0.1, 0.4),
        stall: Span(Nanos(cast.draw.within(2e6, 1.2e7) as u64)),
    });
}

fn own_load(cast: &mut Cast) {
    let web = cast.victim("web", Kind::OwnLoad);
    let during = cast.incident();
    let busy = cast.draw.within(0.8, 0.93);
    let load = busy / cast.use_of(&web);
    let phase = Phase {
        during,
        load,
        ..Phase::default()
    };
    cast.change(&web, |workload| workload.phases.push(phase));
}

fn own_quota(cast: &mut Cast) {
    let web = cast.victim("web", Kind::OwnQuota);
    let during = cast.incident();
    // Far enough above what it uses that chance alone does not reach it: five deviations of what comes in a period.
    let deviation = (1.5 / (cast.rate_of(&web) * 0.1)).sqrt();
    let room = 1.1 + 5.0 * deviation;
    let quota = cast.use_of(&web) * room;
    let load = room * cast.draw.within(0.96, 1.02);
    let phase = Phase {
        during,
        load,
        ..Phase::default()
    };
    cast.change(&web, |workload| {
        workload.quota = Some((quota * 1000.0).round() / 1000.0);
        workload.phases.push(phase);
    });
}

fn rivals(cast: &mut Cast) {
    let kinds = [Kind::CpuTime, Kind::Cache, Kind::Smt];
    let skipped = cast.draw.below(3);
    let victim = cast.victim("web", Kind::Cache);
    for (i, kind) in kinds.into_iter().enumerate().filter(|(i, _)| *i != skipped) {
        let when = cast.incident();
        let rival = cast.rival(kind, &victim, when);
        cast.add(format!("rival-{i}"), rival);
    }
}

fn churn(cast: &mut Cast) {
    let victim = cast.victim("web", Kind::Cache);
    for i in 0..10 {
        let from = cast.draw.within(50.0, 150.0);
        let when = window(from, from + cast.draw.within(4.0, 25.0));
        let disturbs = cast.draw.below(3) == 0;
        let mut guest = match disturbs {
            true => {
                let kind = [Kind::CpuTime, Kind::Cache][cast.draw.below(2)];
                cast.rival(kind, &victim, when)
            }
            false => {
                let cpu = cast.spare();
                cast.calm(cpu)
            }
        };
        guest.during = when;
        cast.add(format!("job-{i}"), guest);
    }
}

fn mixed(cast: &mut Cast) {
    let kinds = [Kind::CpuTime, Kind::Cache, Kind::Smt];
    let first = cast.draw.below(3);
    let (one, other) = (kinds[first], kinds[(first + 1 + cast.draw.below(2)) % 3]);
    let (early, late) = (cast.draw.within(50.0, 60.0), cast.draw.within(110.0, 120.0));
    neighbour(cast, one, "web", window(early, early + 40.0));
    neighbour(cast, other, "api", window(late, late + 40.0));
}

fn crowd(cast: &mut Cast) {
    let kinds = [Kind::CpuTime, Kind::Cache, Kind::Smt, Kind::CpuTime];
    for (i, kind) in kinds.into_iter().enumerate() {
        let from = 300.0 + 700.0 * i as f64 + cast.draw.within(0.0, 300.0);
        let when = window(from, from + cast.draw.within(60.0, 240.0));
        neighbour(cast, kind, &format!("web-{i}"), when);
    }
    let services = cast.workloads.len();
    for i in 0..32_usize.saturating_sub(services) {
        let cpu = cast.core();
        let guest: Workload = match i % 3 {
            0 => cast.service(Kind::Quiet, cpu),
            _ => cast.calm(cpu),
        };
        cast.add(format!("guest-{i:02}"), guest);
    }
}

/// From one second of the run to another.
fn window(from: f64, to: f64) -> Window {
    let span = |seconds: f64| Span(Nanos((seconds * 10.0).round() as u64 * 100_000_000));
    Window {
        from: span(from),
        to: Some(span(to)),
        every: None,
    }
}

/// Workloads by name.
type Workloads = BTreeMap<String, Workload>;

/// That many bytes, in whole KiB.
fn bytes(count: f64) -> Bytes {
    Bytes((count / 1024.0).round() as u64 * 1024)
}

#[cfg(test)]
mod tests;
