//! The config of `process.watch`: which processes, taken together how, and what they are for.

use super::check_proc;
use crate::users;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::purpose::{ClassConfig, GoalConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which processes of this machine `process.watch` brings as targets. A process is chosen if it fits all that is
/// given; one that was brought stays until it ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WatchConfig {
    /// Patterns for the name (`/proc/PID/comm`, at most 15 bytes), one of which must fit: `["redis-*"]`. `*` stands
    /// for any text, `?` for one byte. Default any name.
    pub names: Vec<String>,
    /// Patterns for the whole command line, its words with blanks between them, one of which must fit:
    /// `["*--port 7777*"]`. Default any.
    pub commands: Vec<String>,
    /// Users, by name or number, as one of which it must act. Default any.
    pub users: Vec<String>,
    /// Patterns for the path of its control group in any tree, one of which must fit: `["/system.slice/*"]`. `*` goes
    /// across slashes. Default any.
    pub cgroups: Vec<String>,
    /// How long it must have run. Default `"1h"`, from which the field calls a process long-running. Can be changed
    /// while the graph runs.
    pub older_than: Span,
    /// The share of one CPU that the target must have used over `window`, all its processes together: 0.5 is half a
    /// CPU, 4.0 four whole ones. Default none.
    pub busier_than: Option<f64>,
    /// Over how long CPU use is taken, which is from look to look (`every`) at least. 100ms to 1h, default `"10s"`.
    pub window: Span,
    /// What becomes one target: a `Process`, a `Group` (what a shell starts as one job), a `Session`, or all processes
    /// of one `Name`. Children belong to it, but for those that are chosen themselves. Default `Group`.
    pub group_by: GroupBy,
    /// Brings threads of the kernel too. Default false.
    pub kernel: bool,
    /// Brings the first process of the machine too. Default false.
    pub init: bool,
    /// Brings this program, its guardian, and what `process.run` started too. Default false.
    pub own: bool,
    /// Brings a target only once `pipeline control NODE acknowledge ID` says so. Default false.
    pub acknowledge: bool,
    /// How long an announced one waits for that before it counts as refused. 1s to 365d, default `"1h"`.
    pub acknowledge_timeout: Span,
    /// Most targets at once. 1 to 16384, default 512; each holds a descriptor.
    pub most: u32,
    /// What the targets are for: `Latency`, `Batch` or `BestEffort`. Default not said.
    pub class: Option<ClassConfig>,
    /// Among targets of a class, higher goes first. Default 0.
    pub priority: i32,
    /// Names and texts that other nodes can go by; `name`, `command` and `user` are added. Default none.
    pub labels: BTreeMap<String, String>,
    /// What is wanted of them: `[(metric: "kpi.latency.p99", at_most: 1e6)]`. Default nothing.
    pub goals: Vec<GoalConfig>,
    /// What is different for some of them; the first that fits counts. Default none.
    pub rules: Vec<WatchRule>,
    /// Where `/proc` is mounted. Default `/proc`.
    pub proc: PathBuf,
}

/// What is different for those targets whose first process fits both lists of patterns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WatchRule {
    /// Patterns for the name. Default any.
    pub names: Vec<String>,
    /// Patterns for the command line. Default any.
    pub commands: Vec<String>,
    /// What they are for. Default as for all.
    pub class: Option<ClassConfig>,
    /// Their priority. Default as for all.
    pub priority: Option<i32>,
    /// Labels in addition.
    pub labels: BTreeMap<String, String>,
    /// Goals in addition.
    pub goals: Vec<GoalConfig>,
}

/// What becomes one target.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GroupBy {
    /// Each process.
    Process,
    /// Each process group.
    #[default]
    Group,
    /// Each session.
    Session,
    /// All processes of one name.
    Name,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            commands: Vec::new(),
            users: Vec::new(),
            cgroups: Vec::new(),
            older_than: Span::secs(3600),
            busier_than: None,
            window: Span::secs(10),
            group_by: GroupBy::Group,
            kernel: false,
            init: false,
            own: false,
            acknowledge: false,
            acknowledge_timeout: Span::secs(3600),
            most: 512,
            class: None,
            priority: 0,
            labels: BTreeMap::new(),
            goals: Vec::new(),
            rules: Vec::new(),
            proc: Path::new("/proc").into(),
        }
    }
}

impl Configure for WatchConfig {
    fn check(&self, faults: &mut Faults) {
        let share = self.busier_than.is_none_or(|share| share.is_finite() && share >= 0.0);
        let message = format!("`busier_than` is {}", self.busier_than.unwrap_or_default());
        faults.require(share, "busier_than", message, "give CPUs, such as `0.5`");
        for (field, span, least, most, help) in [
            (
                "window",
                self.window,
                Span::millis(100),
                Span::secs(3600),
                "give 100ms to 1h",
            ),
            (
                "acknowledge_timeout",
                self.acknowledge_timeout,
                Span::secs(1),
                Span::secs(365 * 86_400),
                "give 1s to 365d",
            ),
        ] {
            faults.require(
                (least..=most).contains(&span),
                field,
                format!("`{field}` is {span}"),
                help,
            );
        }
        let message = format!("`most` is {}", self.most);
        faults.require((1..=16_384).contains(&self.most), "most", message, "give 1 to 16384");
        check_proc(&self.proc, faults);
        for user in self.users.iter().filter(|user| users::user(user).is_none()) {
            let help = "add the user, or name one that `getent passwd` lists";
            faults.add("users", format!("there is no user `{user}`"), help);
        }
        self.goals.iter().for_each(|goal| goal.check("goals", faults));
        let of_rules = self.rules.iter().flat_map(|rule| &rule.goals);
        of_rules.for_each(|goal| goal.check("rules", faults));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(config: WatchConfig) -> Vec<String> {
        let mut faults = Faults::default();
        config.check(&mut faults);
        faults.iter().map(|(field, _)| field.to_owned()).collect()
    }

    #[test]
    fn the_default_runs_and_has_the_field_s_threshold() {
        assert_eq!(faults(WatchConfig::default()), [""; 0]);
        assert_eq!(WatchConfig::default().older_than, Span::secs(3600));
    }

    #[test]
    fn every_fault_is_told_by_its_field() {
        let config = WatchConfig {
            busier_than: Some(f64::NAN),
            window: Span::millis(1),
            most: 0,
            users: vec!["root".to_owned(), "no-such-user".to_owned(), "4242".to_owned()],
            proc: "/nowhere".into(),
            rules: vec![WatchRule {
                goals: vec![GoalConfig::default()],
                ..WatchRule::default()
            }],
            ..WatchConfig::default()
        };
        let found = faults(config);
        for field in ["busier_than", "window", "most", "users", "proc", "rules"] {
            assert!(
                found.iter().any(|fault| fault == field),
                "{field} is not among {found:?}"
            );
        }
        assert_eq!(found.iter().filter(|fault| *fault == "users").count(), 1);
    }
}
