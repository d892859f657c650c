//! What the elements can be told, one struct for each.

use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `record.write`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WriteConfig {
    /// The folder in which each run has a folder of its own, named by the run's id. `runs` by default, relative to where
    /// `pipeline` was started; folders that are missing are made.
    pub dir: String,
    /// The run's folder itself, where it is to have another name than the run's id. Empty by default.
    pub path: String,
    /// How much a crash loses at most, as long as a write takes less than three quarters of it and less than twice as long
    /// as those before. 2s by default, from 100ms; a shorter one costs more writes. In virtual time nothing is written
    /// before there is a segment of it.
    pub flush: Span,
    /// A segment has at most this many rows. 1048576 by default, from 1000; fewer need less memory.
    pub rows: u32,
    /// zstd's level, 1 to 19. 3 by default; more takes longer and less room.
    pub level: i32,
    /// How many values may wait to be taken over; what does not fit is lost, and the run cannot be replayed. 262144 by
    /// default (10 MB of readings), from 1024; give more where many thousand come at once.
    pub buffer: u32,
    /// How many rows may wait while the disk is full or cannot be reached; past it they are lost, and the run cannot be
    /// replayed. 2097152 by default (some 200 MB), from 1000.
    pub waiting: u32,
    /// The run that is replayed, where it is one; told by `pipeline replay`. Empty by default.
    pub replay_of: String,
}

impl Default for WriteConfig {
    fn default() -> Self {
        Self {
            dir: "runs".to_owned(),
            path: String::new(),
            flush: Span::secs(2),
            rows: 1 << 20,
            level: 3,
            buffer: pipeline_plugin_api::tap::CAPACITY,
            waiting: 1 << 21,
            replay_of: String::new(),
        }
    }
}

impl Configure for WriteConfig {
    fn check(&self, faults: &mut Faults) {
        faults.require(
            !self.dir.is_empty(),
            "dir",
            "`dir` is empty",
            "name a folder, such as `runs`",
        );
        faults.require(
            self.flush.nanos() >= Nanos::from_millis(100),
            "flush",
            format!("`flush` is {}", self.flush),
            "give 100ms or more",
        );
        faults.require(
            self.rows >= 1000,
            "rows",
            format!("`rows` is {}", self.rows),
            "give 1000 or more",
        );
        faults.require(
            (1..=19).contains(&self.level),
            "level",
            format!("`level` is {}", self.level),
            "give 1 to 19",
        );
        faults.require(
            self.buffer >= 1024,
            "buffer",
            format!("`buffer` is {}", self.buffer),
            "give 1024 or more",
        );
        faults.require(
            self.waiting >= 1000,
            "waiting",
            format!("`waiting` is {}", self.waiting),
            "give 1000 or more",
        );
    }
}

/// Config of `record.source` and `record.note`: one node of a recorded run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PlayConfig {
    /// The run's folder. Empty, as by default, plays nothing.
    pub run: String,
    /// The node that is played back. Empty, as by default, for the one with this node's own name.
    pub node: String,
}

impl Configure for PlayConfig {}

/// Config of `record.targets`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TargetsConfig {
    /// The run's folder. Empty, as by default, brings nothing.
    pub run: String,
    /// The node whose targets are brought. Empty, as by default, for the one with this node's own name.
    pub node: String,
    /// How many times as fast as it was. 1 by default, above 0.
    pub speed: f64,
    /// Whether each call is one word of the node, and targets keep their ids: as in `pipeline replay`, which says so. Not
    /// by default.
    pub exact: bool,
}

impl Default for TargetsConfig {
    fn default() -> Self {
        Self {
            run: String::new(),
            node: String::new(),
            speed: 1.0,
            exact: false,
        }
    }
}

impl Configure for TargetsConfig {
    fn check(&self, faults: &mut Faults) {
        check_speed(faults, self.speed);
    }
}

/// Config of `record.replay`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReplayConfig {
    /// The run's folder. Empty, as by default, plays nothing.
    pub run: String,
    /// The node whose readings are played back. Empty, as by default, for the one with this node's own name.
    pub node: String,
    /// How many times as fast as it was. 1 by default, above 0. In virtual time an hour passes in moments anyway.
    pub speed: f64,
}

impl Default for ReplayConfig {
    fn default() -> Self {
        Self {
            run: String::new(),
            node: String::new(),
            speed: 1.0,
        }
    }
}

impl Configure for ReplayConfig {
    fn check(&self, faults: &mut Faults) {
        check_speed(faults, self.speed);
    }
}

fn check_speed(faults: &mut Faults, speed: f64) {
    let good = speed.is_finite() && speed > 0.0;
    faults.require(good, "speed", format!("`speed` is {speed}"), "give a number above 0");
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::parse;

    #[test]
    fn every_default_runs() {
        assert!(parse::<WriteConfig>("").is_ok());
        assert!(parse::<TargetsConfig>("").is_ok());
        assert!(parse::<PlayConfig>("").is_ok());
        assert!(parse::<ReplayConfig>("").is_ok());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in [
            "(dir: \"\")",
            "(flush: \"99ms\")",
            "(rows: 9)",
            "(level: 20)",
            "(buffer: 1)",
            "(waiting: 1)",
        ] {
            assert_eq!(parse::<WriteConfig>(text).unwrap_err().len(), 1, "{text}");
        }
        assert_eq!(parse::<ReplayConfig>("(speed: 0.0)").unwrap_err().len(), 1);
    }
}
