//! `detect.triage`: whether a target loses time, through which resource, and to whom.
//!
//! Each span of every target becomes a sheet of numbers (`sheet`), with how crowded it is around it (`crowd`). What is
//! usual is taken from the target's own past when its neighbours did least (`past`), made anew now and then (`renewal`).
//! What is lost against that is divided among the resources (`stack`); what that can do to whoever waits is bounded
//! (`queue`); what persists is a case (`case`); who uses what it loses is to blame (`blame`). Kernel signals are triaged as
//! DataDog's noisy-neighbour canary does: throttling is the target's own doing and steal is the hypervisor's, before any
//! neighbour is suspected. It works with whatever of the signals there is, and says what it could not see.

mod blame;
mod case;
mod cores;
mod crowd;
mod past;
mod queue;
mod renewal;
mod sheet;
mod stack;
mod state;
#[cfg(test)]
mod tests;
mod words;

use crate::config::TriageConfig;
use crate::signal::{self, Signal};
use crate::watch::{Watch, is_listed};
use blame::Ground;
use case::{Case, Said, Turn};
use cores::Cores;
use crowd::{Crowd, Member};
use past::Past;
use pipeline_plugin_api::prelude::*;
use stack::{RESOURCES, Stack};
use std::collections::BTreeMap;

/// See the file.
pub struct Triage {
    config: TriageConfig,
    watch: Watch,
    cores: Cores,
    past: Past,
    cases: BTreeMap<TargetId, Case>,
    ids: Ids,
}

struct Ids {
    loss: MetricId,
    core: MetricId,
    parts: [Part; RESOURCES.len()],
}

impl Ids {
    /// What is lost through each resource, as readings.
    fn readings(&self, at: Nanos, id: TargetId, stack: &Stack) -> impl Iterator<Item = Reading> + use<> {
        let lost = RESOURCES.map(|resource| stack.get(resource));
        let loss = self.loss;
        let told = self.parts.into_iter().zip(lost).filter(|(_, lost)| *lost > 0.0);
        told.map(move |(part, lost)| Reading::gauge(at, id, loss, lost).estimated().of_part(part))
    }
}

/// All of them.
fn wanted(_: Signal) -> bool {
    true
}

impl Element for Triage {
    const NAME: &'static str = "detect.triage";
    const SUMMARY: &'static str = "says how much time a target loses, through which resource, and to whom";
    type Config = TriageConfig;

    fn ports(_: &TriageConfig) -> Ports {
        signal::take(Ports::new(), wanted)
            .takes(&vocabulary::CPU_CORE)
            .takes_outcomes("where remedies moved targets to")
            .gives(&vocabulary::DETECT_LOSS)
            .gives_findings("that a target loses time, through what, and to whom")
    }

    fn create(config: TriageConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            watch: Watch::new(host, config.window.nanos(), wanted)?,
            cores: Cores::of(&config.cores),
            past: Past::default(),
            cases: BTreeMap::new(),
            ids: Ids {
                loss: host.metric(&vocabulary::DETECT_LOSS)?,
                core: host.metric(&vocabulary::CPU_CORE)?,
                parts: RESOURCES.map(|resource| host.part(resource.name().unwrap_or_default())),
            },
            config,
        })
    }

    fn status(&self) -> String {
        let Watch { roster, docket, .. } = &self.watch;
        let open = self.cases.iter().filter(|(_, case)| case.is_open);
        let told: Vec<String> = open
            .map(|(id, case)| format!("`{}` loses {:.2} to others", roster.name(*id), case.stack.harm()))
            .collect();
        match docket.len() {
            0 => format!("{} targets are judged, and all are well", self.cases.len()),
            _ => told.join("; "),
        }
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        self.state()
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        self.restore(state)
    }
}

impl Transform for Triage {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        for reading in input.readings().filter(|reading| reading.metric == self.ids.core) {
            self.cores.hear(reading);
        }
        let (cases, past) = (&mut self.cases, &mut self.past);
        let closed = self.watch.hear(input, out, |id| {
            cases.remove(&id);
            past.forget(id);
        });
        if closed {
            self.look(input.at, out);
        }
        Ok(self.watch.ledger.due())
    }
}

impl Triage {
    fn look(&mut self, at: Nanos, out: &mut Batch) {
        let Watch {
            ledger, roster, caps, ..
        } = &self.watch;
        let crowd = Crowd::of(ledger.seen(), roster, caps, &self.cores);
        let span = self.past.next();
        for member in &crowd.members {
            self.past.keep(member.id, member.sheet);
        }
        let single = crowd.members.iter().filter(|member| !member.is_holder);
        let victims: Vec<&Member> = single.filter(|member| self.is_victim(member.id)).collect();
        let sheets = victims.iter().map(|victim| (victim.id, &victim.sheet));
        renewal::renew(&mut self.cases, sheets, span, &self.past);
        for victim in victims {
            self.judge(at, span, victim, &crowd, out);
        }
    }

    fn is_victim(&self, id: TargetId) -> bool {
        let Some(known) = self.watch.roster.find(id) else {
            return false;
        };
        match self.config.victims.is_empty() {
            true => known.latency,
            false => is_listed(known, &self.config.victims),
        }
    }

    fn judge(&mut self, at: Nanos, span: u64, victim: &Member, crowd: &Crowd, out: &mut Batch) {
        let now = &victim.sheet;
        let case = self.cases.entry(victim.id).or_default();
        if case::is_blank(now) {
            return self.lose(at, victim.id, out);
        }
        if case.waits(now) {
            return;
        }
        let usual = case.usual();
        let lost = stack::stack(now, usual, &self.config);
        let said = Said {
            lost,
            tail: stack::tail(now, usual),
            bound: queue::bound(now, &lost, victim.cpus.len()),
        };
        let whole = Reading::gauge(at, victim.id, self.ids.loss, lost.harm()).estimated();
        out.readings.push(whole);
        out.readings.extend(self.ids.readings(at, victim.id, &lost));
        let Some(case) = self.cases.get_mut(&victim.id) else {
            return;
        };
        match case.hear(span, said, &self.config) {
            Turn::Peace | Turn::Lull => {}
            Turn::Trouble => self.tell(at, victim, crowd, out),
            Turn::Ends => {
                let why = format!("`{}` is well again", self.watch.roster.name(victim.id));
                self.watch.docket.end(at, victim.id, why, out);
            }
        }
    }

    fn tell(&mut self, at: Nanos, victim: &Member, crowd: &Crowd, out: &mut Batch) {
        let Some(case) = self.cases.get_mut(&victim.id) else {
            return;
        };
        let Watch { roster, docket, .. } = &mut self.watch;
        let slices = stack::meets_slices(&victim.sheet, victim.cpus.len());
        let resource = case.stack.worst(slices);
        let ground = Ground {
            roster,
            crowd,
            past: &self.past,
            cores: &self.cores,
        };
        let suspects = blame::blame(&ground, victim, case.usual(), resource);
        let mut culprits = case.blame(&suspects);
        // While most of it was done by somebody who left a moment ago, nobody else is named for it.
        if culprits
            .first()
            .is_some_and(|first| roster.find(first.target).is_none())
        {
            return;
        }
        culprits.retain(|culprit| roster.find(culprit.target).is_some());
        let named = culprits
            .iter()
            .take_while(|culprit| culprit.score >= self.config.culprit_share)
            .count();
        culprits.truncate(named.max(1));
        if docket.is_told(at, victim.id, resource, &culprits) {
            return;
        }
        let lost = case.stack.harm() + case.stack.get(Resource::SELF);
        let finding = Finding {
            at,
            victim: victim.id,
            resource,
            severity: 1.0 + lost,
            confidence: confidence(&case.stack, resource, &victim.sheet),
            why: words::sentence(victim.id, &victim.sheet, &case.stack, &culprits, roster).into(),
            evidence: self.ids.readings(at, victim.id, &case.stack).collect(),
            culprits: culprits.into(),
            ..Finding::default()
        };
        docket.tell(finding, out);
    }

    /// Nothing was read of a target for a while: nobody can tell whether it suffers.
    fn lose(&mut self, at: Nanos, id: TargetId, out: &mut Batch) {
        self.cases.insert(id, Case::default());
        let why = format!(
            "`{}` was not heard of for a while, so nobody can tell whether it suffers",
            self.watch.roster.name(id)
        );
        self.watch.docket.end(at, id, why, out);
    }
}

/// How clearly one resource stands out, less where much could not be seen.
fn confidence(stack: &Stack, resource: Resource, now: &sheet::Sheet) -> f64 {
    let all = stack.harm() + stack.get(Resource::SELF);
    let clear = if all > 0.0 { stack.get(resource) / all } else { 0.0 };
    clear * (1.0 - 0.05 * words::unseen(now).len() as f64).max(0.3)
}
