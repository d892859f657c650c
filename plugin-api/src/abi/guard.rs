//! The guard that keeps a plugin's panic on the plugin's side of the boundary.
//!
//! A panic that unwinds into abi_stable's glue ends the process, and one that unwinds into the host
//! cannot be caught there, because each dylib has its own copy of the standard library. So the guard
//! is compiled into the plugin, around every call.

use super::integers::FailureKind;
use super::node::{Called, Failure, NodeAbi, PortBatch, Tick};
use super::values::{Batch, Nanos, TargetId};
use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString, RVec};
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Whether this thread is within [`contained`], so that somebody reads what a panic leaves.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Makes panics of this plugin leave their message and place for the guard instead of printing them.
/// Those that no guard is around, as in the plugin's own threads, go to the hook that was there before.
pub fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                return previous(info);
            }
            let payload = info.payload();
            let text = payload
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| payload.downcast_ref().map(String::as_str));
            let text = text.unwrap_or("panic without a text");
            let place = info
                .location()
                .map(|at| format!(" (at {}:{})", at.file(), at.line()))
                .unwrap_or_default();
            LAST_PANIC.with(|last| *last.borrow_mut() = Some(format!("{text}{place}")));
        }));
    });
}

/// Runs `body`; a panic in it becomes `Err` with the panic's text and place.
pub fn contained<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let text = LAST_PANIC.with(|last| last.borrow_mut().take());
        // A payload whose own `Drop` panics leaves another one, which is kept for ever rather than tried in turn.
        if let Err(another) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
            std::mem::forget(another);
        }
        text.unwrap_or_else(|| "panic".to_owned())
    });
    GUARDED.set(outer);
    result
}

fn panicked(call: &str, text: String) -> Failure {
    Failure {
        kind: FailureKind::PANIC,
        target: TargetId::NONE,
        message: RString::from(format!("panic in `{call}`: {text}")),
    }
}

fn called<T>(call: &str, body: impl FnOnce() -> RResult<T, Failure>) -> RResult<T, Failure> {
    match contained(body) {
        Ok(result) => result,
        Err(text) => RResult::RErr(panicked(call, text)),
    }
}

/// A node whose every call is guarded, and whose `Drop` is too.
pub struct Guarded<N>(ManuallyDrop<N>);

impl<N> Guarded<N> {
    /// Puts the guard around a node.
    pub fn new(node: N) -> Self {
        Self(ManuallyDrop::new(node))
    }
}

impl<N> Drop for Guarded<N> {
    fn drop(&mut self) {
        // SAFETY: the inner node is dropped here only, once, and not used afterwards, because this is `drop`.
        let dropped = contained(|| unsafe { ManuallyDrop::drop(&mut self.0) });
        // There is nobody left to tell; the node had its `stop`.
        let _ = dropped;
    }
}

impl<N: NodeAbi> NodeAbi for Guarded<N> {
    fn start(&mut self) -> Called {
        called("start", || self.0.start())
    }
    fn tick(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Called {
        called("tick", || self.0.tick(tick, out))
    }
    fn input(&mut self, at: Nanos, inputs: RSlice<'_, PortBatch<'_>>, out: &mut Batch) -> Called {
        called("input", || self.0.input(at, inputs, out))
    }
    fn control(&mut self, name: RStr<'_>, value: RStr<'_>) -> Called {
        called("control", || self.0.control(name, value))
    }
    fn status(&self) -> RString {
        contained(|| self.0.status()).unwrap_or_else(|text| RString::from(format!("panic in `status`: {text}")))
    }
    fn descriptors(&self) -> RVec<i32> {
        contained(|| self.0.descriptors()).unwrap_or_default()
    }
    fn save(&mut self) -> RResult<RVec<u8>, Failure> {
        called("save", || self.0.save())
    }
    fn load(&mut self, version: u32, state: RSlice<'_, u8>) -> Called {
        called("load", || self.0.load(version, state))
    }
    fn drain(&mut self, deadline: Nanos, out: &mut Batch) -> Called {
        called("drain", || self.0.drain(deadline, out))
    }
    fn extension(&mut self, name: RStr<'_>, request: RSlice<'_, u8>) -> ROption<RVec<u8>> {
        contained(|| self.0.extension(name, request)).unwrap_or(ROption::RNone)
    }
    fn command(&mut self, arguments: RSlice<'_, RString>) -> RResult<u32, Failure> {
        called("command", || self.0.command(arguments))
    }
    fn stop(&mut self) -> Called {
        called("stop", || self.0.stop())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// What reached the hook that was there before the guard's, by what the panic said.
    static PRINTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

    fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                let text = info.payload().downcast_ref::<&str>().copied().unwrap_or_default();
                PRINTED.lock().unwrap().push(text.to_owned());
                before(info);
            }));
            install_panic_hook();
        });
    }

    fn printed(text: &str) -> bool {
        PRINTED.lock().unwrap().iter().any(|printed| printed == text)
    }

    #[test]
    fn a_guarded_panic_is_told_to_the_guard_and_not_printed() {
        install();
        let told = contained(|| panic!("guarded")).unwrap_err();
        assert!(told.starts_with("guarded (at ") && told.contains("guard.rs:"), "{told}");
        assert!(!printed("guarded"));
    }

    #[test]
    fn a_panic_in_a_thread_of_the_plugins_own_is_printed() {
        install();
        let joined = contained(|| std::thread::spawn(|| panic!("in a thread")).join()).unwrap();
        assert!(joined.is_err() && printed("in a thread"));
    }

    #[test]
    fn a_payload_that_panics_when_it_is_dropped_is_contained_and_the_first_panic_is_told() {
        struct Again;
        impl Drop for Again {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        install();
        let told = contained(|| std::panic::panic_any(Again)).unwrap_err();
        assert!(
            told.starts_with("panic without a text (at ") && !printed("again"),
            "{told}"
        );
        let next = contained(|| panic!("the next")).unwrap_err();
        assert!(next.starts_with("the next"), "{next}");
    }

    #[test]
    fn the_guard_ends_with_its_outermost_call() {
        install();
        let told = contained(|| {
            let inner = contained(|| panic!("the inner")).unwrap_err();
            assert!(inner.starts_with("the inner"), "{inner}");
            panic!("the outer")
        });
        assert!(told.unwrap_err().starts_with("the outer"));
        assert!(!printed("the inner") && !printed("the outer"));
        assert!(catch_unwind(|| panic!("after it")).is_err() && printed("after it"));
    }
}
