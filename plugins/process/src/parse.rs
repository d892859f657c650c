//! From the kernel's text about tasks to values: pure functions over bytes. No I/O, no paths, no panics.
//!
//! Fields are those of `Documentation/filesystems/proc.rst` and `Documentation/scheduler/sched-stats.rst`.

/// What `/proc/PID/stat` says of a process (proc.rst, table 1-4): the fields that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskStat {
    /// Its process id.
    pub pid: u32,
    /// `R`, `S`, `T`, `Z`, …
    pub state: u8,
    /// Its parent's process id.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// User time of all its threads, ended ones included, in USER_HZ ticks.
    pub user_ticks: u64,
    /// Kernel time, likewise.
    pub system_ticks: u64,
    /// When it started, in USER_HZ ticks after boot: tells it from a later process with its id.
    pub start_time: u64,
}

/// What `/proc/TID/schedstat` says of one thread (sched-stats.rst, on `schedstat` of a process).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedStat {
    /// Time on a CPU, in nanoseconds.
    pub run_ns: u64,
    /// Time ready to run and waiting for a CPU, in nanoseconds.
    pub delay_ns: u64,
    /// Times that it was put on a CPU.
    pub slices: u64,
}

/// What `/proc/TID/status` says of one thread's context switches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// It gave up its CPU to wait.
    pub voluntary: u64,
    /// It was taken off its CPU.
    pub involuntary: u64,
}

/// A `/proc/PID/stat` text. The command's name may hold spaces and parentheses, so fields count from the last `)`.
pub fn task_stat(bytes: &[u8]) -> Option<TaskStat> {
    let open = bytes.iter().position(|&byte| byte == b'(')?;
    let close = bytes.iter().rposition(|&byte| byte == b')')?;
    let mut fields = words(bytes.get(close + 1..)?);
    let state = *fields.next()?.first()?;
    let mut field = |skip: usize| number(fields.nth(skip)?);
    Some(TaskStat {
        pid: id(number(bytes.get(..open)?)?)?,
        state,
        parent: id(field(0)?)?,
        group: id(field(0)?)?,
        user_ticks: field(8)?,
        system_ticks: field(0)?,
        start_time: field(6)?,
    })
}

/// A `/proc/TID/schedstat` text.
pub fn schedstat(bytes: &[u8]) -> Option<SchedStat> {
    let mut fields = words(bytes).map(number);
    Some(SchedStat {
        run_ns: fields.next()??,
        delay_ns: fields.next()??,
        slices: fields.next()??,
    })
}

/// The context switches in a `/proc/TID/status` text: its last two lines, so it is read from its end.
pub fn switches(bytes: &[u8]) -> Option<Switches> {
    let mut lines = bytes.rsplit(|&byte| byte == b'\n');
    let involuntary = lines.find_map(|line| line.strip_prefix(b"nonvoluntary_ctxt_switches:"))?;
    let voluntary = lines.find_map(|line| line.strip_prefix(b"voluntary_ctxt_switches:"))?;
    Some(Switches {
        voluntary: number(voluntary)?,
        involuntary: number(involuntary)?,
    })
}

/// Calls `each` with every CPU of a `/proc/stat` text and the ticks that the hypervisor took from it (proc.rst, 1.7).
///
/// Kernels before 2.6.11 print no steal; then `each` is not called.
pub fn steal(bytes: &[u8], mut each: impl FnMut(u32, u64)) {
    let lines = bytes.split(|&byte| byte == b'\n');
    for line in lines.take_while(|line| line.starts_with(b"cpu")) {
        let mut fields = words(&line[3..]);
        // The sum of all CPUs is the line `cpu  …`, whose name has no number.
        if line.get(3) == Some(&b' ') {
            continue;
        }
        let cpu = fields.next().and_then(number).and_then(id);
        if let (Some(cpu), Some(ticks)) = (cpu, fields.nth(7).and_then(number)) {
            each(cpu, ticks);
        }
    }
}

/// Puts the ids in a list such as `cgroup.procs`, one a line, into `ids`: sorted, each once, without the `0` that
/// stands for a process outside the reader's pid namespace.
pub fn ids(bytes: &[u8], ids: &mut Vec<u32>) {
    ids.clear();
    ids.extend(words(bytes).filter_map(number).filter_map(id).filter(|&id| id != 0));
    ids.sort_unstable();
    ids.dedup();
}

/// The number that a word is, with white space around it; `None` for anything else.
fn number(word: &[u8]) -> Option<u64> {
    let digits = word.trim_ascii();
    let add = |sum: u64, digit: &u8| {
        sum.checked_mul(10)?
            .checked_add(u64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?))
    };
    (!digits.is_empty()).then(|| digits.iter().try_fold(0, add))?
}

fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn id(value: u64) -> Option<u32> {
    u32::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_move_the_fields() {
        let stat = task_stat(include_bytes!("../fixtures/stat")).unwrap();
        assert_eq!((stat.pid, stat.state), (15903, b'S'));
        assert_eq!((stat.parent, stat.group), (15902, 15897));
        assert_eq!((stat.user_ticks, stat.system_ticks), (0, 0));
        assert_eq!(stat.start_time, 252_048);
    }

    #[test]
    fn a_busy_process_shows_both_kinds_of_time() {
        let stat = task_stat(include_bytes!("../fixtures/stat_busy")).unwrap();
        assert_eq!((stat.user_ticks, stat.system_ticks), (48, 193));
    }

    #[test]
    fn schedstat_is_three_numbers() {
        let stat = schedstat(b"1155428 89794 2\n").unwrap();
        assert_eq!((stat.run_ns, stat.delay_ns, stat.slices), (1_155_428, 89_794, 2));
        assert_eq!(schedstat(b"1155428 89794\n"), None);
    }

    #[test]
    fn switches_stand_at_the_end_of_a_status() {
        let text = include_bytes!("../fixtures/status");
        let expected = Switches {
            voluntary: 0,
            involuntary: 13,
        };
        assert_eq!(switches(text), Some(expected));
        assert_eq!(switches(&text[..400]), None);
    }

    #[test]
    fn steal_is_told_for_each_cpu_and_not_for_their_sum() {
        let mut seen = Vec::new();
        steal(include_bytes!("../fixtures/proc_stat"), |cpu, ticks| {
            seen.push((cpu, ticks))
        });
        assert_eq!(seen, [(0, 40), (1, 42)]);
    }

    #[test]
    fn ids_are_sorted_and_each_once() {
        let mut found = vec![9];
        ids(b"88\n2344\n981\n88\n0\n", &mut found);
        assert_eq!(found, [88, 981, 2344]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (task_stat(&bytes), schedstat(&bytes), switches(&bytes));
            steal(&bytes, |_, _| {});
            let mut found = Vec::new();
            ids(&bytes, &mut found);
            prop_assert!(found.is_sorted());
        }

        #[test]
        fn a_printed_stat_reads_back(name in "[ -~]{0,15}", pid in 1u32.., user: u64, system: u64, start: u64) {
            let text = format!("{pid} ({name}) R 1 2 3 0 -1 4 1 2 3 4 {user} {system} 0 0 20 0 1 0 {start} 5");
            let stat = task_stat(text.as_bytes()).unwrap();
            prop_assert_eq!((stat.pid, stat.user_ticks, stat.system_ticks, stat.start_time), (pid, user, system, start));
        }
    }
}
