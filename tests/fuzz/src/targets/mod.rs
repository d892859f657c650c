//! The readers that are fed, each with its seeds and the words of its format.

mod cgroup;
mod cpus;
mod elements;
mod elf;
mod fields;
mod graph;
mod journal;
mod manifest;
mod patterns;
mod plugin;
mod process;
mod request;
mod units;

use crate::corpus::regressions;
use crate::mutate::Material;

/// Reads one input; it panics where the reader is at fault.
pub type Read = Box<dyn Fn(&[u8])>;

/// Something that reads bytes from outside.
#[derive(Debug)]
pub struct Target {
    /// How it is called on the command line.
    pub name: &'static str,
    /// What is read, in a few words.
    pub about: &'static str,
    /// What its inputs are made of.
    pub material: fn() -> Material,
    /// Makes what reads.
    pub reader: fn() -> Read,
}

/// A target with its seeds in memory.
pub struct Ready {
    /// What its inputs are made of.
    pub material: Material,
    /// Reads one input.
    pub read: Read,
}

impl Target {
    /// Every target.
    pub const ALL: &'static [Self] = &[
        graph::TARGET,
        fields::TARGET,
        units::TARGET,
        cgroup::TARGET,
        process::TARGET,
        cpus::TARGET,
        manifest::TARGET,
        plugin::TARGET,
        journal::TARGET,
        patterns::TARGET,
        request::TARGET,
    ];

    /// The target of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|target| target.name == name)
    }

    /// Reads its seeds, those that failed once first.
    pub fn ready(&self) -> Ready {
        let mut material = (self.material)();
        material.seeds.splice(0..0, regressions(self.name));
        Ready {
            material,
            read: (self.reader)(),
        }
    }
}
