//! Who gets what when a record is played by several.

use super::*;
use crate::names::HostNames;
use pipeline_plugin_api::tap::{NodeFacts, RunFacts};
use pipeline_plugin_api::testkit::TestHost;
use pipeline_record_store::{FORMAT, Keeper, Limits, Page, Said, Writer};

fn host(name: &str) -> (TestHost, Host) {
    let test = TestHost::new();
    test.world().node_names = vec![name.to_owned()];
    let host = Host::new(test.handle());
    (test, host)
}

/// `a` speaks at 1, 3, 5; `b` at 2 and 4.
fn record(folder: &Path) {
    let (_, host) = host("record");
    let metric = host.metric(&vocabulary::CPU_TIME).unwrap();
    let node = |name: &str| NodeFacts {
        name: name.to_owned(),
        ..NodeFacts::default()
    };
    let page = Page {
        format: FORMAT,
        facts: RunFacts {
            nodes: vec![node("a"), node("b")],
            ..RunFacts::default()
        },
        ..Page::default()
    };
    let mut writer = Writer::create(folder, page, Limits::default()).unwrap();
    let mut keeper = Keeper::default();
    for at in 1..=5 {
        let said = Said {
            sequence: at,
            instant: at,
            at: Nanos(at),
            batch_at: Nanos(at),
            node: if at % 2 == 1 { "a" } else { "b" },
        };
        let reading = Reading::gauge(Nanos(at), TargetId(1), metric, at as f64);
        keeper.keep(&mut writer, said, &[reading], None, &HostNames(&host));
    }
    keeper.tell_names(&mut writer, &HostNames(&host));
    writer.flush().unwrap();
}

fn next(playback: &Playback) -> Option<(u64, f64)> {
    let mut out = Batch::default();
    playback.next(&mut out).then(|| (out.at.0, out.readings[0].value))
}

#[test]
fn each_node_says_its_own_words_in_order_whoever_is_asked_first() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    let run = folder.path().to_str().unwrap();
    let (_test, host) = host("x");
    for pace in [Pace::Exact, Pace::Own] {
        let a = Playback::open(run, "a", pace, &host).unwrap();
        let b = Playback::open(run, "b", pace, &host).unwrap();
        assert_eq!((next(&b), next(&b), next(&b)), (Some((2, 2.0)), Some((4, 4.0)), None));
        assert_eq!(
            (a.next_at(), next(&a), a.next_at()),
            (Some(Nanos(1)), Some((1, 1.0)), Some(Nanos(3)))
        );
        assert_eq!(
            (next(&a), next(&a), next(&a), a.next_at()),
            (Some((3, 3.0)), Some((5, 5.0)), None, None)
        );
    }
}

#[test]
fn a_node_that_looks_ahead_has_nobody_wait_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    let run = folder.path().to_str().unwrap();
    let (_one, first) = host("a");
    let (_two, second) = host("b");
    let a = Playback::open(run, "", Pace::Own, &first).unwrap();
    let b = Playback::open(run, "", Pace::Own, &second).unwrap();
    while next(&b).is_some() {}
    assert!(lock(&b.reader).waiting.keys().all(|node| node == "b"));
    assert_eq!(next(&a), Some((1, 1.0)));
}

#[test]
fn a_node_that_was_not_recorded_is_told_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    let (_test, host) = host("x");
    let told = Playback::open(folder.path().to_str().unwrap(), "aa", Pace::Own, &host)
        .err()
        .unwrap();
    assert!(told.message.contains("did you mean `a`?"), "{}", told.message);
    assert!(
        Playback::open("/nowhere", "a", Pace::Own, &host)
            .err()
            .unwrap()
            .message
            .contains("is no run")
    );
}

#[test]
fn ids_are_given_anew_once_for_all_nodes() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    let run = folder.path().to_str().unwrap();
    let (_test, host) = host("x");
    let a = Playback::open(run, "a", Pace::Own, &host).unwrap();
    let b = Playback::open(run, "b", Pace::Own, &host).unwrap();
    a.set_id(TargetId(1), TargetId(9));
    assert_eq!((b.id(TargetId(1)), b.id(TargetId(2))), (TargetId(9), TargetId(2)));
}
