//! An engine on a unix socket in a folder of its own: it answers `/version`, `/info`, `/containers/json`,
//! `/containers/ID/json` and `/events`, or does what a test tells it instead.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A container of a fake engine.
#[derive(Clone, Debug, Default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its first process.
    pub pid: u32,
    /// Whether it is paused.
    pub paused: bool,
    /// The CPUs that it was given.
    pub cpus: String,
}

/// A fake engine; ends when dropped.
pub struct FakeEngine {
    folder: tempfile::TempDir,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    containers: Mutex<BTreeMap<String, Container>>,
    /// By a part of the path that is asked for: the bytes that are answered, as they are; `None` for silence.
    instead: Mutex<BTreeMap<String, Option<Vec<u8>>>>,
    /// The paths that were asked for.
    asked: Mutex<Vec<String>>,
    /// Who follows events.
    followers: Mutex<Vec<UnixStream>>,
    /// All who are connected.
    streams: Mutex<Vec<UnixStream>>,
    ended: AtomicBool,
}

impl FakeEngine {
    /// An engine without containers.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = Self {
            folder,
            state: Arc::default(),
            acceptor: None,
        };
        engine.listen();
        engine
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// A config with its socket and what else is given.
    pub fn config(&self, more: &str) -> String {
        format!("(socket: \"{}\", {more})", self.socket().display())
    }

    /// Stops to listen, ends all conversations, and leaves its containers as they are.
    pub fn shut_down(&mut self) {
        self.state.ended.store(true, Ordering::Release);
        // The acceptor looks whether it is to end when somebody comes.
        let _ = UnixStream::connect(self.socket());
        let _ = self.acceptor.take().map(JoinHandle::join);
        std::fs::remove_file(self.socket()).unwrap();
        self.hang_up();
    }

    /// Listens (again).
    pub fn listen(&mut self) {
        self.state.ended.store(false, Ordering::Release);
        let listener = UnixListener::bind(self.socket()).unwrap();
        let state = Arc::clone(&self.state);
        self.acceptor = Some(std::thread::spawn(move || {
            for stream in listener.incoming().map(Result::unwrap) {
                if state.ended.load(Ordering::Acquire) {
                    return;
                }
                state.streams.lock().unwrap().push(stream.try_clone().unwrap());
                let state = Arc::clone(&state);
                std::thread::spawn(move || serve(&state, stream));
            }
        }));
    }

    /// Ends all conversations.
    pub fn hang_up(&self) {
        self.state.followers.lock().unwrap().clear();
        for stream in self.state.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Has a container from now on, or another in its place, without telling anybody.
    pub fn have(&self, id: &str, container: Container) {
        self.state.containers.lock().unwrap().insert(id.into(), container);
    }

    /// Has no such container any more, without telling anybody.
    pub fn lack(&self, id: &str) {
        self.state.containers.lock().unwrap().remove(id);
    }

    /// Tells those who follow that something happened to a container.
    pub fn tell(&self, action: &str, id: &str) {
        let event = json!({"Type": "container", "Action": action, "Actor": {"ID": id, "Attributes": {}}, "time": 1});
        self.say(format!("{event}\n").as_bytes());
    }

    /// Says those bytes to those who follow.
    pub fn say(&self, bytes: &[u8]) {
        for follower in self.state.followers.lock().unwrap().iter_mut() {
            let _ = follower.write_all(&chunk(bytes));
        }
    }

    /// Answers paths that contain `part` with those bytes from now on, and with silence for `None`.
    pub fn answer(&self, part: &str, bytes: Option<&[u8]>) {
        self.state
            .instead
            .lock()
            .unwrap()
            .insert(part.into(), bytes.map(<[u8]>::to_vec));
    }

    /// Answers as engines do from now on.
    pub fn recover(&self) {
        self.state.instead.lock().unwrap().clear();
    }

    /// How many paths that contain `part` were asked for.
    pub fn asked(&self, part: &str) -> usize {
        self.state
            .asked
            .lock()
            .unwrap()
            .iter()
            .filter(|path| path.contains(part))
            .count()
    }

    /// How many follow its events.
    pub fn followers(&self) -> usize {
        self.state.followers.lock().unwrap().len()
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        if self.acceptor.is_some() {
            self.shut_down();
        }
    }
}

/// One question after the other.
fn serve(state: &State, mut stream: UnixStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while let Some(Ok(first)) = lines.next() {
        // The head ends with an empty line, and there is no body.
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        state.asked.lock().unwrap().push(path.clone());
        let instead = state.instead.lock().unwrap();
        let instead = instead
            .iter()
            .find(|(part, _)| path.contains(*part))
            .map(|(_, bytes)| bytes.clone());
        let written = match instead {
            Some(None) => continue,
            Some(Some(bytes)) => stream.write_all(&bytes).and_then(|()| stream.shutdown(Shutdown::Both)),
            None if path.contains("/events") => follow(state, &stream),
            None => stream.write_all(&answer(state, &path)),
        };
        if written.is_err() {
            return;
        }
    }
}

fn follow(state: &State, mut stream: &UnixStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    state.followers.lock().unwrap().push(stream.try_clone()?);
    Ok(())
}

fn answer(state: &State, path: &str) -> Vec<u8> {
    let containers = state.containers.lock().unwrap();
    let place = path.split('?').next().unwrap_or_default();
    let (status, body) = if place.ends_with("/version") {
        (
            200,
            json!({"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}),
        )
    } else if place.ends_with("/info") {
        (200, json!({"CgroupDriver": "cgroupfs", "CgroupVersion": "1"}))
    } else if place.ends_with("/containers/json") {
        (200, containers.iter().map(|(id, one)| listed(id, one)).collect())
    } else {
        let id = place.trim_end_matches("/json").rsplit('/').next().unwrap_or_default();
        match containers.get(id) {
            Some(one) => (200, inspected(id, one)),
            None => (404, json!({"message": format!("No such container: {id}")})),
        }
    };
    response(status, body.to_string().as_bytes())
}

/// A whole answer with that body.
pub fn response(status: u16, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn listed(id: &str, one: &Container) -> Value {
    let state = if one.paused { "paused" } else { "running" };
    json!({"Id": id, "Names": [format!("/{}", one.name)], "Image": one.image, "Labels": one.labels, "State": state})
}

fn inspected(id: &str, one: &Container) -> Value {
    json!({
        "Id": id,
        "Name": format!("/{}", one.name),
        "State": {"Running": true, "Paused": one.paused, "Pid": one.pid},
        "Config": {"Image": one.image, "Labels": one.labels},
        "HostConfig": {"CpusetCpus": one.cpus},
    })
}
