//! Which groups are brought: by age, by use, by rules, by hand, and as many as are allowed.

use super::*;

#[test]
fn what_this_run_started_is_left_out_unless_asked_for() {
    let _sleeper = Sleeper::new("3601.23");
    let mut watching = Watching::new("(older_than: \"0s\", group_by: Process, commands: [\"sleep 3601.23\"])");
    await_ready([].into_iter(), 100);
    assert_eq!(watching.look(0), [""; 0]);
}

#[test]
fn the_kernel_and_the_first_process_are_left_out_unless_asked_for() {
    let kthread = Fake {
        parent: 2,
        flags: 0x0020_0000,
        ..fake(30, "kworker")
    };
    let machine = Machine::new(&[fake(1, "init"), kthread, fake(50, "x")]);
    assert_eq!(machine.watch("").look(0), ["appeared watch/50 [50]"]);
    let all = machine.watch("kernel: true, init: true, group_by: Process").look(0);
    assert_eq!(all.len(), 3, "{all:?}");
}

#[test]
fn the_threshold_can_be_set_while_it_runs_and_what_was_brought_stays() {
    let machine = Machine::new(&[Fake {
        start: 9_000,
        ..fake(50, "young")
    }]);
    let mut watching = machine.watch("");
    assert_eq!(watching.look(0), [""; 0], "it has run for 1000 s and not for an hour");
    watching.set("older_than", "1000.5").unwrap();
    assert_eq!(watching.look(1), [""; 0]);
    watching.set("older_than", "\"16m\"").unwrap();
    assert_eq!(watching.look(2), ["appeared watch/50 [50]"]);
    watching.set("older_than", "\"2h\"").unwrap();
    assert_eq!(watching.look(3), [""; 0]);
    assert!(watching.status().contains("older than 2h"), "{}", watching.status());
    let wrong = watching.set("older_than", "\"soon\"").unwrap_err();
    assert!(wrong.contains("write `\"30m\"`"), "{wrong}");
    assert!(watching.set("younger", "1").unwrap_err().contains("`older_than`"));
    assert_eq!(watching.host.world().wakes, 3, "each setting has it look soon");
}

#[test]
fn only_what_is_busy_over_a_window_is_brought() {
    let machine = Machine::new(&[fake(50, "busy"), fake(60, "idle")]);
    let mut watching = machine.watch("busier_than: 0.5, window: \"10s\"");
    assert_eq!(watching.look(0), [""; 0]);
    let hz = clock_ticks_per_second();
    machine.add(Fake {
        ticks: 6 * hz,
        ..fake(50, "busy")
    });
    machine.add(Fake {
        ticks: 4 * hz,
        ..fake(60, "idle")
    });
    assert_eq!(watching.look(5), [""; 0]);
    assert_eq!(watching.look(10), ["appeared watch/50 [50]"]);
    assert_eq!(watching.look(20), [""; 0], "what was brought stays");
}

#[test]
fn one_that_must_be_acknowledged_is_announced_once_and_comes_when_somebody_says_so() {
    let machine = Machine::new(&[fake(50, "a"), fake(60, "b"), fake(70, "c")]);
    let mut watching = machine.watch("acknowledge: true, acknowledge_timeout: \"100s\"");
    assert_eq!(watching.look(0), [""; 0]);
    assert_eq!(watching.look(1), [""; 0]);
    assert_eq!(watching.logged("waits to be acknowledged"), 3);
    assert!(
        watching.status().ends_with("acknowledged: 50, 60, 70"),
        "{}",
        watching.status()
    );
    watching.set("acknowledge", "\"watch/50\"").unwrap();
    watching.set("refuse", "60").unwrap();
    assert_eq!(watching.look(2), ["appeared watch/50 [50]"]);
    assert!(watching.set("acknowledge", "99").unwrap_err().contains("`99`"));
    watching.look(101);
    assert_eq!(watching.logged("not acknowledged in time"), 1);
    watching.set("acknowledge", "70").unwrap();
    assert_eq!(watching.look(102), ["appeared watch/70 [70]"]);
    machine.end(60);
    watching.look(103);
    machine.add(fake(60, "b"));
    watching.look(104);
    assert_eq!(
        watching.logged("waits to be acknowledged"),
        4,
        "one that comes again is asked for again"
    );
}

#[test]
fn a_target_is_added_and_refused_by_hand() {
    let machine = Machine::new(&[Fake {
        start: 9_999,
        ..fake(50, "young")
    }]);
    let mut watching = machine.watch("names: [\"other\"], acknowledge: true");
    assert_eq!(watching.look(0), [""; 0]);
    watching.set("add", "50").unwrap();
    assert_eq!(watching.look(1), ["appeared watch/50 [50]"]);
    watching.set("refuse", "50").unwrap();
    assert_eq!(watching.look(2), ["gone watch/50"]);
    assert_eq!(watching.look(3), [""; 0], "it stays away");
    assert!(watching.set("add", "51").unwrap_err().contains("no process `51`"));
}

#[test]
fn a_group_that_was_refused_stays_away_when_its_leader_ends() {
    let worker = Fake {
        parent: 50,
        group: 50,
        ..fake(51, "worker")
    };
    let machine = Machine::new(&[fake(50, "leader"), worker]);
    let mut watching = machine.watch("");
    assert_eq!(watching.look(0), ["appeared watch/50 [50, 51]"]);
    watching.set("refuse", "50").unwrap();
    assert_eq!(watching.look(1), ["gone watch/50"]);
    machine.end(50);
    machine.add(Fake {
        start: 20,
        parent: 1,
        ..worker
    });
    assert_eq!(watching.look(2), [""; 0]);
    machine.end(51);
    assert_eq!(watching.look(3), [""; 0]);
    machine.add(fake(50, "leader"));
    assert_eq!(watching.look(4), ["appeared watch/50 [50]"], "another one of that id");
}

#[test]
fn no_more_are_brought_than_allowed_and_that_is_told_once() {
    let many: Vec<Fake> = (50..60).map(|pid| fake(pid, "x")).collect();
    let machine = Machine::new(&many);
    let mut watching = machine.watch("most: 3");
    assert_eq!(watching.look(0).len(), 3);
    watching.look(1);
    assert_eq!(watching.logged("more processes to bring"), 1);
    machine.end(50);
    assert_eq!(watching.look(2), ["gone watch/50", "appeared watch/53 [53]"]);
}

#[test]
fn the_first_rule_that_fits_says_what_a_target_is_for() {
    let machine = Machine::new(&[fake(50, "redis-server"), fake(60, "stress-ng")]);
    let mut watching = machine.watch(
        "class: BestEffort, priority: 1, labels: {\"a\": \"1\"}, rules: [\
         (names: [\"redis*\"], commands: [\"*7777*\"], class: Latency, labels: {\"b\": \"2\"}, \
          goals: [(metric: \"kpi.latency.p99\", at_most: 1e6)]), (priority: 9)]",
    );
    let found = watching.targets(0);
    assert_eq!(
        (found[0].class, found[0].priority, found[0].goals.len()),
        (Class::LATENCY, 1, 1)
    );
    let labels: Vec<&str> = found[0].labels.iter().map(|label| label.name.as_str()).collect();
    assert_eq!(labels, ["a", "b", "name", "command", "user"]);
    assert_eq!(
        (found[1].class, found[1].priority, found[1].goals.len()),
        (Class::BEST_EFFORT, 9, 0)
    );
}

#[test]
fn users_and_groups_choose_too() {
    let machine = Machine::new(&[fake(50, "x")]);
    assert_eq!(
        machine
            .watch("users: [\"33\"], cgroups: [\"/system.slice/*\"]")
            .look(0)
            .len(),
        1
    );
    assert_eq!(machine.watch("users: [\"root\"]").look(0).len(), 0, "it acts as 33");
    assert_eq!(machine.watch("cgroups: [\"/user.slice/*\"]").look(0).len(), 0);
}
