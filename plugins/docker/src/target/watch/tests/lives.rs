//! Containers come, change, are renamed, are started again and end; each life of one is a target of its own.

use super::*;

#[test]
fn a_container_that_runs_is_told_with_its_groups_processes_cpus_and_labels() {
    let mut bed = Bed::new(
        "rules: [(names: [\"db\"], class: BestEffort), (images: [\"redis:*\"], labelled: [\"tier=web\"], class: Latency,
            priority: 3, labels: {\"team\": \"x\"}, goals: [(metric: \"psi.cpu.some\", at_most: 1e8)])]",
    );
    let mut web = bed.run('a', "web");
    let labels = [
        ("com.docker.compose.project", "shop"),
        ("com.docker.compose.service", "front"),
        ("tier", "web"),
    ];
    web.labels = labels.map(|(key, value)| (key.into(), value.into())).into();
    web.cpus = "0-1,4".into();
    bed.fake.have(&id('a'), web.clone());
    let told = bed.told();
    let target = &told[0].target;
    assert_eq!(
        (told.len(), told[0].change, target.name.as_str()),
        (1, Change::APPEARED, "box/web")
    );
    assert_eq!((target.generation, target.provider.as_str()), (1, "box"));
    assert_eq!(
        (target.class, target.priority, target.goals.len()),
        (Class::LATENCY, 3, 1)
    );
    for (name, value) in [
        ("team", "x"),
        ("image", "redis:7"),
        ("id", id('a').as_str()),
        ("state", "running"),
        ("compose_project", "shop"),
        ("compose_service", "front"),
    ] {
        assert_eq!(label(target, name), Some(value), "{name}");
    }
    assert_eq!(target.cpus[..], [0, 1, 4]);
    let mut controllers: Vec<&str> = target.cgroups.iter().map(|dir| dir.controller.as_str()).collect();
    controllers.sort_unstable();
    assert_eq!(controllers, ["cpu", "cpuacct", "memory"]);
    assert!(
        target
            .cgroups
            .iter()
            .all(|dir| dir.inode > 0 && dir.path.ends_with(&id('a')))
    );
    assert_eq!(target.processes.len(), 1);
    assert_eq!(target.processes[0].pid, web.pid);
    assert!(target.processes[0].start_time > 0);
    assert_eq!(bed.status(), "1 containers; engine 20.10.24, API 1.41");
}

#[test]
fn containers_are_told_as_they_start_pause_change_and_die() {
    let mut bed = Bed::new("");
    bed.quiet_until("follow events", |bed| bed.fake.followers() == 1);
    let web = bed.run('a', "web");
    bed.fake.tell("start", &id('a'));
    assert_eq!(bed.names(), [appeared("box/web")]);
    let paused = Container {
        paused: true,
        ..web.clone()
    };
    bed.fake.have(&id('a'), paused);
    bed.fake.tell("pause", &id('a'));
    let told = bed.told();
    assert_eq!(
        (told[0].change, label(&told[0].target, "state")),
        (Change::CHANGED, Some("paused"))
    );
    assert_eq!(told[0].target.processes.len(), 1, "what was known stays");
    bed.fake.have(
        &id('a'),
        Container {
            cpus: "1".into(),
            ..web.clone()
        },
    );
    bed.fake.tell("unpause", &id('a'));
    let told = bed.told();
    assert_eq!(
        (told[0].target.cpus[..].to_vec(), label(&told[0].target, "state")),
        (vec![1], Some("running"))
    );
    bed.fake.lack(&id('a'));
    bed.fake.tell("die", &id('a'));
    assert_eq!(bed.names(), [gone("box/web")]);
    assert!(bed.node.raw().descriptors().is_empty());
}

#[test]
fn the_end_of_the_first_process_is_the_end_whatever_the_engine_says() {
    let mut bed = Bed::new("");
    let web = bed.run('a', "web");
    let before = bed.told().remove(0).target;
    assert_eq!(bed.node.raw().descriptors().len(), 1);
    bed.kill(web.pid);
    assert_eq!(bed.names(), [gone("box/web")]);
    // What the engine still tells of that life brings nothing.
    bed.fake.tell("pause", &id('a'));
    bed.settle();
    let again = bed.process(&id('a'));
    bed.fake.have(&id('a'), Container { pid: again, ..web });
    bed.fake.tell("start", &id('a'));
    let after = bed.told().remove(0);
    assert_eq!((after.change, after.target.generation), (Change::APPEARED, 2));
    assert_ne!(after.target.id, before.id);
}

#[test]
fn a_container_started_again_before_its_end_was_seen_is_the_next_generation() {
    let mut bed = Bed::new("processes: false");
    let web = bed.run('a', "web");
    let first = bed.told().remove(0).target;
    let again = bed.process(&id('a'));
    bed.fake.have(&id('a'), Container { pid: again, ..web });
    bed.fake.tell("start", &id('a'));
    let told = bed.told();
    assert_eq!((told[0].change, told[0].target.id), (Change::GONE, first.id));
    assert_eq!((told[1].change, told[1].target.generation), (Change::APPEARED, 2));
    bed.kill(again);
    assert_eq!(
        bed.names(),
        [gone("box/web")],
        "the second process is the one that counts"
    );
}

#[test]
fn a_renamed_container_is_another_target_and_may_be_meant_no_more() {
    let mut bed = Bed::new("names: [\"web*\"]");
    let web = bed.run('a', "web");
    assert_eq!(bed.names(), [appeared("box/web")]);
    bed.fake.have(
        &id('a'),
        Container {
            name: "web-old".into(),
            ..web.clone()
        },
    );
    bed.fake.tell("rename", &id('a'));
    assert_eq!(bed.names(), [gone("box/web"), appeared("box/web-old")]);
    bed.fake.have(
        &id('a'),
        Container {
            name: "other".into(),
            ..web.clone()
        },
    );
    bed.fake.tell("rename", &id('a'));
    assert_eq!(bed.names(), [gone("box/web-old")]);
    bed.fake.have(&id('a'), web);
    bed.fake.tell("rename", &id('a'));
    let back = bed.told().remove(0).target;
    assert_eq!((back.name.as_str(), back.generation), ("box/web", 2));
}
