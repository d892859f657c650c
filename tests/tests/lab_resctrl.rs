//! The last-level cache and the memory bandwidth divided by real plugins on an emulated machine that has the hardware for
//! it, under a stock kernel. `PIPELINE_LAB` names the program that boots it. Each test prints what it measured as
//! `name value unit`. Whether dividing helps is seen in `lab_recovered`, and how many can be told apart in `lab_crowd`.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use system_tests::lab::{Lab, SHELL};
use system_tests::need::{Need, PQOS, have, modules};

const PLUGINS: [&str; 5] = ["process", "cgroup", "policy", "file", "resctrl"];

/// Two classes with ways and bandwidth: one of commands, one of what ran before and goes on after.
const DIVIDED: &str = r#"(
    version: 1,
    targets: {
        "web": (plugin: "process.run", config: (command: "sleep 600", class: Latency)),
        "there": (plugin: "cgroup.watch", config: (groups: ["/there"], rules: [(groups: "/there", class: BestEffort)])),
    },
    collectors: { "llc": (plugin: "resctrl.monitor", of: ["web", "there"], every: "200ms") },
    schedulers: {
        "fixed": (plugin: "policy.fixed", config: (actions: [
            (target: "web", knob: "l3.part", text: "50%"),
            (target: "there/*", knob: "l3.ways", value: 3.0),
            (target: "there/*", knob: "memory.bandwidth.share", value: 0.3),
        ])),
    },
    actuators: { "l3": (plugin: "resctrl.partition", from: ["fixed"]) },
    sinks: { "record": (plugin: "file.jsonl", from: ["llc", "fixed", "l3"], config: (
        path: "/out/run.jsonl", existing: Overwrite,
    )) },
)"#;

/// The group that is watched there, with a task.
const THERE: &str = "
    mkdir /sys/fs/cgroup/there; sleep 9999 & there=$!
    echo $there > /sys/fs/cgroup/there/cgroup.procs
";

/// What we allocated is what the registers of the CPU say, as `pqos` reads them past the kernel, and what the files say.
/// (Its other way, through resctrl, sees only groups of its own names, of which it makes as many as there are classes.)
#[test]
fn pqos_agrees() {
    if !have(&[Need::Lab, Need::Pqos]) {
        return;
    }
    let text = format!("{SHELL}{THERE}")
        + "insmod /modules/msr-$(uname -r).ko || { echo 'run `scripts/setup lab`'; exit 1; }
        begin /graph.ron; until_so fates 3 || exit 1
        pqos --iface=msr -s > /out/pqos 2>&1
        for group in /sys/fs/resctrl/pipeline-*; do echo $(cat $group/schemata) >> /out/schemata; done
        end; echo $? > /out/status
        pqos --iface=msr -s > /out/pqos.after 2>&1; cat /sys/fs/resctrl/schemata > /out/schemata.after";
    let lab = Lab::with(&PLUGINS)
        .text(DIVIDED, "/graph.ron")
        .program(Path::new(PQOS), "/bin/pqos");
    let left = lab.file(&modules(), "/modules").run(&text);
    let (told, log) = (left.file("pqos"), left.file("log"));
    let cos = |class: u32, what: &str| {
        let of_it = format!("{what} COS{class} => ");
        let line = told.lines().find_map(|line| line.split_once(&of_it));
        line.map(|(_, text)| text.trim().to_owned()).unwrap_or_default()
    };
    let schemata = left.file("schemata");
    // Which of the two was made first is not told; what each has is. Registers count in masks and in shares.
    let mut agree = 0;
    for class in [1, 2] {
        let (mask, share) = (cos(class, "L3CA"), cos(class, "MBA"));
        let mask = mask.trim_start_matches("MASK 0x");
        let share = share.split_once('%').map_or("", |(share, _)| share.trim());
        let mut said = schemata.lines().filter(|line| {
            let of = |resource: &str| {
                line.split_once(resource)
                    .map(|(_, text)| text.split(' ').find(|word| !word.is_empty()))
            };
            let same = |text: Option<Option<&str>>, wanted: &str| {
                text.flatten()
                    .is_some_and(|text| text.trim_start_matches('0') == wanted)
            };
            same(of("L3:0="), mask) && same(of("MB:0="), share)
        });
        assert!(
            said.next().is_some(),
            "class {class} in\n{told}\nand\n{schemata}\n{log}"
        );
        agree += 2;
    }
    let masks: BTreeSet<u32> = [1, 2].into_iter().map(|class| ways(&cos(class, "L3CA"))).collect();
    assert_eq!(
        masks,
        BTreeSet::from([3, 6]),
        "three ways, and half of eleven: {told}\n{log}"
    );
    let shares: BTreeSet<String> = [1, 2].into_iter().map(|class| cos(class, "MBA")).collect();
    assert!(shares.iter().any(|share| share.starts_with("30%")), "{told}\n{log}");
    assert_eq!(cos(0, "L3CA"), "MASK 0x7ff", "{told}\n{log}");
    agree += 1;
    assert_eq!(left.file("status"), "0\n", "{log}");
    assert!(left.file("schemata.after").contains("L3:0=7ff"), "{log}");
    println!("pqos_agrees {agree} registers");
}

/// How many ways a mask such as `MASK 0x3f` has.
fn ways(text: &str) -> u32 {
    let digits = text.trim_start_matches("MASK 0x");
    u32::from_str_radix(digits, 16).map_or(0, u32::count_ones)
}

/// Kills a run that has divided the cache, 20 times, and compares groups, schemata and tasks with before.
#[test]
fn lab_restore() {
    if !have(&[Need::Lab]) {
        return;
    }
    let text = format!("{SHELL}{THERE}")
        + r#"
        # A group of somebody else, which is there before and after.
        mkdir /sys/fs/resctrl/theirs; echo "L3:0=f" > /sys/fs/resctrl/theirs/schemata
        sleep 9999 & echo $! > /sys/fs/resctrl/theirs/tasks
        look() { find /sys/fs/resctrl -type d; cat /sys/fs/resctrl/schemata /sys/fs/resctrl/*/schemata
            cat /sys/fs/resctrl/theirs/tasks /proc/$there/cpu_resctrl_groups; }
        same() { look > /out/after 2>/dev/null; cmp -s /out/before /out/after; }
        look > /out/before
        for round in $(seq 20); do
            begin /graph.ron; until_so fates 3 && until_so counted 2 || exit 1
            grep -q class- /proc/$there/cpu_resctrl_groups && echo divided >> /out/divided
            sleep 0.$((round % 10))
            kill -9 $pid; begun=$(cut -d' ' -f1 /proc/uptime)
            until_so same && echo same $begun $(cut -d' ' -f1 /proc/uptime) >> /out/rounds || {
                echo other; diff /out/before /out/after; cat /out/log; } >> /out/rounds
            # Its guardian is done when it has said so.
            until_so grep -q 'the host is as it was found' /out/log
        done; exit 0"#;
    let left = Lab::with(&PLUGINS).text(DIVIDED, "/graph.ron").run(&text);
    let rounds = left.file("rounds");
    let took: Vec<f64> = rounds.lines().filter_map(took).collect();
    println!("lab_restore {} of 20", took.len());
    println!("lab_restore_longest {:.2} s", took.iter().copied().fold(0.0, f64::max));
    let log = format!("{}\n{}", left.printed, left.file("log"));
    assert_eq!(took.len(), 20, "{rounds}\n{log}");
    let divided = left.file("divided").lines().count();
    assert_eq!(divided, 20, "each round was killed while the cache was divided\n{log}");
}

/// Seconds between two times of a line such as `same 10.25 10.50`.
fn took(line: &str) -> Option<f64> {
    let mut words = line.strip_prefix("same ")?.split(' ');
    let (begun, over): (f64, f64) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(over - begun)
}

/// The same cache asked for in each way in which people say it, and bandwidth between two steps of the hardware.
const ASKED: &str = r#"(
    version: 1,
    targets: {
        "count": (plugin: "process.run", config: (command: "sleep 600", class: Latency)),
        "share": (plugin: "process.run", config: (command: "sleep 600", class: Latency)),
        "size": (plugin: "process.run", config: (command: "sleep 600", class: Batch)),
        "mask": (plugin: "process.run", config: (command: "sleep 600", class: BestEffort)),
    },
    schedulers: {
        "fixed": (plugin: "policy.fixed", config: (actions: [
            (target: "count", knob: "l3.ways", value: 2.0),
            (target: "share", knob: "l3.part", text: "25%"),
            (target: "size", knob: "l3.part", text: "3MiB"),
            (target: "mask", knob: "l3.part", text: "0x600"),
            (target: "mask", knob: "memory.bandwidth.share", value: 0.35),
        ])),
    },
    actuators: { "l3": (plugin: "resctrl.partition", from: ["fixed"]) },
    sinks: { "record": (plugin: "file.jsonl", from: ["fixed", "l3"], config: (path: "/out/run.jsonl")) },
)"#;

/// Tells what each target's class may use, by the process that its start names.
const WHO_HAS: &str = r#"
    for name in count share size mask; do
        process=$(sed -n "s/.* $name: pid=\([0-9]*\) .*/\1/p" /out/log)
        class=$(sed -n 's/^res://p' /proc/$process/cpu_resctrl_groups)
        echo $name $(tr -d ' ' < /sys/fs/resctrl/$class/schemata) >> /out/schemata
    done
"#;

/// A count, a share, a size and a mask are had as the kernel has them: beside each other, apart, those who are waited for
/// clear of what devices fill too; and bandwidth is told as the kernel rounds it.
#[test]
fn what_is_asked_for_in_every_way_is_had() {
    if !have(&[Need::Lab]) {
        return;
    }
    let text = format!("{SHELL} begin /graph.ron; until_so fates 5 || exit 1; {WHO_HAS} end; echo $? > /out/status");
    let left = Lab::with(&PLUGINS).text(ASKED, "/graph.ron").run(&text);
    let (schemata, log) = (left.file("schemata"), left.file("log"));
    assert_eq!(left.file("status"), "0\n", "{log}");
    let mut taken = 0;
    for (target, ways) in [("count", 2), ("share", 3), ("size", 3), ("mask", 2)] {
        let line = schemata.lines().find(|line| line.starts_with(&format!("{target} ")));
        let line = line.unwrap_or_else(|| panic!("`{target}` in {schemata}\n{log}"));
        let mask = line
            .split_once("L3:0=")
            .and_then(|(_, mask)| u32::from_str_radix(mask.trim(), 16).ok());
        let mask = mask.unwrap_or_default();
        let run = mask.checked_shr(mask.trailing_zeros()).unwrap_or_default();
        assert!(
            run.count_ones() == ways && run.trailing_ones() == ways,
            "{line}, wanted {ways} ways\n{log}"
        );
        assert_eq!(mask & taken, 0, "{target} shares ways: {schemata}\n{log}");
        taken |= mask;
        let is_waited_for = target == "count" || target == "share";
        assert!(
            !is_waited_for || mask & 0x600 == 0,
            "{target} has ways that devices fill: {schemata}\n{log}"
        );
    }
    assert!(schemata.contains("mask MB:0=40 L3:0=600"), "{schemata}");
    let lines = left.record();
    let clamped = |line: &&Value| line["knob"] == "memory.bandwidth.share" && line["fate"] == "clamped";
    let clamped = lines
        .iter()
        .find(clamped)
        .unwrap_or_else(|| panic!("35 % are told to be 40 %\n{log}"));
    assert_eq!(clamped["value"].as_f64(), Some(0.4), "{clamped}");
    println!("asked_for {} ways", taken.count_ones());
}

/// A workload that fills the cache, which is given a class of its own after a while.
const MOVED: &str = r#"(
    version: 1,
    targets: {
        "batch": (plugin: "process.run", config: (command: "act 800 20000 40 300", cpus: "2", class: BestEffort)),
    },
    collectors: { "llc": (plugin: "resctrl.monitor", of: ["batch"], every: "500ms") },
    schedulers: {
        "fixed": (plugin: "policy.fixed", config: (during: (from: "6s"), actions: [
            (target: "batch", knob: "l3.ways", value: 4.0),
        ])),
    },
    actuators: { "l3": (plugin: "resctrl.partition", from: ["fixed"]) },
    sinks: { "record": (plugin: "file.jsonl", from: ["llc", "fixed", "l3"], config: (path: "/out/run.jsonl")) },
)"#;

/// Looks by hand whether this kernel moves monitoring groups, and at the group of the workload before and after it changes its
/// class: its inode, and the bytes that were counted in it.
const MOVE: &str = r#"
    cd /sys/fs/resctrl; mkdir by-hand mon_groups/by-hand
    mv mon_groups/by-hand by-hand/mon_groups/by-hand 2>/dev/null && echo yes > /out/moves || echo no > /out/moves
    rmdir by-hand; rmdir mon_groups/by-hand 2>/dev/null; cd /
    found() { ls -d /sys/fs/resctrl/$1 >/dev/null 2>&1; }
    look() { stat -c %i /sys/fs/resctrl/$1; cat /sys/fs/resctrl/$1/mon_data/mon_L3_00/mbm_total_bytes; }
    begin /graph.ron; until_so found 'mon_groups/pipeline-*' || exit 1; sleep 3; look 'mon_groups/pipeline-*' > /out/before
    until_so found 'pipeline-*/mon_groups/pipeline-*' || exit 1; sleep 1; look 'pipeline-*/mon_groups/pipeline-*' > /out/after
    sleep 4; end; echo $? > /out/status; find /sys/fs/resctrl -name 'pipeline*' > /out/left; exit 0
"#;

/// Scenario: a target that is counted is given a class of its own.
/// Guaranteed: where the kernel moves monitoring groups, it is the same group with its counts, and no reading is missing; where it
/// does not (before 6.3 or so), the group is made anew, and one instant says that the counts began anew.
#[test]
fn the_counts_of_a_target_that_changes_class_go_on_or_their_gap_is_told() {
    if !have(&[Need::Lab]) {
        return;
    }
    let left = Lab::with(&PLUGINS)
        .text(MOVED, "/graph.ron")
        .run(&format!("{SHELL}{MOVE}"));
    let log = format!("{}\n{}", left.printed, left.file("log"));
    assert_eq!(
        (left.file("status").as_str(), left.file("left").as_str()),
        ("0\n", ""),
        "{log}"
    );
    let look = |name: &str| -> [u64; 2] {
        let text = left.file(name);
        let numbers: Vec<u64> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
        numbers.try_into().unwrap_or_else(|_| panic!("{name}: `{text}`\n{log}"))
    };
    let ([inode, bytes], [later_inode, later_bytes]) = (look("before"), look("after"));
    let lines = left.record();
    let of_it = |line: &&Value| line["metric"] == "memory.bandwidth" && line["part"] == "";
    let told: Vec<&Value> = lines.iter().filter(of_it).collect();
    let gaps = told.iter().filter(|line| line["reason"] == "reset").count();
    let numbers: Vec<f64> = told.iter().filter_map(|line| line["value"].as_f64()).collect();
    println!("moved_gaps {gaps} readings");
    println!("moved_bytes_before {bytes} B");
    println!("moved_bytes_after {later_bytes} B");
    // The emulator adds up what a thread moved when it leaves its CPU, which a thread that has it alone rarely does.
    let is_counted = numbers.iter().any(|rate| *rate > 0.0);
    assert!(numbers.len() >= 8 && is_counted, "{told:?}\n{log}");
    match left.file("moves").trim() {
        "yes" => {
            assert_eq!((gaps, later_inode), (0, inode), "{told:?}\n{log}");
            assert!(bytes > 0 && later_bytes >= bytes, "{bytes}, then {later_bytes}\n{log}");
        }
        "no" => {
            assert_eq!(gaps, 1, "{told:?}\n{log}");
            assert_ne!(later_inode, inode, "{log}");
        }
        other => panic!("`{other}`\n{log}"),
    }
}

/// Scenario: resctrl is not mounted; a run mounts it and divides the cache. It ends in order, is killed, and is killed after
/// somebody else made a group.
/// Guaranteed: it is unmounted after the first two; after the third it stays mounted with that group alone, and that is told.
#[test]
fn what_a_run_mounts_is_unmounted_after_a_kill() {
    if !have(&[Need::Lab]) {
        return;
    }
    let graph = DIVIDED
        .replace("every: \"200ms\")", "every: \"200ms\", config: (mount: true))")
        .replace("from: [\"fixed\"])", "from: [\"fixed\"], config: (mount: true))");
    assert_eq!(graph.matches("mount: true").count(), 2);
    let text = format!(
        "{SHELL}{THERE}{}",
        r#"
        umount /sys/fs/resctrl
        mounted() { grep -q ' /sys/fs/resctrl resctrl ' /proc/mounts; }
        unmounted() { ! mounted; }
        back() { grep -q 'the host is as it was found' /out/log; }
        begin /graph.ron; until_so fates 3 || exit 1; mounted && echo mounted; end; unmounted && echo unmounted
        begin /graph.ron; until_so fates 3 || exit 1; mounted && echo mounted; kill -9 $pid; until_so unmounted && echo unmounted
        until_so back; begin /graph.ron; until_so fates 3 || exit 1; mkdir /sys/fs/resctrl/theirs; kill -9 $pid
        until_so back; mounted && echo mounted
        for group in /sys/fs/resctrl/*/tasks; do echo ${group%/tasks}; done; exit 0"#
    );
    let left = Lab::with(&PLUGINS).text(&graph, "/graph.ron").run(&text);
    let log = left.file("log");
    let said: Vec<&str> = left.printed.split_whitespace().collect();
    let wanted = [
        "mounted",
        "unmounted",
        "mounted",
        "unmounted",
        "mounted",
        "/sys/fs/resctrl/theirs",
    ];
    assert!(said.ends_with(&wanted), "{}\n{log}", left.printed);
    assert!(
        log.contains("`/sys/fs/resctrl` has the folder `theirs` by now"),
        "{log}"
    );
    println!("mounted 2 kills");
}
