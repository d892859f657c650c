//! Files of processes below `/proc`; each reader is given each input.

use super::Target;
use crate::corpus;
use crate::mutate::Material;
use crate::process_parse::{
    command_line, group_paths, ids, proc_stat, schedstat, steal, switches, task_stat, uptime_hundredths, user,
};

pub(super) const TARGET: Target = Target {
    name: "process",
    about: "`stat`, `schedstat`, `status` of processes, `/proc/stat`, lists of ids",
    material: || Material {
        seeds: seeds(),
        words: WORDS,
        longest: 4 << 10,
    },
    reader: || Box::new(read),
};

const WORDS: &[&str] = &[
    "(",
    ")",
    ") R ",
    "() ",
    "cpu",
    "cpu ",
    "cpu0 ",
    "cpu4294967296 ",
    "voluntary_ctxt_switches:\t",
    "nonvoluntary_ctxt_switches:\t",
    "\n",
    " ",
    "\0",
    "-1",
    "0",
];

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = corpus::folder("plugins/process/fixtures");
    seeds.extend(corpus::files(&[
        "/proc/self/stat",
        "/proc/1/stat",
        "/proc/2/stat",
        "/proc/self/schedstat",
        "/proc/self/status",
        "/proc/self/cmdline",
        "/proc/self/cgroup",
        "/proc/uptime",
        "/proc/stat",
    ]));
    seeds.extend(["7 (a b) c) (d) S 1 2", "1\n2\n2\n0\n4294967295\n"].map(|text| text.into()));
    seeds
}

fn read(bytes: &[u8]) {
    let _ = (task_stat(bytes), schedstat(bytes), switches(bytes));
    let _ = (proc_stat(bytes), user(bytes), uptime_hundredths(bytes));
    assert!(group_paths(bytes).count() <= bytes.split(|byte| *byte == b'\n').count());
    assert!(!command_line(&mut bytes.to_vec()).contains(&0));
    let mut cpus = 0;
    steal(bytes, |_, _| cpus += 1);
    assert!(cpus <= bytes.split(|byte| *byte == b'\n').count());
    let mut found = Vec::new();
    ids(bytes, &mut found);
    assert!(found.is_sorted() && !found.contains(&0));
}
