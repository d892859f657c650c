//! What a workload has used and suffered since it came, and how it stands now. Numbers in the units of the vocabulary.

/// Sums since the workload came. Spans in ns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// CPU time.
    pub cpu: f64,
    /// Of that, in the kernel.
    pub system: f64,
    /// Time that threads were ready and waited, under its own quota too.
    pub run_delay: f64,
    /// Times that a thread was put on a CPU.
    pub slices: f64,
    /// Times that a thread gave up its CPU.
    pub voluntary: f64,
    /// Times that a thread was taken off.
    pub involuntary: f64,
    /// Quota periods that passed.
    pub periods: f64,
    /// Quota periods in which it ran out.
    pub throttled_periods: f64,
    /// Time that its quota stopped it.
    pub throttled: f64,
    /// Pressure on CPU time: some, full.
    pub pressure_cpu: (f64, f64),
    /// Pressure on devices: some, full.
    pub pressure_io: (f64, f64),
    /// Cycles.
    pub cycles: f64,
    /// Instructions.
    pub instructions: f64,
    /// Accesses of the last-level cache.
    pub accesses: f64,
    /// Misses of it.
    pub misses: f64,
    /// Cycles in which it waited for memory.
    pub memory_stalls: f64,
    /// Cycles in which nothing was executed.
    pub stalls: f64,
    /// Bytes read from the block device.
    pub io_read: f64,
    /// Bytes written to it.
    pub io_written: f64,
    /// Bytes moved between each last-level cache and memory.
    pub moved: Vec<f64>,
    /// Requests that were due.
    pub offered: f64,
    /// Requests that were answered.
    pub answered: f64,
    /// Requests that were given up.
    pub errors: f64,
}

/// How a workload stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Levels {
    /// Bytes that it holds of each last-level cache; `None` where it may not run.
    pub held: Vec<Option<f64>>,
    /// Bytes of memory.
    pub memory: f64,
    /// Threads.
    pub threads: f64,
    /// The CPUs that it may use.
    pub cpus: Vec<u32>,
    /// Requests that wait.
    pub backlog: f64,
}
