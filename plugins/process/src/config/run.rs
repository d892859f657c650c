//! The config of `process.run`, and all that can be wrong with it before anything starts.

mod check;

use pipeline_plugin_api::prelude::{Span, Window};
use pipeline_plugin_api::purpose::{ClassConfig, GoalConfig};
use rustix::process::Signal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What `process.run` starts, when, where, and what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// The command with its arguments, split as a shell splits words: `"redis-server --save ''"`. No shell is
    /// involved, so there are no pipes and no variables; write `sh -c '…'` where one is wanted. Default
    /// `sleep infinity`, a target that does nothing.
    pub command: String,
    /// Further arguments, taken as they are. Default none.
    pub args: Vec<String>,
    /// Variables set in addition to those that the run itself has. Default none.
    pub env: BTreeMap<String, String>,
    /// The folder in which it runs. Default that of the run.
    pub folder: Option<PathBuf>,
    /// The user it runs as, a name or a number, with that user's group and no supplementary groups. Needs root.
    /// Default the user of the run.
    pub user: Option<String>,
    /// The CPUs it may use, as `"0-1,3"`. They are set before its first instruction. Default those of the run.
    pub cpus: Option<String>,
    /// What it is for, and so who gives way to whom: `Latency`, `Batch` or `BestEffort`. Default not said.
    pub class: Option<ClassConfig>,
    /// Among targets of a class, higher goes first. Default 0.
    pub priority: i32,
    /// Names and texts that other nodes can go by. Default none.
    pub labels: BTreeMap<String, String>,
    /// What is wanted of it: `[(metric: "kpi.latency.p99", at_most: 1e6)]`. Default nothing.
    pub goals: Vec<GoalConfig>,
    /// When it starts, from the run's start. Default `"0s"`.
    pub start: Span,
    /// When it is stopped, from the run's start. Default never before the run ends.
    pub stop: Option<Span>,
    /// How long until `start` and `stop` count again. Default once.
    pub every: Option<Span>,
    /// Whether it is started again when it ends before `stop`: `Never`, `OnFailure` (an exit status other than 0, or
    /// a signal) or `Always`. Default `Never`.
    pub restart: Restart,
    /// How long it waits before the first restart; twice as long for each further one in a row, 10 s at most.
    /// 1ms to 10s, default `"100ms"`.
    pub backoff: Span,
    /// Most restarts in a row; one that lives for 10 s begins the count anew. Past it the command stays down until
    /// `every` begins again. 0 to 1000, default 10.
    pub restarts: u32,
    /// Where its standard output goes: `Discard` or `File("path")`, which is appended to. Default `Discard`.
    pub stdout: Output,
    /// Where its standard error goes. With `Discard` its last lines are kept and logged if the command fails.
    /// Default `Discard`.
    pub stderr: Output,
    /// Whether it gets a control group of its own: `Auto` where that is possible, or `Never`. Default `Auto`; with
    /// `Never`, and where none can be had, its processes are found by process group and parents.
    pub cgroup: Cgroup,
    /// When it counts as there: once it accepts connections on a port of this machine, `Port(7777)`, or after a
    /// while, `After("2s")`. Default at once.
    pub ready: Option<Ready>,
    /// How long it may take to accept connections before it is stopped as failed. 10ms to 1h, default `"30s"`.
    pub ready_timeout: Span,
    /// The signal that asks it to end: `Term`, `Int`, `Quit`, `Hup`, `Usr1`, `Usr2` or `Kill`. Default `Term`.
    pub stop_signal: StopSignal,
    /// How long it may take to end before it is killed. 0s to 10m, default `"5s"`. The end of a run has `--drain` (10 s
    /// by default) for everything, so a longer `stop_timeout` needs a longer `pipeline run --drain`.
    pub stop_timeout: Span,
}

/// Whether a command that ended is started again.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Restart {
    /// It stays down.
    #[default]
    Never,
    /// If it failed.
    OnFailure,
    /// However it ended.
    Always,
}

/// Where an output goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Output {
    /// Nowhere.
    #[default]
    Discard,
    /// To the end of that file, which is made if need be.
    File(PathBuf),
}

/// What an operator or an actuator wants of a command, whatever its schedule says.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RunOrder {
    /// It runs.
    Start,
    /// It does not run.
    Stop,
    /// As scheduled.
    Schedule,
}

/// Whether a command gets a control group of its own.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Cgroup {
    /// Where it may.
    #[default]
    Auto,
    /// Not at all.
    Never,
}

/// When a command counts as there.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Ready {
    /// Once it accepts connections on that TCP port of this machine.
    Port(u16),
    /// That long after it started.
    After(Span),
}

/// The signal that asks a command to end.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StopSignal {
    /// SIGTERM.
    #[default]
    Term,
    /// SIGINT.
    Int,
    /// SIGQUIT.
    Quit,
    /// SIGHUP.
    Hup,
    /// SIGUSR1.
    Usr1,
    /// SIGUSR2.
    Usr2,
    /// SIGKILL: it is not asked.
    Kill,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            command: "sleep infinity".to_owned(),
            args: Vec::new(),
            env: BTreeMap::new(),
            folder: None,
            user: None,
            cpus: None,
            class: None,
            priority: 0,
            labels: BTreeMap::new(),
            goals: Vec::new(),
            start: Span::default(),
            stop: None,
            every: None,
            restart: Restart::Never,
            backoff: Span::millis(100),
            restarts: 10,
            stdout: Output::Discard,
            stderr: Output::Discard,
            cgroup: Cgroup::Auto,
            ready: None,
            ready_timeout: Span::secs(30),
            stop_signal: StopSignal::Term,
            stop_timeout: Span::secs(5),
        }
    }
}

impl RunConfig {
    /// When it runs.
    pub fn window(&self) -> Window {
        Window {
            from: self.start,
            to: self.stop,
            every: self.every,
        }
    }
}

impl From<StopSignal> for Signal {
    fn from(signal: StopSignal) -> Self {
        match signal {
            StopSignal::Term => Self::TERM,
            StopSignal::Int => Self::INT,
            StopSignal::Quit => Self::QUIT,
            StopSignal::Hup => Self::HUP,
            StopSignal::Usr1 => Self::USR1,
            StopSignal::Usr2 => Self::USR2,
            StopSignal::Kill => Self::KILL,
        }
    }
}
