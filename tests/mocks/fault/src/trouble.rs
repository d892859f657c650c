//! Going wrong as told, and counting the lives of a node, which nothing within a node outlives.

use crate::config::{Call, Trouble, What};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How many lives each node of this run had.
static LIVES: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

/// One node's trouble, armed.
#[derive(Debug)]
pub struct Armed {
    trouble: Trouble,
    life: u32,
    calls: u32,
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
        let mut armed = Self {
            trouble,
            life: *life,
            calls: 0,
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
    pub fn reach(&mut self, call: Call) -> Result<()> {
        let in_this_life = self.trouble.lives == 0 || self.life <= self.trouble.lives;
        if call != self.trouble.call || !in_this_life {
            return Ok(());
        }
        self.calls += 1;
        if self.calls <= self.trouble.after {
            return Ok(());
        }
        happen(self.trouble.what, call)
    }
}

/// Goes wrong in `ports`, which knows no life and cannot fail otherwise.
pub fn reach_ports(trouble: Trouble) {
    if trouble.call == Call::Ports && trouble.what == What::Panic {
        panic!("this mock panics in Ports, as it was told");
    }
}

fn happen(what: What, call: Call) -> Result<()> {
    match what {
        What::Nothing => Ok(()),
        What::Panic => panic!("this mock panics in {call:?}, as it was told"),
        What::Fatal => Err(Failure::fatal(format!(
            "this mock cannot go on in {call:?}, as it was told"
        ))),
        What::Retry => Err(Failure::retry(format!("this mock fails in {call:?}, as it was told"))),
        What::Hang => loop {
            std::thread::park();
        },
    }
}
