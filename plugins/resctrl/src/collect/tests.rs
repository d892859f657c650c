//! The collector on a filesystem in memory: counting, following tasks between classes, and what the kernel refuses.

use super::*;
use crate::bed::Bed;
use pipeline_plugin_api::stage::Collects;
use pipeline_plugin_api::testkit::TestNode;
use rustix::io::Errno;

const SECOND: Nanos = Nanos::from_secs(1);

fn node(bed: &Bed) -> TestNode {
    let mut node = bed.host.node::<Collects<Monitor>>("(by_cache: false)").unwrap();
    node.start().unwrap();
    node
}

fn group(bed: &Bed, target: &Target) -> String {
    names::monitor(&Host::new(bed.host.handle()), target)
}

/// Metric, value or reason, in order.
fn told(bed: &Bed, batch: &Batch) -> Vec<(String, std::result::Result<f64, Reason>)> {
    let host = Host::new(bed.host.handle());
    let name = |reading: &Reading| host.metric_name(reading.metric).unwrap().name.to_string();
    let of = |reading: &Reading| (name(reading), reading.number().ok_or(Reason(reading.detail)));
    batch.readings.iter().map(of).collect()
}

use crate::names;

#[test]
fn a_target_is_counted_in_a_group_of_its_own_with_all_its_tasks() {
    let bed = Bed::new();
    let web = bed.target("web", Class::LATENCY, &[7, 8]);
    let mut node = node(&bed);
    node.change(SECOND, Change::APPEARED, &web).unwrap();
    let name = group(&bed, &web);
    let first = node.tick(SECOND).unwrap();
    assert_eq!(
        told(&bed, &first),
        [("l3.occupancy".to_owned(), Ok(0.0))],
        "a rate has no beginning yet"
    );
    let resctrl = bed.fake.open();
    assert_eq!(resctrl.default_group().monitor(&name).tasks().unwrap(), [7, 8]);
    for (file, bytes) in [
        ("llc_occupancy", 4096),
        ("mbm_total_bytes", 2_000),
        ("mbm_local_bytes", 500),
    ] {
        let path = format!("mon_groups/{name}/mon_data/mon_L3_00/{file}");
        bed.fake.put(&path, &format!("{bytes}\n"));
    }
    let second = node.tick(Nanos::from_secs(3)).unwrap();
    let expected = [
        ("l3.occupancy".to_owned(), Ok(4096.0)),
        ("memory.bandwidth".to_owned(), Ok(1000.0)),
        ("memory.bandwidth.local".to_owned(), Ok(250.0)),
    ];
    assert_eq!(told(&bed, &second), expected);
    assert_eq!(second.readings[1].span, Nanos::from_secs(2));
    assert_eq!(bed.host.world().journal.len(), 1);
    node.finish().unwrap();
    assert!(bed.host.world().journal.is_empty());
    assert!(resctrl.default_group().monitors().unwrap().is_empty());
}

#[test]
fn a_task_that_is_born_later_is_counted_too_and_none_is_moved_twice() {
    let bed = Bed::new();
    let web = bed.target("web", Class::LATENCY, &[7]);
    let mut node = node(&bed);
    node.change(SECOND, Change::APPEARED, &web).unwrap();
    node.tick(SECOND).unwrap();
    bed.fake.run(9);
    bed.list("web", &[7, 9]);
    node.tick(Nanos::from_secs(2)).unwrap();
    let name = group(&bed, &web);
    let moves: Vec<String> = bed
        .fake
        .writes()
        .iter()
        .filter(|write| write.contains("tasks"))
        .cloned()
        .collect();
    assert_eq!(
        moves,
        [
            format!("mon_groups/{name}/tasks 7"),
            format!("mon_groups/{name}/tasks 9")
        ]
    );
}

#[test]
fn counts_go_on_where_the_group_is_moved_with_its_tasks() {
    let bed = Bed::new();
    bed.fake.allow_moves();
    let web = bed.target("web", Class::LATENCY, &[7]);
    let mut node = node(&bed);
    node.change(SECOND, Change::APPEARED, &web).unwrap();
    node.tick(SECOND).unwrap();
    let resctrl = bed.fake.open();
    let class = resctrl.group("class");
    class.make().unwrap();
    resctrl
        .default_group()
        .monitor(&group(&bed, &web))
        .move_to(&class)
        .unwrap();
    let after = told(&bed, &node.tick(Nanos::from_secs(2)).unwrap());
    assert_eq!(after[1], ("memory.bandwidth".to_owned(), Ok(0.0)));
    assert_eq!(
        bed.host.world().journal.len(),
        2,
        "at both places it is removed by its record"
    );
    node.finish().unwrap();
    assert!(class.monitors().unwrap().is_empty() && bed.host.world().journal.is_empty());
}

#[test]
fn where_the_kernel_moves_no_groups_it_is_made_anew_and_the_gap_is_told() {
    let bed = Bed::new();
    let web = bed.target("web", Class::LATENCY, &[7]);
    let mut node = node(&bed);
    node.change(SECOND, Change::APPEARED, &web).unwrap();
    node.tick(SECOND).unwrap();
    let class = bed.fake.open().group("class");
    class.make().unwrap();
    class.add(7).unwrap();
    let after = told(&bed, &node.tick(Nanos::from_secs(2)).unwrap());
    assert_eq!(after[1], ("memory.bandwidth".to_owned(), Err(Reason::RESET)));
    assert_eq!(class.monitor(&group(&bed, &web)).tasks().unwrap(), [7]);
    assert_eq!(bed.host.world().journal.len(), 1);
    let later = told(&bed, &node.tick(Nanos::from_secs(3)).unwrap());
    assert_eq!(later[1].1, Ok(0.0));
}

#[test]
fn an_id_in_limbo_is_tried_again_at_the_next_tick_and_told_once() {
    let bed = Bed::new();
    let web = bed.target("web", Class::LATENCY, &[7]);
    let mut node = node(&bed);
    node.change(SECOND, Change::APPEARED, &web).unwrap();
    for _ in 0..2 {
        bed.fake.fail("make", "mon_groups", Errno::BUSY);
    }
    let first = told(&bed, &node.tick(SECOND).unwrap());
    assert_eq!(first[0].1, Err(Reason::WARMING_UP));
    assert!(node.tick(Nanos::from_secs(2)).unwrap().is_empty());
    assert!(
        bed.host.world().journal.is_empty(),
        "what was not made is not to be removed"
    );
    assert_eq!(told(&bed, &node.tick(Nanos::from_secs(3)).unwrap())[0].1, Ok(0.0));
}

#[test]
fn without_room_it_is_told_and_tried_again_later() {
    let bed = Bed::new();
    let web = bed.target("web", Class::LATENCY, &[7]);
    let mut node = node(&bed);
    node.change(SECOND, Change::APPEARED, &web).unwrap();
    bed.fake.fail("make", "mon_groups", Errno::NOSPC);
    assert_eq!(told(&bed, &node.tick(SECOND).unwrap())[0].1, Err(Reason::UNSUPPORTED));
    assert!(bed.logged(Level::WARN, "there is no room for the group"));
    assert!(node.tick(Nanos::from_secs(5)).unwrap().is_empty());
    assert_eq!(told(&bed, &node.tick(Nanos::from_secs(11)).unwrap())[0].1, Ok(0.0));
}

#[test]
fn a_task_that_somebody_else_counts_is_left_where_it_is() {
    let bed = Bed::new();
    let web = bed.target("web", Class::LATENCY, &[7]);
    let theirs = bed.fake.open().default_group().monitor("theirs");
    theirs.make().unwrap();
    theirs.add(7).unwrap();
    let mut node = node(&bed);
    node.change(SECOND, Change::APPEARED, &web).unwrap();
    assert_eq!(told(&bed, &node.tick(SECOND).unwrap())[0].1, Err(Reason::FORBIDDEN));
    assert!(bed.logged(Level::WARN, "counted in the monitoring group `theirs` by somebody else"));
    node.finish().unwrap();
    assert_eq!(theirs.tasks().unwrap(), [7]);
}

#[test]
fn a_group_that_vanishes_is_made_again_and_a_target_that_goes_takes_its_group_along() {
    let bed = Bed::new();
    let web = bed.target("web", Class::LATENCY, &[7]);
    let mut node = node(&bed);
    node.change(SECOND, Change::APPEARED, &web).unwrap();
    node.tick(SECOND).unwrap();
    let resctrl = bed.fake.open();
    resctrl.default_group().monitor(&group(&bed, &web)).remove().unwrap();
    let after = told(&bed, &node.tick(Nanos::from_secs(2)).unwrap());
    assert_eq!(after[1].1, Err(Reason::RESET));
    assert_eq!(resctrl.default_group().monitors().unwrap().len(), 1);
    node.change(Nanos::from_secs(3), Change::GONE, &web).unwrap();
    assert!(resctrl.default_group().monitors().unwrap().is_empty());
    assert!(bed.host.world().journal.is_empty());
}

#[test]
fn a_dry_run_makes_no_group_and_says_that_nothing_is_counted() {
    let bed = Bed::new();
    bed.host.world().dry_run = true;
    let web = bed.target("web", Class::LATENCY, &[7]);
    let mut node = node(&bed);
    node.change(SECOND, Change::APPEARED, &web).unwrap();
    assert_eq!(told(&bed, &node.tick(SECOND).unwrap())[0].1, Err(Reason::UNSUPPORTED));
    assert!(bed.logged(Level::WARN, "a dry run makes no groups"));
    assert!(bed.fake.writes().is_empty());
}
