//! An event as the kernel takes it: the type and the three words of `struct perf_event_attr` (perf_event_open(2)).

use perf_event::Builder;
use perf_event::events::Software;

const HARDWARE: u32 = 0;
const SOFTWARE: u32 = 1;
const TRACEPOINT: u32 = 2;
const CACHE: u32 = 3;
const RAW: u32 = 4;

/// Type and configuration.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Code {
    /// Whose event it is: one of the five fixed types, or the `type` of a PMU.
    pub kind: u32,
    /// `config`, `config1`, `config2`.
    pub words: [u64; 3],
}

/// Which events can be in one group: those of one PMU.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pmu {
    /// The CPU's own counters.
    Cpu,
    /// The kernel's counters, which are never short.
    Kernel,
    /// Another one, by its type.
    Other(u32),
}

impl Code {
    /// A generic hardware event.
    pub const fn hardware(config: u64) -> Self {
        Self::new(HARDWARE, config)
    }

    /// A cache event.
    pub const fn cache(config: u64) -> Self {
        Self::new(CACHE, config)
    }

    /// An event that the kernel counts.
    pub const fn software(config: u64) -> Self {
        Self::new(SOFTWARE, config)
    }

    /// A code of the CPU's own event list.
    pub const fn raw(config: u64) -> Self {
        Self::new(RAW, config)
    }

    /// A tracepoint, by its number in tracefs.
    pub const fn tracepoint(id: u64) -> Self {
        Self::new(TRACEPOINT, id)
    }

    const fn new(kind: u32, config: u64) -> Self {
        Self {
            kind,
            words: [config, 0, 0],
        }
    }

    /// Whose counters it needs. `cpu` is the type of the PMU under sysfs that is the CPU's own, which is `RAW` on x86.
    pub fn pmu(&self) -> Pmu {
        match self.kind {
            HARDWARE | CACHE | RAW => Pmu::Cpu,
            SOFTWARE | TRACEPOINT => Pmu::Kernel,
            other => Pmu::Other(other),
        }
    }

    /// A builder that counts it, disabled, in user and kernel mode.
    pub fn builder(&self) -> Builder<'static> {
        let mut builder = Builder::new(Software::DUMMY);
        builder.include_kernel().include_hv();
        let attributes = builder.attrs_mut();
        attributes.type_ = self.kind;
        let [config, config1, config2] = self.words;
        attributes.config = config;
        attributes.config1 = config1;
        attributes.config2 = config2;
        builder
    }
}
