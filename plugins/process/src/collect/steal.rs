//! What the hypervisor took from each CPU since the sample before, read once for all targets.
//!
//! The kernel counts it in USER_HZ ticks (`Documentation/filesystems/proc.rst`, 1.7), so that over 100 ms one tick of
//! 10 ms is the finest step.

use super::io::{Io, Kept};
use crate::parse;
use pipeline_plugin_api::abi::Nanos;

/// Steal by CPU, in USER_HZ ticks.
#[derive(Debug, Default)]
pub struct Steal {
    file: Kept,
    cpus: Vec<Cpu>,
    at: Nanos,
    span: Nanos,
}

#[derive(Clone, Copy, Debug)]
struct Cpu {
    id: u32,
    total: u64,
    added: u64,
    /// When it was last read: a CPU that went offline is not.
    at: Nanos,
    /// Whether it was read before that as well, so that `added` means something.
    twice: bool,
}

impl Steal {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first sample. `false` if this kernel tells no steal.
    pub fn begin(&mut self, at: Nanos, io: &mut Io) -> bool {
        self.sample(at, io);
        self.is_there()
    }

    /// Reads what was added since the sample before.
    pub fn sample(&mut self, at: Nanos, io: &mut Io) {
        self.span = at - self.at;
        self.at = at;
        let Self { file, cpus, .. } = self;
        let Ok(text) = file.read_whole(|io| io.proc.join("stat"), io) else {
            return;
        };
        parse::steal(text, |id, total| match cpus.binary_search_by_key(&id, |cpu| cpu.id) {
            Ok(place) => {
                let cpu = &mut cpus[place];
                let unbroken = cpu.at + self.span >= at;
                *cpu = Cpu {
                    id,
                    total,
                    added: total.saturating_sub(cpu.total),
                    at,
                    twice: unbroken,
                };
            }
            Err(place) => cpus.insert(
                place,
                Cpu {
                    id,
                    total,
                    added: 0,
                    at,
                    twice: false,
                },
            ),
        });
    }

    /// Whether this kernel tells steal.
    pub fn is_there(&self) -> bool {
        !self.cpus.is_empty()
    }

    /// What time the deltas cover.
    pub fn span(&self) -> Nanos {
        self.span
    }

    /// What was added to each of `wanted` that is online, or of all if none is named.
    pub fn of(&self, wanted: &[u32]) -> impl Iterator<Item = (u32, u64)> {
        let known = self.cpus.iter().filter(|cpu| cpu.at == self.at && cpu.twice);
        known
            .filter(|cpu| wanted.is_empty() || wanted.contains(&cpu.id))
            .map(|cpu| (cpu.id, cpu.added))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cpu: u32, ticks: u64) -> String {
        format!("cpu{cpu} 1 2 3 4 5 6 7 {ticks} 0 0\n")
    }

    fn write(tree: &tempfile::TempDir, lines: &[String]) {
        std::fs::write(
            tree.path().join("stat"),
            format!("cpu  0 0 0 0 0 0 0 9 0 0\n{}intr 1\n", lines.concat()),
        )
        .unwrap();
    }

    #[test]
    fn deltas_are_by_cpu_and_a_cpu_that_went_offline_has_none() {
        let tree = tempfile::tempdir().unwrap();
        let mut io = Io::new(tree.path(), 8);
        let mut steal = Steal::new();
        let second = Nanos::from_secs;
        write(&tree, &[line(0, 10), line(1, 20), line(2, 5)]);
        assert!(steal.begin(second(0), &mut io));
        write(&tree, &[line(0, 13), line(1, 20), line(2, 5)]);
        steal.sample(second(1), &mut io);
        assert_eq!(steal.of(&[]).collect::<Vec<_>>(), [(0, 3), (1, 0), (2, 0)]);
        assert_eq!(steal.of(&[1]).collect::<Vec<_>>(), [(1, 0)]);
        write(&tree, &[line(0, 13), line(2, 5)]);
        steal.sample(second(2), &mut io);
        assert_eq!(steal.of(&[]).collect::<Vec<_>>(), [(0, 0), (2, 0)]);
        write(&tree, &[line(0, 13), line(1, 90), line(2, 5)]);
        steal.sample(second(3), &mut io);
        assert_eq!(
            steal.of(&[1]).count(),
            0,
            "what was added while it was away is not of this span"
        );
    }

    #[test]
    fn a_kernel_without_steal_has_none() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::write(tree.path().join("stat"), "cpu  1 2 3 4\ncpu0 1 2 3 4\n").unwrap();
        assert!(!Steal::new().begin(Nanos::ZERO, &mut Io::new(tree.path(), 8)));
    }
}
