//! A machine of plain files, and this one.

use super::*;
use crate::event;

fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let machine = Machine::at(root.path());
    (root, machine)
}

const PMU: &[(&str, &str)] = &[
    ("sys/bus/event_source/devices/cpu/type", "4\n"),
    ("sys/bus/event_source/devices/cpu/format/event", "config:0-7\n"),
    ("sys/bus/event_source/devices/cpu/format/umask", "config:8-15,40-47\n"),
    ("sys/bus/event_source/devices/cpu/format/edge", "config:18\n"),
    ("sys/bus/event_source/devices/cpu/format/ldlat", "config1:0-15\n"),
    (
        "sys/bus/event_source/devices/cpu/events/mem-loads",
        "event=0xcd,umask=0x1,ldlat=3\n",
    ),
    ("sys/bus/event_source/devices/cpu/events/asked", "event=?\n"),
    ("sys/bus/event_source/devices/imc/type", "17\n"),
    ("sys/bus/event_source/devices/imc/cpumask", "0,16\n"),
    ("sys/bus/event_source/devices/imc/format/event", "config:0-7\n"),
];

fn find(machine: &Machine, text: &str) -> std::result::Result<Found, Missing> {
    machine.find(&event::of(text).unwrap())
}

#[test]
fn terms_become_the_bits_that_the_format_says() {
    let (_root, machine) = machine(PMU);
    let found = find(&machine, "cpu/event=0xa8,umask=0x1fe,edge/").unwrap();
    assert_eq!(
        found.code,
        Code {
            kind: 4,
            words: [0x100_0004_fea8, 0, 0]
        }
    );
    let alias = find(&machine, "cpu/mem-loads/").unwrap();
    assert_eq!(alias.code.words, [0x1cd, 3, 0]);
    assert_eq!(find(&machine, "cpu/config=0x1a8/").unwrap().code, Code::raw(0x1a8));
}

#[test]
fn a_pmu_outside_the_cpus_is_read_where_its_cpumask_says() {
    let (_root, machine) = machine(PMU);
    assert_eq!(find(&machine, "imc/event=4/").unwrap().cpus, Some(vec![0, 16]));
}

#[test]
fn an_event_of_a_pmu_with_boxes_is_that_of_all_of_them() {
    let file = |number: u32, name: &str| format!("sys/bus/event_source/devices/uncore_imc_{number}/{name}");
    let texts = [
        ("type", "2NUMBER\n"),
        ("cpumask", "0,16\n"),
        ("events/cas_count_read", "event=0x4,umask=0x3\n"),
    ];
    let formats = [("format/event", "config:0-7\n"), ("format/umask", "config:8-15\n")];
    let mut files = vec![(
        "sys/bus/event_source/devices/uncore_imc_free_running/type".to_owned(),
        "9\n".to_owned(),
    )];
    for number in 0..3 {
        for (name, text) in texts.iter().chain(&formats) {
            files.push((file(number, name), text.replace("NUMBER", &number.to_string())));
        }
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let (_root, machine) = machine(&files);
    let found = find(&machine, "uncore_imc/cas_count_read/").unwrap();
    let code = |kind| Code {
        kind,
        words: [0x304, 0, 0],
    };
    assert_eq!((found.code, found.boxes), (code(20), vec![code(21), code(22)]));
    assert_eq!(found.cpus, Some(vec![0, 16]));
    assert_eq!(find(&machine, "uncore_imc_1/cas_count_read/").unwrap().boxes, []);
}

#[test]
fn a_cpu_is_in_the_package_that_the_kernel_says() {
    let (_root, machine) = machine(&[("sys/devices/system/cpu/cpu3/topology/physical_package_id", "1\n")]);
    assert_eq!((machine.socket(3), machine.socket(4)), (Some(1), None));
}

#[test]
fn what_a_machine_lacks_is_told_with_the_nearest_that_it_has() {
    let (_root, machine) = machine(PMU);
    let why = |text: &str| find(&machine, text).unwrap_err().why;
    assert!(
        why("cpuu/event=1/").contains("did you mean `cpu`?"),
        "{}",
        why("cpuu/event=1/")
    );
    assert!(why("cpu/evnt=1/").contains("did you mean `event`?"));
    assert!(why("cpu/event=0x100/").contains("8 bits"));
    assert!(why("cpu/asked/").contains("must be given"));
    assert!(why("sched:sched_switch").contains("tracefs"));
    assert!(why("stalls-total").contains("Intel"));
}

#[test]
fn a_tracepoint_is_its_number() {
    let (_root, machine) = machine(&[("sys/kernel/tracing/events/sched/sched_switch/id", "314\n")]);
    assert_eq!(
        find(&machine, "sched:sched_switch").unwrap().code,
        Code::tracepoint(314)
    );
    let why = find(&machine, "sched:sched_swich").unwrap_err().why;
    assert!(why.contains("no tracepoint `sched:sched_swich`"), "{why}");
}

#[test]
fn a_command_may_be_called_anything() {
    let text = "7 (a) b) R 3 7 7 0 -1 4194304 90 0 0 0 0 0 0 0 20 0 1 0 12345 1 2";
    assert_eq!(
        stat(text),
        Some(Stat {
            parent: 3,
            start_time: 12345
        })
    );
    assert_eq!((stat("7 (a) R"), stat("")), (None, None));
}

#[test]
fn this_process_is_seen_with_its_threads() {
    let here = Machine::here();
    let pid = std::process::id();
    assert!(here.threads(pid).unwrap().contains(&pid));
    assert!(here.stat(pid).unwrap().start_time > 0);
    assert!(!here.online().is_empty());
}
