//! The beginning of a run's nodes: sinks first and targets last, so that nothing is said that nobody hears.
//!
//! Each is made and started in a thread that can be given up: one that hangs there keeps the run from beginning, and
//! what had begun is ended and undone.

use super::RunError;
use super::drain;
use super::ending;
use super::hand::{Hand, Pending};
use super::lane::Lane;
use super::plan::Plan;
use super::shared::Shared;
use super::signals::Stops;
use super::tap::Moment;
use pipeline_plugin_api::abi::{Level, Nanos, TapKind, TapNote};
use std::sync::Arc;
use std::time::Duration;

/// Makes and starts all nodes. `stops` may end it; the node that is starting then has `drain` to come back.
///
/// # Errors
/// A node could not start, or did not come back; all that had begun is ended and undone.
pub fn start(
    lanes: &mut [Lane],
    plan: &Plan,
    shared: &Arc<Shared>,
    stops: Option<&Stops>,
    drain: Nanos,
) -> Result<(), RunError> {
    let mut start = Start {
        hand: Hand::new(shared.clone()),
        shared,
        stops,
        drain,
        give_up: Nanos::FOREVER,
    };
    for index in (0..plan.nodes.len()).rev() {
        if let Err(error) = start.node(lanes, index) {
            end_all(lanes, shared, start.hand);
            drain::restore(shared);
            return Err(error);
        }
    }
    Ok(())
}

struct Start<'a> {
    hand: Hand,
    shared: &'a Arc<Shared>,
    stops: Option<&'a Stops>,
    drain: Nanos,
    /// When a run that is stopped while it begins waits no more.
    give_up: Nanos,
}

impl Start<'_> {
    fn node(&mut self, lanes: &mut [Lane], index: usize) -> Result<(), RunError> {
        let mut nodes = lanes.iter_mut().flat_map(Lane::nodes_mut);
        let Some(node) = nodes.find(|node| node.index == index) else {
            return Ok(());
        };
        let maker = node.maker();
        let name = node.plan.name.clone();
        let pending = self.hand.begin(&node.host, move || maker.make());
        match self.wait_for(&pending, &name) {
            Ok(Ok(callable)) => {
                node.begin(callable);
                node.note(TapKind::BEGAN, Moment::default(), TapNote::default);
                Ok(())
            }
            Ok(Err(why)) => Err(RunError::Start { node: name, why }),
            Err(hung) => {
                self.hand.let_go();
                node.fall(true);
                Err(hung)
            }
        }
    }

    fn wait_for<T>(&mut self, pending: &Pending<T>, node: &str) -> Result<T, RunError> {
        let patience = self.shared.patience.start;
        let until = self.shared.clock.now() + patience;
        loop {
            if let Some(done) = pending.within(Duration::from_millis(20)) {
                return Ok(done);
            }
            let now = self.shared.clock.now();
            let hurried = self.shared.is_stopping() && self.stops.is_some_and(Stops::hurried);
            if now >= self.give_up || hurried {
                return Err(RunError::Interrupted { node: node.to_owned() });
            }
            if now >= until {
                let why = format!("`create` or `start` has not come back for {patience}; what had begun was undone");
                let node = node.to_owned();
                return Err(RunError::Start { node, why });
            }
            self.listen(node);
        }
    }

    fn listen(&mut self, node: &str) {
        let signal = self.stops.filter(|_| !self.shared.is_stopping());
        if let Some(signal) = signal.and_then(|stops| stops.within(Nanos::ZERO)) {
            let why = format!("stopping on {signal} while `{node}` starts; again to hurry");
            self.shared.logger.log(Level::INFO, "run", &why, &[]);
            self.shared.stop();
            self.give_up = self.shared.clock.now() + self.drain;
        }
    }
}

/// Those that had begun have their last call, within two seconds each.
fn end_all(lanes: &mut [Lane], shared: &Arc<Shared>, hand: Hand) {
    let mut ending = ending::LastCalls::new(shared.clone(), hand, shared.clock.now() + Nanos::from_secs(4));
    lanes
        .iter_mut()
        .flat_map(Lane::nodes_mut)
        .for_each(|node| ending.stop(node));
}
