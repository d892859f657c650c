//! What a person at a terminal sees while a run goes on: one line that moves, under the log lines.
//! Without a terminal there is nothing but log lines.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pipeline_plugin_api::abi::Nanos;
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{IsTerminal, Write};

/// The moving line, where there is a terminal.
#[derive(Clone, Debug)]
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// A line if it is wanted and standard error is a terminal.
    pub fn new(wanted: bool) -> Self {
        if !wanted || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style =
            ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style);
        Self(Some(bar))
    }

    /// Whether there is a line.
    pub fn is_shown(&self) -> bool {
        self.0.is_some()
    }

    /// Shows how far the run is.
    pub fn show(&self, now: Nanos, end: Option<Nanos>) {
        let Some(bar) = &self.0 else { return };
        let whole = |at: Nanos| Nanos::from_secs(at.0 / 1_000_000_000);
        let of = end.map(|end| format!(" of {}", whole(end))).unwrap_or_default();
        bar.set_message(format!(
            "running {}{of}; Ctrl-C stops and puts everything back",
            whole(now)
        ));
        bar.tick();
    }

    /// Standard error, with the moving line out of the way while something is written. It waits for a reader that
    /// stands still, so it is for a thread that nothing waits for.
    pub fn writer(&self) -> Box<dyn Write + Send> {
        Box::new(AboveLine(self.0.clone()))
    }
}

struct AboveLine(Option<ProgressBar>);

/// A pipe that is ready takes so much without waiting (pipe(7)).
const AT_ONCE: usize = 4096;

impl Write for AboveLine {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut stderr = std::io::stderr();
        // Waited for here and not in the write, during which the moving line stands still and whoever moves it waits.
        // An interrupted wait is a short one.
        let _ = poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], None);
        let some = &bytes[..bytes.len().min(AT_ONCE)];
        match &self.0 {
            Some(bar) => bar.suspend(|| stderr.write(some)),
            None => stderr.write(some),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
