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

/// The name of a task as the kernel keeps it: at most 15 bytes of an ordinary one, which is all that is kept here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Comm {
    bytes: [u8; Comm::MOST],
    length: u8,
}

/// What `/proc/PID/stat` says of a process (proc.rst, table 1-4): the fields by which one is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcStat {
    /// Its process id.
    pub pid: u32,
    /// Its name.
    pub comm: Comm,
    /// `R`, `S`, `T`, `Z`, …
    pub state: u8,
    /// Its parent's process id.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// The kernel's flags of the task (`include/linux/sched.h`).
    pub flags: u64,
    /// User and kernel time of all its threads, ended ones included, in USER_HZ ticks.
    pub ticks: u64,
    /// Its threads, the first one included also where that has ended.
    pub threads: u64,
    /// When it started, in USER_HZ ticks after boot.
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

impl Comm {
    const MOST: usize = 15;

    /// The name, cut where it is longer than an ordinary task's.
    pub fn new(name: &[u8]) -> Self {
        let mut comm = Self::default();
        let length = name.len().min(Self::MOST);
        comm.bytes[..length].copy_from_slice(&name[..length]);
        // No length is past `MOST`.
        comm.length = length as u8;
        comm
    }

    /// Its bytes, which need not be text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl std::fmt::Display for Comm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl ProcStat {
    /// A thread of the kernel (`PF_KTHREAD`).
    pub fn is_kernel(&self) -> bool {
        self.flags & 0x0020_0000 != 0
    }

    /// A task whose CPUs nobody may set (`PF_NO_SETAFFINITY`).
    pub fn has_fixed_cpus(&self) -> bool {
        self.flags & 0x0400_0000 != 0
    }

    /// Whether something of it still runs. A first thread that ended before the others reads as a zombie.
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x') || self.threads > 1
    }
}

/// A `/proc/PID/stat` text with what a process is chosen by. The name may hold spaces and parentheses.
pub fn proc_stat(bytes: &[u8]) -> Option<ProcStat> {
    let open = bytes.iter().position(|&byte| byte == b'(')?;
    let close = bytes.iter().rposition(|&byte| byte == b')')?;
    let mut fields = words(bytes.get(close + 1..)?);
    let state = *fields.next()?.first()?;
    let mut field = |skip: usize| number(fields.nth(skip)?);
    let (parent, group, session) = (id(field(0)?)?, id(field(0)?)?, id(field(0)?)?);
    // Between them stand the terminal and its foreground group, which may be -1.
    let flags = field(2)?;
    let ticks = field(4)?.saturating_add(field(0)?);
    Some(ProcStat {
        pid: id(number(bytes.get(..open)?)?)?,
        comm: Comm::new(bytes.get(open + 1..close)?),
        state,
        parent,
        group,
        session,
        flags,
        ticks,
        threads: field(4)?,
        start_time: field(1)?,
    })
}

/// The user that a process acts as: the second of the four in the line `Uid:` of `/proc/PID/status` (proc.rst, table
/// 1-2).
pub fn user(bytes: &[u8]) -> Option<u32> {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let ids = lines.find_map(|line| line.strip_prefix(b"Uid:"))?;
    id(number(words(ids).nth(1)?)?)
}

/// A `/proc/PID/cmdline` text with blanks between the words; empty where the process has none.
pub fn command_line(bytes: &mut [u8]) -> &[u8] {
    bytes
        .iter_mut()
        .filter(|byte| **byte == 0)
        .for_each(|byte| *byte = b' ');
    bytes.trim_ascii_end()
}

/// The paths of a `/proc/PID/cgroup` text (cgroups(7)), one for each tree.
pub fn group_paths(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|&byte| byte == b'\n');
    lines.filter_map(|line| line.splitn(3, |&byte| byte == b':').nth(2))
}

/// Time since boot in a `/proc/uptime` text, in hundredths of a second (proc.rst, 1.8): the first of two numbers.
pub fn uptime_hundredths(bytes: &[u8]) -> Option<u64> {
    let first = words(bytes).next()?;
    let point = first.iter().position(|&byte| byte == b'.')?;
    let (whole, part) = (number(&first[..point])?, first.get(point + 1..point + 3)?);
    whole.checked_mul(100)?.checked_add(number(part)?)
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

    #[test]
    fn a_stat_gives_what_a_process_is_chosen_by() {
        let stat = proc_stat(include_bytes!("../fixtures/stat")).unwrap();
        let same = task_stat(include_bytes!("../fixtures/stat")).unwrap();
        assert_eq!((stat.pid, stat.parent, stat.group), (same.pid, same.parent, same.group));
        assert_eq!((stat.start_time, stat.state), (same.start_time, same.state));
        assert!(!stat.is_kernel() && stat.is_alive() && stat.threads == 1);
        let busy = proc_stat(include_bytes!("../fixtures/stat_busy")).unwrap();
        assert_eq!(busy.ticks, 48 + 193);
    }

    #[test]
    fn a_first_thread_that_ended_before_the_others_leaves_its_process_alive() {
        let of = |state, threads| ProcStat {
            state,
            threads,
            ..ProcStat::default()
        };
        assert!(of(b'Z', 3).is_alive() && of(b'T', 1).is_alive());
        assert!(!of(b'Z', 1).is_alive());
    }

    #[test]
    fn the_user_is_the_one_it_acts_as() {
        assert_eq!(user(b"Name:\tx\nUid:\t1000\t33\t1000\t1000\nGid:\t0\n"), Some(33));
        assert_eq!(user(b"Name:\tx\n"), None);
    }

    #[test]
    fn a_command_line_has_blanks_between_its_words() {
        assert_eq!(
            command_line(&mut b"redis-server\x00--port\x007777\x00".to_vec()),
            b"redis-server --port 7777"
        );
        assert_eq!(command_line(&mut Vec::new()), b"");
    }

    #[test]
    fn group_paths_may_hold_colons() {
        let text = b"12:cpu,cpuacct:/a\n0::/b:c/d\n";
        assert_eq!(group_paths(text).collect::<Vec<_>>(), [&b"/a"[..], b"/b:c/d"]);
    }

    #[test]
    fn uptime_is_in_hundredths() {
        assert_eq!(uptime_hundredths(b"350735.47 234388.90\n"), Some(35_073_547));
        assert_eq!(uptime_hundredths(b"350735\n"), None);
    }

    proptest! {
        #[test]
        fn a_name_of_any_bytes_does_not_move_the_fields(name: Vec<u8>, pid in 1u32.., session: u32, start: u64) {
            let head = format!("{pid} (");
            let tail = format!(") S 1 2 {session} -1 -1 4194304 1 2 3 4 5 6 0 0 20 0 9 0 {start} 5 6 7");
            let text = [head.as_bytes(), &name, tail.as_bytes()].concat();
            let stat = proc_stat(&text).unwrap();
            prop_assert_eq!((stat.pid, stat.session, stat.start_time), (pid, session, start));
            prop_assert_eq!((stat.ticks, stat.threads, stat.flags), (11, 9, 4_194_304));
            prop_assert_eq!(stat.comm, Comm::new(&name));
        }

        #[test]
        fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (task_stat(&bytes), schedstat(&bytes), switches(&bytes));
            let _ = (proc_stat(&bytes), user(&bytes), uptime_hundredths(&bytes), group_paths(&bytes).count());
            let _ = command_line(&mut bytes.clone());
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
