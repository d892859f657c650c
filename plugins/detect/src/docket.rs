//! The docket: the findings of a detector that are open. One that lasts is told again each second, or when its resource
//! or its culprits change; each ends once. What is found is for others to say.

use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often a finding that lasts unchanged is told.
const REPEAT: Nanos = Nanos::from_secs(1);

/// A finding that began and did not end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    id: u64,
    resource: u32,
    culprits: Vec<(u32, f64)>,
    confidence: f64,
    told_ns: u64,
}

/// See the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Docket {
    last_id: u64,
    open: BTreeMap<u32, Entry>,
}

impl Docket {
    /// How many are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Tells a finding, made without id and phase: that it begins or, where that is worth it, that it lasts.
    pub fn tell(&mut self, finding: Finding, out: &mut Batch) {
        let before = self.open.get(&finding.victim.0);
        if before.is_some_and(|entry| !is_news(entry, &finding)) {
            return;
        }
        let phase = if before.is_some() { Phase::LASTS } else { Phase::BEGINS };
        let id = before.map_or(self.last_id + 1, |entry| entry.id);
        self.last_id = self.last_id.max(id);
        let entry = Entry {
            id,
            resource: finding.resource.0,
            culprits: finding.culprits.iter().map(|c| (c.target.0, c.score)).collect(),
            confidence: finding.confidence,
            told_ns: finding.at.0,
        };
        self.open.insert(finding.victim.0, entry);
        out.findings.push(Finding { id, phase, ..finding });
    }

    /// Whether [`Docket::tell`] would be silent about a finding like the one that is open: spares making its sentence.
    pub fn is_told(&self, at: Nanos, victim: TargetId, resource: Resource, culprits: &[Culprit]) -> bool {
        let like = Finding {
            at,
            resource,
            culprits: culprits.into(),
            ..Finding::default()
        };
        self.open.get(&victim.0).is_some_and(|entry| !is_news(entry, &like))
    }

    /// Ends the victim's finding, if one is open.
    pub fn end(&mut self, at: Nanos, victim: TargetId, why: String, out: &mut Batch) {
        let Some(entry) = self.open.remove(&victim.0) else {
            return;
        };
        let culprit = |(target, score): &(u32, f64)| Culprit {
            target: TargetId(*target),
            score: *score,
        };
        out.findings.push(Finding {
            at,
            id: entry.id,
            phase: Phase::ENDS,
            victim,
            resource: Resource(entry.resource),
            severity: 1.0,
            confidence: entry.confidence,
            culprits: entry.culprits.iter().map(culprit).collect(),
            why: why.into(),
            ..Finding::default()
        });
    }
}

fn is_news(entry: &Entry, finding: &Finding) -> bool {
    let mut before: Vec<u32> = entry.culprits.iter().map(|(target, _)| *target).collect();
    let mut now: Vec<u32> = finding.culprits.iter().map(|culprit| culprit.target.0).collect();
    before.sort_unstable();
    now.sort_unstable();
    finding.at.since(Nanos(entry.told_ns)) >= REPEAT || before != now || entry.resource != finding.resource.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(millis: u64, culprit: u32) -> Finding {
        Finding {
            at: Nanos::from_millis(millis),
            victim: TargetId(1),
            culprits: vec![Culprit {
                target: TargetId(culprit),
                score: 0.5,
            }]
            .into(),
            ..Finding::default()
        }
    }

    #[test]
    fn a_finding_begins_lasts_when_there_is_news_and_ends_once() {
        let mut docket = Docket::default();
        let mut out = Batch::default();
        for (millis, culprit) in [(0, 2), (100, 2), (200, 3), (1300, 3)] {
            docket.tell(finding(millis, culprit), &mut out);
        }
        docket.end(Nanos::from_secs(2), TargetId(1), "well".to_owned(), &mut out);
        docket.end(Nanos::from_secs(3), TargetId(1), "well".to_owned(), &mut out);
        let told: Vec<(u64, Phase)> = out.findings.iter().map(|f| (f.id, f.phase)).collect();
        assert_eq!(
            told,
            [
                (1, Phase::BEGINS),
                (1, Phase::LASTS),
                (1, Phase::LASTS),
                (1, Phase::ENDS)
            ]
        );
        docket.tell(finding(4000, 2), &mut out);
        assert_eq!(out.findings.last().map(|f| f.id), Some(2));
    }
}
