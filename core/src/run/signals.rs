//! SIGINT, SIGTERM and SIGHUP: the first asks for the end, the next to hurry with it. A run that was started by
//! `nohup` outlives its terminal, so that SIGHUP is left alone there.

use crossbeam_channel::{Receiver, Sender, bounded};
use pipeline_plugin_api::abi::Nanos;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use std::sync::atomic::{AtomicBool, Ordering};

/// How many signals wait at most: the first asks for the end, the second for a hurry, and no other for more than that.
const MOST_WAITING: usize = 2;

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
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let hangs_up = (!is_ignored(SIGHUP, &status)).then_some(SIGHUP);
        let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hangs_up))?;
        let handle = signals.handle();
        let (sender, receiver) = bounded(MOST_WAITING);
        let listen = move || forward(signals.forever(), &sender);
        std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
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

fn forward(signals: impl Iterator<Item = i32>, sender: &Sender<i32>) {
    for signal in signals {
        // One more than may wait asks for nothing that those do not ask for, and without a receiver the run is over.
        let _ = sender.try_send(signal);
    }
}

/// Whether the process was started with that signal ignored (proc_pid_status(5), `SigIgn`).
fn is_ignored(signal: i32, status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

fn name(signal: i32) -> &'static str {
    match signal {
        SIGINT => "SIGINT",
        SIGTERM => "SIGTERM",
        _ => "SIGHUP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_signals_as_many_wait_as_hurry_a_run() {
        let (sender, receiver) = bounded(MOST_WAITING);
        forward([SIGHUP, SIGINT, SIGTERM, SIGTERM].into_iter(), &sender);
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [SIGHUP, SIGINT]);
    }

    #[test]
    fn what_nohup_ignores_is_told_from_the_mask_of_ignored_signals() {
        let status = "SigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\nSigCgt:\tffffffffffffffff\n";
        assert!(is_ignored(SIGHUP, status) && !is_ignored(SIGTERM, status) && !is_ignored(SIGINT, status));
        assert!(!is_ignored(SIGHUP, "SigIgn:\t0000000000001000\n") && !is_ignored(SIGHUP, ""));
    }
}
