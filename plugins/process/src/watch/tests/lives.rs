//! How groups come, change and go, on this machine and on one of plain files.

use super::*;

#[test]
fn a_real_process_is_brought_by_its_command_line_and_goes_at_once_when_it_ends() {
    let mut sleeper = Sleeper::new("3601.17");
    let pid = sleeper.0.id();
    let config = "(older_than: \"0s\", own: true, group_by: Process, commands: [\"sleep 3601.17\"], class: Batch)";
    let mut watching = Watching::new(config);
    // Until it has become `sleep`.
    let found = until_some(|| watching.targets(0));
    let target = &found[0];
    assert_eq!(target.name, format!("watch/{pid}"));
    assert_eq!((target.class, target.provider.as_str()), (Class::BATCH, "watch"));
    assert_eq!(target.processes[0].pid, pid);
    let label = |name: &str| {
        target
            .labels
            .iter()
            .find(|label| label.name == name)
            .unwrap()
            .value
            .to_string()
    };
    assert_eq!(
        (label("name"), label("command")),
        ("sleep".to_owned(), "sleep 3601.17".to_owned())
    );
    let descriptors = watching.node.raw().descriptors();
    assert_eq!(descriptors.len(), 1);
    sleeper.end();
    let ready = pipeline_plugin_api::abi::borrow_descriptor(descriptors[0]);
    let mut polled = [rustix::event::PollFd::from_borrowed_fd(
        ready,
        rustix::event::PollFlags::IN,
    )];
    assert_eq!(
        rustix::event::poll(&mut polled, None).unwrap(),
        1,
        "the descriptor tells its end"
    );
    let mut out = Batch::default();
    let tick = Tick {
        at: Nanos::from_millis(1),
        missed: 0,
        ready: descriptors.as_slice().into(),
    };
    watching.node.raw().tick(&tick, &mut out).into_result().unwrap();
    assert_eq!(told(&out), [format!("gone watch/{pid}")]);
    assert!(watching.node.raw().descriptors().is_empty());
}

#[test]
fn a_group_goes_on_with_a_child_that_was_made_since_the_last_look() {
    // The leader waits for a line, makes a child in its group and ends.
    let mut command = Command::new("sh");
    command.args(["-c", "read go; sleep 3601.19 & exit 0; echo group-3601.19"]);
    command.stdin(std::process::Stdio::piped());
    let mut leader = std::os::unix::process::CommandExt::process_group(&mut command, 0)
        .spawn()
        .unwrap();
    let pid = leader.id();
    let config = "(older_than: \"0s\", own: true, commands: [\"*echo group-3601.19\"])";
    let mut watching = Watching::new(config);
    let found = until_some(|| watching.look(0));
    assert_eq!(found, [format!("appeared watch/{pid} [{pid}]")]);
    let descriptors = watching.node.raw().descriptors();
    std::io::Write::write_all(&mut leader.stdin.take().unwrap(), b"go\n").unwrap();
    leader.wait().unwrap();
    let mut tick = |millis: u64, ready: &[i32]| {
        let mut out = Batch::default();
        let tick = Tick {
            at: Nanos::from_millis(millis),
            missed: 0,
            ready: ready.into(),
        };
        watching.node.raw().tick(&tick, &mut out).into_result().unwrap();
        (told(&out), watching.node.raw().descriptors())
    };
    let (said, descriptors) = tick(60_000, &descriptors);
    assert!(
        said.len() == 1 && said[0].starts_with(&format!("changed watch/{pid} [")),
        "{said:?}"
    );
    assert_eq!(descriptors.len(), 1, "the end of the child is waited for");
    let child: i32 = said[0].split(['[', ']']).nth(1).unwrap().parse().unwrap();
    let child = rustix::process::Pid::from_raw(child).unwrap();
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
    let mut at = 120_000..;
    let said = until_some(|| tick(at.next().unwrap(), &descriptors).0);
    assert_eq!(said, [format!("gone watch/{pid}")]);
}

#[test]
fn groups_come_with_their_children_and_change_with_them() {
    let machine = Machine::new(&[
        fake(1, "init"),
        fake(50, "nginx"),
        Fake {
            parent: 50,
            group: 50,
            ..fake(51, "nginx")
        },
    ]);
    let mut watching = machine.watch("names: [\"nginx\"]");
    assert_eq!(watching.look(0), ["appeared watch/50 [50, 51]"]);
    assert_eq!(watching.look(1), [""; 0], "nothing changed");
    machine.add(Fake {
        parent: 51,
        group: 90,
        start: 9_999,
        ..fake(90, "cgi")
    });
    assert_eq!(watching.look(2), ["changed watch/50 [50, 51, 90]"]);
    machine.end(50);
    assert_eq!(watching.look(3), ["changed watch/50 [51, 90]"]);
    let late = Fake {
        parent: 1,
        group: 50,
        ..fake(52, "nginx")
    };
    machine.end(51);
    machine.end(90);
    machine.add(late);
    assert_eq!(watching.look(4), ["changed watch/50 [52]"], "the group lives on");
    machine.add(Fake {
        start: 9_999,
        ..fake(50, "other")
    });
    machine.end(52);
    assert_eq!(watching.look(5), ["gone watch/50"], "its id is another's now");
}

#[test]
fn an_id_that_was_used_again_is_another_target() {
    let machine = Machine::new(&[fake(50, "a")]);
    let mut watching = machine.watch("group_by: Process");
    let first = watching.targets(0).remove(0);
    machine.add(Fake {
        start: 600,
        ..fake(50, "b")
    });
    let now = watching.targets(1);
    assert_eq!(now.len(), 2);
    assert_eq!(now[0].id, first.id, "the first one is gone");
    assert!(now[1].id != first.id && now[1].generation == 2);
}

#[test]
fn all_targets_go_when_the_node_stops() {
    let machine = Machine::new(&[fake(50, "x"), fake(60, "y")]);
    let mut watching = machine.watch("");
    watching.look(0);
    assert_eq!(
        told(&watching.node.finish().unwrap()),
        ["gone watch/50", "gone watch/60"]
    );
}
