//! What was counted by CPU, added up by socket. Which CPU is in which one is asked once, at start.

use crate::fs::Machine;
use crate::scale::Sum;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// See the file. Empty where sockets are not wanted.
#[derive(Debug, Default)]
pub struct Sockets {
    of_cpu: BTreeMap<u32, Part>,
    sums: BTreeMap<Part, Vec<Sum>>,
}

impl Sockets {
    /// Those of the CPUs that are on. A CPU of which the machine does not tell is in none.
    pub fn of(machine: &Machine, online: &[u32], events: usize, host: &Host) -> Self {
        let part = |cpu: &u32| Some((*cpu, host.part(&format!("socket/{}", machine.socket(*cpu)?))));
        let of_cpu: BTreeMap<u32, Part> = online.iter().filter_map(part).collect();
        let sums = of_cpu.values().map(|part| (*part, vec![Sum::default(); events]));
        Self {
            sums: sums.collect(),
            of_cpu,
        }
    }

    /// Another sample begins.
    pub fn clear(&mut self) {
        self.sums.values_mut().for_each(|sums| sums.fill(Sum::default()));
    }

    /// Adds what a CPU counted. Allocates nothing.
    pub fn add(&mut self, cpu: u32, counted: &[Sum]) {
        let sums = self.of_cpu.get(&cpu).and_then(|part| self.sums.get_mut(part));
        for (sum, counted) in sums.into_iter().flatten().zip(counted) {
            sum.absorb(counted);
        }
    }

    /// The sockets of which something was read since.
    pub fn read(&self) -> impl Iterator<Item = (Part, &[Sum])> {
        let is_read = |sums: &&Vec<Sum>| sums.iter().any(Sum::is_read);
        let all = self.sums.iter();
        all.filter_map(move |(part, sums)| Some((*part, Some(sums).filter(is_read)?.as_slice())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Counts;
    use crate::scale::Known;
    use pipeline_plugin_api::testkit::TestHost;

    fn counted(value: u64) -> Vec<Sum> {
        let mut sum = Sum::default();
        let before = Counts::zero(1);
        let mut after = before;
        (after.enabled, after.running) = (10, 10);
        sum.add((&before, 0), (&after, value));
        vec![sum]
    }

    #[test]
    fn cpus_are_added_up_by_package_and_a_package_that_was_not_read_is_not_told() {
        let root = tempfile::tempdir().unwrap();
        for (cpu, package) in [(0, 0), (1, 0), (2, 1)] {
            let folder = root.path().join(format!("sys/devices/system/cpu/cpu{cpu}/topology"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("physical_package_id"), format!("{package}\n")).unwrap();
        }
        let test = TestHost::new();
        let host = Host::new(test.handle());
        let mut sockets = Sockets::of(&Machine::at(root.path()), &[0, 1, 2, 3], 1, &host);
        let told = |sockets: &Sockets| -> Vec<(String, Known)> {
            let told = sockets
                .read()
                .map(|(part, sums)| (host.part_name(part), sums[0].known()));
            told.collect()
        };
        for (cpu, value) in [(0, 3), (1, 4), (3, 100)] {
            sockets.add(cpu, &counted(value));
        }
        assert_eq!(told(&sockets), [("socket/0".to_owned(), Known::Number(7.0, 1.0))]);
        sockets.clear();
        sockets.add(2, &counted(5));
        assert_eq!(told(&sockets), [("socket/1".to_owned(), Known::Number(5.0, 1.0))]);
    }
}
