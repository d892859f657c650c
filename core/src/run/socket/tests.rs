//! Clients of all kinds at a socket whose nodes are played by the test.

use super::ask::{AskError, Running, running};
use super::client::MOST_REQUEST;
use super::serve::MOST_CLIENTS;
use super::*;
use crate::run::clock::Clock;
use crate::run::link::{Mail, MailReceiver, mailbox};
use crate::run::telemetry::Meter;
use pipeline_plugin_api::abi::Stage;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// A run with one node, `slow`, whose mail the test has.
struct Scene {
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
    socket: Socket,
    mail: MailReceiver,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shared = Arc::new(crate::run::tests::shared_in(folder.path(), Clock::real()));
        let (sender, mail) = mailbox(Bell::new().unwrap());
        shared.desk.enroll("slow", sender);
        let meter = Meter::new("slow", "detect.baseline", Stage::TRANSFORM, "control");
        shared.telemetry.enroll(Arc::new(meter));
        let socket = Socket::open(folder.path(), &shared, "graph.ron").unwrap();
        Self {
            folder,
            shared,
            socket,
            mail,
        }
    }

    fn run(&self) -> Running {
        let mut all = running(self.folder.path()).unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn client(&self) -> UnixStream {
        UnixStream::connect(self.socket.path()).unwrap()
    }

    /// Asks what needs a node, while the test answers in its name.
    fn asking<T: Send>(&self, ask: impl FnOnce(Running) -> T + Send, answer: impl FnOnce(Mail)) -> T {
        let run = self.run();
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| ask(run));
            answer(self.mail.recv_timeout(std::time::Duration::from_secs(10)).unwrap());
            asked.join().unwrap()
        })
    }

    /// What somebody is told who sends these bytes.
    fn told(&self, bytes: &[u8]) -> String {
        let mut client = self.client();
        client.write_all(bytes).unwrap();
        told(client)
    }
}

/// All that a client is told until it loses its connection.
fn told(mut client: UnixStream) -> String {
    let mut bytes = Vec::new();
    // What was not read of its own words ends in a reset, behind the reply.
    let _ = client.read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_setting_reaches_its_node_and_the_answer_comes_back() {
    let scene = Scene::new();
    let set = scene.asking(
        |run| run.control("slow", "learn", "\"2h\""),
        |mail| {
            let Mail::Control { name, value, answer } = mail else {
                panic!("{mail:?}")
            };
            assert_eq!((&*name, &*value), ("learn", "\"2h\""));
            answer.send(Ok(value)).unwrap();
        },
    );
    assert_eq!(set.unwrap(), "\"2h\"");
}

#[test]
fn what_a_node_refuses_is_told_in_its_own_words() {
    let scene = Scene::new();
    let refused = scene.asking(
        |run| run.control("slow", "lern", "1"),
        |mail| {
            let Mail::Control { answer, .. } = mail else {
                panic!("{mail:?}")
            };
            answer.send(Err("there is no setting `lern`".to_owned())).unwrap();
        },
    );
    assert_eq!(refused.unwrap_err().to_string(), "there is no setting `lern`");
}

#[test]
fn a_node_that_is_not_there_is_refused_with_the_nearest_name() {
    let scene = Scene::new();
    let why = scene.run().control("slwo", "learn", "1").unwrap_err().to_string();
    assert_eq!(why, "there is no node `slwo`; did you mean `slow`?");
}

#[test]
fn a_node_that_does_not_answer_is_busy_and_one_that_throws_its_mail_away_ended() {
    let scene = Scene::new();
    let why = scene.run().control("slow", "learn", "1").unwrap_err().to_string();
    assert!(why.starts_with("`slow` is busy: no answer within 2s"), "{why}");
    drop(scene.mail.recv().unwrap());
    let why = scene.asking(|run| run.control("slow", "learn", "1"), drop);
    assert!(why.unwrap_err().to_string().starts_with("`slow` ended before"));
}

#[test]
fn the_status_has_the_figures_and_what_each_node_says() {
    let scene = Scene::new();
    let status = scene.asking(
        |run| run.status(),
        |mail| {
            let Mail::Status { answer } = mail else {
                panic!("{mail:?}")
            };
            answer.send("learning".to_owned()).unwrap();
        },
    );
    let status = status.unwrap();
    assert_eq!(
        (&*status.run, &*status.graph, status.pid),
        (&*scene.shared.run_id, "graph.ron", std::process::id())
    );
    let node = &status.nodes[0];
    assert_eq!((&*node.node, &*node.state), ("slow", "runs"));
    assert_eq!(
        (node.status.as_deref(), node.silent.as_deref()),
        (Some("learning"), None)
    );
}

#[test]
fn a_status_does_not_wait_for_ever_for_a_node() {
    let scene = Scene::new();
    let status = scene.run().status().unwrap();
    assert_eq!(status.nodes[0].silent.as_deref(), Some("busy: no answer within 2s"));
}

#[test]
fn a_run_that_is_being_stopped_sets_nothing_and_asks_nobody() {
    let scene = Scene::new();
    scene.shared.stop();
    let why = scene.run().control("slow", "learn", "1").unwrap_err().to_string();
    assert!(why.contains("being stopped"), "{why}");
    assert!(scene.run().status().unwrap().stopping);
    assert!(scene.mail.is_empty());
}

#[test]
fn nonsense_is_refused_with_a_sentence() {
    let scene = Scene::new();
    for bytes in [
        &b"\n"[..],
        b"\xff\x00\xfe\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"{\"request\":\"reboot\"}\n",
    ] {
        let told = scene.told(bytes);
        assert!(told.starts_with("{\"error\":\"this is no request ("), "{told}");
    }
}

#[test]
fn a_request_that_is_too_long_is_refused_and_one_at_the_bound_is_read() {
    let scene = Scene::new();
    let told = scene.told(&vec![b'x'; 100_000]);
    assert_eq!(
        told,
        format!("{{\"error\":\"the request is longer than {MOST_REQUEST} bytes\"}}\n")
    );
    let mut line = vec![b' '; MOST_REQUEST];
    line.push(b'\n');
    let told = scene.told(&line);
    assert!(told.contains("this is no request"), "{told}");
}

#[test]
fn a_request_that_comes_in_pieces_is_one_request() {
    let scene = Scene::new();
    let mut client = scene.client();
    for piece in [
        &b"{\"request\":\"contr"[..],
        b"ol\",\"node\":\"no\",\"name\":\"a\",",
        b"\"value\":\"1\"}",
    ] {
        client.write_all(piece).unwrap();
        client.flush().unwrap();
        std::thread::yield_now();
    }
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let told = told(client);
    assert!(told.contains("there is no node `no`"), "{told}");
}

#[test]
fn clients_that_say_nothing_hold_up_nobody_and_lose_their_place() {
    let scene = Scene::new();
    let mut silent: Vec<UnixStream> = (1..MOST_CLIENTS).map(|_| scene.client()).collect();
    let why = scene.run().control("no", "learn", "1").unwrap_err();
    assert!(matches!(why, AskError::Refused(_)), "{why}");
    silent.push(scene.client());
    let why = scene.run().control("no", "learn", "1").unwrap_err().to_string();
    assert_eq!(why, "8 others are being answered; try again");
    for client in silent {
        assert_eq!(told(client), "{\"error\":\"no request within 5s\"}\n");
    }
    let why = scene.run().control("no", "learn", "1").unwrap_err().to_string();
    assert!(why.contains("there is no node"), "{why}");
}

#[test]
fn who_leaves_while_its_node_is_asked_leaves_its_place() {
    let scene = Scene::new();
    for _ in 0..MOST_CLIENTS + 1 {
        let mut client = scene.client();
        client
            .write_all(b"{\"request\":\"control\",\"node\":\"slow\",\"name\":\"a\",\"value\":\"1\"}\n")
            .unwrap();
        // Until it is asked for, the client may not be there yet.
        drop(scene.mail.recv().unwrap());
    }
    let why = scene.run().control("no", "learn", "1").unwrap_err().to_string();
    assert!(why.contains("there is no node"), "{why}");
}

#[test]
fn the_end_removes_the_socket_however_many_are_connected() {
    let Scene { folder, socket, .. } = {
        let scene = Scene::new();
        let _silent = scene.client();
        scene
    };
    let client = UnixStream::connect(socket.path()).unwrap();
    drop(socket);
    assert_eq!(running(folder.path()).unwrap(), []);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(told(client), "");
}
