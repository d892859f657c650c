//! Real servers, each on a port of its own and ended when dropped.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// Which program is started.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// `redis-server`, which keeps nothing on disk.
    Redis,
    /// `memcached` with one thread.
    Memcached,
}

/// A real server.
pub struct RealServer {
    program: Program,
    child: Child,
    /// Where it listens.
    pub port: u16,
}

impl Program {
    /// Starts one; `None` where there is none to start, which is told.
    pub fn start(self, arguments: &[&str]) -> Option<RealServer> {
        self.start_on(free_port(), arguments)
    }

    /// Starts one on that port.
    pub fn start_on(self, port: u16, arguments: &[&str]) -> Option<RealServer> {
        let (name, word, own) = match self {
            Self::Redis => (
                "redis-server",
                "redis",
                "--save \"\" --appendonly no --bind 127.0.0.1 --port",
            ),
            // As root it wants to be told that it is to be root; others need not.
            Self::Memcached => ("memcached", "memcached", "-u root -t 1 -U 0 -l 127.0.0.1 -p"),
        };
        let own = own
            .split(' ')
            .map(|argument| if argument == "\"\"" { "" } else { argument });
        let mut command = Command::new(name);
        command.args(own).arg(port.to_string()).args(arguments);
        match command.stdout(Stdio::null()).spawn() {
            Ok(child) => Some(RealServer {
                program: self,
                child,
                port,
            }),
            Err(error) => {
                let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
                let required = required.split(',').any(|required| required.trim() == word);
                assert!(!required, "{name} is required: {error}");
                println!("SKIP: {name} cannot be started: {error}");
                None
            }
        }
    }
}

impl RealServer {
    /// How many keys it holds.
    pub fn keys(&self) -> u64 {
        let (question, before) = match self.program {
            Program::Redis => ("DBSIZE\r\n", ":"),
            Program::Memcached => ("stats\r\n", "STAT curr_items "),
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(question.as_bytes()).unwrap();
        let lines = BufReader::new(stream).lines().map(Result::unwrap);
        let found = lines
            .into_iter()
            .find_map(|line| line.strip_prefix(before)?.parse().ok());
        found.unwrap()
    }

    /// Holds it while `body` runs.
    pub fn stopped<T>(&self, body: impl FnOnce() -> T) -> T {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::STOP).unwrap();
        let value = body();
        kill_process(pid, Signal::CONT).unwrap();
        value
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
