//! An actuator that fails as it is told: what becomes of its leases, and what is told of that.

use super::*;
use crate::abi::Control;
use crate::config::NoConfig;
use crate::host::System;
use crate::ports::Ports;
use crate::stage::Element;
use crate::testkit::TestHost;
use std::sync::{Arc, Mutex, MutexGuard};

const SECOND: u64 = 1_000_000_000;
const TARGET: TargetId = TargetId(1);

/// What the actuator is to do, and how often it was asked.
#[derive(Default)]
struct Script {
    apply: BTreeMap<KnobId, Failure>,
    release: Option<Failure>,
    tend: Option<Failure>,
    lets_go: bool,
    releases: usize,
}

struct Scripted(Arc<Mutex<Script>>);

impl Scripted {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

impl Element for Scripted {
    const NAME: &'static str = "test.scripted";
    const SUMMARY: &'static str = "fails as it is told";
    type Config = NoConfig;
    fn ports(_: &NoConfig) -> Ports {
        Ports::new()
    }
    fn create(_: NoConfig, _: &Host) -> Result<Self> {
        Ok(Self(Arc::default()))
    }
}

impl Actuator for Scripted {
    fn start(&mut self, _: &System) -> Result<()> {
        Ok(())
    }
    fn target(&mut self, _: &TargetChange) -> Result<Vec<Control>> {
        Ok(Vec::new())
    }
    fn lets_go(&self, _: &TargetChange) -> bool {
        self.script().lets_go
    }
    fn takes(&self, _: KnobId) -> bool {
        true
    }
    fn apply(&mut self, action: &Action) -> Result<Effect> {
        match self.script().apply.get(&action.knob) {
            Some(failure) => Err(failure.clone()),
            None => Ok(Effect::default()),
        }
    }
    fn release(&mut self, _: TargetId, _: KnobId) -> Result<Release> {
        let mut script = self.script();
        script.releases += 1;
        match &script.release {
            Some(failure) => Err(failure.clone()),
            None => Ok(Release::Restored(Effect::default())),
        }
    }
    fn tend(&mut self, _: Nanos, _: TargetId, _: KnobId) -> Result<()> {
        self.script().tend.clone().map_or(Ok(()), Err)
    }
    fn stop(&mut self) -> Result<()> {
        Err(Failure::taken(TARGET, "no matter of the node"))
    }
}

struct Stand {
    host: TestHost,
    script: Arc<Mutex<Script>>,
    node: ActuatorNode<Scripted>,
}

impl Stand {
    fn new() -> Self {
        let host = TestHost::new();
        let script = Arc::<Mutex<Script>>::default();
        let node = Actuates::<Scripted>::node(Scripted(Arc::clone(&script)), Host::new(host.handle()));
        Self { host, script, node }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// Told as (action, fate, why), and when the node wants to be called next.
    fn feed(&mut self, at: u64, batch: &Batch) -> (Vec<(u64, Fate, String)>, Nanos) {
        let mut out = Batch::default();
        let port = [PortBatch { port: 0, batch }];
        let wish = self.node.input(Nanos(at), RSlice::from_slice(&port), &mut out);
        (told(&out), wish.into_result().expect("the node goes on"))
    }

    fn ask(&mut self, actions: Vec<Action>) -> Vec<(u64, Fate, String)> {
        let batch = Batch {
            actions: actions.into(),
            ..Batch::default()
        };
        self.feed(batch.actions[0].at.0, &batch).0
    }

    fn at(&mut self, at: u64) -> (Vec<(u64, Fate, String)>, Nanos) {
        self.feed(at, &Batch::default())
    }

    fn errors(&self) -> usize {
        let world = self.host.world();
        world.logs.iter().filter(|(level, _)| *level == Level::ERROR).count()
    }
}

fn told(out: &Batch) -> Vec<(u64, Fate, String)> {
    let one = |outcome: &Outcome| (outcome.action, outcome.fate, outcome.why.to_string());
    out.outcomes.iter().map(one).collect()
}

fn fates(told: &[(u64, Fate, String)]) -> Vec<(u64, Fate)> {
    told.iter().map(|(action, fate, _)| (*action, *fate)).collect()
}

/// An action for two seconds.
fn action(id: u64, at: u64, knob: u32) -> Action {
    Action {
        at: Nanos(at),
        id,
        target: TARGET,
        knob: KnobId(knob),
        until: Nanos(at + 2 * SECOND),
        why: "a test".into(),
        ..Action::default()
    }
}

#[test]
fn a_knob_found_taken_ends_its_lease_with_one_outcome_and_no_release() {
    let mut stand = Stand::new();
    stand.ask(vec![action(1, 0, 1)]);
    stand
        .script()
        .apply
        .insert(KnobId(1), Failure::taken(TARGET, "theirs now"));
    let said = stand.ask(vec![action(2, SECOND, 1)]);
    assert_eq!(said, [(2, Fate::TAKEN, "theirs now".to_owned())]);
    assert_eq!(stand.at(60 * SECOND), (vec![], Nanos::ZERO));
    assert_eq!(stand.script().releases, 0);
}

#[test]
fn a_knob_found_taken_while_it_is_tended_ends_its_lease_once() {
    let mut stand = Stand::new();
    stand.ask(vec![action(1, 0, 1)]);
    stand.script().tend = Some(Failure::retry("this instant only"));
    assert_eq!(stand.at(1), (vec![], Nanos(2 * SECOND)), "a warning ends no lease");
    stand.script().tend = Some(Failure::taken(TARGET, "theirs now"));
    let taken = (1, Fate::TAKEN, "theirs now".to_owned());
    assert_eq!(stand.at(SECOND), (vec![taken], Nanos::ZERO));
    assert_eq!(stand.at(60 * SECOND), (vec![], Nanos::ZERO));
    assert_eq!(stand.script().releases, 0);
}

#[test]
fn a_set_of_which_one_is_taken_is_refused_and_the_others_are_put_back() {
    let mut stand = Stand::new();
    stand
        .script()
        .apply
        .insert(KnobId(2), Failure::taken(TARGET, "theirs now"));
    let set = (1..=3).map(|id| Action {
        set: 7,
        ..action(u64::from(id), 0, id)
    });
    let said = stand.ask(set.collect());
    let expected = [
        (1, Fate::APPLIED),
        (2, Fate::TAKEN),
        (3, Fate::REFUSED),
        (1, Fate::UNDONE),
    ];
    assert_eq!(fates(&said), expected);
    assert_eq!(stand.script().releases, 1);
}

#[test]
fn no_call_of_a_node_fails_as_taken() {
    let failure = Stand::new().node.stop().into_result().unwrap_err();
    assert_eq!(failure.kind, FailureKind::RETRY);
}

#[test]
fn a_release_that_fails_is_tried_again_and_told_once() {
    let mut stand = Stand::new();
    stand.ask(vec![action(1, 0, 1)]);
    stand.script().release = Some(Failure::retry("busy"));
    let again = Nanos(3 * SECOND);
    assert_eq!(
        stand.at(2 * SECOND),
        (vec![(1, Fate::REFUSED, "busy".to_owned())], again)
    );
    assert_eq!(stand.at(3 * SECOND - 1), (vec![], again));
    assert_eq!(stand.at(3 * SECOND), (vec![], Nanos(4 * SECOND)));
    stand.script().release = None;
    let lapsed = (1, Fate::LAPSED, "nobody renewed the lease".to_owned());
    assert_eq!(stand.at(4 * SECOND), (vec![lapsed], Nanos::ZERO));
    assert_eq!((stand.script().releases, stand.errors()), (3, 0));
}

#[test]
fn after_ten_more_tries_it_is_given_up_loudly() {
    let mut stand = Stand::new();
    stand.ask(vec![action(1, 0, 1)]);
    stand.script().release = Some(Failure::retry("busy"));
    let outcomes: usize = (1..=60).map(|second| stand.at(second * SECOND).0.len()).sum();
    assert_eq!((outcomes, stand.script().releases, stand.errors()), (1, 11, 1));
}

#[test]
fn a_knob_that_is_asked_for_again_while_it_is_stuck_is_held_again() {
    let mut stand = Stand::new();
    stand.ask(vec![action(1, 0, 1)]);
    stand.script().release = Some(Failure::retry("busy"));
    stand.at(2 * SECOND);
    assert_eq!(
        fates(&stand.ask(vec![action(2, 2 * SECOND + 1, 1)])),
        [(2, Fate::APPLIED)]
    );
    stand.at(4 * SECOND);
    assert_eq!(stand.script().releases, 1, "the lease lasts again");
}

#[test]
fn what_cannot_be_put_back_at_the_end_of_the_run_is_an_error() {
    let mut stand = Stand::new();
    stand.ask(vec![action(1, 0, 1)]);
    stand.script().release = Some(Failure::retry("busy"));
    let mut out = Batch::default();
    stand.node.drain(Nanos(SECOND), &mut out).into_result().unwrap();
    assert_eq!(fates(&told(&out)), [(1, Fate::REFUSED)]);
    assert_eq!(stand.errors(), 1);
}

#[test]
fn leases_that_end_because_the_target_changed_are_told() {
    for (lets_go, said) in [
        (true, vec![(1, Fate::UNDONE, "the target changed".to_owned())]),
        (false, vec![]),
    ] {
        let mut stand = Stand::new();
        stand.ask(vec![action(1, 0, 1)]);
        stand.script().lets_go = lets_go;
        let mut batch = Batch::default();
        batch.changes.push(TargetChange {
            at: Nanos(1),
            change: Change::CHANGED,
            target: crate::abi::Target {
                id: TARGET,
                ..Default::default()
            },
        });
        assert_eq!(stand.feed(1, &batch).0, said);
        let lapses = usize::from(!lets_go);
        assert_eq!(stand.at(60 * SECOND).0.len(), lapses, "nothing lapses twice");
    }
}
