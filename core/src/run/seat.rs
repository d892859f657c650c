//! Where a lane's crew lies while its thread is in a call of a plugin, so that the watchdog can give it to another
//! thread when the call does not come back.
//!
//! The thread owns the crew. Before a call it puts it here, without the node that is called, and afterwards takes it
//! up again: one atomic exchange each. A seat belongs to one life of a lane; what the watchdog takes goes to a seat
//! and a thread of its own, so the thread that was given up finds its seat empty for ever.

use super::crew::Crew;
use crossbeam_utils::atomic::AtomicCell;
use pipeline_plugin_api::abi::Nanos;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Which call a thread is in.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CallKind {
    /// `tick`.
    Tick = 1,
    /// `input`.
    Input,
    /// `control`.
    Control,
    /// `status`.
    Status,
    /// `create` and `start`, of a node that is made anew.
    Start,
    /// The end of a node's memory.
    Drop,
}

impl CallKind {
    const ALL: [Self; 6] = [
        Self::Tick,
        Self::Input,
        Self::Control,
        Self::Status,
        Self::Start,
        Self::Drop,
    ];

    /// As it is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::Input => "input",
            Self::Control => "control",
            Self::Status => "status",
            Self::Start => "start",
            Self::Drop => "drop",
        }
    }
}

/// One call: its number in the seat, which node, which call. No two of a seat are equal.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub struct Call(u64);

impl Call {
    const KIND_BITS: u32 = 8;
    const PLACE_BITS: u32 = 16;

    fn new(number: u64, place: usize, kind: CallKind) -> Self {
        let low = (place as u64 & 0xffff) << Self::KIND_BITS | kind as u64;
        Self(number << (Self::KIND_BITS + Self::PLACE_BITS) | low)
    }

    /// The same number between two calls.
    fn over(self) -> Self {
        Self(self.0 & !0xff)
    }

    fn next(self, place: usize, kind: CallKind) -> Self {
        Self::new((self.0 >> (Self::KIND_BITS + Self::PLACE_BITS)) + 1, place, kind)
    }

    /// The place of its node in the lane.
    pub fn place(self) -> usize {
        (self.0 >> Self::KIND_BITS) as usize & 0xffff
    }

    /// Which call it is; `None` between calls.
    pub fn kind(self) -> Option<CallKind> {
        CallKind::ALL.into_iter().find(|kind| *kind as u64 == self.0 & 0xff)
    }
}

/// Where the crew lies during a call.
pub struct Seat {
    crew: AtomicCell<Option<Box<Crew>>>,
    call: AtomicU64,
    given_up: AtomicBool,
    /// When the first lease of the lane's actuators ends.
    first_end: AtomicU64,
}

impl Default for Seat {
    fn default() -> Self {
        Self {
            crew: AtomicCell::new(None),
            call: AtomicU64::new(0),
            given_up: AtomicBool::new(false),
            first_end: AtomicU64::new(u64::MAX),
        }
    }
}

impl Seat {
    /// The lane's thread goes into a call: the crew is laid down.
    pub fn enter(&self, mut crew: Box<Crew>, place: usize, kind: CallKind) {
        // Only this thread writes it.
        let call = Call(self.call.load(Ordering::Relaxed)).next(place, kind);
        crew.call = call;
        self.call.store(call.0, Ordering::Relaxed);
        self.crew.store(Some(crew));
    }

    /// The call came back: the crew is taken up again. `None`: this thread was given up and is to end, touching nothing.
    pub fn leave(&self) -> Option<Box<Crew>> {
        let crew = match self.crew.take() {
            Some(crew) => crew,
            None => self.wait_for_crew()?,
        };
        let call = Call(self.call.load(Ordering::Relaxed));
        self.call.store(call.over().0, Ordering::Relaxed);
        Some(crew)
    }

    /// The watchdog has it, to look at or for good.
    #[cold]
    fn wait_for_crew(&self) -> Option<Box<Crew>> {
        loop {
            if let Some(crew) = self.crew.take() {
                return Some(crew);
            }
            if self.given_up.load(Ordering::Acquire) {
                return None;
            }
            super::clock::pause(std::time::Duration::from_micros(50));
        }
    }

    /// The call that the thread is in, as the watchdog sees it.
    pub fn call(&self) -> Call {
        Call(self.call.load(Ordering::Acquire))
    }

    /// Takes the crew out of that call, if the thread is in it still. It is to be put back or given up soon.
    pub fn take(&self, call: Call) -> Option<Box<Crew>> {
        let crew = self.crew.take()?;
        if crew.call == call {
            return Some(crew);
        }
        self.put_back(crew);
        None
    }

    /// Puts back what [`Seat::take`] gave.
    pub fn put_back(&self, crew: Box<Crew>) {
        self.crew.store(Some(crew));
    }

    /// The thread gets its crew back no more.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
    }

    /// Sets when the first lease of the lane ends.
    pub fn set_first_end(&self, at: Nanos) {
        self.first_end.store(at.0, Ordering::Relaxed);
    }

    /// When the first lease of the lane ends.
    pub fn first_end(&self) -> Nanos {
        Nanos(self.first_end.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_is_can_be_read_from_its_number() {
        let call = Call::default().next(513, CallKind::Input);
        assert_eq!((call.place(), call.kind()), (513, Some(CallKind::Input)));
        assert_eq!(call.over().kind(), None);
        assert_ne!(call.over().next(513, CallKind::Input), call);
    }

    #[test]
    fn the_crew_lies_in_a_lock_free_cell() {
        assert!(AtomicCell::<Option<Box<Crew>>>::is_lock_free());
    }

    #[test]
    fn a_thread_gets_its_crew_back_unless_it_was_given_up() {
        let seat = Seat::default();
        seat.enter(Box::default(), 0, CallKind::Tick);
        assert!(seat.leave().is_some());
        seat.enter(Box::default(), 0, CallKind::Tick);
        let seen = seat.call();
        let crew = seat.take(seen);
        assert!(crew.is_some() && seat.take(seen).is_none());
        seat.give_up();
        assert!(seat.leave().is_none());
    }

    #[test]
    fn a_call_that_came_back_meanwhile_is_left_alone() {
        let seat = Seat::default();
        seat.enter(Box::default(), 0, CallKind::Tick);
        let seen = seat.call();
        assert!(seat.leave().is_some());
        seat.enter(Box::default(), 0, CallKind::Tick);
        assert!(seat.take(seen).is_none());
        assert!(seat.leave().is_some());
    }

    /// One thread calls without end, the other looks into every call: no crew is lost between them.
    #[test]
    fn a_look_into_a_call_never_loses_the_crew() {
        let seat = Seat::default();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    if let Some(crew) = seat.take(seat.call()) {
                        seat.put_back(crew);
                    }
                }
            });
            let mut crew = Some(Box::<Crew>::default());
            for _ in 0..20_000 {
                crew = crew.and_then(|crew| {
                    seat.enter(crew, 0, CallKind::Input);
                    seat.leave()
                });
            }
            done.store(true, Ordering::Relaxed);
            assert!(crew.is_some());
        });
    }
}
