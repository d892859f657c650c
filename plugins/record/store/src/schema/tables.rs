//! The tables, in the order in which they are flushed.
//!
//! [`EMISSIONS`] comes behind all whose rows it counts, and [`DELIVERIES`] behind it: so what a node said is on
//! disk when it is said to be, and a delivery never names what is not.

use super::{Column, Kind, Table};

const fn column(name: &'static str, kind: Kind, unit: &'static str, doc: &'static str) -> Column {
    Column { name, kind, unit, doc }
}

const SEQUENCE: Column = column(
    "sequence",
    Kind::Unsigned,
    "",
    "what happened before has a lower number; the same in all rows of one emission",
);
const INSTANT: Column = column(
    "instant",
    Kind::Unsigned,
    "",
    "the number of the instant; a node speaks at most once in it",
);
const AT: Column = column("at_ns", Kind::Integer, "ns", "the instant, since the run's start");
const TIME: Column = column("time", Kind::Time, "", "the same instant in UTC");
const NODE: Column = column("node", Kind::Word, "", "the node that said it");
const TARGET: Column = column(
    "target",
    Kind::Word,
    "",
    "the target's name; absent for the node itself",
);
const TARGET_ID: Column = column(
    "target_id",
    Kind::Small,
    "",
    "the target's id, never used again in a run; 0 for none",
);
const SPARE: Column = column("spare", Kind::Bytes, "", "for later versions");
const KNOB: Column = column("knob", Kind::Word, "", "the knob");
const UNIT: Column = column("unit", Kind::Word, "", "the unit of `value`");
const SPAN: Column = column(
    "span_ns",
    Kind::Integer,
    "ns",
    "the span that the value covers, which ends at the instant; 0 for a level",
);
const METRIC: Column = column("metric", Kind::Word, "", "the metric");
const PART: Column = column(
    "part",
    Kind::Word,
    "",
    "which part of the target: `whole`, `cpu/3`, `l3/0`, `bucket/1234`, …",
);
const VALUE: Column = column(
    "value",
    Kind::Number,
    "`unit`",
    "the number; absent where there is none",
);
const QUALITY: Column = column(
    "quality",
    Kind::Word,
    "",
    "`exact`, `scaled`, `estimated` or `unavailable`",
);
const DETAIL: Column = column(
    "detail",
    Kind::Small,
    "",
    "for `scaled` the share of the span in which the counter ran, in 1/65535",
);
const REASON: Column = column("reason", Kind::Word, "", "for `unavailable`: why");

/// What ids stand for, as they were given in the run.
pub const NAMES: Table = Table {
    name: "names",
    doc: "a metric, a knob or a part that has a name of its own, as it was first used",
    columns: &[
        column("what", Kind::Word, "", "`metric`, `knob` or `part`"),
        column("id", Kind::Small, "", "its number in this run"),
        column("name", Kind::Text, "", "its name"),
        column("unit", Kind::Word, "", "its unit"),
        column("kind", Kind::Word, "", "for metrics `gauge`, `counter` or `delta`"),
    ],
};

/// Changes of targets.
pub const TARGETS: Table = Table {
    name: "targets",
    doc: "a target that appeared, changed or went; the whole target is told each time",
    columns: &[
        SEQUENCE,
        AT,
        TIME,
        NODE,
        column("change", Kind::Word, "", "`appeared`, `changed` or `gone`"),
        TARGET,
        TARGET_ID,
        column("generation", Kind::Small, "", "which life of this name it is, from 1"),
        column("provider", Kind::Word, "", "the node that brought it"),
        column(
            "parent_id",
            Kind::Small,
            "",
            "the id of the target that holds it; 0 for none",
        ),
        column("class", Kind::Word, "", "`Latency`, `Batch`, `BestEffort` or `Unset`"),
        column(
            "priority",
            Kind::Integer,
            "",
            "among targets of a class, higher goes first",
        ),
        column(
            "goals",
            Kind::Text,
            "",
            "JSON: a list of `metric`, `comparison`, `value`",
        ),
        column("labels", Kind::Text, "", "JSON: a list of `name`, `value`"),
        column(
            "cgroups",
            Kind::Text,
            "",
            "JSON: a list of `controller`, `path`, `inode`",
        ),
        column("processes", Kind::Text, "", "JSON: a list of `pid`, `start_time`"),
        column(
            "cpus",
            Kind::Text,
            "",
            "JSON: the CPUs that it may use; absent where not restricted",
        ),
        SPARE,
    ],
};

/// Readings.
pub const READINGS: Table = Table {
    name: "readings",
    doc: "one number of one target",
    columns: &[
        SEQUENCE, AT, TIME, SPAN, NODE, TARGET, TARGET_ID, METRIC, UNIT, PART, VALUE, QUALITY, DETAIL, REASON,
    ],
};

/// Findings.
pub const FINDINGS: Table = Table {
    name: "findings",
    doc: "a judgement: who suffers, from whom, through what, how sure",
    columns: &[
        SEQUENCE,
        AT,
        TIME,
        NODE,
        column(
            "finding",
            Kind::Unsigned,
            "",
            "the same for all phases of one finding of a node",
        ),
        column("phase", Kind::Word, "", "`begins`, `lasts` or `ends`"),
        column("victim", Kind::Word, "", "who suffers"),
        column("victim_id", Kind::Small, "", "the victim's target id"),
        column("resource", Kind::Word, "", "through what"),
        column(
            "severity",
            Kind::Number,
            "1",
            "how many times worse than the baseline; 1 is undisturbed",
        ),
        column("confidence", Kind::Number, "1", "0..=1"),
        column("culprit", Kind::Word, "", "the most likely culprit; absent for none"),
        column("culprits", Kind::Small, "", "how many there are, in table `culprits`"),
        column(
            "evidence",
            Kind::Small,
            "",
            "how many readings say so, in table `evidence`",
        ),
        column("why", Kind::Text, "", "one sentence"),
        SPARE,
    ],
};

/// Culprits of findings.
pub const CULPRITS: Table = Table {
    name: "culprits",
    doc: "a neighbour that a finding names, the most likely first",
    columns: &[
        SEQUENCE,
        AT,
        TIME,
        NODE,
        column("finding", Kind::Unsigned, "", "the finding"),
        TARGET,
        TARGET_ID,
        column("score", Kind::Number, "1", "0..=1"),
    ],
};

/// Evidence of findings.
pub const EVIDENCE: Table = Table {
    name: "evidence",
    doc: "a reading that a finding is based on",
    columns: &[
        SEQUENCE,
        AT,
        TIME,
        SPAN,
        NODE,
        column("finding", Kind::Unsigned, "", "the finding"),
        TARGET,
        TARGET_ID,
        METRIC,
        UNIT,
        PART,
        VALUE,
        QUALITY,
        DETAIL,
        REASON,
    ],
};

/// Knobs that can be turned.
pub const CONTROLS: Table = Table {
    name: "controls",
    doc: "a knob that an actuator offers",
    columns: &[
        SEQUENCE,
        AT,
        TIME,
        NODE,
        TARGET,
        TARGET_ID,
        KNOB,
        UNIT,
        column("resource", Kind::Word, "", "whose use the knob restrains"),
        column("least", Kind::Number, "`unit`", "the least value"),
        column("most", Kind::Number, "`unit`", "the greatest value"),
        column("step", Kind::Number, "`unit`", "0 where any value between is possible"),
        column(
            "value",
            Kind::Number,
            "`unit`",
            "where it stands; absent where that is not known",
        ),
        column(
            "stricter",
            Kind::Integer,
            "",
            "-1 if lower values restrain more, 1 if higher do",
        ),
        column(
            "cost",
            Kind::Number,
            "1",
            "the share of its work that the target would lose at the strictest value",
        ),
        SPARE,
    ],
};

/// Actions.
pub const ACTIONS: Table = Table {
    name: "actions",
    doc: "an end state that a scheduler wants, as a lease",
    columns: &[
        SEQUENCE,
        AT,
        TIME,
        NODE,
        column("action", Kind::Unsigned, "", "its number among those of its scheduler"),
        TARGET,
        TARGET_ID,
        KNOB,
        UNIT,
        column("value", Kind::Number, "`unit`", "the wanted value"),
        column("text", Kind::Word, "", "the wanted value of knobs that are no numbers"),
        column(
            "until_ns",
            Kind::Integer,
            "ns",
            "the lease's end; at or before `at_ns` it asks for the knob back",
        ),
        column(
            "set",
            Kind::Unsigned,
            "",
            "actions of one node and instant with the same number hold all or none; 0 for alone",
        ),
        column("why", Kind::Text, "", "one sentence"),
        SPARE,
    ],
};

/// What became of actions.
pub const OUTCOMES: Table = Table {
    name: "outcomes",
    doc: "what became of an action",
    columns: &[
        SEQUENCE,
        AT,
        TIME,
        NODE,
        column("action", Kind::Unsigned, "", "the action; 0 where it answers none"),
        TARGET,
        TARGET_ID,
        KNOB,
        UNIT,
        column(
            "fate",
            Kind::Word,
            "",
            "`applied`, `clamped`, `refused`, `lapsed`, `taken`, `undone` or `planned`",
        ),
        column("value", Kind::Number, "`unit`", "what is in force now"),
        column(
            "text",
            Kind::Word,
            "",
            "what is in force now, of knobs that are no numbers",
        ),
        column("why", Kind::Text, "", "one sentence"),
        SPARE,
    ],
};

/// What nodes said, batch by batch.
pub const EMISSIONS: Table = Table {
    name: "emissions",
    doc: "all that one node said at one instant: how many rows of the other tables belong together, in the order in which it was said",
    columns: &[
        SEQUENCE,
        INSTANT,
        AT,
        TIME,
        NODE,
        column(
            "batch_at_ns",
            Kind::Integer,
            "ns",
            "the instant of which the node spoke",
        ),
        column("targets", Kind::Small, "", "rows of `targets`"),
        column("readings", Kind::Small, "", "rows of `readings`"),
        column("findings", Kind::Small, "", "rows of `findings`"),
        column("controls", Kind::Small, "", "rows of `controls`"),
        column("actions", Kind::Small, "", "rows of `actions`"),
        column("outcomes", Kind::Small, "", "rows of `outcomes`"),
        SPARE,
    ],
};

/// Which node was called when and with what: what a replay repeats.
pub const DELIVERIES: Table = Table {
    name: "deliveries",
    doc: "what a transform or scheduler was called with, a row for each node that had spoken; also what a queue dropped on its way there",
    columns: &[
        SEQUENCE,
        INSTANT,
        AT,
        TIME,
        column("node", Kind::Word, "", "the node that was called"),
        column("event", Kind::Word, "", "`called` or `dropped`"),
        column(
            "due",
            Kind::Small,
            "",
            "1 where it was due by itself, 0 where it was called for its input alone",
        ),
        column(
            "port",
            Kind::Word,
            "",
            "`from/N`, `last/N`, `targets` or `outcomes`; absent for a call without input",
        ),
        column(
            "producer",
            Kind::Word,
            "",
            "the node that had said it; absent for the host",
        ),
        column(
            "said",
            Kind::Unsigned,
            "",
            "the number of the instant at which it was said",
        ),
    ],
};

/// What else happened to nodes.
pub const EVENTS: Table = Table {
    name: "events",
    doc: "what else became of a node: a setting, a new life, state that it took over",
    columns: &[
        SEQUENCE,
        INSTANT,
        AT,
        TIME,
        NODE,
        column(
            "event",
            Kind::Word,
            "",
            "`set`, `began`, `ended` or `fetched`; `loaded` where a host hands state on, which that of ABI 0.3 does not",
        ),
        column("name", Kind::Text, "", "the setting, the key of the state"),
        column("text", Kind::Text, "", "the value, the reason"),
        column(
            "number",
            Kind::Unsigned,
            "",
            "1 where a setting was accepted, state was found, a last call did not come back; of `began` the lives before",
        ),
        column("bytes", Kind::Bytes, "", "state"),
    ],
};

/// All tables, in the order in which they are flushed.
pub const TABLES: &[&Table] = &[
    &NAMES,
    &TARGETS,
    &READINGS,
    &FINDINGS,
    &CULPRITS,
    &EVIDENCE,
    &CONTROLS,
    &ACTIONS,
    &OUTCOMES,
    &EMISSIONS,
    &DELIVERIES,
    &EVENTS,
];
