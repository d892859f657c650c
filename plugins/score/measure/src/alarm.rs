//! Findings as they lasted: from the first word of one to its end, with what was said meanwhile.

use crate::rules::Rules;
use crate::stretch::Stretch;
use crate::trial::{Statement, Trial};
use pipeline_plugin_api::abi::{Nanos, Phase, Resource};
use std::collections::BTreeMap;

/// A finding from its beginning to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// The transform that told it.
    pub node: String,
    /// Who is said to suffer.
    pub victim: String,
    /// When. One that was never ended lasts until the run's end.
    pub span: Stretch,
    /// What was said, one after the other.
    pub views: Vec<View>,
}

/// What a finding says for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// From when until when it says so.
    pub span: Stretch,
    /// Through what.
    pub resource: Resource,
    /// Who is named, the most likely first.
    pub culprits: Vec<String>,
}

/// The findings of a trial that are judged, by when they began.
pub fn alarms(trial: &Trial, rules: &Rules) -> Vec<Alarm> {
    let mut open: BTreeMap<(&str, u64), Alarm> = BTreeMap::new();
    let mut ended = Vec::new();
    for statement in trial
        .statements
        .iter()
        .filter(|statement| rules.judges(&statement.node))
    {
        let key = (statement.node.as_str(), statement.id);
        match statement.phase {
            Phase::ENDS => ended.extend(open.remove(&key).map(|alarm| alarm.until(statement.at))),
            Phase::BEGINS => {
                // An id that begins anew has ended before, whether or not that was told.
                let alarm = open.insert(key, Alarm::new(statement));
                ended.extend(alarm.map(|alarm| alarm.until(statement.at)));
            }
            _ => match open.get_mut(&key) {
                Some(alarm) => alarm.hear(statement),
                None => {
                    open.insert(key, Alarm::new(statement));
                }
            },
        }
    }
    ended.extend(open.into_values().map(|alarm| alarm.until(trial.span.to)));
    ended.retain(|alarm| alarm.span.from >= rules.since);
    ended.sort_by(|one, other| (one.span, &one.node, &one.victim).cmp(&(other.span, &other.node, &other.victim)));
    ended
}

impl Alarm {
    fn new(statement: &Statement) -> Self {
        Self {
            node: statement.node.clone(),
            victim: statement.victim.clone(),
            span: Stretch::new(statement.at, statement.at),
            views: vec![View::of(statement)],
        }
    }

    fn hear(&mut self, statement: &Statement) {
        let last = self
            .views
            .last_mut()
            .expect("an alarm has a view from its first word on");
        if (last.resource, &last.culprits) != (statement.resource, &statement.culprits) {
            last.span.to = statement.at;
            self.views.push(View::of(statement));
        }
    }

    /// What is told lasts for a nanosecond at least, so that it has a place in time.
    fn until(mut self, at: Nanos) -> Self {
        let at = at.max(self.span.from + Nanos(1));
        self.span.to = at;
        if let Some(last) = self.views.last_mut() {
            last.span.to = at;
        }
        self
    }
}

impl View {
    fn of(statement: &Statement) -> Self {
        Self {
            span: Stretch::new(statement.at, statement.at),
            resource: statement.resource,
            culprits: statement.culprits.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
