//! What somebody else does to the same threads meanwhile: sets their CPUs, or moves them to another cpuset.

use super::program::Program;
use super::stand::{CPUS, Cpus, Stand};
use pipeline_plugin_api::prelude::*;

#[test]
fn a_thread_that_somebody_else_set_is_left_alone_and_told_once() {
    let Some(Cpus { all, first, last }) = Cpus::or_skip() else {
        return;
    };
    let mut program = Program::new();
    program.tell("t");
    let mut stand = Stand::of_affinity(&program);
    stand.ask(&CPUS, 0.0, &last);
    program.tell("p");
    assert_eq!(stand.tick(100), []);
    assert_eq!(stand.tick(100), []);
    assert_eq!(stand.warnings("somebody else gave threads other CPUs"), 1);
    let outcome = stand.release(&CPUS);
    assert_eq!(outcome.fate, Fate::TAKEN);
    assert!(outcome.why.contains("1 of 2 threads"), "{}", outcome.why);
    assert_eq!(program.cpus(), [first, all]);
    assert_eq!(stand.journal(), []);
}

#[test]
fn a_target_of_which_all_threads_were_set_by_somebody_else_is_theirs() {
    let Some(Cpus { first, last, .. }) = Cpus::or_skip() else {
        return;
    };
    let mut program = Program::new();
    let mut stand = Stand::of_affinity(&program);
    stand.ask(&CPUS, 0.0, &last);
    program.tell("p");
    let told = stand.tick(100);
    assert_eq!(
        told.iter().map(|outcome| outcome.fate).collect::<Vec<_>>(),
        [Fate::TAKEN]
    );
    assert_eq!(stand.tick(100), [], "once");
    assert_eq!(program.cpus(), [first]);
    assert_eq!(stand.journal(), []);
}

/// A group with these CPUs, removed with the test.
struct Cpuset(pipeline_cgroup_fs::Group);

impl Cpuset {
    /// None, and a word, where no group can be made here.
    fn new(name: &str, cpus: &str) -> Option<Self> {
        use pipeline_cgroup_fs::{Controller, Group, Hierarchies, Knob, KnobKind, Leaf, Setting};
        let make = || {
            let trees = Hierarchies::discover("/")?;
            let wanted = [Controller::Cpuset].into_iter().collect();
            let name = format!("pipeline-test-{name}-{}", std::process::id());
            let made = Self(Leaf::plan(&Group::at(&trees, "")?, &name, wanted)?.make()?.group);
            Knob::open(&made.0, KnobKind::Cpus)?.write(&Setting::Cpus(cpus.parse().unwrap()))?;
            Ok::<_, pipeline_cgroup_fs::Error>(made)
        };
        match make() {
            Ok(made) => Some(made),
            Err(error) => {
                let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
                assert!(!required.split(',').any(|what| what == "cgroup"), "{error}");
                println!("SKIP: no cpuset can be made here: {error}");
                None
            }
        }
    }

    fn take(&self, program: &Program) {
        self.0.attach(program.pid()).unwrap();
    }
}

impl Drop for Cpuset {
    fn drop(&mut self) {
        // A group that is left over is seen by whoever runs the tests.
        let _ = self.0.remove();
    }
}

#[test]
fn a_move_to_another_cpuset_is_no_change_by_somebody_else_and_the_cpus_are_set_again() {
    let Some(Cpus { all, first, last }) = Cpus::or_skip() else {
        return;
    };
    let (Some(wide), Some(narrow)) = (Cpuset::new("wide", &all), Cpuset::new("narrow", &last)) else {
        return;
    };
    let program = Program::new();
    wide.take(&program);
    let mut stand = Stand::of_affinity(&program);
    assert_eq!(stand.ask(&CPUS, 0.0, &format!("{first},{last}")).fate, Fate::APPLIED);
    narrow.take(&program);
    assert_eq!(stand.tick(100), []);
    assert_eq!(program.cpus(), [last.as_str()]);
    let outcome = stand.ask(&CPUS, 0.0, &format!("{first},{last}"));
    assert_eq!((outcome.fate, outcome.text.as_str()), (Fate::CLAMPED, last.as_str()));
    let outcome = stand.ask(&CPUS, 0.0, &first);
    assert!(
        outcome.fate == Fate::REFUSED && outcome.why.contains("none of"),
        "{}",
        outcome.why
    );
    wide.take(&program);
    assert_eq!(stand.tick(100), []);
    assert_eq!(
        program.cpus(),
        [format!("{first},{last}")
            .parse::<pipeline_cgroup_fs::CpuSet>()
            .unwrap()
            .to_string()]
    );
    assert_eq!(stand.ask(&CPUS, 0.0, &first).fate, Fate::APPLIED);
    assert_eq!(stand.release(&CPUS).fate, Fate::UNDONE);
    assert_eq!(program.cpus(), [all]);
}
