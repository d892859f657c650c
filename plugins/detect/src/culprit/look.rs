//! A look at one victim: which neighbours go with what it suffers, by either method. It can be interrupted after each
//! neighbour and goes on with the lines as they were when it began.

use super::lines::{Lines, USES, Use};
use super::looks::Work;
use super::score::{self, Centred, Correlation};
use super::suspect::Suspect;
use crate::config::{CulpritConfig, Method, Worse};
use pipeline_plugin_api::prelude::*;

/// The most that are named.
pub const MOST: usize = 5;
/// What a line with gaps costs, as a multiple of one without.
const GAPS: usize = 4;
/// What it costs to begin, for each neighbour.
const BEGINNING: usize = 100;

/// Who is to be looked at.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who suffers.
    pub victim: TargetId,
    /// Who can be the cause.
    pub neighbours: Vec<TargetId>,
}

/// See the file.
#[derive(Debug)]
pub struct Look {
    request: Request,
    /// The span with which its lines end.
    upto: u64,
    /// The neighbour that comes next.
    next: usize,
    /// How the victim did, or what is left of that to explain.
    left: Vec<f64>,
    sought: Centred,
    /// How much there was to explain.
    all: f64,
    best: Option<(Suspect, Correlation)>,
    /// What those that were found used.
    explained: Vec<Centred>,
    suspects: Vec<Suspect>,
    line: Vec<f64>,
    used: Centred,
}

impl Look {
    /// One that ends with the last span.
    pub fn new(request: Request, lines: &Lines, config: &CulpritConfig, work: &mut Work) -> Self {
        let upto = lines.span();
        let mut left = Vec::new();
        lines.signal(request.victim, upto, &mut left);
        for value in &mut left {
            *value = worse_upwards(*value, config);
            if config.method == Method::Conditional && value.is_finite() {
                *value = libm::log(value.max(1e-12));
            }
        }
        let sought = Centred::of(&left);
        work.spend(request.neighbours.len() * BEGINNING + 10 * left.len());
        Self {
            all: sought.variation(),
            request,
            upto,
            next: 0,
            left,
            sought,
            best: None,
            explained: Vec::new(),
            suspects: Vec::new(),
            line: Vec::new(),
            used: Centred::default(),
        }
    }

    /// Who suffers.
    pub fn victim(&self) -> TargetId {
        self.request.victim
    }

    /// A target went: it is not named, and if it was the best there is another.
    pub fn forget(&mut self, target: TargetId) {
        self.suspects.retain(|suspect| suspect.target != target);
        if let Some(place) = self.request.neighbours.iter().position(|id| *id == target) {
            self.request.neighbours.remove(place);
            self.next -= usize::from(place < self.next);
        }
        if self.best.take_if(|(best, _)| best.target == target).is_some() {
            self.next = 0;
        }
    }

    /// Goes on for as long as work is left; whether it is at its end. One that took longer than lines are kept for ends
    /// with those that it found.
    pub fn go(&mut self, lines: &Lines, config: &CulpritConfig, work: &mut Work) -> bool {
        if !lines.reaches(self.upto) {
            return true;
        }
        loop {
            while let Some(target) = self.request.neighbours.get(self.next).copied() {
                if work.is_over() {
                    return false;
                }
                self.next += 1;
                match config.method {
                    Method::Published => self.score(target, lines, config, work),
                    Method::Conditional => self.compare(target, lines, config, work),
                }
            }
            if !self.take_best(lines, config) {
                return true;
            }
        }
    }

    /// What was asked and who was found, most first; nobody where it is none of them.
    pub fn end(mut self) -> (Request, Vec<Suspect>) {
        if self.explained.is_empty() {
            self.suspects
                .sort_by(|a, b| b.score.total_cmp(&a.score).then(a.target.cmp(&b.target)));
        }
        self.suspects.truncate(MOST);
        (self.request, self.suspects)
    }

    /// By the published correlation.
    fn score(&mut self, target: TargetId, lines: &Lines, config: &CulpritConfig, work: &mut Work) {
        if !lines.used(target, Use::Cpu, self.upto, &mut self.line) {
            return work.spend(1);
        }
        work.spend(GAPS * self.line.len());
        let score = score::published(&self.left, &self.line, config.threshold);
        if let Some(score) = score.filter(|score| *score >= config.least) {
            let used = Use::Cpu;
            self.suspects.push(Suspect { target, score, used });
        }
    }

    /// Of all uses the one that goes best with what is left, if it does clearly; of equals the first.
    fn compare(&mut self, target: TargetId, lines: &Lines, config: &CulpritConfig, work: &mut Work) {
        if self.suspects.iter().any(|suspect| suspect.target == target) {
            return;
        }
        let part = self.part();
        for used in USES {
            if !self.read(target, used, lines, work) {
                continue;
            }
            let found = score::lagged(&self.sought, &self.used);
            let clear = found.r * part >= config.least && found.clear(self.explained.len()) >= config.clear;
            if clear && self.best.is_none_or(|(_, best)| found.r > best.r) {
                let score = found.r * part;
                self.best = Some((Suspect { target, score, used }, found));
            }
        }
    }

    /// The line of a use without what is explained already: whoever does the same at the same time explains nothing more.
    fn read(&mut self, target: TargetId, used: Use, lines: &Lines, work: &mut Work) -> bool {
        if !lines.used(target, used, self.upto, &mut self.line) {
            work.spend(1);
            return false;
        }
        for other in &self.explained {
            score::take_off(&mut self.line, other);
        }
        self.used.set(&self.line);
        let gaps = !(self.used.is_whole() && self.sought.is_whole());
        let times = if gaps { GAPS } else { 1 } * (1 + self.explained.len());
        work.spend(times * self.line.len());
        true
    }

    /// What is explained of the little that is left is little.
    fn part(&self) -> f64 {
        if self.all > 0.0 {
            (self.sought.variation() / self.all).sqrt().min(1.0)
        } else {
            0.0
        }
    }

    /// Takes off what the best explains; whether it is worth it to go on with the rest.
    fn take_best(&mut self, lines: &Lines, config: &CulpritConfig) -> bool {
        let Some((suspect, _)) = self.best.take() else {
            return false;
        };
        if !self.read(suspect.target, suspect.used, lines, &mut Work::new()) {
            return false;
        }
        self.suspects.push(suspect);
        score::take_off(&mut self.left, &self.used);
        self.sought.set(&self.left);
        self.explained.push(std::mem::take(&mut self.used));
        self.next = 0;
        // Nothing correlates more than fully.
        self.suspects.len() < MOST && self.part() > 0.0 && self.part() >= config.least
    }
}

/// A signal that gets worse downwards is turned over, so that more is worse.
fn worse_upwards(value: f64, config: &CulpritConfig) -> f64 {
    match config.worse {
        Worse::Lower if value.is_finite() => config.threshold * config.threshold / value.max(config.threshold * 1e-6),
        _ => value,
    }
}

#[cfg(test)]
mod tests;
