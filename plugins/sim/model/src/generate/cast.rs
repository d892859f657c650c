//! Who plays in a generated scenario: machines, victims, those who disturb them, those who do not. Magnitudes are those of
//! servers and programs that were measured: a request of tens to hundreds of microseconds, a core that moves some
//! gigabytes a second, a cache of some dozens of MiB.

use super::{Draw, Kind, Workloads, bytes, window};
use crate::curve::Curve;
use crate::scenario::{Machine, Nature, Steal, Work, Workload};
use pipeline_plugin_api::abi::Nanos;
use pipeline_plugin_api::prelude::{Bytes, Span, Window};
use pipeline_plugin_api::purpose::ClassConfig;

/// A scenario in the making.
pub struct Cast {
    /// What the seed draws.
    pub draw: Draw,
    /// What it runs on.
    pub machine: Machine,
    /// Who is there so far.
    pub workloads: Workloads,
    /// What the hypervisor does.
    pub steal: Vec<Steal>,
    next_core: u32,
}

impl Cast {
    /// A machine and nobody on it.
    pub fn new(mut draw: Draw, is_large: bool) -> Self {
        let cores = if is_large { 32 } else { [6, 8, 12, 16][draw.below(4)] };
        let machine = Machine {
            cores,
            ghz: [2.1, 2.4, 2.8, 3.2][draw.below(4)],
            cache: Bytes((u64::from(cores) * [1536, 2048, 2560][draw.below(3)]) << 10),
            ways: [11, 12, 15, 16, 20][draw.below(5)],
            bandwidth: bytes(draw.within(18e9, 30e9)),
            core_bandwidth: bytes(draw.within(9e9, 13e9)),
            memory_ns: draw.within(75.0, 100.0),
            device: bytes(draw.within(3e8, 1.5e9)),
            ..Machine::default()
        };
        Self {
            draw,
            machine,
            workloads: Workloads::new(),
            steal: Vec::new(),
            next_core: 0,
        }
    }

    /// When something goes wrong.
    pub fn incident(&mut self) -> Window {
        let from = self.draw.within(50.0, 75.0);
        let length = self.draw.within(30.0, 70.0);
        window(from, from + length)
    }

    /// A core that nobody has yet, or the last.
    pub fn core(&mut self) -> u32 {
        let core = self.next_core.min(self.machine.cores - 1);
        self.next_core += 1;
        core
    }

    /// A core at which nobody's victim is.
    pub fn spare(&mut self) -> u32 {
        let used = self.next_core.min(self.machine.cores - 1);
        used + self.draw.below((self.machine.cores - used) as usize) as u32
    }

    /// Adds a workload, under that name or the next that is free.
    pub fn add(&mut self, name: String, workload: Workload) {
        let mut free = name.clone();
        let mut again = 1;
        while self.workloads.contains_key(&free) {
            again += 1;
            free = format!("{name}-{again}");
        }
        self.workloads.insert(free, workload);
    }

    /// Changes a workload that was added.
    pub fn change(&mut self, name: &str, change: impl FnOnce(&mut Workload)) {
        if let Some(workload) = self.workloads.get_mut(name) {
            change(workload);
        }
    }

    /// CPUs that a service uses when nothing disturbs.
    pub fn use_of(&self, name: &str) -> f64 {
        match self.workloads.get(name).map(|workload| &workload.kind) {
            Some(Work::Service { rate, demand, .. }) => rate * demand.nanos().seconds(),
            _ => 1.0,
        }
    }

    /// Requests a second of a service.
    pub fn rate_of(&self, name: &str) -> f64 {
        match self.workloads.get(name).map(|workload| &workload.kind) {
            Some(Work::Service { rate, .. }) => *rate,
            _ => 1.0,
        }
    }

    /// Adds a service on a core of its own to which such trouble will come; gives its name.
    pub fn victim(&mut self, name: &str, kind: Kind) -> String {
        let core = self.core();
        let victim = self.service(kind, core);
        self.workloads.insert(name.to_owned(), victim);
        name.to_owned()
    }

    /// A service that such trouble reaches.
    pub fn service(&mut self, kind: Kind, cpu: u32) -> Workload {
        let draw = &mut self.draw;
        let micros = draw.within(30.0, 300.0).round();
        let busy = match kind {
            Kind::OwnLoad | Kind::OwnQuota => draw.within(0.2, 0.3),
            _ => draw.within(0.1, 0.4),
        };
        let cache = (self.machine.cache.0) as f64;
        let nature = match kind {
            // Reads what no cache holds, one after the other.
            Kind::Bandwidth => Nature {
                ipc: draw.within(1.0, 1.6),
                accesses: draw.within(16.0, 24.0),
                misses: Curve::Flat(draw.within(8.0, 14.0)),
                overlap: draw.within(1.2, 1.6),
                ..Nature::default()
            },
            // Lives on what the cache holds.
            Kind::Cache => {
                let most = draw.within(14.0, 26.0);
                Nature {
                    ipc: draw.within(1.2, 1.8),
                    accesses: most * 1.2,
                    misses: Curve::Falling {
                        least: draw.within(0.1, 0.5),
                        most,
                        scale: bytes(cache * draw.within(0.08, 0.2)),
                    },
                    overlap: draw.within(1.2, 1.8),
                    ..Nature::default()
                }
            }
            _ => Nature {
                ipc: draw.within(1.2, 2.2),
                accesses: draw.within(2.0, 5.0),
                misses: Curve::Falling {
                    least: draw.within(0.05, 0.2),
                    most: draw.within(0.4, 1.2),
                    scale: bytes(cache * 0.03),
                },
                ..Nature::default()
            },
        };
        let io = if kind == Kind::Io {
            bytes(draw.within(4096.0, 16384.0))
        } else {
            Bytes(0)
        };
        Workload {
            kind: Work::Service {
                rate: (busy / (micros * 1e-6)).round(),
                demand: Span(Nanos(micros as u64 * 1000)),
                floor: Span(Nanos(draw.within(30.0, 80.0).round() as u64 * 1000)),
                spread: draw.within(0.3, 0.7),
                io,
                timeout: Span::secs(5),
            },
            class: Some(ClassConfig::Latency),
            cpus: Some(cpu.to_string()),
            nature: Nature {
                sensitivity: draw.within(0.35, 0.55),
                ..nature
            },
            noise: draw.within(0.005, 0.02),
            burst: draw.within(0.01, 0.05),
            ..Workload::default()
        }
    }

    /// Batch work that makes such trouble for a victim.
    pub fn rival(&mut self, kind: Kind, victim: &str, during: Window) -> Workload {
        let cpu = self
            .workloads
            .get(victim)
            .and_then(|workload| workload.cpus.clone())
            .unwrap_or_default();
        let sibling = cpu.parse::<u32>().map_or(0, |cpu| cpu + self.machine.cores).to_string();
        let base = Workload {
            class: Some(ClassConfig::BestEffort),
            during,
            noise: self.draw.within(0.005, 0.03),
            ..Workload::default()
        };
        match kind {
            Kind::CpuTime => Workload {
                cpus: Some(cpu),
                threads: 1 + self.draw.below(4) as u32,
                nature: self.compute(),
                ..base
            },
            Kind::Smt => Workload {
                cpus: Some(sibling),
                nature: Nature {
                    pressure: self.draw.within(0.9, 1.2),
                    ..self.compute()
                },
                ..base
            },
            Kind::Io => Workload {
                kind: Work::Batch {
                    load: self.draw.within(0.1, 0.3),
                    io: bytes(self.machine.device.0 as f64 * self.draw.within(0.8, 0.92)),
                },
                cpus: Some(self.core().to_string()),
                nature: self.compute(),
                ..base
            },
            Kind::Bandwidth => Workload {
                cpus: Some(self.cores(2)),
                threads: 2,
                nature: self.stream(),
                ..base
            },
            _ => Workload {
                cpus: Some(self.core().to_string()),
                nature: self.filler(),
                ..base
            },
        }
    }

    /// Batch work that stays within its core and its caches.
    pub fn calm(&mut self, core: u32) -> Workload {
        Workload {
            kind: Work::Batch {
                load: self.draw.within(0.2, 1.0),
                io: Bytes(0),
            },
            class: Some([ClassConfig::Batch, ClassConfig::BestEffort][self.draw.below(2)]),
            cpus: Some(core.to_string()),
            nature: self.compute(),
            noise: self.draw.within(0.005, 0.02),
            burst: self.draw.within(0.02, 0.1),
            ..Workload::default()
        }
    }

    /// A few who disturb nobody, on cores of their own.
    pub fn bystanders(&mut self) {
        let room = self.machine.cores.saturating_sub(self.next_core) as usize;
        for i in 0..room.min(2 + self.draw.below(3)) {
            let core = self.core();
            let bystander = match i {
                0 => self.service(Kind::Quiet, core),
                _ => self.calm(core),
            };
            self.add(format!("bystander-{i}"), bystander);
        }
    }

    fn cores(&mut self, count: u32) -> String {
        let cores: Vec<String> = (0..count).map(|_| self.core().to_string()).collect();
        cores.join(",")
    }

    fn compute(&mut self) -> Nature {
        Nature {
            ipc: self.draw.within(1.5, 3.0),
            accesses: self.draw.within(0.2, 1.0),
            misses: Curve::Flat(self.draw.within(0.001, 0.01)),
            ..Nature::default()
        }
    }

    /// Goes through more data than any cache holds, many lines at a time.
    fn stream(&mut self) -> Nature {
        Nature {
            ipc: self.draw.within(1.5, 2.2),
            accesses: 40.0,
            misses: Curve::Flat(self.draw.within(28.0, 36.0)),
            overlap: self.draw.within(12.0, 18.0),
            writes: self.draw.within(0.3, 0.6),
            ..Nature::default()
        }
    }

    /// Goes through data of the size of the cache again and again: it fetches much of it anew, at a rate that memory does
    /// not mind.
    fn filler(&mut self) -> Nature {
        let cache = self.machine.cache.0 as f64;
        let most = self.draw.within(26.0, 36.0);
        Nature {
            ipc: self.draw.within(1.4, 2.0),
            accesses: most * 1.2,
            misses: Curve::Falling {
                least: most * 0.4,
                most,
                scale: bytes(cache),
            },
            overlap: self.draw.within(8.0, 14.0),
            writes: 0.1,
            ..Nature::default()
        }
    }
}
