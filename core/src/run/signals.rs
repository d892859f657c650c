//! SIGINT, SIGTERM and SIGHUP: the first asks for the end, the next to hurry with it.

use crossbeam_channel::{Receiver, unbounded};
use pipeline_plugin_api::abi::Nanos;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use std::sync::atomic::{AtomicBool, Ordering};

/// Signals that end a run.
#[derive(Debug)]
pub struct Stops {
    signals: Receiver<i32>,
    hurried: AtomicBool,
    handle: Handle,
}

impl Stops {
    /// Begins to listen.
    ///
    /// # Errors
    /// The handlers cannot be set.
    pub fn listen() -> std::io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let handle = signals.handle();
        // As many as somebody sends by hand.
        let (sender, receiver) = unbounded();
        let forward = move || {
            signals.forever().for_each(|signal| {
                // The receiver lives as long as the run.
                let _ = sender.send(signal);
            });
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(forward)?;
        Ok(Self {
            signals: receiver,
            hurried: AtomicBool::new(false),
            handle,
        })
    }

    /// Waits for a signal; gives its name.
    pub fn within(&self, time: Nanos) -> Option<&'static str> {
        self.signals.recv_timeout(time.into()).ok().map(name)
    }

    /// Whether another signal came since the one that `within` gave; once it did, all that waits hurries.
    pub fn hurried(&self) -> bool {
        if self.signals.try_recv().is_ok() {
            self.hurried.store(true, Ordering::Relaxed);
        }
        self.hurried.load(Ordering::Relaxed)
    }
}

impl Drop for Stops {
    fn drop(&mut self) {
        self.handle.close();
    }
}

fn name(signal: i32) -> &'static str {
    match signal {
        SIGINT => "SIGINT",
        SIGTERM => "SIGTERM",
        _ => "SIGHUP",
    }
}
