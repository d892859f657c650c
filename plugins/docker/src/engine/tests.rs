//! The conversation with a fake engine: as engines speak, in nonsense, slowly, and cut off.

use super::*;
use crate::testing::{Container, FakeEngine, id, response, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The node's end of a conversation.
struct Talk {
    engine: Engine,
    wakes: Arc<AtomicUsize>,
}

impl Talk {
    fn with(fake: &FakeEngine) -> Self {
        let wakes = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&wakes);
        let wake = move || {
            count.fetch_add(1, Ordering::AcqRel);
        };
        let engine = Engine::start(&fake.socket(), wake).unwrap();
        Self { engine, wakes }
    }

    fn connected(fake: &FakeEngine) -> Self {
        let mut talk = Self::with(fake);
        assert!(matches!(talk.ask(Ask::Connect(0)), Told::Here(_)));
        until("follow events", || fake.followers() == 1);
        talk
    }

    fn ask(&mut self, ask: Ask) -> Told {
        assert!(self.engine.ask(ask));
        self.next()
    }

    fn next(&mut self) -> Told {
        let mut told = None;
        until("say anything", || {
            told = self.engine.next().unwrap();
            told.is_some()
        });
        told.unwrap()
    }

    /// Ends the conversation, soon whatever it waits for.
    fn end(mut self) {
        let begun = Instant::now();
        assert!(self.engine.stop());
        assert!(begun.elapsed() < STOP_TIMEOUT);
    }
}

fn web(pid: u32) -> Container {
    Container {
        name: "web".into(),
        image: "redis:7".into(),
        pid,
        ..Container::default()
    }
}

fn seen(told: Told) -> Seen {
    match told {
        Told::One(_, Some(seen)) => seen,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_engine_says_which_it_is_lists_what_runs_and_tells_what_happens() {
    let fake = FakeEngine::start();
    fake.have(&id('a'), web(7));
    let mut talk = Talk::with(&fake);
    let server = Server {
        version: "20.10.24".into(),
        api: "1.41".into(),
    };
    assert_eq!(talk.ask(Ask::Connect(1234)), Told::Here(server));
    until("follow events", || fake.followers() == 1);
    assert_eq!(fake.asked("since=1234"), 1);
    let Told::Running(listed) = talk.ask(Ask::List) else {
        panic!()
    };
    assert_eq!(
        (listed.len(), listed[0].name.as_str(), &listed[0].id),
        (1, "web", &id('a'))
    );
    assert_eq!(seen(talk.ask(Ask::Look(vec![id('a')]))).pid, 7);
    fake.have(&id('a'), Container { paused: true, ..web(7) });
    fake.tell("pause", &id('a'));
    assert!(seen(talk.next()).paused);
    fake.lack(&id('a'));
    fake.tell("exec_start: /bin/health", &id('a'));
    fake.tell("die", &id('a'));
    assert_eq!(talk.next(), Told::One(id('a'), None));
    assert!(talk.wakes.load(Ordering::Acquire) >= 5, "the node is called for each");
    talk.end();
}

#[test]
fn without_an_engine_its_absence_is_told_and_it_is_found_when_asked_again() {
    let mut fake = FakeEngine::start();
    fake.shut_down();
    let mut talk = Talk::with(&fake);
    assert_eq!(talk.ask(Ask::Connect(0)), Told::Away(Trouble::NoSocket));
    // One that has ended leaves its socket behind.
    drop(std::os::unix::net::UnixListener::bind(fake.socket()).unwrap());
    assert_eq!(talk.ask(Ask::Connect(0)), Told::Away(Trouble::NobodyListens));
    std::fs::remove_file(fake.socket()).unwrap();
    fake.listen();
    assert!(matches!(talk.ask(Ask::Connect(0)), Told::Here(_)));
    talk.end();
}

#[test]
fn an_engine_that_hangs_up_is_away() {
    let fake = FakeEngine::start();
    let mut talk = Talk::connected(&fake);
    fake.hang_up();
    assert_eq!(talk.next(), Told::Away(Trouble::Cut));
    talk.end();
}

#[test]
fn an_answer_that_is_cut_off_is_trouble_and_never_half_a_list() {
    let fake = FakeEngine::start();
    for cut in [
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{\"Id\":\"",
        "HTTP/1.1 20",
        "",
    ] {
        fake.recover();
        let mut talk = Talk::with(&fake);
        assert!(matches!(talk.ask(Ask::Connect(0)), Told::Here(_)));
        fake.answer("/containers/json", Some(cut.as_bytes()));
        assert_eq!(talk.ask(Ask::List), Told::Away(Trouble::Cut), "{cut:?}");
    }
}

#[test]
fn nonsense_is_trouble_wherever_it_comes() {
    let fake = FakeEngine::start();
    let lists = [
        response(200, b"[{\"Id\":7}]"),
        response(200, b"<html>\x1b[31m"),
        response(200, b"{}"),
        response(200, &[0xff; 300]),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
    ];
    for list in lists {
        fake.recover();
        let mut talk = Talk::connected(&fake);
        fake.answer("/containers/json", Some(&list));
        let told = talk.ask(Ask::List);
        assert!(matches!(told, Told::Away(Trouble::Nonsense(_))), "{told:?}");
        assert!(!format!("{told:?}").contains("\\u{1b}"), "{told:?}");
        fake.hang_up();
    }
    for event in ["nonsense\n", "{\"Actor\": 7}\n", "[]\n"] {
        fake.recover();
        let mut talk = Talk::connected(&fake);
        fake.say(event.as_bytes());
        assert!(matches!(talk.next(), Told::Away(Trouble::Nonsense(_))), "{event}");
        fake.hang_up();
    }
    for version in ["{}", "{\"ApiVersion\":\"x\"}", "[]", ""] {
        fake.answer("/version", Some(&response(200, version.as_bytes())));
        let told = Talk::with(&fake).ask(Ask::Connect(0));
        assert!(matches!(told, Told::Away(Trouble::Nonsense(_))), "{version}: {told:?}");
    }
}

#[test]
fn events_that_name_no_container_are_passed_over() {
    let fake = FakeEngine::start();
    fake.have(&id('b'), web(7));
    let mut talk = Talk::connected(&fake);
    for odd in ["../../images", "", "A".repeat(64).as_str(), "a b"] {
        fake.tell("start", odd);
    }
    fake.say(b"{}\n{\"Action\":\"start\"}\n");
    fake.tell("start", &id('b'));
    assert_eq!(seen(talk.next()).id, id('b'));
    assert_eq!(fake.asked("images") + fake.asked("AAAA"), 0);
    talk.end();
}

#[test]
fn an_engine_that_refuses_is_away_with_what_it_said() {
    let fake = FakeEngine::start();
    let said = br#"{"message":"client version 1.53 is too new"}"#;
    fake.answer("/version", Some(&response(400, said)));
    let told = Talk::with(&fake).ask(Ask::Connect(0));
    assert_eq!(
        told,
        Told::Away(Trouble::Refused(400, "client version 1.53 is too new".into()))
    );
}

#[test]
fn one_container_that_cannot_be_asked_about_does_not_keep_the_others_from_it() {
    let fake = FakeEngine::start();
    fake.have(&id('b'), web(7));
    let mut talk = Talk::connected(&fake);
    fake.answer(
        &format!("/containers/{}/json", id('a')),
        Some(&response(500, b"{\"message\":\"locked\"}")),
    );
    let refused = Trouble::Refused(500, "locked".into());
    assert_eq!(
        talk.ask(Ask::Look(vec![id('a'), id('b'), id('a')])),
        Told::Unclear(id('a'), refused.clone())
    );
    assert_eq!(seen(talk.next()).id, id('b'));
    assert_eq!(talk.next(), Told::Unclear(id('a'), refused.clone()));
    assert_eq!(seen(talk.ask(Ask::Look(vec![id('b')]))).id, id('b'));
    // Where it answers nothing else either, it is away.
    fake.answer("/version", Some(&response(503, b"{\"message\":\"stopping\"}")));
    assert_eq!(
        talk.ask(Ask::Look(vec![id('a'), id('b')])),
        Told::Unclear(id('a'), refused)
    );
    assert_eq!(talk.next(), Told::Away(Trouble::Refused(503, "stopping".into())));
    talk.end();
}

#[test]
fn a_silent_engine_is_away_in_the_end_and_keeps_nobody_from_ending() {
    let fake = FakeEngine::start();
    fake.answer("/version", None);
    let mut silent = Talk::with(&fake);
    assert!(silent.engine.ask(Ask::Connect(0)));
    until("be asked", || fake.asked("/version") == 1);
    let waits = Talk::with(&fake);
    assert!(waits.engine.ask(Ask::Connect(0)));
    until("be asked", || fake.asked("/version") == 2);
    waits.end();
    assert_eq!(silent.next(), Told::Away(Trouble::Silent));
    silent.end();
}

#[test]
fn what_is_not_taken_waits_in_the_engine_and_an_end_is_not_kept_waiting_by_it() {
    let fake = FakeEngine::start();
    fake.have(&id('a'), web(7));
    let mut talk = Talk::connected(&fake);
    let all = MOST_NEWS + 50;
    for _ in 0..all {
        fake.tell("start", &id('a'));
    }
    until("tell as much as there is room for", || {
        talk.wakes.load(Ordering::Acquire) == MOST_NEWS + 1
    });
    assert!(fake.asked(&id('a')) <= MOST_NEWS + 1, "the rest is not even asked for");
    for _ in 0..all {
        seen(talk.next());
    }
    for _ in 0..all {
        fake.tell("start", &id('a'));
    }
    until("be full again", || {
        talk.wakes.load(Ordering::Acquire) == all + MOST_NEWS + 1
    });
    talk.end();
}

#[test]
fn no_more_is_asked_than_there_is_room_for() {
    let fake = FakeEngine::start();
    fake.answer("/version", None);
    let talk = Talk::with(&fake);
    assert!(talk.engine.ask(Ask::Connect(0)));
    until("be asked", || fake.asked("/version") == 1);
    let taken = (0..MOST_ASKS + 5).filter(|_| talk.engine.ask(Ask::List)).count();
    assert_eq!(taken, MOST_ASKS);
    talk.end();
}
