//! The element against real memcached servers, and against what is none. What the loop does when a server stalls, hangs
//! up or refuses is shown once for all kinds of servers in `redis/tests.rs`.
//!
//! In real time on a machine that others use too: bounds are wide, counts exact.

use super::Memcached;
use crate::protocol::Protocol;
use crate::server::Place;
use crate::testing::node::Users;
use crate::testing::real::{Program, RealServer, free_port};
use pipeline_plugin_api::prelude::*;
use vocabulary::{KPI_ERRORS, KPI_LATENCY_MAX, KPI_OFFERED, KPI_RATE};

type Node = Users<Memcached>;

/// A config for a port, with more fields.
fn config(port: u16, more: &str) -> String {
    format!("(address: \"memcached://127.0.0.1:{port}\", warm_up: \"0s\", {more})")
}

fn server(arguments: &[&str]) -> Option<RealServer> {
    Program::Memcached.start(arguments)
}

#[test]
fn a_real_server_answers_what_is_offered() {
    let Some(server) = server(&[]) else { return };
    let mut node = Node::with_target(&config(server.port, "rate: 2000, keys: 2500"));
    node.answers_what_is_offered();
    assert_eq!(server.keys(), 2500);
    node.stop().unwrap();
    assert_eq!(server.keys(), 0, "the keys are removed");
}

/// The server is stopped for 300 ms. Two requests a millisecond are due meanwhile, and each feels its part.
#[test]
fn a_stop_of_the_server_is_felt_by_every_request_that_was_due_in_it() {
    let Some(server) = server(&[]) else { return };
    let mut node = Node::with_target(&config(server.port, "rate: 2000, keys: 100"));
    node.until_answered();
    node.tick();
    let during = server.stopped(|| node.after(300));
    let after = node.after(300);
    let (offered, answered) = (during.count(&KPI_OFFERED), during.count(&KPI_RATE));
    assert!(
        offered > 500.0 && answered < 100.0,
        "the gap shows: {answered} of {offered}"
    );
    let all = answered + after.count(&KPI_RATE);
    let due = offered + after.count(&KPI_OFFERED);
    assert!((all - due).abs() <= 120.0, "none is lost: {all} of {due}");
    assert!(after.millis(&KPI_LATENCY_MAX) > 280.0);
}

#[test]
fn a_real_server_wants_the_password_and_a_wrong_one_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    std::fs::write(&users, concat!("me:", env!("CARGO_PKG_NAME"), "\n")).unwrap();
    let Some(server) = server(&["-Y", users.to_str().unwrap()]) else {
        return;
    };
    let more = "rate: 200, keys: 10, user: \"me\", password: Env(\"CARGO_PKG_NAME\")";
    let mut node = Node::with_target(&config(server.port, more));
    node.until_answered();
    node.stop().unwrap();
    let more = "rate: 200, keys: 10, user: \"me\", password: Env(\"CARGO_PKG_VERSION\")";
    let mut wrong = Node::with_target(&config(server.port, more));
    wrong.until_status("the server refused `login`: CLIENT_ERROR authentication failure");
    let mut without = Node::with_target(&config(server.port, "rate: 200, keys: 10"));
    without.until_status("the server refused `version`: CLIENT_ERROR unauthenticated");
    assert!(without.after(300).number(&KPI_ERRORS).unwrap() > 30.0);
}

#[test]
fn while_nobody_listens_each_request_is_an_error_and_one_warning_is_given() {
    let port = free_port();
    let mut node = Node::with_target(&config(port, "rate: 1000, keys: 10"));
    let said = node.after(200);
    assert_eq!(said.number(&KPI_ERRORS), Some(said.count(&KPI_OFFERED)));
    assert!(said.count(&KPI_OFFERED) > 150.0);
    let warnings = node.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let wanted = format!("cannot connect to `127.0.0.1:{port}`: Connection refused (os error 111); is the server up?");
    assert!(warnings[0].contains(&wanted), "{warnings:?}");
}

#[test]
fn a_server_that_went_is_told_and_filled_again_when_it_is_back() {
    let Some(server) = server(&[]) else { return };
    let port = server.port;
    let mut node = Node::with_target(&config(port, "rate: 500, keys: 300, sets: 0"));
    node.until_answered();
    drop(server);
    assert!(node.after(100).number(&KPI_ERRORS).unwrap() > 10.0);
    node.until_status("is the server up?");
    let Some(server) = Program::Memcached.start_on(port, &[]) else {
        return;
    };
    node.until_answered();
    assert_eq!(server.keys(), 300);
}

#[test]
fn a_redis_behind_the_address_is_told_as_what_it_is_and_nothing_is_written_there() {
    let Some(server) = Program::Redis.start(&[]) else {
        return;
    };
    let mut node = Node::with_target(&config(server.port, "rate: 200, keys: 10"));
    node.until_status("what came is no answer of a memcached server: `-ERR unknown command");
    assert!(node.after(200).number(&KPI_ERRORS).unwrap() > 20.0);
    assert_eq!(server.keys(), 0);
}

#[test]
fn a_memcached_behind_the_address_is_no_redis() {
    let Some(server) = server(&[]) else { return };
    let text = format!(
        "(address: \"redis://127.0.0.1:{}\", warm_up: \"0s\", rate: 200)",
        server.port
    );
    let mut node = Users::<crate::redis::Redis>::with_target(&text);
    node.until_status("the connection ended: ");
    assert_eq!(node.after(200).number(&KPI_RATE), Some(0.0));
}

#[test]
fn a_value_that_the_server_does_not_take_is_told_in_its_words() {
    let Some(server) = server(&["-I", "1m"]) else { return };
    let node = Node::with_target(&config(server.port, "rate: 10, keys: 2, value: \"2MiB\""));
    let mut node = node;
    node.until_status("the server refused `set`: SERVER_ERROR object too large for cache");
}

#[test]
fn a_socket_in_the_file_system_is_reached_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memcached.sock").display().to_string();
    let Some(_server) = server(&["-s", &path]) else { return };
    let text = format!("(address: \"unix://{path}\", warm_up: \"0s\", rate: 500, keys: 10)");
    Node::with_target(&text).until_answered();
}

#[test]
fn addresses_are_hosts_with_or_without_a_port() {
    let place = |text: &str| Memcached::server(text).map(|server| server.place).ok();
    let tcp = |host: &str, port| Some(Place::Tcp(host.to_owned(), port));
    for (text, wanted) in [
        ("memcached://cache-1.example", tcp("cache-1.example", 11211)),
        ("memcached://cache-1.example:7", tcp("cache-1.example", 7)),
        ("memcached://[::1]", tcp("::1", 11211)),
        ("memcached://[::1]:7", tcp("::1", 7)),
        ("unix:///run/m.sock", Some(Place::Unix("/run/m.sock".into()))),
    ] {
        assert_eq!(place(text), wanted, "{text}");
    }
    for text in [
        "",
        "7",
        "memcached://",
        "memcached://:7",
        "memcached://h:0",
        "memcached://h:70000",
        "memcached://h/1",
        "unix://m.sock",
        "memcached://[::1",
    ] {
        assert_eq!(place(text), None, "{text}");
    }
}
