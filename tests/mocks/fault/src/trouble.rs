//! Going wrong as told, and counting the lives of a node, which nothing within a node outlives.

use crate::config::{Call, Trouble, What};
use pipeline_plugin_api::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How many lives each node of this run had.
static LIVES: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

/// One node's trouble, armed.
#[derive(Debug)]
pub struct Armed {
    trouble: Trouble,
    life: u32,
    calls: Cell<u32>,
}

impl Armed {
    /// A new life of the node.
    ///
    /// # Errors
    /// As the trouble says.
    pub fn new(trouble: Trouble, host: &Host) -> Result<Self> {
        let mut lives = LIVES.lock().unwrap_or_else(PoisonError::into_inner);
        let life = lives.entry(host.name()).or_default();
        *life += 1;
        let armed = Self {
            trouble,
            life: *life,
            calls: Cell::new(0),
        };
        drop(lives);
        armed.reach(Call::Create)?;
        Ok(armed)
    }

    /// Which life of the node this is, from 1.
    pub fn life(&self) -> u32 {
        self.life
    }

    /// Goes wrong if it is time to.
    ///
    /// # Errors
    /// As the trouble says.
    pub fn reach(&self, call: Call) -> Result<()> {
        let in_this_life = self.trouble.lives == 0 || self.life <= self.trouble.lives;
        if call != self.trouble.call || !in_this_life {
            return Ok(());
        }
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() <= self.trouble.after {
            return Ok(());
        }
        happen(self.trouble.what, call)
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        // There is nobody to tell of a failure; what else can go wrong does so here.
        let _ = self.reach(Call::Drop);
    }
}

/// Goes wrong in `ports`, which knows no life and cannot fail otherwise.
pub fn reach_ports(trouble: Trouble) {
    reach_before(trouble, Call::Ports);
}

/// Goes wrong where a config is checked, likewise.
pub fn reach_check(trouble: Trouble) {
    reach_before(trouble, Call::Check);
}

fn reach_before(trouble: Trouble, call: Call) {
    if trouble.call == call {
        // That it fails otherwise cannot be told here.
        let _ = happen(trouble.what, call);
    }
}

/// The calls that all elements have in common, with their troubles.
macro_rules! common_troubles {
    () => {
        fn control(&mut self, name: &str, value: &str) -> Result<()> {
            self.trouble.reach(crate::config::Call::Control)?;
            match name {
                "echo" => Ok(()),
                _ => Err(Failure::retry(format!(
                    "`{name}` is no setting, and `{value}` no value for it"
                ))),
            }
        }
        fn status(&self) -> String {
            match self.trouble.reach(crate::config::Call::Status) {
                Ok(()) => format!("life {}", self.trouble.life()),
                Err(failure) => failure.to_string(),
            }
        }
        fn save(&mut self) -> Result<Vec<u8>> {
            self.trouble.reach(crate::config::Call::Save)?;
            Ok(vec![1])
        }
        fn load(&mut self, _: &[u8]) -> Result<()> {
            self.trouble.reach(crate::config::Call::Load)
        }
    };
}

pub(crate) use common_troubles;

fn happen(what: What, call: Call) -> Result<()> {
    let told = |does: &str| format!("this mock {does} in {call:?}, as it was told");
    match what {
        What::Nothing => Ok(()),
        What::Panic => panic!("{}", told("panics")),
        What::Fatal => Err(Failure::fatal(told("cannot go on"))),
        What::Retry => Err(Failure::retry(told("fails"))),
        What::Hang => loop {
            std::thread::park();
        },
        What::Strange => Err(Failure {
            kind: FailureKind(77),
            ..Failure::retry(told("fails strangely"))
        }),
        What::PanicTwice => std::panic::panic_any(PanicsAtItsEnd(call)),
        What::PanicInThread => {
            let thread = std::thread::spawn(move || panic!("this mock panics in a thread of {call:?}, as it was told"));
            // That it panicked is printed by the thread itself.
            let _ = thread.join();
            Ok(())
        }
        What::Overflow => {
            deeper(&[0; 1024], 1);
            Ok(())
        }
        What::Abort => std::process::abort(),
        What::Exit => std::process::exit(0),
    }
}

/// What somebody panics with whose end panics too.
struct PanicsAtItsEnd(Call);

impl Drop for PanicsAtItsEnd {
    fn drop(&mut self) {
        panic!(
            "what this mock panicked with in {:?} panics too, as it was told",
            self.0
        );
    }
}

/// Uses up the stack.
fn deeper(above: &[u8; 1024], depth: u64) -> u64 {
    let here = std::hint::black_box([above[0].wrapping_add(1); 1024]);
    if depth == u64::MAX {
        return depth;
    }
    let below = deeper(&here, depth + 1);
    below + u64::from(here[below as usize % here.len()])
}
