//! Threads that call plugins, and what becomes of the process where a plugin ends it from there as if all were well.
//!
//! exit(3) first destroys what the calling thread holds as its own (C++ [support.start.term], which glibc follows in
//! `exit`). A thread that calls plugins holds something: where that is destroyed during the work, a call has ended the
//! process, and it ends by SIGABRT instead, so that nobody who looks at its status takes the run for one that went well.
//! The guardian of a run puts the host back. `_exit(2)`, and `exit` in a thread that a plugin has of its own, are not noticed here.

use std::cell::RefCell;
use std::io::Write;

/// Where the thread is at work; empty where it is not.
struct Work(RefCell<String>);

thread_local! {
    static WORK: Work = const { Work(RefCell::new(String::new())) };
}

impl Drop for Work {
    fn drop(&mut self) {
        let place = self.0.get_mut();
        if place.is_empty() {
            return;
        }
        // The log is not to be had here: its thread may be gone. Where this cannot be written the status tells.
        let _ = writeln!(
            std::io::stderr(),
            "error: a plugin ended the process (`exit`) in a call of `{place}`; mend the plugin, or take it out of the \
             graph"
        );
        std::process::abort();
    }
}

/// Takes the mark away, however the work ends that goes on with this process.
struct Mark;

impl Drop for Mark {
    fn drop(&mut self) {
        WORK.with(|work| work.0.borrow_mut().clear());
    }
}

/// Does work in which plugins are called, in a thread that is known by that name.
pub fn plugin_calls<T>(thread: &str, work: impl FnOnce() -> T) -> T {
    WORK.with(|own| thread.clone_into(&mut own.0.borrow_mut()));
    let _mark = Mark;
    work()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, exit};

    const VARIABLE: &str = "PIPELINE_TEST_EXITS";

    /// This test starts itself again as the process that is ended.
    #[test]
    fn an_exit_in_a_call_is_no_good_end_and_one_after_it_is() {
        match std::env::var(VARIABLE).as_deref() {
            Ok("during") => plugin_calls("control", || exit(0)),
            Ok(_) => {
                plugin_calls("control", || ());
                exit(0)
            }
            Err(_) => {}
        }
        let ended = |when: &str| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args([
                "--exact",
                "run::calls::tests::an_exit_in_a_call_is_no_good_end_and_one_after_it_is",
            ]);
            command.arg("--nocapture").env(VARIABLE, when).output().unwrap()
        };
        let during = ended("during");
        let said = String::from_utf8_lossy(&during.stderr);
        assert_eq!(during.status.signal(), Some(6), "{said}");
        assert!(
            said.contains("ended the process (`exit`) in a call of `control`"),
            "{said}"
        );
        assert_eq!(ended("after").status.code(), Some(0));
    }
}
