//! The config of `cgroup.watch`.

mod check;

use pipeline_plugin_api::prelude::Span;
use pipeline_plugin_api::purpose::{ClassConfig, GoalConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which control groups `cgroup.watch` brings as targets, and what is known of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WatchConfig {
    /// Which groups, as patterns over their paths below `/sys/fs/cgroup` or a tree in it: `*` for any letters of one
    /// name, `?` for one letter, `[a-z]` for one of them, `**` between slashes for any number of names. Default
    /// `["/system.slice/*.service"]`, the services of a machine with systemd.
    pub groups: Vec<String>,
    /// Which of them not, as patterns too. Default none.
    pub except: Vec<String>,
    /// How many names a path has at least: 1 for `/docker`, 2 for `/docker/abc`. 1 to 64, default 1. Raise it to leave
    /// out the upper groups of a `**`.
    pub min_depth: u32,
    /// Whether a group is brought only while there is a process in it or below it. Default false. Version 2 tells at
    /// once when the last process leaves; version 1 is asked every `rescan`.
    pub only_populated: bool,
    /// What a target is called after the node's name and a `/`: `Last`, the last name of the path; `Captured`, what the
    /// wildcards of its pattern stood for; `Path`, all of it. Where that name is taken it is the whole path. Default
    /// `Last`.
    pub name: NameFrom,
    /// What is known of some of them; of several rules that mean a group the first counts. Default none.
    pub rules: Vec<RuleConfig>,
    /// Whether the processes of each group (not of those below) are listed, every `rescan`. Default false; set it for
    /// elements that act on processes.
    pub processes: bool,
    /// Whether groups that pipelines made (`pipeline-…` at the top) are brought too. Default false.
    pub own: bool,
    /// Most targets at a time; of more groups those that are found first are brought, and that is told. Each costs a
    /// collector some open files. 1 to 100000, default 1000.
    pub most: u32,
    /// How often everything is looked at again, should the kernel have failed to tell something. Where it cannot tell
    /// (too many watches), once a second at least. 10ms to 1h, default `"10s"`.
    pub rescan: Span,
}

/// What a target is called.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NameFrom {
    /// The last name of the path: `nginx.service`.
    #[default]
    Last,
    /// What the wildcards of the pattern stood for: `nginx` of `/system.slice/*.service`.
    Captured,
    /// The path: `system.slice/nginx.service`.
    Path,
}

/// What is known of groups that fit a pattern.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RuleConfig {
    /// The pattern over paths.
    pub groups: String,
    /// What they are for: `Latency`, `Batch` or `BestEffort`. Default not said.
    pub class: Option<ClassConfig>,
    /// Among targets of a class, higher goes first. Default 0.
    pub priority: i32,
    /// Names and texts that other nodes can go by. Default none.
    pub labels: BTreeMap<String, String>,
    /// What is wanted of them: `[(metric: "psi.cpu.some", at_most: 1e8)]`. Default nothing.
    pub goals: Vec<GoalConfig>,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            groups: vec!["/system.slice/*.service".into()],
            except: Vec::new(),
            min_depth: 1,
            only_populated: false,
            name: NameFrom::Last,
            rules: Vec::new(),
            processes: false,
            own: false,
            most: 1000,
            rescan: Span::secs(10),
        }
    }
}
