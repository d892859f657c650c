//! CPU use over windows, from what a sweep finds of each process. Pure: instants and ticks in, shares of a CPU out.

use crate::parse::ProcStat;
use pipeline_plugin_api::prelude::Nanos;

/// What was used of the CPUs in the last whole window.
#[derive(Debug)]
pub struct Busy {
    window: Nanos,
    ticks_per_second: f64,
    began: Option<Nanos>,
    /// As the window began: id, start time, ticks used until then.
    marks: Vec<(u32, u64, u64)>,
    /// In the last whole window: id, start time, CPUs used.
    shares: Vec<(u32, u64, f64)>,
}

impl Busy {
    /// Takes windows of that length, and ticks of that length (USER_HZ).
    pub fn new(window: Nanos, ticks_per_second: u64) -> Self {
        Self {
            window,
            ticks_per_second: ticks_per_second as f64,
            began: None,
            marks: Vec::new(),
            shares: Vec::new(),
        }
    }

    /// Takes what a sweep found, sorted by id. One that began in the window counts with all it has used.
    pub fn take(&mut self, at: Nanos, all: &[ProcStat]) {
        let span = match self.began {
            Some(began) if at - began < self.window => return,
            Some(began) => (at - began).seconds(),
            None => 0.0,
        };
        self.shares.clear();
        if span > 0.0 {
            let marks = &self.marks;
            let share = |stat: &ProcStat| {
                let before = of(marks, stat).unwrap_or(0);
                let used = stat.ticks.saturating_sub(before) as f64 / self.ticks_per_second;
                (stat.pid, stat.start_time, used / span)
            };
            self.shares.extend(all.iter().map(share));
        }
        self.began = Some(at);
        self.marks.clear();
        self.marks
            .extend(all.iter().map(|stat| (stat.pid, stat.start_time, stat.ticks)));
    }

    /// The CPUs that a process used in the last whole window; `None` where there was none, or it began since.
    pub fn share(&self, stat: &ProcStat) -> Option<f64> {
        of(&self.shares, stat)
    }
}

/// The value of a process in a list that is sorted by id.
fn of<T: Copy>(list: &[(u32, u64, T)], stat: &ProcStat) -> Option<T> {
    let place = list.binary_search_by_key(&stat.pid, |(pid, ..)| *pid).ok()?;
    let (_, start_time, value) = list[place];
    (start_time == stat.start_time).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(pid: u32, start_time: u64, ticks: u64) -> ProcStat {
        ProcStat {
            pid,
            start_time,
            ticks,
            ..ProcStat::default()
        }
    }

    const fn s(seconds: u64) -> Nanos {
        Nanos::from_secs(seconds)
    }

    #[test]
    fn nothing_is_known_before_a_window_is_over() {
        let mut busy = Busy::new(s(10), 100);
        busy.take(s(1), &[stat(5, 1, 1000)]);
        busy.take(s(9), &[stat(5, 1, 1800)]);
        assert_eq!(busy.share(&stat(5, 1, 1800)), None);
    }

    #[test]
    fn use_is_what_was_added_in_the_window() {
        let mut busy = Busy::new(s(10), 100);
        busy.take(s(1), &[stat(5, 1, 1000), stat(6, 1, 50)]);
        busy.take(s(11), &[stat(5, 1, 1500), stat(6, 1, 50)]);
        assert_eq!(busy.share(&stat(5, 1, 1500)), Some(0.5));
        assert_eq!(busy.share(&stat(6, 1, 50)), Some(0.0));
        busy.take(s(15), &[stat(5, 1, 1500)]);
        assert_eq!(busy.share(&stat(5, 1, 1500)), Some(0.5), "the next window is not over");
        busy.take(s(21), &[stat(5, 1, 1600)]);
        assert_eq!(busy.share(&stat(5, 1, 1600)), Some(0.1));
    }

    #[test]
    fn an_id_that_is_another_process_s_now_starts_anew() {
        let mut busy = Busy::new(s(10), 100);
        busy.take(s(0), &[stat(5, 1, 1000)]);
        busy.take(s(10), &[stat(5, 900, 200)]);
        assert_eq!(busy.share(&stat(5, 900, 200)), Some(0.2));
        assert_eq!(busy.share(&stat(5, 1, 1000)), None);
    }
}
