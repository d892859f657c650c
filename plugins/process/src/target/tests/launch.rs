//! As what and where a command begins: its group, CPUs, user, environment and files, and what its target says.

use super::*;

#[test]
fn a_command_is_in_its_group_and_on_its_cpus_before_it_begins() {
    if !groups_or_skip() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seen");
    let script = format!(
        "cat /proc/self/cgroup /proc/self/status > {0}.new; mv {0}.new {0}; sleep 60",
        file.display()
    );
    let mut running = Running::new("placed", &format!("(command: \"sh -c '{script}'\", cpus: \"0\")"));
    let told = running.tick(0);
    assert_eq!(kinds(&told), [Change::APPEARED]);
    let target = &told[0].1;
    assert_eq!(&target.cpus[..], [0]);
    assert!(!target.cgroups.is_empty());
    let seen = until(|| file.exists().then(|| text_of(&file)));
    assert!(seen.contains("Cpus_allowed_list:\t0\n"), "{seen}");
    for dir in &target.cgroups {
        let line = seen.lines().find(|line| {
            let of = line.split(':').nth(1).unwrap_or_default();
            of.split(',').any(|name| name == dir.controller) || (dir.controller == "unified" && line.starts_with("0::"))
        });
        let line = line.unwrap_or_else(|| panic!("no line for {dir:?} in {seen}"));
        assert!(line.ends_with("/placed-1"), "{line}");
        assert_eq!(
            std::fs::metadata(dir.path.as_str())
                .map(|it| std::os::unix::fs::MetadataExt::ino(&it))
                .unwrap(),
            dir.inode
        );
    }
}

#[test]
fn output_is_appended_to_files_and_the_environment_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    std::fs::write(&file, "before\n").unwrap();
    let config = format!(
        "(command: \"sh -c 'echo $GREETING; pwd; echo err >&2'\", env: {{\"GREETING\": \"hello\"}}, folder: \"/\",
          stdout: File(\"{0}\"), stderr: File(\"{0}\"))",
        file.display()
    );
    let mut running = Running::new("output", &config);
    running.tick(0);
    running.tick_until(10, Change::GONE);
    assert_eq!(text_of(&file), "before\nhello\n/\nerr\n");
}

#[test]
fn another_user_has_its_group_and_no_supplementary_ones() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIP: only root may become another user");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    let config = format!(
        "(command: \"sh -c 'id -u; id -G'\", user: \"65534\", stdout: File(\"{}\"))",
        file.display()
    );
    let mut running = Running::new("user", &config);
    running.tick(0);
    running.tick_until(10, Change::GONE);
    assert_eq!(text_of(&file), "65534\n65534\n");
}

#[test]
fn a_command_that_vanished_before_its_start_is_a_failure_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("work");
    std::fs::copy("/bin/true", &file).unwrap();
    let mut running = Running::new("vanished", &format!("(command: \"{}\")", file.display()));
    std::fs::remove_file(&file).unwrap();
    let failure = running.node.tick(Nanos::ZERO).unwrap_err();
    assert!(
        failure
            .message
            .contains(&format!("there is no command `{}`", file.display())),
        "{failure}"
    );
}

#[test]
fn what_the_config_says_of_a_target_is_told() {
    let mut running = Running::new(
        "described",
        "(command: \"sleep 60\", class: BestEffort, priority: 3, labels: {\"app\": \"web\"},
          goals: [(metric: \"kpi.latency.p99\", at_most: 1e6), (metric: \"kpi.rate\", at_least: 10.0)])",
    );
    let target = running.tick_until(0, Change::APPEARED);
    assert_eq!(
        (target.name.as_str(), target.class, target.priority),
        ("described", Class::BEST_EFFORT, 3)
    );
    assert_eq!(
        (target.labels[0].name.as_str(), target.labels[0].value.as_str()),
        ("app", "web")
    );
    let goals: Vec<_> = target
        .goals
        .iter()
        .map(|goal| (goal.metric, goal.comparison, goal.value))
        .collect();
    let metric = |metric| running.host.metric(metric);
    assert_eq!(
        goals,
        [
            (metric(&vocabulary::KPI_LATENCY_P99), Comparison::AT_MOST, 1e6),
            (metric(&vocabulary::KPI_RATE), Comparison::AT_LEAST, 10.0),
        ]
    );
}

#[test]
fn a_dry_run_runs_its_commands_all_the_same() {
    let mut running = Running::new("dry", "(command: \"sleep 60\")");
    running.host.world().dry_run = true;
    running.tick_until(0, Change::APPEARED);
}
