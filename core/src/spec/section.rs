//! The six sections of a graph file: their order, and the fields that their nodes have.

use pipeline_plugin_api::abi::Stage;

/// A section of a graph file. Their order is the order in which data moves.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// What is watched.
    Targets,
    /// What reads numbers.
    Collectors,
    /// What turns readings into readings or findings.
    Transforms,
    /// What decides.
    Schedulers,
    /// What acts.
    Actuators,
    /// What takes data away.
    Sinks,
}

impl Section {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::Targets,
        Self::Collectors,
        Self::Transforms,
        Self::Schedulers,
        Self::Actuators,
        Self::Sinks,
    ];

    /// The section of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.name() == name)
    }

    /// The section whose nodes work in that stage; none for a stage that this version does not know.
    pub fn of_stage(stage: Stage) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.stage() == stage)
    }

    /// As it stands in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Targets => "targets",
            Self::Collectors => "collectors",
            Self::Transforms => "transforms",
            Self::Schedulers => "schedulers",
            Self::Actuators => "actuators",
            Self::Sinks => "sinks",
        }
    }

    /// One of its nodes, with its article.
    pub fn one(self) -> &'static str {
        match self {
            Self::Targets => "a target",
            Self::Collectors => "a collector",
            Self::Transforms => "a transform",
            Self::Schedulers => "a scheduler",
            Self::Actuators => "an actuator",
            Self::Sinks => "a sink",
        }
    }

    /// The stage whose elements belong here.
    pub fn stage(self) -> Stage {
        match self {
            Self::Targets => Stage::TARGETS,
            Self::Collectors => Stage::COLLECTOR,
            Self::Transforms => Stage::TRANSFORM,
            Self::Schedulers => Stage::SCHEDULER,
            Self::Actuators => Stage::ACTUATOR,
            Self::Sinks => Stage::SINK,
        }
    }

    /// Whether its nodes have a field, of those that some node has.
    pub fn has(self, field: &str) -> bool {
        match field {
            "of" => self == Self::Collectors,
            "from" | "queue" => self.reads_nodes(),
            "last" => matches!(self, Self::Transforms | Self::Schedulers),
            _ => FIELDS.contains(&field),
        }
    }

    /// The fields that its nodes have.
    pub fn fields(self) -> impl Iterator<Item = &'static str> {
        FIELDS.into_iter().filter(move |field| self.has(field))
    }

    /// Whether its nodes read other nodes.
    pub fn reads_nodes(self) -> bool {
        self >= Self::Transforms
    }

    /// The order, for people.
    pub fn order() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

/// Every field that a node may have, in the order in which they are written.
pub const FIELDS: [&str; 10] = [
    "plugin", "of", "from", "last", "every", "config", "lane", "cpu", "queue", "on_error",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_its_section() {
        for section in Section::ALL {
            assert_eq!(Section::named(section.name()), Some(section));
            assert_eq!(Section::of_stage(section.stage()), Some(section));
            assert_eq!(section.stage().name(), Some(section.name()));
        }
        assert_eq!(Section::of_stage(Stage(77)), None);
    }

    #[test]
    fn only_who_reads_nodes_has_a_queue() {
        let with: Vec<&str> = Section::ALL
            .into_iter()
            .filter(|s| s.has("queue"))
            .map(Section::name)
            .collect();
        assert_eq!(with, ["transforms", "schedulers", "actuators", "sinks"]);
        assert!(Section::Collectors.has("of") && !Section::Sinks.has("of"));
        assert!(!Section::Sinks.has("nonsense"));
    }
}
