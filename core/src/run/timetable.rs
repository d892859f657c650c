//! A timetable as the one lane of a replay walks it, and what its nodes find of earlier runs.
//!
//! It says at which instants there is a walk, who is due, and what is not heard when it is said. What that is for stands
//! in [`pipeline_plugin_api::tap`].

use super::link::{Mail, Passed};
use pipeline_plugin_api::abi::{Nanos, Timetable};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// A node that the graph does not have.
const NOT_HERE: usize = usize::MAX;

/// A timetable whose nodes are places in the lane.
#[derive(Debug, Default)]
pub struct Table {
    steps: Vec<(Nanos, std::ops::Range<usize>)>,
    turns: Vec<(usize, bool)>,
    late: Vec<LateHere>,
    settings: Vec<Setting>,
    restarts: Vec<Restart>,
    /// By place: called where a step says so.
    strict: Vec<bool>,
    /// By place: a transform or scheduler.
    pure: Vec<bool>,
    /// By place: called at this step, and whether without input too.
    called: Vec<Option<bool>>,
    /// The step that is next.
    next: usize,
    /// The part of `late` that is said at this step.
    said_now: std::ops::Range<usize>,
}

/// See [`pipeline_plugin_api::abi::Late`]; nodes are places in the lane.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct LateHere {
    /// Who says it.
    pub from: usize,
    /// Who hears it.
    pub to: usize,
    /// At which port.
    pub port: u32,
    /// At which step; [`pipeline_plugin_api::abi::Late::NEVER`] for none.
    pub heard: u32,
    said: u32,
}

/// Whether a node is called at a step.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// As its own `every`, its wishes and its input say.
    Own,
    /// With its input if it has some, and without it if that is true.
    Called(bool),
    /// Not at all.
    Rests,
}

/// A setting that changes at a step.
#[derive(Clone, Debug)]
pub struct Setting {
    step: u32,
    /// Whose.
    pub place: usize,
    /// Its name.
    pub name: String,
    /// Its value as RON.
    pub value: String,
}

/// A node that is made anew at a step.
#[derive(Clone, Debug)]
pub struct Restart {
    step: u32,
    /// Which.
    pub place: usize,
    /// Why it was, when it was recorded.
    pub why: String,
}

/// What waits for the step at which it is heard.
#[derive(Clone, Debug)]
pub struct Held {
    /// The step.
    pub heard: u32,
    /// What it is.
    pub what: HeldWord,
}

/// What is heard late.
#[derive(Clone, Debug)]
pub enum HeldWord {
    /// A batch for a port of `from`.
    Port(u32, Passed),
    /// What comes otherwise.
    Mail(Mail),
}

impl Table {
    /// That of a lane whose nodes have those names, in their order; `pure` are the transforms and schedulers.
    pub fn of(table: &Timetable, names: &[&str], pure: Vec<bool>) -> Self {
        let place = |node: u32| {
            let name = table.nodes.get(node as usize);
            let found = name.and_then(|name| names.iter().position(|known| *known == name.as_str()));
            found.unwrap_or(NOT_HERE)
        };
        let places: Vec<usize> = (0..table.nodes.len() as u32).map(place).collect();
        let place = |node: u32| places.get(node as usize).copied().unwrap_or(NOT_HERE);
        let mut strict = vec![false; names.len()];
        table.strict.iter().for_each(|node| {
            if let Some(strict) = strict.get_mut(place(*node)) {
                *strict = true;
            }
        });
        let late = table.late.iter().map(|late| LateHere {
            from: place(late.from),
            to: place(late.to),
            port: late.port,
            heard: late.heard,
            said: late.said,
        });
        let mut late: Vec<LateHere> = late
            .filter(|late| late.from != NOT_HERE && late.to != NOT_HERE)
            .collect();
        late.sort_by_key(|late| late.said);
        let settings = table.settings.iter().map(|setting| Setting {
            step: setting.step,
            place: place(setting.node),
            name: setting.name.to_string(),
            value: setting.value.to_string(),
        });
        let restarts = table.restarts.iter().map(|restart| Restart {
            step: restart.step,
            place: place(restart.node),
            why: restart.why.to_string(),
        });
        let part = |first: u32, count: u32| first as usize..(first as usize).saturating_add(count as usize);
        Self {
            steps: table
                .steps
                .iter()
                .map(|step| (step.at, part(step.first, step.count)))
                .collect(),
            turns: table
                .turns
                .iter()
                .map(|turn| (place(turn.node), turn.due != 0))
                .collect(),
            late,
            settings: settings.filter(|setting| setting.place != NOT_HERE).collect(),
            restarts: restarts.filter(|restart| restart.place != NOT_HERE).collect(),
            strict,
            pure,
            called: vec![None; names.len()],
            next: 0,
            said_now: 0..0,
        }
    }

    /// Goes to the next step; gives its time.
    pub fn step(&mut self) -> Option<Nanos> {
        self.called.fill(None);
        let (at, turns) = self.steps.get(self.next)?.clone();
        for (place, due) in self.turns.get(turns).unwrap_or_default() {
            if let Some(called) = self.called.get_mut(*place) {
                *called = Some(*due);
            }
        }
        let now = self.next as u32;
        let begin = self.said_now.end;
        let begin = begin + self.late[begin..].iter().take_while(|late| late.said < now).count();
        let said = self.late[begin..].iter().take_while(|late| late.said == now).count();
        self.said_now = begin..begin + said;
        self.next += 1;
        Some(at)
    }

    /// The number of this step.
    pub fn now(&self) -> u32 {
        (self.next as u32).saturating_sub(1)
    }

    /// Whether a node is called at this step.
    pub fn turn(&self, place: usize) -> Turn {
        let is = |list: &[bool]| list.get(place).copied().unwrap_or_default();
        match self.called.get(place).copied().flatten() {
            _ if !is(&self.strict) => Turn::Own,
            Some(due) => Turn::Called(due),
            None if is(&self.pure) => Turn::Rests,
            None => Turn::Called(false),
        }
    }

    /// What is said at this step and heard later.
    pub fn late(&self) -> &[LateHere] {
        &self.late[self.said_now.clone()]
    }

    /// What is set at this step.
    pub fn settings(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter(|setting| setting.step == self.now())
    }

    /// Who is made anew at this step.
    pub fn restarts(&self) -> impl Iterator<Item = &Restart> {
        self.restarts.iter().filter(|restart| restart.step == self.now())
    }
}

/// What nodes find of earlier runs where nothing real is read: what a record says they found, and what was kept in this run.
#[derive(Debug, Default)]
pub struct Fetches(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    recorded: BTreeMap<(String, String), VecDeque<Option<Vec<u8>>>>,
    stored: BTreeMap<String, Vec<u8>>,
}

impl Fetches {
    /// What a timetable says; nothing where it says nothing.
    pub fn of(table: &Timetable) -> Self {
        let mut kept = Kept::default();
        for fetched in &table.fetched {
            let name = table
                .nodes
                .get(fetched.node as usize)
                .map(ToString::to_string)
                .unwrap_or_default();
            let bytes = (fetched.found != 0).then(|| fetched.bytes.to_vec());
            kept.recorded
                .entry((name, fetched.key.to_string()))
                .or_default()
                .push_back(bytes);
        }
        Self(Mutex::new(kept))
    }

    /// What that node finds under a key.
    pub fn fetch(&self, node: &str, key: &str) -> Option<Vec<u8>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recorded = kept.recorded.get_mut(&(node.to_owned(), key.to_owned()));
        match recorded.and_then(VecDeque::pop_front) {
            Some(found) => found,
            None => kept.stored.get(key).cloned(),
        }
    }

    /// Keeps something for as long as the run lasts.
    pub fn store(&self, key: &str, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.stored.insert(key.to_owned(), bytes.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::abi::{self, Fetched, Late, Step};

    fn step(at: u64, first: u32, count: u32) -> Step {
        Step {
            at: Nanos(at),
            first,
            count,
        }
    }

    fn late(from: u32, said: u32, heard: u32) -> Late {
        Late {
            from,
            to: 1,
            port: 0,
            said,
            heard,
        }
    }

    #[test]
    fn each_step_says_who_is_due_and_what_is_late() {
        let table = Timetable {
            nodes: ["a", "gone", "b"].map(Into::into).to_vec().into(),
            strict: vec![0, 1].into(),
            steps: vec![step(5, 0, 2), step(5, 2, 0), step(9, 2, 1)].into(),
            turns: [(0, 1), (1, 1), (2, 1)]
                .map(|(node, due)| abi::Turn { node, due })
                .to_vec()
                .into(),
            late: vec![late(0, 2, 3), late(2, 0, 1)].into(),
            ..Timetable::default()
        };
        let mut here = Table::of(
            &Timetable {
                late: table.late.iter().map(|late| Late { to: 2, ..*late }).collect(),
                ..table
            },
            &["b", "a"],
            vec![false, true],
        );
        assert_eq!(here.step(), Some(Nanos(5)));
        assert_eq!((here.turn(1), here.turn(0)), (Turn::Called(true), Turn::Own));
        assert_eq!(
            here.late().iter().map(|late| (late.from, late.to)).collect::<Vec<_>>(),
            [(0, 0)]
        );
        assert_eq!(
            (here.step(), here.now(), here.turn(1)),
            (Some(Nanos(5)), 1, Turn::Rests)
        );
        assert!(here.late().is_empty());
        assert_eq!((here.step(), here.turn(0)), (Some(Nanos(9)), Turn::Own));
        assert_eq!(here.late().iter().map(|late| late.from).collect::<Vec<_>>(), [1]);
        assert_eq!(here.step(), None);
    }

    #[test]
    fn what_was_recorded_is_found_in_its_order_and_then_what_was_kept() {
        let fetched = |found: u32, byte: u8| Fetched {
            node: 0,
            key: "seen".into(),
            found,
            bytes: vec![byte].into(),
        };
        let fetches = Fetches::of(&Timetable {
            nodes: vec!["slow".into()].into(),
            fetched: vec![fetched(1, 7), fetched(0, 0)].into(),
            ..Timetable::default()
        });
        fetches.store("seen", &[9]);
        let find = || fetches.fetch("slow", "seen");
        assert_eq!((find(), find(), find()), (Some(vec![7]), None, Some(vec![9])));
        assert_eq!(fetches.fetch("other", "none"), None);
    }
}
