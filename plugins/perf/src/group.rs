//! Counters that are on the CPU together or not at all, of one PMU at one place, and how they are read.

use crate::code::Code;
use crate::sys;
use perf_event::{Builder, ReadFormat};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

/// The most events of a group. CPUs have fewer counters; it bounds the buffer of a read.
pub const MOST: usize = 32;

/// Whose events are counted, and where.
#[derive(Copy, Clone, Debug)]
pub enum Place<'a> {
    /// Of a control group and those below it, while they run on one CPU.
    Cgroup(&'a File, u32),
    /// Of a thread on whatever CPU, and of the threads and processes that it will make.
    Thread(u32),
    /// Of whatever runs on one CPU.
    Cpu(u32),
    /// Of the calling thread: to try whether something can be counted.
    Own,
}

/// What is the same for all groups of a node.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Only what happens in user mode.
    pub user_only: bool,
    /// Ahead of all that is not pinned; such a group has its counters always or is in error.
    pub pinned: bool,
}

/// An open group. Closing it ends the counting.
#[derive(Debug)]
pub struct Group {
    leader: OwnedFd,
    /// They count as long as they are open.
    members: Vec<OwnedFd>,
}

/// What a group counted since it was opened.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Time that those counted were running, in ns.
    pub enabled: u64,
    /// Time of it in which the group was on the CPU's counters, in ns.
    pub running: u64,
    values: [u64; MOST],
    len: usize,
}

impl Counts {
    /// Nothing yet, of so many events.
    pub fn zero(len: usize) -> Self {
        Self {
            enabled: 0,
            running: 0,
            values: [0; MOST],
            len: len.min(MOST),
        }
    }

    /// In the order of the group's codes.
    pub fn values(&self) -> &[u64] {
        &self.values[..self.len]
    }
}

impl Group {
    /// Opens the events and lets them count.
    ///
    /// # Errors
    /// What the kernel says of the first that cannot be opened, and `EINVAL` for more than [`MOST`] or none.
    pub fn open(codes: &[Code], place: Place<'_>, rules: Rules) -> io::Result<Self> {
        let [first, others @ ..] = codes else {
            return Err(Errno::INVAL.into());
        };
        if codes.len() > MOST {
            return Err(Errno::INVAL.into());
        }
        let mut leader = builder(*first, place, rules);
        let mut leader = leader.enabled(false).pinned(rules.pinned).build()?;
        let members: io::Result<Vec<OwnedFd>> = others
            .iter()
            .map(|code| {
                sys::descriptor(
                    &builder(*code, place, rules)
                        .enabled(true)
                        .build_with_group(&mut leader)?,
                )
            })
            .collect();
        let members = members?;
        leader.enable()?;
        Ok(Self {
            leader: sys::descriptor(&leader)?,
            members,
        })
    }

    /// How many descriptors it has.
    pub fn len(&self) -> usize {
        1 + self.members.len()
    }

    /// Reads all counters at one moment.
    ///
    /// # Errors
    /// The kernel's; `None` for a pinned group that did not get its counters and is in error.
    pub fn read(&self) -> io::Result<Option<Counts>> {
        read(&self.leader, self.len())
    }
}

/// Reads the counters of a group of so many with one read(2) into a buffer on the stack. The kernel gives them in the
/// order in which they were opened (perf_event_open(2), `PERF_FORMAT_GROUP`).
///
/// # Errors
/// The kernel's; `None` for a pinned group that did not get its counters and is in error.
pub fn read(leader: &OwnedFd, len: usize) -> io::Result<Option<Counts>> {
    const HEAD: usize = 3;
    let mut bytes = [0; (HEAD + MOST) * 8];
    let read = rustix::io::read(leader, &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    let word = |index: usize| {
        let bytes = bytes
            .get(index * 8..index * 8 + 8)
            .and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u64::from_ne_bytes)
    };
    if word(0) != len as u64 || read != (HEAD + len) * 8 {
        return Err(Errno::IO.into());
    }
    let mut counts = Counts::zero(len);
    (counts.enabled, counts.running) = (word(1), word(2));
    for (index, value) in counts.values.iter_mut().take(counts.len).enumerate() {
        *value = word(HEAD + index);
    }
    Ok(Some(counts))
}

/// An event at a place, disabled, whose group is read as [`read`] does.
pub fn builder(code: Code, place: Place<'_>, rules: Rules) -> Builder<'_> {
    let mut builder: Builder<'_> = code.builder();
    builder.exclude_kernel(rules.user_only).exclude_hv(rules.user_only);
    match place {
        Place::Cgroup(directory, cpu) => builder.observe_cgroup(directory).one_cpu(cpu as usize),
        Place::Thread(thread) => builder.observe_pid(thread.cast_signed()).any_cpu().inherit(true),
        Place::Cpu(cpu) => builder.any_pid().one_cpu(cpu as usize),
        Place::Own => builder.observe_self().any_cpu(),
    };
    let format = ReadFormat::GROUP | ReadFormat::TOTAL_TIME_ENABLED | ReadFormat::TOTAL_TIME_RUNNING;
    // Set as it is: the builder's own call would ask for ids, which the order makes needless.
    builder.attrs_mut().read_format = format.bits();
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK_CLOCK: Code = Code::software(1);
    const PAGE_FAULTS: Code = Code::software(2);

    #[test]
    fn a_group_of_software_events_counts_this_thread_in_order() {
        let group = Group::open(
            &[TASK_CLOCK, PAGE_FAULTS],
            Place::Own,
            Rules {
                user_only: false,
                pinned: false,
            },
        );
        let Ok(group) = group else {
            return assert!(crate::fs::Machine::here().paranoid().is_none_or(|level| level > 1));
        };
        let before = group.read().unwrap().unwrap();
        let pages = vec![1_u8; 1 << 20];
        let after = group.read().unwrap().unwrap();
        assert_eq!((after.values().len(), group.len()), (2, 2));
        assert!(after.values()[0] > before.values()[0]);
        assert!(
            after.values()[1] >= before.values()[1] + 200,
            "{after:?}, {}",
            pages.len()
        );
        assert!(after.enabled == after.running && after.running > 0);
    }

    #[test]
    fn no_events_and_too_many_are_refused() {
        let invalid = |codes: &[Code]| {
            let error = Group::open(codes, Place::Own, Rules::default()).unwrap_err();
            error.raw_os_error() == Some(Errno::INVAL.raw_os_error())
        };
        assert!(invalid(&[]) && invalid(&[PAGE_FAULTS; MOST + 1]));
    }
}
