//! What `policy.dynamic` can be told.

use super::check;
use crate::world::Scope;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// In which order allocations are tried.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Order {
    /// From the least on, up to the first that meets the guarantee: quick where little suffices.
    Ascending,
    /// From the most on, down to the last that meets it: the target never has much too little.
    Descending,
}

/// A socket of the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SocketConfig {
    /// Its CPUs, as `0-15`. Must be given.
    pub cpus: String,
    /// The id of its last-level cache, as resctrl counts them. Default 0.
    pub l3: u32,
}

/// Config of `policy.dynamic`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DynamicConfig {
    /// When the policy may act; outside it holds nothing. Always by default.
    pub during: Window,
    /// The sockets. None by default: then there is one, and nothing is moved.
    pub sockets: Vec<SocketConfig>,
    /// The targets that are never touched, `*` for any text. None by default.
    pub spare: Vec<String>,
    /// The IPC efficiency that a target with a priority above 0 is guaranteed. 0..=1; default 0.9.
    pub guarantee: f64,
    /// Whether targets of class `Latency` with a priority above 0 get a guarantee too, for which less than all is tried on
    /// them. False by default: then no knob of such a target is turned.
    pub probe_latency: bool,
    /// In which order allocations are tried. Default `Ascending`, as container-bench has it; `Descending` for those of
    /// class `Latency` in any case.
    pub order: Order,
    /// The fewest ways that are tried. 1 or more; default 1.
    pub least_ways: u32,
    /// The most ways that are tried. Default 4.
    pub most_ways: u32,
    /// The least share of the bandwidth that is tried. 0..=1; default 0.1.
    pub least_bandwidth: f64,
    /// The greatest share of the bandwidth that is tried. 0..=1; default 0.3.
    pub most_bandwidth: f64,
    /// By how much the share of the bandwidth differs from try to try. Above 0; default 0.1.
    pub bandwidth_step: f64,
    /// How long all tries for a target take together; each takes its part, and 500 ms at least. 1 s to 10 min; default 20 s.
    pub probing: Span,
    /// Of each try, how long it takes to show. 0 s to 10 s; default 100 ms.
    pub settle: Span,
    /// How long after a target appeared its first try begins. 0 s to 10 min; default 5 s.
    pub warmup: Span,
    /// How long between the tries for one target and for the next. 0 s to 10 min; default 2 s.
    pub rest: Span,
    /// A try with the same ways that is better by less than this, as a share, ends the tries. 0..=1; 0 by default: never.
    pub diminishing: f64,
    /// Whether targets without a priority are moved between sockets. True by default.
    pub rebalance: bool,
    /// By how much the sockets' sums of stalls must differ to be balanced, in targets that stall all the time.
    /// 0 or more; default 0.05, container-bench's 5 points.
    pub threshold: f64,
    /// By how much a move must lessen that difference. 0 or more; default 0.01, container-bench's 1 point.
    pub least_improvement: f64,
    /// The most moves at a time. 1 to 1000; default 10.
    pub most_moves: u32,
    /// How long after a move the next ones are considered. 0 s to 1 h; default 2 s.
    pub move_rest: Span,
    /// The most targets that are moved to a socket where there are so many; 0 for any number, the default. Give the number of
    /// its CPUs where each target is to have one for itself.
    pub most_per_socket: u32,
    /// The span over which stalls are averaged, and after which a move must have helped. 1 s to 10 min; default 5 s.
    pub window: Span,
    /// The greatest part of the ways and of the bandwidth that guarantees may take from the pool. 0..=1; default 0.8.
    pub most_taken: f64,
    /// How long a target whose knob was refused, whose guarantee could not be met or whose move did not help is left where it
    /// is. 1 s to 1 day; default 1 min.
    pub cooldown: Span,
    /// The most changes of knobs in a minute. 1 to 100000; default 240, for each try is one.
    pub most_changes: u32,
    /// How long an action holds unless it is renewed. 200 ms to 10 min; default 5 s.
    pub lease: Span,
}

impl Default for DynamicConfig {
    fn default() -> Self {
        Self {
            during: Window::default(),
            sockets: Vec::new(),
            spare: Vec::new(),
            guarantee: 0.9,
            probe_latency: false,
            order: Order::Ascending,
            least_ways: 1,
            most_ways: 4,
            least_bandwidth: 0.1,
            most_bandwidth: 0.3,
            bandwidth_step: 0.1,
            probing: Span::secs(20),
            settle: Span::millis(100),
            warmup: Span::secs(5),
            rest: Span::secs(2),
            diminishing: 0.0,
            rebalance: true,
            threshold: 0.05,
            least_improvement: 0.01,
            most_moves: 10,
            move_rest: Span::secs(2),
            most_per_socket: 0,
            window: Span::secs(5),
            most_taken: 0.8,
            cooldown: Span::secs(60),
            most_changes: 240,
            lease: Span::secs(5),
        }
    }
}

impl DynamicConfig {
    /// Who may be touched.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            only: &[],
            spare: &self.spare,
        }
    }
}

impl Configure for DynamicConfig {
    fn check(&self, faults: &mut Faults) {
        self.check_sockets(faults);
        for (share, name) in [
            (self.guarantee, "guarantee"),
            (self.least_bandwidth, "least_bandwidth"),
            (self.most_bandwidth, "most_bandwidth"),
            (self.diminishing, "diminishing"),
            (self.most_taken, "most_taken"),
        ] {
            check::share(share, name, faults);
        }
        check::positive(self.bandwidth_step, "bandwidth_step", faults);
        for (number, name) in [
            (self.threshold, "threshold"),
            (self.least_improvement, "least_improvement"),
        ] {
            let good = number >= 0.0 && number.is_finite();
            faults.require(good, name, format!("`{name}` is below 0"), "give 0 or more");
        }
        let ways = 1 <= self.least_ways && self.least_ways <= self.most_ways && self.most_ways <= 64;
        let message = "the ways to try are none";
        faults.require(
            ways,
            "most_ways",
            message,
            "give 1 <= `least_ways` <= `most_ways` <= 64",
        );
        let shares = self.least_bandwidth <= self.most_bandwidth;
        let message = "`most_bandwidth` is below `least_bandwidth`";
        faults.require(shares, "most_bandwidth", message, "give at least `least_bandwidth`");
        let moves = (1..=1000).contains(&self.most_moves);
        faults.require(
            moves,
            "most_moves",
            "`most_moves` is not between 1 and 1000",
            "10 is usual",
        );
        for (span, name, least, most) in [
            (self.probing, "probing", 1000, 600_000),
            (self.settle, "settle", 0, 10_000),
            (self.warmup, "warmup", 0, 600_000),
            (self.rest, "rest", 0, 600_000),
            (self.move_rest, "move_rest", 0, 3_600_000),
            (self.window, "window", 1000, 600_000),
            (self.cooldown, "cooldown", 1000, check::DAY_MS),
            (self.lease, "lease", 200, 600_000),
        ] {
            check::span(span, name, least, most, faults);
        }
        check::rate(self.most_changes, faults);
        check::window(&self.during, faults);
    }
}

impl DynamicConfig {
    fn check_sockets(&self, faults: &mut Faults) {
        let mut seen = std::collections::BTreeSet::new();
        for socket in &self.sockets {
            match check::cpus(&socket.cpus) {
                Err(fault) => faults.add("sockets", fault, "give the `cpus` of each socket, as `0-15`"),
                Ok(cpus) => {
                    let apart = cpus.into_iter().all(|cpu| seen.insert(cpu));
                    let message = "a CPU is on two sockets";
                    faults.require(apart, "sockets", message, "give each CPU to one");
                }
            }
        }
    }
}
