//! Which CPUs are threads of the same core: as the config says it, or as readings of `cpu.core` tell.

use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// The most CPUs that are told apart; the kernel's own limit is 8192.
pub const MOST_CPUS: u32 = 8192;

/// See the file.
#[derive(Clone, Debug, Default)]
pub struct Cores {
    core_of: BTreeMap<u32, u64>,
    siblings: BTreeMap<u32, Vec<u32>>,
}

impl Cores {
    /// Those groups of CPUs, each a core.
    pub fn of(groups: &[Vec<u32>]) -> Self {
        let mut cores = Self::default();
        for (core, group) in groups.iter().enumerate() {
            for cpu in group {
                cores.tell(*cpu, core as u64);
            }
        }
        cores
    }

    /// A CPU is a thread of that core.
    pub fn tell(&mut self, cpu: u32, core: u64) {
        if cpu >= MOST_CPUS || self.core_of.insert(cpu, core) == Some(core) {
            return;
        }
        self.siblings.clear();
        for (cpu, core) in &self.core_of {
            let others = self.core_of.iter().filter(|(other, of)| *of == core && *other != cpu);
            self.siblings.insert(*cpu, others.map(|(other, _)| *other).collect());
        }
    }

    /// A reading of `cpu.core`.
    pub fn hear(&mut self, reading: &Reading) {
        if let (Some(cpu), Some(core)) = (reading.part.cpu_index(), reading.number()) {
            self.tell(cpu, core as u64);
        }
    }

    /// Whether anything is known.
    pub fn is_known(&self) -> bool {
        !self.core_of.is_empty()
    }

    /// The other threads of a CPU's core.
    pub fn siblings(&self, cpu: u32) -> &[u32] {
        self.siblings.get(&cpu).map_or(&[], Vec::as_slice)
    }

    /// How many CPUs were told of.
    pub fn cpus(&self) -> usize {
        self.core_of.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_are_the_other_threads_of_a_core_whoever_tells_it() {
        let given = Cores::of(&[vec![0, 4], vec![1, 5]]);
        assert_eq!(
            (given.siblings(4), given.siblings(1), given.siblings(9)),
            (&[0][..], &[5][..], &[][..])
        );
        let mut heard = Cores::default();
        for cpu in 0..4_u32 {
            let core = f64::from(cpu / 2);
            heard.hear(&Reading::gauge(Nanos(1), TargetId::NONE, MetricId(1), core).of_part(Part::cpu(cpu)));
        }
        assert_eq!((heard.siblings(2), heard.cpus()), (&[3][..], 4));
    }
}
