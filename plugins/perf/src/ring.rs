//! A group whose first event wakes somebody each time that it comes to its period.
//!
//! The kernel writes a record for each time into a ring that is mapped (perf_event_open(2), `mmap`); the records say
//! nothing here but how many they were.

use crate::code::Code;
use crate::group::{Counts, Place, Rules, builder, read};
use crate::sys;
use perf_event::Sampler;
use std::io;
use std::os::fd::OwnedFd;

/// `PERF_RECORD_LOST` and `PERF_RECORD_SAMPLE`.
const LOST: u32 = 2;
const SAMPLE: u32 = 9;

/// Room for some 500 records; when nobody looks the kernel counts those beyond as lost.
const BYTES: usize = 4096;

/// An open group with its ring.
pub struct Ring {
    sampler: Sampler,
    leader: OwnedFd,
    members: Vec<OwnedFd>,
}

impl Ring {
    /// Opens the events and lets them count; the first one's period is `period` events. Threads are counted without
    /// those that they will make, since the kernel maps no ring for both.
    ///
    /// # Errors
    /// What the kernel says of the first that cannot be opened or mapped.
    pub fn open(codes: &[Code], period: u64, place: Place<'_>, rules: Rules) -> io::Result<Self> {
        let [first, others @ ..] = codes else {
            return Err(rustix::io::Errno::INVAL.into());
        };
        let mut leader = builder(*first, place, rules);
        let mut leader = leader
            .inherit(false)
            .sample_period(period)
            .wakeup_events(1)
            .enabled(false)
            .build()?;
        let mut members = Vec::with_capacity(others.len());
        for code in others {
            let mut member = builder(*code, place, rules);
            members.push(sys::descriptor(
                &member.inherit(false).enabled(true).build_with_group(&mut leader)?,
            )?);
        }
        let descriptor = sys::descriptor(&leader)?;
        let mut sampler = leader.sampled(BYTES)?;
        sampler.enable()?;
        Ok(Self {
            sampler,
            leader: descriptor,
            members,
        })
    }

    /// Becomes readable each time, and hangs up when the thread that it counts has ended.
    pub fn descriptor(&self) -> &OwnedFd {
        &self.leader
    }

    /// How many descriptors it has.
    pub fn len(&self) -> usize {
        2 + self.members.len()
    }

    /// How often the period was over since the last call.
    pub fn overflows(&mut self) -> u64 {
        let mut count = 0;
        while let Some(record) = self.sampler.next_record() {
            count += match record.ty() {
                SAMPLE => 1,
                LOST => lost(&record.to_contiguous()),
                _ => 0,
            };
        }
        count
    }

    /// Reads all counters at one moment.
    ///
    /// # Errors
    /// The kernel's.
    pub fn read(&self) -> io::Result<Option<Counts>> {
        read(&self.leader, 1 + self.members.len())
    }
}

/// `u64 id; u64 lost;`
fn lost(bytes: &[u8]) -> u64 {
    let word = bytes.get(8..16).and_then(|word| word.try_into().ok());
    word.map_or(0, u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_works_comes_to_its_period_again_and_again() {
        const CPU_CLOCK: Code = Code::software(0);
        const PERIOD: u64 = 200_000;
        let rules = Rules {
            user_only: true,
            pinned: false,
        };
        let mut ring = Ring::open(&[CPU_CLOCK, Code::software(2)], PERIOD, Place::Own, rules).unwrap();
        let mut seen = 0;
        for turn in 0..20_000_000_u64 {
            std::hint::black_box(turn);
            if turn % 1_000_000 == 0 {
                seen += ring.overflows();
            }
        }
        let counts = ring.read().unwrap().unwrap();
        assert!(seen >= 3, "{seen} in {counts:?}");
        assert_eq!((counts.values().len(), ring.len()), (2, 3));
        assert!(counts.values()[0] >= seen * PERIOD);
    }

    #[test]
    fn lost_records_are_read_from_their_second_word() {
        let bytes = [1_u64.to_ne_bytes(), 7_u64.to_ne_bytes()].concat();
        assert_eq!((lost(&bytes), lost(&bytes[..9])), (7, 0));
    }
}
