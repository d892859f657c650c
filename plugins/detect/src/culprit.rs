//! `detect.culprit`: which neighbour makes a victim suffer that another detector found, if any.
//!
//! `Published` is the correlation of CPI² (Zhang et al., EuroSys 2013): every neighbour for itself, by its CPU time, over
//! ten minutes, from 0.35 on. It has two weaknesses that the paper names too: whoever runs whenever the culprit runs is as
//! guilty, and what is used beside CPU time does not count. `Conditional` correlates the victim's signal with whatever
//! each neighbour uses (CPU time, cache, memory and device traffic), at once and a little later but never earlier; takes
//! the best, takes off what that explains, and goes on with what is left, so that a bystander is not named beside the
//! culprit. A neighbour whose use does not vary is never named: nothing can be known of it. Both say so where it is none
//! of them. A look at many neighbours is spread over instants, some milliseconds in all.

mod lines;
mod look;
mod looks;
mod score;
mod suspect;
#[cfg(test)]
mod tests;

use crate::config::{CulpritConfig, Method};
use crate::saved;
use crate::signal::{self, Signal};
use crate::watch::{Kept, Watch};
use lines::Lines;
use look::Request;
use looks::{Looks, Work};
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use suspect::Suspect;

/// See the file.
pub struct Culprits {
    config: CulpritConfig,
    host: Host,
    watch: Watch,
    signal: Option<MetricId>,
    /// What was heard of the signal in this span: sum and count.
    heard: BTreeMap<TargetId, (f64, f64)>,
    lines: Lines,
    cases: BTreeMap<TargetId, Case>,
    looks: Looks,
}

/// A victim that another detector found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Case {
    severity: f64,
    /// The findings of others that are open: node's place in `from`, and id.
    open: Vec<(u32, u64)>,
    looked_ns: Option<u64>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    kept: Kept,
    cases: BTreeMap<u32, Case>,
}

fn wanted(signal: Signal) -> bool {
    use Signal::{Bandwidth, Cpu, Occupancy, Read, Written};
    [Cpu, Bandwidth, Occupancy, Read, Written].contains(&signal)
}

impl Element for Culprits {
    const NAME: &'static str = "detect.culprit";
    const SUMMARY: &'static str = "says which neighbour makes a victim suffer that another detector found, if any";
    type Config = CulpritConfig;

    fn ports(config: &CulpritConfig) -> Ports {
        signal::take(Ports::new(), wanted)
            .needs_named(&config.signal, "how a victim does")
            .needs_findings("who suffers")
            .gives_findings("which neighbour makes it suffer, or that none does")
    }

    fn create(config: CulpritConfig, host: &Host) -> Result<Self> {
        let spans = config.window.nanos().0 / config.span.nanos().0.max(1);
        let known = vocabulary::metric(&config.signal);
        Ok(Self {
            watch: Watch::new(host, config.span.nanos(), wanted)?,
            signal: known.map(|metric| host.metric(&metric)).transpose()?,
            heard: BTreeMap::new(),
            lines: Lines::new(spans as usize),
            cases: BTreeMap::new(),
            looks: Looks::default(),
            host: host.clone(),
            config,
        })
    }

    fn status(&self) -> String {
        format!("{} victims are looked at", self.cases.len())
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        saved::write(&State {
            kept: self.watch.kept(),
            cases: self.cases.iter().map(|(id, case)| (id.0, case.clone())).collect(),
        })
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        let state: State = saved::read(state)?;
        self.watch.restore(state.kept);
        self.cases = state.cases.into_iter().map(|(id, case)| (TargetId(id), case)).collect();
        Ok(())
    }
}

impl Transform for Culprits {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        for reading in input.readings() {
            self.hear(reading);
        }
        let (cases, lines, heard) = (&mut self.cases, &mut self.lines, &mut self.heard);
        let looks = &mut self.looks;
        let closed = self.watch.hear(input, out, |id| {
            cases.remove(&id);
            lines.forget(id);
            heard.remove(&id);
            looks.forget(id);
        });
        for (port, batch) in input.batches() {
            for finding in &batch.findings {
                self.find(port, finding, out);
            }
        }
        let mut work = Work::new();
        if closed {
            self.keep(&mut work);
            self.ask(input.at);
        }
        self.look(input.at, &mut work, out);
        Ok(match (self.watch.ledger.due(), self.looks.soon(input.at)) {
            (Wish::At(due), Some(soon)) => Wish::At(due.min(soon)),
            (Wish::Nothing, Some(soon)) => Wish::At(soon),
            (due, None) => due,
        })
    }
}

impl Culprits {
    fn hear(&mut self, reading: &Reading) {
        if self.signal.is_none() {
            let name = self.host.metric_name(reading.metric);
            let is_it = name.is_some_and(|name| name.name == self.config.signal.as_str());
            self.signal = is_it.then_some(reading.metric);
        }
        if self.signal != Some(reading.metric) || reading.part != Part::WHOLE {
            return;
        }
        if let Some(value) = reading.number() {
            let (sum, count) = self.heard.entry(reading.target).or_default();
            *sum += value;
            *count += 1.0;
        }
    }

    /// Another detector said something of a victim.
    fn find(&mut self, port: u32, finding: &Finding, out: &mut Batch) {
        let name = (port, finding.id);
        if finding.phase == Phase::ENDS {
            let Some(case) = self.cases.get_mut(&finding.victim) else {
                return;
            };
            case.open.retain(|open| *open != name);
            if case.open.is_empty() {
                self.cases.remove(&finding.victim);
                self.looks.drop_victim(finding.victim);
                let why = format!(
                    "`{}` is found to suffer no longer",
                    self.watch.roster.name(finding.victim)
                );
                self.watch.docket.end(finding.at, finding.victim, why, out);
            }
        } else if self.watch.roster.find(finding.victim).is_some() {
            let case = self.cases.entry(finding.victim).or_default();
            case.severity = finding.severity;
            if !case.open.contains(&name) {
                case.open.push(name);
            }
        }
    }

    fn keep(&mut self, work: &mut Work) {
        let heard = std::mem::take(&mut self.heard);
        self.lines.next();
        let seen = self.watch.ledger.seen();
        for (id, seen) in seen {
            let signal = heard.get(id).map(|(sum, count)| sum / count);
            self.lines.keep(*id, signal, seen);
        }
        work.close(seen.len());
    }

    /// Asks for a look at the victims that were not looked at for a while.
    fn ask(&mut self, at: Nanos) {
        let every = self.config.every.nanos();
        for (victim, case) in &mut self.cases {
            let young = case.looked_ns.is_some_and(|looked| at.since(Nanos(looked)) < every);
            if !young {
                case.looked_ns = Some(at.0);
                self.looks.ask(*victim);
            }
        }
    }

    /// Looks for as long as this instant may, and tells what was found.
    fn look(&mut self, at: Nanos, work: &mut Work, out: &mut Batch) {
        let roster = &self.watch.roster;
        let neighbours = |victim| roster.neighbours(victim);
        let mut found = Vec::new();
        while let Some(this) = self.looks.go(&self.lines, &self.config, work, neighbours) {
            found.push(this);
        }
        for (request, suspects) in found {
            self.tell(at, &request, &suspects, out);
        }
    }

    fn tell(&mut self, at: Nanos, request: &Request, suspects: &[Suspect], out: &mut Batch) {
        let victim = request.victim;
        let Some(case) = self.cases.get(&victim) else { return };
        let Watch {
            roster, caps, docket, ..
        } = &mut self.watch;
        let count = request.neighbours.len();
        let finding = Finding {
            at,
            victim,
            resource: suspects
                .first()
                .map_or(Resource::UNKNOWN, |first| first.resource(victim, roster, caps)),
            severity: case.severity,
            confidence: suspects.first().map_or(0.0, |first| first.score),
            culprits: suspects.iter().map(Suspect::culprit).collect(),
            why: sentence(roster.name(victim), suspects, count, &self.config, |id| roster.name(id)).into(),
            ..Finding::default()
        };
        docket.tell(finding, out);
    }
}

fn sentence<'a>(
    victim: &str,
    suspects: &[Suspect],
    neighbours: usize,
    config: &CulpritConfig,
    name: impl Fn(TargetId) -> &'a str,
) -> String {
    let how = match config.method {
        Method::Published => "by the published correlation",
        Method::Conditional => "by what they use",
    };
    if suspects.is_empty() {
        return format!("none of the {neighbours} neighbours of `{victim}` goes with what it suffers, {how}");
    }
    let named: Vec<String> = suspects
        .iter()
        .map(|s| format!("`{}` ({:.2})", name(s.target), s.score))
        .collect();
    format!("what `{victim}` suffers goes with {}, {how}", named.join(", "))
}
