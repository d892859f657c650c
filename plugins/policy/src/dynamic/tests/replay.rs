//! The decisions that container-bench logged on a machine of two sockets, taken again from what the log tells of them.
//!
//! A line tells who moved, from where to where, how uneven the sockets were and will be, and how many more on the fuller
//! one could have moved; every target stalled all the time as far as was known (100 %). So the fuller socket had
//! `remaining + 1` targets and the emptier one `diff_before / 100` fewer. Lines that follow from each other without a pause
//! are one decision of several moves.

use crate::dynamic::rebalance::{Load, Move, Terms, decide};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

const TERMS: Terms = Terms {
    threshold: 0.05,
    least_improvement: 0.01,
    most_moves: 10,
};

#[derive(Clone, Debug, PartialEq)]
struct Line {
    log: String,
    second: u64,
    container: u32,
    from: usize,
    to: usize,
    before: f64,
    after: f64,
    remaining: usize,
}

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("PIPELINE_DATA").map(PathBuf::from);
    let file = folder.map(|folder| folder.join("bench-decisions/rebalance_decisions.csv"));
    if let Some(file) = file.filter(|file| file.exists()) {
        return Some(file);
    }
    let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
    assert!(
        !required.contains("data"),
        "`data` is in PIPELINE_REQUIRE; set PIPELINE_DATA to its folder"
    );
    None
}

fn lines(text: &str) -> Vec<Line> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let clock = fields[1].trim_matches('"').split('T').nth(1).unwrap();
        let part = |place: usize| clock[place..place + 2].parse::<u64>().unwrap();
        let number = |place: usize| fields[place].parse::<f64>().unwrap();
        assert_eq!((number(3), fields[8], fields[10]), (100.0, "true", "tick"), "{line}");
        Line {
            log: fields[0].to_owned(),
            second: part(0) * 3600 + part(3) * 60 + part(6),
            container: number(2) as u32,
            from: number(4) as usize,
            to: number(5) as usize,
            before: number(6) / 100.0,
            after: number(7) / 100.0,
            remaining: number(9) as usize,
        }
    };
    text.lines().skip(1).map(line).collect()
}

/// Lines that are moves of one decision: each begins where the one before ended, within a second.
fn decisions(lines: &[Line]) -> Vec<Vec<Line>> {
    let mut all: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        let follows = all.last().and_then(|known| known.last()).is_some_and(|last| {
            last.log == line.log
                && line.second - last.second <= 1
                && (last.from, last.after, last.remaining) == (line.from, line.before, line.remaining + 1)
        });
        match all.last_mut().filter(|_| follows) {
            Some(known) => known.push(line.clone()),
            None => all.push(vec![line.clone()]),
        }
    }
    all
}

/// The sockets as they were before a decision: those that moved are the youngest, in their order.
fn loads(decision: &[Line]) -> Vec<Load> {
    let first = &decision[0];
    let on_from = first.remaining + 1;
    let on_to = on_from - first.before as usize;
    let load = |target: u32, socket: usize, since: u64| Load {
        target: TargetId(target),
        socket,
        stalls: 1.0,
        since: Nanos(since),
    };
    let elders = (0..on_from - decision.len()).map(|i| load(100_000 + i as u32, first.from, i as u64));
    let others = (0..on_to).map(|i| load(200_000 + i as u32, first.to, i as u64));
    let moved = decision.iter().rev().enumerate();
    let moved = moved.map(|(i, line)| load(line.container, first.from, 1000 + i as u64));
    elders.chain(others).chain(moved).collect()
}

fn as_line(found: &Move, like: &Line) -> Line {
    Line {
        container: found.target.0,
        from: found.from,
        to: found.to,
        before: found.before,
        after: found.after,
        remaining: found.remaining,
        ..like.clone()
    }
}

#[test]
fn every_decision_that_was_logged_is_taken_again() {
    let Some(file) = data() else {
        std::io::Write::write_all(
            &mut std::io::stderr(),
            b"SKIP: PIPELINE_DATA names no folder with the logged decisions\n",
        )
        .unwrap();
        return;
    };
    let lines = lines(&std::fs::read_to_string(file).unwrap());
    let decisions = decisions(&lines);
    let (mut same, mut went_on) = (0, 0);
    for decision in &decisions {
        let found = decide(&loads(decision), &[usize::MAX; 2], TERMS);
        let made: Vec<Line> = found
            .iter()
            .zip(decision)
            .map(|(found, line)| as_line(found, line))
            .collect();
        assert_eq!(
            &made, decision,
            "whom, from where to where, and how uneven it was and would be"
        );
        same += made.len();
        // The one difference: with room on the other socket we go on while it helps, and the log did not.
        if found.len() > decision.len() {
            went_on += 1;
            assert!(decision.last().is_some_and(|last| last.after >= 2.0), "{decision:?}");
        }
        // With as much room as the log's own moves took, there is no difference left.
        let mut room = [usize::MAX; 2];
        room[decision[0].to] = decision.len();
        assert_eq!(decide(&loads(decision), &room, TERMS).len(), decision.len());
    }
    let table = (lines.len(), decisions.len(), same, went_on);
    // Lines, decisions, moves that are the same, decisions after which only the want of free CPUs there, which the log
    // does not tell, explains that nobody else moved.
    assert_eq!(table, (102, EXPECTED.0, 102, EXPECTED.1));
}

/// How many decisions the lines are, and after how many we would go on.
const EXPECTED: (usize, usize) = (97, 27);

#[test]
fn who_was_moved_was_the_youngest_of_whom_the_log_knows_that_it_was_there() {
    let Some(file) = data() else { return };
    let lines = lines(&std::fs::read_to_string(file).unwrap());
    let mut contradictions = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        // Where each is that moved before, and when each is heard of last.
        let mut place: BTreeMap<u32, usize> = BTreeMap::new();
        for earlier in lines[..i].iter().filter(|earlier| earlier.log == line.log) {
            place.insert(earlier.container, earlier.to);
        }
        let later = |container: u32| lines[i..].iter().any(|l| l.log == line.log && l.container == container);
        let younger = place
            .iter()
            .filter(|(who, at)| **who > line.container && **at == line.from && later(**who));
        contradictions.extend(younger.map(|(who, _)| (line.log.clone(), line.container, *who)));
    }
    assert_eq!(
        contradictions,
        [],
        "somebody younger was there, as it moved later, and was passed over"
    );
}

#[test]
fn decisions_are_a_rest_apart() {
    let Some(file) = data() else { return };
    let lines = lines(&std::fs::read_to_string(file).unwrap());
    for pair in decisions(&lines)
        .windows(2)
        .filter(|pair| pair[0][0].log == pair[1][0].log)
    {
        let gap = pair[1][0].second - pair[0].last().unwrap().second;
        assert!(gap >= 2, "{pair:?}");
    }
}
