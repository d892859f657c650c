//! The config of `docker.watch`.

mod check;

use pipeline_plugin_api::prelude::Span;
use pipeline_plugin_api::purpose::{ClassConfig, GoalConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which running containers `docker.watch` brings as targets, and what is known of them. A container is brought if it
/// fits one of `names`, one of `images` and all of `labelled`, and none of `except`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WatchConfig {
    /// Patterns for the container's name: `*` for any letters, `?` for one letter, `[a-z]` for one of them. Default any
    /// name.
    pub names: Vec<String>,
    /// Patterns for the image as it was asked for, such as `redis:7` or `ghcr.io/shop/api:2`: the same within a name
    /// between slashes, and `**` for any number of names: `**/redis:*` is every Redis. Default any image.
    pub images: Vec<String>,
    /// Labels that it must have, all of them: `key`, or `key=value`. Default none.
    pub labelled: Vec<String>,
    /// Patterns for names of containers that are not brought. Default none.
    pub except: Vec<String>,
    /// What is known of some of them; of several rules that mean a container the first counts. Default none.
    pub rules: Vec<RuleConfig>,
    /// Whether the processes of each container are told, 256 at most, looked for at each call. Default true; without, a
    /// target has its control groups only.
    pub processes: bool,
    /// Most targets at a time; of more containers those that are found first are brought, and that is told. Each holds
    /// a descriptor. 1 to 10000, default 1000.
    pub most: u32,
    /// How often all containers are listed again, should the engine have failed to tell something. 1s to 1h, default
    /// `"30s"`.
    pub rescan: Span,
    /// The engine's socket, as `/run/user/1000/docker.sock` or `unix:///run/user/1000/docker.sock`. Default empty:
    /// what `DOCKER_HOST` says, else `/var/run/docker.sock`.
    pub socket: String,
}

/// What is known of containers that fit a name, an image and labels, each as in the config itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RuleConfig {
    /// Patterns for the name. Default any.
    pub names: Vec<String>,
    /// Patterns for the image. Default any.
    pub images: Vec<String>,
    /// Labels of the container. Default none.
    pub labelled: Vec<String>,
    /// What they are for: `Latency`, `Batch` or `BestEffort`. Default not said.
    pub class: Option<ClassConfig>,
    /// Among targets of a class, higher goes first. Default 0.
    pub priority: i32,
    /// Names and texts that other nodes can go by, beside those that every container has. Default none.
    pub labels: BTreeMap<String, String>,
    /// What is wanted of them: `[(metric: "psi.cpu.some", at_most: 1e8)]`. Default nothing.
    pub goals: Vec<GoalConfig>,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            images: Vec::new(),
            labelled: Vec::new(),
            except: Vec::new(),
            rules: Vec::new(),
            processes: true,
            most: 1000,
            rescan: Span::secs(30),
            socket: String::new(),
        }
    }
}
