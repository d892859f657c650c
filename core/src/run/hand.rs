//! A hand for what may not come back, outside of lanes: the beginning and the end of nodes.
//!
//! It does one thing after the other in a thread of its own. What takes too long is left to that thread, which is
//! given up; the next thing gets a new one. In virtual time all is done here and now.

use super::calls::plugin_calls;
use super::host::NodeHost;
use super::lane::came_back;
use super::shared::Shared;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// A thread that does one thing after the other.
pub struct Hand {
    shared: Arc<Shared>,
    jobs: Option<Sender<Job>>,
}

/// Something that is being done.
pub struct Pending<T>(Receiver<T>);

impl<T> Pending<T> {
    /// What it came to, if it did within that time.
    pub fn within(&self, time: Duration) -> Option<T> {
        self.0.recv_timeout(time).ok()
    }
}

impl Hand {
    /// A hand for a run.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, jobs: None }
    }

    /// Begins something about that node.
    pub fn begin<T: Send + 'static>(
        &mut self,
        host: &NodeHost,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Pending<T> {
        let (sender, receiver) = bounded(1);
        let host = host.clone();
        let job: Job = Box::new(move || {
            let done = plugin_calls(host.name(), job);
            if sender.send(done).is_err() {
                came_back(&host);
            }
        });
        match self.thread() {
            Some(jobs) => {
                if let Err(refused) = jobs.send(job) {
                    // A thread that ended by itself takes no jobs; that is no reason to leave this one undone.
                    (refused.0)();
                }
            }
            None => job(),
        }
        Pending(receiver)
    }

    /// Does something about that node. `None` if it takes longer than that; its life is then to be condemned.
    pub fn within<T: Send + 'static>(
        &mut self,
        time: Duration,
        host: &NodeHost,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let done = self.begin(host, job).within(time);
        if done.is_none() {
            self.let_go();
        }
        done
    }

    /// Leaves what it is doing to its thread.
    pub fn let_go(&mut self) {
        self.jobs = None;
    }

    /// None in virtual time, and where there is no thread to be had.
    fn thread(&mut self) -> Option<&Sender<Job>> {
        if self.shared.clock.is_virtual() {
            return None;
        }
        if self.jobs.is_none() {
            let (sender, receiver) = bounded::<Job>(1);
            let work = move || receiver.iter().for_each(|job| job());
            let thread = std::thread::Builder::new().name("hand".to_owned()).spawn(work);
            self.jobs = thread.is_ok().then_some(sender);
        }
        self.jobs.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::clock::Clock;
    use crate::run::wake::{Bell, Wake};
    use std::path::Path;

    fn hand() -> (Hand, NodeHost) {
        let shared = Arc::new(crate::run::tests::shared_in(Path::new("/proc/nowhere"), Clock::real()));
        let host = NodeHost::new(shared.clone(), "slow", Vec::new(), Wake::new(Bell::new().unwrap()));
        (Hand::new(shared), host)
    }

    #[test]
    fn what_hangs_is_left_and_the_next_thing_is_done() {
        let (mut hand, host) = hand();
        let (release, held) = bounded::<()>(1);
        let hung = hand.within(Duration::from_millis(20), &host, move || held.recv());
        assert!(hung.is_none());
        assert_eq!(hand.within(Duration::from_secs(10), &host, || 7), Some(7));
        drop(release);
    }

    #[test]
    fn in_virtual_time_there_is_no_thread() {
        let shared = Arc::new(crate::run::tests::shared());
        let host = NodeHost::new(shared.clone(), "slow", Vec::new(), Wake::new(Bell::new().unwrap()));
        let here = std::thread::current().id();
        let there = Hand::new(shared).within(Duration::ZERO, &host, || std::thread::current().id());
        assert_eq!(there, Some(here));
    }
}
