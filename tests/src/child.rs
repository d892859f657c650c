//! A child process whose output is kept, which is waited for within a bound, and which is ended by
//! its id on every path.

use rustix::process::{Pid, Signal, kill_process};
use std::io::Read;
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a child that is not wanted any more may take to put the host back before it is killed.
const GRACE: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A running child.
#[derive(Debug)]
pub struct Child {
    process: Process,
    begun: Instant,
    stdout: Kept,
    stderr: Kept,
}

/// How a child ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit status; `None` where a signal ended it.
    pub code: Option<i32>,
    /// All that it wrote to standard output.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Child {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self {
            stdout: Kept::of(process.stdout.take()),
            stderr: Kept::of(process.stderr.take()),
            process,
            begun: Instant::now(),
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until it wrote a text to standard error.
    ///
    /// # Panics
    /// It did not within that time, or ended before.
    pub fn says(&mut self, text: &str, within: Duration) {
        self.until(within, &format!("say `{text}`"), |child| child.stderr().contains(text));
    }

    /// Waits until something is so.
    ///
    /// # Panics
    /// It was not within that time, or the child ended before.
    pub fn until(&mut self, within: Duration, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !so(self) {
            let ended = self.process.try_wait().expect("a child can be waited for");
            let over = begun.elapsed() > within || ended.is_some();
            assert!(
                !over || so(self),
                "it did not {what} within {within:?} ({ended:?}):\n{}",
                self.stderr()
            );
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, signal).unwrap_or_else(|error| panic!("cannot signal {pid:?}: {error}"));
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It did not end within that time; it is then ended.
    pub fn end(mut self, within: Duration) -> Ended {
        let status = self.wait(within);
        let took = self.begun.elapsed();
        let Some(status) = status else {
            panic!("it did not end within {within:?}:\n{}", self.stderr());
        };
        // What still holds its pipes is no reason to wait for long: it was told to end with it.
        let at = Instant::now();
        while !(self.stdout.is_closed() && self.stderr.is_closed()) && at.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(LOOK_AGAIN);
        }
        Ended {
            code: status.code(),
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
            took,
        }
    }

    fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        loop {
            let status = self.process.try_wait().expect("a child can be waited for");
            if status.is_some() || begun.elapsed() > within {
                return status;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        // It may have changed the host, so it is asked first.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        if self.wait(GRACE).is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// What a pipe gave so far, gathered by a thread that ends with the pipe.
#[derive(Clone, Debug)]
struct Kept(Arc<Mutex<(Vec<u8>, bool)>>);

impl Kept {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let kept = Self(Arc::default());
        let mut pipe = pipe.expect("the pipe was asked for and not taken yet");
        let into = kept.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = pipe.read(&mut bytes) {
                into.lock().0.extend_from_slice(&bytes[..read]);
            }
            into.lock().1 = true;
        });
        kept
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().0).into_owned()
    }

    fn is_closed(&self) -> bool {
        self.lock().1
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Vec<u8>, bool)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ended {
    /// Asserts its exit status, showing all that it said where it is another.
    ///
    /// # Panics
    /// It is another.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The one line of standard error with that text.
    ///
    /// # Panics
    /// There is none, or more than one.
    #[track_caller]
    pub fn line(&self, text: &str) -> &str {
        let lines: Vec<&str> = self.stderr.lines().filter(|line| line.contains(text)).collect();
        assert_eq!(lines.len(), 1, "lines with `{text}` in:\n{}", self.stderr);
        lines[0]
    }

    /// How many lines of standard error have that text.
    pub fn count(&self, text: &str) -> usize {
        self.stderr.lines().filter(|line| line.contains(text)).count()
    }
}
