//! What a run tells of itself to whoever records it: its graph, its nodes, its plugins, the machine, and how it fared.

use super::clock::Clock;
use super::shared::Shared;
use super::telemetry;
use object::Object;
use pipeline_plugin_api::abi::ABI_VERSION;
use pipeline_plugin_api::tap::{MachineFacts, NodeSummary, RunFacts, RunSummary};
use rustix::system::uname;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What is told of a run.
#[derive(Debug)]
pub struct Facts {
    facts: RunFacts,
    ended: Mutex<String>,
}

impl Facts {
    /// What the graph's check knows, with what the run knows.
    pub fn new(known: RunFacts, shared: &Shared, clock: &str) -> Self {
        let facts = RunFacts {
            run_id: shared.run_id.clone(),
            pipeline: env!("CARGO_PKG_VERSION").to_owned(),
            abi: ABI_VERSION.to_owned(),
            clock: clock.to_owned(),
            wall_ns: wall_at_zero(&shared.clock),
            dry_run: shared.dry_run,
            ..known
        };
        Self {
            facts,
            ended: Mutex::default(),
        }
    }

    /// All of it. The plugins' files and the machine are looked at only now, since most runs are not recorded.
    pub fn told(&self) -> RunFacts {
        let mut facts = self.facts.clone();
        facts.machine = machine();
        for plugin in &mut facts.plugins {
            plugin.build_id = build_id(Path::new(&plugin.file)).unwrap_or_default();
        }
        facts
    }

    /// Why the run ends.
    pub fn end(&self, why: &str) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.is_empty() {
            why.clone_into(&mut ended);
        }
    }

    fn ended(&self) -> String {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How a run fares, or fared.
pub fn summary(shared: &Shared) -> RunSummary {
    let nodes = telemetry::figures(shared).into_iter().map(|figures| NodeSummary {
        name: figures.node,
        calls: figures.calls,
        missed: figures.missed,
        failures: figures.failures,
        restarts: figures.restarts,
        dropped: figures.dropped,
        abandoned: figures.abandoned,
        dead: figures.state == "stopped",
    });
    let aborted = shared.is_aborted();
    let ended = shared.facts.get().map(Facts::ended).unwrap_or_default();
    let lanes = telemetry::run_figures(shared).lanes;
    RunSummary {
        run_id: shared.run_id.clone(),
        span_ns: shared.clock.now().0,
        ended: if aborted { "aborted".to_owned() } else { ended },
        aborted,
        complete: shared.is_complete(),
        instants: lanes.iter().map(|lane| lane.instants).sum(),
        lost_events: shared.tap.get().map(|tap| tap.lost_events()).unwrap_or_default(),
        nodes: nodes.collect(),
    }
}

fn wall_at_zero(clock: &Clock) -> u64 {
    clock.wall().0.saturating_sub(clock.now().0)
}

/// What the kernel tells of the machine (proc_cpuinfo(5), proc_meminfo(5), uname(2)).
fn machine() -> MachineFacts {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let name = uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    MachineFacts {
        host: text(name.nodename()),
        cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
        cpus: std::thread::available_parallelism().map_or(0, |cpus| cpus.get() as u32),
        arch: std::env::consts::ARCH.to_owned(),
        kernel: text(name.release()),
        memory_bytes: memory_bytes(&read("/proc/meminfo")),
    }
}

/// The first `name : value` of a text.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

fn memory_bytes(meminfo: &str) -> u64 {
    let kibibytes = field(meminfo, "MemTotal").and_then(|value| value.strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}

/// The note by which the linker tells one build from another (`NT_GNU_BUILD_ID`).
fn build_id(file: &Path) -> Option<String> {
    let cache = object::ReadCache::new(std::fs::File::open(file).ok()?);
    let elf = object::read::elf::ElfFile64::<object::Endianness, _>::parse(&cache).ok()?;
    let id = elf.build_id().ok()??;
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_tells_is_read() {
        let cpuinfo = "processor\t: 0\nmodel name\t: A CPU @ 2.00GHz\nflags\t: x\n";
        assert_eq!(field(cpuinfo, "model name").as_deref(), Some("A CPU @ 2.00GHz"));
        assert_eq!(field("CPU part\t: 0xd0c\n", "model name"), None);
        assert_eq!(memory_bytes("MemTotal:       16 kB\nMemFree: 5 kB\n"), 16_384);
        assert_eq!(memory_bytes(""), 0);
    }

    #[test]
    fn what_is_no_elf_file_has_no_build_id() {
        assert_eq!(build_id(Path::new("/proc/version")), None);
        assert_eq!(build_id(Path::new("/proc/nowhere")), None);
    }

    #[test]
    fn the_first_reason_of_an_end_stays() {
        let shared = crate::run::tests::shared();
        let facts = Facts::new(RunFacts::default(), &shared, "virtual");
        facts.end("time");
        facts.end("SIGINT");
        assert_eq!(
            (facts.ended().as_str(), facts.told().clock.as_str()),
            ("time", "virtual")
        );
    }
}
