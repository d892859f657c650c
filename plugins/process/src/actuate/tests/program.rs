//! A program whose threads and children are made on command, and what the kernel says of them.

use crate::actuate::crowd;
use crate::fs;
use crate::parse::ProcStat;
use crate::target::affinity::given;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::testkit::TestHost;
use rustix::process::{Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A program that makes threads and children when it is told to: `t` a thread, `c` a child, `p` pins its first thread to
/// the first CPU by itself; it answers each with a line.
const PROGRAM: &str = "
import os, subprocess, sys, threading, time
print('ready', flush=True)
for line in sys.stdin:
    if line.strip() == 't':
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    if line.strip() == 'c':
        subprocess.Popen(['sleep', '60'])
    if line.strip() == 'p':
        os.sched_setaffinity(0, {0})
    print('done', flush=True)
";

pub struct Program {
    pub child: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStdout>,
}

impl Program {
    pub fn new() -> Self {
        let mut child = Command::new("python3")
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut program = Self { child, input, output };
        program.hear();
        program
    }

    pub fn tell(&mut self, what: &str) {
        writeln!(self.input, "{what}").unwrap();
        self.hear();
    }

    pub fn tell_all(&mut self, all: &[&str]) {
        all.iter().for_each(|what| self.tell(what));
    }

    fn hear(&mut self) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the program ended");
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn target(&self, host: &TestHost, class: Class) -> Target {
        host.target(Target {
            name: "it".into(),
            provider: "watch".into(),
            class,
            processes: vec![process(self.pid())].into(),
            ..Target::default()
        })
    }

    /// Every thread of it and of its children.
    pub fn threads(&self) -> Vec<u32> {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid())).unwrap();
        let children = children.split_whitespace().map(|pid| pid.parse::<u32>().unwrap());
        std::iter::once(self.pid())
            .chain(children)
            .flat_map(crowd::threads)
            .collect()
    }

    /// The CPUs of each, as texts.
    pub fn cpus(&self) -> Vec<String> {
        let of = |id: u32| given(pid(id)).unwrap().to_string();
        self.threads().into_iter().map(of).collect()
    }

    pub fn states(&self) -> String {
        let state = |id: u32| char::from(fs::proc_stat(Path::new("/proc"), id).unwrap().state);
        self.threads().into_iter().map(state).collect()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(pid(self.pid()), signal).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid())).unwrap_or_default();
        for child in children.split_whitespace() {
            let _ = kill_process(pid(child.parse().unwrap()), Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn pid(id: u32) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
}

/// A process that is there, as targets have it.
pub fn process(id: u32) -> Process {
    Process {
        pid: id,
        start_time: stat(id).start_time,
    }
}

/// What the kernel says of a process.
pub fn stat(id: u32) -> ProcStat {
    fs::proc_stat(Path::new("/proc"), id).unwrap()
}
