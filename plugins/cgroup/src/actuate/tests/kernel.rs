//! The knobs of real groups, whatever version this machine runs.

use super::*;
use crate::bed::{Bed, SPIN, soon};
use pipeline_cgroup_fs::{Controller, Families, Group, Quota, StatFiles, Version};

/// What the files of all knobs of a group read; those it has not are left out.
fn knobs(group: &Group) -> Vec<(String, String)> {
    let knobs = KnobKind::ALL
        .into_iter()
        .filter_map(|kind| Knob::open(group, kind).ok());
    let text = |knob: Knob| {
        (
            knob.path().display().to_string(),
            std::fs::read_to_string(knob.path()).unwrap(),
        )
    };
    knobs.map(text).collect()
}

fn is_v1(group: &Group, controller: Controller) -> bool {
    group
        .directory(controller)
        .is_some_and(|directory| directory.version == Version::V1)
}

/// What the host does with the journal when the plugin is not there any more: backwards, each file only if it reads
/// `after`, except that what is to be thawed is thawed in any case.
fn undo_by_the_journal(stand: &Stand) {
    let records: Vec<Undo> = stand.host.world().journal.values().cloned().collect();
    for undo in records.iter().rev() {
        let found = std::fs::read_to_string(undo.path.as_str()).unwrap();
        let is_ours = found.trim() == undo.after.as_str() || undo.kind == UndoKind::THAW;
        if found.trim() == undo.before.as_str() {
            continue;
        }
        assert!(is_ours, "`{}` reads {found}, and not `{}`", undo.path, undo.after);
        std::fs::write(undo.path.as_str(), format!("{}\n", undo.before)).unwrap();
    }
}

/// Every knob that this machine has, with a value to set it to.
fn turned(stand: &Stand) -> Vec<(vocabulary::Knob, f64, &'static str)> {
    let all = [
        // First, as a group that is idle or throttled stops late.
        (vocabulary::FREEZE, 1.0, ""),
        (vocabulary::CPU_WEIGHT, 7.0, ""),
        (vocabulary::CPU_IDLE, 1.0, ""),
        (vocabulary::CPU_SET, 0.0, "0"),
        (vocabulary::CPU_QUOTA, 0.25, ""),
    ];
    all.into_iter()
        .filter(|(knob, ..)| stand.control(knob).is_some())
        .collect()
}

#[test]
fn each_knob_is_turned_read_back_and_put_back() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    bed.start(&group, SPIN);
    let found = knobs(&group);
    let mut stand = Stand::new(ALL, bed.target(&group));
    assert!(!turned(&stand).is_empty(), "{found:?}");
    for (knob, value, text) in turned(&stand) {
        let outcome = stand.ask(&knob, value, text);
        assert_eq!(outcome.fate, Fate::APPLIED, "{}: {}", knob.name, outcome.why);
        assert_ne!(knobs(&group), found, "{}", knob.name);
        assert_eq!(stand.ask(&knob, value, text).fate, Fate::APPLIED, "renewed");
        let outcome = stand.release(&knob);
        assert_eq!(outcome.fate, Fate::UNDONE, "{}: {}", knob.name, outcome.why);
        assert_eq!(knobs(&group), found, "{}", knob.name);
        assert_eq!(stand.journal(), []);
    }
}

#[test]
fn all_knobs_at_once_go_back_in_any_order() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    bed.start(&group, SPIN);
    let found = knobs(&group);
    for backwards in [false, true] {
        let mut stand = Stand::new(ALL, bed.target(&group));
        let mut turned = turned(&stand);
        for (knob, value, text) in &turned {
            assert_eq!(stand.ask(knob, *value, text).fate, Fate::APPLIED, "{}", knob.name);
        }
        if backwards {
            turned.reverse();
        }
        for (knob, ..) in &turned {
            assert_eq!(stand.release(knob).fate, Fate::UNDONE, "{}", knob.name);
        }
        assert_eq!(knobs(&group), found);
        assert_eq!(stand.journal(), []);
    }
}

#[test]
fn the_journal_alone_puts_everything_back() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    bed.start(&group, SPIN);
    if let Ok(weight) = Knob::open(&group, KnobKind::Weight) {
        weight.write(&Setting::Weight(250)).unwrap();
    }
    let found = knobs(&group);
    let mut stand = Stand::new(ALL, bed.target(&group));
    for (knob, value, text) in turned(&stand) {
        assert_eq!(stand.ask(&knob, value, text).fate, Fate::APPLIED, "{}", knob.name);
        assert_eq!(
            stand.ask(&knob, value, text).fate,
            Fate::APPLIED,
            "{} renewed",
            knob.name
        );
    }
    undo_by_the_journal(&stand);
    assert_eq!(knobs(&group), found);
}

/// Scenario: knobs that are turned again and again within one lease, so that their records are amended each time.
#[test]
fn the_journal_alone_puts_back_what_was_turned_often() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    bed.start(&group, SPIN);
    let found = knobs(&group);
    let mut stand = Stand::new(ALL, bed.target(&group));
    let mut turns = 0;
    for (knob, values) in [
        (vocabulary::CPU_WEIGHT, [7.0, 9999.0, 3.0]),
        (vocabulary::CPU_QUOTA, [0.25, f64::INFINITY, 0.123_456]),
        (vocabulary::FREEZE, [1.0, 0.0, 1.0]),
    ] {
        if stand.control(&knob).is_none() {
            continue;
        }
        for value in values {
            let outcome = stand.ask(&knob, value, "");
            assert_eq!(outcome.fate, Fate::APPLIED, "{} {value}: {}", knob.name, outcome.why);
        }
        turns += 1;
    }
    assert_eq!(stand.journal().len(), turns, "one record a knob");
    undo_by_the_journal(&stand);
    assert_eq!(knobs(&group), found);
}

/// Scenario: a group of weight 250 gets weight 10, is made idle, and the weight is released while it is idle. When it
/// leaves idle it has 250 again; so it has if only the journal is left at that moment.
#[test]
fn a_weight_released_while_idle_comes_back_with_the_end_of_idle() {
    let Some(bed) = Bed::new() else { return };
    let (Ok(weight), Ok(idle)) = (
        Knob::open(&bed.group, KnobKind::Weight),
        Knob::open(&bed.group, KnobKind::Idle),
    ) else {
        return println!("SKIP: no `cpu.idle` here");
    };
    for by_journal in [false, true] {
        weight.write(&Setting::Weight(250)).unwrap();
        let mut stand = Stand::new("", bed.target(&bed.group));
        stand.ask(&vocabulary::CPU_WEIGHT, 10.0, "");
        stand.ask(&vocabulary::CPU_IDLE, 1.0, "");
        assert_eq!(
            stand.ask(&vocabulary::CPU_WEIGHT, 10.0, "").fate,
            Fate::APPLIED,
            "renewed while idle"
        );
        let refused = stand.ask(&vocabulary::CPU_WEIGHT, 20.0, "");
        assert!(refused.why.contains("put `cpu.idle` back first"), "{}", refused.why);
        let released = stand.release(&vocabulary::CPU_WEIGHT);
        assert_eq!((released.fate, released.value), (Fate::UNDONE, 250.0));
        assert_eq!(idle.read().unwrap(), Setting::Idle(true));
        match by_journal {
            true => undo_by_the_journal(&stand),
            false => assert_eq!(stand.release(&vocabulary::CPU_IDLE).fate, Fate::UNDONE),
        }
        assert_eq!(weight.read().unwrap(), Setting::Weight(250));
        assert_eq!(idle.read().unwrap(), Setting::Idle(false));
    }
}

#[test]
fn a_group_that_is_told_to_leave_idle_has_its_weight_at_once() {
    let Some(bed) = Bed::new() else { return };
    let (Ok(weight), Ok(_)) = (
        Knob::open(&bed.group, KnobKind::Weight),
        Knob::open(&bed.group, KnobKind::Idle),
    ) else {
        return println!("SKIP: no `cpu.idle` here");
    };
    weight.write(&Setting::Weight(250)).unwrap();
    let mut stand = Stand::new("", bed.target(&bed.group));
    stand.ask(&vocabulary::CPU_IDLE, 1.0, "");
    stand.ask(&vocabulary::CPU_IDLE, 0.0, "");
    assert_eq!(weight.read().unwrap(), Setting::Weight(250));
    stand.ask(&vocabulary::CPU_IDLE, 1.0, "");
    assert_eq!(stand.release(&vocabulary::CPU_IDLE).fate, Fate::UNDONE);
    assert_eq!(weight.read().unwrap(), Setting::Weight(250));
    assert_eq!(stand.journal(), []);
}

#[test]
fn a_quota_throttles_and_a_changed_one_counts_anew() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    let mut stand = Stand::new("", bed.target(&group));
    if stand.control(&vocabulary::CPU_QUOTA).is_none() {
        return println!("SKIP: no quota here");
    }
    bed.start(&group, SPIN);
    assert_eq!(stand.ask(&vocabulary::CPU_QUOTA, 0.5, "").fate, Fate::APPLIED);
    let least = stand.ask(&vocabulary::CPU_QUOTA, 0.0, "");
    assert_eq!((least.fate, least.value), (Fate::CLAMPED, 0.01));
    let mut files = StatFiles::open(&group, Families::CPU).unwrap();
    assert!(soon(|| files.read().unwrap().cpu.throttled_ns > Some(50_000_000)));
    assert_eq!(stand.journal().len(), 1);
    stand.release(&vocabulary::CPU_QUOTA);
    assert_eq!(
        Knob::open(&group, KnobKind::Quota).unwrap().read().unwrap(),
        Setting::Quota(Quota::NONE)
    );
}

#[test]
fn a_quota_below_that_of_a_child_is_refused_on_version_1_with_the_way_out() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    let child = bed.leaf(&group, "child");
    if !is_v1(&child, Controller::Cpu) {
        return println!("SKIP: the CPU controller is not on version 1 here");
    }
    let inner = Knob::open(&child, KnobKind::Quota).unwrap();
    inner.write(&Setting::Quota(Quota::of_cpus(0.5))).unwrap();
    let mut stand = Stand::new("", bed.target(&group));
    let refused = stand.ask(&vocabulary::CPU_QUOTA, 0.2, "");
    assert_eq!(refused.fate, Fate::REFUSED);
    assert!(
        refused.why.contains("lower the child's `cpu.cfs_quota_us` first"),
        "{}",
        refused.why
    );
    assert_eq!(stand.journal(), []);
    assert_eq!(stand.ask(&vocabulary::CPU_QUOTA, 0.5, "").fate, Fate::APPLIED);
}

/// Scenario: a group on CPU 0 with a child on CPU 0 is moved to CPU 1, and then may use both. Parent and child never
/// disagree, the release brings both back, and so does the journal alone.
#[test]
fn children_move_with_their_parents_cpus_and_back() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    let child = bed.leaf(&group, "child");
    let (Ok(outer), Ok(inner)) = (Knob::open(&group, KnobKind::Cpus), Knob::open(&child, KnobKind::Cpus)) else {
        return println!("SKIP: no cpuset here");
    };
    let all = outer.cpus_of_parent().unwrap();
    if !(all.contains(0) && all.contains(1)) {
        return println!("SKIP: CPUs 0 and 1 are not both there");
    }
    let zero = Setting::Cpus("0".parse().unwrap());
    for knob in [&inner, &outer] {
        knob.write(&zero).unwrap();
    }
    bed.start(&child, "exec sleep 60");
    for by_journal in [false, true] {
        let mut stand = Stand::new("", bed.target(&group));
        let moved = stand.ask(&vocabulary::CPU_SET, 0.0, "1");
        assert_eq!((moved.fate, moved.text.as_str()), (Fate::APPLIED, "1"), "{}", moved.why);
        assert_eq!(inner.effective().unwrap().unwrap().to_string(), "1");
        let widened = stand.ask(&vocabulary::CPU_SET, 0.0, "0-1");
        assert_eq!(
            (widened.fate, widened.text.as_str()),
            (Fate::APPLIED, "0-1"),
            "{}",
            widened.why
        );
        let moved = stand.ask(&vocabulary::CPU_SET, 0.0, "1");
        assert_eq!((moved.fate, moved.text.as_str()), (Fate::APPLIED, "1"), "{}", moved.why);
        match by_journal {
            true => undo_by_the_journal(&stand),
            false => {
                assert_eq!(stand.release(&vocabulary::CPU_SET).fate, Fate::UNDONE);
                assert_eq!(stand.journal(), []);
            }
        }
        assert_eq!(
            (outer.read().unwrap(), inner.read().unwrap()),
            (zero.clone(), zero.clone())
        );
    }
}

#[test]
fn a_frozen_group_that_somebody_thawed_is_left_running() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    bed.start(&group, SPIN);
    let mut stand = Stand::new(ALL, bed.target(&group));
    if stand.control(&vocabulary::FREEZE).is_none() {
        return println!("SKIP: no freezer here");
    }
    assert_eq!(stand.ask(&vocabulary::FREEZE, 1.0, "").fate, Fate::APPLIED);
    let mut files = StatFiles::open(&group, Families::CPU).unwrap();
    let stopped = files.read().unwrap().cpu.usage_ns;
    std::thread::sleep(std::time::Duration::from_millis(60));
    assert!(files.read().unwrap().cpu.usage_ns < stopped.map(|usage| usage + 5_000_000));
    Knob::open(&group, KnobKind::Freeze)
        .unwrap()
        .write(&Setting::Frozen(false))
        .unwrap();
    assert_eq!(stand.release(&vocabulary::FREEZE).fate, Fate::TAKEN);
    assert!(soon(
        || files.read().unwrap().cpu.usage_ns > stopped.map(|usage| usage + 20_000_000)
    ));
}

#[test]
fn a_group_that_vanishes_while_held_is_told_and_forgotten() {
    let Some(mut bed) = Bed::new() else { return };
    let outer = bed.group.clone();
    let group = bed.leaf(&outer, "leaf");
    let mut stand = Stand::new("", bed.target(&group));
    let Some((knob, value, text)) = turned(&stand).pop() else {
        return println!("SKIP: no knob here");
    };
    assert_eq!(stand.ask(&knob, value, text).fate, Fate::APPLIED);
    group.remove().unwrap();
    assert!(stand.ask(&knob, value, text).why.contains("is gone"));
    let outcome = stand.release(&knob);
    assert!(outcome.why.contains("the target went"), "{}", outcome.why);
    assert_eq!(stand.journal(), []);
}
