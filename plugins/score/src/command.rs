//! `pipeline score`: reads runs, scores them, prints the page.

use crate::arguments::{Asked, HELP, Wanted, parse};
use crate::page::{self, Scored};
use crate::read::{Read, read};
use pipeline_plugin_api::prelude::*;
use pipeline_score_measure::{Rules, Score as Tally, judge};
use std::path::Path;

/// The arguments are wrong, as sysexits(3) has it.
const USAGE: u8 = 64;
/// A run cannot be read, likewise.
const NO_INPUT: u8 = 66;

/// The command.
pub struct Score;

impl Element for Score {
    const NAME: &'static str = "score";
    const SUMMARY: &'static str = "says how right the detectors of a run were, and how much its policy helped";
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new()
    }

    fn create(_: NoConfig, _: &Host) -> Result<Self> {
        Ok(Self)
    }
}

impl Command for Score {
    fn run(&mut self, arguments: &[String], console: &Console) -> Result<u8> {
        let wanted = match parse(arguments) {
            Ok(Asked::Help) => {
                console.print(HELP);
                return Ok(0);
            }
            Ok(Asked::Score(wanted)) => wanted,
            Err(wrong) => {
                console.warn(&format!("score: {wrong}\n"));
                return Ok(USAGE);
            }
        };
        match score(&wanted, console) {
            Ok(page) => {
                console.print(&page);
                Ok(0)
            }
            Err(wrong) => {
                console.warn(&format!("score: {wrong}\n"));
                Ok(NO_INPUT)
            }
        }
    }
}

fn score(wanted: &Wanted, console: &Console) -> std::result::Result<String, String> {
    let open = |path: &Path| -> std::result::Result<Read, String> {
        let read = read(path)?;
        read.missing
            .iter()
            .for_each(|missing| console.warn(&format!("score: {missing}\n")));
        Ok(read)
    };
    let beside = wanted.beside.as_deref().map(open).transpose()?.map(|read| read.trial);
    let (mut tally, mut runs) = (Tally::default(), Vec::new());
    for path in &wanted.runs {
        let Read { trial, heard, .. } = open(path)?;
        let rules = rules(&wanted.rules, heard);
        tally.add(&Tally::of(&trial, beside.as_ref(), &rules));
        runs.push(Scored {
            name: path.display().to_string(),
            verdict: judge(&trial, beside.as_ref(), &rules),
            has_truth: trial.has_truth() || beside.as_ref().is_some_and(pipeline_score_measure::Trial::has_truth),
        });
    }
    Ok(match wanted.json {
        true => format!("{:#}\n", page::json(&tally, &runs, wanted.each)),
        false => page::text(&tally, &runs, wanted.each),
    })
}

/// Findings that a scheduler reads are judged where nothing else is asked for: those of a transform in between are
/// drafts.
fn rules(asked: &Rules, heard: Vec<String>) -> Rules {
    Rules {
        nodes: if asked.nodes.is_empty() {
            heard
        } else {
            asked.nodes.clone()
        },
        ..asked.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_scheduler_reads_is_judged_unless_nodes_are_named() {
        let heard = || vec!["culprit".to_owned()];
        assert_eq!(rules(&Rules::default(), heard()).nodes, ["culprit"]);
        let named = Rules {
            nodes: vec!["triage".to_owned()],
            ..Rules::default()
        };
        assert_eq!(rules(&named, heard()).nodes, ["triage"]);
        assert!(rules(&Rules::default(), Vec::new()).nodes.is_empty());
    }
}
