//! Scenarios as texts: RON to a scenario with every fault at once and each in its place, and back.

use super::{Machine, Scenario, Steal, Taker, Workload};
use pipeline_plugin_api::config::{self, Configure, Faults, nearest_help};
use pipeline_plugin_api::fields::{self, Entry, line_column};
use std::ops::Range;

/// Something wrong in a scenario's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1; 0 where the fault has no place of its own.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// How to mend it; may be empty.
    pub help: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        match self.help.is_empty() {
            true => Ok(()),
            false => write!(f, "; {}", self.help),
        }
    }
}

/// Reads a scenario.
///
/// # Errors
/// All that is wrong with it: unknown fields with the nearest right name, wrong types, values out of their ranges, names
/// and CPUs that do not exist.
pub fn parse(text: &str) -> Result<Scenario, Vec<Fault>> {
    let entries =
        fields::entries(text).map_err(|error| vec![fault(text, error.at, error.message.clone(), String::new())])?;
    let mut faults = unknown(text, &entries);
    for entry in &entries {
        faults.extend(inside(text, entry));
    }
    if !faults.is_empty() {
        return Err(sorted(faults));
    }
    let scenario: Scenario = match text.trim().is_empty() {
        true => Scenario::default(),
        false => {
            fields::parse(text).map_err(|error| vec![fault(text, error.at, error.message.clone(), String::new())])?
        }
    };
    let mut found = Faults::default();
    scenario.check(&mut found);
    let place = |field: &str| {
        let entry = entries.iter().find(|entry| entry.name == field);
        entry.map_or(0, |entry| entry.value_at.start)
    };
    let faults: Vec<Fault> = found
        .iter()
        .map(|(field, message)| fault(text, place(field), message.to_owned(), String::new()))
        .collect();
    match faults.is_empty() {
        true => Ok(scenario),
        false => Err(sorted(faults)),
    }
}

/// A scenario as a text that [`parse`] reads as the same.
pub fn print(scenario: &Scenario) -> String {
    let pretty = ron::ser::PrettyConfig::new()
        .depth_limit(4)
        .indentor("    ")
        .struct_names(false);
    fields::options().to_string_pretty(scenario, pretty).unwrap_or_default()
}

const FIELDS: [&str; 8] = [
    "version",
    "about",
    "seed",
    "span",
    "machine",
    "workloads",
    "steal",
    "takers",
];

fn unknown(text: &str, entries: &[Entry]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        if entries[..i].iter().any(|earlier| earlier.name == entry.name) {
            let message = format!("`{}` is set twice", entry.name);
            faults.push(fault(text, entry.name_at.start, message, "keep one of them".to_owned()));
        }
        if !FIELDS.contains(&entry.name.as_str()) {
            let message = format!("there is no field `{}`", entry.name);
            let help = nearest_help(&entry.name, FIELDS.into_iter());
            faults.push(fault(text, entry.name_at.start, message, help));
        }
    }
    faults
}

/// What is wrong within one field: each part is read by itself, so that one fault does not hide another.
fn inside(text: &str, entry: &Entry) -> Vec<Fault> {
    let at = &entry.value_at;
    match entry.name.as_str() {
        "machine" => part::<Machine>(text, at.clone()),
        "workloads" => each_entry(text, at.clone()),
        "steal" => each_item::<Steal>(text, at.clone()),
        "takers" => each_item::<Taker>(text, at.clone()),
        name if FIELDS.contains(&name) => field(text, entry),
        _ => Vec::new(),
    }
}

/// A plain field, read alone.
fn field(text: &str, entry: &Entry) -> Vec<Fault> {
    let head = format!("({}: ", entry.name);
    let alone = format!("{head}{})", &text[entry.value_at.clone()]);
    match fields::parse::<Scenario>(&alone) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let within = error
                .at
                .saturating_sub(head.len())
                .min(entry.value_at.len().saturating_sub(1));
            let message = format!("`{}`: {}", entry.name, error.message);
            vec![fault(text, entry.value_at.start + within, message, String::new())]
        }
    }
}

fn each_entry(text: &str, at: Range<usize>) -> Vec<Fault> {
    let value = &text[at.clone()];
    match fields::entries(value) {
        Err(error) => vec![fault(text, at.start + error.at, error.message.clone(), String::new())],
        Ok(entries) => {
            let mut faults = Vec::new();
            for (i, entry) in entries.iter().enumerate() {
                if entries[..i].iter().any(|earlier| earlier.name == entry.name) {
                    let message = format!("there are two workloads `{}`", entry.name);
                    faults.push(fault(
                        text,
                        at.start + entry.name_at.start,
                        message,
                        "name one of them otherwise".to_owned(),
                    ));
                }
                let place = at.start + entry.value_at.start..at.start + entry.value_at.end;
                faults.extend(part::<Workload>(text, place));
            }
            faults
        }
    }
}

fn each_item<C: Configure>(text: &str, at: Range<usize>) -> Vec<Fault> {
    match fields::items(&text[at.clone()]) {
        Err(error) => vec![fault(text, at.start + error.at, error.message.clone(), String::new())],
        Ok(items) => items
            .into_iter()
            .flat_map(|item| part::<C>(text, at.start + item.start..at.start + item.end))
            .collect(),
    }
}

/// A part with fields of its own, whose faults have places within it.
fn part<C: Configure>(text: &str, at: Range<usize>) -> Vec<Fault> {
    let Err(faults) = config::parse::<C>(&text[at.clone()]) else {
        return Vec::new();
    };
    let (line, column) = line_column(text, at.start);
    faults
        .into_iter()
        .map(|found| Fault {
            line: line + found.line.max(1) - 1,
            column: if found.line <= 1 {
                column + found.column.max(1) - 1
            } else {
                found.column
            },
            message: found.message.into(),
            help: found.help.into(),
        })
        .collect()
}

fn fault(text: &str, at: usize, message: String, help: String) -> Fault {
    let (line, column) = line_column(text, at);
    Fault {
        line,
        column,
        message,
        help,
    }
}

fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_printed_is_read_as_the_same() {
        let scenario = Scenario::default();
        assert_eq!(parse(&print(&scenario)).unwrap(), scenario);
    }

    #[test]
    fn every_fault_is_told_at_once_and_in_its_place() {
        let text = "(\n  version: 1,\n  sed: 3,\n  machine: (cores: 0),\n  workloads: {\n    \"web\": (threads: \"x\",\n      weigth: 3),\n    \"b\": (noise: 2.0),\n  },\n  takers: [(knob: \"cpu.wait\")],\n)";
        let faults = parse(text).unwrap_err();
        let told: Vec<(u32, u32)> = faults.iter().map(|fault| (fault.line, fault.column)).collect();
        assert_eq!(
            told,
            [(3, 3), (4, 20), (6, 22), (7, 7), (8, 18), (10, 19)],
            "{faults:#?}"
        );
        assert_eq!(faults[0].help, "did you mean `seed`?");
    }

    #[test]
    fn what_refers_to_nothing_is_told() {
        let faults = parse("(workloads: {\"web\": (cpus: \"99\")}, takers: [(target: \"wbe\")])").unwrap_err();
        let all: String = faults.iter().map(ToString::to_string).collect();
        assert!(all.contains("CPU 99") && all.contains("no workload `wbe`"), "{all}");
    }

    #[test]
    fn the_scenarios_of_the_repository_are_some() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../configs/scenarios");
        let files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        assert!(!files.is_empty());
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            let scenario = parse(&text).unwrap_or_else(|faults| panic!("{}: {faults:#?}", path.display()));
            assert_eq!(parse(&print(&scenario)).unwrap(), scenario);
        }
    }

    #[test]
    fn another_version_is_refused() {
        assert!(parse("(version: 2)").unwrap_err()[0].message.contains("version 2"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[(){}\\[\\]a-z:,\" 0-9]{0,60}") {
            let _ = parse(&text);
        }
    }
}
