//! The last-level cache and the memory bandwidth divided and counted by real plugins on an emulated machine that has the
//! hardware for it, under a stock kernel. `PIPELINE_LAB` names the program that boots it. Each test prints what it
//! measured as `name value unit`. They take minutes each in the emulator and were not all seen to pass, so they run when
//! they are asked for: `cargo nextest run -p system-tests --test lab_resctrl --run-ignored all`.
#![expect(clippy::unwrap_used, reason = "what a test cannot do without fails it")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use system_tests::need::{Need, have, lab};
use system_tests::{built, record};

const PLUGINS: [&str; 5] = ["process", "cgroup", "policy", "file", "resctrl"];

/// What a run in the lab left: what it printed, and the folder of its files.
struct Left {
    printed: String,
    out: tempfile::TempDir,
}

impl Left {
    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.out.path().join(name)).unwrap_or_default()
    }
}

/// Runs a script beside a graph, `/graph.ron`, with files as (here, there) and words for the kernel's command line.
fn in_lab(graph: &str, script: &str, more: &[(&Path, &str)], words: &str) -> Left {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("graph.ron");
    std::fs::write(&file, graph).unwrap();
    let mut command = Command::new(lab());
    command
        .args(["-m", "2048", "-t", "400", "-k", words, "-o"])
        .arg(out.path());
    let mut bring = |here: &Path, there: &str| {
        command.arg("-f").arg(format!("{}:{there}", here.display()));
    };
    bring(&built::pipeline(), "/bin/pipeline");
    bring(&file, "/graph.ron");
    for subject in PLUGINS {
        bring(&built::plugin(subject), &format!("/plugins/libpipeline_{subject}.so"));
    }
    more.iter().for_each(|(here, there)| bring(here, there));
    let ended = command
        .args(["--", "sh", "-c", script])
        .output()
        .expect("the lab starts");
    let printed = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    let left = Left { printed, out };
    assert!(ended.status.success(), "{}\n{}", left.printed, left.file("log"));
    left
}

/// Two classes with ways and bandwidth, held while a script looks.
const DIVIDED: &str = r#"(
    version: 1,
    targets: {
        "web": (plugin: "process.run", config: (command: "sleep 600", class: Latency)),
        "batch": (plugin: "process.run", config: (command: "sleep 600", class: BestEffort)),
    },
    collectors: { "llc": (plugin: "resctrl.monitor", of: ["web", "batch"]) },
    schedulers: {
        "fixed": (plugin: "policy.fixed", config: (actions: [
            (target: "web", knob: "l3.part", text: "50%"),
            (target: "batch", knob: "l3.ways", value: 3.0),
            (target: "batch", knob: "memory.bandwidth.share", value: 0.3),
        ])),
    },
    actuators: { "l3": (plugin: "resctrl.partition", from: ["fixed"]) },
    sinks: { "record": (plugin: "file.jsonl", from: ["llc", "fixed", "l3"], config: (path: "/out/run.jsonl")) },
)"#;

/// The driver for the registers of the CPU, which the lab's kernel has as a module of its package; `None` where it
/// cannot be had.
fn msr_module() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let folder = cache.join("rdt-lab");
    let module = folder.join("msr.ko");
    if module.exists() {
        return Some(module);
    }
    let script = r#"set -e; version=$(ls vmlinuz-* | sort -V | tail -1); version=${version#vmlinuz-}; work=$(mktemp -d)
        (cd "$work" && apt-get download -qq "linux-image-$version" && dpkg-deb -x linux-image-*.deb x)
        mv "$work/x/lib/modules/$version/kernel/arch/x86/kernel/msr.ko" msr.ko.new && mv msr.ko.new msr.ko; rm -rf "$work""#;
    let fetched = Command::new("sh").args(["-c", script]).current_dir(&folder).status();
    fetched.is_ok_and(|status| status.success()).then_some(module)
}

/// What we allocated is what the registers of the CPU say, as `pqos` reads them past the kernel, and what the files say.
#[test]
#[ignore = "takes minutes in the emulator; not part of every run yet"]
fn pqos_agrees() {
    let pqos = Path::new("/usr/sbin/pqos");
    if !have(&[Need::Lab]) {
        return;
    }
    let module = pqos.exists().then(msr_module).flatten();
    let Some(module) = module else {
        let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
        assert!(
            !required.contains("pqos"),
            "`pqos` is in PIPELINE_REQUIRE; run `apt-get install intel-cmt-cat`"
        );
        eprintln!("SKIP: there is no `pqos` (package intel-cmt-cat), or no `msr.ko` for the lab's kernel");
        return;
    };
    let script = "insmod /msr.ko
        pipeline --plugin-dir /plugins run /graph.ron --for 25s > /out/log 2>&1 &
        pid=$!
        for i in $(seq 40); do sleep 0.5; [ $(grep -c fate=applied /out/log) = 3 ] && break; done
        pqos --iface=msr -s > /out/pqos 2>&1
        cat /sys/fs/resctrl/pipeline-*/schemata > /out/schemata
        wait $pid; echo $? > /out/status
        pqos --iface=msr -s > /out/pqos.after 2>&1; cat /sys/fs/resctrl/schemata > /out/schemata.after";
    let left = in_lab(DIVIDED, script, &[(pqos, "/bin/pqos"), (&module, "/msr.ko")], "");
    let told = left.file("pqos");
    let cos = |class: u32, what: &str, text: &str| told.contains(&format!("{what} COS{class} => {text}"));
    // Which of the two was made first is not told.
    let (web, batch) = if cos(1, "L3CA", "MASK 0x3f\n") { (1, 2) } else { (2, 1) };
    let agree = [
        cos(web, "L3CA", "MASK 0x3f\n"),
        cos(web, "MBA", "100% available"),
        cos(batch, "L3CA", "MASK 0x700\n"),
        cos(batch, "MBA", "30% available"),
        cos(0, "L3CA", "MASK 0x7ff\n"),
    ];
    assert_eq!(agree, [true; 5], "{told}\n{}", left.file("log"));
    let schemata: String = left.file("schemata").split_whitespace().collect::<Vec<_>>().join(" ");
    let of_class = ["MB:0=100 L3:0=03f", "MB:0= 30 L3:0=700"].map(|class| schemata.contains(class));
    assert_eq!(of_class, [true; 2], "{schemata}\n{}", left.file("log"));
    assert_eq!(left.file("status"), "0\n", "{}", left.file("log"));
    assert!(left.file("schemata.after").contains("L3:0=7ff"));
    println!("pqos_agrees {} registers", agree.len());
}

/// Kills a run that has divided the cache, 20 times, and compares groups, schemata and tasks with before.
#[test]
#[ignore = "takes minutes in the emulator; not part of every run yet"]
fn lab_restore() {
    if !have(&[Need::Lab]) {
        return;
    }
    let script = r#"
        # A group of somebody else, which is there before and after.
        mkdir /sys/fs/resctrl/theirs; echo "L3:0=f" > /sys/fs/resctrl/theirs/schemata
        sleep 9999 & echo $! > /sys/fs/resctrl/theirs/tasks
        look() { find /sys/fs/resctrl -type d; cat /sys/fs/resctrl/schemata /sys/fs/resctrl/*/schemata
            cat /sys/fs/resctrl/theirs/tasks; }
        look > /out/before
        for round in $(seq 20); do
            pipeline --plugin-dir /plugins run /graph.ron > /out/log 2>&1 &
            pid=$!
            for i in $(seq 100); do sleep 0.2; [ $(grep -c fate=applied /out/log) = 3 ] && break; done
            ls -d /sys/fs/resctrl/pipeline-*/mon_groups/* | wc -l >> /out/divided
            sleep 0.$((round % 10))
            kill -9 $pid
            begun=$(cut -d. -f1 /proc/uptime)
            for i in $(seq 100); do look > /out/after; cmp -s /out/before /out/after && break; sleep 0.1; done
            cmp -s /out/before /out/after && echo same $(($(cut -d. -f1 /proc/uptime) - begun)) >> /out/rounds || { echo other; cat /out/after /out/log; } >> /out/rounds
        done; exit 0"#;
    let left = in_lab(DIVIDED, script, &[], "");
    let rounds = left.file("rounds");
    let same = rounds.lines().filter(|line| line.starts_with("same")).count();
    let longest = rounds
        .lines()
        .filter_map(|line| line.strip_prefix("same ")?.parse::<u32>().ok())
        .max();
    println!("lab_restore {same} of 20");
    println!("lab_restore_longest {} s", longest.unwrap_or_default());
    assert_eq!(same, 20, "{rounds}\n{}", left.file("log"));
    assert_eq!(
        left.file("divided"),
        "2\n".repeat(20),
        "each round was killed while the cache was divided"
    );
}

/// So many targets that each want two ways, the first of them waited for.
fn crowded(count: usize) -> String {
    let (mut targets, mut actions) = (String::new(), String::new());
    for which in 0..count {
        let class = if which == 0 { "Latency" } else { "BestEffort" };
        let config = format!("(command: \"sleep 600\", class: {class})");
        writeln!(targets, "\"t{which}\": (plugin: \"process.run\", config: {config}),").unwrap();
        writeln!(
            actions,
            "(target: \"t{which}\", knob: \"l3.ways\", value: {}.0),",
            1 + which % 2
        )
        .unwrap();
    }
    let names: Vec<String> = (0..count).map(|which| format!("\"t{which}\"")).collect();
    format!(
        "(version: 1, targets: {{ {targets} }},
        collectors: {{ \"llc\": (plugin: \"resctrl.monitor\", of: [{}], every: \"2s\") }},
        schedulers: {{ \"fixed\": (plugin: \"policy.fixed\", config: (lease: \"600s\", during: (from: \"4s\"), actions: [{actions}])) }},
        actuators: {{ \"l3\": (plugin: \"resctrl.partition\", from: [\"fixed\"]) }},
        sinks: {{ \"record\": (plugin: \"file.jsonl\", from: [\"llc\", \"l3\"], config: (path: \"/out/run.jsonl\")) }})",
        names.join(", ")
    )
}

/// More targets than the hardware can tell apart are grouped without an error, and each is told with whom it shares.
#[test]
#[ignore = "takes minutes in the emulator; not part of every run yet"]
fn closid_budget() {
    if !have(&[Need::Lab]) {
        return;
    }
    for (words, classes) in [("", 8), ("rdt=!mba", 16)] {
        for count in [15, 40] {
            let script = "
                pipeline --plugin-dir /plugins run /graph.ron --for 100s > /out/log 2>&1 &
                pid=$!
                for i in $(seq 180); do sleep 0.5; [ $(grep -c 'fate=' /out/log) -ge COUNT ] && break; done
                sleep 6
                for group in /sys/fs/resctrl/pipeline-*; do wc -l < $group/tasks; done > /out/groups
                kill $pid; wait $pid; echo $? > /out/status
                find /sys/fs/resctrl -name 'pipeline*' > /out/after; exit 0"
                .replace("COUNT", &count.to_string());
            let left = in_lab(&crowded(count), &script, &[], words);
            let log = left.file("log");
            let members: Vec<usize> = left
                .file("groups")
                .lines()
                .filter_map(|line| line.trim().parse().ok())
                .collect();
            let outcomes = record::lines(&left.file("run.jsonl"));
            let fate = |wanted: &str| {
                outcomes
                    .iter()
                    .filter(|line| line["kind"] == "outcome" && line["fate"] == wanted)
                    .count()
            };
            let counted = outcomes
                .iter()
                .filter(|line| line["metric"] == "l3.occupancy" && line["value"].is_number());
            let counted: std::collections::BTreeSet<&str> =
                counted.filter_map(|line| line["target"].as_str()).collect();
            println!("closid_budget_{classes}_{count} {} classes", members.len());
            println!("closid_budget_{classes}_{count}_counted {} targets", counted.len());
            assert_eq!(fate("refused"), 0, "{log}");
            assert!(!log.contains("ERROR"), "{log}");
            assert_eq!(members.len(), count.min(classes - 1), "{members:?}\n{log}");
            assert_eq!(
                members.iter().sum::<usize>(),
                count,
                "everybody is in a class: {members:?}\n{log}"
            );
            let shared = outcomes.iter().any(|line| {
                line["why"]
                    .as_str()
                    .is_some_and(|why| why.contains("it shares a class with"))
            });
            assert_eq!(shared, count >= classes, "{log}");
            assert_eq!(left.file("after"), "", "{log}");
        }
    }
}
