//! `process.watch`: process groups that run on the machine already, as targets. It starts, ends and changes nothing.
//!
//! Who belongs together is decided in `herd`, who is busy in `busy`, who was acknowledged in `ask`; here they meet.

mod ask;
mod brought;
mod busy;
mod facts;
mod herd;
mod sweep;
#[cfg(test)]
mod tests;

use crate::config::{GroupBy, WatchConfig};
use crate::fs;
use crate::parse::{Comm, ProcStat};
use crate::target::members::is_group;
use crate::users;
use ask::{Ask, Stand};
use brought::Brought;
use busy::Busy;
use facts::Facts;
use herd::{Herd, Key, descends, herds};
use pipeline_plugin_api::fields;
use pipeline_plugin_api::pattern::fits_any;
use pipeline_plugin_api::prelude::*;
use rustix::param::clock_ticks_per_second;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use sweep::Sweep;

/// After a look how many times as long as it took no other one is made because a target's processes ended: 5 % of a CPU
/// at most.
const REST: u64 = 19;

/// Processes of the machine as targets.
pub struct Watch {
    config: WatchConfig,
    host: Host,
    system: Option<System>,
    sweep: Option<Sweep>,
    facts: Facts,
    older_than: Nanos,
    busy: Option<Busy>,
    ask: Ask,
    /// What was looked up of processes that are old enough and fit by name.
    known: BTreeMap<u32, Known>,
    /// Brought by hand, whatever the config says: id and start time.
    added: BTreeSet<(u32, u64)>,
    brought: BTreeMap<Key, Brought>,
    /// A setting changed, so that the next call is a sweep.
    hurry: bool,
    /// All known processes of some target ended: whether others of its group live is looked for once more.
    orphaned: bool,
    /// When it looked last.
    looked: Nanos,
    /// Not before that, so that where groups end all the time looks do not follow one another.
    rests_until: Nanos,
    is_full: bool,
    seen: usize,
}

/// Whether a process fits by what was looked up of it, and when that was used last.
#[derive(Clone, Copy, Debug)]
struct Known {
    start_time: u64,
    comm: Comm,
    fits: bool,
    at: Nanos,
}

impl Element for Watch {
    const NAME: &'static str = "process.watch";
    const SUMMARY: &'static str = "brings long-running processes of the machine as targets";
    const BLOCKING: bool = true;
    const EVERY: Nanos = Nanos::from_secs(10);
    type Config = WatchConfig;

    fn ports(_: &WatchConfig) -> Ports {
        Ports::new()
    }

    fn create(config: WatchConfig, host: &Host) -> Result<Self> {
        let users: Vec<u32> = config.users.iter().filter_map(|user| users::user(user)).collect();
        let window = config.window.nanos();
        Ok(Self {
            host: host.clone(),
            system: None,
            sweep: None,
            facts: Facts::new(&config.proc, &config.commands, &users, &config.cgroups, config.own),
            older_than: config.older_than.nanos(),
            busy: config.busier_than.map(|_| Busy::new(window, clock_ticks_per_second())),
            ask: Ask::default(),
            known: BTreeMap::new(),
            added: BTreeSet::new(),
            brought: BTreeMap::new(),
            hurry: false,
            orphaned: false,
            looked: Nanos::ZERO,
            rests_until: Nanos::ZERO,
            is_full: false,
            seen: 0,
            config,
        })
    }

    fn probe() -> Vec<Probe> {
        let what = "processes of other users";
        let present = fs::proc_stat(Path::new("/proc"), 1).is_ok();
        let mend = if present {
            ""
        } else {
            "mount -o remount,hidepid=0 /proc"
        };
        vec![Probe::optional(
            what,
            present,
            "seen in `/proc`, unless it is mounted with `hidepid`",
            mend,
        )]
    }

    fn control(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "older_than" => self.older_than = span(value)?,
            "acknowledge" => self.acknowledge(&self.id(value)?)?,
            "refuse" => self.refuse(&self.id(value)?)?,
            "add" => self.add(&self.id(value)?)?,
            _ => {
                let known = "`older_than`, `acknowledge`, `refuse` and `add`";
                return Err(Failure::retry(format!(
                    "`{}` has no setting `{name}`; it has {known}",
                    Self::NAME
                )));
            }
        }
        self.hurry = true;
        self.system.iter().for_each(|system| system.waker().wake());
        Ok(())
    }

    fn status(&self) -> String {
        let waiting = match self.ask.waiting().next() {
            Some(_) => format!("; waiting to be acknowledged: {}", self.ask),
            None => String::new(),
        };
        format!(
            "{} targets among {} processes, older than {}{waiting}",
            self.brought.len(),
            self.seen,
            self.older_than
        )
    }
}

impl TargetProvider for Watch {
    fn start(&mut self, system: &System) -> Result<()> {
        let proc = &self.config.proc;
        let sweep = Sweep::of(proc);
        let failed = |error| Failure::fatal(format!("cannot open `{}`: {error}; mount it", proc.display()));
        self.sweep = Some(sweep.map_err(failed)?);
        self.system = Some(system.clone());
        Ok(())
    }

    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let is_exit = |one: &Brought| one.descriptor().is_some_and(|fd| tick.ready.contains(&fd));
        let exits: Vec<Key> = self
            .brought
            .iter()
            .filter(|(_, one)| is_exit(one))
            .map(|(key, _)| *key)
            .collect();
        for key in &exits {
            if self.brought.get_mut(key).is_none_or(Brought::goes_on) {
                continue;
            }
            match may_be_continued(*key, self.config.group_by) {
                true => self.orphaned = true,
                false => self.lose(tick.at, *key, out),
            }
        }
        let is_rested = tick.at >= self.rests_until;
        let is_due = match (self.orphaned, exits.is_empty()) {
            (true, _) => is_rested,
            (false, true) => true,
            // This may be the time of a look too.
            (false, false) => tick.at - self.looked >= Self::EVERY,
        };
        if is_due || self.hurry {
            self.look(tick.at, out)?;
        }
        Ok(match self.orphaned {
            true => Wish::At(self.rests_until),
            false => Wish::Nothing,
        })
    }

    fn descriptors(&self) -> Vec<i32> {
        self.brought.values().filter_map(Brought::descriptor).collect()
    }

    fn stop(&mut self, out: &mut Batch) -> Result<()> {
        let at = self.system.as_ref().map_or(out.at, System::now).max(out.at);
        let keys: Vec<Key> = self.brought.keys().copied().collect();
        keys.into_iter().for_each(|key| self.lose(at, key, out));
        Ok(())
    }
}

impl Watch {
    /// Looks at all processes: who went, who changed, who came.
    fn look(&mut self, at: Nanos, out: &mut Batch) -> Result<()> {
        (self.hurry, self.orphaned, self.looked) = (false, false, at);
        let Some(mut sweep) = self.sweep.take() else {
            return Ok(());
        };
        let began = self.system.as_ref().map_or(at, System::now);
        let looked = match sweep.look() {
            Ok((all, uptime)) => self.take(at, all, uptime, out),
            Err(error) => Err(Failure::retry(format!(
                "cannot read `{}`: {error}",
                self.config.proc.display()
            ))),
        };
        self.sweep = Some(sweep);
        let ended = self.system.as_ref().map_or(at, System::now);
        self.rests_until = ended + Nanos((ended - began).0.saturating_mul(REST));
        looked
    }

    fn take(&mut self, at: Nanos, all: &[ProcStat], uptime: u64, out: &mut Batch) -> Result<()> {
        self.seen = all.len();
        self.busy.iter_mut().for_each(|busy| busy.take(at, all));
        self.added.retain(|(pid, start_time)| is_there(all, *pid, *start_time));
        let by = self.config.group_by;
        let mut chosen = BTreeSet::new();
        for stat in all {
            if self.is_chosen(at, stat, all, uptime) {
                chosen.insert(Key::of(by, stat));
            }
        }
        self.known.retain(|_, known| known.at == at);
        let found = {
            let (config, brought) = (&self.config, &self.brought);
            let is_wanted = |key: &Key| chosen.contains(key) || brought.contains_key(key);
            herds(all, by, is_wanted, |stat| is_barred(config, stat))
        };
        for (key, herd) in &found {
            if matches!(key, Key::Name(_)) || is_continued(*key, by, all) {
                self.ask.carry(key, all[herd.first].start_time);
            }
        }
        self.follow(at, &found, all, out);
        self.time_out(at);
        self.ask.keep(|key| found.contains_key(key));
        for (key, herd) in &found {
            if chosen.contains(key) && !self.brought.contains_key(key) {
                self.consider(at, *key, herd, all, out)?;
            }
        }
        Ok(())
    }

    /// Whether a process fits all that is asked of one process.
    fn is_chosen(&mut self, at: Nanos, stat: &ProcStat, all: &[ProcStat], uptime: u64) -> bool {
        if is_barred(&self.config, stat) {
            return false;
        }
        if self.added.contains(&(stat.pid, stat.start_time)) {
            return true;
        }
        age(stat, uptime) >= self.older_than
            && fits_any(&self.config.names, stat.comm.as_bytes())
            && self.fits(at, stat, all)
    }

    /// Whether it fits by what must be looked up, which is done once for each process and name.
    fn fits(&mut self, at: Nanos, stat: &ProcStat, all: &[ProcStat]) -> bool {
        if let Some(known) = self.known.get_mut(&stat.pid)
            && known.start_time == stat.start_time
            && known.comm == stat.comm
        {
            known.at = at;
            return known.fits;
        }
        let own = std::process::id();
        let fits = self.facts.fit(stat.pid) && (self.config.own || !descends(all, stat, |one| one.pid == own));
        let known = Known {
            start_time: stat.start_time,
            comm: stat.comm,
            fits,
            at,
        };
        self.known.insert(stat.pid, known);
        fits
    }

    /// Tells of targets that went or changed.
    fn follow(&mut self, at: Nanos, found: &BTreeMap<Key, Herd>, all: &[ProcStat], out: &mut Batch) {
        let is_real = self.is_real();
        let mut lost = Vec::new();
        for (key, one) in &mut self.brought {
            let goes_on = |herd: &&Herd| one.is_among(herd, all) || is_continued(*key, self.config.group_by, all);
            let herd = found.get(key).filter(goes_on);
            let refused = self.ask.is_refused(key, one.first.start_time);
            match herd.filter(|_| !refused) {
                Some(herd) => {
                    if one.update(herd, all, is_real) {
                        tell(at, Change::CHANGED, &one.target, out);
                    }
                }
                None => lost.push(*key),
            }
        }
        lost.into_iter().for_each(|key| self.lose(at, key, out));
    }

    /// Brings a target unless it is idle, not acknowledged, or one too many.
    fn consider(&mut self, at: Nanos, key: Key, herd: &Herd, all: &[ProcStat], out: &mut Batch) -> Result<()> {
        let first = all[herd.first];
        let by_hand = herd
            .members
            .iter()
            .any(|place| self.added.contains(&(all[*place].pid, all[*place].start_time)));
        if self.ask.is_refused(&key, first.start_time) || !(by_hand || self.is_busy(herd, all)) {
            return Ok(());
        }
        if self.config.acknowledge && !by_hand && !self.is_acknowledged(at, key, &first) {
            return Ok(());
        }
        if self.brought.len() >= self.config.most as usize {
            if !std::mem::replace(&mut self.is_full, true) {
                let most = self.config.most;
                self.host.log(
                    Level::WARN,
                    "there are more processes to bring than `most` allows",
                    &[("most", &most)],
                );
            }
            return Ok(());
        }
        let Some(system) = &self.system else { return Ok(()) };
        let mut one = Brought::new(&self.config, &self.facts, &self.host, &key.to_string(), &first)?;
        (one.target.id, one.target.generation) = system.new_target(&one.target.name);
        one.update(herd, all, self.is_real());
        tell(at, Change::APPEARED, &one.target, out);
        self.brought.insert(key, one);
        Ok(())
    }

    fn is_busy(&self, herd: &Herd, all: &[ProcStat]) -> bool {
        let (Some(busy), Some(least)) = (&self.busy, self.config.busier_than) else {
            return true;
        };
        let shares: Vec<f64> = herd
            .members
            .iter()
            .filter_map(|place| busy.share(&all[*place]))
            .collect();
        !shares.is_empty() && shares.iter().sum::<f64>() >= least
    }

    fn is_acknowledged(&mut self, at: Nanos, key: Key, first: &ProcStat) -> bool {
        let (stand, is_new) = self.ask.stand(at, key, first.start_time);
        if is_new {
            let (id, command) = (key.to_string(), self.facts.label(first.pid));
            let fields: [(&str, &dyn std::fmt::Display); 3] =
                [("id", &id), ("name", &first.comm), ("command", &command)];
            let text = "waits to be acknowledged: `pipeline control NODE acknowledge ID`, or `refuse`";
            self.host.log(Level::INFO, text, &fields);
        }
        stand == Stand::Acknowledged
    }

    fn time_out(&mut self, at: Nanos) {
        for key in self.ask.time_out(at, self.config.acknowledge_timeout.nanos()) {
            let after = self.config.acknowledge_timeout;
            let fields: [(&str, &dyn std::fmt::Display); 2] = [("id", &key), ("after", &after)];
            self.host.log(
                Level::INFO,
                "was not acknowledged in time and counts as refused",
                &fields,
            );
        }
    }

    fn lose(&mut self, at: Nanos, key: Key, out: &mut Batch) {
        if let Some(one) = self.brought.remove(&key) {
            self.is_full = false;
            tell(at, Change::GONE, &one.target, out);
        }
    }

    fn acknowledge(&mut self, id: &str) -> Result<()> {
        match self.ask.answer(id, Stand::Acknowledged) {
            true => Ok(()),
            false => Err(Failure::retry(format!(
                "nothing with the id `{id}` waits; `status` lists what does"
            ))),
        }
    }

    fn refuse(&mut self, id: &str) -> Result<()> {
        if self.ask.answer(id, Stand::Refused) {
            return Ok(());
        }
        let known = self.brought.iter().find(|(key, _)| key.to_string() == id);
        let (key, one) =
            known.ok_or_else(|| Failure::retry(format!("there is no target and nothing waits with the id `{id}`")))?;
        self.ask.refuse(*key, one.first.start_time);
        Ok(())
    }

    fn add(&mut self, id: &str) -> Result<()> {
        let unknown = || Failure::retry(format!("there is no process `{id}`; give the id of one that runs"));
        let pid: u32 = id.parse().map_err(|_| unknown())?;
        let stat = fs::proc_stat(&self.config.proc, pid).map_err(|_| unknown())?;
        if is_barred(&self.config, &stat) {
            let why = "it belongs to the kernel, the machine's start or this run; set `kernel`, `init` or `own`";
            return Err(Failure::retry(format!("process {id} is not brought: {why}")));
        }
        self.added.insert((pid, stat.start_time));
        Ok(())
    }

    /// The id in a setting's value: a text, a number, or the name of the target.
    fn id(&self, value: &str) -> Result<String> {
        let number = fields::parse::<u32>(value).map(|id| id.to_string());
        let text = number.or_else(|_| fields::parse::<String>(value));
        let text = text.map_err(|_| Failure::retry(format!("`{value}` is no id; write `1234` or `\"name\"`")))?;
        let head = format!("{}/", self.host.name());
        Ok(text.strip_prefix(&head).unwrap_or(&text).to_owned())
    }

    /// Whether ids in `proc` are those of this machine as this program sees it.
    fn is_real(&self) -> bool {
        self.config.proc == Path::new("/proc")
    }
}

/// Those that are never brought, nor their children through them.
fn is_barred(config: &WatchConfig, stat: &ProcStat) -> bool {
    (stat.is_kernel() && !config.kernel)
        || (stat.pid == 1 && !config.init)
        || (stat.pid == std::process::id() && !config.own)
}

/// Whether a group or session of which all known processes ended may have others; that of a session is not asked for.
fn may_be_continued(key: Key, by: GroupBy) -> bool {
    match (key, by) {
        (Key::Id(id), GroupBy::Group) => is_group(id),
        (_, GroupBy::Session) => true,
        _ => false,
    }
}

/// Whether a group or session of which no known process lives goes on with others, which were made since the last look.
/// The kernel gives no id to a process that is still that of a group or session, so it is another one only if a process
/// has that id.
fn is_continued(key: Key, by: GroupBy, all: &[ProcStat]) -> bool {
    match (key, by) {
        (Key::Id(id), GroupBy::Group | GroupBy::Session) => sweep::find(all, id).is_none(),
        _ => false,
    }
}

fn is_there(all: &[ProcStat], pid: u32, start_time: u64) -> bool {
    sweep::find(all, pid).is_some_and(|place| all[place].start_time == start_time)
}

/// How long a process has run when the machine had run for `uptime` hundredths of a second.
fn age(stat: &ProcStat, uptime: u64) -> Nanos {
    let ticks = u128::from(stat.start_time) * 1_000_000_000 / u128::from(clock_ticks_per_second().max(1));
    Nanos(uptime.saturating_mul(10_000_000)) - Nanos(u64::try_from(ticks).unwrap_or(u64::MAX))
}

/// A span in a setting's value: a text such as `"30m"`, or a number of seconds.
fn span(value: &str) -> Result<Nanos> {
    if let Ok(span) = fields::parse::<Span>(value) {
        return Ok(span.nanos());
    }
    let seconds = fields::parse::<f64>(value).ok().filter(|seconds| *seconds >= 0.0);
    let nanos = seconds.map(|seconds| Nanos((seconds * 1e9) as u64));
    nanos.ok_or_else(|| {
        Failure::retry(format!(
            "`{value}` is no span of time; write `\"30m\"`, or a number of seconds"
        ))
    })
}

fn tell(at: Nanos, change: Change, target: &Target, out: &mut Batch) {
    out.changes.push(TargetChange {
        at,
        change,
        target: target.clone(),
    });
}
