//! Counters of tasks that come and go: what each added since it was last read, and the sum of that.
//!
//! A task that ended between two reads stops contributing: what it used since the last one is lost, at most one
//! interval of it. A task that began contributes all it has used. No delta is ever negative.

use super::io::{Io, Kept, Lost};
use crate::parse::{SchedStat, Switches, TaskStat};

/// Counters that only grow while their task lives.
pub trait Count: Copy + Default {
    /// What was added since `earlier`, or `None` if this is another task's.
    fn since(self, earlier: Self) -> Option<Self>;
    /// The sum of both.
    fn plus(self, other: Self) -> Self;
}

/// One file of each task of a set.
#[derive(Debug)]
pub struct Roster<C> {
    file: &'static str,
    parse: fn(&[u8]) -> Option<C>,
    members: Vec<Member<C>>,
}

#[derive(Debug)]
struct Member<C> {
    id: u32,
    file: Kept,
    last: Option<C>,
}

/// What the tasks of a roster added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum<C> {
    /// By all of them.
    pub total: C,
    /// How many were read.
    pub read: u32,
    /// Whether one was there and could not be read by this user.
    pub forbidden: bool,
}

impl<C: Count> Roster<C> {
    /// A roster of `/proc/ID/FILE`, without members yet.
    pub fn new(file: &'static str, parse: fn(&[u8]) -> Option<C>) -> Self {
        Self {
            file,
            parse,
            members: Vec::new(),
        }
    }

    /// Reads the tasks in `ids`, which is sorted. `is_new` says of a task that was not here before whether it began
    /// since, so that all it has used counts, or came from elsewhere, so that it counts from now on.
    pub fn sample(&mut self, ids: &[u32], io: &mut Io, mut is_new: impl FnMut(u32, C) -> bool) -> Sum<C> {
        self.follow(ids, io);
        let mut sum: Sum<C> = Sum::default();
        let (file, parse) = (self.file, self.parse);
        self.members.retain_mut(|member| match member.read(file, parse, io) {
            Ok(now) => {
                let added = match member.last.map(|last| now.since(last)) {
                    Some(Some(added)) => added,
                    // The counters went back: it is another task with this id.
                    Some(None) => now,
                    None if is_new(member.id, now) => now,
                    None => C::default(),
                };
                member.last = Some(now);
                sum.total = sum.total.plus(added);
                sum.read += 1;
                true
            }
            Err(lost) => {
                sum.forbidden |= lost == Lost::Forbidden;
                member.file.close(io);
                false
            }
        });
        sum
    }

    /// Closes all files.
    pub fn close(&mut self, io: &mut Io) {
        self.members.drain(..).for_each(|mut member| member.file.close(io));
    }

    /// Makes the members those in `ids`, keeping what is known of those that stay.
    fn follow(&mut self, ids: &[u32], io: &mut Io) {
        self.members.retain_mut(|member| {
            let stays = ids.binary_search(&member.id).is_ok();
            if !stays {
                member.file.close(io);
            }
            stays
        });
        if self.members.len() == ids.len() {
            return;
        }
        let known = self.members.len();
        for &id in ids {
            if self.members[..known]
                .binary_search_by_key(&id, |member| member.id)
                .is_err()
            {
                self.members.push(Member {
                    id,
                    file: Kept::default(),
                    last: None,
                });
            }
        }
        self.members.sort_unstable_by_key(|member| member.id);
    }
}

impl<C: Count> Member<C> {
    fn read(&mut self, file: &'static str, parse: fn(&[u8]) -> Option<C>, io: &mut Io) -> Result<C, Lost> {
        let id = self.id;
        let path = |io: &Io| io.path(id, file);
        let was_open = self.file.is_open();
        match self.file.read(path, io) {
            // The task of the kept descriptor ended, and yet its id is listed: it is another's now.
            Err(Lost::Gone) if was_open => {
                self.file.close(io);
                self.last = Some(C::default());
                parse(self.file.read(path, io)?).ok_or(Lost::Gone)
            }
            text => parse(text?).ok_or(Lost::Gone),
        }
    }
}

impl Count for SchedStat {
    fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            run_ns: self.run_ns.checked_sub(earlier.run_ns)?,
            delay_ns: self.delay_ns.checked_sub(earlier.delay_ns)?,
            slices: self.slices.checked_sub(earlier.slices)?,
        })
    }
    fn plus(self, other: Self) -> Self {
        Self {
            run_ns: self.run_ns + other.run_ns,
            delay_ns: self.delay_ns + other.delay_ns,
            slices: self.slices + other.slices,
        }
    }
}

impl Count for Switches {
    fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            voluntary: self.voluntary.checked_sub(earlier.voluntary)?,
            involuntary: self.involuntary.checked_sub(earlier.involuntary)?,
        })
    }
    fn plus(self, other: Self) -> Self {
        Self {
            voluntary: self.voluntary + other.voluntary,
            involuntary: self.involuntary + other.involuntary,
        }
    }
}

/// User and system time of a process, in USER_HZ ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// In user mode.
    pub user: u64,
    /// In the kernel.
    pub system: u64,
}

impl From<TaskStat> for Ticks {
    fn from(stat: TaskStat) -> Self {
        Self {
            user: stat.user_ticks,
            system: stat.system_ticks,
        }
    }
}

impl Count for Ticks {
    /// The kernel splits one precise sum in two, so that either part may lag, but not go back (`cputime_adjust`).
    fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            user: self.user.checked_sub(earlier.user)?,
            system: self.system.checked_sub(earlier.system)?,
        })
    }
    fn plus(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
        }
    }
}
