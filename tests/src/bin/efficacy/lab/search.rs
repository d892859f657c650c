//! The suite `lab-search`: for scenarios with one rival, what each setting of the rival's knobs gives back to the victim and
//! takes from the rival, counted on the emulated machine. All settings of a scenario are tried in one boot, one after the
//! other, by a script that writes the kernel's own files; so the policies that are measured by it have no part in it. Stopping
//! the rival altogether is the measure for all of it, and no setting.
//!
//! Which settings there are is `setting`; who reads the table again is `searched`.

use super::searched::{Row, What, print};
use super::setting::{Setting, settings};
use super::stage::{Scenario, VICTIM, VICTIM_CPU, shell};
use crate::Ended;
use pipeline_score_measure::quantile;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use system_tests::lab::{Lab, SHELL};

/// What is brought along.
const PLUGINS: [&str; 4] = ["cgroup", "file", "perf", "process"];
/// How long a setting is left to settle, and then counted; and how long the machine may live. In seconds.
const SETTLE: u32 = 1;
const COUNT: u32 = 4;
const LIMIT: u32 = 540;

/// What is counted, whatever is done meanwhile, by a pipeline on that CPU.
fn graph(cpu: u32) -> String {
    format!(
        r#"(
    version: 1,
    targets: {{ "who": (plugin: "cgroup.watch", config: (groups: ["/search/*"])) }},
    collectors: {{
        "counters": (plugin: "perf.counters", of: ["who"], every: "500ms", cpu: {cpu}, config: (events: ["ipc"])),
    }},
    sinks: {{
        "record": (plugin: "file.jsonl", from: ["counters"], cpu: {cpu}, config: (path: "/out/run.jsonl", flush: "0s")),
    }},
)"#
    )
}

/// For the script: a group for each of the two in both trees, and a setting.
const STEPS: &str = r#"
    groups=/sys/fs/cgroup/search classes=/sys/fs/resctrl
    place() { mkdir $groups/$1 $classes/search-$1 && echo $2 > $groups/$1/cpuset.cpus || exit 1; }
    fill() { sh -c "echo \$\$ > $groups/$1/cgroup.procs && echo \$\$ > $classes/search-$1/tasks && exec sh /$1.sh" & }
    set_to() {
        echo $1 > $groups/rival/cgroup.freeze && echo "L3:0=$2" > $classes/search-victim/schemata &&
            echo "L3:0=$3" > $classes/search-rival/schemata && echo "MB:0=$4" > $classes/search-rival/schemata &&
            echo $5 > $groups/rival/cpuset.cpus && echo "$6 100000" > $groups/rival/cpu.max || exit 1
    }
    lines() { wc -l < /out/run.jsonl; }
    counted() { grep -q "who/rival.*perf.instructions" /out/run.jsonl; }
"#;

/// Tries all settings of a scenario; the table of it.
///
/// # Errors
/// It has not one rival, or something was not counted; as a sentence.
pub fn table(scenario: &Scenario, keep: Option<&Path>) -> Ended<String> {
    let [rival] = scenario.rivals else {
        return Err(format!("`{}` has not one rival, so its knobs are not searched", scenario.name).into());
    };
    let settings = settings(scenario);
    if settings.is_empty() {
        return Err(format!("no settings are known that would help in `{}`", scenario.name).into());
    }
    let lab = Lab::with(&PLUGINS)
        .cores(scenario.cores)
        .limit(LIMIT)
        .text(&graph(scenario.own_cpu()), "/graph.ron")
        .text(&shell(scenario.act, 1), "/victim.sh")
        .text(&shell(rival.act, rival.wide), "/rival.sh");
    let left = lab.run(&script(&settings, rival.cpus));
    if let Some(keep) = keep {
        std::fs::create_dir_all(keep)?;
        for file in ["run.jsonl", "steps", "log"] {
            std::fs::write(
                keep.join(format!("lab-search-{}-{file}", scenario.name)),
                left.file(file),
            )?;
        }
    }
    let counts = counts(&left.file("run.jsonl"), &left.file("steps"));
    if counts.len() != settings.len() {
        let log = left.file("log");
        return Err(format!("{} of {} settings were counted: {log}", counts.len(), settings.len()).into());
    }
    Ok(print(scenario.name, &rows(&settings, &counts)?))
}

fn script(settings: &[Setting], cpus: &str) -> String {
    let mut script = format!(
        "{SHELL}{STEPS}
    mkdir $groups && echo '+cpu +cpuset' > $groups/cgroup.subtree_control
    place {VICTIM} {VICTIM_CPU}; place rival {cpus}
    begin /graph.ron; until_so counted || exit 1
    fill {VICTIM}; fill rival; sleep 3\n"
    );
    for setting in settings {
        let _ = writeln!(
            script,
            "    set_to {}; sleep {SETTLE}; from=$(lines); sleep {COUNT}; echo $from $(lines) >> /out/steps",
            setting.words(cpus)
        );
    }
    script + "    end\n"
}

/// What was counted while a setting stood.
#[derive(Copy, Clone, Debug)]
struct Count {
    victim_ipc: f64,
    /// Instructions a second.
    rival_done: f64,
}

/// What was counted from one line of the record to another, as the steps say; up to the first of which nothing was.
fn counts(record: &str, steps: &str) -> Vec<Count> {
    let lines: Vec<Value> = record
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_default())
        .collect();
    let of_step = |step: &str| {
        let (from, to) = step.split_once(' ')?;
        let range: Range = (from.parse().ok()?, to.trim().parse().ok()?);
        count(lines.get(range.0..range.1.min(lines.len()))?)
    };
    steps.lines().map_while(of_step).collect()
}

/// From that line to before that one.
type Range = (usize, usize);

fn count(lines: &[Value]) -> Option<Count> {
    let values = |target: &str, metric: &str| -> Vec<f64> {
        let wanted = |line: &&Value| line["target"] == format!("who/{target}") && line["metric"] == metric;
        let value = |line: &Value| {
            let span = line["span"].as_f64().filter(|span| *span > 0.0);
            let each_second = span
                .filter(|_| metric == "perf.instructions")
                .map_or(1.0, |span| 1e9 / span);
            Some(line["value"].as_f64()? * each_second)
        };
        lines.iter().filter(wanted).filter_map(value).collect()
    };
    Some(Count {
        victim_ipc: quantile(&values(VICTIM, "perf.ipc"), 0.5)?,
        rival_done: quantile(&values("rival", "perf.instructions"), 0.5)?,
    })
}

/// What settings came to, beside the medians of what was counted while the rival stood still, and ran free.
fn rows(settings: &[Setting], counts: &[Count]) -> Ended<Vec<Row>> {
    let of = |what: What, value: fn(&Count) -> f64| {
        let all = settings
            .iter()
            .zip(counts)
            .filter(|(setting, _)| setting.what() == what);
        quantile(&all.map(|(_, count)| value(count)).collect::<Vec<_>>(), 0.5)
    };
    let alone = of(What::Alone, |count| count.victim_ipc).filter(|alone| *alone > 0.0);
    let beside = of(What::Beside, |count| count.victim_ipc).filter(|beside| *beside > 0.0);
    let done = of(What::Beside, |count| count.rival_done).filter(|done| *done > 0.0);
    let (Some(alone), Some(beside), Some(done)) = (alone, beside, done) else {
        return Err("the victim alone, or beside the rival, was not counted".into());
    };
    let harm = alone / beside - 1.0;
    if harm <= 0.0 {
        return Err("the rival does not slow the victim, so nothing can be given back".into());
    }
    let row = |(setting, count): (&Setting, &Count)| {
        let slowdown = alone / count.victim_ipc.max(alone * 1e-3);
        Row {
            setting: *setting,
            victim_ipc: count.victim_ipc,
            slowdown,
            recovered: (1.0 - (slowdown - 1.0) / harm).clamp(-1.0, 1.0),
            paid: 1.0 - count.rival_done / done,
        }
    };
    Ok(settings.iter().zip(counts).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(target: &str, metric: &str, value: f64) -> String {
        format!(r#"{{"target":"who/{target}","metric":"{metric}","value":{value},"span":500000000}}"#)
    }

    #[test]
    fn a_setting_is_what_was_counted_between_its_lines() {
        let lines = [
            reading(VICTIM, "perf.ipc", 9.0),
            reading(VICTIM, "perf.ipc", 0.8),
            reading("rival", "perf.instructions", 50.0),
            reading(VICTIM, "perf.ipc", 9.0),
        ];
        let counts = counts(&lines.join("\n"), "1 3\n3 4\n");
        assert_eq!(counts.len(), 1, "of the second nothing was counted of the rival");
        assert!((counts[0].victim_ipc - 0.8).abs() < 1e-9 && (counts[0].rival_done - 100.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_given_back_lies_between_alone_and_beside() {
        let half = Setting {
            rival_ways: 2,
            ..Setting::BESIDE
        };
        let settings = [Setting::ALONE, Setting::BESIDE, half];
        let counts =
            [(1.0, 0.0), (0.25, 200.0), (0.5, 50.0)].map(|(victim_ipc, rival_done)| Count { victim_ipc, rival_done });
        let rows = rows(&settings, &counts).unwrap();
        assert!((rows[2].recovered - 2.0 / 3.0).abs() < 1e-9 && (rows[2].paid - 0.75).abs() < 1e-9);
        assert!(super::rows(&settings[1..], &counts[1..]).is_err());
    }

    #[test]
    fn every_setting_is_a_step_of_the_script() {
        let scenario = &super::super::stage::SCENARIOS[0];
        let settings = settings(scenario);
        let script = script(&settings, "2");
        assert_eq!(script.matches("set_to ").count(), settings.len());
        assert!(u32::try_from(settings.len()).unwrap() * (SETTLE + COUNT) + 60 < LIMIT);
    }
}
