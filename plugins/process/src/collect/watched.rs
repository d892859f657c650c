//! One target and what is known of its tasks between two samples.

use super::io::{Io, Lost};
use super::listing::Listing;
use super::roster::{Roster, Sum, Ticks};
use crate::config::StatsConfig;
use crate::parse::{self, SchedStat, Switches};
use pipeline_plugin_api::prelude::*;
use std::result::Result;

/// Samples are not taken at the very instant for which they stand: a task may be this much older than its interval.
const LATE_NS: u64 = 20_000_000;

/// A target that is watched.
#[derive(Debug)]
pub struct Watched {
    /// Its id.
    pub id: TargetId,
    /// The CPUs it may use; empty for all.
    pub cpus: Vec<u32>,
    since: Nanos,
    listing: Listing,
    sched: Option<Roster<SchedStat>>,
    switches: Option<Roster<Switches>>,
    times: Option<Roster<Ticks>>,
    threads: Vec<u32>,
    processes: Vec<u32>,
    /// Threads that came from elsewhere since the last sample.
    adopted: Vec<u32>,
}

/// One sample of a target.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Whose.
    pub target: TargetId,
    /// When.
    pub at: Nanos,
    /// Since the sample before.
    pub span: Nanos,
    /// How many threads there are, or why that is not known.
    pub threads: Result<u32, Lost>,
    /// What they did; `None` where that is not read.
    pub sched: Option<Sum<SchedStat>>,
    /// How often they switched, likewise.
    pub switches: Option<Sum<Switches>>,
    /// What time their processes used, likewise.
    pub times: Option<Sum<Ticks>>,
}

impl Watched {
    /// Begins to watch a target: what its tasks have used so far does not count.
    pub fn begin(at: Nanos, target: &Target, config: &StatsConfig, io: &mut Io) -> Self {
        let times = config.user_system || !io.has_schedstat;
        let mut watched = Self {
            id: target.id,
            cpus: target.cpus.to_vec(),
            since: at,
            listing: Listing::of(target),
            sched: io.has_schedstat.then(|| Roster::new("schedstat", parse::schedstat)),
            switches: config.switches.then(|| Roster::new("status", parse::switches)),
            times: times.then(|| Roster::new("stat", |text| parse::task_stat(text).map(Ticks::from))),
            threads: Vec::new(),
            processes: Vec::new(),
            adopted: Vec::new(),
        };
        watched.read(None, io);
        watched
    }

    /// Takes over what the target says now.
    pub fn update(&mut self, target: &Target, io: &mut Io) {
        self.cpus.clear();
        self.cpus.extend_from_slice(&target.cpus);
        self.listing.update(target, io);
    }

    /// Reads what was added since the sample before.
    pub fn sample(&mut self, at: Nanos, io: &mut Io) -> Taken {
        let span = at - self.since;
        let taken = self.read(Some(span), io);
        self.since = at;
        Taken {
            target: self.id,
            at,
            span,
            ..taken
        }
    }

    /// Closes all files.
    pub fn close(mut self, io: &mut Io) {
        self.listing.close(io);
        let Self {
            sched, switches, times, ..
        } = &mut self;
        sched.iter_mut().for_each(|roster| roster.close(io));
        switches.iter_mut().for_each(|roster| roster.close(io));
        times.iter_mut().for_each(|roster| roster.close(io));
    }

    /// Without a span it is the first sample, for which no task is new.
    fn read(&mut self, span: Option<Nanos>, io: &mut Io) -> Taken {
        let listed = self.listing.threads(&mut self.threads, io);
        if listed.is_err() {
            self.threads.clear();
        }
        // A thread that has run and waited for longer than the interval began before it, elsewhere.
        let oldest = span.map_or(0, |span| span.0 + span.0 / 10 + LATE_NS);
        let (threads, adopted) = (&self.threads, &mut self.adopted);
        adopted.clear();
        let sched = self.sched.as_mut().map(|roster| {
            roster.sample(threads, io, |id, count: SchedStat| {
                let is_new = span.is_some() && count.run_ns.saturating_add(count.delay_ns) <= oldest;
                if !is_new {
                    adopted.push(id);
                }
                is_new
            })
        });
        let is_new = |id: u32| span.is_some() && !self.adopted.contains(&id);
        let switches = self
            .switches
            .as_mut()
            .map(|roster| roster.sample(threads, io, |id, _| is_new(id)));
        let times = self.times.as_mut().map(|roster| {
            if self.listing.processes(&mut self.processes, io).is_err() {
                self.processes.clear();
            }
            roster.sample(&self.processes, io, |id, _| is_new(id))
        });
        Taken {
            target: self.id,
            at: self.since,
            span: Nanos::ZERO,
            threads: listed.map(|()| u32::try_from(self.threads.len()).unwrap_or(u32::MAX)),
            sched,
            switches,
            times,
        }
    }
}
