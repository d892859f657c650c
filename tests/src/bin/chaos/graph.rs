//! The graph that is killed: commands of several tempers, and every kind of knob turned on and off all the time.

use std::fmt::Write;

/// The knobs that are turned, each by a policy and an actuator of its own so that their windows differ: name, the kind as
/// `cgroup.limit` calls it, the end states, and the window in milliseconds: how long, and how often.
const TURNS: &[Turn] = &[
    Turn {
        name: "idle",
        kinds: "Idle",
        states: &[("calm", "cpu.idle", "value: 1.0"), ("brief", "cpu.idle", "value: 1.0")],
        window: (70, 130),
    },
    Turn {
        name: "weight",
        kinds: "Weight",
        states: &[
            ("busy", "cpu.weight", "value: 7.0"),
            ("OTHERS", "cpu.weight", "value: 3.0"),
        ],
        window: (60, 110),
    },
    Turn {
        name: "set",
        kinds: "CpuSet",
        states: &[("busy", "cpu.set", "text: \"0\""), ("OTHERS", "cpu.set", "text: \"0\"")],
        window: (90, 170),
    },
    Turn {
        name: "quota",
        kinds: "Quota",
        states: &[
            ("busy", "cpu.quota", "value: 0.5"),
            ("OTHERS", "cpu.quota", "value: 0.25"),
        ],
        window: (50, 90),
    },
    Turn {
        name: "freeze",
        kinds: "Freeze",
        states: &[("deaf", "freeze", "value: 1.0"), ("OTHERS", "freeze", "value: 1.0")],
        window: (80, 210),
    },
];

/// Commands: one that does nothing, one that forks all the time, one that hears no signal and has a grandchild in a
/// session of its own, one without a group, and one that comes and goes.
const COMMANDS: &str = r#"
        "calm": (plugin: "process.run", config: (command: "sleep 1000", class: BestEffort, cpus: "0")),
        "busy": (plugin: "process.run", config: (command: "sh -c 'while :; do sleep 0.02; done'", class: BestEffort)),
        "deaf": (plugin: "process.run", config: (
            command: "sh -c 'trap \"\" TERM HUP INT; (setsid sleep 1000 &); sleep 1000; sleep 1000'",
            class: BestEffort, stop_timeout: "100ms",
        )),
        "lone": (plugin: "process.run", config: (command: "sh -c 'sleep 1000 & wait'", class: BestEffort, cgroup: Never)),
        "brief": (plugin: "process.run", config: (
            command: "sleep 1000", class: BestEffort, stop: "60ms", every: "100ms",
        )),
"#;

struct Turn {
    name: &'static str,
    kinds: &'static str,
    states: &'static [(&'static str, &'static str, &'static str)],
    window: (u32, u32),
}

/// What the binary offers beyond commands and `cgroup.limit`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offers {
    /// `cgroup.watch`, which brings groups that others made.
    pub watch: bool,
    /// `process.affinity`, which turns the CPUs of tasks.
    pub affinity: bool,
}

impl Offers {
    /// What a table of elements names.
    pub fn of(elements: &str) -> Self {
        Self {
            watch: elements.contains("cgroup.watch"),
            affinity: elements.contains("process.affinity"),
        }
    }
}

/// The graph's text. `bystander` is the topmost group that others made.
pub fn text(bystander: &str, offers: Offers) -> String {
    let (mut targets, mut schedulers, mut actuators) = (COMMANDS.to_owned(), String::new(), String::new());
    if offers.watch {
        line(
            &mut targets,
            format_args!(
                "\"others\": (plugin: \"cgroup.watch\", config: (groups: [\"/{bystander}\"], processes: true)),"
            ),
        );
    }
    let found = format!("others/{bystander}");
    for turn in TURNS {
        let states = turn
            .states
            .iter()
            .filter(|(target, ..)| offers.watch || *target != "OTHERS");
        let states: Vec<_> = states
            .map(|(target, knob, value)| (target.replace("OTHERS", &found), *knob, *value))
            .collect();
        policy(&mut schedulers, turn.name, &states, turn.window);
        line(
            &mut actuators,
            format_args!(
                "\"limit-{0}\": (plugin: \"cgroup.limit\", from: [\"{0}\"], config: (knobs: [{1}])),",
                turn.name, turn.kinds
            ),
        );
    }
    if offers.affinity {
        let mut targets = vec!["busy", "lone", "deaf"];
        targets.extend(offers.watch.then_some(found.as_str()));
        let states: Vec<_> = targets
            .into_iter()
            .map(|target| (target.to_owned(), "cpu.affinity", "text: \"0\""))
            .collect();
        policy(&mut schedulers, "affinity", &states, (100, 190));
        line(
            &mut actuators,
            format_args!("\"limit-affinity\": (plugin: \"process.affinity\", from: [\"affinity\"]),"),
        );
    }
    format!(
        "(\n    version: 1,\n    targets: {{{targets}    }},\n    schedulers: {{\n{schedulers}    }},\n    \
         actuators: {{\n{actuators}    }},\n)\n"
    )
}

fn policy(into: &mut String, name: &str, states: &[(String, &str, &str)], (long, every): (u32, u32)) {
    let mut actions = String::new();
    for (target, knob, value) in states {
        let _ = write!(actions, "(target: \"{target}\", knob: \"{knob}\", {value}), ");
    }
    line(
        into,
        format_args!(
            "\"{name}\": (plugin: \"policy.fixed\", config: (lease: \"200ms\", retry: \"1s\", \
             during: (from: \"0s\", to: \"{long}ms\", every: \"{every}ms\"), actions: [{actions}])),"
        ),
    );
}

fn line(into: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _ = writeln!(into, "        {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_binary_does_not_offer_is_left_out() {
        let bare = text("chaos-1", Offers::default());
        assert!(!bare.contains("OTHERS") && !bare.contains("cgroup.watch") && !bare.contains("process.affinity"));
        let whole = text("chaos-1", Offers::of("cgroup.watch process.affinity"));
        assert!(
            whole.contains("target: \"others/chaos-1\", knob: \"freeze\""),
            "{whole}"
        );
        assert!(whole.contains("limit-affinity"));
    }
}
