//! `detect.baseline`: a victim's signal against its own baseline, and from whom it suffers.
//!
//! This file moves values between the books, the learner, the judge and the cause; what each
//! decides is in its own file. It holds no clock: instants come with the input.

mod overdue;
mod state;
mod tell;

use crate::account::{Books, Metrics, Sight};
use crate::caps::Caps;
use crate::cause;
use crate::config::{BaselineConfig, Source};
use crate::judge::{Judge, Sample, Turn};
use crate::learn::{Learned, Learner, Refusal, disturbance};
use crate::memory::Memory;
use crate::roster::Roster;
use crate::saved::{self, Open, Saved};
use crate::typical::Typical;
use crate::words;
use overdue::Overdue;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;
use tell::Told;

/// A finding whose victim's signal was not heard for so long ends: nobody can tell whether it lasts.
const SILENT: Nanos = Nanos::from_secs(5);
/// After how many times the learning span without a baseline a warning is due.
const PATIENCE: u64 = 4;

/// See the file.
pub struct Baseline {
    config: BaselineConfig,
    host: Host,
    ids: Ids,
    unit: String,
    books: Books,
    roster: Roster,
    caps: Caps,
    learned: Memory,
    /// Something was learnt that was not stored yet.
    is_unkept: bool,
    overdue: Overdue,
    victims: BTreeMap<TargetId, Victim>,
    last_id: u64,
}

#[derive(Copy, Clone)]
struct Ids {
    signal: Option<MetricId>,
    ratio: MetricId,
    baseline: MetricId,
}

#[derive(Default)]
struct Victim {
    learned: Option<Learned>,
    learner: Option<Learner>,
    judge: Judge,
    open: Option<Open>,
    heard: Nanos,
    told_warming: bool,
    warned: bool,
}

impl Element for Baseline {
    const NAME: &'static str = "detect.baseline";
    const SUMMARY: &'static str = "judges a signal against its own baseline and says who slows it, if anyone";
    type Config = BaselineConfig;

    fn ports(config: &BaselineConfig) -> Ports {
        Ports::new()
            .needs_named(&config.signal, "the signal by which a victim's well-being is judged")
            .takes(&vocabulary::CPU_TIME)
            .takes(&vocabulary::CPU_RUN_DELAY)
            .takes(&vocabulary::CPU_THROTTLED)
            .takes(&vocabulary::CPU_STEAL)
            .takes(&vocabulary::PSI_CPU_SOME)
            .takes(&vocabulary::KPI_OFFERED)
            .takes(&vocabulary::KPI_RATE)
            .takes_outcomes("whether a remedy is in force")
            .gives(&vocabulary::DETECT_RATIO)
            .gives(&vocabulary::DETECT_BASELINE)
            .gives_findings("that a victim is worse than its baseline, through what, and from whom")
    }

    fn create(config: BaselineConfig, host: &Host) -> Result<Self> {
        let known = vocabulary::metric(&config.signal);
        let ids = Ids {
            signal: known.map(|metric| host.metric(&metric)).transpose()?,
            ratio: host.metric(&vocabulary::DETECT_RATIO)?,
            baseline: host.metric(&vocabulary::DETECT_BASELINE)?,
        };
        let learned = match &config.baseline {
            Source::Load(key) => fetch(host, key)?,
            _ => BTreeMap::new(),
        };
        Ok(Self {
            ids,
            unit: known.map(|metric| metric.unit.to_owned()).unwrap_or_default(),
            books: Books::new(Metrics::new(host)?, config.window.nanos()),
            roster: Roster::default(),
            caps: Caps::new([host.knob(&vocabulary::CPU_SET)?, host.knob(&vocabulary::CPU_AFFINITY)?]),
            learned: Memory::of(learned),
            is_unkept: false,
            overdue: Overdue::default(),
            victims: BTreeMap::new(),
            last_id: 0,
            host: host.clone(),
            config,
        })
    }

    fn status(&self) -> String {
        let lines: Vec<String> = self
            .victims
            .iter()
            .map(|(id, victim)| self.describe(*id, victim))
            .collect();
        if lines.is_empty() {
            "no victim was heard of yet".to_owned()
        } else {
            lines.join("; ")
        }
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        saved::write(&self.state())
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        let state: Saved = saved::read(state)?;
        self.restore(state);
        Ok(())
    }
}

impl Transform for Baseline {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        for change in input.changes() {
            self.change(input.at, change, out);
        }
        for outcome in input
            .outcomes()
            .filter(|outcome| self.roster.find(outcome.target).is_some())
        {
            self.caps.outcome(outcome);
        }
        for reading in input.readings() {
            self.enter(reading);
        }
        for reading in input.readings() {
            self.sample(input.at, reading, out);
        }
        self.end_the_silent(input.at, out);
        if std::mem::take(&mut self.is_unkept) {
            self.keep();
        }
        self.overdue.tell(input.at, &self.host);
        Ok(soonest(self.next_silence(), self.overdue.next()))
    }
}

impl Baseline {
    fn change(&mut self, at: Nanos, change: &TargetChange, out: &mut Batch) {
        let id = change.target.id;
        if change.change == Change::GONE {
            self.close(at, id, "went away", out);
            let stands = |victim: &Victim| victim.learner.as_ref().is_none_or(Learner::stands);
            let victim = self.victims.remove(&id).filter(stands);
            if let Some(learned) = victim.and_then(|victim| victim.learned) {
                self.learned.keep(self.roster.name(id).to_owned(), learned);
            }
            self.books.forget(id);
            self.caps.forget(id);
        }
        self.roster.change(change);
    }

    fn enter(&mut self, reading: &Reading) {
        if let Some(cpu) = reading.part.cpu_index() {
            self.roster.hear_of(cpu);
        }
        self.books.enter(reading);
    }

    fn sample(&mut self, at: Nanos, reading: &Reading, out: &mut Batch) {
        if !self.is_signal(reading) || !self.is_victim(reading.target) {
            return;
        }
        let Some(value) = reading.number() else { return };
        let id = reading.target;
        let mut victim = self.victims.remove(&id).unwrap_or_else(|| self.newcomer(at, id, out));
        victim.heard = at;
        let sight = self.books.sight(id, at, &self.roster, &self.caps);
        self.learn(&mut victim, reading, value, &sight, out);
        self.judge(&mut victim, reading, value, &sight, out);
        self.victims.insert(id, victim);
    }

    fn is_signal(&mut self, reading: &Reading) -> bool {
        let named = |id| {
            self.host
                .metric_name(id)
                .filter(|name| name.name == self.config.signal.as_str())
        };
        if self.ids.signal.is_none()
            && let Some(name) = named(reading.metric)
        {
            self.unit = name.unit.to_string();
            self.ids.signal = Some(reading.metric);
        }
        self.ids.signal == Some(reading.metric) && reading.part == Part::WHOLE
    }

    fn is_victim(&self, id: TargetId) -> bool {
        let Some(known) = self.roster.find(id) else {
            return false;
        };
        let listed = |entry: &String| *entry == known.name || *entry == known.provider;
        if self.config.victims.is_empty() {
            known.latency
        } else {
            self.config.victims.iter().any(listed)
        }
    }

    /// A victim that is heard for the first time; one of a known name keeps what was learnt of it.
    fn newcomer(&self, at: Nanos, id: TargetId, out: &mut Batch) -> Victim {
        let victim = self.begin(id);
        if let Some(learned) = &victim.learned {
            out.readings.push(self.baseline_reading(at, id, learned));
        }
        victim
    }

    /// A victim with what is known of its name: all, the given baseline only, or nothing.
    fn begin(&self, id: TargetId) -> Victim {
        let known = self.learned.of_name(self.roster.name(id)).cloned();
        let learner = known.is_none().then(Learner::default);
        let learned = match self.config.baseline {
            Source::Given(value) => Some(Learned {
                signal: Typical::exactly(value),
                ..known.unwrap_or_default()
            }),
            _ => known,
        };
        Victim {
            learned,
            learner,
            ..Victim::default()
        }
    }

    fn learn(&mut self, victim: &mut Victim, reading: &Reading, value: f64, sight: &Sight, out: &mut Batch) {
        let Some(mut learner) = victim.learner.take() else {
            return;
        };
        let refusal = disturbance(sight, self.caps.any(), &self.config).or_else(|| self.unquiet(victim, value));
        let learn = self.config.learn.nanos();
        let stood = learner.stands();
        learner.offer(reading, value, sight, refusal);
        match learner.learned(learn) {
            Some(learned) => self.stands(victim, reading, learned, stood, out),
            None if !stood => self.still_learning(victim, &learner, reading, out),
            None => {}
        }
        victim.learner = Some(learner).filter(|learner| !learner.is_done(learn));
    }

    /// Against a given baseline only quiet samples tell what surrounds the victim when it is well; against one that
    /// was learnt, all but those of a victim that suffers.
    fn unquiet(&self, victim: &Victim, value: f64) -> Option<Refusal> {
        let baseline = victim.learned.as_ref()?.signal;
        if !matches!(self.config.baseline, Source::Given(_)) {
            return victim.open.as_ref().map(|_| Refusal::Unquiet);
        }
        let sample = Sample::of(value, baseline, &self.config);
        sample.is_none_or(|sample| !sample.quiet).then_some(Refusal::Unquiet)
    }

    fn stands(&mut self, victim: &mut Victim, reading: &Reading, learned: Learned, stood: bool, out: &mut Batch) {
        let name = self.roster.name(reading.target).to_owned();
        let signal = match self.config.baseline {
            Source::Given(value) => Typical::exactly(value),
            _ => learned.signal,
        };
        let learned = Learned { signal, ..learned };
        let value = words::amount(signal.middle, &self.unit);
        let spread = words::amount(signal.spread, &self.unit);
        let fields: [(&str, &dyn std::fmt::Display); 3] =
            [("target", &name), ("baseline", &value), ("spread", &spread)];
        let (level, message) = match stood {
            false => (Level::INFO, "the baseline stands"),
            true => (Level::DEBUG, "the baseline was learnt better"),
        };
        self.host.log(level, message, &fields);
        if victim
            .learned
            .as_ref()
            .is_none_or(|known| known.signal.middle != signal.middle)
            || !stood
        {
            out.readings
                .push(self.baseline_reading(reading.at, reading.target, &learned));
        }
        victim.learned = Some(learned.clone());
        self.learned.keep(name, learned);
        self.is_unkept = true;
    }

    fn keep(&self) {
        let Some(key) = &self.config.store else { return };
        let kept = saved::write(self.learned.all()).and_then(|bytes| self.host.store(key, &bytes));
        if let Err(failure) = kept {
            self.host
                .log(Level::WARN, "what was learnt could not be stored", &[("why", &failure)]);
        }
    }

    fn still_learning(&mut self, victim: &mut Victim, learner: &Learner, reading: &Reading, out: &mut Batch) {
        if !victim.told_warming && victim.learned.is_none() {
            victim.told_warming = true;
            let warming = Reading::unavailable(reading.at, reading.target, self.ids.baseline, Reason::WARMING_UP);
            out.readings.push(warming);
        }
        let learn = self.config.learn.nanos().0.saturating_mul(PATIENCE);
        let late = learner.began().is_some_and(|began| reading.at.since(began).0 > learn);
        if late && !victim.warned && victim.learned.is_none() {
            victim.warned = true;
            let why = learner.refusal().map_or("samples are too few", Refusal::text);
            self.overdue.add(self.roster.name(reading.target), why);
        }
    }

    fn judge(&mut self, victim: &mut Victim, reading: &Reading, value: f64, sight: &Sight, out: &mut Batch) {
        let Some(learned) = victim.learned.clone() else { return };
        let (at, id) = (reading.at, reading.target);
        let Some(sample) = Sample::of(value, learned.signal, &self.config) else {
            out.readings
                .push(Reading::unavailable(at, id, self.ids.ratio, Reason::EMPTY));
            return;
        };
        let ratio = Reading::gauge(at, id, self.ids.ratio, sample.ratio).estimated();
        out.readings.push(ratio);
        let turn = victim.judge.hear(sample, &self.config);
        let told = Told {
            ratio,
            signal: *reading,
            severity: victim.judge.severity(&self.config),
        };
        match turn {
            Turn::Peace => {}
            Turn::Ends => self.ends(victim, &told, out),
            Turn::Begins | Turn::Lasts => {
                let cause = cause::find(sight, &learned.context, &self.config);
                self.tell(victim, turn, &told, cause, sight, &learned, out);
            }
        }
    }

    fn end_the_silent(&mut self, at: Nanos, out: &mut Batch) {
        let silent = |(id, victim): (&TargetId, &Victim)| {
            (victim.open.is_some() && at.since(victim.heard) >= SILENT).then_some(*id)
        };
        let over: Vec<TargetId> = self.victims.iter().filter_map(silent).collect();
        for id in over {
            self.close(
                at,
                id,
                "was not heard of for 5 s, so nobody can tell whether it suffers",
                out,
            );
        }
    }

    fn next_silence(&self) -> Wish {
        let open = self.victims.values().filter(|victim| victim.open.is_some());
        open.map(|victim| victim.heard + SILENT)
            .min()
            .map_or(Wish::Nothing, Wish::At)
    }

    fn baseline_reading(&self, at: Nanos, id: TargetId, learned: &Learned) -> Reading {
        Reading::gauge(at, id, self.ids.baseline, learned.signal.middle).estimated()
    }

    fn describe(&self, id: TargetId, victim: &Victim) -> String {
        let name = self.roster.name(id);
        let learning = victim.learner.as_ref().filter(|_| victim.learned.is_none());
        match (learning, &victim.learned, &victim.open) {
            (Some(learner), ..) => {
                let why = learner
                    .refusal()
                    .map(|why| format!(", not now: {}", why.text()))
                    .unwrap_or_default();
                format!("{name}: {} of {} learnt{why}", learner.accepted(), self.config.learn)
            }
            (None, Some(learned), None) => format!(
                "{name}: well, baseline {}",
                words::amount(learned.signal.middle, &self.unit)
            ),
            (None, _, Some(open)) => format!("{name}: suffers, {}", Resource(open.resource)),
            (None, None, None) => format!("{name}: not judged"),
        }
    }
}

fn soonest(wish: Wish, at: Option<Nanos>) -> Wish {
    match (wish, at) {
        (Wish::At(a), Some(b)) => Wish::At(a.min(b)),
        (Wish::Nothing, Some(at)) => Wish::At(at),
        (wish, _) => wish,
    }
}

fn fetch(host: &Host, key: &str) -> Result<BTreeMap<String, Learned>> {
    let Some(bytes) = host.fetch(key) else {
        return Ok(BTreeMap::new());
    };
    let read = saved::read(&bytes);
    read.map_err(|failure| Failure::fatal(format!("the baseline stored as `{key}` cannot be read: {failure}")))
}

#[cfg(test)]
mod tests;
