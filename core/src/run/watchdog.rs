//! The watchdog: a call that does not come back costs its thread and its node, and nothing else.
//!
//! It looks at each lane a few times a second. A lane whose thread is in the same call for longer than a call may take
//! gets a new thread, to which its crew goes without the node that is called; what that node changed is undone and
//! its life is condemned, so that it can change nothing when it wakes up. Leases of a lane that is stuck lapse here
//! too. A suspended machine is noticed here as well. None of this runs in virtual time.

use super::budget::{ABANDONED_MOST, LEASE_GRACE};
use super::calls::plugin_calls;
use super::clock::Asleep;
use super::lane::{Berth, Hung, Lane};
use super::node::Node;
use super::seat::{Call, CallKind, Seat};
use super::shared::Shared;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use pipeline_plugin_api::abi::{Level, Nanos};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often it looks.
const LOOK: Nanos = Nanos::from_millis(200);

/// What watches the lanes of a run.
pub struct Watchdog {
    watch: Arc<Watch>,
    /// Dropped to end its thread.
    _alive: Sender<()>,
}

/// The lanes that are watched.
struct Watch {
    shared: Arc<Shared>,
    posts: Mutex<Vec<Post>>,
}

/// One lane as it is watched.
struct Post {
    berth: Berth,
    seat: Arc<Seat>,
    /// For each node, whether it may block.
    blocks: Vec<bool>,
    /// The call that was seen last, and for how long the same was seen.
    seen: Call,
    held: Nanos,
    /// Where its nodes go when it ends.
    back: Sender<Vec<Node>>,
    /// It was taken over for good, to end the run.
    ended: bool,
}

/// Why a lane cannot run.
pub type NoThread = std::io::Error;

impl Watchdog {
    /// Begins to watch.
    ///
    /// # Errors
    /// There is no thread left for it.
    pub fn begin(shared: Arc<Shared>) -> Result<Self, NoThread> {
        let watch = Arc::new(Watch {
            shared,
            posts: Mutex::default(),
        });
        let (alive, ended) = bounded(1);
        let watching = watch.clone();
        std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || watching.run(&ended))?;
        Ok(Self { watch, _alive: alive })
    }

    /// Runs a lane in a thread of its own and watches it; gives where its nodes come back.
    ///
    /// # Errors
    /// There is no thread left for it.
    pub fn run(&self, lane: Lane, back: Sender<Vec<Node>>) -> Result<usize, NoThread> {
        self.watch.run_lane(lane, back)
    }

    /// Takes what can be had of a lane that is to end and is in a call: all nodes but the one that is called.
    pub fn seize(&self, lane: usize) -> Option<Vec<Node>> {
        let mut posts = self.watch.posts();
        let post = posts.get_mut(lane)?;
        self.watch.seize(post)
    }
}

impl Watch {
    fn posts(&self) -> MutexGuard<'_, Vec<Post>> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, ended: &Receiver<()>) {
        let _falls = Falls::new("watchdog", &self.shared);
        let mut asleep = Asleep::new();
        let mut before = self.shared.clock.now();
        while ended.recv_timeout(LOOK.into()) == Err(RecvTimeoutError::Timeout) {
            if let Some(slept) = asleep.look() {
                self.woken(slept);
            }
            let now = self.shared.clock.now();
            // However long nothing of this process ran, a call has not had more time than a look takes.
            let passed = now.since(before).min(LOOK + LOOK);
            before = now;
            let mut posts = self.posts();
            posts
                .iter_mut()
                .filter(|post| !post.ended)
                .for_each(|post| self.look(post, now, passed));
        }
    }

    /// The machine slept: waits that began before would last too long by what is left of them.
    fn woken(&self, slept: Nanos) {
        let why = format!(
            "the machine was suspended for {slept}; instants that passed meanwhile are skipped, and leases that ended lapse now"
        );
        self.shared.logger.log(Level::WARN, "run", &why, &[]);
        self.shared.woken();
        self.posts().iter().for_each(|post| post.berth.bell.ring());
    }

    fn look(&self, post: &mut Post, now: Nanos, passed: Nanos) {
        let call = post.seat.call();
        let Some(kind) = call.kind().filter(|_| call == post.seen) else {
            post.seen = call;
            post.held = Nanos::ZERO;
            return;
        };
        post.held = post.held + passed;
        let patience = self.patience_for(post, call, kind);
        if post.held >= patience {
            self.take_over(post, call, kind, patience);
        } else if post.held >= LEASE_GRACE && now.since(post.seat.first_end()) >= LEASE_GRACE {
            self.put_back(post, call, kind, now);
        }
    }

    fn patience_for(&self, post: &Post, call: Call, kind: CallKind) -> Nanos {
        let patience = &self.shared.patience;
        match kind {
            CallKind::Start => patience.start_again,
            _ if post.blocks.get(call.place()).copied().unwrap_or(false) => patience.blocking,
            _ => patience.call,
        }
    }

    /// A thread does not come back: its lane goes on in another one.
    fn take_over(&self, post: &mut Post, call: Call, kind: CallKind, patience: Nanos) {
        let why = format!(
            "a call (`{}`) has not come back for {patience}; its thread is abandoned",
            kind.name()
        );
        self.replace(post, call, why);
    }

    fn replace(&self, post: &mut Post, call: Call, why: String) {
        let Some(mut crew) = post.seat.take(call) else { return };
        post.seat.give_up();
        let place = call.place();
        crew.count_lost(place);
        crew.nodes[place].meter.abandoned.bump();
        crew.nodes[place].meter.failures.bump();
        self.count_abandoned();
        let hung = Hung { place, why };
        let lane = Lane::taken_over(post.berth.clone(), crew, self.shared.clone(), Some(hung));
        let (seat, back) = (lane.seat(), post.back.clone());
        post.seat = seat;
        post.seen = Call::default();
        if let Err(error) = spawn(lane, back) {
            post.ended = true;
            let why = format!(
                "lane `{}` has no thread to go on in: {error}; the run ends",
                post.berth.name
            );
            self.abort(&why);
        }
    }

    fn count_abandoned(&self) {
        let abandoned = self.shared.abandon();
        if abandoned == ABANDONED_MOST + 1 {
            self.abort(&format!(
                "more than {ABANDONED_MOST} calls have not come back and each holds a thread; the run ends; see above which nodes hang"
            ));
        }
    }

    fn abort(&self, why: &str) {
        self.shared.logger.log(Level::ERROR, "run", why, &[]);
        self.shared.abort();
        self.shared.stop();
    }

    /// Leases ended while the lane is in a call that may take long. An actuator that is in it is given up; one
    /// that waits for the lane is condemned, and found broken when the lane comes to it.
    fn put_back(&self, post: &mut Post, call: Call, kind: CallKind, now: Nanos) {
        let Some(mut crew) = post.seat.take(call) else { return };
        let is_over = |node: &Node| now.since(node.first_end()) >= LEASE_GRACE;
        if is_over(&crew.nodes[call.place()]) {
            post.seat.put_back(crew);
            let why = format!(
                "a lease ended and a call (`{}`) has not come back for {}; its thread is abandoned and the knob put back",
                kind.name(),
                post.held
            );
            return self.replace(post, call, why);
        }
        for node in crew.nodes.iter_mut().filter(|node| is_over(node)) {
            node.condemn("a lease ended while its lane was in a call of another node; the knob is put back");
        }
        post.seat.set_first_end(crew.first_end());
        post.seat.put_back(crew);
        // What is told of it is told at the lane's next instant, for which nothing else may call.
        post.berth.bell.ring();
    }

    fn run_lane(&self, mut lane: Lane, back: Sender<Vec<Node>>) -> Result<usize, NoThread> {
        let post = Post {
            berth: lane.berth().clone(),
            seat: lane.seat(),
            blocks: lane.nodes_mut().map(|node| node.plan.element.blocking() != 0).collect(),
            seen: Call::default(),
            held: Nanos::ZERO,
            back: back.clone(),
            ended: false,
        };
        spawn(lane, back)?;
        let mut posts = self.posts();
        posts.push(post);
        Ok(posts.len() - 1)
    }

    fn seize(&self, post: &mut Post) -> Option<Vec<Node>> {
        let call = post.seat.call();
        let kind = call.kind()?;
        let mut crew = post.seat.take(call)?;
        post.seat.give_up();
        post.ended = true;
        let place = call.place();
        crew.count_lost(place);
        let node = &mut crew.nodes[place];
        node.meter.abandoned.bump();
        node.fall(true);
        node.give_up(&format!(
            "a call (`{}`) does not come back though the run ends; the node is given up and its changes are undone",
            kind.name()
        ));
        Some(crew.nodes)
    }
}

/// Ends the run where a fault of this program ends a thread without which a run is not safe: what its nodes hold would
/// stand for ever.
struct Falls {
    thread: String,
    shared: Arc<Shared>,
}

impl Falls {
    fn new(thread: &str, shared: &Arc<Shared>) -> Self {
        Self {
            thread: thread.to_owned(),
            shared: shared.clone(),
        }
    }
}

impl Drop for Falls {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let why = format!(
                "thread `{}` ended by a fault of this program, which is told above; the run ends and puts everything back",
                self.thread
            );
            self.shared.logger.log(Level::ERROR, "run", &why, &[]);
            self.shared.abort();
            self.shared.stop();
        }
    }
}

/// Linux keeps 15 letters of a thread's name.
fn spawn(lane: Lane, back: Sender<Vec<Node>>) -> std::io::Result<()> {
    let name = lane.berth().name.chars().take(15).collect();
    let run = move || {
        let full = lane.berth().name.clone();
        let _falls = Falls::new(&full, lane.shared());
        if let Some(nodes) = plugin_calls(&full, || lane.run()) {
            // Whoever waits for it may have given it up.
            let _ = back.send(nodes);
        }
    };
    std::thread::Builder::new().name(name).spawn(run).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_that_falls_ends_the_run_and_one_that_ends_does_not() {
        let shared = Arc::new(crate::run::tests::shared());
        drop(Falls::new("control", &shared));
        assert!(!shared.is_stopping());
        let falling = Falls::new("control", &shared);
        let fell = std::thread::spawn(move || {
            let _falling = falling;
            panic!("a fault, as this test wants it");
        });
        assert!(fell.join().is_err());
        assert!(shared.is_stopping() && shared.is_aborted());
    }

    #[test]
    fn threads_that_came_back_are_not_counted_as_lost() {
        let shared = crate::run::tests::shared();
        for _ in 0..3 * ABANDONED_MOST {
            assert_eq!(shared.abandon(), 1);
            shared.came_back();
        }
        shared.came_back();
        assert_eq!(shared.abandon(), 1);
    }
}
