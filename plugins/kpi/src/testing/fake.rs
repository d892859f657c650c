//! A server that behaves as a test tells it: answers, stalls, refuses, hangs up.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A fake server; ends when dropped.
pub struct FakeServer {
    /// Where it listens.
    pub port: u16,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    /// Held by a test while the server is to stall.
    gate: Mutex<()>,
    refuse: AtomicBool,
    ended: AtomicBool,
    answered: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
}

impl FakeServer {
    /// A server that answers every command at once.
    pub fn start() -> Self {
        Self::start_on(0)
    }

    /// The same on a port.
    pub fn start_on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming().map(Result::unwrap) {
                if shared.ended.load(Ordering::Acquire) {
                    return;
                }
                stream.set_nodelay(true).unwrap();
                shared.streams.lock().unwrap().push(stream.try_clone().unwrap());
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(&shared, stream));
            }
        });
        Self {
            port,
            state,
            acceptor: Some(acceptor),
        }
    }

    /// Answers nothing while `body` runs.
    pub fn stalled<T>(&self, body: impl FnOnce() -> T) -> T {
        let _gate = self.state.gate.lock().unwrap();
        body()
    }

    /// Answers with errors from now on, or no longer.
    pub fn refuse(&self, refuse: bool) {
        self.state.refuse.store(refuse, Ordering::Release);
    }

    /// How many commands were answered.
    pub fn answered(&self) -> u64 {
        self.state.answered.load(Ordering::Acquire)
    }

    /// Ends all connections; new ones are taken.
    pub fn hang_up(&self) {
        for stream in self.state.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Release);
        self.hang_up();
        // The acceptor looks whether it is to end when somebody comes.
        let _ = TcpStream::connect_timeout(&([127, 0, 0, 1], self.port).into(), Duration::from_secs(1));
        let _ = self.acceptor.take().map(JoinHandle::join);
        self.hang_up();
    }
}

/// Every command begins with `*`, which no key or value of the load contains.
fn serve(state: &State, mut stream: TcpStream) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        let commands = bytes[..count].iter().filter(|byte| **byte == b'*').count();
        drop(state.gate.lock().unwrap());
        let refuse = state.refuse.load(Ordering::Acquire);
        let answer = if refuse { "-ERR not now\r\n" } else { "+OK\r\n" };
        if stream.write_all(answer.repeat(commands).as_bytes()).is_err() {
            return;
        }
        state.answered.fetch_add(commands as u64, Ordering::AcqRel);
    }
}
